//! What is found in the data while it is read.

use std::collections::BTreeMap;
use std::path::Path;

use cstatns_base::civil_status::Seen;
use cstatns_base::civil_status::request::FIELDS;
use cstatns_base::code::{Generation, Tag};
use cstatns_base::coded::ColumnName;
use cstatns_base::distinct::Distinct;
use cstatns_record::manifest::Content;
use cstatns_rows::guard;

use super::PrepareError;
use super::head::{ABSENT, At, MALFORMED, OK, STATUSES};
use super::sent::Sent;

/// What was found in rows: how many have each word of `status`, of the codes each tag and
/// generation, and of civil status what the cells of each field are.
#[derive(Default)]
pub(super) struct Found {
    pub(super) rows: u64,
    /// The number of the block; of several blocks the rows before each.
    pub(super) block: u32,
    pub(super) before: Vec<u64>,
    /// The marks of values, of a block.
    pub(super) marks: Vec<u128>,
    /// Identifiers without their control key.
    pub(super) unkeyed: u64,
    /// Of rows that do not go to a sort: the bytes of their values.
    pub(super) sent: u64,
    /// Of each column that is sent.
    pub(super) statuses: Vec<[u64; STATUSES.len()]>,
    pub(super) codes: BTreeMap<(Tag, Generation), u64>,
    pub(super) seen: [Seen; FIELDS.len()],
    /// Of the columns that stay; not of several files together.
    pub(super) kept: guard::Found,
}

/// What goes on from one file of the data to the next.
#[derive(Default)]
pub(super) struct SoFar {
    /// The blocks.
    pub(super) blocks: u32,
    pub(super) distinct: Distinct,
}

impl Found {
    /// Where the next batch begins.
    pub(super) fn at(&self) -> At {
        let first = At { block: self.block, cell: 0 };
        first.after(self.rows as usize * self.statuses.len())
    }

    /// Adds a block.
    pub(super) fn add(&mut self, block: &Self) {
        self.before.push(self.rows);
        self.kept.add(&block.kept);
        self.add_counts(block);
    }

    /// Adds a file.
    pub(super) fn add_file(&mut self, file: &Self) {
        self.before.extend(file.before.iter().map(|before| self.rows + before));
        self.kept.over_lines += file.kept.over_lines;
        self.add_counts(file);
    }

    fn add_counts(&mut self, other: &Self) {
        self.rows += other.rows;
        self.unkeyed += other.unkeyed;
        self.sent += other.sent;
        // A file without rows has none.
        self.statuses.resize(self.statuses.len().max(other.statuses.len()), Default::default());
        for (sums, counts) in self.statuses.iter_mut().zip(&other.statuses) {
            sums.iter_mut().zip(counts).for_each(|(sum, count)| *sum += count);
        }
        self.seen.iter_mut().zip(other.seen).for_each(|(sum, seen)| *sum = sum.and(seen));
        for (kind, count) in &other.codes {
            *self.codes.entry(*kind).or_default() += count;
        }
    }

    /// How many cells have a word of `status`, by its number.
    pub(super) fn all(&self, word: u8) -> u64 {
        self.statuses.iter().map(|counts| counts[usize::from(word)]).sum()
    }

    /// The error where more than half of the cells of a column are not what it should hold, and how
    /// many of its cells are filled. `shown` are the columns of the file.
    pub(super) fn wrong_column(
        &self,
        path: &Path,
        sent: &Sent,
        shown: impl Fn(usize) -> ColumnName,
    ) -> Option<(u64, PrepareError)> {
        let path = || path.to_owned();
        match sent {
            Sent::Identifiers(columns, _) => {
                let counted = columns.iter().zip(&self.statuses);
                counted.into_iter().find_map(|(column, statuses)| {
                    let filled = self.rows - statuses[usize::from(ABSENT)];
                    let invalid = filled - statuses[usize::from(OK)];
                    let words = STATUSES.into_iter().zip(*statuses);
                    let reasons =
                        words.skip(usize::from(MALFORMED)).filter(|(_, count)| *count > 0);
                    let error = PrepareError::WrongColumn {
                        path: path(),
                        column: shown(*column),
                        invalid,
                        filled,
                        reasons: reasons.collect(),
                    };
                    (2 * invalid > filled).then_some((filled, error))
                })
            }
            Sent::CivilStatus(..) => {
                let seen = FIELDS.into_iter().zip(self.seen);
                let wrong = seen.into_iter().find(|(field, seen)| seen.is_wrong(*field));
                wrong.map(|(field, seen)| {
                    let (invalid, filled) = (seen.unread, seen.filled);
                    (filled, PrepareError::WrongField { path: path(), field, invalid, filled })
                })
            }
            Sent::Codes(_) => None,
        }
    }

    /// What is sent, once everything was read.
    pub(super) fn content(
        &self,
        sent: &Sent,
        has_identifiers: bool,
    ) -> Result<Content, PrepareError> {
        Ok(match sent {
            Sent::Identifiers(_, scheme) => Content::Identifiers { scheme: *scheme },
            Sent::CivilStatus(..) => Content::CivilStatus { identifier: has_identifiers },
            Sent::Codes(_) => match self.codes.first_key_value() {
                None => return Err(PrepareError::NoCodes),
                Some(_) if self.codes.len() > 1 => {
                    return Err(PrepareError::Mixed { found: self.codes.clone() });
                }
                Some((&(tag, generation), _)) => Content::Codes { tag, generation },
            },
        })
    }
}
