//! The two files of `tests/data/pair`: prepared, coded, attached, joined on the code, renewed, and
//! joined again.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use cstatns::coded::Coded as _;
use cstatns::identifier::Scheme;
use cstatns_controller::{Column, check};

use crate::common::{OTHER_DOMAIN, POPULATION, Place, Way, column, read_text};

fn pair(file: &str) -> String {
    fs::read_to_string(
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/data/pair").join(file),
    )
    .unwrap()
}

/// People in both, and pairs of rows.
fn join(a: &Path, b: &Path) -> (usize, usize) {
    let count = |path: &Path| {
        let mut rows: BTreeMap<String, usize> = BTreeMap::new();
        for code in column(path, "code").into_iter().filter(|code| !code.is_empty()) {
            *rows.entry(code).or_default() += 1;
        }
        rows
    };
    let (a, b) = (count(a), count(b));
    let both: Vec<usize> = a.iter().filter_map(|(code, rows)| Some(rows * b.get(code)?)).collect();
    (both.len(), both.iter().sum())
}

#[test]
fn the_pair_joins_as_the_truth_says_before_and_after_a_renewal() {
    let place = Place::new();
    let truth: serde_json::Value = serde_json::from_str(&pair("truth.json")).unwrap();
    let expected = |name: &str| truth[name].as_u64().unwrap() as usize;
    let coded = ["hospital", "wages"].map(|name| {
        let way = Way::new(&place, name, "csv", "csv");
        fs::write(&way.data, pair(&format!("{name}.csv"))).unwrap();
        let prepared = way
            .prepare(Column::Identifiers { columns: &["nir"], scheme: Scheme::FrNir }, b',')
            .unwrap();
        let truth = &truth[name];
        assert_eq!(prepared.rows, truth["rows"].as_u64().unwrap());
        assert_eq!(prepared.found.counts["ok"], truth["valid_rows"].as_u64().unwrap());
        let result = way.code(&POPULATION, 1, 1).unwrap();
        assert_eq!(result.distinct, truth["persons"].as_u64().unwrap());
        assert_eq!(result.qualities["none"], truth["rejected_rows"].as_u64().unwrap());
        let attached = way.attach().unwrap();
        assert_eq!(attached.rows, prepared.rows);
        let reasons: u64 =
            prepared.found.counts.iter().filter(|(word, _)| **word != "ok").map(|(_, n)| n).sum();
        let reported: u64 = prepared
            .found
            .counts
            .keys()
            .filter_map(|word| attached.report.quality.get(*word))
            .sum();
        assert_eq!((reasons, reported), (truth["rejected_rows"].as_u64().unwrap(), reasons));
        way
    });
    let [hospital, wages] = &coded;
    assert_eq!(
        join(&hospital.out, &wages.out),
        (expected("persons_in_both"), expected("row_pairs"))
    );

    // In another domain the same people match nobody here.
    let mut elsewhere = Way::new(&place, "elsewhere", "csv", "csv");
    elsewhere.domain = OTHER_DOMAIN;
    fs::write(&elsewhere.data, pair("wages.csv")).unwrap();
    elsewhere
        .prepare(Column::Identifiers { columns: &["nir"], scheme: Scheme::FrNir }, b',')
        .unwrap();
    elsewhere.code(&OTHER_DOMAIN, 1, 2).unwrap();
    elsewhere.attach().unwrap();
    assert_eq!(join(&hospital.out, &elsewhere.out), (0, 0));

    // One file is renewed generation by generation, the other lifted over two.
    let renewed = |of: &Way, name: &str, from: u32, to: u32| {
        let way = Way { data: of.out.clone(), ..Way::new(&place, name, "csv", "csv") };
        way.prepare(Column::Codes(&["code"]), b',').unwrap();
        way.renew(&POPULATION, from, to, 3).unwrap();
        way.attach().unwrap();
        way
    };
    let hospital2 = renewed(hospital, "hospital2", 1, 2);
    let hospital3 = renewed(&hospital2, "hospital3", 2, 3);
    let wages3 = renewed(wages, "wages3", 1, 3);
    assert_eq!(
        join(&hospital3.out, &wages3.out),
        (expected("persons_in_both"), expected("row_pairs"))
    );
    assert_eq!(join(&hospital.out, &hospital3.out), (0, 0));
    assert_eq!(
        check(&[hospital2.out.clone(), wages3.out.clone()]).unwrap_err().code(),
        "mixed-generations"
    );
    let facts = check(&[hospital3.out.clone(), wages3.out.clone()]).unwrap();
    assert_eq!(facts[0].distinct_codes, truth["hospital"]["persons"].as_u64().unwrap());

    // A newcomer at generation 3 has the code that the same identifier was renewed to.
    let newcomer = Way::new(&place, "newcomer", "csv", "csv");
    fs::write(&newcomer.data, pair("wages.csv")).unwrap();
    newcomer
        .prepare(Column::Identifiers { columns: &["nir"], scheme: Scheme::FrNir }, b',')
        .unwrap();
    newcomer.code(&POPULATION, 3, 4).unwrap();
    newcomer.attach().unwrap();
    let codes = |path: &Path| -> BTreeSet<String> { column(path, "code").into_iter().collect() };
    assert_eq!(codes(&newcomer.out), codes(&wages3.out));

    // The other columns came along with their rows.
    let people = |way: &Way| {
        let mut rows: Vec<Vec<String>> = read_text(&way.out).into_iter().skip(1).collect();
        rows.sort();
        rows
    };
    assert_eq!(people(&newcomer), people(&wages3));
    assert_eq!(read_text(&wages3.out)[0], ["code", "quality", "wage"]);
}
