//! Places of birth.

use cstatns_base::civil_status::normalise::{PlaceCode, same};

use crate::blocking::District;
use crate::distance::{Nearness, nearness};
use crate::layout::Row;
use crate::places::{Places, present};
use crate::traits::Traits;

/// The place of birth.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Place {
    /// The code; abroad also the name.
    Same,
    /// By its name where a side has no code.
    Named,
    /// A code that it had or has become, a city and its borough, a department of Algeria, Mayotte
    /// and its former department.
    Related,
    /// The name with errors, where a side has no code, or within one country.
    Close,
    /// The country, no more being said on a side.
    Country,
    /// Another commune of the same department in France, or another borough of the same city.
    District,
    /// Another place.
    Other,
    /// Not said on a side.
    Missing,
}

impl Place {
    pub(crate) const LEVELS: usize = 7;

    pub(crate) fn of(asked: &Traits, row: &Row<'_>, places: &Places) -> Self {
        let names = nearness_of_names(&asked.libelle, row.libelle);
        let now = |code: Option<PlaceCode>, name, country| Some(present(code?, name, country));
        let is_one_code = asked.code == row.code;
        match (now(asked.code, &asked.libelle, &asked.pays), now(row.code, row.libelle, row.pays)) {
            (Some(a), Some(b)) if a == b && a.is_abroad() => match names {
                _ if asked.libelle.is_empty() || row.libelle.is_empty() => Self::Country,
                Nearness::Same => Self::Same,
                Nearness::Close | Nearness::Similar => Self::Close,
                Nearness::Far => Self::Other,
            },
            (Some(a), Some(b)) if a == b && is_one_code => Self::Same,
            (Some(a), Some(b)) => {
                let moved = names == Nearness::Same && (was_split(a, b) || is_in_algeria(a, b));
                let city = a.city() == b.city() && (a == a.city() || b == b.city());
                if moved || city || places.are_one(a, b) {
                    Self::Related
                } else if District::of(a) == District::of(b) {
                    Self::District
                } else {
                    Self::Other
                }
            }
            (a, b) => {
                let named = |code: Option<PlaceCode>, name: &str| {
                    code.is_some_and(|code| !name.is_empty() && places.is_named(code, name))
                };
                let silent = (a.is_none() && asked.libelle.is_empty())
                    || (b.is_none() && row.libelle.is_empty());
                if silent {
                    return country(asked, row);
                }
                if country(asked, row) == Self::Other {
                    return Self::Other;
                }
                if names == Nearness::Same || named(b, &asked.libelle) || named(a, row.libelle) {
                    return Self::Named;
                }
                match names {
                    _ if asked.libelle.is_empty() || row.libelle.is_empty() => Self::Missing,
                    Nearness::Close | Nearness::Similar => Self::Close,
                    _ => Self::Other,
                }
            }
        }
    }
}

/// What the countries say where nothing else is said. Born in France says nothing, since nearly
/// everybody is.
fn country(asked: &Traits, row: &Row<'_>) -> Place {
    let abroad = |code: Option<PlaceCode>| code.is_some_and(PlaceCode::is_abroad);
    if asked.pays.is_empty() || row.pays.is_empty() {
        Place::Missing
    } else if !same(&asked.pays, row.pays) {
        // Algeria was France.
        let was_france = [asked.code, row.code].contains(&Some(ALGERIA))
            && (*asked.pays == *"FRANCE" || row.pays == "FRANCE");
        if was_france { Place::Missing } else { Place::Other }
    } else if abroad(asked.code) || abroad(row.code) {
        Place::Country
    } else {
        Place::Missing
    }
}

const ALGERIA: PlaceCode = PlaceCode(*b"99352");

/// Departments 91 to 94 were Algeria's until 1962; their numbers were given to others in 1968.
fn is_in_algeria(a: PlaceCode, b: PlaceCode) -> bool {
    let is = |code: PlaceCode| matches!(code.0, [b'9', b'1'..=b'4', ..]);
    a == ALGERIA && is(b) || b == ALGERIA && is(a)
}

/// Communes of one name in one department, or in those into which Seine (75) and Seine-et-Oise (78)
/// were divided in 1968: one commune, whose code has changed.
fn was_split(a: PlaceCode, b: PlaceCode) -> bool {
    let seine =
        |code: PlaceCode| matches!(code.0, [b'7', b'5' | b'8', ..] | [b'9', b'1'..=b'5', ..]);
    District::of(a) == District::of(b) || seine(a) && seine(b)
}

/// As of any names; a city is also the beginning of the name of its borough.
fn nearness_of_names(a: &str, b: &str) -> Nearness {
    let borough = |city: &str, name: &str| {
        matches!(city.split(' ').next(), Some("PARIS" | "LYON" | "MARSEILLE"))
            && name.strip_prefix(city).is_some_and(|rest| rest.starts_with(' '))
    };
    if borough(a, b) || borough(b, a) { Nearness::Same } else { nearness(a, b) }
}
