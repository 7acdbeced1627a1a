//! What all backends do alike: how snapshots are described, checked and chosen, and what is refused.

use bytes::Bytes;
use sha2::{Digest, Sha256};

use super::{
    Append, NewSnapshot, RejectedSnapshot, Rejection, SNAPSHOT_FORMAT_PLAIN, SNAPSHOT_FORMAT_ZSTD,
    SNAPSHOTS_KEPT_PER_ROOM, StoredSnapshot,
};
use crate::error::{Code, RealtimeError, Result};
use crate::ids::RoomId;

/// How hard zstd tries. The fastest: the store's thread waits for it, and the log with it.
const ZSTD_LEVEL: i32 = 1;

/// The largest state that is stored compressed, in bytes. A damaged file cannot claim more than that when it
/// is read; a larger state is stored as it is.
const UNPACKED_BYTES_MAX: u64 = 256 * 1024 * 1024;

/// What is stored beside a snapshot's bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Header {
    /// Unique among all snapshots.
    pub(super) id: String,
    /// Counts up per room from 1.
    pub(super) version: u64,
    /// The SHA-256 of the document's state, hex.
    pub(super) integrity_hash: String,
    /// How the stored bytes are to be read.
    pub(super) format_version: u64,
    /// The size of the document's state in bytes, however it is stored.
    pub(super) byte_size: u64,
    /// When it was taken, ms since the epoch.
    pub(super) created_at_ms: i64,
}

impl Header {
    /// Describes a snapshot that is about to be stored, and gives the bytes to store.
    pub(super) fn pack(snapshot: &NewSnapshot) -> Result<(Self, Bytes)> {
        let byte_size = snapshot.data.len() as u64;
        let (format_version, packed) = if byte_size <= UNPACKED_BYTES_MAX {
            let packed = zstd::bulk::compress(&snapshot.data, ZSTD_LEVEL).map_err(|error| {
                RealtimeError::new(Code::StorageFailed, format!("cannot compress a snapshot: {error}"))
                    .with("room", snapshot.room.as_str())
                    .caused_by(error)
            })?;
            (SNAPSHOT_FORMAT_ZSTD, packed.into())
        } else {
            (SNAPSHOT_FORMAT_PLAIN, snapshot.data.clone())
        };
        let header = Self {
            id: format!("{}-{}-{}", snapshot.room, snapshot.version, snapshot.created_at_ms),
            version: snapshot.version,
            integrity_hash: integrity_hash(&snapshot.data),
            format_version,
            byte_size,
            created_at_ms: snapshot.created_at_ms,
        };
        Ok((header, packed))
    }

    /// Whether a release to come has written it.
    const fn is_newer(&self) -> bool {
        self.format_version > SNAPSHOT_FORMAT_ZSTD
    }

    /// The snapshot out of its stored bytes, or why it is none.
    fn unpack(&self, stored: Bytes) -> Result<StoredSnapshot, Rejection> {
        let data = if self.format_version == SNAPSHOT_FORMAT_ZSTD {
            decompress(&stored, self.byte_size).map_err(Rejection::Unreadable)?.into()
        } else {
            stored
        };
        let computed = integrity_hash(&data);
        if computed != self.integrity_hash {
            return Err(Rejection::HashMismatch { expected: self.integrity_hash.clone(), computed });
        }
        Ok(StoredSnapshot { version: self.version, data, created_at_ms: self.created_at_ms })
    }
}

/// Undoes the compression of a snapshot that is said to be of this size; what goes on beyond it is refused.
pub(crate) fn decompress(stored: &[u8], byte_size: u64) -> Result<Vec<u8>, String> {
    let room = usize::try_from(byte_size.min(UNPACKED_BYTES_MAX)).unwrap_or(usize::MAX);
    zstd::bulk::decompress(stored, room)
        .map_err(|error| format!("it does not decompress to {room} bytes: {error}"))
}

/// The SHA-256 of a document's state, hex.
fn integrity_hash(data: &[u8]) -> String {
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
        let found = if header.is_newer() {
            Err(Rejection::NewerFormat(header.format_version))
        } else {
            read(&header)?.map_err(Rejection::Unreadable).and_then(|stored| header.unpack(stored))
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

/// Which of a room's snapshots, newest first, are beyond those kept. What a newer release wrote is not ours to
/// delete, and takes no place from what can be read here.
pub(super) fn beyond_kept<'a>(headers: impl IntoIterator<Item = &'a Header>) -> Vec<u64> {
    let mut versions: Vec<u64> =
        headers.into_iter().filter(|header| !header.is_newer()).map(|header| header.version).collect();
    versions.dedup();
    versions.split_off(SNAPSHOTS_KEPT_PER_ROOM.min(versions.len()))
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
