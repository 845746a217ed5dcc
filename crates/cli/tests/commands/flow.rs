//! The statistical flow and a research project through the program, on the two files of the pair.

use crate::common;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use serde_json::Value;

use common::{Place, csv, identifiers, in_years, join, pair, text};

/// Copies a file of the pair with the number of each row beside it, so that rows can be
/// distinguished afterwards.
fn numbered(place: &Place, file: &str) -> BTreeMap<String, String> {
    let data = fs::read_to_string(pair(&format!("{file}.csv"))).unwrap();
    let mut lines = data.lines();
    let mut out = format!("{},row\n", lines.next().unwrap());
    for (row, line) in lines.enumerate() {
        out.push_str(&format!("{line},{}\n", row + 1));
    }
    place.write(&format!("{file}.csv"), out);
    let truth = fs::read_to_string(pair(&format!("{file}_truth.csv"))).unwrap();
    truth
        .lines()
        .skip(1)
        .map(|line| line.split_once(',').unwrap())
        .map(|(a, b)| (a.into(), b.into()))
        .collect()
}

/// The bad rows are the rejected ones, each person has one code, and no two have the same.
fn agrees(place: &Place, file: &str, truth: &BTreeMap<String, String>) {
    let (mut of_person, mut of_code) = (BTreeMap::new(), BTreeMap::new());
    let rows = place.rows(file);
    assert_eq!(rows.len(), truth.len());
    for row in rows {
        let (code, quality, person) = (&row[0], &row[1], &truth[row.last().unwrap()]);
        assert_eq!(code.is_empty(), person.is_empty(), "{quality}");
        assert_eq!(
            matches!(quality.as_str(), "valid" | "unkeyed" | "provisional"),
            !person.is_empty()
        );
        if !person.is_empty() {
            assert_eq!(
                of_person.entry(person.clone()).or_insert(code.clone()),
                code,
                "a person has one code"
            );
            assert_eq!(
                of_code.entry(code.clone()).or_insert(person.clone()),
                person,
                "a code is of one person"
            );
        }
    }
}

#[test]
fn the_pair_links_before_and_after_renewals() {
    let place = Place::in_earnest();
    place.quorum("service open home population --kind statistics");
    let truths: Value =
        serde_json::from_str(&fs::read_to_string(pair("truth.json")).unwrap()).unwrap();
    let (people, pairs) =
        (truths["persons_in_both"].as_u64().unwrap(), truths["row_pairs"].as_u64().unwrap());
    assert_eq!((people, pairs), (1304, 2001));

    let hospital = numbered(&place, "hospital");
    let wages = numbered(&place, "wages");
    let run = place.coded("hospital", "nir", "population", 1);
    assert_eq!(run["rows"], truths["hospital"]["rows"]);
    assert_eq!(run["quality"]["none"], truths["hospital"]["rejected_rows"]);
    assert_eq!(run["request_kept"], false);
    place.coded("wages", "nir", "population", 1);
    for work in ["hospital.population.1", "wages.population.1"] {
        assert!(!place.exists(&format!("{work}.request.csv")), "the request is destroyed");
        assert!(!place.exists(&format!("{work}.request.csv.manifest.json")), "and its manifest");
    }
    agrees(&place, "hospital-1.csv", &hospital);
    agrees(&place, "wages-1.csv", &wages);
    let first = (place.codes("hospital-1.csv"), place.codes("wages-1.csv"));
    assert_eq!(join(&first.0, &first.1), (people, pairs));

    place.quorum("service new-key home population --reason scheduled");
    let run = place.renewed("hospital", 1, "population", 2);
    assert_eq!((run["from"].as_u64(), run["generation"].as_u64()), (Some(1), Some(2)));
    place.renewed("wages", 1, "population", 2);
    agrees(&place, "hospital-2.csv", &hospital);
    let second = (place.codes("hospital-2.csv"), place.codes("wages-2.csv"));
    assert_eq!(join(&second.0, &second.1), (people, pairs));
    assert!(first.0.keys().all(|code| !second.0.contains_key(code)), "no code is as before");
    place.refused(
        "controller check hospital-1.csv wages-2.csv",
        "mixed-generations",
        &["generation 1", "generation 2"],
    );

    // A newcomer's code is the renewed code of the same identifier.
    let again: String =
        place.read("hospital.csv").lines().take(400).map(|line| format!("{line}\n")).collect();
    place.write("newcomers.csv", again);
    place.coded("newcomers", "nir", "population", 2);
    let renewed: BTreeMap<String, String> = place
        .rows("hospital-2.csv")
        .into_iter()
        .map(|row| (row[3].clone(), row[0].clone()))
        .collect();
    for row in place.rows("newcomers-2.csv") {
        assert_eq!(row[0], renewed[&row[3]]);
    }

    // A file that missed a renewal is lifted over two.
    place.quorum("service new-key home population --reason scheduled");
    let run = place.renewed("wages", 1, "population", 3);
    assert_eq!((run["from"].as_u64(), run["generation"].as_u64()), (Some(1), Some(3)));
    place.renewed("hospital", 2, "population", 3);
    assert_eq!(join(&place.codes("hospital-3.csv"), &place.codes("wages-3.csv")), (people, pairs));
    place.ok("controller check hospital-3.csv wages-3.csv");
}

#[test]
fn a_delivery_is_told_and_its_copy_destroyed() {
    let place = Place::open();
    place.write("data.csv", csv(&identifiers(50)));
    let run = place.coded("data", "nir", "population", 1);
    let (delivery, result) = (run["delivery"].as_str().unwrap(), "data.population.1.result.csv");
    let status = place.json("service status home");
    assert_eq!(status["deliveries"][0]["delivery"], delivery);
    assert!(status["deliveries"][0]["result"].as_str().unwrap().ends_with(result));

    let deliver =
        |receipt: &str| format!("service delivered home {} --receipt {receipt}", &delivery[..8]);
    let receipt = place.read("data-1.csv.receipt.json");
    for (other, code) in [
        ("not the result".to_owned(), "received-form"),
        (receipt.replace("\"rows\": 50", "\"rows\": 51"), "received-other"),
        (receipt.replace(delivery, &"0".repeat(32)), "received-other"),
        (receipt.replace("\"format\": 2", "\"format\": 1"), "received-form"),
        (receipt.replacen('{', "{\"more\": 1,", 1), "received-form"),
    ] {
        assert_ne!(other, receipt);
        place.write("other.json", other);
        place.refused(&deliver("other.json"), code, &[]);
    }
    place.refused(&deliver("nowhere.json"), "file-missing", &["nowhere.json"]);
    assert!(place.exists(result));
    place.ok(&deliver("data-1.csv.receipt.json"));
    assert!(!place.exists(result) && place.exists(&format!("{result}.report.json")));
    place.refused(&deliver("data-1.csv.receipt.json"), "already-delivered", &[]);
    assert_eq!(place.json("service status home")["deliveries"], serde_json::json!([]));
}

#[test]
fn a_report_is_written_after_the_destruction_and_made_again_when_it_is_missing() {
    let place = Place::open();
    place.write("data.csv", csv(&identifiers(50)));
    place.coded("data", "nir", "population", 1);
    let path = "data.population.1.result.csv.report.json";
    let result = "data.population.1.result.csv";
    let report = place.report(result);
    for (key, value) in [("rows_in", 50), ("rows_out", 50), ("generation", 1), ("format", 2)] {
        assert_eq!(report[key], value, "{key}");
    }
    assert_eq!(report["quality"]["valid"], 50);
    assert_eq!(report["check"].as_str().unwrap().len(), 64);
    let destroyed: Vec<&str> = report["destroyed"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["file"].as_str().unwrap())
        .collect();
    assert_eq!(
        destroyed,
        ["data.population.1.request.csv", "data.population.1.request.csv.manifest.json"]
    );
    // The checkpoint covers the destruction: intent, result, destruction.
    let events = place.read("home/ledger.jsonl").lines().count();
    let size = report["checkpoint"].as_str().unwrap().lines().nth(1).unwrap().to_owned();
    assert_eq!(size, events.to_string());

    // Later events do not change what it says; only the sizes of what is gone are not known any
    // more.
    place.quorum("service new-key home population --reason scheduled");
    fs::remove_file(place.path(path)).unwrap();
    let said = place.ok("service expire home");
    assert!(said.contains("was missing: written from the ledger"), "{said}");
    let mut again = place.report(result);
    for (one, before) in again["destroyed"].as_array_mut().unwrap().iter_mut().zip(0..) {
        assert!(one.get("bytes").is_none());
        one["bytes"] = report["destroyed"][before as usize]["bytes"].clone();
    }
    assert_eq!(again, report);
}

#[test]
fn the_scheme_stands_in_manifest_question_ledger_and_report() {
    let place = Place::open();
    place.write("data.csv", csv(&identifiers(20)));
    let prepare =
        "controller prepare data.csv --identifier-column nir --request r.csv --retained t.csv";
    for (scheme, words) in [("fi-hetu", "a scheme is fr-nir"), ("FR-NIR", "a scheme is fr-nir")] {
        let output = place.run(&format!("{prepare} --scheme {scheme}"));
        let said = text(&output.stderr);
        assert!(output.status.code() == Some(2) && said.contains(words), "{said}");
    }
    let both = "controller prepare data.csv --code-column nir --scheme fr-nir --request r.csv \
        --retained t.csv";
    assert_eq!(place.run(both).status.code(), Some(2));
    place.ok(&format!("{prepare} --scheme fr-nir"));
    let manifest: Value = serde_json::from_str(&place.read("r.csv.manifest.json")).unwrap();
    assert_eq!(manifest["scheme"], "fr-nir");
    // A manifest that names another scheme is refused before a custodian is asked.
    let genuine = place.read("r.csv.manifest.json");
    place.write("r.csv.manifest.json", genuine.replace("fr-nir", "fi-hetu"));
    let code = "service code home population --request r.csv --result s.csv --purpose wages";
    place.refused_quorum(code, "request-scheme", &["fi-hetu", "fr-nir", "r.csv"]);
    assert!(!place.read("home/ledger.jsonl").contains("fi-hetu"));
    place.write("r.csv.manifest.json", &genuine);
    let said =
        place.quorum("service code home population --request r.csv --result s.csv --purpose wages");
    assert!(
        said.contains(
            "code 20 rows with 20 values, 20 of them distinct, of the scheme fr-nir, for `wages`"
        ),
        "{said}"
    );
    assert!(place.read("home/ledger.jsonl").contains(r#""scheme":"fr-nir""#));
    place.ok("controller attach --retained t.csv --result s.csv --out a.csv");
    for name in ["s.csv.report.json", "a.csv.report.json"] {
        let report = place.report(name.trim_end_matches(".report.json"));
        assert_eq!(report["scheme"], "fr-nir", "{name}");
    }
}

#[test]
fn a_kept_request_is_told_of_and_recorded() {
    let place = Place::open();
    place.write("data.csv", csv(&identifiers(20)));
    place
        .ok("controller prepare data.csv --identifier-column nir --request r.csv --retained t.csv");
    let said = place.quorum(
        "service code home population --request r.csv --result s.csv --purpose test --keep-request",
    );
    assert!(
        said.contains("departs from the scheme") && said.contains("KEEPING the request"),
        "{said}"
    );
    assert!(place.exists("r.csv") && place.exists("r.csv.manifest.json"));
    assert!(place.read("home/ledger.jsonl").contains("\"keep_request\":true"));
    let report = place.report("s.csv");
    assert_eq!(report["destroyed"], serde_json::json!([]));
}

#[test]
fn the_controller_destroys_the_identifiers_and_its_report_says_so() {
    let place = Place::open();
    place.write("data.csv", csv(&identifiers(20)));
    place
        .ok("controller prepare data.csv --identifier-column nir --request r.csv --retained t.csv");
    place.quorum("service code home population --request r.csv --result s.csv --purpose test");
    place.write("keep.csv", "nir\n");
    let summary = place.json(
        "controller attach --retained t.csv --result s.csv --out coded.csv --destroy \
            data.csv t.csv",
    );
    assert!(!place.exists("data.csv") && !place.exists("t.csv") && place.exists("keep.csv"));
    let files: Vec<&str> = summary["destroyed"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["file"].as_str().unwrap())
        .collect();
    assert_eq!(files, ["data.csv", "t.csv", "t.csv.request.json"]);
    assert!(!place.exists("t.csv.request.json"));
    let report: Value = serde_json::from_str(&place.read("coded.csv.report.json")).unwrap();
    assert_eq!(report["destroyed"], summary["destroyed"]);
}

#[test]
fn parquet_travels_as_csv_does() {
    let place = Place::open();
    place.write("data.csv", csv(&identifiers(40)));
    place.coded("data", "nir", "population", 1);
    place.ok(
        "controller prepare data.csv --identifier-column nir --request r.parquet --retained t.csv",
    );
    place.quorum(
        "service code home population --request r.parquet --result s.parquet --purpose test",
    );
    place.ok("controller attach --retained t.csv --result s.parquet --out other.csv");
    let by_value = |file: &str| -> BTreeSet<(String, String)> {
        place.rows(file).into_iter().map(|row| (row[2].clone(), row[0].clone())).collect()
    };
    assert_eq!(by_value("data-1.csv"), by_value("other.csv"));
}

#[test]
fn a_doubt_stops_coding_until_a_new_key() {
    let place = Place::open();
    place.write("data.csv", csv(&identifiers(20)));
    place.coded("data", "nir", "population", 1);
    let said = place.ok("service doubt home population --kit bruno");
    assert!(said.contains("`bruno` doubts generation 1"), "{said}");
    place.refused(
        "service doubt home population --kit bruno",
        "already-doubted",
        &["--reason doubt"],
    );
    // Each custodian may.
    let said = place.ok("service doubt home population --kit alice");
    assert!(said.contains("`alice` doubts generation 1"), "{said}");
    place
        .ok("controller prepare data.csv --identifier-column nir --request r.csv --retained t.csv");
    let code = "service code home population --request r.csv --result s.csv --purpose test";
    place.refused_quorum(code, "key-doubted", &["generation 1", "new-key"]);
    assert!(place.exists("r.csv"), "the request is untouched");
    place.refused_quorum(
        "service new-key home population --reason scheduled",
        "reason-is-doubt",
        &[],
    );
    place.quorum("service new-key home population --reason doubt");
    place.quorum(code);
    place.renewed("data", 1, "population", 2);
    // Refusals are on record, by their codes.
    let ledger = place.read("home/ledger.jsonl");
    for code in ["already-doubted", "key-doubted", "reason-is-doubt"] {
        assert!(ledger.contains(&format!("{{\"code\":\"{code}\",\"type\":\"refused\"")), "{code}");
    }
}

#[test]
fn what_a_renewal_came_from_is_said_or_refused() {
    let place = Place::open();
    place.write("data.csv", csv(&identifiers(20)));
    let run = place.coded("data", "nir", "population", 1);
    place.quorum("service new-key home population --reason scheduled");
    fs::remove_file(place.path("data-1.csv.report.json")).unwrap();
    let prepare = |n: u32| {
        place.ok(&format!(
            "controller prepare data-1.csv --code-column code --request r{n}.csv --retained \
            t{n}.csv"
        ));
        format!("service renew home population --request r{n}.csv --result s{n}.csv --purpose test")
    };
    let renew = prepare(1);
    place.refused_quorum(&renew, "deliveries-unnamed", &["--of unknown"]);
    place.refused_quorum(
        &format!("{renew} --of {}", "0".repeat(32)),
        "unknown-delivery",
        &["--of unknown"],
    );
    place.quorum(&format!("{renew} --of unknown"));
    let delivery = run["delivery"].as_str().unwrap();
    place.quorum(&format!("{} --of {delivery}", prepare(2)));
    assert!(
        place
            .read("home/ledger.jsonl")
            .contains(&format!("\"of\":[{{\"part\":1,\"run\":\"{delivery}\"}}]"))
    );
}

#[test]
fn a_project_is_extended_closed_and_gone() {
    let place = Place::open();
    place.write("data.csv", csv(&identifiers(20)));
    place.coded("data", "nir", "population", 1);
    let open = &format!("service open home benefits --kind research --ends {}", in_years(5));
    place.quorum(open);
    place.refused_quorum(open, "domain-exists", &[]);
    let extend = |years| format!("service extend home benefits --ends {}", in_years(years));
    let said = place.quorum("service new-key home benefits --reason scheduled");
    assert!(said.contains("  opens     key 1 of `benefits`\n"), "{said}");
    place.quorum(&extend(8));
    place.refused_quorum(&extend(7), "end-not-later", &["close"]);
    let ends = |status: &Value| status["domains"][0]["ends"].as_str().unwrap().to_owned();
    assert_eq!(ends(&place.json("service status home")), in_years(8));

    place
        .ok("controller prepare data.csv --identifier-column nir --domain benefits --request r.csv --retained t.csv");
    place.quorum("service code home benefits --request r.csv --result s.csv --purpose test");
    place.ok("controller attach --retained t.csv --result s.csv --out project.csv");
    let bare = |code: &String| code.rsplit('.').next().unwrap().to_owned();
    let (a, b): (BTreeSet<_>, BTreeSet<_>) = (
        place.codes("data-1.csv").keys().map(bare).collect(),
        place.codes("project.csv").keys().map(bare).collect(),
    );
    assert!(a.len() == 20 && b.len() == 20 && a.is_disjoint(&b));
    place.refused(
        "controller check data-1.csv project.csv",
        "mixed-domains",
        &["population", "benefits"],
    );

    assert!(place.exists("home/life/benefits.life"));
    place.quorum("service close home benefits");
    assert!(
        !place.exists("home/life/benefits.life") && !place.exists("home/keys/benefits.1.1.key")
    );
    let status = place.json("service status home");
    assert_eq!(status["domains"][0]["state"], "destroyed");
    assert_eq!(status["keys_past_their_end"], serde_json::json!([]));
    place.ok(
        "controller prepare data.csv --identifier-column nir --domain benefits --request r2.csv \
         --retained t2.csv",
    );
    place.refused_quorum(
        "service code home benefits --request r2.csv --result s2.csv --purpose test",
        "keys-destroyed",
        &["new project"],
    );
    assert_eq!(
        place.json("service expire home"),
        serde_json::json!({"marked": [], "destroyed": [], "results": [], "request_keys": [], "clock_unconfirmed": false})
    );
}

#[test]
fn status_says_what_is_due() {
    let place = Place::founded();
    let soon = (jiff::Zoned::now().date()).saturating_add(jiff::Span::new().days(5));
    place.quorum(&format!("service open home benefits --kind research --ends {soon}"));
    place.quorum(
        "service open home population --kind statistics --cryptoperiod-years 1 --minimum-batch 2",
    );
    let output = place.run("service status home");
    let shown = text(&output.stdout);
    for part in [
        "DEMONSTRATION",
        "2 of 3, all shares held",
        "benefits within 7 days",
        "keys past their end: none",
    ] {
        assert!(shown.contains(part), "{part}\n{shown}");
    }
    let status = place.json("service status home");
    assert_eq!(status["domains"][0]["ends_within_days"], 7);
    assert_eq!(status["epochs"][0]["missing"], serde_json::json!([]));
    assert!(status["domains"][1]["renewal_due"].is_string());
}

#[test]
fn a_custodian_checks_each_year() {
    let place = Place::open();
    let said = place.ok("custodian check bruno --ledger home/ledger.jsonl --out bruno.json");
    let today = jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC).date();
    let last = format!("shown to open on {today}; the next check is due on ");
    assert!(said.contains("readable and right") && said.contains(&last), "{said}");
    place.ok("service receipt home bruno.json");
    place.refused(
        "custodian check bruno --ledger home/ledger.jsonl --out bruno.json",
        "output-exists",
        &["bruno.json"],
    );
}

#[test]
fn the_custodians_see_what_they_approve() {
    let place = Place::in_earnest();
    let said = place.quorum("service open home population --kind statistics");
    for part in [
        "asked of the custodians: open the statistical domain `population`, key renewed every 5 \
        years, at least 11",
        "epoch 1, recorded as event 8",
        "kit of `bruno`: statement 1, the last: confirmed the share of epoch 1 on ",
        "`bruno` approves, statement 2: open",
        "`chloe` approves, statement 2: open",
        "`elise` approves, statement 2: open",
    ] {
        assert!(said.contains(part), "{part}\n{said}");
    }
    // One of them is from outside the service.
    let external = "`elise`, an external custodian, approved 1 run: the last in event 9, ";
    let shown = text(&place.run("service status home").stdout);
    assert!(shown.contains(external) && !shown.contains("`bruno`, a"), "{shown}");
    let status = place.json("service status home");
    assert_eq!(status["external_runs"][0]["custodian"], "elise");
    assert_eq!(status["external_runs"][0]["runs"], 1);
    let metrics = text(&place.run("service status home --prometheus").stdout);
    let sample = "cstatns_external_runs_total{custodian=\"elise\"} 1\n";
    assert!(metrics.contains(sample), "{metrics}");
}

#[test]
fn the_auditor_says_what_holds_and_what_does_not() {
    let place = Place::open();
    fs::copy(place.path("home/checkpoint"), place.path("kept")).unwrap();
    place.quorum("service new-key home population --reason scheduled");
    place.quorum("service open home health --kind statistics");
    let verify = "auditor verify home/ledger.jsonl --service home/card.json";
    let output = place.run(verify);
    assert!(
        text(&output.stdout).contains("\nIntact: yes, all 5 checks hold.")
            && text(&output.stdout).ends_with("\nIn order: yes, nothing is left to account for.\n"),
        "{}",
        text(&output.stdout)
    );
    let summary = place.json(&format!("{verify} --checkpoint kept"));
    assert_eq!((&summary["holds"], &summary["events"]), (&true.into(), &17.into()));
    // Everything holds, and a run that a quorum approved has no result: 3.
    place.failed_run();
    place.ok("custodian log alice --ledger home/ledger.jsonl --out alice.evidence.json");
    let output = place.run(&format!("{verify} --witness alice.evidence.json --json"));
    let summary: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(3));
    assert!(!text(&output.stderr).contains("error["), "{}", text(&output.stderr));
    assert_eq!((&summary["holds"], &summary["events"]), (&true.into(), &21.into()));
    assert_eq!(summary["notices"][0]["code"], "may-have-run");
    let shown = text(&place.run(verify).stdout);
    let verdicts = ["\nIntact: yes, ", "\nIn order: NO, 1 matter to account for.\n"];
    assert!(
        shown.contains("Not in order") && verdicts.iter().all(|said| shown.contains(said)),
        "{shown}"
    );
    assert_eq!(summary["in_order"], false);
    place.refused(&format!("{verify} --checkpoint none"), "file-missing", &["none"]);
    place.refused(
        &verify.replace("home/card.json", "alice/card.json"),
        "service-card",
        &["alice/card.json"],
    );

    // One digit in event 6: told, in the summary too, and the end is 1.
    let ledger = place.read("home/ledger.jsonl");
    let mut lines: Vec<String> = ledger.lines().map(str::to_owned).collect();
    let at = lines[5].find("\"run\":\"").unwrap() + 7;
    let other = if lines[5].as_bytes()[at] == b'0' { "1" } else { "0" };
    lines[5].replace_range(at..=at, other);
    place.write(
        "home/ledger.jsonl",
        lines.iter().map(|line| format!("{line}\n")).collect::<String>(),
    );
    let output = place.run(&format!("{verify} --json"));
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1));
    let summary: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&summary["holds"], &summary["sound"]), (&false.into(), &5.into()));
    assert!(
        said.lines().last().unwrap().starts_with("error[") && said.contains("Event 6"),
        "{said}"
    );
    place.write("home/ledger.jsonl", ledger);

    // Somebody kept a checkpoint: a service rolled back to before it is found out.
    fs::copy(place.path("home/checkpoint"), place.path("kept")).unwrap();
    let other = Place::open();
    for file in ["ledger.jsonl", "checkpoint", "card.json"] {
        fs::copy(other.path(&format!("home/{file}")), place.path(file)).unwrap();
    }
    let output = place.run("auditor verify ledger.jsonl --service card.json --checkpoint kept");
    assert!(
        output.status.code() == Some(1)
            && text(&output.stderr).contains("error[checkpoint-other-service]")
    );
}

/// R16. `status` only reads; every other verb leaves what it did, or that and why it was refused.
#[test]
fn every_call_leaves_an_event() {
    let place = Place::open();
    place.write("data.csv", csv(&identifiers(20)));
    let events = || -> Vec<Value> {
        let ledger = place.read("home/ledger.jsonl");
        ledger
            .lines()
            .map(|line| serde_json::from_str::<Value>(line).unwrap()["event"].clone())
            .collect()
    };
    let delivered = |run: &str| format!("service delivered home {run} --stated");
    let code = "service code home population --request r.csv --result s.csv --purpose test";
    let renew = code.replace("service code", "service renew");
    for (command, verb, code) in [
        ("service open home population --kind statistics", "open", "domain-exists"),
        ("service extend home population --ends 2030-01-01", "extend", "not-research"),
        (code, "code", "file-missing"),
        ("service new-key home none --reason scheduled", "new-key", "unknown-domain"),
        (&renew, "renew", "file-missing"),
        (&delivered(&"0".repeat(32)), "delivered", "unknown-delivery"),
        ("service doubt home none --kit bruno", "doubt", "unknown-domain"),
        ("service close home population", "close", "not-research"),
        // Too few custodians.
        ("service open home other --kind statistics --kit alice", "open", "too-few-approvals"),
    ] {
        let before = events();
        let alone = ["delivered", "doubt"].contains(&verb) || command.contains("--kit");
        match alone {
            true => place.refused(command, code, &[]),
            false => place.refused_quorum(command, code, &[]),
        };
        let after = events();
        assert_eq!(after[..before.len()], before, "{command}");
        let refused = serde_json::json!({"type": "refused", "verb": verb, "code": code});
        assert_eq!(after[before.len()..], [refused], "{command}");
    }

    let leaves = |command: &str, expected: &[&str]| {
        let before = events().len();
        let quorum = !["expire", "receipt", "delivered", "doubt", "status"]
            .iter()
            .any(|verb| command.starts_with(&format!("service {verb}")));
        if quorum {
            place.quorum(command)
        } else {
            place.ok(command)
        };
        let events = events();
        let types: Vec<&str> =
            events[before..].iter().map(|event| event["type"].as_str().unwrap()).collect();
        assert_eq!(types, expected, "{command}");
        events[before..].iter().find(|event| event["type"] == "intent").cloned().unwrap_or_default()
    };
    leaves("service receipt home alice/receipt-1-held.json", &["refused"]);
    let asked = |last: &[&'static str]| [&["proposed", "intent", "cosigned"], last].concat();
    let open = format!("service open home benefits --kind research --ends {}", in_years(5));
    leaves(&open, &asked(&["opened"]));
    let extend = format!("service extend home benefits --ends {}", in_years(6));
    leaves(&extend, &asked(&["extended"]));
    place
        .ok("controller prepare data.csv --identifier-column nir --request r.csv --retained t.csv");
    let intent = leaves(code, &asked(&["coded", "destroyed"]));
    // Which key was opened, by whose consent, with their signatures.
    assert_eq!(intent["keys"], serde_json::json!([{"domain": "population", "generation": 1}]));
    let by: Vec<&str> = intent["consents"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["body"]["by"].as_str().unwrap())
        .collect();
    assert_eq!(by, ["alice", "chloe"]);
    for suffix in ["", ".report.json"] {
        fs::copy(place.path(&format!("s.csv{suffix}")), place.path(&format!("copy.csv{suffix}")))
            .unwrap();
    }
    let run = intent["run"].as_str().unwrap();
    leaves(&delivered(run), &["delivered", "destroyed"]);
    leaves("service new-key home population --reason scheduled", &asked(&["key-made"]));
    place.ok("controller attach --retained t.csv --result copy.csv --out a.csv");
    place.ok("controller prepare a.csv --code-column code --request r.csv --retained t2.csv");
    let intent = leaves(&renew.replace("s.csv", "s2.csv"), &asked(&["renewed", "destroyed"]));
    assert_eq!(intent["keys"], serde_json::json!([{"domain": "population", "generation": 2}]));
    leaves("service doubt home population --kit bruno", &["doubted"]);
    place.ok("custodian check bruno --ledger home/ledger.jsonl --out bruno.json");
    leaves("service receipt home bruno.json", &["received"]);
    leaves("service close home benefits", &asked(&["closed", "destroyed"]));
    // Once a day, or where something is due.
    leaves("service expire home", &[]);
    leaves("service status home", &[]);
}

/// What needs every custodian is warned of when it is founded; what asks for attention is shown.
#[test]
fn what_asks_for_attention_is_shown() {
    let place = Place::default();
    for name in ["alice", "bruno"] {
        place.ok(&format!("custodian new {name} --name {name} --no-passphrase"));
    }
    let said = place.ok("service init home --name test --threshold 2 --shares shares --demo \
                         --custodian alice/card.json bruno/card.json");
    assert!(said.contains("warning: every custodian is needed"), "{said}");
    assert!(said.contains("odds: 19 % that too few of them can be reached"), "{said}");
    assert!(said.contains("within ten years: 64 % that too few shares are left"), "{said}");
    assert!(!said.contains("within the service are too few"), "{said}");

    // Three of four, of whom two are from outside.
    let place = Place::default();
    for name in ["alice", "denis", "bruno --external", "chloe --external"] {
        let kit = name.split(' ').next().unwrap();
        place.ok(&format!("custodian new {kit} --name {name} --no-passphrase"));
    }
    let said = place.ok("service init home --name test --threshold 3 --shares shares --demo \
                         --custodian alice/card.json bruno/card.json chloe/card.json denis/card.json");
    assert!(said.contains("within the service are too few"), "{said}");
    assert!(!said.contains("every custodian is needed"), "{said}");

    let place = Place::open();
    let status = || {
        let output = place.run("service status home");
        text(&output.stdout)
    };
    let said = status();
    assert!(said.contains("covers the events from 8 on, in which 1 run ended"), "{said}");
    place.ok("custodian check alice --ledger home/ledger.jsonl --out alice.json");
    place.ok("service receipt home alice.json");
    assert!(!status().contains("covers the events"), "{}", status());
    assert!(!status().contains("CUSTODY DOUBTED"));
    place.ok("service doubt home --custody --kit bruno");
    let said = status();
    assert!(
        said.contains("CUSTODY DOUBTED of epoch 1")
            && said.contains("after the custody is settled"),
        "{said}"
    );
}
