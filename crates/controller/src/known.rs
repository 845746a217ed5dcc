//! How data is known again once its codes are there (SPEC §6).

use cstatns_rows::error::TableError;
use cstatns_rows::plain::Plain;
use cstatns_rows::reading::Reading;
use cstatns_rows::table::{Fill, Stream};
use sha2::{Digest, Sha256};

/// What is kept of data while it is read: of a file, what is piped in or lies in a parcel, its own
/// digest, of a frame that of the cells of the columns that are sent.
pub(crate) struct Known {
    columns: Vec<usize>,
    cells: Option<Sha256>,
}

impl Known {
    /// Before the first row is read. The order of the columns does not matter.
    pub(crate) fn begin<F: Fill>(
        rows: &mut Stream<F>,
        columns: &[usize],
    ) -> Result<Self, TableError> {
        rows.know_again(columns)?;
        // A frame has no digest of its own.
        let is_frame = rows.table.schema().is_some() && rows.digest().is_none();
        let cells = is_frame.then(Sha256::new);
        let mut columns = columns.to_vec();
        columns.sort_unstable();
        Ok(Self { columns, cells })
    }

    /// Takes rows that were read, all of them in their order.
    pub(crate) fn see<F: Fill>(&mut self, rows: &Stream<F>, batch: &F) -> Result<(), TableError> {
        let Some(hash) = &mut self.cells else { return Ok(()) };
        let cells = |column: &usize| {
            let [cells] = Plain::of(rows.table.path(), batch, [Some(*column)], Reading::default())?;
            Ok(cells.expect("the column was given"))
        };
        let cells = self.columns.iter().map(cells).collect::<Result<Vec<_>, TableError>>()?;
        for row in 0..batch.rows() {
            for cells in &cells {
                let cell = cells.get(row).unwrap_or_default();
                hash.update((cell.len() as u32).to_be_bytes());
                hash.update(cell);
            }
        }
        Ok(())
    }

    /// The digest, once everything was read.
    pub(crate) fn finish<F: Fill>(self, rows: &Stream<F>) -> [u8; 32] {
        let cells = self.cells.map(|hash| hash.finalize().into());
        cells.or_else(|| rows.digest()).expect("a file keeps its digest from the beginning on")
    }
}
