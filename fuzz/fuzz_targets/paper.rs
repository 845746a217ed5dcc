//! Any text as the lines of a kit's paper: refused, or the lines that are printed are those that
//! were typed, but for case and white space. So it is with the lines of a paper in which some
//! characters were changed.

#![no_main]

use std::fs;
use std::sync::LazyLock;

use cstatns::custody::custodian::Sheet;
use libfuzzer_sys::fuzz_target;
use serde_json::Value;

/// The papers of the vectors.
static PRINTED: LazyLock<Vec<String>> = LazyLock::new(|| {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../spec/vectors/paper.json");
    let vectors = fs::read(path).expect("the vectors");
    let vectors: Value = serde_json::from_slice(&vectors).expect("vectors");
    let text = |name: &str| vectors["values"][name].as_str().expect("lines").to_owned();
    ["ana", "chloe"].map(text).into()
});

fn check(typed: &str) {
    let Ok(sheet) = Sheet::read(typed) else { return };
    let plain = |text: &str| -> String {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let kept = text.chars().filter(|character| !character.is_whitespace());
        kept.map(|character| character.to_ascii_uppercase()).collect()
    };
    assert_eq!(plain(&sheet.lines()), plain(typed), "something was corrected");
}

fuzz_target!(|bytes: &[u8]| {
    let Some((which, rest)) = bytes.split_first() else { return };
    let Some(printed) = PRINTED.get(usize::from(*which)) else {
        return check(&String::from_utf8_lossy(rest));
    };
    // Each two places and a byte: what stands there is another character.
    let mut typed = printed.clone().into_bytes();
    for change in rest.chunks_exact(3) {
        let at = usize::from(u16::from_be_bytes([change[0], change[1]])) % typed.len();
        typed[at] = change[2];
    }
    check(&String::from_utf8_lossy(&typed));
});
