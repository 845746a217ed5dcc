//! Attached rows as files: one, or a folder of them; then what is to be destroyed is destroyed.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;

use cstatns_base::files::{
    Access, FileError, FileId, Pending, PendingDirectory, Together, lock_file, remove_if_present,
    take_back,
};
use cstatns_record::received::received_path;
use cstatns_record::report::{Report, report_path};
use cstatns_record::requested::Requested;
use cstatns_rows::effort::Effort;
use cstatns_rows::error::TableError;
use cstatns_rows::sink::{self, Column, Encoding, Sink};
use cstatns_rows::sort::Sortable;
use cstatns_rows::table::{Fill, Format, Input, Source, Stream, Table};
use jiff::Timestamp;

use crate::data::Data;

use super::command::{Attached, Files};
use super::destruction::{Before, NotDestroyed, Unfinished};
use super::gather::{add_counts, gather};
use super::opened::{Expected, Opened, Part};
use super::receipt::receipt;
use super::shuffle::shuffle;
use super::write::{Kept, Parts, copy, write};
use super::{AttachError, report};

/// What is read: the data, the retained file and what was kept of the request.
pub(super) type Given<'a> = (Option<Data<'a>>, Input<'a>, Option<&'a Requested>);

/// Writes one attached file, or a folder of files where the data are several.
pub(super) fn attach_to_files(
    what: &Files<'_>,
    (data, retained, requested): Given<'_>,
    begin: Timestamp,
    effort: &Effort,
) -> Result<Attached, AttachError> {
    let out = what.out;
    let (report_path, received_path) = (report_path(out), received_path(out));
    let written = [out, &report_path, &received_path];
    if let Some(path) = what.all().find(|path| written.contains(path)) {
        return Err(AttachError::DestroysOutput { path: path.to_owned() });
    }
    match what.is_folder {
        true => take_back(&[&received_path, &report_path])?,
        false => take_back(&[&report_path, &received_path, out])?,
    }
    if let Some((mut report, unfinished)) = Unfinished::find(what) {
        check_destroyed(unfinished.carry_out(what, &mut report)?)?;
        let holding = Vec::new();
        return Ok(Attached { rows: report.rows_out, report, resumed: true, holding });
    }
    if out.symlink_metadata().is_ok() {
        // Before the sources, which may be gone: the command may have been done already.
        return Err(FileError::Exists { path: out.to_owned() }.into());
    }
    let before = Before::of(what)?;
    let opened = Opened::open(data, retained, requested, (what.result, what.party))?;
    let writing = Writing { what, before, begin, effort };
    let (mut report, unfinished) = match what.is_folder {
        true => writing.folder(opened)?,
        false => writing.file(opened)?,
    };
    if let Some(unfinished) = unfinished {
        check_destroyed(unfinished.carry_out(what, &mut report)?)?;
    }
    Ok(Attached { rows: report.rows_out, report, resumed: false, holding: Vec::new() })
}

struct Writing<'a> {
    what: &'a Files<'a>,
    before: Before,
    begin: Timestamp,
    effort: &'a Effort,
}

impl Writing<'_> {
    /// Writes the file of data that is alone, with its report.
    fn file(self, opened: Opened) -> Result<(Report, Option<Unfinished>), AttachError> {
        let Self { what, before, begin, effort } = self;
        let out = what.out;
        let Opened { mut parts, layout, retained, results } = opened;
        let [part] = &mut parts[..] else {
            return Err(AttachError::OutFolder { path: out.to_owned() });
        };
        need_type(&part.known, Format::of(out)?, out)?;
        let (report_path, received_path) = (report_path(out), received_path(out));
        let paths = [&*report_path, &received_path, out];
        let mut files = Together::create(paths, Access::Private)?;
        let [report_file, received_file, out_file] = &mut files.files;
        let retained_path = retained.table.path().to_owned();
        let gathered = gather(retained, results, &layout, out, effort)?;
        let mut records = Parts::of(&gathered, &retained_path);
        let counts = attach_part(part, &mut records, what, out_file, effort)?;
        let report = report(&gathered, counts, begin)?;
        write_to(received_file, &receipt(what.party, &gathered.report, &report))?;
        let unfinished = match what.all().next() {
            None => None,
            Some(_) => {
                let id = FileId::of(out_file.temporary())?;
                let id = id.ok_or_else(|| FileError::Missing { path: out.to_owned() })?;
                Some(before.plan(what, id))
            }
        };
        let bytes = unfinished
            .as_ref()
            .map_or_else(|| report.bytes(), |unfinished| unfinished.bytes(&report));
        write_to(report_file, &bytes)?;
        files.commit()?;
        Ok((report, unfinished))
    }

    /// Writes a folder of files, each called as its data. Their report says that it is unfinished
    /// until the folder has its name.
    fn folder(self, opened: Opened) -> Result<(Report, Option<Unfinished>), AttachError> {
        let Self { what, before, begin, effort } = self;
        let out = what.out;
        let Opened { mut parts, layout, retained, results } = opened;
        if Format::of(out).is_ok() {
            return Err(AttachError::OutFolder { path: out.to_owned() });
        }
        for part in &parts {
            let name = part.known.name.as_deref().unwrap_or(Path::new(""));
            if what.binary_codes && Format::of(name)?.is_text() {
                return Err(AttachError::BinaryCsv);
            }
        }
        let (report_path, received_path) = (report_path(out), received_path(out));
        take_stale(what, &report_path, &received_path)?;
        let mut files = Together::create([&received_path, &*report_path], Access::Private)?;
        let [received_file, report_file] = &mut files.files;
        let directory = PendingDirectory::create(out)?;
        let retained_path = retained.table.path().to_owned();
        let gathered = gather(retained, results, &layout, out, effort)?;
        let mut records = Parts::of(&gathered, &retained_path);
        let mut counts = BTreeMap::new();
        for part in &mut parts {
            let name = part.known.name.clone().unwrap_or_default();
            need_type(&part.known, Format::of(&name)?, &out.join(&name))?;
            let mut file = directory.begin(&name, Access::Private)?;
            let found = attach_part(part, &mut records, what, &mut file, effort)?;
            add_counts(&mut counts, &found);
            file.stand_by()?;
        }
        let report = report(&gathered, counts, begin)?;
        write_to(received_file, &receipt(what.party, &gathered.report, &report))?;
        let unfinished = before.plan(what, directory.id()?);
        write_to(report_file, &unfinished.bytes(&report))?;
        files.commit()?;
        let _lock = lock_file(&report_path)?;
        if let Err(error) = directory.commit() {
            for path in [&report_path, &received_path] {
                let _ = remove_if_present(path);
            }
            return Err(error.into());
        }
        Ok((report, Some(unfinished)))
    }
}

/// Removes the report and the receipt of a folder that never got its name: a run was stopped just
/// before.
fn take_stale(what: &Files<'_>, report: &Path, received: &Path) -> Result<(), AttachError> {
    if Unfinished::sources(what.out).is_none() {
        return Ok(());
    }
    let _lock = lock_file(report)?;
    if what.out.symlink_metadata().is_err() {
        remove_if_present(received)?;
        remove_if_present(report)?;
    }
    Ok(())
}

/// An attached file is of the type of its data; that of a frame is Parquet.
fn need_type(data: &Expected, format: Format, out: &Path) -> Result<(), AttachError> {
    match data.is_text == format.is_text() {
        true => Ok(()),
        false => Err(AttachError::OutType { path: out.to_owned() }),
    }
}

fn write_to(file: &mut Pending, bytes: &[u8]) -> Result<(), FileError> {
    file.write_all(bytes).map_err(|error| FileError::from_io(file.target(), &error))
}

/// Writes the attached file of one file of the data. Returns how many rows of a renewal have each
/// quality.
fn attach_part(
    part: &mut Part,
    records: &mut Parts<'_>,
    what: &Files<'_>,
    out_file: &mut Pending,
    effort: &Effort,
) -> Result<BTreeMap<String, u64>, AttachError> {
    let gathered = records.gathered();
    let out = out_file.target().to_owned();
    let pairs = gathered.meta.pairs();
    let source = part.open()?;
    let data = &part.known;
    records.begin_file(data.rows);
    match source {
        Source::Lines(rows) => attach_rows(rows, data, records, what, effort, |columns, table| {
            sink::csv(out_file, table.text_beside(&out), columns)
        }),
        Source::Columns(mut rows) if rows.table.is_file() && !what.shuffle => {
            let kept = Kept::of(&rows.table, &data.sent, gathered)?;
            rows.know_again(&data.sent)?;
            if rows.digest() != Some(data.digest) {
                return Err(data.changed());
            }
            let columns = gathered.own_columns(&kept, what.binary_codes);
            let copied = (&*data.path, kept.columns());
            // What is put aside lies beside the whole.
            let sinks = sink::copy(out_file, &columns, copied, pairs, what.out)?;
            copy(data, &kept, records, effort, sinks)
        }
        Source::Columns(rows) if rows.table.is_file() => {
            let kept = Kept::of(&rows.table, &data.sent, gathered)?;
            attach_rows(rows, data, records, what, effort, |columns, _| {
                sink::parquet_beside(out_file, columns, (&data.path, kept.columns()), pairs)
            })
        }
        Source::Columns(rows) => attach_rows(rows, data, records, what, effort, |columns, _| {
            sink::parquet(out_file, columns, pairs)
        }),
    }
}

/// Writes the rows of a file, in their order or in one that is drawn.
fn attach_rows<F, E, S>(
    rows: Stream<F>,
    data: &Expected,
    records: &mut Parts<'_>,
    what: &Files<'_>,
    effort: &Effort,
    begin: impl FnOnce(&[Column<'_>], &Table) -> Result<(E, S), TableError>,
) -> Result<BTreeMap<String, u64>, AttachError>
where
    F: Fill + Sortable,
    E: Encoding<Form = F>,
    S: Sink<Piece = E::Piece>,
{
    let binary = what.binary_codes;
    match what.shuffle {
        true => shuffle(rows, data, records, binary, (what.out, effort), begin),
        false => write(rows, data, records, binary, effort, begin),
    }
}

/// The error for files that were not destroyed: how many, and why the first was not.
fn check_destroyed(stayed: Option<(usize, NotDestroyed)>) -> Result<(), AttachError> {
    stayed.map_or(Ok(()), |(count, reason)| Err(AttachError::NotDestroyed { count, reason }))
}
