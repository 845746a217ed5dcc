//! A witness cosigns what goes on from what it has seen, and nothing else; auditors count it.

use crate::common;

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use common::{Place, files, text};
use serde_json::Value;

const SIGN: &str = "auditor witness sign authority home/ledger.jsonl";
const FIRST: &str = "auditor witness sign authority home/ledger.jsonl --service home/card.json";
const VERIFY: &str = "auditor verify home/ledger.jsonl --service home/card.json";
/// What is refused leaves one more event in the ledger.
const OPEN: &str = "service open home population --kind statistics";
const EXTEND: &str = "service extend home population --ends 2030-01-01";

/// A service with a domain, and a witness without a passphrase.
fn office() -> Place {
    let place = Place::open();
    place.ok("auditor witness new authority --name authority --no-passphrase");
    place
}

fn copy(place: &Place, from: &str, to: &str) {
    let mut copied = Command::new("cp");
    copied.args(["-aT", from, to]).current_dir(place.directory.path());
    assert!(copied.status().unwrap().success());
}

/// One more event in the ledger of `home`.
fn grow(place: &Place, home: &str, command: &str) {
    let command = place.with_kits(&command.replace("home", home));
    assert_eq!(place.run(&command).status.code(), Some(1), "{command}");
}

fn id(place: &Place) -> String {
    let card: Value = serde_json::from_str(&place.read("home/card.json")).unwrap();
    card["body"]["id"].as_str().unwrap().to_owned()
}

fn cosigned(place: &Place) -> String {
    format!("authority/{}.checkpoint", id(place))
}

fn lines(place: &Place, file: &str) -> u64 {
    place.read(file).lines().count() as u64
}

/// A refusal that changes nothing in the witness's folder.
fn refused(place: &Place, command: &str, code: &str, words: &[&str]) {
    let before = files(&place.path("authority"));
    place.refused(command, code, words);
    let mut after = files(&place.path("authority"));
    let is_lock = |path: &PathBuf| path.ends_with("lock");
    after.retain(|path, _| before.contains_key(path) || !is_lock(path));
    assert!(before == after, "{command}: the folder changed");
}

/// The codes of the findings about witnesses, whether they hold, and how far others than the
/// service vouch.
fn audited(place: &Place, command: &str) -> (Option<i32>, Vec<(String, bool)>, u64) {
    let output = place.run(&format!("{command} --json"));
    let said = text(&output.stdout);
    let summary: Value = serde_json::from_str(&said).unwrap_or_else(|_| panic!("{said}"));
    let findings = summary["findings"].as_array().unwrap().iter();
    let of_witnesses = findings
        .filter(|finding| finding["check"] == "witness")
        .map(|finding| (finding["code"].as_str().unwrap().to_owned(), finding["holds"] == true));
    let witnessed = summary["witnessed"]["events"].as_u64().unwrap();
    (output.status.code(), of_witnesses.collect(), witnessed)
}

fn held(code: &str) -> (String, bool) {
    (code.to_owned(), true)
}

fn failed(code: &str) -> (String, bool) {
    (code.to_owned(), false)
}

#[test]
fn a_witness_follows_a_ledger_and_an_auditor_counts_it() {
    let place = office();
    let public = place.read("authority/witness.pub");
    assert!(public.starts_with("authority+") && public.lines().count() == 1, "{public}");
    refused(&place, SIGN, "witness-service-needed", &[&id(&place), "--service"]);
    let said = place.ok(FIRST);
    let events = lines(&place, "home/ledger.jsonl");
    for words in
        [&format!("cosigned {events} events of "), "for the first time", "compare its words"]
    {
        assert!(said.contains(words), "{words}\n{said}");
    }
    // The note of the service, and one line more.
    let (note, file) = (place.read("home/checkpoint"), cosigned(&place));
    let first = place.read(&file);
    let line = first.strip_prefix(&note).unwrap();
    assert!(line.starts_with("— authority ") && line.lines().count() == 1, "{line}");

    // The same head: the same answer, also to another file.
    let said = place.ok(SIGN);
    assert!(said.contains("already"), "{said}");
    place.ok(&format!("{FIRST} --out again"));
    assert!(place.read(&file) == first && place.read("again") == first);
    refused(&place, &format!("{SIGN} --out again"), "output-exists", &["again"]);

    let verify = format!("{VERIFY} --checkpoint {file}");
    let (code, found, _) = audited(&place, &verify);
    assert_eq!((code, found), (Some(0), vec![held("cosigner-unknown")]));
    let witness = format!("{verify} --witness authority/witness.pub");
    let (code, found, seen) = audited(&place, &witness);
    assert_eq!((code, found, seen), (Some(0), vec![held("holds")], events));
    let said = text(&place.run(&witness).stdout);
    for words in [
        format!("  authority, whose key was given: events 1 to {events}\n"),
        "  Together: every event.\n".to_owned(),
    ] {
        assert!(said.contains(&words), "{words}\n{said}");
    }
    // Beside the ledger it is as good.
    let kept = place.read("home/checkpoint");
    place.write("home/checkpoint", &first);
    let beside = format!("{VERIFY} --witness authority/witness.pub");
    assert_eq!(audited(&place, &beside), (Some(0), vec![held("holds")], events));
    place.write("home/checkpoint", kept);
    let (_, found, seen) = audited(&place, &beside);
    assert_eq!(found, [held("witness-silent")]);
    assert!(seen < events, "the key alone adds nothing");

    // It grows: the last one is replaced, and both stand in the ledger.
    grow(&place, "home", OPEN);
    let said = place.ok(SIGN);
    let words =
        format!("cosigned {} events of {}, which go on from the {events}", events + 1, id(&place));
    assert!(said.contains(&words), "{said}");
    let second = place.read(&file);
    assert!(second != first && second.contains(&format!("\n{}\n", events + 1)));
    grow(&place, "home", EXTEND);
    let both = format!("{VERIFY} --checkpoint {file} again --witness authority/witness.pub");
    let (code, found, seen) = audited(&place, &both);
    assert_eq!((code, found, seen), (Some(0), vec![held("holds"); 2], events + 1));
    // A key that is given twice is one witness.
    let twice = audited(&place, &format!("{both} authority/witness.pub"));
    assert_eq!(twice, (code, vec![held("holds"); 2], seen));
    let said = text(&place.run(&both).stdout);
    assert!(
        said.contains(&format!("Nobody but the service vouches for event {}.", events + 2)),
        "{said}"
    );
    let french = text(&place.run(&format!("--lang fr {both}")).stdout);
    assert!(
        french.contains("  authority, dont la clé a été donnée\u{a0}: les événements 1 à "),
        "{french}"
    );
}

#[test]
fn a_witness_refuses_what_does_not_go_on_from_what_it_saw() {
    let place = office();
    copy(&place, "home", "old");
    copy(&place, "home", "fork");
    grow(&place, "home", OPEN);
    place.ok(FIRST);
    let sign = |home: &str| SIGN.replace("home", home);
    let events = lines(&place, "home/ledger.jsonl");
    let (seen, short) = (events.to_string(), (events - 1).to_string());
    refused(&place, &sign("old"), "witness-shorter", &[&seen, &short, "call the auditor"]);
    // Of the same length, and longer.
    for _ in 0..2 {
        grow(&place, "fork", EXTEND);
        refused(&place, &sign("fork"), "witness-forked", &[&seen, "auditor verify"]);
    }
    // The auditor is shown what the witness saw.
    let verify = format!(
        "{} --checkpoint {} --witness authority/witness.pub",
        VERIFY.replace("home/ledger", "fork/ledger"),
        cosigned(&place)
    );
    let (code, found, _) = audited(&place, &verify);
    assert_eq!((code, found), (Some(1), vec![failed("witness-forked")]));
    // The present one goes on as before.
    grow(&place, "home", EXTEND);
    place.ok(SIGN);
}

/// A witness is called as its folder is, where nothing else is said.
#[test]
fn the_folder_names_the_witness() {
    let place = Place::default();
    place.ok("auditor witness new authority --no-passphrase");
    assert!(place.read("authority/witness.pub").starts_with("authority+"));
    let output = place.run("auditor witness new Witness --no-passphrase");
    let said = text(&output.stderr);
    assert!(output.status.code() == Some(2) && said.contains("--name"), "{said}");
    assert!(!place.exists("Witness"));
}

#[test]
fn a_witness_refuses_what_the_service_did_not_sign_or_another_signed() {
    let place = office();
    let other = Place::open();
    copy(&place, "home", "new");
    fs::create_dir(place.path("other")).unwrap();
    for name in ["ledger.jsonl", "checkpoint", "card.json"] {
        place.write(&format!("other/{name}"), other.read(&format!("home/{name}")));
    }
    place.ok(FIRST);
    let sign = |home: &str| SIGN.replace("home", home);
    refused(&place, &sign("other"), "witness-service-needed", &[]);
    let command = format!("{} --service home/card.json", sign("other"));
    refused(&place, &command, "ledger-other-service", &[]);
    let command = format!("{SIGN} --service other/card.json");
    refused(&place, &command, "ledger-other-service", &[]);
    refused(&place, &format!("{SIGN} --service alice/card.json"), "service-card", &[]);
    // Nobody is accused of a file that is no ledger.
    let card = SIGN.replace("home/ledger.jsonl", "home/card.json");
    refused(&place, &card, "file-form", &["home/card.json"]);

    // What somebody changed: the checkpoint, the lines, or both without the service's key.
    grow(&place, "new", OPEN);
    let note = place.read("new/checkpoint");
    let line = note.lines().last().unwrap();
    let blob = line.rsplit(' ').next().unwrap();
    let mut wrong: Vec<char> = blob.chars().collect();
    wrong[40] = if wrong[40] == 'A' { 'B' } else { 'A' };
    place.write("new/checkpoint", note.replace(blob, &wrong.into_iter().collect::<String>()));
    refused(&place, &sign("new"), "checkpoint-signature", &[]);
    place.write("new/checkpoint", place.read("other/checkpoint"));
    refused(&place, &sign("new"), "witness-service-needed", &[]);
    let command = format!("{} --service home/card.json", sign("new"));
    refused(&place, &command, "checkpoint-other-service", &[]);
    place.write("new/checkpoint", "nothing\n");
    refused(&place, &sign("new"), "checkpoint-signature", &[]);
    place.write("new/checkpoint", &note);
    let ledger = place.read("new/ledger.jsonl");
    place.write("new/ledger.jsonl", ledger.replacen("\"demo\":true", "\"demo\":false", 1));
    assert_ne!(place.read("new/ledger.jsonl"), ledger, "it was changed");
    let output = place.run(&sign("new"));
    assert_eq!(output.status.code(), Some(1), "{}", text(&output.stderr));
    // A line less than the checkpoint covers.
    let cut = ledger.trim_end().rsplit_once('\n').unwrap().0;
    place.write("new/ledger.jsonl", format!("{cut}\n"));
    refused(&place, &sign("new"), "ledger-short", &[]);
    place.write("new/ledger.jsonl", &ledger);
    place.ok(&sign("new"));

    // A card of the service that was changed.
    let card = place.read("home/card.json");
    place.write("odd.json", card.replacen("\"signing\":\"", "\"signing\":\"00", 1));
    refused(&place, &format!("{SIGN} --service odd.json"), "service-card", &[]);
}

/// The memory is durable before the cosignature is given away: a stop between the two costs
/// nothing, and asks for nothing.
#[test]
fn a_stop_between_memory_and_cosignature_is_made_good() {
    let place = Place::open();
    place.write_private("pass", "a passphrase of eight words for the authority\n");
    place.ok("auditor witness new authority --name authority --passphrase-file pass");
    let (file, seen) = (cosigned(&place), format!("authority/{}.seen", id(&place)));
    fs::create_dir(place.path(&file)).unwrap();
    let output = place.run(&format!("{FIRST} --passphrase-file pass"));
    assert_eq!(output.status.code(), Some(1), "{}", text(&output.stderr));
    let memory: Value = serde_json::from_str(&place.read(&seen)).unwrap();
    let note = memory["checkpoint"].as_str().unwrap();
    assert!(note.contains("\n— authority "), "it was remembered first");
    fs::remove_dir(place.path(&file)).unwrap();
    // Nothing is signed anew, so that nobody asks for the passphrase.
    let said = place.ok(SIGN);
    assert!(said.contains("already"), "{said}");
    assert_eq!(place.read(&file), note);

    // Where it cannot remember, it gives nothing away.
    grow(&place, "home", OPEN);
    let kept = place.read(&seen);
    fs::remove_file(place.path(&seen)).unwrap();
    fs::create_dir(place.path(&seen)).unwrap();
    let output = place.run(&format!("{FIRST} --passphrase-file pass --out given"));
    assert_eq!(output.status.code(), Some(1), "{}", text(&output.stderr));
    assert!(!place.exists("given"));
    fs::remove_dir(place.path(&seen)).unwrap();
    place.write(&seen, kept);
    place.ok(&format!("{SIGN} --passphrase-file pass --out given"));
}

#[test]
fn a_witness_needs_its_passphrase_its_folder_and_its_memory() {
    let place = Place::open();
    place.write_private("pass", "a passphrase of eight words for the authority\n");
    place.write_private("wrong", "another passphrase of eight words for nobody\n");
    place.refused(
        "auditor witness new alice --name authority --no-passphrase",
        "output-exists",
        &["alice"],
    );
    place.ok("auditor witness new authority --name authority --passphrase-file pass");
    refused(&place, &format!("{FIRST} --passphrase-file wrong"), "passphrase-wrong", &[]);
    place.ok(&format!("{FIRST} --passphrase-file pass"));
    grow(&place, "home", OPEN);
    refused(&place, &format!("{SIGN} --passphrase-file wrong"), "passphrase-wrong", &[]);

    // Folders of others: a kit, a party.
    place.ok("party new insee --name insee --no-passphrase");
    place.refused(&FIRST.replace("authority", "alice"), "party-damaged", &["alice"]);
    place.refused(&FIRST.replace("authority", "insee"), "file-missing", &["witness.pub"]);
    // The public key of another.
    let own = place.read("authority/witness.pub");
    place.ok("auditor witness new second --name authority --no-passphrase");
    place.write("authority/witness.pub", place.read("second/witness.pub"));
    refused(&place, &format!("{SIGN} --passphrase-file pass"), "party-damaged", &["witness.pub"]);
    place.write("authority/witness.pub", own);
    // A memory that is not its own: of the other witness, of another service, with a changed head.
    let seen = format!("authority/{}.seen", id(&place));
    let memory = place.read(&seen);
    place.ok(&FIRST.replace("authority", "second"));
    let others = place.read(&seen.replace("authority", "second"));
    let events = lines(&place, "home/ledger.jsonl") - 1;
    let changed = memory.replacen(&format!("\\n{events}\\n"), "\\n2\\n", 1);
    for wrong in [others, "{}".to_owned(), memory.replacen("\\n", "\\n1", 1), changed] {
        place.write(&seen, &wrong);
        refused(&place, &format!("{SIGN} --passphrase-file pass"), "witness-damaged", &[".seen"]);
    }
    place.write(&seen, memory);
    place.ok(&format!("{SIGN} --passphrase-file pass"));
    // What was never a ledger.
    let output = place.run(&SIGN.replace("home/ledger.jsonl", "home/card.json"));
    assert_eq!(output.status.code(), Some(1));
}

/// Two at a time could cosign two ledgers.
#[test]
fn one_witness_signs_once_at_a_time() {
    let place = office();
    place.ok(FIRST);
    let mut other = Command::new("flock")
        .args(["authority/lock", "sh", "-c", "touch held; sleep 60"])
        .current_dir(place.directory.path())
        .spawn()
        .unwrap();
    while !place.exists("held") && other.try_wait().unwrap().is_none() {
        std::thread::sleep(Duration::from_millis(5));
    }
    refused(&place, SIGN, "home-locked", &["lock"]);
    // The shell goes with its lock.
    let _ = Command::new("pkill").args(["-P", &other.id().to_string()]).status();
    let _ = other.kill();
    let _ = other.wait();
}

#[test]
fn an_auditor_believes_no_cosignature_that_does_not_hold() {
    let place = office();
    place.ok(FIRST);
    place.ok("auditor witness new second --name authority --no-passphrase");
    let (file, note) = (cosigned(&place), place.read(&cosigned(&place)));
    let verify = |key: &str| format!("{VERIFY} --checkpoint {file} --witness {key}");
    let (code, found, _) = audited(&place, &verify("second/witness.pub"));
    assert_eq!((code, found), (Some(0), vec![held("cosigner-unknown"), held("witness-silent")]));
    let (_, found, _) = audited(&place, &verify("second/witness.pub authority/witness.pub"));
    assert_eq!(found, [held("witness-silent"), held("holds")]);

    // A line of an older checkpoint under a newer one; bits of the date and of the signature.
    grow(&place, "home", OPEN);
    let line = note.lines().last().unwrap();
    let moved = format!("{}{line}\n", place.read("home/checkpoint"));
    let (head, blob) = line.rsplit_once(' ').unwrap();
    let changed = |at: usize| {
        let mut blob: Vec<char> = blob.chars().collect();
        blob[at] = if blob[at] == 'A' { 'B' } else { 'A' };
        note.replace(line, &format!("{head} {}", blob.into_iter().collect::<String>()))
    };
    let before = audited(&place, VERIFY).2;
    for (what, wrong) in [("moved", moved), ("date", changed(13)), ("signature", changed(60))] {
        place.write("wrong", wrong);
        let command = verify("authority/witness.pub").replace(&file, "wrong");
        let (code, found, seen) = audited(&place, &command);
        let expected = (Some(1), vec![failed("cosignature-false")], before);
        assert_eq!((code, found, seen), expected, "{what}");
    }
    let said = text(&place.run(&verify("home/card.json")).stdout);
    assert!(said.contains("nor the public key of a witness"), "{said}");
}
