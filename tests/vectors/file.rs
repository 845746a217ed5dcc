//! The files of vectors: how they are read, and how those that are made are written.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use super::Run;

pub(crate) fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("spec/vectors")
}

/// Whether the files that are made are to be written.
pub(crate) fn is_writing() -> bool {
    std::env::var_os("CSTATNS_NEW_VECTORS").is_some()
}

/// A committed file.
pub(crate) struct Read {
    pub(crate) text: String,
    head: Map<String, Value>,
    /// With the values of the file in place of their names.
    pub(crate) vectors: Vec<Value>,
}

impl Read {
    pub(crate) fn of(name: &str) -> Self {
        let path = folder().join(format!("{name}.json"));
        let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path:?}: {error}"));
        let mut head: Map<String, Value> = serde_json::from_str(&text).unwrap();
        let values = head["values"].as_object().unwrap().clone();
        let Some(Value::Array(vectors)) = head.remove("vectors") else {
            panic!("{name}: no vectors");
        };
        let vectors = vectors.iter().map(|vector| resolve(vector, &values)).collect();
        Self { text, head, vectors }
    }

    /// Each field is explained, and each explanation is of a field; names are said once.
    pub(crate) fn check(&self, name: &str) {
        let explained = |part: &str| -> BTreeSet<String> {
            let part = self.head.get(part).and_then(Value::as_object);
            part.map(|part| part.keys().cloned().collect()).unwrap_or_default()
        };
        let (mut fields, mut gives, mut ops) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
        let mut names = BTreeSet::new();
        for vector in &self.vectors {
            let members = vector.as_object().unwrap();
            let own = ["section", "name", "op", "gives"];
            fields.extend(members.keys().filter(|key| !own.contains(&key.as_str())).cloned());
            gives.extend(members["gives"].as_object().unwrap().keys().cloned());
            ops.extend(members.get("op").map(|op| op.as_str().unwrap().to_owned()));
            assert!(members["section"].is_string(), "{name}: {vector}");
            assert!(names.insert(members["name"].as_str().unwrap()), "{name}: twice: {vector}");
        }
        assert_eq!(fields, explained("fields"), "{name}: fields");
        assert_eq!(gives, explained("gives"), "{name}: gives");
        assert_eq!(ops, explained("ops"), "{name}: ops");
        assert!(self.head["about"].is_string(), "{name}: about");
    }
}

/// A text `$name` stands for the value of that name.
fn resolve(value: &Value, values: &Map<String, Value>) -> Value {
    match value {
        Value::String(text) => match text.strip_prefix('$') {
            Some(name) => {
                resolve(values.get(name).unwrap_or_else(|| panic!("no value {text}")), values)
            }
            None => value.clone(),
        },
        Value::Array(items) => items.iter().map(|item| resolve(item, values)).collect(),
        Value::Object(members) => {
            let member = |(name, value): (&String, &Value)| (name.clone(), resolve(value, values));
            Value::Object(members.iter().map(member).collect())
        }
        _ => value.clone(),
    }
}

/// A file that is made from inputs that stand in the tests.
pub(crate) struct Made {
    pub(crate) name: &'static str,
    pub(crate) about: &'static str,
    /// What each `op` computes.
    pub(crate) ops: &'static [(&'static str, &'static str)],
    /// What each input is.
    pub(crate) fields: &'static [(&'static str, &'static str)],
    /// What each output is.
    pub(crate) gives: &'static [(&'static str, &'static str)],
    /// The names of the vectors that must be refused, in their order: so that a format that changes
    /// does not turn others into refusals unseen.
    pub(crate) refused: &'static [&'static str],
    /// What stands in several vectors, by name.
    pub(crate) values: Vec<(&'static str, Value)>,
    /// The inputs: with `section`, `name` and `op`.
    pub(crate) vectors: Vec<Value>,
    /// What comes out of a vector's inputs.
    pub(crate) run: Run,
}

impl Made {
    /// The file: one vector a line.
    pub(crate) fn text(&self) -> String {
        let explained = |pairs: &[(&str, &str)]| {
            let pairs: Vec<_> =
                pairs.iter().map(|(name, what)| member(name, &json(what))).collect();
            format!("{{\n{}\n}}", pairs.join(",\n"))
        };
        let values: Map<String, Value> =
            self.values.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
        let lines: Vec<_> = self
            .vectors
            .iter()
            .map(|vector| {
                let gives = (self.run)(&resolve(vector, &values));
                let mut members = vector.as_object().unwrap().clone();
                let first = ["section", "name", "op"].map(|name| (name, members.remove(name)));
                let first = first.map(|(name, value)| member(name, &json(&value.unwrap())));
                let rest: BTreeMap<_, _> = members.into_iter().collect();
                let rest = rest.iter().map(|(name, value)| member(name, &json(value)));
                let last = member("gives", &json(&gives));
                let all: Vec<_> = first.into_iter().chain(rest).chain([last]).collect();
                format!("{{{}}}", all.join(", "))
            })
            .collect();
        let values: Vec<_> =
            self.values.iter().map(|(name, value)| member(name, &json(value))).collect();
        format!(
            "{{\n\"about\": {},\n\"ops\": {},\n\"fields\": {},\n\"gives\": {},\n\"values\": {{\n{}\n}},\n\
            \"vectors\": [\n{}\n]\n}}\n",
            json(self.about),
            explained(self.ops),
            explained(self.fields),
            explained(self.gives),
            values.join(",\n"),
            lines.join(",\n")
        )
    }

    /// Compares the committed file with what is made now, vector by vector, then to the byte.
    pub(crate) fn check(&self) -> usize {
        let text = self.text();
        if is_writing() {
            fs::write(folder().join(format!("{}.json", self.name)), &text).unwrap();
        }
        let read = Read::of(self.name);
        for vector in &read.vectors {
            assert_eq!((self.run)(vector), vector["gives"], "{}: {}", self.name, vector["name"]);
        }
        let is_refused = |vector: &&Value| {
            let gives = vector["gives"].as_object().unwrap();
            gives.iter().any(|(name, value)| name == "refused" || *value == Value::Bool(false))
        };
        let refused = read.vectors.iter().filter(is_refused);
        let refused: Vec<_> = refused.map(|vector| vector["name"].as_str().unwrap()).collect();
        assert_eq!(refused, self.refused, "{}: what is refused", self.name);
        read.check(self.name);
        assert!(
            read.text == text,
            "{}.json is not what is made now: CSTATNS_NEW_VECTORS=1 writes it anew",
            self.name
        );
        read.vectors.len()
    }
}

fn json<T: serde::Serialize + ?Sized>(value: &T) -> String {
    serde_json::to_string(value).unwrap()
}

fn member(name: &str, value: &str) -> String {
    format!("{}: {value}", json(name))
}
