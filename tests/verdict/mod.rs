//! What the NIR's rules say of a cell, in the words of SPEC.md's vectors.

use cstatns::identifier::{Reason, Scheme};
use serde_json::{Value, json};

/// What the vector's `gives` holds for a `canonical` of this cell.
pub(crate) fn verdict(cell: &[u8]) -> Value {
    match Scheme::FrNir.parse(cell) {
        Ok(accepted) => json!({
            "canonical": std::str::from_utf8(accepted.identifier.canonical()).unwrap(),
            "quality": accepted.quality.word(),
            "compact": accepted.compact(),
        }),
        Err(reason) => refused(reason),
    }
}

/// The same for a text that is refused.
pub(crate) fn refused(reason: Reason) -> Value {
    let word = reason.word();
    match reason {
        Reason::WrongCharacter { position } | Reason::WrongForm { position } => {
            json!({"refused": word, "position": position})
        }
        Reason::WrongLength { found } => json!({"refused": word, "found": found}),
        Reason::WrongControlKey { found, expected } => {
            json!({"refused": word, "found": found, "expected": expected})
        }
        _ => json!({"refused": word}),
    }
}
