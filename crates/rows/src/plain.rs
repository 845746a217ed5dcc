//! The cells of a column as text, where Parquet has numbers or dates: as a CSV file would hold
//! them.

use std::io::Write;
use std::path::Path;

use arrow_array::cast::AsArray;
use arrow_array::types::{
    ArrowPrimitiveType, ArrowTimestampType, Date32Type, Date64Type, Float32Type, Float64Type,
    Int8Type, Int16Type, Int32Type, Int64Type, TimestampMicrosecondType, TimestampMillisecondType,
    TimestampNanosecondType, TimestampSecondType, UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use arrow_array::{Array, ArrayRef, PrimitiveArray};
use arrow_schema::{DataType, TimeUnit};
use jiff::SignedDuration;
use jiff::civil::{Date, DateTime, Time};
use zeroize::Zeroizing;

use crate::error::TableError;
use crate::table::{Batch, Cells, is_day, is_whole};
use cstatns_base::coded::ColumnName;

/// Whether values of this type are floating-point numbers. Software that has no empty cell among
/// whole numbers keeps a column of them as these.
fn is_float(kind: &DataType) -> bool {
    matches!(kind, DataType::Float32 | DataType::Float64)
}

/// The cells of a column of text, numbers or days.
pub enum Plain<'a> {
    /// As they stand.
    Text(Cells<'a>),
    /// As they were written.
    Written(Written),
}

/// What was written of values: wiped, and made at full size.
pub struct Written {
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
    ) -> Result<[Option<Self>; N], TableError> {
        let mut cells = [const { None }; N];
        for (cells, column) in cells.iter_mut().zip(columns) {
            *cells = column.map(|column| Self::of_one(path, batch, column)).transpose()?;
        }
        Ok(cells)
    }

    fn of_one(path: &Path, batch: &'a dyn Batch, column: usize) -> Result<Self, TableError> {
        let is_written = |kind| is_whole(kind) || is_float(kind) || is_day(kind);
        let values = batch.values().filter(|values| is_written(values.column(column).data_type()));
        let Some(values) = values else { return Ok(Self::Text(batch.cells(column))) };
        let written = Written::of(values.column(column)).map_err(|row| TableError::NotWhole {
            path: path.to_owned(),
            column: ColumnName::at(values.schema_ref().field(column).name().as_bytes(), column),
            row: row as u64 + 1,
        })?;
        Ok(Self::Written(written))
    }

    /// The bytes of a cell; none when it is null or empty.
    pub fn get(&self, row: usize) -> Option<&[u8]> {
        match self {
            Self::Text(cells) => cells.get(row),
            Self::Written(Written { texts, ends }) => {
                let begin = if row == 0 { 0 } else { ends[row - 1] };
                Some(&texts[begin..ends[row]]).filter(|text| !text.is_empty())
            }
        }
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
