//! Pages of a row group that wait to be written: in memory while there are few, then encrypted on
//! disk. A row group of a file that is copied may have any number of rows.

use std::fmt;
use std::path::{Path, PathBuf};

use ::parquet::arrow::arrow_writer::{PageKey, PageStore, PageStoreArgs, PageStoreFactory};
use ::parquet::errors::{ParquetError, Result};
use bytes::Bytes;

use crate::error::TableError;
use crate::spill::{Aside, Sealed};

/// The bytes of a column that stay in memory: those of a hundred thousand codes.
const MEMORY: usize = 4 << 20;

/// Makes a store for each column of a row group.
pub(super) struct Stores {
    beside: PathBuf,
}

impl Stores {
    /// What does not fit goes beside the file `beside`.
    pub(super) fn new(beside: &Path) -> Self {
        Self { beside: beside.to_owned() }
    }
}

impl fmt::Debug for Stores {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Stores")
    }
}

impl PageStoreFactory for Stores {
    fn create(&self, _: &PageStoreArgs<'_>) -> Result<Box<dyn PageStore>> {
        Ok(Box::new(Store { aside: Aside::new(&self.beside), pages: Vec::new(), memory: 0 }))
    }
}

enum Place {
    Memory(Bytes),
    Disk(Sealed),
    Taken,
}

struct Store {
    aside: Aside,
    pages: Vec<Place>,
    memory: usize,
}

fn failed(error: TableError) -> ParquetError {
    ParquetError::External(Box::new(error))
}

impl PageStore for Store {
    fn put(&mut self, page: Bytes) -> Result<PageKey> {
        let key = PageKey::new(self.pages.len() as u64);
        let place = if self.memory + page.len() <= MEMORY {
            self.memory += page.len();
            Place::Memory(page)
        } else {
            Place::Disk(self.aside.put(&mut page.to_vec()).map_err(failed)?)
        };
        self.pages.push(place);
        Ok(key)
    }

    fn take(&mut self, key: PageKey) -> Result<Bytes> {
        match std::mem::replace(&mut self.pages[key.get() as usize], Place::Taken) {
            Place::Memory(page) => {
                self.memory -= page.len();
                Ok(page)
            }
            Place::Disk(sealed) => {
                Ok(Bytes::copy_from_slice(&self.aside.take(&sealed).map_err(failed)?))
            }
            Place::Taken => unreachable!("a page is taken once"),
        }
    }

    fn memory_size(&self) -> usize {
        self.memory
    }
}
