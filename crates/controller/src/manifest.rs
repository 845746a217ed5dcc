//! The manifest of a request that another program wrote (SPEC §6): its rows are read as the service
//! will read them, counted and committed to.

use std::collections::BTreeMap;
use std::path::Path;

use cstatns_base::civil_status::request::{COLUMNS, FIELDS, IDENTIFIER};
use cstatns_base::civil_status::{Field, SCHEME, Years};
use cstatns_base::code::{Code, Tag};
use cstatns_base::commitment::{Commit, CommitmentKey, EncodedRows};
use cstatns_base::distinct::{Distinct, Marks};
use cstatns_base::files::{self, FileError};
use cstatns_base::identifier::Scheme;
use cstatns_base::meta::ServiceId;
use cstatns_base::name::Name;
use cstatns_base::secret::wipe_stack;
use cstatns_base::words;
use cstatns_record::manifest::{Content, Manifest, ManifestError, manifest_path};
use cstatns_record::proposal::{Engine, Input};
use cstatns_rows::columns::{Codes, Indexes, Order, fault};
use cstatns_rows::effort::Effort;
use cstatns_rows::error::{RowFault, TableError};
use cstatns_rows::parts;
use cstatns_rows::table::{BATCH, Batch, Fill, Kind, Rows};
use zeroize::Zeroize;

use crate::prepare::PrepareError;

/// A request that another program wrote, and what it is for.
pub struct Describe<'a> {
    /// The request: a file, or a folder of parts. Its manifest will lie beside it.
    pub request: &'a Path,
    /// The service that it is for.
    pub service: &'a ServiceId,
    /// The domain that it is for.
    pub domain: &'a Name,
    /// The scheme of its identifiers.
    pub scheme: Scheme,
    /// The years that dates of birth may have.
    pub years: Years,
}

/// Writes the manifest of a request that another program wrote: `index` and `identifier`, `index`
/// and `code`, or `index` and the fields of civil status (SPEC §6). Custodians are shown that
/// `prepare` did not write it. Returns the counts and the commitment, and what it holds.
///
/// # Errors
/// [`PrepareError`]: what the service would refuse in its rows.
pub fn describe(what: &Describe<'_>, effort: &Effort) -> Result<(Input, Content), PrepareError> {
    let Describe { request, service, domain, .. } = *what;
    let path = manifest_path(request);
    if files::taken(&path)? {
        return Err(FileError::Exists { path }.into());
    }
    let content = what.content()?;
    let key = CommitmentKey::random();
    let input = what.read(
        content,
        Commit::new(&key, &content.context(service, domain), content.columns()),
        effort,
    )?;
    let (service, domain) = (service.clone(), domain.clone());
    let (previous, accepted) = (Vec::new(), BTreeMap::new());
    let manifest = Manifest { service, domain, content, input, key, previous, accepted };
    manifest.write(&path).map_err(|error| match error {
        ManifestError::File(error) => PrepareError::File(error),
        _ => PrepareError::File(FileError::Exists { path }),
    })?;
    Ok((input, content))
}

impl Describe<'_> {
    /// What the request holds, by its columns; of codes by all of them.
    fn content(&self) -> Result<Content, PrepareError> {
        let mut rows = parts::open(self.request)?.any();
        let (index, others) = rows.table.header().split_first().expect("a header has a column");
        let is = |names: &[&str]| others.iter().eq(names.iter().map(|name| name.as_bytes()));
        let content = match () {
            () if index != b"index" => None,
            () if is(&COLUMNS[IDENTIFIER..]) => Some(Content::Identifiers { scheme: self.scheme }),
            () if is(&COLUMNS) => Some(Content::CivilStatus { identifier: true }),
            () if is(&COLUMNS[..IDENTIFIER]) => Some(Content::CivilStatus { identifier: false }),
            () if is(&["code"]) => return self.codes(&mut rows),
            () => None,
        };
        let content = content.ok_or_else(|| TableError::Columns {
            path: self.request.to_owned(),
            expected: "`index`, then `identifier`, `code` or the fields of civil status",
        })?;
        for column in 1..=others.len() {
            rows.table.need_kind(
                column,
                &[Kind::Text],
                words!(
                    "identifiers and civil status are text",
                    "les identifiants et l'état civil sont du texte"
                ),
            )?;
        }
        Ok(content)
    }

    fn codes(&self, rows: &mut Rows) -> Result<Content, PrepareError> {
        let codes = Codes::of(&rows.table, 1, None)?;
        let (mut found, mut read) = (BTreeMap::new(), Vec::new());
        while let Some(batch) = rows.next_batch()? {
            let before = rows.given_out() - batch.rows() as u64;
            codes.read(&batch, &mut read).map_err(|error| error.after(before))?;
            for code in read.iter().flatten() {
                *found.entry((code.tag(), code.generation())).or_default() += 1;
            }
        }
        let Some((&(tag, generation), _)) = found.first_key_value() else {
            return Err(PrepareError::NoCodes);
        };
        let expected = Tag::of(self.service, self.domain);
        match () {
            () if found.len() > 1 => Err(PrepareError::Mixed { found }),
            () if tag != expected => Err(PrepareError::OtherCodes {
                found: tag,
                expected,
                service: self.service.clone(),
                domain: self.domain.clone(),
            }),
            () => Ok(Content::Codes { tag, generation }),
        }
    }

    /// Reads its rows: they are counted and committed to.
    fn read(
        &self,
        content: Content,
        mut commit: Commit,
        effort: &Effort,
    ) -> Result<Input, PrepareError> {
        let mut rows = parts::open(self.request)?.any();
        effort.progress.expect(rows.extent()?.size());
        let indexes = Indexes::of(&rows.table)?;
        let codes = match content {
            Content::Codes { tag, generation } => {
                Some(Codes::of(&rows.table, 1, Some((tag, generation)))?)
            }
            _ => None,
        };
        let path = rows.table.path().to_owned();
        let count = content.columns().len();
        let (mut order, mut index, mut encoded) =
            (Order::default(), Vec::new(), EncodedRows::new(count));
        let (keys, mut marks, mut distinct) = (Marks::random(), Vec::new(), Distinct::default());
        let (mut values, mut text) = (0, Vec::with_capacity(Code::MAX_TEXT));
        let mut batch = Fill::empty();
        while rows.fill(&mut batch, BATCH).map_err(|error| error.after(order.rows()))? {
            let before = order.rows();
            let batch: &dyn Batch = {
                let batch: &mut Box<dyn Batch> = &mut batch;
                batch.split(&path).map_err(|error| error.after(before))?;
                batch
            };
            index.clear();
            encoded.clear();
            marks.clear();
            let mut read = || -> Result<(), TableError> {
                indexes.read(batch, &mut index)?;
                order.follow(&path, &index)?;
                let columns: Vec<_> = (1..=count).map(|column| batch.cells(column)).collect();
                for (row, index) in index.iter().enumerate() {
                    let mut cells = [None; FIELDS.len()];
                    cells.iter_mut().zip(&columns).for_each(|(to, cells)| *to = cells.get(row));
                    let here = |found| fault(&path, row, found);
                    if let (Some(codes), Some(cell)) = (&codes, cells[0]) {
                        // The text form, whatever the file's type.
                        text.clear();
                        codes.code(cell).map_err(here)?.write_text(&mut text);
                        encoded.push(index, &[Some(&text)]);
                        marks.push(keys.of([&text[..]]));
                        values += 1;
                        continue;
                    }
                    self.check(content, &cells).map_err(here)?;
                    encoded.push(index, &cells[..count]);
                    if cells.iter().any(Option::is_some) {
                        marks.push(self.mark(content, &keys, &cells));
                        values += 1;
                    }
                }
                Ok(())
            };
            read().map_err(|error| error.after(before))?;
            // The values that were marked went over it.
            wipe_stack();
            commit.add(&encoded);
            distinct.count(&marks);
            effort.progress.advance(index.len() as u64, batch.size())?;
        }
        let (commitment, rows) = commit.finish();
        if rows == 0 {
            return Err(TableError::NoRows { path }.into());
        }
        let engine = Some(Engine::Other);
        Ok(Input { commitment, rows, values, distinct: distinct.found(), engine, sent: None })
    }

    /// Refuses a row that the service would refuse.
    fn check(
        &self,
        content: Content,
        cells: &[Option<&[u8]>; FIELDS.len()],
    ) -> Result<(), RowFault> {
        let check_identifier = |scheme: Scheme, cell: &[u8]| match scheme.parse_compact(cell) {
            Some((mut identifier, _)) => {
                identifier.zeroize();
                Ok(())
            }
            None => Err(RowFault::Identifier { reason: scheme.why_not_compact(cell) }),
        };
        if let (Content::Identifiers { scheme }, Some(cell)) = (content, cells[0]) {
            return check_identifier(scheme, cell);
        }
        let Content::CivilStatus { .. } = content else { return Ok(()) };
        for (at, cell) in cells.iter().enumerate() {
            let Some(cell) = cell else { continue };
            let text = std::str::from_utf8(cell).map_err(|_| RowFault::Encoding)?;
            match FIELDS[at] {
                Field::Nir => check_identifier(SCHEME, cell)?,
                field if field.reads(text, self.years) => {}
                _ => return Err(RowFault::CivilStatus { field: COLUMNS[at] }),
            }
        }
        Ok(())
    }

    /// The mark of a row's value: an identifier has one, with its key or without.
    fn mark(&self, content: Content, keys: &Marks, cells: &[Option<&[u8]>; FIELDS.len()]) -> u128 {
        match (content, cells[0]) {
            (Content::Identifiers { scheme }, Some(cell)) => {
                let found = scheme.parse_compact(cell);
                let (mut identifier, _) = found.expect("the cell was read");
                let mark = keys.of([identifier.canonical()]);
                identifier.zeroize();
                mark
            }
            _ => keys.of(cells.map(Option::unwrap_or_default)),
        }
    }
}
