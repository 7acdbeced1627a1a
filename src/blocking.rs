//! Work that takes milliseconds, within a task.

use tokio::runtime::{Handle, RuntimeFlavor};

/// Runs it while this thread's other tasks go on elsewhere.
pub(crate) fn without_holding_others_up<T>(work: impl FnOnce() -> T) -> T {
    // A runtime of one thread, as tests have it, has no other to hand the others to.
    match Handle::current().runtime_flavor() {
        RuntimeFlavor::MultiThread => tokio::task::block_in_place(work),
        _ => work(),
    }
}
