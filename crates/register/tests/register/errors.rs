//! What files say of people: their civil status with errors of the kinds that files have. See
//! `world`.

#![allow(unreachable_pub, reason = "one test binary")]

use crate::world::{Cells, Dice, Person, capital};

/// One letter wrong, missing, twice, or exchanged with the next.
fn mistype(text: &str, dice: &mut Dice) -> String {
    let mut letters: Vec<char> = text.chars().collect();
    let places: Vec<_> = (0..letters.len() - 1)
        .filter(|at| letters[*at].is_alphabetic() && letters[*at + 1].is_alphabetic())
        .collect();
    if places.is_empty() {
        return text.to_owned();
    }
    let at = places[dice.below(places.len())];
    match dice.below(4) {
        0 => letters[at] = dice.one(&["w", "k", "y", "e", "s"]).chars().next().unwrap(),
        1 => drop(letters.remove(at)),
        2 => letters.insert(at, letters[at]),
        _ => letters.swap(at, at + 1),
    }
    letters.into_iter().collect()
}

/// What an error is called, the cell that it is in, and how it is made: `None` where it cannot be,
/// of this person.
pub type Error = (&'static str, usize, fn(&Person, &mut Cells, &mut Dice) -> Option<()>);

/// Errors of two traits can be made together.
pub fn are_apart(one: &Error, two: &Error) -> bool {
    let exchanged =
        |error: &Error, other: &Error| error.0 == "names exchanged" && other.1 == PRENOMS;
    one.1 != two.1 && !exchanged(one, two) && !exchanged(two, one)
}

const NOM: usize = 0;
const PRENOMS: usize = 2;
const SEXE: usize = 3;
const DATE: usize = 4;
const CODE: usize = 5;
const LIBELLE: usize = 6;
const PAYS: usize = 7;

fn date(cells: &mut Cells, [year, month, day]: [u32; 3]) -> Option<()> {
    cells[DATE] = format!("{year:04}-{month:02}-{day:02}");
    Some(())
}

fn long(text: &str) -> Option<()> {
    (text.chars().count() >= 4).then_some(())
}

pub const SPELLINGS: [Error; 5] = [
    ("as it is", PAYS, |_, _, _| Some(())),
    ("lower case", PAYS, |_, cells, _| {
        cells.iter_mut().for_each(|cell| *cell = cell.to_lowercase());
        Some(())
    }),
    ("commas", PRENOMS, |person, cells, _| {
        cells[PRENOMS] = person.prenoms.join(", ");
        Some(())
    }),
    ("hyphens", NOM, |_, cells, _| {
        cells[NOM] = cells[NOM].replace(['-', ' '], " - ");
        Some(())
    }),
    ("date as DD/MM/YYYY", DATE, |person, cells, _| {
        let [year, month, day] = person.date;
        cells[DATE] = format!("{day:02}/{month:02}/{year}");
        Some(())
    }),
];

pub const MINOR: [Error; 19] = [
    ("name mistyped", NOM, |person, cells, dice| {
        long(&person.nom)?;
        cells[NOM] = mistype(&cells[NOM], dice);
        Some(())
    }),
    ("first name mistyped", PRENOMS, |person, cells, dice| {
        long(&person.prenoms[0])?;
        cells[PRENOMS] = mistype(&person.prenoms[0], dice);
        Some(())
    }),
    ("first name only", PRENOMS, |person, cells, _| {
        cells[PRENOMS] = person.prenoms[0].clone();
        Some(())
    }),
    ("first names in another order", PRENOMS, |person, cells, _| {
        cells[PRENOMS] = person.prenoms.iter().rev().cloned().collect::<Vec<_>>().join(" ");
        Some(())
    }),
    ("title", NOM, |person, cells, _| {
        cells[NOM] = format!("{} {}", if person.is_woman { "Mme" } else { "Monsieur" }, person.nom);
        Some(())
    }),
    ("married", NOM, |person, cells, _| {
        (!person.nom_usage.is_empty()).then_some(())?;
        cells[NOM] = format!("{} née {}", person.nom_usage, person.nom);
        Some(())
    }),
    ("part of the name", NOM, |person, cells, dice| {
        let parts: Vec<_> = person.nom.split(['-', ' ']).collect();
        (parts.len() == 2 && parts[1].len() >= 4 && parts[0].len() >= 2).then_some(())?;
        let at = if parts[0].len() >= 4 { dice.below(2) } else { 1 };
        cells[NOM] = parts[at].to_owned();
        Some(())
    }),
    ("day wrong", DATE, |person, cells, dice| {
        let [year, month, day] = person.date;
        (day > 1).then_some(())?;
        date(
            cells,
            [
                year,
                month,
                if dice.chance(0.5) { day - 1 } else { day % 10 + 10 * ((day / 10 + 1) % 3) }
                    .max(1),
            ],
        )
    }),
    ("day unknown", DATE, |person, cells, _| date(cells, [person.date[0], person.date[1], 0])),
    ("sex missing", SEXE, |_, cells, _| {
        cells[SEXE].clear();
        Some(())
    }),
    ("place without code", CODE, |_, cells, _| {
        cells[CODE].clear();
        Some(())
    }),
    ("place mistyped", CODE, |person, cells, dice| {
        long(&person.place.name)?;
        cells[CODE].clear();
        cells[LIBELLE] = mistype(&person.place.name, dice);
        Some(())
    }),
    ("city for borough", CODE, |person, cells, _| {
        person.place.code.starts_with("751").then_some(())?;
        cells[CODE] = "75056".to_owned();
        cells[LIBELLE] = "PARIS".to_owned();
        Some(())
    }),
    ("name as it sounds", NOM, |_, cells, dice| {
        let (from, to) =
            [("PH", "F"), ("QU", "K"), ("AU", "O"), ("AI", "E"), ("X", "S"), ("RD", "R")]
                [dice.below(6)];
        cells[NOM].contains(from).then(|| cells[NOM] = cells[NOM].replacen(from, to, 1))
    }),
    ("initials of later first names", PRENOMS, |person, cells, _| {
        (person.prenoms.len() > 1).then_some(())?;
        let initials = person.prenoms[1..].iter().filter_map(|name| name.chars().next());
        cells[PRENOMS] = initials
            .fold(person.prenoms[0].clone(), |names, initial| format!("{names} {initial}."));
        Some(())
    }),
    ("month wrong", DATE, |person, cells, dice| {
        let [year, month, day] = person.date;
        (day > 0).then_some(())?;
        date(cells, [year, 1 + (month + dice.below(11) as u32) % 12, day])
    }),
    ("Corsica as 20", CODE, |_, cells, _| {
        let rest = cells[CODE].strip_prefix("2A").or(cells[CODE].strip_prefix("2B"))?;
        cells[CODE] = format!("20{rest}");
        Some(())
    }),
    ("Algeria as a department", CODE, |person, cells, dice| {
        (person.place.code == "99352").then_some(())?;
        cells[CODE] = dice.one(&["91352", "92352", "93352"]).to_owned();
        cells[PAYS] = "FRANCE".to_owned();
        Some(())
    }),
    ("country only", CODE, |person, cells, _| {
        person.place.code.starts_with("99").then(|| cells[LIBELLE].clear())
    }),
];

pub const MAJOR: [Error; 15] = [
    ("usage name", NOM, |person, cells, _| {
        (!person.nom_usage.is_empty()).then_some(())?;
        cells[NOM] = person.nom_usage.clone();
        Some(())
    }),
    ("day and month exchanged", DATE, |person, cells, _| {
        let [year, month, day] = person.date;
        (day != month && (1..=12).contains(&day)).then_some(())?;
        date(cells, [year, day, month])
    }),
    ("year wrong", DATE, |person, cells, dice| {
        let [year, month, day] = person.date;
        (day > 0).then_some(())?;
        date(
            cells,
            [
                if dice.chance(0.5) { year + 1 } else { year - year % 10 + (year + 4) % 10 },
                month,
                day,
            ],
        )
    }),
    ("1 January", DATE, |person, cells, _| date(cells, [person.date[0], 1, 1])),
    ("year only", DATE, |person, cells, _| {
        cells[DATE] = person.date[0].to_string();
        Some(())
    }),
    ("second first name", PRENOMS, |person, cells, _| {
        cells[PRENOMS] = person.prenoms.get(1)?.clone();
        Some(())
    }),
    ("names exchanged", NOM, |person, cells, _| {
        cells[NOM] = person.prenoms[0].to_uppercase();
        cells[PRENOMS] = capital(&person.nom.to_lowercase());
        Some(())
    }),
    ("sex wrong", SEXE, |person, cells, _| {
        cells[SEXE] = if person.is_woman { "1" } else { "2" }.to_owned();
        Some(())
    }),
    ("initial", PRENOMS, |person, cells, _| {
        cells[PRENOMS] = person.prenoms[0].chars().take(1).collect();
        Some(())
    }),
    ("usage name beside the name", NOM, |person, cells, _| {
        (!person.nom_usage.is_empty())
            .then(|| cells[NOM] = format!("{}-{}", person.nom, person.nom_usage))
    }),
    ("decades exchanged", DATE, |person, cells, _| {
        let [year, month, day] = person.date;
        let swapped = year / 100 * 100 + year % 10 * 10 + year / 10 % 10;
        (day > 0 && swapped != year && swapped <= 2025).then_some(())?;
        date(cells, [swapped, month, day])
    }),
    ("another commune of the department", CODE, |person, cells, dice| {
        (person.place.country == "FRANCE" && !person.place.name.contains("Arrond")).then_some(())?;
        let district = if person.place.code.starts_with("97") { 3 } else { 2 };
        let commune = format!("{:03}", 1 + dice.below(899));
        cells[CODE] = format!("{}{}", &person.place.code[..district], &commune[district - 2..]);
        cells[LIBELLE].clear();
        (cells[CODE] != person.place.code).then_some(())
    }),
    ("another borough", CODE, |person, cells, dice| {
        person.place.name.contains("Arrond").then_some(())?;
        cells[CODE] = format!("{}{}", &person.place.code[..4], dice.below(9) + 1);
        cells[LIBELLE].clear();
        (cells[CODE] != person.place.code && cells[CODE] != "75100").then_some(())
    }),
    // Nobody is given with it: an absent homonym of the date looks so.
    ("another commune", CODE, |person, cells, dice| {
        let code = format!("{:02}{:03}", 1 + dice.below(19), 1 + dice.below(500));
        (person.place.code != code).then(|| cells[CODE] = code)?;
        cells[LIBELLE].clear();
        Some(())
    }),
    ("no place", CODE, |_, cells, _| {
        [CODE, LIBELLE, PAYS].into_iter().for_each(|at| cells[at].clear());
        Some(())
    }),
];

/// People who cannot be told apart by what is said of them.
pub const AMBIGUOUS: [Error; 2] = [
    ("no first names", PRENOMS, |_, cells, _| {
        cells[PRENOMS].clear();
        Some(())
    }),
    ("no place", CODE, |_, cells, _| {
        [CODE, LIBELLE, PAYS].into_iter().for_each(|at| cells[at].clear());
        Some(())
    }),
];
