//! One ceremony: a root secret is split, each share travels to its custodian, and custodians who
//! are honest, lie or are too few give theirs. The dealing is drawn from the seed; the root and the
//! polynomials are drawn by the program.

use std::collections::BTreeMap;

use cstatns::custody::SharingError;
use cstatns::custody::share::{ReceivingKey, SealedShare};
use cstatns::dealing::{DealingId, Epoch, Holder, Threshold};
use cstatns::hazmat::{Share, recover, root_check, split};
use cstatns::name::Name;
use cstatns::secret::Secret;

use crate::random::Random;

const SERVICE: &str = "ceremony.aaaaaaaaaaaaaaaaaaaaaaaaaa";

/// What a ceremony breaks: the sentence says how.
pub(crate) struct Broken(pub String);

/// What was tried, by name.
pub(crate) type Tried = BTreeMap<&'static str, u64>;

/// How many ceremonies there are for one whose shares are sealed.
pub(crate) const SEALED: u64 = 50;

/// What custodians give: their names, and what they say is their share.
type Given = Vec<(Name, Share)>;

/// A root that was dealt.
pub(crate) struct Dealt {
    pub id: DealingId,
    pub root: Secret<32>,
    pub shares: Vec<Share>,
    pub holders: Vec<Holder>,
}

fn name(at: usize) -> Name {
    Name::new(&format!("custodian-{}", at + 1)).expect("a name")
}

fn copy(share: &Share) -> Share {
    Share::decode(&share.encode()).expect("a share")
}

/// The share with its bytes changed, if it is still one.
fn changed(share: &Share, change: impl FnOnce(&mut [u8])) -> Option<Share> {
    let mut bytes = share.encode();
    change(&mut bytes);
    Share::decode(&bytes).ok()
}

/// The holders of these shares, as a ledger would name them.
pub(crate) fn holders(shares: &[Share]) -> Vec<Holder> {
    let holder =
        |(at, share): (usize, &Share)| Holder { name: name(at), commitment: share.commitment() };
    shares.iter().enumerate().map(holder).collect()
}

impl Dealt {
    /// n custodians, of whom k are needed: 2 ≤ k ≤ n and 2k > n, mostly few.
    pub(crate) fn new(random: &mut Random) -> Self {
        let n = if random.one_in(100) { 10 + random.below(11) } else { 2 + random.below(8) };
        let least = (n / 2 + 1).max(2);
        let k = least + random.below(n - least + 1);
        let epoch = 2 + random.below(1000);
        Self::of(SERVICE, u32::try_from(epoch).expect("small"), k, n)
    }

    pub(crate) fn of(service: &str, epoch: u32, k: usize, n: usize) -> Self {
        let threshold = Threshold::new(k, n).expect("possible");
        let id = DealingId { service: service.to_owned(), epoch: Epoch(epoch), threshold };
        let root = Secret::random();
        let shares = split(&id, &root).expect("shares");
        let holders = holders(&shares);
        Self { id, root, shares, holders }
    }

    /// The share of the custodian `at`, said to be theirs.
    pub(crate) fn given(&self, at: usize) -> (Name, Share) {
        (name(at), copy(&self.shares[at]))
    }

    fn recover(&self, given: &Given) -> Result<Secret<32>, SharingError> {
        recover(&self.id, &self.holders, given)
    }

    /// These open the root, and its check value is the ledger's.
    pub(crate) fn must_open(&self, what: &'static str, given: &Given) -> Result<(), Broken> {
        let broken = |why: &str| Err(Broken(format!("{what}: {why}, {}", self.id.threshold)));
        match self.recover(given) {
            Err(error) => broken(&error.to_string()),
            Ok(root) if !root.ct_eq(&self.root) => broken("another secret without an error"),
            Ok(root) => {
                let check = |root| root_check(root, &self.id.service, self.id.epoch);
                if check(&root) == check(&self.root) {
                    Ok(())
                } else {
                    broken("another check value")
                }
            }
        }
    }

    /// These are refused, and the reason names who is at fault.
    pub(crate) fn must_refuse(
        &self,
        what: &'static str,
        given: &Given,
        is_why: impl Fn(&SharingError) -> bool,
    ) -> Result<(), Broken> {
        match self.recover(given) {
            Err(why) if is_why(&why) => Ok(()),
            Err(why) => Err(Broken(format!("{what}: refused for another reason: {why}"))),
            Ok(_) => Err(Broken(format!("{what}: taken, {}", self.id.threshold))),
        }
    }

    /// As if nobody had compared the shares with the ledger: what comes out is not the root.
    fn must_not_be_root(
        &self,
        what: &'static str,
        threshold: Threshold,
        given: &Given,
    ) -> Result<(), Broken> {
        let id = DealingId { threshold, ..self.id.clone() };
        let mut holders = self.holders.clone();
        for (name, share) in given {
            let (name, commitment) = (name.clone(), share.commitment());
            holders[usize::from(share.x()) - 1] = Holder { name, commitment };
        }
        match recover(&id, &holders, given) {
            Ok(root) if root.ct_eq(&self.root) => Err(Broken(format!("{what}: it is the root"))),
            _ => Ok(()),
        }
    }
}

/// The shares sealed to their custodians' keys and opened by them; nobody else opens one, and none
/// opens for another use or damaged.
fn travel(dealt: &mut Dealt, random: &mut Random, tried: &mut Tried) -> Result<(), Broken> {
    let keys: Vec<ReceivingKey> = dealt.shares.iter().map(|_| ReceivingKey::random()).collect();
    for (at, key) in keys.iter().enumerate() {
        let info = format!("CStatNS/ceremony/{at}").into_bytes();
        let sealed = SealedShare::seal(&dealt.shares[at], &key.public(), &info).expect("a key");
        let other = &keys[(at + 1) % keys.len()];
        let mut damaged = serde_json::to_string(&sealed).expect("JSON").into_bytes();
        let place = 1 + random.below(damaged.len() - 2);
        damaged[place] = if damaged[place] == b'0' { b'1' } else { b'0' };
        let damaged: SealedShare = serde_json::from_slice(&damaged).expect("hexadecimal");
        for (what, opened) in [
            ("sealed share and another's key", sealed.open(other, &info)),
            ("sealed share for another use", sealed.open(key, b"CStatNS/other")),
            ("sealed share that is damaged", damaged.open(key, &info)),
        ] {
            *tried.entry(what).or_default() += 1;
            if !matches!(opened, Err(SharingError::Unopened)) {
                return Err(Broken(format!("{what}: it opens")));
            }
        }
        let opened = sealed.open(key, &info);
        dealt.shares[at] = opened.map_err(|error| Broken(format!("a sealed share: {error}")))?;
        *tried.entry("sealed and opened").or_default() += 1;
    }
    Ok(())
}

/// Plays a ceremony, with shares that travel sealed or in memory.
pub(crate) fn play(random: &mut Random, sealed: bool, tried: &mut Tried) -> Result<(), Broken> {
    let mut dealt = Dealt::new(random);
    if sealed {
        travel(&mut dealt, random, tried)?;
    }
    let (k, n) = (dealt.id.threshold.k(), dealt.id.threshold.n());
    let mut order: Vec<usize> = (0..n).collect();
    let mut count = |what: &'static str| {
        *tried.entry(what).or_default() += 1;
        what
    };

    // Honest custodians, in any order: exactly k, and k or more.
    for more in [0, random.below(n - k + 1)] {
        random.shuffle(&mut order);
        let given = order[..k + more].iter().map(|at| dealt.given(*at)).collect();
        dealt.must_open(count("k or more honest"), &given)?;
    }

    // Fewer than k: alone, with one of them twice, and with who has no seat.
    random.shuffle(&mut order);
    let few = || -> Given { order[..k - 1].iter().map(|at| dealt.given(*at)).collect() };
    dealt.must_refuse(count("fewer than k"), &few(), |why| {
        *why == SharingError::TooFew { given: k - 1, needed: k }
    })?;
    let (thief, last) = (order[0], order[k - 1]);
    let with = |name: Name, share: Share| {
        let mut given = few();
        given.push((name, share));
        given
    };
    let (own, share) = dealt.given(thief);
    dealt.must_refuse(
        count("fewer than k, one of them twice"),
        &with(own, share),
        |why| matches!(why, SharingError::Twice { custodian } if *custodian == name(thief)),
    )?;
    dealt.must_refuse(
        count("fewer than k and a stranger"),
        &with(name(n), copy(&dealt.shares[thief])),
        |why| matches!(why, SharingError::NotAHolder { custodian } if *custodian == name(n)),
    )?;
    let swapped = with(name(last), copy(&dealt.shares[thief]));
    dealt.must_refuse(count("fewer than k, one in two names"), &swapped, |why| {
        matches!(why, SharingError::Swapped { custodian, owner }
            if *custodian == name(last) && *owner == name(thief))
    })?;

    // k, of which one lies: a bit of any byte of the share or of its coordinates.
    let length = dealt.shares[last].encode().len();
    let (at, bit) = match random.one_in(2) {
        true => (length - 1 - random.below(32), random.below(8)),
        false => (length - 33, random.below(8)),
    };
    if let Some(lie) = changed(&dealt.shares[last], |bytes| bytes[at] ^= 1 << bit) {
        dealt.must_refuse(
            count("one altered"),
            &with(name(last), copy(&lie)),
            |why| matches!(why, SharingError::Altered { custodian } if *custodian == name(last)),
        )?;
        if lie.x() == dealt.shares[last].x() {
            let what = count("one altered, and no ledger to compare with");
            dealt.must_not_be_root(what, dealt.id.threshold, &with(name(last), lie))?;
        }
    }

    // k, of which one is of another service, another epoch, or another root under these numbers.
    let again = Dealt::of(SERVICE, dealt.id.epoch.0, k, n);
    let foreign = |change: fn(&mut [u8])| {
        let share = changed(&again.shares[last], change);
        with(name(last), share.expect("a share"))
    };
    let service = foreign(|bytes| bytes[bytes.len() - 40] = b'b');
    dealt.must_refuse(
        count("one of another service"),
        &service,
        |why| matches!(why, SharingError::OtherService { custodian } if *custodian == name(last)),
    )?;
    let epoch = foreign(|bytes| {
        let epoch = bytes.len() - 39..bytes.len() - 35;
        let older = u32::from_be_bytes(bytes[epoch.clone()].try_into().expect("four")) - 1;
        bytes[epoch].copy_from_slice(&older.to_be_bytes());
    });
    dealt.must_refuse(
        count("one of an older epoch"),
        &epoch,
        |why| matches!(why, SharingError::OtherEpoch { custodian, .. } if *custodian == name(last)),
    )?;
    let root = foreign(|_| {});
    dealt.must_refuse(
        count("one of another root"),
        &root,
        |why| matches!(why, SharingError::Altered { custodian } if *custodian == name(last)),
    )?;
    let what = count("one of another root, and no ledger to compare with");
    dealt.must_not_be_root(what, dealt.id.threshold, &root)?;

    // Fewer than k who combine what they have by themselves.
    if k > 2 {
        let threshold = Threshold::new(k - 1, n).expect("possible");
        let relabel = |(name, share): (Name, Share)| {
            let share = changed(&share, |bytes| {
                let at = bytes.len() - 35;
                bytes[at] -= 1;
            });
            (name, share.expect("a share"))
        };
        let given = few().into_iter().map(relabel).collect();
        let what = count("fewer than k who combine by themselves");
        dealt.must_not_be_root(what, threshold, &given)?;
    }
    Ok(())
}
