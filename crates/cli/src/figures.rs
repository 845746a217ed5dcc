//! Numbers as people read them.

pub(crate) use cstatns::name::grouped;

/// The rate of the summary and of the last line.
pub(crate) fn per_second(rows: u64, seconds: f64) -> f64 {
    if seconds > 0.0 { rows as f64 / seconds } else { 0.0 }
}

/// "7.1 M rows/s", or "71,000 rows/s" where they are fewer.
pub(crate) fn rate(per_second: f64) -> String {
    if per_second < 999_950.0 {
        format!("{} rows/s", grouped(per_second.round() as u64))
    } else {
        format!("{:.1} M rows/s", per_second / 1e6)
    }
}

/// So many of a thing: "1 cell", "1,200 cells".
pub(crate) fn counted(number: u64, thing: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{} {thing}{plural}", grouped(number))
}
