//! The reports that a stop kept from being written.

use std::path::Path;

use cstatns::delivery::DeliveryId;
use cstatns::report::report_path;
use cstatns::service::Service;

use super::TOOL;
use crate::fault::Fault;
use crate::lang::text;
use crate::output::Program;

/// Makes the reports that a stop kept from being written. What cannot be written does not stop a
/// command.
pub(in crate::service) fn write_missing_reports(program: &Program, service: &Service) {
    for outgoing in service.outgoing() {
        // A report says what was destroyed: it waits for a destruction that is owed.
        if service.is_owed(&outgoing.delivery.id) {
            continue;
        }
        // That of a parcel lies in it.
        if outgoing.party.is_some() {
            continue;
        }
        let Some(result) = outgoing.result.filter(|result| result.is_file()) else { continue };
        let path = report_path(&result);
        if path.symlink_metadata().is_ok() {
            continue;
        }
        match write_report(service, &outgoing.delivery.id, &path) {
            Ok(()) => program.say(text!(
                "the report {path:?} was missing: written from the ledger",
                "le rapport {path:?} manquait : écrit d'après le registre"
            )),
            Err(fault) => {
                let why = fault.line().unwrap_or_default();
                program.say(text!(
                    "warning: the report {path:?} is missing and cannot be written: {why}",
                    "attention : le rapport {path:?} manque et ne peut pas être écrit : {why}"
                ));
            }
        }
    }
}

fn write_report(service: &Service, delivery: &DeliveryId, path: &Path) -> Result<(), Fault> {
    let request: Vec<_> =
        service.request_of(delivery).into_iter().map(|path| (path, None)).collect();
    service.report(delivery, TOOL, &request)?.write(path)?;
    Ok(())
}
