//! What the verbs that go through many rows have in common: how much of the machine they take, and
//! their last line.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::iter;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Instant;

use clap::Args;
use cstatns_base::look_up::{Score, Scores};
use cstatns_record::report::Destruction;
use cstatns_rows::effort::{Effort, Progress};

use crate::figures::{counted, decimal, grouped, per_second, rate};
use crate::lang::{Lang, lang, text};
use crate::output::Program;
use crate::watch::Watch;

/// More threads than any machine has work for.
const MOST_THREADS: usize = 1024;
/// Below this a sort would spend its time on the disk, in bytes.
const LEAST_MEMORY: usize = 16 << 20;

/// What a bulk verb may take of the machine.
#[derive(Args)]
pub struct Bulk {
    /// Threads that work on the rows [default: one for each core]
    #[arg(long, value_name = "N", value_parser = threads)]
    threads: Option<NonZeroUsize>,
    /// Memory that sorting may take (in prepare and join: the others do not sort), such as 512MiB
    /// or 4GB; what does not fit is put aside on disk, encrypted [default: 1GiB]
    #[arg(long, value_name = "SIZE", value_parser = memory)]
    memory: Option<usize>,
}

fn threads(text: &str) -> Result<NonZeroUsize, String> {
    let number = text.parse().ok().filter(|number: &NonZeroUsize| number.get() <= MOST_THREADS);
    number.ok_or_else(|| {
        text!(
            "a number of threads, 1 to {MOST_THREADS}",
            "un nombre de fils d'exécution, de 1 à {MOST_THREADS}"
        )
    })
}

fn memory(text: &str) -> Result<usize, String> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let unit: usize = match unit {
        "" | "B" => 1,
        "kB" | "KB" => 1000,
        "MB" => 1000_usize.pow(2),
        "GB" => 1000_usize.pow(3),
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        _ => 0,
    };
    let size =
        number.parse().ok().filter(|_| unit > 0).and_then(|number: usize| number.checked_mul(unit));
    match size {
        None => Err(text!(
            "a whole number of bytes, or of kB, MB, GB, KiB, MiB or GiB, such as 512MiB",
            "un nombre entier d'octets, ou de kB, MB, GB, KiB, MiB ou GiB, comme 512MiB"
        )),
        Some(size) if size < LEAST_MEMORY => Err(text!(
            "too little to sort in: at least {}MiB",
            "trop peu pour trier : au moins {}MiB",
            LEAST_MEMORY >> 20
        )),
        Some(size) => Ok(size),
    }
}

impl Bulk {
    /// [`watched`] work that takes so much.
    pub fn work<T>(&self, program: &Program, work: impl FnOnce(&Effort) -> T) -> (T, f64) {
        let mut effort = Effort::default();
        effort.threads = self.threads.unwrap_or(effort.threads);
        effort.memory = self.memory.unwrap_or(effort.memory);
        watched(program, &effort.progress, || work(&effort))
    }
}

/// Works on rows: shows how far they are, and has Ctrl-C leave nothing partial. Returns the seconds
/// that it took, too.
pub fn watched<T>(
    program: &Program,
    progress: &Arc<Progress>,
    work: impl FnOnce() -> T,
) -> (T, f64) {
    let _watch = program.is_alone().then(|| Watch::begin(progress.clone()));
    let begun = Instant::now();
    let done = work();
    (done, begun.elapsed().as_secs_f64())
}

/// What `--delimiter` takes.
pub fn delimiter(text: &str) -> Result<u8, String> {
    match text.as_bytes() {
        b"tab" | b"\\t" => Ok(b'\t'),
        [byte] if byte.is_ascii() && !matches!(byte, b'"' | b'\n' | b'\r') => Ok(*byte),
        _ => Err(text!("one ASCII character, or `tab`", "un caractère ASCII, ou `tab`")),
    }
}

/// Says how a file was destroyed, in the words of the report, which is a file of its own.
pub fn tell_destroyed(program: &Program, destroyed: &Destruction) {
    let how_fr = match &*destroyed.how {
        Destruction::OVERWRITTEN => "écrasé une fois par des octets aléatoires, tronqué, supprimé",
        Destruction::ABSENT => "il n'était plus là",
        Destruction::LOST => {
            "son emplacement est définitivement perdu, comme le déclare l'exploitant"
        }
        other => other,
    };
    let file = &destroyed.file;
    program.say(match lang() {
        Lang::En => format!("destroyed {file}: {}", destroyed.how),
        Lang::Fr => format!("{file} détruit\u{a0}: {how_fr}"),
    });
}

/// Warns of cells that hold a line break, if there are some.
pub fn over_several_lines(program: &Program, cells: u64) {
    if cells > 0 {
        program.say(text!(
            "{} over several lines: is a quote missing?",
            "{} sur plusieurs lignes : manque-t-il un guillemet ?",
            counted(cells, "cell", "cellule")
        ));
    }
}

/// The last line of a bulk verb: "10,000,000 rows in 1.4 s (7.1 M rows/s): valid 9,999,000, none
/// 1,000".
pub fn closing<K: AsRef<str>>(rows: u64, seconds: f64, counts: &BTreeMap<K, u64>) -> String {
    let took = decimal(seconds, if seconds < 1.0 { 2 } else { 1 });
    let line = text!(
        "{} rows in {took} s ({})",
        "{} lignes en {took} s ({})",
        grouped(rows),
        rate(per_second(rows, seconds))
    );
    with_counts(line, counts)
}

/// The line of one request of several, which took no time of its own: "10,000 rows: valid 9,990,
/// none 10".
pub fn counted_rows<K: AsRef<str>>(rows: u64, counts: &BTreeMap<K, u64>) -> String {
    with_counts(text!("{} rows", "{} lignes", grouped(rows)), counts)
}

fn with_counts<K: AsRef<str>>(mut line: String, counts: &BTreeMap<K, u64>) -> String {
    let mut counts: Vec<_> = counts.iter().collect();
    counts.sort_by_key(|(_, count)| Reverse(**count));
    let colon = text!(": ", "\u{a0}: ");
    for (place, (word, count)) in counts.into_iter().enumerate() {
        let before = if place == 0 { &*colon } else { ", " };
        line.push_str(&format!("{before}{} {}", word.as_ref(), grouped(*count)));
    }
    line
}

/// What a look-up is worth, in lines: the distribution of scores, "0.95 to 1.00  ████ 1,204" for
/// each step that has rows, and how many rows have a code. None if nobody was looked up.
pub fn looked_up(scores: Option<&Scores>, coded: Option<u64>, rows: u64) -> Vec<String> {
    const WIDTH: u64 = 40;
    let Some(scores) = scores else { return Vec::new() };
    let most = scores.iter().copied().max().unwrap_or_default().max(1);
    let step = |edge: usize| edge as f64 / Score::STEPS as f64;
    let bar = |(at, count): (usize, &u64)| {
        let bar = "█".repeat((count * WIDTH).div_ceil(most) as usize);
        text!(
            "  {} to {}  {bar} {}",
            "  {} à {}  {bar} {}",
            decimal(step(at), 2),
            decimal(step(at + 1), 2),
            grouped(*count)
        )
    };
    let heading = text!(
        "rows by their score, the probability that the likeliest person is the right one:",
        "lignes par score, la probabilité que la personne la plus vraisemblable soit la bonne :"
    );
    let bars = scores.iter().enumerate().filter(|(_, count)| **count > 0).map(bar);
    let coded = coded.map(|coded| {
        text!(
            "{} of {} rows have a code",
            "{} lignes sur {} ont un code",
            grouped(coded),
            grouped(rows)
        )
    });
    iter::once(heading).chain(bars).chain(coded).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_a_number_with_or_without_a_unit() {
        for (text, bytes) in [
            ("16777216", 16 << 20),
            ("16777216B", 16 << 20),
            ("64MB", 64_000_000),
            ("20000kB", 20_000_000),
            ("20000KiB", 20_000 << 10),
            ("512MiB", 512 << 20),
            ("3GB", 3_000_000_000),
            ("1GiB", 1 << 30),
        ] {
            assert_eq!(memory(text), Ok(bytes), "{text}");
        }
        let huge = format!("{}GiB", u64::MAX);
        for bad in
            ["", "MiB", "1.5GiB", "-1", "1 GiB", "64Mb", "1TiBB", "99999999999999999999", &huge]
        {
            assert!(memory(bad).is_err_and(|said| said.contains("such as")), "{bad}");
        }
        for little in ["0", "1", "16MB", "15MiB"] {
            assert!(memory(little).is_err_and(|said| said.contains("at least 16MiB")), "{little}");
        }
    }

    #[test]
    fn threads_are_few() {
        assert_eq!(threads("2").map(NonZeroUsize::get), Ok(2));
        for bad in ["0", "-1", "1025", "many", ""] {
            assert!(threads(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_look_up_has_a_line_for_each_step_with_rows_and_one_for_the_codes() {
        let mut scores = Scores::default();
        assert!(looked_up(None, Some(1), 1).is_empty(), "nobody was looked up");
        (scores[0], scores[19]) = (1, 80_000);
        let lines = looked_up(Some(&scores), Some(79_000), 80_002);
        let full = "█".repeat(40);
        assert_eq!(
            lines[1..3],
            ["  0.00 to 0.05  █ 1".to_owned(), format!("  0.95 to 1.00  {full} 80,000")]
        );
        assert_eq!(lines[3..], ["79,000 of 80,002 rows have a code"]);
        assert_eq!(
            looked_up(Some(&scores), None, 80_002).len(),
            3,
            "a report that says nothing of codes"
        );
    }

    #[test]
    fn one_thing_is_no_several() {
        let told = [1, 0, 2, 1200].map(|number| counted(number, "cell", "cellule"));
        assert_eq!(told, ["1 cell", "0 cells", "2 cells", "1,200 cells"]);
    }

    #[test]
    fn the_last_line_says_rows_seconds_rate_and_counts() {
        let counts = BTreeMap::from([("none", 1000), ("valid", 9_999_000)]);
        assert_eq!(
            closing(10_000_000, 1.4, &counts),
            "10,000,000 rows in 1.4 s (7.1 M rows/s): valid 9,999,000, none 1,000"
        );
        assert_eq!(
            closing(20, 0.04, &BTreeMap::from([("ok", 20)])),
            "20 rows in 0.04 s (500 rows/s): ok 20"
        );
        assert_eq!(
            closing(999, 0.0, &BTreeMap::<&str, u64>::new()),
            "999 rows in 0.00 s (0 rows/s)"
        );
        assert_eq!(
            (rate(999_949.0), rate(999_950.0)),
            ("999,949 rows/s".into(), "1.0 M rows/s".into())
        );
    }
}
