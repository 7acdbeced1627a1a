//! What is in a store's SQLite file, as JSON on stdout: read as it is, without the store's own code. SQLite mends
//! what was interrupted, so it is to be a copy.
//!
//! `stored_rooms FILE` prints `{integrity, rooms: [{id, lastSeq, lastVersion, snapshotVersion, draftedSeq, log,
//! snapshots}]}`, with `log` as `[seq, base64]` and `snapshots` as `{version, format, hash, size, data}`.

use std::error::Error;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rusqlite::{Connection, OpenFlags};
use serde_json::{Value, json};

fn main() -> Result<(), Box<dyn Error>> {
    let file = std::env::args().nth(1).ok_or("usage: stored_rooms FILE")?;
    let connection = Connection::open_with_flags(file, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    connection.pragma_update(None, "synchronous", "OFF")?;
    let integrity: String = connection.query_row("PRAGMA integrity_check", [], |row| row.get(0))?;
    let rooms = if is_new(&connection)? { Vec::new() } else { rooms(&connection)? };
    println!("{}", json!({ "integrity": integrity, "rooms": rooms }));
    Ok(())
}

/// Nothing has been made in it yet.
fn is_new(connection: &Connection) -> rusqlite::Result<bool> {
    connection.query_row("SELECT count(*) = 0 FROM sqlite_master", [], |row| row.get(0))
}

fn rooms(connection: &Connection) -> rusqlite::Result<Vec<Value>> {
    let mut select = connection.prepare(
        // The row has the last number that is no longer in the log.
        "SELECT room_key, room_id,
             max(last_seq, coalesce((SELECT max(place & ((1 << 36) - 1)) FROM realtime_updates WHERE place >> 36 = room_key), 0)),
             last_version, snapshot_version, drafted_seq
         FROM realtime_rooms",
    )?;
    let mut rows = select.query([])?;
    let mut rooms = Vec::new();
    while let Some(row) = rows.next()? {
        let id: String = row.get(1)?;
        rooms.push(json!({
            "lastSeq": row.get::<_, i64>(2)?,
            "lastVersion": row.get::<_, i64>(3)?,
            "snapshotVersion": row.get::<_, i64>(4)?,
            "draftedSeq": row.get::<_, Option<i64>>(5)?,
            "log": log(connection, row.get(0)?)?,
            "snapshots": snapshots(connection, &id)?,
            "id": id,
        }));
    }
    Ok(rooms)
}

fn log(connection: &Connection, room: i64) -> rusqlite::Result<Vec<Value>> {
    // A row's key: 36 bits of `seq`, and the room's key above them.
    let sql = "SELECT place & ((1 << 36) - 1), update_data FROM realtime_updates WHERE place >> 36 = ? ORDER BY place";
    let mut select = connection.prepare(sql)?;
    let rows = select.query_map([room], |row| {
        Ok(json!([row.get::<_, i64>(0)?, STANDARD.encode(row.get::<_, Vec<u8>>(1)?)]))
    })?;
    rows.collect()
}

fn snapshots(connection: &Connection, room: &str) -> rusqlite::Result<Vec<Value>> {
    let sql =
        "SELECT version, format_version, integrity_hash, byte_size, snapshot_data FROM realtime_snapshots
               WHERE room_id = ? ORDER BY version";
    let mut select = connection.prepare(sql)?;
    let rows = select.query_map([room], |row| {
        Ok(json!({
            "version": row.get::<_, i64>(0)?,
            "format": row.get::<_, i64>(1)?,
            "hash": row.get::<_, String>(2)?,
            "size": row.get::<_, i64>(3)?,
            "data": STANDARD.encode(row.get::<_, Vec<u8>>(4)?),
        }))
    })?;
    rows.collect()
}
