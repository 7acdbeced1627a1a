//! The threads of one module: a tokio runtime whose every thread logs to the module's own host, so that
//! two modules in one process do not hear each other.

use std::sync::{Mutex, PoisonError};
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
    runtime: Mutex<Option<Runtime>>,
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
        Ok(Self { runtime: Mutex::new(Some(runtime)) })
    }

    /// Runs a future on the module's threads; false if they have ended.
    pub(super) fn spawn(&self, future: impl Future<Output = ()> + Send + 'static) -> bool {
        let runtime = self.runtime.lock().unwrap_or_else(PoisonError::into_inner);
        runtime.as_ref().map(|runtime| runtime.spawn(future)).is_some()
    }

    /// Runs a future to its end on the calling thread, which must not be one of the module's.
    pub(super) fn finish(&self, future: impl Future<Output = ()>) {
        let runtime = self.runtime.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(runtime) = runtime.as_ref() {
            runtime.block_on(future);
        }
    }

    /// Ends the threads; what still runs on them is dropped at its next await. Blocks for `wait` at most.
    pub(super) fn end(&self, wait: Duration) {
        let runtime = self.runtime.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(runtime) = runtime {
            runtime.shutdown_timeout(wait);
        }
    }
}

impl Drop for ModuleRuntime {
    fn drop(&mut self) {
        let runtime = self.runtime.get_mut().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(runtime) = runtime {
            // May run on a thread of this very runtime, or on Node's: neither may wait.
            runtime.shutdown_background();
        }
    }
}
