//! A quorum that comes together elsewhere: the command that waits, the custodians on machines of
//! their own, and a folder to which others write.

use crate::common;

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::net::UnixListener;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use common::{Place, csv, identifiers, signal, text};
use serde_json::Value;

const SENT: &str = "--proposal proposal.json --approvals in";
const OPEN: &str = "service open home income --kind statistics";

/// A place with a folder for approvals.
fn with_folder(place: Place) -> Place {
    fs::create_dir(place.path("in")).unwrap();
    place
}

/// Starts a command, and returns once it waits for approvals. The tests may run where signals are
/// ignored.
fn waiting(place: &Place, command: &str) -> Child {
    let mut program = Command::new("env");
    program.args(["--default-signal=HUP,INT,TERM", env!("CARGO_BIN_EXE_cstatns")]);
    program.current_dir(place.directory.path()).args(command.split_whitespace());
    program.env("LC_ALL", "C");
    waits(place, program)
}

fn waits(place: &Place, mut program: Command) -> Child {
    let mut child = program.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let noted = |name: String| name.ends_with(".consents");
    while !lines_in(place, "home/outbox").into_iter().any(noted) {
        if child.try_wait().unwrap().is_some() {
            panic!("{program:?}: {}", ended(child).1);
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    assert!(place.exists("proposal.json"));
    child
}

/// Its exit status, and what it said.
fn ended(mut child: Child) -> (Option<i32>, String) {
    let since = Instant::now();
    while child.try_wait().unwrap().is_none() {
        if since.elapsed() > Duration::from_secs(60) {
            child.kill().unwrap();
            panic!("it does not end: {}", text(&child.wait_with_output().unwrap().stderr));
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    let output = child.wait_with_output().unwrap();
    (output.status.code(), text(&output.stderr))
}

fn approve(place: &Place, name: &str, out: &str) -> String {
    let pass = match place.exists(&format!("{name}.pass")) {
        true => format!("--passphrase-file {name}.pass"),
        false => String::new(),
    };
    place.ok(&format!("custodian approve {name} proposal.json --out {out} {pass}"))
}

fn lines_in(place: &Place, directory: &str) -> Vec<String> {
    let names = fs::read_dir(place.path(directory)).unwrap();
    let mut names: Vec<_> =
        names.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// The last event of a kind.
fn last(place: &Place, kind: &str) -> Value {
    let ledger = place.read("home/ledger.jsonl");
    let lines = ledger.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let mut found = lines.filter(|line| line["event"]["type"] == kind);
    found.next_back().expect("an event")["event"].clone()
}

fn consenting(event: &Value) -> Vec<String> {
    let consents = event["consents"].as_array().unwrap();
    consents.iter().map(|one| one["body"]["by"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn custodians_approve_on_machines_of_their_own() {
    let place = with_folder(Place::in_earnest());
    let child = waiting(&place, &format!("{OPEN} {SENT} --wait 30m"));
    // Nobody waits for it: the home is not locked.
    place.ok("service expire home");
    place.ok("service publish home public");
    let said = place.ok(
        "custodian approve denis proposal.json --ledger public/ledger.jsonl --out in/denis.json \
        --passphrase-file denis.pass",
    );
    let asked = "asked of the custodians: open the statistical domain `income`";
    for part in
        [asked, "  question  ", "statement 1, the last", "approves, statement 2", "keep on paper"]
    {
        assert!(said.contains(part), "{said}\nwithout {part:?}");
    }
    let roster = "  roster    3 of 5: alice, bruno, chloe, denis (external), elise (external)\n";
    assert!(said.contains(roster), "{said}");
    let question = said.find(asked).unwrap();
    assert!(question < said.find("statement 1, the last").unwrap(), "shown before it is asked for");
    // Somebody who approves in another language, and by another name of the file.
    let said = place.ok(
        "custodian approve alice proposal.json --out in/x --lang fr --passphrase-file alice.pass",
    );
    assert!(said.contains("demandé aux détenteurs") && said.contains("`alice` consent"), "{said}");
    while {
        place.ok("service publish home public");
        !place.read("public/requests.json").contains("\"consented\":[\"alice\",\"denis\"]")
    } {
        std::thread::sleep(Duration::from_millis(50));
    }
    // So does the operator's `status`.
    let shown = text(&place.run("service status home").stdout);
    let asked =
        "open the statistical domain `income`, approved by 2 of the 3 needed: alice, denis\n";
    assert!(shown.contains(asked), "{shown}");
    let question = place.json("service status home")["questions"][0].clone();
    assert_eq!(question["consented"], serde_json::json!(["alice", "denis"]));
    assert_eq!(question["needed"], 3);
    approve(&place, "elise", "in/elise.json");
    let (status, said) = ended(child);
    assert_eq!(status, Some(0), "{said}");
    for part in [
        "waiting for approvals until",
        ", 0 of 3",
        "`denis` approves, 1 of 3: denis",
        "`elise` approves, 3 of 3: ",
        "opened `income`",
    ] {
        assert!(said.contains(part), "{said}\nwithout {part:?}");
    }
    assert!(!said.contains("does not count"), "each file is read once: {said}");
    // Neither the proposal nor the shares stay there.
    assert!(!place.exists("proposal.json"));
    assert_eq!(lines_in(&place, "in"), [""; 0]);
    assert_eq!(consenting(&last(&place, "intent")), ["alice", "denis", "elise"]);
    // The kits have not seen the run: they do at their next check, and nothing is missing.
    let kept =
        place.json("custodian log denis --ledger home/ledger.jsonl --passphrase-file denis.pass");
    assert_eq!(kept["remarks"], serde_json::json!([]));
    place.ok("auditor verify home/ledger.jsonl --service home/card.json");
}

/// What lies in the folder is reported once by its name, and stops nothing.
#[test]
fn nothing_in_the_folder_stops_a_run() {
    let place = with_folder(Place::founded());
    // An approval of a question that has ended.
    let child = waiting(&place, &format!("{OPEN} {SENT}"));
    approve(&place, "bruno", "stale.json");
    signal(child.id(), "INT");
    assert_eq!(ended(child).0, Some(1));

    let command = format!("{OPEN} --kit alice {SENT}");
    let child = waiting(&place, &command);
    approve(&place, "chloe", "chloe.json");
    let good = place.read("chloe.json");
    fs::copy(place.path("stale.json"), place.path("in/stale.json")).unwrap();
    place.write("in/empty", "");
    place.write("in/garbage.json", "{\"consent\":1}");
    place.write("in/half.json", &good[..good.len() / 2]);
    place.write("in/altered.json", good.replacen("\"count\":2", "\"count\":3", 1));
    place.write("in/bad\nname", b"\xff\xfe");
    symlink(place.path("chloe.json"), place.path("in/link.json")).unwrap();
    symlink("nowhere", place.path("in/dangling")).unwrap();
    let made = Command::new("mkfifo").arg(place.path("in/pipe")).status().unwrap();
    assert!(made.success());
    let _socket = UnixListener::bind(place.path("in/socket")).unwrap();
    fs::create_dir(place.path("in/folder")).unwrap();
    fs::File::create(place.path("in/huge")).unwrap().set_len(1 << 40).unwrap();
    place.write("in/.x.00000000000000000000000000000000.cstatns-tmp", "being written");
    approve(&place, "alice", "in/alice.json");
    std::thread::sleep(Duration::from_millis(2500));
    fs::rename(place.path("chloe.json"), place.path("in/late.json")).unwrap();
    let (status, said) = ended(child);
    assert_eq!(status, Some(0), "{said}");
    let bad = [
        ("stale.json", "of another question"),
        ("empty", "not an approval"),
        ("garbage.json", "not an approval"),
        ("half.json", "not a whole one"),
        ("altered.json", "`chloe` is not signed by them"),
        ("bad\\nname", "not an approval"),
        ("link.json", "not a regular file"),
        ("dangling", "not a regular file"),
        ("pipe", "not a regular file"),
        ("socket", "not a regular file"),
        ("folder", "not a regular file"),
        ("huge", "65536 bytes"),
        ("alice.json", "`alice` approved twice"),
    ];
    for (name, reason) in bad {
        let named = format!("warning: \"{name}\" in the folder of approvals does not count");
        let line: Vec<&str> = said.lines().filter(|line| line.starts_with(&named)).collect();
        assert!(line.len() == 1 && line[0].contains(reason), "{name}: {line:?}\n{said}");
    }
    assert_eq!(said.matches("does not count").count(), bad.len(), "{said}");
    assert!(
        !said.contains("\"consent\""),
        "of a file its name is shown, and nothing of it: {said}"
    );
    assert_eq!(consenting(&last(&place, "intent")), ["alice", "chloe"]);
    // The kit that was here remembers what was stated with it elsewhere.
    assert_eq!(place.json("custodian log alice --ledger home/ledger.jsonl")["count"], 3);
    assert!(said.contains("the kits stay here until the run has ended"), "{said}");
    // What is not of this question is left for who put it there.
    let left = lines_in(&place, "in");
    assert!(left.contains(&"stale.json".to_owned()) && left.contains(&"garbage.json".to_owned()));
    for gone in ["late.json", "alice.json", "altered.json"] {
        assert!(!left.contains(&gone.to_owned()), "{gone}: {left:?}");
    }
}

/// What cannot be read now is named, and counts once it can be read.
#[test]
fn a_file_that_cannot_be_read_is_tried_again() {
    let place = with_folder(Place::founded()).unprivileged();
    let child = waits(&place, place.command(&format!("{OPEN} {SENT}")));
    approve(&place, "bruno", "bruno.json");
    fs::copy(place.path("bruno.json"), place.path("closed")).unwrap();
    let mode =
        |mode| fs::set_permissions(place.path("in/closed"), fs::Permissions::from_mode(mode));
    fs::set_permissions(place.path("closed"), fs::Permissions::from_mode(0o000)).unwrap();
    fs::rename(place.path("closed"), place.path("in/closed")).unwrap();
    std::thread::sleep(Duration::from_millis(2500));
    mode(0o644).unwrap();
    approve(&place, "alice", "in/alice");
    let (status, said) = ended(child);
    assert_eq!(status, Some(0), "{said}");
    let named = "warning: \"closed\" in the folder of approvals does not count (no permission";
    assert_eq!(said.matches(named).count(), 1, "{said}");
    assert_eq!(consenting(&last(&place, "intent")), ["alice", "bruno"]);
}

/// Ctrl-C, the end of its time, a kill: the question ends, with the consents that came in.
#[test]
fn a_question_that_is_not_waited_for_any_more_lapses() {
    let place = with_folder(Place::founded());
    let command = format!("{OPEN} {SENT}");
    for (how, why) in [("INT", "withdrawn"), ("TERM", "withdrawn"), ("KILL", "stopped")] {
        let child = waiting(&place, &command);
        approve(&place, "bruno", "in/bruno.json");
        let noted = |place: &Place| {
            let outbox = lines_in(place, "home/outbox").into_iter();
            let consents = outbox.filter(|name| name.ends_with(".consents"));
            consents
                .filter(|name| place.read(&format!("home/outbox/{name}")).contains("bruno"))
                .count()
        };
        while noted(&place) == 0 {
            std::thread::sleep(Duration::from_millis(10));
        }
        signal(child.id(), how);
        let (status, said) = ended(child);
        if how == "KILL" {
            assert_eq!(status, None);
            assert!(place.exists("proposal.json") && place.exists("in/bruno.json"));
            let said = place.ok("service expire home");
            assert!(
                said.contains("the custodians were asked for `open` by a process that stopped"),
                "{said}"
            );
        } else {
            assert_eq!(status, Some(1), "{said}");
            assert!(said.contains("error[interrupted]: interrupted while approvals"), "{said}");
            assert!(!place.exists("proposal.json") && !place.exists("in/bruno.json"));
        }
        let lapsed = last(&place, "lapsed");
        assert_eq!(
            (lapsed["why"].as_str().unwrap(), consenting(&lapsed)),
            (why, vec!["bruno".to_owned()])
        );
        assert_eq!(lines_in(&place, "home/outbox"), [""; 0]);
        let kept = place.json("custodian log bruno --ledger home/ledger.jsonl");
        assert!(kept["remarks"][0].as_str().unwrap().contains("it lapsed"), "{kept}");
    }
    // The proposal of the command that was killed makes way for the next one, which ends by itself.
    let since = Instant::now();
    let (status, said) = ended(waiting(&place, &format!("{command} --wait 2s")));
    assert_eq!(status, Some(1), "{said}");
    assert!(said.contains("error[proposal-expired]"), "{said}");
    assert!(said.contains("warning: \"bruno.json\" in the folder of approvals"), "{said}");
    assert!(since.elapsed() >= Duration::from_secs(1));
    assert_eq!(last(&place, "lapsed")["why"], "expired");
    assert!(!place.exists("proposal.json"));
    // The same command may be repeated.
    let child = waiting(&place, &command);
    for name in ["alice", "chloe"] {
        approve(&place, name, &format!("in/{name}.json"));
    }
    assert_eq!(ended(child).0, Some(0));
}

/// Before anybody is asked, and without a question in the ledger.
#[test]
fn what_could_not_be_waited_for_is_said_first() {
    let place = with_folder(Place::founded());
    let questions = |place: &Place| place.read("home/ledger.jsonl").matches("\"proposed\"").count();
    place.write("taken", "something of somebody");
    place.refused(&format!("{OPEN} --proposal taken --approvals in"), "output-exists", &["taken"]);
    place.refused(
        &format!("{OPEN} --proposal p --approvals nowhere"),
        "file-missing",
        &["nowhere"],
    );
    place.refused(&format!("{OPEN} --proposal no/p --approvals in"), "file-missing", &["no"]);
    assert_eq!((questions(&place), place.read("taken").as_str()), (0, "something of somebody"));

    // The proposal of a command that still waits is not taken for one that was left.
    let child = waiting(&place, &format!("{OPEN} {SENT}"));
    place.refused(
        &format!("service open home other --kind statistics {SENT}"),
        "output-exists",
        &[],
    );
    approve(&place, "alice", "in/1");
    approve(&place, "bruno", "in/2");
    assert_eq!(ended(child).0, Some(0));
    assert_eq!(questions(&place), 1);
}

#[test]
fn what_a_custodian_must_not_approve_is_refused() {
    let place = with_folder(Place::in_earnest());
    place.ok("service publish home before");
    let child = waiting(&place, &format!("{OPEN} {SENT}"));
    let with = |kit: &str, more: &str| {
        format!("custodian approve {kit} proposal.json --out a.json {more}")
    };
    let pass = "--passphrase-file alice.pass";
    // A ledger that was published before, and one of another service.
    let old = format!("--ledger before/ledger.jsonl {pass}");
    place.refused(&with("alice", &old), "proposal-refused", &["published ledger"]);
    place.refused(&with("alice", "--passphrase-file bruno.pass"), "passphrase-wrong", &[]);
    place.refused(&with("alice", ""), "passphrase-needed", &["alice"]);
    place.write_private("frank.pass", "the passphrase of frank\n");
    place.ok("custodian new frank --name frank --passphrase-file frank.pass");
    // No passphrase is typed for nothing.
    place.refused(&with("frank", ""), "not-in-roster", &["`frank`"]);
    place.refused(
        "custodian approve alice home/card.json --out a.json",
        "proposal-form",
        &["home/card.json"],
    );
    let proposal = place.read("proposal.json");
    place.write("proposal.json", proposal.replacen("cstatns/insee.", "cstatns/other.", 1));
    place.refused(&with("alice", pass), "proposal-checkpoint", &["proposal.json"]);
    place.write("proposal.json", &proposal);
    place.write("a.json", "");
    place.refused(&with("alice", ""), "output-exists", &["a.json"]);
    fs::remove_file(place.path("a.json")).unwrap();

    // The same approval again, for a file that was lost.
    approve(&place, "alice", "a.json");
    let first = place.read("a.json");
    fs::remove_file(place.path("a.json")).unwrap();
    let said = approve(&place, "alice", "a.json");
    assert!(said.contains("has approved this already, statement 2"), "{said}");
    assert_eq!(place.read("a.json"), first);
    signal(child.id(), "INT");
    assert_eq!(ended(child).0, Some(1));
    place.ok("service publish home public");
    let published = format!("--ledger public/ledger.jsonl {pass}");
    place.write("proposal.json", &proposal);
    fs::remove_file(place.path("a.json")).unwrap();
    place.refused(&with("alice", &published), "proposal-refused", &["no question of this ledger"]);
}

/// A request that is exchanged while the custodians are asked is not coded.
#[test]
fn a_request_that_changes_while_it_waits_is_not_coded() {
    let place = with_folder(Place::open());
    for (name, skip) in [("data", 0), ("other", 5)] {
        place.write(&format!("{name}.csv"), csv(&identifiers(30)[skip..skip + 20]));
        place.ok(&format!(
            "controller prepare {name}.csv --identifier-column nir --request {name}.request.csv \
            --retained {name}.retained.csv"
        ));
    }
    let code = "service code home population --request data.request.csv --result result.csv --purpose test";
    let child = waiting(&place, &format!("{code} {SENT}"));
    fs::rename(place.path("data.request.csv"), place.path("kept.csv")).unwrap();
    fs::copy(place.path("other.request.csv"), place.path("data.request.csv")).unwrap();
    for name in ["alice", "bruno"] {
        approve(&place, name, &format!("in/{name}.json"));
    }
    let (status, said) = ended(child);
    assert_eq!(status, Some(1), "{said}");
    assert!(said.contains("error[commitment]"), "{said}");
    assert!(!place.exists("result.csv") && place.exists("data.request.csv"));
    // The right one is coded under the next question.
    fs::rename(place.path("kept.csv"), place.path("data.request.csv")).unwrap();
    let child = waiting(&place, &format!("{code} {SENT}"));
    for name in ["alice", "bruno"] {
        let said = approve(&place, name, &format!("in/{name}.json"));
        assert!(said.contains("20 rows with 20 values"), "{said}");
    }
    let (status, said) = ended(child);
    assert_eq!(status, Some(0), "{said}");
    assert!(place.exists("result.csv") && !place.exists("data.request.csv"));
}
