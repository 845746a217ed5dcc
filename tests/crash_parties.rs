//! Parties and request keys, stopped, failed and torn at every durable step.

#![allow(clippy::print_stderr)]

mod common;

use cstatns::coded::Coded as _;
use cstatns::dealing::Epoch;
use cstatns::name::Hex;
use cstatns::party::Role;
use cstatns::service::ServiceError;
use jiff::SignedDuration;

use common::crash::{Verb, run};
use common::{PEOPLE, World, name, party_card};

fn registered(world: &World) {
    world.statistics("population").unwrap();
    world.research("benefits", "2026-06-30").unwrap();
    let card = party_card("insee", 1);
    world.register(&card, Role::Controller, &["benefits", "population"]).unwrap();
}

/// One request key in each domain.
fn with_keys(world: &World) {
    registered(world);
    for domain in ["benefits", "population"] {
        world.request_key("insee", domain).unwrap();
    }
}

fn first_key(world: &World) -> Option<Hex<16>> {
    let service = world.open();
    let key =
        service.state().request_keys().iter().find(|(_, key)| key.domain == name("population"));
    key.map(|(key, _)| *key)
}

/// What was done already is done.
fn or_done(outcome: Result<(), ServiceError>, code: &str) -> Result<(), ServiceError> {
    match outcome {
        Err(error) if error.code() == code => Ok(()),
        outcome => outcome,
    }
}

/// A request key can be issued, sealed anew, and withdrawn.
fn goes_on(world: &World) {
    let key = world.request_key("insee", "population").unwrap().body.key;
    world.deal().unwrap();
    world.receive().unwrap();
    assert_eq!(world.open().state().working_epoch().unwrap().0, Epoch(2));
    world.open().withdraw_request_key(&key).unwrap();
    world.code("population", "coded", &PEOPLE).unwrap();
}

/// What is like another verb whose steps are tried at each change.
fn run_before_release(verb: Verb) {
    if std::env::var_os("CSTATNS_LONG").is_some() {
        run(verb);
    } else {
        eprintln!("{}: not tried, CSTATNS_LONG is unset", verb.name);
    }
}

#[test]
fn register() {
    run_before_release(Verb {
        name: "party",
        prepare: registered,
        act: |world| {
            let card = party_card("cnaf", 2);
            or_done(world.register(&card, Role::Holder, &["population"]), "party-registered")
        },
        then: |world| {
            world.request_key("cnaf", "population").unwrap();
            goes_on(world);
        },
    });
}

#[test]
fn end_party() {
    run(Verb {
        name: "end-party",
        prepare: with_keys,
        act: |world| or_done(world.end_party(1, &party_card("insee", 1)), "party-ended"),
        then: |world| {
            assert_eq!(world.open().state().living_request_keys().count(), 0);
            assert_eq!(
                world.request_key("insee", "population").unwrap_err().code(),
                "unknown-party"
            );
        },
    });
}

#[test]
fn issue_request_key() {
    run(Verb {
        name: "request-key",
        prepare: registered,
        act: |world| world.request_key("insee", "population").map(drop),
        then: goes_on,
    });
}

#[test]
fn withdraw_request_key() {
    run(Verb {
        name: "withdraw-request-key",
        prepare: with_keys,
        act: |world| {
            let mut service = world.try_open()?;
            let key = *service.state().request_keys().first_key_value().unwrap().0;
            or_done(service.withdraw_request_key(&key), "request-key-unknown")
        },
        then: goes_on,
    });
}

#[test]
fn expire_request_keys() {
    run(Verb {
        name: "expire-request-keys",
        prepare: |world| {
            registered(world);
            world.request_key("insee", "population").unwrap();
            world.clock.advance(SignedDuration::from_hours(30 * 24));
        },
        act: |world| world.try_open()?.expire().map(drop),
        then: |world| {
            assert_eq!(world.open().state().living_request_keys().count(), 0);
            goes_on(world);
        },
    });
}

#[test]
fn close_with_request_keys() {
    run_before_release(Verb {
        name: "close-with-request-keys",
        prepare: with_keys,
        act: |world| or_done(world.close("benefits"), "keys-destroyed"),
        then: |world| {
            assert_eq!(world.open().state().living_request_keys().count(), 1);
            goes_on(world);
        },
    });
}

#[test]
fn deal_with_request_keys() {
    run(Verb {
        name: "deal-with-request-keys",
        prepare: with_keys,
        act: |world| world.deal().map(drop),
        then: |world| {
            world.receive().unwrap();
            let key = first_key(world).unwrap();
            world.open().withdraw_request_key(&key).unwrap();
        },
    });
}

#[test]
fn last_receipt_with_request_keys() {
    run(Verb {
        name: "last-receipt-with-request-keys",
        prepare: |world| {
            with_keys(world);
            world.deal().unwrap();
            let receipt = world.accept(&world.kits[0]);
            world.open().receipt(receipt).unwrap();
        },
        act: |world| {
            let receipt = world.accept(&world.kits[1]);
            or_done(world.try_open()?.receipt(receipt).map(drop), "receipt-known")
        },
        then: |world| {
            assert_eq!(world.open().state().working_epoch().unwrap().0, Epoch(2));
            let key = first_key(world).unwrap();
            world.open().withdraw_request_key(&key).unwrap();
        },
    });
}

#[test]
fn abandon_with_request_keys() {
    run_before_release(Verb {
        name: "abandon-with-request-keys",
        prepare: |world| {
            with_keys(world);
            world.deal().unwrap();
        },
        act: |world| world.abandon(2),
        then: |world| {
            assert_eq!(world.open().state().living_request_keys().count(), 2);
            world.deal().unwrap();
            world.receive().unwrap();
        },
    });
}
