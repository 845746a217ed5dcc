//! What data holds before anything is made of it (SPEC §6): its columns, which of them seem to hold
//! identifiers or civil status, how many of their cells can be read, why the others cannot, and
//! where these stand. Counts, words and numbers of lines, never a value.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use cstatns_base::civil_status::{Field, Years};
use cstatns_base::coded::ColumnName;
use cstatns_base::distinct::Marks;
use cstatns_base::identifier::{Reason, Scheme, number};
use cstatns_base::language::Words;
use cstatns_base::secret::wipe_stack;
use cstatns_rows::csv::{self, Delimiter};
use cstatns_rows::effort::Effort;
use cstatns_rows::encoding::Encoding;
use cstatns_rows::error::TableError;
use cstatns_rows::fields;
use cstatns_rows::guard::names::{Says, field, is_identifier, says};
use cstatns_rows::guard::{Found, Guard, Held, Lines, Shown};
use cstatns_rows::plain::Plain;
use cstatns_rows::reading::Reading;
use cstatns_rows::table::{Batch, Format, Input, Kind, Rows, Source, Table};
use zeroize::{Zeroize, Zeroizing};

/// What is looked at, and how its cells are read.
pub struct Inspect<'a> {
    /// The data.
    pub data: Input<'a>,
    /// What stands between two fields, where it is text; else it is found, of what is piped in by
    /// the type alone.
    pub delimiter: Option<u8>,
    /// How cells are read.
    pub reading: Reading<'a>,
    /// The scheme of identifiers.
    pub scheme: Scheme,
    /// Columns that are read as identifiers whatever they seem to be.
    pub columns: &'a [String],
    /// The years that dates of birth may have.
    pub years: Years,
}

/// How many there are of something, and where the first of them stand: by the line of text, by the
/// row of Parquet, from 1.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Places {
    /// How many.
    pub count: u64,
    /// Where the first [`Places::MOST`] stand.
    pub first: Vec<u64>,
}

impl Places {
    /// So many are named.
    pub const MOST: usize = 5;

    fn add(&mut self, place: u64) {
        self.count += 1;
        if self.first.len() < Self::MOST {
            self.first.push(place);
        }
    }
}

/// What data holds.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Inspected {
    /// Its rows, those of another length left out.
    pub rows: u64,
    /// What it is like as text; none of Parquet.
    pub text: Option<Text>,
    /// Its columns.
    pub columns: Vec<Inspection>,
    /// Cells that hold a line break.
    pub over_lines: u64,
}

/// What data is like as text.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Text {
    /// What stands between two fields.
    pub delimiter: u8,
    /// Its encoding, where it was given or can be nothing else; else it is read as UTF-8.
    pub encoding: Option<Encoding>,
    /// Rows that hold a cell which is not UTF-8.
    pub not_utf_8: Places,
    /// Rows with more or fewer fields than the header.
    pub ragged: Places,
    /// The line near the first one on which there are more fields: titles may stand above the
    /// names.
    pub wider: Option<u64>,
}

/// What a column holds.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Inspection {
    /// Its name, or its number where the name could be a value.
    pub name: ColumnName,
    /// What its values are, in a word.
    pub kind: &'static Words,
    /// Its cells that are not empty.
    pub filled: u64,
    /// The identifiers among them, by their form alone.
    pub held: Held,
    /// Whether these are so many that the column may not stay beside codes.
    pub is_risk: bool,
    /// What its name says of somebody.
    pub says: Option<Says>,
    /// How it reads, where it seems to hold identifiers or a field of civil status.
    pub read: Option<Read>,
}

/// A column as it is read.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Read {
    /// The field; [`Field::Nir`] of identifiers.
    pub field: Field,
    /// Its cells by the word that `status` or `quality` has for them; `read` and `unread` of a
    /// field of civil status.
    pub words: BTreeMap<&'static str, Places>,
    /// How often the most frequent identifier stands, at least; exact where there are few distinct.
    pub most: u64,
    /// Cells that cannot be read and that other programs write where there is no value, by what
    /// they say.
    pub missing: BTreeMap<&'static str, u64>,
    /// Cells that are identifiers as numbers, and are not read as such.
    pub numbers: u64,
}

impl Read {
    /// Cells that are an identifier, and those of them without their control key.
    pub fn identifiers(&self) -> (u64, u64) {
        let count = |word| self.words.get(word).map_or(0, |places| places.count);
        let unkeyed = count("unkeyed");
        (count("valid") + unkeyed + count("provisional"), unkeyed)
    }
}

/// What other programs write where there is no value.
const MISSING: [&str; 14] =
    ["NA", "N/A", "#N/A", "NULL", "null", "NaN", "nan", "None", "ND", "NR", "NSP", ".", "-", "?"];

/// Counts in bounded memory how often the most frequent of many marks stands (Misra and Gries): a
/// count may be too low by one in [`Frequent::MOST`] of all that were counted.
struct Frequent {
    marks: Marks,
    counts: HashMap<u128, u64>,
}

impl Frequent {
    /// So many counts are kept.
    const MOST: usize = 1 << 16;

    fn add(&mut self, value: &[u8]) {
        let mark = self.marks.of([value]);
        if let Some(count) = self.counts.get_mut(&mark) {
            *count += 1;
        } else if self.counts.len() < Self::MOST {
            self.counts.insert(mark, 1);
        } else {
            self.counts.retain(|_, count| {
                *count -= 1;
                *count > 0
            });
        }
    }

    fn most(&self) -> u64 {
        self.counts.values().copied().max().unwrap_or_default()
    }
}

fn open(source: Source) -> Rows {
    let mut rows = source.any();
    rows.set_ragged_apart();
    rows
}

impl Inspect<'_> {
    /// The encoding and the delimiter of text. Under the latter the header has most columns.
    fn text(&self, data: &Path) -> Result<(Option<Encoding>, u8), TableError> {
        let open = |delimiter, encoding| {
            csv::Reader::open_in(data, Delimiter::Given(delimiter), encoding, csv::WINDOW)
        };
        let mut encoding = self.reading.encoding;
        if let Err(TableError::NotCsv { found, .. }) = open(b',', encoding)
            && found.en.contains("UTF-16")
        {
            // A byte order mark says which it is; without one, a header of ASCII does.
            let is_little = open(b',', Some(Encoding::Utf16Le))?
                .header()
                .iter()
                .flatten()
                .any(u8::is_ascii_alphanumeric);
            encoding = Some(if is_little { Encoding::Utf16Le } else { Encoding::Utf16Be });
        }
        if let Some(delimiter) = self.delimiter {
            return Ok((encoding, delimiter));
        }
        // Under another one a quoted name may be followed by text.
        let columns = |delimiter| open(delimiter, encoding).map_or(0, |file| file.header().len());
        let usual = usual(data)?;
        let parts = |delimiter: &u8| (columns(*delimiter), *delimiter == usual);
        let most = [b'|', b'\t', b';', b','].into_iter().max_by_key(parts);
        Ok((encoding, most.unwrap_or(usual)))
    }
}

/// The delimiter of the type of text that a name says.
fn usual(path: &Path) -> Result<u8, TableError> {
    Ok(Format::of(path)?.text().map_or(b',', |text| text.delimiter))
}

/// Goes through rows. `see` is given a batch, and where each of its rows stands.
fn each(
    rows: &mut Rows,
    effort: &Effort,
    mut see: impl FnMut(&dyn Batch, &[u64]) -> Result<(), TableError>,
) -> Result<u64, TableError> {
    let (mut read, mut places) = (0, Vec::new());
    while let Some(batch) = rows.next_batch()? {
        places.clear();
        match batch.fields() {
            Some(fields) => places.extend(fields.row_lines()),
            None => places.extend(read + 1..=read + batch.rows() as u64),
        }
        see(&batch, &places).map_err(|error| error.after(read))?;
        read += batch.rows() as u64;
        effort.progress.advance(batch.rows() as u64, batch.size())?;
    }
    Ok(read)
}

/// What data holds. A file is gone through twice: once for what all columns are, once for the
/// columns that can be read. What can be read once alone is read in all ways that may be asked for.
///
/// # Errors
/// [`TableError`].
pub fn inspect(mut what: Inspect<'_>, effort: &Effort) -> Result<Inspected, TableError> {
    let data = std::mem::replace(&mut what.data, Path::new("").into());
    let Input::File(path) = data else { return inspect_once(&what, data, effort) };
    let is_text = Format::of(path)?.is_text();
    let (encoding, delimiter) = if is_text { what.text(path)? } else { (None, b',') };
    let again = || Source::open_in(path, Delimiter::Given(delimiter), encoding).map(open);
    let mut rows = again()?;
    effort.progress.expect(2 * rows.extent()?.size());
    let mut inspected = look(&mut rows, is_text, encoding, effort, |_, _| Ok(()))?;
    let read = columns_to_read(&what, &rows.table, &inspected)?;
    if !read.is_empty() {
        let mut rows = again()?;
        let columns: Vec<usize> = read.iter().map(|(column, _)| *column).collect();
        rows.choose(&columns, 0)?;
        let mut columns = Columns::of(&what, &rows.table, encoding, read);
        each(&mut rows, effort, |batch, places| columns.see(batch, places))?;
        columns.read.into_iter().for_each(|read| inspected.set(read));
    }
    Ok(inspected)
}

fn inspect_once(
    what: &Inspect<'_>,
    data: Input<'_>,
    effort: &Effort,
) -> Result<Inspected, TableError> {
    let usual = match &data {
        Input::File(name) | Input::Pipe(name, _) | Input::Inside(name, _) => usual(name)?,
        Input::Frame { .. } => b',',
    };
    let (delimiter, encoding) = (what.delimiter.unwrap_or(usual), what.reading.encoding);
    let mut rows = open(data.open_in(Delimiter::Given(delimiter), encoding)?);
    effort.progress.expect(rows.extent()?.size());
    let table = &rows.table;
    let all = (0..table.header().len()).flat_map(|at| {
        let field = field_of(table, at).map(|field| (at, field));
        [can_be_identifiers(what, table, at).ok().map(|()| (at, Field::Nir)), field]
    });
    let mut columns = Columns::of(what, table, encoding, all.flatten().collect());
    let is_text = table.schema().is_none();
    let see = |batch: &dyn Batch, places: &[u64]| columns.see(batch, places);
    let mut inspected = look(&mut rows, is_text, encoding, effort, see)?;
    let asked = columns_to_read(what, &rows.table, &inspected)?;
    columns.read.retain(|read| asked.contains(&(read.column, read.read.field)));
    columns.read.into_iter().for_each(|read| inspected.set(read));
    Ok(inspected)
}

/// What every column is. `also` sees the rows too.
fn look(
    rows: &mut Rows,
    is_text: bool,
    encoding: Option<Encoding>,
    effort: &Effort,
    mut also: impl FnMut(&dyn Batch, &[u64]) -> Result<(), TableError>,
) -> Result<Inspected, TableError> {
    let delimiter = rows.table.delimiter();
    let names = rows.table.shown_columns();
    let shown = Shown::of(&rows.table);
    let guard = Guard::new(&rows.table, |_| true, |_| Lines::Counted);
    let wider = rows.table.wider();
    let mut found = Found::default();
    let mut filled = vec![0; names.len()];
    let (mut not_utf_8, mut ragged) = (Places::default(), Places::default());
    let checks = is_text && encoding.is_none_or(|encoding| encoding == Encoding::Utf8);
    let read = each(rows, effort, |batch, places| {
        guard.judge(&shown, batch, &mut found)?;
        also(batch, places)?;
        for (column, filled) in filled.iter_mut().enumerate() {
            *filled += match (batch.values(), batch.fields()) {
                (Some(values), _) => {
                    let column = values.column(column);
                    (column.len() - column.logical_null_count()) as u64
                }
                (_, Some(fields)) => {
                    let cells = (0..fields.rows()).map(|row| fields.get(row, column));
                    cells.filter(|cell| !cell.is_empty()).count() as u64
                }
                (None, None) => 0,
            };
        }
        if let Some(fields) = batch.fields() {
            fields.ragged().iter().for_each(|line| ragged.add(*line));
            if checks {
                for (row, place) in places.iter().enumerate() {
                    let mut cells = (0..names.len()).map(|column| fields.get(row, column));
                    if cells.any(|cell| std::str::from_utf8(cell).is_err()) {
                        not_utf_8.add(*place);
                    }
                }
            }
        }
        Ok(())
    })?;
    let columns = names.iter().enumerate().map(|(at, name)| Inspection {
        name: name.clone(),
        kind: rows.table.kind(at).word(),
        filled: filled[at],
        held: found.of(at),
        is_risk: found.is_risk(at),
        says: says(&rows.table.header()[at]),
        read: None,
    });
    Ok(Inspected {
        rows: read,
        columns: columns.collect(),
        text: is_text.then_some(Text { delimiter, encoding, not_utf_8, ragged, wider }),
        over_lines: found.over_lines,
    })
}

/// The columns that can be read as a field, those that somebody named among them.
fn columns_to_read(
    what: &Inspect<'_>,
    table: &Table,
    inspected: &Inspected,
) -> Result<Vec<(usize, Field)>, TableError> {
    let named = what.columns.iter().map(|name| table.need_named(name));
    let named = named.collect::<Result<Vec<_>, _>>()?;
    let seems = |at: usize| {
        let name = &table.header()[at];
        let is_nir = named.contains(&at) || inspected.columns[at].is_risk || is_identifier(name);
        if is_nir {
            let can = can_be_identifiers(what, table, at);
            return match named.contains(&at) {
                true => can.map(|()| Some((at, Field::Nir))),
                false => Ok(can.is_ok().then_some((at, Field::Nir))),
            };
        }
        Ok(field_of(table, at).map(|field| (at, field)))
    };
    (0..table.header().len()).filter_map(|at| seems(at).transpose()).collect()
}

fn can_be_identifiers(what: &Inspect<'_>, table: &Table, at: usize) -> Result<(), TableError> {
    fields::need_identifiers(table, at, &Reading { numbers: true, ..what.reading })
}

/// The field of civil status that a column is by its name.
fn field_of(table: &Table, at: usize) -> Option<Field> {
    let field = field(&table.header()[at]).filter(|field| field.is_known_by_its_cells());
    field.filter(|field| fields::need_field(table, *field, at).is_ok())
}

/// Columns that are read, each as a field.
struct Columns<'a> {
    what: &'a Inspect<'a>,
    path: PathBuf,
    reading: Reading<'a>,
    read: Vec<ReadColumn>,
}

struct ReadColumn {
    column: usize,
    is_text: bool,
    read: Read,
    frequent: Frequent,
}

impl<'a> Columns<'a> {
    fn of(
        what: &'a Inspect<'a>,
        table: &Table,
        encoding: Option<Encoding>,
        columns: Vec<(usize, Field)>,
    ) -> Self {
        let read = columns.into_iter().map(|(column, field)| {
            let is_text = matches!(table.kind(column), Kind::Text | Kind::Null);
            let (words, missing) = Default::default();
            let read = Read { field, words, most: 0, missing, numbers: 0 };
            let frequent = Frequent { marks: Marks::random(), counts: HashMap::new() };
            ReadColumn { column, is_text, read, frequent }
        });
        let reading = Reading { encoding, ..what.reading };
        Self { what, path: table.path().to_owned(), reading, read: read.collect() }
    }

    fn see(&mut self, batch: &dyn Batch, places: &[u64]) -> Result<(), TableError> {
        let Self { what, path, reading, read } = self;
        for ReadColumn { column, is_text, read, frequent } in read {
            let cells = match read.field {
                Field::Nir => {
                    let reading = Reading { numbers: reading.numbers || !*is_text, ..*reading };
                    Plain::identifiers(batch, *column, reading)
                }
                _ => {
                    let [cells] = Plain::of(path, batch, [Some(*column)], *reading)?;
                    cells.expect("the column was given")
                }
            };
            for (row, place) in places.iter().enumerate() {
                let cell = cells.get(row);
                let word = match read.field {
                    Field::Nir => identifier(what.scheme, cell, read, frequent),
                    field => civil_status(field, what.years, cell, read),
                };
                read.words.entry(word).or_default().add(*place);
            }
        }
        wipe_stack();
        Ok(())
    }
}

impl Inspected {
    fn set(&mut self, ReadColumn { column, mut read, frequent, .. }: ReadColumn) {
        read.most = frequent.most();
        self.columns[column].read = Some(read);
    }
}

/// The word for a cell of identifiers.
fn identifier(
    scheme: Scheme,
    cell: Option<&[u8]>,
    read: &mut Read,
    frequent: &mut Frequent,
) -> &'static str {
    let Some(cell) = cell else { return "absent" };
    match scheme.parse(cell) {
        Ok(mut accepted) => {
            frequent.add(accepted.identifier.canonical());
            let word = accepted.quality.word();
            accepted.zeroize();
            word
        }
        Err(Reason::WrongLength { found: 0 }) => "absent",
        Err(reason) => {
            see_missing(cell, read);
            if let Ok(mut accepted) = scheme.parse(number(cell.trim_ascii())) {
                accepted.zeroize();
                read.numbers += 1;
            }
            reason.word()
        }
    }
}

/// The word for a cell of a field of civil status.
fn civil_status(field: Field, years: Years, cell: Option<&[u8]>, read: &mut Read) -> &'static str {
    let cell = Zeroizing::new(cell.map(String::from_utf8_lossy).unwrap_or_default().into_owned());
    match cell.trim() {
        "" => "absent",
        text if field.reads(text, years) => "read",
        text => {
            see_missing(text.as_bytes(), read);
            "unread"
        }
    }
}

fn see_missing(cell: &[u8], read: &mut Read) {
    let cell = cell.trim_ascii();
    if let Some(word) = MISSING.iter().find(|word| word.as_bytes() == cell) {
        *read.missing.entry(word).or_default() += 1;
    }
}
