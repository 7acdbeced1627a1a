//! How a room gets its document: the newest good snapshot and the log after it, else the record's Markdown.
//!
//! A room with history is never seeded from Markdown again: that would put its text there twice. The
//! seed is the first record of the log, on disk before anybody sees it, so a crash does not seed twice
//! either. And a record that cannot be read is an error, never an empty room.

use std::time::Duration;

use bytes::Bytes;
use serde_json::json;
use tokio::time::timeout;
use tracing::{info, warn};

use super::codec::ExternalEdit;
use super::messages::RoomServices;
use super::off_thread::off_thread;
use super::saving::{Elsewhere, HostSays, HostTexts};
use crate::clock;
use crate::config::LossyPolicy;
use crate::document::Document;
use crate::document::xml::Foreign;
use crate::error::{Code, RealtimeError, Result};
use crate::hooks;
use crate::host::LoadedRecord;
use crate::ids::RoomId;
use crate::markdown::Lost;
use crate::store::writer::RoomLog;
use crate::store::{DamagedUpdates, HostText, Rejection, StoredRoom};

/// A room's document and what is known about it.
pub(super) struct Loaded {
    pub(super) document: Document,
    pub(super) log: RoomLog,
    /// What was read or seeded, in bytes; about the size of the document's state.
    pub(super) state_bytes: usize,
    /// The last snapshot version, 0 if there is none.
    pub(super) version: u64,
    /// All of the document is in the newest snapshot.
    pub(super) in_snapshot: bool,
    /// Updates in the log that are in no snapshot.
    pub(super) logged: u64,
    /// The log alone does not give the document back: only a snapshot makes it safe.
    pub(super) log_has_gap: bool,
    /// The host's text contains all of the document.
    pub(super) in_draft: bool,
    /// The place in the log up to which the host's text contains everything.
    pub(super) drafted_seq: u64,
    /// What is known of the host's text.
    pub(super) texts: HostTexts,
    /// The record holds what the document cannot carry.
    pub(super) lossy: bool,
    /// What the document holds that no text can say.
    pub(super) foreign: Foreign,
}

/// Loads a room's document, or makes it from the record's text.
pub(super) async fn load(id: &RoomId, services: &RoomServices) -> Result<Loaded> {
    let (stored, log) = services.store.load(id).await?;
    report_rejected(id, &stored, services);
    report_damaged(id, &stored, services);
    let start_lost = !stored.rejected.is_empty() || stored.damaged.is_some_and(|damaged| damaged.at_start);
    let base_lost = stored.snapshot.is_none() && start_lost;
    let has_history = !base_lost && (stored.snapshot.is_some() || !stored.log.is_empty());
    if !has_history {
        // The log after a lost snapshot is of no use, and the next load must not start over once more.
        let loaded = seed(id, services, log, stored.last_version).await?;
        return Ok(Loaded { log_has_gap: base_lost && !loaded.in_snapshot, ..loaded });
    }
    let restored = restore(id, services, stored, log).await?;
    let loaded = catch_up_with_host(id, services, restored).await?;
    look_for_foreign(id, services, loaded).await
}

/// A document that is not in the host's text may be so because no text can say what it holds. That is found out
/// before anybody is let in: an editor without those nodes and marks would delete them.
async fn look_for_foreign(id: &RoomId, services: &RoomServices, loaded: Loaded) -> Result<Loaded> {
    if loaded.in_draft || !services.host.saves_drafts() {
        return Ok(loaded);
    }
    let codec = services.codec.clone();
    let (foreign, mut loaded) = off_thread(id, move || (codec.foreign(&loaded.document), loaded)).await?;
    let foreign = foreign.map_err(|error| {
        RealtimeError::new(Code::Internal, format!("the stored document of {id} cannot be read: {error}"))
    })?;
    if foreign.has_content() {
        tell_of_foreign(id, &foreign, services);
        loaded.foreign = foreign;
    }
    Ok(loaded)
}

async fn restore(
    id: &RoomId,
    services: &RoomServices,
    mut stored: StoredRoom,
    log: RoomLog,
) -> Result<Restored> {
    let snapshot = stored.snapshot.take().map(|snapshot| snapshot.data);
    let updates = std::mem::take(&mut stored.log);
    let in_snapshot = snapshot.is_some() && updates.is_empty();
    let logged = updates.len() as u64;
    let base = snapshot.clone();
    let state_bytes = snapshot.iter().chain(&updates).map(Bytes::len).sum();
    let mut attempts = std::mem::take(&mut stored.attempted);
    attempts.retain(|attempt| attempt.is_open(clock::now_ms()));
    let mut document =
        off_thread(id, move || Document::restore(base.as_ref(), &updates)).await?.map_err(|error| {
            RealtimeError::new(Code::Internal, format!("the stored document of {id} cannot be used: {error}"))
        })?;
    if (!stored.rejected.is_empty() || stored.damaged.is_some())
        && let Some(drafted) = &mut stored.drafted
    {
        // The document is older than it was. The host's draft may hold what is lost here, so it is compared
        // with what is left, and comes in as an edit made elsewhere.
        let state =
            document.state().map_err(|error| RealtimeError::new(Code::Internal, error.to_string()))?;
        drafted.text = services.codec.render(id, state).await?.into();
        drafted.seq = stored.last_seq;
        attempts.clear();
    }
    // Rooms that were stored without a note of the host's text count as drafted: nothing says otherwise.
    let in_draft = stored.drafted.as_ref().is_none_or(|drafted| drafted.seq >= stored.last_seq);
    let loaded = Loaded {
        document,
        log,
        state_bytes,
        version: stored.last_version,
        in_snapshot,
        logged,
        log_has_gap: false,
        in_draft,
        drafted_seq: stored.drafted.as_ref().map_or(stored.last_seq, |drafted| drafted.seq),
        texts: HostTexts {
            before: stored.drafted.as_ref().and_then(|drafted| drafted.before.clone()),
            known: stored.drafted.map(|drafted| drafted.text),
            given: attempts,
        },
        lossy: false,
        foreign: Foreign::default(),
    };
    Ok(Restored { loaded, snapshot })
}

/// A document with history.
struct Restored {
    loaded: Loaded,
    snapshot: Option<Bytes>,
}

impl Restored {
    /// The place in the log up to which a text that the host may have been given contains everything.
    fn seq_of(&self, text: &HostText) -> Option<u64> {
        self.loaded.texts.given.iter().rfind(|attempt| attempt.text == *text).map(|attempt| attempt.seq)
    }
}

/// What the record's text has become since host and document last agreed is merged into the document. A
/// host that cannot say goes unheard: its edit is merged when it can, before the next draft.
async fn catch_up_with_host(id: &RoomId, services: &RoomServices, mut restored: Restored) -> Result<Loaded> {
    let Some(known) = restored.loaded.texts.known.clone() else { return Ok(restored.loaded) };
    let text: HostText = match ask_host(id, services).await {
        Ok(record) => record.markdown.into(),
        Err(error) => {
            warn!(operation = "realtime:room:load", room = %id, code = %error.code, "{}", error.message);
            return still_lossy(id, services, restored.loaded, known).await;
        }
    };
    let base = match restored.loaded.texts.compare(&text, false) {
        HostSays::Known if text == known => return still_lossy(id, services, restored.loaded, known).await,
        // What it had before our draft: it does not give drafts back, and nothing was edited.
        HostSays::Known => return Ok(restored.loaded),
        // The process ended between the draft and the note of it, or the host was slow.
        HostSays::Landed => {
            let seq = restored.seq_of(&text).unwrap_or(0);
            return Ok(host_has_draft(restored.loaded, seq, text));
        }
        HostSays::Edited { base } => base,
    };
    let given_seq = if base == known { None } else { restored.seq_of(&base) };
    if restored.loaded.texts.given.is_empty()
        && let Some(snapshot) = restored.snapshot.take()
        && is_our_draft(id, services, snapshot, &text).await?
    {
        let loaded = restored.loaded;
        let seq = if loaded.in_snapshot { loaded.log.last_seq() } else { loaded.drafted_seq };
        return Ok(host_has_draft(loaded, seq, text));
    }
    let mut loaded = restored.loaded;
    match services.codec.edit(id, base, text.clone()).await {
        Ok(edit) => {
            if let Some(seq) = given_seq {
                loaded.host_text_contains(seq);
            }
            merge(id, services, loaded, edit, text).await
        }
        Err(error) => {
            tell_of_unread_edit(id, services, &error);
            warn!(operation = "realtime:room:load", room = %id, code = %error.code, "{}", error.message);
            still_lossy(id, services, loaded, known).await
        }
    }
}

/// The host's text is a draft of ours that holds the log up to this place.
fn host_has_draft(mut loaded: Loaded, seq: u64, text: HostText) -> Loaded {
    loaded.host_text_contains(seq);
    loaded.texts.drafted(text.clone());
    if loaded.may_note_text() {
        loaded.log.drafted(loaded.drafted_seq, text, loaded.texts.before.clone());
    }
    loaded
}

impl Loaded {
    /// The host's text is a draft that seemed to fail, up to this place in the log. One that came late may be older
    /// than what was noted of it; places never go back.
    fn host_text_contains(&mut self, seq: u64) {
        self.in_draft = seq >= self.log.last_seq();
        self.drafted_seq = self.drafted_seq.max(seq);
    }

    /// Whether a note of the host's text would not claim that it holds more than it does.
    fn may_note_text(&self) -> bool {
        self.in_draft || self.drafted_seq < self.log.last_seq()
    }
}

/// A text of the host's own that the document could not carry whole when it was merged still holds what is
/// lost. Drafts of ours are not asked: what they say is in the document.
async fn still_lossy(
    id: &RoomId,
    services: &RoomServices,
    mut loaded: Loaded,
    text: HostText,
) -> Result<Loaded> {
    if loaded.texts.before.is_none() {
        let lost;
        (lost, loaded.document) = services.codec.lost_in(id, &text, loaded.document).await?;
        loaded.lossy = !lost.is_empty();
        if loaded.lossy {
            tell_of_loss(id, &lost, services);
        }
    }
    Ok(loaded)
}

async fn is_our_draft(
    id: &RoomId,
    services: &RoomServices,
    snapshot: Bytes,
    text: &HostText,
) -> Result<bool> {
    let draft = services.codec.render(id, snapshot).await;
    Ok(draft.is_ok_and(|draft| *draft == **text))
}

/// Reads what a text of the host's, compared with those that are known, says of an edit made elsewhere.
pub(super) async fn read_elsewhere(
    id: &RoomId,
    services: &RoomServices,
    texts: &HostTexts,
    text: HostText,
    told: bool,
) -> Result<Option<Elsewhere>> {
    let (edit, is_of_given) = match texts.compare(&text, told) {
        HostSays::Known => return Ok(None),
        HostSays::Landed => (None, true),
        HostSays::Edited { base } => {
            let is_of_given = texts.known.as_ref() != Some(&base);
            (Some(services.codec.edit(id, base, text.clone()).await?), is_of_given)
        }
    };
    Ok(Some(Elsewhere { text, edit, is_of_given }))
}

/// An edit made elsewhere cannot be read. Until it can be, no draft is written over it.
pub(super) fn tell_of_unread_edit(id: &RoomId, services: &RoomServices, error: &RealtimeError) {
    services.host.emit(hooks::writeback_failed(id, "merge", &error.message));
}

async fn merge(
    id: &RoomId,
    services: &RoomServices,
    mut loaded: Loaded,
    edit: ExternalEdit,
    text: HostText,
) -> Result<Loaded> {
    let (merged, mut loaded) = off_thread(id, move || (edit.apply(&mut loaded.document), loaded)).await?;
    let merged = merged.map_err(|error| {
        RealtimeError::new(
            Code::Internal,
            format!("an edit made elsewhere cannot be merged into {id}: {error}"),
        )
    })?;
    if let Some(change) = merged.change {
        info!(
            operation = "realtime:room:merge", room = %id, added = merged.added, removed = merged.removed,
            "the record was changed elsewhere; the change was merged in"
        );
        services.host.emit(hooks::room_merged(id, merged.added, merged.removed));
        let contains = (!loaded.in_draft).then_some(loaded.drafted_seq);
        // Nobody is to see it before it is on disk: it would be made again after a crash.
        let written = loaded.log.append_merge(change, contains, text.clone());
        let seq = on_disk(id, &loaded.log, written.ok(), services.settings.host_timeout).await?;
        if loaded.in_draft {
            loaded.drafted_seq = seq;
        }
        loaded.in_snapshot = false;
    } else if loaded.may_note_text() {
        loaded.log.drafted(loaded.drafted_seq, text.clone(), None);
    }
    loaded.texts.edited(text);
    loaded.lossy = !merged.lost.is_empty();
    if loaded.lossy {
        tell_of_loss(id, &merged.lost, services);
    }
    Ok(loaded)
}

fn report_rejected(id: &RoomId, stored: &StoredRoom, services: &RoomServices) {
    for rejected in &stored.rejected {
        let version = rejected.version;
        match &rejected.reason {
            Rejection::HashMismatch { expected, computed } => {
                warn!(operation = "realtime:snapshot:load", room = %id, version, "the snapshot is damaged; an older one is tried");
                services.host.emit(hooks::snapshot_integrity_failed(id, version, expected, computed));
            }
            Rejection::NewerFormat(format) => {
                warn!(
                    operation = "realtime:snapshot:load", room = %id, version, format,
                    "the snapshot was written by a newer version of this software; an older one is tried"
                );
                let expected = format!("format {}", crate::store::SNAPSHOT_FORMAT_ZSTD);
                let found = format!("format {format}");
                services.host.emit(hooks::snapshot_integrity_failed(id, version, &expected, &found));
            }
            Rejection::Unreadable(problem) => {
                warn!(operation = "realtime:snapshot:load", room = %id, version, "the snapshot cannot be read; an older one is tried: {problem}");
                services.host.emit(hooks::snapshot_integrity_failed(id, version, "", problem));
            }
        }
    }
}

fn report_damaged(id: &RoomId, stored: &StoredRoom, services: &RoomServices) {
    let Some(DamagedUpdates { first_seq, count, .. }) = stored.damaged else { return };
    warn!(
        operation = "realtime:log:load", room = %id, first_seq, count,
        "updates in the log are damaged and left out; what the host's text has of them is merged in"
    );
    services.host.emit(hooks::log_integrity_failed(id, first_seq, count));
}

async fn seed(id: &RoomId, services: &RoomServices, log: RoomLog, version: u64) -> Result<Loaded> {
    let record = ask_host(id, services).await?;
    let text: HostText = record.markdown.into();
    let seed = services.codec.seed(id, &text).await?;
    let lossy = !seed.lost.is_empty();
    if lossy {
        tell_of_loss(id, &seed.lost, services);
    }
    // Nobody may edit a lossy room, so its Markdown stays the whole truth and nothing is stored.
    let stored = !lossy || services.settings.lossy == LossyPolicy::Allow;
    let state_bytes = seed.update.len();
    let mut drafted_seq = log.last_seq();
    if stored {
        let written = log.seed(seed.update, text.clone()).ok();
        drafted_seq = on_disk(id, &log, written, services.settings.host_timeout).await?;
    }
    Ok(Loaded {
        document: seed.document,
        log,
        state_bytes,
        version,
        in_snapshot: !stored,
        logged: 0,
        log_has_gap: false,
        in_draft: true,
        drafted_seq,
        texts: HostTexts { known: Some(text), ..HostTexts::default() },
        lossy,
        foreign: Foreign::default(),
    })
}

pub(super) async fn ask_host(id: &RoomId, services: &RoomServices) -> Result<LoadedRecord> {
    let wait = services.settings.host_timeout;
    let asked = timeout(wait, services.host.load(id.clone())).await;
    let unreadable = |problem: String| {
        RealtimeError::new(
            Code::RecordUnreadable,
            format!("the record {} cannot be read: {problem}", id.local_id()),
        )
    };
    match asked {
        Ok(Ok(Some(record))) => Ok(record),
        Ok(Ok(None)) => Err(RealtimeError::new(Code::PermissionDenied, "there is no such record")
            .with("reason", "record_not_found")),
        Ok(Err(error)) => Err(unreadable(error.message.clone()).caused_by(error)),
        Err(_) => Err(unreadable(format!("the host did not answer within {} s", wait.as_secs_f64()))),
    }
}

/// Waits until the log has this place on disk.
async fn on_disk(id: &RoomId, log: &RoomLog, seq: Option<u64>, wait: Duration) -> Result<u64> {
    let not_written = |problem: &str| {
        RealtimeError::new(Code::StorageFailed, format!("the state of {id} cannot be stored: {problem}"))
    };
    let seq = seq.ok_or_else(|| not_written("the store's queue is full"))?;
    let mut committed = log.committed();
    match timeout(wait, committed.wait_for(|committed| *committed >= seq)).await {
        Ok(Ok(_)) => Ok(seq),
        Ok(Err(_)) => Err(not_written("the store is closed")),
        Err(_) => Err(not_written(&format!("the disk did not answer within {} s", wait.as_secs_f64()))),
    }
}

pub(super) fn tell_of_loss(id: &RoomId, lost: &[Lost], services: &RoomServices) {
    let list: Vec<_> = lost
        .iter()
        .map(|lost| json!({"firstLine": lost.first_line, "lastLine": lost.last_line, "kind": lost.kind}))
        .collect();
    warn!(
        operation = "realtime:room:load", room = %id, places = lost.len(),
        "the record holds content that the editor's document cannot carry"
    );
    services.host.emit(hooks::room_lossy(id, &list.into()));
}

/// An editor with another schema wrote nodes or marks that the host's Markdown would lose. The document keeps
/// them, and is not written over the host's text.
pub(super) fn tell_of_foreign(id: &RoomId, foreign: &Foreign, services: &RoomServices) {
    let list: Vec<_> =
        foreign.iter().map(|(kind, name)| json!({"kind": kind.as_str(), "name": name})).collect();
    warn!(
        operation = "realtime:room:foreign", room = %id, lost = ?list,
        "the document holds nodes or marks that the schema does not have"
    );
    services.host.emit(hooks::room_lossy(id, &list.into()));
}
