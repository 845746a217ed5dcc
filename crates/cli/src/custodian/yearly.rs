//! The yearly check, as the kit itself knows of it.

use cstatns::custody::custodian::Kit;
use cstatns::state::next_check;
use jiff::tz::TimeZone;

use crate::lang::text;
use crate::output::Program;

/// When the kit last showed that its share opens, and when it is to be shown again (SPEC §12).
pub(super) fn said(program: &Program, kit: &Kit) -> String {
    let shown = kit.statements().iter().filter(|stated| stated.shows_share());
    let Some(last) = shown.map(|stated| stated.time()).max() else {
        return text!("no share was shown to open yet", "aucune part ne s'est encore ouverte");
    };
    let (due, today) = (next_check(last), TimeZone::UTC.to_datetime((program.clock)()).date());
    let last = last.strftime("%Y-%m-%d");
    match today > due {
        true => text!(
            "the share was last shown to open on {last}: a check was DUE on {due}",
            "la part s'est ouverte pour la dernière fois le {last} : un contrôle était DÛ le {due}"
        ),
        false => text!(
            "the share was last shown to open on {last}; the next check is due on {due}",
            "la part s'est ouverte pour la dernière fois le {last} ; le prochain contrôle est dû le {due}"
        ),
    }
}
