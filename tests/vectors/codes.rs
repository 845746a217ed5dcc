//! Canonical forms, codes, renewal, check values, tags and text forms (SPEC §3 to §5).

use cstatns::code::{Code, Generation, Tag};
use cstatns::coded::Coded as _;
use cstatns::coder::{Coder, CodingKey, Renewer};
use cstatns::hazmat::coding_key;
use cstatns::identifier::Scheme;
use cstatns::name::{Hex, Name};
use cstatns::secret::Secret;
use serde_json::{Value, json};

use super::{Run, text};
use crate::verdict;

/// The files that hold one kind of vector each, whose inputs stand in them alone.
pub(crate) const FILES: [(&str, Run); 6] = [
    ("canonical", canonical),
    ("codes", codes),
    ("renew", renew),
    ("check", check),
    ("tag", tag),
    ("text", text_form),
];

fn generation(vector: &Value, field: &str) -> Generation {
    Generation::new(vector[field].as_u64().unwrap().try_into().unwrap()).unwrap()
}

/// The keys of a vector as those of generations `first`, `first` + 1, …
fn keys(vector: &Value, first: Generation) -> Vec<CodingKey> {
    let domain = Name::new(text(vector, "domain")).unwrap();
    let generations = std::iter::successors(Some(first), |g| Some(g.next()));
    let keys = vector["keys"].as_array().unwrap().iter();
    keys.zip(generations)
        .map(|(key, generation)| {
            let bytes = Hex::<32>::parse(key.as_str().unwrap().as_bytes()).unwrap().0;
            let key = Secret::fill(|key| *key = bytes);
            coding_key(&key, text(vector, "service"), &domain, generation)
        })
        .collect()
}

fn canonical(vector: &Value) -> Value {
    let cell = match vector.get("hex") {
        Some(hex) => data_encoding::HEXLOWER.decode(hex.as_str().unwrap().as_bytes()).unwrap(),
        None => text(vector, "text").as_bytes().to_vec(),
    };
    verdict::verdict(&cell)
}

/// The present code under each beginning of the chain: the library gives no intermediate ones.
fn codes(vector: &Value) -> Value {
    let identifier = match Scheme::FrNir.parse(text(vector, "text").as_bytes()) {
        Ok(accepted) => accepted.identifier,
        Err(reason) => return verdict::refused(reason),
    };
    let form = std::str::from_utf8(identifier.canonical()).unwrap().to_owned();
    let mut made = Vec::new();
    let texts: Vec<_> = (1..=vector["keys"].as_array().unwrap().len())
        .map(|n| {
            let chain = keys(vector, Generation::FIRST).into_iter().take(n).collect();
            Coder::new(chain).unwrap().code(std::slice::from_ref(&identifier), &mut made);
            made[0].text()
        })
        .collect();
    json!({"canonical": form, "codes": texts})
}

fn renew(vector: &Value) -> Value {
    let from = generation(vector, "from");
    let code = match Code::parse(text(vector, "code").as_bytes()) {
        Ok(code) => code,
        Err(error) => return json!({"refused": error.code()}),
    };
    let renewer = Renewer::new(from, keys(vector, from.next())).unwrap();
    let mut made = Vec::new();
    match renewer.renew(&[code], &mut made) {
        Ok(()) => json!({"code": made[0].text()}),
        Err(error) => json!({"refused": error.code()}),
    }
}

fn check(vector: &Value) -> Value {
    json!({"check": keys(vector, generation(vector, "generation"))[0].check_value()})
}

fn tag(vector: &Value) -> Value {
    let domain = Name::new(text(vector, "domain")).unwrap();
    json!({"tag": Tag::of(text(vector, "service"), &domain).as_str()})
}

fn text_form(vector: &Value) -> Value {
    match Code::parse(text(vector, "text").as_bytes()) {
        Ok(code) => {
            assert_eq!(code.text(), text(vector, "text"));
            json!({"bytes": Hex(*code.bytes()), "tag": code.tag().as_str(), "generation": code.generation()})
        }
        Err(error) => json!({"refused": error.code()}),
    }
}
