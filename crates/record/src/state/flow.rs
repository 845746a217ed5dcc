//! How requests come and results go: from whom, to whom, in parcels or in clear (SPEC §12, §19.7).

use std::collections::BTreeMap;

use cstatns_base::name::{Hex, Name};
use jiff::Timestamp;
use serde::Serialize;

use crate::party::Role;
use crate::proposal::{Action, Input, Sent};

use super::{Domain, Refusal, State};

impl State {
    /// Whether the requests of an action may come as they do, and their results go where they go.
    pub(super) fn check_flow(
        &self,
        action: &Action,
        (name, domain): (&Name, &Domain),
        now: Timestamp,
    ) -> Result<(), Refusal> {
        let strict = domain.kind.is_research() && !self.demo;
        match action.recipient() {
            Some(card) => self.check_recipient(card, name)?,
            None if strict => return Err(Refusal::ResearchNeedsParty),
            None => {}
        }
        action.inputs().iter().try_for_each(|input| match &input.sent {
            Some(sent) => self.check_sent(action, (name, domain), (input, sent), now),
            None if strict => Err(Refusal::RequestInClear),
            None => Ok(()),
        })
    }

    /// Whether results of a domain may go to a party: those of statistics to a controller, those of
    /// research to a linking body.
    ///
    /// # Errors
    /// [`Refusal::RecipientRole`], [`Refusal::UnknownParty`], [`Refusal::PartyEnded`].
    pub fn check_recipient(&self, card: &Hex<32>, domain: &Name) -> Result<(), Refusal> {
        let gets = match self.domain(domain)?.kind.is_research() {
            true => Role::Linking,
            false => Role::Controller,
        };
        match self.role_of(card, domain)? {
            Some(role) if role == gets => Ok(()),
            _ => Err(Refusal::RecipientRole),
        }
    }

    /// Whether a request in a parcel is from whom it says, with a key that was issued for it, and
    /// its result goes back to whose request it is.
    fn check_sent(
        &self,
        action: &Action,
        (name, domain): (&Name, &Domain),
        (input, sent): (&Input, &Sent),
        now: Timestamp,
    ) -> Result<(), Refusal> {
        let key = self.living_request_key(&sent.key)?;
        if now >= key.expires {
            return Err(Refusal::UnknownRequestKey);
        }
        if (&key.party, &key.domain) != (&sent.sender, name) {
            return Err(Refusal::OtherRequestKey);
        }
        let (renews, is_research) =
            (matches!(action, Action::Renew { .. }), domain.kind.is_research());
        let is_holder = match self.role_of(&sent.sender, name)? {
            Some(Role::Linking) if is_research && renews => false,
            Some(Role::Controller) if !(is_research && renews) => false,
            Some(Role::Holder) if !(is_research && renews) => true,
            _ => return Err(Refusal::SenderRole),
        };
        let sends_for = match &sent.controller {
            Some(controller) => {
                is_holder && self.role_of(controller, name)? == Some(Role::Controller)
            }
            None => !is_holder,
        };
        if !sends_for {
            return Err(Refusal::SentFor);
        }
        // What a holder sends goes to its controller, whom only a parcel names. In research codes
        // go to who links, which must get back those that it renews.
        let goes_back = match action.recipient() {
            Some(recipient) => recipient == sent.owner() || (is_research && !renews),
            None => !is_holder,
        };
        if !goes_back {
            return Err(Refusal::OtherRecipient);
        }
        let declared = action.declaration(self.service().id(), input);
        let signing = &self.party(&sent.sender)?.card.body.signing;
        match declared.is_some_and(|declared| declared.is_known_by(signing, &self.proved)) {
            true => Ok(()),
            false => Err(Refusal::DeclarationSignature),
        }
    }

    /// The role of a party in a domain, if it has one there.
    fn role_of(&self, card: &Hex<32>, domain: &Name) -> Result<Option<Role>, Refusal> {
        Ok(self.party(card)?.roles.get(domain).map(|known| known.role))
    }
}

/// What came in a domain and went out, and how long it has served (R15): the more files have a code
/// of one kind, the more it is a name of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Flow {
    /// Files that were coded or renewed in it.
    pub files: u64,
    /// Their requests and results that travelled as parcels.
    pub parcels: u64,
    /// Their requests that came in clear.
    pub requests_in_clear: u64,
    /// Their results that were handed out in clear.
    pub results_in_clear: u64,
    /// When its first key was made.
    pub since: Timestamp,
    /// Whole years in service: until now, or until its keys were destroyed.
    pub years: u32,
}

impl State {
    /// The flow of each domain at `now`.
    pub fn flows(&self, now: Timestamp) -> BTreeMap<&Name, Flow> {
        let new = |(name, domain): (_, &Domain)| {
            let since = domain.keys.values().next().map_or(now, |key| key.made);
            let until = domain.destroyed.unwrap_or(now);
            let days = until.duration_since(since).as_hours().max(0) / 24;
            let years = u32::try_from(days * 400 / 146_097).unwrap_or(u32::MAX);
            let (files, parcels, requests_in_clear, results_in_clear) = (0, 0, 0, 0);
            (name, Flow { files, parcels, requests_in_clear, results_in_clear, since, years })
        };
        let mut flows: BTreeMap<&Name, Flow> = self.domains.iter().map(new).collect();
        for delivery in self.deliveries.values() {
            let Some(flow) = flows.get_mut(&delivery.domain) else { continue };
            let [request, result] = [delivery.sender.is_some(), delivery.recipient.is_some()];
            flow.files += 1;
            flow.parcels += u64::from(request) + u64::from(result);
            flow.requests_in_clear += u64::from(!request);
            flow.results_in_clear += u64::from(!result);
        }
        flows
    }
}
