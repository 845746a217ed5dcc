//! What the documents point at is there, and README stays one screen that says what a buyer must
//! know first.

use std::fs;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_owned()
}

fn collect(directory: &Path, extension: &str, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        if path.is_dir() && !name.starts_with('.') && name != "target" && name != "corpus" {
            collect(&path, extension, found);
        } else if path.extension().is_some_and(|own| own == extension) {
            found.push(path);
        }
    }
}

/// The links of a text that lead to files, without those in code.
fn links(text: &str) -> Vec<String> {
    let prose: String = text.split('`').step_by(2).collect();
    let targets =
        prose.split("](").skip(1).filter_map(|rest| rest.split_once(')')).map(|(target, _)| target);
    targets.filter(|target| !target.contains("://")).map(str::to_owned).collect()
}

/// The links that lead nowhere.
fn broken(document: &Path, text: &str) -> Vec<String> {
    let is_there = |target: &String| {
        let (file, anchor) = target
            .split_once('#')
            .map_or((target.as_str(), None), |(file, anchor)| (file, Some(anchor)));
        let path = if file.is_empty() {
            document.to_owned()
        } else {
            document.parent().unwrap().join(file)
        };
        let heading = |line: &str| {
            let title = line.trim_start_matches('#').trim().to_lowercase();
            title
                .chars()
                .filter(|c| c.is_alphanumeric() || *c == ' ' || *c == '-')
                .collect::<String>()
                .replace(' ', "-")
        };
        path.exists()
            && anchor.is_none_or(|anchor| {
                let text = fs::read_to_string(&path).unwrap();
                text.lines().any(|line| line.starts_with('#') && heading(line) == anchor)
            })
    };
    links(text).into_iter().filter(|target| !is_there(target)).collect()
}

#[test]
fn every_link_leads_somewhere() {
    let mut found = Vec::new();
    collect(&root(), "md", &mut found);
    assert!(found.len() >= 20, "{found:?}");
    let mut count = 0;
    for document in &found {
        let text = fs::read_to_string(document).unwrap();
        count += links(&text).len();
        assert_eq!(broken(document, &text), Vec::<String>::new(), "{document:?}");
    }
    assert!(count >= 50, "only {count} links found");
    let readme = root().join("README.md");
    assert_eq!(
        broken(&readme, "[a](NOWHERE.md) [b](SPEC.md#nothing-there) [c](SPEC.md) `[d](e.md)`")
            .len(),
        2
    );
}

/// The sections of SPEC.md that a text names and that are not there.
fn missing(text: &str, sections: &[String]) -> Vec<String> {
    let named = text.split("SPEC §").skip(1).map(|rest| {
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
        rest[..end].trim_end_matches('.').to_owned()
    });
    named.filter(|section| !sections.contains(section)).collect()
}

#[test]
fn every_section_of_the_specification_that_is_named_is_there() {
    let spec = fs::read_to_string(root().join("SPEC.md")).unwrap();
    let heading =
        |line: &str| Some(line.trim_start_matches('#').trim_start().split_once(' ')?.0.to_owned());
    let sections: Vec<String> =
        spec.lines().filter(|line| line.starts_with("##")).filter_map(heading).collect();
    let (mut found, mut named) = (Vec::new(), 0);
    ["rs", "md"].iter().for_each(|extension| collect(&root(), extension, &mut found));
    for path in found {
        let text = fs::read_to_string(&path).unwrap();
        named += text.matches("SPEC §").count();
        if !path.ends_with("tests/documents.rs") {
            assert_eq!(missing(&text, &sections), Vec::<String>::new(), "{path:?}");
        }
    }
    assert!(named >= 80, "only {named} found");
    assert_eq!(missing("SPEC §3.2, SPEC §99 and (SPEC §4.9).", &sections), ["99", "4.9"]);
}

#[test]
fn readme_is_one_screen_and_says_first_what_this_is_not() {
    for (file, words) in [
        (
            "README.md",
            ["not released", "not yet reviewed by an independent cryptographer", "Linux"],
        ),
        (
            "README.fr.md",
            ["non publiée", "pas encore relue par un cryptographe indépendant", "Linux"],
        ),
    ] {
        let text = fs::read_to_string(root().join(file)).unwrap();
        assert!(text.lines().count() <= 150, "{file}");
        let first: String = text.lines().take(12).collect();
        words.iter().for_each(|word| assert!(first.contains(word), "{file}: {word}"));
    }
}
