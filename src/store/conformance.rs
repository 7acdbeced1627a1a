//! What every backend must do, as one set of tests that each backend runs.

mod damage;

use std::collections::{BTreeMap, HashSet};
use std::path::Path;

use bytes::Bytes;
use proptest::prelude::*;

pub(super) use self::damage::*;
use super::snapshot::Header;
use super::{
    ATTEMPTS_KEPT_PER_ROOM, Append, Attempt, Backend, Drafted, Entry, HostText, NewSnapshot,
    SNAPSHOTS_KEPT_PER_ROOM, StoredRoom,
};
use crate::ids::RoomId;

/// A place where backends can be opened, again and again.
pub(super) trait Disk: Sized {
    fn new() -> Self;
    fn open(&self) -> Box<dyn Backend>;
    /// What a process that was killed now would leave behind.
    fn after_crash(&self) -> Self;
    /// Makes the newest snapshot's bytes bad.
    fn damage_newest_snapshot(&self, room: &RoomId);
    /// Flips a bit of an update in the log.
    fn damage_update(&self, room: &RoomId, seq: u64);
    /// Stores a snapshot as another release, or a damaged disk, may have left it.
    fn put_snapshot(&self, room: &RoomId, header: &Header, stored: &[u8]);
}

/// Runs every test of this file on a [`Disk`].
macro_rules! conformance {
    ($disk:ty) => {
        mod conformance {
            use super::*;
            use $crate::store::conformance as cases;

            $crate::store::conformance::conformance!($disk;
                an_unknown_room_is_empty
                the_log_comes_back_in_order_and_by_room
                a_snapshot_replaces_what_it_covers
                only_the_newest_versions_are_kept
                numbers_never_go_back
                a_repeated_call_changes_nothing
                another_update_in_the_same_place_is_refused
                an_older_version_is_refused
                a_damaged_snapshot_is_skipped
                a_damaged_update_is_left_out_and_told_of
                snapshots_are_compressed
                a_snapshot_of_an_earlier_release_is_read
                a_snapshot_of_a_newer_format_is_skipped_and_kept
                a_snapshot_that_claims_too_much_is_skipped
                a_snapshot_that_is_cut_short_or_another_is_skipped
                a_note_goes_with_the_newest_seq
                an_attempt_is_remembered_until_its_own_text_is_noted
                the_newest_attempts_are_remembered
                a_sweep_takes_only_copies_that_nobody_uses
                after_a_crash_everything_is_there
            );
        }
    };
    ($disk:ty; $($case:ident)+) => { $(#[test] fn $case() { cases::$case::<$disk>(); })+ };
}
pub(super) use conformance;

pub(super) fn room(id: &str) -> RoomId {
    RoomId::new("records", id).unwrap()
}

pub(super) fn update(room: &RoomId, seq: u64, text: &str) -> Entry {
    Entry::Update(Append { room: room.clone(), seq, update: Bytes::copy_from_slice(text.as_bytes()) })
}

pub(super) fn note(room: &RoomId, seq: u64, text: u8) -> Entry {
    Entry::Drafted(Drafted { room: room.clone(), seq, text: text.to_string().into(), before: None })
}

pub(super) fn snapshot(room: &RoomId, version: u64, covers_seq: u64, text: &str) -> NewSnapshot {
    NewSnapshot {
        room: room.clone(),
        version,
        data: Bytes::copy_from_slice(text.as_bytes()),
        covers_seq,
        created_at_ms: 1_000 * version as i64,
    }
}

pub(super) fn copy_folder(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap().map(Result::unwrap) {
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_folder(&entry.path(), &target);
        } else if !entry.file_name().to_string_lossy().ends_with("-shm") {
            // Shared memory is not on disk.
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

fn texts(stored: &StoredRoom) -> Vec<&str> {
    stored.log.iter().map(|update| std::str::from_utf8(update).unwrap()).collect()
}

fn snapshot_text(stored: &StoredRoom) -> Option<&[u8]> {
    stored.snapshot.as_ref().map(|snapshot| &snapshot.data[..])
}

pub(super) fn an_unknown_room_is_empty<D: Disk>() {
    let stored = D::new().open().load(&room("x")).unwrap();
    assert!(stored.snapshot.is_none() && stored.log.is_empty() && stored.drafted.is_none());
    assert!(stored.rejected.is_empty() && stored.last_seq == 0 && stored.last_version == 0);
}

pub(super) fn the_log_comes_back_in_order_and_by_room<D: Disk>() {
    let (x, y) = (room("x"), room("y"));
    let disk = D::new();
    let mut backend = disk.open();
    backend.commit(&[update(&x, 1, "a"), update(&y, 1, "b"), update(&x, 2, "")]).unwrap();
    backend.commit(&[update(&x, 3, "c")]).unwrap();
    drop(backend);
    let mut backend = disk.open();
    assert_eq!(texts(&backend.load(&x).unwrap()), ["a", "", "c"]);
    assert_eq!(backend.load(&x).unwrap().last_seq, 3);
    assert_eq!(texts(&backend.load(&y).unwrap()), ["b"]);
}

pub(super) fn a_snapshot_replaces_what_it_covers<D: Disk>() {
    let x = room("x");
    let disk = D::new();
    let mut backend = disk.open();
    backend.commit(&[update(&x, 1, "a"), update(&x, 2, "b"), update(&x, 3, "c")]).unwrap();
    let saved = backend.save_snapshot(&snapshot(&x, 1, 2, "ab")).unwrap();
    assert_eq!((saved.version, saved.byte_size), (1, 2));
    let stored = backend.load(&x).unwrap();
    assert_eq!(snapshot_text(&stored), Some(&b"ab"[..]));
    assert_eq!(stored.snapshot.as_ref().unwrap().created_at_ms, 1_000);
    assert_eq!(texts(&stored), ["c"]);
}

pub(super) fn only_the_newest_versions_are_kept<D: Disk>() {
    let x = room("x");
    let disk = D::new();
    let mut backend = disk.open();
    let mut ids = HashSet::new();
    for version in 1..=5 {
        let saved = backend.save_snapshot(&snapshot(&x, version, 0, "s")).unwrap();
        let kept = SNAPSHOTS_KEPT_PER_ROOM as u64;
        let expected = if version > kept { vec![version - kept] } else { vec![] };
        assert_eq!(saved.pruned, expected);
        assert!(ids.insert(saved.id));
    }
    assert_eq!(backend.load(&x).unwrap().snapshot.unwrap().version, 5);
}

pub(super) fn numbers_never_go_back<D: Disk>() {
    let x = room("x");
    let disk = D::new();
    let mut backend = disk.open();
    backend.commit(&[update(&x, 1, "a"), update(&x, 2, "b")]).unwrap();
    // Updates up to 7 were never in the log, but a snapshot has them.
    backend.save_snapshot(&snapshot(&x, 4, 7, "s")).unwrap();
    drop(backend);
    let stored = disk.open().load(&x).unwrap();
    assert_eq!((stored.last_seq, stored.last_version, stored.log.len()), (7, 4, 0));
}

pub(super) fn a_repeated_call_changes_nothing<D: Disk>() {
    let x = room("x");
    let disk = D::new();
    let mut backend = disk.open();
    let batch = [update(&x, 1, "a"), update(&x, 2, "b"), note(&x, 1, 9)];
    backend.commit(&batch).unwrap();
    backend.commit(&batch).unwrap();
    assert_eq!(texts(&backend.load(&x).unwrap()), ["a", "b"]);
    backend.save_snapshot(&snapshot(&x, 1, 1, "a")).unwrap();
    // The room has changed meanwhile, and takes the version that it believes to be unused.
    let mut again = snapshot(&x, 1, 2, "ab");
    again.created_at_ms += 1;
    backend.save_snapshot(&again).unwrap();
    let stored = backend.load(&x).unwrap();
    assert_eq!((snapshot_text(&stored), stored.last_version), (Some(&b"ab"[..]), 1));
    assert!(stored.log.is_empty() && stored.rejected.is_empty());
}

pub(super) fn another_update_in_the_same_place_is_refused<D: Disk>() {
    let x = room("x");
    let disk = D::new();
    let mut backend = disk.open();
    backend.commit(&[update(&x, 1, "a")]).unwrap();
    let error = backend.commit(&[update(&x, 1, "b")]).unwrap_err();
    assert!(error.message.contains("records:x"), "{error}");
    assert_eq!(texts(&backend.load(&x).unwrap()), ["a"]);
}

pub(super) fn an_older_version_is_refused<D: Disk>() {
    let x = room("x");
    let disk = D::new();
    let mut backend = disk.open();
    backend.save_snapshot(&snapshot(&x, 2, 0, "new")).unwrap();
    assert!(backend.save_snapshot(&snapshot(&x, 1, 0, "old")).is_err());
    let stored = backend.load(&x).unwrap();
    assert_eq!((snapshot_text(&stored), stored.last_version), (Some(&b"new"[..]), 2));
}

pub(super) fn a_note_goes_with_the_newest_seq<D: Disk>() {
    let x = room("x");
    let disk = D::new();
    let mut backend = disk.open();
    backend.commit(&[update(&x, 1, "seed"), note(&x, 1, 1)]).unwrap();
    backend.commit(&[update(&x, 2, "b"), note(&x, 2, 2), note(&x, 1, 1)]).unwrap();
    backend.commit(&[note(&x, 1, 1)]).unwrap();
    backend.save_snapshot(&snapshot(&x, 1, 2, "s")).unwrap();
    drop(backend);
    let drafted = disk.open().load(&x).unwrap().drafted.unwrap();
    assert_eq!(drafted, Drafted { room: x, seq: 2, text: "2".into(), before: None });
}

pub(super) fn an_attempt_is_remembered_until_its_own_text_is_noted<D: Disk>() {
    let x = room("x");
    let disk = D::new();
    let mut backend = disk.open();
    let attempt = |seq: u64| Attempt { seq, text: seq.to_string().into(), given_at_ms: 7 };
    backend.commit(&[update(&x, 1, "seed"), note(&x, 1, 1)]).unwrap();
    for seq in [2, 4, 3, 4] {
        backend.attempt(&x, &attempt(seq)).unwrap();
    }
    drop(backend);
    let mut backend = disk.open();
    let stored = backend.load(&x).unwrap();
    assert_eq!(
        (stored.drafted.unwrap().seq, stored.attempted),
        (1, vec![attempt(2), attempt(3), attempt(4)])
    );
    // What was given twice may be taken twice; the answer to the commit may be lost.
    for _ in 0..2 {
        backend.commit(&[note(&x, 4, 4)]).unwrap();
        assert_eq!(backend.load(&x).unwrap().attempted, [attempt(2), attempt(3), attempt(4)]);
    }
    // A note that comes late ends nothing any more.
    backend.commit(&[note(&x, 2, 2)]).unwrap();
    assert_eq!(backend.load(&x).unwrap().attempted, [attempt(2), attempt(3), attempt(4)]);
    backend.attempt(&x, &attempt(5)).unwrap();
    backend.commit(&[note(&x, 5, 5)]).unwrap();
    assert_eq!(backend.load(&x).unwrap().attempted, [attempt(2), attempt(3), attempt(4)]);
}

pub(super) fn the_newest_attempts_are_remembered<D: Disk>() {
    let (x, y) = (room("x"), room("y"));
    let disk = D::new();
    let mut backend = disk.open();
    let attempt = |seq: u64| Attempt { seq, text: seq.to_string().into(), given_at_ms: 7 };
    backend.attempt(&y, &attempt(0)).unwrap();
    let newest = ATTEMPTS_KEPT_PER_ROOM as u64 + 2;
    for seq in 1..=newest {
        backend.attempt(&x, &attempt(seq)).unwrap();
    }
    let kept: Vec<_> = (3..=newest).map(attempt).collect();
    assert_eq!(backend.load(&x).unwrap().attempted, kept);
    assert_eq!(backend.load(&y).unwrap().attempted, [attempt(0)]);
}

pub(super) fn a_sweep_takes_only_copies_that_nobody_uses<D: Disk>() {
    let [swept, in_use, recent, logged, undrafted] =
        ["Swept", "in_use", "recent", "logged", "undrafted"].map(room);
    let disk = D::new();
    let mut backend = disk.open();
    for room in [&swept, &in_use, &recent, &logged, &undrafted] {
        backend.commit(&[update(room, 1, "a"), note(room, 1, 1)]).unwrap();
        backend.save_snapshot(&snapshot(room, 1, 1, "s")).unwrap();
        backend.save_snapshot(&snapshot(room, 2, 1, "t")).unwrap();
    }
    backend.save_snapshot(&snapshot(&recent, 10, 1, "s")).unwrap();
    backend.commit(&[update(&logged, 2, "b"), note(&logged, 2, 1)]).unwrap();
    backend.save_snapshot(&snapshot(&undrafted, 3, 2, "not in the host's text")).unwrap();

    let expired = backend.sweep(&HashSet::from([in_use.clone()]), 10_000, 5_000).unwrap();
    let mut found: Vec<_> = expired.iter().map(|e| (e.room.clone(), e.version, e.age_ms)).collect();
    found.sort();
    assert_eq!(found, [(swept.clone(), 1, 9_000), (swept.clone(), 2, 8_000)]);
    for room in [&in_use, &recent, &logged, &undrafted] {
        assert!(backend.load(room).unwrap().snapshot.is_some(), "{room}");
    }
    drop(backend);
    let stored = disk.open().load(&swept).unwrap();
    assert!(stored.snapshot.is_none() && stored.rejected.is_empty());
    assert_eq!((stored.last_seq, stored.last_version, stored.drafted.unwrap().seq), (1, 2, 1));
    assert!(disk.open().sweep(&HashSet::from([in_use]), 10_000, 5_000).unwrap().is_empty());
}

/// A step of a random history.
#[derive(Debug, Clone)]
enum Step {
    Append { room: usize, lengths: Vec<usize> },
    Note { room: usize, back: u64 },
    Snapshot { room: usize, back: u64 },
    Reopen,
    Crash,
}

fn step() -> impl Strategy<Value = Step> {
    let room = 0..3usize;
    prop_oneof![
        4 => (room.clone(), proptest::collection::vec(0..300usize, 1..8))
            .prop_map(|(room, lengths)| Step::Append { room, lengths }),
        1 => (room.clone(), 0..4u64).prop_map(|(room, back)| Step::Note { room, back }),
        2 => (room, 0..4u64).prop_map(|(room, back)| Step::Snapshot { room, back }),
        1 => Just(Step::Reopen),
        1 => Just(Step::Crash),
    ]
}

/// What should be stored of a room.
#[derive(Debug, Default)]
struct Model {
    log: BTreeMap<u64, Bytes>,
    last_seq: u64,
    last_version: u64,
    snapshot: Option<Bytes>,
    drafted: Option<(u64, HostText)>,
}

impl Model {
    fn assert_is(&self, stored: &StoredRoom) {
        assert_eq!(stored.log, self.log.values().cloned().collect::<Vec<_>>());
        assert_eq!((stored.last_seq, stored.last_version), (self.last_seq, self.last_version));
        assert_eq!(stored.snapshot.as_ref().map(|s| s.data.clone()), self.snapshot);
        assert_eq!(stored.snapshot.as_ref().map_or(0, |s| s.version), self.last_version);
        assert_eq!(stored.drafted.as_ref().map(|d| (d.seq, d.text.clone())), self.drafted);
        assert!(stored.rejected.is_empty());
    }

    fn step(&mut self, backend: &mut dyn Backend, room: &RoomId, step: &Step) {
        match step {
            Step::Append { lengths, .. } => {
                let mut batch = Vec::new();
                for length in lengths {
                    self.last_seq += 1;
                    let bytes = Bytes::from(vec![self.last_seq as u8; *length]);
                    self.log.insert(self.last_seq, bytes.clone());
                    batch.push(Entry::Update(Append {
                        room: room.clone(),
                        seq: self.last_seq,
                        update: bytes,
                    }));
                }
                backend.commit(&batch).unwrap();
            }
            Step::Note { back, .. } => {
                let seq = self.last_seq.saturating_sub(*back);
                backend.commit(&[note(room, seq, seq as u8)]).unwrap();
                if self.drafted.as_ref().is_none_or(|(earlier, _)| *earlier <= seq) {
                    self.drafted = Some((seq, seq.to_string().into()));
                }
            }
            Step::Snapshot { back, .. } => {
                let covers_seq = self.last_seq.saturating_sub(*back);
                self.last_version += 1;
                let text = format!("{covers_seq}/{}", self.last_version);
                backend.save_snapshot(&snapshot(room, self.last_version, covers_seq, &text)).unwrap();
                self.log.retain(|seq, _| *seq > covers_seq);
                self.snapshot = Some(text.into());
            }
            Step::Reopen | Step::Crash => {}
        }
    }
}

pub(super) fn after_a_crash_everything_is_there<D: Disk>() {
    let config = ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() };
    proptest!(config, |(steps in proptest::collection::vec(step(), 1..40))| {
        let rooms = ["a", "B", "c d"].map(room);
        let mut models: [Model; 3] = Default::default();
        let mut disk = D::new();
        let mut backend = disk.open();
        for step in &steps {
            match step {
                Step::Append { room, .. } | Step::Note { room, .. } | Step::Snapshot { room, .. } => {
                    models[*room].step(&mut *backend, &rooms[*room], step);
                    continue;
                }
                Step::Reopen => {}
                Step::Crash => disk = disk.after_crash(),
            }
            drop(backend);
            backend = disk.open();
            for (room, model) in rooms.iter().zip(&models) {
                model.assert_is(&backend.load(room).unwrap());
            }
        }
    });
}
