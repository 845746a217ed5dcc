//! A quorum at one machine: each custodian looks at what is asked, opens their kit, and approves
//! (SPEC §9).

mod question;
mod words;

use std::collections::BTreeSet;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use clap::Args;
use cstatns::card::Card;
use cstatns::custody::custodian::{Kit, KitError, Remark};
use cstatns::custody::quorum::Quorum;
use cstatns::files;
use cstatns::name::Name;
use cstatns::proposal::{Action, QuorumError};
use cstatns::service::{Gathering, Service, ServiceError};
use cstatns::state::View;
use jiff::SignedDuration;
use jiff::civil::Date;
use zeroize::Zeroizing;

use crate::fault::Fault;
use crate::output::Program;

use question::show;
use words::notes;

pub(crate) use words::{remarked, said_of, stated};

/// How long the custodians at this machine may take.
const WAIT: SignedDuration = SignedDuration::from_hours(1);
/// How often a passphrase is asked for.
const TRIES: u8 = 3;
/// More than a passphrase is long, in bytes.
const LONGEST_PASSPHRASE: u64 = 4096;

/// The custodians who approve.
#[derive(Args)]
pub(crate) struct KitArgs {
    /// The kit of a custodian who approves; once for each, as many as the threshold
    #[arg(long = "kit", value_name = "KIT", required = true)]
    kits: Vec<PathBuf>,
    /// A file with a kit's passphrase, in the order of --kit; else it is asked for. As many as
    /// there are kits, or as there are kits with a passphrase
    #[arg(long = "passphrase-file", value_name = "F")]
    passphrase_files: Vec<PathBuf>,
    /// Today's date (UTC) by a calendar, where the clock is more than 40 days after or a day before
    /// the ledger's time: the run confirms the clock
    #[arg(long, value_name = "DATE", value_parser = date)]
    confirm_clock: Option<Date>,
}

/// A day as it is typed.
pub(crate) fn date(text: &str) -> Result<Date, String> {
    text.parse().map_err(|_| "a day is written year-month-day, such as 2028-12-31".to_owned())
}

/// A kit that has not been opened.
pub(crate) struct Closed {
    kit: PathBuf,
    card: Card,
    passphrase_file: Option<PathBuf>,
}

impl KitArgs {
    /// Kits that another verb takes.
    pub(crate) fn of(kits: Vec<PathBuf>, passphrase_files: Vec<PathBuf>) -> Self {
        Self { kits, passphrase_files, confirm_clock: None }
    }

    /// Nobody is asked under a clock that is far from the ledger's time, unless it is confirmed.
    pub(crate) fn check_clock(&self, service: &mut Service) -> Result<(), Fault> {
        if let Some(date) = self.confirm_clock {
            service.confirm_clock(date)?;
        }
        Ok(service.check_clock()?)
    }

    /// Reads the cards and matches the passphrase files to them.
    pub(crate) fn look(&self) -> Result<Vec<Closed>, Fault> {
        let cards = self.kits.iter().map(|kit| Kit::card_in(kit)).collect::<Result<Vec<_>, _>>()?;
        let protected = cards.iter().filter(|card| card.body.protected).count();
        let given = self.passphrase_files.len();
        if given != 0 && given != self.kits.len() && given != protected {
            return Err(Fault::usage(format!(
                "{given} passphrase files for {} kits: give --passphrase-file once for each --kit, \
                in the same order, or \
                 not at all",
                self.kits.len()
            )));
        }
        let mut files = self.passphrase_files.iter();
        let all = given == self.kits.len();
        let closed = self.kits.iter().zip(cards).map(|(kit, card)| {
            let wanted = all || card.body.protected;
            let passphrase_file = if wanted { files.next().cloned() } else { None };
            Closed { kit: kit.clone(), card, passphrase_file }
        });
        Ok(closed.collect())
    }
}

impl Closed {
    /// The kit in a directory, with the file of its passphrase, if one was named.
    pub(crate) fn look(kit: &Path, passphrase_file: Option<&Path>) -> Result<Self, Fault> {
        let card = Kit::card_in(kit)?;
        Ok(Self { kit: kit.to_owned(), card, passphrase_file: passphrase_file.map(Path::to_owned) })
    }

    /// Says what the kit says of itself, to be compared with what the custodian keeps on paper,
    /// before a passphrase is typed.
    pub(crate) fn introduce(&self, program: &Program) -> Result<(), Fault> {
        let shown = Kit::shown_by(&self.kit)?;
        program.say(format_args!("  kit of `{}`: {}", self.card.body.name, said_of(&shown)));
        Ok(())
    }

    /// Opens it, asking for the passphrase where it needs one and no file holds it.
    pub(crate) fn open(&self, program: &Program) -> Result<Kit, Fault> {
        if !self.card.body.protected {
            return Ok(Kit::open(&self.kit, None)?);
        }
        if let Some(file) = &self.passphrase_file {
            return Ok(Kit::open(&self.kit, Some(&read_passphrase(program, file)?))?);
        }
        // A slip of one hand must not send everybody who has approved home.
        let mut tries = TRIES;
        loop {
            let passphrase = ask(&format!(
                "passphrase of `{}` for {}: ",
                self.card.body.name,
                self.kit.display()
            ))
            .map_err(|error| untyped(&self.kit, &error))?;
            tries -= 1;
            match Kit::open(&self.kit, Some(&passphrase)) {
                Err(KitError::Passphrase { .. }) if tries > 0 => {
                    program.say("that is not the passphrase of this kit: once more");
                }
                outcome => return Ok(outcome?),
            }
        }
    }
}

/// Records the question, shows it to the custodians, and makes a quorum of their approvals. A
/// passphrase typed below the question is the consent to it.
pub(crate) fn gather(
    program: &Program,
    service: &mut Service,
    kits: &[Closed],
    action: Action,
) -> Result<Quorum, Fault> {
    let needed = service.state().working_dealing()?.threshold.k();
    // What would be refused is said first; nobody types a passphrase for nothing.
    service.check_proposal(&action)?;
    check_enough(kits, needed)?;
    let draft = service.propose(action, WAIT)?;
    let quorum = service.gather(draft, |gathering| {
        show(program, gathering)?;
        let asked = gathering.question().action.brief().to_string();
        for (at, closed) in kits.iter().enumerate() {
            let name = &closed.card.body.name;
            if gathering.given().any(|given| given == name) {
                program.say(format_args!(
                    "warning: a kit of `{name}` was given twice; it counts once"
                ));
                continue;
            }
            let Err(fault) = approve(program, gathering, closed, &asked) else { continue };
            // One kit that does not approve does not stop the others, where they are enough.
            let given: Vec<&Name> = gathering.given().collect();
            let others = custodians(&kits[at + 1..]);
            let others = others.iter().filter(|other| !given.contains(other)).count();
            if given.len() + others < needed {
                return Err(Asked(fault));
            }
            program.say(format_args!(
                "warning: `{name}` does not approve, the others are asked all the same ({})",
                fault.text()
            ));
        }
        Ok(())
    });
    // What the closure could not do is its own fault, the rest is the service's.
    let quorum = quorum.map_err(|Asked(fault)| fault)?;
    for reason in quorum.set_aside() {
        let text = Fault::of(reason, &[]).text();
        program.say(format_args!("warning: one approval does not count ({text})"));
    }
    Ok(quorum)
}

/// Nobody is asked where even all of the custodians are too few.
fn check_enough(kits: &[Closed], needed: usize) -> Result<(), Fault> {
    let given = custodians(kits).len();
    let first = |at: usize, name: &Name| kits[..at].iter().any(|kit| kit.card.body.name == *name);
    let mut names = kits.iter().map(|kit| &kit.card.body.name).enumerate();
    let error = match names.find(|(at, name)| first(*at, name)) {
        _ if given >= needed => return Ok(()),
        Some((_, custodian)) => QuorumError::Twice { custodian: custodian.clone() },
        None => QuorumError::TooFew { given, needed },
    };
    Err(ServiceError::from(error).into())
}

/// Whose kits these are.
fn custodians(kits: &[Closed]) -> BTreeSet<&Name> {
    kits.iter().map(|kit| &kit.card.body.name).collect()
}

/// One custodian looks at what their kit says, opens it and consents.
fn approve(
    program: &Program,
    gathering: &mut Gathering<'_>,
    closed: &Closed,
    asked: &str,
) -> Result<(), Fault> {
    closed.introduce(program)?;
    let kit = closed.open(program)?;
    note(program, &kit, gathering.view().map_err(ServiceError::from)?)?;
    let name = kit.name().clone();
    let count = gathering.consent(kit)?.body.count;
    program.say(format_args!("  `{name}` approves, statement {count}: {asked}"));
    Ok(())
}

/// Says what a kit has to say about a ledger, before anything is stated on it.
pub(crate) fn note(program: &Program, kit: &Kit, ledger: View<'_>) -> Result<Vec<Remark>, Fault> {
    let remarks = kit.remarks(ledger)?;
    for note in notes(&remarks) {
        program.say(format_args!("  note for `{}`: {note}", kit.name()));
    }
    Ok(remarks)
}

/// What ended the asking.
struct Asked(Fault);

impl<E: Into<Fault>> From<E> for Asked {
    fn from(error: E) -> Self {
        Self(error.into())
    }
}

/// The lines that the custodians of a run keep on paper, and a warning of each kit that did not
/// hand over its share, or did not see how the run ended.
pub(crate) fn tell_seen(program: &Program, service: &mut Service) {
    let (seen, unseen) = service.take_seen();
    for (name, shown) in seen {
        program.say(format_args!("keep on paper, `{name}`: {}", said_of(&shown)));
    }
    for error in unseen {
        let text = Fault::of(&error, &[]).text();
        program.say(match error {
            KitError::Share(_) => format!("warning: a share was not used ({text})"),
            _ => format!(
                "warning: a kit did not see the whole run ({text}): run `custodian check` with it"
            ),
        });
    }
}

/// The passphrase in a file: all of it but one line end.
pub(crate) fn read_passphrase(program: &Program, path: &Path) -> Result<Zeroizing<Vec<u8>>, Fault> {
    let mut passphrase = Zeroizing::new(files::read_also_pipe(path, LONGEST_PASSPHRASE)?);
    program.warn_of_others(path);
    for end in [b'\n', b'\r'] {
        if passphrase.last() == Some(&end) {
            passphrase.pop();
        }
    }
    Ok(passphrase)
}

/// Asks for a new passphrase, twice.
pub(crate) fn ask_new(file: &Path) -> Result<Zeroizing<Vec<u8>>, Fault> {
    let first = ask_for(file, "new passphrase: ")?;
    let second = ask_for(file, "the same again: ")?;
    if first == second {
        Ok(first)
    } else {
        Err(Fault::new("passphrase-differs", "the two passphrases differ: try again"))
    }
}

/// Asks for the passphrase of a file.
pub(crate) fn ask_for(file: &Path, prompt: &str) -> Result<Zeroizing<Vec<u8>>, Fault> {
    ask(prompt).map_err(|error| {
        let how = advice(&error);
        Fault::new("passphrase-needed", format!("a passphrase is needed for {file:?}: {how}"))
    })
}

fn ask(prompt: &str) -> std::io::Result<Zeroizing<Vec<u8>>> {
    rpassword::prompt_password(prompt).map(|text| Zeroizing::new(text.into_bytes()))
}

/// Nothing was typed. `error` says why: the person at the terminal ended the input, or there is no
/// terminal.
fn untyped(kit: &Path, error: &std::io::Error) -> Fault {
    let needs = KitError::NeedsPassphrase { kit: kit.to_owned() };
    Fault::from(needs).advising(advice(error))
}

fn advice(error: &std::io::Error) -> &'static str {
    match error.kind() {
        ErrorKind::UnexpectedEof => {
            "give its passphrase; none was typed, and nothing is done without it"
        }
        _ => "give its passphrase; there is no terminal to ask at, use --passphrase-file",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_advice_names_the_terminal_only_if_there_is_none() {
        let said =
            |kind: ErrorKind| untyped(Path::new("kit"), &kind.into()).line().unwrap_or_default();
        let (ended, none) = (said(ErrorKind::UnexpectedEof), said(ErrorKind::NotFound));
        assert!(ended.contains("none was typed") && !ended.contains("no terminal"), "{ended}");
        assert!(none.contains("no terminal") && none.contains("--passphrase-file"), "{none}");
    }
}
