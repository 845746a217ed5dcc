//! Look-up of people by civil status: the index of a register on disk, and search in it with errors
//! and scores.
//!
//! **A register's index is identity in clear**: names, dates and places of birth, identifiers. It
//! is written with mode 0600 and belongs on an encrypted volume. Nothing here prints a person: no
//! error, no `Debug` and no count shows a cell. A look-up says who somebody is to anyone who may
//! call it, so a program may call it only inside a run under a quorum, with the domain's minimum
//! batch.
//!
//! ```compile_fail,E0277
//! println!("{:?}", cstatns_base::civil_status::CivilStatus::default());
//! ```
//! ```compile_fail,E0277
//! println!("{:?}", cstatns_register::Answer::from(cstatns_register::MatchQuality::Near));
//! ```
//!
//! | step | call |
//! |---|---|
//! | which column is which field | [`Columns`](cstatns_base::civil_status::Columns) |
//! | rows of a register → index | [`Builder`], which refuses what cannot be right, with counts and lines |
//! | what names and codes of places were | [`Places`], once for each index |
//! | index and a sample of rows → what agreement weighs | [`Index::learn`], once for each file, which gives [`Weights`] |
//! | index → people | [`Index::look_up`], which gives a [`MatchQuality`] a score and, at the first three qualities, the identifier |
//!
//! # What is found
//!
//! Two spellings are the same when their normal forms are
//! ([`CivilStatus`](cstatns_base::civil_status::CivilStatus)). A row may have errors: one in any
//! trait, or one in each of two. Everybody of the register of whom such errors would make the row
//! is compared with it, trait by trait; the weight of each agreement is learnt from the register
//! and from the rows, without labels; and a person is given if the probability that it is them,
//! among all those and among people whom the register does not have, is at least [`CERTAIN`] and no
//! trait is against them. Everything else is `near`, `ambiguous` or `not-found`, and is not coded:
//! a wrong person is worse than none. SPEC.md §18 has the whole of it.

// The rooms, lowest first; a room uses only those above it in this list.

mod distance;

mod places;

mod traits;

mod faults;

mod layout;

mod index;

mod blocking;

mod builder;

mod compare;

mod weights;

mod candidates;

mod lookup;

mod evaluate;

mod learn;

mod french;

pub use builder::{BuildError, Builder, Built, Record, Stopped};
pub use cstatns_base::look_up::MatchQuality;
pub use evaluate::{Bin, Evaluation, Expected, Judged, Tally, Threshold, Truth, interval};
pub use faults::{Fault, Faults, Origin, Unit};
pub use index::{Index, IndexError, Stats};
pub use learn::SAMPLE;
pub use lookup::{Answer, CERTAIN, Query};
pub use places::Places;
pub use traits::TraitFault;
pub use weights::Weights;
