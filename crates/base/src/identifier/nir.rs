//! `fr-nir`, the French NIR (*numéro d'inscription au répertoire*), SPEC §3.2: 13 characters, then
//! a control key of two digits that may be missing and is not part of the identifier.
//!
//! | characters | meaning | accepted |
//! |---|---|---|
//! | 1 | sex, class | 1, 2; 3, 4, 7, 8 are provisional |
//! | 2–3 | year of birth | 00–99 |
//! | 4–5 | month | 01–12, 20–99 |
//! | 6–7 | department | two digits, 2A, 2B |
//! | 8–10 | commune or country | three digits |
//! | 11–13 | order | three digits |
//! | 14–15 | control key | 97 − (N mod 97), where 2A counts as 19 and 2B as 18 |
//!
//! Ignored: spaces (U+0020, U+00A0, U+202F) anywhere, and the other ASCII white space (U+0009 to
//! U+000D) at both ends. Letters may be in either case. The canonical form keeps 2A and 2B: put in
//! figures, two people would become one.

use super::spelling::characters;
use super::{Accepted, Identifier, Quality, Reason, Scheme};

const UNKEYED: usize = 13;
const KEYED: usize = 15;

/// [`Scheme::parse`].
#[inline]
pub(super) fn parse(text: &[u8]) -> Result<Accepted, Reason> {
    // Nearly every text is compact and of the form already; whatever else it is, the long way finds
    // out.
    if let Some(characters) = formed::<KEYED>(text) {
        return accept(characters);
    }
    if let Some(characters) = formed::<UNKEYED>(text) {
        return accept(characters);
    }
    parse_any(text)
}

/// [`Scheme::parse_compact`].
#[inline]
pub(super) fn parse_compact(text: &[u8]) -> Option<(Identifier, Quality)> {
    match formed::<KEYED>(text) {
        Some(characters) => read(characters).ok(),
        None => read(formed::<UNKEYED>(text)?).ok(),
    }
}

/// The long way: any text at all.
#[inline(never)]
fn parse_any(text: &[u8]) -> Result<Accepted, Reason> {
    let is_used = |c| matches!(c, '0'..='9' | 'A' | 'B' | 'a' | 'b');
    let (characters, positions, len) = characters::<KEYED>(text, is_used)?;
    if len != UNKEYED && len != KEYED {
        return Err(Reason::WrongLength { found: len });
    }
    if let Some(i) = (0..len).find(|&i| !continues(&characters, i)) {
        return Err(Reason::WrongForm { position: positions[i] });
    }
    match characters.first_chunk::<UNKEYED>() {
        Some(unkeyed) if len == UNKEYED => accept(unkeyed),
        _ => accept(&characters),
    }
}

/// The text, if it is `N` characters of the form.
#[inline]
fn formed<const N: usize>(text: &[u8]) -> Option<&[u8; N]> {
    let text = text.try_into().ok()?;
    (0..N).all(|i| continues(text, i)).then_some(text)
}

/// What 13 or 15 characters of the form are: an identifier, unless the control key is wrong.
#[inline]
fn accept<const N: usize>(characters: &[u8; N]) -> Result<Accepted, Reason> {
    read(characters).map(|(identifier, quality)| Accepted::new(identifier, quality, characters))
}

#[inline]
fn read<const N: usize>(characters: &[u8; N]) -> Result<(Identifier, Quality), Reason> {
    let (canonical, typed) = characters.split_first_chunk().expect("there are 13 at least");
    if let [tens, units] = typed {
        let found = 10 * (tens - b'0') + (units - b'0');
        let expected = control_key(canonical);
        if found != expected {
            return Err(Reason::WrongControlKey { found, expected });
        }
    }
    let quality = match characters[0] {
        b'1' | b'2' if N == KEYED => Quality::Valid,
        b'1' | b'2' => Quality::Unkeyed,
        _ => Quality::Provisional,
    };
    Ok((Identifier::new(Scheme::FrNir, canonical), quality))
}

/// Whether character `i` fits the form after the ones before it, which do.
#[inline]
fn continues<const N: usize>(characters: &[u8; N], i: usize) -> bool {
    let c = characters[i];
    match i {
        0 => matches!(c, b'1' | b'2' | b'3' | b'4' | b'7' | b'8'),
        4 => match characters[3] {
            b'0' => matches!(c, b'1'..=b'9'),
            b'1' => matches!(c, b'0'..=b'2'),
            // 20 and above: people whose civil status is unknown or incomplete.
            _ => c.is_ascii_digit(),
        },
        6 => c.is_ascii_digit() || characters[5] == b'2' && matches!(c, b'A' | b'B'),
        _ => c.is_ascii_digit(),
    }
}

/// 97 − (N mod 97), where N is the number with 19 in the place of 2A and 18 in the place of 2B: for
/// the control key only.
#[inline]
fn control_key(canonical: &[u8; UNKEYED]) -> u8 {
    let mut digits = canonical.map(|c| u64::from(c - b'0'));
    match canonical[6] {
        b'A' => [digits[5], digits[6]] = [1, 9],
        b'B' => [digits[5], digits[6]] = [1, 8],
        _ => {}
    }
    let number = |digits: &[u64]| digits.iter().fold(0, |number, digit| 10 * number + digit);
    // In two halves, which the processor computes side by side.
    let number = 1_000_000 * number(&digits[..7]) + number(&digits[7..]);
    97 - (number % 97) as u8
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The compact spelling alone is read by itself, and as the same.
    fn compact_agrees(text: &[u8]) {
        let accepted = parse(text).ok().filter(|accepted| accepted.compact().as_bytes() == text);
        let parts = accepted.map(|accepted| (accepted.identifier, accepted.quality));
        assert_eq!(parse_compact(text), parts);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4096))]

        /// The short way and the long way are one rule: texts that are nearly an identifier, with
        /// and without a control key.
        #[test]
        fn the_short_way_says_what_the_long_way_says(
            mut text in "[123478][0-9]{2}(0[1-9]|1[0-2]|[2-9][0-9])([0-9]{2}|2[AB])[0-9]{6}",
            keyed: bool,
            off in prop_oneof![4 => Just(0_u8), 1 => 1_u8..97],
            spoilt in proptest::option::weighted(0.6, (0_usize..16, prop_oneof![
                "[0-9ABab]", "[ \t.E]", proptest::char::any().prop_map(String::from),
            ])),
        ) {
            if keyed {
                let key = control_key(text.as_bytes().first_chunk().unwrap());
                text.push_str(&format!("{:02}", (key + off) % 100));
            }
            if let Some((at, by)) = spoilt && at <= text.len() {
                text.replace_range(at..text.len().min(at + 1), &by);
            }
            prop_assert_eq!(parse(text.as_bytes()), parse_any(text.as_bytes()));
            compact_agrees(text.as_bytes());
        }

        #[test]
        fn nor_do_other_bytes_tell_them_apart(text in proptest::collection::vec(any::<u8>(), 12..17)) {
            prop_assert_eq!(parse(&text), parse_any(&text));
            compact_agrees(&text);
        }
    }
}
