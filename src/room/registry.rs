//! The rooms that are in memory: at most one actor per id, started by whoever comes first.

use std::collections::{BTreeMap, HashMap};
use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_util::FutureExt;
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::error;

use super::actor;
use super::barred::Barred;
use super::messages::{INBOX_MESSAGES_MAX, Join, Message, RoomInfo, RoomServices, SnapshotOutcome};
use super::places::{RoomPlace, RoomPlaces};
use crate::clock;
use crate::error::{Code, RealtimeError, Result};
use crate::hooks;
use crate::ids::{RoomId, UserId};
use crate::limits::limit_reached;

/// How often a client is sent on when the room it is on its way to ends at that very moment.
const JOIN_TRIES_MAX: usize = 8;

/// The most rooms that may be locked.
const LOCKS_MAX: usize = 10_000;

/// Where messages to a room go.
pub type Inbox = mpsc::Sender<Message>;

/// All rooms of a module; clones share them.
#[derive(Clone)]
pub struct Registry(Arc<Shared>);

struct Shared {
    services: RoomServices,
    // A plain mutex: held for a few map operations, never across an await. Ordered, so that what is done with
    // all of them can be repeated.
    rooms: Mutex<BTreeMap<RoomId, Entry>>,
    /// Why rooms are locked; kept while they are not in memory. A plain mutex for the same reason.
    locks: Mutex<HashMap<RoomId, String>>,
    places: RoomPlaces,
    barred: Barred,
    closing: AtomicBool,
    /// Cancelled when rooms that did not end in time are to end where they stand.
    abandoned: CancellationToken,
    tasks: TaskTracker,
}

struct Entry {
    inbox: Inbox,
    info: Arc<RoomInfo>,
    /// Clients that are on their way in: the room must not end under them.
    arriving: Arc<AtomicUsize>,
    _place: RoomPlace,
}

/// Keeps a room from ending while a client is on its way in.
#[derive(Debug)]
pub struct Arrival(Arc<AtomicUsize>);

impl Drop for Arrival {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

/// One room as seen from outside.
#[derive(Debug, Clone)]
pub struct RoomSummary {
    /// Its id.
    pub id: RoomId,
    /// Clients in it.
    pub clients: usize,
    /// `loading`, `live` or `idle`.
    pub state: &'static str,
    /// About the size of its document's state, in bytes: as of the last save, or of loading.
    pub state_bytes: usize,
    /// Its record cannot be carried whole by the editor's document.
    pub lossy: bool,
}

impl Registry {
    /// No rooms yet.
    pub fn new(services: RoomServices) -> Self {
        Self(Arc::new(Shared {
            places: RoomPlaces::new(services.settings.rooms_max),
            services,
            rooms: Mutex::default(),
            locks: Mutex::default(),
            barred: Barred::default(),
            closing: AtomicBool::new(false),
            abandoned: CancellationToken::new(),
            tasks: TaskTracker::new(),
        }))
    }

    /// The places for rooms, which those of other kinds share.
    pub fn places(&self) -> RoomPlaces {
        self.0.places.clone()
    }

    /// Brings a client into its room, which is loaded first if need be. The reply to the join says how
    /// it went; what is given back is where the client's frames go.
    pub async fn join(&self, id: &RoomId, join: Join) -> Result<Inbox> {
        // Boxed, or every message of every room would take as much memory as this rare one.
        let mut join = Box::new(join);
        self.0.barred.check(id, &join.member.user.id, clock::now())?;
        for _ in 0..JOIN_TRIES_MAX {
            let (inbox, arrival) = self.find_or_start(id)?;
            join.arrival = Some(arrival);
            match inbox.send(Message::Join(join)).await {
                Ok(()) => return Ok(inbox),
                // It ended between the two lines above, and is no longer listed.
                Err(mpsc::error::SendError(Message::Join(returned))) => join = returned,
                Err(_) => break,
            }
        }
        Err(RealtimeError::new(Code::Internal, format!("room {id} ends as often as it is started")))
    }

    fn find_or_start(&self, id: &RoomId) -> Result<(Inbox, Arrival)> {
        let mut rooms = self.lock();
        if self.0.closing.load(Ordering::Acquire) {
            return Err(RealtimeError::new(Code::ServerShutdown, "the server is shutting down"));
        }
        if let Some(entry) = rooms.get(id) {
            return Ok((entry.inbox.clone(), entry.arrive()));
        }
        let place = self.0.places.take()?;
        let (inbox, messages) = mpsc::channel(INBOX_MESSAGES_MAX);
        let entry =
            Entry { inbox: inbox.clone(), info: Arc::default(), arriving: Arc::default(), _place: place };
        let arrival = entry.arrive();
        let room =
            actor::run(id.clone(), self.0.services.clone(), self.clone(), Arc::clone(&entry.info), messages);
        rooms.insert(id.clone(), entry);
        drop(rooms);
        let room = self.clone().watch(id.clone(), inbox.clone(), room);
        let abandoned = self.0.abandoned.clone();
        self.0.tasks.spawn(async move {
            tokio::select! {
                () = room => {}
                () = abandoned.cancelled() => {}
            }
        });
        Ok((inbox, arrival))
    }

    /// Runs a room to its end. Should it panic, it fails alone: it is taken off the list, so that the next
    /// to join loads it again, and its clients are closed when they next say something.
    async fn watch(self, id: RoomId, inbox: Inbox, room: impl Future<Output = ()>) {
        if AssertUnwindSafe(room).catch_unwind().await.is_ok() {
            return;
        }
        error!(operation = "realtime:room:failed", room = %id, "the room panicked and will be loaded again");
        let mut rooms = self.lock();
        if rooms.get(&id).is_some_and(|entry| entry.inbox.same_channel(&inbox)) {
            rooms.remove(&id);
        }
        drop(rooms);
        self.0.services.host.emit(hooks::room_destroyed(&id, "failed"));
    }

    /// Saves a room now. `None` if there is no such room in memory.
    pub async fn snapshot(&self, id: &RoomId) -> Result<Option<SnapshotOutcome>> {
        let Some(inbox) = self.lock().get(id).map(|entry| entry.inbox.clone()) else { return Ok(None) };
        let (reply, outcome) = oneshot::channel();
        if inbox.send(Message::Snapshot(reply)).await.is_err() {
            return Ok(None);
        }
        // A room that ends meanwhile has saved everything.
        outcome.await.ok().transpose()
    }

    /// Locks a room against edits, whether it is in memory or not; `None` unlocks it.
    pub async fn lock_room(&self, id: &RoomId, reason: Option<String>) -> Result<()> {
        {
            let mut locks = self.0.locks.lock().unwrap_or_else(PoisonError::into_inner);
            match &reason {
                Some(_) if locks.len() >= LOCKS_MAX && !locks.contains_key(id) => {
                    return Err(limit_reached("locked rooms", LOCKS_MAX));
                }
                Some(reason) => drop(locks.insert(id.clone(), reason.clone())),
                None => drop(locks.remove(id)),
            }
        }
        self.tell(id, Message::LockChanged).await;
        Ok(())
    }

    /// Why a room is locked, if it is.
    pub(super) fn lock_of(&self, id: &RoomId) -> Option<String> {
        self.0.locks.lock().unwrap_or_else(PoisonError::into_inner).get(id).cloned()
    }

    /// Sends a message to a room. False if it is not in memory.
    pub async fn tell(&self, id: &RoomId, message: Message) -> bool {
        let Some(inbox) = self.lock().get(id).map(|entry| entry.inbox.clone()) else { return false };
        inbox.send(message).await.is_ok()
    }

    /// The rooms, by id.
    pub fn rooms(&self) -> Vec<RoomSummary> {
        let mut rooms: Vec<_> = self.lock().iter().map(|(id, entry)| entry.summary(id)).collect();
        rooms.sort_by(|a, b| a.id.cmp(&b.id));
        rooms
    }

    /// How many rooms there are.
    pub fn len(&self) -> usize {
        self.lock().len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Ends all rooms, each after its last save, and lets no new one begin.
    pub async fn shutdown(&self) {
        let inboxes: Vec<_> = {
            let rooms = self.lock();
            self.0.closing.store(true, Ordering::Release);
            rooms.values().map(|entry| entry.inbox.clone()).collect()
        };
        for inbox in inboxes {
            let _ = inbox.send(Message::Shutdown).await;
        }
        self.0.tasks.close();
        self.0.tasks.wait().await;
    }

    /// Ends the rooms that could not save in time, so that none of them writes a draft when the host has
    /// been told that all is over. Their edits are in the log.
    pub fn abandon(&self) {
        self.0.abandoned.cancel();
        self.lock().clear();
    }

    /// Keeps a user out of a room for a while.
    pub(super) fn bar(&self, id: &RoomId, user: &UserId) {
        self.0.barred.bar(id, user, clock::now());
    }

    /// Takes a room off the list, whoever is on the way to it.
    pub(super) fn remove(&self, id: &RoomId) {
        self.lock().remove(id);
    }

    /// Takes a room off the list unless somebody is on the way to it.
    pub(super) fn remove_if_unwanted(&self, id: &RoomId) -> bool {
        let mut rooms = self.lock();
        let wanted = rooms.get(id).is_some_and(|entry| entry.arriving.load(Ordering::Acquire) > 0);
        if !wanted {
            rooms.remove(id);
        }
        !wanted
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<RoomId, Entry>> {
        // The map is whole between operations, so a panic elsewhere leaves nothing half done.
        self.0.rooms.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Entry {
    /// Only called under the registry's lock, so that it cannot slip between the check and the removal
    /// in [`Registry::remove_if_unwanted`].
    fn arrive(&self) -> Arrival {
        self.arriving.fetch_add(1, Ordering::AcqRel);
        Arrival(Arc::clone(&self.arriving))
    }

    fn summary(&self, id: &RoomId) -> RoomSummary {
        let clients = self.info.clients.load(Ordering::Relaxed);
        let state = match (self.info.live.load(Ordering::Relaxed), clients) {
            (false, _) => "loading",
            (true, 0) => "idle",
            (true, _) => "live",
        };
        RoomSummary {
            id: id.clone(),
            clients,
            state,
            state_bytes: self.info.state_bytes.load(Ordering::Relaxed),
            lossy: self.info.lossy.load(Ordering::Relaxed),
        }
    }
}
