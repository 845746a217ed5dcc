//! A request that is swapped while it is coded: in two passes no row leaves that the first one has
//! not seen.

use std::fs;
use std::io::{self, Write};
use std::path::Path;

use cstatns::coded::Coded as _;
use cstatns::identifier::Scheme;
use cstatns_bulk::{CodeFileError, Out, Request, Seen, Tally, code};
use cstatns_controller::Column;
use cstatns_rows::effort::Effort;
use cstatns_rows::table::Format;

use crate::common::{POPULATION, Place, Way};

const ROWS: usize = 60_000;

/// Does something once something is written.
struct Then<'a> {
    written: Vec<u8>,
    then: Option<Box<dyn FnOnce() + Send + 'a>>,
}

impl Write for Then<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.written.extend_from_slice(bytes);
        // The header alone is nobody's.
        if self.written.len() > 100
            && let Some(then) = self.then.take()
        {
            then();
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn prepared(place: &Place) -> Way {
    let way = Way::new(place, "people", "csv", "csv");
    let mut data = "nir\n".to_owned();
    for n in 0..ROWS {
        data += &format!(
            "2{:02}{:02}75{:03}{:03}\n",
            n % 100,
            1 + n % 12,
            n / 999 % 999 + 1,
            n % 999 + 1
        );
    }
    fs::write(&way.data, data).unwrap();
    way.prepare(Column::Identifiers { columns: &["nir"], scheme: Scheme::FrNir }, b',').unwrap();
    way
}

/// Puts the identifiers of other rows into each row, in place.
fn swap(request: &Path) {
    let text = fs::read_to_string(request).unwrap();
    let (header, rows) = text.split_once('\n').unwrap();
    let rows: Vec<(&str, &str)> = rows.lines().map(|row| row.split_once(',').unwrap()).collect();
    let mut swapped = header.to_owned() + "\n";
    for (row, (index, _)) in rows.iter().enumerate() {
        swapped += &format!("{index},{}\n", rows[(row + 1) % ROWS].1);
    }
    assert_eq!(swapped.len(), text.len());
    fs::write(request, swapped).unwrap();
}

fn step(way: &Way, out: Out<'_>) -> Result<Tally, CodeFileError> {
    let (manifest, meta) = (way.manifest(), POPULATION.meta(1, 1));
    let (path, effort) = (&*way.request, &Effort::default());
    let request = Request {
        inside: None,
        path,
        manifest: &manifest,
        format: Format::Csv,
        meta: &meta,
        effort,
    };
    code(&request, &POPULATION.coder(1), out)
}

#[test]
fn two_passes_give_the_bytes_of_one() {
    let place = Place::new();
    let way = prepared(&place);
    let (mut one, mut two, seen) = (Vec::new(), Vec::new(), Seen::default());
    let tally = step(&way, Out::from(&mut one)).unwrap();
    assert_eq!(step(&way, Out::first(&mut io::sink(), &seen)).unwrap(), tally);
    assert_eq!(step(&way, Out::from(&mut two).second(&seen)).unwrap(), tally);
    assert!(one == two);
}

#[test]
fn of_a_request_that_is_swapped_between_the_passes_no_row_is_written() {
    let place = Place::new();
    let way = prepared(&place);
    let (mut written, seen) = (Vec::new(), Seen::default());
    step(&way, Out::first(&mut io::sink(), &seen)).unwrap();
    swap(&way.request);
    let refused = step(&way, Out::from(&mut written).second(&seen)).unwrap_err();
    assert_eq!(refused.code(), "request-swapped");
    assert_eq!(written, b"index,code,quality\n");
}

#[test]
fn of_a_request_that_is_swapped_during_the_second_pass_only_verified_rows_are_written() {
    let place = Place::new();
    let way = prepared(&place);
    let genuine = fs::read(&way.request).unwrap();
    let mut expected = Vec::new();
    step(&way, Out::from(&mut expected)).unwrap();
    let then = || Some(Box::new(|| swap(&way.request)) as Box<dyn FnOnce() + Send>);

    let seen = Seen::default();
    step(&way, Out::first(&mut io::sink(), &seen)).unwrap();
    let mut out = Then { written: Vec::new(), then: then() };
    let refused = step(&way, Out::from(&mut out).second(&seen)).unwrap_err();
    assert_eq!(refused.code(), "request-swapped");
    assert!(out.written.len() > 100 && out.written.len() < expected.len());
    assert!(expected.starts_with(&out.written), "a row that was not verified");

    // One pass writes them, which is why nobody may read its file before it has ended.
    fs::write(&way.request, &genuine).unwrap();
    let mut out = Then { written: Vec::new(), then: then() };
    assert_eq!(step(&way, Out::from(&mut out)).unwrap_err().code(), "commitment");
    assert!(!expected.starts_with(&out.written));
}
/// The last rows of a block are hashed with the first ones of the next.
#[test]
fn a_row_at_the_end_of_a_block_waits_until_it_is_verified() {
    let place = Place::new();
    let way = prepared(&place);
    let genuine = fs::read_to_string(&way.request).unwrap();
    let mut expected = Vec::new();
    step(&way, Out::from(&mut expected)).unwrap();
    for row in [8191, 8190, 8150] {
        let seen = Seen::default();
        fs::write(&way.request, &genuine).unwrap();
        step(&way, Out::first(&mut io::sink(), &seen)).unwrap();
        let mut lines: Vec<String> = genuine.lines().map(str::to_owned).collect();
        let other = lines[row + 20_000][33..].to_owned();
        lines[row + 1].replace_range(33.., &other);
        fs::write(&way.request, lines.join("\n") + "\n").unwrap();
        let mut written = Vec::new();
        let refused = step(&way, Out::from(&mut written).second(&seen)).unwrap_err();
        assert_eq!(refused.code(), "request-swapped");
        assert!(expected.starts_with(&written), "row {row} was not verified");
    }
}
