//! What the name of a column says that it holds.

use cstatns_base::civil_status::Field;

use crate::header::folded;

pub use crate::header::trimmed;

/// What a column says of somebody, by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Says {
    /// A name, or an identifier.
    Who,
    /// A full date of birth.
    Born,
    /// A place of birth.
    Place,
}

/// Identifiers, without case, accents, separators and a number at the end.
const IDENTIFIERS: [&str; 7] = [
    "nir",
    "nss",
    "numsecu",
    "numerosecu",
    "numsecuritesociale",
    "numerosecuritesociale",
    "numerodesecuritesociale",
];

/// Names of people, likewise.
const WHO: [&str; 35] = [
    "nom",
    "noms",
    "nomusage",
    "nomdusage",
    "nomusuel",
    "nomnaissance",
    "nomdenaissance",
    "nomfamille",
    "nomdefamille",
    "nompatronymique",
    "nommarital",
    "nomjeunefille",
    "nomdejeunefille",
    "nomcomplet",
    "prenom",
    "prenoms",
    "prenomusuel",
    "nomprenom",
    "nomprenoms",
    "nometprenom",
    "nometprenoms",
    "prenomnom",
    "lastname",
    "surname",
    "familyname",
    "birthname",
    "maidenname",
    "usagename",
    "fullname",
    "firstname",
    "firstnames",
    "givenname",
    "givennames",
    "forename",
    "forenames",
];

const BORN: [&str; 12] = [
    "datenaissance",
    "datedenaissance",
    "datnais",
    "datenais",
    "datnaiss",
    "dtnais",
    "dtnaissance",
    "ddn",
    "birthdate",
    "dateofbirth",
    "birthday",
    "dob",
];

const PLACE: [&str; 18] = [
    "codelieu",
    "libellelieu",
    "lieunaissance",
    "lieudenaissance",
    "codelieunaissance",
    "libellelieunaissance",
    "communenaissance",
    "communedenaissance",
    "codecommunenaissance",
    "libellecommunenaissance",
    "communenais",
    "comnais",
    "villenaissance",
    "villedenaissance",
    "birthplace",
    "placeofbirth",
    "birthcity",
    "cityofbirth",
];

/// What the name of a column says that it holds, in any case and however its words are parted.
pub fn says(name: &[u8]) -> Option<Says> {
    let name = unnumbered(name);
    let lists = [
        (&IDENTIFIERS[..], Says::Who),
        (&WHO, Says::Who),
        (&BORN, Says::Born),
        (&PLACE, Says::Place),
    ];
    lists.into_iter().find(|(names, _)| names.contains(&&*name)).map(|(_, says)| says)
}

/// Whether the name of a column says that it holds identifiers.
pub fn is_identifier(name: &[u8]) -> bool {
    let (name, parts) = (unnumbered(name), trimmed(name).to_lowercase());
    let mut parts = parts.split(|c: char| !c.is_alphanumeric());
    IDENTIFIERS.contains(&&*name) || parts.any(|part| matches!(part, "nir" | "nss"))
}

/// The field of civil status that the name of a column says.
pub fn field(name: &[u8]) -> Option<Field> {
    let found = unnumbered(name);
    let is_named = |field: &Field| *field != Field::Id && folded(field.name().as_bytes()) == found;
    let named = Field::ALL.into_iter().find(is_named);
    named.or_else(|| BORN.contains(&&*found).then_some(Field::DateNaissance))
}

/// A name without case, accents and separators, and without a number at its end.
fn unnumbered(name: &[u8]) -> String {
    let letters = folded(name);
    letters.trim_end_matches(|c: char| c.is_ascii_digit()).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_known_in_any_case_and_spelling() {
        let who: [&[u8]; 14] = [
            b"nir",
            b"NIR",
            b"NIR2",
            b" Nir ",
            b"\xef\xbb\xbfnom",
            b"NOM_USAGE",
            b"Nom d'usage",
            b"Nom-Naissance",
            "Prénoms".as_bytes(),
            b"Pr\xe9nom",
            b"PRENOM_1",
            b"first_name",
            b"BirthName",
            b"\xc2\xa0nom",
        ];
        assert!(who.iter().all(|name| says(name) == Some(Says::Who)));
        for name in ["DATE_NAISSANCE", "datnais", "Date de naissance"] {
            assert_eq!(says(name.as_bytes()), Some(Says::Born), "{name}");
        }
        for name in ["code_lieu", "LIBELLE_LIEU", "Lieu de naissance"] {
            assert_eq!(says(name.as_bytes()), Some(Says::Place), "{name}");
        }
        for name in [
            "sexe",
            "annee_naissance",
            "commune",
            "depcom",
            "nombre",
            "pays",
            "id",
            "nom_commune",
            "2",
            "",
        ] {
            assert_eq!(says(name.as_bytes()), None, "{name}");
        }
    }
}
