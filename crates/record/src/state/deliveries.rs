//! Requests, each used once, and the deliveries that they become (SPEC §12).

use std::collections::BTreeMap;

use cstatns_base::commitment::Commitment;
use cstatns_base::delivery::{DeliveryId, DeliveryName};
use cstatns_base::name::Name;

use crate::ledger::History;
use crate::ledger::event::Destroyed;
use crate::proposal::{Action, Input, RunId, are_requests};
use crate::received::{Received, SignedReceived};

use super::limits::check_input;
use super::{Delivery, Refusal, State, Unlawful};

impl State {
    /// Each request by itself, and that none was coded or renewed before: two results with the same
    /// indexes would relate their codes.
    pub(super) fn check_requests(&self, inputs: &[Input], minimum: u32) -> Result<(), Refusal> {
        if !are_requests(inputs) {
            return Err(Refusal::Requests);
        }
        inputs.iter().try_for_each(|input| check_input(input, minimum))?;
        if inputs.iter().any(|input| self.recoveries.requests.contains(&input.commitment)) {
            return Err(Refusal::RequestMayBeSpent);
        }
        match inputs.iter().find_map(|input| self.spent.get(&input.commitment)) {
            Some(delivery) => Err(Refusal::RequestSpent { delivery: self.named(*delivery) }),
            None => Ok(()),
        }
    }

    /// Whether a delivery may be stated delivered, or lost.
    ///
    /// # Errors
    /// [`Refusal::UnknownDelivery`], [`Refusal::AlreadyDelivered`], [`Refusal::DeliveryLost`];
    /// [`Refusal::Unfinished`] while a destruction is owed.
    pub fn check_delivered(&self, delivery: &DeliveryId) -> Result<(), Refusal> {
        let delivery = self.deliveries.get(delivery).ok_or(Refusal::UnknownDelivery)?;
        if delivery.delivered {
            return Err(Refusal::AlreadyDelivered);
        }
        if delivery.lost.is_some() {
            return Err(Refusal::DeliveryLost);
        }
        // One destruction is owed at a time; the delivery owes that of the service's copy.
        if !self.owed.is_empty() { Err(Refusal::Unfinished) } else { Ok(()) }
    }

    /// Whether a receipt is of a delivery, with the rows and commitments that the ledger has of it.
    ///
    /// # Errors
    /// [`Refusal::OtherReceived`]; those of [`State::check_delivered`].
    pub fn check_received(
        &self,
        delivery: &DeliveryId,
        received: &Received,
    ) -> Result<(), Refusal> {
        self.check_delivered(delivery)?;
        self.check_is_of(delivery, received)?;
        match self.deliveries.get(delivery).is_some_and(|made| made.recipient.is_some()) {
            true => Err(Refusal::ReceivedUnsigned),
            false => Ok(()),
        }
    }

    /// The same of one that is signed: by the party that the delivery went to, or where it was
    /// handed out in clear, by one that results of the domain go to. A delivery that was stated
    /// delivered may still be signed for.
    ///
    /// # Errors
    /// [`Refusal::ReceivedBy`], [`Refusal::ReceivedForked`]; those of a party without roles, and as
    /// [`State::check_received`].
    pub fn check_signed(
        &self,
        delivery: &DeliveryId,
        receipt: &SignedReceived,
        history: &History,
    ) -> Result<(), Refusal> {
        let made = self.deliveries.get(delivery).ok_or(Refusal::UnknownDelivery)?;
        if !made.delivered || made.receipt.is_some() {
            self.check_delivered(delivery)?;
        }
        let received = &receipt.body;
        self.check_is_of(delivery, received)?;
        let (Some(by), Some(note)) = (&received.by, &received.checkpoint) else {
            return Err(Refusal::ReceivedUnsigned);
        };
        match &made.recipient {
            Some(recipient) if recipient != by => return Err(Refusal::ReceivedBy),
            Some(_) => {}
            None => self.check_recipient(by, &made.domain)?,
        }
        let party = self.party(by)?;
        if !receipt.is_known_by(&party.card.body.signing, &self.proved) {
            return Err(Refusal::ReceivedBy);
        }
        let head = self.service_keys.head_of(note.as_bytes()).ok();
        match head.is_some_and(|head| history.includes(&head)) {
            true => Ok(()),
            false => Err(Refusal::ReceivedForked),
        }
    }

    fn check_is_of(&self, delivery: &DeliveryId, received: &Received) -> Result<(), Refusal> {
        let made = self.deliveries.get(delivery).ok_or(Refusal::UnknownDelivery)?;
        let same = received.is_known()
            && received.service == self.service().id()
            && received.delivery == *delivery
            && (&received.domain, received.generation) == (&made.domain, made.generation)
            && (received.request, received.result) == (made.request, made.result)
            && received.rows == made.rows;
        if same { Ok(()) } else { Err(Refusal::OtherReceived) }
    }

    pub(super) fn coded(
        &mut self,
        id: DeliveryId,
        (rows, rechecked): (u64, Option<u64>),
        result: Commitment,
        renewed: bool,
    ) -> Result<(), Unlawful> {
        let pending = self.pending.as_mut().filter(|pending| pending.question.run == id.run);
        let pending = pending.ok_or(Unlawful::NoIntent)?;
        let (begun, parts) = (pending.begun, pending.question.action.parts());
        let action = &pending.question.action;
        let (from, scheme, look_up) = match action {
            Action::Code { scheme, look_up, .. } if !renewed => (None, Some(*scheme), *look_up),
            Action::Renew { from, .. } if renewed => (Some(*from), None, None),
            _ => return Err(Unlawful::NoIntent),
        };
        let (Action::Code { domain, generation, purpose, inputs, .. }
        | Action::Renew { domain, generation, purpose, inputs, .. }) = action
        else {
            return Err(Unlawful::NoIntent);
        };
        let (domain, generation, purpose) = (domain.clone(), *generation, purpose.clone());
        let (request_kept, recipient) = (action.keeps_request(), action.recipient().copied());
        // Each part in its turn: the last one ends the run.
        if id.part != pending.made + 1 {
            return Err(Unlawful::Part);
        }
        let input = inputs.get(id.part as usize - 1).ok_or(Unlawful::Part)?;
        let (request, sent) = (input.commitment, input.sent);
        if input.rows != rows {
            return Err(Unlawful::Rows);
        }
        // A row without a value has no code that could be recomputed.
        if rechecked.is_some_and(|rechecked| rechecked > input.values) {
            return Err(Unlawful::Rechecked);
        }
        // A request key serves no longer than the last request of the run that names it. Where a
        // run failed before that, the rest may be asked for again.
        let is_needed = |key| {
            let mut later = inputs[id.part as usize..].iter().filter_map(|input| input.sent);
            later.any(|sent| sent.key == key)
        };
        let used = sent.map(|sent| sent.key).filter(|key| !is_needed(*key));
        // A run that was cut short has not renewed all that it names.
        let former = match action {
            Action::Renew { of: Some(of), .. } if id.part == parts => of.clone(),
            _ => Vec::new(),
        };
        pending.made = id.part;
        if id.part == parts {
            self.take_pending(&id.run)?;
        }
        if self.spent.insert(request, id).is_some() {
            return Err(Refusal::RequestSpent { delivery: self.named(id) }.into());
        }
        let (made, event) = (self.time, self.events);
        let (delivered, receipt, destroyed, lost, renewed) = (false, None, false, None, false);
        let sender = sent.map(|sent| sent.sender);
        let delivery = Delivery {
            domain,
            generation,
            purpose,
            from,
            rows,
            request,
            result,
            parts,
            begun,
            made,
            event,
            rechecked,
            request_kept,
            scheme,
            look_up,
            sender,
            recipient,
            delivered,
            receipt,
            destroyed,
            lost,
            renewed,
        };
        for of in former {
            if let Some(delivery) = self.deliveries.get_mut(&of) {
                delivery.renewed = true;
            }
        }
        self.deliveries.insert(id, delivery);
        if !request_kept {
            self.owed.push(Destroyed::request_of(id));
        }
        if let Some(key) = used {
            self.end_request_keys(|known, _| *known == key);
        }
        Ok(())
    }

    pub(super) fn delivered(
        &mut self,
        id: DeliveryId,
        receipt: Option<&SignedReceived>,
        history: &History,
    ) -> Result<(), Unlawful> {
        match receipt {
            Some(receipt) => self.check_signed(&id, receipt, history)?,
            None => self.check_delivered(&id)?,
        }
        let events = self.events;
        let delivery = self.deliveries.get_mut(&id).ok_or(Refusal::UnknownDelivery)?;
        delivery.receipt = receipt.map(|_| events);
        // The copy may have gone with the keys of its project.
        if !std::mem::replace(&mut delivery.delivered, true) && !delivery.destroyed {
            self.owed.push(Destroyed::result_of(id));
        }
        Ok(())
    }

    /// The service's copy was lost before the counterpart had it: the delivery is over.
    pub(super) fn result_lost(&mut self, id: DeliveryId) -> Result<(), Unlawful> {
        self.check_delivered(&id)?;
        let delivery = self.deliveries.get_mut(&id).ok_or(Refusal::UnknownDelivery)?;
        (delivery.destroyed, delivery.lost) = (true, Some(self.events));
        Ok(())
    }

    /// The service's copy went with the keys of its project.
    pub(super) fn unclaimed_destroyed(&mut self, id: DeliveryId) -> Result<(), Unlawful> {
        let is_unclaimed = self.deliveries.get(&id).is_some_and(|made| self.is_unclaimed(made));
        let delivery = self.deliveries.get_mut(&id).filter(|_| is_unclaimed);
        delivery.ok_or(Unlawful::NotOwed)?.destroyed = true;
        Ok(())
    }

    /// Whether nobody said that they have a delivery of a project whose keys are destroyed, and the
    /// service's copy is not destroyed.
    fn is_unclaimed(&self, delivery: &Delivery) -> bool {
        let domain = self.domains.get(&delivery.domain);
        let is_over = domain.is_some_and(|domain| domain.destroyed.is_some());
        is_over && !delivery.delivered && !delivery.destroyed
    }

    /// The deliveries of projects whose keys are destroyed that nobody said they have: the
    /// service's copies go too.
    pub fn unclaimed(&self) -> impl Iterator<Item = &DeliveryId> {
        let unclaimed = self.deliveries.iter().filter(|(_, made)| self.is_unclaimed(made));
        unclaimed.map(|(id, _)| id)
    }

    /// The deliveries, by run and part.
    pub fn deliveries(&self) -> &BTreeMap<DeliveryId, Delivery> {
        &self.deliveries
    }

    /// Those of a domain whose codes are of a former generation and that no later renewal names, in
    /// the order in which they were made: their files are still to be renewed.
    pub fn to_renew(&self, domain: &Name) -> Result<Vec<(&DeliveryId, &Delivery)>, Refusal> {
        let present = self.domain(domain)?.generation();
        let former = self.deliveries.iter().filter(|(_, delivery)| {
            delivery.domain == *domain
                && delivery.generation < present
                && !delivery.renewed
                && delivery.lost.is_none()
        });
        let mut former: Vec<_> = former.collect();
        former.sort_by_key(|(_, delivery)| delivery.event);
        Ok(former)
    }

    /// Those that went to a party which has not signed for them, also of one that has no role any
    /// more, in the order in which they were made.
    pub fn unsigned_for(&self) -> Vec<(&DeliveryId, &Delivery)> {
        let unsigned = self.deliveries.iter().filter(|(_, made)| made.is_unsigned_for());
        let mut unsigned: Vec<_> = unsigned.collect();
        unsigned.sort_by_key(|(_, delivery)| delivery.event);
        unsigned
    }

    /// Those whose result was lost before it was delivered.
    pub fn lost(&self) -> impl Iterator<Item = (&DeliveryId, &Delivery)> {
        self.deliveries.iter().filter(|(_, delivery)| delivery.lost.is_some())
    }

    /// The deliveries of a run, by part.
    pub fn deliveries_of(&self, run: &RunId) -> impl Iterator<Item = (&DeliveryId, &Delivery)> {
        let [first, last] = [0, u32::MAX].map(|part| DeliveryId { run: *run, part });
        self.deliveries.range(first..=last)
    }

    /// The name of a delivery for people: with its part, unless its run has one request.
    pub fn named(&self, delivery: DeliveryId) -> DeliveryName {
        delivery.named(self.deliveries.get(&delivery).map_or(0, |known| known.parts))
    }
}
