//! `service script`: the checklist of a ceremony, to be printed.

use clap::{Args, ValueEnum};
use cstatns::dealing::Threshold;
use cstatns::name::Name;
use serde_json::{Value, json};

use crate::fault::Fault;
use crate::lang::{Lang, lang};
use crate::output::Program;

/// The places for custodians where none is named.
const PLACES: usize = 5;
/// A name to be written by hand.
const BLANK: &str = "________________________________";

/// Print the checklist of a ceremony: each step, who does it, blanks for words, times and
/// signatures, an exception sheet
#[derive(Args)]
#[command(after_help = "Examples:
  cstatns service script init --name statistics --threshold 2 --custodian alice bruno chloe
  cstatns service script deal --lang fr | lp
Plain text of at most 78 columns, with a form feed between pages of A4. It needs no home: what is not named is left blank,
to be written by hand.")]
pub(crate) struct Script {
    /// The ceremony
    #[arg(value_enum)]
    ceremony: Ceremony,
    /// The service's name
    #[arg(long)]
    name: Option<Name>,
    /// How many custodians open a key
    #[arg(long, value_name = "K")]
    threshold: Option<usize>,
    /// A custodian's name; once for each. With a new dealing, those who hold the new shares
    #[arg(long = "custodian", value_name = "NAME", num_args = 1..)]
    custodians: Vec<Name>,
}

/// What is to be done.
#[derive(Clone, Copy, ValueEnum)]
enum Ceremony {
    /// Found a service
    Init,
    /// Deal new shares
    Deal,
    /// Recover a home that is lost or old
    Recover,
}

impl Ceremony {
    /// Its pages. The first line is the title; a line of `=====` begins a page, and a line with
    /// `{custodian}` stands for one of each custodian.
    fn pages(self) -> [&'static str; 2] {
        match (self, lang()) {
            (Self::Init, Lang::En) => [include_str!("script/init.en.txt"), EXCEPTIONS],
            (Self::Init, Lang::Fr) => [include_str!("script/init.fr.txt"), INCIDENTS],
            (Self::Deal, Lang::En) => [include_str!("script/deal.en.txt"), EXCEPTIONS],
            (Self::Deal, Lang::Fr) => [include_str!("script/deal.fr.txt"), INCIDENTS],
            (Self::Recover, Lang::En) => [include_str!("script/recover.en.txt"), EXCEPTIONS],
            (Self::Recover, Lang::Fr) => [include_str!("script/recover.fr.txt"), INCIDENTS],
        }
    }
}

const EXCEPTIONS: &str = include_str!("script/exceptions.en.txt");
const INCIDENTS: &str = include_str!("script/exceptions.fr.txt");

impl Script {
    pub(super) fn run(self, program: &Program) -> Result<Value, Fault> {
        if let (Some(k), n @ 1..) = (self.threshold, self.custodians.len()) {
            Threshold::new(k, n).map_err(Fault::from)?;
        }
        let script = self.script();
        program.tell(script.trim_end());
        Ok(json!({ "script": script }))
    }

    fn script(&self) -> String {
        let [script, exceptions] = self.ceremony.pages();
        let (title, pages) = script.split_once('\n').expect("the first line is the title");
        let whole = format!("{pages}{exceptions}");
        let pages: Vec<&str> = whole.split("=====\n").collect();
        let headed = |(page, text): (usize, &str)| {
            let title = match &self.name {
                Some(name) => format!("{title}: {name}"),
                None => title.to_owned(),
            };
            let of = format!("{page} / {}", pages.len());
            let left = 77_usize.saturating_sub(title.chars().count());
            format!(" {title}{of:>left$}\n\n{}", self.filled(text.trim_start_matches('\n')))
        };
        let pages: Vec<String> = (1..).zip(pages.iter().copied()).map(headed).collect();
        pages.join("\u{c}")
    }

    /// The text of a page with what is known.
    fn filled(&self, text: &str) -> String {
        let known = |given: Option<String>, blank: &str| given.unwrap_or_else(|| blank.to_owned());
        let (name, threshold) = (self.name.as_ref().map(Name::to_string), self.threshold);
        let count = Some(self.custodians.len()).filter(|count| *count > 0);
        let mut filled = String::new();
        for line in text.lines() {
            let line = line
                .replace("{service}", &known(name.clone(), BLANK))
                .replace("{name}", &known(name.clone(), "SERVICE"))
                .replace("{k}", &known(threshold.map(|k| k.to_string()), "____"))
                .replace("{K}", &known(threshold.map(|k| k.to_string()), "K"))
                .replace("{n}", &known(count.map(|n| n.to_string()), "____"));
            let custodians = match line.contains("{custodian}") {
                true => count.unwrap_or(PLACES),
                false => 1,
            };
            for custodian in 0..custodians {
                let name = self.custodians.get(custodian).map_or(BLANK, Name::as_str);
                let width = BLANK.len();
                let line = line.replace("{c}", &(custodian + 1).to_string());
                let line = line.replace("{custodian}", &format!("{name:width$}"));
                filled.push_str(line.trim_end());
                filled.push('\n');
            }
        }
        filled
    }
}
