//! `custodian approve`: an approval at a distance, on a machine of the custodian's own.

use std::io::Write;
use std::path::PathBuf;

use clap::Args;
use cstatns::custody::custodian::{KitError, ProposalFault, question_for};
use cstatns::files::{self, Access, FileError, Together};
use cstatns::name::canonical_json;
use cstatns::proposal_file::ProposalFile;
use cstatns_terminal::ledger::read_published;
use serde_json::{Value, json};

use super::{in_english, keep_on_paper};
use crate::fault::Fault;
use crate::lang::text;
use crate::output::Program;
use crate::quorum::{Closed, note, show};

/// Approve a proposal at a distance: show what is asked, and write the approval for the service
#[derive(Args)]
#[command(after_help = "Examples:
  cstatns custodian approve /media/alice/kit proposal.json --out alice.approval.json
  cstatns custodian approve /media/alice/kit proposal.json --ledger public/ledger.jsonl \\
      --out alice.approval.json
The passphrase below the question is the consent to it; a kit without one consents by being named. The approval holds
your share, sealed to this run alone: give it to the service, and to nobody else. With --ledger the question must also
stand in the published ledger.")]
pub(crate) struct Approve {
    /// The custodian's kit
    kit: PathBuf,
    /// The proposal that the service has sent
    proposal: PathBuf,
    /// The service's ledger as it is published, with its checkpoint beside it
    #[arg(long, value_name = "L")]
    ledger: Option<PathBuf>,
    /// The approval to write
    #[arg(long, value_name = "A")]
    out: PathBuf,
    /// A file with the kit's passphrase; else it is asked for
    #[arg(long, value_name = "F")]
    passphrase_file: Option<PathBuf>,
}

impl Approve {
    pub(super) fn run(self, program: &Program) -> Result<Value, Fault> {
        if files::taken(&self.out)? {
            return Err(FileError::Exists { path: self.out }.into());
        }
        let closed = Closed::look(&self.kit, self.passphrase_file.as_deref())?;
        let file = ProposalFile::read(&self.proposal)?;
        let sent = file.fold(&self.proposal)?;
        let published = self.ledger.as_deref().map(read_published).transpose()?;
        if let Some(published) = &published
            && !published.history.includes(&sent.checkpoint.head)
        {
            let reason = ProposalFault::Unpublished;
            return Err(KitError::Proposal { reason }.into());
        }
        // What was published may be longer: the question must be open in it, too.
        let ledger = published.as_ref().unwrap_or(&sent);
        let (proposal, now) = (file.proposal(), (program.clock)());
        let asked = question_for(closed.card(), proposal, ledger.view(), now)?;
        let question = asked.question.clone();
        show(program, &question, (asked.head.size, &asked.leaf), ledger.view().state);
        closed.introduce(program)?;
        let mut kit = closed.open(program)?;
        // Before the kit notes that it consents: a name that is taken is found out at once.
        let mut out = Together::create([&self.out], Access::Shared)?;
        // A kit that has approved a later question has seen more than was sent.
        let seen = kit.seen_beyond(&ledger.checkpoint.head)?;
        let ledger = seen.as_ref().unwrap_or(ledger);
        let remarks = note(program, &kit, ledger.view())?;
        let before = kit.shown().count;
        let approval = kit.approve(proposal, ledger.view(), (program.clock)())?;
        let mut bytes = canonical_json(&approval);
        bytes.push(b'\n');
        out.files[0].write_all(&bytes).map_err(|error| FileError::from_io(&self.out, &error))?;
        out.commit()?;
        let count = approval.consent.body.count;
        program.say(match count > before {
            true => text!(
                "`{}` approves, statement {count}",
                "`{}` consent, déclaration {count}",
                kit.name()
            ),
            false => text!(
                "`{}` has approved this already, statement {count}: it is the same approval again",
                "`{}` y a déjà consenti, déclaration {count} : c'est le même consentement",
                kit.name()
            ),
        });
        program.say(text!(
            "give {:?} to the service before {}",
            "remettez {:?} au service avant le {}",
            self.out,
            question.expires
        ));
        keep_on_paper(program, &kit);
        Ok(json!({
            "custodian": kit.name(),
            "service": question.service,
            "run": question.run,
            "expires": question.expires,
            "events": ledger.history.size(),
            "statement": count,
            "remarks": in_english(&remarks),
            "approval": self.out,
        }))
    }
}
