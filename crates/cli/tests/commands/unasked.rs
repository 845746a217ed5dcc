//! What a run would be refused for is said before anybody is asked: no passphrase is typed for
//! nothing, and the ledger has no question, only the refusal.

use crate::common;

use std::fs;
use std::os::unix::fs::PermissionsExt;

use common::{Place, csv, identifiers};

/// Three kits with passphrases, which nobody types here: a command that asked for one would say
/// `passphrase-needed`.
const KITS: &str = "--kit bruno --kit chloe --kit elise";

/// A service in earnest with a domain, and requests of 20 and of 5 identifiers.
fn prepared() -> Place {
    let place = Place::in_earnest();
    place.quorum("service open home population --kind statistics");
    for (file, rows) in [("twenty", 20), ("five", 5)] {
        place.write(&format!("{file}.csv"), csv(&identifiers(rows)));
        place.ok(&format!(
            "controller prepare {file}.csv --identifier-column nir --request {file}.request.csv \
            --retained {file}.retained.csv"
        ));
    }
    place
}

fn code(request: &str, result: &str, kits: &str) -> String {
    format!(
        "service code home population --request {request}.request.csv --result {result} --purpose test {kits}"
    )
}

/// The command is refused, and of it the ledger has the refusal alone.
fn unasked(place: &Place, command: &str, code: &str, words: &[&str]) {
    let before = place.read("home/ledger.jsonl");
    place.refused(command, code, words);
    let after = place.read("home/ledger.jsonl");
    let added: Vec<&str> = after.strip_prefix(&before).unwrap().lines().collect();
    assert_eq!(added.len(), 1, "{command}: {added:#?}");
    let refusal = format!("\"code\":\"{code}\",\"type\":\"refused\"");
    assert!(added[0].contains(&refusal), "{command}: {}", added[0]);
}

#[test]
fn what_would_be_refused_is_refused_before_a_passphrase_is_typed() {
    let place = prepared();
    // They would be asked.
    place.refused(&code("twenty", "r.csv", KITS), "passphrase-needed", &["bruno"]);

    unasked(&place, &code("five", "r.csv", KITS), "too-few-values", &["5", "11"]);
    let twice = "--kit bruno --kit bruno --kit chloe";
    unasked(&place, &code("twenty", "r.csv", twice), "approval-twice", &["`bruno`"]);
    let two = "--kit bruno --kit chloe";
    unasked(&place, &code("twenty", "r.csv", two), "too-few-approvals", &["2 of the 3"]);
    unasked(&place, &code("twenty", "none/r.csv", KITS), "file-missing", &["none"]);
    unasked(&place, &code("twenty", "twenty.csv", KITS), "output-exists", &["twenty.csv"]);

    // Each kind of file is known to be too large; the manifest says how many rows there are.
    let manifest = place.read("twenty.request.csv.manifest.json");
    let many = manifest.replace("\"rows\":20", "\"rows\":9007199254740991");
    assert_ne!(many, manifest);
    place.write("twenty.request.csv.manifest.json", many);
    for result in ["r.csv", "r.csv.gz", "r.tsv", "r.parquet"] {
        unasked(
            &place,
            &code("twenty", result, KITS),
            "disk-full",
            &[result, "bytes at least", "free"],
        );
    }
    fs::remove_file(place.path("twenty.request.csv.manifest.json")).unwrap();
    let words = ["manifest.json", "the manifest that `prepare` wrote must come with the request"];
    unasked(&place, &code("twenty", "r.csv", KITS), "file-missing", &words);
}

/// Whose a kit is says the card beside it: nobody types a passphrase for a stranger's.
#[test]
fn a_kit_of_somebody_else_is_known_before_a_passphrase_is_typed() {
    let place = prepared();
    place.write_private("frank.pass", "the passphrase of frank\n");
    for (kit, name) in [("frank", "frank"), ("other", "bruno")] {
        place.ok(&format!("custodian new {kit} --name {name} --passphrase-file frank.pass"));
    }
    let strangers = [("frank", "`frank`"), ("other", "`bruno`")];
    for (kit, name) in strangers {
        let kits = format!("--kit {kit} --kit chloe --kit elise");
        unasked(&place, &code("twenty", "r.csv", &kits), "not-in-roster", &[name]);
    }
    // Where the others are enough it does not stop them.
    let said = place.quorum("service open home wages --kind statistics --kit frank");
    assert!(said.contains("warning: \"frank\" is not asked (`frank`"), "{said}");

    // A card of the roster beside another identity: the passphrase opens what is not the card's.
    fs::copy(place.path("bruno/card.json"), place.path("frank/card.json")).unwrap();
    let kits = "--kit frank --passphrase-file frank.pass --kit chloe --passphrase-file chloe.pass \
        --kit elise --passphrase-file elise.pass";
    place.refused(&code("twenty", "r.csv", kits), "kit-damaged", &["frank"]);
}

#[test]
fn a_folder_that_takes_no_result_is_said_before_a_passphrase_is_typed() {
    let place = prepared();
    fs::create_dir(place.path("closed")).unwrap();
    let place = place.unprivileged();
    fs::set_permissions(place.path("closed"), fs::Permissions::from_mode(0o555)).unwrap();
    unasked(&place, &code("twenty", "closed/r.csv", KITS), "file-permission", &["closed"]);
    fs::set_permissions(place.path("closed"), fs::Permissions::from_mode(0o755)).unwrap();
    place.refused(&code("twenty", "closed/r.csv", KITS), "passphrase-needed", &["bruno"]);
}

#[test]
fn a_card_that_is_given_twice_founds_nothing() {
    let place = Place::default();
    for name in ["alice", "bruno", "chloe"] {
        place.ok(&format!("custodian new {name} --name {name} --no-passphrase"));
    }
    place.refused(
        "service init home --name test --threshold 3 --shares shares --demo --custodian alice/card.json \
        bruno/card.json chloe/card.json bruno/card.json",
        "card-twice",
        &["`bruno`"],
    );
    assert!(!place.exists("home") && !place.exists("shares"));
}
