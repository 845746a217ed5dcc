//! Who appears in a walk: a service and six custodians, with the keys to sign whatever is asked.
//! Each custodian has a card for every dealing of a ledger.

use cstatns::card::{Card, CardBody, PartyCard, PartyCardBody, ServiceCard};
use cstatns::checkpoint::{Cosignature, Head};
use cstatns::dealing::{Dealing, Epoch, Seat, Threshold};
use cstatns::name::{Hex, Name};
use cstatns::proposal::{Consent, ConsentBody};
use cstatns::receipt::{Doubt, DoubtBody, Doubted, Receipt, ReceiptBody, ReceiptStatement};
use cstatns::state::State;
use cstatns::statement::{FORMAT, Signed, Suite};
use ed25519_dalek::SigningKey;
use jiff::Timestamp;

use crate::common::name;
use crate::second::Random;

pub(crate) struct Person {
    pub(crate) card: Card,
    key: SigningKey,
}

/// What a statement is about and how it is signed, before anything in it is bent.
pub(crate) struct Stating<'a> {
    pub(crate) service: &'a str,
    pub(crate) head: Head,
    pub(crate) time: Timestamp,
    pub(crate) count: u64,
    /// Who signs in the place of the custodian who is named.
    pub(crate) signer: Option<&'a Person>,
    /// Whose card is named in the place of theirs.
    pub(crate) card: Option<&'a Person>,
}

impl Person {
    fn new(number: u8, random: &mut Random) -> Self {
        let key = SigningKey::from_bytes(&[number; 32]);
        let body = CardBody {
            format: FORMAT,
            name: name(&format!("person-{number}")),
            external: number == 5,
            protected: number != 6,
            signing: Hex(key.verifying_key().to_bytes()),
            receiving: random.bytes(),
        };
        Self { card: Signed::new(body, &key), key }
    }

    pub(crate) fn name(&self) -> &Name {
        &self.card.body.name
    }

    pub(crate) fn cosign(&self, service: &str, head: Head, time: Timestamp) -> Cosignature {
        Cosignature::sign(service, head, time, &self.key)
    }

    fn parts(&self, of: &Stating<'_>) -> (Hex<32>, Cosignature) {
        let card = of.card.unwrap_or(self).card.fingerprint();
        (card, self.signer(of).cosign(of.service, of.head, of.time))
    }

    fn signer<'a>(&'a self, of: &Stating<'a>) -> &'a Self {
        of.signer.unwrap_or(self)
    }

    pub(crate) fn consent(&self, of: &Stating<'_>, epoch: Epoch, question: Hex<32>) -> Consent {
        let (card, cosignature) = self.parts(of);
        let body = ConsentBody {
            format: FORMAT,
            suite: Suite::default(),
            service: of.service.to_owned(),
            epoch,
            question,
            by: self.name().clone(),
            card,
            count: of.count,
            share: Hex([9; 32]),
            cosignature,
        };
        Signed::new(body, &self.signer(of).key)
    }

    pub(crate) fn receipt(&self, of: &Stating<'_>, statement: ReceiptStatement) -> Receipt {
        let (card, cosignature) = self.parts(of);
        let body = ReceiptBody {
            format: FORMAT,
            suite: Suite::default(),
            service: of.service.to_owned(),
            by: self.name().clone(),
            card,
            count: of.count,
            cosignature,
            statement,
        };
        Signed::new(body, &self.signer(of).key)
    }

    pub(crate) fn doubt(&self, of: &Stating<'_>, about: Doubted) -> Doubt {
        let (card, cosignature) = self.parts(of);
        let body = DoubtBody {
            format: FORMAT,
            suite: Suite::default(),
            service: of.service.to_owned(),
            by: self.name().clone(),
            card,
            count: of.count,
            about,
            cosignature,
        };
        Signed::new(body, &self.signer(of).key)
    }
}

/// A party: its card, and what it signs with.
pub(crate) struct Party {
    pub(crate) card: PartyCard,
    pub(crate) key: SigningKey,
    fingerprint: Hex<32>,
}

pub(crate) struct Cast {
    /// The service's keys: the first one, and those that may take its place.
    pub(crate) keys: Vec<SigningKey>,
    pub(crate) card: ServiceCard,
    /// Another service's card.
    pub(crate) stranger: ServiceCard,
    /// The six with the cards of a first dealing, ascending by name, then with those of a second,
    /// and so on. The fifth is external, the sixth has no passphrase.
    pub(crate) people: Vec<Person>,
    /// The parties. The card of the first is sound; so are others, and the last ones have a key of
    /// somebody else, the name of another one, or no signature.
    pub(crate) parties: Vec<Party>,
}

/// How many of the parties nobody objects to.
pub(crate) const SOUND_PARTIES: usize = 5;

/// A custodian's signing key, which is also on the card of a party.
const SHARED: u8 = 4;

fn party(text: &str, key: u8, receiving: Hex<1216>) -> Party {
    let key = SigningKey::from_bytes(&[key; 32]);
    let body = PartyCardBody {
        format: FORMAT,
        name: name(text),
        protected: true,
        signing: Hex(key.verifying_key().to_bytes()),
        receiving,
    };
    let card = Signed::new(body, &key);
    Party { fingerprint: card.fingerprint(), card, key }
}

fn parties(random: &mut Random) -> Vec<Party> {
    let mut cards: Vec<Party> = (0..SOUND_PARTIES as u8)
        .map(|number| party(&format!("party-{number}"), 150 + number, random.bytes()))
        .collect();
    let receiving = cards[0].card.body.receiving;
    cards.push(party("of-a-custodian", SHARED, random.bytes()));
    cards.push(party("of-the-service", 100, random.bytes()));
    cards.push(party("receives-alike", 160, receiving));
    cards.push(party("party-1", 161, random.bytes()));
    let mut unsigned = party("unsigned", 162, random.bytes());
    unsigned.card.signature = random.bytes();
    cards.push(unsigned);
    // Its key may sign for the service later, or sit in a dealing.
    cards.push(party("next-of-the-service", 110, random.bytes()));
    cards.push(party("newcomer", 5, random.bytes()));
    cards
}

/// How many custodians there are.
pub(crate) const PEOPLE: usize = 6;

/// How many cards each of them has.
const CARDS: usize = 12;

impl Cast {
    pub(crate) fn new(random: &mut Random) -> Self {
        let key = SigningKey::from_bytes(&[100; 32]);
        let other = SigningKey::from_bytes(&[101; 32]);
        Self {
            card: ServiceCard::of(&name("walk"), &key),
            stranger: ServiceCard::of(&name("other"), &other),
            parties: parties(random),
            keys: [key]
                .into_iter()
                .chain((110..114).map(|n| SigningKey::from_bytes(&[n; 32])))
                .collect(),
            people: (0..CARDS)
                .flat_map(|_| {
                    (1..=PEOPLE as u8).map(|number| Person::new(number, random)).collect::<Vec<_>>()
                })
                .collect(),
        }
    }

    /// What the party with this card signs with.
    pub(crate) fn party_key(&self, card: &Hex<32>) -> Option<&SigningKey> {
        self.parties.iter().find(|party| party.fingerprint == *card).map(|party| &party.key)
    }

    /// The present signing key after these events.
    pub(crate) fn signs(&self, state: Option<&State>) -> SigningKey {
        let present = state.map(|state| state.service_keys().present().0);
        let is_present = |key: &&SigningKey| Some(key.verifying_key().to_bytes()) == present;
        self.keys.iter().find(is_present).unwrap_or(&self.keys[0]).clone()
    }

    /// The six with their cards of an epoch.
    pub(crate) fn of_epoch(&self, epoch: Epoch) -> &[Person] {
        let at = (epoch.0.max(1) as usize - 1) % CARDS;
        &self.people[at * PEOPLE..(at + 1) * PEOPLE]
    }

    /// The person with this card, for the rosters of a ledger name cards.
    pub(crate) fn holder(&self, card: &Card) -> &Person {
        let body = &card.body;
        let held = |person: &&Person| person.card.body.receiving == body.receiving;
        self.people.iter().find(held).unwrap()
    }

    pub(crate) fn dealing(
        &self,
        epoch: Epoch,
        k: usize,
        people: &[&Person],
        demo: bool,
    ) -> Dealing {
        let seat = |person: &&Person| Seat {
            card: person.card.clone(),
            commitment: Hex([epoch.0 as u8; 32]),
        };
        Dealing {
            epoch,
            threshold: Threshold::new(k, people.len().max(k)).unwrap(),
            demo,
            service: self.card.clone(),
            roster: people.iter().map(seat).collect(),
            root_check: Hex([7; 32]),
            receiving: Hex([epoch.0 as u8; 1216]),
        }
    }
}
