//! The commands of `docs/operations.md`, run as they stand, in the disasters that they are for.

use crate::common;

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use common::{Place, csv, identifiers, text};

fn operations() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/operations.md");
    fs::read_to_string(path).unwrap()
}

/// The commands below each heading, block after block.
fn blocks(of: &str) -> Vec<Vec<String>> {
    let text = operations();
    let section = text.split("\n## ").find(|section| section.starts_with(of));
    let section = section.unwrap_or_else(|| panic!("no section {of:?}"));
    let blocks = section.split("```sh\n").skip(1);
    let lines = |block: &str| block.lines().map(|line| line.trim().to_owned()).collect();
    blocks.map(|rest| lines(rest.split_once("```").unwrap().0.trim_end())).collect()
}

/// A service of three custodians with passphrases, life secrets in two places and a mirror; and a
/// backup of its first day.
fn service() -> Place {
    let mut place = Place::default();
    place.write_private("passphrase", "eleven plus one\n");
    let names = ["methods", "archives", "university"];
    for name in names {
        place.ok(&format!("custodian new {name} --name {name} --passphrase-file passphrase"));
    }
    let cards = names.map(|name| format!("--custodian {name}/card.json")).join(" ");
    place.ok(&format!(
        "service init home --name statistics --threshold 2 --shares shares --life lives lives-two \
        --mirror mirror {cards}"
    ));
    for name in names {
        place.ok(&format!(
            "custodian accept {name} shares/{name}.1.share --ledger home/ledger.jsonl \
            --passphrase-file passphrase"
        ));
    }
    let receipts = names.map(|name| format!("{name}/receipt-1-held.json")).join(" ");
    place.ok(&format!("service receipt home {receipts}"));
    place.kits = ["methods", "archives"]
        .map(|name| format!("--kit {name} --passphrase-file passphrase"))
        .into();
    place.quorum("service open home population --kind statistics");
    place.quorum("service open home cohort --kind research --ends 2035-12-31");
    fs::create_dir(place.path("safe")).unwrap();
    run(&place, &blocks("Where files lie")[0]);
    copy(&place, "home", "backup");
    fs::remove_file(place.path("backup/identity")).unwrap();
    code(&place, "first");
    place.quorum("service new-key home population --reason scheduled");
    place
}

fn copy(place: &Place, from: &str, to: &str) {
    let copied = Command::new("cp")
        .args(["-a", from, to])
        .current_dir(place.directory.path())
        .status()
        .unwrap();
    assert!(copied.success());
}

fn code(place: &Place, name: &str) {
    place.write(&format!("{name}.csv"), csv(&identifiers(30)));
    place.ok(&format!(
        "controller prepare {name}.csv --identifier-column nir --request {name}-r.csv --retained {name}-t.csv"
    ));
    place.quorum(&format!(
        "service code home population --request {name}-r.csv --result {name}-s.csv --purpose test"
    ));
}

/// Runs a block in a shell, as its reader would; passphrases, which a reader types, come from a
/// file, and a custodian who is asked says yes.
fn tried(place: &Place, block: &[String]) -> std::process::Output {
    let lines: Vec<String> = block
        .iter()
        .map(|line| {
            let asks = ["custodian check", "export-identity", "import-identity"];
            let asked = asks.iter().filter(|verb| line.contains(*verb)).count()
                + line.matches("--kit ").count();
            let (command, comment) = line.split_once("  #").unwrap_or((line, ""));
            let line = format!("{command}{}", " --passphrase-file passphrase".repeat(asked));
            let line = if comment.is_empty() { line } else { format!("{line} # {comment}") };
            if line.contains("--accept-service") { format!("echo yes | {line}") } else { line }
        })
        .collect();
    let program = Path::new(env!("CARGO_BIN_EXE_cstatns")).parent().unwrap();
    let path = format!("{}:{}", program.display(), std::env::var("PATH").unwrap());
    let mut shell = Command::new("sh");
    shell
        .args(["-ec", &lines.join("\n")])
        .env("PATH", path)
        .env("LC_ALL", "C")
        .env("HOME", place.directory.path());
    shell.current_dir(place.directory.path()).output().unwrap()
}

fn run(place: &Place, block: &[String]) -> String {
    let output = tried(place, block);
    let said = text(&output.stderr);
    assert!(output.status.success(), "{block:#?}\n{said}");
    said
}

fn lines(place: &Place) -> String {
    place.read("home/ledger.jsonl")
}

/// Every custodian follows, and coding goes on.
fn goes_on(place: &Place, name: &str) {
    code(place, name);
    for kit in ["methods", "archives", "university"] {
        place.ok(&format!(
            "custodian check {kit} --ledger home/ledger.jsonl --out {name}-{kit}.json --passphrase-file passphrase"
        ));
    }
}

#[test]
fn a_home_that_is_lost_comes_back() {
    let [back, old, lost, mirror] = &blocks("A disk fails")[..] else { panic!("blocks") };
    let place = service();
    let before = lines(&place);

    // The disk of the home alone: its places and the mirror are elsewhere.
    fs::remove_dir_all(place.path("home")).unwrap();
    run(&place, back);
    place.refused("service expire home", "home-old", &["service recover"]);
    run(&place, old);
    assert_eq!(lines(&place), before);
    goes_on(&place, "second");

    // With the places of life secrets.
    let before = lines(&place);
    for directory in ["home", "lives", "lives-two"] {
        fs::remove_dir_all(place.path(directory)).unwrap();
    }
    copy(&place, "mirror", "kept");
    fs::remove_file(place.path("mirror/cstatns-mirror")).unwrap();
    run(&place, back);
    place.refused("service expire home", "life-place", &[]);
    let said = run(&place, lost);
    assert!(said.contains("`cohort`, generation 1 is nowhere"), "{said}");
    assert!(lines(&place).starts_with(&before));
    // The mirror that was declared is none any more.
    let output = place.run("service recover home --mirror mirror");
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    goes_on(&place, "third");

    // A mirror takes its place.
    let before = lines(&place);
    fs::remove_dir_all(place.path("home")).unwrap();
    run(&place, mirror);
    assert!(lines(&place).starts_with(&before));
    goes_on(&place, "fourth");
}

#[test]
fn a_signing_key_that_is_stolen_or_lost_is_replaced() {
    let [stolen, lost] = &blocks("The signing key is lost or stolen")[..] else { panic!("blocks") };
    let place = service();
    let card = place.read("home/card.json");
    run(&place, stolen);
    assert_ne!(place.read("home/card.json"), card);
    assert_eq!(place.read("public/card.json").trim(), place.read("home/card.json").trim());
    goes_on(&place, "second");
    let card = place.read("home/card.json");
    fs::remove_file(place.path("home/identity")).unwrap();
    place.refused("service expire home", "identity-lost", &["rekey", "recover"]);
    run(&place, lost);
    assert_ne!(place.read("home/card.json"), card);
    goes_on(&place, "third");
}

#[test]
fn a_clock_is_confirmed() {
    let [confirm, check] = &blocks("A clock is wrong")[..] else { panic!("blocks") };
    let today = text(&Command::new("date").args(["-u", "+%F"]).output().unwrap().stdout);
    let dated = |block: &[String]| -> Vec<String> {
        block.iter().map(|line| line.replace("TODAY", today.trim())).collect()
    };
    // A service on a machine that has been off since January 2026.
    let place = off_since_january();
    let without: Vec<String> =
        confirm.iter().map(|line| line.replace("--confirm-clock TODAY", "")).collect();
    let output = tried(&place, &without);
    assert!(text(&output.stderr).contains("error[clock-unconfirmed]"), "{}", text(&output.stderr));
    // Another day is not today.
    let other: Vec<String> =
        confirm.iter().map(|line| line.replace("TODAY", "2020-02-29")).collect();
    let output = tried(&place, &other);
    assert!(text(&output.stderr).contains("error[clock-date]"), "{}", text(&output.stderr));
    run(&place, &dated(confirm));
    let place = off_since_january();
    place.refused("service expire home", "clock-unconfirmed", &["check"]);
    run(&place, check);
    place.ok("service expire home");
}

/// The kept home, and its kits.
fn off_since_january() -> Place {
    let place = Place::default();
    place.write_private("passphrase", "not asked for\n");
    let kept = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/data/golden");
    for (from, to) in
        [("home", "home"), ("kit-1", "methods"), ("kit-2", "archives"), ("kit-3", "university")]
    {
        copy(&place, kept.join(from).to_str().unwrap(), to);
    }
    fs::create_dir(place.path("home/outbox")).unwrap();
    place
}

#[test]
fn media_that_fail_are_given_up() {
    let [request, lost, mirror, life] = &blocks("A medium fails")[..] else { panic!("blocks") };
    let place = service();

    // A place of life secrets: the other one has them, and the new one gets them.
    fs::rename(place.path("lives-two"), place.path("gone")).unwrap();
    place.refused_quorum("service close home cohort", "life-place", &["lives-two"]);
    let said = run(&place, life);
    assert!(said.contains("lives-new"), "{said}");
    for file in ["cohort.life", "ledger.jsonl", "checkpoint"] {
        assert_eq!(
            fs::read(place.path("lives-new").join(file)).unwrap(),
            fs::read(place.path("lives").join(file)).unwrap(),
            "{file}"
        );
    }
    goes_on(&place, "second");

    // A mirror.
    fs::remove_dir_all(place.path("mirror")).unwrap();
    place.refused_quorum("service close home cohort", "mirror-behind", &["--mirror DIR"]);
    run(&place, mirror);
    assert_eq!(place.read("mirror-new/ledger.jsonl"), lines(&place));
    goes_on(&place, "third");
    place.quorum("service close home cohort");
    assert!(!place.exists("lives-new/cohort.life") && !place.exists("lives/cohort.life"));

    // The medium of a request: it is taken away while the run works.
    let delivery = owed(&place);
    let named: Vec<String> =
        request.iter().map(|line| line.replace("DELIVERY", &delivery)).collect();
    run(&place, &named);
    goes_on(&place, "fourth");

    // A result that nobody received.
    let here = place.json("service status home")["deliveries"].clone();
    let its = here.as_array().unwrap().iter().find(|of| of["delivery"] == *delivery).unwrap();
    let lost: Vec<String> = lost.iter().map(|line| line.replace("DELIVERY", &delivery)).collect();
    fs::remove_file(its["result"].as_str().unwrap()).unwrap();
    run(&place, &lost);
    goes_on(&place, "fifth");
}

/// A request whose destruction is owed, and whose medium is away. Returns the delivery.
fn owed(place: &Place) -> String {
    fs::create_dir(place.path("medium")).unwrap();
    place.write("owed.csv", csv(&identifiers(30)));
    // Killed when the result has its name, which is before the request is destroyed. It may be too
    // quick: then once more.
    for turn in 0..50 {
        place.ok(&format!(
            "controller prepare owed.csv --identifier-column nir --request medium/r.csv \
            --retained owed-{turn}.csv"
        ));
        let code = format!(
            "service code home population --request medium/r.csv --result owed-s{turn}.csv \
            --purpose test"
        );
        let mut command = place.command(&place.with_kits(&code));
        let mut child = command.stderr(Stdio::null()).spawn().unwrap();
        while !place.exists(&format!("owed-s{turn}.csv")) && child.try_wait().unwrap().is_none() {}
        let _ = child.kill();
        child.wait().unwrap();
        if place.exists("medium/r.csv") {
            fs::rename(place.path("medium"), place.path("away")).unwrap();
            place.ok("service expire home");
            let status = place.json("service status home");
            return status["unfinished"][0]["delivery"].as_str().unwrap().to_owned();
        }
    }
    panic!("no run of fifty was stopped in time");
}

/// The timer's command, and what is set up once.
#[test]
fn timers_monitors_and_manuals_work() {
    let place = service();
    let cron = operations();
    let cron = cron.lines().find_map(|line| line.split_once("/usr/local/bin/cstatns ")).unwrap().1;
    place.ok(&cron.trim_end_matches("`.").replace("/srv/cstatns/home", "home"));
    let [monitor, metrics] = &blocks("Watching")[..] else { panic!("blocks") };
    let output = tried(&place, monitor);
    assert!(matches!(output.status.code(), Some(0 | 3)), "{}", text(&output.stderr));
    let shown = text(&tried(&place, metrics).stdout);
    // Every metric of the table is one.
    let table = operations();
    let names = table.split("cstatns_").skip(1).map(|rest| {
        let end = rest.find(|c: char| !c.is_ascii_lowercase() && c != '_').unwrap();
        &rest[..end]
    });
    let mut names: Vec<&str> = names.collect();
    names.dedup();
    assert!(names.len() > 12, "{names:?}");
    for name in names {
        assert!(shown.contains(&format!("# TYPE cstatns_{name} ")), "{name}");
    }
    let [set_up] = &blocks("Completions and manual pages")[..] else { panic!("blocks") };
    run(&place, set_up);
    assert!(place.exists(".local/share/bash-completion/completions/cstatns"));
    assert!(place.exists(".local/share/man/man1/cstatns.1"));
}

/// No command stands outside the blocks that are run.
#[test]
fn every_command_is_run() {
    let text = operations();
    let sections = [
        "Where files lie",
        "A disk fails",
        "The signing key",
        "A clock",
        "A medium",
        "Watching",
        "Completions",
    ];
    let run: usize = sections.iter().flat_map(|of| blocks(of)).map(|block| block.len()).sum();
    let mut shell = false;
    let mut found = 0;
    for line in text.lines() {
        match line.trim() {
            "```sh" => shell = true,
            "```" => shell = false,
            command if shell => found += usize::from(!command.is_empty()),
            command => assert!(
                !command.starts_with("cstatns ") && !command.starts_with("$ "),
                "a command that is not run: {command}"
            ),
        }
    }
    assert_eq!(found, run);
}
