//! Files that are called CSV and are something else.

/// What a file is that is called CSV and begins like this; none if it may be CSV.
pub(super) fn foreign(start: &[u8]) -> Option<&'static str> {
    match start {
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => Some("text in UTF-16"),
        [b'P', b'A', b'R', b'1', ..] => Some("a Parquet file"),
        [b'P', b'K', 3, 4, ..] => Some("a spreadsheet or another compressed file"),
        [0x1f, 0x8b, ..] | [0x28, 0xb5, 0x2f, 0xfd, ..] => Some("a compressed file"),
        // Without a byte order mark: each second byte of text is zero.
        [first, 0, second, 0, ..] | [0, first, 0, second, ..] if *first > 0 && *second > 0 => {
            Some("text in UTF-16")
        }
        _ => None,
    }
}
