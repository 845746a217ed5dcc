//! What custodians do between runs: another root in other shares, and another key that the service
//! signs with.

use cstatns::custody::custodian::Kit;
use cstatns::service::{ServiceError, read_service_card};

use super::time::Years;
use super::world::World;

/// The receipts that a dealing waits for.
fn receive(world: &World) -> Result<(), ServiceError> {
    for directory in &world.kits {
        let own = Kit::card_in(directory).unwrap().body.name;
        let ledger = world.ledger();
        let pending = ledger.state.pending_epoch();
        if pending.is_some_and(|(_, pending)| pending.missing().contains(&own)) {
            let receipt = world.accept(directory);
            world.try_open()?.receipt(receipt)?;
        }
    }
    Ok(())
}

impl Years {
    /// Every key is sealed under another root; the former shares open none any more.
    pub(crate) fn deal(&mut self) {
        if !self.is_well() {
            return;
        }
        let working = |world: &World| world.ledger().state.working_epoch().unwrap().0;
        let before = working(&self.world);
        let outcome = self.at_service(|world| {
            drop(world.try_open()?);
            if working(world) == before && world.ledger().state.pending_epoch().is_none() {
                world.deal()?;
            }
            receive(world)
        });
        self.is_refused("deal", true, outcome);
        self.hold(working(&self.world) > before, "the new shares do not work");
        self.stats.count("a dealing is made");
    }

    /// The service signs with another key.
    pub(crate) fn rekey(&mut self) {
        if !self.is_well() {
            return;
        }
        let before = self.card();
        let outcome = self.at_service(|world| {
            drop(world.try_open()?);
            let card = read_service_card(&world.home().join("card.json")).unwrap();
            if card == before { world.rekey() } else { Ok(()) }
        });
        self.is_refused("rekey", true, outcome);
        let present = read_service_card(&self.world.home().join("card.json")).unwrap();
        self.hold(present != before, "the service has its former key");
        self.cards.insert(0, present);
        self.stats.count("the service has another key");
    }
}
