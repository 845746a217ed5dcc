//! The controller's verbs: a request prepared, a result attached, files checked before they are
//! joined.

mod check;
mod inspect;
mod setup;
mod slip;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use clap::{ArgGroup, Args, Subcommand};
use cstatns::card::{ServiceCard, spoken};
use cstatns::civil_status::Field;
use cstatns::files::FileError;
use cstatns::identifier::Scheme;
use cstatns::manifest::manifest_path;
use cstatns::meta::ServiceId;
use cstatns::name::Name;
use cstatns::received::received_path;
use cstatns::report::report_path;
use cstatns::requested::{Requested, RequestedError, requested_path};
use cstatns::service::read_service_card;
use cstatns_controller::{Attach, Column, Prepare, Risk, attach, attach_and_destroy, prepare};
use cstatns_rows::csv::usual_delimiter;
use cstatns_rows::encoding::Encoding;
use cstatns_rows::reading::Reading;
use cstatns_rows::table::Format;
use serde_json::{Value, json};

use crate::bulk::{Bulk, closing, delimiter, looked_up, over_several_lines};
use crate::fault::Fault;
use crate::figures::{counted, grouped, per_second};
use crate::output::Program;
use crate::register::{MAY_BE_DAYS, mapped};
use crate::scheme::scheme;
use crate::settings::Settings;

use inspect::{InspectArgs, frequent, unkeyed};

/// The controller of data: requests, results, joins
#[derive(Subcommand)]
pub(crate) enum Controller {
    Setup(setup::SetupArgs),
    Inspect(InspectArgs),
    Prepare(PrepareArgs),
    Attach(AttachArgs),
    Check(check::CheckArgs),
}

impl Controller {
    pub(crate) fn run(self, program: &Program) -> Result<Value, Fault> {
        match self {
            Self::Setup(verb) => verb.run(program),
            Self::Inspect(verb) => verb.run(program),
            Self::Prepare(verb) => verb.run(program),
            Self::Attach(verb) => verb.run(program),
            Self::Check(verb) => verb.run(program),
        }
    }
}

/// Make a request for the cryptographic service: identifiers to code, people to look up and code,
/// or codes to renew
#[derive(Args)]
#[command(after_help = "Examples:
  cstatns controller prepare courses.csv --identifier-column nir \\
      --service card.json --domain population --request request.csv --retained retained.csv
  cstatns controller prepare visits.csv --civil-status --map nom=birth_name,date_naissance=born \\
      --service card.json --domain population --request request.csv --retained retained.csv
  cstatns controller prepare coded.csv --code-column code \\
      --service card.json --domain population --request renewal.csv --retained rest.csv
A request serves for one domain of one service: card.json is the card that the service published. `controller setup`
says both once for a folder of data.
A file as French spreadsheets write it needs --delimiter ';', and perhaps --encoding windows-1252:
  cstatns controller prepare export.csv.gz --identifier-column '#1' --delimiter ';' \\
      --encoding windows-1252 --service card.json --domain population --request request.csv.zst \\
      --retained retained.csv.gz
A column is named by its name or by its number, '#1' the first. Several columns go in one request,
and the attached file begins with insured_code, insured_quality, payer_code, payer_quality:
  cstatns controller prepare care.parquet --identifier-column insured --identifier-column payer \\
      --service card.json --domain population --request request.csv --retained retained.parquet
For a renewal: --code-column insured_code --code-column payer_code, which keep their names.
Identifiers that are numbers, and cells that say NA where there is no value:
  cstatns controller prepare wages.parquet --identifier-column nir --numbers --missing NA \\
      --service card.json --domain population --request request.csv --retained retained.parquet
A number cannot hold 2A or 2B: where they were replaced (2A by 19, 2B by 18) the number, its key too, is
that of somebody else. No digit is put before a number: no NIR begins with a zero that could be lost.
With --civil-status these fields are sent, which are the columns' names unless --map gives others:
prenoms, date_naissance and nom or nom_usage; where there are such columns sexe, code_lieu,
libelle_lieu, pays, and nir, an identifier that is checked against the rest. What cannot be read as
its field is not sent. In .parquet dates may be dates, sexe and code_lieu whole numbers, also as
doubles with nulls or NaN; the others are text.
What says who somebody is may not stay beside the codes: a column that is not sent is refused if its
name is that of an identifier, a family, usage or first name, or of a date of birth beside a place of
birth, or if its cells are identifiers. Where such a column must stay, --accept-risk gives the reason,
which the summary repeats:
  cstatns controller prepare courses.csv --identifier-column nir --accept-risk nom=employer-name \\
      --service card.json --domain population --request request.csv --retained retained.csv
Give the request and its .manifest.json to the service, and the eight words of the request to the
custodians; the retained file and its .request.json never leave. The slip on standard output says it on one page, for the
mail to the service and for the telephone.")]
#[command(group = ArgGroup::new("sent").required(true))]
pub(crate) struct PrepareArgs {
    /// The data: .csv, .tsv or .txt with a header line, perhaps compressed (.gz, .zst), or .parquet
    data: PathBuf,
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
    /// The card of the service that the request is for, as it published it [default: what
    /// cstatns.toml in the data's folder says]
    #[arg(long, value_name = "CARD")]
    service: Option<PathBuf>,
    /// The domain that the request is for [default: what cstatns.toml says]
    #[arg(long, value_name = "D")]
    domain: Option<Name>,
    /// The request to write; <R>.manifest.json lies beside it
    #[arg(long, value_name = "R")]
    request: PathBuf,
    /// The file to write that says for each index of the request the row of the data, to be kept;
    /// <T>.request.json lies beside it
    #[arg(long, value_name = "T")]
    retained: PathBuf,
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
    numbers: bool,
    /// A text that stands for no value in the columns that are sent, such as NA; may be repeated
    #[arg(long, value_name = "TEXT", conflicts_with = "code_column")]
    missing: Vec<String>,
    /// A column that may stay beside the codes although it would be refused, and a word for the
    /// reason
    #[arg(long, value_name = "COLUMN=REASON", value_parser = accepted)]
    accept_risk: Vec<(String, Name)>,
    #[command(flatten)]
    bulk: Bulk,
}

/// What is said where identifiers may be numbers.
const NUMBERS: &str = "note: a number cannot hold 2A or 2B: see that identifiers of Corsica were not made numbers at \
    the source (2A as 19, 2B as 18), for these are somebody else's";

/// What `--accept-risk` takes.
fn accepted(text: &str) -> Result<(String, Name), String> {
    let example = "COLUMN=REASON, with a reason of a-z, 0-9 and -, such as nom=employer-name";
    let (column, reason) = text.rsplit_once('=').ok_or(example)?;
    Ok((column.to_owned(), Name::new(reason).map_err(|_| example)?))
}

/// What `--encoding` takes.
fn encoding(text: &str) -> Result<Encoding, String> {
    let found = Encoding::ALL.into_iter().find(|(name, _)| name.eq_ignore_ascii_case(text));
    let known = || Encoding::ALL.map(|(name, _)| name).join(", ");
    found.map(|(_, encoding)| encoding).ok_or_else(|| format!("an encoding is {}", known()))
}

impl PrepareArgs {
    /// What separates the fields of the data.
    fn delimiter(&self, settings: &Settings) -> Result<u8, Fault> {
        if Format::of(&self.data)? == Format::Parquet {
            return match self.encoding {
                Some(_) => Err(Fault::usage("--encoding is for text: leave it out for .parquet")),
                None => Ok(b','),
            };
        }
        if let Some(delimiter) = self.delimiter.or(settings.delimiter_of(&self.data)?) {
            return Ok(delimiter);
        }
        let mapped = self.map.iter().find(|(field, _)| *field == Field::Prenoms);
        let column = self.identifier_column.first().or(self.code_column.first());
        let column = column
            .map(|column| &**column)
            .or(mapped.map(|(_, column)| &**column))
            .unwrap_or("prenoms");
        Ok(usual_delimiter(&self.data, column, self.encoding)?)
    }

    fn run(self, program: &Program) -> Result<Value, Fault> {
        let map: Vec<_> = self.map.iter().map(|(field, column)| (*field, &**column)).collect();
        if map.iter().any(|(field, _)| *field == Field::Id) {
            return Err(Fault::usage("`id` is a field of registers only: leave it out of --map"));
        }
        for (nth, (column, _)) in self.accept_risk.iter().enumerate() {
            if self.accept_risk[..nth].iter().any(|(other, _)| other == column) {
                return Err(Fault::usage(
                    "--accept-risk names a column twice: give one reason for it",
                ));
            }
        }
        let names = self.identifier_column.iter().chain(&self.code_column);
        let columns: Vec<&str> = names.map(|name| &**name).collect();
        let column = match (&self.identifier_column[..], &self.code_column[..]) {
            ([_, ..], _) => Column::Identifiers { columns: &columns, scheme: self.scheme },
            (_, [_, ..]) => Column::Codes(&columns),
            _ => Column::CivilStatus { map: &map, years: program.years() },
        };
        let settings = Settings::beside(&self.data)?;
        let (Some(card), Some(domain)) = (
            self.service.as_ref().or(settings.service.as_ref()),
            self.domain.as_ref().or(settings.domain.as_ref()),
        ) else {
            return Err(Fault::usage(
                "give --service CARD and --domain D, or say them once for the folder of the data with \
                `controller setup`",
            ));
        };
        let missing = match &self.missing[..] {
            [] if self.code_column.is_empty() => &settings.missing[..],
            given => given,
        };
        let path = card;
        let card = present_card(program, path)?;
        let service =
            ServiceId::of(card.id()).ok_or_else(|| Fault::form(path, "the card of a service"))?;
        let what = Prepare {
            data: (&self.data).into(),
            column,
            service: &service,
            signing: &card.body.signing,
            domain,
            request: &self.request,
            retained: (&self.retained).into(),
            delimiter: self.delimiter(&settings)?,
            reading: Reading { numbers: self.numbers, missing, encoding: self.encoding },
            accepted: &self.accept_risk,
        };
        let (prepared, seconds) = self.bulk.work(program, |effort| prepare(what, effort));
        let prepared = prepared?;
        let manifest = manifest_path(&self.request);
        let requested = requested_path(&self.retained);
        program.say(format_args!(
            "give {:?} and {manifest:?} to the service; keep {:?}, {:?} and {requested:?}",
            self.request, self.data, self.retained
        ));
        let (input, words) = (&prepared.input, spoken(&prepared.input.commitment));
        program.say(format_args!("for `{domain}` of {service}: {input}"));
        program.say(format_args!(
            "the words of this request: {words}: give them to the custodians yourself; they \
            approve the request only if the same words are shown to them"
        ));
        for (field, count) in &prepared.unread {
            let values = counted(*count, "value");
            program.say(format_args!("not sent: {values} of {field} that cannot be read as such"));
        }
        if let Column::Identifiers { .. } = column {
            let values = prepared.input.values;
            let notes = [frequent(prepared.most, values), unkeyed(prepared.unkeyed, values)];
            notes.into_iter().flatten().for_each(|note| program.say(note));
        }
        over_several_lines(program, prepared.over_lines);
        if self.numbers {
            program.say(NUMBERS);
        }
        for (column, held) in &prepared.identifiers {
            program.say(format_args!(
                "column {column} stays and holds identifiers: {} with their key and {} without one \
                in {}",
                grouped(held.keyed),
                grouped(held.unkeyed),
                counted(held.filled, "cell")
            ));
        }
        for risk in &prepared.risks {
            let (column, reason) = (&risk.column, &risk.reason);
            program.say(match risk.is_needed {
                true => format!("accepted: column {column:?} stays beside the codes ({reason})"),
                false => format!("column {column:?} is no risk: its --accept-risk can be left out"),
            });
        }
        if matches!(column, Column::CivilStatus { .. }) && !prepared.counts.contains_key("ok") {
            program.say(
                "warning: nobody can be looked up: no row has a name and a date that can be read; \
                see that these columns are \
                 filled, and that --map names the right ones",
            );
        }
        if prepared.may_be_days {
            program.say(MAY_BE_DAYS);
        }
        slip::tell(program, &self.request, &prepared);
        program.say(closing(prepared.rows, seconds, &prepared.counts));
        let identifiers: BTreeMap<_, _> = prepared
            .identifiers
            .iter()
            .map(|(column, held)| {
                let counts =
                    json!({ "cells": held.filled, "with_key": held.keyed, "without_key": held.unkeyed });
                (column, counts)
            })
            .collect();
        let risk = |risk: &Risk| json!({ "column": risk.column, "reason": risk.reason, "needed": risk.is_needed });
        let risks: Vec<_> = prepared.risks.iter().map(risk).collect();
        Ok(json!({
            "rows": prepared.rows,
            "rows_of_request": input.rows,
            "values": input.values,
            "distinct": input.distinct,
            "service": *service,
            "domain": domain,
            "commitment": input.commitment,
            "words": words,
            "seconds": seconds,
            "rows_per_second": per_second(prepared.rows, seconds),
            "most_frequent": { "rows": prepared.most.0, "of": prepared.most.1 },
            "without_key": prepared.unkeyed,
            "status": prepared.counts,
            "unread": prepared.unread,
            "cells_over_several_lines": prepared.over_lines,
            "identifiers_kept": identifiers,
            "accepted_risks": risks,
            "request": self.request,
            "manifest": manifest,
            "retained": self.retained,
            "requested": requested,
        }))
    }
}

/// Put the codes of a result beside the columns of the data, in its own order
#[derive(Args)]
#[command(after_help = "Example:
  cstatns controller attach --retained retained.csv --result result.csv --out coded.csv \\
      --destroy-sources
Once it has the codes, the controller destroys the identifiers and what says whose a code is. --destroy-sources destroys
the data, the request with its manifest, the result and the retained file with its .request.json; --destroy names files
by hand. Without, the last line names those that are still there. Give OUT.receipt.json to the service:
`service delivered`.")]
pub(crate) struct AttachArgs {
    /// The data that the request was made from, if it is no longer where it was
    data: Option<PathBuf>,
    /// The file that `prepare` kept, with its .request.json beside it
    #[arg(long, value_name = "T")]
    retained: PathBuf,
    /// The service's result, with its .report.json beside it
    #[arg(long, value_name = "S")]
    result: PathBuf,
    /// The attached file to write; its .report.json and its .receipt.json lie beside it
    #[arg(long)]
    out: PathBuf,
    /// Codes of 32 bytes instead of text (Parquet only)
    #[arg(long)]
    binary_codes: bool,
    /// The service's present card, where another key signs for it since the request was prepared
    #[arg(long, value_name = "CARD")]
    service: Option<PathBuf>,
    /// A file to destroy once the attached file is durable; with the retained file goes its
    /// .request.json
    #[arg(long, value_name = "FILE", num_args = 1..)]
    destroy: Vec<PathBuf>,
    /// Destroy all that holds identifiers or says whose a code is, once the attached file is
    /// durable: the data, the request and its manifest, the result, the retained file and its
    /// .request.json
    #[arg(long)]
    destroy_sources: bool,
    #[command(flatten)]
    bulk: Bulk,
}

/// Reads a service's card. One of a later key says by itself only whose it claims to be.
fn present_card(program: &Program, path: &Path) -> Result<ServiceCard, Fault> {
    let card = read_service_card(path)?;
    if !card.is_first() {
        program.say(format_args!(
            "note: {path:?} has a later signing key of {}: compare its words with the operator or the \
            auditor before you rely on it: {}",
            card.id(),
            card.words()
        ));
    }
    Ok(card)
}

/// What was kept of the request, with the key of the service's present card. None where it is not
/// there any more, as after a destruction that was stopped.
fn signed_since(retained: &Path, present: &ServiceCard) -> Result<Option<Requested>, Fault> {
    let mut requested = match Requested::read(&requested_path(retained)) {
        Err(RequestedError::File(FileError::Missing { .. })) => return Ok(None),
        read => read?,
    };
    if present.id() != &*requested.service {
        return Err(Fault::new(
            "service-other",
            format!(
                "the card is {}'s, and the request was prepared for {}: give the card that the service \
                of the request publishes",
                present.id(),
                &*requested.service
            ),
        ));
    }
    requested.signing = present.body.signing;
    Ok(Some(requested))
}

impl AttachArgs {
    fn run(self, program: &Program) -> Result<Value, Fault> {
        let card = self.service.as_deref().map(|card| present_card(program, card)).transpose()?;
        let requested = card.as_ref().map(|card| signed_since(&self.retained, card));
        let requested = requested.transpose()?.flatten();
        let what = Attach {
            data: self.data.as_ref().map(Into::into),
            retained: (&self.retained).into(),
            requested: requested.as_ref(),
            result: &self.result,
            out: (&self.out).into(),
            binary_codes: self.binary_codes,
            destroy: &self.destroy,
        };
        let (attached, seconds) = self.bulk.work(program, |effort| match self.destroy_sources {
            true => attach_and_destroy(what, effort),
            false => attach(what, effort),
        });
        let attached = attached?;
        let report = &attached.report;
        if attached.resumed {
            program.say(format_args!(
                "{:?} was already made by an interrupted run; the destruction is now finished",
                self.out
            ));
        }
        program.say(format_args!(
            "codes of `{}`, generation {}, in {:?}",
            report.domain, report.generation, self.out
        ));
        for destroyed in &report.destroyed {
            program.say(format_args!("destroyed {}: {}", destroyed.file, destroyed.how));
        }
        looked_up(report.scores.as_ref(), report.coded, report.rows_out)
            .into_iter()
            .for_each(|line| program.say(line));
        let receipt = received_path(&self.out);
        program.say(format_args!("give {receipt:?} to the service: `service delivered`"));
        program.say(closing(attached.rows, seconds, &report.quality));
        if !attached.holding.is_empty() {
            let holding: Vec<_> = attached.holding.iter().map(|path| format!("{path:?}")).collect();
            program.say(format_args!(
                "still there, with identifiers or former codes, or with what says whose a code is: {}; destroy them \
                once you do not need them (--destroy-sources does)",
                holding.join(", ")
            ));
        }
        Ok(json!({
            "rows": attached.rows,
            "seconds": seconds,
            "rows_per_second": per_second(attached.rows, seconds),
            "attached": self.out,
            "report": report_path(&self.out),
            "receipt": receipt,
            "holding": attached.holding,
            "service": report.service,
            "domain": report.domain,
            "generation": report.generation,
            "coded": report.coded,
            "quality": report.quality,
            "scores": report.scores,
            "destroyed": report.destroyed,
        }))
    }
}
