//! Parties, what they may do, and the request keys that were issued to them (SPEC §12, §19).

use std::collections::BTreeMap;

use cstatns_base::name::{Hex, Name};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::card::PartyCard;
use crate::ledger::event::{Destroyed, SealedRequestKey};
use crate::party::{LONGEST_REQUEST_KEY, MOST_DOMAINS, MOST_REQUEST_KEYS, Role};
use crate::proposal::{Action, RunId};

use super::{PendingRun, Refusal, State, Unlawful};

/// A party and what it may do.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[non_exhaustive]
pub struct PartyState {
    /// Its card.
    pub card: PartyCard,
    /// Its roles, by domain.
    pub roles: BTreeMap<Name, Registration>,
    /// The number of the event that ended its roles.
    pub until: Option<u64>,
}

/// One role of a party in one domain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Registration {
    /// The role.
    pub role: Role,
    /// The number of the event that gave it.
    pub since: u64,
}

/// A request key that was issued.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[non_exhaustive]
pub struct IssuedKey {
    /// The fingerprint of the party's card.
    pub party: Hex<32>,
    /// The domain.
    pub domain: Name,
    /// The digest of its public half.
    pub public: Hex<32>,
    /// When it is destroyed, used or not.
    pub expires: Timestamp,
    /// The number of the event that issued it.
    pub since: u64,
    /// The number of the event since which it serves no more.
    pub ended: Option<u64>,
    /// The number of the event that states its private half destroyed.
    pub destroyed: Option<u64>,
}

impl State {
    /// Whether a party may be registered.
    pub(super) fn check_party(
        &self,
        card: &PartyCard,
        role: Role,
        domains: &[Name],
        now: Timestamp,
    ) -> Result<(), Refusal> {
        if !card.is_sound() {
            return Err(Refusal::PartyCard);
        }
        let listed =
            (1..=MOST_DOMAINS).contains(&domains.len()) && domains.is_sorted_by(|a, b| a < b);
        if !listed {
            return Err(Refusal::PartyDomains);
        }
        let (fingerprint, body) = (card.fingerprint(), &card.body);
        let known = self.parties.get(&fingerprint);
        if known.is_some_and(|party| party.until.is_some()) {
            return Err(Refusal::PartyEnded);
        }
        for name in domains {
            let domain = self.living(name, now)?;
            if role.is_of_research() && !domain.kind.is_research() {
                return Err(Refusal::PartyRole { domain: name.clone() });
            }
            if known.is_some_and(|party| party.roles.contains_key(name)) {
                return Err(Refusal::PartyRegistered { domain: name.clone() });
            }
        }
        // Who links must not see an identifier anywhere.
        let mut roles = known.iter().flat_map(|party| party.roles.values());
        if roles.any(|known| (known.role == Role::Linking) != (role == Role::Linking)) {
            return Err(Refusal::PartyLinking);
        }
        if let Some(other) = self.bearer(&body.signing, &body.receiving, &fingerprint) {
            return Err(Refusal::PartyKeys { other });
        }
        match self
            .living_parties()
            .any(|(card, party)| *card != fingerprint && party.card.body.name == body.name)
        {
            true => Err(Refusal::PartyName),
            false => Ok(()),
        }
    }

    /// Who has one of these keys on a card of the ledger: a custodian, the service, or a party with
    /// another card than `but`, whether its roles are ended or not.
    pub(super) fn bearer(
        &self,
        signing: &Hex<32>,
        receiving: &Hex<1216>,
        but: &Hex<32>,
    ) -> Option<Name> {
        let seats = self.epochs.values().flat_map(|epoch| &epoch.dealing.roster);
        let custodians = seats.map(|seat| &seat.card.body);
        let custodians = custodians.map(|card| (&card.name, &card.signing, &card.receiving));
        let parties = self.parties.iter().filter(|(card, _)| *card != but);
        let parties = parties.map(|(_, party)| &party.card.body);
        let parties = parties.map(|card| (&card.name, &card.signing, &card.receiving));
        let same =
            |(_, known, key): &(_, &Hex<32>, &Hex<1216>)| *known == signing || *key == receiving;
        let bearer = custodians.chain(parties).find(same).map(|(name, _, _)| name.clone());
        bearer.or_else(|| self.service_keys.contains(signing).then(|| self.service.name()))
    }

    /// Whether a party has one of these keys on its card.
    pub(super) fn is_of_a_party(&self, signing: &Hex<32>, receiving: Option<&Hex<1216>>) -> bool {
        self.parties.values().any(|party| {
            let body = &party.card.body;
            body.signing == *signing || Some(&body.receiving) == receiving
        })
    }

    pub(super) fn registered(&mut self, run: &RunId) -> Result<(), Unlawful> {
        let PendingRun { question, .. } = self.take_pending(run)?;
        let Action::Party { card, role, domains } = question.action else {
            return Err(Unlawful::NoIntent);
        };
        let since = self.events;
        let new = || PartyState { card: *card.clone(), roles: BTreeMap::new(), until: None };
        let party = self.parties.entry(card.fingerprint()).or_insert_with(new);
        let roles = domains.into_iter().map(|domain| (domain, Registration { role, since }));
        party.roles.extend(roles);
        Ok(())
    }

    /// A custodian ends the roles of a party: its request keys go with them.
    pub(super) fn end_party(&mut self, party: &Hex<32>) {
        let known = self.parties.get_mut(party).expect("it was checked that it has roles");
        known.until = Some(self.events);
        self.end_request_keys(|_, key| key.party == *party);
    }

    /// A party that has roles, by the fingerprint of its card.
    ///
    /// # Errors
    /// [`Refusal::UnknownParty`]; [`Refusal::PartyEnded`].
    pub fn party(&self, card: &Hex<32>) -> Result<&PartyState, Refusal> {
        let party = self.parties.get(card).ok_or(Refusal::UnknownParty)?;
        if party.until.is_some() { Err(Refusal::PartyEnded) } else { Ok(party) }
    }

    /// The party of this name that has roles, with the fingerprint of its card.
    ///
    /// # Errors
    /// [`Refusal::UnknownParty`].
    pub fn party_named(&self, name: &Name) -> Result<(&Hex<32>, &PartyState), Refusal> {
        let mut living = self.living_parties();
        living.find(|(_, party)| party.card.body.name == *name).ok_or(Refusal::UnknownParty)
    }

    fn living_parties(&self) -> impl Iterator<Item = (&Hex<32>, &PartyState)> {
        self.parties.iter().filter(|(_, party)| party.until.is_none())
    }

    /// Every party that was ever registered, by the fingerprint of its card.
    pub fn parties(&self) -> &BTreeMap<Hex<32>, PartyState> {
        &self.parties
    }

    /// Those that have a role in a domain.
    pub fn parties_of(&self, domain: &Name) -> impl Iterator<Item = (&PartyState, Role)> {
        self.living_parties()
            .filter_map(move |(_, party)| Some((party, party.roles.get(domain)?.role)))
    }

    // Request keys.

    /// Whether a request key may be issued in a line with this clock.
    ///
    /// # Errors
    /// [`Refusal`].
    pub fn check_request_key(
        &self,
        party: &Hex<32>,
        domain: &Name,
        expires: Timestamp,
        clock: Timestamp,
    ) -> Result<(), Refusal> {
        if self.pending.is_some() || !self.owed.is_empty() {
            return Err(Refusal::Unfinished);
        }
        self.working_epoch()?;
        self.check_no_dealing()?;
        self.check_custody()?;
        self.living(domain, clock)?;
        let role = self.party(party)?.roles.get(domain).map(|known| known.role);
        if !role.is_some_and(Role::sends_requests) {
            return Err(Refusal::NoRequests);
        }
        let longest = SignedDuration::from_hours(24 * i64::from(LONGEST_REQUEST_KEY));
        if expires <= clock || expires.duration_since(clock) > longest {
            return Err(Refusal::RequestKeyExpiry);
        }
        match self.living_request_keys().count() >= MOST_REQUEST_KEYS {
            true => Err(Refusal::TooManyRequestKeys),
            false => Ok(()),
        }
    }

    pub(super) fn request_key_issued(
        &mut self,
        key: Hex<16>,
        issued: IssuedKey,
        clock: Timestamp,
    ) -> Result<(), Unlawful> {
        self.check_request_key(&issued.party, &issued.domain, issued.expires, clock)?;
        match self.request_keys.insert(key, issued) {
            Some(_) => Err(Unlawful::Keys),
            None => Ok(()),
        }
    }

    pub(super) fn request_key_ended(&mut self, key: &Hex<16>) -> Result<(), Unlawful> {
        self.living_request_key(key)?;
        self.end_request_keys(|known, _| known == key);
        Ok(())
    }

    /// The request keys that `of` tells end: their private halves are to be destroyed.
    pub(super) fn end_request_keys(&mut self, of: impl Fn(&Hex<16>, &IssuedKey) -> bool) {
        let living = self.request_keys.iter_mut().filter(|(_, issued)| issued.ended.is_none());
        for (key, issued) in living.filter(|(key, issued)| of(key, issued)) {
            issued.ended = Some(self.events);
            self.owed.push(Destroyed::RequestKey { key: *key });
        }
    }

    /// A request key that serves.
    ///
    /// # Errors
    /// [`Refusal::UnknownRequestKey`] for one that was never issued, or serves no more.
    pub fn living_request_key(&self, key: &Hex<16>) -> Result<&IssuedKey, Refusal> {
        let issued = self.request_keys.get(key).filter(|issued| issued.ended.is_none());
        issued.ok_or(Refusal::UnknownRequestKey)
    }

    /// The request keys that serve, by their numbers.
    pub fn living_request_keys(&self) -> impl Iterator<Item = (&Hex<16>, &IssuedKey)> {
        self.request_keys.iter().filter(|(_, issued)| issued.ended.is_none())
    }

    /// Every request key that was ever issued.
    pub fn request_keys(&self) -> &BTreeMap<Hex<16>, IssuedKey> {
        &self.request_keys
    }

    /// Whether a dealing seals every request key that serves, and no other.
    pub(super) fn check_resealed(&self, sealed: &[SealedRequestKey]) -> Result<(), Unlawful> {
        let living = self.living_request_keys().map(|(key, _)| key);
        if living.eq(sealed.iter().map(|sealed| &sealed.key)) {
            Ok(())
        } else {
            Err(Unlawful::Keys)
        }
    }
}
