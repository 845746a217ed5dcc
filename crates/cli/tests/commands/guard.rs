//! What may not stay beside the codes, and the cells that have swallowed rows, on the program.

use crate::common;

use common::{Place, identifiers, text};
use serde_json::json;

const PREPARE: &str =
    "controller prepare data.csv --identifier-column nir --request r.csv --retained t.csv";

/// Data with a NIR and other cells in each row.
fn data(header: &str, cells: impl Fn(usize) -> String) -> Place {
    let place = Place::default();
    let rows = identifiers(40).into_iter().enumerate();
    let rows = rows.map(|(row, nir)| format!("{nir},{}\n", cells(row)));
    place.write("data.csv", format!("nir,{header}\n{}", rows.collect::<String>()));
    place
}

#[test]
fn identity_beside_the_codes_is_refused() {
    let others = identifiers(80).split_off(40);
    let names =
        data("NOM,prenoms,date_naissance,spouse", |row| format!("x,y,1984-05-12,{}", others[row]));
    let line = names.refused(PREPARE, "identity-kept", &["column NOM,", "--accept-risk"]);
    assert!(!line.contains(&others[0]));
    let spouses = data("spouse", |row| others[row].clone());
    let line = spouses.refused(
        PREPARE,
        "identity-kept",
        &["column spouse,", "40 with their key", "40 cells"],
    );
    assert!(!line.contains(&others[0]));
    // Civil status, its columns in capitals, with an identifier that is not sent.
    let place = Place::default();
    let rows =
        others.iter().map(|nir| format!("MARTIN,JEAN,1984-05-12,{nir},1\n")).collect::<String>();
    let prepare = "controller prepare data.csv --civil-status --request r.csv --retained t.csv";
    place.write("data.csv", format!("nom,prenoms,date_naissance,NIR,wage\n{rows}"));
    place.refused(prepare, "identity-kept", &["column NIR,"]);
    place.write("data.csv", format!("NOM,PRENOM,DATNAIS,other,wage\n{rows}"));
    let mapped = format!("{prepare} --map nom=NOM,prenoms=PRENOM,date_naissance=DATNAIS");
    place.refused(&mapped, "identity-kept", &["column other,"]);
    let summary = place.json(&format!("{mapped} --accept-risk other=second-source"));
    assert_eq!(
        summary["accepted_risks"],
        json!([{ "column": "other", "reason": "second-source", "needed": true }])
    );
}

#[test]
fn a_risk_is_accepted_with_a_reason() {
    let place = data("nom,value", |_| "x,1".to_owned());
    let said =
        place.ok(&format!("{PREPARE} --accept-risk nom=employer-name --accept-risk value=none"));
    assert!(said.contains("\"nom\" stays beside the codes (employer-name)"), "{said}");
    assert!(said.contains("\"value\" is no risk"), "{said}");
    let place = data("nom", |_| "x".to_owned());
    place.refused(
        &format!("{PREPARE} --accept-risk nir=x --accept-risk nom=x"),
        "risk-sent",
        &["\"nir\""],
    );
    place.refused(
        &format!("{PREPARE} --accept-risk noms=x"),
        "missing-column",
        &["\"noms\"", "nir, nom"],
    );
    for wrong in [
        "--accept-risk nom",
        "--accept-risk nom=Because",
        "--accept-risk nom=x --accept-risk nom=y",
    ] {
        let output = place.run(&format!("{PREPARE} {wrong}"));
        assert_eq!(output.status.code(), Some(2), "{wrong}: {}", text(&output.stderr));
    }
}

/// The service's report and that of the attached file say which risks were accepted, and so does
/// one that is made again.
#[test]
fn the_reports_keep_the_risks_that_were_accepted() {
    let place = Place::open();
    let rows = identifiers(40).into_iter().map(|nir| format!("{nir},x,1\n")).collect::<String>();
    place.write("data.csv", format!("nir,nom,value\n{rows}"));
    place.ok(&format!("{PREPARE} --accept-risk nom=employer-name --accept-risk value=none"));
    place.quorum("service code home population --request r.csv --result s.csv --purpose test");
    let accepted = |file: &str| -> serde_json::Value {
        let report = place.report(file.trim_end_matches(".report.json"));
        report["accepted"].clone()
    };
    let expected = json!({ "nom": "employer-name" });
    assert_eq!(accepted("s.csv.report.json"), expected);
    std::fs::remove_file(place.path("s.csv.report.json")).unwrap();
    place.ok("service doubt home population --kit alice");
    assert_eq!(accepted("s.csv.report.json"), expected);
    place.ok("controller attach --retained t.csv --result s.csv --out a.csv");
    assert_eq!(accepted("a.csv.report.json"), expected);

    // More than a manifest holds.
    let names: Vec<_> = (0..600).map(|column| format!("c{column}")).collect();
    place.write("data.csv", format!("nir,{}\n", names.join(",")));
    let risks: String = names.iter().map(|name| format!(" --accept-risk {name}=x")).collect();
    place.refused(&format!("{PREPARE}{risks}").replace("r.csv", "r2.csv"), "too-many-risks", &[]);
}

#[test]
fn few_identifiers_and_cells_over_several_lines_are_counted() {
    let nir = identifiers(41)[40].clone();
    let place = Place::default();
    let mut rows = String::from("nir,other,note\n");
    for (row, own) in identifiers(60).iter().enumerate() {
        let other = if row == 3 { &nir } else { "2" };
        let note = if row == 5 { "\"a\nb\"" } else { "c" };
        rows.push_str(&format!("{own},{other},{note}\n"));
    }
    place.write("data.csv", &rows);
    let summary = place.json(PREPARE);
    assert_eq!(summary["cells_over_several_lines"], 1);
    assert_eq!(
        summary["identifiers_kept"],
        json!({ "other": { "cells": 60, "with_key": 1, "without_key": 0 } })
    );
    place.write("data.csv", rows.replace("\"a\nb\"", &format!("\"\n{nir},2\n\"")));
    let again = PREPARE.replace(" r.csv", " r2.csv").replace(" t.csv", " t2.csv");
    let line = place.refused(&again, "identity-kept", &["column note ", "line 7", "quote"]);
    assert!(!line.contains(&nir));
}

/// Two stray quotes in a register's file, and two lone ones.
#[test]
fn a_register_with_stray_quotes_is_refused() {
    let place = Place::default();
    let people = |country: [&str; 3]| {
        let nirs = identifiers(3);
        let row =
            |nth: usize| format!("{},Domal,Bafe,F,1984-05-12,75101,{}\n", nirs[nth], country[nth]);
        format!(
            "nir,nom,prenoms,sexe,date_naissance,code_lieu,pays\n{}{}{}",
            row(0),
            row(1),
            row(2)
        )
    };
    let build = "register build r --from people.csv";
    place.write("people.csv", people(["\"FRANCE", "FRANCE", "\"FRANCE"]));
    place.refused(build, "text-after-quote", &["line 4", "line 2"]);
    place.write("people.csv", people(["\"", "FRANCE", "\""]));
    place.refused(build, "identity-kept", &["column pays ", "line 2"]);
    place.write("people.csv", people(["\"FRANCE\n\"", "FRANCE", "FRANCE"]));
    assert_eq!(place.json(build)["cells_over_several_lines"], 1);
}
