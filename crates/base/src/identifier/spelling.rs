//! What schemes have in common: the characters of a text that count, and what a spreadsheet leaves
//! of a number.

use super::Reason;

/// The first `N` characters that count, in upper case, the position of each in `text`, and how many
/// there are in all. `is_used`: whether the scheme uses this character, in either case.
pub(super) fn characters<const N: usize>(
    text: &[u8],
    is_used: impl Fn(char) -> bool,
) -> Result<([u8; N], [usize; N], usize), Reason> {
    let mut characters = [0; N];
    let mut positions = [0; N];
    let mut len = 0;
    let mut position = 0;
    // White space that is allowed only if nothing but white space follows.
    let mut trailing = None;
    for chunk in text.utf8_chunks() {
        let invalid = (!chunk.invalid().is_empty()).then_some(char::REPLACEMENT_CHARACTER);
        for c in chunk.valid().chars().chain(invalid) {
            position += 1;
            match c {
                c if is_space(c) => {}
                c if is_white(c) && len == 0 => {}
                c if is_white(c) => trailing = trailing.or(Some(position)),
                c if trailing.is_none() && is_used(c) => {
                    if len < N {
                        characters[len] = c.to_ascii_uppercase() as u8;
                        positions[len] = position;
                    }
                    len += 1;
                }
                // The E of scientific notation is such a character: the common case never looks for
                // it.
                _ if is_scientific(text) => return Err(Reason::Scientific),
                _ => return Err(Reason::WrongCharacter { position: trailing.unwrap_or(position) }),
            }
        }
    }
    Ok((characters, positions, len))
}

/// Spaces, ignored anywhere.
pub(super) fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\u{a0}' | '\u{202f}')
}

/// The rest of ASCII's white space, ignored at both ends.
fn is_white(c: char) -> bool {
    matches!(c, '\t'..='\r')
}

/// What is left of `text` without what programs write around a number: `="…"` or an apostrophe
/// before it, with which a spreadsheet keeps it as text, and decimals that are zeros (`.0`, `,00`).
/// Anything else comes back as it is. See [`super::number`].
pub(super) fn number(text: &[u8]) -> &[u8] {
    let text = trimmed(text);
    let quoted = text.strip_prefix(b"=\"").and_then(|text| text.strip_suffix(b"\""));
    let text = trimmed(quoted.or_else(|| text.strip_prefix(b"'")).unwrap_or(text));
    let Some(mark) = text.iter().position(|byte| matches!(byte, b'.' | b',')) else { return text };
    let (whole, decimals) = (&text[..mark], &text[mark + 1..]);
    let is_whole = whole.iter().any(u8::is_ascii_digit)
        && !decimals.is_empty()
        && decimals.iter().all(|byte| *byte == b'0');
    if is_whole { whole } else { text }
}

/// Without the spaces and the white space at both ends.
fn trimmed(text: &[u8]) -> &[u8] {
    match std::str::from_utf8(text) {
        Ok(text) => text.trim_matches(|c| is_space(c) || is_white(c)).as_bytes(),
        Err(_) => text,
    }
}

/// Digits, perhaps a point or comma and digits, `E`, an exponent. Without a decimal mark the
/// exponent needs its sign, so that a number with an E typed in it is not taken for one.
pub(super) fn is_scientific(text: &[u8]) -> bool {
    fn digits(text: &[u8]) -> (bool, &[u8]) {
        let n = text.iter().take_while(|c| c.is_ascii_digit()).count();
        (n > 0, &text[n..])
    }
    let Ok(text) = std::str::from_utf8(text) else { return false };
    let (whole, rest) = digits(text.trim_matches(|c| is_space(c) || is_white(c)).as_bytes());
    let (marked, rest) = match rest {
        [b'.' | b',', rest @ ..] => (true, digits(rest).1),
        _ => (false, rest),
    };
    let [b'E' | b'e', rest @ ..] = rest else { return false };
    let (signed, rest) = match rest {
        [b'+' | b'-', rest @ ..] => (true, rest),
        _ => (false, rest),
    };
    let (exponent, rest) = digits(rest);
    whole && exponent && rest.is_empty() && (signed || marked)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_what_programs_leave_around_it() {
        for text in [
            "184057512345625",
            "184057512345625.0",
            "184057512345625,00",
            "=\"184057512345625\"",
            "=\"184057512345625.0\"",
            "'184057512345625",
            " '184057512345625 ",
            "\u{a0}184057512345625.000\t",
        ] {
            assert_eq!(number(text.as_bytes()), b"184057512345625", "{text}");
        }
        // A number that is not whole, and other text, stays.
        for text in [
            "184057512345625.5",
            "184057512345625.",
            ".0",
            "1,84E+14",
            "184,057,000",
            "''1",
            "=1",
            "\"1\"",
            "",
        ] {
            let expected = text.strip_prefix('\'').unwrap_or(text);
            assert_eq!(number(text.as_bytes()), expected.as_bytes(), "{text}");
        }
        assert_eq!(number(b"184\xa0.0"), b"184\xa0");
    }
}
