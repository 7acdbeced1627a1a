//! Work that takes milliseconds, done where no other task waits for it.

use tokio::runtime::{Handle, RuntimeFlavor};
use tokio::task::JoinHandle;

/// Runs it here, while this thread's other tasks go on elsewhere.
pub(crate) fn without_holding_others_up<T>(work: impl FnOnce() -> T) -> T {
    match Handle::current().runtime_flavor() {
        RuntimeFlavor::MultiThread => tokio::task::block_in_place(work),
        // A runtime of one thread, as tests have it, has no other to hand the others to.
        _ => work(),
    }
}

/// Runs it on a thread that is there for such work. Should it panic, only its own result is lost.
pub(crate) fn off_thread<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> JoinHandle<T> {
    match Handle::current().runtime_flavor() {
        RuntimeFlavor::MultiThread => tokio::task::spawn_blocking(work),
        // With one thread all can be repeated only if no other has a say.
        _ => tokio::spawn(async { work() }),
    }
}
