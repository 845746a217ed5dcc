//! `join`: coded files become one without codes.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use cstatns_base::name::Name;
use cstatns_link::join::How;
use cstatns_link::{Body, JoinFiles, join_files};
use cstatns_record::linking::JoinedReport;
use cstatns_record::report::report_path;
use cstatns_terminal::bulk::Bulk;
use cstatns_terminal::fault::Fault;
use cstatns_terminal::figures::{counted, grouped};
use cstatns_terminal::lang::text;
use cstatns_terminal::output::Program;
use cstatns_terminal::party::As;
use serde_json::{Value, json};

/// Join coded files of one project on their codes, into a file without codes, in an order drawn at
/// random
#[derive(Args)]
#[command(after_help = "Example:
  cstatns-link join --as linking --source wages=wages.csv --source care=care.csv --out joined.csv
Each source is a file that `attach` wrote, under a name of its own. The file has the columns NAME_quality of each source,
then its other columns; a column that stands in several sources becomes NAME_column. Neither codes nor indexes come out.
--how inner (as it is without) gives the people who are in all sources; left all rows of the first source, with what the
others have of them; full everything. Somebody with several rows in one source gets as many; with several rows in more
than one source each row of the one comes with each of the other, which --many allows.
At least 11 people of each source must be matched, or as many as the project says; --least raises that number.
Nothing is destroyed: `release` does it.")]
pub(crate) struct JoinArgs {
    #[command(flatten)]
    by: As,
    /// A coded file and what its columns are called by; once for each
    #[arg(long = "source", value_name = "NAME=CODED", required = true, value_parser = source)]
    sources: Vec<(Name, PathBuf)>,
    /// The file to write, of the sources' type; <OUT>.report.json will lie beside it
    #[arg(long, value_name = "OUT")]
    out: PathBuf,
    /// Which rows come out
    #[arg(
        long,
        value_enum,
        default_value = "inner",
        hide_possible_values = true,
        value_name = "inner|left|full"
    )]
    how: Rows,
    /// People may have several rows in more than one source
    #[arg(long)]
    many: bool,
    /// The fewest people of each source that must be matched [default: 11, or what the project
    /// says]
    #[arg(long, value_name = "N")]
    least: Option<u32>,
    #[command(flatten)]
    bulk: Bulk,
}

#[derive(Clone, Copy, ValueEnum)]
enum Rows {
    Inner,
    Left,
    Full,
}

impl From<Rows> for How {
    fn from(rows: Rows) -> Self {
        match rows {
            Rows::Inner => Self::Inner,
            Rows::Left => Self::Left,
            Rows::Full => Self::Full,
        }
    }
}

fn source(text: &str) -> Result<(Name, PathBuf), String> {
    let wrong = || {
        text!(
            "a name and a file, such as wages=wages.csv",
            "un nom et un fichier, comme wages=wages.csv"
        )
    };
    let (name, path) = text.split_once('=').ok_or_else(wrong)?;
    let name = Name::new(name).map_err(|_| wrong())?;
    if path.is_empty() { Err(wrong()) } else { Ok((name, path.into())) }
}

impl JoinArgs {
    pub(crate) fn run(self, program: &Program) -> Result<Value, Fault> {
        let party = self.by.opened(program)?;
        let mut body = Body::open(self.by.directory(), &party, (program.clock)())?;
        let what = JoinFiles {
            sources: &self.sources,
            how: self.how.into(),
            many: self.many,
            least: self.least,
            out: &self.out,
        };
        let (joined, seconds) =
            self.bulk.work(program, |effort| join_files(&mut body, &what, effort));
        let joined = joined?;
        let report = report_path(&self.out);
        if let Some(report) = &joined.report {
            told(report).into_iter().for_each(|line| program.say(line));
        }
        program.say(text!(
            "{:?}: {} without codes, in an order drawn at random; its report: {report:?}",
            "{:?} : {} sans codes, dans un ordre tiré au hasard ; son rapport : {report:?}",
            self.out,
            counted(joined.rows, "row", "ligne")
        ));
        program.say(text!(
            "it lies in clear: `cstatns-link release` encrypts it to the researcher and destroys it",
            "il est en clair : `cstatns-link release` le chiffre pour le chercheur et le détruit"
        ));
        Ok(json!({
            "joined": self.out,
            "report": report,
            "rows": joined.rows,
            "stated": joined.report.as_ref().map(|report| &report.body),
            "seconds": seconds,
        }))
    }
}

/// A line for each source.
fn told(report: &JoinedReport) -> Vec<String> {
    let line = |source: &cstatns_record::linking::JoinedSource| {
        text!(
            "  {}: {}, {} matched, {} not, {} with several rows; {} without a code",
            "  {} : {}, {} appariées, {} non, {} avec plusieurs lignes ; {} sans code",
            source.name,
            counted(source.people, "person", "personne"),
            grouped(source.matched),
            grouped(source.unmatched),
            grouped(source.repeated),
            counted(source.without_code, "row", "ligne")
        )
    };
    report.body.sources.iter().map(line).collect()
}
