//! Parcels as they are made: encrypted piece by piece, so that nothing of them lies in clear.

use std::io::{self, Write};

use cstatns_base::name::Hex;
use cstatns_keys::receiving::Recipient;
use cstatns_record::statement::Signed;
use ed25519_dalek::SigningKey;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::age::{self, FileKey, Header};
use crate::head::{Head, Member, Seal, SealBody, Sender};
use crate::tar::{self, ABOUT, HEAD, PART, SEAL, data_name};

/// A parcel that is being made: what is written to it is the file in it. Without
/// [`Making::finish`] it is no parcel.
pub struct Making<W: Write> {
    out: age::Writer<W>,
    head: Head,
    members: Vec<Member>,
    part: Zeroizing<Vec<u8>>,
    /// The age head, where it is written last.
    last: Option<Last>,
}

/// An age head that is not written yet: what it declares is known at the end.
struct Last {
    key: FileKey,
    recipient: Recipient,
    length: usize,
}

impl<W: Write> Making<W> {
    /// Starts a parcel to who has the key of `recipient`.
    ///
    /// # Errors
    /// Those of the writer inside.
    ///
    /// # Panics
    /// For a head that is of no kind.
    pub fn begin(head: Head, recipient: &Recipient, out: W) -> io::Result<Self> {
        Self::with(head, age::Writer::new(recipient, out)?, None)
    }

    /// Starts the parcel of a request, before which stands what is declared of it: so many bytes,
    /// which [`Making::finish_declared`] gives once they are known.
    ///
    /// # Errors
    /// Those of the writer inside.
    ///
    /// # Panics
    /// For a head that is of no kind.
    pub fn begin_declared(
        head: Head,
        recipient: Recipient,
        declared: usize,
        mut out: W,
    ) -> io::Result<Self> {
        let key = FileKey::random();
        let length = Header::write(&recipient, &key, Some(&vec![0; declared])).len();
        out.write_all(&vec![0; length])?;
        Self::with(head, age::Writer::behind(&key, out)?, Some(Last { key, recipient, length }))
    }

    fn with(head: Head, out: age::Writer<W>, last: Option<Last>) -> io::Result<Self> {
        assert!(head.is_possible(), "a head has what its kind must have");
        let part = Zeroizing::new(Vec::with_capacity(PART));
        let mut making = Self { out, members: Vec::new(), part, head, last };
        let json = serde_json::to_vec(&making.head).expect("a head can be written as JSON");
        making.member(HEAD, &json)?;
        making.members.clear();
        Ok(making)
    }

    fn member(&mut self, name: &str, bytes: &[u8]) -> io::Result<()> {
        self.out.write_all(&tar::header(name, bytes.len() as u64))?;
        self.out.write_all(bytes)?;
        self.out.write_all(&tar::END[..tar::padding(bytes.len())])?;
        let sha256 = Hex(Sha256::digest(bytes).into());
        self.members.push(Member { name: name.to_owned(), bytes: bytes.len() as u64, sha256 });
        Ok(())
    }

    /// Writes what there is of the file as a member.
    fn flush_part(&mut self) -> io::Result<()> {
        let part = std::mem::take(&mut self.part);
        self.member(&data_name(self.members.len() + 1), &part)?;
        self.part = part;
        self.part.clear();
        Ok(())
    }

    /// Ends the file, adds what is to be said `about` it, and seals the whole with the sender's
    /// `key`.
    ///
    /// # Errors
    /// Those of the writer inside.
    pub fn finish(mut self, about: &[u8], card: Sender, key: &SigningKey) -> io::Result<W> {
        if !self.part.is_empty() || self.members.is_empty() {
            self.flush_part()?;
        }
        self.member(ABOUT, about)?;
        let body = SealBody { head: &self.head, members: &self.members };
        let signature = Signed::new(body, key).signature;
        let seal = Seal { card, members: std::mem::take(&mut self.members), signature };
        let json = serde_json::to_vec(&seal).expect("a seal can be written as JSON");
        self.member(SEAL, &json)?;
        self.out.write_all(&tar::END)?;
        self.out.finish()
    }

    /// The same of one that was begun so: gives also the bytes that are to be written to its
    /// beginning.
    ///
    /// # Errors
    /// Those of the writer inside.
    ///
    /// # Panics
    /// For a parcel that was begun otherwise, or with another length of what is declared.
    pub fn finish_declared(
        mut self,
        about: &[u8],
        card: Sender,
        key: &SigningKey,
        declared: &[u8],
    ) -> io::Result<(W, Vec<u8>)> {
        let last = self.last.take().expect("it was begun with something declared");
        let out = self.finish(about, card, key)?;
        let head = Header::write(&last.recipient, &last.key, Some(declared));
        assert_eq!(head.len(), last.length, "what is declared is as long as was said");
        Ok((out, head))
    }
}

impl<W: Write> Write for Making<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.part.len() == PART && !bytes.is_empty() {
            self.flush_part()?;
        }
        let taken = bytes.len().min(PART - self.part.len());
        self.part.extend_from_slice(&bytes[..taken]);
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
