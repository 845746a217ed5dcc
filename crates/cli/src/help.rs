//! The help of the program in French: what `clap` collects from the verbs and options, by a table
//! from the English text.

use std::collections::BTreeSet;

use clap::{Arg, Command};

use crate::lang::{Lang, lang};

/// The table: a paragraph in English, and behind `= ` in French.
const FRENCH: &str = include_str!("help/fr.txt");

/// A command in the language of the process.
pub(crate) fn spoken(command: Command) -> Command {
    match lang() {
        Lang::En => command,
        Lang::Fr => {
            let mut command = command;
            command.build();
            in_french(command, &mut BTreeSet::new())
        }
    }
}

/// The paragraphs of the table, each with its French one.
fn rows() -> impl Iterator<Item = (&'static str, &'static str)> {
    let mut lines = FRENCH.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    std::iter::from_fn(move || {
        let english = lines.next()?;
        let french = lines.next().and_then(|line| line.strip_prefix("= "));
        Some((english, french.expect("a paragraph has its French one below it")))
    })
}

/// A command that was built, and those below it, in French. `asked` gets the paragraphs that were
/// looked for.
fn in_french(mut command: Command, asked: &mut BTreeSet<String>) -> Command {
    command = command.subcommand_help_heading("Commandes");
    if let Some(about) = command.get_about().map(ToString::to_string) {
        command = command.about(translated(&about, asked));
    }
    if let Some(after) = command.get_after_help().map(ToString::to_string) {
        command = command.after_help(translated(&after, asked));
    }
    let options: Vec<_> = command.get_arguments().map(|arg| arg.get_id().clone()).collect();
    for option in options {
        command = command.mut_arg(option, |arg| described(arg, asked));
    }
    let below: Vec<_> = command.get_subcommands().map(|sub| sub.get_name().to_owned()).collect();
    for name in below {
        command = command.mut_subcommand(name, |sub| in_french(sub, asked));
    }
    command
}

/// An option in French. Its default and its values stand behind its text, where `clap` would put
/// them in English.
fn described(arg: Arg, asked: &mut BTreeSet<String>) -> Arg {
    let Some(help) = arg.get_help().map(ToString::to_string) else { return arg };
    let mut help = translated(&help, asked);
    let values: Vec<_> = match arg.get_action().takes_values() {
        true => arg.get_possible_values().iter().map(|value| value.get_name().to_owned()).collect(),
        false => Vec::new(),
    };
    let defaults: Vec<_> = match arg.get_action().takes_values() {
        true => {
            arg.get_default_values().iter().map(|one| one.to_string_lossy().into_owned()).collect()
        }
        false => Vec::new(),
    };
    if !defaults.is_empty() {
        help.push_str(&format!(" [défaut\u{a0}: {}]", defaults.join(" ")));
    }
    if !values.is_empty() {
        help.push_str(&format!(" [valeurs possibles\u{a0}: {}]", values.join(", ")));
    }
    arg.help(help).hide_default_value(true).hide_possible_values(true)
}

/// A text of several paragraphs. What is typed in an example stands as it is; a remark may stand
/// far behind it on its line.
fn translated(text: &str, asked: &mut BTreeSet<String>) -> String {
    let mut french = |paragraph: &str| {
        asked.insert(paragraph.to_owned());
        let row = rows().find(|(english, _)| *english == paragraph);
        row.map_or(paragraph, |(_, french)| french).to_owned()
    };
    let (mut lines, mut prose) = (Vec::new(), Vec::new());
    for line in text.lines().map(Some).chain([None]) {
        match line {
            Some(line) if !line.starts_with(' ') && !line.is_empty() => prose.push(line),
            other => {
                if !prose.is_empty() {
                    lines.push(french(&prose.join(" ")));
                    prose.clear();
                }
                match other {
                    Some(typed) if typed.starts_with("  cstatns ") => {
                        lines.push(match typed.trim_start().split_once("    ") {
                            Some((_, remark)) => {
                                let remark = remark.trim_start();
                                typed.replace(remark, &french(remark))
                            }
                            None => typed.to_owned(),
                        });
                    }
                    Some(other) => lines.push(other.to_owned()),
                    None => {}
                }
            }
        }
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn every_text_of_the_help_has_its_french_one() {
        let mut asked = BTreeSet::new();
        let mut command = crate::Cli::command();
        command.build();
        in_french(command, &mut asked);
        let known: BTreeSet<String> = rows().map(|(english, _)| english.to_owned()).collect();
        let without: Vec<_> = asked.difference(&known).collect();
        assert_eq!(without, Vec::<&String>::new(), "texts without French");
        let dead: Vec<_> = known.difference(&asked).collect();
        assert_eq!(dead, Vec::<&String>::new(), "French that no text needs");
        assert!(asked.len() > 200, "{}", asked.len());
        for (english, french) in rows() {
            assert_ne!(english, french);
            let plain = [" :", " ;", " ?", " !"].iter().any(|sign| french.contains(sign));
            assert!(!plain, "a space that breaks: {french}");
        }
    }
}
