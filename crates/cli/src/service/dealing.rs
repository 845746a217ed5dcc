//! New dealings: `service deal` and `service abandon`.

use std::path::PathBuf;

use clap::Args;
use cstatns::card::{Card, spoken};
use cstatns::code::Generation;
use cstatns::dealing::{Epoch, Threshold};
use cstatns::ledger::event::KeyRef;
use cstatns::name::Name;
use cstatns::proposal::Action;
use cstatns::words;
use serde_json::{Value, json};

use crate::custodian::read_json;
use crate::fault::Fault;
use crate::lang::{said, text};
use crate::output::Program;
use crate::quorum::{KitArgs, gather};

use super::{names, odds, recorded};

/// Deal shares of a new secret to other custodians, or by another threshold, and seal every key
/// under it (quorum of the present custodians)
#[derive(Args)]
#[command(after_help = "Example:
  cstatns custodian card /media/alice/kit --out alice-2.json
  cstatns service deal home --threshold 3 --shares shares \\
      --custodian alice-2.json bruno-2.json denis-2.json elise-2.json fanny.json \\
      --kit /media/alice/kit --kit /media/bruno/kit --kit /media/chloe/kit
Every custodian needs a card that no dealing has had. The present shares open the keys until the receipts
of all new ones are recorded: `custodian accept`, `service receipt`. Then the keys sealed before are destroyed,
and each custodian runs `custodian forget`. Until then no domain is opened and no key is made.")]
pub(crate) struct Deal {
    /// The service's home
    home: PathBuf,
    /// How many shares open the secret
    #[arg(long, value_name = "K")]
    threshold: usize,
    /// The card of a custodian; once for each
    #[arg(long = "custodian", value_name = "CARD", required = true, num_args = 1..)]
    custodians: Vec<PathBuf>,
    /// The directory that receives the sealed shares, NAME.EPOCH.share
    #[arg(long, value_name = "DIR")]
    shares: PathBuf,
    /// A key that cannot be opened any more, as DOMAIN.GENERATION: it is not sealed anew, and is
    /// lost once the new shares are in use
    #[arg(long, value_name = "KEY", num_args = 1.., value_parser = key)]
    leave_behind: Vec<KeyRef>,
    #[command(flatten)]
    kits: KitArgs,
}

/// A key as it is typed.
fn key(text: &str) -> Result<KeyRef, String> {
    let parsed = text.rsplit_once('.').and_then(|(domain, generation)| {
        let generation = Generation::new(generation.parse().ok()?)?;
        Some(KeyRef { domain: Name::new(domain).ok()?, generation })
    });
    parsed.ok_or_else(|| {
        text!(
            "a key is written as its domain and its generation, such as population.1",
            "une clé s'écrit par son domaine et sa génération, comme population.1"
        )
    })
}

impl Deal {
    pub(super) fn run(self, program: &Program) -> Result<Value, Fault> {
        let kits = self.kits.look()?;
        let cards = self.custodians.iter().map(|path| {
            read_json::<Card>(path, words!("a custodian's card", "la carte d'un détenteur"))
        });
        let cards: Vec<Card> = cards.collect::<Result<_, _>>()?;
        let threshold = Threshold::new(self.threshold, cards.len())?;
        let mut left_behind = self.leave_behind;
        left_behind.sort_by(|a, b| (&a.domain, a.generation).cmp(&(&b.domain, b.generation)));
        let dealt = recorded(program, &self.home, "deal", |service| {
            self.kits.check_clock(service)?;
            service.check_shares(&self.shares, &cards)?;
            let epoch = service.state().next_epoch();
            let action = Action::Deal { epoch, threshold, cards, left_behind };
            let quorum = gather(program, service, &kits, action)?;
            Ok(service.deal(quorum, &self.shares)?)
        })?;
        let dealing = &dealt.dealing;
        let (epoch, words) = (dealing.epoch, spoken(&dealing.fingerprint()));
        program.say(text!(
            "dealt epoch {epoch}: {} will open the secret",
            "époque {epoch} répartie : {} ouvriront le secret",
            said(&dealing.threshold)
        ));
        let odds = odds::tell(program, dealing);
        program.say(text!(
            "read aloud, the same with every custodian: {words}",
            "lisez à voix haute, les mêmes chez tous les détenteurs : {words}"
        ));
        for share in &dealt.shares {
            program.say(text!(
                "give {share:?} to its custodian",
                "remettez {share:?} à son détenteur"
            ));
        }
        program.say(
            text!("the present shares open the keys until every new custodian's receipt is recorded: \
            `custodian accept`, `service receipt`; `service abandon` gives the dealing up",
                "les parts actuelles ouvrent les clés tant que le récépissé de chaque nouveau détenteur n'est pas \
                    inscrit : `custodian accept`, `service receipt` ; `service abandon` abandonne la répartition"),
        );
        Ok(json!({
            "epoch": epoch,
            "threshold": dealing.threshold.k(),
            "custodians": dealing.threshold.n(),
            "dealing": dealing.fingerprint(),
            "spoken": words,
            "odds": odds,
            "shares": dealt.shares,
        }))
    }
}

/// Give up a dealing whose receipts do not come in: its shares open nothing (quorum of the present
/// custodians)
#[derive(Args)]
#[command(after_help = "Example:
  cstatns service abandon home --epoch 2 \\
      --kit /media/alice/kit --kit /media/bruno/kit --kit /media/chloe/kit
The present shares stay in use. The next dealing has another number, and needs other cards.")]
pub(crate) struct Abandon {
    /// The service's home
    home: PathBuf,
    /// The epoch that is given up
    #[arg(long, value_name = "E")]
    epoch: u32,
    #[command(flatten)]
    kits: KitArgs,
}

impl Abandon {
    pub(super) fn run(self, program: &Program) -> Result<Value, Fault> {
        let kits = self.kits.look()?;
        let epoch = Epoch(self.epoch);
        recorded(program, &self.home, "abandon", |service| {
            self.kits.check_clock(service)?;
            let quorum = gather(program, service, &kits, Action::Abandon { epoch })?;
            service.abandon(quorum)?;
            let roster = service.state().epochs().get(&epoch).map(|state| &state.dealing.roster);
            let holders: Vec<Name> =
                roster.into_iter().flatten().map(|seat| seat.card.body.name.clone()).collect();
            program.say(text!(
                "epoch {epoch} is given up, and what it had sealed is destroyed; {} run `custodian \
                forget`",
                    "l'époque {epoch} est abandonnée, et ce qu'elle avait scellé est détruit ; {} lancent `custodian \
                        forget`",
                names(&holders)
            ));
            Ok(json!({ "epoch": epoch, "next": service.state().next_epoch() }))
        })
    }
}
