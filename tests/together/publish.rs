//! A ledger that is published, stopped at every durable step: whoever reads it finds a ledger and a
//! checkpoint of one version, and the next command publishes the rest.

use crate::common;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use common::World;
use common::crash::{Fault, copy_tree, names};
use cstatns::audit;
use cstatns::card::ServiceCard;
use cstatns::files::faults::{stop_after, trace, watch};
use cstatns::service::{Reader, ServiceError};

/// A service with its home at three moments, one version of the ledger each.
struct Published {
    world: World,
    card: ServiceCard,
    events: [u64; 3],
}

impl Published {
    fn new() -> Self {
        let world = World::founded(2, 2);
        let mut events = [0; 3];
        for (at, domain) in ["population", "income", "health"].into_iter().enumerate() {
            world.statistics(domain).unwrap();
            events[at] = world.ledger().history.size();
            copy_tree(&world.home(), &world.path(&format!("home-{at}")));
        }
        let card = world.open().card().clone();
        Self { world, card, events }
    }

    fn public(&self) -> PathBuf {
        self.world.path("public")
    }

    /// Publishes the home of a moment.
    fn publish(&self, at: usize) -> Result<(), ServiceError> {
        let home = self.world.path(&format!("home-{at}"));
        Reader::open(&home, self.world.clock.clone())?.publish(&self.public()).map(drop)
    }

    /// The directory as it is before a trial: with the first version, or none.
    fn begin(&self, is_first: bool) {
        let _ = fs::remove_dir_all(self.public());
        if !is_first {
            self.publish(0).unwrap();
        }
    }

    /// The versions that readers may find: as many events, or none at all.
    fn seen(&self, what: &str) -> Option<usize> {
        seen(&self.public(), &self.card, what)
            .map(|events| self.events.iter().position(|known| *known == events).expect(what))
    }

    /// Nothing is left over: at most two versions, their links, no temporary.
    fn is_tidy(&self, what: &str) {
        let mut names = names(&self.public());
        for name in ["card.json", "checkpoint", "current", "ledger.jsonl", "requests.json"] {
            assert!(names.remove(name), "{what}: no {name}");
        }
        let versions = names.iter().all(|name| name.parse::<u64>().is_ok());
        assert!(versions && names.len() <= 2, "{what}: {names:?}");
    }
}

/// How many events a reader finds; none where nothing has the ledger's name yet.
fn seen(public: &Path, card: &ServiceCard, what: &str) -> Option<u64> {
    let ledger = public.join("ledger.jsonl");
    // A link that leads nowhere is no reader's fault.
    if ledger.symlink_metadata().is_err() {
        return None;
    }
    let audit =
        audit::verify(&ledger, card, &[], &[]).unwrap_or_else(|error| panic!("{what}: {error}"));
    assert!(audit.holds(), "{what}: {audit}");
    let requests = fs::read(public.join("requests.json")).expect(what);
    let requests: serde_json::Value = serde_json::from_slice(&requests).expect(what);
    assert_eq!(requests["events"], audit.events, "{what}");
    assert!(public.join("card.json").is_file(), "{what}");
    Some(audit.events)
}

#[test]
fn a_reader_finds_one_version_at_every_step() {
    let published = Published::new();
    for is_first in [true, false] {
        published.begin(is_first);
        let found = Arc::new(Mutex::new(Vec::new()));
        let watcher = {
            let (public, card, found) =
                (published.public(), published.card.clone(), Arc::clone(&found));
            move |_, _: &Path| {
                let mut found = found.lock().unwrap();
                let step = found.len();
                found.push(seen(&public, &card, &format!("before step {step}")));
            }
        };
        watch(&published.public(), watcher, || published.publish(1).unwrap());
        let mut found = std::mem::take(&mut *found.lock().unwrap());
        assert!(found.len() > 15, "{found:?}");
        // First nothing, or the former; then the new one.
        assert!(found.is_sorted(), "{found:?}");
        found.dedup();
        let former = (!is_first).then_some(published.events[0]);
        assert_eq!(found, [former, Some(published.events[1])]);
        published.is_tidy("undisturbed");
    }
}

#[test]
fn a_stopped_publication_is_done_again() {
    let published = Published::new();
    let public = published.public();
    let mut trials = 0;
    for is_first in [true, false] {
        published.begin(is_first);
        let former = published.seen("before");
        let steps = trace(&public, || published.publish(1).unwrap());
        for (number, fault) in Fault::all(&steps).into_iter().enumerate() {
            let what = format!("first: {is_first}, {fault:?}");
            published.begin(is_first);
            let done = fault.during(&public, || published.publish(1));
            let found = published.seen(&what);
            assert!(found == former || found == Some(1), "{what}: {found:?}");
            assert!(done.is_err() || found == Some(1), "{what}: said to be done");
            // What is published next, which is stopped as well every other time, is the same or
            // newer.
            let next = 1 + number % 2;
            if number % 4 < 2 {
                let again = Fault::Stop(number * 7 % steps.len());
                let _ = again.during(&public, || published.publish(next));
                let then = published.seen(&what);
                assert!(then == found || then == Some(next), "{what}: {then:?} after {found:?}");
            }
            published.publish(next).unwrap_or_else(|error| panic!("{what}: {error}"));
            assert_eq!(published.seen(&what), Some(next), "{what}");
            published.is_tidy(&what);
            trials += 1;
        }
    }
    assert!(trials > 150, "{trials}");
}

/// Stopped twice in a row, at any two steps, publications leave two versions in the end all the
/// same: also where the second was stopped when it had only to tidy up.
#[test]
fn two_stopped_publications_leave_two_versions() {
    let published = Published::new();
    let public = published.public();
    published.begin(false);
    let steps = trace(&public, || published.publish(1).unwrap()).len();
    for first in 0..steps {
        for second in 0..steps {
            let what = format!("stopped at {first}, then at {second}");
            published.begin(false);
            let _ = stop_after(&public, first, || published.publish(1));
            let _ = stop_after(&public, second, || published.publish(2));
            published.publish(2).unwrap_or_else(|error| panic!("{what}: {error}"));
            published.is_tidy(&what);
        }
    }
}
