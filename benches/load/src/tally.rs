//! Who has heard what, how late, and what is missing.
//!
//! A delivery is one update of one writer that has reached one other client. It is counted by the writer's
//! clock in the CRDT, so that a server which merges ten updates into one is counted as having brought ten.

use std::time::Instant;

use hdrhistogram::Histogram;

use crate::wire::{self, Reader, Said};

/// The Yjs client of writer `n` is this plus `n`.
pub const FIRST_WRITER: u64 = 1 << 20;

/// How many updates of a writer may be on their way.
const ON_THE_WAY_MAX: usize = 1 << 16;

/// Somebody who types, or moves a caret.
#[derive(Debug)]
pub struct Writer {
    /// Its connection.
    pub client: usize,
    /// Its place among the writers of its room.
    slot: usize,
    /// How many updates it has sent.
    pub sent: u64,
    /// How many of them have reached everybody.
    pub arrived: u64,
    /// When each of the last ones was sent, in ns.
    sent_at: Vec<u64>,
    /// How many have heard of each of the last ones.
    heard_by: Vec<u32>,
    /// How many have to.
    others: u32,
}

/// What one client has.
#[derive(Debug, Clone, Default)]
pub struct Heard {
    room: usize,
    /// By writer of its room: up to which clock.
    clocks: Vec<u64>,
    /// When the answer to its step 1 came, in ns.
    pub answered_at: Option<u64>,
    /// Structs of other clients than writers that it has: those of the document.
    pub document_clock: u64,
    /// The size of the answer to its step 1.
    pub answer_bytes: usize,
    /// The server has asked it what it has.
    pub was_asked: bool,
    /// When it came, in ns, if that is measured.
    pub came_at: u64,
    /// It has gone, and needs nothing more.
    has_left: bool,
}

impl Heard {
    /// It goes, and is owed nothing more.
    pub const fn leave(&mut self) {
        self.has_left = true;
    }
}

impl Writer {
    /// One of the others is not waited for.
    pub const fn leave_out_one(&mut self) {
        self.others -= 1;
    }
}

/// The whole count.
pub struct Tally {
    start: Instant,
    now: u64,
    /// By connection.
    pub heard: Vec<Heard>,
    /// All writers.
    pub writers: Vec<Writer>,
    /// How many writers each room has.
    slots: Vec<usize>,
    /// How late each delivery was, in ns.
    pub latency: Histogram<u64>,
    /// How many there were.
    pub deliveries: u64,
    /// Of answers larger than this only the size is looked at: a storm of them would measure us.
    pub looked_into_bytes_max: usize,
}

impl Default for Tally {
    fn default() -> Self {
        let latency = Histogram::new_with_bounds(1_000, 120_000_000_000, 3).expect("sensible bounds");
        Self {
            start: Instant::now(),
            now: 0,
            heard: Vec::new(),
            writers: Vec::new(),
            slots: Vec::new(),
            latency,
            deliveries: 0,
            looked_into_bytes_max: usize::MAX,
        }
    }
}

impl Tally {
    /// Nanoseconds since the start, now.
    pub fn tick(&mut self) -> u64 {
        self.now = self.start.elapsed().as_nanos() as u64;
        self.now
    }

    /// A connection to a room.
    pub fn enter(&mut self, room: usize) {
        self.heard.push(Heard { room, ..Heard::default() });
        self.slots.resize(self.slots.len().max(room + 1), 0);
    }

    /// The connections to a room.
    pub fn clients_of(&self, room: usize) -> impl Iterator<Item = usize> {
        let of_room = self.heard.iter().enumerate().filter(move |(_, heard)| heard.room == room && !heard.has_left);
        of_room.map(|(client, _)| client)
    }

    /// A connection becomes a writer; `others` is how many more there are in its room.
    pub fn write(&mut self, client: usize, others: usize) -> usize {
        let slot = &mut self.slots[self.heard[client].room];
        self.writers.push(Writer {
            client,
            slot: *slot,
            sent: 0,
            arrived: 0,
            sent_at: vec![0; ON_THE_WAY_MAX],
            heard_by: vec![0; ON_THE_WAY_MAX],
            others: others as u32,
        });
        *slot += 1;
        self.writers.len() - 1
    }

    /// A writer sends its next update; its clock.
    pub fn send(&mut self, writer: usize) -> u64 {
        let writer = &mut self.writers[writer];
        let clock = writer.sent;
        assert!(clock - writer.arrived < ON_THE_WAY_MAX as u64, "updates are not coming through");
        let at = clock as usize % ON_THE_WAY_MAX;
        writer.sent_at[at] = self.now;
        writer.heard_by[at] = 0;
        writer.sent += 1;
        clock
    }

    /// Starts to count anew; what was sent before still counts for who has what.
    pub fn restart(&mut self) {
        self.latency.reset();
        self.deliveries = 0;
    }

    /// A client has heard something.
    pub fn hear(&mut self, client: usize, said: Said<'_>) {
        match said {
            Said::Step1 => self.heard[client].was_asked = true,
            Said::Step2(update) => {
                if self.heard[client].answered_at.is_none() {
                    self.heard[client].answered_at = Some(self.tick());
                    self.heard[client].answer_bytes = update.len();
                }
                if update.len() > self.looked_into_bytes_max {
                    return;
                }
                wire::clocks(update, |yjs, clock| self.reached(client, yjs, clock));
            }
            Said::Update(update) => wire::clocks(update, |yjs, clock| self.reached(client, yjs, clock)),
            Said::Presence(states) => self.hear_presence(client, states),
            Said::Other => {}
        }
    }

    fn hear_presence(&mut self, client: usize, states: &[u8]) {
        let mut reader = Reader(states);
        for _ in 0..reader.var() {
            let (yjs, clock) = (reader.var(), reader.var());
            reader.bytes();
            self.reached(client, yjs, clock);
        }
    }

    fn reached(&mut self, client: usize, yjs: u64, clock: u64) {
        let heard = &mut self.heard[client];
        let writer = yjs.checked_sub(FIRST_WRITER).and_then(|number| self.writers.get_mut(number as usize));
        let Some(writer) = writer else {
            heard.document_clock = heard.document_clock.max(clock);
            return;
        };
        if writer.client == client {
            return;
        }
        if heard.clocks.len() <= writer.slot {
            heard.clocks.resize(self.slots[heard.room], 0);
        }
        let before = heard.clocks[writer.slot];
        heard.clocks[writer.slot] = clock.max(before);
        for clock in before.max(writer.sent.saturating_sub(ON_THE_WAY_MAX as u64))..clock {
            let at = clock as usize % ON_THE_WAY_MAX;
            self.latency.saturating_record(self.now - writer.sent_at[at]);
            writer.heard_by[at] += 1;
            self.deliveries += 1;
            if writer.heard_by[at] == writer.others {
                // In order for each reader, so the last to hear of one has heard of those before.
                writer.arrived = clock + 1;
            }
        }
    }

    /// How many updates have not reached somebody who should have them.
    pub fn missing(&self) -> u64 {
        self.writers.iter().map(|writer| self.missing_of(writer)).sum()
    }

    fn missing_of(&self, writer: &Writer) -> u64 {
        let room = self.heard[writer.client].room;
        let others = self.heard.iter().enumerate().filter(|(client, heard)| {
            heard.room == room && *client != writer.client && !heard.has_left
        });
        others.map(|(_, heard)| writer.sent - heard.clocks.get(writer.slot).copied().unwrap_or(0)).sum()
    }
}
