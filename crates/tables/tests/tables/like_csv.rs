//! The reader of CSV beside the `csv` crate, on any bytes. The fuzz target `csv` uses this file too.

use std::path::Path;

use cstatns_tables::read_csv;

/// What `csv` reads, its first row first, and the byte behind which each row begins: blank lines may come between.
fn peer(bytes: &[u8], delimiter: u8) -> (Vec<Vec<Vec<u8>>>, Vec<usize>) {
    let mut reader =
        csv::ReaderBuilder::new().has_headers(false).flexible(true).delimiter(delimiter).from_reader(bytes);
    let rows = reader.byte_records().map(|row| row.expect("bytes in memory"));
    rows.map(|row| {
        let begin = row.position().expect("it was read").byte() as usize;
        (row.iter().map(<[u8]>::to_vec).collect(), begin)
    })
    .unzip()
}

/// Checks that `bytes`, read through a window of `window` bytes and at most `limit` lines at once, is what `csv` reads, or
/// refused as it should be. `path` is where a file of them may be put. Returns the stable code of the error, if there was
/// one.
pub(crate) fn compare(
    path: &Path,
    bytes: &[u8],
    delimiter: u8,
    window: usize,
    limit: usize,
) -> Option<&'static str> {
    std::fs::write(path, bytes).expect("the disk takes it");
    let (theirs, begins) = peer(bytes, delimiter);
    // The line on which a row begins, from 1.
    let line = |row: usize| {
        let blank = bytes[begins[row]..].iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
        1 + bytes[..begins[row] + blank].iter().filter(|byte| **byte == b'\n').count()
    };
    // Where a quote is open at the end, what is added does not begin a row.
    let open = peer(&[bytes, b"\nx"].concat(), delimiter).0.len() == theirs.len();
    let ragged = theirs.iter().position(|row| row.len() != theirs[0].len());
    let error = match read_csv(path, delimiter, window, limit) {
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
        "open-quote" => {
            let line = line(theirs.len() - 1);
            assert!(open && text.contains(&format!(" at line {line} ")), "line {line}: {text}");
        }
        "ragged-row" => {
            let row = ragged.expect("a row of another length");
            let found = theirs[row].len();
            let place = format!(": row {row} (line {})", line(row));
            assert!(text.contains(&place), "{place}: {text}");
            assert!(
                text.contains(&format!(" has {found} fields, the header has {}:", theirs[0].len())),
                "{text}"
            );
        }
        code => panic!("{code}: {text}"),
    }
    Some(error.code())
}
