//! What the controller gives back to the service once the codes stand beside its data (SPEC §6).

use std::path::Path;

use cstatns_base::files::{self, Access, FileError};
use cstatns_parcel::party::Party;
use cstatns_record::received::{Received, ReceivedFile, received_path};
use cstatns_record::report::{Report, ReportBody};

/// The receipt of a result, signed where a party gives it. It promises nothing: files are counted
/// as destroyed once they are.
pub(super) fn receipt(party: Option<&Party>, result: &ReportBody, report: &Report) -> Vec<u8> {
    let received = Received::of(result, report.end);
    match party {
        Some(party) => signed(party, received, result.checkpoint.clone()),
        None => received.bytes(),
    }
}

/// Says in the receipt beside the attached file how many files are destroyed. One that is gone was
/// given already.
pub(super) fn count_destroyed(
    out: &Path,
    party: Option<&Party>,
    destroyed: u64,
) -> Result<(), FileError> {
    let path = received_path(out);
    let bytes = match (ReceivedFile::read(&path), party) {
        (Ok(ReceivedFile::Unsigned(received)), _) => received.with_destroyed(destroyed).bytes(),
        (Ok(ReceivedFile::Signed(receipt)), Some(party)) => {
            let checkpoint = receipt.body.checkpoint.clone().unwrap_or_default();
            signed(party, receipt.body.with_destroyed(destroyed), checkpoint)
        }
        _ => return Ok(()),
    };
    files::replace(&path, &bytes, Access::Private)
}

fn signed(party: &Party, received: Received, checkpoint: String) -> Vec<u8> {
    received.signed(party.card().fingerprint(), checkpoint, &party.signing()).bytes()
}
