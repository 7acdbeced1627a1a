//! What waits to be written to one client.
//!
//! The room puts frames in, the connection's writer takes all of them at once. The queue is bounded in
//! bytes, and a reader that is too slow for it costs nobody else anything:
//!
//! - document updates past the bound are thrown away and handed back, so that the room can remember
//!   what this client lacks and send it as one update when the queue has drained;
//! - of presence only the newest state of each client waits;
//! - everything else (answers, errors, closes) is small and answers something the client itself sent.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use crate::protocol::frame::Frame;

/// One connection's queue; clones share it.
#[derive(Debug, Clone)]
pub struct Outbox(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    // A plain mutex: held for a few queue operations, never across an await.
    queue: Mutex<Queue>,
    ready: Notify,
    /// Told when a close was queued, or enough was written for the client to be heard again.
    changed: Notify,
    bytes_max: usize,
}

#[derive(Debug, Default)]
struct Queue {
    frames: VecDeque<Entry>,
    bytes: usize,
    /// Newest state per Yjs client, in the order in which they first came.
    presence: Vec<(u64, Frame)>,
    close: Option<Frame>,
    /// Set while updates are being thrown away; [`Batch::drained`] tells the writer to report.
    behind: bool,
    /// A close was queued: nothing is accepted after it.
    closed: bool,
}

#[derive(Debug)]
struct Entry {
    frame: Frame,
    is_update: bool,
}

/// Everything that was waiting, in the order in which it must be written.
#[derive(Debug, Default)]
pub struct Batch {
    /// Frames to write.
    pub frames: Vec<Frame>,
    /// The last of them is a close frame.
    pub ends: bool,
    /// Updates were thrown away before this batch; once it is written the room should catch this client up.
    pub drained: bool,
}

impl Outbox {
    /// An empty queue for at most `bytes_max` of document updates.
    pub fn new(bytes_max: usize) -> Self {
        Self(Arc::new(Shared {
            queue: Mutex::default(),
            ready: Notify::new(),
            changed: Notify::new(),
            bytes_max,
        }))
    }

    /// Queues an answer.
    pub fn send(&self, frame: Frame) {
        let mut queue = self.lock();
        if !queue.closed {
            queue.push(frame, false);
            self.0.ready.notify_one();
        }
    }

    /// Queues a message unless the connection is about to end, or so much waits already that it does not
    /// fit; a single one fits always. For senders that nobody else holds back.
    pub fn try_send(&self, frame: Frame) -> bool {
        let mut queue = self.lock();
        let fits = queue.bytes + frame.len() <= self.0.bytes_max || queue.frames.is_empty();
        if queue.closed || !fits {
            return false;
        }
        queue.push(frame, false);
        self.0.ready.notify_one();
        true
    }

    /// Queues a document update. If it does not fit, it and all waiting updates are thrown away and
    /// handed back; from then on, until [`Outbox::resume`], the caller keeps updates to itself.
    pub fn send_update(&self, frame: &Frame) -> Result<(), Vec<Frame>> {
        let mut queue = self.lock();
        if queue.closed {
            return Ok(());
        }
        if queue.bytes + frame.len() <= self.0.bytes_max || queue.frames.is_empty() {
            queue.push(frame.clone(), true);
            self.0.ready.notify_one();
            return Ok(());
        }
        let mut dropped = queue.remove_updates();
        dropped.push(frame.clone());
        queue.behind = true;
        self.0.ready.notify_one();
        Err(dropped)
    }

    /// Queues the one update that makes up for those thrown away.
    pub fn resume(&self, frame: Frame) {
        let mut queue = self.lock();
        queue.behind = false;
        if !queue.closed {
            queue.push(frame, true);
            self.0.ready.notify_one();
        }
    }

    /// Queues the newest state of one Yjs client; an older one that still waits is replaced.
    pub fn send_presence(&self, client: u64, frame: &Frame) {
        let mut queue = self.lock();
        if queue.closed {
            return;
        }
        match queue.presence.iter_mut().find(|(waiting, _)| *waiting == client) {
            Some((_, waiting)) => *waiting = frame.clone(),
            None => queue.presence.push((client, frame.clone())),
        }
        self.0.ready.notify_one();
    }

    /// Queues a close frame after everything that waits. The first close stands.
    pub fn close(&self, frame: Frame) {
        let mut queue = self.lock();
        if !queue.closed {
            queue.closed = true;
            queue.close = Some(frame);
            self.0.ready.notify_one();
            self.0.changed.notify_waiters();
        }
    }

    /// Throws everything away: the connection is gone.
    pub fn discard(&self) {
        let mut queue = self.lock();
        *queue = Queue { closed: true, ..Queue::default() };
        self.0.ready.notify_one();
        self.0.changed.notify_waiters();
    }

    /// Whether a close was queued or the connection is gone.
    pub fn is_closed(&self) -> bool {
        self.lock().closed
    }

    /// Bytes of frames that wait.
    pub fn bytes(&self) -> usize {
        self.lock().bytes
    }

    /// Waits until a close was queued or the connection is gone.
    pub async fn closed(&self) {
        self.wait(|queue| queue.closed).await;
    }

    /// Waits until so little is left to write that more may be read: a client that asks much and reads
    /// nothing is not answered into memory without end.
    pub async fn has_room(&self) {
        self.wait(|queue| queue.closed || queue.bytes < self.0.bytes_max).await;
    }

    async fn wait(&self, condition: impl Fn(&Queue) -> bool) {
        loop {
            let changed = self.0.changed.notified();
            if condition(&self.lock()) {
                return;
            }
            changed.await;
        }
    }

    /// Waits for something to write and takes all of it. An empty batch means that the connection is gone.
    pub async fn take(&self) -> Batch {
        loop {
            let ready = self.0.ready.notified();
            if let Some(batch) = self.try_take() {
                return batch;
            }
            ready.await;
        }
    }

    fn try_take(&self) -> Option<Batch> {
        let mut queue = self.lock();
        let gone = queue.closed && queue.close.is_none();
        if queue.frames.is_empty()
            && queue.presence.is_empty()
            && queue.close.is_none()
            && !queue.behind
            && !gone
        {
            return None;
        }
        let mut frames: Vec<Frame> =
            std::mem::take(&mut queue.frames).into_iter().map(|entry| entry.frame).collect();
        // After the updates: a caret may point into text that has just been written.
        frames.extend(std::mem::take(&mut queue.presence).into_iter().map(|(_, frame)| frame));
        queue.bytes = 0;
        let close = queue.close.take();
        let ends = close.is_some() || gone;
        frames.extend(close);
        let drained = std::mem::take(&mut queue.behind);
        self.0.changed.notify_waiters();
        Some(Batch { frames, ends, drained })
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        // The queue is whole between operations, so a panic elsewhere leaves nothing half done.
        self.0.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Queue {
    fn push(&mut self, frame: Frame, is_update: bool) {
        self.bytes += frame.len();
        self.frames.push_back(Entry { frame, is_update });
    }

    fn remove_updates(&mut self) -> Vec<Frame> {
        let (updates, others): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.frames).into_iter().partition(|entry| entry.is_update);
        self.frames = others.into();
        self.bytes = self.frames.iter().map(|entry| entry.frame.len()).sum();
        updates.into_iter().map(|entry| entry.frame).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(bytes: &[u8]) -> Frame {
        Frame::binary(&[bytes])
    }

    #[tokio::test]
    async fn updates_past_the_bound_come_back_and_answers_stay() {
        let outbox = Outbox::new(20);
        outbox.send_update(&frame(&[1; 8])).unwrap();
        outbox.send(frame(b"answer"));
        let dropped = outbox.send_update(&frame(&[2; 8])).unwrap_err();
        assert_eq!(dropped, [frame(&[1; 8]), frame(&[2; 8])]);
        let batch = outbox.take().await;
        assert_eq!(batch.frames, [frame(b"answer")]);
        assert!(batch.drained && !batch.ends);
        outbox.resume(frame(&[3; 100]));
        assert_eq!(outbox.take().await.frames, [frame(&[3; 100])]);
        assert_eq!(outbox.bytes(), 0);
    }

    #[tokio::test]
    async fn a_single_large_update_still_fits() {
        let outbox = Outbox::new(20);
        outbox.send_update(&frame(&[1; 100])).unwrap();
        assert_eq!(outbox.take().await.frames.len(), 1);
    }

    #[tokio::test]
    async fn of_presence_the_newest_waits_behind_the_updates() {
        let outbox = Outbox::new(1_000);
        outbox.send_presence(1, &frame(b"old"));
        outbox.send_update(&frame(b"text")).unwrap();
        outbox.send_presence(2, &frame(b"other"));
        outbox.send_presence(1, &frame(b"new"));
        assert_eq!(outbox.take().await.frames, [frame(b"text"), frame(b"new"), frame(b"other")]);
    }

    #[tokio::test]
    async fn the_first_close_stands_and_ends_the_queue() {
        let outbox = Outbox::new(1_000);
        outbox.send(frame(b"before"));
        outbox.close(Frame::close(4001, "first"));
        outbox.close(Frame::close(4503, "second"));
        outbox.send(frame(b"after"));
        let batch = outbox.take().await;
        assert!(batch.ends);
        assert_eq!(batch.frames, [frame(b"before"), Frame::close(4001, "first")]);
        assert!(outbox.take().await.frames.is_empty());
    }
}
