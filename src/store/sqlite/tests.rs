//! Tests of what is particular to SQLite: other users of the file, damage, full disks, other versions.

use std::path::PathBuf;
use std::time::Duration;

use rusqlite::Connection;
use tempfile::TempDir;

use super::database::{APPLICATION_ID, SCHEMA_VERSION};
use super::*;
use crate::config::Durability;
use crate::error::Code;
use crate::store::conformance::{Disk, conformance, copy_folder, room, snapshot, update};

struct Folder(TempDir);

impl Folder {
    fn path(&self) -> PathBuf {
        self.0.path().join("deep").join("realtime.db")
    }

    fn open(&self) -> Result<SqliteBackend> {
        let settings =
            SqliteSettings { durability: Durability::Normal, busy_timeout: Duration::from_millis(1) };
        SqliteBackend::open(&self.path(), &settings)
    }

    /// Somebody else's connection to the file.
    fn other(&self) -> Connection {
        Connection::open(self.path()).unwrap()
    }
}

impl Disk for Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn open(&self) -> Box<dyn Backend> {
        Box::new(self.open().unwrap())
    }

    fn after_crash(&self) -> Self {
        let copy = Self::new();
        copy_folder(self.0.path(), copy.0.path());
        copy
    }

    fn damage_newest_snapshot(&self, room: &RoomId) {
        let sql = "UPDATE realtime_snapshots SET snapshot_data = x'00' WHERE room_id = ?1
                   AND version = (SELECT max(version) FROM realtime_snapshots WHERE room_id = ?1)";
        assert_eq!(self.other().execute(sql, [room.as_str()]).unwrap(), 1);
    }

    fn damage_update(&self, room: &RoomId, seq: u64) {
        self.open().unwrap().database.damage_update_for_test(room, seq);
    }

    fn put_snapshot(&self, room: &RoomId, header: &Header, stored: &[u8]) {
        table::insert(&self.other(), room, header, stored).unwrap();
    }
}

conformance!(Folder);

#[cfg(unix)]
#[test]
fn only_the_owner_can_read_what_people_write() {
    use std::os::unix::fs::PermissionsExt;
    let folder = Folder::new();
    let mut backend = folder.open().unwrap();
    backend.commit(&[update(&room("x"), 1, "a")]).unwrap();
    let mode = |path: PathBuf| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(folder.path()), 0o600);
    assert_eq!(mode(folder.path().with_extension("db-wal")), 0o600);
    assert_eq!(mode(folder.path().parent().unwrap().to_owned()), 0o700);
}

#[test]
fn the_table_is_as_documented() {
    let folder = Folder::new();
    let mut backend = folder.open().unwrap();
    backend.save_snapshot(&snapshot(&room("x"), 1, 0, "abc")).unwrap();
    let row = folder
        .other()
        .query_row(
            "SELECT id, room_id, version, integrity_hash, format_version, byte_size, created_at FROM realtime_snapshots",
            [],
            |row| {
                let text = |i| row.get::<_, String>(i);
                let number = |i| row.get::<_, i64>(i);
                Ok((text(0)?, text(1)?, number(2)?, text(3)?, number(4)?, number(5)?, number(6)?))
            },
        )
        .unwrap();
    let hash = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    assert_eq!(row, ("records:x-1-1000".into(), "records:x".into(), 1, hash.into(), 2, 3, 1_000));
}

#[test]
fn durability_full_syncs_each_group() {
    let folder = Folder::new();
    for (durability, expected) in [(Durability::Normal, 1), (Durability::Full, 2)] {
        let settings = SqliteSettings { durability, ..SqliteSettings::default() };
        let backend = SqliteBackend::open(&folder.path(), &settings).unwrap();
        let pragma = |name| {
            let connection = backend.database.connection();
            connection.pragma_query_value(None, name, |row| row.get::<_, rusqlite::types::Value>(0)).unwrap()
        };
        assert_eq!(pragma("synchronous"), rusqlite::types::Value::Integer(expected));
        assert_eq!(pragma("fullfsync"), rusqlite::types::Value::Integer(expected - 1));
        assert_eq!(pragma("journal_mode"), rusqlite::types::Value::Text("wal".into()));
    }
}

#[test]
fn a_locked_file_fails_and_works_again() {
    let folder = Folder::new();
    let mut backend = folder.open().unwrap();
    let other = folder.other();
    other.execute_batch("BEGIN EXCLUSIVE").unwrap();
    let error = backend.commit(&[update(&room("x"), 1, "a")]).unwrap_err();
    assert_eq!(error.code, Code::StorageFailed);
    assert!(error.message.contains("realtime.db") && error.message.contains("locked"), "{error}");
    assert!(backend.save_snapshot(&snapshot(&room("x"), 1, 0, "s")).is_err());
    other.execute_batch("ROLLBACK").unwrap();
    backend.commit(&[update(&room("x"), 1, "a")]).unwrap();
    assert_eq!(backend.load(&room("x")).unwrap().log.len(), 1);
}

#[test]
fn a_full_disk_fails_whole_and_works_again() {
    let folder = Folder::new();
    let mut backend = folder.open().unwrap();
    backend.commit(&[update(&room("x"), 1, "a")]).unwrap();
    let limit = |backend: &SqliteBackend, pages: i64| {
        let connection = backend.database.connection();
        connection.query_row(&format!("PRAGMA max_page_count = {pages}"), [], |_| Ok(())).unwrap();
    };
    limit(&backend, 1);
    let mut random = fastrand::Rng::with_seed(1);
    let big: String = (0..100_000).map(|_| random.alphanumeric()).collect();
    let error = backend.commit(&[update(&room("x"), 2, "small"), update(&room("x"), 3, &big)]).unwrap_err();
    assert!(error.message.contains("full"), "{error}");
    assert!(backend.save_snapshot(&snapshot(&room("x"), 1, 1, &big)).is_err());
    let stored = backend.load(&room("x")).unwrap();
    assert_eq!((stored.log.len(), stored.last_seq, stored.last_version), (1, 1, 0));
    limit(&backend, 1_000_000);
    backend.commit(&[update(&room("x"), 2, "small"), update(&room("x"), 3, &big)]).unwrap();
    backend.save_snapshot(&snapshot(&room("x"), 1, 3, &big)).unwrap();
    assert_eq!(backend.load(&room("x")).unwrap().snapshot.unwrap().data.len(), big.len());
}

/// A key that was given in a transaction which failed is given again to another room.
#[test]
fn a_room_whose_first_update_failed_does_not_write_into_another() {
    let folder = Folder::new();
    let mut backend = folder.open().unwrap();
    let (x, y) = (room("x"), room("y"));
    backend.commit(&[update(&x, 1, "a")]).unwrap();
    // The second entry has a number that is taken, so nothing of the batch stays.
    for _ in 0..2 {
        backend.commit(&[update(&y, 1, "y"), update(&x, 1, "other")]).unwrap_err();
    }
    let z = room("z");
    backend.commit(&[update(&z, 1, "z")]).unwrap();
    backend.commit(&[update(&y, 1, "y")]).unwrap();
    let log = |room: &RoomId, backend: &mut SqliteBackend| backend.load(room).unwrap().log;
    for (room, text) in [(&x, "a"), (&y, "y"), (&z, "z")] {
        assert_eq!(log(room, &mut backend), [text]);
    }
}

#[test]
fn a_snapshot_that_is_gone_is_reported() {
    let folder = Folder::new();
    let mut backend = folder.open().unwrap();
    backend.save_snapshot(&snapshot(&room("x"), 1, 0, "s")).unwrap();
    folder.other().execute("DELETE FROM realtime_snapshots", []).unwrap();
    let stored = backend.load(&room("x")).unwrap();
    assert!(stored.snapshot.is_none());
    assert_eq!((stored.rejected[0].version, stored.last_version), (1, 1));
}

#[test]
fn a_newer_schema_is_refused_untouched() {
    let folder = Folder::new();
    folder.open().unwrap().commit(&[update(&room("x"), 1, "a")]).unwrap();
    folder.other().pragma_update(None, "user_version", SCHEMA_VERSION + 1).unwrap();
    // The newer release was killed: part of what it wrote is beside the file, and stays there.
    folder.other().execute_batch("PRAGMA wal_checkpoint(TRUNCATE)").unwrap();
    let newer = folder.other();
    newer.execute("INSERT INTO realtime_rooms (room_id) VALUES ('records:newer')", []).unwrap();
    let left = folder.after_crash();
    drop(newer);
    let folder = left;
    let wal = folder.path().with_extension("db-wal");
    let before = (std::fs::read(folder.path()).unwrap(), std::fs::read(&wal).unwrap());
    assert!(!before.1.is_empty());
    let error = folder.open().unwrap_err();
    assert_eq!(error.code, Code::StorageFailed);
    let versions = [SCHEMA_VERSION + 1, SCHEMA_VERSION].map(|version| format!("version {version}"));
    for part in ["realtime.db", &versions[0], &versions[1]] {
        assert!(error.message.contains(part), "{error}");
    }
    assert_eq!((std::fs::read(folder.path()).unwrap(), std::fs::read(&wal).unwrap()), before);
}

#[test]
fn what_is_not_our_database_is_refused_untouched() {
    let folder = Folder::new();
    drop(folder.open().unwrap());
    let text = b"this is not a database, but long enough to be looked at as one".repeat(20);
    std::fs::write(folder.path(), &text).unwrap();
    let error = folder.open().unwrap_err();
    assert!(error.message.contains("realtime.db is not a database"), "{error}");
    assert_eq!(std::fs::read(folder.path()).unwrap(), text);

    std::fs::remove_file(folder.path()).unwrap();
    folder.other().execute_batch("CREATE TABLE users (id INTEGER)").unwrap();
    let before = std::fs::read(folder.path()).unwrap();
    let error = folder.open().unwrap_err();
    assert!(error.message.contains("something else"), "{error}");
    assert_eq!(std::fs::read(folder.path()).unwrap(), before);
}

#[test]
fn a_file_that_cannot_be_made_is_named() {
    let folder = Folder::new();
    std::fs::write(folder.0.path().join("deep"), "a file where the folder should be").unwrap();
    let error = folder.open().unwrap_err();
    assert!(error.message.contains("realtime.db"), "{error}");
}

#[test]
fn the_file_is_marked_as_ours() {
    let folder = Folder::new();
    drop(folder.open().unwrap());
    let pragma = |name| folder.other().pragma_query_value(None, name, |row| row.get::<_, i64>(0)).unwrap();
    assert_eq!((pragma("application_id"), pragma("user_version")), (APPLICATION_ID, SCHEMA_VERSION));
    assert_eq!(pragma("auto_vacuum"), 2);
}

/// Makes the file what schema version 2 was: two keys for an update, the last number in the room's row, and of each
/// room the last attempt alone.
fn as_version_2(connection: &Connection) {
    connection
        .execute_batch(
            "UPDATE realtime_rooms SET last_seq =
                 coalesce((SELECT max(place & 0xfffffffff) FROM realtime_updates WHERE place >> 36 = room_key), last_seq);
             CREATE TABLE log (
                 room_key INTEGER NOT NULL,
                 seq INTEGER NOT NULL,
                 update_data BLOB NOT NULL,
                 checksum INTEGER,
                 PRIMARY KEY (room_key, seq)
             ) STRICT;
             INSERT INTO log SELECT place >> 36, place & 0xfffffffff, update_data, checksum FROM realtime_updates;
             DROP TABLE realtime_updates;
             ALTER TABLE log RENAME TO realtime_updates;
             DROP TABLE realtime_attempts;
             ALTER TABLE realtime_rooms ADD COLUMN attempted_seq INTEGER;
             ALTER TABLE realtime_rooms ADD COLUMN attempted_text TEXT;
             PRAGMA user_version = 2",
        )
        .unwrap();
}

/// The file as the first release wrote it: two keys for an update, no checksums, and snapshots as they are.
#[test]
fn a_file_of_schema_version_1_is_read_and_written_on() {
    let folder = Folder::new();
    let x = room("x");
    let mut backend = folder.open().unwrap();
    backend.commit(&[update(&x, 1, "a"), update(&x, 2, "b")]).unwrap();
    let (header, _) = Header::pack(&snapshot(&x, 1, 0, "s")).unwrap();
    folder.put_snapshot(&x, &Header { format_version: 1, ..header }, b"s");
    drop(backend);
    as_version_2(&folder.other());
    folder
        .other()
        .execute_batch(
            "ALTER TABLE realtime_updates DROP COLUMN checksum;
             ALTER TABLE realtime_rooms DROP COLUMN attempted_seq;
             ALTER TABLE realtime_rooms DROP COLUMN attempted_text;
             PRAGMA user_version = 1",
        )
        .unwrap();

    let mut backend = folder.open().unwrap();
    backend.commit(&[update(&x, 3, "c")]).unwrap();
    drop(backend);
    let stored = folder.open().unwrap().load(&x).unwrap();
    assert_eq!(
        (stored.log, stored.damaged, &stored.snapshot.unwrap().data[..]),
        (vec!["a".into(), "b".into(), "c".into()], None, &b"s"[..])
    );
    let version =
        folder.other().pragma_query_value(None, "user_version", |row| row.get::<_, i64>(0)).unwrap();
    assert_eq!(version, SCHEMA_VERSION);
}

#[test]
fn the_attempt_in_a_file_of_schema_version_2_is_kept() {
    let folder = Folder::new();
    let x = room("x");
    folder.open().unwrap().commit(&[update(&x, 1, "a")]).unwrap();
    as_version_2(&folder.other());
    folder.other().execute("UPDATE realtime_rooms SET attempted_seq = 1, attempted_text = 'a'", []).unwrap();
    let mut backend = folder.open().unwrap();
    backend.attempt(&x, &Attempt { seq: 2, text: "b".into(), given_at_ms: 0 }).unwrap();
    let attempted = backend.load(&x).unwrap().attempted;
    let of = |attempt: &Attempt| (attempt.seq, attempt.text.to_string());
    assert_eq!(attempted.iter().map(of).collect::<Vec<_>>(), [(1, "a".to_owned()), (2, "b".to_owned())]);
    assert!(attempted[0].is_open(crate::clock::now_ms()));
}

/// Overwrites every page of the file in which a text stands.
fn wreck_pages_with(folder: &Folder, text: &[u8]) -> usize {
    let mut bytes = std::fs::read(folder.path()).unwrap();
    let mut wrecked = 0;
    for page in bytes.chunks_mut(4_096) {
        if page.windows(text.len()).any(|window| window == text) {
            page.fill(0xa5);
            wrecked += 1;
        }
    }
    std::fs::write(folder.path(), bytes).unwrap();
    wrecked
}

#[test]
fn a_page_that_is_wrecked_fails_its_room_alone_and_nothing_is_written_over_it() {
    let folder = Folder::new();
    let (x, y) = (room("x"), room("y"));
    let mut backend = folder.open().unwrap();
    backend.commit(&[update(&y, 1, "whole"), update(&x, 1, "a")]).unwrap();
    backend.commit(&[update(&x, 2, &format!("here it is {}", "b".repeat(100_000)))]).unwrap();
    drop(backend);
    // The text's first page is that of the table; what it goes on in has no other than it.
    assert!(wreck_pages_with(&folder, "b".repeat(4_000).as_bytes()) > 10);
    let before = std::fs::read(folder.path()).unwrap();
    let mut backend = folder.open().unwrap();
    for _ in 0..2 {
        // An error, or what is left with a word about the rest; never an empty room.
        match backend.load(&x) {
            Err(error) => assert_eq!(error.code, Code::StorageFailed),
            Ok(stored) => assert_eq!((stored.log.len(), stored.damaged.unwrap().first_seq), (1, 2)),
        }
    }
    assert_eq!(std::fs::read(folder.path()).unwrap(), before);
    assert_eq!(backend.load(&y).unwrap().log, ["whole"]);
    backend.commit(&[update(&y, 2, "goes on")]).unwrap();
    assert_eq!(backend.load(&y).unwrap().log, ["whole", "goes on"]);
}

#[test]
fn a_table_page_that_is_wrecked_is_an_error_and_not_an_empty_room() {
    let folder = Folder::new();
    let x = room("x");
    let mut backend = folder.open().unwrap();
    for seq in 1..=300 {
        backend.commit(&[update(&x, seq, &format!("update {seq} {}", "c".repeat(100)))]).unwrap();
    }
    drop(backend);
    assert!(wreck_pages_with(&folder, b"update 150 ") >= 1);
    let mut backend = folder.open().unwrap();
    let error = backend.load(&x).unwrap_err();
    assert_eq!(error.code, Code::StorageFailed);
    assert!(error.message.contains("malformed"), "{error}");
    // What is whole goes on being used; this room is for people to look at.
    backend.commit(&[update(&room("new"), 1, "a")]).unwrap();
    assert_eq!(backend.load(&room("new")).unwrap().log.len(), 1);
}

#[test]
fn a_write_ahead_log_that_is_cut_short_loses_only_what_it_had_last() {
    let folder = Folder::new();
    let x = room("x");
    let mut backend = folder.open().unwrap();
    for seq in 1..=20 {
        backend.commit(&[update(&x, seq, "a")]).unwrap();
    }
    let whole = std::fs::metadata(folder.path().with_extension("db-wal")).unwrap().len();
    let mut last = 20;
    for cut in [1, 100, 4_200, whole / 2, whole - 10, whole] {
        let left = folder.after_crash();
        let wal = left.path().with_extension("db-wal");
        std::fs::File::options().write(true).open(&wal).unwrap().set_len(whole - cut).unwrap();
        // All of it may be in there, the description of the tables too.
        let stored = left.open().unwrap().load(&x).unwrap();
        assert!(
            stored.log.len() as u64 == stored.last_seq && stored.last_seq <= last && stored.damaged.is_none()
        );
        last = stored.last_seq;
    }
    assert!(last < 20);
}
