//! Which column of a file is which field of a person.

use super::normalise::{self, PlaceCode};
use super::{SCHEME, Years};
use crate::coded::{ColumnName, Coordinate, Fact};

/// A field of a person in a register, or of a row that asks for one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Field {
    /// Shows which rows of a register are one person; any text.
    Id,
    /// The identifier (*NIR*).
    Nir,
    /// The family name given at birth.
    Nom,
    /// The name that the person goes by (*nom d'usage*).
    NomUsage,
    /// The first names, all of them.
    Prenoms,
    /// The sex.
    Sexe,
    /// The date of birth.
    DateNaissance,
    /// The code of the commune or country of birth.
    CodeLieu,
    /// The name of the place of birth.
    LibelleLieu,
    /// The country of birth.
    Pays,
}

impl Field {
    /// Every field, in the order of INSEE's columns.
    pub const ALL: [Self; 10] = [
        Self::Id,
        Self::Nir,
        Self::Nom,
        Self::NomUsage,
        Self::Prenoms,
        Self::Sexe,
        Self::DateNaissance,
        Self::CodeLieu,
        Self::LibelleLieu,
        Self::Pays,
    ];

    /// The fields that a register cannot do without.
    pub const REGISTER: [Self; 6] =
        [Self::Nir, Self::Nom, Self::Prenoms, Self::Sexe, Self::DateNaissance, Self::CodeLieu];

    /// The fields that data to be looked up cannot do without; an empty cell is another matter.
    pub const QUERY: [Self; 3] = [Self::Nom, Self::Prenoms, Self::DateNaissance];

    /// The field's name in `--map`, and of its column unless that says otherwise.
    pub fn name(self) -> &'static str {
        match self {
            Self::Id => "id",
            Self::Nir => "nir",
            Self::Nom => "nom",
            Self::NomUsage => "nom_usage",
            Self::Prenoms => "prenoms",
            Self::Sexe => "sexe",
            Self::DateNaissance => "date_naissance",
            Self::CodeLieu => "code_lieu",
            Self::LibelleLieu => "libelle_lieu",
            Self::Pays => "pays",
        }
    }

    /// Whether a look-up can use the text, which is not empty, as this field: a name has a letter
    /// and is not too long, a date has one of these years, a sex, a code of a place or an
    /// identifier is one.
    pub fn reads(self, text: &str, years: Years) -> bool {
        match self {
            Self::Id => text.len() <= normalise::LONGEST,
            Self::Nir => SCHEME.parse(text.as_bytes()).is_ok(),
            Self::Nom | Self::NomUsage | Self::Prenoms | Self::Pays | Self::LibelleLieu => {
                let form = normalise::place_name(text);
                form.is_ok_and(|form| form.contains(char::is_alphabetic))
            }
            Self::Sexe => normalise::sex(text).is_some(),
            Self::DateNaissance => normalise::date(text, years).is_some_and(|date| date != 0),
            Self::CodeLieu => PlaceCode::read(text).is_some(),
        }
    }

    /// The forms in which a field is read, for messages; none where any text is one.
    pub fn forms(self) -> Option<&'static str> {
        match self {
            Self::Sexe => Some("1, M, H, HOMME or MASCULIN, 2, F, FEMME or FEMININ"),
            Self::DateNaissance => Some(
                "1984-05-12, 12/05/1984 or 19840512, with 00, 99 or XX where day or month is not \
                known, or 1984-05 or 1984, of a year from 1800 to next year; a time behind it is \
                midnight, 00:00:00",
            ),
            Self::CodeLieu => Some(
                "the five characters of a commune or country, such as 75056, 2A004 or 99352; \
                without its first zero, 1004",
            ),
            _ => None,
        }
    }

    /// [`Field::forms`] in French.
    pub fn forms_fr(self) -> Option<&'static str> {
        self.forms().map(|same| match self {
            Self::DateNaissance => {
                "1984-05-12, 12/05/1984 ou 19840512, avec 00, 99 ou XX quand le jour ou le mois \
                n'est pas connu, ou 1984-05 ou 1984, d'une année de 1800 à l'an prochain ; une \
                heure derrière est minuit, 00:00:00"
            }
            Self::CodeLieu => {
                "les cinq caractères d'une commune ou d'un pays, comme 75056, 2A004 ou 99352 ; \
                sans leur premier zéro, 1004"
            }
            Self::Sexe => "1, M, H, HOMME ou MASCULIN, 2, F, FEMME ou FEMININ",
            _ => same,
        })
    }

    /// Whether a column must be the wrong one for the field if most of its cells cannot be read.
    /// The others may hold anything.
    pub fn is_known_by_its_cells(self) -> bool {
        !matches!(self, Self::Id | Self::NomUsage | Self::LibelleLieu | Self::Pays)
    }

    /// The field of that name.
    pub fn of(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|field| field.name() == name)
    }
}

impl Coordinate for Field {
    fn add_to(&self, facts: &mut Vec<Fact>, name: &'static str) {
        self.name().add_to(facts, name);
    }
}

/// How many cells of a field's column are not empty, and what they are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Seen {
    /// Those that are not empty.
    pub filled: u64,
    /// Of these, those that cannot be read as the field ([`Field::reads`]).
    pub unread: u64,
    /// Of those that can be read, the ones that are too short for a date with a month: years alone.
    short: u64,
}

impl Seen {
    /// Counts a cell that is not empty.
    pub fn add(&mut self, text: &str, is_read: bool) {
        self.filled += 1;
        self.unread += u64::from(!is_read);
        self.short += u64::from(is_read && text.len() < "1984-05".len());
    }

    /// Both together.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self {
            filled: self.filled + other.filled,
            unread: self.unread + other.unread,
            short: self.short + other.short,
        }
    }

    /// Whether the column must be the wrong one for the field: more than half of its cells cannot
    /// be read.
    pub fn is_wrong(self, field: Field) -> bool {
        field.is_known_by_its_cells() && 2 * self.unread > self.filled
    }

    /// Whether what is read as years in a column of dates may be numbers of days: some cells are
    /// neither dates nor years, and at most one of a hundred has a month.
    pub fn may_be_days(self, field: Field) -> bool {
        let dates = self.filled - self.unread - self.short;
        field == Field::DateNaissance
            && self.unread > 0
            && self.short > 0
            && 100 * dates <= self.filled
    }
}

/// Where the fields are in a file. Those that it does not have are empty in every row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Columns([Option<usize>; Field::ALL.len()]);

impl Columns {
    /// Finds the fields in `header`, by the names that `map` gives (`--map FIELD=COLUMN`) or else
    /// by their own.
    ///
    /// # Errors
    /// [`ColumnsError`]: a field of `needed` or of `map` without its column, a column that is there
    /// twice, a field mapped twice, a column mapped to two fields.
    pub fn find(
        header: &[impl AsRef<[u8]>],
        map: &[(Field, &str)],
        needed: &[Field],
    ) -> Result<Self, ColumnsError> {
        let mut columns = [None; Field::ALL.len()];
        for (field, column) in Field::ALL.into_iter().zip(&mut columns) {
            let mut mapped =
                map.iter().filter(|(mapped, _)| *mapped == field).map(|(_, name)| *name);
            let given = mapped.next();
            if mapped.next().is_some() {
                return Err(ColumnsError::MappedTwice { field });
            }
            let name = given.unwrap_or(field.name());
            let mut found =
                header.iter().enumerate().filter(|(_, found)| found.as_ref() == name.as_bytes());
            *column = found.next().map(|(at, _)| at);
            if found.next().is_some() {
                return Err(ColumnsError::Twice { field, column: name.into() });
            }
            if column.is_none() && (given.is_some() || needed.contains(&field)) {
                return Err(ColumnsError::Missing { field, column: name.into() });
            }
        }
        // Fields have names of their own: only `map` can give two of them one column.
        let columns_of = |field: &Field| columns[*field as usize];
        for (field, _) in map {
            let shared = |other: &Field| other != field && columns_of(other) == columns_of(field);
            if let Some(other) = Field::ALL.into_iter().find(shared) {
                return Err(ColumnsError::Shared { field: *field, other });
            }
        }
        Ok(Self(columns))
    }

    /// The column of a field, from 0.
    pub fn of(&self, field: Field) -> Option<usize> {
        self.0[field as usize]
    }
}

/// Why the fields were not found. Names of columns are shown, never a cell.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ColumnsError {
    /// `missing-column`.
    #[error("there is no column {column:?} for the field {}", field.name())]
    Missing {
        /// The field.
        field: Field,
        /// The column that was looked for.
        column: ColumnName,
    },
    /// `column-twice`.
    #[error("there are two columns {column:?}")]
    Twice {
        /// The field.
        field: Field,
        /// The column.
        column: ColumnName,
    },
    /// `mapped-twice`.
    #[error("the field {} is given two columns", field.name())]
    MappedTwice {
        /// The field.
        field: Field,
    },
    /// `mapped-twice`.
    #[error("one column is given to the fields {} and {}", field.name(), other.name())]
    Shared {
        /// The field that is mapped.
        field: Field,
        /// Another one with the same column.
        other: Field,
    },
}

crate::coded!(ColumnsError {
    Self::Missing { field, column } => ("missing-column", Input, [field, column]),
    Self::Twice { field, column } => ("column-twice", Input, [field, column]),
    Self::MappedTwice { field } => ("mapped-twice", Input, [field]),
    Self::Shared { field, other } => ("mapped-twice", Input, [field, other]),
});

#[cfg(test)]
mod tests {
    use crate::coded::Coded as _;

    use super::*;
    use crate::civil_status::years::years_of;

    #[test]
    fn fields_are_found_by_their_names_or_by_those_given() {
        let header =
            ["nir", "pays", "NAME", "prenoms", "sexe", "date_naissance", "code_lieu", "other"];
        let columns = Columns::find(&header, &[(Field::Nom, "NAME")], &Field::REGISTER).unwrap();
        assert_eq!((columns.of(Field::Nom), columns.of(Field::Pays)), (Some(2), Some(1)));
        assert_eq!((columns.of(Field::Id), columns.of(Field::NomUsage)), (None, None));
    }

    #[test]
    fn what_is_missing_or_double_is_named() {
        let code = |header: &[&str], map: &[(Field, &str)]| {
            Columns::find(header, map, &[Field::Nom]).map_err(|error| error.code())
        };
        assert_eq!(code(&["prenoms"], &[]), Err("missing-column"));
        assert_eq!(code(&["nom", "nom"], &[]), Err("column-twice"));
        assert_eq!(code(&["nom"], &[(Field::Id, "key")]), Err("missing-column"));
        assert_eq!(
            code(&["nom", "a"], &[(Field::Id, "a"), (Field::Id, "nom")]),
            Err("mapped-twice")
        );
        assert_eq!(code(&["nom", "prenoms"], &[(Field::Nom, "prenoms")]), Err("mapped-twice"));
        assert_eq!(
            code(&["nom", "a"], &[(Field::Id, "a"), (Field::Nir, "a")]),
            Err("mapped-twice")
        );
        assert!(
            code(&["nom", "prenoms"], &[(Field::Nom, "prenoms"), (Field::Prenoms, "nom")]).is_ok()
        );
        assert!(code(&["nom"], &[]).is_ok());
    }

    #[test]
    fn a_field_reads_what_a_look_up_can_use() {
        let long = "St-".repeat(84);
        for (field, read, unread) in [
            (Field::Id, "7", &*"7".repeat(256)),
            (Field::Nir, "2 84 05 88 321 025", "284058832102533"),
            (Field::Nom, "D'Allemane", "117091320400164"),
            (Field::NomUsage, "محمد 7", "--- '"),
            (Field::Prenoms, "Zoé Marie-Claire", "2"),
            (Field::LibelleLieu, "Paris 1er", &long),
            (Field::Pays, "FRANCE", "99100"),
            (Field::Sexe, "f", "female"),
            (Field::Sexe, " F\u{e9}minin", "-1"),
            (Field::Sexe, "2.0", "2.00"),
            (Field::DateNaissance, "1950-05-12 00:00:00", "1950-05-12 00:00:01"),
            (Field::DateNaissance, "19500512.0", "19500512.5"),
            (Field::DateNaissance, "99/99/1950", "99/99/99"),
            (Field::DateNaissance, "12/05/1950", "12/05/50"),
            (Field::DateNaissance, "12/05/1950", "12MAY1950"),
            (Field::CodeLieu, "75112.0", "75112.5"),
            (Field::CodeLieu, "99999", "999999"),
            (Field::DateNaissance, "12/05/1984", "0000-00-00"),
            (Field::DateNaissance, "1984", "45-2024 x"),
            (Field::DateNaissance, "1800", "1799-12-31"),
            (Field::DateNaissance, "31/12/2027", "2028"),
            (Field::CodeLieu, "1344", "Paris"),
        ] {
            let years = years_of("2026-11-28T00:00:00Z");
            assert!(field.reads(read, years) && !field.reads(unread, years), "{}", field.name());
        }
    }

    /// What messages say is read, is.
    #[test]
    fn the_forms_of_a_field_are_read() {
        let years = years_of("2026-11-28T00:00:00Z");
        let mut read = 0;
        for field in Field::ALL {
            let Some(forms) = field.forms() else { continue };
            let words = forms.split([' ', ',', ';']);
            let of_date = |word: &&str| word.len() >= 4 && !word.contains(':');
            let is_form = |word: &&str| match field {
                Field::Sexe => !matches!(*word, "" | "or"),
                _ => word.starts_with(|c: char| c.is_ascii_digit()) && of_date(word),
            };
            for form in words.filter(is_form) {
                assert!(field.reads(form, years), "{}: {form}", field.name());
                read += 1;
            }
        }
        assert_eq!(read, 9 + 6 + 4);
        for (unknown, midnight) in [("00", ""), ("99", " 00:00:00"), ("XX", "T00:00:00")] {
            let date = format!("1984-05-{unknown}{midnight}");
            assert!(Field::DateNaissance.reads(&date, years), "{date}");
        }
    }

    #[test]
    fn a_column_of_numbers_of_days_is_wrong_or_doubtful() {
        let years = years_of("2026-11-28T00:00:00Z");
        let seen = |cells: &[(&str, u64)]| {
            let field = Field::DateNaissance;
            let each = cells.iter().flat_map(|(text, times)| (0..*times).map(move |_| *text));
            let mut seen = Seen::default();
            each.for_each(|text| seen.add(text, field.reads(text, years)));
            (seen.is_wrong(field), seen.may_be_days(field))
        };
        let (fine, doubtful, wrong) = ((false, false), (false, true), (true, true));
        assert_eq!(seen(&[("1975", 500), ("9862", 501)]), wrong);
        assert_eq!(seen(&[("1975", 500), ("9862", 500)]), doubtful);
        assert_eq!(seen(&[("1975", 999), ("9862", 1)]), doubtful);
        assert_eq!(seen(&[("1975", 989), ("1975-02-03", 10), ("-3653", 1)]), doubtful);
        // Years alone, a column of dates, an empty one.
        assert_eq!(seen(&[("1975", 1000)]), fine);
        assert_eq!(seen(&[("1975", 988), ("1975-02", 11), ("9862", 1)]), fine);
        assert_eq!(seen(&[("1975-02-03", 600), ("0000-00-00", 400)]), fine);
        assert_eq!(seen(&[]), fine);
        let names = Seen { filled: 3, unread: 2, short: 1 };
        assert!(
            names.is_wrong(Field::Nom)
                && !names.is_wrong(Field::Pays)
                && !names.may_be_days(Field::Nom)
        );
    }

    #[test]
    fn names_and_fields_go_together() {
        for (at, field) in Field::ALL.into_iter().enumerate() {
            assert_eq!((field as usize, Field::of(field.name())), (at, Some(field)));
        }
        assert_eq!(Field::of("Nom"), None);
    }
}
