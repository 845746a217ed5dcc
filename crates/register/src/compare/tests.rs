//! Each level of each trait, and what is next to it and not in it.

use cstatns_base::civil_status::{CivilStatus, Years};

use super::*;

fn traits(nom: &str, nom_usage: &str, prenoms: &str) -> Traits {
    let given = CivilStatus { nom, nom_usage, prenoms, ..CivilStatus::default() };
    Traits::read(&given, Years::now()).unwrap()
}

fn place(code_lieu: &str, libelle_lieu: &str, pays: &str) -> Traits {
    let given = CivilStatus { nom: "X", code_lieu, libelle_lieu, pays, ..CivilStatus::default() };
    Traits::read(&given, Years::now()).unwrap()
}

#[test]
fn names() {
    let register = traits("Mériquet-Ducoute", "Le Gallou", "Odile");
    let row = Row::new("", "", &register);
    for (nom, usage, expected) in [
        ("MERIQUET DUCOUTE", "", Name::Same),
        ("Mme Meriquet-Ducoute", "", Name::Core),
        ("de Meriquet Ducoute", "", Name::Core),
        ("Mériquet-Ducoute épouse Le Gallou", "", Name::Core),
        ("Le Gallou", "", Name::Usage),
        ("", "Gallou", Name::Usage),
        ("Barbentane", "Le Gallou", Name::Usage),
        ("Ducoute", "", Name::Part),
        ("Mériquet-Ducoute-Barbentane", "", Name::Part),
        ("Meriquet D", "", Name::Part),
        ("Meriquet-", "", Name::Part),
        ("Meriq", "", Name::Other),
        ("Ducoute--Meriquet", "", Name::Part),
        ("", "Mériquet-Ducoute", Name::Close),
        ("Ducoute Meriquez", "", Name::Other),
        ("Ducoute Ducoute", "", Name::Other),
        ("Ducoutte Merique", "", Name::Other),
        ("Meriqet Ducoute", "", Name::Close),
        ("Le Galou", "", Name::Close),
        ("Mariquet Dacoute", "", Name::Similar),
        ("Odile", "", Name::Other),
        ("Du", "", Name::Other),
        ("Coute", "", Name::Other),
        ("Barbentane", "", Name::Other),
    ] {
        let asked = traits(nom, usage, "Odile");
        assert_eq!(Name::of(&Asked::of(&asked), &row), expected, "{nom} {usage}");
    }
    for (nom, prenoms, expected) in [
        ("Odile", "Meriquet Ducoute", Name::Exchanged),
        ("Odile", "Ducoute", Name::Other),
        ("Berthe", "Meriquet Ducoute", Name::Other),
    ] {
        let asked = traits(nom, "", prenoms);
        assert_eq!(Name::of(&Asked::of(&asked), &row), expected, "{nom} {prenoms}");
    }
}

#[test]
fn first_names() {
    let of = |given: &str, row: &str| {
        let form = |text| cstatns_base::civil_status::normalise::first_names(text).unwrap();
        First::of(&form(given), &form(row))
    };
    for (given, row, expected) in [
        ("jean pierre, paul", "Jean-Pierre Paul", First::Same),
        ("Odile", "Odile Berthe", First::Begin),
        ("Odile Berthe Zoé", "Odile Berthe", First::Begin),
        ("Berthe Odile", "Odile Berthe", First::Begin),
        ("Berthe", "Odile Berthe", First::Some),
        ("Jean", "Jean-Pierre Paul", First::Some),
        ("Odille", "Odile Berthe", First::Close),
        ("Odille Berthe", "Odile Berthe", First::Close),
        ("Berte", "Odile Berthe", First::Similar),
        ("Josselim", "Jocelin", First::Other),
        ("Magdaleine", "Madeleine", First::Similar),
        ("Odile B.", "Odile Berthe", First::Begin),
        ("Odile Ber Z", "Odile Berthe Zoé", First::Begin),
        ("Odile Z.", "Odile Berthe", First::Called),
        ("Odile Berthe", "Odile B.", First::Called),
        ("Odile Zoé", "Odile Berthe", First::Called),
        ("Jean-Pierre Zoé", "Jean-Pierre Paul", First::Called),
        ("Jean-Marc", "Jean-Pierre Paul", First::Shared),
        ("Jean Marc", "Jean-Pierre Paul", First::Shared),
        ("Berthe", "Georges Albert", First::Other),
        // A second name is known, and the first is another: a twin.
        ("Zoé Odile", "Odile", First::Shared),
        ("Zoé-Odile", "Odile", First::Shared),
        ("Zoé Odille", "Odile", First::Other),
        ("Georges Gilbert", "Albert", First::Other),
        ("Gilbert", "Georges Albert", First::Other),
        ("Berthe Odile Zoé", "Odile Berthe", First::Some),
        ("Zoé", "Odile Berthe", First::Other),
        ("Odette", "Odile", First::Other),
        ("", "Odile", First::Missing),
        ("O.", "Odile", First::Initial),
        ("B.", "Odile", First::Other),
    ] {
        assert_eq!(of(given, row), expected, "{given} {row}");
    }
}

#[test]
fn first_names_that_nobody_has_are_not_compared_one_by_one() {
    let of = |given: &str| First::of(given, "JEAN PAUL");
    let more = |times| format!("PAUL{} JEAN", " ANNE".repeat(times));
    assert_eq!(of(&more(14)), First::Some);
    assert_eq!(of(&more(15)), First::Other);
    assert_eq!(of(&more(15).replace(' ', "-")), First::Other);
    assert_eq!(of(&format!("JEAN PAUL{}", " ANNE".repeat(40))), First::Begin);
}

#[test]
fn exchanged_names_are_the_first_ones() {
    let register = traits("Mériquet", "", "Odile Jeanne-Marie Berthe");
    let row = Row::new("", "", &register);
    for (nom, expected) in [
        ("Odile", Name::Exchanged),
        ("Odile Jeanne Marie", Name::Exchanged),
        ("Odile Jeanne-Marie Berthe", Name::Exchanged),
        ("Berthe", Name::Other),
        ("Jeanne-Marie", Name::Other),
    ] {
        let asked = traits(nom, "", "Meriquet");
        assert_eq!(Name::of(&Asked::of(&asked), &row), expected, "{nom}");
    }
}

/// All words are there, parted otherwise; a person with a word of somebody else is not exchanged.
#[test]
fn the_same_words_altogether_are_exchanged() {
    for (nom, prenoms, register, expected) in [
        ("HOA", "NGUYENH THI", ("NGUYENH", "THI HOA"), Name::Exchanged),
        ("THI HOA", "NGUYENH", ("NGUYENH", "THI HOA"), Name::Exchanged),
        ("THI", "NGUYENH HOA", ("NGUYENH", "THI-HOA"), Name::Exchanged),
        ("ROBINAUD", "PIERRET JEAN LOUIS", ("PIERRET ROBINAUD", "JEAN LOUIS"), Name::Exchanged),
        ("HOA", "NGUYENH", ("NGUYENH", "THI HOA"), Name::Other),
        ("HOA", "NGUYENH THI THI", ("NGUYENH", "THI HOA"), Name::Other),
        ("HOA", "NGUYENH TRI", ("NGUYENH", "THI HOA"), Name::Other),
        ("ROBINAUD PIERRET", "LOUIS JEAN", ("PIERRET ROBINAUD", "JEAN LOUIS"), Name::Part),
        ("SANS NOM", "AMINATAH", ("AMINATAH", ""), Name::Exchanged),
        ("AMINATAH", "", ("SANS NOM", "AMINATAH"), Name::Exchanged),
        ("SANS NOM", "AMINATAH", ("AMINATAH", "FATOUNE"), Name::Other),
        ("SANS NOM", "AMINATAH", ("SANS NOM", "AMINATAH"), Name::Same),
    ] {
        let (asked, register) = (traits(nom, "", prenoms), traits(register.0, "", register.1));
        let row = Row::new("", "", &register);
        assert_eq!(Name::of(&Asked::of(&asked), &row), expected, "{nom} {prenoms}");
    }
}

#[test]
fn dates() {
    for (asked, row, expected) in [
        (19_620_301, 19_620_301, Date::Same),
        (19_620_300, 19_620_300, Date::Same),
        (19_620_300, 19_620_301, Date::Month),
        (19_620_000, 19_620_301, Date::Year),
        (19_620_101, 19_620_301, Date::Year),
        (19_620_312, 19_621_203, Date::Exchanged),
        (19_620_302, 19_620_301, Date::Digit),
        (19_620_313, 19_620_331, Date::Digit),
        (19_620_309, 19_620_310, Date::Digit),
        (19_620_401, 19_620_301, Date::Digit),
        (19_620_328, 19_620_301, Date::Part),
        (19_620_805, 19_620_305, Date::Digit),
        (19_621_105, 19_620_305, Date::Part),
        (19_630_301, 19_620_301, Date::Era),
        (19_260_301, 19_620_301, Date::Era),
        (19_520_301, 19_620_301, Date::Era),
        (19_620_415, 19_620_301, Date::Other),
        (19_630_302, 19_620_301, Date::Other),
        (19_770_301, 19_620_301, Date::Other),
        (19_630_000, 19_620_000, Date::Other),
        (19_620_400, 19_620_301, Date::Other),
        (19_620_301, 0, Date::Missing),
    ] {
        assert_eq!(Date::of(asked, row), expected, "{asked} {row}");
        assert_eq!(Date::of(row, asked), expected, "{row} {asked}");
    }
}

/// Another sex is an error only where the first names, which say it too, are the person's.
#[test]
fn another_sex() {
    let is_against = |first: First| {
        let (name, date, place, sex) = (Name::Same, Date::Same, Place::Same, Sexes::Different);
        Levels { name, first, date, place, sex }.are_against()
    };
    for first in
        [First::Same, First::Begin, First::Some, First::Called, First::Close, First::Exchanged]
    {
        assert!(!is_against(first), "{first:?}");
    }
    for first in [First::Similar, First::Shared, First::Other, First::Missing, First::Initial] {
        assert!(is_against(first), "{first:?}");
    }
}

#[test]
fn places() {
    let mut cog = Places::default();
    assert!(cog.add("Serbonnes", "38482", "69294") && cog.add("Vaucelle", "69294", "69294"));
    for (asked, register, expected) in [
        (("75101", "", ""), ("75101", "Paris 1er Arrondissement", "FRANCE"), Place::Same),
        (("99352", "Oran", ""), ("99352", "ORAN", "ALGERIE"), Place::Same),
        (("", "St Vallon", ""), ("26333", "Saint-Vallon", "FRANCE"), Place::Named),
        (("", "Paris", ""), ("75101", "Paris 1er Arrondissement", "FRANCE"), Place::Named),
        (("", "Serbonnes", ""), ("69294", "", ""), Place::Named),
        (("38482", "", ""), ("69294", "Vaucelle", "FRANCE"), Place::Related),
        (("75056", "Paris", ""), ("75101", "Paris 1er Arrondissement", "FRANCE"), Place::Related),
        (("13055", "", ""), ("13216", "", ""), Place::Related),
        (("69123", "", ""), ("69381", "", ""), Place::Related),
        (("69389", "", ""), ("69123", "", ""), Place::Related),
        (("69381", "", ""), ("69389", "", ""), Place::District),
        (("38482", "", ""), ("38185", "", ""), Place::District),
        (("97411", "", ""), ("97302", "", ""), Place::Other),
        (("91352", "Oran", "FRANCE"), ("99352", "Oran", "ALGERIE"), Place::Same),
        (("92352", "", "FRANCE"), ("99352", "Oran", "ALGERIE"), Place::Country),
        (("94352", "", ""), ("91352", "", ""), Place::Country),
        (("93010", "Oran", "FRANCE"), ("99352", "Oran", "ALGERIE"), Place::Related),
        (("99352", "Oran", "ALGERIE"), ("94010", "Oran", "FRANCE"), Place::Related),
        (("93010", "", ""), ("99352", "Oran", "ALGERIE"), Place::Other),
        (("78111", "Vaucelle", ""), ("91111", "Vaucelle", ""), Place::Related),
        (("2A210", "", ""), ("20210", "", ""), Place::Same),
        (("", "Vaucele", ""), ("69294", "Vaucelle", "FRANCE"), Place::Close),
        (("99352", "Orann", ""), ("99352", "Oran", "ALGERIE"), Place::Close),
        (("99352", "", ""), ("99352", "Oran", "ALGERIE"), Place::Country),
        (("", "", "Algérie"), ("99352", "Oran", "ALGERIE"), Place::Country),
        (("", "", "France"), ("69294", "Vaucelle", "FRANCE"), Place::Missing),
        (("", "", "France"), ("99352", "Oran", "ALGERIE"), Place::Missing),
        (("", "", "France"), ("99401", "Oran", "ITALIE"), Place::Other),
        (("75101", "", ""), ("75102", "", ""), Place::District),
        (("93066", "Vaucelle", ""), ("97411", "Vaucelle", ""), Place::Other),
        (("91352", "Oran", ""), ("99401", "Oran", ""), Place::Other),
        (("", "Lyon", ""), ("75101", "Paris 1er Arrondissement", "FRANCE"), Place::Other),
        (("99352", "Alger", ""), ("99352", "Oran", "ALGERIE"), Place::Other),
        (("", "Vaucelle", "Italie"), ("69294", "Vaucelle", "FRANCE"), Place::Other),
        (("", "", ""), ("69294", "Vaucelle", "FRANCE"), Place::Missing),
        (("00000", "", ""), ("69294", "Vaucelle", "FRANCE"), Place::Missing),
        // Mayotte, Saint-Barthélemy, Saint-Martin.
        (("97611", "", ""), ("98511", "Mamoudzou", "FRANCE"), Place::Related),
        (("98511", "Mamoudzou", ""), ("97611", "", "FRANCE"), Place::Related),
        (("98511", "Mamoudzou", ""), ("98511", "Mamoudzou", "FRANCE"), Place::Same),
        (("97607", "Chirongui", ""), ("98506", "Chirongui", "FRANCE"), Place::Related),
        (("97607", "", ""), ("98506", "Chirongui", "FRANCE"), Place::District),
        (("97701", "", ""), ("97123", "", ""), Place::Related),
        (("97127", "", ""), ("97801", "", ""), Place::Related),
        (("97701", "", ""), ("97801", "", ""), Place::Other),
        // 98506 was Indochina's too.
        (("98506", "Hanoi", ""), ("97606", "Chirongui", "FRANCE"), Place::Other),
        (("98506", "Hanoi", ""), ("98506", "Chirongui", "FRANCE"), Place::Other),
        (("98506", "", "Viet Nam"), ("97606", "Chirongui", "FRANCE"), Place::Other),
        (("97606", "Chirongui", ""), ("98506", "Hanoi", "VIET NAM"), Place::Other),
        (("98506", "Hanoi", ""), ("98506", "Hanoi", "VIET NAM"), Place::Same),
    ] {
        let name = format!("{asked:?} {register:?}");
        let (asked, register) =
            (place(asked.0, asked.1, asked.2), place(register.0, register.1, register.2));
        assert_eq!(Place::of(&asked, &Row::new("", "", &register), &cog), expected, "{name}");
    }
}
