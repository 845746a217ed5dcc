//! The verbs about results that go out, and requests that cannot be reached.

use std::path::PathBuf;

use clap::{ArgGroup, Args};
use cstatns::files::FileError;
use cstatns::received::ReceivedFile;
use cstatns::service::ServiceError;
use serde_json::{Value, json};

use crate::fault::Fault;
use crate::lang::text;
use crate::output::Program;

use super::recorded;
use super::runs::{DeliveryArg, delivery};

/// State that the counterpart has a delivery: destroys the service's copy
#[derive(Args)]
#[command(after_help = "Example:
  cstatns service delivered home 012345 --receipt /exchange/coded.csv.receipt.json
  cstatns service delivered home 012345 --stated
  cstatns service delivered home 012345 --lost
`service status` lists the deliveries. The receipt is what `controller attach` wrote beside the attached file; it must be
of this delivery, its rows and their commitments. Of a delivery to a party it must be signed by that party (`attach --as`),
and the ledger keeps it; with --stated, or where it was handed out in clear and nobody signed, the ledger has the
operator's word. A delivery that was stated may still be signed for: give its receipt when it comes.
Where the copy here is not found, --stated records it as lost: destroy it where you find it.
--lost is for a result that nobody received and nobody finds: the delivery is over, and its request stays used. In both
cases the ledger says `lost`, for the auditor to see.")]
#[command(group = ArgGroup::new("how").required(true))]
pub(crate) struct Delivered {
    /// The service's home
    home: PathBuf,
    /// The delivery: 32 digits, or the first of them, at least 6; /PART after them where its run
    /// has several requests
    #[arg(value_parser = delivery)]
    delivery: DeliveryArg,
    /// The receipt of the counterpart
    #[arg(long, value_name = "RECEIPT", group = "how")]
    receipt: Option<PathBuf>,
    /// The counterpart has it, as you state
    #[arg(long, group = "how")]
    stated: bool,
    /// The copy here is lost, and nobody received it
    #[arg(long, group = "how")]
    lost: bool,
}

impl Delivered {
    pub(super) fn run(self, program: &Program) -> Result<Value, Fault> {
        recorded(program, &self.home, "delivered", |service| {
            let delivery = self.delivery.find(service.state())?;
            let receipt = self.receipt.as_deref().map(ReceivedFile::read).transpose()?;
            let outgoing = service.outgoing().into_iter().find(|one| one.delivery.id == delivery);
            let destroyed = match &receipt {
                _ if self.lost => {
                    service.result_lost(&delivery).map(|()| false).map_err(Fault::from)
                }
                Some(receipt) => service.delivered(&delivery, receipt).map_err(noted),
                None => service.delivered_stated(&delivery).map_err(Fault::from),
            };
            let destroyed = destroyed.map_err(unknown)?;
            let signed = service.state().deliveries().get(&delivery);
            let signed = signed.and_then(|known| known.receipt).is_some();
            let delivery = service.state().named(delivery);
            if signed {
                program.say(text!(
                    "the receipt of delivery {delivery} is signed by its receiver, and recorded",
                    "le récépissé de la livraison {delivery} est signé de son destinataire, et inscrit"
                ));
            }
            program.say(match destroyed {
                false if signed => text!(
                    "delivery {delivery} was stated delivered before, and no copy is here",
                    "la livraison {delivery} était déjà déclarée remise, et il n'y a pas de copie ici"
                ),
                _ if self.lost => text!(
                    "recorded: the result of delivery {delivery} is lost, and nobody received it; \
                    if it is found, destroy it",
                        "inscrit : le résultat de la livraison {delivery} est perdu, et personne ne l'a reçu ; s'il se \
                            retrouve, détruisez-le"
                ),
                true => {
                    text!("delivery {delivery} is with its counterpart; destroyed the copy here",
                        "la livraison {delivery} est chez l'autre partie ; la copie d'ici est détruite")
                }
                false => text!(
                    "recorded: delivery {delivery} is with its counterpart, and the copy here is \
                    lost; destroy it where you find it",
                        "inscrit : la livraison {delivery} est chez l'autre partie, et la copie d'ici est perdue ; \
                            détruisez-la où vous la trouvez"
                ),
            });
            let copy = outgoing.and_then(|outgoing| outgoing.result).filter(|_| destroyed);
            Ok(
                json!({ "delivery": delivery, "destroyed": copy, "lost": self.lost, "signed": signed }),
            )
        })
    }
}

/// Nothing is renewed here.
fn unknown(fault: Fault) -> Fault {
    match fault.code.as_str() {
        "unknown-delivery" => Fault::new(
            &fault.code,
            text!(
                "this service has made no delivery of this number",
                "ce service n'a pas fait de livraison de ce numéro"
            ),
        )
        .advising(text!(
            "`service status` lists those that wait",
            "`service status` énumère celles qui attendent"
        )),
        _ => fault,
    }
}

/// The home's note of where its copy lies is gone: then the operator states what nobody can show.
fn noted(error: ServiceError) -> Fault {
    let gone = match &error {
        ServiceError::File(FileError::Missing { path }) => {
            path.extension() == Some("json".as_ref())
        }
        error => matches!(error, ServiceError::HomeDamaged { file: "outbox" }),
    };
    let fault = Fault::from(error);
    match gone {
        true => fault.advising(
            text!("the home does not know any more where its copy lies: destroy the copy yourself, and \
            give --stated instead of --receipt",
                "le répertoire du service ne sait plus où est sa copie : détruisez la copie vous-même, et donnez --stated \
                    au lieu de --receipt"),
        ),
        false => fault,
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
    /// The delivery whose request is lost, named as for `service delivered`
    #[arg(value_parser = delivery)]
    delivery: DeliveryArg,
}

impl RequestLost {
    pub(super) fn run(self, program: &Program) -> Result<Value, Fault> {
        recorded(program, &self.home, "request-lost", |service| {
            let delivery = self.delivery.find(service.state())?;
            service.request_lost(&delivery)?;
            let delivery = service.state().named(delivery);
            program.say(text!(
                "recorded: the request of delivery {delivery} is lost",
                "inscrit : la demande de la livraison {delivery} est perdue"
            ));
            Ok(json!({ "delivery": delivery }))
        })
    }
}
