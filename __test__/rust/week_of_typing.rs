//! Files stay small however long people type: what is typed goes through a room and its store, and is looked at
//! all the way.
//!
//! `TYPING_KEYS` says how many keys are pressed; five a second for eight hours on five days are 720,000. The
//! seed is printed; `TYPING_SEED` runs one again.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use civicpress_realtime::config::Durability;
use civicpress_realtime::document::Document;
use civicpress_realtime::host::User;
use civicpress_realtime::ids::{ClientId, RoomId, UserId};
use civicpress_realtime::protocol::sync;
use civicpress_realtime::room::state::{AckMode, Effect, Member, RoomState};
use civicpress_realtime::store::filesystem::FilesystemBackend;
use civicpress_realtime::store::sqlite::{SqliteBackend, SqliteSettings};
use civicpress_realtime::store::writer::{RoomLog, Store, StoreSettings};
use civicpress_realtime::store::{Backend, NewSnapshot, SNAPSHOTS_KEPT_PER_ROOM};
use yrs::updates::decoder::Decode;
use yrs::{ClientID, Doc, GetString, Options, Text, TextRef, Transact, TransactionMut};

/// Few enough for every run of the tests.
const KEYS: usize = 12_000;

/// A snapshot is taken after so many changes, as `snapshots.max_updates` has it.
const CHANGES_PER_SNAPSHOT: u64 = 100;

/// The text is cut back to half of it when it gets there, in characters.
const TEXT_CHARS_MAX: u32 = 20_000;

const ANN: ClientId = ClientId::new(1);

/// Somebody who types, wanders about, corrects, and deletes whole passages.
struct Typist {
    doc: Doc,
    text: TextRef,
    random: fastrand::Rng,
    at: u32,
}

impl Typist {
    fn new(random: fastrand::Rng) -> Self {
        let doc = Doc::with_options(Options::with_client_id(ClientID::new(1)));
        let text = doc.get_or_insert_text("text");
        Self { doc, text, random, at: 0 }
    }

    /// Presses a key and gives the update.
    fn press(&mut self) -> Vec<u8> {
        let Self { doc, text, random, at } = self;
        let mut txn = doc.transact_mut();
        let length = text.len(&txn);
        if random.u32(..60) == 0 {
            *at = random.u32(..=length);
        }
        if length > TEXT_CHARS_MAX {
            remove(text, &mut txn, 0, length / 2);
            *at = 0;
        } else if random.u32(..8) == 0 && *at > 0 {
            *at -= 1;
            remove(text, &mut txn, *at, 1);
        } else {
            let letter = if random.u32(..6) == 0 { ' ' } else { random.lowercase() };
            text.insert(&mut txn, *at, letter.encode_utf8(&mut [0; 4]));
            *at += 1;
        }
        txn.encode_update_v1()
    }

    fn read(&self) -> String {
        self.text.get_string(&self.doc.transact())
    }
}

fn remove(text: &TextRef, txn: &mut TransactionMut<'_>, at: u32, length: u32) {
    text.remove_range(txn, at, length);
}

/// The largest that each of these was.
#[derive(Debug, Default)]
struct Largest {
    state: usize,
    database: u64,
    write_ahead_log: u64,
    snapshot_files: u64,
}

impl Largest {
    fn look(&mut self, folder: &Path, state: usize) {
        let size = |name: &str| std::fs::metadata(folder.join(name)).map_or(0, |file| file.len());
        self.state = self.state.max(state);
        self.database = self.database.max(size("realtime.db"));
        self.write_ahead_log = self.write_ahead_log.max(size("realtime.db-wal"));
        self.snapshot_files = self.snapshot_files.max(size_of_folder(&folder.join("snapshots")));
    }
}

fn size_of_folder(folder: &Path) -> u64 {
    let Ok(entries) = std::fs::read_dir(folder) else { return 0 };
    let sizes = entries.map(Result::unwrap).map(|entry| match entry.metadata().unwrap() {
        of if of.is_dir() => size_of_folder(&entry.path()),
        of => of.len(),
    });
    sizes.sum()
}

async fn snapshot(store: &Store, room: &RoomId, state: &mut RoomState, log: &RoomLog, version: u64) -> usize {
    let data = state.document_mut().state().unwrap();
    let size = data.len();
    let snapshot =
        NewSnapshot { room: room.clone(), version, data, covers_seq: log.last_seq(), created_at_ms: 1 };
    store.save_snapshot(snapshot).await.unwrap();
    size
}

async fn type_into(backend: Box<dyn Backend>, folder: &Path, keys: usize, typist: &mut Typist) -> Largest {
    let store = Store::start(backend, StoreSettings::default(), Arc::new(|_| ())).unwrap();
    let room = RoomId::new("records", "minutes").unwrap();
    let (_, log) = store.load(&room).await.unwrap();
    let mut state = RoomState::new(room.clone(), Document::new());
    let ann = Member {
        user: User { id: UserId::Number(1), name: None },
        read_only: false,
        reads_text: false,
        speaks_json: false,
        ack: AckMode::None,
    };
    state.join(ANN, ann, None, Instant::now());
    let (mut largest, mut version, mut changes) = (Largest::default(), 0, 0);
    for _ in 0..keys {
        let frame = sync::update(&typist.press()).payload();
        for effect in state.receive(ANN, vec![frame], Instant::now()) {
            let Effect::Change { update, .. } = effect else { continue };
            log.append(update).unwrap();
            changes += 1;
        }
        if changes >= CHANGES_PER_SNAPSHOT {
            (version, changes) = (version + 1, 0);
            let size = snapshot(&store, &room, &mut state, &log, version).await;
            largest.look(folder, size);
        }
    }
    drop(log);
    store.close(Duration::from_secs(60)).await.unwrap();
    largest
}

fn read_back(mut backend: Box<dyn Backend>) -> String {
    let stored = backend.load(&RoomId::new("records", "minutes").unwrap()).unwrap();
    assert!(stored.log.len() < CHANGES_PER_SNAPSHOT as usize);
    let snapshot = stored.snapshot.unwrap().data;
    let mut document = Document::restore(Some(&snapshot), &stored.log).unwrap();
    let doc = Doc::new();
    let text = doc.get_or_insert_text("text");
    let state = yrs::Update::decode_v1(&document.state().unwrap()).unwrap();
    doc.transact_mut().apply_update(state).unwrap();
    text.get_string(&doc.transact())
}

async fn stays_small(open: impl Fn(&Path) -> Box<dyn Backend>, name: &str) {
    let keys = std::env::var("TYPING_KEYS").ok().and_then(|keys| keys.parse().ok()).unwrap_or(KEYS);
    let seed = std::env::var("TYPING_SEED").ok().and_then(|seed| seed.parse().ok());
    let seed = seed.unwrap_or_else(|| fastrand::u64(..));
    println!("TYPING_SEED={seed}");
    let folder = tempfile::tempdir().unwrap();
    let mut typist = Typist::new(fastrand::Rng::with_seed(seed));
    let largest = type_into(open(folder.path()), folder.path(), keys, &mut typist).await;
    println!("{name}: {keys} keys, {} characters in the end, {largest:?}", typist.read().len());
    assert_eq!(read_back(open(folder.path())), typist.read());
    // One snapshot more than are kept, the log between two, and pages that are not full.
    let kept = (SNAPSHOTS_KEPT_PER_ROOM + 1) * largest.state + 256 * 1024;
    assert!(largest.database <= kept as u64, "{largest:?}");
    assert!(largest.snapshot_files <= kept as u64, "{largest:?}");
    assert!(largest.write_ahead_log <= 16 * 1024 * 1024, "{largest:?}");
}

fn settings() -> SqliteSettings {
    SqliteSettings { durability: Durability::Normal, ..SqliteSettings::default() }
}

#[tokio::test]
async fn the_database_stays_small() {
    let open = |folder: &Path| -> Box<dyn Backend> {
        Box::new(SqliteBackend::open(&folder.join("realtime.db"), &settings()).unwrap())
    };
    stays_small(open, "database").await;
}

#[tokio::test]
async fn the_files_stay_small() {
    let open = |folder: &Path| -> Box<dyn Backend> {
        let snapshots = folder.join("snapshots");
        Box::new(FilesystemBackend::open(&folder.join("realtime.db"), &snapshots, &settings()).unwrap())
    };
    stays_small(open, "filesystem").await;
}
