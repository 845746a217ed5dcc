//! The columns that go into a payload: in every file of the data the same, in the same order.

use std::ops::Range;

use arrow_schema::DataType;
use cstatns_rows::sink::Column;
use cstatns_rows::table::{Table, runs};

use super::PrepareError;

/// The columns that stay in a file of the data, as they go into a payload.
pub(super) struct Travelling {
    /// By their names in UTF-8, as far as the encoding of the data was said.
    names: Vec<Vec<u8>>,
    /// Their types, and whether their values may be null; of text nothing.
    types: Option<Vec<(DataType, bool)>>,
    /// Where they stand in the first file.
    runs: Vec<Range<usize>>,
    /// As they are written, once they are begun.
    columns: Vec<Column<'static>>,
}

impl Travelling {
    pub(super) fn of(table: &Table, kept: &[usize]) -> Self {
        let column = |at: &usize| {
            let column = Column::kept(table, *at).into_owned();
            match table.schema() {
                Some(_) => column,
                None => column.called(table.header()[*at].clone()),
            }
        };
        Self {
            names: kept.iter().map(|column| table.header()[*column].clone()).collect(),
            types: types(table, kept),
            runs: runs(kept),
            columns: kept.iter().map(column).collect(),
        }
    }

    /// Refuses a further file that has other columns.
    pub(super) fn check(&self, table: &Table, kept: &[usize]) -> Result<(), PrepareError> {
        let names = kept.iter().map(|column| &table.header()[*column]);
        match self.names.iter().eq(names) && self.types == types(table, kept) {
            true => Ok(()),
            false => Err(PrepareError::PayloadFiles { path: table.path().to_owned() }),
        }
    }

    /// Whether they are of text.
    pub(super) fn is_text(&self) -> bool {
        self.types.is_none()
    }

    pub(super) fn runs(&self) -> Vec<Range<usize>> {
        self.runs.clone()
    }

    /// All columns of the payload.
    pub(super) fn into_columns(self) -> Vec<Column<'static>> {
        std::iter::once(Column::index()).chain(self.columns).collect()
    }
}

fn types(table: &Table, kept: &[usize]) -> Option<Vec<(DataType, bool)>> {
    let schema = table.schema()?;
    let field = |column: &usize| {
        let field = schema.field(*column);
        (field.data_type().clone(), field.is_nullable())
    };
    Some(kept.iter().map(field).collect())
}
