//! Work that takes milliseconds, done where no other room waits for it.

use tokio::runtime::{Handle, RuntimeFlavor};
use tokio::task::JoinHandle;

/// Runs it on a thread that is there for such work. Should it panic, only its own result is lost.
pub(super) fn off_thread<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> JoinHandle<T> {
    match Handle::current().runtime_flavor() {
        RuntimeFlavor::MultiThread => tokio::task::spawn_blocking(work),
        // A runtime of one thread, as tests have it, can do the same twice only if no other thread has a say.
        _ => tokio::spawn(async { work() }),
    }
}
