//! Look-up of people by civil status: the index of a register on disk, and exact and normalised search in it.
//!
//! **A register's index is identity in clear**: names, dates and places of birth, identifiers. It is written with mode 0600
//! and belongs on an encrypted volume. Nothing here prints a person: no error, no `Debug` and no count shows a cell. A
//! look-up tells who somebody is to anyone who may call it, so a program may call it only inside a run under a quorum, with
//! the domain's minimum batch.
//!
//! ```compile_fail,E0277
//! println!("{:?}", cstatns_register::CivilStatus::default());
//! ```
//! ```compile_fail,E0277
//! println!("{:?}", cstatns_register::Answer::from(cstatns_register::Quality::Near));
//! ```
//!
//! | step | call |
//! |---|---|
//! | which column is which field | [`Columns`] |
//! | rows of a register → index | [`Builder`], which refuses what cannot be right, with counts and lines |
//! | what names and codes of places were | [`Places`], once for each index |
//! | index → people | [`Index::look_up`], which gives a [`Quality`] and, at the first three of them, the identifier |
//!
//! # What is found
//!
//! Two spellings are the same when their normal forms are ([`CivilStatus`]). A row of a file is coded when every trait
//! agrees, or all but one that differs in a way which has a rule (a title, a particle, first names in another order), and
//! when nobody else could be meant in the same way. There are no scores at this level, and no errors of typing are
//! overcome: what has no rule is `near`, `ambiguous` or `not-found`, and is not coded. A wrong person is worse than none.

mod build;
mod columns;
mod compare;
mod faults;
mod index;
mod layout;
mod lookup;
mod normalise;
mod places;
mod traits;

pub use build::{BuildError, Builder, Built, Record};
pub use columns::{Columns, ColumnsError, Field};
pub use faults::{Fault, Faults, Origin, Unit};
pub use index::{Index, IndexError, Stats};
pub use lookup::{Answer, Quality, Query};
pub use places::Places;
pub use traits::{CivilStatus, TraitFault};
