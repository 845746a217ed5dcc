//! What is done, at random, and what comes by mail.

use cstatns::received::{ReceivedFile, received_path};

use super::time::{DAY, Mail, Project, Years};

type Act = fn(&mut Years);

const ACTS: [(usize, Act); 16] = [
    (2, Years::open_project),
    (3, Years::extend),
    (1, Years::close),
    (3, Years::doubt),
    (6, Years::examine),
    (6, Years::new_key),
    (30, Years::ask_for_key),
    (50, Years::send_on),
    (12, Years::join),
    (10, Years::release),
    (2, Years::release_again),
    (2, Years::expire_copies),
    (24, Years::renew),
    (1, Years::ask_in_vain),
    (3, Years::deal),
    (2, Years::rekey),
];

impl Years {
    pub(crate) fn act(&mut self) {
        let living = self.projects.values().filter(|project| self.lives(project)).count();
        if living == 0 {
            return self.open_project();
        }
        let is_doubted = |project: &Project| project.doubted && self.lives(project);
        if self.projects.values().any(is_doubted) && self.random.one_in(2) {
            return if self.random.one_in(2) { self.new_key() } else { self.examine() };
        }
        let weights = ACTS.iter().map(|(weight, _)| *weight);
        let at = self.random.weighed(weights);
        if living >= 3 && at == 0 {
            return;
        }
        ACTS[at].1(self);
    }

    /// What was on its way comes.
    pub(crate) fn post(&mut self) {
        let truth = self.truth;
        let (come, travels) =
            std::mem::take(&mut self.mail).into_iter().partition(|m| m.0 <= truth);
        self.mail = travels;
        let come: Vec<(_, Mail)> = come;
        for (_, mail) in come {
            match mail {
                Mail::Receipt(file) => self.take_receipt(file),
                Mail::Notice { project, body, path } => self.take_notice(&project, body, &path),
            }
        }
    }

    /// The receipt of a linking body comes to the service, be the project over or not.
    fn take_receipt(&mut self, file: usize) {
        let coded = self.coded_path(file);
        let receipt = ReceivedFile::read(&received_path(&coded)).unwrap();
        let id = self.sent[file].delivery.unwrap();
        let taken = self.at_service(|world| {
            let mut service = world.try_open()?;
            let known = service.state().deliveries().get(&id);
            if known.is_some_and(|known| known.receipt.is_some()) {
                return Ok(());
            }
            service.delivered(&id, &receipt).map(drop)
        });
        let must = self.away.is_none();
        if self.is_refused("delivered", must, taken) {
            return self.mail.push((self.truth + DAY, Mail::Receipt(file)));
        }
        self.sent[file].signed = true;
        self.stats.count("a receipt comes");
        if self.projects[&self.sent[file].project].over {
            self.stats.count("a receipt comes after the end");
        }
        let result = self.result_path(file);
        self.hold(!must || !result.exists(), "the service keeps a copy that is signed for");
    }
}
