//! A sealed kit on paper, as lines that a person types: each is numbered and has a checksum of its
//! own (SPEC §8).

use sha2::{Digest, Sha256};

/// The letters and digits of a line: without I, L, O and U.
const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
/// Symbols of five bits in a line, and of its checksum.
const DATA: usize = 25;
const CHECKS: usize = 3;
/// Symbols between two spaces.
const GROUP: usize = 4;
/// A line's number is one symbol of its checksum.
const MOST_LINES: usize = 31;
/// What stands before and behind the bytes: their length, and a digest of them.
const LENGTH: usize = 2;
const DIGEST: usize = 4;

/// The lines for these bytes, each with its line feed.
///
/// # Panics
/// For more bytes than 31 lines hold, which no kit has.
pub(super) fn write_lines(bytes: &[u8]) -> String {
    let length = u16::try_from(bytes.len()).expect("a kit is short");
    let framed = [&length.to_be_bytes()[..], bytes, &digest(bytes)].concat();
    let count = lines_of(bytes.len());
    assert!(count <= MOST_LINES, "a kit is short");
    let bit = |at: usize| framed.get(at / 8).map_or(0, |byte| byte >> (7 - at % 8) & 1);
    let symbol = |at: usize| (5 * at..5 * at + 5).fold(0, |symbol, at| symbol << 1 | bit(at));
    let mut text = String::new();
    for line in 0..count {
        let number = line + 1;
        let data: Vec<u8> = (DATA * line..DATA * number).map(symbol).collect();
        text.push_str(&number.to_string());
        for (at, symbol) in data.iter().chain(&checks(number as u8, &data)).enumerate() {
            if at % GROUP == 0 {
                text.push(' ');
            }
            text.push(char::from(ALPHABET[usize::from(*symbol)]));
        }
        text.push('\n');
    }
    text
}

/// Reads the lines of a paper. Small letters are as good as capitals, and spaces count for nothing
/// behind the number of a line. Nothing else is forgiven, and nothing is corrected.
///
/// # Errors
/// [`PaperError`] names the first line that is not as it was printed.
pub(super) fn read_lines(text: &str) -> Result<Vec<u8>, PaperError> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut symbols: Vec<u8> = Vec::new();
    let mut lines = 0;
    let mut count = None;
    for typed in text.lines().filter(|line| !line.trim().is_empty()) {
        let line = lines + 1;
        if count.is_some_and(|count| line > count) {
            return Err(PaperError::Extra { line });
        }
        symbols.extend(read_line(typed, line)?);
        lines = line;
        if count.is_none() {
            count = Some(count_in(&symbols).ok_or(PaperError::Lines)?);
        }
    }
    let count = count.ok_or(PaperError::Empty)?;
    if lines < count {
        return Err(PaperError::Missing { line: lines + 1, lines: count });
    }
    let bit = |at: usize| symbols[at / 5] >> (4 - at % 5) & 1;
    let byte = |at: usize| (8 * at..8 * at + 8).fold(0, |byte, at| byte << 1 | bit(at));
    let whole: Vec<u8> = (0..symbols.len() * 5 / 8).map(byte).collect();
    let length = usize::from(u16::from_be_bytes([whole[0], whole[1]]));
    let (bytes, rest) = whole[LENGTH..].split_at(length);
    let is_padded = (8 * (LENGTH + length + DIGEST)..5 * symbols.len()).all(|at| bit(at) == 0);
    match rest.starts_with(&digest(bytes)) && is_padded {
        true => Ok(bytes.to_vec()),
        false => Err(PaperError::Lines),
    }
}

/// How many lines so many bytes take.
fn lines_of(length: usize) -> usize {
    (8 * (LENGTH + length + DIGEST)).div_ceil(5 * DATA)
}

/// How many lines there are, as the first one says.
fn count_in(first: &[u8]) -> Option<usize> {
    let bits = first.iter().take(4).fold(0_usize, |bits, symbol| bits << 5 | usize::from(*symbol));
    Some(lines_of(bits >> 4)).filter(|count| *count <= MOST_LINES)
}

/// The data of what was typed as this line.
fn read_line(typed: &str, line: usize) -> Result<Vec<u8>, PaperError> {
    let mut words = typed.split_whitespace();
    let number = words.next().unwrap_or_default();
    let is_number = number.bytes().all(|digit| digit.is_ascii_digit()) && !number.starts_with('0');
    match number.parse() {
        Ok(found) if is_number && found == line => {}
        Ok(found) if is_number && found <= MOST_LINES => {
            return Err(PaperError::Order { line, found });
        }
        _ => return Err(PaperError::Number { line }),
    }
    let mut symbols = Vec::with_capacity(DATA + CHECKS);
    for (at, character) in words.flat_map(str::chars).enumerate() {
        let capital = character.to_ascii_uppercase();
        let symbol = ALPHABET.iter().position(|known| char::from(*known) == capital);
        let position = at + 1;
        symbols.push(symbol.ok_or(PaperError::Character { line, position })? as u8);
    }
    let expected = DATA + CHECKS;
    if symbols.len() != expected {
        return Err(PaperError::Length { line, found: symbols.len(), expected });
    }
    let (data, check) = symbols.split_at(DATA);
    if checks(line as u8, data) != check {
        return Err(PaperError::Check { line });
    }
    Ok(data.to_vec())
}

/// The checksum of a line: for j = 0, 1, 2 the sum of αʲⁱ · sᵢ in GF(2⁵), where s₀ is the line's
/// number and s₁ to s₂₅ are its symbols. Three wrong symbols, or two that changed places, never
/// have the same one.
fn checks(number: u8, data: &[u8]) -> [u8; CHECKS] {
    let mut powers = [1_u8; 31];
    for at in 1..31 {
        let doubled = powers[at - 1] << 1;
        powers[at] = if doubled & 0x20 == 0 { doubled } else { doubled ^ 0x25 };
    }
    let product = |a: u8, power: usize| match powers.iter().position(|known| *known == a) {
        Some(of) => powers[(of + power) % 31],
        None => 0,
    };
    std::array::from_fn(|j| {
        let symbols = std::iter::once(&number).chain(data).enumerate();
        symbols.fold(0, |sum, (i, symbol)| sum ^ product(*symbol, j * i))
    })
}

fn digest(bytes: &[u8]) -> [u8; DIGEST] {
    let mut hash = Sha256::new();
    hash.update(b"CStatNS/paper/");
    hash.update(bytes);
    *hash.finalize().first_chunk().expect("a digest has 32 bytes")
}

/// Why lines are not those of a paper. The first line that does not fit is named.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PaperError {
    /// No line at all.
    #[error("there is no line of a kit's paper in it")]
    Empty,
    /// A line without its number.
    #[error("where line {line} should stand, a line does not begin with its number and a space")]
    Number {
        /// The line that is expected there.
        line: usize,
    },
    /// A line in another's place.
    #[error("line {line} is not in its place: line {found} stands there")]
    Order {
        /// The line that is expected there.
        line: usize,
        /// The line that is there.
        found: usize,
    },
    /// Lines at the end are missing.
    #[error("line {line} is missing: the paper has {lines} lines")]
    Missing {
        /// The first that is missing.
        line: usize,
        /// How many there are.
        lines: usize,
    },
    /// A line behind the last one.
    #[error("line {line} is one more than the paper has")]
    Extra {
        /// The line.
        line: usize,
    },
    /// A character that no line has.
    #[error(
        "line {line} has a character that is not used, at place {position} (there is no I, L, O or U)"
    )]
    Character {
        /// The line.
        line: usize,
        /// Which of its characters, spaces left out, from 1.
        position: usize,
    },
    /// Too many or too few characters.
    #[error("line {line} has {found} characters behind its number, not {expected}")]
    Length {
        /// The line.
        line: usize,
        /// How many.
        found: usize,
        /// How many a line has.
        expected: usize,
    },
    /// The checksum is another one.
    #[error("line {line} is not as it was printed")]
    Check {
        /// The line.
        line: usize,
    },
    /// Each line is right, and all of them together are not.
    #[error("each line is as printed, but they are not the lines of one paper")]
    Lines,
    /// A later form of paper.
    #[error("the paper has form {found}, this program knows form 1")]
    Version {
        /// The form found.
        found: u8,
    },
    /// It does not open.
    #[error("the passphrase is not that of this paper")]
    Passphrase,
    /// It opens, and is not what a kit prints.
    #[error("the paper opens, but does not hold what a kit prints")]
    Content,
}

cstatns_base::coded!(PaperError {
    Self::Empty => ("paper-empty", Input, []),
    Self::Number { line } => ("paper-number", Input, [line: *line]),
    Self::Order { line, found } => ("paper-order", Input, [line: *line, found: *found]),
    Self::Missing { line, lines } => ("paper-missing", Input, [line: *line, expected: *lines]),
    Self::Extra { line } => ("paper-extra", Input, [line: *line]),
    Self::Character { line, position } => ("paper-character", Input, [line: *line, position: *position]),
    Self::Length { line, found, expected } => ("paper-length", Input, [line: *line, found: *found, expected: *expected]),
    Self::Check { line } => ("paper-line", Input, [line: *line]),
    Self::Lines => ("paper-lines", Input, []),
    Self::Version { found } => ("paper-version", Machine, [found]),
    Self::Passphrase => ("paper-passphrase", Input, []),
    Self::Content => ("paper-content", OtherSide, []),
});

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes() -> Vec<u8> {
        (0..150_u32).map(|at| (at.wrapping_mul(167) ^ 0x5a) as u8).collect()
    }

    fn lines() -> Vec<String> {
        write_lines(&bytes()).lines().map(str::to_owned).collect()
    }

    /// Why the lines are refused, with one of them in place of the printed one.
    fn with(number: usize, line: &str) -> PaperError {
        let mut lines = lines();
        lines[number - 1] = line.to_owned();
        read_lines(&lines.join("\n")).expect_err(line)
    }

    #[test]
    fn bytes_of_any_length_come_back() {
        for length in (0..260).chain([470, 478]) {
            let bytes: Vec<u8> = (0..length).map(|at| (at * 31) as u8).collect();
            let text = write_lines(&bytes);
            assert_eq!(read_lines(&text), Ok(bytes), "{length}");
            assert!(text.lines().all(|line| line.split(' ').skip(1).all(|group| group.len() == 4)));
        }
        // Case and white space are forgiven, and a byte order mark.
        let text = write_lines(&bytes());
        let typed = text.to_lowercase().replace(' ', " \t ").replace('\n', "  \r\n\n");
        assert_eq!(read_lines(&format!("\u{feff}{typed}")), Ok(bytes()));
        let joined: Vec<String> = lines()
            .iter()
            .map(|line| {
                line.split_once(' ')
                    .map(|(at, rest)| format!("{at} {}", rest.replace(' ', "")))
                    .unwrap()
            })
            .collect();
        assert_eq!(read_lines(&joined.join("\n")), Ok(bytes()));
    }

    /// Each character of each line, in place of it every other one that is used, and some that are
    /// not.
    #[test]
    fn each_changed_character_is_named_with_its_line() {
        let strange = "ILOU-?\u{e9}".chars();
        let others: Vec<char> =
            ALPHABET.iter().map(|letter| char::from(*letter)).chain(strange).collect();
        let (mut tried, mut kinds) = (0, [0; 3]);
        for (at, line) in lines().iter().enumerate() {
            let number = at + 1;
            for (place, character) in line.char_indices().filter(|(_, character)| *character != ' ')
            {
                for other in others.iter().filter(|other| **other != character) {
                    let mut changed = line.clone();
                    changed.replace_range(place..=place, &other.to_string());
                    let error = with(number, &changed);
                    let in_number = place < line_digits(number);
                    let named = match error {
                        PaperError::Order { line, .. } | PaperError::Number { line }
                            if in_number =>
                        {
                            kinds[0] += 1;
                            line
                        }
                        PaperError::Character { line, .. } if !in_number => {
                            kinds[1] += 1;
                            line
                        }
                        PaperError::Check { line } if !in_number => {
                            kinds[2] += 1;
                            line
                        }
                        error => panic!("{changed}: {error}"),
                    };
                    assert_eq!(named, number, "{changed}: {error}");
                    tried += 1;
                }
            }
        }
        assert!(tried > 10_000 && kinds.iter().all(|kind| *kind > 300), "{tried}, {kinds:?}");
    }

    fn line_digits(number: usize) -> usize {
        number.to_string().len()
    }

    #[test]
    fn characters_that_changed_places_are_named_with_their_line() {
        for (at, line) in lines().iter().enumerate() {
            let places: Vec<usize> = line
                .char_indices()
                .filter(|(place, character)| *place > line_digits(at + 1) && *character != ' ')
                .map(|(place, _)| place)
                .collect();
            for (i, one) in places.iter().enumerate() {
                for other in &places[i + 1..] {
                    let mut changed = line.clone().into_bytes();
                    changed.swap(*one, *other);
                    let changed = String::from_utf8(changed).unwrap();
                    if changed != *line {
                        assert_eq!(with(at + 1, &changed), PaperError::Check { line: at + 1 });
                    }
                }
            }
        }
    }

    #[test]
    fn lines_that_are_missing_swapped_or_of_another_paper_are_named() {
        let lines = lines();
        let count = lines.len();
        let read = |lines: &[String]| read_lines(&lines.join("\n")).unwrap_err();
        for at in 0..count {
            let (mut less, mut twice) = (lines.clone(), lines.clone());
            less.remove(at);
            twice.insert(at, lines[at].clone());
            let line = at + 1;
            if line == count {
                assert_eq!(read(&less), PaperError::Missing { line, lines: count });
            } else {
                assert_eq!(read(&less), PaperError::Order { line, found: line + 1 });
                let mut swapped = lines.clone();
                swapped.swap(at, at + 1);
                assert_eq!(read(&swapped), PaperError::Order { line, found: line + 1 });
                // The numbers alone in their places.
                let number =
                    |of: &str, to: usize| format!("{to} {}", of.split_once(' ').unwrap().1);
                swapped[at] = number(&swapped[at], line);
                swapped[at + 1] = number(&swapped[at + 1], line + 1);
                assert_eq!(read(&swapped), PaperError::Check { line });
            }
            let again = match line == count {
                true => PaperError::Extra { line: line + 1 },
                false => PaperError::Order { line: line + 1, found: line },
            };
            assert_eq!(read(&twice), again);
            for length in [27, 29] {
                let (head, rest) = lines[at].split_once(' ').unwrap();
                let rest: String =
                    rest.chars().chain(" 77".chars()).filter(|c| *c != ' ').take(length).collect();
                let error = PaperError::Length { line, found: length, expected: 28 };
                assert_eq!(with(line, &format!("{head} {rest}")), error);
            }
        }
        let mut more = lines.clone();
        more.push(format!("{}{}", count + 1, &lines[0][1..]));
        assert_eq!(read(&more), PaperError::Extra { line: count + 1 });
        let other: Vec<String> = write_lines(&[7; 150]).lines().map(str::to_owned).collect();
        for at in 1..count {
            let mut mixed = lines.clone();
            mixed[at] = other[at].clone();
            assert_eq!(read(&mixed), PaperError::Lines, "line {}", at + 1);
        }
        for empty in ["", "\n \n"] {
            assert_eq!(read_lines(empty), Err(PaperError::Empty));
        }
        for text in ["ABCD", "0 ABCD", "01 ABCD", "32 ABCD", "1ABCD EFGH", "x"] {
            assert_eq!(read_lines(text), Err(PaperError::Number { line: 1 }), "{text}");
        }
    }
}
