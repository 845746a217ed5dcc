//! Canonical JSON (RFC 8785) of what the formats hold: whole numbers, texts, lists, and objects
//! whose keys are plain ASCII. For these it is what any serializer writes without white space, once
//! the members of every object stand in the order of their keys.

use memchr::memchr2;

use super::LARGEST_NUMBER;

/// Sorts the members of every object in `json`, which is whole and without white space: whatever
/// their order, each object stands where it stood. Nothing where a number or a key is of another
/// kind than the formats hold.
pub(super) fn sorted(json: Vec<u8>) -> Option<Vec<u8>> {
    let mut sorter = Sorter { json, at: 0, members: Vec::with_capacity(32), room: Vec::new() };
    sorter.value()?;
    (sorter.at == sorter.json.len()).then_some(sorter.json)
}

struct Sorter {
    json: Vec<u8>,
    at: usize,
    /// The members of the objects that are open, the outermost object's first.
    members: Vec<Member>,
    /// An object's members before they are sorted.
    room: Vec<u8>,
}

/// One member of an object: where it stands with the quotes of its key, and where its key ends.
#[derive(Clone, Copy)]
struct Member {
    start: usize,
    key_end: usize,
    end: usize,
}

impl Sorter {
    fn value(&mut self) -> Option<()> {
        match self.json.get(self.at)? {
            b'{' => self.object(),
            b'[' => self.list(),
            b'"' => self.text(),
            b'0'..=b'9' => {
                let start = self.at;
                self.pass_while(u8::is_ascii_digit);
                let digits = &self.json[start..self.at];
                let number: u64 = std::str::from_utf8(digits).ok()?.parse().ok()?;
                let goes_on = matches!(self.json.get(self.at), Some(b'.' | b'e' | b'E'));
                (number <= LARGEST_NUMBER && !goes_on).then_some(())
            }
            b't' | b'f' | b'n' => {
                self.pass_while(u8::is_ascii_lowercase);
                Some(())
            }
            _ => None,
        }
    }

    fn object(&mut self) -> Option<()> {
        self.pass(b'{')?;
        let (first, outer) = (self.at, self.members.len());
        while self.json.get(self.at)? != &b'}' {
            if self.at > first {
                self.pass(b',')?;
            }
            let start = self.at;
            self.text()?;
            let key_end = self.at;
            let key = &self.json[start..key_end];
            if !key.is_ascii() || key.contains(&b'\\') {
                return None;
            }
            self.pass(b':')?;
            self.value()?;
            self.members.push(Member { start, key_end, end: self.at });
        }
        self.sort(first, outer)?;
        self.members.truncate(outer);
        self.pass(b'}')
    }

    /// Sorts the members of one object, which begin at `first`: those from `outer` on.
    fn sort(&mut self, first: usize, outer: usize) -> Option<()> {
        let json = &self.json;
        let key = |member: &Member| &json[member.start + 1..member.key_end - 1];
        let members = &mut self.members[outer..];
        if members.is_sorted_by(|one, next| key(one) < key(next)) {
            return Some(());
        }
        members.sort_unstable_by_key(key);
        if members.windows(2).any(|pair| key(&pair[0]) == key(&pair[1])) {
            return None;
        }
        self.room.clear();
        self.room.extend_from_slice(&self.json[first..self.at]);
        let mut at = first;
        for member in members {
            if at > first {
                self.json[at] = b',';
                at += 1;
            }
            let member = &self.room[member.start - first..member.end - first];
            self.json[at..at + member.len()].copy_from_slice(member);
            at += member.len();
        }
        Some(())
    }

    fn list(&mut self) -> Option<()> {
        self.pass(b'[')?;
        let first = self.at;
        while self.json.get(self.at)? != &b']' {
            if self.at > first {
                self.pass(b',')?;
            }
            self.value()?;
        }
        self.pass(b']')
    }

    /// A text with its quotes. Serializers escape as canonical JSON does.
    fn text(&mut self) -> Option<()> {
        self.pass(b'"')?;
        loop {
            self.at += memchr2(b'"', b'\\', self.json.get(self.at..)?)?;
            match self.json[self.at] {
                b'"' => break,
                _ => self.at += 2,
            }
        }
        self.pass(b'"')
    }

    fn pass_while(&mut self, belongs: impl Fn(&u8) -> bool) {
        let rest = &self.json[self.at..];
        self.at += rest.iter().position(|byte| !belongs(byte)).unwrap_or(rest.len());
    }

    fn pass(&mut self, byte: u8) -> Option<()> {
        let found = *self.json.get(self.at)?;
        self.at += 1;
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
            let found = sorted(text.clone().into_bytes());
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
            assert_eq!(sorted(backwards(&plain).into_bytes()), Some(peer(&plain)), "{plain}");
        }
        for other in [
            json!(LARGEST_NUMBER + 1),
            json!(-1),
            json!(1.5),
            json!(1e9),
            json!({"é": 1}),
            json!({"\n": 1}),
        ] {
            assert_eq!(sorted(other.to_string().into_bytes()), None, "{other}");
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
            assert_eq!(sorted(broken.into()), None, "{broken}");
        }
    }
}
