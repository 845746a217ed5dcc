//! `cstatns.toml` in the data's folder: public values that the controller need not repeat (SPEC
//! §6).

use std::path::{Path, PathBuf};

use cstatns::files::{self, FileError};
use cstatns::name::Name;
use cstatns_rows::table::{Format, Text};
use serde::Deserialize;

use crate::bulk::delimiter;
use crate::fault::Fault;
use crate::lang::text;

/// Its name.
pub(crate) const SETTINGS: &str = "cstatns.toml";
/// More than it is long, in bytes.
const LIMIT: u64 = 1 << 16;
/// What it may say.
const KEYS: &str = "service, domain, delimiter, missing";

/// What a folder's file says; nothing where there is none.
#[derive(Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Settings {
    /// The card of the service; a path that is not absolute begins in the folder.
    pub(crate) service: Option<PathBuf>,
    pub(crate) domain: Option<Name>,
    /// As `--delimiter` takes it.
    delimiter: Option<String>,
    /// The texts that stand for no value.
    #[serde(default)]
    pub(crate) missing: Vec<String>,
}

impl Settings {
    /// Those of the folder in which `data` lies.
    pub(crate) fn beside(data: &Path) -> Result<Self, Fault> {
        let folder = data.parent().filter(|folder| !folder.as_os_str().is_empty());
        Self::of(folder.unwrap_or(Path::new(".")))
    }

    /// The same, or where nothing is said what others say.
    pub(crate) fn or(self, others: impl FnOnce() -> Result<Self, Fault>) -> Result<Self, Fault> {
        if self == Self::default() { others() } else { Ok(self) }
    }

    /// Those of a folder.
    pub(crate) fn of(folder: &Path) -> Result<Self, Fault> {
        let path = folder.join(SETTINGS);
        let bytes = match files::read(&path, LIMIT) {
            Err(FileError::Missing { .. }) => return Ok(Self::default()),
            read => read?,
        };
        let mut settings = Self::parse(&bytes).map_err(|line| wrong(&path, line))?;
        settings.service = settings.service.map(|card| folder.join(card));
        Ok(settings)
    }

    /// The error is the line that is wrong.
    fn parse(bytes: &[u8]) -> Result<Self, usize> {
        let line = |place: usize| 1 + bytes[..place].iter().filter(|byte| **byte == b'\n').count();
        let text = std::str::from_utf8(bytes).map_err(|error| line(error.valid_up_to()))?;
        let found: Self = toml::from_str(text)
            .map_err(|error| line(error.span().map_or(0, |span| span.start.min(bytes.len()))))?;
        // It is one that `--delimiter` would take.
        match found.delimiter.as_deref().map(delimiter) {
            Some(Err(_)) => Err(line(text.find("delimiter").unwrap_or(0))),
            _ => Ok(found),
        }
    }

    /// The same for a file whose name does not say it.
    pub(crate) fn delimiter_of(&self, data: &Path) -> Result<Option<u8>, Fault> {
        let is_said = matches!(Format::of(data)?, Format::Text(Text { delimiter: b'\t', .. }));
        Ok(self.delimiter().filter(|_| !is_said))
    }

    /// What separates the fields of the folder's files.
    pub(crate) fn delimiter(&self) -> Option<u8> {
        self.delimiter.as_deref().and_then(|text| delimiter(text).ok())
    }
}

fn wrong(path: &Path, line: usize) -> Fault {
    Fault::new(
        "settings-form",
        text!(
            "{path:?}: line {line} is not a setting: these are {KEYS}; correct it, or write the file anew with \
            `controller setup`",
            "{path:?} : la ligne {line} n'est pas un réglage : les réglages sont {KEYS} ; corrigez-la, ou écrivez de \
                nouveau le fichier par `controller setup`"
        ),
    )
}

/// The text of the file.
pub(crate) fn written(
    service: &str,
    domain: &Name,
    delimiter: Option<&str>,
    missing: &[String],
) -> String {
    // A string of JSON is one of TOML.
    let quoted =
        |text: &str| serde_json::Value::from(text).to_string().replace('\u{7f}', "\\u007f");
    let mut text = text!(
        "# Public values of `cstatns controller prepare` for the data in this folder; options on the command line win.\n",
        "# Valeurs publiques de `cstatns controller prepare` pour les données de ce dossier ; les options de la ligne de \
            commande l'emportent.\n"
    );
    text.push_str(&format!("service = {}\n", quoted(service)));
    text.push_str(&format!("domain = {}\n", quoted(domain.as_str())));
    if let Some(delimiter) = delimiter {
        text.push_str(&format!("delimiter = {}\n", quoted(delimiter)));
    }
    if !missing.is_empty() {
        let missing: Vec<_> = missing.iter().map(|text| quoted(text)).collect();
        text.push_str(&format!("missing = [{}]\n", missing.join(", ")));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_again() {
        let domain = Name::new("population").unwrap();
        let missing = ["NA", "n/d", "\"\\", "\u{7f}\t", "né"].map(str::to_owned);
        for delimiter in [None, Some(";"), Some("tab"), Some("\\t")] {
            let text = written("a \"card\".json", &domain, delimiter, &missing);
            let found = Settings::parse(text.as_bytes()).unwrap();
            assert_eq!(found.service, Some("a \"card\".json".into()));
            assert_eq!((found.domain.as_ref(), &found.missing[..]), (Some(&domain), &missing[..]));
            assert_eq!(found.delimiter.as_deref(), delimiter);
        }
        assert_eq!(Settings::parse(b""), Ok(Settings::default()));
    }

    #[test]
    fn what_is_no_setting_is_named_by_its_line() {
        for (text, line) in [
            ("domain = \"a\"\nkey = \"b\"\n", 2),
            ("domain = 'a'\n\npassphrase = 'secret'\n", 3),
            ("domain = \"Not a name\"\n", 1),
            ("# one\ndelimiter = ';;'\n", 2),
            ("domain = \n", 1),
            ("missing = 'NA'\n", 1),
            ("[service]\npath = 'a'\n", 1),
        ] {
            assert_eq!(Settings::parse(text.as_bytes()), Err(line), "{text:?}");
        }
        assert_eq!(Settings::parse(b"domain = 'a'\n# \xe9\n"), Err(2));
    }
}
