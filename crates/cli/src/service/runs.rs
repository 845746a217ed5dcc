//! `service code` and `service renew`: the request's rows through the coding kernel, and the report
//! of the run.

mod delivery;
mod passes;
mod report;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use clap::Args;
use cstatns::civil_status::SCHEME;
use cstatns::code::Generation;
use cstatns::files::{Facts, FileError};
use cstatns::look_up::{Level, LookUp, Score};
use cstatns::manifest::{Content, Manifest, manifest_path};
use cstatns::meta::FileMeta;
use cstatns::name::{Hex, Name};
use cstatns::proposal::{Action, RunId};
use cstatns::report::report_path;
use cstatns::service::{Made, RunFiles, Service, WorkError};
use cstatns_bulk::{CodeFileError, Out, Register, Request, look, look_up_and_code};
use cstatns_register::Index;
use cstatns_rows::effort::Effort;
use cstatns_rows::table::Format;
use serde_json::{Value, json};

use delivery::{Of, delivery_or_unknown};
use passes::{warn_of_namespace, write_result, written};

pub(super) use delivery::delivery;
pub(super) use passes::read_result;
pub(super) use report::write_missing_reports;

use super::recorded;
use crate::accept::{level, score};
use crate::bulk::{Bulk, closing, looked_up};
use crate::fault::{Fault, RegisterChanged};
use crate::figures::per_second;
use crate::output::Program;
use crate::quorum::{Closed, KitArgs, gather, tell_seen};
use crate::scheme;

/// The program that makes a report.
const TOOL: &str = concat!("cstatns ", env!("CARGO_PKG_VERSION"));

/// Code a request of identifiers, or look people up and code them (quorum); its request is
/// destroyed once the result is durable
#[derive(Args)]
#[command(after_help = "Examples:
  cstatns service code home population --request request.csv --result result.csv \\
      --purpose wages-2026 --kit /media/alice/kit --kit /media/bruno/kit --kit /media/chloe/kit
  cstatns service code home population --request people.csv --result result.csv \\
      --register people.register --accept rectified \\
      --purpose wages-2026 --kit /media/alice/kit --kit /media/bruno/kit --kit /media/chloe/kit
With --register the request is one of civil status. The identifiers that are found never leave
memory; who is not certain enough has no code. The domain's minimum is of people who are coded.
The counterpart copies the result and its .report.json; then `service delivered` destroys the
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

/// Renew a request of codes to the present generation (quorum); its request is destroyed once the
/// result is durable
#[derive(Args)]
#[command(after_help = "Example:
  cstatns service renew home population --request renewal.csv --result renewed.csv \\
      --purpose wages-2026 --kit /media/alice/kit --kit /media/bruno/kit --kit /media/chloe/kit
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
    /// The request, with its .manifest.json beside it
    #[arg(long, value_name = "R")]
    request: PathBuf,
    /// The result to write; its .report.json lies beside it
    #[arg(long, value_name = "S")]
    result: PathBuf,
    /// What the codes are for: a name
    #[arg(long, value_name = "P")]
    purpose: Name,
    /// Keep the request: this departs from the scheme, and is recorded
    #[arg(long)]
    keep_request: bool,
    #[command(flatten)]
    bulk: Bulk,
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
        let Run { home, domain, purpose, keep_request, request, .. } = &self.run;
        recorded(program, home, "code", |service| {
            let (manifest, format) = self.run.look(program, service)?;
            let (register, scheme) = match (&self.register, manifest.content) {
                (None, Content::Identifiers { scheme }) => {
                    scheme::check(request, scheme)?;
                    (None, scheme)
                }
                (Some(path), Content::CivilStatus { .. }) => {
                    let open = Open::new(program, path, self.accept, self.min_score)?;
                    program.warn_of_others(path);
                    (Some(open), SCHEME)
                }
                (_, found) => {
                    return Err(CodeFileError::Content { path: request.clone(), found }.into());
                }
            };
            let generation = service.state().domain(domain)?.generation();
            let action = Action::Code {
                domain: domain.clone(),
                generation,
                scheme,
                purpose: purpose.clone(),
                input: manifest.input,
                recipient: None,
                keep_request: *keep_request,
                look_up: register.as_ref().map(Open::look_up),
            };
            self.run.play(
                program,
                service,
                Asked { kits: &kits, manifest: &manifest, action },
                |service, quorum, meta, files, effort| {
                    let rows = Request { path: request, manifest: &manifest, format, meta, effort };
                    let made = service.code(quorum, files, |coder, out| {
                        let Some(open) = &register else {
                            let code = |out: Out<'_>| cstatns_bulk::code(&rows, coder, out);
                            return Ok(written(write_result(out, code)?));
                        };
                        open.check()?;
                        let Open { index, accept, min_score, .. } = open;
                        let register = Register { index, accept: *accept, min_score: *min_score };
                        let found =
                            write_result(out, |out| look_up_and_code(&rows, register, coder, out))?;
                        open.check()?;
                        Ok(written(found))
                    })?;
                    Ok(made)
                },
            )
        })
    }
}

impl Renew {
    pub(super) fn run(self, program: &Program) -> Result<Value, Fault> {
        let kits = self.kits.look()?;
        let unknown = self.of.iter().any(|of| matches!(of, Of::Unknown));
        if unknown && self.of.len() > 1 {
            return Err(Fault::usage("--of names deliveries or says `unknown`, not both"));
        }
        let Run { home, domain, purpose, keep_request, request, .. } = &self.run;
        recorded(program, home, "renew", |service| {
            let (manifest, format) = self.run.look(program, service)?;
            let Content::Codes { generation: from, .. } = manifest.content else {
                return Err(CodeFileError::Content {
                    path: request.clone(),
                    found: manifest.content,
                }
                .into());
            };
            let generation = service.state().domain(domain)?.generation();
            let named: BTreeSet<RunId> = self
                .of
                .iter()
                .filter_map(|of| match of {
                    Of::Delivery(run) => Some(*run),
                    Of::Unknown => None,
                })
                .collect();
            let of = match () {
                () if unknown => None,
                () if !self.of.is_empty() => Some(named.into_iter().collect()),
                () if !manifest.previous.is_empty() => Some(manifest.previous.clone()),
                () => {
                    return Err(Fault::new(
                        "deliveries-unnamed",
                        "nothing says which deliveries these codes came from: put their \
                        .report.json beside the data and \
                         prepare again, or name them with --of, or say `--of unknown`, which is \
                         recorded",
                    ));
                }
            };
            let action = Action::Renew {
                domain: domain.clone(),
                from,
                generation,
                purpose: purpose.clone(),
                input: manifest.input,
                recipient: None,
                keep_request: *keep_request,
                of,
            };
            self.run.play(
                program,
                service,
                Asked { kits: &kits, manifest: &manifest, action },
                |service, quorum, meta, files, effort| {
                    let rows = Request { path: request, manifest: &manifest, format, meta, effort };
                    let made = service.renew(quorum, files, |renewer, out| {
                        let renew = |out: Out<'_>| cstatns_bulk::renew(&rows, renewer, out);
                        Ok(written(write_result(out, renew)?))
                    })?;
                    Ok(made)
                },
            )
        })
    }
}

/// What the custodians are asked for, and who is asked.
struct Asked<'a> {
    kits: &'a [Closed],
    manifest: &'a Manifest,
    action: Action,
}

impl Run {
    /// Reads the manifest, looks at the request's columns and at the names of the files, before any
    /// custodian is asked.
    fn look(&self, program: &Program, service: &Service) -> Result<(Manifest, Format), Fault> {
        let manifest = Manifest::read(&manifest_path(&self.request))?;
        if !self.request.is_file() {
            return Err(FileError::Missing { path: self.request.clone() }.into());
        }
        look(&self.request, &manifest, service.card().id(), &self.domain)?;
        let format = Format::of(&self.result)?;
        for path in [self.result.clone(), report_path(&self.result)] {
            if path.symlink_metadata().is_ok() {
                return Err(FileError::Exists { path }.into());
            }
        }
        let directory = self.result.parent().filter(|parent| !parent.as_os_str().is_empty());
        if let Some(directory) = directory.filter(|directory| !directory.is_dir()) {
            return Err(FileError::Missing { path: directory.to_owned() }.into());
        }
        let place = std::path::absolute(&self.result).ok();
        if let Some(other) = service.outgoing().into_iter().find(|other| other.result == place) {
            // Its copy was moved away; what is put here would be taken for it.
            return Err(Fault::new(
                "place-taken",
                format!(
                    "{:?} is the place of delivery {}, which waits for `service delivered`: choose \
                    another name",
                    self.result, other.delivery
                ),
            ));
        }
        warn_of_namespace(program);
        if self.keep_request {
            program.say(
                "note: --keep-request departs from the scheme (R7: the service destroys \
                what it was given); recorded",
            );
        }
        Ok((manifest, format))
    }

    /// Gathers the quorum, runs, and writes the report.
    fn play(
        &self,
        program: &Program,
        service: &mut Service,
        asked: Asked<'_>,
        work: impl FnOnce(
            &mut Service,
            cstatns::custody::quorum::Quorum,
            &FileMeta,
            &RunFiles,
            &Effort,
        ) -> Result<Made, Fault>,
    ) -> Result<Value, Fault> {
        let Asked { kits, manifest, action } = asked;
        let files = RunFiles {
            request: vec![self.request.clone(), manifest_path(&self.request)],
            result: self.result.clone(),
            accepted: manifest.accepted.clone(),
        };
        service.check_files(&files, self.keep_request)?;
        let generation = match &action {
            Action::Code { generation, .. } | Action::Renew { generation, .. } => *generation,
            _ => Generation::FIRST,
        };
        let quorum = gather(program, service, kits, action)?;
        let meta = FileMeta {
            service: service.card().id().to_owned(),
            domain: self.domain.clone(),
            generation,
            delivery: quorum.question().run,
        };
        let sizes =
            files.request.iter().map(|path| std::fs::metadata(path).ok().map(|data| data.len()));
        let request: Vec<_> =
            files.request.iter().cloned().zip(sizes.collect::<Vec<_>>()).collect();
        // From the intent until the result is durable and the request destroyed; the custodians'
        // part is over.
        let (worked, seconds) =
            self.bulk.work(program, |effort| work(service, quorum, &meta, &files, effort));
        // Before the figures, which end what is said.
        tell_seen(program, service);
        let made = worked?;
        let report = service.report(&made.run, TOOL, &request)?;
        let path = report_path(&self.result);
        report.write(&path)?;
        let report = report.body;

        program.say(format_args!(
            "codes of `{}`, generation {}, in {:?}",
            made.domain, made.generation, self.result
        ));
        if let Some(look_up) = &made.look_up {
            program.say(format_args!("people {look_up}"));
        }
        for destroyed in &report.destroyed {
            program.say(format_args!("destroyed {}: {}", destroyed.file, destroyed.how));
        }
        program.say(format_args!(
            "delivery {}: once the counterpart has its copy, `service delivered` destroys the one \
            here",
            made.run
        ));
        looked_up(report.scores.as_ref(), Some(report.coded), report.rows_out)
            .into_iter()
            .for_each(|line| program.say(line));
        program.say(closing(made.rows, seconds, &report.quality));
        Ok(json!({
            "delivery": made.run,
            "domain": made.domain,
            "tag": made.tag.as_str(),
            "from": made.from,
            "generation": made.generation,
            "rows": made.rows,
            "seconds": seconds,
            "rows_per_second": per_second(made.rows, seconds),
            "coded": report.coded,
            "quality": report.quality,
            "scores": report.scores,
            "scheme": report.scheme,
            "look_up": report.look_up,
            "result": self.result,
            "report": path,
            "request_kept": made.request_kept,
            "destroyed": report.destroyed,
        }))
    }
}
