//! The bytes of a file of text: unpacked, transcoded, and their digest.

use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::Path;

use cstatns_base::files::{self, FileError};
use sha2::{Digest, Sha256};

use crate::encoding::{Encoding, Transcoded};
use crate::error::TableError;
use crate::packed::Packing;

/// A row longer than this is a file that is not what it seems.
const RECORD_LIMIT: usize = 64 << 20;
/// Of a compressed file that is small a row may take less, with so much more for each byte of the
/// file, and each of its fields as much as it takes in memory.
const PACKED_RECORD: usize = 4 << 20;
const PACKED_FOR_BYTE: usize = 16;
const FIELD: usize = 64;
/// What is piped in is taken to be as long, in bytes. A wrong number costs time or memory, nothing
/// else.
const PIPED: u64 = 4 << 30;

/// A file that was opened.
pub(super) struct Opened {
    pub(super) input: Input,
    /// The bytes of the file.
    pub(super) length: u64,
    /// The most bytes of a row, and what each of its fields adds.
    pub(super) limit: (usize, usize),
}

impl Opened {
    /// The file at `path`, or what is piped in, which is of the type of that name.
    pub(super) fn of(
        path: &Path,
        piped: Option<File>,
        encoding: Option<Encoding>,
    ) -> Result<Self, TableError> {
        let file = piped.map_or_else(|| files::open_to_read(path), Ok)?;
        let metadata = file.metadata().map_err(|error| FileError::from_io(path, &error))?;
        let length = if metadata.is_file() { metadata.len() } else { PIPED };
        if length == 0 {
            return Err(TableError::EmptyFile { path: path.to_owned() });
        }
        let packing = Packing::of(path);
        let (input, limit): (Box<dyn Read + Send>, _) = match packing {
            None => (Box::new(file), (RECORD_LIMIT, 0)),
            Some(packing) => {
                let input = packing.unpack(file).map_err(|error| packing.fault(path, &error))?;
                let most = (length as usize).saturating_mul(PACKED_FOR_BYTE);
                (input, (most.saturating_add(PACKED_RECORD).min(RECORD_LIMIT), FIELD))
            }
        };
        let wide = encoding.and_then(Encoding::is_wide);
        let input: Box<dyn Read + Send> = match wide {
            Some(is_big) => Box::new(Transcoded::new(input, is_big)),
            None => input,
        };
        let input = Input { input, packing, hash: Some(Sha256::new()) };
        Ok(Self { input, length, limit })
    }
}

/// The text of a file, and the digest of what was read of it, as long as one is kept.
pub(super) struct Input {
    input: Box<dyn Read + Send>,
    pub(super) packing: Option<Packing>,
    pub(super) hash: Option<Sha256>,
}

impl Input {
    pub(super) fn read(&mut self, into: &mut [u8], path: &Path) -> Result<usize, TableError> {
        loop {
            match (self.input.read(into), self.packing) {
                (Ok(count), _) => {
                    if let Some(hash) = &mut self.hash {
                        hash.update(&into[..count]);
                    }
                    return Ok(count);
                }
                (Err(error), _) if error.kind() == ErrorKind::Interrupted => {}
                (Err(error), Some(packing)) => return Err(packing.fault(path, &error)),
                (Err(error), None) => return Err(FileError::from_io(path, &error).into()),
            }
        }
    }
}
