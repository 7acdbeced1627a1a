//! Clients that speak JSON: what they say, and what they are told in place of binary frames.

use std::collections::BTreeMap;
use std::time::Instant;

use bytes::Bytes;
use serde_json::{Value, json};

use super::{Effect, RoomState, Updates};
use crate::error::{Code, RealtimeError};
use crate::host::User;
use crate::ids::{ClientId, UserId};
use crate::protocol::awareness::{GONE, Presence, STATE_BYTES_MAX};
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
                .and_then(|presence| self.take_json_presence(client, presence, &mut effects)),
            Ok(ClientText::Unknown(kind)) => Err(format!(
                "no message of type {kind:?} is known here; known: \"ping\", \"hello\", \"sync\", \"presence\""
            )),
            Err(problem) => Err(problem),
        };
        if let Err(problem) = heard {
            let error = RealtimeError::new(Code::InvalidMessage, problem);
            effects.push(Effect::Send(client, control::error(&error)));
        }
        self.answer_asked(client, &mut effects);
        effects
    }

    /// Whether this client is told of changes in JSON.
    pub fn speaks_json(&self, client: ClientId) -> bool {
        self.seats.get(&client).is_some_and(|seat| seat.member.speaks_json)
    }

    /// A change as JSON; its version is that of the document after it.
    pub fn json_update(&self, update: &[u8], author: Option<ClientId>) -> Frame {
        json::sync(update, self.document.generation(), author)
    }

    /// A presence state as JSON.
    pub fn json_presence(&self, presence: &Presence) -> Frame {
        let Some((owner, user)) = self.presence.owner_of(presence.client) else {
            return json::presence_state(presence, &json!({}), None);
        };
        let seat = Some(owner).filter(|owner| self.seats.contains_key(owner));
        let seat = seat.or_else(|| self.seat_of(user, owner));
        let who = match seat.and_then(|seat| self.participant(seat)) {
            Some(who) => who,
            None => unknown(user),
        };
        if !presence.is_gone() {
            return json::presence_state(presence, &described(&who, &presence.state), None);
        }
        // One of several windows of a person may close, or stop showing a caret, while the others stay.
        let stays = match seat {
            Some(seat) if seat == owner => self.presence.shows_anything(user),
            other => other.is_some(),
        };
        json::presence_state(presence, &json!(who), Some(if stays { "awareness" } else { "left" }))
    }

    fn hello(&mut self, client: ClientId, protocol: &str, effects: &mut Vec<Effect>) -> Result<(), String> {
        if protocol != json::NAME {
            return Err(format!("the protocol {protocol:?} is not spoken here; known: {:?}", json::NAME));
        }
        let locked = self.locked.is_some();
        let Some(seat) = self.seats.get_mut(&client) else { return Ok(()) };
        if std::mem::replace(&mut seat.member.speaks_json, true) {
            seat.state_owed = true;
            seat.asked.people = true;
            return Ok(());
        }
        let read_before = std::mem::replace(&mut seat.member.reads_text, true);
        if !read_before {
            let read_only = seat.member.read_only || locked;
            let ack = control::ack(&self.id, client, &seat.member.user, read_only);
            effects.push(Effect::Send(client, ack));
        }
        self.welcome_in_json(client, effects);
        if !read_before {
            self.tell_of_lock(client, effects);
            self.tell_of_size(client, effects);
        }
        Ok(())
    }

    /// The whole state, and what the others show of themselves.
    pub(super) fn welcome_in_json(&mut self, client: ClientId, effects: &mut Vec<Effect>) {
        self.send_room_state(client, effects);
        self.send_people(client, effects);
    }

    /// What the others show of themselves.
    pub(super) fn send_people(&self, client: ClientId, effects: &mut Vec<Effect>) {
        if self.presence_is_shared {
            let shown = self.presence.all().into_iter();
            effects.extend(shown.map(|presence| Effect::Send(client, self.json_presence(presence))));
        }
    }

    /// The whole state, if something of what the client said calls for it.
    pub(super) fn send_state_owed(&mut self, client: ClientId, effects: &mut Vec<Effect>) {
        let owed = self.seats.get_mut(&client).is_some_and(|seat| std::mem::take(&mut seat.state_owed));
        if owed && !super::has_failed(effects) {
            self.send_room_state(client, effects);
        }
    }

    /// The whole state for a client that speaks JSON.
    pub(super) fn send_room_state(&mut self, client: ClientId, effects: &mut Vec<Effect>) {
        let participants = self.participants(client);
        let version = self.document.generation();
        match self.document.state() {
            Ok(state) => {
                let frame = json::room_state(&self.id, &participants, &state, version);
                effects.push(Effect::Send(client, frame));
            }
            Err(error) => effects.push(Effect::fail(&error)),
        }
    }

    /// Tells all others that speak JSON that somebody came or went. A person with several windows comes
    /// with the first and goes with the last.
    pub(super) fn tell_json_of(&self, event: &str, client: ClientId, effects: &mut Vec<Effect>) {
        let Some(who) = self.participant(client) else { return };
        if !self.presence_is_shared || self.seat_of(&who.id, client).is_some() {
            return;
        }
        let others = self.seats.iter().filter(|(other, seat)| **other != client && seat.member.speaks_json);
        let mut frame = None;
        for (other, _) in others {
            let frame = frame.get_or_insert_with(|| json::presence(event, &who));
            effects.push(Effect::Send(*other, frame.clone()));
        }
    }

    /// Another window of a user.
    fn seat_of(&self, user: &UserId, except: ClientId) -> Option<ClientId> {
        let mut seats = self.seats.iter();
        seats
            .find(|(client, seat)| **client != except && seat.member.user.id == *user)
            .map(|(client, _)| *client)
    }

    /// Everybody whom this client may see, each person once, by id.
    fn participants(&self, client: ClientId) -> Vec<Participant> {
        if !self.presence_is_shared {
            return self.participant(client).into_iter().collect();
        }
        let shown = self.presence.shown_by_each();
        let mut people = BTreeMap::new();
        for (client, seat) in &self.seats {
            let who = participant(&seat.member.user, shown.get(client).copied());
            people.entry(who.id.to_string()).or_insert(who);
        }
        people.into_values().collect()
    }

    fn participant(&self, client: ClientId) -> Option<Participant> {
        let user = &self.seats.get(&client)?.member.user;
        Some(participant(user, self.presence.shown_by(client)))
    }

    fn take_json_update(
        &mut self,
        client: ClientId,
        sync: json::Sync,
        effects: &mut Vec<Effect>,
        now: Instant,
    ) {
        let json::Sync { update, version } = sync;
        let shape = match check_update(&update) {
            Ok(shape) => shape,
            Err(error) => return self.refuse(client, &format!("the update {error}"), effects),
        };
        // A client that builds on an old version lacks changes; what it says is merged all the same.
        let newest = self.document.generation();
        let needed = self.streak.filter(|(author, _)| *author == client).map_or(newest, |(_, before)| before);
        let is_stale = version.is_some_and(|version| version < needed);
        let mut updates = Updates::default();
        self.take_update(client, update, false, &mut updates, effects, now);
        self.apply(client, updates, effects);
        // Whoever is denied an edit is shown what is true, but not each time.
        let is_denied = (shape.structs > 0 || shape.deletions > 0) && self.is_read_only(client);
        if let Some(seat) = self.seats.get_mut(&client) {
            seat.state_owed |= is_stale && !is_denied;
        }
    }

    fn take_json_presence(
        &mut self,
        client: ClientId,
        presence: JsonPresence,
        effects: &mut Vec<Effect>,
    ) -> Result<(), String> {
        match presence {
            JsonPresence::Awareness(states) => self.take_presence(client, &states, effects),
            JsonPresence::State { name, color, cursor } => {
                let Some(participant) = self.participant(client) else { return Ok(()) };
                let state = json!({
                    "user": {
                        "id": participant.id,
                        "name": name.unwrap_or(participant.name),
                        "color": color.unwrap_or(participant.color),
                    },
                    "cursor": cursor,
                });
                let state = state.to_string();
                if state.len() > STATE_BYTES_MAX {
                    let len = state.len();
                    return Err(format!(
                        "the presence has {len} bytes; at most {STATE_BYTES_MAX} are allowed"
                    ));
                }
                self.show(client, &state, effects);
            }
            JsonPresence::Left if self.presence.shown_by(client).is_none() => {
                self.tell_json_of("left", client, effects);
            }
            JsonPresence::Left => self.show(client, GONE, effects),
        }
        Ok(())
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

/// A user as others see them: as they show themselves, else as the host names them.
fn participant(user: &User, shown: Option<&Presence>) -> Participant {
    let shown = shown.and_then(|presence| {
        let state: Value = serde_json::from_str(&presence.state).ok()?;
        state.get("user").cloned()
    });
    let said = |field: &str| Some(shown.as_ref()?.get(field)?.as_str()?.to_owned());
    Participant {
        id: user.id.clone(),
        name: said("name").or_else(|| user.name.clone()).unwrap_or_else(|| user.id.to_string()),
        color: said("color").unwrap_or_else(|| json::color_of(&user.id).to_owned()),
    }
}

/// Somebody who is not here any more.
fn unknown(user: &UserId) -> Participant {
    participant(&User { id: user.clone(), name: None }, None)
}

/// A person with what else their state says of them.
fn described(who: &Participant, state: &str) -> Value {
    let mut described = json!(who);
    let state: Value = serde_json::from_str(state).unwrap_or_default();
    if let (Value::Object(described), Some(Value::Object(said))) = (&mut described, state.get("user")) {
        // Who they are is for the host to say; a name or a colour is a text.
        let extra = said.iter().filter(|(name, value)| match name.as_str() {
            "id" => false,
            "name" | "color" => value.is_string(),
            _ => true,
        });
        described.extend(extra.map(|(name, value)| (name.clone(), value.clone())));
    }
    described
}
