//! Data is gone through again once its codes are there: in its own order, only if it is what it
//! was, and with every byte of the columns that stay.

use std::fs::{self, File};
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use arrow_array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use cstatns::coded::Coded as _;
use cstatns::identifier::Scheme;
use cstatns_controller::{Attach, Column, attach};
use cstatns_rows::effort::Effort;
use parquet::arrow::ArrowWriter;
use parquet::basic::Compression;
use parquet::file::metadata::{
    KeyValue, PageIndexPolicy, ParquetMetaData, ParquetMetaDataReader, SortingColumn,
};
use parquet::file::properties::{EnabledStatistics, WriterProperties, WriterPropertiesBuilder};
use parquet::file::reader::ChunkReader;

use crate::common::*;

const NIR: Column<'static> = Column::Identifiers { columns: &["nir"], scheme: Scheme::FrNir };

/// An identifier for most rows, not one for some, nothing for others.
fn nir(row: usize) -> Option<String> {
    match row % 11 {
        3 => None,
        7 => Some("117091320400199".to_owned()),
        _ => {
            let first = format!("2840924{:03}{:03}", row / 1000 % 1000, row % 1000);
            let key = 97 - first.parse::<u64>().unwrap() % 97;
            Some(format!("{first}{key:02}"))
        }
    }
}

/// The code that a row must have.
fn code(row: usize) -> Option<String> {
    nir(row).filter(|_| row % 11 != 7).map(|nir| POPULATION.code_of(&nir, 1))
}

/// Where Spark says what the columns are.
const SPARK: &str = "org.apache.spark.sql.parquet.row.metadata";

fn sorted_by(column_idx: i32) -> SortingColumn {
    SortingColumn { column_idx, descending: column_idx == 2, nulls_first: true }
}

/// Writes the rows in row groups of these sizes, with page indexes, a Bloom filter, and metadata of
/// its own.
fn write(path: &std::path::Path, groups: &[usize], compression: Compression) {
    write_with(path, groups, WriterProperties::builder().set_compression(compression));
}

fn write_with(path: &std::path::Path, groups: &[usize], properties: WriterPropertiesBuilder) {
    let rows: usize = groups.iter().sum();
    let number: ArrayRef = Arc::new((0..rows as i64).collect::<Int64Array>());
    let text: ArrayRef =
        Arc::new((0..rows).map(|row| Some(format!("text {}", row % 97))).collect::<StringArray>());
    let nirs: ArrayRef = Arc::new((0..rows).map(nir).collect::<StringArray>());
    let batch = RecordBatch::try_from_iter([("n", number), ("nir", nirs), ("text", text)]).unwrap();
    let properties = properties
        .set_bloom_filter_enabled(true)
        .set_created_by("its writer".to_owned())
        .set_sorting_columns(Some([0, 2, 1, 2].map(sorted_by).into()))
        .set_key_value_metadata(Some(vec![
            KeyValue::new("pandas".to_owned(), "{\"index_columns\": []}".to_owned()),
            KeyValue::new(SPARK.to_owned(), "{\"fields\":[{\"name\":\"nir\"}]}".to_owned()),
            KeyValue::new("parquet.avro.schema".to_owned(), "{}".to_owned()),
            KeyValue::new("cstatns.other".to_owned(), "old".to_owned()),
        ]))
        .build();
    let mut writer =
        ArrowWriter::try_new(File::create(path).unwrap(), batch.schema(), Some(properties))
            .unwrap();
    let mut at = 0;
    for group in groups {
        writer.write(&batch.slice(at, *group)).unwrap();
        writer.flush().unwrap();
        at += group;
    }
    writer.close().unwrap();
}

fn metadata(path: &std::path::Path) -> (File, ParquetMetaData) {
    let file = File::open(path).unwrap();
    let reader = ParquetMetaDataReader::new().with_page_index_policy(PageIndexPolicy::Required);
    let metadata = reader.parse_and_finish(&file).unwrap();
    (file, metadata)
}

/// Of a Parquet file one with other identifiers under the same footer, and one with the same chunks
/// of identifiers under another.
fn same_footer_or_chunks(place: &Place, own: &str) -> Vec<Vec<u8>> {
    if own == "csv" {
        return Vec::new();
    }
    let path = place.path("like.parquet");
    write(&path, &[25, 15], Compression::SNAPPY);
    let (mut bytes, (_, made)) = (fs::read(&path).unwrap(), metadata(&path));
    let (start, length) = made.row_group(1).column(1).byte_range();
    let last = (start + length) as usize - 1;
    bytes[last] ^= 1;
    let mut other = fs::read(&path).unwrap();
    let word = b"index_columns";
    let at = other.windows(word.len()).rposition(|found| found == word).unwrap();
    other[at] = b'I';
    vec![bytes, other]
}

/// The bytes of each kept column chunk with what is known of it, by its name.
fn chunk(path: &std::path::Path, group: usize, name: &str) -> (Vec<u8>, String, Vec<usize>) {
    let (file, metadata) = metadata(path);
    let columns = metadata.row_group(group).columns();
    let at = columns.iter().position(|column| column.column_path().string() == name).unwrap();
    let column = &columns[at];
    let (start, length) = column.byte_range();
    let bytes = file.get_bytes(start, length as usize).unwrap().to_vec();
    let said = format!(
        "{:?} {:?} {:?} {:?}",
        column.statistics(),
        column.compression(),
        column.encodings().collect::<Vec<_>>(),
        metadata.column_index().unwrap()[group][at]
    );
    // Where pages are, counted from the chunk.
    let pages = metadata.offset_index().unwrap()[group][at].page_locations().iter();
    (bytes, said, pages.map(|page| (page.offset as u64 - start) as usize).collect())
}

#[test]
fn column_chunks_of_parquet_are_copied_and_the_codes_stand_beside_their_rows() {
    // The last one has more rows than are held at once.
    let groups = [1, 20_000, 7, 600_000];
    let place = Place::new();
    let way = Way::new(&place, "d", "parquet", "parquet");
    write(&way.data, &groups, Compression::SNAPPY);
    way.prepare(NIR, b',').unwrap();
    way.code(&POPULATION, 1, 1).unwrap();
    way.attach().unwrap();

    for group in 0..groups.len() {
        for name in ["n", "text"] {
            assert!(chunk(&way.data, group, name) == chunk(&way.out, group, name), "{name}");
        }
    }
    let (_, made) = metadata(&way.out);
    let sizes: Vec<_> = made.row_groups().iter().map(|group| group.num_rows() as usize).collect();
    assert_eq!(sizes, groups);
    let said = made.file_metadata().key_value_metadata().unwrap();
    let of = |key: &str| -> Vec<_> {
        said.iter().filter(|pair| pair.key == key).map(|pair| pair.value.clone().unwrap()).collect()
    };
    assert_eq!(of("pandas"), ["{\"index_columns\": []}"]);
    assert_eq!((of("cstatns.spec").len(), of("cstatns.other").len()), (1, 0));
    // By what it is sorted, up to the column that is gone.
    let by = [sorted_by(0), sorted_by(2)]
        .map(|by| SortingColumn { column_idx: by.column_idx / 2 + 2, ..by });
    assert_eq!(made.row_group(0).sorting_columns(), Some(&by.to_vec()));
    assert_eq!(made.file_metadata().created_by(), Some("its writer"));
    // Engines are not sent for a column that is gone, and find the codes.
    assert_eq!(of("parquet.avro.schema"), [""; 0]);
    assert!(of(SPARK)[0].contains("\"code\"") && !of(SPARK)[0].contains("\"nir\""));
    // A filter still says what is there.
    let names: Vec<_> =
        made.file_metadata().schema_descr().columns().iter().map(|c| c.name().to_owned()).collect();
    assert_eq!(names, ["code", "quality", "n", "text"]);
    let filter = parquet::bloom_filter::Sbbf::read_from_column_chunk(
        made.row_group(1).column(3),
        &File::open(&way.out).unwrap(),
    );
    let filter = filter.unwrap().unwrap();
    assert!(filter.check(&"text 5") && !filter.check(&"text 500"));

    let rows = read_parquet(&way.out);
    let codes = text_column(&rows, "code");
    let numbers = rows.column_by_name("n").unwrap().as_primitive::<Int64Type>();
    assert_eq!(codes.len(), groups.iter().sum::<usize>());
    for (row, found) in codes.iter().enumerate() {
        assert_eq!(numbers.value(row), row as i64);
        if row % 1000 < 11 {
            assert_eq!(*found, code(row), "row {row}");
        }
    }
    // A code has 32 random bytes; its text has twice as many.
    let size = made.row_group(3).column(0).compressed_size() as usize;
    let coded = codes[20_008..].iter().flatten().count();
    assert!((32 * coded..36 * coded).contains(&size), "{size} bytes for {coded} codes");
}

/// As most programs write files: without page indexes. All columns have them, or none.
#[test]
fn data_without_page_indexes_is_attached() {
    for statistics in [EnabledStatistics::None, EnabledStatistics::Chunk] {
        let place = Place::new();
        let way = Way::new(&place, "d", "parquet", "parquet");
        let properties = WriterProperties::builder()
            .set_statistics_enabled(statistics)
            .set_offset_index_disabled(true);
        write_with(&way.data, &[25, 20_000], properties);
        way.prepare(NIR, b',').unwrap();
        way.code(&POPULATION, 1, 1).unwrap();
        way.attach().unwrap();
        let file = File::open(&way.out).unwrap();
        let made = ParquetMetaDataReader::new()
            .with_page_index_policy(PageIndexPolicy::Optional)
            .parse_and_finish(&file)
            .unwrap();
        assert!(made.offset_index().is_none());
        let codes = text_column(&read_parquet(&way.out), "code");
        assert_eq!(codes.len(), 20_025);
        (0..11).for_each(|row| assert_eq!(codes[row], code(row), "row {row}"));
    }
}

#[test]
fn lines_come_back_in_their_order_with_the_codes_before_them() {
    let place = Place::new();
    let way = Way::new(&place, "d", "csv", "csv");
    let cell = |row: usize| ["a", "\"b;c\"", " d ", "\u{e9}"][row % 4];
    let mut data = "n;nir;text\n".to_owned();
    let mut expected = "code;quality;n;text\n".to_owned();
    for row in 0..30_000 {
        let quality = match row % 11 {
            3 => "absent",
            7 => "wrong-control-key",
            _ => "valid",
        };
        data += &format!("{row};{};{}\n", nir(row).unwrap_or_default(), cell(row));
        expected += &format!("{};{quality};{row};{}\n", code(row).unwrap_or_default(), cell(row));
    }
    fs::write(&way.data, data).unwrap();
    way.prepare(NIR, b';').unwrap();
    way.code(&POPULATION, 1, 1).unwrap();
    way.attach().unwrap();
    assert!(fs::read_to_string(&way.out).unwrap() == expected);
}

#[test]
fn data_that_changed_is_refused_and_data_that_moved_is_named() {
    for own in ["csv", "parquet"] {
        let place = Place::new();
        let way = Way::new(&place, "d", own, "csv");
        let lines = |rows: &[usize]| {
            let line = |row: &usize| format!("{row},{},x\n", nir(*row).unwrap_or_default());
            "n,nir,text\n".to_owned() + &rows.iter().map(line).collect::<String>()
        };
        let rows: Vec<usize> = (0..40).collect();
        match own {
            "csv" => fs::write(&way.data, lines(&rows)).unwrap(),
            _ => write(&way.data, &[25, 15], Compression::SNAPPY),
        }
        way.prepare(NIR, b',').unwrap();
        way.code(&POPULATION, 1, 1).unwrap();
        let before = fs::read(&way.data).unwrap();
        let others: Vec<Vec<u8>> = match own {
            "csv" => {
                let turned: Vec<usize> = (0..40).rev().collect();
                let text = lines(&rows);
                let changed = [
                    lines(&rows[..39]),
                    lines(&[&rows[..], &[3]].concat()),
                    lines(&turned),
                    text.replacen(",x\n", ",y\n", 1),
                    text.replacen("117091320400199", "", 1),
                    text + "\n",
                ];
                changed.map(String::into_bytes).to_vec()
            }
            _ => {
                let other = place.path("other.parquet");
                let groups: [&[usize]; 3] = [&[24, 16], &[40], &[25, 14]];
                let made = groups.map(|groups| {
                    write(&other, groups, Compression::SNAPPY);
                    fs::read(&other).unwrap()
                });
                write(&other, &[25, 15], Compression::UNCOMPRESSED);
                [&made[..], &[fs::read(&other).unwrap()]].concat()
            }
        };
        let others = others.into_iter().chain(same_footer_or_chunks(&place, own));
        for (number, other) in others.enumerate() {
            fs::write(&way.data, other).unwrap();
            let error = way.attach().unwrap_err();
            assert_eq!(error.code(), "data-changed", "{own} {number}: {error}");
            assert!(!way.out.exists());
        }
        let moved = place.path(&format!("moved.{own}"));
        fs::write(&moved, before).unwrap();
        fs::remove_file(&way.data).unwrap();
        assert_eq!(way.attach().unwrap_err().code(), "data-moved");
        let what = Attach {
            party: None,
            data: Some((&moved).into()),
            retained: (&way.retained).into(),
            requested: None,
            result: &way.result,
            out: (&way.out).into(),
            shuffle: false,
            binary_codes: false,
            destroy: &[],
        };
        assert_eq!(attach(what, &Effort::default()).unwrap().rows, 40);
    }
}

#[test]
fn a_retained_file_that_was_changed_is_refused() {
    let place = Place::new();
    let way = Way::new(&place, "d", "csv", "csv");
    let line = |row: usize| format!("{row},{},x\n", nir(row).unwrap_or_default());
    fs::write(&way.data, "n,nir,text\n".to_owned() + &(0..40).map(line).collect::<String>())
        .unwrap();
    way.prepare(NIR, b',').unwrap();
    way.code(&POPULATION, 1, 1).unwrap();
    let whole = fs::read_to_string(&way.retained).unwrap();
    for (from, to) in
        [(",7,", ",8,"), (",7,", ",41,"), (",7,", ",0,"), (",7,", ",,"), (",7,", ",x,")]
    {
        fs::write(&way.retained, whole.replacen(from, to, 1)).unwrap();
        assert_eq!(way.attach().unwrap_err().code(), "retained-rows", "{to}");
        assert!(!way.out.exists());
    }
    fs::write(&way.retained, whole).unwrap();
    way.attach().unwrap();
}

/// Columns that are not read are judged by rows from everywhere in the file.
#[test]
fn identifiers_far_down_in_a_column_that_stays_are_seen() {
    for (rows, share) in [(3_000, 10), (400_000, 4)] {
        let place = Place::new();
        let way = Way::new(&place, "d", "parquet", "csv");
        let nirs: ArrayRef = Arc::new((0..rows).map(nir).collect::<StringArray>());
        // Only in the last part of the file.
        let late = |row: usize| match row * share / rows {
            part if part + 1 == share => nir(row),
            _ => Some("text".to_owned()),
        };
        let other: ArrayRef = Arc::new((0..rows).map(late).collect::<StringArray>());
        write_parquet(&way.data, vec![("nir", nirs), ("other", other)]);
        let error = way.prepare(NIR, b',').unwrap_err();
        assert_eq!(error.code(), "identity-kept", "{error}");
        assert_eq!(place.names(), ["d.parquet"]);
    }
}

/// The library would make room for as many pages as the index says.
#[test]
fn a_page_index_that_lies_is_refused() {
    let place = Place::new();
    let way = Way::new(&place, "d", "parquet", "csv");
    write(&way.data, &[40], Compression::SNAPPY);
    let (_, made) = metadata(&way.data);
    let column = made.row_group(0).column(2);
    let at = column.offset_index_offset().unwrap() as usize;
    let whole = fs::read(&way.data).unwrap();
    // A list of structures: how many there are stands in the first half of its byte, or behind it.
    assert_eq!((whole[at], whole[at + 1] & 0x0f), (0x19, 0x0c));
    let mut bytes = whole.clone();
    bytes[at + 1..at + 7].copy_from_slice(&[0xfc, 0xff, 0xff, 0xff, 0xff, 0x07]);
    fs::write(&way.data, bytes).unwrap();
    way.prepare(NIR, b',').unwrap();
    way.code(&POPULATION, 1, 1).unwrap();
    assert_eq!(way.attach().unwrap_err().code(), "parquet-damaged");
    assert!(!way.out.exists());
}
