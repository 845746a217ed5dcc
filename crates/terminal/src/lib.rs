//! What the programs of cstatns have in common for talking to people: their command line, the
//! language and the help, messages and summaries, errors with what to do about them, passphrases,
//! and how far bulk work is. It cannot code.
//!
//! A program implements [`CommandLine`], and its `main` is [`run`]:
//!
//! ```no_run
//! use std::process::ExitCode;
//!
//! use clap::Parser;
//! use cstatns_terminal::fault::Fault;
//! use cstatns_terminal::lang::text;
//! use cstatns_terminal::output::Program;
//! use cstatns_terminal::{CommandLine, Options};
//! use serde_json::{Value, json};
//!
//! /// Greet somebody
//! #[derive(Parser)]
//! #[command(name = "cstatns-greet", version, max_term_width = 100)]
//! struct Cli {
//!     #[command(flatten)]
//!     options: Options,
//!     /// Whom
//!     name: String,
//! }
//!
//! impl CommandLine for Cli {
//!     const FRENCH: &'static str = "Greet somebody\n= Saluer quelqu'un\nWhom\n= Qui\n";
//!
//!     fn options(&self) -> &Options {
//!         &self.options
//!     }
//!
//!     fn works_with_keys(&self) -> bool {
//!         false
//!     }
//!
//!     fn run(self, program: &Program) -> Result<Value, Fault> {
//!         let name = self.name;
//!         program.tell(text!("Good day, {name}", "Bonjour {name}"));
//!         Ok(json!({ "name": name }))
//!     }
//! }
//!
//! fn main() -> ExitCode {
//!     cstatns_terminal::run::<Cli>()
//! }
//! ```
//!
//! The rooms of this crate, lowest first; a room uses only those above it in this list.

/// What this crate's signatures take of others: use these, and versions fit.
pub use {clap, jiff, serde_json, zeroize};

pub mod lang;

pub mod help;

mod bar;

mod journal;

pub mod advice;

pub mod fault;

pub mod figures;

pub mod output;

pub mod watch;

pub mod bulk;

pub mod passphrase;

pub mod party;

pub mod ledger;

mod command_line;

pub use command_line::{CommandLine, Options, run};
