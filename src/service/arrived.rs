//! Requests that came in parcels: each is opened with its request key, which a quorum opens, and
//! verified before a row of it is used (SPEC §13, §19.7).

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use cstatns_base::files::{self, ReadAt};
use cstatns_base::name::Hex;
use cstatns_base::secret::{Secret, wipe_stack};
use cstatns_keys::receiving::ReceivingKey;
use cstatns_parcel::age::Identity;
use cstatns_parcel::error::ParcelFault;
use cstatns_parcel::file::ParcelError;
use cstatns_parcel::head::{Kind, Sender};
use cstatns_parcel::open::Opener;
use cstatns_parcel::request::{Contents, inner_name};
use cstatns_record::dealing::Epoch;
use cstatns_record::manifest::{Content, Manifest};
use cstatns_record::proposal::{Action, Input, Sent};

use crate::custody::share::dealing_key;
use crate::keystore::{KeystoreError, RequestPlace};

use super::{Service, ServiceError};

/// A request that came in a parcel, once the whole of that is verified.
pub struct ArrivedRequest {
    /// Its manifest.
    pub manifest: Manifest,
    /// What its rows are called: as the parcel, without `.age`.
    pub name: std::path::PathBuf,
    /// The file in the parcel: it is decrypted as it is read, and lies nowhere.
    pub rows: Arc<dyn ReadAt>,
}

/// The request keys of a run, by their numbers.
pub(super) type RequestKeys = BTreeMap<Hex<16>, ReceivingKey>;

impl Service {
    /// Whether the request keys of an action lie in a place, and every place is there where they
    /// are to be destroyed: looked at before anybody is asked.
    pub(super) fn check_arrived_keys(&self, action: &Action) -> Result<(), ServiceError> {
        let service = self.card.id();
        let mut sent = action.inputs().iter().filter_map(|input| input.sent).peekable();
        let (Some(domain), true) = (action.domain(), sent.peek().is_some()) else { return Ok(()) };
        self.keystore.check_places(service)?;
        let (epoch, _) = self.state.working_epoch()?;
        let missing = sent.find(|sent| {
            !self.keystore.has_request(&RequestPlace { service, epoch, domain, key: &sent.key })
        });
        match missing {
            Some(sent) => Err(KeystoreError::RequestKey { key: sent.key }.into()),
            None => Ok(()),
        }
    }

    /// Opens the request keys of an action.
    pub(super) fn open_request_keys(
        &self,
        (root, epoch): (&Secret<32>, Epoch),
        action: &Action,
    ) -> Result<RequestKeys, ServiceError> {
        let (service, mut keys) = (self.card.id(), RequestKeys::new());
        let Some(domain) = action.domain() else { return Ok(keys) };
        let numbers = action.inputs().iter().filter_map(|input| input.sent).map(|sent| sent.key);
        for key in numbers {
            if keys.contains_key(&key) {
                continue;
            }
            let public = &self.state.living_request_key(&key)?.public;
            let dealing = dealing_key(root, service, epoch);
            let place = RequestPlace { service, epoch, domain, key: &key };
            let opened = self.keystore.open_request(&dealing, &place, public)?;
            drop(dealing);
            wipe_stack();
            keys.insert(key, opened);
        }
        Ok(keys)
    }

    /// Opens the request of a part of a run, if it came in a parcel: what is in it is what its
    /// sender has declared, and a quorum approved.
    pub(super) fn arrived(
        &self,
        keys: &RequestKeys,
        action: &Action,
        (input, path): (&Input, &Path),
    ) -> Result<Option<ArrivedRequest>, ServiceError> {
        let Some(sent) = &input.sent else { return Ok(None) };
        let of = |fault| ServiceError::from(ParcelError::Parcel { path: path.to_owned(), fault });
        let key = keys.get(&sent.key).ok_or(KeystoreError::RequestKey { key: sent.key })?;
        let is_sender = |sender: &Sender| match sender {
            Sender::Party(card) => card.fingerprint() == sent.sender,
            _ => false,
        };
        let opener = Opener {
            identity: Identity::Hybrid(key),
            // The key is of this service, domain and party alone.
            receiver: None,
            now: self.clock(),
            knows: &is_sender,
        };
        let (opened, contents) = Contents::open(files::open_to_read(path)?, &opener).map_err(of)?;
        let Sent { key, controller, .. } = sent;
        let head = &opened.head;
        let is_for = head.kind == Kind::Request
            && head.service.as_ref().is_some_and(|service| **service == *self.card.id())
            && head.domain.as_ref() == action.domain()
            && (head.key.as_ref(), head.controller.as_ref()) == (Some(key), controller.as_ref());
        if !is_for {
            return Err(of(ParcelFault::Form));
        }
        let manifest = Manifest::parse(&opened.about).ok_or_else(|| of(ParcelFault::Form))?;
        let approved = Input { sent: None, ..*input };
        let same = *manifest.service == *self.card.id()
            && Some(&manifest.domain) == action.domain()
            && manifest.input == approved
            && is_content(manifest.content, action);
        if !same {
            return Err(ServiceError::RequestChanged);
        }
        let (name, rows) = (inner_name(path), Arc::new(contents));
        Ok(Some(ArrivedRequest { manifest, name, rows }))
    }
}

/// Whether what a request holds is what is done with it.
fn is_content(content: Content, action: &Action) -> bool {
    match (content, action) {
        (Content::Identifiers { scheme: found }, Action::Code { scheme, look_up: None, .. }) => {
            found == *scheme
        }
        (Content::CivilStatus { .. }, Action::Code { look_up: Some(_), .. }) => true,
        (Content::Codes { generation, .. }, Action::Renew { from, .. }) => generation == *from,
        _ => false,
    }
}
