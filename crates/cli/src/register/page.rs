//! The page of an evaluation: one file of HTML with its drawings in it, no script, and nothing from
//! elsewhere. It holds counts. The only words that come from a file are kinds of rows, which are
//! checked before and escaped here.

use std::fmt::Write;

use cstatns::language::Words;
use cstatns::name::grouped;
use cstatns_register::{Bin, Evaluation, MatchQuality, Tally, Threshold, interval};

use super::draw::{Axes, bars};
use super::measured::{Kinds, Measured};

const STYLE: &str = "
:root{color-scheme:light dark;--ink:#1b1b1b;--soft:#595959;--line:#cfcfcf;--paper:#fff;--right:#1c5d99;--wrong:#b04a12}
@media screen and (prefers-color-scheme:dark){:root{--ink:#e6e6e6;--soft:#a9a9a9;--line:#444b54;--paper:#14171a;--right:#7fb9f2;--wrong:#f0a060}}
*{box-sizing:border-box}
body{margin:0;background:var(--paper);color:var(--ink);font:1rem/1.5 system-ui,sans-serif}
main{max-width:46rem;margin:0 auto;padding:1rem}
h1,h2{line-height:1.2}
h2{margin-top:2.5rem}
code{overflow-wrap:anywhere}
.scroll{overflow-x:auto}
table{border-collapse:collapse;min-width:min(100%,24rem);font-size:.875rem;font-variant-numeric:tabular-nums;margin:1rem 0}
caption{text-align:left;color:var(--soft);padding-bottom:.25rem}
th,td{padding:.2rem .5rem;text-align:right;vertical-align:bottom;border-bottom:1px solid var(--line)}
th{font-weight:normal}
th:first-child{text-align:left}
thead th,.all>*{font-weight:600}
.within th{padding-left:1.25rem}
figure{margin:1rem 0;max-width:30rem}
figcaption{color:var(--soft);margin-top:.5rem;font-size:.875rem}
svg{display:block;width:100%;height:auto}
svg text{fill:var(--ink);font-size:11px}
.grid{stroke:var(--line)}
.ideal{stroke:var(--soft);stroke-dasharray:4 3}
.curve{fill:none;stroke:var(--right);stroke-width:2}
.range{stroke:var(--right);stroke-width:1.5}
.dot,.right{fill:var(--right)}
.wrong{fill:var(--wrong)}
.setting{fill:none;stroke:var(--wrong);stroke-width:2}
@media screen and (max-width:30rem){main{padding:.75rem}table{font-size:.75rem}thead{font-size:.65rem}th,td{padding:.2rem .1rem}.within th{padding-left:.4rem}}
@media print{main{max-width:none}h2{break-after:avoid}figure,tr{break-inside:avoid}.scroll{overflow:visible}}
";

/// The page, as text.
pub(super) fn page(facts: &Measured) -> String {
    let body = [
        summary(facts),
        by_kind(&facts.kinds, &facts.evaluation),
        by_quality(&facts.evaluation),
        curve(&facts.evaluation),
        reliability(&facts.evaluation),
        distribution(&facts.evaluation),
        register(&facts.counts),
    ];
    format!(
        "<!DOCTYPE html>
<html lang=\"en\">
<head>
<meta charset=\"utf-8\"/>
<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>
<meta name=\"color-scheme\" content=\"light dark\"/>
<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\"/>
<title>Evaluation of look-ups in a register</title>
<style>{STYLE}</style>
</head>
<body>
<main>
{}</main>
</body>
</html>
",
        body.concat()
    )
}

fn summary(facts: &Measured) -> String {
    let evaluation = &facts.evaluation;
    let total = evaluation.total();
    let coded = total.right + total.wrong;
    let least = evaluation.min_score;
    let wrong = match interval(total.wrong, coded) {
        Some((_, high)) => format!(
            "{} of {} coded rows, {}; with 95{NBSP}% confidence at most {} of such rows",
            grouped(total.wrong),
            grouped(coded),
            percent(total.wrong, coded),
            share(Some(high))
        ),
        None => "none, for no row is coded".to_owned(),
    };
    format!(
        "<h1>Evaluation of look-ups in a register</h1>
<p>{} rows of a file that says who each is were looked up by civil status in the register <code>{}</code> of {} people.
The weights were learnt from the rows without that knowledge, as for any file. Coded are the qualities down to
<code>{}</code> with a score of at least {least}.</p>
<ul>
<li>As expected: {} of the rows, {}.</li>
<li>Wrong persons: {wrong}.</li>
</ul>
<p>This page holds counts, and of nobody a name, a date, an identifier or a row. It tells no more than whoever holds the
index can find out anyway.</p>
",
        grouped(total.rows),
        facts.id,
        grouped(facts.counts.iter().find(|(what, _)| what.en == "people").map_or(0, |(_, count)| *count)),
        evaluation.accept.word(),
        grouped(total.good),
        percent(total.good, total.rows),
    )
}

fn by_kind(kinds: &Kinds, evaluation: &Evaluation) -> String {
    let mut rows = String::new();
    for group in kinds.groups() {
        let class = if group.within.is_empty() { "" } else { "all" };
        row(&mut rows, class, &word(group.word), &tally(&group.tally(evaluation)));
        for (second, kind) in &group.within {
            row(&mut rows, "within", &word(second), &tally(&evaluation.kinds[*kind]));
        }
    }
    row(&mut rows, "all", "all rows", &tally(&evaluation.total()));
    let head = ["kind", "rows", "right", "none", "wrong", "ambi\u{ad}guous", "as ex\u{ad}pected"];
    let caption = "Rows by kind, and what came of them";
    format!(
        "<h2>By kind of row</h2>
<p>A row is <em>right</em> if it is coded as its person, <em>none</em> if it is not coded, <em>wrong</em> if it is coded as
somebody else, or though the register does not have its person, or though nobody could tell which of several people is
meant. <em>Ambiguous</em> are those of the rows not coded for which that was said. Expected is the person; nothing for people whom
the register does not have; that the row is ambiguous, where several people are meant equally; and nothing wrong, for the kind
<code>excluded</code>, which is in no curve below.</p>
{}",
        table(caption, &head, &rows)
    )
}

fn by_quality(evaluation: &Evaluation) -> String {
    let mut rows = String::new();
    let all = evaluation.total().rows;
    for (quality, tally) in MatchQuality::ALL.into_iter().zip(&evaluation.qualities) {
        let cells = [
            grouped(tally.rows),
            percent(tally.rows, all),
            grouped(tally.right),
            grouped(tally.none),
            grouped(tally.wrong),
        ];
        row(&mut rows, "", &word(quality.word()), &cells);
    }
    let head = ["quality", "rows", "share", "right", "none", "wrong"];
    format!("<h2>By quality</h2>\n{}", table("Rows by the quality that was answered", &head, &rows))
}

fn curve(evaluation: &Evaluation) -> String {
    let point =
        |threshold: &Threshold| Some((evaluation.recall(threshold)?, threshold.precision()?));
    let points: Vec<_> = evaluation.thresholds.iter().filter_map(point).collect();
    let setting = point(&evaluation.setting);
    let least =
        |of: fn(&(f64, f64)) -> f64| points.iter().chain(&setting).map(of).fold(1.0, f64::min);
    let axes = Axes::from(least(|point| point.0), least(|point| point.1));
    let mut drawing = axes.frame("recall", "precision");
    drawing += &axes.path(&points);
    points.iter().for_each(|point| drawing += &axes.dot(*point, 10));
    if let Some(setting) = setting {
        drawing += &axes.ring(setting);
    }
    let mut rows = String::new();
    for threshold in &evaluation.thresholds {
        row(&mut rows, "", &threshold.score.to_string(), &coded(evaluation, threshold));
    }
    row(&mut rows, "all", "as coded", &coded(evaluation, &evaluation.setting));
    let head = ["score from", "coded", "right", "pre\u{ad}cision", "recall"];
    format!(
        "<h2>Precision and recall</h2>
<p>If every row were coded as whoever fits it best, from a score on, whatever its quality: <em>precision</em> is how many of the
coded rows are right, <em>recall</em> how many of the {} rows whose people the register has are coded and right. What is
really coded has a precision of {} and a recall of {}: the ring.</p>
{}{}",
        grouped(evaluation.people),
        share(evaluation.setting.precision()),
        share(evaluation.recall(&evaluation.setting)),
        figure(
            "curve",
            axes.size(),
            "Precision against recall",
            "One dot for each score of the table below; axes begin where the values do.",
            &drawing
        ),
        table("Precision and recall from a score on", &head, &rows)
    )
}

fn coded(evaluation: &Evaluation, threshold: &Threshold) -> [String; 4] {
    [
        grouped(threshold.coded),
        grouped(threshold.right),
        share(threshold.precision()),
        share(evaluation.recall(threshold)),
    ]
}

fn reliability(evaluation: &Evaluation) -> String {
    let axes = Axes::from(0.0, 0.0);
    let mut drawing = axes.frame("score", "observed to be right");
    drawing += &axes.diagonal();
    let mut rows = String::new();
    for bin in &evaluation.bins {
        let bounds = interval(bin.right, bin.rows);
        if let (Some(predicted), Some(observed), Some((low, high))) =
            (bin.predicted(), bin.observed(), bounds)
        {
            drawing += &axes.range(predicted, low, high);
            drawing += &axes.dot((predicted, observed), bin.rows);
        }
        let between = bounds.map_or_else(dash, |(low, high)| {
            format!("{} to {}", share(Some(low)).trim_end_matches([NBSP, '%']), share(Some(high)))
        });
        let cells = [grouped(bin.rows), share(bin.predicted()), share(bin.observed()), between];
        row(&mut rows, "", &span(bin), &cells);
    }
    let head = ["score", "rows", "mean score", "ob\u{ad}served right", "95\u{202f}% interval"];
    let rows_in: u64 = evaluation.bins.iter().map(|bin| bin.rows).sum();
    format!(
        "<h2>What a score is worth</h2>
<p>A score is the probability, from 0 to 1, that whoever fits a row best is its person. Of {} rows with a score, this compares what scores
say with what is so: dots on the dashed line would be exactly right, above it scores are too cautious, below it too bold. On the
average the score is {} away from what was observed.</p>
{}{}",
        grouped(rows_in),
        share(evaluation.calibration_error()),
        figure(
            "reliability",
            axes.size(),
            "Observed share of right rows against the score",
            "One dot for each line of the table below that has rows, the larger the more, with its \
            95\u{202f}% interval.",
            &drawing
        ),
        table("Scores, and how often they were right", &head, &rows)
    )
}

fn distribution(evaluation: &Evaluation) -> String {
    let lines: Vec<_> =
        evaluation.bins.iter().map(|bin| (span(bin), bin.right, bin.rows - bin.right)).collect();
    let (drawing, size) = bars(&lines);
    let (top, all) = (
        evaluation.bins.last().map_or(0, |bin| bin.rows),
        lines.iter().map(|line| line.1 + line.2).sum(),
    );
    format!(
        "<h2>How scores are spread</h2>
<p>{} of {} rows with a score ({}) have 0.999 or more. Beside each bar: for how many rows whoever fits best is the person, and
for how many not.</p>
{}",
        grouped(top),
        grouped(all),
        percent(top, all),
        figure(
            "spread",
            size,
            "Rows by score",
            "First the rows where it is the person, then those where it is not; numbers as in the \
            table above.",
            &drawing
        )
    )
}

fn register(counts: &[(&'static Words, u64)]) -> String {
    let mut rows = String::new();
    for (what, count) in counts {
        row(&mut rows, "", what.en, &[grouped(*count)]);
    }
    format!(
        "<h2>The register</h2>\n{}",
        table("What the index holds", &["what", "how many"], &rows)
    )
}

fn tally(tally: &Tally) -> [String; 6] {
    let Tally { rows, right, none, wrong, declared, good } = *tally;
    let [rows, right, none, wrong, declared] = [rows, right, none, wrong, declared].map(grouped);
    [rows, right, none, wrong, declared, percent(good, tally.rows)]
}

fn table(caption: &str, head: &[&str], rows: &str) -> String {
    let head: String = head.iter().map(|text| format!("<th scope=\"col\">{text}</th>")).collect();
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

fn row(rows: &mut String, class: &str, head: &str, cells: &[String]) {
    let cells: String = cells.iter().map(|cell| format!("<td>{cell}</td>")).collect();
    let class = if class.is_empty() { String::new() } else { format!(" class=\"{class}\"") };
    let _ = writeln!(rows, "<tr{class}><th scope=\"row\">{head}</th>{cells}</tr>");
}

fn figure(
    id: &str,
    (width, height): (f64, f64),
    title: &str,
    caption: &str,
    drawing: &str,
) -> String {
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
fn word(text: &str) -> String {
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
const NBSP: char = '\u{202f}';

fn dash() -> String {
    "–".to_owned()
}

fn span(bin: &Bin) -> String {
    format!("{} to {}", bin.from, bin.to)
}

/// A share of rows as a percentage.
pub(super) fn percent(part: u64, of: u64) -> String {
    share((of > 0).then(|| part as f64 / of as f64))
}

/// A share as a percentage of three significant digits; all and nothing are said of all and nothing
/// only.
fn share(share: Option<f64>) -> String {
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
        return format!("under{NBSP}{least:.digits$}{NBSP}%");
    }
    format!("{:.digits$}{NBSP}%", value.min(100.0 - least))
}

#[cfg(test)]
mod tests {
    use cstatns::name::Hex;
    use cstatns::words;

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

    #[test]
    fn a_page_without_rows_has_no_numbers() {
        let facts = Measured {
            id: Hex([0; 16]),
            counts: [(words!("people", "personnes"), 2); 11],
            kinds: Kinds::default(),
            evaluation: Evaluation::new(MatchQuality::Found, 0.5, 0),
        };
        let page = page(&facts);
        assert!(!page.contains("NaN") && !page.contains("inf"), "{page}");
        assert!(page.contains("<li>Wrong persons: none, for no row is coded.</li>"));
    }
}
