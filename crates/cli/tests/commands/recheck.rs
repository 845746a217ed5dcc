//! `--recheck`: codes are made again by a second process before a result gets its name.

use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::Value;

use crate::common;

use super::civil_status::{PREPARE as LOOK_UP, register, visits};
use common::{Place, csv, identifiers, text};

/// A program with this in its environment makes one wrong code.
const WRONG_CODE: &str = "CSTATNS_TEST_WRONG_CODE";

const PREPARE: &str =
    "controller prepare data.csv --identifier-column nir --request r.csv --retained t.csv";
const CODE: &str =
    "service code home population --request r.csv --result s.csv --purpose study --recheck";
const AUDIT: &str = "auditor verify home/ledger.jsonl --service home/card.json";

/// A place with a request of so many people, and a row without one.
fn place(people: usize) -> Place {
    let place = Place::open();
    place.write("data.csv", csv(&identifiers(people)) + ",none\n");
    place.ok(PREPARE);
    place
}

/// The events of a type, last first.
fn events(place: &Place, word: &str) -> Vec<Value> {
    let ledger = place.read("home/ledger.jsonl");
    let lines = ledger.lines().rev().map(|line| serde_json::from_str::<Value>(line).unwrap());
    lines.map(|line| line["event"].clone()).filter(|event| event["type"] == word).collect()
}

/// What is recorded, reported and shown is what was recomputed: no more than have a code.
#[test]
fn the_ledger_and_the_report_say_how_many() {
    let place = place(40);
    let said = place.quorum(&format!("{CODE} 15"));
    assert!(said.contains("codes made again by a second process: 15, all the same\n"), "{said}");
    assert_eq!(events(&place, "coded")[0]["rechecked"], 15);
    assert_eq!(place.report("s.csv")["rechecked"], 15);
    let summary = "  1 run with results recomputed before they got their names: 15 of 41 rows\n";
    assert!(text(&place.run(AUDIT).stdout).contains(summary));
    place.ok("controller attach --retained t.csv --result s.csv --out a.csv");

    place.quorum("service new-key home population --reason scheduled");
    place.ok("controller prepare a.csv --code-column code --request r2.csv --retained t2.csv");
    let renew = "service renew home population --request r2.csv --result s2.csv --purpose study";
    let run = place.json(&place.with_kits(&format!("{renew} --recheck all")));
    assert_eq!((&run["rows"], &run["rechecked"]), (&41.into(), &40.into()));
    assert_eq!(events(&place, "renewed")[0]["rechecked"], 40);

    // A run that was not asked to says nothing.
    place.write("data.csv", csv(&identifiers(20)));
    place.ok(
        "controller prepare data.csv --identifier-column nir --request r3.csv --retained t3.csv",
    );
    let code = "service code home population --request r3.csv --result s3.csv --purpose study";
    let run = place.json(&place.with_kits(code));
    assert!(run["rechecked"].is_null());
    assert!(events(&place, "coded")[0].get("rechecked").is_none());
    assert!(place.report("s3.csv").get("rechecked").is_none());
    let audit = place.run(&format!("{AUDIT} --json"));
    let audit: Value = serde_json::from_slice(&audit.stdout).unwrap();
    let deliveries = &audit["deliveries"];
    let found = ["rechecked_runs", "rechecked", "rechecked_of"].map(|name| &deliveries[name]);
    assert_eq!(found, [&Value::from(2), &55.into(), &82.into()], "{audit}");
    let french = text(&place.run(&format!("--lang fr {AUDIT}")).stdout);
    assert!(french.contains("  2 opérations aux résultats recalculés"), "{french}");
}

/// Each request of a run by itself, of whatever type; a sample larger than a request is all of it.
#[test]
fn each_request_of_a_run_is_rechecked_by_itself() {
    let place = Place::open();
    for (data, people) in [("a", 12), ("b", 30)] {
        place.write(&format!("{data}.csv"), csv(&identifiers(people)));
    }
    for (data, ending) in [("a", "parquet"), ("b", "csv")] {
        place.ok(&format!(
            "controller prepare {data}.csv --identifier-column nir --request {data}.r.{ending} \
            --retained {data}.t.csv"
        ));
    }
    place.quorum(
        "service code home population --request a.r.parquet b.r.csv --result a.s.csv b.s.parquet \
        --purpose study --recheck 20 --keep-request",
    );
    let found: Vec<_> =
        events(&place, "coded").iter().map(|event| event["rechecked"].clone()).collect();
    assert_eq!(found, [20, 12]);
    let summary = "  1 run with results recomputed before they got their names: 32 of 42 rows\n";
    assert!(text(&place.run(AUDIT).stdout).contains(summary));
}

/// The negative control is the first half: without the second process a wrong code is given out.
#[test]
fn a_wrong_code_ends_the_run_and_nothing_is_named() {
    let place = place(30);
    let wrong = |command: &str| {
        let command = place.with_kits(command);
        place.command(&command).env(WRONG_CODE, "1").output().unwrap()
    };
    let unchecked = CODE.replace("--recheck", "--keep-request").replace("s.csv", "wrong.csv");
    assert_eq!(wrong(&unchecked).status.code(), Some(0));

    fs::write(place.path("again.csv"), csv(&identifiers(31))).unwrap();
    place.ok(&PREPARE.replace("data", "again").replace("r.csv", "q.csv").replace("t.csv", "u.csv"));
    let code = CODE.replace("r.csv", "q.csv");
    let before = common::files(place.directory.path());
    let output = wrong(&format!("{code} all"));
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(
        said.contains("error[recheck-mismatch]: 1 of 31 codes that were recomputed differ"),
        "{said}"
    );
    let after = common::files(place.directory.path());
    let new: Vec<_> = after.keys().filter(|path| !before.contains_key(*path)).collect();
    assert!(new.is_empty(), "{new:?}");
    assert_eq!(after[&place.path("q.csv")], before[&place.path("q.csv")]);
    assert_eq!(events(&place, "failed")[0]["code"], "recheck-mismatch");
    assert_eq!(events(&place, "coded").len(), 1);
    // The same again, on a machine that is sound.
    place.quorum(&format!("{code} all"));
    assert_eq!(events(&place, "coded")[0]["rechecked"], 31);
}

/// A run that makes one wrong code ends; the same command again is rechecked in so many rows.
fn rechecked_after_a_fault(place: &Place, command: &str, rows: u64) {
    let with_kits = place.with_kits(&format!("{command} --recheck all"));
    let output = place.command(&with_kits).env(WRONG_CODE, "1").output().unwrap();
    let said = text(&output.stderr);
    assert!(output.status.code() == Some(1) && said.contains("error[recheck-mismatch]"), "{said}");
    assert_eq!(events(place, "failed")[0]["code"], "recheck-mismatch");
    assert_eq!(place.json(&with_kits)["rechecked"], rows);
    assert_eq!(events(place, "coded")[0]["rechecked"], rows);
}

/// What comes in a parcel, and its result too.
#[test]
fn a_parcel_is_rechecked() {
    let place = Place::open();
    place.write("data.csv", csv(&identifiers(25)) + ",none\n");
    place.ok("party new insee --name insee --no-passphrase");
    place.quorum("service party home insee/card.json --role controller --domain population");
    place.ok("service request-key home population --for insee --out key.json");
    place.ok(&format!(
        "{} --as insee --request-key key.json --service home/card.json --domain population",
        PREPARE.replace("r.csv", "r.csv.age")
    ));
    let code = "service code home population --request r.csv.age --result s.csv.age --purpose \
        study --to insee";
    rechecked_after_a_fault(&place, code, 25);
    place.ok("controller attach --retained t.csv --result s.csv.age --as insee --out a.csv");
    assert_eq!(place.codes("a.csv").len(), 25);
}

/// Every cell of several columns.
#[test]
fn several_columns_are_rechecked() {
    let place = Place::open();
    let people = identifiers(25);
    let rows = people.iter().zip(people.iter().rev()).enumerate().map(|(row, (one, other))| {
        format!("{one},{}\n", if row % 5 == 0 { String::new() } else { other.to_string() })
    });
    place.write("data.csv", format!("nir,payer\n{}", rows.collect::<String>()));
    place.ok(&PREPARE.replace("nir", "nir --identifier-column payer"));
    let code = "service code home population --request r.csv --result s.csv --purpose study";
    rechecked_after_a_fault(&place, code, 45);
}

/// Whoever was found by civil status; of the others there is no code.
#[test]
fn a_look_up_is_rechecked() {
    let place = Place::open();
    register(&place, 60);
    visits(&place, 0..40);
    place.ok(LOOK_UP);
    let code = "service code home population --request q.csv --result s.csv --purpose study \
        --register r";
    rechecked_after_a_fault(&place, code, 40);
}

/// Waits for something to be so.
fn until<T>(mut found: impl FnMut() -> Option<T>) -> T {
    for _ in 0..6000 {
        if let Some(found) = found() {
            return found;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    panic!("it did not come to be within thirty seconds");
}

/// The second process of this one, once it waits for keys.
fn second_of(first: &Child) -> u32 {
    let id = first.id();
    let read = |process: u32, file: &str| {
        fs::read_to_string(format!("/proc/{process}/{file}")).unwrap_or_default()
    };
    until(|| {
        let children = read(id, &format!("task/{id}/children"));
        let child = children.split_whitespace().next()?.parse().ok()?;
        let is_second = read(child, "cmdline").ends_with("\0recheck-codes\0");
        (is_second && read(child, "status").contains("\nState:\tS")).then_some(child)
    })
}

/// A shell closes what this process was started with.
const CLOSED: &str = "for fd in /proc/self/fd/*; do fd=${fd##*/}; \
    if [ $fd -gt 2 ]; then eval \"exec $fd>&-\"; fi; done";

/// Starts a run with no descriptor but its own and those asked for, and stops its second process
/// before that has a key.
fn stopped_second(place: &Place, command: &str, more: &str) -> (Child, u32) {
    let program = place.command(&place.with_kits(command));
    let mut shell = Command::new("bash");
    shell.args(["-c", &format!("{CLOSED}; exec \"$@\" {more}"), "bash"]);
    shell.arg(program.get_program()).args(program.get_args());
    shell.current_dir(place.directory.path()).env("LC_ALL", "C");
    let first = shell.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let second = second_of(&first);
    common::signal(second, "STOP");
    (first, second)
}

fn ended(first: Child) -> (Option<i32>, String) {
    let output = first.wait_with_output().unwrap();
    (output.status.code(), text(&output.stderr))
}

/// What a process has open, by number; none where this process may not look.
fn descriptors(process: u32) -> Option<Vec<(u32, String)>> {
    let listed = match fs::read_dir(format!("/proc/{process}/fd")) {
        Err(error) if error.kind() == ErrorKind::PermissionDenied => return None,
        listed => listed.unwrap(),
    };
    let descriptor = |path: PathBuf| {
        let number = path.file_name().unwrap().to_str().unwrap().parse().unwrap();
        (number, fs::read_link(path).unwrap().to_str().unwrap().to_owned())
    };
    let mut found: Vec<_> = listed.map(|entry| descriptor(entry.unwrap().path())).collect();
    found.sort();
    Some(found)
}

/// Two pipes and the null device, whatever the caller left open.
#[test]
fn the_second_process_has_its_pipes_and_nothing_else() {
    let place = place(3000);
    for (request, more) in [("r.csv", ""), ("q.csv", "7</dev/zero 250</dev/zero")] {
        if request == "q.csv" {
            place.ok(&PREPARE.replace("r.csv", request).replace("t.csv", "u.csv"));
        }
        let command = CODE.replace("r.csv", request).replace("s.csv", &format!("{request}.s.csv"));
        let (first, second) = stopped_second(&place, &format!("{command} all"), more);
        let found = descriptors(second);
        common::signal(second, "CONT");
        let (code, said) = ended(first);
        assert_eq!(code, Some(0), "{said}");
        let Some(found) = found else { continue };
        let numbers: Vec<_> = found.iter().map(|(number, _)| *number).collect();
        assert_eq!(numbers, [0, 1, 2], "{found:?}");
        assert!(found[..2].iter().all(|(_, place)| place.starts_with("pipe:[")), "{found:?}");
        assert_ne!(found[0].1, found[1].1);
        assert_eq!(found[2].1, "/dev/null");
    }
}

/// With another one it serves nobody: a run that has not closed it would have no second process.
#[test]
fn a_second_process_with_another_descriptor_serves_nobody() {
    let place = Place::default();
    let greets = |more: &str| {
        let program = env!("CARGO_BIN_EXE_cstatns");
        let script = format!("{CLOSED}; sleep 1 | {program} recheck-codes 2>/dev/null {more}");
        let mut shell = Command::new("bash");
        let output = shell.args(["-c", &script]).current_dir(place.directory.path()).output();
        let output = output.unwrap();
        (output.status.success(), text(&output.stdout))
    };
    assert_eq!(greets(""), (true, "recheck1".to_owned()));
    assert_eq!(greets("7</dev/zero"), (false, String::new()));
}

/// Another process of its user may not read its memory, and it leaves no core dump.
#[test]
fn the_second_process_cannot_be_dumped() {
    let place = place(20).unprivileged();
    let mut first = place.command(&place.with_kits(&format!("{CODE} all")));
    let first = first.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let second = second_of(&first);
    common::signal(second, "STOP");
    // The memory of a process that may be dumped belongs to its user there.
    let owner = fs::metadata(format!("/proc/{second}/environ")).unwrap().uid();
    let limits = fs::read_to_string(format!("/proc/{second}/limits")).unwrap();
    common::signal(second, "CONT");
    let (code, said) = ended(first);
    assert_eq!((code, owner), (Some(0), 0), "{said}");
    let core = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap();
    assert_eq!(core.split_whitespace().filter(|word| *word == "0").count(), 2, "{core}");
}

/// Once it has keys and rows.
fn at_work(place: &Place) -> (Child, u32) {
    let before = place.runs();
    let (first, second) = stopped_second(place, &format!("{CODE} all"), "");
    until(|| (place.runs() > before).then_some(()));
    std::thread::sleep(Duration::from_millis(200));
    (first, second)
}

#[test]
fn a_second_process_that_is_killed_ends_the_run() {
    let place = place(3000);
    let (first, second) = at_work(&place);
    assert!(!place.exists("s.csv"));
    common::signal(second, "KILL");
    let (code, said) = ended(first);
    assert!(code == Some(1) && said.contains("error[recheck-ended]: the second process"), "{said}");
    assert_eq!(events(&place, "failed")[0]["code"], "recheck-ended");
    assert!(place.exists("r.csv") && !place.exists("s.csv") && place.temporaries().is_empty());
    place.quorum(&format!("{CODE} all"));
    assert_eq!(events(&place, "coded")[0]["rechecked"], 3000);
}

/// Nor does it outlive its run.
#[test]
fn a_second_process_ends_with_the_first() {
    let place = place(3000);
    let (mut first, second) = at_work(&place);
    first.kill().unwrap();
    first.wait().unwrap();
    common::signal(second, "CONT");
    let state = format!("/proc/{second}/stat");
    // Nobody may wait for it here, where it has no parent any more.
    let is_over = |stat: String| stat.contains(") Z ");
    until(|| fs::read_to_string(&state).map_or(Some(true), |stat| is_over(stat).then_some(true)));
    assert!(!place.exists("s.csv"));
    let said = place.quorum(&format!("{CODE} 10"));
    assert!(said.contains("recovered: an interrupted `code` left no result"), "{said}");
    assert_eq!(events(&place, "coded")[0]["rechecked"], 10);
}

/// Ctrl-C at a terminal comes to both processes: the first one ends, with its own error.
#[test]
fn a_signal_ends_the_run_and_not_the_second_process() {
    let place = place(3000);
    let (first, second) = at_work(&place);
    for process in [second, first.id()] {
        common::signal(process, "INT");
    }
    std::thread::sleep(Duration::from_millis(100));
    common::signal(second, "CONT");
    let (code, said) = ended(first);
    // Of so few rows the last may have been offered before.
    assert!(code == Some(0) || said.contains("error[interrupted]"), "{said}");
}

/// A program whose file is gone cannot be started again: nobody is asked for anything.
#[test]
fn a_second_process_that_cannot_start_ends_the_command() {
    let place = place(20);
    fs::copy(env!("CARGO_BIN_EXE_cstatns"), place.path("program")).unwrap();
    let script = "exec 9<program; rm program; exec /proc/self/fd/9 \"$@\"";
    let program = place.command(&place.with_kits(&format!("{CODE} all")));
    let mut shell = Command::new("bash");
    shell.args(["-c", script, "bash"]).args(program.get_args());
    let output = shell.current_dir(place.directory.path()).env("LC_ALL", "C").output().unwrap();
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("error[recheck-start]: the second process"), "{said}");
    assert_eq!(events(&place, "refused")[0]["code"], "recheck-start");
    assert!(events(&place, "intent").len() == 1 && place.exists("r.csv"), "nothing began");
}

#[test]
fn what_is_no_number_of_rows_is_wrong_usage() {
    let place = Place::open();
    for bad in ["0", "some", "1.5"] {
        let output = place.run(&format!("{CODE} {bad} --kit alice"));
        assert_eq!(output.status.code(), Some(2));
        assert!(text(&output.stderr).contains("all, or a number of rows"));
    }
    assert_eq!(place.command("recheck-codes more").output().unwrap().status.code(), Some(2));
}
