//! Why something is not lawful (SPEC §12): what is refused before it is done, and what the auditor
//! finds afterwards.

use cstatns_base::code::Generation;
use cstatns_base::delivery::{DeliveryName, MOST_PARTS};
use cstatns_base::domain::{LARGEST_MINIMUM_BATCH, LONGEST_SERVICE_YEARS};
use cstatns_base::name::Name;
use jiff::civil::Date;

use crate::dealing::{Epoch, RosterError};
use crate::party::{LONGEST_REQUEST_KEY, MOST_DOMAINS, MOST_REQUEST_KEYS};
use crate::proposal::MOST_DELIVERIES;

use super::MOST_OPEN;

/// Why something is not done now. Each says what to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// A run or a destruction is unfinished.
    #[error("an earlier command is unfinished")]
    Unfinished,
    /// Shares are not all held.
    #[error("custodians have not all confirmed their share (missing: {})", list(custodians))]
    SharesMissing {
        /// Whose receipt is missing.
        custodians: Vec<Name>,
    },
    /// No open question of this run.
    #[error("no question of this run is open")]
    NoQuestion,
    /// A question past its expiry is open.
    #[error("a question that has expired is still open")]
    QuestionExpired,
    /// As many questions are open as may be.
    #[error("{MOST_OPEN} questions are open, and no more may be")]
    TooManyQuestions,
    /// A doubt was recorded after the question.
    #[error("a doubt was recorded after the custodians were asked")]
    DoubtSince,
    /// No such domain.
    #[error("there is no such domain in this service")]
    UnknownDomain,
    /// The domain exists.
    #[error("this domain exists already")]
    DomainExists,
    /// Another domain of the service has the same tag.
    #[error("the codes of this domain would carry the same tag as those of `{other}`")]
    TagTaken {
        /// The domain with that tag.
        other: Name,
    },
    /// The end is further away than one key may serve.
    #[error(
        "the project's key would serve for more than {LONGEST_SERVICE_YEARS} years (the last day \
        possible is {latest})"
    )]
    EndTooFar {
        /// The latest end.
        latest: Date,
    },
    /// A minimum batch of one, outside a demonstration, or one that no run could meet.
    #[error(
        "the minimum batch is 2 to {LARGEST_MINIMUM_BATCH} distinct values, or 1 in a \
        demonstration (a run of one value \
         would be an oracle, and more are not counted)"
    )]
    MinimumBatch,
    /// Not 1 to 10 years.
    #[error("the cryptoperiod is 1 to 10 years")]
    Cryptoperiod,
    /// The end is in the past.
    #[error("the project's end is in the past")]
    EndInThePast,
    /// The new end is not later.
    #[error("the new end is not later than the present one (a project can only be extended)")]
    EndNotLater,
    /// Not a research project.
    #[error("this is a statistical domain")]
    NotResearch,
    /// Past its end.
    #[error("the project ended on {ends} (its key codes no more)")]
    Ended {
        /// Its last day.
        ends: Date,
    },
    /// The keys are gone.
    #[error("the project's keys are destroyed, or about to be")]
    Destroyed,
    /// The generation is doubted.
    #[error("generation {generation} is doubted")]
    Compromised {
        /// The doubted generation.
        generation: Generation,
    },
    /// Not the present generation.
    #[error("the codes would be of generation {found}, the domain is at generation {active}")]
    Generation {
        /// The generation asked for.
        found: Generation,
        /// The present generation.
        active: Generation,
    },
    /// The key, or one that its codes are made with, is lost.
    #[error("the key of generation {generation} is lost")]
    KeyLost {
        /// The generation of the lost key.
        generation: Generation,
    },
    /// A recovery ended a run that may have opened a domain of this name.
    #[error("a domain of this name may have been opened in a run that was lost")]
    NameBurnt,
    /// A recovery ended a run that may have coded or renewed the request.
    #[error("the request may have been used in a run that was lost")]
    RequestMayBeSpent,
    /// The codes are of the present generation.
    #[error("the codes are of generation {from}, the domain is at generation {active}")]
    NothingToRenew {
        /// The codes' generation.
        from: Generation,
        /// The present generation.
        active: Generation,
    },
    /// The active key is doubted, so the reason is doubt.
    #[error("the present key is doubted")]
    ReasonIsDoubt,
    /// The custody is doubted.
    #[error("the custody is doubted")]
    CustodyDoubted,
    /// No party of this name or card.
    #[error("no such party has a role in this service")]
    UnknownParty,
    /// A party's card that is not sound.
    #[error("the party's card is not signed by its own key (it was altered)")]
    PartyCard,
    /// Domains that are none, too many, or out of order.
    #[error("a registration names 1 to {MOST_DOMAINS} domains, in ascending order and each once")]
    PartyDomains,
    /// A role of research projects in a statistical domain.
    #[error("this role is one in research projects, and `{domain}` is a statistical domain")]
    PartyRole {
        /// The domain.
        domain: Name,
    },
    /// A second role in one domain.
    #[error("the party has a role in `{domain}` already")]
    PartyRegistered {
        /// The domain.
        domain: Name,
    },
    /// A linking body with another role, or another party that is to link.
    #[error("a linking body has no other role, in any domain")]
    PartyLinking,
    /// A key of the card is on another card.
    #[error("a key of this card is also one of `{other}`, whose card the ledger holds")]
    PartyKeys {
        /// Whose card it is.
        other: Name,
    },
    /// Another party with roles has this name.
    #[error("another party has this name")]
    PartyName,
    /// A custodian ended its roles.
    #[error("the roles of this party were ended, and its card counts no more")]
    PartyEnded,
    /// A custodian's card with a key of a party.
    #[error(
        "a key on the card of `{custodian}` is also one of a party (who holds a share has no other part)"
    )]
    CustodianIsParty {
        /// The name on the card.
        custodian: Name,
    },
    /// The party sends no requests in this domain.
    #[error("this party has no role in this domain in which it sends requests")]
    NoRequests,
    /// A request key that lives too long, or not at all.
    #[error("a request key lives at most {LONGEST_REQUEST_KEY} days")]
    RequestKeyExpiry,
    /// As many request keys live as may.
    #[error("{MOST_REQUEST_KEYS} request keys live, and no more may")]
    TooManyRequestKeys,
    /// No such request key lives.
    #[error(
        "no request key of this number lives (it was never issued here, or it was used, withdrawn or expired)"
    )]
    UnknownRequestKey,
    /// A request key that was issued to another party, or for another domain.
    #[error("the request key was issued to another party, or for another domain")]
    OtherRequestKey,
    /// A request that its sender did not sign for as it is shown.
    #[error("the request is not signed by the party that is said to send it")]
    DeclarationSignature,
    /// A role in which this is not sent: in research a controller has codes made, and a linking
    /// body renews them.
    #[error("the role of the sender in this domain is none that sends such a request")]
    SenderRole,
    /// Somebody for whom the sender does not send.
    #[error(
        "a holder names a controller of the domain that it sends for, and nobody else names one"
    )]
    SentFor,
    /// A request in clear.
    #[error("requests of a research project come in parcels only, except in a demonstration")]
    RequestInClear,
    /// A recipient whose role gets no such results.
    #[error(
        "results of statistics go to a controller of the domain, those of research to a linking body of it"
    )]
    RecipientRole,
    /// Another recipient than whose request it is.
    #[error("the results go to another party than the one whose request it is")]
    OtherRecipient,
    /// Research results need a party.
    #[error("research results go to a party only, except in a demonstration")]
    ResearchNeedsParty,
    /// No such delivery.
    #[error("there is no such delivery in this domain")]
    UnknownDelivery,
    /// More rows than a number of the formats can hold.
    #[error("the request states more rows than any file has")]
    Rows,
    /// Counts that no file has.
    #[error("the request states more values than rows, or more distinct values than values")]
    Counts,
    /// Fewer distinct values than the domain's minimum batch.
    #[error(
        "the request has {distinct} distinct values, fewer than {minimum}, this domain's minimum"
    )]
    TooFew {
        /// Those of the request.
        distinct: u64,
        /// The domain's minimum batch.
        minimum: u32,
    },
    /// Deliveries that are too many, out of order, or none.
    #[error("a renewal names 1 to {MOST_DELIVERIES} deliveries, in ascending order and each once")]
    Deliveries,
    /// Requests that are none, too many, or one of them twice.
    #[error("a proposal lists 1 to {MOST_PARTS} requests, each once")]
    Requests,
    /// The request was coded or renewed before.
    #[error("the request was used before (delivery {delivery} is its result)")]
    RequestSpent {
        /// The delivery.
        delivery: DeliveryName,
    },
    /// These custodians cannot hold the shares of one dealing.
    #[error(transparent)]
    Roster(#[from] RosterError),
    /// A card of an earlier dealing.
    #[error(
        "the card of `{custodian}` was in an earlier dealing (each needs a receiving key of its own)"
    )]
    CardUsed {
        /// The name on the card.
        custodian: Name,
    },
    /// The dealing would have a number that is not the next.
    #[error("the dealing would be epoch {found}, the next one is epoch {next}")]
    DealingEpoch {
        /// The epoch of the question.
        found: Epoch,
        /// The next one.
        next: Epoch,
    },
    /// Keys to be left behind that do not live, or out of order.
    #[error("the keys to leave behind are not living keys in ascending order")]
    LeftBehind,
    /// A dealing does not work yet.
    #[error("the dealing of epoch {epoch} waits for receipts")]
    DealingPending {
        /// Its epoch.
        epoch: Epoch,
    },
    /// No dealing of this epoch waits.
    #[error("no dealing of epoch {epoch} waits for receipts")]
    NoDealing {
        /// The epoch.
        epoch: Epoch,
    },
    /// The dealing was given up.
    #[error("the dealing of epoch {epoch} was given up")]
    DealingAbandoned {
        /// The epoch.
        epoch: Epoch,
    },
    /// The share of an epoch that works, or is about to, is needed.
    #[error("the share of epoch {epoch} is needed: no later dealing works")]
    ShareInUse {
        /// The epoch.
        epoch: Epoch,
    },
    /// Nothing is owed that could be lost.
    #[error("no request of this delivery waits on a place that is not there (nothing is recorded)")]
    NothingLost,
    /// Delivered before.
    #[error("this delivery is already recorded as delivered")]
    AlreadyDelivered,
    /// Lost before it was delivered.
    #[error("this delivery is recorded as lost")]
    DeliveryLost,
    /// The receipt is of another delivery, or of other rows.
    #[error("the receipt is not of this delivery of this service")]
    OtherReceived,
    /// The receipt of somebody who did not get the delivery.
    #[error("the receipt is signed by another party than the one that the delivery went to")]
    ReceivedBy,
    /// A receipt that nobody signed, of a delivery to a party.
    #[error("the receipt is not signed by the party that the delivery went to")]
    ReceivedUnsigned,
    /// The checkpoint in a receipt is not of this ledger.
    #[error("the receipt holds a checkpoint of this service that is not of this ledger")]
    ReceivedForked,
    /// The run's number was used.
    #[error("this run was made before (a proposal serves once)")]
    Replayed,
    /// A receipt that states nothing about this ledger.
    #[error("the receipt does not fit this ledger")]
    Receipt,
    /// A receipt for another service.
    #[error("the receipt is for another service")]
    ReceiptOtherService,
    /// A receipt by somebody else.
    #[error("`{by}` with this card is not in the roster (only custodians give such statements)")]
    ReceiptNotInRoster {
        /// Who is said to state it.
        by: Name,
    },
    /// A receipt that is not signed.
    #[error("the statement of `{by}` is not signed by them")]
    ReceiptSignature {
        /// Who is said to state it.
        by: Name,
    },
    /// A receipt recorded before.
    #[error("this statement of `{by}` is already recorded")]
    ReceiptKnown {
        /// Who states it.
        by: Name,
    },
    /// A receipt dated before this custodian's last one, or more than a day ahead of the clock.
    #[error(
        "the statement of `{by}` is dated before their last one, or more than a day ahead of the \
        clock"
    )]
    ReceiptDate {
        /// Who states it.
        by: Name,
    },
    /// A statement about the service's key, which is recorded with the others of a quorum.
    #[error("the statement is about another signing key of the service")]
    ReceiptForRekey,
    /// Not the card of another key of this service.
    #[error("the card is not one of this service with a new signing key")]
    ServiceCard,
    /// A statement about another key than the card's, or in place of a key that is not the present
    /// one.
    #[error("the statement of `{by}` does not accept this card in place of the present one")]
    OtherServiceKey {
        /// Who states it.
        by: Name,
    },
    /// No doubts to close, or not all of them stand.
    #[error("no doubt of this kind stands")]
    NoDoubt,
    /// This custodian has stated this doubt.
    #[error("this custodian has stated this doubt already")]
    AlreadyDoubted,
}

fn list(names: &[Name]) -> String {
    names.iter().map(Name::as_str).collect::<Vec<_>>().join(", ")
}

cstatns_base::coded!(Refusal {
    Self::Unfinished => ("unfinished", Input, []),
    Self::SharesMissing { custodians } => ("shares-missing", OtherSide, [custodian: *custodians]),
    Self::NoQuestion => ("no-question", Input, []),
    Self::QuestionExpired => ("question-expired", Input, []),
    Self::TooManyQuestions => ("too-many-questions", Input, [limit: MOST_OPEN]),
    Self::DoubtSince => ("doubt-since", Input, []),
    Self::TagTaken { other } => ("tag-taken", Input, [domain: *other]),
    Self::EndTooFar { latest } => ("end-too-far", Input, [ends: *latest]),
    Self::UnknownDomain => ("unknown-domain", Input, []),
    Self::DomainExists => ("domain-exists", Input, []),
    Self::MinimumBatch => ("minimum-batch", Input, [limit: LARGEST_MINIMUM_BATCH]),
    Self::Cryptoperiod => ("cryptoperiod", Input, []),
    Self::EndInThePast => ("end-in-the-past", Input, []),
    Self::EndNotLater => ("end-not-later", Input, []),
    Self::NotResearch => ("not-research", Input, []),
    Self::Ended { ends } => ("project-ended", Input, [ends]),
    Self::Destroyed => ("keys-destroyed", Input, []),
    Self::Compromised { generation } => ("key-doubted", Input, [generation]),
    Self::Generation { found, active } => ("generation", Input, [found, expected: *active]),
    Self::KeyLost { generation } => ("key-lost", Input, [generation]),
    Self::NameBurnt => ("name-burnt", Input, []),
    Self::RequestMayBeSpent => ("request-may-be-spent", Input, []),
    Self::NothingToRenew { from, active } => ("nothing-to-renew", Input, [found: *from, generation: *active]),
    Self::ReasonIsDoubt => ("reason-is-doubt", Input, []),
    Self::CustodyDoubted => ("custody-doubted", Input, []),
    Self::UnknownParty => ("unknown-party", Input, []),
    Self::PartyCard => ("party-card", OtherSide, []),
    Self::PartyDomains => ("party-domains", Input, [limit: MOST_DOMAINS]),
    Self::PartyRole { domain } => ("party-role", Input, [domain]),
    Self::PartyRegistered { domain } => ("party-registered", Input, [domain]),
    Self::PartyLinking => ("party-linking", Input, []),
    Self::PartyKeys { other } => ("party-keys", OtherSide, [owner: *other]),
    Self::PartyName => ("party-name", Input, []),
    Self::PartyEnded => ("party-ended", Input, []),
    Self::CustodianIsParty { custodian } => ("custodian-is-party", OtherSide, [custodian]),
    Self::NoRequests => ("party-sends-nothing", Input, []),
    Self::RequestKeyExpiry => ("request-key-expiry", Input, [limit: LONGEST_REQUEST_KEY]),
    Self::TooManyRequestKeys => ("too-many-request-keys", Input, [limit: MOST_REQUEST_KEYS]),
    Self::UnknownRequestKey => ("request-key-unknown", Input, []),
    Self::OtherRequestKey => ("request-key-other", Input, []),
    Self::DeclarationSignature => ("declaration-signature", OtherSide, []),
    Self::SenderRole => ("sender-role", Input, []),
    Self::SentFor => ("sent-for", Input, []),
    Self::RequestInClear => ("request-in-clear", Input, []),
    Self::RecipientRole => ("recipient-role", Input, []),
    Self::OtherRecipient => ("recipient-other", Input, []),
    Self::ResearchNeedsParty => ("research-needs-party", Input, []),
    Self::UnknownDelivery => ("unknown-delivery", Input, []),
    Self::NothingLost => ("nothing-lost", Input, []),
    Self::Rows => ("rows", Input, []),
    Self::Counts => ("counts", Input, []),
    Self::TooFew { distinct, minimum } => ("too-few-values", Input, [found: *distinct, minimum]),
    Self::Deliveries => ("deliveries", Input, [limit: MOST_DELIVERIES]),
    Self::Requests => ("requests", Input, [limit: MOST_PARTS]),
    Self::RequestSpent { delivery } => ("request-spent", Input, [delivery]),
    Self::Roster(error) => (error),
    Self::CardUsed { custodian } => ("card-used", Input, [custodian]),
    Self::DealingEpoch { found, next } => ("dealing-epoch", Input, [found, expected: *next]),
    Self::LeftBehind => ("left-behind", Input, []),
    Self::DealingPending { epoch } => ("dealing-pending", Input, [epoch]),
    Self::NoDealing { epoch } => ("no-dealing", Input, [epoch]),
    Self::DealingAbandoned { epoch } => ("dealing-abandoned", Input, [epoch]),
    Self::ShareInUse { epoch } => ("share-in-use", Input, [epoch]),
    Self::AlreadyDelivered => ("already-delivered", Input, []),
    Self::DeliveryLost => ("delivery-lost", Input, []),
    Self::OtherReceived => ("received-other", Input, []),
    Self::ReceivedBy => ("received-by", OtherSide, []),
    Self::ReceivedUnsigned => ("received-unsigned", Input, []),
    Self::ReceivedForked => ("received-forked", Tampering, []),
    Self::Replayed => ("replayed", Input, []),
    Self::Receipt => ("receipt", OtherSide, []),
    Self::ReceiptOtherService => ("receipt-other-service", Input, []),
    Self::ReceiptNotInRoster { by } => ("not-in-roster", OtherSide, [custodian: *by]),
    Self::ReceiptSignature { by } => ("statement-signature", OtherSide, [custodian: *by]),
    Self::ReceiptKnown { by } => ("receipt-known", Input, [custodian: *by]),
    Self::ReceiptDate { by } => ("receipt-date", OtherSide, [custodian: *by]),
    Self::ReceiptForRekey => ("receipt-for-rekey", Input, []),
    Self::ServiceCard => ("service-card-unfit", OtherSide, []),
    Self::OtherServiceKey { by } => ("service-key-other", OtherSide, [custodian: *by]),
    Self::NoDoubt => ("no-doubt", Input, []),
    Self::AlreadyDoubted => ("already-doubted", Input, []),
});
