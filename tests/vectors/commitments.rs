//! Commitments to requests and results, and the signed report of a result (SPEC §6).

use cstatns::card::spoken;
use cstatns::code::Generation;
use cstatns::commitment::{Commit, Commitment, CommitmentKey, Context, Use};
use cstatns::delivery::DeliveryId;
use cstatns::identifier::Scheme;
use cstatns::meta::FileMeta;
use cstatns::name::{Hex, Name, canonical_json};
use cstatns::report::{ReportBody, SignedReport};
use cstatns::statement::{Statement as _, verify};
use ed25519_dalek::SigningKey;
use serde_json::{Value, json};

use super::file::Made;
use super::people::{SUITE, head, service, signing};
use super::{number, text, typed};

/// *r* of the requests, and *r′* of the results.
const KEY: Hex<32> = Hex([0x61; 32]);
const RUN: Hex<16> = Hex([0x0d; 16]);

pub(crate) fn file() -> Made {
    let mut vectors = requests();
    vectors.extend(edges());
    vectors.extend(results());
    vectors.push(report());
    Made {
        name: "commitments",
        about: "Commitments to the rows of requests and results, and the report of a result.",
        ops: &[
            ("request", "the commitment of a request, and its eight words"),
            ("result", "the commitment of a result"),
            ("report", "the signature of a report"),
        ],
        fields: &[
            ("key", "*r* or *r′* in hex"),
            ("service", "the service id"),
            ("domain", "the domain"),
            ("use", "`code`, `look-up` or `renew`"),
            ("scheme", "the scheme; in a renewal the empty text"),
            ("generation", "the generation that the commitment names"),
            ("run", "the run in hex"),
            ("part", "the part"),
            ("request", "the commitment of the request"),
            ("columns", "the names of the value columns"),
            (
                "rows",
                "each row: its index in hex, and its values: a text, null for none, or a text and how often it is \
                 repeated",
            ),
            (
                "rows_of",
                "in place of `rows`: 1, 2, … in so many rows, of one column; the index is the number, 32 digits in hex; \
                 the value is the number as so many decimal digits",
            ),
            ("body", "the body of the report"),
            ("seed", "the seed of the service's signing key, in hex"),
        ],
        gives: &[
            ("commitment", "the commitment in hex"),
            ("words", "its eight words"),
            ("signature", "the signature in hex"),
        ],
        refused: &[],
        values: vec![("service", json!(service().id())), ("key", json!(KEY))],
        vectors,
        run,
    }
}

fn index(number: u8) -> Hex<16> {
    let mut index = [0; 16];
    index[15] = number;
    Hex(index)
}

fn request(name: &str, r#use: &str, columns: &[&str], rows: Value) -> Value {
    let generation = if r#use == "renew" { 3 } else { 0 };
    let scheme = if r#use == "renew" { "" } else { "fr-nir" };
    json!({"section": "6", "name": name, "op": "request", "key": "$key", "service": "$service",
        "domain": "population", "use": r#use, "scheme": scheme, "generation": generation, "columns": columns,
        "rows": rows})
}

fn requests() -> Vec<Value> {
    let of = |name: &str, rows: Value| request(name, "code", &["identifier"], rows);
    let one = json!([[index(1), ["284058832102532"]]]);
    let mut other_domain = of("another domain", one.clone());
    other_domain["domain"] = json!("diabetes-2026");
    let code = "c3.gcew.uuffoqtjzwbvpmla4idwpcw6jfyw2xol5fc6folpn223dxqm4xoa";
    let people = json!([
        [index(1), ["DUPONT", null, "ZOÉ", "2", "1984-05-17", "88321", null, null]],
        [index(2), [null, null, null, null, null, null, null, null]],
        [index(3), ["", "DURAND", "JEAN-PIERRE PAUL", "1", "1971", "2A004", "Ajaccio", "France"]],
    ]);
    let fields = [
        "nom",
        "nom_usage",
        "prenoms",
        "sexe",
        "date_naissance",
        "code_lieu",
        "libelle_lieu",
        "pays",
    ];
    vec![
        of("no rows", json!([])),
        of("one row", one.clone()),
        of("one row without a value", json!([[index(1), [null]]])),
        of("one row with an empty value", json!([[index(1), [""]]])),
        of("two rows", json!([[index(1), ["284058832102532"]], [index(0xff), ["284052A321025"]]])),
        other_domain,
        request("a look-up", "look-up", &fields, people),
        request("a renewal", "renew", &["code"], json!([[index(1), [code]], [index(2), [null]]])),
    ]
}

/// One row takes 20 bytes and its value: chunks of 4,032 bytes, a byte less and a byte more.
fn edges() -> Vec<Value> {
    let one = |name: &str, length: usize| {
        let value = json!({"repeat": "a", "times": length - 20});
        request(name, "look-up", &["nom"], json!([[index(1), [value]]]))
    };
    let two = |name: &str, first: usize, second: usize| {
        let row = |number: u8, length: usize| json!([index(number), [{"repeat": "é", "times": (length - 20) / 2}]]);
        request(name, "look-up", &["nom"], json!([row(1, first), row(2, second)]))
    };
    let many = |name: &str, rows: usize, digits: usize| {
        let mut vector = request(name, "code", &["identifier"], json!([]));
        vector.as_object_mut().unwrap().remove("rows");
        vector["rows_of"] = json!({"rows": rows, "digits": digits});
        vector
    };
    vec![
        one("4,031 bytes", 4031),
        one("4,032 bytes: one chunk", 4032),
        one("4,033 bytes", 4033),
        one("8,064 bytes: two chunks", 8064),
        one("8,065 bytes", 8065),
        two("a row over the edge of a chunk", 3000, 3000),
        two("an edge between two rows", 4032, 4032),
        many("1,000 rows", 1000, 15),
        many("144 rows of 28 bytes: one chunk", 144, 8),
        many("10,000 rows", 10_000, 13),
    ]
}

fn results() -> Vec<Value> {
    let result = |name: &str, r#use: &str, columns: &[&str], rows: Value| {
        json!({"section": "6", "name": name, "op": "result", "key": "$key", "service": "$service",
            "domain": "population", "use": r#use, "generation": 3, "run": RUN, "part": 1,
            "request": Hex([0x0f; 32]), "columns": columns, "rows": rows})
    };
    let code = "c3.gcew.uuffoqtjzwbvpmla4idwpcw6jfyw2xol5fc6folpn223dxqm4xoa";
    vec![
        result(
            "the result of a coding",
            "code",
            &["code", "quality"],
            json!([[index(1), [code, "valid"]], [index(2), [null, "none"]]]),
        ),
        result(
            "the result of a look-up",
            "look-up",
            &["code", "quality", "score"],
            json!([
                [index(1), [code, "found", "0.9731"]],
                [index(2), [null, "near", "0.4000"]],
                [index(3), [null, "none", null]]
            ]),
        ),
        result("the result of a renewal", "renew", &["code"], json!([[index(1), [code]]])),
        result("a result without rows", "code", &["code", "quality"], json!([])),
    ]
}

fn report() -> Value {
    let checkpoint = cstatns::checkpoint::sign_head(&head(), service().id(), &signing(1));
    let body = json!({"format": 2, "tool": "cstatns 0.1.0", "spec": "1", "suite": SUITE, "service": "$service",
        "domain": "population", "generation": 3, "use": "code", "check": Hex([0x1a; 32]),
        "delivery": {"run": RUN, "part": 1},
        "request": Hex([0x0f; 32]), "result": {"commitment": Hex([0x1b; 32]), "key": "$key"},
        "recipient": null, "rows_in": 1000, "rows_out": 1000, "coded": 990,
        "quality": {"none": 10, "unkeyed": 40, "valid": 950}, "scheme": "fr-nir",
        "accepted": {"commune": "needed-for-wages"},
        "destroyed": [{"file": "wages.csv", "bytes": 65_536, "how": "overwritten once, then deleted"}],
        "begin": "2027-03-01T12:00:00Z", "end": "2027-03-01T12:00:42Z", "checkpoint": checkpoint});
    json!({"section": "6", "name": "the report of a coding", "op": "report", "body": body, "seed": Hex([1; 32])})
}

/// The rows of a vector, with what is repeated written out.
fn rows(vector: &Value) -> Vec<([u8; 16], Vec<Option<String>>)> {
    if let Some(of) = vector.get("rows_of") {
        let (count, digits) = (number(of, "rows"), number(of, "digits") as usize);
        let row = |number: u64| {
            (u128::from(number).to_be_bytes(), vec![Some(format!("{number:0digits$}"))])
        };
        return (1..=count).map(row).collect();
    }
    let value = |value: &Value| match value {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        _ => Some(text(value, "repeat").repeat(number(value, "times") as usize)),
    };
    let row = |row: &Value| {
        let index: Hex<16> = serde_json::from_value(row[0].clone()).unwrap();
        (index.0, row[1].as_array().unwrap().iter().map(value).collect())
    };
    vector["rows"].as_array().unwrap().iter().map(row).collect()
}

fn committed(vector: &Value, context: &Context) -> Commitment {
    let key = CommitmentKey::from_hex(text(vector, "key")).unwrap();
    let columns: Vec<String> = typed(vector, "columns");
    let columns: Vec<&str> = columns.iter().map(String::as_str).collect();
    let mut commit = Commit::new(&key, context, &columns);
    for (index, values) in &rows(vector) {
        let values: Vec<_> =
            values.iter().map(|value| value.as_ref().map(String::as_bytes)).collect();
        commit.row(index, &values);
    }
    commit.finish().0
}

fn run(vector: &Value) -> Value {
    match text(vector, "op") {
        "request" => {
            let (service, domain) = (text(vector, "service"), Name::new(text(vector, "domain")));
            let scheme = match text(vector, "scheme") {
                "" => None,
                _ => Some(typed::<Scheme>(vector, "scheme")),
            };
            let generation = Generation::new(typed(vector, "generation"));
            let r#use: Use = typed(vector, "use");
            let context = Context::request(service, &domain.unwrap(), r#use, scheme, generation);
            let commitment = committed(vector, &context);
            json!({"commitment": commitment, "words": spoken(&commitment)})
        }
        "result" => {
            let from = FileMeta {
                service: text(vector, "service").to_owned(),
                domain: typed(vector, "domain"),
                generation: typed(vector, "generation"),
                delivery: DeliveryId { run: typed(vector, "run"), part: typed(vector, "part") },
            };
            let request = typed(vector, "request");
            let context = Context::result(&from, typed(vector, "use"), &request);
            json!({"commitment": committed(vector, &context)})
        }
        "report" => {
            let key = SigningKey::from_bytes(&typed::<Hex<32>>(vector, "seed").0);
            let body: ReportBody = typed(vector, "body");
            let message = [ReportBody::LABEL.as_bytes(), &canonical_json(&vector["body"])].concat();
            let report = SignedReport::new(body, &key);
            let public = Hex(key.verifying_key().to_bytes());
            assert!(verify(&public, &message, &report.signature));
            assert_eq!(report.verify(std::path::Path::new("report"), &public).unwrap(), head());
            json!({"signature": report.signature})
        }
        op => panic!("no such op: {op}"),
    }
}
