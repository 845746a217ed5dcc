//! Other registers and other errors than those of the shared data: invented people of invented names, and what files would
//! say of them. Everything follows from a seed.

#![allow(unreachable_pub, reason = "one test binary")]

use cstatns_register::CivilStatus;

/// What a world is like.
#[derive(Clone, Copy)]
pub struct World {
    pub seed: u64,
    pub people: usize,
    /// How many of them the register has.
    pub covered: f64,
    /// How many have a twin, a brother or sister, a child of their names, or a double of another place.
    pub related: f64,
    /// Distinct family names and first names, and how uneven their use is: 1 is even.
    pub names: (usize, usize, f64),
    /// How many of the rows that are asked have no error, one, one that is serious, two.
    pub errors: [f64; 4],
}

#[derive(Clone, PartialEq, Eq)]
pub struct Person {
    pub nom: String,
    pub nom_usage: String,
    pub prenoms: Vec<String>,
    pub is_woman: bool,
    pub date: [u32; 3],
    pub place: Place,
    pub nir: String,
    pub is_in_register: bool,
}

#[derive(Clone, PartialEq, Eq)]
pub struct Place {
    pub code: String,
    pub name: String,
    pub country: String,
}

/// Nom, nom_usage, prenoms, sexe, date_naissance, code_lieu, libelle_lieu, pays.
pub type Cells = [String; 8];

pub fn civil_status(cells: &Cells) -> CivilStatus<'_> {
    let [nom, nom_usage, prenoms, sexe, date_naissance, code_lieu, libelle_lieu, pays] =
        cells.each_ref().map(String::as_str);
    CivilStatus { nom, nom_usage, prenoms, sexe, date_naissance, code_lieu, libelle_lieu, pays }
}

/// SplitMix64.
pub struct Dice(u64);

impl Dice {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    }

    pub fn share(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    pub fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound as u64) as usize
    }

    pub fn chance(&mut self, share: f64) -> bool {
        self.share() < share
    }

    /// One of so many, the first ones more often.
    fn uneven(&mut self, bound: usize, power: f64) -> usize {
        ((self.share().powf(power) * bound as f64) as usize).min(bound - 1)
    }

    pub fn one<'a, T: ?Sized>(&mut self, of: &[&'a T]) -> &'a T {
        of[self.below(of.len())]
    }
}

/// The name with this number: syllables that no list of real names was asked for.
fn name(number: usize, kind: u64) -> String {
    let mut dice = Dice(number as u64 * 0x1_0001 + kind);
    let mut name = String::new();
    for _ in 0..2 + usize::from(dice.chance(0.45)) {
        name += dice.one(&[
            "b", "br", "c", "ch", "d", "f", "fl", "g", "gr", "j", "l", "m", "n", "p", "ph", "qu", "r", "s",
            "t", "tr", "v",
        ]);
        name += dice.one(&["a", "e", "é", "i", "o", "u", "au", "ou", "ai", "oi", "an", "on", "in"]);
    }
    name + dice.one(&["", "", "l", "r", "t", "s", "c", "rd", "lle", "x", "ne", "zk"])
}

fn capital(name: &str) -> String {
    let mut letters = name.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

impl World {
    fn family_name(&self, dice: &mut Dice) -> String {
        let one = |dice: &mut Dice| name(dice.uneven(self.names.0, self.names.2), 1).to_uppercase();
        match dice.below(20) {
            0 => format!("{}-{}", one(dice), one(dice)),
            1 => format!("{} {}", dice.one(&["DE", "LE", "DE LA", "VAN"]), one(dice)),
            _ => one(dice),
        }
    }

    /// Names of women end otherwise, most of the time.
    fn first_names(&self, is_woman: bool, dice: &mut Dice) -> Vec<String> {
        let one = |dice: &mut Dice| {
            let number = dice.uneven(self.names.1, self.names.2);
            let name = capital(&name(number, 2));
            if is_woman && number.is_multiple_of(2) { name + "a" } else { name }
        };
        (0..1 + dice.below(3))
            .map(|_| if dice.chance(0.04) { format!("{}-{}", one(dice), one(dice)) } else { one(dice) })
            .collect()
    }

    fn place(&self, dice: &mut Dice) -> Place {
        let number = dice.uneven(900, 2.0);
        let town = capital(&name(number, 3));
        if dice.chance(0.08) {
            let country = number % 7;
            let (town, country, code) = (town, name(country, 4).to_uppercase(), 99_401 + country);
            return Place { code: code.to_string(), name: town, country };
        }
        let (name, code) = if number.is_multiple_of(11) {
            let borough = 1 + number % 20;
            (format!("Paris {borough}e Arrondissement"), format!("751{borough:02}"))
        } else {
            (
                format!("{}{town}", ["", "Saint-", "La "][number % 3]),
                format!("{:02}{:03}", 1 + number % 90, number),
            )
        };
        Place { code, name, country: "FRANCE".to_owned() }
    }

    fn person(&self, dice: &mut Dice) -> Person {
        let is_woman = dice.chance(0.5);
        let place = self.place(dice);
        let mut date = [1925 + dice.below(95) as u32, 1 + dice.below(12) as u32, 1 + dice.below(28) as u32];
        if place.country != "FRANCE" && dice.chance(0.05) {
            date[2] = 0;
        }
        Person {
            nom: self.family_name(dice),
            nom_usage: if is_woman && dice.chance(0.4) { self.family_name(dice) } else { String::new() },
            prenoms: self.first_names(is_woman, dice),
            is_woman,
            date,
            place,
            nir: String::new(),
            is_in_register: dice.chance(self.covered),
        }
    }

    pub fn populate(&self) -> Vec<Person> {
        let mut dice = Dice(self.seed);
        let mut all: Vec<Person> = Vec::with_capacity(self.people);
        while all.len() < self.people {
            let mut person = self.person(&mut dice);
            if !all.is_empty() && dice.chance(self.related) {
                let other = all[dice.below(all.len())].clone();
                let stranger = person.clone();
                match dice.below(10) {
                    // Twins, whom nobody gives one name.
                    0..4 if other.prenoms[0] == stranger.prenoms[0] => {}
                    0..4 => {
                        person = Person {
                            prenoms: stranger.prenoms,
                            is_woman: stranger.is_woman,
                            nom_usage: stranger.nom_usage,
                            ..other
                        }
                    }
                    4..7 => {
                        person.nom = other.nom;
                        person.place = other.place;
                        person.date[0] = (other.date[0] + 9).min(2020) - dice.below(18) as u32;
                    }
                    7..9 => {
                        person = Person {
                            date: person.date,
                            place: person.place,
                            nom_usage: person.nom_usage,
                            ..other
                        };
                        if dice.chance(0.4) {
                            person.prenoms.truncate(1);
                        }
                    }
                    // Doubles: of one date, elsewhere.
                    _ => person = Person { place: person.place, ..other },
                }
                person.is_in_register = stranger.is_in_register;
            }
            person.nir = nir(all.len(), person.is_woman);
            all.push(person);
        }
        all
    }

    /// Somebody without relatives, always the same under this number.
    #[allow(dead_code, reason = "the benchmark draws people one by one")]
    pub fn stranger(&self, number: usize) -> Person {
        let mut dice = Dice(self.seed ^ (number as u64) << 20);
        let person = self.person(&mut dice);
        Person { nir: nir(number, person.is_woman), ..person }
    }
}

/// An identifier of its own for every number: the year and the month count too.
fn nir(number: usize, is_woman: bool) -> String {
    let (rest, order) = (number / 900, 1 + number % 900);
    let (rest, commune) = (rest / 900, rest % 900);
    let (year, month) = (rest / 12 % 100, 1 + rest % 12);
    let commune = 1 + commune;
    format!("{}{year:02}{month:02}01{commune:03}{order:03}", 1 + u32::from(is_woman))
}

impl Person {
    /// As the register has it.
    pub fn cells(&self) -> Cells {
        let Self { nom, nom_usage, prenoms, is_woman, date: [year, month, day], place, .. } = self;
        let sex = if *is_woman { "F" } else { "M" };
        let date = format!("{year:04}-{month:02}-{day:02}");
        [nom, nom_usage, &prenoms.join(" "), sex, &date, &place.code, &place.name, &place.country]
            .map(ToOwned::to_owned)
    }
}

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

/// What is done to a row, and what it is called. `None` where it cannot be done to this person.
pub type Error = (&'static str, fn(&Person, &mut Cells, &mut Dice) -> Option<()>);

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
    ("as it is", |_, _, _| Some(())),
    ("lower case", |_, cells, _| {
        cells.iter_mut().for_each(|cell| *cell = cell.to_lowercase());
        Some(())
    }),
    ("commas", |person, cells, _| {
        cells[PRENOMS] = person.prenoms.join(", ");
        Some(())
    }),
    ("hyphens", |_, cells, _| {
        cells[NOM] = cells[NOM].replace(['-', ' '], " - ");
        Some(())
    }),
    ("date as DD/MM/YYYY", |person, cells, _| {
        let [year, month, day] = person.date;
        cells[DATE] = format!("{day:02}/{month:02}/{year}");
        Some(())
    }),
];

pub const MINOR: [Error; 13] = [
    ("name mistyped", |person, cells, dice| {
        long(&person.nom)?;
        cells[NOM] = mistype(&cells[NOM], dice);
        Some(())
    }),
    ("first name mistyped", |person, cells, dice| {
        long(&person.prenoms[0])?;
        cells[PRENOMS] = mistype(&person.prenoms[0], dice);
        Some(())
    }),
    ("first name only", |person, cells, _| {
        cells[PRENOMS] = person.prenoms[0].clone();
        Some(())
    }),
    ("first names in another order", |person, cells, _| {
        cells[PRENOMS] = person.prenoms.iter().rev().cloned().collect::<Vec<_>>().join(" ");
        Some(())
    }),
    ("title", |person, cells, _| {
        cells[NOM] = format!("{} {}", if person.is_woman { "Mme" } else { "Monsieur" }, person.nom);
        Some(())
    }),
    ("married", |person, cells, _| {
        (!person.nom_usage.is_empty()).then_some(())?;
        cells[NOM] = format!("{} née {}", person.nom_usage, person.nom);
        Some(())
    }),
    ("part of the name", |person, cells, dice| {
        let parts: Vec<_> = person.nom.split(['-', ' ']).collect();
        (parts.len() == 2 && parts[1].len() >= 4 && parts[0].len() >= 2).then_some(())?;
        let at = if parts[0].len() >= 4 { dice.below(2) } else { 1 };
        cells[NOM] = parts[at].to_owned();
        Some(())
    }),
    ("day wrong", |person, cells, dice| {
        let [year, month, day] = person.date;
        (day > 1).then_some(())?;
        date(
            cells,
            [
                year,
                month,
                if dice.chance(0.5) { day - 1 } else { day % 10 + 10 * ((day / 10 + 1) % 3) }.max(1),
            ],
        )
    }),
    ("day unknown", |person, cells, _| date(cells, [person.date[0], person.date[1], 0])),
    ("sex missing", |_, cells, _| {
        cells[SEXE].clear();
        Some(())
    }),
    ("place without code", |_, cells, _| {
        cells[CODE].clear();
        Some(())
    }),
    ("place mistyped", |person, cells, dice| {
        long(&person.place.name)?;
        cells[CODE].clear();
        cells[LIBELLE] = mistype(&person.place.name, dice);
        Some(())
    }),
    ("city for borough", |person, cells, _| {
        person.place.code.starts_with("751").then_some(())?;
        cells[CODE] = "75056".to_owned();
        cells[LIBELLE] = "PARIS".to_owned();
        Some(())
    }),
];

pub const MAJOR: [Error; 9] = [
    ("usage name", |person, cells, _| {
        (!person.nom_usage.is_empty()).then_some(())?;
        cells[NOM] = person.nom_usage.clone();
        Some(())
    }),
    ("day and month exchanged", |person, cells, _| {
        let [year, month, day] = person.date;
        (day != month && (1..=12).contains(&day)).then_some(())?;
        date(cells, [year, day, month])
    }),
    ("year wrong", |person, cells, dice| {
        let [year, month, day] = person.date;
        (day > 0).then_some(())?;
        date(
            cells,
            [if dice.chance(0.5) { year + 1 } else { year - year % 10 + (year + 4) % 10 }, month, day],
        )
    }),
    ("1 January", |person, cells, _| date(cells, [person.date[0], 1, 1])),
    ("year only", |person, cells, _| {
        cells[DATE] = person.date[0].to_string();
        Some(())
    }),
    ("second first name", |person, cells, _| {
        cells[PRENOMS] = person.prenoms.get(1)?.clone();
        Some(())
    }),
    ("names exchanged", |person, cells, _| {
        cells[NOM] = person.prenoms[0].to_uppercase();
        cells[PRENOMS] = capital(&person.nom.to_lowercase());
        Some(())
    }),
    ("sex wrong", |person, cells, _| {
        cells[SEXE] = if person.is_woman { "1" } else { "2" }.to_owned();
        Some(())
    }),
    ("no place", |_, cells, _| {
        [CODE, LIBELLE, PAYS].into_iter().for_each(|at| cells[at].clear());
        Some(())
    }),
];

/// Two errors: the numbers of one of these and of another, none on one trait.
pub const PAIRS: [[usize; 2]; 9] =
    [[0, 1], [0, 7], [0, 9], [0, 11], [1, 7], [1, 11], [7, 9], [7, 11], [2, 0]];

/// People who cannot be told apart by what is said of them.
pub const AMBIGUOUS: [Error; 2] = [
    ("no first names", |_, cells, _| {
        cells[PRENOMS].clear();
        Some(())
    }),
    ("no place", |_, cells, _| {
        [CODE, LIBELLE, PAYS].into_iter().for_each(|at| cells[at].clear());
        Some(())
    }),
];
