//! What this crate says in French.

use std::fmt;

use cstatns_base::files::words_fr;
use cstatns_base::french;
use cstatns_base::language::{French, fr};
use cstatns_base::name::Name;
use cstatns_record::ledger::event::{Destroyed, Lapse};
use cstatns_record::statement::FORMAT;

use crate::coder::CoderError;
use crate::custody::PaperError;
use crate::custody::custodian::{KitError, ProposalFault};
use crate::custody::quorum::RootError;
use crate::keystore::KeystoreError;
use crate::recheck::RecheckError;
use crate::service::{HOME_FORMAT, Recovered, ServiceError, Source, Unfinished};
use crate::sharing::{SharingError, VERSION};

french!(CoderError {
    Self::Chain => "les clés données ne sont pas les clés d'un domaine, l'une après l'autre",
    Self::Tag { position, found, expected } => (
        "le code {} est d'un autre domaine ou service (son étiquette est {found}, attendue {expected})", position + 1
    ),
    Self::Generation { position, found, expected } => ("le code {} est de génération {found}, attendue \
        {expected}", position + 1),
});

french!(RecheckError {
    Self::Start { kind } => ("le second processus, qui recalcule les codes, ne démarre pas ({})", words_fr(*kind)),
    Self::Ended => "le second processus a pris fin avant d'avoir recalculé les codes",
    Self::Mismatch { rows, different } => "{different} des {rows} codes recalculés diffèrent de ceux du résultat",
});

french!(SharingError {
    Self::Threshold(error) => (error),
    Self::Format => "pas une part entière",
    Self::Unopened => "la part ne s'ouvre pas avec cette clé (elle a été scellée pour un autre détenteur ou une autre \
        opération, ou \
        est endommagée)",
    Self::Version { found } => "la part a la version de format {found}, ce programme connaît la version {VERSION}",
    Self::Polynomial => "les parts faites ne sont pas sur un même polynôme (rien n'a été réparti)",
    Self::NotAHolder { custodian } => "`{custodian}` n'a pas de part de cette époque",
    Self::OtherService { custodian } => "la part de `{custodian}` est d'un autre service",
    Self::OtherEpoch { custodian, found, expected } => "la part de `{custodian}` est de l'époque {found}, le service est \
        à l'époque {expected}",
    Self::Twice { custodian } => "la part de `{custodian}` a été donnée deux fois",
    Self::Swapped { custodian, owner } => "`{custodian}` a donné la part qui appartient à `{owner}`",
    Self::Altered { custodian } => "la part de `{custodian}` n'est pas celle qui lui a été remise (elle a été altérée ou \
        endommagée)",
    Self::TooFew { given, needed } => "{given} parts ont été données, il en faut {needed}",
});

french!(RootError {
    Self::Sharing(error) => (error),
    Self::Root => "le secret reconstitué n'est pas celui de cette époque (rien n'a été fait)",
});

french!(KitError {
    Self::File(error) => (error),
    Self::Share(error) => (error),
    Self::Seal(error) => (error),
    Self::NotLawful(error) => (error),
    Self::Damaged { kit, file } => ("{} dans la trousse {kit:?} est endommagé ou n'est pas de cette \
        trousse", file.display()),
    Self::ReadOnly { kit } => "on ne peut pas écrire dans la trousse {kit:?}, qui doit se souvenir de ce qu'elle déclare",
    Self::Memory { kit } => "la mémoire de la trousse {kit:?} manque, est endommagée ou n'est pas la sienne (sans elle, \
        la trousse ne peut \
        pas reconnaître un registre ramené en arrière)",
    Self::NothingSeen { kit } => "la trousse {kit:?} n'a accepté aucune part et n'a vu aucun registre",
    Self::Version { kit, found } => "la trousse {kit:?} a la version de format {found}, ce programme connaît la version \
        {FORMAT}",
    Self::EmptyPassphrase { kit } => "la phrase de passe de la trousse {kit:?} est vide",
    Self::WithoutPassphrase { kit } => "la trousse {kit:?} a été faite sans phrase de passe, et sa carte le dit",
    Self::NeedsPassphrase { kit } => "la trousse {kit:?} est protégée",
    Self::Passphrase { kit } => "la phrase de passe de la trousse {kit:?} est fausse",
    Self::NotInRoster { custodian } => "`{custodian}` avec cette trousse n'est pas sur la liste de cette époque (seuls ses \
        détenteurs peuvent agir)",
    Self::OtherService { custodian, service: Some(service) } => "la trousse de `{custodian}` appartient au service \
        {service}",
    Self::OtherService { custodian, service: None } => "la trousse de `{custodian}` appartient à un autre service",
    Self::NoShare { custodian, epoch } => "la trousse de `{custodian}` ne contient pas de part de l'époque {epoch}",
    Self::CardNotHeld { custodian, epoch } => "la trousse de `{custodian}` n'a pas la clé de réception de sa carte dans \
        l'époque {epoch} (elle a été oubliée, ou une autre copie de la trousse a tiré cette carte)",
    Self::Forgotten { custodian, epoch } => "la trousse de `{custodian}` a oublié sa part de l'époque {epoch}",
    Self::ShareInUse { epoch } => "la part de l'époque {epoch} est en service (les clés s'ouvrent avec elle jusqu'à ce \
        qu'une répartition ultérieure \
        soit en service)",
    Self::Shorter { custodian, seen, found } => "`{custodian}` a vu un registre de {seen} événements, celui-ci en a \
        {found} (des événements ont été retirés)",
    Self::Checkpoint { custodian } => "le point de contrôle montré à `{custodian}` ne couvre pas ce registre",
    Self::NoIntent { custodian } => "le registre ne finit pas par l'intention à laquelle `{custodian}` a consenti (la \
        part reste dans la trousse)",
    Self::NoRecovery { custodian } => "le registre montré à `{custodian}` ne finit pas par un rétablissement",
    Self::Forked { custodian, seen } => "les {seen} premiers événements de ce registre ne sont pas ceux que `{custodian}` \
        a vus (il a été réécrit)",
    Self::Paper(error) => (error),
    Self::Proposal { reason } => ("la proposition ne peut pas être approuvée ({})", fr(reason)),
});

french!(PaperError {
    Self::Empty => "il n'y a là aucune ligne du papier d'une trousse",
    Self::Number { line } => "à la place de la ligne {line}, une ligne ne commence pas par son numéro et une espace",
    Self::Order { line, found } => "la ligne {line} n'est pas à sa place : la ligne {found} s'y trouve",
    Self::Missing { line, lines } => "la ligne {line} manque : le papier a {lines} lignes",
    Self::Extra { line } => "la ligne {line} est de trop sur ce papier",
    Self::Character { line, position } => "la ligne {line} a un caractère qui ne sert pas, à la place {position} (il n'y a \
        ni I, ni L, ni O, ni U)",
    Self::Length { line, found, expected } => "la ligne {line} a {found} caractères derrière son numéro, et non \
        {expected}",
    Self::Check { line } => "la ligne {line} n'est pas telle qu'elle a été imprimée",
    Self::Lines => "chaque ligne est telle qu'imprimée, mais elles ne sont pas les lignes d'un même papier",
    Self::Version { found } => "le papier a la forme {found}, ce programme connaît la forme 1",
    Self::Passphrase => "la phrase de passe n'est pas celle de ce papier",
    Self::Content => "le papier s'ouvre, mais ne contient pas ce qu'une trousse imprime",
});

french!(ProposalFault {
    Self::NotOpen => "aucune question de ce registre n'est ouverte à cet endroit",
    Self::Clock => "les horloges de la trousse et du service diffèrent de plus de 24 heures",
    Self::Signature => "le service de ce registre ne l'a pas signée",
    Self::Epoch => "elle demande les parts d'une autre époque",
    Self::Expired => "elle a expiré",
    Self::OtherLedger => "elle a été faite sur un autre registre que celui donné",
    Self::Unpublished => "le registre publié ne contient pas celui sur lequel elle a été faite",
});

french!(KeystoreError {
    Self::File(error) => (error),
    Self::Seal { domain, generation } => "la clé scellée de `{domain}`, génération {generation}, n'est pas celle dont \
        parle le registre (elle a été \
        perdue, endommagée, échangée ou prise d'une copie plus ancienne)",
    Self::Life { domain } => "le secret de vie de `{domain}` n'est dans aucun de ses emplacements",
    Self::LifeDamaged { domain, generation } => "aucune copie du secret de vie de `{domain}` n'ouvre sa clé de génération \
        {generation} (la clé scellée ou \
        toutes les copies sont endommagées ou d'une autre clé)",
    Self::Place { path } => "{path:?} est absent, ou n'est pas l'emplacement de secrets de vie qui a été déclaré",
    Self::Version { domain, found } => "une clé scellée de `{domain}` a la version de format {found}",
    Self::RequestKey { key } => "la moitié privée de la clé de demande {key} n'est dans aucun de ses lieux, ou est \
        endommagée",
    Self::Places => "places.json dans le répertoire du service, qui nomme les répertoires des secrets de vie, est endommagé",
});

french!(Source {
    Self::Home => "le répertoire du service",
    Self::Place(place) => "{place:?}",
    Self::Kit(name) => "la trousse de `{name}`",
});

french!(ServiceError {
    Self::File(error) => (error),
    Self::Ledger(error) => (error),
    Self::Refused(error) => (error),
    Self::Kit(error) => (error),
    Self::Quorum(error) => (error),
    Self::Root(error) => (error),
    Self::Threshold(error) => (error),
    Self::Roster(error) => (error),
    Self::Sharing(error) => (error),
    Self::Keystore(error) => (error),
    Self::Parcel(error) => (error),
    Self::Broken(error) => (error),
    Self::NoService { home } => "il n'y a pas de service dans {home:?}",
    Self::NoCheckpoint { home } => "le registre dans {home:?} n'a pas de point de contrôle à côté de lui",
    Self::NoKeys { path } => "le répertoire des clés scellées {path:?} est absent",
    Self::Unfinished { home } => "la cérémonie dans {home:?} n'a pas été terminée",
    Self::HomeVersion { found } => "le répertoire du service a la version de format {found}, ce programme connaît la \
        version {HOME_FORMAT}",
    Self::HomeDamaged { file } => "{file} dans le répertoire du service est endommagé ou n'est pas de ce service",
    Self::Card(error) => (error),
    Self::OtherAction { approved } => "les détenteurs ont approuvé `{approved}`, pas ceci",
    Self::RequestChanged => "la demande n'est pas celle qui a été approuvée (elle a changé après avoir été préparée)",
    Self::OtherRequests { given, approved } => "{given} demandes ont été données, et {approved} ont été approuvées",
    Self::Part { part, parts, request, error } => ("demande {part} sur {parts}, {request:?} : {}", fr(error)),
    Self::Undecided { error } => ("{} (il n'est pas encore inscrit si l'opération est faite)", fr(error)),
    Self::KeyJustMade { domain, generation, event } => "la génération {generation} de `{domain}` a été faite à \
        l'événement {event}, et rien ne s'est passé depuis",
    Self::TooFewPeople { minimum } => "la demande a moins de {minimum} personnes distinctes trouvées et codées, le \
        minimum de ce domaine",
    Self::Work(error) => (error),
    Self::ResultMissing { path } => "la copie que le service a de cette livraison n'est pas dans {path:?} (un résultat se \
        remet en copie)",
    Self::ResultThere { path } => "il y a un fichier dans {path:?}, où avait été mise la copie que le service a de cette \
        livraison",
    Self::ResultAway { delivery, path } => ("l'opération {} a été arrêtée après avoir terminé son résultat, et le \
        résultat n'est pas dans {path:?}", delivery.run),
    Self::ResultUnread { path } => "{path:?} est peut-être le résultat d'une opération interrompue, et rien ici ne lit \
        les résultats",
    Self::RequestStays { error } => ("la demande ne peut pas être détruite après l'opération, ce que le schéma exige \
        ({})", fr(error)),
    Self::RequestOwed { delivery, error } => (
        "la livraison {delivery} est faite et inscrite, mais sa demande reste à détruire ({}), et rien de nouveau ne \
            commence d'ici là", fr(error)
    ),
    Self::RequestAway { delivery, path } => "la demande de la livraison {delivery} doit être détruite, mais l'emplacement \
        de {path:?} est absent",
    Self::Unpaid(error) => (error),
    Self::UnknownKey { path } => "{path:?} est une clé de ce domaine que le registre ne connaît pas (le registre est plus \
        ancien que ses clés ; rien \
        n'a été détruit)",
    Self::HomeOld { place, found, mark } => "ce répertoire de service est une ancienne copie : son registre a {found} \
        événements, la copie dans {place:?} en a \
        {mark} ou d'autres (rien n'a été inscrit)",
    Self::NoMark { place } => "il n'y a pas de copie du registre dans {place:?} : ce répertoire de service est peut-être \
        une ancienne copie (rien n'a été \
        inscrit)",
    Self::MirrorBehind { place, error } => ("le miroir dans {place:?} est en retard ({})", fr(error)),
    Self::CopyBehind { place, error } => ("la copie du registre dans {place:?} est en retard ({})", fr(error)),
    Self::IdentityLost { home } => "la clé de signature du service n'est pas dans {home:?}, ou celle qui y est a été \
        remplacée",
    Self::Export { path } => "{path:?} n'est pas une clé de signature exportée, ou est endommagé",
    Self::ExportPassphrase { path } => "la phrase de passe de {path:?} est fausse",
    Self::ExportOther { path, home } => "{path:?} contient une autre clé de signature que l'actuelle du service dans \
        {home:?}",
    Self::RecoveryStopped { home } => "un rétablissement de {home:?} a été arrêté, et rien d'autre ne se fait avant sa fin",
    Self::PlaceThere { place } => "{place:?} n'est pas perdu : ce qui s'y trouve ne serait plus détruit à la fin d'un \
        projet",
    Self::NoCopy { home } => "aucune copie du registre de {home:?} n'a été trouvée",
    Self::TooFewFollow { events, given, needed, apart } => (
        "le plus long registre trouvé a {events} événements, et {given} des détenteurs présents le suivent : il en faut \
            {needed} qui l'ont vu, ou \
        une partie de lui, et aucun autre{}",
        not_counted(apart)
    ),
    Self::Branches { one, other, fork } => (
        "les registres de deux sources ({} ; {}) sont tous deux signés par le service, et diffèrent après l'événement \
            {fork} (aucun n'est pris)",
        fr(one), fr(other)
    ),
    Self::Behind(error) => (error),
    Self::ClockUnconfirmed { clock, time } => "l'horloge dit {clock}, plus de 40 jours après l'heure du registre, {time} \
        (rien n'est marqué ni détruit)",
    Self::ClockBehind { clock, time } => "l'horloge dit {clock}, plus d'un jour avant l'heure du registre, {time}",
    Self::ConfirmedDate { today } => "la date de l'horloge est {today} (UTC), pas celle qui a été confirmée",
    Self::PublishedOther { path, event } => "le registre publié {path:?} n'est pas le début de celui-ci, à partir de \
        l'événement {event} (rien n'a été publié)",
});

fn not_counted(apart: &[Name]) -> String {
    let names: Vec<_> = apart.iter().map(|name| format!("`{name}`")).collect();
    match names.is_empty() {
        true => String::new(),
        false => format!(
            " (non compté : {}, dont une copie de la trousse a vu un autre registre)",
            names.join(", ")
        ),
    }
}

impl French for Recovered {
    fn french(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::EventCut => f.write_str(
                "le dernier événement avait été coupé par un arrêt et n'a jamais compté : retiré",
            ),
            Self::EventCovered => {
                f.write_str("le dernier événement n'était pas encore signé : signé maintenant")
            }
            Self::EpochStarted => f.write_str(
                "toutes les parts sont gardées : inscrit maintenant que la répartition est en service",
            ),
            Self::Undone { verb } => {
                write!(f, "une commande `{verb}` interrompue n'a laissé aucun résultat : annulée, relancez-la")
            }
            Self::Cut { verb, made, parts } => write!(
                f,
                "une commande `{verb}` interrompue avait fait {made} de ses {parts} résultats, qui restent : la suite est \
                    annulée, \
                relancez-la avec les autres demandes"
            ),
            Self::Lapsed { verb, why: Lapse::Expired } => {
                write!(f, "la question `{verb}` avait été posée aux détenteurs et le délai est passé : inscrit")
            }
            Self::Lapsed { verb, .. } => write!(
                f,
                "la question `{verb}` avait été posée aux détenteurs par un processus qui s'est arrêté : inscrit, \
                    relancez la commande"
            ),
            Self::Finished { delivery } => write!(
                f,
                "une opération interrompue avait terminé son résultat : inscrit, livraison {delivery}"
            ),
            Self::Destroyed { what, delivery } => {
                let delivery = delivery.as_ref().map(ToString::to_string).unwrap_or_default();
                match what {
                    Destroyed::Request { .. } => {
                        write!(f, "la demande de la livraison {delivery} était encore là : détruite maintenant")
                    }
                    Destroyed::Result { .. } => {
                        write!(f, "la copie du résultat remis {delivery} était encore là : détruite maintenant")
                    }
                    Destroyed::Keys { domain } => {
                        write!(f, "les clés de `{domain}` restaient à détruire : détruites maintenant")
                    }
                    Destroyed::RequestKey { key } => write!(
                        f,
                        "la moitié privée de la clé de demande {key} restait à détruire : détruite maintenant"
                    ),
                    Destroyed::Seals { epoch } => write!(
                        f,
                        "les clés scellées à l'époque {epoch} restaient à détruire : détruites maintenant"
                    ),
                }
            }
            Self::PutAside { path } => {
                write!(f, "le registre ne connaît pas la clé {path:?} : mise de côté, dans aside/")
            }
            Self::Swept { files } => {
                write!(f, "{files} fichiers inachevés d'une commande arrêtée : retirés")
            }
        }
    }
}

impl French for Unfinished {
    fn french(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::EventCut => f.write_str("un événement est coupé et ne compte pas"),
            Self::EventUncovered { event } => {
                write!(f, "l'événement {event} n'est pas encore signé")
            }
            Self::Run { verb, event } => {
                write!(f, "l'opération `{verb}` demandée à l'événement {event} n'est pas terminée")
            }
            Self::Destruction { owed, delivery } => {
                let delivery = delivery.as_ref().map(ToString::to_string).unwrap_or_default();
                match owed {
                    Destroyed::Request { .. } => {
                        write!(f, "la demande de la livraison {delivery} reste à détruire")
                    }
                    Destroyed::Result { .. } => {
                        write!(f, "la copie de la livraison {delivery} reste à détruire")
                    }
                    Destroyed::Keys { domain } => {
                        write!(f, "les clés de `{domain}` restent à détruire")
                    }
                    Destroyed::RequestKey { key } => {
                        write!(f, "la moitié privée de la clé de demande {key} reste à détruire")
                    }
                    Destroyed::Seals { epoch } => {
                        write!(f, "les clés scellées à l'époque {epoch} restent à détruire")
                    }
                }
            }
            Self::EpochHeld { epoch } => {
                write!(
                    f,
                    "toutes les parts de l'époque {epoch} sont gardées, ce qui n'est pas encore inscrit"
                )
            }
        }
    }
}
