//! Why something is not lawful (SPEC §12): what is refused before it is done, and what the auditor finds afterwards.

use cstatns_base::code::Generation;
use cstatns_base::domain::LARGEST_MINIMUM_BATCH;
use cstatns_base::name::Name;
use jiff::civil::Date;

use crate::dealing::RosterError;
use crate::proposal::{MOST_DELIVERIES, QuorumError};

/// Why something is not done now. Each says what to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// A run or a destruction is unfinished.
    #[error("an earlier command is unfinished: run `service status`, which finishes or undoes it")]
    Unfinished,
    /// Shares are not all held.
    #[error(
        "custodians have not all confirmed their share; missing: {}. Run `custodian accept`, then `service receipt`",
        list(custodians)
    )]
    SharesMissing {
        /// Whose receipt is missing.
        custodians: Vec<Name>,
    },
    /// No such domain.
    #[error("there is no such domain in this service: `service status` lists them, `service open` opens one")]
    UnknownDomain,
    /// The domain exists.
    #[error("this domain exists already: choose another name")]
    DomainExists,
    /// A minimum batch of one, outside a demonstration, or one that no run could meet.
    #[error(
        "the minimum batch is 2 to {LARGEST_MINIMUM_BATCH} distinct values, or 1 in a demonstration: a run of one value would \
         be an oracle, and more are not counted"
    )]
    MinimumBatch,
    /// Not 1 to 10 years.
    #[error("the cryptoperiod is 1 to 10 years")]
    Cryptoperiod,
    /// The end is in the past.
    #[error("the project's end is in the past: give a later date")]
    EndInThePast,
    /// The new end is not later.
    #[error(
        "the new end is not later than the present one: a project is extended; `service close` ends it early"
    )]
    EndNotLater,
    /// Not a research project.
    #[error("this is a statistical domain: only research projects have an end")]
    NotResearch,
    /// Past its end.
    #[error("the project ended on {ends}: its key codes no more; open a new project")]
    Ended {
        /// Its last day.
        ends: Date,
    },
    /// The keys are gone.
    #[error("the project's keys are destroyed, or about to be: open a new project")]
    Destroyed,
    /// The generation is doubted.
    #[error("generation {generation} is doubted: make a new key first (`service new-key … --reason doubt`)")]
    Compromised {
        /// The doubted generation.
        generation: Generation,
    },
    /// Not the present generation.
    #[error(
        "the codes would be of generation {found}, the domain is at generation {active}: propose it again"
    )]
    Generation {
        /// The generation asked for.
        found: Generation,
        /// The present generation.
        active: Generation,
    },
    /// The codes are of the present generation.
    #[error(
        "the codes are of generation {from}, the domain is at generation {active}: there is nothing to renew"
    )]
    NothingToRenew {
        /// The codes' generation.
        from: Generation,
        /// The present generation.
        active: Generation,
    },
    /// The active key is doubted, so the reason is doubt.
    #[error("the present key is doubted: the reason for the new key is `doubt`")]
    ReasonIsDoubt,
    /// The custody is doubted.
    #[error("the custody is doubted: deal new shares first")]
    CustodyDoubted,
    /// No counterpart of this name.
    #[error("no counterpart of this name is known to the service")]
    UnknownParty,
    /// Research results need a known counterpart.
    #[error(
        "research results go to a known counterpart only, or are handed out in a demonstration (`init --demo`)"
    )]
    ResearchNeedsParty,
    /// No such delivery.
    #[error(
        "there is no such delivery in this domain: `service status` lists them; for none, say `--of unknown`"
    )]
    UnknownDelivery,
    /// More rows than a number of the formats can hold.
    #[error("the request states more rows than any file has: prepare it again from the data")]
    Rows,
    /// Deliveries that are too many, out of order, or none.
    #[error(
        "a renewal names 1 to {MOST_DELIVERIES} deliveries, in ascending order and each once: split the file, or state them as unknown"
    )]
    Deliveries,
    /// The cards of a dealing are not as many as its shares, or one stands there twice.
    #[error("a dealing names one card for each share, each card once")]
    Cards,
    /// Nothing is owed that could be lost.
    #[error("no request of this delivery waits on a place that is not there: nothing is recorded")]
    NothingLost,
    /// Delivered before.
    #[error("this delivery has been stated delivered: nothing is left to do")]
    AlreadyDelivered,
    /// The run's number was used.
    #[error("this run was made before: a proposal serves once; make a new one")]
    Replayed,
    /// A receipt that states nothing about this ledger.
    #[error("the receipt does not fit this ledger: ask for a new one, made with this ledger")]
    Receipt,
    /// A receipt for another service.
    #[error("the receipt is for another service: give it there")]
    ReceiptOtherService,
    /// A receipt by somebody else.
    #[error("`{by}` with this card is not in the roster: only custodians give such statements")]
    ReceiptNotInRoster {
        /// Who is said to state it.
        by: Name,
    },
    /// A receipt that is not signed.
    #[error("the statement of `{by}` is not signed by them: ask for a new one")]
    ReceiptSignature {
        /// Who is said to state it.
        by: Name,
    },
    /// A receipt recorded before.
    #[error("this statement of `{by}` is recorded already: nothing is left to do")]
    ReceiptKnown {
        /// Who states it.
        by: Name,
    },
    /// The generation is doubted already.
    #[error("this generation is doubted already: make a new key (`service new-key … --reason doubt`)")]
    AlreadyDoubted,
}

fn list(names: &[Name]) -> String {
    names.iter().map(Name::as_str).collect::<Vec<_>>().join(", ")
}

impl Refusal {
    /// The stable short code of this error.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Unfinished => "unfinished",
            Self::SharesMissing { .. } => "shares-missing",
            Self::UnknownDomain => "unknown-domain",
            Self::DomainExists => "domain-exists",
            Self::MinimumBatch => "minimum-batch",
            Self::Cryptoperiod => "cryptoperiod",
            Self::EndInThePast => "end-in-the-past",
            Self::EndNotLater => "end-not-later",
            Self::NotResearch => "not-research",
            Self::Ended { .. } => "project-ended",
            Self::Destroyed => "keys-destroyed",
            Self::Compromised { .. } => "key-doubted",
            Self::Generation { .. } => "generation",
            Self::NothingToRenew { .. } => "nothing-to-renew",
            Self::ReasonIsDoubt => "reason-is-doubt",
            Self::CustodyDoubted => "custody-doubted",
            Self::UnknownParty => "unknown-party",
            Self::ResearchNeedsParty => "research-needs-party",
            Self::UnknownDelivery => "unknown-delivery",
            Self::NothingLost => "nothing-lost",
            Self::Rows => "rows",
            Self::Deliveries => "deliveries",
            Self::Cards => "cards",
            Self::AlreadyDelivered => "already-delivered",
            Self::Replayed => "replayed",
            Self::Receipt => "receipt",
            Self::ReceiptOtherService => "receipt-other-service",
            Self::ReceiptNotInRoster { .. } => "not-in-roster",
            Self::ReceiptSignature { .. } => "statement-signature",
            Self::ReceiptKnown { .. } => "receipt-known",
            Self::AlreadyDoubted => "already-doubted",
        }
    }
}

/// Why an event is not lawful after the ones before it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Unlawful {
    /// It was not allowed.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The approvals are not a quorum.
    #[error(transparent)]
    Quorum(#[from] QuorumError),
    /// The roster is not possible.
    #[error(transparent)]
    Roster(#[from] RosterError),
    /// The first event must found the service.
    #[error("the first event does not found the service")]
    Genesis,
    /// The time does not follow from the clock.
    #[error("its time does not follow from the clock and the event before")]
    Time,
    /// A destruction is owed first.
    #[error("a destruction is owed before it")]
    Owed,
    /// A destruction that nothing owed.
    #[error("nothing of the kind was to be destroyed")]
    NotOwed,
    /// No intent precedes it.
    #[error("no approved intent precedes it")]
    NoIntent,
    /// The keys are not those of the action.
    #[error("its keys are not those of what was approved")]
    Keys,
    /// The consents do not stand in ascending order of their custodians.
    #[error("its consents do not stand in ascending order of their custodians")]
    Order,
    /// The rows are not those approved.
    #[error("its rows are not those that were approved")]
    Rows,
    /// The proposal was made on another ledger.
    #[error("its proposal was made on another ledger")]
    Head,
    /// The dealing is not the approved one.
    #[error("its dealing is not the one that was approved")]
    Dealing,
    /// The project has not ended.
    #[error("the project has not ended, or not for 24 hours")]
    NotEnded,
}

impl Unlawful {
    /// The stable short code of this error.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Refused(error) => error.code(),
            Self::Quorum(error) => error.code(),
            Self::Roster(error) => error.code(),
            Self::Genesis => "unlawful-genesis",
            Self::Time => "unlawful-time",
            Self::Owed => "unlawful-owed",
            Self::NotOwed => "unlawful-destruction",
            Self::NoIntent => "unlawful-result",
            Self::Keys => "unlawful-keys",
            Self::Order => "unlawful-order",
            Self::Rows => "unlawful-rows",
            Self::Head => "unlawful-head",
            Self::Dealing => "unlawful-dealing",
            Self::NotEnded => "unlawful-end",
        }
    }
}
