//! When a room saves, when it ends, and what becomes of its clients when its document breaks.

use std::sync::atomic::Ordering;
use std::time::Instant;

use serde_json::json;
use tokio_util::task::AbortOnDropHandle;
use tracing::{debug, error, info};

use super::{Actor, End};
use crate::clock;
use crate::config::LossyPolicy;
use crate::error::{Code, RealtimeError};
use crate::hooks;
use crate::ids::ClientId;
use crate::protocol::control;
use crate::room::barred::broke_room;
use crate::room::messages::SnapshotOutcome;
use crate::room::saving::{self, Demand, Fallback, SaveReport};

impl Actor {
    /// Whether drafts are written for this room.
    fn writes_drafts(&self) -> bool {
        let settings = &self.services.settings;
        self.services.host.saves_drafts() && (!self.is_lossy() || settings.lossy == LossyPolicy::Allow)
    }

    fn is_dirty(&self) -> bool {
        self.saving.is_dirty(self.demand())
    }

    /// What a save would be about at this moment.
    fn demand(&self) -> Demand {
        Demand {
            generation: self.state.document().generation(),
            draft: self.writes_drafts(),
            state_bytes: self.state.size_bytes(),
            log_has_gap: self.gap_at.is_some(),
        }
    }

    /// When the next save is due; a room that is about to end does not wait for the interval. None is while an
    /// edit made elsewhere comes in: the room would wake up for it again and again, and start nothing.
    fn save_due_at(&self, now: Instant) -> Option<Instant> {
        if self.is_merging() {
            return None;
        }
        self.saving.due_at(self.demand(), self.is_leaving(now), now)
    }

    pub(super) fn start_save_if_due(&mut self, now: Instant) -> Option<End> {
        // Somebody who asked while a save ran, for what that save does not hold, waits for the next.
        let is_due =
            !self.snapshot_requests.is_empty() || self.save_due_at(now).is_some_and(|due| due <= now);
        if is_due { self.start_save() } else { None }
    }

    /// Starts a save unless one runs, or nothing is to be saved.
    pub(super) fn start_save(&mut self) -> Option<End> {
        if self.saving.is_running() || self.is_merging() {
            return None;
        }
        if !self.is_dirty() {
            self.answer_snapshot_requests(u64::MAX, false);
            return None;
        }
        let demand = self.demand();
        let needs_draft = self.saving.needs_draft(demand);
        let document = self.state.document_mut();
        let taken = document.state().and_then(|state| {
            let codec = &self.services.codec;
            let draft = needs_draft.then(|| codec.draft(document, &state)).transpose()?;
            Ok((state, draft))
        });
        let (state, draft) = match taken {
            Ok(taken) => taken,
            Err(error) => return Some(End::failed(format!("the state cannot be encoded: {error}"))),
        };
        self.info.state_bytes.store(state.len(), Ordering::Relaxed);
        let effects = self.state.measured(state.len(), clock::now());
        if let Some(end) = self.carry_out(effects) {
            return Some(end);
        }
        let job = self.saving.begin(&self.id, demand, state, draft, self.log.last_seq());
        debug!(operation = "realtime:snapshot:save", room = %self.id, generation = job.generation, "saving");
        let fallback = Fallback { committed: self.log.committed(), is_last_chance: !self.inbox_open };
        let save = tokio::spawn(saving::run(job, fallback, self.services.clone()));
        self.save_task = Some(AbortOnDropHandle::new(save));
        None
    }

    pub(super) fn saved(&mut self, mut report: SaveReport) -> Option<End> {
        self.save_task = None;
        if let Some(rendered) = report.rendered.take() {
            self.state.document_mut().keep(rendered);
        }
        self.saving.finish(&report, clock::now());
        if let Some(foreign) = report.foreign.take() {
            self.found_foreign(&foreign);
        }
        saving::tell_host(&*self.services.host, &self.id, &report);
        if let Some(Ok(text)) = &report.draft {
            self.tell_if_not_read_back(report.is_read_back);
            if report.is_read_back {
                self.drafted_seq = self.drafted_seq.max(report.seq);
            }
            // What is read as something else is not with the host: then the snapshot must not expire.
            self.log.drafted(self.drafted_seq, text.clone(), self.saving.texts().before.clone());
        }
        let created = matches!(report.snapshot, Some(Ok(_)));
        self.count_save(&report);
        if created {
            self.close_gap_up_to(report.generation);
            self.release_up_to(report.generation, report.seq);
            // What was written behind the gap while the save ran waits for nothing any more.
            let committed = *self.committed.borrow();
            self.on_disk(committed);
        }
        match report.snapshot {
            Some(Err(error)) => {
                for request in self.snapshot_requests.drain(..) {
                    let _ = request.reply.send(Err(error.clone()));
                }
            }
            // A draft that had to wait for somebody else's work is part of the same save.
            _ if report.elsewhere.is_some() => self.created_meanwhile |= created,
            _ => {
                let created = std::mem::take(&mut self.created_meanwhile) || created;
                self.answer_snapshot_requests(report.generation, created);
            }
        }
        report.elsewhere.and_then(|elsewhere| self.merge_elsewhere(elsewhere, false))
    }

    fn tell_if_not_read_back(&mut self, is_read_back: bool) {
        if !is_read_back && self.is_read_back {
            info!(
                operation = "realtime:room:draft", room = %self.id,
                "the draft is written as the editor writes it, and is not read as the same document; the document is kept"
            );
        }
        self.is_read_back = is_read_back;
    }

    fn count_save(&self, report: &SaveReport) {
        let metrics = &self.services.metrics;
        match &report.snapshot {
            Some(Ok(_)) => metrics.snapshots.add(1),
            Some(Err(_)) => metrics.save_failures.add(1),
            None => {}
        }
        match &report.draft {
            Some(Ok(_)) => metrics.drafts.add(1),
            Some(Err(_)) => metrics.save_failures.add(1),
            None => {}
        }
    }

    /// A snapshot up to this generation is on disk.
    fn close_gap_up_to(&mut self, generation: u64) {
        self.gap_at = self.gap_at.filter(|gap| *gap > generation);
    }

    /// Answers those who asked when the document was at this generation or before.
    fn answer_snapshot_requests(&mut self, generation: u64, created: bool) {
        let version = self.saving.version();
        let outcome = SnapshotOutcome {
            created,
            version: (version > 0).then_some(version),
            timestamp_ms: clock::now_ms(),
        };
        for request in self.snapshot_requests.extract_if(.., |request| request.generation <= generation) {
            let _ = request.reply.send(Ok(outcome));
        }
    }

    /// Whether the room should be finalised: nobody is here for the grace period, or the module shuts down.
    fn is_leaving(&self, now: Instant) -> bool {
        let idle = self.idle_since.is_some_and(|since| now >= since + self.services.settings.grace_period);
        idle || !self.inbox_open
    }

    pub(super) fn end_if_done(&mut self, now: Instant) -> Option<End> {
        if !self.is_leaving(now) || self.saving.is_running() || self.is_merging() {
            return None;
        }
        if self.is_dirty() && !self.may_give_up(now) {
            return None;
        }
        if !self.inbox_open {
            self.registry.remove(&self.id);
            return Some(End::Shutdown);
        }
        // Somebody may be on the way in: then the room stays.
        self.registry.remove_if_unwanted(&self.id).then_some(End::Idle)
    }

    /// A room whose save keeps failing is given up only if its log is whole on disk, so that nothing is lost.
    fn may_give_up(&self, now: Instant) -> bool {
        let on_disk = self.gap_at.is_none() && self.log.last_seq() <= *self.committed.borrow();
        let settings = &self.services.settings;
        let waited_long = self
            .idle_since
            .is_some_and(|since| now >= since + settings.grace_period + settings.cleanup_timeout);
        on_disk && waited_long
    }

    /// When something is to be done although nothing arrives.
    pub(super) fn wake_at(&self, now: Instant) -> Option<Instant> {
        let due = self.save_due_at(now);
        let settings = &self.services.settings;
        let grace_over = self.idle_since.map(|since| since + settings.grace_period).filter(|at| *at > now);
        let given_up = self
            .idle_since
            .map(|since| since + settings.grace_period + settings.cleanup_timeout)
            .filter(|at| *at > now && self.is_dirty());
        [due, grace_over, given_up].into_iter().flatten().min()
    }

    /// Whoever is still here when the room ends is gone with it; nobody reads of it afterwards.
    pub(super) fn dismiss(&mut self, end: &End) {
        // In a room that failed they have been closed already, and the first close stands.
        let farewell =
            control::close(&RealtimeError::new(Code::ServerShutdown, "the server is shutting down"));
        for (client, seat) in self.seats.drain() {
            seat.outbox.close(farewell.clone());
            let user = &seat.session.user;
            self.services.host.emit(hooks::client_disconnected(client, &self.id, &json!(user), end.reason()));
        }
    }

    /// The document broke: everybody is sent away, and the next to join loads the room from the store. Who
    /// broke it is kept out.
    pub(super) async fn fail(&mut self, problem: &str, culprit: Option<ClientId>) {
        let culprit = culprit.and_then(|client| self.seats.get(&client)).map(|seat| &seat.session);
        let user = json!(culprit.map(|session| &session.user));
        error!(operation = "realtime:room:failed", room = %self.id, %user, "{problem}");
        self.services.metrics.room_failures.add(1);
        if let Some(session) = culprit {
            self.registry.bar(&self.id, &session.user);
            session.end(&broke_room());
        }
        let error = RealtimeError::new(Code::Internal, "the room failed and will be loaded again");
        for seat in self.seats.values() {
            seat.outbox.close(control::close(&error));
        }
        // A save that still runs must not write after the room has been loaded again.
        if self.save_task.is_some() {
            let report = finished(&mut self.save_task).await;
            // The document is of no use any more, so nothing is merged into it either.
            self.saved(SaveReport { elsewhere: None, ..report });
        }
        for request in self.snapshot_requests.drain(..) {
            let _ = request.reply.send(Err(error.clone()));
        }
        self.registry.remove(&self.id);
        let (_, closed) = tokio::sync::mpsc::channel(1);
        super::refuse_all(std::mem::replace(&mut self.inbox, closed), &error).await;
    }
}

/// Waits for the running save; for ever if there is none.
pub(super) async fn finished(task: &mut Option<AbortOnDropHandle<SaveReport>>) -> SaveReport {
    match task {
        Some(task) => match task.await {
            Ok(report) => report,
            Err(panic) => SaveReport::failed(&panic),
        },
        None => std::future::pending().await,
    }
}

pub(super) async fn sleep_until(at: Option<Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at.into()).await,
        None => std::future::pending().await,
    }
}
