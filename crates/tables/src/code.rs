//! The service's step: request → result, in one pass that also computes the commitment (SPEC §6).

mod distinct;
mod look_up;
mod rows;

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};

use cstatns::code::{Code, Generation, Tag};
use cstatns::coder::{Coder, CoderError, Renewer};
use cstatns::commitment::Commitment;
use cstatns::domain::LARGEST_MINIMUM_BATCH;
use cstatns::identifier::{Identifier, Nir, Scheme};
use cstatns::look_up::Score;
use cstatns::secret::wipe_stack;
use cstatns_register::IndexError;
use zeroize::Zeroize;

use crate::columns::{Codes, fault};
use crate::effort::Effort;
use crate::error::{RowFault, TableError};
use crate::meta::FileMeta;
use crate::seal::{Content, Seal};
use crate::sink::Column;
use crate::table::{Batch, Format};

use rows::{Rows, Worked, open};

pub use look_up::{Register, look_up_and_code};

/// What was coded or renewed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Coded {
    /// The rows of the request and of the result.
    pub rows: u64,
    /// The commitment to the request: the one in its seal.
    pub commitment: Commitment,
    /// How many rows have a code.
    pub coded: u64,
    /// How many distinct values were coded, of a look-up how many people: exact below [`Coded::DISTINCT_CAP`], where counting stops.
    pub distinct: u64,
    /// How many rows have each word of `quality`; empty for a renewal.
    pub qualities: BTreeMap<&'static str, u64>,
    /// How many rows have a score in each step, after a look-up.
    pub scores: Option<Scores>,
}

/// A distribution of scores, by [`Score::step`].
pub type Scores = [u64; Score::STEPS];

impl Coded {
    /// Where counting distinct values stops.
    pub const DISTINCT_CAP: u64 = LARGEST_MINIMUM_BATCH as u64;
}

/// Why a request was not coded or renewed. What was written until then is not a result.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CodeFileError {
    /// Reading the request or writing the result.
    #[error(transparent)]
    Table(#[from] TableError),
    /// `request-content`: another kind of request than the command takes.
    #[error("{path:?} is a request to {found}", found = verb(*.found))]
    Content {
        /// The request.
        path: PathBuf,
        /// What its seal says that it holds.
        found: Content,
    },
    /// `request-codes`: the codes are not those that the keys at hand renew.
    #[error(
        "{path:?} holds codes of generation {} with the tag {}, these keys renew generation {} of the tag {}: \
         send each request to the service and domain that made its codes",
        found.1, found.0, expected.1, expected.0
    )]
    OtherCodes {
        /// The request.
        path: PathBuf,
        /// The tag and generation in the seal.
        found: (Tag, Generation),
        /// Those that are renewed.
        expected: (Tag, Generation),
    },
    /// `commitment`: the rows are not those that the seal was made for.
    #[error(
        "{path:?} is not the request that was sealed (it has {rows} rows, the seal is for {sealed}): it was changed, or the \
         seal is another one's; fetch both again, or prepare them again"
    )]
    Commitment {
        /// The request.
        path: PathBuf,
        /// Its rows.
        rows: u64,
        /// The rows that the seal speaks of.
        sealed: u64,
    },
    /// `other-keys`: the file's metadata and the keys disagree. A mistake of the caller.
    #[error("the keys are not those of the domain and generation that the result is to carry")]
    Keys,
    /// A code that the keys refuse: [`CoderError::code`].
    #[error(transparent)]
    Coder(#[from] CoderError),
    /// The register: [`IndexError::code`].
    #[error(transparent)]
    Register(#[from] IndexError),
}

fn verb(content: Content) -> &'static str {
    match content {
        Content::Identifiers => "code identifiers: give it to `service code`, without --register",
        Content::Codes { .. } => "renew codes: give it to `service renew`",
        Content::CivilStatus { .. } => {
            "look people up by civil status and code them: give it to `service code`, with --register"
        }
    }
}

impl CodeFileError {
    /// The same error where so many rows come before those that it counts from.
    fn after(self, rows: u64) -> Self {
        match self {
            Self::Table(error) => Self::Table(error.after(rows)),
            other => other,
        }
    }

    /// The stable short code of this error.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Table(error) => error.code(),
            Self::Content { .. } => "request-content",
            Self::OtherCodes { .. } => "request-codes",
            Self::Commitment { .. } => "commitment",
            Self::Keys => "other-keys",
            Self::Coder(error) => error.code(),
            Self::Register(error) => error.code(),
        }
    }
}

/// Makes the checks that [`code`] and [`renew`] make of a request before its first row: its columns and their types.
///
/// # Errors
/// [`CodeFileError::Table`].
pub fn look(request: &Path, seal: &Seal) -> Result<(), CodeFileError> {
    open(request, seal.content)?;
    Ok(())
}

/// Codes the identifiers of `request` and writes the result (`index`, `code`, `quality`) to `out`.
///
/// Memory does not grow with the file, and the result does not depend on the number of threads. `out` is the caller's, to
/// be made durable after `Ok` and thrown away after `Err`.
///
/// # Errors
/// [`CodeFileError`]: among them any column but `index` and `identifier`, indexes that do not strictly increase, a cell
/// that is not an identifier in its compact form, and rows that are not those of `seal`. Of several errors one in the
/// first block of rows that has any is told, whatever the number of threads.
pub fn code(
    request: &Path,
    seal: &Seal,
    coder: &Coder,
    out: &mut (dyn Write + Send),
    format: Format,
    meta: &FileMeta,
    effort: &Effort,
) -> Result<Coded, CodeFileError> {
    if seal.content != Content::Identifiers {
        return Err(CodeFileError::Content { path: request.to_owned(), found: seal.content });
    }
    let rows = Rows::to_code(request, seal, coder, format, meta)?;
    rows.run(&coded_columns(format), out, meta, effort, || {
        let (mut identifiers, mut found) = (Identifiers(Vec::new()), Vec::new());
        move |rows: &mut Worked, batch: &Batch, index: &[[u8; 16]]| {
            identifiers.clear(batch.rows());
            for (row, (index, cell)) in index.iter().zip(batch.cells(1).iter(batch.rows())).enumerate() {
                rows.commit.push(index, &[cell]);
                let word = match cell {
                    None => "none",
                    Some(cell) => identifiers
                        .push(cell)
                        .map_err(|reason| fault(request, row, RowFault::Identifier { reason }))?,
                };
                rows.words.push(Some(word));
            }
            coder.code(&identifiers.0, &mut found);
            let mut found = found.iter();
            let code = |word: &Option<&str>| if *word == Some("none") { None } else { found.next().copied() };
            rows.codes.extend(rows.words.iter().map(code));
            Ok(())
        }
    })
}

/// The columns of what is coded.
fn coded_columns(format: Format) -> [Column<'static>; 3] {
    [Column::index(), Column::code(format == Format::Parquet), Column::word("quality")]
}

/// Renews the codes of `request` and writes the result (`index`, `code`) to `out`. See [`code`].
///
/// # Errors
/// As [`code`], with any column but `index` and `code`, and codes of another domain or generation than `renewer` takes.
pub fn renew(
    request: &Path,
    seal: &Seal,
    renewer: &Renewer,
    out: &mut (dyn Write + Send),
    format: Format,
    meta: &FileMeta,
    effort: &Effort,
) -> Result<Coded, CodeFileError> {
    let Content::Codes { tag, generation } = seal.content else {
        return Err(CodeFileError::Content { path: request.to_owned(), found: seal.content });
    };
    let (found, expected) = ((tag, generation), (renewer.tag(), renewer.from()));
    if found != expected {
        return Err(CodeFileError::OtherCodes { path: request.to_owned(), found, expected });
    }
    if (renewer.tag(), renewer.generation()) != (meta.tag(), meta.generation) {
        return Err(CodeFileError::Keys);
    }
    let rows = Rows::of(request, seal, format)?;
    let column = Codes::of(&rows.source, 1, Some(expected))?;
    let columns = [Column::index(), Column::code(format == Format::Parquet)];
    rows.run(&columns, out, meta, effort, || {
        let (mut codes, mut old, mut new) = (Vec::new(), Vec::new(), Vec::new());
        let mut text = Vec::with_capacity(Code::MAX_TEXT);
        let column = &column;
        move |rows: &mut Worked, batch: &Batch, index: &[[u8; 16]]| {
            column.read(batch, &mut codes)?;
            for (index, code) in index.iter().zip(&codes) {
                // The text form, whatever the file's type: both have one commitment.
                text.clear();
                if let Some(code) = code {
                    code.write_text(&mut text);
                }
                rows.commit.push(index, &[code.map(|_| text.as_slice())]);
            }
            old.clear();
            old.extend(codes.iter().flatten().copied());
            renewer.renew(&old, &mut new)?;
            let mut new = new.iter();
            rows.codes.extend(codes.iter().map(|code| code.and_then(|_| new.next().copied())));
            Ok(())
        }
    })
}

/// The identifiers of a batch, wiped when the next one comes.
struct Identifiers(Vec<Identifier>);

impl Identifiers {
    /// Empties it, with room for `rows`: it does not grow afterwards, which would leave a copy behind.
    fn clear(&mut self, rows: usize) {
        self.0.iter_mut().for_each(Zeroize::zeroize);
        self.0.clear();
        self.0.reserve(rows);
    }

    /// Adds the identifier in a cell; returns the word of its quality, or of the reason why it is none.
    ///
    /// Never inlined: what it leaves on the stack is wiped with what the coder leaves there.
    #[inline(never)]
    fn push(&mut self, cell: &[u8]) -> Result<&'static str, &'static str> {
        if let Some((identifier, quality)) = Nir.parse_compact(cell) {
            self.0.push(identifier);
            return Ok(quality.word());
        }
        Err(why_not_compact(cell))
    }
}

impl Drop for Identifiers {
    fn drop(&mut self) {
        self.0.iter_mut().for_each(Zeroize::zeroize);
    }
}

/// The reason why a cell holds no identifier in its compact form.
fn why_not_compact(cell: &[u8]) -> &'static str {
    let reason = Nir.parse(cell).map(|mut accepted| accepted.zeroize());
    wipe_stack();
    reason.map_or_else(|reason| reason.word(), |()| "not-compact")
}
