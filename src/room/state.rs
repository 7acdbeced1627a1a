//! A room without IO: who is here, what they may do, and what follows from each of their frames.
//!
//! Every method takes what happened and gives back what to do about it, in order. It never waits,
//! knows no clock but the one handed in, and cannot fail half way: if the document breaks, the last
//! effect is [`Effect::Fail`] and the room must be loaded again from the store.

mod acknowledgements;
mod answers;
mod asked;
mod effect;
mod json;
mod rights;
mod shown;
mod size;

pub use effect::{Acknowledgement, Effect};

use std::collections::HashMap;
use std::time::{Duration, Instant};

use bytes::Bytes;
use serde_json::Value;

use self::answers::Answers;
use self::asked::Asked;
use self::size::{Refused, Size};
use super::presence::PresenceMap;
use crate::document::{ApplyError, Document};
use crate::error::{Code, RealtimeError};
use crate::host::User;
use crate::ids::{ClientId, RoomId};
use crate::protocol::control;
use crate::protocol::frame::Frame;
use crate::protocol::json as protocol_json;
use crate::protocol::sync::{self, ClientMessage};
use crate::protocol::update::check_update;

/// The most updates that are applied in one transaction; yrs is quadratic in it.
const UPDATES_PER_TRANSACTION_MAX: usize = 64;

/// A read-only client that tries to edit is sent the true state at most this often.
const TRUE_STATE_INTERVAL: Duration = Duration::from_secs(1);

/// How a client wants to hear that its edits are on disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum AckMode {
    /// Not at all.
    #[default]
    None,
    /// Its own update frames come back to it.
    Echo,
    /// A control message `saved`.
    Saved,
}

/// Whether the document is broken. Then it may not be asked for anything any more: what broke it still holds its
/// lock, and whoever asked would wait for ever.
pub(super) fn has_failed(effects: &[Effect]) -> bool {
    matches!(effects.last(), Some(Effect::Fail { .. }))
}

/// A client in the room.
#[derive(Debug, Clone)]
pub struct Member {
    /// Who it is.
    pub user: User,
    /// Its edits are refused.
    pub read_only: bool,
    /// It can read text frames.
    pub reads_text: bool,
    /// It is told of everything in JSON.
    pub speaks_json: bool,
    /// How it wants to hear of saved edits.
    pub ack: AckMode,
}

/// One room's people and document.
#[derive(Debug)]
pub struct RoomState {
    id: RoomId,
    document: Document,
    answers: Answers,
    size: Size,
    /// See [`RoomState::take_encodings`].
    encodings: u64,
    presence: PresenceMap,
    seats: HashMap<ClientId, Seat>,
    /// Why nobody may edit, while that is so.
    locked: Option<String>,
    /// Whether people see each other; if not, each is told only of itself, so that a stock client knows
    /// that its connection lives.
    presence_is_shared: bool,
    /// Messages of a type we do not know, since the room was loaded.
    unknown_messages: u64,
    /// Who made the newest changes, and the generation before the first of them: its author needs to know
    /// no newer one.
    streak: Option<(ClientId, u64)>,
}

#[derive(Debug)]
struct Seat {
    member: Member,
    /// What this client has, while updates for it are being thrown away.
    behind: Option<Vec<u8>>,
    /// Something of this client was left out, because what it builds on has not come yet.
    lacks: bool,
    /// The update frames of which something was left out; echoed when it has come.
    owed: Vec<Bytes>,
    true_state_sent_at: Option<Instant>,
    /// An edit of this client was refused because it may not edit.
    was_denied: bool,
    /// Counts the presence states of a client that speaks JSON.
    json_clock: u32,
    /// A client that speaks JSON is to be sent the whole state, once for all reasons.
    state_owed: bool,
    /// What this client has that did not fit into the document.
    refused: Refused,
    asked: Asked,
    /// It is not to be answered now.
    is_held: bool,
}

impl Seat {
    fn new(member: Member) -> Self {
        Self {
            member,
            behind: None,
            lacks: false,
            owed: Vec::new(),
            true_state_sent_at: None,
            was_denied: false,
            json_clock: 0,
            state_owed: false,
            refused: Refused::default(),
            asked: Asked::default(),
            is_held: false,
        }
    }
}

impl RoomState {
    /// A room around a loaded document.
    pub fn new(id: RoomId, document: Document) -> Self {
        Self {
            id,
            document,
            answers: Answers::default(),
            size: Size::new(0, usize::MAX),
            encodings: 0,
            presence: PresenceMap::default(),
            seats: HashMap::new(),
            locked: None,
            presence_is_shared: true,
            unknown_messages: 0,
            streak: None,
        }
    }

    /// Keeps what people show of themselves from the others.
    #[must_use]
    pub fn without_shared_presence(mut self) -> Self {
        self.presence_is_shared = false;
        self
    }

    /// The document.
    pub const fn document(&self) -> &Document {
        &self.document
    }

    /// The document, for encoding its state.
    pub const fn document_mut(&mut self) -> &mut Document {
        &mut self.document
    }

    /// How many clients are here.
    pub fn len(&self) -> usize {
        self.seats.len()
    }

    /// Whether nobody is here.
    pub fn is_empty(&self) -> bool {
        self.seats.is_empty()
    }

    /// The clients and who they are.
    pub fn members(&self) -> impl Iterator<Item = (ClientId, &Member)> {
        self.seats.iter().map(|(client, seat)| (*client, &seat.member))
    }

    /// How many answers had to be encoded, and not only shared, since this was last asked.
    pub const fn take_encodings(&mut self) -> u64 {
        std::mem::replace(&mut self.encodings, 0)
    }

    /// Messages of unknown type so far.
    pub const fn unknown_messages(&self) -> u64 {
        self.unknown_messages
    }

    /// A client joins. `first` is the frame it sent before it was let in, if it did: a stock client
    /// starts with step 1, and one step 2 answers both it and the join.
    pub fn join(
        &mut self,
        client: ClientId,
        member: Member,
        first: Option<Bytes>,
        now: Instant,
    ) -> Vec<Effect> {
        let mut effects = Vec::new();
        if member.reads_text {
            let read_only = member.read_only || self.locked.is_some();
            let ack = control::ack(&self.id, client, &member.user, read_only);
            effects.push(Effect::Send(client, ack));
        }
        let speaks_json = member.speaks_json;
        let reads_text = member.reads_text;
        self.seats.insert(client, Seat::new(member));
        self.tell_json_of("joined", client, &mut effects);
        if speaks_json {
            self.welcome_in_json(client, &mut effects);
            self.tell_of_lock(client, &mut effects);
            self.tell_of_size(client, &mut effects);
            if let Some(frame) = first {
                effects.extend(self.receive(client, vec![frame], now));
            }
            return effects;
        }
        effects.push(Effect::Send(client, sync::step1(&self.document.state_vector())));

        let asked = first.as_ref().and_then(|frame| match ClientMessage::decode(frame) {
            Ok(ClientMessage::Step1 { state_vector }) => self.answer(&state_vector).ok(),
            _ => None,
        });
        let answers_first = asked.is_some();
        match asked.map_or_else(|| self.whole_state(), Ok) {
            Ok(answer) => effects.push(Effect::Send(client, answer)),
            Err(error) => return vec![Effect::fail(&error)],
        }
        self.send_presence(client, &mut effects);
        if reads_text {
            self.tell_of_lock(client, &mut effects);
            self.tell_of_size(client, &mut effects);
        }
        if let Some(frame) = first.filter(|_| !answers_first) {
            effects.extend(self.receive(client, vec![frame], now));
        }
        effects
    }

    /// A client has gone.
    pub fn leave(&mut self, client: ClientId) -> Vec<Effect> {
        if !self.seats.contains_key(&client) {
            return Vec::new();
        }
        let mut effects = Vec::new();
        self.tell_json_of("left", client, &mut effects);
        self.seats.remove(&client);
        let removed = self.presence.leave(client);
        if self.presence_is_shared {
            effects.extend(removed.into_iter().map(Effect::Presence));
        }
        effects
    }

    /// Binary frames of one client, in order. Their updates become one change, their presence its newest.
    pub fn receive(&mut self, client: ClientId, frames: Vec<Bytes>, now: Instant) -> Vec<Effect> {
        let mut effects = Vec::new();
        let mut updates = Updates::default();
        for frame in frames {
            match ClientMessage::decode(&frame) {
                Ok(ClientMessage::Step1 { state_vector }) => {
                    self.apply(client, std::mem::take(&mut updates), &mut effects);
                    self.asked_by(client, |asked| asked.state_vector = Some(state_vector));
                }
                Ok(ClientMessage::Step2 { update }) => {
                    self.take_update(client, update, true, &mut updates, &mut effects, now);
                }
                Ok(ClientMessage::Update { update }) => {
                    self.take_update(client, update, false, &mut updates, &mut effects, now);
                }
                Ok(ClientMessage::Awareness { states }) => self.take_presence(client, &states, &mut effects),
                Ok(ClientMessage::QueryAwareness) => self.asked_by(client, |asked| asked.presence = true),
                Ok(ClientMessage::Unknown(_)) => self.unknown_messages += 1,
                Err(error) => self.refuse(client, &format!("the frame {error}"), &mut effects),
            }
            if updates.payloads.len() >= UPDATES_PER_TRANSACTION_MAX {
                self.apply(client, std::mem::take(&mut updates), &mut effects);
            }
            if has_failed(&effects) {
                break;
            }
        }
        self.apply(client, updates, &mut effects);
        self.answer_asked(client, &mut effects);
        effects
    }

    /// Updates for this client were thrown away because it reads too slowly.
    pub fn fell_behind(&mut self, client: ClientId, dropped: &[Frame]) -> Vec<Effect> {
        let updates: Vec<Bytes> = dropped
            .iter()
            .filter_map(|frame| sync::update_in(frame).or_else(|| protocol_json::update_in(frame)))
            .collect();
        match self.document.state_vector_without(&updates) {
            Ok(state_vector) => {
                if let Some(seat) = self.seats.get_mut(&client) {
                    seat.behind = Some(state_vector);
                }
                Vec::new()
            }
            Err(error) => vec![Effect::fail(&error)],
        }
    }

    /// A client that was behind can take data again: the one frame that brings it up to date.
    pub fn catch_up(&mut self, client: ClientId) -> Option<Frame> {
        let state_vector = self.seats.get_mut(&client)?.behind.take()?;
        // Our own state vector decodes; were it not so, the whole state would do as well.
        let diff = self.document.diff(&state_vector).or_else(|_| self.document.state()).ok()?;
        Some(self.catch_up_frame(client, &diff))
    }

    /// Whether changes are being kept from this client until it can take data again.
    pub fn is_behind(&self, client: ClientId) -> bool {
        self.seats.get(&client).is_some_and(|seat| seat.behind.is_some())
    }

    fn take_update(
        &mut self,
        client: ClientId,
        update: Bytes,
        is_step2: bool,
        updates: &mut Updates,
        effects: &mut Vec<Effect>,
        now: Instant,
    ) {
        let shape = match check_update(&update) {
            Ok(shape) => shape,
            Err(error) => return self.refuse(client, &format!("the update {error}"), effects),
        };
        if self.is_read_only(client) {
            // Stock clients answer our step 1 with all deletions they know of; that is no edit.
            if shape.structs > 0 || (!is_step2 && shape.deletions > 0) {
                self.deny_edit(client, effects, now);
            }
            return;
        }
        if shape.structs > 0 && !self.grow(client, (&update, is_step2), updates, effects, now) {
            return;
        }
        if is_step2 {
            updates.answer_at = Some(updates.payloads.len());
        }
        updates.payloads.push(update);
    }

    fn apply(&mut self, client: ClientId, updates: Updates, effects: &mut Vec<Effect>) {
        if updates.payloads.is_empty() || has_failed(effects) {
            return;
        }
        let before = self.document.generation();
        match self.document.apply(&updates.payloads) {
            Ok(applied) => {
                if applied.change.is_some() && self.streak.is_none_or(|(author, _)| author != client) {
                    self.streak = Some((client, before));
                }
                self.applied(client, &updates, applied, effects);
            }
            Err(ApplyError::Broken(problem)) => {
                effects.push(Effect::Fail { problem, culprit: Some(client) });
            }
            // One of several: the others must not suffer for it.
            Err(_) if updates.payloads.len() > 1 => self.apply_each(client, &updates, effects),
            Err(error) => self.refuse(client, &error.to_string(), effects),
        }
    }

    /// Updates one by one; what is in the document already changes nothing.
    fn apply_each(&mut self, client: ClientId, updates: &Updates, effects: &mut Vec<Effect>) {
        for (at, payload) in updates.payloads.iter().enumerate() {
            let answer_at = (updates.answer_at == Some(at)).then_some(0);
            self.apply(client, Updates { payloads: vec![payload.clone()], answer_at }, effects);
        }
    }

    /// A frame that cannot be used: its sender is told, everybody else goes on.
    fn refuse(&self, client: ClientId, problem: &str, effects: &mut Vec<Effect>) {
        let error = RealtimeError::new(Code::InvalidYjsUpdate, problem);
        self.tell(client, &error, effects);
        effects.push(Effect::ApplyFailed(client, error.message));
    }

    fn deny_edit(&mut self, client: ClientId, effects: &mut Vec<Effect>, now: Instant) {
        let (message, reason) = match &self.locked {
            Some(why) => (format!("this room is locked: {why}"), "locked"),
            None => ("you may read this room but not edit it".to_owned(), "read_only"),
        };
        let error = RealtimeError::new(Code::PermissionDenied, message).with("reason", Value::from(reason));
        self.tell(client, &error, effects);
        let Some(seat) = self.seats.get_mut(&client) else { return };
        seat.was_denied = true;
        // Should it come after all, nothing that this client sends before is all that it has.
        seat.lacks = true;
        let due = seat
            .true_state_sent_at
            .is_none_or(|sent| now.saturating_duration_since(sent) >= TRUE_STATE_INTERVAL);
        if due {
            seat.true_state_sent_at = Some(now);
            if seat.member.speaks_json {
                seat.state_owed = true;
                return;
            }
            match self.whole_state() {
                Ok(state) => effects.push(Effect::Send(client, state)),
                Err(error) => effects.push(Effect::fail(&error)),
            }
        }
    }

    /// Tells a client of an error in the way that it can read.
    fn tell(&self, client: ClientId, error: &RealtimeError, effects: &mut Vec<Effect>) {
        let Some(seat) = self.seats.get(&client) else { return };
        if seat.member.reads_text {
            effects.push(Effect::Send(client, control::error(error)));
        } else if matches!(error.code, Code::PermissionDenied | Code::DocumentTooLarge) {
            effects.push(Effect::Send(client, sync::permission_denied(&error.message)));
        }
    }
}

/// Updates of one client that are applied together.
#[derive(Debug, Default)]
struct Updates {
    payloads: Vec<Bytes>,
    /// Where among them the answer to our step 1 is: with it the client has sent all that it has.
    answer_at: Option<usize>,
}

#[cfg(test)]
pub(super) mod tests;
