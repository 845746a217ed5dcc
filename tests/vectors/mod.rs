//! The vectors of `spec/vectors`: inputs, and what comes out of them by the library.

pub(crate) mod cards;
pub(crate) mod codes;
pub(crate) mod commitments;
pub(crate) mod file;
pub(crate) mod hetu;
pub(crate) mod ledger;
pub(crate) mod paper;
pub(crate) mod parcels;
pub(crate) mod people;
pub(crate) mod register;
pub(crate) mod seals;
pub(crate) mod shares;
pub(crate) mod statements;

use cstatns::name::Hex;
use cstatns::secret::Secret;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// What comes out of a vector's inputs.
pub(crate) type Run = fn(&Value) -> Value;

pub(crate) fn text<'a>(vector: &'a Value, field: &str) -> &'a str {
    vector[field].as_str().unwrap_or_else(|| panic!("{field} is missing in {vector}"))
}

pub(crate) fn number(vector: &Value, field: &str) -> u64 {
    vector[field].as_u64().unwrap_or_else(|| panic!("{field} is missing in {vector}"))
}

/// A field as the library reads it.
pub(crate) fn typed<T: DeserializeOwned>(vector: &Value, field: &str) -> T {
    serde_json::from_value(vector[field].clone()).unwrap_or_else(|error| panic!("{field}: {error}"))
}

pub(crate) fn bytes(vector: &Value, field: &str) -> Vec<u8> {
    data_encoding::HEXLOWER.decode(text(vector, field).as_bytes()).unwrap()
}

pub(crate) fn secret<const N: usize>(vector: &Value, field: &str) -> Secret<N> {
    secret_of(&typed::<Hex<N>>(vector, field).0)
}

pub(crate) fn secret_of<const N: usize>(bytes: &[u8; N]) -> Secret<N> {
    Secret::fill(|secret| *secret = *bytes)
}

pub(crate) fn hex(bytes: impl AsRef<[u8]>) -> String {
    data_encoding::HEXLOWER.encode(bytes.as_ref())
}
