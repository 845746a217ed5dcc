//! The page of an evaluation. It holds counts. The only words that come from a file are kinds of
//! rows.

use cstatns::language::Words;
use cstatns::words;
use cstatns_register::{Bin, Evaluation, MatchQuality, Tally, Threshold, interval};
use maud::{Markup, html};

use crate::figures::grouped;
use crate::lang::{Lang, lang, said, text};
use crate::page::{Counts, counts, document, figure, prose, word};

use super::draw::{Axes, bars};
use super::measured::{Kinds, Measured};
use super::percent::{NBSP, dash, percent, share};

/// The page, as text.
pub(super) fn page(facts: &Measured) -> String {
    let evaluation = &facts.evaluation;
    document(
        &title(),
        None,
        &html! {
            (summary(facts))
            (by_kind(&facts.kinds, evaluation))
            (by_quality(evaluation))
            (curve(evaluation))
            (reliability(evaluation))
            (distribution(evaluation))
            (register(&facts.counts))
        },
    )
}

fn title() -> String {
    text!("Evaluation of look-ups in a register", "Évaluation de recherches dans un répertoire")
}

fn summary(facts: &Measured) -> Markup {
    let evaluation = &facts.evaluation;
    let total = evaluation.total();
    let coded = total.right + total.wrong;
    let least = score(evaluation.min_score);
    let people = facts.counts.iter().find(|(what, _)| what.en == "people");
    let people = grouped(people.map_or(0, |(_, count)| *count));
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
    html! {
        h1 { (title()) }
        p {
            (prose(&text!(
                "{} rows of a file that says who each is were looked up by civil status in the register `{}` of {people} \
                people. The weights were learnt from the rows without that knowledge, as for any file. Coded are the \
                qualities down to `{}` with a score of at least {least}.",
                "{} lignes d'un fichier qui dit qui est chacune ont été recherchées par état civil dans le répertoire \
                    `{}` de {people} personnes. Les poids ont été appris des lignes sans ce savoir, comme pour tout \
                    fichier. Sont codées les qualités jusqu'à `{}` avec un score d'au moins {least}.",
                grouped(total.rows),
                facts.id,
                evaluation.accept.word()
            )))
        }
        ul {
            li {
                (text!(
                    "As expected: {} of the rows, {}.",
                    "Comme attendu : {} des lignes, {}.",
                    grouped(total.good),
                    percent(total.good, total.rows)
                ))
            }
            li { (text!("Wrong persons: {wrong}.", "Personnes fausses : {wrong}.")) }
        }
        p {
            (text!(
                "This page holds counts, and of nobody a name, a date, an identifier or a row. It says no more than \
                whoever holds the index can find out anyway.",
                "Cette page contient des comptes, et de personne un nom, une date, un identifiant ou une ligne. Elle \
                    n'apprend rien que celui qui a l'index ne puisse trouver de toute façon."
            ))
        }
    }
}

/// The words of the heads of a table, in the language of the program.
fn heads<const N: usize>(heads: [&'static Words; N]) -> [String; N] {
    heads.map(said)
}

fn line<const N: usize>(class: Option<&'static str>, head: Markup, cells: [String; N]) -> Counts {
    Counts { class, head, cells: cells.into() }
}

fn by_kind(kinds: &Kinds, evaluation: &Evaluation) -> Markup {
    let mut rows = Vec::new();
    for group in kinds.groups() {
        let class = (!group.within.is_empty()).then_some("all");
        rows.push(line(class, word(group.word), tally(&group.tally(evaluation))));
        for (second, kind) in &group.within {
            rows.push(line(Some("within"), word(second), tally(&evaluation.kinds[*kind])));
        }
    }
    let all = html! { (text!("all rows", "toutes les lignes")) };
    rows.push(line(Some("all"), all, tally(&evaluation.total())));
    let head = heads([
        words!("kind", "sorte"),
        words!("rows", "lignes"),
        words!("right", "justes"),
        words!("none", "aucune"),
        words!("wrong", "fausses"),
        words!("ambi\u{ad}guous", "ambi\u{ad}guës"),
        words!("as ex\u{ad}pected", "atten\u{ad}dues"),
    ]);
    let caption = text!(
        "Rows by kind, and what came of them",
        "Les lignes par sorte, et ce qu'elles sont devenues"
    );
    html! {
        h2 { (text!("By kind of row", "Par sorte de ligne")) }
        p {
            (prose(&text!(
                "A row is *right* if it is coded as its person, *none* if it is not coded, *wrong* if it is coded as \
                somebody else, or though the register does not have its person, or though nobody could say which of \
                several people is meant. *Ambiguous* are those of the rows not coded for which that was said. Expected is \
                the person; nothing for people whom the register does not have; that the row is ambiguous, where several \
                people are meant equally; and nothing wrong, for the kind `excluded`, which is in no curve below.",
                "Une ligne est *juste* si elle est codée comme sa personne, *aucune* si elle n'est pas codée, *fausse* si \
                    elle est codée comme quelqu'un d'autre, ou bien que le répertoire n'ait pas sa personne, ou bien que \
                    nul ne puisse dire laquelle de plusieurs personnes est visée. *Ambiguës* sont celles des lignes non \
                    codées dont cela a été dit. Est attendue la personne ; rien pour les personnes que le répertoire n'a \
                    pas ; que la ligne soit ambiguë, quand plusieurs personnes sont également visées ; et rien de faux, \
                    pour la sorte `excluded`, qui n'est dans aucune courbe ci-dessous."
            )))
        }
        (counts(&caption, &head, &rows))
    }
}

fn by_quality(evaluation: &Evaluation) -> Markup {
    let all = evaluation.total().rows;
    let row = |(quality, tally): (MatchQuality, &Tally)| {
        let [rows, right, none, wrong] =
            [tally.rows, tally.right, tally.none, tally.wrong].map(grouped);
        line(None, word(quality.word()), [rows, percent(tally.rows, all), right, none, wrong])
    };
    let rows: Vec<_> = MatchQuality::ALL.into_iter().zip(&evaluation.qualities).map(row).collect();
    let head = heads([
        words!("quality", "qualité"),
        words!("rows", "lignes"),
        words!("share", "part"),
        words!("right", "justes"),
        words!("none", "aucune"),
        words!("wrong", "fausses"),
    ]);
    let caption = text!(
        "Rows by the quality that was answered",
        "Les lignes par la qualité qui a été répondue"
    );
    html! {
        h2 { (text!("By quality", "Par qualité")) }
        (counts(&caption, &head, &rows))
    }
}

fn curve(evaluation: &Evaluation) -> Markup {
    let point =
        |threshold: &Threshold| Some((evaluation.recall(threshold)?, threshold.precision()?));
    let points: Vec<_> = evaluation.thresholds.iter().filter_map(point).collect();
    let setting = point(&evaluation.setting);
    let least =
        |of: fn(&(f64, f64)) -> f64| points.iter().chain(&setting).map(of).fold(1.0, f64::min);
    let axes = Axes::from(least(|point| point.0), least(|point| point.1));
    let drawing = html! {
        (axes.frame(&text!("recall", "rappel"), &text!("precision", "précision")))
        (axes.path(&points))
        @for point in &points { (axes.dot(*point, 10)) }
        @if let Some(setting) = setting { (axes.ring(setting)) }
    };
    let row = |class, head: String, of| line(class, html! { (head) }, coded(evaluation, of));
    let mut rows: Vec<_> =
        evaluation.thresholds.iter().map(|of| row(None, score(of.score), of)).collect();
    let as_coded = text!("as coded", "comme codé");
    rows.push(row(Some("all"), as_coded, &evaluation.setting));
    let head = heads([
        words!("score from", "score à partir de"),
        words!("coded", "codées"),
        words!("right", "justes"),
        words!("pre\u{ad}cision", "pré\u{ad}cision"),
        words!("recall", "rappel"),
    ]);
    let caption =
        text!("Precision and recall from a score on", "Précision et rappel à partir d'un score");
    html! {
        h2 { (text!("Precision and recall", "Précision et rappel")) }
        p {
            (prose(&text!(
                "If every row were coded as whoever fits it best, from a score on, whatever its quality: *precision* is \
                how many of the coded rows are right, *recall* how many of the {} rows whose people the register has are \
                coded and right. What is really coded has a precision of {} and a recall of {}: the ring.",
                "Si chaque ligne était codée comme la personne qui lui va le mieux, à partir d'un score, quelle que soit \
                    sa qualité : la *précision* est la part des lignes codées qui sont justes, le *rappel* celle des {} \
                    lignes dont le répertoire a la personne qui sont codées et justes. Ce qui est vraiment codé a une \
                    précision de {} et un rappel de {} : l'anneau.",
                grouped(evaluation.people),
                share(evaluation.setting.precision()),
                share(evaluation.recall(&evaluation.setting))
            )))
        }
        (figure(
            "curve",
            axes.size(),
            &text!("Precision against recall", "La précision selon le rappel"),
            &text!(
                "One dot for each score of the table below; axes begin where the values do.",
                "Un point pour chaque score du tableau ci-dessous ; les axes commencent où commencent les valeurs."
            ),
            &drawing,
        ))
        (counts(&caption, &head, &rows))
    }
}

fn coded(evaluation: &Evaluation, threshold: &Threshold) -> [String; 4] {
    [
        grouped(threshold.coded),
        grouped(threshold.right),
        share(threshold.precision()),
        share(evaluation.recall(threshold)),
    ]
}

fn reliability(evaluation: &Evaluation) -> Markup {
    let axes = Axes::from(0.0, 0.0);
    let drawing = html! {
        (axes.frame("score", &text!("observed to be right", "observées justes")))
        (axes.diagonal())
        @for bin in &evaluation.bins {
            @if let (Some(predicted), Some(observed), Some((low, high))) =
                (bin.predicted(), bin.observed(), interval(bin.right, bin.rows)) {
                (axes.range(predicted, low, high))
                (axes.dot((predicted, observed), bin.rows))
            }
        }
    };
    let row = |bin: &Bin| {
        let between = interval(bin.right, bin.rows).map_or_else(dash, |(low, high)| {
            let (low, high) = (share(Some(low)), share(Some(high)));
            let low = low.trim_end_matches([NBSP, '%']);
            text!("{low} to {high}", "{low} à {high}")
        });
        let cells = [grouped(bin.rows), share(bin.predicted()), share(bin.observed()), between];
        line(None, html! { (span(bin)) }, cells)
    };
    let rows: Vec<_> = evaluation.bins.iter().map(row).collect();
    let head = heads([
        words!("score", "score"),
        words!("rows", "lignes"),
        words!("mean score", "score moyen"),
        words!("ob\u{ad}served right", "ob\u{ad}servées justes"),
        words!("95\u{202f}% interval", "intervalle à 95\u{202f}%"),
    ]);
    let caption = text!(
        "Scores, and how often they were right",
        "Les scores, et combien de fois ils étaient justes"
    );
    let rows_in: u64 = evaluation.bins.iter().map(|bin| bin.rows).sum();
    html! {
        h2 { (text!("What a score is worth", "Ce que vaut un score")) }
        p {
            (text!(
                "A score is the probability, from 0 to 1, that whoever fits a row best is its person. Of {} rows with a \
                score, this compares what scores say with what is so: dots on the dashed line would be exactly right, \
                above it scores are too cautious, below it too bold. On the average the score is {} away from what was \
                observed.",
                "Un score est la probabilité, de 0 à 1, que celui qui va le mieux à une ligne soit sa personne. Sur {} \
                    lignes avec un score, ceci compare ce que disent les scores à ce qui est : des points sur la ligne en \
                    tirets seraient exactement justes ; au-dessus, les scores sont trop prudents, en dessous trop hardis. \
                    En moyenne, le score est à {} de ce qui a été observé.",
                grouped(rows_in),
                share(evaluation.calibration_error())
            ))
        }
        (figure(
            "reliability",
            axes.size(),
            &text!(
                "Observed share of right rows against the score",
                "La part observée des lignes justes selon le score"
            ),
            &text!(
                "One dot for each line of the table below that has rows, the larger the more, with its \
                95{NBSP}% interval.",
                "Un point pour chaque ligne du tableau ci-dessous qui en compte, d'autant plus grand qu'elles sont \
                    nombreuses, avec son intervalle à 95{NBSP}%."
            ),
            &drawing,
        ))
        (counts(&caption, &head, &rows))
    }
}

fn distribution(evaluation: &Evaluation) -> Markup {
    let lines: Vec<_> =
        evaluation.bins.iter().map(|bin| (span(bin), bin.right, bin.rows - bin.right)).collect();
    let (drawing, size) = bars(&lines);
    let (top, all) = (
        evaluation.bins.last().map_or(0, |bin| bin.rows),
        lines.iter().map(|line| line.1 + line.2).sum(),
    );
    html! {
        h2 { (text!("How scores are spread", "Comment les scores se répartissent")) }
        p {
            (text!(
                "{} of {} rows with a score ({}) have 0.999 or more. Beside each bar: for how many rows whoever fits best \
                is the person, and for how many not.",
                "{} des {} lignes avec un score ({}) ont 0,999 ou plus. À côté de chaque barre : pour combien de lignes \
                    celui qui va le mieux est la personne, et pour combien il ne l'est pas.",
                grouped(top),
                grouped(all),
                percent(top, all)
            ))
        }
        (figure(
            "spread",
            size,
            &text!("Rows by score", "Les lignes par score"),
            &text!(
                "First the rows where it is the person, then those where it is not; numbers as in the table above.",
                "D'abord les lignes où c'est la personne, puis celles où ce ne l'est pas ; nombres comme dans le tableau \
                    ci-dessus."
            ),
            &drawing,
        ))
    }
}

fn register(held: &[(&'static Words, u64)]) -> Markup {
    let row = |(what, count): &(&'static Words, u64)| {
        line(None, html! { (said(*what)) }, [grouped(*count)])
    };
    let rows: Vec<_> = held.iter().map(row).collect();
    let head = heads([words!("what", "quoi"), words!("how many", "combien")]);
    let caption = text!("What the index holds", "Ce que contient l'index");
    html! {
        h2 { (text!("The register", "Le répertoire")) }
        (counts(&caption, &head, &rows))
    }
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
