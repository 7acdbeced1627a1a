//! The threads of one module: a tokio runtime whose every thread logs to the module's own host, so that
//! two modules in one process do not hear each other.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::runtime::{Builder, Runtime};
use tracing::Dispatch;

use crate::error::{Code, RealtimeError, Result};

/// Worker threads at most; rooms are spread over them.
const WORKERS_MAX: usize = 4;

/// Threads for what blocks: restoring and rendering documents.
const BLOCKING_THREADS_MAX: usize = 4;

/// A runtime that can be ended from anywhere, once.
pub(super) struct ModuleRuntime {
    // A plain mutex: held for a take or a spawn, never across an await.
    inner: Mutex<Inner>,
}

struct Inner {
    runtime: Option<Runtime>,
    /// Futures that were spawned here and have not said that they are done.
    under_way: usize,
}

impl ModuleRuntime {
    pub(super) fn new(log: &Dispatch) -> Result<Self> {
        let workers = std::thread::available_parallelism().map_or(1, usize::from).min(WORKERS_MAX);
        let log = log.clone();
        let runtime = Builder::new_multi_thread()
            .worker_threads(workers)
            .max_blocking_threads(BLOCKING_THREADS_MAX)
            .thread_name("civicpress-realtime")
            .on_thread_start(move || {
                // For the thread's whole life, so the guard that would undo it is not kept.
                std::mem::forget(tracing::dispatcher::set_default(&log));
            })
            .enable_all()
            .build()
            .map_err(|error| {
                RealtimeError::new(Code::Internal, format!("no threads to be had: {error}")).caused_by(error)
            })?;
        Ok(Self { inner: Mutex::new(Inner { runtime: Some(runtime), under_way: 0 }) })
    }

    /// Runs a future, which is to call [`ModuleRuntime::done`] last, on the module's threads; gives it back if they
    /// have ended.
    pub(super) fn spawn<F: Future<Output = ()> + Send + 'static>(&self, future: F) -> Result<(), F> {
        let mut inner = self.lock();
        let Some(runtime) = &inner.runtime else { return Err(future) };
        runtime.spawn(future);
        inner.under_way += 1;
        Ok(())
    }

    /// A future that was spawned is done. If the module is over and it was the last, the threads end.
    pub(super) fn done(&self, is_over: bool) {
        let mut inner = self.lock();
        // One that was given back calls as well, when there is none left.
        inner.under_way = inner.under_way.saturating_sub(1);
        let last = (is_over && inner.under_way == 0).then(|| inner.runtime.take()).flatten();
        drop(inner);
        if let Some(runtime) = last {
            // This is one of its threads, which cannot wait for itself.
            runtime.shutdown_background();
        }
    }

    /// Runs a future to its end on the calling thread, which must not be one of the module's.
    pub(super) fn finish(&self, future: impl Future<Output = ()>) {
        // Not under the lock: threads that wait for it could not do what this waits for.
        let handle = self.lock().runtime.as_ref().map(|runtime| runtime.handle().clone());
        if let Some(handle) = handle {
            handle.block_on(future);
        }
    }

    /// Ends the threads; what still runs on them is dropped at its next await. Blocks for `wait` at most.
    pub(super) fn end(&self, wait: Duration) {
        let runtime = self.lock().runtime.take();
        if let Some(runtime) = runtime {
            runtime.shutdown_timeout(wait);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // It is whole between operations, so a panic elsewhere leaves nothing half done.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for ModuleRuntime {
    fn drop(&mut self) {
        let runtime = self.lock().runtime.take();
        if let Some(runtime) = runtime {
            // May run on a thread of this very runtime, or on Node's: neither may wait.
            runtime.shutdown_background();
        }
    }
}
