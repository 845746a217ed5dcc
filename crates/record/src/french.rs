//! What this crate says in French.

mod errors;
mod linking;
mod questions;
