//! A home beside others who use it: read without its lock, waited for, published; and what is
//! refused, said or recorded where something is not as it should be.

use crate::common;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use common::{Place, csv, files, identifiers, signal, text};
use cstatns::files::{lock_file, lock_for};
use cstatns::name::Name;

const PREPARE: &str = "controller prepare data.csv --identifier-column nir --service home/card.json \
    --domain population --request r.csv --retained t.csv";
const CODE: &str = "service code home population --request r.csv --result s.csv --purpose test";

fn pipe(place: &Place, name: &str) {
    assert!(Command::new("mkfifo").arg(place.path(name)).status().unwrap().success());
}

/// A command that must end by itself.
fn ended(place: &Place, command: &str) -> (Option<i32>, String) {
    let mut program = place.command(command);
    let mut child = program.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let since = Instant::now();
    while child.try_wait().unwrap().is_none() {
        if since.elapsed() > Duration::from_secs(120) {
            child.kill().unwrap();
            panic!("{command}: does not end");
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    let output = child.wait_with_output().unwrap();
    (output.status.code(), text(&output.stderr))
}

#[test]
fn a_home_in_use_is_read_and_says_who_uses_it() {
    let place = Place::open();
    let lock = place.path("home/lock");
    let held = lock_for(&lock, &Name::new("code").unwrap(), Duration::ZERO).unwrap();
    let holder = format!("`code`, process {}, since 20", std::process::id());
    let shown = text(&place.run("service status home").stdout);
    assert!(shown.contains(&format!("at work: {holder}")), "{shown}");
    assert_eq!(place.json("service status home")["at_work"]["verb"], "code");
    place.refused_quorum(
        "service open home other --kind statistics",
        "home-locked",
        &[&holder, "wait until"],
    );
    for command in [
        "expire home",
        "doubt home population --kit bruno",
        "receipt home alice/receipt-1-held.json",
    ] {
        let command = format!("service {command} --wait 0s");
        place.refused(&command, "home-locked", &[&holder]);
        let command = command.replace("--wait 0s", "--wait 1s");
        place.refused(&command, "home-locked", &[&holder, "--wait"]);
    }
    std::thread::scope(|scope| {
        let waits = scope.spawn(|| place.ok("service expire home --wait 2h"));
        std::thread::sleep(Duration::from_millis(300));
        drop(held);
        waits.join().unwrap();
    });
    let output = place.run("service expire home --wait 10");
    assert_eq!(output.status.code(), Some(2), "{}", text(&output.stderr));
}

/// `status` changes nothing, so that it needs no right to.
#[test]
fn a_home_that_is_read_only_is_read() {
    let place = Place::open();
    let place = place.unprivileged();
    let folders = ["home", "home/keys", "home/outbox", "home/life"];
    let mode = |bits: u32| {
        for folder in folders {
            fs::set_permissions(place.path(folder), fs::Permissions::from_mode(bits)).unwrap();
        }
    };
    let before = files(&place.path("home"));
    mode(0o555);
    let shown = text(&place.run("service status home").stdout);
    assert!(shown.contains("2 of 3, all shares held"), "{shown}");
    place.ok("service publish home public");
    place.ok("custodian check alice --ledger home/ledger.jsonl --out receipt.json");
    assert!(files(&place.path("home")) == before);
    mode(0o755);
    // Of a home of somebody else only what everybody may read is read.
    for private in ["identity", "places.json", "lock"] {
        fs::set_permissions(
            place.path(&format!("home/{private}")),
            fs::Permissions::from_mode(0o000),
        )
        .unwrap();
    }
    for private in ["keys", "outbox", "life"] {
        let path = place.path(&format!("home/{private}"));
        fs::set_permissions(path, fs::Permissions::from_mode(0o000)).unwrap();
    }
    let shown = text(&place.run("service status home").stdout);
    assert!(shown.contains("2 of 3, all shares held"), "{shown}");
    mode(0o755);
}

#[test]
fn what_is_not_a_file_is_refused_where_files_are_read() {
    let place = Place::open();
    place.write("data.csv", csv(&identifiers(20)));
    place.ok(PREPARE);
    pipe(&place, "pipe");
    pipe(&place, "pipe.csv");
    pipe(&place, "pipe.parquet");
    fs::create_dir(place.path("odd")).unwrap();
    pipe(&place, "odd/ledger.jsonl");
    fs::copy(place.path("home/checkpoint"), place.path("odd/checkpoint")).unwrap();
    fs::create_dir(place.path("odd2")).unwrap();
    pipe(&place, "odd2/checkpoint");
    fs::copy(place.path("home/ledger.jsonl"), place.path("odd2/ledger.jsonl")).unwrap();
    fs::copy(place.path("r.csv"), place.path("m.csv")).unwrap();
    pipe(&place, "m.csv.manifest.json");
    let kits = place.with_kits("");
    for (command, named) in [
        (
            PREPARE
                .replace("data.csv", "pipe.csv")
                .replace("r.csv", "r2.csv")
                .replace("t.csv", "t2.csv"),
            "pipe.csv",
        ),
        (
            PREPARE
                .replace("data.csv", "pipe.parquet")
                .replace("r.csv", "r2.csv")
                .replace("t.csv", "t2.parquet"),
            "pipe.parquet",
        ),
        (
            PREPARE
                .replace("home/card.json", "pipe")
                .replace("r.csv", "r2.csv")
                .replace("t.csv", "t2.csv"),
            "pipe",
        ),
        (format!("{} {kits}", CODE.replace("r.csv", "m.csv")), "m.csv.manifest.json"),
        ("service receipt home pipe".into(), "pipe"),
        ("custodian accept alice pipe --ledger home/ledger.jsonl".into(), "pipe"),
        (
            "custodian check alice --ledger odd/ledger.jsonl --out receipt.json".into(),
            "odd/ledger.jsonl",
        ),
        (
            "custodian check alice --ledger odd2/ledger.jsonl --out receipt.json".into(),
            "odd2/checkpoint",
        ),
        ("auditor verify odd/ledger.jsonl --service home/card.json".into(), "odd/ledger.jsonl"),
        ("auditor verify home/ledger.jsonl --service pipe".into(), "pipe"),
        (
            "auditor verify home/ledger.jsonl --service home/card.json --checkpoint pipe".into(),
            "pipe",
        ),
        ("auditor verify home/ledger.jsonl --service home/card.json --witness pipe".into(), "pipe"),
        ("controller attach --retained t.csv --result pipe.csv --out o.csv".into(), "pipe.csv"),
        ("controller check pipe.csv".into(), "pipe.csv"),
        ("register build r --from pipe.csv".into(), "pipe.csv"),
        ("register stats pipe".into(), "pipe"),
    ] {
        let (status, said) = ended(&place, &command);
        assert_eq!(status, Some(1), "{command}\n{said}");
        assert!(said.contains("error[not-a-file]") && said.contains(named), "{command}\n{said}");
    }
    // A passphrase may come from a pipe: tests of the program at work give it so.
    place.quorum(CODE);
}

/// The run was done, and the command could not say so: a repeat does not make another key.
#[test]
fn a_new_key_is_not_made_twice_by_a_repeat() {
    let place = Place::open();
    let new_key = "service new-key home population --reason scheduled";
    place.quorum(new_key);
    for _ in 0..2 {
        place.refused_quorum(
            new_key,
            "key-just-made",
            &["generation 2 of `population`", "the command is done"],
        );
    }
    // The key of another domain is no repeat, and neither is one after anything else.
    place.quorum("service open home health --kind statistics");
    place.quorum("service new-key home health --reason scheduled");
    place.quorum(new_key);
    place.refused_quorum(new_key, "key-just-made", &["generation 3"]);
    place.ok("service doubt home population --kit bruno");
    place.quorum("service new-key home population --reason doubt");
}

#[test]
fn a_receipt_that_is_recorded_is_said_and_no_error() {
    let place = Place::open();
    place.ok("custodian check alice --ledger home/ledger.jsonl --out alice.json");
    place.ok("service receipt home alice.json");
    let count = || place.read("home/ledger.jsonl").matches("\"type\":\"received\"").count();
    let before = count();
    for receipt in ["alice.json", "alice/receipt-1-held.json"] {
        let said = place.ok(&format!("service receipt home {receipt}"));
        assert!(said.contains("already recorded: the receipts of alice"), "{said}");
    }
    assert_eq!(count(), before);
}

/// The note of where a delivery lies is lost or damaged: it is said, and the delivery ends.
#[test]
fn a_delivery_whose_note_is_gone_is_stated() {
    for damaged in [false, true] {
        let place = Place::open();
        place.write("data.csv", csv(&identifiers(20)));
        place.ok(PREPARE);
        place.quorum(CODE);
        let status = place.json("service status home");
        let delivery = status["deliveries"][0]["delivery"].as_str().unwrap();
        place.ok("controller attach --retained t.csv --result s.csv --out a.csv");
        let stated = format!("service delivered home {delivery} --stated");
        let note = fs::read_dir(place.path("home/outbox")).unwrap().next().unwrap().unwrap();
        match damaged {
            true => fs::write(note.path(), "{").unwrap(),
            false => fs::remove_file(note.path()).unwrap(),
        }
        let shown = text(&place.run("service status home").stdout);
        let word = if damaged { "DAMAGED" } else { "LOST" };
        assert!(shown.contains(&format!("note of where it lies is {word}")), "{shown}");
        let code = if damaged { "home-damaged" } else { "file-missing" };
        let received = format!("service delivered home {delivery} --receipt a.csv.receipt.json");
        place.refused(&received, code, &["--stated"]);
        let said = place.ok(&stated);
        assert!(said.contains("the copy here is lost"), "{said}");
        assert!(place.read("home/ledger.jsonl").contains("\"how\":\"lost\""));
        assert_eq!(place.json("service status home")["deliveries"], serde_json::json!([]));
        place.ok("service expire home");
        place.refused(&stated, "already-delivered", &[]);
        let verified = place.run("auditor verify home/ledger.jsonl --service home/card.json");
        assert!(matches!(verified.status.code(), Some(0 | 3)), "{}", text(&verified.stdout));
    }
}

/// A result that waits for its controller, and the number of its delivery.
fn with_a_result() -> (Place, String) {
    let place = Place::open();
    place.write("data.csv", csv(&identifiers(20)));
    place.ok(PREPARE);
    place.quorum(CODE);
    let status = place.json("service status home");
    let delivery = status["deliveries"][0]["delivery"].as_str().unwrap().to_owned();
    (place, delivery)
}

/// A result that nobody received and nobody finds.
#[test]
fn a_result_that_is_lost_is_stated() {
    let (place, delivery) = with_a_result();
    let delivery = &*delivery;
    let lost = |digits: &str| format!("service delivered home {digits} --lost");
    place.refused(&lost(delivery), "result-there", &["s.csv", "--receipt"]);
    place.ok("controller attach --retained t.csv --result s.csv --out a.csv");
    fs::rename(place.path("s.csv"), place.path("moved.csv")).unwrap();
    let received =
        format!("service delivered home {} --receipt a.csv.receipt.json", &delivery[..6]);
    place.refused(&received, "result-missing", &["--lost"]);
    let other = if delivery.starts_with("000000") { "111111" } else { "000000" };
    place.refused(&lost(other), "unknown-delivery", &[other, "service status"]);
    assert_eq!(place.run(&lost(&delivery[..5])).status.code(), Some(2));
    let both = format!("{} --stated", lost(delivery));
    assert_eq!(place.run(&both).status.code(), Some(2));

    let said = place.ok(&lost(&delivery[..6]));
    assert!(said.contains(delivery) && said.contains("nobody received it"), "{said}");
    let status = place.json("service status home");
    assert_eq!(status["deliveries"], serde_json::json!([]));
    assert_eq!(status["lost"], serde_json::json!([delivery]));
    let shown = text(&place.run("service status home").stdout);
    assert!(shown.contains(&format!("lost before they were delivered: {delivery}")), "{shown}");
    place.refused(&lost(delivery), "delivery-lost", &["nothing to do"]);
    assert!(fs::read_dir(place.path("home/outbox")).unwrap().next().is_none());

    let audited = place.run("auditor verify home/ledger.jsonl --service home/card.json");
    assert_eq!(audited.status.code(), Some(3));
    let audited = text(&audited.stdout);
    assert!(audited.contains("0 delivered, 1 lost") && audited.contains(delivery), "{audited}");
    let said = place.ok("custodian check alice --ledger home/ledger.jsonl --out alice.check.json");
    assert!(said.contains("a result was lost before anybody received it"), "{said}");
    // Its request stays used, and no published list waits for it.
    place.ok("service publish home published");
    let requests: serde_json::Value =
        serde_json::from_str(&place.read("published/requests.json")).unwrap();
    assert_eq!(requests["deliveries"], serde_json::json!([]));
}

/// The request is gone because another command finished the run.
#[test]
fn a_repeat_of_what_was_finished_names_the_delivery() {
    let (place, delivery) = with_a_result();
    place.refused_quorum(CODE, "request-spent", &[&delivery, "s.csv", "use that result"]);
}

/// What the system refuses is said in words, with advice that fits.
#[test]
fn limits_of_the_system_are_said_in_words() {
    let place = Place::open();
    place.write("data.csv", csv(&identifiers(20_000)));
    let limited = |limit: &str, command: &str| {
        let program = env!("CARGO_BIN_EXE_cstatns");
        let script = format!("ulimit {limit}; exec {program} {command}");
        let mut shell = Command::new("sh");
        shell.args(["-c", &script]).current_dir(place.directory.path()).env("LC_ALL", "C");
        shell.output().unwrap()
    };
    // Blocks of 512 bytes in `dash`, of 1024 in `bash`.
    let output = limited("-f 64", PREPARE);
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("error[file-size-limit]") && said.contains("ulimit -f"), "{said}");
    assert!(place.temporaries().is_empty(), "{:?}", place.temporaries());
    assert!(!place.exists("r.csv") && !place.exists("t.csv"));

    let mut named = false;
    for most in 3..12 {
        let output = limited(&format!("-n {most}"), "service status home");
        let said = text(&output.stderr);
        if output.status.code() == Some(1) && said.contains("error[") {
            assert!(said.contains("error[too-many-files]") && said.contains("ulimit -n"), "{said}");
            named = true;
        }
    }
    assert!(named, "no limit was met");
}

#[test]
fn places_of_no_format_are_refused() {
    let place = Place::open();
    let before = place.read("home/places.json");
    for format in ["0", "1"] {
        place.write(
            "home/places.json",
            before.replace("\"format\":2", &format!("\"format\":{format}")),
        );
        place.refused("service expire home", "home-damaged", &["places.json"]);
        place.refused("service status home", "home-damaged", &["places.json"]);
    }
}

/// A kit remembers what it states: on a medium that takes no writes it states nothing.
#[test]
fn a_kit_that_cannot_be_written_to_is_named() {
    let place = Place::open();
    let place = place.unprivileged();
    fs::set_permissions(place.path("alice"), fs::Permissions::from_mode(0o555)).unwrap();
    place.refused_quorum(
        "service open home other --kind statistics",
        "kit-read-only",
        &["alice", "mount its medium"],
    );
    fs::set_permissions(place.path("alice"), fs::Permissions::from_mode(0o755)).unwrap();
    place.quorum("service open home other --kind statistics");
}

#[test]
fn a_register_in_use_is_not_called_a_home() {
    let place = Place::default();
    place.write(
        "people.csv",
        format!(
            "nir,nom,prenoms,sexe,date_naissance,code_lieu\n{},Doe,Jo,1,1950,\n",
            identifiers(1)[0]
        ),
    );
    place.ok("register build r --from people.csv");
    let _held = lock_file(&place.path("r")).unwrap();
    let said = place.refused("register build r --update people.csv", "file-locked", &["\"r\""]);
    assert!(!said.contains("home"), "{said}");
}

/// Others read the ledger while it is published again and again: whatever moment they meet, it
/// holds.
#[test]
fn a_published_ledger_holds_at_every_moment() {
    let place = Place::open();
    let said = place.ok("service publish home public");
    assert!(said.contains("published"), "{said}");
    let mode = |name: &str| place.path(name).metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!([mode("public"), mode("public/current")], [0o755; 2]);
    for name in ["ledger.jsonl", "checkpoint", "card.json", "requests.json"] {
        assert_eq!(mode(&format!("public/{name}")), 0o644, "{name}");
    }
    for name in ["ledger.jsonl", "checkpoint", "card.json"] {
        assert_eq!(place.read(&format!("public/{name}")), place.read(&format!("home/{name}")));
    }
    let verify = "auditor verify public/ledger.jsonl --service home/card.json";
    place.ok(verify);
    let before = files(&place.path("public"));
    assert!(place.ok("service publish home public").contains("published already"));
    assert!(files(&place.path("public")) == before);

    let done = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        let reads = scope.spawn(|| {
            while !done.load(std::sync::atomic::Ordering::Relaxed) {
                let output = place.run(verify);
                let said = text(&output.stdout);
                assert_eq!(output.status.code(), Some(0), "{said}{}", text(&output.stderr));
                place.ok("custodian log alice --ledger public/ledger.jsonl");
            }
        });
        for turn in 0..8 {
            // Several events between two versions.
            place.refused_quorum(
                "service open home population --kind statistics",
                "domain-exists",
                &[],
            );
            place.refused_quorum(
                "service extend home population --ends 2030-01-01",
                "not-research",
                &[],
            );
            place.ok("service publish home public");
            assert!(place.path("public").read_dir().unwrap().count() <= 7, "{turn}");
        }
        done.store(true, std::sync::atomic::Ordering::Relaxed);
        reads.join().unwrap();
    });

    // What is published and is not the beginning of ours is never replaced.
    let ledger = place.read("public/ledger.jsonl");
    let kept = place.read("public/checkpoint");
    place.write("public/ledger.jsonl", ledger.replacen("population", "populatioN", 1));
    place.refused("service publish home public", "published-other", &["event", "auditor"]);
    place.write("public/ledger.jsonl", format!("{ledger}{{}}\n"));
    place.refused("service publish home public", "published-other", &["event", "auditor"]);
    assert_eq!(place.read("public/checkpoint"), kept);
    place.write("public/ledger.jsonl", &ledger);
    place.ok("service publish home public");
}

/// Who waits for what is published with the ledger.
#[test]
fn what_is_waited_for_is_published() {
    let place = Place::open();
    place.write("data.csv", csv(&identifiers(20)));
    place.ok(PREPARE);
    place.quorum(CODE);
    place.write_private("pass", "words that are kept");
    pipe(&place, "pipe");
    place.ok("service publish home public");
    let requests = || -> serde_json::Value {
        serde_json::from_str(&place.read("public/requests.json")).unwrap()
    };
    assert_eq!(requests()["deliveries"][0]["domain"], "population");
    assert_eq!(requests()["questions"], serde_json::json!([]));
}

/// One signal ends what waits for a home.
#[test]
fn a_signal_ends_what_waits() {
    let place = Place::open();
    let lock = place.path("home/lock");
    let _held = lock_for(&lock, &Name::new("code").unwrap(), Duration::ZERO).unwrap();
    let mut child = place.command("service expire home --wait 2h");
    let mut child = child.stderr(Stdio::null()).spawn().unwrap();
    std::thread::sleep(Duration::from_millis(300));
    signal(child.id(), "TERM");
    assert!(!child.wait().unwrap().success());
}

/// Copies of one ledger are compared with each other: a fork is in none of them alone.
#[test]
fn copies_of_a_ledger_are_verified_together() {
    let place = Place::open();
    place.ok("service publish home public");
    let twin = ["-a", "home", "twin"];
    let copied = Command::new("cp").args(twin).current_dir(place.directory.path()).status();
    assert!(copied.unwrap().success());
    let open = "service open home population --kind statistics";
    let extend = "service extend home population --ends 2030-01-01";
    place.refused_quorum(open, "domain-exists", &[]);
    let verify = "auditor verify home/ledger.jsonl public/ledger.jsonl --service home/card.json";
    place.ok(verify);
    let given = place.json(verify);
    let ledgers = given["ledgers"].as_array().unwrap();
    assert!(ledgers.len() == 2 && ledgers.iter().all(|ledger| ledger["holds"] == true));

    for command in [extend, open].map(|command| command.replace("home", "twin")) {
        assert_eq!(place.run(&place.with_kits(&command)).status.code(), Some(1), "{command}");
    }
    for order in ["home/ledger.jsonl twin/ledger.jsonl", "twin/ledger.jsonl home/ledger.jsonl"] {
        let output = place.run(&format!("auditor verify {order} --service home/card.json --json"));
        assert_eq!(output.status.code(), Some(1), "{}", text(&output.stderr));
        let given: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        let holds = |at: usize| given["ledgers"][at]["holds"].as_bool().unwrap();
        // The longer one does not extend the shorter one.
        let shorter = usize::from(order.starts_with("twin"));
        assert!(holds(shorter) && !holds(1 - shorter), "{order}: {given:#}");
        place.ok(&format!(
            "auditor verify {} --service home/card.json",
            order.split(' ').next().unwrap()
        ));
    }
}
