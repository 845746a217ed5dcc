//! A payload beside the codes of its rows: what a linking body makes of both (SPEC §20). Both come
//! ascending by the same indexes, so that they are gone through side by side, once.

use std::collections::BTreeMap;
use std::io::Write;
use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::Arc;

use cstatns_base::code::Code;
use cstatns_base::commitment::Use;
use cstatns_base::look_up::Score;
use cstatns_parcel::party::Party;
use cstatns_record::report::ReportBody;
use cstatns_record::requested::Requested;
use cstatns_rows::columns::{Indexes, Order, ScoreCells, count_words, fault, word};
use cstatns_rows::effort::Effort;
use cstatns_rows::error::TableError;
use cstatns_rows::guard::{Found, Guard, Lines, Shown};
use cstatns_rows::pipeline::Steps;
use cstatns_rows::sink::{self, Column, Encoding, Sink, Values};
use cstatns_rows::table::{BATCH, Batch, Form, Format, Source, Stream};
use jiff::Timestamp;

use super::AttachError;
use super::gather::add_counts;
use super::sources::{Part, Results};

/// The columns that a payload may not have: those that come before its own. After a renewal it is
/// the first alone, for `quality` and `score` are the payload's.
const OWN: [&str; 3] = ["code", "quality", "score"];

/// A payload, what it says that was requested for its rows, and the result of that.
pub struct AttachPayload<'a> {
    /// Its rows: `index`, then columns of the data.
    pub payload: Source,
    /// What was requested.
    pub requested: &'a Requested,
    /// The parcel of the result.
    pub result: &'a Path,
    /// Whose parcel it is.
    pub party: &'a Party,
    /// The time: a parcel opens until its end.
    pub now: Timestamp,
}

/// What became of a payload.
#[non_exhaustive]
pub struct AttachedPayload {
    /// The report of the result, which is verified.
    pub report: ReportBody,
    /// How many rows have each quality; none after a renewal.
    pub quality: BTreeMap<String, u64>,
    /// What the columns of the payload hold, of which all cells were looked at, and how errors show
    /// them.
    pub found: Found,
    /// See `found`.
    pub shown: Shown,
}

/// Writes `code`, `quality` and after a look-up `score` before the columns of a payload, in the
/// order of its indexes, to a file that will be called `name`. Nobody may read it before this
/// returns `Ok`.
///
/// # Errors
/// [`AttachError`]: among them indexes that are missing or extra on either side, with counts.
pub fn attach_payload(
    what: AttachPayload<'_>,
    (name, out): (&Path, &mut (dyn Write + Send)),
    effort: &Effort,
) -> Result<AttachedPayload, AttachError> {
    let AttachPayload { payload, requested, result, party, now } = what;
    let results = Results::open(result, (Some(party), now), requested)?;
    let table = payload.table();
    let wrong = || AttachError::DataChanged { path: table.path().to_owned() };
    let own = match requested.r#use {
        Use::Renew => &OWN[..1],
        _ => &OWN[..],
    };
    let is_own =
        |column: &Vec<u8>| own.iter().any(|own| column.eq_ignore_ascii_case(own.as_bytes()));
    if table.header().iter().any(is_own) {
        return Err(wrong());
    }
    let format = Format::of(name)?;
    if format.is_text() != matches!(payload, Source::Lines(_)) {
        return Err(AttachError::OutType { path: name.to_owned() });
    }
    let mut columns = vec![Column::code(!format.is_text())];
    columns.extend(results.quality.then(|| Column::word("quality")));
    columns.extend(results.score.then(Column::score));
    let kept = 1..table.header().len();
    let (meta, size) = (results.meta.clone(), requested.rows);
    effort.progress.expect(size);
    match payload {
        Source::Lines(rows) => {
            columns.extend(kept.map(|column| Column::kept(&rows.table, column)));
            let text =
                format.text().ok_or_else(|| AttachError::OutType { path: name.to_owned() })?;
            let begun = sink::csv(out, text, &columns)?;
            side_by_side(rows, results, begun, effort)
        }
        Source::Columns(rows) => {
            columns.extend(kept.map(|column| Column::kept(&rows.table, column)));
            let begun = sink::parquet(out, &columns, meta.pairs())?;
            side_by_side(rows, results, begun, effort)
        }
    }
}

/// Rows on their way.
struct Block<F, P> {
    batches: Vec<F>,
    filled: usize,
    codes: Vec<Option<Code>>,
    words: Vec<Option<Arc<str>>>,
    scores: Vec<Option<Score>>,
    found: Found,
    quality: BTreeMap<String, u64>,
    rows: u64,
    piece: P,
}

/// The result as it is taken row by row.
struct Taken {
    results: Results,
    part: Part,
    at: usize,
    codes: Vec<Option<Code>>,
    words: Vec<Option<Arc<str>>>,
    scores: Vec<Option<Score>>,
    known: Vec<Arc<str>>,
    /// Rows of the one that are not in the other, so far.
    missing: u64,
    extra: u64,
}

impl Taken {
    fn new(results: Results) -> Self {
        Self {
            results,
            part: Part::empty(),
            at: 0,
            codes: Vec::new(),
            words: Vec::new(),
            scores: Vec::new(),
            known: Vec::new(),
            missing: 0,
            extra: 0,
        }
    }

    /// Whether there is a row, which is then read.
    fn is_there(&mut self) -> Result<bool, AttachError> {
        while self.at == self.part.index.len() {
            if !self.results.rows.fill(&mut self.part)? {
                return Ok(false);
            }
            self.at = 0;
            let path = self.results.rows.stream.table.path().to_owned();
            self.part.check_width(&path)?;
            self.results.read.add(&self.results.codes, &self.part);
            let before = self.part.before;
            let read = self.results.codes.read(&*self.part.batch, &mut self.codes);
            read.map_err(|error| error.after(before))?;
            self.words.clear();
            self.scores.clear();
            let words = self.results.quality.then(|| self.part.batch.cells(2));
            let scores = self.results.score.then(|| ScoreCells::of(&*self.part.batch, 3));
            for row in 0..self.part.index.len() {
                let wrong = |found| fault(&path, row, found).after(before);
                if let Some(words) = &words {
                    let said = word(words.get(row)).map_err(wrong)?;
                    let known = self.known.iter().find(|known| &***known == said).cloned();
                    let known = known.unwrap_or_else(|| {
                        let new: Arc<str> = said.into();
                        self.known.push(new.clone());
                        new
                    });
                    self.words.push(Some(known));
                }
                if let Some(scores) = &scores {
                    self.scores.push(scores.get(row).map_err(wrong)?);
                }
            }
        }
        Ok(true)
    }

    /// Takes the rows of these indexes, and counts those that are not there, or too many.
    fn take<F, P>(
        &mut self,
        indexes: &[[u8; 16]],
        block: &mut Block<F, P>,
    ) -> Result<(), AttachError> {
        for index in indexes {
            loop {
                if !self.is_there()? || self.part.index[self.at] > *index {
                    self.missing += 1;
                    break;
                }
                let at = self.at;
                self.at += 1;
                if self.part.index[at] == *index {
                    block.codes.push(self.codes[at]);
                    block.words.extend(self.words.get(at).cloned());
                    block.scores.extend(self.scores.get(at).copied());
                    break;
                }
                self.extra += 1;
            }
        }
        Ok(())
    }

    /// Counts what is left of it.
    fn finish(mut self) -> Result<ReportBody, AttachError> {
        while self.is_there()? {
            self.extra += (self.part.index.len() - self.at) as u64;
            self.at = self.part.index.len();
        }
        let Self { results, missing, extra, .. } = self;
        if missing + extra > 0 {
            return Err(AttachError::Unmatched { missing, extra });
        }
        let path = results.rows.stream.table.path().to_owned();
        match results.read.finish() == results.report.result.commitment {
            true => Ok(results.report),
            false => Err(AttachError::ResultChanged { path }),
        }
    }
}

fn side_by_side<F, E, S>(
    mut rows: Stream<F>,
    results: Results,
    (encoding, mut sink): (E, S),
    effort: &Effort,
) -> Result<AttachedPayload, AttachError>
where
    F: Form,
    E: Encoding<Form = F>,
    S: Sink<Piece = E::Piece>,
{
    let (quality, score) = (results.quality, results.score);
    let path = rows.table.path().to_owned();
    let indexes = Indexes::of(&rows.table)?;
    let shown = Shown::of(&rows.table);
    let guard = Guard::new(&rows.table, |column| column > 0, |_| Lines::Counted);
    let kept = 1..rows.table.header().len();
    rows.keep_quotes();
    let (mut taken, mut order) = (Taken::new(results), Order::default());
    let (mut found, mut counts) = (Found::default(), BTreeMap::new());
    let mut index = Vec::new();
    let steps = Steps {
        new: || Block {
            batches: Vec::new(),
            filled: 0,
            codes: Vec::new(),
            words: Vec::new(),
            scores: Vec::new(),
            found: Found::default(),
            quality: BTreeMap::new(),
            rows: 0,
            piece: encoding.piece(),
        },
        read: |block: &mut Block<F, E::Piece>| {
            let before = order.rows();
            let more = rows.fill_all(&mut block.batches, &mut block.filled, BATCH.max(E::GROUP));
            let more = more.map_err(|error| error.after(before))?;
            block.codes.clear();
            block.words.clear();
            block.scores.clear();
            let mut batches = std::mem::take(&mut block.batches);
            for batch in &mut batches[..block.filled] {
                let before = order.rows();
                index.clear();
                let mut read = || {
                    batch.split(&path)?;
                    indexes.read(batch, &mut index)?;
                    order.follow(&path, &index)
                };
                read().map_err(|error| error.after(before))?;
                taken.take(&index, block)?;
            }
            block.batches = batches;
            block.rows = order.rows() - before;
            Ok::<_, AttachError>(more)
        },
        work: |block: &mut Block<F, E::Piece>| {
            block.quality.clear();
            block.found = Found::default();
            encoding.begin(&mut block.piece)?;
            if block.codes.len() as u64 != block.rows {
                // Rows are missing, which is said at the end.
                return Ok(encoding.end(&mut block.piece)?);
            }
            let mut first = 0;
            for batch in &block.batches[..block.filled] {
                guard.judge(&shown, batch, &mut block.found)?;
                let range = first..first + batch.rows();
                first = range.end;
                let words: Vec<Option<&str>> = match quality {
                    true => block.words[range.clone()].iter().map(Option::as_deref).collect(),
                    false => Vec::new(),
                };
                let mut values = vec![Values::Codes(&block.codes[range.clone()])];
                if quality {
                    count_words(&mut block.quality, &words);
                    values.push(Values::Words(&words));
                }
                values.extend(score.then(|| Values::Scores(&block.scores[range])));
                let piece = &mut block.piece;
                encoding.add(
                    batch.rows(),
                    &values,
                    batch.keep(std::slice::from_ref(&kept)),
                    piece,
                )?;
            }
            Ok(encoding.end(&mut block.piece)?)
        },
        check: |block: &mut Block<F, E::Piece>| {
            found.add(&block.found);
            add_counts(&mut counts, &block.quality);
            Ok(())
        },
        write: |block: &mut Block<F, E::Piece>| {
            sink.write(&mut block.piece)?;
            Ok(effort.progress.advance(block.rows, block.rows)?)
        },
    };
    let threads: NonZeroUsize = E::threads(effort.threads);
    let outcome: Result<(), AttachError> = steps.run(threads);
    outcome?;
    let report = taken.finish()?;
    if order.rows() == 0 {
        return Err(TableError::NoRows { path }.into());
    }
    sink.finish()?;
    Ok(AttachedPayload { report, quality: counts, found, shown })
}
