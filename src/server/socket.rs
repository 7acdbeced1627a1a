//! The home of the WebSocket library: it reads and checks frames; what it wants to write (pongs, the
//! answer to a close) goes into the connection's queue, so that one writer serves the socket.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::{Buf, Bytes};
use futures_util::{FutureExt, StreamExt};
use serde_json::json;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf};
use tokio::net::tcp::OwnedReadHalf;
use tokio_websockets::{Error as WebSocketError, Limits, Message, ServerBuilder, WebSocketStream};

use crate::error::{Code, RealtimeError};
use crate::protocol::control;
use crate::protocol::frame::Frame;
use crate::room::outbox::Outbox;

/// The opcode of a close frame, in the low four bits of its first byte (RFC 6455 section 5.2).
const CLOSE_OPCODE: u8 = 0x8;

/// How much of what nobody wants any more is read at a time.
const DRAIN_BYTES: usize = 16 * 1024;

/// Something that came from the client.
#[derive(Debug)]
pub(super) enum Incoming {
    /// A binary message.
    Binary(Bytes),
    /// A text message.
    Text(String),
    /// A ping or a pong: the client lives.
    SignOfLife,
    /// The client closed, or the connection is gone.
    Closed,
    /// The client broke the protocol or sent too much at once; it has been told with a close frame.
    Violation(String),
}

/// The reading side of a connection.
pub(super) struct Socket {
    stream: WebSocketStream<Io>,
    outbox: Outbox,
    bytes_max: usize,
}

impl Socket {
    /// `head` is what was read behind the upgrade request.
    pub(super) fn new(read: OwnedReadHalf, head: Bytes, outbox: Outbox, bytes_max: usize) -> Self {
        let limits = Limits::default().max_payload_len(Some(bytes_max));
        let io = Io { head, read, outbox: outbox.clone() };
        Self { stream: ServerBuilder::new().limits(limits).serve(io), outbox, bytes_max }
    }

    /// The next message. Nothing is lost if the future is dropped.
    pub(super) async fn next(&mut self) -> Incoming {
        match self.stream.next().await {
            Some(Ok(message)) if message.is_close() => {
                // The library answers when it is asked for more; that never waits, since its answer goes
                // into our queue.
                let _ = self.stream.next().await;
                self.gone()
            }
            Some(Ok(message)) => read(message),
            Some(Err(error)) => self.violated(&error),
            None => self.gone(),
        }
    }

    /// The next message if it is already here.
    pub(super) fn ready(&mut self) -> Option<Incoming> {
        self.next().now_or_never()
    }

    /// Waits for the peer to end the connection, whatever it still sends. A socket that is let go of with
    /// something unread in it resets the connection, and the peer never sees why it was closed.
    pub(super) async fn hang_up(&mut self) {
        while !matches!(self.next().await, Incoming::Closed | Incoming::Violation(_)) {}
        let io = self.stream.get_mut();
        let mut ignored = Box::new([0; DRAIN_BYTES]);
        while io.read.read(&mut ignored[..]).await.is_ok_and(|count| count > 0) {}
    }

    /// Nothing more will come. If no close is on its way out, there is nobody to write to either.
    fn gone(&self) -> Incoming {
        if !self.outbox.is_closed() {
            self.outbox.discard();
        }
        Incoming::Closed
    }

    fn violated(&mut self, error: &WebSocketError) -> Incoming {
        let message = match error {
            WebSocketError::Io(_) => return self.gone(),
            WebSocketError::PayloadTooLong { .. } => {
                format!("a message is larger than limits.frame_bytes_max: {} bytes", self.bytes_max)
            }
            other => other.to_string(),
        };
        // The library writes its own close frame when it is asked for more, without waiting. It has none
        // for a message that grew too large by fragments and would wait for what comes next, so it is
        // asked only once; the first close stands.
        let _ = self.stream.next().now_or_never();
        self.outbox.close(control::close(&RealtimeError::new(Code::MessageTooBig, message.clone())));
        Incoming::Violation(message)
    }
}

fn read(message: Message) -> Incoming {
    if message.is_binary() {
        return Incoming::Binary(message.into_payload().into());
    }
    match message.as_text() {
        Some(text) => Incoming::Text(text.to_owned()),
        None => Incoming::SignOfLife,
    }
}

/// The library's close frame with its reason, if it has one, in the form that all of ours have.
fn close_frame(frame: &Frame) -> Frame {
    let payload = frame.payload();
    let (Some(code), Some(reason)) = (payload.first_chunk::<2>(), payload.get(2..)) else {
        return frame.clone();
    };
    let code = u16::from_be_bytes(*code);
    if reason.is_empty() {
        return frame.clone();
    }
    let name = if code == Code::MessageTooBig.close_code() {
        Code::MessageTooBig.as_str()
    } else {
        "PROTOCOL_ERROR"
    };
    let reason = json!({"code": name, "message": String::from_utf8_lossy(reason)});
    Frame::close(code, &reason.to_string())
}

/// What the library takes for the socket.
struct Io {
    head: Bytes,
    read: OwnedReadHalf,
    outbox: Outbox,
}

impl AsyncRead for Io {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.head.is_empty() {
            return Pin::new(&mut self.read).poll_read(cx, buf);
        }
        let len = self.head.len().min(buf.remaining());
        buf.put_slice(&self.head[..len]);
        self.head.advance(len);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Io {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.poll_write_vectored(cx, &[IoSlice::new(buf)])
    }

    /// The library hands over one whole control frame, header and payload, at a time.
    fn poll_write_vectored(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let frame: Vec<u8> = bufs.iter().flat_map(|buf| buf.iter().copied()).collect();
        let len = frame.len();
        let closes = frame.first().is_some_and(|first| first & 0x0f == CLOSE_OPCODE);
        if closes {
            self.outbox.close(close_frame(&Frame::encoded(frame.into())));
        } else {
            self.outbox.send(Frame::encoded(frame.into()));
        }
        Poll::Ready(Ok(len))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
