//! Somebody with a document of their own, who edits it whether or not they are connected.

use std::collections::BTreeSet;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde_json::{Value, json};
use tokio::task::JoinHandle;

use super::ledger::{Edit, tokens_in};
use super::line::{Line, Outstanding, Said};
use crate::document::tests::panics;
use crate::error::Result;
use crate::protocol::awareness::{self, Presence};
use crate::protocol::frame::Frame;
use crate::protocol::sync::{self, ClientMessage};
use crate::protocol::update::check_update;
use crate::room::registry::Inbox;
use crate::room::state::AckMode;
use crate::room::state::tests::editor::{Editor, Place};
use crate::room::state::tests::{step1, step2, update};

/// Blocks of this name come and go whole. Nobody writes into them: what is written into something that another
/// removes at the same time is gone with it, and rightly so.
const REMOVED_WHOLE: &str = "code_block";

/// What somebody may do, and does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    Editor,
    /// May only read, and does.
    Viewer,
    /// May only read, and tries to edit.
    Intruder,
    /// May edit, and sends what breaks the room's document.
    Wrecker,
}

/// What somebody said that is no use to anybody.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Nuisance {
    /// Nothing of the kind.
    None,
    /// It makes no sense.
    Nonsense,
    /// The room breaks of it.
    Wreck,
}

/// Somebody's connection, or what there is of it.
pub(super) enum Link {
    Away,
    /// On the way in.
    Arriving(JoinHandle<Result<Inbox>>, Box<Line>),
    Here(Inbox, Box<Line>),
}

/// Somebody.
pub(super) struct Peer {
    pub(super) number: usize,
    pub(super) room: usize,
    pub(super) role: Role,
    pub(super) editor: Editor,
    pub(super) link: Link,
    /// Its queue at the server is a short one.
    pub(super) slow: bool,
    pub(super) speaks_json: bool,
    /// All its changes so far.
    pub(super) edits: Vec<Edit>,
    /// Those of them that it made without the right to, and since then was not given it.
    pub(super) void: BTreeSet<usize>,
    /// How many of them the server may have heard of.
    pub(super) heard_of: usize,
    /// An editor may have the right to edit taken and be given it back, and may be kept out altogether.
    pub(super) may_edit: bool,
    pub(super) may_come: bool,
    /// Its room is locked.
    pub(super) is_locked: bool,
    presence_clock: u32,
}

/// What a peer found in a frame.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Heard {
    Nothing,
    /// Its document has changed, maybe.
    News,
    /// These edits of its own are on disk.
    Saved(std::ops::Range<usize>),
}

impl Peer {
    pub(super) fn new(number: usize, room: usize, role: Role, random: &mut fastrand::Rng) -> Self {
        Self {
            number,
            room,
            role,
            editor: Editor::new(number as u64 + 1),
            link: Link::Away,
            slow: random.u8(..3) == 0,
            speaks_json: random.u8(..5) == 0,
            edits: Vec::new(),
            void: BTreeSet::new(),
            heard_of: 0,
            may_edit: role == Role::Editor,
            may_come: true,
            is_locked: false,
            presence_clock: 0,
        }
    }

    /// Its connection, or the one that it will have when it is let in.
    pub(super) fn any_line(&self) -> Option<&Line> {
        match &self.link {
            Link::Arriving(_, line) | Link::Here(_, line) => Some(line),
            Link::Away => None,
        }
    }

    /// Whether what it writes now counts.
    pub(super) const fn counts(&self) -> bool {
        self.may_edit && !self.is_locked
    }

    pub(super) fn line(&mut self) -> Option<&mut Line> {
        match &mut self.link {
            Link::Here(_, line) => Some(line),
            Link::Away | Link::Arriving(..) => None,
        }
    }

    /// What it says first.
    pub(super) fn greeting(&self) -> Option<Bytes> {
        (!self.speaks_json).then(|| step1(&self.editor.state_vector()))
    }

    /// Makes a change, and sends it if it is connected.
    pub(super) fn edit(&mut self, random: &mut fastrand::Rng, token: char, padding: usize) -> Option<Edit> {
        let (change, edit) = self.change(random, token, &"z".repeat(padding))?;
        self.send_edit(change, edit.clone());
        Some(edit)
    }

    /// Deletes all of a text.
    pub(super) fn clear(&mut self, place: Place) -> Option<Edit> {
        let all = |text: &str| (0, text.encode_utf16().count() as u32, text.to_owned());
        let (change, words) = self.editor.remove_at(place, all)?;
        let edit = Edit { inserted: None, deleted: tokens_in(&words).collect() };
        self.send_edit(change, edit.clone());
        Some(edit)
    }

    /// Adds a word to the text beside the tree.
    pub(super) fn add_word(&mut self, token: char) -> Option<Edit> {
        let change = self.editor.insert_at(Place::Text, &format!("w{token}"), |_| (0, 0, String::new()))?;
        let edit = Edit { inserted: Some(token), deleted: Vec::new() };
        self.send_edit(change, edit.clone());
        Some(edit)
    }

    fn send_edit(&mut self, change: Bytes, edit: Edit) {
        self.edits.push(edit);
        let (at, speaks_json) = (self.edits.len(), self.speaks_json);
        if let Some(line) = self.line() {
            let said = if speaks_json { json_sync(&change) } else { Said::Binary(update(&change)) };
            send(line, said, change, at - 1..at);
        }
    }

    fn change(&mut self, random: &mut fastrand::Rng, token: char, more: &str) -> Option<(Bytes, Edit)> {
        let inserted = Edit { inserted: Some(token), deleted: Vec::new() };
        let deleted = |(change, words): (Bytes, String)| {
            (change, Edit { inserted: None, deleted: tokens_in(&words).collect() })
        };
        let place = if random.u8(..3) == 0 { Place::Text } else { Place::Paragraph(random.usize(..8)) };
        match random.u8(..16) {
            0..3 => Some((self.editor.add_paragraph(&format!("p{token}{more}")), inserted)),
            3 => Some((self.editor.add_element(REMOVED_WHOLE, &format!("c{token}")), inserted)),
            4 => self.editor.remove_block(REMOVED_WHOLE, random.usize(..8)).map(deleted),
            5..8 => self.editor.remove_at(place, |text| range(random, text)).map(deleted),
            8..10 => {
                let on = random.bool();
                let change = self.editor.format_at(place, on, |text| range(random, text))?;
                Some((change, Edit::default()))
            }
            _ => {
                let change =
                    self.editor.insert_at(place, &format!("a{token}{more}é"), |text| range(random, text))?;
                Some((change, inserted))
            }
        }
    }

    /// A question in between, something to show, or something that is no use.
    pub(super) fn say_something(&mut self, random: &mut fastrand::Rng) -> Nuisance {
        self.presence_clock += 1;
        let (clock, client) = (self.presence_clock, self.number as u64 + 1);
        let (speaks_json, role) = (self.speaks_json, self.role);
        let question = step1(&self.editor.state_vector());
        let Some(line) = self.line() else { return Nuisance::None };
        let (said, nuisance) = match random.u8(..6) {
            0 if !speaks_json => (Said::Binary(question), Nuisance::None),
            0 | 1 => (Said::Text(r#"{"type":"ping"}"#.to_owned()), Nuisance::None),
            2 | 3 if speaks_json => {
                let caret = json!({"type": "presence", "event": "cursor", "cursor": clock});
                (Said::Text(caret.to_string()), Nuisance::None)
            }
            2 | 3 => {
                let state = Presence { client, clock, state: format!("{{\"at\":{clock}}}").into() };
                let states = awareness::encode(std::iter::once(&state));
                (Said::Binary(sync::awareness(&states).payload()), Nuisance::None)
            }
            _ if role == Role::Wrecker => (Said::Binary(update(&panics())), Nuisance::Wreck),
            _ => {
                (Said::Binary(Bytes::from_static(HOSTILE[random.usize(..HOSTILE.len())])), Nuisance::Nonsense)
            }
        };
        line.up.push_back(said);
        nuisance
    }

    /// Takes in a frame from the server.
    pub(super) fn hear(&mut self, frame: &Frame) -> Heard {
        match frame.bytes()[0] {
            0x82 => self.hear_binary(&frame.payload()),
            0x81 => self.hear_text(&serde_json::from_slice(&frame.payload()).unwrap()),
            _ => Heard::Nothing,
        }
    }

    /// Whether the server asks for what it lacks, and has done so on this connection before.
    pub(super) fn is_asked_again(&mut self, frame: &Frame) -> bool {
        let is_question = frame.bytes()[0] == 0x82
            && matches!(ClientMessage::decode(&frame.payload()), Ok(ClientMessage::Step1 { .. }));
        is_question && self.line().is_some_and(|line| std::mem::replace(&mut line.was_asked, true))
    }

    fn hear_binary(&mut self, payload: &Bytes) -> Heard {
        match ClientMessage::decode(payload).unwrap() {
            ClientMessage::Step1 { state_vector } => {
                let answer = self.editor.diff(&state_vector);
                let edits = 0..self.edits.len();
                if let Some(line) = self.line() {
                    send(line, Said::Binary(step2(&answer)), answer, edits);
                }
                Heard::Nothing
            }
            ClientMessage::Step2 { update } | ClientMessage::Update { update } => self.take(&update),
            _ => Heard::Nothing,
        }
    }

    fn hear_text(&mut self, text: &Value) -> Heard {
        let bytes = |field: &Value| STANDARD.decode(field.as_str().unwrap()).unwrap();
        match (text["type"].as_str(), text["event"].as_str()) {
            (Some("sync"), _) => self.take(&bytes(&text["update"]).into()),
            (_, Some("room_state")) => {
                self.answer_state(&bytes(&text["room"]["yjsState"]));
                Heard::News
            }
            (_, Some("saved")) => {
                let first = self.line().and_then(|line| line.outstanding.pop_front());
                first.map_or(Heard::Nothing, |first| Heard::Saved(first.edits))
            }
            _ => Heard::Nothing,
        }
    }

    /// Takes an update, which may be one of its own that comes back.
    fn take(&mut self, update: &Bytes) -> Heard {
        self.editor.receive(update);
        let Some(line) = self.line().filter(|line| line.ack == AckMode::Echo) else { return Heard::News };
        let own = line.outstanding.iter().position(|sent| sent.update == *update);
        let own = own.and_then(|at| line.outstanding.remove(at));
        own.map_or(Heard::News, |own| Heard::Saved(own.edits))
    }

    /// A client that speaks JSON is not asked what it has: it says so when it is told what the room has.
    fn answer_state(&mut self, state: &[u8]) {
        let there = Editor::new(998);
        there.receive(state);
        self.editor.receive(state);
        let (role, counts, edits) = (self.role, self.counts(), 0..self.edits.len());
        let missing = self.editor.diff(&there.state_vector());
        let Some(line) = self.line() else { return };
        let is_first = !std::mem::replace(&mut line.is_greeted, true);
        // Who is refused would say it again and again.
        let speaks = match role {
            Role::Editor if counts => true,
            Role::Editor | Role::Intruder => is_first,
            Role::Viewer | Role::Wrecker => false,
        };
        if speaks {
            send(line, json_sync(&missing), missing, edits);
        }
    }
}

/// Sends an update, and remembers it, unless its echo could be mistaken for something else: an update with
/// nothing but deletions may come from the server as well.
fn send(line: &mut Line, said: Said, update: Bytes, edits: std::ops::Range<usize>) {
    if line.ack == AckMode::Saved || check_update(&update).unwrap().structs > 0 {
        line.outstanding.push_back(Outstanding { update, edits });
    }
    line.up.push_back(said);
}

fn json_sync(update: &[u8]) -> Said {
    Said::Text(json!({"type": "sync", "update": STANDARD.encode(update)}).to_string())
}

/// What makes no sense, or too much of it.
const HOSTILE: [&[u8]; 5] = [
    &[],
    &[0, 2, 4, 0xff, 0xff, 0xff, 0x7a],
    &[0, 0, 2, 5, 1],
    &[1, 4, 0xff, 0xff, 0xff, 0x7a],
    &[0, 2, 2, 5, 1],
];

/// A random range of a text, in UTF-16 units and at whole characters, and what is in it.
fn range(random: &mut fastrand::Rng, text: &str) -> (u32, u32, String) {
    let chars: Vec<char> = text.chars().collect();
    let start = random.usize(..=chars.len());
    let end = random.usize(start..=chars.len().min(start + 6));
    let units = |chars: &[char]| chars.iter().map(|c| c.len_utf16() as u32).sum();
    (units(&chars[..start]), units(&chars[start..end]), chars[start..end].iter().collect())
}
