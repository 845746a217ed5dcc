//! What once cost a key, a home or a run: each is refused before anybody is asked, said plainly,
//! and leaves a home that goes on.

use crate::common;

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::process::Stdio;

use common::{Place, csv, identifiers, in_years, text};

const CODE: &str = "service code home population --request r.csv --result s.csv --purpose test";

/// A service with a domain and a prepared request of 20 rows.
fn prepared() -> Place {
    let place = Place::open();
    place.write("data.csv", csv(&identifiers(20)));
    place
        .ok("controller prepare data.csv --identifier-column nir --request r.csv --retained t.csv");
    place
}

/// Puts back the ledger of an earlier day, with the kits' memories of that day.
fn put_back(place: &Place, day: &str) {
    for file in ["ledger.jsonl", "checkpoint"] {
        // Also the copy beside the life secrets, which would say that the home is old.
        for home in ["home", "home/life"] {
            fs::copy(place.path(&format!("{day}/{file}")), place.path(&format!("{home}/{file}")))
                .unwrap();
        }
    }
    for kit in ["alice", "bruno", "chloe"] {
        for file in ["memory", "ledger.zst"] {
            fs::copy(
                place.path(&format!("{day}/{kit}.{file}")),
                place.path(&format!("{kit}/{file}")),
            )
            .unwrap();
        }
    }
}

fn keep(place: &Place, day: &str) {
    fs::create_dir(place.path(day)).unwrap();
    for file in ["ledger.jsonl", "checkpoint"] {
        fs::copy(place.path(&format!("home/{file}")), place.path(&format!("{day}/{file}")))
            .unwrap();
    }
    for kit in ["alice", "bruno", "chloe"] {
        for file in ["memory", "ledger.zst"] {
            fs::copy(
                place.path(&format!("{kit}/{file}")),
                place.path(&format!("{day}/{kit}.{file}")),
            )
            .unwrap();
        }
    }
}

#[test]
fn a_key_that_the_ledger_does_not_know_is_told_and_spared() {
    let place = Place::open();
    keep(&place, "monday");
    place.quorum(&format!("service open home benefits --kind research --ends {}", in_years(9)));
    place.quorum("service new-key home population --reason scheduled");
    let keys =
        ["home/keys/benefits.1.1.key", "home/life/benefits.life", "home/keys/population.2.1.key"];
    let before = keys.map(|key| fs::read(place.path(key)).unwrap());
    assert_eq!(place.json("service status home")["unknown_keys"].as_array().unwrap().len(), 0);

    put_back(&place, "monday");
    let status = text(&place.run("service status home").stdout);
    for key in keys {
        assert!(status.contains(key.rsplit('/').next().unwrap()), "{status}");
    }
    assert!(status.contains("older than its keys"), "{status}");
    assert_eq!(place.json("service status home")["unknown_keys"].as_array().unwrap().len(), 3);
    let open = format!("service open home benefits --kind research --ends {}", in_years(9));
    for (command, key) in [
        (open.as_str(), "benefits"),
        ("service open home benefits --kind statistics", "benefits"),
        ("service new-key home population --reason scheduled", "population.2.1.key"),
    ] {
        for _ in 0..2 {
            place.refused_quorum(command, "unknown-key", &[key, "nothing was destroyed"]);
        }
    }
    assert_eq!(keys.map(|key| fs::read(place.path(key)).unwrap()), before);
}

#[test]
fn a_number_of_rows_that_json_does_not_hold_stops_nothing_but_the_command() {
    let place = prepared();
    let manifest = place.read("r.csv.manifest.json");
    for rows in
        ["9007199254740992", "18446744073709550592", "18446744073709551615", "-1", "2e1", "20.0"]
    {
        place.write(
            "r.csv.manifest.json",
            manifest.replace("\"rows\":20", &format!("\"rows\":{rows}")),
        );
        let line = place.refused_quorum(
            CODE,
            "manifest-form",
            &["r.csv.manifest.json", "prepare the request again"],
        );
        assert!(!line.contains(rows), "{line}");
    }
    place.ok("service status home");
    place.write("r.csv.manifest.json", &manifest);
    place.quorum(CODE);
    place.ok("auditor verify home/ledger.jsonl --service home/card.json");
}

#[test]
fn a_renewal_names_each_delivery_once_and_in_order() {
    let place = Place::open();
    place.write("people.csv", csv(&identifiers(20)));
    let run = place.coded("people", "nir", "population", 1);
    place.quorum("service new-key home population --reason scheduled");
    place.ok("controller prepare people-1.csv --code-column code --request r.csv --retained t.csv");
    let delivery = run["delivery"].as_str().unwrap();
    let manifest = place.read("r.csv.manifest.json");
    let object = format!("{{\"run\":\"{delivery}\",\"part\":1}}");
    let named = format!("\"previous\":[{object}]");
    assert!(manifest.contains(&named), "{manifest}");
    let renew = "service renew home population --request r.csv --result s.csv --purpose test";
    for bad in [2, 110_000] {
        let many = vec![object.clone(); bad].join(",");
        place.write(
            "r.csv.manifest.json",
            manifest.replace(&named, &format!("\"previous\":[{many}]")),
        );
        place.refused_quorum(renew, "manifest-form", &["r.csv.manifest.json"]);
    }
    place.write("r.csv.manifest.json", &manifest);
    // Named twice on the command line they are one.
    place.quorum(&format!("{renew} --of {delivery} {delivery}"));
    assert!(
        place
            .read("home/ledger.jsonl")
            .contains(&format!("\"of\":[{{\"part\":1,\"run\":\"{delivery}\"}}]"))
    );
}

#[test]
fn a_request_that_cannot_be_deleted_is_refused_before_anybody_is_asked() {
    let place = prepared();
    fs::create_dir(place.path("drop")).unwrap();
    for file in ["r.csv", "r.csv.manifest.json"] {
        fs::rename(place.path(file), place.path(&format!("drop/{file}"))).unwrap();
    }
    let place = place.unprivileged();
    let drop = place.path("drop");
    // The directory is another's: the files in it can be read and written, and not deleted.
    if drop.metadata().unwrap().uid() != fs::metadata("/proc/self").unwrap().uid() {
        std::os::unix::fs::chown(&drop, Some(0), Some(0)).unwrap();
        fs::set_permissions(&drop, fs::Permissions::from_mode(0o755)).unwrap();
    } else {
        fs::set_permissions(&drop, fs::Permissions::from_mode(0o555)).unwrap();
    }
    let code = CODE.replace("r.csv", "drop/r.csv");
    let events = place.json("service status home")["events"].clone();
    let output = place.run(&place.with_kits(&code));
    let said = text(&output.stderr);
    assert!(!said.contains("asked of the custodians"), "{said}");
    place.refused_quorum(&code, "request-stays", &["drop", "keep it"]);
    let refusals = 2;
    let after = place.json("service status home")["events"].as_u64().unwrap();
    assert_eq!(after, events.as_u64().unwrap() + refusals, "only the refusals are recorded");
    place.ok("service expire home");
    place.quorum(&format!("{code} --keep-request"));
    fs::set_permissions(&drop, fs::Permissions::from_mode(0o755)).unwrap();
}

/// A sticky directory, such as `/tmp`: everybody may make files there, and delete their own.
#[test]
fn a_request_of_somebody_else_in_a_sticky_directory_is_refused_too() {
    let place = prepared();
    if place.directory.path().metadata().unwrap().uid() != 0 {
        // Only the administrator can give a file to somebody else.
        return;
    }
    fs::create_dir(place.path("drop")).unwrap();
    for file in ["r.csv", "r.csv.manifest.json"] {
        fs::rename(place.path(file), place.path(&format!("drop/{file}"))).unwrap();
    }
    let place = place.unprivileged();
    std::os::unix::fs::chown(place.path("drop"), Some(0), Some(0)).unwrap();
    fs::set_permissions(place.path("drop"), fs::Permissions::from_mode(0o1777)).unwrap();
    for file in ["drop/r.csv", "drop/r.csv.manifest.json"] {
        std::os::unix::fs::chown(place.path(file), Some(0), Some(0)).unwrap();
        fs::set_permissions(place.path(file), fs::Permissions::from_mode(0o666)).unwrap();
    }
    place.refused_quorum(&CODE.replace("r.csv", "drop/r.csv"), "request-stays", &["drop/r.csv"]);
}

#[test]
fn a_result_that_cannot_be_written_is_found_before_anybody_is_asked() {
    let place = prepared();
    fs::create_dir(place.path("out")).unwrap();
    let place = place.unprivileged();
    let (out, own) = (place.path("out"), fs::metadata("/proc/self").unwrap().uid() == 0);
    if own {
        std::os::unix::fs::chown(&out, Some(0), Some(0)).unwrap();
    }
    fs::set_permissions(&out, fs::Permissions::from_mode(0o555)).unwrap();
    let code = CODE.replace("s.csv", "out/s.csv");
    let said = text(&place.run(&place.with_kits(&code)).stderr);
    assert!(
        said.contains("error[file-permission]") && !said.contains("asked of the custodians"),
        "{said}"
    );
    fs::set_permissions(&out, fs::Permissions::from_mode(0o755)).unwrap();
    place.quorum(CODE);
}

#[test]
fn a_kit_that_lost_its_memory_does_not_say_that_it_has_seen_the_ledger() {
    let place = prepared();
    let check = "custodian check alice --ledger home/ledger.jsonl --out receipt.json";
    let seen = place.path("alice/memory");
    let memory = fs::read(&seen).unwrap();
    fs::copy(place.path("alice/share-1"), place.path("alice.1.share")).unwrap();
    type Harm<'a> = &'a dyn Fn();
    let mut altered: serde_json::Value = serde_json::from_slice(&memory).unwrap();
    altered["shown"]["count"] = 0.into();
    let harms: [Harm<'_>; 5] = [
        &|| {},
        &|| std::os::unix::fs::symlink("nowhere", &seen).unwrap(),
        &|| fs::write(&seen, "").unwrap(),
        // What it says of itself is sealed with it; another kit's is not its own.
        &|| fs::write(&seen, altered.to_string()).unwrap(),
        &|| fs::copy(place.path("bruno/memory"), &seen).map(|_| ()).unwrap(),
    ];
    for harm in harms {
        let _ = fs::remove_file(&seen);
        harm();
        let code = "kit-memory";
        place.refused(check, code, &["alice", "memory"]);
        place.refused(
            "custodian accept alice alice.1.share --ledger home/ledger.jsonl",
            code,
            &["alice"],
        );
        place.refused_quorum(CODE, code, &["alice"]);
        place.refused("service doubt home population --kit alice", code, &["alice"]);
    }
    fs::remove_file(&seen).unwrap();
    // The share gone too: its receipt shows that the kit had one.
    fs::remove_file(place.path("alice/share-1")).unwrap();
    place.refused(check, "kit-memory", &["alice"]);
    // The memory put back from the custodian's copy: all is well, and nothing was lost.
    fs::write(&seen, &memory).unwrap();
    place.ok("custodian accept alice alice.1.share --ledger home/ledger.jsonl");
    place.ok(check);
    place.quorum(CODE);
}

#[test]
fn a_damaged_copy_of_a_life_secret_is_named_and_the_other_one_serves() {
    let place = Place::founded_with("--life life-a life-b");
    place.quorum(&format!("service open home benefits --kind research --ends {}", in_years(9)));
    place.write("data.csv", csv(&identifiers(20)));
    place
        .ok("controller prepare data.csv --identifier-column nir --domain benefits --request r.csv --retained t.csv");
    let first = place.path("life-a/benefits.life");
    let mut bytes = fs::read(&first).unwrap();
    bytes[7] ^= 1;
    fs::write(&first, bytes).unwrap();
    let said = place.quorum(&CODE.replace("population", "benefits"));
    assert!(said.contains("life-a/benefits.life") && said.contains("damaged"), "{said}");
    assert!(!said.contains("life-b"), "{said}");
}

#[test]
fn a_medium_that_is_not_mounted_stops_only_what_is_new() {
    let place = Place::open();
    place.write("data.csv", csv(&identifiers(20)));
    fs::create_dir(place.path("usb")).unwrap();
    // Killed when the result has its name, which is before the request is destroyed. It may be too
    // quick: then once more.
    let mut stopped = false;
    for turn in 0..50 {
        place.ok(&format!(
            "controller prepare data.csv --identifier-column nir --request usb/r.csv --retained \
            t{turn}.csv"
        ));
        let code = format!(
            "service code home population --request usb/r.csv --result s{turn}.csv --purpose test"
        );
        let mut child =
            place.command(&place.with_kits(&code)).stderr(Stdio::null()).spawn().unwrap();
        while !place.exists(&format!("s{turn}.csv")) && child.try_wait().unwrap().is_none() {}
        let _ = child.kill();
        child.wait().unwrap();
        stopped = place.exists("usb/r.csv");
        if stopped {
            break;
        }
    }
    assert!(stopped, "no run of fifty was stopped in time");
    fs::rename(place.path("usb"), place.path("away")).unwrap();
    let status = text(&place.run("service status home").stdout);
    assert!(status.contains("UNFINISHED"), "{status}");
    let said = place.ok("service expire home");
    assert!(said.contains("warning: ") && said.contains("mount it"), "{said}");
    let status = text(&place.run("service status home").stdout);
    assert!(status.contains("mount it"), "{status}");
    let delivery =
        place.json("service status home")["unfinished"][0]["delivery"].as_str().unwrap().to_owned();
    place.ok("service expire home");
    place.ok("custodian check alice --ledger home/ledger.jsonl --out receipt.json");
    place.ok("service receipt home receipt.json");
    place.ok("service doubt home population --kit bruno");
    place.refused_quorum(
        "service open home income --kind statistics",
        "request-away",
        &["usb/r.csv", "mount"],
    );
    let other = "0".repeat(32);
    place.refused(
        &format!("service request-lost home {other}"),
        "nothing-lost",
        &["nothing is recorded"],
    );
    place.ok(&format!("service request-lost home {delivery}"));
    assert!(place.read("home/ledger.jsonl").contains("\"how\":\"lost\""));
    place.quorum("service open home income --kind statistics");
    // Bruno's doubt waits for an answer.
    let audit = place.run("auditor verify home/ledger.jsonl --service home/card.json");
    let said = text(&audit.stdout);
    assert!(audit.status.code() == Some(3) && said.contains("\nIntact: yes, "), "{said}");
    assert!(said.contains("the doubt of `bruno` is open"), "{said}");
}
