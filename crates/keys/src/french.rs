//! What this crate says in French.

use cstatns_base::french;

use crate::receiving::SealError;

french!(SealError {
    Self => "une clé de réception n'est pas une clé publique X-Wing (la carte a été altérée)",
});
