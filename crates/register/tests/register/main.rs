//! The register from outside: built, damaged, brought up to date, asked.

mod build;
mod common;
mod damage;
mod errors;
mod evaluate;
mod levels;
mod lookup;
mod others;
mod random;
mod vectors;
mod world;
