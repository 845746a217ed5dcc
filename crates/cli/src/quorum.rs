//! A quorum: each custodian at this machine looks at what is asked, opens their kit, and approves;
//! others approve elsewhere (SPEC §9).

mod distance;
mod question;
mod words;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use clap::{ArgMatches, Args, Command, FromArgMatches};
use cstatns::card::Card;
use cstatns::custody::custodian::{Kit, KitError, Remark};
use cstatns::custody::quorum::Quorum;
use cstatns::dealing::Dealing;
use cstatns::name::Name;
use cstatns::proposal::{Action, QuorumError};
use cstatns::service::{Gathering, Service, ServiceError};
use cstatns::state::View;
use jiff::SignedDuration;
use jiff::civil::Date;

use crate::fault::Fault;
use crate::lang::{said, text};
use crate::output::Program;
use crate::passphrase::{asked, read_passphrase, untyped};

use distance::{Distance, DistanceOptions};
use words::notes;

pub(crate) use question::show;
pub(crate) use words::{remarked, said_of, stated};

/// How long the custodians at this machine may take.
const WAIT: SignedDuration = SignedDuration::from_hours(1);
/// The custodians who approve, with where their kits and passphrase files stand on the command
/// line.
pub(crate) struct KitArgs {
    options: KitOptions,
    kits_at: Vec<usize>,
    files_at: Vec<usize>,
}

#[derive(Args)]
struct KitOptions {
    /// The kit of a custodian who approves here; once for each, as many as the threshold, or fewer
    /// with --proposal
    #[arg(long = "kit", value_name = "KIT", required_unless_present = "proposal")]
    kits: Vec<PathBuf>,
    /// A file with the passphrase of the --kit before it; where there is none, it is asked for. As
    /// many files as kits may also stand after all of them, in their order
    #[arg(long = "passphrase-file", value_name = "F")]
    passphrase_files: Vec<PathBuf>,
    /// Today's date (UTC) by a calendar, where the clock is more than 40 days after or a day before
    /// the ledger's time: the run confirms the clock
    #[arg(long, value_name = "DATE", value_parser = date)]
    confirm_clock: Option<Date>,
    #[command(flatten)]
    distance: DistanceOptions,
}

/// Who is asked: the kits at this machine, and those who are elsewhere.
pub(crate) struct Custodians {
    kits: Vec<Closed>,
    distance: Option<Distance>,
}

/// A day as it is typed.
pub(crate) fn date(text: &str) -> Result<Date, String> {
    text.parse().map_err(|_| {
        text!(
            "a day is written year-month-day, such as 2028-12-31",
            "un jour s'écrit année-mois-jour, comme 2028-12-31"
        )
    })
}

/// A kit that has not been opened.
pub(crate) struct Closed {
    kit: PathBuf,
    card: Card,
    passphrase_file: Option<PathBuf>,
}

impl FromArgMatches for KitArgs {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let at = |id| matches.indices_of(id).into_iter().flatten().collect();
        let options = KitOptions::from_arg_matches(matches)?;
        Ok(Self { options, kits_at: at("kits"), files_at: at("passphrase_files") })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

impl Args for KitArgs {
    fn augment_args(command: Command) -> Command {
        KitOptions::augment_args(command)
    }

    fn augment_args_for_update(command: Command) -> Command {
        KitOptions::augment_args_for_update(command)
    }
}

impl KitArgs {
    /// Kits that another verb takes, whose files are in their order.
    pub(crate) fn of(kits: Vec<PathBuf>, passphrase_files: Vec<PathBuf>) -> Self {
        let distance = DistanceOptions::default();
        let options = KitOptions { kits, passphrase_files, confirm_clock: None, distance };
        Self { options, kits_at: Vec::new(), files_at: Vec::new() }
    }

    /// Nobody is asked under a clock that is far from the ledger's time, unless it is confirmed.
    pub(crate) fn check_clock(&self, service: &mut Service) -> Result<(), Fault> {
        if let Some(date) = self.options.confirm_clock {
            service.confirm_clock(date)?;
        }
        Ok(service.check_clock()?)
    }

    /// Looks at the kits, and at where others approve.
    pub(crate) fn look(&self) -> Result<Custodians, Fault> {
        let distance = self.options.distance.look()?;
        Ok(Custodians { kits: self.closed()?, distance })
    }

    /// Reads the cards and matches the passphrase files to them.
    pub(crate) fn closed(&self) -> Result<Vec<Closed>, Fault> {
        let KitOptions { kits, passphrase_files, .. } = &self.options;
        let cards = kits.iter().map(|kit| Kit::card_in(kit)).collect::<Result<Vec<_>, _>>()?;
        let protected: Vec<bool> = cards.iter().map(|card| card.body.protected).collect();
        let files = after_their_kits(&self.kits_at, &self.files_at, &protected)
            .or_else(|| in_order(passphrase_files.len(), &protected))
            .ok_or_else(|| {
                Fault::usage(text!(
                    "{} passphrase files for {} kits: give each --passphrase-file after the --kit \
                    whose it is; without one the passphrase is asked for",
                        "{} fichiers de phrase de passe pour {} trousses : donnez chaque --passphrase-file après le --kit \
                            dont il est ; sans lui, la phrase de passe est demandée",
                    passphrase_files.len(),
                    kits.len()
                ))
            })?;
        let closed = kits.iter().zip(cards).zip(files).map(|((kit, card), file)| Closed {
            kit: kit.clone(),
            card,
            passphrase_file: file.map(|file| passphrase_files[file].clone()),
        });
        Ok(closed.collect())
    }
}

/// The file of each kit, where each file stands after a kit of its own that has a passphrase.
fn after_their_kits(
    kits_at: &[usize],
    files_at: &[usize],
    protected: &[bool],
) -> Option<Vec<Option<usize>>> {
    let mut files = vec![None; kits_at.len()];
    for (file, at) in files_at.iter().enumerate() {
        let kit = kits_at.iter().rposition(|kit| kit < at)?;
        if !protected[kit] || files[kit].replace(file).is_some() {
            return None;
        }
    }
    (files.len() == protected.len()).then_some(files)
}

/// The file of each kit, where there are as many as kits, or as kits with a passphrase.
fn in_order(given: usize, protected: &[bool]) -> Option<Vec<Option<usize>>> {
    let (all, some) = (given == protected.len(), protected.iter().filter(|one| **one).count());
    if given != 0 && !all && given != some {
        return None;
    }
    let mut files = 0..given;
    Some(protected.iter().map(|one| if all || *one { files.next() } else { None }).collect())
}

impl Closed {
    /// The kit in a directory, with the file of its passphrase, if one was named.
    pub(crate) fn look(kit: &Path, passphrase_file: Option<&Path>) -> Result<Self, Fault> {
        let card = Kit::card_in(kit)?;
        Ok(Self { kit: kit.to_owned(), card, passphrase_file: passphrase_file.map(Path::to_owned) })
    }

    /// Its card.
    pub(crate) fn card(&self) -> &Card {
        &self.card
    }

    /// Says what the kit says of itself, to be compared with what the custodian keeps on paper,
    /// before a passphrase is typed.
    pub(crate) fn introduce(&self, program: &Program) -> Result<(), Fault> {
        let shown = Kit::shown_by(&self.kit)?;
        program.say(text!(
            "  kit of `{}`: {}",
            "  trousse de `{}` : {}",
            self.card.body.name,
            said_of(&shown)
        ));
        Ok(())
    }

    /// Opens it, asking for the passphrase where it needs one and no file holds it.
    pub(crate) fn open(&self, program: &Program) -> Result<Kit, Fault> {
        self.open_with(program, |passphrase| Kit::open(&self.kit, passphrase))
    }

    /// As [`Closed::open`], with what opens it.
    pub(crate) fn open_with<T>(
        &self,
        program: &Program,
        open: impl Fn(Option<&[u8]>) -> Result<T, KitError>,
    ) -> Result<T, Fault> {
        if !self.card.body.protected {
            return Ok(open(None)?);
        }
        if let Some(file) = &self.passphrase_file {
            return Ok(open(Some(&read_passphrase(program, file)?))?);
        }
        let prompt = text!(
            "passphrase of `{}` for {}: ",
            "phrase de passe de `{}` pour {} : ",
            self.card.body.name,
            self.kit.display()
        );
        let unasked = |error: &std::io::Error| unopened(&self.kit, error);
        asked(program, &prompt, unasked, |passphrase, again| {
            open(Some(passphrase)).map_err(|error| match error {
                KitError::Passphrase { .. } if again => Fault::new(
                    "passphrase-wrong",
                    text!(
                        "that is not the passphrase of this kit",
                        "ce n'est pas la phrase de passe de cette trousse"
                    ),
                ),
                error => error.into(),
            })
        })
    }
}

/// Records the question, shows it to the custodians, and makes a quorum of their approvals. A
/// passphrase typed below the question is the consent to it.
pub(crate) fn gather(
    program: &Program,
    service: &mut Service,
    custodians: &Custodians,
    action: Action,
) -> Result<Quorum, Fault> {
    let Custodians { kits, distance } = custodians;
    let dealing = service.state().working_dealing()?;
    // Those who are elsewhere may be enough.
    let needed = if distance.is_some() { 0 } else { dealing.threshold.k() };
    // What would be refused is said first; nobody types a passphrase for nothing.
    service.check_proposal(&action)?;
    check_enough(kits.iter(), needed)?;
    let kits = &of_roster(program, dealing, kits, needed)?[..];
    if let Some(distance) = distance {
        distance.make_way(service)?;
    }
    let wait = distance.as_ref().map_or(WAIT, Distance::wait);
    let draft = service.propose(action, wait)?;
    let mut posted = None;
    let quorum = service.gather(draft, |gathering| {
        let (question, leaf) = (gathering.question().clone(), gathering.proposal().question);
        let number = gathering.number();
        let state = gathering.view().map_err(ServiceError::from)?.state;
        show(program, &question, (number, &leaf), state);
        if let Some(distance) = distance {
            posted = Some(distance.post(program, gathering)?);
        }
        let asked = said(&gathering.question().action.brief());
        for (at, closed) in kits.iter().enumerate() {
            let name = &closed.card.body.name;
            if gathering.given().any(|given| given == name) {
                program.say(text!(
                    "warning: a kit of `{name}` was given twice; it counts once",
                    "attention : une trousse de `{name}` a été donnée deux fois ; elle compte une fois"
                ));
                continue;
            }
            let Err(fault) = approve(program, gathering, closed, &asked) else { continue };
            // One kit that does not approve does not stop the others, where they are enough.
            let given: Vec<&Name> = gathering.given().collect();
            let others = names(kits[at + 1..].iter().copied());
            let others = others.iter().filter(|other| !given.contains(other)).count();
            if given.len() + others < needed {
                return Err(Asked(fault));
            }
            program.say(text!(
                "warning: `{name}` does not approve, the others are asked all the same ({})",
                "attention : `{name}` ne consent pas, la question est posée aux autres malgré tout ({})",
                fault.text()
            ));
        }
        match &mut posted {
            Some(posted) => Ok(posted.wait(program, gathering)?),
            None => Ok(()),
        }
    });
    if let Some(posted) = posted {
        posted.clear(program);
    }
    // What the closure could not do is its own fault, the rest is the service's.
    let quorum = quorum.map_err(|Asked(fault)| fault)?;
    for reason in quorum.set_aside() {
        let text = Fault::of(reason, &[]).text();
        program.say(text!(
            "warning: one approval does not count ({text})",
            "attention : un consentement ne compte pas ({text})"
        ));
    }
    Ok(quorum)
}

/// Nobody is asked where even all of the custodians are too few.
fn check_enough<'a>(
    kits: impl Iterator<Item = &'a Closed> + Clone,
    needed: usize,
) -> Result<(), Fault> {
    let given = names(kits.clone()).len();
    let mut known = BTreeSet::new();
    let error = match kits.map(|kit| &kit.card.body.name).find(|name| !known.insert(*name)) {
        _ if given >= needed => return Ok(()),
        Some(custodian) => QuorumError::Twice { custodian: custodian.clone() },
        None => QuorumError::TooFew { given, needed },
    };
    Err(ServiceError::from(error).into())
}

/// Whose kits these are.
fn names<'a>(kits: impl Iterator<Item = &'a Closed>) -> BTreeSet<&'a Name> {
    kits.map(|kit| &kit.card.body.name).collect()
}

/// The kits of which a card is in the roster; another one does not stop them, where they are
/// enough.
fn of_roster<'a>(
    program: &Program,
    dealing: &Dealing,
    kits: &'a [Closed],
    needed: usize,
) -> Result<Vec<&'a Closed>, Fault> {
    let is_of_roster = |kit: &&Closed| dealing.seat_of(&kit.card.body.signing).is_some();
    let (ours, others): (Vec<&Closed>, Vec<&Closed>) = kits.iter().partition(is_of_roster);
    for other in &others {
        let custodian = other.card.body.name.clone();
        let fault = Fault::from(ServiceError::from(QuorumError::NotInRoster { custodian }));
        if check_enough(ours.iter().copied(), needed).is_err() {
            return Err(fault);
        }
        program.say(text!(
            "warning: {:?} is not asked ({})",
            "attention : {:?} n'est pas interrogé ({})",
            other.kit,
            fault.text()
        ));
    }
    Ok(ours)
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
    program.say(text!(
        "  `{name}` approves, statement {count}: {asked}",
        "  `{name}` consent, déclaration {count} : {asked}"
    ));
    Ok(())
}

/// Says what a kit has to say about a ledger, before anything is stated on it.
pub(crate) fn note(program: &Program, kit: &Kit, ledger: View<'_>) -> Result<Vec<Remark>, Fault> {
    let remarks = kit.remarks(ledger)?;
    for note in notes(&remarks) {
        program.say(text!("  note for `{}`: {note}", "  note pour `{}` : {note}", kit.name()));
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
        program.say(text!(
            "keep on paper, `{name}`: {}",
            "gardez sur papier, `{name}` : {}",
            said_of(&shown)
        ));
    }
    for error in unseen {
        let text = Fault::of(&error, &[]).text();
        program.say(match error {
            KitError::Share(_) => text!("warning: a share was not used ({text})",
                "attention : une part n'a pas été utilisée ({text})"),
            _ => text!(
                "warning: a kit did not see the whole run ({text}): run `custodian check` with it",
                "attention : une trousse n'a pas vu toute l'opération ({text}) : lancez `custodian check` avec elle"
            ),
        });
    }
}

/// Nothing was typed.
fn unopened(kit: &Path, error: &std::io::Error) -> Fault {
    let needs = KitError::NeedsPassphrase { kit: kit.to_owned() };
    Fault::from(needs).advising(untyped(error))
}

#[cfg(test)]
mod tests {
    use std::io::ErrorKind;

    use super::*;

    #[test]
    fn a_passphrase_file_is_that_of_the_kit_before_it() {
        let files = |kits: &[usize], files: &[usize], protected: &[bool]| {
            after_their_kits(kits, files, protected).or_else(|| in_order(files.len(), protected))
        };
        let three = [true; 3];
        // --kit A --passphrase-file a --kit B --kit C --passphrase-file c
        assert_eq!(files(&[1, 5, 7], &[3, 9], &three), Some(vec![Some(0), None, Some(1)]));
        assert_eq!(files(&[1, 3, 5], &[7], &three), Some(vec![None, None, Some(0)]));
        assert_eq!(files(&[1, 3, 5], &[], &three), Some(vec![None; 3]));
        // After all of them, in their order; not fewer, of which nobody knows whose they are.
        assert_eq!(files(&[1, 3, 5], &[7, 9, 11], &three), Some(vec![Some(0), Some(1), Some(2)]));
        assert_eq!(files(&[1, 3, 5], &[7, 9], &three), None);
        assert_eq!(files(&[3, 5, 7], &[1], &three), None);
        // Of two kits of which one has a passphrase, the file is that one's.
        assert_eq!(files(&[1, 3], &[5], &[true, false]), Some(vec![Some(0), None]));
        assert_eq!(files(&[1, 3], &[5], &[false, true]), Some(vec![None, Some(0)]));
    }

    #[test]
    fn the_advice_names_the_terminal_only_if_there_is_none() {
        let said =
            |kind: ErrorKind| unopened(Path::new("kit"), &kind.into()).line().unwrap_or_default();
        let (ended, none) = (said(ErrorKind::UnexpectedEof), said(ErrorKind::NotFound));
        assert!(ended.contains("none was typed") && !ended.contains("no terminal"), "{ended}");
        assert!(none.contains("no terminal") && none.contains("--passphrase-file"), "{none}");
    }
}
