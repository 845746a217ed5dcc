//! The types in which the values of a file are read: those that hold every value.

use std::panic::catch_unwind;
use std::sync::Arc;

use ::parquet::arrow::{ARROW_SCHEMA_META_KEY, parquet_to_arrow_schema};
use ::parquet::basic::{ConvertedType, Type as Physical};
use ::parquet::errors::ParquetError;
use ::parquet::file::metadata::{FileMetaData, KeyValue};
use ::parquet::schema::types::{ColumnDescPtr, SchemaDescriptor, Type, TypePtr};
use arrow_ipc::convert::fb_to_schema;
use arrow_schema::{DataType, Field, FieldRef, Schema, TimeUnit};
use data_encoding::BASE64;
use flatbuffers::VerifierOptions;

/// The columns of a file as they are read: in Parquet's types, without those that the library reads
/// in part; and in Arrow's, as the file says them.
///
/// An INTERVAL is read as its 12 bytes: the library has no type for months, days and milliseconds
/// together. A timestamp in 96 bits is read in microseconds, which hold the years that such files
/// use, in place of nanoseconds, which hold 1677 to 2262.
pub(super) fn types(file: &FileMetaData) -> Result<(SchemaDescriptor, Schema), ParquetError> {
    let columns =
        match file.schema_descr().columns().iter().any(|column| is_interval(column.self_type())) {
            true => SchemaDescriptor::new(bare(&file.schema_descr().root_schema_ptr())?),
            false => file.schema_descr().clone(),
        };
    let own = parquet_to_arrow_schema(&columns, None)?;
    // Where there are several, the library takes the last one.
    file.key_value_metadata().into_iter().flatten().try_for_each(check_size)?;
    let said = arrow_schema(&columns, file.key_value_metadata()).unwrap_or_else(|| own.clone());
    let mut leaves = columns.columns().iter();
    let fields =
        said.fields().iter().zip(own.fields()).map(|(said, own)| field(said, own, &mut leaves));
    let schema = Schema::new_with_metadata(fields.collect::<Vec<_>>(), said.metadata().clone());
    Ok((columns, schema))
}

/// The schema of Arrow in a file; none where it has a type that only its writer knows (an integer
/// of 128 bits), over some of which the library panics: then the file's own types say enough.
pub(super) fn arrow_schema(
    columns: &SchemaDescriptor,
    pairs: Option<&Vec<KeyValue>>,
) -> Option<Schema> {
    catch_unwind(|| parquet_to_arrow_schema(columns, pairs)).ok().and_then(Result::ok)
}

/// The schema of Arrow as the writer of the file put it there. [`arrow_schema`] is what the library
/// reads by it, which has lost the zone of times in seconds.
pub(super) fn written_schema(pair: &KeyValue) -> Option<Schema> {
    let bytes = BASE64.decode(pair.value.as_ref()?.as_bytes()).ok()?;
    let read = || {
        Some(fb_to_schema(arrow_ipc::root_as_message(message(&bytes)).ok()?.header_as_schema()?))
    };
    catch_unwind(read).ok().flatten()
}

/// The message in which a schema is, perhaps behind a mark and a length.
fn message(bytes: &[u8]) -> &[u8] {
    if bytes.starts_with(&[0xff; 4]) { bytes.get(8..).unwrap_or_default() } else { bytes }
}

/// How much larger than its bytes the schema of Arrow may be once it is unfolded: its parts may be
/// used many times over, so that a few kilobytes can stand for gigabytes. Arrow's writers use none
/// twice.
const UNFOLDED: usize = 16;
const UNFOLDED_SMALL: usize = 64 << 10;

/// Refuses a schema of Arrow that is much larger than its bytes, before the library copies all of
/// it.
fn check_size(pair: &KeyValue) -> Result<(), ParquetError> {
    let refused = || ParquetError::General(String::new());
    let Some(text) = pair.value.as_ref().filter(|_| pair.key == ARROW_SCHEMA_META_KEY) else {
        return Ok(());
    };
    let bytes = BASE64.decode(text.as_bytes()).map_err(|_| refused())?;
    let message = message(&bytes);
    let options = VerifierOptions {
        max_apparent_size: UNFOLDED * message.len() + UNFOLDED_SMALL,
        ..VerifierOptions::default()
    };
    arrow_ipc::root_as_message_with_opts(&options, message).map(|_| ()).map_err(|_| refused())
}

fn is_interval(column: &Type) -> bool {
    column.get_basic_info().converted_type() == ConvertedType::INTERVAL
}

/// The same without the annotation INTERVAL, at any depth.
fn bare(kind: &TypePtr) -> Result<TypePtr, ParquetError> {
    let info = kind.get_basic_info();
    let id = info.has_id().then(|| info.id());
    match kind.as_ref() {
        Type::PrimitiveType { type_length, physical_type, .. } if is_interval(kind) => {
            let builder = Type::primitive_type_builder(kind.name(), *physical_type)
                .with_length(*type_length)
                .with_repetition(info.repetition())
                .with_id(id);
            Ok(Arc::new(builder.build()?))
        }
        Type::PrimitiveType { .. } => Ok(kind.clone()),
        Type::GroupType { fields, .. } => {
            let fields = fields.iter().map(bare).collect::<Result<_, _>>()?;
            let mut builder = Type::group_type_builder(kind.name())
                .with_fields(fields)
                .with_converted_type(info.converted_type())
                .with_logical_type(info.logical_type_ref().cloned())
                .with_id(id);
            // The root has none.
            if info.has_repetition() {
                builder = builder.with_repetition(info.repetition());
            }
            Ok(Arc::new(builder.build()?))
        }
    }
}

type Leaves<'a> = std::slice::Iter<'a, ColumnDescPtr>;

fn field(said: &FieldRef, own: &FieldRef, leaves: &mut Leaves<'_>) -> FieldRef {
    let kind = kind(said.data_type(), own.data_type(), leaves);
    Arc::new(Field::clone(said).with_data_type(kind))
}

/// The type to read: what the file's Arrow schema says, `said`, unless that would change values of
/// the Parquet type `own`.
fn kind(said: &DataType, own: &DataType, leaves: &mut Leaves<'_>) -> DataType {
    match (said, own) {
        (DataType::List(said) | DataType::ListView(said), DataType::List(own)) => {
            DataType::List(field(said, own, leaves))
        }
        (DataType::LargeList(said) | DataType::LargeListView(said), DataType::List(own)) => {
            DataType::LargeList(field(said, own, leaves))
        }
        (DataType::FixedSizeList(said, size), DataType::List(own)) => {
            DataType::FixedSizeList(field(said, own, leaves), *size)
        }
        (DataType::Map(said, sorted), DataType::Map(own, _)) => {
            DataType::Map(field(said, own, leaves), *sorted)
        }
        (DataType::Struct(said), DataType::Struct(own)) => DataType::Struct(
            said.iter().zip(own).map(|(said, own)| field(said, own, leaves)).collect(),
        ),
        (said, own) if own.is_nested() && said != own => kind(own, own, leaves),
        _ => {
            let physical = leaves.next().map(|leaf| leaf.physical_type());
            let values = if let DataType::Dictionary(_, values) = said { values } else { said };
            match exact(values, own, physical) {
                Some(kind) => kind,
                None => said.clone(),
            }
        }
    }
}

/// The type to read in place of `said`, if there must be another.
fn exact(said: &DataType, own: &DataType, physical: Option<Physical>) -> Option<DataType> {
    match (said, own) {
        (DataType::Timestamp(_, zone), _) if physical == Some(Physical::INT96) => {
            Some(DataType::Timestamp(TimeUnit::Microsecond, zone.clone()))
        }
        // The library takes the number in one unit for one in another.
        (DataType::Timestamp(said, _), DataType::Timestamp(unit, _)) if said != unit => {
            Some(own.clone())
        }
        (DataType::Timestamp(..), DataType::Int32) => Some(own.clone()),
        // Text that nobody has checked.
        (DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View, DataType::Binary) => {
            Some(own.clone())
        }
        // It would be written as a number of milliseconds that only Arrow knows for a date.
        (DataType::Date64, DataType::Date32) => Some(own.clone()),
        (
            DataType::Decimal32(..)
            | DataType::Decimal64(..)
            | DataType::Decimal128(..)
            | DataType::Decimal256(..),
            DataType::Decimal128(..) | DataType::Decimal256(..),
        ) if decimal(said) != decimal(own) => Some(own.clone()),
        _ => None,
    }
}

fn decimal(kind: &DataType) -> Option<(u8, i8)> {
    match kind {
        DataType::Decimal32(precision, scale)
        | DataType::Decimal64(precision, scale)
        | DataType::Decimal128(precision, scale)
        | DataType::Decimal256(precision, scale) => Some((*precision, *scale)),
        _ => None,
    }
}
