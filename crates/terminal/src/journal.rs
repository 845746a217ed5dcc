//! Messages in the system's journal, where standard error leads to it: each with its priority, the
//! code of an error, the verb and the domain. Where the journal takes no entries, a line on
//! standard error begins with its priority, which the journal reads too.

use std::path::Path;
use std::sync::OnceLock;

use clap::ArgMatches;
use cstatns_base::files;
use cstatns_base::name::Name;

/// What a warning begins with, in both languages.
const WARNING: [&str; 2] = ["warning: ", "attention : "];
/// Where the journal takes entries.
const SOCKET: &str = "/run/systemd/journal/socket";

/// The name of the program.
static PROGRAM: OnceLock<String> = OnceLock::new();
/// What the program does: the verb with its role, and the domain.
static ABOUT: OnceLock<(String, Option<String>)> = OnceLock::new();

/// Remembers whose messages these are.
pub(crate) fn set_program(name: &str) {
    let _ = PROGRAM.set(name.to_owned());
}

/// Remembers the verb and the domain of the command line.
pub(crate) fn remember(matches: &ArgMatches) {
    let (mut verb, mut matches) = (String::new(), matches);
    while let Some((name, below)) = matches.subcommand() {
        verb = format!("{verb} {name}").trim_start().to_owned();
        matches = below;
    }
    let domain = matches.try_get_one::<Name>("domain").ok().flatten().map(ToString::to_string);
    let _ = ABOUT.set((verb, domain));
}

/// Gives a message to the journal, if standard error leads there. Returns what is to be written to
/// standard error.
pub(crate) fn journalled(message: &str) -> Option<String> {
    static IS_JOURNAL: OnceLock<bool> = OnceLock::new();
    if !IS_JOURNAL.get_or_init(files::is_journal) {
        return Some(message.to_owned());
    }
    given(message, Path::new(SOCKET))
}

fn given(message: &str, socket: &Path) -> Option<String> {
    let code = message.strip_prefix("error[").and_then(|rest| rest.split_once(']'));
    let priority = match code {
        Some(_) => "3",
        None if WARNING.iter().any(|word| message.starts_with(word)) => "4",
        None => "6",
    };
    let mut fields = vec![("MESSAGE", message), ("PRIORITY", priority)];
    fields.extend(PROGRAM.get().map(|name| ("SYSLOG_IDENTIFIER", name.as_str())));
    fields.extend(code.map(|(code, _)| ("CSTATNS_CODE", code)));
    if let Some((verb, domain)) = ABOUT.get() {
        fields.push(("CSTATNS_VERB", verb));
        fields.extend(domain.as_deref().map(|domain| ("CSTATNS_DOMAIN", domain)));
    }
    match files::log(socket, &fields) {
        Ok(()) => None,
        Err(_) => {
            let lines = message.lines().map(|line| format!("<{priority}>{line}"));
            Some(lines.collect::<Vec<_>>().join("\n"))
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixDatagram;

    use clap::{Arg, Command, value_parser};

    use super::*;

    #[test]
    fn an_entry_says_what_it_is_about() {
        let domain = Arg::new("domain").value_parser(value_parser!(Name));
        let doubt = Command::new("doubt").args([Arg::new("home"), domain]);
        let service = Command::new("service").subcommand(doubt);
        let command = Command::new("cstatns").subcommand(service);
        let line = ["cstatns", "service", "doubt", "home", "population"];
        remember(&command.try_get_matches_from(line).unwrap());
        set_program("cstatns");
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("socket");
        let entry = |message: &str| {
            let journal = UnixDatagram::bind(&path).unwrap();
            assert_eq!(given(message, &path), None);
            let mut entry = [0; 1024];
            let length = journal.recv(&mut entry).unwrap();
            std::fs::remove_file(&path).unwrap();
            String::from_utf8_lossy(&entry[..length]).replace('\0', "")
        };
        let field =
            |name: &str, value: &str| format!("{name}\n{}{value}\n", char::from(value.len() as u8));
        let said = entry("error[home-locked]: busy");
        for (name, value) in [
            ("MESSAGE", "error[home-locked]: busy"),
            ("PRIORITY", "3"),
            ("SYSLOG_IDENTIFIER", "cstatns"),
            ("CSTATNS_CODE", "home-locked"),
            ("CSTATNS_VERB", "service doubt"),
            ("CSTATNS_DOMAIN", "population"),
        ] {
            assert!(said.contains(&field(name, value)), "{name}: {said:?}");
        }
        for warning in ["warning: one\ntwo", "attention : un\ndeux"] {
            let said = entry(warning);
            assert!(said.contains(&field("PRIORITY", "4")) && !said.contains("CODE"), "{said:?}");
        }

        // Without a journal each line begins with the priority.
        assert_eq!(given("error[seal]: x", &path).unwrap(), "<3>error[seal]: x");
        assert_eq!(given("warning: one\ntwo", &path).unwrap(), "<4>warning: one\n<4>two");
        assert_eq!(given("founded", &path).unwrap(), "<6>founded");
    }
}
