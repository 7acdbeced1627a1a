//! One task per room: it loads the room, feeds what arrives to the pure state and carries out what
//! follows. It is the only owner of the room's document, so there are no locks around it.
//!
//! Life: loading (whoever joins meanwhile waits in the inbox, so a room is loaded once however many
//! come) -> live -> idle when nobody is left -> a last save -> gone. Somebody who joins while the last
//! save runs keeps the room alive.

mod effects;
mod elsewhere;
mod life;
#[cfg(test)]
mod tests;

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use bytes::Bytes;
use serde_json::json;
use tokio::sync::{mpsc, oneshot, watch};
use tokio_util::task::AbortOnDropHandle;
use tracing::{info, warn};

use super::burst::Burst;
use super::loading::{self, Loaded};
use super::messages::{Join, Message, RoomInfo, RoomServices, SnapshotOutcome};
use super::outbox::Outbox;
use super::registry::Registry;
use super::saving::{SaveReport, Saving};
use super::sessions::Session;
use super::state::{Acknowledgement, Effect, RoomState};
use crate::blocking::without_holding_others_up;
use crate::clock;
use crate::config::LossyPolicy;
use crate::document::FIRST_GENERATION;
use crate::document::xml::Foreign;
use crate::error::{Code, RealtimeError, Result};
use crate::hooks;
use crate::ids::{ClientId, RoomId};
use crate::protocol::control;
use crate::store::writer::RoomLog;

/// Messages that a room takes from its inbox at once.
const MESSAGES_PER_WAKE_MAX: usize = 64;

/// More of one client than this is not taken in where other rooms and connections wait for it, in bytes.
const TAKEN_HERE_BYTES_MAX: usize = 16 * 1024;

/// Acknowledgements that wait for the disk. Beyond it none are promised any more: editing goes on, and
/// what was not reported as saved stays so.
const ACKNOWLEDGEMENTS_MAX: usize = 65_536;

/// What people are told of a record that cannot be edited here.
const LOSSY_NOTICE: &str = "This record holds content that the collaborative editor cannot carry; it is \
                            read-only here so that nothing is lost.";

/// A client's place in the room.
struct Seat {
    outbox: Outbox,
    session: Arc<Session>,
    /// What the state was last told of its rights.
    read_only: bool,
}

/// Something that a client will be told once the disk has it.
struct Waiting {
    seq: u64,
    generation: u64,
    client: ClientId,
    what: Acknowledgement,
}

/// Somebody asked for a snapshot, and is answered when one holds all that was there by then.
struct SnapshotRequest {
    generation: u64,
    reply: oneshot::Sender<Result<SnapshotOutcome>>,
}

struct Actor {
    id: RoomId,
    services: RoomServices,
    registry: Registry,
    info: Arc<RoomInfo>,
    inbox: mpsc::Receiver<Message>,
    /// What was last taken from it; empty between turns.
    messages: Vec<Message>,
    /// False once the inbox is closed and everything in it was taken.
    inbox_open: bool,
    state: RoomState,
    seats: HashMap<ClientId, Seat>,
    /// What its clients have not been told of yet.
    burst: Burst,
    log: RoomLog,
    /// The last place in the log that is on disk.
    committed: watch::Receiver<u64>,
    /// The generation of the last change that is not in the log, because it did not fit the store's
    /// queue: only a snapshot that contains it can bring the disk up to date.
    gap_at: Option<u64>,
    waiting: VecDeque<Waiting>,
    saving: Saving,
    save_task: Option<AbortOnDropHandle<SaveReport>>,
    /// The place in the log up to which the host's text contains everything.
    drafted_seq: u64,
    /// Whether the last draft is read as the document that it is of.
    is_read_back: bool,
    /// The save that runs is the second half of one that has written a snapshot already.
    created_meanwhile: bool,
    /// The host is to be asked for the record's text.
    look_wanted: bool,
    look_task: Option<elsewhere::Look>,
    /// An edit made elsewhere that waits for the disk.
    merging: Option<elsewhere::Merging>,
    snapshot_requests: Vec<SnapshotRequest>,
    /// The host's text holds what the document cannot carry.
    text_is_lossy: bool,
    /// The document holds what Markdown cannot.
    is_foreign: bool,
    /// What of it, attributes included, the host was told of.
    told_foreign: Foreign,
    /// Since when nobody is here.
    idle_since: Option<Instant>,
    /// The host was told of this room, when its first client came in.
    announced: bool,
}

/// What ends the loop of a room.
enum End {
    /// Nobody is here and everything is saved.
    Idle,
    /// The document broke.
    Failed {
        problem: String,
        /// Whose update broke it, if it was one.
        culprit: Option<ClientId>,
    },
    /// The module shuts down.
    Shutdown,
}

impl End {
    const fn failed(problem: String) -> Self {
        Self::Failed { problem, culprit: None }
    }

    const fn reason(&self) -> &'static str {
        match self {
            Self::Idle => "idle",
            Self::Failed { .. } => "failed",
            Self::Shutdown => "shutdown",
        }
    }
}

/// Loads and runs a room until it is gone. The registry has already entered it.
pub(super) async fn run(
    id: RoomId,
    services: RoomServices,
    registry: Registry,
    info: Arc<RoomInfo>,
    inbox: mpsc::Receiver<Message>,
) {
    match loading::load(&id, &services).await {
        Ok(loaded) => Actor::new(id, services, registry, info, inbox, loaded).live().await,
        Err(error) => {
            warn!(operation = "realtime:room:load", room = %id, code = %error.code, "{}", error.message);
            registry.remove(&id);
            refuse_all(inbox, &error).await;
        }
    }
}

/// What a client said is taken in. A large update takes its time, and a hostile one may take much.
fn taking<T>(bytes: usize, take: impl FnOnce() -> T) -> T {
    if bytes > TAKEN_HERE_BYTES_MAX { without_holding_others_up(take) } else { take() }
}

/// Tells everybody who waits for a room that it is not to be had.
async fn refuse_all(mut inbox: mpsc::Receiver<Message>, error: &RealtimeError) {
    inbox.close();
    while let Some(message) = inbox.recv().await {
        match message {
            Message::Join(join) => drop(join.reply.send(Err(error.clone()))),
            Message::Snapshot(reply) => drop(reply.send(Err(error.clone()))),
            Message::Shutdown
            | Message::Frames(..)
            | Message::Text(..)
            | Message::Drained(_)
            | Message::RightsChanged(_)
            | Message::LockChanged
            | Message::Notice(..)
            | Message::RecordChanged
            | Message::Leave(..) => {}
        }
    }
}

impl Actor {
    fn new(
        id: RoomId,
        services: RoomServices,
        registry: Registry,
        info: Arc<RoomInfo>,
        inbox: mpsc::Receiver<Message>,
        loaded: Loaded,
    ) -> Self {
        info.lossy.store(loaded.lossy || loaded.foreign.has_content(), Ordering::Relaxed);
        info.live.store(true, Ordering::Relaxed);
        info.state_bytes.store(loaded.state_bytes, Ordering::Relaxed);
        let policy = services.settings.save.clone();
        let saving = Saving::resume(policy, &loaded, clock::now());
        let mut state = RoomState::new(id.clone(), loaded.document)
            .bounded(loaded.state_bytes, services.settings.document_bytes_max);
        if !services.settings.presence_is_shared {
            state = state.without_shared_presence();
        }
        // Nobody is here yet who would have to be told.
        drop(state.lock(registry.lock_of(&id)));
        Self {
            saving,
            committed: loaded.log.committed(),
            state,
            log: loaded.log,
            text_is_lossy: loaded.lossy,
            is_foreign: loaded.foreign.has_content(),
            told_foreign: loaded.foreign,
            id,
            services,
            registry,
            info,
            inbox,
            messages: Vec::new(),
            inbox_open: true,
            seats: HashMap::new(),
            burst: Burst::default(),
            gap_at: loaded.log_has_gap.then_some(FIRST_GENERATION),
            waiting: VecDeque::new(),
            drafted_seq: loaded.drafted_seq,
            is_read_back: true,
            created_meanwhile: false,
            look_wanted: false,
            look_task: None,
            merging: None,
            save_task: None,
            snapshot_requests: Vec::new(),
            idle_since: Some(clock::now()),
            announced: false,
        }
    }

    async fn live(mut self) {
        info!(operation = "realtime:room:created", room = %self.id, "room is live");
        let end = loop {
            if let Some(end) = self.turn().await {
                break end;
            }
        };
        if let End::Failed { problem, culprit } = &end {
            self.fail(problem, *culprit).await;
        }
        self.dismiss(&end);
        info!(operation = "realtime:room:destroyed", room = %self.id, reason = end.reason(), "room is gone");
        self.services.host.emit(hooks::room_destroyed(&self.id, end.reason()));
    }

    /// Waits for the next thing to happen and deals with it.
    async fn turn(&mut self) -> Option<End> {
        let now = clock::now();
        if let Some(end) = self.start_save_if_due(now).or_else(|| self.end_if_done(now)) {
            return Some(end);
        }
        self.start_look_if_due();
        let wake_at = self.wake_at(now);
        tokio::select! {
            biased;
            Ok(()) = self.committed.changed(), if self.awaits_disk() => {
                let committed = *self.committed.borrow_and_update();
                self.on_disk(committed);
                return self.merge_on_disk();
            }
            report = life::finished(&mut self.save_task) => return self.saved(report),
            answer = elsewhere::looked(&mut self.look_task) => return self.looked(answer),
            count = self.inbox.recv_many(&mut self.messages, MESSAGES_PER_WAKE_MAX), if self.inbox_open => {
                self.inbox_open = count > 0;
                return self.take_all();
            }
            () = life::sleep_until(wake_at), if wake_at.is_some() => {}
        }
        None
    }

    /// Whether anything here depends on what is on disk. Otherwise no commit wakes the room.
    fn awaits_disk(&self) -> bool {
        !self.waiting.is_empty() || self.is_merging() || self.idle_since.is_some()
    }

    fn take_all(&mut self) -> Option<End> {
        let mut messages = std::mem::take(&mut self.messages);
        let end = messages.drain(..).find_map(|message| {
            // Only what clients say in a row is told in a row: others come and go in between.
            let end = match message {
                Message::Frames(..) => None,
                _ => self.tell(&[]),
            };
            end.or_else(|| self.take(message))
        });
        self.messages = messages;
        self.services.metrics.encodings.add(self.state.take_encodings());
        end.or_else(|| self.tell(&[]))
    }

    fn take(&mut self, message: Message) -> Option<End> {
        let effects = match message {
            Message::Join(join) => return self.join(*join),
            Message::Frames(client, frames) => {
                if !self.may_speak(client) {
                    return None;
                }
                let mut effects = self.refresh_rights(client);
                self.hold_answers_if_held_up(client);
                let unknown = self.state.unknown_messages();
                let bytes = frames.iter().map(Bytes::len).sum();
                effects.extend(taking(bytes, || self.state.receive(client, frames, clock::now())));
                self.services.metrics.unknown_messages.add(self.state.unknown_messages() - unknown);
                effects
            }
            Message::Text(client, text) => {
                if !self.may_speak(client) {
                    return None;
                }
                let mut effects = self.refresh_rights(client);
                self.hold_answers_if_held_up(client);
                let (now, now_ms) = (clock::now(), clock::now_ms());
                effects.extend(taking(text.len(), || self.state.receive_text(client, &text, now, now_ms)));
                if let Some(seat) = self.seats.get(&client).filter(|_| self.state.speaks_json(client)) {
                    seat.session.will_read_text();
                }
                effects
            }
            Message::Drained(client) => {
                if let (Some(frame), Some(seat)) = (self.state.catch_up(client), self.seats.get(&client)) {
                    seat.outbox.resume(frame);
                }
                self.state.answer_held(client)
            }
            Message::Leave(client, reason) => return self.leave(client, reason),
            Message::RightsChanged(client) => self.refresh_rights(client),
            Message::LockChanged => self.state.lock(self.registry.lock_of(&self.id)),
            Message::Notice(level, message) => self.state.notice(level, &message),
            Message::RecordChanged => {
                self.look_wanted = true;
                return None;
            }
            Message::Snapshot(reply) => {
                let generation = self.state.document().generation();
                self.snapshot_requests.push(SnapshotRequest { generation, reply });
                return self.start_save();
            }
            Message::Shutdown => {
                // What has been sent is still taken in; nothing new is let in.
                self.inbox.close();
                return None;
            }
        };
        self.carry_out(effects)
    }

    /// A client for which much waits is answered when that is written.
    fn hold_answers_if_held_up(&mut self, client: ClientId) {
        if self.seats.get(&client).is_some_and(|seat| seat.outbox.is_held_up()) {
            self.state.hold_answers(client);
        }
    }

    fn may_speak(&self, client: ClientId) -> bool {
        self.seats.get(&client).is_some_and(|seat| !seat.session.is_revoked())
    }

    /// What the host last said of a client takes effect before any later frame of it.
    fn refresh_rights(&mut self, client: ClientId) -> Vec<Effect> {
        let lossy = self.is_closed_for_edits();
        let Some(seat) = self.seats.get_mut(&client) else { return Vec::new() };
        let read_only = seat.session.is_read_only() || lossy;
        if std::mem::replace(&mut seat.read_only, read_only) == read_only {
            return Vec::new();
        }
        self.state.set_read_only(client, read_only)
    }

    /// Document and record cannot say the same.
    const fn is_lossy(&self) -> bool {
        self.text_is_lossy || self.is_foreign
    }

    /// Document and record cannot say the same, so nobody may edit it here.
    fn is_closed_for_edits(&self) -> bool {
        self.is_lossy() && self.services.settings.lossy == LossyPolicy::ReadOnly
    }

    fn join(&mut self, join: Join) -> Option<End> {
        let Join { client, mut member, outbox, session, first, reply, arrival: _ } = join;
        if self.is_lossy() && self.services.settings.lossy == LossyPolicy::Reject {
            let error = RealtimeError::new(
                Code::PermissionDenied,
                "this record holds content that the collaborative editor cannot carry",
            );
            let _ = reply.send(Err(error.with("reason", "lossy")));
            return None;
        }
        // The host may have changed its mind while the client was on its way in: that holds for what it brings, too.
        member.read_only |= session.is_read_only() || self.is_closed_for_edits();
        let first = first.filter(|_| !session.is_revoked());
        // Before its first frames, so that a client that is already gone is never taken in.
        if reply.send(Ok(())).is_err() {
            return None;
        }
        let user = json!(member.user.id);
        if !self.announced {
            self.services.host.emit(hooks::room_created(&self.id, &user));
            self.announced = true;
        }
        info!(
            operation = "realtime:client:connected", %client, room = %self.id, %user,
            readOnly = member.read_only, "client connected"
        );
        self.services.host.emit(hooks::client_connected(client, &self.id, &user));
        let notice = (self.is_lossy() && member.read_only && member.reads_text)
            .then(|| control::notice(control::Level::Warning, LOSSY_NOTICE));
        let read_only = member.read_only;
        self.seats.insert(client, Seat { outbox: outbox.clone(), session, read_only });
        self.idle_since = None;
        self.info.clients.store(self.seats.len(), Ordering::Relaxed);
        let mut effects = self.state.join(client, member, first, clock::now());
        effects.extend(self.refresh_rights(client));
        let end = self.carry_out(effects);
        if let Some(notice) = notice {
            outbox.send(notice);
        }
        end
    }

    fn leave(&mut self, client: ClientId, reason: &'static str) -> Option<End> {
        let seat = self.seats.remove(&client)?;
        let effects = self.state.leave(client);
        self.info.clients.store(self.seats.len(), Ordering::Relaxed);
        let user = json!(seat.session.user);
        info!(
            operation = "realtime:client:disconnected", %client, room = %self.id, %user, reason,
            "client disconnected"
        );
        self.services.host.emit(hooks::client_disconnected(client, &self.id, &user, reason));
        if self.seats.is_empty() {
            self.idle_since = Some(clock::now());
        }
        self.carry_out(effects)
    }
}
