//! One process works in a home at a time. A test program of its own: between fork and exec, a child
//! holds the locks of every other test of its process.

#![allow(clippy::print_stdout)]

mod common;

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use common::World;
use cstatns::coded::Coded as _;
use cstatns::files::faults;
use cstatns::service::Service;

#[test]
fn a_home_is_one_process_s_at_a_time() {
    if let Some(home) = std::env::var_os("CSTATNS_TEST_HOME") {
        return open_for_another_process(home.as_ref());
    }
    let world = World::founded(2, 2);
    let service = world.open();
    assert_eq!(world.try_open().err().unwrap().code(), "home-locked", "this very process");
    assert_eq!(faults::count(world.directory.path(), || world.try_open().is_err()), 0);
    let open = |keep: bool| {
        let mut child = Command::new(std::env::current_exe().unwrap());
        child.args(["--exact", "a_home_is_one_process_s_at_a_time", "--nocapture"]);
        child.env("CSTATNS_TEST_HOME", world.home()).env("CSTATNS_TEST_KEEP", keep.to_string());
        let mut child = child
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
        let said =
            lines.find_map(|line| line.split_once("opening: ").map(|(_, said)| said.to_owned()));
        (child, said.unwrap())
    };
    let (mut child, said) = open(false);
    assert_eq!(said, "home-locked");
    child.wait().unwrap();
    drop(service);
    let (mut child, said) = open(true);
    assert_eq!(said, "done");
    assert_eq!(
        world.try_open().err().unwrap().code(),
        "home-locked",
        "the other process works there"
    );
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(world.try_open().is_ok(), "the lock goes with the process that held it");
}

/// What the test does in the other process.
fn open_for_another_process(home: &Path) {
    let clock = common::TestClock::at("2026-01-05T09:00:00Z");
    let opened = Service::open(home, clock);
    println!("opening: {}", opened.as_ref().err().map_or("done", |error| error.code()));
    if std::env::var("CSTATNS_TEST_KEEP").is_ok_and(|keep| keep == "true") {
        let _ = std::io::stdin().lines().next();
    }
}
