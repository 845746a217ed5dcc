//! The rooms of each crate stand in one order, which its `lib.rs` or `main.rs` gives, and each uses
//! only those above it: in its paths, and in the types that it gives methods to. Tests inside a
//! room may use what they like.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Where the crates are, the file of each that declares its rooms, and what its rooms may use
/// against the order: in base `french!` is a macro, not a room; in the register what is asked of an
/// index are verbs with a room each, and how traits lie in its files is the business of the room
/// for that; in the program the whole command line is played, and described by its manual.
const CRATES: [(&str, &str, &[&str]); 12] = [
    ("", "lib", &[]),
    ("crates/base", "lib", &["french"]),
    ("crates/keys", "lib", &[]),
    ("crates/record", "lib", &[]),
    ("crates/register", "lib", &["Index", "Traits"]),
    ("crates/rows", "lib", &[]),
    ("crates/controller", "lib", &[]),
    ("crates/parcel", "lib", &[]),
    ("crates/bulk", "lib", &[]),
    ("crates/link", "lib", &[]),
    ("crates/terminal", "lib", &[]),
    ("crates/cli", "main", &["Cli"]),
];

/// The rooms of a crate, lowest first.
type Rooms = Vec<String>;

fn place(rooms: &Rooms, room: &str) -> Option<usize> {
    rooms.iter().position(|known| known == room)
}

/// The rooms that `source` declares, and before them those that it takes from the crate for what
/// programs have in common.
fn rooms(source: &str) -> Rooms {
    let module = |line: &str| {
        let line = line.strip_prefix("pub ").unwrap_or(line);
        Some(line.strip_prefix("mod ")?.strip_suffix(';')?.to_owned())
    };
    let taken = source.lines().find_map(|line| line.strip_prefix("use cstatns_terminal::{"));
    let taken = taken.and_then(|names| names.strip_suffix("};")).unwrap_or_default().split(", ");
    let taken = taken.filter(|name| name.starts_with(|c: char| c.is_ascii_lowercase()));
    taken.map(str::to_owned).chain(source.lines().filter_map(module)).collect()
}

/// The code without comments and without `#[cfg(test)]` items. Items end at a brace in the first
/// column, as rustfmt writes them; `//` inside a string only hides the rest of its line.
fn code_of(source: &str) -> String {
    let mut code = String::new();
    let mut lines = source.lines();
    while let Some(line) = lines.next() {
        if line.trim() == "#[cfg(test)]" {
            let indent = &line[..line.len() - line.trim_start().len()];
            let one_line = lines.next().is_some_and(|item| item.ends_with(';'));
            if !one_line {
                let end = format!("{indent}}}");
                lines.by_ref().find(|line| **line == end);
            }
            continue;
        }
        code.push_str(line.split("//").next().unwrap_or_default());
        code.push('\n');
    }
    code
}

fn word(text: &str) -> &str {
    let end = text.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(text.len());
    &text[..end]
}

/// The first word of each branch of what follows a `crate::`: one, or those of a `{ … }`.
fn first_words(path: &str) -> Vec<String> {
    let Some(group) = path.strip_prefix('{') else { return vec![word(path).to_owned()] };
    let (mut depth, mut words, mut at_start) = (0, Vec::new(), true);
    for (at, c) in group.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => at_start = true,
            _ if at_start && !c.is_whitespace() => {
                words.push(word(&group[at..]).to_owned());
                at_start = false;
            }
            _ => {}
        }
    }
    words
}

/// The first words of the paths in `code` that begin with `root`.
fn uses(code: &str, root: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for (at, _) in code.match_indices(root) {
        let before = code[..at].chars().next_back().unwrap_or(' ');
        if !before.is_alphanumeric() && before != '_' && before != ':' {
            found.extend(first_words(code[at + root.len()..].trim_start()));
        }
    }
    found
}

/// The types to which `code` gives methods of their own, and the types that it defines.
fn types(code: &str) -> (BTreeSet<String>, BTreeSet<String>) {
    let (mut extended, mut defined) = (BTreeSet::new(), BTreeSet::new());
    for line in code.lines() {
        if let Some(rest) = line.strip_prefix("impl").filter(|rest| rest.starts_with([' ', '<'])) {
            // Past the generic parameters, if any.
            let rest = rest.strip_prefix('<').map_or(rest, |rest| {
                let mut depth = 1;
                let end = rest.find(|c| {
                    depth += i32::from(c == '<') - i32::from(c == '>');
                    depth == 0
                });
                &rest[end.map_or(rest.len(), |end| end + 1)..]
            });
            if !rest.contains(" for ") {
                extended.insert(word(rest.trim_start()).to_owned());
            }
        }
        let visible = line.strip_prefix("pub").and_then(|rest| rest.split_once(' '));
        let item = visible.map_or(line, |(_, item)| item);
        for keyword in ["struct ", "enum ", "type "] {
            defined.extend(item.strip_prefix(keyword).map(|rest| word(rest).to_owned()));
        }
    }
    (extended, defined)
}

/// A source file: its path below `src` without `.rs`, and its text.
type File = (String, String);

fn is_test(path: &str) -> bool {
    path.ends_with("/tests") || path.contains("/tests/")
}

/// Every breach of the order in these files.
fn breaches(rooms: &Rooms, allowed: &[&str], files: &[File]) -> Vec<String> {
    let room_of = |path: &str| path.split('/').next().unwrap_or_default().to_owned();
    let mut breaches = Vec::new();
    for (path, source) in files.iter().filter(|(path, _)| !is_test(path)) {
        let (room, code) = (room_of(path), code_of(source));
        let Some(own) = place(rooms, &room) else {
            breaches.push(format!("src/{path}.rs: `{room}` has no place in the order"));
            continue;
        };
        let mut used = uses(&code, "crate::");
        // The same root from here; in a module within the file these words mean something else.
        let root = "super::".repeat(path.split('/').count());
        used.extend(uses(&code, &root).into_iter().filter(|word| place(rooms, word).is_some()));
        for used in used.into_iter().filter(|used| !allowed.contains(&used.as_str())) {
            match place(rooms, &used) {
                Some(other) if other > own => {
                    breaches.push(format!("src/{path}.rs uses the later `{used}`"))
                }
                None => breaches.push(format!("src/{path}.rs uses `{used}`, which is no room")),
                Some(_) => {}
            }
        }
        let siblings = files.iter().filter(|(other, _)| room_of(other) == room);
        let defined: BTreeSet<String> =
            siblings.flat_map(|(_, source)| types(&code_of(source)).1).collect();
        let extended = types(&code).0;
        for extended in
            extended.difference(&defined).filter(|name| !allowed.contains(&name.as_str()))
        {
            breaches.push(format!("src/{path}.rs gives methods to `{extended}` of another room"));
        }
    }
    breaches
}

fn collect(directory: &Path, below: &str, files: &mut Vec<File>) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        let stem = path.file_stem().unwrap().to_str().unwrap();
        let name = if below.is_empty() { stem.to_owned() } else { format!("{below}/{stem}") };
        if path.is_dir() {
            collect(&path, &name, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push((name, fs::read_to_string(&path).unwrap()));
        }
    }
}

/// The source files of a crate.
fn sources(at: &str) -> Vec<File> {
    let mut files = Vec::new();
    collect(&Path::new(env!("CARGO_MANIFEST_DIR")).join(at).join("src"), "", &mut files);
    files
}

/// The rooms of a crate, as the file that declares them has them, and the files in them.
fn house(at: &str, contents: &str) -> (Rooms, Vec<File>) {
    // A program beside a library is another crate: it has rooms of its own, in few files.
    let own = sources(at).into_iter().filter(|(path, _)| !path.starts_with("bin/"));
    let (page, files): (Vec<File>, Vec<File>) = own.partition(|(path, _)| path == contents);
    (rooms(&page[0].1), files)
}

#[test]
fn each_room_uses_only_those_above_it() {
    let mut used = 0;
    for (at, contents, allowed) in CRATES {
        let (rooms, files) = house(at, contents);
        // Two rooms and their French, or one.
        let least = match at {
            "crates/keys" => 3,
            "crates/link" => 2,
            _ => 4,
        };
        assert!(
            rooms.len() >= least && files.len() >= rooms.len(),
            "{at}: {} rooms found",
            rooms.len()
        );
        assert_eq!(breaches(&rooms, allowed, &files), Vec::<String>::new(), "{at}");
        used +=
            files.iter().map(|(_, source)| uses(&code_of(source), "crate::").len()).sum::<usize>();
    }
    assert!(used >= 200, "only {used} uses found: is this test still reading the code?");
}

/// A file is read as a whole: beyond this it is several things. The lanes are one, with their
/// tests.
#[test]
fn no_file_is_longer_than_500_lines() {
    let long: Vec<String> = CRATES
        .iter()
        .flat_map(|(at, ..)| {
            sources(at).into_iter().map(move |(path, source)| (format!("{at}/{path}"), source))
        })
        .filter(|(path, source)| source.lines().count() > 500 && path != "crates/base/mac/lanes")
        .map(|(path, _)| path)
        .collect();
    assert_eq!(long, Vec::<String>::new());
}

/// What differs between operating systems is asked in the room for files, and what is asked of a
/// process in that for secrets.
#[test]
fn the_operating_system_is_asked_in_one_room() {
    let asks = |(path, source): &File| {
        (code_of(source).contains("std::os") && !path.starts_with("crates/base/files"))
            .then(|| path.clone())
    };
    let all = CRATES.iter().flat_map(|(at, ..)| {
        sources(at).into_iter().map(move |(path, source)| (format!("{at}/{path}"), source))
    });
    let all: Vec<File> = all.collect();
    assert_eq!(all.iter().filter_map(asks).collect::<Vec<_>>(), Vec::<String>::new());
    assert_eq!(
        asks(&("crates/cli/output".to_owned(), "use std::os::unix::fs::X;\n".to_owned()))
            .as_deref(),
        Some("crates/cli/output")
    );
}

/// Schemes are passed: what names one outside its own file is the register, the guard and the
/// program's default.
#[test]
fn a_scheme_is_named_in_three_places() {
    let all = CRATES.iter().flat_map(|(at, ..)| {
        sources(at).into_iter().map(move |(path, source)| (format!("{at}/{path}"), source))
    });
    let names = |(path, source): (String, String)| {
        let is_its_own = path.starts_with("crates/base/identifier") || is_test(&path);
        (!is_its_own && code_of(&source).contains("FrNir")).then_some(path)
    };
    let found: BTreeSet<String> = all.filter_map(names).collect();
    let expected = ["crates/base/civil_status", "crates/cli/scheme", "crates/rows/guard"];
    assert_eq!(found, expected.map(str::to_owned).into());
}

/// Every crate of the workspace is held to the order.
#[test]
fn no_crate_is_left_out() {
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).join("crates");
    let mut found: Vec<PathBuf> =
        fs::read_dir(crates).unwrap().map(|entry| entry.unwrap().path()).collect();
    found.retain(|path| path.join("Cargo.toml").is_file());
    assert_eq!(found.len() + 1, CRATES.len(), "{found:?}");
}

#[test]
fn a_breach_is_found() {
    let file = |path: &str, source: &str| (path.to_owned(), source.to_owned());
    let rooms: Rooms =
        "name code sharing mac coder custody ledger state".split(' ').map(str::to_owned).collect();
    let breach = |path: &str, source: &str| breaches(&rooms, &[], &[file(path, source)]);
    let good = [
        ("custody", "use crate::sharing::Share;\nuse crate::{name::{Hex, Name}, code::Code};\n"),
        (
            "custody/share",
            "use super::Card;\nuse super::super::name::Name;\nuse super::approval;\n",
        ),
        (
            "mac",
            "/// See [`crate::coder`].\n// crate::state\npub(crate) struct MacKey;\nimpl MacKey \
            {}\n",
        ),
        (
            "mac",
            "#[cfg(test)]\nmod tests {\n    use crate::coder::Coder;\n    fn f() {\n    }\n}\n",
        ),
        (
            "mac",
            "struct Key<const N: usize>;\nimpl<const N: usize> Key<N> {}\nimpl From<Key> for u8 \
            {}\n",
        ),
    ];
    for (path, source) in good {
        assert_eq!(breach(path, source), Vec::<String>::new(), "{source}");
    }
    let bad = [
        ("mac", "use crate::coder::Coder;\n"),
        ("mac", "fn f() { crate::state::g(); }\n"),
        ("mac", "use crate::{name::{Hex, Name}, state::State};\n"),
        ("mac", "use crate::{\n    name::Name,\n    state::{State, Domain},\n};\n"),
        ("mac", "use super::coder;\n"),
        ("custody/share", "use crate::ledger;\n"),
        ("custody/share", "use super::super::ledger::Ledger;\n"),
        ("mac", "#[cfg(test)]\nmod tests {\n}\n\nuse crate::coder;\n"),
        ("mac", "#[cfg(test)]\nuse crate::name;\nuse crate::coder;\n"),
        ("attic", "fn f() {}\n"),
        ("mac", "use crate::attic;\n"),
        ("ledger", "use crate::custody::Head;\n\nimpl Head {\n}\n"),
        ("ledger", "impl<T> Signed<T> {\n}\n"),
    ];
    for (path, source) in bad {
        assert_eq!(breach(path, source).len(), 1, "{source}");
    }
    // What a program takes of the crate for all of them lies below its own.
    let program =
        "mod help;\nuse cstatns_terminal::{lang, output};\nuse cstatns_terminal::{Options};\n";
    assert_eq!(self::rooms(program), ["lang", "output", "help"]);
    // A type of the same room, defined in another of its files.
    for defined in ["struct Head;\n", "pub struct Head(u8);\n", "pub(super) enum Head {}\n"] {
        let room = [file("custody", defined), file("custody/share", "impl Head {}\n")];
        assert_eq!(breaches(&rooms, &[], &room), Vec::<String>::new());
    }
}

/// The public enums of these files that are exhaustive.
fn exhaustive(files: &[File]) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for (_, source) in files {
        let lines: Vec<&str> = source.lines().collect();
        for (at, line) in lines.iter().enumerate() {
            let Some(rest) = line.strip_prefix("pub enum ") else { continue };
            let attributes = lines[..at]
                .iter()
                .rev()
                .take_while(|line| line.starts_with('#') || line.starts_with(')'));
            if !attributes.into_iter().any(|line| *line == "#[non_exhaustive]") {
                found.insert(word(rest).to_owned());
            }
        }
    }
    found
}

/// A public enum may grow without breaking its users. Exhaustive are those over which another crate
/// decides, destroys or renders, where a new case must not compile before it is handled; a step of
/// the storage, which tests go through; and what cannot grow.
#[test]
fn a_public_enum_is_exhaustive_only_for_a_reason() {
    let expected = [
        ("crates/base", &["Fate", "KeyState", "Kind", "Lang", "RenewalReason", "Sex", "Step"][..]),
        (
            "crates/record",
            &[
                "About",
                "Action",
                "Content",
                "Destroyed",
                "Doubted",
                "Fate",
                "Lapse",
                "Means",
                "ReceivedFile",
                "Stated",
                "Suite",
            ],
        ),
        ("crates/register", &["Truth"]),
        ("", &["Remark"]),
    ];
    for (at, expected) in expected {
        let expected: BTreeSet<String> = expected.iter().map(|name| (*name).to_owned()).collect();
        assert_eq!(exhaustive(&sources(at)), expected, "{at}");
    }
    let open = "#[derive(Debug)]\n#[non_exhaustive]\npub enum A {\n}\n";
    let closed = "#[non_exhaustive]\nstruct S;\n\n#[derive(Debug)]\npub enum B<T> {\n}\n";
    let files = [("a".to_owned(), open.to_owned()), ("b".to_owned(), closed.to_owned())];
    assert_eq!(exhaustive(&files), ["B".to_owned()].into());
}
