//! What a client may cause: its frames go on to the room at once while it keeps to the message limit,
//! and together, up to [`HOLD`] later, while it is above it. Nothing is lost either way.

use std::time::{Duration, Instant};

use bytes::Bytes;

use crate::config::RateLimiting;
use crate::limits::{MessageLimiter, Verdict};
use crate::protocol::sync::is_awareness;

/// How late a frame above the limit is handled at most.
const HOLD: Duration = Duration::from_millis(100);

/// Frames and bytes that are handed on together; more are handed on at once.
const BATCH_FRAMES_MAX: usize = 64;
const BATCH_BYTES_MAX: usize = 256 * 1024;

/// The client goes far beyond its limit and must be closed.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Abuse;

/// Frames of one client on their way to its room.
#[derive(Debug)]
pub(super) struct Intake {
    limiter: MessageLimiter,
    batch: Vec<Bytes>,
    batch_bytes: usize,
    /// Until when the batch waits for more; `None` = it goes on at once.
    held_until: Option<Instant>,
    /// Binary messages are those of y-protocols, whose presence does not count.
    speaks_yjs: bool,
}

impl Intake {
    pub(super) fn new(limits: &RateLimiting, speaks_yjs: bool, now: Instant) -> Self {
        Self {
            limiter: MessageLimiter::new(limits, now),
            batch: Vec::new(),
            batch_bytes: 0,
            held_until: None,
            speaks_yjs,
        }
    }

    /// Takes a binary frame. True if the client should be warned that it comes near its limit.
    pub(super) fn take(&mut self, frame: Bytes, now: Instant) -> Result<bool, Abuse> {
        let counted = !(self.speaks_yjs && is_awareness(&frame));
        let verdict = self.limiter.judge(frame.len(), counted, now);
        self.batch_bytes += frame.len();
        self.batch.push(frame);
        self.apply(verdict, now)
    }

    /// Counts a text frame, which is never held.
    pub(super) fn count_text(&mut self, bytes: usize, counted: bool, now: Instant) -> Result<bool, Abuse> {
        match self.limiter.judge(bytes, counted, now) {
            Verdict::Abuse => Err(Abuse),
            verdict => Ok(verdict == Verdict::PassAndWarn),
        }
    }

    fn apply(&mut self, verdict: Verdict, now: Instant) -> Result<bool, Abuse> {
        match verdict {
            Verdict::Pass => Ok(false),
            Verdict::PassAndWarn => Ok(true),
            Verdict::Hold => {
                self.held_until.get_or_insert(now + HOLD);
                Ok(false)
            }
            Verdict::Abuse => Err(Abuse),
        }
    }

    /// Whether no more should be read before the batch was handed on.
    pub(super) fn is_full(&self) -> bool {
        self.batch.len() >= BATCH_FRAMES_MAX || self.batch_bytes >= BATCH_BYTES_MAX
    }

    /// When a held batch is due.
    pub(super) const fn held_until(&self) -> Option<Instant> {
        self.held_until
    }

    /// The frames to hand on now, in order.
    pub(super) fn due(&mut self, now: Instant) -> Option<Vec<Bytes>> {
        let waits = self.held_until.is_some_and(|until| now < until) && !self.is_full();
        (!waits).then(|| self.flush()).flatten()
    }

    /// Everything, due or not.
    pub(super) fn flush(&mut self) -> Option<Vec<Bytes>> {
        self.held_until = None;
        self.batch_bytes = 0;
        (!self.batch.is_empty()).then(|| std::mem::take(&mut self.batch))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    fn intake(now: Instant) -> Intake {
        let mut limits = Config::default().rate_limiting;
        limits.messages_per_second = 10;
        Intake::new(&limits, true, now)
    }

    fn update(number: u8) -> Bytes {
        Bytes::from(vec![0, 2, 1, number])
    }

    #[test]
    fn within_the_limit_a_frame_goes_on_at_once() {
        let now = Instant::now();
        let mut intake = intake(now);
        assert_eq!(intake.take(update(1), now), Ok(false));
        assert_eq!(intake.due(now), Some(vec![update(1)]));
        assert_eq!(intake.due(now), None);
    }

    #[test]
    fn above_it_frames_wait_for_each_other_and_none_is_lost() {
        let now = Instant::now();
        let mut intake = intake(now);
        let mut handed_on = Vec::new();
        for number in 0..30 {
            intake.take(update(number), now).unwrap();
            handed_on.extend(intake.due(now).into_iter().flatten());
        }
        assert_eq!(handed_on.len(), 10);
        assert_eq!(intake.held_until(), Some(now + HOLD));
        handed_on.extend(intake.due(now + HOLD).unwrap());
        assert_eq!(handed_on, (0..30).map(update).collect::<Vec<_>>());
    }

    #[test]
    fn a_full_batch_does_not_wait() {
        let now = Instant::now();
        let mut intake = intake(now);
        for number in 0..BATCH_FRAMES_MAX {
            intake.take(update(number as u8), now).unwrap();
        }
        assert_eq!(intake.due(now).map(|batch| batch.len()), Some(BATCH_FRAMES_MAX));
    }

    #[test]
    fn presence_is_not_counted() {
        let now = Instant::now();
        let mut intake = intake(now);
        for _ in 0..100 {
            intake.take(Bytes::from_static(&[1, 1, 0]), now).unwrap();
        }
        assert_eq!(intake.held_until(), None);
    }

    #[test]
    fn in_rooms_that_speak_something_else_everything_counts() {
        let now = Instant::now();
        let mut intake = Intake { speaks_yjs: false, ..intake(now) };
        for _ in 0..11 {
            intake.take(Bytes::from_static(&[1, 1, 0]), now).unwrap();
        }
        assert!(intake.held_until().is_some());
    }
}
