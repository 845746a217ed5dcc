//! What files of codes hold, and whether they can be joined.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use cstatns_base::code::{Generation, Tag};
use cstatns_base::coded::{Coordinate as _, Fact};
use cstatns_base::look_up::Scores;
use cstatns_base::meta::{FileMeta, ServiceId};
use cstatns_base::name::Name;
use cstatns_record::report::{ReportError, report_path};
use cstatns_rows::columns::{Codes, Indexes, Order, ScoreCells, count_words, fault, word};
use cstatns_rows::csv::Delimiter;
use cstatns_rows::error::{RowFault, TableError};
use cstatns_rows::results::ResultColumns;
use cstatns_rows::table::{Batch, Input, Kind, Rows, Source, Table};

use crate::origin::{Origin, origin};

/// What [`check`] found in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct FileFacts {
    /// The file.
    pub path: PathBuf,
    /// The columns that hold codes: `code`, or else all those whose names end with `_code` and
    /// whose first cell that is not empty is a code.
    pub columns: Vec<String>,
    /// The tag of its codes.
    pub tag: Tag,
    /// The generation of its codes.
    pub generation: Generation,
    /// The service's id, if the file's metadata or the report beside it says so.
    pub service: Option<ServiceId>,
    /// The domain, likewise.
    pub domain: Option<Name>,
    /// The domain's generations whose codes are renewed no further, if the report beside it says
    /// so.
    pub left_out: Vec<Generation>,
    /// What the report is of: the file, or the folder in which it was attached with others.
    pub report_of: PathBuf,
    /// Its rows.
    pub rows: u64,
    /// How many different codes it holds.
    pub distinct_codes: u64,
}

/// What [`summarise`] found in a result.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Summary {
    /// Its rows.
    pub rows: u64,
    /// How many of them have a code.
    pub coded: u64,
    /// How many rows have each word of `quality`; empty for a renewal.
    pub qualities: BTreeMap<String, u64>,
    /// How many rows have a score in each step, after a look-up.
    pub scores: Option<Scores>,
    /// Where its codes come from, if it is a Parquet file.
    pub meta: Option<FileMeta>,
}

/// Why files cannot be joined, or cannot be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CheckError {
    /// Reading a file.
    #[error(transparent)]
    Table(#[from] TableError),
    /// The report beside a file.
    #[error(transparent)]
    Report(#[from] ReportError),
    /// `no-codes`: a file without a code says nothing of where it belongs.
    #[error("{path:?} holds no code at all, so it joins with nothing")]
    NoCodes {
        /// The file.
        path: PathBuf,
    },
    /// `mixed-services`: codes of different services never match.
    #[error(
        "{:?} is of service {} (tag {}), {:?} of service {} (tag {}), and their codes never match",
        files[0].path, said(files[0].service.as_ref()), files[0].tag,
        files[1].path, said(files[1].service.as_ref()), files[1].tag
    )]
    Services {
        /// The first file, and the first that does not go with it.
        files: Box<[FileFacts; 2]>,
    },
    /// `mixed-domains`: codes of different domains never match.
    #[error(
        "{:?} is of domain {} (tag {}), {:?} of domain {} (tag {}), and their codes never match",
        files[0].path, said(files[0].domain.as_ref()), files[0].tag, files[1].path,
        said(files[1].domain.as_ref()), files[1].tag
    )]
    Domains {
        /// The first file, and the first that does not go with it.
        files: Box<[FileFacts; 2]>,
    },
    /// `mixed-generations`: codes of different generations never match.
    #[error(
        "{:?} is of generation {}, {:?} of generation {}, and their codes do not match",
        files[0].path, files[0].generation, files[1].path, files[1].generation
    )]
    Generations {
        /// The first file, and the first that does not go with it.
        files: Box<[FileFacts; 2]>,
    },
    /// `generation-left-out`: codes whose key is lost are never of a later generation.
    #[error(
        "{:?} is of generation {}, whose key is lost: its codes are never renewed to those of generation \
        {} in {:?}",
        files[0].path, files[0].generation, files[1].generation, files[1].path
    )]
    LeftOut {
        /// The file whose key is lost, and the one whose report says so.
        files: Box<[FileFacts; 2]>,
    },
}

/// What distinguishes the files.
fn coordinates(files: &[FileFacts; 2]) -> Vec<Fact> {
    let mut facts = Vec::new();
    for file in files {
        file.path.add_to(&mut facts, "path");
        file.service.add_to(&mut facts, "service");
        file.domain.add_to(&mut facts, "domain");
        file.tag.add_to(&mut facts, "tag");
        file.generation.add_to(&mut facts, "generation");
    }
    facts
}

fn said(name: Option<&impl ToString>) -> String {
    name.map_or_else(|| "unknown".to_owned(), ToString::to_string)
}

cstatns_base::coded!(CheckError {
    Self::Table(error) => (error),
    Self::Report(error) => (error),
    Self::NoCodes { path } => ("no-codes", Input, [path]),
    Self::Services { files } => ("mixed-services", Input, [both: coordinates(files)]),
    Self::Domains { files } => ("mixed-domains", Input, [both: coordinates(files)]),
    Self::Generations { files } => ("mixed-generations", Input, [both: coordinates(files)]),
    Self::LeftOut { files } => ("generation-left-out", Input, [both: coordinates(files)]),
});

/// Reads the columns of codes of each file ([`FileFacts::columns`]), and refuses files that cannot
/// be joined on them.
///
/// Distinct codes are counted exactly: 32 bytes of memory a code.
///
/// # Errors
/// [`CheckError`]: files of different services, domains or generations are named with both; a file
/// with two tags or generations names the row.
pub fn check<'a>(
    files: impl IntoIterator<Item: Into<Input<'a>>>,
) -> Result<Vec<FileFacts>, CheckError> {
    let files = files.into_iter().map(Into::into);
    let facts: Vec<FileFacts> = files.map(facts).collect::<Result<_, _>>()?;
    if let Some((first, others)) = facts.split_first() {
        for other in others {
            let files = || Box::new([first.clone(), other.clone()]);
            // Without a report the tag alone tells that the files do not go together, and not why.
            match (&first.service, &other.service) {
                (Some(a), Some(b)) if a != b => {
                    return Err(CheckError::Services { files: files() });
                }
                _ if first.tag != other.tag => return Err(CheckError::Domains { files: files() }),
                _ => {}
            }
            for (one, other) in [(first, other), (other, first)] {
                if other.left_out.contains(&one.generation) && one.generation < other.generation {
                    let files = Box::new([one.clone(), other.clone()]);
                    return Err(CheckError::LeftOut { files });
                }
            }
            if first.generation != other.generation {
                return Err(CheckError::Generations { files: files() });
            }
        }
    }
    Ok(facts)
}

/// Opens a file of codes. Text is parted by what makes one of its columns `code`, or `C_code`.
pub(crate) fn open(input: Input<'_>) -> Result<Rows, TableError> {
    let file = input.file();
    let found = input.open(Delimiter::Under("code"))?;
    // Under another delimiter all names are one.
    let is_one = |name: &[u8]| !name.iter().any(|byte| b";\t|".contains(byte));
    let is_code = |name: &Vec<u8>| name == b"code" || (name.ends_with(b"_code") && is_one(name));
    let is_found = |source: &Source| source.table().header().iter().any(is_code);
    if let (Some(path), Source::Lines(_), false) = (file, &found, is_found(&found)) {
        for delimiter in *b";\t|" {
            let other = Source::open(path, Delimiter::Given(delimiter))?;
            if is_found(&other) {
                return Ok(other.any());
            }
        }
    }
    Ok(found.any())
}

/// A column that may hold codes.
pub(crate) struct Candidate {
    column: usize,
    pub(crate) codes: Codes,
    /// Whether it does, once a cell was seen that is not empty.
    is_code: Option<bool>,
}

impl Candidate {
    /// Whether it holds codes, as far as is known with this batch.
    pub(crate) fn is_code_in(&mut self, batch: &dyn Batch) -> bool {
        if self.is_code.is_none() {
            let first = batch.cells(self.column).iter(batch.rows()).flatten().next();
            self.is_code = first.map(|cell| self.codes.code(cell).is_ok());
        }
        self.is_code == Some(true)
    }
}

/// The column `code`, which holds codes; else those that are called `C_code`, as data of another
/// making may have them too.
pub(crate) fn candidates(table: &Table) -> Result<Vec<Candidate>, TableError> {
    let of = |column, is_code| {
        let codes = Codes::of(table, column, None)?;
        Ok(Candidate { column, codes, is_code })
    };
    if let Some(column) = table.find("code")? {
        return Ok(vec![of(column, Some(true))?]);
    }
    let could_be = |column: &usize| {
        let name = &table.header()[*column];
        let could_hold = matches!(table.kind(*column), Kind::Text | Kind::Fixed(32));
        name.ends_with(b"_code") && could_hold
    };
    let columns = (0..table.header().len()).filter(could_be);
    let found = columns.map(|column| of(column, None)).collect::<Result<Vec<_>, TableError>>()?;
    if found.is_empty() { Err(table.missing(&[], "code")) } else { Ok(found) }
}

fn facts(input: Input<'_>) -> Result<FileFacts, CheckError> {
    let mut stream = open(input)?;
    let path = stream.table.path().to_owned();
    let mut candidates = candidates(&stream.table)?;
    let mut whose: Option<(Tag, Generation)> = None;
    let mut rows = 0;
    let mut read = Vec::new();
    let mut distinct: Vec<[u8; 32]> = Vec::new();
    while let Some(batch) = stream.next_batch()? {
        for candidate in &mut candidates {
            if !candidate.is_code_in(&batch) {
                continue;
            }
            candidate.codes.read(&batch, &mut read).map_err(|error| error.after(rows))?;
            for (row, code) in read.iter().enumerate() {
                let Some(code) = code else { continue };
                let found = (code.tag(), code.generation());
                let expected = *whose.get_or_insert(found);
                if found != expected {
                    let other = RowFault::OtherCodes { found, expected };
                    return Err(fault(&path, row, other).after(rows).into());
                }
                distinct.push(*code.bytes());
            }
        }
        rows += batch.rows() as u64;
    }
    let is_code = |candidate: &&Candidate| candidate.is_code == Some(true);
    let columns = candidates.iter().filter(is_code).map(|candidate| {
        String::from_utf8_lossy(&stream.table.header()[candidate.column]).into_owned()
    });
    let columns: Vec<String> = columns.collect();
    if rows == 0 {
        return Err(TableError::NoRows { path }.into());
    }
    let (tag, generation) = whose.ok_or_else(|| CheckError::NoCodes { path: path.clone() })?;
    let Origin { meta, report, of } = origin(&stream.table)?;
    if meta.as_ref().is_some_and(|meta| (meta.tag(), meta.generation) != (tag, generation)) {
        return Err(ReportError::Stale { path: report_path(&path) }.into());
    }
    distinct.sort_unstable();
    distinct.dedup();
    Ok(FileFacts {
        path,
        columns,
        tag,
        generation,
        service: meta.as_ref().and_then(|meta| ServiceId::of(&meta.service)),
        domain: meta.map(|meta| meta.domain),
        report_of: of,
        left_out: report.map(|report| report.left_out).unwrap_or_default(),
        rows,
        distinct_codes: distinct.len() as u64,
    })
}

/// Counts the rows of a result, and the words of its `quality`: recovery makes a report from it.
///
/// # Errors
/// [`TableError`] when it is not a whole result.
pub fn summarise(result: &Path) -> Result<Summary, TableError> {
    let mut stream = Source::open(result, Delimiter::Under("index"))?.any();
    let ResultColumns { quality: has_quality, score: has_score } =
        ResultColumns::of(&stream.table)?;
    let indexes = Indexes::of(&stream.table)?;
    let mut order = Order::default();
    let mut index = Vec::new();
    let (mut coded, mut qualities) = (0, BTreeMap::new());
    let mut scores = has_score.then(Scores::default);
    while let Some(batch) = stream.next_batch()? {
        let before = order.rows();
        index.clear();
        let read = indexes.read(&batch, &mut index).and_then(|()| order.follow(result, &index));
        read.map_err(|error| error.after(before))?;
        coded += batch.cells(1).iter(batch.rows()).flatten().count() as u64;
        if has_quality {
            let cells = batch.cells(2);
            let words = cells.iter(batch.rows()).enumerate().map(|(row, cell)| {
                word(cell).map(Some).map_err(|found| fault(result, row, found).after(before))
            });
            count_words(&mut qualities, &words.collect::<Result<Vec<_>, _>>()?);
        }
        if let Some(scores) = &mut scores {
            let cells = ScoreCells::of(&batch, 3);
            for row in 0..batch.rows() {
                let score =
                    cells.get(row).map_err(|found| fault(result, row, found).after(before))?;
                score.iter().for_each(|score| scores[score.step()] += 1);
            }
        }
    }
    let meta = stream.table.known().and_then(|known| known.meta.clone());
    Ok(Summary { rows: order.rows(), coded, qualities, scores, meta })
}
