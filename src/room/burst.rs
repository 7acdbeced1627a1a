//! What happens in a room in one go: gathered, then told to each client at once.
//!
//! A room takes several messages at a time from its inbox. Each client's queue is locked, and its writer
//! woken, once for all that came of them, and not once for each.

use bytes::Bytes;

use super::outbox::Outbox;
use super::state::{Effect, RoomState};
use crate::ids::ClientId;
use crate::protocol::awareness::{self, Presence};
use crate::protocol::frame::Frame;
use crate::protocol::sync;

/// Beyond so many changes or presence states they are told at once.
const EVENTS_MAX: usize = 256;

/// Changes and presence that the clients have not been told of yet.
#[derive(Debug, Default)]
pub struct Burst {
    changes: Vec<Change>,
    /// The newest state of each Yjs client.
    presence: Vec<Shown>,
}

#[derive(Debug)]
struct Change {
    /// Who made it, and is not told.
    author: Option<ClientId>,
    update: Bytes,
    frame: Frame,
    json: Option<Frame>,
}

#[derive(Debug)]
struct Shown {
    state: Presence,
    frame: Option<Frame>,
    json: Option<Frame>,
}

impl Burst {
    /// A change, and its frame for those who speak Yjs.
    pub fn change(&mut self, author: Option<ClientId>, update: Bytes, frame: Frame) {
        self.changes.push(Change { author, update, frame, json: None });
    }

    /// A presence state.
    pub fn show(&mut self, state: Presence) {
        let shown = Shown { state, frame: None, json: None };
        match self.presence.iter_mut().find(|earlier| earlier.state.client == shown.state.client) {
            Some(earlier) => *earlier = shown,
            None => self.presence.push(shown),
        }
    }

    /// Whether there is nothing to tell.
    pub const fn is_empty(&self) -> bool {
        self.changes.is_empty() && self.presence.is_empty()
    }

    /// Whether it is time to tell.
    pub const fn is_full(&self) -> bool {
        self.changes.len() >= EVENTS_MAX || self.presence.len() >= EVENTS_MAX
    }

    /// Forgets what was told.
    pub fn clear(&mut self) {
        self.changes.clear();
        self.presence.clear();
    }

    /// Tells one client. If that is too much for it, gives back the changes that it now lacks; `rest` are
    /// effects that have not been carried out, whose changes are in the document already and not in here.
    pub fn tell(
        &mut self,
        client: ClientId,
        outbox: &Outbox,
        state: &RoomState,
        rest: &[Effect],
    ) -> Result<(), Vec<Frame>> {
        let in_json = state.speaks_json(client);
        self.encode(in_json, state);
        let changes = if state.is_behind(client) { &[][..] } else { &self.changes };
        let updates = changes
            .iter()
            .filter(|change| change.author != Some(client))
            .filter_map(|change| if in_json { change.json.as_ref() } else { Some(&change.frame) });
        let presence = self.presence.iter().filter_map(|shown| {
            let frame = if in_json { &shown.json } else { &shown.frame };
            frame.as_ref().map(|frame| (shown.state.client, frame))
        });
        outbox.tell(updates, presence).map_err(|mut dropped| {
            dropped.extend(rest.iter().filter_map(|effect| match effect {
                Effect::Change { frame, .. } => Some(frame.clone()),
                _ => None,
            }));
            dropped
        })
    }

    /// Makes the frames that are not there yet; everybody who speaks the same gets the same.
    fn encode(&mut self, in_json: bool, state: &RoomState) {
        for shown in &mut self.presence {
            if in_json {
                shown.json.get_or_insert_with(|| state.json_presence(&shown.state));
            } else {
                let encoded = || awareness::encode(std::iter::once(&shown.state));
                shown.frame.get_or_insert_with(|| sync::awareness(&encoded()));
            }
        }
        if in_json {
            for change in &mut self.changes {
                change.json.get_or_insert_with(|| state.json_update(&change.update, change.author));
            }
        }
    }
}
