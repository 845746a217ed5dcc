//! The progress bar on the terminal, and how something is said where it is not.

use std::sync::{Mutex, PoisonError};

use indicatif::ProgressBar;

/// The bar on the terminal, if there is one.
static BAR: Mutex<Option<ProgressBar>> = Mutex::new(None);

/// Says something where the bar is not.
pub(crate) fn without_bar<T>(say: impl FnOnce() -> T) -> T {
    match &*BAR.lock().unwrap_or_else(PoisonError::into_inner) {
        Some(bar) => bar.suspend(say),
        None => say(),
    }
}

/// Puts the bar there, or takes it away.
pub(crate) fn set_bar(bar: Option<ProgressBar>) {
    *BAR.lock().unwrap_or_else(PoisonError::into_inner) = bar;
}
