//! Runs in which kits hand over something else than their share, or approvals do not count.

use std::path::PathBuf;

use cstatns_base::domain::Kind;
use cstatns_record::ledger::event::{Lapse, Line};
use cstatns_record::proposal::{Consent, QuorumError};
use tempfile::TempDir;

use crate::custody::custodian::Kit;
use crate::custody::quorum::{Draft, Given, Quorum};
use crate::custody::share::ShareFile;
use cstatns_base::coded::Coded as _;

use super::*;

/// A question whether to open `domain`.
fn asked(service: &mut Service, domain: &str) -> Result<Draft, ServiceError> {
    let action = Action::Open {
        domain: Name::new(domain).unwrap(),
        kind: Kind::Statistics { cryptoperiod_years: 5 },
        minimum_batch: 2,
        authorisation: None,
    };
    service.propose(action, jiff::SignedDuration::from_mins(10))
}

/// A service of three of five, with its kits.
struct Office {
    directory: TempDir,
    kits: Vec<PathBuf>,
}

impl Office {
    fn founded() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let kits: Vec<PathBuf> =
            (1..=5).map(|number| directory.path().join(format!("kit-{number}"))).collect();
        let cards = (1..).zip(&kits).map(|(number, kit)| {
            let name = Name::new(&format!("custodian-{number}")).unwrap();
            Kit::create(kit, name, false, None).unwrap()
        });
        let shares = &directory.path().join("shares");
        let founding = Founding {
            name: Name::new("test").unwrap(),
            threshold: 3,
            cards: cards.collect(),
            shares,
            life: Vec::new(),
            mirrors: vec![],
            demo: true,
        };
        let founded = Service::init(&directory.path().join("home"), founding, SystemClock).unwrap();
        let office = Self { directory, kits };
        for (path, share) in office.kits.iter().zip(&founded.shares) {
            let share: ShareFile = serde_json::from_slice(&std::fs::read(share).unwrap()).unwrap();
            let mut service = office.open();
            let mut kit = Kit::open(path, None).unwrap();
            let receipt = kit.accept(&share, service.view(), service.now()).unwrap();
            let receipt = serde_json::from_slice(&std::fs::read(receipt).unwrap()).unwrap();
            service.receipt(receipt).unwrap();
        }
        office
    }

    fn open(&self) -> Service {
        Service::open(&self.directory.path().join("home"), SystemClock).unwrap().0
    }

    /// So many custodians are asked to open `domain`, and their approvals come in altered.
    fn gather(
        &self,
        service: &mut Service,
        domain: &str,
        approving: usize,
        alter: impl FnOnce(&mut Vec<Given>),
    ) -> Result<Quorum, ServiceError> {
        let draft = asked(service, domain)?;
        service.gather(draft, |gathering| {
            for kit in &self.kits[..approving] {
                gathering.consent(Kit::open(kit, None)?)?;
            }
            alter(gathering.given_mut());
            Ok(())
        })
    }

    /// The same, where all of them approve at a distance.
    fn sent(
        &self,
        service: &mut Service,
        domain: &str,
        approving: usize,
    ) -> Result<Quorum, ServiceError> {
        let draft = asked(service, domain)?;
        service.gather(draft, |gathering| {
            let proposal = gathering.proposal().clone();
            for kit in &self.kits[..approving] {
                let (mut kit, now) = (Kit::open(kit, None)?, Timestamp::now());
                let approval = kit.approve(&proposal, gathering.view()?, now)?;
                gathering.take(approval)?;
            }
            Ok(())
        })
    }

    /// The events from this one on.
    fn events(&self, first: usize) -> Vec<Event> {
        let path = self.directory.path().join("home/ledger.jsonl");
        let ledger = std::fs::read_to_string(path).unwrap();
        let lines = ledger.lines().skip(first);
        lines.map(|line| serde_json::from_str::<Line>(line).unwrap().event).collect()
    }

    /// So many custodians approve to open `domain`, and the first two hand over each other's share.
    /// Gives the outcome, what is said of the kits, and the run's events.
    fn swapped(
        &self,
        domain: &str,
        approving: usize,
    ) -> (Result<(), ServiceError>, Vec<KitError>, Vec<Event>) {
        let mut service = self.open();
        let before = service.history().size() as usize;
        let mut quorum = self.gather(&mut service, domain, approving, |_| ()).unwrap();
        quorum.swap(0, 1);
        let outcome = service.open_domain(quorum);
        let (seen, unseen) = service.take_seen();
        assert_eq!(seen.len(), approving);
        (outcome, unseen, self.events(before))
    }
}

/// Shares that are not those of their custodians do not stop a run that has enough others, and are
/// named whether it has a result or not (SPEC §9).
#[test]
fn a_bad_share_is_named_and_stops_a_run_only_if_the_others_are_too_few() {
    let office = Office::founded();
    let words = |events: &[Event]| events.iter().map(Event::word).collect::<Vec<_>>();
    let bad = ["custodian-1", "custodian-2"].map(|name| Name::new(name).unwrap());
    for (domain, approving, end) in [("one", 5, "opened"), ("two", 4, "failed")] {
        let (outcome, unseen, events) = office.swapped(domain, approving);
        assert_eq!(words(&events), ["proposed", "intent", "cosigned", "unopened", end]);
        let Event::Unopened { shares, .. } = &events[3] else { unreachable!() };
        assert_eq!(shares[..], bad);
        assert_eq!(
            unseen.iter().map(|error| error.code()).collect::<Vec<_>>(),
            ["share-swapped"; 2]
        );
        assert_eq!(outcome.is_ok(), end == "opened");
        if let Err(error) = outcome {
            assert_eq!(error.code(), "share-swapped");
        }
    }
    let card = office.directory.path().join("home/card.json");
    let ledger = office.directory.path().join("home/ledger.jsonl");
    let card = read_service_card(&card).unwrap();
    let audit = cstatns_record::audit::verify(&ledger, &card, &[], &[]).unwrap();
    let notices: Vec<_> = audit.notices.iter().map(|notice| notice.code).collect();
    let unopened = ["share-unopened"; 2];
    assert_eq!(notices, [&unopened[..], &["may-have-run"], &unopened].concat(), "{audit}");
}

/// The same where they were sent: a share that does not open is named in the event, and another
/// custodian's is taken.
#[test]
fn a_bad_share_from_a_distance_is_named_and_another_is_taken() {
    let office = Office::founded();
    let bad = ["custodian-1", "custodian-2"].map(|name| Name::new(name).unwrap());
    for (domain, approving, end) in [("one", 5, "opened"), ("two", 4, "failed")] {
        let mut service = office.open();
        let before = service.history().size() as usize;
        let mut quorum = office.sent(&mut service, domain, approving).unwrap();
        quorum.swap(0, 1);
        let outcome = service.open_domain(quorum);
        let events = office.events(before);
        let words: Vec<_> = events.iter().map(Event::word).collect();
        assert_eq!(words, ["proposed", "intent", "unopened", end]);
        let Event::Unopened { shares, .. } = &events[2] else { unreachable!() };
        assert_eq!(shares[..], bad);
        let (seen, unseen) = service.take_seen();
        let codes: Vec<_> = unseen.iter().map(|error| error.code()).collect();
        assert_eq!((seen.len(), codes), (0, vec!["share-swapped"; 2]));
        assert_eq!(outcome.is_ok(), end == "opened");
    }
}

/// Approvals that do not count do not stop a run that has enough others. Otherwise the first of
/// them is the reason, and the ledger keeps the consents that count (SPEC §9).
#[test]
fn a_bad_approval_is_named_and_stops_a_run_only_if_the_others_are_too_few() {
    let office = Office::founded();
    let mut service = office.open();
    let custodian = |number: usize| Name::new(&format!("custodian-{number}")).unwrap();
    let mut earlier = Vec::new();
    let outcome = office.gather(&mut service, "one", 2, |given| {
        earlier.extend(given.iter().map(|given| given.consent().clone()));
    });
    let too_few = QuorumError::TooFew { given: 2, needed: 3 };
    assert_eq!(outcome.err().unwrap().to_string(), ServiceError::from(too_few).to_string());

    let spoil = |given: &mut Vec<Given>| {
        given[0].consent_mut().body.count += 1;
        *given[1].consent_mut() = earlier[1].clone();
    };
    let bad = [
        QuorumError::Signature { custodian: custodian(1) },
        QuorumError::OtherProposal { custodian: custodian(2) },
    ];
    let by = |consents: &[Consent]| -> Vec<Name> {
        consents.iter().map(|consent| consent.body.by.clone()).collect()
    };
    let before = service.history().size() as usize;
    let outcome = office.gather(&mut service, "two", 4, spoil);
    assert_eq!(outcome.err().unwrap().to_string(), ServiceError::from(bad[0].clone()).to_string());
    let [Event::Proposed { .. }, Event::Lapsed { why: Lapse::Withdrawn, consents, .. }] =
        &office.events(before)[..]
    else {
        panic!("it lapsed")
    };
    assert_eq!(by(consents), [custodian(3), custodian(4)]);

    let quorum = office.gather(&mut service, "three", 5, spoil).unwrap();
    assert_eq!(quorum.set_aside(), bad);
    assert_eq!(by(&quorum.consents()), [3, 4, 5].map(custodian));
    service.open_domain(quorum).unwrap();
    assert!(service.take_seen().1.is_empty());
}
