//! Why something is refused or does not hold.

use cstatns_base::delivery::MOST_PARTS;
use cstatns_base::domain::{LARGEST_MINIMUM_BATCH, LONGEST_SERVICE_YEARS};
use cstatns_base::french;
use cstatns_base::language::fr;
use cstatns_base::name::Name;

use crate::audit::AuditError;
use crate::card::CardError;
use crate::checkpoint::{CheckpointError, NoteError, ProofError};
use crate::dealing::{RosterError, ThresholdError};
use crate::ledger::LedgerError;
use crate::manifest::{self, ManifestError};
use crate::party::{LONGEST_REQUEST_KEY, MOST_DOMAINS, MOST_REQUEST_KEYS};
use crate::proposal::{MOST_DELIVERIES, QuorumError};
use crate::proposal_file::ProposalFileError;
use crate::received::{self, ReceivedError};
use crate::report::{Report, ReportError};
use crate::requested::{Requested, RequestedError};
use crate::state::{Broken, MOST_OPEN, Refusal, Unlawful};
use crate::statement::FORMAT;
use crate::witness::WitnessError;

french!(CardError {
    Self::File(error) => (error),
    Self::Service { path } => "{path:?} n'est pas la carte d'un service, ou a été altéré",
});

french!(NoteError {
    Self::Malformed => "ceci n'est pas une note signée",
    Self::BadName => "le nom d'un signataire ne doit être ni vide, ni contenir d'espaces, de signes plus ou de caractères \
        de contrôle",
    Self::BadKey => "ceci n'est pas une clé de vérification Ed25519 utilisable",
    Self::Unsigned => "la note ne porte aucune signature d'une clé connue",
    Self::BadSignature { signer } => ("la signature de {} n'est pas la bonne (la note a été modifiée)", signer.name()),
});

french!(ProofError {
    Self::OutOfRange => "la preuve porte sur une feuille ou une taille hors de l'arbre",
    Self::WrongLength => "la preuve a trop ou trop peu d'empreintes pour cet arbre",
    Self::WrongRoot => "la preuve ne mène pas à la racine du point de contrôle (le registre n'est pas celui que le point \
        de contrôle énonce)",
});

french!(CheckpointError {
    Self::Malformed => "ceci n'est pas un point de contrôle (origine, taille et racine sur trois lignes)",
    Self::BadOrigin => "l'origine d'un point de contrôle ne doit être ni vide, ni contenir d'espaces, de signes plus ou \
        de caractères de contrôle",
});

french!(ThresholdError {
    Self { k, n } => "un seuil de {k} sur {n} n'est pas possible",
});

french!(RosterError {
    Self::Threshold(error) => (error),
    Self::Count { cards, n } => "{cards} cartes pour {n} parts",
    Self::Service => "la carte du service n'est pas signée par sa propre clé (elle a été altérée)",
    Self::Card { custodian } => "la carte de `{custodian}` n'est pas signée par sa propre clé",
    Self::Twice { custodian } => "la carte de `{custodian}` a le nom ou une clé d'une autre carte",
    Self::Unprotected { custodian } => "la trousse de `{custodian}` n'a pas de phrase de passe, ce que seule une \
        démonstration permet",
    Self::Minority { k, n } => "{k} sur {n} laisse deux quorums décider sans un détenteur en commun",
    Self::External { external, k } => "{external} détenteurs extérieurs pourraient ouvrir le secret seuls avec un seuil \
        de {k}",
});

french!(RequestedError {
    Self::File(error) => (error),
    Self::Form { path } => ("{path:?} n'est pas ce qui est gardé d'une demande (format {})", Requested::FORMAT),
});

french!(ReceivedError {
    Self::File(error) => (error),
    Self::Form { path } => ("{path:?} n'est pas le récépissé d'une livraison (format {})", received::FORMAT),
});

french!(ManifestError {
    Self::File(error) => (error),
    Self::Form { path } => ("{path:?} n'est pas le manifeste d'une demande (format {})", manifest::FORMAT),
});

french!(ReportError {
    Self::File(error) => (error),
    Self::Form { path } => ("{path:?} n'est pas un rapport que cette version lit (format {})", Report::FORMAT),
    Self::Signature { path } => "le rapport {path:?} n'est pas signé par le service auquel la demande était destinée",
    Self::Checkpoint { path } => "le point de contrôle dans le rapport {path:?} n'est pas signé par le service qui l'a fait",
    Self::Stale { path } => "{path:?} porte sur des codes d'un autre service, domaine, génération ou livraison que ceux \
        du fichier à côté",
});

french!(LedgerError {
    Self::File(error) => (error),
    Self::Line { number } => "l'événement {number} du registre n'est pas un événement sous sa forme canonique (il a été \
        modifié)",
    Self::Unwritable { number } => "l'événement {number} ne peut pas être inscrit tel quel (il est trop long ou contient \
        un nombre trop grand ; rien \
        n'a été écrit)",
    Self::Version { number } => "l'événement {number} du registre est d'un format plus récent",
    Self::OtherService { number } => "l'événement {number} du registre est d'un autre service (il y a été mis)",
    Self::Sequence { number, found } => "l'événement {found} est là où devrait être l'événement {number} (des événements \
        ont été retirés, doublés ou déplacés)",
    Self::Chain { number } => "l'événement {number} du registre a été modifié (l'événement suivant porte une autre \
        empreinte)",
    Self::Checkpoint { path } => "{path:?} n'est pas un point de contrôle signé par ce service (il a été modifié)",
    Self::OtherCheckpoint { path } => "{path:?} est un point de contrôle d'un autre service",
    Self::CheckpointKey { path } => "{path:?} est signé par une autre clé que celle dont le service signe pour autant \
        d'événements",
    Self::Short { covered, found } => "le point de contrôle couvre {covered} événements, le registre en a {found} (des \
        événements ont été retirés)",
    Self::Long { covered, found } => "le registre a {found} événements, son point de contrôle en couvre {covered} (des \
        événements ont été ajoutés)",
    Self::Root { covered } => "les {covered} premiers événements du registre ne sont pas ceux que couvre son point de \
        contrôle",
});

french!(QuorumError {
    Self::Epoch => "la question demande les parts d'une autre époque",
    Self::Expired => "la question a expiré",
    Self::Wait => "la question est ouverte pour plus de 24 heures",
    Self::NotInRoster { custodian } => "`{custodian}` n'est pas sur la liste de cette époque avec cette carte",
    Self::Signature { custodian } => "le consentement de `{custodian}` n'est pas signé de sa clé",
    Self::OtherProposal { custodian } => "le consentement de `{custodian}` est d'une autre question",
    Self::OtherEpoch { custodian } => "le consentement de `{custodian}` est d'une autre époque",
    Self::Cosignature { custodian } => "la cosignature de `{custodian}` ne va pas avec le registre",
    Self::Share { custodian } => "la part à côté du consentement de `{custodian}` n'est pas celle que le consentement \
        nomme",
    Self::Date { custodian } => "le consentement de `{custodian}` est daté hors du temps où la question était ouverte",
    Self::Twice { custodian } => "`{custodian}` a consenti deux fois",
    Self::Order => "les consentements ne sont pas dans l'ordre croissant de leurs détenteurs",
    Self::TooFew { given, needed } => "{given} des {needed} consentements nécessaires ont été donnés",
});

french!(Refusal {
    Self::Unfinished => "une commande précédente n'est pas terminée",
    Self::SharesMissing { custodians } => ("tous les détenteurs n'ont pas confirmé leur part (manquent : \
        {})", list(custodians)),
    Self::NoQuestion => "aucune question de cette opération n'est ouverte",
    Self::QuestionExpired => "une question qui a expiré est encore ouverte",
    Self::TooManyQuestions => "{MOST_OPEN} questions sont ouvertes, et il ne peut y en avoir plus",
    Self::DoubtSince => "un doute a été inscrit après la question aux détenteurs",
    Self::UnknownDomain => "ce service n'a pas de tel domaine",
    Self::DomainExists => "ce domaine existe déjà",
    Self::TagTaken { other } => "les codes de ce domaine porteraient la même étiquette que ceux de `{other}`",
    Self::EndTooFar { latest } => "la clé du projet servirait plus de {LONGEST_SERVICE_YEARS} ans (le dernier jour \
        possible est le {latest})",
    Self::MinimumBatch => "le lot minimal est de 2 à {LARGEST_MINIMUM_BATCH} valeurs distinctes, ou 1 dans une \
        démonstration (une opération sur \
        une valeur serait un oracle, et l'on n'en compte pas plus)",
    Self::Cryptoperiod => "la cryptopériode est de 1 à 10 ans",
    Self::EndInThePast => "le terme du projet est passé",
    Self::EndNotLater => "le nouveau terme n'est pas plus tardif que l'actuel (un projet ne peut qu'être prolongé)",
    Self::NotResearch => "c'est un domaine statistique",
    Self::Ended { ends } => "le projet a pris fin le {ends} (sa clé ne code plus)",
    Self::Destroyed => "les clés du projet sont détruites, ou vont l'être",
    Self::Compromised { generation } => "la génération {generation} fait l'objet d'un doute",
    Self::Generation { found, active } => "les codes seraient de génération {found}, le domaine est à la génération \
        {active}",
    Self::KeyLost { generation } => "la clé de génération {generation} est perdue",
    Self::NameBurnt => "un domaine de ce nom a pu être ouvert dans une opération perdue",
    Self::RequestMayBeSpent => "la demande a pu servir dans une opération perdue",
    Self::NothingToRenew { from, active } => "les codes sont de génération {from}, le domaine est à la génération {active}",
    Self::ReasonIsDoubt => "la clé actuelle fait l'objet d'un doute",
    Self::CustodyDoubted => "la garde des clés fait l'objet d'un doute",
    Self::UnknownParty => "aucun partenaire de ce nom ou de cette carte n'a de rôle dans ce service",
    Self::PartyCard => "la carte du partenaire n'est pas signée par sa propre clé (elle a été modifiée)",
    Self::PartyDomains => "une inscription nomme de 1 à {MOST_DOMAINS} domaines, en ordre croissant et chacun une fois",
    Self::PartyRole { domain } => "ce rôle est un rôle des projets de recherche, et `{domain}` est un domaine statistique",
    Self::PartyRegistered { domain } => "le partenaire a déjà un rôle dans `{domain}`",
    Self::PartyLinking => "un organisme d'appariement n'a pas d'autre rôle, dans aucun domaine",
    Self::PartyKeys { other } => "une clé de cette carte est aussi celle de `{other}`, dont le registre contient la carte",
    Self::PartyName => "un autre partenaire porte ce nom",
    Self::PartyEnded => "les rôles de ce partenaire ont pris fin, et sa carte ne compte plus",
    Self::CustodianIsParty { custodian } => "une clé de la carte de `{custodian}` est aussi celle d'un partenaire (qui \
        détient une part n'a pas d'autre rôle)",
    Self::NoRequests => "ce partenaire n'a pas dans ce domaine de rôle où il envoie des demandes",
    Self::RequestKeyExpiry => "une clé de demande vit {LONGEST_REQUEST_KEY} jours au plus",
    Self::TooManyRequestKeys => "{MOST_REQUEST_KEYS} clés de demande vivent, et il ne peut y en avoir plus",
    Self::UnknownRequestKey => "aucune clé de demande de ce numéro ne vit (elle n'a jamais été émise ici, ou elle a été \
        utilisée, retirée, ou a expiré)",
    Self::OtherRequestKey => "la clé de demande a été émise pour un autre partenaire, ou pour un autre domaine",
    Self::DeclarationSignature => "la demande n'est pas signée du partenaire qui est dit l'envoyer",
    Self::SenderRole => "le rôle de l'expéditeur dans ce domaine n'est pas de ceux qui envoient une telle demande",
    Self::SentFor => "un dépositaire nomme un responsable de traitement du domaine pour qui il envoie, et nul autre n'en \
        nomme",
    Self::RequestInClear => "les demandes d'un projet de recherche ne viennent qu'en colis, sauf dans une démonstration",
    Self::RecipientRole => "les résultats de la statistique vont à un responsable de traitement du domaine, ceux de la \
        recherche à un organisme d'appariement du domaine",
    Self::OtherRecipient => "les résultats vont à un autre partenaire que celui dont c'est la demande",
    Self::ResearchNeedsParty => "les résultats de recherche ne vont qu'à un partenaire, sauf dans une démonstration",
    Self::UnknownDelivery => "ce domaine n'a pas de telle livraison",
    Self::Rows => "la demande annonce plus de lignes qu'aucun fichier n'en a",
    Self::Counts => "la demande annonce plus de valeurs que de lignes, ou plus de valeurs distinctes que de valeurs",
    Self::TooFew { distinct, minimum } => "la demande a {distinct} valeurs distinctes, moins que {minimum}, le minimum de \
        ce domaine",
    Self::Deliveries => "un renouvellement nomme de 1 à {MOST_DELIVERIES} livraisons, dans l'ordre croissant et une fois \
        chacune",
    Self::Requests => "une proposition énumère de 1 à {MOST_PARTS} demandes, une fois chacune",
    Self::RequestSpent { delivery } => "la demande a déjà servi (la livraison {delivery} en est le résultat)",
    Self::Roster(error) => (error),
    Self::CardUsed { custodian } => "la carte de `{custodian}` était dans une répartition antérieure (chacune demande une \
        clé de réception à elle)",
    Self::DealingEpoch { found, next } => "la répartition serait l'époque {found}, la prochaine est l'époque {next}",
    Self::LeftBehind => "les clés à laisser ne sont pas des clés vivantes dans l'ordre croissant",
    Self::DealingPending { epoch } => "la répartition de l'époque {epoch} attend des récépissés",
    Self::NoDealing { epoch } => "aucune répartition de l'époque {epoch} n'attend de récépissés",
    Self::DealingAbandoned { epoch } => "la répartition de l'époque {epoch} a été abandonnée",
    Self::ShareInUse { epoch } => "la part de l'époque {epoch} est nécessaire : aucune répartition ultérieure n'est en \
        service",
    Self::NothingLost => "aucune demande de cette livraison n'attend sur un emplacement absent (rien n'est inscrit)",
    Self::AlreadyDelivered => "cette livraison est déjà inscrite comme remise",
    Self::DeliveryLost => "cette livraison est inscrite comme perdue",
    Self::OtherReceived => "le récépissé n'est pas celui de cette livraison de ce service",
    Self::ReceivedBy => "le récépissé est signé d'un autre partenaire que celui à qui la livraison est allée",
    Self::ReceivedUnsigned => "le récépissé n'est pas signé du partenaire à qui la livraison est allée",
    Self::ReceivedForked => "le récépissé contient un point de contrôle de ce service qui n'est pas de ce registre",
    Self::Replayed => "cette opération a déjà été faite (une proposition sert une fois)",
    Self::Receipt => "le récépissé ne va pas avec ce registre",
    Self::ReceiptOtherService => "le récépissé est destiné à un autre service",
    Self::ReceiptNotInRoster { by } => "`{by}` avec cette carte n'est pas sur la liste (seuls les détenteurs font de \
        telles déclarations)",
    Self::ReceiptSignature { by } => "la déclaration de `{by}` n'est pas signée de sa clé",
    Self::ReceiptKnown { by } => "cette déclaration de `{by}` est déjà inscrite",
    Self::ReceiptDate { by } => "la déclaration de `{by}` est datée d'avant sa dernière, ou de plus d'un jour en avance \
        sur l'horloge",
    Self::ReceiptForRekey => "la déclaration porte sur une autre clé de signature du service",
    Self::ServiceCard => "la carte n'est pas une carte de ce service avec une nouvelle clé de signature",
    Self::OtherServiceKey { by } => "la déclaration de `{by}` n'accepte pas cette carte à la place de l'actuelle",
    Self::NoDoubt => "il n'y a pas de doute de cette sorte",
    Self::AlreadyDoubted => "ce détenteur a déjà déclaré ce doute",
});

fn list(names: &[Name]) -> String {
    names.iter().map(Name::as_str).collect::<Vec<_>>().join(", ")
}

french!(Unlawful {
    Self::Refused(error) => (error),
    Self::Quorum(error) => (error),
    Self::Roster(error) => (error),
    Self::Genesis => "le premier événement ne fonde pas le service",
    Self::Time => "son heure ne suit pas de l'horloge et de l'événement précédent",
    Self::Unseen => "les détenteurs n'ont pas encore vu que le répertoire du service a été rétabli",
    Self::Owed => "une destruction est due avant lui",
    Self::NotOwed => "rien de tel n'était à détruire",
    Self::NoIntent => "aucune intention approuvée ne le précède",
    Self::Keys => "ses clés ne sont pas celles de ce qui a été approuvé",
    Self::Question => "sa question n'en est pas une de ce service dans ce format",
    Self::NotExpired => "sa question n'a pas expiré",
    Self::Witnesses => "il nomme d'autres que les détenteurs qui ont consenti, ou pas dans l'ordre croissant",
    Self::Rows => "ses lignes ne sont pas celles qui ont été approuvées",
    Self::Rechecked => "plus de ses lignes ont été recalculées que n'ont de valeur",
    Self::Part => "sa partie n'est pas la suivante de son opération",
    Self::Dealing => "sa répartition n'est pas celle qui a été approuvée",
    Self::Epoch => "son époque n'est pas la plus récente, ses parts ne sont pas toutes gardées, ou elle est déjà en service",
    Self::Steps => "ses étapes sont absentes, ou hors de leur ordre",
    Self::NotEnded => "le projet n'a pas pris fin, ou pas depuis 24 heures",
});

french!(Broken {
    Self::Ledger(error) => (error),
    Self::Unlawful { number, reason } => ("l'événement {number} du registre n'est pas licite ({})", fr(reason)),
});

french!(ProposalFileError {
    Self::File(error) => (error),
    Self::Form { path } => "{path:?} n'est pas une proposition que cette version lit (format {FORMAT})",
    Self::Checkpoint { path } => "le point de contrôle dans la proposition {path:?} n'est pas signé par le service de son \
        registre",
    Self::Broken(error) => (error),
});

french!(AuditError {
    Self::File(error) => (error),
    Self::Card => "la carte donnée n'est pas la carte intacte d'un service",
    Self::LineEnds { path } => "les lignes de {path:?} finissent par CR LF : il a été modifié en chemin",
    Self::Mark { path } => "{path:?} commence par une marque d'ordre des octets : il a été modifié en chemin",
});

french!(WitnessError {
    Self::File(error) => (error),
    Self::Broken(error) => (error),
    Self::Note(error) => (error),
    Self::Damaged { path } => "{path:?} n'est pas ce que ce témoin a retenu, ou est endommagé",
    Self::NoCard { service } => "ce témoin n'a encore rien cosigné du service {service}",
    Self::OtherCard { service } => "la carte donnée n'est pas celle du service {service} que ce témoin suit : son \
        registre ne nomme pas la clé de signature de la carte",
    Self::Shorter { covered, found } => "ce témoin a cosigné {covered} événements de ce service, et ce registre en a \
        {found} : des événements ont été retirés, ou c'est une ancienne copie",
    Self::Forked { event } => "ce témoin a cosigné un autre registre de ce service : les deux diffèrent à l'événement \
        {event} ou avant, et tous deux sont signés",
});
