//! The five rules of a life, and those of them that the lines of a ledger show. They fold lines by
//! themselves: who approved what, which key was the present one, and which epochs are over.

use std::collections::{BTreeMap, BTreeSet};

use cstatns::dealing::{Dealing, Epoch};
use cstatns::ledger::event::{Destroyed, Event, Line};
use cstatns::name::{Hex, Name, canonical_json};
use cstatns::proposal::{Action, Consent, Question, RunId};
use ed25519_dalek::{Signature, VerifyingKey};
use sha2::{Digest, Sha256};

/// What must hold of every life, whatever happens in it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Rule {
    KeyKept,
    OldEpochShut,
    Approved,
    OneActive,
    Audited,
}

impl Rule {
    pub(crate) const ALL: [Self; 5] =
        [Self::KeyKept, Self::OldEpochShut, Self::Approved, Self::OneActive, Self::Audited];

    /// The rule, as it stands in what is printed when it breaks.
    pub(crate) fn text(self) -> &'static str {
        match self {
            Self::KeyKept => "no key is lost while k honest shares of the working epoch remain",
            Self::OldEpochShut => "no old epoch opens after its seals are destroyed",
            Self::Approved => "no run without k valid approvals of one epoch",
            Self::OneActive => "no two active generations",
            Self::Audited => "no event that the auditor refuses",
        }
    }
}

/// A rule that is broken, and by what.
#[derive(Debug)]
pub(crate) struct Broken(pub Rule, pub String);

/// What the lines of a ledger have said.
#[derive(Default)]
struct Folded {
    dealings: BTreeMap<Epoch, Dealing>,
    working: Option<Epoch>,
    /// Each question, and the leaf hash of its line.
    questions: BTreeMap<RunId, (Question, Hex<32>)>,
    running: BTreeSet<RunId>,
    /// The newest generation of each domain.
    newest: BTreeMap<Name, u32>,
    /// Every check value that there was.
    checks: BTreeSet<String>,
    /// The epochs whose seals are destroyed.
    pub shut: BTreeSet<Epoch>,
}

/// Looks at every line by the rules about approvals, generations and epochs; gives the epochs whose
/// seals are destroyed.
pub(crate) fn judge(lines: &[Line]) -> Result<BTreeSet<Epoch>, Broken> {
    let mut folded = Folded::default();
    for line in lines {
        folded.take(line).map_err(|Broken(rule, why)| {
            Broken(rule, format!("event {} ({}): {why}", line.sequence, line.event.word()))
        })?;
    }
    Ok(folded.shut)
}

fn broken<T>(rule: Rule, why: impl Into<String>) -> Result<T, Broken> {
    Err(Broken(rule, why.into()))
}

impl Folded {
    fn take(&mut self, line: &Line) -> Result<(), Broken> {
        match &line.event {
            Event::Dealt { dealing, .. } => {
                if !self.dealings.is_empty() {
                    let asked = |action: &Action| matches!(action, Action::Deal { epoch, .. } if *epoch == dealing.epoch);
                    self.runs_now(asked)?;
                }
                if self.dealings.insert(dealing.epoch, (**dealing).clone()).is_some() {
                    return broken(Rule::OldEpochShut, "an epoch is dealt twice");
                }
            }
            Event::EpochWorking { epoch, .. } => {
                if self.working.is_some_and(|working| *epoch <= working) {
                    return broken(Rule::OldEpochShut, "an older epoch works again");
                }
                self.working = Some(*epoch);
            }
            Event::Proposed { question } => {
                let leaf = Sha256::new_with_prefix([0]).chain_update(canonical_json(line));
                let leaf = Hex(leaf.finalize().into());
                self.questions.insert(question.run, ((**question).clone(), leaf));
            }
            Event::Intent { run, consents, .. } => {
                self.approved(run, consents)?;
                self.running.insert(*run);
            }
            Event::Opened { run, check } => match self.action(run)?.clone() {
                Action::Open { domain, .. } => self.made(domain, 1, check.to_string())?,
                _ => return broken(Rule::Approved, "another question was approved"),
            },
            Event::KeyMade { run, check } => match self.action(run)?.clone() {
                Action::NewKey { domain, generation, .. } => {
                    self.made(domain, generation.get(), check.to_string())?;
                }
                _ => return broken(Rule::Approved, "another question was approved"),
            },
            Event::Coded { run, .. } | Event::Renewed { run, .. } => {
                let (domain, generation) = match self.action(run)? {
                    Action::Code { domain, generation, .. }
                    | Action::Renew { domain, generation, .. } => (domain, generation.get()),
                    _ => return broken(Rule::Approved, "another question was approved"),
                };
                let newest = self.newest.get(domain).copied().unwrap_or(0);
                if generation != newest {
                    let why = format!("generation {generation} gives codes, {newest} is active");
                    return broken(Rule::OneActive, why);
                }
            }
            Event::Extended { run }
            | Event::Closed { run }
            | Event::Examined { run }
            | Event::Abandoned { run } => {
                self.action(run)?;
            }
            Event::Destroyed { what: Destroyed::Seals { epoch }, .. } => {
                self.shut.insert(*epoch);
            }
            _ => {}
        }
        Ok(())
    }

    /// What a run was approved for.
    fn action(&self, run: &RunId) -> Result<&Action, Broken> {
        match self.questions.get(run).filter(|_| self.running.contains(run)) {
            Some((question, _)) => Ok(&question.action),
            None => broken(Rule::Approved, "nobody has approved it"),
        }
    }

    /// That a run for this was approved.
    fn runs_now(&self, asked: impl Fn(&Action) -> bool) -> Result<(), Broken> {
        let mut approved = self.running.iter().filter_map(|run| self.questions.get(run));
        match approved.any(|(question, _)| asked(&question.action)) {
            true => Ok(()),
            false => broken(Rule::Approved, "nobody has approved it"),
        }
    }

    /// k custodians of the working epoch, each once, have signed their consent to this question.
    fn approved(&self, run: &RunId, consents: &[Consent]) -> Result<(), Broken> {
        let Some((question, leaf)) = self.questions.get(run) else {
            return broken(Rule::Approved, "there was no question");
        };
        let epoch = question.epoch;
        if self.working != Some(epoch) {
            return broken(Rule::Approved, format!("epoch {epoch} does not work"));
        }
        let (dealing, mut valid) = (&self.dealings[&epoch], BTreeSet::new());
        for Consent { body, signature } in consents {
            let by = &body.by;
            let Some(seat) = dealing.roster.iter().find(|seat| seat.card.body.name == *by) else {
                return broken(Rule::Approved, format!("{by} has no share of epoch {epoch}"));
            };
            let about = body.epoch == epoch && body.question == *leaf;
            let message = [b"CStatNS/approval/".to_vec(), canonical_json(body)].concat();
            let signer = VerifyingKey::from_bytes(&seat.card.body.signing.0);
            let signature = Signature::from_bytes(&signature.0);
            let signed = signer.is_ok_and(|key| key.verify_strict(&message, &signature).is_ok());
            if !about || !signed {
                return broken(Rule::Approved, format!("the consent of {by} is not valid"));
            }
            valid.insert(by);
        }
        let (valid, k) = (valid.len(), dealing.threshold.k());
        if valid < k {
            return broken(Rule::Approved, format!("{valid} custodians consent, {k} must"));
        }
        Ok(())
    }

    /// A key begins: its number is above all that the domain has had.
    fn made(&mut self, domain: Name, generation: u32, check: String) -> Result<(), Broken> {
        let newest = self.newest.get(&domain).copied().unwrap_or(0);
        if generation <= newest {
            let why = format!("generation {generation} begins after {newest} in `{domain}`");
            return broken(Rule::OneActive, why);
        }
        if !self.checks.insert(check) {
            return broken(Rule::OneActive, "two generations have one key");
        }
        self.newest.insert(domain, generation);
        Ok(())
    }
}
