//! Civil status → code: people who are looked up in a register and coded, in one pass (SPEC §18.5).

use cstatns::civil_status::request::{self, COLUMNS, FIELDS, IDENTIFIER, Texts};
use cstatns::civil_status::{SCHEME, Years};
use cstatns::coder::Coder;
use cstatns::commitment::{EncodedRows, FirstRows, FirstRowsAgain};
use cstatns::distinct::Marks;
use cstatns::identifier::Identifier;
use cstatns::look_up::{Level, Score};
use cstatns::manifest::Content;
use cstatns::secret::wipe_stack;
use cstatns_register::{Index, IndexError, Query, SAMPLE, Weights};
use cstatns_rows::columns::{Indexes, fault};
use cstatns_rows::effort::Progress;
use cstatns_rows::error::RowFault;
use cstatns_rows::sink::Column;
use cstatns_rows::table::{Batch, Cells, MOST_BYTES};
use zeroize::Zeroize;

use crate::error::{CodeFileError, Tally};
use crate::identifiers::Identifiers;
use crate::out::Out;
use crate::rows::{Pass, Request, Worked, coded_columns, open};

/// Where people are looked up, and how certain a find must be to be coded.
#[derive(Clone, Copy)]
pub struct Register<'a> {
    /// The register's index.
    pub index: &'a Index,
    /// The last quality that is coded.
    pub accept: Level,
    /// The least score that is coded.
    pub min_score: Score,
    /// Whether rows that have an identifier are coded by it and not looked up: so in research.
    pub only_without_identifier: bool,
}

/// Looks up the people of `request` by their civil status, codes the identifiers of those who are
/// found and writes the result (`index`, `code`, `quality`, `score`) to `out`, all in one pass: an
/// identifier that is found stays in memory, and is wiped there. See [`code`](crate::code()).
///
/// Before it, weights are learnt from the first rows ([`SAMPLE`]): the request is in the order of
/// random indexes, so they are a sample of it. They are read apart from the rest, so the pass
/// refuses a request that does not begin with them.
///
/// # Errors
/// As [`code`](crate::code()), with the columns of civil status; a cell that cannot be read as its
/// field; and those of the register.
pub fn look_up_and_code<'o>(
    request: &Request<'_>,
    register: Register<'_>,
    coder: &Coder,
    out: impl Into<Out<'o>>,
) -> Result<Tally, CodeFileError> {
    let Request { path, manifest, format, effort, .. } = *request;
    let Content::CivilStatus { .. } = manifest.content else {
        return Err(request.holds_other());
    };
    let count = manifest.content.columns().len();
    let mut pass = Pass::to_code(request, coder)?;
    let (weights, first) = &mut learn(request, register, &effort.progress)?;
    pass.first = first.take();
    let weights = &*weights;
    let [index, code, quality] = coded_columns(format);
    let marks = &Marks::random();
    pass.run(&[index, code, quality, Column::score()], out.into(), &|| {
        let (mut identifiers, mut coded, mut found) =
            (Identifiers::new(SCHEME), Vec::new(), Vec::new());
        Box::new(move |rows: &mut Worked<'_>, batch: &dyn Batch, index: &[[u8; 16]]| {
            identifiers.clear(batch.rows());
            coded.clear();
            let columns: Vec<_> = (1..=count).map(|column| batch.cells(column)).collect();
            let mut each = || {
                for (row, index) in index.iter().enumerate() {
                    let cells = cells_of(&columns, row);
                    rows.commit.push(index, &cells[..count]);
                    let before = identifiers.all().len();
                    let (word, score) = match cells.iter().any(Option::is_some) {
                        false => ("none", None),
                        true => {
                            rows.asked.push(marks.of(cells.map(Option::unwrap_or_default)));
                            let texts = read_row(&cells, register.index.years())
                                .map_err(|found| fault(path, row, found))?;
                            identify(&mut identifiers, register, weights, &texts)?
                        }
                    };
                    rows.words.push(Some(word));
                    rows.scores.push(score);
                    coded.push(identifiers.all().len() > before);
                }
                Ok(())
            };
            let looked_up: Result<(), CodeFileError> = each();
            // What the look-ups left there.
            wipe_stack();
            looked_up?;
            coder.code(identifiers.all(), &mut found);
            let mut found = found.iter();
            rows.codes
                .extend(coded.iter().map(|coded| coded.then(|| found.next().copied()).flatten()));
            rows.recheck(identifiers.all().iter().map(Identifier::canonical))
        })
    })
}

/// What the first rows of a request teach. Those that cannot be read teach nothing: the pass over
/// all of them says why.
fn learn(
    request: &Request<'_>,
    register: Register<'_>,
    progress: &Progress,
) -> Result<(Weights, Option<FirstRowsAgain>), CodeFileError> {
    let index = register.index;
    let content = request.manifest.content;
    let mut source = open(request.path, request.inside, content)?.any();
    let indexes = Indexes::of(&source.table)?;
    let (mut batches, mut rows, mut bytes) = (Vec::new(), 0, 0);
    let (mut first, mut found) = (FirstRows::default(), Vec::new());
    let count = content.columns().len();
    while rows < SAMPLE
        && bytes < MOST_BYTES
        && let Ok(Some(batch)) = source.next_batch()
    {
        found.clear();
        if indexes.read(&batch, &mut found).is_err() {
            break;
        }
        let mut encoded = EncodedRows::new(count);
        let columns: Vec<_> = (1..=count).map(|column| batch.cells(column)).collect();
        for (row, index) in found.iter().enumerate() {
            encoded.push(index, &cells_of(&columns, row)[..count]);
        }
        first.add(&encoded);
        rows += batch.rows();
        bytes += batch.bytes();
        batches.push(batch);
    }
    let queries = batches.iter().flat_map(|batch| {
        let columns: Vec<_> = (1..=count).map(|column| batch.cells(column)).collect();
        (0..batch.rows()).filter_map(move |row| {
            let texts = read_row(&cells_of(&columns, row), index.years()).ok()?;
            if register.only_without_identifier && !texts[IDENTIFIER].is_empty() {
                return None;
            }
            Some(Query { civil_status: request::civil_status(&texts), identifier: None })
        })
    });
    // Once it is asked to stop, no further row is looked up: in a large register they take some
    // seconds.
    let weights = index.learn(queries.take_while(|_| progress.check().is_ok()));
    wipe_stack();
    progress.check()?;
    Ok((weights?, Some(first.again())))
}

/// The cells of a row; none in the columns that there are not.
fn cells_of<'a>(columns: &[Cells<'a>], row: usize) -> [Option<&'a [u8]>; FIELDS.len()] {
    let mut cells = [None; FIELDS.len()];
    cells.iter_mut().zip(columns).for_each(|(cell, column)| *cell = column.get(row));
    cells
}

/// The texts of a row's cells, if each can be read as its field: the service must not see what is
/// none.
fn read_row<'a>(
    cells: &[Option<&'a [u8]>; FIELDS.len()],
    years: Years,
) -> Result<Texts<'a>, RowFault> {
    let mut texts: Texts<'a> = Default::default();
    for (at, cell) in cells.iter().enumerate() {
        let Some(cell) = cell else { continue };
        texts[at] = std::str::from_utf8(cell).map_err(|_| RowFault::Encoding)?;
        if at == IDENTIFIER && SCHEME.parse_compact(cell).is_none() {
            return Err(RowFault::Identifier { reason: SCHEME.why_not_compact(cell) });
        }
        if at != IDENTIFIER && !FIELDS[at].reads(texts[at], years) {
            return Err(RowFault::CivilStatus { field: COLUMNS[at] });
        }
    }
    Ok(texts)
}

/// Looks a row up, and adds the identifier that is found if that is certain enough, or adds the
/// row's own if that decides; returns the word of its quality, and the score of a look-up.
///
/// Never inlined: what it leaves on the stack is wiped by the caller.
#[inline(never)]
fn identify(
    identifiers: &mut Identifiers,
    register: Register<'_>,
    weights: &Weights,
    texts: &Texts<'_>,
) -> Result<(&'static str, Option<Score>), IndexError> {
    let (mut own, quality) = SCHEME.parse_compact(texts[IDENTIFIER].as_bytes()).unzip();
    if register.only_without_identifier
        && let (Some(identifier), Some(quality)) = (own.take(), quality)
    {
        identifiers.add(identifier);
        return Ok((quality.word(), None));
    }
    let query = Query { civil_status: request::civil_status(texts), identifier: own.as_ref() };
    let answer = register.index.look_up(weights, &query);
    own.zeroize();
    let mut answer = answer?;
    let score = Score::of(answer.score);
    match answer.identifier.take() {
        Some(identifier)
            if answer.quality <= register.accept.into() && score >= register.min_score =>
        {
            identifiers.add(identifier)
        }
        mut unsure => unsure.zeroize(),
    }
    Ok((answer.quality.word(), Some(score)))
}
