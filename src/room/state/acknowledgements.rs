//! What a client hears of the updates it sent: that they are in, and what of them has not come yet.

use std::slice;

use bytes::Bytes;

use super::{AckMode, Acknowledgement, Effect, RoomState, Seat, Updates, has_failed};
use crate::document::{Applied, ApplyError};
use crate::ids::ClientId;
use crate::protocol::json;
use crate::protocol::sync;

/// The most frames of one client that wait for an answer to our step 1 before they are acknowledged.
pub(super) const UNACKNOWLEDGED_FRAMES_MAX: usize = 1_024;

/// The most bytes that these have; a single one is kept whatever it has.
pub(super) const UNACKNOWLEDGED_BYTES_MAX: usize = 1 << 20;

impl Seat {
    /// Keeps updates of which something was left out; if they are too many, nothing is called saved any more until
    /// this client has sent all that it has.
    fn owe(&mut self, updates: &[Bytes]) {
        let mut bytes: usize = self.owed.iter().map(Bytes::len).sum();
        for update in updates {
            bytes += update.len();
            let fits = self.owed.len() < UNACKNOWLEDGED_FRAMES_MAX && bytes <= UNACKNOWLEDGED_BYTES_MAX;
            if !fits && !self.owed.is_empty() {
                self.lacks = true;
                return;
            }
            self.owed.push(update.clone());
        }
    }
}

impl RoomState {
    /// Follows up on updates that the document has taken.
    pub(super) fn applied(
        &mut self,
        client: ClientId,
        updates: &Updates,
        applied: Applied,
        effects: &mut Vec<Effect>,
    ) {
        if let Some(update) = applied.change {
            self.changed(client, update, effects);
        }
        if let Some(problem) = &applied.refused {
            return match updates.payloads.len() {
                1 => self.refuse(client, problem, effects),
                // One of several: the others are in, and are only to be acknowledged.
                _ => self.apply_each(client, updates, effects),
            };
        }
        let answers = updates.answer_at.is_some();
        let Some(seat) = self.seats.get_mut(&client) else { return };
        let speaks_json = seat.member.speaks_json;
        // Who has just sent all that it has lacks the rest itself: to ask again would never end.
        if applied.incomplete && (speaks_json || !answers) {
            return self.left_out(client, updates, effects);
        }
        seat.lacks &= !answers;
        let come = match (answers, speaks_json) {
            (true, _) => std::mem::take(&mut seat.owed),
            (false, true) => self.take_what_has_come(client, effects),
            (false, false) => Vec::new(),
        };
        if !has_failed(effects) {
            self.acknowledge(client, come.iter().chain(&updates.payloads), effects);
        }
    }

    fn changed(&mut self, author: ClientId, update: Bytes, effects: &mut Vec<Effect>) {
        self.forget_answers();
        let frame = sync::update(&update);
        effects.push(Effect::Change { update, author, frame });
    }

    /// Something was left out of these updates: it is asked for, and until it comes they are not called saved.
    fn left_out(&mut self, client: ClientId, updates: &Updates, effects: &mut Vec<Effect>) {
        let Some(seat) = self.seats.get_mut(&client) else { return };
        let is_owed = if seat.member.speaks_json {
            seat.state_owed = true;
            seat.member.ack != AckMode::None
        } else {
            effects.push(Effect::Send(client, sync::step1(&self.document.state_vector())));
            seat.lacks = true;
            seat.member.ack == AckMode::Echo
        };
        if is_owed {
            seat.owe(&updates.payloads);
        }
    }

    /// These updates are in whole.
    fn acknowledge<'a>(
        &self,
        client: ClientId,
        updates: impl Iterator<Item = &'a Bytes>,
        effects: &mut Vec<Effect>,
    ) {
        let Some(seat) = self.seats.get(&client) else { return };
        let speaks_json = seat.member.speaks_json;
        match seat.member.ack {
            AckMode::None => {}
            AckMode::Saved if seat.lacks || (speaks_json && !seat.owed.is_empty()) => {}
            AckMode::Saved => effects.push(Effect::Acknowledge(client, Acknowledgement::Saved)),
            AckMode::Echo => effects.extend(updates.map(|update| {
                let echo = if speaks_json {
                    json::sync(update, self.document.generation(), Some(client))
                } else {
                    sync::update(update)
                };
                Effect::Acknowledge(client, Acknowledgement::Echo(echo))
            })),
        }
    }

    /// Of what is owed to a client that speaks JSON, the updates of which nothing is missing any more. It sends no
    /// step 2 to say so: each is looked for, and applied once more for what it deletes.
    fn take_what_has_come(&mut self, client: ClientId, effects: &mut Vec<Effect>) -> Vec<Bytes> {
        let Some(seat) = self.seats.get_mut(&client) else { return Vec::new() };
        let (mut come, mut owed) = (Vec::new(), Vec::new());
        for update in std::mem::take(&mut seat.owed) {
            let is_here = self.document.leads_up_to(&update) && self.document.growth_by(&update) == 0;
            match is_here.then(|| self.document.apply(slice::from_ref(&update))) {
                Some(Ok(Applied { change, incomplete: false, .. })) => {
                    if let Some(change) = change {
                        self.changed(client, change, effects);
                    }
                    come.push(update);
                }
                Some(Err(ApplyError::Broken(problem))) => {
                    effects.push(Effect::Fail { problem, culprit: Some(client) });
                    return Vec::new();
                }
                _ => owed.push(update),
            }
        }
        if let Some(seat) = self.seats.get_mut(&client) {
            seat.owed = owed;
        }
        come
    }
}
