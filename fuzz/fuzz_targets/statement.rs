//! Any bytes as each of the JSON forms that come from outside: cards, dealings, shares, receipts,
//! doubts, questions, proposals and their files, approvals, evidence of kits, events, labels of
//! keys, places.

#![no_main]

#[path = "../../tests/canonical/forms.rs"]
mod forms;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    for (_, read) in forms::FORMS {
        read(bytes);
    }
});
