//! What an evaluation counted: what its summary and its page show.

use std::collections::HashMap;

use cstatns::language::Words;
use cstatns::name::Hex;
use cstatns_register::{Evaluation, MatchQuality, Tally, Threshold, interval};
use serde_json::{Value, json};

/// What was counted: no row, and nobody.
pub(super) struct Measured {
    pub(super) id: Hex<16>,
    /// Of the index.
    pub(super) counts: [(&'static Words, u64); 11],
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

pub(super) fn summary(kinds: &Kinds, evaluation: &Evaluation) -> Value {
    let tally = |tally: &Tally| {
        let Tally { rows, right, none, wrong, declared, good } = *tally;
        json!({
            "rows": rows, "right": right, "none": none, "wrong": wrong, "ambiguous": declared, "as_expected": good,
        })
    };
    let with = |mut value: Value, name: &str, word: Value| {
        value[name] = word;
        value
    };
    let threshold = |threshold: &Threshold| {
        let Threshold { score, coded, right } = *threshold;
        let (precision, recall) =
            (rounded(threshold.precision()), rounded(evaluation.recall(threshold)));
        json!({ "score": score, "coded": coded, "right": right, "precision": precision, "recall": recall })
    };
    let by_kind = kinds.0.iter().zip(&evaluation.kinds);
    let by_kind: Vec<_> =
        by_kind.map(|(words, kind)| with(tally(kind), "kind", json!(words))).collect();
    let total = evaluation.total();
    json!({
        "rows": total.rows,
        "accept": evaluation.accept.word(),
        "min_score": evaluation.min_score,
        "all": tally(&total),
        "wrong_at_most": rounded(interval(total.wrong, total.right + total.wrong).map(|(_, high)| high)),
        "kinds": by_kind,
        "qualities": MatchQuality::ALL.into_iter().zip(&evaluation.qualities)
            .map(|(quality, of)| with(tally(of), "quality", quality.word().into())).collect::<Vec<_>>(),
        "people": evaluation.people,
        "as_coded": threshold(&evaluation.setting),
        "thresholds": evaluation.thresholds.iter().map(threshold).collect::<Vec<_>>(),
        "bins": evaluation.bins.iter().map(|bin| {
            let bounds = interval(bin.right, bin.rows);
            json!({
                "from": bin.from, "to": bin.to, "rows": bin.rows, "right": bin.right,
                "mean_score": rounded(bin.predicted()), "observed": rounded(bin.observed()),
                "interval": bounds.map(|(low, high)| [rounded(Some(low)), rounded(Some(high))]),
            })
        }).collect::<Vec<_>>(),
        "calibration_error": rounded(evaluation.calibration_error()),
    })
}

/// Six digits: the rest is noise.
fn rounded(share: Option<f64>) -> Option<f64> {
    share.map(|share| (share * 1e6).round() / 1e6)
}
