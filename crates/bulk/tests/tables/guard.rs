//! Columns that must not stay beside the codes, and cells that have swallowed rows.

use std::collections::BTreeMap;
use std::fs;
use std::sync::Arc;

use arrow_array::builder::{ListBuilder, StringBuilder};
use arrow_array::types::{ArrowPrimitiveType, Decimal256Type, Int32Type};
use arrow_array::{
    ArrayRef, BinaryArray, Decimal64Array, Decimal128Array, Decimal256Array, DictionaryArray,
    FixedSizeBinaryArray, Float64Array, Int64Array, StringArray, StructArray, UInt64Array,
};
use arrow_schema::{DataType, Field as ArrowField};
use cstatns::civil_status::{Field, Years};
use cstatns::coded::Coded as _;
use cstatns::identifier::Scheme;
use cstatns::name::Name;
use cstatns_controller::{Column, Prepare, PrepareError, Prepared, prepare};
use cstatns_rows::effort::{Effort, Progress};
use cstatns_rows::error::TableError;
use cstatns_rows::guard::Held;
use cstatns_rows::people::Records;

use crate::common::*;

/// A NIR of somebody, with its key.
fn keyed(row: u64) -> String {
    let canonical =
        format!("1{:02}{:02}75{:03}{:03}", row % 100, row % 12 + 1, row % 999 + 1, row % 998 + 1);
    let key = 97 - canonical.parse::<u64>().unwrap() % 97;
    format!("{canonical}{key:02}")
}

fn unkeyed(row: u64) -> String {
    keyed(row)[..13].to_owned()
}

fn run(way: &Way, column: Column<'_>, accepted: &[&str]) -> Result<Prepared, PrepareError> {
    let accepted: Vec<_> = accepted
        .iter()
        .map(|column| ((*column).to_owned(), Name::new("for-a-test").unwrap()))
        .collect();
    let Way { data, request, retained, .. } = way;
    let what = Prepare {
        sending: None,
        signing: &crate::signed::signing(),
        data: data.into(),
        column,
        service: service(),
        domain: domain(),
        request,
        beside: retained.into(),
        delimiter: b',',
        reading: cstatns_rows::reading::Reading::default(),
        accepted: &accepted,
    };
    prepare(what, &Effort::default())
}

/// What becomes of CSV data; where it is refused, nothing is left.
fn csv(data: &str, column: Column<'_>, accepted: &[&str]) -> Result<Prepared, String> {
    let place = Place::new();
    let way = Way::new(&place, "d", "csv", "csv");
    fs::write(&way.data, data).unwrap();
    run(&way, column, accepted).map_err(|error| {
        assert_eq!(place.names(), ["d.csv"]);
        format!("{}: {error}", error.code())
    })
}

const NIR: Column<'_> = Column::Identifiers { columns: &["nir"], scheme: Scheme::FrNir };

/// Rows of a NIR and what `cells` gives beside it.
fn rows(header: &str, count: u64, cells: impl Fn(u64) -> String) -> String {
    let rows = (0..count).map(|row| format!("{},{}\n", keyed(row + 5000), cells(row)));
    format!("nir,{header}\n{}", rows.collect::<String>())
}

fn refused(data: &str, column: Column<'_>, words: &[&str]) -> String {
    let said = csv(data, column, &[]).unwrap_err();
    assert!(said.starts_with("identity-kept: "), "{said}");
    words.iter().for_each(|word| assert!(said.contains(word), "{said} without {word}"));
    assert!(!said.contains(&keyed(5000)[..9]), "{said}");
    said
}

#[test]
fn names_of_columns_that_say_who_somebody_is() {
    for name in [
        "nom",
        "NOM",
        "Nom",
        "NOM_USAGE",
        "prenoms",
        "Prénom",
        "NIR",
        "Nir",
        " nom ",
        "\u{a0}nom_usage",
    ] {
        refused(&rows(name, 3, |_| "x".into()), NIR, &["by its name", "beside the codes"]);
    }
    for name in [
        "sexe",
        "annee_naissance",
        "commune",
        "pays",
        "id",
        "date_naissance",
        "CODE_LIEU",
        "libelle_lieu",
    ] {
        csv(&rows(name, 3, |_| "1".into()), NIR, &[]).unwrap();
    }
    // The first column, behind a byte order mark in quotes.
    let data = format!("\u{feff}\"nom\",nir\nx,{}\n", keyed(1));
    refused(&data, NIR, &["column nom,"]);
    // A full date and a place of birth together, in any order and case.
    for (date, place) in [
        ("date_naissance", "code_lieu"),
        ("DATE_NAISSANCE", "Libelle_Lieu"),
        ("birth_date", "lieu_naissance"),
    ] {
        for header in [format!("{date},{place}"), format!("{place},x,{date}")] {
            let cells = header.split(',').map(|_| "1").collect::<Vec<_>>().join(",");
            let data = rows(&header, 3, |_| cells.clone());
            refused(&data, NIR, &["date of birth", place]);
            for accepted in [date, place] {
                let risks = csv(&data, NIR, &[accepted]).unwrap().found.risks;
                assert!(risks[0].is_needed && risks[0].column == accepted);
            }
        }
    }
    // Codes that are renewed.
    let code = POPULATION.code_of(KEYED, 1);
    refused(&format!("code,Nom\n{code},x\n"), Column::Codes(&["code"]), &["column Nom,"]);
    csv(&format!("code,Nom\n{code},x\n"), Column::Codes(&["code"]), &["Nom"]).unwrap();
    // Civil status: a date stays neither; sex and place do.
    let people = |extra: &str| format!("nom,prenoms,born,{extra}\nDomal,Bafe,1984-01-02,1\n");
    let civil_status =
        Column::CivilStatus { map: &[(Field::DateNaissance, "born")], years: Years::now() };
    for name in ["NOM_USAGE", "NIR", "Date_Naissance", "Prenoms", "nom_naissance"] {
        refused(&people(name), civil_status, &[&format!("column {name},")]);
        assert!(csv(&people(name), civil_status, &[name]).unwrap().found.risks[0].is_needed);
    }
    for name in ["SEXE", "CODE_LIEU", "commune"] {
        csv(&people(name), civil_status, &[]).unwrap();
    }
}

#[test]
fn a_column_is_shown_only_where_its_name_can_be() {
    let data = format!("nir,{},nom\n{},1,2\n", keyed(5000), keyed(1));
    refused(&data, NIR, &["column number 3,"]);
    let data = format!("nir,{}\n{}", keyed(5000), rows("x", 50, keyed).split_once('\n').unwrap().1);
    refused(&data, NIR, &["column number 2,"]);
}

#[test]
fn risks_that_are_accepted() {
    let data = rows("nom,wage", 3, |_| "x,1".into());
    let prepared = csv(&data, NIR, &["nom"]).unwrap();
    assert_eq!(prepared.found.risks.len(), 1);
    assert!(
        prepared.found.risks[0].is_needed
            && prepared.found.risks[0].reason.as_str() == "for-a-test"
    );
    let prepared = csv(&data, NIR, &["wage", "nom"]).unwrap();
    assert_eq!(
        prepared.found.risks.iter().map(|risk| risk.is_needed).collect::<Vec<_>>(),
        [false, true]
    );
    let said = csv(&data, NIR, &["nom", "none"]).unwrap_err();
    assert!(said.starts_with("missing-column: ") && said.contains("\"none\""), "{said}");
    let said = csv(&data, NIR, &["nir", "nom"]).unwrap_err();
    assert!(said.starts_with("risk-sent: ") && said.contains("\"nir\""), "{said}");
    // Of one column only.
    let said = csv(&rows("nom,prenoms", 3, |_| "x,y".into()), NIR, &["nom"]).unwrap_err();
    assert!(said.starts_with("identity-kept: ") && said.contains("column prenoms,"), "{said}");
    // What is known by its cells.
    let prepared = csv(&rows("other", 100, keyed), NIR, &["other"]).unwrap();
    assert!(prepared.found.risks[0].is_needed);
    assert_eq!(prepared.found.identifiers["other"], Held { filled: 100, keyed: 100, unkeyed: 0 });
}

/// More than 2 % with their key, or 90 % without one, of the cells that are not empty; below that
/// they are counted.
#[test]
fn identifiers_are_known_by_their_cells() {
    let some = |count: u64, cell: fn(u64) -> String, other: &'static str| {
        rows("a,other,z", 1000, move |row| match row % 2 == 0 && row / 2 < count {
            true => format!("1,{},", cell(row)),
            false => format!("1,{other},"),
        })
    };
    let held = |data: &str| csv(data, NIR, &[]).unwrap().found.identifiers;
    assert_eq!(held(&some(0, keyed, "2")), BTreeMap::new());
    let at = |keyed, unkeyed, filled| {
        BTreeMap::from([("other".to_owned(), Held { filled, keyed, unkeyed })])
    };
    assert_eq!(held(&some(20, keyed, "2")), at(20, 0, 1000));
    refused(&some(21, keyed, "2"), NIR, &["column other,", "21 with their key", "in 1000 cells"]);
    refused(&some(1, keyed, ""), NIR, &["1 with their key", "in 1 cells"]);
    refused(&some(1, keyed, "                "), NIR, &["in 1 cells"]);
    assert_eq!(held(&some(400, unkeyed, "2")), at(0, 400, 1000));
    let most = |count: u64| {
        rows("other", 1000, move |row| if row < count { unkeyed(row) } else { "2".into() })
    };
    assert_eq!(held(&most(899)), at(0, 899, 1000));
    refused(&most(900), NIR, &["900 without one"]);
    // A wrong key is none, nor is a number as long.
    csv(&rows("other", 100, |row| format!("{}00", unkeyed(row))), NIR, &[]).unwrap();
    csv(&rows("other", 100, |row| format!("9{}", &keyed(row)[1..])), NIR, &[]).unwrap();
    csv(&rows("other", 1000, |row| format!("{}", 500_000_000_000_000 + 7919 * row)), NIR, &[])
        .unwrap();
    csv(
        &rows("other", 1000, |row| format!("2024-01-{:02} 12:{:02}:59", row % 28 + 1, row % 60)),
        NIR,
        &[],
    )
    .unwrap();
}

#[test]
fn any_spelling_of_an_identifier_is_known() {
    let spelt = |space: &str, row: u64| {
        let nir = keyed(row);
        let parts =
            [&nir[..1], &nir[1..3], &nir[3..5], &nir[5..7], &nir[7..10], &nir[10..13], &nir[13..]];
        parts.join(space)
    };
    for space in [" ", "\u{a0}", "\u{202f}", ".", "-", "/"] {
        refused(&rows("other", 20, |row| spelt(space, row)), NIR, &["20 with their key"]);
    }
    refused(
        &rows("other", 20, |row| format!("\"\t {} \"", keyed(row))),
        NIR,
        &["20 with their key"],
    );
    refused(&rows("other", 20, |row| format!("'{}", keyed(row))), NIR, &["20 with their key"]);
    let corsican = rows("other", 20, |_| "1 50 01 2a 100 010 86".into());
    let key = 97 - 1_500_119_100_010_u64 % 97;
    refused(&corsican.replace("010 86", &format!("010 {key:02}")), NIR, &["20 with their key"]);
}

/// Every cell of every block is seen, in files of many blocks, plain or quoted.
#[test]
fn cells_are_counted_through_the_whole_file() {
    for quote in ["", "\""] {
        let data = rows("a,b", 30_000, |row| {
            let b = if row % 100 == 99 { keyed(row) } else { "text".into() };
            format!("{quote}x{quote},{b}")
        });
        let prepared = csv(&data, NIR, &[]).unwrap();
        assert_eq!(
            prepared.found.identifiers["b"],
            Held { filled: 30_000, keyed: 300, unkeyed: 0 }
        );
    }
}

fn parquet(columns: Vec<(&str, ArrayRef)>, accepted: &[&str]) -> Result<Prepared, String> {
    let place = Place::new();
    let way = Way::new(&place, "d", "parquet", "parquet");
    let nirs: Vec<_> = (0..columns[0].1.len() as u64).map(|row| keyed(row + 5000)).collect();
    let nirs: ArrayRef = Arc::new(StringArray::from(nirs));
    write_parquet(&way.data, [vec![("nir", nirs)], columns].concat());
    run(&way, NIR, accepted).map_err(|error| {
        assert_eq!(place.names(), ["d.parquet"]);
        format!("{}: {error}", error.code())
    })
}

#[test]
fn columns_of_parquet_of_any_type_are_judged() {
    let count = 100;
    let texts = || (0..count).map(keyed);
    let numbers = || texts().map(|nir| nir.parse::<i64>().unwrap());
    let struct_of = |array: ArrayRef| -> ArrayRef {
        let fields = vec![
            (
                Arc::new(ArrowField::new("a", DataType::Int64, true)),
                Arc::new(Int64Array::from(vec![1; 100])) as ArrayRef,
            ),
            (Arc::new(ArrowField::new("b", array.data_type().clone(), true)), array),
        ];
        Arc::new(StructArray::from(fields))
    };
    let list = || -> ArrayRef {
        let mut list = ListBuilder::new(StringBuilder::new());
        for nir in texts() {
            list.values().append_value("x");
            list.values().append_value(nir);
            list.append(true);
        }
        Arc::new(list.finish())
    };
    let text = || -> ArrayRef { Arc::new(StringArray::from_iter_values(texts())) };
    let dictionary: DictionaryArray<Int32Type> =
        texts().collect::<Vec<_>>().iter().map(|nir| Some(nir.as_str())).collect();
    let bytes: Vec<_> = texts().collect();
    let bytes: Vec<&[u8]> = bytes.iter().map(String::as_bytes).collect();
    let decimal = |scale: u32| {
        let values = numbers().map(|nir| i128::from(nir) * 10_i128.pow(scale));
        let values = Decimal128Array::from_iter_values(values);
        values.with_precision_and_scale(38, scale as i8).unwrap()
    };
    type Long = <Decimal256Type as ArrowPrimitiveType>::Native;
    let long = numbers().map(|nir| Long::from_i128(i128::from(nir) * 1000));
    let long = Decimal256Array::from_iter_values(long).with_precision_and_scale(50, 3).unwrap();
    let short = Decimal64Array::from_iter_values(numbers().map(|nir| nir * 10));
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("text", text()),
        ("dictionary", Arc::new(dictionary)),
        ("binary", Arc::new(BinaryArray::from(bytes.clone()))),
        ("fixed", Arc::new(FixedSizeBinaryArray::try_from_iter(bytes.iter()).unwrap())),
        ("int64", Arc::new(Int64Array::from_iter_values(numbers()))),
        ("uint64", Arc::new(UInt64Array::from_iter_values(numbers().map(|nir| nir as u64)))),
        ("double", Arc::new(Float64Array::from_iter_values(numbers().map(|nir| nir as f64)))),
        ("decimal", Arc::new(decimal(2))),
        ("fine decimal", Arc::new(decimal(20))),
        ("long decimal", Arc::new(long)),
        ("short decimal", Arc::new(short.with_precision_and_scale(18, 1).unwrap())),
        ("list", list()),
        ("struct", struct_of(text())),
        ("nested", struct_of(list())),
    ];
    for (name, array) in columns {
        let said = parquet(vec![(name, array.clone())], &[]).unwrap_err();
        assert!(
            said.starts_with("identity-kept: ") && said.contains(&format!("column {name},")),
            "{said}"
        );
        assert!(said.contains("100 with their key"), "{said}");
        assert!(parquet(vec![(name, array)], &[name]).unwrap().found.risks[0].is_needed);
    }
    // Nulls are no cells; what is far from an identifier passes.
    let sparse =
        Int64Array::from_iter((0..count).map(|row| (row == 7).then(|| numbers().next().unwrap())));
    assert!(parquet(vec![("sparse", Arc::new(sparse))], &[]).unwrap_err().contains("in 1 cells"));
    let few = Int64Array::from_iter_values(
        numbers().enumerate().map(|(row, nir)| if row < 2 { nir } else { 3 }),
    );
    let held = parquet(vec![("few", Arc::new(few))], &[]).unwrap().found.identifiers;
    assert_eq!(held["few"], Held { filled: 100, keyed: 2, unkeyed: 0 });
    let halves: ArrayRef =
        Arc::new(Float64Array::from_iter_values(numbers().map(|nir| nir as f64 + 0.5)));
    parquet(vec![("halves", halves)], &[]).unwrap();
    assert!(parquet(vec![("NOM", text())], &[]).unwrap_err().contains("by its name"));
}

#[test]
fn reserved_names_in_any_case() {
    for name in ["Index", "STATUS", "CODE", "Quality", "Score", " code", "quality "] {
        let said = csv(&rows(name, 3, |_| "1".into()), NIR, &[]).unwrap_err();
        assert!(
            said.starts_with("reserved-column: ")
                && said.contains("which the files made from it need"),
            "{said}"
        );
        let said = parquet(vec![(name, texts(&[Some("1")]))], &[]).unwrap_err();
        assert!(said.starts_with("reserved-column: "), "{said}");
    }
    // What a coding before wrote may be renewed as it is, but not what differs in case from it.
    let code = POPULATION.code_of(KEYED, 1);
    let renewal =
        |header: &str| csv(&format!("{header}\n{code},valid\n"), Column::Codes(&["code"]), &[]);
    renewal("code,quality").unwrap();
    renewal("code,score").unwrap();
    for header in ["code,Quality", "code,CODE", "code,SCORE", "code,Index"] {
        assert!(renewal(header).unwrap_err().starts_with("reserved-column: "), "{header}");
    }
    let way_of = |column| csv(&format!("CODE,x\n{code},1\n"), Column::Codes(&[column]), &[]);
    way_of("CODE").unwrap();
}

/// A quote that is missing makes one cell of many rows: it is counted, and refused where it holds
/// an identifier.
#[test]
fn cells_over_several_lines() {
    let data = |cell: &str| format!("nir,note,z\n{},a,1\n{},{cell},2\n", keyed(1), keyed(2));
    for (cell, count) in [
        ("\"a\nb\"", 1),
        ("\"a\r\nb\"", 1),
        ("\"a\rb\"", 1),
        ("\"a\"\"b\"", 0),
        ("\"\n\"", 1),
        ("a\"b", 0),
    ] {
        assert_eq!(csv(&data(cell), NIR, &[]).unwrap().found.over_lines, count, "{cell}");
    }
    // A number that is no identifier, an identifier without its key, and one in the cell's only
    // line.
    for cell in
        ["a\n123456789012345,6", &format!("a\n{},6", unkeyed(3)), &format!("{},6", keyed(5000))]
    {
        csv(&data(&format!("\"{cell}\"")), NIR, &[]).unwrap();
    }
    for cell in [
        format!("\n{},6\n", keyed(5000)),
        format!("a\r\n{};6", keyed(5000)),
        format!("a\r6,{}", keyed(5000)),
        format!("a\n1 {}", &keyed(5000)[1..]),
        format!("{}\nb", keyed(5000)),
        format!("a\n\"\"{}\"\",7", keyed(5000)),
    ] {
        let data = data(&format!("\"{cell}\""));
        refused(&data, NIR, &["column note ", "line 3", "quote"]);
        let prepared = csv(&data, NIR, &["note"]).unwrap();
        assert!(prepared.found.over_lines == 1 && prepared.found.risks[0].is_needed);
    }
    // In a column that is sent, too: names travel as they are.
    let people = |nom: &str| format!("nom,prenoms,date_naissance\n\"{nom}\",Bafe,1984-01-02\n");
    let civil_status = Column::CivilStatus { map: &[], years: Years::now() };
    assert_eq!(csv(&people("Domal\nBafe"), civil_status, &[]).unwrap().found.over_lines, 1);
    refused(
        &people(&format!("Domal\n{},Bafe", keyed(5000))),
        civil_status,
        &["column nom ", "line 2"],
    );
    // Parquet, which may be made of such a file.
    let note = |text: &str| parquet(vec![("note", texts(&[Some("a"), Some(text)]))], &[]);
    assert_eq!(note("a\nb").unwrap().found.over_lines, 1);
    assert!(note(&format!("a\n{};b", keyed(5000))).unwrap_err().contains("column note "));
}

#[test]
fn rows_that_are_swallowed_in_a_register() {
    let place = Place::new();
    let read = |cell: &str, map: bool| {
        let path = place.write("r.csv", format!("nir,nom,other\n{},Domal,\"{cell}\"\n", keyed(1)));
        let columns = [Some((0, Some(Field::Nir))), map.then_some((2, None))];
        Records::open(&path, b',').unwrap().each_even_ragged(
            columns,
            &Progress::default(),
            |_, _| Ok::<_, TableError>(()),
        )
    };
    for map in [false, true] {
        assert_eq!(read("a", map).unwrap(), 0);
        assert_eq!(read("a\nb", map).unwrap(), 1);
        let error = read(&format!("a\n{},Bafe,b", keyed(5000)), map).unwrap_err();
        let said = error.to_string();
        assert!(
            error.code() == "identity-kept"
                && said.contains("line 2")
                && said.contains("column other "),
            "{said}"
        );
    }
}
