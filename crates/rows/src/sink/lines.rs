//! Lines of CSV.

use std::io::Write;

use cstatns_base::name::Hex;

use super::{Column, Encoding, Sink, Values, unwritten};
use crate::csv::{Ending, Fields, Kept, Lines, MARK, Style};
use crate::error::TableError;
use crate::packed::Packer;
use crate::table::Text;

/// Encodes rows as lines.
pub struct Csv {
    delimiter: u8,
    ending: Ending,
}

/// Writes lines to a file.
pub struct CsvSink<'w>(Packer<'w>);

/// Begins a file of text, perhaps a compressed one.
///
/// # Errors
/// [`TableError::Write`].
pub fn csv<'w>(
    out: &'w mut (dyn Write + Send),
    text: impl Into<Text>,
    columns: &[Column<'_>],
) -> Result<(Csv, CsvSink<'w>), TableError> {
    let Text { delimiter, packing, style: Style { mark, said, ending } } = text.into();
    let mut out = Packer::new(out, packing).map_err(|error| unwritten(&error))?;
    let mut header = Lines::ended(delimiter, ending);
    let mut start = Vec::new();
    if mark {
        start.extend_from_slice(MARK);
    }
    if let Some(is_quoted) = said {
        let quote: &[u8] = if is_quoted { b"\"" } else { b"" };
        start.extend([quote, b"sep=", &[delimiter], quote, ending.bytes()].concat());
    }
    out.write_all(&start).map_err(|error| unwritten(&error))?;
    columns.iter().for_each(|column| match column.is_quoted {
        true => header.as_it_was(&column.name, true),
        false => header.field(&column.name),
    });
    header.end_row();
    out.write_all(header.bytes()).map_err(|error| unwritten(&error))?;
    Ok((Csv { delimiter, ending }, CsvSink(out)))
}

impl Encoding for Csv {
    type Form = Fields;
    type Piece = Lines;
    const GROUP: usize = 1;

    fn piece(&self) -> Lines {
        Lines::ended(self.delimiter, self.ending)
    }

    fn begin(&self, lines: &mut Lines) -> Result<(), TableError> {
        lines.clear();
        Ok(())
    }

    fn add(
        &self,
        rows: usize,
        columns: &[Values<'_>],
        kept: Kept<'_>,
        lines: &mut Lines,
    ) -> Result<(), TableError> {
        // Room for what may be an identifier: nothing of it is left behind where a buffer was too
        // small.
        lines.reserve(columns.iter().map(Values::room).sum());
        for row in 0..rows {
            for column in columns {
                write_field(lines, column, row);
            }
            kept.write(row, lines);
            lines.end_row();
        }
        Ok(())
    }

    fn end(&self, _: &mut Lines) -> Result<(), TableError> {
        Ok(())
    }
}

impl Sink for CsvSink<'_> {
    type Piece = Lines;

    fn write(&mut self, lines: &mut Lines) -> Result<(), TableError> {
        self.0.write_all(lines.bytes()).map_err(|error| unwritten(&error))
    }

    fn finish(self) -> Result<(), TableError> {
        self.0.finish().map_err(|error| unwritten(&error))
    }
}

fn write_field(lines: &mut Lines, values: &Values<'_>, row: usize) {
    match values {
        Values::Index(indexes) => lines.plain(|out| Hex(indexes[row]).write(out)),
        Values::Numbers(numbers) => lines.plain(|out| {
            write!(out, "{}", numbers[row]).expect("a vector takes what is written");
        }),
        Values::Text(texts) | Values::Words(texts) => {
            lines.field(texts[row].unwrap_or_default().as_bytes())
        }
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
    }
}
