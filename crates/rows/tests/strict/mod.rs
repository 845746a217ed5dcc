//! The reader of CSV beside a strict reader of a few lines, and beside the `csv` crate, on any
//! bytes. The fuzz target `csv` uses this file too.

use cstatns_base::coded::Coded as _;
use std::path::Path;

use cstatns_rows::csv::read_all;

/// A row: the line on which it begins, and its fields.
type Row = (usize, Vec<Vec<u8>>);

/// Where strict reading ends: at the end of the file, behind text that follows a closing quote (its
/// line, and that on which the field opened), or in a quoted field of the row that begins on this
/// line.
#[derive(Debug, PartialEq)]
enum End {
    File,
    Text { line: usize, opened: usize },
    Quote { line: usize },
}

/// Reads byte by byte as RFC 4180 says, but that a field may hold quotes that does not begin with
/// one, that rows may be of any length, that lines may end with CR or LF alone, and that blank
/// lines and byte order marks at the start are passed over.
fn strict(bytes: &[u8], delimiter: u8) -> (Vec<Row>, End) {
    let mut left = unmarked(bytes);
    let (mut rows, mut line): (Vec<Row>, usize) = (Vec::new(), 1);
    let is_end = |byte: u8| matches!(byte, b'\r' | b'\n');
    while let [first, rest @ ..] = left {
        if is_end(*first) {
            line += usize::from(*first == b'\n');
            left = rest;
            continue;
        }
        let begin = line;
        let mut fields = Vec::new();
        loop {
            let mut field = Vec::new();
            if let [b'"', rest @ ..] = left {
                left = rest;
                let opened = line;
                loop {
                    match left {
                        [b'"', b'"', rest @ ..] => {
                            field.push(b'"');
                            left = rest;
                        }
                        [b'"', rest @ ..] => {
                            left = rest;
                            break;
                        }
                        [byte, rest @ ..] => {
                            line += usize::from(*byte == b'\n');
                            field.push(*byte);
                            left = rest;
                        }
                        [] => return (rows, End::Quote { line: begin }),
                    }
                }
                if left.first().is_some_and(|byte| *byte != delimiter && !is_end(*byte)) {
                    return (rows, End::Text { line, opened });
                }
            } else {
                let end = left.iter().position(|byte| *byte == delimiter || is_end(*byte));
                let (taken, rest) = left.split_at(end.unwrap_or(left.len()));
                field.extend_from_slice(taken);
                left = rest;
            }
            fields.push(field);
            match left {
                [byte, rest @ ..] if *byte == delimiter => left = rest,
                _ => break,
            }
        }
        rows.push((begin, fields));
    }
    (rows, End::File)
}

/// Without byte order marks at the start.
fn unmarked(mut bytes: &[u8]) -> &[u8] {
    while let Some(rest) = bytes.strip_prefix(b"\xef\xbb\xbf") {
        bytes = rest;
    }
    bytes
}

/// What `csv` reads. It passes over one byte order mark.
fn lenient(bytes: &[u8], delimiter: u8) -> Vec<Vec<Vec<u8>>> {
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .delimiter(delimiter)
        .from_reader(unmarked(bytes));
    let rows = reader.byte_records().map(|row| row.expect("bytes in memory"));
    rows.map(|row| row.iter().map(<[u8]>::to_vec).collect()).collect()
}

/// Checks that `bytes`, read through a window of `window` bytes and at most `limit` lines at once,
/// is what strict reading makes of it, or refused as it should be; and that `csv` reads what is
/// accepted as the same. `path` is where a file of them may be put. Returns the stable code of the
/// error, if there was one.
pub(crate) fn compare(
    path: &Path,
    bytes: &[u8],
    delimiter: u8,
    window: usize,
    limit: usize,
) -> Option<&'static str> {
    std::fs::write(path, bytes).expect("the disk takes it");
    let (rows, end) = strict(bytes, delimiter);
    let ragged = rows.iter().position(|(_, row)| row.len() != rows[0].1.len());
    let error = match read_all(path, delimiter, window, limit) {
        Ok(found) => {
            assert_eq!((&end, ragged), (&End::File, None), "that should have been refused");
            assert!(found.iter().eq(rows.iter().map(|(_, row)| row)), "{found:?} {rows:?}");
            assert_eq!(found, lenient(bytes, delimiter));
            return None;
        }
        Err(error) => error,
    };
    let text = error.to_string();
    let says = |words: String| assert!(text.ends_with(&words), "{words}: {text}");
    match error.code() {
        "empty-file" => assert!(rows.is_empty() && end == End::File),
        // UTF-16 without its mark has zeros between its letters.
        "not-csv" => assert!(
            matches!(bytes, [a, 0, b, 0, ..] | [0, a, 0, b, ..] if *a > 0 && *b > 0)
                || bytes.len() > 1 && !bytes[0].is_ascii_alphanumeric()
                || bytes.starts_with(b"P")
        ),
        // The first mistake in the file is the one that is shown.
        "ragged-row" => {
            let row = ragged.expect("a row of another length");
            let (line, fields) = &rows[row];
            let (found, expected) = (fields.len(), rows[0].1.len());
            says(format!(
                ": row {row} (line {line}) has {found} fields, the header has {expected}"
            ));
        }
        "open-quote" => {
            let End::Quote { line } = end else { panic!("{end:?}: {text}") };
            assert_eq!(ragged, None);
            says(format!(" at line {line} is never closed"));
        }
        "text-after-quote" => {
            let End::Text { line, opened } = end else { panic!("{end:?}: {text}") };
            assert_eq!(ragged, None);
            says(match line == opened {
                true => format!(" at line {line}"),
                false => format!(" at line {line} (its cell opens at line {opened})"),
            });
        }
        code => panic!("{code}: {text}"),
    }
    Some(error.code())
}
