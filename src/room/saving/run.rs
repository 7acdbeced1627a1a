//! One save: the snapshot into the store, then the Markdown as a draft to the host, unless the host's text
//! was changed elsewhere.

use tokio::sync::watch;
use tracing::{error, info, warn};

use super::{DraftFailure, Elsewhere, SaveJob, SaveReport};
use crate::clock;
use crate::config::LossyPolicy;
use crate::document::Document;
use crate::error::{Code, RealtimeError, Result};
use crate::hooks;
use crate::host::Host;
use crate::ids::RoomId;
use crate::room::codec::RenderedDraft;
use crate::room::loading;
use crate::room::messages::RoomServices;
use crate::room::off_thread::off_thread;
use crate::store::writer::Store;
use crate::store::{
    Attempt, HostText, NewSnapshot, SNAPSHOT_BYTES_ADVISED, SNAPSHOTS_KEPT_PER_ROOM, SavedSnapshot,
};

/// What became of a draft.
enum Outcome {
    /// It was written, or was there already.
    Written(HostText),
    /// The host has a text that is not ours; nothing was written over it.
    Elsewhere(Elsewhere),
}

/// Where else a save's state is, should its snapshot fail.
pub struct Fallback {
    /// The last place in the log that is on disk.
    pub committed: watch::Receiver<u64>,
    /// There is no later try: the module shuts down.
    pub is_last_chance: bool,
}

impl Fallback {
    /// Whether a draft may be written without a snapshot. What the host has and our disk has not would come
    /// back after a crash as an edit made elsewhere, and a second time from whoever made it. Only where it
    /// would be lost otherwise is that the lesser evil.
    fn allows_draft_of(&self, seq: u64) -> bool {
        self.is_last_chance || *self.committed.borrow() >= seq
    }
}

/// Carries out a save: binary first, Markdown second; a failure of one does not stop the other, as long as what
/// the Markdown says is on disk. No draft is written that would not say what the document holds.
pub async fn run(mut job: SaveJob, fallback: Fallback, services: RoomServices) -> SaveReport {
    let snapshot = match job.version {
        Some(version) => Some(save_snapshot(&job, version, &services.store).await),
        None => None,
    };
    let (mut elsewhere, mut draft, mut rendered, mut foreign) = (None, None, None, None);
    let mut is_read_back = true;
    let is_on_disk = !matches!(snapshot, Some(Err(_))) || fallback.allows_draft_of(job.seq);
    if let Some(source) = job.draft.take()
        && is_on_disk
    {
        let written = match services.codec.render_draft(&job.room, source).await {
            Ok(RenderedDraft { markdown, new, foreign: found, is_read_back: reads_back }) => {
                is_read_back = reads_back;
                rendered = new;
                let is_whole = !found.has_content() || services.settings.lossy == LossyPolicy::Allow;
                foreign = Some(found);
                if is_whole { Some(write_draft(&job, markdown, &fallback, &services).await) } else { None }
            }
            Err(error) => Some(Err(DraftFailure { stage: "serialize", error, attempted: None })),
        };
        match written {
            Some(Ok(Outcome::Written(text))) => draft = Some(Ok(text)),
            Some(Ok(Outcome::Elsewhere(found))) => elsewhere = Some(found),
            Some(Err(failure)) => draft = Some(Err(failure)),
            None => {}
        }
    }
    SaveReport {
        generation: job.generation,
        seq: job.seq,
        elsewhere,
        snapshot,
        draft,
        rendered,
        foreign,
        is_read_back,
    }
}

/// A snapshot takes the place of the log before it, so nothing is stored that cannot be read again.
async fn save_snapshot(job: &SaveJob, version: u64, store: &Store) -> Result<SavedSnapshot> {
    let state = job.state.clone();
    let read = off_thread(&job.room, move || Document::restore(Some(&state), &[]).map(drop)).await;
    let problem = match read {
        Ok(Ok(())) => None,
        Ok(Err(error)) => Some(error.to_string()),
        Err(panic) => Some(panic.message),
    };
    if let Some(problem) = problem {
        let message =
            format!("the state of {} cannot be read again, so its log is kept: {problem}", job.room);
        return Err(RealtimeError::new(Code::Internal, message));
    }
    let snapshot = NewSnapshot {
        room: job.room.clone(),
        version,
        data: job.state.clone(),
        covers_seq: job.seq,
        created_at_ms: crate::clock::now_ms(),
    };
    store.save_snapshot(snapshot).await
}

async fn write_draft(
    job: &SaveJob,
    markdown: String,
    fallback: &Fallback,
    services: &RoomServices,
) -> std::result::Result<Outcome, DraftFailure> {
    let RoomServices { store, host, settings, .. } = services;
    let host_timeout = settings.host_timeout;
    let is_known = job.texts.known.as_deref() == Some(&markdown);
    // A draft that the host was given before may have come after the newest.
    let is_sure = job.texts.given.is_empty();
    if !(is_known && is_sure)
        && let Some(elsewhere) = changed_elsewhere(job, services).await?
    {
        return Ok(Outcome::Elsewhere(elsewhere));
    }
    if is_known {
        return Ok(Outcome::Written(markdown.into()));
    }
    let given_at_ms = clock::now_ms();
    let attempt = Attempt { seq: job.seq, text: markdown.as_str().into(), given_at_ms };
    if let Err(error) = store.attempt(&job.room, attempt.clone()).await
        && !fallback.is_last_chance
    {
        return Err(DraftFailure { stage: "draft", error, attempted: None });
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
    Err(DraftFailure { stage: "draft", error, attempted: Some(attempt) })
}

/// What the host's text has to do with ours, if it is not one that is known: a text of ours that seemed to fail is
/// none yet; the next may only be tried when this one is known to be there.
async fn changed_elsewhere(
    job: &SaveJob,
    services: &RoomServices,
) -> std::result::Result<Option<Elsewhere>, DraftFailure> {
    if job.texts.known.is_none() {
        return Ok(None);
    }
    let failed = |stage| move |error| DraftFailure { stage, error, attempted: None };
    let host_timeout = services.settings.host_timeout;
    let text = match tokio::time::timeout(host_timeout, services.host.load(job.room.clone())).await {
        Ok(Ok(Some(record))) => record.markdown.into(),
        // Whether a draft can still be written without a record is for the host to say.
        Ok(Ok(None)) => return Ok(None),
        Ok(Err(error)) => return Err(failed("draft")(error)),
        Err(_) => {
            let waited = host_timeout.as_secs_f64();
            let problem = format!("the host did not give the text of {} within {waited} s", job.room);
            return Err(failed("draft")(RealtimeError::new(Code::HostFailed, problem)));
        }
    };
    loading::read_elsewhere(&job.room, services, &job.texts, text, false).await.map_err(failed("merge"))
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::store::memory::MemoryDisk;
    use crate::store::writer::StoreSettings;

    #[tokio::test]
    async fn a_state_that_cannot_be_read_again_takes_the_place_of_nothing() {
        let disk = MemoryDisk::default();
        let store = Store::start(disk.open(), StoreSettings::default(), Arc::new(|_| ())).unwrap();
        let room = RoomId::new("records", "x").unwrap();
        let job = |state: &'static [u8]| SaveJob {
            room: room.clone(),
            generation: 1,
            state: state.into(),
            seq: 0,
            version: Some(1),
            texts: super::super::HostTexts::default(),
            draft: None,
        };
        // An XML hook as yrs writes it, without its name.
        let hook = job(&[1, 1, 1, 0, 7, 1, 1, b'm', 5, 0]);
        let error = save_snapshot(&hook, 1, &store).await.unwrap_err();
        assert!(error.message.contains("its log is kept"), "{error}");
        assert!(disk.stored(&room).snapshot.is_none());
        save_snapshot(&job(&[0, 0]), 1, &store).await.unwrap();
        assert!(disk.stored(&room).snapshot.is_some());
    }
}
