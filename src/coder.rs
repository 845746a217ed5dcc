//! The coding function (SPEC §4): identifiers become codes, codes become codes of the next
//! generation.
//!
//! Slices in, slices out. A [`Coder`] holds the whole chain of a domain's keys and a [`Renewer`]
//! the part of it after the generation that it lifts from: intermediate codes do not leave the
//! functions here.
//!
//! In the service a run lends both, after a quorum.
//! [`hazmat::coding_key`](crate::hazmat::coding_key) makes a key for the test vectors of SPEC's
//! appendix; the holder of a key can compute the function with any tool.

use cstatns_base::code::{Code, Generation, Tag};
use cstatns_base::domain::CheckValue;
use cstatns_base::hazmat::lanes::{Messages, Path, one_by_one};
use cstatns_base::hazmat::{MacKey, to_bytes};
use cstatns_base::identifier::Identifier;
use cstatns_base::name::{Hex, Name};
use cstatns_base::secret::{Secret, wipe_stack};

const RENEW: &[u8; 14] = b"CStatNS/renew/";

/// The key of one generation of one domain. Like a [`Secret`] it is neither printed nor copied:
///
/// ```compile_fail,E0277
/// # use cstatns::code::Generation;
/// # use cstatns::hazmat::coding_key;
/// # use cstatns::name::Name;
/// # use cstatns::secret::Secret;
/// # let domain = Name::new("income").unwrap();
/// let key = coding_key(&Secret::random(), "example.aaaaaaaaaaaaaaaaaaaaaaaaaa", &domain, Generation::FIRST);
/// println!("{key:?}");
/// ```
/// ```compile_fail,E0599
/// # use cstatns::code::Generation;
/// # use cstatns::hazmat::coding_key;
/// # use cstatns::name::Name;
/// # use cstatns::secret::Secret;
/// # let domain = Name::new("income").unwrap();
/// let key = coding_key(&Secret::random(), "example.aaaaaaaaaaaaaaaaaaaaaaaaaa", &domain, Generation::FIRST);
/// let copy = key.clone();
/// ```
pub struct CodingKey {
    mac: MacKey,
    tag: Tag,
    generation: Generation,
    check: CheckValue,
}

impl CodingKey {
    /// Prepares `key` as the key of `generation` of `domain` in the service `service_id`.
    pub(crate) fn new(
        key: &Secret<32>,
        service_id: &str,
        domain: &Name,
        generation: Generation,
    ) -> Self {
        let mac = MacKey::new(key);
        let check =
            Hex(mac.mac(format!("CStatNS/check/{service_id}/{domain}/{generation}").as_bytes()));
        wipe_stack();
        Self { mac, tag: Tag::of(service_id, domain), generation, check }
    }

    /// HMAC-SHA-256(K, "CStatNS/check/" ‖ service id ‖ "/" ‖ domain ‖ "/" ‖ decimal generation).
    pub fn check_value(&self) -> CheckValue {
        self.check
    }

    /// The generation that this key makes.
    pub fn generation(&self) -> Generation {
        self.generation
    }
}

/// The chain of a domain, from its first key that is not left out to its present one: identifiers
/// → codes.
///
/// ```
/// # use cstatns::code::Generation;
/// # use cstatns::coder::Coder;
/// # use cstatns::hazmat::coding_key;
/// # use cstatns::name::Name;
/// # use cstatns::secret::Secret;
/// use cstatns::identifier::Scheme;
/// # let domain = Name::new("income").unwrap();
/// # let key = coding_key(&Secret::random(), "example.aaaaaaaaaaaaaaaaaaaaaaaaaa", &domain, Generation::FIRST);
/// let coder = Coder::new(vec![key])?;
/// let identifier = Scheme::FrNir.parse(b"284052A321025")?.identifier;
/// let mut codes = Vec::new();
/// coder.code(&[identifier], &mut codes);
/// assert_eq!(codes[0].generation(), Generation::FIRST);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// A text is not an identifier; this does not compile:
///
/// ```compile_fail,E0308
/// # use cstatns::code::Generation;
/// # use cstatns::coder::Coder;
/// # use cstatns::hazmat::coding_key;
/// # use cstatns::name::Name;
/// # use cstatns::secret::Secret;
/// # let domain = Name::new("income").unwrap();
/// # let key = coding_key(&Secret::random(), "example.aaaaaaaaaaaaaaaaaaaaaaaaaa", &domain, Generation::FIRST);
/// let coder = Coder::new(vec![key])?;
/// let mut codes = Vec::new();
/// coder.code(&["284052A321025"], &mut codes);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Coder {
    chain: Vec<CodingKey>,
}

impl Coder {
    /// A coder from the keys of each generation that is not left out, in this order (SPEC §4.3).
    ///
    /// # Errors
    /// [`CoderError::Chain`] when they are not the keys of one domain, ascending.
    pub fn new(chain: Vec<CodingKey>) -> Result<Self, CoderError> {
        check_chain(&chain)?;
        Ok(Self { chain })
    }

    /// The tag of the domain.
    pub fn tag(&self) -> Tag {
        self.chain[0].tag
    }

    /// The generation of the codes it makes.
    pub fn generation(&self) -> Generation {
        self.chain[self.chain.len() - 1].generation
    }

    /// Clears `codes` and fills it with the code of each identifier, in order.
    pub fn code(&self, identifiers: &[Identifier], codes: &mut Vec<Code>) {
        self.code_by(Path::best(), identifiers, codes);
    }

    /// As [`Coder::code`], by a path that tests and benches choose.
    #[doc(hidden)]
    pub fn code_by(&self, path: Path, identifiers: &[Identifier], codes: &mut Vec<Code>) {
        codes.clear();
        codes.reserve(identifiers.len());
        let (tag, generation) = (self.tag(), self.generation());
        for identifiers in identifiers.chunk_by(|one, next| one.scheme() == next.scheme()) {
            let prefix = format!("CStatNS/issue/{}/", identifiers[0].scheme());
            let messages = Messages {
                items: identifiers,
                keys: self.chain.iter().map(|key| &key.mac),
                prefix: prefix.as_bytes(),
                tail: Identifier::padded,
                link: RENEW,
                out: |digests: &[[u32; 8]]| codes.extend(digests.iter().map(code(tag, generation))),
            };
            messages.run(path);
        }
        wipe_stack();
    }
}

/// Makes a code of the words of a digest.
fn code(tag: Tag, generation: Generation) -> impl Fn(&[u32; 8]) -> Code {
    move |words| Code::from_bytes(to_bytes(*one_by_one(words)), tag, generation)
}

/// A code as the tail of a message.
fn whole(code: &Code) -> (&[u8], usize) {
    (code.bytes(), code.bytes().len())
}

/// The keys after a generation, up to the present one: codes of that generation → present codes.
pub struct Renewer {
    from: Generation,
    chain: Vec<CodingKey>,
}

impl Renewer {
    /// A renewer of codes of generation `from`, from the keys of each later generation that is not
    /// left out (SPEC §4.3), in this order.
    ///
    /// # Errors
    /// [`CoderError::Chain`] when they are not the keys of one domain, ascending after `from`.
    pub fn new(from: Generation, chain: Vec<CodingKey>) -> Result<Self, CoderError> {
        check_chain(&chain)?;
        if chain[0].generation <= from {
            return Err(CoderError::Chain);
        }
        Ok(Self { from, chain })
    }

    /// The tag of the domain.
    pub fn tag(&self) -> Tag {
        self.chain[0].tag
    }

    /// The generation of the codes it takes.
    pub fn old_generation(&self) -> Generation {
        self.from
    }

    /// The generation of the codes it makes.
    pub fn generation(&self) -> Generation {
        self.chain[self.chain.len() - 1].generation
    }

    /// Clears `new` and fills it with the renewed code of each of `old`, in order.
    ///
    /// # Errors
    /// [`CoderError::Tag`] or [`CoderError::Generation`] when a code is of another domain or
    /// service, or of another generation than the one this renewer lifts from; `new` is empty then.
    pub fn renew(&self, old: &[Code], new: &mut Vec<Code>) -> Result<(), CoderError> {
        self.renew_by(Path::best(), old, new)
    }

    /// As [`Renewer::renew`], by a path that tests and benches choose.
    ///
    /// # Errors
    /// Those of [`Renewer::renew`].
    #[doc(hidden)]
    pub fn renew_by(
        &self,
        path: Path,
        old: &[Code],
        new: &mut Vec<Code>,
    ) -> Result<(), CoderError> {
        new.clear();
        let (tag, generation) = (self.tag(), self.generation());
        for (position, code) in old.iter().enumerate() {
            if code.tag() != tag {
                return Err(CoderError::Tag { position, found: code.tag(), expected: tag });
            }
            if code.generation() != self.from {
                return Err(CoderError::Generation {
                    position,
                    found: code.generation(),
                    expected: self.from,
                });
            }
        }
        new.reserve(old.len());
        let messages = Messages {
            items: old,
            keys: self.chain.iter().map(|key| &key.mac),
            prefix: RENEW,
            tail: whole,
            link: RENEW,
            out: |digests: &[[u32; 8]]| new.extend(digests.iter().map(code(tag, generation))),
        };
        messages.run(path);
        wipe_stack();
        Ok(())
    }
}

fn check_chain(chain: &[CodingKey]) -> Result<(), CoderError> {
    let follows =
        |pair: &[CodingKey]| pair[0].tag == pair[1].tag && pair[0].generation < pair[1].generation;
    let sound = !chain.is_empty() && chain.windows(2).all(follows);
    if sound { Ok(()) } else { Err(CoderError::Chain) }
}

/// Why codes were not made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CoderError {
    /// The keys are not a chain.
    #[error("the keys given are not the keys of one domain, one after the other")]
    Chain,
    /// A code belongs to another domain or service.
    #[error("code {} is of another domain or service (its tag is {found}, expected \
        {expected})", position + 1)]
    Tag {
        /// Its position in the slice, from 0.
        position: usize,
        /// The tag it carries.
        found: Tag,
        /// The tag of the domain.
        expected: Tag,
    },
    /// A code is of another generation.
    #[error("code {} is of generation {found}, expected {expected}", position + 1)]
    Generation {
        /// Its position in the slice, from 0.
        position: usize,
        /// The generation it carries.
        found: Generation,
        /// The generation that is renewed.
        expected: Generation,
    },
}

cstatns_base::coded!(CoderError {
    Self::Chain => ("chain", Machine, []),
    Self::Tag { position, found, expected } => ("other-domain", Input, [row: position + 1, found, expected]),
    Self::Generation { position, found, expected } => ("other-generation", Input, [row: position + 1, found, expected]),
});

#[cfg(test)]
mod tests {
    use cstatns_base::coded::Coded as _;
    use cstatns_base::identifier::Scheme;

    use super::*;

    fn keys(domain: &str, generations: &[u32]) -> Vec<CodingKey> {
        let domain = Name::new(domain).unwrap();
        let key = |number: &u32| {
            let generation = Generation::new(*number).unwrap();
            CodingKey::new(
                &Secret::random(),
                "example.aaaaaaaaaaaaaaaaaaaaaaaaaa",
                &domain,
                generation,
            )
        };
        generations.iter().map(key).collect()
    }

    #[test]
    fn keys_that_are_no_chain_are_refused() {
        for generations in [&[][..], &[2, 1], &[1, 1], &[1, 3, 2], &[3, 2]] {
            assert_eq!(Coder::new(keys("income", generations)).err(), Some(CoderError::Chain));
        }
        let mixed = || [keys("income", &[1]), keys("work", &[2])].into_iter().flatten().collect();
        assert_eq!(Coder::new(mixed()).err(), Some(CoderError::Chain));
        for generations in [&[][..], &[1], &[1, 2], &[3, 2], &[2, 2]] {
            let renewer = Renewer::new(Generation::FIRST, keys("income", generations));
            assert_eq!(renewer.err(), Some(CoderError::Chain));
        }
    }

    /// The codes of a generation after one that is left out are those of the one before it,
    /// renewed.
    #[test]
    fn a_generation_that_is_left_out_has_no_part_in_later_codes() {
        let domain = Name::new("income").unwrap();
        let secrets = [[1; 32], [3; 32]].map(|bytes| Secret::<32>::fill(|to| *to = bytes));
        let key = |at: usize, number: u32| {
            let service = "example.aaaaaaaaaaaaaaaaaaaaaaaaaa";
            CodingKey::new(&secrets[at], service, &domain, Generation::new(number).unwrap())
        };
        let identifiers = [Scheme::FrNir.parse(b"284052A321025").unwrap().identifier];
        let (mut first, mut renewed, mut third) = (Vec::new(), Vec::new(), Vec::new());
        Coder::new(vec![key(0, 1)]).unwrap().code(&identifiers, &mut first);
        let renewer = Renewer::new(Generation::FIRST, vec![key(1, 3)]).unwrap();
        renewer.renew(&first, &mut renewed).unwrap();
        Coder::new(vec![key(0, 1), key(1, 3)]).unwrap().code(&identifiers, &mut third);
        assert_eq!(renewed, third);
        assert_eq!(third[0].generation().get(), 3);
        // Where no key came before it, the next one begins the chain.
        let mut begun = Vec::new();
        Coder::new(vec![key(0, 3)]).unwrap().code(&identifiers, &mut begun);
        assert_eq!(begun[0].bytes(), first[0].bytes());
    }

    #[test]
    fn codes_of_another_domain_or_generation_are_refused() {
        let renewer = Renewer::new(Generation::FIRST, keys("income", &[2, 3])).unwrap();
        let code =
            |tag, generation| Code::from_bytes([7; 32], tag, Generation::new(generation).unwrap());
        let (own, other) = (renewer.tag(), keys("work", &[1])[0].tag);
        let mut new = vec![code(own, 1)];
        for (bad, error) in [(code(other, 1), "other-domain"), (code(own, 2), "other-generation")] {
            let refused = renewer.renew(&[code(own, 1), bad], &mut new).unwrap_err();
            assert_eq!(refused.code(), error);
            assert!(refused.to_string().starts_with("code 2 is of "), "{refused}");
            assert!(new.is_empty());
        }
        renewer.renew(&[code(own, 1)], &mut new).unwrap();
        assert_eq!((new.len(), new[0].generation().get()), (1, 3));
    }
}
