//! What is measured. Each scenario opens its own clients, works for a while, and ends by checking that
//! everybody has everything: a figure of a server that loses updates is worth nothing, and says so.

use std::time::{Duration, Instant};

use yrs::updates::decoder::Decode;
use yrs::updates::encoder::Encode;

use crate::process;
use crate::report::{Report, Usage};
use crate::run::{NOTHING, PATIENCE, Run, Setting};
use crate::wire;

/// How long a slow reader reads nothing at least: until what waits for it is more than sockets and queues hold.
const SLOW_MIN: Duration = Duration::from_secs(3);

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
    let mut phases = Phases::new(&setting);
    pace(&mut run, |run| phases.go_on(run), |run, writer| run.type_some(writer, 1));
    phases.report(run)
}

/// People who move their carets at a steady pace.
fn presence(mut setting: Setting) -> Report {
    // Of presence a late joiner is told the newest only.
    setting.keeps_documents = false;
    let mut run = Run::start(&setting);
    let mut phases = Phases::new(&setting);
    pace(&mut run, |run| phases.go_on(run), Run::move_caret);
    phases.report(run)
}

fn pace(run: &mut Run, mut go_on: impl FnMut(&mut Run) -> bool, act: impl Fn(&mut Run, usize)) {
    let writers = run.writers();
    let period = Duration::from_secs_f64(1.0 / run.setting.rate);
    let start = Instant::now();
    // Spread over the period, as people are.
    let mut due: Vec<Instant> =
        (0..writers.len()).map(|n| start + period.mul_f64(n as f64 / writers.len() as f64)).collect();
    while go_on(run) {
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
}

/// Connections that do nothing.
fn idle(setting: Setting) -> Report {
    let mut run = Run::empty(&setting);
    let before = {
        // The rooms themselves are not what is measured.
        run.open_everybody(1);
        std::thread::sleep(setting.warm_up);
        process::rss_kib(setting.pid)
    };
    run.open_everybody(setting.clients - 1);
    std::thread::sleep(setting.warm_up);
    let opened = (setting.rooms * (setting.clients - 1)) as f64;
    let mut report = Report::default();
    let after = process::rss_kib(setting.pid);
    run.turn(Duration::ZERO);
    let open = run.crowd.clients.iter().filter(|client| !client.is_closed).count();
    report.set("kib_per_connection", after.saturating_sub(before) as f64 / opened);
    report.set("connections", open as f64);
    report.set("incomplete", (setting.rooms * setting.clients - open) as f64);
    report.set("server_rss_mib", after as f64 / 1024.0);
    report
}

/// Many come to the same document at once.
fn join(setting: Setting) -> Report {
    let mut run = Run::empty(&setting);
    run.fill_rooms();
    std::thread::sleep(setting.warm_up);
    run.tally.looked_into_bytes_max = setting.document_bytes / 2;
    let usage = Usage::start(setting.pid);
    let first = run.storm(setting.clients, NOTHING);
    run.until("answers", |run| run.tally.heard[first..].iter().all(|heard| heard.answered_at.is_some()));
    let mut report = Report::default();
    let (seconds, server) = usage.end(&mut report);
    let joins = (setting.rooms * setting.clients) as f64;
    report.set("joins_per_s", joins / seconds);
    report.set("server_cpu_ms_per_join", server * 1e3 / joins);
    for client in first..run.tally.heard.len() {
        let answered_at = run.tally.heard[client].answered_at;
        record_since_coming(&mut run, client, answered_at);
    }
    report.set_latency(&run.tally);
    run.tally.read_answers();
    report.set("incomplete", run.without_document(first) as f64);
    report
}

fn record_since_coming(run: &mut Run, client: usize, until: Option<u64>) {
    let came_at = run.tally.heard[client].came_at;
    let nanoseconds = until.map_or(PATIENCE.as_nanos() as u64, |until| until - came_at);
    run.tally.latency.saturating_record(nanoseconds);
}

/// All come back at once, with the document, and each with something typed while it was away. The latency is that until
/// a client has what all the others have typed.
fn reconnect(setting: Setting) -> Report {
    let mut run = Run::empty(&setting);
    run.fill_rooms();
    std::thread::sleep(setting.warm_up);
    let usage = Usage::start(setting.pid);
    let state_vector = {
        let document = yrs::Update::decode_v1(&wire::document(setting.document_bytes)).expect("our own");
        document.state_vector().encode_v1()
    };
    let first = run.storm(setting.clients, &state_vector);
    let came: Vec<usize> = (first..run.crowd.clients.len()).collect();
    for &client in &came {
        // Whoever brought the document is in the room as well.
        run.tally.write(client, setting.clients);
    }
    tell_what_was_typed(&mut run, &came);
    let mut report = Report::default();
    run.settle(&mut report);
    let (_, server) = usage.end(&mut report);
    report.set("server_cpu_ms_per_join", server * 1e3 / came.len() as f64);
    let answered: Vec<u64> = came.iter().filter_map(|&client| run.tally.heard[client].answered_at).collect();
    report.set("incomplete", (came.len() - answered.len()) as f64);
    run.tally.restart();
    for &client in &came {
        let heard = &run.tally.heard[client];
        let has_all = heard.delivered == setting.clients as u64 - 1;
        let until = heard.answered_at.filter(|_| has_all).map(|answered_at| answered_at.max(heard.last_at));
        record_since_coming(&mut run, client, until);
    }
    report.set_latency(&run.tally);
    run.check_late_joiners(&mut report);
    report
}

/// Each answers the server's question with what it has typed; who is not asked, tells when all have been answered.
fn tell_what_was_typed(run: &mut Run, came: &[usize]) {
    let mut told = vec![false; came.len()];
    let start = Instant::now();
    while told.contains(&false) && start.elapsed() < PATIENCE {
        run.turn(Duration::from_millis(5));
        let all_answered = came.iter().all(|&client| run.tally.heard[client].answered_at.is_some());
        for (writer, &client) in came.iter().enumerate() {
            if !told[writer] && (all_answered || run.tally.heard[client].was_asked) {
                told[writer] = true;
                run.tally.tick();
                let update = run.next_update(writer);
                let speech = &run.crowd.clients[client].speech;
                let was_asked = run.tally.heard[client].was_asked;
                let frame = if was_asked { speech.step2(&update) } else { speech.update(&update) };
                run.crowd.send(client, &frame);
            }
        }
    }
}

/// First all read, then one does not; the others must not notice, and in the end it has everything.
fn slow_reader(setting: Setting) -> Report {
    let mut run = Run::start(&setting);
    let slow = run.crowd.clients.len() - 1;
    let seconds = setting.duration.max(SLOW_MIN);
    let mut report = Report::default();
    let warm_at = Instant::now() + setting.warm_up;
    pace(&mut run, |_| Instant::now() < warm_at, |run, writer| run.type_some(writer, 1));
    let work = |run: &mut Run, report: &mut Report| {
        run.tally.restart();
        let (usage, end_at) = (Usage::start(setting.pid), Instant::now() + seconds);
        pace(run, |_| Instant::now() < end_at, |run, writer| run.type_some(writer, 1));
        usage.end_of_deliveries(report, run.tally.deliveries);
        run.until("the others", |run| run.tally.writers.iter().all(|writer| writer.arrived == writer.sent));
        report.set_latency(&run.tally);
    };
    let mut all_read = Report::default();
    work(&mut run, &mut all_read);
    report.set("all_read_p99_ms", all_read.get("p99_ms"));
    report.set("all_read_peak_growth_mib", all_read.get("server_peak_growth_mib"));
    run.crowd.pause(slow);
    for writer in &mut run.tally.writers {
        writer.leave_out_one();
    }
    work(&mut run, &mut report);
    report.set("waited_for_slow", run.tally.missing() as f64);
    let start = Instant::now();
    let tally = &mut run.tally;
    run.crowd.resume(slow, &mut |client, said| tally.hear(client, said));
    run.settle(&mut report);
    report.set("caught_up_after_ms", start.elapsed().as_secs_f64() * 1e3);
    run.check_late_joiners(&mut report);
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
        let warm_at = Instant::now() + setting.warm_up;
        Self { warm_at, end_at: warm_at + setting.duration, is_warm: false, usage: Usage::start(setting.pid) }
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
        self.usage.end_of_deliveries(&mut report, run.tally.deliveries);
        run.settle(&mut report);
        // What was late counts as well.
        report.set_latency(&run.tally);
        run.check_late_joiners(&mut report);
        report
    }
}
