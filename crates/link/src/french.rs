//! What this crate says in French.

use cstatns_base::french;

use crate::join::{JoinError, MOST};

french!(JoinError {
    Self::Table(error) => (error),
    Self::Sources { found } => "un appariement se fait entre 2 et {MOST} sources, et non entre {found}",
    Self::Types { path } => "{path:?} n'est pas du type de la sortie : elle et toutes les sources sont du texte, ou toutes \
        du Parquet",
    Self::Columns { path, column } => "la colonne {column:?} de {path:?} aurait le nom d'une autre colonne",
    Self::Reserved { path, column } => "{path:?} a une colonne {column:?}, avec ces majuscules ou d'autres : ni codes ni \
        index ne sortent d'un appariement",
    Self::Long { limit } => "une ligne de la sortie dépasserait {limit} octets",
    Self::Many { people } => "{people} personnes ont plus d'une ligne dans deux sources ou plus",
    Self::Few { name, least } => "moins de {least} personnes de la source `{name}` ont été appariées",
});
