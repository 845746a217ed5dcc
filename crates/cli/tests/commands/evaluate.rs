//! `register evaluate` through the program: what it counts and draws, what it refuses, what it
//! never shows, and its page in a browser. Every person here is invented.

use crate::browser;
use crate::common;
use crate::people;

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::{ArrayRef, RecordBatch, StringArray};
use common::{Place, text};
use parquet::arrow::ArrowWriter;
use people::{Numbers, Person, write_people};
use serde_json::Value;

fn place() -> (Place, Vec<Person>) {
    let place = Place::default();
    let people = write_people(&place);
    place.ok("register build r --from people.csv");
    (place, people)
}

const EVALUATE: &str = "register evaluate r --queries known.csv --truth person --kind level,error";

fn kind<'a>(summary: &'a Value, words: [&str; 2]) -> &'a Value {
    let kinds = summary["kinds"].as_array().unwrap();
    kinds.iter().find(|kind| kind["kind"] == serde_json::json!(words)).unwrap()
}

#[test]
fn rows_are_counted_by_kind_and_drawn() {
    let (place, people) = place();
    let output = place.run(&format!("{EVALUATE} --out page.html --json"));
    let said = text(&output.stderr);
    assert!(output.status.success() && !said.contains("warning"), "{said}");
    fs::set_permissions(place.path("r"), fs::Permissions::from_mode(0o640)).unwrap();
    let warned = place.ok(EVALUATE);
    assert!(warned.starts_with("warning: \"r\" can be read by others: chmod 600\n"), "{warned}");
    let summary: Value = serde_json::from_slice(&output.stdout).unwrap();
    let of = |words, what: &str| kind(&summary, words)[what].as_u64().unwrap();
    for (words, rows, right, none, declared) in [
        (["exact", "as_it_is"], 100, 100, 0, 0),
        (["minor", "name-typing"], 40, 40, 0, 0),
        (["minor", "no_place"], 20, 20, 0, 0),
        (["ambiguous", "double"], 10, 0, 10, 10),
        (["none", "absent"], 30, 0, 30, 0),
        (["excluded", "absent"], 1, 0, 1, 0),
    ] {
        let counted = ["rows", "right", "none", "ambiguous", "wrong"].map(|what| of(words, what));
        assert_eq!(counted, [rows, right, none, declared, 0], "{words:?}");
    }
    assert_eq!(
        (&summary["all"]["rows"], &summary["all"]["as_expected"]),
        (&201.into(), &201.into())
    );
    assert_eq!((&summary["people"], &summary["as_coded"]["right"]), (&160.into(), &160.into()));
    assert_eq!(summary["as_coded"]["recall"], 1.0);
    assert_eq!(summary["register"]["people"], 310);
    // In no bin: nobody to be right about.
    let bins = summary["bins"].as_array().unwrap();
    assert!(bins.iter().map(|bin| bin["rows"].as_u64().unwrap()).sum::<u64>() >= 160);
    let lines: Vec<Vec<_>> = said.lines().map(|line| line.split_whitespace().collect()).collect();
    for line in
        ["exact 100 100 0 0 0 100 %", "minor 60 60 0 0 0 100 %", "all rows 201 160 41 0 10 100 %"]
    {
        assert!(lines.contains(&line.split(' ').collect()), "{said}");
    }

    let page = place.read("page.html");
    well_formed(&page);
    for shown in [
        "<th scope=\"row\">name-<wbr>typing</th><td>40</td><td>40</td><td>0</td><td>0</td>",
        "201 rows of a file",
    ] {
        assert!(page.contains(shown), "{shown}");
    }
    assert!(!page.contains("<script") && !page.contains("http://") && !page.contains("https://"));

    // The same again, and nothing of anybody.
    place.ok(&format!("{EVALUATE} --out again.html"));
    assert_eq!(page, place.read("again.html"));
    let all = said + &text(&output.stdout) + &page;
    for person in &people {
        // Five digits of a place could be those of a measured time.
        let [nom, prenoms, _, date, _] = &person.cells;
        for canary in [&person.id, &person.nir, nom, prenoms, date] {
            assert!(!all.contains(&**canary), "{canary}");
            assert!(!all.contains(&canary.to_uppercase()), "{canary}");
        }
    }
}

#[test]
fn what_is_coded_is_chosen() {
    let (place, _) = place();
    let right = |with: &str| {
        place.json(&format!("{EVALUATE} {with}"))["as_coded"]["right"].as_u64().unwrap()
    };
    assert_eq!(right("--accept found"), 100);
    assert_eq!(right("--accept rectified"), 160);
    assert!(right("--min-score 0.9999") < 160);
    // Without kinds, and under other names.
    let other = place.read("known.csv").replacen(",nom,", ",name,", 1).replace(',', ";");
    place.write("other.csv", other);
    let command =
        "register evaluate r --queries other.csv --truth person --map nom=name --delimiter ;";
    let summary = place.json(command);
    assert_eq!(summary["kinds"].as_array().unwrap().len(), 1);
    // The kind `excluded` is not known now.
    assert_eq!((&summary["people"], &summary["all"]["right"]), (&161.into(), &160.into()));
}

/// Of whom nobody can tell who it is, nothing but `ambiguous` is as expected.
#[test]
fn of_several_people_one_must_be_told_of() {
    let (place, people) = place();
    let several = format!("{}|{}", people[0].id, people[1].nir);
    let known =
        place.read("known.csv").replace("none,absent,,", &format!("several,absent,{several},"));
    place.write("known.csv", known);
    let summary = place.json(EVALUATE);
    let counted = kind(&summary, ["several", "absent"]);
    assert_eq!(
        (&counted["rows"], &counted["none"], &counted["as_expected"]),
        (&30.into(), &30.into(), &0.into())
    );
    assert_eq!(summary["all"]["as_expected"], 201 - 30);
}

#[test]
fn parquet_is_counted_as_csv() {
    let (place, _) = place();
    let text = place.read("known.csv");
    let rows: Vec<Vec<&str>> = text.lines().skip(1).map(|row| row.split(',').collect()).collect();
    let column = |(nth, name): (usize, _)| -> (&str, ArrayRef) {
        let cells = rows.iter().map(|row| Some(row[nth]).filter(|cell| !cell.is_empty()));
        (name, Arc::new(cells.collect::<StringArray>()))
    };
    let header = text.lines().next().unwrap().split(',');
    let batch = RecordBatch::try_from_iter(header.enumerate().map(column)).unwrap();
    let file = fs::File::create(place.path("known.parquet")).unwrap();
    let mut writer = ArrowWriter::try_new(file, batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    place.ok(&format!("{EVALUATE} --out csv.html"));
    place.ok(&format!("{} --out parquet.html", EVALUATE.replace(".csv", ".parquet")));
    assert_eq!(place.read("csv.html"), place.read("parquet.html"));
    let wrong = EVALUATE.replace(".csv", ".parquet").replace("--truth person", "--truth weight");
    place.refused(&wrong, "truth", &["known.parquet", "in row 1:"]);
}

#[test]
fn what_cannot_be_counted_is_refused() {
    let (place, people) = place();
    let known = place.read("known.csv");
    let refused = |command: &str, code: &str, words: &[&str]| {
        let line = place.refused(command, code, words);
        for person in &people {
            assert!(
                ![&person.id, &person.nir, &person.cells[0], &person.cells[3]]
                    .iter()
                    .any(|cell| line.contains(&***cell)),
                "{line}"
            );
        }
    };
    let command = format!("{EVALUATE} --out page.html");
    refused(&command.replace("person", "persona"), "missing-column", &["known.csv", "\"persona\""]);
    refused(&command.replace("level", "niveau"), "missing-column", &["\"niveau\""]);
    refused(
        &command.replace("evaluate r", "evaluate people.csv"),
        "not-a-register",
        &["people.csv"],
    );
    refused(&command.replace("known", "none"), "file-missing", &["none.csv"]);
    refused(
        &format!("{command} --map nom=name"),
        "missing-column",
        &["\"name\"", "--map nom=COLUMN"],
    );
    refused(
        &command.replace("person", "weight"),
        "truth",
        &["known.csv", "\"weight\"", "201 cells", "in line 2:"],
    );

    let header = known.lines().next().unwrap();
    let rows: Vec<_> = known.lines().skip(1).collect();
    let write =
        |rows: &[String]| place.write("few.csv", format!("{header}\n{}\n", rows.join("\n")));
    let few = command.replace("known", "few");
    write(&rows[..99].iter().map(|row| (*row).to_owned()).collect::<Vec<_>>());
    refused(&few, "few-rows", &["few.csv", "99 rows", "100", "add some"]);
    place.write("few.csv", format!("{header}\n"));
    refused(&few, "few-rows", &["few.csv", "0 rows"]);
    // Without a header: nobody of the first row is shown.
    let [nom, prenoms, ..] = &people[0].cells;
    place.write("few.csv", format!("{nom},{prenoms}\n"));
    refused(&few, "missing-column", &["few.csv", "names of the columns"]);
    for bad in ["Dupont", "deux mots", "", "é", "x<b>", &"k".repeat(65)] {
        let mut rows: Vec<_> = rows.iter().map(|row| (*row).to_owned()).collect();
        rows[5] = rows[5].replacen("exact", bad, 1);
        write(&rows);
        refused(&few, "kind", &["few.csv", "line 7", "--kind"]);
    }
    write(
        &rows
            .iter()
            .enumerate()
            .map(|(nth, row)| {
                row.replacen("exact", &format!("k{nth}x"), 1).replacen(
                    "minor",
                    &format!("m{nth}"),
                    1,
                )
            })
            .chain((0..60).map(|nth| rows[0].replacen("exact", &format!("z{nth}"), 1)))
            .collect::<Vec<_>>(),
    );
    refused(&few, "kind", &["few.csv", "more than 200 kinds"]);
    write(
        &rows
            .iter()
            .map(|row| row.replace("K-", "").replacen(people[0].id.trim_start_matches("K-"), "", 1))
            .collect::<Vec<_>>(),
    );
    refused(&few, "truth", &["few.csv", "no id or identifier"]);
    write(&vec![rows[rows.len() - 2].to_owned(); 120]);
    refused(&few, "truth", &["few.csv", "nobody of the register"]);
    let mut latin = known.clone().into_bytes();
    latin.extend(b"exact,as_it_is,,\xe9,a,M,1984-05-12,75101,1\n");
    place.write("few.csv", latin);
    refused(&few, "not-utf-8", &["few.csv", "line 203"]);

    // What exists is not written over, and what cannot be written is known at once.
    place.write("page.html", "mine");
    refused(&command, "output-exists", &["page.html"]);
    assert_eq!(place.read("page.html"), "mine");
    refused(&command.replace("page", "nowhere/page"), "file-missing", &["nowhere"]);

    for wrong in [
        "--accept near",
        "--min-score 1",
        "--min-score 0.97001",
        "--min-score 0.9",
        "--min-score NaN",
        "--map nir=weight",
        "--kind nom",
        "--kind person",
        "--kind error,level,weight",
    ] {
        let command = command.replace("--kind level,error", "").replace("page", "new");
        let output = place.run(&format!("{command} {wrong}"));
        assert_eq!(output.status.code(), Some(2), "{wrong}");
        assert!(!place.exists("new.html"));
    }
    let output = place.run(&command.replace("page.html", "page.pdf"));
    assert!(output.status.code() == Some(2) && text(&output.stderr).contains("ends with .html"));
    assert!(!place.exists("page.pdf"));
}

/// A column most of whose cells are not of its field is the wrong one, numbers of days as dates
/// among them.
#[test]
fn a_wrong_column_is_refused_and_a_doubtful_one_told_of() {
    let (place, people) = place();
    let header = "person,nom,prenoms,sexe,date_naissance,code_lieu,other\n";
    let write = |change: &dyn Fn(usize, &mut [String; 5])| {
        let mut queries = String::from(header);
        for (nth, person) in people[..200].iter().enumerate() {
            let mut cells = person.cells.clone();
            change(nth, &mut cells);
            writeln!(queries, "{},{},{nth}", person.id, cells.join(",")).unwrap();
        }
        place.write("days.csv", queries);
    };
    let evaluate = "register evaluate r --queries days.csv --truth person";
    let days = |born: &str| {
        let born: jiff::civil::Date = born.parse().unwrap();
        (born - jiff::civil::date(1960, 1, 1)).get_days().to_string()
    };
    let warning = "warning: date_naissance holds years alone";

    write(&|_, cells| cells[3] = days(&cells[3]));
    let said = place.refused(
        evaluate,
        "wrong-column",
        &["date_naissance", "from 1800 to next year", "SAS"],
    );
    assert!(said.contains(" of 200 values"), "{said}");
    place.refused(
        &format!("{evaluate} --map nom=other"),
        "wrong-column",
        &["200 of 200", "--map nom=COLUMN"],
    );

    // Fewer than half are no years, and there is no date.
    write(&|nth, cells| {
        cells[3] = if nth % 3 == 0 { "9862".to_owned() } else { cells[3][..4].to_owned() }
    });
    assert!(place.ok(evaluate).contains(warning));
    // Years alone, and dates of which some cannot be read.
    write(&|_, cells| cells[3].truncate(4));
    assert!(!place.ok(evaluate).contains("warning"));
    write(&|nth, cells| {
        if nth % 3 == 0 {
            cells[3] = "9862".to_owned();
        }
    });
    assert!(!place.ok(evaluate).contains("warning"));
}

/// Whatever stands in the cells, there is a page and it is well formed.
#[test]
fn any_cells_are_counted() {
    let (place, people) = place();
    let pieces = [
        "<b>",
        "&amp;",
        "\"\"",
        "]]>",
        "\u{202e}",
        "é",
        "\u{0}",
        "אבג",
        "👩‍👩‍👧",
        "\t",
        "0000",
        "1984-13-45",
        "-",
        "'",
        "NEE ",
        "É".repeat(300).leak(),
    ];
    let mut numbers = Numbers(11);
    let mut queries =
        String::from("kind,truth,nom,prenoms,sexe,date_naissance,code_lieu,libelle_lieu,pays\n");
    for person in &people[..150] {
        write!(queries, "junk,{}", person.id).unwrap();
        for cell in 0..7 {
            // Of most cells of a field nothing is wrong: else the file is refused.
            let most = if numbers.below(3) == 0 { 4 } else { 1 };
            let own = person
                .cells
                .get(cell)
                .filter(|_| numbers.below(3) > 0)
                .cloned()
                .unwrap_or_default();
            let more: String =
                (0..numbers.below(most)).map(|_| pieces[numbers.below(pieces.len())]).collect();
            write!(queries, ",\"{own}{more}\"").unwrap();
        }
        queries.push('\n');
    }
    place.write("junk.csv", queries);
    let summary = place
        .json("register evaluate r --queries junk.csv --truth truth --kind kind --out junk.html");
    assert_eq!((&summary["all"]["rows"], &summary["all"]["wrong"]), (&150.into(), &0.into()));
    well_formed(&place.read("junk.html"));
}

/// That a page is a document in which every tag is closed, in the order in which they were opened.
fn well_formed(page: &str) {
    let mut open = Vec::new();
    let mut rest = page.strip_prefix("<!DOCTYPE html>").unwrap();
    let mut ids = BTreeSet::new();
    while let Some((text, after)) = rest.split_once('<') {
        for entity in text.split('&').skip(1) {
            assert!(["lt;", "gt;", "amp;"].iter().any(|known| entity.starts_with(known)), "{text}");
        }
        let (tag, after) = after.split_once('>').unwrap();
        assert_eq!(tag.matches('"').count() % 2, 0, "{tag}");
        let name = tag.split_whitespace().next().unwrap();
        if let Some(name) = name.strip_prefix('/') {
            assert_eq!(open.pop(), Some(name), "{tag}");
        } else if !["meta", "wbr"].contains(&name) {
            open.push(name);
        }
        if let Some((_, id)) = tag.split_once(" id=\"") {
            assert!(ids.insert(id.split_once('"').unwrap().0), "{tag}");
        }
        rest = after;
    }
    assert!(open.is_empty() && rest.trim().is_empty(), "{open:?}");
}

#[test]
#[should_panic(expected = "left: Some(\"td\")")]
fn a_page_that_is_not_well_formed_is_seen() {
    well_formed("<!DOCTYPE html><html><td></html>");
}

/// The page of the documentation is that of an invented register which is not part of this
/// repository: CSTATNS_VECTORS names the folder that holds register/ and cog/.
#[test]
#[allow(clippy::print_stdout)]
fn the_page_of_the_documentation_is_true_and_shows_nobody() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/register-evaluation.html");
    let page = fs::read_to_string(path).unwrap();
    well_formed(&page);
    let Some(folder) = std::env::var_os("CSTATNS_VECTORS").map(PathBuf::from) else {
        return println!(
            "CSTATNS_VECTORS is unset: the page of the documentation was not made again"
        );
    };
    let place = Place::default();
    for (file, name) in [
        ("register/register.csv", "register.csv"),
        ("register/queries_with_truth.csv", "known.csv"),
        ("cog/communes_2026.csv", "communes.csv"),
    ] {
        fs::copy(folder.join(file), place.path(name)).unwrap();
    }
    place.ok("register build r --from register.csv --communes communes.csv");
    place.ok(
        "register evaluate r --queries known.csv --truth truth --kind level,kind --out page.html",
    );
    let again = place.read("page.html");
    let by_kind = |page: &str| {
        page.split_once("<tbody>").unwrap().1.split_once("</table>").unwrap().0.to_owned()
    };
    assert!(
        by_kind(&page) == by_kind(&again),
        "look-ups have changed: make the page again, as docs/README.md says"
    );
    // Cells long enough not to be a word of the page by chance.
    for file in ["register.csv", "known.csv"] {
        let text = place.read(file);
        let header: Vec<_> = text.lines().next().unwrap().split(',').collect();
        for line in text.lines().skip(1) {
            for (name, cell) in header.iter().zip(line.split(',')) {
                let shown = ["kind", "level", "note", "pays", "sexe"].contains(name);
                assert!(
                    shown || cell.len() < 6 || !(page.contains(cell) || again.contains(cell)),
                    "{file}: {name}"
                );
            }
        }
    }
}

#[test]
fn the_page_is_shown_well() {
    let Some(chromium) = browser::browser() else { return };
    let (place, _) = place();
    place.ok(&format!("{EVALUATE} --out page.html"));
    let page = place.read("page.html");
    let scratch = place.directory.path();
    let mut papers = BTreeSet::new();
    for (width, dark) in [(360, false), (360, true), (1000, false)] {
        let (found, said) = browser::look(&chromium, scratch, &page, width, dark);
        assert_eq!(said, [""; 0]);
        assert_eq!(
            (&found["title"], &found["lang"]),
            (&"Evaluation of look-ups in a register".into(), &"en".into())
        );
        let headings = found["headings"].as_array().unwrap();
        assert_eq!(headings[0], "H1 Evaluation of look-ups in a register");
        assert_eq!(headings.len(), 7);
        assert!(found["captions"].as_array().unwrap().iter().all(|caption| caption != ""));
        assert_eq!(
            (&found["wide"], &found["scrolled"]),
            (&0.into(), &0.into()),
            "{width}: {found}"
        );
        let drawings = found["drawings"].as_array().unwrap();
        assert_eq!(drawings.len(), 3);
        for drawing in drawings {
            assert!(drawing["paths"].as_u64().unwrap() > 0 && drawing["empty"] == 0, "{drawing}");
            assert!(drawing["outside"] == 0 && drawing["described"] == true, "{drawing}");
            assert!(drawing["width"].as_f64().unwrap() > 300.0, "{drawing}");
        }
        assert!(
            drawings[0]["dots"].as_u64() > Some(5) && drawings[1]["dots"].as_u64() > Some(0),
            "{found}"
        );
        assert!(drawings[2]["bars"].as_u64() > Some(0), "{found}");
        assert_ne!(found["paper"], found["ink"]);
        assert_eq!(found["label"], found["ink"]);
        papers.insert(found["paper"].as_str().unwrap().to_owned());
    }
    assert_eq!(papers.len(), 2, "light and dark");
    // The page of the documentation has more kinds, of longer words.
    let documented =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/register-evaluation.html");
    let (found, said) =
        browser::look(&chromium, scratch, &fs::read_to_string(documented).unwrap(), 360, false);
    assert_eq!(
        (&found["wide"], &found["scrolled"], said.len()),
        (&0.into(), &0.into(), 0),
        "{found}"
    );
    // What the look would find: the same page with a word too wide, a drawing without a line, and
    // an error.
    let broken = page
        .replacen("<h2>", &format!("<p style=\"width:50rem\">{}</p><h2>", "x".repeat(200)), 1)
        .replacen("d=\"M", "d=\"\" x=\"M", 1);
    let (found, _) = browser::look(&chromium, scratch, &broken, 360, false);
    assert!(found["wide"].as_u64() > Some(0) && found["drawings"][0]["empty"] == 1, "{found}");
    let (_, said) = browser::look(
        &chromium,
        scratch,
        &page.replace("<main>", "<script>1</script><main>"),
        360,
        false,
    );
    assert!(!said.is_empty(), "a script is refused by the page itself");
}
