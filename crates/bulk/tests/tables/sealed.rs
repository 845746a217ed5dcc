//! What the manifest of a request and a report must keep when their bytes come from outside, for
//! the tests and the fuzz targets: what is read is written in one way, which is read as the same;
//! and no integer is larger than 2^53 − 1, beyond which JSON readers take two for one.

#![allow(unreachable_pub, reason = "one test binary, or one fuzz target")]

use std::fs;
use std::path::Path;

use cstatns::manifest::Manifest;
use cstatns::name::Hex;
use cstatns::report::Report;
use cstatns::requested::Data;
use serde_json::Value;

const LARGEST: u64 = (1 << 53) - 1;

/// Whether bytes are read as a manifest. `place` is a directory of the caller's own.
pub fn manifest(place: &Path, bytes: &[u8]) -> bool {
    let [given, first, second] = ["given", "first", "second"].map(|name| place.join(name));
    fs::write(&given, bytes).unwrap();
    let Ok(manifest) = Manifest::read(&given) else { return false };
    let _ = (fs::remove_file(&first), fs::remove_file(&second));
    manifest.write(&first).unwrap();
    let again = Manifest::read(&first).expect("what is written is read");
    again.write(&second).unwrap();
    let fields = |manifest: &Manifest| {
        (
            manifest.requested(Hex([1; 32]), vec![Data::new(None, None, &[0], (1, [2; 32]))]),
            manifest.input,
            manifest.content,
            manifest.previous.clone(),
            manifest.accepted.clone(),
        )
    };
    assert!(fields(&manifest) == fields(&again) && manifest.key.to_hex() == again.key.to_hex());
    let written = fs::read(&first).unwrap();
    assert!(written == fs::read(&second).unwrap(), "a manifest has one form");
    integers(&serde_json::from_slice(&written).unwrap());
    true
}

/// Whether bytes are read as a report.
pub fn report(place: &Path, bytes: &[u8]) -> bool {
    let [given, first] = ["given", "first"].map(|name| place.join(name));
    fs::write(&given, bytes).unwrap();
    let Ok(report) = Report::read(&given) else { return false };
    let written = report.bytes();
    fs::write(&first, &written).unwrap();
    let again = Report::read(&first).expect("what is written is read");
    assert!(again == report && again.bytes() == written, "a report has one form");
    integers(&serde_json::from_slice(&written).unwrap());
    true
}

fn integers(value: &Value) {
    match value {
        Value::Number(number) => {
            assert!(
                number.as_u64().is_some_and(|size| size <= LARGEST),
                "a number that readers may change"
            );
        }
        Value::Array(values) => values.iter().for_each(integers),
        Value::Object(members) => members.values().for_each(integers),
        Value::Null | Value::Bool(_) | Value::String(_) => {}
    }
}
