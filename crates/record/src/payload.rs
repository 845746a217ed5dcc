//! What is said of a payload: of the rows that go to a linking body while the identifiers of the
//! same rows go to the service (SPEC §6).

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use cstatns_base::commitment::{Commitment, Use};
use cstatns_base::delivery::DeliveryId;
use cstatns_base::identifier::Scheme;
use cstatns_base::meta::{SUITE, ServiceId};
use cstatns_base::name::{Hex, Name, whole_number};
use serde::{Deserialize, Serialize};

use crate::manifest::Manifest;
use crate::requested::{Requested, beside};

/// What a parcel says of the payload in it. It is not signed by itself: the seal of the parcel
/// covers it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Payload {
    pub(crate) format: u32,
    pub(crate) suite: String,
    /// The service that the request of the same rows is for.
    pub service: ServiceId,
    /// The key with which that service signs.
    pub signing: Hex<32>,
    /// The domain that the request is for.
    pub domain: Name,
    /// What the rows of the request are for.
    pub r#use: Use,
    /// The scheme of what is coded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scheme: Option<Scheme>,
    /// The commitment of the request: the result that goes with the payload states it too.
    pub commitment: Commitment,
    /// Its rows, of which the request has as many.
    #[serde(deserialize_with = "whole_number")]
    pub rows: u64,
    /// The columns in it that are a risk, each with the reason why it was accepted.
    pub accepted: BTreeMap<String, Name>,
    /// Of a renewal, the deliveries that brought the codes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub previous: Vec<DeliveryId>,
}

/// Where it is put once the parcel is opened: the name of the payload with `.payload.json` after
/// it.
pub fn payload_path(payload: &Path) -> PathBuf {
    beside(payload, ".payload.json")
}

impl Payload {
    /// The version of the format.
    pub(crate) const FORMAT: u32 = 2;

    /// That of the payload whose request has this manifest, to the service that signs so.
    pub fn new(manifest: &Manifest, signing: Hex<32>) -> Self {
        let Manifest { service, domain, content, input, accepted, previous, .. } = manifest;
        Self {
            format: Self::FORMAT,
            suite: SUITE.to_owned(),
            service: service.clone(),
            signing,
            domain: domain.clone(),
            r#use: content.r#use(),
            scheme: content.scheme(),
            commitment: input.commitment,
            rows: input.rows,
            accepted: accepted.clone(),
            previous: previous.clone(),
        }
    }

    /// What a result must be of to go with it, which the service signs with this key.
    pub fn requested(&self, signing: Hex<32>) -> Requested {
        Requested {
            format: Requested::FORMAT,
            suite: self.suite.clone(),
            service: self.service.clone(),
            signing,
            domain: self.domain.clone(),
            r#use: self.r#use,
            scheme: self.scheme,
            generation: None,
            commitment: self.commitment,
            rows: self.rows,
            data: Vec::new(),
            request: None,
        }
    }

    /// The one that these bytes are, if they are one of this format.
    pub fn of(bytes: &[u8]) -> Option<Self> {
        let payload: Self = serde_json::from_slice(bytes).ok()?;
        (payload.format == Self::FORMAT && payload.suite == SUITE).then_some(payload)
    }

    /// What stands in the parcel: indented JSON, for people read it too.
    pub fn bytes(&self) -> Vec<u8> {
        let mut bytes = serde_json::to_vec_pretty(self).expect("it can be written as JSON");
        bytes.push(b'\n');
        bytes
    }
}

#[cfg(test)]
mod tests {
    use cstatns_base::commitment::CommitmentKey;

    use super::*;
    use crate::manifest::Content;
    use crate::proposal::Input;

    fn payload() -> Payload {
        let input = Input {
            commitment: Hex([3; 32]),
            rows: 7,
            values: 6,
            distinct: 5,
            engine: None,
            sent: None,
        };
        let manifest = Manifest {
            service: ServiceId::of("nso.abcdefghijklmnopqrstuvwxyz").unwrap(),
            domain: Name::new("project").unwrap(),
            content: Content::Identifiers { scheme: Scheme::FrNir },
            input,
            key: CommitmentKey::random(),
            previous: Vec::new(),
            accepted: BTreeMap::from([("nom".to_owned(), Name::new("employer-name").unwrap())]),
        };
        Payload::new(&manifest, Hex([9; 32]))
    }

    #[test]
    fn it_is_read_as_it_was_written_and_nothing_else_is_one() {
        let written = payload();
        let bytes = written.bytes();
        assert_eq!(Payload::of(&bytes), Some(written));
        let text = String::from_utf8(bytes).unwrap();
        // What it says, and nothing of the secret of the commitment.
        let said: serde_json::Value = serde_json::from_str(&text).unwrap();
        let said: Vec<_> = said.as_object().unwrap().keys().map(String::as_str).collect();
        let mut fields = [
            "format",
            "suite",
            "service",
            "signing",
            "domain",
            "use",
            "scheme",
            "commitment",
            "rows",
            "accepted",
        ];
        fields.sort_unstable();
        let mut said = said;
        said.sort_unstable();
        assert_eq!(said, fields);
        for (of, other) in [
            ("\"format\": 2", "\"format\": 3"),
            ("\"suite\": \"", "\"suite\": \"x"),
            ("\"rows\": 7", "\"rows\": 7.5"),
            ("\"rows\": 7", "\"rows\": 7, \"more\": 1"),
        ] {
            let changed = text.replace(of, other);
            assert_ne!(changed, text, "{of}");
            assert_eq!(Payload::of(changed.as_bytes()), None, "{other}");
        }
        assert_eq!(payload_path(Path::new("a/p.csv")), Path::new("a/p.csv.payload.json"));
    }
}
