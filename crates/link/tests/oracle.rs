//! The join against one in memory, whatever the sources, the memory and the threads.

mod common;

use std::num::NonZeroUsize;

use cstatns_link::join::{How, JoinError};
use cstatns_rows::effort::Effort;
use proptest::prelude::*;

use common::{Asked, Given, Kind, Row, code, expected, join_files, name};

/// The code of somebody out of a few. Every fourth has the first half in common with the one
/// before.
fn of(person: u64) -> [u8; 32] {
    let mut own = code(person);
    if person % 4 == 1 {
        own[..16].copy_from_slice(&code(person - 1)[..16]);
    }
    own
}

fn cell() -> impl Strategy<Value = Option<String>> {
    let text = proptest::string::string_regex("[a-c\",;\n é]{0,6}").unwrap();
    proptest::option::weighted(0.9, text)
}

fn row() -> impl Strategy<Value = Row> {
    let quality = prop_oneof![Just("valid"), Just("found"), Just("wrong-control-key")];
    let score = proptest::option::of((0..10_001_u16).prop_map(|score| f64::from(score) / 10_000.0));
    let person = proptest::option::weighted(0.9, 0_u64..20);
    (person, quality, score, cell(), cell(), 0_i64..1000).prop_map(
        |(person, quality, score, one, other, number)| Row {
            code: person.map(of),
            quality,
            score,
            cells: vec![Some(number.to_string()), one, other],
        },
    )
}

/// A source, in which one person has many rows at times.
fn source() -> impl Strategy<Value = Given> {
    let heavy = prop_oneof![3 => Just(0), 1 => 20_usize..50];
    (proptest::collection::vec(row(), 0..40), any::<bool>(), heavy).prop_map(
        |(mut rows, has_score, heavy)| {
            let long = |number: usize| Row {
                code: Some(of(3)),
                quality: "valid",
                score: None,
                cells: vec![Some(number.to_string()), Some("long".repeat(60)), None],
            };
            rows.extend((0..heavy).map(long));
            Given { name: name("x"), has_score, header: Vec::new(), rows }
        },
    )
}

fn sources() -> impl Strategy<Value = Vec<Given>> {
    proptest::collection::vec(source(), 2..=4).prop_map(|mut sources| {
        let several = sources.iter().filter(|source| source.rows.len() > 40).count();
        for (source, letter) in sources.iter_mut().zip('a'..) {
            source.name = name(&letter.to_string());
            source.header = vec!["n".to_owned(), "Text".to_owned(), format!("own-{letter}")];
            // The rows of the output stay few.
            if several > 1 {
                source.rows.truncate(if letter == 'a' { 60 } else { 25 });
            }
        }
        sources
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(160))]

    #[test]
    fn the_join_is_the_one_that_is_made_in_memory(
        sources in sources(),
        kind in prop_oneof![Just(Kind::Csv), Just(Kind::Parquet(false)), Just(Kind::Parquet(true))],
        how in prop_oneof![Just(How::Inner), Just(How::Left), Just(How::Full)],
        many in proptest::bool::weighted(0.7),
        least in prop_oneof![2 => Just(0), 1 => 0_u64..8],
        spills: bool,
        is_small: bool,
        threads in 1_usize..4,
    ) {
        let place = tempfile::tempdir().unwrap();
        let files: Vec<_> = sources.iter().map(|source| (&source.name, source.write(place.path(), kind))).collect();
        let out = place.path().join(if kind == Kind::Csv { "out.csv" } else { "out.parquet" });
        let effort = Effort {
            threads: NonZeroUsize::new(threads).unwrap(),
            memory: if spills { 0 } else { 1 << 30 },
            ..Effort::default()
        };
        let asked = Asked { how, many, least, effort: effort.clone(), is_small };
        let outcome = join_files(&files, &out, &asked);
        let expected = expected(&sources, how, kind == Kind::Csv);
        if expected.sources.iter().any(|counts| counts[4] < least) {
            let is_refused = matches!(outcome, Err(JoinError::Few { .. }));
            prop_assert!(is_refused);
            return Ok(());
        }
        if !many && expected.many > 0 {
            let Err(JoinError::Many { people }) = outcome else { panic!("{outcome:?}") };
            prop_assert_eq!(people, expected.many);
            return Ok(());
        }
        let (joined, mut written) = outcome.unwrap();
        written.rows.sort();
        prop_assert_eq!(&written.rows, &expected.rows);
        prop_assert_eq!((joined.rows, joined.people), (expected.rows.len() as u64, expected.people));
        for ((counts, source), [rows, without_code, people, repeated, matched]) in
            joined.sources.iter().zip(&sources).zip(expected.sources)
        {
            prop_assert_eq!(&counts.name, &source.name);
            prop_assert_eq!((counts.rows, counts.without_code), (rows, without_code));
            prop_assert_eq!((counts.people, counts.repeated, counts.matched), (people, repeated, matched));
            prop_assert_eq!(counts.unmatched, people - matched);
        }
        // Nothing is left beside the output, and all of the work was counted.
        prop_assert_eq!(std::fs::read_dir(place.path()).unwrap().count(), sources.len() + 1);
        let rows: usize = sources.iter().map(|source| source.rows.len()).sum();
        prop_assert_eq!(effort.progress.rows(), rows as u64);
        prop_assert!(effort.progress.part() > 0.99, "{}", effort.progress.part());
    }
}
