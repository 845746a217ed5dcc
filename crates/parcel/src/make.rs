//! Parcels as they are made: encrypted piece by piece, so that nothing of them lies in clear.

use std::io::{self, Write};

use cstatns_base::name::Hex;
use cstatns_keys::receiving::Recipient;
use cstatns_record::statement::Signed;
use ed25519_dalek::SigningKey;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::age;
use crate::head::{Head, Member, Seal, SealBody, Sender};
use crate::tar::{self, ABOUT, HEAD, PART, SEAL, data_name};

/// A parcel that is being made: what is written to it is the file in it. Without
/// [`Making::finish`] it is no parcel.
pub struct Making<W: Write> {
    out: age::Writer<W>,
    head: Head,
    members: Vec<Member>,
    part: Zeroizing<Vec<u8>>,
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
        assert!(head.is_possible(), "a head has what its kind must have");
        let mut making = Self {
            out: age::Writer::new(recipient, out)?,
            members: Vec::new(),
            part: Zeroizing::new(Vec::with_capacity(PART)),
            head,
        };
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
