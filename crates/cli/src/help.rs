//! The help of this program in French.

use clap::Command;
use cstatns_terminal::help;

/// The table: a paragraph in English, and behind `= ` in French.
pub(crate) const FRENCH: &str = include_str!("help/fr.txt");

/// A command of this program in the language of the process.
pub(crate) fn spoken(command: Command) -> Command {
    help::spoken(command, FRENCH)
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn every_text_of_the_help_has_its_french_one() {
        assert_eq!(help::misfits(crate::Cli::command(), FRENCH), Vec::<String>::new());
        let rows = FRENCH.lines().filter(|line| line.starts_with("= ")).count();
        assert!(rows > 200, "{rows}");
    }
}
