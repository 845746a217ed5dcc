//! The system's journal, where standard error leads to it.

use std::io;
use std::os::unix::fs::MetadataExt;
use std::os::unix::net::UnixDatagram;
use std::path::Path;

/// Whether standard error leads to the journal: the system says in `JOURNAL_STREAM` which device
/// and file does.
pub fn is_journal() -> bool {
    let stream = std::env::var("JOURNAL_STREAM").unwrap_or_default();
    let metadata = std::fs::metadata("/proc/self/fd/2");
    metadata.is_ok_and(|file| stream == format!("{}:{}", file.dev(), file.ino()))
}

/// Hands one entry to the journal at `socket`, in its native form: each field a name in capitals
/// and a value of any text.
///
/// # Errors
/// There is no journal, or it does not take the entry.
pub fn log(socket: &Path, fields: &[(&str, &str)]) -> io::Result<()> {
    let mut entry = Vec::new();
    for (name, value) in fields {
        // A value of several lines has its length before it.
        entry.extend(name.as_bytes());
        entry.push(b'\n');
        entry.extend((value.len() as u64).to_le_bytes());
        entry.extend(value.as_bytes());
        entry.push(b'\n');
    }
    let journal = UnixDatagram::unbound()?;
    // Nobody waits for a journal that is busy.
    journal.set_nonblocking(true)?;
    journal.send_to(&entry, socket).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_has_its_fields() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("socket");
        assert!(log(&path, &[("MESSAGE", "nobody listens")]).is_err());
        let journal = UnixDatagram::bind(&path).unwrap();
        log(&path, &[("MESSAGE", "two\nlines"), ("PRIORITY", "3")]).unwrap();
        let mut entry = [0; 64];
        let length = journal.recv(&mut entry).unwrap();
        let expected = b"MESSAGE\n\x09\0\0\0\0\0\0\0two\nlines\nPRIORITY\n\x01\0\0\0\0\0\0\0\x33\n";
        assert_eq!(&entry[..length], expected);
    }
}
