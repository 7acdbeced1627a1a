//! What the room's state asks for, carried out: frames into queues, changes into the log.

use bytes::Bytes;
use tracing::{debug, warn};

use super::{ACKNOWLEDGEMENTS_MAX, Actor, End, Waiting};
use crate::clock;
use crate::error::Code;
use crate::hooks;
use crate::protocol::control;
use crate::room::state::{Acknowledgement, Effect, has_failed};

impl Actor {
    pub(super) fn carry_out(&mut self, effects: Vec<Effect>) -> Option<End> {
        let mut effects = effects.into_iter();
        while let Some(effect) = effects.next() {
            match effect {
                Effect::Send(client, frame) => {
                    // In order: an answer may build on what happened before it.
                    if let Some(end) = self.tell(effects.as_slice()) {
                        return Some(end);
                    }
                    if let Some(seat) = self.seats.get(&client) {
                        seat.outbox.send(frame);
                    }
                }
                Effect::Change { update, author, frame } => {
                    self.services.metrics.changes.add(1);
                    self.append(update.clone());
                    self.burst.change(Some(author), update, frame);
                }
                Effect::Presence(presence) => self.burst.show(presence),
                Effect::Acknowledge(_, _) if self.waiting.len() >= ACKNOWLEDGEMENTS_MAX => {
                    debug!(operation = "realtime:store:append", room = %self.id, "too much waits for the disk");
                }
                Effect::Acknowledge(client, what) => {
                    let generation = self.state.document().generation();
                    self.waiting.push_back(Waiting { seq: self.log.last_seq(), generation, client, what });
                    let committed = *self.committed.borrow();
                    self.on_disk(committed);
                }
                Effect::ApplyFailed(client, problem) => {
                    self.services.metrics.refused_frames.add(1);
                    warn!(
                        operation = "realtime:room:apply", room = %self.id, client = %client,
                        code = %Code::InvalidYjsUpdate, "a frame was dropped: {problem}"
                    );
                    self.services.host.emit(hooks::apply_failed(&self.id, client, &problem));
                }
                Effect::Full { bytes, bytes_max } => {
                    warn!(
                        operation = "realtime:document:full", room = %self.id, bytes, bytes_max,
                        "the document has reached its largest size; what is added is refused"
                    );
                    self.services.host.emit(hooks::document_full(&self.id, bytes, bytes_max));
                }
                Effect::Fail { problem, culprit } => return Some(End::Failed { problem, culprit }),
            }
            if self.burst.is_full()
                && let Some(end) = self.tell(effects.as_slice())
            {
                return Some(end);
            }
        }
        None
    }

    fn append(&mut self, update: Bytes) {
        self.saving.touched(clock::now());
        if self.log.append(update).is_ok() {
            return;
        }
        if self.gap_at.is_none() {
            warn!(
                operation = "realtime:store:append", room = %self.id,
                "the store's queue is full; this room will be saved by a snapshot instead"
            );
        }
        self.gap_at = Some(self.state.document().generation());
    }

    /// Tells everybody what has happened since they were last told; `rest` are the effects that come after.
    pub(super) fn tell(&mut self, rest: &[Effect]) -> Option<End> {
        // Of a document that is broken nobody is told anything but that, and nothing may be asked of it.
        if self.burst.is_empty() || has_failed(rest) {
            return None;
        }
        let mut overflowed = Vec::new();
        for (client, seat) in &self.seats {
            if let Err(dropped) = self.burst.tell(*client, &seat.outbox, &self.state, rest) {
                overflowed.push((*client, dropped));
            }
        }
        self.burst.clear();
        for (client, dropped) in overflowed {
            debug!(operation = "realtime:client:slow", room = %self.id, client = %client, "reads too slowly; will be caught up");
            let effects = self.state.fell_behind(client, &dropped);
            if let Some(end) = self.carry_out(effects) {
                return Some(end);
            }
        }
        None
    }

    /// The log is on disk up to here.
    pub(super) fn on_disk(&mut self, committed: u64) {
        while let Some(first) = self.waiting.front()
            && first.seq <= committed
            && self.gap_at.is_none()
        {
            if let Some(waiting) = self.waiting.pop_front() {
                self.acknowledge(waiting, committed);
            }
        }
    }

    fn acknowledge(&self, waiting: Waiting, version: u64) {
        let Some(seat) = self.seats.get(&waiting.client) else { return };
        seat.outbox.send(match waiting.what {
            Acknowledgement::Echo(frame) => frame,
            Acknowledgement::Saved => control::saved(version),
        });
    }

    /// A snapshot holds everything up to this generation, whatever became of the log.
    pub(super) fn release_up_to(&mut self, generation: u64, seq: u64) {
        while self.waiting.front().is_some_and(|first| first.generation <= generation) {
            if let Some(waiting) = self.waiting.pop_front() {
                self.acknowledge(waiting, seq);
            }
        }
    }
}
