//! A program from its command line to its exit code: what is the same in each, whatever its verbs.

use std::error::Error as _;
use std::num::ParseIntError;
use std::panic::{AssertUnwindSafe, catch_unwind, set_hook};
use std::process::ExitCode;
use std::sync::Arc;

use clap::error::ContextKind;
use clap::{Args, Parser};
use cstatns_base::name::NameError;
use cstatns_base::secret::{Hardening, harden_process};
use serde_json::Value;
use signal_hook::consts::SIGXFSZ;
use signal_hook::flag;

use crate::fault::{self, Fault};
use crate::help;
use crate::journal;
use crate::lang::{self, Lang, lang, said, text};
use crate::output::{Program, write_error};

/// The options that every verb of a program takes.
#[derive(Args)]
pub struct Options {
    /// Give a machine-readable summary on standard output
    #[arg(long, global = true)]
    json: bool,
    /// The language of what is shown [default: that of the locale, else English]
    #[arg(long, global = true, value_name = "en|fr", value_parser = lang::named)]
    lang: Option<Lang>,
}

/// The command line of a program, understood, and what it does then.
pub trait CommandLine: Parser {
    /// The table of its help in French, as [`help`] has it.
    const FRENCH: &'static str;

    /// The options that every verb takes.
    fn options(&self) -> &Options;

    /// Whether it works with keys, so that the operator sees what the system refuses.
    fn works_with_keys(&self) -> bool;

    /// Does it, and gives the summary.
    fn run(self, program: &Program) -> Result<Value, Fault>;
}

/// A whole program: reads its command line, does what that says, and says how it ended. It is all
/// that `main` does.
pub fn run<C: CommandLine>() -> ExitCode {
    lang::set_lang();
    // Before anything else: what follows may hold secrets.
    let hardening = harden_process();
    // A file that may not grow is an error of the write, not the end of the process. A handler that
    // does nothing but set a flag is enough; where none can be set, it is as it was.
    let _ = flag::register(SIGXFSZ, Arc::default());
    set_hook(Box::new(|info| {
        if !cstatns_rows::is_panic_of_damaged_file() {
            write_error(&fault::panic_line(info));
        }
    }));
    let line = match parsed::<C>() {
        Ok(line) => line,
        Err(error) => return refused(&error),
    };
    let program = Program::new(line.options().json);
    if line.works_with_keys() {
        tell_of(&hardening, &program);
    }
    // A panic unwinds, so that secrets are wiped; its hook has shown where it was.
    let outcome = catch_unwind(AssertUnwindSafe(|| line.run(&program)));
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
        write_error(&line);
    }
    ExitCode::from(fault.exit)
}

fn parsed<C: CommandLine>() -> Result<C, clap::Error> {
    let command = C::command();
    journal::set_program(command.get_name());
    let mut command = help::spoken(command, C::FRENCH);
    let matches = command.try_get_matches_from_mut(std::env::args_os())?;
    journal::remember(&matches);
    C::from_arg_matches(&matches).map_err(|error| error.format(&mut command))
}

/// Says what is wrong with the command line, or shows the help that it asks for.
fn refused(error: &clap::Error) -> ExitCode {
    let refused = refused_value(error).filter(|_| lang() == Lang::Fr);
    match &refused {
        Some(refused) => write_error(&format!("erreur d'usage : {refused}")),
        None => {
            if error.use_stderr() && lang() == Lang::Fr {
                write_error("erreur d'usage, dite en anglais :");
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
    ExitCode::from(exit)
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

/// Shows the operator what the system refuses to a process with keys.
fn tell_of(hardening: &Hardening, program: &Program) {
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
