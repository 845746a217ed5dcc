//! Coded files of this body, joined into one without codes.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use cstatns_base::code::Tag;
use cstatns_base::files::{Access, Together};
use cstatns_base::meta::{SPEC, marks};
use cstatns_base::name::Name;
use cstatns_record::linking::{
    JoinedReport, JoinedReportBody, JoinedSource, LinkedFile, LinkingEvent, linking_id,
};
use cstatns_record::report::report_path;
use cstatns_record::statement::FORMAT;
use cstatns_rows::csv::Delimiter;
use cstatns_rows::effort::Effort;
use cstatns_rows::error::TableError;
use cstatns_rows::pipeline::Steps;
use cstatns_rows::sink;
use cstatns_rows::table::Format;

use crate::body::{Body, CodedFile};
use crate::catalogue::{Entry, Marking, number, whole};
use crate::error::LinkError;
use crate::identity::check_names;
use crate::join::{self, How, Join, Joined, Out, join};
use crate::receive::write_to;

/// The program that makes reports.
const TOOL: &str = concat!("cstatns-link ", env!("CARGO_PKG_VERSION"));

/// What a body joins. See [`join_files`].
pub struct JoinFiles<'a> {
    /// The coded files, each under the name that its columns get.
    pub sources: &'a [(Name, PathBuf)],
    /// Which rows come out.
    pub how: How,
    /// Whether people may have several rows in more than one source.
    pub many: bool,
    /// The fewest people of each source that must be matched; the project's least number where it
    /// is not given.
    pub least: Option<u32>,
    /// The file to write, of the sources' type; its report will lie beside it.
    pub out: &'a Path,
}

/// What was joined; none of the counts where an earlier run of the command wrote the file.
pub struct JoinedFile {
    /// The report beside it.
    pub report: Option<JoinedReport>,
    /// Its rows.
    pub rows: u64,
}

/// Joins coded files of this body, all of one project and generation, and records the file. The
/// sources stay: a release destroys them.
///
/// # Errors
/// [`LinkError`]; nothing is left then.
pub fn join_files<'a>(
    body: &mut Body<'_>,
    what: &JoinFiles<'a>,
    effort: &Effort,
) -> Result<JoinedFile, LinkError> {
    let from: Vec<PathBuf> = what.sources.iter().map(|(_, path)| whole(path)).collect();
    if let Some((_, file)) = body.made_before(what.out, &from)? {
        return Ok(JoinedFile { report: None, rows: file.rows });
    }
    let known = known(body, what.sources, effort.threads)?;
    check_together(what.sources, &known)?;
    let minimum = known.iter().map(|source| source.entry.minimum).max().unwrap_or_default();
    let least = what.least.unwrap_or(minimum);
    if least < minimum {
        return Err(LinkError::Minimum { minimum });
    }
    let number = number();
    let first = known.first().map(|source| source.file.clone());
    let first = first.ok_or(cstatns_record::linking::LinkingRefusal::Sources)?;
    let of: Vec<_> = known.iter().map(|source| source.entry.file).collect();
    let event = |rows| LinkingEvent::Joined { file: number, of: of.clone(), rows };
    let time = body.state().time().unwrap_or(body.now()).max(body.now());
    body.state().check(&event(0), time)?;

    let accepted = accepted(what.sources, &known);
    let whose = (Tag::of(&first.service, &first.domain), first.generation);
    let format = Format::of(what.out)?;
    let opened = |((name, _), known): (&'a (Name, PathBuf), &CodedFile)| {
        let rows = known.rows().open(Delimiter::Under("code"))?;
        Ok(join::Source { name, rows, of: whose })
    };
    let sources = what.sources.iter().zip(&known).map(opened);
    let sources = sources.collect::<Result<_, TableError>>()?;
    let how = Join { sources, how: what.how, many: what.many, least: least.into() };
    let columns = how.columns()?;
    check_names(what.out, &columns, &accepted, |column| {
        cstatns_base::coded::ColumnName::from(&*String::from_utf8_lossy(&columns[column]))
    })?;
    let entry_path = body.catalogue.path_of(&number);
    let report_path = report_path(what.out);
    let paths = [&*entry_path, &report_path, what.out];
    let mut files = Together::create(paths, Access::Private)?;
    let [entry_file, report_file, out] = &mut files.files;
    let mut out = Marking::new(out);
    let writer: &mut (dyn Write + Send) = &mut out;
    let written = match format.text() {
        Some(text) => Out::Lines(Box::new(move |columns, _| sink::csv(writer, text, columns))),
        None => {
            Out::Columns(Box::new(move |columns, _| sink::parquet(writer, columns, marks(None))))
        }
    };
    let joined = join(how, written, what.out, effort)?;
    let (_, mark) = out.finish();
    let report = report(body, what, (&first, &joined), (number, &of), (least, &accepted));
    let mut entry = Entry::new(number, (what.out, from), mark, event(joined.rows));
    (entry.minimum, entry.accepted) = (least, accepted);
    write_to(report_file, &report.bytes())?;
    write_to(entry_file, &entry.bytes())?;
    files.commit()?;
    body.record(entry.event)?;
    Ok(JoinedFile { rows: joined.rows, report: Some(report) })
}

/// The sources as they are known. Each file is read whole for that, several side by side.
fn known<'a>(
    body: &Body<'_>,
    sources: &'a [(Name, PathBuf)],
    threads: NonZeroUsize,
) -> Result<Vec<CodedFile>, LinkError> {
    type Looked<'a> = Option<(&'a (Name, PathBuf), Option<CodedFile>)>;
    let (mut names, mut files, mut known) = (BTreeSet::new(), BTreeSet::new(), Vec::new());
    let mut left = sources.iter();
    let steps = Steps {
        new: || None,
        read: |looked: &mut Looked<'a>| {
            *looked = left.next().map(|source| (source, None));
            Ok(looked.is_some())
        },
        work: |looked: &mut Looked<'a>| {
            let Some(((_, path), found)) = looked else { return Ok(()) };
            *found = Some(body.coded(path)?);
            Ok(())
        },
        check: |looked: &mut Looked<'a>| {
            let Some(((name, path), Some(found))) = looked.take() else { return Ok(()) };
            if !names.insert(name) || !files.insert(found.entry.file) {
                return Err(LinkError::Twice { path: path.clone() });
            }
            known.push(found);
            Ok(())
        },
        write: |_: &mut _| Ok(()),
    };
    let most = NonZeroUsize::new(sources.len()).unwrap_or(NonZeroUsize::MIN);
    let outcome: Result<(), LinkError> = steps.run(threads.min(most));
    outcome.map(|()| known)
}

/// The columns that were accepted in the sources, also by the names that they have when they clash.
fn accepted(sources: &[(Name, PathBuf)], known: &[CodedFile]) -> BTreeMap<String, Name> {
    let mut accepted = BTreeMap::new();
    for ((name, _), known) in sources.iter().zip(known) {
        for (column, reason) in &known.entry.accepted {
            accepted.insert(column.clone(), reason.clone());
            accepted.insert(format!("{name}_{column}"), reason.clone());
        }
    }
    accepted
}

/// Refuses files whose codes cannot match.
fn check_together(sources: &[(Name, PathBuf)], known: &[CodedFile]) -> Result<(), LinkError> {
    let Some(first) = known.first() else { return Ok(()) };
    for ((_, path), other) in sources.iter().zip(known).skip(1) {
        let files = || Box::new([sources[0].1.clone(), path.clone()]);
        let (one, other) = (&first.file, &other.file);
        if one.service != other.service {
            let services = Box::new([one.service.clone(), other.service.clone()]);
            return Err(LinkError::Services { files: files(), services });
        }
        if one.domain != other.domain {
            let domains = Box::new([one.domain.clone(), other.domain.clone()]);
            return Err(LinkError::Domains { files: files(), domains });
        }
        if one.generation != other.generation {
            let generations = [one.generation, other.generation];
            return Err(LinkError::Generations { files: files(), generations });
        }
    }
    Ok(())
}

fn report(
    by: &Body<'_>,
    what: &JoinFiles<'_>,
    (first, joined): (&LinkedFile, &Joined),
    (file, of): (cstatns_base::name::Hex<16>, &[cstatns_base::name::Hex<16>]),
    (least, accepted): (u32, &BTreeMap<String, Name>),
) -> JoinedReport {
    let sources = joined.sources.iter().zip(of).map(|(counts, file)| JoinedSource {
        name: counts.name.clone(),
        file: *file,
        rows: counts.rows,
        without_code: counts.without_code,
        people: counts.people,
        repeated: counts.repeated,
        matched: counts.matched,
        unmatched: counts.unmatched,
    });
    let body = JoinedReportBody {
        format: FORMAT,
        tool: TOOL.to_owned(),
        spec: SPEC.to_owned(),
        linking: linking_id(by.party.card()),
        file,
        service: first.service.clone(),
        domain: first.domain.clone(),
        generation: first.generation,
        how: what.how.word().to_owned(),
        many: what.many,
        least,
        rows: joined.rows,
        people: joined.people,
        sources: sources.collect(),
        accepted: accepted.clone(),
        made: by.now(),
        checkpoint: by.note().to_owned(),
    };
    JoinedReport::new(body, &by.party.signing())
}
