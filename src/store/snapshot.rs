//! What all backends do alike: how snapshots are described, checked and chosen, and what is refused.

use bytes::Bytes;
use sha2::{Digest, Sha256};

use super::{
    Append, NewSnapshot, RejectedSnapshot, Rejection, SNAPSHOT_FORMAT_V1, SNAPSHOTS_KEPT_PER_ROOM,
    StoredSnapshot,
};
use crate::error::{Code, RealtimeError, Result};
use crate::ids::RoomId;

/// What is stored beside a snapshot's bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Header {
    /// Unique among all snapshots.
    pub(super) id: String,
    /// Counts up per room from 1.
    pub(super) version: u64,
    /// The SHA-256 of the bytes, hex.
    pub(super) integrity_hash: String,
    /// How the bytes are to be read.
    pub(super) format_version: u64,
    /// When it was taken, ms since the epoch.
    pub(super) created_at_ms: i64,
}

impl Header {
    /// Describes a snapshot that is about to be stored.
    pub(super) fn of(snapshot: &NewSnapshot) -> Self {
        Self {
            id: format!("{}-{}-{}", snapshot.room, snapshot.version, snapshot.created_at_ms),
            version: snapshot.version,
            integrity_hash: integrity_hash(&snapshot.data),
            format_version: SNAPSHOT_FORMAT_V1,
            created_at_ms: snapshot.created_at_ms,
        }
    }

    fn verify(&self, data: Bytes) -> Result<StoredSnapshot, Rejection> {
        let computed = integrity_hash(&data);
        if computed != self.integrity_hash {
            return Err(Rejection::HashMismatch { expected: self.integrity_hash.clone(), computed });
        }
        Ok(StoredSnapshot { version: self.version, data, created_at_ms: self.created_at_ms })
    }
}

/// The SHA-256 of a snapshot's bytes, hex.
pub(super) fn integrity_hash(data: &[u8]) -> String {
    format!("{:x}", Sha256::digest(data))
}

/// Takes the first of the headers, newest first, whose bytes are whole, and says which were skipped.
///
/// `read` gives the bytes, or `Ok(Err(why))` if they are damaged for good; its error ends the search,
/// because to go on with an older snapshot when the newer one is only unreadable for a moment would
/// lose what is between them.
pub(super) fn newest_whole(
    headers: impl IntoIterator<Item = Header>,
    mut read: impl FnMut(&Header) -> Result<Result<Bytes, String>>,
) -> Result<(Option<StoredSnapshot>, Vec<RejectedSnapshot>)> {
    let mut rejected = Vec::new();
    for header in headers {
        let found = if header.format_version > SNAPSHOT_FORMAT_V1 {
            Err(Rejection::NewerFormat(header.format_version))
        } else {
            read(&header)?.map_err(Rejection::Unreadable).and_then(|data| header.verify(data))
        };
        match found {
            Ok(snapshot) => return Ok((Some(snapshot), rejected)),
            Err(reason) => rejected.push(RejectedSnapshot { version: header.version, reason }),
        }
    }
    Ok((None, rejected))
}

/// Adds the complaint about a newest snapshot that should be there and is not, such as a deleted file.
pub(super) fn note_missing(rejected: &mut Vec<RejectedSnapshot>, expected: u64, newest_found: u64) {
    if newest_found < expected {
        let reason = "it was stored and is gone; was `snapshots.storage` changed, or a file deleted?";
        let reason = Rejection::Unreadable(reason.to_owned());
        rejected.insert(0, RejectedSnapshot { version: expected, reason });
    }
}

/// Which of a room's versions, newest first, are beyond those kept.
pub(super) fn beyond_kept(versions: &[u64]) -> &[u64] {
    versions.get(SNAPSHOTS_KEPT_PER_ROOM..).unwrap_or_default()
}

/// The refusal of a version that is older than the room's last one.
pub(super) fn version_goes_back(room: &RoomId, version: u64, last_version: u64) -> RealtimeError {
    RealtimeError::new(
        Code::StorageFailed,
        format!(
            "snapshot {version} of {room} is older than its last one, {last_version}; versions only go up"
        ),
    )
    .with("room", room.as_str())
}

/// The refusal of an update whose place in the log holds another one.
pub(super) fn seq_is_taken(append: &Append) -> RealtimeError {
    RealtimeError::new(
        Code::StorageFailed,
        format!(
            "update {} of {} is in the log already and is another one; does a second process use this store?",
            append.seq, append.room
        ),
    )
    .with("room", append.room.as_str())
}
