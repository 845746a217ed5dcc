//! The controller's side of cstatns: data becomes a request, and codes come back to it (SPEC §6).
//! Nothing here can code.
//!
//! | file | columns, in this order |
//! |---|---|
//! | request | `index`, then `identifier` (coding), the fields of civil status (look-up) or `code` (renewal) |
//! | result | `index`, `code`, after a coding or look-up `quality`, after a look-up `score` too |
//! | retained | `index`, `row`, `column` where several columns were sent, `status` |
//! | payload | `index`, then every other column of the data: to a linking body, instead of a retained file |
//! | attached | `code`, `quality` and `score` as in the result, of several columns `C_code` and `C_quality` of each column `C`, then every other column of the data |
//!
//! Requests, results and retained files may be of either type. Attached files carry the data's
//! other columns as they are, so they are of the data's type, and come in its order. Data, retained
//! and attached rows may be frames instead: Arrow record batches in memory. Attached files are
//! written as the data is, the others with commas. All of them are recognised by their
//! header when they are read.
//!
//! From a frame to a request, and which row each index is of to a frame again:
//!
//! ```
//! use std::sync::Arc;
//!
//! use cstatns_base::identifier::Scheme;
//! use cstatns_base::meta::ServiceId;
//! use cstatns_base::name::{Hex, Name};
//! use cstatns_controller::{Column, Prepare, prepare};
//! use cstatns_rows::arrow_array::{
//!     ArrayRef, Int64Array, RecordBatch, RecordBatchIterator, StringArray,
//! };
//! use cstatns_rows::effort::Effort;
//! use cstatns_rows::sink::Output;
//! use cstatns_rows::table::Input;
//!
//! // An invented identifier, and a wage.
//! let nir: ArrayRef = Arc::new(StringArray::from(vec!["117091320400164"]));
//! let wage: ArrayRef = Arc::new(Int64Array::from(vec![2100]));
//! let batch = RecordBatch::try_from_iter([("nir", nir), ("wage", wage)])?;
//! let batches = RecordBatchIterator::new([Ok(batch.clone())], batch.schema());
//!
//! let directory = tempfile::tempdir()?;
//! let mut retained = Vec::new();
//! let mut take = |batch: RecordBatch| {
//!     retained.push(batch);
//!     Ok(())
//! };
//! let prepared = prepare(
//!     Prepare {
//!         data: Input::Frame { name: "wages", rows: Some(1), batches: Box::new(batches) }.into(),
//!         column: Column::Identifiers { columns: &["nir"], scheme: Scheme::FrNir },
//!         service: &ServiceId::of("nso.abcdefghijklmnopqrstuvwxyz").ok_or("an id")?,
//!         // That and the key are on the service's card.
//!         signing: &Hex([7; 32]),
//!         domain: &Name::new("population")?,
//!         request: &directory.path().join("request.csv"),
//!         beside: Output::Frame(&mut take).into(),
//!         delimiter: b',',
//!         reading: cstatns_rows::reading::Reading::default(),
//!         accepted: &[],
//!         // In clear: it would say the party and the request key that make it a parcel.
//!         sending: None,
//!     },
//!     &Effort::default(),
//! )?;
//! assert_eq!((prepared.rows, retained[0].schema().field(1).name().as_str()), (1, "row"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! The rooms of this crate, lowest first; a room uses only those above it in this list.

mod origin;

mod known;

mod named;

mod data;

mod attach;

mod check;

mod compare;

mod inspect;

mod prepare;

mod manifest;

mod french;

pub use attach::{
    Attach, AttachError, AttachPayload, Attached, AttachedPayload, NotDestroyed, attach,
    attach_and_destroy, attach_payload,
};
pub use check::{CheckError, FileFacts, Summary, check, summarise};
pub use compare::{CodedPair, compare};
pub use data::{Data, DataFile, FilesError, data_files};
pub use inspect::{Inspect, Inspected, Inspection, Places, Read, Text, inspect};
pub use manifest::{Describe, describe};
pub use prepare::{
    Beside, Column, Findings, Kept, Prepare, PrepareError, Prepared, Risk, Tried, Try, prepare,
    try_out,
};
