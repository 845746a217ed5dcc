//! What a run gives, and why it gives none.

use std::collections::BTreeMap;
use std::path::PathBuf;

use cstatns::code::{Generation, Tag};
use cstatns::coder::CoderError;
use cstatns::commitment::Commitment;
use cstatns::look_up::Scores;
use cstatns::manifest::Content;
use cstatns::meta::ServiceId;
use cstatns::name::Name;
use cstatns::proposal::Input;
use cstatns::recheck::RecheckError;
use cstatns_register::IndexError;
use cstatns_rows::error::TableError;

/// What was coded or renewed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Tally {
    /// The request as it was read: its counts and its commitment, which are those of its manifest.
    pub input: Input,
    /// The commitment to the result, if it was asked for.
    pub result: Option<Commitment>,
    /// How many rows have a code.
    pub coded: u64,
    /// How many distinct values were coded, of a look-up how many people: exact below
    /// [`CAP`](cstatns::distinct::CAP), where counting stops.
    pub distinct: u64,
    /// How many rows have each word of `quality`; empty for a renewal.
    pub qualities: BTreeMap<&'static str, u64>,
    /// How many rows have a score in each step, after a look-up.
    pub scores: Option<Scores>,
}

/// Why a request was not coded or renewed. What was written until then is not a result.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CodeFileError {
    /// Reading the request or writing the result.
    #[error(transparent)]
    Table(#[from] TableError),
    /// `request-service`: the request is for another service.
    #[error("{path:?} is a request to the service {found}, this is {expected}")]
    OtherService {
        /// The request.
        path: PathBuf,
        /// The service in its manifest.
        found: ServiceId,
        /// The service that would code it.
        expected: ServiceId,
    },
    /// `request-domain`: the request is for another domain.
    #[error("{path:?} is a request for the domain `{found}`, not for `{expected}`")]
    OtherDomain {
        /// The request.
        path: PathBuf,
        /// The domain in its manifest.
        found: Name,
        /// The domain that it would be coded for.
        expected: Name,
    },
    /// `request-use`: another kind of request than the command takes.
    #[error("{path:?} is a request to {found}", found = asks(*.found).1)]
    Content {
        /// The request.
        path: PathBuf,
        /// What its manifest says that it holds.
        found: Content,
    },
    /// `request-codes`: the codes are not those that the keys at hand renew.
    #[error(
        "{path:?} holds codes of generation {} with the tag {}, these keys renew generation {} of \
        the tag {}",
        found.1, found.0, expected.1, expected.0
    )]
    OtherCodes {
        /// The request.
        path: PathBuf,
        /// The tag and generation in the manifest.
        found: (Tag, Generation),
        /// Those that are renewed.
        expected: (Tag, Generation),
    },
    /// `commitment`: the rows are not those that the manifest was made for.
    #[error(
        "{path:?} is not the request that its manifest describes: its rows or counts differ (it \
        has {rows} rows, the manifest states {expected}), it was changed or the manifest is \
        another one's"
    )]
    Commitment {
        /// The request.
        path: PathBuf,
        /// Its rows.
        rows: u64,
        /// The rows that the manifest states.
        expected: u64,
    },
    /// `request-swapped`: the rows are not those that were read before, in the same run.
    #[error("{path:?} was changed while it was read, or another file was put in its place")]
    Swapped {
        /// The request.
        path: PathBuf,
    },
    /// `other-keys`: the file's metadata and the keys disagree. A mistake of the caller.
    #[error("the keys are not those of the domain and generation that the result is to carry")]
    Keys,
    /// A code that the keys refuse: [`CoderError`].
    #[error(transparent)]
    Coder(#[from] CoderError),
    /// Recomputing codes: [`RecheckError`].
    #[error(transparent)]
    Recheck(#[from] RecheckError),
    /// The register: [`IndexError`].
    #[error(transparent)]
    Register(#[from] IndexError),
}

/// What a request asks for: a word, and how a message says it.
fn asks(content: Content) -> (&'static str, &'static str) {
    match content {
        Content::Identifiers { .. } => ("identifiers", "code identifiers"),
        Content::Codes { .. } => ("codes", "renew codes"),
        Content::CivilStatus { .. } => {
            ("civil-status", "look people up by civil status and code them")
        }
    }
}

impl CodeFileError {
    /// The same error where so many rows come before those that it counts from.
    pub(crate) fn after(self, rows: u64) -> Self {
        match self {
            Self::Table(error) => Self::Table(error.after(rows)),
            other => other,
        }
    }
}

cstatns::coded!(CodeFileError {
    Self::Table(error) => (error),
    Self::OtherService { path, found, expected } => ("request-service", Input, [path, service: *found, expected: *expected]),
    Self::OtherDomain { path, found, expected } => ("request-domain", Input, [path, domain: *found, expected: *expected]),
    Self::Content { path, found } => ("request-use", Input, [path, content: asks(*found).0]),
    Self::OtherCodes { path, found, expected } => (
        "request-codes",
        Input,
        [path, tag: found.0, generation: found.1,
         expected_tag: expected.0, expected_generation: expected.1]
    ),
    Self::Commitment { path, rows, expected } => ("commitment", OtherSide, [path, rows, expected]),
    Self::Swapped { path } => ("request-swapped", OtherSide, [path]),
    Self::Keys => ("other-keys", Machine, []),
    Self::Coder(error) => (error),
    Self::Recheck(error) => (error),
    Self::Register(error) => (error),
});
