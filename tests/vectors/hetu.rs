//! The second scheme, `fi-hetu`: canonical forms and codes (SPEC §3.4, §4.2).

use cstatns::code::Generation;
use cstatns::coder::Coder;
use cstatns::hazmat::coding_key;
use cstatns::identifier::Scheme;
use cstatns::name::Name;
use serde_json::{Value, json};

use super::file::Made;
use super::people::{root, service};
use super::{bytes, hex, secret, text};
use crate::verdict::refused;

pub(crate) fn file() -> Made {
    let canonical = |(name, text): (&str, &str)| json!({"section": "3.4", "name": name, "op": "canonical", "text": text});
    let not_utf8 =
        json!({"section": "3.1", "name": "not UTF-8", "op": "canonical", "hex": "31333130ff"});
    let code = |(name, text): (&str, &str)| {
        json!({"section": "4.2", "name": name, "op": "code", "key": "$key", "service": "$service",
            "domain": "population", "text": text})
    };
    let codes = [
        ("the code of a man born in 1952", "131052-308T"),
        ("another sign of the century, another code", "131052Y308T"),
        ("a text that is no identifier has no code", "131052-308U"),
    ];
    Made {
        name: "hetu",
        about: "What a cell is as a `fi-hetu`, and the code of generation 1.",
        ops: &[
            ("canonical", "what the cell is"),
            ("code", "the code of the identifier, of generation 1"),
        ],
        fields: &[
            ("text", "the cell"),
            ("hex", "the cell, where it is not UTF-8"),
            ("key", "the coding key in hex"),
            ("service", "the service id"),
            ("domain", "the domain"),
        ],
        gives: &[
            ("canonical", "the canonical form"),
            ("quality", "its quality"),
            ("compact", "the compact form"),
            ("code", "the text form of the code"),
            ("refused", "the reason"),
            (
                "position",
                "the position of a wrong character, or of the first character that no form allows",
            ),
            ("found", "how many characters there are, or the place of the control key found"),
            ("expected", "the place of the control key that the identifier has"),
        ],
        refused: &[
            "no leap day in 1900",
            "no month 13",
            "no day 32",
            "a number below",
            "a number given out for a while",
            "another control key",
            "a control key that no identifier has",
            "a century that there is not",
            "a sign in the place of a digit",
            "ten characters",
            "another character",
            "scientific notation",
            "not UTF-8",
            "a text that is no identifier has no code",
        ],
        values: vec![("service", json!(service().id())), ("key", json!(hex(root())))],
        vectors: CELLS
            .into_iter()
            .map(canonical)
            .chain([not_utf8])
            .chain(codes.into_iter().map(code))
            .collect(),
        run,
    }
}

const CELLS: [(&str, &str); 18] = [
    ("born in 1952", "131052-308T"),
    ("born in 2052", "131052A308T"),
    ("born in 1852", "131052+308T"),
    ("small letters and spaces", " 131052 a308t\r\n"),
    ("a leap day", "290200A002C"),
    ("no leap day in 1900", "290200-002P"),
    ("no month 13", "131352-308T"),
    ("no day 32", "321052-308T"),
    ("the least number", "010100A002H"),
    ("a number below", "010100A001A"),
    ("a number given out for a while", "131052-908T"),
    ("another control key", "131052-308U"),
    ("a control key that no identifier has", "131052-308G"),
    ("a century that there is not", "131052H308T"),
    ("a sign in the place of a digit", "13105-2308T"),
    ("ten characters", "131052-308"),
    ("another character", "131052/308T"),
    ("scientific notation", "1.31052E+10"),
];

fn run(vector: &Value) -> Value {
    let cell = match vector.get("hex") {
        Some(_) => bytes(vector, "hex"),
        None => text(vector, "text").as_bytes().to_vec(),
    };
    let accepted = match Scheme::FiHetu.parse(&cell) {
        Ok(accepted) => accepted,
        Err(reason) => return refused(reason),
    };
    match text(vector, "op") {
        "canonical" => json!({
            "canonical": std::str::from_utf8(accepted.identifier.canonical()).unwrap(),
            "quality": accepted.quality.word(),
            "compact": accepted.compact(),
        }),
        "code" => {
            let (service, domain) = (text(vector, "service"), text(vector, "domain"));
            let domain = Name::new(domain).unwrap();
            let key = coding_key(&secret(vector, "key"), service, &domain, Generation::FIRST);
            let mut made = Vec::new();
            Coder::new(vec![key]).unwrap().code(&[accepted.identifier], &mut made);
            json!({"code": made[0].text()})
        }
        op => panic!("no such op: {op}"),
    }
}
