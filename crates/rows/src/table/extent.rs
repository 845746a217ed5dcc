//! How large rows are, before they are read.

/// What rows of which nothing is known are taken to be, in bytes.
pub(super) const UNKNOWN_BYTES: u64 = 4 << 30;

/// How large a file is.
#[derive(Clone, Copy, Default)]
#[non_exhaustive]
pub struct Extent {
    /// The rows of a Parquet file or a frame; where they are not known, as in a CSV file, 0.
    pub rows: u64,
    /// The bytes of the file on disk; of a frame what all rows would take in memory.
    pub length: u64,
    /// The bytes of a CSV file, of a compressed one about. Else what all rows would take in memory,
    /// to go by the first.
    pub bytes: u64,
}

impl Extent {
    /// In a unit of its own type: rows if they are known, else bytes. See
    /// [`Batch::size`](super::Batch::size).
    pub fn size(self) -> u64 {
        if self.rows > 0 { self.rows } else { self.bytes }
    }
}
