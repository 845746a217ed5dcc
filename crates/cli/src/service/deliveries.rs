//! The verbs about results that go out, and requests that cannot be reached.

use std::path::PathBuf;

use clap::Args;
use cstatns::coded::Coded as _;
use cstatns::proposal::RunId;
use cstatns::state::Refusal;
use serde_json::{Value, json};

use crate::fault::Fault;
use crate::output::Program;

use super::recorded;
use super::runs::delivery;

/// State that the counterpart has a delivery: destroys the service's copy
#[derive(Args)]
#[command(after_help = "Example:
  cstatns service delivered home 0123456789abcdef0123456789abcdef --received /exchange/result.csv
The file must be another file with the same bytes as the service's copy; `service status` lists the deliveries.")]
pub(crate) struct Delivered {
    /// The service's home
    home: PathBuf,
    /// The delivery: 32 digits
    #[arg(value_parser = delivery)]
    delivery: RunId,
    /// The file that the counterpart received
    #[arg(long, value_name = "FILE")]
    received: PathBuf,
}

impl Delivered {
    pub(super) fn run(self, program: &Program) -> Result<Value, Fault> {
        recorded(program, &self.home, "delivered", |service| {
            let outgoing =
                service.outgoing().into_iter().find(|outgoing| outgoing.delivery == self.delivery);
            service.state().check_delivered(&self.delivery).map_err(|refusal| match refusal {
                Refusal::UnknownDelivery => {
                    Fault::new(refusal.code(), "this service has made no delivery of this number")
                        .advising("`service status` lists those that wait")
                }
                refusal => refusal.into(),
            })?;
            service.delivered(&self.delivery, &self.received)?;
            let copy = outgoing.and_then(|outgoing| outgoing.result);
            program.say(format_args!(
                "delivery {} is with its counterpart; destroyed the copy here",
                self.delivery
            ));
            Ok(json!({ "delivery": self.delivery, "destroyed": copy }))
        })
    }
}

/// State that the medium with a coded request is gone for good, so that the request cannot be
/// destroyed
#[derive(Args)]
#[command(after_help = "Example:
  cstatns service request-lost home 0123456789abcdef0123456789abcdef
A request on a medium that is not mounted is still to be destroyed, and nothing new begins before. Mount the medium if
you can: the next command then destroys the request. This verb is for a medium that will not come back. The ledger says
`lost`, for the auditor to see.")]
pub(crate) struct RequestLost {
    /// The service's home
    home: PathBuf,
    /// The delivery whose request is lost: 32 digits
    #[arg(value_parser = delivery)]
    delivery: RunId,
}

impl RequestLost {
    pub(super) fn run(self, program: &Program) -> Result<Value, Fault> {
        recorded(program, &self.home, "request-lost", |service| {
            service.request_lost(&self.delivery)?;
            program
                .say(format_args!("recorded: the request of delivery {} is lost", self.delivery));
            Ok(json!({ "delivery": self.delivery }))
        })
    }
}
