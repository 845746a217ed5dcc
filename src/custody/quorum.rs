//! k valid approvals of one proposal make a [`Quorum`] (SPEC §9).

use cstatns_base::name::Hex;
use cstatns_base::secret::{Secret, random_bytes, wipe_stack};
use cstatns_record::checkpoint::Head;
use cstatns_record::dealing::Dealing;
use cstatns_record::proposal::{
    Action, Consent, LONGEST_WAIT, Proposal, ProposalBody, QuorumError, check_consents,
    run_key_digest,
};
use cstatns_record::statement::{FORMAT, Signed};
use ed25519_dalek::SigningKey;
use jiff::{SignedDuration, Timestamp};

use crate::sharing::{self, SharingError, root_check};

use super::approval::Approval;
use super::share::ReceivingKey;

/// A proposal and the private key of its run, as the service holds them while approvals are
/// gathered.
pub struct Draft {
    proposal: Proposal,
    key: ReceivingKey,
}

impl Draft {
    /// Draws a run's number and key and proposes `action` on the ledger at `head`; the service
    /// signs.
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

/// A proposal with at least k valid approvals of the present custodians. One quorum makes one run,
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
    /// [`RootError::Sharing`] names the custodian whose share does not fit; [`RootError::Root`].
    pub(crate) fn recover_root(self, dealing: &Dealing) -> Result<Secret<32>, RootError> {
        let digest = self.draft.proposal.digest();
        let mut given = Vec::with_capacity(self.approvals.len());
        for approval in &self.approvals {
            let custodian = approval.consent.body.by.clone();
            let opened = approval.share.open(&self.draft.key, &digest.0);
            let share =
                opened.map_err(|_| SharingError::Altered { custodian: custodian.clone() })?;
            given.push((custodian, share));
        }
        let root = sharing::recover(&dealing.id(), &dealing.holders(), &given)?;
        wipe_stack();
        if root_check(&root, dealing.service.id(), dealing.epoch) != dealing.root_check {
            return Err(RootError::Root);
        }
        Ok(root)
    }
}

/// Why the root secret was not recovered.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RootError {
    /// A share does not fit.
    #[error(transparent)]
    Sharing(#[from] SharingError),
    /// The root's check value is not the ledger's.
    #[error("the recovered secret is not the one of this epoch (nothing was done)")]
    Root,
}

cstatns_base::coded!(RootError {
    Self::Sharing(error) => (error),
    Self::Root => ("root-check", Tampering, []),
});

#[cfg(test)]
mod tests {
    use cstatns_base::name::Name;
    use cstatns_record::card::{Card, CardBody, ServiceCard};
    use cstatns_record::dealing::{DealingId, Epoch, Seat, Threshold};
    use cstatns_record::proposal::ConsentBody;
    use ed25519_dalek::Signer;

    use super::super::share::SealedShare;
    use super::*;
    use crate::sharing::{Share, split};

    /// Custodians who seal anything to a run, with sound signatures.
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
            let dealing =
                Dealing { epoch, threshold, demo: false, service: card, roster, root_check };
            Self { service, keys, shares, dealing, root }
        }

        /// What recovering gives when ana and ben consent, each with the share given here for them.
        fn recover(&self, given: [&Share; 2]) -> Result<Secret<32>, RootError> {
            let now: Timestamp = "2027-03-01T12:00:00Z".parse().unwrap();
            let head = Head { size: 1, root: Hex([3; 32]) };
            let action = Action::Close { domain: Name::new("cohort").unwrap() };
            let draft = Draft::new(&self.dealing, head, action, now, LONGEST_WAIT, &self.service);
            let digest = draft.proposal().digest();
            let text = head.checkpoint(self.dealing.service.id()).text();
            let approvals = self.keys.iter().zip(&self.dealing.roster).zip(given).map(
                |((key, seat), share)| {
                    let share =
                        SealedShare::seal(share, &draft.proposal().run_key, &digest.0).unwrap();
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
                },
            );
            let approvals = approvals.collect();
            Quorum::assemble(draft, approvals, &self.dealing, now)
                .unwrap()
                .recover_root(&self.dealing)
        }

        fn refusal(&self, bens: &Share) -> RootError {
            self.recover([&self.shares[0], bens]).err().expect("the root was recovered")
        }
    }

    #[test]
    fn a_quorum_recovers_the_root_and_names_whose_share_does_not_fit() {
        let office = Custodians::new(new_key(), Epoch(2));
        assert!(
            office.recover([&office.shares[0], &office.shares[1]]).unwrap().ct_eq(&office.root)
        );

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
        assert_eq!(office.refusal(&office.shares[1]), RootError::Root);
    }
}
