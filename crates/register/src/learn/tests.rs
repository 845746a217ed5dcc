//! What is learnt of rows whose errors are known, and of none.

use cstatns_base::civil_status::CivilStatus;

use crate::builder::{Builder, Record};
use crate::faults::Origin;

use super::*;

const PEOPLE: usize = 400;

/// Name, first name, date and place of a person; every third one has a twin.
fn person(number: usize) -> [String; 4] {
    let letters = |mut number: usize| {
        let mut text = String::new();
        for set in [b"BDFGLMNPRT", b"AEIOUAEIOU", b"CHJKLSVWXZ", b"UOIEAUOIEA"] {
            text.push(char::from(set[number % 10]));
            number = number / 10 + number * 7 % 13;
        }
        text
    };
    let family = if number % 3 == 1 { number - 1 } else { number };
    let date = format!(
        "19{:02}-{:02}-{:02}",
        20 + family * 31 % 70,
        1 + family % 12,
        1 + family * 17 % 28
    );
    [
        letters(family) + "QUIN",
        letters(number * 37 + 5) + "Y",
        date,
        format!("{:05}", 1001 + family * 53 % 900),
    ]
}

fn index(place: &tempfile::TempDir) -> Index {
    let path = place.path().join("r");
    let mut builder = Builder::create(&path).unwrap();
    for number in 0..PEOPLE {
        let [nom, prenoms, date, code] = person(number);
        let nir = format!("184057510{:04}", 1000 + number);
        let civil_status = civil_status(&nom, &prenoms, &date, &code);
        builder.push(&Record { id: "", nir: &nir, civil_status }, Origin::default()).unwrap();
    }
    builder.finish().unwrap();
    Index::open(&path).unwrap()
}

fn civil_status<'a>(
    nom: &'a str,
    prenoms: &'a str,
    date_naissance: &'a str,
    code_lieu: &'a str,
) -> CivilStatus<'a> {
    CivilStatus { nom, prenoms, sexe: "M", date_naissance, code_lieu, ..CivilStatus::default() }
}

/// Rows of which so many of a hundred have an error in the name, and so many are of nobody.
fn rows(wrong: usize, absent: usize) -> Vec<[String; 4]> {
    let row = |number: usize| {
        let mut row = person(number);
        if number * 7 % 100 < wrong {
            row[0].push('E');
            row[0].insert(1, 'Y');
        }
        if number * 11 % 100 < absent {
            row = [
                format!("{}BRAC", row[1]),
                row[0].clone(),
                "1899-02-03".to_owned(),
                "75056".to_owned(),
            ];
        }
        row
    };
    (0..PEOPLE).map(row).collect()
}

fn learnt(index: &Index, rows: &[[String; 4]]) -> Weights {
    let mut queries = Vec::new();
    for row in rows {
        let [nom, prenoms, date, code] = row;
        queries
            .push(Query { civil_status: civil_status(nom, prenoms, date, code), identifier: None });
    }
    index.learn(queries).unwrap()
}

#[test]
fn errors_and_absence_are_learnt_without_labels() {
    let place = tempfile::tempdir().unwrap();
    let index = index(&place);
    let (clean, dirty, absent) =
        (learnt(&index, &rows(0, 0)), learnt(&index, &rows(40, 0)), learnt(&index, &rows(0, 60)));
    let wrong = |weights: &Weights| 1.0 - weights.own.name[Name::Same as usize];
    assert!(wrong(&clean) < 0.05, "{}", wrong(&clean));
    assert!((0.25..0.45).contains(&wrong(&dirty)), "{}", wrong(&dirty));
    // Of a hundred rows that are not there, 80 are covered.
    assert!(clean.coverage > 0.93, "{}", clean.coverage);
    assert!((0.4..0.55).contains(&absent.coverage), "{}", absent.coverage);
    // A third of the people have a twin, and are one.
    assert!((0.3..0.7).contains(&clean.others.twins), "{}", clean.others.twins);
    assert!(clean.others.doubles < 0.003);
}

#[test]
fn few_rows_and_none_give_what_is_usual() {
    let place = tempfile::tempdir().unwrap();
    let index = index(&place);
    let (none, again, few) =
        (learnt(&index, &[]), learnt(&index, &[]), learnt(&index, &rows(100, 0)[..10]));
    assert!(none.distance(&again) == 0.0 && (none.coverage - 0.8).abs() < 1e-12);
    assert!(none.distance(&few) < 0.11, "{}", none.distance(&few));
    for weights in [none, few] {
        let mut own = weights.own;
        for table in own.tables() {
            assert!((table.iter().sum::<f64>() - 1.0).abs() < 1e-9);
            assert!(table.iter().all(|share| (1e-4..1.0).contains(share)));
        }
    }
}

/// A file in which everybody is absent, or nobody, leaves a doubt.
#[test]
fn nothing_is_ever_certain() {
    let place = tempfile::tempdir().unwrap();
    let index = index(&place);
    for absent in [0, 100] {
        let rows: Vec<_> = std::iter::repeat_with(|| rows(0, absent)).take(10).flatten().collect();
        let weights = learnt(&index, &rows);
        assert!((0.01..0.999).contains(&weights.coverage), "{}", weights.coverage);
    }
}

/// A row of a usual name may have a great many candidates, and all rows wait until the end.
#[test]
fn of_a_row_only_the_best_wait() {
    let candidates =
        |number: u32| (0..number).map(|nth| (f64::from(number - nth), nth)).collect::<Vec<_>>();
    assert_eq!(those_that_count(&candidates(1000)), (0..BEST as u32).collect::<Vec<_>>());
    assert!(those_that_count(&candidates(1000)).capacity() < 2 * BEST);
    assert_eq!(those_that_count(&[(2e9, 0), (3.0, 1), (1.9, 2)]), [0, 1]);
    assert!(those_that_count(&candidates(0)).is_empty());
}
