//! The second implementation, `tests/reference`, against this one: over SPEC's vectors, over 10,000
//! identifiers through three generations, and over texts that are nearly identifiers.

mod second;
mod verdict;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use cstatns::code::{Code, Generation, Tag};
use cstatns::coder::{Coder, Renewer};
use cstatns::hazmat::coding_key;
use cstatns::identifier::{Reason, Scheme};
use cstatns::name::Name;
use cstatns::secret::Secret;
use serde_json::{Value, json};

use second::{Random, reference, tried};

const SERVICE: &str = "example.aaaaaaaaaaaaaaaaaaaaaaaaaa";

impl Random {
    /// An identifier in its canonical form.
    fn canonical(&mut self) -> String {
        let class = self.pick(&["1", "2", "1", "2", "3", "4", "7", "8"]);
        let month = [1 + self.below(12), 20 + self.below(80)][self.below(2)];
        let department = match self.below(10) {
            0 => "2A".to_owned(),
            1 => "2B".to_owned(),
            _ => format!("{:02}", self.below(100)),
        };
        let (year, rest) = (self.below(100), self.below(1_000_000));
        format!("{class}{year:02}{month:02}{department}{rest:06}")
    }

    /// `text` with ignored spaces and small letters here and there.
    fn spelt(&mut self, text: &str) -> String {
        let mut spelt = self.pick(&["", "", " ", "\t", "\u{a0}\n"]).to_owned();
        for c in text.chars() {
            spelt.push(if self.below(2) == 0 { c.to_ascii_lowercase() } else { c });
            spelt += self.pick(&["", "", "", " ", "\u{a0}", "\u{202f}"]);
        }
        spelt + self.pick(&["", "", " ", "\r\n", "\t"])
    }
}

/// The key of a canonical form, found by asking for it.
fn key(canonical: &str) -> u8 {
    match Scheme::FrNir.parse(format!("{canonical}00").as_bytes()) {
        Err(Reason::WrongControlKey { expected, .. }) => expected,
        _ => unreachable!("00 is no identifier's key"),
    }
}

/// The files of vectors by their name, but for the one that the second implementation does not
/// cover.
fn vectors() -> BTreeMap<String, Value> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("spec/vectors");
    let read = |entry: fs::DirEntry| {
        let name = entry.path().file_stem().unwrap().to_str().unwrap().to_owned();
        let file = serde_json::from_slice(&fs::read(entry.path()).unwrap()).unwrap();
        (name, file)
    };
    let files = fs::read_dir(folder).unwrap().map(|entry| read(entry.unwrap()));
    files.filter(|(name, _)| name != "register").collect()
}

fn names(file: &Value) -> Vec<&str> {
    let vectors = file["vectors"].as_array().unwrap();
    vectors.iter().map(|vector| vector["name"].as_str().unwrap()).collect()
}

/// The vectors of a file that are refused with the key that Argon2id gives: it takes Python a
/// minute, and others show that it is right.
fn left(file: &str) -> &'static [&'static str] {
    match file {
        "seals" => &["another passphrase"],
        "paper" => &["another passphrase", "a flag that is not known"],
        _ => &[],
    }
}

/// With `CSTATNS_LONG` in the environment, all of them.
#[test]
fn it_runs_the_vectors_of_the_specification() {
    let long = std::env::var_os("CSTATNS_LONG").is_some();
    let ran =
        reference(if long { &["--vectors"] } else { &["--vectors", "--quick"] }, String::new());
    let answer = |(name, file): (&String, &Value)| {
        let left = if long { &[] } else { left(name) };
        json!({"file": name, "vectors": names(file).len(), "wrong": [], "left": left})
    };
    assert_eq!(ran, vectors().iter().map(answer).collect::<Vec<_>>());
    assert!(ran.len() >= 13, "{ran:?}");
}

/// Alters one byte of a value, or as little of what has none.
fn alter(value: &mut Value) {
    match value {
        Value::String(text) => {
            let last = text.pop();
            text.push(if last == Some('0') { '1' } else { '0' });
        }
        Value::Number(number) => *value = json!(number.as_u64().unwrap() + 1),
        Value::Bool(is) => *value = json!(!*is),
        Value::Null => *value = json!("0"),
        Value::Array(items) if items.is_empty() => items.push(json!("0")),
        Value::Array(items) => alter(items.last_mut().unwrap()),
        Value::Object(members) => {
            let is_name = |value: &Value| value.as_str().is_some_and(|text| text.starts_with('$'));
            alter(members.values_mut().find(|member| !is_name(member)).unwrap());
        }
    }
}

#[test]
fn it_refuses_each_vector_of_which_a_byte_is_altered() {
    let place = tempfile::tempdir().unwrap();
    let write = |name: &str, file: &Value| {
        let path = place.path().join(format!("{name}.json"));
        fs::write(&path, file.to_string()).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let check = |paths: &[String]| {
        let mut arguments = vec!["--vectors", "--quick"];
        arguments.splice(1..1, paths.iter().map(String::as_str));
        tried(&arguments, String::new())
    };
    // One vector of each file, in the middle.
    for (name, file) in &vectors() {
        let (succeeded, _) = check(&[write(name, file)]);
        assert!(succeeded, "{name}: a copy holds");
        let mut altered = file.clone();
        let at = names(file).len() / 2;
        alter(&mut altered["vectors"][at]["gives"]);
        let (succeeded, answers) = check(&[write(name, &altered)]);
        assert!(!succeeded, "{name}");
        assert_eq!(answers[0]["wrong"], json!([names(file)[at]]), "{name}");
    }
    // Every vector of each file.
    let mut paths = Vec::new();
    for (name, file) in &vectors() {
        let mut altered = file.clone();
        for vector in altered["vectors"].as_array_mut().unwrap() {
            alter(&mut vector["gives"]);
        }
        paths.push(write(name, &altered));
    }
    let (succeeded, answers) = check(&paths);
    assert!(!succeeded);
    for (answer, (name, file)) in answers.iter().zip(&vectors()) {
        let mut expected = names(file);
        expected.retain(|vector| !left(name).contains(vector));
        assert_eq!(answer["wrong"], json!(expected), "{name}");
    }
    assert_eq!(answers.len(), paths.len());
    // A file that nobody computes is an error, not passed over.
    let other = write("other", &json!({"values": {}, "vectors": []}));
    assert_eq!(check(&[other]), (false, Vec::new()));
}

#[test]
fn ten_thousand_identifiers_through_three_generations() {
    let domain = Name::new("population").unwrap();
    let keys: Vec<Secret<32>> = (0..3).map(|_| Secret::random()).collect();
    let key_of = |n: u32| {
        let generation = Generation::new(n).unwrap();
        coding_key(&keys[n as usize - 1], SERVICE, &domain, generation)
    };
    let hex: Vec<_> = keys.iter().map(|key| data_encoding::HEXLOWER.encode(key.expose())).collect();

    let mut random = Random(2);
    let (mut identifiers, mut questions) = (Vec::new(), String::new());
    for _ in 0..10_000 {
        let form = random.canonical();
        let compact = [format!("{form}{:02}", key(&form)), form.clone()];
        let text = random.spelt(&compact[random.0 as usize % 2]);
        let accepted = Scheme::FrNir.parse(text.as_bytes()).unwrap();
        assert_eq!(accepted.identifier.canonical(), form.as_bytes());
        identifiers.push(accepted.identifier);
        let question =
            json!({"op": "codes", "keys": hex, "service": SERVICE, "domain": domain, "text": text});
        questions += &format!("{question}\n");
    }
    let answers = reference(&[], questions);
    assert_eq!(answers.len(), identifiers.len());

    // Newcomers at each generation, through the chain as it was then.
    let mut generations = Vec::new();
    for n in 1..=3 {
        let mut codes = Vec::new();
        Coder::new((1..=n).map(key_of).collect()).unwrap().code(&identifiers, &mut codes);
        generations.push(codes);
    }
    for (i, answer) in answers.iter().enumerate() {
        let canonical = std::str::from_utf8(identifiers[i].canonical()).unwrap();
        let texts: Vec<_> = generations.iter().map(|codes: &Vec<Code>| codes[i].text()).collect();
        assert_eq!(*answer, json!({"canonical": canonical, "codes": texts}), "identifier {i}");
    }
    // Renewed one after the other, and over a missed renewal: the same codes.
    for (from, to) in [(1, 2), (2, 3), (1, 3)] {
        let chain = (from + 1..=to).map(key_of).collect();
        let mut renewed = Vec::new();
        let renewer = Renewer::new(Generation::new(from).unwrap(), chain).unwrap();
        renewer.renew(&generations[from as usize - 1], &mut renewed).unwrap();
        assert_eq!(renewed, generations[to as usize - 1], "{from} to {to}");
    }
    // Check values and tag, under the same random keys.
    let questions = (1..=3).map(|n| {
        let key = &hex[n - 1];
        json!({"op": "check", "keys": [key], "service": SERVICE, "domain": domain, "generation": n})
    });
    let tag = json!({"op": "tag", "service": SERVICE, "domain": domain});
    let questions = questions.chain([tag]).map(|question| format!("{question}\n")).collect();
    let mut expected: Vec<_> = (1..=3).map(|n| json!({"check": key_of(n).check_value()})).collect();
    expected.push(json!({"tag": Tag::of(SERVICE, &domain).as_str()}));
    assert_eq!(reference(&[], questions), expected);
}

#[test]
fn ten_thousand_texts_that_are_nearly_identifiers() {
    let mut random = Random(3);
    let (mut verdicts, mut questions) = (Vec::new(), String::new());
    for _ in 0..10_000 {
        let form = random.canonical();
        let mut text: Vec<u8> = random.spelt(&format!("{form}{:02}", key(&form))).into_bytes();
        for _ in 0..random.below(4) {
            let at = random.below(text.len());
            let bytes: &[u8] = random.pick(&[
                &b"0"[..],
                b"1",
                b"2",
                b"9",
                b"A",
                b"b",
                b"E",
                b" ",
                b"\t",
                b"\x0b",
                b"\0",
                b",",
                b".",
                b"+",
                b"",
                b"",
                b"\xa0",
                b"\xff",
                b"\xc2\xa0",
                b"\xe2\x80\xaf",
                b"\xe2\x80\x89",
                b"\xe2\x80",
                b",84E+1",
            ]);
            text.splice(at..=at, bytes.iter().copied());
            if text.is_empty() {
                break;
            }
        }
        if random.below(10) == 0 {
            text = [b"1,84E+12".as_slice(), b"2E+14", b"1.E14", b"1E14", b"\xc2\xa01.5e-3\n"]
                [random.below(5)]
            .to_vec();
        }
        questions += &format!(
            "{}\n",
            json!({"op": "canonical", "hex": data_encoding::HEXLOWER.encode(&text)})
        );
        verdicts.push(verdict::verdict(&text));
    }
    assert_eq!(reference(&[], questions), verdicts);
    // Each verdict came often enough to mean something.
    for word in ["scientific", "wrong-character", "wrong-length", "wrong-form", "wrong-control-key"]
    {
        let n = verdicts.iter().filter(|verdict| verdict["refused"] == word).count();
        assert!(n >= 100, "{word}: {n}");
    }
    assert!(verdicts.iter().filter(|verdict| verdict.get("refused").is_none()).count() >= 1_000);
}
