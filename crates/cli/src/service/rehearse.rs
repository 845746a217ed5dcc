//! `service rehearse`: what may happen to a service, played on a twin of it.

mod acts;
mod twin;

use std::path::PathBuf;

use clap::Args;
use cstatns::ledger::event::Step;
use serde_json::{Value, json};

use crate::fault::Fault;
use crate::lang::{lang, text};
use crate::output::Program;

use super::recorded;
use acts::{Act, STEPS};
use twin::{Twin, sweep};

/// The twin's directory in the home: private as the home is, and swept under its lock.
const TWIN: &str = "rehearsal";

/// Play the loss of a custodian, a doubt, a renewal, a recovery and an expiry on a twin of the
/// service, with invented custodians and people, and record that every step holds
#[derive(Args)]
#[command(after_help = "Example:
  cstatns service rehearse home
Nobody is asked, and no kit is needed: the twin has as many custodians as the working dealing, with
keys of their own, and nothing of the home is copied. It lies in HOME/rehearsal, is removed at the
end, and a clock of its own goes on to the end of its project. Once a year is a good rhythm; `service
status` shows when it was last done.")]
pub(crate) struct Rehearse {
    /// The service's home
    home: PathBuf,
}

impl Rehearse {
    pub(super) fn run(self, program: &Program) -> Result<Value, Fault> {
        recorded(program, &self.home, "rehearse", |service| {
            let place = self.home.join(TWIN);
            sweep(&place)?;
            let dealing = service.state().working_dealing()?;
            let externals = dealing.roster.iter().map(|seat| seat.card.body.external).collect();
            let (k, n) = (dealing.threshold.k(), dealing.threshold.n());
            program.say(text!(
                "a twin with {k} of {n} invented custodians is played:",
                "un double à {k} sur {n} détenteurs inventés est joué :"
            ));
            let mut twin = Twin::new(place, k, externals, service.now())?;
            let played = play(program, &mut twin, &STEPS);
            // A twin that cannot be removed is said, after what did not hold.
            let removed = twin.remove();
            let steps = played?;
            removed?;
            let words: Vec<&str> = steps.iter().map(|step| step.word()).collect();
            service.rehearsed(steps)?;
            let event = service.history().size();
            program.say(text!(
                "every step holds: recorded as event {event}",
                "chaque étape tient : inscrit comme événement {event}"
            ));
            Ok(json!({ "event": event, "threshold": k, "custodians": n, "steps": words }))
        })
    }
}

/// Plays the steps in their order, up to the first that does not hold.
fn play(program: &Program, twin: &mut Twin, steps: &[(Step, Act)]) -> Result<Vec<Step>, Fault> {
    let mut played = Vec::new();
    for (number, (step, act)) in (1..).zip(steps) {
        let held = act(twin).map_err(|fault| failed(*step, &fault))?;
        program.say(format_args!("  {number}. {held}"));
        played.push(*step);
    }
    Ok(played)
}

/// A step that does not hold.
fn failed(step: Step, why: &Fault) -> Fault {
    let (word, why) = (step.word(), why.text_in(lang()));
    Fault::new(
        "rehearsal-failed",
        text!(
            "the step `{word}` of the rehearsal does not hold ({why})",
            "l'étape `{word}` de la répétition ne tient pas ({why})"
        ),
    )
    .advising(text!(
        "the service itself is unchanged: check the space on its disk and the number of custodians, then repeat the \
        rehearsal; report it if it fails again",
        "le service lui-même est inchangé : vérifiez la place sur son disque et le nombre de détenteurs, puis relancez \
            la répétition ; signalez-le si elle échoue encore"
    ))
}

#[cfg(test)]
mod tests;
