//! The keys of `spec/vectors/register.json` are those of an index that is built (SPEC §18.3).

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use cstatns_base::civil_status::CivilStatus;
use cstatns_register::{Builder, Origin, Record};
use serde_json::Value;

use crate::common::Place;

/// The keys, and the counted values with their numbers, in the bytes of an index.
fn entries(index: &[u8]) -> [BTreeSet<String>; 2] {
    let counts = &index[index.len() - 88..];
    let count =
        |at: usize| u64::from_le_bytes(counts[8 * at..8 * at + 8].try_into().unwrap()) as usize;
    let [rows, keys, frequencies, records] = [0, 3, 4, 5].map(count);
    let start = 64 + records + 12 * rows;
    let middle = start + 12 * keys;
    let digits = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let entry = |number: u32| {
        move |entry: &[u8]| {
            assert_eq!(entry[8..], number.to_le_bytes());
            digits(&entry[..8])
        }
    };
    // The only row is row 0; each value is in one row.
    [
        index[start..middle].chunks(12).map(entry(0)).collect(),
        index[middle..middle + 12 * frequencies].chunks(12).map(entry(1)).collect(),
    ]
}

fn given(vector: &Value, part: &str) -> BTreeSet<String> {
    let lists = vector["gives"][part].as_object().unwrap().values();
    lists.flat_map(|list| list.as_array().unwrap()).map(|key| text(key).to_owned()).collect()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

#[test]
fn the_keys_of_the_specification_are_in_the_index() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../spec/vectors/register.json");
    let file: Value = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
    let place = Place::new();
    let mut ran = 0;
    for vector in file["vectors"].as_array().unwrap() {
        if vector["op"] != "keys" {
            continue;
        }
        let date = match vector["date"].as_u64().unwrap() {
            0 => String::new(),
            date => date.to_string(),
        };
        let civil_status = CivilStatus {
            nom: text(&vector["nom"]),
            nom_usage: text(&vector["nom_usage"]),
            prenoms: text(&vector["prenoms"]),
            date_naissance: &date,
            code_lieu: text(&vector["code"]),
            ..CivilStatus::default()
        };
        let record = Record { id: "", nir: text(&vector["nir"]), civil_status };
        let index = place.path(&format!("{ran}.index"));
        let mut builder = Builder::create(&index).unwrap();
        builder.push(&record, Origin::default()).unwrap();
        builder.finish().unwrap();
        let [keys, values] = entries(&fs::read(index).unwrap());
        assert_eq!(keys, given(vector, "keys"), "{}", vector["name"]);
        assert_eq!(values, given(vector, "values"), "{}", vector["name"]);
        ran += 1;
    }
    assert_eq!(ran, 6);
}
