//! Any text gets an answer, and what an index says does not depend on what else it holds.

use cstatns_base::civil_status::CivilStatus;
use cstatns_register::{Builder, Index, Origin, Query, Record};
use proptest::prelude::*;

use crate::common::{PEOPLE, Place, ask, said};

/// Right-to-left, marks, digits, directions, emoji, long ones, and things that look like the real
/// cells.
fn cell() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<String>(),
        "\\PC{0,40}",
        "[\u{590}-\u{6ff}\u{200b}-\u{200f}\u{202a}-\u{202e}0-9 ]{0,30}",
        "(D'|LE |DE LA |MME |VEUVE |NEE |-)*[A-Za-zÀ-ž]{0,12}( |-|EPOUSE | NEE )?[A-Z]{0,8}",
        "[0-9]{0,4}[-/.]?[0-9]{0,2}[-/.]?[0-9]{0,4}",
        ("\\PC{1,4}", 1000_usize..10_000).prop_map(|(text, times)| text.repeat(times)),
        Just("MARCELLIN".to_owned()),
        Just("1962-03-01".to_owned()),
        Just("Ange".to_owned()),
    ]
}

fn civil_status(cells: &[String; 8]) -> CivilStatus<'_> {
    let [nom, nom_usage, prenoms, sexe, date_naissance, code_lieu, libelle_lieu, pays] =
        cells.each_ref().map(String::as_str);
    CivilStatus { nom, nom_usage, prenoms, sexe, date_naissance, code_lieu, libelle_lieu, pays }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn any_row_is_answered(rows in proptest::collection::vec(proptest::array::uniform8(cell()), 20)) {
        let place = Place::new();
        let index = place.index("r", &PEOPLE);
        let sample = rows.iter().map(|cells| Query { civil_status: civil_status(cells), identifier: None });
        let weights = index.learn(sample).unwrap();
        for cells in &rows {
            let row = civil_status(cells);
            said(&index.look_up(&weights, &Query { civil_status: row, identifier: None }).unwrap());
        }
    }

    /// Whatever is pushed, the register is built or refused; and every row of it with a date is
    /// found, or not alone.
    #[test]
    fn any_register_is_built_or_refused(
        rows in proptest::collection::vec((cell(), proptest::array::uniform8(cell())), 1..6),
    ) {
        let place = Place::new();
        let mut builder = Builder::create(&place.path("r")).unwrap();
        for (nth, (id, cells)) in rows.iter().enumerate() {
            let nir = format!("184057510100{nth}");
            let record = Record { id, nir: &nir, civil_status: civil_status(cells) };
            builder.push(&record, Origin::default()).unwrap();
        }
        if builder.finish().is_ok() {
            let index = Index::open(&place.path("r")).unwrap();
            let weights = index.learn([]).unwrap();
            for (_, cells) in &rows {
                let query = Query { civil_status: civil_status(cells), identifier: None };
                let answer = index.look_up(&weights, &query).unwrap();
                prop_assert_ne!(said(&answer), "not-found");
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// The order of the rows, and the rows of others, change no answer.
    #[test]
    fn an_answer_is_of_its_person(order in Just(PEOPLE).prop_shuffle(), others in 0_usize..50) {
        // The rows of one person keep theirs: the last is the present one.
        let earlier = order.iter().position(|row| row.contains("008")).unwrap();
        let later = order.iter().position(|row| row.contains("009")).unwrap();
        prop_assume!(earlier < later);
        let others: Vec<_> = (0..others)
            .map(|nth| format!("o{nth};18405751012{nth:02};MARCELLIN;;Ange;M;1963-03-01;2B033;;"))
            .collect();
        let rows: Vec<_> = others.iter().map(String::as_str).chain(order).collect();
        let place = Place::new();
        let (index, alone) = (place.index("r", &rows), place.index("s", &PEOPLE));
        for row in PEOPLE {
            let row = row.splitn(3, ';').nth(2).unwrap();
            prop_assert_eq!(ask(&index, row), ask(&alone, row));
        }
    }
}
