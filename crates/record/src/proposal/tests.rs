use cstatns_base::identifier::Scheme;
use cstatns_base::look_up::{Level, Score};
use cstatns_base::name::canonical_json;

use crate::card::CardBody;
use crate::statement::{FORMAT, Signed};

use super::*;

fn coding(look_up: Option<LookUp>) -> Action {
    Action::Code {
        domain: Name::new("population").unwrap(),
        generation: Generation::FIRST,
        scheme: Scheme::FrNir,
        purpose: Name::new("income").unwrap(),
        inputs: vec![Input {
            commitment: Hex([7; 32]),
            rows: 4_000,
            values: 12,
            distinct: 11,
            engine: None,
            sent: None,
        }],
        recipient: None,
        keep_request: true,
        look_up,
    }
}

#[test]
fn a_look_up_is_one_field_more_and_without_one_an_action_is_as_it_was() {
    let look_up = LookUp {
        register: Hex([0xab; 16]),
        commitment: Hex([0xcd; 32]),
        accept: Level::UsageName,
        min_score: Score::of(0.95),
    };
    let plain = String::from_utf8(canonical_json(&coding(None))).unwrap();
    let with = String::from_utf8(canonical_json(&coding(Some(look_up)))).unwrap();
    let more = format!(
        ",\"look_up\":{{\"accept\":\"usage-name\",\"commitment\":\"{}\",\"min_score\":9500,\"register\":\"{}\"}}",
        "cd".repeat(32),
        "ab".repeat(16)
    );
    assert_eq!(with.replacen(&more, "", 1), plain);
    assert!(!plain.contains("look_up"));
    for (text, action) in [(&plain, coding(None)), (&with, coding(Some(look_up)))] {
        assert_eq!(serde_json::from_str::<Action>(text).unwrap(), action);
    }
    for other in ["near", "found\",\"note\":\""] {
        let text = with.replace("usage-name", other);
        assert!(serde_json::from_str::<Action>(&text).is_err(), "{text}");
    }
    assert_eq!(
        coding(Some(look_up)).to_string(),
        format!(
            "code 4,000 rows with 12 values, 11 of them distinct (rows, not people), of the \
            scheme fr-nir, for `income` in `population`, generation 1, of people looked up in the register {} and coded \
             only if `found` or `rectified` or `usage-name`, with a score of 0.9500 or more, \
             KEEPING the request against the scheme",
            "ab".repeat(16)
        )
    );
}

/// Who receives the results, and how many custodians are to decide, is read before it is approved.
#[test]
fn a_recipient_and_a_threshold_are_shown() {
    let (plain, mut action) = (coding(None).to_string(), coding(None));
    let card = Hex([9; 32]);
    if let Action::Code { recipient, .. } = &mut action {
        *recipient = Some(card);
    }
    let shown = format!(", for the card {}", crate::card::spoken(&card));
    assert!(action.to_string().contains(&shown));
    assert_eq!(action.to_string().replacen(&shown, "", 1), plain);
    let threshold = crate::dealing::Threshold::new(3, 5).unwrap();
    let named = |name: &str, external| {
        let key = ed25519_dalek::SigningKey::from_bytes(&[7; 32]);
        let (format, protected) = (FORMAT, true);
        let (signing, receiving) = (Hex([1; 32]), Hex([2; 1216]));
        let name = Name::new(name).unwrap();
        Signed::new(CardBody { format, name, external, protected, signing, receiving }, &key)
    };
    let (domain, generation) = (Name::new("income").unwrap(), Generation::FIRST);
    let deal = Action::Deal {
        epoch: Epoch(2),
        threshold,
        cards: vec![named("ana", false), named("ben", true)],
        left_behind: vec![KeyRef { domain, generation }],
    };
    assert_eq!(
        deal.to_string(),
        "deal new shares, 3 of 5, as epoch 2, to `ana`, `ben` (external), LEAVING BEHIND \
        `income`.1, lost from then on"
    );
}

#[test]
fn counts_are_shown_and_those_that_no_file_has_are_not_possible() {
    let input = |rows, values, distinct| Input {
        commitment: Hex([7; 32]),
        rows,
        values,
        distinct,
        engine: None,
        sent: None,
    };
    assert_eq!(
        coding(None).to_string(),
        "code 4,000 rows with 12 values, 11 of them distinct, of the scheme fr-nir, for `income` \
        in `population`, generation 1, KEEPING the request against the scheme"
    );
    assert_eq!(
        input(1 << 20, 1 << 20, CAP).to_string(),
        "1,048,576 rows with 1,048,576 values, at least 65,536 of them distinct"
    );
    for (rows, values, distinct) in [(0, 0, 0), (5, 0, 0), (5, 5, 1), (5, 5, 5), (CAP, CAP, CAP)] {
        assert!(input(rows, values, distinct).is_possible(), "{rows} {values} {distinct}");
    }
    for (rows, values, distinct) in [
        (4, 5, 4),
        (5, 4, 5),
        (5, 1, 0),
        (5, 0, 1),
        (CAP + 1, CAP + 1, CAP + 1),
        (LARGEST_NUMBER + 1, 5, 5),
    ] {
        assert!(!input(rows, values, distinct).is_possible(), "{rows} {values} {distinct}");
    }
}
