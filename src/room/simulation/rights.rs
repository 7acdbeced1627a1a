//! What somebody may do changes while they are connected, and also while they are on their way in or away; and rooms
//! are locked.

use super::ledger::Ledger;
use super::mutant::Mutant;
use super::peer::{Peer, Role};
use super::world::World;
use crate::error::{Code, RealtimeError};
use crate::room::messages::Message;

impl World {
    /// The host changes its mind about somebody.
    pub(super) fn change_rights(&mut self, peer: usize) {
        let Peer { role, may_edit, .. } = self.peers[peer];
        match (role, may_edit) {
            (Role::Editor, true) => self.withdraw(peer),
            (Role::Editor, false) => self.grant(peer),
            (Role::Viewer | Role::Intruder | Role::Wrecker, _) => {}
        }
    }

    /// Nothing that is said from now on counts; what was accepted before stays.
    fn withdraw(&mut self, peer: usize) {
        let may_come = self.random.u8(..3) > 0;
        self.trace.say(|| format!("peer {peer} may edit no more, may come: {may_come}"));
        let Peer { room, heard_of, .. } = self.peers[peer];
        let books = &mut self.books.lock().unwrap().rooms[room];
        let peer = &mut self.peers[peer];
        (peer.may_edit, peer.may_come) = (false, may_come);
        for (n, edit) in peer.edits.iter().enumerate() {
            if peer.void.contains(&n) {
                continue;
            }
            if n < heard_of {
                books.doubt_unless_saved(edit);
            } else {
                books.retract(edit);
                peer.void.insert(n);
            }
        }
        if self.mutant == Some(Mutant::WithdrawnRightStays) {
            return;
        }
        let Some(line) = peer.any_line() else { return };
        // As `module/moderation.rs` does it.
        if !may_come {
            line.session.end(&RealtimeError::new(Code::Kicked, "sent away"));
        } else if line.session.set_read_only(true) {
            let server = self.server.as_ref().unwrap();
            server.tell(&self.rooms[room], Message::RightsChanged(line.client));
        }
    }

    /// All that somebody has written counts, whenever that was.
    pub(super) fn grant(&mut self, peer: usize) {
        self.trace.say(|| format!("peer {peer} may edit again"));
        let peer = &mut self.peers[peer];
        (peer.may_edit, peer.may_come) = (true, true);
        let books = &mut self.books.lock().unwrap().rooms[peer.room];
        give_effect(peer, books);
        let Some(line) = peer.any_line() else { return };
        if line.session.set_read_only(false) {
            let server = self.server.as_ref().unwrap();
            server.tell(&self.rooms[peer.room], Message::RightsChanged(line.client));
        }
    }

    /// The host locks a room, or unlocks it. What is on its way then is refused, and comes when the room is unlocked.
    pub(super) fn change_lock(&mut self, room: usize) {
        let locks = self.peers.iter().any(|peer| peer.room == room && !peer.is_locked);
        self.trace.say(|| format!("room {room} is locked: {locks}"));
        if self.mutant != Some(Mutant::LockIsForgotten) {
            let id = self.rooms[room].clone();
            self.server().lock(&id, locks);
        }
        self.set_locked(room, locks);
    }

    /// In the end nothing is locked.
    pub(super) fn unlock_all(&mut self) {
        for room in 0..self.rooms.len() {
            if self.peers.iter().any(|peer| peer.room == room && peer.is_locked) {
                self.change_lock(room);
            }
        }
    }

    /// A process takes its locks with it.
    pub(super) fn locks_are_gone(&mut self) {
        for room in 0..self.rooms.len() {
            self.set_locked(room, false);
        }
    }

    fn set_locked(&mut self, room: usize, is_locked: bool) {
        let books = &mut self.books.lock().unwrap().rooms[room];
        for peer in self.peers.iter_mut().filter(|peer| peer.room == room) {
            peer.is_locked = is_locked;
            give_effect(peer, books);
        }
    }
}

/// What somebody wrote without the right to it counts, if they have it now.
fn give_effect(peer: &mut Peer, books: &mut Ledger) {
    if peer.counts() {
        for n in std::mem::take(&mut peer.void) {
            books.enter(&peer.edits[n]);
        }
    }
}
