//! What a register may hold, what is refused, and how an index is brought up to date.

use std::cell::Cell;
use std::fs;
use std::os::unix::fs::PermissionsExt;

use cstatns_base::civil_status::Years;
use cstatns_base::coded::Coded as _;
use cstatns_register::{
    BuildError, Builder, Fault, Index, Origin, Places, Stats, TraitFault, Unit,
};

use crate::common::{PEOPLE, Place, ask, build, build_unless, record};

const NOBODY: &str = "X;1840575101099;NOBODY;;Jean;M;1984-05-12;75101;;FRANCE";

fn refused(rows: &[&str]) -> (String, Vec<(Fault, u64, Vec<u32>)>) {
    let place = Place::new();
    let error = build(Builder::create(&place.path("r")).unwrap(), rows).unwrap_err();
    assert_eq!(place.names(), [""; 0]);
    let BuildError::Rows(faults) = &error else { panic!("{error}") };
    let lines = |origins: &[Origin]| origins.iter().map(|origin| origin.number).collect();
    (
        error.to_string(),
        faults.iter().map(|(fault, count, origins)| (fault, count, lines(origins))).collect(),
    )
}

#[test]
fn an_index_is_the_owners_alone_and_counts_what_it_holds() {
    let place = Place::new();
    let index = place.index("r", &PEOPLE);
    assert_eq!(fs::metadata(place.path("r")).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(place.names(), ["r"]);
    let stats = index.stats().unwrap();
    // Keys: for each row one of the letters i, n, d, p, y, f, c; n and y for a usage name, n for
    // two names with particles.
    let keys = 9 * 7 + 2 + 2;
    let mut expected = Stats::default();
    (expected.rows, expected.people, expected.identifiers, expected.blocking_keys) =
        (9, 8, 9, keys);
    (expected.with_usage_name, expected.with_partial_date) = (1, 1);
    assert_eq!(stats, expected);
}

#[test]
fn nothing_is_written_over() {
    let place = Place::new();
    place.index("r", &PEOPLE);
    assert_eq!(Builder::create(&place.path("r")).err().unwrap().code(), "output-exists");
    drop(Builder::create(&place.path("other")).unwrap());
    assert_eq!(place.names(), ["r"]);
}

/// Stopped at every look at whether to go on, one after the other.
#[test]
fn what_is_stopped_at_its_end_leaves_what_there_was() {
    let place = Place::new();
    let bytes = || fs::read(place.path("r")).ok();
    let mut looks = Vec::new();
    // A new index, then an update of it.
    for rows in [&PEOPLE[..8], &PEOPLE] {
        let before = (place.names(), bytes());
        let mut last = 0;
        loop {
            let old = before.1.is_some().then(|| Index::open(&place.path("r")).unwrap());
            let builder = match &old {
                None => Builder::create(&place.path("r")),
                Some(old) => Builder::update(old),
            };
            let left = Cell::new(last);
            let stopped = || left.replace(left.get() - 1) == 0;
            match build_unless(builder.unwrap(), rows, &stopped) {
                Ok(built) => {
                    break assert_eq!(
                        (built.rows, place.names()),
                        (rows.len() as u64, vec!["r".to_owned()])
                    );
                }
                Err(error) => assert_eq!(error.code(), "interrupted"),
            }
            assert!((place.names(), bytes()) == before);
            last += 1;
        }
        looks.push(last);
    }
    // One for each sort (ids, identifiers, keys, frequencies), each section (offsets, persons,
    // keys, frequencies) and the end; where rows have one id; and in an update for each row of the
    // old one.
    assert_eq!(looks, [9, 9 + 1 + 8]);
}

#[test]
fn a_register_of_no_rows_is_refused() {
    let place = Place::new();
    let error = build(Builder::create(&place.path("r")).unwrap(), &[]).unwrap_err();
    assert_eq!((error.code(), place.names()), ("register-empty", vec![]));
}

#[test]
fn broken_rows_are_refused_with_counts_and_lines_and_without_a_value() {
    let long = "é".repeat(300);
    let rows = [
        NOBODY.to_owned(),
        NOBODY.replace("1840575101099", "1840575101098").replace("NOBODY", "'"),
        NOBODY.replace("1840575101099", "1840575"),
        NOBODY.replace("1840575101099", ""),
        NOBODY.replace("1840575101099", "184057510109761"),
        NOBODY.replace("1984-05-12", "1984-13-45"),
        NOBODY.replace(";M;", ";X;"),
        NOBODY.replace(";75101;", ";751;"),
        NOBODY.replace("NOBODY", &long),
        NOBODY.replace('X', &long),
    ];
    let rows: Vec<_> = rows.iter().map(String::as_str).collect();
    let (message, faults) = refused(&rows);
    assert_eq!(
        faults,
        [
            (Fault::Identifier, 3, vec![4, 5, 6]),
            (Fault::Id, 1, vec![11]),
            (Fault::Trait(TraitFault::Name), 1, vec![3]),
            (Fault::Trait(TraitFault::Date), 1, vec![7]),
            (Fault::Trait(TraitFault::Sex), 1, vec![8]),
            (Fault::Trait(TraitFault::PlaceCode), 1, vec![9]),
            (Fault::Trait(TraitFault::TooLong), 1, vec![10]),
        ]
    );
    assert!(message.starts_with(
        "the files have 3 rows without a valid identifier (line 4, line 5, line 6); 1 row with an \
        id of"
    ));
    for value in ["NOBODY", "1840575", "1984", "Jean", "75101", "FRANCE"] {
        assert!(!message.contains(value), "{message}");
    }
}

#[test]
fn an_identifier_of_two_people_is_refused_where_it_stands_again() {
    let other = NOBODY.replace("X;", "Y;").replace("NOBODY", "OTHER");
    let same_person = NOBODY.replace("NOBODY", "OTHER");
    assert_eq!(refused(&[NOBODY, &other]).1, [(Fault::Duplicate, 1, vec![3])]);
    let place = Place::new();
    let built = build(Builder::create(&place.path("r")).unwrap(), &[NOBODY, &same_person]).unwrap();
    assert_eq!((built.rows, built.people, built.identifiers), (2, 1, 1));

    // Without an id there is no telling that it is the same person, with or without the key.
    let (keyed, unkeyed) = (NOBODY.replacen('X', "", 1), same_person.replacen('X', "", 1));
    assert_eq!(
        refused(&[&keyed, PEOPLE[0], &unkeyed, &unkeyed]).1,
        [(Fault::Duplicate, 2, vec![4, 5])]
    );

    // As many as there may be, the first ones are told.
    let many = vec![&*keyed; 1000];
    let (message, faults) = refused(&many);
    assert_eq!(faults, [(Fault::Duplicate, 999, vec![3, 4, 5, 6, 7])]);
    assert!(
        message
            .contains("999 rows with an identifier that stands in an earlier row (line 3, line 4,")
    );
    assert!(message.contains("line 7, …)"));
}

/// A column that says the same in every row, taken for the one of ids or of identifiers.
#[test]
fn a_column_that_is_not_of_ids_is_noticed() {
    let rows: Vec<_> = (0..1001)
        .map(|nth| NOBODY.replace("1840575101099", &format!("184057510{nth:04}")))
        .collect();
    let rows: Vec<_> = rows.iter().map(String::as_str).collect();
    assert_eq!(refused(&rows).1, [(Fault::Crowd, 1001, vec![2, 3, 4, 5, 6])]);
    let place = Place::new();
    build(Builder::create(&place.path("r")).unwrap(), &rows[1..]).unwrap();

    let rows = vec![NOBODY; 1001];
    let found: Vec<_> =
        refused(&rows).1.into_iter().map(|(fault, count, _)| (fault, count)).collect();
    assert_eq!(found, [(Fault::Crowd, 1001), (Fault::Duplicate, 1000)]);
}

#[test]
fn the_file_is_named_where_there_are_several() {
    let place = Place::new();
    let mut builder = Builder::create(&place.path("r")).unwrap();
    builder.refuse(Fault::Encoding, Origin { file: 1, unit: Unit::Row, number: 7 });
    builder.refuse(Fault::Encoding, Origin { file: 0, unit: Unit::Line, number: 9 });
    let message = builder.finish().unwrap_err().to_string();
    assert!(message.contains("may fix (file 1 line 9, file 2 row 7)"));
}

#[test]
fn a_person_has_the_last_of_their_identifiers_under_all_their_names() {
    let place = Place::new();
    let index = place.index("r", &PEOPLE);
    for row in
        ["Œuvrard-Weiss;;Noël;M;25/12/1991;01144;;", "OEUVRARD WEISS;;NOELLE;2;19911225;1144;;"]
    {
        assert_eq!(ask(&index, row), "found 2911201144009");
    }
}

#[test]
fn an_update_adds_and_corrects() {
    let place = Place::new();
    let mut known = Places::default();
    known.add("Dommartin", "01144", "01025");
    build(Builder::create(&place.path("r")).unwrap().places(known), &PEOPLE).unwrap();
    let before = fs::read(place.path("r")).unwrap();
    let old = Index::open(&place.path("r")).unwrap();
    let update = [
        // A new person.
        NOBODY,
        // C's name is corrected; the row has no id and keeps the one there.
        ";1500199352003;BENSOULTAN;;KARIM;M;1950-00-00;99352;ORAN;ALGERIE",
        // H's earlier name is corrected: the present identifier stays the present one.
        "H;1911201144008;ŒUVRARD;;Noël;M;1991-12-25;01144;Dommartin;FRANCE",
        // D has a new identifier.
        "D;1620320033014;MARCELLIN;;Ange Marie;M;1962-03-01;2B033;Bastia;FRANCE",
        // A second name of C, in the same file.
        "C;1500199352003;BEN SOLTAN;;KARIM;M;1950-00-00;99352;ORAN;ALGERIE",
    ];
    let built = build(Builder::update(&old).unwrap(), &update).unwrap();
    assert_eq!((built.rows, built.people, built.identifiers), (9 + 3, 8 + 1, 9 + 2));
    let new = Index::open(&place.path("r")).unwrap();
    assert_ne!(new.id(), old.id());
    assert_eq!(fs::metadata(place.path("r")).unwrap().permissions().mode() & 0o777, 0o600);
    let c = |name| format!("{name};;Karim;M;1950;99352;Oran;");
    for (row, before, after) in [
        ("NOBODY;;Jean;M;1984-05-12;75101;;", "near", "found 1840575101099"),
        (&c("BENSOULTANE"), "found 1500199352003", "rectified 1500199352003"),
        (&c("BENSOULTAN"), "rectified 1500199352003", "found 1500199352003"),
        (&c("BENSOLTAN"), "rectified 1500199352003", "found 1500199352003"),
        ("OEUVRARD;;Noel;M;1991-12-25;01144;;", "rectified 2911201144009", "found 2911201144009"),
        (
            "OEUVRARD WEISS;;Noel;M;1991-12-25;01144;;",
            "found 2911201144009",
            "rectified 2911201144009",
        ),
        ("MARCELLIN;;Ange;M;1962-03-01;2B033;;", "found 1620320033004", "found 1620320033014"),
        // What communes were is kept.
        (
            "OEUVRARD WEISS;;Noelle;F;1991-12-25;01025;;",
            "rectified 2911201144009",
            "rectified 2911201144009",
        ),
    ] {
        assert_eq!((&*ask(&old, row), &*ask(&new, row)), (before, after), "{row}");
    }
    // The same rows once more change nothing.
    let again = build(Builder::update(&new).unwrap(), &update).unwrap();
    assert_eq!((again, place.names()), (built, vec!["r".to_owned()]));

    // An update of nothing is the same index, byte for byte, but for the id and the digest.
    fs::write(place.path("same"), &before).unwrap();
    let old = Index::open(&place.path("same")).unwrap();
    build(Builder::update(&old).unwrap(), &[]).unwrap();
    let after = fs::read(place.path("same")).unwrap();
    let same = |bytes: &[u8]| [&bytes[..16], &bytes[64..bytes.len() - 32]].concat();
    assert!(same(&before) == same(&after) && before[16..32] != after[16..32]);
}

#[test]
fn an_index_stays_as_it_is_until_its_update_is_finished() {
    let place = Place::new();
    let old = place.index("r", &PEOPLE);
    let before = fs::read(place.path("r")).unwrap();
    let mut update = Builder::update(&old).unwrap();
    let cells: Vec<_> = NOBODY.split(';').collect();
    update.push(&record(|field| cells[field as usize]), Origin::default()).unwrap();
    assert!(fs::read(place.path("r")).unwrap() == before);
    // Two at a time would lose one of them.
    let other = Index::open(&place.path("r")).unwrap();
    assert_eq!(Builder::update(&other).err().unwrap().code(), "file-locked");
    drop(update);
    drop(old);
    assert!(fs::read(place.path("r")).unwrap() == before);
    assert_eq!(place.names(), ["r"]);
    // Nor is one made of what is not the index any more.
    fs::rename(place.path("r"), place.path("moved")).unwrap();
    assert_eq!(Builder::update(&other).err().unwrap().code(), "file-missing");
    place.index("r", &PEOPLE[..3]);
    assert_eq!(Builder::update(&other).err().unwrap().code(), "file-locked");
    assert_eq!(place.names(), ["moved", "r"]);
}

#[test]
fn an_update_does_not_give_an_identifier_to_another_person() {
    let place = Place::new();
    let old = place.index("r", &PEOPLE);
    let moved = "Z;1500199352003;BENSOULTANE;;KARIM;M;1950-00-00;99352;ORAN;ALGERIE";
    let error = build(Builder::update(&old).unwrap(), &[moved]).unwrap_err();
    let BuildError::Rows(faults) = error else { panic!("{error}") };
    let found: Vec<_> = faults.iter().map(|(fault, count, _)| (fault, count)).collect();
    assert_eq!(found, [(Fault::OtherPerson, 1)]);
}

#[test]
fn rows_that_cannot_be_found_are_taken_and_counted() {
    let place = Place::new();
    let rows = [
        "1;1840575101099;NOBODY;;;;;;;",
        "2;1840575101098;NOBODY;;Jean;M;0000-00-00;75101;Paris;FRANCE",
    ];
    let stats = place.index("r", &rows).stats().unwrap();
    assert_eq!((stats.without_date, stats.without_sex, stats.without_place), (2, 1, 1));
    assert_eq!((stats.without_first_names, stats.blocking_keys), (1, 2));
}

/// More than one buffer's worth, many rows a person, and no order.
#[test]
fn a_larger_register_is_read_as_it_was_pushed() {
    let place = Place::new();
    let mut builder = Builder::create(&place.path("r")).unwrap();
    let people = 4_000_u32;
    for nth in 0..3 * people {
        let person = nth * 7 % people;
        let (id, nir) = (person.to_string(), format!("1840575{:06}", nth));
        let prenoms = "Jean ".repeat(20);
        let cells = [&id, &nir, "NOBODY", "", &prenoms, "M", "1984-05-12", "75101", "", ""]
            .map(str::to_owned);
        builder.push(&record(|field| &cells[field as usize]), Origin::default()).unwrap();
    }
    let built = builder.finish().unwrap();
    assert_eq!((built.rows, built.people, built.identifiers), (12_000, 4_000, 12_000));
    let index = Index::open(&place.path("r")).unwrap();
    assert!(fs::metadata(place.path("r")).unwrap().len() > 1 << 20);
    assert_eq!(index.stats().unwrap().rows, 12_000);
}

/// The clock is given once: what it lets in is read at every later time, and what the register is
/// asked within it.
#[test]
fn dates_are_read_within_the_years_of_the_clock() {
    let years = |now: &str| Years::at(now.parse().unwrap());
    let (eve, day) = (years("2026-12-31T23:59:59Z"), years("2027-01-01T00:00:00Z"));
    let with = |date: &str| PEOPLE[3].replace("1962-03-01", date);
    let place = Place::new();
    let built = |name: &str, years: Years, date: &str| {
        build(Builder::create(&place.path(name)).unwrap().within(years), &[PEOPLE[0], &with(date)])
            .map(drop)
    };
    for date in ["1800-01-01", "18000101", "2027-12-31", "2027"] {
        built("r", eve, date).unwrap();
        fs::remove_file(place.path("r")).unwrap();
    }
    for (date, refused_on) in
        [("2028-01-01", eve), ("2029-01-01", day), ("1799-12-31", day), ("5400", day)]
    {
        let error = built("r", refused_on, date).unwrap_err();
        let BuildError::Rows(faults) = &error else { panic!("{error}") };
        let found: Vec<_> = faults.iter().map(|(fault, rows, _)| (fault, rows)).collect();
        assert_eq!(found, [(Fault::Trait(TraitFault::Date), 1)], "{date}");
    }

    built("r", day, "2028-01-01").unwrap();
    let asked = "MARCELLIN;;Ange;M;2028-01-01;2B033;;";
    let open = |years| Index::open(&place.path("r")).unwrap().within(years);
    assert_eq!(open(day).years(), day);
    assert!(ask(&open(day), asked).starts_with("found "));
    assert_eq!(ask(&open(eve), asked), "malformed");
    // An update brings a clock of its own; what the index has stays.
    let old = open(eve);
    let row = with("2028-02-01").replace("033004", "033099");
    assert!(build(Builder::update(&old).unwrap().within(eve), &[&row]).is_err());
    build(Builder::update(&old).unwrap().within(day), &[&row]).unwrap();
    assert!(ask(&open(day), asked).starts_with("found "));
}
