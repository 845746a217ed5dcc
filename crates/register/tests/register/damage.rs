//! An index whose bytes are not those that were written is never read.

use std::fs;

use cstatns_base::coded::Coded as _;
use cstatns_base::identifier::Scheme;
use cstatns_register::{Builder, Index, IndexError, Places, Query};
use sha2::{Digest, Sha256};

use crate::common::{PEOPLE, Place, build, civil_status};

fn code(place: &Place, bytes: &[u8]) -> &'static str {
    let path = place.path("damaged");
    fs::write(&path, bytes).unwrap();
    Index::open(&path).err().map_or("opened", |error| error.code())
}

fn bytes(place: &Place) -> Vec<u8> {
    let mut places = Places::default();
    assert!(places.add("Dommartin", "01144", "01025"));
    build(Builder::create(&place.path("r")).unwrap().places(places), &PEOPLE[..2]).unwrap();
    fs::read(place.path("r")).unwrap()
}

#[test]
fn every_byte_counts() {
    let place = Place::new();
    let whole = bytes(&place);
    assert_eq!(code(&place, &whole), "opened");
    for at in 0..whole.len() {
        for by in [0x01, 0x80, 0xff] {
            let mut damaged = whole.clone();
            damaged[at] ^= by;
            let expected = match at {
                0..8 => "not-a-register",
                8..12 => "register-version",
                _ => "register-damaged",
            };
            assert_eq!(code(&place, &damaged), expected, "byte {at}");
        }
    }
}

#[test]
fn no_beginning_and_no_continuation_is_an_index() {
    let place = Place::new();
    let whole = bytes(&place);
    for len in 0..whole.len() {
        let expected = if len < 8 { "not-a-register" } else { "register-damaged" };
        assert_eq!(code(&place, &whole[..len]), expected, "{len} bytes");
    }
    assert_eq!(code(&place, &[&whole[..], b"\0"].concat()), "register-damaged");
    assert_eq!(code(&place, &[&whole[..], &whole].concat()), "register-damaged");
}

/// Counts that say anything at all, under a digest that is right: what is out of bounds is damage,
/// and not a panic.
#[test]
fn no_count_leads_out_of_the_file() {
    let place = Place::new();
    let whole = bytes(&place);
    let footer = whole.len() - 88;
    for count in 0..7 {
        for value in [0, 1, u64::from(u32::MAX), u64::MAX / 12, u64::MAX] {
            let mut damaged = whole.clone();
            damaged[footer + 8 * count..][..8].copy_from_slice(&value.to_le_bytes());
            let end = damaged.len() - 32;
            let digest = Sha256::digest(&damaged[..end]);
            damaged[end..].copy_from_slice(&digest);
            let found = code(&place, &damaged);
            // The numbers of people and of identifiers are only told.
            let told = matches!(count, 1 | 2) || damaged == whole;
            assert_eq!(
                found,
                if told { "opened" } else { "register-damaged" },
                "count {count} is {value}"
            );
        }
    }
}

/// Everything else that can stand there, under a digest that is right: an answer or damage, and not
/// a panic.
#[test]
fn nothing_that_stands_in_an_index_is_a_panic() {
    let place = Place::new();
    let whole = bytes(&place);
    let footer = whole.len() - 88;
    let (mut opened, mut refused) = (0, 0);
    for at in 32..footer + 56 {
        for value in [&[0_u8][..], &[0x7f], &[0xff; 4], &[0xff; 8]] {
            let mut damaged = whole.clone();
            let end = (at + value.len()).min(footer + 56);
            damaged[at..end].copy_from_slice(&value[..end - at]);
            let digest = Sha256::digest(&damaged[..footer + 56]);
            damaged[footer + 56..].copy_from_slice(&digest);
            fs::write(place.path("crafted"), &damaged).unwrap();
            let Ok(index) = Index::open(&place.path("crafted")) else { continue };
            opened += 1;
            refused += usize::from(use_all_of_it(&index).is_err());
        }
    }
    assert!(opened > 2000 && refused > 100, "{opened} {refused}");
}

fn use_all_of_it(index: &Index) -> Result<(), IndexError> {
    let rows: Vec<Vec<_>> = PEOPLE.iter().take(3).map(|row| row.split(';').collect()).collect();
    let query = |cells: &[&'static str]| Query {
        civil_status: civil_status(|field| cells[field as usize]),
        identifier: None,
    };
    let outcome = index.stats().map(|_| ());
    let weights = index.learn(rows.iter().map(|cells| query(cells)));
    let Ok(weights) = weights else { return outcome.and(weights.map(|_| ())) };
    let looked_up = rows.iter().try_for_each(|cells| {
        let own = Scheme::FrNir.parse(cells[1].as_bytes()).unwrap().identifier;
        index.look_up(&weights, &Query { identifier: Some(&own), ..query(cells) })?;
        let (answer, _) = index.evaluate(&weights, &query(cells), Some(&own))?;
        assert!((0.0..=1.0).contains(&answer.score));
        Ok(())
    });
    outcome.and(looked_up)
}

/// Numbers of rows that there are not, with and without bytes that could be one behind the last.
#[test]
fn a_row_that_there_is_not_is_damage() {
    let place = Place::new();
    let whole = bytes(&place);
    let footer = whole.len() - 88;
    let count = |at: usize| {
        usize::try_from(u64::from_le_bytes(*whole[footer + 8 * at..].first_chunk().unwrap()))
            .unwrap()
    };
    let present = 64 + count(5) + 8 * count(0);
    for number in [2_u32, 3, 1 << 29, u32::MAX] {
        let mut damaged = whole.clone();
        damaged[present..present + 4].copy_from_slice(&number.to_le_bytes());
        let digest = Sha256::digest(&damaged[..footer + 56]);
        damaged[footer + 56..].copy_from_slice(&digest);
        fs::write(place.path("crafted"), &damaged).unwrap();
        let index = Index::open(&place.path("crafted")).unwrap();
        assert_eq!(use_all_of_it(&index).unwrap_err().code(), "register-damaged", "{number}");
    }
}

#[test]
fn an_old_version_is_refused_by_name() {
    let place = Place::new();
    let mut old = bytes(&place);
    old[8..12].copy_from_slice(&1_u32.to_le_bytes());
    fs::write(place.path("old"), &old).unwrap();
    let message = Index::open(&place.path("old")).err().unwrap().to_string();
    assert!(message.contains("is an index of format 1, this version reads format 3"));
}

#[test]
fn what_is_no_file_is_said_to_be_none() {
    let place = Place::new();
    let code = |name| Index::open(&place.path(name)).err().unwrap().code();
    assert_eq!(code("missing"), "file-missing");
    fs::create_dir(place.path("directory")).unwrap();
    assert_eq!(code("directory"), "not-a-file");
}

/// The format is what it was, but for the id: a change of it, or of a normal form, needs another
/// version number.
#[test]
fn golden() {
    let place = Place::new();
    build(Builder::create(&place.path("golden")).unwrap(), &PEOPLE).unwrap();
    let mut bytes = fs::read(place.path("golden")).unwrap();
    bytes[16..64].fill(7);
    let digest = Sha256::digest(&bytes[..bytes.len() - 32]);
    let digest: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(
        (bytes.len(), &digest[..]),
        (2181, "6b641e32ceb25888bcc454dda7e3d5a5e98136225ec1f8b223f9d5bd5c127268")
    );
}

#[test]
fn every_index_has_an_id_of_its_own() {
    let place = Place::new();
    let (one, other) = (place.index("r", &PEOPLE), place.index("s", &PEOPLE));
    assert_ne!(one.id(), other.id());
    assert_eq!(fs::read(place.path("r")).unwrap()[16..32], one.id());
}

/// Another register under the id of the one that was approved: the id is the same, the commitment
/// is not.
#[test]
fn another_index_under_the_same_id_has_another_commitment() {
    let place = Place::new();
    let approved = place.index("r", &PEOPLE);
    let mut bytes = fs::read(place.path("r")).unwrap();
    let sealed = bytes.len() - 32;
    // One letter of a name, or the key itself, and the digest made anew.
    let letters = |window: &[u8]| window.iter().all(u8::is_ascii_alphabetic);
    let letter = 64 + bytes[64..].windows(4).position(letters).unwrap();
    for at in [letter + 3, 40] {
        bytes[at] ^= 1;
        let digest: [u8; 32] = Sha256::digest(&bytes[..sealed]).into();
        bytes[sealed..].copy_from_slice(&digest);
        fs::write(place.path("other"), &bytes).unwrap();
        let other = Index::open(&place.path("other")).unwrap();
        assert_eq!(other.id(), approved.id());
        assert_ne!(other.commitment(), approved.commitment());
    }
    // The same index has the same.
    assert_eq!(Index::open(&place.path("r")).unwrap().commitment(), approved.commitment());
}
