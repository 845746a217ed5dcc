//! Who holds what: custodians' kits, sealed shares, and the quorum that opens them (SPEC §8, §9).

pub mod approval;
pub mod custodian;
mod paper;
pub mod quorum;
pub mod share;

pub use crate::sharing::SharingError;
pub use paper::PaperError;
