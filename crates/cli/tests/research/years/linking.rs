//! What a linking body does.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use cstatns::coded::Coded as _;
use cstatns::linking::{Content, LinkingState, read_linking};
use cstatns::notice::Notice;
use cstatns_link::join::How;
use cstatns_link::{
    JoinFiles, LinkError, Over, Receive, Release, Renewal, Rows, end, expire, join_files,
    ledger_path, prepare_renewal, present, receive, release,
};
use cstatns_parcel::age::Identity;
use cstatns_parcel::open::{Opener, open};
use cstatns_parcel::request::Declared;
use cstatns_rows::effort::Effort;

use super::sending::opens_until;
use super::time::{DAY, Joined, Mail, Stage, Standing, Years};
use super::world::name;

/// What was done already is done.
fn or_done(outcome: Result<(), LinkError>, codes: &[&str]) -> Result<(), LinkError> {
    match outcome {
        Err(error) if codes.contains(&error.code()) => Ok(()),
        outcome => outcome,
    }
}

impl Years {
    pub(crate) fn linking_state(&self, body: &str) -> LinkingState {
        read_linking(&ledger_path(&self.world.path(body))).unwrap().state
    }

    /// Whether a linking body has the notice that a project is over.
    fn is_told(&self, project: &str, body: &'static str) -> bool {
        self.projects[project].told.contains(body)
    }

    /// Whether a linking body refuses something, which it must not where it `must` be done.
    fn is_not_linked(&mut self, what: &str, must: bool, outcome: Result<(), LinkError>) -> bool {
        let Err(error) = outcome else { return false };
        self.hold(!must, format!("{what} is refused ({}): {error}", error.code()));
        self.stats.count(format!("refused, {what}: {}", error.code()));
        true
    }

    /// The codes are put to the rows; the receipt travels for weeks.
    pub(crate) fn attach(&mut self, file: usize) {
        let sent = &self.sent[file];
        let (project, body, of) = (sent.project.clone(), sent.body, sent.of);
        let is_there = of.is_none_or(|of| self.sent[of].standing != Standing::Gone);
        let may = !self.is_told(&project, body) && is_there;
        // Made while the service's clock was ahead, it does not open before that day, and waits.
        let is_early = sent.dated > self.truth + DAY;
        let must = may && !is_early && self.truth < opens_until(sent);
        let (rows, got, out) = (self.rows_path(file), self.got_path(file), self.coded_path(file));
        let outcome = self.at_body(body, |body, at| {
            let rows = if of.is_some() { Rows::Retained(&rows) } else { Rows::Payload(&rows) };
            at.by_its_card(|service| {
                let what = Receive { service, rows, result: &got, out: &out };
                // Where it was stopped once it was recorded, both parcels are gone.
                match out.exists() && !rows_are_there(&what) {
                    true => Ok(()),
                    false => receive(body, &what, &Effort::default()).map(drop),
                }
            })
        });
        if self.is_not_linked("attach", must, outcome) {
            if is_early {
                return;
            }
            if let Some(of) = of {
                self.sent[of].renewing = false;
            }
            self.sent[file].stage = Stage::Stuck;
            return;
        }
        self.hold(
            may && !is_early,
            "a linking body takes codes of a project that it knows to be over",
        );
        self.hold(!rows.exists() && !got.exists(), "indexes are left");
        let sent = &mut self.sent[file];
        (sent.stage, sent.standing) = (Stage::Attached, Standing::Clear);
        let then = self.truth + DAY * self.random.below(150) as i32;
        self.mail.push((then, Mail::Receipt(file)));
        match of {
            Some(of) => {
                self.sent[of].standing = Standing::Gone;
                self.stats.count("new codes are attached");
                self.hold(!self.coded_path(of).exists(), "the former codes are left");
            }
            None => self.stats.count("a result is attached"),
        }
    }

    /// A linking body asks for a key, to have the codes of a file renewed.
    pub(crate) fn renew(&mut self) {
        let is_old = |file: &usize| {
            let sent = &self.sent[*file];
            sent.stage == Stage::Attached
                && sent.standing != Standing::Gone
                && !sent.renewing
                && sent.generation < self.projects[&sent.project].generation
        };
        let old: Vec<usize> = (0..self.sent.len()).filter(is_old).collect();
        let Some(of) = self.random.of(&old) else { return };
        let sent = &self.sent[of];
        let (project, body, people) = (sent.project.clone(), sent.body, sent.people.clone());
        let before = self.sent.len();
        self.issue(project, (body, body), Some(of), people);
        self.sent[of].renewing = self.sent.len() > before;
    }

    /// The request of a renewal, and what is kept of its rows.
    pub(crate) fn prepare_renewal(&mut self, file: usize, of: usize) {
        let sent = &self.sent[file];
        let (project, body) = (sent.project.clone(), sent.body);
        let may = !self.is_told(&project, body) && self.sent[of].standing != Standing::Gone;
        let must = may && self.truth < sent.expires;
        let coded = self.place_of(of);
        let (key, request, retained) =
            (self.key_path(file), self.request_path(file), self.rows_path(file));
        let outcome = self.at_body(body, |body, at| {
            at.by_its_card(|service| {
                let what = Renewal {
                    service,
                    domain: &name(&project),
                    coded: &coded,
                    key: &key,
                    request: &request,
                    retained: &retained,
                };
                prepare_renewal(body, &what, &Effort::default()).map(drop)
            })
        });
        if self.is_not_linked("prepare", must, outcome) {
            self.sent[of].renewing = false;
            self.sent[file].stage = Stage::Stuck;
            return;
        }
        self.hold(may, "codes of a project that is over are to be renewed");
        let declared = Declared::read(&request).unwrap().unwrap();
        self.is_prepared(file, declared.declaration.body.commitment);
    }

    /// Where a coded file lies, in clear or as the copy that is kept.
    fn place_of(&self, file: usize) -> PathBuf {
        let sent = &self.sent[file];
        if sent.standing != Standing::Kept {
            return self.coded_path(file);
        }
        let state = self.linking_state(sent.body);
        let is_it = |content: &Content| match content {
            Content::Coded { delivery, .. } => Some(*delivery) == sent.delivery,
            _ => false,
        };
        let (number, _) = state.files().iter().find(|(_, file)| is_it(&file.content)).unwrap();
        let all = present(&self.world.path(sent.body), &state).unwrap();
        all.into_iter().find(|present| present.file == *number).unwrap().path
    }

    /// Two files of one project and generation are joined.
    pub(crate) fn join(&mut self) {
        let is_fit = |file: &usize| {
            let sent = &self.sent[*file];
            sent.stage == Stage::Attached && sent.standing != Standing::Gone
        };
        let mut fit: Vec<usize> = (0..self.sent.len()).filter(is_fit).collect();
        self.random.shuffle(&mut fit);
        let goes_with = |one: usize, other: usize| {
            let key = |file: usize| {
                let sent = &self.sent[file];
                (&sent.project, sent.body, sent.generation)
            };
            one != other && key(one) == key(other)
        };
        let found = fit.iter().find_map(|one| {
            let other = fit.iter().find(|other| goes_with(*one, **other))?;
            Some([*one, *other])
        });
        let Some(of) = found else { return };
        let (project, body) = (self.sent[of[0]].project.clone(), self.sent[of[0]].body);
        let people: BTreeSet<usize> =
            self.sent[of[0]].people.intersection(&self.sent[of[1]].people).copied().collect();
        let path = self.world.path(&format!("joined-{}.csv", self.joined.len()));
        let sources = [(name("one"), self.place_of(of[0])), (name("other"), self.place_of(of[1]))];
        let outcome = self.at_body(body, |body, _| {
            let what = JoinFiles {
                sources: &sources,
                how: How::Inner,
                many: false,
                least: None,
                out: &path,
            };
            let joined = join_files(body, &what, &Effort::default())?;
            assert_eq!(joined.rows, people.len() as u64, "the people of both");
            Ok(())
        });
        let must = !self.is_told(&project, body);
        if self.is_not_linked("join", must, outcome) {
            return;
        }
        self.stats.count("files are joined");
        let (standing, until) = (Standing::Clear, None);
        let of = of.to_vec();
        self.joined.push(Joined { project, body, of, people, standing, until, path });
    }

    /// A joined file goes to a researcher.
    pub(crate) fn release(&mut self) {
        let is_clear = |joined: &usize| self.joined[*joined].standing == Standing::Clear;
        let clear: Vec<usize> = (0..self.joined.len()).filter(is_clear).collect();
        let Some(at) = self.random.of(&clear) else { return };
        let (file, keep_coded) = (self.joined[at].path.clone(), self.random.one_in(2));
        let days = 5 + self.random.below(900) as i32;
        let until = self.random.one_in(2).then(|| self.truth + DAY * days);
        self.give(at, &file, until, keep_coded);
        let of = self.joined[at].of.clone();
        let joined = &mut self.joined[at];
        joined.until = until;
        joined.standing = if until.is_some() { Standing::Kept } else { Standing::Gone };
        if until.is_some() {
            self.stats.count("a copy is kept");
        }
        for file in of {
            if self.sent[file].standing == Standing::Clear {
                self.sent[file].standing = if keep_coded { Standing::Kept } else { Standing::Gone };
            }
            self.hold(!self.coded_path(file).exists(), "a coded file is left after a release");
        }
        self.hold(!file.exists(), "a joined file is left after its release");
    }

    /// The copy that is kept of a joined file goes to a researcher too, be the project over or not.
    pub(crate) fn release_again(&mut self) {
        let is_kept = |joined: &usize| {
            let joined = &self.joined[*joined];
            joined.standing == Standing::Kept && joined.until.is_some_and(|end| end > self.truth)
        };
        let kept: Vec<usize> = (0..self.joined.len()).filter(is_kept).collect();
        let Some(at) = self.random.of(&kept) else { return };
        let joined = &self.joined[at];
        let state = self.linking_state(joined.body);
        let of: BTreeSet<_> = joined.of.iter().map(|file| self.sent[*file].delivery).collect();
        let sources = |numbers: &[cstatns::name::Hex<16>]| -> BTreeSet<_> {
            let content = numbers.iter().map(|number| &state.files()[number].content);
            content
                .map(|content| match content {
                    Content::Coded { delivery, .. } => Some(*delivery),
                    _ => None,
                })
                .collect()
        };
        let (until, all) = (joined.until, present(&self.world.path(joined.body), &state).unwrap());
        let copy = all.into_iter().find(|present| {
            let file = &state.files()[&present.file];
            let same = matches!(&file.content, Content::Joined { of: from } if sources(from) == of);
            same && !present.is_clear && file.until == until
        });
        let copy = copy.unwrap_or_else(|| self.fail("a kept copy is not in the catalogue"));
        self.give(at, &copy.path, None, false);
        self.stats.count("a copy is released");
    }

    fn give(&mut self, at: usize, file: &Path, until: Option<jiff::Timestamp>, keep_coded: bool) {
        let joined = &self.joined[at];
        let (body, people) = (joined.body, joined.people.clone());
        let researchers = self.projects[&joined.project].researchers.clone();
        let to = self.random.of(&researchers).unwrap();
        let card = self.party_card(to);
        let number = self.next();
        let out = self.world.path(&format!("to-{to}-{number}.csv.age"));
        let ledger = self.world.ledger();
        let outcome = self.at_body(body, |body, _| {
            if out.exists() {
                return Ok(());
            }
            let what = Release {
                file,
                to: &card,
                ledger: Some(&ledger.state),
                authorisation: name("authorised"),
                out: &out,
                until,
                keep_coded,
            };
            release(body, &what).map(drop)
        });
        self.is_not_linked("release", true, outcome);
        self.stats.count("a file is released");
        self.read(to, &out, &people);
    }

    /// A researcher finds each person of both files once, in rows that belong together.
    fn read(&self, to: &str, parcel: &Path, people: &BTreeSet<usize>) {
        let party = self.world.party(to);
        let opener = Opener {
            identity: Identity::Hybrid(party.receiving()),
            receiver: Some(party.card().fingerprint()),
            now: self.truth,
            knows: &|_| true,
        };
        let mut rows = Vec::new();
        open(&fs::read(parcel).unwrap()[..], &opener, &mut rows).unwrap();
        let text = String::from_utf8(rows).unwrap();
        let mut lines = text.lines();
        let header: Vec<&str> = lines.next().unwrap().split(',').collect();
        let marks: Vec<usize> =
            (0..header.len()).filter(|at| header[*at].ends_with("mark")).collect();
        self.hold(marks.len() == 2, format!("{header:?}"));
        let mut found = BTreeSet::new();
        for line in lines {
            let cells: Vec<&str> = line.split(',').collect();
            self.hold(cells[marks[0]] == cells[marks[1]], "two people in one row");
            found.insert(cells[marks[0]].to_owned());
        }
        let wanted = people.iter().map(|person| format!("person-{person}")).collect();
        self.hold(found == wanted, format!("{found:?}, not {wanted:?}"));
        fs::remove_file(parcel).unwrap();
    }

    /// A linking body looks what is past its end.
    pub(crate) fn expire_copies(&mut self) {
        for body in super::time::BODIES {
            if !ledger_path(&self.world.path(body)).exists() {
                continue;
            }
            let outcome = self.at_body(body, |body, _| expire(body).map(drop));
            self.is_not_linked("expire", true, outcome);
            self.are_expired(body);
        }
    }

    /// The copies of a body that are past their end are destroyed.
    fn are_expired(&mut self, body: &str) {
        let truth = self.truth;
        for joined in self.joined.iter_mut().filter(|joined| joined.body == body) {
            let is_past = joined.until.is_some_and(|until| until <= truth);
            if joined.standing == Standing::Kept && is_past {
                joined.standing = Standing::Gone;
                self.stats.count("a copy is past its end");
            }
        }
    }

    /// A linking body gets the notice that a project is over.
    pub(crate) fn take_notice(&mut self, project: &str, body: &'static str, path: &Path) {
        let outcome = self.at_body(body, |body, at| {
            let notice = Notice::read(path).unwrap();
            let head = at.by_its_card(|card| notice.verify(path, card)).unwrap();
            assert_eq!(notice.body.to, at.party_card(at_name(path)).fingerprint());
            let (service, domain) = (notice.body.service, notice.body.domain);
            or_done(end(body, Over { service, domain, head }).map(drop), &["linking-notice-known"])
        });
        self.is_not_linked("end", true, outcome);
        self.stats.count("a notice comes");
        let known = self.projects.get_mut(project).unwrap();
        known.told.insert(body);
        let own = self.sent.iter_mut().filter(|sent| sent.project == project && sent.body == body);
        own.for_each(|sent| sent.standing = Standing::Gone);
        let joined = self.joined.iter_mut();
        for joined in joined.filter(|joined| joined.project == project && joined.body == body) {
            if joined.standing == Standing::Clear {
                joined.standing = Standing::Gone;
            }
        }
        self.are_expired(body);
        self.nothing_coded_is_left(project, body);
    }

    /// Neither codes nor joined rows of a project lie at a linking body in clear, and no copy of
    /// codes: but for copies of joined files until their own end.
    pub(crate) fn nothing_coded_is_left(&self, project: &str, body: &str) {
        for (file, sent) in self.sent.iter().enumerate() {
            if (&*sent.project, sent.body) != (project, body) || sent.stage == Stage::Coded {
                continue;
            }
            let coded = self.coded_path(file);
            let what = (file, sent.stage, sent.of, sent.standing);
            self.hold(!coded.exists(), format!("codes of `{project}` are left: {what:?}"));
            let kept =
                sent.of.is_some() && sent.stage != Stage::Key && self.rows_path(file).exists();
            self.hold(!kept, format!("what was kept of a renewal of `{project}` is left"));
        }
        let mut copies = BTreeMap::new();
        for joined in &self.joined {
            if (&*joined.project, joined.body) == (project, body) {
                self.hold(!joined.path.exists(), format!("a joined file of `{project}` is left"));
            }
            let kept = joined.body == body && joined.standing == Standing::Kept;
            *copies.entry("joined").or_insert(0) += usize::from(kept);
        }
        let kept = |sent: &&super::time::Sent| sent.body == body && sent.standing == Standing::Kept;
        let kept = self.sent.iter().filter(kept).count() + copies.get("joined").unwrap_or(&0);
        let catalogue = fs::read_dir(self.world.path(body).join("catalogue")).unwrap();
        let names = catalogue.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let found = names.filter(|name| name.ends_with(".age")).count();
        self.hold(found == kept, format!("{found} copies at `{body}`, not {kept}"));
    }
}

fn rows_are_there(what: &Receive<'_>) -> bool {
    let (Rows::Payload(path) | Rows::Retained(path)) = what.rows else { return false };
    path.exists()
}

/// The body of a notice, by the name of its file.
fn at_name(path: &Path) -> &str {
    path.file_name().unwrap().to_str().unwrap().split('.').nth(1).unwrap()
}
