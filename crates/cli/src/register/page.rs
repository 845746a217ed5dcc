//! The page of an evaluation: one file of HTML with its drawings in it, no script, and nothing from
//! elsewhere. It holds counts. The only words that come from a file are kinds of rows, which are
//! checked before and escaped by [`word`].

use cstatns::language::Words;
use cstatns::words;
use cstatns_register::{Bin, Evaluation, MatchQuality, Tally, Threshold, interval};

use crate::figures::grouped;
use crate::lang::{Lang, lang, said, text};
use crate::page::STYLE;

use super::draw::{Axes, bars};
use super::html::{NBSP, dash, figure, percent, row, share, table, word};
use super::measured::{Kinds, Measured};

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
    let title = title();
    format!(
        "<!DOCTYPE html>
<html lang=\"{}\">
<head>
<meta charset=\"utf-8\"/>
<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>
<meta name=\"color-scheme\" content=\"light dark\"/>
<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\"/>
<title>{title}</title>
<style>{STYLE}</style>
</head>
<body>
<main>
{}</main>
</body>
</html>
",
        text!("en", "fr"),
        body.concat()
    )
}

fn title() -> String {
    text!("Evaluation of look-ups in a register", "Évaluation de recherches dans un répertoire")
}

fn summary(facts: &Measured) -> String {
    let evaluation = &facts.evaluation;
    let total = evaluation.total();
    let coded = total.right + total.wrong;
    let least = score(evaluation.min_score);
    let wrong = match interval(total.wrong, coded) {
        Some((_, high)) => text!(
            "{} of {} coded rows, {}; with 95{NBSP}% confidence at most {} of such rows",
            "{} des {} lignes codées, {} ; avec une confiance de 95{NBSP}% au plus {} de telles lignes",
            grouped(total.wrong),
            grouped(coded),
            percent(total.wrong, coded),
            share(Some(high))
        ),
        None => text!("none, for no row is coded", "aucune, car aucune ligne n'est codée"),
    };
    let title = title();
    text!(
        "<h1>{title}</h1>
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
        "<h1>{title}</h1>
<p>{} lignes d'un fichier qui dit qui est chacune ont été recherchées par état civil dans le répertoire <code>{}</code> de {}
personnes. Les poids ont été appris des lignes sans ce savoir, comme pour tout fichier. Sont codées les qualités jusqu'à
<code>{}</code> avec un score d'au moins {least}.</p>
<ul>
<li>Comme attendu : {} des lignes, {}.</li>
<li>Personnes fausses : {wrong}.</li>
</ul>
<p>Cette page contient des comptes, et de personne un nom, une date, un identifiant ou une ligne. Elle n'apprend rien que celui
qui a l'index ne puisse trouver de toute façon.</p>
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
    row(&mut rows, "all", &text!("all rows", "toutes les lignes"), &tally(&evaluation.total()));
    let head = [
        words!("kind", "sorte"),
        words!("rows", "lignes"),
        words!("right", "justes"),
        words!("none", "aucune"),
        words!("wrong", "fausses"),
        words!("ambi\u{ad}guous", "ambi\u{ad}guës"),
        words!("as ex\u{ad}pected", "atten\u{ad}dues"),
    ];
    let caption = words!(
        "Rows by kind, and what came of them",
        "Les lignes par sorte, et ce qu'elles sont devenues"
    );
    text!(
        "<h2>By kind of row</h2>
<p>A row is <em>right</em> if it is coded as its person, <em>none</em> if it is not coded, <em>wrong</em> if it is coded as
somebody else, or though the register does not have its person, or though nobody could tell which of several people is
meant. <em>Ambiguous</em> are those of the rows not coded for which that was said. Expected is the person; nothing for people whom
the register does not have; that the row is ambiguous, where several people are meant equally; and nothing wrong, for the kind
<code>excluded</code>, which is in no curve below.</p>
{}",
        "<h2>Par sorte de ligne</h2>
<p>Une ligne est <em>juste</em> si elle est codée comme sa personne, <em>aucune</em> si elle n'est pas codée, <em>fausse</em> si
elle est codée comme quelqu'un d'autre, ou bien que le répertoire n'ait pas sa personne, ou bien que nul ne puisse dire laquelle de
plusieurs personnes est visée. <em>Ambiguës</em> sont celles des lignes non codées dont cela a été dit. Est attendue la
personne ; rien pour les personnes que le répertoire n'a pas ; que la ligne soit ambiguë, quand plusieurs personnes sont
également visées ; et rien de faux, pour la sorte <code>excluded</code>, qui n'est dans aucune courbe ci-dessous.</p>
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
    let head = [
        words!("quality", "qualité"),
        words!("rows", "lignes"),
        words!("share", "part"),
        words!("right", "justes"),
        words!("none", "aucune"),
        words!("wrong", "fausses"),
    ];
    let caption = words!(
        "Rows by the quality that was answered",
        "Les lignes par la qualité qui a été répondue"
    );
    let table = table(caption, &head, &rows);
    text!("<h2>By quality</h2>\n{table}", "<h2>Par qualité</h2>\n{table}")
}

fn curve(evaluation: &Evaluation) -> String {
    let point =
        |threshold: &Threshold| Some((evaluation.recall(threshold)?, threshold.precision()?));
    let points: Vec<_> = evaluation.thresholds.iter().filter_map(point).collect();
    let setting = point(&evaluation.setting);
    let least =
        |of: fn(&(f64, f64)) -> f64| points.iter().chain(&setting).map(of).fold(1.0, f64::min);
    let axes = Axes::from(least(|point| point.0), least(|point| point.1));
    let mut drawing = axes.frame(&text!("recall", "rappel"), &text!("precision", "précision"));
    drawing += &axes.path(&points);
    points.iter().for_each(|point| drawing += &axes.dot(*point, 10));
    if let Some(setting) = setting {
        drawing += &axes.ring(setting);
    }
    let mut rows = String::new();
    for threshold in &evaluation.thresholds {
        row(&mut rows, "", &score(threshold.score), &coded(evaluation, threshold));
    }
    let as_coded = text!("as coded", "comme codé");
    row(&mut rows, "all", &as_coded, &coded(evaluation, &evaluation.setting));
    let head = [
        words!("score from", "score à partir de"),
        words!("coded", "codées"),
        words!("right", "justes"),
        words!("pre\u{ad}cision", "pré\u{ad}cision"),
        words!("recall", "rappel"),
    ];
    text!(
        "<h2>Precision and recall</h2>
<p>If every row were coded as whoever fits it best, from a score on, whatever its quality: <em>precision</em> is how many of the
coded rows are right, <em>recall</em> how many of the {} rows whose people the register has are coded and right. What is
really coded has a precision of {} and a recall of {}: the ring.</p>
{}{}",
        "<h2>Précision et rappel</h2>
<p>Si chaque ligne était codée comme la personne qui lui va le mieux, à partir d'un score, quelle que soit sa qualité : la
<em>précision</em> est la part des lignes codées qui sont justes, le <em>rappel</em> celle des {} lignes dont le répertoire a la
personne qui sont codées et justes. Ce qui est vraiment codé a une précision de {} et un rappel de {} : l'anneau.</p>
{}{}",
        grouped(evaluation.people),
        share(evaluation.setting.precision()),
        share(evaluation.recall(&evaluation.setting)),
        figure(
            "curve",
            axes.size(),
            words!("Precision against recall", "La précision selon le rappel"),
            words!(
                "One dot for each score of the table below; axes begin where the values do.",
                "Un point pour chaque score du tableau ci-dessous ; les axes commencent où commencent les valeurs."
            ),
            &drawing
        ),
        table(
            words!(
                "Precision and recall from a score on",
                "Précision et rappel à partir d'un score"
            ),
            &head,
            &rows
        )
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
    let mut drawing = axes.frame("score", &text!("observed to be right", "observées justes"));
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
            let (low, high) = (share(Some(low)), share(Some(high)));
            let low = low.trim_end_matches([NBSP, '%']);
            text!("{low} to {high}", "{low} à {high}")
        });
        let cells = [grouped(bin.rows), share(bin.predicted()), share(bin.observed()), between];
        row(&mut rows, "", &span(bin), &cells);
    }
    let head = [
        words!("score", "score"),
        words!("rows", "lignes"),
        words!("mean score", "score moyen"),
        words!("ob\u{ad}served right", "ob\u{ad}servées justes"),
        words!("95\u{202f}% interval", "intervalle à 95\u{202f}%"),
    ];
    let rows_in: u64 = evaluation.bins.iter().map(|bin| bin.rows).sum();
    text!(
        "<h2>What a score is worth</h2>
<p>A score is the probability, from 0 to 1, that whoever fits a row best is its person. Of {} rows with a score, this compares what scores
say with what is so: dots on the dashed line would be exactly right, above it scores are too cautious, below it too bold. On the
average the score is {} away from what was observed.</p>
{}{}",
        "<h2>Ce que vaut un score</h2>
<p>Un score est la probabilité, de 0 à 1, que celui qui va le mieux à une ligne soit sa personne. Sur {} lignes avec un score,
ceci compare ce que disent les scores à ce qui est : des points sur la ligne en tirets seraient exactement justes ; au-dessus, les
scores sont trop prudents, en dessous trop hardis. En moyenne, le score est à {} de ce qui a été observé.</p>
{}{}",
        grouped(rows_in),
        share(evaluation.calibration_error()),
        figure(
            "reliability",
            axes.size(),
            words!(
                "Observed share of right rows against the score",
                "La part observée des lignes justes selon le score"
            ),
            words!(
                "One dot for each line of the table below that has rows, the larger the more, with its \
                95\u{202f}% interval.",
                "Un point pour chaque ligne du tableau ci-dessous qui en compte, d'autant plus grand qu'elles sont \
                    nombreuses, avec son intervalle à 95\u{202f}%."
            ),
            &drawing
        ),
        table(
            words!(
                "Scores, and how often they were right",
                "Les scores, et combien de fois ils étaient justes"
            ),
            &head,
            &rows
        )
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
    text!(
        "<h2>How scores are spread</h2>
<p>{} of {} rows with a score ({}) have 0.999 or more. Beside each bar: for how many rows whoever fits best is the person, and
for how many not.</p>
{}",
        "<h2>Comment les scores se répartissent</h2>
<p>{} des {} lignes avec un score ({}) ont 0,999 ou plus. À côté de chaque barre : pour combien de lignes celui qui va le mieux est la
personne, et pour combien il ne l'est pas.</p>
{}",
        grouped(top),
        grouped(all),
        percent(top, all),
        figure(
            "spread",
            size,
            words!("Rows by score", "Les lignes par score"),
            words!(
                "First the rows where it is the person, then those where it is not; numbers as in the \
                table above.",
                "D'abord les lignes où c'est la personne, puis celles où ce ne l'est pas ; nombres comme dans le tableau \
                    ci-dessus."
            ),
            &drawing
        )
    )
}

fn register(counts: &[(&'static Words, u64)]) -> String {
    let mut rows = String::new();
    for (what, count) in counts {
        row(&mut rows, "", &said(*what), &[grouped(*count)]);
    }
    let head = [words!("what", "quoi"), words!("how many", "combien")];
    let table = table(words!("What the index holds", "Ce que contient l'index"), &head, &rows);
    text!("<h2>The register</h2>\n{table}", "<h2>Le répertoire</h2>\n{table}")
}

fn tally(tally: &Tally) -> [String; 6] {
    let Tally { rows, right, none, wrong, declared, good } = *tally;
    let [rows, right, none, wrong, declared] = [rows, right, none, wrong, declared].map(grouped);
    [rows, right, none, wrong, declared, percent(good, tally.rows)]
}

fn span(bin: &Bin) -> String {
    let (from, to) = (score(bin.from), score(bin.to));
    text!("{from} to {to}", "{from} à {to}")
}

/// A score with the decimal sign of the language.
fn score(score: impl ToString) -> String {
    let text = score.to_string();
    match lang() {
        Lang::En => text,
        Lang::Fr => text.replace('.', ","),
    }
}

#[cfg(test)]
mod tests {
    use cstatns::name::Hex;

    use super::*;

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
