//! The rules of the NIR (SPEC §3.2) against the 171 spellings of `tests/data/nir`, the two files of
//! `tests/data/pair`, and their own properties.

use std::collections::BTreeMap;

use cstatns::identifier::{Accepted, Identifier, Quality, Reason, Scheme};
use proptest::prelude::*;

fn parse(text: &str) -> Result<Accepted, Reason> {
    Scheme::FrNir.parse(text.as_bytes())
}

/// The quality and canonical form, or the reason's word: what a second implementation could
/// compare.
fn verdict(text: &[u8]) -> String {
    match Scheme::FrNir.parse(text) {
        Ok(a) => format!(
            "{} {}",
            a.quality.word(),
            std::str::from_utf8(a.identifier.canonical()).unwrap()
        ),
        Err(reason) => reason.word().to_owned(),
    }
}

/// 97 − (N mod 97) by long division, apart from the library's.
fn key(canonical: &str) -> u32 {
    let digits = match &canonical[5..7] {
        "2A" => format!("{}19{}", &canonical[..5], &canonical[7..]),
        "2B" => format!("{}18{}", &canonical[..5], &canonical[7..]),
        _ => canonical.to_owned(),
    };
    97 - (digits.parse::<u64>().unwrap() % 97) as u32
}

/// What SCHEME's rules say where the validators that made the file differ, case by case.
const POLICY: &[(u64, &str, &str)] = &[
    (183, "variant/thin space U+2009", "wrong-character"),
    (201, "variant/NUL after", "wrong-character"),
    (223, "variant-corsica/NBSP U+00A0", "valid 274022A004012"),
    (243, "variant-corsica/NUL after", "wrong-character"),
    (466, "policy/sex-digit", "wrong-form"),
    (468, "policy/sex-digit", "provisional 8141021365897"),
    (470, "policy/month", "wrong-form"),
    (474, "policy/month", "wrong-form"),
    (502, "policy/13-characters-no-key", "unkeyed 1080564287471"),
    (504, "policy/13-characters-no-key", "unkeyed 1970917145287"),
    (509, "policy/13-characters-no-key", "unkeyed 2840588321025"),
];

/// The reasons that a category of refused spellings may give.
fn expected_reasons(category: &str, id: u64) -> &'static [&'static str] {
    match (category, id) {
        ("invalid/adjacent-swapped" | "invalid/one-digit-changed", _) => {
            &["wrong-form", "wrong-control-key"]
        }
        ("invalid/key-off" | "invalid/key-reversed", _) => &["wrong-control-key"],
        ("invalid/key-00" | "invalid/key-98" | "invalid/key-99", _) => &["wrong-control-key"],
        ("invalid/corsica-letter-dropped" | "invalid/corsica-A-for-B", _) => &["wrong-control-key"],
        ("invalid/length" | "policy/14-one-digit-key", _) => &["wrong-length"],
        // An A or a B out of its place; all other letters are wrong anywhere.
        ("invalid/letter", _) | ("invalid/department-letters", 401 | 403) => &["wrong-form"],
        // 999999999999999, 123456789012345, and a number of another register, which begins with 6.
        ("invalid-or-policy/filler", 452) | ("invalid-or-policy/other-identifiers", 514) => {
            &["wrong-form"]
        }
        ("invalid-or-policy/filler", 453) => &["wrong-control-key"],
        _ => &["wrong-character"],
    }
}

#[test]
fn the_spellings_of_the_data_file() {
    let text = include_str!("../data/nir/fr_nir_dev.json");
    let file: serde_json::Value = serde_json::from_str(text).unwrap();
    let mut ran = BTreeMap::new();
    for case in file["cases"].as_array().unwrap() {
        let (id, category) = (case["id"].as_u64().unwrap(), case["category"].as_str().unwrap());
        let expected = case["expected"].as_str().unwrap();
        *ran.entry(expected).or_insert(0) += 1;
        let got = verdict(case["input"].as_str().unwrap().as_bytes());
        match expected {
            "valid" => {
                let keyed = case["python_stdnum"]["canonical"].as_str().unwrap();
                assert_eq!(got, format!("valid {}", &keyed[..13]), "case {id}, {category}");
            }
            "invalid" => {
                let reasons = expected_reasons(category, id);
                assert!(reasons.contains(&got.as_str()), "case {id}, {category}: {got}");
            }
            "policy" => {
                let (_, _, settled) = POLICY.iter().find(|p| (p.0, p.1) == (id, category)).unwrap();
                assert_eq!(got, *settled, "case {id}, {category}");
            }
            other => panic!("case {id}: {other}"),
        }
    }
    assert_eq!(ran, BTreeMap::from([("invalid", 82), ("policy", POLICY.len()), ("valid", 78)]));
}

#[test]
fn the_pair_of_files_joins_as_its_truth_says() {
    fn read(
        file: &str,
        truth: &str,
    ) -> (usize, BTreeMap<Identifier, usize>, BTreeMap<String, Identifier>) {
        let (mut refused, mut rows, mut persons) = (0, BTreeMap::new(), BTreeMap::new());
        for (row, person) in file.lines().zip(truth.lines()).skip(1) {
            let (text, _) = row.split_once(',').unwrap();
            let (_, person) = person.split_once(',').unwrap();
            match parse(text) {
                Ok(accepted) => {
                    *rows.entry(accepted.identifier.clone()).or_insert(0) += 1;
                    let known = persons.insert(person.to_owned(), accepted.identifier.clone());
                    assert!(known.is_none_or(|known| known == accepted.identifier), "{person}");
                }
                Err(_) => {
                    assert_eq!(person, "", "a good row is refused");
                    refused += 1;
                }
            }
        }
        assert_eq!(rows.len(), persons.len(), "two people have become one");
        (refused, rows, persons)
    }
    let truth: serde_json::Value =
        serde_json::from_str(include_str!("../data/pair/truth.json")).unwrap();
    let truth = |name: &str| truth.pointer(name).unwrap().as_u64().unwrap() as usize;
    let (refused, hospital, persons) = read(
        include_str!("../data/pair/hospital.csv"),
        include_str!("../data/pair/hospital_truth.csv"),
    );
    assert_eq!(
        (refused, persons.len()),
        (truth("/hospital/rejected_rows"), truth("/hospital/persons"))
    );
    let (refused, wages, persons) =
        read(include_str!("../data/pair/wages.csv"), include_str!("../data/pair/wages_truth.csv"));
    assert_eq!((refused, persons.len()), (truth("/wages/rejected_rows"), truth("/wages/persons")));
    let both: Vec<_> = hospital.iter().filter_map(|(id, n)| Some(n * wages.get(id)?)).collect();
    assert_eq!((both.len(), both.iter().sum()), (truth("/persons_in_both"), truth("/row_pairs")));
}

#[test]
fn corsican_twins_stay_two_people() {
    let (letter, figures) = (parse("284052A32102552").unwrap(), parse("284051932102552").unwrap());
    assert_eq!(letter.identifier.canonical(), b"284052A321025");
    assert_eq!(figures.identifier.canonical(), b"2840519321025");
    assert_ne!(letter.identifier, figures.identifier);
    assert_eq!((letter.quality, figures.quality), (Quality::Valid, Quality::Valid));
    // Another key is refused for each, and the substitution is made nowhere but in positions 6 and
    // 7.
    for text in ["284052A32102560", "284051932102560"] {
        assert_eq!(parse(text), Err(Reason::WrongControlKey { found: 60, expected: 52 }));
    }
    assert_eq!(parse("28405882A102532"), Err(Reason::WrongForm { position: 9 }));
}

#[test]
fn the_months_the_classes_and_the_departments() {
    for month in 0..100 {
        let text = format!("184{month:02}75116001");
        let accepted = matches!(month, 1..=12 | 20..=99);
        assert_eq!(parse(&text).is_ok(), accepted, "{text}");
    }
    for class in 0..10 {
        let text = format!("{class}840575116001");
        let expected = match class {
            1 | 2 => Ok(Quality::Unkeyed),
            3 | 4 | 7 | 8 => Ok(Quality::Provisional),
            _ => Err(Reason::WrongForm { position: 1 }),
        };
        assert_eq!(parse(&text).map(|a| a.quality), expected, "{text}");
        if expected == Ok(Quality::Provisional) {
            let keyed = format!("{text}{:02}", key(&text));
            assert_eq!(parse(&keyed).map(|a| a.quality), expected, "{keyed}");
        }
    }
    for department in ["1A", "AA", "A2", "BB", "3B"] {
        let position = if department.starts_with(['A', 'B']) { 6 } else { 7 };
        assert_eq!(parse(&format!("18405{department}116001")), Err(Reason::WrongForm { position }));
    }
    for department in ["00", "20", "2A", "2a", "2B", "2b", "75", "96", "97", "99"] {
        assert!(parse(&format!("18405{department}116001")).is_ok());
    }
}

#[test]
fn reasons_come_in_the_documented_order() {
    use Reason::*;
    for (text, reason) in [
        // Scientific notation, as spreadsheets and programs write it.
        ("1,84E+12", Scientific),
        ("1.84E+12", Scientific),
        (" 1,85057800608491E+14 ", Scientific),
        ("1.84e12", Scientific),
        ("2E+14", Scientific),
        // A letter typed among the digits is not an exponent.
        ("186122E00402127", WrongCharacter { position: 7 }),
        ("1,84E", WrongCharacter { position: 2 }),
        ("E+12", WrongCharacter { position: 1 }),
        // The character is named before the length, the length before the form, the form before the
        // key.
        ("1-84", WrongCharacter { position: 2 }),
        ("99", WrongLength { found: 2 }),
        ("0 0 0", WrongLength { found: 3 }),
        ("", WrongLength { found: 0 }),
        (" \u{a0}\t", WrongLength { found: 0 }),
        ("000000000000000", WrongForm { position: 1 }),
        ("0000000000000", WrongForm { position: 1 }),
        ("  2 84 13 75 116 001 99", WrongForm { position: 9 }),
        ("2840588321025A2", WrongForm { position: 14 }),
        ("284058832102500", WrongControlKey { found: 0, expected: 32 }),
        ("284058832102598", WrongControlKey { found: 98, expected: 32 }),
        // White space other than spaces only at the ends; the first character that is wrong is
        // named.
        ("2840588\t32102532", WrongCharacter { position: 8 }),
        ("2840588\t\t 3x102532", WrongCharacter { position: 8 }),
        ("2840588 3x102532", WrongCharacter { position: 10 }),
        ("284058832102532\u{200b}", WrongCharacter { position: 16 }),
        ("\u{feff}284058832102532", WrongCharacter { position: 1 }),
        ("2\u{a0}84\u{202f}05é", WrongCharacter { position: 8 }),
    ] {
        assert_eq!(parse(text).unwrap_err(), reason, "{text:?}");
    }
    assert_eq!(verdict(b"\t\r\n284058832102532\x0b\x0c\r\n"), "valid 2840588321025");
    assert_eq!(Scheme::FrNir.parse(b"2\xc2\xa084\xff"), Err(WrongCharacter { position: 5 }));
    // A no-break space of Windows-1252 is not UTF-8.
    assert_eq!(Scheme::FrNir.parse(b"2\xa084"), Err(WrongCharacter { position: 2 }));
    let megabyte = "1".repeat(1 << 20);
    assert_eq!(parse(&megabyte), Err(WrongLength { found: 1 << 20 }));
    assert_eq!(parse("284052A32102560").unwrap_err().to_string(), "key 60, expected 52");
}

#[test]
fn nothing_prints_an_identifier() {
    let accepted = parse("284052A32102552").unwrap();
    assert_eq!(format!("{:?}", accepted.identifier), "Identifier(fr-nir)");
    assert_eq!(
        format!("{accepted:?}"),
        "Accepted { identifier: Identifier(fr-nir), quality: Valid, .. }"
    );
}

#[test]
fn wiping_leaves_nothing() {
    use zeroize::Zeroize;
    let mut accepted = parse("284052A32102552").unwrap();
    accepted.zeroize();
    assert_eq!((accepted.identifier.canonical(), accepted.compact()), (&b""[..], ""));
}

/// Any canonical form that the grammar allows.
fn canonical() -> impl Strategy<Value = String> {
    "[123478][0-9]{2}(0[1-9]|1[0-2]|[2-9][0-9])([0-9]{2}|2A|2B)[0-9]{6}"
}

/// A spelling of `compact`: ignored characters around and inside, and letters in either case.
fn spelling(compact: String) -> impl Strategy<Value = String> {
    let count = compact.chars().count();
    let around = "[ \t\r\n\u{b}\u{c}\u{a0}\u{202f}]{0,3}";
    let inside = proptest::collection::vec(("[ \u{a0}\u{202f}]{0,2}", any::<bool>()), count);
    (around, inside, around).prop_map(move |(before, inside, after)| {
        let mut text = before;
        for (i, (c, (spaces, lower))) in compact.chars().zip(inside).enumerate() {
            if i > 0 {
                text += &spaces;
            }
            text.push(if lower { c.to_ascii_lowercase() } else { c });
        }
        text + &after
    })
}

fn keyed_and_spelt() -> impl Strategy<Value = (String, bool, String)> {
    (canonical(), any::<bool>()).prop_flat_map(|(canonical, with_key)| {
        let compact =
            if with_key { format!("{canonical}{:02}", key(&canonical)) } else { canonical.clone() };
        (Just(canonical), Just(with_key), spelling(compact))
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn every_spelling_gives_the_canonical_form((canonical, with_key, text) in keyed_and_spelt()) {
        let accepted = parse(&text).unwrap();
        prop_assert_eq!(accepted.identifier.canonical(), canonical.as_bytes());
        prop_assert_eq!(accepted.identifier.scheme(), Scheme::FrNir);
        let quality = match (&canonical[..1], with_key) {
            ("1" | "2", true) => Quality::Valid,
            ("1" | "2", false) => Quality::Unkeyed,
            _ => Quality::Provisional,
        };
        prop_assert_eq!(accepted.quality, quality);
        // What travels in a request is read as the same again.
        prop_assert_eq!(accepted.compact().len(), if with_key { 15 } else { 13 });
        prop_assert_eq!(parse(accepted.compact()).unwrap(), accepted);
    }

    #[test]
    fn distinct_forms_stay_distinct(form in canonical()) {
        let identifier = parse(&form).unwrap().identifier;
        for i in 0..form.len() {
            for character in "0123456789AB".chars() {
                let mut other = form.clone();
                other.replace_range(i..=i, character.encode_utf8(&mut [0; 4]));
                if let Ok(accepted) = parse(&other) {
                    prop_assert_eq!(accepted.identifier == identifier, other == form);
                    prop_assert_eq!(accepted.identifier.cmp(&identifier), other.cmp(&form));
                }
            }
        }
    }

    #[test]
    fn the_key_sees_every_single_digit_error(canonical in canonical()) {
        let right = format!("{canonical}{:02}", key(&canonical));
        for i in 0..right.len() {
            for digit in '0'..='9' {
                let mut wrong = right.clone();
                wrong.replace_range(i..=i, digit.encode_utf8(&mut [0; 4]));
                if wrong == right {
                    continue;
                }
                prop_assert!(matches!(
                    parse(&wrong),
                    Err(Reason::WrongControlKey { .. } | Reason::WrongForm { .. })
                ), "position {}", i + 1);
            }
        }
    }

    #[test]
    fn a_corsican_letter_that_is_lost_is_seen(canonical in "[12][0-9]{2}0[1-9]2[AB][0-9]{6}") {
        let digits: String = canonical.chars().filter(char::is_ascii_digit).collect();
        prop_assert_eq!(parse(&digits), Err(Reason::WrongLength { found: 12 }));
        let keyed = format!("{digits}{:02}", key(&canonical));
        prop_assert_eq!(parse(&keyed), Err(Reason::WrongLength { found: 14 }));
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
        let _ = Scheme::FrNir.parse(&bytes);
    }

    #[test]
    fn what_is_accepted_holds_nothing_but_its_characters(text in "[0-9ABab \
        \t.,E+\u{a0}\u{202f}]{0,24}") {
        // Near misses: whatever is accepted, removing the ignored characters gives the compact
        // form.
        if let Ok(accepted) = parse(&text) {
            let kept: String = text.chars().filter(char::is_ascii_alphanumeric).collect();
            prop_assert_eq!(accepted.compact(), kept.to_ascii_uppercase());
        }
    }
}
