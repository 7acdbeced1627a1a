//! What is measured. Each scenario opens its own clients, works for a while, and ends by checking that
//! everybody has everything: a figure of a server that loses updates is worth nothing, and says so.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use serde::Serialize;
use yrs::updates::decoder::Decode;
use yrs::updates::encoder::Encode;

use crate::client::{Crowd, Server};
use crate::process;
use crate::tally::{FIRST_WRITER, Tally};
use crate::wire;

/// How long is waited for what must come.
const PATIENCE: Duration = Duration::from_secs(90);

/// How long a server works before it is measured.
const WARM_UP: Duration = Duration::from_millis(1_000);

/// What somebody has who has nothing.
const NOTHING: &[u8] = &[0];

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
    /// The size of each room's document; 0 = empty.
    pub document_bytes: usize,
    /// How long is measured.
    pub duration: Duration,
    /// The server keeps documents, so a late joiner must be given all of it.
    pub keeps_documents: bool,
}

/// Figures by name, with their unit in the name.
#[derive(Debug, Default, Serialize)]
pub struct Report(BTreeMap<&'static str, f64>);

/// A scenario.
pub type Scenario = fn(Setting) -> Report;

/// All scenarios by name.
pub const ALL: [(&str, Scenario); 7] = [
    ("in-flight", in_flight),
    ("paced", paced),
    ("presence", presence),
    ("idle", idle),
    ("join", join),
    ("reconnect", reconnect),
    ("slow-reader", slow_reader),
];

/// Writers that send their next updates when those before have reached everybody.
fn in_flight(setting: Setting) -> Report {
    let mut run = Run::start(&setting);
    let writers = run.writers();
    let mut phases = Phases::new(&setting);
    while phases.go_on(&mut run) {
        for &writer in &writers {
            let behind = run.tally.writers[writer].sent - run.tally.writers[writer].arrived;
            run.type_some(writer, setting.in_flight.saturating_sub(behind));
        }
        run.turn(Duration::from_millis(100));
    }
    phases.report(run)
}

/// Writers that type at a steady pace.
fn paced(setting: Setting) -> Report {
    let mut run = Run::start(&setting);
    let phases = Phases::new(&setting);
    pace(&mut run, phases, |run, writer| run.type_some(writer, 1))
}

/// People who move their carets at a steady pace.
fn presence(mut setting: Setting) -> Report {
    // Of presence a late joiner is told the newest only.
    setting.keeps_documents = false;
    let mut run = Run::start(&setting);
    let phases = Phases::new(&setting);
    pace(&mut run, phases, Run::move_caret)
}

fn pace(run: &mut Run, mut phases: Phases, act: impl Fn(&mut Run, usize)) -> Report {
    let writers = run.writers();
    let period = Duration::from_secs_f64(1.0 / run.setting.rate);
    let start = Instant::now();
    // Spread over the period, as people are.
    let mut due: Vec<Instant> =
        (0..writers.len()).map(|n| start + period.mul_f64(n as f64 / writers.len() as f64)).collect();
    while phases.go_on(run) {
        let now = Instant::now();
        let mut next = now + period;
        for (&writer, due) in writers.iter().zip(&mut due) {
            while *due <= now {
                act(run, writer);
                *due += period;
            }
            next = next.min(*due);
        }
        run.turn(next.saturating_duration_since(Instant::now()));
    }
    phases.report(std::mem::replace(run, Run::empty(&run.setting.clone())))
}

/// Connections that do nothing.
fn idle(setting: Setting) -> Report {
    let mut run = Run::empty(&setting);
    let before = {
        // The rooms themselves are not what is measured.
        run.open_everybody(1);
        std::thread::sleep(WARM_UP);
        process::rss_kib(setting.pid)
    };
    run.open_everybody(setting.clients - 1);
    std::thread::sleep(WARM_UP);
    let opened = (setting.rooms * (setting.clients - 1)) as f64;
    let mut report = Report::default();
    let after = process::rss_kib(setting.pid);
    report.set("kib_per_connection", after.saturating_sub(before) as f64 / opened);
    report.set("connections", run.crowd.clients.iter().filter(|client| !client.is_closed).count() as f64);
    report.set("server_rss_mib", after as f64 / 1024.0);
    report
}

/// Many come to the same document at once.
fn join(setting: Setting) -> Report {
    let mut run = Run::empty(&setting);
    run.fill_rooms();
    std::thread::sleep(WARM_UP);
    let usage = Usage::start(setting.pid);
    let rss = process::rss_kib(setting.pid);
    run.tally.looked_into_bytes_max = setting.document_bytes / 2;
    run.storm(setting.clients, NOTHING);
    let mut report = run.report_storm(setting.document_bytes * 9 / 10);
    usage.end(&mut report, (setting.rooms * setting.clients) as u64);
    report.set("server_peak_growth_mib", process::peak_kib(setting.pid).saturating_sub(rss) as f64 / 1024.0);
    report
}

/// All come back at once, with the document, and each with something typed while it was away.
fn reconnect(setting: Setting) -> Report {
    let mut run = Run::empty(&setting);
    run.fill_rooms();
    std::thread::sleep(WARM_UP);
    let usage = Usage::start(setting.pid);
    let state_vector = {
        let document = yrs::Update::decode_v1(&wire::document(setting.document_bytes)).expect("our own");
        document.state_vector().encode_v1()
    };
    let first = run.crowd.clients.len();
    run.storm(setting.clients, &state_vector);
    let typed_away: Vec<usize> = (first..run.crowd.clients.len()).collect();
    for &client in &typed_away {
        run.tally.write(client, setting.clients - 1);
    }
    // Each answers the server's question with what it has typed; who is not asked, tells.
    let mut told = vec![false; typed_away.len()];
    let start = Instant::now();
    while told.contains(&false) && start.elapsed() < PATIENCE {
        run.turn(Duration::from_millis(5));
        for (writer, &client) in typed_away.iter().enumerate() {
            if !told[writer] && run.tally.heard[client].was_asked {
                told[writer] = true;
                let clock = run.tally.send(writer);
                let update = wire::keystroke(FIRST_WRITER + writer as u64, clock);
                let frame = run.crowd.clients[client].speech.step2(&update);
                run.crowd.send(client, &frame);
            }
        }
    }
    // Who came with the document is sent next to nothing.
    let mut report = run.report_storm(0);
    usage.end(&mut report, (setting.rooms * setting.clients) as u64);
    run.check(&mut report);
    report
}

/// One does not read for most of the time; the others must not notice, and in the end it has everything.
fn slow_reader(setting: Setting) -> Report {
    let mut run = Run::start(&setting);
    let slow = run.crowd.clients.len() - 1;
    run.crowd.clients[slow].is_paused = true;
    let writers = run.writers();
    for writer in &mut run.tally.writers {
        writer.leave_out_one();
    }
    let mut phases = Phases::new(&setting);
    while phases.go_on(&mut run) {
        for &writer in &writers {
            let behind = run.tally.writers[writer].sent - run.tally.writers[writer].arrived;
            run.type_some(writer, setting.in_flight.saturating_sub(behind));
        }
        run.turn(Duration::from_millis(100));
    }
    let mut report = Report::default();
    report.set_latency(&run.tally);
    phases.usage.end(&mut report, run.tally.deliveries);
    let start = Instant::now();
    let tally = &mut run.tally;
    run.crowd.resume(slow, &mut |client, said| tally.hear(client, said));
    run.check(&mut report);
    report.set("caught_up_after_ms", start.elapsed().as_secs_f64() * 1e3);
    report
}

/// Warming up, then measuring.
struct Phases {
    warm_at: Instant,
    end_at: Instant,
    is_warm: bool,
    usage: Usage,
}

impl Phases {
    fn new(setting: &Setting) -> Self {
        let now = Instant::now();
        let (warm_at, end_at) = (now + WARM_UP, now + WARM_UP + setting.duration);
        Self { warm_at, end_at, is_warm: false, usage: Usage::start(setting.pid) }
    }

    fn go_on(&mut self, run: &mut Run) -> bool {
        let now = Instant::now();
        if !self.is_warm && now >= self.warm_at {
            self.is_warm = true;
            run.tally.restart();
            self.usage = Usage::start(run.setting.pid);
        }
        now < self.end_at
    }

    fn report(self, mut run: Run) -> Report {
        let mut report = Report::default();
        report.set_latency(&run.tally);
        self.usage.end(&mut report, run.tally.deliveries);
        run.check(&mut report);
        report
    }
}

/// Connections and their count.
struct Run {
    setting: Setting,
    crowd: Crowd,
    tally: Tally,
    names: Vec<String>,
}

impl Run {
    fn empty(setting: &Setting) -> Self {
        // Other rooms in each run, or the updates of the last one would be there already.
        let run = std::process::id();
        let names = (0..setting.rooms).map(|room| format!("run-{run}-{room}")).collect();
        Self { setting: setting.clone(), crowd: Crowd::new(setting.server.clone()), tally: Tally::default(), names }
    }

    /// Everybody is there, with the document if there is one.
    fn start(setting: &Setting) -> Self {
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

    fn writers(&self) -> Vec<usize> {
        (0..self.tally.writers.len()).collect()
    }

    fn turn(&mut self, wait: Duration) {
        let tally = &mut self.tally;
        self.crowd.turn(wait, &mut |client, said| {
            // What was waited for has come only now.
            tally.tick();
            tally.hear(client, said);
        });
    }

    /// Turns until something is so; says so if it never is.
    fn until(&mut self, what: &str, done: impl Fn(&Self) -> bool) -> bool {
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

    fn open(&mut self, room: usize, state_vector: &[u8]) -> usize {
        self.tally.enter(room);
        self.crowd.open(&self.names[room], state_vector)
    }

    /// Opens so many clients in each room, some at a time, and waits until all have been answered.
    fn open_everybody(&mut self, each: usize) {
        let rooms: Vec<usize> = (0..self.names.len()).flat_map(|room| std::iter::repeat_n(room, each)).collect();
        for some in rooms.chunks(100) {
            let first = self.crowd.clients.len();
            for &room in some {
                self.open(room, NOTHING);
            }
            self.until("clients to be let in", |run| {
                run.tally.heard[first..].iter().all(|heard| heard.answered_at.is_some())
            });
        }
    }

    /// Brings the document into each room.
    fn fill_rooms(&mut self) {
        let document = wire::document(self.setting.document_bytes);
        let mut end = 0;
        wire::clocks(&document, |_, clock| end = clock);
        for room in 0..self.names.len() {
            let client = self.open(room, NOTHING);
            self.until("the first client", |run| run.tally.heard[client].answered_at.is_some());
            let frame = self.crowd.clients[client].speech.update(&document);
            self.crowd.send(client, &frame);
            // When a second one has it, the server has it.
            let witness = self.open(room, NOTHING);
            let has_it = self.until("the document", |run| run.tally.heard[witness].document_clock >= end);
            assert!(has_it, "the server does not take a document of {} bytes", document.len());
            self.crowd.close(witness);
            self.tally.heard[witness].leave();
        }
    }

    /// Many come at once.
    fn storm(&mut self, each: usize, state_vector: &[u8]) {
        self.tally.tick();
        for room in 0..self.names.len() {
            for _ in 0..each {
                let client = self.open(room, state_vector);
                self.tally.heard[client].came_at = self.tally.tick();
            }
        }
    }

    /// How long they took to have the document.
    fn report_storm(&mut self, least_bytes: usize) -> Report {
        let came = |heard: &&crate::tally::Heard| heard.came_at > 0;
        self.until("the document to be with everybody", |run| {
            run.tally.heard.iter().filter(came).all(|heard| heard.answered_at.is_some())
        });
        let mut report = Report::default();
        for heard in self.tally.heard.iter().filter(came) {
            if let Some(answered_at) = heard.answered_at {
                self.tally.latency.saturating_record(answered_at - heard.came_at);
            }
        }
        let incomplete = self.tally.heard.iter().filter(came).filter(|heard| heard.answer_bytes < least_bytes);
        report.set("incomplete", incomplete.count() as f64);
        report.set_latency(&self.tally);
        report
    }

    fn type_some(&mut self, writer: usize, count: u64) {
        if count == 0 {
            return;
        }
        self.tally.tick();
        let client = self.tally.writers[writer].client;
        let mut frames = Vec::new();
        for _ in 0..count {
            let clock = self.tally.send(writer);
            let update = wire::keystroke(FIRST_WRITER + writer as u64, clock);
            frames.extend(self.crowd.clients[client].speech.update(&update));
        }
        self.crowd.send(client, &frames);
    }

    fn move_caret(&mut self, writer: usize) {
        self.tally.tick();
        let client = self.tally.writers[writer].client;
        let clock = self.tally.send(writer);
        let frame = self.crowd.clients[client].speech.presence(FIRST_WRITER + writer as u64, clock + 1);
        self.crowd.send(client, &frame);
    }

    /// Waits until everybody has everything, and lets one more in to each room who must be given all of it.
    fn check(&mut self, report: &mut Report) {
        self.until("the last updates", |run| run.tally.missing() == 0);
        report.set("lost", self.tally.missing() as f64);
        if !self.setting.keeps_documents {
            return;
        }
        let late: Vec<usize> = (0..self.names.len().min(20)).map(|room| self.open(room, NOTHING)).collect();
        self.until("a late joiner", |run| {
            late.iter().all(|client| run.tally.heard[*client].answered_at.is_some())
        });
        self.until("all for a late joiner", |run| run.tally.missing() == 0);
        report.set("missing_for_late_joiner", self.tally.missing() as f64);
    }
}

impl Report {
    fn set(&mut self, name: &'static str, value: f64) {
        self.0.insert(name, value);
    }

    fn set_latency(&mut self, tally: &Tally) {
        self.set("p50_ms", tally.latency.value_at_quantile(0.5) as f64 / 1e6);
        self.set("p99_ms", tally.latency.value_at_quantile(0.99) as f64 / 1e6);
    }
}

/// What the server and the generator itself use from one moment on.
struct Usage {
    pid: u32,
    start: Instant,
    server: f64,
    own: f64,
}

impl Usage {
    fn start(pid: u32) -> Self {
        process::reset_peak(pid);
        let own = process::cpu_seconds(std::process::id());
        Self { pid, start: Instant::now(), server: process::cpu_seconds(pid), own }
    }

    fn end(&self, report: &mut Report, deliveries: u64) {
        let seconds = self.start.elapsed().as_secs_f64();
        let server = process::cpu_seconds(self.pid) - self.server;
        let own = process::cpu_seconds(std::process::id()) - self.own;
        report.set("deliveries_per_s", deliveries as f64 / seconds);
        report.set("server_cpu_s_per_million", server * 1e6 / deliveries.max(1) as f64);
        report.set("server_cpu_percent", server / seconds * 100.0);
        report.set("generator_cpu_percent", own / seconds * 100.0);
        report.set("server_peak_mib", process::peak_kib(self.pid) as f64 / 1024.0);
    }
}
