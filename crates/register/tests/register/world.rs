//! Other registers than that of the shared data: invented people of invented names, their relatives
//! and homonyms. What files would say of them is in `errors`. Everything follows from a seed.

#![allow(unreachable_pub, reason = "one test binary")]

use cstatns_base::civil_status::CivilStatus;

/// What a world is like.
#[derive(Clone, Copy)]
pub struct World {
    pub seed: u64,
    pub people: usize,
    /// How many of them the register has.
    pub covered: f64,
    /// How many are a relative or homonym ([`RELATIVES`]) of somebody else.
    pub related: f64,
    /// Distinct family names and first names, and how uneven their use is: 1 is even, 2 much as in
    /// France.
    pub names: (usize, usize, f64),
    /// How many of the rows that are asked have no error, one, one that is serious, two.
    pub errors: [f64; 4],
    /// How many of the rows are of somebody who is not among the people at all, but a relative or
    /// homonym of one of them.
    pub invented: f64,
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
            "b", "br", "c", "ch", "d", "f", "fl", "g", "gr", "j", "l", "m", "n", "p", "ph", "qu",
            "r", "s", "t", "tr", "v",
        ]);
        name += dice.one(&["a", "e", "é", "i", "o", "u", "au", "ou", "ai", "oi", "an", "on", "in"]);
    }
    name + dice.one(&["", "", "l", "r", "t", "s", "c", "rd", "lle", "x", "ne", "zk"])
}

pub fn capital(name: &str) -> String {
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
            .map(
                |_| {
                    if dice.chance(0.04) {
                        format!("{}-{}", one(dice), one(dice))
                    } else {
                        one(dice)
                    }
                },
            )
            .collect()
    }

    fn place(&self, dice: &mut Dice) -> Place {
        let number = dice.uneven(900, 2.0);
        let town = capital(&name(number, 3));
        let of = |code: String, name: String, country: &str| Place {
            code,
            name,
            country: country.to_owned(),
        };
        let borough = |code: usize, city: &str, many: usize| {
            let borough = 1 + number % many;
            let th = if borough == 1 { "er" } else { "e" };
            of(
                format!("{}", code + borough),
                format!("{city} {borough}{th} Arrondissement"),
                "FRANCE",
            )
        };
        match dice.below(100) {
            0..3 => of("99352".to_owned(), town, "ALGERIE"),
            3..8 => {
                of(format!("{}", 99_401 + number % 7), town, &name(number % 7, 4).to_uppercase())
            }
            8..13 => borough(75_100, "Paris", 20),
            13..15 => borough(69_380, "Lyon", 9),
            15..18 => borough(13_200, "Marseille", 16),
            18..20 => of(format!("2{}{:03}", ["A", "B"][number % 2], number), town, "FRANCE"),
            20..23 => of(format!("97{}{:02}", 1 + number % 4, 1 + number % 30), town, "FRANCE"),
            _ => {
                let town = format!("{}{town}", ["", "Saint-", "La "][number % 3]);
                of(format!("{:02}{number:03}", 21 + number % 70), town, "FRANCE")
            }
        }
    }

    fn person(&self, dice: &mut Dice) -> Person {
        let is_woman = dice.chance(0.5);
        let place = self.place(dice);
        let mut date =
            [1925 + dice.below(95) as u32, 1 + dice.below(12) as u32, 1 + dice.below(28) as u32];
        if place.country != "FRANCE" && dice.chance(0.05) {
            date[2] = 0;
        }
        if place.country == "ALGERIE" {
            date[0] = 1925 + date[0] % 37;
        }
        Person {
            nom: self.family_name(dice),
            nom_usage: if is_woman && dice.chance(0.4) {
                self.family_name(dice)
            } else {
                String::new()
            },
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
                let is_in_register = person.is_in_register;
                let of = &all[dice.below(all.len())];
                (_, person) = relative(of, person, &mut dice);
                person.is_in_register = is_in_register;
            }
            person.nir = nir(all.len(), person.is_woman);
            all.push(person);
        }
        all
    }

    /// Somebody who looks like this person, and what they are to each other.
    #[allow(dead_code, reason = "the benchmark asks for strangers")]
    pub fn look_alike(&self, of: &Person, dice: &mut Dice) -> (&'static str, Person) {
        let stranger = self.person(dice);
        relative(of, stranger, dice)
    }

    /// Somebody without relatives, always the same under this number.
    #[allow(dead_code, reason = "the benchmark draws people one by one")]
    pub fn stranger(&self, number: usize) -> Person {
        let mut dice = Dice(self.seed ^ (number as u64) << 20);
        let person = self.person(&mut dice);
        Person { nir: nir(number, person.is_woman), ..person }
    }
}

/// Relatives and homonyms: how many of a hundred, and what they have of somebody; the rest is a
/// stranger's.
type Relative = (&'static str, usize, fn(&Person, Person, &mut Dice) -> Person);

const RELATIVES: [Relative; 6] = [
    ("twin", 35, |of, new, _| Person {
        prenoms: new.prenoms,
        is_woman: new.is_woman,
        nom_usage: new.nom_usage,
        ..of.clone()
    }),
    // As Jean and Jeanne.
    ("twin of a near name", 3, |of, new, _| {
        let near = match of.prenoms[0].strip_suffix('a') {
            Some(shorter) => shorter.to_owned(),
            None => format!("{}a", of.prenoms[0]),
        };
        let prenoms = std::iter::once(near).chain(new.prenoms.into_iter().skip(1)).collect();
        Person { prenoms, is_woman: !of.is_woman, nom_usage: new.nom_usage, ..of.clone() }
    }),
    ("brother or sister", 32, |of, new, dice| {
        let year = of.date[0] + 9 - dice.below(18) as u32;
        Person {
            nom: of.nom.clone(),
            place: of.place.clone(),
            date: [year, new.date[1], new.date[2]],
            ..new
        }
    }),
    ("father or son", 12, |of, new, dice| {
        let year = (of.date[0] + 20 + dice.below(20) as u32).min(2024);
        let place = if dice.chance(0.4) { of.place.clone() } else { new.place };
        Person {
            date: [year, new.date[1], new.date[2]],
            place,
            nom_usage: new.nom_usage,
            ..of.clone()
        }
    }),
    ("homonym", 14, |of, new, dice| {
        let few = if dice.chance(0.4) { 1 } else { of.prenoms.len() };
        let prenoms = of.prenoms[..few].to_vec();
        Person { prenoms, date: new.date, place: new.place, nom_usage: new.nom_usage, ..of.clone() }
    }),
    ("homonym of the date", 4, |of, new, _| Person { place: new.place, ..of.clone() }),
];

/// Of a stranger: a relative of somebody. Twins whom chance would give one name stay strangers.
fn relative(of: &Person, stranger: Person, dice: &mut Dice) -> (&'static str, Person) {
    let mut nth = dice.below(100);
    if stranger.prenoms[0] == of.prenoms[0] {
        return ("stranger", stranger);
    }
    for (name, share, make) in RELATIVES {
        if nth < share {
            return (name, make(of, stranger, dice));
        }
        nth -= share;
    }
    unreachable!("they are a hundred")
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
