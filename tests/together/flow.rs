//! The statistical flow and a research project through the library.

use crate::common;

use common::{PEOPLE, World};
use cstatns::coded::Coded as _;
use cstatns::domain::RenewalReason;

#[test]
fn codes_renewals_and_newcomers_agree() {
    let world = World::founded(3, 5);
    world.statistics("population").unwrap();
    let made = world.code("population", "first", &PEOPLE).unwrap();
    let first = world.codes("first");
    assert!(!world.path("first.request").exists(), "the request is destroyed");
    world.deliver("first", &made).unwrap();
    assert!(!world.path("first.result").exists(), "the service's copy is destroyed");

    world.new_key("population", RenewalReason::Scheduled).unwrap();
    world.renew("population", "second", &first).unwrap();
    let second = world.codes("second");
    assert!(first.iter().all(|code| !second.contains(code)));
    world.code("population", "newcomers", &PEOPLE).unwrap();
    assert_eq!(world.codes("newcomers"), second);

    world.new_key("population", RenewalReason::Scheduled).unwrap();
    world.renew("population", "lifted", &first).unwrap();
    world.renew("population", "third", &second).unwrap();
    assert_eq!(world.codes("lifted"), world.codes("third"));
}

#[test]
fn a_doubt_stops_coding_until_a_new_key() {
    let world = World::founded(2, 3);
    world.statistics("population").unwrap();
    world.code("population", "before", &PEOPLE).unwrap();
    world.doubt("population", 2).unwrap();
    let refused = world.code("population", "during", &PEOPLE).unwrap_err();
    assert_eq!(refused.code(), "key-doubted");
    assert!(!world.path("during.result").exists() && world.path("during.request").exists());
    assert_eq!(
        world.new_key("population", RenewalReason::Scheduled).unwrap_err().code(),
        "reason-is-doubt"
    );
    world.new_key("population", RenewalReason::Doubt).unwrap();
    world.renew("population", "renewed", &world.codes("before")).unwrap();
    world.code("population", "during", &PEOPLE).unwrap();
    assert_eq!(world.codes("renewed"), world.codes("during"));
}

#[test]
fn a_project_has_a_key_of_its_own_that_ends() {
    let world = World::founded(2, 3);
    world.statistics("population").unwrap();
    world.research("benefits", "2026-06-30").unwrap();
    world.code("population", "statistics", &PEOPLE).unwrap();
    world.code("benefits", "research", &PEOPLE).unwrap();
    let (a, b) = (world.codes("statistics"), world.codes("research"));
    assert!(a.iter().all(|code| {
        b.iter().all(|other| code.bytes() != other.bytes() && code.tag() != other.tag())
    }));

    world.extend("benefits", "2026-07-31").unwrap();
    // A service with a timer: an event now and then.
    for day in ["2026-02-10", "2026-03-20", "2026-04-25", "2026-06-01", "2026-07-05", "2026-07-31"]
    {
        world.clock.set(&format!("{day}T23:59:59Z"));
        assert_eq!(world.open().expire().unwrap(), Default::default(), "{day}");
    }
    world.clock.set("2026-08-01T00:00:00Z");
    assert_eq!(world.code("benefits", "late", &PEOPLE).unwrap_err().code(), "project-ended");
    assert_eq!(world.open().expire().unwrap().marked, [common::name("benefits")]);
    assert_eq!(world.open().status().past_their_end().count(), 1);
    world.clock.set("2026-08-02T00:00:00Z");
    assert_eq!(world.open().expire().unwrap().destroyed, [common::name("benefits")]);
    assert_eq!(world.open().status().past_their_end().count(), 0);
    assert!(
        std::fs::read_dir(world.home().join("life")).unwrap().count() == 3,
        "only the marker and the copy of the ledger are left"
    );
    assert_eq!(world.code("benefits", "late", &PEOPLE).unwrap_err().code(), "keys-destroyed");
}

#[test]
fn only_what_is_public_can_be_read_by_others() {
    use std::os::unix::fs::PermissionsExt;

    let world = World::founded(2, 3);
    world.statistics("population").unwrap();
    world.research("benefits", "2026-06-30").unwrap();
    world.code("population", "first", &PEOPLE).unwrap();
    world.new_key("population", RenewalReason::Scheduled).unwrap();
    let (mut private, mut public) = (0, Vec::new());
    let mut directories = vec![world.home(), world.path("shares")];
    directories.extend(world.kits.iter().cloned());
    while let Some(directory) = directories.pop() {
        assert_eq!(directory.metadata().unwrap().permissions().mode() & 0o077, 0, "{directory:?}");
        for path in std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()) {
            let mode = path.metadata().unwrap().permissions().mode();
            match path.is_dir() {
                true => directories.push(path),
                false if mode & 0o077 == 0 => private += 1,
                false => public.push(path.file_name().unwrap().to_str().unwrap().to_owned()),
            }
        }
    }
    public.sort();
    public.dedup();
    assert_eq!(public, ["card.json", "checkpoint", "ledger.jsonl", "receipt-1-held.json"]);
    // identity, places, lock, snapshot, three seals, a life secret and its marker, a run's journal;
    // identity, a receiving key, share, memory and the lines of the ledger in each kit. And the
    // result.
    assert_eq!(private, 10 + 3 * 5);
    assert_eq!(world.path("first.result").metadata().unwrap().permissions().mode() & 0o077, 0);
}
