//! The commitment of a register's index, the keys in it (SPEC §18.3), and the normal forms of what
//! is read into it and asked of it (SPEC §18.2). The library of registers
//! compares the keys with an index that it builds: `crates/register/tests/register/vectors.rs`.

use cstatns::civil_status::normalise::{self, PlaceCode, Sex};
use cstatns::civil_status::{Field, Years};
use cstatns::look_up::register_commitment;
use cstatns::name::Hex;
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};

use super::file::Made;
use super::{hex, number, text, typed};

pub(crate) fn file() -> Made {
    Made {
        name: "register",
        about: "The commitment of an index, the keys of a row and the values of a row that are counted; the normal \
            forms of first names, sexes, dates and codes of places.",
        ops: &[
            ("commitment", "the commitment of an index"),
            ("keys", "the keys and the counted values of one row"),
            ("form", "the normal form of the text of a field"),
        ],
        fields: &[
            ("key", "the key in the header, in hex"),
            ("id", "the id in the header, in hex"),
            ("digest", "the SHA-256 at the end, in hex"),
            ("nir", "the canonical identifier"),
            ("nom", "the family name in normal form"),
            ("core", "the same without particles"),
            ("nom_usage", "the usage name in normal form, or the empty text"),
            ("core_usage", "the same without particles"),
            ("prenoms", "the first names in normal form"),
            ("date", "the date as a number; 0: none"),
            ("code", "the code of the place, or the empty text"),
            ("commune", "the code of the commune that is counted: of a borough that of its city"),
            ("field", "the field's name"),
            ("text", "what stands in the cell; the present year is 2026"),
        ],
        gives: &[
            ("commitment", "the commitment in hex"),
            ("keys", "by letter: the 8 bytes of each key as they stand in the file, in hex"),
            ("values", "by letter: the same of the values that are counted"),
            (
                "form",
                "first names and codes as text, a sex (0: not known) and a date as numbers; empty: no code",
            ),
            ("refused", "unread: not in a form that is read"),
        ],
        refused: &[
            "sexe: -1",
            "sexe: 1.00",
            "date_naissance: 12/05/50",
            "date_naissance: 12MAY1984",
            "date_naissance: 1984-05-12 00:00:01",
            "date_naissance: 1984.99",
            "date_naissance: 2028-01-01",
            "code_lieu: 75112.5",
            "code_lieu: 2A004.0",
        ],
        values: vec![],
        vectors: vectors(),
        run,
    }
}

fn vectors() -> Vec<Value> {
    let row = |name: &str,
               [nir, nom, core]: [&str; 3],
               usage: [&str; 2],
               prenoms: &str,
               date: u32,
               code: &str| {
        let commune = if code.starts_with("751") { "75056" } else { code };
        json!({"section": "18.3", "name": name, "op": "keys", "nir": nir, "nom": nom, "core": core,
            "nom_usage": usage[0], "core_usage": usage[1], "prenoms": prenoms, "date": date, "code": code,
            "commune": commune})
    };
    vec![
        json!({"section": "18.3", "name": "the commitment of an index", "op": "commitment", "key": Hex([0x51; 32]),
            "id": Hex([0x52; 16]), "digest": Hex([0x53; 32])}),
        row(
            "a plain row",
            ["2840588321025", "DUPONT", "DUPONT"],
            ["", ""],
            "ZOE",
            19_840_517,
            "88321",
        ),
        row(
            "particles, a usage name, a borough of Paris",
            ["2840575115025", "DE LA TOUR", "TOUR"],
            ["LE GOFF-MARTIN", "GOFF-MARTIN"],
            "JEAN-PIERRE PAUL",
            19_840_517,
            "75115",
        ),
        row(
            "born overseas",
            ["1840597411025", "PAYET", "PAYET"],
            ["", ""],
            "MARIE ANNE",
            19_840_500,
            "97411",
        ),
        row(
            "born abroad, the year alone",
            ["1840599352025", "HADDAD", "HADDAD"],
            ["", ""],
            "ALI",
            19_840_000,
            "99352",
        ),
        row(
            "without first names and place",
            ["1840588321025", "X", "X"],
            ["", ""],
            "",
            19_840_517,
            "",
        ),
        row("without a date", ["1840588321026", "Y", "Y"], ["", ""], "LUC", 0, "88321"),
    ]
    .into_iter()
    .chain(FORMS.map(|(field, text)| {
        let name = format!("{}: {text}", field.name());
        json!({"section": "18.2", "name": name, "op": "form", "field": field.name(), "text": text})
    }))
    .collect()
}

/// What stands in cells.
const FORMS: [(Field, &str); 37] = [
    (Field::Prenoms, "Zoé Marie-Claire"),
    (Field::Prenoms, "MARIE CLAIRE (2)"),
    (Field::Prenoms, "MARIE-2"),
    (Field::Sexe, ""),
    (Field::Sexe, "h"),
    (Field::Sexe, "1.0"),
    (Field::Sexe, "Masculin"),
    (Field::Sexe, "femme"),
    (Field::Sexe, "Féminin"),
    (Field::Sexe, "-1"),
    (Field::Sexe, "1.00"),
    (Field::DateNaissance, "12/05/1984"),
    (Field::DateNaissance, "19840512.0"),
    (Field::DateNaissance, "1984-05-12T00:00:00"),
    (Field::DateNaissance, "1984-05-12 00:00:00.000"),
    (Field::DateNaissance, "12/05/1984 00:00"),
    (Field::DateNaissance, "1984-05-99"),
    (Field::DateNaissance, "XX/05/1984"),
    (Field::DateNaissance, "99/99/1984"),
    (Field::DateNaissance, "1984.0"),
    (Field::DateNaissance, "0000-05-12"),
    (Field::DateNaissance, "12/05/50"),
    (Field::DateNaissance, "12MAY1984"),
    (Field::DateNaissance, "1984-05-12 00:00:01"),
    (Field::DateNaissance, "1984.99"),
    (Field::DateNaissance, "2027-01-01"),
    (Field::DateNaissance, "2028-01-01"),
    (Field::CodeLieu, "2b033"),
    (Field::CodeLieu, "1344"),
    (Field::CodeLieu, "1344.0"),
    (Field::CodeLieu, "93352"),
    (Field::CodeLieu, "98506"),
    (Field::CodeLieu, "00000"),
    (Field::CodeLieu, "99999"),
    (Field::CodeLieu, "9999"),
    (Field::CodeLieu, "75112.5"),
    (Field::CodeLieu, "2A004.0"),
];

fn form(field: Field, text: &str) -> Option<Value> {
    let years = Years::at("2026-11-28T00:00:00Z".parse().expect("a time"));
    match field {
        Field::Prenoms => normalise::first_names(text).ok().map(|names| json!(&*names)),
        Field::Sexe => normalise::sex(text).map(|sex: Sex| json!(sex as u8)),
        Field::DateNaissance => normalise::date(text, years).map(|date| json!(date)),
        _ => PlaceCode::read(text).map(|code| {
            let code = code.map(|code| String::from_utf8(code.0.into()).expect("digits"));
            json!(code.unwrap_or_default())
        }),
    }
}

/// The names without spaces and hyphens, those that are not empty, each once.
fn once(names: &[&str]) -> Vec<String> {
    let mut kept: Vec<String> = Vec::new();
    for name in names.iter().filter(|name| !name.is_empty()) {
        let name = name.replace([' ', '-'], "");
        if !kept.contains(&name) {
            kept.push(name);
        }
    }
    kept
}

fn key(parts: &[&[u8]]) -> String {
    hex(&Sha256::digest(parts.concat())[..8])
}

/// By hand: the library of registers is compared with it elsewhere.
fn keys(vector: &Value) -> (Value, Value) {
    let text = |field| text(vector, field);
    let (date, code) = (number(vector, "date") as u32, text("code"));
    let first = text("prenoms").split([' ', '-']).next().unwrap_or("");
    let kept = match code.get(..2) {
        Some("99") => 5,
        Some("97" | "98") => 3,
        _ => 2,
    };
    let district = code.get(..kept).map(|kept| format!("{kept:0<5}"));
    let district = district.as_deref().map(str::as_bytes);
    let (day, year) = (date.to_le_bytes(), (date / 10_000).to_le_bytes());
    let names = once(&[text("nom"), text("core"), text("nom_usage")]);
    let cores = once(&[text("core"), text("core_usage")]);
    let mut keys = Map::new();
    keys.insert("i".into(), json!([key(&[b"i", text("nir").as_bytes()])]));
    if date != 0 {
        let of = |names: &[String], make: &dyn Fn(&[u8]) -> String| -> Value {
            names.iter().map(|name| json!(make(name.as_bytes()))).collect()
        };
        keys.insert("n".into(), of(&names, &|name| key(&[b"n", &day, name])));
        if !first.is_empty() {
            let first = first.as_bytes();
            keys.insert("d".into(), json!([key(&[b"d", &day, first])]));
            keys.insert("y".into(), of(&cores, &|core| key(&[b"y", &year, core, b"\n", first])));
        }
        if let Some(district) = district {
            keys.insert("p".into(), json!([key(&[b"p", &day, district])]));
            let core = cores[0].as_bytes();
            keys.insert("c".into(), json!([key(&[b"c", &year, district, core])]));
            if !first.is_empty() {
                let first = first.as_bytes();
                keys.insert("f".into(), json!([key(&[b"f", &year, district, first])]));
            }
        }
    }
    (Value::Object(keys), values(vector, &names))
}

fn values(vector: &Value, names: &[String]) -> Value {
    let date = number(vector, "date") as u32;
    let of = |letter: &[u8], names: &[String]| -> Value {
        names.iter().map(|name| json!(key(&[letter, &[0; 4], name.as_bytes()]))).collect()
    };
    let firsts = once(&text(vector, "prenoms").split(' ').collect::<Vec<_>>());
    let mut values = Map::new();
    values.insert("N".into(), of(b"N", names));
    if !firsts.is_empty() {
        values.insert("F".into(), of(b"F", &firsts));
    }
    if date != 0 {
        for (letter, number) in [("D", date), ("M", date / 100), ("Y", date / 10_000)] {
            let value = key(&[letter.as_bytes(), &number.to_le_bytes()]);
            values.insert(letter.into(), json!([value]));
        }
    }
    let commune = text(vector, "commune");
    if !commune.is_empty() {
        values.insert("C".into(), json!([key(&[b"C", commune.as_bytes()])]));
    }
    Value::Object(values)
}

fn run(vector: &Value) -> Value {
    match text(vector, "op") {
        "commitment" => {
            let key = typed::<Hex<32>>(vector, "key").0;
            let id = typed::<Hex<16>>(vector, "id").0;
            let digest = typed::<Hex<32>>(vector, "digest").0;
            json!({"commitment": register_commitment(&key, &id, &digest)})
        }
        "keys" => {
            let (keys, values) = keys(vector);
            json!({"keys": keys, "values": values})
        }
        "form" => {
            let field = Field::of(text(vector, "field")).expect("a field");
            match form(field, text(vector, "text")) {
                Some(form) => json!({"form": form}),
                None => json!({"refused": "unread"}),
            }
        }
        op => panic!("no such op: {op}"),
    }
}
