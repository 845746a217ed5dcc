//! What comes out and under which names, and what is refused.

mod common;

use std::fs;
use std::path::{Path, PathBuf};

use arrow_schema::DataType;
use cstatns_base::coded::Coded;
use cstatns_base::language::fr;
use cstatns_link::join::{How, JoinError, Source};
use tempfile::TempDir;

use common::{
    Asked, Given, Kind, Row, code, code_text, join_files, join_sources, name, of, open, read,
};

/// Writes text files, and joins them.
fn join_texts(
    texts: &[(&str, &str, String)],
    asked: &Asked,
) -> Result<(Vec<String>, TempDir), JoinError> {
    let place = tempfile::tempdir().unwrap();
    let names: Vec<_> = texts.iter().map(|(source, ..)| name(source)).collect();
    let sources = texts.iter().zip(&names).map(|((_, file, text), name)| {
        let path = place.path().join(file);
        fs::write(&path, text).unwrap();
        Source { name, rows: open(&path), of: of() }
    });
    let out = place.path().join("out.csv");
    join_sources(sources.collect(), &out, asked)?;
    // What is in quotes may hold line breaks: the end of a row shows which row it is.
    let text = fs::read_to_string(out).unwrap();
    Ok((text.lines().map(str::to_owned).collect(), place))
}

fn line(person: u64, rest: &str) -> String {
    format!("{},{rest}\n", code_text(code(person)))
}

fn inner() -> Asked {
    Asked::of(How::Inner)
}

fn refused(texts: &[(&str, &str, String)]) -> JoinError {
    join_texts(texts, &inner()).map(|(lines, _)| lines).unwrap_err()
}

#[test]
fn columns_are_named_by_their_source_where_they_must_be() {
    let a = "code,quality,score,Wage,sex,Été\n".to_owned() + &line(1, "valid,0.5000,20,f,x");
    let b = "wage,quality,code,own,été\n".to_owned()
        + &format!("30,found,{},z,y\n", code_text(code(1)));
    let (lines, _) = join_texts(&[("a", "a.csv", a), ("b-2", "b.csv", b)], &inner()).unwrap();
    assert_eq!(
        lines,
        [
            "a_quality,a_score,a_Wage,sex,a_Été,b-2_quality,b-2_wage,own,b-2_été",
            "valid,0.5000,20,f,x,found,30,z,y",
        ]
    );
}

#[test]
fn a_name_that_is_taken_is_refused() {
    let plain = |header: &str| format!("code,quality,{header}\n{}", line(1, "valid,1"));
    for (one, other, column) in [
        // As a quality is called.
        ("b_quality", "x", "quality"),
        // As a column of two sources comes out.
        ("wage,A_wage", "Wage", "A_wage"),
        // Twice in one source.
        ("x,X", "y", "X"),
    ] {
        let one = format!(
            "code,quality,{one}\n{}",
            line(1, if one.contains(',') { "valid,1,2" } else { "valid,1" })
        );
        let error = refused(&[("a", "a.csv", one), ("b", "b.csv", plain(other))]);
        assert_eq!(error.code(), "join-columns", "{error}");
        let facts = error.facts();
        let said = facts.iter().find(|fact| fact.name() == "column").unwrap();
        assert_eq!(said.value(), column, "{error}");
    }
    let error = refused(&[("a", "a.csv", plain("x")), ("a", "b.csv", plain("y"))]);
    assert_eq!(error.code(), "join-columns", "two sources of one name");
}

#[test]
fn neither_code_nor_index_comes_out() {
    for header in ["Code", "INDEX", "index", "CODE"] {
        for twice in [false, true] {
            let with = format!("code,quality,{header}\n{}", line(1, "valid,1"));
            let other = if twice { header } else { "wage" };
            let without = format!("code,quality,{other}\n{}", line(1, "valid,1"));
            let error = refused(&[("a", "a.csv", with), ("b", "b.csv", without)]);
            assert_eq!(error.code(), "join-reserved", "{header}: {error}");
        }
    }
}

#[test]
fn a_file_without_codes_or_qualities_is_refused() {
    let good = "code,quality,x\n".to_owned() + &line(1, "valid,1");
    let no_quality = "code,word,y\n".to_owned() + &line(1, "valid,1");
    let no_code = "Code,quality,y\n".to_owned() + &line(1, "valid,1");
    for bad in [no_quality, no_code] {
        let error = refused(&[("a", "a.csv", good.clone()), ("b", "b.csv", bad)]);
        assert_eq!(error.code(), "missing-column", "{error}");
    }
    for (word, fault) in
        [("valid,", None), (",x", Some("word-form")), ("Two words,x", Some("word-form"))]
    {
        let text = "code,quality,y\n".to_owned() + &line(1, "valid,1") + &line(2, word);
        let outcome = join_texts(&[("a", "a.csv", good.clone()), ("b", "b.csv", text)], &inner());
        assert_eq!(outcome.as_ref().err().map(Coded::code), fault);
        if let Err(error) = outcome {
            assert!(error.to_string().contains("row 2"), "{error}");
        }
    }
    let score = "code,quality,score\n".to_owned() + &line(1, "found,0.95001");
    let error = refused(&[("a", "a.csv", good), ("b", "b.csv", score)]);
    assert_eq!(error.code(), "word-form", "{error}");
}

#[test]
fn cells_come_through_whatever_parts_them() {
    let cell = "with, comma; semicolon\tand \"\"quotes\"\"\nand lines";
    let a = format!("code,quality,a,empty\n{}", line(1, &format!("valid,\"{cell}\",\"\"")));
    let b = format!("code;quality;b;c;d\n{};valid;1,5;\"x\";\n", code_text(code(1)));
    let c = format!("code\tquality\tc2\n{}\tvalid\t;,\n", code_text(code(1)));
    let (lines, place) = join_texts(
        &[("a", "a.csv", a.clone()), ("b", "b.csv", b.clone()), ("c", "c.tsv", c.clone())],
        &inner(),
    )
    .unwrap();
    assert_eq!(
        lines.join("\n"),
        format!(
            "a_quality,a,empty,b_quality,b,c,d,c_quality,c2\n\
         valid,\"{cell}\",\"\",valid,\"1,5\",\"x\",,valid,\";,\""
        )
    );
    let row = &read(&place.path().join("out.csv")).rows[0];
    let cell = cell.replace("\"\"", "\"");
    let expected = [
        Some("valid"),
        Some(&*cell),
        None,
        Some("valid"),
        Some("1,5"),
        Some("x"),
        None,
        Some("valid"),
        Some(";,"),
    ];
    assert_eq!(row.iter().map(Option::as_deref).collect::<Vec<_>>(), expected);
    // As the first source is written.
    let (lines, _) =
        join_texts(&[("b", "b.csv", b), ("a", "a.csv", a), ("c", "c.tsv", c)], &inner()).unwrap();
    assert!(lines[1].starts_with("valid;1,5;\"x\";;valid;\"with, comma; semi"), "{lines:?}");
    assert!(lines[2].ends_with("lines\";\"\";valid;\";,\""), "{lines:?}");
}

#[test]
fn what_is_missing_is_an_empty_field() {
    let a = format!("code,quality,x\n{}{}", line(1, "valid,1"), line(2, "valid,2"));
    let b = format!("code,quality\n{}{}", line(2, "found"), line(3, "found"));
    let (mut lines, _) =
        join_texts(&[("a", "a.csv", a), ("b", "b.csv", b)], &Asked::of(How::Full)).unwrap();
    lines[1..].sort();
    assert_eq!(lines, ["a_quality,x,b_quality", ",,found", "valid,1,", "valid,2,found"]);
}

#[test]
fn codes_of_others_are_refused_by_their_row() {
    let good = "code,quality,x\n".to_owned() + &line(1, "valid,1");
    let text = code_text(code(7));
    let (secret, _) = (text.rsplit('.').next().unwrap().to_owned(), ());
    let bad = [
        (text.replace("c1.", "c2."), "other-codes"),
        (text.replace(".abcd.", ".abce."), "other-codes"),
        (text[..text.len() - 1].to_owned(), "code-bytes"),
        (text.to_uppercase(), "code-form"),
        ("117091320400164".to_owned(), "code-form"),
    ];
    for (bad, fault) in bad {
        let text =
            format!("code,quality,y\n{}\n{}\n{bad},valid,3\n", line(1, "valid,1"), ",absent,2");
        let error = refused(&[("a", "a.csv", good.clone()), ("b", "b.csv", text)]);
        assert_eq!(error.code(), fault, "{error}");
        let (said, said_fr, debug) =
            (error.to_string(), fr(&error).to_string(), format!("{error:?}"));
        assert!(said.contains("b.csv") && said.contains("row 3"), "{said}");
        for said in [said, said_fr, debug] {
            assert!(!said.contains(&secret[..20]) && !said.contains("1170913"), "{said}");
        }
    }
}

#[test]
fn binary_codes_of_others_are_refused() {
    let place = tempfile::tempdir().unwrap();
    let given = ["a", "b"].map(|source| Given::numbered(source, 0..3));
    let paths = given.each_ref().map(|given| given.write(place.path(), Kind::Parquet(true)));
    let (tag, generation) = of();
    let sources = given.iter().zip(&paths).enumerate().map(|(at, (given, path))| Source {
        name: &given.name,
        rows: open(path),
        of: (tag, if at == 1 { generation.next() } else { generation }),
    });
    let error =
        join_sources(sources.collect(), &place.path().join("out.parquet"), &inner()).unwrap_err();
    assert_eq!(error.code(), "other-codes", "{error}");
}

#[test]
fn sources_are_of_one_type_and_so_is_the_output() {
    let place = tempfile::tempdir().unwrap();
    let given = ["a", "b"].map(|source| Given::numbered(source, 0..3));
    let path = |at: usize, kind| given[at].write(place.path(), kind);
    let (csv, parquet) = (Kind::Csv, Kind::Parquet(false));
    for (kinds, out, is_refused) in [
        ([csv, csv], "out.csv", false),
        ([parquet, parquet], "out.parquet", false),
        ([csv, parquet], "out.csv", true),
        ([parquet, csv], "out.csv", true),
        ([csv, parquet], "out.parquet", true),
        ([parquet, parquet], "out.csv", true),
        ([csv, csv], "out.parquet", true),
    ] {
        let files: Vec<(_, PathBuf)> =
            kinds.iter().enumerate().map(|(at, kind)| (&given[at].name, path(at, *kind))).collect();
        let outcome = join_files(&files, &place.path().join(out), &inner());
        let code = outcome.as_ref().err().map(Coded::code);
        assert_eq!(code, is_refused.then_some("join-types"), "{kinds:?} {out}");
    }
}

#[test]
fn types_stay_and_what_is_missing_is_null() {
    let place = tempfile::tempdir().unwrap();
    let row = |person, score, number: Option<i64>, text: Option<&str>| Row {
        code: Some(code(person)),
        quality: "valid",
        score,
        cells: vec![number.map(|number| number.to_string()), text.map(str::to_owned)],
    };
    let given = |source: &str, rows: Vec<Row>| Given {
        name: name(source),
        has_score: true,
        header: vec![format!("n-{source}"), format!("t-{source}")],
        rows,
    };
    let given = [
        given("a", vec![row(1, Some(0.5), Some(1), Some("")), row(2, None, None, None)]),
        given(
            "b",
            vec![row(2, Some(1.0), Some(i64::MAX), Some("é")), row(3, None, Some(0), Some("z"))],
        ),
    ];
    let files: Vec<_> = given
        .iter()
        .map(|given| (&given.name, given.write(place.path(), Kind::Parquet(true))))
        .collect();
    let (joined, mut written) =
        join_files(&files, &place.path().join("out.parquet"), &Asked::of(How::Full)).unwrap();
    assert_eq!((joined.rows, joined.people), (3, 3));
    assert_eq!(
        written.header,
        ["a_quality", "a_score", "n-a", "t-a", "b_quality", "b_score", "n-b", "t-b"]
    );
    let kinds = [DataType::Utf8, DataType::Float64, DataType::Int64, DataType::Utf8];
    assert_eq!(written.kinds, [kinds.clone(), kinds].concat());
    written.rows.sort();
    let rows: Vec<Vec<Option<&str>>> =
        written.rows.iter().map(|row| row.iter().map(Option::as_deref).collect()).collect();
    let max = i64::MAX.to_string();
    let none = [None; 4];
    assert_eq!(
        rows,
        [
            [none, [Some("valid"), None, Some("0"), Some("z")]].concat(),
            [
                [Some("valid"), None, None, None],
                [Some("valid"), Some("1.0000"), Some(&max), Some("é")]
            ]
            .concat(),
            [[Some("valid"), Some("0.5000"), Some("1"), Some("")], none].concat(),
        ]
    );
}

#[test]
fn a_join_has_two_sources_or_more_but_not_too_many() {
    let place = tempfile::tempdir().unwrap();
    let letters = ('a'..='z').flat_map(|one| ('a'..='z').map(move |two| format!("{one}{two}")));
    let given: Vec<_> = letters.take(65).map(|source| Given::numbered(&source, 0..20)).collect();
    for kind in [Kind::Csv, Kind::Parquet(false)] {
        let files: Vec<_> =
            given.iter().map(|given| (&given.name, given.write(place.path(), kind))).collect();
        let out = place.path().join(if kind == Kind::Csv { "out.csv" } else { "out.parquet" });
        for count in [1, 2, 64, 65] {
            match join_files(&files[..count], &out, &inner()) {
                Ok((joined, written)) => {
                    assert!(count == 2 || count == 64);
                    assert_eq!((joined.rows, joined.people, joined.sources.len()), (20, 20, count));
                    for row in &written.rows {
                        // All cells of a row are of one person, each in its place.
                        let person = row[2].as_ref().unwrap().split(' ').next_back().unwrap();
                        for (at, cells) in row.chunks_exact(3).enumerate() {
                            let source = &given[at].name;
                            assert_eq!(
                                cells[2].as_deref(),
                                Some(&*format!("{source} of {person}"))
                            );
                        }
                    }
                }
                Err(error) => {
                    assert!(count == 1 || count == 65, "{error}");
                    assert_eq!(error.code(), "join-sources");
                }
            }
        }
    }
}

/// 7 people in both, one of them twice in each, and others in one.
fn some(place: &Path) -> ([Given; 2], Vec<PathBuf>) {
    let given =
        [Given::numbered("a", (0..10).chain([3])), Given::numbered("b", (3..30).chain([3]))];
    let paths = given.iter().map(|given| given.write(place, Kind::Csv)).collect();
    (given, paths)
}

#[test]
fn too_few_are_refused_and_not_counted_aloud() {
    let place = tempfile::tempdir().unwrap();
    let (given, paths) = some(place.path());
    let files: Vec<_> = given.iter().map(|given| &given.name).zip(paths).collect();
    for how in [How::Inner, How::Left, How::Full] {
        for (least, is_refused) in [(0, false), (7, false), (8, true), (1000, true)] {
            // Without `many` the join would be refused by a count: who are too few are not counted.
            for many in [true, false] {
                let asked = Asked { least, many, ..Asked::of(how) };
                let out = place.path().join("out.csv");
                let outcome = join_files(&files, &out, &asked);
                if !is_refused {
                    assert_eq!(
                        outcome.err().map(|error| error.code()),
                        (!many).then_some("join-many")
                    );
                    continue;
                }
                let error = outcome.unwrap_err();
                assert_eq!(error.code(), "join-few", "{how:?} {least}");
                assert_eq!(fs::read(&out).unwrap(), b"", "nothing is written");
                let said = format!("{error} {} {error:?} {:?}", fr(&error), error.facts());
                let said =
                    said.replace(&least.to_string(), "").replace("`a`", "").replace("Few", "");
                assert!(!said.contains(|c: char| c.is_ascii_digit()), "{said}");
            }
        }
    }
}

#[test]
fn many_to_many_is_counted_and_refused() {
    let place = tempfile::tempdir().unwrap();
    let (given, paths) = some(place.path());
    let files: Vec<_> = given.iter().map(|given| &given.name).zip(paths).collect();
    let out = place.path().join("out.csv");
    for how in [How::Inner, How::Left, How::Full] {
        let asked = Asked { many: false, ..Asked::of(how) };
        let error = join_files(&files, &out, &asked).unwrap_err();
        assert_eq!((error.code(), error.facts()[0].value()), ("join-many", "1"));
        assert_eq!(fs::read(&out).unwrap(), b"", "nothing is written");
    }
    let (joined, _) = join_files(&files, &out, &inner()).unwrap();
    assert_eq!((joined.rows, joined.people), (6 + 4, 7));
    assert_eq!(joined.sources.iter().map(|counts| counts.repeated).collect::<Vec<_>>(), [1, 1]);
    // Several rows on one side alone are no matter.
    let one = [Given::numbered("a", 0..10), Given::numbered("b", (3..30).chain([3, 3]))];
    let files: Vec<_> =
        one.iter().map(|given| (&given.name, given.write(place.path(), Kind::Csv))).collect();
    let (joined, _) = join_files(&files, &out, &Asked { many: false, ..inner() }).unwrap();
    assert_eq!((joined.rows, joined.people), (9, 7));
}

#[test]
fn a_join_can_be_stopped() {
    let place = tempfile::tempdir().unwrap();
    let (given, paths) = some(place.path());
    let files: Vec<_> = given.iter().map(|given| &given.name).zip(paths).collect();
    let asked = inner();
    asked.effort.progress.stop();
    let error = join_files(&files, &place.path().join("out.csv"), &asked).unwrap_err();
    assert_eq!(error.code(), "interrupted");
}
