//! What a user is likely to get wrong: each is refused in one line that names what is wrong, and
//! nothing is lost or left.

use crate::common;

use std::fs;
use std::path::Path;
use std::process::Command;

use common::{Place, csv, identifiers, in_years, text};

const PREPARE: &str =
    "controller prepare data.csv --identifier-column nir --request r.csv --retained t.csv";
const CODE: &str = "service code home population --request r.csv --result s.csv --purpose test";

/// A service with a domain and a prepared request of 20 rows.
fn prepared() -> Place {
    let place = Place::open();
    place.write("data.csv", csv(&identifiers(20)));
    place.ok(PREPARE);
    place
}

/// The same without a service.
fn data(text: impl AsRef<[u8]>) -> Place {
    let place = Place::default();
    place.write("data.csv", text);
    place
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &to);
        } else {
            fs::copy(entry.path(), to).unwrap();
        }
    }
}

// The controller's files.

#[test]
fn columns_that_are_not_there_or_not_right() {
    let place = data(csv(&identifiers(20)));
    let with = |column: &str| PREPARE.replace("nir", column);
    place.refused(&with("NIR"), "missing-column", &["data.csv", "\"NIR\"", "nir, value"]);
    place.refused(&with("value"), "identity-kept", &["column nir,"]);
    place.write("data.csv", csv(&identifiers(20)).replace("nir", "number"));
    place.refused(&with("value"), "wrong-column", &["20 of 20", "right column?"]);
    place.write("data.csv", "a;b\n1;2\n");
    place.refused(&with("a"), "missing-column", &["--delimiter ';'"]);
    place.write("data.csv", "nir,nir\n1,2\n");
    place.refused(PREPARE, "column-twice", &["nir"]);
    for column in ["index", "status", "code", "quality", "score"] {
        place.write("data.csv", format!("nir,{column}\n1,2\n"));
        place.refused(PREPARE, "reserved-column", &[column, "rename"]);
    }
    place.write("data.csv", "code,status\n1,2\n");
    place.refused(&with("code").replace("identifier", "code"), "reserved-column", &["status"]);
}

#[test]
fn files_that_are_not_tables() {
    let place = data("");
    place.refused(PREPARE, "empty-file", &["data.csv"]);
    place.write("data.csv", "nir,value\n");
    place.refused(PREPARE, "no-rows", &["data.csv"]);
    place.write("data.csv", "nir,value\n1,2,3\n");
    place.refused(PREPARE, "ragged-row", &["row 1", "3 fields", "2"]);
    place.write("data.csv", "nir,value\n\"1,2\n");
    place.refused(PREPARE, "open-quote", &["line 2"]);
    place.write("data.csv", "nir,value\n1,\"2\n3,4\n5,\"6\n");
    place.refused(PREPARE, "text-after-quote", &["line 4", "line 2", "twice"]);
    place.refused(&PREPARE.replace("data.csv", "data.xlsx"), "file-type", &["data.xlsx"]);
    place.refused(&PREPARE.replace("data.csv", "none.csv"), "file-missing", &["none.csv"]);
    place.write("data.parquet", "PAR1 and then nothing");
    let parquet = PREPARE.replace("data.csv", "data.parquet").replace("t.csv", "t.parquet");
    place.refused(&parquet, "parquet-damaged", &["data.parquet"]);
}

#[test]
fn outputs_are_never_written_over() {
    for taken in ["r.csv", "r.csv.manifest.json", "t.csv"] {
        let place = data(csv(&identifiers(20)));
        place.write(taken, "mine");
        place.refused(PREPARE, "output-exists", &[taken]);
        assert_eq!(place.read(taken), "mine");
    }
    for taken in ["s.csv", "s.csv.report.json"] {
        let place = prepared();
        place.write(taken, "mine");
        place.refused_quorum(CODE, "output-exists", &[taken]);
        assert!(place.read(taken) == "mine" && place.exists("r.csv"));
    }
    let place = prepared();
    place.quorum(CODE);
    place.write("out.csv", "mine");
    place.refused(
        "controller attach --retained t.csv --result s.csv --out out.csv",
        "output-exists",
        &["out.csv"],
    );
    assert_eq!(place.read("out.csv"), "mine");
}

#[test]
fn encodings_and_odd_fields_pass_where_they_are_not_looked_at() {
    let place = Place::open();
    let good = identifiers(12);
    let long = "x".repeat(1 << 20);
    let mut bytes = b"\xef\xbb\xbfward,nir\r\n".to_vec();
    for (row, identifier) in good.iter().enumerate() {
        let name: &[u8] = match row {
            0 => b"Ang\xe9lique",
            1 => b"\"two\r\nlines, one field\"",
            2 => long.as_bytes(),
            _ => b"x",
        };
        bytes.extend([name, b",", identifier.as_bytes(), b"\r\n"].concat());
    }
    place.write("data.csv", &bytes);
    place.coded("data", "nir", "population", 1);
    let coded = fs::read(place.path("data-1.csv")).unwrap();
    let has = |part: &[u8]| coded.windows(part.len()).any(|window| window == part);
    assert!(has(b"Ang\xe9lique") && has(b"\"two\r\nlines, one field\"") && has(long.as_bytes()));

    // In the selected column they are refused: nobody can tell what they mean.
    let place = data(b"nir,value\n2840924055001\xe9,1\n");
    place.refused(PREPARE, "not-utf-8", &["row 1", "iconv"]);
}

#[test]
fn directories_that_are_not_there_or_not_mine() {
    let place = data(csv(&identifiers(20))).unprivileged();
    place.refused(&PREPARE.replace("r.csv", "nowhere/r.csv"), "file-missing", &["nowhere"]);
    place.write("file", "");
    let error = place.run(&PREPARE.replace("r.csv", "file/r.csv"));
    assert_eq!(error.status.code(), Some(1));
    use std::os::unix::fs::PermissionsExt;
    fs::create_dir(place.path("closed")).unwrap();
    fs::copy(place.path("data.csv"), place.path("closed/data.csv")).unwrap();
    fs::set_permissions(place.path("closed"), fs::Permissions::from_mode(0o000)).unwrap();
    for command in [
        PREPARE.replace("data.csv", "closed/data.csv"),
        PREPARE.replace("r.csv", "closed/r.csv"),
        "service status closed".to_owned(),
        "custodian new closed/alice --name alice --no-passphrase".to_owned(),
    ] {
        place.refused(&command, "file-permission", &["closed", "owner and mode"]);
    }
    fs::set_permissions(place.path("closed"), fs::Permissions::from_mode(0o700)).unwrap();
}

#[test]
fn results_that_do_not_belong() {
    let place = prepared();
    place.quorum(CODE);
    let attach = "controller attach --retained t.csv --result s.csv --out out.csv";
    place.refused(&format!("{attach} --binary-codes"), "binary-csv", &["--binary-codes"]);
    place.refused(&attach.replace("out.csv", "out.parquet"), "attached-type", &["out.parquet"]);
    place.refused(&format!("{attach} --destroy out.csv"), "destroys-output", &["out.csv"]);
    place.refused(&attach.replace("t.csv", "data.csv"), "columns", &["`index`, `row`, `status`"]);

    // The data was changed, moved, or is gone.
    let before = place.read("data.csv");
    place.write("data.csv", before.replacen(",", ", ", 2));
    place.refused(attach, "data-changed", &["data.csv", "as it was"]);
    std::fs::rename(place.path("data.csv"), place.path("moved.csv")).unwrap();
    place.refused(attach, "data-moved", &["data.csv", "controller attach DATA"]);
    let moved = attach.replace("controller attach", "controller attach moved.csv");
    place.refused(&moved, "data-changed", &["moved.csv"]);
    place.write("data.csv", &before);

    // Another request's retained file.
    place.ok(&PREPARE.replace("r.csv", "r2.csv").replace("t.csv", "t2.csv"));
    place.refused(&attach.replace("t.csv", "t2.csv"), "result-request", &["s.csv", "retained"]);
    let (kept, other) = (place.read("t.csv.request.json"), place.read("t2.csv.request.json"));
    place.write("t2.csv.request.json", &kept);
    place.refused(&attach.replace("t.csv", "t2.csv"), "rows-unmatched", &["20 rows"]);
    // Nothing says what was requested, or something else does.
    place.write("t2.csv.request.json", other.replace("\"use\"", "\"used\""));
    place.refused(&attach.replace("t.csv", "t2.csv"), "requested-form", &["t2.csv.request.json"]);
    fs::remove_file(place.path("t2.csv.request.json")).unwrap();
    place.refused(&attach.replace("t.csv", "t2.csv"), "requested-missing", &["prepare"]);
    for (from, to, code) in [
        ("test.", "tost.", "result-service"),
        ("population", "health", "result-domain"),
        ("\"code\"", "\"look-up\"", "result-use"),
        ("fr-nir", "fi-hetu", "result-scheme"),
    ] {
        place.write("t.csv.request.json", kept.replace(from, to));
        place.refused(attach, code, &["s.csv"]);
    }
    place.write("t.csv.request.json", &kept);

    // A row short.
    let short: String =
        place.read("s.csv").lines().take(20).map(|line| format!("{line}\n")).collect();
    place.write("short.csv", short);
    fs::copy(place.path("s.csv.report.json"), place.path("short.csv.report.json")).unwrap();
    place.refused(
        &attach.replace("s.csv", "short.csv"),
        "rows-unmatched",
        &["1 rows of the retained file"],
    );

    fs::rename(place.path("s.csv.report.json"), place.path("elsewhere.json")).unwrap();
    place.refused(attach, "report-missing", &["s.csv.report.json"]);
}

#[test]
fn files_of_two_services_are_named() {
    let (one, other) = (prepared(), prepared());
    for place in [&one, &other] {
        place.quorum(CODE);
        place.ok("controller attach --retained t.csv --result s.csv --out coded.csv");
    }
    for suffix in ["", ".report.json"] {
        fs::copy(
            other.path(&format!("coded.csv{suffix}")),
            one.path(&format!("theirs.csv{suffix}")),
        )
        .unwrap();
    }
    one.refused(
        "controller check coded.csv theirs.csv",
        "mixed-services",
        &["coded.csv", "theirs.csv", "test."],
    );
    let mut both = one.read("coded.csv");
    both.extend(one.read("theirs.csv").lines().skip(1).map(|line| format!("{line}\n")));
    one.write("both.csv", both);
    one.refused("controller check both.csv", "other-codes", &["both.csv", "row 21"]);
    one.refused(
        "controller prepare both.csv --code-column code --request x.csv --retained y.csv",
        "mixed-codes",
        &["more than one kind"],
    );
}

// Requests at the service.

#[test]
fn requests_that_were_changed() {
    let change =
        |name: &str, change: &dyn Fn(Vec<String>) -> Vec<String>, code: &str, words: &[&str]| {
            let place = prepared();
            let lines = place.read("r.csv").lines().map(str::to_owned).collect();
            let text: String = change(lines).iter().map(|line| format!("{line}\n")).collect();
            place.write("r.csv", &text);
            place.refused_quorum(CODE, code, words);
            assert!(
                place.read("r.csv") == text && place.exists("r.csv.manifest.json"),
                "{name}: nothing is lost"
            );
            // The run that was approved and failed is on record, and the service works on.
            assert!(
                place.read("home/ledger.jsonl").contains(&format!("\"code\":\"{code}\"")),
                "{name}"
            );
            place.ok("service expire home");
        };
    let edit = |row: usize, new: &'static str| {
        move |mut lines: Vec<String>| {
            lines[row] = format!("{},{new}", &lines[row][..32]);
            lines
        }
    };
    change(
        "header",
        &|mut lines| {
            lines[0] += ",name";
            lines
        },
        "columns",
        &["`index`, `identifier`"],
    );
    change(
        "swapped",
        &|mut lines| {
            lines.swap(3, 4);
            lines
        },
        "index-order",
        &["row 4"],
    );
    change(
        "twice",
        &|mut lines| {
            lines[4] = lines[3].clone();
            lines
        },
        "index-order",
        &["row 4"],
    );
    change(
        "removed",
        &|mut lines| {
            lines.remove(7);
            lines
        },
        "commitment",
        &["19 rows", "20"],
    );
    change(
        "added",
        &|mut lines| {
            lines.push(format!("{},", "f".repeat(32)));
            lines
        },
        "commitment",
        &["21 rows"],
    );
    change("emptied", &edit(5, ""), "commitment", &["prepare"]);
    change("not an identifier", &edit(6, "28405"), "identifier-form", &["row 6", "wrong-length"]);
    change(
        "not compact",
        &edit(6, "2 84 05 2A 321 025"),
        "identifier-form",
        &["row 6", "not-compact"],
    );
    change(
        "index",
        &|mut lines| {
            lines[2] = lines[2].to_uppercase().replace('0', "x");
            lines
        },
        "index-form",
        &["row 2"],
    );
}

#[test]
fn requests_that_are_for_something_else() {
    let place = prepared();
    // Whether or not there is such a domain.
    let elsewhere = CODE.replace("population", "elsewhere");
    place.refused_quorum(&elsewhere, "request-domain", &["`elsewhere`", "--domain"]);
    place.quorum("service open home elsewhere --kind statistics");
    place.refused_quorum(&elsewhere, "request-domain", &["`elsewhere`", "--domain"]);
    let unknown = PREPARE.replace("r.csv", "u.csv").replace("t.csv", "v.csv");
    place.ok(&format!("{unknown} --domain unknown"));
    place.refused_quorum(
        &CODE.replace("population", "unknown").replace("r.csv", "u.csv"),
        "unknown-domain",
        &["service open"],
    );
    // Of another service.
    let other = Place::open();
    for name in ["r.csv", "r.csv.manifest.json"] {
        fs::copy(place.path(name), other.path(name)).unwrap();
    }
    other.refused_quorum(CODE, "request-service", &["r.csv", "card"]);
    place.refused_quorum(
        &CODE.replace("code home", "renew home"),
        "request-use",
        &["code identifiers"],
    );
    place.refused_quorum(&CODE.replace("s.csv", "s.xlsx"), "file-type", &["s.xlsx"]);
    place.refused_quorum(&CODE.replace("r.csv", "none.csv"), "file-missing", &["\"none.csv\""]);
    fs::rename(place.path("r.csv"), place.path("away.csv")).unwrap();
    place.refused_quorum(CODE, "file-missing", &["r.csv"]);
    fs::rename(place.path("away.csv"), place.path("r.csv")).unwrap();
    place.write("r.csv.manifest.json", "{}");
    place.refused_quorum(CODE, "manifest-form", &["r.csv.manifest.json"]);

    let place = prepared();
    place.quorum(CODE);
    place.ok("controller attach --retained t.csv --result s.csv --out coded.csv");
    place.ok("controller prepare coded.csv --code-column code --request c.csv --retained d.csv");
    let renew = "service renew home population --request c.csv --result e.csv --purpose test";
    place.refused_quorum(renew, "nothing-to-renew", &["generation 1"]);
    place.refused_quorum(&renew.replace("renew", "code"), "request-use", &["renew codes"]);
    place.quorum("service open home other --kind statistics");
    place.refused_quorum(&renew.replace("population", "other"), "request-domain", &["c.csv"]);
    // Too early: both wait.
    place.quorum("service new-key home population --reason scheduled");
    place.quorum(renew);
}

#[test]
fn batches_that_point_at_persons() {
    let place = Place::open();
    // Eleven rows, ten people.
    let mut few = identifiers(10);
    few.push(few[0].clone());
    place.write("data.csv", csv(&few));
    place.ok(PREPARE);
    let line = place.refused_quorum(CODE, "too-few-values", &["10 distinct", "fewer than 11"]);
    assert!(!line.contains("people"), "{line}");
    assert!(place.exists("r.csv") && !place.exists("s.csv"));
    // Nobody was asked: no run began.
    let ledger = place.read("home/ledger.jsonl");
    let last = ledger.lines().last().unwrap();
    assert!(last.contains("\"refused\"") && last.contains("too-few-values"), "{last}");
    place.quorum("service open home tiny --kind statistics --minimum-batch 1");
    let tiny = PREPARE.replace("r.csv", "r2.csv").replace("t.csv", "t2.csv");
    place.ok(&format!("{tiny} --domain tiny"));
    place.quorum(&CODE.replace("population", "tiny").replace("r.csv", "r2.csv"));

    let place = Place::in_earnest();
    place.refused_quorum(
        "service open home tiny --kind statistics --minimum-batch 1",
        "minimum-batch",
        &["oracle"],
    );
    place.refused_quorum(
        "service open home tiny --kind statistics --cryptoperiod-years 11",
        "cryptoperiod",
        &["1 to 10"],
    );
    place.quorum(&format!("service open home benefits --kind research --ends {}", in_years(5)));
    place.refused_quorum(
        "service open home past --kind research --ends 2001-01-01",
        "end-in-the-past",
        &["later date"],
    );
    place.refused_quorum(
        &format!("service open home far --kind research --ends {}", in_years(11)),
        "end-too-far",
        &["more than 10 years", "earlier date"],
    );
    place.write("data.csv", csv(&identifiers(20)));
    place.ok(&format!("{PREPARE} --domain benefits"));
    place.refused_quorum(
        &CODE.replace("population", "benefits"),
        "research-needs-party",
        &["demonstration"],
    );
}

// Custodians.

#[test]
fn kits_and_passphrases() {
    let place = Place::in_earnest();
    let open = "service open home population --kind statistics";
    place.write_private("wrong.pass", "not it");
    let kits = |files: [&str; 3]| {
        let kits = ["alice", "bruno", "denis"].iter().zip(files);
        let kits: Vec<String> =
            kits.map(|(kit, file)| format!("--kit {kit} --passphrase-file {file}.pass")).collect();
        format!("{open} {}", kits.join(" "))
    };
    place.refused(&kits(["alice", "wrong", "denis"]), "passphrase-wrong", &["\"bruno\""]);
    place.refused(&kits(["alice", "denis", "bruno"]), "passphrase-wrong", &["\"bruno\""]);
    place.refused(&kits(["alice", "none", "denis"]), "file-missing", &["none.pass"]);
    let two = "--kit alice --passphrase-file alice.pass --kit bruno --passphrase-file bruno.pass";
    place.refused(&format!("{open} {two}"), "too-few-approvals", &["2 of the 3 approvals"]);
    place.refused(
        &format!("{open} {two} --kit bruno --passphrase-file bruno.pass"),
        "approval-twice",
        &["`bruno`"],
    );
    place.refused(&format!("{open} --kit nobody"), "file-missing", &["nobody"]);

    // A passphrase with a line end of Windows is the same; one that others can read is told of.
    fs::remove_file(place.path("alice.pass")).unwrap();
    place.write("alice.pass", "the passphrase of alice\r\n");
    let said = place.ok(&format!("{open} {two} --kit denis --passphrase-file denis.pass"));
    assert!(said.contains("\"alice.pass\" can be read by others"), "{said}");

    // Two files after three kits: nobody knows whose they are.
    let output = place.run(&format!(
        "{open} --kit alice --kit bruno --kit denis --passphrase-file alice.pass --passphrase-file bruno.pass"
    ));
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("2 passphrase files for 3 kits"));
    // Of three kits two have their file, whichever they are; the third is asked for, where there is
    // a terminal.
    for (domain, kits) in
        [("health", format!("{two} --kit denis")), ("wages", format!("--kit denis {two}"))]
    {
        let command = format!("service open home {domain} --kind statistics {kits}");
        place.refused(&command, "passphrase-needed", &["\"denis\"", "no terminal"]);
        let typed = at_terminal(&place, &command, "the passphrase of denis\n");
        assert!(typed.0 && typed.1.contains("`denis` approves"), "{}", typed.1);
    }

    // Somebody who is not in the roster.
    place.ok("custodian new frank --name frank --passphrase-file bruno.pass");
    place.refused(
        &format!(
            "service extend home population --ends 2999-01-01 {two} --kit frank --passphrase-file \
            bruno.pass"
        ),
        "not-research",
        &[],
    );
    place.refused(
        &format!(
            "service new-key home population --reason scheduled {two} --kit frank \
            --passphrase-file bruno.pass"
        ),
        "not-in-roster",
        &["`frank`"],
    );
    place.write_private("empty.pass", "\n");
    place.refused(
        "custodian new gina --name gina --passphrase-file empty.pass",
        "passphrase-empty",
        &["gina"],
    );
    place.refused("custodian new alice --name alice --no-passphrase", "output-exists", &["alice"]);
}

#[test]
fn another_passphrase() {
    let place = Place::in_earnest();
    place.write_private("next.pass", "mouette grenier sabot ficelle");
    place.write_private("short.pass", "too short");
    let change = |now: &str, next: &str| {
        let now = format!("--passphrase-file {now}.pass");
        format!("custodian passphrase bruno {now} --new-passphrase-file {next}.pass")
    };
    place.refused(&change("alice", "next"), "passphrase-wrong", &["\"bruno\""]);
    place.refused(&change("bruno", "short"), "passphrase-short", &["12 characters"]);
    place.refused(&change("bruno", "none"), "file-missing", &["none.pass"]);
    place.refused(&change("none", "next"), "file-missing", &["none.pass"]);
    let said = place.ok(&change("bruno", "next"));
    assert!(said.contains("a copy of it that was made before opens with the former"), "{said}");
    place.refused(&change("bruno", "next"), "passphrase-wrong", &["\"bruno\""]);
    let check = "custodian check bruno --ledger home/ledger.jsonl --out seen.json";
    place.ok(&format!("{check} --passphrase-file next.pass"));

    place.ok("custodian new open --name open --no-passphrase");
    let change = "custodian passphrase open --new-passphrase-file next.pass";
    place.refused(change, "kit-without-passphrase", &["its card says so", "make a new kit"]);
}

#[test]
fn ceremonies_that_must_not_be() {
    let place = Place::default();
    for (name, external) in
        [("alice", ""), ("bruno", ""), ("xavier", "--external"), ("yvonne", "--external")]
    {
        place.ok(&format!("custodian new {name} --name {name} --no-passphrase {external}"));
    }
    let init = |k: u32, names: &[&str]| {
        let cards: Vec<String> =
            names.iter().map(|name| format!("--custodian {name}/card.json")).collect();
        format!("service init home --name test --threshold {k} --shares shares {}", cards.join(" "))
    };
    place.refused(&init(2, &["alice", "bruno"]), "kit-unprotected", &["`alice`", "--demo"]);
    let demo = |k, names: &[&str]| format!("{} --demo", init(k, names));
    place.refused(&demo(2, &["alice", "alice"]), "card-twice", &["`alice`"]);
    place.refused(&demo(2, &["alice", "xavier", "yvonne"]), "too-many-external", &["2 external"]);
    place.refused(
        &demo(2, &["alice", "bruno", "xavier", "yvonne"]),
        "threshold-minority",
        &["2 of 4", "more than half"],
    );
    place.refused(&demo(1, &["alice", "bruno"]), "threshold", &["threshold"]);
    place.refused(&demo(3, &["alice", "bruno"]), "threshold", &[]);
    place.refused(&demo(2, &["alice", "none"]), "file-missing", &["none/card.json"]);
    place.write("bruno.json", place.read("bruno/card.json").replace("bruno", "bruna"));
    place.refused(
        "service init home --name test --threshold 2 --shares shares --demo --custodian \
        alice/card.json --custodian bruno.json",
        "card",
        &["`bruna`", "not signed"],
    );
    place.write("not.json", "{}");
    place.refused(
        "service init home --name test --threshold 2 --shares shares --demo --custodian \
        alice/card.json --custodian not.json",
        "file-form",
        &["not.json", "custodian's card"],
    );

    place.ok(&demo(2, &["alice", "bruno"]));
    place.refused(&demo(2, &["alice", "bruno"]), "output-exists", &["home"]);
    place.refused(
        &demo(2, &["alice", "bruno"]).replace("home", "home2"),
        "output-exists",
        &["alice.1.share"],
    );

    // Nothing opens before every share is held; the receipts that are missing are named.
    let open = "service open home population --kind statistics --kit alice --kit bruno";
    place.ok("custodian accept alice shares/alice.1.share --ledger home/ledger.jsonl");
    place.refused(
        "custodian accept bruno shares/alice.1.share --ledger home/ledger.jsonl",
        "share-swapped",
        &["`bruno`"],
    );
    place.ok("service receipt home alice/receipt-1-held.json");
    let said = place.ok("service receipt home alice/receipt-1-held.json");
    assert!(said.contains("already recorded: the receipts of alice\n"), "{said}");
    place.refused(open, "shares-missing", &["missing: bruno"]);
    let share = place.read("shares/bruno.1.share");
    let place_of = share.rfind("\"}").unwrap();
    let last = if &share[place_of - 1..place_of] == "0" { "1" } else { "0" };
    place.write("damaged.share", format!("{}{last}{}", &share[..place_of - 1], &share[place_of..]));
    place.refused(
        "custodian accept bruno damaged.share --ledger home/ledger.jsonl",
        "share-altered",
        &["`bruno`"],
    );
    place.write("damaged.share", "x");
    place.refused(
        "custodian accept bruno damaged.share --ledger home/ledger.jsonl",
        "file-form",
        &["dealt share"],
    );
    place.refused(
        "custodian accept bruno shares/bruno.1.share --ledger home/card.json",
        "file-form",
        &["ledger"],
    );
    place.ok("custodian accept bruno shares/bruno.1.share --ledger home/ledger.jsonl");
    place.ok("service receipt home bruno/receipt-1-held.json");
    place.ok(open);
}

// The home.

#[test]
fn homes_that_cannot_be_opened() {
    let place = Place::open();
    place.refused("service status nowhere", "no-service", &["nowhere", "service init"]);
    {
        let _lock = cstatns::files::lock(&place.path("home/lock")).unwrap();
        place.refused("service expire home --wait 0s", "home-locked", &["another process"]);
        place.refused_quorum("service open home other --kind statistics", "home-locked", &["wait"]);
    }
    place.ok("service expire home");

    place.write("data.csv", csv(&identifiers(20)));
    place.ok(PREPARE);
    for (file, code) in [
        ("identity", "home-version"),
        ("places.json", "home-version"),
        ("ledger.jsonl", "ledger-version"),
        ("keys/population.1.1.key", "seal-version"),
    ] {
        let before = place.read(&format!("home/{file}"));
        let newer = match file {
            "ledger.jsonl" => before.replace("\"format\":2", "\"format\":3"),
            _ => before.replacen("\"format\":2", "\"format\":3", 1),
        };
        assert_ne!(before, newer, "{file}");
        place.write(&format!("home/{file}"), &newer);
        place.refused_quorum(CODE, code, &["newer program"]);
        place.write(&format!("home/{file}"), &before);
    }
    place.quorum(CODE);
    place.write("home/identity", "?");
    place.refused("service expire home", "identity-lost", &["import-identity", "rekey"]);
}

#[test]
fn ledgers_that_were_changed() {
    let place = Place::open();
    let ledger = place.read("home/ledger.jsonl");
    let lines: Vec<&str> = ledger.lines().collect();
    let write = |lines: &[String]| {
        place.write("home/ledger.jsonl", lines.iter().map(|l| format!("{l}\n")).collect::<String>())
    };
    let owned = || lines.iter().map(|line| (*line).to_owned()).collect::<Vec<_>>();

    // A digit of a signature in event 3: the event after it tells.
    let mut changed = owned();
    let at = changed[2].find("\"signature\":\"").unwrap() + 13;
    let digit = if changed[2].as_bytes()[at] == b'0' { "1" } else { "0" };
    changed[2].replace_range(at..=at, digit);
    write(&changed);
    let before = place.read("home/ledger.jsonl");
    for command in [
        "service status home",
        "service expire home",
        "custodian check alice --ledger home/ledger.jsonl --out receipt.json",
    ] {
        let output = place.run(command);
        let said = text(&output.stderr);
        assert!(
            output.status.code() == Some(1) && said.contains("event 3 of the ledger"),
            "{command}\n{said}"
        );
    }
    assert_eq!(place.read("home/ledger.jsonl"), before, "and it is left as it is");

    let mut dropped = owned();
    dropped.pop();
    write(&dropped);
    place.refused("service status home", "ledger-short", &["covers 9", "has 8"]);
    let mut swapped = owned();
    swapped.swap(2, 3);
    write(&swapped);
    place.refused("service status home", "ledger-sequence", &["event 4", "event 3"]);
    place.write("home/ledger.jsonl", &ledger);
    place.ok("service status home");

    // A backup from before what the custodians have seen: lawful by itself, and refused by them.
    copy(&place.path("home"), &place.path("backup"));
    place.quorum("service open home second --kind statistics");
    place.quorum("service open home third --kind statistics");
    fs::rename(place.path("home"), place.path("newer")).unwrap();
    fs::rename(place.path("backup"), place.path("home")).unwrap();
    place.refused_quorum(
        "service open home other --kind statistics",
        "ledger-shorter",
        &["`alice`", "removed"],
    );
}

#[test]
fn keys_that_are_not_the_ledgers() {
    let place = prepared();
    place.quorum("service open home other --kind statistics");
    fs::copy(place.path("home/keys/other.1.1.key"), place.path("home/keys/population.1.1.key"))
        .unwrap();
    place.refused_quorum(CODE, "seal", &["`population`", "backup"]);
    assert!(place.exists("r.csv"));
    fs::remove_file(place.path("home/keys/population.1.1.key")).unwrap();
    place.refused_quorum(CODE, "seal", &["lost"]);
}

#[test]
fn a_summary_that_cannot_be_written_is_an_error() {
    let place = Place::open();
    let full = fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_cstatns"))
        .current_dir(place.directory.path())
        .args(["service", "status", "home", "--json"])
        .env("LC_ALL", "C")
        .stdout(full)
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("error[summary]"));
}

/// A file where a directory is needed: nothing is left, and the right command does it.
#[test]
fn a_file_is_given_for_a_directory() {
    let place = Place::default();
    for name in ["alice", "bruno"] {
        place.ok(&format!("custodian new {name} --name {name} --no-passphrase"));
    }
    place.write("file", "a note");
    let init = |home: &str, places: &str| {
        format!(
            "service init {home} --name test --threshold 2 --demo --custodian alice/card.json \
             bruno/card.json {places}"
        )
    };
    for places in [
        "--shares file",
        "--shares file/below",
        "--shares shares --life file",
        "--shares shares --life life file/below",
        "--shares shares --mirror file",
        "--shares shares --mirror file/below",
    ] {
        place.refused(&init("home", places), "not-a-directory", &["file"]);
        assert!(!place.exists("home") && !place.exists("shares"), "{places}");
    }
    place.refused(&init("file", "--shares shares"), "not-a-directory", &["file"]);
    assert_eq!(place.read("file"), "a note");
    place.ok(&init("home", "--shares shares"));
    // Not among the files that each refusal is compared by, which are read.
    let elsewhere = tempfile::tempdir().unwrap();
    let pipe = elsewhere.path().join("pipe");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    for command in [
        "service publish home file",
        "custodian check file --ledger home/ledger.jsonl --out r.json",
        "custodian check alice --ledger file/ledger.jsonl --out r.json",
        "custodian new file/kit --name chloe --no-passphrase",
        "service open home population --kind statistics --proposal p.json --approvals file",
        "service open home population --kind statistics --proposal file/p.json --approvals shares",
    ] {
        place.refused(command, "not-a-directory", &["file"]);
        // A pipe is not waited for.
        let command = command.replace("file", pipe.to_str().unwrap());
        place.refused(&command, "not-a-directory", &["pipe"]);
    }
}

// Found by playing the README by hand.

#[test]
fn receipts_of_the_last_time_may_be_among_the_new_ones() {
    let place = Place::default();
    for name in ["alice", "bruno"] {
        place.ok(&format!("custodian new {name} --name {name} --no-passphrase"));
    }
    place.ok(
        "service init home --name test --threshold 2 --custodian alice/card.json bruno/card.json \
        --shares shares --demo",
    );
    place.ok("custodian accept alice shares/alice.1.share --ledger home/ledger.jsonl");
    let said = place.ok("service receipt home alice/receipt-1-held.json alice/receipt-1-held.json");
    assert!(
        said.contains("recorded the receipts of alice\n") && said.contains("receipts of bruno"),
        "{said}"
    );
    place.ok("custodian accept bruno shares/bruno.1.share --ledger home/ledger.jsonl");
    let both = "service receipt home alice/receipt-1-held.json bruno/receipt-1-held.json";
    let said = place.ok(both);
    assert!(
        said.contains("recorded the receipts of bruno\n") && said.contains("all shares are held"),
        "{said}"
    );
    let said = place.ok(both);
    assert!(said.contains("already recorded: the receipts of alice, bruno\n"), "{said}");
    assert!(!said.contains("recorded the receipts of"), "{said}");
}

#[test]
fn a_ledger_without_its_checkpoint_and_what_is_no_ledger() {
    let place = Place::open();
    fs::create_dir(place.path("copy")).unwrap();
    fs::copy(place.path("home/ledger.jsonl"), place.path("copy/ledger.jsonl")).unwrap();
    place.refused(
        "custodian check alice --ledger copy/ledger.jsonl --out receipt.json",
        "file-missing",
        &["copy/checkpoint", "beside its ledger"],
    );
    place.refused(
        "custodian check alice --ledger home --out receipt.json",
        "not-a-file",
        &["\"home\""],
    );
    place.refused(
        "auditor verify home/checkpoint --service home/card.json",
        "file-form",
        &["home/checkpoint", "not the ledger", "check the path"],
    );
}

#[test]
fn a_short_passphrase_is_refused() {
    let place = Place::default();
    for short in ["abc\n", "onze lettré\n"] {
        place.write_private("pass", short);
        place.refused(
            "custodian new kit --name alice --passphrase-file pass",
            "passphrase-short",
            &["12"],
        );
    }
    place.write_private("pass", "douze lettré\n");
    place.ok("custodian new kit --name alice --passphrase-file pass");
}

/// What a command does and says that has a terminal to ask at.
fn at_terminal(place: &Place, command: &str, typed: &str) -> (bool, String) {
    use std::io::Write;
    use std::process::{Command, Stdio};

    let command = format!("{} {command}", env!("CARGO_BIN_EXE_cstatns"));
    let child = Command::new("script")
        .current_dir(place.directory.path())
        .args(["-qec", &command, "/dev/null"])
        .env("LC_ALL", "C")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn();
    let mut child = child.expect("this test needs `script`, of bsdutils or util-linux");
    child.stdin.take().unwrap().write_all(typed.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    (output.status.success(), text(&output.stdout))
}

#[test]
fn a_passphrase_is_asked_for_again() {
    let place = Place::default();
    place.write_private("pass", "the passphrase of alice");
    place.ok("custodian new alice --name alice --passphrase-file pass");
    place.ok("custodian new bruno --name bruno --passphrase-file pass");
    let init = "service init home --name test --threshold 2 --custodian alice/card.json \
        bruno/card.json --shares shares";
    place.ok(init);
    let accept = |typed: &str| {
        let accept = "custodian accept alice shares/alice.1.share --ledger home/ledger.jsonl";
        at_terminal(&place, accept, typed)
    };
    let (done, said) = accept("yes\nwrong\nwrong\nwrong\n");
    assert!(!done && said.contains("error[passphrase-wrong]"), "{said}");
    assert_eq!(said.matches("once more").count(), 2, "{said}");
    let (done, said) = accept("yes\nwrong\nthe passphrase of alice\n");
    assert!(done && said.contains("`alice` holds a share"), "{said}");
}

#[test]
fn what_a_new_passphrase_must_be_is_said_first_and_a_slip_is_asked_for_again() {
    let place = Place::default();
    let new = |kit: &str, typed: &str| {
        at_terminal(&place, &format!("custodian new {kit} --name alice"), typed)
    };
    let (done, said) = new(
        "one",
        "short\nmouette grenier sabot\nmouette grenier sabo\nmouette grenier sabot\nmouette grenier sabot\n",
    );
    assert!(done, "{said}");
    let at = |text: &str| said.find(text).unwrap_or_else(|| panic!("{text}: {said}"));
    let first = at("new passphrase: ");
    assert!(at("at least 12 characters") < first && at("four words") < first, "{said}");
    assert!(first < at("fewer than 12 characters"), "{said}");
    assert!(at("fewer than 12 characters") < at("the same again: "), "{said}");
    assert!(at("the same again: ") < at("the two passphrases differ"), "{said}");
    // After three, nothing is made.
    let (done, said) = new("two", "aaaaaaaaaaaa\nalice alice alice\n mouette grenier sabot\n");
    assert!(!done && said.contains("error[passphrase-space]") && !place.exists("two"), "{said}");
    assert_eq!(said.matches("a machine guesses").count(), 2, "{said}");
}

#[test]
fn a_passphrase_is_its_text_however_the_file_has_it() {
    let place = Place::default();
    let words = "République des mouettes à cinq";
    place.write_private("pass", words);
    for name in ["alice", "bruno"] {
        place.ok(&format!("custodian new {name} --name {name} --passphrase-file pass"));
    }
    place.ok("service init home --name test --threshold 2 --custodian alice/card.json bruno/card.json --shares shares");
    place.ok("custodian accept alice shares/alice.1.share --ledger home/ledger.jsonl --passphrase-file pass");
    let decomposed = "Re\u{301}publique des mouettes a\u{300} cinq";
    let utf_16 =
        |text: &str| -> Vec<u8> { text.encode_utf16().flat_map(u16::to_le_bytes).collect() };
    let check = |nth: usize| {
        format!(
            "custodian check alice --ledger home/ledger.jsonl --out r{nth}.json --passphrase-file as"
        )
    };
    place.write_private("as", "");
    for (nth, bytes) in [
        decomposed.as_bytes().to_vec(),
        [&b"\xef\xbb\xbf"[..], words.as_bytes(), b"\r\n"].concat(),
        utf_16(&format!("\u{feff}{words}\r\n")),
        utf_16(&format!("\u{feff}{decomposed}")),
    ]
    .iter()
    .enumerate()
    {
        place.write("as", bytes);
        place.ok(&check(nth));
    }
    for (bytes, code) in [
        (format!("{words}\nand more\n").into_bytes(), "passphrase-lines"),
        (format!("{words} \n").into_bytes(), "passphrase-space"),
        (utf_16(words), "passphrase-encoding"),
        (words.chars().map(|one| one as u8).collect(), "passphrase-encoding"),
        (words.to_uppercase().into_bytes(), "passphrase-wrong"),
    ] {
        place.write("as", &bytes);
        let line = place.refused(&check(9), code, &[]);
        assert!(!line.contains("mouettes") && !line.contains("MOUETTES"), "{line}");
    }
    place.write("as", "aaaaaaaaaaaa");
    place.refused(
        "custodian new chloe --name chloe --passphrase-file as",
        "passphrase-weak",
        &["four words"],
    );
}

#[test]
fn results_are_compared_with_their_report_before_anything_is_destroyed() {
    let place = prepared();
    place.quorum(CODE);
    let result = place.read("s.csv");
    let attach =
        "controller attach --retained t.csv --result s.csv --out out.csv --destroy data.csv";
    place.write("s.csv", result.replacen(",valid\n", ",unkeyed\n", 1));
    place.refused(attach, "result-changed", &["s.csv", "fetch both again"]);
    place.write("s.csv", result);
    place.refused(&format!("{attach} --destroy none.csv"), "file-missing", &["none.csv"]);
    place.refused(&format!("{attach} --destroy home"), "not-a-file", &["\"home\""]);
    assert!(place.exists("data.csv"), "nothing is destroyed before everything can be");
    place.ok(attach);
    assert!(!place.exists("data.csv"));
}

#[test]
fn a_delivery_keeps_its_place() {
    let place = prepared();
    place.quorum(CODE);
    fs::rename(place.path("s.csv"), place.path("moved.csv")).unwrap();
    fs::remove_file(place.path("s.csv.report.json")).unwrap();
    place.ok(&PREPARE.replace("r.csv", "r2.csv").replace("t.csv", "t2.csv"));
    let again = CODE.replace("r.csv", "r2.csv");
    place.refused_quorum(&again, "place-taken", &["s.csv", "choose another name"]);
    place.refused_quorum(&again.replace("s.csv", "none/s.csv"), "file-missing", &["\"none\""]);
    let ledger = place.read("home/ledger.jsonl");
    assert!(
        ledger.contains("{\"code\":\"place-taken\",\"type\":\"refused\""),
        "before anybody is asked"
    );
    let number = "0".repeat(32);
    let line = place.refused(
        &format!("service delivered home {number} --stated"),
        "unknown-delivery",
        &["service status"],
    );
    assert!(!line.contains("--of"), "{line}");
}

#[test]
fn files_that_are_called_csv_and_are_not() {
    let place = data("");
    for (start, found) in [
        (&b"\xff\xfen\0i\0r\0\n\0"[..], "UTF-16"),
        (b"PAR1\x15\x04\x15\xff", "a Parquet file"),
        (b"PK\x03\x04\x14\0", "a spreadsheet"),
    ] {
        place.write("data.csv", start);
        place.refused(PREPARE, "not-csv", &["data.csv", found, "UTF-8"]);
    }
    let parquet = PREPARE.replace("data.csv", "data.parquet").replace("t.csv", "t.parquet");
    let sample = |name| {
        fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(name)).unwrap()
    };
    // The library panics over this one, with a bit changed in a page's header.
    place.write("data.parquet", sample("damaged.parquet"));
    place.refused(&parquet, "parquet-damaged", &["data.parquet", "fetch it again"]);
    place.write("data.csv", "a\tb\n1\t2\n");
    place.refused(&PREPARE.replace("nir", "a"), "missing-column", &["--delimiter tab"]);
    place.write("data.csv", "nir,a\n\"1,84E+12\",1\n");
    place.refused(PREPARE, "wrong-column", &["right column?", "as text"]);
}

#[test]
fn what_a_stopped_prepare_left_goes_with_the_next() {
    use std::os::unix::fs::PermissionsExt;

    let place = data(csv(&identifiers(20)));
    let left = |name: &str| format!(".{name}.{}.cstatns-tmp", "0a".repeat(16));
    for name in ["r.csv", "t.csv", "other.csv"] {
        place.write(&left(name), &identifiers(1)[0]);
    }
    // One that a running process writes is its own.
    let mut running =
        cstatns::files::Pending::create(&place.path("t.csv"), cstatns::files::Access::Private)
            .unwrap();
    std::io::Write::write_all(&mut running, b"x").unwrap();
    let written = running.temporary().to_owned();
    assert!(!place.exists(&left("t.csv")));
    place.ok(PREPARE);
    assert!(!place.exists(&left("r.csv")) && place.exists(&left("other.csv")));
    assert!(written.exists(), "a running process keeps what it writes");
    drop(running);

    // A directory where nothing may be made: the message names the file that was asked for.
    fs::create_dir(place.path("closed")).unwrap();
    fs::set_permissions(place.path("closed"), fs::Permissions::from_mode(0o500)).unwrap();
    if fs::write(place.path("closed/x"), "").is_err() {
        let line = place.refused(
            &PREPARE.replace("r.csv", "closed/r.csv").replace("t.csv", "t2.csv"),
            "file-permission",
            &["closed/r.csv"],
        );
        assert!(!line.contains("cstatns-tmp"), "{line}");
    }
}

#[test]
fn days_are_written_one_way() {
    let place = Place::default();
    let output = place.run("service open home p --kind research --ends 31/12/2028 --kit a");
    assert!(output.status.code() == Some(2) && text(&output.stderr).contains("such as 2028-12-31"));
}
