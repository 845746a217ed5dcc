//! Requests as their senders make parcels of them: encrypted to a request key, with what is in them
//! declared and signed (SPEC §19.7); and payloads, which go to a linking body beside them.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use cstatns_base::delivery::DeliveryId;
use cstatns_base::files::{self, FileError};
use cstatns_base::meta::ServiceId;
use cstatns_base::name::{Hex, Name};
use cstatns_keys::receiving::{Recipient, SealError};
use cstatns_record::card::{PartyCard, ServiceCard};
use cstatns_record::manifest::{Content, Manifest};
use cstatns_record::party::{RequestKey, RequestKeyBody};
use cstatns_record::payload::Payload;
use cstatns_record::proposal::{DeclarationBody, Input};
use cstatns_record::statement::{FORMAT, Signed, Suite};
use jiff::Timestamp;

use crate::head::{End, Extension, Head, Kind};
use crate::make::Making;
use crate::party::Party;
use crate::request::{Declared, inner_name};

/// More than a request key is long, in bytes.
const LIMIT: u64 = 1 << 16;

/// Who sends requests as parcels, with which request key, and for whom.
pub struct Sending<'a> {
    party: &'a Party,
    key: RequestKeyBody,
    service: (End, ServiceId),
    controller: Option<Hex<32>>,
    now: Timestamp,
}

/// What a request holds, before its rows are gone through: its commitment is not known yet.
#[derive(Clone, Copy)]
pub struct Foreseen<'a> {
    /// What its columns are.
    pub content: Content,
    /// Its counts.
    pub input: Input,
    /// The deliveries that the codes of a renewal came from.
    pub previous: &'a [DeliveryId],
}

impl<'a> Sending<'a> {
    /// Takes the request key in the file at `path`, which the service with this card issued to the
    /// party. `controller` is the fingerprint of the card of the controller that a holder sends
    /// for.
    ///
    /// # Errors
    /// [`SendingError`].
    pub fn new(
        party: &'a Party,
        card: &ServiceCard,
        path: &Path,
        controller: Option<Hex<32>>,
        now: Timestamp,
    ) -> Result<Self, SendingError> {
        let of = || path.to_owned();
        let bytes = files::read(path, LIMIT)?;
        let key: RequestKey =
            serde_json::from_slice(&bytes).map_err(|_| SendingError::Form { path: of() })?;
        let (Some(service), true) = (ServiceId::of(card.id()), card.is_sound()) else {
            return Err(SendingError::Service { path: of() });
        };
        if key.body.service != *service || !key.is_sound(&card.body.signing) {
            return Err(SendingError::Service { path: of() });
        }
        if key.body.party != party.card().fingerprint() {
            return Err(SendingError::Party { path: of() });
        }
        if key.body.expires <= now {
            return Err(SendingError::Expired { path: of(), expires: key.body.expires });
        }
        Recipient::new(&key.body.public).map_err(|_| SendingError::Form { path: of() })?;
        let (key, service) = (key.body, (End::of_service(card), service));
        Ok(Self { party, key, service, controller, now })
    }

    /// The domain that the key is for.
    pub fn domain(&self) -> &Name {
        &self.key.domain
    }

    /// Starts the parcel of a request that will be called `path`.
    ///
    /// # Errors
    /// Those of the writer inside.
    pub fn begin<W: Write>(
        &self,
        path: &Path,
        foreseen: Foreseen<'_>,
        out: W,
    ) -> io::Result<Making<W>> {
        let extension = Extension::of(&inner_name(path));
        let (service, id) = &self.service;
        let mut head = Head::new(End::of(self.party.card()), service.clone(), extension, self.now);
        head.kind = Kind::Request;
        head.service = Some(id.clone());
        head.domain = Some(self.key.domain.clone());
        head.key = Some(self.key.key);
        head.controller = self.controller;
        head.checkpoint = Some(self.key.checkpoint.clone());
        head.expires = self.key.expires;
        // Each commitment and each signature is as long.
        let declared = self.declared(foreseen).bytes().len();
        let recipient = Recipient::new(&self.key.public).expect("it was taken before");
        Making::begin_declared(head, recipient, declared, out)
    }

    /// Ends it, with its manifest: gives what is to be written to its beginning.
    ///
    /// # Errors
    /// Those of the writer inside.
    pub fn finish<W: Write>(
        &self,
        making: Making<W>,
        manifest: &Manifest,
    ) -> io::Result<(W, Vec<u8>)> {
        let Manifest { content, input, previous, .. } = manifest;
        let declared = self.declared(Foreseen { content: *content, input: *input, previous });
        let (card, key) = (self.party.sender(), self.party.signing());
        making.finish_declared(&manifest.bytes(), card, &key, &declared.bytes())
    }

    /// Who a payload goes to beside the request: the linking body with this card.
    ///
    /// # Errors
    /// [`SendingError::Own`], [`SendingError::Seal`].
    pub fn payload_to(&self, card: &PartyCard) -> Result<PayloadTo<'_>, SendingError> {
        let own = self.party.card();
        if card.fingerprint() == own.fingerprint() || card.body.signing == own.body.signing {
            return Err(SendingError::Own);
        }
        self.to(card)
    }

    /// A payload that stays with who sends the request: a linking body puts renewed codes to it.
    ///
    /// # Errors
    /// [`SendingError::Seal`].
    pub fn payload_to_self(&self) -> Result<PayloadTo<'_>, SendingError> {
        self.to(self.party.card())
    }

    fn to(&self, card: &PartyCard) -> Result<PayloadTo<'_>, SendingError> {
        let recipient = Recipient::new(&card.body.receiving)?;
        Ok(PayloadTo { sending: self, end: End::of(card), recipient })
    }

    fn declared(&self, Foreseen { content, input, previous }: Foreseen<'_>) -> Declared {
        let Input { commitment, rows, values, distinct, engine, .. } = input;
        let body = DeclarationBody {
            format: FORMAT,
            suite: Suite::default(),
            service: self.key.service.clone(),
            domain: self.key.domain.clone(),
            r#use: content.r#use(),
            scheme: content.scheme(),
            generation: content.generation(),
            commitment,
            rows,
            values,
            distinct,
            engine,
            key: self.key.key,
            sender: self.party.card().fingerprint(),
            controller: self.controller,
        };
        let declaration = Signed::new(body, &self.party.signing());
        Declared { declaration, previous: previous.to_vec() }
    }
}

/// Who a payload goes to, while its request goes to the service.
pub struct PayloadTo<'a> {
    sending: &'a Sending<'a>,
    end: End,
    recipient: Recipient,
}

impl PayloadTo<'_> {
    /// Starts the parcel of a payload of this type.
    ///
    /// # Errors
    /// Those of the writer inside.
    pub fn begin<W: Write>(&self, extension: Extension, out: W) -> io::Result<Making<W>> {
        let Sending { party, key, service: (_, id), now, .. } = self.sending;
        let mut head = Head::new(End::of(party.card()), self.end.clone(), extension, *now);
        head.kind = Kind::Payload;
        head.service = Some(id.clone());
        head.domain = Some(key.domain.clone());
        head.checkpoint = Some(key.checkpoint.clone());
        Making::begin(head, &self.recipient, out)
    }

    /// Ends it, with what is said of it.
    ///
    /// # Errors
    /// Those of the writer inside.
    pub fn finish<W: Write>(&self, making: Making<W>, payload: &Payload) -> io::Result<W> {
        let party = self.sending.party;
        making.finish(&payload.bytes(), party.sender(), &party.signing())
    }
}

/// Why a request key does not serve, or a payload cannot go to who it is for.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SendingError {
    /// Its file.
    #[error(transparent)]
    File(#[from] FileError),
    /// Not a request key.
    #[error("{path:?} is not a request key of this format (format {FORMAT})")]
    Form {
        /// The file.
        path: PathBuf,
    },
    /// Not of the service whose card was given.
    #[error("the request key {path:?} is not signed by the service with this card")]
    Service {
        /// The file.
        path: PathBuf,
    },
    /// Issued to somebody else.
    #[error("the request key {path:?} was issued to another party")]
    Party {
        /// The file.
        path: PathBuf,
    },
    /// Its time is over.
    #[error("the request key {path:?} served until {expires}")]
    Expired {
        /// The file.
        path: PathBuf,
        /// When it ended.
        expires: Timestamp,
    },
    /// `payload-own`: a payload goes to another body than the one that sends it.
    #[error("the payload is for the party that sends it")]
    Own,
    /// The card of who a payload is for.
    #[error(transparent)]
    Seal(#[from] SealError),
}

cstatns_base::coded!(SendingError {
    Self::File(error) => (error),
    Self::Form { path } => ("request-key-form", Input, [path]),
    Self::Service { path } => ("request-key-signature", OtherSide, [path]),
    Self::Party { path } => ("request-key-other", Input, [path]),
    Self::Expired { path, expires } => ("request-key-expired", Input, [path, expires]),
    Self::Own => ("payload-own", Input, []),
    Self::Seal(error) => (error),
});
