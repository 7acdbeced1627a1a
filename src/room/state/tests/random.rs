//! Random rounds: simulated editors with delays, dropped connections, slow readers, crashes. Whatever
//! happens, everybody ends with the same document and nothing that was typed is lost or doubled.
//!
//! `ROOM_ROUNDS` sets how many rounds are played, `ROOM_SEED` repeats from a seed that a failure printed.

use std::collections::{BTreeSet, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use futures_util::FutureExt;
use yrs::Text;
use yrs::types::text::YChange;

use super::editor::bold;
use super::*;
use crate::room::burst::Burst;
use crate::room::outbox::{Batch, Outbox};

const ROUNDS: u64 = 200;
const STEPS: usize = 160;

/// So little that a few waiting changes are too many.
const SLOW_READER_BYTES: usize = 400;

/// Every insertion has a character of its own, outside the basic plane: two units in UTF-16.
const FIRST_TOKEN: u32 = 0xF_0000;

const HOSTILE: [&[u8]; 4] =
    [&[], &[0, 2, 4, 0xff, 0xff, 0xff, 0x7a], &[0, 0, 2, 5, 1], &[1, 4, 0xff, 0xff, 0xff, 0x7a]];

#[derive(Clone, Copy, PartialEq, Eq)]
enum Role {
    Editor,
    /// May only read, and does.
    Viewer,
    /// May only read, and tries to edit.
    Intruder,
}

struct Peer {
    role: Role,
    editor: Editor,
    /// The connection, if there is one.
    line: Option<Line>,
    slow: bool,
}

struct Line {
    client: ClientId,
    /// On its way to the room.
    sent: VecDeque<Bytes>,
    outbox: Outbox,
}

struct World {
    rng: fastrand::Rng,
    room: RoomState,
    burst: Burst,
    peers: Vec<Peer>,
    snapshot: Option<Bytes>,
    log: Vec<Bytes>,
    /// So much of the log survives a crash in any case.
    committed: usize,
    now: Instant,
    clients: u64,
    tokens: u32,
    inserted: BTreeSet<char>,
    deleted: BTreeSet<char>,
    hostile_sent: usize,
    refused: usize,
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

#[test]
fn nothing_is_lost_doubled_or_different_whatever_happens() {
    let given = number("ROOM_SEED");
    let rounds = number("ROOM_ROUNDS").unwrap_or(if given.is_some() { 1 } else { ROUNDS });
    let first = given.unwrap_or_else(|| fastrand::u64(..1 << 48));
    for seed in first..first + rounds {
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| World::new(seed).play())) {
            eprintln!("repeat this round with ROOM_SEED={seed}");
            resume_unwind(panic);
        }
    }
}

impl World {
    fn new(seed: u64) -> Self {
        let mut rng = fastrand::Rng::with_seed(seed);
        let roles = [Role::Viewer, Role::Intruder].into_iter();
        let roles = roles.chain(std::iter::repeat_n(Role::Editor, rng.usize(2..=6)));
        let peers = roles.enumerate().map(|(n, role)| Peer {
            role,
            editor: Editor::new(n as u64 + 1),
            line: None,
            slow: rng.u8(..3) == 0,
        });
        let peers = peers.collect();
        Self {
            rng,
            room: room(),
            burst: Burst::default(),
            peers,
            snapshot: None,
            log: Vec::new(),
            committed: 0,
            now: Instant::now(),
            clients: 0,
            tokens: 0,
            inserted: BTreeSet::new(),
            deleted: BTreeSet::new(),
            hostile_sent: 0,
            refused: 0,
        }
    }

    fn play(mut self) {
        for _ in 0..STEPS {
            self.now += Duration::from_millis(self.rng.u64(..200));
            let peer = self.rng.usize(..self.peers.len());
            let step = self.rng.u8(..100);
            // What several clients say in a row may be told in a row.
            if !(35..65).contains(&step) || self.rng.bool() {
                self.tell(&[]);
            }
            match step {
                0..32 => self.edit(peer),
                32..35 => self.send_noise(peer),
                35..65 => self.deliver(peer),
                65..85 => self.read(peer),
                85..92 => self.connect(peer),
                92..94 => self.disconnect(peer),
                94..97 => self.committed = self.rng.usize(self.committed..=self.log.len()),
                97..98 => self.save(),
                98..99 => self.crash(),
                _ => self.settle(),
            }
        }
        self.settle();
        self.check();
    }

    fn connect(&mut self, peer: usize) {
        if self.peers[peer].line.is_some() {
            return;
        }
        self.clients += 1;
        let client = ClientId::new(self.clients);
        let Peer { editor, role, slow, .. } = &self.peers[peer];
        let bytes_max = if *slow { SLOW_READER_BYTES } else { 1_000_000 };
        let member = Member {
            speaks_json: false,
            user: User { id: UserId::Number(peer as i64), name: None },
            read_only: *role != Role::Editor,
            reads_text: self.rng.bool(),
            ack: [AckMode::None, AckMode::Echo, AckMode::Saved][self.rng.usize(..3)],
        };
        let greeting = step1(&editor.state_vector());
        // Some are let in before their greeting has come, some with it.
        let (first, sent) = if self.rng.bool() { (Some(greeting), None) } else { (None, Some(greeting)) };
        let line = Line { client, sent: sent.into_iter().collect(), outbox: Outbox::new(bytes_max) };
        self.peers[peer].line = Some(line);
        let effects = self.room.join(client, member, first, self.now);
        self.carry_out(effects);
        self.tell(&[]);
    }

    /// What is on its way in either direction is lost.
    fn disconnect(&mut self, peer: usize) {
        if let Some(line) = self.peers[peer].line.take() {
            let effects = self.room.leave(line.client);
            self.carry_out(effects);
        }
    }

    fn deliver(&mut self, peer: usize) {
        let Some(line) = &mut self.peers[peer].line else { return };
        let count = self.rng.usize(..=line.sent.len());
        let frames: Vec<Bytes> = line.sent.drain(..count).collect();
        let client = line.client;
        let effects = self.room.receive(client, frames, self.now);
        self.carry_out(effects);
    }

    fn read(&mut self, peer: usize) {
        let Some(line) = &self.peers[peer].line else { return };
        let Some(Batch { frames, drained, .. }) = line.outbox.take().now_or_never() else { return };
        let client = line.client;
        for frame in frames {
            self.receive(peer, &frame);
        }
        if drained
            && let Some(frame) = self.room.catch_up(client)
            && let Some(line) = &self.peers[peer].line
        {
            line.outbox.resume(frame);
        }
    }

    fn receive(&mut self, peer: usize, frame: &Frame) {
        if frame.bytes()[0] != 0x82 {
            return;
        }
        let Peer { editor, line, .. } = &mut self.peers[peer];
        match ClientMessage::decode(&frame.payload()).unwrap() {
            ClientMessage::Step1 { state_vector } => {
                let answer = step2(&editor.diff(&state_vector));
                line.as_mut().unwrap().sent.push_back(answer);
            }
            ClientMessage::Step2 { update } | ClientMessage::Update { update } => editor.receive(&update),
            _ => {}
        }
    }

    /// As the actor does it.
    fn carry_out(&mut self, effects: Vec<Effect>) {
        let mut effects = effects.into_iter();
        while let Some(effect) = effects.next() {
            match effect {
                Effect::Send(client, frame) => {
                    self.tell(effects.as_slice());
                    self.outbox(client).send(frame);
                }
                Effect::Acknowledge(client, Acknowledgement::Echo(frame)) => self.outbox(client).send(frame),
                Effect::Acknowledge(_, Acknowledgement::Saved) => {}
                Effect::Change { update, author, frame } => {
                    self.log.push(update.clone());
                    self.burst.change(Some(author), update, frame);
                }
                Effect::Presence(presence) => self.burst.show(presence),
                Effect::ApplyFailed(..) => self.refused += 1,
                Effect::Full { .. } => panic!("nothing bounds this document"),
                Effect::Fail { problem, .. } => panic!("the room failed: {problem}"),
            }
        }
    }

    fn tell(&mut self, rest: &[Effect]) {
        for line in self.peers.iter().filter_map(|peer| peer.line.as_ref()) {
            if let Err(dropped) = self.burst.tell(line.client, &line.outbox, &self.room, rest) {
                assert_eq!(self.room.fell_behind(line.client, &dropped), []);
            }
        }
        self.burst.clear();
    }

    fn outbox(&self, client: ClientId) -> Outbox {
        let mut lines = self.peers.iter().filter_map(|peer| peer.line.as_ref());
        lines.find(|line| line.client == client).unwrap().outbox.clone()
    }

    /// A question in between, which parts the changes around it, or something that is no use.
    fn send_noise(&mut self, peer: usize) {
        let Peer { line, editor, .. } = &mut self.peers[peer];
        let Some(line) = line else { return };
        if self.rng.bool() {
            line.sent.push_back(step1(&editor.state_vector()));
        } else {
            line.sent.push_back(Bytes::from_static(HOSTILE[self.rng.usize(..HOSTILE.len())]));
            self.hostile_sent += 1;
        }
    }

    fn save(&mut self) {
        self.snapshot = Some(self.room.document_mut().state().unwrap());
        self.log.clear();
        self.committed = 0;
    }

    fn restored(&self) -> Document {
        Document::restore(self.snapshot.as_ref(), &self.log).unwrap()
    }

    /// The process ends; of what the disk had not answered yet some is lost.
    fn crash(&mut self) {
        for peer in &mut self.peers {
            peer.line = None;
        }
        self.log.truncate(self.rng.usize(self.committed..=self.log.len()));
        self.committed = self.log.len();
        self.room = RoomState::new(RoomId::new("records", "x").unwrap(), self.restored());
    }

    /// Everybody is connected, and everything that was sent arrives.
    fn settle(&mut self) {
        self.tell(&[]);
        (0..self.peers.len()).for_each(|peer| self.connect(peer));
        for _ in 0..1_000 {
            let is_quiet = self.peers.iter().all(|peer| {
                let line = peer.line.as_ref().unwrap();
                line.sent.is_empty() && line.outbox.bytes() == 0 && !self.room.is_behind(line.client)
            });
            if is_quiet {
                return;
            }
            for peer in 0..self.peers.len() {
                self.deliver(peer);
                self.tell(&[]);
                self.read(peer);
            }
        }
        panic!("the room and its clients never stop talking");
    }

    fn check(mut self) {
        let truth = Editor::of(self.room.document_mut()).content();
        for (n, peer) in self.peers.iter().enumerate() {
            match peer.role {
                Role::Editor | Role::Viewer => assert_eq!(peer.editor.content(), truth, "peer {n}"),
                // What it did at home is its own; of the room's it has everything.
                Role::Intruder => assert!(peer.editor.has_all_of(self.room.document()), "peer {n}"),
            }
        }
        let is_token = |c: &char| u32::from(*c) >= FIRST_TOKEN;
        let mut found: Vec<char> = truth.text.chars().chain(truth.xml.chars()).filter(is_token).collect();
        found.sort_unstable();
        let expected: Vec<char> = self.inserted.difference(&self.deleted).copied().collect();
        assert_eq!(found, expected);
        assert_eq!(Editor::of(&mut self.restored()).content(), truth, "what is stored");
        assert!(self.refused <= self.hostile_sent, "a good frame was refused");
    }

    fn edit(&mut self, peer: usize) {
        if self.peers[peer].role == Role::Viewer {
            return;
        }
        let change = match self.rng.u8(..12) {
            0..4 => Some(self.edit_text(peer)),
            4..6 => {
                let token = self.token(peer);
                Some(self.peers[peer].editor.add_paragraph(&format!("p{token}")))
            }
            6..10 => self.edit_paragraph(peer),
            10 => Some(self.peers[peer].editor.add_element("rule", "removed whole")),
            _ => self.peers[peer].editor.remove_element("rule"),
        };
        if let (Some(change), Some(line)) = (change, &mut self.peers[peer].line) {
            line.sent.push_back(update(&change));
        }
    }

    fn edit_text(&mut self, peer: usize) -> Bytes {
        let (at, len, touched) = range(&mut self.rng, &self.peers[peer].editor.text());
        match self.rng.u8(..4) {
            0 => {
                self.delete(peer, &touched);
                self.peers[peer].editor.remove(at, len)
            }
            1 => {
                let on = self.rng.bool();
                self.peers[peer].editor.embolden(at, len, on)
            }
            _ => {
                let token = self.token(peer);
                self.peers[peer].editor.insert(at, &format!("a{token}é"))
            }
        }
    }

    fn edit_paragraph(&mut self, peer: usize) -> Option<Bytes> {
        let (n, what, on) = (self.rng.usize(..8), self.rng.u8(..4), self.rng.bool());
        let token = if what > 1 { self.token(peer) } else { ' ' };
        let mut rng = self.rng.fork();
        let mut touched = String::new();
        let change = self.peers[peer].editor.edit_paragraph(n, |text, txn| {
            // Without its formatting, as the offsets count.
            let plain = text.diff(txn, YChange::identity);
            let plain: String = plain.into_iter().map(|run| run.insert.to_string(txn)).collect();
            let (at, len, words) = range(&mut rng, &plain);
            match what {
                0 => {
                    text.remove_range(txn, at, len);
                    touched = words;
                }
                1 => text.format(txn, at, len, bold(on)),
                _ => text.insert(txn, at, &format!("b{token}")),
            }
        });
        if change.is_none() && what > 1 {
            self.inserted.remove(&token);
        }
        self.delete(peer, &touched);
        change
    }

    fn token(&mut self, peer: usize) -> char {
        let token = char::from_u32(FIRST_TOKEN + self.tokens).unwrap();
        self.tokens += 1;
        if self.peers[peer].role == Role::Editor {
            self.inserted.insert(token);
        }
        token
    }

    fn delete(&mut self, peer: usize, words: &str) {
        if self.peers[peer].role == Role::Editor {
            self.deleted.extend(words.chars().filter(|c| self.inserted.contains(c)));
        }
    }
}

/// A random range of a text, in UTF-16 units and at whole characters, and what is in it.
fn range(rng: &mut fastrand::Rng, text: &str) -> (u32, u32, String) {
    let chars: Vec<char> = text.chars().collect();
    let start = rng.usize(..=chars.len());
    let end = rng.usize(start..=chars.len().min(start + 6));
    let units = |chars: &[char]| chars.iter().map(|c| c.len_utf16() as u32).sum();
    (units(&chars[..start]), units(&chars[start..end]), chars[start..end].iter().collect())
}
