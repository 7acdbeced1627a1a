//! The application: it has the records' texts, takes drafts, and is slow or unwell at times. Somebody else
//! edits its texts.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::ledger::{Books, name, tokens_in};
use super::mutant::Mutant;
use crate::error::{Code, RealtimeError, Result};
use crate::host::{Authorization, AuthorizeRequest, HookEvent, Host, HostFuture, LoadedRecord};
use crate::ids::RoomId;

/// What of the engine's hooks must never be heard here, where nothing is damaged.
const NEVER_HEARD: [&str; 3] =
    ["realtime:snapshot:integrity-failed", "realtime:log:integrity-failed", "realtime:room:lossy"];

/// How the application is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mood {
    Well,
    /// It answers after seconds.
    Slow,
    /// It takes drafts, and writes them long after the engine has given it up.
    Late,
    /// It fails and does nothing.
    Fails,
    /// It fails, and has done what it should.
    FailsAfterwards,
}

/// The application; clones share it.
#[derive(Clone)]
pub(super) struct SimulatedHost {
    state: Arc<Mutex<State>>,
    books: Arc<Mutex<Books>>,
    saves_drafts: bool,
    /// Whether its text is the draft once there is one.
    gives_drafts: bool,
    mutant: Option<Mutant>,
}

struct State {
    records: HashMap<RoomId, Record>,
    mood: Mood,
    random: fastrand::Rng,
    /// Drafts that it took after the engine had given it up, and has not written yet.
    late: Vec<(RoomId, String)>,
    refused_frames: usize,
    failed_rooms: usize,
}

struct Record {
    /// Its place among the rooms.
    number: usize,
    text: String,
    /// What it was before anybody else edited it.
    written: String,
    draft: Option<String>,
    /// What was ever edited in the text by others.
    elsewhere: BTreeSet<char>,
    /// What of that was since it was last given to the room.
    unseen: BTreeSet<char>,
}

impl SimulatedHost {
    pub(super) fn new(
        records: Vec<(RoomId, String)>,
        books: Arc<Mutex<Books>>,
        mut random: fastrand::Rng,
        mutant: Option<Mutant>,
    ) -> Self {
        let record = |(number, text): (usize, String)| Record {
            number,
            written: text.clone(),
            text,
            draft: None,
            elsewhere: BTreeSet::new(),
            unseen: BTreeSet::new(),
        };
        let records = records.into_iter().enumerate();
        let records = records.map(|(number, (room, text))| (room, record((number, text)))).collect();
        let (saves_drafts, gives_drafts) = (random.u8(..6) > 0, random.u8(..4) > 0);
        let state =
            State { records, mood: Mood::Well, random, late: Vec::new(), refused_frames: 0, failed_rooms: 0 };
        Self { state: Arc::new(Mutex::new(state)), books, saves_drafts, gives_drafts, mutant }
    }

    pub(super) fn be(&self, mood: Mood) {
        self.state.lock().unwrap().mood = mood;
    }

    /// Frames that the engine could make nothing of.
    pub(super) fn refused_frames(&self) -> usize {
        self.state.lock().unwrap().refused_frames
    }

    /// Rooms that broke.
    pub(super) fn failed_rooms(&self) -> usize {
        self.state.lock().unwrap().failed_rooms
    }

    /// Whether others may edit its texts: one that keeps drafts apart shows its own text for ever.
    pub(super) const fn can_be_edited(&self) -> bool {
        self.gives_drafts || !self.saves_drafts
    }

    /// Whether the text follows the room.
    pub(super) const fn follows(&self) -> bool {
        self.saves_drafts
    }

    /// Somebody adds a paragraph to a record's text.
    pub(super) fn edit(&self, room: &RoomId, token: char) {
        let mut state = self.state.lock().unwrap();
        let State { records, random, .. } = &mut *state;
        let record = records.get_mut(room).unwrap();
        let mut blocks: Vec<&str> = record.text.split("\n\n").collect();
        let added = format!("e{token}");
        blocks.insert(random.usize(..=blocks.len()), &added);
        record.text = blocks.iter().map(|block| block.trim_end()).collect::<Vec<_>>().join("\n\n");
        record.elsewhere.insert(token);
        record.unseen.insert(token);
    }

    /// The newest text of a record: the draft, if there is one.
    pub(super) fn newest(&self, room: &RoomId) -> String {
        let state = self.state.lock().unwrap();
        let record = &state.records[room];
        record.draft.as_ref().unwrap_or(&record.text).clone()
    }

    /// It writes a draft that it was given long ago, perhaps after newer ones. False if there is none.
    ///
    /// Only if it gives drafts back: of one that keeps them apart nobody can see which draft it has.
    pub(super) fn write_late(&self) -> bool {
        let mut state = self.state.lock().unwrap();
        let State { records, random, late, .. } = &mut *state;
        if late.is_empty() {
            return false;
        }
        let (room, mut markdown) = late.swap_remove(random.usize(..late.len()));
        if self.mutant == Some(Mutant::LateDraftIsCut) {
            markdown.retain(|c| tokens_in(c.encode_utf8(&mut [0; 4])).count() == 0);
        }
        let record = records.get_mut(&room).unwrap();
        let mut books = self.books.lock().unwrap();
        books.note(|| format!("late, the host writes as a draft of room {}: {markdown:?}", record.number));
        // What somebody has edited is gone from its text; the room may have it.
        let written: BTreeSet<char> = tokens_in(&markdown).collect();
        for token in tokens_in(&record.text).filter(|token| !written.contains(token)) {
            if record.elsewhere.contains(&token) {
                record.unseen.remove(&token);
                books.rooms[record.number].doubt(token);
            }
        }
        record.written.clone_from(&markdown);
        record.text = markdown;
        true
    }

    /// How long it takes, before and after it does something, and what becomes of it.
    fn begin(&self) -> (Duration, Duration, Mood) {
        let State { mood, random, .. } = &mut *self.state.lock().unwrap();
        let millis = match mood {
            Mood::Slow => 8_000,
            _ => 5,
        };
        let mut pause = || Duration::from_millis(random.u64(..millis));
        (pause(), pause(), *mood)
    }

    fn read(&self, room: &RoomId) -> (String, BTreeSet<char>) {
        let state = self.state.lock().unwrap();
        let record = &state.records[room];
        let is_old = self.mutant == Some(Mutant::OldTextIsShown);
        let text = if is_old { &record.written } else { &record.text };
        self.note(|| format!("the host shows of room {}: {text:?}", record.number));
        (text.clone(), record.unseen.clone())
    }

    fn note(&self, deed: impl FnOnce() -> String) {
        self.books.lock().unwrap().note(deed);
    }

    fn was_shown(&self, room: &RoomId, shown: &BTreeSet<char>) {
        let mut state = self.state.lock().unwrap();
        state.records.get_mut(room).unwrap().unseen.retain(|token| !shown.contains(token));
    }

    fn write(&self, room: &RoomId, markdown: String) {
        let mut state = self.state.lock().unwrap();
        let record = state.records.get_mut(room).unwrap();
        let mut books = self.books.lock().unwrap();
        books.note(|| format!("the host is given as a draft of room {}: {markdown:?}", record.number));
        let Books { rooms, findings, .. } = &mut *books;
        let ledger = &mut rooms[record.number];
        ledger.drafted(&markdown);
        if !self.gives_drafts {
            record.draft = Some(markdown);
            return;
        }
        let written: BTreeSet<char> = tokens_in(&markdown).collect();
        let overwritten = tokens_in(&record.text).filter(|token| !written.contains(token));
        for token in overwritten {
            if record.unseen.remove(&token) {
                ledger.doubt(token);
            } else if !ledger.is_deleted(token) {
                findings.push(format!("a draft took the place of a text with {}", name(token)));
            }
        }
        record.written = markdown.clone();
        record.text = markdown;
    }
}

fn unwell() -> RealtimeError {
    RealtimeError::new(Code::HostFailed, "the host is not well")
}

impl Host for SimulatedHost {
    fn authorize(&self, _: AuthorizeRequest) -> HostFuture<Authorization> {
        unreachable!("rooms do not ask this")
    }

    fn load(&self, room: RoomId) -> HostFuture<Option<LoadedRecord>> {
        let host = self.clone();
        Box::pin(async move {
            let (before, after, mood) = host.begin();
            tokio::time::sleep(before).await;
            if matches!(mood, Mood::Fails | Mood::FailsAfterwards) {
                return Err(unwell());
            }
            let (markdown, shown) = host.read(&room);
            tokio::time::sleep(after).await;
            host.was_shown(&room, &shown);
            Ok(Some(LoadedRecord { markdown }))
        })
    }

    fn saves_drafts(&self) -> bool {
        self.saves_drafts
    }

    fn save(&self, room: RoomId, markdown: String) -> HostFuture<()> {
        let host = self.clone();
        Box::pin(async move {
            let (before, after, mood) = host.begin();
            if mood == Mood::Late && host.gives_drafts {
                host.state.lock().unwrap().late.push((room, markdown));
                std::future::pending::<()>().await;
                return Err(unwell());
            }
            tokio::time::sleep(before).await;
            if mood == Mood::Fails {
                return Err(unwell());
            }
            host.write(&room, markdown);
            tokio::time::sleep(after).await;
            if mood == Mood::FailsAfterwards { Err(unwell()) } else { Result::Ok(()) }
        })
    }

    fn emit(&self, event: HookEvent) {
        if event.name == "realtime:room:destroyed" && event.data["reason"] == "failed" {
            self.state.lock().unwrap().failed_rooms += 1;
        }
        if NEVER_HEARD.contains(&event.name) {
            let problem = format!("the engine told {}: {:?}", event.name, event.data);
            self.books.lock().unwrap().findings.push(problem);
        }
        if event.name == "realtime:room:merged" {
            self.note(|| format!("the engine merged: {}, {}", event.data["added"], event.data["removed"]));
        }
        if event.name == "realtime:room:apply-failed" {
            self.state.lock().unwrap().refused_frames += 1;
        }
    }
}
