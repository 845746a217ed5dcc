//! What an auditor reads.

use std::fmt;

use cstatns_base::code::Generation;

use super::{Audit, DeliverySummary, Witness, Witnessed};

pub(super) fn count(number: u64, one: &str) -> String {
    format!("{number} {one}{}", if number == 1 { "" } else { "s" })
}

pub(super) fn events(number: u64) -> String {
    count(number, "event")
}

impl fmt::Display for Audit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let demo = if self.demo == Some(true) { ", A DEMONSTRATION" } else { "" };
        writeln!(f, "Ledger of the service {}{demo}: {}", self.service, events(self.events))?;
        if let (Some(first), Some(last)) = (self.first, self.last) {
            writeln!(f, "From {first} to {last}")?;
        }
        if let Some(words) = &self.founding {
            writeln!(f, "Founded with the custodians who read these words: {words}")?;
        }
        writeln!(f, "\nChecked")?;
        for finding in &self.findings {
            let verdict = if finding.holds { "holds" } else { "FAILS" };
            writeln!(f, "  {verdict}  {}: {}", finding.check.word(), finding.detail)?;
        }
        if !self.notices.is_empty() {
            writeln!(f, "\nNot in order")?;
            for notice in &self.notices {
                writeln!(f, "  {}", notice.detail)?;
            }
        }
        self.fmt_witnesses(f)?;
        self.fmt_summary(f)?;
        match self.failures().count() {
            0 => {
                write!(f, "\nEverything that was checked holds")?;
                match self.notices.len() as u64 {
                    0 => write!(f, ".")?,
                    notices => write!(f, "; {} must be accounted for.", count(notices, "matter"))?,
                }
                // What rests on the service's word alone was checked as far as it can be.
                match self.sound - self.witnessed.events.min(self.sound) {
                    0 => writeln!(f),
                    last => {
                        writeln!(
                            f,
                            " Nobody but the service vouches for the last {}.",
                            events(last)
                        )
                    }
                }
            }
            failures if self.sound == self.events => {
                writeln!(f, "\n{} of {} checks failed.", failures, self.findings.len())
            }
            failures => writeln!(
                f,
                "\n{} of {} checks failed. Nothing is said of the events after event {}.",
                failures,
                self.findings.len(),
                self.sound
            ),
        }
    }
}

impl Audit {
    fn fmt_witnesses(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Witnessed { events: seen, quorum, custodians } = &self.witnessed;
        writeln!(f, "\nWitnessed by others than the service")?;
        for Witness { custodian, events } in custodians {
            match events {
                0 => writeln!(f, "  {custodian}: nothing yet")?,
                1 => writeln!(f, "  {custodian}: event 1")?,
                _ => writeln!(f, "  {custodian}: events 1 to {events}")?,
            }
        }
        match quorum {
            0 => writeln!(f, "  By a quorum of them: nothing yet.")?,
            _ => writeln!(f, "  By a quorum of them: events 1 to {quorum}.")?,
        }
        match (*seen, self.sound) {
            (0, 0) => Ok(()),
            (0, _) => writeln!(f, "  Nobody but the service vouches for any event."),
            (seen, sound) if seen == sound => writeln!(f, "  Together: every event."),
            (seen, sound) if seen + 1 == sound => writeln!(
                f,
                "  Together: events 1 to {seen}. Nobody but the service vouches for event {sound}."
            ),
            (seen, sound) => writeln!(
                f,
                "  Together: events 1 to {seen}. Nobody but the service vouches for events {} to \
                {sound}.",
                seen + 1
            ),
        }
    }

    fn fmt_summary(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.sound == 0 {
            return Ok(());
        }
        writeln!(f, "\nWhat the first {} tell", events(self.sound))?;
        for domain in &self.domains {
            write!(f, "  {} ({}): generation {}", domain.domain, domain.kind, domain.generation)?;
            if !domain.doubted.is_empty() {
                let doubted: Vec<String> =
                    domain.doubted.iter().map(Generation::to_string).collect();
                write!(f, ", doubted: {}", doubted.join(", "))?;
            }
            if let Some(ends) = domain.ends {
                write!(f, ", last day {ends}")?;
            }
            match domain.destroyed {
                Some(time) => writeln!(f, ", keys destroyed {time}")?,
                None => writeln!(f)?,
            }
        }
        let DeliverySummary { made, renewals, look_ups, rows, delivered, lost, requests_kept } =
            self.deliveries;
        writeln!(
            f,
            "  {} of {rows} rows in all, {renewals} of them renewals",
            count(made, "result")
        )?;
        writeln!(
            f,
            "  {} that looked people up in a register, {look_ups} of them with a result",
            count(self.look_ups, "run")
        )?;
        writeln!(
            f,
            "  {delivered} delivered, {lost} lost; {} kept against the scheme",
            count(requests_kept, "request")
        )?;
        writeln!(f, "  {} of custodians, each signed by them", count(self.statements, "statement"))
    }
}
