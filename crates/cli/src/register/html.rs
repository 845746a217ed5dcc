//! What a page is made of: tables, figures, numbers, and words of a file.

use std::fmt::Write;

use cstatns::language::Words;

use crate::figures::decimal;
use crate::lang::{said, text};

pub(super) fn table(caption: &Words, head: &[&Words], rows: &str) -> String {
    let caption = said(caption);
    let cell = |text: &&Words| format!("<th scope=\"col\">{}</th>", said(*text));
    let head: String = head.iter().map(cell).collect();
    format!(
        "<div class=\"scroll\" role=\"region\" aria-label=\"{caption}\" tabindex=\"0\"><table>
<caption>{caption}</caption>
<thead><tr>{head}</tr></thead>
<tbody>
{rows}</tbody>
</table></div>
"
    )
}

pub(super) fn row(rows: &mut String, class: &str, head: &str, cells: &[String]) {
    let cells: String = cells.iter().map(|cell| format!("<td>{cell}</td>")).collect();
    let class = if class.is_empty() { String::new() } else { format!(" class=\"{class}\"") };
    let _ = writeln!(rows, "<tr{class}><th scope=\"row\">{head}</th>{cells}</tr>");
}

pub(super) fn figure(
    id: &str,
    (width, height): (f64, f64),
    title: &Words,
    caption: &Words,
    drawing: &str,
) -> String {
    let (title, caption) = (said(title), said(caption));
    format!(
        "<figure>
<svg viewBox=\"0 0 {width} {height}\" role=\"img\" aria-labelledby=\"{id}-title {id}-text\">
<title id=\"{id}-title\">{title}</title>
{drawing}</svg>
<figcaption id=\"{id}-text\">{title}. {caption}</figcaption>
</figure>
"
    )
}

/// A word of a file, which may break where its parts end.
pub(super) fn word(text: &str) -> String {
    let mut word = String::new();
    for c in text.chars() {
        match c {
            '<' => word.push_str("&lt;"),
            '>' => word.push_str("&gt;"),
            '&' => word.push_str("&amp;"),
            '_' | '-' => {
                word.push(c);
                word.push_str("<wbr/>");
            }
            c if c.is_control() => word.push(char::REPLACEMENT_CHARACTER),
            c => word.push(c),
        }
    }
    word
}

/// A narrow space at which no line breaks.
pub(super) const NBSP: char = '\u{202f}';

pub(super) fn dash() -> String {
    "–".to_owned()
}

/// A share of rows as a percentage.
pub(super) fn percent(part: u64, of: u64) -> String {
    share((of > 0).then(|| part as f64 / of as f64))
}

/// A share as a percentage of three significant digits; all and nothing are said of all and nothing
/// only.
pub(super) fn share(share: Option<f64>) -> String {
    let Some(value) = share.map(|share| 100.0 * share) else { return dash() };
    if value == 0.0 || value == 100.0 {
        return format!("{value}{NBSP}%");
    }
    let digits: usize = if value < 1.0 {
        3
    } else if value < 10.0 {
        2
    } else {
        1
    };
    let least = 0.1_f64.powi(digits as i32);
    if value < least {
        let least = decimal(least, digits);
        return text!("under{NBSP}{least}{NBSP}%", "moins de{NBSP}{least}{NBSP}%");
    }
    format!("{}{NBSP}%", decimal(value.min(100.0 - least), digits))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_have_three_digits_and_all_is_all() {
        for (part, of, text) in [
            (0, 7, "0 %"),
            (7, 7, "100 %"),
            (1, 3, "33.3 %"),
            (1, 30, "3.33 %"),
            (1, 300, "0.333 %"),
            (9999, 10_000, "99.9 %"),
            (1, 1_000_000, "under 0.001 %"),
            (0, 0, "–"),
        ] {
            assert_eq!(percent(part, of).replace(NBSP, " "), text);
        }
    }

    #[test]
    fn what_comes_from_a_file_is_escaped() {
        assert_eq!(word("a_b-c"), "a_<wbr/>b-<wbr/>c");
        assert_eq!(word("<b>&\0"), "&lt;b&gt;&amp;\u{fffd}");
    }
}
