//! A team's file on its way to the service and back.

use cstatns::files::FileError;

use super::Story;
use crate::fault::Fault;
use crate::lang::text;

impl Story<'_> {
    /// The teams make keys of their own, and a quorum registers them as controllers.
    pub(super) fn register_teams(&self) -> Result<(), Fault> {
        for team in ["courses", "wages"] {
            let play = |command: &str| match team {
                "courses" => self.play(command),
                _ => self.play_quietly(command),
            };
            play(&format!("party new @/{team}/party --name {team} --no-passphrase"))?;
            play(&format!(
                "service party @/service/home @/{team}/party/card.json --role controller --domain \
                population {}",
                Self::quorum()
            ))?;
        }
        Ok(())
    }

    /// A team's file goes to the service and comes back with codes, in parcels; identifiers and
    /// copies are destroyed on the way.
    pub(super) fn exchange(
        &self,
        team: &str,
        file: &str,
        renewal: bool,
        loud: bool,
    ) -> Result<(), Fault> {
        let play =
            |command: &str| if loud { self.play(command) } else { self.play_quietly(command) };
        let (source, verb) = if renewal {
            (format!("@/{team}/{file}-coded.csv --code-column code"), "renew")
        } else {
            (format!("@/{team}/{file}.csv --identifier-column nir"), "code")
        };
        let work = format!("{file}-{verb}");
        let key = format!("@/{team}/{work}.key.json");
        play(&format!("service request-key @/service/home population --for {team} --out {key}"))?;
        play(&format!(
            "controller prepare {source} --as @/{team}/party --request-key {key} --service \
             @/service/home/card.json --domain population --request @/service/{work}.request.csv.age \
             --retained @/{team}/{work}.retained.csv"
        ))?;
        let run = play(&format!(
            "service {verb} @/service/home population --request @/service/{work}.request.csv.age \
             --result @/service/{work}.result.csv.age --purpose linkage --to {team} {}",
            Self::quorum()
        ))?;
        self.expect_gone(&format!("service/{work}.request.csv.age"))?;
        let received = format!("{team}/{work}.result.csv.age");
        self.hand_over(&format!("service/{work}.result.csv.age"), &received)?;
        if loud {
            let destroyed = if renewal {
                text!("its copies", "ses copies")
            } else {
                text!("the identifiers", "les identifiants")
            };
            self.tell(text!(
                "The team gets the parcel, which it alone can open, puts the codes beside its data, and destroys \
                {destroyed}.",
                "L'équipe reçoit le colis, qu'elle seule peut ouvrir, met les codes à côté de ses données, et détruit \
                    {destroyed}."
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
            "controller attach --retained {retained} --result @/{received} --as @/{team}/party \
             --out @/{team}/{out}.csv {destroy}"
        ))?;
        if loud {
            self.tell(text!(
                "The service records the receipt that the team has signed, and destroys its own copy of the result.",
                "Le service inscrit le récépissé que l'équipe a signé, et détruit sa propre copie du résultat."
            ));
        }
        let delivery = run["delivery"].as_str().unwrap_or_default();
        play(&format!(
            "service delivered @/service/home {delivery} --receipt @/{team}/{out}.csv.receipt.json"
        ))?;
        self.expect_gone(&format!("service/{work}.result.csv.age"))
    }

    /// A result is handed over as a copy: the service keeps its own until it has the receipt.
    pub(super) fn hand_over(&self, from: &str, to: &str) -> Result<(), Fault> {
        let (from, to) = (self.at(from), self.at(to));
        std::fs::copy(&from, &to).map_err(|error| FileError::from_io(&to, &error))?;
        Ok(())
    }
}
