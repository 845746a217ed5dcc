//! What is wrong with the rows of a register, counted.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt::{self, Write};

use cstatns_base::civil_status::Field;

use crate::traits::TraitFault;

/// Where a row stands, for messages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Origin {
    /// The file, from 0 in the order in which files are given.
    pub file: u16,
    /// What is counted in it.
    pub unit: Unit,
    /// Which of them, from 1.
    pub number: u32,
}

/// What a row is found by in its file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Unit {
    /// The line on which it begins: in CSV, where the header is on line 1.
    #[default]
    Line,
    /// The row: in Parquet.
    Row,
}

impl Unit {
    fn word(self) -> &'static str {
        match self {
            Self::Line => "line",
            Self::Row => "row",
        }
    }
}

/// What is wrong with a row of a register.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Fault {
    /// A cell whose bytes are not UTF-8; found by the reader of the file, and reported with
    /// [`refuse`](crate::Builder::refuse).
    Encoding,
    /// More or fewer fields than the file's header; found and reported likewise.
    Fields,
    /// No identifier, or none that the scheme accepts.
    Identifier,
    /// An `id` of more than 255 bytes.
    Id,
    /// A field of the civil status.
    Trait(TraitFault),
    /// A person with more than 1,000 rows: the column of ids is not one.
    Crowd,
    /// An identifier that another person has, or that another row has where rows have no `id`.
    Duplicate,
    /// A row of an update with an identifier that the register gives to another `id`.
    OtherPerson,
}

impl Fault {
    /// It continues "3 rows".
    fn text(self) -> Cow<'static, str> {
        let text = match self {
            Self::Encoding => {
                "with bytes that are not UTF-8, which iconv -f WINDOWS-1252 -t UTF-8 may fix"
            }
            Self::Fields => "with more or fewer fields than the header",
            Self::Identifier => "without a valid identifier",
            Self::Id => "with an id of more than 255 bytes",
            Self::Trait(TraitFault::Name) => "without a family name",
            Self::Trait(TraitFault::Date) => {
                "with a date that cannot be read or a year that is not from 1800 to next year"
            }
            Self::Trait(TraitFault::Sex) => {
                let forms = Field::Sexe.forms().unwrap_or_default();
                return format!("with a sex that is none of {forms}").into();
            }
            Self::Trait(TraitFault::PlaceCode) => "with a code of place that is not one",
            Self::Trait(TraitFault::TooLong) => "with a field longer than any name",
            Self::Crowd => "of a person who has more than 1000",
            Self::Duplicate => "with an identifier that stands in an earlier row",
            Self::OtherPerson => "with an identifier that the register gives to another id",
        };
        text.into()
    }
}

/// How many rows are wrong in which way, and where the first of them stand.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Faults(BTreeMap<Fault, (u64, Vec<Origin>)>);

impl Faults {
    /// How many places are told for each fault.
    const TOLD: usize = 5;

    pub(crate) fn add(&mut self, fault: Fault, origin: Origin) {
        let (count, origins) = self.0.entry(fault).or_default();
        *count += 1;
        // The least ones, in whatever order they are found.
        let at = origins.partition_point(|other| *other < origin);
        origins.insert(at, origin);
        origins.truncate(Self::TOLD);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Each fault with its number of rows and the first of them.
    pub fn iter(&self) -> impl Iterator<Item = (Fault, u64, &[Origin])> {
        self.0.iter().map(|(fault, (count, origins))| (*fault, *count, &origins[..]))
    }
}

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let files = self.iter().flat_map(|(_, _, origins)| origins).any(|origin| origin.file > 0);
        for (nth, (fault, count, origins)) in self.iter().enumerate() {
            let mut places = String::new();
            for (nth, Origin { file, unit, number }) in origins.iter().enumerate() {
                places.push_str(if nth == 0 { "" } else { ", " });
                if files {
                    write!(places, "file {} ", u32::from(*file) + 1)?;
                }
                write!(places, "{} {number}", unit.word())?;
            }
            let more = if count > origins.len() as u64 { ", …" } else { "" };
            let rows = if count == 1 { "row" } else { "rows" };
            write!(
                f,
                "{}{count} {rows} {} ({places}{more})",
                if nth == 0 { "" } else { "; " },
                fault.text()
            )?;
        }
        Ok(())
    }
}
