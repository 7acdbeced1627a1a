//! What was edited elsewhere: the host is asked for the record's text, and what changed in it since it
//! was last read or written comes into the document as ordinary edits.
//!
//! It is asked when it says so itself ([`crate::room::messages::Message::RecordChanged`]), and before every
//! draft, which would otherwise take the place of somebody's work. Asking and saving never overlap: an
//! answer from before our own draft would look like an edit that takes it back.

use tokio_util::task::AbortOnDropHandle;
use tracing::{info, warn};

use super::{Actor, End};
use crate::blocking::without_holding_others_up;
use crate::clock;
use crate::document::reconcile::Merged;
use crate::document::xml::Foreign;
use crate::document::{ApplyError, Document};
use crate::error::Result;
use crate::hooks;
use crate::markdown;
use crate::protocol::control::Level;
use crate::protocol::sync;
use crate::room::loading;
use crate::room::saving::Elsewhere;
use crate::store::HostText;

/// What the host has, read as far as it must be before it can be merged.
pub(super) struct Found {
    text: HostText,
    /// `None` if that is nothing new.
    elsewhere: Option<Elsewhere>,
}

/// An edit made elsewhere that waits for the disk.
pub(super) struct Merging {
    merged: Merged,
    /// The host's text with it.
    text: HostText,
    /// All of the document was in the host's text before.
    was_drafted: bool,
    /// The document's generation that it was merged with.
    generation: u64,
    /// Its place in the log.
    seq: u64,
}

/// An answer on its way.
pub(super) type Look = AbortOnDropHandle<Result<Found>>;

impl Actor {
    /// Asks the host for the record's text, if it is to be asked, nothing is being saved, and what it says could
    /// come into the log.
    pub(super) fn start_look_if_due(&mut self) {
        if !self.look_wanted || self.is_merging() || self.saving.is_running() || self.gap_at.is_some() {
            return;
        }
        self.look_wanted = false;
        let (id, services, texts) = (self.id.clone(), self.services.clone(), self.saving.texts().clone());
        let asking = tokio::spawn(async move {
            let text: HostText = loading::ask_host(&id, &services).await?.markdown.into();
            // Nothing is saved meanwhile, so what is known is still known when the answer is here.
            let read = loading::read_elsewhere(&id, &services, &texts, text.clone(), true).await;
            let elsewhere = read.inspect_err(|error| loading::tell_of_unread_edit(&id, &services, error))?;
            Ok(Found { text, elsewhere })
        });
        self.look_task = Some(AbortOnDropHandle::new(asking));
    }

    /// Whether an edit made elsewhere is asked for, or waits for the disk. Nothing is saved meanwhile: a snapshot
    /// would claim to hold what the log already has and the document has not.
    pub(super) const fn is_merging(&self) -> bool {
        self.look_task.is_some() || self.merging.is_some()
    }

    pub(super) fn looked(&mut self, answer: Result<Found>) -> Option<End> {
        self.look_task = None;
        match answer {
            Ok(Found { elsewhere: Some(elsewhere), .. }) => self.merge_elsewhere(elsewhere, true),
            Ok(Found { text, elsewhere: None }) => {
                self.saving.host_confirms(text);
                None
            }
            Err(error) => {
                warn!(
                    operation = "realtime:room:merge", room = %self.id, code = %error.code,
                    "what changed elsewhere cannot be seen: {}", error.message
                );
                None
            }
        }
    }

    /// The host has this text now, by this edit.
    ///
    /// Nobody sees the merge before it is on disk: after a crash it would be made again, and come a second time
    /// from whoever had seen it. So it is made on a copy, and comes into the document when the log has it.
    pub(super) fn merge_elsewhere(&mut self, elsewhere: Elsewhere, told: bool) -> Option<End> {
        let Elsewhere { text, edit, is_of_given } = elsewhere;
        let Some(edit) = edit else {
            self.saving.touched(clock::now());
            self.saving.draft_landed(text.clone());
            let before = self.saving.texts().before.clone();
            self.note_text(text, before);
            return None;
        };
        if self.gap_at.is_some() {
            return self.look_again(told);
        }
        if is_of_given {
            self.saving.touched(clock::now());
            self.saving.host_fell_back();
        }
        let generation = self.state.document().generation();
        let was_drafted = self.saving.is_drafted(generation);
        // A document that is not lossy carries all of the old text, what the text by itself would lose as well.
        let carried = edit.old_text().filter(|_| !self.text_is_lossy);
        let document = self.state.document_mut();
        let merged = without_holding_others_up(|| {
            let state = document.state()?;
            let merged = edit.apply(&mut Document::restore(Some(&state), &[])?)?;
            let lost = match &carried {
                Some(old) => markdown::not_carried(&text, merged.lost, old),
                None => merged.lost,
            };
            Ok::<_, ApplyError>(Merged { lost, ..merged })
        });
        let merged = match merged {
            Ok(merged) => merged,
            Err(error) => {
                return Some(End::failed(format!("an edit made elsewhere cannot be merged: {error}")));
            }
        };
        let Some(change) = merged.change.clone() else {
            self.saving.host_has(text.clone(), was_drafted.then_some(generation));
            self.note_text(text, None);
            self.tell_if_lossy(&merged);
            return None;
        };
        // Log and note of the text come together, so that a merge that is on disk is never made twice.
        let contains = (!was_drafted || !self.is_read_back).then_some(self.drafted_seq);
        let Ok(seq) = self.log.append_merge(change, contains, text.clone()) else {
            self.gap_at = Some(generation);
            return self.look_again(told);
        };
        self.merging = Some(Merging { merged, text, was_drafted, generation, seq });
        self.merge_on_disk()
    }

    /// Notes the host's text, unless that would claim that it holds all of the document, which has to be given to it
    /// anew.
    fn note_text(&self, text: HostText, before: Option<HostText>) {
        let is_drafted = self.saving.is_drafted(self.state.document().generation());
        if is_drafted || self.drafted_seq < self.log.last_seq() {
            self.log.drafted(self.drafted_seq, text, before);
        }
    }

    /// The log has a gap, so nothing that is written now is on disk before a snapshot is, and no snapshot is taken
    /// while a merge waits. The snapshot comes first; then the host is asked once more, now or before the next draft.
    const fn look_again(&mut self, told: bool) -> Option<End> {
        self.look_wanted |= told;
        None
    }

    /// Finishes the merge that waits for the disk, if the log has it.
    pub(super) fn merge_on_disk(&mut self) -> Option<End> {
        let committed = *self.committed.borrow();
        let merging = self.merging.take_if(|merging| merging.seq <= committed)?;
        self.finish_merge(merging)
    }

    fn finish_merge(&mut self, merging: Merging) -> Option<End> {
        let Merging { merged, text, was_drafted, generation, seq } = merging;
        let change = merged.change.clone()?;
        let is_alone = self.state.document().generation() == generation;
        if let Err(error) = self.state.document_mut().apply_own(&change) {
            return Some(End::failed(format!("an edit made elsewhere cannot be applied: {error}")));
        }
        let now = self.state.document().generation();
        self.saving.touched(clock::now());
        // What was edited meanwhile is not in the host's text.
        self.saving.host_has(text, was_drafted.then_some(if is_alone { now } else { generation }));
        if was_drafted && self.is_read_back {
            self.drafted_seq = seq;
        }
        info!(
            operation = "realtime:room:merge", room = %self.id, added = merged.added, removed = merged.removed,
            "the record was changed elsewhere; the change was merged in"
        );
        self.services.host.emit(hooks::room_merged(&self.id, merged.added, merged.removed));
        self.tell_if_lossy(&merged);
        let frame = sync::update(&change);
        self.burst.change(None, change, frame);
        self.tell(&[])
    }

    fn tell_if_lossy(&mut self, merged: &Merged) {
        let lossy = !merged.lost.is_empty();
        if lossy && !self.text_is_lossy {
            loading::tell_of_loss(&self.id, &merged.lost, &self.services);
        }
        // What is foreign may have gone with the edit. A document that cannot be read breaks elsewhere.
        let is_foreign = self.is_foreign
            && without_holding_others_up(|| self.state.document().foreign())
                .map_or(true, |foreign| foreign.has_content());
        self.set_lossy(lossy, is_foreign);
    }

    /// A draft was rendered, and does not say this.
    pub(super) fn found_foreign(&mut self, foreign: &Foreign) {
        let is_foreign = foreign.has_content();
        if (is_foreign && !self.is_foreign) || !foreign.is_within(&self.told_foreign) {
            loading::tell_of_foreign(&self.id, foreign, &self.services);
            self.told_foreign.extend(foreign);
        }
        self.set_lossy(self.text_is_lossy, is_foreign);
    }

    /// Whether the record holds what the document cannot carry, and the other way; it may come and go.
    fn set_lossy(&mut self, text_is_lossy: bool, is_foreign: bool) {
        let was_lossy = self.is_lossy();
        self.text_is_lossy = text_is_lossy;
        self.is_foreign = is_foreign;
        let lossy = self.is_lossy();
        if lossy == was_lossy {
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

/// Waits for the answer; for ever if none is on its way.
pub(super) async fn looked(task: &mut Option<Look>) -> Result<Found> {
    match task {
        Some(task) => task.await.unwrap_or_else(|panic| {
            let problem = format!("asking the host failed: {panic}");
            Err(crate::error::RealtimeError::new(crate::error::Code::Internal, problem))
        }),
        None => std::future::pending().await,
    }
}
