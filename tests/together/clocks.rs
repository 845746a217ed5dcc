//! Clocks that are far ahead or behind: who confirms them, what a wrong one leaves, and what is
//! shown meanwhile.

use crate::common;

use std::collections::BTreeMap;
use std::slice::from_ref;

use cstatns::code::Generation;
use cstatns::coded::Coded as _;
use cstatns::dealing::Epoch;
use cstatns::domain::{Kind, RenewalReason, end_of};
use cstatns::ledger::Lines;
use cstatns::ledger::event::{Destroyed, Event, Line};
use cstatns::name::Name;
use cstatns::proposal::{Action, CLOCK_SKEW};
use cstatns::receipt::Doubted;
use cstatns::service::{Clock as _, DomainStatus, Expired};
use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;

use common::{PEOPLE, World, name};

const DAY: SignedDuration = SignedDuration::from_hours(24);
/// Ten years after these services are founded.
const AHEAD: &str = "2036-01-05T09:00:00Z";

/// A statistical domain and two projects; the second ends in four days.
fn office() -> World {
    let world = World::founded(2, 3);
    world.statistics("population").unwrap();
    world.research("benefits", "2027-06-30").unwrap();
    world.research("short", "2026-01-09").unwrap();
    world
}

/// One run of a quorum that confirms whatever the clock says.
fn confirmed_run(world: &World, file: &str) {
    world.confirms.set(true);
    world.code("population", file, &PEOPLE).unwrap();
    world.confirms.set(false);
}

fn expire(world: &World) -> Expired {
    world.open().expire().unwrap()
}

fn shown(world: &World, domain: &str) -> DomainStatus {
    let status = world.open().status();
    status.domains.into_iter().find(|status| status.domain == name(domain)).unwrap()
}

fn has_its_key(world: &World, domain: &str) -> bool {
    world.home().join(format!("life/{domain}.life")).exists()
}

#[test]
fn one_run_ten_years_ahead_is_undone_by_one_confirmed_run() {
    let world = office();
    world.clock.set(AHEAD);
    confirmed_run(&world, "ahead");
    assert_eq!(world.open().state().time(), world.clock.now());

    // Put right: nobody is asked before somebody has looked at a calendar.
    world.clock.set("2026-01-06T09:00:00Z");
    let events = world.open().history().size();
    for refused in [
        world.extend("benefits", "2028-06-30"),
        world.research("wages", "2028-12-31"),
        world.code("benefits", "behind", &PEOPLE).map(drop),
    ] {
        assert_eq!(refused.unwrap_err().code(), "clock-behind");
    }
    assert_eq!(world.open().history().size(), events, "no question was recorded");
    world.confirms.set(true);
    world.extend("benefits", "2028-06-30").unwrap();
    world.confirms.set(false);

    // As if nothing had been, without another word.
    assert_eq!(world.open().state().time(), world.clock.now());
    world.code("benefits", "again", &PEOPLE).unwrap();
    world.research("wages", "2028-12-31").unwrap();
    world.code("short", "short", &PEOPLE).unwrap();
    world.clock.set("2026-01-10T00:00:00Z");
    assert_eq!(world.code("short", "late", &PEOPLE).unwrap_err().code(), "project-ended");

    // The auditor says where the time went back.
    let ledger = world.ledger();
    let [back] = ledger.state.turned_back() else { panic!("once") };
    assert_eq!(back.from, AHEAD.parse().unwrap());
    assert_eq!(back.to, "2026-01-06T09:00:00Z".parse().unwrap());
    let audit = cstatns::audit::verify(
        &world.home().join("ledger.jsonl"),
        ledger.state.service(),
        &[],
        &[],
    )
    .unwrap();
    assert!(audit.holds());
    let [notice] = &audit.notices[..] else { panic!("{:?}", audit.notices) };
    assert_eq!((notice.code, notice.event), ("time-set-back", back.event));
    assert!(notice.detail.en.contains("set the time back from 2036-01-05T09:00:00Z"), "{notice:?}");
}

#[test]
fn what_was_marked_or_destroyed_under_a_wrong_clock_stays_so() {
    let world = office();
    world.research("closed", "2027-12-31").unwrap();
    world.close("closed").unwrap();
    world.clock.set(AHEAD);
    confirmed_run(&world, "ahead");
    assert_eq!(expire(&world).marked, ["benefits", "short"].map(name));
    world.clock.set("2026-01-06T09:00:00Z");
    confirmed_run(&world, "right");
    assert_eq!(world.open().state().time(), world.clock.now());
    // Their keys are not destroyed before their own end, and code nothing.
    assert!(has_its_key(&world, "benefits") && has_its_key(&world, "short"));
    for (domain, code) in
        [("benefits", "project-ended"), ("short", "project-ended"), ("closed", "keys-destroyed")]
    {
        assert_eq!(world.code(domain, "late", &PEOPLE).unwrap_err().code(), code, "{domain}");
        assert_eq!(world.extend(domain, "2028-12-31").unwrap_err().code(), code, "{domain}");
    }
    assert!(shown(&world, "benefits").marked);
    assert_eq!(shown(&world, "benefits").hours_past_its_end, None);
    world.clock.set("2026-01-10T00:00:00Z");
    assert_eq!(expire(&world).marked, [name("short")]);
    world.clock.advance(DAY);
    assert_eq!(expire(&world).destroyed, [name("short")]);
    assert!(has_its_key(&world, "benefits"));
}

/// A mark of a clock that was ahead counts from the day on which the clock is right, where the
/// project has ended by that too.
#[test]
fn a_mark_that_was_set_ahead_counts_from_the_right_day() {
    let world = office();
    world.clock.set("2026-01-30T09:00:00Z");
    assert_eq!(expire(&world).marked, [name("short")]);
    world.clock.set("2026-01-11T09:00:00Z");
    assert_eq!(expire(&world), Expired::default());
    world.clock.set("2026-01-12T08:59:59Z");
    assert_eq!(expire(&world), Expired::default());
    world.clock.set("2026-01-12T09:00:00Z");
    assert_eq!(expire(&world).destroyed, [name("short")]);
}

/// A receipt that was given under a clock ten years ahead keeps its custodian from no other.
#[test]
fn a_receipt_that_a_wrong_clock_dated_stops_no_other() {
    let world = office();
    world.clock.set(AHEAD);
    confirmed_run(&world, "ahead");
    let receipt = world.check(0);
    world.open().receipt(receipt).unwrap();
    world.clock.set("2026-01-06T09:00:00Z");
    let early = world.check(0);
    assert_eq!(world.open().receipt(early).unwrap_err().code(), "receipt-date");
    confirmed_run(&world, "right");
    let receipt = world.check(0);
    world.open().receipt(receipt).unwrap();
}

/// A key that was made under a clock ten years ahead is due by the right one, and may not serve
/// longer than another.
#[test]
fn a_key_is_not_younger_than_its_service() {
    let world = office();
    world.clock.set(AHEAD);
    world.confirms.set(true);
    world.new_key("population", RenewalReason::Scheduled).unwrap();
    world.clock.set("2026-01-06T09:00:00Z");
    world.code("population", "right", &PEOPLE).unwrap();
    assert_eq!(shown(&world, "population").renewal_due, Some("2031-01-06".parse().unwrap()));
}

#[test]
fn a_day_is_not_set_back() {
    let world = office();
    let right = world.clock.now();
    for (behind, back) in [(DAY, false), (DAY + SignedDuration::from_secs(1), true)] {
        let world = office();
        world.clock.advance(behind);
        world.statistics("income").unwrap();
        let ahead = world.clock.now();
        world.clock.set_to(right);
        let refused = world.statistics("wages").err().map(|error| error.code());
        assert_eq!(refused, back.then_some("clock-behind"));
        world.confirms.set(true);
        world.statistics("housing").unwrap();
        assert_eq!(world.open().state().time(), if back { right } else { ahead });
    }
    // What has ended by a time that is not set back is refused before anybody is asked.
    world.clock.set("2026-01-10T00:00:00Z");
    world.statistics("income").unwrap();
    world.clock.set("2026-01-09T12:00:00Z");
    let events = world.open().history().size();
    assert_eq!(world.code("short", "late", &PEOPLE).unwrap_err().code(), "project-ended");
    assert_eq!(world.open().history().size(), events);
}

#[test]
fn the_date_that_is_confirmed_is_that_of_the_clock() {
    let world = office();
    world.clock.set(AHEAD);
    let mut service = world.open();
    let date = |text: &str| text.parse::<Date>().unwrap();
    for wrong in ["2036-01-04", "2036-01-06", "2026-01-05"] {
        assert_eq!(service.confirm_clock(date(wrong)).unwrap_err().code(), "clock-date");
        assert_eq!(service.check_clock().unwrap_err().code(), "clock-unconfirmed");
    }
    service.confirm_clock(date("2036-01-05")).unwrap();
    service.check_clock().unwrap();
    // For that day.
    world.clock.set("2036-01-06T00:00:00Z");
    assert_eq!(service.check_clock().unwrap_err().code(), "clock-unconfirmed");
    world.clock.set("2026-01-05T10:00:00Z");
    service.check_clock().unwrap();
}

/// The machine was off for a year: one custodian's check of the day is enough.
#[test]
fn one_custodian_confirms_a_long_gap() {
    let world = office();
    world.clock.set("2027-07-10T09:00:00Z");
    assert!(expire(&world).unconfirmed);
    // A check of another day does not, nor another statement.
    let old = world.check(0);
    world.clock.advance(DAY + SignedDuration::from_secs(1));
    world.open().receipt(old).unwrap();
    assert!(expire(&world).unconfirmed);
    world.doubt("population", 1).unwrap();
    assert!(expire(&world).unconfirmed);

    let time = world.open().state().time();
    let receipt = world.check(1);
    world.clock.advance(DAY);
    let mut service = world.open();
    service.receipt(receipt).unwrap();
    assert!(time < world.clock.now());
    assert_eq!(service.state().time(), world.clock.now());
    drop(service);
    let ended = ["benefits", "short"].map(name);
    assert_eq!(expire(&world).marked, ended);
    world.clock.advance(DAY);
    assert_eq!(expire(&world).destroyed, ended);
}

/// `status` goes by the clock where the time stands still.
#[test]
fn status_shows_what_is_past_by_the_clock() {
    let world = office();
    assert!(world.open().status().is_in_order());
    let time = world.open().state().time();
    world.clock.set("2027-07-01T05:00:00Z");
    expire(&world);
    let status = world.open().status();
    assert!(status.clock_unconfirmed && !status.is_in_order());
    assert_eq!((status.time, status.clock), (time, world.clock.now()));
    assert_eq!(shown(&world, "benefits").hours_past_its_end, Some(5));
    assert_eq!(status.past_their_end().count(), 2);
    world.clock.set("2027-04-01T00:00:00Z");
    assert_eq!(shown(&world, "benefits").ends_within_days, None);
    world.clock.set("2027-05-01T00:00:00Z");
    assert_eq!(shown(&world, "benefits").ends_within_days, Some(90));

    // Behind: by how much; what ended by the time is past its end.
    world.clock.set("2027-07-01T05:00:00Z");
    confirmed_run(&world, "confirms");
    world.clock.set("2027-06-30T23:00:00Z");
    let status = world.open().status();
    assert_eq!((status.clock_behind, status.clock_unconfirmed), (Some(6 * 3600), false));
    assert_eq!(shown(&world, "benefits").hours_past_its_end, Some(5));
}

#[test]
fn status_is_in_order_only_where_nothing_asks_for_attention() {
    let in_order = |world: &World| world.open().status().is_in_order();
    let world = World::new(2, 2);
    world.init().unwrap();
    assert!(!in_order(&world), "receipts are missing");
    world.receive().unwrap();
    world.statistics("population").unwrap();
    assert!(in_order(&world));
    let time = world.clock.now();
    for (behind, fine) in [(DAY, true), (DAY + SignedDuration::from_secs(1), false)] {
        world.clock.set_to(time - behind);
        assert_eq!(in_order(&world), fine, "{behind:?} behind");
    }
    world.clock.set_to(time);
    // A result that is not where it was put.
    world.code("population", "made", &PEOPLE).unwrap();
    assert!(in_order(&world));
    let result = world.path("made.result");
    std::fs::rename(&result, world.path("away")).unwrap();
    assert!(!in_order(&world));
    std::fs::rename(world.path("away"), &result).unwrap();
    world.doubt("population", 1).unwrap();
    assert!(!in_order(&world));
    world.examined("population").unwrap();
    assert!(in_order(&world));
    let mut service = world.open();
    assert_eq!(service.status().custody_doubted, None);
    let about = Doubted::Custody { epoch: Epoch::FIRST };
    let doubt = world.kit(1).doubt(about, service.view(), service.now()).unwrap();
    service.doubt(doubt).unwrap();
    assert_eq!(service.status().custody_doubted, Some(Epoch::FIRST));
    assert!(!service.status().is_in_order());
}

/// What is past an end is past it by the last event's time and by its clock.
#[test]
fn the_agreed_time_is_the_earlier_of_time_and_clock() {
    let world = World::founded(3, 4);
    world.statistics("population").unwrap();
    let founded = world.clock.now();
    let expected = [
        (founded, founded, founded),
        (founded + DAY, founded + DAY, founded + DAY),
        // Behind.
        (founded, founded + DAY, founded),
        // Too far ahead to be believed.
        (founded + 100 * DAY, founded + DAY, founded + DAY),
    ];
    for (kit, (clock, time, agreed)) in expected.into_iter().enumerate() {
        world.clock.set_to(clock);
        world.doubt("population", kit).unwrap();
        let state = world.ledger().state;
        assert_eq!((state.time(), state.last_clock(), state.agreed_time()), (time, clock, agreed));
    }
}

#[test]
fn a_project_is_extended_to_a_later_day_only() {
    let world = office();
    for ends in ["2027-06-29", "2027-06-30"] {
        assert_eq!(world.extend("benefits", ends).unwrap_err().code(), "end-not-later", "{ends}");
    }
    world.extend("benefits", "2027-07-01").unwrap();
}

#[test]
fn an_overdue_key_is_announced_and_shown() {
    let world = World::founded(2, 2);
    world.statistics("population").unwrap();
    let at = |clock: &str| {
        world.clock.set(clock);
        let DomainStatus { overdue, due_within_months, .. } = shown(&world, "population");
        (due_within_months, overdue)
    };
    for (clock, expected) in [
        ("2030-01-04T23:59:59Z", (None, false)),
        ("2030-01-05T00:00:00Z", (Some(12), false)),
        ("2030-07-04T23:59:59Z", (Some(12), false)),
        ("2030-07-05T00:00:00Z", (Some(6), false)),
        ("2030-10-05T00:00:00Z", (Some(3), false)),
        ("2031-01-05T23:59:59Z", (Some(3), false)),
        ("2031-01-06T00:00:00Z", (None, true)),
    ] {
        assert_eq!(at(clock), expected, "{clock}");
    }
    assert!(!world.open().status().is_in_order());
    // The report of a run says it too.
    world.confirms.set(true);
    let reported = |clock: &str, file: &str| {
        world.clock.set(clock);
        let made = world.code("population", file, &PEOPLE).unwrap();
        let report = world.open().report(&made.delivery, "test", &[]).unwrap();
        report.body.overdue_since
    };
    assert_eq!(reported("2031-01-05T23:59:59Z", "in-time"), None);
    let due = Some("2031-01-05".parse().unwrap());
    assert_eq!(reported("2031-01-06T00:00:00Z", "late"), due);
    world.new_key("population", RenewalReason::Scheduled).unwrap();
    assert_eq!(reported("2031-01-06T00:00:00Z", "renewed"), None);
}

/// The auditor goes by the clock of the visit.
#[test]
fn the_auditor_names_what_is_due_and_what_came_late() {
    let world = office();
    let notices = |now: &str| {
        let ledger = world.home().join("ledger.jsonl");
        let state = world.ledger().state;
        let mut audit = cstatns::audit::verify(&ledger, state.service(), &[], &[]).unwrap();
        assert!(audit.is_in_order());
        audit.note_what_is_due(None, now.parse().unwrap());
        audit.notices.retain(|notice| notice.code != "check-overdue");
        let said = audit.notices.iter().map(|notice| (notice.code, notice.detail.en.clone()));
        (audit.holds(), said.collect::<Vec<_>>())
    };
    let ended = |days: u64| {
        let text = format!(
            "`short` ended on 2026-01-09, {days} days ago, and in this ledger its keys are not \
            destroyed."
        );
        ("end-passed", text)
    };
    assert_eq!(notices("2026-01-13T00:00:00Z"), (true, vec![]));
    assert_eq!(notices("2026-01-13T00:00:01Z"), (true, vec![ended(3)]));
    assert_eq!(notices("2027-06-30T00:00:00Z").1, [ended(536)]);
    world.clock.set("2026-02-01T00:00:00Z");
    expire(&world);
    world.clock.advance(DAY);
    assert_eq!(expire(&world).destroyed, [name("short")]);
    let late = "The keys of `short` were destroyed on 2026-02-02T00:00:00Z, 23 days after its last \
        day, 2026-01-09.";
    let late = ("destroyed-late", late.to_owned());
    assert_eq!(notices("2026-02-02T00:00:00Z").1, from_ref(&late));
    world.close("benefits").unwrap();
    assert_eq!(notices("2031-01-05T23:59:59Z").1, from_ref(&late));
    let overdue = "The key of `population` was due for renewal on 2031-01-05.";
    assert_eq!(notices("2031-01-06T00:00:00Z").1, [("key-overdue", overdue.to_owned()), late]);
}

/// What a schedule does.
#[derive(Clone, Debug)]
enum Step {
    /// The clock jumps by so many hours, and stays.
    Jump(i64),
    Expire,
    /// A quorum that confirms whatever the clock says.
    Run,
    /// A quorum that confirms nothing.
    Plain,
    Extend(usize, i16),
    Open(i16),
    /// A custodian's check.
    Check(usize),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let hours = prop_oneof![
        3 => 0..60_i64,
        1 => -60..0_i64,
        1 => -90_000..90_000_i64,
        1 => Just(24),
        1 => Just(40 * 24),
    ];
    let step = prop_oneof![
        6 => hours.prop_map(Step::Jump),
        6 => Just(Step::Expire),
        2 => Just(Step::Run),
        1 => Just(Step::Plain),
        1 => (0..3_usize, 1..400_i16).prop_map(|(which, days)| Step::Extend(which, days)),
        1 => (0..60_i16).prop_map(Step::Open),
        1 => (0..3_usize).prop_map(Step::Check),
    ];
    proptest::collection::vec(step, 1..60)
}

/// Plays the steps; what is refused is refused.
fn play(world: &World, steps: &[Step]) {
    let mut opened = 0;
    for (at, step) in steps.iter().enumerate() {
        let later = |days: i16| {
            let today = jiff::tz::TimeZone::UTC.to_datetime(world.clock.now()).date();
            today.saturating_add(jiff::Span::new().days(days)).to_string()
        };
        world.confirms.set(true);
        match step {
            Step::Jump(hours) => world.clock.advance(SignedDuration::from_hours(*hours)),
            Step::Expire => drop(expire(world)),
            Step::Run => drop(world.code("population", &format!("run-{at}"), &PEOPLE)),
            Step::Plain => {
                world.confirms.set(false);
                let _ = world.statistics(&format!("plain-{at}"));
            }
            Step::Extend(which, days) => {
                let _ = world.extend(&format!("project-{which}"), &later(*days));
            }
            Step::Open(days) => {
                let project = format!("project-{opened}");
                opened += u32::from(world.research(&project, &later(*days)).is_ok());
            }
            Step::Check(kit) => {
                let receipt = world.check(*kit);
                let _ = world.open().receipt(receipt);
            }
        }
    }
}

/// A project, by the lines of the ledger alone.
struct Seen {
    ends: Date,
    /// Since when every line was past its end by time and clock.
    past: Option<Timestamp>,
}

/// Of the lines alone: no key goes unless two lines at least a day apart are past its project's end
/// by time and clock, and every line between them too; and the time goes back only by intents whose
/// consents are all more than a day before it.
fn judge(world: &World) {
    let mut lines = Lines::open(&world.home().join("ledger.jsonl")).unwrap();
    let mut projects: BTreeMap<Name, Seen> = BTreeMap::new();
    let mut asked = BTreeMap::new();
    let mut before: Option<Timestamp> = None;
    let mut backs = Vec::new();
    while let Some(bytes) = lines.next_line().unwrap() {
        let line: Line = serde_json::from_slice(bytes).unwrap();
        let agreed = line.time.min(line.clock);
        for seen in projects.values_mut() {
            let past = agreed >= end_of(seen.ends);
            seen.past = past.then(|| seen.past.map_or(agreed, |since| since.min(agreed)));
        }
        match &line.event {
            Event::Proposed { question } => {
                asked.insert(question.run, question.action.clone());
            }
            Event::Opened { run, .. } => {
                if let Action::Open { domain, kind: Kind::Research { ends }, .. } = &asked[run] {
                    projects.insert(domain.clone(), Seen { ends: *ends, past: None });
                }
            }
            Event::Extended { run } => {
                let Action::Extend { domain, ends } = &asked[run] else { unreachable!() };
                projects.get_mut(domain).unwrap().ends = *ends;
            }
            Event::Destroyed { what: Destroyed::Keys { domain }, .. } => {
                let since = projects[domain].past.expect("past its end");
                assert!(agreed.duration_since(since) >= DAY, "{domain}, past since {since}");
            }
            _ => {}
        }
        if before.is_some_and(|before| line.time < before) {
            let before = before.unwrap();
            let Event::Intent { consents, .. } = &line.event else { panic!("{line:?}") };
            let dates: Vec<_> =
                consents.iter().map(|consent| consent.body.cosignature.time).collect();
            assert!(dates.iter().all(|date| before.duration_since(*date) > CLOCK_SKEW));
            assert_eq!(Some(line.time), dates.into_iter().max());
            backs.push(line.sequence);
        }
        before = Some(line.time);
    }
    let state = world.ledger().state;
    let turned: Vec<u64> = state.turned_back().iter().map(|back| back.event).collect();
    assert_eq!(turned, backs);
    // What is not destroyed is there.
    for (project, domain) in state.domains().iter().filter(|(_, of)| of.kind.is_research()) {
        assert_eq!(domain.destroyed.is_none(), has_its_key(world, project.as_str()));
        assert_eq!(domain.generation(), Generation::FIRST);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn no_living_key_goes_and_no_time_goes_back_unasked(steps in steps()) {
        let world = World::founded(2, 3);
        world.statistics("population").unwrap();
        play(&world, &steps);
        judge(&world);
    }
}
