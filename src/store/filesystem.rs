//! The log in a SQLite file, snapshots as files beside it.
//!
//! A snapshot is two files: its bytes and, written last, what is known about them. Only when both are on
//! disk does the log lose the rows that they cover, so a crash between any two steps leaves either the
//! old snapshot with the whole log or the new snapshot with more of the log than it needs.

mod files;
mod import;
mod names;
#[cfg(test)]
mod tests;

use std::collections::HashSet;
use std::path::Path;

use self::files::{Found, SnapshotFolder};
pub use self::import::import_snapshot_files;
use super::snapshot::{Header, beyond_kept, newest_whole, note_missing, version_goes_back};
use super::sqlite::database::{Database, SqliteSettings};
use super::sqlite::log::{self, RoomKeys};
use super::sqlite::table;
use super::{Attempt, Backend, Entry, Expired, NewSnapshot, SavedSnapshot, StoredRoom};
use crate::error::Result;
use crate::ids::RoomId;

/// A store whose log is a SQLite file and whose snapshots are files.
#[derive(Debug)]
pub struct FilesystemBackend {
    database: Database,
    keys: RoomKeys,
    folder: SnapshotFolder,
}

impl FilesystemBackend {
    /// Opens the log and the folder of snapshots, creates what is not there, and deletes what an
    /// interrupted write left behind. Snapshots that are in the database, from a time when they were
    /// stored there, go on being used until newer ones replace them.
    ///
    /// Fails as [`SqliteBackend::open`](super::sqlite::SqliteBackend::open) does, and if the folder cannot
    /// be used.
    pub fn open(database: &Path, snapshots: &Path, settings: &SqliteSettings) -> Result<Self> {
        Ok(Self {
            database: Database::open(database, settings)?,
            keys: RoomKeys::default(),
            folder: SnapshotFolder::open(snapshots)?,
        })
    }

    /// All snapshots of a room, newest first.
    fn found(&self, room: &RoomId) -> Result<Vec<Found>> {
        let mut found = self.folder.list(room)?;
        let rows = self.database.read("read the snapshots", |connection| table::headers(connection, room))?;
        found.extend(rows.into_iter().map(Found::row));
        found.sort_by_key(|found| std::cmp::Reverse((found.header.version, found.header.created_at_ms)));
        Ok(found)
    }

    /// Deletes what attempts that failed left of a version that was written anew. Before the log is cut: as long as that
    /// fails, each attempt would leave its files.
    fn delete_left_overs(&self, written: &NewSnapshot) -> Result<()> {
        for Found { header, .. } in self.folder.list(&written.room)? {
            if header.version == written.version && header.created_at_ms != written.created_at_ms {
                self.folder.delete(&written.room, &header)?;
            }
        }
        Ok(())
    }

    /// Deletes the versions beyond those kept.
    fn prune(&mut self, saved: &NewSnapshot) -> Result<Vec<u64>> {
        let found = self.found(&saved.room)?;
        let pruned = beyond_kept(found.iter().map(|found| &found.header));
        for Found { header, .. } in &found {
            if pruned.contains(&header.version) {
                self.folder.delete(&saved.room, header)?;
            }
        }
        self.database
            .write("delete snapshots", |transaction| table::delete(transaction, &saved.room, &pruned))?;
        Ok(pruned)
    }
}

impl Backend for FilesystemBackend {
    fn load(&mut self, room: &RoomId) -> Result<StoredRoom> {
        let mut stored = self.database.read("read the log", |connection| log::load(connection, room))?;
        let found = self.found(room)?;
        let newest_found = found.first().map_or(0, |found| found.header.version);
        let headers: Vec<Header> = found.iter().map(|found| found.header.clone()).collect();
        let (snapshot, mut rejected) =
            newest_whole(headers, |header| match found.iter().find(|found| found.header == *header) {
                Some(Found { in_database: true, .. }) => table::data(&self.database, &header.id),
                Some(Found { problem: Some(problem), .. }) => Ok(Err(problem.clone())),
                _ => self.folder.read(room, header),
            })?;
        note_missing(&mut rejected, stored.snapshot_version, newest_found);
        stored.last_version = stored.last_version.max(newest_found);
        Ok(stored.into_room(room, snapshot, rejected))
    }

    fn commit(&mut self, batch: &[Entry]) -> Result<()> {
        let Self { database, keys, .. } = self;
        database.write("append to the log", |transaction| log::append(transaction, batch, keys))
    }

    fn save_snapshot(&mut self, snapshot: &NewSnapshot) -> Result<SavedSnapshot> {
        let room = &snapshot.room;
        // Before anything is written: what is refused must leave no file.
        let last_version =
            self.database.read("read the log", |connection| log::last_version(connection, room))?;
        if snapshot.version < last_version {
            return Err(version_goes_back(room, snapshot.version, last_version));
        }
        let (header, packed) = Header::pack(snapshot)?;
        self.folder.write(room, &header, &packed)?;
        self.delete_left_overs(snapshot)?;
        self.database.write("store a snapshot", |transaction| {
            log::cover(transaction, room, snapshot.version, snapshot.covers_seq)
        })?;
        // The snapshot is stored; what is not deleted now is deleted with the next one.
        let pruned = self.prune(snapshot).unwrap_or_else(|error| {
            tracing::warn!(
                operation = "realtime:store:prune", room = %room, code = %error.code,
                "old snapshots stay for now: {}", error.message
            );
            Vec::new()
        });
        let byte_size = header.byte_size;
        Ok(SavedSnapshot { id: header.id, version: snapshot.version, byte_size, pruned })
    }

    fn attempt(&mut self, room: &RoomId, attempt: &Attempt) -> Result<()> {
        self.database.write("note a draft", |transaction| log::attempt(transaction, room, attempt))
    }

    fn sweep(&mut self, active: &HashSet<RoomId>, now_ms: i64, older_than_ms: i64) -> Result<Vec<Expired>> {
        let mut expired = table::sweep(&mut self.database, active, now_ms, older_than_ms)?;
        for room in self.folder.rooms()? {
            let found = self.folder.list(&room)?;
            let is_old = found.iter().all(|found| found.header.created_at_ms < older_than_ms);
            if active.contains(&room) || !is_old {
                continue;
            }
            // Noted first: files that a crash leaves are swept the next time, but a note that they must be
            // there would be a false alarm.
            let is_swept = self.database.write("sweep", |transaction| {
                let is_only_a_copy = log::is_only_a_copy(transaction, &room)?;
                if is_only_a_copy {
                    log::forget_snapshots(transaction, &room)?;
                }
                Ok(is_only_a_copy)
            })?;
            if is_swept {
                for Found { header, .. } in &found {
                    self.folder.delete(&room, header)?;
                    let age_ms = now_ms.saturating_sub(header.created_at_ms);
                    expired.push(Expired { room: room.clone(), version: header.version, age_ms });
                }
                self.folder.delete_room(&room);
            }
        }
        Ok(expired)
    }
}
