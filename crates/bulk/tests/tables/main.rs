//! The files that travel, from the data to the attached file.

mod again;
mod bad_input;
mod bytes;
mod civil_status;
mod columns;
mod common;
mod crash;
mod files;
mod forms;
mod frames;
mod guard;
mod inside;
mod pair;
mod parcels;
mod parts;
mod payload;
mod prepare;
mod random;
mod renewal;
mod requests;
mod rows;
mod sealed;
mod several;
mod shuffle;
#[path = "../signed/mod.rs"]
mod signed;
mod threads;
mod types;
mod withheld;
