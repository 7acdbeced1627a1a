//! A test double: a backend in memory whose calls can be made to fail, panic or wait. What it "wrote"
//! outlives the backend, as a disk does.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use tokio::sync::watch;

use super::snapshot::{Header, beyond_kept, newest_whole, seq_is_taken, version_goes_back};
use super::{
    ATTEMPTS_KEPT_PER_ROOM, Attempt, Backend, DamagedUpdates, Drafted, Entry, Expired, NewSnapshot,
    SavedSnapshot, StoredRoom,
};
use crate::error::{Code, RealtimeError, Result};
use crate::ids::RoomId;

/// The calls of a [`Backend`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Call {
    /// [`Backend::load`]
    Load,
    /// [`Backend::commit`]
    Commit,
    /// [`Backend::save_snapshot`]
    SaveSnapshot,
    /// [`Backend::attempt`]
    Attempt,
    /// [`Backend::sweep`]
    Sweep,
}

/// What happens to a call instead of what it should do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// It fails and does nothing.
    Fails,
    /// It fails, yet has done what it should: the answer was lost.
    FailsAfterwards,
    /// It panics.
    Panics,
}

/// The "disk" behind [`MemoryBackend`]s, and the switches for what goes wrong with it. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct MemoryDisk {
    inner: Arc<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    state: Mutex<State>,
    released: Condvar,
    begun: watch::Sender<HashMap<Call, usize>>,
}

#[derive(Debug, Default)]
struct State {
    rooms: HashMap<RoomId, Room>,
    script: HashMap<Call, VecDeque<Fault>>,
    broken: HashSet<Call>,
    poisoned: HashSet<RoomId>,
    held: HashSet<Call>,
}

#[derive(Debug, Default)]
struct Room {
    /// `None` = the update is damaged.
    log: BTreeMap<u64, Option<Bytes>>,
    last_seq: u64,
    last_version: u64,
    drafted: Option<Drafted>,
    /// With whether it was given to the host before.
    attempted: Vec<(Attempt, bool)>,
    /// Newest first.
    snapshots: Vec<(Header, Bytes)>,
}

impl MemoryDisk {
    /// A backend on this disk.
    pub fn open(&self) -> Box<dyn Backend> {
        Box::new(MemoryBackend { disk: self.clone() })
    }

    /// The next call of this kind that has nothing scripted yet goes wrong, once.
    pub fn script(&self, call: Call, fault: Fault) {
        self.lock().script.entry(call).or_default().push_back(fault);
    }

    /// All calls of this kind fail until [`MemoryDisk::heal`].
    pub fn break_call(&self, call: Call) {
        self.lock().broken.insert(call);
    }

    /// Commits and snapshots that contain this room fail until [`MemoryDisk::heal`].
    pub fn poison(&self, room: &RoomId) {
        self.lock().poisoned.insert(room.clone());
    }

    /// Nothing goes wrong any more.
    pub fn heal(&self) {
        let mut state = self.lock();
        state.script.clear();
        state.broken.clear();
        state.poisoned.clear();
    }

    /// Calls of this kind wait, after they have begun, until [`MemoryDisk::release`].
    pub fn hold(&self, call: Call) {
        self.lock().held.insert(call);
    }

    /// Lets calls of this kind go on.
    pub fn release(&self, call: Call) {
        self.lock().held.remove(&call);
        self.inner.released.notify_all();
    }

    /// How many calls of this kind have begun.
    pub fn begun(&self, call: Call) -> usize {
        self.inner.begun.borrow().get(&call).copied().unwrap_or(0)
    }

    /// Waits until that many calls of this kind have begun.
    pub async fn until_begun(&self, call: Call, count: usize) {
        let mut begun = self.inner.begun.subscribe();
        // The sender is in `self`, so this cannot fail.
        let _ = begun.wait_for(|begun| begun.get(&call).is_some_and(|begun| *begun >= count)).await;
    }

    /// What is "on disk" of a room.
    pub fn stored(&self, room: &RoomId) -> StoredRoom {
        let state = self.lock();
        let Some(room) = state.rooms.get(room) else { return StoredRoom::default() };
        let headers = room.snapshots.iter().map(|(header, _)| header.clone());
        let read = |header: &Header| {
            let found = room.snapshots.iter().find(|(other, _)| other.id == header.id);
            Ok(found.map(|(_, data)| data.clone()).ok_or_else(|| "gone".to_owned()))
        };
        let (snapshot, rejected) = newest_whole(headers, read).unwrap_or_default();
        StoredRoom {
            snapshot,
            log: room.log.values().flatten().cloned().collect(),
            damaged: room.damaged(),
            last_seq: room.last_seq,
            last_version: room.last_version,
            drafted: room.drafted.clone(),
            attempted: room.attempted.iter().map(|(attempt, _)| attempt.clone()).collect(),
            rejected,
        }
    }

    /// The updates in a room's log up to and including this `seq`.
    pub fn log_up_to(&self, room: &RoomId, seq: u64) -> Vec<Bytes> {
        let state = self.lock();
        let log = state.rooms.get(room).map(|room| room.log.range(..=seq));
        log.into_iter().flatten().filter_map(|(_, update)| update.clone()).collect()
    }

    /// Damages the newest snapshot of a room, so that its hash no longer fits.
    pub fn damage_newest_snapshot(&self, room: &RoomId) {
        let mut state = self.lock();
        if let Some((_, data)) = state.rooms.get_mut(room).and_then(|room| room.snapshots.first_mut()) {
            *data = Bytes::from_static(b"damaged");
        }
    }

    /// Damages an update in a room's log.
    pub fn damage_update(&self, room: &RoomId, seq: u64) {
        if let Some(room) = self.lock().rooms.get_mut(room) {
            room.log.insert(seq, None);
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // A scripted panic happens outside the lock.
        self.inner.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts the call, waits while it is held, and finds out what goes wrong with it.
    fn begin<'a>(&self, call: Call, mut rooms: impl Iterator<Item = &'a RoomId>) -> Option<Fault> {
        self.inner.begun.send_modify(|begun| *begun.entry(call).or_default() += 1);
        let mut state = self
            .inner
            .released
            .wait_while(self.lock(), |state| state.held.contains(&call))
            .unwrap_or_else(PoisonError::into_inner);
        let scripted = state.script.get_mut(&call).and_then(VecDeque::pop_front);
        let is_broken = state.broken.contains(&call) || rooms.any(|room| state.poisoned.contains(room));
        scripted.or(is_broken.then_some(Fault::Fails))
    }

    #[allow(clippy::panic)] // It is what the test asked for.
    fn run<'a, T>(
        &self,
        call: Call,
        rooms: impl Iterator<Item = &'a RoomId>,
        work: impl FnOnce(&mut HashMap<RoomId, Room>) -> Result<T>,
    ) -> Result<T> {
        let failure = || RealtimeError::new(Code::StorageFailed, format!("scripted failure of {call:?}"));
        match self.begin(call, rooms) {
            None => work(&mut self.lock().rooms),
            Some(Fault::Fails) => Err(failure()),
            Some(Fault::FailsAfterwards) => work(&mut self.lock().rooms).and_then(|_| Err(failure())),
            Some(Fault::Panics) => panic!("scripted panic in {call:?}"),
        }
    }
}

/// A backend on a [`MemoryDisk`].
#[derive(Debug)]
pub struct MemoryBackend {
    disk: MemoryDisk,
}

impl Backend for MemoryBackend {
    fn load(&mut self, room: &RoomId) -> Result<StoredRoom> {
        self.disk.run(Call::Load, std::iter::empty(), |_| Ok(()))?;
        Ok(self.disk.stored(room))
    }

    fn commit(&mut self, batch: &[Entry]) -> Result<()> {
        self.disk.run(Call::Commit, batch.iter().map(Entry::room), |rooms| {
            for entry in batch {
                rooms.entry(entry.room().clone()).or_default().append(entry)?;
            }
            Ok(())
        })
    }

    fn save_snapshot(&mut self, snapshot: &NewSnapshot) -> Result<SavedSnapshot> {
        self.disk.run(Call::SaveSnapshot, std::iter::once(&snapshot.room), |rooms| {
            rooms.entry(snapshot.room.clone()).or_default().save(snapshot)
        })
    }

    fn attempt(&mut self, room: &RoomId, attempt: &Attempt) -> Result<()> {
        self.disk.run(Call::Attempt, std::iter::once(room), |rooms| {
            let attempted = &mut rooms.entry(room.clone()).or_default().attempted;
            let count = attempted.len();
            attempted.retain(|(earlier, _)| earlier.text != attempt.text);
            attempted.push((attempt.clone(), attempted.len() < count));
            attempted.drain(..attempted.len().saturating_sub(ATTEMPTS_KEPT_PER_ROOM));
            Ok(())
        })
    }

    fn sweep(&mut self, active: &HashSet<RoomId>, now_ms: i64, older_than_ms: i64) -> Result<Vec<Expired>> {
        self.disk.run(Call::Sweep, std::iter::empty(), |rooms| {
            let mut expired = Vec::new();
            for (id, room) in rooms.iter_mut().filter(|(id, _)| !active.contains(*id)) {
                if room.is_only_a_copy() && room.is_older_than(older_than_ms) {
                    expired.extend(room.snapshots.drain(..).map(|(header, _)| Expired {
                        room: id.clone(),
                        version: header.version,
                        age_ms: now_ms - header.created_at_ms,
                    }));
                }
            }
            Ok(expired)
        })
    }
}

impl Room {
    fn append(&mut self, entry: &Entry) -> Result<()> {
        match entry {
            Entry::Update(append) => {
                let stored = self.log.entry(append.seq).or_insert_with(|| Some(append.update.clone()));
                if stored.as_ref() != Some(&append.update) {
                    return Err(seq_is_taken(append));
                }
                self.last_seq = self.last_seq.max(append.seq);
            }
            Entry::Drafted(drafted) => {
                self.last_seq = self.last_seq.max(drafted.seq);
                if self.drafted.as_ref().is_none_or(|earlier| earlier.seq <= drafted.seq) {
                    self.drafted = Some(drafted.clone());
                    self.attempted.retain(|(attempt, again)| *again || attempt.text != drafted.text);
                }
            }
        }
        Ok(())
    }

    fn save(&mut self, snapshot: &NewSnapshot) -> Result<SavedSnapshot> {
        if snapshot.version < self.last_version {
            return Err(version_goes_back(&snapshot.room, snapshot.version, self.last_version));
        }
        let (header, packed) = Header::pack(snapshot)?;
        let id = header.id.clone();
        self.last_version = snapshot.version;
        self.last_seq = self.last_seq.max(snapshot.covers_seq);
        self.log.retain(|seq, _| *seq > snapshot.covers_seq);
        self.snapshots.retain(|(header, _)| header.version != snapshot.version);
        self.snapshots.insert(0, (header, packed));
        let pruned = beyond_kept(self.snapshots.iter().map(|(header, _)| header));
        self.snapshots.retain(|(header, _)| !pruned.contains(&header.version));
        Ok(SavedSnapshot { id, version: snapshot.version, byte_size: snapshot.data.len() as u64, pruned })
    }

    fn damaged(&self) -> Option<DamagedUpdates> {
        let (first_seq, _) = self.log.iter().find(|(_, update)| update.is_none())?;
        Some(DamagedUpdates {
            first_seq: *first_seq,
            count: self.log.values().filter(|update| update.is_none()).count(),
            at_start: self.log.keys().next() == Some(first_seq),
        })
    }

    fn is_only_a_copy(&self) -> bool {
        self.log.is_empty() && self.drafted.as_ref().is_some_and(|drafted| drafted.seq >= self.last_seq)
    }

    fn is_older_than(&self, older_than_ms: i64) -> bool {
        self.snapshots.first().is_some_and(|(header, _)| header.created_at_ms < older_than_ms)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::conformance::{Disk, conformance};

    impl Disk for MemoryDisk {
        fn new() -> Self {
            Self::default()
        }

        fn open(&self) -> Box<dyn Backend> {
            Self::open(self)
        }

        fn after_crash(&self) -> Self {
            self.clone()
        }

        fn damage_newest_snapshot(&self, room: &RoomId) {
            Self::damage_newest_snapshot(self, room);
        }

        fn damage_update(&self, room: &RoomId, seq: u64) {
            Self::damage_update(self, room, seq);
        }

        fn put_snapshot(&self, room: &RoomId, header: &Header, stored: &[u8]) {
            let mut state = self.lock();
            let room = state.rooms.entry(room.clone()).or_default();
            room.snapshots.retain(|(other, _)| other.version != header.version);
            room.snapshots.push((header.clone(), Bytes::copy_from_slice(stored)));
            room.snapshots.sort_by_key(|(header, _)| std::cmp::Reverse(header.version));
            room.last_version = room.last_version.max(header.version);
        }
    }

    conformance!(MemoryDisk);
}
