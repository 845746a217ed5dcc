//! `demo`: the whole scheme on invented data. Every step is a command that anybody could type,
//! parsed and run as if typed; every number is measured on the files that it left.

mod acts;
mod end;
mod exchange;
mod linking;
mod look;
mod over;
mod people;
mod research;

use std::cell::Cell;
use std::fmt::Display;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use clap::{Args, Parser};
use cstatns::files::{self, FileError};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::Cli;
use crate::fault::Fault;
use crate::lang::text;
use crate::output::Program;
use linking::Linking;
use people::{File, People};
use research::Study;

/// The whole scheme on invented data, told step by step
#[derive(Args)]
#[command(after_help = "Examples:
  cstatns demo
  cstatns demo /tmp/demo --rows 200000 --seed 7
Every command that it shows can be typed again on the files that it leaves.")]
pub(crate) struct Demo {
    /// The directory to make, or an empty one
    #[arg(default_value = "cstatns-demo")]
    directory: PathBuf,
    /// Rows of each team's file
    #[arg(long, default_value_t = 20_000, value_parser = clap::value_parser!(u32).range(200..=5_000_000))]
    rows: u32,
    /// What the invented data follow from; never the keys
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

/// The custodians: three members of the service, two external.
const CUSTODIANS: [(&str, bool); 5] =
    [("alice", false), ("bruno", false), ("chloe", false), ("denis", true), ("elise", true)];

impl Demo {
    pub(crate) fn run(self, program: &Program) -> Result<Value, Fault> {
        let occupied =
            std::fs::read_dir(&self.directory).is_ok_and(|mut entries| entries.next().is_some());
        if occupied {
            return Err(FileError::Exists { path: self.directory }.into());
        }
        let mut story = Story::new(program, &self.directory)?;
        story.tell(
            text!("A statistical institute wants to link files of different teams on people's national \
            identifier (NIR), without\n\
             any base that holds identity and data together. A cryptographic service replaces the \
             identifier by a code without\n\
             meaning. The teams never see a key; the service never sees the data. Everybody here \
             is invented.",
                 "Un institut de statistique veut apparier les fichiers de plusieurs équipes sur l'identifiant national \
                     des personnes (NIR),\nsans aucune base qui réunisse identités et données. Un service cryptographique \
                     remplace l'identifiant par un code non\nsignifiant. Les équipes ne voient jamais de clé ; le service \
                     ne voit jamais les données. Tout le monde ici est inventé."),
        );
        story.ceremony()?;
        let files = story.invent(self.rows as usize, self.seed)?;
        story.first_codes(&files)?;
        story.renewal(&files)?;
        story.research(&files)?;
        story.closing()?;
        story.expiry()?;
        story.audit()?;
        story.end(&files)
    }
}

/// The invented files of the teams.
struct Files {
    people: People,
    courses: File,
    wages: File,
    newcomers: File,
    study: Study,
}

struct Story<'a> {
    /// Where the story is told.
    program: &'a Program,
    /// What its commands are run with.
    verbs: Program,
    ahead: Rc<Cell<SignedDuration>>,
    root: PathBuf,
    step: u32,
    summary: Value,
}

impl<'a> Story<'a> {
    fn new(program: &'a Program, root: &Path) -> Result<Self, Fault> {
        let ahead = Rc::new(Cell::new(SignedDuration::ZERO));
        let clock = {
            let ahead = ahead.clone();
            Rc::new(move || Timestamp::now() + ahead.get())
        };
        let verbs = program.told(clock);
        let story = Self {
            program,
            verbs,
            ahead,
            root: root.to_owned(),
            step: 0,
            summary: json!({ "directory": root }),
        };
        let parties = ["courses", "wages", "benefits", "linking", "researcher"];
        for directory in ["", "custodians", "service"].into_iter().chain(parties) {
            let path = story.at(directory);
            if !path.is_dir() {
                files::create_dir(&path)?;
            }
        }
        Ok(story)
    }

    fn at(&self, path: &str) -> PathBuf {
        if path.is_empty() { self.root.clone() } else { self.root.join(path) }
    }

    fn tell(&self, text: impl Display) {
        self.program.tell(text);
    }

    fn step(&mut self, title: impl Display) {
        self.step += 1;
        self.tell(format_args!("\n{}. {title}\n", self.step));
    }

    fn note(&mut self, key: &str, value: impl Into<Value>) {
        self.summary[key] = value.into();
    }

    /// Runs a command as if it had been typed; `@` stands for the demonstration's directory.
    fn play(&self, command: &str) -> Result<Value, Fault> {
        self.run(&self.verbs, command)
    }

    /// The same without the command's own messages.
    fn play_quietly(&self, command: &str) -> Result<Value, Fault> {
        self.run(&self.verbs.quiet(), command)
    }

    /// A command that must be refused, with this code.
    fn refused(&self, command: &str, code: &str) -> Result<(), Fault> {
        match self.run(&self.verbs.quiet(), command) {
            Err(fault) if fault.code == code => {
                self.tell(format_args!("    {}", fault.line().unwrap_or_default()));
                Ok(())
            }
            Err(fault) => Err(fault),
            Ok(_) => Err(mismatch(text!(
                "a command was to be refused with {code}, and was not",
                "une commande devait être refusée avec {code}, et ne l'a pas été"
            ))),
        }
    }

    fn run(&self, program: &Program, command: &str) -> Result<Value, Fault> {
        self.cli("cstatns", command).and_then(|cli: Cli| cli.role.run(program))
    }

    /// The same with a command of the linking body, which has a program of its own.
    fn link(&self, program: &Program, command: &str) -> Result<Value, Fault> {
        self.cli("cstatns-link", command).and_then(|linking: Linking| linking.run(program))
    }

    /// Shows a command and parses it.
    fn cli<C: Parser>(&self, name: &str, command: &str) -> Result<C, Fault> {
        let root = self.root.to_string_lossy();
        let words = command.split_whitespace().map(|word| word.replace('@', &root));
        let words: Vec<String> = std::iter::once(name.to_owned()).chain(words).collect();
        self.tell(typed(&words));
        C::try_parse_from(words).map_err(|error| Fault::usage(error.to_string()))
    }

    /// The three custodians who approve.
    fn quorum() -> String {
        ["alice", "chloe", "elise"].map(|name| format!("--kit @/custodians/{name}")).join(" ")
    }
}

/// A command as it is typed, in lines of a readable length.
fn typed(words: &[String]) -> String {
    let mut text = "  $".to_owned();
    let mut length = text.len();
    let mut rest = words.iter().peekable();
    while let Some(word) = rest.next() {
        let value = rest.next_if(|next| word.starts_with("--") && !next.starts_with("--"));
        let part = value.map_or_else(|| word.clone(), |value| format!("{word} {value}"));
        if length + part.len() + 1 > 116 {
            text.push_str(" \\\n       ");
            length = 7;
        }
        text.push(' ');
        text.push_str(&part);
        length += part.len() + 1;
    }
    text
}

fn equal<T: PartialEq + Display>(found: T, expected: T, what: impl Display) -> Result<(), Fault> {
    if found == expected {
        Ok(())
    } else {
        Err(mismatch(text!(
            "{what}: found {found}, expected {expected}",
            "{what} : trouvé {found}, attendu {expected}"
        )))
    }
}

fn mismatch(what: impl Display) -> Fault {
    Fault::new(
        "demo",
        text!(
            "the demonstration did not go as it must ({what}): please report it",
            "la démonstration ne s'est pas déroulée comme elle doit ({what}) : merci de le signaler"
        ),
    )
}
