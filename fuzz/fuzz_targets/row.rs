//! Rows of civil status of any bytes: a register is built of them or refused, weights are learnt of
//! them, every one of them is answered with a score that is a probability, and those that the
//! register holds are found, near or not alone.

#![no_main]

use std::path::PathBuf;
use std::str;

use cstatns::coded::Coded as _;
use cstatns::identifier::Scheme;
use cstatns::civil_status::CivilStatus;
use cstatns_register::{Builder, Fault, Index, Origin, Query, Record};
use libfuzzer_sys::fuzz_target;

/// A directory in memory where there is such a place.
fn directory() -> PathBuf {
    let memory = PathBuf::from("/dev/shm");
    if memory.is_dir() { memory } else { std::env::temp_dir() }
}

/// The file's lines are rows, their fields parted by semicolons: id, identifier, and the eight of a
/// civil status.
fn cells(line: &[u8]) -> Option<[&str; 10]> {
    let mut cells = [""; 10];
    for (cell, bytes) in cells.iter_mut().zip(line.split(|byte| *byte == b';')) {
        *cell = str::from_utf8(bytes).ok()?;
    }
    Some(cells)
}

fn civil_status<'a>(cells: &[&'a str; 10]) -> CivilStatus<'a> {
    let [_, _, nom, nom_usage, prenoms, sexe, date_naissance, code_lieu, libelle_lieu, pays] = *cells;
    CivilStatus { nom, nom_usage, prenoms, sexe, date_naissance, code_lieu, libelle_lieu, pays }
}

fuzz_target!(|bytes: &[u8]| {
    let path = directory().join(format!("cstatns-fuzz-{}.register", std::process::id()));
    let mut builder = Builder::create(&path).expect("a new file");
    // One that is always there, so that there is an index to ask where the others are refused.
    let nobody = ["", "1991299999999", "NOBODY", "", "Jean", "M", "1984-05-12", "75101", "", ""];
    let rows: Vec<_> =
        std::iter::once(Some(nobody)).chain(bytes.split(|byte| *byte == b'\n').map(cells)).collect();
    for cells in &rows {
        match cells {
            Some(cells) => {
                let record = Record { id: cells[0], nir: cells[1], civil_status: civil_status(cells) };
                builder.push(&record, Origin::default()).expect("no error of the disk");
            }
            None => builder.refuse(Fault::Encoding, Origin::default()),
        }
    }
    let built = builder.finish();
    let whole = built.is_ok();
    if let Err(refused) = built {
        assert_eq!(refused.code(), "register-rows");
        let mut builder = Builder::create(&path).expect("nothing is left");
        let record = Record { id: "", nir: nobody[1], civil_status: civil_status(&nobody) };
        builder.push(&record, Origin::default()).expect("no error of the disk");
        builder.finish().expect("a register");
    }
    let index = Index::open(&path).expect("what was written");
    std::fs::remove_file(&path).expect("it is there");
    let sample = rows.iter().flatten().map(|cells| Query { civil_status: civil_status(cells), identifier: None });
    let weights = index.learn(sample).expect("the file is as it was");
    for cells in rows.iter().flatten() {
        let identifier = Scheme::FrNir.parse(cells[1].as_bytes()).ok().map(|accepted| accepted.identifier);
        for identifier in [None, identifier.as_ref()] {
            let query = Query { civil_status: civil_status(cells), identifier };
            let answer = index.look_up(&weights, &query).expect("the file is as it was");
            assert!((0.0..=1.0).contains(&answer.score));
            let coded = matches!(answer.quality.word(), "found" | "rectified" | "usage-name");
            assert_eq!(coded, answer.identifier.is_some());
            assert!(!whole || answer.quality.word() != "not-found", "it is there");
        }
    }
});
