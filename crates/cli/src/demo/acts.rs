//! What is played, act by act, and what each must come to.

use crate::fault::Fault;
use crate::lang::text;
use cstatns::files::{self, Access};

use super::people::{self, Numbers, People};
use super::research::Study;
use super::{CUSTODIANS, Files, Story, equal, mismatch};

impl Story<'_> {
    pub(super) fn ceremony(&mut self) -> Result<(), Fault> {
        self.step(text!(
            "The ceremony: nobody holds the key alone",
            "La cérémonie : personne ne tient la clé seul"
        ));
        self.tell(
            text!("Five custodians, two of them external holders, each make a kit: a private part that \
            they keep and a public card.\n\
             (Here without passphrases, which only a demonstration accepts.)",
                 "Cinq détenteurs, dont deux extérieurs, font chacun une trousse : une partie privée qu'ils gardent et \
                     une carte publique.\n(Ici sans phrases de passe, ce que seule une démonstration accepte.)"),
        );
        for (name, external) in CUSTODIANS {
            let external = if external { " --external" } else { "" };
            self.play_quietly(&format!(
                "custodian new @/custodians/{name} --name {name} --no-passphrase{external}"
            ))?;
        }
        self.tell(
            text!("\nThe service draws a secret, splits it so that three of the five open it, seals each \
            share to its custodian's card,\n\
             and forgets the secret.",
                 "\nLe service tire un secret, le partage de sorte que trois des cinq l'ouvrent, scelle chaque part pour \
                     la carte de son\ndétenteur, et oublie le secret."),
        );
        let cards = CUSTODIANS.map(|(name, _)| format!("@/custodians/{name}/card.json")).join(" ");
        let founded = self.play(&format!(
            "service init @/service/home --name demo --threshold 3 --custodian {cards} --shares \
            @/service/shares --demo"
        ))?;
        self.tell(
            text!("\nEach custodian opens their share, checks it against the service's ledger, and \
            signs a receipt.",
                "\nChaque détenteur ouvre sa part, la vérifie avec le registre du service, et signe un récépissé."),
        );
        for (name, _) in CUSTODIANS {
            let accepted = self.play_quietly(&format!(
                "custodian accept @/custodians/{name} @/service/shares/{name}.1.share --ledger \
                @/service/home/ledger.jsonl --yes"
            ))?;
            if accepted["spoken"] != founded["spoken"] {
                return Err(mismatch(text!(
                    "the words of the ceremony differ",
                    "les mots de la cérémonie diffèrent"
                )));
            }
        }
        self.tell(text!(
            "All five read the same words aloud: {}",
            "Tous les cinq lisent à voix haute les mêmes mots : {}",
            founded["spoken"].as_str().unwrap_or_default()
        ));
        let receipts = CUSTODIANS
            .map(|(name, _)| format!("@/custodians/{name}/receipt-1-held.json"))
            .join(" ");
        self.play(&format!("service receipt @/service/home {receipts}"))?;
        self.tell(
            text!("\nThree custodians open the statistical domain. Each is shown what they are \
            asked, and approves that and nothing else.",
                "\nTrois détenteurs ouvrent le domaine statistique. Chacun voit ce qui lui est demandé, et consent à cela \
                    et à rien d'autre."),
        );
        self.play(&format!(
            "service open @/service/home population --kind statistics {}",
            Self::quorum()
        ))?;
        self.tell(text!("\nTwo are not enough:", "\nDeux ne suffisent pas :"));
        self.refused(
            "service open @/service/home elsewhere --kind statistics --kit @/custodians/alice \
            --kit @/custodians/bruno",
            "too-few-approvals",
        )?;
        self.note("service", founded["service"].clone());
        Ok(())
    }

    pub(super) fn invent(&mut self, rows: usize, seed: u64) -> Result<Files, Fault> {
        self.step(text!(
            "Two teams with files of their own",
            "Deux équipes avec leurs propres fichiers"
        ));
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
        let study = Study::invent(numbers, &people, rows);
        let files = Files { people, courses, wages, newcomers, study };
        for (path, file) in [
            ("courses/courses.csv", &files.courses),
            ("wages/wages.csv", &files.wages),
            ("courses/newcomers.csv", &files.newcomers),
        ] {
            files::write_new(&self.at(path), file.csv.as_bytes(), Access::Private)?;
        }
        self.tell(text!(
            "Training courses, {} rows about {} people, and wages, {} rows about {} people. \
            Identifiers are spelt as in real files:\n\
             with and without spaces, with and without key; {} and {} rows hold none or a spoilt \
             one. These are a few rows:",
                 "Des formations, {} lignes sur {} personnes, et des salaires, {} lignes sur {} personnes. Les \
                     identifiants sont écrits comme dans\nde vrais fichiers : avec et sans espaces, avec et sans clé ; {} \
                     et {} lignes n'en ont pas ou en ont un abîmé. Quelques lignes :",
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

    pub(super) fn first_codes(&mut self, files: &Files) -> Result<(), Fault> {
        self.step(text!("Identifiers become codes", "Les identifiants deviennent des codes"));
        self.tell(text!(
            "Each team makes keys of its own. A quorum registers it as a controller: codes go to registered bodies only, \
            encrypted.",
            "Chaque équipe fait ses propres clés. Un quorum l'inscrit comme responsable de traitement : les codes ne vont \
                qu'à des organismes inscrits, chiffrés."
        ));
        self.register_teams()?;
        self.tell(
            text!("\nThe training team sends identifiers and nothing else, each with a random index, \
            sorted by it, in a parcel: encrypted\n\
             to a key that a quorum opens once, and signed. The service sees no data and no order. The rest stays with \
             the team.",
                 "L'équipe des formations envoie des identifiants et rien d'autre, chacun avec un index aléatoire, triés \
                     par lui : le service ne\nvoit ni données ni ordre. Le reste demeure dans l'équipe."),
        );
        self.exchange("courses", "courses", false, true)?;
        self.tell(text!(
            "\nThe wages team does the same:",
            "\nL'équipe des salaires fait de même :"
        ));
        self.exchange("wages", "wages", false, false)?;
        self.tell(text!(
            "\nWhat the training team has now:",
            "\nCe que l'équipe des formations a maintenant :"
        ));
        for line in self.first_lines("courses/courses-coded.csv", 4)? {
            self.tell(format_args!("    {line}"));
        }

        self.step(text!(
            "The files are linked on the code",
            "Les fichiers s'apparient sur le code"
        ));
        self.play("controller check @/courses/courses-coded.csv @/wages/wages-coded.csv")?;
        let (people, pairs) = self.join("courses/courses-coded.csv", "wages/wages-coded.csv")?;
        let expected = files.courses.people.intersection(&files.wages.people).count();
        self.tell(text!(
            "The join finds {people} people in both files ({pairs} pairs of rows). The invented \
            data know the truth: {expected}.",
                "L'appariement trouve {people} personnes dans les deux fichiers ({pairs} paires de lignes). Les données \
                    inventées savent la vérité : {expected}."
        ));
        equal(people, expected, text!("people in both files", "personnes dans les deux fichiers"))?;
        self.note("people_in_both", people);
        self.note("row_pairs", pairs);
        Ok(())
    }

    pub(super) fn renewal(&mut self, files: &Files) -> Result<(), Fault> {
        self.step(text!("Years later: a new key, and no table from old codes to new ones",
            "Des années plus tard : une nouvelle clé, et pas de table des anciens codes aux nouveaux"));
        self.tell(
            text!("The key is renewed on schedule, or at once on any reasonable doubt, which one \
            custodian alone can state. The service\n\
             applies the new key to the old codes.",
                 "La clé est renouvelée à son terme, ou aussitôt en cas de doute raisonnable, qu'un seul détenteur peut \
                     déclarer. Le service\napplique la nouvelle clé aux anciens codes."),
        );
        self.play(&format!(
            "service new-key @/service/home population --reason scheduled {}",
            Self::quorum()
        ))?;
        self.tell(text!(
            "\nBoth teams have their codes renewed:",
            "\nLes deux équipes font renouveler leurs codes :"
        ));
        self.exchange("courses", "courses", true, true)?;
        self.exchange("wages", "wages", true, false)?;
        self.tell(
            text!("\nA file that was not renewed no longer matches, and the program says so rather \
            than joining nothing:",
                "\nUn fichier non renouvelé ne s'apparie plus, et le programme le dit au lieu de n'apparier rien :"),
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
        self.tell(text!(
            "\nThe join of the renewed files finds the same {people} people and {pairs} pairs; \
            {kept} of {} codes are as before.",
                "\nL'appariement des fichiers renouvelés trouve les mêmes {people} personnes et {pairs} paires ; {kept} \
                    codes sur {} sont comme avant.",
            old.len()
        ));
        equal(kept, 0, text!("codes that stayed the same", "codes restés les mêmes"))?;
        equal(
            people as u64,
            self.summary["people_in_both"].as_u64().unwrap_or(0),
            text!("people after the renewal", "personnes après le renouvellement"),
        )?;
        equal(
            pairs,
            self.summary["row_pairs"].as_u64().unwrap_or(0),
            text!("pairs after the renewal", "paires après le renouvellement"),
        )?;
        for team in ["courses", "wages"] {
            let path = self.at(&format!("{team}/{team}-coded.csv"));
            files::destroy(&path)?;
        }
        self.tell(text!(
            "The teams destroy the files of the former generation.",
            "Les équipes détruisent les fichiers de l'ancienne génération."
        ));

        self.step(text!(
            "Newcomers match people who were coded before the renewal",
            "Les nouveaux venus s'apparient aux personnes codées avant le renouvellement"
        ));
        self.tell(text!(
            "{} further courses, some of people already coded under the first key. They go through \
            both keys in one pass:",
                "{} autres formations, certaines de personnes déjà codées sous la première clé. Elles passent par les \
                    deux clés en une fois :",
            files.newcomers.rows
        ));
        self.exchange("courses", "newcomers", false, false)?;
        let (met, _) = self.join("courses/newcomers-coded.csv", "courses/courses-renewed.csv")?;
        let expected = files.newcomers.people.intersection(&files.courses.people).count();
        self.tell(text!(
            "Of {} people among them, {met} were in the first file; the truth is {expected}.",
            "Sur {} personnes parmi elles, {met} étaient dans le premier fichier ; la vérité est {expected}.",
            files.newcomers.people.len()
        ));
        equal(met, expected, text!("newcomers recognised", "nouveaux venus reconnus"))?;
        self.note("newcomers_recognised", met);
        Ok(())
    }
}
