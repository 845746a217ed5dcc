//! What lies in a parcel is read as a file is: the same rows, the same errors.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Write};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arrow_array::{ArrayRef, FixedSizeBinaryArray, RecordBatch, StringArray};
use arrow_schema::{DataType, SchemaRef};
use cstatns::coded::Coded as _;
use cstatns::files::{FileError, ReadAt};
use cstatns::identifier::Scheme;
use cstatns::manifest::manifest_path;
use cstatns::requested::requested_path;
use cstatns_controller::{
    Attach, Column, Inspect, Prepare, PrepareError, Prepared, attach, check, inspect, prepare,
};
use cstatns_rows::csv::Delimiter;
use cstatns_rows::effort::Effort;
use cstatns_rows::encoding::Encoding;
use cstatns_rows::error::TableError;
use cstatns_rows::packed::{Packer, Packing};
use cstatns_rows::parts;
use cstatns_rows::reading::Reading;
use cstatns_rows::table::{Input, Source};
use parquet::arrow::ArrowWriter;
use parquet::file::properties::WriterProperties;

use crate::common::*;

/// Every type that is read.
const TYPES: [&str; 7] = ["csv", "csv.gz", "csv.zst", "tsv", "txt", "parquet", "small.parquet"];

/// Bytes in memory, given out in small pieces.
struct Held {
    bytes: Vec<u8>,
    /// The most that is read at once.
    piece: usize,
    /// How long they say they are.
    length: u64,
    reads: AtomicU64,
    /// The number of the read from which on they cannot be read, and the error.
    fails: Option<(u64, fn() -> io::Error)>,
}

impl Held {
    fn new(bytes: &[u8], piece: usize) -> Self {
        let length = bytes.len() as u64;
        Self { bytes: bytes.to_vec(), piece, length, reads: AtomicU64::new(0), fails: None }
    }
}

impl ReadAt for Held {
    fn read_at(&self, bytes: &mut [u8], at: u64) -> io::Result<usize> {
        let number = self.reads.fetch_add(1, Ordering::Relaxed);
        match self.fails {
            Some((from, error)) if number >= from => return Err(error()),
            _ => {}
        }
        let rest = self.bytes.get(at as usize..).unwrap_or_default();
        let count = rest.len().min(bytes.len()).min(self.piece);
        bytes[..count].copy_from_slice(&rest[..count]);
        Ok(count)
    }

    fn length(&self) -> io::Result<u64> {
        match self.fails {
            Some((0, error)) => Err(error()),
            _ => Ok(self.length),
        }
    }
}

/// A row: an index, text that needs quotes now and then, a word, nothing now and then.
fn row(row: usize) -> [Option<String>; 3] {
    let text = match row % 7 {
        0 if row.is_multiple_of(2) => Some(format!("é, \"{row}\"")),
        0 => None,
        _ => Some(format!("text {row}")),
    };
    [Some(format!("{row:032x}")), text, (!row.is_multiple_of(3)).then(|| (row % 5).to_string())]
}

fn write(path: &Path, rows: usize) {
    let name = path.file_name().unwrap().to_str().unwrap();
    if name.ends_with(".parquet") {
        let column = |at: usize| -> ArrayRef {
            Arc::new((0..rows).map(|number| row(number)[at].clone()).collect::<StringArray>())
        };
        let indexes = (0..rows).map(|row| Some((row as u128).to_be_bytes()));
        let indexes = FixedSizeBinaryArray::try_from_sparse_iter_with_size(indexes, 16).unwrap();
        let columns: [(&str, ArrayRef); 3] =
            [("index", Arc::new(indexes)), ("text", column(1)), ("word", column(2))];
        let batch = RecordBatch::try_from_iter(columns).unwrap();
        let mut properties = WriterProperties::builder();
        if name.ends_with(".small.parquet") {
            properties = properties
                .set_max_row_group_row_count(Some(rows.div_ceil(3).max(1)))
                .set_data_page_row_count_limit(1000)
                .set_compression(parquet::basic::Compression::GZIP(Default::default()));
        }
        let file = File::create(path).unwrap();
        let mut writer =
            ArrowWriter::try_new(file, batch.schema(), Some(properties.build())).unwrap();
        writer.write(&batch).unwrap();
        writer.close().unwrap();
        return;
    }
    let delimiter = if name.ends_with(".tsv") { b'\t' } else { b',' };
    let mut text = csv::WriterBuilder::new().delimiter(delimiter).from_writer(Vec::new());
    text.write_record(["index", "text", "word"]).unwrap();
    for number in 0..rows {
        text.write_record(row(number).map(Option::unwrap_or_default)).unwrap();
    }
    let mut out = File::create(path).unwrap();
    let mut packer = Packer::new(&mut out, Packing::of(path)).unwrap();
    packer.write_all(&text.into_inner().unwrap()).unwrap();
    packer.finish().unwrap();
}

/// All that can be seen of rows.
#[derive(Debug, PartialEq)]
struct Seen {
    path: std::path::PathBuf,
    header: Vec<Vec<u8>>,
    schema: Option<SchemaRef>,
    delimiter: u8,
    known: bool,
    rows: Option<u64>,
    extent: [u64; 3],
    digest: Option<[u8; 32]>,
    cells: Vec<Vec<Option<Vec<u8>>>>,
}

fn cells(rows: &mut cstatns_rows::table::Rows) -> Result<Vec<Vec<Option<Vec<u8>>>>, TableError> {
    let (columns, mut cells) = (rows.table.header().len(), Vec::new());
    while let Some(batch) = rows.next_batch()? {
        use cstatns_rows::table::Batch as _;
        // Of columns that are not read nothing can be seen.
        let is_there = |column: &usize| {
            batch
                .values()
                .is_none_or(|values| *values.schema().field(*column).data_type() != DataType::Null)
        };
        let columns: Vec<_> =
            (0..columns).filter(is_there).map(|column| batch.cells(column)).collect();
        for row in 0..batch.rows() {
            let row = columns.iter().map(|cells| cells.get(row).map(<[u8]>::to_vec));
            cells.push(row.collect());
        }
    }
    Ok(cells)
}

fn seen(source: Source) -> Result<Seen, TableError> {
    let mut rows = source.any();
    let extent = rows.extent()?;
    rows.know_again(&[0, 2])?;
    let cells = cells(&mut rows)?;
    Ok(Seen {
        path: rows.table.path().to_owned(),
        header: rows.table.header().to_vec(),
        schema: rows.table.schema().cloned(),
        delimiter: rows.table.delimiter(),
        known: rows.table.known().is_some(),
        rows: rows.table.rows(),
        extent: [extent.rows, extent.length, extent.bytes],
        digest: rows.digest(),
        cells,
    })
}

/// What is seen of a file, and of the same bytes in memory; or the code and the text of the error.
fn both(path: &Path, piece: usize, encoding: Option<Encoding>) -> [Result<Seen, String>; 2] {
    let bytes = Arc::new(Held::new(&fs::read(path).unwrap(), piece));
    [Input::File(path), Input::Inside(path, bytes)].map(|input| {
        let source = input.open_in(Delimiter::Under("index"), encoding);
        source.and_then(seen).map_err(|error| format!("{}: {error}", error.code()))
    })
}

#[test]
fn the_rows_are_those_of_the_file() {
    let place = Place::new();
    for kind in TYPES {
        let path = place.path(&format!("d.{kind}"));
        for rows in [0, 1, 30_000] {
            write(&path, rows);
            for piece in [usize::MAX, 4093] {
                let [file, inside] = both(&path, piece, None);
                let file = file.unwrap();
                assert_eq!(file.cells.len(), rows, "{kind}");
                assert!(inside.unwrap() == file, "{kind}: {rows} rows in pieces of {piece}");
            }
        }
        let held = || Arc::new(Held::new(&fs::read(&path).unwrap(), 100_000));
        // The name alone is looked at, and need not be that of a file.
        let name = Path::new("result").with_extension(kind);
        let inside = parts::open_inside(&name, held()).unwrap();
        assert!(!inside.table().is_file() && inside.table().path() == name);
        let file = parts::open(&path).unwrap();
        assert!(file.table().is_file());
        assert_eq!(Input::Inside(&path, held()).file(), None);
        let [inside, file] = [inside, file].map(|source| {
            let mut rows = source.any();
            rows.choose(&[1], 12_345).unwrap();
            cells(&mut rows).unwrap()
        });
        assert!(inside == file, "{kind}");
        if kind.ends_with("parquet") {
            assert_eq!(inside.len(), 30_000 - 12_345);
            assert_eq!(inside[0], [row(12_345)[1].clone().map(String::into_bytes)]);
        }
    }
    let utf_16: Vec<u8> =
        "index;text\n1;é\n".encode_utf16().flat_map(|unit| unit.to_be_bytes()).collect();
    let path = place.write("wide.csv", utf_16);
    let [file, inside] = both(&path, 3, Some(Encoding::Utf16Be));
    assert!(file.as_ref().unwrap().cells[0][1].as_deref() == Some("é".as_bytes()));
    assert!(inside == file);
    let held = Arc::new(Held::new(b"index\n", 9));
    let other = parts::open_inside(Path::new("result.xlsx"), held).err().unwrap();
    assert_eq!(other.code(), "file-type");
}

#[test]
fn bytes_that_end_early_are_refused_as_a_file_is() {
    let place = Place::new();
    for kind in TYPES {
        let path = place.path(&format!("d.{kind}"));
        write(&path, 5);
        let whole = fs::read(&path).unwrap();
        let (mut read, mut refused) = (0, 0);
        for length in 0..=whole.len() {
            fs::write(&path, &whole[..length]).unwrap();
            let [file, inside] = both(&path, 50, None);
            assert_eq!(inside, file, "{kind}: {length} of {} bytes", whole.len());
            match inside {
                Err(error) if length == 0 => assert!(error.starts_with("empty-file: "), "{error}"),
                Err(_) => refused += 1,
                Ok(_) => read += 1,
            }
        }
        assert!(read > 0 && refused > 0, "{kind}: {read} {refused}");
        // They are shorter than they say.
        let mut short = Held::new(&whole[..whole.len() / 2], 50);
        short.length = whole.len() as u64;
        let outcome = parts::open_inside(&path, Arc::new(short)).and_then(seen);
        let found = outcome.err().map(|error| error.code());
        match kind {
            "parquet" | "small.parquet" => assert_eq!(found, Some("file-io")),
            "csv.gz" | "csv.zst" => assert_eq!(found, Some("compressed-truncated")),
            _ => assert!(matches!(found, None | Some("ragged-row")), "{found:?}"),
        }
    }
}

#[test]
fn bytes_that_cannot_be_read_are_a_fault_of_reading() {
    let place = Place::new();
    let errors: [fn() -> io::Error; 6] = [
        || ErrorKind::PermissionDenied.into(),
        || ErrorKind::InvalidData.into(),
        || ErrorKind::UnexpectedEof.into(),
        || io::Error::other("too much memory for 117091320400164"),
        || ErrorKind::WouldBlock.into(),
        || io::Error::from_raw_os_error(5),
    ];
    for kind in TYPES {
        let path = place.path(&format!("d.{kind}"));
        write(&path, 6000);
        let whole = fs::read(&path).unwrap();
        let attempt = |fails| {
            let held = Arc::new(Held { fails, ..Held::new(&whole, whole.len() / 10) });
            let outcome = parts::open_inside(&path, held.clone()).and_then(seen);
            (outcome, held.reads.load(Ordering::Relaxed))
        };
        let (outcome, reads) = attempt(None);
        assert_eq!(outcome.unwrap().cells.len(), 6000);
        assert!(reads > 10, "{kind}: {reads}");
        for error in errors {
            let expected = FileError::from_io(&path, &error());
            for number in 0..reads {
                let found = attempt(Some((number, error))).0.unwrap_err();
                let found = format!("{}: {found}", found.code());
                assert_eq!(found, format!("{}: {expected}", expected.code()), "{kind}, {number}");
            }
        }
    }
}

fn prepared(data: Input<'_>, request: &Path, retained: &Path) -> Result<Prepared, PrepareError> {
    let what = Prepare {
        sending: None,
        signing: &crate::signed::signing(),
        data: data.into(),
        column: Column::Identifiers { columns: &["nir"], scheme: Scheme::FrNir },
        service: service(),
        domain: domain(),
        request,
        beside: retained.into(),
        delimiter: b',',
        reading: Reading::default(),
        accepted: &[],
    };
    prepare(what, &Effort::default())
}

/// Data is known again, judged and attached as that of a file.
#[test]
fn data_may_lie_in_a_parcel() {
    let place = Place::new();
    let held = |path: &Path| Arc::new(Held::new(&fs::read(path).unwrap(), 77));
    for kind in ["csv", "parquet"] {
        let way = Way::new(&place, &format!("d-{kind}"), kind, "csv");
        let write_data = |first: &str, third: &str| match kind {
            "csv" => {
                let text = format!("note,nir\na,{first}\nb,{UNKEYED}\n{third},\n");
                fs::write(&way.data, text).unwrap();
            }
            _ => write_parquet(
                &way.data,
                vec![
                    ("note", texts(&[Some("a"), Some("b"), Some(third)])),
                    ("nir", texts(&[Some(first), Some(UNKEYED), None])),
                ],
            ),
        };
        let inside = || Input::Inside(&way.data, held(&way.data));

        // A column that stays is judged in every row.
        write_data(KEYED, KEYED);
        let refused = prepared(inside(), &way.request, &way.retained).err().unwrap();
        assert_eq!(refused.code(), "identity-kept", "{refused}");
        write_data(KEYED, "c");
        let of_file = prepared((&way.data).into(), &way.request, &way.retained).unwrap();
        let of_file = of_file.requested.unwrap();
        for made in [&way.request, &way.retained] {
            fs::remove_file(made).unwrap();
        }
        for made in [manifest_path(&way.request), requested_path(&way.retained)] {
            fs::remove_file(made).unwrap();
        }
        let requested = prepared(inside(), &way.request, &way.retained).unwrap();
        let requested = requested.requested.unwrap();
        assert_eq!(requested.data[0].digest, of_file.data[0].digest, "{kind}");
        assert_eq!((&requested.data[0].path, requested.data[0].rows), (&None, 3));

        way.code(&POPULATION, 1, 1).unwrap();
        let what = |data| Attach {
            party: None,
            data: Some(Input::into(data)),
            retained: Input::Inside(&way.retained, held(&way.retained)),
            requested: Some(&requested),
            result: &way.result,
            out: (&way.out).into(),
            shuffle: false,
            binary_codes: false,
            destroy: &[],
        };
        write_data(SPACED, "c");
        assert_eq!(attach(what(inside()), &Effort::default()).unwrap_err().code(), "data-changed");
        write_data(KEYED, "c");
        attach(what(inside()), &Effort::default()).unwrap();
        let codes = match kind {
            "csv" => column(&way.out, "code").into_iter().map(Some).collect(),
            _ => text_column(&read_parquet(&way.out), "code"),
        };
        assert_eq!(codes[1].as_ref(), Some(&POPULATION.code_of(UNKEYED, 1)));

        let facts = check([Input::Inside(&way.out, held(&way.out))]).unwrap();
        assert_eq!((facts[0].rows, facts[0].distinct_codes, &*facts[0].path), (3, 2, &*way.out));
    }
    let path = place.write("d.tsv", format!("note\tnir\na\t{KEYED}\n"));
    let years = cstatns::civil_status::Years::now();
    let [file, inside] = [Input::File(&path), Input::Inside(&path, held(&path))].map(|data| {
        let what = Inspect {
            data,
            delimiter: None,
            reading: Reading::default(),
            scheme: Scheme::FrNir,
            columns: &[],
            years,
        };
        format!("{:?}", inspect(what, &Effort::default()).unwrap())
    });
    assert_eq!(file, inside);
}
