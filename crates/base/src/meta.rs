//! What a file says about where its codes come from.

use std::fmt;
use std::ops::Deref;

use serde::{Deserialize, Serialize};

use crate::code::{Generation, Tag};
use crate::coded::{Coordinate, Fact};
use crate::delivery::DeliveryId;
use crate::name::Name;

/// The version of SPEC.md that these files follow.
pub const SPEC: &str = "1";

/// The suite: which keyed hash makes codes, and which formats go with it.
pub const SUITE: &str = "CStatNS-HMAC-SHA-256";

/// Where the codes of a file come from. In Parquet files it stands in the metadata
/// (`cstatns.service` …), for CSV files in the report beside them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileMeta {
    /// The service's id: its name, a dot, 26 characters of base32.
    pub service: String,
    /// The domain.
    pub domain: Name,
    /// How many keys the codes have gone through.
    pub generation: Generation,
    /// The delivery that brought them.
    pub delivery: DeliveryId,
}

impl FileMeta {
    /// The tag of the codes: it follows from service and domain.
    pub fn tag(&self) -> Tag {
        Tag::of(&self.service, &self.domain)
    }

    /// The key-value metadata of a Parquet file.
    pub fn pairs(&self) -> Vec<(&'static str, String)> {
        let mut pairs = marks(Some((self.tag(), self.generation)));
        pairs.push(("cstatns.service", self.service.clone()));
        pairs.push(("cstatns.domain", self.domain.to_string()));
        pairs.push(("cstatns.delivery", self.delivery.to_string()));
        pairs
    }
}

/// The metadata of a file whose service is not known: a request holds identifiers, or codes that
/// say their domain by the tag alone.
pub fn marks(codes: Option<(Tag, Generation)>) -> Vec<(&'static str, String)> {
    let mut pairs = vec![("cstatns.spec", SPEC.to_owned())];
    if let Some((tag, generation)) = codes {
        pairs.push(("cstatns.tag", tag.to_string()));
        pairs.push(("cstatns.generation", generation.to_string()));
    }
    pairs
}

/// What the metadata of a file was found to say.
#[derive(Clone, Default)]
#[non_exhaustive]
pub struct Known {
    /// Whose codes it holds, which binary codes need.
    pub codes: Option<(Tag, Generation)>,
    /// The whole, if it is there.
    pub meta: Option<FileMeta>,
}

impl Known {
    /// Reads the pairs; those of other programs are passed over. `Err` names the key whose value is
    /// not understood or contradicts another.
    pub fn read(get: impl Fn(&str) -> Option<String>) -> Result<Self, &'static str> {
        fn part<T>(
            text: Option<String>,
            key: &'static str,
            read: impl Fn(&str) -> Option<T>,
        ) -> Result<Option<T>, &'static str> {
            text.map(|text| read(&text).ok_or(key)).transpose()
        }
        part(get("cstatns.spec"), "cstatns.spec", |text| (text == SPEC).then_some(()))?;
        let tag = part(get("cstatns.tag"), "cstatns.tag", |text| Tag::parse(text.as_bytes()))?;
        let generation = part(get("cstatns.generation"), "cstatns.generation", |text| {
            text.parse().ok().and_then(Generation::new)
        })?;
        let service = part(get("cstatns.service"), "cstatns.service", service_id)?;
        let domain = part(get("cstatns.domain"), "cstatns.domain", |text| Name::new(text).ok())?;
        let delivery = part(get("cstatns.delivery"), "cstatns.delivery", DeliveryId::parse)?;
        let meta = match (service, domain, generation, delivery) {
            (Some(service), Some(domain), Some(generation), Some(delivery)) => {
                Some(FileMeta { service, domain, generation, delivery })
            }
            _ => None,
        };
        if meta.as_ref().is_some_and(|meta| tag.is_some_and(|tag| tag != meta.tag())) {
            return Err("cstatns.tag");
        }
        Ok(Self { codes: tag.zip(generation), meta })
    }
}

/// A service's id: only a text that has the form of one can be made into it, so that an error may
/// show it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ServiceId(String);

impl ServiceId {
    /// The id, if `text` has the form of one.
    pub fn of(text: &str) -> Option<Self> {
        service_id(text).map(Self)
    }
}

impl TryFrom<String> for ServiceId {
    type Error = &'static str;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::of(&text).ok_or("not the id of a service")
    }
}

impl From<ServiceId> for String {
    fn from(id: ServiceId) -> Self {
        id.0
    }
}

impl Deref for ServiceId {
    type Target = str;
    fn deref(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ServiceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Coordinate for ServiceId {
    fn add_to(&self, facts: &mut Vec<Fact>, name: &'static str) {
        facts.push(Fact::new(name, self));
    }
}

/// A service's id, if the text has the form of one: nothing else from a file is shown as a service.
pub fn service_id(text: &str) -> Option<String> {
    let (name, id) = text.split_once('.')?;
    let base32 = id.len() == 26 && id.bytes().all(|b| matches!(b, b'a'..=b'z' | b'2'..=b'7'));
    (base32 && Name::fits(name)).then(|| text.to_owned())
}
