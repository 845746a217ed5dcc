//! Codes are made once more before their result gets its name, by a second process and other code
//! (SPEC §13).
//!
//! The vector kernel makes the codes of a run, many at a time. Where a run is asked to, a second
//! process makes all of them again or a random sample, one at a time, on the `hmac` crate, from the
//! identifier or former code of the row and the code that the result has. It reads the keys and the
//! rows from a pipe, answers over another one, and writes nothing else anywhere. A fault of the
//! kernel, of the processor or of the memory that changed a code shows as a code that differs.
//!
//! [`Rechecker`] is the run's side, [`serve`] the second process's; both are the same program.
//! Neither identifiers nor former codes nor keys are ever in a file.

use std::io::{self, ErrorKind, Read, Write};
use std::num::NonZeroU64;
use std::sync::{Mutex, MutexGuard, PoisonError};

use cstatns_base::code::Code;
use cstatns_base::files::words;
use cstatns_base::identifier::{MAX_CANONICAL, Scheme};
use cstatns_base::secret::{Secret, random_bytes, wipe_stack};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use zeroize::Zeroizing;

/// What the second process says first: that it is there, and of this version.
const GREETING: &[u8; 8] = b"recheck1";
/// As many bytes as an identifier has at most; a code has fewer.
const INPUT: usize = MAX_CANONICAL;
/// The bytes of a row: how long the identifier or former code is, it with zeros behind it, and the
/// code that was made of it.
const ROW: usize = 1 + INPUT + 32;
/// Rows that are sent together.
const ROWS: usize = 1024;

/// How many of a request's rows are recomputed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Extent {
    /// All that have a code.
    All,
    /// So many of those that have a value, drawn while they are coded; all, if they are no more.
    Rows(NonZeroU64),
}

/// A second process that recomputes codes, as the run that it serves sees it: it takes the keys of
/// one run ([`Service::recheck_with`](crate::service::Service::recheck_with)), then the rows of
/// each request.
pub struct Rechecker {
    extent: Extent,
    talk: Mutex<Talk>,
}

struct Talk {
    to: Box<dyn Write + Send>,
    from: Box<dyn Read + Send>,
    draw: Draw,
    /// Rows that are not sent yet; it never grows.
    rows: Zeroizing<Vec<u8>>,
    sent: u64,
}

impl Rechecker {
    /// The process behind these pipes, once it has said that it is ready for keys: it cannot be
    /// dumped or read from then on.
    ///
    /// # Errors
    /// [`RecheckError::Ended`] where it says something else, or nothing.
    pub fn new(
        extent: Extent,
        to: impl Write + Send + 'static,
        mut from: impl Read + Send + 'static,
    ) -> Result<Self, RecheckError> {
        let mut greeting = [0; 8];
        from.read_exact(&mut greeting)?;
        if greeting != *GREETING {
            return Err(RecheckError::Ended);
        }
        let talk = Talk {
            to: Box::new(to),
            from: Box::new(from),
            draw: Draw::new(0, 0),
            rows: Zeroizing::new(Vec::with_capacity(ROWS * ROW)),
            sent: 0,
        };
        Ok(Self { extent, talk: Mutex::new(talk) })
    }

    /// Hands over the keys of a chain, in their order; without a scheme they renew codes.
    pub(crate) fn take_keys(
        &self,
        scheme: Option<Scheme>,
        keys: &[Secret<32>],
    ) -> Result<(), RecheckError> {
        let to = &mut self.talk().to;
        let scheme = scheme.map_or("", Scheme::name);
        to.write_all(&[scheme.len() as u8])?;
        to.write_all(scheme.as_bytes())?;
        to.write_all(&(keys.len() as u32).to_be_bytes())?;
        keys.iter().try_for_each(|key| to.write_all(key.expose()))?;
        Ok(())
    }

    /// Begins a request with so many values.
    pub(crate) fn begin(&self, values: u64) {
        let mut talk = self.talk();
        let wanted = match self.extent {
            Extent::All => values,
            Extent::Rows(rows) => rows.get(),
        };
        (talk.draw, talk.sent) = (Draw::new(wanted, values), 0);
        talk.rows.clear();
    }

    /// Sends those of these rows that are drawn. A row is what has a value in the request: its
    /// identifier or former code, and the code that was made of it; none where it has no code,
    /// because nobody was found. Each row is offered once, in any order.
    ///
    /// # Errors
    /// [`RecheckError::Ended`].
    pub fn offer<'r>(
        &self,
        rows: impl Iterator<Item = Option<(&'r [u8], &'r Code)>>,
    ) -> Result<(), RecheckError> {
        let mut talk = self.talk();
        for row in rows {
            if talk.draw.takes()
                && let Some((input, code)) = row
            {
                talk.push(input, code)?;
            }
        }
        Ok(())
    }

    /// Ends a request: returns how many of its codes were recomputed and found the same.
    ///
    /// # Errors
    /// [`RecheckError::Mismatch`], [`RecheckError::Ended`].
    pub(crate) fn finish(&self) -> Result<u64, RecheckError> {
        let mut talk = self.talk();
        talk.flush()?;
        talk.to.write_all(&0_u32.to_be_bytes())?;
        talk.to.flush()?;
        let (mut rows, mut different) = ([0; 8], [0; 8]);
        talk.from.read_exact(&mut rows)?;
        talk.from.read_exact(&mut different)?;
        let [rows, different] = [rows, different].map(u64::from_be_bytes);
        match different {
            _ if rows != talk.sent => Err(RecheckError::Ended),
            0 => Ok(rows),
            _ => Err(RecheckError::Mismatch { rows, different }),
        }
    }

    fn talk(&self) -> MutexGuard<'_, Talk> {
        self.talk.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Talk {
    fn push(&mut self, input: &[u8], code: &Code) -> Result<(), RecheckError> {
        // What is longer is no identifier: its code will differ.
        let input = &input[..input.len().min(INPUT)];
        let end = self.rows.len() + 1 + INPUT;
        self.rows.push(input.len() as u8);
        self.rows.extend_from_slice(input);
        self.rows.resize(end, 0);
        self.rows.extend_from_slice(code.bytes());
        self.sent += 1;
        if self.rows.len() == ROWS * ROW { self.flush() } else { Ok(()) }
    }

    fn flush(&mut self) -> Result<(), RecheckError> {
        let rows = self.rows.len() / ROW;
        if rows > 0 {
            self.to.write_all(&(rows as u32).to_be_bytes())?;
            self.to.write_all(&self.rows)?;
            self.rows.clear();
        }
        Ok(())
    }
}

/// Draws a sample of an exact size, row by row: each is taken with the probability that makes all
/// samples equally likely. Nobody can know them before, for they are not drawn before.
struct Draw {
    needed: u64,
    left: u64,
    random: Vec<u8>,
}

impl Draw {
    /// `wanted` of so many.
    fn new(wanted: u64, left: u64) -> Self {
        Self { needed: wanted.min(left), left, random: Vec::new() }
    }

    fn takes(&mut self) -> bool {
        let is_taken = match self.needed {
            0 => false,
            needed if needed >= self.left => true,
            needed => {
                let random = u128::from(self.number());
                (random * u128::from(self.left)) >> 64 < needed.into()
            }
        };
        self.needed -= u64::from(is_taken);
        self.left = self.left.saturating_sub(1);
        is_taken
    }

    fn number(&mut self) -> u64 {
        if self.random.is_empty() {
            self.random.resize(4096, 0);
            random_bytes(&mut self.random);
        }
        let at = self.random.len() - 8;
        let number = u64::from_le_bytes(self.random[at..].try_into().expect("eight bytes"));
        self.random.truncate(at);
        number
    }
}

/// The coding function of SPEC §4, one code at a time, on the `hmac` crate.
struct ScalarCoder {
    /// What comes before the first message: that of an issue or of a renewal.
    label: String,
    keys: Vec<Secret<32>>,
}

const RENEW: &str = "CStatNS/renew/";

impl ScalarCoder {
    fn read(input: &mut impl Read) -> io::Result<Self> {
        let mut length = [0];
        input.read_exact(&mut length)?;
        let mut scheme = vec![0; length[0].into()];
        input.read_exact(&mut scheme)?;
        let scheme = String::from_utf8(scheme).map_err(|_| ErrorKind::InvalidData)?;
        let label = match &*scheme {
            "" => RENEW.to_owned(),
            scheme => format!("CStatNS/issue/{scheme}/"),
        };
        let mut count = [0; 4];
        input.read_exact(&mut count)?;
        let keys = (0..u32::from_be_bytes(count))
            .map(|_| Secret::try_fill(|key: &mut [u8; 32]| input.read_exact(key)))
            .collect::<io::Result<_>>()?;
        Ok(Self { label, keys })
    }

    fn code(&self, input: &[u8]) -> Option<[u8; 32]> {
        let (first, later) = self.keys.split_first()?;
        let issued = hmac(first, &self.label, input);
        Some(later.iter().fold(issued, |code, key| hmac(key, RENEW, &code)))
    }
}

fn hmac(key: &Secret<32>, label: &str, message: &[u8]) -> [u8; 32] {
    let mac = <Hmac<Sha256> as KeyInit>::new_from_slice(key.expose()).expect("any key serves");
    mac.chain_update(label).chain_update(message).finalize().into_bytes().into()
}

/// What the second process does: reads the keys of a run and then rows, makes each code again, and
/// answers at the end of each request how many it has made and how many differ. Returns when the
/// run has no more requests, or is gone.
///
/// The caller has called [`harden_process`](cstatns_base::secret::harden_process) before, has
/// nothing else open, and `input` keeps no copy of what it gives.
///
/// # Errors
/// Those of the pipes: [`ErrorKind::UnexpectedEof`] where nothing more comes.
pub fn serve(mut input: impl Read, mut output: impl Write) -> io::Result<()> {
    output.write_all(GREETING)?;
    output.flush()?;
    let coder = ScalarCoder::read(&mut input)?;
    let mut rows = Zeroizing::new(vec![0; ROWS * ROW]);
    let (mut made, mut different) = (0_u64, 0_u64);
    loop {
        let mut count = [0; 4];
        input.read_exact(&mut count)?;
        let count = u32::from_be_bytes(count) as usize;
        if count == 0 {
            for number in [made, different] {
                output.write_all(&number.to_be_bytes())?;
            }
            output.flush()?;
            (made, different) = (0, 0);
            continue;
        }
        let rows = rows.get_mut(..count * ROW).ok_or(ErrorKind::InvalidData)?;
        input.read_exact(rows)?;
        for row in rows.chunks_exact(ROW) {
            let (input, code) = row[1..].split_at(INPUT);
            let input = input.get(..row[0].into()).ok_or(ErrorKind::InvalidData)?;
            made += 1;
            different += u64::from(coder.code(input).is_none_or(|again| again[..] != *code));
        }
        wipe_stack();
    }
}

/// Standard input, without a buffer that would keep a copy of what was read.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct StandardInput {}

impl Read for StandardInput {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        Ok(rustix::io::read(io::stdin(), bytes)?)
    }
}

/// Why codes were not recomputed, or are not those that were.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RecheckError {
    /// `recheck-start`: there is no second process.
    #[error("the second process, which recomputes codes, does not start ({})", words(*kind))]
    Start {
        /// What the operating system said.
        kind: ErrorKind,
    },
    /// `recheck-ended`: the second process is gone, or does not answer as it should.
    #[error("the second process ended before it had recomputed the codes")]
    Ended,
    /// `recheck-mismatch`: codes differ from those that were recomputed.
    #[error("{different} of {rows} codes that were recomputed differ from those of the result")]
    Mismatch {
        /// How many were recomputed.
        rows: u64,
        /// How many of them differ.
        different: u64,
    },
}

/// Of a pipe, everything else is said by who is at its other end.
impl From<io::Error> for RecheckError {
    fn from(_: io::Error) -> Self {
        Self::Ended
    }
}

cstatns_base::coded!(RecheckError {
    Self::Start { kind } => ("recheck-start", Machine, [kind]),
    Self::Ended => ("recheck-ended", Machine, []),
    Self::Mismatch { rows, different } => ("recheck-mismatch", Machine, [rows, count: *different]),
});

#[cfg(test)]
mod tests;
