//! Rooms of the application's own types: who is in them. They have no document and no actor.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::registry::RoomSummary;
use crate::error::Result;
use crate::hooks;
use crate::host::Host;
use crate::ids::{ClientId, RoomId};
use crate::limits::limit_reached;
use crate::protocol::frame::Frame;
use crate::room_type::Peer;

/// The rooms that have somebody in them; clones share them.
#[derive(Clone)]
pub struct Groups {
    // A plain mutex: held for a few map operations, never across an await.
    groups: Arc<Mutex<HashMap<RoomId, Vec<Peer>>>>,
    host: Arc<dyn Host>,
    rooms_max: usize,
}

/// A place in a room; given back when dropped.
pub struct GroupPlace {
    groups: Groups,
    peer: Peer,
}

impl Drop for GroupPlace {
    fn drop(&mut self) {
        let room = self.peer.room();
        let mut groups = self.groups.lock();
        let Some(peers) = groups.get_mut(room) else { return };
        peers.retain(|peer| peer.client() != self.peer.client());
        if peers.is_empty() {
            groups.remove(room);
            self.groups.host.emit(hooks::room_destroyed(room, "empty"));
        }
    }
}

impl Groups {
    /// Nobody is anywhere.
    pub fn new(host: Arc<dyn Host>, rooms_max: usize) -> Self {
        Self { groups: Arc::default(), host, rooms_max }
    }

    /// Takes a client in. `user` is for the hook that tells of a new room; `others` are rooms of other
    /// kinds, which count for the limit as well.
    pub fn enter(&self, peer: Peer, user: &serde_json::Value, others: usize) -> Result<GroupPlace> {
        let mut groups = self.lock();
        let room = peer.room().clone();
        if !groups.contains_key(&room) {
            if groups.len() + others >= self.rooms_max {
                return Err(limit_reached("rooms.max_rooms", self.rooms_max));
            }
            self.host.emit(hooks::room_created(&room, user));
        }
        groups.entry(room).or_default().push(peer.clone());
        drop(groups);
        Ok(GroupPlace { groups: self.clone(), peer })
    }

    /// Sends a frame to everybody in a room but one, and gives the number of those who will get it.
    pub fn broadcast(&self, room: &RoomId, frame: &Frame, except: Option<ClientId>) -> usize {
        let groups = self.lock();
        let peers = groups.get(room).map(Vec::as_slice).unwrap_or_default();
        peers.iter().filter(|peer| Some(peer.client()) != except && peer.send(frame)).count()
    }

    /// The rooms.
    pub fn rooms(&self) -> Vec<RoomSummary> {
        let groups = self.lock();
        let summary = |(id, peers): (&RoomId, &Vec<Peer>)| RoomSummary {
            id: id.clone(),
            clients: peers.len(),
            state: "live",
            state_bytes: 0,
            lossy: false,
        };
        groups.iter().map(summary).collect()
    }

    /// How many rooms there are.
    pub fn len(&self) -> usize {
        self.lock().len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<RoomId, Vec<Peer>>> {
        // The map is whole between operations, so a panic elsewhere leaves nothing half done.
        self.groups.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
