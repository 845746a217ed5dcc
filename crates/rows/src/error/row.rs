//! Why a row was not read.

use cstatns_base::code::{CodeError, Generation, Tag};

/// What is wrong with a row; it continues "row 17 …".
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RowFault {
    /// `index-form`.
    #[error("has an index that is not 32 lower-case hexadecimal digits")]
    Index,
    /// `index-order`: a duplicate, or rows that were sorted or moved.
    #[error("has an index that does not come after the one above it")]
    Order,
    /// `identifier-form`: the reason's word, never the value.
    #[error("holds no identifier in the compact form ({reason})")]
    Identifier {
        /// The reason: a word of `cstatns_base::identifier::Reason`, or `not-compact`.
        reason: &'static str,
    },
    /// `civil-status-form`: a cell that `prepare` lets nobody send.
    #[error("holds an invalid `{field}`")]
    CivilStatus {
        /// The column.
        field: &'static str,
    },
    /// [`CodeError`].
    #[error("holds what is {0}")]
    Code(#[from] CodeError),
    /// `other-codes`: a code of another domain, service or generation than is expected there.
    #[error(
        "holds a code of generation {} with the tag {}, expected generation {} with the tag {}",
        found.1, found.0, expected.1, expected.0
    )]
    OtherCodes {
        /// The tag and generation of the code.
        found: (Tag, Generation),
        /// Those that are expected.
        expected: (Tag, Generation),
    },
    /// `not-utf-8`: the selected column is in another encoding.
    #[error("holds bytes in the selected column that are not UTF-8")]
    Encoding,
    /// `word-form`: not a word of `status` or `quality`, or not a score.
    #[error("has an invalid `status`, `quality` or `score`")]
    Word,
    /// `rows-disagree`: a code where the data had no value, or none where it had one.
    #[error("has a result that does not go with what the data had there")]
    Disagree,
}

cstatns_base::coded!(RowFault {
    Self::Index => ("index-form", Input, []),
    Self::Order => ("index-order", Input, []),
    Self::Identifier { reason } => ("identifier-form", Input, [reason]),
    Self::CivilStatus { field } => ("civil-status-form", Input, [field]),
    Self::Code(error) => (error),
    Self::OtherCodes { found, expected } => (
        "other-codes",
        Input,
        [tag: found.0, generation: found.1,
         expected_tag: expected.0, expected_generation: expected.1]
    ),
    Self::Encoding => ("not-utf-8", Input, []),
    Self::Word => ("word-form", Input, []),
    Self::Disagree => ("rows-disagree", Input, []),
});
