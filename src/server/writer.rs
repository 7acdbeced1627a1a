//! Writes out what waits for one client: everything at once, with vectored writes, and no timer.

use std::future::poll_fn;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};

use tokio::io::{AsyncWrite, AsyncWriteExt};
use tokio::net::tcp::OwnedWriteHalf;

use crate::blocking::without_holding_others_up;
use crate::ids::ClientId;
use crate::metrics::Metrics;
use crate::protocol::frame::Frame;
use crate::room::messages::Message;
use crate::room::outbox::{Batch, Outbox};
use crate::room::registry::Inbox;

/// The most frames in one vectored write; Linux allows 1,024 (`IOV_MAX`).
const FRAMES_PER_WRITE_MAX: usize = 64;

/// Where to report that a slow reader can take data again, once it has joined a room.
pub(super) type RoomLine = OnceLock<Inbox>;

/// Compressing more than this is not done where other tasks wait for it, in bytes.
const DEFLATE_HERE_BYTES_MAX: usize = 64 * 1024;

/// Where a client's frames go.
pub(super) struct Sink {
    pub socket: OwnedWriteHalf,
    /// It takes compressed messages.
    pub deflate: bool,
    pub metrics: Arc<Metrics>,
}

/// Writes until a close frame went out, or the connection is gone.
pub(super) async fn run(sink: Sink, outbox: Outbox, client: ClientId, room: Arc<RoomLine>) {
    let Sink { mut socket, deflate, metrics } = sink;
    let mut batch = Batch::default();
    loop {
        outbox.take_into(&mut batch).await;
        if deflate {
            deflate_all(&mut batch.frames);
        }
        let bytes: usize = batch.frames.iter().map(Frame::len).sum();
        if write_all(&mut socket, &batch.frames).await.is_err() {
            break;
        }
        metrics.frames_out.add(batch.frames.len() as u64);
        metrics.bytes_out.add(bytes as u64);
        // An idle connection keeps the list, and nothing that was in it.
        batch.frames.clear();
        if batch.ends {
            let _ = socket.shutdown().await;
            break;
        }
        if batch.drained
            && let Some(room) = room.get()
            && room.send(Message::Drained(client)).await.is_err()
        {
            break;
        }
    }
    outbox.discard();
}

fn deflate_all(frames: &mut [Frame]) {
    let bytes: usize = frames.iter().map(Frame::len).sum();
    let mut deflate = || frames.iter_mut().for_each(Frame::deflate);
    if bytes > DEFLATE_HERE_BYTES_MAX { without_holding_others_up(deflate) } else { deflate() }
}

async fn write_all(socket: &mut OwnedWriteHalf, mut frames: &[Frame]) -> io::Result<()> {
    // How much of the first frame is out already.
    let mut offset = 0;
    while !frames.is_empty() {
        let written = poll_fn(|cx| poll_write(Pin::new(&mut *socket), cx, frames, offset)).await?;
        if written == 0 {
            return Err(io::ErrorKind::WriteZero.into());
        }
        offset += written;
        while let Some(first) = frames.first()
            && offset >= first.len()
        {
            offset -= first.len();
            frames = &frames[1..];
        }
    }
    Ok(())
}

/// One vectored write. The list of parts lives here and not in the future above, where every idle
/// connection would pay for it.
fn poll_write(
    socket: Pin<&mut OwnedWriteHalf>,
    cx: &mut Context<'_>,
    frames: &[Frame],
    offset: usize,
) -> Poll<io::Result<usize>> {
    if let [only] = frames {
        return socket.poll_write(cx, &only.bytes()[offset..]);
    }
    let mut parts = [IoSlice::new(&[]); FRAMES_PER_WRITE_MAX];
    for (part, frame) in parts.iter_mut().zip(frames) {
        *part = IoSlice::new(frame.bytes());
    }
    parts[0].advance(offset);
    socket.poll_write_vectored(cx, &parts[..frames.len().min(FRAMES_PER_WRITE_MAX)])
}
