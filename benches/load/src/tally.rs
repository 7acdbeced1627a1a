//! Who has heard what, how late, and what is missing.
//!
//! A delivery is one update of one writer that has reached one other client. It is counted by the writer's
//! clock in the CRDT, so that a server which merges ten updates into one is counted as having brought ten.
//! What comes after a gap counts once the gap is filled, as it does for a Yjs client.

use std::time::Instant;

use hdrhistogram::Histogram;

use crate::progress::Progress;
use crate::wire::{self, DOCUMENT_CLIENT, Reader, Run, Said};

/// The Yjs client of writer `n` is this plus `n`.
pub const FIRST_WRITER: u64 = 1 << 20;

/// How many updates of a writer may be on their way.
const ON_THE_WAY_MAX: usize = 1 << 16;

/// How many answers that differ are kept, to be read when nothing is measured.
const UNREAD_ANSWERS_MAX: usize = 16;

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
    /// By writer of its room: which updates.
    updates: Vec<Progress>,
    /// How many updates of others that is, and when the last of them came, in ns.
    pub delivered: u64,
    /// See [`Heard::delivered`].
    pub last_at: u64,
    /// When the answer to its step 1 came, in ns.
    pub answered_at: Option<u64>,
    /// How much it has of the document that was there before.
    document: Progress,
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

    /// Up to which clock it has the document.
    pub const fn document_clock(&self) -> u64 {
        self.document.end()
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
    /// Who has come into each room.
    rooms: Vec<Vec<usize>>,
    /// Large answers, each with the clients that got it.
    unread: Vec<(Vec<u8>, Vec<usize>)>,
    /// How late each delivery was, in ns.
    pub latency: Histogram<u64>,
    /// How many there were.
    pub deliveries: u64,
    /// Answers larger than this are compared with each other, and read by [`Tally::read_answers`]: to read a storm of
    /// them as they come would measure us.
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
            rooms: Vec::new(),
            unread: Vec::new(),
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
        let rooms = self.slots.len().max(room + 1);
        self.slots.resize(rooms, 0);
        self.rooms.resize(rooms, Vec::new());
        self.rooms[room].push(self.heard.len());
        self.heard.push(Heard { room, ..Heard::default() });
    }

    /// The connections to a room.
    pub fn clients_of(&self, room: usize) -> impl Iterator<Item = usize> {
        self.rooms[room].iter().copied().filter(|client| !self.heard[*client].has_left)
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

    /// A writer sends its next update; its number, from 0.
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
                }
                if update.len() <= self.looked_into_bytes_max {
                    self.read(client, update);
                } else {
                    self.put_by(client, update);
                }
            }
            Said::Update(update) => self.read(client, update),
            Said::Presence(states) => self.hear_presence(client, states),
            Said::Other => {}
        }
    }

    fn read(&mut self, client: usize, update: &[u8]) {
        wire::runs(update, |run| self.reached(client, run));
    }

    fn put_by(&mut self, client: usize, answer: &[u8]) {
        if let Some((_, clients)) = self.unread.iter_mut().find(|(known, _)| known == answer) {
            clients.push(client);
        } else if self.unread.len() < UNREAD_ANSWERS_MAX {
            self.unread.push((answer.to_vec(), vec![client]));
        } else {
            self.read(client, answer);
        }
    }

    /// Counts what was in the large answers.
    pub fn read_answers(&mut self) {
        for (answer, clients) in std::mem::take(&mut self.unread) {
            for client in clients {
                self.read(client, &answer);
            }
        }
    }

    fn hear_presence(&mut self, client: usize, states: &[u8]) {
        let mut reader = Reader(states);
        for _ in 0..reader.var() {
            let (yjs, end) = (reader.var(), reader.var());
            reader.bytes();
            // The newest state stands for those before it.
            self.reached(client, Run { client: yjs, start: 0, end });
        }
    }

    fn reached(&mut self, client: usize, run: Run) {
        let heard = &mut self.heard[client];
        if run.client == DOCUMENT_CLIENT {
            heard.document.add(run.start, run.end);
            return;
        }
        let writer =
            run.client.checked_sub(FIRST_WRITER).and_then(|number| self.writers.get_mut(number as usize));
        let Some(writer) = writer.filter(|writer| writer.client != client) else { return };
        if heard.updates.len() <= writer.slot {
            heard.updates.resize(self.slots[heard.room], Progress::default());
        }
        let progress = &mut heard.updates[writer.slot];
        let before = progress.end();
        progress.add(run.start, run.end);
        let after = progress.end();
        heard.delivered += after - before;
        heard.last_at = self.now;
        for number in before.max(writer.sent.saturating_sub(ON_THE_WAY_MAX as u64))..after {
            let at = number as usize % ON_THE_WAY_MAX;
            self.latency.saturating_record(self.now - writer.sent_at[at]);
            writer.heard_by[at] += 1;
            self.deliveries += 1;
            if writer.heard_by[at] == writer.others {
                // In order for each reader, so the last to hear of one has heard of those before.
                writer.arrived = number + 1;
            }
        }
    }

    /// How many updates have not reached somebody who should have them.
    pub fn missing(&self) -> u64 {
        self.writers.iter().map(|writer| self.missing_of(writer)).sum()
    }

    fn missing_of(&self, writer: &Writer) -> u64 {
        let others =
            self.clients_of(self.heard[writer.client].room).filter(|client| *client != writer.client);
        others
            .map(|client| writer.sent - self.heard[client].updates.get(writer.slot).map_or(0, Progress::end))
            .sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::keystroke;

    /// A room of a writer and so many readers, who are connections 1 and on.
    fn room(readers: usize) -> Tally {
        let mut tally = Tally::default();
        (0..=readers).for_each(|_| tally.enter(0));
        tally.write(0, readers);
        tally
    }

    fn typed(tally: &mut Tally) -> Vec<u8> {
        let number = tally.send(0);
        keystroke(FIRST_WRITER, number)
    }

    #[test]
    fn what_comes_after_a_gap_is_missing_until_the_gap_is_filled() {
        let mut tally = room(2);
        let updates: Vec<Vec<u8>> = (0..3).map(|_| typed(&mut tally)).collect();
        for update in &updates {
            tally.hear(1, Said::Update(update));
        }
        tally.hear(2, Said::Update(&updates[0]));
        tally.hear(2, Said::Update(&updates[2]));
        assert_eq!((tally.missing(), tally.deliveries, tally.writers[0].arrived), (2, 4, 1));
        tally.hear(2, Said::Step2(&updates[1]));
        assert_eq!((tally.missing(), tally.deliveries, tally.writers[0].arrived), (0, 6, 3));
    }

    #[test]
    fn an_update_that_comes_twice_counts_once() {
        let mut tally = room(1);
        let update = typed(&mut tally);
        tally.hear(1, Said::Update(&update));
        tally.hear(1, Said::Update(&update));
        assert_eq!((tally.missing(), tally.deliveries), (0, 1));
    }

    #[test]
    fn large_answers_are_read_for_everybody_who_got_them() {
        let mut tally = room(2);
        let document = wire::document(10_000);
        let mut end = 0;
        wire::runs(&document, |run| end = run.end);
        tally.looked_into_bytes_max = 5_000;
        tally.hear(1, Said::Step2(&document));
        tally.hear(2, Said::Step2(&document));
        assert_eq!(tally.heard[2].document_clock(), 0);
        tally.read_answers();
        assert_eq!((tally.heard[1].document_clock(), tally.heard[2].document_clock()), (end, end));
    }
}
