//! Normal forms: two spellings of one name, date, sex or code of a place have the same.

use unicode_normalization::UnicodeNormalization;
use zeroize::Zeroizing;

use crate::years::Years;

/// The longest normal form, in bytes. Its buffer is allocated at this size, since one that grows leaves copies behind.
pub(crate) const LONGEST: usize = 255;

/// The longest text that is looked at, in bytes.
const LONGEST_TEXT: usize = 4 * LONGEST;

/// Text longer than any name.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct TooLong;

/// A name of a person or a place in capitals without accents: letters and digits, and one space wherever anything else
/// stands between them.
///
/// Compatible forms are unfolded first (NFKD: composed letters, ligatures, wide forms), and ß, œ, æ, ø, ł, đ are spelled
/// out. Marks that show nothing (direction, joining, soft hyphens) are dropped. Other scripts keep their letters.
pub(crate) fn name(text: &str) -> Result<Zeroizing<String>, TooLong> {
    fold(text, false)
}

/// As [`name`], but a hyphen stays: it tells a compound first name from two.
pub(crate) fn first_names(text: &str) -> Result<Zeroizing<String>, TooLong> {
    fold(text, true)
}

/// The name of a place: as [`name`], and ST and STE spelled out, as which postal rules write *saint* and *sainte*.
pub(crate) fn place_name(text: &str) -> Result<Zeroizing<String>, TooLong> {
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
pub(crate) fn same(a: &str, b: &str) -> bool {
    solid(a).eq(solid(b))
}

/// The bytes of a normal form without its spaces and hyphens: LE PROVOST is LEPROVOST.
pub(crate) fn solid(form: &str) -> impl Iterator<Item = u8> {
    form.bytes().filter(|byte| !matches!(byte, b' ' | b'-'))
}

/// What stands before a family name and is often left out.
const PARTICLES: [&str; 23] = [
    "D", "DA", "DAS", "DE", "DEL", "DELLA", "DEN", "DER", "DES", "DI", "DO", "DOS", "DU", "EL", "L", "LA",
    "LE", "LES", "VAN", "VOM", "VON", "ZU", "ZUR",
];

/// A family name without the particles before it; one that is nothing else keeps the last.
pub(crate) fn without_particles(name: &str) -> &str {
    without_first(name, &PARTICLES)
}

const TITLES: [&str; 8] = ["DOCTEUR", "DR", "MADAME", "MADEMOISELLE", "MLLE", "MME", "MONSIEUR", "MR"];

/// What stands between the name given at birth and the name of a husband or wife, in this order.
const MARRIED: [&str; 4] = ["EPOUSE", "EPSE", "VEUVE", "VVE"];

/// The reverse: the name given at birth follows.
const BORN: &str = "NEE";

/// A column of names that holds more than a name: the name given at birth, and the other one.
///
/// A name that is one of these words itself also has to be read as it stands, which is the caller's business.
pub(crate) fn read_name(name: &str) -> (&str, &str) {
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

/// A date as year · 10,000 + month · 100 + day, each part zero where it is unknown. Zero: nothing is known.
///
/// YYYY-MM-DD, DD/MM/YYYY (with any of `-`, `/`, `.`), YYYYMMDD, YYYY-MM, MM/YYYY, YYYY; unknown parts are zeros or empty.
/// The calendar is not asked whether the day exists: registers hold a 30 February. The year is one of `years`, so that most
/// numbers of days are no dates; negative and decimal numbers are none either.
pub(crate) fn date(text: &str, years: Years) -> Option<u32> {
    let text = text.trim();
    if text.is_empty() {
        return Some(0);
    }
    if text.len() > 10 || !text.is_ascii() {
        return None;
    }
    let mut parts = text.split(['-', '/', '.']);
    let parts = [parts.next(), parts.next(), parts.next(), parts.next()];
    // -1975, 1975.5 and .1975 are numbers; 1975.0 is the year, as software writes it that has no whole numbers.
    if let [Some(first), Some(second), None, _] = parts {
        let is_number = match text.as_bytes()[first.len()] {
            b'-' => first.is_empty(),
            b'.' if first.len() == 4 => second.len() == 1 && second != "0",
            b'.' => first.len() < 2,
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
        let digits = text.len() <= 2 && text.bytes().all(|byte| byte.is_ascii_digit());
        let number = if text.is_empty() { 0 } else { text.parse().ok()? };
        (digits && number <= most).then_some(number)
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

/// Whether a number can be what [`date`] gives, or gave at another time.
pub(crate) fn is_date(number: u32) -> bool {
    let is_year = number == 0 || (Years::FIRST..=9999).contains(&(number / 10_000));
    is_year && number / 100 % 100 <= 12 && number % 100 <= 31
}

/// Whether the day or the month of a date is unknown.
pub(crate) fn is_partial(date: u32) -> bool {
    date.is_multiple_of(100) || (date / 100).is_multiple_of(100)
}

/// The sex.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sex {
    Unknown = 0,
    Male = 1,
    Female = 2,
}

pub(crate) fn sex(text: &str) -> Option<Sex> {
    match text.trim() {
        "" => Some(Sex::Unknown),
        "1" | "M" | "m" | "H" | "h" => Some(Sex::Male),
        "2" | "F" | "f" => Some(Sex::Female),
        _ => None,
    }
}

/// A code of a commune or country of birth: five characters.
///
/// A zero that a spreadsheet took away is put back. Corsica is 20 again, as it was until 1976: its communes kept their
/// numbers, none of which is in both departments.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct PlaceCode(pub(crate) [u8; 5]);

impl PlaceCode {
    /// Outer `None`: the text is no code. Inner `None`: it is empty.
    #[expect(clippy::option_option, reason = "no text and no code are two answers")]
    pub(crate) fn read(text: &str) -> Option<Option<Self>> {
        let text = text.trim().as_bytes();
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
        code.iter().all(u8::is_ascii_digit).then_some(Some(Self(code)))
    }

    /// The commune of which this is a borough (*arrondissement*: Paris, Lyon, Marseille), or the place itself.
    pub(crate) fn city(self) -> Self {
        Self(match &self.0 {
            [b'7', b'5', b'1', b'0'..=b'2', _] => *b"75056",
            [b'6', b'9', b'3', b'8', b'1'..=b'9'] => *b"69123",
            [b'1', b'3', b'2', b'0' | b'1', _] => *b"13055",
            code => *code,
        })
    }

    /// Of a country, not of a commune: the name of the place then says more.
    pub(crate) fn is_abroad(self) -> bool {
        self.0.starts_with(b"99")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::years::years_of;

    fn named(text: &str) -> String {
        name(text).unwrap().to_string()
    }

    #[test]
    fn spellings_of_one_name_are_one() {
        for text in ["L'Hermitte", "l\u{2019}hermitte", "L HERMITTE", " L\u{2bc}Hermitte\u{a0}", "L-Hermitte"]
        {
            assert_eq!(named(text), "L HERMITTE");
        }
        assert_eq!(named("He\u{301}lo\u{308}ïse"), "HELOISE");
        assert_eq!(
            named("Œuvray Lætitia Weiß GROẞ Þor Łódź Đặng ŞAHİN ışık"),
            "OEUVRAY LAETITIA WEISS GROSS THOR LODZ DANG SAHIN ISIK"
        );
        assert_eq!(named("Jean\u{200f}ne\u{202e} \u{feff}\u{ff21}\u{fb01}"), "JEANNE AFI");
        assert_eq!(named("--- '"), "");
        assert_eq!(named("محمد 7"), "محمد 7");
        assert!(
            same("LE PROVOST", "LEPROVOST") && same("JEAN-PIERRE", "JEAN PIERRE") && !same("LEROI", "LEROY")
        );
    }

    #[test]
    fn saints_of_places_are_spelled_out() {
        assert_eq!(*place_name("St-Denis / Ste. Foy l'Est").unwrap(), "SAINT DENIS SAINTE FOY L EST");
        assert_eq!(*place_name("").unwrap(), "");
        assert_eq!(place_name(&"St-".repeat(84)), Err(TooLong));
    }

    #[test]
    fn a_hyphen_tells_a_compound_first_name_from_two() {
        let form = |text| first_names(text).unwrap().to_string();
        assert_eq!(form("Pierre-François, Michel,  Baptiste"), "PIERRE-FRANCOIS MICHEL BAPTISTE");
        assert_eq!(form("Marie \u{2011} Claire Anne"), "MARIE-CLAIRE ANNE");
        assert_eq!(form("-Anne-"), "ANNE");
    }

    #[test]
    fn long_texts_are_refused_and_the_buffer_never_grows() {
        assert_eq!(name(&"A".repeat(LONGEST)).unwrap().capacity(), LONGEST);
        assert_eq!(name(&"A".repeat(LONGEST + 1)), Err(TooLong));
        assert_eq!(name(&"é".repeat(LONGEST)).unwrap().capacity(), LONGEST);
        // One character that is unfolded into 18.
        assert_eq!(name(&"\u{fdfa}".repeat(80)), Err(TooLong));
        assert_eq!(name(&" ".repeat(10_000)), Err(TooLong));
    }

    #[test]
    fn particles_and_titles() {
        assert_eq!(without_particles("DE LA PONCET"), "PONCET");
        assert_eq!(without_particles("LE"), "LE");
        assert_eq!(without_particles("DU BERGER DE"), "BERGER DE");
        assert_eq!(read_name("MME SAGET EPOUSE DE HUET"), ("SAGET", "DE HUET"));
        assert_eq!(read_name("HUET NEE SAGET"), ("SAGET", "HUET"));
        assert_eq!(read_name("VEUVE HUET"), ("", "HUET"));
        assert_eq!(read_name("VEUVE"), ("VEUVE", ""));
        assert_eq!(read_name("MME"), ("MME", ""));
    }

    #[test]
    fn dates() {
        let years = years_of("2026-11-28T00:00:00Z");
        for text in ["1950-02-03", "03/02/1950", "19500203", " 3.2.1950 ", "03-02-1950"] {
            assert_eq!(date(text, years), Some(19_500_203), "{text}");
        }
        for text in ["1950-02-00", "1950-02", "02/1950", "19500200", "1950-02-", "00/02/1950"] {
            assert_eq!(date(text, years), Some(19_500_200), "{text}");
        }
        for text in ["1950", "1950-00-00", "1950--", "//1950", "/1950", "19500000", "1950.0", "1950."] {
            assert_eq!(date(text, years), Some(19_500_000), "{text}");
        }
        for text in ["", " ", "0000-00-00", "00000000", "0000-05-06"] {
            assert_eq!(date(text, years), Some(0), "{text}");
        }
        for text in [
            "1950-13-45",
            "1950-02-32",
            "50-02-03",
            "03/02/50",
            "1950-2-003",
            "1950-02-03T",
            "195002",
            "+950-02-03",
            "1950-+2-03",
            "١٩٥٠",
            "0-0-0-0",
            "-",
            "1950/02/03/",
            "1950-02-03 00:00:00",
            "1950-00-00-00",
            // Numbers.
            "-1950",
            "1950.5",
            "5.1950",
            ".1950",
            "1.95e3",
        ] {
            assert_eq!(date(text, years), None, "{text}");
        }
    }

    /// A year in every form that has one.
    fn forms(year: u32) -> impl Iterator<Item = (u32, String)> {
        let forms = [
            (0, "{}"),
            (0, "{}.0"),
            (0, "{}-00-00"),
            (0, "{}0000"),
            (0, "//{}"),
            (200, "{}-02"),
            (200, "{}.02"),
            (200, "2/{}"),
            (200, "02.{}"),
            (200, "{}0200"),
            (203, "{}-02-03"),
            (203, "{}/2/3"),
            (203, "03/02/{}"),
            (203, "3.2.{}"),
            (203, "3-2-{}"),
            (203, "{}0203"),
        ];
        forms.into_iter().map(move |(rest, form)| (rest, form.replace("{}", &format!("{year:04}"))))
    }

    #[test]
    fn a_year_is_one_from_1800_to_next_year_in_every_form() {
        for (now, last) in
            [("2026-01-01T00:00:00Z", 2027), ("2026-12-31T23:59:59Z", 2027), ("2027-01-01T00:00:00Z", 2028)]
        {
            let years = years_of(now);
            for year in 1..10_000 {
                for (rest, text) in forms(year) {
                    let expected = (1800..=last).contains(&year).then_some(10_000 * year + rest);
                    assert_eq!(date(&text, years), expected, "{text} at {now}");
                    assert!(expected.is_none_or(is_date), "{text}");
                }
            }
        }
        assert!(
            is_date(0)
                && is_date(99_991_231)
                && !is_date(17_991_231)
                && !is_date(100_000_000)
                && !is_date(512)
        );
    }

    /// Days since 1960 (SAS, Stata), since 1970 (R) and since 1900 (Excel), and seconds since 1960, of everybody born from 1900
    /// on: what is read is of four digits and looks like a year, or of eight and looks like a whole date.
    #[test]
    fn numbers_of_days_and_seconds_are_no_dates_but_where_they_look_like_one() {
        let years = years_of("2026-11-28T00:00:00Z");
        let mut read = [0; 4];
        for day in -21_915_i64..24_400 {
            let numbers = [day, day - 3653, day + 21_916, 86_400 * day];
            for (count, number) in read.iter_mut().zip(numbers) {
                let is_read = date(&number.to_string(), years).is_some_and(|date| date != 0);
                let looks = (1800..=2027).contains(&number)
                    || ((18_000_000..20_280_000).contains(&number)
                        && number / 100 % 100 <= 12
                        && number % 100 <= 31);
                assert_eq!(is_read, looks, "{number}");
                *count += u64::from(is_read);
            }
        }
        // Of 46,315 days: seven months each, and four days of seconds.
        assert_eq!(read, [228, 228, 228, 4]);
    }

    #[test]
    fn codes_of_places() {
        let code = |text| {
            PlaceCode::read(text).map(|code| code.map(|code| String::from_utf8(code.0.into()).unwrap()))
        };
        assert_eq!(code("1366"), Some(Some("01366".to_owned())));
        assert_eq!(code(" 2b033 "), code("20033"));
        assert_eq!(code("97411"), Some(Some("97411".to_owned())));
        assert_eq!(code(" "), Some(None));
        for text in ["A2004", "751", "751011", "7A101", "2C004", "7510é", "75 01"] {
            assert_eq!(code(text), None, "{text}");
        }
    }

    proptest! {
        /// What the index holds is read again when it is brought up to date.
        #[test]
        fn a_normal_form_is_its_own(text in "\\PC{0,60}|[a-zA-ZÀ-ž '’,.-]{0,40}", hyphens: bool) {
            if let Ok(form) = fold(&text, hyphens) {
                prop_assert_eq!(&fold(&form, hyphens), &Ok(form.clone()));
                prop_assert!(!form.starts_with([' ', '-']) && !form.ends_with([' ', '-']) && !form.contains("  "));
                let place = place_name(&form);
                prop_assert!(place.as_ref().map_or(true, |place| place_name(place) == Ok(place.clone())));
                read_name(&form);
                without_particles(&form);
            }
        }

        #[test]
        fn no_text_is_too_strange(text: String) {
            let _ = (name(&text), first_names(&text), date(&text, Years::now()), sex(&text).is_some(), PlaceCode::read(&text).is_some());
        }
    }
}
