//! The help of a program in French: what `clap` collects from the verbs and options, by a table
//! from the English text.
//!
//! A table has a paragraph in English, and behind `= ` on the next line in French. Empty lines and
//! lines with `#` are left out.

use std::collections::BTreeSet;

use clap::{Arg, Command};

use crate::lang::{Lang, lang};

/// A command in the language of the process, with the table of its program.
pub fn spoken(command: Command, table: &str) -> Command {
    match lang() {
        Lang::En => command,
        Lang::Fr => {
            let mut command = command;
            command.build();
            in_french(command, table, &mut BTreeSet::new())
        }
    }
}

/// What does not fit between a command and the table of its program: a text without French, French
/// that no text needs, or that is not well set. For the tests of a program.
pub fn misfits(mut command: Command, table: &str) -> Vec<String> {
    command.build();
    let mut asked = BTreeSet::new();
    in_french(command, table, &mut asked);
    let known: BTreeSet<String> = rows(table).map(|(english, _)| english.to_owned()).collect();
    let without = asked.difference(&known).map(|text| format!("has no French: {text}"));
    let dead = known.difference(&asked).map(|text| format!("no text needs it: {text}"));
    let same = rows(table).filter(|(english, french)| english == french);
    let same = same.map(|(_, french)| format!("is not translated: {french}"));
    let signs = [" :", " ;", " ?", " !"];
    let plain = rows(table).filter(|(_, french)| signs.iter().any(|sign| french.contains(sign)));
    let plain = plain.map(|(_, french)| format!("a space that breaks: {french}"));
    without.chain(dead).chain(same).chain(plain).collect()
}

/// The paragraphs of a table, each with its French one.
fn rows(table: &str) -> impl Iterator<Item = (&str, &str)> {
    let mut lines = table.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    std::iter::from_fn(move || {
        let english = lines.next()?;
        let french = lines.next().and_then(|line| line.strip_prefix("= "));
        Some((english, french.expect("a paragraph has its French one below it")))
    })
}

/// A command that was built, and those below it, in French. `asked` gets the paragraphs that were
/// looked for.
fn in_french(mut command: Command, table: &str, asked: &mut BTreeSet<String>) -> Command {
    command = command.subcommand_help_heading("Commandes");
    if let Some(about) = command.get_about().map(ToString::to_string) {
        command = command.about(translated(&about, table, asked));
    }
    if let Some(after) = command.get_after_help().map(ToString::to_string) {
        command = command.after_help(translated(&after, table, asked));
    }
    let options: Vec<_> = command.get_arguments().map(|arg| arg.get_id().clone()).collect();
    for option in options {
        command = command.mut_arg(option, |arg| described(arg, table, asked));
    }
    let below: Vec<_> = command.get_subcommands().map(|sub| sub.get_name().to_owned()).collect();
    for name in below {
        command = command.mut_subcommand(name, |sub| in_french(sub, table, asked));
    }
    command
}

/// An option in French. Its default and its values stand behind its text, where `clap` would put
/// them in English.
fn described(arg: Arg, table: &str, asked: &mut BTreeSet<String>) -> Arg {
    let Some(help) = arg.get_help().map(ToString::to_string) else { return arg };
    let mut help = translated(&help, table, asked);
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

/// A text of several paragraphs. What is typed in an example stands as it is, from the name of a
/// program on; a remark may stand far behind it on its line.
fn translated(text: &str, table: &str, asked: &mut BTreeSet<String>) -> String {
    let mut french = |paragraph: &str| {
        asked.insert(paragraph.to_owned());
        let row = rows(table).find(|(english, _)| *english == paragraph);
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
                    Some(typed) if typed.starts_with("  cstatns") => {
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
    use super::*;

    const TABLE: &str = "# Of a test.\n\nPrint help\n= Afficher l'aide\nWeave\n= Tisser\nExample:\n= \
        Exemple\u{a0}:\nwith two threads\n= avec deux fils\n";

    fn loom() -> Command {
        let example = "Example:\n  cstatns-loom 2        with two threads\n  cstatns-loom 3";
        Command::new("cstatns-loom").about("Weave").after_help(example)
    }

    #[test]
    fn what_is_typed_stands_and_the_rest_is_french() {
        let mut command = in_french(loom(), TABLE, &mut BTreeSet::new());
        let help = command.render_help().to_string();
        assert!(help.starts_with("Tisser\n"), "{help}");
        let example = "Exemple\u{a0}:\n  cstatns-loom 2        avec deux fils\n  cstatns-loom 3\n";
        assert!(help.ends_with(example), "{help}");
    }

    #[test]
    fn what_does_not_fit_is_found() {
        assert_eq!(misfits(loom(), TABLE), Vec::<String>::new());
        for (table, wrong) in [
            (TABLE.replace("Weave\n= Tisser\n", ""), "has no French: Weave"),
            (format!("{TABLE}Knit\n= Tricoter\n"), "no text needs it: Knit"),
            (TABLE.replace("Tisser", "Weave"), "is not translated: Weave"),
            (TABLE.replace('\u{a0}', " "), "a space that breaks: Exemple :"),
        ] {
            assert_eq!(misfits(loom(), &table), [wrong]);
        }
    }
}
