//! The `cstatns-link` program: what a linking body does. Its `--help` says what it takes; SPEC.md
//! has the formats that it writes. It cannot code.

// The rooms, lowest first; a room uses only those above it in this list.

mod attach;

mod join;

mod prepare;

mod release;

mod end;

mod status;

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use cstatns_terminal::fault::Fault;
use cstatns_terminal::output::Program;
use cstatns_terminal::{CommandLine, Options};
use serde_json::Value;

/// The table of the help in French.
const FRENCH: &str = include_str!("fr.txt");

const EXAMPLES: &str = "Examples:
  cstatns-link attach --as linking --service card.json --payload wages.csv.age \\
      --result wages-codes.csv.age --out wages.csv
  cstatns-link join --as linking --source wages=wages.csv --source care=care.csv --out joined.csv
  cstatns-link release joined.csv --as linking --to researcher.card.json --ledger ledger.jsonl \\
      --service card.json --authorisation cnil-2026-017 --out joined.csv.age
  cstatns-link status --as linking

The folder of the linking body is made with `cstatns party new`; the service registers its card.

Exit status: 0 done; 1 refused or failed, with one line `error[CODE]: ...` on standard error; 2 wrong usage; 3 something
must be destroyed (`status --check`).";

/// Links coded files of a research project, and gives them to researchers without codes.
#[derive(Parser)]
#[command(name = "cstatns-link", version, max_term_width = 100, after_help = EXAMPLES)]
struct Cli {
    #[command(flatten)]
    options: Options,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    Attach(attach::AttachArgs),
    Join(join::JoinArgs),
    Prepare(prepare::PrepareArgs),
    Release(release::ReleaseArgs),
    End(end::EndArgs),
    Expire(end::ExpireArgs),
    Status(status::StatusArgs),
}

impl CommandLine for Cli {
    const FRENCH: &'static str = FRENCH;

    fn options(&self) -> &Options {
        &self.options
    }

    fn works_with_keys(&self) -> bool {
        !matches!(self.verb, Verb::Status(_))
    }

    fn run(self, program: &Program) -> Result<Value, Fault> {
        match self.verb {
            Verb::Attach(verb) => verb.run(program),
            Verb::Join(verb) => verb.run(program),
            Verb::Prepare(verb) => verb.run(program),
            Verb::Release(verb) => verb.run(program),
            Verb::End(verb) => verb.run(program),
            Verb::Expire(verb) => verb.run(program),
            Verb::Status(verb) => verb.run(program),
        }
    }
}

fn main() -> ExitCode {
    cstatns_terminal::run::<Cli>()
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;
    use cstatns_terminal::help;

    use super::*;

    #[test]
    fn every_text_of_the_help_has_its_french_one() {
        assert_eq!(help::misfits(Cli::command(), FRENCH), Vec::<String>::new());
    }
}
