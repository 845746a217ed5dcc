//! What this crate says in French.

use std::collections::BTreeMap;

use cstatns_base::code::{Generation, Tag};
use cstatns_base::french;
use cstatns_base::identifier::Scheme;
use cstatns_base::language::fr;
use cstatns_rows::guard::Held;

use crate::attach::{AttachError, NotDestroyed};
use crate::check::CheckError;
use crate::data::{DEEPEST, FilesError, MOST_FILES};
use crate::prepare::{Kept, PrepareError};

french!(Kept {
    Self::Who => "par son nom dit qui est quelqu'un et n'est pas envoyée",
    Self::Born { place } => "par son nom est une date de naissance, à côté du lieu de naissance dans {place}",
    Self::Identifiers(Held { filled, keyed, unkeyed }) => "contient des identifiants ({keyed} avec leur clé et {unkeyed} \
        sans clé dans {filled} cellules)",
});

french!(PrepareError {
    Self::Table(error) => (error),
    Self::File(error) => (error),
    Self::Report(error) => (error),
    Self::SameOutput { path } => "{path:?} est nommé pour deux fichiers",
    Self::NotAge { path } => "{path:?} doit être un colis, et son nom ne finit pas par .age",
    Self::KeyDomain { found, expected } => "la clé de demande est pour le domaine `{found}`, la demande pour `{expected}`",
    Self::PayloadInClear => "des données à apparier partent à côté d'une demande en colis, et celle-ci est en clair",
    Self::PayloadColumns => "les données à apparier ont un identifiant par ligne, et plusieurs colonnes en sont nommées",
    Self::PayloadCodes => "des données à apparier partent à côté d'identifiants ou d'état civil, non de codes",
    Self::PayloadType { path } => "le colis {path:?} des données à apparier garde les colonnes comme elles sont",
    Self::PayloadFiles { path } => "{path:?} a d'autres colonnes que le premier fichier des données, ou dans un autre \
        ordre, ou d'autres types, et les données à apparier ont les mêmes dans toutes les lignes",
    Self::Sending(error) => (error),
    Self::Reserved { path, column } => "{path:?} a une colonne nommée {column:?}, avec ces majuscules ou d'autres, dont \
        ont besoin les fichiers qui en sont faits",
    Self::Unnamed { path, column } => "{path:?} a une colonne {column} dont le nom ne peut pas nommer celle de ses codes",
    Self::SentTwice { path, column } => "{path:?} a une colonne {column} nommée deux fois, ou à côté d'une autre dont le \
        nom ne diffère que par les majuscules",
    Self::NoColumn { path } => "aucune colonne de {path:?} n'est nommée",
    Self::WrongColumn { path, column, invalid, filled, reasons } => (
        "{path:?} : {invalid} des {filled} valeurs de la colonne {column} ne sont pas des identifiants{}", by_reason(reasons)
    ),
    Self::WrongField { path, field, invalid, filled } => (
        "{path:?} : {invalid} des {filled} valeurs de la colonne du champ {} ne peuvent pas être lues comme \
            telles", field.name()
    ),
    Self::IdentityKept { path, column, kept } => ("{path:?} a une colonne {column}, qui {} et resterait à côté des \
        codes", fr(kept)),
    Self::RiskSent { column } => "la colonne {column:?} est envoyée, et ne reste pas à côté des codes",
    Self::TooManyRisks => "autant de risques ne peuvent pas être acceptés, ou pour des colonnes aux noms si longs",
    Self::MissingField { field, missing } => (missing),
    Self::Fields { path, error } => ("{path:?} : {}", fr(error)),
    Self::Mixed { found } => ("la colonne contient des codes de plus d'une sorte ({})", kinds(found)),
    Self::NoCodes => "la colonne ne contient aucun code",
    Self::NoData => "il n'y a pas de données",
    Self::OtherCodes { found, expected, service, domain } => "la colonne contient des codes avec l'étiquette {found}, \
        ceux du domaine `{domain}` de {service} ont {expected}",
});

fn kinds(found: &BTreeMap<(Tag, Generation), u64>) -> String {
    let kind = |((tag, generation), rows): (&(Tag, Generation), &u64)| {
        format!("génération {generation} avec l'étiquette {tag} dans {rows} lignes")
    };
    let text = found.iter().take(5).map(kind).collect::<Vec<_>>().join(", ");
    if found.len() > 5 { text + ", et d'autres" } else { text }
}

fn by_reason(reasons: &[(&str, u64)]) -> String {
    let reasons: Vec<_> = reasons.iter().map(|(word, count)| format!("{word} {count}")).collect();
    if reasons.is_empty() { String::new() } else { format!(" ({})", reasons.join(", ")) }
}

french!(FilesError {
    Self::Table(error) => (error),
    Self::File(error) => (error),
    Self::NoData { path } => "il n'y a pas de données dans le dossier {path:?}",
    Self::TooMany => "plus de {MOST_FILES} fichiers de données, ou des dossiers à plus de {DEEPEST} niveaux",
    Self::NotText { path } => "le nom de {path:?} n'est pas du texte",
    Self::SameName { path } => "{path:?} se nomme comme un autre fichier des données, et leurs fichiers codés aussi",
});

french!(AttachError {
    Self::Table(error) => (error),
    Self::File(error) => (error),
    Self::Report(error) => (error),
    Self::DataUnknown { path } => "{path:?} ne dit pas où sont les données",
    Self::DataMoved { path } => "les données ne sont plus dans {path:?}",
    Self::DataChanged { path } => "les données {path:?} ne sont pas celles dont la demande a été faite : elles ont été \
        modifiées, ou c'est un autre fichier",
    Self::RetainedRows { path } => "le fichier conservé {path:?} a été modifié : il ne nomme pas une fois chaque ligne \
        des données",
    Self::OutType { path } => "le fichier attaché {path:?} garde les colonnes comme elles sont",
    Self::BinaryCsv => "les codes binaires demandent un fichier Parquet",
    Self::ReportMissing { path } => "{path:?} manque",
    Self::Parcel(error) => (error),
    Self::PartyNeeded { path } => "le résultat {path:?} est un colis, et rien ne dit pour qui il est",
    Self::RequestedMissing { path } => "{path:?} manque, qui dit de quoi le résultat doit être",
    Self::Requested(error) => (error),
    Self::OtherService { path, found, expected } => "le résultat {path:?} est du service {found}, la demande était pour \
        {expected}",
    Self::OtherDomain { path, found, expected } => "le résultat {path:?} est du domaine `{found}`, la demande était pour \
        `{expected}`",
    Self::OtherUse { path, found, expected } => "le résultat {path:?} est de l'usage `{found}`, la demande était pour \
        `{expected}`",
    Self::OtherScheme { path, found, expected } => (
        "le résultat {path:?} est du type d'identifiant {}, la demande était pour {}",
        found.map_or("-", Scheme::name), expected.map_or("-", Scheme::name)
    ),
    Self::OtherRequest { path } => "le résultat {path:?} est d'une autre demande que celle qui a été conservée \
        (l'engagement dans son rapport diffère)",
    Self::Unmatched { missing, extra } => "{missing} lignes du fichier conservé n'ont pas de résultat, et {extra} lignes \
        du résultat ne vont avec aucune ligne conservée",
    Self::ResultChanged { path } => "le résultat {path:?} n'est pas ce que dit son rapport (il a été modifié après avoir \
        été fait, ou le rapport est d'un autre \
        résultat)",
    Self::DestroysOutput { path } => "{path:?} doit être écrit et détruit",
    Self::DestroysForFrame => "des lignes qui vont à un tableau ne sont pas sur disque : rien n'est détruit pour elles",
    Self::OutFolder { path } => "les données étaient plusieurs fichiers, et {path:?} est nommé comme un seul",
    Self::OtherFiles { missing, extra } => "les fichiers des données ne sont pas ceux de la demande : {missing} d'entre \
        eux manquent, {extra} sont \
        d'autres",
    Self::NotDestroyed { count, reason } => ("le fichier attaché est complet, mais {count} fichiers n'ont pas été \
        détruits, le premier parce que {}", fr(reason)),
});

french!(NotDestroyed {
    Self::File(error) => (error),
    Self::Another { path } => "{path:?} a été modifié ou remplacé depuis le début de la commande",
});

fn said(name: Option<&impl ToString>) -> String {
    name.map_or_else(|| "inconnu".to_owned(), ToString::to_string)
}

french!(CheckError {
    Self::Table(error) => (error),
    Self::Report(error) => (error),
    Self::NoCodes { path } => "{path:?} ne contient aucun code, et ne s'apparie donc avec rien",
    Self::Services { files } => (
        "{:?} est du service {} (étiquette {}), {:?} du service {} (étiquette {}), et leurs codes ne coïncident jamais",
        files[0].path, said(files[0].service.as_ref()), files[0].tag,
        files[1].path, said(files[1].service.as_ref()), files[1].tag
    ),
    Self::Domains { files } => (
        "{:?} est du domaine {} (étiquette {}), {:?} du domaine {} (étiquette {}), et leurs codes ne coïncident jamais",
        files[0].path, said(files[0].domain.as_ref()), files[0].tag,
        files[1].path, said(files[1].domain.as_ref()), files[1].tag
    ),
    Self::Generations { files } => (
        "{:?} est de génération {}, {:?} de génération {}, et leurs codes ne coïncident pas",
        files[0].path, files[0].generation, files[1].path, files[1].generation
    ),
    Self::LeftOut { files } => (
        "{:?} est de génération {}, dont la clé est perdue : ses codes ne sont jamais renouvelés vers ceux de génération \
            {} dans {:?}",
        files[0].path, files[0].generation, files[1].generation, files[1].path
    ),
});
