//! Numbers as people read them.

use cstatns_base::name;

use crate::lang::{Lang, lang, text};

/// A number, with what separates thousands in the language.
pub fn grouped(number: u64) -> String {
    match lang() {
        Lang::En => name::grouped(number),
        Lang::Fr => name::grouped_fr(number),
    }
}

/// A number with so many decimals.
pub fn decimal(number: f64, digits: usize) -> String {
    let text = format!("{number:.digits$}");
    match lang() {
        Lang::En => text,
        Lang::Fr => text.replace('.', ","),
    }
}

/// The rate of the summary and of the last line.
pub fn per_second(rows: u64, seconds: f64) -> f64 {
    if seconds > 0.0 { rows as f64 / seconds } else { 0.0 }
}

/// "7.1 M rows/s", or "71,000 rows/s" where they are fewer.
pub(crate) fn rate(per_second: f64) -> String {
    if per_second < 999_950.0 {
        let rows = grouped(per_second.round() as u64);
        text!("{rows} rows/s", "{rows} lignes/s")
    } else {
        let rows = decimal(per_second / 1e6, 1);
        text!("{rows} M rows/s", "{rows} M lignes/s")
    }
}

/// So many of a thing: "1 cell", "1,200 cells"; in French none and one are not several.
pub fn counted(number: u64, one: &str, one_fr: &str) -> String {
    let (things, plural) = match lang() {
        Lang::En => (one.to_owned(), number != 1),
        // Its adjectives too.
        Lang::Fr => (one_fr.replace(' ', if number < 2 { " " } else { "s " }), number >= 2),
    };
    format!("{} {things}{}", grouped(number), if plural { "s" } else { "" })
}

/// How long that is, in its greatest unit.
pub fn in_words(seconds: u64) -> String {
    match seconds {
        0..=119 => counted(seconds, "second", "seconde"),
        120..=7_199 => counted(seconds / 60, "minute", "minute"),
        7_200..=172_799 => counted(seconds / 3_600, "hour", "heure"),
        _ => counted(seconds / 86_400, "day", "jour"),
    }
}
