//! The names of columns, as people distinguish them.

use std::borrow::Cow;

/// A name as text. What is not UTF-8 is taken for Windows-1252, whose accents are those of Unicode.
pub(crate) fn decoded(name: &[u8]) -> Cow<'_, str> {
    match std::str::from_utf8(name) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => name.iter().map(|byte| char::from(*byte)).collect::<String>().into(),
    }
}

/// The name of a column, without what stands around it: white space, a byte order mark.
pub fn trimmed(name: &[u8]) -> Cow<'_, str> {
    let around = |c: char| c.is_whitespace() || c == '\u{feff}';
    match decoded(name) {
        Cow::Borrowed(text) => text.trim_matches(around).into(),
        Cow::Owned(text) => text.trim_matches(around).to_owned().into(),
    }
}

/// A name without case, accents, separators and what stands around it.
pub(crate) fn folded(name: &[u8]) -> String {
    let plain = |c: char| match c {
        'à' | 'â' | 'ä' => 'a',
        'ç' => 'c',
        'é' | 'è' | 'ê' | 'ë' => 'e',
        'î' | 'ï' => 'i',
        'ô' | 'ö' => 'o',
        'ù' | 'û' | 'ü' => 'u',
        other => other,
    };
    trimmed(name).to_lowercase().chars().map(plain).filter(char::is_ascii_alphanumeric).collect()
}
