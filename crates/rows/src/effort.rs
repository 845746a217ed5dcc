//! How much of the machine a bulk step takes, what is seen of it meanwhile, and how it is stopped.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use crate::error::TableError;

/// What a bulk step may take of the machine, and where it shows how far it is. It changes no byte
/// of any output.
#[derive(Clone, Debug)]
pub struct Effort {
    /// How many threads work on the rows.
    pub threads: NonZeroUsize,
    /// The memory of a step that sorts, in bytes: rows that do not fit are put aside on disk,
    /// encrypted, and there are no more threads than half of it feeds, at 32 MiB each.
    pub memory: usize,
    /// Where it tells how far it is.
    pub progress: Arc<Progress>,
}

impl Effort {
    /// The memory that is taken if nothing is said, in bytes.
    pub const MEMORY: usize = 1 << 30;
}

impl Default for Effort {
    /// A thread for each core, [`Effort::MEMORY`].
    fn default() -> Self {
        let threads = std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
        Self { threads, memory: Self::MEMORY, progress: Arc::default() }
    }
}

/// How far a bulk step is. It holds counts only; another thread may look at it, and ask the step to
/// stop.
#[derive(Debug, Default)]
pub struct Progress {
    rows: AtomicU64,
    done: AtomicU64,
    whole: AtomicU64,
    stopped: AtomicBool,
}

impl Progress {
    /// The rows gone through. A step that goes through them twice counts them the first time.
    pub fn rows(&self) -> u64 {
        self.rows.load(Ordering::Relaxed)
    }

    /// The part of the work that is done, from 0 to 1; 0 while nothing is known of it.
    pub fn part(&self) -> f64 {
        let (done, whole) = (self.done.load(Ordering::Relaxed), self.whole.load(Ordering::Relaxed));
        if whole == 0 { 0.0 } else { (done as f64 / whole as f64).min(1.0) }
    }

    /// Asks the step to stop: it ends with the error `interrupted` and leaves nothing.
    pub fn stop(&self) {
        self.stopped.store(true, Ordering::Relaxed);
    }

    /// Whether [`Progress::stop`] was called.
    pub fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::Relaxed)
    }

    /// Says how much there is still to do, in a unit of the step's own: bulk steps say it
    /// themselves, unless so much was said of several steps together. Who
    /// reads files with [`Records::each`](crate::people::Records::each) says how long all of them
    /// are, in bytes.
    pub fn expect(&self, whole: u64) {
        let done = self.done.load(Ordering::Relaxed);
        self.whole.fetch_max(done.saturating_add(whole), Ordering::Relaxed);
    }

    /// Counts rows and work done.
    ///
    /// # Errors
    /// [`TableError::Interrupted`] after [`Progress::stop`].
    pub fn advance(&self, rows: u64, done: u64) -> Result<(), TableError> {
        self.rows.fetch_add(rows, Ordering::Relaxed);
        self.done.fetch_add(done, Ordering::Relaxed);
        self.check()
    }

    /// Whether to go on.
    ///
    /// # Errors
    /// [`TableError::Interrupted`] after [`Progress::stop`].
    pub fn check(&self) -> Result<(), TableError> {
        if self.is_stopped() { Err(TableError::Interrupted) } else { Ok(()) }
    }
}
