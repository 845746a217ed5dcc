//! What is said of the process that holds a lock.

use std::fmt;
use std::fs::{self, File};
use std::io::{Read, Seek};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::name::Name;

/// More than a lock's file holds, in bytes.
const LIMIT: u64 = 1024;

/// Who holds the lock of a home, as the file of the lock says: to be shown, and for nothing else.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AtWork {
    /// What is done there.
    pub verb: Name,
    /// The number of the process.
    pub process: u32,
    /// Since when it holds the lock.
    pub since: Timestamp,
    /// When the process began, as the system counts: numbers of processes are used again.
    began: u64,
}

impl fmt::Display for AtWork {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`, process {}, since {}", self.verb, self.process, self.since)
    }
}

impl AtWork {
    /// This process, which does `verb` from now on; none where the system does not say when it
    /// began.
    pub(super) fn this(verb: &Name) -> Option<Self> {
        let process = std::process::id();
        let since = Timestamp::from_second(Timestamp::now().as_second()).ok()?;
        Some(Self { verb: verb.clone(), process, since, began: began(process)? })
    }

    /// What a lock's file says, if that process still runs.
    pub(super) fn of(file: &mut File) -> Option<Self> {
        let mut text = Vec::new();
        file.rewind().ok()?;
        file.take(LIMIT).read_to_end(&mut text).ok()?;
        let at_work: Self = serde_json::from_slice(&text).ok()?;
        (began(at_work.process) == Some(at_work.began)).then_some(at_work)
    }
}

/// When a process began, in ticks after the start of the system; none where there is no such
/// process, or the system does not say.
fn began(process: u32) -> Option<u64> {
    let text = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    // The program's name, in brackets, may hold anything.
    text.rsplit_once(')')?.1.split_ascii_whitespace().nth(19)?.parse().ok()
}
