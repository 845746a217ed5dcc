//! What is written beside the request, in the same order: which row each index is of, to be
//! retained; or the rows themselves, for a linking body.

use std::num::NonZeroUsize;

use cstatns_rows::csv::Fields;
use cstatns_rows::error::TableError;
use cstatns_rows::sink::{Encoding, Values};
use cstatns_rows::sort::{KEY, Sortable};
use cstatns_rows::table::Form;

use super::head::{At, STATUSES};

/// What is written beside the request.
pub(super) trait RowsBeside: Sync {
    /// The form in which rows are sorted.
    type Form: Sortable;
    /// How it is written.
    type Encoding: Encoding;
    /// What is said of some rows, row by row.
    type Said: Default;

    fn encoding(&self) -> &Self::Encoding;

    /// The threads that write, where so many are offered.
    fn threads(offered: NonZeroUsize) -> NonZeroUsize;

    /// Empties it.
    fn clear(&self, said: &mut Self::Said);

    /// Takes the row of a cell that is sent.
    fn say(&self, at: At, status: u8, said: &mut Self::Said);

    /// Adds the rows of these indexes; `kept` gives the columns that are kept of them.
    fn add<'a>(
        &self,
        indexes: &[[u8; KEY]],
        said: &Self::Said,
        kept: impl FnOnce() -> Result<<Self::Form as Form>::Kept<'a>, TableError>,
        piece: &mut <Self::Encoding as Encoding>::Piece,
    ) -> Result<(), TableError>;
}

/// Which row of the data each index is of.
pub(super) struct Retained<'a, E> {
    pub(super) encoding: E,
    /// The rows of the data before each block of them.
    pub(super) before: &'a [u64],
    /// Of several files, the rows of the data before each.
    pub(super) files: Option<&'a [u64]>,
    /// The rows of the request for each row of the data.
    pub(super) cells: usize,
}

/// Where cells that were sent stand in the data, all from 1: the rows, the columns among those that
/// are sent, and the files; and what became of them.
#[derive(Default)]
pub(super) struct Places {
    rows: Vec<u64>,
    columns: Vec<u64>,
    files: Vec<u64>,
    statuses: Vec<Option<&'static str>>,
}

impl<E: Encoding> RowsBeside for Retained<'_, E> {
    type Form = Fields;
    type Encoding = E;
    type Said = Places;

    fn encoding(&self) -> &E {
        &self.encoding
    }

    fn threads(offered: NonZeroUsize) -> NonZeroUsize {
        offered
    }

    fn clear(&self, said: &mut Places) {
        said.rows.clear();
        said.columns.clear();
        said.files.clear();
        said.statuses.clear();
    }

    #[inline]
    fn say(&self, at: At, status: u8, said: &mut Places) {
        let Self { before, files, cells, .. } = self;
        let (row, column) = (at.cell as usize / cells, at.cell as usize % cells);
        let row = before[at.block as usize] + row as u64;
        let file = files.map_or(0, |files| files.partition_point(|first| *first <= row));
        let first = file.checked_sub(1).zip(*files).map_or(0, |(file, files)| files[file]);
        // From 1, as errors count rows.
        said.rows.push(row - first + 1);
        said.columns.extend((*cells > 1).then_some(column as u64 + 1));
        said.files.extend(files.map(|_| file as u64));
        said.statuses.push(Some(STATUSES[usize::from(status)]));
    }

    fn add<'a>(
        &self,
        indexes: &[[u8; KEY]],
        said: &Places,
        _: impl FnOnce() -> Result<<Fields as Form>::Kept<'a>, TableError>,
        piece: &mut E::Piece,
    ) -> Result<(), TableError> {
        let mut own = vec![Values::Index(indexes), Values::Numbers(&said.rows)];
        own.extend((self.cells > 1).then_some(Values::Numbers(&said.columns)));
        own.extend(self.files.map(|_| Values::Numbers(&said.files)));
        own.push(Values::Words(&said.statuses));
        self.encoding.add(indexes.len(), &own, E::Form::nothing(), piece)
    }
}

/// The rows themselves, each with its index, without what is sent of them.
pub(super) struct Whole<E>(pub(super) E);

impl<E: Encoding> RowsBeside for Whole<E>
where
    E::Form: Sortable,
{
    type Form = E::Form;
    type Encoding = E;
    type Said = ();

    fn encoding(&self) -> &E {
        &self.0
    }

    fn threads(offered: NonZeroUsize) -> NonZeroUsize {
        E::threads(offered)
    }

    fn clear(&self, (): &mut ()) {}

    fn say(&self, _: At, _: u8, (): &mut ()) {}

    fn add<'a>(
        &self,
        indexes: &[[u8; KEY]],
        (): &(),
        kept: impl FnOnce() -> Result<<E::Form as Form>::Kept<'a>, TableError>,
        piece: &mut E::Piece,
    ) -> Result<(), TableError> {
        self.0.add(indexes.len(), &[Values::Index(indexes)], kept()?, piece)
    }
}
