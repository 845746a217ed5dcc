//! The data as it was named: a file, or several, of which each is coded by itself.

use std::path::{Path, PathBuf};

use cstatns::files::standard_input;
use cstatns_controller::{Data, DataFile, data_files};

use cstatns_rows::table::Input;

use crate::fault::Fault;
use crate::lang::text;
use crate::settings::Settings;

use super::piped::{self, is_pipe};

/// The data that was named.
pub(super) struct Given<'a> {
    named: &'a [PathBuf],
    files: Option<Vec<DataFile>>,
    /// What is piped in is called so.
    piped: Option<PathBuf>,
}

impl<'a> Given<'a> {
    /// One path at least; of what is piped in the format.
    pub(super) fn of(named: &'a [PathBuf], format: Option<&String>) -> Result<Self, Fault> {
        match (named.iter().any(|path| is_pipe(path)), format) {
            (true, _) if named.len() > 1 => Err(Fault::usage(text!(
                "standard input is data by itself: give `-` alone",
                "l'entrée standard est des données à elle seule : donnez `-` seul"
            ))),
            (true, format) => {
                let piped = Some(piped::named("standard-input", format)?);
                Ok(Self { named, files: None, piped })
            }
            (false, _) => Ok(Self { named, files: data_files(named)?, piped: None }),
        }
    }

    /// The data. What is piped in is given once.
    pub(super) fn data(&self) -> Result<Data<'_>, Fault> {
        Ok(match (&self.files, &self.piped) {
            (Some(files), _) => Data::Files(files),
            (None, Some(name)) => Input::Pipe(name, standard_input(name)?).into(),
            (None, None) => (&self.named[0]).into(),
        })
    }

    /// Whether it is piped in.
    pub(super) fn is_piped(&self) -> bool {
        self.piped.is_some()
    }

    /// The file by which it is seen how text is read.
    pub(super) fn first(&self) -> &Path {
        match &self.files {
            Some(files) => &files[0].path,
            None => self.piped.as_ref().unwrap_or(&self.named[0]),
        }
    }

    /// The data as messages name it.
    pub(super) fn shown(&self) -> String {
        match (self.named, &self.files) {
            _ if self.is_piped() => text!("standard input", "l'entrée standard"),
            ([one], None) => format!("{one:?}"),
            ([one], Some(files)) => {
                text!("the {} files in {one:?}", "les {} fichiers dans {one:?}", files.len())
            }
            (named, _) => {
                let last = named.len() - 1;
                let names: Vec<_> = named.iter().map(|path| format!("{path:?}")).collect();
                match named.len() {
                    2..=4 => text!("{} and {}", "{} et {}", names[..last].join(", "), names[last]),
                    count => text!("{} and {} others", "{} et {} autres", names[0], count - 1),
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
                        text!(
                            "{:?} and {path:?} lie in folders whose cstatns.toml says other things: prepare \
                            them one after the other",
                            "{:?} et {path:?} sont dans des dossiers dont le cstatns.toml dit autre chose : préparez-les \
                                l'un après l'autre",
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
