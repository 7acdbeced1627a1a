//! The table of snapshots.

use std::collections::HashSet;

use bytes::Bytes;
use rusqlite::{Connection, OptionalExtension, params};

use super::database::{Database, Problem, from_sql, is_damage, to_sql};
use super::log;
use crate::error::Result;
use crate::ids::RoomId;
use crate::store::Expired;
use crate::store::snapshot::Header;

pub(super) const SCHEMA: &str = "
    CREATE TABLE realtime_snapshots (
        id TEXT PRIMARY KEY NOT NULL,
        room_id TEXT NOT NULL,
        snapshot_data BLOB NOT NULL,
        version INTEGER NOT NULL,
        integrity_hash TEXT NOT NULL,
        format_version INTEGER NOT NULL,
        byte_size INTEGER NOT NULL,
        created_at INTEGER NOT NULL
    ) STRICT;
    CREATE INDEX realtime_snapshots_room_id ON realtime_snapshots (room_id);
    CREATE INDEX realtime_snapshots_created_at ON realtime_snapshots (created_at);
";

/// Free pages given back to the file system by one sweep, at most; bounds how long the log waits for it.
const VACUUM_PAGES_MAX: u32 = 4_096;

/// A room's snapshots, newest first, without their bytes.
pub(in crate::store) fn headers(connection: &Connection, room: &RoomId) -> Result<Vec<Header>, Problem> {
    let mut statement = connection.prepare_cached(
        "SELECT id, version, integrity_hash, format_version, byte_size, created_at FROM realtime_snapshots
         WHERE room_id = ? ORDER BY version DESC",
    )?;
    let rows = statement.query_map([room.as_str()], |row| {
        Ok(Header {
            id: row.get(0)?,
            version: from_sql(row.get(1)?),
            integrity_hash: row.get(2)?,
            format_version: from_sql(row.get(3)?),
            byte_size: from_sql(row.get(4)?),
            created_at_ms: row.get(5)?,
        })
    })?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// The bytes of a snapshot, or why they can never be read.
pub(in crate::store) fn data(database: &Database, id: &str) -> Result<Result<Bytes, String>> {
    database.read("read a snapshot", |connection| {
        let mut select =
            connection.prepare_cached("SELECT snapshot_data FROM realtime_snapshots WHERE id = ?")?;
        match select.query_row([id], |row| row.get::<_, Vec<u8>>(0)).optional() {
            Ok(Some(data)) => Ok(Ok(Bytes::from(data))),
            Ok(None) => Ok(Err("the row is gone".to_owned())),
            Err(error) if is_damage(&error) => Ok(Err(error.to_string())),
            Err(error) => Err(error.into()),
        }
    })
}

/// Adds a snapshot.
pub(in crate::store) fn insert(
    connection: &Connection,
    room: &RoomId,
    header: &Header,
    packed: &[u8],
) -> Result<(), Problem> {
    // A version is there already if an earlier attempt succeeded and only its answer was lost.
    delete(connection, room, &[header.version])?;
    connection
        .prepare_cached(
            "INSERT INTO realtime_snapshots
             (id, room_id, snapshot_data, version, integrity_hash, format_version, byte_size, created_at)
             VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        )?
        .execute(params![
            header.id,
            room.as_str(),
            packed,
            to_sql(header.version),
            header.integrity_hash,
            to_sql(header.format_version),
            to_sql(header.byte_size),
            header.created_at_ms,
        ])?;
    Ok(())
}

/// Deletes versions of a room.
pub(in crate::store) fn delete(
    connection: &Connection,
    room: &RoomId,
    versions: &[u64],
) -> Result<(), Problem> {
    let mut delete =
        connection.prepare_cached("DELETE FROM realtime_snapshots WHERE room_id = ? AND version = ?")?;
    for version in versions {
        delete.execute(params![room.as_str(), to_sql(*version)])?;
    }
    Ok(())
}

/// Deletes the snapshots of rooms that are not active, as [`Backend::sweep`](crate::store::Backend::sweep)
/// says.
pub(in crate::store) fn sweep(
    database: &mut Database,
    active: &HashSet<RoomId>,
    now_ms: i64,
    older_than_ms: i64,
) -> Result<Vec<Expired>> {
    let expired = database.write("sweep", |transaction| {
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
    database.vacuum(VACUUM_PAGES_MAX);
    Ok(expired)
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
