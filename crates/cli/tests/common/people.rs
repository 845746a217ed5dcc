//! A register of people who do not exist, and rows that ask for them.

#![allow(dead_code, unreachable_pub)]

use std::fmt::Write as _;

use crate::common::{Place, keyed};

/// Numbers that look random and are always the same.
pub struct Numbers(pub u64);

impl Numbers {
    pub fn below(&mut self, most: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut number = self.0;
        number = (number ^ (number >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        number = (number ^ (number >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((number ^ (number >> 31)) % most as u64) as usize
    }

    fn word(&mut self, syllables: usize) -> String {
        let mut word = String::new();
        for _ in 0..syllables {
            word.push(char::from(b"bcdfgjklmnprstvz"[self.below(16)]));
            word.push(char::from(b"aeiou"[self.below(5)]));
        }
        word + ["x", "rd", "st", "lle", "nt"][self.below(5)]
    }
}

pub struct Person {
    pub id: String,
    pub nir: String,
    /// nom, prenoms, sexe, date, place.
    pub cells: [String; 5],
}

impl Person {
    pub fn new(nth: usize, numbers: &mut Numbers) -> Self {
        let cells = [
            numbers.word(3),
            numbers.word(2),
            ["M", "F"][numbers.below(2)].to_owned(),
            format!(
                "{}-{:02}-{:02}",
                1930 + numbers.below(80),
                1 + numbers.below(12),
                1 + numbers.below(28)
            ),
            format!("{:05}", 1001 + 100 * numbers.below(900)),
        ];
        Self {
            id: format!("K-{:04}", 9 * nth),
            nir: keyed(&format!("1840575{:03}{:03}", 101 + nth / 900, 1 + nth % 900)),
            cells,
        }
    }

    pub fn row(&self) -> String {
        format!("{},{},{}", self.id, self.nir, self.cells.join(","))
    }
}

/// The file of a register of these people.
pub fn register(people: &[Person]) -> String {
    let mut register = String::from("id,nir,nom,prenoms,sexe,date_naissance,code_lieu\n");
    people.iter().for_each(|person| writeln!(register, "{}", person.row()).unwrap());
    register
}

/// `people.csv` of 300 people, each of the last ten with a double born elsewhere; and `known.csv`,
/// 201 rows of whom it is known.
pub fn write_people(place: &Place) -> Vec<Person> {
    let mut numbers = Numbers(7);
    let mut people: Vec<_> = (0..300).map(|nth| Person::new(nth, &mut numbers)).collect();
    for nth in 0..10 {
        let mut double = Person::new(300 + nth, &mut numbers);
        let place = double.cells[4].clone();
        double.cells = people[290 + nth].cells.clone();
        double.cells[4] = place;
        people.push(double);
    }
    place.write("people.csv", register(&people));

    let mut queries =
        String::from("level,error,person,nom,prenoms,sexe,date_naissance,code_lieu,weight\n");
    let mut query = |kind: &str, truth: &str, cells: &[String; 5]| {
        writeln!(queries, "{kind},{truth},{},1", cells.join(",")).unwrap();
    };
    for (nth, person) in people[..160].iter().enumerate() {
        let mut cells = person.cells.clone();
        match nth {
            0..100 => {
                query("exact,as_it_is", if nth % 2 == 0 { &person.id } else { &person.nir }, &cells)
            }
            100..140 => {
                // Two letters exchanged.
                let (begin, end) = cells[0].split_at(2);
                let mut letters = end.chars();
                let (one, two) = (letters.next().unwrap(), letters.next().unwrap());
                cells[0] = format!("{begin}{two}{one}{}", letters.as_str());
                query("minor,name-typing", &person.id, &cells);
            }
            _ => {
                cells[4] = String::new();
                query("minor,no_place", &person.id, &cells);
            }
        }
    }
    for pair in 0..10 {
        let (one, two) = (&people[290 + pair], &people[300 + pair]);
        let mut cells = one.cells.clone();
        cells[4] = String::new();
        query("ambiguous,double", &format!("{}|{}", one.id, two.nir), &cells);
    }
    for _ in 0..30 {
        query("none,absent", "", &Person::new(0, &mut numbers).cells);
    }
    query("excluded,absent", &people[200].id, &Person::new(0, &mut numbers).cells);
    place.write("known.csv", queries);
    people
}
