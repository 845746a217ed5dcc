//! The reader of CSV beside the `csv` crate, on any bytes. The fuzz target `csv` uses this file too.

use std::path::Path;

use cstatns_tables::read_csv;

/// What `csv` reads, its first row first.
fn peer(bytes: &[u8], delimiter: u8) -> Vec<Vec<Vec<u8>>> {
    let mut reader =
        csv::ReaderBuilder::new().has_headers(false).flexible(true).delimiter(delimiter).from_reader(bytes);
    let rows = reader.byte_records().map(|row| row.expect("bytes in memory"));
    rows.map(|row| row.iter().map(<[u8]>::to_vec).collect()).collect()
}

/// Checks that `bytes`, read through a window of `window` bytes, is what `csv` reads, or refused as it should be. `path` is
/// where a file of them may be put. Returns the stable code of the error, if there was one.
pub(crate) fn compare(path: &Path, bytes: &[u8], delimiter: u8, window: usize) -> Option<&'static str> {
    std::fs::write(path, bytes).expect("the disk takes it");
    let theirs = peer(bytes, delimiter);
    // Where a quote is open at the end, what is added does not begin a row.
    let open = peer(&[bytes, b"\nx"].concat(), delimiter).len() == theirs.len();
    let ragged = theirs.iter().position(|row| row.len() != theirs[0].len());
    let error = match read_csv(path, delimiter, window) {
        Ok(rows) => {
            assert_eq!(rows, theirs);
            assert_eq!((open, ragged), (false, None), "that should have been refused");
            return None;
        }
        Err(error) => error,
    };
    let text = error.to_string();
    match error.code() {
        "empty-file" => assert!(theirs.is_empty()),
        "not-csv" => assert!(bytes.len() > 1 && !bytes[0].is_ascii_alphanumeric() || bytes.starts_with(b"P")),
        "open-quote" => assert!(open, "{text}"),
        "ragged-row" => {
            let row = ragged.expect("a row of another length");
            let found = theirs[row].len();
            assert!(text.contains(&format!(": row {row} (line ")), "row {row}: {text}");
            assert!(
                text.contains(&format!(" has {found} fields, the header has {}:", theirs[0].len())),
                "{text}"
            );
        }
        code => panic!("{code}: {text}"),
    }
    Some(error.code())
}
