//! What was edited elsewhere: the host is asked for the record's text, and what changed in it since it
//! was last read or written comes into the document as ordinary edits.
//!
//! It is asked when it says so itself ([`crate::room::messages::Message::RecordChanged`]), and before every
//! draft, which would otherwise take the place of somebody's work. Asking and saving never overlap: an
//! answer from before our own draft would look like an edit that takes it back.

use tokio::runtime::{Handle, RuntimeFlavor};
use tokio_util::task::AbortOnDropHandle;
use tracing::{info, warn};

use super::{Actor, End};
use crate::error::Result;
use crate::hooks;
use crate::host::LoadedRecord;
use crate::protocol::control::Level;
use crate::protocol::sync;
use crate::room::loading;
use crate::store::HostText;

/// An answer on its way.
pub(super) type Look = AbortOnDropHandle<Result<LoadedRecord>>;

impl Actor {
    /// Asks the host for the record's text, if it is to be asked and nothing is being saved.
    pub(super) fn start_look_if_due(&mut self) {
        if !self.look_wanted || self.look_task.is_some() || self.saving.is_running() {
            return;
        }
        self.look_wanted = false;
        let (id, services) = (self.id.clone(), self.services.clone());
        let asking = tokio::spawn(async move { loading::ask_host(&id, &services).await });
        self.look_task = Some(AbortOnDropHandle::new(asking));
    }

    pub(super) fn looked(&mut self, answer: Result<LoadedRecord>) -> Option<End> {
        self.look_task = None;
        match answer {
            Ok(record) => self.merge_host_text(record.markdown.into(), true),
            Err(error) => {
                warn!(
                    operation = "realtime:room:merge", room = %self.id, code = %error.code,
                    "what changed elsewhere cannot be seen: {}", error.message
                );
                None
            }
        }
    }

    /// The host has this text now; `told`: it says itself that something changed.
    pub(super) fn merge_host_text(&mut self, text: HostText, told: bool) -> Option<End> {
        let base = self.saving.host_text_if_not(&text, told)?;
        let was_drafted = self.saving.is_drafted(self.state.document().generation());
        let document = self.state.document_mut();
        let merged = match without_holding_others_up(|| document.merge_external(&base, &text)) {
            Ok(merged) => merged,
            Err(error) => {
                return Some(End::Failed(format!("an edit made elsewhere cannot be merged: {error}")));
            }
        };
        let changed = merged.change.is_some();
        self.note_merge(merged.change.clone(), &text, was_drafted);
        if changed {
            info!(
                operation = "realtime:room:merge", room = %self.id, added = merged.added, removed = merged.removed,
                "the record was changed elsewhere; the change was merged in"
            );
            self.services.host.emit(hooks::room_merged(&self.id, merged.added, merged.removed));
        }
        let lossy = !merged.lost.is_empty();
        if lossy && !self.lossy {
            loading::tell_of_loss(&self.id, &merged.lost, &self.services);
        }
        self.set_lossy(lossy);
        merged.change.and_then(|change| {
            let frame = sync::update(&change);
            self.burst.change(None, change, frame);
            self.tell(&[])
        })
    }

    /// Log and bookkeeping learn of the merge together, so that it is never made twice.
    fn note_merge(&mut self, change: Option<bytes::Bytes>, text: &HostText, was_drafted: bool) {
        let now = crate::clock::now();
        let generation = self.state.document().generation();
        self.saving.host_has(text.clone(), was_drafted.then_some(generation));
        let drafted_seq = self.drafted_seq;
        match change {
            Some(change) => {
                self.saving.touched(now);
                let contains = (!was_drafted).then_some(drafted_seq);
                match self.log.append_merge(change, contains, text.clone()) {
                    Ok(seq) if was_drafted => self.drafted_seq = seq,
                    Ok(_) => {}
                    Err(_backlogged) => self.gap_at = Some(generation),
                }
            }
            None => self.log.drafted(drafted_seq, text.clone(), None),
        }
    }

    /// Whether the record holds what the document cannot carry; it may come and go.
    fn set_lossy(&mut self, lossy: bool) {
        if std::mem::replace(&mut self.lossy, lossy) == lossy {
            return;
        }
        self.info.lossy.store(lossy, std::sync::atomic::Ordering::Relaxed);
        let clients: Vec<_> = self.seats.keys().copied().collect();
        for client in clients {
            let effects = self.refresh_rights(client);
            // Told of their rights only; nothing in that can break the document.
            let _ = self.carry_out(effects);
        }
        if self.is_closed_for_edits() {
            let effects = self.state.notice(Level::Warning, super::LOSSY_NOTICE);
            let _ = self.carry_out(effects);
        }
    }
}

/// Runs what may take half a second for a very long record, while other rooms go on.
fn without_holding_others_up<T>(work: impl FnOnce() -> T) -> T {
    // A runtime of one thread, as tests have it, has no other to hand the others to.
    match Handle::current().runtime_flavor() {
        RuntimeFlavor::MultiThread => tokio::task::block_in_place(work),
        _ => work(),
    }
}

/// Waits for the answer; for ever if none is on its way.
pub(super) async fn looked(task: &mut Option<Look>) -> Result<LoadedRecord> {
    match task {
        Some(task) => task.await.unwrap_or_else(|panic| {
            let problem = format!("asking the host failed: {panic}");
            Err(crate::error::RealtimeError::new(crate::error::Code::Internal, problem))
        }),
        None => std::future::pending().await,
    }
}
