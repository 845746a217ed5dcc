use std::fs::File;
use std::sync::Arc;

use ::parquet::arrow::ArrowWriter;
use arrow_array::cast::AsArray;
use arrow_array::{ArrayRef, RecordBatch, StringArray};
use proptest::prelude::*;

use crate::csv::{Delimiter, Fields, Kept};
use crate::table::{Batch, Format, Source};

use super::*;

/// Rows of three cells each.
type Rows = Vec<(u128, [String; 3])>;

fn rows() -> impl Strategy<Value = Rows> {
    let cell = || proptest::string::string_regex("[a-z\",;\n]{0,6}").unwrap();
    // Some keys differ in their last bits only, and lie in different units all the same.
    let key = prop_oneof![any::<u128>(), (0..40_u128).prop_map(|low| (0xabcd << 112) | low)];
    let rows = proptest::collection::vec((key, [cell(), cell(), cell()]), 1..400);
    rows.prop_map(|mut rows: Rows| {
        let mut keys = std::collections::HashSet::new();
        rows.retain(|(key, _)| keys.insert(*key));
        rows
    })
}

fn write(path: &Path, rows: &Rows) {
    if Format::of(path).unwrap() == Format::Csv {
        let mut lines = Lines::new(b',');
        ["a", "b", "c"].iter().for_each(|name| lines.field(name.as_bytes()));
        lines.end_row();
        for (_, cells) in rows {
            cells.iter().for_each(|cell| lines.field(cell.as_bytes()));
            lines.end_row();
        }
        return std::fs::write(path, lines.bytes()).unwrap();
    }
    let column = |at: usize| -> ArrayRef {
        Arc::new(rows.iter().map(|(_, cells)| Some(&cells[at])).collect::<StringArray>())
    };
    let columns = ["a", "b", "c"].into_iter().zip(0..).map(|(name, at)| (name, column(at)));
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    let mut writer =
        ArrowWriter::try_new(File::create(path).unwrap(), batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
}

/// A form of rows whose kept cells a test can read.
trait Readable: Sortable {
    fn texts(kept: &Self::Kept<'_>, row: usize) -> Vec<String>;
}

impl Readable for Fields {
    fn texts(kept: &Kept<'_>, row: usize) -> Vec<String> {
        let Kept::Tails(tails) = kept else { panic!("what comes out of the sort are tails") };
        tails.iter().map(|tails| String::from_utf8(tails[row].to_vec()).unwrap()).collect()
    }
}

impl Readable for RecordBatch {
    fn texts(kept: &Vec<ArrayRef>, row: usize) -> Vec<String> {
        kept.iter().map(|column| column.as_string::<i32>().value(row).to_owned()).collect()
    }
}

/// The numbers of the rows in the order of the sort, and what was kept of each.
fn all<F: Readable>(sort: &Sort<F>) -> Vec<(usize, Vec<String>)> {
    let mut found = Vec::new();
    let mut heads = Heads::default();
    for partition in 0..sort.partitions() {
        let pages = sort.take(partition).unwrap();
        let sorted = sort.sorted(&pages).unwrap();
        for places in sorted.places().chunks(7) {
            let kept = sorted.kept(places).unwrap();
            sorted.heads(places, &mut heads);
            assert_eq!(heads.count(), places.len());
            for (at, head) in heads.iter().enumerate() {
                // A head here: the key, the number of the row, and more of some.
                let number = head[KEY..][..4].try_into().unwrap();
                assert_eq!(head.len(), KEY + 4 + u32::from_le_bytes(number) as usize % 5);
                found.push((u32::from_le_bytes(number) as usize, F::texts(&kept, at)));
            }
        }
    }
    found
}

/// What becomes of all rows of a file, `at_once` batches of at most `limit` rows at a time.
fn through<F: Readable>(
    mut stream: Stream<F>,
    rows: &Rows,
    sort: &Sort<F>,
    (at_once, limit): (usize, usize),
) -> Vec<(usize, Vec<String>)> {
    let path = stream.table.path().to_owned();
    let mut dealer = Dealer::new(b',');
    let mut number = 0;
    loop {
        let mut batches = Vec::new();
        for _ in 0..at_once {
            let mut batch = F::empty();
            if !stream.fill(&mut batch, limit).unwrap() {
                break;
            }
            batch.split(&path).unwrap();
            batches.push(batch);
        }
        if batches.is_empty() {
            break;
        }
        let (mut heads, mut keys) = (Heads::default(), Vec::new());
        for _ in 0..batches.iter().map(Batch::rows).sum() {
            keys.extend_from_slice(&rows[number].0.to_be_bytes());
            let head = heads.add(4 + number % 5);
            head.extend_from_slice(&(number as u32).to_le_bytes());
            head.extend_from_slice(&[7; 4][..number % 5]);
            number += 1;
        }
        assert_eq!(KEY * heads.count(), keys.len());
        heads.set(&keys);
        sort.deal(&batches, &heads, &mut dealer).unwrap();
    }
    assert_eq!(number, rows.len());
    all(sort)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// The same as a sort in memory, whatever is dealt at once, kept, and put aside.
    #[test]
    fn rows_come_in_the_order_of_their_keys_with_what_belongs_to_them(
        rows in rows(),
        is_csv: bool,
        limit in 1_usize..200,
        at_once in 1_usize..4,
        extent in prop_oneof![Just(0), Just(40 << 20), Just(400 << 20)],
        spills: bool,
        kept in prop_oneof![Just(vec![0..1, 2..3]), Just(vec![0..0, 1..3]), Just(vec![0..0, 3..3])],
    ) {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join(if is_csv { "d.csv" } else { "d.parquet" });
        write(&path, &rows);
        let extent = Extent { rows: 0, length: u64::MAX, bytes: extent };
        let effort = Effort { memory: if spills { 0 } else { 1 << 30 }, ..Effort::default() };
        let (beside, at_once) = (place.path().join("r.csv"), (at_once, limit));
        let found = match Source::open(&path, Delimiter::Given(b',')).unwrap() {
            Source::Lines(stream) => {
                let (sort, _) = Sort::new(extent, kept.clone(), &beside, &effort);
                through(stream, &rows, &sort, at_once)
            }
            Source::Columns(stream) => {
                let (sort, _) = Sort::new(extent, kept.clone(), &beside, &effort);
                through(stream, &rows, &sort, at_once)
            }
        };

        let mut expected: Vec<usize> = (0..rows.len()).collect();
        expected.sort_by_key(|number| rows[*number].0);
        let of = |number: usize| {
            let cells = kept.iter().cloned().flatten().map(|column| &rows[number].1[column]);
            if !is_csv || cells.clone().count() == 0 {
                return cells.cloned().collect();
            }
            let mut lines = Lines::new(b',');
            cells.for_each(|cell| lines.field(cell.as_bytes()));
            vec![String::from_utf8(lines.bytes().to_vec()).unwrap()]
        };
        let expected: Vec<(usize, Vec<String>)> =
            expected.into_iter().map(|number| (number, of(number))).collect();
        prop_assert_eq!(found, expected);
    }
}

#[test]
fn partitions_are_as_many_as_the_file_is_large() {
    fn partitions<F: Sortable>(rows: u64, bytes: u64) -> usize {
        let extent = Extent { rows, length: u64::MAX, bytes };
        Sort::<F>::new(extent, Vec::new(), Path::new("r"), &Effort::default()).0.partitions()
    }
    assert_eq!(partitions::<Fields>(0, 0), 1);
    assert_eq!(partitions::<Fields>(0, 1 << 20), 1);
    assert_eq!(partitions::<Fields>(0, (1 << 20) + 1), 2);
    assert_eq!(partitions::<Fields>(0, 17 << 30), 16_384);
    assert_eq!(partitions::<RecordBatch>(120_000, 0), 1);
    assert_eq!(partitions::<RecordBatch>(113_000_000, 0), 1024);
    // Wide rows.
    assert_eq!(partitions::<RecordBatch>(1_000_000, 1 << 30), 128);
    assert_eq!(partitions::<RecordBatch>(1, u64::MAX), 16_384);
}

#[test]
fn there_are_no_more_threads_than_memory_feeds() {
    let threads = |threads, memory| {
        let effort =
            Effort { threads: NonZeroUsize::new(threads).unwrap(), memory, ..Effort::default() };
        let extent = Extent { rows: 0, length: u64::MAX, bytes: 0 };
        Sort::<Fields>::new(extent, Vec::new(), Path::new("r"), &effort).1.get()
    };
    assert_eq!(
        [threads(1, 0), threads(8, 0), threads(8, 64 << 20), threads(8, 1 << 30)],
        [1, 1, 1, 8]
    );
    assert_eq!(threads(64, 1 << 30), 16);
}
