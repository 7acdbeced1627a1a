//! The thread itself: takes what waits, writes it, answers, tries again what failed.

#[cfg(test)]
pub(super) mod stepped;

use std::any::Any;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Weak};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use tokio::sync::oneshot;
use tracing::{error, info, warn};

use super::log::{LogState, RoomLog};
use super::queue::{Load, Request, Shared, Work};
use super::stuck::Stuck;
use super::{HealthObserver, StoreHealth};
use crate::clock::{self, now_ms};
use crate::error::{Code, RealtimeError, Result};
use crate::ids::RoomId;
use crate::limits::backoff;
use crate::store::{Attempt, Backend, Entry, Expired, NewSnapshot, SavedSnapshot, StoredRoom};

/// How long rooms are tried one by one before everything else gets its turn again. A locked file costs
/// each of them its whole waiting time.
const ONE_BY_ONE_MAX: Duration = Duration::from_millis(500);

/// The largest list of entries whose memory is kept for the next group, in entries.
const SPARE_ENTRIES_MAX: usize = 16_384;

/// Rooms named in an error or a log line, at most.
const ROOMS_NAMED_MAX: usize = 20;

/// Starts the thread that owns the backend.
pub(super) fn spawn(
    backend: Box<dyn Backend>,
    shared: Arc<Shared>,
    observer: HealthObserver,
) -> Result<JoinHandle<()>> {
    let dispatcher = tracing::dispatcher::get_default(Clone::clone);
    let body = move || {
        tracing::dispatcher::with_default(&dispatcher, || {
            let mut writer = Writer::new(backend, Arc::clone(&shared), observer);
            let outcome = catch_unwind(AssertUnwindSafe(|| writer.run()));
            // Closes the file before anybody is told that it is closed.
            drop(writer);
            shared.end(outcome.unwrap_or_else(|panic| {
                let message = format!("the store's thread failed: {}", panic_text(&*panic));
                error!(operation = "realtime:store:write", "{message}");
                Err(RealtimeError::new(Code::Internal, message))
            }));
        });
    };
    // Linux shows the first 15 bytes of it.
    std::thread::Builder::new().name("realtime-store".to_owned()).spawn(body).map_err(|error| {
        RealtimeError::new(Code::StorageFailed, format!("cannot start the store's thread: {error}"))
            .caused_by(error)
    })
}

struct Writer {
    backend: Box<dyn Backend>,
    shared: Arc<Shared>,
    observer: HealthObserver,
    /// Rooms whose log is open.
    logs: HashMap<RoomId, Weak<LogState>>,
    stuck: Stuck,
    /// Rooms whose last snapshot failed and that are still open.
    unsaved: HashSet<RoomId>,
    last_error: Option<RealtimeError>,
    failures: u32,
    retry_at: Option<Instant>,
    random: fastrand::Rng,
}

impl Writer {
    fn new(backend: Box<dyn Backend>, shared: Arc<Shared>, observer: HealthObserver) -> Self {
        let random = shared.settings.random.clone();
        Self {
            random,
            backend,
            shared,
            observer,
            logs: HashMap::new(),
            stuck: Stuck::default(),
            unsaved: HashSet::new(),
            last_error: None,
            failures: 0,
            retry_at: None,
        }
    }

    fn run(&mut self) -> Result<()> {
        let mut spare = Vec::new();
        loop {
            let mut work = self.shared.wait(self.retry_at, spare);
            let closing = work.closing;
            spare = mem::take(&mut work.updates);
            self.deal_with(work, &mut spare);
            if let Some(deadline) = closing {
                return self.finish(deadline);
            }
            spare.clear();
            if spare.capacity() > SPARE_ENTRIES_MAX {
                spare = Vec::new();
            }
        }
    }

    /// Writes and answers what was taken at once; its updates are in a list of their own.
    fn deal_with(&mut self, work: Work, updates: &mut Vec<Entry>) {
        let Work { notes, requests, gone, .. } = work;
        // Notes come last: what they say is in the host's text must be on disk before them.
        updates.extend(notes.into_values().map(Entry::Drafted));
        self.write(updates);
        self.retry_if_due();
        for room in gone {
            self.forget(&room);
        }
        for request in requests {
            self.answer(request);
        }
        self.tell_health();
    }

    /// Writes a group; what cannot be written is kept.
    fn write(&mut self, batch: &mut Vec<Entry>) {
        self.stuck.divert(batch);
        if batch.is_empty() {
            return;
        }
        let Err(error) = self.commit(batch) else { return };
        self.last_error = Some(error);
        let rooms: BTreeSet<RoomId> = batch.iter().map(|entry| entry.room().clone()).collect();
        for entry in batch.drain(..) {
            self.stuck.keep(entry);
        }
        if rooms.len() > 1 {
            self.write_one_by_one(rooms.into_iter().collect());
        }
        if self.retry_at.is_none() && !self.stuck.is_empty() {
            self.plan_retry();
        }
    }

    fn commit(&mut self, batch: &[Entry]) -> Result<()> {
        guarded("append to the log", || self.backend.commit(batch))?;
        let mut last = BTreeMap::new();
        let mut load = Load::default();
        for entry in batch {
            load.add(Load::of(entry));
            if let Entry::Update(append) = entry {
                last.insert(&append.room, append.seq);
            }
        }
        // Before anybody is told: whoever waited for room in the queue finds it.
        self.shared.release(load);
        for (room, seq) in last {
            if let Some(log) = self.log(room) {
                log.written(seq);
            }
        }
        Ok(())
    }

    fn retry_if_due(&mut self) {
        if self.retry_at.is_some_and(|at| at <= clock::now()) {
            self.write_one_by_one(self.stuck.rooms());
            self.plan_retry();
        }
    }

    /// Decides when to try again, if there is anything to try.
    fn plan_retry(&mut self) {
        if self.stuck.is_empty() {
            self.failures = 0;
            self.retry_at = None;
            return;
        }
        self.retry_at = Some(clock::now() + self.next_pause());
    }

    fn next_pause(&mut self) -> Duration {
        let settings = &self.shared.settings;
        let pause = backoff(self.failures, settings.retry_first, settings.retry_longest, &mut self.random);
        self.failures = self.failures.saturating_add(1);
        pause
    }

    /// Tries rooms alone, in a random order so that none is always the last.
    fn write_one_by_one(&mut self, mut rooms: Vec<RoomId>) {
        let started = clock::now();
        self.random.shuffle(&mut rooms);
        for room in rooms {
            if clock::now() - started > ONE_BY_ONE_MAX {
                break;
            }
            if let Err(error) = self.write_stuck(&room) {
                self.last_error = Some(error);
            }
        }
    }

    fn write_stuck(&mut self, room: &RoomId) -> Result<()> {
        let entries = self.stuck.entries(room);
        if entries.is_empty() {
            return Ok(());
        }
        guarded("append to the log", || self.backend.commit(entries))?;
        let seqs = entries.iter().filter_map(|entry| match entry {
            Entry::Update(append) => Some(append.seq),
            Entry::Drafted(_) => None,
        });
        let last = seqs.max();
        let load = self.stuck.written(room);
        self.shared.release(load);
        if let (Some(seq), Some(log)) = (last, self.log(room)) {
            log.written(seq);
        }
        Ok(())
    }

    fn answer(&mut self, request: Request) {
        match request {
            Request::Load { room, reply } => {
                let loaded = self.load(room);
                self.reply(reply, loaded);
            }
            Request::Save { snapshot, reply } => {
                let saved = self.save(&snapshot);
                self.reply(reply, saved);
            }
            Request::Attempt { room, attempt, reply } => {
                let noted = self.attempt(&room, &attempt);
                self.reply(reply, noted);
            }
            Request::Sweep { active, older_than_ms, reply } => {
                let expired = self.sweep(active, older_than_ms);
                self.reply(reply, expired);
            }
        }
    }

    fn reply<T>(&self, reply: oneshot::Sender<T>, answer: T) {
        // First, so that whoever has the answer and asks for health is told what goes with it.
        self.tell_health();
        // Whoever asked may be gone; what was done stands.
        let _ = reply.send(answer);
    }

    fn load(&mut self, room: RoomId) -> Result<(StoredRoom, RoomLog)> {
        self.write_stuck(&room).map_err(|error| unwritten(&room, error))?;
        let log = self.log(&room);
        let mut stored = guarded("load a room", || self.backend.load(&room))?;
        if log.is_some() && self.shared.holds(&room) {
            let message = format!("{room} is still being written to by a room that should have ended");
            return Err(RealtimeError::new(Code::StorageFailed, message).with("room", room.as_str()));
        }
        let log = log.unwrap_or_else(|| {
            let log = Arc::new(LogState::new(room.clone(), Arc::clone(&self.shared), stored.last_seq));
            self.logs.insert(room, Arc::downgrade(&log));
            log
        });
        let log = RoomLog::new(log);
        // Refused updates used up numbers that the disk does not know of.
        stored.last_seq = log.last_seq();
        Ok((stored, log))
    }

    fn save(&mut self, snapshot: &NewSnapshot) -> Result<SavedSnapshot> {
        let room = &snapshot.room;
        let saved = guarded("store a snapshot", || self.backend.save_snapshot(snapshot));
        match &saved {
            Ok(_) => {
                self.unsaved.remove(room);
                let load = self.stuck.covered(room, snapshot.covers_seq);
                self.shared.release(load);
                if let Some(log) = self.log(room) {
                    log.covered(snapshot.covers_seq);
                }
                // The disk takes something again, so what else waits for this room is worth a try.
                if let Err(error) = self.write_stuck(room) {
                    self.last_error = Some(error);
                }
            }
            Err(error) => {
                if self.log(room).is_some() {
                    self.unsaved.insert(room.clone());
                }
                self.last_error = Some(error.clone());
            }
        }
        saved
    }

    /// A note of a text ends an attempt at it, so one that comes late must not end this one.
    fn attempt(&mut self, room: &RoomId, attempt: &Attempt) -> Result<()> {
        self.write_stuck(room).map_err(|error| unwritten(room, error))?;
        guarded("note a draft", || self.backend.attempt(room, attempt))
    }

    fn sweep(&mut self, mut active: HashSet<RoomId>, older_than_ms: i64) -> Result<Vec<Expired>> {
        active.extend(self.logs.keys().cloned());
        active.extend(self.stuck.rooms());
        guarded("sweep", || self.backend.sweep(&active, now_ms(), older_than_ms))
    }

    fn log(&self, room: &RoomId) -> Option<Arc<LogState>> {
        self.logs.get(room).and_then(Weak::upgrade)
    }

    /// A room's last handle was dropped; it may have been loaded again since.
    fn forget(&mut self, room: &RoomId) {
        if self.logs.get(room).is_some_and(|log| log.strong_count() == 0) {
            self.logs.remove(room);
            self.unsaved.remove(room);
        }
    }

    /// Tells the observer if health is not what it was.
    fn tell_health(&self) {
        let was = self.shared.health();
        let is_well = self.stuck.is_empty() && self.unsaved.is_empty();
        let health = match (&was, is_well) {
            (StoreHealth::Ok, true) | (StoreHealth::Degraded { .. }, false) => return,
            (StoreHealth::Degraded { .. }, true) => {
                info!(operation = "realtime:store:recovered", "the store writes again");
                StoreHealth::Ok
            }
            (StoreHealth::Ok, false) => {
                let error = self.last_error.as_ref().map_or_else(String::new, |error| error.message.clone());
                let rooms = self.stuck.rooms();
                warn!(
                    operation = "realtime:store:degraded", code = %Code::StorageFailed, rooms = rooms.len(),
                    "the store cannot write and will try again; editing goes on in memory: {error}"
                );
                StoreHealth::Degraded { since_ms: now_ms(), error }
            }
        };
        self.shared.set_health(health.clone());
        if catch_unwind(AssertUnwindSafe(|| (self.observer)(&health))).is_err() {
            error!(operation = "realtime:store:observer", "whoever observes the store's health failed");
        }
    }

    /// Tries until everything is written or the deadline has passed, at least once.
    fn finish(&mut self, deadline: Instant) -> Result<()> {
        loop {
            self.write_one_by_one(self.stuck.rooms());
            self.tell_health();
            if self.stuck.is_empty() {
                return Ok(());
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(self.lost());
            }
            // Nobody has anything to wake the thread for any more, so it just sleeps.
            std::thread::sleep(self.next_pause().min(left));
        }
    }

    fn lost(&self) -> RealtimeError {
        let mut rooms: Vec<String> = self.stuck.rooms().iter().map(ToString::to_string).collect();
        rooms.sort_unstable();
        let (count, updates) = (rooms.len(), self.stuck.updates());
        rooms.truncate(ROOMS_NAMED_MAX);
        let why = self.last_error.as_ref().map_or("", |error| error.message.as_str());
        let named = rooms.join(", ");
        let error = RealtimeError::new(
            Code::StorageFailed,
            format!("the store closed with {updates} updates of {count} rooms unwritten ({named}): {why}"),
        );
        error!(operation = "realtime:store:close", code = %error.code, "{}", error.message);
        error.with("rooms", rooms).with("unwritten_updates", updates)
    }
}

fn unwritten(room: &RoomId, error: RealtimeError) -> RealtimeError {
    RealtimeError::new(
        Code::StorageFailed,
        format!("{room} has updates that could not be written yet: {}", error.message),
    )
    .with("room", room.as_str())
    .caused_by(error)
}

/// Runs a call into the backend; a panic in it counts as a failure.
fn guarded<T>(doing: &str, call: impl FnOnce() -> Result<T>) -> Result<T> {
    catch_unwind(AssertUnwindSafe(call)).unwrap_or_else(|panic| {
        let message = format!("cannot {doing}: the store's backend panicked: {}", panic_text(&*panic));
        error!(operation = "realtime:store:write", "{message}");
        Err(RealtimeError::new(Code::StorageFailed, message))
    })
}

fn panic_text(panic: &(dyn Any + Send)) -> &str {
    panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("without a message")
}
