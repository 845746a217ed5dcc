//! Parties, and the request keys that are issued to them (SPEC §12, §19).

use std::path::PathBuf;

use cstatns_base::files::{self, Access, FileError};
use cstatns_base::name::{Hex, Name};
use cstatns_base::secret::{Secret, random_bytes, wipe_stack};
use cstatns_keys::receiving::ReceivingKey;
use cstatns_record::dealing::Epoch;
use cstatns_record::ledger::event::{Event, SealedRequestKey};
use cstatns_record::party::{RequestKey, RequestKeyBody, request_public_digest};
use cstatns_record::proposal::Action;
use cstatns_record::statement::{FORMAT, Signed, Suite};
use jiff::SignedDuration;

use crate::custody::quorum::Quorum;
use crate::custody::share::dealing_key;
use crate::keystore::{Keystore, KeystoreError, RequestPlace, seal_digest};
use crate::sharing::SharingError;

use super::{Approved, Service, ServiceError};

/// The request keys that a dealing seals anew.
#[derive(Default)]
pub(super) struct Resealed {
    /// How the event names them.
    pub(super) named: Vec<SealedRequestKey>,
    /// The files that they go into.
    pub(super) files: Vec<(PathBuf, Vec<u8>)>,
}

impl Service {
    /// Registers the party that a quorum approved.
    ///
    /// # Errors
    /// [`ServiceError`]; it has the roles that it had then.
    pub fn register(&mut self, quorum: Quorum) -> Result<(), ServiceError> {
        let Action::Party { .. } = quorum.question().action else {
            return Err(self.other_action(quorum));
        };
        self.run(quorum, |service, approved| {
            service.record(Event::Registered { run: approved.run })
        })
    }

    /// Issues a key that requests of a party in a domain are encrypted to, for so many days. Its
    /// private half is sealed to the receiving key of the working dealing: whoever runs this could
    /// have kept it, and nobody else has it without a quorum.
    ///
    /// # Errors
    /// [`cstatns_record::state::Refusal`]; [`KeystoreError::Place`] where not every place of life
    /// secrets is there; [`ServiceError`]. Nothing is issued then.
    pub fn issue_request_key(
        &mut self,
        party: &Name,
        domain: &Name,
        days: u32,
    ) -> Result<RequestKey, ServiceError> {
        self.check_unpaid()?;
        self.check_clock()?;
        let (party, _) = self.state.party_named(party)?;
        let (party, made) = (*party, self.clock());
        let expires = made + SignedDuration::from_hours(24 * i64::from(days));
        self.state.check_request_key(&party, domain, expires, made)?;
        self.keystore.check_places(self.card.id())?;
        let (epoch, working) = self.state.working_epoch()?;
        let mut key = Hex([0; 16]);
        random_bytes(&mut key.0);
        let seed = ReceivingKey::random();
        let public = seed.public();
        let place = RequestPlace { service: self.card.id(), epoch, domain, key: &key };
        let sealed = Keystore::seal_request(&seed, &working.dealing.receiving, &place);
        drop(seed);
        wipe_stack();
        let sealed = sealed.map_err(|_| SharingError::Format)?;
        let paths: Vec<PathBuf> = self.keystore.request_paths(key, epoch).collect();
        let issued = Event::RequestKeyIssued {
            key,
            party,
            domain: domain.clone(),
            public: request_public_digest(&public),
            expires,
            places: u32::try_from(paths.len()).expect("places are few"),
        };
        let written =
            paths.iter().try_for_each(|path| files::write_new(path, &sealed, Access::Private));
        let recorded = written.map_err(ServiceError::from).and_then(|()| self.record(issued));
        if let Err(error) = recorded {
            // What the ledger may know is left to the next opening.
            if !self.ledger.is_broken() {
                // Where that is not possible now, the next opening does it.
                let _ = self.sweep_requests();
            }
            return Err(error);
        }
        let body = RequestKeyBody {
            format: FORMAT,
            suite: Suite::default(),
            service: self.card.id().to_owned(),
            domain: domain.clone(),
            party,
            key,
            public,
            made,
            expires,
            checkpoint: self.ledger.note().to_owned(),
        };
        Ok(Signed::new(body, &self.identity.key()))
    }

    /// Ends a request key before it was used: its private half is destroyed in every place.
    ///
    /// # Errors
    /// [`cstatns_record::state::Refusal::UnknownRequestKey`]; once it is recorded, what could not
    /// be destroyed is tried again by the next command.
    pub fn withdraw_request_key(&mut self, key: &Hex<16>) -> Result<(), ServiceError> {
        self.state.living_request_key(key)?;
        self.record(Event::RequestKeyEnded { key: *key })?;
        self.pay_request_keys()
    }

    /// The request keys that are past their end.
    pub(super) fn expired_request_keys(&self) -> Vec<Hex<16>> {
        let clock = self.clock();
        let living = self.state.living_request_keys();
        living.filter(|(_, issued)| clock >= issued.expires).map(|(key, _)| *key).collect()
    }

    /// Whether every request key that serves lies in a place, and every place is there: looked at
    /// before custodians are asked for a dealing.
    pub(super) fn check_request_keys(&self) -> Result<(), ServiceError> {
        let (service, (epoch, _)) = (self.card.id(), self.state.working_epoch()?);
        let mut living = self.state.living_request_keys().peekable();
        if living.peek().is_some() {
            self.keystore.check_places(service)?;
        }
        let missing = living.find(|(key, issued)| {
            let place = RequestPlace { service, epoch, domain: &issued.domain, key };
            !self.keystore.has_request(&place)
        });
        match missing {
            Some((key, _)) => Err(KeystoreError::RequestKey { key: *key }.into()),
            None => Ok(()),
        }
    }

    /// Seals every request key that serves to the receiving key of a dealing: what it is named as,
    /// and the files that it goes into.
    pub(super) fn reseal_requests(
        &self,
        approved: &Approved,
        (epoch, receiving): (Epoch, &Hex<1216>),
    ) -> Result<Resealed, ServiceError> {
        let service = self.card.id();
        let mut resealed = Resealed::default();
        let present = dealing_key(&approved.root, service, approved.epoch);
        for (key, issued) in self.state.living_request_keys() {
            let domain = &issued.domain;
            let former = RequestPlace { service, epoch: approved.epoch, domain, key };
            let seed = self.keystore.open_request(&present, &former, &issued.public)?;
            let place = RequestPlace { epoch, ..former };
            let bytes = Keystore::seal_request(&seed, receiving, &place)
                .map_err(|_| SharingError::Format)?;
            drop(seed);
            wipe_stack();
            resealed.named.push(SealedRequestKey { key: *key, seal: seal_digest(&bytes) });
            let paths = self.keystore.request_paths(*key, epoch);
            resealed.files.extend(paths.map(|path| (path, bytes.clone())));
        }
        Ok(resealed)
    }

    /// Whether every request key opens as a new dealing has sealed it.
    pub(super) fn check_resealed(
        &self,
        root: &Secret<32>,
        epoch: Epoch,
    ) -> Result<(), ServiceError> {
        let service = self.card.id();
        let receiving = dealing_key(root, service, epoch);
        self.state.living_request_keys().try_for_each(|(key, issued)| {
            let place = RequestPlace { service, epoch, domain: &issued.domain, key };
            self.keystore.open_request(&receiving, &place, &issued.public).map(drop)?;
            Ok(())
        })
    }

    /// Whether every request key that serves lies as the dealing of an epoch names it, to the byte.
    pub(super) fn check_requests_sealed(&self, epoch: Epoch) -> Result<(), ServiceError> {
        let known = self.state.epochs().get(&epoch);
        let named = known.map_or(&[][..], |state| &state.request_keys);
        let mut living = named.iter().filter(|key| self.state.living_request_key(&key.key).is_ok());
        let missing =
            living.find(|key| !self.keystore.is_request_sealed_as(key.key, epoch, &key.seal));
        match missing {
            Some(SealedRequestKey { key, .. }) => {
                Err(KeystoreError::RequestKey { key: *key }.into())
            }
            None => Ok(()),
        }
    }

    /// Destroys the private halves that the ledger does not speak of, or as destroyed: a stopped
    /// process left them. Returns whether there were any.
    pub(super) fn sweep_requests(&self) -> Result<bool, FileError> {
        let issued = self.state.request_keys();
        let owed = |key: &Hex<16>| issued.get(key).is_some_and(|key| key.destroyed.is_none());
        let gone = |key: &Hex<16>, epoch: Epoch| {
            !owed(key) || self.state.epochs().get(&epoch).is_none_or(|epoch| epoch.until.is_some())
        };
        self.keystore.destroy_requests(self.card.id(), gone)
    }
}
