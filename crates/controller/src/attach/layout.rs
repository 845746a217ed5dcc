//! Where the cells that were sent stand in the data.

use cstatns_record::requested::Requested;

/// Where the cells that were sent stand among all of them: row by row, file by file.
pub(super) struct Layout {
    /// Of each row.
    pub(super) cells: usize,
    pub(super) is_of_files: bool,
    /// The rows before each file, and all of them.
    before: Vec<u64>,
}

impl Layout {
    pub(super) fn of(requested: &Requested) -> Self {
        let mut before = vec![0];
        for data in &requested.data {
            before.push(before[before.len() - 1] + data.rows);
        }
        Self { cells: requested.cells(), is_of_files: requested.is_of_files(), before }
    }

    /// How many cells there are.
    pub(super) fn count(&self) -> u64 {
        self.before[self.before.len() - 1] * self.cells as u64
    }

    /// The number of a cell, from 0, by its file, its row in that and its column, all from 1; none
    /// where there is no such cell.
    pub(super) fn place(&self, file: u64, row: u64, column: u64) -> Option<u64> {
        let file = usize::try_from(file).ok()?;
        let (begin, end) = (self.before.get(file.checked_sub(1)?)?, self.before.get(file)?);
        let row = begin.checked_add(row.checked_sub(1)?).filter(|row| row < end)?;
        let column = column.checked_sub(1).filter(|column| *column < self.cells as u64)?;
        Some(row * self.cells as u64 + column)
    }
}
