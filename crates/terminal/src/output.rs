//! What goes where: messages to standard error; what was asked for, or with `--json` its summary,
//! to standard output.

use std::cell::Cell;
use std::fmt::Display;
use std::io::{BufRead as _, ErrorKind, Read as _, Write};
use std::path::Path;
use std::rc::Rc;

use cstatns_base::civil_status::Years;
use cstatns_base::files;
use jiff::Timestamp;
use serde_json::Value;

use crate::bar::without_bar;
use crate::fault::Fault;
use crate::journal::journalled;
use crate::lang::{kind as said_kind, text};

/// Writes one message to standard error, or to the journal where that is the same; a closed one is
/// not worth stopping for.
pub(crate) fn write_error(message: &str) {
    if let Some(lines) = journalled(message) {
        let _ = without_bar(|| writeln!(std::io::stderr().lock(), "{lines}"));
    }
}

/// Where messages go.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Messages {
    /// To standard error.
    Error,
    /// Among the answer, indented: in the demonstration, which tells of commands.
    Told,
    /// Nowhere: a command of the demonstration that is like one before it.
    Quiet,
}

/// What every verb is given.
#[derive(Clone)]
pub struct Program {
    json: bool,
    messages: Messages,
    /// Whether a copy of the home does not have everything that the command did.
    behind: Rc<Cell<bool>>,
    /// Where the time comes from.
    pub clock: Rc<dyn Fn() -> Timestamp>,
}

impl Program {
    /// With its summary on standard output or not.
    pub fn new(json: bool) -> Self {
        Self {
            json,
            messages: Messages::Error,
            behind: Rc::default(),
            clock: Rc::new(Timestamp::now),
        }
    }

    /// The same for a command that the demonstration runs, under its clock.
    pub fn told(&self, clock: Rc<dyn Fn() -> Timestamp>) -> Self {
        Self { messages: Messages::Told, clock, ..self.clone() }
    }

    /// The same without its messages.
    pub fn quiet(&self) -> Self {
        Self { messages: Messages::Quiet, ..self.clone() }
    }

    /// Whether standard output is for the summary.
    pub fn is_json(&self) -> bool {
        self.json
    }

    /// A copy of the home does not have everything that the command did: it ends with 3.
    pub fn set_behind(&self) {
        self.behind.set(true);
    }

    /// Whether one does not.
    pub fn is_behind(&self) -> bool {
        self.behind.get()
    }

    /// Whether the command was typed, and is not a part of the demonstration.
    pub fn is_alone(&self) -> bool {
        self.messages == Messages::Error
    }

    /// The years that dates of birth may have at this time.
    pub fn years(&self) -> Years {
        Years::at((self.clock)())
    }

    /// A message.
    pub fn say(&self, message: impl Display) {
        match self.messages {
            Messages::Error => write_error(&message.to_string()),
            Messages::Told => {
                for line in message.to_string().lines() {
                    self.answer(format_args!("    {line}"));
                }
            }
            Messages::Quiet => {}
        }
    }

    /// Asks. An answer that does not come is no.
    pub fn is_confirmed(&self, question: &str) -> bool {
        self.say(question);
        let mut answer = String::new();
        // Standard input may be closed; then nobody has answered.
        let _ = std::io::stdin().lock().take(64).read_line(&mut answer);
        matches!(answer.trim().to_lowercase().as_str(), "yes" | "oui")
    }

    /// Warns of a file that is for its owner alone, if it is not.
    pub fn warn_of_others(&self, path: &Path) {
        if path.exists() && !files::is_private(path) {
            self.say(text!(
                "warning: {path:?} can be read by others: chmod 600",
                "attention : {path:?} est lisible par d'autres : chmod 600"
            ));
        }
    }

    /// What was asked for: on standard output, unless that is for the summary.
    pub fn tell(&self, answer: impl Display) {
        match self.messages {
            Messages::Error => self.answer(answer),
            Messages::Told | Messages::Quiet => self.say(answer),
        }
    }

    fn answer(&self, answer: impl Display) {
        // The summary says the same.
        if !self.json {
            let _ = writeln!(std::io::stdout().lock(), "{answer}");
        }
    }

    /// Gives the summary, if it is wanted.
    pub fn finish(&self, summary: &Value) -> Result<(), Fault> {
        if !self.json {
            return Ok(());
        }
        let written = serde_json::to_string_pretty(summary)
            .map_err(|_| ErrorKind::InvalidData)
            .and_then(|text| {
                let mut out = std::io::stdout().lock();
                writeln!(out, "{text}").and_then(|()| out.flush()).map_err(|error| error.kind())
            });
        written.map_err(|kind| {
            let why = said_kind(kind);
            let text = text!(
                "the command is done, but its summary cannot be written to standard output ({why})",
                "la commande est faite, mais son résumé ne peut pas être écrit sur la sortie standard ({why})"
            );
            Fault::new("summary", text)
        })
    }
}
