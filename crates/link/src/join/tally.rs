//! Who was counted in which source.

use std::iter::zip;

use cstatns_base::name::Name;

use super::{Counts, How, Join, JoinError, Joined};

/// The people of a source.
#[derive(Clone, Copy, Default)]
struct People {
    all: u64,
    repeated: u64,
    matched: u64,
}

/// The people of some rows.
#[derive(Clone, Default)]
pub(super) struct Tally {
    sources: Vec<People>,
    /// Those who come out, and those of them who have several rows on several sides.
    people: u64,
    many: u64,
    /// The rows that come out.
    pub(super) rows: u64,
}

/// The rows of a source.
#[derive(Clone, Copy, Default)]
pub(super) struct Rows {
    pub(super) all: u64,
    pub(super) without_code: u64,
}

/// What comes out, and when it does not.
#[derive(Clone, Copy)]
pub(super) struct Rule {
    pub(super) how: How,
    pub(super) many: bool,
    pub(super) least: u64,
}

impl Rule {
    pub(super) fn of(join: &Join<'_>) -> Self {
        Self { how: join.how, many: join.many, least: join.least }
    }

    /// Whether a row without a code comes out.
    pub(super) fn takes_alone(self, source: usize) -> bool {
        match self.how {
            How::Inner => false,
            How::Left => source == 0,
            How::Full => true,
        }
    }
}

impl Tally {
    /// Of no row of so many sources.
    pub(super) fn new(sources: usize) -> Self {
        Self { sources: vec![People::default(); sources], ..Self::default() }
    }

    /// Counts somebody who has so many rows in each source. Says whether rows of theirs are to be
    /// written.
    pub(super) fn meet(&mut self, rule: Rule, rows: impl Iterator<Item = u64> + Clone) -> bool {
        let sources = self.sources.len();
        let present = rows.clone().filter(|rows| *rows > 0).count();
        let comes_out = match rule.how {
            How::Inner => present == sources,
            How::Left => rows.clone().next().is_some_and(|rows| rows > 0),
            How::Full => true,
        };
        let is_matched = if rule.how == How::Inner { comes_out } else { present > 1 };
        let mut sides = 0;
        for (people, rows) in zip(&mut self.sources, rows) {
            people.all += u64::from(rows > 0);
            people.repeated += u64::from(rows > 1);
            people.matched += u64::from(rows > 0 && is_matched);
            sides += u64::from(rows > 1);
        }
        self.people += u64::from(comes_out);
        self.many += u64::from(comes_out && sides > 1);
        comes_out && (rule.many || sides < 2)
    }

    /// Adds what was counted elsewhere.
    pub(super) fn add(&mut self, other: &Self) {
        for (people, more) in zip(&mut self.sources, &other.sources) {
            people.all += more.all;
            people.repeated += more.repeated;
            people.matched += more.matched;
        }
        self.people += other.people;
        self.many += other.many;
        self.rows = self.rows.saturating_add(other.rows);
    }

    /// Refuses what the rule refuses. Where too few were matched nothing else is said: how many
    /// have several rows is fewer still.
    pub(super) fn check(&self, rule: Rule, names: &[&Name]) -> Result<(), JoinError> {
        if let Some((name, _)) =
            zip(names, &self.sources).find(|(_, people)| people.matched < rule.least)
        {
            return Err(JoinError::Few { name: (*name).clone(), least: rule.least });
        }
        match self.many {
            people @ 1.. if !rule.many => Err(JoinError::Many { people }),
            _ => Ok(()),
        }
    }

    /// All that was counted.
    pub(super) fn joined(&self, names: &[&Name], rows: &[Rows]) -> Joined {
        let counts = |((name, rows), people): ((&&Name, &Rows), &People)| Counts {
            name: (*name).clone(),
            rows: rows.all,
            without_code: rows.without_code,
            people: people.all,
            repeated: people.repeated,
            matched: people.matched,
            unmatched: people.all - people.matched,
        };
        let sources = zip(zip(names, rows), &self.sources).map(counts).collect();
        Joined { rows: self.rows, people: self.people, sources }
    }
}
