//! How the cells of identifiers and of civil status are read, where they are not what `prepare`
//! takes by itself.

use crate::encoding::Encoding;

/// How the cells that are sent are read. By default a cell is what it is.
#[derive(Clone, Copy, Debug, Default)]
pub struct Reading<'a> {
    /// Whether identifiers may be numbers: values of whole and of decimal types, and the texts that
    /// programs make of numbers ([`number`](cstatns_base::identifier::number)). A number cannot
    /// hold 2A or 2B.
    pub numbers: bool,
    /// Texts that stand for no value: a cell that is one of these, white space around it apart, is
    /// an empty one.
    pub missing: &'a [String],
    /// The encoding of text, where somebody says it: then a cell that cannot be decoded is no more
    /// than a cell with a wrong character.
    pub encoding: Option<Encoding>,
}

impl Reading<'_> {
    /// Whether a cell stands for no value.
    pub(crate) fn is_missing(&self, cell: &[u8]) -> bool {
        if self.missing.is_empty() {
            return false;
        }
        let trimmed = std::str::from_utf8(cell).map_or(cell, |text| text.trim().as_bytes());
        self.missing.iter().any(|missing| missing.as_bytes() == trimmed)
    }
}
