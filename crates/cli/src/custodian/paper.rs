//! `custodian export` and `custodian import`: a kit on paper, and back.

use std::io::Write;
use std::path::{Path, PathBuf};

use clap::Args;
use cstatns::card::spoken;
use cstatns::custody::PaperError;
use cstatns::custody::custodian::{Kit, KitError, Sheet};
use cstatns::files::{self, Access, FileError, Together};
use serde_json::{Value, json};

use super::keep_on_paper;
use super::sheet::page;
use crate::fault::Fault;
use crate::lang::text;
use crate::output::Program;
use crate::passphrase::{asked, needed, read_passphrase};
use crate::quorum::Closed;

/// More than what was typed from a sheet is long, in bytes.
const LIMIT: u64 = 1 << 16;

/// Write a page to print with the kit on it, sealed under its passphrase: lines to type, and QR
/// codes
#[derive(Args)]
#[command(after_help = "Example:
  cstatns custodian export /media/alice/kit --paper alice.html
Open the page in a browser, print it on one sheet, then destroy the file. The sheet holds the signing key, and the share
and the receiving key of the newest epoch: with the passphrase it is the kit. Keep it where the kit is not, and the
passphrase apart from both. `custodian import` makes the kit again. Print another sheet after each dealing; once that
works, destroy the former one, before `custodian forget`. A sheet goes on opening with the passphrase that it was printed
under.")]
pub(crate) struct Export {
    /// The custodian's kit
    kit: PathBuf,
    /// The page to write
    #[arg(long, value_name = "OUT.html")]
    paper: PathBuf,
    /// A file with the kit's passphrase; else it is asked for
    #[arg(long, value_name = "F")]
    passphrase_file: Option<PathBuf>,
}

impl Export {
    pub(super) fn run(self, program: &Program) -> Result<Value, Fault> {
        let closed = Closed::look(&self.kit, self.passphrase_file.as_deref())?;
        if !closed.card().body.protected {
            // Before a file is begun: a sheet without a passphrase would be the kit to whoever
            // reads it.
            return Err(KitError::WithoutPassphrase { kit: self.kit }.into());
        }
        closed.introduce(program)?;
        let mut out = Together::create([&self.paper], Access::Private)?;
        let (kit, paper) = closed.open_with(program, |passphrase| {
            let kit = Kit::open(&self.kit, passphrase)?;
            let paper = kit.paper(passphrase.unwrap_or_default())?;
            Ok((kit, paper))
        })?;
        let html = page(&paper, (program.clock)());
        let written = out.files[0].write_all(html.as_bytes());
        written.map_err(|error| FileError::from_io(&self.paper, &error))?;
        out.commit()?;
        let lines = paper.lines.lines().count();
        program.say(text!(
            "the kit of `{}` with the share of epoch {} is on {:?}, {lines} lines: print it on one sheet, then destroy \
            the file",
                "la trousse de `{}` avec la part de l'époque {} est sur {:?}, {lines} lignes : imprimez-la sur une feuille, \
                    puis détruisez le fichier",
            kit.name(),
            paper.epoch,
            self.paper
        ));
        if !paper.works {
            program.say(text!(
                "note: epoch {} does not work yet in what the kit has seen: keep the former sheet until it does",
                "note : l'époque {} n'est pas encore en service dans ce que la trousse a vu : gardez la feuille précédente \
                    jusque-là",
                paper.epoch
            ));
        }
        program.say(text!(
            "whoever has the sheet and the passphrase has the kit: keep the two apart",
            "qui a la feuille et la phrase de passe a la trousse : gardez-les séparées"
        ));
        keep_on_paper(program, &kit);
        Ok(json!({
            "custodian": kit.name(),
            "service": paper.service,
            "epoch": paper.epoch,
            "works": paper.works,
            "lines": lines,
            "paper": self.paper,
        }))
    }
}

/// Make a kit again from its sheet of paper
#[derive(Args)]
#[command(after_help = "Examples:
  cstatns custodian import alice.txt /media/alice/kit
  cstatns custodian import - /media/alice/kit
TEXT has the lines of the sheet, each with its number, as they were typed, or as an app read them from the QR codes, in
their order. Small letters and spaces make no difference. A line that is not as printed is named; nothing is corrected.
The passphrase is the one that the kit had when the sheet was printed, and the new kit has it too. That kit does not know
what was stated before, and says so each time it opens. Destroy the file TEXT afterwards.")]
pub(crate) struct Import {
    /// A file with the lines of the sheet; - for standard input
    text: PathBuf,
    /// The kit to make
    kit: PathBuf,
    /// A file with the passphrase; else it is asked for
    #[arg(long, value_name = "F")]
    passphrase_file: Option<PathBuf>,
}

impl Import {
    pub(super) fn run(self, program: &Program) -> Result<Value, Fault> {
        if self.kit.symlink_metadata().is_ok() {
            return Err(FileError::Exists { path: self.kit }.into());
        }
        let text = read_text(&self.text)?;
        // Before a passphrase is asked for: what was typed wrong is shown at once.
        let sheet = Sheet::read(&text).map_err(KitError::from)?;
        let make = |passphrase: &[u8]| Kit::from_paper(&sheet, &self.kit, passphrase);
        let (card, epoch) = match &self.passphrase_file {
            Some(file) => make(&read_passphrase(program, file)?)?,
            None => {
                let prompt = text!("passphrase of the sheet: ", "phrase de passe de la feuille : ");
                let unasked = |error: &std::io::Error| needed(&self.text, error);
                asked(program, &prompt, unasked, |passphrase, again| {
                    make(passphrase).map_err(|error| match error {
                        KitError::Paper(PaperError::Passphrase) if again => Fault::new(
                            "passphrase-wrong",
                            text!(
                                "that is not the passphrase of this sheet",
                                "ce n'est pas la phrase de passe de cette feuille"
                            ),
                        ),
                        error => error.into(),
                    })
                })?
            }
        };
        let words = spoken(&card.fingerprint());
        program.say(text!(
            "made the kit of `{}` from paper, with its share of epoch {epoch}",
            "la trousse de `{}` est refaite d'après le papier, avec sa part de l'époque {epoch}",
            card.body.name
        ));
        program.say(text!("its card: {words}", "sa carte : {words}"));
        program.say(text!(
            "it does not know what was stated before: check it against the published ledger (`custodian check`), and \
                destroy the file with the lines",
                "elle ne sait pas ce qui a été déclaré auparavant : vérifiez-la avec le registre publié (`custodian \
                    check`), et détruisez le fichier des lignes"
        ));
        Ok(json!({
            "custodian": card.body.name,
            "epoch": epoch,
            "fingerprint": card.fingerprint(),
            "spoken": words,
            "kit": self.kit,
        }))
    }
}

fn read_text(path: &Path) -> Result<String, Fault> {
    let bytes = match path.as_os_str() == "-" {
        true => {
            let mut bytes = Vec::new();
            let mut input = std::io::Read::take(std::io::stdin().lock(), LIMIT);
            let read = std::io::Read::read_to_end(&mut input, &mut bytes);
            read.map_err(|error| FileError::from_io(path, &error))?;
            bytes
        }
        false => files::read_also_pipe(path, LIMIT)?,
    };
    // What is not text is no character of a line.
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}
