//! What the codes and names of communes were, and what they are now.

use std::collections::BTreeMap;

use cstatns_base::civil_status::normalise::{self, PlaceCode};

use crate::distance::{Nearness, nearness};

/// The present codes of communes, by their former codes and by their names, former ones included:
/// INSEE's official geographic code (*code officiel géographique*). Optional: without it a place is
/// found by its code, or by its name as the register has it.
///
/// A name that several communes bear leads to all of them.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Places {
    formers: BTreeMap<PlaceCode, Vec<PlaceCode>>,
    names: BTreeMap<String, Vec<PlaceCode>>,
}

impl Places {
    /// Adds a name and a code that a commune has or had; `present` is the code that it has now, its
    /// own unless the commune was merged into another or moved to another department. A name or a
    /// code alone may be added, the other empty.
    ///
    /// `false`: passed over, since it could not be read.
    pub fn add(&mut self, name: &str, code: &str, present: &str) -> bool {
        let (Some(code), Some(Some(present))) = (PlaceCode::read(code), PlaceCode::read(present))
        else {
            return false;
        };
        let Ok(name) = normalise::place_name(name) else { return false };
        let put = |codes: &mut Vec<PlaceCode>| {
            if !codes.contains(&present) {
                codes.push(present);
            }
        };
        if let Some(code) = code.filter(|code| *code != present) {
            put(self.formers.entry(code).or_default());
        }
        if !name.is_empty() {
            put(self.names.entry(String::clone(&name)).or_default());
        }
        true
    }

    /// How many names and former codes there are.
    pub(crate) fn len(&self) -> u64 {
        (self.formers.len() + self.names.len()) as u64
    }

    /// Whether two codes are, or have become, one commune.
    pub(crate) fn are_one(&self, a: PlaceCode, b: PlaceCode) -> bool {
        let now = |code| self.now(code);
        a == b
            || now(a).contains(&b)
            || now(b).contains(&a)
            || now(a).iter().any(|code| now(b).contains(code))
    }

    /// Whether a commune of this name, in normal form, is the one with this code.
    pub(crate) fn is_named(&self, code: PlaceCode, name: &str) -> bool {
        self.named(name).iter().any(|named| self.are_one(*named, code))
    }

    /// The present codes of the communes of this name, in normal form.
    pub(crate) fn named(&self, name: &str) -> &[PlaceCode] {
        self.names.get(name).map_or(&[], Vec::as_slice)
    }

    /// What a code has become; nothing if it still is one, or is not known.
    pub(crate) fn now(&self, code: PlaceCode) -> &[PlaceCode] {
        self.formers.get(&code).map_or(&[], Vec::as_slice)
    }

    /// As it stands in the index: each name or former code with its length before it, and one
    /// present code. A former code is known by its five digits, which no name of a commune is.
    pub(crate) fn write(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        let formers = self.formers.iter().map(|(code, now)| (&code.0[..], now));
        for (key, now) in formers.chain(self.names.iter().map(|(name, now)| (name.as_bytes(), now)))
        {
            for code in now {
                bytes.push(u8::try_from(key.len()).expect("a normal form is not longer"));
                bytes.extend_from_slice(key);
                bytes.extend_from_slice(&code.0);
            }
        }
        bytes
    }

    /// The reverse; `None` if these are not such bytes.
    pub(crate) fn read(mut bytes: &[u8]) -> Option<Self> {
        let mut places = Self::default();
        while let Some((&len, rest)) = bytes.split_first() {
            let (key, rest) = rest.split_at_checked(usize::from(len))?;
            let (code, rest) = rest.split_first_chunk::<5>()?;
            let key = std::str::from_utf8(key).ok()?;
            let is_code = len == 5 && key.bytes().all(|byte| byte.is_ascii_digit());
            let (name, former) = if is_code { ("", key) } else { (key, "") };
            places.add(name, former, std::str::from_utf8(code).ok()?).then_some(())?;
            bytes = rest;
        }
        Some(places)
    }
}

/// What a commune's code has become with its department: Mayotte's until 2011, and those of
/// Saint-Barthélemy and Saint-Martin until 2007. INSEE's file of communes does not have them.
pub(crate) fn moved(code: PlaceCode) -> Option<PlaceCode> {
    match code.0 {
        [b'9', b'8', b'5', ten, one] if commune_of_mayotte(code).is_some() => {
            Some(PlaceCode([b'9', b'7', b'6', ten, one]))
        }
        _ => MOVED.iter().find(|(former, _)| *former == code).map(|(_, now)| *now),
    }
}

/// The reverse of [`moved`].
pub(crate) fn moved_from(code: PlaceCode) -> Option<PlaceCode> {
    match code.0 {
        [b'9', b'7', b'6', ten, one] => {
            Some(PlaceCode([b'9', b'8', b'5', ten, one])).filter(|former| moved(*former).is_some())
        }
        _ => MOVED.iter().find(|(_, now)| *now == code).map(|(former, _)| *former),
    }
}

const MOVED: [(PlaceCode, PlaceCode); 2] =
    [(PlaceCode(*b"97123"), PlaceCode(*b"97701")), (PlaceCode(*b"97127"), PlaceCode(*b"97801"))];

/// The communes of Mayotte: 98501 to 98517 until 2011, 97601 to 97617 since.
const MAYOTTE: [&str; 17] = [
    "ACOUA",
    "BANDRABOUA",
    "BANDRELE",
    "BOUENI",
    "CHICONI",
    "CHIRONGUI",
    "DEMBENI",
    "DZAOUDZI",
    "KANI KELI",
    "KOUNGOU",
    "MAMOUDZOU",
    "MTSAMBORO",
    "M TSANGAMOUJI",
    "OUANGANI",
    "PAMANDZI",
    "SADA",
    "TSINGONI",
];

/// The name of the commune that has a code 985…; none if none has it.
fn commune_of_mayotte(code: PlaceCode) -> Option<&'static str> {
    let [b'9', b'8', b'5', ten @ b'0'..=b'9', one @ b'0'..=b'9'] = code.0 else { return None };
    let number = 10 * usize::from(ten - b'0') + usize::from(one - b'0');
    MAYOTTE.get(number.checked_sub(1)?).copied()
}

/// The code of a place as it is now: what it has [`moved`] to. A code of Mayotte stays as it is
/// where the name of the place or the country shows that it is one of somewhere else: 98506 was
/// Indochina's too.
pub(crate) fn present(code: PlaceCode, name: &str, country: &str) -> PlaceCode {
    let is_elsewhere = commune_of_mayotte(code).is_some_and(|commune| {
        !matches!(country, "" | "FRANCE" | "MAYOTTE")
            || !name.is_empty() && nearness(name, commune) == Nearness::Far
    });
    moved(code).filter(|_| !is_elsewhere).unwrap_or(code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_that_moved_with_their_department() {
        let code = |text| PlaceCode::read(text).unwrap().unwrap();
        for (former, now) in
            [("98501", "97601"), ("98517", "97617"), ("97123", "97701"), ("97127", "97801")]
        {
            let (former, now) = (code(former), code(now));
            assert!(moved(former) == Some(now) && moved_from(now) == Some(former));
            assert!(moved(now).is_none() && moved_from(former).is_none());
        }
        for other in ["98500", "98518", "98520", "97600", "97618", "98611", "97124", "97702"] {
            assert!(moved(code(other)).is_none() && moved_from(code(other)).is_none(), "{other}");
        }
    }

    #[test]
    fn a_code_of_mayotte_may_be_of_somewhere_else() {
        let code = |text| PlaceCode::read(text).unwrap().unwrap();
        let is = |text, name, country, now| present(code(text), name, country) == code(now);
        for (name, country, now) in [
            ("", "", "97606"),
            ("CHIRONGUI", "FRANCE", "97606"),
            ("CHIRONGI", "MAYOTTE", "97606"),
            ("HANOI", "", "98506"),
            ("MAMOUDZOU", "", "98506"),
            ("", "VIET NAM", "98506"),
            ("CHIRONGUI", "VIET NAM", "98506"),
        ] {
            assert!(is("98506", name, country, now), "{name} {country}");
        }
        assert!(is("97606", "HANOI", "", "97606") && is("97123", "GUSTAVIA", "", "97701"));
        assert!(is("75056", "", "", "75056"));
    }

    #[test]
    fn former_codes_and_names_lead_to_the_commune_of_today() {
        let mut places = Places::default();
        assert!(places.add("Bâgé-la-Ville", "01025", "01025"));
        assert!(places.add("Dommartin", "01144", "01025"));
        assert!(places.add("Saint-Denis", "", "93066") && places.add("Saint-Denis", "", "97411"));
        assert!(places.add("", "01999", "01144"));
        assert!(!places.add("Nowhere", "x", "01025") && !places.add("Nowhere", "01025", ""));
        let code = |text| PlaceCode::read(text).unwrap().unwrap();
        assert!(
            places.are_one(code("01144"), code("01025"))
                && places.are_one(code("1025"), code("1144"))
        );
        assert!(places.add("", "01888", "01025") && places.are_one(code("01888"), code("01144")));
        assert!(!places.are_one(code("93066"), code("97411")));
        assert!(
            places.is_named(code("01144"), "BAGE LA VILLE")
                && places.is_named(code("97411"), "SAINT DENIS")
        );
        assert!(
            !places.is_named(code("75056"), "SAINT DENIS")
                && !places.is_named(code("75056"), "NOWHERE")
        );
        let bytes = places.write();
        assert!(Places::read(&bytes) == Some(places));
        assert!(
            Places::read(&bytes[1..]).is_none()
                && Places::read(&bytes[..bytes.len() - 1]).is_none()
        );
    }
}
