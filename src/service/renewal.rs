//! New keys and doubts (SPEC §12; R9–R11).

use cstatns_base::name::Name;
use cstatns_record::ledger::Lines;
use cstatns_record::ledger::event::{Event, Line};
use cstatns_record::proposal::Action;
use cstatns_record::receipt::Doubt;

use crate::custody::quorum::Quorum;

use super::{Service, ServiceError};

impl Service {
    /// Makes the key of the next generation that a quorum approved. The former key is chain-only
    /// from then on.
    ///
    /// # Errors
    /// [`ServiceError`]; the domain has its former key then.
    pub fn new_key(&mut self, quorum: Quorum) -> Result<(), ServiceError> {
        let Action::NewKey { domain, generation, .. } = quorum.question().action.clone() else {
            return Err(self.other_action(quorum));
        };
        self.run(quorum, |service, approved| {
            let known = service.state.domain(&domain)?;
            let (kind, newest) = (known.kind, known.newest_kept());
            // A project's next key is sealed under the life secret that opens the one before it.
            let life = match newest.filter(|_| kind.is_research()) {
                Some(newest) => service.open_key(&approved.root, &domain, newest)?.life,
                None => None,
            };
            let place = service.place(approved.epoch, &domain, kind, generation);
            let check = service.make_key(&approved, &place, life)?;
            service.record(Event::KeyMade { run: approved.run, check })
        })
    }

    /// Refuses to make a domain's next key again where its present one was made by the last run
    /// and nothing but refusals was recorded since: the command is repeated because it did not say
    /// that it was done.
    ///
    /// # Errors
    /// [`ServiceError::KeyJustMade`]; [`Refusal::UnknownDomain`](cstatns_record::state::Refusal);
    /// [`ServiceError::File`].
    pub fn check_key_is_older(&self, domain: &Name) -> Result<(), ServiceError> {
        let domain_now = self.state.domain(domain)?;
        let (generation, present) = (domain_now.generation(), domain_now.active());
        let mut last = None;
        let mut lines = Lines::open(self.ledger.path())?;
        while let Some(line) = lines.next_line()? {
            let line: Line = serde_json::from_slice(line)
                .map_err(|_| ServiceError::HomeDamaged { file: "ledger.jsonl" })?;
            match line.event {
                Event::Refused { .. } => {}
                event => last = Some((line.sequence, event)),
            }
        }
        match last {
            Some((event, Event::KeyMade { check, .. })) if check == present.check => {
                Err(ServiceError::KeyJustMade { domain: domain.clone(), generation, event })
            }
            _ => Ok(()),
        }
    }

    /// Closes the doubts that a quorum has examined.
    ///
    /// # Errors
    /// [`ServiceError`]; the doubts stand as before then.
    pub fn examined(&mut self, quorum: Quorum) -> Result<(), ServiceError> {
        let Action::Examined { .. } = quorum.question().action else {
            return Err(self.other_action(quorum));
        };
        self.run(quorum, |service, approved| service.record(Event::Examined { run: approved.run }))
    }

    /// Records one custodian's doubt: coding stops until a new key is made.
    ///
    /// # Errors
    /// [`cstatns_record::state::Refusal`] when the statement is not sound.
    pub fn doubt(&mut self, doubt: Doubt) -> Result<(), ServiceError> {
        self.state.check_doubt(&doubt, self.ledger.history())?;
        self.record(Event::Doubted { doubt })
    }
}
