//! The register through the program: built from files, brought up to date, counted; refused with
//! counts and lines, and never shown. Every person here is invented.

use crate::common;

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use std::sync::Arc;
use std::time::Duration;

use arrow_array::{
    ArrayRef, Date32Array, Float64Array, Int8Array, Int32Array, Int64Array, RecordBatch,
    StringArray,
};
use common::{Place, identifiers, signal, text};
use parquet::arrow::ArrowWriter;
use serde_json::Value;

const HEADER: &str =
    "id,nir,nom,nom_usage,prenoms,sexe,date_naissance,code_lieu,libelle_lieu,pays,other";

const PEOPLE: [&str; 5] = [
    "P-7719,2840575101001,D'Allemane,Le Goffic,Zoé Marie-Claire,F,1984-05-12,75101,Paris \
    1er,FRANCE,x",
    "P-7720,1840575101002,\"De la\nBruyaire\",,Jean-Pierre,M,12/05/1984,75101,,FRANCE,y",
    "P-7721,1500199352003,Bensoultane,,Karim,1,1950-00-00,99352,Oran,ALGERIE,",
    "P-7722,1911201144008,Œuvrard,,Noël,M,1991-12-25,01144,Dommartin,FRANCE,",
    "P-7722,2911201144009,Œuvrard,,Noëlle,F,1991-12-25,01144,Dommartin,FRANCE,",
];

/// What must never be said: cells of these rows, and their normal forms.
const CANARIES: [&str; 24] = [
    "P-77",
    "2840575",
    "1840575",
    "1500199",
    "1911201",
    "2911201",
    "llemane",
    "LLEMANE",
    "Goffic",
    "GOFFIC",
    "Zoé",
    "ZOE",
    "ruyaire",
    "Jean",
    "ensoult",
    "Karim",
    "uvrard",
    "Noël",
    "1984",
    "1950-",
    "1991",
    "75101",
    "Dommartin",
    "ALGERIE",
];

const BUILD: &str = "register build r --from people.csv";

fn register(rows: &[&str]) -> String {
    format!("{HEADER}\n{}\n", rows.join("\n"))
}

/// A place with the register's file, `people.csv`.
fn place() -> Place {
    let place = Place::default();
    place.write("people.csv", register(&PEOPLE));
    place
}

fn names(place: &Place) -> Vec<String> {
    let entries = fs::read_dir(place.directory.path()).unwrap();
    let mut names: Vec<_> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// Everything that a command says, which ends with this status, without a canary.
fn said(place: &Place, command: &str, status: i32) -> String {
    let output = place.run(command);
    let said = text(&output.stdout) + &text(&output.stderr);
    assert_eq!(output.status.code(), Some(status), "{command}\n{said}");
    // The register's number is drawn at random: its digits may be those of a year.
    let is_number = |word: &str| word.len() == 32 && word.bytes().all(|b| b.is_ascii_hexdigit());
    let others: String = said
        .split_inclusive(char::is_whitespace)
        .filter(|word| !is_number(word.trim_end()))
        .collect();
    for canary in CANARIES {
        assert!(!others.contains(canary), "{command} says {canary}\n{said}");
    }
    said
}

/// A command that is refused in one line with these words, and leaves what there was.
fn refused(place: &Place, command: &str, code: &str, words: &[&str]) {
    let before = names(place);
    let said = said(place, command, 1);
    assert!(
        said.starts_with(&format!("error[{code}]: ")) && said.lines().count() == 1,
        "{command}\n{said}"
    );
    for word in words {
        assert!(said.contains(word), "{command}: no {word}\n{said}");
    }
    assert_eq!(names(place), before, "{command}");
}

fn stats(place: &Place, register: &str) -> Value {
    let output = place.run(&format!("register stats {register} --json"));
    assert!(output.status.success(), "{}", text(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn count(place: &Place, what: &str) -> u64 {
    stats(place, "r")[what].as_u64().unwrap()
}

fn mode(place: &Place, name: &str) -> u32 {
    place.path(name).metadata().unwrap().permissions().mode() & 0o777
}

/// The bytes of an index, but for the id and the digest.
fn index(place: &Place, name: &str) -> Vec<u8> {
    let bytes = fs::read(place.path(name)).unwrap();
    [&bytes[..16], &bytes[64..bytes.len() - 32]].concat()
}

/// The same rows in Parquet; no cell of theirs holds a comma or a quote.
fn parquet(path: &Path, header: &str, rows: &[&str]) {
    // What is no field may be of any type.
    typed(path, header, rows, |name, cells| {
        (name == "other").then(|| -> ArrayRef { Arc::new(Int32Array::from(vec![7; cells.len()])) })
    });
}

/// The same with columns that `other` makes of their name and cells.
fn typed(
    path: &Path,
    header: &str,
    rows: &[&str],
    other: impl Fn(&str, &[&str]) -> Option<ArrayRef>,
) {
    let column = |(nth, name)| -> (&str, ArrayRef) {
        let cells = rows.iter().map(|row| row.split(',').nth(nth).unwrap().trim_matches('"'));
        let cells: Vec<_> = cells.collect();
        let text =
            || cells.iter().map(|cell| (!cell.is_empty()).then_some(cell)).collect::<StringArray>();
        (name, other(name, &cells).unwrap_or_else(|| Arc::new(text())))
    };
    let batch = RecordBatch::try_from_iter(header.split(',').enumerate().map(column)).unwrap();
    let mut writer =
        ArrowWriter::try_new(fs::File::create(path).unwrap(), batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
}

#[test]
fn an_index_is_built_and_counted_and_the_owners_alone() {
    let place = place();
    let told = said(&place, BUILD, 0);
    assert!(
        told.contains("\"r\" holds identity in clear: keep it on an encrypted volume"),
        "{told}"
    );
    assert!(told.contains("5 rows in ") && told.contains(": identifiers 5, people 4"), "{told}");
    assert_eq!(
        (mode(&place, "r"), names(&place)),
        (0o600, vec!["people.csv".to_owned(), "r".to_owned()])
    );

    let told = said(&place, "register stats r", 0);
    for line in [
        "  5  rows\n",
        "  4  people\n",
        "  1  rows with usage name\n",
        "  1  rows with partial date\n",
    ] {
        assert!(told.contains(line), "{told}");
    }
    let summary = stats(&place, "r");
    assert!(told.starts_with(&format!("register {}\n", summary["id"].as_str().unwrap())), "{told}");
    assert_eq!((&summary["people"], &summary["rows_without_place"]), (&4.into(), &0.into()));

    let output = place.run("register build s --from people.csv --json");
    let summary: Value = serde_json::from_slice(&output.stdout).unwrap();
    for (what, count) in [("rows", 5), ("people", 4), ("identifiers", 5)] {
        assert_eq!(summary[what], count, "{what}");
    }
    assert_ne!(
        stats(&place, "s")["id"],
        stats(&place, "r")["id"],
        "each index has an id of its own"
    );
}

#[test]
fn csv_and_parquet_give_the_same_index() {
    let place = place();
    parquet(&place.path("people.parquet"), HEADER, &PEOPLE);
    // Other names, another delimiter, and in two files.
    let renamed = HEADER.replace("nir", "number").replace("nom,", "name,").replace(',', ";");
    let rows = PEOPLE.map(|row| row.replace(',', ";"));
    place.write("one.csv", format!("{renamed}\r\n{}\r\n", rows[..2].join("\r\n")));
    place.write("two.csv", format!("{renamed}\n\n{}", rows[2..].join("\n")));
    said(&place, BUILD, 0);
    said(&place, "register build s --from people.parquet", 0);
    said(
        &place,
        "register build t --from one.csv two.csv --delimiter ; --map nir=number,nom=name",
        0,
    );
    assert!(index(&place, "r") == index(&place, "s"));
    assert!(index(&place, "r") == index(&place, "t"));
}

/// As statistical software writes them: dates as dates, and numbers where every value is one.
#[test]
fn numbers_and_dates_of_parquet_are_read_as_their_text() {
    let place = place();
    let rows = [
        PEOPLE[0].replace("P-7719", "7719").replace(",F,", ",2,"),
        PEOPLE[1]
            .replace("P-7720", "7720")
            .replace(",M,", ",,")
            .replace("\"De la\nBruyaire\"", "Bruyaire"),
        PEOPLE[2].replace("P-7721", "").replace("1950-00-00", ""),
        PEOPLE[3].replace("P-7722", "7722").replace(",M,", ",1,").replace(",01144,", ",1144,"),
        PEOPLE[4].replace("P-7722", "7722").replace(",F,", ",2,").replace(",01144,", ",,"),
    ];
    let rows: Vec<_> = rows.iter().map(String::as_str).collect();
    place.write("people.csv", register(&rows));
    let days = Date32Array::from(vec![Some(5245), Some(5245), None, Some(8028), Some(8028)]);
    typed(&place.path("people.parquet"), HEADER, &rows, |name, cells| match name {
        "date_naissance" => Some(Arc::new(days.clone())),
        "id" => Some(Arc::new(cells.iter().map(|cell| cell.parse().ok()).collect::<Int64Array>())),
        "sexe" => Some(Arc::new(cells.iter().map(|cell| cell.parse().ok()).collect::<Int8Array>())),
        "code_lieu" => {
            Some(Arc::new(cells.iter().map(|cell| cell.parse().ok()).collect::<Int32Array>()))
        }
        _ => None,
    });
    said(&place, BUILD, 0);
    said(&place, "register build s --from people.parquet", 0);
    assert_eq!((count(&place, "people"), count(&place, "rows_without_sex")), (4, 1));
    assert!(index(&place, "r") == index(&place, "s"));

    // Identifiers are not numbers: where 2A and 2B had to become some, they are other people's now.
    typed(&place.path("n.parquet"), HEADER, &rows, |name, cells| {
        let numbers = || cells.iter().map(|cell| cell.parse().ok()).collect::<Int64Array>();
        (name == "nir").then(|| -> ArrayRef { Arc::new(numbers()) })
    });
    let words = ["\"nir\"", "identifiers are text", "2A", "convert at the source"];
    refused(&place, "register build n --from n.parquet", "column-type", &words);
}

/// As pandas writes them: whole numbers of which some are missing are doubles, through the register
/// and a request.
#[test]
fn whole_numbers_that_became_doubles_are_read_as_their_text() {
    let place = place();
    let rows = [
        PEOPLE[0].replace("P-7719", "7719").replace(",F,", ",2,").replace("1984-05-12", "19840512"),
        PEOPLE[1]
            .replace("P-7720", "")
            .replace(",M,", ",,")
            .replace("12/05/1984", "19840512")
            .replace("\"De la\nBruyaire\"", "Bruyaire"),
        PEOPLE[2].replace("P-7721", "").replace("1950-00-00", "1950"),
        PEOPLE[3]
            .replace("P-7722", "7722")
            .replace(",M,", ",1,")
            .replace("1991-12-25,01144", ",1144"),
        PEOPLE[4]
            .replace("P-7722", "7722")
            .replace(",F,", ",2,")
            .replace("1991-12-25,01144,Dommartin", "19911225,,"),
    ];
    let rows: Vec<_> = rows.iter().map(String::as_str).collect();
    place.write("people.csv", register(&rows));
    let doubles =
        |cells: &[&str]| cells.iter().map(|cell| cell.parse().ok()).collect::<Float64Array>();
    let is_number = |name: &str| matches!(name, "id" | "sexe" | "date_naissance" | "code_lieu");
    typed(&place.path("people.parquet"), HEADER, &rows, |name, cells| {
        is_number(name).then(|| -> ArrayRef { Arc::new(doubles(cells)) })
    });
    said(&place, BUILD, 0);
    said(&place, "register build s --from people.parquet", 0);
    assert_eq!((count(&place, "people"), count(&place, "rows_without_sex")), (4, 1));
    assert_eq!((count(&place, "rows_without_date"), count(&place, "rows_without_place")), (1, 1));
    assert!(index(&place, "r") == index(&place, "s"));

    let sent = |extension: &str| {
        let data = format!("people.{extension}");
        let prepare = format!(
            "controller prepare {data} --civil-status --map nir=nir --request {extension}.csv"
        );
        said(&place, &format!("{prepare} --retained {extension}-kept.{extension}"), 0);
        let rows = place.rows(&format!("{extension}.csv"));
        let mut rows: Vec<_> = rows.into_iter().map(|row| row[1..].to_vec()).collect();
        rows.sort();
        rows
    };
    let rows_sent = sent("parquet");
    assert_eq!(rows_sent, sent("csv"));
    assert!(rows_sent.iter().any(|row| row[3..6] == ["2", "19840512", "75101"]));

    // What is not whole is nobody's number: where it stands is told, and nothing is left.
    for (name, number) in
        [("id", 7719.5), ("sexe", 1.25), ("date_naissance", 1984.5), ("code_lieu", 1e17)]
    {
        typed(&place.path("n.parquet"), HEADER, &rows, |column, cells| {
            let mut values: Vec<_> = doubles(cells).iter().collect();
            if column == name {
                values[3] = Some(number);
            }
            is_number(column).then(|| -> ArrayRef { Arc::new(Float64Array::from(values)) })
        });
        let words =
            ["\"n.parquet\"", "row 4 ", &format!("\"{name}\""), "not whole", "convert the column"];
        refused(&place, "register build n --from n.parquet", "not-whole", &words);
        if name != "id" {
            let prepare =
                "controller prepare n.parquet --civil-status --request q.csv --retained t.parquet";
            refused(&place, prepare, "not-whole", &words);
        }
    }
}

#[test]
fn an_update_adds_and_corrects_and_nothing_else_writes_over_an_index() {
    let place = place();
    said(&place, BUILD, 0);
    refused(&place, BUILD, "output-exists", &["\"r\"", "--update FILE", "another name"]);
    let id = stats(&place, "r")["id"].clone();
    let more = PEOPLE[2].replace("P-7721", "P-7730").replace("352003", "352004");
    let corrected = PEOPLE[0].replace("Le Goffic", "");
    place.write("more.csv", register(&[&more, &corrected]));
    said(&place, "register build r --update more.csv", 0);
    assert_eq!((count(&place, "rows"), count(&place, "people")), (6, 5));
    assert_eq!(count(&place, "rows_with_usage_name"), 0);
    assert_ne!(stats(&place, "r")["id"], id);
    assert_eq!((mode(&place, "r"), names(&place).len()), (0o600, 3));

    // What fails leaves the index as it was.
    let before = fs::read(place.path("r")).unwrap();
    let update = "register build r --update more.csv";
    place.write("more.csv", register(&[&more.replace("P-7730", "P-7731")]));
    let words = "1 row with an identifier that the register gives to another id (line 2)";
    refused(&place, update, "register-rows", &[words]);
    refused(&place, &update.replace("more", "none"), "file-missing", &["none.csv"]);
    refused(&place, &update.replace("build r", "build none"), "file-missing", &["\"none\""]);
    refused(
        &place,
        &update.replace("build r", "build people.csv"),
        "not-a-register",
        &["people.csv"],
    );
    symlink("r", place.path("link")).unwrap();
    refused(&place, &update.replace("build r", "build link"), "not-a-file", &["\"link\""]);
    assert!(fs::read(place.path("r")).unwrap() == before);
}

#[test]
fn rows_that_cannot_be_right_are_counted_with_their_lines() {
    let place = place();
    let rows = [
        PEOPLE[0].to_owned(),
        // Two lines.
        PEOPLE[1].to_owned(),
        PEOPLE[2].replace("1500199352003", ""),
        PEOPLE[2].replace("1950-00-00", "1950-13-45"),
        PEOPLE[0].replace("P-7719", "P-7740"),
        PEOPLE[3].replace(",M,", ",X,"),
    ];
    let rows: Vec<_> = rows.iter().map(String::as_str).collect();
    place.write("people.csv", register(&rows));
    let words = [
        "1 row without a valid identifier (line 5)",
        "1 row with a date that cannot be read or a year that is not from 1800 to next year (line \
        6)",
        "1 row with a sex that is none of 1, M, H, HOMME or MASCULIN, 2, F, FEMME or FEMININ (line 8)",
        "1 row with an identifier that stands in an earlier row (line 7)",
        "correct them at their source",
    ];
    refused(&place, BUILD, "register-rows", &words);
    parquet(&place.path("people.parquet"), HEADER, &rows);
    let words = ["identifier (row 3)", "next year (row 4)", "earlier row (row 5)", "(row 6)"];
    refused(&place, "register build r --from people.parquet", "register-rows", &words);
    place.write("good.csv", register(&PEOPLE[3..]));
    refused(
        &place,
        "register build r --from good.csv people.csv",
        "register-rows",
        &["(file 2 line 5)"],
    );

    let bad = b"P-7741,1840575101009,Dommartin\xe9,,Jean,M,1984-05-12,75101,,,\n";
    place.write("people.csv", [register(&PEOPLE[..1]).as_bytes(), bad].concat());
    refused(
        &place,
        BUILD,
        "register-rows",
        &["1 row with bytes that are not UTF-8", "iconv", "(line 3)"],
    );
    // Where it is no field it is nobody's business.
    place.write("people.csv", [register(&PEOPLE[..1]).trim_end().as_bytes(), b"\xe9\n"].concat());
    said(&place, BUILD, 0);
}

/// The year that the clock shows (UTC).
fn this_year() -> i16 {
    jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC).year()
}

#[test]
fn a_year_of_birth_is_one_from_1800_to_next_year() {
    let place = place();
    let with = |date: &str| register(&[PEOPLE[0], &PEOPLE[3].replace("1991-12-25", date)]);
    let last = this_year() + 1;
    for date in
        [format!("{last}-01-01"), last.to_string(), "1800".to_owned(), "18000101".to_owned()]
    {
        place.write("people.csv", with(&date));
        said(&place, BUILD, 0);
        fs::remove_file(place.path("r")).unwrap();
    }
    let words = [
        "1 row with a date that cannot be read or a year that is not from 1800 to next year (line \
        3)",
    ];
    for date in
        ["1799-12-31", "17991231", "1096", "9862.0", "9862", "30812", "-3653", "-1975", "189388800"]
            .map(str::to_owned)
            .into_iter()
            .chain([
                format!("{}-01-01", last + 1),
                (last + 1).to_string(),
                format!("01/{}", last + 1),
            ])
    {
        place.write("people.csv", with(&date));
        refused(&place, BUILD, "register-rows", &words);
    }
    // An update reads as a build does.
    place.write("people.csv", register(&PEOPLE));
    said(&place, BUILD, 0);
    let before = fs::read(place.path("r")).unwrap();
    place.write("more.csv", with("1096"));
    refused(&place, "register build r --update more.csv", "register-rows", &words);
    assert!(fs::read(place.path("r")).unwrap() == before);
}

/// Days since 1960, as SAS and Stata have them, of people born from 1962 to 1987; and dates of
/// other centuries in columns of their own type.
#[test]
fn a_register_of_numbers_of_days_is_refused() {
    let place = Place::default();
    let number = |row: &str| row.split(',').nth(6).unwrap().parse::<i64>().unwrap();
    let rows: Vec<_> = identifiers(300)
        .iter()
        .zip(1000..)
        .map(|(nir, nth)| format!(",{nir},Nom{nth},,Jean,M,{},75101,,,", 1000 + 29 * (nth - 1000)))
        .collect();
    let rows: Vec<_> = rows.iter().map(String::as_str).collect();
    let years = rows
        .iter()
        .filter(|row| (1800..=i64::from(this_year()) + 1).contains(&number(row)))
        .count();
    assert!((5..10).contains(&years), "some look like years");
    let words = [&*format!("{} rows with a date that cannot be read", 300 - years)];
    place.write("people.csv", register(&rows));
    refused(&place, BUILD, "register-rows", &words);
    type Column = fn(Vec<i64>) -> ArrayRef;
    let columns: [Column; 3] = [
        |numbers| Arc::new(Int64Array::from(numbers)),
        |numbers| {
            Arc::new(Float64Array::from_iter_values(
                numbers.into_iter().map(|number| number as f64),
            ))
        },
        |numbers| {
            Arc::new(Int32Array::from_iter_values(numbers.into_iter().map(|number| number as i32)))
        },
    ];
    let build = "register build r --from people.parquet";
    for column in columns {
        typed(&place.path("people.parquet"), HEADER, &rows, |name, cells| {
            let numbers = || cells.iter().map(|cell| cell.parse().unwrap()).collect();
            (name == "date_naissance").then(|| column(numbers()))
        });
        refused(&place, build, "register-rows", &words);
    }
    // Dates: 1650-01-01, 9999-12-31 and the beginning of the year after next.
    let late = jiff::civil::date(this_year() + 2, 1, 1) - jiff::civil::date(1970, 1, 1);
    for days in [-116_878, 2_932_896, late.get_days()] {
        typed(&place.path("people.parquet"), HEADER, &rows[..1], |name, _| {
            (name == "date_naissance")
                .then(|| -> ArrayRef { Arc::new(Date32Array::from(vec![days])) })
        });
        refused(&place, build, "register-rows", &["1 row with a date that cannot be read"]);
    }
    typed(&place.path("people.parquet"), HEADER, &rows[..1], |name, _| {
        (name == "date_naissance")
            .then(|| -> ArrayRef { Arc::new(Date32Array::from(vec![late.get_days() - 1])) })
    });
    said(&place, build, 0);
}

#[test]
fn files_that_are_no_register() {
    let place = place();
    place.write("people.csv", register(&PEOPLE).replace("sexe", "gender"));
    refused(
        &place,
        BUILD,
        "missing-column",
        &["people.csv", "\"sexe\"", "gender", "--map sexe=COLUMN"],
    );
    place.write("people.csv", register(&PEOPLE).replace(',', ";"));
    refused(&place, BUILD, "missing-column", &["\"nir\"", "--delimiter ';'"]);
    // Without a header: its first row is not shown.
    for rows in
        [&PEOPLE.join("\n"), "D'Allemane,Le Goffic,Zoé,F,1984\n", "Bensoultane;Karim;ALGERIE\n"]
    {
        place.write("people.csv", rows);
        refused(&place, BUILD, "missing-column", &["names of the columns"]);
    }
    place.write("people.csv", "name,first\n");
    refused(
        &place,
        &format!("{BUILD} --map nom=name,nir=number"),
        "missing-column",
        &["\"number\"", "it has name, first"],
    );
    place.write("people.csv", register(&PEOPLE).replace("other", "nom"));
    refused(&place, BUILD, "column-twice", &["people.csv", "\"nom\""]);
    refused(&place, &format!("{BUILD} --map nom=a,nom=b"), "mapped-twice", &["nom"]);
    place.write("people.csv", format!("{HEADER}\n"));
    refused(&place, BUILD, "register-empty", &["no rows"]);
    // All that is wrong is told at once, and what comes after a broken row is read.
    let broken = format!(
        "{},more\n\nBensoultane\n{}\n{}",
        PEOPLE[0],
        PEOPLE[0],
        PEOPLE[0].replace("-05-", "-15-")
    );
    place.write("people.csv", format!("{HEADER}\n{broken}\n"));
    let words = [
        "2 rows with more or fewer fields than the header",
        "(line 2, line 4)",
        "1 row with a date that cannot be read or a year that is not from 1800 to next year (line \
        6)",
    ];
    refused(&place, BUILD, "register-rows", &words);
    place.write("people.csv", format!("{HEADER}\n{}\n\"", PEOPLE[0]));
    refused(&place, BUILD, "open-quote", &["line 3"]);
    refused(&place, "register build r --from people.xlsx", "file-type", &["people.xlsx"]);
    parquet(&place.path("p.parquet"), HEADER, &PEOPLE);
    let other = "register build r --from p.parquet --map pays=other";
    refused(&place, other, "column-type", &["p.parquet", "\"other\"", "names are text"]);
    refused(&place, "register build no/r --from p.parquet", "file-missing", &["\"no\""]);
}

#[test]
fn an_index_that_others_can_read_is_told_of() {
    let place = place();
    said(&place, BUILD, 0);
    let warning = "warning: \"r\" can be read by others: chmod 600\n";
    assert!(!said(&place, "register stats r", 0).contains("warning"));
    for mode in [0o640, 0o604, 0o620, 0o601] {
        fs::set_permissions(place.path("r"), fs::Permissions::from_mode(mode)).unwrap();
        assert_eq!(said(&place, "register stats r", 0).matches(warning).count(), 1, "{mode:o}");
    }
    // An update is the owner's alone again.
    said(&place, "register build r --update people.csv", 0);
    assert!(!said(&place, "register stats r", 0).contains("warning"));
}

#[test]
fn communes_are_read_or_refused() {
    let place = place();
    let communes = "code,nom,type,anciens_codes,chef_lieu\n\
        01025,Bâgé-Dommartin,x,01999|01998,\n01144,Dommartin,x,,01025\n";
    place.write("communes.csv", communes);
    said(&place, &format!("{BUILD} --communes communes.csv"), 0);
    // Two names, three former codes; an update keeps them.
    assert_eq!(count(&place, "names_and_former_codes_of_communes"), 5);
    said(&place, "register build r --update people.csv", 0);
    assert_eq!(count(&place, "names_and_former_codes_of_communes"), 5);

    let build = "register build s --from people.csv --communes communes.csv";
    place.write("communes.csv", "code,nom,anciens_codes,chef_lieu\n01025,a,,\n751,Dommartin,,\n");
    refused(&place, build, "communes", &["communes.csv", "line 3"]);
    place.write("communes.csv", "code,nom,anciens_codes,chef_lieu\n01025,a,01,\n");
    refused(&place, build, "communes", &["line 2"]);
    place.write("communes.csv", "code,nom\n");
    refused(&place, build, "missing-column", &["\"anciens_codes\""]);
}

#[test]
fn an_index_that_is_damaged_or_of_another_version_is_refused() {
    let place = place();
    said(&place, BUILD, 0);
    let whole = fs::read(place.path("r")).unwrap();
    for command in ["register stats r", "register build r --update people.csv"] {
        for at in [12, 16, 40, whole.len() / 2, whole.len() - 40, whole.len() - 1] {
            let mut damaged = whole.clone();
            damaged[at] ^= 1;
            place.write("r", &damaged);
            refused(&place, command, "register-damaged", &["\"r\"", "build it again"]);
        }
        place.write("r", &whole[..whole.len() - 1]);
        refused(&place, command, "register-damaged", &["truncated"]);
        let mut newer = whole.clone();
        newer[8] = 4;
        place.write("r", &newer);
        refused(&place, command, "register-version", &["format 4", "reads format 3"]);
        place.write("r", "something else");
        refused(&place, command, "not-a-register", &["\"r\"", "register build"]);
        place.write("r", &whole);
    }
    refused(&place, "register stats none", "file-missing", &["none"]);
    refused(&place, "register stats .", "not-a-file", &["\".\""]);
}

/// The last part begins once all rows are read, with the first bytes behind the records: keys are
/// sorted and written.
#[test]
fn a_signal_in_the_last_part_leaves_what_there_was() {
    let place = place();
    let rows: String =
        identifiers(200_000).iter().map(|nir| format!("{nir},Doe,Jo,1,1950,\n")).collect();
    place.write("many.csv", format!("nir,nom,prenoms,sexe,date_naissance,code_lieu\n{rows}"));
    place.ok("register build r --from many.csv");
    let whole = fs::read(place.path("r")).unwrap();
    let records =
        whole[whole.len() - 48..].first_chunk().map(|bytes| u64::from_le_bytes(*bytes)).unwrap();
    for (command, name) in [("INT", "build s --from"), ("TERM", "build r --update")] {
        let mut child = place.started(&format!("register {name} many.csv"));
        let is_past_its_rows = || {
            let lengths = place.temporaries().into_iter().map(|name| place.path(&name).metadata());
            lengths.flatten().any(|metadata| metadata.len() >= 64 + records)
        };
        while child.try_wait().unwrap().is_none() && !is_past_its_rows() {
            std::thread::sleep(Duration::from_millis(1));
        }
        signal(child.id(), command);
        let output = child.wait_with_output().unwrap();
        let said = text(&output.stderr);
        assert_eq!((output.status.code(), said.lines().count()), (Some(1), 1), "{said}");
        assert!(said.starts_with("error[interrupted]: "), "{said}");
        assert_eq!(names(&place), ["many.csv", "people.csv", "r"]);
        assert!(fs::read(place.path("r")).unwrap() == whole);
    }
}

/// What is written meanwhile is the owner's alone, has a name that says nothing, and goes with the
/// next attempt.
#[test]
fn what_a_killed_build_left_goes_with_the_next() {
    let place = place();
    let rows: String =
        identifiers(200_000).iter().map(|nir| format!("{nir},Doe,Jo,1,1950,\n")).collect();
    place.write("many.csv", format!("nir,nom,prenoms,sexe,date_naissance,code_lieu\n{rows}"));
    let build = "register build r --from people.csv many.csv";
    let temporary = || names(&place).into_iter().find(|name| name.ends_with(".cstatns-tmp"));
    let mut child = place.started(build);
    let left = temporary().expect("a temporary file");
    let mark = left.strip_prefix(".r.").and_then(|rest| rest.strip_suffix(".cstatns-tmp")).unwrap();
    assert!(mark.len() == 32 && mark.bytes().all(|byte| byte.is_ascii_hexdigit()));
    assert_eq!(mode(&place, &left), 0o600);
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(names(&place), [&*left, "many.csv", "people.csv"]);

    place.write(
        "more.csv",
        register(&[&PEOPLE[2].replace("P-7721", "P-7730").replace("352003", "352004")]),
    );
    place.ok("register build r --from people.csv more.csv");
    assert!(!place.exists(&left));
    assert_eq!((names(&place).len(), count(&place, "people")), (4, 5));
}
