//! Parcels: what is sealed arrives, and everything else is refused by name before a byte of it is
//! used.

use std::fs;
use std::io::{ErrorKind, Write};
use std::path::Path;

use cstatns_base::coded::Coded as _;
use cstatns_base::files::faults::{count, fail_at, stop_after, tear_write_at, without_unnamed};
use cstatns_base::name::{Hex, Name};
use cstatns_keys::receiving::Recipient;
use cstatns_parcel::age::{Identity, Reader, Writer};
use cstatns_parcel::error::ParcelFault;
use cstatns_parcel::file::{ParcelError, make, open_into};
use cstatns_parcel::head::{End, Extension, Head, Sender};
use cstatns_parcel::jiff::{SignedDuration, Timestamp};
use cstatns_parcel::make::Making;
use cstatns_parcel::open::{OpenError, Opened, Opener, claimed, open};
use cstatns_parcel::party::{Party, PartyError};
use tempfile::TempDir;

struct World {
    folder: TempDir,
    sender: Party,
    receiver: Party,
}

impl World {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let party = |name: &str| {
            let place = folder.path().join(name);
            Party::create(&place, Name::new(name).unwrap(), None).unwrap();
            Party::open(&place, None).unwrap()
        };
        let (sender, receiver) = (party("sender"), party("receiver"));
        Self { folder, sender, receiver }
    }

    fn head(&self) -> Head {
        let (from, to) = (End::of(self.sender.card()), End::of(self.receiver.card()));
        Head::new(from, to, Extension::new("csv").unwrap(), now())
    }

    fn recipient(&self) -> Recipient {
        Recipient::new(&self.receiver.card().body.receiving).unwrap()
    }

    /// A parcel with this file in it.
    fn parcel(&self, head: Head, file: &[u8]) -> Vec<u8> {
        let mut making = Making::begin(head, &self.recipient(), Vec::new()).unwrap();
        making.write_all(file).unwrap();
        making.finish(b"{}\n", self.sender.sender(), &self.sender.signing()).unwrap()
    }

    fn open_at(&self, parcel: &[u8], now: Timestamp) -> Result<(Opened, Vec<u8>), OpenError> {
        let mut file = Vec::new();
        let opener = Opener {
            identity: Identity::Hybrid(self.receiver.receiving()),
            receiver: Some(self.receiver.card().fingerprint()),
            now,
            knows: &|sender| *sender == self.sender.sender(),
        };
        open(parcel, &opener, &mut file).map(|opened| (opened, file))
    }

    /// The code of the refusal.
    fn refused(&self, parcel: &[u8]) -> &'static str {
        match self.open_at(parcel, now()) {
            Err(OpenError::Parcel(fault)) => fault.code(),
            Err(OpenError::Write(error)) => panic!("{error}"),
            Ok(_) => "opened",
        }
    }

    /// The archive in a parcel, by member: its header, its bytes with their padding.
    fn members(&self, parcel: &[u8]) -> Vec<Vec<u8>> {
        let mut reader = Reader::new(parcel, &Identity::Hybrid(self.receiver.receiving())).unwrap();
        let mut text = Vec::new();
        loop {
            let given = reader.fill().unwrap();
            if given.is_empty() {
                break;
            }
            text.extend_from_slice(given);
            let length = given.len();
            reader.consume(length);
        }
        let mut members = Vec::new();
        while text.len() > 1024 {
            let length = std::str::from_utf8(&text[124..135]).unwrap();
            let length = usize::from_str_radix(length, 8).unwrap();
            let rest = text.split_off(512 + length.next_multiple_of(512));
            members.push(std::mem::replace(&mut text, rest));
        }
        assert_eq!(text, [0; 1024]);
        members
    }

    /// An age file with these members.
    fn archive(&self, members: &[Vec<u8>]) -> Vec<u8> {
        let mut writer = Writer::new(&self.recipient(), Vec::new()).unwrap();
        for member in members {
            writer.write_all(member).unwrap();
        }
        writer.write_all(&[0; 1024]).unwrap();
        writer.finish().unwrap()
    }
}

fn now() -> Timestamp {
    "2030-01-02T03:04:05Z".parse().unwrap()
}

fn text(length: usize) -> Vec<u8> {
    (0..length).map(|at| (at % 251) as u8).collect()
}

#[test]
fn a_file_of_any_length_arrives() {
    let world = World::new();
    for length in [0, 1, 511, 512, 1 << 20, (1 << 20) + 1, 3 << 20] {
        let (head, file) = (world.head(), text(length));
        let parcel = world.parcel(head.clone(), &file);
        let (opened, arrived) =
            world.open_at(&parcel, now()).unwrap_or_else(|_| panic!("{length}"));
        assert!(arrived == file, "{length}");
        assert_eq!((opened.head, opened.bytes), (head.clone(), length as u64));
        assert_eq!((&**opened.about, opened.sender), (&b"{}\n"[..], world.sender.sender()));
        let identity = Identity::Hybrid(world.receiver.receiving());
        assert_eq!(claimed(&parcel[..], &identity).unwrap(), head);
        let parts = length.div_ceil(1 << 20).max(1);
        assert_eq!(world.members(&parcel).len(), 3 + parts);
    }
}

#[test]
fn it_is_for_one_receiver_and_until_one_day() {
    let world = World::new();
    let head = world.head();
    let parcel = world.parcel(head.clone(), b"text");
    let code = |at| match world.open_at(&parcel, at) {
        Err(OpenError::Parcel(fault)) => fault.code(),
        Err(OpenError::Write(_)) => "write",
        Ok(_) => "opened",
    };
    assert_eq!(code(head.expires - SignedDuration::from_secs(1)), "opened");
    assert_eq!(code(head.expires), "parcel-expired");
    assert_eq!(code(head.made - SignedDuration::from_hours(25)), "parcel-not-yet");
    // Somebody who may read it sends it on to another one.
    let other = World::new();
    assert_eq!(other.refused(&parcel), "parcel-receiver");
    let passed_on = other.archive(&world.members(&parcel));
    assert_eq!(other.refused(&passed_on), "parcel-receiver");
}

#[test]
fn only_its_sender_seals_it_and_only_known_ones_are_heard() {
    let world = World::new();
    let thief = World::new();
    let parcel = world.parcel(world.head(), b"text");
    assert_eq!(world.refused(&parcel), "opened");
    // Signed with another key than the card's.
    let seal = |sender: Sender, key: &Party| {
        let mut making = Making::begin(world.head(), &world.recipient(), Vec::new()).unwrap();
        making.write_all(b"text").unwrap();
        making.finish(b"{}\n", sender, &key.signing()).unwrap()
    };
    assert_eq!(world.refused(&seal(world.sender.sender(), &world.sender)), "opened");
    assert_eq!(world.refused(&seal(world.sender.sender(), &thief.sender)), "parcel-signature");
    // The thief's own card, and the sender's name in the head.
    assert_eq!(world.refused(&seal(thief.sender.sender(), &thief.sender)), "parcel-signature");
    // The thief as themselves.
    let mut head = world.head();
    head.sender = End::of(thief.sender.card());
    let mut making = Making::begin(head, &world.recipient(), Vec::new()).unwrap();
    making.write_all(b"text").unwrap();
    let own = making.finish(b"{}\n", thief.sender.sender(), &thief.sender.signing()).unwrap();
    assert_eq!(world.refused(&own), "parcel-sender");
    // The seal of one parcel on another one.
    let (one, mut two) =
        (world.members(&parcel), world.members(&world.parcel(world.head(), b"other")));
    *two.last_mut().unwrap() = one.last().unwrap().clone();
    assert_eq!(world.refused(&world.archive(&two)), "parcel-signature");
    // Without a seal.
    assert_eq!(world.refused(&world.archive(&one[..one.len() - 1])), "parcel-members");
}

#[test]
fn each_member_stands_in_its_place_once() {
    let world = World::new();
    let whole = world.members(&world.parcel(world.head(), &text((2 << 20) + 5)));
    assert_eq!(world.refused(&world.archive(&whole)), "opened");
    let [head, one, two, three, about, seal] = &whole[..] else { panic!("six members") };
    let orders: [&[&Vec<u8>]; 10] = [
        &[one, two, three, about, seal],
        &[head, head, one, two, three, about, seal],
        &[head, two, three, about, seal],
        &[head, one, one, two, three, about, seal],
        &[head, two, one, three, about, seal],
        &[head, one, two, about, seal],
        &[head, one, two, three, seal],
        &[head, one, two, three, about, about, seal],
        &[head, one, two, three, seal, about],
        &[head, one, two, three, about, seal, seal],
    ];
    for (at, order) in orders.into_iter().enumerate() {
        let members: Vec<Vec<u8>> = order.iter().map(|member| (*member).clone()).collect();
        let code = world.refused(&world.archive(&members));
        let expected = match at {
            0 => "parcel-form",
            // The archive is in order, and another one was sealed.
            5 => "parcel-signature",
            _ => "parcel-members",
        };
        assert_eq!(code, expected, "order {at}");
    }
    // Another name, mode, owner, time, or length of a part; a link; padding that is not zero.
    for (at, byte) in [(8, b'2'), (104, b'7'), (111, b'1'), (140, b'1'), (156, b'2'), (134, b'1')] {
        let mut members = whole.clone();
        members[1][at] = byte;
        assert_eq!(world.refused(&world.archive(&members)), "parcel-members", "byte {at}");
    }
    let mut members = whole.clone();
    *members[3].last_mut().unwrap() = 1;
    assert_eq!(world.refused(&world.archive(&members)), "parcel-members");
    // A byte of the file, of what is said about it, of the head.
    for (member, at) in [(2, 700), (4, 513), (0, 520)] {
        let mut members = whole.clone();
        members[member][at] ^= 1;
        let code = world.refused(&world.archive(&members));
        let expected = if member == 0 { "parcel-form" } else { "parcel-signature" };
        assert_eq!(code, expected, "member {member}");
    }
}

#[test]
fn nothing_follows_its_end() {
    let world = World::new();
    let mut members = world.members(&world.parcel(world.head(), b"text"));
    members.push(vec![0; 512]);
    assert_eq!(world.refused(&world.archive(&members)), "parcel-members");
    // A part that could have been longer is the last one.
    let longer = world.members(&world.parcel(world.head(), &text((1 << 20) + 5)));
    let short = world.members(&world.parcel(world.head(), b"text"));
    let order = [&longer[0], &short[1], &longer[2], &longer[3], &longer[4]];
    let order: Vec<Vec<u8>> = order.into_iter().cloned().collect();
    assert_eq!(world.refused(&world.archive(&order)), "parcel-members");
}

#[test]
fn a_damaged_file_is_refused_wherever_it_is_damaged() {
    let world = World::new();
    let parcel = world.parcel(world.head(), &text(200_000));
    for at in (0..parcel.len()).step_by(611).chain(parcel.len() - 20..parcel.len()) {
        let mut altered = parcel.clone();
        altered[at] ^= 4;
        let code = world.refused(&altered);
        let known = ["parcel-form", "parcel-receiver", "parcel-altered", "parcel-cut"];
        assert!(known.contains(&code), "byte {at}: {code}");
        let code = world.refused(&parcel[..at]);
        assert!(["parcel-form", "parcel-cut"].contains(&code), "cut at {at}: {code}");
    }
}

#[test]
fn an_age_file_of_something_else_is_no_parcel() {
    let world = World::new();
    let mut writer = Writer::new(&world.recipient(), Vec::new()).unwrap();
    writer.write_all(&text(5000)).unwrap();
    assert_eq!(world.refused(&writer.finish().unwrap()), "parcel-form");
    assert_eq!(world.refused(b"not even that"), "parcel-form");
}

#[test]
fn a_party_opens_with_its_passphrase_and_remembers_parcels_as_long_as_they_open() {
    let world = World::new();
    let place = world.folder.path().join("protected");
    let card = Party::create(&place, Name::new("protected").unwrap(), Some(b"six little words"));
    let card = card.unwrap();
    assert!(card.body.protected && card.is_sound());
    let code = |passphrase| Party::open(&place, passphrase).err().map(|error| error.code());
    assert_eq!(code(None), Some("passphrase-needed"));
    assert_eq!(code(Some(b"another one")), Some("passphrase-wrong"));
    let party = Party::open(&place, Some(b"six little words")).unwrap();
    assert_eq!(*party.card(), card);
    assert_eq!(party.receiving().public(), card.body.receiving);

    let (one, two) = (world.head(), world.head());
    assert_eq!(party.check_new(&one).unwrap(), Ok(()));
    party.remember(&one, now()).unwrap();
    let again = Err(ParcelFault::Again { parcel: one.parcel });
    assert_eq!(party.check_new(&one).unwrap(), again);
    assert_eq!(party.check_new(&two).unwrap(), Ok(()));
    party.remember(&two, now()).unwrap();
    assert_eq!(party.check_new(&one).unwrap(), again);
    // What can no longer be opened need not be remembered.
    let mut three = world.head();
    three.expires = one.expires + SignedDuration::from_hours(1);
    party.remember(&three, one.expires).unwrap();
    assert_eq!(party.check_new(&one).unwrap(), Ok(()));
    assert!(party.check_new(&three).unwrap().is_err());
    let error = Party::create(&place, Name::new("protected").unwrap(), Some(b""));
    assert!(matches!(error, Err(PartyError::EmptyPassphrase { .. })));
}

#[test]
fn a_head_has_what_its_kind_must_have() {
    let world = World::new();
    let mut heads = vec![world.head(); 4];
    heads[0].key = Some(Hex([1; 16]));
    heads[1].domain = Some(Name::new("wages").unwrap());
    heads[2].expires = heads[2].made;
    heads[3].format = 1;
    for head in heads {
        let mut members = world.members(&world.parcel(world.head(), b"text"));
        let json = serde_json::to_vec(&head).unwrap();
        let mut member = members[0][..512].to_vec();
        member[124..135].copy_from_slice(format!("{:011o}", json.len()).as_bytes());
        member[148..156].fill(b' ');
        let sum: u32 = member.iter().map(|byte| u32::from(*byte)).sum();
        member[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        member.extend_from_slice(&json);
        member.resize(512 + json.len().next_multiple_of(512), 0);
        members[0] = member;
        assert_eq!(world.refused(&world.archive(&members)), "parcel-form");
    }
    for bad in ["", "CSV", "a b", ".csv", "csv.", "a..b", "../x", "abcdefghijklmnopq"] {
        assert!(Extension::new(bad).is_none(), "{bad}");
    }
}

/// Where each file has a name, a parcel is read twice: another one in its place is not taken.
#[test]
fn a_parcel_that_is_replaced_while_it_is_read_is_refused() {
    let world = World::new();
    let [one, other] = [b"one", b"two"].map(|file| world.parcel(world.head(), file));
    let (path, out) = (world.folder.path().join("data.csv.age"), world.folder.path().join("out"));
    fs::write(&path, one).unwrap();
    let knows = |_: &Sender| {
        fs::write(&path, &other).unwrap();
        true
    };
    let opened = without_unnamed(world.folder.path(), || {
        open_into(&path, &world.receiver, &out, now(), &knows)
    });
    assert_eq!(opened.err().unwrap().code(), "parcel-form");
    assert!(!out.exists(), "nothing of either is left");
}

/// The names in a directory.
fn names(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).unwrap();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

type Act<'a> = &'a dyn Fn() -> Result<(), ParcelError>;

/// How a command is disturbed, and at which step.
#[derive(Clone, Copy, Debug)]
enum Fault {
    Stop(usize),
    /// The disk is full for this step alone.
    Fail(usize),
    /// A write leaves a part; then the command is stopped.
    Tear(usize),
}

impl Fault {
    fn all(steps: usize) -> impl Iterator<Item = Self> {
        let ways = [Self::Stop, Self::Fail, Self::Tear];
        ways.into_iter().flat_map(move |way| (0..=steps).map(way))
    }

    /// Each alone, and with one in eleven of the others after it.
    fn one_or_two(steps: usize) -> impl Iterator<Item = Vec<Self>> {
        Self::all(steps).enumerate().flat_map(move |(number, first)| {
            let second = Self::all(steps).skip(number % 11).step_by(11);
            std::iter::once(vec![first]).chain(second.map(move |second| vec![first, second]))
        })
    }

    fn during(self, place: &Path, act: Act<'_>) {
        drop(match self {
            Self::Stop(step) => stop_after(place, step, act),
            Self::Fail(step) => fail_at(place, step, ErrorKind::StorageFull, act),
            Self::Tear(step) => tear_write_at(place, step, 20, act),
        });
    }
}

/// Made and opened, disturbed once or twice at any durable step: the same command may be repeated,
/// the file is whole, and nothing else is left.
#[test]
fn disturbed_at_any_step_it_may_be_repeated() {
    let world = World::new();
    let place = world.folder.path();
    let (data, parcel, out) =
        (place.join("data.csv"), place.join("data.csv.age"), place.join("out"));
    fs::write(&data, "index,amount\n1,20\n").unwrap();
    fs::write(place.join("data.csv.report.json"), "{\"rows\":1}\n").unwrap();
    let made = || make(&data, &world.sender, world.receiver.card(), &parcel, now()).map(drop);
    let known = |sender: &Sender| *sender == world.sender.sender();
    let opened = || open_into(&parcel, &world.receiver, &out, now(), &known).map(drop);
    let begun = names(place);
    let repeated = |faults: &[Fault], act: Act<'_>| {
        faults.iter().for_each(|fault| fault.during(place, act));
        // It was done before the stop.
        let is_done = |code| ["output-exists", "parcel-replayed"].contains(&code);
        act().unwrap_or_else(|error| assert!(is_done(error.code()), "{faults:?}: {error}"));
    };
    let steps = count(place, || made().unwrap());
    fs::remove_file(&parcel).unwrap();
    for faults in Fault::one_or_two(steps) {
        repeated(&faults, &made);
        let bytes = fs::read(&parcel).unwrap();
        assert_eq!(world.open_at(&bytes, now()).unwrap().1, fs::read(&data).unwrap());
        fs::remove_file(&parcel).unwrap();
        assert_eq!(names(place), begun, "{faults:?}");
    }
    made().unwrap();
    let steps = count(place, || opened().unwrap());
    for faults in Fault::one_or_two(steps) {
        fs::remove_dir_all(&out).unwrap();
        fs::remove_file(&parcel).unwrap();
        made().unwrap();
        repeated(&faults, &opened);
        assert_eq!(names(&out), ["data.csv", "data.csv.report.json"], "{faults:?}");
        assert_eq!(fs::read(out.join("data.csv")).unwrap(), fs::read(&data).unwrap());
    }
    assert!(steps > 10, "{steps}");
    fs::remove_dir_all(&out).unwrap();
    fs::remove_file(&parcel).unwrap();
    assert_eq!(names(place), begun);
}

/// A parcel of this format, and the folder of a party that opens it, as they were written when the
/// format was made: what opens today opens in ten years.
#[test]
fn a_kept_parcel_still_opens() {
    let golden = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/golden");
    let read = |name: &str| std::fs::read(golden.join(name)).unwrap();
    let receiver = Party::open(&golden.join("receiver"), None).unwrap();
    let sender = Sender::Party(serde_json::from_slice(&read("sender.card.json")).unwrap());
    let mut file = Vec::new();
    let opener = Opener {
        identity: Identity::Hybrid(receiver.receiving()),
        receiver: Some(receiver.card().fingerprint()),
        now: "2026-12-01T00:00:00Z".parse().unwrap(),
        knows: &|claimed| *claimed == sender,
    };
    let opened = open(&read("wages.csv.age")[..], &opener, &mut file).ok().unwrap();
    assert_eq!(file, read("wages.csv"));
    assert_eq!(**opened.about, read("wages.csv.report.json"));
}
