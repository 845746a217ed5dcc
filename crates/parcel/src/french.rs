//! What this crate says in French.

use cstatns_base::files::words_fr;
use cstatns_base::french;
use cstatns_base::language::fr;
use cstatns_record::statement::FORMAT;

use crate::age::AgeError;
use crate::error::ParcelFault;
use crate::file::ParcelError;
use crate::party::PartyError;
use crate::sending::SendingError;

french!(AgeError {
    Self::Header => "ce n'est pas un fichier age que cette version lit, ou sa tête est endommagée",
    Self::NotForThisKey => "il est chiffré pour une autre clé",
    Self::HeaderAltered => "sa tête a été altérée",
    Self::Altered => "il a été altéré",
    Self::Cut => "il est coupé, ou sa fin a été altérée",
    Self::Read { kind } => ("il ne peut pas être lu : {}", words_fr(*kind)),
});

french!(ParcelFault {
    Self::Age(error) => (error),
    Self::Form => "son contenu n'est pas un colis que cette version lit (format {FORMAT})",
    Self::Members { expected } => "son contenu n'est pas celui d'un colis : `{expected}` n'est pas à sa place",
    Self::Receiver { receiver } => "il est pour `{receiver}`, sous une autre carte",
    Self::Expired { expires } => "il pouvait être ouvert jusqu'au {expires}",
    Self::NotYet { made } => "il dit avoir été fait le {made}, qui est encore à venir",
    Self::Signature { sender } => "son sceau n'est pas la signature de `{sender}` sur ce qu'il contient",
    Self::Sender { sender } => "son expéditeur se nomme `{sender}`, et personne ici ne connaît cette carte",
    Self::Again { parcel } => "il a déjà été ouvert (colis {parcel})",
});

french!(PartyError {
    Self::File(error) => (error),
    Self::Damaged { path } => "{path:?} n'est pas un fichier d'un partenaire, ou est endommagé",
    Self::Version { party, found } => "le partenaire {party:?} a le format {found}, ce programme connaît le format {FORMAT}",
    Self::NeedsPassphrase { party } => "les clés du partenaire {party:?} sont sous une phrase de passe",
    Self::Passphrase { party } => "la phrase de passe n'ouvre pas les clés du partenaire {party:?}",
    Self::EmptyPassphrase { party } => "la phrase de passe du partenaire {party:?} est vide",
});

french!(ParcelError {
    Self::File(error) => (error),
    Self::Party(error) => (error),
    Self::Seal(error) => (error),
    Self::Parcel { path, fault } => ("le colis {path:?} : {}", fr(fault)),
    Self::Request { path } => "{path:?} est une demande : des identifiants ou des codes, avec le secret de leur engagement",
});

french!(SendingError {
    Self::File(error) => (error),
    Self::Form { path } => ("{path:?} n'est pas une clé de demande de ce format (format {FORMAT})"),
    Self::Service { path } => "la clé de demande {path:?} n'est pas signée par le service de cette carte",
    Self::Party { path } => "la clé de demande {path:?} a été émise pour un autre partenaire",
    Self::Expired { path, expires } => "la clé de demande {path:?} servait jusqu'au {expires}",
    Self::Own => "les données à apparier sont pour le partenaire qui les envoie",
    Self::Seal(error) => (error),
});
