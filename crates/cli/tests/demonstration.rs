//! The demonstration: what it tells, what it leaves, and what it must not leave.

mod common;

use common::{Place, text};

#[test]
fn the_demonstration_tells_and_keeps_its_promises() {
    let place = Place::default();
    let output = place.run("demo stage --rows 400 --seed 3");
    let told = text(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{told}\n{}", text(&output.stderr));
    assert!(output.stderr.is_empty(), "{}", text(&output.stderr));
    for part in ["1. The ceremony", "$ cstatns service code", "the truth", "0 files hold one"] {
        assert!(told.contains(part), "{part}");
    }
    place.refused("demo stage", "output-exists", &["stage"]);

    let summary = place.json("demo other --rows 400 --seed 3");
    assert!(summary["people_in_both"].as_u64().unwrap() > 20);
    assert_eq!(summary["files_with_an_identifier"], 0);
    assert_eq!(summary["keys_past_their_end"], 0);
    // The seed makes the data, never the keys: same people, other codes.
    let told_people = format!("finds {} people", summary["people_in_both"]);
    assert!(told.contains(&told_people));
    let (a, b) = (
        place.codes("stage/courses/courses-renewed.csv"),
        place.codes("other/courses/courses-renewed.csv"),
    );
    assert!(a.len() == b.len() && a.keys().all(|code| !b.contains_key(code)));
}
