//! New keys and doubts (SPEC §12; R9–R11).

use cstatns_record::ledger::event::Event;
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
