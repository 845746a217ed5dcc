//! Normal forms: two spellings of one name, date, sex or code of a place have the same.

use unicode_normalization::UnicodeNormalization;
use zeroize::Zeroizing;

use super::Years;

/// The longest normal form, in bytes. Its buffer is allocated at this size, since one that grows
/// leaves copies behind.
pub const LONGEST: usize = 255;

/// The longest text that is looked at, in bytes.
const LONGEST_TEXT: usize = 4 * LONGEST;

/// Text longer than any name.
#[derive(Debug, PartialEq, Eq)]
pub struct TooLong;

/// A name of a person or a place in capitals without accents: letters and digits, and one space
/// wherever anything else stands between them.
///
/// Compatible forms are unfolded first (NFKD: composed letters, ligatures, wide forms), and ß, œ,
/// æ, ø, ł, đ are spelled out. Marks that show nothing (direction, joining, soft hyphens) are
/// dropped. Other scripts keep their letters.
pub fn name(text: &str) -> Result<Zeroizing<String>, TooLong> {
    fold(text, false)
}

/// As [`name`], but a hyphen stays: it distinguishes a compound first name from two. A word of
/// digits alone is left out: files number people of one name so, as in MARIE (2).
pub fn first_names(text: &str) -> Result<Zeroizing<String>, TooLong> {
    let form = fold(text, true)?;
    let is_number = |word: &str| word.chars().all(char::is_numeric);
    if !form.split(' ').any(is_number) {
        return Ok(form);
    }
    let mut names = Zeroizing::new(String::with_capacity(LONGEST));
    for word in form.split(' ').filter(|word| !is_number(word)) {
        if !names.is_empty() {
            names.push(' ');
        }
        names.push_str(word);
    }
    Ok(names)
}

/// The name of a place: as [`name`], and ST and STE spelled out, as which postal rules write
/// *saint* and *sainte*.
pub fn place_name(text: &str) -> Result<Zeroizing<String>, TooLong> {
    let short = name(text)?;
    let mut form = Zeroizing::new(String::with_capacity(LONGEST));
    for word in short.split(' ') {
        let word = match word {
            "ST" => "SAINT",
            "STE" => "SAINTE",
            _ => word,
        };
        if form.len() + 1 + word.len() > LONGEST {
            return Err(TooLong);
        }
        if !form.is_empty() {
            form.push(' ');
        }
        form.push_str(word);
    }
    Ok(form)
}

fn fold(text: &str, hyphens: bool) -> Result<Zeroizing<String>, TooLong> {
    if text.len() > LONGEST_TEXT {
        return Err(TooLong);
    }
    let mut form = Zeroizing::new(String::with_capacity(LONGEST));
    let mut push = |c: char| {
        if form.len() + c.len_utf8() > LONGEST {
            return Err(TooLong);
        }
        form.push(c);
        Ok(())
    };
    let (mut begun, mut between) = (false, None);
    for c in text.nfkd().filter(|c| !is_accent(*c) && !is_invisible(*c)) {
        if c.is_alphanumeric() && !is_apostrophe(c) {
            if let Some(between) = between.take().filter(|_| begun) {
                push(between)?;
            }
            spelled_out(c, &mut push)?;
            begun = true;
        } else if hyphens && is_hyphen(c) {
            between = Some('-');
        } else if between.is_none() {
            between = Some(' ');
        }
    }
    Ok(form)
}

/// The letter in capitals, as one or two letters of the alphabet where it is one of these.
fn spelled_out(c: char, push: &mut impl FnMut(char) -> Result<(), TooLong>) -> Result<(), TooLong> {
    let letters = match c {
        'œ' | 'Œ' => "OE",
        'æ' | 'Æ' => "AE",
        'ß' | 'ẞ' => "SS",
        'þ' | 'Þ' => "TH",
        'ø' | 'Ø' => "O",
        'ł' | 'Ł' => "L",
        'đ' | 'Đ' | 'ð' | 'Ð' => "D",
        'ħ' | 'Ħ' => "H",
        _ => return c.to_uppercase().try_for_each(push),
    };
    letters.chars().try_for_each(push)
}

/// The marks of Latin, Greek and Cyrillic letters; those of other scripts are part of the spelling.
fn is_accent(c: char) -> bool {
    matches!(c, '\u{300}'..='\u{36f}')
}

fn is_invisible(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

/// Those that Unicode takes for letters.
fn is_apostrophe(c: char) -> bool {
    matches!(c, '\u{2b9}'..='\u{2bf}' | '\u{2c8}')
}

fn is_hyphen(c: char) -> bool {
    matches!(c, '-' | '\u{2010}'..='\u{2015}' | '\u{2212}')
}

/// Whether two names are the same but for spaces and hyphens.
pub fn same(a: &str, b: &str) -> bool {
    solid(a).eq(solid(b))
}

/// The bytes of a normal form without its spaces and hyphens: LE PROVOST is LEPROVOST.
pub fn solid(form: &str) -> impl Iterator<Item = u8> {
    form.bytes().filter(|byte| !matches!(byte, b' ' | b'-'))
}

/// What stands before a family name and is often left out.
const PARTICLES: [&str; 23] = [
    "D", "DA", "DAS", "DE", "DEL", "DELLA", "DEN", "DER", "DES", "DI", "DO", "DOS", "DU", "EL",
    "L", "LA", "LE", "LES", "VAN", "VOM", "VON", "ZU", "ZUR",
];

/// A family name without the particles before it; one that is nothing else keeps the last.
pub fn without_particles(name: &str) -> &str {
    without_first(name, &PARTICLES)
}

const TITLES: [&str; 8] =
    ["DOCTEUR", "DR", "MADAME", "MADEMOISELLE", "MLLE", "MME", "MONSIEUR", "MR"];

/// What stands between the name given at birth and the name of a husband or wife, in this order.
const MARRIED: [&str; 4] = ["EPOUSE", "EPSE", "VEUVE", "VVE"];

/// The reverse: the name given at birth follows.
const BORN: &str = "NEE";

/// A column of names that holds more than a name: the name given at birth, and the other one.
///
/// A name that is one of these words itself also has to be read as it stands, which is the caller's
/// business.
pub fn read_name(name: &str) -> (&str, &str) {
    let name = without_first(name, &TITLES);
    let mut at = 0;
    for word in name.split(' ') {
        let (before, after) = (name[..at].trim_end(), name[at + word.len()..].trim_start());
        at += word.len() + 1;
        match word {
            _ if after.is_empty() => {}
            BORN => return (after, before),
            _ if MARRIED.contains(&word) => return (before, after),
            _ => {}
        }
    }
    (name, "")
}

fn without_first<'a>(mut name: &'a str, dropped: &[&str]) -> &'a str {
    while let Some((first, rest)) = name.split_once(' ')
        && dropped.contains(&first)
    {
        name = rest;
    }
    name
}

/// A date as year · 10,000 + month · 100 + day, each part zero where it is unknown. Zero: nothing
/// is known.
///
/// YYYY-MM-DD, DD/MM/YYYY (with any of `-`, `/`, `.`), YYYYMMDD, YYYY-MM, MM/YYYY, YYYY; an unknown
/// day or month is zero, empty, 99 or XX. Midnight may stand behind a whole date, `.0` behind a
/// whole number. The calendar is not asked whether the day exists: registers hold a 30 February.
/// The year is one of `years`, so that most numbers of days are not dates, and neither are negative
/// and decimal numbers.
pub fn date(text: &str, years: Years) -> Option<u32> {
    let text = whole(without_midnight(text.trim()));
    if text.is_empty() {
        return Some(0);
    }
    if text.len() > 10 || !text.is_ascii() {
        return None;
    }
    let mut parts = text.split(['-', '/', '.']);
    let parts = [parts.next(), parts.next(), parts.next(), parts.next()];
    // -1975, 1975.5, 1975.99 and .1975 are numbers.
    if let [Some(first), Some(second), None, _] = parts {
        let is_number = match text.as_bytes()[first.len()] {
            b'-' => first.is_empty(),
            b'.' if first.len() == 4 => second.len() == 1 || second == "99",
            b'.' => first.len() < 2 || first == "99",
            _ => false,
        };
        if is_number {
            return None;
        }
    }
    let (year, month, day) = match parts {
        [Some(whole), None, ..] if whole.len() == 8 => (&whole[..4], &whole[4..6], &whole[6..]),
        [Some(year), None, ..] => (year, "", ""),
        [Some(year), Some(month), None, _] if year.len() == 4 => (year, month, ""),
        [Some(month), Some(year), None, _] => (year, month, ""),
        [Some(year), Some(month), Some(day), None] if year.len() == 4 => (year, month, day),
        [Some(day), Some(month), Some(year), None] => (year, month, day),
        _ => return None,
    };
    let number = |text: &str, most: u32| -> Option<u32> {
        if matches!(text, "" | "99" | "XX" | "xx") {
            return Some(0);
        }
        let digits = text.len() <= 2 && text.bytes().all(|byte| byte.is_ascii_digit());
        text.parse().ok().filter(|number| digits && *number <= most)
    };
    let (month, day) = (number(month, 12)?, number(day, 31)?);
    let known = year.len() == 4 && year.bytes().all(|byte| byte.is_ascii_digit());
    let year: u32 = year.parse().ok().filter(|_| known)?;
    // Parts of a date whose year is unknown say nothing.
    match year {
        0 => Some(0),
        _ => years.have(year).then_some(10_000 * year + 100 * month + day),
    }
}

/// A whole date without the midnight behind it, which software writes for a whole column as soon as
/// another one has times; any other text as it is.
fn without_midnight(text: &str) -> &str {
    let Some((date, time)) = text.split_once(['T', ' ']) else { return text };
    let is_midnight = time.strip_prefix("00:00").is_some_and(|rest| {
        let zeros = rest.strip_prefix(":00.").unwrap_or("0");
        let is_whole = matches!(rest, "" | ":00") || rest.starts_with(":00.");
        is_whole && (1..=9).contains(&zeros.len()) && zeros.bytes().all(|byte| byte == b'0')
    });
    if is_midnight && date.split(['-', '/', '.']).count() == 3 { date } else { text }
}

/// A whole number without the `.0` that software writes which has no whole numbers with nulls; any
/// other text as it is.
fn whole(text: &str) -> &str {
    match text.strip_suffix(".0") {
        Some(digits) if !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()) => {
            digits
        }
        _ => text,
    }
}

/// Whether a number can be what [`date`] gives, or gave at another time.
pub fn is_date(number: u32) -> bool {
    let is_year = number == 0 || (Years::FIRST..=9999).contains(&(number / 10_000));
    is_year && number / 100 % 100 <= 12 && number % 100 <= 31
}

/// Whether the day or the month of a date is unknown.
pub fn is_partial(date: u32) -> bool {
    date.is_multiple_of(100) || (date / 100).is_multiple_of(100)
}

/// The sex.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Sex {
    /// Not known.
    Unknown = 0,
    /// Male.
    Male = 1,
    /// Female.
    Female = 2,
}

/// The sex that a text says: 1, M, H, HOMME, MASCULIN; 2, F, FEMME, FEMININ; letters in either
/// case, words with or without accents; or empty where it is not known.
pub fn sex(text: &str) -> Option<Sex> {
    match text.trim() {
        "" => Some(Sex::Unknown),
        "1" | "1.0" | "M" | "m" | "H" | "h" => Some(Sex::Male),
        "2" | "2.0" | "F" | "f" => Some(Sex::Female),
        word => match name(word).ok()?.as_str() {
            "HOMME" | "MASCULIN" => Some(Sex::Male),
            "FEMME" | "FEMININ" => Some(Sex::Female),
            _ => None,
        },
    }
}

/// A code of a commune or country of birth: five characters.
///
/// A zero that a spreadsheet took away is put back. Corsica is 20 again, as it was until 1976: its
/// communes kept their numbers, none of which is in both departments.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PlaceCode(pub [u8; 5]);

impl PlaceCode {
    /// Outer `None`: the text is not a code. Inner `None`: it is empty, or 00000 or 99999, as files
    /// write a place that is not known.
    pub fn read(text: &str) -> Option<Option<Self>> {
        let text = whole(text.trim()).as_bytes();
        let mut code = [b'0'; 5];
        match text.len() {
            0 => return Some(None),
            len @ (4 | 5) => code[5 - len..].copy_from_slice(text),
            _ => return None,
        }
        if let [b'2', b'A' | b'a' | b'B' | b'b', ..] = code {
            code[1] = b'0';
        }
        // A department of Algeria, with the country's number for the commune.
        if let [b'9', b'1'..=b'4', b'3', b'5', b'2'] = code {
            code[1] = b'9';
        }
        let is_known = !matches!(&code, b"00000" | b"99999");
        code.iter().all(u8::is_ascii_digit).then_some(is_known.then_some(Self(code)))
    }

    /// The commune of which this is a borough (*arrondissement*: Paris, Lyon, Marseille), or the
    /// place itself.
    pub fn city(self) -> Self {
        Self(match &self.0 {
            [b'7', b'5', b'1', b'0'..=b'2', _] => *b"75056",
            [b'6', b'9', b'3', b'8', b'1'..=b'9'] => *b"69123",
            [b'1', b'3', b'2', b'0' | b'1', _] => *b"13055",
            code => *code,
        })
    }

    /// Of a country, not of a commune: the name of the place then says more.
    pub fn is_abroad(self) -> bool {
        self.0.starts_with(b"99")
    }
}

#[cfg(test)]
mod tests;
