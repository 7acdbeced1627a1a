//! What clients ask for: answered once for all that came together, and not while much waits to be written.
//!
//! A question has a few bytes, and its answer as many as the document or everybody's presence. Whoever asked a
//! thousand times, and read nothing, would have as many answers kept.

use bytes::Bytes;

use super::{Effect, RoomState, has_failed};
use crate::ids::ClientId;

/// What a client asked for since it was answered.
#[derive(Debug, Default)]
pub(super) struct Asked {
    /// What it lacks, beside what it said last that it has.
    pub(super) state_vector: Option<Bytes>,
    /// Who is here.
    pub(super) presence: bool,
    /// The same, in JSON.
    pub(super) people: bool,
}

impl RoomState {
    /// So much waits for this client that it is not answered before [`RoomState::answer_held`].
    pub fn hold_answers(&mut self, client: ClientId) {
        if let Some(seat) = self.seats.get_mut(&client) {
            seat.is_held = true;
        }
    }

    /// Whether this client is to be answered yet.
    pub fn owes_answers(&self, client: ClientId) -> bool {
        self.seats.get(&client).is_some_and(|seat| {
            let Asked { state_vector, presence, people } = &seat.asked;
            seat.state_owed || *presence || *people || state_vector.is_some()
        })
    }

    /// What waited for this client is written.
    pub fn answer_held(&mut self, client: ClientId) -> Vec<Effect> {
        let mut effects = Vec::new();
        if let Some(seat) = self.seats.get_mut(&client) {
            seat.is_held = false;
            self.answer_asked(client, &mut effects);
        }
        effects
    }

    pub(super) fn asked_by(&mut self, client: ClientId, note: impl FnOnce(&mut Asked)) {
        if let Some(seat) = self.seats.get_mut(&client) {
            note(&mut seat.asked);
        }
    }

    /// Answers what this client asked for.
    pub(super) fn answer_asked(&mut self, client: ClientId, effects: &mut Vec<Effect>) {
        let Some(seat) = self.seats.get_mut(&client).filter(|seat| !seat.is_held) else { return };
        if has_failed(effects) {
            return;
        }
        let Asked { state_vector, presence, people } = std::mem::take(&mut seat.asked);
        if let Some(state_vector) = state_vector {
            match self.answer(&state_vector) {
                Ok(answer) => effects.push(Effect::Send(client, answer)),
                Err(error) => self.refuse(client, &error.to_string(), effects),
            }
        }
        if presence {
            self.send_presence(client, effects);
        }
        self.send_state_owed(client, effects);
        if people {
            self.send_people(client, effects);
        }
    }
}
