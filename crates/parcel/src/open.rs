//! Parcels as they are opened: the whole is verified before anything of it may be used.

use std::io::{self, BufRead, Write};

use cstatns_base::name::Hex;
use jiff::{SignedDuration, Timestamp};
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::age::{Identity, Reader};
use crate::error::ParcelFault;
use crate::head::{End, Head, Member, Seal, SealBody, Sender};
use crate::tar::{self, ABOUT, HEAD, PART, SEAL, data_name};

/// The most that the clocks of two ends may be apart.
const CLOCKS: SignedDuration = SignedDuration::from_hours(24);
/// More than a head is long, and what is said about a file, in bytes.
const HEAD_LIMIT: usize = 64 << 10;
const ABOUT_LIMIT: usize = 16 << 20;
/// More than the seal of a parcel is long, but for its members; more than each of those.
const SEAL_LIMIT: usize = 16 << 10;
const SEALED_MEMBER: usize = 160;

/// Who opens a parcel, and whom they know.
pub struct Opener<'a> {
    /// The key that opens it.
    pub identity: Identity<'a>,
    /// The card that it must be for; none where the key that opens it is proof enough, because it
    /// was made for one use.
    pub receiver: Option<Hex<32>>,
    /// The time.
    pub now: Timestamp,
    /// Whether this sender is known.
    pub knows: &'a dyn Fn(&Sender) -> bool,
}

/// A parcel whose every byte is its sender's.
pub struct Opened {
    /// What it says of itself.
    pub head: Head,
    /// Who sent it.
    pub sender: Sender,
    /// What is said about the file in it: a manifest, a report, or what is said of a payload.
    pub about: Zeroizing<Vec<u8>>,
    /// The length of the file in it.
    pub bytes: u64,
}

/// Why a file in a parcel did not arrive.
#[derive(Debug)]
pub enum OpenError {
    /// The parcel.
    Parcel(ParcelFault),
    /// What was to take the file.
    Write(io::Error),
}

impl<F: Into<ParcelFault>> From<F> for OpenError {
    fn from(fault: F) -> Self {
        Self::Parcel(fault.into())
    }
}

/// What a parcel claims to be, without a look at the rest of it.
///
/// # Errors
/// [`ParcelFault`].
pub fn claimed(input: impl BufRead, identity: &Identity<'_>) -> Result<Head, ParcelFault> {
    Members::new(Reader::new(input, identity)?).head()
}

/// Opens a parcel: writes the file in it to `out`, which nobody may read before this returns `Ok`.
///
/// # Errors
/// [`OpenError`]: what `out` got is worth nothing then.
pub fn open(
    input: impl BufRead,
    opener: &Opener<'_>,
    out: &mut impl Write,
) -> Result<Opened, OpenError> {
    open_members(Members::new(Reader::new(input, &opener.identity)?), opener, out)
        .map(|(opened, _)| opened)
}

/// The same; says also where in the archive the first part of the file begins.
pub(crate) fn open_members<R: BufRead>(
    mut members: Members<R>,
    opener: &Opener<'_>,
    out: &mut impl Write,
) -> Result<(Opened, u64), OpenError> {
    let head = members.head()?;
    let first = members.place;
    check(&head, opener)?;
    let mut part = Zeroizing::new(Vec::with_capacity(PART));
    let mut bytes = 0;
    loop {
        members.data(&mut part)?;
        out.write_all(&part).map_err(OpenError::Write)?;
        bytes += part.len() as u64;
        if members.next_is(ABOUT)? {
            break;
        }
        // Only the last part may be shorter.
        if part.len() < PART {
            return Err(ParcelFault::Members { expected: ABOUT }.into());
        }
    }
    let mut about = Zeroizing::new(Vec::new());
    members.member(ABOUT, ABOUT, ABOUT_LIMIT, &mut about)?;
    let (sealed, limit) = (members.digests.clone(), members.digests.len() * SEALED_MEMBER);
    let mut json = Zeroizing::new(Vec::new());
    members.member(SEAL, SEAL, SEAL_LIMIT + limit, &mut json)?;
    members.end()?;
    let seal: Seal = parsed(&json)?;
    let unsigned = || ParcelFault::Signature { sender: head.sender.name.clone() };
    let body = SealBody { head: &head, members: &sealed };
    let is_sender = seal.card.end().as_ref() == Some(&head.sender) && seal.members == sealed;
    if !is_sender || !body.is_by(seal.card.signing(), seal.signature) {
        return Err(unsigned().into());
    }
    if !(opener.knows)(&seal.card) {
        return Err(ParcelFault::Sender { sender: head.sender.name.clone() }.into());
    }
    Ok((Opened { head, sender: seal.card, about, bytes }, first))
}

fn check(head: &Head, opener: &Opener<'_>) -> Result<(), ParcelFault> {
    let End { name, card } = &head.receiver;
    if opener.receiver.is_some_and(|receiver| receiver != *card) {
        return Err(ParcelFault::Receiver { receiver: name.clone() });
    }
    if head.expires <= opener.now {
        return Err(ParcelFault::Expired { expires: head.expires });
    }
    if head.made > opener.now + CLOCKS {
        return Err(ParcelFault::NotYet { made: head.made });
    }
    Ok(())
}

fn parsed<T: DeserializeOwned>(json: &[u8]) -> Result<T, ParcelFault> {
    serde_json::from_slice(json).map_err(|_| ParcelFault::Form)
}

/// The members of a parcel, in their order.
pub(crate) struct Members<R: BufRead> {
    input: Reader<R>,
    /// How much of the archive was taken.
    place: u64,
    /// Of those behind the head.
    digests: Vec<Member>,
    /// The header that was read and whose member was not taken yet.
    ahead: Option<[u8; tar::BLOCK]>,
}

impl<R: BufRead> Members<R> {
    pub(crate) fn new(input: Reader<R>) -> Self {
        Self { input, place: 0, digests: Vec::new(), ahead: None }
    }

    fn head(&mut self) -> Result<Head, ParcelFault> {
        let mut json = Zeroizing::new(Vec::new());
        // Another age file: a parcel begins with its head.
        self.member(HEAD, HEAD, HEAD_LIMIT, &mut json).map_err(|fault| match fault {
            ParcelFault::Members { .. } => ParcelFault::Form,
            fault => fault,
        })?;
        self.digests.clear();
        let head: Head = parsed(&json)?;
        if head.is_possible() { Ok(head) } else { Err(ParcelFault::Form) }
    }

    /// The next part of the file.
    fn data(&mut self, part: &mut Zeroizing<Vec<u8>>) -> Result<(), ParcelFault> {
        let name = data_name(self.digests.len() + 1);
        self.member(&name, "data", PART, part)
    }

    fn header(&mut self, expected: &'static str) -> Result<[u8; tar::BLOCK], ParcelFault> {
        if let Some(header) = self.ahead.take() {
            return Ok(header);
        }
        let mut header = [0; tar::BLOCK];
        self.take(header.len(), expected, |at, bytes| {
            header[at..at + bytes.len()].copy_from_slice(bytes);
        })?;
        Ok(header)
    }

    /// Whether the next member has this name.
    fn next_is(&mut self, name: &'static str) -> Result<bool, ParcelFault> {
        let header = self.header(name)?;
        self.ahead = Some(header);
        Ok(tar::length(&header, name).is_some())
    }

    /// Reads the member of this name into `bytes`, which it empties first.
    fn member(
        &mut self,
        name: &str,
        expected: &'static str,
        limit: usize,
        bytes: &mut Zeroizing<Vec<u8>>,
    ) -> Result<(), ParcelFault> {
        let refused = ParcelFault::Members { expected };
        let header = self.header(expected)?;
        let length = tar::length(&header, name).ok_or_else(|| refused.clone())?;
        let length = usize::try_from(length).ok().filter(|length| *length <= limit);
        let length = length.ok_or_else(|| refused.clone())?;
        bytes.clear();
        cstatns_base::secret::reserve(bytes, length);
        self.take(length, expected, |_, some| bytes.extend_from_slice(some))?;
        let mut zeros = true;
        self.take(tar::padding(length), expected, |_, some| {
            zeros &= some.iter().all(|byte| *byte == 0);
        })?;
        if !zeros {
            return Err(refused);
        }
        let sha256 = Hex(Sha256::digest(&**bytes).into());
        self.digests.push(Member { name: name.to_owned(), bytes: length as u64, sha256 });
        Ok(())
    }

    /// Two blocks of zeros, then nothing.
    fn end(&mut self) -> Result<(), ParcelFault> {
        let mut zeros = self.ahead.is_none();
        self.take(tar::END.len(), "end", |_, some| zeros &= some.iter().all(|byte| *byte == 0))?;
        match zeros && self.input.fill()?.is_empty() {
            true => Ok(()),
            false => Err(ParcelFault::Members { expected: "end" }),
        }
    }

    /// Takes so many bytes, in pieces, each with its place.
    fn take(
        &mut self,
        bytes: usize,
        expected: &'static str,
        mut piece: impl FnMut(usize, &[u8]),
    ) -> Result<(), ParcelFault> {
        let mut taken = 0;
        while taken < bytes {
            let given = self.input.fill()?;
            if given.is_empty() {
                return Err(ParcelFault::Members { expected });
            }
            let some = given.len().min(bytes - taken);
            piece(taken, &given[..some]);
            self.input.consume(some);
            taken += some;
        }
        self.place += bytes as u64;
        Ok(())
    }
}
