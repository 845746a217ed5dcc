//! What the program asks of the operating system before it holds a secret.

#![cfg(target_os = "linux")]

mod common;

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use common::{Place, text};

/// The first number after `label` in a file of `/proc`.
fn number(file: &Path, label: &str) -> u64 {
    let said = fs::read_to_string(file).unwrap();
    let line = said.lines().find_map(|line| line.strip_prefix(label)).unwrap();
    line.split_whitespace().next().unwrap().parse().unwrap_or(u64::MAX)
}

/// The program is stopped in the middle of its work, where it waits for a passphrase with the
/// service's key in memory.
#[test]
fn it_leaves_no_core_dump_cannot_be_read_and_locks_its_keys() {
    let place = Place::founded();
    place.write_private("pass", "several words that are kept");
    place.ok("custodian new kept --name kept --passphrase-file pass");
    assert!(Command::new("mkfifo").arg(place.path("pipe")).status().unwrap().success());
    let place = place.unprivileged();
    let child = place
        .command(
            "service open home other --kind statistics --kit alice --kit kept \
            --passphrase-file pipe",
        )
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let process = Path::new("/proc").join(child.id().to_string());
    let locked = || number(&process.join("status"), "VmLck:");
    let may_lock = number(&process.join("limits"), "Max locked memory") > 0;
    let patience = Instant::now() + Duration::from_secs(60);
    while may_lock && locked() == 0 && Instant::now() < patience {
        std::thread::sleep(Duration::from_millis(5));
    }
    // Opening the pipe waits until the program reads from it.
    let pipe = fs::OpenOptions::new().write(true).open(place.path("pipe")).unwrap();
    assert!(!may_lock || locked() > 0, "the key's page is locked");
    assert_eq!(number(&process.join("limits"), "Max core file size"), 0, "no core dump");
    // What a process that may be dumped leaves to its user belongs to that user.
    assert_eq!(
        process.join("environ").metadata().unwrap().uid(),
        0,
        "nobody but the administrator reads its memory"
    );
    drop(pipe);
    let said = text(&child.wait_with_output().unwrap().stderr);
    assert!(said.contains("error[passphrase-"), "{said}");
}
