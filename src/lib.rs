//! Codes without meaning for national identifiers.
//!
//! A cryptographic service turns national identifiers into codes by a keyed function whose keys
//! open only under a quorum of custodians; renews codes under new keys without a table from
//! identifier to code; gives each research project a key of its own that is destroyed at its end;
//! and records all of it in a ledger that others can verify. `SPEC.md` is the normative text; its
//! sections are named throughout.
//!
//! The coding function alone, under keys made up for the example; in the service a run lends the
//! [`coder::Coder`] and the [`coder::Renewer`] after a quorum ([`service`],
//! `examples/ceremony.rs`):
//!
//! ```
//! use cstatns::code::Generation;
//! use cstatns::coder::{Coder, Renewer};
//! use cstatns::hazmat::coding_key;
//! use cstatns::identifier::Scheme;
//! use cstatns::name::Name;
//! use cstatns::secret::Secret;
//!
//! let (service, domain) = ("example.aaaaaaaaaaaaaaaaaaaaaaaaaa", Name::new("population")?);
//! let (first, second) = (Generation::FIRST, Generation::FIRST.next());
//! let (k1, k2) = (Secret::random(), Secret::random());
//! let key = |secret, generation| coding_key(secret, service, &domain, generation);
//!
//! // Two people: their numbers differ by the letter of Corsica only, and have the same key.
//! let people = ["2 84 05 2A 321 025 52", "284051932102552"];
//! let identifiers = people.map(|text| Scheme::FrNir.parse(text.as_bytes()).map(|accepted| accepted.identifier));
//! let identifiers = identifiers.into_iter().collect::<Result<Vec<_>, _>>()?;
//!
//! let mut codes = Vec::new();
//! Coder::new(vec![key(&k1, first)])?.code(&identifiers, &mut codes);
//! assert_ne!(codes[0], codes[1]);
//! assert!(codes[0].text().starts_with("c1."));
//!
//! // A new key renews the codes; a newcomer, coded through both keys, gets the renewed code.
//! let (mut renewed, mut newcomers) = (Vec::new(), Vec::new());
//! Renewer::new(first, vec![key(&k2, second)])?.renew(&codes, &mut renewed)?;
//! Coder::new(vec![key(&k1, first), key(&k2, second)])?.code(&identifiers, &mut newcomers);
//! assert_eq!(renewed, newcomers);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! What stands on no secret lies in crates of its own, and is given again here: `cstatns-base` and
//! `cstatns-record`. Who must not be able to code depends on those.
//!
//! The rooms of this library, lowest first; a room uses only those above it in this list.

pub use cstatns_base::{
    civil_status, code, coded, commitment, delivery, distinct, domain, files, french, identifier,
    language, look_up, meta, name, secret, text, words,
};
pub use cstatns_record::{
    audit, card, checkpoint, comparison, dealing, evidence, ledger, linking, manifest, notice,
    party, payload, proposal, proposal_file, receipt, received, report, requested, state,
    statement, witness,
};

/// What these signatures take of other crates: use these, and versions fit.
pub use {ed25519_dalek, jiff, zeroize};

pub mod coder;

pub mod recheck;

mod sharing;

pub mod custody;

pub mod keystore;

pub mod service;

pub mod hazmat;

mod french;
