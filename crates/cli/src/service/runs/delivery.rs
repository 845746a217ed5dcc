//! The names of deliveries in arguments.

use cstatns::delivery::{DeliveryId, part_of};
use cstatns::name::Hex;
use cstatns::proposal::RunId;
use cstatns::state::State;

use crate::fault::Fault;
use crate::lang::text;

/// As many digits of a run name it, where no other delivery's begins with them.
const FEWEST: usize = 6;

/// A delivery as an argument names it: its run, or how that begins, and which of the run's requests
/// it answers.
#[derive(Clone)]
pub(crate) struct DeliveryArg {
    run: String,
    part: Option<u32>,
}

impl DeliveryArg {
    /// The delivery; where the run is written out, whether or not there is one. A run of several
    /// requests is not enough.
    pub(in crate::service) fn find(&self, state: &State) -> Result<DeliveryId, Fault> {
        let run = self.find_run(state)?;
        let made: Vec<String> = state
            .deliveries_of(&run)
            .filter(|(_, delivery)| delivery.parts > 1)
            .map(|(id, _)| id.to_string())
            .collect();
        match self.part {
            None if !made.is_empty() => Err(Fault::new(
                "delivery-part",
                text!(
                    "run {run} has several requests: name one of its deliveries ({})",
                    "l'opération {run} a plusieurs demandes : nommez l'une de ses livraisons ({})",
                    made.join(", ")
                ),
            )),
            part => Ok(DeliveryId { run, part: part.unwrap_or(1) }),
        }
    }

    fn find_run(&self, state: &State) -> Result<RunId, Fault> {
        if let Some(run) = Hex::parse(self.run.as_bytes()) {
            return Ok(run);
        }
        let pending = state.pending().map(|pending| pending.question.run);
        let made = state.deliveries().keys().map(|id| id.run).chain(pending);
        the_one(made, &self.run)
    }
}

/// The only run that begins with these digits.
fn the_one(runs: impl Iterator<Item = RunId>, digits: &str) -> Result<RunId, Fault> {
    let mut fitting: Vec<RunId> = runs.filter(|run| run.to_string().starts_with(digits)).collect();
    fitting.sort_unstable();
    fitting.dedup();
    match fitting[..] {
        [run] => Ok(run),
        [] => {
            let cause = text!(
                "this service has made no delivery whose number begins with {digits}",
                "ce service n'a pas fait de livraison dont le numéro commence par {digits}"
            );
            Err(Fault::new("unknown-delivery", cause).advising(text!(
                "`service status` lists those that wait",
                "`service status` énumère celles qui attendent"
            )))
        }
        _ => {
            let cause = text!(
                "the numbers of {} runs begin with {digits}",
                "les numéros de {} opérations commencent par {digits}",
                fitting.len()
            );
            Err(Fault::new("delivery-ambiguous", cause).advising(text!(
                "give more digits, as `service status` lists them",
                "donnez plus de chiffres, comme `service status` les énumère"
            )))
        }
    }
}

/// A delivery that is renewed, as `--of` gives it.
#[derive(Clone)]
pub(super) enum Of {
    Delivery(DeliveryArg),
    Unknown,
}

pub(super) fn delivery_or_unknown(text: &str) -> Result<Of, String> {
    if text == "unknown" { Ok(Of::Unknown) } else { delivery(text).map(Of::Delivery) }
}

/// A delivery's name as arguments give it.
pub(in crate::service) fn delivery(text: &str) -> Result<DeliveryArg, String> {
    let (run, part) = match text.split_once('/') {
        Some((run, part)) => (run, part_of(part).map(Some)),
        None => (text, Some(None)),
    };
    let is_digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    let run = ((FEWEST..=32).contains(&run.len()) && run.bytes().all(is_digit)).then_some(run);
    run.zip(part).map(|(run, part)| DeliveryArg { run: run.to_owned(), part }).ok_or_else(|| {
        text!(
            "a delivery is 32 lower-case hexadecimal digits, or the first of them, at least \
            {FEWEST}, with `/1`, `/2` … after them where its run has several requests",
            "une livraison est 32 chiffres hexadécimaux en minuscules, ou les premiers, au moins {FEWEST}, suivis de \
                `/1`, `/2` … quand son opération a plusieurs demandes"
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_delivery_is_6_to_32_digits_with_or_without_a_part_or_unknown() {
        assert!(matches!(delivery_or_unknown("unknown"), Ok(Of::Unknown)));
        let run = "0a".repeat(16);
        for (run, part) in
            [(&run[..], None), (&run, Some(64)), ("0a0a0a", None), (&run[1..], Some(2))]
        {
            let text = part.map_or(run.to_owned(), |part| format!("{run}/{part}"));
            let Ok(Of::Delivery(found)) = delivery_or_unknown(&text) else { panic!() };
            assert_eq!((found.run.as_str(), found.part), (run, part));
        }
        let wrong = ["/", "/0", "/65", "/01", "/1/1"].map(|part| format!("{run}{part}"));
        let others =
            ["", "Unknown", "0a0a0", &"0A".repeat(16), &"0a".repeat(17)].map(str::to_owned);
        for bad in wrong.iter().chain(&others) {
            assert!(delivery_or_unknown(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn digits_name_a_delivery_where_only_one_begins_with_them() {
        let run = |last: u8| Hex([0xab, 0xcd, 0xef, last, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        // Each part of a run is a delivery.
        let runs = || [run(1), run(1), run(0x20)].into_iter();
        let found = |digits: &str| the_one(runs(), digits).map_err(|fault| fault.code);
        assert_eq!(found("abcdef0").unwrap(), run(1));
        assert_eq!(found("abcdef2").unwrap(), run(0x20));
        assert_eq!(found("abcdef"), Err("delivery-ambiguous".to_owned()));
        assert_eq!(found("abcdef3"), Err("unknown-delivery".to_owned()));
    }
}
