//! The second implementation, `tests/reference`, over what a service and its custodians leave:
//! ledgers, also tampered with, shares, seals, memories, requests and results.

use crate::common;
use crate::second;

use std::path::{Path, PathBuf};

use cstatns::commitment::{Commit, CommitmentKey, Context, Use};
use cstatns::domain::RenewalReason;
use cstatns::identifier::Scheme;
use serde_json::{Value, json};

use common::{PEOPLE, World, name, scratch};
use second::{Book, Folds, Laid, Random, Verdict, reference};

fn data(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(name)
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// One answer of the second implementation.
fn ask(arguments: &[&str]) -> Value {
    let mut answers = reference(arguments, String::new());
    assert_eq!(answers.len(), 1);
    answers.remove(0)
}

/// What these kits open in this home, with the codes of [`PEOPLE`].
fn open(home: &Path, kits: &[&PathBuf]) -> Value {
    let place = scratch();
    let people = place.path().join("people");
    std::fs::write(&people, PEOPLE.join("\n")).unwrap();
    let mut arguments = vec!["--open", text(home), "--people", text(&people), "--kit"];
    arguments.extend(kits.iter().map(|kit| text(kit)));
    ask(&arguments)
}

/// Asks the second implementation about these ledgers; panics where its verdicts are others.
fn compare(laid: &[(String, Laid)], verdicts: &[Verdict]) {
    let answers = reference(&["--ledgers"], laid.iter().map(|(_, laid)| laid.question()).collect());
    assert_eq!((answers.len(), verdicts.len()), (laid.len(), laid.len()));
    let all = laid.iter().zip(&answers).zip(verdicts);
    let differences: Vec<String> = all
        .filter(|((_, answer), verdict)| !verdict.is(answer))
        .map(|(((what, _), answer), verdict)| format!("{what}: {answer} and {verdict:?}"))
        .collect();
    assert!(differences.is_empty(), "{} differ:\n{}", differences.len(), differences.join("\n"));
}

#[test]
fn the_kept_ledger_holds() {
    let home = data("golden/home");
    let ledger = home.join("ledger.jsonl");
    let expected = json!({"holds": true, "events": Book::of(&home).lines.len()});
    assert_eq!(ask(&["--ledger", text(&ledger)]), expected);
    let card = home.join("card.json");
    assert_eq!(ask(&["--ledger", text(&ledger), "--card", text(&card)]), expected);
}

#[test]
fn every_quorum_of_the_kept_kits_opens_everything() {
    let home = data("golden/home");
    let kits: Vec<PathBuf> = (1..=3).map(|i| data(&format!("golden/kit-{i}"))).collect();
    let kept = |file: &str| -> Vec<String> {
        let text = std::fs::read_to_string(data("golden").join(file)).unwrap();
        text.lines().map(str::to_owned).collect()
    };
    let all = open(&home, &[&kits[0], &kits[1], &kits[2]]);
    assert_eq!(all["keys"].as_array().unwrap().len(), 3);
    assert_eq!(all["unknown"], json!([]));
    for (domain, generation, file) in [
        ("population", 0, "population-1.codes"),
        ("population", 1, "population-2.codes"),
        ("mobility", 0, "mobility-1.codes"),
    ] {
        let codes = all["codes"][domain].as_array().unwrap();
        let of: Vec<&str> = codes.iter().map(|code| code[generation].as_str().unwrap()).collect();
        assert_eq!(of, kept(file), "{file}");
    }
    for pair in [[0, 1], [0, 2], [1, 2]] {
        let some = open(&home, &[&kits[pair[0]], &kits[pair[1]]]);
        for field in ["root_check", "keys", "codes"] {
            assert_eq!(some[field], all[field], "{pair:?}: {field}");
        }
    }
    assert_eq!(open(&home, &[&kits[0]])["refused"], "too-few-shares");
    let seen = |memory: &Value| [&memory["count"], &memory["head"]].map(|of| of.as_u64().unwrap());
    let seen: Vec<_> = all["memories"].as_array().unwrap().iter().map(seen).collect();
    assert_eq!(seen, [[20, 103], [19, 98], [4, 98]]);
}

#[test]
fn a_fresh_story_holds_and_opens() {
    let world = World::founded(3, 4);
    world.statistics("population").unwrap();
    world.code("population", "first", &PEOPLE).unwrap();
    world.research("mobility", "2026-06-30").unwrap();
    world.new_key("population", RenewalReason::Scheduled).unwrap();
    world.renew("population", "second", &world.codes("first")).unwrap();
    world.doubt("mobility", 3).unwrap();
    let events = world.ledger().history.size();
    let ledger = world.home().join("ledger.jsonl");
    assert_eq!(ask(&["--ledger", text(&ledger)]), json!({"holds": true, "events": events}));
    let mut roots = Vec::new();
    for absent in 0..4 {
        let kits: Vec<&PathBuf> =
            (0..4).filter(|kit| *kit != absent).map(|kit| &world.kits[kit]).collect();
        let opened = open(&world.home(), &kits);
        let codes = opened["codes"]["population"].as_array().expect("it opens").iter();
        let [first, second] = ["first", "second"].map(|file| world.codes(file));
        for ((pair, first), second) in codes.zip(first).zip(second) {
            assert_eq!(*pair, json!([first.text(), second.text()]));
        }
        roots.push(opened["root_check"].clone());
    }
    roots.dedup();
    assert_eq!(roots.len(), 1);
    // A share that is not the one dealt is refused by its holder's name.
    std::fs::copy(world.kits[1].join("share-1"), world.kits[0].join("share-1")).unwrap();
    let opened = open(&world.home(), &[&world.kits[0], &world.kits[1], &world.kits[2]]);
    assert_eq!(opened, json!({"refused": "share", "of": "custodian-1"}));
}

/// Another value in the place of this one.
fn other(value: &Value, random: &mut Random) -> Value {
    match value {
        Value::Null => json!("other"),
        Value::Bool(is) => json!(!is),
        Value::Number(number) => {
            let n = number.as_u64().unwrap();
            [json!(n + 1), json!(n.wrapping_sub(1)), json!(0), json!(1_u64 << 53), json!(-1)]
                [random.below(5)]
            .clone()
        }
        Value::String(text) => {
            const WORDS: [&str; 12] = [
                "open",
                "close",
                "scheduled",
                "doubt",
                "opened",
                "expired",
                "withdrawn",
                "lost",
                "renew",
                "keys",
                "fi-hetu",
                "custodian-2",
            ];
            let at = random.below(text.len().max(1));
            let digit = |c: char| if c == '1' { '2' } else { '1' };
            let changed = text.char_indices().map(|(i, c)| if i == at { digit(c) } else { c });
            match random.below(6) {
                0 => json!(random.pick(&WORDS)),
                1 => json!(format!("{text}0")),
                2 => Value::Null,
                _ => json!(changed.collect::<String>()),
            }
        }
        Value::Array(items) => {
            let mut items = items.clone();
            match (items.is_empty(), random.below(3)) {
                (true, _) => items.push(json!("other")),
                (_, 0) => items.reverse(),
                (_, 1) => items.push(items[0].clone()),
                _ => drop(items.pop()),
            }
            Value::Array(items)
        }
        Value::Object(members) => {
            let mut members = members.clone();
            let gone = members.keys().nth(random.below(members.len().max(1))).cloned();
            match (gone, random.below(2)) {
                (Some(gone), 0) => drop(members.remove(&gone)),
                _ => drop(members.insert("other".into(), json!(1))),
            }
            Value::Object(members)
        }
    }
}

/// Changes one place of a value, at any depth, with what it is called.
fn change(value: &mut Value, random: &mut Random) -> String {
    let inner = match value {
        Value::Object(members) if !members.is_empty() => members.len(),
        Value::Array(items) if !items.is_empty() => items.len(),
        _ => 0,
    };
    if inner == 0 || random.one_in(8) {
        *value = other(value, random);
        return String::new();
    }
    let at = random.below(inner);
    match value {
        Value::Object(members) => {
            let (name, inner) = members.iter_mut().nth(at).unwrap();
            format!(".{name}{}", change(inner, random))
        }
        Value::Array(items) => format!("[{at}]{}", change(&mut items[at], random)),
        _ => unreachable!("it has something in it"),
    }
}

/// Every signature in a value, by its JSON pointer.
fn signatures(value: &Value, place: &str, found: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            for (name, inner) in members {
                match (name.as_str(), inner) {
                    ("signature", Value::String(_)) => found.push(format!("{place}/{name}")),
                    _ => signatures(inner, &format!("{place}/{name}"), found),
                }
            }
        }
        Value::Array(items) => items
            .iter()
            .enumerate()
            .for_each(|(at, item)| signatures(item, &format!("{place}/{at}"), found)),
        _ => {}
    }
}

#[test]
fn tampered_ledgers_are_judged_alike() {
    let genuine = Book::of(&data("golden/home"));
    let place = scratch();
    let mut random = Random(11);
    let folds = Folds::of(&genuine);
    let (mut laid, mut verdicts) = (Vec::new(), Vec::new());
    let mut lay = |what: String, book: &Book| {
        let of = book.lay(place.path().join(laid.len().to_string()));
        let line = folds.first_bad(&book.lines);
        // The auditor reads the whole file, so that only some can be left to them here.
        if laid.len() % 12 == 0 {
            let audit = of.verdict();
            assert_eq!((audit.holds, audit.line), (line.is_none(), line), "{what}\n{}", audit.why);
        }
        verdicts.push(Verdict { holds: line.is_none(), line, why: String::new() });
        laid.push((what, of));
    };
    let canonical = |line: &Value| cstatns::name::canonical_json(line);
    lay("nothing changed".into(), &genuine);
    for at in 0..genuine.lines.len() {
        let line: Value = serde_json::from_slice(&genuine.lines[at]).unwrap();
        // Signed anew by the service, and linked anew unless the change is of this kind.
        let mut with = |what: &str, relinked: bool, change: &mut dyn FnMut(&mut Book)| {
            let mut book = genuine.clone();
            change(&mut book);
            if relinked {
                book.relink();
            }
            lay(format!("line {}, {what}", at + 1), &book);
        };
        with("removed", true, &mut |book| drop(book.lines.remove(at)));
        with("twice", true, &mut |book| book.lines.insert(at, book.lines[at].clone()));
        with("swapped with the next", true, &mut |book| {
            let other = (at + 1) % book.lines.len();
            book.lines.swap(at, other);
        });
        with("removed, not relinked", false, &mut |book| drop(book.lines.remove(at)));
        with("not canonical", false, &mut |book| book.lines[at].insert(1, b' '));
        for relinked in [true, true, true, false] {
            let mut changed = line.clone();
            let what = match relinked {
                true => format!(".event{}", change(&mut changed["event"], &mut random)),
                false => change(&mut changed, &mut random),
            };
            with(&format!("{what}: {changed}"), relinked, &mut |book| {
                book.lines[at] = canonical(&changed);
            });
        }
        for (field, by) in [("clock", 1), ("time", 1), ("clock", -3600), ("clock", 41 * 86_400)] {
            let mut changed = line.clone();
            let time: jiff::Timestamp = line[field].as_str().unwrap().parse().unwrap();
            changed[field] = json!(time + jiff::SignedDuration::from_secs(by));
            with(&format!("{field} moved by {by}"), true, &mut |book| {
                book.lines[at] = canonical(&changed);
            });
        }
        let mut places = Vec::new();
        signatures(&line, "", &mut places);
        for place in &places {
            let mut changed = line.clone();
            let signature = changed.pointer_mut(place).unwrap();
            let mut bytes = signature.as_str().unwrap().as_bytes().to_vec();
            let digit = random.below(bytes.len());
            bytes[digit] = if bytes[digit] == b'0' { b'1' } else { b'0' };
            *signature = json!(String::from_utf8(bytes).unwrap());
            with(&format!("{place}, digit {digit}"), true, &mut |book| {
                book.lines[at] = canonical(&changed);
            });
        }
    }
    compare(&laid, &verdicts);
    let held = verdicts.iter().filter(|verdict| verdict.holds).count();
    let lines: std::collections::BTreeSet<_> =
        verdicts.iter().filter_map(|verdict| verdict.line).collect();
    // Each line was the first bad one of some ledger; what only the service says, and no custodian
    // has seen since, can change.
    assert!(lines.len() >= 95 && (10..verdicts.len() / 4).contains(&held), "{held}, {lines:?}");
}

#[test]
fn checkpoints_that_do_not_fit_are_refused_alike() {
    let genuine = Book::of(&data("golden/home"));
    let place = scratch();
    let whole: Vec<u8> = genuine.lines.join(&b'\n').into_iter().chain([b'\n']).collect();
    let part = |size: usize| {
        let mut book = genuine.clone();
        book.lines.truncate(size);
        book.checkpoint()
    };
    let size = genuine.lines.len();
    let own = part(size);
    let text = String::from_utf8(own.clone()).unwrap();
    let signature_at = text.rfind('=').unwrap() - 4;
    let mut other_signature = own.clone();
    other_signature[signature_at] = if own[signature_at] == b'A' { b'B' } else { b'A' };
    let (body, signature) = text.split_once("\n\n").unwrap();
    let mut stranger = genuine.clone();
    stranger.key = ed25519_dalek::SigningKey::from_bytes(&[3; 32]);
    let mut forked = genuine.clone();
    forked.lines[size - 1] = forked.lines[size - 2].clone();
    let shorter = whole[..whole.len() - genuine.lines[size - 1].len() - 1].to_vec();
    let other_size = text.replacen(&format!("\n{size}\n"), &format!("\n{}\n", size - 1), 1);
    let with_others = |count: usize| {
        let others = "— other/name AAAAAABBBBCCCCDDDA==\n".repeat(count);
        format!("{body}\n\n{others}{signature}").into_bytes()
    };
    let cases: Vec<(&str, Vec<u8>, Vec<u8>)> = vec![
        ("its own", whole.clone(), own.clone()),
        ("one line beyond", whole.clone(), part(size - 1)),
        ("two lines beyond", whole.clone(), part(size - 2)),
        ("a shorter ledger", shorter, own.clone()),
        ("a line cut short", [&whole[..], b"{\"clock\":"].concat(), own.clone()),
        ("a line beyond, and one cut short", [&whole[..], b"{\"clock\":"].concat(), part(size - 1)),
        ("another root", whole.clone(), forked.checkpoint()),
        ("another key", whole.clone(), stranger.checkpoint()),
        ("another signature", whole.clone(), other_signature),
        ("another size", whole.clone(), other_size.into_bytes()),
        ("no signature", whole.clone(), format!("{body}\n\n").into_bytes()),
        ("no blank line", whole.clone(), format!("{body}\n{signature}").into_bytes()),
        ("a line more", whole.clone(), format!("{body}\nmore\n\n{signature}").into_bytes()),
        ("twice signed", whole.clone(), format!("{body}\n\n{signature}{signature}").into_bytes()),
        ("somebody else's signature too", whole.clone(), {
            let other = "— other/name AAAAAABBBBCCCCDDDA==\n";
            format!("{body}\n\n{other}{signature}").into_bytes()
        }),
        ("511 signatures of others", whole.clone(), with_others(511)),
        ("512 signatures of others", whole.clone(), with_others(512)),
        ("a signature of no byte", whole.clone(), {
            let other = "— other/name AAAAAA==\n";
            format!("{body}\n\n{other}{signature}").into_bytes()
        }),
        ("a carriage return", whole.clone(), text.replacen('\n', "\r\n", 1).into_bytes()),
        ("no line feed at its end", whole.clone(), own[..own.len() - 1].to_vec()),
        ("nothing", whole, Vec::new()),
    ];
    let laid: Vec<(String, Laid)> = cases
        .iter()
        .enumerate()
        .map(|(at, (what, ledger, note))| {
            let directory = place.path().join(at.to_string());
            ((*what).to_owned(), Laid::new(directory, &genuine.card, ledger, note))
        })
        .collect();
    let verdicts: Vec<Verdict> = laid.iter().map(|(_, laid)| laid.verdict()).collect();
    compare(&laid, &verdicts);
    let holding: Vec<&str> =
        laid.iter().zip(&verdicts).filter(|(_, v)| v.holds).map(|((what, _), _)| &**what).collect();
    assert_eq!(
        holding,
        [
            "its own",
            "one line beyond",
            "a line cut short",
            "twice signed",
            "somebody else's signature too",
            "511 signatures of others"
        ]
    );
}

#[test]
fn kept_requests_and_results_have_their_commitments() {
    let place = data("commitments");
    for (file, rows) in [("code", 180), ("code-2", 45), ("renew", 180), ("look-up", 14)] {
        let path = place.join(format!("{file}.csv"));
        let manifest = std::fs::read(place.join(format!("{file}.csv.manifest.json"))).unwrap();
        let manifest: Value = serde_json::from_slice(&manifest).unwrap();
        let answer = ask(&["--commitment", text(&path)]);
        assert_eq!(answer["rows"], json!(rows));
        for field in ["commitment", "rows", "values", "distinct"] {
            assert_eq!(answer[field], manifest[field], "{file}: {field}");
        }
    }
    let card = place.join("card.json");
    for (file, part, coded) in
        [("coded", 1, 149), ("coded-2", 2, 40), ("renewed", 1, 149), ("looked-up", 1, 12)]
    {
        let path = place.join(format!("{file}.csv"));
        let answer = ask(&["--result", text(&path), "--card", text(&card)]);
        assert_eq!(answer["coded"], json!(coded), "{file}: {answer}");
        assert_eq!(answer["delivery"]["part"], json!(part), "{file}");
        // One digit of an index, and a digit of the report.
        let copies = scratch();
        for changed in ["", ".report.json"] {
            for end in ["", ".report.json"] {
                let mut bytes = std::fs::read(place.join(format!("{file}.csv{end}"))).unwrap();
                if end == changed {
                    let digit = bytes.iter().rposition(u8::is_ascii_digit).unwrap();
                    bytes[digit] = if bytes[digit] == b'2' { b'3' } else { b'2' };
                }
                std::fs::write(copies.path().join(format!("copy.csv{end}")), bytes).unwrap();
            }
            let copy = copies.path().join("copy.csv");
            let refused = ask(&["--result", text(&copy), "--card", text(&card)]);
            let word = if changed.is_empty() { "result-changed" } else { "report-signature" };
            assert_eq!(refused["refused"], word, "{file}: {refused}");
        }
    }
}

/// Requests of codes whose rows end around the ends of the chunks.
#[test]
fn commitments_at_the_ends_of_chunks() {
    let place = scratch();
    let service = "example.aaaaaaaaaaaaaaaaaaaaaaaaaa";
    let path = place.path().join("request.csv");
    let mut random = Random(5);
    for rows in [0_u128, 1, 111, 112, 113, 115, 116, 117, 230, 400] {
        let key = CommitmentKey::random();
        let domain = name("population");
        let context = Context::request(service, &domain, Use::Code, Some(Scheme::FrNir), None);
        let mut commit = Commit::new(&key, &context, &["identifier"]);
        let (mut csv, mut values, mut distinct) = ("index,identifier\n".to_owned(), 0, Vec::new());
        for row in 1..=rows {
            let text = random.pick(&[PEOPLE[0], PEOPLE[1], PEOPLE[2], PEOPLE[3], "", ""]);
            let value = (!text.is_empty()).then_some(text.as_bytes());
            commit.row(&row.to_be_bytes(), &[value]);
            values += u64::from(value.is_some());
            distinct.extend(value);
            csv += &format!("{row:032x},{text}\n");
        }
        distinct.sort();
        distinct.dedup();
        let commitment = commit.finish().0;
        let manifest = json!({
            "format": 2, "suite": "CStatNS-HMAC-SHA-256", "service": service, "use": "code",
            "domain": "population", "scheme": "fr-nir", "rows": rows, "values": values,
            "distinct": distinct.len(), "commitment": commitment, "previous": [],
            "key": *key.to_hex(),
        });
        std::fs::write(&path, csv).unwrap();
        std::fs::write(place.path().join("request.csv.manifest.json"), manifest.to_string())
            .unwrap();
        let answer = ask(&["--commitment", text(&path)]);
        assert_eq!(answer["commitment"], json!(commitment), "{rows} rows: {answer}");
    }
}
