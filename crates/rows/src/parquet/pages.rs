//! The pages of a file, none of which is loaded before it is known to fit: a small file can
//! declare, and hold, any amount.

use std::io::{self, Cursor, Read};
use std::ops::Range;
use std::sync::{Arc, Mutex};

use ::parquet::arrow::arrow_reader::RowGroups;
use ::parquet::basic::Compression;
use ::parquet::column::page::{Page, PageIterator, PageMetadata, PageReader};
use ::parquet::errors::Result;
use ::parquet::file::metadata::{ParquetMetaData, RowGroupMetaData};
use ::parquet::file::reader::{ChunkReader, Length, SerializedPageReader};
use bytes::Bytes;
use cstatns_base::files::{ReadAt, ReadFrom, read_at};
use flate2::read::MultiGzDecoder;

use crate::pipeline::locked;

use super::bounds::{Ledger, Stop, damaged};
use super::header::{Header, HeaderError};

/// The most bytes that a page's header is looked for in: it may hold the least and the greatest
/// value.
const HEADER: u64 = 16 << 20;

/// The file, as the library reads its footer.
pub(super) struct Whole {
    pub(super) file: Arc<dyn ReadAt>,
    pub(super) length: u64,
}

impl Length for Whole {
    fn len(&self) -> u64 {
        self.length
    }
}

impl ChunkReader for Whole {
    type T = ReadFrom;

    fn get_read(&self, start: u64) -> Result<Self::T> {
        Ok(ReadFrom::new(self.file.clone(), start))
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes> {
        if start.checked_add(length as u64).is_none_or(|end| end > self.length) {
            return Err(damaged());
        }
        let mut bytes = vec![0; length];
        read_at(&*self.file, &mut bytes, start)?;
        Ok(bytes.into())
    }
}

/// The file, as the library reads a column of it: the headers of pages come from here.
struct Window {
    file: Arc<dyn ReadAt>,
    length: u64,
    /// It keeps why the file was not read: of an error the library keeps no more than words.
    ledger: Arc<Ledger>,
    /// The present header, and its place.
    header: Mutex<(u64, Bytes)>,
}

impl Window {
    fn read(&self, start: u64, length: u64) -> Result<Bytes> {
        if start.checked_add(length).is_none_or(|end| end > self.length) {
            return Err(damaged());
        }
        let mut bytes = vec![0; length as usize];
        read_at(&*self.file, &mut bytes, start)
            .map_err(|error| self.ledger.stopped(Stop::Read(error)))?;
        Ok(bytes.into())
    }
}

impl Length for Window {
    fn len(&self) -> u64 {
        self.length
    }
}

impl ChunkReader for Window {
    type T = Cursor<Bytes>;

    fn get_read(&self, start: u64) -> Result<Self::T> {
        let header = locked(&self.header);
        // The library asks for a header that it has as well, and reads none of it.
        Ok(Cursor::new(if header.0 == start { header.1.clone() } else { Bytes::new() }))
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes> {
        self.read(start, length as u64)
    }
}

/// The pages of a column in a row group.
struct Pages {
    window: Arc<Window>,
    library: SerializedPageReader<Window>,
    ledger: Arc<Ledger>,
    codec: Compression,
    leaf: usize,
    group: usize,
    /// The number of the next page, in the file's order.
    number: u64,
    /// Where its header is, what is left of the chunk, and the header once it was read.
    place: u64,
    left: u64,
    next: Option<Header>,
}

impl Pages {
    /// Sees to it that the header of the next page was read; none at the end of the chunk.
    fn header(&mut self) -> Result<Option<Header>> {
        if self.next.is_some() || self.left == 0 {
            return Ok(self.next);
        }
        let most = self.left.min(self.window.length.saturating_sub(self.place)).min(HEADER);
        let mut length = 256;
        loop {
            let bytes = self.window.read(self.place, most.min(length))?;
            match Header::read(&bytes) {
                Ok(header) if header.length + header.stored <= self.left => {
                    *locked(&self.window.header) = (self.place, bytes);
                    self.next = Some(header);
                    return Ok(self.next);
                }
                Err(HeaderError::Short) if length < most => length *= 8,
                _ => return Err(damaged()),
            }
        }
    }

    /// Refuses a page that swells to more than its header says. Of these compressions the library
    /// finds that out when it has all of it in memory; of the others it stops there.
    fn check_swelling(&self, header: &Header) -> Result<()> {
        if !matches!(self.codec, Compression::GZIP(_) | Compression::BROTLI(_) | Compression::LZ4) {
            return Ok(());
        }
        let stored = self.window.read(self.place + header.length, header.stored)?;
        let packed = stored.get(header.levels as usize..).unwrap_or_default();
        let is_more = match self.codec {
            Compression::GZIP(_) => is_more(MultiGzDecoder::new(packed), header.size),
            Compression::BROTLI(_) => is_more(brotli::Decompressor::new(packed, 4096), header.size),
            // Otherwise framed, LZ4 says how large each block is.
            _ => is_more(lz4_flex::frame::FrameDecoder::new(packed), header.size),
        };
        if is_more { Err(damaged()) } else { Ok(()) }
    }

    /// The page of this header is behind.
    fn pass(&mut self, header: &Header) {
        self.place += header.length + header.stored;
        self.left -= header.length + header.stored;
        self.number += 1;
        self.next = None;
    }
}

/// Whether there are more than so many bytes. What cannot be decompressed ends where it fails, here
/// and in the library.
fn is_more(bytes: impl Read, most: u64) -> bool {
    io::copy(&mut bytes.take(most.saturating_add(1)), &mut io::sink()).is_ok_and(|read| read > most)
}

impl Iterator for Pages {
    type Item = Result<Page>;

    fn next(&mut self) -> Option<Self::Item> {
        self.get_next_page().transpose()
    }
}

impl PageReader for Pages {
    fn get_next_page(&mut self) -> Result<Option<Page>> {
        let Some(header) = self.header()? else { return Ok(None) };
        self.ledger.load(self.leaf, self.group, self.number, &header)?;
        self.check_swelling(&header)?;
        let page = self.library.get_next_page()?;
        self.pass(&header);
        if let Some(page) = &page {
            self.ledger.look(self.leaf, self.group, page)?;
        }
        Ok(page)
    }

    fn peek_next_page(&mut self) -> Result<Option<PageMetadata>> {
        self.header()?;
        self.library.peek_next_page()
    }

    fn skip_next_page(&mut self) -> Result<()> {
        let Some(header) = self.header()? else { return Ok(()) };
        self.library.skip_next_page()?;
        self.pass(&header);
        Ok(())
    }

    fn at_record_boundary(&mut self) -> Result<bool> {
        self.header()?;
        self.library.at_record_boundary()
    }
}

/// Some row groups of a file, one behind the other.
#[derive(Clone)]
pub(super) struct Groups {
    pub(super) file: Arc<dyn ReadAt>,
    pub(super) length: u64,
    pub(super) metadata: Arc<ParquetMetaData>,
    pub(super) ledger: Arc<Ledger>,
    pub(super) range: Range<usize>,
}

impl RowGroups for Groups {
    fn num_rows(&self) -> usize {
        self.row_groups().map(|group| group.num_rows() as usize).sum()
    }

    fn column_chunks(&self, leaf: usize) -> Result<Box<dyn PageIterator>> {
        Ok(Box::new(Chunks { groups: self.clone(), leaf }))
    }

    fn row_groups(&self) -> Box<dyn Iterator<Item = &RowGroupMetaData> + '_> {
        Box::new(self.metadata.row_groups()[self.range.clone()].iter())
    }

    fn metadata(&self) -> &ParquetMetaData {
        &self.metadata
    }
}

/// The column chunks of some row groups.
struct Chunks {
    groups: Groups,
    leaf: usize,
}

impl Iterator for Chunks {
    type Item = Result<Box<dyn PageReader>>;

    fn next(&mut self) -> Option<Self::Item> {
        let Groups { file, length, metadata, ledger, range } = &mut self.groups;
        let group = range.next()?;
        let rows = metadata.row_group(group).num_rows() as usize;
        let chunk = metadata.row_group(group).column(self.leaf);
        let (place, left) = chunk.byte_range();
        let window = Arc::new(Window {
            file: file.clone(),
            length: *length,
            ledger: ledger.clone(),
            header: Mutex::default(),
        });
        let library = SerializedPageReader::new(window.clone(), chunk, rows, None);
        let pages = library.map(|library| {
            let number = (group as u64) << 32;
            let (leaf, ledger, codec) = (self.leaf, ledger.clone(), chunk.compression());
            let pages = Pages {
                window,
                library,
                ledger,
                codec,
                leaf,
                group,
                number,
                place,
                left,
                next: None,
            };
            Box::new(pages) as Box<dyn PageReader>
        });
        Some(pages)
    }
}

impl PageIterator for Chunks {}
