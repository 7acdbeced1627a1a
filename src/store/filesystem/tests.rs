//! Tests of what is particular to files: crashes between the steps, damage, names, permissions.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use tempfile::TempDir;

use super::*;
use crate::config::Durability;
use crate::store::Rejection;
use crate::store::conformance::{Disk, conformance, copy_folder, room, snapshot, update};
use crate::store::sqlite::SqliteBackend;

struct Folder(TempDir);

impl Folder {
    fn database(&self) -> PathBuf {
        self.0.path().join("realtime.db")
    }

    fn snapshots(&self) -> PathBuf {
        self.0.path().join("realtime").join("snapshots")
    }

    fn room(&self, room: &RoomId) -> PathBuf {
        self.snapshots().join(names::safe_name(room))
    }

    fn settings() -> SqliteSettings {
        SqliteSettings { durability: Durability::Normal, busy_timeout: Duration::from_millis(1) }
    }

    fn open(&self) -> FilesystemBackend {
        FilesystemBackend::open(&self.database(), &self.snapshots(), &Self::settings()).unwrap()
    }

    fn files(&self, room: &RoomId) -> Vec<String> {
        let mut names: Vec<_> = fs::read_dir(self.room(room))
            .map(|entries| entries.map(|e| e.unwrap().file_name().into_string().unwrap()).collect())
            .unwrap_or_default();
        names.sort();
        names
    }
}

impl Disk for Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn open(&self) -> Box<dyn Backend> {
        Box::new(self.open())
    }

    fn after_crash(&self) -> Self {
        let copy = Self::new();
        copy_folder(self.0.path(), copy.0.path());
        copy
    }

    fn damage_newest_snapshot(&self, room: &RoomId) {
        let newest = self.files(room).into_iter().rfind(|name| name.ends_with(".snapshot")).unwrap();
        fs::write(self.room(room).join(newest), "bad").unwrap();
    }

    fn damage_update(&self, room: &RoomId, seq: u64) {
        self.open().database.damage_update_for_test(room, seq);
    }

    fn put_snapshot(&self, room: &RoomId, header: &Header, stored: &[u8]) {
        SnapshotFolder::open(&self.snapshots()).unwrap().write(room, header, stored).unwrap();
    }
}

conformance!(Folder);

#[test]
fn files_are_named_as_documented_and_describe_themselves() {
    let folder = Folder::new();
    let saved = folder.open().save_snapshot(&snapshot(&room("x"), 1, 0, "abc")).unwrap();
    assert_eq!(folder.files(&room("x")), ["records%3ax-1-1000.meta.json", "records%3ax-1-1000.snapshot"]);
    let meta = fs::read(folder.room(&room("x")).join("records%3ax-1-1000.meta.json")).unwrap();
    let meta: serde_json::Value = serde_json::from_slice(&meta).unwrap();
    let expected = serde_json::json!({
        "id": saved.id, "room_id": "records:x", "version": 1, "format_version": 2, "byte_size": 3, "created_at": 1_000,
        "integrity_hash": "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
    });
    assert_eq!(meta, expected);
}

#[cfg(unix)]
#[test]
fn only_the_owner_can_read_what_people_write() {
    use std::os::unix::fs::PermissionsExt;
    let folder = Folder::new();
    folder.open().save_snapshot(&snapshot(&room("x"), 1, 0, "abc")).unwrap();
    let mode = |path: PathBuf| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(folder.snapshots()), mode(folder.room(&room("x")))), (0o700, 0o700));
    for file in folder.files(&room("x")) {
        assert_eq!(mode(folder.room(&room("x")).join(file)), 0o600);
    }
}

#[test]
fn pruned_versions_leave_no_files() {
    let folder = Folder::new();
    let mut backend = folder.open();
    for version in 1..=9 {
        backend.save_snapshot(&snapshot(&room("x"), version, 0, "abc")).unwrap();
    }
    assert_eq!(folder.files(&room("x")).len(), 6);
}

#[test]
fn a_crash_before_the_log_is_cut_loses_nothing() {
    let x = room("x");
    let folder = Folder::new();
    let mut backend = folder.open();
    backend.commit(&[update(&x, 1, "a"), update(&x, 2, "b")]).unwrap();
    backend.save_snapshot(&snapshot(&x, 1, 1, "a")).unwrap();
    // The files get there, the log is locked.
    let other = rusqlite_lock(&folder);
    assert!(backend.save_snapshot(&snapshot(&x, 2, 2, "ab")).is_err());
    drop(other);
    drop(backend);
    let mut backend = folder.open();
    let stored = backend.load(&x).unwrap();
    assert_eq!((stored.snapshot.unwrap().version, stored.log.len(), stored.last_version), (2, 1, 2));
    // The repeated attempt replaces what the first one left.
    let mut again = snapshot(&x, 2, 2, "ab");
    again.created_at_ms += 1;
    backend.save_snapshot(&again).unwrap();
    let stored = backend.load(&x).unwrap();
    assert_eq!((stored.snapshot.unwrap().created_at_ms, stored.log.len()), (2_001, 0));
    assert_eq!(folder.files(&x).len(), 4);
}

/// Holds the log's file locked until it is dropped.
fn rusqlite_lock(folder: &Folder) -> Database {
    let database = Database::open(&folder.database(), &Folder::settings()).unwrap();
    database.lock_for_test();
    database
}

#[test]
fn attempts_that_fail_again_and_again_do_not_pile_up() {
    let x = room("x");
    let folder = Folder::new();
    let mut backend = folder.open();
    backend.save_snapshot(&snapshot(&x, 1, 0, "a")).unwrap();
    let other = rusqlite_lock(&folder);
    for attempt in 0..5 {
        let mut again = snapshot(&x, 2, 0, "ab");
        again.created_at_ms += attempt;
        assert!(backend.save_snapshot(&again).is_err());
    }
    drop(other);
    assert_eq!(folder.files(&x).len(), 4, "{:?}", folder.files(&x));
    let newest = backend.load(&x).unwrap().snapshot.unwrap();
    assert_eq!((newest.version, newest.created_at_ms), (2, 2_004));
}

#[test]
fn interrupted_writes_are_cleared_away() {
    let x = room("x");
    let folder = Folder::new();
    let mut backend = folder.open();
    backend.commit(&[update(&x, 1, "a")]).unwrap();
    backend.save_snapshot(&snapshot(&x, 1, 0, "s")).unwrap();
    let whole = folder.files(&x);
    // Killed while writing, and between the two renames.
    for name in
        ["records%3ax-2-2000.snapshot.tmp", "records%3ax-2-2000.meta.json.tmp", "records%3ax-3-3000.snapshot"]
    {
        fs::write(folder.room(&x).join(name), "half").unwrap();
    }
    fs::write(folder.room(&x).join("notes.txt"), "somebody else's").unwrap();
    let check = |stored: StoredRoom| {
        assert_eq!((stored.snapshot.unwrap().version, stored.log.len()), (1, 1));
        assert!(stored.rejected.is_empty());
    };
    check(backend.load(&x).unwrap());
    drop(backend);
    check(folder.open().load(&x).unwrap());
    let mut expected = whole;
    expected.insert(0, "notes.txt".into());
    assert_eq!(folder.files(&x), expected);
}

#[test]
fn files_that_are_gone_or_unreadable_are_skipped_and_reported() {
    let x = room("x");
    let folder = Folder::new();
    let mut backend = folder.open();
    for version in 1..=3 {
        backend.save_snapshot(&snapshot(&x, version, 0, "s")).unwrap();
    }
    fs::write(folder.room(&x).join("records%3ax-3-3000.meta.json"), "{").unwrap();
    fs::remove_file(folder.room(&x).join("records%3ax-2-2000.snapshot")).unwrap();
    let stored = backend.load(&x).unwrap();
    assert_eq!((stored.snapshot.unwrap().version, stored.last_version), (1, 3));
    let versions: Vec<_> = stored.rejected.iter().map(|rejected| rejected.version).collect();
    assert_eq!(versions, [3, 2]);
    assert!(stored.rejected.iter().all(|rejected| matches!(rejected.reason, Rejection::Unreadable(_))));

    fs::remove_dir_all(folder.room(&x)).unwrap();
    let stored = backend.load(&x).unwrap();
    assert!(stored.snapshot.is_none());
    assert_eq!((stored.rejected[0].version, stored.last_version), (3, 3));
}

#[test]
fn a_folder_that_cannot_be_written_fails_and_leaves_the_log() {
    let x = room("x");
    let folder = Folder::new();
    let mut backend = folder.open();
    backend.commit(&[update(&x, 1, "a")]).unwrap();
    fs::write(folder.room(&x), "a file where the folder should be").unwrap();
    let error = backend.save_snapshot(&snapshot(&x, 1, 1, "s")).unwrap_err();
    assert!(error.message.contains("snapshots"), "{error}");
    assert_eq!(backend.load(&x).unwrap().log.len(), 1);
    fs::remove_file(folder.room(&x)).unwrap();
    backend.save_snapshot(&snapshot(&x, 1, 1, "s")).unwrap();
    assert_eq!(backend.load(&x).unwrap().log.len(), 0);
}

#[test]
fn snapshots_from_the_database_are_used_until_newer_ones_replace_them() {
    let x = room("x");
    let folder = Folder::new();
    SqliteBackend::open(&folder.database(), &Folder::settings())
        .unwrap()
        .save_snapshot(&snapshot(&x, 1, 0, "row"))
        .unwrap();
    let mut backend = folder.open();
    let stored = backend.load(&x).unwrap();
    assert_eq!((&stored.snapshot.unwrap().data[..], stored.rejected.len()), (&b"row"[..], 0));
    for version in 2..=4 {
        let saved = backend.save_snapshot(&snapshot(&x, version, 0, "file")).unwrap();
        assert_eq!(saved.pruned, if version == 4 { vec![1] } else { vec![] });
    }
    assert_eq!(backend.load(&x).unwrap().snapshot.unwrap().version, 4);
}

#[test]
fn snapshots_from_files_are_taken_into_the_database_when_it_is_to_have_them() {
    let (x, y) = (room("x"), room("y"));
    let folder = Folder::new();
    let mut backend = folder.open();
    backend.commit(&[update(&x, 1, "a"), update(&x, 2, "b")]).unwrap();
    for version in 1..=4 {
        backend.save_snapshot(&snapshot(&x, version, 1, &format!("file {version}"))).unwrap();
    }
    backend.save_snapshot(&snapshot(&y, 1, 0, "file")).unwrap();
    fs::write(folder.room(&y).join("records%3ay-2-2000.meta.json"), "{").unwrap();
    drop(backend);

    for _ in 0..2 {
        import_snapshot_files(&folder.database(), &folder.snapshots(), &Folder::settings()).unwrap();
        let mut backend = SqliteBackend::open(&folder.database(), &Folder::settings()).unwrap();
        let stored = backend.load(&x).unwrap();
        assert_eq!((&stored.snapshot.unwrap().data[..], stored.log), (&b"file 4"[..], vec!["b".into()]));
        assert_eq!((stored.last_version, stored.rejected.len()), (4, 0));
        assert_eq!(&backend.load(&y).unwrap().snapshot.unwrap().data[..], b"file");
    }
    assert!(!folder.room(&x).exists());
    assert_eq!(folder.files(&y), ["records%3ay-2-2000.meta.json"], "what cannot be read is left alone");
    let saved = SqliteBackend::open(&folder.database(), &Folder::settings())
        .unwrap()
        .save_snapshot(&snapshot(&x, 5, 2, "row"))
        .unwrap();
    assert_eq!(saved.pruned, [2]);
}
