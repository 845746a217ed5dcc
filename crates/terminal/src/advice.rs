//! What to do about an error of a library, which says only what is wrong: a table for each
//! language, from the code, the blame and the facts of the error to a sentence that may name
//! commands and options of the programs.

use cstatns_base::civil_status::Field;
use cstatns_base::coded::{Blame, Fact};

use crate::lang::Lang;

/// The table of advice in English; how to read a table stands at its head.
const ENGLISH: &str = include_str!("advice/en.txt");

/// The same in French.
const FRENCH: &str = include_str!("advice/fr.txt");

// Every row has its French one: else this does not compile.
const _: () = assert!(
    have_same_rows(ENGLISH.as_bytes(), FRENCH.as_bytes()),
    "advice/fr.txt does not have the rows of advice/en.txt, each with an advice, in their order"
);

/// Whether two tables have the same rows in the same order, each with an advice.
const fn have_same_rows(one: &[u8], other: &[u8]) -> bool {
    let (mut at, mut other_at) = (0, 0);
    loop {
        let (start, end, next) = next_row(one, at);
        let (other_start, other_end, other_next) = next_row(other, other_at);
        if end - start != other_end - other_start {
            return false;
        }
        let mut byte = 0;
        while start + byte < end {
            if one[start + byte] != other[other_start + byte] {
                return false;
            }
            byte += 1;
        }
        if start == one.len() || other_start == other.len() {
            return start == one.len() && other_start == other.len();
        }
        // Behind the head, ": " and the end of the line.
        if next < end + 4 || other_next < other_end + 4 {
            return false;
        }
        (at, other_at) = (next, other_next);
    }
}

/// Where the next row of a table starts, where its head ends, and where the line behind it starts.
const fn next_row(table: &[u8], mut start: usize) -> (usize, usize, usize) {
    loop {
        let (mut end, mut next) = (start, start);
        while next < table.len() && table[next] != b'\n' {
            if end == start
                && table[next] == b':'
                && next + 1 < table.len()
                && table[next + 1] == b' '
            {
                end = next;
            }
            next += 1;
        }
        if next < table.len() {
            next += 1;
        }
        if start == table.len() || (table[start] != b'#' && table[start] != b'\n') {
            return (start, end, next);
        }
        start = next;
    }
}

/// The table of a language.
pub fn table(lang: Lang) -> &'static str {
    match lang {
        Lang::En => ENGLISH,
        Lang::Fr => FRENCH,
    }
}

/// The rows of a table: a code with conditions, and what is said.
pub fn rows(table: &str) -> impl Iterator<Item = (&str, &str)> {
    let rows = table.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    rows.map(|line| line.split_once(": ").expect("a row is `CODE CONDITION …: advice`"))
}

/// What the table of a language says about an error.
pub fn advice(lang: Lang, code: &str, blame: Blame, facts: &[Fact]) -> Option<String> {
    let (_, said) = rows(table(lang)).find(|(row, _)| applies(row, code, blame, facts))?;
    let inner = |name: &str| advice(lang, value(facts, name)?, blame, facts);
    let mut text = String::new();
    let mut parts = said.split('{');
    text.push_str(parts.next().unwrap_or_default());
    for part in parts {
        let (name, rest) = part.split_once('}').expect("a placeholder ends");
        match name.strip_prefix('@') {
            Some(name) => text.push_str(&inner(name).unwrap_or_default()),
            None if name == "forms" && lang == Lang::Fr => {
                let field = value(facts, "field").and_then(Field::of);
                text.push_str(field.and_then(Field::forms_fr).unwrap_or_default());
            }
            None => text.push_str(
                value(facts, name).expect("the row applies to errors with this fact alone"),
            ),
        }
        text.push_str(rest);
    }
    Some(text)
}

/// The rows that [`advice`] goes by: a test finds those that no error needs.
pub fn rows_used<'a>(table: &'a str, code: &str, blame: Blame, facts: &[Fact]) -> Vec<&'a str> {
    let Some((row, said)) = rows(table).find(|(row, _)| applies(row, code, blame, facts)) else {
        return Vec::new();
    };
    let inner = said.split("{@").skip(1).filter_map(|part| value(facts, part.split('}').next()?));
    let inner = inner.flat_map(|code| rows_used(table, code, blame, facts));
    std::iter::once(row).chain(inner).collect()
}

/// The value of a fact; as `forms`, what is read as the field that the error is about, as `remote`
/// a path that is an address.
fn value<'a>(facts: &'a [Fact], name: &str) -> Option<&'a str> {
    match name {
        // A place that is no path of a file system, such as s3://bucket/file.
        "remote" => value(facts, "path").filter(|path| path.contains("://")),
        "forms" => Field::of(value(facts, "field")?)?.forms(),
        _ => facts.iter().find(|fact| fact.name() == name).map(Fact::value),
    }
}

fn applies(row: &str, code: &str, blame: Blame, facts: &[Fact]) -> bool {
    let mut words = row.split(' ');
    words.next().is_some_and(|word| word == code || word == "*")
        && words.all(|condition| match condition.split_once('=') {
            Some(("blame", wanted)) => word(blame) == wanted,
            Some((name, wanted)) => value(facts, name) == Some(wanted),
            None => value(facts, condition).is_some(),
        })
}

fn word(blame: Blame) -> &'static str {
    match blame {
        Blame::Input => "input",
        Blame::OtherSide => "other-side",
        Blame::Tampering => "tampering",
        _ => "machine",
    }
}
