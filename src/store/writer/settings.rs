//! Limits and times of the writer.

use std::time::Duration;

use crate::error::{Code, RealtimeError, Result};

/// Limits and times of the writer.
#[derive(Debug, Clone)]
pub struct StoreSettings {
    /// How long the first update of a group waits for others.
    pub group_window: Duration,
    /// A group of this many bytes does not wait any longer.
    pub group_bytes_full: usize,
    /// A group of this many entries does not wait any longer.
    pub group_entries_full: usize,
    /// What is accepted and not yet on disk, in bytes, [`ENTRY_OVERHEAD_BYTES`] per entry included; beyond
    /// it rooms are refused.
    pub queue_bytes_max: usize,
    /// What is accepted and not yet on disk, in entries.
    pub queue_entries_max: usize,
    /// Loads, snapshots and sweeps that wait.
    pub requests_max: usize,
    /// The pause after the first failure; it doubles with each further one.
    pub retry_first: Duration,
    /// The longest pause between retries.
    pub retry_longest: Duration,
    /// Where the chance in pauses and orders comes from.
    pub random: fastrand::Rng,
}

/// What an entry takes in memory besides its bytes, roughly.
pub const ENTRY_OVERHEAD_BYTES: usize = 128;

impl Default for StoreSettings {
    fn default() -> Self {
        Self {
            group_window: Duration::from_millis(2),
            group_bytes_full: 1024 * 1024,
            group_entries_full: 4_096,
            queue_bytes_max: 64 * 1024 * 1024,
            queue_entries_max: 262_144,
            requests_max: 16_384,
            retry_first: Duration::from_millis(50),
            retry_longest: Duration::from_secs(15),
            random: fastrand::Rng::new(),
        }
    }
}

impl StoreSettings {
    /// Limits that contradict each other are refused at start.
    pub(super) fn check(&self) -> Result<()> {
        let problem = if self.queue_bytes_max == 0 || self.queue_entries_max == 0 || self.requests_max == 0 {
            "queues must have room for something"
        } else if self.group_bytes_full > self.queue_bytes_max
            || self.group_entries_full > self.queue_entries_max
        {
            "a group must fit into the queue"
        } else if self.retry_first.is_zero() || self.retry_first > self.retry_longest {
            "the first retry must come after a pause, and no later than the longest pause"
        } else {
            return Ok(());
        };
        Err(RealtimeError::new(Code::ConfigInvalid, format!("store settings: {problem}: {self:?}")))
    }
}
