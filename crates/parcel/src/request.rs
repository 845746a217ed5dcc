//! Requests and results in parcels: what is declared of a request, and the rows in either, read
//! from any place without being written anywhere (SPEC §19.7).

use std::fs::File;
use std::io::{self, BufRead, BufReader, Seek};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use cstatns_base::delivery::DeliveryId;
use cstatns_base::files::{self, FileError, ReadAt};
use cstatns_record::proposal::{Declaration, are_deliveries};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::age::{AgeError, Header, Places, Reader};
use crate::error::ParcelFault;
use crate::open::{Members, OpenError, Opened, Opener, open_members};
use crate::tar::{BLOCK, PART};

/// How much is read at a time.
const BUFFER: usize = 1 << 20;
/// What an age file of version 1 begins with.
const AGE: &[u8] = b"age-encryption.org/";

/// What is declared of a request, outside its encryption.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Declared {
    /// What the sender has signed.
    pub declaration: Declaration,
    /// The deliveries that the codes of a renewal came from: nobody signs for them here, and the
    /// custodians see them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub previous: Vec<DeliveryId>,
}

impl Declared {
    /// What stands in the age head.
    pub fn bytes(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("it can be written as JSON")
    }

    /// What the parcel at `path` declares; none where it is no parcel of a request. Nothing of it
    /// is verified.
    ///
    /// # Errors
    /// [`FileError`] where it cannot be read.
    pub fn read(path: &Path) -> Result<Option<Self>, FileError> {
        let file = files::open_to_read(path)?;
        let header = match Header::read(&mut BufReader::new(file)) {
            Err(AgeError::Read { kind }) => return Err(FileError::from_io(path, &kind.into())),
            header => header.ok(),
        };
        let declared = header.as_ref().and_then(Header::declared);
        let read = declared.and_then(|bytes| serde_json::from_slice::<Self>(bytes).ok());
        Ok(read.filter(|read| {
            let previous = read.previous.is_empty() || are_deliveries(&read.previous);
            read.declaration.is_known() && previous
        }))
    }
}

/// Whether the file at `path` begins as an age file does.
///
/// # Errors
/// [`FileError`] where it cannot be read.
pub fn is_age(path: &Path) -> Result<bool, FileError> {
    if path.is_dir() {
        return Ok(false);
    }
    let mut input = BufReader::new(files::open_to_read(path)?);
    let bytes = input.fill_buf().map_err(|error| FileError::from_io(path, &error))?;
    Ok(bytes.starts_with(AGE))
}

/// What a file in a parcel is called: as the parcel, without `.age`.
pub fn inner_name(path: &Path) -> PathBuf {
    match path.extension() {
        Some(age) if age == "age" => path.with_extension(""),
        _ => path.to_owned(),
    }
}

/// The file in a parcel that was verified as a whole, read from any place. What is read is
/// decrypted each time, and nothing else holds it.
pub struct Contents {
    input: File,
    /// Where the first chunk begins in the input, and the bytes from there on.
    start: u64,
    sealed: u64,
    /// Where the first part of the file begins in the archive.
    first: u64,
    bytes: u64,
    state: Mutex<State>,
}

/// The chunk that was read last.
struct State {
    places: Places,
    number: Option<u64>,
    chunk: Zeroizing<Vec<u8>>,
}

impl Contents {
    /// Verifies the whole of a parcel, as [`open`](crate::open::open) does.
    ///
    /// # Errors
    /// [`ParcelFault`].
    pub fn open(input: File, opener: &Opener<'_>) -> Result<(Opened, Self), ParcelFault> {
        let broken = |error: io::Error| AgeError::from(error);
        let length = input.metadata().map_err(broken)?.len();
        let mut reader = BufReader::with_capacity(BUFFER, &input);
        let key = Header::read(&mut reader)?.open(&opener.identity)?;
        let start = reader.stream_position().map_err(broken)? + 16;
        let (reader, places) = Reader::behind(reader, &key)?;
        drop(key);
        let opened = open_members(Members::new(reader), opener, &mut io::sink());
        let (opened, first) = opened.map_err(|error| match error {
            OpenError::Parcel(fault) => fault,
            OpenError::Write(error) => AgeError::from(error).into(),
        })?;
        let state = State { places, number: None, chunk: Zeroizing::new(Vec::new()) };
        let (sealed, bytes) = (length.saturating_sub(start), opened.bytes);
        Ok((opened, Self { input, start, sealed, first, bytes, state: Mutex::new(state) }))
    }

    /// Reads the chunk of this number, which begins at `at`.
    fn load(&self, state: &mut State, number: u64, at: u64) -> io::Result<()> {
        if state.number == Some(number) {
            return Ok(());
        }
        let left = self.sealed.saturating_sub(at);
        let length = left.min(Places::SEALED as u64) as usize;
        state.number = None;
        let State { places, chunk, .. } = state;
        chunk.resize(length, 0);
        files::read_at(&self.input, chunk, self.start + at)?;
        places.open(number, chunk, left == length as u64).map_err(io::Error::other)?;
        state.number = Some(number);
        Ok(())
    }
}

impl ReadAt for Contents {
    fn read_at(&self, bytes: &mut [u8], at: u64) -> io::Result<usize> {
        if at >= self.bytes {
            return Ok(0);
        }
        let (part, within) = (at / PART as u64, at % PART as u64);
        let place = self.first + part * (BLOCK + PART) as u64 + BLOCK as u64 + within;
        let (number, chunk_at, into) = Places::of(place);
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        self.load(&mut state, number, chunk_at)?;
        let wanted = (PART as u64 - within).min(self.bytes - at).min(bytes.len() as u64) as usize;
        let there = state.chunk.get(into..).unwrap_or_default();
        let count = wanted.min(there.len());
        bytes[..count].copy_from_slice(&there[..count]);
        Ok(count)
    }

    fn length(&self) -> io::Result<u64> {
        Ok(self.bytes)
    }
}
