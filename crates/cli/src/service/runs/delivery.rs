//! The names of deliveries in arguments.

use cstatns::delivery::{DeliveryId, part_of};
use cstatns::name::Hex;
use cstatns::proposal::RunId;
use cstatns::state::State;

use crate::fault::Fault;

/// A delivery as an argument names it: its run, and which of the run's requests it answers.
#[derive(Clone, Copy)]
pub(crate) struct DeliveryArg {
    run: RunId,
    part: Option<u32>,
}

impl DeliveryArg {
    /// The delivery, whether or not there is one. A run of several requests is not enough.
    pub(in crate::service) fn find(self, state: &State) -> Result<DeliveryId, Fault> {
        let Self { run, part } = self;
        let made: Vec<String> = state
            .deliveries_of(&run)
            .filter(|(_, delivery)| delivery.parts > 1)
            .map(|(id, _)| id.to_string())
            .collect();
        match part {
            None if !made.is_empty() => Err(Fault::new(
                "delivery-part",
                format!(
                    "run {run} has several requests: name one of its deliveries ({})",
                    made.join(", ")
                ),
            )),
            part => Ok(DeliveryId { run, part: part.unwrap_or(1) }),
        }
    }
}

/// A delivery that is renewed, as `--of` gives it.
#[derive(Clone, Copy)]
pub(super) enum Of {
    Delivery(DeliveryArg),
    Unknown,
}

pub(super) fn delivery_or_unknown(text: &str) -> Result<Of, String> {
    if text == "unknown" { Ok(Of::Unknown) } else { delivery(text).map(Of::Delivery) }
}

/// A delivery's name as arguments give it.
pub(in crate::service) fn delivery(text: &str) -> Result<DeliveryArg, String> {
    let (run, part) = match text.split_once('/') {
        Some((run, part)) => (run, part_of(part).map(Some)),
        None => (text, Some(None)),
    };
    let run = Hex::parse(run.as_bytes());
    run.zip(part).map(|(run, part)| DeliveryArg { run, part }).ok_or_else(|| {
        "a delivery is 32 lower-case hexadecimal digits, with `/1`, `/2` … after them where its run \
        has several requests"
            .to_owned()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_delivery_is_32_digits_with_or_without_a_part_or_unknown() {
        assert!(matches!(delivery_or_unknown("unknown"), Ok(Of::Unknown)));
        let run = "0a".repeat(16);
        for (text, expected) in [(run.clone(), None), (format!("{run}/64"), Some(64))] {
            let Ok(Of::Delivery(DeliveryArg { part, .. })) = delivery_or_unknown(&text) else {
                panic!()
            };
            assert_eq!(part, expected);
        }
        let wrong = ["/", "/0", "/65", "/01", "/1/1"].map(|part| format!("{run}{part}"));
        let others = ["", "Unknown", "0a", &"0A".repeat(16)].map(str::to_owned);
        for bad in wrong.iter().chain(&others) {
            assert!(delivery_or_unknown(bad).is_err(), "{bad:?}");
        }
    }
}
