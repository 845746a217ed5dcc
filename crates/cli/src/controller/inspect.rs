//! `controller inspect`: what data holds, before anything is made of it.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use clap::Args;
use cstatns::civil_status::Field;
use cstatns::identifier::Scheme;
use cstatns_controller::{Data, Inspect, Inspected, Inspection, Places, Read, inspect};
use cstatns_rows::encoding::Encoding;
use cstatns_rows::guard::names::Says;
use cstatns_rows::reading::Reading;
use cstatns_rows::table::Input;
use serde_json::{Value, json};

use crate::bulk::{Bulk, delimiter, over_several_lines};
use crate::fault::Fault;
use crate::figures::{counted, decimal, grouped};
use crate::lang::{said, text};
use crate::output::Program;
use crate::scheme::scheme;
use crate::settings::Settings;

use super::NUMBERS;
use super::chosen::encoding;
use super::given::Given;
use super::piped;

/// Show what data holds before a request is made of it: its columns, which of them hold
/// identifiers, how many can be read, why the others cannot and on which lines they stand
#[derive(Args)]
#[command(after_help = "Examples:
  cstatns controller inspect courses.csv
  cstatns controller inspect export.csv.gz --identifier-column '#1' --missing NA
  cstatns controller inspect - --format csv < wages.csv
Nothing is written and no service is needed. Values are never shown: counts, words and numbers of lines
(of Parquet, of rows) are. What cstatns.toml in the data's folder says holds here too.")]
pub(crate) struct InspectArgs {
    /// The data: .csv, .tsv or .txt with a header line, perhaps compressed (.gz, .zst), or
    /// .parquet; or a folder of such files; or `-`, text from standard input
    #[arg(required = true)]
    data: Vec<PathBuf>,
    /// The type of what is piped in: csv, tsv or txt, perhaps with .gz or .zst behind it
    #[arg(long, value_name = "F", value_parser = piped::format)]
    format: Option<String>,
    /// A column that is read as identifiers, whatever it seems to hold; may be repeated
    #[arg(long, value_name = "C")]
    identifier_column: Vec<String>,
    /// The scheme of the identifiers
    #[arg(long, value_name = "SCHEME", default_value = "fr-nir", value_parser = scheme)]
    scheme: Scheme,
    /// What separates the fields of the data: one character, or `tab` [default: what cstatns.toml
    /// says, not of .tsv; else that under which the header has most columns, of what is piped in
    /// that of its type]
    #[arg(long, value_parser = delimiter)]
    delimiter: Option<u8>,
    /// The encoding of the data, where it is text
    #[arg(long, value_name = "E", value_parser = encoding)]
    encoding: Option<Encoding>,
    /// Read identifiers that are numbers
    #[arg(long)]
    numbers: bool,
    /// A text that stands for no value, such as NA; may be repeated [default: what cstatns.toml
    /// says]
    #[arg(long, value_name = "TEXT")]
    missing: Vec<String>,
    #[command(flatten)]
    bulk: Bulk,
}

impl InspectArgs {
    pub(crate) fn run(self, program: &Program) -> Result<Value, Fault> {
        let given = Given::of(&self.data, self.format.as_ref())?;
        let settings = given.settings()?;
        let missing =
            if self.missing.is_empty() { &settings.missing[..] } else { &self.missing[..] };
        let reading = Reading { numbers: self.numbers, missing, encoding: self.encoding };
        let inputs: Vec<Input<'_>> = match given.data()? {
            Data::One(input) => vec![input],
            Data::Files(files) => files.iter().map(|file| Input::File(&file.path)).collect(),
        };
        let mut files = Vec::new();
        for input in inputs {
            let data = input.file().unwrap_or(given.first());
            let said = settings.delimiter_of(data)?;
            let what = Inspect {
                data: input,
                delimiter: self.delimiter.or(said),
                reading,
                scheme: self.scheme,
                columns: &self.identifier_column,
                years: program.years(),
            };
            let (inspected, seconds) = self.bulk.work(program, |effort| inspect(what, effort));
            let inspected = inspected?;
            let shown = if given.is_piped() { given.shown() } else { format!("{data:?}") };
            self.tell(program, &shown, &inspected);
            if let Some(command) = self.command(&given, data, &settings, &inspected)? {
                program.tell(text!(
                    "the request may be made with:\n  {command}",
                    "la demande peut se faire par :\n  {command}"
                ));
            }
            files.push(summary(data, &inspected, seconds));
        }
        Ok(json!({ "files": files }))
    }

    fn tell(&self, program: &Program, data: &str, inspected: &Inspected) {
        let rows = counted(inspected.rows, "row", "ligne");
        let columns = counted(inspected.columns.len() as u64, "column", "colonne");
        let form = inspected.text.as_ref().map_or("Parquet".to_owned(), |text| {
            let encoding = text.encoding.map_or("utf-8", Encoding::name);
            text!(
                "text in {encoding}, {} between fields",
                "texte en {encoding}, {} entre les champs",
                shown(text.delimiter)
            )
        });
        program
            .tell(text!("{data}: {rows}, {columns}, {form}", "{data} : {rows}, {columns}, {form}"));
        let width = inspected.columns.iter().map(|column| column.name.to_string().len()).max();
        for (at, column) in inspected.columns.iter().enumerate() {
            let (name, width) = (column.name.to_string(), width.unwrap_or_default());
            let filled = grouped(column.filled);
            let kind = said(column.kind);
            program.tell(text!(
                "  #{:<3} {name:<width$}  {kind}, {filled} filled{}",
                "  #{:<3} {name:<width$}  {kind}, {filled} remplies{}",
                at + 1,
                remark(column)
            ));
        }
        for (at, column) in inspected.columns.iter().enumerate() {
            if let Some(read) = &column.read {
                self.tell_read(program, at, column, read, inspected.text.is_some());
            }
        }
        if let Some(text) = &inspected.text {
            if let Some(line) = text.wider {
                program.tell(text!(
                    "line {line} has more fields than the first one: delete the lines above the \
                    names of the columns",
                        "la ligne {line} a plus de champs que la première : supprimez les lignes au-dessus des noms des \
                            colonnes"
                ));
            }
            if text.ragged.count > 0 {
                program.tell(text!(
                    "rows with more or fewer fields than the header: {}; such data is refused",
                    "enregistrements avec plus ou moins de champs que l'en-tête : {} ; de telles données sont refusées",
                    stated(&text.ragged, true)
                ));
            }
            if text.not_utf_8.count > 0 {
                program.tell(text!(
                    "rows that are not UTF-8: {}; say the encoding, such as --encoding windows-1252",
                    "enregistrements qui ne sont pas en UTF-8 : {} ; dites l'encodage, par exemple --encoding windows-1252",
                    stated(&text.not_utf_8, true)
                ));
            }
        }
        over_several_lines(program, inspected.over_lines);
    }

    fn tell_read(
        &self,
        program: &Program,
        at: usize,
        column: &Inspection,
        read: &Read,
        is_text: bool,
    ) {
        let what = match read.field {
            Field::Nir => text!("identifiers", "identifiants"),
            field => field.name().to_owned(),
        };
        program.tell(text!(
            "#{} {}, read as {what}:",
            "#{} {}, lue comme {what} :",
            at + 1,
            column.name
        ));
        for (word, places) in &read.words {
            let is_well = matches!(*word, "valid" | "read");
            let count = grouped(places.count);
            match is_well {
                true => program.tell(format_args!("  {word} {count}")),
                false => program.tell(format_args!("  {word} {}", stated(places, is_text))),
            }
        }
        let (identifiers, without) = read.identifiers();
        let notes =
            [frequent((read.most, identifiers), identifiers), unkeyed(without, identifiers)];
        notes.into_iter().flatten().for_each(|note| program.tell(format_args!("  {note}")));
        for (word, count) in &read.missing {
            let cells = counted(*count, "cell", "cellule");
            program.tell(text!(
                "  {cells} say {word}: --missing {word}",
                "  {cells} contenant {word} : --missing {word}"
            ));
        }
        if read.numbers > 0 {
            let cells = counted(read.numbers, "cell", "cellule");
            program.tell(text!(
                "  {cells} are identifiers as numbers: --numbers",
                "  {cells} avec un identifiant en nombre : --numbers"
            ));
        }
        if self.numbers || read.numbers > 0 || is_number(column) {
            program.tell(format_args!("  {}", said(NUMBERS)));
        }
    }

    /// The command by which a request of the columns of identifiers is prepared: what the settings
    /// say is not said again.
    fn command(
        &self,
        given: &Given<'_>,
        data: &Path,
        settings: &Settings,
        inspected: &Inspected,
    ) -> Result<Option<String>, Fault> {
        let columns = inspected.columns.iter().enumerate();
        let read = columns.filter_map(|(at, column)| Some((at, column, column.read.as_ref()?)));
        let sent: Vec<_> = read
            .filter(|(_, column, read)| {
                let (identifiers, _) = read.identifiers();
                read.field == Field::Nir && 2 * (identifiers + read.numbers) > column.filled
            })
            .collect();
        if sent.is_empty() {
            return Ok(None);
        }
        let mut command = match &self.format {
            Some(format) if given.is_piped() => {
                format!("cstatns controller prepare - --format {format}")
            }
            _ => format!("cstatns controller prepare {data:?}"),
        };
        for (at, ..) in &sent {
            command.push_str(&format!(" --identifier-column '#{}'", at + 1));
        }
        if let Some(text) = &inspected.text {
            if text.delimiter != settings.delimiter_of(data)?.unwrap_or(b',') {
                command.push_str(&format!(" --delimiter {}", shown(text.delimiter)));
            }
            match text.encoding {
                Some(encoding) => command.push_str(&format!(" --encoding {}", encoding.name())),
                None if text.not_utf_8.count > 0 => command.push_str(" --encoding windows-1252"),
                None => {}
            }
        }
        if self.numbers
            || sent.iter().any(|(_, column, read)| read.numbers > 0 || is_number(column))
        {
            command.push_str(" --numbers");
        }
        let found = sent.iter().flat_map(|(.., read)| read.missing.keys().copied());
        let mut missing: BTreeSet<&str> = found.collect();
        // Those of the command line stand instead of those of the settings.
        if !missing.is_empty() || !self.missing.is_empty() {
            missing.extend(match &self.missing[..] {
                [] => settings.missing.iter().map(String::as_str),
                given => given.iter().map(String::as_str),
            });
        }
        for word in missing {
            command.push_str(&format!(" --missing {word:?}"));
        }
        command.push_str(" \\\n     ");
        if settings.service.is_none() {
            command.push_str(" --service CARD");
        }
        if settings.domain.is_none() {
            command.push_str(" --domain D");
        }
        command.push_str(" --request R --retained T");
        Ok(Some(command))
    }
}

fn is_number(column: &Inspection) -> bool {
    column.read.as_ref().is_some_and(|read| read.field == Field::Nir)
        && !matches!(column.kind.en, "text" | "Null" | "Binary")
}

/// A delimiter as it is typed.
fn shown(delimiter: u8) -> String {
    match delimiter {
        b'\t' => "tab".to_owned(),
        other => format!("'{}'", char::from(other)),
    }
}

/// So many, and where the first stand: "12: lines 3, 8, 9, …".
fn stated(places: &Places, is_text: bool) -> String {
    let first: Vec<_> = places.first.iter().map(u64::to_string).collect();
    let more = if places.count > first.len() as u64 { ", …" } else { "" };
    let unit = match (is_text, places.count) {
        (true, 1) => text!("line", "ligne"),
        (true, _) => text!("lines", "lignes"),
        (false, 1) => text!("row", "rang"),
        (false, _) => text!("rows", "rangs"),
    };
    let (count, first) = (grouped(places.count), first.join(", "));
    text!("{count}: {unit} {first}{more}", "{count} : {unit} {first}{more}")
}

/// What keeps a column from staying beside codes.
fn remark(column: &Inspection) -> String {
    let mut text = String::new();
    let held = column.held;
    if held.any() {
        text.push_str(&text!(
            "; identifiers: {} with their key, {} without one",
            " ; identifiants : {} avec leur clé, {} sans clé",
            grouped(held.keyed),
            grouped(held.unkeyed)
        ));
    }
    match (column.is_risk, column.says) {
        (true, _) => text.push_str(&text!(
            "; cannot stay beside codes",
            " ; ne peut pas rester à côté de codes"
        )),
        (false, Some(Says::Who)) => text.push_str(&text!(
            "; its name says who somebody is: cannot stay",
            " ; son nom dit qui est quelqu'un : ne peut pas rester"
        )),
        (false, Some(Says::Born)) => {
            text.push_str(&text!("; its name is a date of birth: cannot stay beside a place of birth",
                " ; son nom est une date de naissance : ne peut pas rester à côté d'un lieu de naissance"));
        }
        (false, Some(Says::Place)) => {
            text.push_str(&text!("; its name is a place of birth: cannot stay beside a date of birth",
                " ; son nom est un lieu de naissance : ne peut pas rester à côté d'une date de naissance"));
        }
        _ => {}
    }
    text
}

/// How often the most frequent identifier stands among so many, where that says something.
pub(super) fn frequent((most, of): (u64, u64), all: u64) -> Option<String> {
    let (times, rows) = (counted(most, "row", "ligne"), grouped(of));
    match (most > 1, of < all) {
        (false, _) => None,
        (_, true) => Some(text!(
            "the most frequent identifier stands in {times} of the first {rows}",
            "l'identifiant le plus fréquent est dans {times} sur les {rows} premières"
        )),
        _ => Some(text!(
            "the most frequent identifier stands in {times} of the {rows}",
            "l'identifiant le plus fréquent est dans {times} sur les {rows}"
        )),
    }
}

/// How many identifiers have no control key.
pub(super) fn unkeyed(without: u64, all: u64) -> Option<String> {
    let share = decimal(100.0 * without as f64 / all.max(1) as f64, 1);
    (without > 0).then(|| {
        text!(
            "{} ({share} %) without a control key: a typing error in such a one is not seen, and \
            13 digits that are no NIR may pass",
                "{} ({share} %) sans clé : une faute de frappe ne s'y voit pas, et 13 chiffres qui ne sont pas un NIR \
                    peuvent passer",
            counted(without, "identifier", "identifiant")
        )
    })
}

fn summary(data: &Path, inspected: &Inspected, seconds: f64) -> Value {
    let places = |places: &Places| json!({ "count": places.count, "first": places.first });
    let read = |read: &Read| {
        let words: serde_json::Map<_, _> =
            read.words.iter().map(|(word, at)| ((*word).to_owned(), places(at))).collect();
        json!({
            "as": read.field.name(),
            "words": words,
            "most_frequent": read.most,
            "missing": read.missing,
            "numbers": read.numbers,
        })
    };
    let columns = inspected.columns.iter().enumerate().map(|(at, column)| {
        json!({
            "number": at + 1,
            "name": column.name.to_string(),
            "type": column.kind.en,
            "filled": column.filled,
            "with_key": column.held.keyed,
            "without_key": column.held.unkeyed,
            "identity": column.is_risk || column.says.is_some(),
            "read": column.read.as_ref().map(read),
        })
    });
    let text = inspected.text.as_ref().map(|text| {
        json!({
            "delimiter": char::from(text.delimiter).to_string(),
            "encoding": text.encoding.map(Encoding::name),
            "not_utf_8": places(&text.not_utf_8),
            "ragged": places(&text.ragged),
            "wider_line": text.wider,
        })
    });
    json!({
        "file": data,
        "rows": inspected.rows,
        "text": text,
        "columns": columns.collect::<Vec<_>>(),
        "cells_over_several_lines": inspected.over_lines,
        "seconds": seconds,
    })
}
