//! What clients show of themselves, and who gets to see it.

use super::{Effect, RoomState};
use crate::ids::{ClientId, UserId};
use crate::protocol::awareness::{self, Presence};
use crate::protocol::sync;

impl RoomState {
    pub(super) fn take_presence(&mut self, client: ClientId, states: &[u8], effects: &mut Vec<Effect>) {
        let Some(seat) = self.seats.get(&client) else { return };
        let user = seat.member.user.id.clone();
        match awareness::decode(states) {
            Ok(states) => self.spread_presence(client, &user, states, effects),
            Err(error) => self.refuse(client, &error.to_string(), effects),
        }
    }

    pub(super) fn spread_presence(
        &mut self,
        client: ClientId,
        user: &UserId,
        states: Vec<Presence>,
        effects: &mut Vec<Effect>,
    ) {
        let changes = self.presence.receive(client, user, states);
        let to_sender = if self.presence_is_shared {
            effects.extend(changes.changed.into_iter().map(Effect::Presence));
            changes.challenge
        } else {
            [changes.changed, changes.challenge].concat()
        };
        if !to_sender.is_empty() && !self.speaks_json(client) {
            let states = awareness::encode(to_sender.iter());
            effects.push(Effect::Send(client, sync::awareness(&states)));
        }
    }

    pub(super) fn send_presence(&self, client: ClientId, effects: &mut Vec<Effect>) {
        if self.presence_is_shared && !self.presence.is_empty() {
            let all = self.presence.all();
            let states = awareness::encode(all.iter().copied());
            effects.push(Effect::Send(client, sync::awareness(&states)));
        }
    }
}
