//! What this crate says in French.

use cstatns_base::french;
use cstatns_base::language::fr;

use crate::error::LinkError;
use crate::join::{JoinError, MOST};

french!(JoinError {
    Self::Table(error) => (error),
    Self::Sources { found } => "un appariement se fait entre 2 et {MOST} sources, et non entre {found}",
    Self::Types { path } => "{path:?} n'est pas du type de la sortie : elle et toutes les sources sont du texte, ou toutes \
        du Parquet",
    Self::Columns { path, column } => "la colonne {column:?} de {path:?} aurait le nom d'une autre colonne",
    Self::Reserved { path, column } => "{path:?} a une colonne {column:?}, avec ces majuscules ou d'autres : ni codes ni \
        index ne sortent d'un appariement",
    Self::Long { limit } => "une ligne de la sortie dépasserait {limit} octets",
    Self::Many { people } => "{people} personnes ont plus d'une ligne dans deux sources ou plus",
    Self::Few { name, least } => "moins de {least} personnes de la source `{name}` ont été appariées",
});

french!(LinkError {
    Self::File(error) => (error),
    Self::Table(error) => (error),
    Self::Ledger(error) => (error),
    Self::Party(error) => (error),
    Self::Parcel(error) => (error),
    Self::Attach(error) => (error),
    Self::Prepare(error) => (error),
    Self::Report(error) => (error),
    Self::Join(error) => (error),
    Self::Entry { path } => "{path:?} n'est pas une entrée du catalogue, ou est endommagée",
    Self::Unknown { path } => "{path:?} n'est pas un fichier fait par cet organisme d'appariement",
    Self::Changed { path } => "{path:?} n'est pas tel que cet organisme d'appariement l'a fait : il a été modifié",
    Self::NotParcel { path } => "{path:?} n'est pas un colis",
    Self::NotPayload { path } => "{path:?} est un colis, mais pas celui de données à apparier",
    Self::NotResult { path } => "{path:?} est un colis, mais pas celui d'un résultat",
    Self::NotRetained { path } => "{path:?} n'est pas ce que cet organisme d'appariement a gardé d'un renouvellement",
    Self::CodedService { path, found, expected } => "les codes de {path:?} sont du service {found}, la carte est celle de \
        {expected}",
    Self::CodedDomain { path, found, expected } => "les codes de {path:?} sont du domaine `{found}`, et non de `{expected}`",
    Self::PayloadService { path, found, expected } => "les données {path:?} vont avec une demande au service {found}, la \
        carte est celle de {expected}",
    Self::PayloadSender { path } => "les données {path:?} ne viennent pas de qui a envoyé la demande du résultat",
    Self::Recipient { path } => "le résultat {path:?} a été fait pour un autre partenaire",
    Self::Identity { path, column, kept } => ("{path:?} a une colonne {column}, qui {}", fr(kept)),
    Self::NotCoded { path } => "{path:?} ne porte pas de codes : ce sont des fichiers codés que l'on apparie",
    Self::NotJoined { path } => "{path:?} porte des codes, qui ne sont remis à personne : appariez-le d'abord",
    Self::Services { files, services } => (
        "{:?} est du service {}, {:?} de {}", files[0], services[0], files[1], services[1]
    ),
    Self::Domains { files, domains } => (
        "{:?} est du domaine `{}`, {:?} de `{}`", files[0], domains[0], files[1], domains[1]
    ),
    Self::Generations { files, generations } => (
        "{:?} est de la génération {}, {:?} de la génération {}", files[0], generations[0], files[1], generations[1]
    ),
    Self::Twice { path } => "{path:?} est donné deux fois, ou deux sources ont le même nom",
    Self::Minimum { minimum } => "un fichier apparié de ce projet a au moins {minimum} personnes de chaque source",
    Self::Researcher { domain } => "le registre du service n'a pas cette carte comme celle d'un chercheur de `{domain}`",
    Self::LedgerNeeded => "une copie gardée est remise à un chercheur que nomme un registre",
    Self::Until { until } => "{until} est passé",
    Self::Notice { path } => "l'avis {path:?} est pour un autre organisme d'appariement",
});
