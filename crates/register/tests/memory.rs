//! What a register's index takes in memory while it is built.

use allocation_counter::measure;
use cstatns_base::civil_status::CivilStatus;
use cstatns_register::{Builder, Origin, Record};

/// The most bytes at one time, for so many people whose texts have so many letters and some more.
fn most(people: u32, long: usize) -> f64 {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("r");
    let tail = "x".repeat(long);
    let used = measure(|| {
        let mut builder = Builder::create(&path).unwrap();
        for nth in 0..people {
            let id = format!("P{nth}");
            let nir =
                format!("1{:02}{:02}75{:06}", nth / 12 % 100, 1 + nth % 12, 1_001 + nth / 1200);
            let nom = format!("N{}{tail}", nth % 5000);
            let prenoms = format!("F{} G{}", nth % 300, nth % 77);
            let date = format!("{}-{:02}-{:02}", 1930 + nth % 90, 1 + nth % 12, 1 + nth % 28);
            let record = Record {
                id: &id,
                nir: &nir,
                civil_status: CivilStatus {
                    nom: &nom,
                    nom_usage: &tail,
                    prenoms: &prenoms,
                    sexe: "1",
                    date_naissance: &date,
                    code_lieu: "75101",
                    libelle_lieu: &tail,
                    pays: &tail,
                },
            };
            builder.push(&record, Origin { number: nth + 2, ..Origin::default() }).unwrap();
        }
        assert_eq!(builder.finish().unwrap().people, u64::from(people));
    });
    used.bytes_max as f64
}

/// 10 million people in 4 GiB are 429 bytes for each, vectors that double when they are full
/// included; and of their texts nothing.
#[test]
fn no_row_waits_in_memory() {
    let people = 60_000;
    let [short, long] = [1, 100].map(|long| most(people, long) / f64::from(people));
    assert!((40.0..429.0).contains(&short) && (long - short).abs() < 5.0, "{short} {long}");
}
