use std::collections::BTreeMap;
use std::fs;
use std::io::ErrorKind;

use cstatns_base::files::faults;
use proptest::prelude::*;

use cstatns_base::coded::Coded as _;

use super::*;

const CANARY: &[u8] = b"117091320400164";

fn place() -> (tempfile::TempDir, PathBuf) {
    let place = tempfile::tempdir().unwrap();
    let beside = place.path().join("request.csv");
    (place, beside)
}

/// The units of each partition, sorted.
fn taken(spill: &Spill, partitions: usize) -> Vec<Vec<Vec<u8>>> {
    let of = |partition| {
        let pages = spill.take(partition).unwrap();
        let mut found: Vec<Vec<u8>> =
            pages.iter().flat_map(|page| units(page)).map(<[u8]>::to_vec).collect();
        found.sort();
        found
    };
    (0..partitions).map(of).collect()
}

/// A unit with the canary for each of two partitions, again and again; nothing of it fits in
/// memory.
fn fill(spill: &Spill) -> Result<(), TableError> {
    (0..2000_u32)
        .try_for_each(|n| spill.add(std::iter::once((n as usize % 2, [CANARY, &n.to_le_bytes()]))))
}

/// What is in the file.
fn on_disk(spill: &Spill) -> Vec<u8> {
    let held = locked(&spill.aside.file);
    let mut bytes = vec![0; held.1 as usize];
    held.0.as_ref().unwrap().read_at(&mut bytes, 0).unwrap();
    bytes
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Whatever the sizes of the units, the memory and the number of threads: what is added
    /// comes back, each unit whole and in its partition.
    #[test]
    fn what_is_added_is_taken(
        added in proptest::collection::vec((0_usize..4, 0_usize..3000, any::<u8>()), 1..300),
        memory in prop_oneof![Just(0), 0_usize..400_000, Just(1 << 30)],
        at_once in 1_usize..20,
    ) {
        let (place, beside) = place();
        let spill = Spill::new(4, memory, &beside);
        let added: Vec<(usize, Vec<u8>)> =
            added.into_iter().map(|(partition, length, byte)| (partition, vec![byte; length * length / 1000])).collect();
        std::thread::scope(|scope| {
            for half in added.chunks(added.len().div_ceil(2)) {
                let spill = &spill;
                scope.spawn(move || {
                    for some in half.chunks(at_once) {
                        let parts = some.iter().map(|(partition, unit)| (*partition, unit.split_at(unit.len() / 3)));
                        let mut parts = parts.map(|(partition, (one, two))| (partition, [one, two]));
                        match at_once % 2 {
                            0 => spill.add(parts).unwrap(),
                            _ => parts.try_for_each(|(at, parts)| spill.add_long(at, parts)).unwrap(),
                        }
                    }
                });
            }
        });
        let mut expected: BTreeMap<usize, Vec<Vec<u8>>> = BTreeMap::new();
        added.iter().for_each(|(partition, unit)| expected.entry(*partition).or_default().push(unit.clone()));
        expected.values_mut().for_each(|units| units.sort());
        for (partition, found) in taken(&spill, 4).into_iter().enumerate() {
            prop_assert_eq!(found, expected.remove(&partition).unwrap_or_default());
        }
        // What there is room for does not touch the disk; the rest leaves no name there.
        prop_assert!(memory < 1 << 30 || locked(&spill.aside.file).0.is_none());
        prop_assert_eq!(fs::read_dir(place.path()).unwrap().count(), 0);
    }
}

#[test]
fn memory_is_bounded_and_only_the_excess_is_on_disk() {
    let (_place, beside) = place();
    let spill = Spill::new(2, 1 << 20, &beside);
    let unit = [7; 1000];
    for n in 0..8000 {
        spill.add(std::iter::once((n % 2, [&unit[..]]))).unwrap();
        let taken = spill.memory.taken.load(Ordering::Relaxed);
        assert!(taken <= (1 << 20) + 2 * spill.page, "{taken}");
    }
    let written = on_disk(&spill).len();
    let excess = 8000 * 1004 - (1 << 20);
    assert!((excess..excess + 4 * spill.page).contains(&written), "{written} of {excess}");
}

/// Adds so many units of a thousand bytes, to each of `partitions` in turn.
fn add(spill: &Spill, partitions: usize, units: usize) {
    let unit = [7; 1000];
    for n in 0..units {
        spill.add(std::iter::once((n % partitions, [&unit[..]]))).unwrap();
    }
}

#[test]
fn what_is_taken_out_makes_room_for_what_comes_of_it() {
    let (_place, beside) = place();
    let is_on_disk = |spill: &Spill| locked(&spill.aside.file).0.is_some();
    for goes in [true, false] {
        let into = Spill::new(2, 4 << 20, &beside);
        let from = into.before(4);
        add(&from, 4, 3000);
        let mut kept = Vec::new();
        for partition in 0..4 {
            let pages = from.take(partition).unwrap();
            let units: Vec<&[u8]> = pages.iter().flat_map(|page| units(page)).collect();
            assert_eq!(units.len(), 750);
            for (n, unit) in units.into_iter().enumerate() {
                into.add(std::iter::once((n % 2, [unit]))).unwrap();
            }
            kept.extend((!goes).then_some(pages));
        }
        assert!(!is_on_disk(&from));
        assert_eq!(is_on_disk(&into), !goes, "there was no room while nothing had gone");
        assert!(kept.len() == 4 || into.memory.taken.load(Ordering::Relaxed) < 4 << 20);
    }
    // Whatever is in the first one, the second one has a page for each partition.
    let into = Spill::new(2, 4 << 20, &beside);
    let from = into.before(4);
    add(&from, 4, 8000);
    add(&into, 2, 500);
    assert!(is_on_disk(&from) && !is_on_disk(&into));
    let most = (4 << 20) + from.page;
    assert!(into.memory.taken.load(Ordering::Relaxed) <= most);
}

#[test]
fn units_that_are_larger_than_pages_do_not_stay_in_memory() {
    let (_place, beside) = place();
    let spill = Spill::new(64, 0, &beside);
    let unit = vec![7; 1 << 20];
    for n in 0..128 {
        spill.add(std::iter::once((n % 64, [&unit[..]]))).unwrap();
        spill.add(std::iter::once((n % 64, [CANARY]))).unwrap();
        let taken = spill.memory.taken.load(Ordering::Relaxed);
        assert!(taken <= 64 * spill.page, "{taken}");
    }
    for units in taken(&spill, 64) {
        assert!(units == [&unit, &unit, CANARY, CANARY]);
    }
}

#[test]
fn the_file_shows_nothing_of_what_it_holds() {
    let (_place, beside) = place();
    let spill = Spill::new(2, 0, &beside);
    fill(&spill).unwrap();
    let shown = |bytes: &[u8]| bytes.windows(CANARY.len()).any(|window| window == CANARY);
    let bytes = on_disk(&spill);
    assert!(bytes.len() > 30_000);
    assert!(!shown(&bytes));
    // No two pages are sealed alike, though they hold the same.
    let same = |bytes: &[u8]| {
        let mut blocks: Vec<&[u8]> = bytes.chunks_exact(16).collect();
        blocks.sort_unstable();
        blocks.windows(2).any(|pair| pair[0] == pair[1])
    };
    assert!(!same(&bytes));
    // Both would be seen.
    let pages = spill.take(0).unwrap();
    assert!(pages.iter().any(|page| shown(page)));
    assert!(same(&[[1; 16], [2; 16], [1; 16]].concat()));
}

#[test]
fn a_page_that_was_changed_or_moved_does_not_open() {
    let (_place, beside) = place();
    let spilled = || {
        let spill = Spill::new(2, 0, &beside);
        fill(&spill).unwrap();
        spill
    };
    let file = |spill: &Spill| locked(&spill.aside.file).0.clone().unwrap();
    let code = |spill: &Spill| (0..2).find_map(|of| spill.take(of).err()).map(|error| error.code());
    assert_eq!(code(&spilled()), None);
    for at in [0, 5000, on_disk(&spilled()).len() as u64 - 1] {
        let spill = spilled();
        let mut byte = [0];
        file(&spill).read_at(&mut byte, at).unwrap();
        file(&spill).write_at(&[byte[0] ^ 1], at).unwrap();
        assert_eq!(code(&spill), Some("spill-changed"), "{at}");
    }
    // Two pages of the same length, each in the other's place.
    let spill = spilled();
    let bytes = on_disk(&spill);
    let (one, two) = {
        let held = locked(&spill.held);
        let [one, two, ..] = &held.partitions[0].sealed[..] else { panic!("pages") };
        assert_eq!(one.length, two.length);
        (one.clone(), two.clone())
    };
    let of = |page: &Sealed| &bytes[page.place as usize..][..page.length];
    file(&spill).write_at(of(&two), one.place).unwrap();
    file(&spill).write_at(of(&one), two.place).unwrap();
    assert_eq!(code(&spill), Some("spill-changed"));
    // What another run wrote there.
    let (spill, other) = (spilled(), spilled());
    file(&spill).write_at(&on_disk(&other), 0).unwrap();
    assert_eq!(code(&spill), Some("spill-changed"));
}

#[test]
fn a_full_disk_is_one_error_and_leaves_nothing() {
    let (place, beside) = place();
    let steps = faults::count(place.path(), || fill(&Spill::new(2, 0, &beside)).unwrap());
    assert!(steps > 5, "{steps}");
    for step in 0..steps {
        let run = || fill(&Spill::new(2, 0, &beside));
        let error = faults::fail_at(place.path(), step, ErrorKind::StorageFull, run).unwrap_err();
        assert_eq!(error.code(), "disk-full");
        assert!(error.to_string().contains("request.csv"), "{error}");
        assert_eq!(fs::read_dir(place.path()).unwrap().count(), 0);
    }
}
