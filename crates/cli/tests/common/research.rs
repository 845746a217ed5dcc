//! A research project in a place, up to what its linking body is sent.

#![allow(dead_code, unreachable_pub)]

use std::fs;

use crate::common::{Place, in_years};

/// A service with a project of two controllers, a linking body and a researcher.
pub fn project() -> Place {
    let place = Place::founded();
    let ends = in_years(2);
    place.quorum(&format!("service open home mobility --kind research --ends {ends}"));
    for (name, role) in [
        ("insee", "controller"),
        ("atih", "controller"),
        ("cesr", "linking"),
        ("lab", "researcher"),
    ] {
        place.ok(&format!("party new {name} --name {name} --no-passphrase"));
        place.quorum(&format!(
            "service party home {name}/card.json --role {role} --domain mobility"
        ));
    }
    place
}

/// Makes request and payload of a file, for a project.
pub fn prepared(place: &Place, file: &str, controller: &str, domain: &str) {
    place
        .ok(&format!("service request-key home {domain} --for {controller} --out {file}.key.json"));
    place.ok(&format!(
        "controller prepare {file}.csv --identifier-column nir --as {controller} --request-key \
        {file}.key.json --service home/card.json --ledger home/ledger.jsonl --domain {domain} \
        --request {file}.req.csv.age --payload {file}.pay.csv.age --payload-to cesr/card.json"
    ));
    let _ = fs::remove_file(place.path(&format!("{file}.key.json")));
}

/// Codes it, to the linking body.
pub fn coded(place: &Place, file: &str, domain: &str) {
    // A place is taken until its delivery is told.
    let sent = (0..).map(|number| format!("{file}.sent-{number}.csv.age"));
    let sent = sent.into_iter().find(|sent| !place.exists(sent)).unwrap();
    place.quorum(&format!(
        "service code home {domain} --request {file}.req.csv.age --result {sent} --purpose study --to \
        cesr"
    ));
    // A result is handed over as a copy.
    let got = format!("{file}.res.csv.age");
    fs::copy(place.path(&sent), place.path(&got)).unwrap();
}
