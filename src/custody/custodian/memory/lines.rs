//! The lines of the ledger that a kit keeps (SPEC §8): the custodians are its mirror.

use std::io::{BufRead, Write};
use std::path::Path;
use std::sync::Arc;

use cstatns_base::files::{self, Access, Append, Facts, FileError};
use cstatns_base::name::Hex;
use cstatns_record::checkpoint::{Head, leaf_hash, prove_inclusion, root_of};
use cstatns_record::evidence::Stated;
use cstatns_record::state::{ReadLedger, View, fold_sent};

use super::{Kept, KitError, Memory};

/// The lines that were folded, compressed.
const LINES: &str = "ledger.zst";
/// How hard lines are compressed.
const LEVEL: i32 = 3;

impl Kept {
    /// Whether `ledger.zst` is gone, or shorter than the kit left it.
    pub(super) fn has_lost_lines(&self) -> Result<bool, KitError> {
        let path = self.directory.join(LINES);
        let length = if files::taken(&path)? { Facts::of(&path)?.bytes } else { 0 };
        Ok(length < self.memory.compressed)
    }

    /// Adds the lines that the kit has not kept yet to `ledger.zst`, as one frame. Gives their
    /// bytes, and the length of the file.
    pub(super) fn keep_lines(&self, ledger: &View<'_>, head: Head) -> Result<(u64, u64), KitError> {
        let Memory { bytes, compressed, head: seen, .. } = self.memory;
        let seen = seen.filter(|_| compressed > 0).map_or(0, |head| head.size);
        let path = self.directory.join(LINES);
        if head.size == seen {
            return Ok((0, compressed));
        }
        let forked = || KitError::Forked { custodian: self.name.clone(), seen: head.size };
        let failed = |error: std::io::Error| FileError::from_io(&path, &error);
        let mut lines = ledger.lines_after(bytes)?;
        let mut frame = zstd::Encoder::new(Vec::new(), LEVEL).map_err(failed)?;
        for number in seen + 1..=head.size {
            let line = lines.next_line()?.ok_or_else(forked)?;
            if ledger.history.leaf(number) != Some(leaf_hash(line)) {
                return Err(forked());
            }
            frame.write_all(line).and_then(|()| frame.write_all(b"\n")).map_err(failed)?;
        }
        let frame = frame.finish().map_err(failed)?;
        let mut file = match files::taken(&path)? {
            true => Append::open(&path),
            false => Append::create(&path, Access::Private),
        }
        .map_err(|error| self.unwritten(error))?;
        // What a stopped process added counts only if the memory speaks of it.
        if file.length() > compressed {
            file.truncate(compressed)?;
        }
        file.append(&frame)?;
        Ok((lines.length() - bytes, file.length()))
    }

    /// The statements, each approval with the line of its question and what proves that the service
    /// signed for it.
    pub(in super::super) fn proved(&self) -> Vec<Stated> {
        let mut statements = self.memory.statements.clone();
        let lines = kept_lines(&self.directory).unwrap_or_default();
        let leaves: Vec<Hex<32>> = lines.iter().map(|line| leaf_hash(line)).collect();
        let whole = self
            .memory
            .head
            .is_some_and(|head| head.size == leaves.len() as u64 && head.root == root_of(&leaves));
        for stated in statements.iter_mut().filter(|_| whole) {
            let Stated::Consent { consent, line, proof, .. } = stated else { continue };
            let index = consent.body.cosignature.head.size as usize - 1;
            let kept = lines.get(index).and_then(|line| String::from_utf8(line.clone()).ok());
            if let (true, Some(kept)) = (line.is_empty(), kept) {
                *line = kept;
                *proof = prove_inclusion(&leaves, index).unwrap_or_default();
            }
        }
        statements
    }

    /// The line with this number among those that the kit has folded.
    pub(in super::super) fn line(
        &self,
        ledger: &View<'_>,
        number: u64,
    ) -> Result<String, KitError> {
        let forked = || KitError::Forked { custodian: self.name.clone(), seen: number };
        let mut lines = ledger.lines_after(0)?;
        for _ in 1..number {
            lines.next_line()?.ok_or_else(forked)?;
        }
        let line = lines.next_line()?.ok_or_else(forked)?;
        match ledger.history.leaf(number) == Some(leaf_hash(line)) {
            true => String::from_utf8(line.to_vec()).map_err(|_| forked()),
            false => Err(forked()),
        }
    }

    /// The ledger that the kit has seen, folded anew from the lines that it keeps.
    pub(in super::super) fn folded(&self) -> Result<ReadLedger, KitError> {
        let path = self.directory.join(LINES);
        let damaged = || KitError::Damaged { kit: self.directory.clone(), file: LINES.into() };
        let Memory { service: Some(service), checkpoint: Some(note), bytes, .. } = &self.memory
        else {
            return Err(KitError::NothingSeen { kit: self.directory.clone() });
        };
        let mut lines = Vec::new();
        for line in kept_lines(&self.directory)? {
            lines.extend(line);
            lines.push(b'\n');
        }
        // What a stopped process added does not count.
        lines.truncate(usize::try_from(*bytes).map_err(|_| damaged())?);
        fold_sent(&path, Arc::from(lines), note, service).map_err(|_| damaged())
    }
}

/// The lines of the ledger that the kit in `directory` keeps, each with its line feed.
///
/// # Errors
/// [`KitError::File`]; [`KitError::Damaged`].
pub fn kept_lines(directory: &Path) -> Result<Vec<Vec<u8>>, KitError> {
    let path = directory.join(LINES);
    let file = files::open_to_read(&path)?;
    let damaged = || KitError::Damaged { kit: directory.to_owned(), file: LINES.into() };
    let decoder = zstd::Decoder::new(file).map_err(|_| damaged())?;
    let lines = std::io::BufReader::new(decoder).split(b'\n');
    lines.collect::<Result<_, _>>().map_err(|_| damaged())
}
