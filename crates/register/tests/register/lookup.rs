//! Every quality, and what stands between one and the next.

use std::collections::BTreeSet;

use cstatns_register::{Builder, Index, MatchQuality, Places};

use crate::common::{PEOPLE, Place, ask, ask_with, build};

fn index() -> (Place, Index) {
    let place = Place::new();
    let index = place.index("r", &PEOPLE);
    (place, index)
}

/// The answers to rows of nom;nom_usage;prenoms;sexe;date;code;libelle;pays.
fn answers(table: &[(&str, &str)]) {
    let (_place, index) = index();
    let said = table.iter().map(|(row, expected)| (*row, ask(&index, row), *expected));
    let wrong: Vec<_> = said.filter(|(_, said, expected)| said != expected).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn found_whatever_the_spelling() {
    answers(&[
        (
            "D'ALLEMANE;;Zoé Marie-Claire Anne;F;1984-05-12;75101;Paris 1er;FRANCE",
            "found 2840575101001",
        ),
        ("dallemane;;ZOE, MARIE CLAIRE, ANNE;2;12/05/1984;75101;;", "found 2840575101001"),
        (
            " D’Allemane\u{a0};x;Zoe\u{301} Marie\u{2011}Claire Anne;f;19840512; 75101 ;;X",
            "found 2840575101001",
        ),
        ("BEN SOULTANE;;Karim;1;1950;99352;oran;", "found 1500199352003"),
        ("marcellin;;ange;H;01.03.1962;20033;;", "found 1620320033004"),
        ("PETITJEANNE;;Lucie;F;1970-06-07;97411;Saint-Denis;FRANCE", "found 2700697411007"),
    ]);
}

#[test]
fn rectified_where_one_trait_has_a_rule() {
    answers(&[
        ("Mme D'ALLEMANE;;Zoé Marie-Claire Anne;F;1984-05-12;75101;;", "rectified 2840575101001"),
        (
            "D'ALLEMANE EPOUSE ANYBODY;;Zoé Marie-Claire Anne;F;1984-05-12;75101;;",
            "rectified 2840575101001",
        ),
        (
            "LE GOFFIC NÉE D'ALLEMANE;;Zoé Marie-Claire Anne;F;1984-05-12;75101;;",
            "rectified 2840575101001",
        ),
        ("ALLEMANE;;Zoé Marie-Claire Anne;F;1984-05-12;75101;;", "rectified 2840575101001"),
        ("DU BRUYAIRE;;Jean-Pierre Paul;M;1984-05-12;75101;;", "rectified 1840575101002"),
        ("D'ALLEMANE;;Zoé;F;1984-05-12;75101;;", "rectified 2840575101001"),
        ("D'ALLEMANE;;Zoé Marie Claire;F;1984-05-12;75101;;", "rectified 2840575101001"),
        ("D'ALLEMANE;;Anne Zoé Marie-Claire;F;1984-05-12;75101;;", "rectified 2840575101001"),
        ("D'ALLEMANE;;Zoé Marie-Claire Anne;;1984-05-12;75101;;", "rectified 2840575101001"),
        ("D'ALLEMANE;;Zoé Marie-Claire Anne;?;1984-05-12;75101;;", "rectified 2840575101001"),
        (
            "D'ALLEMANE;;Zoé Marie-Claire Anne;F;1984-05-12;;Paris 1er arrondissement;",
            "rectified 2840575101001",
        ),
        ("BENSOULTANE;;Karim;1;1950-00-00;;Oran;Algérie", "rectified 1500199352003"),
    ]);
}

#[test]
fn errors_are_overcome() {
    answers(&[
        ("ALLEMANE;;Zoé;F;1984-05-12;75101;;", "rectified 2840575101001"),
        ("ALLEMANE;;Zoé Marie-Claire Anne;;1984-05-12;75101;;", "rectified 2840575101001"),
        ("D'ALEMANE;;Zoé;F;1984-05-12;75101;;", "rectified 2840575101001"),
        ("D'ALLEMANNE;;Zoé;F;1984-05-13;75101;;", "rectified 2840575101001"),
        ("D'ALLEMANE;;Zoé Marie;F;1984-12-05;75101;;", "rectified 2840575101001"),
        ("D'ALLEMANE;;Zoé Marie;F;1948-05-12;75101;;", "rectified 2840575101001"),
        ("D'ALLEMANE;;Marie-Claire;F;1984-01-01;75101;;", "rectified 2840575101001"),
        ("D'ALLEMANE;;Zoé;F;1984;75056;Paris;", "rectified 2840575101001"),
        ("Zoé;;D'Allemane;F;1984-05-12;75101;;", "rectified 2840575101001"),
        ("Zoé;;D'Allemane;F;1984-05-13;75101;;", "rectified 2840575101001"),
        ("Zoé;;D'Allemane;F;1985-05-12;75101;;", "rectified 2840575101001"),
        ("Zoé;Le Goffic;D'Allemane;F;1984-05-12;75101;;", "rectified 2840575101001"),
        ("DE LA BRUYAIRE;;J;M;1984-01-01;75101;;", "rectified 1840575101002"),
        ("DE LA BRUYAIRE;;Jean-Pierre Marc;M;1984-05-12;75101;;", "rectified 1840575101002"),
        ("DE LA BRUYAIRE;;Jean-Pierre Marc Luc;M;1984-05-12;75101;;", "near"),
        ("LE GOFIC;;Zoé;F;1984-05-12;75101;;", "rectified 2840575101001"),
        ("BENSULTANE;;Karim;M;1950-00-00;92352;Oran;FRANCE", "rectified 1500199352003"),
        // The same in everything else, and one trait nothing like an error.
        ("D'ALLEMANE;;Zoé Marie-Claire Anne;F;1985-06-13;75101;;", "near"),
        ("D'ALLEMANE;;Zoé Marie-Claire Anne;F;1955-06-13;75101;;", "not-found"),
        ("D'ALLEMANE;;Berthe;F;1984-05-12;75101;;", "near"),
        ("D'ALLEMANE;;Zoé Marie-Claire Anne;F;1984-05-12;59350;Lille;", "near"),
        ("TARTEMPION;;Zoé Marie-Claire Anne;F;1984-05-12;75101;;", "near"),
    ]);
}

#[test]
fn the_usage_name_has_its_word() {
    answers(&[
        ("Le Goffic;;Zoé Marie-Claire Anne;F;1984-05-12;75101;;", "usage-name 2840575101001"),
        (";LeGoffic;Zoé Marie-Claire Anne;F;1984-05-12;75101;;", "usage-name 2840575101001"),
        ("Goffic;;Zoé;F;1984-05-12;75101;;", "usage-name 2840575101001"),
        // The name given at birth stands for it.
        (";D'ALLEMANE;Zoé Marie-Claire Anne;F;1984-05-12;75101;;", "rectified 2840575101001"),
    ]);
}

#[test]
fn a_trait_that_is_different_is_not_overlooked_and_one_that_is_missing_is_told() {
    answers(&[
        ("D'ALLEMANE;;Zoé Marie-Claire Anne;F;1984-05-12;;;", "rectified 2840575101001"),
        ("D'ALLEMANE;;Zoé Marie-Claire Anne;F;1984-05-12;garbage;;", "rectified 2840575101001"),
        ("D'ALLEMANE;;;F;1984-05-12;75101;;", "rectified 2840575101001"),
        ("BENSOULTANE;;Karim;M;1950;99352;;", "rectified 1500199352003"),
        // First names say the sex too.
        ("D'ALLEMANE;;Zoé Marie-Claire Anne;M;1984-05-12;75101;;", "rectified 2840575101001"),
        ("D'ALLEMANE;;;M;1984-05-12;75101;;", "near"),
        ("BENSOULTANE;;Karima;M;1950;99352;oran;", "rectified 1500199352003"),
        ("BENSOULTANE;;Karima;F;1950;99352;oran;", "near"),
        // Another borough of the city, another commune of the department; not another department.
        ("D'ALLEMANE;;Zoé Marie-Claire Anne;F;1984-05-12;75102;;", "rectified 2840575101001"),
        ("D'ALLEMANE;;Zoé Marie-Claire Anne;F;1984-05-12;92004;;", "near"),
        // Of these people two of nine are homonyms of the date, and those may be of one department.
        ("MARCELLIN;;Ange;M;1962-03-01;2B050;;", "ambiguous"),
        ("D'ALLEMANE;;Zoé Marie-Claire Anne;F;1984-05-12;;Lyon;", "near"),
        ("D'ALLEMANE;;Zoé Marie-Claire Anne;F;1984-05-12;;Paris 1er arrondissement;Italie", "near"),
        ("D'ALLEMANE;;Zoé Marie-Claire Anne;M;1984-05-12;92004;;", "near"),
        // Abroad the code is the country's.
        ("BENSOULTANE;;Karim;M;1950;99352;Alger;", "near"),
        // Twins.
        ("MARCELLIN;;Angelo;M;1962-03-01;2B033;;", "ambiguous"),
        ("MARCELLIN;;Ange Marie;M;1962-03-01;2B033;;", "rectified 1620320033004"),
        ("MARCELLIN;;Ange;M;1962-03-02;2B033;;", "rectified 1620320033004"),
        ("MARCELLIN;;Ange;M;1962-03-00;2B033;;", "rectified 1620320033004"),
        ("MARCELLIN;;;M;1962-03-00;2B033;;", "ambiguous"),
        ("DE LA BRUYAIRE;;Jean;M;1984-05-12;75101;;", "rectified 1840575101002"),
    ]);
}

#[test]
fn of_several_people_none_is_chosen() {
    answers(&[
        ("MARCELLIN;;;M;1962-03-01;2B033;;", "ambiguous"),
        ("PETITJEANNE;;Lucie;F;1970-06-07;;;", "ambiguous"),
        ("PETITJEANNE;;Lucie;F;1970-06-07;;Saint-Denis;FRANCE", "ambiguous"),
        ("PETITJEANNE;;Lucie;F;1970-06-07;75056;;", "ambiguous"),
    ]);
}

/// Two who are alike, and of whom it is more probable that neither is meant: not several, of whom
/// one is.
#[test]
fn of_several_improbable_people_none_is_meant() {
    let place = Place::new();
    let person = |number: usize, nom: &str, prenoms: &str, date: &str| {
        format!(";2500335{number:06};{nom};;{prenoms};F;{date};35238;Rennes;FRANCE")
    };
    let mut rows: Vec<_> = (2..600)
        .map(|nth| {
            let nom = ["Morvan", "Quere", "Lagadec", "Tanguy", "Riou"][nth % 5];
            let first = ["Jeanne", "Odile", "Denise", "Gilberte", "Paule", "Rose"][nth % 6];
            person(
                nth,
                nom,
                first,
                &format!("{}-{:02}-{:02}", 1900 + nth % 90, 1 + nth % 12, 1 + nth % 28),
            )
        })
        .collect();
    rows.extend(
        ["Berthe", "Sidonie"]
            .iter()
            .zip(0..)
            .map(|(first, nth)| person(nth, "Morvan", first, "1950-03-04")),
    );
    let index = place.index("r", &rows.iter().map(String::as_str).collect::<Vec<_>>());
    // Another first name; and another sex as well.
    assert_eq!(ask(&index, "Morvan;;Yvonne;F;1950-03-04;;;"), "ambiguous");
    assert_eq!(ask(&index, "Morvan;;Yvonne;M;1950-03-04;;;"), "near");
}

/// Who differs by a rule and who does not differ at all: certain of neither.
#[test]
fn somebody_who_agrees_by_a_rule_stands_in_the_way() {
    let place = Place::new();
    let longer =
        PEOPLE[3].replace("D;", "Z;").replace("004;", "014;").replace("Ange", "Ange Toussaint");
    let index = place.index("r", &[PEOPLE[3], &longer]);
    assert_eq!(ask(&index, "MARCELLIN;;Ange;M;1962-03-01;2B033;;"), "ambiguous");
    assert_eq!(
        ask(&index, "MARCELLIN;;Ange Toussaint;M;1962-03-01;2B033;;"),
        "found 1620320033014"
    );
    // Two names of one person do not.
    let same = longer.replace("Z;", "D;");
    let index = place.index("s", &[PEOPLE[3], &same]);
    assert_eq!(ask(&index, "MARCELLIN;;Ange;M;1962-03-01;2B033;;"), "found 1620320033014");
    // Nor does it matter which of them comes first.
    let index = place.index("t", &[&same, PEOPLE[3]]);
    assert_eq!(ask(&index, "MARCELLIN;;Ange;M;1962-03-01;2B033;;"), "found 1620320033004");
}

/// What is near a first name is an error of it, or somebody else's name: of a twin, for one.
#[test]
fn a_near_first_name_is_an_error_unless_it_is_a_name() {
    let place = Place::new();
    let person = |number: u32, nom: &str, prenoms: &str, date: &str| {
        format!(";2500335{number:06};{nom};;{prenoms};F;{date};35238;Rennes;FRANCE")
    };
    let mut rows = vec![person(1, "CORVAISIER", "Jeanne", "1950-03-04")];
    rows.extend((2..400).map(|number| {
        let name = ["Jean", "Berthe", "Odile", "Zoé", "Gilbert"][number as usize % 5];
        // The first forty are twins.
        let pair = if number < 42 { number / 2 } else { number };
        person(number, &format!("X{pair}Y"), name, &format!("{}-05-06", 1900 + pair % 90))
    }));
    let index = place.index("r", &rows.iter().map(String::as_str).collect::<Vec<_>>());
    for (prenoms, expected) in
        [("Jeanne", "found"), ("Jaenne", "rectified"), ("Jeannes", "rectified"), ("Jean", "near")]
    {
        let said = ask(&index, &format!("CORVAISIER;;{prenoms};F;1950-03-04;35238;Rennes;FRANCE"));
        assert_eq!(said.split(' ').next(), Some(expected), "{prenoms}");
    }
}

#[test]
fn malformed() {
    answers(&[
        (";;;;;;;", "malformed"),
        ("'-;;Zoé;F;1984-05-12;75101;;", "malformed"),
        ("D'ALLEMANE;;Zoé;F;;75101;;", "malformed"),
        ("D'ALLEMANE;;Zoé;F;0000-00-00;75101;;", "malformed"),
        ("D'ALLEMANE;;Zoé;F;1984-13-12;75101;;", "malformed"),
        ("D'ALLEMANE;;Zoé;F;12/05/84;75101;;", "malformed"),
    ]);
    let (_place, index) = index();
    let long = "a".repeat(10_000);
    for field in 0..8 {
        let mut cells =
            ["D'ALLEMANE", "", "Zoé Marie-Claire Anne", "F", "1984-05-12", "75101", "", ""];
        cells[field] = &long;
        // A sex and a code that cannot be read are missing ones.
        let expected = match field {
            3 | 5 => "rectified 2840575101001",
            _ => "malformed",
        };
        assert_eq!(ask(&index, &cells.join(";")), expected);
    }
}

#[test]
fn places_by_former_code_and_by_name() {
    let place = Place::new();
    let mut places = Places::default();
    assert!(
        places.add("Dommartin", "01144", "01025") && places.add("Bâgé-Dommartin", "01025", "01025")
    );
    build(Builder::create(&place.path("r")).unwrap().places(places), &PEOPLE).unwrap();
    let index = Index::open(&place.path("r")).unwrap();
    for (place, expected) in [
        ("01144;", "found 2911201144009"),
        ("01025;", "rectified 2911201144009"),
        (";Bâgé Dommartin", "rectified 2911201144009"),
        (";Dommartin", "rectified 2911201144009"),
        ("01026;", "rectified 2911201144009"),
        ("02026;", "near"),
        (";Bâgé", "near"),
    ] {
        assert_eq!(
            ask(&index, &format!("ŒUVRARD-WEISS;;Noëlle;F;1991-12-25;{place};")),
            expected,
            "{place}"
        );
    }
}

#[test]
fn an_identifier_is_checked_against_its_civil_status() {
    let (_place, index) = index();
    let twin = "MARCELLIN;;Ange;M;1962-03-01;2B033;;";
    let (ange, toussaint, unknown) = ("1620320033004", "1620320033005", "1620320033099");
    for (row, nir, expected) in [
        (twin, ange, "found 1620320033004"),
        (twin, toussaint, "contradicted"),
        (twin, unknown, "contradicted"),
        // Nothing that the row says is against it.
        ("MARCELLIN;;;M;1962-03-01;2B033;;", ange, "rectified 1620320033004"),
        ("MARCELLIN;;;M;1962-03-01;2B033;;", unknown, "ambiguous"),
        ("MARCELLIN;;;;1962-03-01;;;", toussaint, "rectified 1620320033005"),
        // One trait is; the sex can be an error, the place too much of one.
        ("MARCELLIN;;Ange;F;1962-03-01;2B033;;", ange, "rectified 1620320033004"),
        ("MARCELLIN;;Ange;M;1962-03-01;75101;;", ange, "near"),
        ("MARCELLIN;;Angelo;M;1962-03-01;2B033;;", ange, "contradicted"),
        ("NOBODY;;Ange;M;1962-03-01;2B033;;", ange, "contradicted"),
        ("NOBODY;;Ange;M;1962-03-01;2B033;;", unknown, "near"),
        ("NOBODY;;Berthe;M;1962-03-01;2B033;;", unknown, "not-found"),
        (";;;;;;;", ange, "malformed"),
        // An earlier identifier of the same person leads to the present one.
        ("ŒUVRARD-WEISS;;Noëlle;F;1991-12-25;01144;;", "1911201144008", "found 2911201144009"),
    ] {
        assert_eq!(ask_with(&index, row, Some(nir)), expected, "{row}");
    }
}

#[test]
fn an_identifier_tells_apart_those_whom_their_traits_do_not() {
    let place = Place::new();
    let longer =
        PEOPLE[3].replace("D;", "Z;").replace("004;", "014;").replace("Ange", "Ange Toussaint");
    let nowhere =
        PEOPLE[3].replace("D;", "Y;").replace("004;", "024;").replace("2B033;Bastia", ";");
    let index = place.index("r", &[PEOPLE[3], &longer, &nowhere]);
    let row = "MARCELLIN;;Ange;M;1962-03-01;2B033;;";
    assert_eq!(ask(&index, row), "ambiguous");
    assert_eq!(ask_with(&index, row, Some("1620320033004")), "found 1620320033004");
    assert_eq!(ask_with(&index, row, Some("1620320033014")), "rectified 1620320033014");
    // Of whom less is known than of another who agrees in full.
    assert_eq!(ask_with(&index, row, Some("1620320033024")), "contradicted");
}

#[test]
fn every_quality_has_a_word_of_its_own() {
    let words: BTreeSet<_> = MatchQuality::ALL.iter().map(|quality| quality.word()).collect();
    assert_eq!(words.len(), MatchQuality::ALL.len());
    assert!(MatchQuality::ALL.is_sorted());
}
