//! What was found in data that is prepared, or tried.

use std::collections::BTreeMap;

use cstatns_controller::{Column, Findings, Risk};
use serde_json::{Map, Value, json};

use crate::bulk::over_several_lines;
use crate::figures::{counted, grouped};
use crate::lang::{said, text};
use crate::output::Program;
use crate::register::MAY_BE_DAYS;

use super::NUMBERS;
use super::inspect::{frequent, unkeyed};

/// Shows what was found. `values` cells of the request have a value.
pub(super) fn tell(
    program: &Program,
    found: &Findings,
    values: u64,
    column: Column<'_>,
    numbers: bool,
) {
    for (field, count) in &found.unread {
        let values = counted(*count, "value", "valeur");
        program.say(text!(
            "not sent: {values} of {field} that cannot be read as such",
            "non envoyé : {values} de {field} qui ne peuvent pas être lues comme telles"
        ));
    }
    if let Column::Identifiers { .. } = column {
        let notes = [frequent(found.most, values), unkeyed(found.unkeyed, values)];
        notes.into_iter().flatten().for_each(|note| program.say(note));
    }
    over_several_lines(program, found.over_lines);
    if numbers {
        program.say(said(NUMBERS));
    }
    for (column, held) in &found.identifiers {
        program.say(text!(
            "column {column} stays and holds identifiers: {} with their key and {} without one \
            in {}", "la colonne {column} reste et contient des identifiants : {} avec leur clé et {} sans clé dans {}",
            grouped(held.keyed),
            grouped(held.unkeyed),
            counted(held.filled, "cell", "cellule")
        ));
    }
    for risk in &found.risks {
        let (column, reason) = (&risk.column, &risk.reason);
        program.say(match risk.is_needed {
            true => text!(
                "accepted: column {column:?} stays beside the codes ({reason})",
                "accepté : la colonne {column:?} reste à côté des codes ({reason})"
            ),
            false => text!(
                "column {column:?} is no risk: its --accept-risk can be left out",
                "la colonne {column:?} n'est pas un risque : son --accept-risk est superflu"
            ),
        });
    }
    if matches!(column, Column::CivilStatus { .. }) && !found.counts.contains_key("ok") {
        program.say(
            text!("warning: nobody can be looked up: no row has a name and a date that can be read; \
            see that these columns are \
             filled, and that --map names the right ones",
                 "attention : personne ne peut être recherché : aucune ligne n'a un nom et une date lisibles ; voyez si \
                     ces colonnes sont remplies, et si --map nomme les bonnes"),
        );
    }
    if found.may_be_days {
        program.say(said(MAY_BE_DAYS));
    }
}

/// The same in the summary, among what else it says.
pub(super) fn add_to(summary: &mut Map<String, Value>, found: &Findings) {
    let identifiers: BTreeMap<_, _> = found
        .identifiers
        .iter()
        .map(|(column, held)| {
            let counts =
                json!({ "cells": held.filled, "with_key": held.keyed, "without_key": held.unkeyed });
            (column, counts)
        })
        .collect();
    let risk = |risk: &Risk| json!({ "column": risk.column, "reason": risk.reason, "needed": risk.is_needed });
    let risks: Vec<_> = found.risks.iter().map(risk).collect();
    let more = json!({
        "most_frequent": { "rows": found.most.0, "of": found.most.1 },
        "without_key": found.unkeyed,
        "status": found.counts,
        "unread": found.unread,
        "cells_over_several_lines": found.over_lines,
        "identifiers_kept": identifiers,
        "accepted_risks": risks,
    });
    if let Value::Object(more) = more {
        summary.extend(more);
    }
}
