//! Coded files that tests make, their join, and what it should be.

#![allow(dead_code, unreachable_pub)]

use std::cell::Cell;
use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::builder::FixedSizeBinaryBuilder;
use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int64Type};
use arrow_array::{Array, ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray};
use arrow_schema::{DataType, Field, Schema};
use cstatns_base::code::{Code, Generation, Tag};
use cstatns_base::meta::marks;
use cstatns_base::name::Name;
use cstatns_link::join::{How, Join, JoinError, Joined, Out, Source, join, join_bit_by_bit};
use cstatns_rows::csv::{Delimiter, Lines};
use cstatns_rows::effort::Effort;
use cstatns_rows::sink;
use cstatns_rows::table;
use parquet::arrow::ArrowWriter;

/// A row of a coded file.
#[derive(Clone, Debug)]
pub struct Row {
    pub code: Option<[u8; 32]>,
    pub quality: &'static str,
    pub score: Option<f64>,
    /// The others, in their order.
    pub cells: Vec<Option<String>>,
}

/// A coded file.
#[derive(Clone, Debug)]
pub struct Given {
    pub name: Name,
    pub has_score: bool,
    /// The names of the other columns; of one that begins with `n` the values are whole numbers.
    pub header: Vec<String>,
    pub rows: Vec<Row>,
}

/// How files are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Csv,
    /// With codes as text, or binary.
    Parquet(bool),
}

pub fn of() -> (Tag, Generation) {
    (Tag::parse(b"abcd").unwrap(), Generation::FIRST)
}

pub fn name(text: &str) -> Name {
    Name::new(text).unwrap()
}

pub fn code_text(bytes: [u8; 32]) -> String {
    let (tag, generation) = of();
    Code::from_bytes(bytes, tag, generation).text()
}

/// The bits that come after `state`, which seem drawn.
pub fn mixed(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// The code of person number `person`.
pub fn code(person: u64) -> [u8; 32] {
    let mut state = person.wrapping_mul(0x2545_f491_4f6c_dd1d) ^ 0x5bd1_e995;
    let mut bytes = [0; 32];
    bytes
        .chunks_exact_mut(8)
        .for_each(|part| part.copy_from_slice(&mixed(&mut state).to_le_bytes()));
    bytes
}

impl Given {
    /// One with a column `n` that numbers its rows, and `text`.
    pub fn numbered(source: &str, people: impl Iterator<Item = u64>) -> Self {
        let row = |(number, person): (usize, u64)| Row {
            code: Some(code(person)),
            quality: "valid",
            score: None,
            cells: vec![Some(number.to_string()), Some(format!("{source} of {person}"))],
        };
        Self {
            name: name(source),
            has_score: false,
            header: vec!["n".to_owned(), format!("text-{source}")],
            rows: people.enumerate().map(row).collect(),
        }
    }

    fn columns(&self) -> Vec<String> {
        let own = ["code", "quality"].into_iter().chain(self.has_score.then_some("score"));
        own.map(str::to_owned).chain(self.header.iter().cloned()).collect()
    }

    /// Writes it into the folder, and says where.
    pub fn write(&self, place: &Path, kind: Kind) -> PathBuf {
        match kind {
            Kind::Csv => self.write_text(&place.join(format!("{}.csv", self.name)), b','),
            Kind::Parquet(binary) => {
                self.write_parquet(&place.join(format!("{}.parquet", self.name)), binary)
            }
        }
    }

    pub fn write_text(&self, path: &Path, delimiter: u8) -> PathBuf {
        let mut lines = Lines::new(delimiter);
        self.columns().iter().for_each(|name| lines.field(name.as_bytes()));
        lines.end_row();
        for row in &self.rows {
            lines.field(row.code.map(code_text).unwrap_or_default().as_bytes());
            lines.field(row.quality.as_bytes());
            if self.has_score {
                lines.field(
                    row.score.map(|score| format!("{score:.4}")).unwrap_or_default().as_bytes(),
                );
            }
            row.cells
                .iter()
                .for_each(|cell| lines.field(cell.as_deref().unwrap_or_default().as_bytes()));
            lines.end_row();
        }
        std::fs::write(path, lines.bytes()).unwrap();
        path.to_owned()
    }

    fn write_parquet(&self, path: &Path, binary: bool) -> PathBuf {
        let codes: ArrayRef = match binary {
            true => {
                let mut builder = FixedSizeBinaryBuilder::new(32);
                self.rows.iter().for_each(|row| match row.code {
                    Some(code) => builder.append_value(code).unwrap(),
                    None => builder.append_null(),
                });
                Arc::new(builder.finish())
            }
            false => Arc::new(
                self.rows.iter().map(|row| row.code.map(code_text)).collect::<StringArray>(),
            ),
        };
        let quality = self.rows.iter().map(|row| Some(row.quality)).collect::<StringArray>();
        let mut columns: Vec<ArrayRef> = vec![codes, Arc::new(quality)];
        if self.has_score {
            columns.push(Arc::new(self.rows.iter().map(|row| row.score).collect::<Float64Array>()));
        }
        for (at, name) in self.header.iter().enumerate() {
            let cells = self.rows.iter().map(|row| row.cells[at].as_deref());
            columns.push(match name.starts_with('n') {
                true => Arc::new(cells.map(|cell| cell?.parse().ok()).collect::<Int64Array>()),
                false => Arc::new(cells.collect::<StringArray>()),
            });
        }
        let field = |(name, column): (String, &ArrayRef)| {
            // Some columns of the sources hold no null, and say so.
            Field::new(name, column.data_type().clone(), column.null_count() > 0)
        };
        let fields: Vec<Field> = self.columns().into_iter().zip(&columns).map(field).collect();
        let pairs = marks(Some(of())).into_iter().map(|(key, value)| (key.to_owned(), value));
        let schema = Arc::new(Schema::new(fields).with_metadata(pairs.clone().collect()));
        let batch = RecordBatch::try_new(schema.clone(), columns).unwrap();
        let mut writer = ArrowWriter::try_new(File::create(path).unwrap(), schema, None).unwrap();
        pairs.for_each(|(key, value)| {
            writer.append_key_value_metadata(parquet::file::metadata::KeyValue::new(key, value));
        });
        writer.write(&batch).unwrap();
        writer.close().unwrap();
        path.to_owned()
    }
}

/// What is asked of a join.
#[derive(Clone, Debug)]
pub struct Asked {
    pub how: How,
    pub many: bool,
    pub least: u64,
    pub effort: Effort,
    /// Whether a few rows are too many to be held at once.
    pub is_small: bool,
}

impl Asked {
    pub fn of(how: How) -> Self {
        Self { how, many: true, least: 0, effort: Effort::default(), is_small: false }
    }
}

/// An output as it was read.
#[derive(Debug)]
pub struct Written {
    pub header: Vec<String>,
    pub kinds: Vec<DataType>,
    pub rows: Vec<Vec<Option<String>>>,
}

pub fn open(path: &Path) -> table::Source {
    table::Source::open(path, Delimiter::Under("code")).unwrap()
}

/// Joins files, and reads what was written. What a count refuses was not begun.
pub fn join_files(
    files: &[(&Name, PathBuf)],
    out: &Path,
    asked: &Asked,
) -> Result<(Joined, Written), JoinError> {
    let sources =
        files.iter().map(|(name, path)| Source { name, rows: open(path), of: of() }).collect();
    let joined = join_sources(sources, out, asked)?;
    Ok((joined, read(out)))
}

pub fn join_sources(
    sources: Vec<Source<'_>>,
    out: &Path,
    asked: &Asked,
) -> Result<Joined, JoinError> {
    let begun = Cell::new(false);
    let mut file = File::create(out).unwrap();
    let what = Join { sources, how: asked.how, many: asked.many, least: asked.least };
    let is_text = out.extension().unwrap() != "parquet";
    let begin = match is_text {
        true => Out::Lines(Box::new(|columns, table| {
            begun.set(true);
            sink::csv(&mut file, table.text_beside(out), columns)
        })),
        false => Out::Columns(Box::new(|columns, _| {
            begun.set(true);
            sink::parquet(&mut file, columns, Vec::new())
        })),
    };
    let run = if asked.is_small { join_bit_by_bit } else { join };
    let outcome = run(what, begin, out, &asked.effort);
    if matches!(outcome, Err(JoinError::Few { .. } | JoinError::Many { .. })) {
        assert!(!begun.get(), "begun before the counts were looked at");
    }
    outcome
}

/// Reads an output.
pub fn read(path: &Path) -> Written {
    let batches = table::Source::open(path, Delimiter::Given(b',')).unwrap().into_record_batches();
    let schema = arrow_array::RecordBatchReader::schema(&batches);
    let mut rows = Vec::new();
    for batch in batches {
        let batch = batch.unwrap();
        for row in 0..batch.num_rows() {
            rows.push(batch.columns().iter().map(|column| cell(column, row)).collect());
        }
    }
    Written {
        header: schema.fields().iter().map(|field| field.name().clone()).collect(),
        kinds: schema.fields().iter().map(|field| field.data_type().clone()).collect(),
        rows,
    }
}

fn cell(column: &ArrayRef, row: usize) -> Option<String> {
    column.is_valid(row).then(|| match column.data_type() {
        DataType::Int64 => column.as_primitive::<Int64Type>().value(row).to_string(),
        DataType::Float64 => format!("{:.4}", column.as_primitive::<Float64Type>().value(row)),
        _ => column.as_string::<i32>().value(row).to_owned(),
    })
}

/// What a join should be: the rows, sorted, and what is counted.
pub struct Expected {
    pub rows: Vec<Vec<Option<String>>>,
    pub people: u64,
    /// Of each source: rows, without a code, people, repeated, matched.
    pub sources: Vec<[u64; 5]>,
    pub many: u64,
}

/// Joins in memory, person by person. In text an empty cell is nothing.
pub fn expected(sources: &[Given], how: How, is_text: bool) -> Expected {
    let mut people: BTreeMap<[u8; 32], Vec<Vec<&Row>>> = BTreeMap::new();
    let mut alone = Vec::new();
    for (at, source) in sources.iter().enumerate() {
        for row in &source.rows {
            match row.code {
                Some(code) => people.entry(code).or_insert_with(|| vec![Vec::new(); sources.len()])
                    [at]
                    .push(row),
                None => alone.push((at, row)),
            }
        }
    }
    let cells = |source: &Given, row: Option<&Row>| -> Vec<Option<String>> {
        let Some(row) = row else {
            return vec![None; 1 + usize::from(source.has_score) + source.header.len()];
        };
        let score = source.has_score.then(|| row.score.map(|score| format!("{score:.4}")));
        let all = [Some(row.quality.to_owned())]
            .into_iter()
            .chain(score)
            .chain(row.cells.iter().cloned());
        all.map(|cell| cell.filter(|cell| !is_text || !cell.is_empty())).collect()
    };
    let mut found = Expected {
        rows: Vec::new(),
        people: 0,
        sources: sources.iter().map(|source| [source.rows.len() as u64, 0, 0, 0, 0]).collect(),
        many: 0,
    };
    for (at, row) in alone {
        found.sources[at][1] += 1;
        if how == How::Full || (how == How::Left && at == 0) {
            let of = |(other, source): (usize, &Given)| cells(source, (other == at).then_some(row));
            found.rows.push(sources.iter().enumerate().flat_map(of).collect());
        }
    }
    for rows in people.values() {
        let present = rows.iter().filter(|rows| !rows.is_empty()).count();
        let is_matched = if how == How::Inner { present == sources.len() } else { present > 1 };
        for (counts, rows) in found.sources.iter_mut().zip(rows) {
            counts[2] += u64::from(!rows.is_empty());
            counts[3] += u64::from(rows.len() > 1);
            counts[4] += u64::from(!rows.is_empty() && is_matched);
        }
        let comes_out = match how {
            How::Inner => present == sources.len(),
            How::Left => !rows[0].is_empty(),
            How::Full => true,
        };
        if !comes_out {
            continue;
        }
        found.people += 1;
        found.many += u64::from(rows.iter().filter(|rows| rows.len() > 1).count() > 1);
        let mut products: Vec<Vec<Option<String>>> = vec![Vec::new()];
        for (source, rows) in sources.iter().zip(rows) {
            let sides: Vec<Option<&Row>> = match rows.is_empty() {
                true => vec![None],
                false => rows.iter().map(|row| Some(*row)).collect(),
            };
            products = products
                .iter()
                .flat_map(|before| sides.iter().map(move |side| (before, *side)))
                .map(|(before, side)| [before.clone(), cells(source, side)].concat())
                .collect();
        }
        found.rows.extend(products);
    }
    found.rows.sort();
    found
}
