//! What may happen to a quorum, for the decision how many are its custodians (SPEC, appendix B).

use cstatns::dealing::{Dealing, Threshold};
use serde_json::{Value, json};

use crate::figures::{decimal, grouped};
use crate::lang::text;
use crate::output::Program;

/// A custodian is reached 9 days in 10, is corrupt 2 times in 100, and loses the share 5 times in
/// 100 a year.
const AWAY: f64 = 0.1;
const CORRUPT: f64 = 0.02;
const LOST: f64 = 0.05;
const YEARS: i32 = 10;

/// How likely it is of a dealing.
struct Odds {
    /// That too few can be reached at a time.
    unavailable: f64,
    /// That a quorum is corrupt.
    corrupt: f64,
    /// That too few shares are left after ten years, where what is lost is replaced each year.
    lost_checked: f64,
    /// The same where nothing is replaced.
    lost: f64,
}

impl Odds {
    fn of(threshold: Threshold) -> Self {
        let (k, n) = (threshold.k(), threshold.n());
        let too_few = n - k + 1;
        let a_year = at_least(too_few, n, LOST);
        Self {
            unavailable: at_least(too_few, n, AWAY),
            corrupt: at_least(k, n, CORRUPT),
            lost_checked: -(f64::from(YEARS) * (-a_year).ln_1p()).exp_m1(),
            lost: at_least(too_few, n, 1.0 - (1.0 - LOST).powi(YEARS)),
        }
    }
}

/// That at least `least` of `n` are so, each with this probability.
fn at_least(least: usize, n: usize, each: f64) -> f64 {
    // At most 255 of them: each is a number of custodians.
    let of = |so: usize| so as f64;
    let mut exactly = (1.0 - each).powi(i32::try_from(n).expect("so few"));
    let mut sum = 0.0;
    for so in 0..=n {
        if so >= least {
            sum += exactly;
        }
        exactly *= of(n - so) / of(so + 1) * each / (1.0 - each);
    }
    sum
}

/// "32 %", "1.2 %", "1 in 13,000".
fn odds(probability: f64) -> String {
    match probability {
        0.095.. => text!("{} %", "{} %", decimal(100.0 * probability, 0)),
        0.0095.. => text!("{} %", "{} %", decimal(100.0 * probability, 1)),
        _ => {
            // Two digits of it.
            let one_in = (1.0 / probability).min(1e15);
            let unit = 10_f64.powf((one_in.log10() - 1.0).floor());
            let one_in = grouped(((one_in / unit).round() * unit) as u64);
            text!("1 in {one_in}", "1 sur {one_in}")
        }
    }
}

/// Says them, and warns where they are bad or the service depends on others.
pub(super) fn tell(program: &Program, dealing: &Dealing) -> Value {
    let Odds { unavailable, corrupt, lost_checked, lost } = Odds::of(dealing.threshold);
    program.say(text!(
        "odds: {} that too few of them can be reached (each is reached 9 days in 10), {} that a quorum of them is \
        corrupt (each is 2 times in 100)",
            "risques : {} que trop peu d'entre eux soient joignables (chacun l'est 9 jours sur 10), {} qu'un quorum \
                soit corrompu (chacun l'est 2 fois sur 100)",
        odds(unavailable),
        odds(corrupt)
    ));
    program.say(text!(
        "within ten years: {} that too few shares are left, if a yearly check finds the lost ones and they are \
        replaced, {} if not (each is lost 5 times in 100 a year)",
            "en dix ans : {} qu'il reste trop peu de parts, si un contrôle annuel trouve celles qui sont perdues et \
                qu'elles sont remplacées, {} sinon (chacune se perd 5 fois sur 100 par an)",
        odds(lost_checked),
        odds(lost)
    ));
    if dealing.threshold.k() == dealing.threshold.n() {
        program.say(
            text!("warning: every custodian is needed: one lost kit, and nothing can be opened again",
                "attention : il faut tous les détenteurs : une trousse perdue, et plus rien ne peut être ouvert"),
        );
    }
    let externals = dealing.roster.iter().filter(|seat| seat.card.body.external).count();
    if dealing.threshold.n() - externals < dealing.threshold.k() {
        program.say(
            text!("warning: the custodians within the service are too few: nothing is opened without one from outside",
                "attention : les détenteurs du service sont trop peu : rien ne s'ouvre sans un détenteur externe"),
        );
    }
    json!({
        "unavailable": unavailable,
        "corrupt": corrupt,
        "lost_with_yearly_checks": lost_checked,
        "lost": lost,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The table of SPEC's appendix B, computed there by the sum with binomial coefficients.
    #[test]
    fn they_are_those_of_the_table() {
        for (k, n, expected) in [
            (2, 3, ["2.8 %", "1 in 840", "7.0 %", "35 %"]),
            (3, 5, ["1 in 120", "1 in 13,000", "1.2 %", "32 %"]),
            (4, 7, ["1 in 370", "1 in 190,000", "1 in 520", "29 %"]),
            (5, 9, ["1 in 1,100", "1 in 2,700,000", "1 in 3,000", "27 %"]),
            (3, 3, ["27 %", "1 in 130,000", "79 %", "79 %"]),
        ] {
            let Odds { unavailable, corrupt, lost_checked, lost } =
                Odds::of(Threshold::new(k, n).unwrap());
            assert_eq!([unavailable, corrupt, lost_checked, lost].map(odds), expected, "{k}/{n}");
        }
    }

    #[test]
    fn they_are_probabilities_of_any_dealing() {
        for n in 2..=255 {
            for k in 2..=n {
                let Odds { unavailable, corrupt, lost_checked, lost } =
                    Odds::of(Threshold::new(k, n).unwrap());
                for odds in [unavailable, corrupt, lost_checked, lost] {
                    assert!((0.0..=1.0 + 1e-9).contains(&odds), "{k}/{n}: {odds}");
                }
                assert!(lost_checked <= lost + 1e-9, "{k}/{n}");
            }
        }
    }
}
