//! How a room gets its document: the newest good snapshot and the log after it, else the record's Markdown.
//!
//! A room with history is never seeded from Markdown again: that would put its text there twice. The
//! seed is the first record of the log, on disk before anybody sees it, so a crash does not seed twice
//! either. And a record that cannot be read is an error, never an empty room.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use serde_json::json;
use sha2::{Digest, Sha256};
use tokio::time::timeout;
use tracing::{info, warn};

use super::messages::RoomServices;
use crate::config::LossyPolicy;
use crate::document::{Document, xml};
use crate::error::{Code, RealtimeError, Result};
use crate::hooks;
use crate::host::LoadedRecord;
use crate::ids::RoomId;
use crate::markdown::{self, Lost};
use crate::store::writer::RoomLog;
use crate::store::{Attempt, DamagedUpdates, HostText, Rejection, StoredRoom};

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
    /// The host's text, if known.
    pub(super) host_text: Option<HostText>,
    /// The last text of the host's own that ours took the place of.
    pub(super) text_before_draft: Option<HostText>,
    /// A text of ours that the host may have, if it could not be asked.
    pub(super) attempted: Option<HostText>,
    /// The record holds what the document cannot carry.
    pub(super) lossy: bool,
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
    let loaded = restore(id, stored, log).await?;
    catch_up_with_host(id, services, loaded).await
}

async fn restore(id: &RoomId, mut stored: StoredRoom, log: RoomLog) -> Result<Restored> {
    let snapshot = stored.snapshot.take().map(|snapshot| snapshot.data);
    let updates = std::mem::take(&mut stored.log);
    let in_snapshot = snapshot.is_some() && updates.is_empty();
    let logged = updates.len() as u64;
    let base = snapshot.clone();
    let state_bytes = snapshot.iter().chain(&updates).map(Bytes::len).sum();
    let mut attempted = stored.attempted.take();
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
        drafted.text = off_thread(id, move || xml::update_to_markdown(&state)).await??.into();
        drafted.seq = stored.last_seq;
        attempted = None;
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
        text_before_draft: stored.drafted.as_ref().and_then(|drafted| drafted.before.clone()),
        attempted: None,
        host_text: stored.drafted.map(|drafted| drafted.text),
        lossy: false,
    };
    Ok(Restored { loaded, snapshot, attempted })
}

/// A document with history.
struct Restored {
    loaded: Loaded,
    snapshot: Option<Bytes>,
    /// A text that the host may have been given just before the process ended.
    attempted: Option<Attempt>,
}

/// What the record's text has become since host and document last agreed is merged into the document. A
/// host that cannot say goes unheard: its edit is merged when it can, before the next draft.
async fn catch_up_with_host(id: &RoomId, services: &RoomServices, restored: Restored) -> Result<Loaded> {
    let Restored { mut loaded, snapshot, attempted } = restored;
    let Some(mut base) = loaded.host_text.clone() else { return Ok(loaded) };
    let text: HostText = match ask_host(id, services).await {
        Ok(record) if *record.markdown == *base => return still_lossy(id, services, loaded, base).await,
        // What it had before our draft: it does not give drafts back, and nothing was edited.
        Ok(record) if loaded.text_before_draft.as_deref() == Some(&record.markdown) => return Ok(loaded),
        Ok(record) => record.markdown.into(),
        Err(error) => {
            warn!(operation = "realtime:room:load", room = %id, code = %error.code, "{}", error.message);
            loaded.attempted = attempted.map(|attempt| attempt.text);
            return Ok(loaded);
        }
    };
    // The process may have ended between the draft and the note of it.
    match attempted {
        Some(attempt) if attempt.text == text => return Ok(host_has_draft(loaded, attempt.seq, text)),
        // Somebody has changed one of the two, and has not rewritten the other into it.
        Some(attempt) if lines_apart(&attempt.text, &text) < lines_apart(&base, &text) => {
            base = attempt.text;
            loaded.drafted_seq = attempt.seq;
            loaded.in_draft = attempt.seq >= loaded.log.last_seq();
        }
        Some(_) => {}
        None => {
            if let Some(snapshot) = snapshot
                && is_our_draft(id, snapshot, text.clone()).await?
            {
                let seq = if loaded.in_snapshot { loaded.log.last_seq() } else { loaded.drafted_seq };
                return Ok(host_has_draft(loaded, seq, text));
            }
        }
    }
    merge(id, services, loaded, &base, text).await
}

/// The host's text is a draft of ours that holds the log up to this place.
fn host_has_draft(mut loaded: Loaded, seq: u64, text: HostText) -> Loaded {
    loaded.in_draft = seq >= loaded.log.last_seq();
    loaded.drafted_seq = seq;
    let before = loaded.text_before_draft.take().or(loaded.host_text.take());
    loaded.log.drafted(seq, text.clone(), before.clone());
    loaded.text_before_draft = before;
    loaded.host_text = Some(text);
    loaded
}

/// How many lines stand in one of two texts and not in the other.
fn lines_apart(one: &str, other: &str) -> usize {
    let mut counts: HashMap<&str, isize> = HashMap::new();
    for line in one.lines() {
        *counts.entry(line).or_default() += 1;
    }
    for line in other.lines() {
        *counts.entry(line).or_default() -= 1;
    }
    counts.values().map(|count| count.unsigned_abs()).sum()
}

/// A text of the host's own that the document could not carry whole when it was merged still holds what is
/// lost. Drafts of ours are not asked: what they say is in the document.
async fn still_lossy(
    id: &RoomId,
    services: &RoomServices,
    mut loaded: Loaded,
    text: HostText,
) -> Result<Loaded> {
    if loaded.text_before_draft.is_none() {
        let lost = off_thread(id, move || markdown::check_lossless(&text, &markdown::parse(&text))).await?;
        loaded.lossy = !lost.is_empty();
        if loaded.lossy {
            tell_of_loss(id, &lost, services);
        }
    }
    Ok(loaded)
}

async fn is_our_draft(id: &RoomId, snapshot: Bytes, text: HostText) -> Result<bool> {
    off_thread(id, move || xml::update_to_markdown(&snapshot).is_ok_and(|draft| *draft == *text)).await
}

async fn merge(
    id: &RoomId,
    services: &RoomServices,
    mut loaded: Loaded,
    base: &HostText,
    text: HostText,
) -> Result<Loaded> {
    let (base, new) = (base.clone(), text.clone());
    let (merged, document) = off_thread(id, move || {
        let merged = loaded.document.merge_external(&base, &new);
        (merged, loaded)
    })
    .await?;
    loaded = document;
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
    } else {
        loaded.log.drafted(loaded.drafted_seq, text.clone(), None);
    }
    loaded.host_text = Some(text);
    loaded.text_before_draft = None;
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

/// A record's Markdown as a document.
struct Seed {
    document: Document,
    update: Bytes,
    text: HostText,
    lost: Vec<Lost>,
}

async fn seed(id: &RoomId, services: &RoomServices, log: RoomLog, version: u64) -> Result<Loaded> {
    let record = ask_host(id, services).await?;
    let seed = make_seed(id, record.markdown.into()).await?;
    let lossy = !seed.lost.is_empty();
    if lossy {
        tell_of_loss(id, &seed.lost, services);
    }
    // Nobody may edit a lossy room, so its Markdown stays the whole truth and nothing is stored.
    let stored = !lossy || services.settings.lossy == LossyPolicy::Allow;
    let state_bytes = seed.update.len();
    let mut drafted_seq = log.last_seq();
    if stored {
        let written = log.seed(seed.update, seed.text.clone()).ok();
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
        host_text: Some(seed.text),
        text_before_draft: None,
        attempted: None,
        lossy,
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

/// Makes the document while another thread looks whether it carries all of the text.
async fn make_seed(id: &RoomId, text: HostText) -> Result<Seed> {
    let source = text.clone();
    let parsed = Arc::new(off_thread(id, move || markdown::parse(&source)).await?);
    let (source, checked) = (text.clone(), Arc::clone(&parsed));
    let lost = off_thread(id, move || markdown::check_lossless(&source, &checked));
    let (room, source) = (id.clone(), text.clone());
    let made = off_thread(id, move || {
        let update = xml::document_to_update(&parsed.doc, seed_client(&room, &source))?;
        let document = Document::restore(None, std::slice::from_ref(&update)).map_err(|error| {
            RealtimeError::new(
                Code::Internal,
                format!("the text of {room} does not make a document: {error}"),
            )
        })?;
        Ok::<_, RealtimeError>((update, document))
    });
    let (lost, made) = tokio::try_join!(lost, made)?;
    let (update, document) = made?;
    Ok(Seed { document, update, text, lost })
}

/// The Yjs client id that a seed is written under: the same for the same text of the same room, so
/// that even two seeds made apart from each other would be one.
fn seed_client(id: &RoomId, text: &str) -> u64 {
    let digest = Sha256::new().chain_update(id.as_str()).chain_update([0]).chain_update(text).finalize();
    u64::from(u32::from_be_bytes([digest[0], digest[1], digest[2], digest[3]]))
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

/// Runs work that takes milliseconds where no other room waits for it.
async fn off_thread<T: Send + 'static>(id: &RoomId, work: impl FnOnce() -> T + Send + 'static) -> Result<T> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|panic| RealtimeError::new(Code::Internal, format!("loading {id} failed: {panic}")))
}
