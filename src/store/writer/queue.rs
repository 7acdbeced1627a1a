//! What waits for the writer's thread, and how it is woken: at most once per group.

use std::collections::{BTreeMap, HashSet};
use std::mem;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use bytes::Bytes;
use tokio::sync::{oneshot, watch};

use super::log::{Backlogged, LogState, RoomLog};
use super::settings::{ENTRY_OVERHEAD_BYTES, StoreSettings};
use super::{StoreHealth, not_running};
use crate::error::{Code, RealtimeError, Result};
use crate::ids::RoomId;
use crate::store::{
    Append, Attempt, Drafted, Entry, Expired, HostText, NewSnapshot, SavedSnapshot, StoredRoom,
};

/// Something that somebody waits for.
#[derive(Debug)]
pub(super) enum Request {
    Load { room: RoomId, reply: oneshot::Sender<Result<(StoredRoom, RoomLog)>> },
    Save { snapshot: NewSnapshot, reply: oneshot::Sender<Result<SavedSnapshot>> },
    Attempt { room: RoomId, attempt: Attempt, reply: oneshot::Sender<Result<()>> },
    Sweep { active: HashSet<RoomId>, older_than_ms: i64, reply: oneshot::Sender<Result<Vec<Expired>>> },
}

/// What the handles and the thread share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) settings: StoreSettings,
    // A plain mutex with a condition: the thread that waits is not a task, and the lock is held for a
    // push or a swap, never for IO.
    queue: Mutex<Queue>,
    wake: Condvar,
    health: Mutex<StoreHealth>,
    ended: watch::Sender<Option<Result<()>>>,
}

#[derive(Debug)]
struct Queue {
    work: Work,
    /// Entries accepted and not on disk, those that the thread has taken included.
    unwritten: Load,
    /// Entries in `work` alone.
    waiting: Load,
    sleep: Sleep,
    ended: bool,
}

/// What the thread takes at once.
#[derive(Debug, Default)]
pub(super) struct Work {
    /// In the order in which they came.
    pub(super) updates: Vec<Entry>,
    /// At most one per room: the newest.
    pub(super) notes: BTreeMap<RoomId, Drafted>,
    pub(super) requests: Vec<Request>,
    /// Rooms whose last handle was dropped.
    pub(super) gone: Vec<RoomId>,
    /// The store is closing; trying again ends then.
    pub(super) closing: Option<Instant>,
}

/// How much memory entries take.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct Load {
    pub(super) entries: usize,
    pub(super) bytes: usize,
}

impl Load {
    /// What this entry counts for. Notes are bounded by the number of rooms and count for nothing.
    pub(super) fn of(entry: &Entry) -> Self {
        match entry {
            Entry::Update(append) => Self { entries: 1, bytes: append.update.len() + ENTRY_OVERHEAD_BYTES },
            Entry::Drafted(_) => Self::default(),
        }
    }

    pub(super) const fn add(&mut self, other: Self) {
        self.entries += other.entries;
        self.bytes += other.bytes;
    }

    const fn remove(&mut self, other: Self) {
        self.entries = self.entries.saturating_sub(other.entries);
        self.bytes = self.bytes.saturating_sub(other.bytes);
    }
}

/// What the thread waits for; decides whether an append has to wake it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sleep {
    /// It is awake, or already woken, and will look at the queue again.
    Awake,
    /// For anything.
    Idle,
    /// For the group to be full, or for something more urgent.
    Grouping,
}

impl Shared {
    pub(super) fn new(settings: StoreSettings) -> Self {
        let queue = Queue {
            work: Work::default(),
            unwritten: Load::default(),
            waiting: Load::default(),
            sleep: Sleep::Awake,
            ended: false,
        };
        Self {
            settings,
            queue: Mutex::new(queue),
            wake: Condvar::new(),
            health: Mutex::new(StoreHealth::Ok),
            ended: watch::Sender::new(None),
        }
    }

    /// Queues an update, and with it the host's text, which contains the log up to a place: up to the
    /// update itself if no other is named.
    pub(super) fn append(
        &self,
        log: &LogState,
        update: Bytes,
        note: Option<(Option<u64>, HostText)>,
    ) -> Result<u64, Backlogged> {
        let size = Load { entries: 1, bytes: update.len() + ENTRY_OVERHEAD_BYTES };
        let mut queue = self.lock();
        if queue.is_closed() || !queue.has_room(size, &self.settings) {
            return Err(log.refuse());
        }
        let seq = log.next_seq();
        queue.unwritten.add(size);
        queue.waiting.add(size);
        queue.work.updates.push(Entry::Update(Append { room: log.room.clone(), seq, update }));
        if let Some((contains, text)) = note {
            queue.note(Drafted { room: log.room.clone(), seq: contains.unwrap_or(seq), text, before: None });
        }
        self.wake_for_entry(queue);
        Ok(seq)
    }

    /// Queues a note.
    pub(super) fn drafted(&self, log: &LogState, seq: u64, text: HostText, before: Option<HostText>) {
        let mut queue = self.lock();
        if !queue.is_closed() {
            queue.note(Drafted { room: log.room.clone(), seq, text, before });
            self.wake_for_entry(queue);
        }
    }

    /// Queues something that somebody waits for.
    pub(super) fn request(&self, request: Request) -> Result<()> {
        let mut queue = self.lock();
        if queue.is_closed() {
            return Err(not_running());
        }
        if queue.work.requests.len() >= self.settings.requests_max {
            let message =
                format!("more than {} loads and saves wait for the disk", self.settings.requests_max);
            return Err(RealtimeError::new(Code::StorageFailed, message));
        }
        queue.work.requests.push(request);
        self.wake(queue);
        Ok(())
    }

    /// A room's last handle was dropped.
    pub(super) fn forget(&self, room: &RoomId) {
        let mut queue = self.lock();
        if !queue.ended {
            queue.work.gone.push(room.clone());
            self.wake(queue);
        }
    }

    /// Refuses everything from now on. The first deadline counts.
    pub(super) fn begin_closing(&self, deadline: Instant) {
        let mut queue = self.lock();
        queue.work.closing.get_or_insert(deadline);
        self.wake(queue);
    }

    /// The thread's last act: whoever waits is told.
    pub(super) fn end(&self, outcome: Result<()>) {
        let mut queue = self.lock();
        queue.ended = true;
        // Dropped outside the lock: handles among them lock it again.
        let left = mem::take(&mut queue.work);
        drop(queue);
        drop(left);
        self.ended.send_replace(Some(outcome));
    }

    /// How the thread ended, once it has.
    pub(super) fn ended(&self) -> watch::Receiver<Option<Result<()>>> {
        self.ended.subscribe()
    }

    /// Entries are on disk, or covered by a snapshot.
    pub(super) fn release(&self, load: Load) {
        self.lock().unwritten.remove(load);
    }

    /// Whether updates or notes of this room wait.
    pub(super) fn holds(&self, room: &RoomId) -> bool {
        let queue = self.lock();
        queue.work.notes.contains_key(room) || queue.work.updates.iter().any(|entry| entry.room() == room)
    }

    pub(super) fn health(&self) -> StoreHealth {
        self.health.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn set_health(&self, health: StoreHealth) {
        *self.health.lock().unwrap_or_else(PoisonError::into_inner) = health;
    }

    /// Waits until there is something to do, or until `retry_at`, and takes all of it. `spare` is an empty
    /// list to queue into meanwhile, so that memory is used again.
    pub(super) fn wait(&self, retry_at: Option<Instant>, spare: Vec<Entry>) -> Work {
        let mut queue = self.lock();
        while !queue.work.has_any() {
            queue = match self.sleep(queue, Sleep::Idle, retry_at) {
                (queue, false) => queue,
                (_, true) => return Work::default(),
            };
        }
        let full_at = Instant::now() + self.settings.group_window;
        while !queue.work.is_urgent() && !queue.is_full(&self.settings) {
            let (woken, is_over) = self.sleep(queue, Sleep::Grouping, Some(full_at));
            queue = woken;
            if is_over {
                break;
            }
        }
        queue.take(spare)
    }

    /// Takes all that there is, without waiting.
    #[cfg(test)]
    pub(super) fn take(&self, spare: Vec<Entry>) -> Work {
        self.lock().take(spare)
    }

    /// What was accepted and is not on disk.
    #[cfg(test)]
    pub(super) fn unwritten(&self) -> Load {
        self.lock().unwritten
    }

    /// Waits to be woken; the flag says that `until` has come instead.
    fn sleep<'a>(
        &self,
        mut queue: MutexGuard<'a, Queue>,
        sleep: Sleep,
        until: Option<Instant>,
    ) -> (MutexGuard<'a, Queue>, bool) {
        queue.sleep = sleep;
        let mut queue = match until {
            None => self.wake.wait(queue).unwrap_or_else(PoisonError::into_inner),
            Some(until) => {
                let pause = until.saturating_duration_since(Instant::now());
                if !pause.is_zero() {
                    queue = self.wake.wait_timeout(queue, pause).unwrap_or_else(PoisonError::into_inner).0;
                }
                queue
            }
        };
        queue.sleep = Sleep::Awake;
        let is_over = until.is_some_and(|until| until <= Instant::now());
        (queue, is_over)
    }

    fn wake_for_entry(&self, queue: MutexGuard<'_, Queue>) {
        let is_due = match queue.sleep {
            Sleep::Awake => false,
            Sleep::Idle => true,
            Sleep::Grouping => queue.is_full(&self.settings),
        };
        if is_due {
            self.wake(queue);
        }
    }

    fn wake(&self, mut queue: MutexGuard<'_, Queue>) {
        if queue.sleep != Sleep::Awake {
            queue.sleep = Sleep::Awake;
            // Unlocked first, so that the thread does not wake up only to wait for the lock.
            drop(queue);
            self.wake.notify_one();
        }
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        // Nothing under this lock can panic halfway, so what is behind a poisoned one is whole.
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Queue {
    const fn is_closed(&self) -> bool {
        self.ended || self.work.closing.is_some()
    }

    /// An entry that is alone is always let in, or one that is larger than the queue never would be.
    const fn has_room(&self, size: Load, settings: &StoreSettings) -> bool {
        self.unwritten.entries == 0
            || (self.unwritten.entries < settings.queue_entries_max
                && self.unwritten.bytes + size.bytes <= settings.queue_bytes_max)
    }

    const fn is_full(&self, settings: &StoreSettings) -> bool {
        self.waiting.entries >= settings.group_entries_full || self.waiting.bytes >= settings.group_bytes_full
    }

    fn take(&mut self, spare: Vec<Entry>) -> Work {
        self.waiting = Load::default();
        let closing = self.work.closing;
        let next = Work { updates: spare, closing, ..Work::default() };
        mem::replace(&mut self.work, next)
    }

    fn note(&mut self, note: Drafted) {
        match self.work.notes.get_mut(&note.room) {
            Some(earlier) if earlier.seq > note.seq => {}
            Some(earlier) => *earlier = note,
            None => drop(self.work.notes.insert(note.room.clone(), note)),
        }
    }
}

impl Work {
    pub(super) fn has_any(&self) -> bool {
        !self.updates.is_empty() || !self.notes.is_empty() || self.is_urgent()
    }

    const fn is_urgent(&self) -> bool {
        !self.requests.is_empty() || !self.gone.is_empty() || self.closing.is_some()
    }
}
