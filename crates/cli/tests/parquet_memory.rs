//! A Parquet file of 50 kB takes no more memory than an honest one, whatever it declares or swells
//! to: at the service, at the controller and at the register. Files that come near the bounds are
//! read.

mod common;

use std::fs::File;
use std::io::{Read, Write};
use std::path::Path;
use std::process::{Output, Stdio};
use std::sync::Arc;
use std::time::Duration;

use arrow_array::builder::{FixedSizeBinaryBuilder, Int64Builder, ListBuilder};
use arrow_array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use arrow_ipc as ipc;
use bytes::Bytes;
use data_encoding::BASE64;
use flatbuffers::FlatBufferBuilder;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_writer::ArrowWriterOptions;
use parquet::basic::{BrotliLevel, Compression, Encoding, GzipLevel, ZstdLevel};
use parquet::column::page::{CompressedPage, Page, PageWriter};
use parquet::column::writer::ColumnCloseResult;
use parquet::file::metadata::{ColumnChunkMetaData, KeyValue};
use parquet::file::properties::{WriterProperties, WriterPropertiesBuilder};
use parquet::file::writer::{SerializedFileWriter, SerializedPageWriter, TrackedWrite};
use parquet::schema::parser::parse_message_type;

use common::{Place, files, identifiers, is_memory, text};

/// The most that the program may take, in KiB.
const MOST: u64 = 200 << 10;

/// Runs a command: what it said, and the most memory that it took, in KiB.
fn run(place: &Place, command: &str) -> (Output, u64) {
    let mut child =
        place.command(command).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let status = format!("/proc/{}/status", child.id());
    let mut peak = 0;
    while child.try_wait().unwrap().is_none() {
        let said = std::fs::read_to_string(&status).unwrap_or_default();
        let line = said.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let now = line.map_or(0, |line| line.trim().trim_end_matches(" kB").parse().unwrap());
        peak = now.max(peak);
        std::thread::sleep(Duration::from_millis(1));
    }
    (child.wait_with_output().unwrap(), peak)
}

/// The command is refused with one of these codes, in one line with these words, within the memory,
/// and leaves nothing.
fn refused(place: &Place, command: &str, codes: &[&str], words: &[&str]) {
    let before = files(place.directory.path());
    let (output, peak) = run(place, command);
    let said = text(&output.stderr);
    assert!(peak < MOST, "{command}: {peak} KiB\n{said}");
    assert_eq!(output.status.code(), Some(1), "{command}\n{said}");
    let last = said.lines().last().unwrap();
    assert!(
        codes.iter().any(|code| last.starts_with(&format!("error[{code}]: "))),
        "{command}\n{said}"
    );
    words.iter().for_each(|word| assert!(last.contains(word), "{command}\n{said}\nwithout {word}"));
    let new = files(place.directory.path()).into_keys().filter(|path| !before.contains_key(path));
    let new: Vec<_> = new.filter(|path| !is_memory(path) && !path.ends_with("lock")).collect();
    assert!(new.is_empty(), "{command}: left {new:?}");
}

/// The command is done within the memory.
fn done(place: &Place, command: &str) {
    let (output, peak) = run(place, command);
    let said = text(&output.stderr);
    assert!(output.status.success(), "{command}\n{said}");
    assert!(peak < MOST, "{command}: {peak} KiB\n{said}");
}

fn zstd() -> WriterPropertiesBuilder {
    WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::default()))
        .set_statistics_enabled(parquet::file::properties::EnabledStatistics::None)
}

fn plain() -> WriterProperties {
    zstd().set_dictionary_enabled(false).build()
}

fn write(path: &Path, columns: Vec<(&str, ArrayRef)>, properties: WriterProperties) {
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    let mut writer =
        ArrowWriter::try_new(File::create(path).unwrap(), batch.schema(), Some(properties))
            .unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    let length = path.metadata().unwrap().len();
    assert!(length <= 50_000, "{path:?}: {length} bytes");
}

fn texts(rows: usize, length: usize) -> ArrayRef {
    let value = "1".repeat(length);
    Arc::new((0..rows).map(|_| Some(value.as_str())).collect::<StringArray>())
}

fn people(rows: usize) -> ArrayRef {
    Arc::new(identifiers(rows).into_iter().map(Some).collect::<StringArray>())
}

fn indexes(rows: usize) -> ArrayRef {
    let mut values = FixedSizeBinaryBuilder::new(16);
    (0..rows as u128).for_each(|row| values.append_value((row + 1).to_be_bytes()).unwrap());
    Arc::new(values.finish())
}

/// A page of a column in the file, and the size that its header says it has in memory.
type Made = (Page, usize);

fn data(bytes: Vec<u8>, values: u32, encoding: Encoding) -> Made {
    let size = bytes.len();
    let page = Page::DataPage {
        buf: bytes.into(),
        num_values: values,
        encoding,
        def_level_encoding: Encoding::RLE,
        rep_level_encoding: Encoding::RLE,
        statistics: None,
    };
    (page, size)
}

/// A small file of pages made by hand, all columns required.
fn craft(path: &Path, message: &str, rows: u64, compression: Compression, columns: Vec<Vec<Made>>) {
    craft_of_any_size(path, message, rows, compression, columns);
    assert!(path.metadata().unwrap().len() <= 50_000, "{path:?}");
}

fn craft_of_any_size(
    path: &Path,
    message: &str,
    rows: u64,
    compression: Compression,
    columns: Vec<Vec<Made>>,
) {
    let schema = Arc::new(parse_message_type(message).unwrap());
    let mut file =
        SerializedFileWriter::new(File::create(path).unwrap(), schema, Arc::default()).unwrap();
    let descriptions = file.schema_descr().columns().to_vec();
    let mut group = file.next_row_group().unwrap();
    for (column, pages) in descriptions.into_iter().zip(columns) {
        let mut out = TrackedWrite::new(Vec::new());
        let mut dictionary = None;
        for (page, size) in pages {
            if matches!(page, Page::DictionaryPage { .. }) {
                dictionary = Some(0);
            }
            SerializedPageWriter::new(&mut out)
                .write_page(CompressedPage::new(page, size))
                .unwrap();
        }
        let bytes = Bytes::from(out.into_inner().unwrap());
        let size = bytes.len() as i64;
        let metadata = ColumnChunkMetaData::builder(column)
            .set_compression(compression)
            .set_num_values(rows as i64)
            .set_total_compressed_size(size)
            .set_total_uncompressed_size(size)
            .set_dictionary_page_offset(dictionary)
            .set_data_page_offset(0)
            .build()
            .unwrap();
        let close = ColumnCloseResult {
            bytes_written: size as u64,
            rows_written: rows,
            metadata,
            bloom_filter: None,
            column_index: None,
            offset_index: None,
        };
        group.append_column(&bytes, close).unwrap();
    }
    group.close().unwrap();
    file.close().unwrap();
}

/// Text as it lies in a page.
fn plain_text(texts: &[String]) -> Vec<u8> {
    texts
        .iter()
        .flat_map(|text| [&(text.len() as u32).to_le_bytes()[..], text.as_bytes()].concat())
        .collect()
}

fn varint(mut number: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    while number >= 0x80 {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
    bytes
}

/// So many times the same number in the encoding DELTA_BINARY_PACKED, in one block.
fn same(count: u64, number: u64) -> Vec<u8> {
    let block = count.next_multiple_of(128);
    let head = [block, 1, count, 2 * number, 0].into_iter().flat_map(varint);
    head.chain([0]).collect()
}

/// A first length and others, all the same, in the encoding DELTA_BINARY_PACKED.
fn lengths(first: i64, others: i64, count: u64) -> Vec<u8> {
    let zigzag = |number: i64| varint((number << 1 ^ number >> 63) as u64);
    let mut bytes = [varint(128), varint(1), varint(count), zigzag(first)].concat();
    // The steps of the first block, counted from the least of them, in 16 bits each: one to the
    // others, then none.
    let step = others - first;
    let least = step.min(0);
    bytes.extend(zigzag(least));
    bytes.push(16);
    bytes.extend(((step - least) as u16).to_le_bytes());
    (1..128).for_each(|_| bytes.extend((-least as u16).to_le_bytes()));
    // No steps.
    (1..(count - 1).div_ceil(128)).for_each(|_| bytes.extend([0, 0]));
    bytes
}

/// Every verb of the controller that reads such data refuses it, or does it, within the memory.
fn prepare(place: &Place, name: &str, memory: &str, codes: &[&str], words: &[&str]) {
    let command = format!(
        "controller prepare {name} --identifier-column nir --request r.parquet --retained \
        t.parquet {memory}"
    );
    refused(place, &command, codes, words);
}

/// The columns of a register but the identifier.
const FIELDS: [&str; 8] =
    ["nom", "nom_usage", "prenoms", "sexe", "date_naissance", "code_lieu", "libelle_lieu", "pays"];

const TOO_LARGE: &[&str] = &["parquet-too-large", "long-row"];

#[test]
fn values_that_swell_are_refused_by_the_controller() {
    let place = Place::default();
    let path = |name: &str| place.path(name);
    for (kind, properties) in
        [("plain", plain()), ("dictionary", zstd().set_dictionary_page_size_limit(1 << 30).build())]
    {
        let name = format!("{kind}.parquet");
        write(
            &path(&name),
            vec![("nir", people(10)), ("note", texts(10, 40 << 20))],
            properties.clone(),
        );
        prepare(&place, &name, "", TOO_LARGE, &[&name, "note"]);
        prepare(&place, &name, "--memory 16MiB", TOO_LARGE, &[&name, "note"]);
        let name = format!("{kind}-identifiers.parquet");
        write(&path(&name), vec![("nir", texts(10, 40 << 20))], properties.clone());
        prepare(&place, &name, "", TOO_LARGE, &[&name, "nir"]);
        let name = format!("{kind}-people.parquet");
        let mut fields: Vec<(&str, ArrayRef)> =
            FIELDS.iter().map(|field| (*field, texts(10, 1))).collect();
        fields.push(("nir", texts(10, 40 << 20)));
        write(&path(&name), fields, properties);
        let build = format!("register build register --from {name}");
        refused(&place, &build, TOO_LARGE, &[&name, "nir"]);
    }
}

#[test]
fn what_a_page_declares_is_not_allocated() {
    let place = Place::default();
    let path = |name: &str| place.path(name);
    let nir = || vec![data(plain_text(&identifiers(1)), 1, Encoding::PLAIN)];
    let text = "message m { required binary nir (UTF8); required binary note (UTF8); }";
    let numbers = "message m { required binary nir (UTF8); required int64 note; }";
    // A page of 2 GB that is not there.
    let (page, _) = data(vec![0; 20], 1, Encoding::PLAIN);
    craft(
        &path("page.parquet"),
        text,
        1,
        Compression::SNAPPY,
        vec![vec![(page, 2_000_000_000)], nir()],
    );
    prepare(&place, "page.parquet", "", TOO_LARGE, &["page.parquet", "nir", "row group 1"]);
    // A page of 160 MB in a file so large that the bound of a batch, which grows with the file,
    // would let it through.
    let (page, _) = data(vec![0; 20], 1, Encoding::PLAIN);
    let long = data(plain_text(&["1".repeat(4 << 20)]), 1, Encoding::PLAIN);
    craft_of_any_size(
        &path("large.parquet"),
        text,
        1,
        Compression::SNAPPY,
        vec![vec![(page, 160_000_000)], vec![long]],
    );
    prepare(&place, "large.parquet", "", TOO_LARGE, &["large.parquet", "nir", "row group 1"]);
    // A dictionary of two thousand million numbers in 8 bytes.
    let dictionary = Page::DictionaryPage {
        buf: Bytes::from(vec![0; 8]),
        num_values: 2_000_000_000,
        encoding: Encoding::PLAIN,
        is_sorted: false,
    };
    let word = data(vec![1, 2, 0], 1, Encoding::RLE_DICTIONARY);
    craft(
        &path("numbers.parquet"),
        numbers,
        1,
        Compression::UNCOMPRESSED,
        vec![nir(), vec![(dictionary, 8), word]],
    );
    prepare(&place, "numbers.parquet", "", &["parquet-damaged"], &["numbers.parquet"]);
    // Two thousand million empty texts in a few bytes: more than the page says, and as many.
    for (values, codes) in [(1, &["parquet-damaged"][..]), (2_000_000_000, TOO_LARGE)] {
        let lengths = data(same(2_000_000_000, 0), values, Encoding::DELTA_LENGTH_BYTE_ARRAY);
        craft(
            &path("lengths.parquet"),
            text,
            1,
            Compression::UNCOMPRESSED,
            vec![nir(), vec![lengths]],
        );
        prepare(&place, "lengths.parquet", "", codes, &["lengths.parquet"]);
    }
    // Texts of 40 kB that take no byte each: the beginning of each is all of the one before it.
    const ROWS: u64 = 8192;
    let head = [lengths(0, 40_000, ROWS), lengths(40_000, 0, ROWS), vec![b'1'; 40_000]].concat();
    let page = data(head, ROWS as u32, Encoding::DELTA_BYTE_ARRAY);
    craft(
        &path("beginnings.parquet"),
        "message m { required binary nir (UTF8); }",
        ROWS,
        Compression::UNCOMPRESSED,
        vec![vec![page]],
    );
    prepare(&place, "beginnings.parquet", "", TOO_LARGE, &["beginnings.parquet", "nir"]);
}

#[test]
fn lists_and_fixed_lengths_that_swell_are_refused_by_the_controller() {
    let place = Place::default();
    let path = |name: &str| place.path(name);
    // One row with 50 million elements, all of them null.
    let mut list = ListBuilder::new(Int64Builder::new());
    list.values().append_nulls(50_000_000);
    list.append(true);
    write(
        &path("list.parquet"),
        vec![("nir", people(1)), ("note", Arc::new(list.finish()))],
        zstd().build(),
    );
    prepare(&place, "list.parquet", "", TOO_LARGE, &["list.parquet", "note"]);
    // A null that is a gigabyte long.
    craft(
        &path("fixed.parquet"),
        "message m { required binary nir (UTF8); optional fixed_len_byte_array(1000000000) note; }",
        1,
        Compression::UNCOMPRESSED,
        vec![
            vec![data(plain_text(&identifiers(1)), 1, Encoding::PLAIN)],
            vec![data(vec![2, 0, 0, 0, 2, 0], 1, Encoding::PLAIN)],
        ],
    );
    prepare(&place, "fixed.parquet", "", TOO_LARGE, &["fixed.parquet", "note"]);
    // Many columns, each with a page of some megabytes.
    let zeros: ArrayRef = Arc::new(Int64Array::from(vec![0; 500_000]));
    let names: Vec<String> = (0..60).map(|column| format!("n{column}")).collect();
    let mut columns: Vec<(&str, ArrayRef)> =
        names.iter().map(|name| (&**name, zeros.clone())).collect();
    let value = identifiers(1).remove(0);
    columns.push(("nir", Arc::new((0..500_000).map(|_| Some(&*value)).collect::<StringArray>())));
    let large = zstd()
        .set_dictionary_enabled(false)
        .set_data_page_size_limit(1 << 30)
        .set_data_page_row_count_limit(1 << 30);
    write(&path("columns.parquet"), columns, large.build());
    prepare(&place, "columns.parquet", "", TOO_LARGE, &["columns.parquet"]);
}

#[test]
fn columns_that_lie_deep_in_one_another_are_refused() {
    let place = Place::default();
    let deep = place.path("deep.parquet");
    // The library that writes them goes down by recursion too.
    let write = move || {
        let depth = 3000;
        let message = format!(
            "message m {{ required binary nir (UTF8); {} required int64 note; {} }}",
            "required group g { ".repeat(depth),
            "}".repeat(depth)
        );
        let nir = data(plain_text(&identifiers(1)), 1, Encoding::PLAIN);
        let note = data(vec![0; 8], 1, Encoding::PLAIN);
        craft(&deep, &message, 1, Compression::UNCOMPRESSED, vec![vec![nir], vec![note]]);
    };
    std::thread::Builder::new().stack_size(1 << 30).spawn(write).unwrap().join().unwrap();
    prepare(&place, "deep.parquet", "", &["parquet-unsupported"], &["deep.parquet"]);
}

#[test]
fn a_text_of_a_dictionary_that_comes_often_is_not_multiplied() {
    let place = Place::default();
    // The first rows say nothing of those to come.
    let (value, short) = ("1".repeat(1 << 20), 20_000);
    let notes = (0..short + 60).map(|row| Some(if row < short { "1" } else { &*value }));
    let note: ArrayRef = Arc::new(notes.collect::<StringArray>());
    let nir = identifiers(1).remove(0);
    let nir: ArrayRef = Arc::new((0..short + 60).map(|_| Some(&*nir)).collect::<StringArray>());
    let properties = zstd().set_dictionary_page_size_limit(1 << 30).build();
    write(&place.path("often.parquet"), vec![("nir", nir), ("note", note)], properties);
    for memory in ["", "--memory 16MiB"] {
        let command = "controller prepare often.parquet --identifier-column nir --request \
            r.parquet --retained t.parquet";
        done(&place, &format!("{command} {memory}"));
        let file = File::open(place.path("t.parquet")).unwrap();
        let rows: usize =
            parquet::arrow::arrow_reader::ParquetRecordBatchReader::try_new(file, 100)
                .unwrap()
                .map(|batch| batch.unwrap().num_rows())
                .sum();
        assert_eq!(rows, short + 60);
        for name in ["r.parquet", "r.parquet.manifest.json", "t.parquet", "t.parquet.request.json"]
        {
            std::fs::remove_file(place.path(name)).unwrap();
        }
    }
    // As an identifier it is none, however often.
    let value: ArrayRef = Arc::new((0..40).map(|_| Some(&*value)).collect::<StringArray>());
    let properties = zstd().set_dictionary_page_size_limit(1 << 30).build();
    write(&place.path("wrong.parquet"), vec![("nir", value)], properties);
    prepare(&place, "wrong.parquet", "", &["wrong-column"], &[]);
}

#[test]
fn the_service_takes_no_more_for_a_hostile_request() {
    let place = Place::open();
    place.write("data.csv", common::csv(&identifiers(50)));
    place.ok(
        "controller prepare data.csv --identifier-column nir --request r.parquet --retained t.csv",
    );
    let code = place.with_kits(
        "service code home population --request r.parquet --result s.parquet --purpose test",
    );
    let honest = std::fs::read(place.path("r.parquet")).unwrap();
    for (length, dictionary) in
        [(40 << 20, false), (40 << 20, true), (6 << 20, false), (6 << 20, true)]
    {
        let properties = if dictionary {
            zstd().set_dictionary_page_size_limit(1 << 30).build()
        } else {
            plain()
        };
        write(
            &place.path("r.parquet"),
            vec![("index", indexes(20)), ("identifier", texts(20, length))],
            properties,
        );
        refused(
            &place,
            &code,
            &["parquet-too-large", "long-row", "identifier-form"],
            &["r.parquet"],
        );
    }
    std::fs::write(place.path("r.parquet"), honest).unwrap();
    done(&place, &code);
    // What comes back may be hostile too.
    let report = std::fs::read(place.path("s.parquet.report.json")).unwrap();
    let attach = "controller attach --retained t.csv --result s.parquet --out a.csv";
    done(&place, attach);
    for name in ["a.csv", "a.csv.report.json", "a.csv.receipt.json"] {
        std::fs::remove_file(place.path(name)).unwrap();
    }
    for length in [40 << 20, 6 << 20] {
        let result =
            vec![("index", indexes(20)), ("code", texts(20, length)), ("quality", texts(20, 5))];
        write(&place.path("s.parquet"), result, plain());
        std::fs::write(place.path("s.parquet.report.json"), &report).unwrap();
        let codes = ["parquet-too-large", "long-row", "code-form", "metadata", "column-type"];
        refused(&place, attach, &codes, &["s.parquet"]);
        refused(&place, "controller check s.parquet", &codes, &["s.parquet"]);
    }
}

#[test]
fn the_service_takes_no_more_for_hostile_codes_and_people() {
    let place = Place::open();
    place.write("data.csv", common::csv(&identifiers(50)));
    place.coded("data", "nir", "population", 1);
    place.quorum("service new-key home population --reason scheduled");
    place.ok(
        "controller prepare data-1.csv --code-column code --request c.parquet --retained t.csv",
    );
    let row = |person: usize| {
        let name = char::from(b'a' + person as u8);
        format!("b{name}rd{name}n,,anna,2,1984-05-{:02},75056,,\n", person + 1)
    };
    let header = FIELDS.join(",");
    let people = identifiers(12).into_iter().enumerate();
    let people: String = people.map(|(person, nir)| format!("{nir},{}", row(person))).collect();
    place.write("people.csv", format!("nir,{header}\n{people}"));
    place.ok("register build register --from people.csv");
    place.write("visits.csv", format!("{header}\n{}", (0..12).map(row).collect::<String>()));
    place.ok("controller prepare visits.csv --civil-status --request q.parquet --retained u.csv");
    let verbs = [
        ("c.parquet", "code", place.with_kits("service renew home population --request c.parquet \
            --result d.parquet --purpose test")),
        (
            "q.parquet",
            "nom",
            place.with_kits(
                "service code home population --request q.parquet --result e.parquet --purpose test \
                 --register register",
            ),
        ),
    ];
    for (request, column, command) in verbs {
        let honest = std::fs::read(place.path(request)).unwrap();
        for (length, dictionary) in
            [(40 << 20, false), (40 << 20, true), (6 << 20, false), (6 << 20, true)]
        {
            let properties = if dictionary {
                zstd().set_dictionary_page_size_limit(1 << 30).build()
            } else {
                plain()
            };
            let mut columns = vec![("index", indexes(20))];
            if column == "code" {
                columns.push((column, texts(20, length)));
            } else {
                let long = |field| if field == column { length } else { 1 };
                columns.extend(FIELDS.map(|field| (field, texts(20, long(field)))));
            }
            write(&place.path(request), columns, properties);
            let codes =
                ["parquet-too-large", "long-row", "column-type", "code-form", "civil-status-form"];
            refused(&place, &command, &codes, &[request]);
        }
        std::fs::write(place.path(request), honest).unwrap();
        done(&place, &command);
    }
}

#[test]
fn many_row_groups_and_one_of_many_rows_take_no_more() {
    let place = Place::default();
    let mut writer = None;
    for nir in identifiers(300) {
        let column: ArrayRef = Arc::new(StringArray::from(vec![nir]));
        let batch = RecordBatch::try_from_iter(vec![("nir", column)]).unwrap();
        let writer = writer.get_or_insert_with(|| {
            let file = File::create(place.path("groups.parquet")).unwrap();
            ArrowWriter::try_new(file, batch.schema(), Some(plain())).unwrap()
        });
        writer.write(&batch).unwrap();
        writer.flush().unwrap();
    }
    writer.unwrap().close().unwrap();
    assert!(place.path("groups.parquet").metadata().unwrap().len() <= 50_000);
    let group = vec![("nir", texts(1_000_000, 0)), ("note", texts(1_000_000, 1))];
    write(&place.path("rows.parquet"), group, zstd().set_max_row_group_row_count(None).build());
    for (name, rows) in [("groups", 300), ("rows", 1_000_000)] {
        let command = format!(
            "controller prepare {name}.parquet --identifier-column nir --request {name}-r.parquet \
            --retained {name}-t.parquet --memory 16MiB"
        );
        done(&place, &command);
        let file = File::open(place.path(&format!("{name}-r.parquet"))).unwrap();
        let read = parquet::file::reader::SerializedFileReader::new(file).unwrap();
        let metadata = parquet::file::reader::FileReader::metadata(&read);
        assert_eq!(metadata.file_metadata().num_rows(), rows);
    }
}

/// The schema that Arrow's writers put into a file may use one part of itself in many places.
/// What a small file swells to is sorted on the disk, though there were memory for it.
#[test]
fn a_small_file_of_equal_texts_is_not_held_in_memory() {
    let place = Place::default();
    let text = "a".repeat(8 << 10);
    let note: ArrayRef = Arc::new((0..40_000).map(|_| Some(&*text)).collect::<StringArray>());
    write(
        &place.path("equal.parquet"),
        vec![("nir", texts(40_000, 0)), ("note", note)],
        zstd().build(),
    );
    let command = "controller prepare equal.parquet --identifier-column nir --request r.parquet \
        --retained t.parquet";
    done(&place, command);
}

#[test]
fn a_schema_that_unfolds_is_refused() {
    let place = Place::default();
    let with = |schema: Vec<u8>| {
        let columns = RecordBatch::try_from_iter(vec![("nir", people(5))]).unwrap();
        let pair = |schema: &[u8]| KeyValue::new("ARROW:schema".to_owned(), BASE64.encode(schema));
        // The last one counts.
        let pairs = vec![pair(&folded(1, 1, 1)), pair(&schema)];
        let properties = plain().into_builder().set_key_value_metadata(Some(pairs)).build();
        let options =
            ArrowWriterOptions::new().with_properties(properties).with_skip_arrow_metadata(true);
        let file = File::create(place.path("schema.parquet")).unwrap();
        let mut writer =
            ArrowWriter::try_new_with_options(file, columns.schema(), options).unwrap();
        writer.write(&columns).unwrap();
        writer.close().unwrap();
        assert!(place.path("schema.parquet").metadata().unwrap().len() <= 50_000);
    };
    // 60 times 1,000 columns, each with the same 10 kB about it.
    for (groups, columns, about) in [(60, 1000, 10_000), (1000, 1000, 10)] {
        with(folded(groups, columns, about));
        prepare(
            &place,
            "schema.parquet",
            "",
            &["parquet-damaged", "parquet-unsupported"],
            &["schema.parquet"],
        );
    }
}

/// A schema of groups of columns, of which there is one each.
fn folded(groups: usize, columns: usize, about: usize) -> Vec<u8> {
    let mut builder = FlatBufferBuilder::new();
    let (name, value) = (builder.create_string("nir"), builder.create_string(&"1".repeat(about)));
    let pair = ipc::KeyValueArgs { key: Some(name), value: Some(value) };
    let pair = ipc::KeyValue::create(&mut builder, &pair);
    let pairs = builder.create_vector(&[pair]);
    let none = builder.create_vector::<flatbuffers::ForwardsUOffset<ipc::Field<'_>>>(&[]);
    let utf8 = ipc::Utf8::create(&mut builder, &ipc::Utf8Args {}).as_union_value();
    let group = ipc::Struct_::create(&mut builder, &ipc::Struct_Args {}).as_union_value();
    let column = ipc::FieldArgs {
        name: Some(name),
        nullable: true,
        type_type: ipc::Type::Utf8,
        type_: Some(utf8),
        dictionary: None,
        children: Some(none),
        custom_metadata: Some(pairs),
    };
    let column_ = ipc::Field::create(&mut builder, &column);
    let children = builder.create_vector(&vec![column_; columns]);
    let group = ipc::FieldArgs {
        type_type: ipc::Type::Struct_,
        type_: Some(group),
        children: Some(children),
        custom_metadata: None,
        ..column
    };
    let group = ipc::Field::create(&mut builder, &group);
    let fields = builder.create_vector(&vec![group; groups]);
    let schema = ipc::SchemaArgs { fields: Some(fields), ..ipc::SchemaArgs::default() };
    let schema = ipc::Schema::create(&mut builder, &schema);
    let message = ipc::MessageArgs {
        version: ipc::MetadataVersion::V5,
        header_type: ipc::MessageHeader::Schema,
        header: Some(schema.as_union_value()),
        ..ipc::MessageArgs::default()
    };
    let message = ipc::Message::create(&mut builder, &message);
    builder.finish(message, None);
    builder.finished_data().to_vec()
}

/// A value of the size of a commune's outline, and a page of the size that some writers make, in
/// files that are as large.
#[test]
fn honest_files_near_the_bounds_are_read() {
    let place = Place::default();
    let mut random = vec![0_u8; 12 << 20];
    File::open("/dev/urandom").unwrap().read_exact(&mut random).unwrap();
    let note: Vec<Option<&[u8]>> =
        vec![Some(&random), None, Some(&random[..1000]), Some(&random[..7 << 20])];
    let note: ArrayRef = Arc::new(arrow_array::BinaryArray::from(note));
    let batch = RecordBatch::try_from_iter(vec![("nir", people(4)), ("note", note)]).unwrap();
    let properties = plain().into_builder().set_data_page_size_limit(100 << 20).build();
    let file = File::create(place.path("outlines.parquet")).unwrap();
    let mut writer = ArrowWriter::try_new(file, batch.schema(), Some(properties)).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    place.ok("controller prepare outlines.parquet --identifier-column nir --request r.parquet \
        --retained t.parquet");
    let file = File::open(place.path("t.parquet")).unwrap();
    let batches =
        parquet::arrow::arrow_reader::ParquetRecordBatchReader::try_new(file, 10).unwrap();
    assert_eq!(batches.map(|batch| batch.unwrap().num_rows()).sum::<usize>(), 4);
}

/// Zeros, compressed with each of the codecs that the library gives no bound.
fn swelling() -> [(Compression, Vec<u8>); 3] {
    let zeros = |out: &mut dyn Write| {
        let block = vec![0; 1 << 20];
        (0..512).for_each(|_| out.write_all(&block).unwrap());
    };
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    zeros(&mut gzip);
    let mut brotli = brotli::CompressorWriter::new(Vec::new(), 4096, 5, 22);
    zeros(&mut brotli);
    let mut lz4 = lz4_flex::frame::FrameEncoder::new(Vec::new());
    zeros(&mut lz4);
    [
        (Compression::GZIP(GzipLevel::default()), gzip.finish().unwrap()),
        (Compression::BROTLI(BrotliLevel::default()), brotli.into_inner()),
        (Compression::LZ4, lz4.finish().unwrap()),
    ]
}

#[test]
fn pages_that_swell_to_more_than_they_say_are_refused() {
    let place = Place::default();
    for (codec, bytes) in swelling() {
        let first = data(bytes.clone(), 10, Encoding::PLAIN).0;
        let second = Page::DataPageV2 {
            buf: [b"", &bytes[..]].concat().into(),
            num_values: 10,
            encoding: Encoding::PLAIN,
            num_nulls: 0,
            num_rows: 10,
            def_levels_byte_len: 0,
            rep_levels_byte_len: 0,
            is_compressed: true,
            statistics: None,
        };
        for page in [first, second] {
            let path = place.path("swells.parquet");
            let message = "message m { required binary nir (UTF8); }";
            craft_of_any_size(&path, message, 10, codec, vec![vec![(page, 100)]]);
            prepare(&place, "swells.parquet", "", &["parquet-damaged"], &["swells.parquet"]);
        }
    }
}

#[test]
fn every_codec_of_the_format_is_read() {
    let place = Place::default();
    for codec in [
        Compression::GZIP(GzipLevel::default()),
        Compression::BROTLI(BrotliLevel::default()),
        Compression::LZ4,
        Compression::LZ4_RAW,
    ] {
        for version in [
            parquet::file::properties::WriterVersion::PARQUET_1_0,
            parquet::file::properties::WriterVersion::PARQUET_2_0,
        ] {
            let properties = WriterProperties::builder()
                .set_compression(codec)
                .set_writer_version(version)
                .build();
            let notes: ArrayRef = Arc::new(
                (0..1000).map(|row| (row % 3 > 0).then_some("note")).collect::<StringArray>(),
            );
            write(
                &place.path("data.parquet"),
                vec![("nir", people(1000)), ("note", notes)],
                properties,
            );
            let retained =
                format!("{}-{version:?}.parquet", codec.to_string().replace(['(', ')'], "-"));
            let summary = place.json(&format!(
                "controller prepare data.parquet --identifier-column nir --request {retained}.csv \
                --retained {retained}"
            ));
            assert_eq!(summary["status"], serde_json::json!({ "ok": 1000 }), "{codec} {version:?}");
        }
    }
    let Some(case) = common::case("12") else { return };
    for name in ["gzip.parquet", "lz4.parquet"] {
        let bytes = std::fs::read(case.join(name)).unwrap();
        place.write(name, bytes);
        place.ok(&format!(
            "controller prepare {name} --identifier-column nir --request {name}.csv --retained t.{name}"
        ));
    }
    // The one that nobody writes is named.
    craft(
        &place.path("lzo.parquet"),
        "message m { required binary nir (UTF8); }",
        1,
        Compression::LZO,
        vec![vec![data(plain_text(&identifiers(1)), 1, Encoding::PLAIN)]],
    );
    prepare(&place, "lzo.parquet", "", &["parquet-unsupported"], &["LZO"]);
}
