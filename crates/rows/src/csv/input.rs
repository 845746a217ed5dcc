//! The bytes of text: unpacked, transcoded, and their digest.

use std::fs::File;
use std::io::{self, ErrorKind, Read};
use std::path::Path;
use std::sync::Arc;

use cstatns_base::files::{self, FileError, ReadAt, ReadFrom};
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

/// Where text lies.
pub(crate) enum Place {
    /// In the file of its name.
    File,
    /// In what is piped in.
    Pipe(File),
    /// In these bytes of a parcel.
    Inside(Arc<dyn ReadAt>),
}

impl Place {
    /// Opens what is called `name`; how long it is, in bytes.
    fn open(self, name: &Path) -> Result<(Box<dyn Read + Send>, u64), TableError> {
        let failed = |error: io::Error| FileError::from_io(name, &error);
        let file = match self {
            Self::File => files::open_to_read(name)?,
            Self::Pipe(piped) => piped,
            Self::Inside(bytes) => {
                let length = bytes.length().map_err(failed)?;
                return Ok((Box::new(ReadFrom::new(bytes, 0)), length));
            }
        };
        let metadata = file.metadata().map_err(failed)?;
        let length = if metadata.is_file() { metadata.len() } else { PIPED };
        Ok((Box::new(file), length))
    }
}

/// Text that was opened.
pub(super) struct Opened {
    pub(super) input: Input,
    /// Its bytes as they are stored.
    pub(super) length: u64,
    /// The most bytes of a row, and what each of its fields adds.
    pub(super) limit: (usize, usize),
}

impl Opened {
    /// What lies there, which is of the type of the name `path`.
    pub(super) fn of(
        path: &Path,
        place: Place,
        encoding: Option<Encoding>,
    ) -> Result<Self, TableError> {
        let (stored, length) = place.open(path)?;
        if length == 0 {
            return Err(TableError::EmptyFile { path: path.to_owned() });
        }
        let packing = Packing::of(path);
        let (input, limit) = match packing {
            None => (stored, (RECORD_LIMIT, 0)),
            Some(packing) => {
                let input = packing.unpack(stored).map_err(|error| packing.fault(path, &error))?;
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

/// The text, and the digest of what was read of it, as long as one is kept.
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
