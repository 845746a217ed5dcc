//! What a service knows of its ledger without folding it anew: the state after its first lines,
//! signed by the service itself (SPEC §13).
//!
//! It saves work, and proves nothing: custodians, auditors and whoever recovers a home fold every
//! line. It counts only for the program that made it, and only where the lines of the ledger are
//! those that it was made of, bit for bit.

use cstatns_base::files::FileError;
use cstatns_base::name::Hex;
use ed25519_dalek::SigningKey;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::card::ServiceCard;
use crate::checkpoint::Head;
use crate::ledger::{History, Lines};
use crate::statement::{FORMAT, Signed, Statement};

use super::{Fold, State};

/// The version of the program, which says what a state is.
const PROGRAM: &str = env!("CARGO_PKG_VERSION");

/// What the first line of a snapshot says of the rest.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Seal {
    format: u32,
    /// The version of the program that made it.
    program: String,
    service: String,
    /// The lines whose state it is.
    head: Head,
    /// SHA-256 of the state.
    digest: Hex<32>,
}

impl Statement for Seal {
    const LABEL: &'static str = "CStatNS/snapshot/";
}

/// A state that was folded before, by the same program, with what its lines are known by.
pub struct Snapshot {
    head: Head,
    state: State,
}

impl Snapshot {
    /// The bytes of the snapshot of a state that follows from the lines of `history`: a signed
    /// line, a line feed and the state.
    pub fn make(history: &History, state: &State, key: &SigningKey) -> Vec<u8> {
        Self::of_program(PROGRAM, history, state, key)
    }

    fn of_program(program: &str, history: &History, state: &State, key: &SigningKey) -> Vec<u8> {
        let json = serde_json::to_vec(state).expect("a state has a JSON form");
        let seal = Seal {
            format: FORMAT,
            program: program.to_owned(),
            service: state.service.id().to_owned(),
            head: history.head(),
            digest: Hex(Sha256::digest(&json).into()),
        };
        let seal = Signed::new(seal, key);
        let mut bytes = serde_json::to_vec(&seal).expect("a seal has a JSON form");
        bytes.push(b'\n');
        bytes.extend(json);
        bytes
    }

    /// Reads a snapshot; nothing unless this program made it, for the service with this card, and
    /// the key of the card, which the state names as the present one, signed it.
    pub fn read(bytes: &[u8], card: &ServiceCard) -> Option<Self> {
        let end = bytes.iter().position(|byte| *byte == b'\n')?;
        let seal: Signed<Seal> = serde_json::from_slice(&bytes[..end]).ok()?;
        let json = &bytes[end + 1..];
        let Seal { format, program, service, head, digest } = &seal.body;
        let fits = *format == FORMAT && program == PROGRAM && service == card.id();
        let whole = fits && seal.is_by(&card.body.signing);
        if !whole || *digest != Hex(Sha256::digest(json).into()) {
            return None;
        }
        let state: State = serde_json::from_slice(json).ok()?;
        let same = state.service_keys.present() == &card.body.signing;
        let same = same && state.service.id() == card.id() && state.events == head.size;
        same.then_some(Self { head: *head, state })
    }

    /// The lines that it is of.
    pub fn head(&self) -> Head {
        self.head
    }

    /// Reads the lines that it is of: hashed, and neither parsed nor verified again. Nothing where
    /// the ledger does not begin with them.
    pub(super) fn resume(self, lines: &mut Lines) -> Result<Option<Fold>, FileError> {
        let mut history = History::default();
        while history.size() < self.head.size {
            let Some(line) = lines.next_line()? else { return Ok(None) };
            history.push(line);
        }
        let same = history.head() == self.head;
        Ok(same.then(|| Fold::resume(history, self.state)))
    }
}

/// A map whose keys are no texts, as the list of its pairs.
pub(super) mod pairs {
    use std::collections::BTreeMap;

    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(crate) fn serialize<K: Serialize, V: Serialize, S: Serializer>(
        map: &BTreeMap<K, V>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(map)
    }

    pub(crate) fn deserialize<'de, K, V, D>(deserializer: D) -> Result<BTreeMap<K, V>, D::Error>
    where
        K: Deserialize<'de> + Ord,
        V: Deserialize<'de>,
        D: Deserializer<'de>,
    {
        Ok(Vec::deserialize(deserializer)?.into_iter().collect())
    }
}
