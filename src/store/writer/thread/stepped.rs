//! The writer without a thread: a test says when it works, so that all that happens can be repeated.

use std::mem;
use std::sync::Arc;

use super::{Shared, Writer};
use crate::clock;
use crate::store::Backend;
use crate::store::writer::HealthObserver;

/// A writer that works only when it is told to.
pub(crate) struct SteppedWriter {
    /// `None` once the store is closed.
    writer: Option<Writer>,
    shared: Arc<Shared>,
}

impl SteppedWriter {
    pub(in crate::store::writer) fn new(
        backend: Box<dyn Backend>,
        shared: Arc<Shared>,
        observer: HealthObserver,
    ) -> Self {
        let writer = Writer::new(backend, Arc::clone(&shared), observer);
        Self { writer: Some(writer), shared }
    }

    /// Takes what waits and deals with it, as the thread does when it wakes up. False if there was nothing.
    pub(crate) fn step(&mut self) -> bool {
        let Some(writer) = &mut self.writer else { return false };
        let mut work = self.shared.take(Vec::new());
        let is_retry_due = writer.retry_at.is_some_and(|at| at <= clock::now());
        if !work.has_any() && !is_retry_due {
            return false;
        }
        let closing = work.closing;
        let mut updates = mem::take(&mut work.updates);
        writer.deal_with(work, &mut updates);
        if let Some(deadline) = closing {
            let outcome = writer.finish(deadline);
            self.writer = None;
            self.shared.end(outcome);
        }
        true
    }

    /// Whether something could not be written and is to be tried again.
    pub(crate) fn is_stuck(&self) -> bool {
        self.writer.as_ref().is_some_and(|writer| !writer.stuck.is_empty())
    }

    /// Entries and bytes that were accepted and are not on disk.
    pub(crate) fn unwritten(&self) -> (usize, usize) {
        let load = self.shared.unwritten();
        (load.entries, load.bytes)
    }
}
