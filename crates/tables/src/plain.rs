//! The cells of a column as text, where Parquet has whole numbers or dates: as a CSV file would hold them.

use std::io::Write;

use arrow_array::cast::AsArray;
use arrow_array::types::{
    ArrowPrimitiveType, ArrowTimestampType, Date32Type, Date64Type, Int8Type, Int16Type, Int32Type,
    Int64Type, TimestampMicrosecondType, TimestampMillisecondType, TimestampNanosecondType,
    TimestampSecondType, UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use arrow_array::{Array, ArrayRef, PrimitiveArray};
use arrow_schema::{DataType, TimeUnit};
use jiff::SignedDuration;
use jiff::civil::{Date, DateTime, Time};
use zeroize::Zeroizing;

use crate::table::{Batch, Cells};

/// Whether values of this type are whole numbers.
pub(crate) fn is_whole(kind: &DataType) -> bool {
    kind.is_integer()
}

/// Whether values of this type are days. The day of a moment in a time zone depends on where it is asked for, and so does that
/// of a date of birth that was kept as one.
pub(crate) fn is_day(kind: &DataType) -> bool {
    matches!(kind, DataType::Date32 | DataType::Date64 | DataType::Timestamp(_, None))
}

/// The cells of a column of text, whole numbers or days.
pub(crate) enum Plain<'a> {
    Text(Cells<'a>),
    Written(Written),
}

/// What was written of values: wiped, and made at full size.
pub(crate) struct Written {
    texts: Zeroizing<Vec<u8>>,
    /// Where each text ends; that of a null is empty.
    ends: Vec<usize>,
}

impl<'a> Plain<'a> {
    pub(crate) fn of(batch: &'a Batch, column: usize) -> Self {
        let array = batch.values().map(|values| values.column(column));
        match array.filter(|array| is_whole(array.data_type()) || is_day(array.data_type())) {
            Some(array) => Self::Written(Written::of(array)),
            None => Self::Text(batch.cells(column)),
        }
    }

    /// The bytes of a cell; none when it is null or empty.
    pub(crate) fn get(&self, row: usize) -> Option<&[u8]> {
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
    /// As long as a text can be: the digits and the sign of a number of 64 bits, a date before year 0 with its time.
    const LONGEST: usize = 24;

    fn of(array: &ArrayRef) -> Self {
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
        written
    }

    fn numbers<T: ArrowPrimitiveType<Native: std::fmt::Display>>(&mut self, array: &ArrayRef) {
        self.add(array.as_primitive::<T>(), |number, out| write!(out, "{number}"));
    }

    fn moments<T: ArrowTimestampType>(&mut self, array: &ArrayRef, since: impl Fn(i64) -> SignedDuration) {
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

/// Writes the day so long after 1970-01-01. What is not at midnight is written with its time, which no date of birth is read
/// from: it is a date that came through a time zone, and may be of the day before. So is what no calendar has.
fn day(since: SignedDuration, out: &mut Vec<u8>) -> std::io::Result<()> {
    const EPOCH: DateTime = Date::constant(1970, 1, 1).to_datetime(Time::MIN);
    match EPOCH.checked_add(since) {
        Ok(at) if at.time() == Time::MIN => write!(out, "{}", at.date()),
        Ok(at) => write!(out, "{}T{:02}:{:02}:{:02}", at.date(), at.hour(), at.minute(), at.second()),
        Err(_) => out.write_all(b"no date"),
    }
}
