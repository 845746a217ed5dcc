//! What a monitor reads: `service status --prometheus` and `--check`.

use crate::common;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use common::{Place, csv, identifiers, text};

const METRICS: &str = "service status home --prometheus";

/// The samples of an exposition whose form holds: each family says what it is before its samples,
/// which stand together, and nothing follows the end.
fn samples(exposition: &str) -> BTreeMap<String, u64> {
    let lines = exposition.strip_suffix("# EOF\n").expect("it ends");
    let (mut found, mut families) = (BTreeMap::new(), BTreeSet::new());
    let (mut family, mut said) = (String::new(), Vec::new());
    for line in lines.lines() {
        let (word, rest) = line.split_once(' ').unwrap();
        if word == "#" {
            let mut words = rest.split(' ');
            let (what, name) = (words.next().unwrap(), words.next().unwrap());
            if what == "TYPE" {
                family = name.to_owned();
                said.clear();
                assert!(families.insert(family.clone()), "{name} comes twice");
            }
            assert_eq!(name, family, "{line}");
            said.push(what.to_owned());
            if what == "UNIT" {
                assert!(name.ends_with(&format!("_{}", words.next().unwrap())), "{line}");
            }
            continue;
        }
        let ends = ["_seconds", "_bytes"].iter().any(|unit| family.ends_with(unit));
        let wanted: &[&str] = if ends { &["TYPE", "UNIT", "HELP"] } else { &["TYPE", "HELP"] };
        assert_eq!(said, wanted, "{line}");
        let (name, value) = line.rsplit_once(' ').unwrap();
        let bare = name.split('{').next().unwrap();
        let suffix = bare.strip_prefix(&family).unwrap();
        assert!(["", "_info", "_total"].contains(&suffix), "{line}");
        assert!(found.insert(name.to_owned(), value.parse().unwrap()).is_none(), "{line}");
    }
    found
}

fn metrics(place: &Place, status: i32) -> BTreeMap<String, u64> {
    let output = place.run(&format!("{METRICS} --check"));
    assert_eq!(output.status.code(), Some(status), "{}", text(&output.stderr));
    samples(&text(&output.stdout))
}

#[test]
fn metrics_say_how_a_service_stands() {
    let place = Place::founded_with("--mirror mirror");
    place.quorum("service open home population --kind statistics");
    place.quorum("service open home cohort --kind research --ends 2031-12-31");
    let before = fs::metadata(place.path("home/lock")).unwrap().modified().unwrap();
    let fresh = metrics(&place, 0);
    let same = fs::metadata(place.path("home/lock")).unwrap().modified().unwrap();
    assert_eq!(before, same, "it takes no lock");
    let service = place.json("service status home")["service"].as_str().unwrap().to_owned();
    let value = |of: &BTreeMap<String, u64>, name: &str| {
        *of.get(&format!("cstatns_{name}")).unwrap_or_else(|| panic!("{name}\n{of:#?}"))
    };
    let version = format!("build_info{{version=\"{}\"}}", env!("CARGO_PKG_VERSION"));
    for (name, wanted) in [
        (version.as_str(), 1),
        (&format!("service_info{{service=\"{service}\"}}"), 1),
        ("in_order", 1),
        ("demonstration", 1),
        ("clock_unconfirmed", 0),
        ("clock_behind_seconds", 0),
        ("questions_open", 0),
        ("receipts_missing", 0),
        ("deliveries_waiting", 0),
        ("receipts_unsigned", 0),
        ("copies_behind", 0),
        ("custody_doubted", 0),
        ("unfinished", 0),
        ("ledger_events_total", place.read("home/ledger.jsonl").lines().count() as u64),
        ("ledger_bytes", place.read("home/ledger.jsonl").len() as u64),
        ("domain_info{domain=\"population\",kind=\"statistics\",state=\"active\"}", 1),
        ("domain_generation{domain=\"population\"}", 1),
        ("domain_doubted{domain=\"cohort\"}", 0),
        // The first second of 2032.
        ("domain_ends_timestamp_seconds{domain=\"cohort\"}", 1_956_528_000),
    ] {
        assert_eq!(value(&fresh, name), wanted, "{name}");
    }
    let made = value(&fresh, "domain_key_made_timestamp_seconds{domain=\"population\"}");
    let due = value(&fresh, "domain_renewal_due_timestamp_seconds{domain=\"population\"}");
    assert!((5 * 365 * 86_400..=(5 * 365 + 3) * 86_400).contains(&(due - made)), "{made} {due}");
    assert!(!fresh.contains_key("cstatns_domain_ends_timestamp_seconds{domain=\"population\"}"));
    assert!(!fresh.contains_key("cstatns_expire_timestamp_seconds"), "it has not run");

    // A delivery waits, its copy goes away, a key is doubted, the mirror is gone.
    place.write("data.csv", csv(&identifiers(20)));
    place
        .ok("controller prepare data.csv --identifier-column nir --request r.csv --retained t.csv");
    place.quorum("service code home population --request r.csv --result s.csv --purpose test");
    let waiting = metrics(&place, 0);
    assert_eq!(value(&waiting, "deliveries_waiting"), 1);
    let oldest = value(&waiting, "waiting_timestamp_seconds");
    assert!((made..=value(&waiting, "clock_timestamp_seconds")).contains(&oldest));
    fs::rename(place.path("s.csv"), place.path("elsewhere.csv")).unwrap();
    place.ok("service doubt home population --kit alice");
    fs::rename(place.path("mirror"), place.path("unmounted")).unwrap();
    let worse = metrics(&place, 3);
    for (name, wanted) in [
        ("in_order", 0),
        ("results_not_found", 1),
        ("copies_behind", 1),
        ("domain_doubted{domain=\"population\"}", 1),
        ("domain_doubted{domain=\"cohort\"}", 0),
    ] {
        assert_eq!(value(&worse, name), wanted, "{name}");
    }

    // Neither codes nor keys.
    let shown = text(&place.run(METRICS).stdout);
    let keys = place.json("service status home")["domains"].clone();
    let coded = place.rows("elsewhere.csv");
    for secret in [keys[0]["key"].as_str().unwrap(), keys[0]["tag"].as_str().unwrap(), &coded[0][1]]
    {
        assert!(!secret.is_empty() && !shown.contains(secret), "{secret}");
    }
    // Standard output takes one of the two.
    let both = place.run(&format!("{METRICS} --json"));
    assert_eq!(both.status.code(), Some(2));
    assert!(text(&both.stderr).starts_with("error[usage]: "), "{}", text(&both.stderr));
}

#[test]
fn a_copy_that_is_behind_is_not_in_order() {
    let place = Place::founded_with("--mirror mirror");
    let kept = fs::read(place.path("mirror/checkpoint")).unwrap();
    place.quorum("service open home population --kind statistics");
    place.ok("service status home --check");
    let now = fs::read(place.path("mirror/checkpoint")).unwrap();
    fs::write(place.path("mirror/checkpoint"), kept).unwrap();
    let output = place.run("service status home --check");
    assert_eq!(output.status.code(), Some(3));
    assert!(text(&output.stdout).contains("COPY BEHIND"), "{}", text(&output.stdout));
    fs::write(place.path("mirror/checkpoint"), now).unwrap();
    place.ok("service status home --check");
}
