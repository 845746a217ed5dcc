//! People looked up by civil status and coded, through the program: the same codes as their
//! identifiers would have, what the custodians are asked, what is recorded, and what is refused.
//! Every person here is invented.

use crate::common;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::PermissionsExt;

use serde_json::Value;

use common::{Place, csv, keyed, signal, text};

/// A name that no other number has.
fn word(mut number: usize) -> String {
    let mut word = String::new();
    for _ in 0..4 {
        word.push(char::from(b"bdflmnprst"[number % 10]));
        word.push(char::from(b"aeiou"[number / 10 % 5]));
        number /= 10;
    }
    word
}

fn nir(person: usize) -> String {
    keyed(&format!("184{:02}75101{:03}", 1 + person / 1000, person % 1000))
}

/// The register's file, with an index `r` of it.
pub(super) fn register(place: &Place, people: usize) {
    let mut rows = String::from("nir,nom,nom_usage,prenoms,sexe,date_naissance,code_lieu\n");
    for person in 0..people {
        let (nom, usage, first) = (word(person), word(person + 5000), word(person + 7000));
        writeln!(
            rows,
            "{},{nom},{usage},{first},M,1984-05-{:02},75101",
            nir(person),
            1 + person % 28
        )
        .unwrap();
    }
    place.write("people.csv", rows);
    place.ok("register build r --from people.csv");
}

/// Visits of these people, spelled otherwise, of others who are in no register, and of nobody.
pub(super) fn visits(place: &Place, people: std::ops::Range<usize>) {
    let mut rows = String::from("nom,prenoms,sexe,born,code_lieu,visit\n");
    for person in people {
        let (nom, first) = (word(person).to_uppercase(), word(person + 7000));
        writeln!(rows, "{nom},{first},1,{:02}/05/1984,75101,{person}", 1 + person % 28).unwrap();
    }
    for stranger in 0..15 {
        writeln!(rows, "{},{},2,1990-01-01,75101,stranger", word(stranger + 2500), word(stranger))
            .unwrap();
    }
    rows.push_str(",,,,,nobody\nBosun,Bela,1,soon,75101,undated\n");
    place.write("visits.csv", rows);
}

pub(super) const PREPARE: &str = "controller prepare visits.csv --civil-status --map date_naissance=born \
    --request q.csv \
                       --retained t.csv";
const CODE: &str =
    "service code home population --request q.csv --result s.csv --purpose income --register r";

fn id(place: &Place, index: &str) -> String {
    place.json(&format!("register stats {index}"))["id"].as_str().unwrap().to_owned()
}

fn report(place: &Place, file: &str) -> Value {
    place.report(file)
}

#[test]
fn people_who_are_found_have_the_codes_of_their_identifiers() {
    let place = Place::open();
    register(&place, 60);
    visits(&place, 0..40);
    let prepared = place.json(PREPARE);
    assert_eq!(prepared["status"], serde_json::json!({"ok": 55, "absent": 1, "malformed": 1}));
    assert_eq!(prepared["unread"], serde_json::json!({"date_naissance": 1}));
    fs::set_permissions(place.path("r"), fs::Permissions::from_mode(0o644)).unwrap();
    let said = place.quorum(&format!("{CODE} --accept rectified --min-score 0.97"));
    // Before anybody is asked.
    let (before, _) = said.split_once("asked of the custodians").unwrap();
    assert!(before.ends_with("warning: \"r\" can be read by others: chmod 600\n"), "{said}");
    fs::set_permissions(place.path("r"), fs::Permissions::from_mode(0o600)).unwrap();
    let look_up = format!(
        "looked up in the register {} and coded only if `found` or `rectified`, with a score of \
        0.9700 or more",
        id(&place, "r")
    );
    // To all of them; in a few words to each who approves, and on the line kept on paper.
    let asked = format!(
        "code 57 rows with 55 values, 55 of them distinct (rows, not people), of the scheme \
        fr-nir, for `income` in `population`, generation 1, of people {look_up}"
    );
    assert_eq!(said.matches(&asked).count(), 1, "{said}");
    let brief = "code 57 rows for `income` in `population`";
    assert_eq!(said.matches(&format!(": {brief}\n")).count(), 2, "{said}");
    assert_eq!(said.matches(&format!("approved to {brief} on ")).count(), 2, "{said}");
    for line in [
        "minimum   11 distinct values a run in `population`",
        "opens     key 1 of `population`",
        "before    0 runs for `income` in `population` this year",
    ] {
        assert!(said.contains(&format!("\n  {line}\n")), "{line}\n{said}");
    }
    assert!(said.contains(&format!("\npeople {look_up}\n")), "{said}");
    assert!(said.contains("found 40, not-found 15, none 2"), "{said}");
    let drawn = format!("\n  0.95 to 1.00  {} 40\n40 of 57 rows have a code\n", "█".repeat(40));
    assert!(said.contains(&drawn), "{said}");
    assert!(
        !place.exists("q.csv") && !place.exists("q.csv.manifest.json"),
        "the request is destroyed"
    );

    // What is recorded of it: the register's id, its commitment and the level, and nothing of the
    // rows.
    let stats = place.json("register stats r");
    let recorded = format!(
        "\"look_up\":{{\"accept\":\"rectified\",\"commitment\":{},\"min_score\":9700,\
        \"register\":{}}}",
        stats["commitment"], stats["id"]
    );
    let ledger = place.read("home/ledger.jsonl");
    assert_eq!(ledger.matches(&recorded).count(), 1);
    assert!(!ledger.contains("not-found") && !ledger.contains("\"found\""));
    let verified = place.run("auditor verify home/ledger.jsonl --service home/card.json");
    assert!(verified.status.success(), "{}", text(&verified.stdout));

    let counts = serde_json::json!({"found": 40, "not-found": 15, "none": 2});
    let told = report(&place, "s.csv");
    assert_eq!((&told["quality"], &told["look_up"]["accept"]), (&counts, &"rectified".into()));
    let scores: Vec<u64> = serde_json::from_value(told["scores"].clone()).unwrap();
    assert_eq!((scores.len(), scores[19], scores.iter().sum::<u64>()), (20, 40, 55));
    assert_eq!(told["coded"], 40);
    fs::remove_file(place.path("s.csv.report.json")).unwrap();
    place.ok("service expire home");
    let again = report(&place, "s.csv");
    assert_eq!(
        (&again["quality"], &again["look_up"], &again["scores"], &again["coded"]),
        (&counts, &told["look_up"], &told["scores"], &told["coded"]),
        "made again from the ledger"
    );

    let said = place.run("controller attach --retained t.csv --result s.csv --out a.csv");
    assert!(
        text(&said.stderr).contains(&drawn),
        "the controller sees it too: {}",
        text(&said.stderr)
    );
    let told = report(&place, "a.csv");
    let counts = serde_json::json!({"found": 40, "not-found": 15, "absent": 1, "malformed": 1});
    assert_eq!(
        (&told["quality"], &told["look_up"], &told["rows_out"]),
        (&counts, &again["look_up"], &57.into())
    );
    place.ok("controller check a.csv");

    let identifiers: Vec<String> = (0..40).map(nir).collect();
    place.write("direct.csv", csv(&identifiers));
    place.coded("direct", "nir", "population", 1);
    let direct: BTreeMap<_, _> = place
        .rows("direct-1.csv")
        .into_iter()
        .map(|row| (row[2].clone(), row[0].clone()))
        .collect();
    let mut found = 0;
    for row in place.rows("a.csv") {
        assert_eq!(row[0], direct.get(&row[3]).cloned().unwrap_or_default(), "{row:?}");
        found += usize::from(row[1] == "found");
    }
    assert_eq!(found, 40);
    place.ok("controller check a.csv direct-1.csv");

    // Their codes are renewed as any others.
    place.quorum("service new-key home population --reason scheduled");
    place.ok("controller prepare a.csv --code-column code --request q2.csv --retained t2.csv");
    place.quorum("service renew home population --request q2.csv --result s2.csv --purpose income");
    place.ok("controller attach --retained t2.csv --result s2.csv --out a2.csv");
    let counts = serde_json::json!({"found": 40, "not-found": 15, "absent": 1, "malformed": 1});
    assert_eq!(report(&place, "a2.csv")["quality"], counts);
}

/// Two people of one name and one date of birth, who were born in two places: a row that says which
/// place has the code of that one, a row that does not is of neither.
/// In a project an identifier that a row has decides, also against its civil status. In statistics
/// the register is asked about both.
#[test]
fn a_project_consults_the_register_only_for_rows_without_an_identifier() {
    let place = Place::open();
    let ends = jiff::Zoned::now().date().saturating_add(jiff::Span::new().years(2));
    place.quorum(&format!("service open home benefits --kind research --ends {ends}"));
    register(&place, 60);
    // The odd ones have an identifier, which is the next person's.
    let mut rows = String::from("nom,prenoms,sexe,date_naissance,code_lieu,nir,visit\n");
    let next =
        |person: usize| if person.is_multiple_of(2) { String::new() } else { nir(person + 1) };
    for person in 0..40 {
        let (nom, first, day) = (word(person), word(person + 7000), 1 + person % 28);
        writeln!(rows, "{nom},{first},1,1984-05-{day:02},75101,{},{person}", next(person)).unwrap();
    }
    place.write("visits.csv", rows);
    for (domain, n) in [("population", 0), ("benefits", 20)] {
        place.ok(&format!(
            "controller prepare visits.csv --civil-status --domain {domain} --request q-{domain}.csv \
             --retained t-{domain}.csv"
        ));
        let said = place.quorum(&format!(
            "service code home {domain} --request q-{domain}.csv --result s-{domain}.csv \
             --purpose income --register r"
        ));
        let only = "\n  register  is consulted for rows without an identifier only\n";
        assert_eq!(said.contains(only), n > 0, "{said}");
        let told = report(&place, &format!("s-{domain}.csv"));
        let other = if n > 0 { "valid" } else { "contradicted" };
        assert_eq!(told["quality"], serde_json::json!({"found": 20, other: 20}));
        assert_eq!(told["coded"], 20 + n);
        place.ok(&format!(
            "controller attach --retained t-{domain}.csv --result s-{domain}.csv --out o-{domain}.csv"
        ));
    }
    // The codes of the project are those that the identifiers alone would have.
    let mut known = String::from("nir,visit\n");
    for person in 0..40 {
        let own = next(person);
        writeln!(known, "{},{person}", if own.is_empty() { nir(person) } else { own }).unwrap();
    }
    place.write("known.csv", known);
    place.ok(
        "controller prepare known.csv --identifier-column nir --domain benefits --request q.csv \
         --retained t.csv",
    );
    place.quorum("service code home benefits --request q.csv --result s.csv --purpose income");
    place.ok("controller attach --retained t.csv --result s.csv --out o.csv");
    let codes = |file: &str| -> BTreeMap<String, String> {
        let rows = place.read(file);
        let rows = rows.lines().skip(1).map(|line| line.split(',').collect::<Vec<_>>());
        rows.map(|cells| (cells[cells.len() - 1].to_owned(), cells[0].to_owned())).collect()
    };
    assert_eq!(codes("o.csv").len(), 40);
    assert_eq!(codes("o.csv"), codes("o-benefits.csv"));
}

#[test]
fn a_row_that_cannot_tell_namesakes_apart_has_no_code() {
    let place = Place::open();
    register(&place, 40);
    let namesake = place.read("people.csv").lines().nth(8).unwrap().replace(&nir(7), &nir(60));
    let namesake = namesake.replace(",75101", ",13201");
    place.write("people.csv", place.read("people.csv") + &namesake + "\n");
    fs::remove_file(place.path("r")).unwrap();
    place.ok("register build r --from people.csv");

    let row = |person: usize, code: &str, visit: &str| {
        format!(
            "{},{},1,{:02}/05/1984,{code},{visit}\n",
            word(person),
            word(person + 7000),
            1 + person % 28
        )
    };
    let others = (8..28).fold(String::new(), |rows, person| rows + &row(person, "75101", "other"));
    let three = row(7, "", "either") + &row(7, "75101", "one") + &row(7, "13201", "two");
    place.write("visits.csv", format!("nom,prenoms,sexe,born,code_lieu,visit\n{three}{others}"));
    place.ok(PREPARE);
    let said = place.quorum(CODE);
    assert!(
        said.contains("found 22, ambiguous 1\n") && said.contains("\n22 of 23 rows have a code\n"),
        "{said}"
    );
    let counts = serde_json::json!({"found": 22, "ambiguous": 1});
    let told = report(&place, "s.csv");
    assert_eq!(
        (&told["quality"], &told["coded"], &told["rows_out"]),
        (&counts, &22.into(), &23.into())
    );
    let uncoded: Vec<_> = place.rows("s.csv").into_iter().filter(|row| row[1].is_empty()).collect();
    assert_eq!((uncoded.len(), &*uncoded[0][2]), (1, "ambiguous"));
    let score: f64 = uncoded[0][3].parse().unwrap();
    assert!(score < 0.6, "of two who fit alike, neither is more likely: {score}");

    place.ok("controller attach --retained t.csv --result s.csv --out a.csv");
    assert_eq!(report(&place, "a.csv")["quality"], counts);
    place.write("direct.csv", csv(&[7, 60].into_iter().chain(8..28).map(nir).collect::<Vec<_>>()));
    place.coded("direct", "nir", "population", 1);
    let direct: BTreeMap<_, _> = place
        .rows("direct-1.csv")
        .into_iter()
        .map(|row| (row[2].clone(), row[0].clone()))
        .collect();
    let rows = place.rows("a.csv");
    let of = |visit: &str| rows.iter().find(|row| row.last().unwrap() == visit).unwrap();
    assert_eq!((&*of("either")[0], &*of("either")[1]), ("", "ambiguous"));
    assert_eq!((&of("one")[0], &of("two")[0]), (&direct["0"], &direct["1"]));
    let codes: std::collections::BTreeSet<_> = place.codes("a.csv").into_keys().collect();
    assert_eq!(codes, direct.into_values().collect());
}

/// The level and the score that the custodians approve are those by which the run codes.
#[test]
fn what_is_coded_is_what_was_approved() {
    let place = Place::open();
    register(&place, 60);
    let mut rows = String::from("nom,prenoms,sexe,born,code_lieu,visit\n");
    for person in 0..60 {
        let (nom, first, day) = (word(person), word(person + 7000), 1 + person % 28);
        let row = match person % 3 {
            0 => format!("{nom},{first},M,{day:02}/05/1984,75101,exact"),
            // Certain, but not of the highest score.
            1 => format!("{nom},{first},M,1984-05-00,,partial"),
            _ => format!("{},{first},M,{day:02}/05/1984,75101,usage", word(person + 5000)),
        };
        writeln!(rows, "{row}").unwrap();
    }
    place.write("visits.csv", rows);
    // The same rows each time, under other agreements.
    for (nth, (agreed, coded)) in [
        ("", &["found", "rectified", "usage-name"][..]),
        ("--accept rectified", &["found", "rectified"]),
        ("--accept found", &["found"]),
        ("--min-score 0.9990", &["found", "usage-name"]),
    ]
    .into_iter()
    .enumerate()
    {
        let code = CODE.replace("s.csv", &format!("s{nth}.csv"));
        place.ok(&PREPARE.replace("t.csv", &format!("t{nth}.csv")));
        let said = place.quorum(&format!("{code} {agreed}"));
        assert!(said.contains("found 20, rectified 20, usage-name 20"), "{agreed}\n{said}");
        for row in place.rows(&format!("s{nth}.csv")) {
            assert_eq!(!row[1].is_empty(), coded.contains(&&*row[2]), "{agreed}: {row:?}");
        }
    }
}

/// A column without a name in it is prepared, and told of: the service would find nobody.
#[test]
fn a_request_in_which_is_nobody_is_told_of() {
    let place = Place::default();
    let (header, rows) =
        ("nom,prenoms,sexe,born,code_lieu,visit\n", ",Bela,1,1984-05-12,75101,1\n,Bruno,1,,,2\n");
    for (row, is_told) in
        [("", true), ("Bosun,Bela,1,soon,,3\n", true), ("Bosun,Bela,1,1984,,3\n", false)]
    {
        // Half of the dates, so that the column is the right one.
        place.write("visits.csv", format!("{header}{rows}{row}"));
        let said = place.ok(PREPARE);
        assert_eq!(
            said.contains("warning: nobody can be looked up: no row has a name and a date"),
            is_told,
            "{said}"
        );
        assert_eq!(
            said.contains("not sent: 1 value of date_naissance that"),
            row.contains("soon"),
            "{said}"
        );
        for name in ["q.csv", "q.csv.manifest.json", "t.csv", "t.csv.request.json"] {
            fs::remove_file(place.path(name)).unwrap();
        }
    }
}

/// Days since 1960, as SAS and Stata have them: a column of them is refused, and one that may be
/// such is reported.
#[test]
fn numbers_of_days_are_no_dates_of_birth() {
    let place = Place::default();
    let write = |dates: &mut dyn Iterator<Item = String>| {
        let mut rows = String::from("nom,prenoms,born,visit\n");
        dates
            .enumerate()
            .for_each(|(nth, date)| writeln!(rows, "{},Bela,{date},{nth}", word(nth)).unwrap());
        place.write("visits.csv", rows);
    };
    write(&mut (1000..10_000).map(|day| day.to_string()));
    let words = ["of 9000 values", "date_naissance", "from 1800 to next year", "SAS"];
    place.refused(PREPARE, "wrong-column", &words);
    for stranger in ["30812", "-3653", "189388800", "1799-12-31", "9999-12-31"] {
        write(&mut (0..101).map(|nth| if nth < 50 { "1984-05-12" } else { stranger }.to_owned()));
        place.refused(PREPARE, "wrong-column", &["51 of 101 values", "date_naissance"]);
    }
    let prepared = |warned: bool| {
        let said = place.ok(PREPARE);
        assert_eq!(said.contains("warning: date_naissance holds years alone"), warned, "{said}");
        for name in ["q.csv", "q.csv.manifest.json", "t.csv", "t.csv.request.json"] {
            fs::remove_file(place.path(name)).unwrap();
        }
    };
    // Those of December 1964 to July 1965 look like years, with some of other months; years alone;
    // dates, and a few numbers.
    write(&mut (1600..2000).map(|day| day.to_string()));
    prepared(true);
    write(&mut (1900..2000).map(|year| year.to_string()));
    prepared(false);
    write(
        &mut (1600..2000)
            .map(|day| if day % 50 == 0 { "1984-05-12".to_owned() } else { day.to_string() }),
    );
    prepared(false);
    write(
        &mut (1850..2000)
            .map(|day| if day % 50 == 0 { "9862".to_owned() } else { format!("{day}-01-01") }),
    );
    prepared(false);
}

#[test]
fn a_request_goes_to_the_verb_that_is_for_it() {
    let place = Place::open();
    register(&place, 40);
    visits(&place, 0..20);
    place.ok(PREPARE);
    let plain = CODE.replace(" --register r", "");
    place.refused_quorum(&plain, "request-use", &["q.csv", "civil status", "with --register"]);
    let renew = plain.replace("service code", "service renew");
    place.refused_quorum(&renew, "request-use", &["q.csv", "`service code`, with --register"]);
    place.write("data.csv", csv(&(0..20).map(nir).collect::<Vec<_>>()));
    place.ok(
        "controller prepare data.csv --identifier-column nir --request q1.csv --retained t1.csv",
    );
    let coded = CODE.replace("q.csv", "q1.csv");
    place.refused_quorum(&coded, "request-use", &["q1.csv", "without --register"]);

    // The register is read through before anybody is asked.
    let other = |index: &str| CODE.replace("--register r", &format!("--register {index}"));
    place.refused_quorum(&other("none"), "file-missing", &["none"]);
    place.refused_quorum(&other("people.csv"), "not-a-register", &["people.csv"]);
    let mut damaged = fs::read(place.path("r")).unwrap();
    let middle = damaged.len() / 2;
    damaged[middle] ^= 1;
    place.write("damaged", damaged);
    place.refused_quorum(&other("damaged"), "register-damaged", &["damaged"]);
    let ledger = place.read("home/ledger.jsonl");
    assert!(
        ledger.contains("{\"code\":\"register-damaged\",\"type\":\"refused\",\"verb\":\"code\"}")
    );
    assert!(!ledger.contains("\"verb\":\"code\"},\"epoch\""), "nobody was asked");
    let said = place.quorum(CODE);
    assert!(!said.contains("warning"), "{said}");
}

/// Rows that name nobody do not fill up a batch in which one person is looked for.
#[test]
fn the_minimum_is_of_people_who_are_coded() {
    let place = Place::open();
    register(&place, 40);
    for (people, is_enough) in [(0..10, false), (0..11, true)] {
        visits(&place, people.clone());
        // Rows of the same people count once.
        let again: String = place
            .read("visits.csv")
            .lines()
            .skip(1)
            .take(10)
            .map(|row| format!("{row}\n"))
            .collect();
        place.write("visits.csv", place.read("visits.csv") + &again);
        place.ok(&format!("{} --json", PREPARE.replace("t.csv", &format!("t{}.csv", people.end))));
        if is_enough {
            place.quorum(CODE);
            continue;
        }
        let told = ["fewer than 11 distinct people who are found and coded", "--min-score"];
        let line = place.refused_quorum(CODE, "too-few-values", &told);
        assert!(!line.contains("10"), "{line}");
        assert!(!place.exists("s.csv"));
        let ledger = place.read("home/ledger.jsonl");
        assert!(
            ledger.lines().last().unwrap().contains("\"code\":\"too-few-values\""),
            "and the run is recorded"
        );
        for name in ["q.csv", "q.csv.manifest.json"] {
            fs::remove_file(place.path(name)).unwrap();
        }
    }

    // Both runs are an auditor's business; a coding of identifiers is no look-up.
    place.write("direct.csv", csv(&(0..20).map(nir).collect::<Vec<_>>()));
    place.coded("direct", "nir", "population", 1);
    let verify = "auditor verify home/ledger.jsonl --service home/card.json";
    let told = text(&place.run(verify).stdout);
    assert!(
        told.contains("\n  2 runs that looked people up in a register, 1 of them with a result\n"),
        "{told}"
    );
    assert!(told.contains("\n  2 results of "), "{told}");
    // The run without a result must be accounted for.
    let output = place.run(&format!("{verify} --json"));
    assert_eq!(output.status.code(), Some(3));
    let audit: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(
        (&audit["holds"], &audit["notices"][0]["code"]),
        (&true.into(), &"may-have-run".into())
    );
    let counts =
        [&audit["look_ups"], &audit["deliveries"]["look_ups"], &audit["deliveries"]["made"]];
    assert_eq!(counts, [2, 1, 2]);
}

/// Enough that there is time to look in while they are coded.
const MANY: usize = 30_000;

#[test]
fn a_register_that_changes_meanwhile_and_a_run_that_is_killed() {
    let place = Place::open();
    register(&place, 400);
    let rows: String = (0..MANY).map(|row| row % 400).fold(String::new(), |mut rows, person| {
        writeln!(
            rows,
            "{},{},1,{:02}/05/1984,75101",
            word(person),
            word(person + 7000),
            1 + person % 28
        )
        .unwrap();
        rows
    });
    place.write("visits.csv", format!("nom,prenoms,sexe,born,code_lieu\n{rows}"));
    place.ok(PREPARE);

    let command = place.with_kits(CODE);
    let child = place.started(&command);
    let same = fs::read(place.path("r")).unwrap();
    place.write("r", same);
    let output = child.wait_with_output().unwrap();
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(
        said.contains("error[register-changed]: the register \"r\" was written to or replaced"),
        "{said}"
    );
    assert!(place.exists("q.csv") && !place.exists("s.csv") && place.temporaries().is_empty());
    assert!(
        place
            .read("home/ledger.jsonl")
            .lines()
            .last()
            .unwrap()
            .contains("\"code\":\"register-changed\"")
    );

    let mut child = place.started(&command);
    signal(child.id(), "KILL");
    child.wait().unwrap();
    assert!(place.exists("q.csv") && !place.exists("s.csv"));
    place.ok("service expire home");
    assert!(place.temporaries().is_empty());
    let ledger = place.read("home/ledger.jsonl");
    // Killed before or after its intent.
    let last = ledger.lines().last().unwrap();
    assert!(["failed", "lapsed"].iter().any(|end| last.contains(&format!("\"type\":\"{end}\""))));
    place.quorum(CODE);
    assert_eq!(report(&place, "s.csv")["rows_out"], MANY);
    // All of it holds; the runs that failed must be accounted for.
    let verified = place.run("auditor verify home/ledger.jsonl --service home/card.json");
    assert_eq!(verified.status.code(), Some(3), "{}", text(&verified.stdout));
}

/// In a parcel people are looked up as in a file, with the column of identifiers or without.
#[test]
fn a_look_up_travels_in_parcels() {
    let place = Place::open();
    register(&place, 60);
    visits(&place, 0..40);
    place.ok("party new insee --name insee --no-passphrase");
    place.quorum("service party home insee/card.json --role controller --domain population");
    place.ok(PREPARE);
    place.quorum(CODE);
    place.ok("controller attach --retained t.csv --result s.csv --out plain.csv");
    place.ok("service request-key home population --for insee --out key.json");
    let prepare = PREPARE.replace("q.csv", "q.parquet.age").replace("t.csv", "kept.csv");
    place.ok(&format!("{prepare} --as insee --request-key key.json"));
    let code = CODE.replace("q.csv", "q.parquet.age").replace("s.csv", "s.csv.gz.age");
    // Identifiers are not looked up, and people are not coded without a register.
    let without = code.replace(" --register r", "");
    place.refused_quorum(&format!("{without} --to insee"), "request-use", &[]);
    place.quorum(&format!("{code} --to insee"));
    place.ok(
        "controller attach --retained kept.csv --result s.csv.gz.age --as insee --out coded.csv",
    );
    assert_eq!(place.read("coded.csv"), place.read("plain.csv"));
}
