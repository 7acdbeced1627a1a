//! The figures of a run, and what server and generator used meanwhile.

use std::collections::BTreeMap;
use std::time::Instant;

use serde::Serialize;

use crate::process;
use crate::tally::Tally;

/// Figures by name, with their unit in the name.
#[derive(Debug, Default, Serialize)]
pub struct Report(BTreeMap<&'static str, f64>);

impl Report {
    /// One figure.
    pub fn set(&mut self, name: &'static str, value: f64) {
        self.0.insert(name, value);
    }

    /// A figure that was set.
    pub fn get(&self, name: &str) -> f64 {
        self.0[name]
    }

    /// How late deliveries were.
    pub fn set_latency(&mut self, tally: &Tally) {
        self.set("p50_ms", tally.latency.value_at_quantile(0.5) as f64 / 1e6);
        self.set("p99_ms", tally.latency.value_at_quantile(0.99) as f64 / 1e6);
    }
}

/// What the server and the generator itself use from one moment on.
pub struct Usage {
    pid: u32,
    start: Instant,
    server: f64,
    own: f64,
    rss_kib: u64,
}

impl Usage {
    /// From now on.
    pub fn start(pid: u32) -> Self {
        process::reset_peak(pid);
        let own = process::cpu_seconds(std::process::id());
        let (server, rss_kib) = (process::cpu_seconds(pid), process::rss_kib(pid));
        Self { pid, start: Instant::now(), server, own, rss_kib }
    }

    /// Until now: how busy both were, and the server's memory. Gives the seconds that have passed, and those of the
    /// server's CPU.
    pub fn end(&self, report: &mut Report) -> (f64, f64) {
        let seconds = self.start.elapsed().as_secs_f64();
        let server = process::cpu_seconds(self.pid) - self.server;
        let own = process::cpu_seconds(std::process::id()) - self.own;
        let peak_kib = process::peak_kib(self.pid);
        report.set("server_cpu_percent", server / seconds * 100.0);
        report.set("generator_cpu_percent", own / seconds * 100.0);
        report.set("server_peak_mib", peak_kib as f64 / 1024.0);
        report.set("server_peak_growth_mib", peak_kib.saturating_sub(self.rss_kib) as f64 / 1024.0);
        (seconds, server)
    }

    /// The same, with what it came to for each delivery.
    pub fn end_of_deliveries(&self, report: &mut Report, deliveries: u64) {
        let (seconds, server) = self.end(report);
        report.set("deliveries_per_s", deliveries as f64 / seconds);
        report.set("server_cpu_s_per_million", server * 1e6 / deliveries.max(1) as f64);
    }
}
