//! Log and snapshots in one SQLite file.

mod database;
pub(super) mod log;
#[cfg(test)]
mod tests;

use std::collections::HashSet;
use std::path::Path;

use bytes::Bytes;
use rusqlite::{Connection, OptionalExtension, params};

use self::database::{Database, Problem, from_sql, to_sql};
pub use self::database::{Durability, SqliteSettings};
use super::snapshot::{Header, beyond_kept, newest_whole, note_missing};
use super::{Backend, Entry, Expired, NewSnapshot, SavedSnapshot, StoredRoom};
use crate::error::Result;
use crate::ids::RoomId;

/// Free pages given back to the file system by one sweep, at most; bounds how long the log waits for it.
const VACUUM_PAGES_MAX: u32 = 4_096;

/// A store in one SQLite file that nothing else may open for writing.
#[derive(Debug)]
pub struct SqliteBackend {
    database: Database,
}

impl SqliteBackend {
    /// Opens the file, and creates it (and its folder) if it is not there.
    ///
    /// Fails with [`Code::StorageFailed`](crate::error::Code::StorageFailed) if it cannot be opened, is
    /// not a database, is somebody else's database, or was written by a newer version of this software;
    /// then nothing in it is changed.
    pub fn open(path: &Path, settings: &SqliteSettings) -> Result<Self> {
        Ok(Self { database: Database::open(path, settings)? })
    }
}

impl Backend for SqliteBackend {
    fn load(&mut self, room: &RoomId) -> Result<StoredRoom> {
        let mut stored = self.database.read("read the log", |connection| log::load(connection, room))?;
        let headers = self.database.read("read the snapshots", |connection| headers(connection, room))?;
        let newest_found = headers.first().map_or(0, |header| header.version);
        let (snapshot, mut rejected) =
            newest_whole(headers, |header| self.database.snapshot_data(&header.id))?;
        note_missing(&mut rejected, stored.snapshot_version, newest_found);
        stored.last_version = stored.last_version.max(newest_found);
        Ok(stored.into_room(room, snapshot, rejected))
    }

    fn commit(&mut self, batch: &[Entry]) -> Result<()> {
        self.database.write("append to the log", |transaction| log::append(transaction, batch))
    }

    fn save_snapshot(&mut self, snapshot: &NewSnapshot) -> Result<SavedSnapshot> {
        let header = Header::of(snapshot);
        let pruned = self.database.write("store a snapshot", |transaction| {
            log::cover(transaction, &snapshot.room, snapshot.version, snapshot.covers_seq)?;
            insert(transaction, snapshot, &header)?;
            prune(transaction, &snapshot.room)
        })?;
        Ok(SavedSnapshot {
            id: header.id,
            version: snapshot.version,
            byte_size: snapshot.data.len() as u64,
            pruned,
        })
    }

    fn sweep(&mut self, active: &HashSet<RoomId>, now_ms: i64, older_than_ms: i64) -> Result<Vec<Expired>> {
        let expired = self.database.write("sweep", |transaction| {
            let mut expired = Vec::new();
            for room in inactive(transaction, older_than_ms)? {
                if active.contains(&room) || !log::is_only_a_copy(transaction, &room)? {
                    continue;
                }
                for header in headers(transaction, &room)? {
                    let age_ms = now_ms.saturating_sub(header.created_at_ms);
                    expired.push(Expired { room: room.clone(), version: header.version, age_ms });
                }
                transaction.execute("DELETE FROM realtime_snapshots WHERE room_id = ?", [room.as_str()])?;
                log::forget_snapshots(transaction, &room)?;
            }
            Ok(expired)
        })?;
        self.database.vacuum(VACUUM_PAGES_MAX);
        Ok(expired)
    }
}

impl Database {
    /// The bytes of a snapshot, or why they can never be read.
    pub(super) fn snapshot_data(&self, id: &str) -> Result<Result<Bytes, String>> {
        self.read("read a snapshot", |connection| {
            let mut statement =
                connection.prepare_cached("SELECT snapshot_data FROM realtime_snapshots WHERE id = ?")?;
            match statement.query_row([id], |row| row.get::<_, Vec<u8>>(0)).optional() {
                Ok(Some(data)) => Ok(Ok(Bytes::from(data))),
                Ok(None) => Ok(Err("the row is gone".to_owned())),
                Err(error) if database::is_damage(&error) => Ok(Err(error.to_string())),
                Err(error) => Err(error.into()),
            }
        })
    }
}

/// A room's snapshots, newest first, without their bytes.
fn headers(connection: &Connection, room: &RoomId) -> Result<Vec<Header>, Problem> {
    let mut statement = connection.prepare_cached(
        "SELECT id, version, integrity_hash, format_version, created_at FROM realtime_snapshots
         WHERE room_id = ? ORDER BY version DESC",
    )?;
    let rows = statement.query_map([room.as_str()], |row| {
        Ok(Header {
            id: row.get(0)?,
            version: from_sql(row.get(1)?),
            integrity_hash: row.get(2)?,
            format_version: from_sql(row.get(3)?),
            created_at_ms: row.get(4)?,
        })
    })?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

fn insert(connection: &Connection, snapshot: &NewSnapshot, header: &Header) -> Result<(), Problem> {
    // A version is there already if an earlier attempt succeeded and only its answer was lost.
    connection
        .prepare_cached("DELETE FROM realtime_snapshots WHERE room_id = ? AND version = ?")?
        .execute(params![snapshot.room.as_str(), to_sql(snapshot.version)])?;
    connection
        .prepare_cached(
            "INSERT INTO realtime_snapshots
             (id, room_id, snapshot_data, version, integrity_hash, format_version, byte_size, created_at)
             VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        )?
        .execute(params![
            header.id,
            snapshot.room.as_str(),
            &snapshot.data[..],
            to_sql(header.version),
            header.integrity_hash,
            to_sql(header.format_version),
            to_sql(snapshot.data.len() as u64),
            header.created_at_ms,
        ])?;
    Ok(())
}

fn prune(connection: &Connection, room: &RoomId) -> Result<Vec<u64>, Problem> {
    let versions: Vec<u64> = headers(connection, room)?.iter().map(|header| header.version).collect();
    let pruned = beyond_kept(&versions).to_vec();
    for version in &pruned {
        connection
            .prepare_cached("DELETE FROM realtime_snapshots WHERE room_id = ? AND version = ?")?
            .execute(params![room.as_str(), to_sql(*version)])?;
    }
    Ok(pruned)
}

/// Rooms whose newest snapshot was taken before that.
fn inactive(connection: &Connection, older_than_ms: i64) -> Result<Vec<RoomId>, Problem> {
    let mut statement = connection.prepare_cached(
        "SELECT room_id FROM realtime_snapshots GROUP BY room_id HAVING max(created_at) < ? ORDER BY room_id",
    )?;
    let ids = statement.query_map([older_than_ms], |row| row.get::<_, String>(0))?;
    let ids = ids.collect::<rusqlite::Result<Vec<_>>>()?;
    // What is not an id of ours was not written by us and is left alone.
    Ok(ids.iter().filter_map(|id| RoomId::parse(id).ok()).collect())
}
