//! What a ledger tells of parties and request keys.

use cstatns_base::delivery::{DeliveryId, DeliveryName};
use cstatns_base::language::{Said, both};
use cstatns_base::name::{Hex, Name};
use cstatns_base::text;
use jiff::Timestamp;
use serde::Serialize;

use crate::state::{Delivery, State};

use super::LATE;

/// The parties of a service, and their request keys.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct PartySummary {
    /// Parties that have a role.
    pub with_roles: u64,
    /// Parties whose roles were ended.
    pub ended: u64,
    /// Request keys that were issued.
    pub keys_issued: u64,
    /// Those of them whose private half is stated destroyed.
    pub keys_destroyed: u64,
    /// Those that serve.
    pub keys_serving: u64,
    /// Those whose private half is not stated destroyed, whether they serve or not.
    pub keys: Vec<KeptKey>,
}

/// A request key whose private half is not stated destroyed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct KeptKey {
    /// Its number.
    pub key: Hex<16>,
    /// When it is to be destroyed, used or not.
    pub expires: Timestamp,
}

impl PartySummary {
    pub(super) fn of(state: &State) -> Self {
        let ended = state.parties().values().filter(|party| party.until.is_some()).count() as u64;
        let keys = state.request_keys();
        let destroyed = keys.values().filter(|key| key.destroyed.is_some()).count() as u64;
        let kept = keys.iter().filter(|(_, key)| key.destroyed.is_none());
        let kept = kept.map(|(key, of)| KeptKey { key: *key, expires: of.expires });
        Self {
            with_roles: state.parties().len() as u64 - ended,
            ended,
            keys_issued: keys.len() as u64,
            keys_destroyed: destroyed,
            keys_serving: state.living_request_keys().count() as u64,
            keys: kept.collect(),
        }
    }

    /// The request keys that are there longer than they may be.
    pub(super) fn late(&self, now: Timestamp) -> impl Iterator<Item = (&'static str, Said)> {
        let is_late = move |key: &&KeptKey| now.duration_since(key.expires) > LATE;
        self.keys.iter().filter(is_late).map(|KeptKey { key, expires }| {
            let detail = both(|lang| {
                text!(in lang,
                    "The request key {key} expired on {expires}, and its private half is not stated destroyed.",
                    "La clé de demande {key} a expiré le {expires}, et sa moitié privée n'est pas déclarée détruite."
                )
            });
            ("request-key-late", detail)
        })
    }
}

/// A delivery to a party that has not signed for it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct UnsignedFor {
    /// The delivery.
    pub delivery: DeliveryName,
    /// Its domain.
    pub domain: Name,
    /// What the party is called that it went to, or is to go to.
    pub party: Name,
    /// When the result was recorded.
    pub made: Timestamp,
    /// Whether the operator states that the party has it.
    pub stated: bool,
}

impl UnsignedFor {
    /// All of a service, in the order in which they were made.
    pub fn all(state: &State) -> Vec<Self> {
        let of = |(id, delivery): (&DeliveryId, &Delivery)| {
            let party = state.parties().get(delivery.recipient.as_ref()?)?;
            Some(Self {
                delivery: id.named(delivery.parts),
                domain: delivery.domain.clone(),
                party: party.card.body.name.clone(),
                made: delivery.made,
                stated: delivery.delivered,
            })
        };
        state.unsigned_for().into_iter().filter_map(of).collect()
    }
}
