//! The figures of the shared data, held on registers that they have nothing in common with; and whether a score is the
//! probability that it says it is.

use std::collections::BTreeMap;

use cstatns::identifier::{Nir, Scheme};
use cstatns_register::{Builder, Index, Origin, Quality, Query, Record};

use crate::common::{Place, Scores, calibration_error, text};
use crate::world::{
    AMBIGUOUS, Cells, Dice, Error, MAJOR, MINOR, PAIRS, Person, SPELLINGS, World, civil_status,
};

/// A row that is asked, what was done to it, and whose it is.
struct Asked {
    level: &'static str,
    kind: &'static str,
    cells: Cells,
    person: usize,
}

const USUAL: World = World {
    seed: 1,
    people: 6000,
    covered: 0.85,
    related: 0.06,
    names: (3000, 500, 2.0),
    errors: [0.6, 0.25, 0.1, 0.05],
};

/// Those of one family name and date.
fn alike(people: &[Person]) -> BTreeMap<(&str, [u32; 3]), Vec<usize>> {
    let mut alike: BTreeMap<_, Vec<usize>> = BTreeMap::new();
    for (at, person) in people.iter().enumerate() {
        alike.entry((&*person.nom, person.date)).or_default().push(at);
    }
    alike
}

/// Rows about people drawn from all, those included whom the register has not.
fn ask(world: &World, people: &[Person], rows: usize, dice: &mut Dice) -> Vec<Asked> {
    let alike = alike(people);
    let mut asked = Vec::new();
    while asked.len() < rows {
        let at = dice.below(people.len());
        let (person, mut cells) = (&people[at], people[at].cells());
        // Few files have the usage name beside the birth name.
        cells[1].clear();
        let level = dice.share();
        let [none, one, serious, _] = world.errors;
        let mut make = |error: &Error, dice: &mut Dice| error.1(person, &mut cells, dice).map(|()| error.0);
        let (level, kind) = if level < none {
            ("exact", make(&SPELLINGS[dice.below(SPELLINGS.len())], dice))
        } else if level < none + one {
            ("minor", make(&MINOR[dice.below(MINOR.len())], dice))
        } else if level < none + one + serious {
            ("major", make(&MAJOR[dice.below(MAJOR.len())], dice))
        } else {
            let [one, two] = PAIRS[dice.below(PAIRS.len())];
            ("hard", make(&MINOR[one], dice).and_then(|_| make(&MINOR[two], dice)).map(|_| "two"))
        };
        // Whoever of the register is the same in all that the row says is as right as the one it was made of.
        let is_another = |other: &Person| {
            other != person
                && other.is_in_register
                && cells.iter().zip(other.cells()).all(|(said, cell)| said.is_empty() || *said == cell)
        };
        if let Some(kind) = kind
            && !alike[&(&*person.nom, person.date)].iter().any(|other| is_another(&people[*other]))
        {
            let level = if person.is_in_register { level } else { "none" };
            asked.push(Asked { level, kind, cells, person: at });
        }
    }
    asked
}

/// Rows about pairs of the register who are the same in all that the row says.
fn ask_of_pairs(people: &[Person], dice: &mut Dice) -> Vec<Asked> {
    let mut asked = Vec::new();
    let of = alike(people);
    let known =
        of.values().map(|alike| alike.iter().filter(|at| people[**at].is_in_register).collect::<Vec<_>>());
    for (one, two) in known.filter(|alike| alike.len() == 2).map(|alike| (*alike[0], *alike[1])) {
        for (kind, error) in AMBIGUOUS {
            let mut both = [people[one].cells(), people[two].cells()];
            for (cells, at) in both.iter_mut().zip([one, two]) {
                cells[1].clear();
                error(&people[at], cells, dice);
            }
            if both[0] == both[1] {
                let [cells, _] = both;
                asked.push(Asked { level: "ambiguous", kind, cells, person: one });
            }
        }
    }
    asked
}

fn index(place: &Place, people: &[Person]) -> Index {
    let path = place.path("r");
    let mut builder = Builder::create(&path).unwrap();
    for person in people.iter().filter(|person| person.is_in_register) {
        let cells = person.cells();
        let record = Record { id: "", nir: &person.nir, civil_status: civil_status(&cells) };
        builder.push(&record, Origin::default()).unwrap();
    }
    builder.finish().unwrap();
    Index::open(&path).unwrap()
}

/// Right, not coded, wrong, declared ambiguous.
type Tally = BTreeMap<(&'static str, &'static str), [usize; 4]>;

fn run(world: &World, rows: usize) -> (Tally, Scores) {
    let people = world.populate();
    let place = Place::new();
    let index = index(&place, &people);
    let mut dice = Dice::new(world.seed ^ 0xfeed);
    let mut asked = ask(world, &people, rows, &mut dice);
    asked.extend(ask_of_pairs(&people, &mut dice));
    let query = |asked| Query { civil_status: civil_status(asked), identifier: None };
    let drawn = || asked.iter().filter(|asked| asked.level != "ambiguous");
    let weights = index.learn(drawn().map(|asked| query(&asked.cells))).unwrap();
    let (mut tally, mut scores) = (Tally::new(), Scores::new());
    for asked in &asked {
        let nir = Nir.parse(people[asked.person].nir.as_bytes()).unwrap().identifier;
        let (answer, is_best) = index.evaluate(&weights, &query(&asked.cells), Some(&nir)).unwrap();
        let counts = tally.entry((asked.level, asked.kind)).or_default();
        counts[3] += usize::from(answer.quality == Quality::Ambiguous);
        counts[match &answer.identifier {
            None => 1,
            Some(told) if text(told) == text(&nir) && asked.level != "ambiguous" => 0,
            Some(_) => 2,
        }] += 1;
        if asked.level != "ambiguous" && answer.quality != Quality::Malformed {
            scores.push((answer.score, is_best));
        }
    }
    (tally, scores)
}

fn levels(tally: &Tally) -> BTreeMap<&'static str, [usize; 4]> {
    let mut levels = BTreeMap::new();
    for ((level, _), counts) in tally {
        let of: &mut [usize; 4] = levels.entry(*level).or_default();
        of.iter_mut().zip(counts).for_each(|(sum, count)| *sum += count);
    }
    levels
}

#[allow(clippy::print_stdout)]
fn check(name: &str, world: &World, rows: usize) -> Scores {
    let (tally, scores) = run(world, rows);
    for (of, counts) in &tally {
        println!("{name} {of:?} {counts:?}");
    }
    let (levels, error) = (levels(&tally), calibration_error(&scores));
    println!("{name} {levels:?} calibration error {error:.4}");
    for (level, [right, none, wrong, ambiguous]) in levels {
        let (all, of) = (right + none + wrong, format!("{name}, {level}"));
        assert_eq!(wrong, 0, "{of}");
        match level {
            "exact" => assert_eq!(right, all, "{of}"),
            "minor" => assert!(50 * none <= all, "{of}"),
            "ambiguous" => assert_eq!(ambiguous, all, "{of}"),
            "none" => assert_eq!(none, all, "{of}"),
            _ => assert!(10 * none <= all, "{of}"),
        }
    }
    assert!(error < 0.01, "{name}");
    scores
}

#[test]
fn usual() {
    check("usual", &USUAL, 4000);
}

#[test]
fn few_names() {
    check("few names", &World { seed: 3, names: (200, 60, 1.5), ..USUAL }, 4000);
}

#[test]
fn small() {
    check("small", &World { seed: 2, people: 590, ..USUAL }, 1500);
    check("few rows", &World { seed: 8, ..USUAL }, 10);
}

#[test]
fn many_are_absent() {
    check("many are absent", &World { seed: 4, covered: 0.3, ..USUAL }, 4000);
}

#[test]
fn families() {
    check("families", &World { seed: 5, related: 0.15, ..USUAL }, 4000);
}

#[test]
fn clean_and_dirty() {
    check("clean", &World { seed: 6, covered: 0.98, errors: [0.97, 0.02, 0.005, 0.005], ..USUAL }, 4000);
    check("dirty", &World { seed: 7, errors: [0.1, 0.3, 0.3, 0.3], ..USUAL }, 4000);
}

#[test]
fn large() {
    check("large", &World { seed: 9, people: 60_000, names: (20_000, 1000, 2.5), ..USUAL }, 3000);
}

/// What the check of calibration is worth: scores that are a little too sure of themselves, or too little, do not pass.
#[test]
fn scores_that_say_something_else_do_not_pass() {
    let scores =
        check("dirty", &World { seed: 10, covered: 0.7, errors: [0.1, 0.3, 0.3, 0.3], ..USUAL }, 2000);
    let bent = |bend: fn(f64) -> f64| scores.iter().map(|(score, right)| (bend(*score), *right)).collect();
    assert!(calibration_error(&bent(|score| score * 0.97)) > 0.01);
    assert!(calibration_error(&bent(|score| 0.04 + 0.96 * score)) > 0.01);
    let guessed = |nth: usize| (scores[nth].0, scores[(nth + 1) % scores.len()].1);
    assert!(calibration_error(&(0..scores.len()).map(guessed).collect()) > 0.2);
}
