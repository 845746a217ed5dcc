//! What is recorded: typed events with a closed set of fields (SPEC §11).
//!
//! No event holds an identifier, a code, an unsalted hash of either, or free text; of counts, only
//! total rows.

use cstatns_base::code::Generation;
use cstatns_base::commitment::Commitment;
use cstatns_base::delivery::DeliveryId;
use cstatns_base::domain::CheckValue;
use cstatns_base::name::{Hex, Name, whole_number, whole_number_if_any, whole_second};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::card::ServiceCard;
use crate::checkpoint::{Cosignature, Head};
use crate::dealing::{Dealing, Epoch};
use crate::proposal::{Consent, Question, RunId};
use crate::receipt::{Doubt, Receipt};
use crate::received::SignedReceived;

pub use crate::proposal::KeyRef;

/// The version of the ledger's format.
pub const FORMAT: u32 = 2;

/// One line of the ledger.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Line {
    /// Format version.
    pub format: u32,
    /// The service's id.
    pub service: String,
    /// The line's number, from 1.
    #[serde(deserialize_with = "whole_number")]
    pub sequence: u64,
    /// The leaf hash of the line before; 32 zero bytes for the first.
    pub previous: Hex<32>,
    /// The service's time (SPEC §15): never goes back.
    #[serde(deserialize_with = "whole_second")]
    pub time: Timestamp,
    /// What the system's clock said.
    #[serde(deserialize_with = "whole_second")]
    pub clock: Timestamp,
    /// What happened.
    pub event: Event,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case", deny_unknown_fields)]
#[allow(clippy::large_enum_variant)]
#[non_exhaustive]
pub enum Event {
    /// Shares were dealt; the first event of every ledger founds the service.
    Dealt {
        /// The dealing.
        dealing: Box<Dealing>,
        /// The keys that are sealed under its root, ascending by domain and generation; none in the
        /// first event.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        keys: Vec<SealedRef>,
        /// The request keys whose private halves are sealed to its receiving key, ascending.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        request_keys: Vec<SealedRequestKey>,
    },
    /// The run gave up a dealing that did not work yet.
    Abandoned {
        /// The run.
        run: RunId,
    },
    /// A custodian's or a counterpart's receipt came in.
    Received {
        /// The receipt.
        receipt: Receipt,
    },
    /// All shares of an epoch are held: from here on it is the one that works.
    EpochWorking {
        /// The epoch.
        epoch: Epoch,
        /// The keys that live under it, ascending by domain and generation.
        keys: Vec<LivingKey>,
    },
    /// Custodians are about to be asked.
    Proposed {
        /// What they are asked.
        question: Box<Question>,
    },
    /// A run begins: who approved its question, and the keys it may use.
    Intent {
        /// The run.
        run: RunId,
        /// The custodians' consents: at least k, ascending by their names.
        consents: Vec<Consent>,
        /// The keys that the run opens.
        keys: Vec<KeyRef>,
    },
    /// Custodians at the machine saw the intent before their shares were handed over.
    Cosigned {
        /// The run.
        run: RunId,
        /// Their cosignatures of the checkpoint whose last line is the intent, ascending by their
        /// names.
        witnesses: Vec<LineWitness>,
    },
    /// Shares that were handed over did not open, or are not those of the dealing.
    Unopened {
        /// The run.
        run: RunId,
        /// Whose shares, ascending.
        shares: Vec<Name>,
    },
    /// A question ended without a run.
    Lapsed {
        /// The run that it asked for.
        run: RunId,
        /// Why.
        why: Lapse,
        /// The consents that came in, ascending by the custodians' names.
        consents: Vec<Consent>,
    },
    /// The run opened its domain.
    Opened {
        /// The run.
        run: RunId,
        /// The check value of the first key.
        check: CheckValue,
    },
    /// The run moved its project's end.
    Extended {
        /// The run.
        run: RunId,
    },
    /// The run made its domain's next key.
    KeyMade {
        /// The run.
        run: RunId,
        /// The check value of the new key.
        check: CheckValue,
    },
    /// The run coded one of its requests.
    Coded {
        /// The run.
        run: RunId,
        /// Which of its requests, from 1, ascending.
        part: u32,
        /// Rows coded.
        #[serde(deserialize_with = "whole_number")]
        rows: u64,
        /// The commitment of the result.
        result: Commitment,
        /// How many of them a second process recomputed, where it was asked for.
        #[serde(
            default,
            skip_serializing_if = "Option::is_none",
            deserialize_with = "whole_number_if_any"
        )]
        rechecked: Option<u64>,
    },
    /// The run renewed one of its requests.
    Renewed {
        /// The run.
        run: RunId,
        /// Which of its requests, from 1, ascending.
        part: u32,
        /// Rows renewed.
        #[serde(deserialize_with = "whole_number")]
        rows: u64,
        /// The commitment of the result.
        result: Commitment,
        /// How many of them a second process recomputed, where it was asked for.
        #[serde(
            default,
            skip_serializing_if = "Option::is_none",
            deserialize_with = "whole_number_if_any"
        )]
        rechecked: Option<u64>,
    },
    /// The run decided that its project's keys are destroyed now.
    Closed {
        /// The run.
        run: RunId,
    },
    /// The run closed doubts.
    Examined {
        /// The run.
        run: RunId,
    },
    /// The run registered a party.
    Registered {
        /// The run.
        run: RunId,
    },
    /// A key that requests of a party in a domain are encrypted to was made.
    RequestKeyIssued {
        /// Its number.
        key: Hex<16>,
        /// The fingerprint of the party's card.
        party: Hex<32>,
        /// The domain.
        domain: Name,
        /// The digest of its public half.
        public: Hex<32>,
        /// When it is destroyed, used or not.
        #[serde(deserialize_with = "whole_second")]
        expires: Timestamp,
        /// In how many places its private half lies.
        places: u32,
    },
    /// A request key serves no more: it is withdrawn, or expired.
    RequestKeyEnded {
        /// Its number.
        key: Hex<16>,
    },
    /// The run ended without a result, or without its remaining ones. It may have run: its intent
    /// holds the consents.
    Failed {
        /// The run.
        run: RunId,
        /// The stable code of the error.
        code: Name,
    },
    /// A call was refused before it began.
    Refused {
        /// The verb.
        verb: Name,
        /// The stable code of the error.
        code: Name,
    },
    /// A custodian states a doubt.
    Doubted {
        /// The statement.
        doubt: Doubt,
    },
    /// The counterpart has the result.
    Delivered {
        /// The run that made the delivery.
        run: RunId,
        /// Which of its requests it answers.
        part: u32,
        /// What the party that it went to has signed; none: it is stated by the operator.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        receipt: Option<Box<SignedReceived>>,
    },
    /// Something was destroyed.
    Destroyed {
        /// What.
        what: Destroyed,
        /// How.
        how: Means,
    },
    /// The home had lost events, and has them again: what was asked or had begun ends here, and may
    /// have run.
    Recovered {
        /// The ledger that the home had before, if it had one.
        home: Option<Head>,
    },
    /// Custodians have seen that the home was recovered: from here on the service goes on.
    Resumed {
        /// Their cosignatures of the checkpoint whose last line says that it was recovered, at
        /// least k, ascending by their names.
        witnesses: Vec<LineWitness>,
    },
    /// The seal of a key is gone: in `keys/`, and wherever a copy was looked for.
    KeyLost {
        /// The key's domain.
        domain: Name,
        /// Its generation.
        generation: Generation,
    },
    /// Custodians accepted another signing key of the service: from this event on it signs.
    Rekeyed {
        /// The service's card with the new key.
        card: Box<ServiceCard>,
        /// The custodians' statements `service-key`, at least k, ascending by their names.
        statements: Vec<Receipt>,
    },
    /// Project ends were looked at.
    ExpiryChecked {},
    /// A project was found past its end.
    Ended {
        /// The project's domain.
        domain: Name,
    },
    /// What may happen to the service was played on a twin of it, and every step held.
    Rehearsed {
        /// What was played, in the order of [`Step`].
        steps: Vec<Step>,
    },
}

impl Event {
    /// The event's type, as the ledger spells it.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Dealt { .. } => "dealt",
            Self::Abandoned { .. } => "abandoned",
            Self::Received { .. } => "received",
            Self::EpochWorking { .. } => "epoch-working",
            Self::Proposed { .. } => "proposed",
            Self::Intent { .. } => "intent",
            Self::Cosigned { .. } => "cosigned",
            Self::Unopened { .. } => "unopened",
            Self::Lapsed { .. } => "lapsed",
            Self::Opened { .. } => "opened",
            Self::Extended { .. } => "extended",
            Self::KeyMade { .. } => "key-made",
            Self::Coded { .. } => "coded",
            Self::Renewed { .. } => "renewed",
            Self::Closed { .. } => "closed",
            Self::Examined { .. } => "examined",
            Self::Registered { .. } => "registered",
            Self::RequestKeyIssued { .. } => "request-key-issued",
            Self::RequestKeyEnded { .. } => "request-key-ended",
            Self::Failed { .. } => "failed",
            Self::Refused { .. } => "refused",
            Self::Doubted { .. } => "doubted",
            Self::Delivered { .. } => "delivered",
            Self::Destroyed { .. } => "destroyed",
            Self::Recovered { .. } => "recovered",
            Self::Resumed { .. } => "resumed",
            Self::KeyLost { .. } => "key-lost",
            Self::Rekeyed { .. } => "rekeyed",
            Self::ExpiryChecked {} => "expiry-checked",
            Self::Ended { .. } => "ended",
            Self::Rehearsed { .. } => "rehearsed",
        }
    }
}

/// A custodian's cosignature of the checkpoint whose last line they have seen: an intent, or that
/// the home was recovered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LineWitness {
    /// The custodian.
    pub by: Name,
    /// The cosignature.
    pub cosignature: Cosignature,
}

/// What a rehearsal plays on a twin of the service (SPEC §13), in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Step {
    /// The twin is founded, and people are coded.
    Founding,
    /// A custodian is lost, and a successor has a share of a new dealing.
    Loss,
    /// The custody is doubted, and every key replaced.
    Doubt,
    /// Codes of the former keys are renewed.
    Renewal,
    /// The home is lost, and recovered from the custodians' kits.
    Recovery,
    /// A project ends, and its keys are destroyed.
    Expiry,
    /// The twin's ledger is audited.
    Audit,
}

impl Step {
    /// The step, as the ledger spells it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Founding => "founding",
            Self::Loss => "loss",
            Self::Doubt => "doubt",
            Self::Renewal => "renewal",
            Self::Recovery => "recovery",
            Self::Expiry => "expiry",
            Self::Audit => "audit",
        }
    }
}

/// Why a question ended without a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Lapse {
    /// It was open past its expiry.
    Expired,
    /// The process that waited for the approvals is gone.
    Stopped,
    /// It was given up: approvals were missing or refused, or the service could not go on.
    Withdrawn,
}

/// A key that is not destroyed, by its place and its check value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LivingKey {
    /// Its domain.
    pub domain: Name,
    /// Its generation.
    pub generation: Generation,
    /// Its check value.
    pub check: CheckValue,
}

impl LivingKey {
    /// Which key it is.
    pub fn place(&self) -> KeyRef {
        KeyRef { domain: self.domain.clone(), generation: self.generation }
    }
}

/// A key that a dealing seals under its root.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SealedRef {
    /// Its domain.
    pub domain: Name,
    /// Its generation.
    pub generation: Generation,
    /// Its check value.
    pub check: CheckValue,
    /// SHA-256("CStatNS/seal-file/" ‖ the bytes of its sealed file).
    pub seal: Hex<32>,
}

impl SealedRef {
    /// The key, without its seal.
    pub fn living(&self) -> LivingKey {
        let Self { domain, generation, check, .. } = self;
        LivingKey { domain: domain.clone(), generation: *generation, check: *check }
    }
}

/// A request key whose private half a dealing seals to its receiving key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SealedRequestKey {
    /// Its number.
    pub key: Hex<16>,
    /// SHA-256("CStatNS/seal-file/" ‖ the bytes of its sealed file).
    pub seal: Hex<32>,
}

/// What was destroyed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Destroyed {
    /// One of a run's requests and its seal.
    Request {
        /// The run.
        run: RunId,
        /// Which of its requests.
        part: u32,
    },
    /// The service's copy of a delivered result; of one that is not delivered only as lost, which
    /// ends the delivery.
    Result {
        /// The run.
        run: RunId,
        /// Which of its requests it answers.
        part: u32,
    },
    /// A research project's life secret and sealed keys.
    Keys {
        /// The project's domain.
        domain: Name,
    },
    /// The private half of a request key.
    RequestKey {
        /// Its number.
        key: Hex<16>,
    },
    /// The keys that are sealed under the root of an epoch that is over, or was abandoned.
    Seals {
        /// The epoch.
        epoch: Epoch,
    },
}

impl Destroyed {
    /// The request of a delivery.
    pub fn request_of(DeliveryId { run, part }: DeliveryId) -> Self {
        Self::Request { run, part }
    }

    /// The service's copy of a delivery.
    pub fn result_of(DeliveryId { run, part }: DeliveryId) -> Self {
        Self::Result { run, part }
    }
}

/// How something was destroyed; what that is worth is in SPEC §14.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Means {
    /// Overwritten once, then deleted.
    Overwritten,
    /// It, or a part of it, was no longer there.
    Absent,
    /// Its place could not be reached; the operator states that it is gone for good.
    Lost,
}
