//! Nobody reads of a result what was not verified: on file systems that have files without names,
//! and on those that have none.

#![allow(missing_docs)]

use crate::common;

use std::fs;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::slice::from_ref;

use cstatns::coded::Coded as _;
use cstatns::files::faults::without_unnamed;
use cstatns::files::{self, Access, Withheld};
use cstatns::service::{ResultFile, WorkError};

use common::{PEOPLE, World, code_lines};

/// Every file below a directory whose bytes hold a code.
fn with_codes(directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(with_codes(&path));
        } else if fs::read(&path).unwrap().windows(3).any(|bytes| bytes == b"c1.") {
            found.push(path);
        }
    }
    found
}

fn population() -> World {
    let world = World::founded(2, 2);
    world.statistics("population").unwrap();
    world
}

/// Runs a request of these identifiers; `look` sees the file once all codes were offered to it.
fn code(world: &World, identifiers: &[&str], look: impl Fn(&mut ResultFile)) -> Result<(), String> {
    let request = world.request("batch", identifiers);
    let mut service = world.open();
    let action = world.code_action(&service, "population", &request);
    let quorum = world.quorum(&mut service, action).unwrap();
    let made = service.code(quorum, from_ref(&request.files), |coder, out| {
        let outcome = code_lines(coder, &request, out)?;
        look(out);
        Ok(outcome)
    });
    made.map(|_| ()).map_err(|error| error.code().to_owned())
}

#[test]
fn a_pass_that_writes_shows_nobody_a_code() {
    let world = population();
    let directory = world.directory.path();
    code(&world, &PEOPLE, |out| {
        assert!(!out.is_readable(), "this file system has files without names");
        assert!(with_codes(directory).is_empty());
        let temporaries = common::crash::temporaries(&world);
        assert!(temporaries.is_empty(), "no name at all");
        // The control: the process itself reaches them.
        let own = with_codes_of_this_process();
        assert!(own, "the codes were written");
    })
    .unwrap();
    assert_eq!(with_codes(directory), [world.path("batch.result")]);
}

fn with_codes_of_this_process() -> bool {
    let open = fs::read_dir("/proc/self/fd").unwrap();
    let paths = open.map(|entry| entry.unwrap().path());
    // A pipe would be waited for.
    let files = paths.filter(|path| fs::metadata(path).is_ok_and(|data| data.is_file()));
    let mut bytes = files.filter_map(|path| fs::read(path).ok());
    bytes.any(|bytes| bytes.starts_with(b"c1."))
}

/// Other rows than the approved ones are coded: those of one person.
#[test]
fn rows_that_nobody_approved_show_nobody_a_code() {
    for named in [false, true] {
        let world = population();
        let directory = world.directory.path();
        let approved = world.request("batch", &PEOPLE);
        let mut swapped = world.request("batch", &[PEOPLE[0], PEOPLE[0]]);
        swapped.files = approved.files.clone();
        let run = || {
            let mut service = world.open();
            let action = world.code_action(&service, "population", &approved);
            let quorum = world.quorum(&mut service, action).unwrap();
            service.code(quorum, from_ref(&approved.files), |coder, out| {
                let written = code_lines(coder, &swapped, out)?;
                assert!(!named, "it was refused before");
                assert!(with_codes(directory).is_empty());
                Ok(written)
            })
        };
        let refused = if named { without_unnamed(directory, run) } else { run() };
        assert_eq!(refused.unwrap_err().code(), "request-changed");
        assert!(with_codes(directory).is_empty());
    }
}

/// Where others can read the file, it takes nothing before the request is verified.
#[test]
fn a_file_that_others_can_read_takes_no_row_that_is_not_verified() {
    let world = population();
    let directory = world.directory.path();
    let request = world.request("batch", &PEOPLE);
    let quorum = |service: &mut cstatns::service::Service| {
        let action = world.code_action(service, "population", &request);
        world.quorum(service, action).unwrap()
    };
    without_unnamed(directory, || {
        let mut service = world.open();
        let quorum = quorum(&mut service);
        let made = service.code(quorum, from_ref(&request.files), |_, out| {
            assert!(out.is_readable());
            assert_eq!(out.write(b"c1.").unwrap_err().kind(), ErrorKind::Other);
            let mut wrong = request.outcome();
            wrong.input.rows += 1;
            assert_eq!(out.admit(&wrong).unwrap_err().code(), "request-changed");
            let mut few = request.outcome();
            few.input.distinct = 1;
            assert_eq!(out.admit(&few).unwrap_err().code(), "request-changed");
            assert!(out.write(b"c1.").is_err());
            assert!(with_codes(directory).is_empty());
            out.admit(&request.outcome())?;
            Err(WorkError::new(cstatns::files::FileError::Randomness))
        });
        assert_eq!(made.unwrap_err().code(), "no-randomness");
    });
    let mut service = world.open();
    let again = quorum(&mut service);
    service
        .code(again, from_ref(&request.files), |coder, out| code_lines(coder, &request, out))
        .unwrap();
}

#[test]
fn a_file_without_a_name_gets_it_whole_and_replaces_nothing() {
    let place = common::scratch();
    let target = place.path().join("file");
    let mut file = Withheld::create(&target, Access::Private).unwrap().unwrap();
    file.write_all(b"bytes").unwrap();
    assert_eq!(fs::read_dir(place.path()).unwrap().count(), 0);
    let mut file = file.stand_by(&[7; 16]).unwrap();
    let temporary = files::temporary_path(&target, &[7; 16]);
    assert_eq!(fs::read(&temporary).unwrap(), b"bytes");
    assert!(!file.has_name() && !target.exists());
    file.take_name().unwrap();
    assert!(file.has_name() && !temporary.exists());
    assert_eq!(fs::read(&target).unwrap(), b"bytes");
    assert!(files::is_private(&target));
    // What stands by stays, whatever becomes of the process: its mark is written down.
    file.stand_back().unwrap();
    drop(file);
    assert!(temporary.exists() && !target.exists());
    fs::rename(&temporary, &target).unwrap();

    let taken = Withheld::create(&target, Access::Private).err().unwrap();
    assert_eq!(taken.code(), "output-exists");
    let other = place.path().join("other");
    let mut late = Withheld::create(&other, Access::Private).unwrap().unwrap();
    late.write_all(b"late").unwrap();
    let mut late = late.stand_by(&[7; 16]).unwrap();
    fs::write(&other, "first").unwrap();
    assert_eq!(late.take_name().unwrap_err().code(), "output-exists");
    assert!(!late.has_name());
    assert_eq!(fs::read(&other).unwrap(), b"first");
    let again = Withheld::create(&other.with_file_name("again"), Access::Private).unwrap().unwrap();
    fs::write(files::temporary_path(again.target(), &[7; 16]), "").unwrap();
    assert_eq!(again.stand_by(&[7; 16]).err().unwrap().code(), "output-exists");

    let nowhere = place.path().join("none/file");
    assert_eq!(Withheld::create(&nowhere, Access::Private).err().unwrap().code(), "file-missing");
    without_unnamed(place.path(), || {
        let third = place.path().join("third");
        assert!(Withheld::create(&third, Access::Private).unwrap().is_none());
    });
}
