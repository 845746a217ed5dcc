//! `expire` and `end`: what is past its end is destroyed.

use std::path::PathBuf;

use clap::Args;
use cstatns_link::{Body, LinkError, Over, end, expire};
use cstatns_record::card::read_service_card;
use cstatns_record::notice::Notice;
use cstatns_terminal::fault::Fault;
use cstatns_terminal::figures::counted;
use cstatns_terminal::lang::text;
use cstatns_terminal::output::Program;
use cstatns_terminal::party::As;
use serde_json::{Value, json};

/// Destroy the kept copies that are past their end, and what is left of projects that are over
#[derive(Args)]
#[command(after_help = "Example:
  cstatns-link expire --as linking
Let a timer run it every day. What was destroyed is recorded.")]
pub(crate) struct ExpireArgs {
    #[command(flatten)]
    by: As,
}

impl ExpireArgs {
    pub(crate) fn run(self, program: &Program) -> Result<Value, Fault> {
        let party = self.by.opened(program)?;
        let mut body = Body::open(self.by.directory(), &party, (program.clock)())?;
        let destroyed = expire(&mut body)?;
        program.say(match destroyed.len() as u64 {
            0 => text!("nothing is past its end", "rien n'a passé sa fin"),
            count => text!(
                "{} destroyed, and recorded so",
                "{} détruits, et c'est inscrit",
                counted(count, "file", "fichier")
            ),
        });
        Ok(json!({ "destroyed": destroyed }))
    }
}

/// Record that a project is over, as the service says, and destroy what is coded of it
#[derive(Args)]
#[command(after_help = "Example:
  cstatns-link end mobility.cesr.notice.json --as linking --service card.json
The service writes the notice when it has destroyed the project's keys (`service close` or `expire` with --notices). The
coded files go, kept copies of them too, and joined files that lie in clear; a kept copy of a joined file stays until its
own end.")]
pub(crate) struct EndArgs {
    /// The notice
    notice: PathBuf,
    #[command(flatten)]
    by: As,
    /// The card of the service that signed it
    #[arg(long, value_name = "CARD")]
    service: PathBuf,
}

impl EndArgs {
    pub(crate) fn run(self, program: &Program) -> Result<Value, Fault> {
        let card = read_service_card(&self.service)?;
        let notice = Notice::read(&self.notice)?;
        let head = notice.verify(&self.notice, &card)?;
        let party = self.by.opened(program)?;
        if notice.body.to != party.card().fingerprint() {
            return Err(LinkError::Notice { path: self.notice }.into());
        }
        let mut body = Body::open(self.by.directory(), &party, (program.clock)())?;
        let (service, domain) = (notice.body.service, notice.body.domain);
        let destroyed = end(&mut body, Over { service, domain: domain.clone(), head })?;
        program.say(text!(
            "`{domain}` is over: {} destroyed, and recorded so",
            "`{domain}` est terminé : {} détruits, et c'est inscrit",
            counted(destroyed.len() as u64, "file", "fichier")
        ));
        Ok(json!({ "domain": domain, "destroyed": destroyed }))
    }
}
