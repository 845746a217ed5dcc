//! The commands of the guides are run as they stand, on invented data: the operator's and the
//! controller's, one after the other where they hand files to each other.

use crate::common;
use crate::people;

use std::fs;
use std::path::Path;
use std::sync::Mutex;
use std::time::Duration;

use common::{Place, csv, identifiers, text};
use people::{Numbers, Person, register, write_people};

fn guide(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/guide").join(name);
    fs::read_to_string(path).unwrap()
}

/// The blocks of commands of a guide, each command on one line.
fn blocks(name: &str) -> Vec<Vec<String>> {
    let text = guide(name);
    let blocks = text
        .split("```sh\n")
        .skip(1)
        .map(|rest| rest.split_once("```").unwrap().0.replace("\\\n", " "));
    blocks.map(|block| block.lines().map(str::to_owned).collect()).collect()
}

fn run(place: &Place, commands: &[String]) {
    for command in commands {
        place.ok(command.strip_prefix("cstatns ").unwrap_or_else(|| panic!("{command}")));
    }
}

fn follow(language: &str) {
    let operator = blocks(&format!("register-operator.{language}.md"));
    let controller = blocks(&format!("register-controller.{language}.md"));
    assert_eq!((operator.len(), controller.len()), (4, 2), "blocks");

    let place = Place::open();
    let people = write_people(&place);
    place.write("communes.csv", "code,nom,anciens_codes,chef_lieu\n01001,Verbel,01999|01998,\n");
    let newcomers: Vec<_> =
        (900..902).map(|nth| Person::new(nth, &mut Numbers(nth as u64))).collect();
    place.write("changes.csv", register(&newcomers));
    let rows = people[..40]
        .iter()
        .chain(&newcomers)
        .enumerate()
        .map(|(visit, person)| format!("{},{visit}\n", person.cells.join(",")));
    place.write(
        "visits.csv",
        format!("birth_name,prenoms,sexe,born,code_lieu,visit\n{}", rows.collect::<String>()),
    );

    // What the operator does before a request comes; the request; its coding; its result.
    let (coding, before) = operator.split_last().unwrap();
    before.iter().for_each(|block| run(&place, block));
    run(&place, &controller[0]);
    run(&place, coding);
    run(&place, &controller[1]);
    assert!(place.read("evaluation.html").contains("201 rows"));
    assert!(place.read("coded.csv").starts_with("code,quality,score,"));
    let coded = place.rows("coded.csv");
    assert_eq!((coded.len(), coded.iter().filter(|row| !row[0].is_empty()).count()), (42, 42));
}

#[test]
fn the_english_guides_work() {
    follow("en");
}

#[test]
fn the_french_guides_work() {
    follow("fr");
}

/// The same commands, in the same order: what one says the other says too.
#[test]
fn both_languages_have_the_same_commands_and_qualities() {
    for role in ["operator", "controller"] {
        let both = ["en", "fr"].map(|language| format!("register-{role}.{language}.md"));
        assert_eq!(blocks(&both[0]), blocks(&both[1]));
        let words = both.map(|name| {
            guide(&name)
                .lines()
                .filter_map(|line| line.strip_prefix("| `")?.split_once('`'))
                .map(|(word, _)| word.to_owned())
                .collect::<Vec<_>>()
        });
        assert_eq!(words[0], words[1]);
        for quality in [
            "found",
            "rectified",
            "usage-name",
            "ambiguous",
            "near",
            "not-found",
            "malformed",
            "contradicted",
        ] {
            assert!(words[0].contains(&quality.to_owned()), "{role}: {quality}");
        }
    }
}

/// Runs a block in a shell, as its reader would, under a locale; passphrases, which a reader types,
/// come from a file. Returns what it says.
fn shell(place: &Place, block: &[String], locale: &str) -> String {
    let lines: Vec<String> = block
        .iter()
        .map(|line| {
            let asks = [
                "custodian new",
                "custodian accept",
                "custodian check",
                "custodian log",
                "custodian approve",
                "custodian card",
                "custodian forget",
                "custodian passphrase",
                "service export-identity",
                "party new",
            ];
            let asked = asks.iter().filter(|verb| line.contains(*verb)).count()
                + line.matches("--kit ").count()
                + line.matches(" --as ").count()
                // What needs no key asks for none.
                - line.matches("cstatns-link status").count();
            let line = format!("{line}{}", " --passphrase-file passphrase".repeat(asked));
            // A custodian says at the terminal that the roster is right.
            if line.contains("custodian accept") { format!("echo yes | {line}") } else { line }
        })
        .collect();
    let program = Path::new(env!("CARGO_BIN_EXE_cstatns")).parent().unwrap();
    let path = format!("{}:{}", program.display(), std::env::var("PATH").unwrap());
    let output = std::process::Command::new("sh")
        .args(["-ec", &lines.join("\n")])
        .env("PATH", path)
        .env("LC_ALL", locale)
        .current_dir(place.directory.path())
        .output()
        .unwrap();
    let said = text(&output.stderr);
    assert!(output.status.success(), "{lines:#?}\n{said}");
    text(&output.stdout) + &said
}

/// A place with what the guides begin from.
fn begun() -> Place {
    let place = Place::default();
    place.write_private("passphrase", "eleven plus one\n");
    place.write("wages.csv", csv(&identifiers(20)));
    place
}

/// A service is founded, and a request coded and its result attached, by the guides. The blocks of
/// the custodian's, the service's and the controller's guide up to there.
fn code(language: &str, step: impl Fn(&Vec<String>), place: &Place) {
    let [custodian, service, controller] =
        ["custodian", "service", "controller"].map(|role| blocks(&format!("{role}.{language}.md")));
    step(&custodian[0]);
    step(&service[0]);
    step(&custodian[1]);
    [1, 2, 3].into_iter().for_each(|block| step(&service[block]));
    step(&controller[0]);
    step(&controller[1]);
    step(&service[4]);
    step(&controller[2]);
    step(&service[5]);
    fs::create_dir(place.path("received")).unwrap();
    fs::copy(place.path("result.csv.age"), place.path("received/result.csv.age")).unwrap();
    step(&controller[3]);
}

/// A service's first weeks, by the guides of the four roles alone. Returns what is said.
fn play(language: &str, locale: &str) -> String {
    let [custodian, service, controller, holder, auditor] =
        ["custodian", "service", "controller", "holder", "auditor"]
            .map(|role| blocks(&format!("{role}.{language}.md")));
    let counts = [&custodian, &service, &controller, &holder, &auditor].map(Vec::len);
    assert_eq!(counts, [4, 14, 6, 2, 9], "blocks");
    let place = begun();
    let all = Mutex::new(String::new());
    let step = |block: &Vec<String>| {
        let said = shell(&place, block, locale);
        all.lock().unwrap().push_str(&said);
    };

    code(language, step, &place);
    for gone in [
        "request.csv.age",
        "wages.csv",
        "retained.csv",
        "retained.csv.request.json",
        "received/result.csv.age",
    ] {
        assert!(!place.exists(gone), "{gone}");
    }
    let status: serde_json::Value =
        serde_json::from_slice(&place.run("service status home --json").stdout).unwrap();
    let delivery = status["unsigned_for"][0]["delivery"].as_str().unwrap();
    step(&service[6].iter().map(|line| line.replace("DELIVERY", &delivery[..6])).collect());
    step(&controller[4]);
    step(&custodian[3]);
    step(&service[7]);
    step(&service[8]);
    step(&controller[5]);
    step(&service[9]);
    step(&service[10]);
    step(&holder[0]);
    step(&service[11]);
    place.write("benefits.csv", csv(&identifiers(20)));
    step(&holder[1]);
    step(&service[12]);
    // One command waits for the others.
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| step(&service[13]));
        while !place.exists("proposal.json") && !waiting.is_finished() {
            std::thread::sleep(Duration::from_millis(20));
        }
        step(&custodian[2]);
    });
    step(&auditor[0]);
    step(&auditor[1]);
    step(&auditor[2]);
    step(&auditor[3]);
    step(&auditor[4]);
    step(&auditor[5]);
    // Those who got them attach them; the data of both was coded with one key.
    for (command, out) in [
        ("attach --retained kept.csv --result renewed.csv.age", "renewed.csv"),
        ("attach --retained held-retained.csv --result held-result.csv.age", "held.csv"),
    ] {
        place.ok(&format!(
            "controller {command} --as insee --passphrase-file passphrase --out {out}"
        ));
        let codes = place.codes(out);
        assert_eq!(codes.keys().filter(|code| code.starts_with("c2.")).count(), 20, "{out}");
    }
    (6..9).for_each(|block| step(&auditor[block]));
    all.into_inner().unwrap()
}

/// What the guides quote of the screen stands there, in their language.
#[test]
fn the_guides_by_role_work() {
    for (language, locale, quoted) in [
        ("en", "C", ["minimum", "opens", "renews"]),
        ("fr", "fr_FR.UTF-8", ["minimum", "ouvre", "renouvelle"]),
    ] {
        let said = play(language, locale);
        let guide = guide(&format!("custodian.{language}.md"));
        for word in quoted {
            assert!(guide.contains(&format!("`{word}`")), "{language}: {word}");
            let shown = said.lines().any(|line| line.starts_with(&format!("  {word} ")));
            assert!(shown, "{language}: {word}\n{said}");
        }
    }
}

/// The pages on what happens to custodians, in one service: a kit that is found again, a doubt
/// about the custody, a custodian who leaves, every file recoded, another passphrase.
#[test]
fn the_pages_on_custody_work() {
    for (language, locale) in [("en", "C"), ("fr", "fr_FR.UTF-8")] {
        let [leaves, lost, forgets, doubt] =
            PAGES.map(|page| blocks(&format!("{page}.{language}.md")));
        let counts = [&leaves, &lost, &forgets, &doubt].map(Vec::len);
        assert_eq!(counts, [5, 1, 1, 4], "blocks");
        let place = begun();
        place.write_private("new-passphrase", "twelve minus one\n");
        let step = |block: &Vec<String>| shell(&place, block, locale);
        code(language, |block| drop(step(block)), &place);
        step(&lost[0]);
        let said = step(&doubt[0]);
        let doubted = ["CUSTODY DOUBTED of epoch 1", "GARDE EN DOUTE à l'époque 1"];
        assert!(doubted.iter().any(|words| said.contains(words)), "{said}");
        place.refused(
            "service new-key home population --reason doubt --kit methods --passphrase-file \
            passphrase --kit archives --passphrase-file passphrase",
            "custody-doubted",
            &[],
        );
        // Until the former shares are forgotten, they may open what a backup of keys/ holds.
        leaves[..4].iter().for_each(|block| drop(step(block)));
        assert!(text(&place.run("service status home").stdout).contains("EXPOSED by epoch 1"));
        let said = step(&leaves[4]);
        assert!(!said.contains("EXPOS"), "{said}");
        doubt[1..].iter().for_each(|block| drop(step(block)));
        let recoded = place.rows("recoded.csv");
        assert_eq!(recoded.iter().filter(|row| row[0].starts_with("c2.")).count(), 20);
        place.ok("auditor verify home/ledger.jsonl --service home/card.json");
        step(&forgets[0]);
        let log = "custodian log university --passphrase-file";
        assert!(!place.run(&format!("{log} passphrase")).status.success());
        place.ok(&format!("{log} new-passphrase"));
    }
}

const PAGES: [&str; 4] = ["custodian-leaves", "custodian-lost-kit", "custodian-forgets", "doubt"];

const RESEARCH: [&str; 3] = ["research-controller", "linking", "researcher"];

/// A research project from the data of two controllers to a researcher, and its end.
#[test]
fn the_guides_of_research_work() {
    for (language, locale) in [("en", "C"), ("fr", "fr_FR.UTF-8")] {
        let [controller, linking, researcher] =
            RESEARCH.map(|role| blocks(&format!("{role}.{language}.md")));
        let counts = [&controller, &linking, &researcher].map(Vec::len);
        assert_eq!(counts, [1, 7, 2], "blocks");
        let place = Place::founded();
        place.write_private("passphrase", "eleven plus one\n");
        let step = |block: &Vec<String>| shell(&place, block, locale);
        step(&linking[0]);
        step(&researcher[0]);
        for name in ["insee", "atih"] {
            place.ok(&format!("party new {name} --name {name} --passphrase-file passphrase"));
        }
        for name in ["cesr", "lab"] {
            fs::copy(
                place.path(&format!("{name}/card.json")),
                place.path(&format!("{name}.card.json")),
            )
            .unwrap();
        }
        place.quorum("service open home mobility --kind research --ends 2035-12-31");
        for (name, role) in [
            ("insee", "controller"),
            ("atih", "controller"),
            ("cesr", "linking"),
            ("lab", "researcher"),
        ] {
            place.quorum(&format!(
                "service party home {name}/card.json --role {role} --domain mobility"
            ));
        }
        for name in ["insee", "atih"] {
            place.ok(&format!(
                "service request-key home mobility --for {name} --out {name}.key.json"
            ));
        }
        place.ok("service publish home public");
        for file in ["wages", "care"] {
            place.write(&format!("{file}.csv"), csv(&identifiers(40)));
        }
        step(&controller[0]);
        let other = |line: &String| line.replace("insee", "atih").replace("wages", "care");
        step(&controller[0].iter().map(other).collect());
        for file in ["wages", "care"] {
            // The data stays with its controller.
            fs::remove_file(place.path(&format!("{file}.csv"))).unwrap();
            place.quorum(&format!(
                "service code home mobility --request {file}.request.csv.age --result \
                {file}.codes.csv.age --purpose study --to cesr"
            ));
        }
        step(&linking[1]);
        step(&linking[2]);
        step(&linking[3]);
        step(&researcher[1]);
        assert_eq!(place.rows("study/joined.csv").len(), 40);
        assert!(place.exists("study/joined.csv.report.json"));
        // Another file, and another key.
        for gone in ["atih.key.json", "care.csv.receipt.json"] {
            let _ = fs::remove_file(place.path(gone));
        }
        place.ok("service request-key home mobility --for atih --out atih.key.json");
        place.write("care.csv", csv(&identifiers(40)));
        step(&controller[0].iter().map(other).collect());
        fs::remove_file(place.path("care.csv")).unwrap();
        place.quorum(
            "service code home mobility --request care.request.csv.age --result \
            care.codes-2.csv.age --purpose study --to cesr",
        );
        step(&vec![linking[1][0].replace("care.codes", "care.codes-2")]);
        place.quorum("service new-key home mobility --reason scheduled");
        place.ok("service request-key home mobility --for cesr --out care.key.json");
        step(&linking[4]);
        place.quorum(
            "service renew home mobility --request care.renewal.csv.age --result \
            care.renewed.csv.age --purpose renewal --to cesr",
        );
        step(&linking[5]);
        assert_eq!(place.rows("care.second.csv").len(), 40);
        place.quorum("service close home mobility --notices .");
        step(&linking[6]);
        let verified =
            "auditor verify home/ledger.jsonl cesr/ledger.jsonl --service home/card.json";
        place.ok(verified);
    }
}

#[test]
fn the_guides_by_role_have_the_same_commands_in_french() {
    let roles = ["custodian", "service", "controller", "holder", "auditor"];
    for role in roles.into_iter().chain(PAGES).chain(RESEARCH) {
        let [english, french] =
            ["en", "fr"].map(|language| blocks(&format!("{role}.{language}.md")));
        assert!(!english.is_empty() && english == french, "{role}");
    }
}
