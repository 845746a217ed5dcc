//! What `attach` destroys once the attached file is durable, written down so that the same command
//! goes on after a stop.

use std::fs;
use std::path::{Path, PathBuf};

use cstatns_base::files::{self, Access, FileError, FileId};
use cstatns_base::name::Hex;
use cstatns_record::report::{Destruction, Report, report_path};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::command::Files;
use super::receipt::count_destroyed;

/// More than a report is long, in bytes.
const LIMIT: u64 = 16 << 20;

/// The member `unfinished` of a report: there from before the attached file has its name until all
/// that was to be destroyed is destroyed.
#[derive(Serialize, Deserialize)]
pub(crate) struct Unfinished {
    /// SHA-256 over the paths that the command was given.
    command: Hex<32>,
    out: FileId,
    retained: Option<FileId>,
    result: Option<FileId>,
    /// The sources, where all of them are to be destroyed: the last of them says which they are.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    sources: Vec<PathBuf>,
    /// The folders that may be empty then, the deepest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    emptied: Vec<PathBuf>,
    /// One for each file to destroy, in the order of the command.
    destroy: Vec<Planned>,
}

#[derive(Clone, Copy, Serialize, Deserialize)]
struct Planned {
    file: FileId,
    state: State,
}

#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum State {
    Waiting,
    /// On disk before its first byte is overwritten.
    Begun,
    Destroyed,
    /// It was no longer there.
    Absent,
}

/// A report with what is unfinished.
#[derive(Serialize)]
struct Written<'a> {
    #[serde(flatten)]
    report: &'a Report,
    unfinished: &'a Unfinished,
}

#[derive(Deserialize)]
struct Read {
    unfinished: Option<Unfinished>,
}

/// The files to destroy and the sources, as they are before anything is read.
pub(crate) struct Before {
    retained: Option<FileId>,
    result: Option<FileId>,
    destroy: Vec<FileId>,
}

impl Before {
    /// # Errors
    /// `file-missing`, `not-a-file` for a file to destroy: found out now, not when the attached
    /// file is there already.
    pub(crate) fn of(what: &Files<'_>) -> Result<Self, FileError> {
        let destroy = what.all().map(|path| {
            let id = FileId::of(path)?;
            id.ok_or_else(|| FileError::Missing { path: path.to_owned() })
        });
        let destroy = destroy.collect::<Result<_, _>>()?;
        Ok(Self { retained: what.retained.and_then(source), result: source(what.result), destroy })
    }

    /// What is to be done once the attached file or folder, which is whole and known by this, has
    /// its name.
    pub(crate) fn plan(self, what: &Files<'_>, out: FileId) -> Unfinished {
        let destroy = self.destroy.into_iter().map(|file| Planned { file, state: State::Waiting });
        let (retained, result) = (self.retained, self.result);
        Unfinished {
            command: command(what),
            out,
            retained,
            result,
            sources: what.sources.clone(),
            emptied: what.emptied(),
            destroy: destroy.collect(),
        }
    }
}

/// A source may be given by a link.
fn source(path: &Path) -> Option<FileId> {
    FileId::of(&fs::canonicalize(path).ok()?).ok().flatten()
}

fn command(what: &Files<'_>) -> Hex<32> {
    let mut hash = Sha256::new();
    // A frame has none.
    let none = Path::new("");
    let paths = [what.retained.unwrap_or(none), what.result, what.out];
    hash.update((what.data.len() as u64).to_be_bytes());
    for path in what.data.iter().copied().chain(paths).chain(what.all()) {
        let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        let path = path.as_os_str().as_encoded_bytes();
        hash.update((path.len() as u64).to_be_bytes());
        hash.update(path);
    }
    hash.update([u8::from(what.binary_codes), u8::from(what.shuffle)]);
    Hex(hash.finalize().into())
}

impl Unfinished {
    /// The sources that a stopped run had still to destroy.
    pub(crate) fn sources(out: &Path) -> Option<Vec<PathBuf>> {
        let read: Read =
            serde_json::from_slice(&files::read(&report_path(out), LIMIT).ok()?).ok()?;
        Some(read.unfinished?.sources)
    }

    /// What a stopped run of the same command has still to do: its attached file stands, as the
    /// report beside it says, and its sources, where they are still there, are the same.
    pub(crate) fn find(what: &Files<'_>) -> Option<(Report, Self)> {
        let out = match what.is_folder {
            true => FileId::of_directory(what.out),
            false => FileId::of(what.out),
        };
        let out = out.ok().flatten()?;
        let path = report_path(what.out);
        let read: Read = serde_json::from_slice(&files::read(&path, LIMIT).ok()?).ok()?;
        let unfinished = read.unfinished?;
        let report = Report::read(&path).ok()?;
        let same = |path: Option<&Path>, before| {
            let now = path.and_then(source);
            now.is_none() || now == before || what.all().any(|destroyed| Some(destroyed) == path)
        };
        let own = unfinished.command == command(what)
            && unfinished.out == out
            && unfinished.destroy.len() == what.all().count()
            && same(what.retained, unfinished.retained)
            && same(Some(what.result), unfinished.result);
        own.then_some((report, unfinished))
    }

    /// The bytes of the report as long as this is to be done.
    pub(crate) fn bytes(&self, report: &Report) -> Vec<u8> {
        let mut bytes = serde_json::to_vec_pretty(&Written { report, unfinished: self })
            .expect("a report can be written as JSON");
        bytes.push(b'\n');
        bytes
    }

    /// Destroys what is still there, and says so in the report. Returns how many files stay, and
    /// why the first does.
    pub(crate) fn carry_out(
        mut self,
        what: &Files<'_>,
        report: &mut Report,
    ) -> Result<Option<(usize, NotDestroyed)>, FileError> {
        let _lock = files::lock_file(what.out)?;
        // The stop may have come between the rename and the flush of its directory, and the sources
        // go next.
        files::settle(what.out)?;
        let path = report_path(what.out);
        let (mut count, mut first) = (0, None);
        for (number, file) in what.all().enumerate() {
            if let Err(error) = self.destroy(number, file, &path, what, report)? {
                count += 1;
                first.get_or_insert(error);
            }
        }
        for folder in &self.emptied {
            files::remove_empty_directory(folder)?;
        }
        report.destroyed = self.destroyed(what);
        report.end = super::now().max(report.begin);
        count_destroyed(what.out, what.party, report.destroyed.len() as u64)?;
        let bytes = if first.is_some() { self.bytes(report) } else { report.bytes() };
        files::replace(&path, &bytes, Access::Private)?;
        Ok(first.map(|reason| (count, reason)))
    }

    /// Destroys one file. The inner error is its own and stops none of the others.
    fn destroy(
        &mut self,
        number: usize,
        file: &Path,
        path: &Path,
        what: &Files<'_>,
        report: &mut Report,
    ) -> Result<Result<(), NotDestroyed>, FileError> {
        let Planned { file: id, state } = self.destroy[number];
        if matches!(state, State::Destroyed | State::Absent) {
            return Ok(Ok(()));
        }
        let found = match FileId::of(file) {
            Ok(found) => found,
            Err(error) => return Ok(Err(error.into())),
        };
        let Some(found) = found else {
            // Its name goes last, once its bytes are overwritten on disk.
            let gone = if state == State::Begun { State::Destroyed } else { State::Absent };
            self.destroy[number].state = gone;
            return Ok(Ok(()));
        };
        // Overwriting changes the time, the end of it the length; an empty file has nothing to
        // lose.
        let rest = found.inode == id.inode
            && (found.bytes == 0 || (state == State::Begun && found.bytes == id.bytes));
        if found != id && !rest {
            return Ok(Err(NotDestroyed::Another { path: file.to_owned() }));
        }
        if state == State::Waiting {
            self.destroy[number].state = State::Begun;
            report.destroyed = self.destroyed(what);
            files::replace(path, &self.bytes(report), Access::Private)?;
        }
        Ok(match files::destroy(file) {
            Ok(_) => {
                self.destroy[number].state = State::Destroyed;
                Ok(())
            }
            Err(error) => Err(error.into()),
        })
    }

    fn destroyed(&self, what: &Files<'_>) -> Vec<Destruction> {
        let all = self.destroy.iter().zip(what.all());
        all.filter_map(|(planned, path)| match planned.state {
            State::Destroyed => {
                Some(Destruction::new(path, Some(planned.file.bytes), Destruction::OVERWRITTEN))
            }
            State::Absent => Some(Destruction::new(path, None, Destruction::ABSENT)),
            State::Waiting | State::Begun => None,
        })
        .collect()
    }
}

/// Why a file was not destroyed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NotDestroyed {
    /// Storage.
    #[error(transparent)]
    File(#[from] FileError),
    /// Another file has its name, or it was written to.
    #[error("{path:?} was changed or replaced since the command began")]
    Another {
        /// The file.
        path: PathBuf,
    },
}

cstatns_base::coded!(NotDestroyed {
    Self::File(error) => (error),
    Self::Another { path } => ("file-replaced", Input, [path]),
});
