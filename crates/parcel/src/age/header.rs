//! The head of an age file: who it is for, and the code that authenticates it.

use std::io::BufRead;

use cstatns_base::secret::Secret;
use cstatns_keys::receiving::{ENCAPSULATED, Recipient};
use data_encoding::BASE64_NOPAD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use super::{AgeError, FileKey, Identity, derived};

const VERSION: &[u8] = b"age-encryption.org/v1\n";
pub(super) const HYBRID_INFO: &[u8] = b"age-encryption.org/mlkem768x25519";
/// A file's key, sealed: 16 bytes and their tag.
const SEALED: usize = 32;
/// The columns of a line of a stanza's body.
const COLUMNS: usize = 64;
/// More than the head of a file to a hundred recipients, in bytes.
const LIMIT: usize = 256 << 10;
/// The stanza that seals no key: it says what is in the file.
const DECLARED: &str = "cstatns-declaration";

/// A kind of recipient.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Kind {
    /// X-Wing, `mlkem768x25519`: safe from the quantum computers that are foreseen.
    Hybrid,
    /// X25519.
    X25519,
    /// A passphrase.
    Passphrase,
    /// None: what the sender declares of what is in it.
    Declared,
    /// One that this version does not know.
    Other,
}

impl Kind {
    fn of(name: &str) -> Self {
        match name {
            "mlkem768x25519" => Self::Hybrid,
            "X25519" => Self::X25519,
            "scrypt" => Self::Passphrase,
            DECLARED => Self::Declared,
            _ => Self::Other,
        }
    }
}

/// One recipient's part of a head.
struct Stanza {
    arguments: Vec<String>,
    body: Vec<u8>,
}

/// The head of an age file as it was read: it is authenticated when it is opened.
pub struct Header {
    stanzas: Vec<Stanza>,
    code: [u8; 32],
    /// What the code is over: all lines, up to `---`.
    covered: Vec<u8>,
}

impl Header {
    /// Reads a head, and not a byte more.
    ///
    /// # Errors
    /// [`AgeError::Header`], [`AgeError::Read`].
    pub fn read(input: &mut impl BufRead) -> Result<Self, AgeError> {
        let mut covered = Vec::with_capacity(4096);
        line(input, &mut covered)?;
        if covered != VERSION {
            return Err(AgeError::Header);
        }
        let mut stanzas = Vec::new();
        loop {
            let first = line(input, &mut covered)?;
            let text = &covered[first..covered.len() - 1];
            if let Some(code) = text.strip_prefix(b"--- ") {
                let code = decoded(code)?.try_into().map_err(|_| AgeError::Header)?;
                covered.truncate(first + 3);
                return match stanzas.is_empty() {
                    true => Err(AgeError::Header),
                    false => Ok(Self { stanzas, code, covered }),
                };
            }
            let arguments = arguments(text.strip_prefix(b"-> ").ok_or(AgeError::Header)?)?;
            let mut body = Vec::new();
            loop {
                let start = line(input, &mut covered)?;
                let text = &covered[start..covered.len() - 1];
                body.extend(decoded(text)?);
                match text.len() {
                    COLUMNS => {}
                    0..COLUMNS => break,
                    _ => return Err(AgeError::Header),
                }
            }
            stanzas.push(Stanza { arguments, body });
        }
    }

    /// The kinds of its recipients, in their order.
    pub fn kinds(&self) -> impl Iterator<Item = Kind> {
        self.all_kinds().filter(|kind| *kind != Kind::Declared)
    }

    fn all_kinds(&self) -> impl Iterator<Item = Kind> {
        self.stanzas.iter().map(|stanza| Kind::of(&stanza.arguments[0]))
    }

    /// What its sender declares, outside the encryption, if it does so once.
    pub(crate) fn declared(&self) -> Option<&[u8]> {
        let of = |stanza: &&Stanza| Kind::of(&stanza.arguments[0]) == Kind::Declared;
        let mut declared = self.stanzas.iter().filter(of);
        let found = declared.next().filter(|stanza| stanza.arguments.len() == 1)?;
        declared.next().is_none().then_some(&found.body)
    }

    /// The key of the file, once its head is authenticated.
    pub(crate) fn open(&self, identity: &Identity<'_>) -> Result<FileKey, AgeError> {
        if self.stanzas.len() > 1 && self.all_kinds().any(|kind| kind == Kind::Passphrase) {
            return Err(AgeError::Header);
        }
        let own = |stanza: &&Stanza| Kind::of(&stanza.arguments[0]) == identity.kind();
        for Stanza { arguments, body } in self.stanzas.iter().filter(own) {
            let [_, encapsulated] = &arguments[..] else { return Err(AgeError::Header) };
            let encapsulated = decoded(encapsulated.as_bytes())?;
            if body.len() != SEALED {
                return Err(AgeError::Header);
            }
            if let Some(key) = identity.unwrap(&encapsulated, body)? {
                let code = code(&key, &self.covered).verify_slice(&self.code);
                return code.map(|()| key).map_err(|_| AgeError::HeaderAltered);
            }
        }
        Err(AgeError::NotForThisKey)
    }

    /// The bytes of a new head to one X-Wing recipient, before which something may be declared.
    pub(crate) fn write(recipient: &Recipient, key: &FileKey, declared: Option<&[u8]>) -> Vec<u8> {
        let sealed = recipient.seal(HYBRID_INFO, key.expose());
        let (encapsulated, sealed) = sealed.split_at(ENCAPSULATED);
        let mut head = VERSION.to_vec();
        if let Some(declared) = declared {
            head.extend_from_slice(format!("-> {DECLARED}\n").as_bytes());
            body(&mut head, declared);
        }
        head.extend_from_slice(b"-> mlkem768x25519 ");
        head.extend_from_slice(BASE64_NOPAD.encode(encapsulated).as_bytes());
        head.push(b'\n');
        body(&mut head, sealed);
        head.extend_from_slice(b"---");
        let code = code(key, &head).finalize().into_bytes();
        head.push(b' ');
        head.extend_from_slice(BASE64_NOPAD.encode(&code).as_bytes());
        head.push(b'\n');
        head
    }
}

/// Adds the body of a stanza: full lines of base64, then one that is not full.
fn body(head: &mut Vec<u8>, bytes: &[u8]) {
    let text = BASE64_NOPAD.encode(bytes);
    for line in text.as_bytes().chunks(COLUMNS) {
        head.extend_from_slice(line);
        head.push(b'\n');
    }
    if text.len().is_multiple_of(COLUMNS) {
        head.push(b'\n');
    }
}

fn code(key: &FileKey, covered: &[u8]) -> Hmac<Sha256> {
    let key: Secret<32> = derived(key, None, b"header");
    let hmac = <Hmac<Sha256> as KeyInit>::new_from_slice(key.expose());
    hmac.expect("HMAC takes keys of any length").chain_update(covered)
}

/// Adds the next line, with its end, and says where it begins.
fn line(input: &mut impl BufRead, lines: &mut Vec<u8>) -> Result<usize, AgeError> {
    let start = lines.len();
    loop {
        let bytes = match input.fill_buf() {
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
            bytes => bytes?,
        };
        let end = bytes.iter().position(|byte| *byte == b'\n');
        let taken = end.map_or(bytes.len(), |end| end + 1);
        if taken == 0 || lines.len() + taken > LIMIT {
            return Err(AgeError::Header);
        }
        lines.extend_from_slice(&bytes[..taken]);
        input.consume(taken);
        if end.is_some() {
            return Ok(start);
        }
    }
}

/// The words of a stanza's first line: visible characters, one space between two words.
fn arguments(text: &[u8]) -> Result<Vec<String>, AgeError> {
    let word = |word: &[u8]| {
        let visible = !word.is_empty() && word.iter().all(u8::is_ascii_graphic);
        visible.then(|| String::from_utf8_lossy(word).into_owned()).ok_or(AgeError::Header)
    };
    text.split(|byte| *byte == b' ').map(word).collect()
}

/// Base64 without padding, in its one spelling.
fn decoded(text: &[u8]) -> Result<Vec<u8>, AgeError> {
    BASE64_NOPAD.decode(text).map_err(|_| AgeError::Header)
}
