//! `controller try`: what `prepare` would make of data, and what it would refuse.

use clap::Args;
use cstatns_controller::{Try, try_out};
use serde_json::{Value, json};

use crate::bulk::{Bulk, closing};
use crate::fault::Fault;
use crate::figures::{counted, grouped, per_second};
use crate::lang::text;
use crate::output::Program;

use super::chosen::Chosen;
use super::found;
use super::given::Given;

/// Read data as prepare does and refuse what that would refuse, without a service, and without
/// writing anything
#[derive(Args)]
#[command(after_help = "Examples:
  cstatns controller try courses.csv --identifier-column nir
  cstatns controller try visits.csv --civil-status --map nom=birth_name,date_naissance=born
It ends with 1 and the refusal if `prepare` would refuse the data; else it says how large the request and the
retained file would be, and how long the data took to read. Whether codes are of the service and domain of a
renewal is not looked at. `controller inspect` says more of data that is refused.")]
pub(crate) struct TryArgs {
    #[command(flatten)]
    chosen: Chosen,
    #[command(flatten)]
    bulk: Bulk,
}

/// Bytes as people read them.
fn size(bytes: u64) -> String {
    match bytes {
        0..1_000_000 => format!("{} kB", grouped(bytes.div_ceil(1000))),
        1_000_000..10_000_000_000 => format!("{} MB", grouped(bytes.div_ceil(1_000_000))),
        _ => format!("{} GB", grouped(bytes.div_ceil(1_000_000_000))),
    }
}

impl TryArgs {
    pub(super) fn run(self, program: &Program) -> Result<Value, Fault> {
        let named = self.chosen.named()?;
        let column = self.chosen.column(&named, program.years());
        let given = Given::of(&self.chosen.data, self.chosen.format.as_ref())?;
        let settings = given.settings()?;
        let what = Try {
            data: given.data()?,
            column,
            delimiter: self.chosen.delimiter(&settings, &given)?,
            reading: self.chosen.reading(&settings),
            accepted: &self.chosen.accept_risk,
        };
        let (tried, seconds) = self.bulk.work(program, |effort| try_out(what, effort));
        let tried = tried?;
        program.tell(text!(
            "{} would not be refused: {} with {}, {} distinct",
            "{} ne serait pas refusé : {} avec {}, {} distinctes",
            given.shown(),
            counted(tried.request_rows, "row", "ligne"),
            counted(tried.values, "value", "valeur"),
            grouped(tried.distinct)
        ));
        program.tell(text!(
            "as .csv the request takes about {}, the retained file {}; in .parquet or compressed they \
            take less",
                "en .csv la demande prend environ {}, le fichier conservé {} ; en .parquet ou compressés ils prennent moins",
            size(tried.request_bytes),
            size(tried.retained_bytes)
        ));
        program.tell(
            text!("`prepare` reads the data in the time below, and then sorts and writes these two files",
                "`prepare` lit les données dans le temps ci-dessous, puis trie et écrit ces deux fichiers"),
        );
        found::tell(program, &tried.found, tried.values, column, self.chosen.numbers);
        program.say(closing(tried.rows, seconds, &tried.found.counts));
        let mut summary = json!({
            "rows": tried.rows,
            "rows_of_request": tried.request_rows,
            "values": tried.values,
            "distinct": tried.distinct,
            "request_bytes": tried.request_bytes,
            "retained_bytes": tried.retained_bytes,
            "seconds": seconds,
            "rows_per_second": per_second(tried.rows, seconds),
        });
        if let Some(summary) = summary.as_object_mut() {
            found::add_to(summary, &tried.found);
        }
        Ok(summary)
    }
}
