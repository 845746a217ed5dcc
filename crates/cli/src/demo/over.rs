//! How projects end: one is closed, another one is past its last day.

use cstatns::files::{self, Access};
use cstatns::linking::read_linking;
use cstatns_link::{ledger_path, present};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Span};

use super::people::{self, Numbers, People};
use super::{Story, equal};
use crate::fault::Fault;
use crate::lang::text;

impl Story<'_> {
    /// The project is closed: no more codes, and none left.
    pub(super) fn closing(&mut self) -> Result<(), Fault> {
        self.step(text!(
            "The project ends, and nobody can code for it again",
            "Le projet se termine, et plus personne ne peut coder pour lui"
        ));
        self.tell(text!(
            "The benefits office has one more request ready:",
            "La caisse de prestations a encore une demande prête :"
        ));
        let few = People::invent(&mut Numbers::new(0), 50);
        let late = people::file(
            &mut Numbers::new(0),
            &few,
            50,
            "benefit",
            |_, row| row,
            |_| "housing".to_owned(),
        );
        files::write_new(&self.at("benefits/late.csv"), late.csv.as_bytes(), Access::Private)?;
        self.prepare_payload("benefits", "late", &|command| {
            self.play_quietly(command).map(|_| ())
        })?;
        self.tell(text!(
            "\nBut a quorum closes the project. Its key is destroyed, and a notice goes to the linking body:",
            "\nMais un quorum clôt le projet. Sa clé est détruite, et un avis va à l'organisme d'appariement :"
        ));
        self.play(&format!(
            "service close @/service/home cohort --notices @/service/notices {}",
            Self::quorum()
        ))?;
        self.tell(text!(
            "\nFrom this moment nobody codes for the project, quorum or not, and no request for it can be made:",
            "\nDès cet instant, personne ne code pour le projet, quorum ou non, et aucune demande ne peut être \
                faite pour lui :"
        ));
        self.refused(
            &format!(
                "service code @/service/home cohort --request \
                 @/service/benefits-late.request.csv.age --result \
                 @/service/benefits-late.result.csv.age --purpose linkage --to linking {}",
                Self::quorum()
            ),
            "keys-destroyed",
        )?;
        self.refused(
            "service request-key @/service/home cohort --for wages --out @/wages/late.key.json",
            "keys-destroyed",
        )?;
        for parcel in
            ["service/benefits-late.request.csv.age", "linking/benefits-late.payload.csv.age"]
        {
            files::destroy(&self.at(parcel))?;
        }
        self.tell(text!(
            "Nobody can open that request any more; the service and the linking body destroy what came.",
            "Plus personne ne peut ouvrir cette demande ; le service et l'organisme d'appariement détruisent ce \
                qui est venu."
        ));
        let life = self.names("service/home/life")?;
        self.tell(text!(
            "\nIn life/ only the mark of the place is left ({}).\n\
             All five custodians together cannot code for the project again, and a backup of keys/ does not help them.",
            "\nDans life/ il ne reste que la marque de l'emplacement ({}).\nLes cinq détenteurs ensemble ne peuvent plus \
                coder pour le projet, et une sauvegarde de keys/ ne les aide pas.",
            life.join(", ")
        ));

        self.tell(text!(
            "\nThe linking body destroys everything of the project that holds codes. The researcher keeps the rows:",
            "\nL'organisme d'appariement détruit tout ce qui porte des codes de ce projet. Le chercheur garde les lignes :"
        ));
        let ended = self.link(
            &self.verbs,
            "end @/service/notices/cohort.linking.notice.json --as @/linking/party --service \
             @/service/home/card.json",
        )?;
        let destroyed = ended["destroyed"].as_u64().unwrap_or_default();
        equal(destroyed, 2, text!("coded files destroyed", "fichiers codés détruits"))?;
        let party = self.at("linking/party");
        let left = present(&party, &read_linking(&ledger_path(&party))?.state)?.len();
        equal(left, 0, text!("files with codes", "fichiers avec des codes"))?;
        self.note("coded_files_left", left);
        Ok(())
    }

    /// A project that nobody closes.
    pub(super) fn expiry(&mut self) -> Result<(), Fault> {
        self.step(text!(
            "A project that nobody closes ends by itself",
            "Un projet que personne ne clôt se termine de lui-même"
        ));
        let today = TimeZone::UTC.to_datetime(self.now()).date();
        let ends = today.saturating_add(Span::new().days(20));
        self.tell(text!(
            "Another project, whose last day is {ends}:",
            "Un autre projet, dont le dernier jour est le {ends} :"
        ));
        self.play_quietly(&format!(
            "service open @/service/home pilot --kind research --ends {ends} {}",
            Self::quorum()
        ))?;
        let begin = self.now();
        let end = cstatns::domain::end_of(ends);
        self.ahead.set(self.ahead.get() + end.duration_since(begin) + SignedDuration::from_mins(1));
        self.tell(text!(
            "\nNow the demonstration sets its own clock to the day after (the machine's clock is left alone).\n\
             A timer runs `expire` every hour; nobody is needed.",
                 "\nLa démonstration met maintenant sa propre horloge au lendemain (celle de la machine n'est pas \
                     touchée).\nUne minuterie lance `expire` toutes les heures ; personne n'est \
                     nécessaire."
        ));
        self.play("service expire @/service/home")?;
        self.tell(
            text!("\nFrom this moment the project codes no more. A day later (so that a wrong clock can be seen in time)\n\
             the key is destroyed:",
                "\nDès cet instant, le projet ne code plus. Un jour plus tard (pour qu'une horloge fausse se \
                    voie à temps),\n\
                    la clé est détruite :"),
        );
        self.ahead.set(self.ahead.get() + SignedDuration::from_hours(25));
        self.play("service expire @/service/home")?;
        let status = self.play("service status @/service/home")?;
        let past = status["keys_past_their_end"].as_array().map_or(usize::MAX, Vec::len);
        equal(past, 0, text!("keys past their end", "clés au-delà de leur terme"))?;
        self.note("keys_past_their_end", past);
        Ok(())
    }
}
