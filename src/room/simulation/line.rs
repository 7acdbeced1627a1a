//! A connection: ordered, as TCP is, and slow, and it may break at any point. What the client says waits
//! until the server reads it, what the server says until the client does.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;

use bytes::Bytes;
use futures_util::FutureExt;

use crate::ids::ClientId;
use crate::protocol::frame::Frame;
use crate::room::messages::Message;
use crate::room::outbox::{Batch, Outbox, Reading};
use crate::room::sessions::Session;
use crate::room::state::AckMode;

/// The most messages that the server takes from a client at once.
const MESSAGES_AT_ONCE_MAX: usize = 8;

/// What a client says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Said {
    Binary(Bytes),
    Text(String),
}

/// An update that a client has sent and not heard of since.
#[derive(Debug)]
pub(super) struct Outstanding {
    pub(super) update: Bytes,
    /// The edits of this peer that are in it.
    pub(super) edits: std::ops::Range<usize>,
}

/// One connection.
pub(super) struct Line {
    pub(super) client: ClientId,
    pub(super) session: Arc<Session>,
    pub(super) outbox: Outbox,
    /// How the client wants to hear of saved edits.
    pub(super) ack: AckMode,
    /// On its way to the server.
    pub(super) up: VecDeque<Said>,
    /// On its way to the client.
    down: VecDeque<Frame>,
    /// The server has hung up behind what is on its way.
    ends: bool,
    pub(super) outstanding: VecDeque<Outstanding>,
    /// The client has answered the whole state that it was sent; for those who speak JSON.
    pub(super) is_greeted: bool,
    /// The server has asked it what it has; see [`is_asked_again`](super::peer::Peer::is_asked_again).
    pub(super) was_asked: bool,
}

impl Line {
    pub(super) fn new(session: Arc<Session>, ack: AckMode) -> Self {
        let outbox = session.outbox.clone();
        Self {
            client: session.client,
            session,
            outbox,
            ack,
            up: VecDeque::new(),
            down: VecDeque::new(),
            ends: false,
            outstanding: VecDeque::new(),
            is_greeted: false,
            was_asked: false,
        }
    }

    /// The server reads some of what the client said, unless the client has too much to read itself.
    pub(super) fn take_up(&mut self, random: &mut fastrand::Rng) -> Vec<Message> {
        let reading = poll_fn(|cx| Poll::Ready(self.outbox.poll_reading(cx))).now_or_never();
        if reading == Some(Reading::Held) || self.up.is_empty() {
            return Vec::new();
        }
        let count = random.usize(1..=self.up.len().min(MESSAGES_AT_ONCE_MAX));
        let mut messages = Vec::new();
        for said in self.up.drain(..count) {
            match (said, messages.last_mut()) {
                (Said::Binary(frame), Some(Message::Frames(_, frames))) => frames.push(frame),
                (Said::Binary(frame), _) => messages.push(Message::Frames(self.client, vec![frame])),
                (Said::Text(text), _) => messages.push(Message::Text(self.client, text)),
            }
        }
        messages
    }

    /// The room could not take them now: they are the next to be read.
    pub(super) fn put_back(&mut self, messages: impl DoubleEndedIterator<Item = Message>) {
        for message in messages.rev() {
            match message {
                Message::Frames(_, frames) => {
                    frames.into_iter().rev().for_each(|frame| self.up.push_front(Said::Binary(frame)));
                }
                Message::Text(_, text) => self.up.push_front(Said::Text(text)),
                other => unreachable!("{other:?} was not said by a client"),
            }
        }
    }

    /// The server writes what waits. True if the room must hear that the queue is drained.
    pub(super) fn write_down(&mut self) -> bool {
        let Some(Batch { frames, ends, drained }) = self.outbox.take().now_or_never() else { return false };
        self.down.extend(frames);
        self.ends |= ends;
        drained
    }

    /// The next frame that the client reads.
    pub(super) fn read(&mut self) -> Option<Frame> {
        self.down.pop_front()
    }

    /// How many frames the client has yet to read.
    pub(super) fn unread(&self) -> usize {
        self.down.len()
    }

    /// Whether the client has read all, up to the server's close.
    pub(super) fn is_over(&self) -> bool {
        self.ends && self.down.is_empty()
    }

    /// Whether nothing is on its way.
    pub(super) fn is_quiet(&self) -> bool {
        self.up.is_empty() && self.down.is_empty() && self.outbox.bytes() == 0
    }
}
