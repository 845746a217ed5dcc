//! A step that does not hold is named: each is broken once.

use cstatns::ledger::event::Step;

use crate::fault::Fault;
use crate::output::Program;

use super::acts::{Act, STEPS};
use super::play;
use super::twin::{Twin, sweep};

/// The rehearsal of 2 of 3 custodians in which the twin is disturbed before one step.
fn disturbed(before: Step, disturb: impl FnOnce(&mut Twin)) -> (Vec<Step>, Fault) {
    let place = tempfile::tempdir().unwrap();
    let now = "2026-01-05T09:00:00Z".parse().unwrap();
    let externals = vec![false, false, true];
    let mut twin = Twin::new(place.path().join("twin"), 2, externals, now).unwrap();
    let program = Program::new(false).quiet();
    let at = STEPS.iter().position(|(step, _)| *step == before).unwrap();
    let played = play(&program, &mut twin, &STEPS[..at]).unwrap();
    disturb(&mut twin);
    let fault = play(&program, &mut twin, &STEPS[at..]).unwrap_err();
    drop(twin);
    assert!(!place.path().join("twin").exists(), "the twin is left");
    (played, fault)
}

fn names(step: Step, fault: &Fault) {
    let said = fault.text();
    assert_eq!(fault.code, "rehearsal-failed", "{said}");
    assert!(said.contains(&format!("`{}`", step.word())), "{} is not named: {said}", step.word());
}

/// The people's codes are others than those that the service made.
#[test]
fn other_codes_are_found_in_every_step_that_compares_them() {
    for step in [Step::Loss, Step::Renewal, Step::Recovery, Step::Expiry] {
        let (played, fault) = disturbed(step, |twin| twin.codes[0].1.swap(0, 1));
        assert_eq!(played, STEPS[..played.len()].iter().map(|(step, _)| *step).collect::<Vec<_>>());
        names(step, &fault);
    }
}

#[test]
fn too_few_custodians_are_found() {
    let (_, fault) = disturbed(Step::Doubt, |twin| sweep(&twin.kits[1]).unwrap());
    names(Step::Doubt, &fault);
}

#[test]
fn a_ledger_that_was_changed_is_found() {
    let (_, fault) = disturbed(Step::Audit, |twin| {
        let path = twin.home().join("ledger.jsonl");
        let ledger = std::fs::read_to_string(&path).unwrap();
        std::fs::write(&path, ledger.replacen("\"rows\":4", "\"rows\":5", 1)).unwrap();
    });
    names(Step::Audit, &fault);
}

/// Without the step before it, a step has nothing to hold on to.
#[test]
fn a_step_that_is_left_out_is_found_by_the_next() {
    let place = tempfile::tempdir().unwrap();
    let now = "2026-01-05T09:00:00Z".parse().unwrap();
    let mut twin = Twin::new(place.path().join("twin"), 2, vec![false; 3], now).unwrap();
    let steps: Vec<(Step, Act)> =
        STEPS.into_iter().filter(|(step, _)| *step != Step::Doubt).collect();
    let fault = play(&Program::new(false).quiet(), &mut twin, &steps).unwrap_err();
    names(Step::Renewal, &fault);
}
