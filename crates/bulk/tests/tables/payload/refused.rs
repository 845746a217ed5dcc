//! What no payload is made of: nothing is left then.

use std::fs;
use std::sync::Arc;

use arrow_array::{ArrayRef, Int64Array, StringArray};
use cstatns::coded::Coded as _;
use cstatns::identifier::Scheme;
use cstatns::meta::ServiceId;
use cstatns_controller::{Beside, Column, Data, Prepare, PrepareError, data_files, prepare};
use cstatns_parcel::sending::Sending;
use cstatns_rows::effort::Effort;

use super::{Ask, NIR, World, identifier, small};
use crate::common::*;

/// What is refused, with this code, leaves nothing but what was there.
fn refused(world: &World, data: Data<'_>, ask: Ask<'_>, code: &str) -> String {
    let before = world.place.names();
    let error = world.prepare(data, ask).map(|_| ()).unwrap_err();
    assert_eq!(error.code(), code, "{error}");
    assert_eq!(world.place.names(), before, "{code}");
    error.to_string()
}

/// Of a retained file the columns that stay are judged by stretches of rows; what leaves is judged
/// row by row.
#[test]
fn identifiers_that_stretches_miss_are_found_in_what_leaves() {
    const ROWS: usize = 300_000;
    // Between two of the 16 stretches.
    let hides = |row: usize| (8_500..19_000).contains(&row);
    let notes: Vec<String> =
        (0..ROWS).map(|row| if hides(row) { identifier(row) } else { format!("n{row}") }).collect();
    let keyed = |nir: &String| {
        let number: u64 = nir.parse().unwrap();
        format!("{nir}{:02}", 97 - number % 97)
    };
    let notes: Vec<String> = notes
        .iter()
        .map(|note| if note.starts_with('n') { note.clone() } else { keyed(note) })
        .collect();
    let nirs: Vec<String> = (0..ROWS).map(identifier).collect();
    let world = World::new("parquet", "csv");
    let data = world.place.path("d.parquet");
    let texts = |values: Vec<String>| -> ArrayRef { Arc::new(StringArray::from(values)) };
    write_parquet(&data, vec![("nir", texts(nirs)), ("note", texts(notes))]);
    let said = refused(&world, (&data).into(), Ask::default(), "identity-kept");
    assert!(said.contains("column note") && said.contains("10500 with their key"), "{said}");
    // The control: the stretches miss them.
    let way = Way::new(&world.place, "d", "parquet", "csv");
    let kept = way.prepare(NIR, b',').unwrap();
    assert!(kept.found.identifiers.is_empty());
}

#[test]
fn a_payload_is_called_like_the_data_and_as_a_parcel() {
    let mut world = World::new("csv", "csv");
    let data = small(&world);
    let parquet = world.place.path("e.parquet");
    write_parquet(&parquet, vec![("nir", texts(&[Some(KEYED)]))]);
    for (name, of, code) in [
        ("p.parquet.age", &data, "payload-type"),
        ("p.tsv.age", &data, "payload-type"),
        ("p.txt.age", &data, "payload-type"),
        ("p.age", &data, "payload-type"),
        ("p.csv.age", &parquet, "payload-type"),
        ("p.csv", &data, "parcel-name"),
        ("p.parquet", &parquet, "parcel-name"),
        ("r.csv.age", &data, "same-output"),
    ] {
        world.payload = world.place.path(name);
        refused(&world, of.into(), Ask::default(), code);
    }
    for name in ["p.csv.age", "r.csv.age"] {
        world.payload = world.place.path("p.csv.age");
        let taken = world.data(name, "another's");
        let said = refused(&world, (&data).into(), Ask::default(), "output-exists");
        assert!(said.contains(name), "{said}");
        assert_eq!(fs::read(&taken).unwrap(), b"another's");
        fs::remove_file(taken).unwrap();
    }
}

#[test]
fn one_column_of_identifiers_has_a_payload_and_codes_have_none() {
    let world = World::new("csv", "csv");
    let data = world.data("d.csv", format!("nir,other,note\n{KEYED},{UNKEYED},1\n"));
    let both = Column::Identifiers { columns: &["nir", "other"], scheme: Scheme::FrNir };
    refused(&world, (&data).into(), Ask { column: both, ..Ask::default() }, "payload-columns");
    let codes = Column::Codes(&["code"]);
    refused(&world, (&data).into(), Ask { column: codes, ..Ask::default() }, "payload-codes");
}

#[test]
fn columns_that_the_payload_has_itself_are_refused() {
    for name in ["index", "Index", "INDEX", " index ", "code", "quality", "score", "status"] {
        let world = World::new("csv", "csv");
        let data = world.data("d.csv", format!("nir,{name}\n{KEYED},1\n"));
        refused(&world, (&data).into(), Ask::default(), "reserved-column");
    }
}

#[test]
fn files_that_differ_do_not_make_one_payload() {
    let first = "nir,a,b\n117091320400164,1,2\n";
    for other in ["nir,b,a\n,1,2\n", "nir,a\n,1\n", "nir,a,B\n,1,2\n", "nir,a,b,c\n,1,2,3\n"] {
        let world = World::new("csv", "csv");
        let paths = [world.data("d.csv", first), world.data("e.csv", other)];
        let files = data_files(&paths).unwrap().unwrap();
        let said = refused(&world, Data::Files(&files), Ask::default(), "payload-files");
        assert!(said.contains("e.csv"), "{said}");
    }
    // Of other types, also where the names are the same.
    let world = World::new("parquet", "csv");
    let paths = ["d.parquet", "e.parquet", "f.csv"].map(|name| world.place.path(name));
    let numbers: ArrayRef = Arc::new(Int64Array::from(vec![1]));
    write_parquet(&paths[0], vec![("nir", texts(&[Some(KEYED)])), ("a", texts(&[Some("1")]))]);
    write_parquet(&paths[1], vec![("nir", texts(&[Some(KEYED)])), ("a", numbers)]);
    fs::write(&paths[2], format!("nir,a\n{KEYED},1\n")).unwrap();
    for other in 1..3 {
        let both = [paths[0].clone(), paths[other].clone()];
        let files = data_files(&both).unwrap().unwrap();
        refused(&world, Data::Files(&files), Ask::default(), "payload-files");
    }
}

#[test]
fn a_payload_goes_to_another_body_beside_a_parcel() {
    let world = World::new("csv", "csv");
    let data = small(&world);
    let before = world.place.names();
    let ends = &world.ends;
    let sending = Sending::new(&ends.party, &ends.card, &ends.key_file, None, ends.now).unwrap();
    let run = |sending, request: &str, card| -> Result<_, PrepareError> {
        prepare(
            Prepare {
                sending,
                data: (&data).into(),
                column: NIR,
                service: &ServiceId::of(ends.card.id()).unwrap(),
                signing: &ends.card.body.signing,
                domain: domain(),
                request: &world.place.path(request),
                beside: Beside::Payload(&world.payload, card),
                delimiter: b',',
                reading: Default::default(),
                accepted: &[],
            },
            &Effort::default(),
        )
    };
    let own = run(Some(&sending), "r.csv.age", ends.party.card()).map(|_| ()).unwrap_err();
    assert_eq!(own.code(), "payload-own");
    let clear = run(None, "r.csv", world.linking.card()).map(|_| ()).unwrap_err();
    assert_eq!(clear.code(), "payload-clear");
    assert_eq!(world.place.names(), before);
    run(Some(&sending), "r.csv.age", world.linking.card()).unwrap();
}
