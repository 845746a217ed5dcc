//! Files that are read one after the other, as if they were one.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};

use arrow_array::RecordBatch;

use super::extent::Extent;
use super::readers::Reader;
use super::source::{Source, Stream};
use super::{Fill, Table};
use crate::csv::{Delimiter, Fields};
use crate::error::TableError;

/// Opens a file of the chain; none where it is not of this form any more.
type Open<B> = fn(&Path, u8) -> Result<Option<Stream<B>>, TableError>;

/// The files that are still to be read, and the present one.
struct Chain<B> {
    left: VecDeque<PathBuf>,
    present: Option<Box<dyn Reader<B>>>,
    delimiter: u8,
    extent: Extent,
    open: Open<B>,
}

impl<B: Fill> Reader<B> for Chain<B> {
    fn fill(&mut self, path: &Path, batch: &mut B, limit: usize) -> Result<bool, TableError> {
        loop {
            if let Some(present) = &mut self.present
                && present.fill(path, batch, limit)?
            {
                return Ok(true);
            }
            let Some(next) = self.left.pop_front() else { return Ok(false) };
            let opened = (self.open)(&next, self.delimiter)?;
            let opened = opened.ok_or(TableError::PartOther { path: next })?;
            self.present = Some(opened.into_reader());
        }
    }

    fn extent(&mut self, _: &Table) -> Result<Extent, TableError> {
        Ok(self.extent)
    }
}

fn lines(path: &Path, delimiter: u8) -> Result<Option<Stream<Fields>>, TableError> {
    Ok(match Source::open(path, Delimiter::Given(delimiter))? {
        Source::Lines(stream) => Some(stream),
        Source::Columns(_) => None,
    })
}

fn columns(path: &Path, delimiter: u8) -> Result<Option<Stream<RecordBatch>>, TableError> {
    Ok(match Source::open(path, Delimiter::Given(delimiter))? {
        Source::Lines(_) => None,
        Source::Columns(stream) => Some(stream),
    })
}

impl Source {
    /// The rows of these files, one after the other: those of the folder, which have the columns of
    /// `first`, the first of them. Errors speak of the folder, and count rows through all files.
    pub(crate) fn chained(folder: &Path, files: Vec<PathBuf>, first: Self, extent: Extent) -> Self {
        let left = VecDeque::from(files);
        let delimiter = first.table().delimiter();
        match first {
            Self::Lines(Stream { table, .. }) => {
                let chain = Chain { left, present: None, delimiter, extent, open: lines };
                Self::Lines(Stream::new(table.of_folder(folder, extent), chain))
            }
            Self::Columns(Stream { table, .. }) => {
                let chain = Chain { left, present: None, delimiter, extent, open: columns };
                Self::Columns(Stream::new(table.of_folder(folder, extent), chain))
            }
        }
    }
}
