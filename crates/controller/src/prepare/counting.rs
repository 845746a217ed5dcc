//! Distinct values, as long as they are counted.

use std::sync::atomic::{AtomicBool, Ordering};

use cstatns_base::distinct::Marks;

/// What threads make marks with: none once enough values were found distinct.
pub(super) struct Counting {
    marks: Marks,
    is_over: AtomicBool,
}

impl Counting {
    pub(super) fn new() -> Self {
        Self { marks: Marks::random(), is_over: AtomicBool::new(false) }
    }

    /// Adds the mark of a value, or of the values of a row.
    pub(super) fn mark<'a>(
        &self,
        marks: &mut Vec<u128>,
        values: impl IntoIterator<Item = &'a [u8]>,
    ) {
        // Which thread sees the end when changes how many marks are made, not what is counted.
        if !self.is_over.load(Ordering::Relaxed) {
            marks.push(self.marks.of(values));
        }
    }

    /// Whether further marks are of use.
    pub(super) fn goes_on(&self, goes_on: bool) {
        self.is_over.store(!goes_on, Ordering::Relaxed);
    }
}
