//! The reading side of a client's socket. What has to be written because of what was read (pongs, the
//! answer to a close) goes into the connection's queue, so that one writer serves the socket.

use std::cell::RefCell;
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures_util::FutureExt;
use serde_json::json;
use tokio::io::{AsyncRead, ReadBuf};
use tokio::net::tcp::OwnedReadHalf;

use crate::error::{Code, RealtimeError};
use crate::protocol::control;
use crate::protocol::frame::Frame;
use crate::protocol::messages::{MessageReader, Received, Violation};
use crate::room::outbox::Outbox;

/// How much is read from a socket at once.
const READ_BYTES_MAX: usize = 64 * 1024;

/// How much is kept of an unfinished message of a client that is not let in yet, and how large a compressed one of
/// its messages may become.
const STRANGER_BYTES_MAX: usize = 64 * 1024;

thread_local! {
    /// What a read fills; what came of it is copied out, in its own size. One per thread instead of one per
    /// connection, most of which are idle most of the time.
    static READ_BUFFER: RefCell<Box<[u8]>> = RefCell::new(vec![0; READ_BYTES_MAX].into());
}

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

/// What a connection's messages may be.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rules {
    /// The largest, in bytes.
    pub bytes_max: usize,
    /// permessage-deflate was agreed on.
    pub deflate: bool,
}

/// The reading side of a connection.
pub(super) struct Socket {
    read: OwnedReadHalf,
    messages: MessageReader,
    outbox: Outbox,
    rules: Rules,
    /// Nothing that comes from now on is looked at.
    ended: bool,
    /// So much of a message is read ahead; see [`Socket::admit`].
    unread_bytes_max: usize,
}

impl Socket {
    /// `head` is what was read behind the upgrade request.
    pub(super) fn new(read: OwnedReadHalf, head: &[u8], outbox: Outbox, rules: Rules) -> Self {
        let mut messages = MessageReader::new(rules.bytes_max);
        if rules.deflate {
            messages.accept_compressed(STRANGER_BYTES_MAX);
        }
        messages.push(head);
        Self { read, messages, outbox, rules, ended: false, unread_bytes_max: STRANGER_BYTES_MAX }
    }

    /// From now on messages may be as large as the limit allows. Before, somebody who has shown no right to
    /// anything could make us keep as much for each of their connections.
    pub(super) fn admit(&mut self) {
        self.unread_bytes_max = usize::MAX;
        if self.rules.deflate {
            self.messages.accept_compressed(self.rules.bytes_max);
        }
    }

    /// The next message. Nothing is lost if the future is dropped.
    pub(super) async fn next(&mut self) -> Incoming {
        poll_fn(|cx| self.poll_next(cx)).await
    }

    /// The next message if it is already here.
    pub(super) fn ready(&mut self) -> Option<Incoming> {
        self.next().now_or_never()
    }

    /// The next message, for whoever waits for other things as well.
    pub(super) fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Incoming> {
        while !self.ended {
            match self.messages.next_message() {
                Ok(Some(received)) => return Poll::Ready(self.take(received)),
                Ok(None) => {}
                Err(violation) => return Poll::Ready(self.violated(violation)),
            }
            if self.messages.unread_bytes() >= self.unread_bytes_max {
                // The rest stays where it is. Whoever waits, waits for the host's answer as well.
                return Poll::Pending;
            }
            let messages = &mut self.messages;
            let read = ready!(poll_read_some(&mut self.read, cx, |bytes| messages.push(bytes)));
            if !read.is_ok_and(|count| count > 0) {
                self.ended = true;
                // If no close is on its way out, there is nobody to write to either.
                if !self.outbox.is_closed() {
                    self.outbox.discard();
                }
            }
        }
        Poll::Ready(Incoming::Closed)
    }

    /// Waits for the peer to end the connection, whatever it still sends. A socket that is let go of with
    /// something unread in it resets the connection, and the peer never sees why it was closed.
    pub(super) async fn hang_up(&mut self) {
        while poll_fn(|cx| poll_read_some(&mut self.read, cx, |_| {})).await.is_ok_and(|count| count > 0) {}
    }

    fn take(&mut self, received: Received) -> Incoming {
        match received {
            Received::Binary(payload) => Incoming::Binary(payload),
            Received::Text(text) => Incoming::Text(text),
            Received::Pong => Incoming::SignOfLife,
            Received::Ping(payload) => {
                self.outbox.send(Frame::pong(&payload));
                Incoming::SignOfLife
            }
            Received::Close(code) => {
                self.ended = true;
                self.outbox.close(Frame::close_answer(code));
                Incoming::Closed
            }
        }
    }

    fn violated(&mut self, violation: Violation) -> Incoming {
        self.ended = true;
        let message = violation.to_string();
        let protocol_error = |code| {
            let reason = json!({"code": "PROTOCOL_ERROR", "message": message});
            Frame::close(code, &reason.to_string())
        };
        self.outbox.close(match violation {
            Violation::Protocol(_) => protocol_error(1002),
            Violation::NotUtf8 | Violation::Compression => protocol_error(1007),
            Violation::TooBig { .. } | Violation::InflatesTooBig { .. } | Violation::TooManyFragments => {
                control::close(&RealtimeError::new(Code::MessageTooBig, message.clone()))
            }
        });
        Incoming::Violation(message)
    }
}

/// Waits for bytes and hands them over. Their number; zero if there will be none any more.
fn poll_read_some(
    read: &mut OwnedReadHalf,
    cx: &mut Context<'_>,
    take: impl FnOnce(&[u8]),
) -> Poll<io::Result<usize>> {
    READ_BUFFER.with_borrow_mut(|buffer| {
        let mut buffer = ReadBuf::new(buffer);
        ready!(Pin::new(read).poll_read(cx, &mut buffer))?;
        take(buffer.filled());
        Poll::Ready(Ok(buffer.filled().len()))
    })
}
