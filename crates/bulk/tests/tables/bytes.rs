//! Text that is attached is as it was, byte for byte, but for the columns that were sent.

use std::fs;

use cstatns::identifier::Scheme;
use cstatns_controller::Column;

use crate::common::*;

/// A cell as it stands in the file: in quotes or not, of row `row` and column `column`.
fn cell(row: usize, column: usize, every: usize) -> String {
    match (row * 7 + column * 3) % every {
        0 => format!("\"{row}\""),
        1 => format!("\"a \"\"b\"\" {row}\""),
        2 => "\"\"".to_owned(),
        3 => "\"over\nlines\r\n\"".to_owned(),
        4 => format!("5\" {row}"),
        5 => " \"not one\" ".to_owned(),
        6 => "\"é,;\t\"".to_owned(),
        7 => String::new(),
        _ => format!("cell {row}"),
    }
}

#[test]
fn every_other_byte_of_text_comes_back() {
    // Sparse quotes come between plain lines, dense ones in each row.
    for (rows, every) in [(40, 9), (30_000, 9_001)] {
        for (at, end) in ["\n", "\r\n", "\r"].into_iter().enumerate() {
            for delimiter in [',', ';'] {
                let (mark, said) = (at != 1, at == 1);
                let place = Place::new();
                let way = Way::new(&place, "d", "csv", "csv");
                let start = [
                    if mark { "\u{feff}" } else { "" }.to_owned(),
                    if said { format!("sep={delimiter}{end}") } else { String::new() },
                ]
                .concat();
                let line = |cells: &[&str]| cells.join(&delimiter.to_string()) + end;
                let mut data = start.clone() + &line(&["\"first\"", "nir", "b", "\"c, d\""]);
                let mut expected =
                    start.clone() + &line(&["code", "quality", "\"first\"", "b", "\"c, d\""]);
                let code = POPULATION.code_of(UNKEYED, 1);
                for row in 0..rows {
                    let [a, b, c] = [0, 2, 3].map(|column| cell(row, column, every));
                    let nir = match row % 3 {
                        0 => format!("\"{UNKEYED}\""),
                        1 => UNKEYED.to_owned(),
                        _ => String::new(),
                    };
                    data += &line(&[&a, &nir, &b, &c]);
                    let (code, word) =
                        if row % 3 == 2 { ("", "absent") } else { (&*code, "unkeyed") };
                    expected += &line(&[code, word, &a, &b, &c]);
                }
                fs::write(&way.data, data).unwrap();
                way.prepare(
                    Column::Identifiers { columns: &["nir"], scheme: Scheme::FrNir },
                    delimiter as u8,
                )
                .unwrap();
                way.code(&POPULATION, 1, 1).unwrap();
                way.attach().unwrap();
                let found = fs::read_to_string(&way.out).unwrap();
                let what = format!("{every} {end:?} {delimiter}");
                if found != expected {
                    let at =
                        found.bytes().zip(expected.bytes()).take_while(|(a, b)| a == b).count();
                    let near = |text: &str| {
                        String::from_utf8_lossy(
                            &text.as_bytes()[at.saturating_sub(40)..(at + 40).min(text.len())],
                        )
                        .into_owned()
                    };
                    panic!("{what}: {:?} is not {:?}", near(&found), near(&expected));
                }
            }
        }
    }
}
