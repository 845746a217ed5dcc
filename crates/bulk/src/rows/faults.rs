//! Makes a code wrong on purpose, for tests (debug builds with `--cfg cstatns_faults`).

use std::sync::atomic::{AtomicBool, Ordering};

use cstatns::code::Code;

/// A program that finds this variable in its environment makes one wrong code: the first of a
/// batch, in one of its bits, as a fault of the processor or of the kernel would.
const WRONG_CODE: &str = "CSTATNS_TEST_WRONG_CODE";

static MADE: AtomicBool = AtomicBool::new(false);

pub(super) fn spoil(codes: &mut [Option<Code>]) {
    let Some(code) = codes.iter_mut().flatten().next() else { return };
    if std::env::var_os(WRONG_CODE).is_none() || MADE.swap(true, Ordering::SeqCst) {
        return;
    }
    let mut bytes = *code.bytes();
    bytes[31] ^= 1;
    *code = Code::from_bytes(bytes, code.tag(), code.generation());
}
