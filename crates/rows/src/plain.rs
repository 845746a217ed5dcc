//! The cells of a column as text, where Parquet has numbers or dates: as a CSV file would hold
//! them; and as [`Reading`] says.

use std::io::Write;
use std::path::Path;

use arrow_array::cast::AsArray;
use arrow_array::types::{
    ArrowPrimitiveType, ArrowTimestampType, Date32Type, Date64Type, Decimal32Type, Decimal64Type,
    Decimal128Type, Decimal256Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type,
    Int64Type, TimestampMicrosecondType, TimestampMillisecondType, TimestampNanosecondType,
    TimestampSecondType, UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use arrow_array::{Array, ArrayRef, PrimitiveArray};
use arrow_schema::{DataType, TimeUnit};
use jiff::SignedDuration;
use jiff::civil::{Date, DateTime, Time};
use zeroize::Zeroizing;

use crate::encoding::Encoding;
use crate::error::TableError;
use crate::reading::Reading;
use crate::table::{Batch, Cells, is_day, is_whole};
use cstatns_base::coded::ColumnName;
use cstatns_base::identifier;

/// Whether values of this type are floating-point numbers. Software that has no empty cell among
/// whole numbers keeps a column of them as these.
fn is_float(kind: &DataType) -> bool {
    matches!(kind, DataType::Float32 | DataType::Float64)
}

/// The whole number that a decimal is: `value` times ten to the power of minus `scale`.
pub(crate) fn whole(value: i128, scale: i8) -> Option<i128> {
    let unit = 10_i128.checked_pow(scale.unsigned_abs().into())?;
    match scale {
        0.. => (value % unit == 0).then_some(value / unit),
        _ => value.checked_mul(unit),
    }
}

/// The cells of a column of text, numbers or days.
pub struct Plain<'a> {
    cells: Texts<'a>,
    reading: Reading<'a>,
    /// Whether they are identifiers.
    is_identifier: bool,
}

enum Texts<'a> {
    /// As they stand.
    Text(Cells<'a>),
    /// As they were written.
    Written(Written),
}

/// What was written of values: wiped, and made at full size.
struct Written {
    texts: Zeroizing<Vec<u8>>,
    /// Where each text ends; that of a null is empty.
    ends: Vec<usize>,
}

impl<'a> Plain<'a> {
    /// The cells of some columns of the file at `path`; none where there is no such column.
    ///
    /// # Errors
    /// [`TableError::NotWhole`], its row counted from the batch's first one.
    pub fn of<const N: usize>(
        path: &Path,
        batch: &'a dyn Batch,
        columns: [Option<usize>; N],
        reading: Reading<'a>,
    ) -> Result<[Option<Self>; N], TableError> {
        let mut cells = [const { None }; N];
        for (cells, column) in cells.iter_mut().zip(columns) {
            *cells = column.map(|column| Self::of_one(path, batch, column, reading)).transpose()?;
        }
        Ok(cells)
    }

    fn of_one(
        path: &Path,
        batch: &'a dyn Batch,
        column: usize,
        reading: Reading<'a>,
    ) -> Result<Self, TableError> {
        let is_written = |kind| is_whole(kind) || is_float(kind) || is_day(kind);
        let values = batch.values().filter(|values| is_written(values.column(column).data_type()));
        let cells = match values {
            None => Texts::of(batch, column, reading),
            Some(values) => {
                let written = Written::of(values.column(column));
                Texts::Written(written.map_err(|row| TableError::NotWhole {
                    path: path.to_owned(),
                    column: ColumnName::at(
                        values.schema_ref().field(column).name().as_bytes(),
                        column,
                    ),
                    row: row as u64 + 1,
                })?)
            }
        };
        Ok(Self { cells, reading, is_identifier: false })
    }

    /// The cells of a column of identifiers, which [`need_identifiers`] let pass. A number that is
    /// not whole, or not kept exactly, is a text that is no identifier.
    ///
    /// [`need_identifiers`]: crate::fields::need_identifiers
    pub fn identifiers(batch: &'a dyn Batch, column: usize, reading: Reading<'a>) -> Self {
        let is_number = |kind: &DataType| is_whole(kind) || is_float(kind) || kind.is_decimal();
        let values = batch.values().filter(|values| is_number(values.column(column).data_type()));
        let cells = match values {
            None => Texts::of(batch, column, reading),
            Some(values) => Texts::Written(Written::identifiers(values.column(column))),
        };
        Self { cells, reading, is_identifier: true }
    }

    /// The bytes of a cell; none when it is null or empty, or stands for no value.
    #[inline]
    pub fn get(&self, row: usize) -> Option<&[u8]> {
        let cell = match &self.cells {
            Texts::Text(cells) => cells.get(row)?,
            Texts::Written(Written { texts, ends }) => {
                let begin = if row == 0 { 0 } else { ends[row - 1] };
                Some(&texts[begin..ends[row]]).filter(|text| !text.is_empty())?
            }
        };
        if self.reading.is_missing(cell) {
            return None;
        }
        let is_number = self.is_identifier && self.reading.numbers;
        Some(if is_number { identifier::number(cell) } else { cell })
    }
}

impl<'a> Texts<'a> {
    /// The cells of text, decoded if that is not UTF-8.
    fn of(batch: &'a dyn Batch, column: usize, reading: Reading<'a>) -> Self {
        let cells = batch.cells(column);
        let encoding = reading.encoding.filter(|encoding| encoding.is_single());
        let (Some(encoding), Some(_)) = (encoding, batch.fields()) else {
            return Self::Text(cells);
        };
        let rows = batch.rows();
        if cells.iter(rows).flatten().all(<[u8]>::is_ascii) {
            return Self::Text(cells);
        }
        let room: usize = cells.iter(rows).flatten().map(<[u8]>::len).sum();
        let texts = Zeroizing::new(Vec::with_capacity(Encoding::MOST * room));
        let mut written = Written { texts, ends: Vec::with_capacity(rows) };
        for cell in cells.iter(rows) {
            encoding.decode(cell.unwrap_or_default(), &mut written.texts);
            written.ends.push(written.texts.len());
        }
        Self::Written(written)
    }
}

impl Written {
    /// As long as a text can be: the digits and the sign of a number of 64 bits, a date before year
    /// 0 with its time.
    const LONGEST: usize = 24;

    /// Writes the values, or says which is the first that is no whole number.
    fn of(array: &ArrayRef) -> Result<Self, usize> {
        let texts = Zeroizing::new(Vec::with_capacity(array.len() * Self::LONGEST));
        let mut written = Self { texts, ends: Vec::with_capacity(array.len()) };
        match array.data_type() {
            DataType::Int8 => written.numbers::<Int8Type>(array),
            DataType::Int16 => written.numbers::<Int16Type>(array),
            DataType::Int32 => written.numbers::<Int32Type>(array),
            DataType::Int64 => written.numbers::<Int64Type>(array),
            DataType::UInt8 => written.numbers::<UInt8Type>(array),
            DataType::UInt16 => written.numbers::<UInt16Type>(array),
            DataType::UInt32 => written.numbers::<UInt32Type>(array),
            DataType::UInt64 => written.numbers::<UInt64Type>(array),
            DataType::Float32 => written.floats::<Float32Type>(array, f32::MANTISSA_DIGITS)?,
            DataType::Float64 => written.floats::<Float64Type>(array, f64::MANTISSA_DIGITS)?,
            DataType::Date32 => {
                written.add(array.as_primitive::<Date32Type>(), |days, out| {
                    day(SignedDuration::from_hours(24 * i64::from(days)), out)
                });
            }
            DataType::Date64 => {
                written.add(array.as_primitive::<Date64Type>(), |millis, out| {
                    day(SignedDuration::from_millis(millis), out)
                });
            }
            DataType::Timestamp(TimeUnit::Second, _) => {
                written.moments::<TimestampSecondType>(array, SignedDuration::from_secs)
            }
            DataType::Timestamp(TimeUnit::Millisecond, _) => {
                written.moments::<TimestampMillisecondType>(array, SignedDuration::from_millis)
            }
            DataType::Timestamp(TimeUnit::Microsecond, _) => {
                written.moments::<TimestampMicrosecondType>(array, SignedDuration::from_micros)
            }
            DataType::Timestamp(TimeUnit::Nanosecond, _) => {
                written.moments::<TimestampNanosecondType>(array, SignedDuration::from_nanos)
            }
            _ => unreachable!("the type was looked at before"),
        }
        Ok(written)
    }

    /// Writes numbers as identifiers.
    fn identifiers(array: &ArrayRef) -> Self {
        let texts = Zeroizing::new(Vec::with_capacity(array.len() * Self::LONGEST));
        let mut written = Self { texts, ends: Vec::with_capacity(array.len()) };
        match array.data_type() {
            DataType::Float64 => {
                written.add(array.as_primitive::<Float64Type>(), |number, out| match number {
                    number if number.is_nan() => Ok(()),
                    // Rounded: its last digits are lost, as in scientific notation.
                    number if number.abs() >= (1_u64 << f64::MANTISSA_DIGITS) as f64 => {
                        out.write_all(b"1E+16")
                    }
                    number if number.fract() != 0.0 => out.write_all(b"."),
                    number => write!(out, "{}", number as i64),
                });
            }
            DataType::Decimal32(_, scale) => {
                written.decimals::<Decimal32Type>(array, |value| whole(value.into(), *scale));
            }
            DataType::Decimal64(_, scale) => {
                written.decimals::<Decimal64Type>(array, |value| whole(value.into(), *scale));
            }
            DataType::Decimal128(_, scale) => {
                written.decimals::<Decimal128Type>(array, |value| whole(value, *scale));
            }
            DataType::Decimal256(_, scale) => {
                written.decimals::<Decimal256Type>(array, |value| whole(value.to_i128()?, *scale));
            }
            _ => {
                return Self::of(array).unwrap_or_else(|_| unreachable!("whole numbers are whole"));
            }
        }
        written
    }

    fn decimals<T: ArrowPrimitiveType>(
        &mut self,
        array: &ArrayRef,
        whole: impl Fn(T::Native) -> Option<i128>,
    ) {
        self.add(array.as_primitive::<T>(), |value, out| match whole(value) {
            None => out.write_all(b"."),
            // Of 18 digits: too many for an identifier, as all that are larger.
            Some(number) => write!(out, "{}", number.clamp(-BEYOND, BEYOND)),
        });
    }

    fn numbers<T: ArrowPrimitiveType<Native: std::fmt::Display>>(&mut self, array: &ArrayRef) {
        self.add(array.as_primitive::<T>(), |number, out| write!(out, "{number}"));
    }

    /// Writes numbers of so many binary digits, of which NaN is none. One that is not whole, or so
    /// large that it may be another rounded to it, is not written: it would be somebody else's.
    fn floats<T: ArrowPrimitiveType<Native: Into<f64>>>(
        &mut self,
        array: &ArrayRef,
        digits: u32,
    ) -> Result<(), usize> {
        let array = array.as_primitive::<T>();
        let is_exact =
            |number: f64| number.fract() == 0.0 && number.abs() < (1_u64 << digits) as f64;
        let is_fault = |number: f64| !number.is_nan() && !is_exact(number);
        if let Some(row) =
            array.iter().position(|number| number.is_some_and(|number| is_fault(number.into())))
        {
            return Err(row);
        }
        self.add(array, |number, out| match number.into() {
            number if number.is_nan() => Ok(()),
            number => write!(out, "{}", number as i64),
        });
        Ok(())
    }

    fn moments<T: ArrowTimestampType>(
        &mut self,
        array: &ArrayRef,
        since: impl Fn(i64) -> SignedDuration,
    ) {
        self.add(array.as_primitive::<T>(), |number, out| day(since(number), out));
    }

    fn add<T: ArrowPrimitiveType>(
        &mut self,
        array: &PrimitiveArray<T>,
        write: impl Fn(T::Native, &mut Vec<u8>) -> std::io::Result<()>,
    ) {
        let room = self.texts.capacity();
        for value in array {
            if let Some(value) = value {
                write(value, &mut self.texts).expect("a vector takes what is written");
            }
            self.ends.push(self.texts.len());
        }
        debug_assert_eq!(self.texts.capacity(), room, "a vector that grows leaves a copy behind");
    }
}

/// More than any identifier that is a number.
const BEYOND: i128 = 10_i128.pow(17);

/// Writes the day so long after 1970-01-01. What is not at midnight is written with its time, which
/// no date of birth is read from: it is a date that came through a time zone, and may be of the day
/// before. So is what no calendar has.
fn day(since: SignedDuration, out: &mut Vec<u8>) -> std::io::Result<()> {
    const EPOCH: DateTime = Date::constant(1970, 1, 1).to_datetime(Time::MIN);
    match EPOCH.checked_add(since) {
        Ok(at) if at.time() == Time::MIN => write!(out, "{}", at.date()),
        Ok(at) => {
            write!(out, "{}T{:02}:{:02}:{:02}", at.date(), at.hour(), at.minute(), at.second())
        }
        Err(_) => out.write_all(b"no date"),
    }
}
