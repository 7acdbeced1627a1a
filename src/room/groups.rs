//! Rooms of the application's own types: who is in them. They have no document and no actor.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::places::{RoomPlace, RoomPlaces};
use super::registry::RoomSummary;
use crate::error::Result;
use crate::hooks;
use crate::host::Host;
use crate::ids::{ClientId, RoomId};
use crate::protocol::frame::Frame;
use crate::room_type::Peer;

/// The rooms that have somebody in them; clones share them.
#[derive(Clone)]
pub struct Groups {
    // A plain mutex: held for a few map operations, never across an await.
    groups: Arc<Mutex<HashMap<RoomId, Group>>>,
    host: Arc<dyn Host>,
    places: RoomPlaces,
}

/// Who is in one room.
struct Group {
    peers: Vec<Peer>,
    _place: RoomPlace,
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
        let Some(group) = groups.get_mut(room) else { return };
        group.peers.retain(|peer| peer.client() != self.peer.client());
        if group.peers.is_empty() {
            groups.remove(room);
            self.groups.host.emit(hooks::room_destroyed(room, "empty"));
        }
    }
}

impl Groups {
    /// Nobody is anywhere.
    pub fn new(host: Arc<dyn Host>, places: RoomPlaces) -> Self {
        Self { groups: Arc::default(), host, places }
    }

    /// Takes a client in. `user` is for the hook that tells of a new room.
    pub fn enter(&self, peer: Peer, user: &serde_json::Value) -> Result<GroupPlace> {
        let mut groups = self.lock();
        let room = peer.room().clone();
        match groups.get_mut(&room) {
            Some(group) => group.peers.push(peer.clone()),
            None => {
                let place = self.places.take()?;
                self.host.emit(hooks::room_created(&room, user));
                groups.insert(room, Group { peers: vec![peer.clone()], _place: place });
            }
        }
        drop(groups);
        Ok(GroupPlace { groups: self.clone(), peer })
    }

    /// Sends a frame to everybody in a room but one, and gives the number of those who will get it.
    pub fn broadcast(&self, room: &RoomId, frame: &Frame, except: Option<ClientId>) -> usize {
        let groups = self.lock();
        let peers = groups.get(room).map(|group| group.peers.as_slice()).unwrap_or_default();
        peers.iter().filter(|peer| Some(peer.client()) != except && peer.send(frame)).count()
    }

    /// The rooms.
    pub fn rooms(&self) -> Vec<RoomSummary> {
        let groups = self.lock();
        let summary = |(id, group): (&RoomId, &Group)| RoomSummary {
            id: id.clone(),
            clients: group.peers.len(),
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

    fn lock(&self) -> MutexGuard<'_, HashMap<RoomId, Group>> {
        // The map is whole between operations, so a panic elsewhere leaves nothing half done.
        self.groups.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
