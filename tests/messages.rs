//! A library says what is wrong, and never names a command or an option of the program: programs
//! say what to do.

use std::fs;
use std::path::{Path, PathBuf};

/// The libraries, but the one with which programs talk, and the sources of the program that declare
/// its commands.
const LIBRARIES: [&str; 8] = [
    "src",
    "crates/base/src",
    "crates/record/src",
    "crates/register/src",
    "crates/rows/src",
    "crates/controller/src",
    "crates/bulk/src",
    "crates/link/src",
];
const ROLES: [&str; 5] = ["custodian", "service", "controller", "auditor", "register"];

/// Verbs that are words of the files too: in quotes alone they are those.
const WORDS: [&str; 3] = ["code", "status", "check"];

fn read(path: impl AsRef<Path>) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
}

/// `NewKey` as a command has it: `new-key`.
fn kebab(variant: &str) -> String {
    let mut word = String::new();
    for c in variant.chars() {
        if c.is_uppercase() && !word.is_empty() {
            word.push('-');
        }
        word.extend(c.to_lowercase());
    }
    word
}

/// The verbs of each role, as the program's sources declare them.
fn verbs() -> Vec<(&'static str, String)> {
    let mut verbs = Vec::new();
    for role in ROLES {
        let source = read(format!("crates/cli/src/{role}.rs"));
        let (_, after) = source.split_once("derive(Subcommand)").unwrap();
        let (_, body) = after.split_once("{\n").unwrap();
        let variants = body.lines().take_while(|line| *line != "}").filter_map(|line| {
            let (variant, _) = line.strip_prefix("    ")?.split_once('(')?;
            variant.starts_with(char::is_uppercase).then(|| kebab(variant))
        });
        verbs.extend(variants.map(|verb| (role, verb)));
    }
    verbs
}

/// Every `.rs` file below `directory`, except tests.
fn sources(directory: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs")
            && !path.ends_with("tests.rs")
        {
            found.push(path);
        }
    }
}

/// The source without `#[cfg(test)]` items, which end at a brace in the column where they begin.
fn without_tests(source: &str) -> String {
    let mut kept = String::new();
    let mut lines = source.lines();
    while let Some(line) = lines.next() {
        if line.trim() != "#[cfg(test)]" {
            kept.push_str(line);
            kept.push('\n');
        } else if !lines.next().is_some_and(|item| item.ends_with(';')) {
            let end = format!("{}}}", &line[..line.len() - line.trim_start().len()]);
            lines.by_ref().find(|line| **line == end);
        }
    }
    kept
}

/// The texts in quotes, with the lines on which they begin; comments hold none.
fn texts(source: &str) -> Vec<(usize, String)> {
    let (mut found, mut rest, mut line) = (Vec::new(), source, 1);
    let mut skip = |rest: &mut &str, bytes: usize| -> usize {
        line += rest[..bytes].matches('\n').count();
        *rest = &rest[bytes..];
        line
    };
    while let Some(at) = rest.find(['"', '\'', '/']) {
        let begin = skip(&mut rest, at);
        let comment = rest.starts_with("//").then(|| rest.find('\n').unwrap_or(rest.len()));
        // A character in quotes; else a lifetime.
        let character =
            ["'\"'", "'\\\"'", "'\\''"].into_iter().find(|quoted| rest.starts_with(quoted));
        if let Some(length) = comment.or(character.map(str::len)) {
            skip(&mut rest, length);
        } else if rest.starts_with('"') {
            let mut escaped = false;
            let end = rest[1..].find(|c| {
                let ends = c == '"' && !escaped;
                escaped = c == '\\' && !escaped;
                ends
            });
            let end = end.expect("a text ends") + 1;
            found.push((begin, rest[1..end].to_owned()));
            skip(&mut rest, end + 1);
        } else {
            skip(&mut rest, 1);
        }
    }
    found
}

/// What `text` names of the program.
fn named(verbs: &[(&str, String)], text: &str) -> Option<String> {
    let text = text
        .split('\\')
        .map(|part| part.strip_prefix('\n').map_or(part, str::trim_start))
        .collect::<String>();
    let ends = |rest: &str| !rest.starts_with(|c: char| c.is_alphanumeric() || "-_".contains(c));
    let whole = |phrase: &str| {
        text.match_indices(phrase).any(|(at, _)| {
            ends(&text[at + phrase.len()..])
                && !text[..at].ends_with(|c: char| c.is_alphanumeric() || "-_".contains(c))
        })
    };
    let option = text
        .match_indices("--")
        .find(|(at, _)| text[at + 2..].starts_with(|c: char| c.is_ascii_lowercase()));
    if let Some((at, _)) = option {
        return Some(text[at..].split(' ').next().unwrap_or_default().to_owned());
    }
    for (role, verb) in verbs {
        let quoted = format!("`{verb}`");
        if whole(&format!("{role} {verb}")) || (!WORDS.contains(&&**verb) && text.contains(&quoted))
        {
            return Some(format!("{role} {verb}"));
        }
    }
    ROLES.into_iter().map(|role| format!("cstatns {role}")).find(|command| text.contains(command))
}

#[test]
fn no_library_names_a_command_or_an_option() {
    let verbs = verbs();
    assert!(verbs.len() >= 20, "only {verbs:?} found: is this test still reading the program?");
    let (mut count, mut breaches) = (0, Vec::new());
    for library in LIBRARIES {
        let mut files = Vec::new();
        sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join(library), &mut files);
        // A program beside a library names its commands.
        for path in files.into_iter().filter(|path| !path.iter().any(|part| part == "bin")) {
            for (line, text) in texts(&without_tests(&read(&path))) {
                count += 1;
                let named = named(&verbs, &text);
                breaches
                    .extend(named.map(|named| format!("{}:{line} names {named}", path.display())));
            }
        }
    }
    assert!(count >= 500, "only {count} texts found: is this test still reading the libraries?");
    assert_eq!(breaches, Vec::<String>::new());
}

#[test]
fn a_breach_is_found() {
    let verbs = verbs();
    for bad in [
        r#"#[error("there is none: found one with `service init`")]"#,
        r#"#[error("another column is given by --map {}=COLUMN", 1)]"#,
        r#"#[error("the data has no codes: `prepare` found none")]"#,
        r#"let text = format!("a message (say {}) -- and --accept-risk", 'x');"#,
        "#[error(\n    \"two lines: run custodian \\\n     accept first\"\n)]",
        r#"let (quote, text) = ('"', "see cstatns register build");"#,
    ] {
        let found: Vec<_> = texts(bad).iter().filter_map(|(_, text)| named(&verbs, text)).collect();
        assert_eq!(found.len(), 1, "{bad}");
    }
    for good in [
        r#"#[error("the column `code` has no value -- and the service opens nothing")]"#,
        r#"// `service init` "is in a comment""#,
        r#"let life: &'static str = "`status` is text";"#,
    ] {
        let found: Vec<_> =
            texts(good).iter().filter_map(|(_, text)| named(&verbs, text)).collect();
        assert!(found.is_empty(), "{good}: {found:?}");
    }
    let tested =
        "fn f() {}\n#[cfg(test)]\nmod tests {\n    const A: &str = \"--map\";\n}\nfn g() {}\n";
    assert!(texts(&without_tests(tested)).is_empty());
}
