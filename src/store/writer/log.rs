//! A room's end of the writer: it appends, and it learns what is on disk.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use tokio::sync::watch;

use super::queue::Shared;
use crate::ids::RoomId;
use crate::store::HostText;

/// The store took no update: its queue is full because the disk does not answer, or it is closed.
///
/// The update's `seq` is used up all the same, so [`RoomLog::last_seq`] counts it and
/// [`RoomLog::committed`] stops before it. Only a snapshot that covers it brings the disk up to date.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the store's queue is full; update {seq} can only be saved by a snapshot")]
pub struct Backlogged {
    /// The `seq` that is missing from the log.
    pub seq: u64,
}

/// The log of one room. Given out by [`Store::load`](super::Store::load); cheap to clone.
#[derive(Clone)]
pub struct RoomLog {
    state: Arc<LogState>,
}

impl RoomLog {
    pub(super) const fn new(state: Arc<LogState>) -> Self {
        Self { state }
    }

    /// Queues an update and gives its `seq`. Never waits for the disk.
    pub fn append(&self, update: Bytes) -> Result<u64, Backlogged> {
        self.state.shared.append(&self.state, update, None)
    }

    /// Queues the update that fills an empty room from the host's text, together with the note that the
    /// host's text contains it: the disk gets both or neither.
    pub fn seed(&self, update: Bytes, text: HostText) -> Result<u64, Backlogged> {
        self.state.shared.append(&self.state, update, Some((None, text)))
    }

    /// Queues an edit that was made elsewhere, together with the host's text that it comes from. That text
    /// contains the log up to and including `contains`; `None`: all of it, this edit as well.
    pub fn append_merge(
        &self,
        update: Bytes,
        contains: Option<u64>,
        text: HostText,
    ) -> Result<u64, Backlogged> {
        self.state.shared.append(&self.state, update, Some((contains, text)))
    }

    /// Queues the note that the host's text, which is this, contains the log up to and including `seq`.
    /// A newer note replaces one that still waits, so it is never refused.
    ///
    /// `before` is the last text of the host's own that ours took the place of.
    pub fn drafted(&self, seq: u64, text: HostText, before: Option<HostText>) {
        self.state.shared.drafted(&self.state, seq, text, before);
    }

    /// The `seq` up to which, and including which, everything is on disk.
    pub fn committed(&self) -> watch::Receiver<u64> {
        self.state.committed.subscribe()
    }

    /// The last `seq` used, refused updates included.
    pub fn last_seq(&self) -> u64 {
        self.state.progress().last_seq
    }
}

impl fmt::Debug for RoomLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("RoomLog").field(&self.state.room).finish()
    }
}

/// What the handles of one room and the writer's thread share.
pub(super) struct LogState {
    pub(super) room: RoomId,
    shared: Arc<Shared>,
    // A plain mutex: held for a few assignments. Whoever holds the queue's lock may take it, not the
    // other way round.
    progress: Mutex<Progress>,
    committed: watch::Sender<u64>,
}

#[derive(Debug)]
struct Progress {
    last_seq: u64,
    /// The highest `seq` on disk.
    written: u64,
    /// The first and the last `seq` that were refused since the last snapshot.
    gap: Option<(u64, u64)>,
}

impl LogState {
    pub(super) fn new(room: RoomId, shared: Arc<Shared>, last_seq: u64) -> Self {
        let progress = Progress { last_seq, written: last_seq, gap: None };
        Self { room, shared, progress: Mutex::new(progress), committed: watch::Sender::new(last_seq) }
    }

    /// Takes the next `seq`. Called under the queue's lock, so that the queue is in order of `seq`.
    pub(super) fn next_seq(&self) -> u64 {
        let mut progress = self.progress();
        progress.last_seq += 1;
        progress.last_seq
    }

    /// Takes the next `seq` for an update that is refused.
    pub(super) fn refuse(&self) -> Backlogged {
        let mut progress = self.progress();
        progress.last_seq += 1;
        let seq = progress.last_seq;
        progress.gap = Some((progress.gap.map_or(seq, |(first, _)| first), seq));
        Backlogged { seq }
    }

    /// The log is on disk up to here, except for what was refused.
    pub(super) fn written(&self, seq: u64) {
        self.publish(|progress| progress.written = progress.written.max(seq));
    }

    /// A snapshot on disk holds everything up to here, whatever became of the log.
    pub(super) fn covered(&self, seq: u64) {
        self.publish(|progress| {
            progress.written = progress.written.max(seq);
            progress.gap =
                progress.gap.filter(|(_, last)| *last > seq).map(|(first, last)| (first.max(seq + 1), last));
        });
    }

    fn publish(&self, change: impl FnOnce(&mut Progress)) {
        let committed = {
            let mut progress = self.progress();
            change(&mut progress);
            progress.gap.map_or(progress.written, |(first, _)| progress.written.min(first - 1))
        };
        self.committed.send_if_modified(|value| {
            let is_news = committed > *value;
            *value = committed.max(*value);
            is_news
        });
    }

    fn progress(&self) -> MutexGuard<'_, Progress> {
        // It is whole between any two assignments, so a panic elsewhere leaves nothing half done.
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for LogState {
    fn drop(&mut self) {
        self.shared.forget(&self.room);
    }
}
