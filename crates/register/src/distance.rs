//! How near two names are: letters, and how they sound in French.

use cstatns_base::civil_status::normalise::{same, solid};
use strsim::{jaro_winkler, osa_distance};
use zeroize::Zeroizing;

/// How near two names are.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Nearness {
    /// The same but for spaces and hyphens.
    Same,
    /// One letter wrong, missing, too many or exchanged with the next, in a name of at least four;
    /// or of one sound.
    Close,
    /// Two such errors in a name of at least six, or one in a short one; or much the same
    /// beginning.
    Similar,
    /// None of these.
    Far,
}

/// Above which Jaro–Winkler similarity two names of at least six letters are similar.
const MUCH_ALIKE: f64 = 0.92;

pub(crate) fn nearness(a: &str, b: &str) -> Nearness {
    if a.is_empty() || b.is_empty() {
        return Nearness::Far;
    }
    if same(a, b) {
        return Nearness::Same;
    }
    let (a, b) = (Solid::of(a), Solid::of(b));
    let (a, b) = (a.text(), b.text());
    let (of_a, of_b) = (a.chars().count(), b.chars().count());
    let least = of_a.min(of_b);
    // The most errors that are told from others; each changes the length by one letter at most.
    let most = if least >= 6 { 3 } else { 1 };
    let distance = if of_a.abs_diff(of_b) > most { usize::MAX } else { osa_distance(a, b) };
    match distance {
        0 => Nearness::Same,
        1 if least >= 4 => Nearness::Close,
        _ if least >= 3 && sound(a).is(&sound(b)) => Nearness::Close,
        1 if least >= 2 => Nearness::Similar,
        2 if least >= 6 => Nearness::Similar,
        _ if least >= 6 && distance <= 3 && jaro_winkler(a, b) >= MUCH_ALIKE => Nearness::Similar,
        _ => Nearness::Far,
    }
}

/// A name without spaces and hyphens; copied only if it has any, and then wiped.
enum Solid<'a> {
    As(&'a str),
    Copy(Zeroizing<String>),
}

impl<'a> Solid<'a> {
    fn of(name: &'a str) -> Self {
        if !name.contains([' ', '-']) {
            return Self::As(name);
        }
        let mut copy = Zeroizing::new(String::with_capacity(name.len()));
        copy.extend(name.chars().filter(|c| !matches!(c, ' ' | '-')));
        debug_assert!(copy.bytes().eq(solid(name)));
        Self::Copy(copy)
    }

    fn text(&self) -> &str {
        match self {
            Self::As(name) => name,
            Self::Copy(name) => name,
        }
    }
}

/// How a name sounds, roughly: names that a French clerk may write for one another have one sound.
struct Sound(Zeroizing<[u8; Sound::LONGEST]>, usize);

impl Sound {
    /// Beyond it a name does not count.
    const LONGEST: usize = 32;

    fn is(&self, other: &Self) -> bool {
        self.1 >= 2 && self.0[..self.1] == other.0[..other.1]
    }

    /// A letter as it sounds; twice the same is once.
    fn push(&mut self, letter: u8) {
        if self.1 < Self::LONGEST && (self.1 == 0 || self.0[self.1 - 1] != letter) {
            self.0[self.1] = letter;
            self.1 += 1;
        }
    }
}

/// Letters and groups of letters by their sound: PH is F; C, QU, CK are K, or S before E, I, Y; Z
/// and Ç are S; EAU, AU are O; AI, EI, ER, EZ at the end are E; Y is I; H is not heard, and the
/// last consonants D, P, S, T, X, Z and a last E are not either. A name with other letters than A–Z
/// has no sound.
fn sound(name: &str) -> Sound {
    let mut sound = Sound(Zeroizing::new([0; Sound::LONGEST]), 0);
    if !name.bytes().all(|byte| byte.is_ascii_uppercase()) {
        return sound;
    }
    let mute = |c: char| matches!(c, 'D' | 'P' | 'S' | 'T' | 'X' | 'Z' | 'E');
    let mut rest = match name.trim_end_matches(mute) {
        heard if heard.len() >= 2 => heard.as_bytes(),
        _ => name.as_bytes(),
    };
    while let Some((&letter, after)) = rest.split_first() {
        let (letters, used): (&[u8], usize) = match rest {
            [b'E', b'A', b'U', ..] => (b"O", 3),
            [b'A', b'U', ..] => (b"O", 2),
            [b'A' | b'E', b'I' | b'Y', ..] => (b"E", 2),
            [b'P', b'H', ..] => (b"F", 2),
            [b'C', b'H', ..] | [b'S', b'C', b'H', ..] => (b"X", if letter == b'S' { 3 } else { 2 }),
            [b'Q', b'U', ..] | [b'C', b'K', ..] => (b"K", 2),
            [b'C', b'E' | b'I' | b'Y', ..] => (b"S", 1),
            [b'C' | b'Q', ..] => (b"K", 1),
            [b'G', b'E' | b'I' | b'Y', ..] => (b"J", 1),
            [b'Z', ..] => (b"S", 1),
            [b'Y', ..] => (b"I", 1),
            [b'H', ..] => (b"", 1),
            [b'M', b'B' | b'P', ..] => (b"N", 1),
            _ => (std::slice::from_ref(&letter), 1),
        };
        letters.iter().for_each(|letter| sound.push(*letter));
        rest = &rest[used..];
        debug_assert!(rest.len() <= after.len());
    }
    sound
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::Nearness::{Close, Far, Same, Similar};
    use super::*;

    #[test]
    fn letters_that_are_wrong() {
        for (a, b, expected) in [
            ("LE PROVOST", "LEPROVOST", Same),
            ("BRIVELOT", "BRIVELOTT", Close),
            ("BRIVELOT", "BRVIELOT", Close),
            ("BRIVELOT", "BRAVELOT", Close),
            ("BRIV", "BRIX", Close),
            ("LEA", "LEO", Similar),
            ("BRIVELOT", "BRAVELAT", Similar),
            ("BRIVEL", "TRAVEL", Similar),
            ("BRIVE", "TRAVE", Far),
            ("MARTIN", "BERNARD", Far),
            ("", "MARTIN", Far),
            ("X", "Y", Far),
            ("ÄÖÜŞ", "ÄÖÜS", Close),
        ] {
            assert_eq!(nearness(a, b), expected, "{a} {b}");
            assert_eq!(nearness(b, a), expected, "{b} {a}");
        }
    }

    #[test]
    fn sounds() {
        for (a, b) in [
            ("PHILIPPEAU", "FILIPPO"),
            ("QUERCY", "KERSI"),
            ("THIBAULD", "TIBAULT"),
            ("RENAUD", "RENAULD"),
            ("MAYRAND", "MEIRANT"),
            ("CHAMPOT", "CHANPOS"),
        ] {
            assert_eq!(
                nearness(a, b) <= Similar,
                a != "RENAUD" || nearness(a, b) == Close,
                "{a} {b}"
            );
        }
        assert!(sound("QUERCY").is(&sound("KERSI")) && sound("PHILIPPEAU").is(&sound("FILIPPO")));
        assert!(!sound("QUERCY").is(&sound("QUERCI N")) && !sound("ÉLAN").is(&sound("ÉLAN")));
        assert!(!sound("DUPONT").is(&sound("DURAND")) && !sound("PETIT").is(&sound("PELTIER")));
    }

    proptest! {
        #[test]
        fn no_text_is_too_strange(a in "\\PC{0,80}", b in "[A-Z -]{0,80}") {
            prop_assert_eq!(nearness(&a, &b), nearness(&b, &a));
            prop_assert!(nearness(&b, &b) <= Far);
        }
    }
}
