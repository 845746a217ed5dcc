//! The data as it was named: a file, or several, of which each is coded by itself.

use std::path::{Path, PathBuf};

use cstatns_controller::{Data, DataFile, data_files};

use crate::fault::Fault;
use crate::settings::Settings;

/// The data that was named.
pub(super) struct Given<'a> {
    named: &'a [PathBuf],
    files: Option<Vec<DataFile>>,
}

impl<'a> Given<'a> {
    /// One path at least.
    pub(super) fn of(named: &'a [PathBuf]) -> Result<Self, Fault> {
        Ok(Self { named, files: data_files(named)? })
    }

    pub(super) fn data(&self) -> Data<'_> {
        match &self.files {
            Some(files) => Data::Files(files),
            None => (&self.named[0]).into(),
        }
    }

    /// The file by which it is seen how text is read.
    pub(super) fn first(&self) -> &Path {
        match &self.files {
            Some(files) => &files[0].path,
            None => &self.named[0],
        }
    }

    /// The files, each by itself.
    pub(super) fn paths(&self) -> Vec<&Path> {
        match &self.files {
            Some(files) => files.iter().map(|file| &*file.path).collect(),
            None => vec![&self.named[0]],
        }
    }

    /// The data as messages name it.
    pub(super) fn shown(&self) -> String {
        match (self.named, &self.files) {
            ([one], None) => format!("{one:?}"),
            ([one], Some(files)) => format!("the {} files in {one:?}", files.len()),
            (named, _) => {
                let last = named.len() - 1;
                let names: Vec<_> = named.iter().map(|path| format!("{path:?}")).collect();
                match named.len() {
                    2..=4 => format!("{} and {}", names[..last].join(", "), names[last]),
                    count => format!("{} and {} others", names[0], count - 1),
                }
            }
        }
    }

    /// What `cstatns.toml` says in the folder of the data, which is the same for all of it.
    pub(super) fn settings(&self) -> Result<Settings, Fault> {
        let mut found = None;
        for path in self.named {
            let settings = match path.is_dir() {
                true => Settings::of(path)?.or(|| Settings::beside(path))?,
                false => Settings::beside(path)?,
            };
            match &found {
                Some(found) if *found != settings => {
                    return Err(Fault::new(
                        "settings-other",
                        format!(
                            "{:?} and {path:?} lie in folders whose cstatns.toml says other things: prepare \
                            them one after the other",
                            self.named[0]
                        ),
                    ));
                }
                _ => found = Some(settings),
            }
        }
        Ok(found.unwrap_or_default())
    }
}
