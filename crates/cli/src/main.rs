//! The `cstatns` program: one module a role. Its `--help` says what it takes; SPEC.md has the
//! formats that it writes.

// The rooms, lowest first; a room uses only those above it in this list. The first ones are those
// of another crate.

use cstatns_terminal::{bulk, figures, lang, output, passphrase, watch};

mod help;

mod fault;

mod accept;

mod scheme;

mod settings;

mod page;

mod recheck;

mod quorum;

mod auditor;

mod custodian;

mod party;

mod parcel;

mod register;

mod service;

mod controller;

mod manual;

mod demo;

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use cstatns_terminal::{CommandLine, Options};
use serde_json::Value;

use fault::Fault;
use output::Program;

const EXAMPLES: &str = "Examples:
  cstatns demo                                  the whole scheme on invented data, step by step
  cstatns custodian new alice --name alice      a custodian makes a kit
  cstatns controller prepare courses.csv --identifier-column nir --service card.json \\
      --domain population --request request.csv --retained retained.csv
  cstatns service status home

Exit status: 0 done; 1 refused or failed, with one line `error[CODE]: ...` on standard error; 2 wrong usage.";

/// Codes without meaning for national identifiers, under a quorum of custodians.
#[derive(Parser)]
#[command(name = "cstatns", version, max_term_width = 100, after_help = EXAMPLES)]
struct Cli {
    #[command(flatten)]
    options: Options,
    #[command(subcommand)]
    role: Role,
}

#[derive(Subcommand)]
enum Role {
    Demo(demo::Demo),
    #[command(subcommand)]
    Custodian(custodian::Custodian),
    #[command(subcommand)]
    Service(service::ServiceVerb),
    #[command(subcommand)]
    Controller(controller::Controller),
    #[command(subcommand)]
    Auditor(auditor::Auditor),
    #[command(subcommand)]
    Register(register::Register),
    #[command(subcommand)]
    Party(party::PartyVerb),
    #[command(subcommand)]
    Parcel(parcel::ParcelVerb),
    Completions(manual::Completions),
    Man(manual::ManPages),
}

impl Role {
    fn run(self, program: &Program) -> Result<Value, Fault> {
        match self {
            Self::Demo(demo) => demo.run(program),
            Self::Custodian(verb) => verb.run(program),
            Self::Service(verb) => verb.run(program),
            Self::Controller(verb) => verb.run(program),
            Self::Auditor(verb) => verb.run(program),
            Self::Register(verb) => verb.run(program),
            Self::Party(verb) => verb.run(program),
            Self::Parcel(verb) => verb.run(program),
            Self::Completions(verb) => verb.run(program),
            Self::Man(verb) => verb.run(program),
        }
    }
}

impl CommandLine for Cli {
    const FRENCH: &'static str = help::FRENCH;

    fn options(&self) -> &Options {
        &self.options
    }

    fn works_with_keys(&self) -> bool {
        matches!(
            self.role,
            Role::Demo(_)
                | Role::Custodian(_)
                | Role::Service(_)
                | Role::Party(_)
                | Role::Parcel(_)
        )
    }

    fn run(self, program: &Program) -> Result<Value, Fault> {
        self.role.run(program)
    }
}

fn main() -> ExitCode {
    if recheck::is_asked() {
        return recheck::serve();
    }
    cstatns_terminal::run::<Cli>()
}
