//! A ledger folded into a state, line by line.

use cstatns_base::files::FileError;

use crate::ahead::Ahead;
use crate::card::{ServiceCard, ServiceKeys};
use crate::ledger::event::Line;
use crate::ledger::{History, LedgerError};
use crate::statement::Proved;

use super::{State, Unlawful};

/// A ledger folded into a state, line by line. The service and the auditor read ledgers so.
#[derive(Clone)]
pub struct Fold {
    card: ServiceCard,
    history: History,
    state: Option<State>,
}

impl Fold {
    /// Begins the ledger of the service with this card, of its first key or of a later one.
    pub fn new(card: &ServiceCard) -> Self {
        Self { card: card.clone(), history: History::default(), state: None }
    }

    /// Goes on with a ledger that was folded before.
    pub(super) fn resume(history: History, state: State) -> Self {
        Self { card: state.service.clone(), history, state: Some(state) }
    }

    /// Takes the next line, given without its line feed, and gives it back as read.
    ///
    /// # Errors
    /// [`Broken`] names the event; the state is not to be used further then.
    pub fn push(&mut self, bytes: &[u8]) -> Result<Line, Broken> {
        self.take(Ahead::of(bytes))
    }

    /// The same with a line that was read ahead.
    pub(crate) fn take(&mut self, ahead: Ahead) -> Result<Line, Broken> {
        let number = self.history.size() + 1;
        let line = self.history.place_next(self.card.id(), ahead.line)?;
        let unlawful = |reason| Broken::Unlawful { number, reason };
        match &mut self.state {
            Some(state) => {
                state.proved = ahead.proved;
                let applied = state.apply(&line, &self.history).map_err(unlawful);
                state.proved = Proved::default();
                applied?;
            }
            None => {
                let founded = State::founded_by(&line).map_err(unlawful)?;
                // The id of a card with a later key is the first key's.
                let first = !self.card.is_first() || founded.service == self.card;
                if !first {
                    return Err(unlawful(Unlawful::Genesis));
                }
                self.state = Some(founded);
            }
        }
        self.history.push_leaf(ahead.leaf);
        Ok(line)
    }

    /// The lines so far, and the state that follows from them; none before the first line.
    pub fn finish(self) -> (History, Option<State>) {
        (self.history, self.state)
    }

    /// The lines so far.
    pub fn history(&self) -> &History {
        &self.history
    }

    /// The service's signing keys; before the first line, that of the card.
    pub fn service_keys(&self) -> ServiceKeys {
        let of = || ServiceKeys::of(&self.card);
        self.state.as_ref().map_or_else(of, |state| state.service_keys().clone())
    }

    /// The state so far; none before the first line.
    pub fn state(&self) -> Option<&State> {
        self.state.as_ref()
    }
}

/// The first line of a ledger that does not follow from the ones before it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Broken {
    /// Its form, its place or the chain.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// It is not lawful.
    #[error("event {number} of the ledger is not lawful ({reason})")]
    Unlawful {
        /// The event's number.
        number: u64,
        /// Why.
        reason: Unlawful,
    },
}

impl From<FileError> for Broken {
    fn from(error: FileError) -> Self {
        Self::Ledger(error.into())
    }
}

cstatns_base::coded!(Broken {
    Self::Ledger(error) => (error),
    Self::Unlawful { number, reason } => (reason, Tampering, [event: *number]),
});
