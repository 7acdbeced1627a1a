//! The update log, and what is remembered of a room for good: its last `seq`, its last snapshot
//! version and what the host's text contains. Used by every backend that keeps its log in SQLite.

use std::collections::HashMap;

use bytes::Bytes;
use rusqlite::{Connection, OptionalExtension, params};
use sha2::{Digest, Sha256};

use super::database::{Problem, from_sql, to_sql};
use crate::error::{Code, RealtimeError};
use crate::ids::RoomId;
use crate::store::snapshot::{seq_is_taken, version_goes_back};
use crate::store::{
    ATTEMPTS_KEPT_PER_ROOM, Append, Attempt, DamagedUpdates, Drafted, Entry, HostText, RejectedSnapshot,
    StoredRoom, StoredSnapshot,
};

/// `snapshot_version` is the newest snapshot that must be there, 0 if there need be none; `last_version` never goes
/// back. `last_seq` is the last of the updates that are no longer in the log: an append writes to the log and
/// nowhere else, as a room's row holds whole texts. The log has one key, its rowid, so that an update is in one tree,
/// beside the others of its room.
pub(super) const SCHEMA: &str = "
    CREATE TABLE realtime_rooms (
        room_key INTEGER PRIMARY KEY NOT NULL,
        room_id TEXT NOT NULL UNIQUE,
        last_seq INTEGER NOT NULL DEFAULT 0,
        last_version INTEGER NOT NULL DEFAULT 0,
        snapshot_version INTEGER NOT NULL DEFAULT 0,
        drafted_seq INTEGER,
        drafted_text TEXT,
        text_before_draft TEXT
    ) STRICT;
    CREATE TABLE realtime_updates (
        place INTEGER PRIMARY KEY NOT NULL,
        update_data BLOB NOT NULL,
        checksum INTEGER
    ) STRICT;
    CREATE TABLE realtime_attempts (
        attempt INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
        room_key INTEGER NOT NULL,
        seq INTEGER NOT NULL,
        text TEXT NOT NULL,
        given_at_ms INTEGER NOT NULL,
        given_before INTEGER NOT NULL DEFAULT 0
    ) STRICT;
    CREATE INDEX realtime_attempts_of_room ON realtime_attempts (room_key);
";

/// What schema version 2 added. Updates of version 1 have no checksum and are taken as they are.
pub(super) const FROM_VERSION_1: &str = "
    ALTER TABLE realtime_updates ADD COLUMN checksum INTEGER;
    ALTER TABLE realtime_rooms ADD COLUMN attempted_seq INTEGER;
    ALTER TABLE realtime_rooms ADD COLUMN attempted_text TEXT;
";

/// Schema version 3 has one key for a row of the log instead of two columns, and remembers several attempts of a room
/// instead of the last alone. Its tables are written out: a later schema must not change what this makes.
pub(super) const FROM_VERSION_2: &str = "
    ALTER TABLE realtime_updates RENAME TO realtime_updates_2;
    CREATE TABLE realtime_updates (
        place INTEGER PRIMARY KEY NOT NULL,
        update_data BLOB NOT NULL,
        checksum INTEGER
    ) STRICT;
    INSERT INTO realtime_updates (place, update_data, checksum)
        SELECT (room_key << 36) | seq, update_data, checksum FROM realtime_updates_2;
    DROP TABLE realtime_updates_2;
    CREATE TABLE realtime_attempts (
        attempt INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
        room_key INTEGER NOT NULL,
        seq INTEGER NOT NULL,
        text TEXT NOT NULL,
        given_at_ms INTEGER NOT NULL,
        given_before INTEGER NOT NULL DEFAULT 0
    ) STRICT;
    CREATE INDEX realtime_attempts_of_room ON realtime_attempts (room_key);
    INSERT INTO realtime_attempts (room_key, seq, text, given_at_ms)
        SELECT room_key, attempted_seq, attempted_text, unixepoch() * 1000 FROM realtime_rooms
        WHERE attempted_seq IS NOT NULL AND attempted_text IS NOT NULL;
    ALTER TABLE realtime_rooms DROP COLUMN attempted_seq;
    ALTER TABLE realtime_rooms DROP COLUMN attempted_text;
";

/// Rooms whose keys are remembered, at most; then it begins anew.
const ROOM_KEYS_MAX: usize = 4_096;

/// Of a row's key, the low bits are the update's `seq` (68 thousand million of them), the others the room's key.
const SEQ_BITS: u32 = 36;
const SEQ_MAX: i64 = (1 << SEQ_BITS) - 1;

/// The key of an update in the log.
fn place(room_key: i64, seq: u64) -> Result<i64, Problem> {
    match i64::try_from(seq) {
        Ok(seq) if seq <= SEQ_MAX && room_key <= i64::MAX >> SEQ_BITS => Ok((room_key << SEQ_BITS) | seq),
        _ => {
            let message =
                format!("the log has no place for update {seq} of a room; start with a new storage.file");
            Err(RealtimeError::new(Code::StorageFailed, message).into())
        }
    }
}

/// The first and the last key that a room's updates up to one of them may have.
fn places(room_key: i64, up_to: u64) -> [i64; 2] {
    let first = room_key << SEQ_BITS;
    [first, first | to_sql(up_to).min(SEQ_MAX)]
}

/// What is stored beside an update: SQLite itself would not notice a bit that flips on the disk.
fn checksum(seq: u64, update: &[u8]) -> i64 {
    let digest = Sha256::new().chain_update(seq.to_be_bytes()).chain_update(update).finalize();
    i64::from_be_bytes([
        digest[0], digest[1], digest[2], digest[3], digest[4], digest[5], digest[6], digest[7],
    ])
}

/// All that is stored of a room except its snapshots.
#[derive(Debug, Default)]
pub(in crate::store) struct StoredLog {
    pub(in crate::store) log: Vec<Bytes>,
    damaged: Option<DamagedUpdates>,
    pub(in crate::store) last_seq: u64,
    pub(in crate::store) last_version: u64,
    /// The newest snapshot that must be there, 0 if there need be none.
    pub(in crate::store) snapshot_version: u64,
    drafted: Option<(u64, HostText, Option<HostText>)>,
    attempted: Vec<Attempt>,
}

impl StoredLog {
    fn leave_out(&mut self, seq: u64) {
        let at_start = self.log.is_empty();
        self.damaged.get_or_insert(DamagedUpdates { first_seq: seq, count: 0, at_start }).count += 1;
    }

    pub(in crate::store) fn into_room(
        self,
        room: &RoomId,
        snapshot: Option<StoredSnapshot>,
        rejected: Vec<RejectedSnapshot>,
    ) -> StoredRoom {
        StoredRoom {
            snapshot,
            log: self.log,
            damaged: self.damaged,
            last_seq: self.last_seq,
            last_version: self.last_version,
            drafted: self.drafted.map(|(seq, text, before)| Drafted {
                room: room.clone(),
                seq,
                text,
                before,
            }),
            attempted: self.attempted,
            rejected,
        }
    }
}

/// Reads a room's log and what is remembered of it; nothing of an unknown room.
pub(in crate::store) fn load(connection: &Connection, room: &RoomId) -> Result<StoredLog, Problem> {
    let found = connection
        .prepare_cached(
            "SELECT room_key, last_seq, last_version, snapshot_version, drafted_seq, drafted_text, text_before_draft
             FROM realtime_rooms WHERE room_id = ?",
        )?
        .query_row([room.as_str()], |row| {
            let seq = row.get::<_, Option<i64>>(4)?.map(from_sql);
            let stored = StoredLog {
                log: Vec::new(),
                damaged: None,
                last_seq: from_sql(row.get(1)?),
                last_version: from_sql(row.get(2)?),
                snapshot_version: from_sql(row.get(3)?),
                drafted: match (seq, row.get(5)?) {
                    (Some(seq), Some(text)) => Some((seq, text, row.get(6)?)),
                    _ => None,
                },
                attempted: Vec::new(),
            };
            Ok((row.get::<_, i64>(0)?, stored))
        })
        .optional()?;
    let Some((key, mut stored)) = found else { return Ok(StoredLog::default()) };
    stored.attempted = connection
        .prepare_cached(
            "SELECT seq, text, given_at_ms FROM realtime_attempts WHERE room_key = ? ORDER BY attempt",
        )?
        .query_map([key], |row| {
            Ok(Attempt { seq: from_sql(row.get(0)?), text: row.get(1)?, given_at_ms: row.get(2)? })
        })?
        .collect::<Result<_, _>>()?;
    let mut statement = connection.prepare_cached(
        "SELECT place, update_data, checksum FROM realtime_updates WHERE place BETWEEN ? AND ? ORDER BY place",
    )?;
    let mut rows = statement.query(places(key, u64::MAX))?;
    while let Some(row) = rows.next()? {
        let seq = from_sql(row.get::<_, i64>(0)? & SEQ_MAX);
        stored.last_seq = stored.last_seq.max(seq);
        let update = row.get_ref(1)?.as_blob().map_err(rusqlite::Error::from)?;
        match row.get::<_, Option<i64>>(2)? {
            Some(expected) if expected != checksum(seq, update) => stored.leave_out(seq),
            _ => stored.log.push(Bytes::copy_from_slice(update)),
        }
    }
    Ok(stored)
}

/// What a batch does to one room.
struct Touched<'a> {
    key: i64,
    drafted: Option<&'a Drafted>,
}

/// The keys of rooms that are being written to: each group of updates asks for those of all its rooms. A room keeps
/// its key for good.
#[derive(Debug, Default)]
pub(in crate::store) struct RoomKeys(HashMap<RoomId, i64>);

impl RoomKeys {
    /// The number that stands for a room; the room is entered if it is new.
    fn find(&mut self, connection: &Connection, room: &RoomId) -> Result<i64, Problem> {
        if let Some(key) = self.0.get(room) {
            return Ok(*key);
        }
        let Some(key) = find_key(connection, room)? else {
            // Not remembered before it is known to be on disk.
            return enter(connection, room);
        };
        if self.0.len() >= ROOM_KEYS_MAX {
            self.0.clear();
        }
        self.0.insert(room.clone(), key);
        Ok(key)
    }
}

/// Writes entries of any rooms.
pub(in crate::store) fn append(
    connection: &Connection,
    batch: &[Entry],
    keys: &mut RoomKeys,
) -> Result<(), Problem> {
    let mut touched: HashMap<&RoomId, Touched<'_>> = HashMap::new();
    for entry in batch {
        let room = entry.room();
        let touched = match touched.get_mut(room) {
            Some(touched) => touched,
            None => {
                let key = keys.find(connection, room)?;
                touched.entry(room).or_insert(Touched { key, drafted: None })
            }
        };
        match entry {
            Entry::Update(append) => insert(connection, touched.key, append)?,
            Entry::Drafted(drafted) => {
                if touched.drafted.is_none_or(|earlier| earlier.seq <= drafted.seq) {
                    touched.drafted = Some(drafted);
                }
            }
        }
    }
    for Touched { key, drafted } in touched.into_values() {
        if let Some(drafted) = drafted {
            remember(connection, key, drafted)?;
        }
    }
    Ok(())
}

/// The number that stands for a room; the room is entered if it is new.
fn key_of(connection: &Connection, room: &RoomId) -> Result<i64, Problem> {
    match find_key(connection, room)? {
        Some(key) => Ok(key),
        None => enter(connection, room),
    }
}

fn find_key(connection: &Connection, room: &RoomId) -> Result<Option<i64>, Problem> {
    let mut select = connection.prepare_cached("SELECT room_key FROM realtime_rooms WHERE room_id = ?")?;
    Ok(select.query_row([room.as_str()], |row| row.get(0)).optional()?)
}

fn enter(connection: &Connection, room: &RoomId) -> Result<i64, Problem> {
    connection.prepare_cached("INSERT INTO realtime_rooms (room_id) VALUES (?)")?.execute([room.as_str()])?;
    Ok(connection.last_insert_rowid())
}

fn insert(connection: &Connection, key: i64, append: &Append) -> Result<(), Problem> {
    let mut insert = connection.prepare_cached(
        "INSERT OR IGNORE INTO realtime_updates (place, update_data, checksum) VALUES (?, ?, ?)",
    )?;
    let place = place(key, append.seq)?;
    let checksum = checksum(append.seq, &append.update);
    if insert.execute(params![place, &append.update[..], checksum])? == 1 {
        return Ok(());
    }
    // An earlier attempt succeeded and only its answer was lost - or somebody else writes this log.
    let is_same: bool = connection
        .prepare_cached("SELECT update_data = ? FROM realtime_updates WHERE place = ?")?
        .query_row(params![&append.update[..], place], |row| row.get(0))?;
    if is_same {
        return Ok(());
    }
    Err(seq_is_taken(append).into())
}

fn remember(connection: &Connection, key: i64, drafted: &Drafted) -> Result<(), Problem> {
    connection
        .prepare_cached(
            "DELETE FROM realtime_attempts WHERE room_key = ?1 AND text = ?2 AND NOT given_before
                AND ?3 >= (SELECT coalesce(drafted_seq, 0) FROM realtime_rooms WHERE room_key = ?1)",
        )?
        .execute(params![key, drafted.text, to_sql(drafted.seq)])?;
    connection
        .prepare_cached(
            "UPDATE realtime_rooms SET last_seq = max(last_seq, ?1), drafted_seq = ?1, drafted_text = ?2,
                text_before_draft = ?4
             WHERE room_key = ?3 AND coalesce(drafted_seq, 0) <= ?1",
        )?
        .execute(params![to_sql(drafted.seq), drafted.text, key, drafted.before])?;
    Ok(())
}

/// Notes what is about to be given to the host.
pub(in crate::store) fn attempt(
    connection: &Connection,
    room: &RoomId,
    attempt: &Attempt,
) -> Result<(), Problem> {
    let key = key_of(connection, room)?;
    let given_before = connection
        .prepare_cached("DELETE FROM realtime_attempts WHERE room_key = ? AND text = ?")?
        .execute(params![key, attempt.text])?;
    connection
        .prepare_cached(
            "INSERT INTO realtime_attempts (room_key, seq, text, given_at_ms, given_before) VALUES (?, ?, ?, ?, ?)",
        )?
        .execute(params![key, to_sql(attempt.seq), attempt.text, attempt.given_at_ms, given_before > 0])?;
    connection
        .prepare_cached(
            "DELETE FROM realtime_attempts WHERE attempt IN (
                SELECT attempt FROM realtime_attempts WHERE room_key = ? ORDER BY attempt DESC LIMIT -1 OFFSET ?)",
        )?
        .execute(params![key, ATTEMPTS_KEPT_PER_ROOM as i64])?;
    Ok(())
}

/// The last snapshot version ever used for a room, 0 if none.
pub(in crate::store) fn last_version(connection: &Connection, room: &RoomId) -> Result<u64, Problem> {
    let found = connection
        .prepare_cached("SELECT last_version FROM realtime_rooms WHERE room_id = ?")?
        .query_row([room.as_str()], |row| row.get(0))
        .optional()?;
    Ok(found.map_or(0, from_sql))
}

/// Takes note that a snapshot holds the log up to and including that `seq`, and deletes those rows.
pub(in crate::store) fn cover(
    connection: &Connection,
    room: &RoomId,
    version: u64,
    covers_seq: u64,
) -> Result<(), Problem> {
    let key = key_of(connection, room)?;
    let last_version = last_version(connection, room)?;
    if version < last_version {
        return Err(version_goes_back(room, version, last_version).into());
    }
    connection
        .prepare_cached(
            "UPDATE realtime_rooms SET last_version = ?1, snapshot_version = ?1, last_seq = max(last_seq, ?2)
             WHERE room_key = ?3",
        )?
        .execute(params![to_sql(version), to_sql(covers_seq), key])?;
    connection
        .prepare_cached("DELETE FROM realtime_updates WHERE place BETWEEN ? AND ?")?
        .execute(places(key, covers_seq))?;
    Ok(())
}

/// Whether the host has all that is stored of a room: its log is empty and the host's text is as new as
/// the room's last `seq`. Nothing is known to be in the host's text of a room that was never noted.
pub(in crate::store) fn is_only_a_copy(connection: &Connection, room: &RoomId) -> Result<bool, Problem> {
    let found = connection
        .prepare_cached(
            "SELECT coalesce(drafted_seq, -1) >= last_seq, room_key FROM realtime_rooms WHERE room_id = ?",
        )?
        .query_row([room.as_str()], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    let Some((true, key)) = found else { return Ok(false) };
    Ok(!connection
        .prepare_cached("SELECT EXISTS (SELECT 1 FROM realtime_updates WHERE place BETWEEN ? AND ?)")?
        .query_row(places(key, u64::MAX), |row| row.get::<_, bool>(0))?)
}

/// Takes note that a room's snapshots are deleted on purpose.
pub(in crate::store) fn forget_snapshots(connection: &Connection, room: &RoomId) -> Result<(), Problem> {
    connection
        .prepare_cached("UPDATE realtime_rooms SET snapshot_version = 0 WHERE room_id = ?")?
        .execute([room.as_str()])?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_updates_of_a_room_are_together_and_in_order() {
        let place = |room, seq| place(room, seq).ok();
        assert_eq!(place(7, SEQ_MAX as u64), Some(places(7, u64::MAX)[1]));
        assert!(place(7, SEQ_MAX as u64) < place(8, 1) && place(8, 1) < place(8, 2));
        assert_eq!(places(7, 3), [7 << SEQ_BITS, place(7, 3).unwrap()]);
        let last_room = i64::MAX >> SEQ_BITS;
        assert_eq!(place(last_room, SEQ_MAX as u64), Some(i64::MAX));
        assert_eq!(
            (place(last_room + 1, 1), place(7, SEQ_MAX as u64 + 1), place(7, u64::MAX)),
            (None, None, None)
        );
    }
}
