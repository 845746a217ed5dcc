//! What this crate says in French.

use std::fmt;
use std::io::ErrorKind;

use cstatns_base::coded::ColumnName;
use cstatns_base::files::words_fr;
use cstatns_base::french;
use cstatns_base::language::{French, fr};

use crate::error::{Like, PackedFault, RowFault, TableError};

french!(TableError {
    Self::FileType { path } => "{path:?} ne se termine pas par .csv, .tsv ou .txt (suivi peut-être de .gz ou .zst) ni par \
        .parquet",
    Self::File(error) => (error),
    Self::EmptyFile { path } => "{path:?} est vide",
    Self::NotCsv { path, found } => ("{path:?} n'est pas du CSV mais {}", found.fr),
    Self::Packed { path, packing, fault } => ("{path:?} : {}", fr(&Packed(packing, *fault))),
    Self::NoRows { path } => "{path:?} a un en-tête mais aucune ligne",
    Self::Ragged { path, row, line, found, expected } => "{path:?} : l'enregistrement {row} (ligne {line}) a {found} \
        champs, l'en-tête en a {expected}",
    Self::OpenQuote { path, line } => "{path:?} : un guillemet ouvert dans l'enregistrement à la ligne {line} n'est \
        jamais fermé",
    Self::TextAfterQuote { path, line, opened } if opened == line => "{path:?} : du texte suit un guillemet fermant à la \
        ligne {line}",
    Self::TextAfterQuote { path, line, opened } => "{path:?} : du texte suit un guillemet fermant à la ligne {line} (sa \
        cellule s'ouvre à la ligne {opened})",
    Self::Swallowed { path, column, line: Some(line) } => "{path:?} : une cellule de la colonne {column} occupe plusieurs \
        lignes dans \
        l'enregistrement à la ligne {line}, et l'une d'elles contient un identifiant (un guillemet manquant a \
        probablement avalé des enregistrements entiers)",
    Self::Swallowed { path, column, line: None } => "{path:?} : une cellule de la colonne {column} occupe plusieurs \
        lignes, et l'une \
        d'elles contient un identifiant (un guillemet manquant a probablement avalé des enregistrements entiers)",
    Self::LongRow { path, line, limit } => "{path:?} : l'enregistrement à la ligne {line} dépasse {limit} octets",
    Self::Parquet { path } => "{path:?} ne peut pas être lu comme du Parquet (il est tronqué, endommagé ou d'un autre type)",
    Self::ParquetFeature { path } => "{path:?} utilise une possibilité de Parquet qui n'est pas prise en charge ici",
    Self::ParquetCodec { path, codec } => "{path:?} est compressé par {codec}, qui n'est pas lu ici",
    Self::ParquetText { path } => "{path:?} : une colonne de texte contient des octets qui ne sont pas de l'UTF-8",
    Self::WidePage { path, column, group } => "{path:?} : la colonne {column:?} prend trop de mémoire dans le groupe de \
        lignes {group}",
    Self::WideColumn { path, column, limit } => "{path:?} : la colonne {column:?} a des valeurs d'une longueur fixe de \
        plus de {limit} octets",
    Self::WideRow { path, column, row, limit } => "{path:?} : la ligne {row} prend plus de {limit} octets, la plupart \
        dans la colonne {column:?}",
    Self::InexactTime { path, column, group } => "{path:?} : la colonne {column:?} contient dans le groupe de lignes \
        {group} un horodatage de 96 bits (INT96) \
        que les microsecondes ne rendent pas exactement",
    Self::Frame { name } => "le tableau {name:?} ne peut pas être lu : ce qui le remet a échoué, ou donne d'autres \
        colonnes que celles annoncées",
    Self::Metadata { path, key } => "{path:?} : la métadonnée {key} n'est pas ce que cette version écrit",
    Self::MissingColumn { path, wanted, delimiter, wider, like, found } => (
        "{path:?} n'a pas de colonne {wanted:?} ; {}", fr(&Columns(found, *delimiter, *wider, like.as_deref()))
    ),
    Self::ColumnTwice { path, column } => "{path:?} a deux fois la colonne {column:?}",
    Self::ColumnType { path, column, found, size: Some(size), needed, .. } => (
        "{path:?} : la colonne {column:?} est de type {} de {size} octets ; {}", found.fr, needed.fr
    ),
    Self::ColumnType { path, column, found, needed, .. } => ("{path:?} : la colonne {column:?} est de type {} ; \
        {}", found.fr, needed.fr),
    Self::Numbers { path, column, found } => (
        "{path:?} : la colonne {column:?} est de type {} ; les identifiants sont du texte : un nombre ne peut contenir 2A \
            ni 2B", found.fr
    ),
    Self::Columns { path, expected } => "{path:?} n'a pas les colonnes d'un tel fichier (ce doit être {expected}, dans \
        cet ordre, et aucune autre)",
    Self::Row { path, row, fault } => ("{path:?} : la ligne {row} {}", fr(fault)),
    Self::NotWhole { path, column, row } => "{path:?} : la ligne {row} a dans la colonne {column:?} un nombre qui n'est \
        pas entier, ou trop grand pour être \
        gardé exactement",
    Self::BinaryCodes { path } => "{path:?} contient des codes binaires et ses métadonnées ne disent pas de quel domaine \
        et de quelle génération ils sont",
    Self::Write { kind: ErrorKind::StorageFull | ErrorKind::QuotaExceeded } => "il ne reste pas de place pour la sortie",
    Self::Write { kind: ErrorKind::FileTooLarge } => "la sortie serait plus grande que le système ne le permet à un fichier",
    Self::Write { kind } => ("la sortie ne peut pas être écrite ({})", words_fr(*kind)),
    Self::Spill { beside } => "ce qui a été mis de côté sur disque à côté de {beside:?} n'est pas revenu comme il avait \
        été écrit",
    Self::PipedParquet { path } => "{path:?} ne peut pas entrer par un tube : le Parquet se lit à partir de sa fin",
    Self::NoParts { path } => "il n'y a aucune partie d'une demande ou d'un résultat dans le dossier {path:?}",
    Self::PartOther { path } => "la partie {path:?} a d'autres colonnes ou un autre type que les parties précédentes",
    Self::PartFolder { path } => "le dossier {path:?} se trouve parmi les parties d'une demande ou d'un résultat",
    Self::NotParquet { path } => "{path:?} n'est pas du Parquet mais du texte",
    Self::Interrupted => "arrêté sur demande (il ne reste rien de la sortie, et ce qui a été lu est intact)",
    Self::Unwritable => "une colonne des données ne peut pas être écrite en Parquet",
});

/// By what a file is compressed, and what is wrong with it.
struct Packed<'a>(&'a str, PackedFault);

french!(Packed<'_> {
    Self(packing, PackedFault::Truncated) => "les données {packing} finissent trop tôt : le fichier n'est pas entier",
    Self(packing, PackedFault::Damaged) => "les données {packing} sont endommagées, ou le fichier n'est pas compressé ainsi",
    Self(packing, PackedFault::Window) => "les données {packing} se rapportent si loin en arrière qu'il faudrait trop de \
        mémoire",
});

/// What a file without the column that was asked for has instead.
struct Columns<'a>(&'a [ColumnName], Option<char>, Option<u64>, Option<&'a Like>);

impl French for Columns<'_> {
    fn french(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(found, delimiter, wider, like) = self;
        match (found, wider) {
            ([], Some(wider)) => write!(
                f,
                "la première ligne, qui doit donner les noms des colonnes, a moins de noms que la \
                ligne {wider} n'a de champs"
            )?,
            ([], None) => f.write_str("la première ligne doit donner les noms des colonnes")?,
            _ => {
                let names: Vec<String> = found.iter().map(ColumnName::to_string).collect();
                write!(f, "il a {}", names.join(", "))?;
            }
        }
        match delimiter {
            Some('\t') => f.write_str(" ; ses champs semblent séparés par des tabulations")?,
            Some(delimiter) => write!(f, " ; ses champs semblent séparés par '{delimiter}'")?,
            None => {}
        }
        match like {
            Some(Like { name, number, is_utf_8 }) => {
                let how = if *is_utf_8 { "écrite autrement" } else { "dans un autre encodage" };
                write!(f, " ; la colonne {number} est {name:?}, {how}")
            }
            None => Ok(()),
        }
    }
}

french!(RowFault {
    Self::Index => "a un index qui n'est pas de 32 chiffres hexadécimaux en minuscules",
    Self::Order => "a un index qui ne vient pas après celui d'au-dessus",
    Self::Identifier { reason } => "ne contient pas d'identifiant sous forme compacte ({reason})",
    Self::CivilStatus { field } => "contient un champ `{field}` non valable",
    Self::Code(error) => ("contient ce qui n'est {}", fr(error)),
    Self::OtherCodes { found, expected } => (
        "contient un code de génération {} avec l'étiquette {}, attendu génération {} avec l'étiquette {}",
        found.1, found.0, expected.1, expected.0
    ),
    Self::Encoding => "contient dans la colonne choisie des octets qui ne sont pas de l'UTF-8",
    Self::Word => "a un `status`, `quality` ou `score` non valable",
    Self::Disagree => "a un résultat qui ne va pas avec ce que les données avaient à cet endroit",
});
