//! A home that is recovered without its signing key, or with one that was replaced, gets another
//! one (SPEC §13): nothing can be recorded before.

use cstatns_base::name::canonical_json;
use cstatns_record::card::ServiceKeys;
use cstatns_record::checkpoint::sign_head;
use cstatns_record::ledger::event::Event;
use cstatns_record::ledger::next_line;
use cstatns_record::state::Broken;
use jiff::Timestamp;

use crate::custody::custodian::Kit;

use super::super::ServiceError;
use super::super::identity::Identity;
use super::Candidate;

/// Whether another signing key is needed: the present one is not in the home, or a kit at hand
/// knows that it was replaced.
pub(super) fn is_needed(
    home: &std::path::Path,
    keys: &ServiceKeys,
    kits: &[Kit],
) -> Result<bool, ServiceError> {
    match Identity::present(home, keys) {
        Ok(_) => Ok(kits.iter().any(|kit| kit.knows_replaced(keys))),
        Err(ServiceError::IdentityLost { .. }) => Ok(true),
        Err(error) => Err(error),
    }
}

impl Candidate {
    /// Adds the event by which custodians accept the key of `identity`, and the checkpoint that it
    /// signs.
    pub(super) fn rekey(
        &mut self,
        identity: &Identity,
        kits: &mut [Kit],
        clock: Timestamp,
    ) -> Result<(), ServiceError> {
        let service = self.state.service().id().to_owned();
        let card = Box::new(identity.card(&service));
        let mut statements = Vec::with_capacity(kits.len());
        for kit in kits {
            statements.push(kit.accept_recovered(&card, &self.history, &self.state, clock)?);
        }
        statements.sort_by(|a, b| a.body.by.cmp(&b.body.by));
        let event = Event::Rekeyed { card, statements };
        let time = self.state.time_of(clock, &event);
        let line = next_line(&self.history, &service, time, clock, event);
        let broken = |reason| Broken::Unlawful { number: line.sequence, reason };
        self.state.apply(&line, &self.history).map_err(broken)?;
        let bytes = canonical_json(&line);
        self.history.push(&bytes);
        self.bytes.extend_from_slice(&bytes);
        self.bytes.push(b'\n');
        self.covered = self.history.head();
        self.note = sign_head(&self.covered, &service, &identity.key());
        Ok(())
    }
}
