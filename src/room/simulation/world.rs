//! What happens in a run, one thing after the other, chosen by chance.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::disk::SimulatedDisk;
use super::host::{Mood, SimulatedHost};
use super::ledger::{Books, Edit, Ledger, name, token};
use super::line::Line;
use super::mutant::Mutant;
use super::peer::{Heard, Link, Nuisance, Peer, Role};
use super::server::{Server, Settings};
use super::trace::Trace;
use crate::error::{Code, RealtimeError};
use crate::host::User;
use crate::ids::{ClientId, RoomId, UserId};
use crate::protocol::control;
use crate::room::messages::Message;
use crate::room::outbox::Outbox;
use crate::room::state::{AckMode, Member};
use crate::store::memory::{Call, Fault};

const STEPS: usize = 120;

/// So little that a few waiting changes are too many.
pub(super) const SLOW_READER_BYTES: usize = 400;

/// So much that no run fills it.
const FAST_READER_BYTES: usize = 1_000_000;

/// Where documents are small, so much is added at once, or less.
const PADDING_MAX: usize = 400;

/// Everything there is.
pub(super) struct World {
    pub(super) random: fastrand::Rng,
    pub(super) trace: Trace,
    pub(super) mutant: Option<Mutant>,
    pub(super) rooms: Vec<RoomId>,
    pub(super) disk: SimulatedDisk,
    pub(super) host: SimulatedHost,
    pub(super) books: Arc<Mutex<Books>>,
    pub(super) settings: Settings,
    pub(super) server: Option<Server>,
    pub(super) peers: Vec<Peer>,
    clients: u64,
    tokens: u32,
    /// Frames that make no sense, so far, and such as break a room.
    pub(super) nonsense: usize,
    pub(super) wrecks: usize,
}

impl World {
    pub(super) fn new(seed: u64, mutant: Option<Mutant>, trace: Trace) -> Self {
        let mut random = fastrand::Rng::with_seed(seed);
        // What in the engine is left to chance is left to this one.
        fastrand::seed(random.u64(..));
        let rooms = ["x", "y"].map(|id| RoomId::new("records", id).unwrap());
        let rooms: Vec<RoomId> = rooms.into_iter().take(1 + usize::from(random.u8(..3) == 0)).collect();
        let mut books = Books { deeds: trace.is_on().then(Vec::new), ..Books::default() };
        let (mut records, mut tokens) = (Vec::new(), 0);
        for room in &rooms {
            let [a, b, c] = [0, 1, 2].map(|n| token(tokens + n));
            tokens += 3;
            let mut ledger = Ledger::default();
            for inserted in [a, b, c] {
                ledger.enter(&Edit { inserted: Some(inserted), deleted: Vec::new() });
            }
            books.rooms.push(ledger);
            // Without full stops: Markdown cannot say that one is bold and the letter after it is not, and a
            // text that cannot be carried closes its room for edits.
            let text = format!("# Title {a}\n\nThe council {b} meets\n\nOn *Tuesday* {c}\n");
            records.push((room.clone(), text));
        }
        let books = Arc::new(Mutex::new(books));
        let host = SimulatedHost::new(records, Arc::clone(&books), random.fork(), mutant);
        let mut peers: Vec<Peer> = Vec::new();
        for room in 0..rooms.len() {
            let wrecker = (random.u8(..4) == 0).then_some(Role::Wrecker);
            let roles = [Role::Viewer, Role::Intruder].into_iter().chain(wrecker);
            for role in roles.chain(std::iter::repeat_n(Role::Editor, random.usize(2..=4))) {
                peers.push(Peer::new(peers.len(), room, role, &mut random));
            }
        }
        let settings = Settings::any(&mut random);
        let disk = SimulatedDisk::new(mutant, Arc::clone(&books));
        let server = start(&disk, &host, &settings, mutant);
        Self {
            random,
            trace,
            mutant,
            rooms,
            disk,
            host,
            books,
            settings,
            server: Some(server),
            peers,
            clients: 0,
            tokens,
            nonsense: 0,
            wrecks: 0,
        }
    }

    pub(super) fn into_trace(self) -> Trace {
        self.trace
    }

    /// The whole run; what went wrong, if something did.
    pub(super) fn play(&mut self) -> Result<(), String> {
        for step in 0..STEPS {
            self.trace.say(|| format!("-- {step}"));
            self.step()?;
            self.pass_a_little();
            self.check_always()?;
        }
        self.finish()
    }

    fn step(&mut self) -> Result<(), String> {
        let peer = self.random.usize(..self.peers.len());
        let room = self.random.usize(..self.rooms.len());
        match self.random.u16(..1_000) {
            0..280 => self.edit(peer),
            280..306 => self.say_something(peer),
            306..310 => self.clear_text(peer),
            310..500 => {
                self.deliver(peer);
            }
            500..660 => {
                self.read(peer, false)?;
            }
            660..730 => self.connect(peer),
            730..750 => self.disconnect(peer),
            750..860 => {
                let did = self.server().write();
                self.trace.say(|| format!("the disk works: {did}"));
            }
            860..885 => self.spoil_disk(),
            885..905 => self.change_mood(),
            905..909 => {
                let did = self.host.write_late();
                self.trace.say(|| format!("a draft comes late: {did}"));
            }
            909..920 => self.edit_elsewhere(room),
            920..935 => {
                self.trace.say(|| format!("a snapshot of room {room} is asked for"));
                let id = self.rooms[room].clone();
                drop(self.server().ask_snapshot(&id));
            }
            935..965 => self.pass_long(),
            965..978 => self.crash()?,
            978..982 => self.shut_down()?,
            982..987 => self.change_rights(peer),
            987..991 => self.change_lock(room),
            _ => self.settle()?,
        }
        Ok(())
    }

    pub(super) fn server(&mut self) -> &mut Server {
        self.server.as_mut().unwrap()
    }

    pub(super) fn ledger<T>(&self, room: usize, change: impl FnOnce(&mut Ledger) -> T) -> T {
        change(&mut self.books.lock().unwrap().rooms[room])
    }

    pub(super) fn token(&mut self) -> char {
        self.tokens += 1;
        token(self.tokens - 1)
    }

    /// Between two things the engine does all that it can, or only some of it, or nothing.
    fn pass_a_little(&mut self) {
        let millis = self.random.u64(1..100);
        let (turns, choice) = (self.random.usize(1..4), self.random.u8(..4));
        match choice {
            0 => {}
            1 => self.server().take_turns(turns),
            _ => self.server().run_for(Duration::from_millis(millis)),
        }
        self.let_in();
    }

    /// Seconds or minutes, in which the disk works now and then.
    fn pass_long(&mut self) {
        let seconds = [1, 5, 30, 300][self.random.usize(..4)];
        self.trace.say(|| format!("{seconds} s go by"));
        for _ in 0..self.random.usize(1..6) {
            self.server().run_for(Duration::from_millis(seconds * 250));
            if self.random.bool() {
                self.server().write();
            }
        }
        self.let_in();
    }

    fn edit(&mut self, peer: usize) {
        if matches!(self.peers[peer].role, Role::Viewer | Role::Wrecker) {
            return;
        }
        let token = self.token();
        // Where documents are small, what is added is large, but for some.
        let is_large = self.settings.document_bytes_max().is_some() && self.random.bool();
        let padding = if is_large { self.random.usize(..PADDING_MAX) } else { 0 };
        let Some(edit) = self.peers[peer].edit(&mut self.random, token, padding) else { return };
        self.edited(peer, &edit);
    }

    /// Somebody has made a change.
    pub(super) fn edited(&mut self, peer: usize, edit: &Edit) {
        self.trace.say(|| format!("peer {peer} edits: {}", describe(edit)));
        let Peer { role, room, .. } = self.peers[peer];
        if self.peers[peer].counts() {
            self.ledger(room, |ledger| ledger.enter(edit));
        } else if role == Role::Editor {
            let peer = &mut self.peers[peer];
            peer.void.insert(peer.edits.len() - 1);
        }
    }

    fn say_something(&mut self, peer: usize) {
        self.trace.say(|| format!("peer {peer} says something"));
        match self.peers[peer].say_something(&mut self.random) {
            Nuisance::None => {}
            Nuisance::Nonsense => self.nonsense += 1,
            Nuisance::Wreck => self.wrecks += 1,
        }
    }

    /// Somebody edits the record's text without the engine.
    fn edit_elsewhere(&mut self, room: usize) {
        if !self.host.can_be_edited() {
            return;
        }
        let token = self.token();
        self.trace.say(|| format!("the text of room {room} is edited elsewhere: {}", name(token)));
        self.ledger(room, |ledger| ledger.enter_elsewhere(token));
        let id = self.rooms[room].clone();
        self.host.edit(&id, token);
        if self.random.bool() {
            self.server().tell(&id, Message::RecordChanged);
        }
    }

    pub(super) fn connect(&mut self, peer: usize) {
        if !matches!(self.peers[peer].link, Link::Away) || !self.peers[peer].may_come {
            return;
        }
        self.clients += 1;
        let client = ClientId::new(self.clients);
        let ack = [AckMode::None, AckMode::Echo, AckMode::Saved][self.random.usize(..3)];
        let (comes_early, reads_text) = (self.random.bool(), self.random.bool());
        let Peer { role, slow, speaks_json, room, may_edit, .. } = self.peers[peer];
        // Who broke a room is kept out of it, and comes back as somebody else.
        let user = if role == Role::Wrecker { 1_000 + self.clients as i64 } else { peer as i64 };
        let lets_in_anybody = self.mutant == Some(Mutant::ViewerMayWrite);
        let member = Member {
            speaks_json,
            user: User { id: UserId::Number(user), name: None },
            read_only: !may_edit && role != Role::Wrecker && !lets_in_anybody,
            reads_text: reads_text || speaks_json || ack == AckMode::Saved,
            ack,
        };
        let outbox = Outbox::new(if slow { SLOW_READER_BYTES } else { FAST_READER_BYTES });
        let id = self.rooms[room].clone();
        let session = self.server().open_session(&id, client, &member, outbox);
        let mut line = Line::new(session.clone(), ack);
        // Some are let in before their greeting has come, some with it.
        let greeting = self.peers[peer].greeting();
        let first = greeting.clone().filter(|_| comes_early);
        if first.is_none() {
            line.up.extend(greeting.map(super::line::Said::Binary));
        }
        let task = self.server().admit(session, member, first);
        self.peers[peer].link = Link::Arriving(task, Box::new(line));
        self.trace.say(|| format!("peer {peer} arrives as {client}"));
    }

    /// Whoever was let in meanwhile is in; and what the doubles did meanwhile is told.
    pub(super) fn let_in(&mut self) {
        for deed in self.books.lock().unwrap().deeds.iter_mut().flat_map(|deeds| deeds.drain(..)) {
            self.trace.say(|| deed);
        }
        let server = self.server.as_ref().unwrap();
        for (number, peer) in self.peers.iter_mut().enumerate() {
            let Link::Arriving(task, _) = &mut peer.link else { continue };
            let Some(answer) = server.answer(task) else { continue };
            let link = std::mem::replace(&mut peer.link, Link::Away);
            match (answer, link) {
                (Ok(inbox), Link::Arriving(_, line)) => {
                    self.trace.say(|| format!("peer {number} is in"));
                    peer.link = Link::Here(inbox, line);
                }
                (Err(error), _) => self.trace.say(|| format!("peer {number} is not let in: {error}")),
                (Ok(_), _) => unreachable!(),
            }
        }
    }

    /// The connection breaks; what is on its way in either direction is lost.
    pub(super) fn disconnect(&mut self, peer: usize) {
        let server = self.server.as_ref().unwrap();
        match std::mem::replace(&mut self.peers[peer].link, Link::Away) {
            Link::Away => return,
            Link::Arriving(task, line) => {
                line.outbox.discard();
                server.send_when_admitted(task, Message::Leave(line.client, "closed"));
            }
            Link::Here(inbox, line) => {
                line.outbox.discard();
                server.send(&inbox, Message::Leave(line.client, "closed"));
            }
        }
        self.trace.say(|| format!("peer {peer} is gone"));
    }

    /// The server reads some of what a client said. False if there was nothing, or no room for it.
    pub(super) fn deliver(&mut self, peer: usize) -> bool {
        let Link::Here(inbox, line) = &mut self.peers[peer].link else { return false };
        let mut messages = line.take_up(&mut self.random).into_iter();
        let mut count = 0;
        while let Some(message) = messages.next() {
            match inbox.try_send(message) {
                Ok(()) => count += 1,
                Err(tokio::sync::mpsc::error::TrySendError::Full(message)) => {
                    line.put_back(std::iter::once(message).chain(messages));
                    break;
                }
                // As `server/connection.rs` does it.
                Err(tokio::sync::mpsc::error::TrySendError::Closed(_)) => {
                    let error =
                        RealtimeError::new(Code::Internal, "the room failed and will be loaded again");
                    line.outbox.close(control::close(&error));
                    break;
                }
            }
        }
        if count > 0 {
            self.peers[peer].heard_of = self.peers[peer].edits.len();
            self.trace.say(|| format!("peer {peer} is heard: {count} messages"));
            if self.mutant == Some(Mutant::SavedComesAtOnce)
                && let Some(sent) = self.peers[peer].line().and_then(|line| line.outstanding.pop_front())
            {
                self.saved(peer, sent.edits).unwrap();
            }
        }
        count > 0
    }

    /// A client reads some of what it was sent, or all of it. False if there was nothing.
    pub(super) fn read(&mut self, peer: usize, all: bool) -> Result<bool, String> {
        let Link::Here(inbox, line) = &mut self.peers[peer].link else { return Ok(false) };
        if line.write_down() {
            let drained = Message::Drained(line.client);
            self.server.as_ref().unwrap().send(inbox, drained);
        }
        let unread = line.unread();
        let count = if all { unread } else { self.random.usize(..=unread) };
        for _ in 0..count {
            self.hear_next(peer)?;
        }
        if count > 0 {
            self.trace.say(|| format!("peer {peer} reads {count} frames"));
        }
        if self.peers[peer].line().is_some_and(|line| line.is_over()) {
            self.trace.say(|| format!("peer {peer} is closed"));
            self.disconnect(peer);
        }
        Ok(count > 0)
    }

    fn hear_next(&mut self, peer: usize) -> Result<(), String> {
        let Some(frame) = self.peers[peer].line().and_then(Line::read) else { return Ok(()) };
        let is_update = crate::protocol::sync::update_in(&frame).is_some();
        if is_update && self.mutant == Some(Mutant::UpdateIsDropped) && self.random.u8(..4) == 0 {
            return Ok(());
        }
        if self.mutant == Some(Mutant::QuestionIsUnheard) && self.peers[peer].is_asked_again(&frame) {
            return Ok(());
        }
        match self.peers[peer].hear(&frame) {
            Heard::Saved(edits) => self.saved(peer, edits),
            Heard::News | Heard::Nothing => Ok(()),
        }
    }

    /// A client hears that edits of it are saved.
    fn saved(&mut self, peer: usize, edits: std::ops::Range<usize>) -> Result<(), String> {
        let Peer { role, room, edits: all, void, .. } = &self.peers[peer];
        let mut books = self.books.lock().unwrap();
        for n in edits {
            let edit = &all[n];
            if (*role != Role::Editor || void.contains(&n)) && self.mutant.is_none() {
                return Err(format!("peer {peer} may not edit, and was told that it is saved"));
            }
            self.trace.say(|| format!("peer {peer} hears it is saved: {}", describe(edit)));
            books.rooms[*room].save(edit);
        }
        Ok(())
    }

    fn spoil_disk(&mut self) {
        let disk = self.disk.memory().clone();
        let call = [Call::Commit, Call::SaveSnapshot, Call::Attempt, Call::Load][self.random.usize(..4)];
        let fault = [Fault::Fails, Fault::FailsAfterwards, Fault::Panics][self.random.usize(..3)];
        let room = self.random.usize(..self.rooms.len());
        match self.random.u8(..8) {
            0..4 => disk.script(call, fault),
            4 => disk.break_call(call),
            5 => disk.poison(&self.rooms[room]),
            _ => disk.heal(),
        }
        self.trace.say(|| format!("the disk: {call:?} {fault:?}, or else"));
    }

    fn change_mood(&mut self) {
        let moods = [Mood::Well, Mood::Slow, Mood::Late, Mood::Fails, Mood::FailsAfterwards];
        let mood = moods[self.random.usize(..moods.len())];
        self.trace.say(|| format!("the host: {mood:?}"));
        self.host.be(mood);
    }

    /// Nothing goes wrong from now on.
    pub(super) fn heal(&mut self) {
        self.disk.memory().heal();
        self.host.be(Mood::Well);
        while self.host.write_late() {}
    }

    /// The process is killed, and another one starts.
    fn crash(&mut self) -> Result<(), String> {
        self.trace.say(|| "crash".to_owned());
        self.hang_up_all();
        drop(self.server.take());
        self.check_stored()?;
        self.locks_are_gone();
        self.start();
        Ok(())
    }

    /// The process ends as it should, and another one starts.
    pub(super) fn shut_down(&mut self) -> Result<(), String> {
        self.trace.say(|| "shutdown".to_owned());
        self.heal();
        let server = self.server.take().unwrap();
        let ended = server.shut_down();
        self.hang_up_all();
        ended?;
        self.check_stored()?;
        self.locks_are_gone();
        self.start();
        Ok(())
    }

    fn hang_up_all(&mut self) {
        for peer in &mut self.peers {
            peer.link = Link::Away;
        }
    }

    fn start(&mut self) {
        self.server = Some(start(&self.disk, &self.host, &self.settings, self.mutant));
    }
}

fn start(disk: &SimulatedDisk, host: &SimulatedHost, settings: &Settings, mutant: Option<Mutant>) -> Server {
    let has_no_limit = mutant == Some(Mutant::SizeHasNoLimit);
    let settings = if has_no_limit { settings.without_largest_size() } else { settings.clone() };
    Server::start(disk.open(), Arc::new(host.clone()), &settings)
}

fn describe(edit: &Edit) -> String {
    let inserted = edit.inserted.into_iter().map(|token| format!("+{}", name(token)));
    let deleted = edit.deleted.iter().map(|token| format!("-{}", name(*token)));
    inserted.chain(deleted).collect::<Vec<_>>().join(" ")
}
