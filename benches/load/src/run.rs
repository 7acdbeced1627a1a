//! The connections of one run and their count, and the steps that scenarios have in common.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::client::{Crowd, Server};
use crate::report::Report;
use crate::tally::{FIRST_WRITER, Tally};
use crate::wire;

/// How long is waited for what must come.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// What somebody has who has nothing.
pub const NOTHING: &[u8] = &[0];

/// How many come in at a time where that is not what is measured.
const COMING_IN_MAX: usize = 100;

/// In how many rooms it is tried whether a late joiner is given everything.
const LATE_JOINERS_MAX: usize = 20;

/// What to measure, and how large.
#[derive(Debug, Clone)]
pub struct Setting {
    /// How the server is reached.
    pub server: Server,
    /// Its process.
    pub pid: u32,
    /// Rooms.
    pub rooms: usize,
    /// Clients in each.
    pub clients: usize,
    /// How many of them write.
    pub writers: usize,
    /// Updates that each writer has on their way.
    pub in_flight: u64,
    /// Updates, or presence states, a second of each writer.
    pub rate: f64,
    /// The size of an update; 0 = one character.
    pub update_bytes: usize,
    /// The size of each room's document; 0 = empty.
    pub document_bytes: usize,
    /// How long the server works before it is measured.
    pub warm_up: Duration,
    /// How long is measured.
    pub duration: Duration,
    /// The server keeps documents, so a late joiner must be given all of it.
    pub keeps_documents: bool,
}

/// Connections and their count.
pub struct Run {
    /// What is measured.
    pub setting: Setting,
    /// The connections.
    pub crowd: Crowd,
    /// Who has what.
    pub tally: Tally,
    names: Vec<String>,
    /// Up to which clock the document goes that was brought into each room.
    document_end: u64,
}

impl Run {
    /// Nobody yet.
    pub fn empty(setting: &Setting) -> Self {
        // Other rooms in each run, or the updates of the last one would be there already.
        let run = SystemTime::now().duration_since(UNIX_EPOCH).expect("a time after 1970").as_nanos();
        let names = (0..setting.rooms).map(|room| format!("run-{run:x}-{room}")).collect();
        Self {
            setting: setting.clone(),
            crowd: Crowd::new(setting.server.clone()),
            tally: Tally::default(),
            names,
            document_end: 0,
        }
    }

    /// Everybody is there, with the document if there is one.
    pub fn start(setting: &Setting) -> Self {
        let mut run = Self::empty(setting);
        if setting.document_bytes > 0 {
            run.fill_rooms();
        }
        run.open_everybody(setting.clients);
        for room in 0..setting.rooms {
            let of_room: Vec<usize> = run.tally.clients_of(room).collect();
            // Whoever brought the document is in the room as well.
            let others = of_room.len() - 1;
            let filled = usize::from(setting.document_bytes > 0);
            for &client in of_room.iter().skip(filled).take(setting.writers) {
                run.tally.write(client, others);
            }
        }
        run
    }

    /// All writers.
    pub fn writers(&self) -> Vec<usize> {
        (0..self.tally.writers.len()).collect()
    }

    /// Waits for something to be heard.
    pub fn turn(&mut self, wait: Duration) {
        let tally = &mut self.tally;
        self.crowd.turn(wait, &mut |client, said| {
            // What was waited for has come only now.
            tally.tick();
            tally.hear(client, said);
        });
    }

    /// Turns until something is so; says so if it never is.
    pub fn until(&mut self, what: &str, done: impl Fn(&Self) -> bool) -> bool {
        let start = Instant::now();
        while !done(self) {
            if start.elapsed() > PATIENCE {
                eprintln!("gave up waiting for {what}");
                return false;
            }
            self.turn(Duration::from_millis(20));
        }
        true
    }

    /// A client comes to a room.
    pub fn open(&mut self, room: usize, state_vector: &[u8]) -> usize {
        self.tally.enter(room);
        self.crowd.open(&self.names[room], state_vector)
    }

    /// Opens so many clients in each room, some at a time, and waits until all have been answered.
    pub fn open_everybody(&mut self, each: usize) {
        let rooms: Vec<usize> =
            (0..self.names.len()).flat_map(|room| std::iter::repeat_n(room, each)).collect();
        for some in rooms.chunks(COMING_IN_MAX) {
            let first = self.crowd.clients.len();
            for &room in some {
                self.open(room, NOTHING);
            }
            self.until("clients to be let in", |run| {
                run.tally.heard[first..].iter().all(|heard| heard.answered_at.is_some())
            });
        }
    }

    /// Brings the document into each room. Who brings it stays: there are servers that forget a room in which nobody is.
    pub fn fill_rooms(&mut self) {
        let document = wire::document(self.setting.document_bytes);
        let mut end = 0;
        wire::runs(&document, |run| end = run.end);
        self.document_end = end;
        for room in 0..self.names.len() {
            let client = self.open(room, NOTHING);
            self.until("the first client", |run| run.tally.heard[client].answered_at.is_some());
            let frame = self.crowd.clients[client].speech.update(&document);
            self.crowd.send(client, &frame);
            // When a second one has it, the server has it.
            let witness = self.open(room, NOTHING);
            let has_it = self.until("the document", |run| run.tally.heard[witness].document_clock() >= end);
            assert!(has_it, "the server does not take a document of {} bytes", document.len());
            self.crowd.close(witness);
            self.tally.heard[witness].leave();
        }
    }

    /// So many come to each room at once; the first of them.
    pub fn storm(&mut self, each: usize, state_vector: &[u8]) -> usize {
        let first = self.crowd.clients.len();
        for room in 0..self.names.len() {
            for _ in 0..each {
                let client = self.open(room, state_vector);
                self.tally.heard[client].came_at = self.tally.tick();
            }
        }
        first
    }

    /// How many of those from `first` on were not given all of the document.
    pub fn without_document(&self, first: usize) -> usize {
        self.tally.heard[first..].iter().filter(|heard| heard.document_clock() < self.document_end).count()
    }

    /// A writer types its next updates, in one go.
    pub fn type_some(&mut self, writer: usize, count: u64) {
        if count == 0 {
            return;
        }
        self.tally.tick();
        let client = self.tally.writers[writer].client;
        let mut frames = Vec::new();
        for _ in 0..count {
            let update = self.next_update(writer);
            frames.extend(self.crowd.clients[client].speech.update(&update));
        }
        self.crowd.send(client, &frames);
    }

    /// What a writer types next.
    pub fn next_update(&mut self, writer: usize) -> Vec<u8> {
        let number = self.tally.send(writer);
        let client = FIRST_WRITER + writer as u64;
        match self.setting.update_bytes {
            0 => wire::keystroke(client, number),
            bytes => wire::attachment(client, number, bytes),
        }
    }

    /// A writer moves its caret.
    pub fn move_caret(&mut self, writer: usize) {
        self.tally.tick();
        let client = self.tally.writers[writer].client;
        let number = self.tally.send(writer);
        let frame = self.crowd.clients[client].speech.presence(FIRST_WRITER + writer as u64, number + 1);
        self.crowd.send(client, &frame);
    }

    /// Waits until everybody has everything.
    pub fn settle(&mut self, report: &mut Report) {
        self.until("the last updates", |run| run.tally.missing() == 0);
        report.set("lost", self.tally.missing() as f64);
    }

    /// Lets one more in to each room, who must be given all of it.
    pub fn check_late_joiners(&mut self, report: &mut Report) {
        if !self.setting.keeps_documents {
            return;
        }
        let rooms = self.names.len().min(LATE_JOINERS_MAX);
        let first = self.crowd.clients.len();
        for room in 0..rooms {
            self.open(room, NOTHING);
        }
        let lacks = |run: &Self| run.tally.missing() + run.without_document(first) as u64;
        self.until("all for a late joiner", |run| lacks(run) == 0);
        report.set("missing_for_late_joiner", lacks(self) as f64);
    }
}
