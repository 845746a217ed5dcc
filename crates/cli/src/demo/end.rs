//! The last acts: what the auditor finds, and what is left.

use std::collections::{BTreeSet, HashSet};

use cstatns::files::{self, Access, FileError};
use serde_json::Value;

use crate::fault::Fault;
use crate::lang::text;

use super::{Files, Story, equal, mismatch};

impl Story<'_> {
    pub(super) fn audit(&mut self) -> Result<(), Fault> {
        self.step(text!(
            "The auditor checks both ledgers",
            "L'auditeur vérifie les deux registres"
        ));
        self.tell(
            text!("Every call and every access to a key is in the service's ledger, with the custodians' \
            signatures. What the linking body\n\
             received, released and destroyed is in its own. The auditor needs the service's public card,\n\
             and no key, identifier or code.",
                 "Chaque appel et chaque accès à une clé est dans le registre du service, avec les signatures des \
                     détenteurs. Ce que\nl'organisme d'appariement a reçu, remis et détruit est dans le sien. \
                     L'auditeur a besoin de la carte publique du\nservice, et d'aucune clé, aucun identifiant, aucun code."),
        );
        let audit = self.play(
            "auditor verify @/service/home/ledger.jsonl @/linking/party/ledger.jsonl --service \
             @/service/home/card.json",
        )?;
        let [service, linking] = [0, 1].map(|ledger| &audit["ledgers"][ledger]);
        self.note("events", service["events"].clone());
        self.note("events_witnessed", service["witnessed"]["events"].clone());
        self.note("events_of_the_linking_body", linking["events"].clone());

        self.tell(text!(
            "\nOne digit of one event is changed in a copy of the service's ledger:",
            "\nUn chiffre d'un événement est changé dans une copie du registre du service :"
        ));
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
            Ok(_) => Err(mismatch(text!(
                "a changed ledger was not found out",
                "un registre modifié n'a pas été découvert"
            ))),
        }
    }

    /// What is left where, and what is nowhere.
    pub(super) fn end(mut self, files: &Files) -> Result<Value, Fault> {
        self.step(text!("What is left, and where", "Ce qui reste, et où"));
        for (directory, who) in [
            (
                "custodians",
                text!(
                    "each custodian: their kit, with their sealed share",
                    "chaque détenteur : sa trousse, avec sa part scellée"
                ),
            ),
            (
                "service",
                text!(
                    "the service: notices, and the sealed shares as they were handed out",
                    "le service : des avis, et les parts scellées telles qu'elles ont été remises"
                ),
            ),
            (
                "service/home",
                text!(
                    "the service's home: its signing key, ledger and checkpoint",
                    "le répertoire du service : sa clé de signature, son registre et son point de contrôle"
                ),
            ),
            (
                "service/home/keys",
                text!(
                    "sealed keys; three custodians open them",
                    "des clés scellées ; trois détenteurs les ouvrent"
                ),
            ),
            (
                "courses",
                text!(
                    "the training team: codes and its own data, no identifier",
                    "l'équipe des formations : des codes et ses données, pas d'identifiant"
                ),
            ),
            (
                "wages",
                text!(
                    "the wages team: codes and its own data, no identifier",
                    "l'équipe des salaires : des codes et ses données, pas d'identifiant"
                ),
            ),
            (
                "benefits",
                text!(
                    "the benefits office: its keys; it keeps nothing for the project",
                    "la caisse de prestations : ses clés ; elle ne garde rien pour le projet"
                ),
            ),
            (
                "linking",
                text!(
                    "the linking body: its keys, its ledger, receipts and a report; no identifier and no code",
                    "l'organisme d'appariement : ses clés, son registre, des récépissés et un rapport ; \
                     ni identifiant ni code"
                ),
            ),
            (
                "researcher",
                text!(
                    "the researcher: keys, and the parcel as it came",
                    "le chercheur : ses clés, et le colis tel qu'il est venu"
                ),
            ),
            (
                "researcher/data",
                text!(
                    "what was in it: linked rows, and a report about them",
                    "ce qu'il contenait : des lignes appariées, et un rapport sur elles"
                ),
            ),
            (
                "audit",
                text!(
                    "the copy of the ledger with the changed digit",
                    "la copie du registre avec le chiffre changé"
                ),
            ),
        ] {
            self.tell(format_args!("  {directory}/  ({who})"));
            self.tell(format_args!("      {}", self.names(directory)?.join("  ")));
        }
        let sources = [&files.courses, &files.wages, &files.study.wages, &files.study.benefits];
        let sample: BTreeSet<usize> =
            sources.iter().flat_map(|file| file.people.iter().take(100)).copied().collect();
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
        self.tell(text!(
            "\nSearched all {searched} files for the identifiers of {} people: {holding} files \
            hold one.",
                "\nLes identifiants de {0} personnes ont été cherchés dans les {searched} fichiers : {holding} fichiers \
                    en contiennent un.",
            needles.len()
        ));
        equal(
            holding,
            0,
            text!("files that hold an identifier", "fichiers qui contiennent un identifiant"),
        )?;
        self.note("files_searched", searched);
        self.note("files_with_an_identifier", holding);
        self.tell(
            text!("(Files were overwritten and deleted. On an SSD or a copy-on-write disk that proves \
            nothing: encrypt the disk.)",
                "(Des fichiers ont été écrasés et supprimés. Sur un SSD ou un disque à copie sur écriture, cela ne prouve \
                    rien : chiffrez le disque.)"),
        );
        self.tell(text!(
            "Everything is in {}, its ledger three weeks ahead of the machine's clock. Delete it \
            when you like.",
                "Tout est dans {}, son registre trois semaines en avance sur l'horloge de la machine. Supprimez-le quand \
                    vous voulez.",
            self.root.display()
        ));
        Ok(self.summary)
    }
}
