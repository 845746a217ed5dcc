//! Two faults: a command of the linking body is disturbed at any durable step, the command that
//! repeats it at any of its own; the one after that ends as if nothing had been.

#![allow(clippy::print_stderr)]

use std::io::ErrorKind;
use std::path::Path;

use cstatns::audit::verify_linking;
use cstatns::files::faults::{count, fail_at, stop_after, tear_write_at};
use cstatns_link::{LinkError, ledger_path};
use jiff::Timestamp;

use super::{Act, Copy, events, is_done, linking, look, names, renewal};

/// One first fault in so many is tried, and of its pairs one in so many.
const EACH: [usize; 2] = [3, 31];

/// In a release (`CSTATNS_LONG`) every first fault is, and a seventh of the pairs, another one each
/// day of a week; all are where it is `every`.
const RELEASES: usize = 7;

/// How many first faults there are for one that is tried, how many pairs, and from which on.
fn each() -> [usize; 3] {
    let day = Timestamp::now().as_second().unsigned_abs() / 86_400;
    match std::env::var_os("CSTATNS_LONG") {
        None => [EACH[0], EACH[1], 0],
        Some(long) if long == "every" => [1, 1, 0],
        Some(_) => [1, RELEASES, (day % RELEASES as u64) as usize],
    }
}

/// How a command is disturbed at a step.
#[derive(Clone, Copy, Debug)]
enum Fault {
    Stop,
    /// The disk is full for this step alone.
    Fail,
    /// A write leaves a part; then the command is stopped.
    Tear,
}

impl Fault {
    /// The faults of a pair, in turn.
    fn pair(number: usize) -> [Self; 2] {
        let of = |number: usize| [Self::Stop, Self::Fail, Self::Tear][number % 3];
        [of(number), of(number / 3)]
    }

    fn during(self, at: &Copy, step: usize, act: Act) -> Result<(), LinkError> {
        let (place, act) = (at.0.path(), || at.act(act));
        match self {
            Self::Stop => stop_after(place, step, act),
            Self::Fail => fail_at(place, step, ErrorKind::StorageFull, act),
            Self::Tear => tear_write_at(place, step, 20, act),
        }
    }
}

/// How many pairs were tried, of how many there are.
#[derive(Default)]
struct Tried(std::cell::Cell<(usize, usize)>);

impl Tried {
    /// Disturbs a command, and the one that repeats it; the third is not disturbed.
    fn matrix(&self, what: &str, place: &Path, act: Act) {
        let [each_first, each, from] = each();
        let whole = Copy::of(place);
        let steps = count(whole.0.path(), || whole.act(act)).min(400);
        let wanted = names(whole.0.path());
        let (mut tried, mut pairs) = self.0.get();
        for first in (0..steps).step_by(each_first) {
            let at = Copy::of(place);
            let _ = stop_after(at.0.path(), first, || at.act(act));
            let repeated = count(at.0.path(), || at.act(act)).min(400);
            for second in 0..repeated {
                pairs += 1;
                if (pairs + from) % each != 0 {
                    continue;
                }
                tried += 1;
                let faults = Fault::pair(tried);
                let when = format!("{what}, {faults:?} at {first} of {steps}, {second}");
                let at = Copy::of(place);
                for (fault, step) in faults.into_iter().zip([first, second]) {
                    let _ = fault.during(&at, step, act);
                    look(&at, &when);
                }
                let last = at.act(act);
                assert!(last.as_ref().err().is_none_or(is_done), "{when}: {last:?}");
                assert_eq!(names(at.0.path()), wanted, "{when}");
                assert!(events(&at) >= events(&whole), "{when}");
                look(&at, &when);
                let ledger = ledger_path(&at.path("cesr"));
                let audit = verify_linking(&ledger, None, &[], Timestamp::now()).unwrap();
                assert!(audit.is_in_order(), "{when}: {audit}");
            }
        }
        self.0.set((tried, pairs));
    }

    fn tell(&self, what: &str) {
        let (tried, pairs) = self.0.get();
        eprintln!("{what}: {tried} of {pairs} pairs of faults");
        assert!(tried >= 3 && pairs > 1000, "{what}: {tried} of {pairs}");
    }
}

#[test]
fn a_linking_body_that_is_stopped_twice_goes_on() {
    let tried = Tried::default();
    linking(|what, place, act| tried.matrix(what, place, act));
    tried.tell("linking");
}

#[test]
fn a_renewal_that_is_stopped_twice_goes_on() {
    let tried = Tried::default();
    renewal(|what, place, act| tried.matrix(what, place, act));
    tried.tell("renewal");
}
