//! What is wrong with compressed text.

/// What is wrong with compressed text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PackedFault {
    /// It ends too early.
    Truncated,
    /// It is damaged, or no such data at all.
    Damaged,
    /// It would take too much memory.
    Window,
}

impl PackedFault {
    /// It continues "gzip …".
    pub(super) fn words(self) -> &'static str {
        match self {
            Self::Truncated => "data ends too early: the file is not whole",
            Self::Damaged => "data is damaged, or the file is not compressed so",
            Self::Window => "data refers so far back that it would take too much memory",
        }
    }
}
