//! What the ledger of a linking body says about its files, and which event may follow.

use std::collections::{BTreeMap, BTreeSet};

use cstatns_base::code::Generation;
use cstatns_base::commitment::Commitment;
use cstatns_base::delivery::DeliveryId;
use cstatns_base::meta::ServiceId;
use cstatns_base::name::{Hex, Name};
use jiff::Timestamp;

use crate::card::PartyCard;
use crate::checkpoint::Head;

use super::{LinkingEvent, MOST_SOURCES};

/// What a file is.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Content {
    /// Codes beside a payload.
    Coded {
        /// The delivery that brought the codes.
        delivery: DeliveryId,
        /// The commitment of its request.
        request: Commitment,
        /// The commitment of its result.
        result: Commitment,
        /// The fingerprint of the card of who sent the payload; none after a renewal.
        sender: Option<Hex<32>>,
        /// The service's ledger as its report has it.
        head: Head,
    },
    /// Joined from coded files, without codes.
    Joined {
        /// Those files.
        of: Vec<Hex<16>>,
    },
}

/// What there is of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Standing {
    /// It lies in clear.
    Clear,
    /// An encrypted copy is kept.
    Kept,
    /// It is destroyed.
    Destroyed,
}

/// A file of a linking body.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LinkedFile {
    /// What it is.
    pub content: Content,
    /// The service of its codes, or of those that it was joined by.
    pub service: ServiceId,
    /// Their domain.
    pub domain: Name,
    /// Their generation.
    pub generation: Generation,
    /// Its rows.
    pub rows: u64,
    /// When it was made.
    pub made: Timestamp,
    /// The number of the event that records it.
    pub event: u64,
    /// What there is of it.
    pub standing: Standing,
    /// To whom it was released: cards, ascending.
    pub released: BTreeSet<Hex<32>>,
    /// Until when a copy may be kept, where one is.
    pub until: Option<Timestamp>,
}

impl LinkedFile {
    /// Whether it holds codes.
    pub fn is_coded(&self) -> bool {
        matches!(self.content, Content::Coded { .. })
    }
}

/// Why an event cannot be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LinkingRefusal {
    /// A ledger begins with its founding, once.
    #[error("a ledger is founded once, by its first event")]
    Founding,
    /// The card is not sound, or is another one's.
    #[error("the card is not that of the body whose ledger this is")]
    Card,
    /// Time does not go back.
    #[error("its time is before that of the event before it")]
    Time,
    /// A number that was given before.
    #[error("the file is recorded already")]
    FileKnown,
    /// A file that is not recorded.
    #[error("the file is not recorded here")]
    FileUnknown,
    /// A delivery is received once.
    #[error("this delivery was received before")]
    DeliveryKnown,
    /// The project is over.
    #[error("the project is over: its coded files must go")]
    Ended,
    /// Files are joined that do not go together.
    #[error(
        "2 to {MOST_SOURCES} different coded files of one service, domain and generation are joined"
    )]
    Sources,
    /// Only a joined file may leave.
    #[error("a file with codes goes to nobody")]
    Codes,
    /// It is destroyed, or not there in clear.
    #[error("the file is destroyed")]
    Gone,
    /// A renewal is of a coded file of the same project, which is still there.
    #[error("the codes of another project, or of a file that is not there, were renewed")]
    Renewal,
    /// A body releases nothing to itself.
    #[error("the card is that of the linking body itself")]
    ToItself,
    /// A copy is kept of what was released with a date, or of coded files for a renewal.
    #[error("nothing says until when a copy of the file may be kept")]
    NotKept,
    /// It is said once that a project is over.
    #[error("that this project is over is recorded already")]
    NoticeKnown,
}

cstatns_base::coded!(LinkingRefusal {
    Self::Founding => ("linking-founding", Tampering, []),
    Self::Card => ("linking-card", Input, []),
    Self::Time => ("linking-time", Tampering, []),
    Self::FileKnown => ("linking-file-known", Input, []),
    Self::FileUnknown => ("linking-file-unknown", Input, []),
    Self::DeliveryKnown => ("linking-delivery-known", Input, []),
    Self::Ended => ("linking-ended", Input, []),
    Self::Sources => ("linking-sources", Input, []),
    Self::Codes => ("linking-codes", Input, []),
    Self::Gone => ("linking-gone", Input, []),
    Self::Renewal => ("linking-renewal", Input, []),
    Self::ToItself => ("linking-to-itself", Input, []),
    Self::NotKept => ("linking-not-kept", Input, []),
    Self::NoticeKnown => ("linking-notice-known", Input, []),
});

/// What the events so far say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LinkingState {
    card: Option<Box<PartyCard>>,
    files: BTreeMap<Hex<16>, LinkedFile>,
    deliveries: BTreeSet<(String, DeliveryId)>,
    ended: BTreeMap<(String, Name), u64>,
    time: Option<Timestamp>,
    events: u64,
}

impl LinkingState {
    /// The card of the body.
    pub fn card(&self) -> Option<&PartyCard> {
        self.card.as_deref()
    }

    /// Its files, by their numbers.
    pub fn files(&self) -> &BTreeMap<Hex<16>, LinkedFile> {
        &self.files
    }

    /// The file of a number.
    ///
    /// # Errors
    /// [`LinkingRefusal::FileUnknown`].
    pub fn file(&self, number: &Hex<16>) -> Result<&LinkedFile, LinkingRefusal> {
        self.files.get(number).ok_or(LinkingRefusal::FileUnknown)
    }

    /// Whether it was said that a project is over, and in which event.
    pub fn ended(&self, service: &ServiceId, domain: &Name) -> Option<u64> {
        self.ended.get(&(service.to_string(), domain.clone())).copied()
    }

    /// Whether a delivery of a service was received.
    pub fn has(&self, service: &ServiceId, delivery: &DeliveryId) -> bool {
        self.deliveries.contains(&(service.to_string(), *delivery))
    }

    /// The time of the last event.
    pub fn time(&self) -> Option<Timestamp> {
        self.time
    }

    /// The time that an event has which happens when the system's clock says `clock`.
    pub(super) fn next_time(&self, clock: Timestamp) -> Timestamp {
        self.time.map_or(clock, |time| time.max(clock))
    }

    /// The files that must be destroyed by `now`: those of projects that are over, and copies past
    /// their end.
    pub fn owed(&self, now: Timestamp) -> impl Iterator<Item = (&Hex<16>, &LinkedFile)> {
        self.files.iter().filter(move |(_, file)| match file.standing {
            Standing::Destroyed => false,
            Standing::Kept if !file.is_coded() => file.until.is_none_or(|until| until <= now),
            Standing::Clear | Standing::Kept => self.ended(&file.service, &file.domain).is_some(),
        })
    }

    /// Whether an event may come next, at this time.
    ///
    /// # Errors
    /// [`LinkingRefusal`].
    pub fn check(&self, event: &LinkingEvent, time: Timestamp) -> Result<(), LinkingRefusal> {
        use LinkingRefusal as No;
        if self.time.is_some_and(|last| time < last) {
            return Err(No::Time);
        }
        if matches!(event, LinkingEvent::Founded { .. }) != self.card.is_none() {
            return Err(No::Founding);
        }
        let is = |holds: bool, no: No| if holds { Ok(()) } else { Err(no) };
        match event {
            LinkingEvent::Founded { card } => is(card.is_sound(), No::Card),
            LinkingEvent::Received { file, service, domain, delivery, sender, of, .. } => {
                is(!self.files.contains_key(file), No::FileKnown)?;
                is(!self.has(service, delivery), No::DeliveryKnown)?;
                is(self.ended(service, domain).is_none(), No::Ended)?;
                match (sender, of) {
                    (Some(_), None) => Ok(()),
                    (None, Some(of)) => {
                        let of = self.file(of)?;
                        let same = (&of.service, &of.domain) == (service, domain);
                        is(same && of.is_coded() && of.standing != Standing::Destroyed, No::Renewal)
                    }
                    _ => Err(No::Renewal),
                }
            }
            LinkingEvent::Joined { file, of, .. } => {
                is(!self.files.contains_key(file), No::FileKnown)?;
                let distinct: BTreeSet<_> = of.iter().collect();
                let listed = (2..=MOST_SOURCES).contains(&of.len()) && distinct.len() == of.len();
                is(listed, No::Sources)?;
                let first = self.file(&of[0])?;
                is(self.ended(&first.service, &first.domain).is_none(), No::Ended)?;
                of.iter().try_for_each(|number| {
                    let file = self.file(number)?;
                    is(file.standing != Standing::Destroyed, No::Gone)?;
                    is(file.is_coded() && file.goes_with(first), No::Sources)
                })
            }
            LinkingEvent::Released { file, to, until, .. } => {
                let file = self.file(file)?;
                is(!file.is_coded(), No::Codes)?;
                is(file.standing != Standing::Destroyed, No::Gone)?;
                is(until.is_none_or(|until| until > time), No::NotKept)?;
                // What is kept past the project's end left in time.
                let is_over = self.ended(&file.service, &file.domain).is_some();
                is(!(is_over && file.standing == Standing::Clear), No::Ended)?;
                let own = self.card().map(PartyCard::fingerprint);
                is(own.as_ref() != Some(to), No::ToItself)
            }
            LinkingEvent::Destroyed { file, kept, .. } => {
                let file = self.file(file)?;
                is(file.standing != Standing::Destroyed, No::Gone)?;
                if !kept {
                    return Ok(());
                }
                is(file.standing == Standing::Clear, No::Gone)?;
                is(
                    self.ended(&file.service, &file.domain).is_none() || !file.is_coded(),
                    No::Ended,
                )?;
                is(file.is_coded() || file.until.is_some(), No::NotKept)
            }
            LinkingEvent::Notice { service, domain, .. } => {
                is(self.ended(service, domain).is_none(), No::NoticeKnown)
            }
        }
    }

    /// Takes the next event.
    ///
    /// # Errors
    /// [`LinkingRefusal`]: nothing has changed then.
    pub fn apply(&mut self, event: LinkingEvent, time: Timestamp) -> Result<(), LinkingRefusal> {
        self.check(&event, time)?;
        self.time = Some(time);
        self.events += 1;
        let (event_number, made) = (self.events, time);
        match event {
            LinkingEvent::Founded { card } => self.card = Some(card),
            LinkingEvent::Received {
                file,
                service,
                domain,
                generation,
                delivery,
                request,
                result,
                sender,
                rows,
                head,
                of: _,
            } => {
                self.deliveries.insert((service.to_string(), delivery));
                let content = Content::Coded { delivery, request, result, sender, head };
                let new = LinkedFile {
                    content,
                    service,
                    domain,
                    generation,
                    rows,
                    made,
                    event: event_number,
                    standing: Standing::Clear,
                    released: BTreeSet::new(),
                    until: None,
                };
                self.files.insert(file, new);
            }
            LinkingEvent::Joined { file, of, rows } => {
                let first = self.file(&of[0])?.clone();
                let new = LinkedFile {
                    content: Content::Joined { of },
                    rows,
                    made,
                    event: event_number,
                    standing: Standing::Clear,
                    released: BTreeSet::new(),
                    until: None,
                    ..first
                };
                self.files.insert(file, new);
            }
            LinkingEvent::Released { file, to, until, .. } => {
                if let Some(file) = self.files.get_mut(&file) {
                    file.released.insert(to);
                    file.until = file.until.max(until);
                }
            }
            LinkingEvent::Destroyed { file, kept, .. } => {
                if let Some(file) = self.files.get_mut(&file) {
                    file.standing = if kept { Standing::Kept } else { Standing::Destroyed };
                }
            }
            LinkingEvent::Notice { service, domain, .. } => {
                self.ended.insert((service.to_string(), domain), event_number);
            }
        }
        Ok(())
    }
}

impl LinkedFile {
    /// Whether the codes of both are comparable.
    fn goes_with(&self, other: &Self) -> bool {
        (&self.service, &self.domain, self.generation)
            == (&other.service, &other.domain, other.generation)
    }
}
