//! What belongs beside an installed program: completions for shells, and man pages.

use std::path::PathBuf;

use clap::{Args, Command, CommandFactory};
use clap_complete::Shell;
use clap_mangen::Man;
use cstatns::files::{self, Access, FileError};
use serde_json::{Value, json};

use crate::Cli;
use crate::fault::Fault;
use crate::help::spoken;
use crate::lang::text;
use crate::output::Program;

/// Write completions for a shell on standard output
#[derive(Args)]
#[command(after_help = "Examples:
  cstatns completions bash > ~/.local/share/bash-completion/completions/cstatns
  cstatns completions zsh > ~/.zfunc/_cstatns
  cstatns completions fish > ~/.config/fish/completions/cstatns.fish")]
pub(crate) struct Completions {
    /// The shell
    shell: Shell,
}

impl Completions {
    pub(crate) fn run(self, program: &Program) -> Result<Value, Fault> {
        let mut script = Vec::new();
        let mut command = spoken(Cli::command());
        clap_complete::generate(self.shell, &mut command, "cstatns", &mut script);
        let script = String::from_utf8_lossy(&script);
        let script = script.trim_end();
        program.tell(script);
        Ok(json!({ "shell": self.shell.to_string(), "script": script }))
    }
}

/// Write man pages, one for each command
#[derive(Args)]
#[command(after_help = "Example:
  cstatns man ~/.local/share/man/man1
The directory is made if it does not exist; a page that exists is not written over.")]
pub(crate) struct ManPages {
    /// The directory to write to
    directory: PathBuf,
}

impl ManPages {
    pub(crate) fn run(self, program: &Program) -> Result<Value, Fault> {
        let mut command = spoken(Cli::command().disable_help_subcommand(true));
        command.build();
        let mut pages = Vec::new();
        collect(&command, &mut pages)?;
        let pages: Vec<_> =
            pages.into_iter().map(|(name, page)| (self.directory.join(name), page)).collect();

        if let Some((path, _)) = pages.iter().find(|(path, _)| path.symlink_metadata().is_ok()) {
            return Err(FileError::Exists { path: path.clone() }.into());
        }
        std::fs::create_dir_all(&self.directory)
            .map_err(|error| FileError::from_io(&self.directory, &error))?;
        for (place, (path, page)) in pages.iter().enumerate() {
            if let Err(error) = files::write_new(path, page, Access::Shared) {
                for (written, _) in &pages[..place] {
                    // The error that stopped us is the one to tell.
                    let _ = files::remove_if_present(written);
                }
                return Err(error.into());
            }
        }
        program.say(text!("{} pages in {:?}", "{} pages dans {:?}", pages.len(), self.directory));
        Ok(json!({ "pages": pages.iter().map(|(path, _)| path).collect::<Vec<_>>() }))
    }
}

/// The pages of a command and of those below it, with their file names.
fn collect(command: &Command, pages: &mut Vec<(String, Vec<u8>)>) -> Result<(), Fault> {
    for below in command.get_subcommands() {
        collect(below, pages)?;
    }
    let man = Man::new(command.clone()).source(concat!("cstatns ", env!("CARGO_PKG_VERSION")));
    let page = page(&man, command).map_err(|_| {
        Fault::new(
            "man",
            text!(
                "a page cannot be made: please report it",
                "une page ne peut pas être faite : merci de le signaler"
            ),
        )
    })?;
    pages.push((man.get_filename(), page));
    Ok(())
}

/// What a command takes, as its usage says it: what must be given, with its value, and before what
/// may be.
fn synopsis(command: &Command) -> String {
    let usage = command.clone().render_usage().to_string();
    let usage = usage.trim_start_matches("Usage:").trim().replace('\\', "\\\\").replace('-', "\\-");
    let lines: Vec<&str> = usage.lines().map(str::trim).collect();
    format!(".SH SYNOPSIS\n{}\n", lines.join("\n.br\n"))
}

fn page(man: &Man, command: &Command) -> std::io::Result<Vec<u8>> {
    let mut page = Vec::new();
    man.render_title(&mut page)?;
    man.render_name_section(&mut page)?;
    page.extend(synopsis(command).as_bytes());
    man.render_description_section(&mut page)?;
    man.render_options_section(&mut page)?;
    if command.has_subcommands() {
        man.render_subcommands_section(&mut page)?;
    }
    // The examples stand line by line as they are typed.
    let mut examples = Vec::new();
    man.render_extra_section(&mut examples)?;
    let examples = String::from_utf8_lossy(&examples).replace(".SH EXTRA\n", ".SH EXAMPLES\n.nf\n");
    page.extend(examples.as_bytes());
    page.extend(b".fi\n");
    Ok(page)
}
