//! The vectors of `spec/vectors`, which SPEC.md's appendix A lists: every one is computed again.
//!
//! The inputs of six files stand in those files. The others are made from inputs that stand here,
//! and `CSTATNS_NEW_VECTORS=1` writes them anew: after a format was changed that was never
//! released.

mod vectors;
mod verdict;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use vectors::codes;
use vectors::file::{Made, Read, folder, is_writing};
use vectors::{
    cards, commitments, hetu, ledger, paper, parcels, register, seals, shares, statements,
};

const MADE: [fn() -> Made; 10] = [
    hetu::file,
    cards::file,
    shares::file,
    seals::file,
    paper::file,
    parcels::file,
    statements::file,
    ledger::file,
    commitments::file,
    register::file,
];

/// Runs the vectors of every file that a test reads, and counts them.
fn ran() -> BTreeMap<String, usize> {
    let kept = codes::FILES.iter().map(|(name, run)| {
        let read = Read::of(name);
        for vector in &read.vectors {
            assert_eq!(run(vector), vector["gives"], "{name}: {vector}");
        }
        read.check(name);
        ((*name).to_owned(), read.vectors.len())
    });
    let made = MADE.iter().map(|file| {
        let file = file();
        (file.name.to_owned(), file.check())
    });
    kept.chain(made).collect()
}

fn spec() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("SPEC.md")
}

/// A row of the appendix's table: what stands before the number of vectors, the file, the number.
fn row(line: &str) -> Option<(&str, &str, usize)> {
    let (before, count) = line.strip_suffix(" |")?.rsplit_once(" | ")?;
    let (name, _) = line.strip_prefix("| `")?.split_once(".json` | ")?;
    Some((before, name, count.parse().ok()?))
}

/// The files in the table of the appendix, and how many vectors each has.
fn listed() -> BTreeMap<String, usize> {
    let spec = fs::read_to_string(spec()).unwrap();
    let (_, appendix) = spec.split_once("\n## Appendix A").unwrap();
    appendix.lines().filter_map(row).map(|(_, name, count)| (name.to_owned(), count)).collect()
}

/// Writes the numbers of the table anew.
fn write_counts(ran: &BTreeMap<String, usize>) {
    let text = fs::read_to_string(spec()).unwrap();
    let (before, appendix) = text.split_once("\n## Appendix A").unwrap();
    let line = |line: &str| match row(line) {
        Some((before, name, _)) => format!("{before} | {} |\n", ran[name]),
        None => format!("{line}\n"),
    };
    let appendix: String = appendix.lines().map(line).collect();
    fs::write(spec(), format!("{before}\n## Appendix A{appendix}")).unwrap();
}

#[test]
fn every_vector_is_what_is_computed_and_every_file_is_listed() {
    let ran = ran();
    if is_writing() {
        write_counts(&ran);
    }
    assert_eq!(ran, listed(), "the table of appendix A");
    assert_eq!(ran.len(), 16);
    assert!(ran.values().sum::<usize>() >= 300, "{ran:?}");
    let there: BTreeSet<String> = fs::read_dir(folder())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    let read: BTreeSet<String> = ran.keys().map(|name| format!("{name}.json")).collect();
    assert_eq!(there, read, "a file that no test reads, or one that is missing");
}
