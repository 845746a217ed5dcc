//! After the work, and after a panic in it, no secret is left in the process's memory, nor in any
//! file but the one that is there to hold it.
//!
//! The flow is played, then the whole memory of the process is written to a file, and only then are
//! the secrets recomputed from the files (by other code than the library's: a second reading of
//! SPEC §7, §8 and §10) and looked for in that file.

#![cfg(target_os = "linux")]

mod common;
mod secrets;

use std::fs::{self, File};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::slice::from_ref;

use cstatns::domain::RenewalReason;
use cstatns::identifier::Scheme;
use cstatns::proposal::Action;
use cstatns::secret::{Secret, harden_process, wipe_stack};
use data_encoding::HEXLOWER;

use common::{PEOPLE, World, generation, name};
use secrets::{find, place, secrets, snapshot};

/// Everything is done in one test: another one in this process would leave its own secrets.
#[test]
fn no_secret_is_left_in_memory() {
    // Opened before the process forbids it.
    let mut memory = File::open("/proc/self/mem").unwrap();
    let hardening = harden_process();
    assert!(hardening.not_dumpable, "core dumps and reading by others are forbidden");

    let world = World::new(3, 5);
    let planted = Secret::<32>::random();
    play(&world);
    wipe_stack();
    let regions = snapshot(&mut memory, &world.path("memory"));
    let memory = fs::read(world.path("memory")).unwrap();

    assert!(find(&memory, planted.expose()).next().is_some(), "a secret that is there is found");
    let secrets = secrets(&world.home(), &world.kits, world.k);
    assert_eq!(secrets.len(), 5 * 3 + 1 + 1 + 1 + 4 * 5, "kits, identity, root, life, keys");
    let found: Vec<String> = secrets
        .iter()
        .flat_map(|(name, secret)| {
            let text = HEXLOWER.encode(secret);
            [(name.clone(), secret.clone()), (format!("{name}, in hexadecimal"), text.into_bytes())]
        })
        .filter_map(|(name, secret)| {
            let places: Vec<&str> = find(&memory, &secret).map(|at| place(&regions, at)).collect();
            (!places.is_empty()).then(|| format!("{name}: in {}", places.join(", ")))
        })
        .collect();
    assert!(found.is_empty(), "left in memory: {found:#?}");

    fs::remove_file(world.path("memory")).unwrap();
    let left: Vec<String> =
        secrets.iter().flat_map(|(name, secret)| left_in_files(&world, name, secret)).collect();
    assert!(left.is_empty(), "left in files: {left:#?}");
}

/// Where a secret is found though it has no business there.
fn left_in_files(world: &World, name: &str, secret: &[u8]) -> Vec<String> {
    let home = match name.split_once('\'') {
        Some(("the service", _)) => world.home().join("identity"),
        // These kits have no passphrase; what receives shares, and a share, are sealed all the
        // same.
        Some((custodian, "s signing seed")) => {
            world.kits_directory.path().join(custodian.replace("custodian", "kit")).join("identity")
        }
        _ if name == "a life secret" => world.home().join("life/benefits.life"),
        _ => Path::new("nowhere").to_owned(),
    };
    let text = HEXLOWER.encode(secret);
    let (mut left, mut at_home) = (Vec::new(), false);
    let mut directories =
        [&world.directory, &world.kits_directory].map(|one| one.path().to_owned()).to_vec();
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                directories.push(path);
                continue;
            }
            let bytes = fs::read(&path).unwrap();
            if find(&bytes, secret).chain(find(&bytes, text.as_bytes())).next().is_none() {
                continue;
            }
            at_home |= path == home;
            left.extend((path != home).then(|| format!("{name}: {}", path.display())));
        }
    }
    assert!(at_home || home == Path::new("nowhere"), "{name} is found where it belongs");
    left
}

fn play(world: &World) {
    // Enough for whole groups of lanes and a rest.
    let people = PEOPLE.repeat(20);
    world.init().unwrap();
    world.receive().unwrap();
    world.statistics("population").unwrap();
    world.research("benefits", "2026-06-30").unwrap();
    world.code("population", "first", &people).unwrap();
    world.code("benefits", "research", &people).unwrap();
    world.new_key("population", RenewalReason::Scheduled).unwrap();
    world.renew("population", "second", &world.codes("first")).unwrap();
    world.new_key("benefits", RenewalReason::Doubt).unwrap();
    world.code("benefits", "again", &people).unwrap();
    panic_in_a_run(world);
}

/// The work on the rows panics with the coder in its hands: unwinding wipes what was opened for it.
fn panic_in_a_run(world: &World) {
    let request = world.request("panics", &PEOPLE);
    let mut service = world.open();
    let action = Action::Code {
        domain: name("population"),
        generation: generation(2),
        scheme: Scheme::FrNir,
        purpose: name("test"),
        inputs: vec![request.input()],
        recipient: None,
        keep_request: false,
        look_up: None,
    };
    let quorum = world.quorum(&mut service, action).unwrap();
    let run = || {
        service.code(quorum, from_ref(&request.files), |coder, _| panic!("{}", coder.generation()))
    };
    // A backtrace would read all debug information into the memory that is searched.
    std::panic::set_hook(Box::new(|_| ()));
    assert!(catch_unwind(AssertUnwindSafe(run)).is_err());
    let _ = std::panic::take_hook();
}
