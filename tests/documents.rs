//! What the documents point at is there, and README stays one screen that says what a buyer must know first.

use std::fs;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_owned()
}

fn documents(directory: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        if path.is_dir() && !name.starts_with('.') && name != "target" && name != "corpus" {
            documents(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "md") {
            found.push(path);
        }
    }
}

/// The links of a text that lead to files, without those in code.
fn links(text: &str) -> Vec<String> {
    let prose: String = text.split('`').step_by(2).collect();
    let targets = prose.split("](").skip(1).filter_map(|rest| rest.split_once(')')).map(|(target, _)| target);
    targets.filter(|target| !target.contains("://")).map(str::to_owned).collect()
}

/// The links that lead nowhere.
fn broken(document: &Path, text: &str) -> Vec<String> {
    let is_there = |target: &String| {
        let (file, anchor) =
            target.split_once('#').map_or((target.as_str(), None), |(file, anchor)| (file, Some(anchor)));
        let path = if file.is_empty() { document.to_owned() } else { document.parent().unwrap().join(file) };
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
    documents(&root(), &mut found);
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
        broken(&readme, "[a](NOWHERE.md) [b](SPEC.md#nothing-there) [c](SPEC.md) `[d](e.md)`").len(),
        2
    );
}

#[test]
fn readme_is_one_screen_and_says_first_what_this_is_not() {
    for (file, words) in [
        ("README.md", ["not released", "not yet reviewed by an independent cryptographer", "Linux"]),
        ("README.fr.md", ["non publiée", "pas encore relue par un cryptographe indépendant", "Linux"]),
    ] {
        let text = fs::read_to_string(root().join(file)).unwrap();
        assert!(text.lines().count() <= 150, "{file}");
        let first: String = text.lines().take(12).collect();
        words.iter().for_each(|word| assert!(first.contains(word), "{file}: {word}"));
    }
}
