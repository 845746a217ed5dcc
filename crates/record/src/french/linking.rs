//! Why something about the ledger of a linking body is refused or does not hold.

use cstatns_base::french;
use cstatns_base::language::fr;

use crate::linking::{LinkingError, LinkingRefusal, MOST_SOURCES};
use crate::notice::NoticeError;
use crate::statement::FORMAT;

french!(LinkingRefusal {
    Self::Founding => "un registre est fondé une fois, par son premier événement",
    Self::Card => "la carte n'est pas celle de l'organisme à qui est ce registre",
    Self::Time => "sa date est antérieure à celle de l'événement précédent",
    Self::FileKnown => "le fichier est déjà inscrit",
    Self::FileUnknown => "le fichier n'est pas inscrit ici",
    Self::DeliveryKnown => "cette livraison a déjà été reçue",
    Self::Ended => "le projet est terminé : ses fichiers codés doivent disparaître",
    Self::Sources => ("on apparie de 2 à {} fichiers codés différents d'un même service, domaine et génération",
        MOST_SOURCES),
    Self::Codes => "un fichier qui porte des codes n'est remis à personne",
    Self::Gone => "le fichier est détruit",
    Self::Renewal => "les codes renouvelés sont d'un autre projet, ou d'un fichier qui n'est plus là",
    Self::ToItself => "la carte est celle de l'organisme d'appariement lui-même",
    Self::NotKept => "rien ne dit jusqu'à quand une copie du fichier peut être gardée",
    Self::NoticeKnown => "la fin de ce projet est déjà inscrite",
});

french!(LinkingError {
    Self::File(error) => (error),
    Self::Line { number } => "l'événement {number} du registre de l'organisme d'appariement n'en est pas un (il a été \
        modifié)",
    Self::Chain { number } => "l'événement {number} du registre de l'organisme d'appariement a été modifié, ou des \
        événements qui le suivent ont été retirés ou déplacés",
    Self::Unlawful { number, why } => (
        "l'événement {number} du registre de l'organisme d'appariement n'est pas possible : {}", fr(why)
    ),
    Self::Refused(why) => (why),
    Self::Checkpoint { path } => "{path:?} n'est pas le point de contrôle du registre de cet organisme d'appariement",
    Self::Covered { covered, found } => "le point de contrôle couvre {covered} événements du registre de l'organisme \
        d'appariement, qui en a {found}",
    Self::Unwritable { number } => "l'événement {number} ne peut pas être inscrit tel quel, et rien n'a été écrit",
});

french!(NoticeError {
    Self::File(error) => (error),
    Self::Form { path } => ("{path:?} n'est pas un avis de ce format (format {})", FORMAT),
    Self::Service { path, found } => "l'avis {path:?} est du service {found}, dont la carte n'a pas été donnée",
    Self::Signature { path } => "l'avis {path:?} n'est pas signé par le service de cette carte",
});
