//! Counters of what happened, for `health()` and `/metrics`.

use std::fmt::Write;
use std::sync::atomic::{AtomicU64, Ordering};

macro_rules! metrics {
    ($($(#[$doc:meta])* $name:ident = $text:literal;)+) => {
        /// Counters that only go up. Relaxed atomics: each stands for itself.
        #[derive(Debug, Default)]
        pub struct Metrics { $($(#[$doc])* pub $name: Counter,)+ }

        impl Metrics {
            /// Name, meaning and value of each.
            pub fn all(&self) -> Vec<(&'static str, &'static str, u64)> {
                vec![$((concat!("civicpress_realtime_", stringify!($name), "_total"), $text, self.$name.get()),)+]
            }
        }
    };
}

/// A counter that only goes up.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// Counts this many.
    pub fn add(&self, count: u64) {
        self.0.fetch_add(count, Ordering::Relaxed);
    }

    /// Its value.
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

metrics! {
    /// WebSocket upgrades.
    connections = "WebSocket connections accepted";
    /// Connections that were refused after their upgrade.
    refusals = "WebSocket connections refused: authentication, permission, limits, failed loads";
    /// Connections that were dropped before they said anything.
    early_refusals = "Connections dropped at once: too many of one address were on their way in";
    /// Messages that came from clients.
    messages_in = "Messages received from clients";
    /// Their bytes.
    bytes_in = "Bytes of messages received from clients";
    /// Changes of documents: one for all updates of a client that came together.
    changes = "Changes of documents by clients";
    /// Frames that could not be used.
    refused_frames = "Frames refused: malformed, or of no sense in their document";
    /// Rooms whose document broke; everybody in them had to connect again.
    room_failures = "Rooms that failed and were loaded again";
    /// Binary messages of a type that is not known.
    unknown_messages = "Binary messages of an unknown type, which are ignored";
    /// What clients lacked, encoded: once for all who lack the same.
    encodings = "Answers to clients that join or ask what they lack, each encoded once for all who lack the same";
    /// Snapshots on disk.
    snapshots = "Snapshots saved";
    /// Drafts that the host took.
    drafts = "Drafts written to the host";
    /// Snapshots and drafts that failed; they are tried again.
    save_failures = "Snapshots and drafts that failed and are tried again";
    /// Frames that were written to clients.
    frames_out = "Frames written to clients";
    /// Their bytes.
    bytes_out = "Bytes written to clients";
    /// Connections that broke the framing rules of RFC 6455, or sent too large a message.
    protocol_errors = "Connections closed for breaking the WebSocket protocol or the size limit";
    /// Connections closed for going far beyond the message limit.
    rate_limit_closes = "Connections closed for going far beyond the message limit";
    /// Connections dropped because nothing came from them for too long.
    stale_closes = "Connections dropped because their peer was silent for too long";
}

/// A value that goes up and down, with its name and meaning.
pub struct Gauge(pub &'static str, pub &'static str, pub u64);

/// The counters and these gauges in Prometheus's text format, version 0.0.4:
/// <https://prometheus.io/docs/instrumenting/exposition_formats/>.
pub fn prometheus(metrics: &Metrics, gauges: &[Gauge]) -> String {
    let mut out = String::new();
    let counters = metrics.all().into_iter().map(|(name, help, value)| (name, help, "counter", value));
    let gauges = gauges.iter().map(|Gauge(name, help, value)| (*name, *help, "gauge", *value));
    for (name, help, kind, value) in counters.chain(gauges) {
        // Writing to a string cannot fail.
        let _ = writeln!(out, "# HELP {name} {help}\n# TYPE {name} {kind}\n{name} {value}");
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_and_gauges_are_written_as_prometheus_reads_them() {
        let metrics = Metrics::default();
        metrics.bytes_in.add(7);
        let text = prometheus(&metrics, &[Gauge("rooms", "Rooms in memory", 3)]);
        assert!(text.contains(
            "# TYPE civicpress_realtime_bytes_in_total counter\ncivicpress_realtime_bytes_in_total 7\n"
        ));
        assert!(text.ends_with("# TYPE rooms gauge\nrooms 3\n"));
    }
}
