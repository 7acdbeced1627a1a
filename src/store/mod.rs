//! Update log and snapshots: what survives the process.
//!
//! A [`Backend`] is plain and blocking: it does one thing per call and says how it went. Everything
//! that makes it safe to use from rooms - one owning thread, group commit, bounded queue, retry with
//! backoff, who is told what is on disk - is in [`writer`] and written once for all backends.

#[cfg(test)]
mod conformance;
pub mod exclusive;
pub mod filesystem;
pub mod memory;
mod private;
mod snapshot;
pub mod sqlite;
pub mod writer;

#[cfg(feature = "node")]
pub(crate) use snapshot::decompress as decompress_snapshot;
use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use crate::error::Result;
use crate::ids::RoomId;

/// A snapshot that is the document's state as one Yjs update, version 1, as it is. Releases before the first
/// compressed ones wrote it, and states that are too large to be compressed have it still.
pub const SNAPSHOT_FORMAT_PLAIN: u64 = 1;

/// The same compressed with zstd; the newest format that can be read.
pub const SNAPSHOT_FORMAT_ZSTD: u64 = 2;

/// Texts that are remembered of each room because the host may still take them.
pub const ATTEMPTS_KEPT_PER_ROOM: usize = 8;

/// How long a host may still take a text after it was given it. Somebody who puts an older text of ours back by
/// hand within this time, and just one whose fate is not known, is not understood.
pub const ATTEMPT_TTL: Duration = Duration::from_secs(3600);

/// Snapshot versions kept per room; older ones are deleted when a new one is stored.
pub const SNAPSHOTS_KEPT_PER_ROOM: usize = 3;

/// Snapshots larger than this are stored all the same, but the host is told.
pub const SNAPSHOT_BYTES_ADVISED: u64 = 1024 * 1024;

/// How long snapshots of rooms that nobody opens are kept.
pub const SNAPSHOT_TTL: Duration = Duration::from_secs(48 * 3600);

/// A document update to be appended to a room's log.
#[derive(Debug, Clone)]
pub struct Append {
    /// The room it belongs to.
    pub room: RoomId,
    /// Its place in the room's log; counts up from 1 and never repeats, across restarts too.
    pub seq: u64,
    /// The update in Yjs encoding, version 1.
    pub update: Bytes,
}

/// All that is stored of one room.
#[derive(Debug, Default)]
pub struct StoredRoom {
    /// The newest snapshot that is whole; `None` if there never was one or none is usable.
    pub snapshot: Option<StoredSnapshot>,
    /// The log in order of `seq`.
    pub log: Vec<Bytes>,
    /// Updates that are damaged for good and left out of the log.
    pub damaged: Option<DamagedUpdates>,
    /// The last `seq` ever used for the room, 0 if none.
    pub last_seq: u64,
    /// The last snapshot version ever used for the room, 0 if none.
    pub last_version: u64,
    /// What the host's text contains of this room; `None` if it was never noted.
    pub drafted: Option<Drafted>,
    /// Texts that were about to be given to the host, and of which it is not known that it took them; the newest
    /// last.
    pub attempted: Vec<Attempt>,
    /// Snapshots that were skipped, newest first.
    pub rejected: Vec<RejectedSnapshot>,
}

/// A snapshot read back, its hash verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredSnapshot {
    /// Counts up per room from 1.
    pub version: u64,
    /// The document's state as one update, version 1.
    pub data: Bytes,
    /// When it was taken, ms since the epoch.
    pub created_at_ms: i64,
}

/// A snapshot that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RejectedSnapshot {
    /// Its version.
    pub version: u64,
    /// Why.
    pub reason: Rejection,
}

/// Why a snapshot cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rejection {
    /// The bytes are not those that were written.
    HashMismatch {
        /// The SHA-256 stored beside the data, hex.
        expected: String,
        /// The SHA-256 of the data found, hex.
        computed: String,
    },
    /// Written by a newer version of this software.
    NewerFormat(u64),
    /// The file or row cannot be read; the text says what the system said.
    Unreadable(String),
}

/// Updates in the log that are not what was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DamagedUpdates {
    /// The place of the first.
    pub first_seq: u64,
    /// How many there are.
    pub count: usize,
    /// The first is the log's first, so what came after it may have nothing to stand on.
    pub at_start: bool,
}

/// A snapshot to be stored.
#[derive(Debug, Clone)]
pub struct NewSnapshot {
    /// The room.
    pub room: RoomId,
    /// One more than the room's last version.
    pub version: u64,
    /// The document's state as one update, version 1.
    pub data: Bytes,
    /// Log rows up to and including this `seq` are contained in it and deleted with it; 0 = none.
    pub covers_seq: u64,
    /// ms since the epoch.
    pub created_at_ms: i64,
}

/// A snapshot that is on disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SavedSnapshot {
    /// Its unique id.
    pub id: String,
    /// Its version.
    pub version: u64,
    /// The size of the document's state in bytes, however it is stored.
    pub byte_size: u64,
    /// Versions deleted because only the newest few are kept.
    pub pruned: Vec<u64>,
}

/// A snapshot deleted by a sweep because its room was inactive for too long.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expired {
    /// The room it belonged to.
    pub room: RoomId,
    /// Its version.
    pub version: u64,
    /// Its age in ms.
    pub age_ms: i64,
}

/// A Markdown text as the host has it. It is kept whole and not as a hash: what was edited elsewhere is
/// found by comparing it with what the host has now.
pub type HostText = Arc<str>;

/// The host has, as a draft or as the record itself, the text of a room as of a place in its log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Drafted {
    /// The room.
    pub room: RoomId,
    /// The host's text contains the log up to and including this `seq`.
    pub seq: u64,
    /// That text.
    pub text: HostText,
    /// The last text of the host's own that ours took the place of, if ours did.
    pub before: Option<HostText>,
}

/// A text that is about to be given to the host. Noted before, because a process that ends before it hears
/// what became of it must know the text for its own when it sees it again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// The text contains the log up to and including this `seq`.
    pub seq: u64,
    /// The text.
    pub text: HostText,
    /// When it is given, ms since the epoch.
    pub given_at_ms: i64,
}

impl Attempt {
    /// Whether the host may still take it. One from a time to come was given before the clock was put back.
    pub fn is_open(&self, now_ms: i64) -> bool {
        let age_ms = now_ms.saturating_sub(self.given_at_ms);
        u128::try_from(age_ms).unwrap_or(0) < ATTEMPT_TTL.as_millis()
    }
}

/// What is written in groups: one entry of a room's log, or a note beside it.
#[derive(Debug, Clone)]
pub enum Entry {
    /// A document update.
    Update(Append),
    /// The host's text has caught up.
    Drafted(Drafted),
}

impl Entry {
    /// The room it belongs to.
    pub const fn room(&self) -> &RoomId {
        match self {
            Self::Update(append) => &append.room,
            Self::Drafted(drafted) => &drafted.room,
        }
    }
}

/// Where log and snapshots live. Called by one thread only; every call is all or nothing, and may be
/// repeated after an error: whoever gets an error cannot know whether the disk has it after all.
pub trait Backend: Send + 'static {
    /// Reads what is stored of a room; an unknown room is an empty [`StoredRoom`].
    ///
    /// Fails rather than leave out anything that might be readable a moment later: only a snapshot
    /// that is damaged for good is skipped.
    fn load(&mut self, room: &RoomId) -> Result<StoredRoom>;

    /// Writes entries of any rooms in one transaction; those of one room are in order of `seq`.
    ///
    /// A `seq` that is there already with the same bytes is fine; with other bytes it is an error.
    fn commit(&mut self, batch: &[Entry]) -> Result<()>;

    /// Stores a snapshot, deletes the log rows it covers and the versions beyond those kept, in one
    /// transaction. The room's last version again replaces it (a repeated call); an older one is an error.
    fn save_snapshot(&mut self, snapshot: &NewSnapshot) -> Result<SavedSnapshot>;

    /// Notes what is about to be given to the host. A [`Drafted`] note of the same text ends it, if the host was
    /// given that once: a host that is slow may take a text after a newer one, or a second time. Of different texts
    /// the newest [`ATTEMPTS_KEPT_PER_ROOM`] are kept.
    fn attempt(&mut self, room: &RoomId, attempt: &Attempt) -> Result<()>;

    /// Deletes the snapshots of rooms that are not active and whose newest snapshot was taken before
    /// `older_than_ms` (ms since the epoch). Kept are rooms that still have log rows, and rooms whose
    /// text the host does not have yet: nothing that exists only here is deleted. The room's last `seq`,
    /// last version and [`Drafted`] stay, so that no number is ever used twice.
    ///
    /// `now_ms` (ms since the epoch) is what ages are counted from.
    fn sweep(&mut self, active: &HashSet<RoomId>, now_ms: i64, older_than_ms: i64) -> Result<Vec<Expired>>;
}
