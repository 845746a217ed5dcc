//! What the controller and the operator need not do by hand: say public values again, name files to
//! destroy, search the ledger for what is to be renewed, write a mail.

use crate::common;

use std::fs;

use common::{Place, csv, identifiers, text};
use serde_json::Value;

/// A demonstration service and its data, a request of which is coded.
fn coded() -> Place {
    let place = Place::open();
    place.write("data.csv", csv(&identifiers(20)));
    place
        .ok("controller prepare data.csv --identifier-column nir --request r.csv --retained t.csv");
    place.quorum("service code home population --request r.csv --result s.csv --purpose wages");
    place
}

const ATTACH: &str = "controller attach --retained t.csv --result s.csv --out out.csv";

#[test]
fn what_still_holds_identifiers_is_the_last_thing_said() {
    let place = coded();
    // On two machines the request stays where it was written.
    let other = Place::default();
    for name in ["data.csv", "t.csv", "t.csv.request.json", "s.csv", "s.csv.report.json"] {
        fs::copy(place.path(name), other.path(name)).unwrap();
    }
    let said = place.ok(ATTACH);
    let last = said.lines().last().unwrap();
    assert!(last.starts_with("still there, with identifiers"), "{said}");
    let at =
        |name: &str| format!("{:?}", place.directory.path().canonicalize().unwrap().join(name));
    assert!(last.contains(&at("data.csv")) && last.contains("\"s.csv\", \"t.csv\""), "{last}");
    assert!(!last.contains("r.csv") && last.contains("--destroy-sources"), "{last}");

    let said = other.ok(&format!("{ATTACH} --destroy-sources data.csv"));
    assert!(!said.contains("still there"), "{said}");
    let names: Vec<String> = common::files(other.directory.path())
        .into_keys()
        .map(|path| path.file_name().unwrap().to_str().unwrap().to_owned())
        .collect();
    assert_eq!(
        names,
        ["out.csv", "out.csv.receipt.json", "out.csv.report.json", "s.csv.report.json"]
    );
    assert!(place.exists("data.csv"), "it is another file");
}

#[test]
fn a_request_that_was_left_is_destroyed_with_its_manifest() {
    let place = Place::open();
    place.write("data.csv", csv(&identifiers(20)));
    place
        .ok("controller prepare data.csv --identifier-column nir --request r.csv --retained t.csv");
    // The service works on copies.
    fs::create_dir(place.path("sent")).unwrap();
    for name in ["r.csv", "r.csv.manifest.json"] {
        fs::copy(place.path(name), place.path(&format!("sent/{name}"))).unwrap();
    }
    place
        .quorum("service code home population --request sent/r.csv --result s.csv --purpose wages");
    let summary = place.json(&format!("{ATTACH} --destroy-sources"));
    assert_eq!(summary["holding"], serde_json::json!([]));
    let destroyed: Vec<&str> = summary["destroyed"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["file"].as_str().unwrap())
        .collect();
    assert_eq!(
        destroyed,
        ["data.csv", "r.csv", "r.csv.manifest.json", "s.csv", "t.csv", "t.csv.request.json"]
    );
    for name in destroyed {
        assert!(!place.exists(name), "{name}");
    }
}

#[test]
fn a_receipt_says_nothing_of_the_rows() {
    let place = coded();
    place.ok(ATTACH);
    let receipt: Value = serde_json::from_str(&place.read("out.csv.receipt.json")).unwrap();
    let keys: Vec<&String> = receipt.as_object().unwrap().keys().collect();
    let said =
        "delivery destroyed domain format generation received request result rows service suite";
    assert_eq!(keys, said.split(' ').collect::<Vec<_>>());
    let said = place.read("out.csv.receipt.json");
    let codes = place.codes("out.csv");
    assert!(codes.len() == 20 && codes.keys().all(|code| !said.contains(&**code)));
    assert!(identifiers(20).iter().all(|identifier| !said.contains(&identifier[..13])));

    // The word of the operator is enough, and the copy goes.
    let delivery = receipt["delivery"]["run"].as_str().unwrap();
    let said = place.ok(&format!("service delivered home {} --stated", &delivery[..6]));
    assert!(said.contains("destroyed the copy here") && !place.exists("s.csv"), "{said}");
}

/// Where the request lay there is another one by now: it is somebody's who still needs it.
#[test]
fn another_request_at_the_same_place_is_not_destroyed() {
    let place = coded();
    place.write("more.csv", csv(&identifiers(30)));
    place
        .ok("controller prepare more.csv --identifier-column nir --request r.csv --retained u.csv");
    let others = ["r.csv", "r.csv.manifest.json", "u.csv", "more.csv"];
    let before = others.map(|name| place.read(name));
    place.ok(&format!("{ATTACH} --destroy-sources"));
    assert!(!place.exists("data.csv") && !place.exists("t.csv") && !place.exists("s.csv"));
    assert_eq!(others.map(|name| place.read(name)), before);
}

/// A receipt is of one result, of one request, of this service.
#[test]
fn a_receipt_of_something_else_is_refused() {
    let place = coded();
    place.ok(ATTACH);
    let receipt: Value = serde_json::from_str(&place.read("out.csv.receipt.json")).unwrap();
    let delivery = receipt["delivery"]["run"].as_str().unwrap();
    let other = |text: &Value| {
        let mut text = text.as_str().unwrap().to_owned();
        let last = if text.ends_with('0') { "1" } else { "0" };
        text.replace_range(text.len() - 1.., last);
        Value::from(text)
    };
    for (key, value) in [
        ("request", other(&receipt["request"])),
        ("result", other(&receipt["result"])),
        ("rows", 21.into()),
        ("generation", 2.into()),
        ("domain", "wages".into()),
    ] {
        let mut changed = receipt.clone();
        changed[key] = value;
        place.write("changed.json", changed.to_string());
        let command = format!("service delivered home {delivery} --receipt changed.json");
        place.refused(&command, "received-other", &[]);
    }
    assert!(place.exists("s.csv"));
    place.ok(&format!("service delivered home {delivery} --receipt out.csv.receipt.json"));
    assert!(!place.exists("s.csv"));
}

#[test]
fn deliveries_of_a_former_generation_that_no_renewal_names_are_listed() {
    let place = Place::open();
    place.write("a.csv", csv(&identifiers(20)));
    place.write("b.csv", csv(&identifiers(30)));
    let [first, second] = ["a", "b"].map(|file| {
        place.coded(file, "nir", "population", 1)["delivery"].as_str().unwrap().to_owned()
    });
    let listed = || -> Vec<Value> {
        let status = place.json("service status home --to-renew population");
        status["to_renew"].as_array().unwrap().clone()
    };
    assert_eq!(listed(), [] as [Value; 0]);
    place.quorum("service new-key home population --reason scheduled");
    let of = |listed: &[Value]| -> Vec<String> {
        listed.iter().map(|one| one["delivery"].as_str().unwrap().to_owned()).collect()
    };
    let both = listed();
    assert_eq!(of(&both), [first.clone(), second.clone()], "in the order in which they were made");
    assert_eq!((&both[1]["rows"], &both[1]["generation"]), (&30.into(), &1.into()));
    assert_eq!(both[0]["purpose"], "test");
    let shown = text(&place.run("service status home").stdout);
    assert!(shown.contains("deliveries to renew: 2"), "{shown}");

    place.renewed("b", 1, "population", 2);
    assert_eq!(of(&listed()), std::slice::from_ref(&first));
    let told = place.run("service status home --to-renew population");
    let (lines, said) = (text(&told.stdout), text(&told.stderr));
    assert!(
        lines.starts_with(&first) && lines.contains("generation 1, 20 rows, for test"),
        "{lines}"
    );
    assert!(said.contains("service renew home population"), "{said}");

    // What is lost is not waited for; the renewal itself is of a former generation one day.
    place.renewed("a", 1, "population", 2);
    assert_eq!(listed(), [] as [Value; 0]);
    place.quorum("service new-key home population --reason scheduled");
    assert_eq!(listed().len(), 2);
    assert!(!of(&listed()).contains(&first));
    place.refused("service status home --to-renew none", "unknown-domain", &[]);
}

#[test]
fn a_folder_is_told_which_files_are_of_a_former_generation() {
    let place = Place::open();
    for file in ["a", "b"] {
        place.write(&format!("{file}.csv"), csv(&identifiers(20)));
        place.coded(file, "nir", "population", 1);
    }
    place.quorum("service new-key home population --reason scheduled");
    place.renewed("a", 1, "population", 2);
    fs::create_dir(place.path("my data")).unwrap();
    for file in ["a-2.csv", "b-1.csv"] {
        for name in [file.to_owned(), format!("{file}.report.json")] {
            fs::copy(place.path(&name), place.path(&format!("my data/{name}"))).unwrap();
        }
    }
    // Neither data without codes, nor a request or a result, nor text.
    for name in ["a.csv", "a.population.2.result.csv", "a.population.2.retained.csv"] {
        fs::copy(place.path(name), place.path(&format!("my data/{name}"))).unwrap();
    }
    place.write("my data/read-me.txt", "Nothing here\n");
    let output = place.command("controller check").arg("my data").output().unwrap();
    let (told, said) = (text(&output.stdout), text(&output.stderr));
    assert_eq!((output.status.code(), said.as_str()), (Some(0), ""), "{told}");
    let lines: Vec<&str> = told.lines().collect();
    assert_eq!(lines.len(), 3, "{told}");
    assert!(lines[0].starts_with("my data/a-2.csv: domain population, generation 2, 20 rows"));
    assert!(lines[1].starts_with("my data/b-1.csv: domain population, generation 1, 20 rows"));
    let command = "cstatns controller prepare 'my data/b-1.csv' --code-column code --service CARD \
        --domain population --request 'my data/b-1.renewal.csv' --retained 'my data/b-1.retained.csv'";
    assert!(lines[2].ends_with(command), "{}", lines[2]);

    // The command is one that a shell takes; what the folder says need not be said.
    let setup = "controller setup folder --service home/card.json --domain population";
    fs::rename(place.path("my data"), place.path("folder")).unwrap();
    place.ok(setup);
    let summary = place.json("controller check folder");
    let renewal = summary["files"][1]["renewal"].as_str().unwrap();
    assert!(!renewal.contains("--service") && !renewal.contains("--domain"), "{renewal}");
    let made = place.command(renewal.strip_prefix("cstatns ").unwrap());
    let arguments: Vec<_> = made.get_args().take_while(|arg| *arg != "--service").collect();
    let made = std::process::Command::new(made.get_program())
        .args(arguments)
        .env("LC_ALL", "C")
        .current_dir(place.directory.path())
        .output()
        .unwrap();
    assert!(made.status.success(), "{}", text(&made.stderr));
    assert!(place.exists("folder/b-1.renewal.csv.manifest.json"));
}

/// A command without what the tests add to `controller prepare`.
fn bare(place: &Place, command: &str) -> (Option<i32>, String) {
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_cstatns"))
        .args(command.split_whitespace())
        .env("LC_ALL", "C")
        .current_dir(place.directory.path())
        .output()
        .unwrap();
    (output.status.code(), text(&output.stdout) + &text(&output.stderr))
}

#[test]
fn public_values_stand_once_in_the_folder_of_the_data() {
    let place = Place::open();
    fs::create_dir(place.path("data")).unwrap();
    let rows: String = identifiers(20).iter().map(|nir| format!("{nir};x\n")).collect();
    place.write("data/a.csv", format!("nir;v\n{rows}n/a;x\n"));
    let prepare = "controller prepare data/a.csv --identifier-column nir --request r.csv --retained t.csv --json";
    let (status, said) = bare(&place, prepare);
    assert_eq!(status, Some(2), "{said}");
    assert!(said.contains("controller setup"), "{said}");

    place.ok("controller setup data --service home/card.json --domain population --delimiter ; --missing n/a");
    let (status, said) = bare(&place, prepare);
    assert_eq!(status, Some(0), "{said}");
    assert!(
        said.contains("\"absent\": 1") && said.contains("\"domain\": \"population\""),
        "{said}"
    );
    let requested: Value = serde_json::from_str(&place.read("t.csv.request.json")).unwrap();
    assert_eq!(
        (&requested["domain"], &requested["data"][0]["delimiter"]),
        (&"population".into(), &";".into())
    );

    // What is given wins.
    let (status, said) = bare(
        &place,
        &prepare.replace("r.csv", "r2.csv --domain income").replace("t.csv", "t2.csv"),
    );
    assert_eq!(status, Some(0), "{said}");
    assert!(said.contains("\"domain\": \"income\""), "{said}");
    let (_, said) =
        bare(&place, &prepare.replace("r.csv", "r3.csv --delimiter ,").replace("t.csv", "t3.csv"));
    assert!(said.contains("error[missing-column]"), "{said}");
    // The name of .tsv says what its delimiter is.
    place.write("data/b.tsv", place.read("data/a.csv").replace(';', "\t"));
    let tsv =
        prepare.replace("a.csv", "b.tsv").replace("r.csv", "r4.csv").replace("t.csv", "t4.csv");
    assert_eq!(bare(&place, &tsv).0, Some(0));

    // A card in the folder is named so that the folder may move.
    place.refused(
        "controller setup data --service home/card.json --domain population",
        "output-exists",
        &["cstatns.toml"],
    );
    fs::remove_file(place.path("data/cstatns.toml")).unwrap();
    fs::copy(place.path("home/card.json"), place.path("data/card.json")).unwrap();
    place.ok("controller setup data --service data/card.json --domain population");
    assert!(place.read("data/cstatns.toml").contains("service = \"card.json\"\n"));
    fs::rename(place.path("data"), place.path("moved")).unwrap();
    let moved = "controller prepare moved/a.csv --identifier-column nir --delimiter ; --request r5.csv --retained t5.csv";
    assert_eq!(bare(&place, moved).0, Some(0));

    // Nothing else may stand there; what does is not repeated.
    let settings = place.read("moved/cstatns.toml");
    place.write("moved/cstatns.toml", format!("{settings}passphrase = \"eleven plus one\"\n"));
    let (status, said) = bare(&place, &moved.replace("5.csv", "6.csv"));
    assert_eq!(status, Some(1));
    assert!(said.contains("error[settings-form]") && said.contains("line 4"), "{said}");
    assert!(!said.contains("eleven"), "{said}");
    place.refused("controller setup moved --service data.csv --domain a", "file-missing", &[]);
}

#[test]
fn the_slip_of_a_request_is_one_page_of_public_values() {
    let place = Place::open();
    let people = identifiers(20);
    place.write("data.csv", csv(&people));
    let prepare =
        "controller prepare data.csv --identifier-column nir --request r.csv --retained t.csv";
    let output = place.run(prepare);
    let (slip, said) = (text(&output.stdout), text(&output.stderr));
    assert!(output.status.success(), "{said}");
    assert!(slip.lines().count() <= 30, "{slip}");
    let manifest: Value = serde_json::from_str(&place.read("r.csv.manifest.json")).unwrap();
    let words =
        said.split_once("the words of this request: ").unwrap().1.split_once(':').unwrap().0;
    for wanted in [
        manifest["service"].as_str().unwrap(),
        "domain    population",
        "to code identifiers (fr-nir)",
        "r.csv.manifest.json",
        "20 rows with 20 values",
        words,
    ] {
        assert!(slip.contains(wanted), "{wanted}\n{slip}");
    }
    // What goes to the custodians does not go in the mail.
    let (mail, telephone) = slip.split_once("For the custodians").unwrap();
    assert!(!mail.contains(words) && telephone.contains(words), "{slip}");
    let key = manifest["key"].as_str().unwrap();
    assert!(!slip.contains(key) && !slip.contains("t.csv"), "{slip}");
    assert!(people.iter().all(|identifier| !slip.contains(&identifier[..13])));
    // With --json standard output is the summary's.
    place.json(&prepare.replace("r.csv", "r2.csv").replace("t.csv", "t2.csv"));
}

/// What took 48 commands, some 120 files and 36 passphrases file by file.
#[test]
fn twelve_monthly_files_take_four_commands_and_three_passphrases() {
    let place = Place::in_earnest();
    place.quorum("service open home population --kind statistics");
    fs::create_dir_all(place.path("year/wages")).unwrap();
    place.ok("controller setup year/wages --service home/card.json --domain population");
    let people = identifiers(240);
    let months: Vec<String> = (1..=12).map(|month| format!("{month:02}.csv")).collect();
    for (at, month) in months.iter().enumerate() {
        // Somebody is paid in every month.
        let paid = [&people[..5], &people[20 * at..20 * at + 20]].concat();
        place.write(&format!("year/wages/{month}"), csv(&paid));
    }

    let commands = [
        "controller prepare year/wages --identifier-column nir --request year/request.csv \
         --retained year/retained.csv"
            .to_owned(),
        place.with_kits(
            "service code home population --request year/request.csv --result year/result.csv \
             --purpose wages --keep-request",
        ),
        "controller attach --retained year/retained.csv --result year/result.csv --out year/coded"
            .to_owned(),
    ];
    let mut passphrases = 0;
    for command in &commands {
        // The options of this test are not needed: `setup` said them.
        let mut program = place.command(command);
        if command.starts_with("controller prepare") {
            program = std::process::Command::new(env!("CARGO_BIN_EXE_cstatns"));
            program.current_dir(place.directory.path()).args(command.split_whitespace());
            program.env("LC_ALL", "C");
        }
        let output = program.output().unwrap();
        assert!(output.status.success(), "{command}\n{}", text(&output.stderr));
        passphrases += command.matches("--passphrase-file").count();
    }
    let all = common::files(&place.path("year"));
    let files: Vec<_> = all.keys().filter(|path| !path.ends_with("cstatns.toml")).collect();
    assert_eq!(files.len(), 32, "{files:#?}");
    let delivered = "service delivered home {} --receipt year/coded.receipt.json";
    let receipt: Value = serde_json::from_str(&place.read("year/coded.receipt.json")).unwrap();
    let delivery = receipt["delivery"]["run"].as_str().unwrap();
    place.ok(&delivered.replace("{}", &delivery[..6]));
    assert_eq!((commands.len() + 1, passphrases), (4, 3));

    // Each month has its rows in their order, and one who is paid in all of them has one code.
    let column = |file: &str, name: &str| -> Vec<String> {
        let text = place.read(&format!("year/{file}"));
        let mut rows = text.lines().map(|line| line.split(',').map(str::to_owned).collect());
        let header: Vec<String> = rows.next().unwrap();
        let at = header.iter().position(|column| column == name).unwrap();
        rows.map(|row: Vec<String>| row[at].clone()).collect()
    };
    let first = column("coded/01.csv", "code");
    for (at, month) in months.iter().enumerate() {
        let codes = column(&format!("coded/{month}"), "code");
        assert_eq!((codes.len(), &codes[..5]), (25, &first[..5]), "{month}");
        assert!(at == 0 || codes[5..].iter().all(|code| !first.contains(code)), "{month}");
    }
    let said = place.ok("controller check year/coded");
    assert!(!said.contains("former"), "{said}");
    // The folder is renewed in one request too, and `check` says so once.
    let renewal = "controller prepare year/coded --code-column code --request year/coded.renewal.csv \
         --retained year/coded.retained.csv";
    place.ok(&format!("{renewal} --service home/card.json --domain population"));
    place.quorum("service new-key home population --reason scheduled");
    place.quorum(
        "service renew home population --request year/coded.renewal.csv --result year/renewed.csv \
         --purpose wages --keep-request",
    );
    place.ok("controller attach --retained year/coded.retained.csv --result year/renewed.csv --out year/again");
    fs::remove_file(place.path("year/coded.renewal.csv")).unwrap();
    let output = place.run("controller check year");
    let said = text(&output.stdout);
    assert_eq!(said.matches("of a former generation").count(), 12, "{said}");
    assert_eq!(said.matches("cstatns controller prepare year/coded --code-column code").count(), 1);
    assert_eq!(said.matches("with the files above of its folder").count(), 11, "{said}");
}
