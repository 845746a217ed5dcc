//! Canonical JSON (RFC 8785) of what the formats hold: whole numbers, texts, lists, and objects
//! whose keys are plain ASCII. For these it is what any serializer writes without white space, once
//! the members of every object stand in the order of their keys.

use super::LARGEST_NUMBER;

/// Sorts the members of every object in `json`, which is whole and without white space; nothing
/// where a number or a key is of another kind than the formats hold.
pub(super) fn sorted(json: &[u8]) -> Option<Vec<u8>> {
    let mut sorter = Sorter { json, at: 0, out: Vec::with_capacity(json.len()) };
    sorter.value()?;
    (sorter.at == json.len()).then_some(sorter.out)
}

struct Sorter<'a> {
    json: &'a [u8],
    at: usize,
    out: Vec<u8>,
}

/// One member of an object: its key, and where it stands in what is written.
struct Member<'a> {
    key: &'a [u8],
    start: usize,
    end: usize,
}

impl<'a> Sorter<'a> {
    fn value(&mut self) -> Option<()> {
        match self.json.get(self.at)? {
            b'{' => self.object(),
            b'[' => self.list(),
            b'"' => self.text().map(drop),
            b'0'..=b'9' => {
                let digits = self.copy_while(u8::is_ascii_digit);
                let number: u64 = std::str::from_utf8(digits).ok()?.parse().ok()?;
                let goes_on = matches!(self.json.get(self.at), Some(b'.' | b'e' | b'E'));
                (number <= LARGEST_NUMBER && !goes_on).then_some(())
            }
            b't' | b'f' | b'n' => {
                self.copy_while(u8::is_ascii_lowercase);
                Some(())
            }
            _ => None,
        }
    }

    fn object(&mut self) -> Option<()> {
        self.copy(b'{')?;
        let first = self.out.len();
        let mut members: Vec<Member<'a>> = Vec::with_capacity(8);
        while self.json.get(self.at)? != &b'}' {
            if !members.is_empty() {
                self.copy(b',')?;
            }
            let start = self.out.len();
            let key = self.text()?;
            if !key.is_ascii() || key.contains(&b'\\') {
                return None;
            }
            self.copy(b':')?;
            self.value()?;
            members.push(Member { key, start, end: self.out.len() });
        }
        if !members.is_sorted_by(|one, next| one.key < next.key) {
            members.sort_by_key(|member| member.key);
            if members.windows(2).any(|pair| pair[0].key == pair[1].key) {
                return None;
            }
            let unsorted = self.out.split_off(first);
            for (at, member) in members.iter().enumerate() {
                if at > 0 {
                    self.out.push(b',');
                }
                self.out.extend_from_slice(&unsorted[member.start - first..member.end - first]);
            }
        }
        self.copy(b'}')
    }

    fn list(&mut self) -> Option<()> {
        self.copy(b'[')?;
        let first = self.out.len();
        while self.json.get(self.at)? != &b']' {
            if self.out.len() > first {
                self.copy(b',')?;
            }
            self.value()?;
        }
        self.copy(b']')
    }

    /// A text with its quotes; gives what stands between them. Serializers escape as canonical JSON
    /// does.
    fn text(&mut self) -> Option<&'a [u8]> {
        let start = self.at;
        self.at += 1;
        loop {
            let rest = self.json.get(self.at..)?;
            self.at += rest.iter().position(|byte| matches!(byte, b'"' | b'\\'))?;
            match self.json[self.at] {
                b'"' => break,
                _ => self.at += 2,
            }
        }
        let inner = &self.json[start + 1..self.at];
        self.at += 1;
        self.out.extend_from_slice(&self.json[start..self.at]);
        Some(inner)
    }

    fn copy_while(&mut self, belongs: impl Fn(&u8) -> bool) -> &'a [u8] {
        let rest = &self.json[self.at..];
        let length = rest.iter().position(|byte| !belongs(byte)).unwrap_or(rest.len());
        self.out.extend_from_slice(&rest[..length]);
        self.at += length;
        &rest[..length]
    }

    fn copy(&mut self, byte: u8) -> Option<()> {
        let found = *self.json.get(self.at)?;
        self.at += 1;
        self.out.push(found);
        (found == byte).then_some(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    fn peer(value: &Value) -> Vec<u8> {
        serde_json_canonicalizer::to_vec(value).unwrap()
    }

    /// The value with the members of its objects in another order than that of their keys.
    fn backwards(value: &Value) -> String {
        match value {
            Value::Object(members) => {
                let members = members.iter().rev();
                let members: Vec<String> = members
                    .map(|(key, value)| format!("{}:{}", json!(key), backwards(value)))
                    .collect();
                format!("{{{}}}", members.join(","))
            }
            Value::Array(values) => {
                let values: Vec<String> = values.iter().map(backwards).collect();
                format!("[{}]", values.join(","))
            }
            other => other.to_string(),
        }
    }

    fn values() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            (0..=LARGEST_NUMBER).prop_map(Value::from),
            any::<String>().prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 64, 8, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..8).prop_map(Value::from),
                prop::collection::btree_map("[ -\\[\\]-~]{0,6}", inner, 0..8)
                    .prop_map(|members| Value::Object(members.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn it_is_what_another_implementation_writes(value in values()) {
            let text = backwards(&value);
            let keys_are_plain = !text.contains("\\\"\":");
            let found = sorted(text.as_bytes());
            if let Some(found) = &found {
                prop_assert_eq!(found, &peer(&value));
            }
            prop_assert!(found.is_some() || !keys_are_plain || text.contains('\\'));
        }
    }

    #[test]
    fn what_the_formats_do_not_hold_is_left_to_the_other() {
        for plain in
            [json!(0), json!(LARGEST_NUMBER), json!({"b": [], "a": {}, "a!": "é\u{1}\\\""})]
        {
            assert_eq!(sorted(backwards(&plain).as_bytes()), Some(peer(&plain)), "{plain}");
        }
        for other in [
            json!(LARGEST_NUMBER + 1),
            json!(-1),
            json!(1.5),
            json!(1e9),
            json!({"é": 1}),
            json!({"\n": 1}),
        ] {
            assert_eq!(sorted(other.to_string().as_bytes()), None, "{other}");
        }
        for broken in [
            "",
            "{",
            "[1",
            "\"a",
            "\"a\\",
            "1 ",
            "{\"a\":1,\"a\":2}",
            "{\"b\":1,\"a\":2,\"a\":3}",
            "{\"a\"}",
            "[,]",
        ] {
            assert_eq!(sorted(broken.as_bytes()), None, "{broken}");
        }
    }
}
