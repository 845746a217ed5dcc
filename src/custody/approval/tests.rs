use super::*;
use crate::name::canonical_json;

fn coding(look_up: Option<LookUp>) -> Action {
    Action::Code {
        domain: Name::new("population").unwrap(),
        generation: Generation::FIRST,
        purpose: Name::new("health").unwrap(),
        input: Input { commitment: Hex([7; 32]), rows: 40 },
        recipient: None,
        keep_request: true,
        look_up,
    }
}

#[test]
fn a_look_up_is_one_field_more_and_without_one_an_action_is_as_it_was() {
    let look_up = LookUp { register: Hex([0xab; 16]), accept: Level::UsageName, min_score: Score::of(0.95) };
    let plain = String::from_utf8(canonical_json(&coding(None))).unwrap();
    let with = String::from_utf8(canonical_json(&coding(Some(look_up)))).unwrap();
    let more = format!(
        ",\"look_up\":{{\"accept\":\"usage-name\",\"min_score\":9500,\"register\":\"{}\"}}",
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
            "code 40 rows for `health` in `population`, generation 1, of people looked up in the register {} and coded \
             only if `found` or `rectified` or `usage-name`, with a score of 0.9500 or more, KEEPING the request against the scheme",
            "ab".repeat(16)
        )
    );
}

#[test]
fn a_score_is_rounded_down_and_has_one_spelling() {
    for (probability, text, step) in [
        (0.0, "0.0000", 0),
        (-1.0, "0.0000", 0),
        (f64::NAN, "0.0000", 0),
        (0.049_999, "0.0499", 0),
        (0.05, "0.0500", 1),
        (0.949_999, "0.9499", 18),
        (0.95, "0.9500", 19),
        (0.999_999, "0.9999", 19),
        (1.0, "1.0000", 19),
        (f64::INFINITY, "1.0000", 19),
    ] {
        let score = Score::of(probability);
        assert_eq!((&*score.to_string(), score.step()), (text, step));
    }
    assert_eq!(serde_json::from_str::<Score>("10000").unwrap(), Score::of(1.0));
    for bad in ["10001", "-1", "0.95", "\"9500\""] {
        assert!(serde_json::from_str::<Score>(bad).is_err(), "{bad}");
    }
}

#[test]
fn a_score_is_the_number_that_its_text_is() {
    for number in 0..=Score::WHOLE {
        let score = Score(number);
        let read: f64 = score.to_string().parse().unwrap();
        assert_eq!((f64::from(score), Score::exactly(read)), (read, Some(score)));
        assert_eq!(Score::exactly(read.next_up()), None);
        assert_eq!(Score::exactly(read.next_down()), None);
    }
    for bad in [0.973_15, -0.000_1, -1.0, 1.000_1, 6.553_5, f64::MAX, f64::NAN, f64::INFINITY] {
        assert_eq!(Score::exactly(bad), None, "{bad}");
    }
}

#[test]
fn levels_are_spelled_as_they_are_read() {
    for level in Level::ALL {
        assert_eq!(serde_json::to_value(level).unwrap(), level.word());
    }
}
