//! What look-ups in a register are worth, on rows whose people are known: counted and drawn, never
//! shown.

use std::io::Write;
use std::path::PathBuf;
use std::str;
use std::sync::Arc;

use clap::Args;
use cstatns::civil_status::{CivilStatus, Field, Seen};
use cstatns::files::{Access, FileError, Pending};
use cstatns::language::Words;
use cstatns::look_up::{Level, Score};
use cstatns::name::Hex;
use cstatns::words;
use cstatns_controller::PrepareError;
use cstatns_register::{
    Evaluation, Expected, Index, Judged, MatchQuality, Query, SAMPLE, Tally, Truth,
};
use cstatns_rows::effort::Progress;
use cstatns_rows::people::Records;
use cstatns_rows::table::Format;
use serde_json::{Value, json};
use zeroize::{Zeroize, Zeroizing};

use crate::accept::{level, score};
use crate::bulk::{closing, delimiter, watched};
use crate::fault::Fault;
use crate::figures::{counted, grouped, per_second};
use crate::lang::{said, text};
use crate::output::Program;

use super::measured::{Kinds, Measured, summary};
use super::page::page;
use super::percent::percent;
use super::{MAY_BE_DAYS, civil_status, counts, found, mapped};

/// Shares of fewer rows say nothing, and a page of them would tell of single ones.
const LEAST_ROWS: usize = 100;
/// They are held in memory.
const MOST_ROWS: usize = 1_000_000;
/// A column of names is no column of kinds.
const MOST_KINDS: usize = 200;

/// Measure what look-ups in a register are worth, on rows whose people are known
#[derive(Args)]
#[command(after_help = "Examples:
  cstatns register evaluate people.register --queries known.csv --truth id --out evaluation.html
  cstatns register evaluate people.register --queries known.csv --truth person --kind level,error \\
      --map nom=birth_name --accept rectified --min-score 0.98 --out evaluation.html --json
Every row is looked up by its civil status alone; the fields are the columns' names unless --map
gives others. --truth says who a row is: an id or an identifier of the register; several parted by
`|`, if nobody can tell which of them is meant; nothing, if the register does not have the person.
Rows of a kind `excluded` are counted, and in no curve. The page and the summary hold counts, and
tell no more than whoever holds the index knows.")]
pub(crate) struct EvaluateArgs {
    /// The index
    register: PathBuf,
    /// The rows to look up, at least 100: .csv with a header line, or .parquet
    #[arg(long, value_name = "F")]
    queries: PathBuf,
    /// The column that says who each row is
    #[arg(long, value_name = "COLUMN")]
    truth: String,
    /// The column with the kind of each row, a word; or two columns, kinds within kinds
    #[arg(long, value_name = "COLUMN", value_delimiter = ',')]
    kind: Vec<String>,
    /// The columns that have other names than their fields
    #[arg(long, value_name = "FIELD=COLUMN", value_delimiter = ',', value_parser = mapped)]
    map: Vec<(Field, String)>,
    /// The last quality that is coded: found, rectified or usage-name, each with those before it
    #[arg(long, value_name = "LEVEL", default_value = "usage-name", value_parser = level)]
    accept: Level,
    /// The least score that is coded, from 0.95 to 0.9999
    #[arg(long, value_name = "S", default_value = "0.95", value_parser = score)]
    min_score: Score,
    /// What separates the fields of the queries: one character, or `tab`
    #[arg(long, default_value = ",", value_parser = delimiter)]
    delimiter: u8,
    /// The page to write: one file of HTML, with its drawings
    #[arg(long, value_name = "PAGE", value_parser = html)]
    out: Option<PathBuf>,
}

/// What `--out` takes.
fn html(text: &str) -> Result<PathBuf, String> {
    let path = PathBuf::from(text);
    match path.extension() {
        Some(extension) if extension.eq_ignore_ascii_case("html") => Ok(path),
        _ => Err(text!(
            "the page is HTML: give it a name that ends with .html",
            "la page est en HTML : donnez-lui un nom qui finit par .html"
        )
        .to_owned()),
    }
}

impl EvaluateArgs {
    pub(super) fn run(self, program: &Program) -> Result<Value, Fault> {
        if self.map.iter().any(|(field, _)| matches!(field, Field::Id | Field::Nir)) {
            return Err(Fault::usage(text!(
                "rows are looked up by civil status alone: leave id and nir out of --map",
                "les lignes sont recherchées par le seul état civil : enlevez id et nir de --map"
            )));
        }
        if self.kind.len() > 2 {
            return Err(Fault::usage(text!(
                "--kind takes one column or two",
                "--kind prend une ou deux colonnes"
            )));
        }
        let progress = Arc::default();
        let (measured, seconds) = watched(program, &progress, || self.measure(program, &progress));
        let Measured { id, counts, kinds, evaluation } = measured?;
        say(program, &kinds, &evaluation);
        let rows = evaluation.total().rows;
        let words = MatchQuality::ALL.into_iter().zip(&evaluation.qualities);
        let words = words
            .filter(|(_, tally)| tally.rows > 0)
            .map(|(quality, tally)| (quality.word(), tally.rows));
        program.say(closing(rows, seconds, &words.collect()));
        let mut summary = summary(&kinds, &evaluation);
        summary["register"] = json!({ "path": self.register, "id": id });
        for (what, count) in counts {
            summary["register"][what.en.replace(' ', "_")] = count.into();
        }
        summary["page"] = json!(self.out);
        summary["seconds"] = seconds.into();
        summary["rows_per_second"] = per_second(rows, seconds).into();
        Ok(summary)
    }

    /// Looks every row up and counts; writes the page.
    fn measure(&self, program: &Program, progress: &Progress) -> Result<Measured, Fault> {
        // Before a long time is spent.
        let out =
            self.out.as_deref().map(|out| Pending::create(out, Access::Shared)).transpose()?;
        let index = Index::open(&self.register)?.within(program.years());
        program.warn_of_others(&self.register);
        let Queries { rows, kinds } = self.read(program)?;
        let known = self.known(&index, &rows)?;
        let step = rows.len().div_ceil(SAMPLE);
        // Once it is asked to stop, no further row is looked up: in a large register they take some
        // seconds.
        let sample = rows.iter().step_by(step).take_while(|_| !progress.is_stopped());
        let weights = index.learn(sample.map(Asked::query))?;
        let mut evaluation =
            Evaluation::new(self.accept.into(), self.min_score.into(), kinds.0.len());
        progress.expect(rows.len() as u64);
        for (row, truth) in rows.iter().zip(known.each()) {
            let person = match truth {
                [Truth::Person(identifier)] => Some(identifier),
                _ => None,
            };
            let (mut answer, right) = index.evaluate(&weights, &row.query(), person)?;
            answer.identifier.zeroize();
            let expected = match truth {
                _ if kinds.are(row.kind, "excluded") => Expected::Uncounted,
                [Truth::Person(_)] => Expected::Person,
                [_] => Expected::Nobody,
                _ => Expected::Several,
            };
            let right = (truth.len() == 1).then_some(right);
            let judged = Judged { expected, quality: answer.quality, score: answer.score, right };
            evaluation.add(row.kind, &judged);
            progress.advance(1, 1)?;
        }
        let measured =
            Measured { id: Hex(index.id()), counts: counts(&index.stats()?), kinds, evaluation };
        if let Some(out) = out {
            write(out, page(&measured).as_bytes())?;
        }
        Ok(measured)
    }

    fn read(&self, program: &Program) -> Result<Queries, Fault> {
        let rows = Records::open(&self.queries, self.delimiter)?;
        let map: Vec<_> = self.map.iter().map(|(field, column)| (*field, &**column)).collect();
        let fields = found(&rows, &self.queries, &map, &[Field::Prenoms, Field::DateNaissance])?;
        if fields.of(Field::Nom).or(fields.of(Field::NomUsage)).is_none() {
            return Err(rows.missing(&map, Field::Nom.name()).into());
        }
        let fields = ASKED.map(|field| Some((fields.of(field)?, Some(field))));
        let is_field = |column: usize| fields.iter().flatten().any(|(field, _)| *field == column);
        let named = |name: &String| {
            let at = rows.header().iter().position(|column| column == name.as_bytes());
            at.ok_or_else(|| Fault::from(rows.missing(&map, name)))
        };
        let truth = named(&self.truth)?;
        let kinds: Vec<_> = self.kind.iter().map(named).collect::<Result<_, _>>()?;
        if is_field(truth) || kinds.iter().any(|kind| *kind == truth || is_field(*kind)) {
            return Err(Fault::usage(text!(
                "--truth and --kind take columns that are not looked up, and one that the other \
                has not: choose others",
                "--truth et --kind prennent des colonnes qui ne servent pas à la recherche, et différentes l'une de \
                    l'autre : choisissez-en d'autres"
            )));
        }
        let mut columns = [None; TEXTS + 2];
        columns[..ASKED.len()].copy_from_slice(&fields);
        // An identifier is text all the same, because that of the register is.
        columns[TRUTH] = Some((truth, Some(Field::Id)));
        columns[TEXTS..]
            .iter_mut()
            .zip(kinds)
            .for_each(|(column, kind)| *column = Some((kind, None)));

        let place = self.place()?;
        let refused = |code, number, what: String| {
            Fault::new(
                code,
                text!(
                    "{:?}: {place} {number} {what}",
                    "{:?} : {place} {number} {what}",
                    self.queries
                ),
            )
        };
        let too_many = |code, what: String| {
            Fault::new(
                code,
                text!("{:?} has more than {what}", "{:?} a plus de {what}", self.queries),
            )
        };
        let years = program.years();
        let mut seen = [Seen::default(); ASKED.len()];
        let mut queries = Queries::default();
        rows.each(columns, &Progress::default(), |number, cells| {
            let mut texts = [""; TEXTS + 2];
            for (text, cell) in texts.iter_mut().zip(cells) {
                let read = str::from_utf8(cell);
                *text = read.map_err(|_| {
                    refused(
                        "not-utf-8",
                        number,
                        text!(
                            "is not UTF-8: save it as such",
                            "n'est pas en UTF-8 : enregistrez dans cet encodage"
                        ),
                    )
                })?;
            }
            for ((field, seen), text) in ASKED.into_iter().zip(&mut seen).zip(texts.map(str::trim))
            {
                if !text.is_empty() {
                    seen.add(text, field.reads(text, years));
                }
            }
            let words = &texts[TEXTS..TEXTS + self.kind.len()];
            if !words.iter().all(|text| is_kind(text)) {
                return Err(refused("kind", number, said(NO_KIND)));
            }
            let kind = queries.kinds.of(words);
            queries.rows.push(Asked::new(&texts[..TEXTS], number, kind));
            if queries.kinds.0.len() > MOST_KINDS {
                let what = text!(
                    "{MOST_KINDS} kinds of rows: choose another column with --kind",
                    "{MOST_KINDS} sortes de lignes : choisissez une autre colonne par --kind"
                );
                return Err(too_many("kind", what));
            }
            if queries.rows.len() > MOST_ROWS {
                return Err(too_many(
                    "many-rows",
                    text!(
                        "{} rows: take a sample",
                        "{} lignes : prenez un échantillon",
                        grouped(MOST_ROWS as u64)
                    ),
                ));
            }
            Ok(())
        })?;
        if queries.rows.len() < LEAST_ROWS {
            let text = text!(
                "{:?} has {} rows: shares of fewer than {LEAST_ROWS} say nothing of a register, and too \
                much of single rows: add some",
                "{:?} a {} lignes : des parts de moins de {LEAST_ROWS} ne disent rien d'un répertoire, et trop de \
                lignes isolées : ajoutez-en",
                self.queries,
                queries.rows.len()
            );
            return Err(Fault::new("few-rows", text));
        }
        for (field, seen) in ASKED.into_iter().zip(seen) {
            if seen.is_wrong(field) {
                let path = self.queries.clone();
                let (invalid, filled) = (seen.unread, seen.filled);
                return Err(PrepareError::WrongField { path, field, invalid, filled }.into());
            }
            if seen.may_be_days(field) {
                program.say(said(MAY_BE_DAYS));
            }
        }
        Ok(queries)
    }

    /// Who the rows are.
    fn known(&self, index: &Index, rows: &[Asked]) -> Result<Known, Fault> {
        let refused = |what: String| {
            let text = text!(
                "{:?}: column {:?} {what}",
                "{:?} : la colonne {:?} {what}",
                self.queries,
                self.truth
            );
            Err(Fault::new("truth", text))
        };
        let parts: Vec<Vec<_>> =
            rows.iter().map(|row| row.text(TRUTH).split(SEVERAL).collect()).collect();
        let known = Known {
            truths: index.truths(&parts.concat())?,
            parts: parts.iter().map(Vec::len).collect(),
        };
        let is_unknown =
            |truths: &[Truth]| truths.iter().any(|truth| matches!(truth, Truth::Unknown));
        let unknown: Vec<_> =
            rows.iter().zip(known.each()).filter(|(_, truths)| is_unknown(truths)).collect();
        if let [(first, _), ..] = unknown[..] {
            return refused(text!(
                "has {} with no id or identifier of the register, the first in {} {}: leave those empty \
                whose person the register does not have, or choose another column with --truth",
                "a {} sans id ni identifiant du répertoire, la première à {} {} : laissez vides celles dont le \
                répertoire n'a pas la personne, ou choisissez une autre colonne par --truth",
                counted(unknown.len() as u64, "cell", "cellule"),
                self.place()?,
                first.number,
            ));
        }
        if !known.each().any(|truths| matches!(truths, [Truth::Person(_)])) {
            return refused(text!(
                "names nobody of the register: choose the column with --truth, and the register that it is of",
                "ne nomme personne du répertoire : choisissez la colonne par --truth, et le répertoire dont elle est"
            ));
        }
        Ok(known)
    }

    /// What the rows of the file are counted in.
    fn place(&self) -> Result<String, Fault> {
        let is_text = Format::of(&self.queries)?.is_text();
        Ok(if is_text { text!("line", "ligne") } else { text!("row", "rang") })
    }
}

/// Who the rows are: one truth for each, or several where nobody can tell.
struct Known {
    truths: Vec<Truth>,
    parts: Vec<usize>,
}

impl Known {
    fn each(&self) -> impl Iterator<Item = &[Truth]> {
        let mut left = &self.truths[..];
        self.parts.iter().map(move |parts| {
            let (own, others) = left.split_at(*parts);
            left = others;
            own
        })
    }
}

/// The fields that are looked up, in the order of [`Field::ALL`].
const ASKED: [Field; 8] = {
    let [_, _, asked @ ..] = Field::ALL;
    asked
};
/// The truth stands behind them.
const TRUTH: usize = ASKED.len();
const TEXTS: usize = TRUTH + 1;

/// What stands between people of whom nobody can tell which one is meant.
const SEVERAL: char = '|';

const NO_KIND: &Words = words!(
    "has a kind that is no word ([a-z][A-Za-z0-9_-]{0,63}): choose another column with --kind",
    "a une sorte qui n'est pas un mot ([a-z][A-Za-z0-9_-]{0,63}) : choisissez une autre colonne par --kind"
);

fn is_kind(text: &str) -> bool {
    let rest = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    text.starts_with(|first: char| first.is_ascii_lowercase())
        && text.len() <= 64
        && text.bytes().all(rest)
}

/// A row that is looked up; wiped when it is dropped. It has no `Debug`.
struct Asked {
    texts: Zeroizing<String>,
    ends: [usize; TEXTS],
    /// Where it stands in its file.
    number: u64,
    kind: usize,
}

impl Asked {
    fn new(texts: &[&str], number: u64, kind: usize) -> Self {
        let mut all =
            Zeroizing::new(String::with_capacity(texts.iter().map(|text| text.len()).sum()));
        let mut ends = [0; TEXTS];
        for (text, end) in texts.iter().zip(&mut ends) {
            all.push_str(text);
            *end = all.len();
        }
        Self { texts: all, ends, number, kind }
    }

    fn text(&self, at: usize) -> &str {
        let begin = if at == 0 { 0 } else { self.ends[at - 1] };
        &self.texts[begin..self.ends[at]]
    }

    fn civil_status(&self) -> CivilStatus<'_> {
        civil_status(|field| self.text(field as usize - ASKED[0] as usize))
    }

    fn query(&self) -> Query<'_> {
        Query { civil_status: self.civil_status(), identifier: None }
    }
}

#[derive(Default)]
struct Queries {
    rows: Vec<Asked>,
    kinds: Kinds,
}

fn write(mut out: Pending, page: &[u8]) -> Result<(), Fault> {
    let path = out.target().to_owned();
    out.write_all(page).map_err(|error| FileError::from_io(&path, &error))?;
    Ok(out.commit()?)
}

/// The table in short.
fn say(program: &Program, kinds: &Kinds, evaluation: &Evaluation) {
    let line = |name: &str, cells: [String; 6]| {
        let cells: String = cells.iter().map(|cell| format!("{cell:>13}")).collect();
        program.say(format_args!("{name:<20}{cells}"));
    };
    let tally = |name: &str, tally: &Tally| {
        let Tally { rows, right, none, wrong, declared, good } = *tally;
        let [rows, right, none, wrong, declared] =
            [rows, right, none, wrong, declared].map(grouped);
        line(name, [rows, right, none, wrong, declared, percent(good, tally.rows)]);
    };
    let head = [
        words!("rows", "lignes"),
        words!("right", "justes"),
        words!("none", "aucune"),
        words!("wrong", "fausses"),
        words!("ambiguous", "ambiguës"),
        words!("as expected", "attendues"),
    ];
    line("", head.map(said));
    for group in kinds.groups() {
        tally(group.word, &group.tally(evaluation));
    }
    tally(&text!("all rows", "toutes les lignes"), &evaluation.total());
}
