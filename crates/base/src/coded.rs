//! What every error of these crates says besides its text: a stable code, who is at fault, and
//! public coordinates.
//!
//! A library says what is wrong. What to do about it depends on the program, which renders it from
//! the code and the facts.

use std::error::Error;
use std::fmt;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use jiff::civil::Date;

use crate::language::{French, Words};

/// An error with a stable code, somebody at fault, and facts that may be shown to anybody.
///
/// [`coded!`](crate::coded!) implements it from one table for each type.
pub trait Coded: Error + French {
    /// The stable short code of this error: lower-case words with dashes between them.
    fn code(&self) -> &'static str;

    /// Who is at fault, as far as this error can know.
    fn blame(&self) -> Blame;

    /// The coordinates of what is wrong: names and numbers, never a value of the data.
    fn facts(&self) -> Vec<Fact>;
}

/// Who is at fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Blame {
    /// The person who asked: a file, a name or a time that was given.
    Input,
    /// Another party of the scheme: what it sent, or has not sent yet.
    OtherSide,
    /// Somebody who changed or removed what must not be: the auditor is called.
    Tampering,
    /// The computer and its storage, or this version of the program.
    Machine,
}

/// One public coordinate, by name. Only the types that implement [`Coordinate`] make one, and no
/// free text does:
///
/// ```compile_fail
/// use cstatns_base::coded::{Coordinate, Fact};
/// let mut facts: Vec<Fact> = Vec::new();
/// String::from("a cell of the data").add_to(&mut facts, "column");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fact {
    name: &'static str,
    value: String,
}

impl Fact {
    pub(crate) fn new(name: &'static str, value: impl fmt::Display) -> Self {
        Self { name, value: value.to_string() }
    }

    /// The name of the coordinate: `path`, `row`, `custodian` …
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Its value as text.
    pub fn value(&self) -> &str {
        &self.value
    }
}

/// A type whose values are public whatever they are: a number, a checked name, a path, a word that
/// the program itself has.
///
/// Other crates implement it for a type by that of a part of it; the text of a fact is made in this
/// crate alone.
pub trait Coordinate {
    /// Adds this value to `facts` as the coordinate `name`: once, for each of several values, or
    /// not at all if there is none.
    fn add_to(&self, facts: &mut Vec<Fact>, name: &'static str);
}

macro_rules! shown {
    ($($type:ty),*) => {$(
        impl Coordinate for $type {
            fn add_to(&self, facts: &mut Vec<Fact>, name: &'static str) {
                facts.push(Fact::new(name, self));
            }
        }
    )*};
}

shown!(
    u8,
    i32,
    u32,
    u64,
    usize,
    &'static str,
    Date,
    Timestamp,
    ErrorKind,
    ColumnName,
    &'static Words
);

/// A fact of an error inside keeps its own name.
impl Coordinate for Fact {
    fn add_to(&self, facts: &mut Vec<Fact>, _: &'static str) {
        facts.push(self.clone());
    }
}

impl Coordinate for char {
    fn add_to(&self, facts: &mut Vec<Fact>, name: &'static str) {
        match self {
            '\t' => "tab".add_to(facts, name),
            other => facts.push(Fact::new(name, other)),
        }
    }
}

impl Coordinate for Path {
    fn add_to(&self, facts: &mut Vec<Fact>, name: &'static str) {
        facts.push(Fact::new(name, self.display()));
    }
}

impl Coordinate for PathBuf {
    fn add_to(&self, facts: &mut Vec<Fact>, name: &'static str) {
        self.as_path().add_to(facts, name);
    }
}

impl<T: Coordinate> Coordinate for Option<T> {
    fn add_to(&self, facts: &mut Vec<Fact>, name: &'static str) {
        self.as_slice().add_to(facts, name);
    }
}

impl<T: Coordinate> Coordinate for [T] {
    fn add_to(&self, facts: &mut Vec<Fact>, name: &'static str) {
        self.iter().for_each(|value| value.add_to(facts, name));
    }
}

impl<T: Coordinate> Coordinate for Vec<T> {
    fn add_to(&self, facts: &mut Vec<Fact>, name: &'static str) {
        self.as_slice().add_to(facts, name);
    }
}

/// The name of a column as an error may show it: escaped, cut to 60 characters, and withheld if it
/// could be a value, as in a file whose first row stands where the header should.
#[derive(Clone, PartialEq, Eq)]
pub struct ColumnName(String);

impl ColumnName {
    /// So many digits in one name are of an identifier, a date or a telephone number.
    const DIGITS: usize = 5;
    /// So many letters and digits in a row are of a code or a key.
    const IN_A_ROW: usize = 32;

    /// The name `name`, or `number 3` for the column at 2 if the name could be a value.
    pub fn at(name: &[u8], column: usize) -> Self {
        match Self::could_be_value(name) {
            true => Self::number(column),
            false => {
                let text = match std::str::from_utf8(name) {
                    Ok(text) => text.to_owned(),
                    // Windows-1252, whose accents are those of Unicode.
                    Err(_) => name.iter().map(|byte| char::from(*byte)).collect(),
                };
                Self(text.escape_debug().take(60).collect())
            }
        }
    }

    /// The column at `column`, from 0, by its number from 1.
    pub fn number(column: usize) -> Self {
        Self(format!("number {}", column + 1))
    }

    /// Whether a name could be a value.
    pub fn could_be_value(name: &[u8]) -> bool {
        let digits = name.iter().filter(|byte| byte.is_ascii_digit()).count();
        let mut rows = name.split(|byte| !byte.is_ascii_alphanumeric());
        digits >= Self::DIGITS || rows.any(|row| row.len() >= Self::IN_A_ROW)
    }
}

impl From<&str> for ColumnName {
    /// The name that somebody asked for; `…` if it could be a value.
    fn from(name: &str) -> Self {
        match Self::could_be_value(name.as_bytes()) {
            true => Self("…".to_owned()),
            false => Self::at(name.as_bytes(), 0),
        }
    }
}

impl fmt::Display for ColumnName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for ColumnName {
    /// As it is shown, in quotes: it is escaped already.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\"", self.0)
    }
}

/// Implements [`Coded`](crate::coded::Coded) for an error type: for each pattern its code, its
/// blame and its facts, or the error inside that answers, to whose facts others may be added.
///
/// ```
/// use std::path::PathBuf;
/// use cstatns_base::coded::{Blame, Coded};
/// use cstatns_base::files::FileError;
///
/// #[derive(Debug, thiserror::Error)]
/// enum Trouble {
///     #[error(transparent)]
///     File(FileError),
///     #[error("{path:?} has a bad row {row}")]
///     Row { path: PathBuf, row: u64 },
/// }
///
/// cstatns_base::coded!(Trouble {
///     Self::File(error) => (error),
///     Self::Row { path, row } => ("bad-row", Input, [path, row]),
/// });
///
/// cstatns_base::french!(Trouble {
///     Self::File(error) => (error),
///     Self::Row { path, row } => "{path:?} a une ligne {row} fausse",
/// });
///
/// let trouble = Trouble::Row { path: "a.csv".into(), row: 7 };
/// assert_eq!((trouble.code(), trouble.blame()), ("bad-row", Blame::Input));
/// assert_eq!((trouble.facts()[1].name(), trouble.facts()[1].value()), ("row", "7"));
/// ```
#[macro_export]
macro_rules! coded {
    ($error:ty { $($pattern:pat => $answer:tt),* $(,)? }) => {
        #[allow(unused_variables)]
        impl $crate::coded::Coded for $error {
            fn code(&self) -> &'static str {
                match self { $($pattern => $crate::coded!(@code $answer)),* }
            }
            fn blame(&self) -> $crate::coded::Blame {
                match self { $($pattern => $crate::coded!(@blame $answer)),* }
            }
            fn facts(&self) -> Vec<$crate::coded::Fact> {
                match self { $($pattern => $crate::coded!(@facts $answer)),* }
            }
        }
    };
    (@code ($code:literal $($rest:tt)*)) => { $code };
    (@code ($inner:ident $($rest:tt)*)) => {{
        use $crate::coded::Coded as _;
        $inner.code()
    }};
    (@blame ($code:literal, $blame:ident, $facts:tt)) => { $crate::coded::Blame::$blame };
    (@blame ($inner:ident, $blame:ident, $facts:tt)) => { $crate::coded::Blame::$blame };
    (@blame ($inner:ident $(, $facts:tt)?)) => {{
        use $crate::coded::Coded as _;
        $inner.blame()
    }};
    (@facts ($code:literal, $blame:ident, [$($name:ident $(: $value:expr)?),*])) => {{
        #[allow(unused_mut)]
        let mut facts = Vec::new();
        $($crate::coded!(@fact facts $name $(: $value)?);)*
        facts
    }};
    (@facts ($inner:ident $(, $blame:ident)? , [$($name:ident $(: $value:expr)?),*])) => {{
        use $crate::coded::Coded as _;
        #[allow(unused_mut)]
        let mut facts = $inner.facts();
        $($crate::coded!(@fact facts $name $(: $value)?);)*
        facts
    }};
    (@facts ($inner:ident)) => { $crate::coded!(@facts ($inner, [])) };
    (@fact $facts:ident $name:ident) => {
        $crate::coded::Coordinate::add_to($name, &mut $facts, stringify!($name))
    };
    (@fact $facts:ident $name:ident : $value:expr) => {
        $crate::coded::Coordinate::add_to(&$value, &mut $facts, stringify!($name))
    };
}
