//! Tells which run hangs. Nothing in one waits for real time, so one that does not end goes round in circles.

use std::io::Write;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::time::Duration;

/// A run takes some ten milliseconds.
const RUN_PATIENCE: Duration = Duration::from_secs(60);

/// Watches over runs, one after the other.
pub(super) struct Watchdog(Sender<u64>);

impl Watchdog {
    pub(super) fn start() -> Self {
        let (begun, runs) = channel();
        std::thread::spawn(move || {
            let mut running = None;
            loop {
                match (runs.recv_timeout(RUN_PATIENCE), running) {
                    (Ok(seed), _) => running = Some(seed),
                    (Err(RecvTimeoutError::Disconnected), _) => return,
                    (Err(RecvTimeoutError::Timeout), None) => {}
                    (Err(RecvTimeoutError::Timeout), Some(seed)) => {
                        // Past the test's own capture: the thread that hangs will print nothing any more.
                        let _ = writeln!(std::io::stderr(), "SIMULATION_SEED={seed} never ends");
                        std::process::exit(101);
                    }
                }
            }
        });
        Self(begun)
    }

    /// The run of this seed begins.
    pub(super) fn watch(&self, seed: u64) {
        // It listens until this is dropped.
        let _ = self.0.send(seed);
    }
}
