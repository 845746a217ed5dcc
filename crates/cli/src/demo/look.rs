//! What the story looks at, to see that each act came to what it must.

use std::collections::HashMap;

use cstatns::files::{self, FileError};
use jiff::Timestamp;

use super::{Story, mismatch};
use crate::fault::Fault;
use crate::lang::text;

impl Story<'_> {
    pub(super) fn expect_gone(&self, path: &str) -> Result<(), Fault> {
        if self.at(path).symlink_metadata().is_ok() {
            return Err(mismatch(text!("{path} is still there", "{path} est encore là")));
        }
        Ok(())
    }

    /// The codes of a file of codes, and how many rows have each.
    pub(super) fn codes(&self, path: &str) -> Result<HashMap<String, u64>, Fault> {
        let path = self.at(path);
        let text = files::read(&path, u64::MAX)?;
        let mut codes = HashMap::new();
        for line in text.split(|byte| *byte == b'\n').skip(1) {
            let code = line.split(|byte| *byte == b',').next().unwrap_or_default();
            if !code.is_empty() {
                *codes.entry(String::from_utf8_lossy(code).into_owned()).or_insert(0) += 1;
            }
        }
        Ok(codes)
    }

    /// Joins two files on the code: distinct codes in both, and pairs of rows.
    pub(super) fn join(&self, a: &str, b: &str) -> Result<(usize, u64), Fault> {
        let (a, b) = (self.codes(a)?, self.codes(b)?);
        let pairs: Vec<u64> =
            a.iter().filter_map(|(code, rows)| Some(rows * b.get(code)?)).collect();
        Ok((pairs.len(), pairs.iter().sum()))
    }

    pub(super) fn first_lines(&self, path: &str, count: usize) -> Result<Vec<String>, Fault> {
        let text = files::read(&self.at(path), u64::MAX)?;
        let lines = text.split(|byte| *byte == b'\n').take(count);
        Ok(lines.map(|line| String::from_utf8_lossy(line).into_owned()).collect())
    }

    pub(super) fn names(&self, directory: &str) -> Result<Vec<String>, Fault> {
        let path = self.at(directory);
        let entries =
            std::fs::read_dir(&path).map_err(|error| FileError::from_io(&path, &error))?;
        let mut names: Vec<String> = entries
            .filter_map(|entry| {
                let entry = entry.ok()?;
                let slash = if entry.path().is_dir() { "/" } else { "" };
                Some(format!("{}{slash}", entry.file_name().to_string_lossy()))
            })
            .collect();
        names.sort();
        Ok(names)
    }

    pub(super) fn now(&self) -> Timestamp {
        Timestamp::now() + self.ahead.get()
    }
}
