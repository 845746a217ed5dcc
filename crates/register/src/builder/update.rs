//! An index brought up to date.

use std::collections::HashMap;

use zeroize::Zeroizing;

use crate::blocking::identifier_key;
use crate::faults::{Fault, Origin};
use crate::index::{Index, IndexError};
use crate::layout::Row;

use super::{BuildError, Builder, Stopped, go_on};

/// The rows of an update, which wait for the ones that they correct.
///
/// See [`Builder::update`].
pub(super) struct Update<'a> {
    old: &'a Index,
    waiting: Vec<Waiting>,
    /// By the key of the identifier.
    of: HashMap<u64, Vec<usize>>,
}

struct Waiting {
    record: Zeroizing<Vec<u8>>,
    origin: Origin,
    written: bool,
}

impl Waiting {
    fn row(&self) -> Row<'_> {
        Row::read(&self.record).expect("it is as it was written")
    }

    fn write(&mut self, builder: &mut Builder<'_>) -> Result<(), BuildError> {
        if std::mem::replace(&mut self.written, true) {
            return Ok(());
        }
        builder.write(&self.row(), self.origin)
    }
}

impl<'a> Update<'a> {
    pub(super) fn of(old: &'a Index) -> Self {
        Self { old, waiting: Vec::new(), of: HashMap::new() }
    }

    /// Takes a row; the inner error is a fault of it.
    pub(super) fn keep<'b>(
        &mut self,
        mut row: Row<'b>,
        origin: Origin,
    ) -> Result<Result<(), Fault>, IndexError>
    where
        'a: 'b,
    {
        if let Some(at) = self.old.row_of(row.identifier)? {
            let id = self.old.row(at)?.id;
            if !id.is_empty() && !row.id.is_empty() && id != row.id {
                return Ok(Err(Fault::OtherPerson));
            }
            if row.id.is_empty() {
                row.id = id;
            }
        }
        let mut record = Zeroizing::new(Vec::with_capacity(row.len()));
        row.write(&mut record);
        self.of.entry(identifier_key(row.identifier)).or_default().push(self.waiting.len());
        self.waiting.push(Waiting { record, origin, written: false });
        Ok(Ok(()))
    }

    pub(super) fn merge(
        mut self,
        builder: &mut Builder<'_>,
        stopped: Stopped<'_>,
    ) -> Result<(), BuildError> {
        for at in 0..self.old.rows() {
            go_on(stopped)?;
            let old = self.old.row(at)?;
            let same = self.of.get(&identifier_key(old.identifier)).map_or(&[][..], Vec::as_slice);
            let mut kept = true;
            for new in same {
                let new = &mut self.waiting[*new];
                if new.row().identifier == old.identifier {
                    kept = false;
                    new.write(builder)?;
                }
            }
            if kept {
                builder.write(&old, Origin::default())?;
            }
        }
        self.waiting.iter_mut().try_for_each(|new| new.write(builder))
    }
}
