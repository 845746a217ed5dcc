//! Rows on their way to a file: [`Layout`] encodes them, in any thread; [`Sink`] writes what was encoded, in order.

use std::borrow::Cow;
use std::io::Write;
use std::num::NonZeroUsize;
use std::ops::Range;
use std::sync::Arc;

use arrow_array::builder::{FixedSizeBinaryBuilder, StringBuilder};
use arrow_array::{ArrayRef, Float64Array, StringArray};
use arrow_schema::{DataType, Field, FieldRef, Schema};
use cstatns_base::code::Code;
use cstatns_base::look_up::Score;
use cstatns_base::name::Hex;

use crate::csv::Lines;
use crate::error::TableError;
use crate::parquet::{self, Given};
use crate::table::{Batch, Format, Source};

/// Rows of a row group.
pub const GROUP: usize = 131_072;
/// The most row groups that are worked on at once, whatever the number of threads: each takes 30 to 40 MB at times, and the
/// whole is to stay below 128 MiB.
pub const GROUPS_AT_ONCE: NonZeroUsize = NonZeroUsize::new(3).expect("not zero");

/// A column to write.
pub struct Column<'a> {
    name: Cow<'a, [u8]>,
    field: FieldRef,
    holds: Holds,
}

/// What a column holds, which says how it is best encoded in Parquet.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Holds {
    /// Values without redundancy.
    Plain,
    /// A few words, given as [`Values::Words`].
    Words,
    Anything,
}

impl<'a> Column<'a> {
    fn new(name: &'static str, kind: DataType, nullable: bool, holds: Holds) -> Self {
        let field = Arc::new(Field::new(name, kind, nullable));
        Self { name: name.as_bytes().into(), field, holds }
    }

    /// The column `index`.
    pub fn index() -> Self {
        Self::new("index", DataType::FixedSizeBinary(16), false, Holds::Plain)
    }

    /// Text that identifies people.
    pub fn text(name: &'static str) -> Self {
        Self::new(name, DataType::Utf8, true, Holds::Plain)
    }

    /// The column `code`, binary (Parquet alone) or as text.
    pub fn code(binary: bool) -> Self {
        let kind = if binary { DataType::FixedSizeBinary(32) } else { DataType::Utf8 };
        Self::new("code", kind, true, Holds::Plain)
    }

    /// A column of words, in every row one.
    pub fn word(name: &'static str) -> Self {
        Self::new(name, DataType::Utf8, false, Holds::Words)
    }

    /// The column `score`.
    pub fn score() -> Self {
        Self::new("score", DataType::Float64, true, Holds::Anything)
    }

    /// A column of `source` as it is.
    pub fn kept(source: &'a Source, column: usize) -> Self {
        let name = Cow::from(&source.header()[column]);
        let field = match source.schema() {
            None => Arc::new(Field::new("", DataType::Binary, true)),
            Some(schema) => schema.fields()[column].clone(),
        };
        Self { name, field, holds: Holds::Anything }
    }
}

/// The values of a column for some rows.
pub enum Values<'a> {
    /// Indexes.
    Index(&'a [[u8; 16]]),
    /// Text; none is an empty cell.
    Text(&'a [Option<&'a str>]),
    /// In every row one.
    Words(&'a [Option<&'a str>]),
    /// Codes.
    Codes(&'a [Option<Code>]),
    /// Scores.
    Scores(&'a [Option<Score>]),
    /// Neighbouring columns of the rows of a batch, in their order.
    Kept(&'a Batch, Range<usize>),
    /// In CSV: neighbouring columns as [`csv::Batch::copy`](crate::csv::Batch::copy) wrote them.
    Tails(&'a [&'a [u8]]),
}

impl Values<'_> {
    /// The most that the cells take in CSV, if they may be secret or of a fixed length.
    fn room(&self) -> usize {
        match self {
            Self::Index(indexes) => 33 * indexes.len(),
            // Quotes around it and each one in it twice, and what parts it from the next.
            Self::Text(texts) | Self::Words(texts) => {
                texts.iter().map(|text| 2 * text.map_or(0, str::len) + 3).sum()
            }
            Self::Scores(scores) => 7 * scores.len(),
            Self::Codes(codes) => (Code::MAX_TEXT + 1) * codes.len(),
            Self::Kept(..) | Self::Tails(_) => 0,
        }
    }
}

/// How rows become the bytes of a file: shared by the threads that do it.
pub enum Layout {
    /// A CSV file.
    Csv {
        /// What stands between two fields.
        delimiter: u8,
    },
    /// A Parquet file.
    Parquet {
        /// How its columns are encoded.
        layout: parquet::Layout,
        /// Whether codes are binary.
        binary: bool,
    },
}

/// Rows as the bytes of a file.
pub enum Piece {
    /// Lines.
    Csv(Lines),
    /// A row group that rows are added to.
    Group(Option<parquet::Group>),
    /// A row group that is whole.
    Chunks(Vec<parquet::Chunk>),
}

impl Layout {
    /// An empty piece.
    pub fn piece(&self) -> Piece {
        match self {
            Self::Csv { delimiter } => Piece::Csv(Lines::new(*delimiter)),
            Self::Parquet { .. } => Piece::Group(None),
        }
    }

    /// Empties a piece.
    pub fn begin(&self, piece: &mut Piece) -> Result<(), TableError> {
        match (self, &mut *piece) {
            (Self::Parquet { layout, .. }, _) => *piece = Piece::Group(Some(layout.begin()?)),
            (Self::Csv { .. }, Piece::Csv(lines)) => lines.clear(),
            (Self::Csv { delimiter }, _) => *piece = Piece::Csv(Lines::new(*delimiter)),
        }
        Ok(())
    }

    /// Adds `rows` rows, which are given column by column.
    pub fn add(&self, rows: usize, columns: &[Values<'_>], piece: &mut Piece) -> Result<(), TableError> {
        match (self, piece) {
            (Self::Csv { .. }, Piece::Csv(lines)) => {
                // Room for what may be an identifier: nothing of it is left behind where a buffer was too small.
                lines.reserve(columns.iter().map(Values::room).sum());
                for row in 0..rows {
                    for column in columns {
                        write_field(lines, column, row);
                    }
                    lines.end_row();
                }
                Ok(())
            }
            (Self::Parquet { layout, binary }, Piece::Group(Some(group))) => {
                let mut given = Vec::new();
                for values in columns {
                    match values {
                        Values::Kept(Batch::Parquet(batch), columns) => {
                            given.extend(batch.columns()[columns.clone()].iter().cloned().map(Given::Values));
                        }
                        Values::Words(words) => given.push(Given::Words(words)),
                        _ => given.push(Given::Values(array(values, *binary)?)),
                    }
                }
                layout.add(&given, group)
            }
            _ => unreachable!("the piece was begun by this layout"),
        }
    }
}

impl Piece {
    /// Makes it ready to be written: that part of the encoding which needs no order.
    pub fn end(&mut self) -> Result<(), TableError> {
        if let Self::Group(group) = self
            && let Some(group) = group.take()
        {
            *self = Self::Chunks(group.end()?);
        }
        Ok(())
    }
}

/// The file that pieces are written to.
pub enum Sink<'w> {
    /// A CSV file.
    Csv(&'w mut (dyn Write + Send)),
    /// A Parquet file.
    Parquet(Box<parquet::Writer<&'w mut (dyn Write + Send)>>),
}

impl<'w> Sink<'w> {
    /// Begins the file, and tells how its rows are encoded.
    pub fn new(
        format: Format,
        out: &'w mut (dyn Write + Send),
        delimiter: u8,
        columns: &[Column<'_>],
        pairs: Vec<(&'static str, String)>,
    ) -> Result<(Layout, Self), TableError> {
        match format {
            Format::Csv => {
                let mut header = Lines::new(delimiter);
                columns.iter().for_each(|column| header.field(&column.name));
                header.end_row();
                out.write_all(header.bytes()).map_err(|error| unwritten(&error))?;
                Ok((Layout::Csv { delimiter }, Self::Csv(out)))
            }
            Format::Parquet => {
                let fields: Vec<FieldRef> = columns.iter().map(|column| column.field.clone()).collect();
                let binary = fields.iter().any(|field| {
                    field.name() == "code" && *field.data_type() == DataType::FixedSizeBinary(32)
                });
                let names = |holds| -> Vec<&str> {
                    let columns = columns.iter().filter(|column| column.holds == holds);
                    columns.map(|column| column.field.name().as_str()).collect()
                };
                let (plain, words) = (names(Holds::Plain), names(Holds::Words));
                let (layout, writer) = parquet::Writer::new(out, Schema::new(fields), &plain, &words, pairs)?;
                Ok((Layout::Parquet { layout, binary }, Self::Parquet(Box::new(writer))))
            }
        }
    }

    /// Writes a piece; of a row group it is then empty.
    pub fn write(&mut self, piece: &mut Piece) -> Result<(), TableError> {
        match (self, piece) {
            (Self::Csv(out), Piece::Csv(lines)) => {
                out.write_all(lines.bytes()).map_err(|error| unwritten(&error))
            }
            (Self::Parquet(writer), Piece::Chunks(chunks)) => writer.append(std::mem::take(chunks)),
            _ => unreachable!("the piece is of the layout that came with the sink, and ended"),
        }
    }

    /// Ends the file.
    pub fn finish(self) -> Result<(), TableError> {
        match self {
            Self::Csv(out) => out.flush().map_err(|error| unwritten(&error)),
            Self::Parquet(writer) => writer.finish(),
        }
    }
}

fn unwritten(error: &std::io::Error) -> TableError {
    TableError::Write { kind: error.kind() }
}

fn write_field(lines: &mut Lines, values: &Values<'_>, row: usize) {
    match values {
        Values::Index(indexes) => lines.plain(|out| Hex(indexes[row]).write(out)),
        Values::Text(texts) | Values::Words(texts) => lines.field(texts[row].unwrap_or_default().as_bytes()),
        Values::Codes(codes) => lines.plain(|out| {
            if let Some(code) = codes[row] {
                code.write_text(out);
            }
        }),
        Values::Scores(scores) => lines.plain(|out| {
            if let Some(score) = scores[row] {
                score.write(out);
            }
        }),
        Values::Kept(Batch::Csv(batch), columns) => batch.copy(row, columns.clone(), lines),
        Values::Kept(..) => unreachable!("retained and attached files are of the data's type"),
        Values::Tails(tails) => lines.plain(|out| out.extend_from_slice(tails[row])),
    }
}

fn array(values: &Values<'_>, binary: bool) -> Result<ArrayRef, TableError> {
    Ok(match values {
        Values::Index(indexes) => {
            let mut builder = FixedSizeBinaryBuilder::with_capacity(indexes.len(), 16);
            for index in *indexes {
                builder.append_value(index).expect("an index has 16 bytes");
            }
            Arc::new(builder.finish())
        }
        Values::Text(texts) => Arc::new(texts.iter().copied().collect::<StringArray>()),
        Values::Codes(codes) if binary => {
            let mut builder = FixedSizeBinaryBuilder::with_capacity(codes.len(), 32);
            for code in *codes {
                match code {
                    Some(code) => builder.append_value(code.bytes()).expect("a code has 32 bytes"),
                    None => builder.append_null(),
                }
            }
            Arc::new(builder.finish())
        }
        Values::Codes(codes) => {
            let mut builder = StringBuilder::with_capacity(codes.len(), codes.len() * Code::MAX_TEXT);
            let mut text = Vec::with_capacity(Code::MAX_TEXT);
            for code in *codes {
                text.clear();
                match code {
                    Some(code) => {
                        code.write_text(&mut text);
                        builder.append_value(std::str::from_utf8(&text).expect("a code's text is ASCII"));
                    }
                    None => builder.append_null(),
                }
            }
            Arc::new(builder.finish())
        }
        Values::Scores(scores) => {
            Arc::new(scores.iter().map(|score| score.map(f64::from)).collect::<Float64Array>())
        }
        Values::Words(_) => unreachable!("words are written as they are"),
        Values::Kept(..) | Values::Tails(_) => {
            unreachable!("retained and attached files are of the data's type")
        }
    })
}
