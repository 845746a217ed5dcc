//! Files that are called CSV and are something else.

use cstatns_base::language::Words;
use cstatns_base::words;

use crate::error::UTF_16;

/// What a file is that is called CSV and begins like this; none if it may be CSV.
pub(super) fn foreign(start: &[u8]) -> Option<&'static Words> {
    match start {
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => Some(UTF_16),
        [b'P', b'A', b'R', b'1', ..] => Some(words!("a Parquet file", "un fichier Parquet")),
        [b'P', b'K', 3, 4, ..] => Some(words!(
            "a spreadsheet or another compressed file",
            "un classeur ou un autre fichier compressé",
        )),
        [0x1f, 0x8b, ..] | [0x28, 0xb5, 0x2f, 0xfd, ..] => {
            Some(words!("a compressed file", "un fichier compressé"))
        }
        // Without a byte order mark: each second byte of text is zero.
        [first, 0, second, 0, ..] | [0, first, 0, second, ..] if *first > 0 && *second > 0 => {
            Some(UTF_16)
        }
        _ => None,
    }
}
