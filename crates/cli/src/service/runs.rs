//! `service code` and `service renew`: the rows of each request through the coding kernel, and the
//! report of each result.

mod delivery;
mod lists;
mod passes;
mod play;
mod report;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use clap::Args;
use cstatns::civil_status::SCHEME;
use cstatns::delivery::DeliveryId;
use cstatns::files::Facts;
use cstatns::look_up::{Level, LookUp, Score};
use cstatns::manifest::Content;
use cstatns::name::{Hex, Name};
use cstatns::proposal::Action;
use cstatns::recheck::Extent;
use cstatns::service::WorkError;
use cstatns::state::State;
use cstatns_bulk::{CodeFileError, Out, Register, look_up_and_code};
use cstatns_register::Index;
use serde_json::Value;

use delivery::{Of, delivery_or_unknown};
use passes::{write_result, written};
use play::Asked;

pub(super) use delivery::{DeliveryArg, delivery};
pub(super) use passes::read_result;
pub(super) use report::write_missing_reports;

use super::recorded;
use crate::accept::{extent, level, score};
use crate::bulk::Bulk;
use crate::fault::{Fault, RegisterChanged};
use crate::lang::text;
use crate::output::Program;
use crate::quorum::KitArgs;
use crate::scheme;

/// The program that makes a report.
const TOOL: &str = concat!("cstatns ", env!("CARGO_PKG_VERSION"));

/// Code requests of identifiers, or look people up and code them (quorum); each request is
/// destroyed once its result is durable
#[derive(Args)]
#[command(after_help = "Examples:
  cstatns service code home population --request request.csv.age --result result.csv.age \\
      --to insee --purpose wages-2026 \\
      --kit /media/alice/kit --kit /media/bruno/kit --kit /media/chloe/kit
  cstatns service code home population --request people.csv.age --result result.csv.age \\
      --to insee --register people.register --accept rectified \\
      --purpose wages-2026 --kit /media/alice/kit --kit /media/bruno/kit --kit /media/chloe/kit
  cstatns service code home population --request request.csv.age --result result.csv.age \\
      --to insee --recheck all --purpose wages-2026 \\
      --kit /media/alice/kit --kit /media/bruno/kit --kit /media/chloe/kit
  cstatns service code home population --request a.csv b.csv --result a.coded.csv b.coded.csv \\
      --plain --purpose wages-2026 \\
      --kit /media/alice/kit --kit /media/bruno/kit --kit /media/chloe/kit
A request that came as a parcel is opened by the run, read without being written in clear, and destroyed with the key that
opens it. With --to each result is a parcel, encrypted to that party as it is made, with its report in it; --plain hands
it out in clear, which the ledger says.
Several requests of one kind are approved together, each with its own result, in the order given. If one fails, the
results before it stand.
With --register the request is one of civil status. The identifiers that are found never leave
memory; who is not certain enough has no code. The domain's minimum is of people who are coded.
The counterpart gets a copy of the result, in clear with its .report.json; then `service delivered` destroys the
service's copy.
The seconds that it tells begin with the run's intent, after the approvals, and end with the
request's destruction.")]
pub(crate) struct Code {
    #[command(flatten)]
    run: Run,
    /// The index in which the people of a request of civil status are looked up
    #[arg(long, value_name = "REGISTER")]
    register: Option<PathBuf>,
    /// The last quality that is coded: found, rectified or usage-name, each with those before it
    #[arg(long, value_name = "LEVEL", default_value = "usage-name", requires = "register", value_parser = level)]
    accept: Level,
    /// The least score that is coded: the probability that the person found is the right one, from
    /// 0.95 to 0.9999
    #[arg(long, value_name = "S", default_value = "0.95", requires = "register", value_parser = score)]
    min_score: Score,
    #[command(flatten)]
    kits: KitArgs,
}

/// Renew requests of codes to the present generation (quorum); each request is destroyed once its
/// result is durable
#[derive(Args)]
#[command(after_help = "Example:
  cstatns service renew home population --request renewal.csv.age --result renewed.csv.age \\
      --to insee --purpose wages-2026 \\
      --kit /media/alice/kit --kit /media/bruno/kit --kit /media/chloe/kit
The request's manifest names the deliveries that the codes came from where their report lay beside them; --of names others.
The seconds that it tells begin with the run's intent, after the approvals, and end with the request's destruction.")]
pub(crate) struct Renew {
    #[command(flatten)]
    run: Run,
    /// A delivery that the codes came from, instead of those in the request's manifest; or
    /// `unknown`, which is recorded
    #[arg(long, value_name = "DELIVERY", num_args = 1.., value_parser = delivery_or_unknown)]
    of: Vec<Of>,
    #[command(flatten)]
    kits: KitArgs,
}

/// What both take.
#[derive(Args)]
struct Run {
    /// The service's home
    home: PathBuf,
    /// The domain
    domain: Name,
    /// The request: a parcel (.age), or a file or a folder of parts with its .manifest.json beside
    /// it; or several, at most 64
    #[arg(long = "request", value_name = "R", required = true, num_args = 1..)]
    requests: Vec<PathBuf>,
    /// The result to write, one for each request, in their order: with --to a parcel, such as
    /// result.csv.age, else in clear with its .report.json beside it
    #[arg(long = "result", value_name = "S", required = true, num_args = 1..)]
    results: Vec<PathBuf>,
    /// What the codes are for: a name
    #[arg(long, value_name = "P")]
    purpose: Name,
    /// The party that the results go to, each in a parcel that is encrypted to it: of statistics a
    /// controller, of research a linking body
    #[arg(long, value_name = "NAME")]
    to: Option<Name>,
    /// Hand out the results in clear, which is recorded: in statistics, where the office has a
    /// secure channel of its own
    #[arg(long, conflicts_with = "to")]
    plain: bool,
    /// Keep the requests: this departs from the scheme, and is recorded
    #[arg(long)]
    keep_request: bool,
    /// Have codes made again by a second process, with other code, before the results get their
    /// names: those of all rows, or of N random rows of each request; a difference ends the run
    #[arg(long, value_name = "all|N", value_parser = extent)]
    recheck: Option<Extent>,
    #[command(flatten)]
    bulk: Bulk,
}

impl Run {
    /// The card of whom the results go to; none where they are handed out in clear.
    fn recipient(&self, state: &State) -> Result<Option<Hex<32>>, Fault> {
        let Some(name) = &self.to else {
            let is_said = self.plain || state.is_demo();
            return match is_said || state.domain(&self.domain)?.kind.is_research() {
                true => Ok(None),
                false => Err(Fault::usage(text!(
                    "say whom the results go to: --to NAME, a registered controller; or --plain, which hands them out \
                    in clear and is recorded",
                    "dites à qui vont les résultats : --to NAME, un responsable de traitement inscrit ; ou --plain, qui \
                        les remet en clair et s'inscrit"
                ))),
            };
        };
        let (card, _) = state.party_named(name)?;
        state.check_recipient(card, &self.domain)?;
        Ok(Some(*card))
    }
}

/// A register that is open for a run.
struct Open<'a> {
    path: &'a Path,
    index: Index,
    /// The file before it was read through.
    stamp: Facts,
    accept: Level,
    min_score: Score,
}

impl<'a> Open<'a> {
    fn new(
        program: &Program,
        path: &'a Path,
        accept: Level,
        min_score: Score,
    ) -> Result<Self, Fault> {
        let stamp = Facts::of(path)?;
        Ok(Self {
            path,
            index: Index::open(path)?.within(program.years()),
            stamp,
            accept,
            min_score,
        })
    }

    /// What the custodians are asked to approve.
    fn look_up(&self) -> LookUp {
        LookUp {
            register: Hex(self.index.id()),
            commitment: self.index.commitment(),
            accept: self.accept,
            min_score: self.min_score,
        }
    }

    /// Refuses what was done with another register than the one that was approved, or what was
    /// written to meanwhile.
    fn check(&self) -> Result<(), WorkError> {
        if Facts::of(self.path).is_ok_and(|stamp| stamp == self.stamp) {
            return Ok(());
        }
        Err(WorkError::new(RegisterChanged { path: self.path.to_owned() }))
    }
}

impl Code {
    pub(super) fn run(self, program: &Program) -> Result<Value, Fault> {
        let kits = self.kits.look()?;
        self.run.paired()?;
        let Run { home, domain, purpose, keep_request, .. } = &self.run;
        recorded(program, home, "code", |service| {
            self.kits.check_clock(service)?;
            let requests = self.run.look(program, service)?;
            let (register, scheme) = match (&self.register, requests.first().content()) {
                (None, Content::Identifiers { scheme }) => {
                    scheme::check(&requests.first().request, scheme)?;
                    (None, scheme)
                }
                (Some(path), Content::CivilStatus { .. }) => {
                    let open = Open::new(program, path, self.accept, self.min_score)?;
                    program.warn_of_others(path);
                    (Some(open), SCHEME)
                }
                (_, found) => {
                    let path = requests.first().request.clone();
                    return Err(CodeFileError::Content { path, found }.into());
                }
            };
            let recipient = self.run.recipient(service.state())?;
            let state = service.state().domain(domain)?;
            let (generation, is_research) = (state.generation(), state.kind.is_research());
            let action = |inputs| Action::Code {
                domain: domain.clone(),
                generation,
                scheme,
                purpose: purpose.clone(),
                inputs,
                recipient,
                keep_request: *keep_request,
                look_up: register.as_ref().map(Open::look_up),
            };
            let asked = Asked { kits: &kits, requests: &requests, action: &action };
            self.run.play(program, service, asked, |service, quorum, files, rows| {
                service.code(quorum, files, |coder, out| {
                    rows.with(out, |rows, out| {
                        let Some(open) = &register else {
                            let code = |out: Out<'_>| cstatns_bulk::code(rows, coder, out);
                            return Ok(written(write_result(out, code)?));
                        };
                        open.check()?;
                        let register = Register {
                            index: &open.index,
                            accept: open.accept,
                            min_score: open.min_score,
                            only_without_identifier: is_research,
                        };
                        let look_up = |out: Out<'_>| look_up_and_code(rows, register, coder, out);
                        let found = write_result(out, look_up)?;
                        open.check()?;
                        Ok(written(found))
                    })
                })
            })
        })
    }
}

impl Renew {
    pub(super) fn run(self, program: &Program) -> Result<Value, Fault> {
        let kits = self.kits.look()?;
        let unknown = self.of.iter().any(|of| matches!(of, Of::Unknown));
        if unknown && self.of.len() > 1 {
            return Err(Fault::usage(text!(
                "--of names deliveries or says `unknown`, not both",
                "--of nomme des livraisons ou dit `unknown`, pas les deux"
            )));
        }
        self.run.paired()?;
        let Run { home, domain, purpose, keep_request, .. } = &self.run;
        recorded(program, home, "renew", |service| {
            self.kits.check_clock(service)?;
            let requests = self.run.look(program, service)?;
            let Content::Codes { generation: from, .. } = requests.first().content() else {
                let (path, found) = (requests.first().request.clone(), requests.first().content());
                return Err(CodeFileError::Content { path, found }.into());
            };
            let recipient = self.run.recipient(service.state())?;
            let generation = service.state().domain(domain)?.generation();
            let of = match () {
                () if unknown => None,
                () if !self.of.is_empty() => {
                    let named = self.of.iter().filter_map(|of| match of {
                        Of::Delivery(named) => Some(named.find(service.state())),
                        Of::Unknown => None,
                    });
                    Some(named.collect::<Result<BTreeSet<DeliveryId>, Fault>>()?)
                }
                () => Some(requests.previous()?),
            };
            let of = of.map(|of| of.into_iter().collect::<Vec<_>>());
            let action = |inputs| Action::Renew {
                domain: domain.clone(),
                from,
                generation,
                purpose: purpose.clone(),
                inputs,
                recipient,
                keep_request: *keep_request,
                of: of.clone(),
            };
            let asked = Asked { kits: &kits, requests: &requests, action: &action };
            self.run.play(program, service, asked, |service, quorum, files, rows| {
                service.renew(quorum, files, |renewer, out| {
                    rows.with(out, |rows, out| {
                        let renew = |out: Out<'_>| cstatns_bulk::renew(rows, renewer, out);
                        Ok(written(write_result(out, renew)?))
                    })
                })
            })
        })
    }
}
