//! `fi-hetu`, the Finnish personal identity code (*henkilötunnus*), SPEC §3.4: eleven characters,
//! all of them the identifier.
//!
//! | characters | meaning | accepted |
//! |---|---|---|
//! | 1–6 | day, month and year of birth | a date of the century |
//! | 7 | century | `+` (1800); `-`, U, V, W, X, Y (1900); A to F (2000) |
//! | 8–10 | individual number | 002–899; 900 and above are given out for a while only, and to several people |
//! | 11 | control character | the number of characters 1–6 and 8–10 modulo 31, as a character |
//!
//! Ignored: white space as in `fr-nir`. Letters may be in either case. The centuries' signs are
//! different identifiers, not spellings: they were added because the numbers of a day ran out.

use super::spelling::{characters, is_scientific};
use super::{Accepted, Identifier, Quality, Reason, Scheme};

const LENGTH: usize = 11;
/// What a control number is as a character.
const CONTROL: &[u8; 31] = b"0123456789ABCDEFHJKLMNPRSTUVWXY";

pub(super) fn parse(text: &[u8]) -> Result<Accepted, Reason> {
    let is_used = |c: char| {
        let c = c.to_ascii_uppercase();
        c == '+' || c == '-' || c.is_ascii() && CONTROL.contains(&(c as u8))
    };
    let read = characters::<LENGTH>(text, is_used);
    let (characters, positions, len) =
        read.map_err(|reason| if is_scientific(text) { Reason::Scientific } else { reason })?;
    if len != LENGTH {
        return Err(if is_scientific(text) {
            Reason::Scientific
        } else {
            Reason::WrongLength { found: len }
        });
    }
    if let Some(i) = (0..LENGTH).find(|&i| !continues(&characters, i)) {
        return Err(Reason::WrongForm { position: positions[i] });
    }
    let (identifier, quality) = accept(&characters)?;
    Ok(Accepted::new(identifier, quality, &characters))
}

pub(super) fn parse_compact(text: &[u8]) -> Option<(Identifier, Quality)> {
    let characters: &[u8; LENGTH] = text.try_into().ok()?;
    (0..LENGTH).all(|i| continues(characters, i)).then(|| accept(characters).ok()).flatten()
}

/// What eleven characters of the form are: an identifier, unless the control character is wrong.
fn accept(characters: &[u8; LENGTH]) -> Result<(Identifier, Quality), Reason> {
    let found = control_number(characters[10]).expect("of the form");
    let digits = characters[..6].iter().chain(&characters[7..10]);
    let expected =
        (digits.fold(0, |number, digit| 10 * number + u32::from(digit - b'0')) % 31) as u8;
    if found != expected {
        return Err(Reason::WrongControlKey { found, expected });
    }
    Ok((Identifier::new(Scheme::FiHetu, characters), Quality::Valid))
}

fn control_number(character: u8) -> Option<u8> {
    CONTROL.iter().position(|c| *c == character).map(|number| number as u8)
}

/// Whether character `i` fits the form after the ones before it, which do.
fn continues(characters: &[u8; LENGTH], i: usize) -> bool {
    let c = characters[i];
    let two = |at: usize| 10 * (characters[at] - b'0') + (characters[at + 1] - b'0');
    let is_leap_day = || (two(0), two(2)) == (29, 2);
    match i {
        0 => matches!(c, b'0'..=b'3'),
        2 => matches!(c, b'0' | b'1'),
        7 => matches!(c, b'0'..=b'8'),
        6 => match c {
            b'+' | b'-' | b'U'..=b'Y' => !(is_leap_day() && two(4) == 0),
            b'A'..=b'F' => true,
            _ => false,
        },
        10 => control_number(c).is_some(),
        _ if !c.is_ascii_digit() => false,
        1 => matches!(two(0), 1..=31),
        3 => match two(2) {
            1 | 3 | 5 | 7 | 8 | 10 | 12 => true,
            4 | 6 | 9 | 11 => two(0) <= 30,
            2 => two(0) <= 29,
            _ => false,
        },
        5 => !is_leap_day() || two(4) % 4 == 0,
        9 => &characters[7..10] >= b"002",
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Deserialize)]
    struct Texts {
        texts: Vec<Text>,
    }

    #[derive(Deserialize)]
    struct Text {
        text: String,
        category: String,
        python: Option<String>,
        npm: Option<String>,
    }

    /// Two other programs, by their own rules for what stands around and between the characters:
    /// white space is ours.
    #[test]
    fn what_others_accept_is_accepted_alike() {
        let texts: Texts =
            serde_json::from_str(include_str!("../../tests/data/fi-hetu.json")).unwrap();
        let mut counts = [0; 3];
        for Text { text, category, python, npm } in texts.texts {
            let found = parse(text.as_bytes()).ok();
            let ours = found.as_ref().map(|accepted| accepted.identifier.canonical());
            // Full-width digits are no identifier's; the centuries of 2023 are unknown to the
            // second program, and spaces to the first; 000 and 900 to 999 are nobody's for good.
            let expected = match &*category {
                "variant/full width" => None,
                "variant/spaces in" | "variant/NBSP" => {
                    let compact: String =
                        text.chars().filter(|c| !super::super::spelling::is_space(*c)).collect();
                    assert!(npm.is_none() || npm.as_ref() == Some(&compact));
                    Some(compact)
                }
                _ => python,
            };
            assert_eq!(ours, expected.as_deref().map(str::as_bytes), "{category}");
            counts[if category == "upstream-doctest" {
                2
            } else {
                usize::from(expected.is_some())
            }] += 1;
            if let Some(accepted) = found {
                let compact = accepted.compact().as_bytes();
                assert_eq!(
                    parse_compact(compact),
                    Some((accepted.identifier.clone(), Quality::Valid))
                );
                assert!(compact == text.as_bytes() || parse_compact(text.as_bytes()).is_none());
            }
        }
        assert_eq!(counts, [74, 41, 5]);
    }

    #[test]
    fn a_reason_says_where() {
        use Reason::{Scientific, WrongCharacter, WrongControlKey, WrongForm, WrongLength};
        let form = |position| Err(WrongForm { position });
        for (text, expected) in [
            ("1,84E+12", Err(Scientific)),
            ("131052-30O8", Err(WrongCharacter { position: 10 })),
            ("131052-308", Err(WrongLength { found: 10 })),
            ("", Err(WrongLength { found: 0 })),
            ("431052-308T", form(1)),
            ("321052-308T", form(2)),
            ("132052-308T", form(3)),
            ("131352-308T", form(4)),
            ("310452-308T", form(4)),
            ("300252-308T", form(4)),
            ("290253-308T", form(6)),
            ("290200-308T", form(7)),
            ("131052T308T", form(7)),
            ("131052-001T", form(10)),
            ("131052-908T", form(8)),
            ("131052-308+", form(11)),
            ("13 10 52-3082", Err(WrongControlKey { found: 2, expected: 25 })),
            (" 13 10 52-308t\n", Ok(())),
        ] {
            assert_eq!(parse(text.as_bytes()).map(|_| ()), expected, "{text}");
        }
        assert!(continues(b"290200A3080", 6) && continues(b"290204-3080", 6));
    }
}
