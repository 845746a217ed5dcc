//! The `cstatns` program: one module a role. Its `--help` says what it takes; SPEC.md has the
//! formats that it writes.

// The rooms, lowest first; a room uses only those above it in this list.

mod lang;

mod help;

mod bar;

mod journal;

mod advice;

mod fault;

mod accept;

mod scheme;

mod figures;

mod output;

mod watch;

mod bulk;

mod settings;

mod passphrase;

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

use std::error::Error as _;
use std::num::ParseIntError;
use std::process::ExitCode;
use std::sync::Arc;

use clap::error::ContextKind;
use clap::{CommandFactory as _, FromArgMatches as _, Parser, Subcommand};
use cstatns::name::NameError;
use serde_json::Value;
use signal_hook::consts::SIGXFSZ;
use signal_hook::flag;

use fault::Fault;
use lang::{Lang, lang, said, text};
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
    /// Give a machine-readable summary on standard output
    #[arg(long, global = true)]
    json: bool,
    /// The language of what is shown [default: that of the locale, else English]
    #[arg(long, global = true, value_name = "en|fr", value_parser = lang::named)]
    lang: Option<Lang>,
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

    /// Whether it works with keys, so that the operator is told what the system refuses.
    fn works_with_keys(&self) -> bool {
        matches!(
            self,
            Self::Demo(_)
                | Self::Custodian(_)
                | Self::Service(_)
                | Self::Party(_)
                | Self::Parcel(_)
        )
    }
}

fn parsed() -> Result<Cli, clap::Error> {
    let mut command = help::spoken(Cli::command());
    let matches = command.try_get_matches_from_mut(std::env::args_os())?;
    journal::remember(&matches);
    Cli::from_arg_matches(&matches).map_err(|error| error.format(&mut command))
}

/// What is wrong with a value on the command line, in French; none of what `clap` alone says.
fn refused_value(error: &clap::Error) -> Option<String> {
    let reason = error.source()?;
    let why = match (reason.downcast_ref::<NameError>(), reason.is::<ParseIntError>()) {
        (Some(error), _) => said(error),
        (_, true) => "ce n'est pas un nombre entier".to_owned(),
        // A verb's own reason; `clap` says this of a number.
        _ => reason.to_string().replace(" is not in ", " n'est pas dans "),
    };
    let of = |kind| error.get(kind).map(ToString::to_string);
    let (value, option) = of(ContextKind::InvalidValue).zip(of(ContextKind::InvalidArg))?;
    Some(format!("{value:?} ne convient pas pour {option} : {why}"))
}

fn main() -> ExitCode {
    lang::set_lang();
    // Before anything else: what follows may hold secrets.
    let hardening = cstatns::secret::harden_process();
    // A file that may not grow is an error of the write, not the end of the process. A handler that
    // does nothing but set a flag is enough; where none can be set, it is as it was.
    let _ = flag::register(SIGXFSZ, Arc::default());
    std::panic::set_hook(Box::new(|info| {
        if !cstatns_rows::is_panic_of_damaged_file() {
            output::write_error(&fault::panic_line(info));
        }
    }));
    let cli = match parsed() {
        Ok(cli) => cli,
        Err(error) => {
            let refused = refused_value(&error).filter(|_| lang() == Lang::Fr);
            match &refused {
                Some(refused) => output::write_error(&format!("erreur d'usage : {refused}")),
                None => {
                    if error.use_stderr() && lang() == Lang::Fr {
                        output::write_error("erreur d'usage, dite en anglais :");
                    }
                    let _ = error.print();
                }
            }
            let exit = u8::try_from(error.exit_code()).unwrap_or(2);
            if exit != 0 && std::env::args_os().any(|argument| argument == "--json") {
                let said = error.to_string();
                let said = said.split("\n\nUsage:").next().unwrap_or_default();
                let words: Vec<&str> = said.split_whitespace().skip(1).collect();
                let message = refused.unwrap_or_else(|| words.join(" "));
                let _ = Program::new(true).finish(&Fault::usage(message).answer());
            }
            return ExitCode::from(exit);
        }
    };
    let program = Program::new(cli.json);
    if cli.role.works_with_keys() {
        if !hardening.memory_locked {
            program.say(text!(
                "note: this system does not let memory be locked; keys could reach its swap space",
                "note : ce système ne permet pas de verrouiller la mémoire ; des clés pourraient atteindre son espace \
                    d'échange"
            ));
        }
        if !hardening.not_dumpable {
            program.say(text!(
                "note: this system does not forbid core dumps of this process",
                "note : ce système n'interdit pas les vidages mémoire de ce processus"
            ));
        }
    }
    // A panic unwinds, so that secrets are wiped; its hook has shown where it was.
    let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| cli.role.run(&program)));
    let is_panic = outcome.is_err();
    let outcome = outcome.unwrap_or_else(|_| Err(fault::panicked()));
    let written = match &outcome {
        Ok(summary) => program.finish(summary),
        Err(fault) => program.finish(&fault.answer()),
    };
    let fault = match (outcome.err(), written) {
        (None, Ok(())) => return ExitCode::SUCCESS,
        // What went wrong counts more than that nobody could be given the summary.
        (Some(fault), Ok(())) | (Some(fault @ Fault { exit: 1 | 2, .. }), Err(_)) => fault,
        (_, Err(unwritten)) => unwritten,
    };
    if let Some(line) = fault.line().filter(|_| !is_panic) {
        output::write_error(&line);
    }
    ExitCode::from(fault.exit)
}
