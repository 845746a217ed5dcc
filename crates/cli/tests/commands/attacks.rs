//! What was done to a service behind its custodians' backs, and who notices: each test plays one
//! attack on the program.

use crate::common;

use std::fs;
use std::io::Write as _;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use common::{Place, files, signal, text};

/// Copies a directory over another, with the times of its files.
fn copy(place: &Place, from: &str, to: &str) {
    let _ = fs::remove_dir_all(place.path(to));
    let status = Command::new("cp").arg("-a").arg(place.path(from)).arg(place.path(to)).status();
    assert!(status.unwrap().success());
}

fn open(home: &str, domain: &str, kits: [&str; 2]) -> String {
    let [one, other] = kits;
    format!("service open {home} {domain} --kind statistics --kit {one} --kit {other}")
}

fn check(kit: &str) -> String {
    format!("custodian check {kit} --ledger home/ledger.jsonl --out {kit}-check.json")
}

/// What the auditor says with the evidence of a kit: the exit status, the codes of what fails, and
/// the text.
fn audited(place: &Place, ledger: &str, kit: &str) -> (Option<i32>, Vec<String>, String) {
    let evidence = format!("{kit}.evidence.json");
    let _ = fs::remove_file(place.path(&evidence));
    place.ok(&format!("custodian log {kit} --out {evidence}"));
    let output = place.run(&format!(
        "auditor verify {ledger} --service home/card.json --witness {evidence} --json"
    ));
    let summary: Value = serde_json::from_slice(&output.stdout).unwrap();
    let findings = summary["findings"].as_array().unwrap().iter();
    let failed = findings.filter(|finding| finding["holds"] == false);
    let codes = failed.map(|finding| finding["code"].as_str().unwrap().to_owned()).collect();
    (output.status.code(), codes, text(&output.stdout) + &text(&output.stderr))
}

#[test]
fn an_erased_run_is_refused_by_its_custodians_and_proved_to_the_auditor() {
    let place = Place::founded();
    copy(&place, "home", "before");
    place.ok(&open("home", "secret", ["alice", "chloe"]));
    copy(&place, "before", "home");

    // Any two quorums share a custodian, whose kit has seen the run.
    for (kits, name) in [(["alice", "bruno"], "alice"), (["bruno", "chloe"], "chloe")] {
        place.refused(&open("home", "health", kits), "ledger-shorter", &[name, "removed"]);
    }
    // The refused questions have made the ledger longer again.
    for kit in ["alice", "chloe"] {
        place.refused(&check(kit), "ledger-forked", &[kit]);
        let (status, codes, said) = audited(&place, "home/ledger.jsonl", kit);
        assert_eq!(status, Some(1), "{said}");
        assert!(codes.contains(&"question-erased".to_owned()), "{codes:?}");
        assert!(said.contains("open the statistical domain `secret`"), "{said}");
    }
    // Without the evidence nothing is seen: the ledger is lawful.
    let alone = place.run("auditor verify home/ledger.jsonl --service home/card.json");
    assert!(matches!(alone.status.code(), Some(0 | 3)), "{}", text(&alone.stderr));
}

#[test]
fn a_run_on_a_hidden_copy_of_the_home_is_seen_by_its_custodians() {
    let place = Place::founded();
    copy(&place, "home", "hidden");
    place.ok(&open("hidden", "secret", ["alice", "chloe"]));
    place.refused(&open("home", "health", ["alice", "bruno"]), "ledger-shorter", &["alice"]);
    // Also where the true ledger has become longer meanwhile.
    for _ in 0..6 {
        place.ok("service receipt home alice/receipt-1-held.json");
    }
    place.refused(&check("chloe"), "ledger-forked", &["chloe"]);
    let (status, codes, _) = audited(&place, "home/ledger.jsonl", "chloe");
    assert_eq!((status, codes.contains(&"question-erased".to_owned())), (Some(1), true));
    // The copy's ledger is the one that the kit follows.
    let (status, codes, said) = audited(&place, "hidden/ledger.jsonl", "chloe");
    assert_eq!((status, codes.len()), (Some(0), 0), "{said}");
}

/// Who has the service's `identity` can feed a kit a ledger of their own, and run nothing. The kit
/// refuses the true ledger from then on, and what it was shown is proved by the thief's signature.
#[test]
fn a_stolen_identity_forks_the_ledger_and_is_proved_by_what_it_signed() {
    let place = Place::open();
    copy(&place, "home", "thief");
    // Without kits the thief records no more than refusals.
    place.ok("service receipt thief alice/receipt-1-held.json");
    place.ok("custodian check chloe --ledger thief/ledger.jsonl --out seen.json");
    place.ok("service doubt home population --kit bruno");
    place.refused(&check("chloe"), "ledger-forked", &["chloe", "rewritten"]);
    let new_key = "service new-key home population --reason doubt --kit alice";
    place.refused(&format!("{new_key} --kit chloe"), "ledger-forked", &["chloe"]);
    let (status, codes, said) = audited(&place, "home/ledger.jsonl", "chloe");
    assert_eq!(status, Some(1), "{said}");
    assert_eq!(codes, ["witness-forked"], "{said}");
    // The others go on.
    place.ok(&format!("{new_key} --kit bruno"));
    assert!(!place.exists("thief/keys/population.2.1.key"));
}

/// A batch of one person, filled up with invented people and empty rows, is no secret from the
/// custodians: they see how many values it has, and how many of these are different.
#[test]
fn one_real_person_among_eleven_is_seen_by_the_custodians() {
    let place = Place::open();
    let eleven = common::identifiers(11);
    let rows = eleven.iter().map(String::as_str).chain(std::iter::repeat_n("", 489));
    let lines: String = rows.map(|cell| format!("{cell},x\n")).collect();
    place.write("data.csv", format!("nir,other\n{lines}"));
    place
        .ok("controller prepare data.csv --identifier-column nir --request r.csv --retained t.csv");
    let said =
        place.quorum("service code home population --request r.csv --result s.csv --purpose test");
    for shown in [
        "code 500 rows with 11 values, 11 of them distinct",
        "  minimum   11 distinct values a run in `population`",
        "  before    0 runs for `test` in `population` this year",
        "  roster    2 of 3: alice, bruno, chloe\n",
        "  result    IN CLEAR, for whoever brought the request\n",
    ] {
        assert!(said.contains(shown), "{shown}\n{said}");
    }
    // Of ten people or fewer nothing is asked.
    let lines: String = eleven[..10].iter().map(|cell| format!("{cell},x\n")).collect();
    place.write("few.csv", format!("nir,other\n{lines}"));
    place.ok("controller prepare few.csv --identifier-column nir --request f.csv --retained u.csv");
    place.refused_quorum(
        "service code home population --request f.csv --result g.csv --purpose test",
        "too-few-values",
        &["10 distinct"],
    );
}

#[test]
fn a_memory_that_was_removed_or_edited_is_refused_by_name() {
    let place = Place::founded();
    place.ok(&open("home", "population", ["alice", "chloe"]));
    let memory = place.read("alice/memory");
    fs::remove_file(place.path("alice/memory")).unwrap();
    for command in [check("alice"), "custodian log alice".to_owned()] {
        place.refused(&command, "kit-memory", &["alice", "next dealing"]);
    }
    // What is shown before the passphrase is bound to what is sealed.
    let edited = memory.replacen("\"count\":2", "\"count\":1", 1);
    assert_ne!(edited, memory);
    place.write("alice/memory", edited);
    place.refused(&check("alice"), "kit-memory", &["alice"]);
    place.write("alice/memory", memory);
    place.ok(&check("alice"));
}

/// Kits and home put back to one moment: what no file shows. The line on paper does, and each kit
/// that has seen more.
#[test]
fn kits_put_back_together_with_the_home_are_caught_by_paper_and_by_any_other_kit() {
    let place = Place::founded();
    let all = ["home", "alice", "chloe"];
    all.iter().for_each(|one| copy(&place, one, &format!("{one}.before")));
    let said = place.ok(&open("home", "secret", ["alice", "chloe"]));
    let paper = said.lines().find(|line| line.contains("keep on paper, `alice`")).unwrap();
    assert!(paper.contains("statement 2"), "{paper}");
    place.ok(&check("bruno"));
    all.iter().for_each(|one| copy(&place, &format!("{one}.before"), one));

    let said = place.ok(&check("alice"));
    let shown = said.lines().find(|line| line.contains("kit of `alice`")).unwrap();
    assert!(shown.contains("statement 1") && !shown.contains("statement 2"), "{shown}");
    fs::remove_file(place.path("bruno-check.json")).unwrap();
    place.refused(&check("bruno"), "ledger-shorter", &["bruno"]);
    let (status, ..) = audited(&place, "home/ledger.jsonl", "bruno");
    assert_eq!(status, Some(1));
}

/// Two copies of one kit, or one that is back from its backup, go on with the true ledger.
#[test]
fn a_stale_copy_of_a_kit_is_told_and_goes_on() {
    let place = Place::founded();
    copy(&place, "alice", "alice.old");
    place.ok(&open("home", "population", ["alice", "chloe"]));
    copy(&place, "alice.old", "alice");
    let said = place.ok(&open("home", "health", ["alice", "bruno"]));
    assert!(said.contains("another copy of the kit is in use"), "{said}");
    let said = place.ok(&check("alice"));
    assert!(!said.contains("another copy"), "{said}");
    let output = place.run("auditor verify home/ledger.jsonl --service home/card.json");
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stdout));
}

#[test]
fn a_receipt_is_not_replayed() {
    let place = Place::founded();
    for year in [1, 2] {
        let out = format!("alice-{year}.json");
        place.ok(&format!("custodian check alice --ledger home/ledger.jsonl --out {out}"));
        place.ok(&format!("service receipt home {out}"));
        // Dates are in whole seconds.
        std::thread::sleep(Duration::from_millis(1100));
    }
    place.refused("service receipt home alice-1.json", "receipt-date", &["alice"]);
    let received = || place.read("home/ledger.jsonl").matches("\"type\":\"received\"").count();
    let before = received();
    place.ok("service receipt home alice-2.json");
    assert_eq!(received(), before);
}

/// With two of four, the operator's own two custodians would be a quorum that shares nobody with
/// the others.
#[test]
fn two_custodians_of_the_operator_are_no_quorum_of_four() {
    let place = Place::default();
    let names = ["alice", "bruno", "denis", "elise"];
    for name in names {
        place.ok(&format!("custodian new {name} --name {name} --no-passphrase"));
    }
    let cards = names.map(|name| format!("{name}/card.json")).join(" ");
    let init = |k: u8| {
        format!(
            "service init home --name office --threshold {k} --shares shares --demo --custodian \
            {cards}"
        )
    };
    place.refused(&init(2), "threshold-minority", &["2 of 4", "at least 3"]);
    place.ok(&init(3));
}

/// A service of protected kits, and a command that waits for the passphrase of one of them.
struct Waiting {
    place: Place,
    child: std::process::Child,
}

impl Waiting {
    fn new(command: &str) -> Self {
        let place = Place::in_earnest();
        let pipe = place.path("pipe");
        assert!(Command::new("mkfifo").arg("-m600").arg(&pipe).status().unwrap().success());
        let kits = "--kit bruno --passphrase-file bruno.pass --kit chloe --passphrase-file pipe \
                    --kit elise --passphrase-file elise.pass";
        let child = place.command(&format!("{command} {kits}"));
        let mut child = { child }.stderr(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
        let patience = Instant::now() + Duration::from_secs(120);
        // Bruno has consented once his kit's memory says so.
        while place.read("bruno/memory").matches("\"kind\":\"consent\"").count() == 0 {
            assert!(Instant::now() < patience && child.try_wait().unwrap().is_none(), "no consent");
            std::thread::sleep(Duration::from_millis(10));
        }
        Self { place, child }
    }

    /// Types the passphrase, and gives what the command said.
    fn answer(self, passphrase: &str) -> (Place, Option<i32>, String) {
        fs::write(self.place.path("pipe"), passphrase).unwrap();
        let output = self.child.wait_with_output().unwrap();
        (self.place, output.status.code(), text(&output.stderr))
    }
}

fn events(place: &Place) -> Vec<Value> {
    let lines = place.read("home/ledger.jsonl");
    lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn kinds(place: &Place) -> Vec<String> {
    events(place).iter().map(|line| line["event"]["type"].as_str().unwrap().to_owned()).collect()
}

/// Nobody is waited for while the home is locked, and the question stands before it is answered.
#[test]
fn the_home_is_free_while_custodians_are_asked() {
    let waiting = Waiting::new("service open home population --kind statistics");
    let place = &waiting.place;
    assert_eq!(kinds(place).last().unwrap(), "proposed");
    place.ok("service expire home");
    assert_eq!(place.json("service status home")["questions"][0]["waited_for"], true);
    // Another question is asked and runs meanwhile.
    let kits = ["alice", "bruno", "denis"]
        .map(|name| format!("--kit {name} --passphrase-file {name}.pass"))
        .join(" ");
    place.ok(&format!("service open home health --kind statistics {kits}"));
    let (place, status, said) = waiting.answer("the passphrase of chloe\n");
    assert_eq!(status, Some(0), "{said}");
    let kinds = kinds(&place);
    assert_eq!(kinds[kinds.len() - 3..], ["intent", "cosigned", "opened"]);
    assert!(!said.contains("warning"), "{said}");
}

/// Nor is the home locked while the custodian who doubts types the passphrase.
#[test]
fn the_home_is_free_while_a_doubt_is_typed() {
    let place = Place::in_earnest();
    place.quorum("service open home population --kind statistics");
    let pipe = place.path("pipe");
    assert!(Command::new("mkfifo").arg("-m600").arg(&pipe).status().unwrap().success());
    let doubt = "service doubt home population --kit denis --passphrase-file pipe";
    let mut child = place.command(doubt);
    let child = child.stderr(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
    // It waits where the pipe is opened for reading; then somebody else works.
    let mut writer = fs::File::options().write(true).open(&pipe).unwrap();
    place.quorum("service open home health --kind statistics");
    writer.write_all(b"the passphrase of denis\n").unwrap();
    drop(writer);
    let output = child.wait_with_output().unwrap();
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{said}");
    assert_eq!(kinds(&place).last().unwrap(), "doubted");
    assert!(said.contains("keep on paper, `denis`"), "{said}");
}

#[test]
fn a_question_whose_process_was_killed_lapses_and_is_asked_again() {
    let mut waiting = Waiting::new("service open home population --kind statistics");
    signal(waiting.child.id(), "KILL");
    waiting.child.wait().unwrap();
    let place = &waiting.place;
    let before = files(&place.path("home"));
    let said = text(&place.run("service status home").stdout);
    assert!(said.contains("NO COMMAND WAITS for the approvals"), "{said}");
    assert!(files(&place.path("home")) == before, "it is said, and left as it is");
    let said = place.ok("service expire home");
    assert!(said.contains("recovered: the custodians were asked for `open`"), "{said}");
    let last = events(place).pop().unwrap();
    assert_eq!(
        (&last["event"]["type"], &last["event"]["why"]),
        (&"lapsed".into(), &"stopped".into())
    );
    // Bruno's kit remembers what the ledger does not hold.
    let said = place
        .ok("custodian check bruno --ledger home/ledger.jsonl --out bruno.json --passphrase-file \
        bruno.pass");
    assert!(said.contains("it lapsed, and the ledger does not hold this approval"), "{said}");
    place.quorum("service open home population --kind statistics");
    let left: Vec<_> = fs::read_dir(place.path("home/outbox")).unwrap().collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn a_wrong_passphrase_ends_the_question_with_the_consents_that_came_in() {
    let waiting = Waiting::new("service open home population --kind statistics");
    let (place, status, said) = waiting.answer("not hers\n");
    assert_eq!(status, Some(1), "{said}");
    assert!(said.contains("error[passphrase-wrong]"), "{said}");
    let last = events(&place).pop().unwrap();
    assert_eq!(last["event"]["why"], "withdrawn");
    let consents = last["event"]["consents"].as_array().unwrap();
    assert_eq!(consents.len(), 1);
    assert_eq!(consents[0]["body"]["by"], "bruno");
    // Less than a quorum: nothing can have run, and everything is in order.
    let audit = place.run("auditor verify home/ledger.jsonl --service home/card.json");
    assert_eq!(audit.status.code(), Some(0), "{}", text(&audit.stdout));
    // A service in earnest is not called a demonstration.
    assert!(!text(&audit.stdout).contains("DEMONSTRATION"), "{}", text(&audit.stdout));
    place.quorum("service open home population --kind statistics");
}

/// One kit that does not approve stops nothing where the others are enough: it is named, and so is
/// one that was given twice. Where they are not enough nobody is asked, or the question lapses.
#[test]
fn one_bad_approval_does_not_stop_a_run() {
    let place = Place::in_earnest();
    let kit = |name: &str, pass: &str| format!("--kit {name} --passphrase-file {pass}.pass");
    let open = |domain: &str, kits: &[(&str, &str)]| {
        let kits: Vec<String> = kits.iter().map(|(name, pass)| kit(name, pass)).collect();
        format!("service open home {domain} --kind statistics {}", kits.join(" "))
    };
    let [alice, bruno, chloe, elise] =
        ["alice", "bruno", "chloe", "elise"].map(|name| (name, name));
    let said = place.ok(&open("one", &[alice, ("bruno", "chloe"), chloe, elise]));
    assert!(said.contains("warning: `bruno` does not approve"), "{said}");
    assert!(said.contains("the passphrase for the kit \"bruno\" is wrong"), "{said}");
    let said = place.ok(&open("two", &[alice, bruno, bruno, chloe]));
    assert!(said.contains("warning: a kit of `bruno` was given twice; it counts once"), "{said}");
    // Of two copies of a kit the first that approves counts.
    copy(&place, "bruno", "copy");
    fs::remove_file(place.path("copy/memory")).unwrap();
    let copied = [("copy", "bruno"), bruno, alice, chloe];
    let said = place.ok(&open("again", &copied));
    assert!(said.contains("warning: `bruno` does not approve"), "{said}");
    // A kit whose memory is gone is one of those.
    fs::remove_file(place.path("elise/memory")).unwrap();
    let said = place.ok(&open("three", &[elise, alice, bruno, chloe]));
    assert!(said.contains("warning: `elise` does not approve"), "{said}");
    let intents = events(&place).into_iter().filter(|line| line["event"]["type"] == "intent");
    let by = |intent: Value| {
        let consents = intent["event"]["consents"].as_array().unwrap().clone();
        let names = consents.iter().map(|one| one["body"]["by"].as_str().unwrap().to_owned());
        names.collect::<Vec<_>>().join(" ")
    };
    let approved: Vec<String> = intents.map(by).collect();
    let three = "alice bruno chloe";
    assert_eq!(approved, ["alice chloe elise", three, three, three]);

    let before = kinds(&place).len();
    place.refused(&open("four", &[alice, bruno, bruno]), "approval-twice", &["bruno"]);
    assert_eq!(kinds(&place)[before..], ["refused"]);
    // The custodians who approved before the question lapsed have a line for their paper.
    let line = place.refused(
        &open("four", &[alice, bruno, ("chloe", "bruno")]),
        "passphrase-wrong",
        &["chloe"],
    );
    assert!(!line.contains("warning"), "{line}");
    assert_eq!(kinds(&place)[before + 1..], ["proposed", "lapsed"]);
    let output = place.run(&open("four", &[alice, bruno, ("chloe", "bruno")]));
    let said = text(&output.stderr);
    for name in ["alice", "bruno"] {
        let paper =
            said.lines().find(|line| line.starts_with(&format!("keep on paper, `{name}`: ")));
        assert!(paper.is_some_and(|line| line.contains("approved to open the statistical domain `four`")), "{said}");
    }
}

/// One person stops; a quorum answers, with a new key or with none.
#[test]
fn a_doubt_is_closed_by_a_quorum_that_is_shown_it() {
    let place = Place::open();
    place.ok("service doubt home population --kit bruno");
    let said = place.quorum("service examined home population");
    let doubt = said.lines().find(|line| line.starts_with("  doubt     of `bruno` on ")).unwrap();
    assert!(doubt.contains("event 10: generation 1 of `population`"), "{doubt}");
    place.refused_quorum("service examined home population", "no-doubt", &[]);
    place.ok("service doubt home --custody --kit bruno");
    place.refused_quorum(
        "service open home other --kind statistics",
        "custody-doubted",
        &["examined"],
    );
    place.quorum("service examined home --custody");
    place.quorum("service open home other --kind statistics --authorisation decree-2016-1930");
    let ledger = place.read("home/ledger.jsonl");
    assert!(ledger.contains("\"authorisation\":\"decree-2016-1930\""));
}

/// Who holds the other shares is shown before a share is accepted, and asked.
#[test]
fn a_custodian_is_shown_the_roster_and_asked() {
    let place = Place::founded();
    let accept = "custodian accept alice alice/share-1 --ledger home/ledger.jsonl";
    // Nobody answers.
    let output = place.command(accept).stdin(Stdio::null()).output().unwrap();
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("error[roster-unconfirmed]"), "{said}");
    for name in ["alice", "bruno", "chloe"] {
        let card: Value = serde_json::from_str(&place.read(&format!("{name}/card.json"))).unwrap();
        let card: cstatns::card::Card = serde_json::from_value(card).unwrap();
        let words = cstatns::card::spoken(&card.fingerprint());
        assert!(said.contains(&format!("{name}: {words}")), "{said}");
    }
    place.ok(&format!("{accept} --yes"));

    // In earnest nothing answers for a custodian.
    let place = Place::in_earnest();
    let accept = "custodian accept bruno bruno/share-1 --ledger home/ledger.jsonl \
                  --passphrase-file bruno.pass --yes";
    let output = place.command(accept).stdin(Stdio::null()).output().unwrap();
    assert_eq!(output.status.code(), Some(2), "{}", text(&output.stderr));
}

/// Each controller holds a checkpoint that the service signed.
#[test]
fn a_report_makes_its_holder_a_witness() {
    let place = Place::open();
    copy(&place, "home", "before");
    place.write("data.csv", common::csv(&common::identifiers(30)));
    place.coded("data", "nir", "population", 1);
    let report = "received/data.population.1.result.csv.report.json";
    let verify = format!(
        "auditor verify home/ledger.jsonl --service home/card.json --witness {report} --json"
    );
    place.ok(&verify);
    copy(&place, "before", "home");
    let output = place.run(&verify);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stdout).contains("\"witness-forked\""), "{}", text(&output.stdout));
    // A report that the service did not sign is none.
    let mut forged: Value = serde_json::from_str(&place.read(report)).unwrap();
    forged["body"]["rows_in"] = 31.into();
    place.write("forged.json", serde_json::to_vec(&forged).unwrap());
    let output = place.run(&verify.replace(report, "forged.json"));
    let said = text(&output.stdout);
    assert!(said.contains("\"witness-checkpoint\""), "{said}");
}

/// A run that a quorum approved and that failed may have run: the auditor names it, and so do the
/// kits.
#[test]
fn a_failed_run_must_be_accounted_for() {
    let place = Place::open();
    place.failed_run();
    assert_eq!(kinds(&place).last().unwrap(), "failed");
    let audit = place.run("auditor verify home/ledger.jsonl --service home/card.json");
    let said = text(&audit.stdout);
    assert_eq!(audit.status.code(), Some(3), "{said}");
    assert!(said.contains("Not in order") && said.contains("It may have run"), "{said}");
    let said = place.ok(&check("alice"));
    assert!(said.contains("its run failed; it may have run"), "{said}");
}
