//! How a command is stopped in its middle: the program dies at a moment at which it looks at the
//! clock, or, where the build has fault points, at any durable step of its storage.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

#[cfg(all(cstatns_faults, debug_assertions))]
use crate::common::crash::Fault;
use crate::common::{Died, TestClock};

#[derive(Debug)]
pub(crate) enum Stop {
    /// After so many looks at the clock.
    Clock(u32),
    #[cfg(all(cstatns_faults, debug_assertions))]
    Storage(std::path::PathBuf, Fault),
}

impl Stop {
    /// What `act` gives, if it was not killed.
    pub(crate) fn during<R>(&self, clock: &TestClock, act: impl FnOnce() -> R) -> Option<R> {
        match self {
            Self::Clock(looks) => {
                clock.kill_after(Some(*looks));
                let outcome = catch_unwind(AssertUnwindSafe(act));
                clock.kill_after(None);
                match outcome {
                    Ok(outcome) => Some(outcome),
                    Err(panic) if panic.is::<Died>() => None,
                    Err(panic) => resume_unwind(panic),
                }
            }
            #[cfg(all(cstatns_faults, debug_assertions))]
            Self::Storage(under, fault) => Some(fault.during(under, act)),
        }
    }
}
