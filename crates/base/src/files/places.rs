//! Bytes that can be read from any place, wherever they lie.

use std::fs::File;
use std::io::{self, ErrorKind, Read};
use std::os::unix::fs::FileExt;
use std::sync::Arc;

/// Bytes that can be read from any place: those of a file, or what is in a parcel.
///
/// Several threads may read at once.
pub trait ReadAt: Send + Sync {
    /// Reads some bytes from the place `at` on; 0 at the end.
    ///
    /// # Errors
    /// Those of what holds the bytes.
    fn read_at(&self, bytes: &mut [u8], at: u64) -> io::Result<usize>;

    /// How many bytes there are.
    ///
    /// # Errors
    /// Those of what holds the bytes.
    fn length(&self) -> io::Result<u64>;
}

/// The place of the file itself is neither used nor moved.
impl ReadAt for File {
    fn read_at(&self, bytes: &mut [u8], at: u64) -> io::Result<usize> {
        FileExt::read_at(self, bytes, at)
    }

    fn length(&self) -> io::Result<u64> {
        Ok(self.metadata()?.len())
    }
}

/// Fills `bytes` with what stands from `place` on.
///
/// # Errors
/// Those of what holds the bytes; `UnexpectedEof` if they end before.
pub fn read_at<R: ReadAt + ?Sized>(from: &R, bytes: &mut [u8], place: u64) -> io::Result<()> {
    match fill(from, bytes, place) {
        (filled, Ok(())) if filled < bytes.len() => Err(ErrorKind::UnexpectedEof.into()),
        (_, outcome) => outcome,
    }
}

/// How many bytes were filled, and what stopped that before the end.
fn fill<R: ReadAt + ?Sized>(from: &R, bytes: &mut [u8], place: u64) -> (usize, io::Result<()>) {
    let mut filled = 0;
    while filled < bytes.len() {
        match from.read_at(&mut bytes[filled..], place.saturating_add(filled as u64)) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return (filled, Err(error)),
        }
    }
    (filled, Ok(()))
}

/// Bytes that can be read from any place, read one after the other. Reads fill what they are given,
/// except at the end and before an error.
pub struct ReadFrom {
    inside: Arc<dyn ReadAt>,
    at: u64,
}

impl ReadFrom {
    /// Begins to read at the place `at`.
    pub fn new(inside: Arc<dyn ReadAt>, at: u64) -> Self {
        Self { inside, at }
    }
}

impl Read for ReadFrom {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let (filled, outcome) = fill(&*self.inside, into, self.at);
        self.at = self.at.saturating_add(filled as u64);
        match outcome {
            // What was read comes first: the next read meets the error again.
            Err(error) if filled == 0 => Err(error),
            _ => Ok(filled),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;

    /// Gives out three bytes at a time, is interrupted at each second read, and fails at a place.
    struct Slow {
        bytes: Vec<u8>,
        fails: u64,
        interrupted: AtomicBool,
    }

    impl ReadAt for Slow {
        fn read_at(&self, bytes: &mut [u8], at: u64) -> io::Result<usize> {
            if !self.interrupted.fetch_xor(true, Ordering::Relaxed) {
                return Err(ErrorKind::Interrupted.into());
            }
            if at >= self.fails {
                return Err(ErrorKind::TimedOut.into());
            }
            let rest = self.bytes.get(at as usize..).unwrap_or_default();
            let count = rest.len().min(3).min(bytes.len());
            bytes[..count].copy_from_slice(&rest[..count]);
            Ok(count)
        }

        fn length(&self) -> io::Result<u64> {
            Ok(self.bytes.len() as u64)
        }
    }

    fn slow(fails: u64) -> Slow {
        Slow { bytes: (0..20).collect(), fails, interrupted: AtomicBool::new(false) }
    }

    #[test]
    fn any_place_is_read_whole_or_not_at_all() {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(&slow(u64::MAX).bytes).unwrap();
        for from in [&file as &dyn ReadAt, &slow(u64::MAX)] {
            assert_eq!(from.length().unwrap(), 20);
            for (place, length) in [(0, 20), (7, 13), (19, 1), (20, 0), (99, 0)] {
                let mut bytes = vec![0xff; length];
                read_at(from, &mut bytes, place).unwrap();
                assert!(bytes.into_iter().eq((0..20).skip(place as usize)), "{place}");
            }
            for (place, length) in [(0, 21), (20, 1), (1 << 40, 1)] {
                let error = read_at(from, &mut vec![0; length], place).unwrap_err();
                assert_eq!(error.kind(), ErrorKind::UnexpectedEof, "{place}");
            }
        }
    }

    #[test]
    fn reads_are_full_up_to_the_end_or_an_error() {
        let mut read = ReadFrom::new(Arc::new(slow(u64::MAX)), 5);
        let mut bytes = [0; 8];
        assert_eq!((read.read(&mut bytes).unwrap(), bytes), (8, [5, 6, 7, 8, 9, 10, 11, 12]));
        assert_eq!((read.read(&mut bytes).unwrap(), bytes[6]), (7, 19));
        assert_eq!(read.read(&mut bytes).unwrap(), 0);

        let mut read = ReadFrom::new(Arc::new(slow(9)), 5);
        assert_eq!(read.read(&mut bytes).unwrap(), 6);
        for _ in 0..2 {
            assert_eq!(read.read(&mut bytes).unwrap_err().kind(), ErrorKind::TimedOut);
        }
    }
}
