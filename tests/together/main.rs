//! The library as those who use it see it. All of it is one program, which is built and linked
//! once.

mod audit;
mod bounds;
mod checkpoint;
mod clocks;
#[path = "../common/mod.rs"]
mod common;
mod comparison;
mod crash;
mod custodians;
mod custody;
mod dealing;
mod decade;
mod distance;
mod files;
mod flow;
mod hmac;
mod identifier;
mod keys;
mod left;
mod linking;
mod linking_beside;
mod owed;
mod parties;
mod parts;
mod publish;
mod reader;
mod recovery;
mod reference_crypto;
mod reference_custody;
mod rekey;
mod repeat;
mod rotation;
mod sealed;
#[path = "../second/mod.rs"]
mod second;
mod sharing;
mod snapshot;
mod tampered;
mod time;
mod withheld;
mod witness;
