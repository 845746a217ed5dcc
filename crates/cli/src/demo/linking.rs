//! The linking body's commands. They are those of another program, `cstatns-link`; here its library
//! does what they say.

use std::path::PathBuf;

use clap::Parser;
use cstatns::card::read_service_card;
use cstatns::name::Name;
use cstatns::notice::Notice;
use cstatns_link::join::How;
use cstatns_link::{
    Body, JoinFiles, LinkError, Over, Receive, Release, Rows, end, join_files, receive, release,
};
use cstatns_rows::effort::Effort;
use cstatns_terminal::ledger::Known;
use cstatns_terminal::party::{As, read_card};
use serde_json::{Value, json};

use crate::bulk::{closing, watched};
use crate::fault::Fault;
use crate::figures::{counted, grouped};
use crate::lang::text;
use crate::output::Program;

/// What the demonstration types of `cstatns-link`, with the options that it uses.
#[derive(Parser)]
#[command(name = "cstatns-link")]
pub(super) enum Linking {
    Attach {
        #[command(flatten)]
        by: As,
        #[arg(long)]
        service: PathBuf,
        #[arg(long)]
        payload: PathBuf,
        #[arg(long)]
        result: PathBuf,
        #[arg(long)]
        out: PathBuf,
    },
    Join {
        #[command(flatten)]
        by: As,
        #[arg(long = "source", value_parser = source)]
        sources: Vec<(Name, PathBuf)>,
        #[arg(long)]
        out: PathBuf,
    },
    Release {
        file: PathBuf,
        #[command(flatten)]
        by: As,
        #[arg(long)]
        to: PathBuf,
        #[arg(long)]
        authorisation: Name,
        #[command(flatten)]
        known: Known,
        #[arg(long)]
        out: PathBuf,
        #[arg(long)]
        keep_coded: bool,
    },
    End {
        notice: PathBuf,
        #[command(flatten)]
        by: As,
        #[arg(long)]
        service: PathBuf,
    },
}

fn source(text: &str) -> Result<(Name, PathBuf), String> {
    let (name, path) = text.split_once('=').ok_or("NAME=CODED")?;
    Ok((Name::new(name).map_err(|error| error.to_string())?, path.into()))
}

impl Linking {
    /// Does it, and says what the program of the linking body says.
    pub(super) fn run(self, program: &Program) -> Result<Value, Fault> {
        let by = match &self {
            Self::Attach { by, .. }
            | Self::Join { by, .. }
            | Self::Release { by, .. }
            | Self::End { by, .. } => by,
        };
        let party = by.opened(program)?;
        let mut body = Body::open(by.directory(), &party, (program.clock)())?;
        let body = &mut body;
        match self {
            Self::Attach { service, payload, result, out, .. } => {
                let service = &read_service_card(&service)?;
                let what =
                    Receive { service, rows: Rows::Payload(&payload), result: &result, out: &out };
                attached(program, body, &what)
            }
            Self::Join { sources, out, .. } => {
                let how = How::Inner;
                let what =
                    JoinFiles { sources: &sources, how, many: false, least: None, out: &out };
                joined(program, body, &what)
            }
            Self::Release { file, to, authorisation, known, out, keep_coded, .. } => {
                let (to, ledger) = (&read_card(&to)?, known.read()?);
                let (file, ledger, out) = (&*file, ledger.as_ref(), &*out);
                let what =
                    Release { file, to, ledger, authorisation, out, until: None, keep_coded };
                released(program, body, &what)
            }
            Self::End { notice: path, service, .. } => {
                let notice = Notice::read(&path)?;
                let head = notice.verify(&path, &read_service_card(&service)?)?;
                if notice.body.to != party.card().fingerprint() {
                    return Err(LinkError::Notice { path }.into());
                }
                let (service, domain) = (notice.body.service, notice.body.domain);
                ended(program, body, Over { service, domain, head })
            }
        }
    }
}

fn attached(program: &Program, body: &mut Body<'_>, what: &Receive<'_>) -> Result<Value, Fault> {
    let effort = Effort::default();
    let (coded, seconds) = watched(program, &effort.progress, || receive(body, what, &effort));
    let coded = coded?;
    program.say(text!(
        "{:?} is of `{}`, generation {}; the payload and the result are destroyed",
        "{:?} est de `{}`, génération {} ; les données et le résultat sont détruits",
        what.out,
        coded.domain,
        coded.generation
    ));
    program.say(closing(coded.rows, seconds, &coded.quality));
    Ok(json!({ "rows": coded.rows, "quality": coded.quality }))
}

fn joined(program: &Program, body: &mut Body<'_>, what: &JoinFiles<'_>) -> Result<Value, Fault> {
    let joined = join_files(body, what, &Effort::default())?;
    let stated = joined.report.as_ref().map(|report| &report.body);
    for source in stated.into_iter().flat_map(|stated| &stated.sources) {
        program.say(text!(
            "  {}: {}, {} matched, {} not, {} with several rows; {} without a code",
            "  {} : {}, {} appariées, {} non, {} avec plusieurs lignes ; {} sans code",
            source.name,
            counted(source.people, "person", "personne"),
            grouped(source.matched),
            grouped(source.unmatched),
            grouped(source.repeated),
            counted(source.without_code, "row", "ligne")
        ));
    }
    program.say(text!(
        "{:?}: {} without codes, in an order drawn at random",
        "{:?} : {} sans codes, dans un ordre tiré au hasard",
        what.out,
        counted(joined.rows, "row", "ligne")
    ));
    Ok(json!({ "rows": joined.rows, "people": stated.map(|stated| stated.people) }))
}

fn released(program: &Program, body: &mut Body<'_>, what: &Release<'_>) -> Result<Value, Fault> {
    let released = release(body, what)?;
    program.say(text!(
        "{:?} is for `{}` ({}) alone, under `{}`",
        "{:?} est pour `{}` ({}) seul, au titre de `{}`",
        what.out,
        what.to.body.name,
        released.words,
        what.authorisation
    ));
    program.say(text!("{:?} is destroyed", "{:?} est détruit", what.file));
    Ok(json!({ "id": released.parcel }))
}

fn ended(program: &Program, body: &mut Body<'_>, over: Over) -> Result<Value, Fault> {
    let domain = over.domain.clone();
    let destroyed = end(body, over)?.len();
    program.say(text!(
        "`{domain}` is over: {} destroyed, and recorded so",
        "`{domain}` est terminé : {} détruits, et c'est inscrit",
        counted(destroyed as u64, "file", "fichier")
    ));
    Ok(json!({ "destroyed": destroyed }))
}
