//! Statements about a file and its renewal beside the ledger, each value in turn another one and
//! the statement signed as it stands (SPEC §21).

use crate::common;

use cstatns::audit::{Audit, verify};
use cstatns::code::{Generation, Tag};
use cstatns::comparison::{Checks, Compared, Comparison, ComparisonBody, Reported};
use cstatns::domain::RenewalReason;
use cstatns::meta::ServiceId;
use cstatns::name::{Hex, canonical_json};
use cstatns::service::{Clock as _, Made, read_service_card};
use cstatns::statement::{FORMAT, Signed, Suite};

use common::{PEOPLE, World, generation, name};

/// A service with a coded file, its renewal, and another coded file of which it is none.
struct Office {
    world: World,
    old: Made,
    new: Made,
    other: Made,
}

impl Office {
    fn new() -> Self {
        let world = World::founded(2, 3);
        for domain in ["population", "income"] {
            world.statistics(domain).unwrap();
        }
        let [old, other] =
            ["first", "other"].map(|file| world.code("population", file, &PEOPLE).unwrap());
        world.new_key("population", RenewalReason::Scheduled).unwrap();
        let of = Some(vec![old.delivery]);
        let codes = world.codes("first");
        let new = world.renew_of("population", "renewed", &codes, of).unwrap();
        Self { world, old, new, other }
    }

    fn compared(&self, made: &Made) -> Compared {
        let reported = Reported { delivery: made.delivery, request: made.request, rows: made.rows };
        Compared {
            tag: made.tag,
            generations: vec![made.generation],
            rows: made.rows,
            coded: made.rows,
            distinct: made.rows,
            chi_squared: 250,
            reported: Some(reported),
        }
    }

    /// What an honest comparison of the file with its renewal states.
    fn honest(&self) -> ComparisonBody {
        let card = read_service_card(&self.world.home().join("card.json")).unwrap();
        let (old, new) = (self.compared(&self.old), self.compared(&self.new));
        ComparisonBody {
            format: FORMAT,
            suite: Suite::default(),
            service: ServiceId::of(card.id()),
            domain: Some(name("population")),
            checks: Checks::of(&old, &new, 0, true),
            old,
            new,
            common: 0,
            made: self.world.clock.now(),
            by: self.world.party("checker").card().clone(),
        }
    }

    fn audit(&self, body: ComparisonBody) -> Audit {
        let statement: Comparison = Signed::new(body, &self.world.party("checker").signing());
        let path = self.world.path("compared.json");
        std::fs::write(&path, canonical_json(&statement)).unwrap();
        let (ledger, card) =
            (self.world.home().join("ledger.jsonl"), self.world.home().join("card.json"));
        verify(&ledger, &read_service_card(&card).unwrap(), &[], &[path]).unwrap()
    }

    /// What is said of a statement with this change: the code of what does not hold, or of what
    /// holds.
    fn found(&self, change: impl Fn(&mut ComparisonBody)) -> &'static str {
        let mut body = self.honest();
        change(&mut body);
        // A count that the verdicts do not follow from is another matter.
        body.checks = Checks::of(&body.old, &body.new, body.common, body.checks.multiplicities);
        let audit = self.audit(body);
        let finding = audit.failures().next().or(audit.findings.last()).unwrap();
        finding.code
    }
}

/// A change of a statement, with what it is and what is found.
type Case = (&'static str, fn(&Office, &mut ComparisonBody), &'static str);

#[test]
fn a_statement_that_the_ledger_contradicts_is_found() {
    let office = Office::new();
    assert_eq!(office.found(|_| ()), "comparison-signer-unknown");
    let cases: [Case; 14] = [
        (
            "service",
            |_, body| body.service = ServiceId::of("other.bbbbbbbbbbbbbbbbbbbbbbbbbb"),
            "witness-other-service",
        ),
        (
            "domain of another tag",
            |_, body| body.domain = Some(name("income")),
            "comparison-domain",
        ),
        ("no such domain", |_, body| body.domain = Some(name("wages")), "comparison-domain"),
        (
            "tag",
            |_, body| {
                for file in [&mut body.old, &mut body.new] {
                    file.tag = Tag::of("other.bbbbbbbbbbbbbbbbbbbbbbbbbb", &name("population"));
                }
            },
            "comparison-domain",
        ),
        (
            "generation of a key that was never made",
            |_, body| {
                (body.new.reported, body.new.generations) = (None, vec![generation(3)]);
            },
            "comparison-generation",
        ),
        (
            "generation of the delivery",
            |_, body| body.new.generations = vec![generation(3)],
            "comparison-delivery",
        ),
        (
            "generations of the old delivery",
            |_, body| body.old.generations = vec![Generation::FIRST, generation(2)],
            "comparison-delivery",
        ),
        (
            "request",
            |office, body| reported(&mut body.new).request = office.other.request,
            "comparison-delivery",
        ),
        (
            "rows of the delivery",
            |_, body| reported(&mut body.old).rows += 1,
            "comparison-delivery",
        ),
        (
            "more codes than rows were made",
            |_, body| (body.old.rows, body.old.coded) = (9, 9),
            "comparison-delivery",
        ),
        (
            "delivery that is not there",
            |_, body| reported(&mut body.new).delivery.part = 2,
            "comparison-delivery",
        ),
        (
            "run that is not there",
            |_, body| reported(&mut body.new).delivery.run = Hex([9; 16]),
            "comparison-delivery",
        ),
        (
            "renewal of another file",
            |office, body| {
                body.old = office.compared(&office.other);
            },
            "comparison-renewal",
        ),
        (
            "a coded file as a renewal",
            |office, body| body.new = office.compared(&office.other),
            "comparison-renewal",
        ),
    ];
    for (what, change, code) in cases {
        assert_eq!(office.found(|body| change(&office, body)), code, "{what}");
    }
}

fn reported(file: &mut Compared) -> &mut Reported {
    file.reported.as_mut().unwrap()
}

/// What holds and says that something is wrong is not in order; what was changed after it was
/// signed is nothing.
#[test]
fn a_true_statement_that_something_is_wrong_must_be_accounted_for() {
    let office = Office::new();
    type Change = fn(&mut ComparisonBody);
    let cases: [(&str, Change); 6] = [
        ("rows", |body| body.new.rows -= 1),
        ("codes", |body| body.new.coded -= 1),
        ("distinct", |body| body.new.distinct -= 1),
        ("multiplicities", |body| body.checks.multiplicities = false),
        ("common", |body| body.common = 1),
        ("chance", |body| body.new.chi_squared = 401),
    ];
    for (what, change) in cases {
        let mut body = office.honest();
        change(&mut body);
        body.checks = Checks::of(&body.old, &body.new, body.common, body.checks.multiplicities);
        assert!(!body.checks.hold(), "{what}");
        let audit = office.audit(body);
        assert!(audit.holds(), "{what}\n{audit}");
        let notices: Vec<_> =
            audit.notices.iter().filter(|notice| notice.code == "comparison-unequal").collect();
        assert_eq!(notices.len(), 1, "{what}\n{audit}");

        // The same with the verdicts of a whole renewal.
        let mut body = office.honest();
        let verdicts = body.checks;
        change(&mut body);
        body.checks = verdicts;
        let code = office.audit(body).failures().next().map(|finding| finding.code);
        let expected = if what == "multiplicities" { None } else { Some("witness-form") };
        assert_eq!(code, expected, "{what}");
    }
}
