//! Who may edit: what the host said of each client, and whether the room is locked for everybody.

use super::{Effect, RoomState};
use crate::ids::ClientId;
use crate::protocol::control::{self, Level};
use crate::protocol::sync;

impl RoomState {
    /// The host has changed what a client may do.
    pub fn set_read_only(&mut self, client: ClientId, read_only: bool) -> Vec<Effect> {
        let locked = self.locked.is_some();
        let Some(seat) = self.seats.get_mut(&client) else { return Vec::new() };
        let before = std::mem::replace(&mut seat.member.read_only, read_only);
        if before == read_only || locked {
            return Vec::new();
        }
        let mut effects = Vec::new();
        if seat.member.reads_text {
            effects.push(Effect::Send(client, control::permission_changed(read_only, None)));
        }
        if !read_only {
            self.ask_for_what_was_denied(client, &mut effects);
        }
        effects
    }

    /// A client that may edit again has, perhaps, what it wrote before it heard that it might not. Others would not
    /// see that until it wrote something more.
    fn ask_for_what_was_denied(&mut self, client: ClientId, effects: &mut Vec<Effect>) {
        let Some(seat) = self.seats.get_mut(&client) else { return };
        let was_denied = std::mem::take(&mut seat.was_denied);
        if !seat.member.speaks_json {
            effects.push(Effect::Send(client, sync::step1(&self.document.state_vector())));
        } else if was_denied {
            // It says what the room lacks when it is told what the room has.
            self.send_room_state(client, effects);
        }
    }

    /// Locks the room: nobody may edit until it is unlocked with `None`. Everybody is told why.
    pub fn lock(&mut self, reason: Option<String>) -> Vec<Effect> {
        let changed = self.locked.is_some() != reason.is_some();
        self.locked = reason;
        if !changed {
            return Vec::new();
        }
        let (reason, text) = match &self.locked {
            Some(reason) => (Some(reason.as_str()), locked_text(reason)),
            None => (None, "This document is unlocked again".to_owned()),
        };
        let mut effects = Vec::new();
        for (client, seat) in self.seats.iter().filter(|(_, seat)| seat.member.reads_text) {
            let read_only = self.locked.is_some() || seat.member.read_only;
            if !seat.member.read_only {
                effects.push(Effect::Send(*client, control::permission_changed(read_only, reason)));
            }
            effects.push(Effect::Send(*client, control::notice(Level::Info, &text)));
        }
        if self.locked.is_none() {
            let editors = self.seats.iter().filter(|(_, seat)| !seat.member.read_only);
            for client in editors.map(|(client, _)| *client).collect::<Vec<_>>() {
                self.ask_for_what_was_denied(client, &mut effects);
            }
        }
        effects
    }

    /// Tells everybody who can read it.
    pub fn notice(&self, level: Level, message: &str) -> Vec<Effect> {
        let frame = control::notice(level, message);
        let readers = self.seats.iter().filter(|(_, seat)| seat.member.reads_text);
        readers.map(|(client, _)| Effect::Send(*client, frame.clone())).collect()
    }

    /// Tells a client that comes into a locked room why it cannot edit.
    pub(super) fn tell_of_lock(&self, client: ClientId, effects: &mut Vec<Effect>) {
        if let Some(reason) = &self.locked {
            effects.push(Effect::Send(client, control::notice(Level::Info, &locked_text(reason))));
        }
    }

    /// Whether this client's edits are refused.
    pub(super) fn is_read_only(&self, client: ClientId) -> bool {
        self.locked.is_some() || self.seats.get(&client).is_none_or(|seat| seat.member.read_only)
    }
}

fn locked_text(reason: &str) -> String {
    format!("This document is locked: {reason}")
}
