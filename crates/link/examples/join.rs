//! Times the join:
//!
//! ```sh
//! cargo run --release -p cstatns-link --example join -- make 10000000 DIR
//! cargo run --release -p cstatns-link --example join -- join OUT MIB THREADS DIR/a.csv DIR/b.csv
//! ```
//!
//! The first makes two files of so many invented people, half of whom are in both.

#![allow(clippy::print_stdout)]

use std::error::Error;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::time::Instant;

use cstatns_base::code::{Code, Generation, Tag};
use cstatns_base::name::Name;
use cstatns_link::join::{How, Join, Out, Source, join};
use cstatns_rows::csv::Delimiter;
use cstatns_rows::effort::Effort;
use cstatns_rows::sink;
use cstatns_rows::table;

fn main() -> Result<(), Box<dyn Error>> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match &words[..] {
        ["make", rows, place] => make(rows.parse()?, Path::new(place)),
        ["join", out, memory, threads, files @ ..] => {
            let effort = Effort {
                threads: threads.parse()?,
                memory: memory.parse::<usize>()? << 20,
                ..Effort::default()
            };
            joined(Path::new(out), &effort, files)
        }
        _ => Err("make ROWS DIR, or join OUT MIB THREADS FILE FILE …".into()),
    }
}

fn of() -> (Tag, Generation) {
    (Tag::parse(b"abcd").expect("a tag"), Generation::FIRST)
}

/// What seems drawn for a number.
fn mixed(number: u64) -> u64 {
    let z = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

fn make(rows: u64, place: &Path) -> Result<(), Box<dyn Error>> {
    for (file, first) in [("a", 0), ("b", rows / 2)] {
        let mut out = BufWriter::new(File::create(place.join(file).with_extension("csv"))?);
        let header = if file == "a" { "wage,region,since" } else { "diagnosis,days" };
        writeln!(out, "code,quality,{header}")?;
        let (tag, generation) = of();
        let mut line = Vec::new();
        for person in first..first + rows {
            let mut bytes = [0; 32];
            for (part, at) in bytes.chunks_exact_mut(8).zip(0..) {
                part.copy_from_slice(&mixed(4 * person + at + 1).to_le_bytes());
            }
            line.clear();
            Code::from_bytes(bytes, tag, generation).write_text(&mut line);
            let drawn = mixed(!person ^ first);
            match file {
                "a" => writeln!(
                    line,
                    ",valid,{},{:02},20{:02}-{:02}-{:02}",
                    1200 + drawn % 9000,
                    1 + drawn % 95,
                    drawn % 26,
                    1 + drawn % 12,
                    1 + drawn % 28
                )?,
                _ => writeln!(
                    line,
                    ",valid,{}{:02}.{},{}",
                    char::from(b'A' + (drawn % 26) as u8),
                    drawn % 100,
                    drawn % 10,
                    drawn % 40
                )?,
            }
            out.write_all(&line)?;
        }
        out.into_inner()?;
    }
    Ok(())
}

fn joined(out: &Path, effort: &Effort, files: &[&str]) -> Result<(), Box<dyn Error>> {
    let names: Vec<Name> = ('a'..)
        .take(files.len())
        .map(|name| Name::new(&name.to_string()))
        .collect::<Result<_, _>>()?;
    let begun = Instant::now();
    let source = |(name, path)| -> Result<Source<'_>, Box<dyn Error>> {
        let rows = table::Source::open(&PathBuf::from(path), Delimiter::Under("code"))?;
        Ok(Source { name, rows, of: of() })
    };
    let sources = names.iter().zip(files).map(source).collect::<Result<Vec<_>, _>>()?;
    let mut file = File::create(out)?;
    let is_text = table::Format::of(out)?.is_text();
    let begin = match is_text {
        true => Out::Lines(Box::new(|columns, table| {
            sink::csv(&mut file, table.text_beside(out), columns)
        })),
        false => Out::Columns(Box::new(|columns, _| sink::parquet(&mut file, columns, Vec::new()))),
    };
    let joined =
        join(Join { sources, how: How::Inner, many: false, least: 0 }, begin, out, effort)?;
    println!(
        "{:.1} s, {} rows, {} people",
        begun.elapsed().as_secs_f64(),
        joined.rows,
        joined.people
    );
    Ok(())
}
