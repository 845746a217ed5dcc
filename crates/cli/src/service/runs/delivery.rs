//! The numbers of deliveries in arguments.

use cstatns::name::Hex;
use cstatns::proposal::RunId;

/// A delivery that is renewed, as `--of` gives it.
#[derive(Clone, Copy)]
pub(super) enum Of {
    Delivery(RunId),
    Unknown,
}

pub(super) fn delivery_or_unknown(text: &str) -> Result<Of, String> {
    if text == "unknown" { Ok(Of::Unknown) } else { delivery(text).map(Of::Delivery) }
}

/// A delivery's number as arguments give it.
pub(in crate::service) fn delivery(text: &str) -> Result<RunId, String> {
    Hex::parse(text.as_bytes())
        .ok_or_else(|| "a delivery is 32 lower-case hexadecimal digits".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_delivery_is_32_digits_or_unknown() {
        assert!(matches!(delivery_or_unknown("unknown"), Ok(Of::Unknown)));
        assert!(matches!(delivery_or_unknown(&"0a".repeat(16)), Ok(Of::Delivery(_))));
        for bad in ["", "Unknown", "0a", &"0A".repeat(16)] {
            assert!(delivery_or_unknown(bad).is_err(), "{bad:?}");
        }
    }
}
