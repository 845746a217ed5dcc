//! What strict RFC 4180 accepts, this crate reads as the `csv` crate does; everything else is
//! refused, whatever the bytes and wherever a block of them happens to end.

mod strict;

use std::collections::BTreeMap;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

/// Bytes that CSV is touchy about, mostly in lines, sometimes in rows of one length.
fn file() -> impl Strategy<Value = Vec<u8>> {
    let field = || proptest::collection::vec(proptest::sample::select(b"ab1 \xe9;".to_vec()), 0..6);
    let quoted = proptest::collection::vec(proptest::sample::select(b"ab,\r\n".to_vec()), 0..6)
        .prop_map(|field| [b"\"", &field[..], b"\""].concat());
    let cell = prop_oneof![12 => field(), 2 => quoted, 1 => Just(b"a\"b".to_vec()), 1 => Just(b"\"a\"\"\"".to_vec())];
    let end = prop_oneof![8 => Just(&b"\n"[..]), 4 => Just(&b"\r\n"[..]), 1 => Just(&b"\r"[..]), 1 => Just(&b"\n\n"[..])];
    let row = move |columns: usize| {
        (proptest::collection::vec(cell.clone(), columns), end.clone())
            .prop_map(|(cells, end)| [&cells.join(&b","[..])[..], end].concat())
    };
    let table = (1_usize..4).prop_flat_map(move |columns| {
        proptest::collection::vec(row(columns), 0..60).prop_map(|rows| rows.concat())
    });
    let soup = proptest::collection::vec(
        proptest::sample::select(b"\",\r\nab1\xef\xbb\xbf;".to_vec()),
        0..60,
    );
    // Hardly anything but what CSV is made of.
    let thin = proptest::collection::vec(proptest::sample::select(b"\"\",\r\na".to_vec()), 0..24);
    let soup = prop_oneof![soup, thin];
    let anything = proptest::collection::vec(any::<u8>(), 0..60);
    let bom = prop_oneof![9 => Just(&b""[..]), 1 => Just(&b"\xef\xbb\xbf"[..])];
    (bom, prop_oneof![6 => table, 4 => soup, 1 => anything], any::<bool>()).prop_map(
        |(bom, mut bytes, cut)| {
            if cut {
                bytes.pop();
            }
            [bom, &bytes[..]].concat()
        },
    )
}

#[test]
fn any_bytes_are_read_strictly() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("any.csv");
    let delimiters = proptest::sample::select(b",;\t".to_vec());
    let mut outcomes: BTreeMap<&str, u32> = BTreeMap::new();
    let mut runner =
        TestRunner::new(Config { failure_persistence: None, ..Config::with_cases(8_000) });
    // Small windows, so that blocks end everywhere; the smallest takes the byte order mark at once.
    let limits = prop_oneof![1_usize..6, Just(1 << 12)];
    let cases = (file(), delimiters, prop_oneof![4_usize..40, Just(1 << 12)], limits);
    let compared = std::cell::RefCell::new(&mut outcomes);
    runner
        .run(&cases, |(bytes, delimiter, window, limit)| {
            let outcome =
                strict::compare(&path, &bytes, delimiter, window, limit).unwrap_or("read");
            *compared.borrow_mut().entry(outcome).or_default() += 1;
            Ok(())
        })
        .unwrap();
    for outcome in ["read", "ragged-row", "open-quote", "text-after-quote", "empty-file"] {
        assert!(outcomes.get(outcome).is_some_and(|count| *count > 20), "{outcomes:?}");
    }
}
