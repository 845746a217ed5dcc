//! The people of the vectors: a service and three custodians, whose keys are one byte 32 times.

use std::convert::Infallible;

use cstatns::card::{Card, CardBody, ServiceCard};
use cstatns::checkpoint::Head;
use cstatns::custody::share::dealing_key;
use cstatns::dealing::{Dealing, DealingId, Epoch, Seat, Threshold};
use cstatns::hazmat::{Share, receiving_key, root_check};
use cstatns::name::{Hex, Name};
use ed25519_dalek::SigningKey;
use hpke::aead::ChaCha20Poly1305;
use hpke::kdf::HkdfSha256;
use hpke::kem::XWing;
use hpke::{Deserializable as _, Kem, OpModeS, Serializable as _};

use super::secret_of;

pub(crate) const SUITE: &str = "CStatNS-HMAC-SHA-256";

/// The root secret: 00, 01, … 1f.
pub(crate) fn root() -> [u8; 32] {
    std::array::from_fn(|at| at as u8)
}

pub(crate) fn signing(byte: u8) -> SigningKey {
    SigningKey::from_bytes(&[byte; 32])
}

pub(crate) fn public(byte: u8) -> Hex<32> {
    Hex(signing(byte).verifying_key().to_bytes())
}

/// The service signs with 01.
pub(crate) fn service() -> ServiceCard {
    ServiceCard::of(&Name::new("example").unwrap(), &signing(1))
}

/// Its card with the key 02.
pub(crate) fn successor() -> ServiceCard {
    ServiceCard::successor(service().id(), &signing(2))
}

/// A custodian, and the byte of which their signing seed is; the receiving seed is of the next.
pub(crate) struct Person {
    pub(crate) name: &'static str,
    pub(crate) byte: u8,
    pub(crate) external: bool,
}

pub(crate) const PEOPLE: [Person; 3] = [
    Person { name: "ana", byte: 0x11, external: false },
    Person { name: "ben", byte: 0x21, external: false },
    Person { name: "chloe", byte: 0x31, external: true },
];

impl Person {
    pub(crate) fn receiving(&self) -> [u8; 32] {
        [self.byte + 1; 32]
    }

    pub(crate) fn body(&self, protected: bool) -> CardBody {
        CardBody {
            format: 2,
            name: Name::new(self.name).unwrap(),
            external: self.external,
            protected,
            signing: public(self.byte),
            receiving: receiving_key(&secret_of(&self.receiving())).public(),
        }
    }

    pub(crate) fn card(&self) -> Card {
        Card::new(self.body(true), &signing(self.byte))
    }
}

/// A product in GF(2⁸) modulo x⁸+x⁴+x³+x²+1.
fn product(a: u8, b: u8) -> u8 {
    (0..8).rev().fold(0, |sum: u8, bit| {
        let doubled = (sum << 1) ^ if sum & 0x80 == 0 { 0 } else { 0x1d };
        doubled ^ if b >> bit & 1 == 0 { 0 } else { a }
    })
}

/// The value at `x` of the polynomials whose coefficients are the bytes of `root`, then those of
/// `others`, lowest first.
pub(crate) fn share_at(x: u8, root: &[u8; 32], others: &[[u8; 32]]) -> [u8; 32] {
    std::array::from_fn(|at| {
        let higher = others.iter().rev().fold(0, |sum, other| product(sum, x) ^ other[at]);
        product(higher, x) ^ root[at]
    })
}

/// The bytes of a share (SPEC §7).
pub(crate) fn share_bytes(service: &str, epoch: u32, [k, n, x]: [u8; 3], y: &[u8; 32]) -> Vec<u8> {
    let text = |text: &str| [&[text.len() as u8], text.as_bytes()].concat();
    let parts: [&[u8]; 7] = [
        b"CStatNS/share/",
        &[2],
        &text(SUITE),
        &text(service),
        &epoch.to_be_bytes(),
        &[k, n, x],
        y,
    ];
    parts.concat()
}

/// The coefficients beside the root: one for 2 of 3.
pub(crate) const COEFFICIENT: [u8; 32] = [0xa5; 32];

/// The shares of the first dealing, 2 of 3.
pub(crate) fn shares() -> Vec<Vec<u8>> {
    let one = |x| share_bytes(service().id(), 1, [2, 3, x], &share_at(x, &root(), &[COEFFICIENT]));
    (1..=3).map(one).collect()
}

pub(crate) fn dealing() -> Dealing {
    let (service, threshold) = (service(), Threshold::new(2, 3).unwrap());
    let seat = |(person, share): (&Person, &Vec<u8>)| {
        let commitment = Share::decode(share).unwrap().commitment();
        Seat { card: person.card(), commitment }
    };
    let root = secret_of(&root());
    let root_check = root_check(&root, service.id(), Epoch::FIRST);
    let receiving = dealing_key(&root, service.id(), Epoch::FIRST).public();
    let roster = PEOPLE.iter().zip(&shares()).map(seat).collect();
    Dealing { epoch: Epoch::FIRST, threshold, demo: false, service, roster, root_check, receiving }
}

pub(crate) fn dealing_id(service: &str, epoch: u32, k: usize, n: usize) -> DealingId {
    let threshold = Threshold::new(k, n).unwrap();
    DealingId { service: service.to_owned(), epoch: Epoch(epoch), threshold }
}

pub(crate) fn head() -> Head {
    Head { size: 5, root: Hex([0x0b; 32]) }
}

/// Bytes that count up, in place of randomness: a sealing that is made again is the same.
struct Counting(u8);

impl rand_core::TryRng for Counting {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        let mut bytes = [0; 4];
        self.try_fill_bytes(&mut bytes)?;
        Ok(u32::from_le_bytes(bytes))
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        let mut bytes = [0; 8];
        self.try_fill_bytes(&mut bytes)?;
        Ok(u64::from_le_bytes(bytes))
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        for byte in bytes {
            *byte = self.0;
            self.0 = self.0.wrapping_add(1);
        }
        Ok(())
    }
}

impl rand_core::TryCryptoRng for Counting {}

/// Seals as the library does, but with [`Counting`].
pub(crate) fn seal(plain: &[u8], receiver: &Hex<1216>, info: &[u8]) -> Vec<u8> {
    let key = <XWing as Kem>::PublicKey::from_bytes(&receiver.0).unwrap();
    let mode = OpModeS::Base;
    let (encapsulated, sealed) = hpke::single_shot_seal_with_rng::<
        ChaCha20Poly1305,
        HkdfSha256,
        XWing,
    >(&mode, &key, info, plain, b"", &mut Counting(0x40))
    .unwrap();
    [&encapsulated.to_bytes()[..], &sealed].concat()
}
