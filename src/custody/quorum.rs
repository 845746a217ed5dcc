//! k valid approvals of one proposal make a [`Quorum`] (SPEC §9).

use cstatns_base::files;
use cstatns_base::name::{Hex, Name};
use cstatns_base::secret::{Secret, random_bytes, wipe_stack};
use cstatns_record::checkpoint::Head;
use cstatns_record::dealing::Dealing;
use cstatns_record::ledger::event::LineWitness;
use cstatns_record::proposal::{
    Action, Consent, LONGEST_WAIT, Placed, Proposal, Question, QuorumError, approval_info,
    run_key_digest,
};
use cstatns_record::state::View;
use cstatns_record::statement::{FORMAT, Suite};
use jiff::{SignedDuration, Timestamp};

use crate::sharing::{self, Share, SharingError, root_check};

use super::approval::Approval;
use super::custodian::{Attending, KitError, Released, Watcher};
use super::share::{ReceivingKey, SealedShare, dealing_key};

/// A question that is asked, and the private key of its run, as the service holds them while
/// approvals are gathered.
pub struct Draft {
    question: Question,
    proposal: Proposal,
    key: ReceivingKey,
    /// Held while approvals are waited for.
    _waits: Option<files::Lock>,
}

/// A question before it is recorded.
pub(crate) struct Unasked {
    pub(crate) question: Question,
    run_key: Hex<1216>,
    key: ReceivingKey,
}

impl Unasked {
    /// Draws a run's number and key, and asks for `action`.
    pub(crate) fn new(
        dealing: &Dealing,
        action: Action,
        now: Timestamp,
        wait: SignedDuration,
    ) -> Self {
        let mut run = [0; 16];
        random_bytes(&mut run);
        let key = ReceivingKey::random();
        let run_key = key.public();
        let expires = now + wait.min(LONGEST_WAIT);
        let question = Question {
            format: FORMAT,
            suite: Suite::default(),
            service: dealing.service.id().to_owned(),
            epoch: dealing.epoch,
            action,
            expires: Timestamp::from_second(expires.as_second()).unwrap_or(expires),
            run: Hex(run),
            run_key: run_key_digest(&run_key),
        };
        Self { question, run_key, key }
    }

    /// The draft, once the question is the last line of the ledger that `checkpoint` covers.
    pub(crate) fn asked(
        self,
        leaf: Hex<32>,
        checkpoint: String,
        waits: Option<files::Lock>,
    ) -> Draft {
        let Self { question, run_key, key } = self;
        let proposal = Proposal { question: leaf, checkpoint, run_key };
        Draft { question, proposal, key, _waits: waits }
    }
}

impl Draft {
    /// What custodians are shown and approve.
    pub fn question(&self) -> &Question {
        &self.question
    }

    /// The question as kits take it.
    pub fn proposal(&self) -> &Proposal {
        &self.proposal
    }
}

/// An approval that was given.
#[non_exhaustive]
pub enum Given {
    /// By a kit at this machine, which holds its share back until it has seen the intent.
    Here(Box<Attending>),
    /// At a distance, with the share.
    Sent(Box<Approval>),
}

impl Given {
    /// What the ledger keeps of it.
    pub fn consent(&self) -> &Consent {
        match self {
            Self::Here(attending) => attending.consent(),
            Self::Sent(approval) => &approval.consent,
        }
    }

    /// Who gave it.
    pub fn name(&self) -> &Name {
        &self.consent().body.by
    }

    /// An approval that hands over something else than its share.
    #[cfg(test)]
    pub(crate) fn swap(&mut self, other: &mut Self) {
        match (self, other) {
            (Self::Here(one), Self::Here(other)) => one.swap(other),
            (Self::Sent(one), Self::Sent(other)) => {
                std::mem::swap(&mut one.share, &mut other.share)
            }
            _ => panic!("two of one kind"),
        }
    }

    /// An approval that was altered on its way.
    #[cfg(test)]
    pub(crate) fn consent_mut(&mut self) -> &mut Consent {
        match self {
            Self::Here(attending) => attending.consent_mut(),
            Self::Sent(approval) => &mut approval.consent,
        }
    }
}

/// A question with at least k valid approvals of the present custodians. One quorum makes one run,
/// which takes it:
///
/// ```
/// # use cstatns::custody::quorum::Quorum;
/// # fn run(quorum: Quorum) {}
/// fn once(quorum: Quorum) {
///     run(quorum);
/// }
/// ```
/// ```compile_fail,E0382
/// # use cstatns::custody::quorum::Quorum;
/// # fn run(quorum: Quorum) {}
/// fn twice(quorum: Quorum) {
///     run(quorum);
///     run(quorum);
/// }
/// ```
/// ```compile_fail,E0599
/// # use cstatns::custody::quorum::Quorum;
/// fn copied(quorum: Quorum) -> [Quorum; 2] {
///     [quorum.clone(), quorum]
/// }
/// ```
///
/// Nor does anything else make one than [`Quorum::assemble`]:
///
/// ```compile_fail,E0451
/// # use cstatns::custody::quorum::{Draft, Quorum};
/// fn without_approvals(draft: Draft) -> Quorum {
///     Quorum { draft, approvals: vec![], set_aside: vec![] }
/// }
/// ```
pub struct Quorum {
    draft: Draft,
    /// Ascending by custodian.
    approvals: Vec<Given>,
    set_aside: Vec<QuorumError>,
}

/// Shares that were handed over for a run.
pub(crate) struct HandedOver {
    draft: Draft,
    shares: Vec<(Name, SealedShare)>,
}

impl Quorum {
    /// Counts the first valid approval of each custodian; the others are set aside
    /// ([`Quorum::set_aside`]). No share is opened yet: that comes after the intent is durable.
    ///
    /// # Errors
    /// If fewer than k count, why the first one that was set aside does not, which names its
    /// custodian; [`QuorumError::TooFew`] if none was. [`QuorumError::Expired`].
    pub fn assemble(
        draft: Draft,
        approvals: Vec<Given>,
        placed: &Placed<'_>,
        dealing: &Dealing,
        now: Timestamp,
    ) -> Result<Self, QuorumError> {
        let (approvals, set_aside) = placed.sort_out(approvals, dealing, Given::consent);
        let (given, needed) = (approvals.len(), dealing.threshold.k());
        if given < needed {
            let reason = set_aside.into_iter().next();
            return Err(reason.unwrap_or(QuorumError::TooFew { given, needed }));
        }
        if now >= draft.question.expires {
            return Err(QuorumError::Expired);
        }
        Ok(Self { draft, approvals, set_aside })
    }

    /// Two kits hand over each other's share.
    #[cfg(test)]
    pub(crate) fn swap(&mut self, one: usize, other: usize) {
        let (first, second) = self.approvals.split_at_mut(other);
        first[one].swap(&mut second[0]);
    }

    /// What was approved.
    pub fn question(&self) -> &Question {
        &self.draft.question
    }

    /// Why each approval that does not count does not, in the order in which they were given: one
    /// bad approval does not stop a run.
    pub fn set_aside(&self) -> &[QuorumError] {
        &self.set_aside
    }

    /// What the ledger keeps of the approvals, ascending by custodian.
    pub fn consents(&self) -> Vec<Consent> {
        self.approvals.iter().map(|approval| approval.consent().clone()).collect()
    }

    /// Takes the shares: those that were sent, and those of the kits, which have seen the intent.
    /// Those of kits that do not hand theirs over are missing.
    pub(crate) fn take_shares(
        self,
        ledger: View<'_>,
        now: Timestamp,
    ) -> (HandedOver, Vec<LineWitness>, Vec<Watcher>, Vec<KitError>) {
        let Self { draft, approvals, .. } = self;
        let (mut shares, mut witnesses) = (Vec::new(), Vec::new());
        let (mut watchers, mut errors) = (Vec::new(), Vec::new());
        for approval in approvals {
            let name = approval.name().clone();
            let attending = match approval {
                Given::Here(attending) => attending,
                Given::Sent(approval) => {
                    shares.push((name, approval.share));
                    continue;
                }
            };
            match attending.release(ledger, now) {
                Ok(Released { share, witness, watcher, .. }) => {
                    shares.push((name, share));
                    witnesses.push(witness);
                    watchers.push(watcher);
                }
                Err(error) => errors.push(error),
            }
        }
        (HandedOver { draft, shares }, witnesses, watchers, errors)
    }
}

/// Shares that were opened: those of the dealing, and why others are not used.
pub(crate) struct Opened {
    given: Vec<(Name, Share)>,
    unopened: Vec<(Name, SharingError)>,
}

impl HandedOver {
    /// Opens the shares.
    pub(crate) fn open(self, dealing: &Dealing, head: &Head) -> Opened {
        let Self { draft, shares } = self;
        let proposal = &draft.proposal;
        let info = approval_info(&proposal.question, head, &proposal.run_key);
        let holders = dealing.holders();
        let (mut given, mut unopened) = (Vec::with_capacity(shares.len()), Vec::new());
        for (custodian, sealed) in shares {
            let opened = sealed
                .open(&draft.key, &info)
                .map_err(|_| SharingError::Altered { custodian: custodian.clone() })
                .and_then(|share| {
                    sharing::check(&dealing.id(), &holders, &custodian, &share).map(|()| share)
                });
            match opened {
                Ok(share) => given.push((custodian, share)),
                Err(error) => unopened.push((custodian, error)),
            }
        }
        Opened { given, unopened }
    }
}

impl Opened {
    /// Whose shares did not open or are not those of the dealing, ascending, and why.
    pub(crate) fn unopened(&self) -> &[(Name, SharingError)] {
        &self.unopened
    }

    /// Recovers the root secret from the first k shares.
    ///
    /// # Errors
    /// [`RootError::Sharing`] says why a share was not used, when fewer than k are there;
    /// [`RootError::Root`].
    pub(crate) fn recover_root(self, dealing: &Dealing) -> Result<Secret<32>, RootError> {
        let Self { given, unopened } = self;
        match unopened.into_iter().next() {
            Some((_, error)) if given.len() < dealing.threshold.k() => return Err(error.into()),
            _ => {}
        }
        let root = sharing::recover(&dealing.id(), &dealing.holders(), &given);
        wipe_stack();
        let root = root?;
        let (service, epoch) = (dealing.service.id(), dealing.epoch);
        let dealt = root_check(&root, service, epoch) == dealing.root_check
            && dealing_key(&root, service, epoch).public() == dealing.receiving;
        if dealt { Ok(root) } else { Err(RootError::Root) }
    }
}

/// Why the root secret was not recovered.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RootError {
    /// A share does not fit.
    #[error(transparent)]
    Sharing(#[from] SharingError),
    /// The root's check value, or the dealing's receiving key, is not the ledger's.
    #[error("the recovered secret is not the one of this epoch (nothing was done)")]
    Root,
}

cstatns_base::coded!(RootError {
    Self::Sharing(error) => (error),
    Self::Root => ("root-check", Tampering, []),
});

#[cfg(test)]
mod tests {
    use cstatns_record::card::{Card, CardBody, ServiceCard};
    use cstatns_record::dealing::{DealingId, Epoch, Seat, Threshold};
    use ed25519_dalek::SigningKey;

    use super::super::share::SealedShare;
    use super::*;
    use crate::sharing::{Share, split};

    /// Custodians who seal anything to a run.
    struct Custodians {
        service: SigningKey,
        shares: Vec<Share>,
        dealing: Dealing,
        root: Secret<32>,
    }

    fn new_key() -> SigningKey {
        SigningKey::from_bytes(Secret::random().expose())
    }

    const HEAD: Head = Head { size: 7, root: Hex([3; 32]) };

    impl Custodians {
        fn new(service: SigningKey, epoch: Epoch) -> Self {
            let card = ServiceCard::of(&Name::new("office").unwrap(), &service);
            let threshold = Threshold::new(2, 3).unwrap();
            let root = Secret::random();
            let id = DealingId { service: card.id().to_owned(), epoch, threshold };
            let shares = split(&id, &root).unwrap();
            let seat = |(share, name): (&Share, &str)| {
                let key = new_key();
                let body = CardBody {
                    format: FORMAT,
                    name: Name::new(name).unwrap(),
                    external: false,
                    protected: true,
                    signing: Hex(key.verifying_key().to_bytes()),
                    receiving: ReceivingKey::random().public(),
                };
                Seat { card: Card::new(body, &key), commitment: share.commitment() }
            };
            let roster = shares.iter().zip(["ana", "ben", "chloe"]).map(seat).collect();
            let root_check = root_check(&root, card.id(), epoch);
            let receiving = dealing_key(&root, card.id(), epoch).public();
            let dealing = Dealing {
                epoch,
                threshold,
                demo: false,
                service: card,
                roster,
                root_check,
                receiving,
            };
            Self { service, shares, dealing, root }
        }

        /// The shares of ana, ben … after they handed over what is given here, sealed under `head`.
        fn open_under(&self, head: &Head, given: &[&Share]) -> Opened {
            let now: Timestamp = "2027-03-01T12:00:00Z".parse().unwrap();
            let action = Action::Close { domain: Name::new("cohort").unwrap() };
            let unasked = Unasked::new(&self.dealing, action, now, LONGEST_WAIT);
            let draft = unasked.asked(Hex([5; 32]), String::new(), None);
            let Proposal { question, run_key, .. } = draft.proposal();
            let info = approval_info(question, head, run_key);
            let shares = given.iter().zip(&self.dealing.roster).map(|(share, seat)| {
                let sealed = SealedShare::seal(share, run_key, &info).unwrap();
                (seat.card.body.name.clone(), sealed)
            });
            let shares = shares.collect();
            HandedOver { draft, shares }.open(&self.dealing, &HEAD)
        }

        fn open(&self, given: &[&Share]) -> Opened {
            self.open_under(&HEAD, given)
        }

        fn refusal(&self, bens: &Share) -> RootError {
            let opened = self.open(&[&self.shares[0], bens]);
            let bad = |(name, _): &(Name, _)| name.as_str() == "ben";
            assert!(opened.unopened().iter().all(bad), "{:?}", opened.unopened());
            opened.recover_root(&self.dealing).err().expect("the root was recovered")
        }
    }

    #[test]
    fn a_quorum_recovers_the_root_and_names_whose_share_does_not_fit() {
        let office = Custodians::new(new_key(), Epoch(2));
        let opened = office.open(&[&office.shares[0], &office.shares[1]]);
        assert!(opened.unopened().is_empty());
        assert!(opened.recover_root(&office.dealing).unwrap().ct_eq(&office.root));

        let custodian = Name::new("ben").unwrap();
        let owner = Name::new("ana").unwrap();
        let swapped = SharingError::Swapped { custodian: custodian.clone(), owner };
        assert_eq!(office.refusal(&office.shares[0]), swapped.into());
        let same = Custodians::new(office.service.clone(), Epoch(2));
        let altered = SharingError::Altered { custodian: custodian.clone() };
        assert_eq!(office.refusal(&same.shares[1]), altered.into());
        let former = Custodians::new(office.service.clone(), Epoch(1));
        let (found, expected) = (Epoch(1), Epoch(2));
        let epoch = SharingError::OtherEpoch { custodian: custodian.clone(), found, expected };
        assert_eq!(office.refusal(&former.shares[1]), epoch.into());
        let other = Custodians::new(new_key(), Epoch(2));
        let service = SharingError::OtherService { custodian };
        assert_eq!(office.refusal(&other.shares[1]), service.into());
    }

    /// One bad share does not stop a run: another is taken, and the event names whose it was.
    #[test]
    fn a_share_that_does_not_fit_is_named_and_another_is_taken() {
        let office = Custodians::new(new_key(), Epoch(1));
        let same = Custodians::new(office.service.clone(), Epoch(1));
        let given = [&office.shares[0], &same.shares[1], &office.shares[2]];
        let opened = office.open(&given);
        let custodian = Name::new("ben").unwrap();
        let altered = SharingError::Altered { custodian: custodian.clone() };
        assert_eq!(opened.unopened(), [(custodian, altered)]);
        assert!(opened.recover_root(&office.dealing).unwrap().ct_eq(&office.root));
    }

    /// A share that was sealed for another question does not open.
    #[test]
    fn a_share_opens_for_its_question_only() {
        let office = Custodians::new(new_key(), Epoch(1));
        let given = [&office.shares[0], &office.shares[1]];
        for other in [Head { size: 8, ..HEAD }, Head { root: Hex([4; 32]), ..HEAD }] {
            let opened = office.open_under(&other, &given);
            let error = opened.recover_root(&office.dealing).err().unwrap();
            let custodian = Name::new("ana").unwrap();
            assert_eq!(error, SharingError::Altered { custodian }.into());
        }
    }

    /// The last line: shares that fit a ledger whose root check, or receiving key, is another's.
    #[test]
    fn a_root_with_another_check_value_or_receiving_key_is_refused() {
        let mut office = Custodians::new(new_key(), Epoch(1));
        office.dealing.root_check.0[0] ^= 1;
        assert_eq!(office.refusal(&office.shares[1]), RootError::Root);
        office.dealing.root_check.0[0] ^= 1;
        office.dealing.receiving = ReceivingKey::random().public();
        assert_eq!(office.refusal(&office.shares[1]), RootError::Root);
    }
}
