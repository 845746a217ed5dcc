//! New dealings with the program: what operator, old and new custodians and auditor type and read.

use crate::common;

use std::fs;

use common::{Place, csv, identifiers, text};
use serde_json::Value;

/// A service of alice, bruno and chloe, 2 of 3, with a coded file.
fn office() -> Place {
    let place = Place::open();
    place.write("people.csv", csv(&identifiers(30)));
    place.coded("people", "nir", "population", 1);
    place
}

/// Cards for the next dealing, drawn by these custodians.
fn draw(place: &Place, names: &[&str], epoch: u32) -> String {
    let card = |name: &&str| {
        let card = format!("{name}-{epoch}.json");
        place.ok(&format!("custodian card {name} --out {card}"));
        card
    };
    names.iter().map(card).collect::<Vec<_>>().join(" ")
}

fn deal(place: &Place, names: &[&str], epoch: u32, threshold: u32) -> String {
    let cards = draw(place, names, epoch);
    place.ok(&place.with_kits(&format!(
        "service deal home --threshold {threshold} --shares shares --custodian {cards}"
    )))
}

/// The custodians accept, and the service records their receipts.
fn receive(place: &Place, names: &[&str], epoch: u32) -> String {
    for name in names {
        place.ok(&format!(
            "custodian accept {name} shares/{name}.{epoch}.share --ledger home/ledger.jsonl --yes"
        ));
    }
    let receipts: Vec<String> =
        names.iter().map(|name| format!("{name}/receipt-{epoch}-held.json")).collect();
    place.ok(&format!("service receipt home {}", receipts.join(" ")))
}

fn status(place: &Place) -> Value {
    place.json("service status home")
}

/// A custodian leaves and another one comes. Each is told what concerns them, and at the end the
/// share of the one who left opens nothing.
#[test]
fn a_custodian_leaves_and_another_one_comes() {
    let mut place = office();
    place.ok("custodian new denis --name denis --external --no-passphrase");
    let names = ["bruno", "chloe", "denis"];
    let cards = draw(&place, &["bruno", "chloe"], 2);
    let said = place.ok(&place.with_kits(&format!(
        "service deal home --threshold 2 --shares shares --custodian {cards} denis/card.json"
    )));
    for words in [
        "asked of the custodians: deal new shares, 2 of 3, as epoch 2, to `bruno`, `chloe`, `denis` (external)",
        "bruno, stays: ",
        "denis, external, NEW: ",
        "no share  alice",
        "dealt epoch 2: 2 of 3 will open the secret",
        "read aloud, the same with every custodian: ",
        "give \"shares/denis.2.share\" to its custodian",
    ] {
        assert!(
            said.replace(&place.directory.path().display().to_string(), "")
                .replace("\"/", "\"")
                .contains(words),
            "{words}\n{said}"
        );
    }
    // What would be sealed under the root that goes waits.
    place.refused_quorum(
        "service new-key home population --reason scheduled",
        "dealing-pending",
        &["epoch 2", "service receipt", "service abandon"],
    );
    place.refused_quorum("service open home income --kind statistics", "dealing-pending", &[]);
    let said = receive(&place, &names[..2], 2);
    assert!(said.contains("still missing: the receipts of denis"), "{said}");
    place.refused(
        "custodian forget alice --epoch 1 --ledger home/ledger.jsonl --out alice.forgotten.json",
        "share-in-use",
        &["epoch 1"],
    );
    let said = receive(&place, &names[2..], 2);
    assert!(
        said.contains("epoch 2 is in use") && said.contains("custodian forget --epoch 1"),
        "{said}"
    );
    assert_eq!(fs::read_dir(place.path("shares")).unwrap().count(), 0);

    // Alice's kit decides nothing any more; the others' do.
    place.refused(
        "service new-key home population --reason scheduled --kit alice --kit bruno",
        "not-in-roster",
        &["alice"],
    );
    place.kits = ["bruno", "denis"].map(|name| format!("--kit {name}")).into();
    fs::rename(place.path("people.csv"), place.path("again.csv")).unwrap();
    place.coded("again", "nir", "population", 1);
    assert_eq!(place.codes("again-1.csv"), place.codes("people-1.csv"));
    let exposed = place.run("service status home --check");
    assert_eq!(exposed.status.code(), Some(3));
    let said = text(&exposed.stdout);
    let line = said.lines().find(|line| line.contains("EXPOSED by epoch 1")).expect("an alarm");
    for word in ["population", "2 of alice, bruno, chloe", "custodian forget"] {
        assert!(line.contains(word), "{line}");
    }
    for name in ["alice", "chloe"] {
        let said = place.ok(&format!(
            "custodian forget {name} --epoch 1 --ledger home/ledger.jsonl --out {name}.forgotten.json"
        ));
        assert!(said.contains("service receipt"), "{said}");
        place.ok(&format!("service receipt home {name}.forgotten.json"));
    }
    let said = text(&place.run("service status home").stdout);
    assert!(said.contains("shares of epoch 1 not stated destroyed: of bruno"), "{said}");
    assert_eq!(status(&place)["in_order"], true);
    let audit = place.run("auditor verify home/ledger.jsonl --service home/card.json");
    let said = text(&audit.stdout);
    assert!(
        said.contains("Epoch 1, which is over: shares not stated destroyed of bruno"),
        "{said}"
    );
    assert_eq!(audit.status.code(), Some(0), "{said}");
    place.refused(
        "custodian forget denis --epoch 2 --ledger home/ledger.jsonl --out denis.forgotten.json",
        "share-in-use",
        &["epoch 2"],
    );
}

/// From a doubt about the custody to the last file recoded: each command says what comes next.
#[test]
fn a_doubt_about_the_custody_to_its_end() {
    let place = office();
    let names = ["alice", "bruno", "chloe"];
    place.ok("party new insee --name insee --no-passphrase");
    place.quorum("service party home insee/card.json --role controller --domain population");
    // What a command says, and the words in it that name the next one.
    let then = |said: String, next: &[&str]| {
        next.iter().for_each(|words| assert!(said.contains(words), "{words}\n{said}"));
    };
    then(
        place.ok("service doubt home --custody --kit alice"),
        &["until new shares are dealt and `new-key --reason doubt`"],
    );
    place.refused_quorum(
        "service new-key home population --reason doubt",
        "custody-doubted",
        &["deal new shares first"],
    );
    for name in names {
        then(
            place.ok(&format!("custodian card {name} --out {name}-2.json")),
            &[&format!("give \"{name}-2.json\" to the service, for the next dealing")],
        );
    }
    then(
        place.quorum(
            "service deal home --threshold 2 --shares shares --custodian alice-2.json bruno-2.json \
            chloe-2.json",
        ),
        &["alice.2.share\" to its custodian", "`custodian accept`, `service receipt`"],
    );
    for (name, next) in names.into_iter().zip([
        "still missing: the receipts of bruno, chloe",
        "still missing: the receipts of chloe",
        "of population: `service new-key --reason doubt` for each of them",
    ]) {
        then(
            place.ok(&format!(
                "custodian accept {name} shares/{name}.2.share --ledger home/ledger.jsonl --yes"
            )),
            &[&format!("give \"{name}/receipt-2-held.json\" to the service")],
        );
        then(place.ok(&format!("service receipt home {name}/receipt-2-held.json")), &[next]);
    }
    // The keys that were there are doubted until there are others.
    assert!(text(&place.run("service status home --check").stdout).contains("EXPOSED by epoch 1"));
    then(
        place.quorum("service new-key home population --reason doubt"),
        &["`controller prepare --code-column`", "`service status home --to-renew population`"],
    );
    then(
        place.ok("service status home --to-renew population"),
        &["`service renew home population` makes the codes of generation 2"],
    );
    let before = place.codes("people-1.csv");
    then(
        place.ok("service request-key home population --for insee --out doubted.key.json"),
        &["insee"],
    );
    then(
        place.ok("controller prepare people-1.csv --code-column code --as insee --request-key \
            doubted.key.json --service home/card.json --domain population --request d.csv.age \
            --retained d.kept.csv"),
        &["send \"d.csv.age\" to the service"],
    );
    then(
        place.quorum(
            "service renew home population --request d.csv.age --result r.csv.age --purpose doubt \
            --to insee",
        ),
        &["insee", "service delivered"],
    );
    then(
        place.ok("controller attach --retained d.kept.csv --result r.csv.age --as insee --out \
            people-2.csv"),
        &["`service delivered`", "`controller check` of the folder", "destroy them"],
    );
    let after = place.codes("people-2.csv");
    assert_eq!((before.len(), after.len()), (30, 30));
    assert!(after.keys().all(|code| !before.contains_key(code)));
    then(
        text(&place.run("controller check .").stdout),
        &["of a former generation, 2 is here too: cstatns controller prepare ./people-1.csv"],
    );
    then(
        place.ok("service status home --to-renew population"),
        &["every delivery of `population` is of generation 2, or a renewal names it"],
    );
    // The file of the former generation is known as that, and nothing is exposed any more.
    place.refused("controller check people-1.csv people-2.csv", "mixed-generations", &["renew"]);
    let exposures = &status(&place)["exposures"];
    assert_eq!(exposures[0]["domains"].as_array().unwrap().len(), 0, "{exposures}");
    for name in names {
        then(
            place.ok(&format!(
                "custodian forget {name} --epoch 1 --ledger home/ledger.jsonl --out {name}.forgotten.json"
            )),
            &["`service receipt`"],
        );
        // A receipt of something else says nothing of shares that are held.
        let said = place.ok(&format!("service receipt home {name}.forgotten.json"));
        assert!(!said.contains("all shares are held"), "{said}");
    }
    let status = status(&place);
    assert_eq!(
        (&status["exposures"], &status["custody_doubted"]),
        (&Value::Array(vec![]), &Value::Null)
    );
}

/// The receipts do not come in: the dealing is given up, and the next one has another number.
#[test]
fn a_dealing_is_given_up() {
    let place = office();
    let names = ["alice", "bruno", "chloe"];
    deal(&place, &names, 2, 2);
    place.refused_quorum(
        "service abandon home --epoch 1",
        "no-dealing",
        &["epoch 1", "service status"],
    );
    let used = "service deal home --threshold 2 --shares more --custodian alice-2.json bruno-2.json chloe-2.json";
    place.refused_quorum(used, "dealing-pending", &["service abandon"]);
    let said = place.ok(&place.with_kits("service abandon home --epoch 2"));
    assert!(said.contains("epoch 2 is given up") && said.contains("alice, bruno, chloe"), "{said}");
    place.refused_quorum(used, "card-used", &["alice", "custodian card KIT --out CARD"]);
    assert!(!place.exists("more"));
    place.refused(
        "custodian accept alice shares/alice.2.share --ledger home/ledger.jsonl --yes",
        "file-missing",
        &[],
    );
    let said = text(&place.run("service status home").stdout);
    assert!(said.contains("epoch 2: 2 of 3, given up"), "{said}");
    deal(&place, &names, 3, 3);
    receive(&place, &names, 3);
    assert_eq!(status(&place)["epochs"][2]["working"], true);
}

/// Custodians who are elsewhere approve a dealing too: what they read names everybody.
#[test]
fn a_dealing_is_approved_at_a_distance() {
    let place = office();
    let cards = draw(&place, &["alice", "bruno"], 2);
    place.ok("custodian new denis --name denis --no-passphrase");
    fs::create_dir(place.path("in")).unwrap();
    let mut waits = place.started(&format!(
        "service deal home --threshold 2 --shares shares --custodian {cards} denis/card.json \
        --proposal p.json --approvals in --wait 5m"
    ));
    while !place.exists("p.json") {
        assert!(waits.try_wait().unwrap().is_none());
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    for name in ["bruno", "chloe"] {
        let said = place.ok(&format!("custodian approve {name} p.json --out in/{name}.json"));
        assert!(said.contains("denis, NEW: ") && said.contains("no share  chloe"), "{said}");
    }
    let output = waits.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    receive(&place, &["alice", "bruno", "denis"], 2);
    assert_eq!(status(&place)["epochs"][1]["working"], true);
}

/// What is typed wrong is said before anybody is asked.
#[test]
fn what_is_typed_wrong_costs_nothing() {
    let place = office();
    let events = status(&place)["events"].as_u64().unwrap();
    let deal = |rest: &str| format!("service deal home --shares shares {rest}");
    let cards = draw(&place, &["alice", "bruno", "chloe"], 2);
    place.refused_quorum(
        &deal("--threshold 2 --custodian people.csv alice-2.json"),
        "file-form",
        &["a custodian's card"],
    );
    place.refused_quorum(&deal(&format!("--threshold 4 --custodian {cards}")), "threshold", &[]);
    place.refused_quorum(
        &deal("--threshold 2 --custodian alice-2.json alice-2.json bruno-2.json"),
        "card-twice",
        &["alice"],
    );
    let behind = deal(
        "--threshold 2 --custodian alice/card.json bruno-2.json chloe-2.json --leave-behind \
        income.1",
    );
    place.refused_quorum(&behind, "left-behind", &["service status"]);
    place.write("shares/bruno.2.share", "mine");
    place.refused_quorum(
        &deal(&format!("--threshold 2 --custodian {cards}")),
        "output-exists",
        &["bruno.2.share"],
    );
    assert_eq!(place.read("shares/bruno.2.share"), "mine");
    let wrong = place.run(&deal(&format!(
        "--threshold 2 --custodian {cards} --leave-behind population --kit alice --kit bruno"
    )));
    assert_eq!(wrong.status.code(), Some(2));
    assert!(text(&wrong.stderr).contains("such as population.1"), "{}", text(&wrong.stderr));
    // Each call left a refusal, but for those that ended before the home was opened.
    assert!(status(&place)["events"].as_u64().unwrap() <= events + 6);
    assert_eq!(status(&place)["epochs"].as_array().unwrap().len(), 1);
}
