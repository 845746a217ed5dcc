//! What the auditor is shown of the keys of a domain.

use crate::common;

use common::{Place, csv, identifiers, text};
use serde_json::Value;

const ROTATION: &str = "auditor rotation home/ledger.jsonl population --service home/card.json";

fn shown(place: &Place, command: &str) -> (Option<i32>, String) {
    let output = place.run(command);
    (output.status.code(), text(&output.stdout))
}

/// A file that nobody renewed is out, and the end is 3; once it is renewed, 0.
#[test]
fn a_renewal_is_followed_to_its_end() {
    let place = Place::open();
    place.write("data.csv", csv(&identifiers(20)));
    for command in [
        "controller prepare data.csv --identifier-column nir --request r.csv --retained t.csv",
        "service code home population --request r.csv --result s.csv --purpose study",
        "controller attach --retained t.csv --result s.csv --out a.csv",
        "service new-key home population --reason scheduled",
    ] {
        match command.starts_with("service") {
            true => drop(place.quorum(command)),
            false => drop(place.ok(command)),
        }
    }
    let (code, said) = shown(&place, ROTATION);
    assert_eq!(code, Some(3), "{said}");
    for line in [
        "\nGeneration 2: key made on ",
        "\n! 1 file with its codes: the renewal is not finished, 1 still out\n",
        "\nNot in order: ",
    ] {
        assert!(said.contains(line), "{line}\n{said}");
    }
    let output = place.run(&format!("{ROTATION} --json"));
    let summary: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(3));
    assert_eq!(summary["in_order"], false);
    let former = &summary["generations"][0];
    assert_eq!(former["deliveries"][0]["standing"], "out");
    assert_eq!(former["made"]["approved"], serde_json::json!(["alice", "chloe"]));
    let (_, french) = shown(&place, &format!("--lang fr {ROTATION}"));
    assert!(french.contains("le renouvellement n'est pas achevé, 1 en circulation\n"), "{french}");

    place.ok("controller prepare a.csv --code-column code --request r2.csv --retained t2.csv");
    place.quorum("service renew home population --request r2.csv --result s2.csv --purpose study");
    let (code, said) = shown(&place, ROTATION);
    assert!(code == Some(0) && said.contains("the renewal is finished"), "{said}");
    assert!(said.contains(": renewed into ") && said.contains("\nIn order: "), "{said}");
}

/// Nothing is said of a domain that is not there, nor of a ledger that is not intact.
#[test]
fn what_cannot_be_followed_is_refused() {
    let place = Place::open();
    place.refused(
        &ROTATION.replace("population", "wages"),
        "unknown-domain",
        &["`auditor verify`"],
    );
    let ledger = place.read("home/ledger.jsonl");
    place.write(
        "home/ledger.jsonl",
        ledger.replacen("\"cryptoperiod_years\":5", "\"cryptoperiod_years\":9", 1),
    );
    assert_ne!(place.read("home/ledger.jsonl"), ledger, "it was changed");
    let (code, said) = shown(&place, ROTATION);
    assert_eq!((code, &*said), (Some(1), ""));
    let said = text(&place.run(ROTATION).stderr);
    assert!(
        said.contains("the ledger is not intact") && said.contains("`auditor verify`"),
        "{said}"
    );
}
