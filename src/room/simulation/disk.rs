//! The store's disk: in memory, it outlives the process, does some calls only to say that it did not, and
//! watches what it is asked to do. What it keeps of a call is all or nothing, as a transaction is.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex};

use super::ledger::Books;
use super::mutant::Mutant;
use crate::document::Document;
use crate::error::{RealtimeError, Result};
use crate::ids::RoomId;
use crate::room::state::tests::editor::Editor;
use crate::store::memory::MemoryDisk;
use crate::store::{Attempt, Backend, Entry, Expired, NewSnapshot, SavedSnapshot, StoredRoom};

/// The disk; clones share it.
#[derive(Clone)]
pub(super) struct SimulatedDisk {
    memory: MemoryDisk,
    mutant: Option<Mutant>,
    /// The last number of an update and of a snapshot that each room was loaded with.
    numbers: Arc<Mutex<HashMap<RoomId, (u64, u64)>>>,
    books: Arc<Mutex<Books>>,
}

impl SimulatedDisk {
    pub(super) fn new(mutant: Option<Mutant>, books: Arc<Mutex<Books>>) -> Self {
        Self { memory: MemoryDisk::default(), mutant, numbers: Arc::default(), books }
    }

    /// The switches for what goes wrong.
    pub(super) const fn memory(&self) -> &MemoryDisk {
        &self.memory
    }

    /// A process opens it.
    pub(super) fn open(&self) -> Box<dyn Backend> {
        Box::new(Watched { disk: self.clone(), backend: self.memory.open(), unwritten: Vec::new() })
    }

    /// The document that is stored of a room.
    pub(super) fn document(&self, room: &RoomId) -> Editor {
        Editor::of(&mut self.stored(room))
    }

    /// How large it is.
    pub(super) fn document_bytes(&self, room: &RoomId) -> usize {
        self.stored(room).state().unwrap().len()
    }

    fn stored(&self, room: &RoomId) -> Document {
        let stored = self.memory.stored(room);
        let snapshot = stored.snapshot.map(|snapshot| snapshot.data);
        Document::restore(snapshot.as_ref(), &stored.log).unwrap()
    }

    fn complain(&self, problem: String) {
        self.books.lock().unwrap().findings.push(problem);
    }

    fn note(&self, deed: impl FnOnce() -> String) {
        self.books.lock().unwrap().note(deed);
    }

    /// Whatever fails that was not made to fail is a fault of whoever asked for it.
    fn watch<T>(&self, answer: Result<T>) -> Result<T> {
        answer.inspect_err(|RealtimeError { message, .. }| {
            if !message.starts_with("scripted") {
                self.complain(format!("the disk refused: {message}"));
            }
        })
    }

    /// A snapshot takes the place of all that it deletes: what a replay would make of that is in it.
    fn check_contained(&self, snapshot: &NewSnapshot) {
        let NewSnapshot { room, version, data, covers_seq, .. } = snapshot;
        let earlier = self.memory.stored(room).snapshot.map(|earlier| earlier.data);
        let deleted = self.memory.log_up_to(room, *covers_seq);
        let deleted = Document::restore(earlier.as_ref(), &deleted).unwrap().state().unwrap();
        let editor = Editor::new(998);
        editor.receive(data);
        let before = editor.content();
        editor.receive(&deleted);
        let after = editor.content();
        if after != before {
            self.complain(format!(
                "snapshot {version} of {room} lacks what it deletes:\n{before:#?}\nand with it\n{after:#?}"
            ));
        }
    }
}

/// One process's way to the disk.
struct Watched {
    disk: SimulatedDisk,
    backend: Box<dyn Backend>,
    /// What a disk that answers before it writes has not written yet.
    unwritten: Vec<Entry>,
}

impl Watched {
    fn is(&self, mutant: Mutant) -> bool {
        self.disk.mutant == Some(mutant)
    }

    fn write_behind(&mut self) {
        let unwritten = std::mem::take(&mut self.unwritten);
        if !unwritten.is_empty() && self.backend.commit(&unwritten).is_err() {
            self.unwritten = unwritten;
        }
    }
}

impl Backend for Watched {
    fn load(&mut self, room: &RoomId) -> Result<StoredRoom> {
        self.write_behind();
        let mut stored = self.disk.watch(self.backend.load(room))?;
        let mut numbers = self.disk.numbers.lock().unwrap();
        let (seq, version) = numbers.entry(room.clone()).or_default();
        if stored.last_seq < *seq || stored.last_version < *version {
            let found = (stored.last_seq, stored.last_version);
            self.disk.complain(format!("numbers went back from {seq}, {version} to {found:?}"));
        }
        (*seq, *version) = (stored.last_seq, stored.last_version);
        drop(numbers);
        self.disk.note(|| {
            let StoredRoom { log, last_seq, last_version, drafted, attempted, .. } = &stored;
            let drafted = drafted.as_ref().map(|drafted| (drafted.seq, &drafted.text));
            let attempted: Vec<_> = attempted.iter().map(|attempt| (attempt.seq, &attempt.text)).collect();
            format!(
                "the disk has of {room}: {} updates up to {last_seq}, snapshot {last_version}, {drafted:?}, {attempted:?}",
                log.len()
            )
        });
        if self.is(Mutant::HistoryIsForgotten) {
            (stored.snapshot, stored.log) = (None, Vec::new());
        }
        if self.is(Mutant::VersionIsUsedAgain) {
            stored.last_version = stored.last_version.saturating_sub(2);
        }
        Ok(stored)
    }

    fn commit(&mut self, batch: &[Entry]) -> Result<()> {
        self.write_behind();
        if self.is(Mutant::AnswerComesFirst) {
            self.unwritten = batch.to_vec();
            return Ok(());
        }
        let len = batch.len() - usize::from(self.is(Mutant::CommitIsLost) && batch.len() > 1);
        let answer = self.disk.watch(self.backend.commit(&batch[..len]));
        self.disk.note(|| {
            let entries: Vec<String> = batch.iter().map(describe).collect();
            format!("the disk commits {}: {:?}", entries.join(", "), answer.is_ok())
        });
        answer
    }

    fn save_snapshot(&mut self, snapshot: &NewSnapshot) -> Result<SavedSnapshot> {
        self.write_behind();
        let mut snapshot = snapshot.clone();
        if self.is(Mutant::LogIsCutTooFar) {
            snapshot.covers_seq = self.disk.memory.stored(&snapshot.room).last_seq;
        }
        let snapshot = &snapshot;
        self.disk.check_contained(snapshot);
        let answer = self.disk.watch(self.backend.save_snapshot(snapshot));
        self.disk.note(|| {
            let NewSnapshot { room, version, covers_seq, .. } = snapshot;
            format!("the disk takes snapshot {version} of {room} up to {covers_seq}: {:?}", answer.is_ok())
        });
        answer
    }

    fn attempt(&mut self, room: &RoomId, attempt: &Attempt) -> Result<()> {
        self.write_behind();
        let answer = self.disk.watch(self.backend.attempt(room, attempt));
        self.disk.note(|| {
            format!("the disk notes that {:?} of {room} is given: {:?}", attempt.text, answer.is_ok())
        });
        answer
    }

    fn sweep(&mut self, active: &HashSet<RoomId>, now_ms: i64, older_than_ms: i64) -> Result<Vec<Expired>> {
        self.disk.watch(self.backend.sweep(active, now_ms, older_than_ms))
    }
}

fn describe(entry: &Entry) -> String {
    match entry {
        Entry::Update(append) => format!("update {} of {}", append.seq, append.room),
        Entry::Drafted(drafted) => {
            format!("text {:?} up to {} of {}", drafted.text, drafted.seq, drafted.room)
        }
    }
}
