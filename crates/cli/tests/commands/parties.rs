//! Parties and request keys with the program: what operator, custodians and party type and read.

use crate::common;

use std::fs;

use common::{Place, text};
use serde_json::Value;

/// A service of alice, bruno and chloe, 2 of 3, with a statistical domain, and the folder of a
/// party.
fn office() -> Place {
    let place = Place::open();
    place.ok("party new insee --name insee --no-passphrase");
    place
}

fn register(place: &Place, card: &str, rest: &str) -> String {
    place.ok(&place.with_kits(&format!("service party home {card} {rest}")))
}

fn status(place: &Place) -> Value {
    place.json("service status home")
}

#[test]
fn a_party_is_registered_gets_a_request_key_and_is_ended() {
    let place = office();
    let said = register(&place, "insee/card.json", "--role controller --domain population");
    for words in [
        "asked of the custodians: register the party `insee` (card ",
        ", keys WITHOUT a passphrase) as controller in `population`",
        "`insee` is registered as controller",
    ] {
        assert!(said.contains(words), "{words}\n{said}");
    }
    let words = status(&place)["parties"][0]["spoken"].as_str().unwrap().to_owned();
    assert!(said.contains(&words), "the custodians see the words of the card");
    // The next one sees who is there.
    place.ok("party new cnaf --name cnaf --no-passphrase");
    let said = register(&place, "cnaf/card.json", "--role holder --domain population");
    let known = format!("has a role `insee`, controller in `population`: {words}");
    assert!(said.contains(&known), "{said}");

    let said = place.ok("service request-key home population --for insee --out insee.key.json");
    assert!(said.contains("for requests of `insee` in `population`, until "), "{said}");
    let key: Value =
        serde_json::from_slice(&fs::read(place.path("insee.key.json")).unwrap()).unwrap();
    let number = key["body"]["key"].as_str().unwrap();
    let life = place.path(&format!("home/life/{number}.1.request"));
    assert!(life.is_file());
    place.ok("service request-key home population --for cnaf --count 3 --days 2 --out of-cnaf");
    let names: Vec<_> = fs::read_dir(place.path("of-cnaf")).unwrap().collect();
    assert_eq!(names.len(), 3);
    let said = text(&place.run("service status home").stdout);
    assert!(said.contains("population  insee, controller: "), "{said}");
    assert_eq!(said.matches("request key ").count(), 4, "{said}");
    let check = place.run("auditor verify home/ledger.jsonl --service home/card.json");
    let said = text(&check.stdout);
    assert!(
        said.contains(
            "parties: 2 with a role, 0 ended; request keys: 4 issued, 4 serve, 0 destroyed"
        ),
        "{said}"
    );

    let other = place.run("service request-key home other --withdraw of-cnaf/1.json");
    assert_eq!(other.status.code(), Some(2));
    assert!(text(&other.stderr).contains("of the domain `population`"));
    let said = place.ok("service request-key home population --withdraw of-cnaf/1.json");
    assert!(said.contains("its private half destroyed"), "{said}");
    let said = place.ok("service party home insee/card.json --end --kit alice");
    assert!(said.contains("`alice` has ended the roles of `insee`"), "{said}");
    assert!(!life.exists());
    let left = status(&place);
    assert_eq!(left["parties"].as_array().unwrap().len(), 1);
    assert_eq!(left["request_keys"].as_array().unwrap().len(), 2);
    let said = place.ok("custodian log alice");
    assert!(said.contains("ended the roles of the party with the card "), "{said}");
    place.refused(
        "service request-key home population --for insee --out other.json",
        "unknown-party",
        &["service party HOME CARD --role"],
    );
    assert!(!place.path("other.json").exists());
    place.refused_quorum(
        "service party home insee/card.json --role controller --domain population",
        "party-ended",
        &["party new"],
    );
}

#[test]
fn what_is_refused_says_what_to_do() {
    let place = office();
    place.refused_quorum(
        "service party home insee/card.json --role linking --domain population",
        "party-role",
        &["`population` is a statistical domain", "controller, holder or register"],
    );
    place.refused_quorum(
        "service party home insee/card.json --role controller --domain nowhere",
        "unknown-domain",
        &[],
    );
    place.refused_quorum(
        "service party home alice/card.json --role controller --domain population",
        "file-form",
        &["the card of a party"],
    );
    register(&place, "insee/card.json", "--role register --domain population");
    place.refused(
        "service request-key home population --for insee --out key.json",
        "party-sends-nothing",
        &["service status"],
    );
    let wrong = place.run("service party home insee/card.json --end --kit alice --kit bruno");
    assert_eq!(wrong.status.code(), Some(2));
    let wrong = place.run("service party home insee/card.json");
    assert_eq!(wrong.status.code(), Some(2));
    place.write("taken.json", "");
    place.ok("party new cnaf --name cnaf --no-passphrase");
    register(&place, "cnaf/card.json", "--role controller --domain population");
    for (out, count) in [("taken.json", ""), ("insee", "--count 2")] {
        place.refused(
            &format!("service request-key home population --for cnaf {count} --out {out}"),
            "output-exists",
            &[],
        );
    }
    assert!(
        status(&place)["request_keys"].as_array().unwrap().is_empty(),
        "none was issued in vain"
    );
    place.refused(
        "service request-key home population --withdraw 00000000000000000000000000000000",
        "request-key-unknown",
        &["service status"],
    );
}

/// The published ledger says to whom a parcel may go, and from whom one may come.
#[test]
fn the_ledger_says_who_is_a_party() {
    let place = office();
    place.ok("party new cnaf --name cnaf --no-passphrase");
    place.write("data.csv", "index,amount\n1,20\n");
    let known = "--ledger home/ledger.jsonl --service home/card.json";
    let make =
        format!("parcel make data.csv --to cnaf/card.json --as insee --out data.csv.age {known}");
    let open = format!("parcel open data.csv.age --as cnaf --out arrived {known}");
    place.refused(&make, "unknown-party", &["service party HOME CARD --role"]);
    register(&place, "cnaf/card.json", "--role holder --domain population");
    let said = place.ok(&make);
    assert!(said.contains(": holder for a controller in `population`"), "{said}");
    place.refused(&open, "parcel-sender", &["`insee`"]);
    assert!(!place.path("arrived").exists());
    register(&place, "insee/card.json", "--role controller --domain population");
    let said = place.ok(&open);
    assert!(said.contains(": controller in `population`"), "{said}");
    // Who is a party no more sends nothing.
    place.ok(&make.replace("data.csv.age", "again.csv.age"));
    place.ok("service party home insee/card.json --end --kit bruno");
    place.refused(&open.replace("data.csv.age", "again.csv.age"), "parcel-sender", &[]);
    // Without the service's card its id is shown.
    let id = status(&place)["service"].as_str().unwrap().to_owned();
    let alone = "parcel make data.csv --to cnaf/card.json --as insee --out alone.csv.age";
    let said = place.ok(&format!("{alone} --ledger home/ledger.jsonl"));
    assert!(said.contains(&format!("registered with {id}: holder")), "{said}");
}
