//! Changes to genuine JSON, as an attacker or an accident would make them.

#![allow(dead_code, unreachable_pub, reason = "each test uses some of it")]

use std::ops::Range;

use proptest::prelude::*;
use proptest::sample::Index;

/// A change; places are chosen among those that the text has.
#[derive(Clone, Debug)]
pub enum Change {
    /// Another byte.
    Byte(Index, u8),
    /// Another number.
    Number(Index, &'static str),
    /// A member of an object once more.
    Twice(Index),
    /// A member with a name that the form does not have.
    Unknown(Index),
    /// Two neighbouring members the other way round.
    Order(Index),
    /// No more than the beginning.
    Cut(Index),
}

/// Numbers at the edges of what is read, and other spellings.
const NUMBERS: [&str; 12] = [
    "0",
    "9007199254740991",
    "9007199254740992",
    "9007199254740993",
    "18446744073709551615",
    "-1",
    "-0",
    "1e3",
    "1.0",
    "01",
    "18446744073709551616",
    "1E400",
];

/// Any change.
pub fn change() -> impl Strategy<Value = Change> {
    let at = any::<Index>;
    prop_oneof![
        4 => (at(), any::<u8>()).prop_map(|(at, byte)| Change::Byte(at, byte)),
        4 => (at(), proptest::sample::select(&NUMBERS[..])).prop_map(|(at, number)| Change::Number(at, number)),
        1 => at().prop_map(Change::Twice),
        1 => at().prop_map(Change::Unknown),
        1 => at().prop_map(Change::Order),
        1 => at().prop_map(Change::Cut),
    ]
}

impl Change {
    /// The text with the change; as it is where it has no such place.
    pub fn of(&self, text: &str) -> Vec<u8> {
        let mut places = Places::default();
        places.value(text.as_bytes(), 0);
        let Places { numbers, objects } = places;
        let member = |at: &Index, least: usize| {
            let objects: Vec<_> = objects.iter().filter(|members| members.len() >= least).collect();
            (!objects.is_empty()).then(|| *at.get(&objects))
        };
        let mut bytes = text.as_bytes().to_vec();
        match self {
            Self::Byte(at, byte) => bytes[at.index(text.len())] = *byte,
            Self::Number(at, number) if !numbers.is_empty() => {
                bytes.splice(at.get(&numbers).clone(), number.bytes());
            }
            Self::Twice(at) => {
                if let Some(members) = member(at, 1) {
                    let again = format!("{},", &text[at.get(members).clone()]);
                    let begin = members[0].start;
                    bytes.splice(begin..begin, again.bytes());
                }
            }
            Self::Unknown(at) => {
                if let Some(members) = member(at, 1) {
                    let end = members[members.len() - 1].end;
                    // No member whose name is free, such as a word of `quality`, has such a value.
                    bytes.splice(end..end, *b",\"zz\":[]");
                }
            }
            Self::Order(at) => {
                if let Some(members) = member(at, 2) {
                    let first = at.index(members.len() - 1);
                    let (one, two) = (members[first].clone(), members[first + 1].clone());
                    let turned = format!("{},{}", &text[two.clone()], &text[one.clone()]);
                    bytes.splice(one.start..two.end, turned.bytes());
                }
            }
            Self::Cut(at) => bytes.truncate(at.index(text.trim_end().len())),
            Self::Number(..) => {}
        }
        bytes
    }
}

/// Where the numbers and the members of objects stand in compact JSON.
#[derive(Default)]
struct Places {
    numbers: Vec<Range<usize>>,
    objects: Vec<Vec<Range<usize>>>,
}

impl Places {
    /// Goes through the value at `at` and returns its end.
    fn value(&mut self, text: &[u8], at: usize) -> usize {
        match text[at] {
            b'{' => {
                let (mut members, mut at) = (Vec::new(), at + 1);
                while text[at] != b'}' {
                    let begin = at;
                    let name = string(text, at);
                    at = self.value(text, name + 1);
                    members.push(begin..at);
                    at += usize::from(text[at] == b',');
                }
                self.objects.push(members);
                at + 1
            }
            b'[' => {
                let mut at = at + 1;
                while text[at] != b']' {
                    at = self.value(text, at);
                    at += usize::from(text[at] == b',');
                }
                at + 1
            }
            b'"' => string(text, at),
            first => {
                let end = at
                    + text[at..]
                        .iter()
                        .position(|byte| b",]}\n".contains(byte))
                        .unwrap_or(text.len() - at);
                if first == b'-' || first.is_ascii_digit() {
                    self.numbers.push(at..end);
                }
                end
            }
        }
    }
}

/// The end of the string that begins at `at`.
fn string(text: &[u8], at: usize) -> usize {
    let mut at = at + 1;
    while text[at] != b'"' {
        at += if text[at] == b'\\' { 2 } else { 1 };
    }
    at + 1
}
