//! What an evaluation counted: what its summary and its page show.

use std::collections::HashMap;

use cstatns::name::Hex;
use cstatns_register::{Evaluation, Tally};

/// What was counted: no row, and nobody.
pub(super) struct Measured {
    pub(super) id: Hex<16>,
    /// Of the index.
    pub(super) counts: [(&'static str, u64); 11],
    pub(super) kinds: Kinds,
    pub(super) evaluation: Evaluation,
}

/// The kinds of rows in the order of their first rows: no, one or two words each.
#[derive(Default)]
pub(super) struct Kinds(pub(super) Vec<Vec<String>>, HashMap<Vec<String>, usize>);

impl Kinds {
    pub(super) fn of(&mut self, words: &[&str]) -> usize {
        let words: Vec<_> = words.iter().map(|word| (*word).to_owned()).collect();
        let Self(kinds, places) = self;
        *places.entry(words).or_insert_with_key(|words| {
            kinds.push(words.clone());
            kinds.len() - 1
        })
    }

    /// Whether a kind is named so.
    pub(super) fn are(&self, kind: usize, word: &str) -> bool {
        self.0[kind].iter().any(|own| own == word)
    }

    /// By their first words.
    pub(super) fn groups(&self) -> Vec<Group<'_>> {
        let mut groups: Vec<Group<'_>> = Vec::new();
        for (kind, words) in self.0.iter().enumerate() {
            let Some(word) = words.first() else { continue };
            let at = groups.iter().position(|group| group.word == word).unwrap_or(groups.len());
            if at == groups.len() {
                groups.push(Group { word, kinds: Vec::new(), within: Vec::new() });
            }
            groups[at].kinds.push(kind);
            groups[at].within.extend(words.get(1).map(|word| (&**word, kind)));
        }
        groups
    }
}

/// Kinds that have their first word in common.
pub(super) struct Group<'a> {
    pub(super) word: &'a str,
    kinds: Vec<usize>,
    /// The second words, where there are two, and which kind each is.
    pub(super) within: Vec<(&'a str, usize)>,
}

impl Group<'_> {
    pub(super) fn tally(&self, evaluation: &Evaluation) -> Tally {
        self.kinds.iter().fold(Tally::default(), |sum, kind| sum.and(evaluation.kinds[*kind]))
    }
}
