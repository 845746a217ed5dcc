//! A research project through three parties and two programs: two controllers, the service, a
//! linking body, a researcher (SPEC §20).

#[path = "../common/mod.rs"]
mod common;
mod leaks;
#[path = "../common/needles.rs"]
mod needles;
#[path = "../common/research.rs"]
mod project;
mod renewal;
mod stops;
mod years;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;
use std::process::Output;

use common::{Place, files, in_years, pair, text};
use project::{attach, coded, linked, prepared, project, refused, summary};
use serde_json::Value;

/// A file of the pair with the number of each row beside it; of each row the person.
fn numbered(place: &Place, file: &str) -> BTreeMap<String, String> {
    let data = fs::read_to_string(pair(&format!("{file}.csv"))).unwrap();
    let mut lines = data.lines();
    let mut out = format!("{},row\n", lines.next().unwrap());
    lines.enumerate().for_each(|(row, line)| out.push_str(&format!("{line},{}\n", row + 1)));
    place.write(&format!("{file}.csv"), out);
    let truth = fs::read_to_string(pair(&format!("{file}_truth.csv"))).unwrap();
    let person = |line: &str| line.split_once(',').map(|(a, b)| (a.into(), b.into())).unwrap();
    truth.lines().skip(1).map(person).collect()
}

const JOIN: &str = "join --as cesr --source care=hospital.coded.csv --source wages=wages.coded.csv \
    --out joined.csv --many";

const RELEASE: &str = "release joined.csv --as cesr --to lab/card.json --ledger home/ledger.jsonl \
    --service home/card.json --authorisation cnil-2026-017 --out joined.csv.age";

/// Both files coded and put together.
fn attached(place: &Place) -> [BTreeMap<String, String>; 2] {
    let people = ["hospital", "wages"].map(|file| numbered(place, file));
    for (file, controller) in [("hospital", "atih"), ("wages", "insee")] {
        prepared(place, file, controller, "mobility");
        coded(place, file, "mobility");
        linked(place, &attach(file));
    }
    people
}

fn verified(place: &Place) -> Output {
    place.run("auditor verify home/ledger.jsonl cesr/ledger.jsonl --service home/card.json")
}

/// Spearman's correlation of two orders of the same rows.
fn correlation(one: &[usize], other: &[usize]) -> f64 {
    let n = one.len() as f64;
    let squares: f64 = one.iter().zip(other).map(|(a, b)| (*a as f64 - *b as f64).powi(2)).sum();
    1.0 - 6.0 * squares / (n * (n * n - 1.0))
}

/// The rank of each value among all.
fn ranks<T: Ord>(values: &[T]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by_key(|at| &values[*at]);
    let mut ranks = vec![0; values.len()];
    order.into_iter().enumerate().for_each(|(rank, at)| ranks[at] = rank);
    ranks
}

#[test]
fn the_pair_reaches_a_researcher_without_identifier_or_code() {
    let place = project();
    let truth: Value =
        serde_json::from_str(&fs::read_to_string(pair("truth.json")).unwrap()).unwrap();
    let [care, wages] = attached(&place);
    for file in ["hospital", "wages"] {
        assert!(!place.exists(&format!("{file}.pay.csv.age")), "the payload is destroyed");
        assert!(!place.exists(&format!("{file}.res.csv.age")), "and the result");
        let receipt: Value =
            serde_json::from_str(&place.read(&format!("{file}.coded.csv.receipt.json"))).unwrap();
        assert_eq!(receipt["body"]["destroyed"], 2);
        let delivery = receipt["body"]["delivery"]
            .as_str()
            .unwrap_or_else(|| receipt["body"]["delivery"]["run"].as_str().unwrap());
        let delivery = &delivery[..8];
        place.ok(&format!(
            "service delivered home {delivery} --receipt {file}.coded.csv.receipt.json"
        ));
    }
    let codes: Vec<BTreeSet<String>> = ["hospital", "wages"]
        .map(|file| place.codes(&format!("{file}.coded.csv")).into_keys().collect())
        .into();
    let shared: Vec<&String> = codes[0].intersection(&codes[1]).collect();
    assert_eq!(shared.len() as u64, truth["persons_in_both"]);
    let order: Vec<String> =
        place.rows("hospital.coded.csv").into_iter().map(|row| row[0].clone()).collect();

    let said = linked(&place, JOIN);
    assert!(said.contains("in an order drawn at random"), "{said}");
    let rows = place.rows("joined.csv");
    assert_eq!(rows.len() as u64, truth["row_pairs"]);
    let header = place.read("joined.csv").lines().next().unwrap().to_owned();
    let names: Vec<&str> = header.split(',').collect();
    let at = |name: &str| names.iter().position(|known| *known == name).expect(name);
    let (care_row, wages_row) = (at("care_row"), at("wages_row"));
    assert!(names.contains(&"care_quality") && names.contains(&"wages_quality"), "{header}");
    assert!(!names.iter().any(|name| ["code", "index", "nir"].contains(name)), "{header}");
    let mut people = BTreeSet::new();
    for row in &rows {
        let person = &care[&row[care_row]];
        assert_eq!(person, &wages[&row[wages_row]], "two rows of one person");
        assert!(!person.is_empty());
        people.insert(person);
    }
    assert_eq!(people.len() as u64, truth["persons_in_both"]);
    let joined = place.read("joined.csv");
    assert!(codes.iter().flatten().all(|code| !joined.contains(&**code)));

    // The order says nothing of where a row stood, nor of its code.
    let places: Vec<usize> = rows.iter().map(|row| row[care_row].parse().unwrap()).collect();
    let in_coded: BTreeMap<String, usize> = place
        .rows("hospital.coded.csv")
        .into_iter()
        .enumerate()
        .map(|(at, row)| (row.last().unwrap().clone(), at))
        .collect();
    let by_index: Vec<usize> = rows.iter().map(|row| in_coded[&row[care_row]]).collect();
    let by_code: Vec<&String> = by_index.iter().map(|at| &order[*at]).collect();
    let positions: Vec<usize> = (0..rows.len()).collect();
    let bound = 4.0 / (rows.len() as f64).sqrt();
    for (what, rho) in [
        ("input", correlation(&positions, &ranks(&places))),
        ("index", correlation(&positions, &ranks(&by_index))),
        ("code", correlation(&positions, &ranks(&by_code))),
    ] {
        assert!(rho.abs() < bound, "{what}: {rho} of {bound}");
    }

    let report: Value = serde_json::from_str(&place.read("joined.csv.report.json")).unwrap();
    let body = &report["body"];
    assert_eq!((&body["rows"], &body["people"]), (&truth["row_pairs"], &truth["persons_in_both"]));
    assert_eq!(body["sources"][0]["matched"], truth["persons_in_both"]);
    assert_eq!(body["sources"][0]["people"], truth["hospital"]["persons"]);
    assert_eq!(body["sources"][1]["people"], truth["wages"]["persons"]);
    assert_eq!(body["sources"][0]["without_code"], truth["hospital"]["rejected_rows"]);

    let status = summary(&place, "status --as cesr");
    assert_eq!((&status["clear"], &status["destroyed"]), (&3.into(), &0.into()));
    linked(&place, RELEASE);
    for gone in ["joined.csv", "hospital.coded.csv", "wages.coded.csv"] {
        assert!(!place.exists(gone), "{gone}");
    }
    let status = summary(&place, "status --as cesr");
    assert_eq!((&status["clear"], &status["destroyed"]), (&0.into(), &3.into()));
    place.ok("parcel open joined.csv.age --as lab --out lab-data --from cesr/card.json");
    let opened = fs::read_dir(place.path("lab-data")).unwrap().map(|entry| entry.unwrap().path());
    let opened: Vec<PathBuf> = opened.collect();
    let data = opened.iter().find(|path| path.ends_with("joined.csv")).expect("the file");
    assert_eq!(fs::read_to_string(data).unwrap(), joined, "as it was joined");

    let output = verified(&place);
    let said = text(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{said}{}", text(&output.stderr));
    assert!(said.contains("It agrees with the ledger of "), "{said}");

    // In the end the identifiers are in the data alone, and no code is anywhere.
    let identifiers: Vec<String> =
        place.rows("wages.csv").into_iter().map(|row| row[0].clone()).collect();
    let known: Vec<&[u8]> = identifiers
        .iter()
        .filter(|nir| nir.len() >= 13)
        .take(50)
        .map(|nir| nir.as_bytes())
        .collect();
    let codes: Vec<&[u8]> =
        shared.iter().take(50).map(|code| code.rsplit('.').next().unwrap().as_bytes()).collect();
    for (path, bytes) in files(place.directory.path()) {
        let has = |needles: &[&[u8]]| {
            needles.iter().any(|needle| bytes.windows(needle.len()).any(|part| part == *needle))
        };
        assert!(!has(&codes), "a code is in {path:?}");
        let is_data = ["wages.csv", "hospital.csv"].iter().any(|data| path.ends_with(data));
        assert!(is_data || !has(&known), "an identifier is in {path:?}");
    }
}

#[test]
fn two_projects_share_nothing_and_are_not_joined() {
    let place = project();
    let ends = in_years(2);
    place.quorum(&format!("service open home health --kind research --ends {ends}"));
    for (name, role) in [
        ("insee", "controller"),
        ("atih", "controller"),
        ("cesr", "linking"),
        ("lab", "researcher"),
    ] {
        place.quorum(&format!("service party home {name}/card.json --role {role} --domain health"));
    }
    for (file, controller, domain) in
        [("hospital", "atih", "mobility"), ("wages", "insee", "health")]
    {
        numbered(&place, file);
        prepared(&place, file, controller, domain);
        coded(&place, file, domain);
        linked(&place, &attach(file));
    }
    let [one, other] = ["hospital", "wages"].map(|file| place.codes(&format!("{file}.coded.csv")));
    assert!(one.keys().all(|code| !other.contains_key(code)));
    refused(&place, JOIN, "mixed-domains", &["`mobility`", "`health`"]);
}

#[test]
fn what_does_not_belong_together_is_refused_and_nothing_is_lost() {
    let place = project();
    for file in ["hospital", "wages"] {
        numbered(&place, file);
    }
    for (file, controller) in [("hospital", "atih"), ("wages", "insee")] {
        prepared(&place, file, controller, "mobility");
    }
    let request = fs::read(place.path("wages.req.csv.age")).unwrap();
    for file in ["hospital", "wages"] {
        coded(&place, file, "mobility");
    }
    place.write("request.csv.age", &request);
    let with = |payload: &str, result: &str| {
        format!(
            "attach --as cesr --service home/card.json --payload {payload} --result {result} --out \
            x.csv"
        )
    };
    for (payload, result, code) in [
        // A request in disguise, a result for a payload and the other way round.
        ("request.csv.age", "wages.res.csv.age", "parcel-receiver"),
        ("wages.res.csv.age", "wages.res.csv.age", "not-a-payload"),
        ("wages.pay.csv.age", "wages.pay.csv.age", "parcel-sender"),
        // Of two requests.
        ("wages.pay.csv.age", "hospital.res.csv.age", "payload-sender"),
        ("wages.csv", "wages.res.csv.age", "not-a-parcel"),
        ("wages.pay.csv.age", "wages.csv", "not-a-parcel"),
        ("none.csv.age", "wages.res.csv.age", "file-missing"),
    ] {
        refused(&place, &with(payload, result), code, &[]);
    }
    // Another service.
    refused(
        &place,
        &with("wages.pay.csv.age", "wages.res.csv.age").replace("home/card.json", "cesr/card.json"),
        "service-card",
        &[],
    );
    let cut = fs::read(place.path("wages.res.csv.age")).unwrap();
    place.write("cut.csv.age", &cut[..cut.len() - 20]);
    refused(&place, &with("wages.pay.csv.age", "cut.csv.age"), "parcel-cut", &[]);
    // Of another type.
    let parquet = attach("wages").replace("wages.coded.csv", "wages.coded.parquet");
    refused(&place, &parquet, "attached-type", &[]);
    linked(&place, &attach("wages"));
    linked(&place, &attach("hospital"));
    // The same command once more says that it is done.
    linked(&place, &attach("wages"));

    let join = |sources: &str| format!("join --as cesr {sources} --out joined.csv --many");
    let care = "--source care=hospital.coded.csv";
    refused(&place, &JOIN.replace(" --many", ""), "join-many", &[]);
    refused(&place, &join(care), "linking-sources", &[]);
    refused(&place, &join(&format!("{care} {care}")), "source-twice", &[]);
    refused(&place, &join(&format!("{care} --source x=wages.csv")), "file-unknown", &[]);
    refused(&place, &format!("{JOIN} --least 10"), "least-below", &["11"]);
    refused(&place, &format!("{JOIN} --least 2000"), "join-few", &["2000"]);
    let kept = place.read("wages.coded.csv");
    place.write("wages.coded.csv", kept.replacen("valid", "valix", 1));
    refused(&place, JOIN, "file-changed", &[]);
    place.write("wages.coded.csv", &kept);
    refused(&place, &RELEASE.replace("joined.csv --as", "wages.coded.csv --as"), "not-joined", &[]);
    linked(&place, JOIN);
    refused(
        &place,
        &join(&format!("{care} --source x=joined.csv")).replace("--out joined", "--out y"),
        "not-coded",
        &[],
    );
    refused(&place, &RELEASE.replace("lab/card.json", "insee/card.json"), "not-a-researcher", &[]);
    refused(&place, &RELEASE.replace("lab/card.json", "cesr/card.json"), "not-a-researcher", &[]);
    refused(&place, &format!("{RELEASE} --until 2020-01-01"), "until-past", &[]);
    linked(&place, RELEASE);
}

#[test]
fn a_copy_is_kept_used_once_more_and_destroyed_at_its_end() {
    let place = project();
    attached(&place);
    linked(&place, JOIN);
    let ends = in_years(1);
    linked(&place, &format!("{RELEASE} --until {ends} --keep-coded"));
    let status = summary(&place, "status --as cesr");
    assert_eq!((&status["clear"], &status["kept"]), (&0.into(), &3.into()), "{status}");
    let paths: Vec<(String, bool)> = status["files"]
        .as_array()
        .unwrap()
        .iter()
        .map(|file| (file["path"].as_str().unwrap().to_owned(), file["coded"] == true))
        .collect();
    let copy = &paths.iter().find(|(_, coded)| !coded).unwrap().0;
    // Another researcher, with an authorisation of their own.
    place.ok("party new other --name other --no-passphrase");
    let again = format!(
        "release {copy} --as cesr --to other/card.json --authorisation cnil-2027-003 --out \
        again.csv.age"
    );
    refused(&place, &again, "ledger-needed", &[]);
    let again = format!("{again} --ledger home/ledger.jsonl --service home/card.json");
    refused(&place, &again, "not-a-researcher", &["`mobility`"]);
    place.quorum("service party home other/card.json --role researcher --domain mobility");
    linked(&place, &again);
    place.ok("parcel open again.csv.age --as other --out other-data --from cesr/card.json");
    place.ok("parcel open joined.csv.age --as lab --out lab-data --from cesr/card.json");
    assert_eq!(place.read("other-data/again.csv"), place.read("lab-data/joined.csv"));
    // What was kept of the coded files joins again.
    let coded: Vec<&String> =
        paths.iter().filter(|(_, coded)| *coded).map(|(path, _)| path).collect();
    linked(
        &place,
        &format!(
            "join --as cesr --source a={} --source b={} --out twice.csv --many",
            coded[0], coded[1]
        ),
    );
    assert_eq!(place.rows("twice.csv").len(), 2001);
    let output = verified(&place);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stdout));
}

#[test]
fn an_altered_ledger_of_the_linking_body_is_seen() {
    let place = project();
    attached(&place);
    let old = place.read("cesr/checkpoint");
    linked(&place, JOIN);
    linked(&place, RELEASE);
    assert_eq!(verified(&place).status.code(), Some(0));
    let ledger = place.read("cesr/ledger.jsonl");
    let lines: Vec<&str> = ledger.lines().collect();
    let codes = |changed: String| {
        place.write("cesr/ledger.jsonl", changed);
        let output = verified(&place);
        let said = text(&output.stderr);
        place.write("cesr/ledger.jsonl", &ledger);
        assert_eq!(output.status.code(), Some(1), "{said}");
        said.lines()
            .last()
            .unwrap_or_default()
            .split([':', '[', ']'])
            .nth(1)
            .unwrap_or_default()
            .to_owned()
    };
    // A release that is left out, a row more, a line that was cut off with the end.
    let without = lines.iter().filter(|line| !line.contains("\"released\""));
    let without: String = without.map(|line| format!("{line}\n")).collect();
    assert_eq!(codes(without), "linking-chain");
    assert_eq!(codes(ledger.replacen("\"rows\":2001", "\"rows\":2002", 1)), "linking-chain");
    let short: String = lines[..lines.len() - 2].iter().map(|line| format!("{line}\n")).collect();
    assert_eq!(codes(short), "linking-covered");
    // An older checkpoint is put beside an older ledger: a kept one shows it.
    place.write("kept", place.read("cesr/checkpoint"));
    let received = lines.iter().position(|line| line.contains("\"joined\"")).unwrap();
    let older: String = lines[..received].iter().map(|line| format!("{line}\n")).collect();
    place.write("cesr/ledger.jsonl", older);
    place.write("cesr/checkpoint", old);
    let output = place.run(
        "auditor verify home/ledger.jsonl cesr/ledger.jsonl --service home/card.json --checkpoint \
        kept",
    );
    assert_eq!(output.status.code(), Some(1), "{}", text(&output.stdout));
}

#[test]
fn a_project_that_is_over_leaves_no_code() {
    let place = project();
    attached(&place);
    linked(&place, JOIN);
    let ends = in_years(1);
    linked(&place, &format!("{RELEASE} --until {ends} --keep-coded"));
    // What came later lies in clear still.
    fs::remove_file(place.path("wages.coded.csv.receipt.json")).unwrap();
    numbered(&place, "wages");
    prepared(&place, "wages", "insee", "mobility");
    coded(&place, "wages", "mobility");
    linked(&place, &attach("wages"));

    place.quorum("service close home mobility --notices notices");
    let notice = "notices/mobility.cesr.notice.json";
    assert!(place.exists(notice));
    let output = verified(&place);
    let said = text(&output.stdout);
    assert_eq!(output.status.code(), Some(3), "{said}");
    assert!(said.contains("The project `mobility` is over, and the file of event "), "{said}");
    let end = format!("end {notice} --as cesr --service home/card.json");
    let body = place.read(notice);
    place.write(notice, body.replace("mobility", "mobilitx"));
    refused(&place, &end, "notice-signature", &[]);
    place.write(notice, &body);
    refused(&place, &end.replace("home/card.json", "lab/card.json"), "service-card", &[]);
    refused(&place, &end.replace("--as cesr", "--as lab"), "notice-other", &[]);
    assert_eq!(summary(&place, "status --as cesr")["owed"], serde_json::json!([]));
    linked(&place, &end);
    // Done once more, nothing is left to do.
    linked(&place, &end);
    let status = summary(&place, "status --as cesr");
    assert_eq!((&status["clear"], &status["kept"]), (&0.into(), &1.into()), "{status}");
    assert!(!place.exists("wages.coded.csv"));
    let output = verified(&place);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stdout));
    // What left is there; nobody codes or links for the project any more.
    place.ok("parcel open joined.csv.age --as lab --out lab-data --from cesr/card.json");
    place.refused(
        "service request-key home mobility --for insee --out k.json",
        "keys-destroyed",
        &[],
    );
    // A notice is written once, and again where it is gone.
    place.ok("service expire home --notices notices");
    fs::remove_file(place.path(notice)).unwrap();
    place.ok("service expire home --notices notices");
    assert!(place.exists(notice));
    assert!(!place.exists("notices/mobility.lab.notice.json"), "to linking bodies alone");
}
