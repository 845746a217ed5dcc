//! The service's signing key is lost, stolen or retired, as its operator and the others see it.

use crate::common;

use std::fs;

use common::{Place, text};

fn request(place: &Place, name: &str) {
    let lines: String =
        common::identifiers(40).iter().map(|identifier| format!("{identifier},x\n")).collect();
    place.write(&format!("{name}.csv"), format!("nir,other\n{lines}"));
    place.ok(&format!(
        "controller prepare {name}.csv --identifier-column nir --request {name}-r.csv --retained {name}-t.csv"
    ));
}

fn code(place: &Place, name: &str) {
    place.quorum(&format!(
        "service code home population --request {name}-r.csv --result {name}-s.csv --purpose test"
    ));
}

fn accept(place: &Place, name: &str) -> String {
    place.ok(&format!(
        "custodian check {name} --ledger home/ledger.jsonl --accept-service next.json \
        --out {name}-key.json --passphrase-file {name}.pass"
    ))
}

/// The words that are read aloud.
fn words(said: &str) -> &str {
    said.split(&[' ', '\n'][..]).find(|word| word.matches('-').count() == 7).unwrap()
}

#[test]
fn custodians_accept_another_key_and_everybody_goes_on() {
    let place = Place::in_earnest();
    place.quorum("service open home population --kind statistics");
    request(&place, "before");
    code(&place, "before");
    request(&place, "between");
    fs::copy(place.path("home/card.json"), place.path("first.json")).unwrap();
    fs::copy(place.path("home/checkpoint"), place.path("kept")).unwrap();

    place.ok("service rekey home --new-card before.json");
    let made = place.ok("service rekey home --new-card next.json");
    place.refused("service rekey home --new-card next.json", "output-exists", &["next.json"]);
    assert_ne!(place.read("before.json"), place.read("next.json"), "it may have been stolen too");

    // A custodian reads the words, and says yes or no.
    let mut no = place.command(
        "custodian check bruno --ledger home/ledger.jsonl --accept-service next.json --out no.json \
        --passphrase-file bruno.pass",
    );
    let no = no.stdin(std::process::Stdio::null()).output().unwrap();
    let said = text(&no.stderr);
    assert!(said.contains("error[service-unconfirmed]") && !place.exists("no.json"), "{said}");
    let yes = "custodian check bruno --ledger home/ledger.jsonl --accept-service next.json --yes \
        --out no.json --passphrase-file bruno.pass";
    assert_eq!(place.run(yes).status.code(), Some(2), "beforehand in demonstrations only");
    for name in ["bruno", "chloe"] {
        let said = accept(&place, name);
        assert!(said.contains(words(&made)) && said.contains("keep on paper"), "{said}");
    }
    for twice in ["", "bruno-key.json"] {
        place.refused(
            &format!("service rekey home bruno-key.json chloe-key.json {twice}"),
            "too-few-approvals",
            &["2", "3"],
        );
    }
    assert!(place.read("home/ledger.jsonl").contains("\"type\":\"refused\",\"verb\":\"rekey\""));
    place.refused("service receipt home bruno-key.json", "receipt-for-rekey", &["service rekey"]);
    place.ok("custodian check denis --ledger home/ledger.jsonl --out denis.json --passphrase-file denis.pass");
    place.refused(
        "service rekey home bruno-key.json chloe-key.json denis.json",
        "service-key-other",
        &["denis", "--new-card"],
    );
    accept(&place, "denis");
    let said = place.ok("service rekey home bruno-key.json chloe-key.json denis-key.json");
    assert!(said.contains(words(&made)) && said.contains("export-identity"), "{said}");
    assert_eq!(place.read("home/card.json").trim_end(), place.read("next.json").trim_end());
    assert!(!place.exists("home/identity.new"));

    // What was prepared for the first key is coded, and attached with the present card.
    code(&place, "between");
    let attach =
        "controller attach --retained between-t.csv --result between-s.csv --out between-o.csv";
    place.refused(attach, "report-signature", &["--service"]);
    place.write("other.json", place.read("first.json").replace("insee", "other"));
    place.refused(&format!("{attach} --service other.json"), "service-card", &[]);
    let strangers = Place::open();
    place.write("stranger.json", strangers.read("home/card.json"));
    place.refused(&format!("{attach} --service stranger.json"), "service-other", &["publishes"]);
    let said = place.ok(&format!("{attach} --service home/card.json"));
    // A card of a later key proves nothing of itself.
    assert!(said.contains("compare its words") && said.contains(words(&made)), "{said}");
    place.ok("controller attach --retained before-t.csv --result before-s.csv --out before-o.csv");
    request(&place, "after");
    code(&place, "after");
    place.ok("controller attach --retained after-t.csv --result after-s.csv --out after-o.csv");

    // The auditor holds either card, and names the change.
    place.ok("custodian log elise --out elise.evidence --passphrase-file elise.pass");
    for card in ["first.json", "home/card.json"] {
        let audited = place.run(&format!(
            "auditor verify home/ledger.jsonl --service {card} --checkpoint kept --witness \
            before-s.csv.report.json between-s.csv.report.json elise.evidence"
        ));
        let said = text(&audited.stdout);
        assert_eq!(audited.status.code(), Some(3), "{said}");
        assert!(said.contains("accepted another signing key"), "{said}");
        assert!(said.contains(words(&made)), "{said}");
    }
    let said = text(
        &place
            .run("custodian log bruno --ledger home/ledger.jsonl --passphrase-file bruno.pass")
            .stdout,
    );
    assert!(said.contains("accepted another signing key") && said.contains(words(&made)), "{said}");
}

#[test]
fn a_lost_key_comes_back_from_the_safe_or_is_replaced() {
    let place = Place::open();
    place.write_private("safe.pass", "six words that nobody guesses\n");
    place.write_private("short.pass", "short\n");
    let export = "service export-identity home --out identity.sealed --passphrase-file";
    place.refused(&format!("{export} short.pass"), "passphrase-short", &["several words"]);
    place.ok(&format!("{export} safe.pass"));
    place.refused(&format!("{export} safe.pass"), "output-exists", &["identity.sealed"]);

    let identity = place.read("home/identity");
    fs::remove_file(place.path("home/identity")).unwrap();
    for verb in ["expire home", "doubt home population --kit alice"] {
        place.refused(&format!("service {verb}"), "identity-lost", &["import-identity", "rekey"]);
    }
    // Reading needs no key, and says that it is missing.
    let status = place.run("service status home --check");
    assert_eq!(status.status.code(), Some(3));
    assert!(text(&status.stdout).contains("SIGNING KEY is not in the home"));
    // In a session of its own there is no terminal to ask at, wherever the tests run.
    let asked = std::process::Command::new("setsid")
        .args(["-w", env!("CARGO_BIN_EXE_cstatns")])
        .args("service export-identity home --out other.sealed".split(' '))
        .env("LC_ALL", "C")
        .current_dir(place.directory.path())
        .stdin(std::process::Stdio::null())
        .output()
        .unwrap();
    assert!(text(&asked.stderr).contains("a passphrase is needed for \"other.sealed\""));
    let import = "service import-identity home identity.sealed --passphrase-file";
    place.refused(&format!("{import} short.pass"), "identity-passphrase", &["try again"]);
    place.refused(
        "service import-identity home home/card.json --passphrase-file safe.pass",
        "identity-export",
        &["export-identity"],
    );
    place.ok(&format!("{import} safe.pass"));
    assert_eq!(place.read("home/identity"), identity);
    place.ok("service expire home");

    // The copy is lost too: the kits at hand give the service another key.
    fs::remove_file(place.path("home/identity")).unwrap();
    place.refused("service recover home --kit alice", "recovery-kits", &["1 of", "2 are needed"]);
    let said = place.ok("service recover home --kit alice --kit bruno");
    assert!(said.contains("another one is made, which the custodians accept"), "{said}");
    assert!(said.contains("give the new card.json"), "{said}");
    assert!(said.contains("keep on paper, `bruno`: statement"), "{said}");
    place.ok("service status home");
    request(&place, "first");
    code(&place, "first");
    let refused = place.refused(&format!("{import} safe.pass"), "identity-other", &["rekey"]);
    assert!(!refused.contains("c1."));
    place.ok("custodian check chloe --ledger home/ledger.jsonl --out seen.json");
}
