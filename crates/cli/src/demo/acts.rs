//! What is played, act by act, and what each must come to.

use crate::fault::Fault;
use cstatns::files::{self, Access, FileError};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Span};
use serde_json::Value;
use std::collections::{BTreeSet, HashSet};

use super::people::{self, Numbers, People};
use super::{CUSTODIANS, Files, Story, equal, mismatch};

impl Story<'_> {
    pub(super) fn ceremony(&mut self) -> Result<(), Fault> {
        self.step("The ceremony: nobody holds the key alone");
        self.tell(
            "Five custodians, two of them external holders, each make a kit: a private part that \
            they keep and a public card.\n\
             (Here without passphrases, which only a demonstration accepts.)",
        );
        for (name, external) in CUSTODIANS {
            let external = if external { " --external" } else { "" };
            self.play_quietly(&format!(
                "custodian new @/custodians/{name} --name {name} --no-passphrase{external}"
            ))?;
        }
        self.tell(
            "\nThe service draws a secret, splits it so that three of the five open it, seals each \
            share to its custodian's card,\n\
             and forgets the secret.",
        );
        let cards = CUSTODIANS.map(|(name, _)| format!("@/custodians/{name}/card.json")).join(" ");
        let founded = self.play(&format!(
            "service init @/service/home --name demo --threshold 3 --custodian {cards} --shares \
            @/service/shares --demo"
        ))?;
        self.tell(
            "\nEach custodian opens their share, checks it against the service's ledger, and \
            signs a receipt.",
        );
        for (name, _) in CUSTODIANS {
            let accepted = self.play_quietly(&format!(
                "custodian accept @/custodians/{name} @/service/shares/{name}.1.share --ledger \
                @/service/home/ledger.jsonl --yes"
            ))?;
            if accepted["spoken"] != founded["spoken"] {
                return Err(mismatch("the words of the ceremony differ"));
            }
        }
        self.tell(format_args!(
            "All five read the same words aloud: {}",
            founded["spoken"].as_str().unwrap_or_default()
        ));
        let receipts = CUSTODIANS
            .map(|(name, _)| format!("@/custodians/{name}/receipt-1-held.json"))
            .join(" ");
        self.play(&format!("service receipt @/service/home {receipts}"))?;
        self.tell(
            "\nThree custodians open the statistical domain. Each is shown what they are \
            asked, and approves that and nothing else.",
        );
        self.play(&format!(
            "service open @/service/home population --kind statistics {}",
            Self::quorum()
        ))?;
        self.tell("\nTwo are not enough:");
        self.refused(
            "service open @/service/home elsewhere --kind statistics --kit @/custodians/alice \
            --kit @/custodians/bruno",
            "too-few-approvals",
        )?;
        self.note("service", founded["service"].clone());
        Ok(())
    }

    pub(super) fn invent(&mut self, rows: usize, seed: u64) -> Result<Files, Fault> {
        self.step("Two teams with files of their own");
        let numbers = &mut Numbers::new(seed);
        let population = rows;
        let few = rows / 20;
        let people = People::invent(numbers, population + few);
        let subjects = ["accounting", "languages", "mechanics", "welding"];
        let courses = people::file(
            numbers,
            &people,
            rows,
            "subject",
            |numbers, _| numbers.below(population * 3 / 4),
            |numbers| subjects[numbers.below(subjects.len())].to_owned(),
        );
        let wages = people::file(
            numbers,
            &people,
            rows,
            "wage",
            |numbers, _| population / 2 + numbers.below(population / 2),
            |numbers| (18_000 + numbers.below(40_000)).to_string(),
        );
        // Half of them have taken a course before, half are seen for the first time.
        let newcomers = people::file(
            numbers,
            &people,
            2 * few,
            "subject",
            |numbers, row| {
                if row % 2 == 0 { numbers.below(population * 3 / 4) } else { population + row / 2 }
            },
            |numbers| subjects[numbers.below(subjects.len())].to_owned(),
        );
        let cohort = people::file(
            numbers,
            &people,
            2 * few,
            "exposure",
            |numbers, _| numbers.below(population),
            |numbers| numbers.below(5).to_string(),
        );
        let files = Files { people, courses, wages, newcomers, cohort };
        for (path, file) in [
            ("courses/courses.csv", &files.courses),
            ("wages/wages.csv", &files.wages),
            ("courses/newcomers.csv", &files.newcomers),
            ("project/cohort.csv", &files.cohort),
        ] {
            files::write_new(&self.at(path), file.csv.as_bytes(), Access::Private)?;
        }
        self.tell(format_args!(
            "Training courses, {} rows about {} people, and wages, {} rows about {} people. \
            Identifiers are spelt as in real files:\n\
             with and without spaces, with and without key; {} and {} rows hold none or a spoilt \
             one. These are a few rows:",
            files.courses.rows,
            files.courses.people.len(),
            files.wages.rows,
            files.wages.people.len(),
            files.courses.spoilt,
            files.wages.spoilt,
        ));
        for line in files.courses.csv.lines().take(5) {
            self.tell(format_args!("    {line}"));
        }
        Ok(files)
    }

    /// A team's file goes to the service and comes back with codes; identifiers and copies are
    /// destroyed on the way.
    fn exchange(
        &self,
        team: &str,
        file: &str,
        domain: &str,
        renewal: bool,
        loud: bool,
    ) -> Result<Value, Fault> {
        let play =
            |command: &str| if loud { self.play(command) } else { self.play_quietly(command) };
        let (source, verb) = if renewal {
            (format!("@/{team}/{file}-coded.csv --code-column code"), "renew")
        } else {
            (format!("@/{team}/{file}.csv --identifier-column nir"), "code")
        };
        let work = format!("{file}-{verb}");
        play(&format!(
            "controller prepare {source} --service @/service/home/card.json --domain {domain} \
             --request @/service/{work}.request.csv --retained @/{team}/{work}.retained.csv"
        ))?;
        let run = play(&format!(
            "service {verb} @/service/home {domain} --request @/service/{work}.request.csv \
             --result @/service/{work}.result.csv --purpose linkage {}",
            Self::quorum()
        ))?;
        for gone in [
            format!("service/{work}.request.csv"),
            format!("service/{work}.request.csv.manifest.json"),
        ] {
            self.expect_gone(&gone)?;
        }
        let received = format!("{team}/{work}.result.csv");
        for suffix in ["", ".report.json"] {
            let (from, to) = (
                self.at(&format!("service/{work}.result.csv{suffix}")),
                self.at(&format!("{received}{suffix}")),
            );
            std::fs::copy(&from, &to).map_err(|error| FileError::from_io(&to, &error))?;
        }
        if loud {
            let destroyed = if renewal { "its copies" } else { "the identifiers" };
            self.tell(format_args!(
                "The team copies the result, puts the codes beside its data, and destroys {destroyed}."
            ));
        }
        let out = if renewal { format!("{file}-renewed") } else { format!("{file}-coded") };
        let retained = format!("@/{team}/{work}.retained.csv");
        // The renewal's former codes are kept for a moment: the story compares them.
        let destroy = match renewal {
            true => format!("--destroy {retained} --destroy @/{received}"),
            false => "--destroy-sources".to_owned(),
        };
        play(&format!(
            "controller attach --retained {retained} --result @/{received} --out @/{team}/{out}.csv \
             {destroy}"
        ))?;
        if loud {
            self.tell("The service gets the receipt, and destroys its own copy of the result.");
        }
        let delivery = run["delivery"].as_str().unwrap_or_default();
        play(&format!(
            "service delivered @/service/home {delivery} --receipt @/{team}/{out}.csv.receipt.json"
        ))?;
        self.expect_gone(&format!("service/{work}.result.csv"))?;
        Ok(run)
    }

    pub(super) fn first_codes(&mut self, files: &Files) -> Result<(), Fault> {
        self.step("Identifiers become codes");
        self.tell(
            "The training team sends identifiers and nothing else, each with a random index, \
            sorted by it: the service sees no\n\
             data and no order. The rest stays with the team.",
        );
        self.exchange("courses", "courses", "population", false, true)?;
        self.tell("\nThe wages team does the same:");
        self.exchange("wages", "wages", "population", false, false)?;
        self.tell("\nWhat the training team has now:");
        for line in self.first_lines("courses/courses-coded.csv", 4)? {
            self.tell(format_args!("    {line}"));
        }

        self.step("The files are linked on the code");
        self.play("controller check @/courses/courses-coded.csv @/wages/wages-coded.csv")?;
        let (people, pairs) = self.join("courses/courses-coded.csv", "wages/wages-coded.csv")?;
        let expected = files.courses.people.intersection(&files.wages.people).count();
        self.tell(format_args!(
            "The join finds {people} people in both files ({pairs} pairs of rows). The invented \
            data know the truth: {expected}."
        ));
        equal(people, expected, "people in both files")?;
        self.note("people_in_both", people);
        self.note("row_pairs", pairs);
        Ok(())
    }

    pub(super) fn renewal(&mut self, files: &Files) -> Result<(), Fault> {
        self.step("Years later: a new key, and no table from old codes to new ones");
        self.tell(
            "The key is renewed on schedule, or at once on any reasonable doubt, which one \
            custodian alone can state. The service\n\
             applies the new key to the old codes.",
        );
        self.play(&format!(
            "service new-key @/service/home population --reason scheduled {}",
            Self::quorum()
        ))?;
        self.tell("\nBoth teams have their codes renewed:");
        self.exchange("courses", "courses", "population", true, true)?;
        self.exchange("wages", "wages", "population", true, false)?;
        self.tell(
            "\nA file that was not renewed no longer matches, and the program says so rather \
            than joining nothing:",
        );
        self.refused(
            "controller check @/courses/courses-coded.csv @/wages/wages-renewed.csv",
            "mixed-generations",
        )?;
        let (old, new) =
            (self.codes("courses/courses-coded.csv")?, self.codes("courses/courses-renewed.csv")?);
        let kept = old.keys().filter(|code| new.contains_key(*code)).count();
        let (people, pairs) =
            self.join("courses/courses-renewed.csv", "wages/wages-renewed.csv")?;
        self.tell(format_args!(
            "\nThe join of the renewed files finds the same {people} people and {pairs} pairs; \
            {kept} of {} codes are as before.",
            old.len()
        ));
        equal(kept, 0, "codes that stayed the same")?;
        equal(
            people as u64,
            self.summary["people_in_both"].as_u64().unwrap_or(0),
            "people after the renewal",
        )?;
        equal(pairs, self.summary["row_pairs"].as_u64().unwrap_or(0), "pairs after the renewal")?;
        for team in ["courses", "wages"] {
            let path = self.at(&format!("{team}/{team}-coded.csv"));
            files::destroy(&path)?;
        }
        self.tell("The teams destroy the files of the former generation.");

        self.step("Newcomers match people who were coded before the renewal");
        self.tell(format_args!(
            "{} further courses, some of people already coded under the first key. They go through \
            both keys in one pass:",
            files.newcomers.rows
        ));
        self.exchange("courses", "newcomers", "population", false, false)?;
        let (met, _) = self.join("courses/newcomers-coded.csv", "courses/courses-renewed.csv")?;
        let expected = files.newcomers.people.intersection(&files.courses.people).count();
        self.tell(format_args!(
            "Of {} people among them, {met} were in the first file; the truth is {expected}.",
            files.newcomers.people.len()
        ));
        equal(met, expected, "newcomers recognised")?;
        self.note("newcomers_recognised", met);
        Ok(())
    }

    pub(super) fn research(&mut self, files: &Files) -> Result<(), Fault> {
        self.step("A research project has a key of its own, until its end");
        let today = TimeZone::UTC.to_datetime(self.now()).date();
        let ends = today.saturating_add(Span::new().days(20));
        self.tell(
            "Its key is drawn independently, and its seal also needs a secret that lies apart, in \
            life/, and is in no backup.\n\
             (Until the linking body has a role of its own here, only a demonstration hands out a \
             project's codes.)",
        );
        self.play(&format!(
            "service open @/service/home cohort --kind research --ends {ends} {}",
            Self::quorum()
        ))?;
        self.tell("");
        self.exchange("project", "cohort", "cohort", false, false)?;
        let (cohort, courses) =
            (self.codes("project/cohort-coded.csv")?, self.codes("courses/courses-renewed.csv")?);
        let bare = |code: &String| code.rsplit('.').next().unwrap_or_default().to_owned();
        let courses: HashSet<String> = courses.keys().map(bare).collect();
        let shared = cohort.keys().filter(|code| courses.contains(&bare(code))).count();
        let same = files.cohort.people.intersection(&files.courses.people).count();
        self.tell(format_args!(
            "{same} people are both in the project and among the training courses; codes in \
            common: {shared}."
        ));
        equal(shared, 0, "codes that a project shares")?;

        let begin = self.now();
        let end = cstatns::domain::end_of(ends);
        self.ahead.set(self.ahead.get() + end.duration_since(begin) + SignedDuration::from_mins(1));
        self.tell(format_args!(
            "\nNow the demonstration sets its own clock to the day after the project's end, {ends} \
            (the machine's clock is left\n\
             alone). A timer runs `expire` every hour; nobody is needed."
        ));
        self.play("service expire @/service/home")?;
        self.tell("From this moment the project codes no more, quorum or not:");
        let again = People::invent(&mut Numbers::new(0), 50);
        let late = people::file(
            &mut Numbers::new(0),
            &again,
            50,
            "exposure",
            |_, row| row,
            |_| "1".to_owned(),
        );
        files::write_new(&self.at("project/late.csv"), late.csv.as_bytes(), Access::Private)?;
        self.play_quietly(
            "controller prepare @/project/late.csv --identifier-column nir --service \
             @/service/home/card.json --domain cohort --request @/service/late.request.csv \
             --retained @/project/late.retained.csv",
        )?;
        self.refused(
            &format!(
                "service code @/service/home cohort --request @/service/late.request.csv --result \
                @/service/late.result.csv \
                 --purpose linkage {}",
                Self::quorum()
            ),
            "project-ended",
        )?;
        for path in [
            "project/late.csv",
            "project/late.retained.csv",
            "project/late.retained.csv.request.json",
            "service/late.request.csv",
        ] {
            files::destroy(&self.at(path))?;
        }
        files::destroy(&self.at("service/late.request.csv.manifest.json"))?;
        self.tell(
            "\nA day later (so that a wrong clock can be seen in time) the key is destroyed, \
            with nobody present:",
        );
        self.ahead.set(self.ahead.get() + SignedDuration::from_hours(25));
        self.play("service expire @/service/home")?;
        let status = self.play("service status @/service/home")?;
        let past = status["keys_past_their_end"].as_array().map_or(usize::MAX, Vec::len);
        equal(past, 0, "keys past their end")?;
        let life = self.names("service/home/life")?;
        self.tell(format_args!(
            "In life/ only the mark of the place is left ({}). All five custodians together cannot \
            code for the project again,\n\
             and a backup of keys/ does not help them.",
            life.join(", ")
        ));
        self.note("project_codes_shared", shared);
        self.note("keys_past_their_end", past);
        Ok(())
    }

    pub(super) fn audit(&mut self) -> Result<(), Fault> {
        self.step("The auditor checks the record");
        self.tell(
            "Every call and every access to a key is in the ledger, with the custodians' \
            signatures. The auditor needs the\n\
             service's public card and no key, identifier or code.",
        );
        let audit = self.play(
            "auditor verify @/service/home/ledger.jsonl --service @/service/home/card.json",
        )?;
        self.note("events", audit["events"].clone());
        self.note("events_witnessed", audit["witnessed"]["events"].clone());

        self.tell("\nOne digit of one event is changed in a copy of the ledger:");
        let copy = self.at("audit");
        files::create_dir(&copy)?;
        let home = self.at("service/home");
        for name in ["checkpoint", "card.json"] {
            files::write_new(
                &copy.join(name),
                &files::read(&home.join(name), u64::MAX)?,
                Access::Shared,
            )?;
        }
        let mut ledger = files::read(&home.join("ledger.jsonl"), u64::MAX)?;
        let middle = ledger.len() / 2;
        let digit = ledger.iter().skip(middle).position(u8::is_ascii_digit).unwrap_or(0) + middle;
        ledger[digit] = if ledger[digit] == b'0' { b'1' } else { b'0' };
        files::write_new(&copy.join("ledger.jsonl"), &ledger, Access::Shared)?;
        match self.run(
            &self.verbs.quiet(),
            "auditor verify @/audit/ledger.jsonl --service @/audit/card.json",
        ) {
            Err(fault) => {
                self.tell(format_args!("    {}", fault.line().unwrap_or_default()));
                Ok(())
            }
            Ok(_) => Err(mismatch("a changed ledger was not found out")),
        }
    }

    /// What is left where, and what is nowhere.
    pub(super) fn end(mut self, files: &Files) -> Result<Value, Fault> {
        self.step("What is left, and where");
        for (directory, who) in [
            ("custodians", "each custodian: their kit, with their sealed share"),
            ("service", "the service: reports, and the sealed shares as they were handed out"),
            ("service/home", "the service's home: its signing key, ledger and checkpoint"),
            ("service/home/keys", "sealed keys; three custodians open them"),
            ("courses", "the training team: codes and its own data, no identifier"),
            ("wages", "the wages team: codes and its own data, no identifier"),
            ("project", "the project: codes of its own that nobody can make again"),
            ("audit", "the copy of the ledger with the changed digit"),
        ] {
            self.tell(format_args!("  {directory}/  ({who})"));
            self.tell(format_args!("      {}", self.names(directory)?.join("  ")));
        }
        let sample: BTreeSet<usize> =
            files.courses.people.iter().chain(&files.wages.people).copied().take(200).collect();
        let needles: HashSet<&[u8]> =
            sample.iter().map(|person| files.people.identifier(*person).as_bytes()).collect();
        let (mut searched, mut holding) = (0_u64, 0_u64);
        let mut directories = vec![self.root.clone()];
        while let Some(directory) = directories.pop() {
            let entries = std::fs::read_dir(&directory)
                .map_err(|error| FileError::from_io(&directory, &error))?;
            for entry in entries {
                let path = entry.map_err(|error| FileError::from_io(&directory, &error))?.path();
                if path.is_dir() {
                    directories.push(path);
                    continue;
                }
                searched += 1;
                let bytes = files::read(&path, u64::MAX)?;
                let hit = |window: &[u8]| window[0].is_ascii_digit() && needles.contains(window);
                holding += u64::from(bytes.windows(13).any(hit));
            }
        }
        self.tell(format_args!(
            "\nSearched all {searched} files for the identifiers of {} people: {holding} files \
            hold one.",
            needles.len()
        ));
        equal(holding, 0, "files that hold an identifier")?;
        self.note("files_searched", searched);
        self.note("files_with_an_identifier", holding);
        self.tell(
            "(Files were overwritten and deleted. On an SSD or a copy-on-write disk that proves \
            nothing: encrypt the disk.)",
        );
        self.tell(format_args!(
            "Everything is in {}, its ledger three weeks ahead of the machine's clock. Delete it \
            when you like.",
            self.root.display()
        ));
        Ok(self.summary)
    }
}
