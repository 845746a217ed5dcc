//! Column chunks that are encoded here, where the library does more than the values need: it holds
//! each value of fixed length by a counted reference of its own, and looks each word up in a hash
//! table, which takes longer than coding a row.
//!
//! What is made here are the bytes of pages; the library writes their headers, and the chunk into
//! the file.

use std::collections::HashMap;
use std::io::Write;
use std::sync::{Arc, Mutex};

use ::parquet::basic::{Compression, Encoding};
use ::parquet::column::page::{CompressedPage, Page, PageWriteSpec, PageWriter};
use ::parquet::column::writer::ColumnCloseResult;
use ::parquet::errors::ParquetError;
use ::parquet::file::metadata::{ColumnChunkMetaData, OffsetIndexBuilder};
use ::parquet::file::writer::{SerializedPageWriter, SerializedRowGroupWriter, TrackedWrite};
use ::parquet::schema::types::ColumnDescPtr;
use arrow_array::{Array, FixedSizeBinaryArray};
use bytes::Bytes;

use crate::pipeline::locked;

/// Buffers of chunks that were written, for those to come: memory that goes back to the system
/// between two row groups is had again only page by page, which takes longer than filling it.
#[derive(Clone, Default)]
pub(crate) struct Spare(Arc<Mutex<Vec<Vec<u8>>>>);

/// A chunk that is whole.
pub(crate) struct Chunk {
    bytes: Bytes,
    close: ColumnCloseResult,
    spare: Spare,
}

impl Chunk {
    pub(super) fn close_mut(&mut self) -> &mut ColumnCloseResult {
        &mut self.close
    }

    /// Writes it as the next column of a row group.
    pub(crate) fn append<W: Write + Send>(
        self,
        group: &mut SerializedRowGroupWriter<'_, W>,
    ) -> Result<(), ParquetError> {
        group.append_column(&self.bytes, self.close)?;
        locked(&self.spare.0).push(emptied(self.bytes));
        Ok(())
    }
}

/// The buffer of bytes that nobody else has.
fn emptied(bytes: Bytes) -> Vec<u8> {
    let mut buffer = Vec::from(bytes);
    buffer.clear();
    buffer
}

/// The pages of a chunk, one behind the other, of a column without lists or structures around it.
struct Pages {
    column: ColumnDescPtr,
    bytes: TrackedWrite<Vec<u8>>,
    index: OffsetIndexBuilder,
    values: usize,
    /// The bytes of the dictionary, if there is one: it comes first.
    dictionary: Option<usize>,
    /// What the next page is made in.
    page: Vec<u8>,
    spare: Spare,
}

impl Pages {
    fn new(column: ColumnDescPtr, spare: &Spare) -> Self {
        let buffer = locked(&spare.0).pop().unwrap_or_default();
        Self {
            column,
            bytes: TrackedWrite::new(buffer),
            index: OffsetIndexBuilder::new(),
            values: 0,
            dictionary: None,
            page: Vec::new(),
            spare: spare.clone(),
        }
    }

    /// Adds what was made as a dictionary of so many values.
    fn end_dictionary(&mut self, values: usize) -> Result<(), ParquetError> {
        self.end_page(|buf| Page::DictionaryPage {
            buf,
            num_values: values as u32,
            encoding: Encoding::PLAIN,
            is_sorted: false,
        })?;
        self.dictionary = Some(self.bytes.bytes_written());
        Ok(())
    }

    /// Adds what was made as a page of so many values.
    fn end_data(&mut self, values: usize, encoding: Encoding) -> Result<(), ParquetError> {
        let written = self.end_page(|buf| Page::DataPage {
            buf,
            num_values: values as u32,
            encoding,
            def_level_encoding: Encoding::RLE,
            rep_level_encoding: Encoding::RLE,
            statistics: None,
        })?;
        self.index.append_row_count(values as i64);
        self.index.append_offset_and_size(written.offset as i64, written.compressed_size as i32);
        self.values += values;
        Ok(())
    }

    fn end_page(
        &mut self,
        page: impl FnOnce(Bytes) -> Page,
    ) -> Result<PageWriteSpec, ParquetError> {
        let bytes = Bytes::from(std::mem::take(&mut self.page));
        let page = CompressedPage::new(page(bytes.clone()), bytes.len());
        let written = SerializedPageWriter::new(&mut self.bytes).write_page(page)?;
        self.page = emptied(bytes);
        Ok(written)
    }

    fn close(self) -> Result<Chunk, ParquetError> {
        let size = self.bytes.bytes_written();
        let mut encodings = vec![Encoding::PLAIN, Encoding::RLE];
        encodings.extend(self.dictionary.map(|_| Encoding::RLE_DICTIONARY));
        let metadata = ColumnChunkMetaData::builder(self.column)
            .set_compression(Compression::UNCOMPRESSED)
            .set_encodings(encodings)
            .set_num_values(self.values as i64)
            .set_total_compressed_size(size as i64)
            .set_total_uncompressed_size(size as i64)
            .set_dictionary_page_offset(self.dictionary.map(|_| 0))
            .set_data_page_offset(self.dictionary.unwrap_or(0) as i64)
            .build()?;
        let close = ColumnCloseResult {
            bytes_written: size as u64,
            rows_written: self.values as u64,
            metadata,
            bloom_filter: None,
            column_index: None,
            offset_index: Some(self.index.build()),
        };
        Ok(Chunk { bytes: self.bytes.into_inner()?.into(), close, spare: self.spare })
    }
}

/// A chunk of indexes or codes: values of one length, as they stand.
pub(crate) struct Fixed(Pages);

impl Fixed {
    pub(crate) fn new(column: ColumnDescPtr, spare: &Spare) -> Self {
        Self(Pages::new(column, spare))
    }

    /// Adds a page of values, if there are some.
    pub(crate) fn write(&mut self, values: &FixedSizeBinaryArray) -> Result<(), ParquetError> {
        if values.is_empty() {
            return Ok(());
        }
        if self.0.column.max_def_level() > 0 {
            levels(values, &mut self.0.page);
        }
        match values.null_count() {
            0 => self
                .0
                .page
                .extend_from_slice(&values.value_data()[..values.len() * values.value_size()]),
            _ => values.iter().flatten().for_each(|value| self.0.page.extend_from_slice(value)),
        }
        self.0.end_data(values.len(), Encoding::PLAIN)
    }

    pub(crate) fn close(self) -> Result<Chunk, ParquetError> {
        self.0.close()
    }
}

/// A chunk of words, of which there are few, and mostly the same many times over. One is there in
/// each row.
pub(crate) struct Words {
    pages: Pages,
    /// The words and their numbers, in the order in which they first came.
    numbers: HashMap<String, u32>,
    /// Numbers of words, and how many times each comes.
    runs: Vec<(u32, u32)>,
}

impl Words {
    /// Begins a chunk: it is small, and needs no large buffer of others.
    pub(crate) fn new(column: ColumnDescPtr) -> Self {
        Self {
            pages: Pages::new(column, &Spare::default()),
            numbers: HashMap::new(),
            runs: Vec::new(),
        }
    }

    /// Adds words.
    ///
    /// # Panics
    /// When there is none in a row.
    pub(crate) fn write(&mut self, words: &[Option<&str>]) {
        for run in runs(words) {
            let word = run[0].expect("a word in each row");
            let number = match self.numbers.get(word) {
                Some(number) => *number,
                None => {
                    let number = self.numbers.len() as u32;
                    self.numbers.insert(word.to_owned(), number);
                    // The dictionary is the first page.
                    self.pages.page.extend((word.len() as u32).to_le_bytes());
                    self.pages.page.extend(word.as_bytes());
                    number
                }
            };
            self.runs.push((number, run.len() as u32));
        }
    }

    /// Ends it: the words (PLAIN), then their runs (RLE), each as its length and the number of the
    /// word.
    pub(crate) fn close(mut self) -> Result<Chunk, ParquetError> {
        let words = self.numbers.len();
        self.pages.end_dictionary(words)?;
        let width = (1..4).find(|bytes| words <= 1 << (8 * bytes)).unwrap_or(4);
        self.pages.page.push(8 * width as u8);
        let mut values = 0;
        for (number, length) in self.runs {
            varint(length << 1, &mut self.pages.page);
            self.pages.page.extend_from_slice(&number.to_le_bytes()[..width]);
            values += length as usize;
        }
        self.pages.end_data(values, Encoding::RLE_DICTIONARY)?;
        self.pages.close()
    }
}

/// A number by seven bits a byte, the lowest first, as Parquet's run lengths are.
fn varint(mut number: u32, out: &mut Vec<u8>) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

/// Which values are there, at the beginning of a page (RLE), with its length before it: all, as one
/// run; or for each a bit, eight to a byte, the first one lowest.
fn levels(values: &FixedSizeBinaryArray, page: &mut Vec<u8>) {
    page.extend([0; 4]);
    if values.null_count() == 0 {
        varint((values.len() as u32) << 1, page);
        page.push(1);
    } else {
        let bytes = values.len().div_ceil(8);
        varint((bytes as u32) << 1 | 1, page);
        let bits = |byte: usize| {
            let is_there =
                |bit: &usize| 8 * byte + bit < values.len() && values.is_valid(8 * byte + bit);
            (0..8).filter(is_there).fold(0, |bits, bit| bits | 1 << bit)
        };
        page.extend((0..bytes).map(bits));
    }
    let length = (page.len() - 4) as u32;
    page[..4].copy_from_slice(&length.to_le_bytes());
}

/// Runs of the same word, as words mostly come. Where they are one text in memory it is not read.
pub fn runs<'w, 'a>(words: &'w [Option<&'a str>]) -> impl Iterator<Item = &'w [Option<&'a str>]> {
    words.chunk_by(|one, next| match (one, next) {
        (Some(one), Some(next)) => std::ptr::eq(*one, *next) || one == next,
        _ => one == next,
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow_array::ArrayRef;
    use arrow_array::cast::AsArray;
    use arrow_schema::{DataType, Field, Schema};

    use super::super::{Given, Plain, Reader, Writer};
    use super::*;

    /// What is in the file, column by column.
    #[derive(Default, PartialEq)]
    struct Columns {
        index: Vec<Option<Vec<u8>>>,
        word: Vec<Option<String>>,
        code: Vec<Option<Vec<u8>>>,
    }

    fn random(len: usize) -> Vec<u8> {
        let mut value = vec![0; len];
        cstatns_base::secret::random_bytes(&mut value);
        value
    }

    fn fixed(values: &[Option<Vec<u8>>], len: i32) -> Given<'static> {
        let values = values.iter().map(Option::as_deref);
        let array: ArrayRef =
            Arc::new(FixedSizeBinaryArray::try_from_sparse_iter_with_size(values, len).unwrap());
        Given::Values(array)
    }

    /// What is written is what the library reads, with nulls, ends of pages and row groups, and
    /// more words than one byte or two count.
    #[test]
    fn values_and_words_come_back() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("values.parquet");
        let schema = Schema::new(vec![
            Field::new("index", DataType::FixedSizeBinary(16), false),
            Field::new("word", DataType::Utf8, false),
            Field::new("code", DataType::FixedSizeBinary(32), true),
        ]);
        let file = std::fs::File::create(&path).unwrap();
        let plain = Plain { plain: &["index", "code"], packed: &[] };
        let (layout, mut writer) =
            Writer::new(file, schema, plain, &["word"], vec![], None).unwrap();
        let mut written = Columns::default();
        // The rows of each page, how many words there are, and which codes: with gaps, none, all,
        // not the first.
        type Group = (&'static [usize], usize, fn(usize) -> bool);
        let groups: [Group; 4] = [
            (&[1, 0, 7, 8, 9, 8192], 3, |row| row % 3 != 0 && row % 11 != 5),
            (&[3000], 1, |_| false),
            (&[16, 600], 300, |_| true),
            (&[8192, 150_000], 70_000, |row| row > 5000),
        ];
        for (sizes, words, is_there) in groups {
            let mut group = layout.begin().unwrap();
            for rows in sizes.iter().copied() {
                let index: Vec<_> = (0..rows).map(|_| Some(random(16))).collect();
                let code: Vec<_> = (0..rows).map(|row| is_there(row).then(|| random(32))).collect();
                let word: Vec<_> =
                    (0..rows).map(|row| Some(format!("word-{}", row / 2 % words))).collect();
                let given: Vec<_> = word.iter().map(Option::as_deref).collect();
                layout
                    .add(&[fixed(&index, 16), Given::Words(&given), fixed(&code, 32)], &mut group)
                    .unwrap();
                written.index.extend(index);
                written.word.extend(word);
                written.code.extend(code);
            }
            writer.append(group.end().unwrap()).unwrap();
        }
        writer.finish().unwrap();

        let mut found = Columns::default();
        let mut reader = Reader::open(&path, 1000).unwrap();
        assert_eq!(reader.rows(), written.index.len() as u64);
        while let Some(batch) = reader.next(&path).unwrap() {
            let [index, code] = [0, 2].map(|column| batch.column(column).as_fixed_size_binary());
            found.index.extend(index.iter().map(|value| value.map(<[u8]>::to_vec)));
            found.code.extend(code.iter().map(|value| value.map(<[u8]>::to_vec)));
            found.word.extend(
                batch.column(1).as_string::<i32>().iter().map(|word| word.map(str::to_owned)),
            );
        }
        assert!(found == written);
    }
}
