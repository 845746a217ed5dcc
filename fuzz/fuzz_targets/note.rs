//! Any bytes as a signed note, a checkpoint, a verifier key, a signature line and a share in clear:
//! each has one spelling.

#![no_main]

#[path = "../../tests/canonical/forms.rs"]
mod forms;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    forms::note(bytes);
    forms::share(bytes);
});
