//! Rows whose people are known: who they are said to be, and whether the one who fits best is the
//! one.

use cstatns_register::{Builder, Index, Query, Truth};
use proptest::prelude::*;

use crate::common::{PEOPLE, Place, build, civil_status};

fn word(truth: &Truth) -> String {
    match truth {
        Truth::Person(identifier) => String::from_utf8(identifier.canonical().to_vec()).unwrap(),
        Truth::Nobody => "nobody".to_owned(),
        Truth::Unknown => "unknown".to_owned(),
    }
}

fn words(index: &Index, texts: &[&str]) -> Vec<String> {
    index.truths(texts).unwrap().iter().map(word).collect()
}

#[test]
fn people_are_named_by_their_ids_or_identifiers() {
    let place = Place::new();
    let index = place.index("r", &PEOPLE);
    let texts = [
        " B ",
        "2840575101001",
        "2 84 05 75 101 001",
        "H",
        "1911201144008",
        "",
        "1840575101099",
        "Z",
        "b",
        "B",
    ];
    let expected = [
        "1840575101002",
        "2840575101001",
        "2840575101001",
        // Either of a person's identifiers will do.
        "1911201144008",
        "1911201144008",
        "nobody",
        "nobody",
        "unknown",
        "unknown",
        "1840575101002",
    ];
    assert_eq!(words(&index, &texts), expected);
    // Ids that look like identifiers of nobody are ids all the same.
    build(
        Builder::create(&place.path("s")).unwrap(),
        &[&PEOPLE[1].replacen('B', "1840575101099", 1)],
    )
    .unwrap();
    assert_eq!(
        words(&Index::open(&place.path("s")).unwrap(), &["1840575101099"]),
        ["1840575101002"]
    );
}

#[test]
fn who_fits_best_is_the_person_or_is_not() {
    let place = Place::new();
    let index = place.index("r", &PEOPLE);
    let weights = index.learn([]).unwrap();
    let best = |row: &str, truth: &str| {
        let cells: Vec<_> = row.split(';').collect();
        let query =
            Query { civil_status: civil_status(|field| cells[field as usize]), identifier: None };
        let truth = index.truths(&[truth]).unwrap().pop();
        let truth = match &truth {
            Some(Truth::Person(identifier)) => Some(identifier),
            _ => None,
        };
        index.evaluate(&weights, &query, truth).unwrap()
    };
    let (answer, right) = best(PEOPLE[7], "H");
    assert!(right && answer.quality.word() == "found");
    // By the other identifier of the same person too; not by that of somebody else, or of nobody.
    assert!(best(PEOPLE[7], "2911201144009").1);
    assert!(!best(PEOPLE[7], "A").1 && !best(PEOPLE[7], "").1);
    // Whoever fits best of those who are not given.
    let (answer, right) = best(&PEOPLE[3].replace("1962-03-01", "1971-08-23"), "D");
    assert!(
        answer.identifier.is_none() && right == (answer.score > 0.0),
        "{}",
        answer.quality.word()
    );
    assert!(!best(";;;;;;;;;", "A").1);
}

proptest! {
    #[test]
    fn any_text_is_somebody_or_not(texts in proptest::collection::vec(any::<String>(), 0..20)) {
        let place = Place::new();
        let index = place.index("r", &PEOPLE);
        let texts: Vec<_> = texts.iter().map(String::as_str).collect();
        prop_assert_eq!(index.truths(&texts).unwrap().len(), texts.len());
    }
}
