//! Manifests and reports from outside, changed in every way, are refused or read as one value that
//! is written in one way.

#[path = "../../../../tests/canonical/mutate.rs"]
mod mutate;

use cstatns::manifest::Manifest;
use cstatns::report::Report;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Value, json};

use crate::common::Place;
use crate::sealed;

use mutate::{Change, change};

fn manifests() -> Vec<String> {
    let with = |more: Value| {
        let mut manifest = json!({
            "format": 2, "suite": "CStatNS-HMAC-SHA-256",
            "service": "example.aaaaaaaaaaaaaaaaaaaaaaaaaa", "domain": "population",
            "rows": 40, "values": 39, "distinct": 38, "commitment": "07".repeat(32), "key": "08".repeat(32),
            "previous": [{"run": "09".repeat(16), "part": 1}],
        });
        more.as_object().unwrap().iter().for_each(|(name, value)| manifest[name] = value.clone());
        manifest.to_string()
    };
    vec![
        with(json!({"use": "code", "scheme": "fr-nir"})),
        with(json!({"use": "renew", "generation": 3})),
        with(json!({
            "use": "look-up", "scheme": "fr-nir", "identifier": true,
            "accepted": [{"column": "nom", "reason": "employer-name"}],
        })),
    ]
}

fn report() -> String {
    let mut scores = vec![0; 20];
    scores[19] = 39;
    json!({
        "format": 1, "tool": "cstatns \
        0.1.0", "spec": "1", "service": "example.aaaaaaaaaaaaaaaaaaaaaaaaaa", "domain": "population",
        "generation": 1, "key_id": "0123456789abcdef", "delivery": {"run": "05".repeat(16), "part": 1},
        "request": "07".repeat(32), "rows_in": 40, "rows_out": 40,
        "coded": 39, "quality": {"found": 39, "near": 1}, "scores": scores, "scheme": "fr-nir",
        "look_up": {
            "register": "06".repeat(16), "commitment": "08".repeat(32), "accept": "found",
            "min_score": 9500,
        },
        "accepted": {"nom": "employer-name"},
        "destroyed": [{"file": "request.csv", "bytes": 1000, "how": "overwritten"}],
        "begin": "2026-01-05T09:00:00Z", "end": "2026-01-05T09:00:01Z",
        "checkpoint": {"size": 42, "root": "04".repeat(32)},
    })
    .to_string()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn a_changed_seal_is_refused_or_written_in_one_way(manifest in select(manifests()), change in change()) {
        let place = Place::new();
        prop_assert!(sealed::manifest(place.0.path(), manifest.as_bytes()));
        let read = sealed::manifest(place.0.path(), &change.of(&manifest));
        match change {
            Change::Twice(_) | Change::Unknown(_) | Change::Cut(_) => prop_assert!(!read),
            Change::Order(_) => prop_assert!(read),
            Change::Byte(..) | Change::Number(..) => {}
        }
    }

    /// A report of a later program may have members that this one does not know.
    #[test]
    fn a_changed_report_is_refused_or_written_in_one_way(change in change()) {
        let place = Place::new();
        prop_assert!(sealed::report(place.0.path(), report().as_bytes()));
        let read = sealed::report(place.0.path(), &change.of(&report()));
        match change {
            Change::Cut(_) => prop_assert!(!read),
            Change::Order(_) => prop_assert!(read),
            _ => {}
        }
    }
}

#[test]
fn nothing_is_no_seal_and_no_report() {
    let place = Place::new();
    for bytes in [&b""[..], b"{}", b"null", b"\xff"] {
        assert!(!sealed::manifest(place.0.path(), bytes) && !sealed::report(place.0.path(), bytes));
    }
    assert!(
        Manifest::read(&place.0.path().join("none")).is_err()
            && Report::read(&place.0.path().join("none")).is_err()
    );
}

/// A list of a manifest is ascending, each column once: another order would be another manifest of
/// the same request.
#[test]
fn a_seal_names_each_risk_once_in_order() {
    let place = Place::new();
    for (columns, is_read) in
        [(["nom", "other"], true), (["other", "nom"], false), (["nom", "nom"], false)]
    {
        let mut manifest: Value = serde_json::from_str(&manifests()[0]).unwrap();
        manifest["accepted"] =
            columns.map(|column| json!({"column": column, "reason": "x"})).into_iter().collect();
        assert_eq!(
            sealed::manifest(place.0.path(), manifest.to_string().as_bytes()),
            is_read,
            "{columns:?}"
        );
    }
}
