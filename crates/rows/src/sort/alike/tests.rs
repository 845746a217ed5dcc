use std::collections::BTreeMap;
use std::io::Write;
use std::iter::zip;

use proptest::prelude::*;

use crate::csv::{Delimiter, Fields};
use crate::sort::{Heads, KEY};
use crate::table::{Fill, Source, Stream};

use super::*;

/// Rows of a file: of whom each is, and how long its text.
type Rows = Vec<(u8, usize)>;
/// Texts by their heads.
type Texts = BTreeMap<Vec<u8>, Vec<String>>;

fn head(whose: u8) -> Vec<u8> {
    // Some keys are one, and heads differ behind them.
    let key = [whose / 2 * 37; KEY];
    [&key[..], &[whose; 16]].concat()
}

fn text(whose: u8, number: usize, length: usize) -> String {
    format!("{whose}-{number}-{}", "x".repeat(length))
}

fn deal(sort: &Sort<Fields>, rows: &Rows, place: &Path) {
    let path = place.join("d.csv");
    let mut file = std::fs::File::create(&path).unwrap();
    writeln!(file, "whose,text").unwrap();
    for (number, (whose, length)) in rows.iter().enumerate() {
        writeln!(file, "{whose},{}", text(*whose, number, *length)).unwrap();
    }
    let Source::Lines(mut stream) = Source::open(&path, Delimiter::Given(b',')).unwrap() else {
        panic!("text")
    };
    let (mut heads, mut batch, mut at) = (Heads::default(), Fields::empty(), 0);
    while Stream::fill(&mut stream, &mut batch, 7).unwrap() {
        batch.split(&path).unwrap();
        heads.clear();
        for (whose, _) in &rows[at..at + batch.rows()] {
            let head = head(*whose);
            heads.keyed(head[..KEY].try_into().unwrap(), &head[KEY..]);
        }
        at += batch.rows();
        sort.deal(std::slice::from_ref(&batch), &heads, &mut Dealer::new(b',')).unwrap();
    }
    assert_eq!(at, rows.len());
}

/// The texts of a file by their heads, and in which partition each head was found.
fn found(sorts: &[Sort<Fields>]) -> (Vec<Texts>, Vec<Vec<Vec<u8>>>) {
    let mut partitions = vec![Vec::new(); sorts[0].partitions()];
    let mut files = Vec::new();
    for sort in sorts {
        let mut texts = Texts::new();
        for (partition, heads) in partitions.iter_mut().enumerate() {
            let pages = sort.take(partition).unwrap();
            let mut sorted = sort.sorted(&pages).unwrap();
            sorted.order_by_heads();
            let in_order: Vec<&[u8]> =
                sorted.places().iter().map(|place| sorted.head(*place)).collect();
            assert!(in_order.is_sorted());
            for place in sorted.places() {
                let text = String::from_utf8(sorted.tail(*place).to_vec()).unwrap();
                texts.entry(sorted.head(*place).to_vec()).or_default().push(text);
                heads.push(sorted.head(*place).to_vec());
            }
        }
        texts.values_mut().for_each(|texts| texts.sort());
        files.push(texts);
    }
    (files, partitions)
}

fn expected(rows: &Rows) -> Texts {
    let mut texts = Texts::new();
    for (number, (whose, length)) in rows.iter().enumerate() {
        texts.entry(head(*whose)).or_default().push(text(*whose, number, *length));
    }
    texts.values_mut().for_each(|texts| texts.sort());
    texts
}

/// Whether no head is in two partitions.
fn are_apart(partitions: &[Vec<Vec<u8>>]) -> bool {
    let mut of = BTreeMap::new();
    let all = partitions.iter().enumerate();
    all.flat_map(|(at, heads)| heads.iter().map(move |head| (at, head)))
        .all(|(at, head)| *of.entry(head).or_insert(at) == at)
}

fn sorts(files: usize, spills: bool, place: &Path) -> Vec<Sort<Fields>> {
    let mut extent = Extent::default();
    (extent.length, extent.bytes) = (u64::MAX, 3 << 20);
    let effort = Effort { memory: if spills { 0 } else { 1 << 30 }, ..Effort::default() };
    let kept = std::iter::once(1..2).collect::<Vec<_>>();
    Sort::several(vec![(extent, kept); files], &place.join("r.csv"), &effort).0
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Rows of one head lie in one partition, whichever file they are of, and so they do when that
    /// is divided; none is lost.
    #[test]
    fn rows_of_one_head_stay_together(
        files in proptest::collection::vec(proptest::collection::vec((0_u8..6, 0_usize..3000), 0..60), 2..5),
        spills: bool,
        divides: bool,
    ) {
        let place = tempfile::tempdir().unwrap();
        let mut sorts = sorts(files.len(), spills, place.path());
        prop_assert!(sorts.iter().all(|sort| sort.partitions() == sorts[0].partitions()));
        zip(&sorts, &files).for_each(|(sort, rows)| deal(sort, rows, place.path()));
        if divides {
            let mut all = vec![BTreeMap::new(); files.len()];
            for partition in 0..sorts[0].partitions() {
                let taken = sorts.iter().map(|sort| sort.apart(partition)).collect();
                let divided = Sort::divide_alike(&sorts, taken, &mut Dealer::new(b',')).unwrap();
                prop_assert!(divided[0].partitions() >= DIVIDED as usize);
                let (found, partitions) = found(&divided);
                prop_assert!(are_apart(&partitions));
                zip(&mut all, found).for_each(|(all, mut found)| all.append(&mut found));
            }
            prop_assert_eq!(all, files.iter().map(expected).collect::<Vec<_>>());
            // Nothing is left there.
            sorts.iter_mut().for_each(|sort| assert_eq!(sort.size(0), 0));
        } else {
            let (found, partitions) = found(&sorts);
            prop_assert!(are_apart(&partitions));
            prop_assert_eq!(found, files.iter().map(expected).collect::<Vec<_>>());
        }
    }
}

#[test]
fn what_is_taken_out_can_be_gone_through_again() {
    let place = tempfile::tempdir().unwrap();
    for spills in [false, true] {
        let sorts = sorts(2, spills, place.path());
        let rows: Rows = (0..200).map(|number| (4, number * 11 % 700)).collect();
        deal(&sorts[0], &rows, place.path());
        deal(&sorts[1], &vec![(4, 1), (5, 2)], place.path());
        let partition = (0..sorts[0].partitions()).find(|partition| sorts[0].size(*partition) > 0);
        let taken = [0, 1].map(|file| sorts[file].apart(partition.unwrap()));
        assert_eq!(
            taken[0].bytes(),
            rows.iter().map(|(_, length)| *length as u64).sum::<u64>() + {
                // What stands around a text: lengths, the head, its numbers.
                let about: usize =
                    (0..200).map(|number: usize| 40 + 3 + number.to_string().len()).sum();
                about as u64
            }
        );
        let mut one = None;
        assert_eq!(taken[0].count_of::<Fields>(&mut one).unwrap(), Some(200));
        assert_eq!(one.as_deref(), Some(&head(4)[..]));
        assert_eq!(taken[1].count_of::<Fields>(&mut one).unwrap(), None, "another one is there");
        for size in [0, 1 << 13, 1 << 30] {
            for _ in 0..2 {
                let mut texts = Vec::new();
                let runs = taken[0].runs(size);
                for run in runs.clone() {
                    let pages = taken[0].pages(run).unwrap();
                    let sorted = sorts[0].sorted(&pages).unwrap();
                    let text = |place: &_| String::from_utf8(sorted.tail(*place).to_vec()).unwrap();
                    texts.extend(sorted.places().iter().map(text));
                }
                texts.sort();
                assert_eq!(texts, expected(&rows)[&head(4)]);
                assert!(size < 1 << 30 || runs.len() == 1);
                assert!(!spills || size > 0 || runs.len() > 10, "{} runs", runs.len());
            }
        }
    }
}

/// Whatever heads somebody makes, they do not all stay in one partition.
#[test]
fn heads_that_begin_alike_are_parted() {
    let place = tempfile::tempdir().unwrap();
    let sorts = sorts(1, false, place.path());
    let mut heads = Heads::default();
    for number in 0_u32..1000 {
        heads.keyed(&[0; KEY], &number.to_be_bytes());
    }
    sorts[0].deal_heads(&heads).unwrap();
    assert_eq!(sorts[0].apart(1).bytes(), 0);
    let taken = vec![sorts[0].apart(0)];
    let divided = Sort::divide_alike(&sorts, taken, &mut Dealer::new(b',')).unwrap();
    let sizes: Vec<u64> = (0..64).map(|partition| divided[0].size(partition)).collect();
    assert!(sizes.iter().all(|size| (1..100 * 32).contains(size)), "{sizes:?}");
}
