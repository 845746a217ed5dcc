//! Which domains live, and which projects are over (SPEC §12, §15).

use cstatns_base::code::Generation;
use cstatns_base::domain::KeyState;
use cstatns_base::name::Name;
use jiff::Timestamp;
use jiff::civil::Date;

use super::{Domain, Refusal, State};

impl State {
    /// Projects past their end at `now` ([`State::agreed_time`]) that are not marked yet.
    pub fn to_mark(&self, now: Timestamp) -> Vec<Name> {
        self.projects(|project| {
            project.is_past_its_end(now) && project.ended.is_none() && !project.closed
        })
    }

    /// Projects whose keys are to be destroyed now: closed, or marked for at least
    /// [`GRACE`](cstatns_base::domain::GRACE).
    pub fn to_destroy(&self, now: Timestamp) -> Vec<Name> {
        self.projects(|project| project.may_be_destroyed(now))
    }

    fn projects(&self, select: impl Fn(&Domain) -> bool) -> Vec<Name> {
        let alive = self.domains.iter().filter(|(_, domain)| domain.destroyed.is_none());
        alive.filter(|(_, domain)| select(domain)).map(|(name, _)| name.clone()).collect()
    }

    /// A domain that is not past its end, closed or destroyed.
    pub(super) fn living(&self, name: &Name, now: Timestamp) -> Result<&Domain, Refusal> {
        let domain = self.domains.get(name).ok_or(Refusal::UnknownDomain)?;
        if domain.destroyed.is_some() || domain.closed {
            return Err(Refusal::Destroyed);
        }
        if domain.marked || domain.is_past_its_end(now) {
            return Err(Refusal::Ended { ends: domain.ends().unwrap_or(Date::MIN) });
        }
        Ok(domain)
    }

    pub(super) fn codable(
        &self,
        name: &Name,
        generation: Generation,
        now: Timestamp,
    ) -> Result<&Domain, Refusal> {
        let domain = self.living(name, now)?;
        if generation != domain.generation() {
            return Err(Refusal::Generation { found: generation, active: domain.generation() });
        }
        if domain.active().compromised {
            return Err(Refusal::Compromised { generation });
        }
        if domain.active().state == KeyState::Lost {
            return Err(Refusal::KeyLost { generation });
        }
        Ok(domain)
    }
}
