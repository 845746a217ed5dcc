//! What this crate says in French.

use cstatns::french;
use cstatns::manifest::Content;

use crate::error::CodeFileError;

french!(CodeFileError {
    Self::Table(error) => (error),
    Self::OtherService { path, found, expected } => "{path:?} est une demande au service {found}, celui-ci est {expected}",
    Self::OtherDomain { path, found, expected } => "{path:?} est une demande pour le domaine `{found}`, non pour \
        `{expected}`",
    Self::Content { path, found } => ("{path:?} est une demande de {}", asks(*found)),
    Self::OtherCodes { path, found, expected } => (
        "{path:?} contient des codes de génération {} avec l'étiquette {}, ces clés renouvellent la génération {} de \
            l'étiquette {}",
        found.1, found.0, expected.1, expected.0
    ),
    Self::Commitment { path, rows, expected } => "{path:?} n'est pas la demande que décrit son manifeste : ses lignes ou \
        ses effectifs diffèrent (elle a \
        {rows} lignes, le manifeste en annonce {expected}), elle a été modifiée ou le manifeste est celui d'une autre",
    Self::Swapped { path } => "{path:?} a été modifié pendant la lecture, ou un autre fichier a été mis à sa place",
    Self::Keys => "les clés ne sont pas celles du domaine et de la génération que le résultat doit porter",
    Self::Coder(error) => (error),
    Self::Recheck(error) => (error),
    Self::Register(error) => (error),
});

fn asks(content: Content) -> &'static str {
    match content {
        Content::Identifiers { .. } => "coder des identifiants",
        Content::Codes { .. } => "renouveler des codes",
        Content::CivilStatus { .. } => "rechercher des personnes par état civil et les coder",
    }
}
