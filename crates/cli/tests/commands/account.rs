//! What an auditor is shown of ten years of a fictitious service: the log, and the page.

use crate::{browser, common};

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use common::{Place, text};
use serde_json::Value;

/// The sample ledger, in a place of its own.
fn place() -> Place {
    let place = Place::default();
    for file in ["ledger.jsonl", "checkpoint", "card.json"] {
        fs::copy(kept().join(file), place.path(file)).unwrap();
    }
    place
}

fn kept() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/data/decade")
}

const LOG: &str = "auditor log ledger.jsonl --service card.json";
const REPORT: &str = "auditor report ledger.jsonl --service card.json --out report.html";

/// What a command answers that holds and is not in order, with `--json`.
fn not_in_order(place: &Place, command: &str) -> Value {
    let output = place.run(&format!("{command} --json"));
    assert_eq!(output.status.code(), Some(3), "{}", text(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// What a command prints that succeeds.
fn printed(place: &Place, command: &str) -> String {
    let output = place.run(command);
    assert!(output.status.success(), "{command}: {}", text(&output.stderr));
    text(&output.stdout)
}

#[test]
fn the_log_is_sentences_a_table_or_data() {
    let place = place();
    let all = printed(&place, LOG);
    let events = place.read("ledger.jsonl").lines().count();
    assert_eq!(all.lines().count(), events);
    assert!(
        all.lines().nth(1).unwrap().starts_with("     2  2016-01-11T09:00:00Z  `methods` states"),
        "{all}"
    );
    let health =
        printed(&place, &format!("{LOG} --domain health --from 2018-01-01 --to 2018-12-31"));
    assert!(
        health.contains("  `legal` states a doubt, dated 2018-03-05, about the key of generation 1 of `health`.\n"),
        "{health}"
    );
    assert!(health.lines().all(|line| line[8..].starts_with("2018-")), "{health}");
    let french = printed(&place, &format!("--lang fr {LOG} --purpose census"));
    assert!(
        french.contains("\u{a0}; la demande est gardée, contre les règles du schéma.\n"),
        "{french}"
    );

    // The same events as data, and as a table in a file or on standard output.
    let data = place.json(&format!("{LOG} --custodian security"));
    let of_security = data["log"].as_array().unwrap();
    assert_eq!(
        (data["shown"].as_u64(), data["events"].as_u64()),
        (Some(of_security.len() as u64), Some(events as u64))
    );
    place.ok(&format!("{LOG} --custodian security --csv security.csv"));
    let table = place.read("security.csv");
    assert_eq!(table, printed(&place, &format!("{LOG} --custodian security --csv")));
    let rows: Vec<Vec<String>> = place.rows("security.csv");
    let head = "event,time,type,run,domains,purpose,custodians,sentence";
    assert_eq!(table.lines().next(), Some(head));
    assert_eq!(rows.len(), of_security.len());
    for (row, entry) in rows.iter().zip(of_security) {
        assert_eq!(row[0], entry["event"].to_string());
        let sentence = row[7..].join(",");
        assert_eq!(
            (&*row[2], sentence.trim_matches('"')),
            (entry["type"].as_str().unwrap(), entry["sentence"].as_str().unwrap())
        );
    }
    let both = place.json(&format!("{LOG} --custodian security --csv again.csv"));
    assert_eq!((both["csv"].as_str(), both.get("log")), (Some("again.csv"), None));
    assert_eq!(place.read("again.csv"), table);
}

#[test]
fn a_log_that_would_mislead_is_refused() {
    let place = place();
    place.refused(&format!("{LOG} --domain wages"), "unknown-domain", &["`auditor verify`"]);
    place.refused(
        &format!("{LOG} --custodian legl"),
        "unknown-custodian",
        &["`legl`", "`auditor verify`"],
    );
    place.write("taken.csv", "");
    place.refused(&format!("{LOG} --csv taken.csv"), "output-exists", &["taken.csv"]);
    for command in [
        format!("{LOG} --from 2020-01-02 --to 2020-01-01"),
        format!("{LOG} --csv --json"),
        format!("{LOG} --from tomorrow"),
    ] {
        assert_eq!(place.run(&command).status.code(), Some(2), "{command}");
    }
    place.refused(&LOG.replace("ledger.jsonl", "card.json"), "file-form", &[]);
    changed(&place);
    for command in [LOG, REPORT] {
        let output = place.run(command);
        let said = text(&output.stderr);
        assert_eq!((output.status.code(), &*output.stdout), (Some(1), &b""[..]), "{said}");
        assert!(
            said.contains("the ledger is not intact") && said.contains("`auditor verify`"),
            "{said}"
        );
    }
    assert!(!place.exists("report.html"), "nothing is left");
    assert_eq!(place.temporaries(), [""; 0]);
}

/// Somebody changes a name in an event.
fn changed(place: &Place) {
    let ledger = place.read("ledger.jsonl");
    let other = ledger.replacen("batch-too-small", "batch-too-large", 1);
    assert_ne!(ledger, other);
    place.write("ledger.jsonl", other);
}

/// The figures of another program, which knows the lines and nothing else.
fn counted(place: &Place, period: &[&str]) -> Value {
    let mut command = Command::new("python3");
    command.arg(kept().join("figures.py")).arg(place.path("ledger.jsonl")).args(period);
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn the_figures_of_a_report_are_those_of_the_lines() {
    let place = place();
    let report = not_in_order(&place, REPORT);
    assert_figures(&report, &counted(&place, &[]));
    let five = REPORT.replace("report.html", "five.html") + " --from 2016-01-01 --to 2020-12-31";
    let five = not_in_order(&place, &five);
    let (from, until) = (counted(&place, &["2016-01-01", "2020-12-31"]), counted(&place, &[]));
    assert_ne!(from["runs"], until["runs"]);
    for part in ["runs", "approvals", "attempts"] {
        assert_eq!(figures(&five)[part], from[part], "{part}");
    }
}

fn assert_figures(report: &Value, counted: &Value) {
    let figures = figures(report);
    for (part, value) in counted.as_object().unwrap() {
        assert_eq!(&figures[part], value, "{part}");
    }
}

/// A report's figures, in the form of the other program.
fn figures(report: &Value) -> Value {
    let audit = &report["audit"];
    let domains = report["domains"].as_array().unwrap();
    let name = |domain: &Value| domain["domain"].as_str().unwrap().to_owned();
    let turns = |domain: &Value| domain["generations"].as_array().unwrap().clone();
    let keys: BTreeMap<_, _> = domains.iter().map(|of| (name(of), turns(of).len())).collect();
    let (mut out, mut late, mut doubts) = (Vec::new(), BTreeMap::new(), Vec::new());
    for domain in domains {
        for turn in turns(domain) {
            let given = turn["deliveries"].as_array().unwrap();
            out.extend(
                given
                    .iter()
                    .filter(|given| given["standing"] == "out")
                    .map(|given| given["event"].as_u64()),
            );
            doubts.extend(
                turn["doubts"].as_array().unwrap().iter().map(|doubt| doubt["event"].as_u64()),
            );
            if let (Some(days), false) = (turn["late_days"].as_i64(), turn["replaced"].is_null()) {
                late.insert(format!("{}.{}", name(domain), turn["generation"]), days);
            }
        }
    }
    out.sort_unstable();
    doubts.sort_unstable();
    doubts.dedup();
    let over = domains.iter().filter(|domain| !domain["destroyed"].is_null());
    let ended: BTreeMap<_, _> =
        over.map(|domain| (name(domain), domain["late_days"].as_i64())).collect();
    let mut runs = BTreeMap::new();
    for of in report["runs"].as_array().unwrap() {
        let month = &of["month"].as_str().unwrap()[..7];
        let key = format!(
            "{month} {} {}",
            of["purpose"].as_str().unwrap(),
            of["domain"].as_str().unwrap()
        );
        for what in ["coded", "renewed", "rows"] {
            if of[what] != 0 {
                runs.insert(format!("{key} {what}"), of[what].clone());
            }
        }
    }
    let attempts = report["attempts"].as_array().unwrap();
    let count = |how: &str| attempts.iter().filter(|attempt| attempt["how"] == how).count();
    serde_json::json!({
        "events": audit["events"],
        "results": audit["deliveries"]["made"],
        "renewals": audit["deliveries"]["renewals"],
        "keys": keys,
        "out": out,
        "late": late,
        "ended": ended,
        "doubts": doubts,
        "runs": runs,
        "approvals": report["approvals"],
        "attempts": { "refused": count("refused"), "failed": count("failed"), "lapsed": count("lapsed") },
    })
}

/// The page in a browser: so wide, in a dark or light scheme, on paper or not.
fn looked(
    page: &str,
    place: &Place,
    axe: &str,
    (width, dark, print): (u32, bool, bool),
) -> Option<Value> {
    const SCRIPT: &str = include_str!("../common/account.js");
    let chromium = browser::browser()?;
    // Its policy refuses scripts, and a browser without a printer knows no paper.
    let (policy, end) = (page.find("<meta http-equiv").unwrap(), "</head>");
    let after = policy + page[policy..].find('>').unwrap() + 1;
    let mut shown = format!("{}{}", &page[..policy], &page[after..]);
    if print {
        shown =
            shown.replace("@media print", "@media all").replace("@media screen", "@media speech");
    }
    let scripts = format!("<script>{axe}</script><script>{SCRIPT}</script>{end}");
    let path = place.path("looked.html");
    // The script itself has the end of a head.
    let at = shown.find(end).unwrap();
    shown.replace_range(at..at + end.len(), &scripts);
    fs::write(&path, shown).unwrap();
    let scheme = format!("--blink-settings=preferredColorScheme={}", u8::from(!dark));
    let size = format!("--window-size={width},1000");
    let output =
        browser::run(&chromium, place.directory.path(), &[&scheme, &size, "--dump-dom"], &path);
    let dom = String::from_utf8(output.stdout).unwrap();
    let found =
        dom.rsplit_once("<pre id=\"found\">").and_then(|(_, rest)| rest.split_once("</pre>"));
    let found = found.unwrap_or_else(|| panic!("{}", text(&output.stderr))).0;
    let found = found.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&");
    Some(serde_json::from_str(&found).unwrap())
}

/// The rules of axe-core, where they are at hand.
#[allow(clippy::print_stdout)]
fn axe() -> Option<String> {
    let Some(path) = std::env::var_os("CSTATNS_AXE") else {
        println!("CSTATNS_AXE is unset: the page was not looked at with axe-core");
        return None;
    };
    Some(fs::read_to_string(path).unwrap())
}

#[test]
fn the_page_is_for_everybody() {
    let Some(axe) = axe() else { return };
    let place = place();
    not_in_order(&place, REPORT);
    not_in_order(&place, &format!("--lang fr {}", REPORT.replace("report.html", "compte.html")));
    for (file, lang, first) in [
        ("report.html", "en", "H1 Account of the service sample-office"),
        ("compte.html", "fr", "H1 Compte rendu du service sample-office"),
    ] {
        let page = place.read(file);
        let mut papers = Vec::new();
        for how in [
            (360, false, false),
            (360, true, false),
            (1200, false, false),
            (1200, true, false),
            (794, false, true),
        ] {
            let Some(found) = looked(&page, &place, &axe, how) else { return };
            assert_eq!(found["violations"], serde_json::json!([]), "{file} {how:?}");
            assert!(found["passes"].as_u64() > Some(15), "{found}");
            assert_eq!(
                (&found["lang"], &found["wide"]),
                (&lang.into(), &0.into()),
                "{file} {how:?}"
            );
            assert!(
                found["contrast"].as_f64() >= Some(4.5),
                "{file} {how:?}: {}",
                found["contrast"]
            );
            if how.0 > 700 {
                assert_eq!(found["scrolled"], 0, "{file} {how:?}");
            }
            assert_eq!(found["overlapping"], 0, "{file} {how:?}");
            assert!(
                found["outside"].as_array().unwrap().iter().all(|outside| *outside == 0),
                "{found}"
            );
            assert!(found["headings"][0].as_str().unwrap().starts_with(first), "{found}");
            papers.push(found["paper"].as_str().unwrap().to_owned());
        }
        assert!(papers[0] == papers[4] && papers[0] != papers[1], "{papers:?}");
    }
    // What it would find: a drawing without a name, text that cannot be read, a table too wide.
    let page = place.read("report.html");
    let (title, end) = (page.find("<title id=").unwrap(), "</title>");
    let after = title + page[title..].find(end).unwrap() + end.len();
    let unnamed = format!("{}{}", &page[..title], &page[after..]);
    let unnamed = unnamed.replacen("role=\"img\" aria-labelledby", "role=\"img\" data-x", 1);
    let unread = page.replacen("--soft:#595959", "--soft:#bbbbbb", 1);
    let pale = page.replacen("--ink:#1b1b1b", "--ink:#999999", 1);
    let wide = page.replacen("<h2>", "<p style=\"width:90rem\">x</p><h2>", 1);
    let look = |page: &str| looked(page, &place, &axe, (360, false, false)).unwrap();
    assert!(look(&unnamed)["violations"].to_string().contains("svg-img-alt"));
    assert!(look(&unread)["violations"].to_string().contains("color-contrast"));
    assert!(look(&pale)["contrast"].as_f64() < Some(4.5));
    assert!(look(&wide)["wide"].as_u64() > Some(0));
}

/// What the page shows, cell by cell, is what `--json` gives.
#[test]
fn the_page_shows_the_figures() {
    let place = place();
    let report = not_in_order(&place, REPORT);
    let page = place.read("report.html");
    assert!(!page.contains("<script") && !page.contains("http://") && !page.contains("https://"));
    let rows = rows_of(&page);
    // A name stands in a sentence as code.
    let has = |row: &[String]| {
        let row: Vec<String> = row.iter().map(|cell| cell.replace('`', "")).collect();
        assert!(rows.contains(&row), "{row:?}\n{rows:?}");
    };
    let cell = |value: &Value| match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    };
    let day = |value: &Value| cell(value).chars().take(10).collect::<String>();
    let names =
        |value: &Value| value.as_array().unwrap().iter().map(cell).collect::<Vec<_>>().join(", ");
    for domain in report["domains"].as_array().unwrap() {
        for turn in domain["generations"].as_array().unwrap() {
            let given = turn["deliveries"].as_array().unwrap();
            let count = |standings: &[&str]| {
                let of = given
                    .iter()
                    .filter(|given| standings.contains(&given["standing"].as_str().unwrap()));
                of.count().to_string()
            };
            let why = match turn["reason"].as_str() {
                None => "opened",
                Some(reason) => reason,
            };
            let late =
                turn["late_days"].as_u64().map_or(String::new(), |days| format!("{days} days"));
            has(&[
                cell(&turn["generation"]),
                day(&turn["made"]["time"]),
                why.to_owned(),
                names(&turn["made"]["approved"]),
                cell(&turn["due"]),
                day(&turn["replaced"]["time"]),
                late,
                turn["doubts"].as_array().unwrap().len().to_string(),
                given.len().to_string(),
                count(&["renewed", "renewed-unsigned"]),
                count(&["out"]),
            ]);
            for given in given.iter().filter(|given| given["standing"] == "out") {
                has(&[
                    cell(&given["delivery"]),
                    cell(&turn["generation"]),
                    day(&given["made"]),
                    cell(&given["purpose"]),
                    cell(&given["rows"]),
                ]);
            }
        }
        if !domain["ends"].is_null() {
            let late = domain["late_days"]
                .as_u64()
                .map_or("in time".to_owned(), |days| format!("{days} days"));
            has(&[cell(&domain["domain"]), cell(&domain["ends"]), day(&domain["destroyed"]), late]);
        }
    }
    for of in report["runs"].as_array().unwrap() {
        let by = of["approved"].as_object().unwrap();
        let by: Vec<String> =
            by.iter().map(|(name, count)| format!("{name}\u{a0}{count}")).collect();
        has(&[
            cell(&of["month"])[..7].to_owned(),
            cell(&of["purpose"]),
            cell(&of["domain"]),
            cell(&of["coded"]),
            cell(&of["renewed"]),
            cell(&of["rows"]),
            by.join(", "),
        ]);
    }
    for attempt in report["attempts"].as_array().unwrap() {
        let of = ["verb", "domain", "code"].map(|part| cell(&attempt[part]));
        let start = [cell(&attempt["event"]), day(&attempt["time"]), cell(&attempt["how"])];
        has(&[&start[..], &of[..], &[names(&attempt["approved"])]].concat());
    }
    for notice in report["audit"]["notices"].as_array().unwrap() {
        has(&[cell(&notice["event"]), cell(&notice["detail"])]);
    }
    assert_eq!(
        report["audit"]["notices"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|of| of["code"] == "file-out")
            .count(),
        1
    );
    assert!(page.contains("In order: NO, ") && page.contains("Intact: yes, "));
}

/// The cells of each row, as text.
fn rows_of(page: &str) -> Vec<Vec<String>> {
    let plain = |cell: &str| {
        let parts = cell.split('<').enumerate().map(|(place, part)| match place {
            0 => part,
            _ => part.split_once('>').map_or("", |(_, text)| text),
        });
        let text: String = parts.collect();
        text.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&amp;", "&")
    };
    let cells = |row: &str| {
        let cells = row.split("</t").filter(|cell| cell.contains("<t"));
        cells.map(|cell| plain(&cell[cell.find("<t").unwrap()..])).collect()
    };
    page.split("<tr>").skip(1).map(|row| cells(row.split("</tr>").next().unwrap())).collect()
}

/// A report of the longest of several copies, with the ledgers that others keep.
#[test]
fn a_report_takes_several_copies() {
    let place = place();
    fs::create_dir(place.path("earlier")).unwrap();
    place.write("earlier/ledger.jsonl", place.read("ledger.jsonl"));
    place.write("earlier/checkpoint", place.read("checkpoint"));
    let several = REPORT.replace("ledger.jsonl", "earlier/ledger.jsonl ledger.jsonl");
    let report = not_in_order(&place, &several);
    let checks = report["audit"]["findings"].as_array().unwrap();
    assert!(checks.iter().any(|finding| finding["check"] == "earlier"), "{checks:?}");
    place.refused(REPORT, "output-exists", &["report.html"]);
}

/// The audit that is written down step by step: each command is run, and what is quoted after it
/// was shown.
#[test]
fn the_audit_that_is_written_down_is_true() {
    for (language, commands, quotes) in [("en", 9, 19), ("fr", 9, 19)] {
        let place = Place::default();
        fs::create_dir(place.path("decade")).unwrap();
        for file in ["ledger.jsonl", "checkpoint", "card.json"] {
            fs::copy(kept().join(file), place.path(&format!("decade/{file}"))).unwrap();
        }
        let guide = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join(format!("../../docs/guide/auditor-example.{language}.md"));
        let guide = fs::read_to_string(guide).unwrap();
        let (mut played, mut quoted, mut shown) = (0, 0, String::new());
        for block in guide.split("```").skip(1).step_by(2) {
            let (kind, lines) = block.split_once('\n').unwrap();
            for line in lines.lines() {
                if kind == "sh" {
                    let output = place.run(line.strip_prefix("cstatns ").unwrap());
                    let code = output.status.code();
                    // What is not in order is what is looked for.
                    assert!(matches!(code, Some(0 | 3)), "{line}: {}", text(&output.stderr));
                    shown += &text(&output.stdout).replace('\u{a0}', " ");
                    played += 1;
                } else {
                    assert!(shown.contains(line), "{line}\n{shown}");
                    quoted += 1;
                }
            }
        }
        assert_eq!((played, quoted), (commands, quotes), "{language}");
        assert!(place.exists("decade.html") && place.exists("five.html"));
    }
}
