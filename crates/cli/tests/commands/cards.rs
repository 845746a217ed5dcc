//! A kit draws cards for the next dealing, and forgets shares of former ones.

use crate::common;

use std::fs;

use common::Place;

/// The files of a kit.
fn files(place: &Place, kit: &str) -> Vec<String> {
    let entries = fs::read_dir(place.path(kit)).unwrap();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn a_card_is_drawn_each_time_and_the_custodian_stays_the_same() {
    let place = Place::in_earnest();
    let card = |out: &str| format!("custodian card alice --passphrase-file alice.pass --out {out}");
    let before = files(&place, "alice");
    place.refused(&card("bruno.pass"), "output-exists", &["bruno.pass"]);
    let wrong = "custodian card alice --passphrase-file bruno.pass --out a.json";
    place.refused(wrong, "passphrase-wrong", &["\"alice\""]);
    assert_eq!((files(&place, "alice"), place.exists("a.json")), (before.clone(), false));

    let summary = place.json(&card("first.json"));
    let said = place.ok(&card("second.json"));
    assert!(said.contains("give \"second.json\" to the service"), "{said}");
    assert!(said.contains("make a new copy"), "{said}");
    assert_eq!(place.read("alice/card.json"), place.read("second.json"));
    let [former, first, second]: [serde_json::Value; 3] =
        ["home/ledger.jsonl", "first.json", "second.json"].map(|file| {
            let text = place.read(file);
            let json = serde_json::from_str::<serde_json::Value>(text.lines().next().unwrap());
            let json = json.unwrap();
            let seat = json.pointer("/event/dealing/roster/0/card");
            seat.unwrap_or(&json)["body"].clone()
        });
    assert_ne!(first["receiving"], second["receiving"]);
    for field in ["name", "signing", "external", "protected"] {
        assert!(former[field] == first[field] && first[field] == second[field], "{field}");
    }
    assert_eq!(summary["custodian"], "alice");
    assert_eq!(summary["card"], "first.json");
    let words = summary["spoken"].as_str().unwrap();
    assert_eq!(words.split('-').count(), 8);
    let key = format!("card-{}.key", words.split('-').take(2).collect::<Vec<_>>().join("-"));
    assert!(files(&place, "alice").contains(&key), "{key}");
    assert_eq!(files(&place, "alice").len(), before.len() + 2);

    // Until there is another dealing, the first card is the one that counts.
    place.ok("custodian check alice --passphrase-file alice.pass --ledger home/ledger.jsonl --out seen.json");
    place.ok("service receipt home seen.json");
    place.ok(
        "service open home population --kind statistics --kit alice --passphrase-file alice.pass \
        --kit bruno --passphrase-file bruno.pass --kit chloe --passphrase-file chloe.pass",
    );
    place.ok("auditor verify home/ledger.jsonl --service home/card.json");
}

#[test]
fn a_share_in_use_is_not_forgotten() {
    let place = Place::founded();
    let before = files(&place, "alice");
    let forget = |epoch: u32| {
        format!(
            "custodian forget alice --epoch {epoch} --ledger home/ledger.jsonl --out forgot.json"
        )
    };
    let words = ["the share of epoch 1 is in use", "a later dealing"];
    place.refused(&forget(1), "share-in-use", &words);
    place.refused(&forget(2), "no-share", &["epoch 2"]);
    assert_eq!((files(&place, "alice"), place.exists("forgot.json")), (before, false));
    place.ok("custodian check alice --ledger home/ledger.jsonl --out seen.json");
}
