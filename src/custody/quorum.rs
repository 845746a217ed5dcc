//! k valid approvals of one proposal make a [`Quorum`] (SPEC §9).

use jiff::{SignedDuration, Timestamp};

use crate::name::{Hex, Name};
use crate::secret::{Secret, random_bytes, wipe_stack};
use crate::sharing::{self, SharingError, root_check};

use super::approval::{Action, Approval, Consent, ConsentBody, Proposal, ProposalBody, run_key_digest};
use super::share::ReceivingKey;
use super::{Dealing, FORMAT, Head, Signed, verify};
use ed25519_dalek::SigningKey;

/// The longest that approvals may take.
pub const LONGEST_WAIT: SignedDuration = SignedDuration::from_hours(24);

/// A proposal and the private key of its run, as the service holds them while approvals are gathered.
pub struct Draft {
    proposal: Proposal,
    key: ReceivingKey,
}

impl Draft {
    /// Draws a run's number and key and proposes `action` on the ledger at `head`; the service signs.
    pub fn new(
        dealing: &Dealing,
        head: Head,
        action: Action,
        now: Timestamp,
        wait: SignedDuration,
        service: &SigningKey,
    ) -> Self {
        let mut run = [0; 16];
        random_bytes(&mut run);
        let key = ReceivingKey::random();
        let run_key = key.public();
        let body = ProposalBody {
            format: FORMAT,
            service: dealing.service.id().to_owned(),
            epoch: dealing.epoch,
            head,
            action,
            expires: now + wait.min(LONGEST_WAIT),
            run: Hex(run),
            run_key: run_key_digest(&run_key),
        };
        Self { proposal: Proposal { signed: Signed::new(body, service), run_key }, key }
    }

    /// What custodians are shown and approve.
    pub fn proposal(&self) -> &Proposal {
        &self.proposal
    }
}

/// A proposal with at least k valid approvals of the present custodians. One quorum makes one run, which takes it:
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
///     Quorum { draft, approvals: vec![] }
/// }
/// ```
pub struct Quorum {
    draft: Draft,
    approvals: Vec<Approval>,
}

impl Quorum {
    /// Checks every approval. No share is opened yet: that comes after the intent is durable.
    ///
    /// # Errors
    /// [`QuorumError`] names the custodian whose approval does not count.
    pub fn assemble(
        draft: Draft,
        approvals: Vec<Approval>,
        dealing: &Dealing,
        now: Timestamp,
    ) -> Result<Self, QuorumError> {
        let proposal = &draft.proposal.signed;
        check_consents(proposal, approvals.iter().map(|approval| &approval.consent), dealing)?;
        if now >= proposal.body.expires {
            return Err(QuorumError::Expired);
        }
        for approval in &approvals {
            if approval.share.digest() != approval.consent.body.share {
                return Err(QuorumError::Share { custodian: approval.consent.body.by.clone() });
            }
        }
        Ok(Self { draft, approvals })
    }

    /// What was approved.
    pub fn proposal(&self) -> &Signed<ProposalBody> {
        &self.draft.proposal.signed
    }

    /// What the ledger keeps of the approvals, ascending by custodian.
    pub fn consents(&self) -> Vec<Consent> {
        let mut consents: Vec<Consent> =
            self.approvals.iter().map(|approval| approval.consent.clone()).collect();
        consents.sort_by(|a, b| a.body.by.cmp(&b.body.by));
        consents
    }

    /// Opens the shares and recovers the root secret.
    ///
    /// # Errors
    /// [`SharingError`] names the custodian whose share does not fit; [`QuorumError::Root`].
    pub(crate) fn recover_root(self, dealing: &Dealing) -> Result<Secret<32>, QuorumError> {
        let digest = self.draft.proposal.digest();
        let mut given = Vec::with_capacity(self.approvals.len());
        for approval in &self.approvals {
            let custodian = approval.consent.body.by.clone();
            let opened = approval.share.open(&self.draft.key, &digest.0);
            let share = opened.map_err(|_| SharingError::Altered { custodian: custodian.clone() })?;
            given.push((custodian, share));
        }
        let root = sharing::recover(&dealing.id(), &dealing.holders(), &given)?;
        wipe_stack();
        if root_check(&root, dealing.service.id(), dealing.epoch) != dealing.root_check {
            return Err(QuorumError::Root);
        }
        Ok(root)
    }
}

/// Whether these consents are k valid ones, by custodians of `dealing`, to `proposal`. The service and the auditor ask
/// the same question.
///
/// # Errors
/// [`QuorumError`] names the custodian whose consent does not count.
pub fn check_consents<'a>(
    proposal: &Signed<ProposalBody>,
    consents: impl IntoIterator<Item = &'a Consent>,
    dealing: &Dealing,
) -> Result<(), QuorumError> {
    let body = &proposal.body;
    if body.format != FORMAT
        || body.service != dealing.service.id()
        || !proposal.is_by(&dealing.service.body.signing)
    {
        return Err(QuorumError::Proposal);
    }
    if body.epoch != dealing.epoch {
        return Err(QuorumError::Epoch);
    }
    let digest = super::approval::proposal_digest(proposal);
    let text = body.head.checkpoint(dealing.service.id()).text();
    let mut counted: Vec<&Name> = Vec::new();
    for consent in consents {
        let ConsentBody { format, service, epoch, proposal, by, card, share: _, cosignature } = &consent.body;
        let custodian = || by.clone();
        let seat = dealing.seat(by).filter(|seat| seat.card.fingerprint() == *card);
        let Some(seat) = seat else { return Err(QuorumError::NotInRoster { custodian: custodian() }) };
        let signing = &seat.card.body.signing;
        if !consent.is_by(signing) {
            return Err(QuorumError::Signature { custodian: custodian() });
        }
        if *format != FORMAT || service != dealing.service.id() || *proposal != digest {
            return Err(QuorumError::OtherProposal { custodian: custodian() });
        }
        if *epoch != dealing.epoch {
            return Err(QuorumError::OtherEpoch { custodian: custodian() });
        }
        if !verify(signing, text.as_bytes(), cosignature) {
            return Err(QuorumError::Cosignature { custodian: custodian() });
        }
        if counted.contains(&by) {
            return Err(QuorumError::Twice { custodian: custodian() });
        }
        counted.push(by);
    }
    let needed = dealing.threshold.k();
    if counted.len() < needed {
        return Err(QuorumError::TooFew { given: counted.len(), needed });
    }
    Ok(())
}

/// Why approvals do not make a quorum.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum QuorumError {
    /// A share does not fit.
    #[error(transparent)]
    Sharing(#[from] SharingError),
    /// The proposal is not the service's.
    #[error("the service did not sign this proposal: make a new one")]
    Proposal,
    /// The proposal is for another epoch.
    #[error("the proposal asks for the shares of another epoch: make a new one")]
    Epoch,
    /// The proposal has expired.
    #[error("the proposal has expired: make a new one")]
    Expired,
    /// The proposal would serve for longer than [`LONGEST_WAIT`].
    #[error("the proposal is open for more than 24 hours: make a new one")]
    Wait,
    /// Not a custodian of this epoch with this card.
    #[error("`{custodian}` is not in the roster of this epoch with this card: ask a custodian who is")]
    NotInRoster {
        /// Who approved.
        custodian: Name,
    },
    /// The consent is not signed by the custodian.
    #[error("the approval of `{custodian}` is not signed by them: ask them to approve again")]
    Signature {
        /// Who is said to have approved.
        custodian: Name,
    },
    /// The consent is to another proposal.
    #[error("the approval of `{custodian}` is of another proposal: ask them to approve this one")]
    OtherProposal {
        /// Who approved.
        custodian: Name,
    },
    /// The consent is of another epoch.
    #[error(
        "the approval of `{custodian}` is of another epoch: ask them to approve with their present share"
    )]
    OtherEpoch {
        /// Who approved.
        custodian: Name,
    },
    /// The cosignature does not fit the proposal's head.
    #[error("the cosignature of `{custodian}` does not fit the ledger: ask them to approve again")]
    Cosignature {
        /// Who approved.
        custodian: Name,
    },
    /// The resealed share is not the one that was signed.
    #[error(
        "the share beside the approval of `{custodian}` is not the one they signed: ask them to approve again"
    )]
    Share {
        /// Who approved.
        custodian: Name,
    },
    /// One custodian twice.
    #[error("`{custodian}` approved twice: each custodian counts once")]
    Twice {
        /// Who approved.
        custodian: Name,
    },
    /// Fewer than k.
    #[error("{given} of the {needed} approvals that are needed were given: ask further custodians")]
    TooFew {
        /// Approvals given.
        given: usize,
        /// Approvals needed.
        needed: usize,
    },
    /// The root's check value is not the ledger's.
    #[error("the recovered secret is not the one of this epoch: nothing was done; call the auditor")]
    Root,
}

impl QuorumError {
    /// The stable short code of this error.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Sharing(error) => error.code(),
            Self::Proposal => "proposal-signature",
            Self::Epoch => "proposal-epoch",
            Self::Expired => "proposal-expired",
            Self::Wait => "proposal-wait",
            Self::NotInRoster { .. } => "not-in-roster",
            Self::Signature { .. } => "approval-signature",
            Self::OtherProposal { .. } => "approval-other-proposal",
            Self::OtherEpoch { .. } => "approval-other-epoch",
            Self::Cosignature { .. } => "approval-cosignature",
            Self::Share { .. } => "approval-share",
            Self::Twice { .. } => "approval-twice",
            Self::TooFew { .. } => "too-few-approvals",
            Self::Root => "root-check",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::approval::Approval;
    use super::super::share::SealedShare;
    use super::super::{Card, CardBody, Seat, ServiceCard};
    use super::*;
    use crate::sharing::{DealingId, Epoch, Share, Threshold, split};
    use ed25519_dalek::Signer;

    /// Custodians who seal to a run whatever they are told to, with sound signatures.
    struct Custodians {
        service: SigningKey,
        keys: Vec<SigningKey>,
        shares: Vec<Share>,
        dealing: Dealing,
        root: Secret<32>,
    }

    fn new_key() -> SigningKey {
        SigningKey::from_bytes(Secret::random().expose())
    }

    impl Custodians {
        fn new(service: SigningKey, epoch: Epoch) -> Self {
            let card = ServiceCard::of(&Name::new("office").unwrap(), &service);
            let threshold = Threshold::new(2, 3).unwrap();
            let root = Secret::random();
            let id = DealingId { service: card.id().to_owned(), epoch, threshold };
            let shares = split(&id, &root).unwrap();
            let keys: Vec<SigningKey> = shares.iter().map(|_| new_key()).collect();
            let seat = |((key, share), name): ((&SigningKey, &Share), &str)| {
                let body = CardBody {
                    format: FORMAT,
                    name: Name::new(name).unwrap(),
                    external: false,
                    protected: true,
                    signing: Hex(key.verifying_key().to_bytes()),
                    receiving: ReceivingKey::random().public(),
                };
                Seat { card: Card::new(body, key), commitment: share.commitment() }
            };
            let roster = keys.iter().zip(&shares).zip(["ana", "ben", "chloe"]).map(seat).collect();
            let root_check = root_check(&root, card.id(), epoch);
            let dealing = Dealing { epoch, threshold, demo: false, service: card, roster, root_check };
            Self { service, keys, shares, dealing, root }
        }

        /// What recovering gives when ana and ben consent, each with the share given here for them.
        fn recover(&self, given: [&Share; 2]) -> Result<Secret<32>, QuorumError> {
            let now: Timestamp = "2027-03-01T12:00:00Z".parse().unwrap();
            let head = Head { size: 1, root: Hex([3; 32]) };
            let action = Action::Close { domain: Name::new("cohort").unwrap() };
            let draft = Draft::new(&self.dealing, head, action, now, LONGEST_WAIT, &self.service);
            let digest = draft.proposal().digest();
            let text = head.checkpoint(self.dealing.service.id()).text();
            let approvals =
                self.keys.iter().zip(&self.dealing.roster).zip(given).map(|((key, seat), share)| {
                    let share = SealedShare::seal(share, &draft.proposal().run_key, &digest.0).unwrap();
                    let body = ConsentBody {
                        format: FORMAT,
                        service: self.dealing.service.id().to_owned(),
                        epoch: self.dealing.epoch,
                        proposal: digest,
                        by: seat.card.body.name.clone(),
                        card: seat.card.fingerprint(),
                        share: share.digest(),
                        cosignature: Hex(key.sign(text.as_bytes()).to_bytes()),
                    };
                    Approval { consent: Signed::new(body, key), share }
                });
            let approvals = approvals.collect();
            Quorum::assemble(draft, approvals, &self.dealing, now).unwrap().recover_root(&self.dealing)
        }

        fn refusal(&self, bens: &Share) -> QuorumError {
            self.recover([&self.shares[0], bens]).err().expect("the root was recovered")
        }
    }

    #[test]
    fn a_quorum_recovers_the_root_and_names_whose_share_does_not_fit() {
        let office = Custodians::new(new_key(), Epoch(2));
        assert!(office.recover([&office.shares[0], &office.shares[1]]).unwrap().ct_eq(&office.root));

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

    /// The last line: shares that fit a ledger whose root check is another's.
    #[test]
    fn a_root_with_another_check_value_is_refused() {
        let mut office = Custodians::new(new_key(), Epoch(1));
        office.dealing.root_check.0[0] ^= 1;
        assert_eq!(office.refusal(&office.shares[1]), QuorumError::Root);
    }
}
