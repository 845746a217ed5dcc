//! What every page is made of: one file of HTML with its style and drawings in it, no script, and
//! nothing from elsewhere. Text is escaped by the templates.

use maud::{DOCTYPE, Markup, PreEscaped, html};

use crate::lang::text;

/// The style of all pages, in both colour schemes and on paper.
pub(crate) const STYLE: &str = include_str!("page/style.css");

/// A page in the language of the program; `class` is that of its main part.
pub(crate) fn document(title: &str, class: Option<&str>, body: &Markup) -> String {
    let policy = "default-src 'none'; style-src 'unsafe-inline'";
    let page = html! {
        (DOCTYPE)
        html lang=(text!("en", "fr")) {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta http-equiv="Content-Security-Policy" content=(policy);
                title { (title) }
                style { (PreEscaped(STYLE)) }
            }
            body { main class=[class] { (body) } }
        }
    };
    page.into_string() + "\n"
}

/// A table of text. The first cell of a row is its head.
pub(crate) fn table(caption: &str, head: &[String], rows: &[Vec<String>]) -> Markup {
    let rows = html! {
        @for row in rows {
            tr {
                @for (place, cell) in row.iter().enumerate() {
                    @let class = (cell.chars().count() <= WORD).then_some("word");
                    @if place == 0 {
                        th scope="row" class=[class] { (marked(cell)) }
                    } @else {
                        td class=[class] { (marked(cell)) }
                    }
                }
            }
        }
    };
    scrolled(caption, Some("text"), head, &rows)
}

/// A line of a table of numbers.
pub(crate) struct Counts {
    /// Of its own look, if it has one.
    pub(crate) class: Option<&'static str>,
    pub(crate) head: Markup,
    pub(crate) cells: Vec<String>,
}

/// A table of numbers.
pub(crate) fn counts(caption: &str, head: &[String], rows: &[Counts]) -> Markup {
    let rows = html! {
        @for row in rows {
            tr class=[row.class] {
                th scope="row" { (row.head) }
                @for cell in &row.cells { td { (cell) } }
            }
        }
    };
    scrolled(caption, None, head, &rows)
}

/// A table that scrolls by itself where it is wider than the page.
fn scrolled(caption: &str, class: Option<&str>, head: &[String], rows: &Markup) -> Markup {
    html! {
        div.scroll role="region" aria-label=(caption) tabindex="0" {
            table class=[class] {
                caption { (caption) }
                thead { tr { @for cell in head { th scope="col" { (cell) } } } }
                tbody { (rows) }
            }
        }
    }
}

/// What is not longer, a date or a number, stays in one line.
const WORD: usize = 10;

/// Text in which what stands between two backticks is a name.
pub(crate) fn marked(text: &str) -> Markup {
    html! {
        @for (place, part) in text.split('`').enumerate() {
            @if place % 2 == 1 { code { (part) } } @else { (part) }
        }
    }
}

/// Text of this program in which, besides, what stands between two asterisks is stressed.
pub(crate) fn prose(text: &str) -> Markup {
    html! {
        @for (place, part) in text.split('*').enumerate() {
            @if place % 2 == 1 { em { (marked(part)) } } @else { (marked(part)) }
        }
    }
}

/// A word of a file, which may break where its parts end.
pub(crate) fn word(text: &str) -> Markup {
    let shown = |c: char| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c };
    let text: String = text.chars().map(shown).collect();
    html! {
        @for part in text.split_inclusive(['_', '-']) {
            (part) @if part.ends_with(['_', '-']) { wbr; }
        }
    }
}

/// A drawing with its title, and a caption that says how to read it.
pub(crate) fn figure(
    id: &str,
    (width, height): (f64, f64),
    title: &str,
    caption: &str,
    drawing: &Markup,
) -> Markup {
    let (title_id, text_id) = (format!("{id}-title"), format!("{id}-text"));
    html! {
        figure {
            svg viewBox=(format!("0 0 {width} {height}")) role="img"
                aria-labelledby=(format!("{title_id} {text_id}")) {
                title id=(title_id) { (title) }
                (drawing)
            }
            figcaption id=(text_id) { (title) ". " (caption) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a ledger or a file says is text, wherever it stands.
    #[test]
    fn no_text_becomes_markup() {
        let wicked = "\"'><script>x</script>`<b>`&amp;";
        let cells = [wicked.to_owned(), wicked.to_owned()];
        let body = html! {
            (table(wicked, &cells, &[cells.to_vec()]))
            (counts(wicked, &cells, &[Counts { class: None, head: word(wicked), cells: cells.to_vec() }]))
            (figure("id", (1.0, 1.0), wicked, wicked, &html! {}))
            (marked(wicked))
            (prose(wicked))
        };
        let page = document(wicked, None, &body);
        assert!(!page.contains("<script") && !page.contains("<b>"), "{page}");
        assert!(!page.contains("label=\"\""), "{page}");
        assert_eq!(
            page.matches("&lt;script&gt;").count(),
            page.matches("x&lt;/script&gt;").count()
        );
        assert!(page.contains("<code>&lt;b&gt;</code>&amp;amp;"), "{page}");
    }

    #[test]
    fn a_word_of_a_file_may_break_and_shows_no_control_character() {
        assert_eq!(word("a_b-c").into_string(), "a_<wbr>b-<wbr>c");
        assert_eq!(word("<b>&\0").into_string(), "&lt;b&gt;&amp;\u{fffd}");
    }

    #[test]
    fn prose_stresses_and_names() {
        assert_eq!(prose("*a* is `b`").into_string(), "<em>a</em> is <code>b</code>");
    }
}
