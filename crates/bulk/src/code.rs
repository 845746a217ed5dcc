//! The service's step: request → result, in one pass that also computes the commitment (SPEC §6).

use std::path::Path;

use cstatns::code::Code;
use cstatns::coder::{Coder, Renewer};
use cstatns::identifier::Identifier;
use cstatns::manifest::{Content, Manifest};
use cstatns::name::Name;
use cstatns_rows::columns::{Codes, fault};
use cstatns_rows::error::RowFault;
use cstatns_rows::sink::Column;
use cstatns_rows::table::{Batch, Format};

use crate::error::{CodeFileError, Tally};
use crate::identifiers::Identifiers;
use crate::out::Out;
use crate::rows::{Pass, Request, Worked, check_domain, coded_columns, open};

/// Makes the checks that [`code`] and [`renew`] make of a request before its first row: the service
/// and the domain that it is for, its columns and their types.
///
/// # Errors
/// [`CodeFileError::OtherService`], [`CodeFileError::OtherDomain`], [`CodeFileError::Table`].
pub fn look(
    request: &Path,
    manifest: &Manifest,
    service: &str,
    domain: &Name,
) -> Result<(), CodeFileError> {
    check_domain(request, manifest, service, domain)?;
    open(request, None, manifest.content)?;
    Ok(())
}

/// Codes the identifiers of `request` and writes the result (`index`, `code`, `quality`) to `out`.
///
/// Memory does not grow with the file, and the result does not depend on the number of threads.
/// `out` is the caller's, to be made durable after `Ok` and thrown away after `Err`; nobody may
/// read it before, unless there are two passes: see [`Out`].
///
/// # Errors
/// [`CodeFileError`]: among them any column but `index` and `identifier`, indexes that do not
/// strictly increase, a cell that is not an identifier in its compact form, and rows that are not
/// those of its manifest. Of several errors one in the first block of rows that has any is
/// returned, whatever the number of threads.
pub fn code<'o>(
    request: &Request<'_>,
    coder: &Coder,
    out: impl Into<Out<'o>>,
) -> Result<Tally, CodeFileError> {
    let Content::Identifiers { scheme } = request.manifest.content else {
        return Err(request.holds_other());
    };
    let pass = Pass::to_code(request, coder)?;
    pass.run(&coded_columns(request.format), out.into(), &|| {
        let (mut identifiers, mut found) = (Identifiers::new(scheme), Vec::new());
        Box::new(move |rows: &mut Worked<'_>, batch: &dyn Batch, index: &[[u8; 16]]| {
            identifiers.clear(batch.rows());
            for (row, (index, cell)) in
                index.iter().zip(batch.cells(1).iter(batch.rows())).enumerate()
            {
                rows.commit.push(index, &[cell]);
                let word = match cell {
                    None => "none",
                    Some(cell) => identifiers.push(cell).map_err(|reason| {
                        fault(request.path, row, RowFault::Identifier { reason })
                    })?,
                };
                rows.words.push(Some(word));
            }
            coder.code(identifiers.all(), &mut found);
            let mut found = found.iter();
            let code = |word: &Option<&str>| {
                if *word == Some("none") { None } else { found.next().copied() }
            };
            rows.codes.extend(rows.words.iter().map(code));
            rows.recheck(identifiers.all().iter().map(Identifier::canonical))
        })
    })
}

/// Renews the codes of `request` and writes the result (`index`, `code`) to `out`. See [`code`].
///
/// # Errors
/// As [`code`], with any column but `index` and `code`, and codes of another domain or generation
/// than `renewer` takes.
pub fn renew<'o>(
    request: &Request<'_>,
    renewer: &Renewer,
    out: impl Into<Out<'o>>,
) -> Result<Tally, CodeFileError> {
    let Request { path, format, meta, .. } = *request;
    let Content::Codes { tag, generation } = request.manifest.content else {
        return Err(request.holds_other());
    };
    let (found, expected) = ((tag, generation), (renewer.tag(), renewer.old_generation()));
    if found != expected {
        return Err(CodeFileError::OtherCodes { path: path.to_owned(), found, expected });
    }
    if (renewer.tag(), renewer.generation()) != (meta.tag(), meta.generation) {
        return Err(CodeFileError::Keys);
    }
    let pass = Pass::of(request)?;
    let column = Codes::of(pass.source.table(), 1, Some(expected))?;
    let columns = [Column::index(), Column::code(format == Format::Parquet)];
    pass.run(&columns, out.into(), &|| {
        let (mut codes, mut old, mut new) = (Vec::new(), Vec::new(), Vec::new());
        let mut text = Vec::with_capacity(Code::MAX_TEXT);
        let column = &column;
        Box::new(move |rows: &mut Worked<'_>, batch: &dyn Batch, index: &[[u8; 16]]| {
            column.read(batch, &mut codes)?;
            for (index, code) in index.iter().zip(&codes) {
                // The text form, whatever the file's type: both have one commitment.
                text.clear();
                if let Some(code) = code {
                    code.write_text(&mut text);
                }
                rows.commit.push(index, &[code.map(|_| text.as_slice())]);
            }
            old.clear();
            old.extend(codes.iter().flatten().copied());
            renewer.renew(&old, &mut new)?;
            let mut new = new.iter();
            rows.codes.extend(codes.iter().map(|code| code.and_then(|_| new.next().copied())));
            rows.recheck(old.iter().map(|code| &code.bytes()[..]))
        })
    })
}
