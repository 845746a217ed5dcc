//! What a custodian sees after the kit has looked at a ledger (SPEC §8).

use cstatns_record::evidence::{Stated, is_answered};
use cstatns_record::proposal::Action;
use cstatns_record::receipt::{Doubt, Doubted, Receipt, ReceiptBody, ReceiptStatement};
use cstatns_record::state::{Fate, View, doubt_digest};
use jiff::Timestamp;

use super::memory::Kept;

/// Something that a custodian sees after the kit has looked at a ledger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Remark {
    /// A question that the kit approved, and that has no result.
    NoResult {
        /// The number of the statement.
        count: u64,
        /// What was approved.
        action: Box<Action>,
        /// How the question stands.
        fate: Fate,
        /// Until when it is open, where it is.
        open_until: Option<Timestamp>,
        /// Whether its end holds this custodian's consent.
        holds_consent: bool,
    },
    /// A doubt that the kit stated, and that the ledger does not hold.
    DoubtMissing {
        /// The number of the statement.
        count: u64,
        /// What is doubted.
        doubted: Doubted,
    },
    /// A receipt that the kit gave, and that the ledger does not hold.
    ReceiptMissing {
        /// The number of the statement.
        count: u64,
        /// What it states.
        statement: ReceiptStatement,
    },
    /// A question that the kit approved, of which a result was lost before anybody had it.
    ResultLost {
        /// The number of the statement.
        count: u64,
        /// What was approved.
        action: Box<Action>,
    },
    /// The ledger holds a statement of this custodian that the kit did not remember: another copy
    /// of the kit is in use, or this one was put back from a backup.
    OtherCopy {
        /// How many statements the kit remembered.
        remembered: u64,
        /// How many the ledger holds at least.
        recorded: u64,
    },
}

impl Kept {
    /// What the custodian sees about this ledger.
    pub(super) fn remarks(&self, ledger: &View<'_>) -> Vec<Remark> {
        let mut remarks = Vec::new();
        let (remembered, recorded) = (self.memory.count, self.recorded(ledger.state));
        if recorded > remembered {
            remarks.push(Remark::OtherCopy { remembered, recorded });
        }
        for stated in &self.memory.statements {
            match stated {
                Stated::Consent { consent, run, action, .. } => {
                    let known = ledger.state.runs().get(run).map(|known| known.fate.clone());
                    let fate = known.unwrap_or(Fate::Open);
                    if ledger.state.deliveries_of(run).any(|(_, of)| of.lost.is_some()) {
                        let (count, action) = (consent.body.count, action.clone());
                        remarks.push(Remark::ResultLost { count, action });
                    }
                    if fate == Fate::Result {
                        continue;
                    }
                    let holds_consent = match &fate {
                        Fate::Lapsed { by, .. } => by.contains(&self.name),
                        _ => true,
                    };
                    let open = ledger.state.open_questions().get(run);
                    let open_until = open.map(|open| open.question.expires);
                    let (count, action) = (consent.body.count, action.clone());
                    remarks.push(Remark::NoResult {
                        count,
                        action,
                        fate,
                        open_until,
                        holds_consent,
                    });
                }
                Stated::Doubt { doubt } => {
                    let doubted = doubt.body.about.clone();
                    let is_recorded =
                        |doubt: &Doubt| ledger.state.doubts().contains_key(&doubt_digest(doubt));
                    if !is_answered(doubt, &self.memory.statements, is_recorded)
                        && !is_settled(&doubted, ledger)
                    {
                        remarks.push(Remark::DoubtMissing { count: doubt.body.count, doubted });
                    }
                }
                Stated::Receipt { receipt } => {
                    if !self.is_recorded(receipt, ledger) {
                        let body = &receipt.body;
                        let (count, statement) = (body.count, body.statement.clone());
                        remarks.push(Remark::ReceiptMissing { count, statement });
                    }
                }
            }
        }
        remarks
    }

    /// Whether the ledger holds a receipt. Of checks the last one counts.
    fn is_recorded(&self, receipt: &Receipt, ledger: &View<'_>) -> bool {
        let (state, name) = (ledger.state, &self.name);
        let ReceiptBody { statement, cosignature, .. } = &receipt.body;
        match statement {
            ReceiptStatement::ShareHeld { epoch, .. } => {
                state.epochs().get(epoch).is_some_and(|epoch| epoch.held.contains(name))
            }
            ReceiptStatement::ShareForgotten { epoch } => {
                state.epochs().get(epoch).is_some_and(|epoch| epoch.forgotten.contains(name))
            }
            // Another key than the one accepted may have taken the place of the same one.
            ReceiptStatement::ServiceKey { key, replaces } => {
                let keys = state.service_keys();
                keys.contains(key) || keys.present() != replaces
            }
            _ => {
                let recorded =
                    state.statements().get(&self.signing).and_then(|known| known.receipt);
                self.last_receipt() != Some(receipt)
                    || recorded.is_some_and(|(date, signature)| {
                        signature == receipt.signature || date > cosignature.time
                    })
            }
        }
    }

    fn last_receipt(&self) -> Option<&Receipt> {
        self.memory.statements.iter().rev().find_map(|stated| match stated {
            Stated::Receipt { receipt } => match receipt.body.statement {
                ReceiptStatement::ServiceKey { .. } => None,
                _ => Some(&**receipt),
            },
            _ => None,
        })
    }

    /// The doubt about this that the kit has stated, and that the ledger does not contain and can
    /// take: not one that was stated about another ledger, with the head of that.
    pub(super) fn unrecorded(&self, about: &Doubted, ledger: &View<'_>) -> Option<Doubt> {
        self.memory.statements.iter().find_map(|stated| match stated {
            Stated::Doubt { doubt }
                if doubt.body.about == *about
                    && !ledger.state.doubts().contains_key(&doubt_digest(doubt))
                    && ledger.state.check_doubt(doubt, ledger.history).is_ok() =>
            {
                Some((**doubt).clone())
            }
            _ => None,
        })
    }
}

/// Whether a doubt needs nobody any more: the keys are destroyed.
fn is_settled(doubted: &Doubted, ledger: &View<'_>) -> bool {
    match doubted {
        Doubted::Key { domain, .. } => {
            ledger.state.domain(domain).is_ok_and(|domain| domain.destroyed.is_some())
        }
        Doubted::Custody { .. } => false,
    }
}
