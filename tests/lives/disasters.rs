//! What goes wrong in a life. Another disaster is a line of the table; it returns whether it could
//! strike.

use std::fs;
use std::path::Path;
#[cfg(all(cstatns_faults, debug_assertions))]
use std::path::PathBuf;

use cstatns::custody::custodian::Kit;
use cstatns::service::{Clock as _, Service};
use cstatns::state::read_ledger;
use jiff::SignedDuration;

use crate::acts::{ACTS, rekey};
use crate::common::copy::copy_tree;
#[cfg(all(cstatns_faults, debug_assertions))]
use crate::common::crash::Fault;
use crate::common::scratch;
use crate::life::{DAY, Life};
use crate::stops::Stop;

pub(crate) struct Disaster {
    pub name: &'static str,
    pub weight: usize,
    /// Whether the service can tell that it has happened.
    pub is_told: bool,
    pub strikes: fn(&mut Life) -> bool,
}

const fn disaster(name: &'static str, weight: usize, strikes: fn(&mut Life) -> bool) -> Disaster {
    Disaster { name, weight, is_told: true, strikes }
}

pub(crate) const DISASTERS: [Disaster; 16] = [
    disaster("old backup", 6, old_backup),
    disaster("old backup, nothing else is left", 4, old_backup_alone),
    Disaster {
        is_told: false,
        ..disaster("old backup, with life secrets", 9, old_backup_with_life)
    },
    disaster("lost in the middle of a run", 6, lost_amid),
    disaster("mirror in place of the home", 3, mirror_in_place),
    disaster("older keys", 3, older_keys),
    disaster("places of life secrets lost", 2, life_lost),
    disaster("mirror lost", 4, mirror_lost),
    disaster("a place is away", 3, place_away),
    disaster("older kit", 5, older_kit),
    disaster("kit lost", 5, kit_lost),
    disaster("clock ahead", 5, clock_ahead),
    disaster("clock years ahead", 2, clock_years_ahead),
    disaster("clock behind", 4, clock_behind),
    disaster("signing key lost", 3, key_lost),
    disaster("signing key stolen", 4, key_stolen),
];

/// How often a command looks at the clock, about.
const LOOKS: usize = 24;

impl Life {
    /// How a command is stopped.
    pub(crate) fn stop(&mut self) -> Stop {
        #[cfg(all(cstatns_faults, debug_assertions))]
        if !self.random.one_in(6) {
            let (under, fault) = self.fault();
            return Stop::Storage(under, fault);
        }
        self.death()
    }

    /// The whole machine stops.
    pub(crate) fn halt(&mut self, least: usize, steps: usize) -> Stop {
        #[cfg(all(cstatns_faults, debug_assertions))]
        if !self.random.one_in(6) {
            let step = least + self.random.below(steps);
            return Stop::Storage(self.world.directory.path().to_owned(), Fault::Stop(step));
        }
        let _ = (least, steps);
        self.death()
    }

    fn death(&mut self) -> Stop {
        Stop::Clock(u32::try_from(self.random.below(LOOKS)).unwrap())
    }

    /// How the storage of a command is disturbed, and under which directory.
    #[cfg(all(cstatns_faults, debug_assertions))]
    fn fault(&mut self) -> (PathBuf, Fault) {
        let places = ["", "", "", "home", "home/keys", "custodians", "mirror", "life-1"];
        let place = places[self.random.below(places.len())];
        let step = self.random.below(if place.len() > 4 { 12 } else { 70 });
        let fault = match self.random.below(5) {
            0..=2 => Fault::Stop(step),
            3 => Fault::Fail(step, std::io::ErrorKind::StorageFull),
            _ => Fault::Tear(step, self.random.below(300)),
        };
        (self.world.directory.path().join(place), fault)
    }

    /// The home is lost, and a backup put back.
    fn put_back(&mut self, with_life: bool) {
        let (home, at) = (self.world.home(), self.random.below(self.backups.len()));
        fs::remove_dir_all(&home).unwrap();
        copy_tree(self.backups[at].path(), &home);
        if !with_life && home.join("life").exists() {
            fs::remove_dir_all(home.join("life")).unwrap();
        }
    }

    fn lose(&self, place: &Path) {
        if place.exists() {
            fs::remove_dir_all(place).unwrap();
        }
    }
}

fn old_backup(life: &mut Life) -> bool {
    life.put_back(false);
    true
}

/// The places of life secrets and the mirror are lost too.
fn old_backup_alone(life: &mut Life) -> bool {
    life.put_back(false);
    for place in life.places() {
        life.lose(&place);
    }
    true
}

/// A run is stopped, and before anybody has looked the home is lost, alone or with all copies.
fn lost_amid(life: &mut Life) -> bool {
    life.choose();
    let (run, stop) = (life.random.below(4), life.halt(20, 50));
    let clock = life.world.clock.clone();
    let _ = stop.during(&clock, || (ACTS[[0, 2, 4, 6][run]].run)(life));
    life.look_amid();
    if life.random.one_in(2) { old_backup(life) } else { old_backup_alone(life) }
}

/// A backup that holds what it must not: the home cannot know that it is old.
fn old_backup_with_life(life: &mut Life) -> bool {
    if !life.world.life.is_empty() || life.mirror.is_some() {
        return false;
    }
    life.put_back(true);
    true
}

fn mirror_in_place(life: &mut Life) -> bool {
    let Some(mirror) = life.mirror.clone() else { return false };
    let home = life.world.home();
    let identity = fs::read(home.join("identity")).unwrap();
    fs::remove_dir_all(&home).unwrap();
    copy_tree(&mirror, &home);
    fs::remove_file(home.join("cstatns-mirror")).unwrap();
    // It lies in the safe, or is lost with the home.
    if !life.random.one_in(3) {
        fs::write(home.join("identity"), identity).unwrap();
    }
    true
}

fn older_keys(life: &mut Life) -> bool {
    let keys = life.world.home().join("keys");
    let backup = life.random.below(life.backups.len());
    fs::remove_dir_all(&keys).unwrap();
    copy_tree(&life.backups[backup].path().join("keys"), &keys);
    true
}

fn life_lost(life: &mut Life) -> bool {
    let mut places = life.world.lives();
    life.random.shuffle(&mut places);
    places.truncate(1 + life.random.below(2));
    for place in places {
        life.lose(&place);
    }
    true
}

fn mirror_lost(life: &mut Life) -> bool {
    let mirror = life.mirror.clone();
    mirror.inspect(|mirror| life.lose(mirror)).is_some()
}

fn place_away(life: &mut Life) -> bool {
    let mut places = life.world.life.clone();
    places.extend(life.mirror.clone());
    let Some(place) = life.random.of(&places) else { return false };
    let away = life.world.path("away");
    fs::rename(&place, &away).unwrap();
    life.away = Some((place, away));
    true
}

/// A custodian uses an older copy of their kit. No more than n - k do, or were left behind.
fn older_kit(life: &mut Life) -> bool {
    let stale = life.honest().into_iter().filter(|kit| life.is_stale(*kit)).count();
    let Some((kit, copy)) = life.old_kits.pop() else { return false };
    let known = life.cut.contains(&kit) || life.is_stale(kit);
    // One from before the shares in use is lost, not old: a dealing replaces it.
    let working = life.state().working_epoch().unwrap().0;
    let old = Kit::open(copy.path(), None).unwrap();
    let pending = life.state().pending_epoch().map(|(epoch, _)| epoch);
    let known = known || !old.holds_share(working);
    // So is one from before the share that it has stated to hold meanwhile.
    let lacks = |epoch| life.kit(kit).holds_share(epoch) && !old.holds_share(epoch);
    if known || pending.is_some_and(lacks) || stale + life.cut.len() >= life.n() - life.k {
        return false;
    }
    let place = life.custodians[kit].clone();
    fs::remove_dir_all(&place).unwrap();
    copy_tree(copy.path(), &place);
    true
}

/// A custodian loses their kit and its copies; their card is public. No more than n - k are without
/// one, use an older one, or were left behind.
fn kit_lost(life: &mut Life) -> bool {
    let honest = life.honest();
    let (stale, fresh): (Vec<usize>, Vec<usize>) =
        honest.into_iter().partition(|kit| life.is_stale(*kit));
    if stale.len() + life.cut.len() >= life.n() - life.k {
        return false;
    }
    let kit = life.random.of(&fresh).unwrap();
    let place = life.custodians[kit].clone();
    let card = fs::read(place.join("card.json")).unwrap();
    fs::remove_dir_all(&place).unwrap();
    fs::create_dir(&place).unwrap();
    fs::write(place.join("card.json"), card).unwrap();
    life.cut.insert(kit);
    life.old_kits.retain(|(of, _)| *of != kit);
    true
}

fn clock_ahead(life: &mut Life) -> bool {
    let days = life.random.of(&[1, 2, 5, 20, 39, 60, 200]).unwrap();
    life.set_clock(DAY * days + SignedDuration::from_hours(3));
    let _ = life.world.try_open().and_then(|mut service| service.expire());
    life.look_amid();
    true
}

fn clock_years_ahead(life: &mut Life) -> bool {
    life.set_clock(DAY * 3652);
    true
}

fn clock_behind(life: &mut Life) -> bool {
    let days = life.random.of(&[1, 2, 5, 20, 39, 60, 200, 700]).unwrap();
    life.set_clock(-(DAY * days) - SignedDuration::from_hours(3));
    true
}

fn key_lost(life: &mut Life) -> bool {
    fs::remove_file(life.world.home().join("identity")).unwrap();
    true
}

/// A thief signs another ledger with the key, and perhaps misleads one custodian; then another key
/// takes its place. Who has seen that refuses the thief's.
fn key_stolen(life: &mut Life) -> bool {
    // A thief has not the places that lie elsewhere.
    if !life.world.life.is_empty() || life.mirror.is_some() {
        return false;
    }
    let thief = scratch();
    copy_tree(&life.world.home(), thief.path());
    let Ok((mut service, _)) = Service::open(thief.path(), life.world.clock.clone()) else {
        return false;
    };
    for _ in 0..=life.random.below(4) {
        service.record_refusal("code", "unfinished").unwrap();
    }
    let card = service.card().clone();
    drop(service);
    let fork = read_ledger(&thief.path().join("ledger.jsonl"), &card).unwrap();
    let now = life.world.clock.now();
    let mut honest = life.honest();
    let stale = honest.iter().filter(|kit| life.is_stale(**kit)).count();
    life.random.shuffle(&mut honest);
    if life.random.one_in(2) && stale + life.cut.len() < life.n() - life.k {
        let misled = honest[0];
        if !life.is_stale(misled) && life.kit(misled).check(fork.view(), now).is_ok() {
            life.cut.insert(misled);
            life.stats.count("seen", "misled by a thief");
        }
    }
    life.choose();
    if let Err(error) = rekey(life) {
        life.fail(format!("a stolen key is not replaced: {error}"));
    }
    let ledger = life.world.ledger();
    for kit in life.honest() {
        if let Err(error) = life.kit(kit).check(ledger.view(), now) {
            life.fail(format!("custodian {} does not follow: {error}", kit + 1));
        }
        if life.kit(kit).check(fork.view(), now).is_ok() {
            life.fail(format!("custodian {} follows a thief", kit + 1));
        }
    }
    life.look();
    true
}
