//! A register of 5,154 invented people and 1,657 rows that ask for them, with errors of graded
//! difficulty. They are not part of this repository: CSTATNS_VECTORS names the folder that holds
//! register/ and cog/.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use cstatns_base::civil_status::{Columns, Field};
use cstatns_base::identifier::Scheme;
use cstatns_register::{Builder, Index, Origin, Places, Query};

use crate::common::{Place, calibration_error, cell, civil_status, csv, places, record, text};

#[allow(clippy::print_stdout)]
fn vectors() -> Option<PathBuf> {
    let folder = std::env::var_os("CSTATNS_VECTORS").map(PathBuf::from);
    if folder.is_none() {
        println!("CSTATNS_VECTORS is unset: the levels of difficulty were not run");
    }
    folder
}

fn index(place: &Place, folder: &Path, places: Places) -> Index {
    let (header, rows) = csv(&folder.join("register/register.csv"));
    let columns = Columns::find(&header, &[], &Field::REGISTER).unwrap();
    let path = place.path("register");
    let mut builder = Builder::create(&path).unwrap().places(places);
    for (row, number) in rows.iter().zip(2..) {
        builder
            .push(
                &record(|field| cell(&columns, row, field)),
                Origin { number, ..Origin::default() },
            )
            .unwrap();
    }
    let built = builder.finish().unwrap();
    assert_eq!((built.rows, built.people, built.identifiers), (5154, 5154, 5154));
    Index::open(&path).unwrap()
}

/// Right, not coded, wrong, and declared ambiguous, for each level.
type Tally = BTreeMap<String, [usize; 4]>;

#[allow(clippy::print_stdout)]
fn run(folder: &Path, places: Places) -> Tally {
    let place = Place::new();
    let index = index(&place, folder, places);
    let identifiers: BTreeMap<String, String> = csv(&folder.join("register/register.csv"))
        .1
        .iter()
        .map(|row| {
            (
                row[0].to_owned(),
                text(&Scheme::FrNir.parse(row[1].as_bytes()).unwrap().identifier).to_owned(),
            )
        })
        .collect();
    let (header, rows) = csv(&folder.join("register/queries_with_truth.csv"));
    let columns = Columns::find(&header, &[], &Field::QUERY).unwrap();
    let sample = rows.iter().map(|row| Query {
        civil_status: civil_status(|field| cell(&columns, row, field)),
        identifier: None,
    });
    let weights = index.learn(sample).unwrap();
    let (mut tally, mut kinds) = (Tally::new(), BTreeMap::<_, usize>::new());
    let mut scores = Vec::new();
    for row in &rows {
        let civil_status = civil_status(|field| cell(&columns, row, field));
        let query = Query { civil_status, identifier: None };
        let [kind, level, truth] = [&row[1], &row[2], &row[3]];
        // Two people where the truth is that nobody can tell.
        let truth = identifiers.get(truth);
        let person = truth.map(|nir| Scheme::FrNir.parse(nir.as_bytes()).unwrap().identifier);
        let (answer, is_best) = index.evaluate(&weights, &query, person.as_ref()).unwrap();
        if !matches!(level, "ambiguous" | "excluded") {
            scores.push((answer.score, is_best));
        }
        let counts = tally.entry(level.to_owned()).or_default();
        counts[3] += usize::from(answer.quality.word() == "ambiguous");
        let told = answer.identifier.as_ref().map(|identifier| text(identifier).to_owned());
        counts[match &told {
            None => 1,
            told if told.as_ref() == truth => 0,
            _ => 2,
        }] += 1;
        *kinds.entry((level.to_owned(), kind.to_owned(), answer.quality.word())).or_default() += 1;
    }
    for (of, count) in kinds {
        println!("{of:?} {count}");
    }
    let error = calibration_error(&scores);
    println!("{tally:?} calibration error {error:.4}");
    assert!(error < 0.02);
    tally
}

fn check(tally: &Tally) {
    for (level, [right, none, wrong, ambiguous]) in tally {
        let all = right + none + wrong;
        assert_eq!(*wrong, 0, "{level}");
        match &**level {
            "exact" | "normalisation" => assert_eq!(*right, all, "{level}"),
            "minor" => assert!(100 * right >= 98 * all, "{level}"),
            "major" | "hard" => assert!(10 * right >= 9 * all, "{level}"),
            "ambiguous" => assert_eq!((*none, *ambiguous), (all, all)),
            "none" => assert_eq!(*none, all),
            level => assert_eq!(level, "excluded"),
        }
    }
    let rows: usize = tally.values().flat_map(|[right, none, wrong, _]| [right, none, wrong]).sum();
    assert_eq!((rows, tally.len()), (1657, 8));
}

#[test]
fn levels_by_the_register_alone() {
    let Some(folder) = vectors() else { return };
    check(&run(&folder, Places::default()));
}

#[test]
fn levels_with_the_geographic_code() {
    let Some(folder) = vectors() else { return };
    check(&run(&folder, places(&folder.join("cog/communes_2026.csv"))));
}
