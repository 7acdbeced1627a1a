//! When and how a room is saved: a snapshot into the store, then its Markdown as a draft to the host.
//!
//! [`Saving`] is the bookkeeping, without IO: what is saved is a number (a generation of the document),
//! never a flag, so that edits made while a save runs are not taken for saved. [`run`] is one save; at
//! most one runs per room, and triggers that come meanwhile share it.

mod run;
mod texts;

pub use run::{Fallback, run, tell_host};
pub use texts::{HostSays, HostTexts};

use std::time::{Duration, Instant};

use bytes::Bytes;

use super::codec::{DraftSource, ExternalEdit};
use super::loading::Loaded;
use crate::clock;
use crate::document::xml::Foreign;
use crate::document::{FIRST_GENERATION, NewlyRendered};
use crate::error::{Code, RealtimeError, Result};
use crate::ids::RoomId;
use crate::limits::backoff;
use crate::store::{Attempt, HostText, SavedSnapshot};

/// The first pause after a failed save.
const RETRY_FIRST: Duration = Duration::from_millis(250);
/// The longest pause between retries of a failed save.
const RETRY_LONGEST: Duration = Duration::from_secs(60);

/// A log of so many updates is replaced by a snapshot even where none are configured: it would have to be
/// replayed at each load, and grow for ever.
const LOG_UPDATES_MAX: u64 = 20_000;

/// A state of up to twice this is written after `updates_max` changes, a larger one after as many times more: a
/// megabyte is not written for a hundred letters.
const STATE_BYTES_PER_SAVE: usize = 64 * 1024;

/// The part of the configuration that says when to save.
#[derive(Debug, Clone)]
pub struct SavePolicy {
    /// Whether snapshots are taken at all; the log is always written.
    pub enabled: bool,
    /// The longest that an edit waits for a snapshot; zero = no timer.
    pub interval: Duration,
    /// A snapshot is due after this many changes; of a large document after more, as in
    /// `docs/decisions/0020-large-documents-are-saved-less-often.md`.
    pub updates_max: u64,
}

/// What of a room is saved, and when the next save is due.
#[derive(Debug, Clone)]
pub struct Saving {
    policy: SavePolicy,
    /// The generation in the newest snapshot.
    snapshotted: u64,
    /// Updates that were in the log and in no snapshot when the room was loaded, until one is taken.
    logged: u64,
    /// The generation in the draft.
    drafted: u64,
    texts: HostTexts,
    version: u64,
    dirty_since: Option<Instant>,
    failures: u32,
    retry_at: Option<Instant>,
    /// Keeps rooms that failed together from trying again together.
    random: fastrand::Rng,
    running: bool,
}

/// What a save would be about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Demand {
    /// The document's generation.
    pub generation: u64,
    /// Whether drafts are written for this room.
    pub draft: bool,
    /// The size of the document's state, about.
    pub state_bytes: usize,
    /// The log lacks a change, so that a snapshot is needed even where none are configured.
    pub log_has_gap: bool,
}

/// What is to be saved.
#[derive(Debug)]
pub struct SaveJob {
    /// The room.
    pub room: RoomId,
    /// The document's generation that `state` is of.
    pub generation: u64,
    /// The whole state.
    pub state: Bytes,
    /// The log up to here is contained in it.
    pub seq: u64,
    /// The version to store it under; `None` if the snapshot is there already and only the draft is missing.
    pub version: Option<u64>,
    /// What is known of the host's text.
    pub texts: HostTexts,
    /// What the draft is to be rendered of, if one is to be written.
    pub draft: Option<DraftSource>,
}

/// How a save went.
#[derive(Debug)]
pub struct SaveReport {
    /// The generation saved.
    pub generation: u64,
    /// The log up to here is contained in it.
    pub seq: u64,
    /// What was changed elsewhere: no draft was written over it.
    pub elsewhere: Option<Elsewhere>,
    /// The snapshot, if one was asked for.
    pub snapshot: Option<Result<SavedSnapshot>>,
    /// The draft's text (written or already so), if one was asked for.
    pub draft: Option<std::result::Result<HostText, DraftFailure>>,
    /// What had to be rendered for it, for the document to keep.
    pub rendered: Option<NewlyRendered>,
    /// What the draft does not say, if one was rendered.
    pub foreign: Option<Foreign>,
    /// Whether the draft, if one was rendered, is read as the document that it is of.
    pub is_read_back: bool,
}

/// A text of the host's that has to be dealt with before anything is written over it.
#[derive(Debug)]
pub struct Elsewhere {
    /// The text.
    pub text: HostText,
    /// The edit that made it; `None` if it is a draft of ours that seemed to fail.
    pub edit: Option<ExternalEdit>,
    /// What was edited is a draft that seemed to fail, and not the text that the host was known to have.
    pub is_of_given: bool,
}

/// A draft that was not written.
#[derive(Debug)]
pub struct DraftFailure {
    /// The text that the host may have taken although it did not say so.
    pub attempted: Option<Attempt>,
    /// `serialize`, `draft`, or `merge` if what was changed elsewhere cannot be read.
    pub stage: &'static str,
    /// Why.
    pub error: RealtimeError,
}

impl Saving {
    /// The bookkeeping of a room that was just loaded, its document at generation [`FIRST_GENERATION`].
    pub(super) fn resume(policy: SavePolicy, loaded: &Loaded, now: Instant) -> Self {
        let saved_up_to = |saved: bool| if saved { FIRST_GENERATION } else { 0 };
        Self {
            policy,
            snapshotted: saved_up_to(loaded.in_snapshot),
            logged: loaded.logged,
            drafted: saved_up_to(loaded.in_draft),
            texts: loaded.texts.clone(),
            version: loaded.version,
            dirty_since: Some(now),
            failures: 0,
            retry_at: None,
            random: fastrand::Rng::new(),
            running: false,
        }
    }

    /// The last snapshot version of the room, 0 if there is none.
    pub const fn version(&self) -> u64 {
        self.version
    }

    /// The document was changed.
    pub fn touched(&mut self, now: Instant) {
        self.dirty_since.get_or_insert(now);
    }

    /// Whether something is in no snapshot, or not in the draft.
    pub const fn is_dirty(&self, demand: Demand) -> bool {
        let unsaved = self.snapshotted < demand.generation;
        let log_is_long = self.changes(demand) >= LOG_UPDATES_MAX;
        (self.policy.enabled && (unsaved || self.needs_draft(demand))) || demand.log_has_gap || log_is_long
    }

    /// Changes that are in no snapshot.
    const fn changes(&self, demand: Demand) -> u64 {
        demand.generation.saturating_sub(self.snapshotted).saturating_add(self.logged)
    }

    /// Whether a save runs.
    pub const fn is_running(&self) -> bool {
        self.running
    }

    /// When the next save should begin. `leaving`: the room is about to end and waits only for this.
    pub fn due_at(&self, demand: Demand, leaving: bool, now: Instant) -> Option<Instant> {
        if self.running || !self.is_dirty(demand) {
            return None;
        }
        if self.retry_at.is_some() {
            return self.retry_at;
        }
        if leaving || demand.log_has_gap || self.changes(demand) >= self.updates_max(demand) {
            return Some(now);
        }
        if self.policy.interval.is_zero() {
            return None;
        }
        self.dirty_since.map(|since| since + self.policy.interval)
    }

    /// A snapshot is due after this many changes.
    fn updates_max(&self, demand: Demand) -> u64 {
        let shares = u64::try_from(demand.state_bytes / STATE_BYTES_PER_SAVE).unwrap_or(u64::MAX).max(1);
        self.policy.updates_max.saturating_mul(shares).min(LOG_UPDATES_MAX)
    }

    /// Whether a save is to write a draft.
    pub const fn needs_draft(&self, demand: Demand) -> bool {
        self.policy.enabled && demand.draft && self.drafted < demand.generation
    }

    /// Describes a save of this state and marks it as running.
    pub fn begin(
        &mut self,
        room: &RoomId,
        demand: Demand,
        state: Bytes,
        draft: Option<DraftSource>,
        seq: u64,
    ) -> SaveJob {
        self.running = true;
        self.texts.forget_old(clock::now_ms());
        self.dirty_since = None;
        SaveJob {
            room: room.clone(),
            generation: demand.generation,
            state,
            seq,
            version: (self.snapshotted < demand.generation || demand.log_has_gap).then_some(self.version + 1),
            texts: self.texts.clone(),
            draft,
        }
    }

    /// Takes note of how a save went.
    pub fn finish(&mut self, report: &SaveReport, now: Instant) {
        self.running = false;
        let mut failed = false;
        match &report.snapshot {
            Some(Ok(saved)) => {
                self.version = saved.version;
                self.snapshotted = self.snapshotted.max(report.generation);
                self.logged = 0;
            }
            Some(Err(_)) => failed = true,
            None => {}
        }
        match &report.draft {
            Some(Ok(text)) => {
                self.texts.drafted(text.clone());
                self.drafted = self.drafted.max(report.generation);
            }
            Some(Err(failure)) => {
                failed = true;
                if let Some(attempt) = &failure.attempted {
                    self.texts.gave(attempt.clone());
                }
            }
            None => {}
        }
        if failed {
            self.retry_at = Some(now + backoff(self.failures, RETRY_FIRST, RETRY_LONGEST, &mut self.random));
            self.failures = self.failures.saturating_add(1);
            self.dirty_since.get_or_insert(now);
        } else {
            self.failures = 0;
            // What was found elsewhere is merged at once, and the draft then written at once.
            self.retry_at = report.elsewhere.is_some().then_some(now);
        }
    }

    /// The host has this text, and nothing was edited elsewhere.
    pub fn host_confirms(&mut self, text: HostText) {
        self.texts.known.get_or_insert(text);
    }

    /// The host has this text of ours after all.
    pub fn draft_landed(&mut self, text: HostText) {
        self.texts.drafted(text);
        self.host_fell_back();
    }

    /// The host's text is another one than the newest of ours that it took, so it has to be given a new one.
    pub const fn host_fell_back(&mut self) {
        self.drafted = 0;
    }

    /// The host has this text, which contains the document up to this generation, if any.
    pub fn host_has(&mut self, text: HostText, drafted: Option<u64>) {
        self.texts.edited(text);
        self.drafted = drafted.unwrap_or(self.drafted).max(self.drafted);
    }

    /// What is known of the host's text.
    pub fn texts(&mut self) -> &HostTexts {
        self.texts.forget_old(clock::now_ms());
        &self.texts
    }

    /// Whether the host's text contains the document up to this generation.
    pub const fn is_drafted(&self, generation: u64) -> bool {
        self.drafted >= generation
    }
}

impl SaveReport {
    /// The save itself broke.
    pub(super) fn failed(problem: &dyn std::fmt::Display) -> Self {
        let error = RealtimeError::new(Code::Internal, format!("saving failed: {problem}"));
        Self {
            generation: 0,
            seq: 0,
            elsewhere: None,
            snapshot: Some(Err(error)),
            draft: None,
            rendered: None,
            foreign: None,
            is_read_back: true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn saving(interval_s: u64) -> Saving {
        Saving {
            policy: SavePolicy { enabled: true, interval: Duration::from_secs(interval_s), updates_max: 100 },
            snapshotted: FIRST_GENERATION,
            logged: 0,
            drafted: FIRST_GENERATION,
            texts: HostTexts::default(),
            version: 0,
            dirty_since: None,
            failures: 0,
            retry_at: None,
            random: fastrand::Rng::with_seed(1),
            running: false,
        }
    }

    /// The room after so many changes.
    fn after(changes: u64) -> Demand {
        Demand { generation: FIRST_GENERATION + changes, draft: true, state_bytes: 0, log_has_gap: false }
    }

    fn saved(changes: u64, draft: std::result::Result<HostText, DraftFailure>) -> SaveReport {
        let snapshot = SavedSnapshot { id: "id".into(), version: 1, byte_size: 1, pruned: vec![] };
        let generation = after(changes).generation;
        SaveReport {
            generation,
            seq: 1,
            elsewhere: None,
            snapshot: Some(Ok(snapshot)),
            draft: Some(draft),
            rendered: None,
            foreign: None,
            is_read_back: true,
        }
    }

    fn room() -> RoomId {
        RoomId::new("records", "x").unwrap()
    }

    #[test]
    fn edits_made_while_a_save_runs_are_not_taken_for_saved() {
        let now = Instant::now();
        let mut saving = saving(300);
        saving.touched(now);
        let job = saving.begin(&room(), after(1), Bytes::new(), None, 1);
        assert_eq!(job.version, Some(1));
        saving.touched(now);
        assert_eq!(saving.due_at(after(2), true, now), None, "one save at a time");
        saving.finish(&saved(1, Ok("text".into())), now);
        assert!(saving.is_dirty(after(2)));
        assert_eq!(saving.due_at(after(2), false, now), Some(now + Duration::from_secs(300)));
        assert_eq!(saving.due_at(after(2), true, now), Some(now), "a room that ends does not wait");
    }

    #[test]
    fn many_changes_are_due_at_once_and_without_a_timer_few_are_not() {
        let now = Instant::now();
        let mut saving = saving(0);
        saving.touched(now);
        assert_eq!(saving.due_at(after(0), true, now), None);
        assert_eq!(saving.due_at(after(99), false, now), None);
        assert_eq!(saving.due_at(after(100), false, now), Some(now));
    }

    #[test]
    fn a_large_document_is_saved_after_more_changes() {
        let now = Instant::now();
        let mut saving = saving(0);
        saving.touched(now);
        let due_after = |saving: &Saving, changes, state_bytes| {
            saving.due_at(Demand { state_bytes, ..after(changes) }, false, now).is_some()
        };
        assert!(due_after(&saving, 100, 2 * STATE_BYTES_PER_SAVE - 1));
        let state_bytes = 3 * STATE_BYTES_PER_SAVE;
        assert!(!due_after(&saving, 299, state_bytes) && due_after(&saving, 300, state_bytes));
        assert!(
            !due_after(&saving, LOG_UPDATES_MAX - 1, usize::MAX)
                && due_after(&saving, LOG_UPDATES_MAX, usize::MAX)
        );
    }

    #[test]
    fn a_gap_in_the_log_asks_for_a_snapshot_even_where_none_are_configured() {
        let now = Instant::now();
        let mut saving = saving(300);
        saving.policy.enabled = false;
        assert_eq!(saving.due_at(after(500), true, now), None);
        let demand = Demand { log_has_gap: true, ..after(1) };
        assert_eq!(saving.due_at(demand, false, now), Some(now));
        assert!(saving.begin(&room(), demand, Bytes::new(), None, 1).version.is_some());
    }

    #[test]
    fn a_log_does_not_grow_for_ever_where_no_snapshots_are_configured() {
        let now = Instant::now();
        let mut saving = saving(300);
        saving.policy.enabled = false;
        saving.policy.updates_max = 1_000_000;
        saving.logged = LOG_UPDATES_MAX - 2;
        saving.touched(now);
        assert_eq!(saving.due_at(after(1), true, now), None);
        assert_eq!(saving.due_at(after(2), false, now), Some(now));
        let job = saving.begin(&room(), after(2), Bytes::new(), None, 1);
        assert!(job.version.is_some() && !saving.needs_draft(after(2)));
        saving.finish(&saved(2, Ok("text".into())), now);
        assert_eq!(saving.due_at(after(3), true, now), None);
    }

    #[test]
    fn what_was_in_the_log_before_counts() {
        let now = Instant::now();
        let mut saving = saving(0);
        saving.logged = 90;
        saving.touched(now);
        assert_eq!(saving.due_at(after(9), false, now), None);
        assert_eq!(saving.due_at(after(10), false, now), Some(now));
    }

    #[test]
    fn a_draft_that_failed_is_retried_alone() {
        let now = Instant::now();
        let mut saving = saving(300);
        saving.touched(now);
        saving.begin(&room(), after(1), Bytes::new(), None, 1);
        let failure = DraftFailure {
            stage: "draft",
            attempted: None,
            error: RealtimeError::new(Code::HostFailed, "down"),
        };
        saving.finish(&saved(1, Err(failure)), now);
        let retry = saving.due_at(after(1), true, now).unwrap();
        assert!(retry > now && retry <= now + RETRY_FIRST);
        let job = saving.begin(&room(), after(1), Bytes::new(), None, 1);
        assert!(job.version.is_none());
        assert!(saving.needs_draft(after(1)));
    }
}
