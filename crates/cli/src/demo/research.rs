//! A research project: two controllers, the service, a linking body and a researcher, each in a
//! folder of its own.

use std::collections::HashSet;

use cstatns::files::{self, Access};
use jiff::Span;
use jiff::tz::TimeZone;

use super::people::{self, File, Numbers, People};
use super::{Files, Story, equal};
use crate::fault::Fault;
use crate::lang::text;

/// What two controllers give to the project: one row for each person.
pub(super) struct Study {
    pub(super) wages: File,
    pub(super) benefits: File,
}

impl Study {
    /// Half of the people of each file are in the other one: enough for the least number of a
    /// project, however few rows the teams have.
    pub(super) fn invent(numbers: &mut Numbers, people: &People, rows: usize) -> Self {
        let rows = (rows / 10).max(120);
        let wages = people::file(
            numbers,
            people,
            rows,
            "wage",
            |_, row| row,
            |numbers| (18_000 + numbers.below(40_000)).to_string(),
        );
        let kinds = ["housing", "family", "disability"];
        let benefits = people::file(
            numbers,
            people,
            rows,
            "benefit",
            |_, row| rows / 2 + row,
            |numbers| kinds[numbers.below(kinds.len())].to_owned(),
        );
        Self { wages, benefits }
    }

    /// Both, by the name of their controller.
    pub(super) fn files(&self) -> [(&'static str, &File); 2] {
        [("wages", &self.wages), ("benefits", &self.benefits)]
    }
}

impl Story<'_> {
    pub(super) fn research(&mut self, files: &Files) -> Result<(), Fault> {
        self.step(text!(
            "A research project goes through a linking body",
            "Un projet de recherche passe par un organisme d'appariement"
        ));
        let today = TimeZone::UTC.to_datetime(self.now()).date();
        let ends = today.saturating_add(Span::new().years(2));
        self.tell(
            text!("Two controllers give data to a project: the wages team and a benefits office. Identifiers go to the \
            service, data to a\n\
             linking body, and only the codes show the linking body which rows belong together. The project has a key of \
             its own,\n\
             drawn independently. Its seal also needs a secret that lies apart, in life/, and is in no backup.",
                 "Deux responsables donnent des données à un projet : l'équipe des salaires et une caisse de prestations. \
                     Les identifiants\nvont au service, les données à un organisme d'appariement, et seuls les codes lui \
                     disent quelles lignes vont ensemble.\nLe projet a sa propre clé, tirée à part. Son scellé demande \
                     aussi un secret gardé ailleurs, dans life/, et dans aucune\nsauvegarde."),
        );
        self.play(&format!(
            "service open @/service/home cohort --kind research --ends {ends} {}",
            Self::quorum()
        ))?;
        self.register_parties()?;
        for (controller, file) in files.study.files() {
            let path = self.at(&format!("{controller}/study.csv"));
            files::write_new(&path, file.csv.as_bytes(), Access::Private)?;
            self.contribute(controller, file)?;
        }
        self.compare_codes(files)?;
        self.link_files(&files.study)?;
        self.receive_rows(&files.study)
    }

    /// The parties of the project make keys, and a quorum gives each its role.
    fn register_parties(&self) -> Result<(), Fault> {
        self.tell(text!(
            "\nThe benefits office, the linking body and the researcher make keys of their own; the wages team has them. \
            A quorum\n\
             gives each a role in this project:",
            "\nLa caisse de prestations, l'organisme d'appariement et le chercheur font leurs propres clés ; l'équipe des \
                salaires\nen a. Un quorum donne à chacun un rôle dans ce projet :"
        ));
        for (name, role) in [
            ("wages", "controller"),
            ("benefits", "controller"),
            ("linking", "linking"),
            ("researcher", "researcher"),
        ] {
            if name != "wages" {
                let make = format!("party new @/{name}/party --name {name} --no-passphrase");
                self.play_quietly(&make)?;
            }
            self.play_quietly(&format!(
                "service party @/service/home @/{name}/party/card.json --role {role} --domain cohort {}",
                Self::quorum()
            ))?;
        }
        Ok(())
    }

    /// Makes request and payload of a controller's file.
    pub(super) fn prepare_payload(
        &self,
        controller: &str,
        file: &str,
        play: &dyn Fn(&str) -> Result<(), Fault>,
    ) -> Result<(), Fault> {
        let key = format!("@/{controller}/{file}.key.json");
        play(&format!("service request-key @/service/home cohort --for {controller} --out {key}"))?;
        play(&format!(
            "controller prepare @/{controller}/{file}.csv --identifier-column nir --as \
             @/{controller}/party --request-key {key} --service @/service/home/card.json --ledger \
             @/service/home/ledger.jsonl --domain cohort --request \
             @/service/{controller}-{file}.request.csv.age --payload \
             @/linking/{controller}-{file}.payload.csv.age --payload-to @/linking/party/card.json"
        ))?;
        files::destroy(&self.at(&format!("{controller}/{file}.csv")))?;
        Ok(())
    }

    /// A controller's file: its identifiers go to the service, the rest to the linking body, which
    /// gets the codes.
    fn contribute(&self, controller: &str, file: &File) -> Result<(), Fault> {
        let loud = controller == "wages";
        let play = |command: &str| match loud {
            true => self.play(command).map(|_| ()),
            false => self.play_quietly(command).map(|_| ()),
        };
        let tell = |text: String| {
            if loud {
                self.tell(text);
            }
        };
        match loud {
            true => self.tell(text!(
                "\nThe wages team prepares {} rows. Identifiers go to the service, wages to the linking body, each in a \
                parcel that only\n\
                 its receiver can open. Nothing but random indexes ties the two together. The team gets no codes back, and \
                 keeps\n\
                 nothing for the project:",
                "\nL'équipe des salaires prépare {} lignes. Les identifiants vont au service, les salaires à l'organisme \
                    d'appariement,\nchacun dans un colis que seul son destinataire peut ouvrir. Rien ne relie \
                    les deux sinon \
                    des index aléatoires. L'équipe ne\nreçoit pas de codes, et ne garde rien pour le projet :",
                file.rows
            )),
            false => self.tell(text!(
                "\nThe benefits office does the same with {} rows:",
                "\nLa caisse de prestations fait de même avec {} lignes :",
                file.rows
            )),
        }
        self.prepare_payload(controller, "study", &play)?;
        tell(text!(
            "The team destroys the file that it made for the project.\n\nCodes of a research project go to its \
                linking body and to nobody else:",
            "L'équipe détruit le fichier qu'elle a fait pour le projet.\n\nLes codes d'un projet de recherche \
                vont à son organisme d'appariement et à personne d'autre :"
        ));
        let run = format!(
            "service code @/service/home cohort --request @/service/{controller}-study.request.csv.age \
             --result @/service/{controller}-study.result.csv.age --purpose linkage --to linking {}",
            Self::quorum()
        );
        let run = if loud { self.play(&run)? } else { self.play_quietly(&run)? };
        self.expect_gone(&format!("service/{controller}-study.request.csv.age"))?;
        let received = format!("linking/{controller}.result.csv.age");
        self.hand_over(&format!("service/{controller}-study.result.csv.age"), &received)?;
        tell(text!(
            "\nThe linking body works with a program that cannot code, `cstatns-link`. It puts the codes beside the wages. \
            Payload and\n\
             result are destroyed, and the indexes with them:",
            "\nL'organisme d'appariement travaille avec un programme qui ne peut pas coder, `cstatns-link`. Il \
                met les codes \
                à côté des\nsalaires. Les données reçues et le résultat sont détruits, et les index avec eux :"
        ));
        let payload = format!("linking/{controller}-study.payload.csv.age");
        let attached = self.link(
            &if loud { self.verbs.clone() } else { self.verbs.quiet() },
            &format!(
                "attach --as @/linking/party --service @/service/home/card.json --payload @/{payload} \
                 --result @/{received} --out @/linking/{controller}.csv"
            ),
        )?;
        let rows = attached["rows"].as_u64().unwrap_or_default();
        equal(rows, file.rows as u64, text!("rows with codes", "lignes avec des codes"))?;
        self.expect_gone(&payload)?;
        self.expect_gone(&received)?;
        let delivery = run["delivery"].as_str().unwrap_or_default();
        play(&format!(
            "service delivered @/service/home {delivery} --receipt \
             @/linking/{controller}.csv.receipt.json"
        ))?;
        self.expect_gone(&format!("service/{controller}-study.result.csv.age"))
    }

    /// The project's codes are of nobody else's files.
    fn compare_codes(&mut self, files: &Files) -> Result<(), Fault> {
        self.tell(text!(
            "\nWhat the linking body has of the wages:",
            "\nCe que l'organisme d'appariement a des salaires :"
        ));
        for line in self.first_lines("linking/wages.csv", 4)? {
            self.tell(format_args!("    {line}"));
        }
        let bare = |code: &String| code.rsplit('.').next().unwrap_or_default().to_owned();
        let wages = self.codes("linking/wages.csv")?;
        let courses = self.codes("courses/courses-renewed.csv")?;
        let courses: HashSet<String> = courses.keys().map(bare).collect();
        let shared = wages.keys().filter(|code| courses.contains(&bare(code))).count();
        let same = files.study.wages.people.intersection(&files.courses.people).count();
        self.tell(text!(
            "{same} of these people are also among the training courses; codes in common: {shared}.",
            "{same} de ces personnes sont aussi parmi les formations ; codes en commun : {shared}."
        ));
        equal(shared, 0, text!("codes that a project shares", "codes qu'un projet partage"))?;
        self.note("project_codes_shared", shared);
        Ok(())
    }

    /// The linking body joins both files, and releases rows without codes.
    fn link_files(&mut self, study: &Study) -> Result<(), Fault> {
        self.tell(text!(
            "\nThe linking body joins the files on the codes. No code comes out, and the order is drawn at random. The \
            join\n\
             is refused if fewer than 11 people of a file are matched:",
            "\nL'organisme d'appariement apparie les fichiers sur les codes. Aucun code n'en sort, et l'ordre est tiré au \
                hasard.\nL'appariement est refusé si moins de 11 personnes d'un fichier sont appariées :"
        ));
        let joined = self.link(
            &self.verbs,
            "join --as @/linking/party --source wages=@/linking/wages.csv --source \
             benefits=@/linking/benefits.csv --out @/linking/linked.csv",
        )?;
        let people = joined["people"].as_u64().unwrap_or_default();
        let expected = study.wages.people.intersection(&study.benefits.people).count() as u64;
        self.tell(text!(
            "The join finds {people} people in both files. The invented data know the truth: {expected}.",
            "L'appariement trouve {people} personnes dans les deux fichiers. Les données inventées savent la vérité : \
                {expected}."
        ));
        equal(people, expected, text!("people linked", "personnes appariées"))?;
        self.note("people_linked", people);

        self.tell(text!(
            "\nThe linking body encrypts the joined file to the researcher, records that in a ledger of its \
                own, and destroys \
            it. Of\n\
             the coded files it keeps encrypted copies that it alone can open, in case their codes are renewed:",
            "\nL'organisme d'appariement chiffre le fichier apparié pour le chercheur, l'inscrit dans un \
                registre à lui, et le \
                détruit.\nDes fichiers codés il garde des copies chiffrées que lui seul peut ouvrir, au cas où \
                leurs codes seraient renouvelés :"
        ));
        self.link(
            &self.verbs,
            "release @/linking/linked.csv --as @/linking/party --to @/researcher/party/card.json \
             --authorisation demo-2026 --ledger @/service/home/ledger.jsonl --service \
             @/service/home/card.json --out @/researcher/linked.csv.age --keep-coded",
        )?;
        ["linked", "wages", "benefits"]
            .iter()
            .try_for_each(|file| self.expect_gone(&format!("linking/{file}.csv")))
    }

    /// The researcher opens the parcel.
    fn receive_rows(&mut self, study: &Study) -> Result<(), Fault> {
        self.tell(text!("\nThe researcher opens the parcel:", "\nLe chercheur ouvre le colis :"));
        self.play(
            "parcel open @/researcher/linked.csv.age --as @/researcher/party --from \
             @/linking/party/card.json --out @/researcher/data",
        )?;
        let lines = self.first_lines("researcher/data/linked.csv", 4)?;
        for line in &lines {
            self.tell(format_args!("    {line}"));
        }
        self.tell(text!(
            "There is no identifier, no code and no index: only how sure each identifier was, and the data.",
            "Il n'y a ni identifiant, ni code, ni index : seulement la qualité de chaque identifiant, et les données."
        ));
        equal(
            lines.first().map_or("", String::as_str),
            "wages_quality,wage,benefits_quality,benefit",
            text!("columns of the researcher's file", "colonnes du fichier du chercheur"),
        )?;
        // Each person has one row.
        let rows = files::read(&self.at("researcher/data/linked.csv"), u64::MAX)?;
        let rows = rows.iter().filter(|byte| **byte == b'\n').count() - 1;
        let expected = study.wages.people.intersection(&study.benefits.people).count();
        equal(rows, expected, text!("rows of the researcher", "lignes du chercheur"))
    }
}
