//! Any bytes as an age file or as the archive in one, and such ones in which some bytes were
//! changed: refused, or nothing was changed.

#![no_main]

use std::io::Write as _;
use std::sync::LazyLock;

use cstatns::card::{PartyCard, PartyCardBody};
use cstatns::ed25519_dalek::SigningKey;
use cstatns::jiff::Timestamp;
use cstatns::name::{Hex, Name};
use cstatns_keys::receiving::{ReceivingKey, Recipient};
use cstatns_parcel::age::{Identity, Reader, Writer};
use cstatns_parcel::head::{End, Extension, Head, Sender};
use cstatns_parcel::make::Making;
use cstatns_parcel::open::{Opener, open};
use libfuzzer_sys::fuzz_target;

const FILE: &[u8] = b"index,amount\n1,20\n2,30\n";

/// The one party, which sends to itself.
struct World {
    key: ReceivingKey,
    recipient: Recipient,
    card: PartyCard,
    now: Timestamp,
    /// A genuine parcel, one that declares what is in it, and the archive in the first.
    parcel: Vec<u8>,
    declared: Vec<u8>,
    archive: Vec<u8>,
}

/// What the second parcel declares: to the reader of the file any bytes.
const DECLARED: &[u8] = b"{\"declaration\":0}";

static WORLD: LazyLock<World> = LazyLock::new(|| {
    let (signing, key) = (SigningKey::from_bytes(&[7; 32]), ReceivingKey::from_seed(&[8; 32]));
    let body = PartyCardBody {
        format: 2,
        name: Name::new("party").expect("a name"),
        protected: false,
        signing: Hex(signing.verifying_key().to_bytes()),
        receiving: key.public(),
    };
    let card = PartyCard::new(body, &signing);
    let now = "2030-01-02T03:04:05Z".parse().expect("a time");
    let recipient = Recipient::new(&card.body.receiving).expect("a key");
    let head = Head::new(End::of(&card), End::of(&card), Extension::new("csv").expect("a type"), now);
    let mut making = Making::begin(head, &recipient, Vec::new()).expect("memory");
    making.write_all(FILE).expect("memory");
    let parcel = making.finish(b"{}\n", Sender::Party(Box::new(card.clone())), &signing).expect("memory");
    let archive = plaintext(&parcel, &key).expect("it was just made");
    let head = Head::new(End::of(&card), End::of(&card), Extension::new("csv").expect("a type"), now);
    let to = Recipient::new(&card.body.receiving).expect("a key");
    let mut making =
        Making::begin_declared(head, to, DECLARED.len(), Vec::new()).expect("memory");
    making.write_all(FILE).expect("memory");
    let sender = Sender::Party(Box::new(card.clone()));
    let (mut declared, head) =
        making.finish_declared(b"{}\n", sender, &signing, DECLARED).expect("memory");
    declared[..head.len()].copy_from_slice(&head);
    World { key, recipient, card, now, parcel, declared, archive }
});

fn plaintext(file: &[u8], key: &ReceivingKey) -> Option<Vec<u8>> {
    let mut reader = Reader::new(file, &Identity::Hybrid(key)).ok()?;
    let mut text = Vec::new();
    loop {
        let given = reader.fill().ok()?;
        if given.is_empty() {
            return Some(text);
        }
        text.extend_from_slice(given);
        let length = given.len();
        reader.consume(length);
    }
}

/// Each two places and a byte: what stands there is another one.
fn changed(bytes: &[u8], changes: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    for change in changes.chunks_exact(3) {
        let at = usize::from(u16::from_be_bytes([change[0], change[1]])) % bytes.len();
        bytes[at] = change[2];
    }
    bytes
}

fuzz_target!(|bytes: &[u8]| {
    let Some((which, rest)) = bytes.split_first() else { return };
    let world = &*WORLD;
    let encrypted = |archive: &[u8]| {
        let mut writer = Writer::new(&world.recipient, Vec::new()).expect("memory");
        writer.write_all(archive).expect("memory");
        writer.finish().expect("memory")
    };
    let (file, genuine) = match which {
        0 => (rest.to_vec(), false),
        1 => {
            let file = changed(&world.parcel, rest);
            let same = file == world.parcel;
            (file, same)
        }
        2 => (encrypted(rest), rest == world.archive),
        3 => {
            let file = changed(&world.declared, rest);
            let same = file == world.declared;
            (file, same)
        }
        _ => {
            let archive = changed(&world.archive, rest);
            (encrypted(&archive), archive == world.archive)
        }
    };
    let opener = Opener {
        identity: Identity::Hybrid(&world.key),
        receiver: Some(world.card.fingerprint()),
        now: world.now,
        knows: &|sender| *sender == Sender::Party(Box::new(world.card.clone())),
    };
    let mut arrived = Vec::new();
    let opened = open(&file[..], &opener, &mut arrived);
    assert_eq!(opened.is_ok(), genuine, "what was changed was opened, or what was not is refused");
    assert!(opened.is_err() || arrived == FILE);
});
