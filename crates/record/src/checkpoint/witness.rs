//! The key of a witness as others know it, and its cosignatures in notes (`c2sp.org/signed-note`,
//! `c2sp.org/tlog-cosignature`).

use std::fmt;

use cstatns_base::name::Hex;
use data_encoding::{BASE64, HEXLOWER};
use ed25519_dalek::{Signer, SigningKey, VerifyingKey};
use jiff::Timestamp;

use crate::statement::verify;

use super::base64;
use super::cosignature::{COSIGNATURE, signed_text};
use super::note::{Note, NoteError, NoteSignature, VerifierKey, check_name, key_id};

/// The public key of a witness under its name. Its text form ("vkey") is
/// `<name>+<key id, 8 hexadecimal digits>+<base64 of 0x04 and the 32 key bytes>`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WitnessKey {
    name: String,
    id: [u8; 4],
    key: VerifyingKey,
}

impl WitnessKey {
    /// The key of the witness with this name.
    ///
    /// # Errors
    /// `note-bad-name`; `note-bad-key` for a key of small order, under which anything verifies.
    pub fn new(name: &str, key: &Hex<32>) -> Result<Self, NoteError> {
        check_name(name)?;
        let key = VerifyingKey::from_bytes(&key.0).map_err(|_| NoteError::BadKey)?;
        if key.is_weak() {
            return Err(NoteError::BadKey);
        }
        Ok(Self { name: name.to_owned(), id: key_id(name, COSIGNATURE, key.as_bytes()), key })
    }

    /// Reads the text form.
    ///
    /// # Errors
    /// `note-bad-name`, `note-bad-key` (also if the id is not that of name and key, and for a key
    /// of another type).
    pub fn parse(text: &str) -> Result<Self, NoteError> {
        let mut parts = text.splitn(3, '+');
        let (Some(name), Some(id), Some(key)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(NoteError::BadKey);
        };
        let key = base64(key).ok_or(NoteError::BadKey)?;
        let Some((&COSIGNATURE, key)) = key.split_first() else { return Err(NoteError::BadKey) };
        let key = Self::new(name, &Hex(key.try_into().map_err(|_| NoteError::BadKey)?))?;
        if id == HEXLOWER.encode(&key.id) { Ok(key) } else { Err(NoteError::BadKey) }
    }

    /// The witness's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The key itself.
    #[must_use]
    pub fn key(&self) -> Hex<32> {
        Hex(self.key.to_bytes())
    }

    /// Whether a signature of a note is in the name of this key; it may be false.
    #[must_use]
    pub fn is_named_by(&self, signature: &NoteSignature) -> bool {
        signature.blob_of(&self.name, self.id).is_some()
    }

    /// When this witness cosigned the checkpoint that `note` is, the last time; none if it did not.
    ///
    /// # Errors
    /// `note-bad-signature` if a cosignature in its name does not hold, whatever the others do.
    pub fn cosigned(&self, note: &Note) -> Result<Option<Timestamp>, NoteError> {
        let blobs = note.signatures().iter().filter_map(|line| line.blob_of(&self.name, self.id));
        let mut last = None;
        for blob in blobs {
            let time = self.dated(note.text(), blob).ok_or_else(|| NoteError::BadSignature {
                signer: Box::new(
                    VerifierKey::new(&self.name, self.key).expect("name and key were checked"),
                ),
            })?;
            last = last.max(Some(time));
        }
        Ok(last)
    }

    /// The date of a cosignature that holds: 8 bytes of seconds, big-endian, and the signature.
    fn dated(&self, text: &str, blob: &[u8]) -> Option<Timestamp> {
        let (seconds, signature) = blob.split_first_chunk()?;
        let seconds = i64::try_from(u64::from_be_bytes(*seconds)).ok()?;
        let (time, signature) = (Timestamp::from_second(seconds).ok()?, signature.try_into().ok()?);
        let holds = verify(&self.key(), signed_text(seconds, text).as_bytes(), &Hex(signature));
        holds.then_some(time)
    }

    /// Cosigns the checkpoint that `note` is with the private half of this key; the date loses its
    /// fraction of a second. A witness does so once it has checked and remembered the checkpoint
    /// ([`crate::witness`]).
    ///
    /// # Errors
    /// `note-malformed` if the note is full.
    pub fn cosign(
        &self,
        note: &mut Note,
        time: Timestamp,
        key: &SigningKey,
    ) -> Result<(), NoteError> {
        let seconds = time.as_second().max(0);
        let mut blob = seconds.to_be_bytes().to_vec();
        blob.extend(key.sign(signed_text(seconds, note.text()).as_bytes()).to_bytes());
        note.add(NoteSignature::of_parts(self.name.clone(), self.id, blob))
    }
}

impl fmt::Display for WitnessKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut key = [COSIGNATURE; 33];
        key[1..].copy_from_slice(self.key.as_bytes());
        write!(f, "{}+{}+{}", self.name, HEXLOWER.encode(&self.id), BASE64.encode(&key))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checkpoint::{Head, sign_head};

    fn key(seed: u8) -> (SigningKey, WitnessKey) {
        let key = SigningKey::from_bytes(&[seed; 32]);
        let public = WitnessKey::new("authority", &Hex(key.verifying_key().to_bytes())).unwrap();
        (key, public)
    }

    fn note(size: u64) -> Note {
        let head = Head { size, root: Hex([5; 32]) };
        let note = sign_head(&head, "office", &SigningKey::from_bytes(&[1; 32]));
        Note::parse(note.as_bytes()).unwrap()
    }

    #[test]
    fn a_cosignature_is_of_one_checkpoint_date_and_key() {
        let ((signing, public), (_, other)) = (key(7), key(8));
        let mut good = note(3);
        assert_eq!(public.cosigned(&good), Ok(None));
        let time = Timestamp::from_millisecond(1_800_000_000_900).unwrap();
        public.cosign(&mut good, time, &signing).unwrap();
        let cosigned = Timestamp::from_second(1_800_000_000).unwrap();
        assert_eq!(public.cosigned(&good), Ok(Some(cosigned)));
        assert_eq!(other.cosigned(&good), Ok(None), "of another key, though of the same name");
        let line = good.signatures()[1].clone();
        assert!(public.is_named_by(&line) && !other.is_named_by(&line));
        // The line moved to another checkpoint, and with another date.
        let mut moved = note(4);
        moved.add(line).unwrap();
        let code = |note: &Note| public.cosigned(note).map_err(|error| error.to_string());
        assert!(code(&moved).unwrap_err().contains("signature of authority does not verify"));
        let mut later = blob(&good);
        later[7] ^= 1;
        let mut dated = note(3);
        dated.add(NoteSignature::of_parts("authority".into(), public.id, later)).unwrap();
        assert!(code(&dated).is_err());
        // One that does not hold is not outweighed by one that does.
        dated.add(good.signatures()[1].clone()).unwrap();
        assert!(code(&dated).is_err());
        for short in [&blob(&good)[..71], &blob(&good)[..7]] {
            let mut cut = note(3);
            let line = NoteSignature::of_parts("authority".into(), public.id, short.to_vec());
            cut.add(line).unwrap();
            assert!(code(&cut).is_err());
        }
    }

    fn blob(note: &Note) -> Vec<u8> {
        let (_, public) = key(7);
        note.signatures()[1].blob_of("authority", public.id).unwrap().to_vec()
    }

    #[test]
    fn a_key_reads_back_and_no_other_type_passes() {
        let (signing, public) = key(7);
        let text = public.to_string();
        assert_eq!(WitnessKey::parse(&text), Ok(public.clone()));
        assert_eq!(VerifierKey::parse(&text), Err(NoteError::BadKey));
        let service = VerifierKey::new("authority", signing.verifying_key()).unwrap();
        assert_eq!(WitnessKey::parse(&service.to_string()), Err(NoteError::BadKey));
        for wrong in ["", "authority", "authority+00000000", &text.replace("authority", "another")]
        {
            assert_eq!(WitnessKey::parse(wrong), Err(NoteError::BadKey), "{wrong}");
        }
        assert_eq!(WitnessKey::new("a b", &public.key()), Err(NoteError::BadName));
        assert_eq!(WitnessKey::new("a", &Hex([0; 32])), Err(NoteError::BadKey));
    }
}
