//! Clients that speak JSON: what they say, and what they are told in place of binary frames.

use std::time::Instant;

use bytes::Bytes;
use serde_json::{Value, json};

use super::{Effect, RoomState, Updates};
use crate::error::{Code, RealtimeError};
use crate::ids::ClientId;
use crate::protocol::awareness::{GONE, Presence};
use crate::protocol::control::{self, ClientText};
use crate::protocol::frame::Frame;
use crate::protocol::json::{self, JsonPresence, Participant};
use crate::protocol::update::check_update;

impl RoomState {
    /// A text frame of one client.
    pub fn receive_text(&mut self, client: ClientId, text: &str, now: Instant, now_ms: i64) -> Vec<Effect> {
        let mut effects = Vec::new();
        let heard = match ClientText::decode(text) {
            Ok(ClientText::Ping) => {
                effects.push(Effect::Send(client, control::pong(now_ms)));
                Ok(())
            }
            Ok(ClientText::Hello(protocol)) => self.hello(client, &protocol, &mut effects),
            Ok(ClientText::Sync) => {
                json::decode_sync(text).map(|sync| self.take_json_update(client, sync, &mut effects, now))
            }
            Ok(ClientText::Presence) => json::decode_presence(text)
                .map(|presence| self.take_json_presence(client, presence, &mut effects)),
            Ok(ClientText::Unknown(kind)) => Err(format!(
                "no message of type {kind:?} is known here; known: \"ping\", \"hello\", \"sync\", \"presence\""
            )),
            Err(problem) => Err(problem),
        };
        if let Err(problem) = heard {
            let error = RealtimeError::new(Code::InvalidMessage, problem);
            effects.push(Effect::Send(client, control::error(&error)));
        }
        effects
    }

    /// Whether this client is told of changes in JSON.
    pub fn speaks_json(&self, client: ClientId) -> bool {
        self.seats.get(&client).is_some_and(|seat| seat.member.speaks_json)
    }

    /// A change as JSON; its version is that of the document after it.
    pub fn json_update(&self, update: &[u8], author: ClientId) -> Frame {
        json::sync(update, self.document.generation(), Some(author))
    }

    /// A presence state as JSON.
    pub fn json_presence(&self, presence: &Presence) -> Frame {
        json::presence_state(presence, self.presence.user_of(presence.client))
    }

    fn hello(&mut self, client: ClientId, protocol: &str, effects: &mut Vec<Effect>) -> Result<(), String> {
        if protocol != json::NAME {
            return Err(format!("the protocol {protocol:?} is not spoken here; known: {:?}", json::NAME));
        }
        let Some(seat) = self.seats.get_mut(&client) else { return Ok(()) };
        let said_before = std::mem::replace(&mut seat.member.speaks_json, true);
        if !said_before {
            seat.member.reads_text = true;
            let ack = control::ack(&self.id, client, &seat.member.user, seat.member.read_only);
            effects.push(Effect::Send(client, ack));
        }
        self.send_room_state(client, effects);
        Ok(())
    }

    /// The whole state for a client that speaks JSON.
    pub(super) fn send_room_state(&mut self, client: ClientId, effects: &mut Vec<Effect>) {
        let participants: Vec<_> = self.seats.keys().filter_map(|client| self.participant(*client)).collect();
        let version = self.document.generation();
        match self.document.state() {
            Ok(state) => {
                let frame = json::room_state(&self.id, &participants, &state, version);
                effects.push(Effect::Send(client, frame));
            }
            Err(error) => effects.push(Effect::Fail(error.to_string())),
        }
    }

    /// Tells all others that speak JSON that somebody came or went.
    pub(super) fn tell_json_of(&self, event: &str, client: ClientId, effects: &mut Vec<Effect>) {
        let Some(who) = self.participant(client) else { return };
        let others = self.seats.iter().filter(|(other, seat)| **other != client && seat.member.speaks_json);
        let mut frame = None;
        for (other, _) in others {
            let frame = frame.get_or_insert_with(|| json::presence(event, &who));
            effects.push(Effect::Send(*other, frame.clone()));
        }
    }

    fn participant(&self, client: ClientId) -> Option<Participant> {
        let user = &self.seats.get(&client)?.member.user;
        let shown = self.presence.shown_by(client).and_then(|presence| {
            let state: Value = serde_json::from_str(&presence.state).ok()?;
            state.get("user").cloned()
        });
        let said = |field: &str| Some(shown.as_ref()?.get(field)?.as_str()?.to_owned());
        Some(Participant {
            id: user.id.clone(),
            name: said("name").or_else(|| user.name.clone()).unwrap_or_else(|| user.id.to_string()),
            color: said("color").unwrap_or_else(|| json::color_of(&user.id).to_owned()),
        })
    }

    fn take_json_update(
        &mut self,
        client: ClientId,
        sync: json::Sync,
        effects: &mut Vec<Effect>,
        now: Instant,
    ) {
        let json::Sync { update, version } = sync;
        if let Err(error) = check_update(&update) {
            return self.refuse(client, &format!("the update {error}"), effects);
        }
        // A client that builds on an old version lacks changes; what it says is merged all the same.
        let is_stale = version.is_some_and(|version| version < self.document.generation());
        let mut updates = Updates::default();
        self.take_update(client, update, false, &mut updates, effects, now);
        self.apply(client, updates, effects);
        if is_stale {
            self.send_room_state(client, effects);
        }
    }

    fn take_json_presence(&mut self, client: ClientId, presence: JsonPresence, effects: &mut Vec<Effect>) {
        match presence {
            JsonPresence::Awareness(states) => self.take_presence(client, &states, effects),
            JsonPresence::State { name, color, cursor } => {
                let Some(participant) = self.participant(client) else { return };
                let state = json!({
                    "user": {
                        "id": participant.id,
                        "name": name.unwrap_or(participant.name),
                        "color": color.unwrap_or(participant.color),
                    },
                    "cursor": cursor,
                });
                self.show(client, &state.to_string(), effects);
            }
            JsonPresence::Left => self.show(client, GONE, effects),
        }
    }

    /// Presence of a client that has no Yjs document, and so no client id there: it gets one here.
    fn show(&mut self, client: ClientId, state: &str, effects: &mut Vec<Effect>) {
        let Some(seat) = self.seats.get_mut(&client) else { return };
        seat.json_clock += 1;
        let presence = Presence { client: client.as_yjs(), clock: seat.json_clock, state: state.into() };
        let user = seat.member.user.id.clone();
        self.spread_presence(client, &user, vec![presence], effects);
    }

    /// The frame that brings a client that was behind up to date.
    pub(super) fn catch_up_frame(&self, client: ClientId, diff: &Bytes) -> Frame {
        if self.speaks_json(client) {
            json::sync(diff, self.document.generation(), None)
        } else {
            crate::protocol::sync::update(diff)
        }
    }
}
