//! The verb that brings back what a lost or old home lacks.

use std::io::{BufRead as _, IsTerminal as _, Read as _};
use std::path::PathBuf;

use clap::Args;
use cstatns::ledger::event::KeyRef;
use cstatns::service::{Plan, Recovery, Sources};
use serde_json::{Value, json};

use super::{rekey, runs};
use crate::fault::Fault;
use crate::lang::{Lang, lang, said, text};
use crate::output::Program;
use crate::quorum::{Closed, KitArgs, tell_seen};

/// Bring back the events that a lost or old home lacks, from its life places, mirrors, copies, and
/// the kits of those who have seen them
#[derive(Args)]
#[command(after_help = "Examples:
  cstatns service recover home
  cstatns service recover home --kit /media/alice/kit --kit /media/bruno/kit \\
      --from /backup/home --from published/ledger.jsonl
Without kits it uses the copies beside the life secrets and in mirrors: enough where nothing was
open. Else as many custodians as the threshold are needed, and they see the recovery before the
service goes on. What was asked or had begun when the home was lost may have run: it ends, and its
requests and numbers are not used again.")]
pub(crate) struct Recover {
    /// The home, with at least `card.json` and `places.json`; without `identity`, custodians accept
    /// another signing key
    home: PathBuf,
    /// The kit of a custodian; once for each
    #[arg(long = "kit", value_name = "KIT", num_args = 1..)]
    kits: Vec<PathBuf>,
    /// A file with a kit's passphrase, in the order of --kit; else it is asked for
    #[arg(long = "passphrase-file", value_name = "F", requires = "kits")]
    passphrase_files: Vec<PathBuf>,
    /// A ledger with its checkpoint beside it, or a directory with both and perhaps `keys/`: a
    /// mirror, a backup, a published copy
    #[arg(long, value_name = "LEDGER|DIR", num_args = 1..)]
    from: Vec<PathBuf>,
    /// Where life secrets lie from now on: the declared places are lost, with every life secret in
    /// them
    #[arg(long, value_name = "DIR", num_args = 1..)]
    life: Vec<PathBuf>,
    /// Where mirrors are from now on, in place of those declared
    #[arg(long, value_name = "DIR", num_args = 1..)]
    mirror: Vec<PathBuf>,
}

impl Recover {
    pub(super) fn run(self, program: &Program) -> Result<Value, Fault> {
        let closed = KitArgs::of(self.kits, self.passphrase_files).closed()?;
        if !closed.is_empty() {
            program.say(text!(
                "compare with what each custodian keeps on paper:",
                "comparez avec ce que chaque détenteur garde sur papier :"
            ));
            closed.iter().try_for_each(|kit| kit.introduce(program))?;
        }
        let kits = closed.iter().map(|kit| kit.open(program)).collect::<Result<Vec<_>, _>>()?;
        let sources = Sources { from: self.from, kits, life: self.life, mirrors: self.mirror };
        let clock = program.clock.clone();
        let recovery = Recovery::look(&self.home, sources, move || clock()).map_err(|error| {
            let fault = Fault::from(error);
            match fault.code.as_str() {
                "no-service" => fault.advising(
                    text!("put back what is left of the home, a backup or a mirror, then recover it",
                        "remettez ce qui reste du répertoire du service, une sauvegarde ou un miroir, puis rétablissez-le"),
                ),
                _ => fault,
            }
        })?;
        let plan = recovery.plan.clone();
        show(program, &plan);
        let mut summary = summary_of(&plan);
        if plan.is_empty() && plan.lost_keys.is_empty() {
            program.say(text!(
                "nothing is missing: nothing was done",
                "rien ne manque : rien n'a été fait"
            ));
            return Ok(summary);
        }
        if !plan.is_empty() {
            confirm(program, &closed)?;
            let (mut service, recovered) = recovery.carry_out(Some(&runs::read_result))?;
            for repaired in recovered {
                let repaired = said(&repaired);
                program.say(text!("recovered: {repaired}", "rétabli : {repaired}"));
            }
            runs::write_missing_reports(program, &service);
            tell_seen(program, &mut service);
            if plan.rekeys {
                rekey::told(program, service.card());
            }
            let events = service.history().size();
            program.say(text!(
                "the home has its {events} events, and goes on from there",
                "le répertoire du service a ses {events} événements, et continue à partir de là"
            ));
            summary["events"] = json!(events);
        }
        if !plan.lost_keys.is_empty() && !plan.records_lost {
            program.say(
                text!("the keys named are in none of the places: give the backup of keys/ with --from, or \
                the kits of a quorum, who record that they are lost for good",
                    "les clés nommées ne sont dans aucun des emplacements : donnez la sauvegarde de keys/ par --from, ou \
                        les trousses d'un quorum, qui inscrit qu'elles sont définitivement perdues"),
            );
            return Err(Fault::not_in_order(summary));
        }
        Ok(summary)
    }
}

/// Says what will be done, before anything is.
fn show(program: &Program, plan: &Plan) {
    let found = plan.found.map_or_else(
        || text!("no ledger", "aucun registre"),
        |found| text!("{found} events", "{found} événements"),
    );
    program.say(text!(
        "the home has {found}; the ledger taken has {}, from {}",
        "le répertoire du service a {found} ; le registre pris en a {}, de cette source : {}",
        plan.events,
        said(&plan.source)
    ));
    for (source, why) in &plan.unsound {
        let (source, why) = (said(source), said(why));
        program.say(text!("  not used: {source} ({why})", "  non utilisé : {source} ({why})"));
    }
    if plan.puts_aside {
        program.say(text!("  the home's own ledger holds other events: it is kept in aside/",
            "  le registre du répertoire lui-même contient d'autres événements : il est gardé dans aside/"));
    }
    for name in &plan.apart {
        program.say(text!(
            "  two copies of the kit of `{name}` are here, and one of them has seen another ledger: neither \
            is counted; ask who used it, and keep its evidence (`custodian log`)",
                "  deux copies de la trousse de `{name}` sont ici, et l'une d'elles a vu un autre registre : aucune n'est \
                    comptée ; demandez qui l'a utilisée, et gardez sa preuve (`custodian log`)"
        ));
    }
    for name in plan.left_behind.iter().filter(|name| !plan.apart.contains(name)) {
        program.say(text!(
            "  `{name}` has seen another ledger, and refuses this one: deal new shares before \
            anything else, and keep the evidence (`custodian log`)",
                "  `{name}` a vu un autre registre, et refuse celui-ci : répartissez de nouvelles parts avant toute autre \
                    chose, et gardez la preuve (`custodian log`)"
        ));
    }
    if plan.rekeys {
        program.say(
            text!("  the signing key of the service is not here, or was replaced: another one is made, which \
            the custodians accept",
                "  la clé de signature du service n'est pas ici, ou a été remplacée : une autre est faite, que les \
                    détenteurs acceptent"),
        );
    }
    if plan.needs_kits {
        for ended in &plan.ends {
            let ended = said(ended);
            program.say(text!(
                "  was open, ends, and may have run: {ended}; its requests and numbers are not \
                used again",
                    "  était ouvert, prend fin, et a pu avoir lieu : {ended} ; ses demandes et ses numéros ne servent plus"
            ));
        }
    }
    for place in &plan.new_places {
        program.say(text!("  {place:?} is used from now on", "  {place:?} sert désormais"));
    }
    for key in &plan.found_keys {
        program.say(text!(
            "  the seal of {} comes back",
            "  le scellé de {} revient",
            named(lang(), key)
        ));
    }
    for key in &plan.lost_keys {
        let recorded = if plan.records_lost {
            text!(": it will be recorded as lost", " : il sera inscrit comme perdu")
        } else {
            String::new()
        };
        program.say(text!(
            "  the seal of {} is nowhere{recorded}",
            "  le scellé de {} n'est nulle part{recorded}",
            named(lang(), key)
        ));
    }
}

fn named(lang: Lang, key: &KeyRef) -> String {
    text!(in lang, "`{}`, generation {}", "`{}`, génération {}", key.domain, key.generation)
}

fn summary_of(plan: &Plan) -> Value {
    json!({
        "found": plan.found,
        "events": plan.events,
        "source": plan.source.to_string(),
        "put_aside": plan.puts_aside,
        "may_have_run": if plan.needs_kits { plan.ends.clone() } else { Vec::new() },
        "rekeyed": plan.rekeys,
        "new_places": plan.new_places,
        "keys_found": plan.found_keys.iter().map(|key| named(Lang::En, key)).collect::<Vec<_>>(),
        "keys_lost": plan.lost_keys.iter().map(|key| named(Lang::En, key)).collect::<Vec<_>>(),
        "left_behind": plan.left_behind,
        "apart": plan.apart,
        "not_used": plan.unsound.iter().map(|(source, _)| source.to_string()).collect::<Vec<_>>(),
    })
}

/// The people at a terminal say yes once they have seen what will be done.
fn confirm(program: &Program, kits: &[Closed]) -> Result<(), Fault> {
    if kits.is_empty() || !std::io::stdin().is_terminal() {
        return Ok(());
    }
    program
        .say(text!("is that what you want? type yes:", "est-ce ce que vous voulez ? tapez oui :"));
    let mut answer = String::new();
    let _ = std::io::stdin().lock().take(64).read_line(&mut answer);
    match answer.trim().to_lowercase().as_str() {
        "yes" | "oui" => Ok(()),
        _ => Err(Fault::new(
            "recovery-unconfirmed",
            text!("nobody said yes: nothing was done", "personne n'a dit oui : rien n'a été fait"),
        )),
    }
}
