//! Rows that are read one after the other, to build what is not a file of rows: the register's
//! index.

use std::fs;
use std::path::Path;

use cstatns_base::civil_status::Field;
use cstatns_base::words;

use crate::csv::{Delimiter, Fields};
use crate::effort::Progress;
use crate::error::TableError;
use crate::fields::need_field;
use crate::guard::{Found, Guard, Lines, Shown};
use crate::plain::Plain;
use crate::reading::Reading;
use crate::table::{Batch, Kind, Rows, Source};

/// Rows that are open to be read once. It has no `Debug`.
pub struct Records(Rows);

impl Records {
    /// Opens a file; in CSV `delimiter` stands between two fields.
    ///
    /// # Errors
    /// [`TableError`]: `file-type`, `file-missing`, `empty-file`, `not-csv`, `parquet-damaged` and
    /// the like.
    pub fn open(path: &Path, delimiter: u8) -> Result<Self, TableError> {
        Ok(Self(Source::open(path, Delimiter::Given(delimiter))?.any()))
    }

    /// The names of the columns, as bytes.
    pub fn header(&self) -> &[Vec<u8>] {
        self.0.table.header()
    }

    /// The error for a column that is not there: it names those that are, unless the first line may
    /// be no header, or the delimiter that seems to be meant. `map` has the names of fields'
    /// columns that are not their own.
    pub fn missing(&self, map: &[(Field, &str)], column: &str) -> TableError {
        self.0.table.missing(map, column)
    }

    /// Reads all rows. `row` is given where each stands, in CSV the line on which it begins and in
    /// Parquet its number, both from 1, and its cells of `columns` (each a place in the header, and
    /// the field that it is of, if any), byte for byte: empty where they are null, or where there
    /// is no such column. Of fields that are dates or can be numbers, the dates and numbers of a
    /// Parquet file are their plain text. The cells are wiped afterwards, except inside the Parquet
    /// library. `progress` counts the rows and the bytes of the file. Returns how many cells of all
    /// columns, but that of identifiers, hold a line break: there a quote may be missing.
    ///
    /// # Errors
    /// [`TableError`]: `identity-kept` for such a cell with an identifier on one of its lines;
    /// `column-type` for a column that is not text, or not of a type for its field, `not-whole`,
    /// `ragged-row`, `open-quote` and the like; `interrupted` after [`Progress::stop`]; and those
    /// of `row`, which end the reading.
    pub fn each<const N: usize, E: From<TableError>>(
        self,
        columns: [Option<(usize, Option<Field>)>; N],
        progress: &Progress,
        mut row: impl FnMut(u64, [&[u8]; N]) -> Result<(), E>,
    ) -> Result<u64, E> {
        self.read(columns, progress, |place, cells| row(place, cells.expect("no row is set apart")))
    }

    /// The same, but a row of a CSV file with more or fewer fields than the header does not end the
    /// reading: `row` is given its line, perhaps after those of later rows, and no cells.
    ///
    /// # Errors
    /// As [`Records::each`], without `ragged-row`.
    pub fn each_even_ragged<const N: usize, E: From<TableError>>(
        mut self,
        columns: [Option<(usize, Option<Field>)>; N],
        progress: &Progress,
        row: impl FnMut(u64, Option<[&[u8]; N]>) -> Result<(), E>,
    ) -> Result<u64, E> {
        self.0.set_ragged_apart();
        self.read(columns, progress, row)
    }

    fn read<const N: usize, E: From<TableError>>(
        mut self,
        columns: [Option<(usize, Option<Field>)>; N],
        progress: &Progress,
        mut row: impl FnMut(u64, Option<[&[u8]; N]>) -> Result<(), E>,
    ) -> Result<u64, E> {
        for (column, field) in columns.into_iter().flatten() {
            match field {
                Some(field) => need_field(&self.0.table, field, column)?,
                None => self.0.table.need_kind(
                    column,
                    &[Kind::Text],
                    words!(
                        "what is read here must be text",
                        "ce qui est lu ici doit être du texte"
                    ),
                )?,
            }
        }
        // A pipe says no length.
        let mut left = fs::metadata(self.0.table.path()).map_or(0, |metadata| metadata.len());
        let whole = (left, self.0.table.rows());
        let identifiers = columns
            .into_iter()
            .flatten()
            .find(|(_, field)| *field == Some(Field::Nir))
            .map(|(column, _)| column);
        let lines =
            |column| if identifiers == Some(column) { Lines::Unseen } else { Lines::Refused };
        let (guard, shown) =
            (Guard::new(&self.0.table, |_| false, lines), Shown::of(&self.0.table));
        let mut found = Found::default();
        let mut rows = 0;
        while let Some(batch) = self.0.next_batch()? {
            guard.judge(&shown, &batch, &mut found)?;
            let cells = Plain::of(
                self.0.table.path(),
                &batch,
                columns.map(|column| column.map(|(column, _)| column)),
                Reading::default(),
            )
            .map_err(|error| error.after(rows))?;
            let mut lines = batch.fields().map(Fields::row_lines);
            for at in 0..batch.rows() {
                rows += 1;
                let place = lines.as_mut().and_then(Iterator::next).unwrap_or(rows);
                let cells = cells.each_ref();
                let cells = cells.map(|cells| {
                    cells.as_ref().and_then(|cells| cells.get(at)).unwrap_or_default()
                });
                row(place, Some(cells))?;
            }
            let ragged = batch.fields().map_or(&[][..], Fields::ragged);
            for place in ragged {
                rows += 1;
                row(*place, None)?;
            }
            let part = match whole {
                (_, None) => batch.bytes() as u64,
                (bytes, Some(all)) => bytes.saturating_mul(batch.rows() as u64) / all.max(1),
            };
            let part = part.min(left);
            left -= part;
            progress.advance((batch.rows() + ragged.len()) as u64, part)?;
        }
        // What is not of rows: the header, quotes.
        progress.advance(0, left)?;
        Ok(found.over_lines)
    }
}
