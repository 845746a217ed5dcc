//! What this crate says in French.

use std::fmt;

use crate::civil_status::ColumnsError;
use crate::code::CodeError;
use crate::domain::KeyState;
use crate::files::{AtWork, FileError, words_fr};
use crate::identifier::Reason;
use crate::look_up::{Level, LookUp, ScoreError};
use crate::name::NameError;

crate::french!(FileError {
    Self::Exists { path } => "{path:?} existe déjà et n'est jamais écrasé",
    Self::Missing { path } => "{path:?} n'existe pas",
    Self::Permission { path } => "l'accès à {path:?} n'est pas permis",
    Self::Full { path } => "il ne reste pas de place pour {path:?}",
    Self::NoRoom { path, needed, free } => "{path:?} prend au moins {needed} octets, et {free} sont libres à cet endroit",
    Self::Locked { path, holder: Some(holder) } => ("un autre processus tient {path:?} ({})", crate::language::fr(holder)),
    Self::Locked { path, holder: None } => "un autre processus tient {path:?}",
    Self::InUse { path } => "un autre processus travaille avec {path:?}",
    Self::NotRegular { path } => "{path:?} n'est pas un fichier ordinaire",
    Self::NotDirectory { path } => "{path:?} n'est pas un répertoire, ou se trouve sous quelque chose qui n'en est pas un",
    Self::TooLarge { path, limit } => "{path:?} dépasse les {limit} octets qu'un tel fichier peut avoir",
    Self::ReadOnly { path } => "{path:?} est sur un support où l'on ne peut pas écrire",
    Self::SizeLimit { path } => "{path:?} serait plus grand que le système ne le permet à un fichier",
    Self::TooManyOpen { path } => "{path:?} ne peut pas être ouvert, parce que trop de fichiers sont ouverts",
    Self::Storage { path } => "le stockage qui contient {path:?} signale une panne",
    Self::Broken { path } => "une écriture précédente dans {path:?} a échoué",
    Self::Randomness => "le système d'exploitation ne donne pas d'octets aléatoires",
    Self::Io { path, kind } => ("l'entrée ou la sortie a échoué sur {path:?} ({})", words_fr(*kind)),
});

crate::french!(AtWork {
    Self { verb, process, since, .. } => "`{verb}`, processus {process}, depuis {since}",
});

crate::french!(Reason {
    Self::Scientific => "notation scientifique : un tableur a remplacé les derniers chiffres",
    Self::WrongCharacter { position } => "le caractère {position} n'est pas admis à cet endroit",
    Self::WrongLength { found } => "{found} caractères sans espaces ne sont pas une longueur admise",
    Self::WrongForm { position } => "aucun identifiant n'a ce caractère à la position {position} après ceux qui précèdent",
    Self::WrongControlKey { found, expected } => "clé {found:02}, attendue {expected:02}",
});

crate::french!(ColumnsError {
    Self::Missing { field, column } => ("il n'y a pas de colonne {column:?} pour le champ {}", field.name()),
    Self::Twice { field, column } => "il y a deux colonnes {column:?}",
    Self::MappedTwice { field } => ("le champ {} reçoit deux colonnes", field.name()),
    Self::Shared { field, other } => ("une même colonne est donnée aux champs {} et {}", field.name(), other.name()),
});

crate::french!(CodeError {
    Self::Form => "pas un code : un code s'écrit c<génération>.<étiquette>.<52 caractères>",
    Self::Generation => "pas un code : sa génération n'est pas un nombre à partir de 1",
    Self::Tag => "pas un code : son étiquette n'a pas quatre caractères de a–z, 2–7",
    Self::Bytes => "pas un code : sa dernière partie n'a pas 52 caractères de base32 en minuscules",
});

crate::french!(ScoreError {
    Self => "un score est au plus 10000",
});

crate::french!(NameError {
    Self => "les noms de services, de détenteurs, de domaines, de parties et de finalités sont des codes : une \
        lettre minuscule, puis jusqu'à 31 lettres minuscules, chiffres ou tirets (par exemple `wages-2026`)",
});

impl crate::language::French for LookUp {
    fn french(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { register, accept, min_score, .. } = self;
        let accepted = match accept {
            Level::Found => "`found`",
            Level::Rectified => "`found` ou `rectified`",
            Level::UsageName => "`found`, `rectified` ou `usage-name`",
        };
        write!(
            f,
            "recherchées dans le répertoire {register} et codées seulement si {accepted}, avec un \
            score d'au moins {min_score}"
        )
    }
}

crate::french!(KeyState {
    Self::Active => "active",
    Self::ChainOnly => "seulement en chaîne",
    Self::Destroyed => "détruite",
    Self::Lost => "perdue",
});
