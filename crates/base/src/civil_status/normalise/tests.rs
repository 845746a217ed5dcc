use proptest::prelude::*;

use crate::civil_status::years::years_of;

use super::*;

fn named(text: &str) -> String {
    name(text).unwrap().to_string()
}

#[test]
fn spellings_of_one_name_are_one() {
    for text in
        ["L'Hermitte", "l\u{2019}hermitte", "L HERMITTE", " L\u{2bc}Hermitte\u{a0}", "L-Hermitte"]
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
        same("LE PROVOST", "LEPROVOST")
            && same("JEAN-PIERRE", "JEAN PIERRE")
            && !same("LEROI", "LEROY")
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
fn a_number_is_no_first_name() {
    let form = |text| first_names(text).unwrap().to_string();
    assert_eq!(form("Marie Claire (2)"), "MARIE CLAIRE");
    assert_eq!(form("2 Marie 003 Claire"), "MARIE CLAIRE");
    assert_eq!(form("Marie \u{2461}"), "MARIE");
    assert_eq!((form("(2)"), form("2M Marie-2")), (String::new(), "2M MARIE-2".to_owned()));
    assert_eq!(first_names(&format!("2 {}", "A".repeat(250))).unwrap().capacity(), LONGEST);
    assert_eq!(named("Marie (2)"), "MARIE 2");
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
    for text in [
        "1950-02-03",
        "03/02/1950",
        "19500203",
        " 3.2.1950 ",
        "03-02-1950",
        "19500203.0",
        "1950-02-03T00:00:00",
        "1950-02-03 00:00:00",
        "1950-02-03 00:00:00.0",
        "1950-02-03T00:00:00.000000000",
        "03/02/1950 00:00",
    ] {
        assert_eq!(date(text, years), Some(19_500_203), "{text}");
    }
    for text in [
        "1950-02-00",
        "1950-02",
        "02/1950",
        "19500200",
        "1950-02-",
        "00/02/1950",
        "1950-02-99",
        "XX/02/1950",
        "195002xx",
        "99.02.1950 00:00:00",
    ] {
        assert_eq!(date(text, years), Some(19_500_200), "{text}");
    }
    for text in [
        "1950",
        "1950-00-00",
        "1950--",
        "//1950",
        "/1950",
        "19500000",
        "1950.0",
        "1950.",
        "99/99/1950",
        "XX/XX/1950",
        "1950-99",
        "19509999.0",
    ] {
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
        "1950-02-03T00",
        "1950-02-03T00:00:01",
        "1950-02-03T00:00:00Z",
        "1950-02-03 00:00:00+00:00",
        "1950-02-03 00:00:00.",
        "1950-02-03 00:00:00.0000000000",
        "1950-02-03 00:00:00.5",
        "1950-02-03 12:00:00",
        "1950-02-03  00:00",
        "1950-02 00:00",
        "19500203 00:00",
        "1950 00:00:00",
        "1950-00-00-00",
        "1950-02-98",
        "1950-X-X",
        concat!("1950-", "XX", "X"),
        "XXXX-02-03",
        "12FEB1950",
        "3 2 1950",
        // Numbers.
        "-1950",
        "1950.5",
        "1950.99",
        "99.1950",
        "19500203.5",
        "19500203.00",
        "-19500203.0",
        ".0",
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
    for (now, last) in [
        ("2026-01-01T00:00:00Z", 2027),
        ("2026-12-31T23:59:59Z", 2027),
        ("2027-01-01T00:00:00Z", 2028),
    ] {
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

/// Days since 1960 (SAS, Stata), since 1970 (R) and since 1900 (Excel), and seconds since 1960, of
/// everybody born from 1900 on: what is read is of four digits and looks like a year, or of eight
/// and looks like a whole date.
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
                    && (number / 100 % 100 <= 12 || number / 100 % 100 == 99)
                    && (number % 100 <= 31 || number % 100 == 99));
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
    assert_eq!((code("75112.0"), code("1366.0")), (code("75112"), code("01366")));
    for text in [" ", "00000", "99999", "0000", "0000.0", "99999.0"] {
        assert_eq!(code(text), Some(None), "{text}");
    }
    assert_ne!((code("00001"), code("99998")), (Some(None), Some(None)));
    for text in [
        "75112.5", "2A004.0", ".0", "751.0", "0", "999999", "A2004", "751", "751011", "7A101",
        "2C004", "7510é", "75 01",
    ] {
        assert_eq!(code(text), None, "{text}");
    }
}

#[test]
fn sexes() {
    let is = |text| sex(text).map(|sex| sex as u8);
    for (text, expected) in [
        ("", Some(0)),
        (" h ", Some(1)),
        ("1.0", Some(1)),
        ("Homme", Some(1)),
        ("masculin", Some(1)),
        ("2", Some(2)),
        ("FEMME", Some(2)),
        ("F\u{e9}minin", Some(2)),
        ("FE\u{301}MININ", Some(2)),
        ("-1", None),
        ("0", None),
        ("0.0", None),
        ("1.5", None),
        ("12", None),
        ("HOMMES", None),
        ("HOMME FEMME", None),
        ("M F", None),
        ("Mme", None),
        ("male", None),
    ] {
        assert_eq!(is(text), expected, "{text}");
    }
}

proptest! {
    /// What the index holds is read again when it is brought up to date.
    #[test]
    fn a_normal_form_is_its_own(text in "\\PC{0,60}|[a-zA-ZÀ-ž '’,.-]{0,40}", hyphens: bool) {
        if let Ok(names) = first_names(&text) {
            prop_assert_eq!(&first_names(&names), &Ok(names.clone()));
        }
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
        let _ = (name(&text), first_names(&text), date(&text, Years::now()));
        let _ = (sex(&text).is_some(), PlaceCode::read(&text).is_some());
    }
}
