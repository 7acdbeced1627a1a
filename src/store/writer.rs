//! The one thread that owns a [`Backend`], and the handles through which rooms use it. Written once for
//! all backends.
//!
//! Rooms never wait for the disk: [`RoomLog::append`] puts an update into a bounded queue, and the thread
//! writes what has gathered in one transaction. What cannot be written stays queued and is tried again
//! until it can; [`Store::health`] says so meanwhile.

mod log;
mod queue;
mod settings;
mod stuck;
#[cfg(test)]
mod tests;
mod thread;

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

pub use self::log::{Backlogged, RoomLog};
use self::queue::{Request, Shared};
pub use self::settings::{ENTRY_OVERHEAD_BYTES, StoreSettings};
#[cfg(test)]
pub(crate) use self::thread::stepped::SteppedWriter;
use super::{Attempt, Backend, Expired, NewSnapshot, SavedSnapshot, StoredRoom};
use crate::error::{Code, RealtimeError, Result};
use crate::ids::RoomId;

/// How long the thread goes on trying to write what is queued when every [`Store`] was dropped without
/// [`Store::close`].
const ABANDONED_FLUSH_MAX: Duration = Duration::from_secs(5);

/// How much longer than its patience [`Store::close`] waits for a call that the disk does not answer at all.
const HUNG_CALL_MAX: Duration = Duration::from_secs(1);

/// Whether what is accepted reaches the disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StoreHealth {
    /// It does.
    Ok,
    /// It does not at the moment, for one room or for all; it is kept in memory and tried again.
    Degraded {
        /// Since when, ms since the epoch.
        since_ms: i64,
        /// What the disk said when it began.
        error: String,
    },
}

impl StoreHealth {
    /// Whether what is accepted reaches the disk.
    pub const fn is_ok(&self) -> bool {
        matches!(self, Self::Ok)
    }
}

/// Told of every change of health, once each, on the store's thread. It must not block.
pub type HealthObserver = Arc<dyn Fn(&StoreHealth) + Send + Sync>;

/// A handle on the store. Cheap to clone; the thread ends when it is closed or the last one is dropped.
#[derive(Debug, Clone)]
pub struct Store {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    shared: Arc<Shared>,
    // A plain mutex: taken once, by whoever closes first.
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Store {
    /// Starts the thread. The log lines it writes go where the caller's go.
    ///
    /// Fails if the settings contradict each other or the system gives no thread.
    pub fn start(
        backend: Box<dyn Backend>,
        settings: StoreSettings,
        observer: HealthObserver,
    ) -> Result<Self> {
        settings.check()?;
        let shared = Arc::new(Shared::new(settings));
        let thread = thread::spawn(backend, Arc::clone(&shared), observer)?;
        Ok(Self { inner: Arc::new(Inner { shared, thread: Mutex::new(Some(thread)) }) })
    }

    /// A store without a thread, and the writer that does its work when it is told to.
    #[cfg(test)]
    pub(crate) fn stepped(
        backend: Box<dyn Backend>,
        settings: StoreSettings,
        observer: HealthObserver,
    ) -> Result<(Self, SteppedWriter)> {
        settings.check()?;
        let shared = Arc::new(Shared::new(settings));
        let writer = SteppedWriter::new(backend, Arc::clone(&shared), observer);
        Ok((Self { inner: Arc::new(Inner { shared, thread: Mutex::new(None) }) }, writer))
    }

    /// Reads what is stored of a room and opens its log. Everything appended to the room before is in it.
    ///
    /// Fails with [`Code::StorageFailed`] if the room has updates that still cannot be written - to go on
    /// without them would be to go on from an old state - or if the store cannot be read.
    pub async fn load(&self, room: &RoomId) -> Result<(StoredRoom, RoomLog)> {
        self.ask(|reply| Request::Load { room: room.clone(), reply }).await
    }

    /// Stores a snapshot. It is tried at once, even while the log cannot be written, and not again: the
    /// caller decides when. When it succeeds, the log up to its `covers_seq` counts as written.
    pub async fn save_snapshot(&self, snapshot: NewSnapshot) -> Result<SavedSnapshot> {
        self.ask(|reply| Request::Save { snapshot, reply }).await
    }

    /// Notes on disk what is about to be given to the host; it is tried once.
    pub async fn attempt(&self, room: &RoomId, attempt: Attempt) -> Result<()> {
        self.ask(|reply| Request::Attempt { room: room.clone(), attempt, reply }).await
    }

    /// Deletes old snapshots, as [`Backend::sweep`] says. Rooms with an open log count as active too.
    pub async fn sweep(&self, active: HashSet<RoomId>, older_than_ms: i64) -> Result<Vec<Expired>> {
        self.ask(|reply| Request::Sweep { active, older_than_ms, reply }).await
    }

    /// Whether what is accepted reaches the disk.
    pub fn health(&self) -> StoreHealth {
        self.inner.shared.health()
    }

    /// Takes nothing more, answers what was asked before, writes what is queued, and ends the thread.
    /// What cannot be written is tried again until `patience` is over; the error names what was lost.
    /// A second call has the same result. A disk that does not even fail is left behind with its thread.
    pub async fn close(&self, patience: Duration) -> Result<()> {
        let mut ended = self.inner.shared.ended();
        self.inner.shared.begin_closing(Instant::now() + patience);
        let wait = patience.saturating_add(HUNG_CALL_MAX);
        let outcome = match tokio::time::timeout(wait, ended.wait_for(Option::is_some)).await {
            Ok(Ok(outcome)) => outcome.clone(),
            Ok(Err(_)) => None,
            Err(_) => {
                let message =
                    "the store cannot be closed: the disk does not answer, and what waits for it is lost";
                return Err(RealtimeError::new(Code::StorageFailed, message));
            }
        };
        let thread = self.inner.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = thread {
            // The outcome is the last thing that the thread gives, so this does not wait.
            let _ = thread.join();
        }
        outcome.unwrap_or_else(|| Err(RealtimeError::new(Code::Internal, "the store's thread is gone")))
    }

    async fn ask<T>(&self, request: impl FnOnce(oneshot::Sender<Result<T>>) -> Request) -> Result<T> {
        let (reply, answer) = oneshot::channel();
        self.inner.shared.request(request(reply))?;
        answer.await.unwrap_or_else(|_| Err(not_running()))
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.shared.begin_closing(Instant::now() + ABANDONED_FLUSH_MAX);
    }
}

fn not_running() -> RealtimeError {
    RealtimeError::new(Code::NotRunning, "the store is closed")
}
