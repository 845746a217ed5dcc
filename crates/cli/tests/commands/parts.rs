//! Several requests in one run: asked once, each with a result of its own.

use crate::common;

use std::fs;

use serde_json::Value;

use common::{Place, csv, identifiers, text};

const PURPOSE: &str = "--purpose test";

/// Requests `a.r.csv`, `b.r.csv` and `c.r.csv` of 20 people each; the words that `prepare` told.
fn prepared(place: &Place) -> Vec<String> {
    let people = identifiers(60);
    let prepare = |(name, people): (&str, &[String])| {
        place.write(&format!("{name}.csv"), csv(people));
        let summary = place.json(&format!(
            "controller prepare {name}.csv --identifier-column nir --request {name}.r.csv \
            --retained {name}.t.csv"
        ));
        summary["words"].as_str().unwrap().to_owned()
    };
    ["a", "b", "c"].into_iter().zip(people.chunks(20)).map(prepare).collect()
}

fn code(names: &[&str]) -> String {
    let list = |suffix: &str| {
        names.iter().map(|name| format!("{name}.{suffix}.csv")).collect::<Vec<_>>().join(" ")
    };
    format!("service code home population --request {} --result {} {PURPOSE}", list("r"), list("s"))
}

/// The types of the ledger's events, with their part where they have one.
fn events(place: &Place) -> Vec<String> {
    let ledger = place.read("home/ledger.jsonl");
    let told = |line: &str| {
        let line: Value = serde_json::from_str(line).unwrap();
        let event = &line["event"];
        let part = event["part"].as_u64().or(event["what"]["part"].as_u64());
        let part = part.map(|part| format!(" {part}")).unwrap_or_default();
        format!("{}{part}", event["type"].as_str().unwrap())
    };
    ledger.lines().map(told).collect()
}

#[test]
fn three_requests_are_asked_once_and_have_three_results() {
    let place = Place::open();
    let words = prepared(&place);
    let output = place.run(&format!("{} --json", place.with_kits(&code(&["a", "b", "c"]))));
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{said}");
    assert!(said.contains("code 3 requests, together 60 rows with 60 values"), "{said}");
    for (number, words) in words.iter().enumerate() {
        let line = format!("request {} IN CLEAR, {words}, 20 rows with 20 values", number + 1);
        assert!(said.contains(&line), "{line}\n{said}");
    }
    assert_eq!(said.matches("asked of the custodians").count(), 1);
    assert!(said.contains("60 rows in "), "{said}");
    let summary: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(summary["rows"], 60);
    let run = summary["run"].as_str().unwrap();
    for (number, name) in ["a", "b", "c"].into_iter().enumerate() {
        let result = &summary["results"][number];
        assert_eq!(result["delivery"], format!("{run}/{}", number + 1));
        assert_eq!(result["result"], format!("{name}.s.csv"));
        assert!(said.contains(&format!("delivery {run}/{}", number + 1)));
        let report = place.report(&format!("{name}.s.csv"));
        assert_eq!(
            (&report["delivery"]["run"], &report["delivery"]["part"]),
            (&summary["run"], &(number + 1).into())
        );
        assert!(!place.exists(&format!("{name}.r.csv")));
        assert!(!place.exists(&format!("{name}.r.csv.manifest.json")));
        fs::copy(place.path(&format!("{name}.s.csv")), place.path(&format!("{name}.got.csv")))
            .unwrap();
        fs::copy(
            place.path(&format!("{name}.s.csv.report.json")),
            place.path(&format!("{name}.got.csv.report.json")),
        )
        .unwrap();
        place.ok(&format!(
            "controller attach --retained {name}.t.csv --result {name}.got.csv --out {name}.out.csv"
        ));
    }
    // A result is the result of its own request.
    place.refused(
        "controller attach --retained a.t.csv --result b.got.csv --out x.csv",
        "result-request",
        &["b.got.csv"],
    );

    // The run alone does not name a delivery.
    let status = place.json("service status home");
    let listed: Vec<&str> = status["deliveries"]
        .as_array()
        .unwrap()
        .iter()
        .map(|delivery| delivery["delivery"].as_str().unwrap())
        .collect();
    assert_eq!(listed, [1, 2, 3].map(|part| format!("{run}/{part}")));
    let delivered = |delivery: &str, name: &str| {
        format!("service delivered home {delivery} --receipt {name}.out.csv.receipt.json")
    };
    place.refused(&delivered(run, "a"), "delivery-part", &[&format!("{run}/3")]);
    place.refused(&delivered(&format!("{run}/4"), "a"), "unknown-delivery", &[]);
    place.refused(&delivered(&format!("{run}/1"), "b"), "received-other", &[]);
    assert_eq!(
        place.run(&delivered(&format!("{run}/0"), "b")).status.code(),
        Some(2),
        "parts are counted from 1"
    );
    for (part, name) in [(2, "b"), (1, "a")] {
        place.ok(&delivered(&format!("{run}/{part}"), name));
        assert!(!place.exists(&format!("{name}.s.csv")) && place.exists("c.s.csv"));
    }

    // The auditor holds the reports to the ledger.
    place.ok("auditor verify home/ledger.jsonl --service home/card.json --witness \
        a.got.csv.report.json --witness c.got.csv.report.json");

    // Codes of two deliveries are renewed together, each request naming its own.
    place.quorum("service new-key home population --reason scheduled");
    for name in ["a", "c"] {
        place.ok(&format!(
            "controller prepare {name}.out.csv --code-column code --request {name}.n.csv \
            --retained {name}.u.csv"
        ));
    }
    let said = place.quorum(&format!(
        "service renew home population --request a.n.csv --request c.n.csv --result a.m.csv \
        --result c.m.csv {PURPOSE}"
    ));
    assert!(said.contains(&format!("\n  renews    the codes of {run}/1, {run}/3\n")), "{said}");
    assert!(said.contains("\n  opens     key 2 of `population`\n"), "{said}");
    let of = [1, 3].map(|part| format!("{{\"part\":{part},\"run\":\"{run}\"}}")).join(",");
    assert!(place.read("home/ledger.jsonl").contains(&format!("\"of\":[{of}]")));
    // The third is named by nobody.
    let audit = place.run("auditor verify home/ledger.jsonl --service home/card.json");
    assert_eq!(audit.status.code(), Some(3));
    let said = text(&audit.stdout);
    assert!(said.contains("no renewal names 1 file with its codes: still out.\n"), "{said}");
    assert!(said.contains("\nIn order: NO, 1 matter to account for.\n"), "{said}");
}

#[test]
fn of_three_requests_the_second_fails_and_the_first_stands() {
    let place = Place::open();
    prepared(&place);
    // As if it had been swapped after the question: its header is looked at before, its rows not.
    let genuine = place.read("b.r.csv");
    // The last of the first index: the rows stay in order.
    let digit = genuine.find('\n').unwrap() + 32;
    let other = if genuine.as_bytes()[digit] == b'0' { "1" } else { "0" };
    let mut swapped = genuine.clone();
    swapped.replace_range(digit..=digit, other);
    place.write("b.r.csv", &swapped);

    let output = place.run(&format!("{} --json", place.with_kits(&code(&["a", "b", "c"]))));
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    let line = said.lines().last().unwrap();
    assert!(line.starts_with("error[commitment]: request 2 of 3, \"b.r.csv\": "), "{line}");
    assert!(
        line.contains("the result of the first request stands, repeat the command with the others")
            && line.contains("(\"b.r.csv\", \"c.r.csv\")"),
        "{line}"
    );
    let summary: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(summary["results"].as_array().unwrap().len(), 1);
    assert_eq!(summary["results"][0]["result"], "a.s.csv");
    assert!(place.exists("a.s.csv") && place.exists("a.s.csv.report.json"));
    assert!(!place.exists("a.r.csv") && place.exists("b.r.csv") && place.exists("c.r.csv"));
    assert!(!place.exists("b.s.csv") && !place.exists("c.s.csv"));
    let found = events(&place);
    assert_eq!(found[found.len() - 3..], ["coded 1", "destroyed 1", "failed"]);
    // The auditor shows what may have run.
    let audit = place.run("auditor verify home/ledger.jsonl --service home/card.json");
    assert_eq!(audit.status.code(), Some(3));
    let told = text(&audit.stdout);
    assert!(told.contains("failed with 1 of the 3 results, which stand"), "{told}");
    let told = place.ok("custodian check alice --ledger home/ledger.jsonl --out check.json");
    assert!(told.contains("failed with 1 of the 3 results"), "{told}");

    // Repeated with the others.
    place.write("b.r.csv", &genuine);
    place.quorum(&code(&["b", "c"]));
    assert!(place.exists("b.s.csv") && place.exists("c.s.csv"));
}

#[test]
fn a_request_is_coded_once() {
    let place = Place::open();
    prepared(&place);
    let kept = ["a.r.csv", "a.r.csv.manifest.json"].map(|file| (file, place.read(file)));
    place.quorum(&code(&["a"]));
    kept.iter().for_each(|(file, text)| place.write(file, text));
    let again = code(&["a"]).replace("a.s.csv", "x.csv");
    place.refused_quorum(&again, "request-spent", &["is its result", "prepare the data again"]);
    let both = code(&["b", "a"]).replace("a.s.csv", "x.csv");
    let line = place.refused_quorum(&both, "request-spent", &["\"a.r.csv\"", "is its result"]);
    assert!(!line.contains("b.r.csv"), "{line}");
    place.quorum(&code(&["b"]));
}

#[test]
fn lists_that_do_not_go_together_are_refused_before_anybody_is_asked() {
    let place = Place::open();
    prepared(&place);
    let usage = |command: &str, word: &str| {
        let output = place.run(&place.with_kits(command));
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{command}\n{said}");
        assert!(said.contains(word) && !said.contains("asked of"), "{command}\n{said}");
    };
    let all = code(&["a", "b", "c"]);
    usage(&all.replace(" c.s.csv", ""), "3 requests and 2 results");
    usage(&all.replace(" c.s.csv", " c.s.csv d.csv"), "3 requests and 4 results");
    fs::create_dir(place.path("below")).unwrap();
    for same in ["a.s.csv", "./a.s.csv", "below/../a.s.csv"] {
        usage(&all.replace("c.s.csv", same), "as the result of two requests");
    }
    let names: Vec<String> = (0..65).map(|number| format!("n{number}")).collect();
    usage(&code(&names.iter().map(String::as_str).collect::<Vec<_>>()), "at most 64");
    place.refused_quorum(&code(&["a", "b", "none"]), "file-missing", &["none.r.csv"]);
    place.write("c.s.csv", "here");
    place.refused_quorum(&all, "output-exists", &["c.s.csv"]);
    fs::remove_file(place.path("c.s.csv")).unwrap();
    // One request under two names.
    for suffix in ["", ".manifest.json"] {
        let to = place.path(&format!("d.r.csv{suffix}"));
        fs::copy(place.path(&format!("a.r.csv{suffix}")), to).unwrap();
    }
    place.refused_quorum(&code(&["a", "d"]), "requests", &["\"a.r.csv\"", "\"d.r.csv\""]);
    // The minimum is each request's.
    place.write("few.csv", csv(&identifiers(3)));
    place.ok("controller prepare few.csv --identifier-column nir --request few.r.csv --retained \
        few.t.csv");
    place.refused_quorum(&code(&["a", "few"]), "too-few-values", &["few.r.csv"]);
    // Of one kind.
    place.quorum(&code(&["b"]));
    place.ok("controller attach --retained b.t.csv --result b.s.csv --out b.out.csv");
    place
        .ok("controller prepare b.out.csv --code-column code --request e.r.csv --retained e.t.csv");
    place.refused_quorum(&code(&["a", "e"]), "requests-differ", &["\"a.r.csv\"", "\"e.r.csv\""]);
    assert!(events(&place).iter().filter(|event| *event == "proposed").count() == 2);
}
