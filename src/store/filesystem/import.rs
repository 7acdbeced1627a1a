//! Takes snapshots from files into the database, when `snapshots.storage` was `filesystem` and is no more.

use std::path::Path;

use super::files::{Found, SnapshotFolder};
use crate::config::Durability;
use crate::error::Result;
use crate::ids::RoomId;
use crate::store::snapshot::beyond_kept;
use crate::store::sqlite::database::{Database, SqliteSettings};
use crate::store::sqlite::table;

/// Moves every snapshot that is a file into the table of snapshots. Files whose description cannot be read stay
/// where they are. A crash in between leaves both, and the next start goes on.
///
/// Fails if the database cannot be written or a file cannot be read: to start without it would be to go on
/// from an older state.
pub fn import_snapshot_files(database: &Path, snapshots: &Path, settings: &SqliteSettings) -> Result<()> {
    if !snapshots.is_dir() {
        return Ok(());
    }
    let folder = SnapshotFolder::open(snapshots)?;
    let rooms = folder.rooms()?;
    if rooms.is_empty() {
        return Ok(());
    }
    // The files are deleted at once, so the rows must be on the disk, whatever else may be lost with the power.
    let settings = SqliteSettings { durability: Durability::Full, ..settings.clone() };
    let mut database = Database::open(database, &settings)?;
    for room in rooms {
        import_room(&mut database, &folder, &room)?;
    }
    Ok(())
}

fn import_room(database: &mut Database, folder: &SnapshotFolder, room: &RoomId) -> Result<()> {
    let mut found = folder.list(room)?;
    found.retain(|found| found.problem.is_none());
    // Of two attempts at one version the later counts; it comes last.
    found.sort_by_key(|found| (found.header.version, found.header.created_at_ms));
    let mut packed = Vec::new();
    for Found { header, .. } in &found {
        if let Ok(bytes) = folder.read(room, header)? {
            packed.push((header, bytes));
        }
    }
    database.write("take in snapshot files", |transaction| {
        for (header, bytes) in &packed {
            table::insert(transaction, room, header, bytes)?;
        }
        let pruned = beyond_kept(&table::headers(transaction, room)?);
        table::delete(transaction, room, &pruned)
    })?;
    for (header, _) in &packed {
        folder.delete(room, header)?;
    }
    folder.delete_room(room);
    tracing::info!(
        operation = "realtime:store:import", room = %room, snapshots = packed.len(),
        "snapshots were taken from files into the database"
    );
    Ok(())
}
