//! The rows of all sources, partition by partition → rows of the output.
//!
//! A partition that is too large for memory is divided, in all sources alike. One that cannot be,
//! because all its rows have one code, is gone through run by run of its pages: each run of the one
//! source with each of the others.

use std::iter::zip;
use std::num::NonZeroUsize;
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use cstatns_rows::effort::Progress;
use cstatns_rows::error::TableError;
use cstatns_rows::pipeline::{Steps, locked};
use cstatns_rows::sort::{Apart, Dealer, Place, Sort, Sorted};

use super::JoinError;
use super::deal::is_coded;
use super::emit::{Emitter, Plan, Room, Rows, Run};
use super::tally::{Rule, Tally};

/// What is done at once.
enum Task<F> {
    Nothing,
    /// A partition of these sorts.
    Whole(Arc<Vec<Sort<F>>>, usize),
    /// A large partition, in which each source has so many rows, all of one head.
    One(Arc<Vec<Sort<F>>>, Vec<Apart>, Vec<u64>, Vec<u8>),
}

/// A task and what comes of it.
struct Block<F: Rows> {
    task: Task<F>,
    /// Its part of the work, for who looks on.
    part: f64,
    tally: Tally,
}

/// Partitions that are still to be joined: of the sources, or of a large one.
struct Level<F> {
    sorts: Arc<Vec<Sort<F>>>,
    left: Range<usize>,
    part: f64,
}

impl<F> Level<F> {
    /// Those of sorts that are `whole` of the work.
    fn of(sorts: Vec<Sort<F>>, partitions: usize, whole: f64) -> Self {
        Self { sorts: Arc::new(sorts), left: 0..partitions, part: whole / partitions as f64 }
    }
}

/// How the sources are joined.
pub(super) struct Meeting<'a, F> {
    pub(super) plan: &'a Plan,
    pub(super) rule: Rule,
    /// Where the rows of the output go.
    pub(super) into: &'a Sort<F>,
    pub(super) threads: NonZeroUsize,
    /// What is done when all is, for who looks on.
    pub(super) size: u64,
    pub(super) progress: &'a Progress,
}

impl<F: Rows> Meeting<'_, F> {
    /// Joins what was dealt into these sorts.
    pub(super) fn join(&self, sorts: Vec<Sort<F>>) -> Result<Tally, JoinError> {
        let sources = sorts.len();
        let partitions = sorts[0].partitions();
        let mut levels = vec![Level::of(sorts, partitions, self.size as f64)];
        let mut dealer = Dealer::new(self.plan.delimiter);
        let mut all = Tally::new(sources);
        let (mut done, mut told) = (0.0, 0);
        // As many as there are threads: rows of several tasks are dealt at once.
        let rooms = Mutex::new(Vec::new());
        let steps = Steps {
            new: || Block { task: Task::Nothing, part: 0.0, tally: Tally::new(sources) },
            read: |block: &mut Block<F>| {
                let next = next(&mut levels, self.plan.limits.large, &mut dealer)?;
                let more = next.is_some();
                (block.task, block.part) = next.unwrap_or((Task::Nothing, 0.0));
                Ok(more)
            },
            work: |block: &mut Block<F>| {
                block.tally = Tally::new(sources);
                let task = std::mem::replace(&mut block.task, Task::Nothing);
                let room = locked(&rooms).pop();
                let mut room = room.unwrap_or_else(|| Room::new(self.plan));
                let mut emitter = self.emitter(&mut room);
                match task {
                    Task::Nothing => {}
                    Task::Whole(sorts, partition) => {
                        self.whole(&sorts, partition, &mut emitter, &mut block.tally)?;
                    }
                    Task::One(sorts, taken, rows, head) => {
                        let comes_out = match is_coded(&head) {
                            true => block.tally.meet(self.rule, rows.iter().copied()),
                            false => self.comes_out_alone(&rows),
                        };
                        if comes_out {
                            block.tally.rows = one(&sorts, &taken, &mut emitter)?;
                        }
                    }
                }
                locked(&rooms).push(room);
                Ok(())
            },
            check: |block: &mut Block<F>| {
                all.add(&block.tally);
                Ok(())
            },
            write: |block: &mut Block<F>| {
                done += block.part;
                let now = done as u64 - told;
                told += now;
                Ok(self.progress.advance(0, now)?)
            },
        };
        let outcome: Result<(), JoinError> = steps.run(self.threads);
        outcome?;
        let rooms = rooms.into_inner().unwrap_or_else(PoisonError::into_inner);
        rooms.into_iter().try_for_each(|mut room| self.emitter(&mut room).deal())?;
        Ok(all)
    }

    fn emitter<'r>(&'r self, room: &'r mut Room<F>) -> Emitter<'r, F> {
        Emitter { plan: self.plan, into: self.into, progress: self.progress, room }
    }

    /// Whether a row without a code comes out, which is the only row that there is.
    fn comes_out_alone(&self, rows: &[u64]) -> bool {
        rows.iter().position(|rows| *rows > 0).is_some_and(|source| self.rule.takes_alone(source))
    }

    /// Joins a partition in memory.
    fn whole(
        &self,
        sorts: &[Sort<F>],
        partition: usize,
        emitter: &mut Emitter<'_, F>,
        tally: &mut Tally,
    ) -> Result<(), JoinError> {
        let pages = sorts.iter().map(|sort| sort.take(partition)).collect::<Result<Vec<_>, _>>()?;
        let sorted = zip(sorts, &pages).map(|(sort, pages)| {
            let mut sorted = sort.sorted(pages)?;
            sorted.order_by_heads();
            Ok(sorted)
        });
        let sorted = sorted.collect::<Result<Vec<Sorted<'_, F>>, TableError>>()?;
        let mut runs = vec![Run::default(); sorts.len()];
        while let Some((key, head)) = next_head(&sorted, &runs) {
            // What comes after the rows that there were. Most heads differ in their keys, which lie
            // at hand.
            for (sorted, run) in zip(&sorted, &mut runs) {
                run.start += run.rows;
                let left = sorted.places()[run.start as usize..].iter();
                let is_alike = |place: &&Place| {
                    let own = || sorted.head(**place);
                    place.key() == key && (std::ptr::eq(own(), head) || own() == head)
                };
                run.rows = left.take_while(is_alike).count() as u32;
            }
            let comes_out = if is_coded(head) {
                tally.meet(self.rule, runs.iter().map(|run| run.rows.into()))
            } else {
                // Nobody else's key is drawn alike; were it so, each would be alone all the same.
                let mut is_first = true;
                for run in &mut runs {
                    run.rows = u32::from(run.rows > 0 && std::mem::take(&mut is_first));
                }
                self.rule.takes_alone(runs.iter().position(|run| run.rows > 0).unwrap_or_default())
            };
            if comes_out {
                tally.rows += emitter.product(&sorted, &runs)?;
            }
        }
        Ok(emitter.make(&sorted)?)
    }
}

/// The least head behind these rows of each source, with its key.
fn next_head<'a, F: Rows>(
    sorted: &[Sorted<'a, F>],
    runs: &[Run],
) -> Option<((u64, u64), &'a [u8])> {
    let next = || {
        zip(sorted, runs).filter_map(|(sorted, run)| {
            let place = sorted.places().get((run.start + run.rows) as usize)?;
            Some((place.key(), sorted, *place))
        })
    };
    let key = next().map(|(key, ..)| key).min()?;
    let alike = next().filter(|(own, ..)| *own == key);
    alike.map(|(key, sorted, place)| (key, sorted.head(place))).min()
}

/// The next task, and its part of the work; none at the end.
fn next<F: Rows>(
    levels: &mut Vec<Level<F>>,
    large: u64,
    dealer: &mut Dealer,
) -> Result<Option<(Task<F>, f64)>, TableError> {
    loop {
        let Some(level) = levels.last_mut() else { return Ok(None) };
        let Some(partition) = level.left.next() else {
            levels.pop();
            continue;
        };
        let (sorts, part) = (level.sorts.clone(), level.part);
        if sorts.iter().map(|sort| sort.size(partition)).sum::<u64>() <= large {
            return Ok(Some((Task::Whole(sorts, partition), part)));
        }
        let taken: Vec<Apart> = sorts.iter().map(|sort| sort.apart(partition)).collect();
        let (mut one, mut rows) = (None, Vec::new());
        for taken in &taken {
            let Some(count) = taken.count_of::<F>(&mut one)? else { break };
            rows.push(count);
        }
        if let (Some(one), true) = (one, rows.len() == sorts.len()) {
            return Ok(Some((Task::One(sorts, taken, rows, one), part)));
        }
        let divided = Sort::divide_alike(&sorts, taken, dealer)?;
        let partitions = divided[0].partitions();
        levels.push(Level::of(divided, partitions, part));
    }
}

/// Joins rows that all have one head. Returns how many come of them.
fn one<F: Rows>(
    sorts: &[Sort<F>],
    taken: &[Apart],
    emitter: &mut Emitter<'_, F>,
) -> Result<u64, JoinError> {
    let all: Vec<Vec<Range<usize>>> =
        taken.iter().map(|taken| taken.runs(emitter.plan.limits.run / sorts.len())).collect();
    // The source with the most runs is read once only.
    let mut order: Vec<usize> = (0..sorts.len()).collect();
    order.sort_by_key(|source| all[*source].len());
    let mut at = vec![0; sorts.len()];
    let mut pages: Vec<_> = sorts.iter().map(|_| Vec::new()).collect();
    let mut changed = order.clone();
    let mut made = 0;
    loop {
        for source in &changed {
            if let Some(run) = all[*source].get(at[*source]) {
                // The old pages are gone before there are new ones.
                pages[*source].clear();
                pages[*source] = taken[*source].pages(run.clone())?;
            }
        }
        let sorted = zip(sorts, &pages).map(|(sort, pages)| sort.sorted(pages));
        let sorted = sorted.collect::<Result<Vec<Sorted<'_, F>>, TableError>>()?;
        let run = |sorted: &Sorted<'_, F>| Run { start: 0, rows: sorted.places().len() as u32 };
        let runs: Vec<Run> = sorted.iter().map(run).collect();
        made += emitter.product(&sorted, &runs)?;
        emitter.make(&sorted)?;
        // The next runs: as a counter goes on, the source with the fewest first.
        changed.clear();
        let next = order.iter().find(|source| {
            changed.push(**source);
            at[**source] += 1;
            if at[**source] < all[**source].len() {
                return true;
            }
            at[**source] = 0;
            false
        });
        if next.is_none() {
            return Ok(made);
        }
    }
}
