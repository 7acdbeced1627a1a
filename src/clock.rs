//! The wall clock, for timestamps that leave the process, and the clock that everything waits by.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// Milliseconds since the Unix epoch.
pub fn now_ms() -> i64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

/// This moment by tokio's clock: the system's, unless a test holds it. What sleeps by a clock must also
/// read that one.
pub fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}
