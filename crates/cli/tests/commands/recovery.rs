//! A home that is lost and put back, as its operator sees it.

use crate::common;

use std::fs;
use std::path::Path;

use common::{Place, csv, identifiers, text};

fn copy(place: &Place, from: &str, to: &str) {
    let _ = fs::remove_dir_all(place.path(to));
    copy_tree(&place.path(from), &place.path(to));
}

fn copy_tree(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let to = to.join(path.file_name().unwrap());
        match path.is_dir() {
            true => copy_tree(&path, &to),
            false => drop(fs::copy(&path, &to).unwrap()),
        }
    }
}

fn code(place: &Place, name: &str) -> String {
    let lines: String =
        common::identifiers(40).iter().map(|identifier| format!("{identifier},x\n")).collect();
    place.write(&format!("{name}.csv"), format!("nir,other\n{lines}"));
    place.ok(&format!(
        "controller prepare {name}.csv --identifier-column nir --request {name}-r.csv --retained {name}-t.csv"
    ));
    format!(
        "service code home population --request {name}-r.csv --result {name}-s.csv --purpose test"
    )
}

/// Backup, two more runs, a doubt and its new key, a closed project; the disk is lost and the old
/// backup put back.
#[test]
fn an_old_backup_is_recovered_and_coding_goes_on() {
    let place = Place::open();
    place.quorum("service open home cohort --kind research --ends 2035-12-31");
    let said = place.quorum(&code(&place, "first"));
    assert!(!said.contains("  recovered "), "{said}");
    copy(&place, "home", "backup");
    place.quorum(&code(&place, "second"));
    place.quorum(&code(&place, "third"));
    place.ok("service doubt home population --kit bruno");
    place.quorum("service new-key home population --reason doubt");
    place.quorum("service close home cohort");
    let before = place.read("home/ledger.jsonl");
    copy(&place, "home/keys", "seals/keys");

    // The life places are kept apart, as they should be: the home knows by itself that it is old.
    copy(&place, "home/life", "life-kept");
    copy(&place, "backup", "home");
    copy(&place, "life-kept", "home/life");
    let old = place.read("home/ledger.jsonl");
    for verb in ["expire home", "doubt home population --kit alice"] {
        place.refused(&format!("service {verb}"), "home-old", &["service recover"]);
    }
    assert!(
        text(&place.run("service status home").stdout)
            .contains("OLD COPY: this home is an old copy")
    );
    assert_eq!(place.run("service status home --check").status.code(), Some(3));
    assert_eq!(place.read("home/ledger.jsonl"), old, "nothing was recorded");
    let said = place.ok("service recover home --from seals");
    assert!(said.contains("the seal of `population`, generation 2 comes back"), "{said}");
    assert_eq!(place.read("home/ledger.jsonl"), before);
    place.quorum(&code(&place, "fourth"));
    let said = place.ok("service recover home");
    assert!(said.contains("nothing is missing"), "{said}");

    // Everything is lost: the custodians' kits know, and not too few of them.
    copy(&place, "backup", "home");
    fs::remove_dir_all(place.path("home/life")).unwrap();
    place.refused("service expire home", "home-unmarked", &["service recover"]);
    place.refused(
        "service recover home --kit bruno --from seals",
        "recovery-kits",
        &["1 of", "2 are needed"],
    );
    let said = place.ok("service recover home --kit alice --kit bruno --from seals");
    for line in [
        "compare with what each custodian keeps on paper",
        "the home has",
        "keep on paper, `alice`",
    ] {
        assert!(said.contains(line), "{line}\n{said}");
    }
    assert!(place.read("home/ledger.jsonl").starts_with(before.trim_end()));
    // Whoever approves from now on sees it.
    let line = "  recovered the home had lost events, and has them again from copies since event ";
    let said = place.quorum(&code(&place, "fifth"));
    assert!(said.contains(line), "{said}");
    for kit in ["alice", "bruno", "chloe"] {
        place
            .ok(&format!("custodian check {kit} --ledger home/ledger.jsonl --out {kit}-seen.json"));
    }
    let audited = place.run("auditor verify home/ledger.jsonl --service home/card.json");
    assert_eq!(audited.status.code(), Some(3));
    let said = text(&audited.stdout);
    assert!(said.contains("the home had lost events"), "{said}");
}

/// A mirror is in step with the home, and takes its place.
#[test]
fn a_mirror_takes_the_place_of_a_lost_home() {
    let place = Place::founded_with("--life lives --mirror mirror");
    place.quorum("service open home population --kind statistics");
    place.quorum("service open home cohort --kind research --ends 2035-12-31");
    place.quorum(&code(&place, "first"));
    for file in
        ["ledger.jsonl", "checkpoint", "card.json", "places.json", "keys/population.1.1.key"]
    {
        assert_eq!(
            place.read(&format!("mirror/{file}")),
            place.read(&format!("home/{file}")),
            "{file}"
        );
    }
    assert!(!place.exists("mirror/identity") && !place.exists("mirror/life"));
    // What is destroyed in the home is destroyed there.
    place.quorum("service close home cohort");
    assert!(!place.exists("mirror/keys/cohort.1.1.key"));

    // Behind, what needs nobody works and says so; no quorum is asked.
    fs::rename(place.path("mirror"), place.path("away")).unwrap();
    let doubt = place.run("service doubt home population --kit bruno");
    assert_eq!(doubt.status.code(), Some(3));
    assert!(text(&doubt.stderr).contains("the mirror in"), "{}", text(&doubt.stderr));
    place.refused_quorum(
        "service new-key home population --reason doubt",
        "mirror-behind",
        &["brings it up"],
    );
    fs::rename(place.path("away"), place.path("mirror")).unwrap();
    place.quorum("service new-key home population --reason doubt");
    assert_eq!(place.read("mirror/ledger.jsonl"), place.read("home/ledger.jsonl"));

    // A mirror that is lost is declared anew.
    fs::rename(place.path("mirror"), place.path("gone")).unwrap();
    let said = place.ok("service recover home --mirror other");
    assert!(said.contains("/other\" is used from now on"), "{said}");
    place.quorum("service open home income --kind statistics");
    assert_eq!(place.read("other/ledger.jsonl"), place.read("home/ledger.jsonl"));
    fs::rename(place.path("other"), place.path("mirror")).unwrap();
    place.ok("service recover home --mirror mirror");

    // A place of life secrets that is there is not given up; nothing is made for a refused one.
    place.refused("service recover home --life elsewhere", "place-there", &["lives", "--life too"]);
    place.refused("service recover nowhere", "no-service", &["put back what is left"]);
    assert!(!place.exists("elsewhere") && !place.exists("nowhere"));

    // The home is lost but for its signing key, which lies in the safe.
    fs::copy(place.path("home/identity"), place.path("safe")).unwrap();
    copy(&place, "mirror", "home");
    fs::rename(place.path("safe"), place.path("home/identity")).unwrap();
    place.quorum(&code(&place, "second"));
    assert_eq!(place.read("mirror/ledger.jsonl"), place.read("home/ledger.jsonl"));
}

/// The key of a generation is lost: its codes are never renewed, and `check` says so beside later
/// ones.
#[test]
fn codes_whose_key_is_lost_are_not_compared_with_later_ones() {
    let place = Place::open();
    place.write("one.csv", csv(&identifiers(30)));
    place.coded("one", "nir", "population", 1);
    place.quorum("service new-key home population --reason scheduled");
    place.write("two.csv", csv(&identifiers(30)));
    place.coded("two", "nir", "population", 2);
    fs::remove_file(place.path("home/keys/population.2.1.key")).unwrap();
    let said = place.ok("service recover home --kit alice --kit bruno");
    assert!(said.contains("generation 2 is nowhere: it will be recorded as lost"), "{said}");
    place.quorum("service new-key home population --reason scheduled");
    place.renewed("one", 1, "population", 3);
    for order in ["two-2.csv one-3.csv", "one-3.csv two-2.csv"] {
        place.refused(
            &format!("controller check {order}"),
            "generation-left-out",
            &["\"two-2.csv\" is of generation 2, whose key is lost", "from its identifiers"],
        );
    }
    place.refused("controller check one-1.csv one-3.csv", "mixed-generations", &["renew"]);
    place.refused("controller check one-1.csv two-2.csv", "mixed-generations", &["renew"]);
    // The service renews them no further either.
    place.ok("controller prepare two-2.csv --code-column code --request r.csv --retained t.csv");
    place.refused_quorum(
        "service renew home population --request r.csv --result s.csv --purpose test",
        "key-lost",
        &["generation 2"],
    );
}
