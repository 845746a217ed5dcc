//! What opening a service found and repaired, in words.

use std::fmt;
use std::path::PathBuf;

use cstatns_base::delivery::DeliveryName;
use cstatns_record::ledger::event::{Destroyed, Lapse};

/// What opening a service found and repaired.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Recovered {
    /// The last event was cut short; it never counted.
    EventCut,
    /// The last event was not covered by a checkpoint; it is now.
    EventCovered,
    /// All shares of an epoch were held: it is recorded now that it works.
    EpochStarted,
    /// A run had begun and left no result: it is undone.
    Undone {
        /// Its verb.
        verb: &'static str,
    },
    /// A run had begun and made some of its results, which stand: the rest is undone.
    Cut {
        /// Its verb.
        verb: &'static str,
        /// How many results it made.
        made: u32,
        /// How many requests it has.
        parts: u32,
    },
    /// A question had been asked, and nobody waited for the answers any more.
    Lapsed {
        /// Its verb.
        verb: &'static str,
        /// Why.
        why: Lapse,
    },
    /// A result was complete: its event is recorded now.
    Finished {
        /// The delivery.
        delivery: DeliveryName,
    },
    /// Something that was to be destroyed is destroyed now.
    Destroyed {
        /// What.
        what: Destroyed,
        /// The delivery that it belongs to.
        delivery: Option<DeliveryName>,
    },
    /// The seal of a key that the ledger does not know is put aside.
    PutAside {
        /// Where it was.
        path: PathBuf,
    },
    /// Files that stopped writes left are removed.
    Swept {
        /// How many.
        files: usize,
    },
}

impl fmt::Display for Recovered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::EventCut => {
                f.write_str("the last event was cut short by a stop and never counted: removed")
            }
            Self::EventCovered => f.write_str("the last event was not yet signed for: signed now"),
            Self::EpochStarted => {
                f.write_str("all shares are held: recorded now that the dealing works")
            }
            Self::Undone { verb } => {
                write!(f, "an interrupted `{verb}` left no result: undone, run it again")
            }
            Self::Cut { verb, made, parts } => write!(
                f,
                "an interrupted `{verb}` had made {made} of its {parts} results, which stand: the \
                rest is undone, run it again with the other requests"
            ),
            Self::Lapsed { verb, why: Lapse::Expired } => {
                write!(f, "the custodians were asked for `{verb}` and the time ran out: recorded")
            }
            Self::Lapsed { verb, .. } => write!(
                f,
                "the custodians were asked for `{verb}` by a process that stopped: recorded, run \
                it again"
            ),
            Self::Finished { delivery } => write!(
                f,
                "an interrupted run had finished its result: recorded, delivery {delivery}"
            ),
            Self::Destroyed { what, delivery } => {
                match what {
                    Destroyed::Request { .. } => f.write_str("the request of delivery "),
                    Destroyed::Result { .. } => f.write_str("the copy of the delivered result "),
                    Destroyed::Seals { epoch } => {
                        return write!(
                            f,
                            "the keys that epoch {epoch} had sealed were still to be destroyed: \
                            destroyed now"
                        );
                    }
                    Destroyed::RequestKey { key } => {
                        return write!(
                            f,
                            "the private half of the request key {key} was still to be destroyed: \
                            destroyed now"
                        );
                    }
                    Destroyed::Keys { domain } => {
                        return write!(
                            f,
                            "the keys of `{domain}` were still to be destroyed: destroyed now"
                        );
                    }
                }?;
                delivery.iter().try_for_each(|delivery| delivery.fmt(f))?;
                f.write_str(" was still there: destroyed now")
            }
            Self::PutAside { path } => {
                write!(f, "the ledger does not know the key {path:?}: put aside, in aside/")
            }
            Self::Swept { files } => {
                write!(f, "{files} unfinished files of a stopped command: removed")
            }
        }
    }
}
