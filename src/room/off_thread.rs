//! A room's work that takes milliseconds, done where no other room waits for it.

use crate::blocking;
use crate::error::{Code, RealtimeError, Result};
use crate::ids::RoomId;

/// Runs it on a thread that is there for such work; a panic is an error.
pub(super) async fn off_thread<T: Send + 'static>(
    room: &RoomId,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T> {
    blocking::off_thread(work).await.map_err(|panic| {
        RealtimeError::new(Code::Internal, format!("reading or writing {room} failed: {panic}"))
    })
}
