//! The codes of a coded file are to be renewed: they go to the service under fresh indexes, and the
//! rows stay under the same indexes, encrypted to this body.

use std::path::Path;

use cstatns_base::code::Generation;
use cstatns_base::files::{self, Held};
use cstatns_base::meta::{FileMeta, ServiceId};
use cstatns_base::name::{Hex, Name};
use cstatns_controller::{Beside, Column, Prepare, PrepareError, prepare};
use cstatns_parcel::head::Kind;
use cstatns_parcel::request::is_age;
use cstatns_parcel::sending::Sending;
use cstatns_record::card::ServiceCard;
use cstatns_record::linking::{Content, LinkingRefusal};
use cstatns_record::payload::Payload;
use cstatns_record::proposal::Input;
use cstatns_rows::effort::Effort;
use cstatns_rows::reading::Reading;
use cstatns_rows::table::Format;

use crate::body::Body;
use crate::catalogue::Entry;
use crate::error::LinkError;

/// What a body has renewed. See [`prepare_renewal`].
pub struct Renewal<'a> {
    /// The card of the service.
    pub service: &'a ServiceCard,
    /// The project.
    pub domain: &'a Name,
    /// The coded file, in clear or as the copy that is kept.
    pub coded: &'a Path,
    /// The request key that the service issued to this body.
    pub key: &'a Path,
    /// The parcel of the request to write, such as `request.csv.age`.
    pub request: &'a Path,
    /// The parcel to write of what is kept.
    pub retained: &'a Path,
}

/// A renewal that is under way.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Renewing {
    /// The number of the coded file.
    pub file: Hex<16>,
    /// The generation of its codes.
    pub generation: Generation,
    /// Its rows.
    pub rows: u64,
    /// The counts and the commitment of the request, as its custodians see them; none where an
    /// earlier run of the command wrote the files.
    pub input: Option<Input>,
}

/// Writes the request for new codes of a coded file, to the service, and what is kept of it: the
/// rows without their codes, under the indexes of the request and in their order, as a parcel to
/// this body itself. [`receive`](crate::receive()) puts the new codes to them. The coded file stays
/// until then.
///
/// # Errors
/// [`LinkError`]; nothing is left then.
pub fn prepare_renewal(
    body: &mut Body<'_>,
    what: &Renewal<'_>,
    effort: &Effort,
) -> Result<Renewing, LinkError> {
    let coded = body.coded(what.coded)?;
    let (entry, file) = (&coded.entry, &coded.file);
    let path = || what.coded.to_owned();
    let service = ServiceId::of(what.service.id()).expect("a card that is sound");
    if file.service != service {
        let (found, expected) = (file.service.clone(), service);
        return Err(LinkError::CodedService { path: path(), found, expected });
    }
    if file.domain != *what.domain {
        let (found, expected) = (file.domain.clone(), what.domain.clone());
        return Err(LinkError::CodedDomain { path: path(), found, expected });
    }
    if body.state().ended(&service, what.domain).is_some() {
        return Err(LinkingRefusal::Ended.into());
    }
    let Content::Coded { delivery, .. } = file.content else {
        return Err(LinkError::NotCoded { path: path() });
    };
    let meta = FileMeta {
        service: service.to_string(),
        domain: file.domain.clone(),
        generation: file.generation,
        delivery,
    };
    let renewing =
        |input| Renewing { file: entry.file, generation: file.generation, rows: file.rows, input };
    if is_made(body, what, &meta)? {
        let renewing = renewing(None);
        keep(body, coded.entry, what.retained)?;
        return Ok(renewing);
    }
    let sending = Sending::new(body.party, what.service, what.key, None, body.now());
    let sending = sending.map_err(PrepareError::from)?;
    let accepted: Vec<_> = entry.accepted.clone().into_iter().collect();
    let delimiter = Format::of(&entry.path)?.text().map_or(b',', |text| text.delimiter);
    let prepared = prepare(
        Prepare {
            data: coded.rows().into(),
            column: Column::Coded(&meta),
            service: &service,
            signing: &what.service.body.signing,
            domain: what.domain,
            request: what.request,
            sending: Some(&sending),
            beside: Beside::Own(what.retained),
            delimiter,
            reading: Reading::default(),
            accepted: &accepted,
        },
        effort,
    )?;
    let renewing = renewing(Some(prepared.input));
    keep(body, coded.entry, what.retained)?;
    Ok(renewing)
}

/// Whether the same command wrote both files before: it was stopped after that, or is repeated.
fn is_made(body: &Body<'_>, what: &Renewal<'_>, meta: &FileMeta) -> Result<bool, LinkError> {
    let (retained, request) = (what.retained, what.request);
    if !(files::taken(retained)? && files::taken(request)? && is_age(retained)?) {
        return Ok(false);
    }
    let own = body.party.sender();
    let Ok((opened, _)) = body.opened(retained, &|sender| *sender == own) else {
        return Ok(false);
    };
    let about = Payload::of(&opened.about).filter(|_| opened.head.kind == Kind::Payload);
    let is_made = about.is_some_and(|about| {
        about.previous == [meta.delivery]
            && (&*about.service, &about.domain) == (&meta.service, &meta.domain)
    });
    if is_made {
        // Of a command that was stopped once both had their names.
        files::take_back(&[retained, request])?;
    }
    Ok(is_made)
}

/// Remembers what is kept of a renewal: it goes with the coded file.
fn keep(body: &Body<'_>, mut entry: Entry, retained: &Path) -> Result<(), LinkError> {
    let kept = Held::new(retained)?.remembered().clone();
    if !entry.retained.contains(&kept) {
        entry.retained.push(kept);
        body.catalogue.replace(&entry)?;
    }
    Ok(())
}
