//! Lines of a ledger and the tree over them (SPEC §11).

use cstatns::checkpoint::{
    Hash, leaf_hash, prove_consistency, prove_inclusion, root_of, verify_consistency,
    verify_inclusion,
};
use cstatns::ledger::History;
use cstatns::ledger::event::Line;
use cstatns::name::{Hex, canonical_json};
use serde_json::{Value, json};

use super::file::Made;
use super::parcels::wages;
use super::people::{PEOPLE, Person, SUITE, dealing, head, service, successor};
use super::statements::{acceptances, witnesses};
use super::{hex, number, text, typed};

pub(crate) fn file() -> Made {
    let mut vectors = lines();
    vectors.extend(read());
    vectors.extend(trees());
    Made {
        name: "ledger",
        about: "Canonical JSON, lines and their leaf hashes, and the tree over them.",
        ops: &[
            ("canonical-json", "the canonical JSON of a value"),
            (
                "line",
                "a line of the ledger, and its leaf hash; of a `proposed` this is the question's name",
            ),
            (
                "read",
                "whether a text is the next line of a ledger, by itself: of the lines before, only the last counts",
            ),
            ("leaf", "the leaf hash of any bytes"),
            ("tree", "the roots of the trees over the first 1, 2, … leaves"),
            ("inclusion", "the proof that a leaf stands in a tree"),
            ("consistency", "the proof that a tree extends a smaller one"),
        ],
        fields: &[
            ("value", "the value as JSON, in any order"),
            ("line", "the line as JSON, in any order"),
            ("service", "the service id"),
            ("before", "the lines before, without their line feeds"),
            ("next", "the text, without its line feed"),
            ("bytes", "the bytes of the leaf, in hex"),
            ("leaves", "the bytes of each leaf, in hex"),
            ("index", "the place of the leaf, from 0"),
            ("size", "the size of the smaller tree"),
        ],
        gives: &[
            ("text", "the text"),
            ("read", "true; false: it must be refused"),
            ("leaf", "the leaf hash in hex"),
            ("roots", "the roots in hex"),
            ("proof", "the hashes of the proof, the lowest first (RFC 9162)"),
        ],
        refused: &[
            "white space",
            "members in another order",
            "an escape that need not be",
            "a member twice",
            "an unknown field of the line",
            "an unknown field of the event",
            "a step that is unknown",
            "an unknown event",
            "a code that is no name",
            "format 1",
            "another service",
            "another sequence",
            "a previous line before the first",
            "a part of a second",
            "another previous line",
            "a larger number",
            "a number with a fraction",
            "a number below zero",
            "nothing",
        ],
        values: vec![("service", json!(service().id())), ("leaves", leaves())],
        vectors,
        run,
    }
}

/// The eight leaves that RFC 6962's implementations are tested with, and more.
fn leaves() -> Value {
    let leaves: [&[u8]; 11] = [
        &[],
        &[0],
        &[0x10],
        &[0x20, 0x21],
        &[0x30, 0x31],
        &[0x40, 0x41, 0x42, 0x43],
        &[0x50, 0x51, 0x52, 0x53, 0x54, 0x55, 0x56, 0x57],
        &[
            0x60, 0x61, 0x62, 0x63, 0x64, 0x65, 0x66, 0x67, 0x68, 0x69, 0x6a, 0x6b, 0x6c, 0x6d,
            0x6e, 0x6f,
        ],
        b"{}",
        b"{}",
        b"{\"a\":1}",
    ];
    leaves.iter().map(|leaf| json!(hex(leaf))).collect()
}

fn lines() -> Vec<Value> {
    let line = |sequence: u64, previous: [u8; 32], event: Value| {
        json!({"format": 2, "service": "$service", "sequence": sequence, "previous": Hex(previous),
            "time": "2027-03-01T12:00:00Z", "clock": "2027-03-01T12:00:00Z", "event": event})
    };
    let question = |action: Value| {
        json!({"type": "proposed", "question": {"format": 2, "suite": SUITE, "service": "$service", "epoch": 1,
            "action": action, "expires": "2027-03-01T12:10:00Z", "run": Hex([0x0d; 16]),
            "run_key": Hex([0x0e; 32])}})
    };
    let input =
        json!({"commitment": Hex([0x0f; 32]), "rows": 1000, "values": 990, "distinct": 980});
    let code = json!({"verb": "code", "domain": "population", "generation": 2, "scheme": "fr-nir",
        "purpose": "wages-2026", "inputs": [input], "recipient": null, "keep_request": false});
    let renew = json!({"verb": "renew", "domain": "population", "from": 1, "generation": 2, "purpose": "wages-2026",
        "inputs": [input], "recipient": null, "keep_request": true,
        "of": [{"run": Hex([1; 16]), "part": 1}, {"run": Hex([1; 16]), "part": 2}]});
    let open = json!({"verb": "open", "domain": "diabetes-2026", "kind": {"kind": "research", "ends": "2027-12-31"},
        "minimum_batch": 11, "authorisation": "dr-2026-017"});
    let key = json!({"domain": "population", "generation": 2});
    let sealed = json!({"domain": "population", "generation": 2, "check": Hex([0x1c; 32]), "seal": Hex([0x1d; 32])});
    let cards = PEOPLE.iter().map(Person::card).collect::<Vec<_>>();
    let deal = json!({"verb": "deal", "epoch": 2, "threshold": {"k": 2, "n": 3}, "cards": cards, "left_behind": [key]});
    let vector = |name: &str, value: Value| json!({"section": "11", "name": name, "op": "line", "line": value});
    let canonical = |name: &str, value: Value| {
        let op = "canonical-json";
        json!({"section": "11", "name": name, "op": op, "value": value})
    };
    vec![
        canonical(
            "members in order of their names",
            json!({"b": 1, "a": {"d": [], "c": null}, "A": true}),
        ),
        canonical(
            "names in order of UTF-16",
            json!({"\u{fb33}": 1, "\u{1f600}": 2, "é": 3, "z": 4}),
        ),
        canonical("texts", json!(["\u{8}\t\n\u{c}\r\u{1f}\"\\/\u{7f}é\u{2028}\u{1f600}"])),
        canonical(
            "whole numbers",
            json!([0, 1, 65_536, 4_294_967_295_u64, 9_007_199_254_740_991_u64]),
        ),
        vector("a question to open a project", line(5, [0x0b; 32], question(open))),
        vector("a question to code", line(6, [0x0b; 32], question(code))),
        vector("a question to renew", line(7, [0x0b; 32], question(renew))),
        vector(
            "the largest number of a line",
            line((1 << 53) - 1, [0xff; 32], json!({"type": "expiry-checked"})),
        ),
        vector("a question to deal new shares", line(8, [0x0b; 32], question(deal))),
        vector(
            "a question to give a dealing up",
            line(9, [0x0b; 32], question(json!({"verb": "abandon", "epoch": 2}))),
        ),
        vector(
            "a dealing that seals a key",
            line(10, [0x0b; 32], json!({"type": "dealt", "dealing": dealing(), "keys": [sealed]})),
        ),
        vector(
            "a dealing that was given up",
            line(11, [0x0b; 32], json!({"type": "abandoned", "run": Hex([0x0d; 16])})),
        ),
        vector(
            "what an epoch had sealed is destroyed",
            line(
                12,
                [0x0b; 32],
                json!({"type": "destroyed", "what": {"kind": "seals", "epoch": 2}, "how": "overwritten"}),
            ),
        ),
        vector(
            "a refusal",
            line(2, [0; 32], json!({"type": "refused", "verb": "code", "code": "unknown-domain"})),
        ),
        vector(
            "an epoch that works",
            line(5, [0x0b; 32], json!({"type": "epoch-working", "epoch": 1, "keys": []})),
        ),
        vector(
            "a share that did not open",
            line(
                9,
                [0x0b; 32],
                json!({"type": "unopened", "run": Hex([0x0d; 16]), "shares": ["custodian-2"]}),
            ),
        ),
        vector(
            "the second of two results",
            line(
                12,
                [0x0b; 32],
                json!({"type": "coded", "run": Hex([0x0d; 16]), "part": 2, "rows": 1000, "result": Hex([0x1b; 32])}),
            ),
        ),
        vector(
            "a home that was recovered",
            line(20, [0x0b; 32], json!({"type": "recovered", "home": head()})),
        ),
        vector(
            "a home without a ledger that was recovered",
            line(20, [0x0b; 32], json!({"type": "recovered", "home": null})),
        ),
        vector(
            "custodians have seen a recovery",
            line(21, [0x0b; 32], json!({"type": "resumed", "witnesses": witnesses()})),
        ),
        vector(
            "a key that is lost",
            line(
                22,
                [0x0b; 32],
                json!({"type": "key-lost", "domain": "population", "generation": 2}),
            ),
        ),
        vector(
            "another key of the service",
            line(
                23,
                [0x0b; 32],
                json!({"type": "rekeyed", "card": successor(), "statements": acceptances()}),
            ),
        ),
        vector(
            "a question to register a party",
            line(
                25,
                [0x0b; 32],
                question(json!({"verb": "party", "card": wages(), "role": "holder",
                "domains": ["income", "population"]})),
            ),
        ),
        vector(
            "a party that was registered",
            line(26, [0x0b; 32], json!({"type": "registered", "run": Hex([0x0d; 16])})),
        ),
        vector(
            "a request key",
            line(
                27,
                [0x0b; 32],
                json!({"type": "request-key-issued", "key": Hex([0x41; 16]),
                "party": wages().fingerprint(), "domain": "population", "public": Hex([0x43; 32]),
                "expires": "2030-02-01T03:04:05Z", "places": 2}),
            ),
        ),
        vector(
            "a request key that serves no more",
            line(28, [0x0b; 32], json!({"type": "request-key-ended", "key": Hex([0x41; 16])})),
        ),
        vector(
            "the private half of a request key is destroyed",
            line(
                29,
                [0x0b; 32],
                json!({"type": "destroyed", "how": "overwritten",
                "what": {"kind": "request-key", "key": Hex([0x41; 16])}}),
            ),
        ),
        vector(
            "a dealing that seals a request key",
            line(
                30,
                [0x0b; 32],
                json!({"type": "dealt", "dealing": dealing(),
                "request_keys": [{"key": Hex([0x41; 16]), "seal": Hex([0x44; 32])}]}),
            ),
        ),
        vector("a rehearsal", line(24, [0x0b; 32], json!({"type": "rehearsed", "steps": STEPS}))),
        json!({"section": "11", "name": "the empty leaf", "op": "leaf", "bytes": ""}),
        json!({"section": "11", "name": "a leaf of 200 bytes", "op": "leaf", "bytes": "a5".repeat(200)}),
    ]
}

/// What a rehearsal plays.
const STEPS: [&str; 7] = ["founding", "loss", "doubt", "renewal", "recovery", "expiry", "audit"];

/// A line as the first of the service, changed in one way.
fn read() -> Vec<Value> {
    let zeros = Hex([0; 32]).to_string();
    let id = service().id().to_owned();
    let of = |sequence: &str, previous: &str, event: &str| {
        format!(
            "{{\"clock\":\"2027-03-01T12:00:00Z\",\"event\":{event},\"format\":2,\"previous\":\"{previous}\",\
            \"sequence\":{sequence},\"service\":\"{id}\",\"time\":\"2027-03-01T12:00:00Z\"}}"
        )
    };
    let refusal = "{\"code\":\"unknown-domain\",\"type\":\"refused\",\"verb\":\"code\"}";
    let sound = of("1", &zeros, refusal);
    let second = of("2", &leaf_hash(sound.as_bytes()).to_string(), refusal);
    let counted = |rows: &str| {
        let result = Hex([0x1b; 32]);
        of(
            "1",
            &zeros,
            &format!(
                "{{\"part\":1,\"result\":\"{result}\",\"rows\":{rows},\"run\":\"{}\",\"type\":\"coded\"}}",
                Hex([0x0d; 16])
            ),
        )
    };
    let vector = |name: &str, before: Value, next: String| {
        let service = "$service";
        json!({"section": "11", "name": name, "op": "read", "service": service, "before": before,
            "next": next})
    };
    let first = |name: &str, next: String| vector(name, json!([]), next);
    vec![
        first("a first line", sound.clone()),
        vector("a second line", json!([sound]), second.clone()),
        first("white space", sound.replacen(',', ", ", 1)),
        first(
            "members in another order",
            sound.replace(
                "\"code\":\"unknown-domain\",\"type\":\"refused\"",
                "\"type\":\"refused\",\"code\":\"unknown-domain\"",
            ),
        ),
        first(
            "an escape that need not be",
            sound.replace("unknown-domain", "unknown\\u002ddomain"),
        ),
        first("a member twice", sound.replacen("\"format\":2", "\"format\":2,\"format\":2", 1)),
        first(
            "an unknown field of the line",
            sound.replacen("\"format\":2", "\"format\":2,\"more\":1", 1),
        ),
        first(
            "an unknown field of the event",
            of("1", &zeros, "{\"more\":1,\"type\":\"expiry-checked\"}"),
        ),
        first(
            "a step that is unknown",
            of("1", &zeros, "{\"steps\":[\"founding\",\"fire\"],\"type\":\"rehearsed\"}"),
        ),
        first("an unknown event", of("1", &zeros, "{\"type\":\"restored\"}")),
        first("a code that is no name", sound.replace("unknown-domain", "Unknown domain")),
        first("format 1", sound.replace("\"format\":2", "\"format\":1")),
        first("another service", sound.replace("example.", "office.")),
        first("another sequence", sound.replace("\"sequence\":1", "\"sequence\":2")),
        first(
            "a previous line before the first",
            sound.replacen(&zeros, &Hex([1; 32]).to_string(), 1),
        ),
        first("a part of a second", sound.replace("12:00:00Z", "12:00:00.5Z")),
        vector("another previous line", json!([sound]), of("2", &zeros, refusal)),
        first("the largest number", counted("9007199254740991")),
        first("a larger number", counted("9007199254740992")),
        first("a number with a fraction", counted("4.0")),
        first("a number below zero", counted("-1")),
        first("nothing", String::new()),
    ]
}

fn trees() -> Vec<Value> {
    let inclusion = |index: usize| {
        json!({"section": "11", "name": format!("leaf {index} of 11"), "op": "inclusion", "leaves": "$leaves",
            "index": index})
    };
    let consistency = |size: usize| {
        json!({"section": "11", "name": format!("from {size} to 11"), "op": "consistency", "leaves": "$leaves",
            "size": size})
    };
    let tree = json!({"section": "11", "name": "eleven leaves", "op": "tree", "leaves": "$leaves"});
    let inclusions = [0, 1, 5, 7, 8, 10].map(inclusion);
    let consistencies = [1, 2, 3, 4, 6, 7, 8, 9, 10, 11].map(consistency);
    [tree].into_iter().chain(inclusions).chain(consistencies).collect()
}

fn hashes(vector: &Value) -> Vec<Hash> {
    let leaves: Vec<String> = typed(vector, "leaves");
    let leaf = |leaf: &String| leaf_hash(&data_encoding::HEXLOWER.decode(leaf.as_bytes()).unwrap());
    leaves.iter().map(leaf).collect()
}

fn run(vector: &Value) -> Value {
    match text(vector, "op") {
        "canonical-json" => {
            json!({"text": String::from_utf8(canonical_json(&vector["value"])).unwrap()})
        }
        "line" => {
            let line: Line = typed(vector, "line");
            let bytes = canonical_json(&line);
            assert_eq!(bytes, canonical_json(&vector["line"]));
            let leaf = leaf_hash(&bytes);
            json!({"text": String::from_utf8(bytes).unwrap(), "leaf": leaf})
        }
        "read" => {
            let (service, before): (_, Vec<String>) =
                (text(vector, "service"), typed(vector, "before"));
            let mut history = History::default();
            before.iter().for_each(|line| history.push(line.as_bytes()));
            json!({"read": history.read_next(service, text(vector, "next").as_bytes()).is_ok()})
        }
        "leaf" => json!({"leaf": leaf_hash(&super::bytes(vector, "bytes"))}),
        "tree" => {
            let hashes = hashes(vector);
            let roots: Vec<_> = (1..=hashes.len()).map(|size| root_of(&hashes[..size])).collect();
            json!({"roots": roots})
        }
        "inclusion" => {
            let (hashes, index) = (hashes(vector), number(vector, "index"));
            let (at, size) = (index as usize, hashes.len() as u64);
            let proof = prove_inclusion(&hashes, at).unwrap();
            verify_inclusion(&hashes[at], index, size, &proof, &root_of(&hashes)).unwrap();
            json!({"proof": proof})
        }
        "consistency" => {
            let (hashes, size) = (hashes(vector), number(vector, "size"));
            let (small, large) = (root_of(&hashes[..size as usize]), root_of(&hashes));
            let proof = prove_consistency(&hashes, size as usize).unwrap();
            verify_consistency(size, &small, hashes.len() as u64, &large, &proof).unwrap();
            json!({"proof": proof})
        }
        op => panic!("no such op: {op}"),
    }
}
