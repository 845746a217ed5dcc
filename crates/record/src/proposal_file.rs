//! A question as it travels to custodians who are elsewhere, with the ledger that it was asked on
//! (SPEC §9).

use std::fmt;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use cstatns_base::files::{self, FileError};
use cstatns_base::name::canonical_json;
use data_encoding::BASE64;
use serde::{Deserialize, Serialize};

use crate::ledger::LedgerError;
use crate::ledger::event::{Event, Line};
use crate::proposal::Proposal;
use crate::state::{Broken, ReadLedger, View, fold_sent};
use crate::statement::{FORMAT, Suite};

/// More than such a file is long, in bytes.
const LIMIT: u64 = 64 << 20;

/// More than the lines in it are long, in bytes: what is compressed may be small and become large.
const MOST_LINES: u64 = 256 << 20;

/// How hard lines are compressed.
const LEVEL: i32 = 9;

/// A proposal with the lines of the ledger up to its question. Nothing of it counts before the
/// lines are folded.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProposalFile {
    format: u32,
    suite: Suite,
    proposal: Proposal,
    /// The lines, each with its line feed, compressed (zstd), in base64.
    ledger: String,
}

impl fmt::Debug for ProposalFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ProposalFile({} bytes)", self.ledger.len())
    }
}

impl ProposalFile {
    /// The file of a proposal whose question is line `number` of this ledger.
    ///
    /// # Errors
    /// [`FileError::TooLarge`] for a ledger that is too long to travel; those of reading it.
    pub fn new(proposal: &Proposal, number: u64, ledger: View<'_>) -> Result<Self, FileError> {
        let failed = |error: std::io::Error| FileError::from_io(ledger.path, &error);
        let mut lines = ledger.lines_after(0)?;
        let mut compressed = zstd::Encoder::new(Vec::new(), LEVEL).map_err(failed)?;
        for _ in 0..number {
            let Some(line) = lines.next_line()? else { break };
            compressed
                .write_all(line)
                .and_then(|()| compressed.write_all(b"\n"))
                .map_err(failed)?;
        }
        let compressed = compressed.finish().map_err(failed)?;
        let text = BASE64.encode(&compressed);
        if lines.length() > MOST_LINES || text.len() as u64 > LIMIT / 2 {
            return Err(FileError::TooLarge { path: ledger.path.to_owned(), limit: MOST_LINES });
        }
        let (suite, proposal) = (Suite::default(), proposal.clone());
        Ok(Self { format: FORMAT, suite, proposal, ledger: text })
    }

    /// Its bytes.
    pub fn bytes(&self) -> Vec<u8> {
        let mut bytes = canonical_json(self);
        bytes.push(b'\n');
        bytes
    }

    /// Reads one.
    ///
    /// # Errors
    /// [`ProposalFileError::Form`], [`ProposalFileError::File`].
    pub fn read(path: &Path) -> Result<Self, ProposalFileError> {
        let read: Option<Self> = serde_json::from_slice(&files::read(path, LIMIT)?).ok();
        read.filter(|file| file.format == FORMAT).ok_or_else(|| form(path))
    }

    /// The question, for the kit that folds the lines.
    pub fn proposal(&self) -> &Proposal {
        &self.proposal
    }

    /// Folds the lines, which the proposal's checkpoint covers to the last. Whose ledger it is they
    /// say themselves: a kit knows its service. `path` is where the file lies.
    ///
    /// # Errors
    /// [`ProposalFileError::Form`] where they are no lines of a ledger;
    /// [`ProposalFileError::Checkpoint`]; [`ProposalFileError::Broken`].
    pub fn fold(&self, path: &Path) -> Result<ReadLedger, ProposalFileError> {
        let lines: Arc<[u8]> = self.lines().ok_or_else(|| form(path))?.into();
        let first = lines.split(|byte| *byte == b'\n').next().unwrap_or_default();
        let first = serde_json::from_slice(first).ok().map(|line: Line| line.event);
        let Some(Event::Dealt { dealing, .. }) = first else { return Err(form(path)) };
        if !dealing.service.is_first() {
            return Err(form(path));
        }
        let folded = fold_sent(path, lines, &self.proposal.checkpoint, &dealing.service);
        folded.map_err(|error| match error {
            Broken::Ledger(
                LedgerError::Checkpoint { path }
                | LedgerError::OtherCheckpoint { path }
                | LedgerError::CheckpointKey { path },
            ) => ProposalFileError::Checkpoint { path },
            error => error.into(),
        })
    }

    fn lines(&self) -> Option<Vec<u8>> {
        let compressed = BASE64.decode(self.ledger.as_bytes()).ok()?;
        let mut lines = Vec::new();
        let decoder = zstd::Decoder::new(&compressed[..]).ok()?;
        decoder.take(MOST_LINES + 1).read_to_end(&mut lines).ok()?;
        (lines.len() as u64 <= MOST_LINES).then_some(lines)
    }
}

fn form(path: &Path) -> ProposalFileError {
    ProposalFileError::Form { path: path.to_owned() }
}

/// Why a file is not the proposal of a service.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProposalFileError {
    /// Storage.
    #[error(transparent)]
    File(#[from] FileError),
    /// Not such a file.
    #[error("{path:?} is not a proposal that this version reads (format {FORMAT})")]
    Form {
        /// The file.
        path: PathBuf,
    },
    /// Not signed by the service whose lines it holds.
    #[error("the checkpoint in the proposal {path:?} is not signed by the service of its ledger")]
    Checkpoint {
        /// The file.
        path: PathBuf,
    },
    /// Its lines are not those of a ledger.
    #[error(transparent)]
    Broken(#[from] Broken),
}

cstatns_base::coded!(ProposalFileError {
    Self::File(error) => (error),
    Self::Form { path } => ("proposal-form", Input, [path]),
    Self::Checkpoint { path } => ("proposal-checkpoint", Tampering, [path]),
    Self::Broken(error) => (error),
});
