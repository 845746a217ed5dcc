//! A coded file beside its renewal, code by code: counts, and never a pair of codes.
//!
//! The codes of both are dealt by their first bits into the same partitions, in memory or encrypted
//! on disk, and each partition is sorted by itself. Codes that are equal meet there; codes of one
//! person in both files do not.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use cstatns_base::code::{Generation, Tag};
use cstatns_base::meta::{FileMeta, ServiceId};
use cstatns_base::name::{LARGEST_NUMBER, Name};
use cstatns_record::comparison::{Checks, Compared, Reported};
use cstatns_record::report::{Report, ReportError, report_path};
use cstatns_rows::columns::fault;
use cstatns_rows::csv::Fields;
use cstatns_rows::effort::Effort;
use cstatns_rows::error::{RowFault, TableError};
use cstatns_rows::sort::{Apart, Dealer, Heads, KEY, Sort, Sortable, Sorted};
use cstatns_rows::table::Rows;

use crate::check::{Candidate, CheckError, candidates, open};
use crate::origin::{Origin, origin};

/// The most generations of one file that are listed: more are another error.
const MOST_GENERATIONS: usize = 64;

/// What [`compare`] found.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CodedPair {
    /// The service's id, if the files or the reports beside them say so.
    pub service: Option<ServiceId>,
    /// The domain, likewise.
    pub domain: Option<Name>,
    /// The file before the renewal.
    pub old: Compared,
    /// The file after it.
    pub new: Compared,
    /// How many codes stand in both.
    pub common: u64,
    /// What holds.
    pub checks: Checks,
}

/// Compares a coded file with its renewal. What does not fit in memory is put aside beside the file
/// `beside`, encrypted.
///
/// # Errors
/// [`CheckError`] for a file that cannot be read, has no codes or codes of two domains, or whose
/// report is of another file.
pub fn compare(
    old: &Path,
    new: &Path,
    beside: &Path,
    effort: &Effort,
) -> Result<CodedPair, CheckError> {
    let mut files = [Side::open(old)?, Side::open(new)?];
    let extents = files
        .iter_mut()
        .map(|file| Ok((file.rows.extent()?, Vec::new())))
        .collect::<Result<Vec<_>, TableError>>()?;
    let whole = extents.iter().map(|(extent, _)| extent.size()).sum();
    effort.progress.expect(whole);
    let (sorts, _) = Sort::<Fields>::several(extents, beside, effort);
    for (file, sort) in files.iter_mut().zip(&sorts) {
        file.deal(sort, effort)?;
    }
    let mut tally = Tally::default();
    meet(sorts, &mut tally, effort)?;
    let [old, new] = files;
    let ((old, said_old), (new, said_new)) = (old.found(&tally.of[0])?, new.found(&tally.of[1])?);
    // Of two domains neither is that of both.
    let said = match (said_old, said_new) {
        (Some(one), Some(other)) => {
            (one.service == other.service && one.domain == other.domain).then_some(one)
        }
        (one, other) => one.or(other).filter(|_| old.tag == new.tag),
    };
    let multiplicities = tally.of[0].often == tally.of[1].often;
    Ok(CodedPair {
        service: said.as_ref().and_then(|said| ServiceId::of(&said.service)),
        domain: said.map(|said| said.domain),
        checks: Checks::of(&old, &new, tally.common, multiplicities),
        old,
        new,
        common: tally.common,
    })
}

/// One of the two files while it is read.
struct Side {
    rows: Rows,
    candidates: Vec<Candidate>,
    tag: Option<Tag>,
    generations: BTreeSet<Generation>,
    read: u64,
    coded: u64,
}

impl Side {
    fn open(path: &Path) -> Result<Self, CheckError> {
        let rows = open(path.into())?;
        let candidates = candidates(&rows.table)?;
        let generations = BTreeSet::new();
        Ok(Self { rows, candidates, tag: None, generations, read: 0, coded: 0 })
    }

    /// Deals the codes into `sort`.
    fn deal(&mut self, sort: &Sort<Fields>, effort: &Effort) -> Result<(), CheckError> {
        let path = self.rows.table.path().to_owned();
        let (mut heads, mut codes) = (Heads::default(), Vec::new());
        while let Some(batch) = self.rows.next_batch()? {
            heads.clear();
            for candidate in &mut self.candidates {
                if !candidate.is_code_in(&batch) {
                    continue;
                }
                let read = candidate.codes.read(&batch, &mut codes);
                read.map_err(|error| error.after(self.read))?;
                for (row, code) in codes.iter().enumerate() {
                    let Some(code) = code else { continue };
                    let (tag, generation) = (code.tag(), code.generation());
                    let expected = *self.tag.get_or_insert(tag);
                    self.generations.insert(generation);
                    if tag != expected || self.generations.len() > MOST_GENERATIONS {
                        let first = *self.generations.first().unwrap_or(&generation);
                        let (found, expected) = ((tag, generation), (expected, first));
                        let other = RowFault::OtherCodes { found, expected };
                        return Err(fault(&path, row, other).after(self.read).into());
                    }
                    let (key, rest) = code.bytes().split_first_chunk::<KEY>().expect("32 bytes");
                    heads.keyed(key, rest);
                    self.coded += 1;
                }
            }
            sort.deal_heads(&heads)?;
            let rows = batch.rows() as u64;
            self.read += rows;
            effort.progress.advance(rows, batch.size())?;
        }
        Ok(())
    }

    /// What was found in it, and where its codes come from.
    fn found(self, counts: &Counts) -> Result<(Compared, Option<FileMeta>), CheckError> {
        let path = self.rows.table.path().to_owned();
        if self.read == 0 {
            return Err(TableError::NoRows { path }.into());
        }
        let tag = self.tag.ok_or_else(|| CheckError::NoCodes { path: path.clone() })?;
        let Origin { meta, report, .. } = origin(&self.rows.table)?;
        let is_stale =
            |meta: &FileMeta| meta.tag() != tag || !self.generations.contains(&meta.generation);
        if meta.as_ref().is_some_and(is_stale) {
            return Err(ReportError::Stale { path: report_path(&path) }.into());
        }
        let reported = |Report { delivery, request, rows_in, .. }| Reported {
            delivery,
            request,
            rows: rows_in,
        };
        let compared = Compared {
            tag,
            generations: self.generations.into_iter().collect(),
            rows: self.read,
            coded: self.coded,
            distinct: counts.distinct,
            chi_squared: counts.chi_squared(),
            reported: report.map(reported),
        };
        Ok((compared, meta))
    }
}

/// What is counted of one file.
struct Counts {
    distinct: u64,
    /// How many codes stand so often.
    often: BTreeMap<u64, u64>,
    /// How many different codes have a one in each of their bits.
    ones: [u64; 256],
}

impl Default for Counts {
    fn default() -> Self {
        Self { distinct: 0, often: BTreeMap::new(), ones: [0; 256] }
    }
}

impl Counts {
    fn add(&mut self, code: &[u8], rows: u64) {
        self.distinct += 1;
        *self.often.entry(rows).or_insert(0) += 1;
        for (byte, ones) in code.iter().zip(self.ones.chunks_exact_mut(8)) {
            ones.iter_mut().enumerate().for_each(|(bit, ones)| *ones += u64::from(byte >> bit & 1));
        }
    }

    /// [`Compared::chi_squared`].
    fn chi_squared(&self) -> u64 {
        let codes = u128::from(self.distinct);
        let square = |ones: &u64| (2 * u128::from(*ones)).abs_diff(codes).pow(2);
        let sum: u128 = self.ones.iter().map(square).sum();
        u64::try_from(sum / codes.max(1)).unwrap_or(LARGEST_NUMBER).min(LARGEST_NUMBER)
    }
}

#[derive(Default)]
struct Tally {
    of: [Counts; 2],
    common: u64,
}

impl Tally {
    /// A code that stands so often in the two files.
    fn add(&mut self, code: &[u8], rows: [u64; 2]) {
        for (counts, rows) in self.of.iter_mut().zip(rows).filter(|(_, rows)| *rows > 0) {
            counts.add(code, rows);
        }
        self.common += u64::from(rows.iter().all(|rows| *rows > 0));
    }
}

/// Goes through the partitions of both files. One that is too large for memory is divided, in both
/// alike, unless all its rows have one code.
fn meet(sorts: Vec<Sort<Fields>>, tally: &mut Tally, effort: &Effort) -> Result<(), TableError> {
    let mut dealer = Dealer::new(b',');
    let mut levels = vec![(sorts, 0)];
    while let Some((sorts, next)) = levels.last_mut() {
        let partition = *next;
        if partition == sorts[0].partitions() {
            levels.pop();
            continue;
        }
        *next += 1;
        effort.progress.check()?;
        if sorts.iter().map(|sort| sort.size(partition)).sum::<u64>() <= Fields::LARGE {
            whole(sorts, partition, tally)?;
            continue;
        }
        let taken: Vec<Apart> = sorts.iter().map(|sort| sort.apart(partition)).collect();
        let mut one = None;
        let rows = taken.iter().map(|apart| apart.count_of::<Fields>(&mut one));
        match (rows.collect::<Result<Option<Vec<u64>>, _>>()?.as_deref(), &one) {
            (Some([old, new]), Some(code)) => tally.add(code, [*old, *new]),
            _ => {
                let divided = Sort::divide_alike(sorts, taken, &mut dealer)?;
                levels.push((divided, 0));
            }
        }
    }
    Ok(())
}

/// Goes through a partition in memory.
fn whole(sorts: &[Sort<Fields>], partition: usize, tally: &mut Tally) -> Result<(), TableError> {
    let [old, new] = [sorts[0].take(partition)?, sorts[1].take(partition)?];
    let (mut old, mut new) = (sorts[0].sorted(&old)?, sorts[1].sorted(&new)?);
    old.order_by_heads();
    new.order_by_heads();
    let (mut old, mut new) = (runs(&old).peekable(), runs(&new).peekable());
    loop {
        let code = match (old.peek(), new.peek()) {
            (None, None) => return Ok(()),
            (Some((one, _)), None) | (None, Some((one, _))) => *one,
            (Some((one, _)), Some((other, _))) => *one.min(other),
        };
        let [old, new] =
            [old.next_if(|(one, _)| *one == code), new.next_if(|(one, _)| *one == code)];
        tally.add(code, [old, new].map(|run| run.map_or(0, |(_, rows)| rows)));
    }
}

/// Each code, in order, and how often it stands.
fn runs<'a>(sorted: &'a Sorted<'_, Fields>) -> impl Iterator<Item = (&'a [u8], u64)> {
    let places = sorted.places();
    let runs = places.chunk_by(|one, next| sorted.head(*one) == sorted.head(*next));
    runs.map(|run| (sorted.head(run[0]), run.len() as u64))
}
