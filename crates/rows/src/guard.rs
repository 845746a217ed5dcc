//! What must not stay beside the codes: columns that hold identifiers, or that say by their names
//! who somebody is; and cells over several lines that hold an identifier, because they are rows
//! that a missing quote has swallowed (SPEC §6).
//!
//! All cells of all columns that stay are judged. Most are too short to be an identifier, and are
//! passed over by their lengths.

pub mod names;

use arrow_array::cast::AsArray;
use arrow_array::types::{
    ArrowPrimitiveType, BinaryType, ByteArrayType, Decimal32Type, Decimal64Type, Decimal128Type,
    Decimal256Type, Float64Type, Int64Type, LargeBinaryType, LargeUtf8Type, UInt64Type, Utf8Type,
};
use arrow_array::{Array, GenericByteArray, OffsetSizeTrait, RecordBatch};
use arrow_schema::DataType;
use cstatns_base::coded::ColumnName;
use cstatns_base::identifier::Scheme;
use memchr::memchr2;
use zeroize::Zeroize;

use crate::csv::Fields;
use crate::error::TableError;
use crate::plain::whole;
use crate::table::{Batch, Table};

/// The shortest and the longest cells that can be an identifier: 13 characters, 15 with spaces and
/// the like among them.
const SHORTEST: usize = 13;
const LONGEST: usize = 64;

/// How an identifier is spelt.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Spelling {
    /// 15 characters, with the right key.
    Keyed,
    /// 13 characters.
    Unkeyed,
}

/// The identifier that a cell is, with any spaces, points and the like in it.
fn identifier(cell: &[u8]) -> Option<Spelling> {
    if !(SHORTEST..=LONGEST).contains(&cell.len()) || cell[0].is_ascii_alphabetic() {
        return None;
    }
    let mut compact = [0; 15];
    let mut at = compact.len();
    // From the end: there a date with its time, a number with decimals or a text soon differs from
    // an identifier.
    for byte in cell.iter().rev() {
        match byte {
            b'0'..=b'9' | b'A' | b'B' | b'a' | b'b' => {
                at = at.checked_sub(1)?;
                compact[at] = byte.to_ascii_uppercase();
            }
            b' ' | b'.' | b'-' | b'/' | b'_' | b'\'' | b'"' | b'=' | b'\t'..=b'\r' => {}
            // The bytes of U+00A0 and U+202F in UTF-8, and of the former in Windows-1252.
            0xc2 | 0xa0 | 0xe2 | 0x80 | 0xaf => {}
            _ => return None,
        }
    }
    let found = Scheme::FrNir.parse_compact(&compact[at..]).map(|(mut identifier, _)| {
        identifier.zeroize();
        if at == 0 { Spelling::Keyed } else { Spelling::Unkeyed }
    });
    compact.zeroize();
    found
}

/// The identifier that a whole number is.
fn number(value: i128) -> Option<Spelling> {
    let length = match value {
        1_000_000_000_000..=8_999_999_999_999 => 13,
        100_000_000_000_000..=899_999_999_999_999 => 15,
        _ => return None,
    };
    let (mut digits, mut left) = ([0; 15], value as u64);
    for digit in digits[..length].iter_mut().rev() {
        (*digit, left) = (b'0' + (left % 10) as u8, left / 10);
    }
    identifier(&digits[..length])
}

/// Whether a line of a cell over several lines has an identifier with its key among its fields.
fn has_swallowed(cell: &[u8], delimiter: u8) -> bool {
    let parts = |byte: &u8| {
        *byte == delimiter || matches!(byte, b',' | b';' | b'\t' | b'|' | b'\r' | b'\n')
    };
    cell.split(parts).any(|field| identifier(field) == Some(Spelling::Keyed))
}

fn has_lines(bytes: &[u8]) -> bool {
    memchr2(b'\r', b'\n', bytes).is_some()
}

/// What was found in the cells of a column, or in one leaf of a nested one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Held {
    /// Its cells that are not empty.
    pub filled: u64,
    /// Those of them that are an identifier of 15 characters, with the right key.
    pub keyed: u64,
    /// Those that are an identifier of 13 characters, without a key.
    pub unkeyed: u64,
}

impl Held {
    /// Adds what was found in other cells.
    pub fn add(&mut self, other: Self) {
        self.filled += other.filled;
        self.keyed += other.keyed;
        self.unkeyed += other.unkeyed;
    }

    fn count(&mut self, spelling: Option<Spelling>) {
        match spelling {
            Some(Spelling::Keyed) => self.keyed += 1,
            Some(Spelling::Unkeyed) => self.unkeyed += 1,
            None => {}
        }
    }

    /// Whether there is any identifier.
    pub fn any(self) -> bool {
        self.keyed + self.unkeyed > 0
    }

    /// Whether so many are no chance: of numbers of 15 digits, 1 in 170 has the form and the key of
    /// an identifier.
    fn is_risk(self) -> bool {
        50 * self.keyed > self.filled
            || self.any() && 10 * (self.keyed + self.unkeyed) >= 9 * self.filled
    }
}

/// What was found in some rows.
#[derive(Default)]
#[non_exhaustive]
pub struct Found {
    /// For each column of the file its leaves: one, of a nested column several.
    held: Vec<Vec<Held>>,
    /// For each column, whether rows were swallowed in a cell and that is accepted.
    swallowed: Vec<bool>,
    /// The cells that hold a line break, of all columns but those of identifiers.
    pub over_lines: u64,
}

impl Found {
    /// Adds what was found in other rows.
    pub fn add(&mut self, other: &Self) {
        self.over_lines += other.over_lines;
        self.held.resize_with(self.held.len().max(other.held.len()), Vec::new);
        for (leaves, others) in self.held.iter_mut().zip(&other.held) {
            leaves.resize(leaves.len().max(others.len()), Held::default());
            leaves.iter_mut().zip(others).for_each(|(leaf, other)| leaf.add(*other));
        }
        self.swallowed.resize(self.swallowed.len().max(other.swallowed.len()), false);
        self.swallowed.iter_mut().zip(&other.swallowed).for_each(|(all, one)| *all |= one);
    }

    /// What a column holds: the leaf that is a risk, else the one with most identifiers.
    pub fn of(&self, column: usize) -> Held {
        let leaves = self.held.get(column).map_or(&[][..], Vec::as_slice);
        let most = leaves.iter().max_by_key(|leaf| (leaf.is_risk(), leaf.keyed + leaf.unkeyed));
        most.copied().unwrap_or_default()
    }

    /// Whether the column holds identifiers.
    pub fn is_risk(&self, column: usize) -> bool {
        self.of(column).is_risk() || self.swallowed.get(column).is_some_and(|swallowed| *swallowed)
    }
}

/// What is judged of the columns of a file.
pub struct Guard {
    /// For each column, whether its cells are counted.
    kept: Vec<bool>,
    /// For each column, whether its cells over several lines are counted, and refused where they
    /// hold an identifier.
    lines: Vec<Lines>,
    delimiter: u8,
}

/// What is done about the cells of a column that go over several lines.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Lines {
    /// They are not looked at.
    Unseen,
    /// They are counted.
    Counted,
    /// They are counted, and refused where they hold an identifier.
    Refused,
}

impl Guard {
    /// For a file: of which columns the cells are counted, and what is done about cells over
    /// several lines.
    pub fn new(
        table: &Table,
        kept: impl Fn(usize) -> bool,
        lines: impl Fn(usize) -> Lines,
    ) -> Self {
        let columns = 0..table.header().len();
        let (kept, lines) = (columns.clone().map(kept).collect(), columns.map(lines).collect());
        Self { kept, lines, delimiter: table.delimiter() }
    }

    /// Judges the rows of a batch that was split.
    ///
    /// # Errors
    /// [`TableError::Swallowed`].
    pub fn judge(
        &self,
        source: &Shown,
        batch: &dyn Batch,
        found: &mut Found,
    ) -> Result<(), TableError> {
        found.held.resize_with(self.kept.len(), Vec::new);
        found.swallowed.resize(self.kept.len(), false);
        if let Some(fields) = batch.fields() {
            self.judge_fields(fields, found);
            self.judge_lines(source, fields, found)?;
        }
        for (column, array) in batch.values().into_iter().flat_map(RecordBatch::columns).enumerate()
        {
            let lines = self.lines[column] != Lines::Unseen;
            if !self.kept[column] && !lines {
                continue;
            }
            let held = std::mem::take(&mut found.held[column]);
            let mut leaves = Leaves { held, at: 0, over_lines: 0, swallowed: false };
            leaves.judge(array, lines);
            found.over_lines += leaves.over_lines;
            found.held[column] = leaves.held;
            if leaves.swallowed && self.lines[column] == Lines::Refused {
                return Err(source.swallowed(column, None));
            }
            found.swallowed[column] |= leaves.swallowed;
        }
        Ok(())
    }

    fn judge_fields(&self, fields: &Fields, found: &mut Found) {
        if !self.kept.contains(&true) {
            return;
        }
        let columns = self.kept.len();
        // How many are not empty, and whether one is as long as an identifier.
        let mut tallies = vec![(0_u32, false); columns];
        for row in fields.places() {
            for ((start, end), (filled, is_long)) in row.iter().zip(&mut tallies) {
                let length = end - start;
                *filled += u32::from(length > 0);
                *is_long |= length >= SHORTEST as u32;
            }
        }
        for (column, (filled, is_long)) in tallies.into_iter().enumerate() {
            if !self.kept[column] {
                continue;
            }
            let mut held = Held { filled: filled.into(), ..Held::default() };
            if is_long {
                for row in 0..fields.rows() {
                    held.cell(fields.get(row, column));
                }
            }
            let leaves = &mut found.held[column];
            leaves.resize(1, Held::default());
            leaves[0].add(held);
        }
    }

    /// Judges the cells over several lines: there are some only where a quoted one is.
    fn judge_lines(
        &self,
        source: &Shown,
        fields: &Fields,
        found: &mut Found,
    ) -> Result<(), TableError> {
        if !fields.has_breaks() {
            return Ok(());
        }
        for (row, line) in fields.row_lines().enumerate() {
            for (column, lines) in self.lines.iter().enumerate() {
                let cell = fields.get(row, column);
                if *lines == Lines::Unseen || !has_lines(cell) {
                    continue;
                }
                found.over_lines += 1;
                let swallowed = has_swallowed(cell, self.delimiter);
                if swallowed && *lines == Lines::Refused {
                    return Err(source.swallowed(column, Some(line)));
                }
                found.swallowed[column] |= swallowed;
            }
        }
        Ok(())
    }
}

impl Held {
    /// Counts a cell that was counted as filled if it is not empty.
    fn cell(&mut self, cell: &[u8]) {
        match cell {
            [] => {}
            // Of a file of fixed width: nothing but spaces.
            [b' ', ..] if cell.trim_ascii().is_empty() => self.filled -= 1,
            _ => self.count(identifier(cell)),
        }
    }
}

/// The leaves of a column of a Parquet file, of which `at` is the next one.
struct Leaves {
    held: Vec<Held>,
    at: usize,
    over_lines: u64,
    swallowed: bool,
}

impl Leaves {
    /// Judges the values of an array; those of a nested one leaf by leaf.
    fn judge(&mut self, array: &dyn Array, lines: bool) {
        let held = match array.data_type() {
            DataType::Utf8 => self.bytes(array.as_bytes::<Utf8Type>(), lines),
            DataType::LargeUtf8 => self.bytes(array.as_bytes::<LargeUtf8Type>(), lines),
            DataType::Binary => self.bytes(array.as_bytes::<BinaryType>(), lines),
            DataType::LargeBinary => self.bytes(array.as_bytes::<LargeBinaryType>(), lines),
            DataType::FixedSizeBinary(size) if (SHORTEST..=LONGEST).contains(&(*size as usize)) => {
                let mut held = Held::default();
                for value in array.as_fixed_size_binary().iter().flatten() {
                    held.filled += 1;
                    held.cell(value);
                }
                held
            }
            DataType::Int64 => numbers::<Int64Type>(array, |value| Some(value.into())),
            DataType::UInt64 => numbers::<UInt64Type>(array, |value| Some(value.into())),
            DataType::Float64 => numbers::<Float64Type>(array, |value| {
                (value.fract() == 0.0).then_some(value as i128)
            }),
            DataType::Decimal64(_, scale) => {
                numbers::<Decimal64Type>(array, |value| whole(value.into(), *scale))
            }
            DataType::Decimal128(_, scale) => {
                numbers::<Decimal128Type>(array, |value| whole(value, *scale))
            }
            DataType::Decimal256(_, scale) => {
                numbers::<Decimal256Type>(array, |value| whole(value.to_i128()?, *scale))
            }
            // Of nine digits at most, so that nothing but a negative scale could make it one.
            DataType::Decimal32(_, scale) => {
                numbers::<Decimal32Type>(array, |value| whole(value.into(), *scale))
            }
            DataType::List(_) => return self.judge(array.as_list::<i32>().values(), lines),
            DataType::LargeList(_) => return self.judge(array.as_list::<i64>().values(), lines),
            DataType::FixedSizeList(..) => {
                return self.judge(array.as_fixed_size_list().values(), lines);
            }
            DataType::Map(..) => return self.judge(array.as_map().entries(), lines),
            DataType::Struct(_) => {
                return array
                    .as_struct()
                    .columns()
                    .iter()
                    .for_each(|column| self.judge(column, lines));
            }
            _ => Held::default(),
        };
        if self.held.len() == self.at {
            self.held.push(Held::default());
        }
        self.held[self.at].add(held);
        self.at += 1;
    }

    /// Judges values of any length.
    fn bytes<T: ByteArrayType>(&mut self, array: &GenericByteArray<T>, lines: bool) -> Held {
        let (mut held, mut is_long) = (Held::default(), false);
        let offsets = array.value_offsets();
        for pair in offsets.windows(2) {
            let length = place(pair[1] - pair[0]);
            held.filled += u64::from(length > 0);
            is_long |= length >= SHORTEST;
        }
        let values = || (0..array.len()).map(|row| -> &[u8] { array.value(row).as_ref() });
        if is_long {
            values().for_each(|value| held.cell(value));
        }
        let all = &array.value_data()[place(offsets[0])..place(offsets[array.len()])];
        if lines && has_lines(all) {
            for value in values().filter(|value| has_lines(value)) {
                self.over_lines += 1;
                self.swallowed |= has_swallowed(value, b',');
            }
        }
        held
    }
}

fn place<O: OffsetSizeTrait>(offset: O) -> usize {
    offset.as_usize()
}

/// Judges numbers; those that are not whole are none.
fn numbers<T: ArrowPrimitiveType>(
    array: &dyn Array,
    whole: impl Fn(T::Native) -> Option<i128>,
) -> Held {
    let array = array.as_primitive::<T>();
    let mut held = Held { filled: (array.len() - array.null_count()) as u64, ..Held::default() };
    for (row, value) in array.values().iter().enumerate() {
        if let Some(spelling) = whole(*value).and_then(number)
            && array.is_valid(row)
        {
            held.count(Some(spelling));
        }
    }
    held
}

/// The columns of a file by the names under which errors may show them.
pub struct Shown {
    path: std::path::PathBuf,
    columns: Vec<ColumnName>,
}

impl Shown {
    /// Those of a file.
    pub fn of(table: &Table) -> Self {
        Self { path: table.path().to_owned(), columns: table.shown_columns() }
    }

    /// A column by its name, or by its number where the name may be somebody's.
    pub fn column(&self, column: usize) -> ColumnName {
        self.columns[column].clone()
    }

    fn swallowed(&self, column: usize, line: Option<u64>) -> TableError {
        TableError::Swallowed { path: self.path.clone(), column: self.column(column), line }
    }
}
