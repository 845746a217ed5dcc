//! Another signing key takes the place of one that is lost, stolen or retired; and a copy of the
//! present one for the safe (SPEC §13).

use std::path::Path;

use cstatns_base::coded::Coded as _;
use cstatns_base::files::{self, Access};
use cstatns_record::card::{ServiceCard, ServiceKeys};
use cstatns_record::ledger::event::Event;
use cstatns_record::proposal::QuorumError;
use cstatns_record::receipt::Receipt;
use cstatns_record::state::read_ledger;

use super::identity::Identity;
use super::opening::{Opening, Purpose, founded};
use super::{Clock, Recovered, Service, ServiceError, read_service_card};

impl Service {
    /// Draws the key that shall take the place of the present one, and gives its card. Statements
    /// about one that was drawn before count no more.
    ///
    /// # Errors
    /// [`ServiceError`].
    pub fn next_card(home: &Path, opening: &Opening<'_>) -> Result<ServiceCard, ServiceError> {
        let home = founded(home)?;
        let _lock = files::lock_for(&home.join("lock"), &opening.verb, opening.wait)?;
        let (service, keys) = signing_keys(&home)?;
        // A key that the ledger names has to be in its place before another one is drawn.
        if let Ok(present) = Identity::present(&home, &keys) {
            present.settle(&home, &service)?;
        }
        Ok(Identity::draw(&home)?.card(&service))
    }

    /// Records that custodians accepted the key of [`Service::next_card`]: from then on it signs.
    /// The home needs no present key for it. Opens the service.
    ///
    /// # Errors
    /// [`cstatns_record::state::Refusal`] where the statements are not those of a quorum about
    /// that key; and as [`Service::open`].
    pub fn rekey(
        home: &Path,
        clock: impl Clock + 'static,
        opening: Opening<'_>,
        mut statements: Vec<Receipt>,
    ) -> Result<(Self, Vec<Recovered>), ServiceError> {
        let home = founded(home)?;
        let lock = files::lock_for(&home.join("lock"), &opening.verb, opening.wait)?;
        let (mut service, mut recovered) =
            Self::read_home(home, lock, Box::new(clock), &opening, Purpose::Rekey)?;
        let next = Identity::next(&service.home, service.state.service_keys())?;
        let card = next.card(service.card.id());
        // A statement that is given twice counts once.
        statements.sort_by(|a, b| a.body.by.cmp(&b.body.by));
        statements.dedup_by(|a, b| a.body.by == b.body.by && a.signature == b.signature);
        if let Err(refusal) = service.check_rekey(&card, &statements) {
            if service.identity.public() == *service.state.service_keys().present() {
                let _ = service.record_refusal("rekey", refusal.code());
            }
            return Err(refusal);
        }
        (service.identity, service.card) = (next, card.clone());
        service.record(Event::Rekeyed { card: Box::new(card), statements })?;
        service.card = service.identity.settle(&service.home, service.card.id())?;
        // Mirrors hold the card.
        service.copies.follow(&service.ledger);
        service.recover(opening.read, &mut recovered)?;
        service.taken = service.history().size();
        Ok((service, recovered))
    }

    /// Whether these are the statements of a quorum about the key of `card`.
    fn check_rekey(&self, card: &ServiceCard, statements: &[Receipt]) -> Result<(), ServiceError> {
        let (key, clock, history) = (&card.body.signing, self.clock(), self.history());
        for statement in statements {
            self.state.check_service_key(statement, key, clock, history)?;
        }
        let (given, needed) = (statements.len(), self.state.following_dealing().threshold.k());
        if given < needed { Err(QuorumError::TooFew { given, needed }.into()) } else { Ok(()) }
    }

    /// Writes the present signing key to a new file, sealed under a passphrase: for the safe.
    ///
    /// # Errors
    /// [`ServiceError::IdentityLost`]; [`ServiceError::File`].
    pub fn export_identity(
        home: &Path,
        out: &Path,
        passphrase: &[u8],
    ) -> Result<ServiceCard, ServiceError> {
        let home = founded(home)?;
        let (service, keys) = signing_keys(&home)?;
        let identity = Identity::present(&home, &keys)?;
        let card = identity.card(&service);
        files::write_new(out, &identity.export(&card, passphrase), Access::Private)?;
        Ok(card)
    }

    /// Puts a key that [`Service::export_identity`] wrote back in its place.
    ///
    /// # Errors
    /// [`ServiceError::ExportOther`] where it is not the present key of this service;
    /// [`ServiceError::ExportPassphrase`]; [`ServiceError::Export`].
    pub fn import_identity(
        home: &Path,
        path: &Path,
        passphrase: &[u8],
        opening: &Opening<'_>,
    ) -> Result<ServiceCard, ServiceError> {
        let home = founded(home)?;
        let _lock = files::lock_for(&home.join("lock"), &opening.verb, opening.wait)?;
        let (service, keys) = signing_keys(&home)?;
        let (identity, card) = Identity::import(path, passphrase)?;
        if card.id() != service || identity.public() != *keys.present() {
            return Err(ServiceError::ExportOther { path: path.to_owned(), home });
        }
        identity.settle(&home, &service)
    }
}

/// The id of the service in a home, and its signing keys.
fn signing_keys(home: &Path) -> Result<(String, ServiceKeys), ServiceError> {
    let card = read_service_card(&home.join("card.json"))?;
    let ledger = read_ledger(&home.join("ledger.jsonl"), &card)?;
    Ok((card.id().to_owned(), ledger.state.service_keys().clone()))
}
