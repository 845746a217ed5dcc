//! Values as arrays of Arrow's types.

use std::sync::Arc;

use arrow_array::builder::{FixedSizeBinaryBuilder, StringBuilder};
use arrow_array::{ArrayRef, Float64Array, Int64Array, StringArray};
use cstatns_base::code::Code;

use super::Values;

/// The values as an array; codes are `binary` or text.
pub(super) fn array(values: &Values<'_>, binary: bool) -> ArrayRef {
    match values {
        Values::Index(indexes) => {
            let mut builder = FixedSizeBinaryBuilder::with_capacity(indexes.len(), 16);
            for index in *indexes {
                builder.append_value(index).expect("an index has 16 bytes");
            }
            Arc::new(builder.finish())
        }
        Values::Numbers(numbers) => {
            Arc::new(numbers.iter().map(|number| *number as i64).collect::<Int64Array>())
        }
        Values::Text(texts) | Values::Words(texts) => {
            Arc::new(texts.iter().copied().collect::<StringArray>())
        }
        Values::Codes(codes) if binary => {
            let mut builder = FixedSizeBinaryBuilder::with_capacity(codes.len(), 32);
            for code in *codes {
                match code {
                    Some(code) => builder.append_value(code.bytes()).expect("a code has 32 bytes"),
                    None => builder.append_null(),
                }
            }
            Arc::new(builder.finish())
        }
        Values::Codes(codes) => {
            let mut builder =
                StringBuilder::with_capacity(codes.len(), codes.len() * Code::MAX_TEXT);
            let mut text = Vec::with_capacity(Code::MAX_TEXT);
            for code in *codes {
                text.clear();
                match code {
                    Some(code) => {
                        code.write_text(&mut text);
                        builder.append_value(
                            std::str::from_utf8(&text).expect("a code's text is ASCII"),
                        );
                    }
                    None => builder.append_null(),
                }
            }
            Arc::new(builder.finish())
        }
        Values::Scores(scores) => {
            Arc::new(scores.iter().map(|score| score.map(f64::from)).collect::<Float64Array>())
        }
    }
}
