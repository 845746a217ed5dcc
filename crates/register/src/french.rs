//! What this crate says in French.

use std::fmt;

use cstatns_base::civil_status::Field;
use cstatns_base::french;
use cstatns_base::language::{French, fr};

use crate::builder::BuildError;
use crate::faults::{Fault, Faults, Origin, Unit};
use crate::index::IndexError;
use crate::layout::VERSION;
use crate::traits::TraitFault;

french!(IndexError {
    Self::File(error) => (error),
    Self::Other { path } => "{path:?} n'est pas l'index d'un répertoire",
    Self::Version { path, found } => "{path:?} est un index au format {found}, cette version lit le format {VERSION}",
    Self::Damaged { path } => "{path:?} est endommagé ou tronqué",
});

french!(BuildError {
    Self::File(error) => (error),
    Self::Rows(faults) => ("les fichiers ont {}", fr(faults)),
    Self::Empty => "le répertoire n'a aucune ligne",
    Self::TooLarge => ("le répertoire a plus de {} lignes, le maximum d'un index", u32::MAX),
    Self::Index(error) => (error),
    Self::Interrupted => "arrêté sur demande (il ne reste rien de la sortie, et ce qui a été lu est intact)",
});

// It continues "3 lignes".
french!(Fault {
    Self::Encoding => "avec des octets qui ne sont pas de l'UTF-8, ce que iconv -f WINDOWS-1252 -t UTF-8 peut corriger",
    Self::Fields => "avec plus ou moins de champs que l'en-tête",
    Self::Identifier => "sans identifiant valable",
    Self::Id => "avec un id de plus de 255 octets",
    Self::Trait(TraitFault::Name) => "sans nom de famille",
    Self::Trait(TraitFault::Date) => "avec une date illisible ou une année hors de l'intervalle de 1800 à l'an prochain",
    Self::Trait(TraitFault::Sex) => ("avec un sexe qui n'est aucun de {}", Field::Sexe.forms_fr().unwrap_or_default()),
    Self::Trait(TraitFault::PlaceCode) => "avec un code de lieu qui n'en est pas un",
    Self::Trait(TraitFault::TooLong) => "avec un champ plus long qu'aucun nom",
    Self::Crowd => "d'une personne qui en a plus de 1000",
    Self::Duplicate => "avec un identifiant déjà présent dans une ligne précédente",
    Self::OtherPerson => "avec un identifiant que le répertoire donne à un autre id",
});

impl French for Faults {
    fn french(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let files = self.iter().flat_map(|(_, _, origins)| origins).any(|origin| origin.file > 0);
        for (nth, (fault, count, origins)) in self.iter().enumerate() {
            let place = |Origin { file, unit, number }: &Origin| {
                let unit = match unit {
                    Unit::Line => "ligne",
                    Unit::Row => "rang",
                };
                let file = if files {
                    format!("fichier {} ", u32::from(*file) + 1)
                } else {
                    String::new()
                };
                format!("{file}{unit} {number}")
            };
            let places: Vec<String> = origins.iter().map(place).collect();
            let more = if count > origins.len() as u64 { ", …" } else { "" };
            let before = if nth == 0 { "" } else { " ; " };
            let rows = if count == 1 { "ligne" } else { "lignes" };
            write!(f, "{before}{count} {rows} {} ({}{more})", fr(&fault), places.join(", "))?;
        }
        Ok(())
    }
}
