//! Two files of invented people, about whom it is known how many are in both.

mod common;

use std::collections::HashMap;
use std::fs;
use std::path::Path;

use cstatns_base::identifier::Scheme;
use cstatns_link::join::How;
use cstatns_rows::csv::Delimiter;
use cstatns_rows::table::Source;

use common::{Asked, Given, Kind, Row, code, join_files, name};

/// The file of this name, in which each identifier has a code: an identifier has the same in all.
fn coded(folder: &Path, file: &str, codes: &mut HashMap<Vec<u8>, [u8; 32]>) -> Given {
    let path = folder.join(file).with_extension("csv");
    let Source::Lines(mut rows) = Source::open(&path, Delimiter::Under("nir")).unwrap() else {
        panic!("text")
    };
    let header = rows.table.header().iter().map(|name| String::from_utf8(name.clone()).unwrap());
    let header: Vec<String> = header.skip(1).collect();
    let mut found = Vec::new();
    while let Some(batch) = rows.next_batch().unwrap() {
        for row in 0..batch.rows() {
            let accepted = Scheme::FrNir.parse(batch.get(row, 0)).ok();
            let next = codes.len() as u64;
            let mut of =
                |canonical: &[u8]| *codes.entry(canonical.to_vec()).or_insert_with(|| code(next));
            let code = accepted.map(|accepted| of(accepted.identifier.canonical()));
            let cells = (1..=header.len())
                .map(|column| Some(String::from_utf8(batch.get(row, column).to_vec()).unwrap()));
            let quality = if code.is_some() { "valid" } else { "not-numeric" };
            found.push(Row { code, quality, score: None, cells: cells.collect() });
        }
    }
    Given { name: name(file), has_score: false, header, rows: found }
}

#[test]
fn those_in_both_are_found() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/data/pair");
    let truth: serde_json::Value =
        serde_json::from_slice(&fs::read(folder.join("truth.json")).unwrap()).unwrap();
    let number = |value: &serde_json::Value| value.as_u64().unwrap();
    let mut codes = HashMap::new();
    let files = ["hospital", "wages"].map(|file| coded(&folder, file, &mut codes));
    let place = tempfile::tempdir().unwrap();
    for kind in [Kind::Csv, Kind::Parquet(false), Kind::Parquet(true)] {
        let named: Vec<_> =
            files.iter().map(|given| (&given.name, given.write(place.path(), kind))).collect();
        let out = place.path().join(if kind == Kind::Csv { "out.csv" } else { "out.parquet" });
        let (joined, written) = join_files(&named, &out, &Asked::of(How::Inner)).unwrap();
        assert_eq!(written.header, ["hospital_quality", "diagnosis", "wages_quality", "wage"]);
        assert_eq!((joined.people, number(&truth["persons_in_both"])), (1304, 1304));
        assert_eq!((joined.rows, number(&truth["row_pairs"])), (2001, 2001));
        assert_eq!(written.rows.len(), 2001);
        for counts in &joined.sources {
            let truth = &truth[counts.name.as_str()];
            let found = [counts.rows, counts.without_code, counts.people, counts.matched];
            let said = ["rows", "rejected_rows", "persons"].map(|what| number(&truth[what]));
            assert_eq!(found, [said[0], said[1], said[2], 1304]);
        }
    }
}
