//! What the program asks of the operating system before it holds a secret.

#![cfg(target_os = "linux")]

use crate::common;

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
    let place = Place::in_earnest();
    assert!(Command::new("mkfifo").arg(place.path("pipe")).status().unwrap().success());
    let place = place.unprivileged();
    let child = place
        .command(
            "service open home other --kind statistics --kit chloe --passphrase-file chloe.pass \
            --kit elise --passphrase-file elise.pass --kit bruno --passphrase-file pipe",
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

/// Where the journal is standard error and takes no entries, lines have their priority; elsewhere
/// they have none, whatever the variable says.
#[test]
#[allow(clippy::print_stdout)]
fn lines_for_the_journal_have_a_priority() {
    let place = Place::open();
    let said = |stream: Option<String>| {
        let file = std::fs::File::create(place.path("stderr")).unwrap();
        let metadata = file.metadata().unwrap();
        let here = format!("{}:{}", metadata.dev(), metadata.ino());
        let mut command = place.command("service doubt home nothing --kit alice");
        command.env("JOURNAL_STREAM", stream.unwrap_or(here)).stderr(file);
        assert_eq!(command.status().unwrap().code(), Some(1));
        place.read("stderr")
    };
    let bare = said(Some("8:1".to_owned()));
    assert!(bare.lines().any(|line| line.starts_with("error[unknown-domain]: ")), "{bare}");
    if std::path::Path::new("/run/systemd/journal/socket").exists() {
        println!("this machine has a journal, which took the entries");
        return;
    }
    let said = said(None);
    assert!(said.lines().any(|line| line.starts_with("<3>error[unknown-domain]: ")), "{said}");
    assert!(said.lines().all(|line| line.starts_with('<')), "{said}");
}
