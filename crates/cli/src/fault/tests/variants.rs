//! Every variant of every error with a code is made once: its code is stable, its facts are
//! coordinates, nothing that it says is data, and the program knows what to do about it.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use cstatns_terminal::advice::{rows, rows_used, table};

use super::samples::{PLANTED, samples};
use crate::fault::Fault;
use crate::lang::Lang;

/// The names that facts may have: coordinates.
const COORDINATES: &str = "path file row rows line opened column group limit key kind reason field \
    other delimiter \
    domain service tag generation expected_tag expected_generation expected found wanted content \
    kept counted custodian owner \
    custodians needed given cards external epoch event covered run delivery part parts approved minimum missing extra count \
    invalid filled action \
    position ends least clock time date \
    numbers packing codec titles encoded like wide \
    sender receiver expires made parcel people source until";

/// Codes without advice: the cause says it all.
const CAUSE_SAYS_ALL: &str = "name score wrong-character wrong-length wrong-form wrong-control-key \
    code-form code-generation code-tag \
    code-bytes checkpoint-bad-origin minimum-batch cryptoperiod nothing-lost";

/// The sources below `directory`, without tests.
fn sources(directory: &Path, found: &mut Vec<(PathBuf, String)>) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() && !path.ends_with("tests") {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs")
            && !path.ends_with("tests.rs")
        {
            found.push((path.clone(), fs::read_to_string(path).unwrap()));
        }
    }
}

fn all_sources() -> Vec<(PathBuf, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut found = Vec::new();
    sources(&root.join("src"), &mut found);
    let parts = "base keys record register rows controller parcel bulk link terminal cli";
    for part in parts.split(' ') {
        sources(&root.join("crates").join(part).join("src"), &mut found);
    }
    found
}

fn word(text: &str) -> &str {
    let end = text.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(text.len());
    &text[..end]
}

/// The body of the definition of `name`, if `source` has it: of an enum its variants, of a struct
/// its fields.
fn definition<'a>(source: &'a str, name: &str) -> Option<(&'static str, &'a str)> {
    ["enum", "struct"].into_iter().find_map(|kind| {
        source.match_indices(&format!("{kind} {name}")).find_map(|(at, found)| {
            let rest = &source[at + found.len()..];
            let end = match rest.chars().next()? {
                ';' | '(' => rest.find(";\n")?,
                ' ' => rest.find("\n}")?,
                _ => return None,
            };
            Some((kind, &rest[..end]))
        })
    })
}

/// `Type::Variant` of every error in `sources` that has a code; of a struct its name alone.
fn declared(sources: &[(PathBuf, String)]) -> (BTreeSet<String>, Vec<String>) {
    let (mut found, mut wrong) = (BTreeSet::new(), Vec::new());
    for (path, source) in sources {
        let coded: BTreeSet<&str> = source
            .lines()
            .filter_map(|line| {
                Some(word(line.split_once("::coded!(")?.1)).filter(|_| !line.starts_with("//"))
            })
            .collect();
        for name in &coded {
            let Some((kind, body)) = definition(source, name) else { continue };
            if body.contains("String")
                || body.contains("Vec<u8>")
                || body.contains("[u8")
                || body.contains("Value")
            {
                wrong.push(format!("{}: {name} holds a free text", path.display()));
            }
            let variants = body.lines().filter_map(|line| line.strip_prefix("    "));
            let variants =
                variants.filter(|line| line.starts_with(|c: char| c.is_ascii_uppercase()));
            match kind {
                "enum" => found.extend(variants.map(|line| format!("{name}::{}", word(line)))),
                _ => drop(found.insert((*name).to_owned())),
            }
        }
        // Every error has a code.
        for (at, _) in source.match_indices("thiserror::Error)]") {
            let item = source[at..].lines().find_map(|line| {
                let line = line.strip_prefix("pub ").unwrap_or(line);
                line.strip_prefix("enum ").or(line.strip_prefix("struct ")).map(word)
            });
            if let Some(name) = item.filter(|name| !coded.contains(name)) {
                wrong.push(format!("{}: {name} has no code", path.display()));
            }
        }
    }
    (found, wrong)
}

#[test]
fn every_variant_is_made() {
    let (declared, wrong) = declared(&all_sources());
    assert_eq!(wrong, Vec::<String>::new());
    assert!(
        declared.len() >= 230,
        "only {} found: is this test still reading the sources?",
        declared.len()
    );
    let made: BTreeSet<String> = samples().iter().map(|sample| sample.variant.clone()).collect();
    assert_eq!(
        declared.difference(&made).collect::<Vec<_>>(),
        Vec::<&String>::new(),
        "without a sample"
    );
    assert_eq!(
        made.difference(&declared).collect::<Vec<_>>(),
        Vec::<&String>::new(),
        "not declared"
    );
}

#[test]
fn what_is_not_right_in_the_sources_is_found() {
    let source = "#[derive(Debug, thiserror::Error)]\n#[non_exhaustive]\npub enum A {\n    /// \
        One.\n    #[error(\"x\")]\n    \
        One {\n        cell: String,\n    },\n    Two,\n}\ncrate::coded!(A \
        {\n});\n#[derive(thiserror::Error)]\npub struct B;\n";
    let (found, wrong) = declared(&[(PathBuf::from("a.rs"), source.to_owned())]);
    assert_eq!(found.into_iter().collect::<Vec<_>>(), ["A::One", "A::Two"]);
    assert_eq!(wrong, ["a.rs: A holds a free text", "a.rs: B has no code"]);
}

#[test]
fn nothing_that_is_said_is_data() {
    let names: BTreeSet<&str> = COORDINATES.split_whitespace().collect();
    for sample in samples() {
        let (error, variant) = (&*sample.error, &sample.variant);
        let code = error.code();
        let is_word = |word: &str| {
            !word.is_empty() && word.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
        };
        assert!(code.split('-').all(is_word), "{variant}: {code:?}");
        let facts = error.facts();
        let mut said = vec![error.to_string()];
        said.extend([Lang::En, Lang::Fr].map(|lang| Fault::said_in(lang, error, &[]).text()));
        for fact in &facts {
            assert!(names.contains(fact.name()), "{variant}: `{}` is no coordinate", fact.name());
            said.push(fact.value().to_owned());
        }
        for said in said {
            let clean = !PLANTED.iter().any(|planted| said.contains(planted));
            assert!(clean && !said.contains('\n'), "{variant} says {said:?}");
        }
    }
}

#[test]
fn every_error_has_its_advice_and_every_advice_an_error() {
    let silent: BTreeSet<&str> = CAUSE_SAYS_ALL.split_whitespace().collect();
    let (mut without, mut used) = (BTreeSet::new(), BTreeSet::new());
    for sample in samples() {
        let error = &*sample.error;
        let found = rows_used(table(Lang::En), error.code(), error.blame(), &error.facts());
        if found.is_empty() {
            without.insert(error.code());
        }
        used.extend(found);
        let line = Fault::of(error, &[]).line().unwrap();
        assert!(line.starts_with(&format!("error[{}]: {error}", error.code())), "{line}");
        assert!(
            !line.contains(['{', '}']) && !line.contains(": :") && !line.contains(": ;"),
            "{line}"
        );
    }
    assert_eq!(without, silent, "codes without advice");
    let all: Vec<&str> = rows(table(Lang::En)).map(|(row, _)| row).collect();
    assert_eq!(all.iter().collect::<BTreeSet<_>>().len(), all.len(), "a row stands twice");
    let dead: Vec<_> = all.into_iter().filter(|row| !used.contains(row)).collect();
    assert_eq!(dead, Vec::<&str>::new(), "rows that no error needs");
    for (row, said) in rows(table(Lang::En)) {
        assert!(
            !said.contains("{path}") && !said.contains("{file}"),
            "{row}: a path is shown by the cause"
        );
    }
}

/// What a sentence says of the case at hand: its names and paths, between quotes, and its numbers.
fn facts_in(text: &str) -> BTreeSet<String> {
    let quoted = ['`', '"'].into_iter().flat_map(|quote| text.split(quote).skip(1).step_by(2));
    let numbers = text.split(|c: char| !c.is_ascii_digit()).filter(|digits| !digits.is_empty());
    quoted.chain(numbers).map(str::to_owned).collect()
}

/// What is wrong with a French text as such.
fn is_well_set(text: &str) -> bool {
    // Two signs stand after a space that does not break, never after another one.
    !text.contains(['\u{2019}', '\n'])
        && [':', ';', '?', '!', '»'].iter().all(|sign| !text.contains(&format!(" {sign}")))
}

#[test]
fn what_is_said_in_french_says_the_same() {
    let mut wrong = Vec::new();
    for sample in samples() {
        let [english, french] =
            [Lang::En, Lang::Fr].map(|lang| Fault::said_in(lang, &*sample.error, &[]).answer());
        let [english, french] = [&english["error"], &french["error"]];
        let [cause, cause_fr] = [english, french].map(|error| error["message"].as_str().unwrap());
        let [advice, advice_fr] = [english, french].map(|error| error["advice"].as_str());
        let differs = cause != cause_fr && (advice != advice_fr || advice.is_none());
        let says_the_same = facts_in(cause) == facts_in(cause_fr);
        let set = [Some(cause_fr), advice_fr].into_iter().flatten();
        if !differs || !says_the_same || !set.into_iter().all(is_well_set) {
            wrong.push(format!("{}: {english} / {french}", sample.variant));
        }
    }
    for ((row, english), (_, french)) in rows(table(Lang::En)).zip(rows(table(Lang::Fr))) {
        let placeholders = |text: &'static str| -> BTreeSet<&str> {
            text.split('{').skip(1).filter_map(|rest| rest.split('}').next()).collect()
        };
        if placeholders(english) != placeholders(french) || !is_well_set(french) {
            wrong.push(format!("{row}: {french}"));
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
}
