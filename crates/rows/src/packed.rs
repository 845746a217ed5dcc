//! Text that lies compressed in its file: gzip and Zstandard, read and written as a stream.
//!
//! What is read goes through buffers of fixed size, whatever the file swells to; those here are
//! wiped, those inside the two libraries cannot be.

use std::fmt;
use std::io::{self, BufRead, ErrorKind, Read, Write};
use std::path::Path;

use cstatns_base::files::FileError;
use flate2::bufread::MultiGzDecoder;
use flate2::write::GzEncoder;
use zeroize::Zeroizing;

use crate::error::{PackedFault, TableError};

/// What is read of the file at once, in bytes.
const AT_ONCE: usize = 128 << 10;
/// The most bytes, as a power of two, that a frame of Zstandard may refer back to: what that takes
/// is memory. All levels but the three `--ultra` ones stay below it.
const WINDOW: u32 = 25;
/// How well Zstandard compresses what is written: its own choice.
const LEVEL: i32 = 3;

/// How text is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Packing {
    /// `.gz`
    Gzip,
    /// `.zst`
    Zstd,
}

impl Packing {
    /// That of the file at `path`, by the end of its name.
    pub fn of(path: &Path) -> Option<Self> {
        let extension = path.extension()?.to_str()?.to_ascii_lowercase();
        match &*extension {
            "gz" => Some(Self::Gzip),
            "zst" => Some(Self::Zstd),
            _ => None,
        }
    }

    /// Its name.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            Self::Zstd => "Zstandard",
        }
    }

    /// The text in what is stored: all members of gzip, all frames of Zstandard. Reads fill what
    /// they are given, except at the end.
    pub(crate) fn unpack(
        self,
        stored: impl Read + Send + 'static,
    ) -> io::Result<Box<dyn Read + Send>> {
        let bytes = Stored { stored, bytes: Zeroizing::new(vec![0; AT_ONCE]), at: 0, filled: 0 };
        Ok(match self {
            Self::Gzip => Box::new(Full(MultiGzDecoder::new(bytes))),
            Self::Zstd => {
                let mut decoder = zstd::stream::read::Decoder::with_buffer(bytes)?;
                decoder.window_log_max(WINDOW)?;
                Box::new(Full(decoder))
            }
        })
    }

    /// The error for what went wrong with the file at `path`.
    pub(crate) fn fault(self, path: &Path, error: &io::Error) -> TableError {
        let unread = error.get_ref().and_then(|error| error.downcast_ref::<Unread>());
        if let Some(Unread(error)) = unread {
            return FileError::from_io(path, error).into();
        }
        let fault = match error.kind() {
            ErrorKind::UnexpectedEof => PackedFault::Truncated,
            // The library says so in words alone.
            _ if error.to_string().contains("too much memory") => PackedFault::Window,
            _ => PackedFault::Damaged,
        };
        TableError::Packed { path: path.to_owned(), packing: self.name(), fault }
    }
}

/// The extension that says what a file is, in lower case: of a compressed one that before it.
pub(crate) fn extension(path: &Path) -> Option<String> {
    let name = path.file_name()?.to_str()?.to_ascii_lowercase();
    let name = Path::new(&name);
    let inner = if Packing::of(path).is_some() { Path::new(name.file_stem()?) } else { name };
    Some(inner.extension()?.to_str()?.to_owned())
}

/// Why the stored bytes were not read: no fault of theirs.
#[derive(Debug)]
struct Unread(io::Error);

impl fmt::Display for Unread {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(out)
    }
}

impl std::error::Error for Unread {}

/// The bytes as they are stored.
struct Stored<R> {
    stored: R,
    bytes: Zeroizing<Vec<u8>>,
    at: usize,
    filled: usize,
}

impl<R: Read> Read for Stored<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let count = self.fill_buf()?.read(into)?;
        self.consume(count);
        Ok(count)
    }
}

impl<R: Read> BufRead for Stored<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        while self.at == self.filled {
            match self.stored.read(&mut self.bytes) {
                Ok(count) => {
                    (self.at, self.filled) = (0, count);
                    break;
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(io::Error::new(error.kind(), Unread(error))),
            }
        }
        Ok(&self.bytes[self.at..self.filled])
    }

    fn consume(&mut self, count: usize) {
        self.at = (self.at + count).min(self.filled);
    }
}

/// Reads until what is given is full.
struct Full<R>(R);

impl<R: Read> Read for Full<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let mut filled = 0;
        while filled < into.len() {
            match self.0.read(&mut into[filled..]) {
                Ok(0) => break,
                Ok(count) => filled += count,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(filled)
    }
}

/// Where text is written, compressed or not.
pub enum Packer<'w> {
    /// As it is.
    Plain(&'w mut (dyn Write + Send)),
    /// By gzip, without a name and a time.
    Gzip(GzEncoder<&'w mut (dyn Write + Send)>),
    /// By Zstandard, with a checksum.
    Zstd(zstd::stream::write::Encoder<'static, &'w mut (dyn Write + Send)>),
}

impl<'w> Packer<'w> {
    /// Begins to write.
    ///
    /// # Errors
    /// Those of the library.
    pub fn new(out: &'w mut (dyn Write + Send), packing: Option<Packing>) -> io::Result<Self> {
        Ok(match packing {
            None => Self::Plain(out),
            Some(Packing::Gzip) => Self::Gzip(GzEncoder::new(out, flate2::Compression::default())),
            Some(Packing::Zstd) => {
                let mut encoder = zstd::stream::write::Encoder::new(out, LEVEL)?;
                encoder.include_checksum(true)?;
                Self::Zstd(encoder)
            }
        })
    }

    /// Writes what the library still holds.
    ///
    /// # Errors
    /// Those of writing.
    pub fn finish(self) -> io::Result<()> {
        match self {
            Self::Plain(out) => out.flush(),
            Self::Gzip(encoder) => encoder.finish()?.flush(),
            Self::Zstd(encoder) => encoder.finish()?.flush(),
        }
    }
}

impl Write for Packer<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Plain(out) => out.write(bytes),
            Self::Gzip(encoder) => encoder.write(bytes),
            Self::Zstd(encoder) => encoder.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Plain(out) => out.flush(),
            Self::Gzip(encoder) => encoder.flush(),
            Self::Zstd(encoder) => encoder.flush(),
        }
    }
}
