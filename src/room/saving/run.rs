//! One save: the snapshot into the store, then the Markdown as a draft to the host, unless the host's text
//! was changed elsewhere.

use std::sync::Arc;
use std::time::Duration;

use tracing::{error, info, warn};

use super::{DraftFailure, SaveJob, SaveReport};
use crate::document::{Draft, Rendering};
use crate::error::{Code, RealtimeError, Result};
use crate::hooks;
use crate::host::Host;
use crate::ids::RoomId;
use crate::store::writer::Store;
use crate::store::{HostText, NewSnapshot, SNAPSHOT_BYTES_ADVISED, SNAPSHOTS_KEPT_PER_ROOM, SavedSnapshot};

/// What became of a draft.
enum Outcome {
    /// It was written, or was there already.
    Written(HostText),
    /// The host has a text that is not ours; nothing was written over it.
    Elsewhere(HostText),
}

/// Carries out a save: binary first, Markdown second; a failure of one does not stop the other.
pub async fn run(mut job: SaveJob, store: Store, host: Arc<dyn Host>, host_timeout: Duration) -> SaveReport {
    let snapshot = match job.version {
        Some(version) => {
            let snapshot = NewSnapshot {
                room: job.room.clone(),
                version,
                data: job.state.clone(),
                covers_seq: job.seq,
                created_at_ms: crate::clock::now_ms(),
            };
            Some(store.save_snapshot(snapshot).await)
        }
        None => None,
    };
    let (mut elsewhere, mut draft, mut rendered) = (None, None, None);
    if let Some(taken) = job.draft.take() {
        let written = match render(&job.room, taken).await {
            Ok(Rendering { markdown, new }) => {
                rendered = Some(new);
                write_draft(&job, markdown, host, host_timeout).await
            }
            Err(error) => Err(DraftFailure { stage: "serialize", error, attempted: None }),
        };
        match written {
            Ok(Outcome::Written(text)) => draft = Some(Ok(text)),
            Ok(Outcome::Elsewhere(text)) => elsewhere = Some(text),
            Err(failure) => draft = Some(Err(failure)),
        }
    }
    SaveReport { generation: job.generation, seq: job.seq, elsewhere, snapshot, draft, rendered }
}

/// Rendering a long record takes milliseconds that no other room should wait for.
async fn render(room: &RoomId, draft: Draft) -> Result<Rendering> {
    tokio::task::spawn_blocking(move || draft.render()).await.unwrap_or_else(|panic| {
        Err(RealtimeError::new(Code::Internal, format!("rendering {room} failed: {panic}")))
    })
}

async fn write_draft(
    job: &SaveJob,
    markdown: String,
    host: Arc<dyn Host>,
    host_timeout: Duration,
) -> std::result::Result<Outcome, DraftFailure> {
    if job.host_text.as_deref() == Some(&markdown) {
        return Ok(Outcome::Written(markdown.into()));
    }
    if let Some(text) = changed_elsewhere(job, &*host, host_timeout).await? {
        return Ok(Outcome::Elsewhere(text));
    }
    let saved = tokio::time::timeout(host_timeout, host.save(job.room.clone(), markdown.clone())).await;
    let error = match saved {
        Ok(Ok(())) => return Ok(Outcome::Written(markdown.into())),
        Ok(Err(error)) => error,
        Err(_) => RealtimeError::new(
            Code::HostFailed,
            format!(
                "the host did not store the draft of {} within {} s",
                job.room,
                host_timeout.as_secs_f64()
            ),
        ),
    };
    // It may have landed all the same.
    Err(DraftFailure { stage: "draft", error, attempted: Some(markdown.into()) })
}

/// The host's text, if it is neither the one it last gave or was given, nor one of ours.
async fn changed_elsewhere(
    job: &SaveJob,
    host: &dyn Host,
    host_timeout: Duration,
) -> std::result::Result<Option<HostText>, DraftFailure> {
    let Some(known) = &job.host_text else { return Ok(None) };
    let failed = |error| DraftFailure { stage: "draft", error, attempted: None };
    let now = match tokio::time::timeout(host_timeout, host.load(job.room.clone())).await {
        Ok(Ok(Some(record))) => record.markdown,
        // Whether a draft can still be written without a record is for the host to say.
        Ok(Ok(None)) => return Ok(None),
        Ok(Err(error)) => return Err(failed(error)),
        Err(_) => {
            let waited = host_timeout.as_secs_f64();
            let problem = format!("the host did not give the text of {} within {waited} s", job.room);
            return Err(failed(RealtimeError::new(Code::HostFailed, problem)));
        }
    };
    let known = [Some(known), job.attempted.as_ref(), job.before.as_ref()];
    let is_known = known.into_iter().flatten().any(|known| **known == *now);
    Ok((!is_known).then(|| now.into()))
}

/// Tells the host, and the log, how a save went.
pub fn tell_host(host: &dyn Host, room: &RoomId, report: &SaveReport) {
    match &report.snapshot {
        Some(Ok(saved)) => {
            let SavedSnapshot { id, version, byte_size, pruned } = saved;
            info!(operation = "realtime:snapshot:saved", room = %room, version, byte_size, "snapshot saved");
            host.emit(hooks::snapshot_saved(room, id, *version, *byte_size));
            if *byte_size > SNAPSHOT_BYTES_ADVISED {
                warn!(operation = "realtime:snapshot:oversize", room = %room, byte_size, "the snapshot is over 1 MiB");
                host.emit(hooks::snapshot_oversize(room, *byte_size, SNAPSHOT_BYTES_ADVISED));
            }
            for version in pruned {
                host.emit(hooks::snapshot_pruned(room, *version, SNAPSHOTS_KEPT_PER_ROOM));
            }
        }
        Some(Err(error)) => tell_of_failure(host, room, "persist", error),
        None => {}
    }
    if let Some(Err(DraftFailure { stage, error, .. })) = &report.draft {
        tell_of_failure(host, room, stage, error);
    }
}

fn tell_of_failure(host: &dyn Host, room: &RoomId, stage: &str, error: &RealtimeError) {
    error!(operation = "realtime:snapshot:writeback", room = %room, stage, code = %error.code, "{}", error.message);
    host.emit(hooks::writeback_failed(room, stage, &error.message));
}
