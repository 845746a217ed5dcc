//! What must hold, seen from outside.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use cstatns::audit::{verify, verify_linking};
use cstatns::service::Service;
use cstatns_link::ledger_path;
use jiff::SignedDuration;

use super::projects::end;
use super::time::{BODIES, DAY, Project, Stage, Standing, Years};
use super::world::{generation, name};
use crate::common::{files, identifiers};
use crate::needles::has_code;

impl Years {
    /// After each step: projects live or are over as they must, and what is not signed for is
    /// listed.
    pub(crate) fn look(&mut self) {
        let service = match self.world.try_open() {
            Ok(service) => service,
            // The place is away; what it keeps from being done is seen when it is back.
            Err(_) if self.away.is_some() => return,
            Err(error) => self.fail(format!("the home cannot be opened: {error}")),
        };
        let state = service.state();
        let mut over = Vec::new();
        for (project, known) in &self.projects {
            let domain = state.domain(&name(project)).unwrap();
            self.hold(domain.ends() == Some(known.ends), format!("the end of `{project}`"));
            self.hold(
                domain.generation() == generation(known.generation),
                format!("the generation of `{project}`"),
            );
            self.hold(domain.closed == known.closed, format!("`{project}` is closed or not"));
            match domain.destroyed {
                None => self.has_keys(project, self.may_be_over(known)),
                Some(_) => {
                    let may = self.may_be_over(known);
                    self.hold(may, format!("the keys of `{project}` are destroyed, and it lives"));
                    over.push(project.clone());
                }
            }
        }
        let unsigned = state.unsigned_for().into_iter().map(|(id, _)| *id);
        let unsigned: BTreeSet<_> = unsigned.collect();
        let made = |id: &&super::time::Sent| id.delivery.is_some() && !id.signed;
        let wanted = self.sent.iter().filter(made).filter_map(|sent| sent.delivery).collect();
        self.hold(unsigned == wanted, format!("unsigned for: {unsigned:?}, not {wanted:?}"));
        let made = self.sent.iter().filter(|sent| sent.delivery.is_some()).count();
        self.hold(state.deliveries().len() == made, "something was coded that nobody asked for");
        drop(service);
        for project in over {
            let known = self.projects.get_mut(&project).unwrap();
            if !std::mem::replace(&mut known.over, true) {
                self.stats.count("a project is over");
            }
        }
    }

    /// Whether the keys of a project may be destroyed: a day after its end, which a clock that is
    /// ahead can make shorter.
    fn may_be_over(&self, project: &Project) -> bool {
        let (past, waited) = (self.truth >= end(project), self.truth.max(self.believed));
        project.closed || (past && waited >= end(project) + DAY)
    }

    /// The seal of each key of a project lies in the home, and its life secret in each place;
    /// unless its destruction has begun.
    fn has_keys(&self, project: &str, may_be_gone: bool) {
        if may_be_gone || self.away.is_some() {
            return;
        }
        let seals = self.of_project(project, &self.world.home().join("keys")).len();
        let keys = self.projects[project].generation as usize;
        self.hold(seals == keys, format!("`{project}` has {seals} seals of {keys} keys"));
        for place in self.world.lives() {
            let secret = place.join(format!("{project}.life"));
            self.hold(secret.exists(), format!("{secret:?} of a living project is gone"));
        }
    }

    /// The files of a project in a place.
    fn of_project(&self, project: &str, place: &std::path::Path) -> Vec<PathBuf> {
        let start = format!("{project}.");
        let all = fs::read_dir(place).unwrap().map(|entry| entry.unwrap().path());
        all.filter(|path| path.file_name().unwrap().to_str().unwrap().starts_with(&start)).collect()
    }

    /// A day after a project was marked, its keys are gone, and with them what nobody received.
    pub(crate) fn is_gone(&self, service: &Service, project: &str) {
        let domain = service.state().domain(&name(project)).unwrap();
        self.hold(domain.destroyed.is_some(), format!("the keys of `{project}` are not destroyed"));
        let places = self.world.lives().into_iter().chain([self.world.home().join("keys")]);
        let left: Vec<PathBuf> =
            places.flat_map(|place| self.of_project(project, &place)).collect();
        self.hold(left.is_empty(), format!("{left:?} are left"));
        let serve = service.state().living_request_keys();
        let serve = serve.filter(|(_, key)| key.domain == name(project)).count();
        self.hold(serve == 0, format!("request keys of `{project}` serve"));
        for (file, sent) in self.sent.iter().enumerate().filter(|(_, sent)| sent.project == project)
        {
            let result = self.result_path(file);
            let is_left = sent.delivery.is_some() && result.exists();
            self.hold(!is_left, format!("{result:?} outlives its project"));
        }
    }

    /// The auditor finds both ledgers to hold, and names what is outstanding: no more and no less.
    pub(crate) fn audit(&self) {
        let ledger = self.world.home().join("ledger.jsonl");
        let audit = verify(&ledger, &self.card(), &[], &[]).unwrap();
        let broken: Vec<_> = audit.findings.iter().filter(|finding| !finding.holds).collect();
        self.hold(broken.is_empty(), format!("{broken:?}"));
        let outstanding = self.sent.iter().filter(|sent| sent.delivery.is_some() && !sent.signed);
        let (outstanding, found) = (outstanding.count(), audit.unsigned_for.len());
        self.hold(found == outstanding, format!("{found} unsigned for, not {outstanding}"));
        let state = self.world.ledger().state;
        for body in BODIES {
            let path = ledger_path(&self.world.path(body));
            if !path.exists() {
                continue;
            }
            let audit = verify_linking(&path, Some(&state), &[], self.truth).unwrap();
            self.hold(audit.holds(), &audit);
            let of = |code: &str| audit.notices.iter().filter(|n| n.code == code).count();
            let (missing, owed) = (of("linking-not-received"), of("linking-owes"));
            let all = audit.notices.len();
            let not_received = self.sent.iter().filter(|sent| {
                sent.body == body && sent.delivery.is_some() && sent.stage != Stage::Attached
            });
            let not_received = not_received.count();
            let coded = self.sent.iter().filter(|sent| {
                let is_over = self.projects[&sent.project].over;
                sent.body == body && is_over && sent.standing != Standing::Gone
            });
            let joined = self.joined.iter().filter(|joined| {
                let is_over = self.projects[&joined.project].over;
                let past = joined.until.is_some_and(|until| until <= self.truth);
                joined.body == body
                    && match joined.standing {
                        Standing::Clear => is_over,
                        Standing::Kept => past,
                        Standing::Gone => false,
                    }
            });
            let wanted = coded.count() + joined.count();
            self.hold(missing == not_received, format!("{not_received} not received: {audit}"));
            self.hold(owed == wanted, format!("{wanted} owed: {audit}"));
            self.hold(all == missing + owed, &audit);
        }
    }

    /// The years are over: every project is closed, everything that travels comes, and no code is
    /// left anywhere.
    pub(crate) fn finish(&mut self) {
        self.outage = self.truth;
        if self.away.is_some() {
            self.bring_back();
        }
        self.look();
        self.audit();
        let names: Vec<String> = self.projects.keys().cloned().collect();
        for project in &names {
            if self.lives(&self.projects[project]) {
                // One whose end a wrong clock had reached cannot be closed; it ends by itself.
                let _ = self.world.close(project);
                let ledger = self.world.ledger();
                self.projects.get_mut(project).unwrap().closed =
                    ledger.state.domain(&name(project)).unwrap().closed;
            }
        }
        let patience = self.truth + DAY * 3650;
        let is_settled = |project: &Project| project.told.len() == project.bodies.len();
        while !self.projects.values().all(is_settled) || !self.mail.is_empty() {
            self.hold(self.truth < patience, "a project does not end, or something never comes");
            self.pass(SignedDuration::from_hours(24 * 7));
            self.expire();
            self.post();
            self.look();
        }
        self.pass(DAY * 1000);
        self.audit();
        self.expire_copies();
        self.audit();
        for project in &names {
            for body in &self.projects[project].bodies {
                self.nothing_coded_is_left(project, body);
            }
            self.hold(self.projects[project].over, format!("`{project}` is not over"));
        }
        let left = self.sent.iter().filter(|sent| sent.stage == Stage::Attached && !sent.signed);
        self.hold(left.count() == 0, "a receipt was lost");
        // Identifiers are in the controllers' data, and codes are nowhere.
        let people = identifiers(3);
        for (path, bytes) in files(self.world.directory.path()) {
            let has = |needle: &[u8]| bytes.windows(needle.len()).any(|part| part == needle);
            let name = path.file_name().unwrap().to_str().unwrap();
            let is_data = name.ends_with(".csv");
            let identifier = people.iter().any(|nir| has(nir.as_bytes()));
            self.hold(is_data || !identifier, format!("an identifier in {path:?}"));
            self.hold(!has_code(&bytes), format!("a code in {path:?}"));
        }
    }
}
