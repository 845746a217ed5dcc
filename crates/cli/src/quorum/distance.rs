//! Custodians who approve elsewhere: the proposal that they are sent, and the folder in which
//! their approvals are waited for (SPEC §9). Others write to it: nothing that lies there ends the
//! waiting.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{OsStr, OsString};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::Duration;

use clap::Args;
use cstatns::custody::approval::Approval;
use cstatns::files::{self, Access, Facts, FileError, Together};
use cstatns::name::{Hex, Name};
use cstatns::proposal::LONGEST_WAIT;
use cstatns::proposal_file::ProposalFile;
use cstatns::service::{Gathering, Service};
use jiff::SignedDuration;

use crate::accept::duration;
use crate::fault::Fault;
use crate::lang::text;
use crate::output::Program;
use crate::watch::Ears;

/// How long approvals are waited for where nobody says.
const WAIT: SignedDuration = SignedDuration::from_hours(2);
/// How often the folder is looked at, and in between for a signal.
const PAUSE: (u32, Duration) = (20, Duration::from_millis(50));
/// More than an approval is long, in bytes.
const LIMIT: u64 = 1 << 16;
/// The most files of a folder that are named.
const MOST_NAMED: usize = 100;

#[derive(Args, Default)]
pub(super) struct DistanceOptions {
    /// Custodians who are elsewhere approve too: the proposal to write, for `custodian approve`. It
    /// is removed once nobody is asked any more
    #[arg(long, value_name = "P", requires = "approvals")]
    proposal: Option<PathBuf>,
    /// The folder in which their approvals are waited for; those of this proposal are removed
    /// afterwards
    #[arg(long, value_name = "DIR", requires = "proposal")]
    approvals: Option<PathBuf>,
    /// How long approvals are waited for, such as 40m or 2h, at most 24h [default: 2h]
    #[arg(long, value_name = "DURATION", requires = "proposal", value_parser = wait)]
    wait: Option<SignedDuration>,
}

fn wait(text: &str) -> Result<SignedDuration, String> {
    let wait = duration(text).and_then(|wait| {
        SignedDuration::try_from(wait).map_err(|_| "at most 24 hours".to_owned())
    })?;
    match wait <= LONGEST_WAIT && !wait.is_zero() {
        true => Ok(wait),
        false => Err("approvals count for 24 hours at most".to_owned()),
    }
}

/// Where custodians who are elsewhere find the proposal, and leave their approvals.
pub(crate) struct Distance {
    proposal: PathBuf,
    approvals: PathBuf,
    wait: SignedDuration,
}

impl DistanceOptions {
    pub(super) fn look(&self) -> Result<Option<Distance>, Fault> {
        let (Some(proposal), Some(approvals)) = (&self.proposal, &self.approvals) else {
            return Ok(None);
        };
        files::list(approvals)?;
        files::check_directory_of(proposal)?;
        let wait = self.wait.unwrap_or(WAIT);
        Ok(Some(Distance { proposal: proposal.clone(), approvals: approvals.clone(), wait }))
    }
}

impl Distance {
    /// How long approvals are waited for.
    pub(super) fn wait(&self) -> SignedDuration {
        self.wait
    }

    /// Refuses a name that is taken. The proposal of a command of this service that was stopped
    /// makes way: its question has ended.
    pub(super) fn make_way(&self, service: &Service) -> Result<(), Fault> {
        let path = &self.proposal;
        if !files::taken(path)? {
            return Ok(());
        }
        let asked = ProposalFile::read(path).ok().map(|file| file.proposal().clone());
        let head = asked.and_then(|asked| asked.head(service.state().service_keys()));
        let ended = head.is_some_and(|head| {
            let mut open = service.state().open_questions().values();
            service.history().includes(&head) && open.all(|open| open.number != head.size)
        });
        match ended {
            true => Ok(files::remove(path)?),
            false => Err(FileError::Exists { path: path.clone() }.into()),
        }
    }

    /// Writes the proposal.
    pub(super) fn post(
        &self,
        program: &Program,
        gathering: &Gathering<'_>,
    ) -> Result<Posted<'_>, Fault> {
        let path = &self.proposal;
        let mut out = Together::create([path], Access::Shared)?;
        let bytes = gathering.proposal_file()?.bytes();
        out.files[0].write_all(&bytes).map_err(|error| FileError::from_io(path, &error))?;
        out.commit()?;
        program.say(text!(
            "give {path:?} to the custodians who are elsewhere: `custodian approve KIT {} --out APPROVAL`, and \
            put their approvals into {:?}",
            "remettez {path:?} aux détenteurs qui sont ailleurs : `custodian approve KIT {} --out APPROVAL`, et mettez \
                leurs consentements dans {:?}",
            path.display(),
            self.approvals
        ));
        let question = gathering.proposal().question;
        Ok(Posted { distance: self, question, known: BTreeMap::new(), named: BTreeSet::new() })
    }
}

/// A proposal that lies there, and what was seen of the folder of approvals.
pub(super) struct Posted<'a> {
    distance: &'a Distance,
    question: Hex<32>,
    /// Files that were judged, as they were then.
    known: BTreeMap<OsString, Facts>,
    /// Files that were reported.
    named: BTreeSet<OsString>,
}

impl Posted<'_> {
    /// Waits until as many have approved as are needed.
    pub(super) fn wait(
        &mut self,
        program: &Program,
        gathering: &mut Gathering<'_>,
    ) -> Result<(), Fault> {
        let here = gathering.given().next().is_some();
        gathering.wait_for_others();
        let ears = program.is_alone().then(Ears::open);
        let mut said = false;
        loop {
            self.look(program, gathering);
            if gathering.is_enough() {
                return Ok(());
            }
            if !std::mem::replace(&mut said, true) {
                program.say(waiting(gathering));
                if here {
                    program.say(text!(
                        "the kits stay here until the run has ended: they hand over their shares then",
                        "les trousses restent ici jusqu'à la fin de l'opération : elles remettent alors leurs parts"
                    ));
                }
            }
            gathering.check_waits()?;
            let (times, pause) = PAUSE;
            for _ in 0..times {
                if ears.as_ref().is_some_and(Ears::have_heard) {
                    return Err(Fault::new(
                        "interrupted",
                        text!(
                            "interrupted while approvals were waited for: nothing was run, and the next command asks \
                            a new question",
                            "interrompu pendant l'attente des consentements : rien n'a été fait, et la commande \
                                suivante pose une nouvelle question"
                        ),
                    ));
                }
                sleep(pause);
            }
        }
    }

    /// Takes the approvals that are new.
    fn look(&mut self, program: &Program, gathering: &mut Gathering<'_>) {
        let directory = self.distance.approvals.clone();
        let paths = match files::list(&directory) {
            Ok(paths) => paths,
            Err(error) => {
                return self.report(program, directory.as_os_str(), &Fault::of(&error, &[]));
            }
        };
        for path in paths {
            if gathering.is_enough() {
                return;
            }
            let Some(name) = path.file_name().map(OsStr::to_owned) else { continue };
            let facts = Facts::of_link(&path).ok();
            if files::is_temporary(&name)
                || facts.is_none()
                || self.known.get(&name) == facts.as_ref()
            {
                continue;
            }
            let taken = match read(&path) {
                Ok(Some(approval)) => {
                    gathering.take(approval).cloned().map_err(|error| Fault::of(&error, &[]))
                }
                Ok(None) => Err(Fault::new(
                    "approval-form",
                    text!(
                        "it is not an approval, or not a whole one",
                        "ce n'est pas un consentement, ou pas un consentement entier"
                    ),
                )),
                Err(FileError::Missing { .. }) => continue,
                // It may be read later.
                Err(error) => {
                    self.report(program, &name, &Fault::of(&error, &[]));
                    continue;
                }
            };
            match taken {
                Ok(by) => program.say(approved(&by, gathering)),
                Err(fault) => self.report(program, &name, &fault),
            }
            self.known.extend(facts.map(|facts| (name, facts)));
        }
    }

    /// Says once of a file why it does not count.
    fn report(&mut self, program: &Program, name: &OsStr, fault: &Fault) {
        if self.named.len() > MOST_NAMED || !self.named.insert(name.to_owned()) {
            return;
        }
        program.say(match self.named.len() > MOST_NAMED {
            true => text!(
                "warning: more files in the folder of approvals do not count; they are not named",
                "attention : d'autres fichiers du dossier des consentements ne comptent pas ; ils ne sont pas nommés"
            ),
            false => text!(
                "warning: {name:?} in the folder of approvals does not count ({})",
                "attention : {name:?} dans le dossier des consentements ne compte pas ({})",
                fault.text()
            ),
        });
    }

    /// Nobody is asked any more: removes the proposal, and the approvals of its question.
    pub(super) fn clear(self, program: &Program) {
        let Distance { proposal, approvals, .. } = self.distance;
        let own = |path: &PathBuf| {
            let read = read(path).ok().flatten();
            read.is_some_and(|approval| approval.consent.body.question == self.question)
        };
        let left = files::list(approvals).unwrap_or_default().into_iter().filter(own);
        for path in left.chain([proposal.clone()]) {
            if let Err(error) = files::remove_if_present(&path) {
                program.say(text!(
                    "warning: {path:?} is of no use any more, and stays ({})",
                    "attention : {path:?} ne sert plus à rien, et reste ({})",
                    Fault::of(&error, &[]).text()
                ));
            }
        }
    }
}

/// Reads what may be an approval: no link is followed and no pipe waited for.
fn read(path: &Path) -> Result<Option<Approval>, FileError> {
    Ok(serde_json::from_slice(&files::read_no_link(path, LIMIT)?).ok())
}

/// How many have approved so far, and who.
fn given(gathering: &Gathering<'_>) -> String {
    let names: Vec<&str> = gathering.given().map(Name::as_str).collect();
    let (given, needed) = (names.len(), gathering.needed());
    match given {
        0 => text!("0 of {needed}", "0 sur {needed}"),
        _ => text!("{given} of {needed}: {}", "{given} sur {needed} : {}", names.join(", ")),
    }
}

fn waiting(gathering: &Gathering<'_>) -> String {
    let (until, given) = (gathering.question().expires, given(gathering));
    text!(
        "waiting for approvals until {until}, {given}",
        "attend les consentements jusqu'au {until}, {given}"
    )
}

fn approved(by: &Name, gathering: &Gathering<'_>) -> String {
    let given = given(gathering);
    text!("`{by}` approves, {given}", "`{by}` consent, {given}")
}
