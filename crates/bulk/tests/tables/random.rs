//! Random tables: what goes in comes out with its row, whatever its quotes, breaks and bytes.

use std::collections::BTreeMap;
use std::fs;

use cstatns::identifier::Scheme;
use cstatns_controller::Column;
use proptest::prelude::*;

use crate::common::*;

/// A cell of another column: any bytes, often those that CSV is touchy about.
fn cell() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        proptest::collection::vec(proptest::sample::select(b"\",;\r\n\t a1\xe9".to_vec()), 0..12),
        proptest::collection::vec(any::<u8>(), 0..12),
    ]
}

/// A spelling that is accepted, and one that is not.
fn nir() -> impl Strategy<Value = String> {
    let valid = (1..3_u8, 0..100_u8, 1..13_u8, 1..96_u8, 0..1000_u16, 0..4_u16, any::<bool>())
        .prop_map(|(sex, year, month, place, commune, order, spaced)| match spaced {
            true => format!(" {sex} {year:02} {month:02} {place:02} {commune:03} {order:03}"),
            false => format!("{sex}{year:02}{month:02}{place:02}{commune:03}{order:03}"),
        });
    prop_oneof![8 => valid, 1 => Just(String::new()), 1 => Just("12".to_owned())]
}

/// Rows of a marker that is unique, a NIR and two other cells.
fn rows() -> impl Strategy<Value = Vec<(String, Vec<u8>, Vec<u8>)>> {
    proptest::collection::vec((nir(), cell(), cell()), 1..40).prop_filter(
        "more than half would be refused",
        |rows| {
            let bad = rows.iter().filter(|(nir, ..)| nir == "12").count();
            let filled = rows.iter().filter(|(nir, ..)| !nir.is_empty()).count();
            2 * bad <= filled
        },
    )
}

fn quoted(out: &mut Vec<u8>, cell: &[u8], always: bool) {
    if always || cell.iter().any(|byte| matches!(byte, b'"' | b',' | b';' | b'\r' | b'\n')) {
        out.push(b'"');
        cell.iter().for_each(|byte| {
            out.extend(std::iter::repeat_n(*byte, 1 + usize::from(*byte == b'"')))
        });
        out.push(b'"');
    } else {
        out.extend_from_slice(cell);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn each_row_gets_the_code_of_its_identifier_and_keeps_its_other_cells(
        rows in rows(),
        crlf: bool,
        semicolon: bool,
        always: bool,
        bom: bool,
        ending: bool,
        parquet: bool,
    ) {
        let place = Place::new();
        let way = Way::new(&place, "d", "csv", if parquet { "parquet" } else { "csv" });
        let delimiter = if semicolon { b';' } else { b',' };
        let end: &[u8] = if crlf { b"\r\n" } else { b"\n" };
        let mut data = if bom { b"\xef\xbb\xbf".to_vec() } else { Vec::new() };
        let lines = std::iter::once([&b"row"[..], b"left \"col\"", b"nir", b"right"].map(<[u8]>::to_vec)).chain(
            rows.iter().enumerate().map(|(n, (nir, left, right))| {
                [n.to_string().into_bytes(), left.clone(), nir.clone().into_bytes(), right.clone()]
            }),
        );
        for (n, line) in lines.enumerate() {
            data.extend_from_slice(if n > 0 { end } else { b"" });
            for (m, cell) in line.iter().enumerate() {
                if m > 0 { data.push(delimiter) }
                quoted(&mut data, cell, always);
            }
        }
        data.extend_from_slice(if ending { end } else { b"" });
        fs::write(&way.data, data).unwrap();

        way.prepare(Column::Identifiers { columns: &["nir"], scheme: Scheme::FrNir }, delimiter).unwrap();
        let coded = way.code(&POPULATION, 1, 1).unwrap();
        way.attach().unwrap();
        prop_assert_eq!(coded.input.rows, rows.len() as u64);

        let out = read_csv(&way.out, delimiter);
        prop_assert_eq!(&out[0], &[&b"code"[..], b"quality", b"row", b"left \"col\"", b"right"].map(<[u8]>::to_vec));
        let mut codes: BTreeMap<String, String> = BTreeMap::new();
        let mut seen = vec![false; rows.len()];
        for line in &out[1..] {
            let n: usize = std::str::from_utf8(&line[2]).unwrap().parse().unwrap();
            prop_assert!(!std::mem::replace(&mut seen[n], true));
            let (nir, left, right) = &rows[n];
            prop_assert_eq!((&line[3], &line[4]), (left, right));
            let (code, quality) = match nir.as_str() {
                "" => (String::new(), "absent"),
                "12" => (String::new(), "wrong-length"),
                nir => (codes.entry(nir.to_owned()).or_insert_with(|| POPULATION.code_of(nir, 1)).clone(), "unkeyed"),
            };
            prop_assert_eq!((&line[0], &line[1]), (&code.into_bytes(), &quality.as_bytes().to_vec()));
        }
        prop_assert!(seen.into_iter().all(|seen| seen));
    }
}
