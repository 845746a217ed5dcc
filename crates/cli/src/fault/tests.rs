//! After a panic anywhere in a run, nothing of the data is said or left, and the next command goes
//! on.

mod samples;
mod variants;

use std::cell::Cell;
use std::collections::BTreeMap;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::rc::Rc;
use std::sync::Mutex;

use clap::Parser;
use cstatns_terminal::fault::{panic_line, panicked};
use jiff::Timestamp;

use crate::Cli;
use crate::output::Program;

/// Somebody who does not exist.
const CANARY: &str = "299072A987654";

static SAID: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// The world's time comes from a clock that panics with the canary when it is asked once too often:
/// the run is then anywhere between its proposal and its last event.
fn clock(calls: u32) -> (Rc<Cell<u32>>, Rc<dyn Fn() -> Timestamp>) {
    let left = Rc::new(Cell::new(calls));
    let counted = left.clone();
    let clock = move || {
        match counted.get().checked_sub(1) {
            Some(fewer) => counted.set(fewer),
            None => panic!("the clock stops over {CANARY}"),
        }
        Timestamp::now()
    };
    (left, Rc::new(clock))
}

fn run(directory: &Path, clock: Rc<dyn Fn() -> Timestamp>, command: &str) -> Result<(), String> {
    let program = Program::new(false).told(clock).quiet();
    let words =
        command.split_whitespace().map(|word| word.replace('@', directory.to_str().unwrap()));
    let cli = Cli::try_parse_from(std::iter::once("cstatns".to_owned()).chain(words)).unwrap();
    cli.role.run(&program).map(|_| ()).map_err(|fault| fault.line().unwrap())
}

fn files(directory: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.insert(
                path.file_name().unwrap().to_str().unwrap().to_owned(),
                fs::read(&path).unwrap(),
            );
        }
    }
    found
}

fn holding_the_canary(directory: &Path) -> Vec<String> {
    let holds =
        |bytes: &[u8]| bytes.windows(CANARY.len()).any(|window| window == CANARY.as_bytes());
    files(directory).into_iter().filter(|(_, bytes)| holds(bytes)).map(|(name, _)| name).collect()
}

/// With `--json` it is an error like others.
#[test]
fn a_panic_has_an_answer() {
    let answer = panicked().answer();
    assert_eq!(
        (&answer["error"]["code"], &answer["error"]["exit"]),
        (&"internal".into(), &1.into())
    );
    assert_eq!(answer["error"]["facts"], serde_json::json!({}));
}

#[test]
fn a_panic_in_a_run_says_and_leaves_nothing() {
    std::panic::set_hook(Box::new(|info| SAID.lock().unwrap().push(panic_line(info))));
    let directory = tempfile::tempdir().unwrap();
    let at = directory.path();
    let always = || Rc::new(Timestamp::now) as Rc<dyn Fn() -> Timestamp>;
    let ok = |command: &str| run(at, always(), command).unwrap();
    for name in ["alice", "bruno"] {
        ok(&format!("custodian new @/{name} --name {name} --no-passphrase"));
    }
    ok("service init @/home --name test --threshold 2 --shares @/shares --demo --custodian \
        @/alice/card.json \
        --custodian @/bruno/card.json");
    for name in ["alice", "bruno"] {
        ok(&format!(
            "custodian accept @/{name} @/shares/{name}.1.share --ledger @/home/ledger.jsonl \
            --yes"
        ));
    }
    ok("service receipt @/home @/alice/receipt-1-held.json @/bruno/receipt-1-held.json");
    let quorum = "--kit @/alice --kit @/bruno";
    ok(&format!("service open @/home population --kind statistics --minimum-batch 2 {quorum}"));
    fs::write(at.join("data.csv"), format!("nir,value\n{CANARY},1\n284052A321025,2\n")).unwrap();

    let (mut stopped, mut calls) = (0, 0);
    loop {
        ok(&format!(
            "controller prepare @/data.csv --identifier-column nir --service @/home/card.json \
            --domain population --request @/r{calls}.csv --retained @/t{calls}.csv"
        ));
        let (_, failing) = clock(calls);
        let outcome = catch_unwind(AssertUnwindSafe(|| {
            run(
                at,
                failing,
                &format!(
                    "service code @/home population --request @/r{calls}.csv --result \
                    @/s{calls}.csv --purpose test {quorum}"
                ),
            )
        }));
        let (request, result) =
            (at.join(format!("r{calls}.csv")), at.join(format!("s{calls}.csv")));
        assert!(request.exists() || result.exists(), "never are both gone");
        // The next command finishes or undoes; then the canary is in the data, and in the request
        // where there is no result.
        ok("service expire @/home");
        assert_eq!(request.exists(), !result.exists(), "stopped at call {calls}");
        let mut expected = vec!["data.csv".to_owned()];
        expected.extend(request.exists().then(|| format!("r{calls}.csv")));
        assert_eq!(holding_the_canary(at), expected, "stopped at call {calls}");
        if result.exists() {
            assert!(at.join(format!("s{calls}.csv.report.json")).exists(), "its report is there");
        }
        for path in [request, at.join(format!("r{calls}.csv.manifest.json"))] {
            let _ = fs::remove_file(path);
        }
        match outcome {
            Ok(done) => {
                done.unwrap();
                break;
            }
            Err(_) => stopped += 1,
        }
        calls += 1;
    }
    let _ = std::panic::take_hook();
    assert!(
        stopped >= 4,
        "before the proposal, the intent, the result and the destruction: {stopped}"
    );
    let said = SAID.lock().unwrap();
    assert_eq!(said.len(), stopped);
    assert!(
        said.iter().all(|line| line.starts_with("error[internal]: ") && !line.contains(CANARY)),
        "{said:?}"
    );
    assert!(said[0].contains("fault/tests.rs:"), "{said:?}");
}
