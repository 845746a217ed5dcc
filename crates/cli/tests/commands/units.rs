//! The systemd units of `docs/systemd`: systemd takes them, they are closed, and their commands are
//! the program's.

use crate::common;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use common::{Place, text};

fn units() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/systemd")
}

/// The units with this end, with their text.
fn of_kind(end: &str) -> Vec<(String, String)> {
    let entries = fs::read_dir(units()).unwrap().map(|entry| entry.unwrap().path());
    let files = entries.filter(|path| path.is_file()).map(|path| {
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        (name, fs::read_to_string(&path).unwrap())
    });
    let mut files: Vec<_> = files.filter(|(name, _)| name.ends_with(end)).collect();
    files.sort();
    files
}

#[test]
fn their_commands_are_the_program_s() {
    let place = Place::open();
    let mut run = 0;
    for (name, text) in of_kind(".service") {
        for line in text.lines().filter(|line| line.starts_with("ExecStart=")) {
            let Some((_, command)) = line.split_once("/usr/local/bin/cstatns ") else { continue };
            let command = command.split('>').next().unwrap().replace("/srv/cstatns/home", "home");
            place.ok(command.trim());
            run += 1;
        }
        // What fails is said, but for what says it.
        let says = name.starts_with("cstatns-failed");
        assert_eq!(text.contains("OnFailure=cstatns-failed@%N.service"), !says, "{name}");
        // Only what changes the home may write there.
        assert_eq!(
            text.contains("ReadWritePaths=/srv"),
            name == "cstatns-expire.service",
            "{name}"
        );
    }
    assert_eq!(run, 3);
    for (name, text) in of_kind(".timer") {
        assert!(units().join(name.replace(".timer", ".service")).is_file(), "{name}");
        assert!(text.contains("RandomizedDelaySec=") && text.contains("WantedBy=timers.target"));
        // What the machine slept through is done when it wakes; a metric of then is of no use.
        assert_eq!(text.contains("Persistent=true"), name != "cstatns-metrics.timer", "{name}");
    }
}

/// The units as they stand, for the program that was built.
fn installed(place: &Place) {
    let program = env!("CARGO_BIN_EXE_cstatns");
    let directory = place.directory.path().display().to_string();
    for (name, text) in [of_kind(".service"), of_kind(".timer")].concat() {
        let text = text.replace("/usr/local/bin/cstatns", program);
        place.write(&name, text.replace("/srv/cstatns", &directory));
    }
    fs::create_dir(place.path("cstatns-.service.d")).unwrap();
    let hardening = units().join("cstatns-.service.d/hardening.conf");
    fs::copy(hardening, place.path("cstatns-.service.d/hardening.conf")).unwrap();
}

fn analyze(place: &Place, arguments: &[&str]) -> (bool, String) {
    let mut program = Command::new("systemd-analyze");
    program.args(arguments).current_dir(place.directory.path());
    let path = format!("{}:", place.directory.path().display());
    let output = program.env("SYSTEMD_UNIT_PATH", path).output().unwrap();
    (output.status.success(), text(&output.stdout) + &text(&output.stderr))
}

#[test]
#[allow(clippy::print_stdout)]
fn systemd_takes_them_and_they_are_closed() {
    if Command::new("systemd-analyze").arg("--version").output().is_err() {
        println!("systemd-analyze is not there: the units were not tried");
        return;
    }
    let place = Place::default();
    installed(&place);
    let names = [of_kind(".service"), of_kind(".timer")].concat();
    let names: Vec<&str> = names.iter().map(|(name, _)| name.as_str()).collect();
    let verify = [&["verify", "--man=no"][..], &names].concat();
    let (taken, said) = analyze(&place, &verify);
    assert!(taken && said.is_empty(), "{said}");
    // Of 100; a service without hardening has more than 90.
    let security =
        |name: &str| analyze(&place, &["security", "--offline=yes", "--threshold=10", name]);
    for name in names.iter().filter(|name| name.ends_with(".service")) {
        let (closed, said) = security(&format!("./{name}"));
        assert!(closed, "{name}\n{said}");
    }

    // A word that systemd does not know, and a service without the common part, are found.
    let unit = fs::read_to_string(place.path("cstatns-status.service")).unwrap();
    place.write("cstatns-status.service", unit.replace("ExecStart=", "ExecBegin="));
    assert!(!analyze(&place, &verify).1.is_empty());
    place.write("cstatns-status.service", unit);
    fs::remove_file(place.path("cstatns-.service.d/hardening.conf")).unwrap();
    assert!(!security("./cstatns-status.service").0);
}
