//! Row groups of Parquet.

use std::collections::HashMap;
use std::io::Write;
use std::num::NonZeroUsize;
use std::path::Path;

use ::parquet::file::metadata::KeyValue;
use arrow_array::{ArrayRef, RecordBatch};
use arrow_schema::Schema;

use super::arrays::array;
use super::{Column, Encoding, GROUP, GROUPS_AT_ONCE, Holds, Sink, Values, is_binary};
use crate::error::TableError;
use crate::parquet::{Chunk, Copier, Given, Group, Layout, Plain, Writer, said_beside};

/// Encodes rows as row groups.
pub struct Parquet {
    layout: Layout,
    binary: bool,
}

/// Writes row groups to a file.
pub struct ParquetSink<'w>(Box<Writer<&'w mut (dyn Write + Send)>>);

/// A row group: rows are added to it, then it is whole.
#[derive(Default)]
pub struct RowGroup {
    open: Option<Group>,
    whole: Vec<Chunk>,
}

impl RowGroup {
    fn end(&mut self) -> Result<(), TableError> {
        if let Some(open) = self.open.take() {
            self.whole = open.end()?;
        }
        Ok(())
    }
}

/// Begins a Parquet file, whose metadata says `pairs`.
///
/// # Errors
/// [`TableError::Write`], [`TableError::Unwritable`].
pub fn parquet<'w>(
    out: &'w mut (dyn Write + Send),
    columns: &[Column<'_>],
    pairs: Vec<(&'static str, String)>,
) -> Result<(Parquet, ParquetSink<'w>), TableError> {
    begin(out, columns, (of(pairs), HashMap::new()), None)
}

/// Begins a Parquet file whose last columns are the columns `kept` of the file `data`, written
/// anew; its metadata says `pairs`, and what that of `data` says.
///
/// # Errors
/// [`TableError`].
pub fn parquet_beside<'w>(
    out: &'w mut (dyn Write + Send),
    columns: &[Column<'_>],
    (data, kept): (&Path, &[usize]),
    pairs: Vec<(&'static str, String)>,
) -> Result<(Parquet, ParquetSink<'w>), TableError> {
    let own = columns[..columns.len() - kept.len()].iter().map(|column| column.field.clone());
    let (said, of_schema) = said_beside(data, own.collect(), kept)?;
    begin(out, columns, ([of(pairs), said].concat(), of_schema), None)
}

fn of(pairs: Vec<(&'static str, String)>) -> Vec<KeyValue> {
    pairs.into_iter().map(|(key, value)| KeyValue::new(key.to_owned(), value)).collect()
}

fn begin<'w>(
    out: &'w mut (dyn Write + Send),
    columns: &[Column<'_>],
    (pairs, of_schema): (Vec<KeyValue>, HashMap<String, String>),
    aside: Option<&Path>,
) -> Result<(Parquet, ParquetSink<'w>), TableError> {
    let names = |holds| -> Vec<&str> {
        let columns = columns.iter().filter(|column| column.holds == holds);
        columns.map(|column| column.field.name().as_str()).collect()
    };
    let fields: Vec<_> = columns.iter().map(|column| column.field.clone()).collect();
    let schema = Schema::new_with_metadata(fields, of_schema);
    let plain = Plain { plain: &names(Holds::Plain), packed: &names(Holds::Packed) };
    let (layout, writer) = Writer::new(out, schema, plain, &names(Holds::Words), pairs, aside)?;
    Ok((Parquet { layout, binary: is_binary(columns) }, ParquetSink(Box::new(writer))))
}

/// Writes row groups, each with the columns of one of another file behind its own.
pub struct CopySink<'w>(Box<Copier<&'w mut (dyn Write + Send)>>);

impl CopySink<'_> {
    /// The rows of each row group, which pieces must have too.
    pub fn groups(&self) -> Vec<u64> {
        self.0.groups()
    }
}

/// Begins a Parquet file that has `columns`, and behind them the columns `kept` of the file `data`
/// with every byte of theirs; its metadata says `pairs`, and what that of `data` says. What large
/// row groups have too much is put aside beside the file `aside`.
///
/// # Errors
/// [`TableError`].
pub fn copy<'w>(
    out: &'w mut (dyn Write + Send),
    columns: &[Column<'_>],
    (data, kept): (&Path, &[usize]),
    pairs: Vec<(&'static str, String)>,
    aside: &Path,
) -> Result<(Parquet, CopySink<'w>), TableError> {
    // What is encoded here goes nowhere but into row groups of the other writer.
    let mut nowhere = std::io::sink();
    let (encoding, _) = begin(&mut nowhere, columns, Default::default(), Some(aside))?;
    let own = columns.iter().map(|column| column.field.clone()).collect();
    Ok((encoding, CopySink(Box::new(Copier::new(out, own, data, kept, pairs)?))))
}

impl Sink for CopySink<'_> {
    type Piece = RowGroup;

    fn write(&mut self, group: &mut RowGroup) -> Result<(), TableError> {
        group.end()?;
        self.0.append(std::mem::take(&mut group.whole))
    }

    fn finish(self) -> Result<(), TableError> {
        self.0.finish()
    }
}

impl Encoding for Parquet {
    type Form = RecordBatch;
    type Piece = RowGroup;
    const GROUP: usize = GROUP;

    fn threads(offered: NonZeroUsize) -> NonZeroUsize {
        offered.min(GROUPS_AT_ONCE)
    }

    fn piece(&self) -> RowGroup {
        RowGroup::default()
    }

    fn begin(&self, group: &mut RowGroup) -> Result<(), TableError> {
        *group = RowGroup { open: Some(self.layout.begin()?), whole: Vec::new() };
        Ok(())
    }

    fn add(
        &self,
        _: usize,
        columns: &[Values<'_>],
        kept: Vec<ArrayRef>,
        group: &mut RowGroup,
    ) -> Result<(), TableError> {
        let own = columns.iter().map(|values| match values {
            Values::Words(words) => Given::Words(words),
            values => Given::Values(array(values, self.binary)),
        });
        let given: Vec<_> = own.chain(kept.into_iter().map(Given::Values)).collect();
        let open = match group.open.take() {
            Some(open) => open,
            None => self.layout.begin()?,
        };
        self.layout.add(&given, group.open.insert(open))
    }

    fn end(&self, group: &mut RowGroup) -> Result<(), TableError> {
        group.end()
    }
}

impl Sink for ParquetSink<'_> {
    type Piece = RowGroup;

    fn write(&mut self, group: &mut RowGroup) -> Result<(), TableError> {
        group.end()?;
        self.0.append(std::mem::take(&mut group.whole))
    }

    fn finish(self) -> Result<(), TableError> {
        self.0.finish()
    }
}
