//! The register's verbs: an index built and brought up to date, counted, and evaluated. None shows
//! a person.

mod draw;
mod evaluate;
mod measured;
mod page;
mod percent;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::str;
use std::sync::Arc;

use clap::{Args, Subcommand};
use cstatns::card::spoken;
use cstatns::civil_status::{CivilStatus, Columns, ColumnsError, Field};
use cstatns::coded::Coded as _;
use cstatns::files::FileError;
use cstatns::language::Words;
use cstatns::name::Hex;
use cstatns::words;
use cstatns_register::{
    BuildError, Builder, Built, Fault as RowFault, Index, Origin, Places, Record, Stats, Unit,
};
use cstatns_rows::effort::Progress;
use cstatns_rows::people::Records;
use cstatns_rows::table::Format;
use serde_json::{Value, json};

use crate::bulk::{closing, delimiter, over_several_lines, watched};
use crate::fault::Fault;
use crate::figures::{grouped, per_second};
use crate::lang::{said, text};
use crate::output::Program;

/// The register in which people are looked up: identity in clear, for an encrypted volume
#[derive(Subcommand)]
pub(crate) enum Register {
    Build(BuildArgs),
    Stats(StatsArgs),
    Evaluate(evaluate::EvaluateArgs),
}

impl Register {
    pub(crate) fn run(self, program: &Program) -> Result<Value, Fault> {
        match self {
            Self::Build(verb) => verb.run(program),
            Self::Stats(verb) => verb.run(program),
            Self::Evaluate(verb) => verb.run(program),
        }
    }
}

/// Make the index of a register from its files, or bring it up to date
#[derive(Args)]
#[command(
    override_usage = "cstatns register build REGISTER --from FILE... | --update FILE...
              [--map FIELD=COLUMN,...] [--communes FILE] [--delimiter D]",
    after_help = "Examples:
  cstatns register build people.register --from people.csv --delimiter ';'
  cstatns register build people.register --from people.parquet \\
      --map nir=identifier,nom=birth_name --communes communes.csv
  cstatns register build people.register --update changes.csv
Fields, which are the columns' names unless --map gives others: nir, nom, prenoms, sexe,
date_naissance, code_lieu; and where there are such columns id (the same in all the rows of one
person), nom_usage, libelle_lieu, pays. In .parquet dates may be dates, id, sexe and code_lieu whole
numbers, also as doubles with nulls or NaN; the others are text. The index holds them in clear: keep
it on an encrypted volume, and the files too."
)]
pub(crate) struct BuildArgs {
    /// The index
    register: PathBuf,
    /// Files of the register, .csv with a header line or .parquet; an index that exists is not
    /// written over
    #[arg(long, value_name = "FILE", num_args = 1.., required_unless_present = "update", conflicts_with = "update")]
    from: Vec<PathBuf>,
    /// Files of additions and corrections to an index that exists, which stays until the new one is
    /// on disk
    #[arg(long, value_name = "FILE", num_args = 1..)]
    update: Vec<PathBuf>,
    /// The columns that have other names than their fields
    #[arg(long, value_name = "FIELD=COLUMN", value_delimiter = ',', value_parser = mapped)]
    map: Vec<(Field, String)>,
    /// Present and former codes and names of communes: a .csv with commas and the columns code,
    /// nom, anciens_codes (parted by `|`) and chef_lieu
    #[arg(long, value_name = "FILE")]
    communes: Option<PathBuf>,
    /// What separates the fields of the register's files: one character, or `tab`
    #[arg(long, default_value = ",", value_parser = delimiter)]
    delimiter: u8,
}

/// What `--map` takes.
pub(crate) fn mapped(text: &str) -> Result<(Field, String), String> {
    let (field, column) = text.split_once('=').ok_or_else(|| {
        text!("FIELD=COLUMN, such as nom=birth_name", "FIELD=COLUMN, comme nom=nom_naissance")
    })?;
    let field = Field::of(field).ok_or_else(|| {
        let names: Vec<_> = Field::ALL.iter().map(|field| field.name()).collect();
        text!("the fields are {}", "les champs sont {}", names.join(", "))
    })?;
    Ok((field, column.to_owned()))
}

impl BuildArgs {
    fn run(self, program: &Program) -> Result<Value, Fault> {
        let progress = Arc::default();
        let (built, seconds) = watched(program, &progress, || self.build(program, &progress));
        let (built, over_lines) = built?;
        over_several_lines(program, over_lines);
        program.say(text!(
            "{:?} holds identity in clear: keep it on an encrypted volume",
            "{:?} contient des identités en clair : gardez-le sur un volume chiffré",
            self.register
        ));
        let counts = BTreeMap::from([
            (text!("people", "personnes"), built.people),
            (text!("identifiers", "identifiants"), built.identifiers),
        ]);
        program.say(closing(built.rows, seconds, &counts));
        Ok(json!({
            "register": self.register,
            "rows": built.rows,
            "people": built.people,
            "identifiers": built.identifiers,
            "cells_over_several_lines": over_lines,
            "seconds": seconds,
            "rows_per_second": per_second(built.rows, seconds),
        }))
    }

    /// Builds it, and says how many cells of the files hold a line break.
    fn build(&self, program: &Program, progress: &Progress) -> Result<(Built, u64), Fault> {
        let old = if self.update.is_empty() { None } else { Some(Index::open(&self.register)?) };
        let (builder, files) = match &old {
            None => (self.create()?, &self.from),
            Some(old) => (Builder::update(old)?, &self.update),
        };
        let mut builder = builder.within(program.years());
        if let Some(communes) = &self.communes {
            builder = builder.places(places(communes)?);
        }
        let lengths = files.iter().filter_map(|path| Some(path.metadata().ok()?.len()));
        progress.expect(lengths.sum());
        let mut over_lines = 0;
        for (nth, path) in files.iter().enumerate() {
            over_lines +=
                self.push(path, u16::try_from(nth).unwrap_or(u16::MAX), progress, &mut builder)?;
        }
        Ok((builder.finish_unless(&|| progress.is_stopped())?, over_lines))
    }

    /// Starts a new index.
    fn create(&self) -> Result<Builder<'_>, Fault> {
        Builder::create(&self.register).map_err(|error| match &error {
            BuildError::File(FileError::Exists { .. }) => Fault::of(&error, &[]).advising(text!(
                "add and correct with --update FILE, move it away, or choose another name",
                "ajoutez et corrigez par --update FILE, déplacez-le, ou choisissez un autre nom"
            )),
            _ => error.into(),
        })
    }

    /// Gives the rows of a file to the builder, and says how many cells hold a line break.
    fn push(
        &self,
        path: &Path,
        file: u16,
        progress: &Progress,
        builder: &mut Builder<'_>,
    ) -> Result<u64, Fault> {
        let rows = Records::open(path, self.delimiter)?;
        let unit = match Format::of(path)? {
            Format::Csv | Format::Text(_) => Unit::Line,
            Format::Parquet => Unit::Row,
        };
        let map: Vec<_> = self.map.iter().map(|(field, column)| (*field, &**column)).collect();
        let columns = found(&rows, path, &map, &Field::REGISTER)?;
        let columns = Field::ALL.map(|field| Some((columns.of(field)?, Some(field))));
        rows.each_even_ragged(columns, progress, |number, cells| {
            let origin = Origin { file, unit, number: u32::try_from(number).unwrap_or(u32::MAX) };
            let Some(cells) = cells else {
                builder.refuse(RowFault::Fields, origin);
                return Ok(());
            };
            let mut texts = [""; Field::ALL.len()];
            for (text, cell) in texts.iter_mut().zip(cells) {
                let Ok(cell) = str::from_utf8(cell) else {
                    builder.refuse(RowFault::Encoding, origin);
                    return Ok(());
                };
                *text = cell;
            }
            Ok::<_, Fault>(builder.push(&record(|field| texts[field as usize]), origin)?)
        })
    }
}

/// The columns of a file that is open, or what is wrong with them.
fn found(
    rows: &Records,
    path: &Path,
    map: &[(Field, &str)],
    needed: &[Field],
) -> Result<Columns, Fault> {
    Columns::find(rows.header(), map, needed).map_err(|error| match &error {
        ColumnsError::Missing { field, .. } => {
            let mapped = map.iter().find(|(mapped, _)| mapped == field);
            Fault::of(
                &rows.missing(map, mapped.map_or(field.name(), |(_, column)| *column)),
                &error.facts(),
            )
        }
        _ => Fault::from(error).about(path),
    })
}

/// What is said of a column of dates in which years alone may be numbers of days.
pub(crate) const MAY_BE_DAYS: &Words = words!(
    "warning: date_naissance holds years alone and values that \
    are no date: if they are numbers of days (SAS, Stata, Excel), \
     other people are looked up; convert them to dates at the source",
    "attention : date_naissance contient des années seules et des valeurs qui ne sont pas des dates : si ce sont des \
        nombres de jours (SAS, Stata, Excel), d'autres personnes sont recherchées ; convertissez-les en dates à la source"
);

fn record<'a>(text: impl Fn(Field) -> &'a str) -> Record<'a> {
    Record { id: text(Field::Id), nir: text(Field::Nir), civil_status: civil_status(text) }
}

fn civil_status<'a>(text: impl Fn(Field) -> &'a str) -> CivilStatus<'a> {
    CivilStatus {
        nom: text(Field::Nom),
        nom_usage: text(Field::NomUsage),
        prenoms: text(Field::Prenoms),
        sexe: text(Field::Sexe),
        date_naissance: text(Field::DateNaissance),
        code_lieu: text(Field::CodeLieu),
        libelle_lieu: text(Field::LibelleLieu),
        pays: text(Field::Pays),
    }
}

/// Reads what codes and names of communes were, as INSEE publishes it (*code officiel
/// géographique*): one row a commune, present or former.
fn places(path: &Path) -> Result<Places, Fault> {
    let rows = Records::open(path, b',')?;
    let names = ["code", "nom", "anciens_codes", "chef_lieu"];
    let column = |name: &str| rows.header().iter().position(|column| column == name.as_bytes());
    let columns = names.map(|name| Some((column(name)?, None)));
    if let Some((name, _)) = names.iter().zip(columns).find(|(_, column)| column.is_none()) {
        return Err(rows.missing(&[], name).into());
    }
    let mut places = Places::default();
    rows.each(columns, &Progress::default(), |number, cells| {
        let [Ok(code), Ok(name), Ok(formers), Ok(head)] = cells.map(str::from_utf8) else {
            return Err(unread(path, number));
        };
        let present = if head.is_empty() { code } else { head };
        let formers = formers.split('|').filter(|former| !former.is_empty());
        match places.add(name, code, present)
            && formers.fold(true, |read, former| read & places.add("", former, present))
        {
            true => Ok(()),
            false => Err(unread(path, number)),
        }
    })?;
    Ok(places)
}

fn unread(path: &Path, number: u64) -> Fault {
    let message = text!(
        "{path:?}: line {number} is not of a commune with codes of five characters: check the \
        file, or leave --communes out",
        "{path:?} : la ligne {number} n'est pas celle d'une commune aux codes de cinq caractères : vérifiez le fichier, \
            ou enlevez --communes"
    );
    Fault::new("communes", message)
}

/// Count what the index of a register holds
#[derive(Args)]
#[command(after_help = "Example:
  cstatns register stats people.register")]
pub(crate) struct StatsArgs {
    /// The index
    register: PathBuf,
}

impl StatsArgs {
    fn run(self, program: &Program) -> Result<Value, Fault> {
        let index = Index::open(&self.register)?;
        program.warn_of_others(&self.register);
        let (counts, id) = (counts(&index.stats()?), Hex(index.id()));
        let words = spoken(&index.commitment());
        program.tell(text!("register {id}", "répertoire {id}"));
        program.tell(text!(
            "words that custodians see: {words}",
            "mots que voient les détenteurs : {words}"
        ));
        for (what, count) in &counts {
            program.tell(format_args!("{:>15}  {}", grouped(*count), said(*what)));
        }
        let mut summary = json!({
            "register": self.register,
            "id": id,
            "commitment": index.commitment(),
            "spoken": words,
        });
        for (what, count) in counts {
            summary[what.en.replace(' ', "_")] = count.into();
        }
        Ok(summary)
    }
}

/// What an index holds, by names that are shown.
fn counts(stats: &Stats) -> [(&'static Words, u64); 11] {
    [
        (words!("rows", "lignes"), stats.rows),
        (words!("people", "personnes"), stats.people),
        (words!("identifiers", "identifiants"), stats.identifiers),
        (words!("rows with usage name", "lignes avec un nom d'usage"), stats.with_usage_name),
        (
            words!("rows with partial date", "lignes avec une date partielle"),
            stats.with_partial_date,
        ),
        (words!("rows without date", "lignes sans date"), stats.without_date),
        (words!("rows without first names", "lignes sans prénoms"), stats.without_first_names),
        (words!("rows without sex", "lignes sans sexe"), stats.without_sex),
        (words!("rows without place", "lignes sans lieu"), stats.without_place),
        (
            words!("names and former codes of communes", "noms et anciens codes de communes"),
            stats.places,
        ),
        (words!("keys", "clés"), stats.blocking_keys),
    ]
}
