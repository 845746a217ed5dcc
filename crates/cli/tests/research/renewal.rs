//! The codes of a research project are renewed: the linking body asks, under fresh indexes, and
//! puts the new codes to the rows that it kept (SPEC §20).

use std::collections::BTreeMap;
use std::fs;

use crate::common::{Place, in_years, text};
use crate::project::{link, linked, refused, summary};
use crate::{JOIN, RELEASE, attached, verified};

/// The request of a coded file, with a key of its own.
fn prepare(place: &Place, coded: &str, name: &str) -> String {
    place
        .ok(&format!("service request-key home mobility --for cesr --out {name}.renewal-key.json"));
    format!(
        "prepare {coded} --as cesr --service home/card.json --domain mobility --request-key \
        {name}.renewal-key.json --request {name}.renewal.csv.age --retained {name}.kept"
    )
}

/// The service renews it, back to the linking body, which gets a copy.
fn renewed(place: &Place, name: &str) {
    place.quorum(&format!(
        "service renew home mobility --request {name}.renewal.csv.age --result {name}.sent.csv.age \
        --purpose renewal --to cesr"
    ));
    fs::copy(
        place.path(&format!("{name}.sent.csv.age")),
        place.path(&format!("{name}.new.csv.age")),
    )
    .unwrap();
}

fn attach(name: &str) -> String {
    format!(
        "attach --as cesr --service home/card.json --retained {name}.kept --result \
        {name}.new.csv.age --out {name}.second.csv"
    )
}

/// The rows of a coded file without their codes, and the code of each.
fn rows(place: &Place, file: &str) -> BTreeMap<Vec<String>, String> {
    let rows = place.rows(file).into_iter();
    rows.map(|mut row| (row.split_off(1), row.remove(0))).collect()
}

fn header(place: &Place, file: &str) -> String {
    place.read(file).lines().next().unwrap().to_owned()
}

const JOIN_SECOND: &str = "join --as cesr --source care=hospital.second.csv --source \
    wages=wages.second.csv --out joined.csv --many";

#[test]
fn a_new_key_for_a_project_and_the_same_people() {
    let place = project_with_both();
    let before = ["hospital", "wages"].map(|file| rows(&place, &format!("{file}.coded.csv")));
    let said = place.quorum("service new-key home mobility --reason scheduled");
    assert!(said.contains("cstatns-link prepare"), "the next step: {said}");
    for name in ["hospital", "wages"] {
        let command = prepare(&place, &format!("{name}.coded.csv"), name);
        let said = linked(&place, &command);
        assert!(said.contains("cstatns-link attach --retained"), "the next step: {said}");
        // Repeated, it says that it is done.
        assert!(linked(&place, &command).contains("nothing to do"));
        assert!(place.exists(&format!("{name}.coded.csv")), "it stays until the codes are there");
        renewed(&place, name);
        if name == "wages" {
            // The half of a renewal is not joined.
            let half = JOIN.replace("hospital.coded", "hospital.second");
            refused(&place, &half, "mixed-generations", &[]);
        }
        linked(&place, &attach(name));
        linked(&place, &attach(name));
        for gone in ["coded.csv", "kept", "new.csv.age"] {
            assert!(!place.exists(&format!("{name}.{gone}")), "{name}.{gone}");
        }
        let receipt = format!("{name}.second.csv.receipt.json");
        let delivery: serde_json::Value = serde_json::from_str(&place.read(&receipt)).unwrap();
        let delivery = delivery["body"]["delivery"]["run"].as_str().unwrap()[..8].to_owned();
        place.ok(&format!("service delivered home {delivery} --receipt {receipt}"));
    }
    // Every row has a code again where it had one, another one, the same for the same people.
    let mut changed = BTreeMap::new();
    for (before, name) in before.iter().zip(["hospital", "wages"]) {
        let file = format!("{name}.second.csv");
        let now = rows(&place, &file);
        assert!(header(&place, &file).starts_with("code,quality,"), "{}", header(&place, &file));
        assert!(before.keys().eq(now.keys()), "{name}: the rows are the same");
        for (row, code) in before {
            let new = &now[row];
            assert_eq!(code.is_empty(), new.is_empty());
            assert!(code.is_empty() || code != new);
            assert_eq!(changed.entry(code.clone()).or_insert(new.clone()), new);
        }
    }
    linked(&place, JOIN_SECOND);
    assert_eq!(place.rows("joined.csv").len(), 2001);
    linked(&place, RELEASE);
    let status = summary(&place, "status --as cesr");
    assert_eq!((&status["clear"], &status["kept"]), (&0.into(), &0.into()), "{status}");
    let output = verified(&place);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stdout));
}

fn project_with_both() -> Place {
    let place = crate::project::project();
    attached(&place);
    place
}

#[test]
fn what_was_kept_for_a_renewal_is_renewed_from_the_copy() {
    let place = project_with_both();
    linked(&place, JOIN);
    let ends = in_years(1);
    linked(&place, &format!("{RELEASE} --until {ends} --keep-coded"));
    let copies: Vec<String> = summary(&place, "status --as cesr")["files"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|file| file["coded"] == true)
        .map(|file| file["path"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(copies.len(), 2);
    place.quorum("service new-key home mobility --reason scheduled");
    for (copy, name) in copies.iter().zip(["one", "other"]) {
        linked(&place, &prepare(&place, copy, name));
        renewed(&place, name);
        linked(&place, &attach(name));
        assert!(!fs::exists(copy).unwrap(), "the copy with the former codes is gone");
    }
    let join = JOIN_SECOND
        .replace("hospital.second", "one.second")
        .replace("wages.second", "other.second");
    linked(&place, &join.replace("--out joined.csv", "--out again.csv"));
    assert_eq!(place.rows("again.csv").len(), 2001);
    let output = verified(&place);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stdout));
}

#[test]
fn a_renewal_of_something_else_is_refused() {
    let place = project_with_both();
    place.quorum("service new-key home mobility --reason scheduled");
    let of = |name: &str| prepare(&place, &format!("{name}.coded.csv"), name);
    let (care, wages) = (of("hospital"), of("wages"));
    place.ok("service request-key home mobility --for insee --out insee.key.json");
    // Another domain, another's key, a key that is none, a file that is not the body's own, another
    // service.
    refused(
        &place,
        &care.replace("mobility", "health"),
        "coded-domain",
        &["`mobility`", "`health`"],
    );
    let other_key = care.replace("hospital.renewal-key.json", "insee.key.json");
    refused(&place, &other_key, "request-key-other", &[]);
    let no_key = care.replace("hospital.renewal-key.json", "home/card.json");
    refused(&place, &no_key, "request-key-form", &[]);
    refused(&place, &care.replace("hospital.coded.csv", "hospital.csv"), "file-unknown", &[]);
    place.ok(
        "service init second --name second --threshold 2 --shares second-shares --demo --custodian \
        alice/card.json --custodian bruno/card.json --custodian chloe/card.json",
    );
    let second = care.replace("home/card.json", "second/card.json");
    refused(&place, &second, "coded-service", &["second."]);
    refused(&place, &care.replace("renewal.csv.age", "renewal.csv"), "parcel-name", &[]);
    linked(&place, JOIN);
    refused(&place, &care.replace("hospital.coded.csv", "joined.csv"), "not-coded", &[]);
    // What is there is not written over.
    place.write("hospital.kept", "mine");
    refused(&place, &care, "output-exists", &[]);
    assert_eq!(place.read("hospital.kept"), "mine");
    fs::remove_file(place.path("hospital.kept")).unwrap();

    for command in [&care, &wages] {
        linked(&place, command);
    }
    renewed(&place, "hospital");
    renewed(&place, "wages");
    // What was kept of the one and the codes of the other; in place of a payload; a payload or a
    // result in its place.
    let crossed = attach("hospital").replace("hospital.kept", "wages.kept");
    refused(&place, &crossed, "result-request", &[]);
    let payload = attach("hospital").replace("--retained", "--payload");
    refused(&place, &payload, "not-a-payload", &[]);
    let result = attach("hospital").replace("hospital.kept", "wages.new.csv.age");
    refused(&place, &result, "parcel-sender", &[]);
    let both = format!("{} --payload wages.kept", attach("hospital"));
    assert_eq!(link(&place, &both).status.code(), Some(2));
    // A row that was changed in the file with the codes is seen before anything is made of it.
    linked(&place, &attach("hospital"));
    // Renewed once, it is not renewed again: the file is gone.
    refused(&place, &care, "file-missing", &[]);
}

#[test]
fn the_end_of_the_project_takes_what_was_kept_of_a_renewal() {
    let place = project_with_both();
    place.quorum("service new-key home mobility --reason scheduled");
    linked(&place, &prepare(&place, "hospital.coded.csv", "hospital"));
    fs::create_dir(place.path("notices")).unwrap();
    place.quorum("service close home mobility --notices notices");
    let notice = fs::read_dir(place.path("notices")).unwrap().next().unwrap().unwrap().path();
    linked(&place, &format!("end --as cesr --service home/card.json {}", notice.display()));
    for gone in ["hospital.coded.csv", "wages.coded.csv", "hospital.kept"] {
        assert!(!place.exists(gone), "{gone}");
    }
}
