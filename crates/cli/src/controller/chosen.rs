//! The options that say which data is read, and what of it is sent.

use std::path::PathBuf;

use clap::{ArgGroup, Args};
use cstatns::civil_status::{Field, Years};
use cstatns::identifier::Scheme;
use cstatns::name::Name;
use cstatns_controller::Column;
use cstatns_rows::csv::usual_delimiter;
use cstatns_rows::encoding::Encoding;
use cstatns_rows::reading::Reading;
use cstatns_rows::table::Format;

use crate::bulk::delimiter;
use crate::fault::Fault;
use crate::lang::text;
use crate::register::mapped;
use crate::scheme::scheme;
use crate::settings::Settings;

use super::given::Given;
use super::piped;

/// The data, and what of it is sent.
#[derive(Args)]
#[command(group = ArgGroup::new("sent").required(true))]
pub(super) struct Chosen {
    /// The data: .csv, .tsv or .txt with a header line, perhaps compressed (.gz, .zst), or
    /// .parquet; or a folder of such files; or `-`, text from standard input
    #[arg(required = true)]
    pub(super) data: Vec<PathBuf>,
    /// The type of what is piped in: csv, tsv or txt, perhaps with .gz or .zst behind it
    #[arg(long, value_name = "F", value_parser = piped::format)]
    pub(super) format: Option<String>,
    /// A column of identifiers, to be coded; may be repeated: then each column C gets its C_code
    #[arg(long, value_name = "C", group = "sent")]
    identifier_column: Vec<String>,
    /// The scheme of the identifiers
    #[arg(long, value_name = "SCHEME", default_value = "fr-nir", value_parser = scheme,
        conflicts_with_all = ["code_column", "civil_status"])]
    scheme: Scheme,
    /// The columns of civil status, to be looked up and coded
    #[arg(long, group = "sent")]
    civil_status: bool,
    /// The columns of civil status that have other names than their fields; nir=C for the
    /// identifiers
    #[arg(long, value_name = "FIELD=COLUMN", value_delimiter = ',', value_parser = mapped,
          conflicts_with_all = ["identifier_column", "code_column"])]
    map: Vec<(Field, String)>,
    /// A column of codes, to be renewed; may be repeated
    #[arg(long, value_name = "C", group = "sent")]
    code_column: Vec<String>,
    /// What separates the fields of the data: one character, or `tab` [default: what cstatns.toml
    /// says, not of .tsv; what its line `sep=` says; a tab in .tsv; in .txt what makes the column
    /// one; else a comma]
    #[arg(long, value_parser = delimiter)]
    delimiter: Option<u8>,
    /// The encoding of the data, where it is text: utf-8, windows-1252, iso-8859-15, utf-16le or
    /// utf-16be
    #[arg(long, value_name = "E", value_parser = encoding)]
    encoding: Option<Encoding>,
    /// Read identifiers that are numbers: whole numbers and decimals, and such texts as programs
    /// make of them, with .0 or ,00 behind, with ="" around or ' before; a number cannot hold the
    /// 2A or 2B of Corsica
    #[arg(long, conflicts_with = "code_column")]
    pub(super) numbers: bool,
    /// A text that stands for no value in the columns that are sent, such as NA; may be repeated
    #[arg(long, value_name = "TEXT", conflicts_with = "code_column")]
    missing: Vec<String>,
    /// A column that may stay beside the codes although it would be refused, and a word for the
    /// reason
    #[arg(long, value_name = "COLUMN=REASON", value_parser = accepted)]
    pub(super) accept_risk: Vec<(String, Name)>,
}

/// What `--accept-risk` takes.
fn accepted(text: &str) -> Result<(String, Name), String> {
    let said = text.rsplit_once('=').and_then(|(column, reason)| {
        let reason = Name::new(reason).ok()?;
        Some((column.to_owned(), reason))
    });
    said.ok_or_else(|| {
        text!(
            "COLUMN=REASON, with a reason of a-z, 0-9 and -, such as nom=employer-name",
            "COLUMN=REASON, avec un motif de a-z, 0-9 et -, comme nom=employer-name"
        )
    })
}

/// What `--encoding` takes.
pub(super) fn encoding(text: &str) -> Result<Encoding, String> {
    let found = Encoding::ALL.into_iter().find(|(name, _)| name.eq_ignore_ascii_case(text));
    let known = || Encoding::ALL.map(|(name, _)| name).join(", ");
    found
        .map(|(_, encoding)| encoding)
        .ok_or_else(|| text!("an encoding is {}", "un encodage est {}", known()))
}

/// The columns that were named.
pub(super) struct Named<'a> {
    map: Vec<(Field, &'a str)>,
    columns: Vec<&'a str>,
}

impl Chosen {
    /// The columns that were named, once it is seen that the options go together.
    pub(super) fn named(&self) -> Result<Named<'_>, Fault> {
        let map: Vec<_> = self.map.iter().map(|(field, column)| (*field, &**column)).collect();
        if map.iter().any(|(field, _)| *field == Field::Id) {
            return Err(Fault::usage(text!(
                "`id` is a field of registers only: leave it out of --map",
                "`id` est un champ des seuls répertoires : enlevez-le de --map"
            )));
        }
        for (nth, (column, _)) in self.accept_risk.iter().enumerate() {
            if self.accept_risk[..nth].iter().any(|(other, _)| other == column) {
                return Err(Fault::usage(text!(
                    "--accept-risk names a column twice: give one reason for it",
                    "--accept-risk nomme une colonne deux fois : donnez une seule raison pour elle"
                )));
            }
        }
        let names = self.identifier_column.iter().chain(&self.code_column);
        Ok(Named { map, columns: names.map(|name| &**name).collect() })
    }

    /// What is sent.
    pub(super) fn column<'a>(&self, named: &'a Named<'_>, years: Years) -> Column<'a> {
        match (&self.identifier_column[..], &self.code_column[..]) {
            ([_, ..], _) => Column::Identifiers { columns: &named.columns, scheme: self.scheme },
            (_, [_, ..]) => Column::Codes(&named.columns),
            _ => Column::CivilStatus { map: &named.map, years },
        }
    }

    /// How cells are read.
    pub(super) fn reading<'a>(&'a self, settings: &'a Settings) -> Reading<'a> {
        let missing = match &self.missing[..] {
            [] if self.code_column.is_empty() => &settings.missing[..],
            given => given,
        };
        Reading { numbers: self.numbers, missing, encoding: self.encoding }
    }

    /// What separates the fields of the data.
    pub(super) fn delimiter(&self, settings: &Settings, given: &Given<'_>) -> Result<u8, Fault> {
        let data = given.first();
        if Format::of(data)? == Format::Parquet {
            return match self.encoding {
                Some(_) => Err(Fault::usage(text!(
                    "--encoding is for text: leave it out for .parquet",
                    "--encoding est pour le texte : enlevez-le pour .parquet"
                ))),
                None => Ok(b','),
            };
        }
        if let Some(delimiter) = self.delimiter.or(settings.delimiter_of(data)?) {
            return Ok(delimiter);
        }
        if given.is_piped() {
            // What was looked at could not be read again.
            return Ok(Format::of(data)?.text().map_or(b',', |text| text.delimiter));
        }
        let mapped = self.map.iter().find(|(field, _)| *field == Field::Prenoms);
        let column = self.identifier_column.first().or(self.code_column.first());
        let column = column
            .map(|column| &**column)
            .or(mapped.map(|(_, column)| &**column))
            .unwrap_or("prenoms");
        Ok(usual_delimiter(data, column, self.encoding)?)
    }
}
