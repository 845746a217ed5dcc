//! Runs in which kits hand over something else than their share.

use std::path::PathBuf;

use cstatns_base::domain::Kind;
use cstatns_record::ledger::event::Line;
use tempfile::TempDir;

use crate::custody::custodian::Kit;
use crate::custody::share::ShareFile;
use cstatns_base::coded::Coded as _;

use super::*;

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

    /// So many custodians approve to open `domain`, and the first two hand over each other's share.
    /// Gives the outcome, what is said of the kits, and the run's events.
    fn swapped(
        &self,
        domain: &str,
        approving: usize,
    ) -> (Result<(), ServiceError>, Vec<KitError>, Vec<Event>) {
        let mut service = self.open();
        let before = service.history().size() as usize;
        let action = Action::Open {
            domain: Name::new(domain).unwrap(),
            kind: Kind::Statistics { cryptoperiod_years: 5 },
            minimum_batch: 2,
            authorisation: None,
        };
        let draft = service.propose(action, jiff::SignedDuration::from_mins(10)).unwrap();
        let quorum = service.gather::<ServiceError>(draft, |gathering| {
            for kit in &self.kits[..approving] {
                gathering.consent(Kit::open(kit, None)?)?;
            }
            Ok(())
        });
        let mut quorum = quorum.unwrap();
        quorum.swap(0, 1);
        let outcome = service.open_domain(quorum);
        let (seen, unseen) = service.take_seen();
        assert_eq!(seen.len(), approving);
        let ledger = std::fs::read_to_string(service.ledger.path()).unwrap();
        let lines = ledger.lines().skip(before).map(|line| {
            let line: Line = serde_json::from_str(line).unwrap();
            line.event
        });
        (outcome, unseen, lines.collect())
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
