//! Codes that are renewed, and files that are checked before they are joined.

use std::fs;
use std::sync::Arc;

use arrow_array::{FixedSizeBinaryArray, Int64Array};
use arrow_schema::DataType;
use cstatns::code::Code;
use cstatns::coded::Coded as _;
use cstatns::identifier::Scheme;
use cstatns::manifest::{Content, manifest_path};
use cstatns::report::report_path;
use cstatns_bulk::CodeFileError;
use cstatns_controller::{CheckError, Column, PrepareError, check};

use crate::common::*;

const DATA: &str = "nir,wage\n117091320400164,1\n2840924055001,2\n,3\n284092405500132,4\n";

/// Attached to generation 1 as delivery 5, in the type `own`.
fn attached(place: &Place, name: &str, own: &str, binary: bool) -> Way {
    let way = Way::new(place, name, own, "csv");
    match own {
        "csv" => fs::write(&way.data, DATA).unwrap(),
        _ => {
            let nir = [Some(KEYED), Some(UNKEYED), None, Some("284092405500132")];
            let wage = Arc::new(Int64Array::from(vec![1, 2, 3, 4]));
            write_parquet(&way.data, vec![("nir", texts(&nir)), ("wage", wage)]);
        }
    }
    way.prepare(Column::Identifiers { columns: &["nir"], scheme: Scheme::FrNir }, b',').unwrap();
    way.code(&POPULATION, 1, 5).unwrap();
    way.attach_as(binary).unwrap();
    way
}

fn next(place: &Place, of: &Way, name: &str, own: &str, travelling: &str) -> Way {
    Way { data: of.out.clone(), ..Way::new(place, name, own, travelling) }
}

#[test]
fn a_renewal_keeps_quality_and_every_other_column() {
    let place = Place::new();
    let first = attached(&place, "d", "csv", false);
    let way = next(&place, &first, "n", "csv", "csv");
    let prepared = way.prepare(Column::Codes(&["code"]), b',').unwrap();
    assert_eq!(prepared.found.counts, [("ok", 2), ("absent", 2)].into());
    assert_eq!(read_text(&way.request)[0], ["index", "code"]);
    assert_eq!(read_text(&way.retained)[0], ["index", "row", "status"]);
    let manifest = way.manifest();
    let meta = POPULATION.meta(1, 5);
    assert_eq!(manifest.content, Content::Codes { tag: meta.tag(), generation: meta.generation });
    assert_eq!(manifest.previous, [meta.delivery]);
    let text = fs::read_to_string(manifest_path(&way.request)).unwrap();
    assert!(text.contains("\"use\":\"renew\"") && text.contains("\"generation\":1"), "{text}");

    let coded = way.renew(&POPULATION, 1, 3, 6).unwrap();
    assert_eq!((coded.input.rows, coded.distinct), (4, 2));
    assert_eq!(read_text(&way.result)[0], ["index", "code"]);
    let report = way.attach().unwrap().report;
    let mut rows = read_text(&way.out);
    assert_eq!(rows[0], ["code", "quality", "wage"]);
    rows[1..].sort_by(|a, b| a[2].cmp(&b[2]));
    let expected = [
        [POPULATION.code_of(KEYED, 3), "valid".to_owned(), "1".to_owned()],
        [POPULATION.code_of(UNKEYED, 3), "unkeyed".to_owned(), "2".to_owned()],
        [String::new(), "absent".to_owned(), "3".to_owned()],
        [String::new(), "wrong-control-key".to_owned(), "4".to_owned()],
    ];
    assert_eq!(rows[1..], expected);
    let counts = [("absent", 1), ("unkeyed", 1), ("valid", 1), ("wrong-control-key", 1)];
    assert_eq!(report.quality, counts.map(|(word, count)| (word.to_owned(), count)).into());
    assert_eq!(report.meta(), POPULATION.meta(3, 6));
}

#[test]
fn quality_and_score_come_right_after_the_code_wherever_they_were() {
    let place = Place::new();
    let first = attached(&place, "d", "csv", false);
    let codes = column(&first.out, "code");
    let mut data = "wage,score,pseudonym,note,quality\n".to_owned();
    for code in &codes {
        data.push_str(&format!("1,0.5,{code},n,Dupont\n"));
    }
    let way = Way::new(&place, "n", "csv", "csv");
    fs::write(&way.data, data).unwrap();
    way.prepare(Column::Codes(&["pseudonym"]), b',').unwrap();
    assert!(way.manifest().previous.is_empty());
    way.renew(&POPULATION, 1, 2, 6).unwrap();
    let report = way.attach().unwrap().report;
    assert_eq!(read_text(&way.out)[0], ["code", "quality", "score", "wage", "note"]);
    // A column of another's making is kept, and not quoted in the report.
    assert_eq!(report.quality, [("other".to_owned(), 4)].into());
}

#[test]
fn text_and_binary_codes_of_either_type_of_file_are_renewed_to_the_same() {
    let place = Place::new();
    for (own, binary) in [("csv", false), ("parquet", false), ("parquet", true)] {
        let first = attached(&place, &format!("{own}-{binary}"), own, binary);
        for travelling in ["csv", "parquet"] {
            let name = format!("{own}-{binary}-{travelling}");
            let way = next(&place, &first, &name, own, travelling);
            way.prepare(Column::Codes(&["code"]), b',').unwrap();
            assert_eq!(way.manifest().previous, [POPULATION.meta(1, 5).delivery]);
            if travelling == "parquet" {
                let request = read_parquet(&way.request);
                assert_eq!(request.column(1).data_type(), &DataType::FixedSizeBinary(32));
                assert_eq!(pairs(&way.request).len(), 6);
            }
            let coded = way.renew(&POPULATION, 1, 2, 6).unwrap();
            assert_eq!(coded.input.commitment, way.manifest().input.commitment);
            way.attach_as(binary).unwrap();
            let mut codes: Vec<String> = match (own, binary) {
                ("csv", _) => {
                    column(&way.out, "code").into_iter().filter(|code| !code.is_empty()).collect()
                }
                (_, false) => {
                    text_column(&read_parquet(&way.out), "code").into_iter().flatten().collect()
                }
                _ => {
                    let (meta, batch) = (POPULATION.meta(2, 6), read_parquet(&way.out));
                    let cells = binary_column(&batch, "code").into_iter().flatten();
                    cells
                        .map(|bytes| {
                            Code::from_bytes(bytes.try_into().unwrap(), meta.tag(), meta.generation)
                                .text()
                        })
                        .collect()
                }
            };
            codes.sort();
            let mut expected = [POPULATION.code_of(KEYED, 2), POPULATION.code_of(UNKEYED, 2)];
            expected.sort();
            assert_eq!(codes, expected, "{name}");
        }
    }
}

/// A line with nothing on it is no row: the cell that is empty and alone is written in quotes.
#[test]
fn a_row_without_a_code_stays_a_row_where_codes_are_all_there_is() {
    let place = Place::new();
    let codes = column(&attached(&place, "d", "csv", false).out, "code");
    assert_eq!(codes.iter().filter(|code| code.is_empty()).count(), 2);
    let lines: Vec<&str> =
        codes.iter().map(|code| if code.is_empty() { "\"\"" } else { code }).collect();
    let way = Way::new(&place, "alone", "csv", "csv");
    fs::write(&way.data, format!("code\n{}\n", lines.join("\n"))).unwrap();
    let prepared = way.prepare(Column::Codes(&["code"]), b',').unwrap();
    assert_eq!(prepared.found.counts, [("ok", 2), ("absent", 2)].into());
    way.renew(&POPULATION, 1, 2, 6).unwrap();
    assert_eq!(way.attach().unwrap().rows, 4);
    let renewed = column(&way.out, "code");
    assert_eq!((renewed.len(), renewed.iter().filter(|code| code.is_empty()).count()), (4, 2));
}

#[test]
fn the_commitment_of_a_renewal_is_of_the_text_form_in_csv_and_parquet() {
    let place = Place::new();
    let first = attached(&place, "d", "csv", false);
    let way = next(&place, &first, "n", "csv", "csv");
    way.prepare(Column::Codes(&["code"]), b',').unwrap();
    let rows = read_text(&way.request);
    let index = |row: &Vec<String>| cstatns::name::Hex::<16>::parse(row[0].as_bytes()).unwrap().0;
    let indexes = FixedSizeBinaryArray::try_from_iter(rows[1..].iter().map(index)).unwrap();
    let texts_: Vec<Option<&str>> =
        rows[1..].iter().map(|row| (!row[1].is_empty()).then_some(&*row[1])).collect();
    let parquet = Way { request: place.path("p-request.parquet"), ..way.clone() };
    write_parquet(&parquet.request, vec![("index", Arc::new(indexes)), ("code", texts(&texts_))]);
    fs::copy(manifest_path(&way.request), manifest_path(&parquet.request)).unwrap();
    assert_eq!(
        way.renew(&POPULATION, 1, 2, 6).unwrap(),
        parquet.renew(&POPULATION, 1, 2, 6).unwrap()
    );
}

#[test]
fn prepare_refuses_codes_that_do_not_go_together_with_counts() {
    let place = Place::new();
    let line = |domain: &Domain, generation| format!("{}\n", domain.code_of(KEYED, generation));
    let prepare = |name: &str, data: String| {
        let way = Way::new(&place, name, "csv", "csv");
        fs::write(&way.data, data).unwrap();
        let before = place.names();
        let error = way.prepare(Column::Codes(&["code"]), b',').unwrap_err();
        assert_eq!(place.names(), before);
        error
    };
    for other in [line(&POPULATION, 2), line(&OTHER_DOMAIN, 1), line(&OTHER_SERVICE, 1)] {
        let data = format!("code\n{}{}{other}", line(&POPULATION, 1), line(&POPULATION, 1));
        let error = prepare("mixed", data);
        let PrepareError::Mixed { found } = &error else { panic!("{error}") };
        assert_eq!(
            found.values().copied().collect::<std::collections::BTreeSet<_>>(),
            [1, 2].into()
        );
        assert!(
            error.to_string().contains("in 2 rows") && error.code() == "mixed-codes",
            "{error}"
        );
    }
    for (data, code, needle) in [
        (format!("code\n{}{KEYED}\n", line(&POPULATION, 1)), "code-form", "row 2"),
        (format!("code,n\n{},1\nc1.abc,1\n", POPULATION.code_of(KEYED, 1)), "code-form", "row 2"),
        (
            format!("code\n{}", line(&POPULATION, 1).replace("c1.", "c01.")),
            "code-generation",
            "row 1",
        ),
        ("code,n\n,1\n,2\n".to_owned(), "no-codes", "no code"),
        (format!("code,index\n{},1\n", POPULATION.code_of(KEYED, 1)), "reserved-column", "index"),
    ] {
        let error = prepare("bad", data);
        assert_eq!(error.code(), code);
        assert!(
            error.to_string().contains(needle) && !error.to_string().contains(KEYED),
            "{error}"
        );
    }
    // Another column that is called like the new one.
    let way = Way::new(&place, "twice", "csv", "csv");
    fs::write(&way.data, format!("old,code\n{},1\n", POPULATION.code_of(KEYED, 1))).unwrap();
    assert_eq!(way.prepare(Column::Codes(&["old"]), b',').unwrap_err().code(), "reserved-column");
}

#[test]
fn binary_codes_without_metadata_are_refused() {
    let place = Place::new();
    let way = Way::new(&place, "d", "parquet", "csv");
    let codes = Arc::new(FixedSizeBinaryArray::try_from_iter([[1; 32], [2; 32]].iter()).unwrap());
    write_parquet(&way.data, vec![("code", codes)]);
    assert_eq!(way.prepare(Column::Codes(&["code"]), b',').unwrap_err().code(), "binary-codes");
    assert_eq!(check(&[way.data]).unwrap_err().code(), "binary-codes");
}

#[test]
fn a_report_about_other_codes_is_refused() {
    let place = Place::new();
    let first = attached(&place, "d", "csv", false);
    let way = next(&place, &first, "n", "csv", "csv");
    let path = report_path(&first.out);
    let report = fs::read_to_string(&path).unwrap();
    for (from, to) in [("\"generation\": 1", "\"generation\": 2"), ("population", "research")] {
        fs::write(&path, report.replace(from, to)).unwrap();
        assert_eq!(way.prepare(Column::Codes(&["code"]), b',').unwrap_err().code(), "report-stale");
        assert_eq!(check(std::slice::from_ref(&first.out)).unwrap_err().code(), "report-stale");
    }
    assert!(!way.request.exists() && !way.retained.exists());
}

#[test]
fn a_request_goes_to_the_verb_domain_and_generation_that_it_is_for() {
    let place = Place::new();
    let first = attached(&place, "d", "csv", false);
    assert_eq!(first.renew(&POPULATION, 1, 2, 6).unwrap_err().code(), "request-use");
    let way = next(&place, &first, "n", "csv", "csv");
    way.prepare(Column::Codes(&["code"]), b',').unwrap();
    assert_eq!(way.code(&POPULATION, 1, 6).unwrap_err().code(), "request-use");
    for error in [way.renew(&OTHER_SERVICE, 1, 2, 6), way.renew(&POPULATION, 2, 3, 6)] {
        assert!(matches!(error.unwrap_err(), CodeFileError::OtherCodes { .. }));
    }
    // A code that was put in among the others.
    let request = fs::read_to_string(&way.request).unwrap();
    fs::write(&way.request, request.replacen("c1.", "c2.", 1)).unwrap();
    assert_eq!(way.renew(&POPULATION, 1, 2, 6).unwrap_err().code(), "other-codes");
}

#[test]
fn check_tells_what_files_hold_and_refuses_those_that_cannot_be_joined() {
    let place = Place::new();
    let one = attached(&place, "one", "csv", false).out;
    let binary = attached(&place, "binary", "parquet", true).out;
    let facts = check(&[one.clone(), binary]).unwrap();
    for facts in &facts {
        assert_eq!((facts.rows, facts.distinct_codes), (4, 2));
        assert_eq!(facts.service.as_deref(), Some("demo.aaaaaaaaaaaaaaaaaaaaaaaaaa"));
        assert_eq!(facts.domain.as_ref().unwrap().as_str(), "population");
        assert_eq!(
            (facts.tag, facts.generation),
            (POPULATION.meta(1, 5).tag(), POPULATION.meta(1, 5).generation)
        );
    }

    let other = |domain: &Domain, name: &str| coded_csv(&place, name, DATA, domain, 8).out;
    let service = check(&[one.clone(), other(&OTHER_SERVICE, "service")]).unwrap_err();
    assert!(matches!(service, CheckError::Services { .. }));
    for name in [
        "one-out.csv",
        "service-out.csv",
        "demo.aaaaaaaaaaaaaaaaaaaaaaaaaa",
        "other.bbbbbbbbbbbbbbbbbbbbbbbbbb",
    ] {
        assert!(service.to_string().contains(name), "{service}");
    }
    let domain = check(&[one.clone(), one.clone(), other(&OTHER_DOMAIN, "domain")]).unwrap_err();
    assert!(
        domain.to_string().contains("research") && domain.code() == "mixed-domains",
        "{domain}"
    );

    let later = Way::new(&place, "later", "csv", "csv");
    fs::write(&later.data, DATA).unwrap();
    later.prepare(Column::Identifiers { columns: &["nir"], scheme: Scheme::FrNir }, b',').unwrap();
    later.code(&POPULATION, 2, 9).unwrap();
    later.attach().unwrap();
    let generation = check(&[one.clone(), later.out.clone()]).unwrap_err();
    assert_eq!(generation.code(), "mixed-generations");
    for text in ["one-out.csv", "later-out.csv", "generation 1", "generation 2"] {
        assert!(generation.to_string().contains(text), "{generation}");
    }

    // Without their reports the tags still tell.
    let services = [one.clone(), place.path("service-out.csv")];
    services.iter().for_each(|path| fs::remove_file(report_path(path)).unwrap());
    assert_eq!(check(&services).unwrap_err().code(), "mixed-domains");

    // Two generations in one file.
    let mixed = fs::read_to_string(&one).unwrap()
        + &fs::read_to_string(&later.out).unwrap().replace("code,quality,wage\n", "");
    assert_eq!(check(&[place.write("mixed.csv", mixed)]).unwrap_err().code(), "other-codes");
    assert_eq!(check(&[place.write("empty.csv", "code,v\n,1\n")]).unwrap_err().code(), "no-codes");
    assert_eq!(
        check(&[place.write("none.csv", "a,v\n,1\n")]).unwrap_err().code(),
        "missing-column"
    );
}
