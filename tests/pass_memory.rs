//! While the rows of a run are worked on, the process holds the keys of that run and nothing that
//! opens others: neither the root secret, nor a share, nor the private keys of a kit.
//!
//! In the middle of the pass the whole memory of the process is written to a file. Afterwards the
//! secrets are recomputed from the files and looked for in it.

#![cfg(target_os = "linux")]

mod common;
mod secrets;

use std::fs::{self, File};
use std::slice::from_ref;

use cstatns::secret::wipe_stack;

use common::{PEOPLE, World, code_lines};
use secrets::{find, place, secrets, snapshot};

#[test]
fn the_root_secret_is_gone_before_the_first_row() {
    let mut memory = File::open("/proc/self/mem").unwrap();
    let world = World::new(2, 3);
    world.init().unwrap();
    world.receive().unwrap();
    world.statistics("population").unwrap();
    let request = world.request("batch", &PEOPLE.repeat(20));
    let mut service = world.open();
    let action = world.code_action(&service, "population", &request);
    let quorum = world.quorum(&mut service, action).unwrap();
    let path = world.path("memory");
    let mut regions = Vec::new();
    service
        .code(quorum, from_ref(&request.files), |coder, out| {
            let written = code_lines(coder, &request, out);
            wipe_stack();
            regions = snapshot(&mut memory, &path);
            written
        })
        .unwrap();
    drop(service);

    let memory = fs::read(&path).unwrap();
    let secrets = secrets(&world.home(), &world.kits, world.k);
    let places = |secret: &[u8]| -> Vec<String> {
        find(&memory, secret).map(|at| place(&regions, at).to_owned()).collect()
    };
    // The coder is there, and so is the identity that signs the ledger: a secret that is there is
    // found.
    let found = |wanted: &str| {
        let named = secrets.iter().filter(|(name, _)| name.contains(wanted));
        named.map(|(_, secret)| places(secret).len()).sum::<usize>()
    };
    assert!(found("state of population.1.1.key") > 0, "the key of this run");
    assert!(found("the service's signing seed") > 0);
    let others = secrets.iter().filter(|(name, _)| {
        name.contains("root") || name.contains("share") || name.contains("custodian")
    });
    let left: Vec<_> = others
        .map(|(name, secret)| (name, places(secret)))
        .filter(|(_, places)| !places.is_empty())
        .collect();
    assert!(left.is_empty(), "in memory during the pass: {left:#?}");
}
