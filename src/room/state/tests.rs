//! The room as a pure state: frames in, effects out.

mod acknowledgements;
pub(in crate::room) mod broken;
mod changes;
pub(in crate::room) mod editor;
mod joining;
mod presence;
mod size;
mod slow_readers;
mod viewers;

use super::*;
use crate::ids::UserId;
use crate::protocol::awareness::{self, Presence};
use editor::Editor;

pub(in crate::room) const ANN: ClientId = ClientId::new(1);
pub(in crate::room) const BOB: ClientId = ClientId::new(2);

fn room() -> RoomState {
    RoomState::new(RoomId::new("records", "x").unwrap(), Document::new())
}

fn member(client: ClientId) -> Member {
    let id = if client == ANN { 1 } else { 2 };
    Member {
        speaks_json: false,
        user: User { id: UserId::Number(id), name: None },
        read_only: false,
        reads_text: true,
        ack: AckMode::None,
    }
}

fn viewer(client: ClientId) -> Member {
    Member { read_only: true, ..member(client) }
}

/// A room with these two in it.
fn room_of(ann: Member, bob: Member) -> RoomState {
    let mut room = room();
    room.join(ANN, ann, None, Instant::now());
    room.join(BOB, bob, None, Instant::now());
    room
}

fn room_of_two() -> RoomState {
    room_of(member(ANN), member(BOB))
}

impl RoomState {
    fn hear(&mut self, client: ClientId, frames: impl IntoIterator<Item = Bytes>) -> Vec<Effect> {
        self.receive(client, frames.into_iter().collect(), Instant::now())
    }

    fn text(&mut self) -> String {
        Editor::of(&mut self.document).text()
    }
}

/// The frame of a change, as a client sends it.
pub(in crate::room) fn update(update: &[u8]) -> Bytes {
    sync::update(update).payload()
}

pub(in crate::room) fn step1(state_vector: &[u8]) -> Bytes {
    sync::step1(state_vector).payload()
}

pub(in crate::room) fn step2(update: &[u8]) -> Bytes {
    sync::step2(update).payload()
}

/// A frame in a word or two.
pub(in crate::room) fn word(frame: &Frame) -> String {
    let payload = frame.payload();
    match frame.bytes()[0] {
        0x81 => {
            let text: Value = serde_json::from_slice(&payload).unwrap();
            let code = text["error"]["code"].as_str();
            let event = text["event"].as_str().or_else(|| text["type"].as_str());
            code.or(event).unwrap_or("text").to_owned()
        }
        0x88 => format!("close {}", u16::from_be_bytes([payload[0], payload[1]])),
        _ => match ClientMessage::decode(&payload).unwrap() {
            ClientMessage::Step1 { .. } => "step1".to_owned(),
            ClientMessage::Step2 { .. } => "step2".to_owned(),
            ClientMessage::Update { .. } => "update".to_owned(),
            ClientMessage::Awareness { .. } => "presence".to_owned(),
            ClientMessage::QueryAwareness => "query".to_owned(),
            ClientMessage::Unknown(2) => "denied".to_owned(),
            ClientMessage::Unknown(other) => format!("type {other}"),
        },
    }
}

/// What the room does, in order, in a few words each.
fn outline(effects: &[Effect]) -> Vec<String> {
    let name = |client: &ClientId| if *client == ANN { "ann" } else { "bob" };
    let words = effects.iter().map(|effect| match effect {
        Effect::Send(to, frame) => format!("{}: {}", name(to), word(frame)),
        Effect::Change { author, .. } => format!("change by {}", name(author)),
        Effect::Presence(presence) if presence.is_gone() => format!("{} is gone", presence.client),
        Effect::Presence(presence) => format!("{} is here", presence.client),
        Effect::Acknowledge(to, Acknowledgement::Echo(_)) => format!("echo to {}", name(to)),
        Effect::Acknowledge(to, Acknowledgement::Saved) => format!("saved to {}", name(to)),
        Effect::ApplyFailed(from, _) => format!("{} failed", name(from)),
        Effect::Full { .. } => "full".to_owned(),
        Effect::Fail { .. } => "fail".to_owned(),
    });
    words.collect()
}

fn no_effects() -> Vec<String> {
    Vec::new()
}

/// The update or state vector in the n-th frame that is sent.
fn sent(effects: &[Effect], n: usize) -> Bytes {
    let mut frames = effects.iter().filter_map(|effect| match effect {
        Effect::Send(_, frame) if frame.bytes()[0] == 0x82 => Some(frame),
        _ => None,
    });
    match ClientMessage::decode(&frames.nth(n).unwrap().payload()).unwrap() {
        ClientMessage::Step1 { state_vector: body }
        | ClientMessage::Step2 { update: body }
        | ClientMessage::Update { update: body }
        | ClientMessage::Awareness { states: body } => body,
        other => panic!("{other:?} carries nothing"),
    }
}
