//! Why a parcel was not opened.

use cstatns_base::name::{Hex, Name};
use cstatns_record::statement::FORMAT;
use jiff::Timestamp;

use crate::age::AgeError;

/// Why a parcel was not opened. Nothing of it may be used then.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ParcelFault {
    /// The age file.
    #[error(transparent)]
    Age(#[from] AgeError),
    /// What is in the age file is no parcel of a format that this version knows.
    #[error("what is in it is not a parcel that this version reads (format {FORMAT})")]
    Form,
    /// A member is missing, or one stands where another must.
    #[error("its members are not those of a parcel: `{expected}` is not where it must be")]
    Members {
        /// The member that should have come.
        expected: &'static str,
    },
    /// It is for somebody else.
    #[error("it is for `{receiver}`, under another card")]
    Receiver {
        /// Whom it is for, as it claims.
        receiver: Name,
    },
    /// Its time is over.
    #[error("it could be opened until {expires}")]
    Expired {
        /// Until when it could be opened.
        expires: Timestamp,
    },
    /// It is from the future.
    #[error("it says that it was made at {made}, which is still to come")]
    NotYet {
        /// When it was made, as it says.
        made: Timestamp,
    },
    /// Its sender's signature is missing or false.
    #[error("its seal is not the signature of `{sender}` over what is in it")]
    Signature {
        /// Who sent it, as it claims.
        sender: Name,
    },
    /// Nobody vouches for its sender.
    #[error("its sender calls itself `{sender}`, and nobody here knows that card")]
    Sender {
        /// Who sent it, as it claims.
        sender: Name,
    },
    /// It was opened before.
    #[error("it was opened before (parcel {parcel})")]
    Again {
        /// Its number.
        parcel: Hex<16>,
    },
}

cstatns_base::coded!(ParcelFault {
    Self::Age(error) => (error),
    Self::Form => ("parcel-form", Input, []),
    Self::Members { expected } => ("parcel-members", Tampering, [expected]),
    Self::Receiver { receiver } => ("parcel-receiver", Input, [receiver]),
    Self::Expired { expires } => ("parcel-expired", Input, [expires]),
    Self::NotYet { made } => ("parcel-not-yet", Input, [made]),
    Self::Signature { sender } => ("parcel-signature", Tampering, [sender]),
    Self::Sender { sender } => ("parcel-sender", OtherSide, [sender]),
    Self::Again { parcel } => ("parcel-replayed", Input, [parcel]),
});
