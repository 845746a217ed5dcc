//! What a person reads, in two languages: English by `Display`, French by [`French`].

use std::fmt::{self, Display};

use serde::{Serialize, Serializer};

/// A language.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lang {
    /// English.
    En,
    /// French.
    Fr,
}

impl Lang {
    /// `said` in this language.
    pub fn of<T: Display + French + ?Sized>(self, said: &T) -> String {
        match self {
            Self::En => said.to_string(),
            Self::Fr => fr(said).to_string(),
        }
    }
}

/// A text as `format!` takes it, in a language: `text!(in lang, "English", "French", arguments)`.
/// One without the other does not compile, nor one that leaves out what the other says.
#[macro_export]
macro_rules! text {
    (in $lang:expr, $en:literal, $fr:literal $(, $($args:tt)*)?) => {
        match $lang {
            $crate::language::Lang::En => format!($en $(, $($args)*)?),
            $crate::language::Lang::Fr => format!($fr $(, $($args)*)?),
        }
    };
}

/// A text in both languages. Programs read the English one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Said {
    /// In English.
    pub en: String,
    /// In French.
    pub fr: String,
}

impl Said {
    /// What `said` says, in each language.
    pub fn of<T: Display + French + ?Sized>(said: &T) -> Self {
        both(|lang| lang.of(said))
    }
}

/// What is said, in each language.
pub fn both(text: impl Fn(Lang) -> String) -> Said {
    Said { en: text(Lang::En), fr: text(Lang::Fr) }
}

impl Display for Said {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.en)
    }
}

impl French for Said {
    fn french(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.fr)
    }
}

impl Serialize for Said {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.en)
    }
}

/// What says itself in French too.
///
/// [`french!`](crate::french!) implements it. Every error with a code does: without its French
/// sentence it is not [`Coded`](crate::coded::Coded), and does not compile.
pub trait French {
    /// Writes what `Display` writes in English.
    ///
    /// # Errors
    /// Those of the formatter.
    fn french(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result;
}

/// Something whose `Display` is French.
pub struct InFrench<'a, T: ?Sized>(&'a T);

/// `said` in French, to be written among other words.
pub fn fr<T: French + ?Sized>(said: &T) -> InFrench<'_, T> {
    InFrench(said)
}

impl<T: French + ?Sized> fmt::Display for InFrench<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.french(f)
    }
}

impl<T: French + ?Sized> French for Box<T> {
    fn french(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).french(f)
    }
}

impl<T: French + ?Sized> French for std::sync::Arc<T> {
    fn french(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).french(f)
    }
}

/// A few fixed words in both languages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Words {
    /// In English.
    pub en: &'static str,
    /// In French.
    pub fr: &'static str,
}

/// A few fixed words: `words!("English", "French")`.
#[macro_export]
macro_rules! words {
    ($en:literal, $fr:literal $(,)?) => {
        &$crate::language::Words { en: $en, fr: $fr }
    };
}

impl fmt::Display for Words {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.en)
    }
}

impl French for Words {
    fn french(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.fr)
    }
}

/// Implements [`French`](crate::language::French) for a type: for each pattern its sentence, as
/// `format!` takes it, or what is inside and says it.
///
/// ```
/// use std::path::PathBuf;
/// use cstatns_base::files::FileError;
/// use cstatns_base::language::fr;
///
/// enum Trouble {
///     File(FileError),
///     Row { path: PathBuf, row: u64 },
/// }
///
/// cstatns_base::french!(Trouble {
///     Self::File(error) => (error),
///     Self::Row { path, row } => ("{path:?} : la ligne {} est fausse", row + 1),
/// });
///
/// let trouble = Trouble::Row { path: "a.csv".into(), row: 6 };
/// assert_eq!(fr(&trouble).to_string(), "\"a.csv\" : la ligne 7 est fausse");
/// ```
///
/// A variant without its sentence does not compile:
///
/// ```compile_fail
/// enum Trouble { One, Two }
/// cstatns_base::french!(Trouble { Self::One => "un" });
/// ```
#[macro_export]
macro_rules! french {
    ($type:ty { $($pattern:pat $(if $guard:expr)? => $said:tt),* $(,)? }) => {
        #[allow(unused_variables)]
        impl $crate::language::French for $type {
            fn french(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                match self { $($pattern $(if $guard)? => $crate::french!(@say f $said)),* }
            }
        }
    };
    (@say $f:ident ($inner:ident)) => { $crate::language::French::french($inner, $f) };
    (@say $f:ident ($($said:tt)*)) => { write!($f, $($said)*) };
    (@say $f:ident $text:literal) => { write!($f, $text) };
}
