//! A run: the quorum, the work on each request, the report of each result.

use std::path::PathBuf;

use cstatns::code::Generation;
use cstatns::custody::quorum::Quorum;
use cstatns::delivery::DeliveryId;
use cstatns::files::remove_directory;
use cstatns::meta::FileMeta;
use cstatns::proposal::{Action, Input};
use cstatns::report::report_path;
use cstatns::service::{Made, ResultFile, RunFiles, Service, ServiceError, WorkError};
use cstatns_bulk::Request;
use cstatns_rows::effort::Effort;
use serde_json::{Value, json};

use super::lists::{Came, Looked, Requests};
use super::{Run, TOOL};
use crate::bulk::{closing, counted_rows, looked_up, tell_destroyed};
use crate::fault::Fault;
use crate::figures::per_second;
use crate::lang::{said, text};
use crate::output::Program;
use crate::quorum::{Custodians, gather, tell_seen};
use crate::recheck::Second;

/// What the custodians are asked for, and who is asked.
pub(super) struct Asked<'a> {
    pub(super) kits: &'a Custodians,
    pub(super) requests: &'a Requests,
    /// What is done with requests.
    pub(super) action: &'a dyn Fn(Vec<Input>) -> Action,
}

/// The requests of a run on their way to their results.
pub(super) struct Rows<'a> {
    looked: &'a [Looked],
    metas: &'a [FileMeta],
    effort: &'a Effort,
}

impl Rows<'_> {
    /// Does a step with the request that a result is made of: of one in a parcel with what that was
    /// found to hold, once it was opened.
    pub(super) fn with<T>(
        &self,
        out: &mut ResultFile,
        step: impl FnOnce(&Request<'_>, &mut ResultFile) -> Result<T, WorkError>,
    ) -> Result<T, WorkError> {
        let (arrived, at) = (out.take_arrived(), out.part() as usize - 1);
        let Looked { request, came, format, .. } = &self.looked[at];
        let (path, manifest, inside) = match (&arrived, came) {
            (Some(arrived), _) => (&arrived.name, &arrived.manifest, Some(&arrived.rows)),
            (None, Came::InClear(manifest)) => (request, &**manifest, None),
            (None, Came::Sealed { .. }) => {
                return Err(WorkError::new(ServiceError::RequestChanged));
            }
        };
        let (meta, effort) = (&self.metas[at], self.effort);
        step(&Request { path, inside, manifest, format: *format, meta, effort }, out)
    }
}

/// The files of a request, with the size of each: it is known until the file is destroyed.
type Sizes = Vec<(PathBuf, Option<u64>)>;

impl Run {
    /// Gathers the quorum, runs, and writes the reports.
    pub(super) fn play(
        &self,
        program: &Program,
        service: &mut Service,
        asked: Asked<'_>,
        work: impl FnOnce(
            &mut Service,
            Quorum,
            &[RunFiles],
            &Rows<'_>,
        ) -> Result<Vec<Made>, ServiceError>,
    ) -> Result<Value, Fault> {
        let Asked { kits, requests, action } = asked;
        let files = requests.files()?;
        service.check_files(&files, self.keep_request)?;
        requests.check_room()?;
        requests.check_each(service, action)?;
        let action = action(requests.inputs());
        let generation = match &action {
            Action::Code { generation, .. } | Action::Renew { generation, .. } => *generation,
            _ => Generation::FIRST,
        };
        let second = self.recheck.map(Second::start).transpose()?;
        let second = second.map(|(second, rechecker)| {
            service.recheck_with(rechecker);
            second
        });
        let quorum = gather(program, service, kits, action)?;
        let run = quorum.question().run;
        let metas: Vec<FileMeta> = (1..)
            .zip(requests.all())
            .map(|(part, _)| FileMeta {
                service: service.card().id().to_owned(),
                domain: self.domain.clone(),
                generation,
                delivery: DeliveryId { run, part },
            })
            .collect();
        let sizes: Vec<Sizes> = files.iter().map(sizes_of).collect();
        // From the intent until the results are durable and the requests destroyed; the custodians'
        // part is over.
        let (worked, seconds) = self.bulk.work(program, |effort| {
            effort.progress.expect(requests.inputs().iter().map(|input| input.rows).sum());
            let rows = Rows { looked: requests.all(), metas: &metas, effort };
            work(service, quorum, &files, &rows)
        });
        second.into_iter().for_each(Second::end);
        // Before the figures, which end what is said.
        tell_seen(program, service);
        let (made, failed) = match worked {
            Ok(made) => (made, None),
            // A single request that is owed its destruction has its report at the next command.
            Err(error) if requests.all().len() == 1 => return Err(error.into()),
            Err(error) => (service.made_by(&run), Some(error)),
        };
        let mut results = Vec::new();
        for (made, (looked, sizes)) in made.iter().zip(requests.all().iter().zip(&sizes)) {
            // A report says what was destroyed: it waits for a destruction that is owed.
            if failed.is_some() && service.is_owed(&made.delivery) {
                continue;
            }
            let one = (made.parts == 1).then_some(seconds);
            results.push(self.report(program, service, (made, looked, sizes), one)?);
        }
        match (failed, results.len()) {
            (None, 1) => Ok(results.swap_remove(0)),
            (None, _) => {
                let rows = made.iter().map(|made| made.rows).sum();
                program.say(closing::<&str>(rows, seconds, &Default::default()));
                Ok(json!({
                    "run": run,
                    "rows": rows,
                    "seconds": seconds,
                    "rows_per_second": per_second(rows, seconds),
                    "results": results,
                }))
            }
            (Some(error), _) => {
                Err(unfinished(error, &made, requests)
                    .with(json!({ "run": run, "results": results })))
            }
        }
    }

    /// Writes the report of a result and says what became of its request. `seconds` is what the
    /// only request of a run took.
    fn report(
        &self,
        program: &Program,
        service: &Service,
        (made, looked, sizes): (&Made, &Looked, &Sizes),
        seconds: Option<f64>,
    ) -> Result<Value, Fault> {
        let Looked { request, result, .. } = looked;
        let report = service.report(&made.delivery, TOOL, sizes)?;
        if request.is_dir() && !self.keep_request {
            // Its files are destroyed.
            let _ = remove_directory(request);
        }
        // That of a parcel lies in it, and is for its receiver.
        let path = made.recipient.is_none().then(|| report_path(result));
        if let Some(path) = &path {
            report.write(path)?;
        }
        let report = report.body;
        let party = made.recipient.and_then(|card| service.state().parties().get(&card));
        let party = party.map(|party| &party.card.body.name);

        program.say(text!(
            "codes of `{}`, generation {}, in {result:?}",
            "codes de `{}`, génération {}, dans {result:?}",
            made.domain,
            made.generation
        ));
        if let Some(look_up) = &made.look_up {
            program.say(text!("people {}", "personnes {}", said(look_up)));
        }
        if let Some(rechecked) = made.rechecked {
            program.say(text!(
                "codes made again by a second process: {rechecked}, all the same",
                "codes recalculés par un second processus : {rechecked}, tous identiques"
            ));
        }
        for destroyed in &report.destroyed {
            tell_destroyed(program, destroyed);
        }
        match party {
            Some(party) => program.say(text!(
                "send {result:?} to `{party}`, who alone can open it, with its report in it",
                "envoyez {result:?} à `{party}`, qui seul peut l'ouvrir, avec son rapport dedans"
            )),
            None => program.say(text!(
                "{result:?} is in clear, and so is its report beside it",
                "{result:?} est en clair, avec son rapport à côté"
            )),
        }
        program.say(text!(
            "delivery {}: once the counterpart has its copy, `service delivered` destroys the one \
            here", "livraison {} : dès que l'autre partie a sa copie, `service delivered` détruit celle d'ici",
            made.name()
        ));
        looked_up(report.scores.as_ref(), Some(report.coded), report.rows_out)
            .into_iter()
            .for_each(|line| program.say(line));
        program.say(match seconds {
            Some(seconds) => closing(made.rows, seconds, &report.quality),
            None => counted_rows(made.rows, &report.quality),
        });
        Ok(json!({
            "delivery": made.name(),
            "domain": made.domain,
            "tag": made.tag.as_str(),
            "from": made.from,
            "generation": made.generation,
            "rows": made.rows,
            "seconds": seconds,
            "rows_per_second": seconds.map(|seconds| per_second(made.rows, seconds)),
            "coded": report.coded,
            "rechecked": made.rechecked,
            "quality": report.quality,
            "scores": report.scores,
            "scheme": report.scheme,
            "look_up": report.look_up,
            "result": result,
            "report": path,
            "to": party,
            "request_kept": made.request_kept,
            "destroyed": report.destroyed,
        }))
    }
}

fn sizes_of(files: &RunFiles) -> Sizes {
    let size = |path: &PathBuf| std::fs::metadata(path).ok().map(|data| data.len());
    files.request.iter().map(|path| (path.clone(), size(path))).collect()
}

/// Why a run of several requests did not make all results, and what is left to do.
fn unfinished(error: ServiceError, made: &[Made], requests: &Requests) -> Fault {
    let fault = Fault::from(error);
    let all = requests.all();
    let stand = match made.len() {
        0 => return fault,
        1 => text!(
            "the result of the first request stands",
            "le résultat de la première demande reste"
        ),
        made if made == all.len() => return fault,
        made => text!(
            "the results of the first {made} requests stand",
            "les résultats des {made} premières demandes restent"
        ),
    };
    let left: Vec<String> =
        all[made.len()..].iter().map(|each| format!("{:?}", each.request)).collect();
    let advice = text!(
        "{stand}, repeat the command with the others ({})",
        "{stand}, relancez la commande avec les autres ({})",
        left.join(", ")
    );
    fault.and(&advice)
}
