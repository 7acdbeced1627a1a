//! Log and snapshots in one SQLite file.

pub(super) mod database;
pub(super) mod log;
pub(super) mod table;
#[cfg(test)]
mod tests;

use std::collections::HashSet;
use std::path::Path;

use self::database::Database;
pub use self::database::SqliteSettings;
use self::log::RoomKeys;
use super::snapshot::{Header, beyond_kept, newest_whole, note_missing};
use super::{Attempt, Backend, Entry, Expired, NewSnapshot, SavedSnapshot, StoredRoom};
use crate::error::Result;
use crate::ids::RoomId;

/// A store in one SQLite file that nothing else may open for writing.
#[derive(Debug)]
pub struct SqliteBackend {
    database: Database,
    keys: RoomKeys,
}

impl SqliteBackend {
    /// Opens the file, and creates it (and its folder) if it is not there.
    ///
    /// Fails with [`Code::StorageFailed`](crate::error::Code::StorageFailed) if it cannot be opened, is
    /// not a database, is somebody else's database, or was written by a newer version of this software;
    /// then nothing in it is changed.
    pub fn open(path: &Path, settings: &SqliteSettings) -> Result<Self> {
        Ok(Self { database: Database::open(path, settings)?, keys: RoomKeys::default() })
    }
}

impl Backend for SqliteBackend {
    fn load(&mut self, room: &RoomId) -> Result<StoredRoom> {
        let mut stored = self.database.read("read the log", |connection| log::load(connection, room))?;
        let headers =
            self.database.read("read the snapshots", |connection| table::headers(connection, room))?;
        let newest_found = headers.first().map_or(0, |header| header.version);
        let (snapshot, mut rejected) =
            newest_whole(headers, |header| table::data(&self.database, &header.id))?;
        note_missing(&mut rejected, stored.snapshot_version, newest_found);
        stored.last_version = stored.last_version.max(newest_found);
        Ok(stored.into_room(room, snapshot, rejected))
    }

    fn commit(&mut self, batch: &[Entry]) -> Result<()> {
        let Self { database, keys } = self;
        database.write("append to the log", |transaction| log::append(transaction, batch, keys))
    }

    fn save_snapshot(&mut self, snapshot: &NewSnapshot) -> Result<SavedSnapshot> {
        let (header, packed) = Header::pack(snapshot)?;
        let pruned = self.database.write("store a snapshot", |transaction| {
            log::cover(transaction, &snapshot.room, snapshot.version, snapshot.covers_seq)?;
            table::insert(transaction, &snapshot.room, &header, &packed)?;
            let pruned = beyond_kept(&table::headers(transaction, &snapshot.room)?);
            table::delete(transaction, &snapshot.room, &pruned)?;
            Ok(pruned)
        })?;
        Ok(SavedSnapshot { id: header.id, version: snapshot.version, byte_size: header.byte_size, pruned })
    }

    fn attempt(&mut self, room: &RoomId, attempt: &Attempt) -> Result<()> {
        self.database.write("note a draft", |transaction| log::attempt(transaction, room, attempt))
    }

    fn sweep(&mut self, active: &HashSet<RoomId>, now_ms: i64, older_than_ms: i64) -> Result<Vec<Expired>> {
        table::sweep(&mut self.database, active, now_ms, older_than_ms)
    }
}
