//! A request serves for one domain of one service, as it was counted; a result is attached to the
//! request that it was made of.

use std::fs;

use cstatns::coded::Coded as _;
use cstatns::commitment::{Commit, CommitmentKey};
use cstatns::identifier::Scheme;
use cstatns::manifest::{Manifest, manifest_path};
use cstatns::name::{Hex, Name};
use cstatns::report::{Report, report_path};
use cstatns::requested::{Requested, requested_path};
use cstatns_controller::{AttachError, Column};

use crate::common::*;

const NIR: Column<'static> = Column::Identifiers { columns: &["nir"], scheme: Scheme::FrNir };

/// Two people, one of them twice, and a row without anybody.
const DATA: &str =
    "nir,wage\n117091320400164,100\n2 84 09 24 055 001 31,200\n2840924055001,300\n,400\n";

fn prepared(place: &Place, name: &str) -> Way {
    let way = Way::new(place, name, "csv", "csv");
    fs::write(&way.data, DATA).unwrap();
    way.prepare(NIR, b',').unwrap();
    way
}

/// Replaces the manifest of a request.
fn replace(way: &Way, manifest: &Manifest) {
    let path = manifest_path(&way.request);
    fs::remove_file(&path).unwrap();
    manifest.write(&path).unwrap();
}

/// The commitment to a request of identifiers as it stands, under a key of the manifest.
fn seal(way: &Way, manifest: &mut Manifest) {
    let mut commit = Commit::new(&manifest.key, &manifest.context(), &["identifier"]);
    for row in &read_text(&way.request)[1..] {
        let index = Hex::<16>::parse(row[0].as_bytes()).unwrap().0;
        commit.row(&index, &[Some(row[1].as_bytes()).filter(|value| !value.is_empty())]);
    }
    manifest.input.commitment = commit.finish().0;
}

/// Moves the identifiers of a request by one row, and makes its commitment anew: whoever has the
/// manifest can, for its key stands there.
fn swap(way: &Way) {
    let mut rows = read_text(&way.request);
    let mut values: Vec<&mut String> =
        rows[1..].iter_mut().map(|row| &mut row[1]).filter(|value| !value.is_empty()).collect();
    let mut moved: Vec<String> = values.iter().map(|value| (*value).clone()).collect();
    moved.rotate_right(1);
    values.iter_mut().zip(moved).for_each(|(value, moved)| **value = moved);
    let text: String = rows.iter().map(|row| row.join(",") + "\n").collect();
    fs::write(&way.request, text).unwrap();
    let mut manifest = way.manifest();
    manifest.key = CommitmentKey::random();
    seal(way, &mut manifest);
    replace(way, &manifest);
}

#[test]
fn swapped_request() {
    let place = Place::new();
    let way = prepared(&place, "d");
    swap(&way);
    // The service sees nothing of it: it codes what the custodians approved.
    way.code(&POPULATION, 1, 1).unwrap();
    let error = way.attach().unwrap_err();
    assert!(matches!(error, AttachError::OtherRequest { .. }), "{error}");
    assert_eq!(error.code(), "result-request");
    assert!(!way.out.exists());
    // Every row would have had the code of another one.
    let mut requested = fs::read_to_string(requested_path(&way.retained)).unwrap();
    let (own, other) = (
        Requested::read(&requested_path(&way.retained)).unwrap().commitment,
        way.manifest().input.commitment,
    );
    requested = requested.replace(&own.to_string(), &other.to_string());
    fs::write(requested_path(&way.retained), requested).unwrap();
    way.attach().unwrap();
    assert_ne!(
        column(&way.out, "code")
            [column(&way.out, "wage").iter().position(|wage| wage == "100").unwrap()],
        POPULATION.code_of(KEYED, 1)
    );
}

#[test]
fn one_request_in_two_domains() {
    let place = Place::new();
    let way = prepared(&place, "d");
    way.code(&POPULATION, 1, 1).unwrap();
    let error = way.code(&OTHER_DOMAIN, 1, 2).unwrap_err();
    assert_eq!(error.code(), "request-domain", "{error}");
    let error = way.code(&OTHER_SERVICE, 1, 2).unwrap_err();
    assert_eq!(error.code(), "request-service", "{error}");
    // Another domain in the manifest does not help: the commitment is of the first.
    let mut manifest = way.manifest();
    manifest.domain = Name::new(OTHER_DOMAIN.name).unwrap();
    replace(&way, &manifest);
    assert_eq!(way.code(&OTHER_DOMAIN, 1, 2).unwrap_err().code(), "commitment");
    // Sealed anew it is coded, and not attached.
    seal(&way, &mut manifest);
    replace(&way, &manifest);
    way.code(&OTHER_DOMAIN, 1, 2).unwrap();
    assert_eq!(way.attach().unwrap_err().code(), "result-domain");
}

#[test]
fn the_counts_of_a_manifest_are_those_of_its_rows() {
    let place = Place::new();
    let way = prepared(&place, "d");
    let input = way.manifest().input;
    assert_eq!((input.rows, input.values, input.distinct), (4, 3, 2));
    let coded = way.code(&POPULATION, 1, 1).unwrap();
    assert_eq!((coded.input, coded.distinct), (input, 2));
    for (values, distinct) in [(4, 2), (3, 3), (3, 1), (2, 2)] {
        let mut manifest = way.manifest();
        (manifest.input.values, manifest.input.distinct) = (values, distinct);
        replace(&way, &manifest);
        let error = way.code(&POPULATION, 1, 1).unwrap_err();
        assert_eq!(error.code(), "commitment", "{values} {distinct}");
        manifest.input = input;
        replace(&way, &manifest);
    }
    // Of codes to be renewed likewise.
    way.code(&POPULATION, 1, 1).unwrap();
    way.attach().unwrap();
    let next = Way { data: way.out.clone(), ..Way::new(&place, "n", "csv", "csv") };
    next.prepare(Column::Codes(&["code"]), b',').unwrap();
    let input = next.manifest().input;
    assert_eq!((input.rows, input.values, input.distinct), (4, 3, 2));
    assert_eq!(next.renew(&POPULATION, 1, 2, 2).unwrap().input, input);
    let mut manifest = next.manifest();
    manifest.input.distinct = 3;
    replace(&next, &manifest);
    assert_eq!(next.renew(&POPULATION, 1, 2, 2).unwrap_err().code(), "commitment");
}

#[test]
fn codes_of_another_domain_are_not_prepared_for_this_one() {
    let place = Place::new();
    let way = coded_csv(&place, "d", DATA, &POPULATION, 1);
    for domain in [OTHER_DOMAIN, OTHER_SERVICE] {
        let next = Way { domain, data: way.out.clone(), ..Way::new(&place, "n", "csv", "csv") };
        let error = next.prepare(Column::Codes(&["code"]), b',').unwrap_err();
        assert_eq!(error.code(), "other-tag", "{error}");
        assert!(!next.request.exists() && !next.retained.exists());
    }
}

/// What an attached file says of its request is what the service said.
#[test]
fn what_is_kept_of_a_request_is_needed_and_compared() {
    let place = Place::new();
    let way = prepared(&place, "d");
    way.code(&POPULATION, 1, 1).unwrap();
    let requested = requested_path(&way.retained);
    let text = fs::read_to_string(&requested).unwrap();
    for (from, to, code) in [
        ("demo.aaaaaaaaaaaaaaaaaaaaaaaaaa", "other.bbbbbbbbbbbbbbbbbbbbbbbbbb", "result-service"),
        ("population", "research", "result-domain"),
        ("\"code\"", "\"look-up\"", "result-use"),
        ("fr-nir", "fi-hetu", "result-scheme"),
        ("SHA-256", "SHA-512", "requested-form"),
        ("\"format\": 2", "\"format\": 1", "requested-form"),
    ] {
        assert!(text.contains(from), "{text}");
        fs::write(&requested, text.replace(from, to)).unwrap();
        assert_eq!(way.attach().unwrap_err().code(), code, "{to}");
    }
    fs::remove_file(&requested).unwrap();
    assert_eq!(way.attach().unwrap_err().code(), "requested-missing");
    fs::write(&requested, &text).unwrap();
    way.attach().unwrap();
    let report = Report::read(&report_path(&way.out)).unwrap();
    assert_eq!(report.request, way.manifest().input.commitment);
}
