//! What custodians are shown before they are asked (SPEC §9): the question, and what the ledger
//! that they look at says around it.

use std::fmt::Display;

use cstatns::card::spoken;
use cstatns::delivery::DeliveryId;
use cstatns::proposal::Action;
use cstatns::service::{Gathering, ServiceError};
use cstatns::state::{Background, Confirmed, State};

use crate::fault::Fault;
use crate::figures::counted;
use crate::output::Program;

use super::words::doubted_words;

/// The most deliveries of a renewal that are shown by name.
const SHOWN: usize = 4;

/// Shows the question that is recorded.
pub(super) fn show(program: &Program, gathering: &mut Gathering<'_>) -> Result<(), Fault> {
    let question = gathering.question().clone();
    let (number, leaf) = (gathering.number(), gathering.proposal().question);
    let state = gathering.view().map_err(ServiceError::from)?.state;
    let action = &question.action;
    let line = |label: &str, what: &dyn Display| {
        program.say(format_args!("  {label:<9} {what}"));
    };
    program.say(format_args!("asked of the custodians: {action}"));
    line(
        "service",
        &format_args!("{}, epoch {}, recorded as event {number}", question.service, question.epoch),
    );
    match action.inputs() {
        [input] => line("request", &format_args!("{}, {input}", spoken(&input.commitment))),
        // In the order of the results; each has the words that its controller was shown.
        inputs => (1..).zip(inputs).for_each(|(part, input)| {
            let words = spoken(&input.commitment);
            line(&format!("request {part}"), &format_args!("{words}, {input}"));
        }),
    }
    if let Action::Code { look_up: Some(look_up), domain, .. } = action {
        let words = spoken(&look_up.commitment);
        line("register", &format_args!("{words}, id {}", look_up.register));
        if state.domain(domain).is_ok_and(|domain| domain.kind.is_research()) {
            line("register", &"is consulted for rows without an identifier only");
        }
    }
    if let Action::Examined { doubts, .. } = action {
        for doubt in doubts.iter().filter_map(|digest| state.doubts().get(digest)) {
            let (by, about) = (&doubt.by, doubted_words(&doubt.about));
            line(
                "doubt",
                &format_args!("of `{by}` on {}, event {}: {about}", doubt.time, doubt.number),
            );
        }
    }
    if let Action::Renew { of, .. } = action {
        line("renews", &renewed(state, of.as_deref()));
    }
    if let Some(background) = state.background(&question.run) {
        around(action, &background, &line);
    }
    line("question", &format_args!("{}, open until {}", spoken(&leaf), question.expires));
    Ok(())
}

/// The deliveries whose codes are renewed.
fn renewed(state: &State, of: Option<&[DeliveryId]>) -> String {
    let Some(of) = of else { return "codes of deliveries that are not known".to_owned() };
    let names: Vec<_> = of.iter().take(SHOWN).map(|id| state.named(*id).to_string()).collect();
    let others = match of.len().saturating_sub(SHOWN) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    format!("the codes of {}{others}", names.join(", "))
}

/// What the ledger says around it.
fn around(action: &Action, background: &Background, line: &dyn Fn(&str, &dyn Display)) {
    if let Action::Code { domain, purpose, .. } | Action::Renew { domain, purpose, .. } = action {
        if let Some(minimum) = background.minimum_batch {
            line("minimum", &format_args!("{minimum} distinct values a run in `{domain}`"));
        }
        let generations = || background.keys.iter().map(|key| key.generation.get());
        match (generations().min(), generations().max()) {
            (Some(first), Some(last)) if first < last => {
                line("opens", &format_args!("keys {first} to {last} of `{domain}`"));
            }
            (_, Some(last)) => line("opens", &format_args!("key {last} of `{domain}`")),
            _ => {}
        }
        if let Some(runs) = background.runs_this_year {
            let before = counted(runs, "run");
            line("before", &format_args!("{before} for `{purpose}` in `{domain}` this year"));
        }
    }
    if let (Some(due), Some(domain)) = (background.overdue_since, action.domain()) {
        line("overdue", &format_args!("the key of `{domain}` was due for renewal on {due}"));
    }
    if let Some(Confirmed { clock, time, .. }) = background.confirms_clock {
        let effect = match clock < time {
            true => "who consents confirms it and sets the time of the ledger back",
            false => "who consents confirms it",
        };
        line("clock", &format_args!("{clock}, the time of the ledger is {time}: {effect}"));
    }
}
