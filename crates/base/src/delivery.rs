//! How a delivery is named: the run that made it, and which of the run's requests it answers (SPEC
//! §9).

use std::fmt;

use serde::{Deserialize, Serialize, Serializer};

use crate::coded::{Coordinate, Fact};
use crate::name::Hex;

/// The most requests of one run: parts are numbered from 1 to this.
pub const MOST_PARTS: usize = 64;

/// The result of one request of a run. Its text form is `<run>/<part>`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeliveryId {
    /// The run.
    pub run: Hex<16>,
    /// Which of its requests, from 1.
    pub part: u32,
}

impl DeliveryId {
    /// Reads the text form. A part has no leading zero, so that a delivery has one text.
    pub fn parse(text: &str) -> Option<Self> {
        let (run, part) = text.split_once('/')?;
        Some(Self { run: Hex::parse(run.as_bytes())?, part: part_of(part)? })
    }

    /// The name for people, where the run has so many requests.
    pub fn named(self, parts: u32) -> DeliveryName {
        DeliveryName { id: self, alone: parts == 1 }
    }
}

/// Reads the number of a part.
pub fn part_of(text: &str) -> Option<u32> {
    let number: u32 = text.parse().ok()?;
    let known = (1..=MOST_PARTS as u32).contains(&number);
    (known && number.to_string() == text).then_some(number)
}

impl fmt::Display for DeliveryId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.run, self.part)
    }
}

/// A delivery as people read it: the run alone where the run has one request, else `<run>/<part>`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeliveryName {
    /// The delivery.
    pub id: DeliveryId,
    alone: bool,
}

impl fmt::Display for DeliveryName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.alone { self.id.run.fmt(f) } else { self.id.fmt(f) }
    }
}

impl Serialize for DeliveryName {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl Coordinate for DeliveryName {
    fn add_to(&self, facts: &mut Vec<Fact>, name: &'static str) {
        facts.push(Fact::new(name, self));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_delivery_has_one_text() {
        let run = "0a".repeat(16);
        for part in [1, 9, 10, 64] {
            let text = format!("{run}/{part}");
            let delivery = DeliveryId::parse(&text).unwrap();
            assert_eq!((delivery.part, delivery.to_string()), (part, text.clone()));
            assert_eq!(delivery.named(64).to_string(), text);
            assert_eq!(delivery.named(1).to_string(), run);
        }
        for bad in ["", "/", "/0", "/01", "/+1", "/ 1", "/65", "/4294967297", "/1/1", "/x"] {
            assert_eq!(DeliveryId::parse(&format!("{run}{bad}")), None, "{bad:?}");
        }
        assert_eq!(DeliveryId::parse(&format!("{}/1", "0A".repeat(16))), None);
    }
}
