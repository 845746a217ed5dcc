//! Questions in words, as custodians read them (SPEC §9).

use std::fmt;

use cstatns_base::distinct::CAP;
use cstatns_base::domain::{Kind, RenewalReason};
use cstatns_base::name::{Hex, Name, grouped};

use crate::card::{CardBody, spoken};

use super::{Action, Engine, Input, KeyRef};

impl fmt::Display for Input {
    /// The counts, as a custodian reads them.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [rows, values, distinct] = [self.rows, self.values, self.distinct].map(grouped);
        let least = if self.distinct == CAP { "at least " } else { "" };
        write!(f, "{rows} rows with {values} values, {least}{distinct} of them distinct")?;
        match self.engine {
            Some(Engine::Other) => f.write_str(", written by another program (engine: other)"),
            None => Ok(()),
        }
    }
}

/// The requests of a proposal in one sentence: the counts of one; of several their number, rows and
/// values, for distinct values do not add up.
struct Requests<'a>(&'a [Input]);

impl fmt::Display for Requests<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self([_, _, ..]) = self else {
            return self.0.iter().try_for_each(|input| input.fmt(f));
        };
        let sum = |count: fn(&Input) -> u64| {
            grouped(self.0.iter().map(count).fold(0, u64::saturating_add))
        };
        let (rows, values) = (sum(|input| input.rows), sum(|input| input.values));
        write!(f, "{} requests, together {rows} rows with {values} values", self.0.len())
    }
}

impl fmt::Display for Action {
    /// One sentence for the custodian who is asked.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let departure =
            |keep: &bool| if *keep { ", KEEPING the request against the scheme" } else { "" };
        match self {
            Self::Open { domain, kind, minimum_batch, authorisation } => {
                match kind {
                    Kind::Statistics { cryptoperiod_years } => write!(
                        f,
                        "open the statistical domain `{domain}`, key renewed every \
                        {cryptoperiod_years} years"
                    )?,
                    Kind::Research { ends } => {
                        write!(f, "open the research project `{domain}`, until {ends}")?;
                    }
                }
                write!(f, ", at least {minimum_batch} distinct values a run")?;
                match authorisation {
                    Some(reference) => write!(f, ", authorised by `{reference}`"),
                    None => Ok(()),
                }
            }
            Self::Party { card, role, domains } => {
                let (body, words) = (&card.body, spoken(&card.fingerprint()));
                write!(f, "register the party `{}` (card {words}", body.name)?;
                if !body.protected {
                    f.write_str(", keys WITHOUT a passphrase")?;
                }
                write!(f, ") as {role} in {}", domain_list(domains))
            }
            Self::Examined { domain, doubts } => {
                let doubts = match doubts.len() {
                    1 => "1 doubt".to_owned(),
                    count => format!("{count} doubts"),
                };
                match domain {
                    Some(domain) => write!(
                        f,
                        "close {doubts} about the keys of `{domain}` as examined, without a new key"
                    ),
                    None => write!(f, "close {doubts} about the custody as examined"),
                }
            }
            Self::Extend { domain, ends } => {
                write!(f, "extend the research project `{domain}` until {ends}")
            }
            Self::Code {
                domain,
                generation,
                scheme,
                purpose,
                inputs,
                keep_request,
                look_up,
                recipient,
            } => {
                let rows = if look_up.is_some() { " (rows, not people)" } else { "" };
                write!(
                    f,
                    "code {}{rows}, of the scheme {scheme}, for `{purpose}` in `{domain}`, \
                    generation {generation}",
                    Requests(inputs)
                )?;
                if let Some(look_up) = look_up {
                    write!(f, ", of people {look_up}")?;
                }
                f.write_str(departure(keep_request))?;
                to(f, recipient.as_ref())
            }
            Self::NewKey { domain, generation, reason } => {
                let reason = match reason {
                    RenewalReason::Scheduled => "as scheduled",
                    RenewalReason::Doubt => "because of a doubt",
                };
                write!(f, "make the key of generation {generation} of `{domain}`, {reason}")
            }
            Self::Renew {
                domain,
                from,
                generation,
                purpose,
                inputs,
                keep_request,
                recipient,
                ..
            } => {
                write!(
                    f,
                    "renew {}, for `{purpose}` in `{domain}` from generation {from} to \
                    {generation}{}",
                    Requests(inputs),
                    departure(keep_request)
                )?;
                to(f, recipient.as_ref())
            }
            Self::Close { domain } => {
                write!(f, "DESTROY the keys of the research project `{domain}` before its end")
            }
            Self::Deal { epoch, threshold, cards, left_behind } => {
                let names: Vec<String> = cards.iter().map(|card| holder(&card.body)).collect();
                let names = names.join(", ");
                write!(f, "deal new shares, {threshold}, as epoch {epoch}, to {names}")?;
                match &left_behind[..] {
                    [] => Ok(()),
                    keys => write!(f, ", LEAVING BEHIND {}, lost from then on", places(keys)),
                }
            }
            Self::Abandon { epoch } => {
                write!(f, "give up the dealing of epoch {epoch}, which does not work yet")
            }
        }
    }
}

/// A custodian, by name.
fn holder(CardBody { name, external, .. }: &CardBody) -> String {
    if *external { format!("`{name}` (external)") } else { format!("`{name}`") }
}

/// Keys, by their places.
pub(crate) fn places(keys: &[KeyRef]) -> String {
    let place = |KeyRef { domain, generation }: &KeyRef| format!("`{domain}`.{generation}");
    keys.iter().map(place).collect::<Vec<_>>().join(", ")
}

/// Domains, one after another.
pub(crate) fn domain_list(domains: &[Name]) -> String {
    domains.iter().map(|domain| format!("`{domain}`")).collect::<Vec<_>>().join(", ")
}

/// Says whose card's results these are, if somebody's other than the bearer's.
fn to(f: &mut fmt::Formatter<'_>, recipient: Option<&Hex<32>>) -> fmt::Result {
    match recipient {
        Some(card) => write!(f, ", for the card {}", spoken(card)),
        None => Ok(()),
    }
}

/// What was asked for in a few words, for whoever has read the whole question ([`Action::brief`]).
pub struct Brief<'a>(&'a Action);

impl Action {
    /// The action in a few words: a line on paper has room for no more.
    pub fn brief(&self) -> Brief<'_> {
        Brief(self)
    }
}

impl<'a> Brief<'a> {
    /// What is said in a few words.
    pub(crate) fn action(&self) -> &'a Action {
        self.0
    }
}

impl fmt::Display for Brief<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Action::Open { domain, kind: Kind::Statistics { .. }, .. } => {
                write!(f, "open the statistical domain `{domain}`")
            }
            Action::Open { domain, kind: Kind::Research { .. }, .. } => {
                write!(f, "open the research project `{domain}`")
            }
            action @ (Action::Code { domain, purpose, inputs, .. }
            | Action::Renew { domain, purpose, inputs, .. }) => {
                let rows =
                    grouped(inputs.iter().map(|input| input.rows).fold(0, u64::saturating_add));
                let requests = match inputs.len() {
                    1 => String::new(),
                    many => format!(" of {many} requests"),
                };
                write!(f, "{} {rows} rows{requests} for `{purpose}` in `{domain}`", action.verb())
            }
            Action::Party { card, role, .. } => {
                write!(f, "register the party `{}` as {role}", card.body.name)
            }
            Action::Deal { epoch, threshold, .. } => {
                write!(f, "deal new shares, {threshold}, as epoch {epoch}")
            }
            whole => whole.fmt(f),
        }
    }
}
