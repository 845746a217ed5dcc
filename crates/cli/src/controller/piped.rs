//! `-` in place of a file: what is piped in, and what is piped out once it is whole.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use cstatns::files::{Access, FileError, PendingDirectory, Together};
use cstatns::received::received_path;
use cstatns::report::report_path;
use cstatns_rows::table::Format;

use crate::fault::Fault;
use crate::lang::{kind, text};

/// Whether this stands for standard input or output.
pub(super) fn is_pipe(path: &Path) -> bool {
    path.as_os_str() == "-"
}

/// What `--format` takes: the end of the name that a file of that type would have.
pub(super) fn format(text: &str) -> Result<String, String> {
    let is_plain = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'.');
    match is_plain && Format::of(Path::new(&format!("x.{text}"))).is_ok() {
        true => Ok(text.to_owned()),
        false => Err(text!(
            "a format is csv, tsv or txt, perhaps with .gz or .zst behind it, or parquet",
            "un format est csv, tsv ou txt, peut-être suivi de .gz ou .zst, ou parquet"
        )),
    }
}

/// The name of what is piped, of a type that is said.
pub(super) fn named(what: &str, format: Option<&String>) -> Result<PathBuf, Fault> {
    match format {
        Some(format) => Ok(format!("{what}.{format}").into()),
        None => Err(Fault::usage(text!(
            "`-` needs --format: csv, tsv or txt, perhaps with .gz or .zst, or parquet",
            "`-` demande --format : csv, tsv ou txt, peut-être avec .gz ou .zst, ou parquet"
        ))),
    }
}

/// Where an attached file is made that is piped out once it is whole: beside the retained file,
/// which is nobody else's to read.
pub(super) struct Out {
    directory: PendingDirectory,
    file: PathBuf,
    /// As if the attached file lay here, for its report and its receipt.
    beside: PathBuf,
}

impl Out {
    pub(super) fn new(retained: &Path, format: Option<&String>) -> Result<Self, Fault> {
        let name = named("standard-output", format)?;
        let mut beside = retained.as_os_str().to_owned();
        beside.push(".attached");
        let directory = PendingDirectory::create(Path::new(&beside))?;
        let file = directory.path().join(name);
        Ok(Self { directory, file, beside: beside.into() })
    }

    pub(super) fn file(&self) -> &Path {
        &self.file
    }

    /// Writes the report and the receipt under their names, and the rows to standard output; the
    /// copy here is destroyed.
    pub(super) fn finish(self) -> Result<(PathBuf, PathBuf), Fault> {
        let names = [report_path(&self.beside), received_path(&self.beside)];
        let mut files = Together::create([&names[0], &names[1]], Access::Private)?;
        let made = [report_path(&self.file), received_path(&self.file)];
        for (to, from) in files.files.iter_mut().zip(&made) {
            let bytes = std::fs::read(from).map_err(|error| FileError::from_io(from, &error))?;
            to.write_all(&bytes).map_err(|error| FileError::from_io(to.target(), &error))?;
        }
        let read = |error: io::Error| FileError::from_io(&self.file, &error);
        let mut rows = File::open(&self.file).map_err(read)?;
        let mut out = io::stdout().lock();
        io::copy(&mut rows, &mut out).and_then(|_| out.flush()).map_err(|error| {
            let text = text!(
                "the rows cannot be written to standard output ({})",
                "les lignes ne peuvent pas être écrites sur la sortie standard ({})",
                kind(error.kind())
            );
            Fault::new("standard-output", text)
        })?;
        files.commit()?;
        drop(self.directory);
        let [report, receipt] = names;
        Ok((report, receipt))
    }
}
