//! What waits to be written to one client.
//!
//! The room puts frames in, the connection's writer takes all of them at once. The queue is bounded in
//! bytes, and a reader that is too slow for it costs nobody else anything:
//!
//! - document updates past the bound are thrown away and handed back, so that the room can remember
//!   what this client lacks and send it as one update when the queue has drained;
//! - of presence only the newest state of each client waits;
//! - everything else (answers, errors, closes) is small and answers something the client itself sent; while the
//!   queue is full the room keeps the answers that are large.

use std::future::poll_fn;
use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use crate::protocol::frame::Frame;

/// A list that has grown beyond this is not kept for the next batch.
const SPARE_FRAMES_MAX: usize = 64;

/// One connection's queue; clones share it.
#[derive(Debug, Clone)]
pub struct Outbox(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    // A plain mutex: held for a few queue operations, never across an await.
    queue: Mutex<Queue>,
    bytes_max: usize,
}

#[derive(Debug, Default)]
struct Queue {
    frames: Vec<Frame>,
    /// Which of them are document updates.
    is_update: Vec<bool>,
    bytes: usize,
    /// Newest state per Yjs client, in the order in which they first came.
    presence: Vec<(u64, Frame)>,
    close: Option<Frame>,
    /// Set while updates are being thrown away; [`Batch::drained`] tells the writer to report.
    behind: bool,
    /// A close was queued: nothing is accepted after it.
    closed: bool,
    /// The connection's writer, while it waits for something to write.
    writer: Option<Waker>,
    /// The connection's reader, to be told of a close.
    reader: Option<Waker>,
    /// The reader waits until enough was written.
    reader_waits: bool,
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

/// Whether a connection's reader may go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reading {
    /// It may.
    Free,
    /// Not before more was written: a client that asks much and reads nothing is not answered into memory
    /// without end.
    Held,
    /// A close was queued, or the connection is gone.
    Closed,
}

impl Outbox {
    /// An empty queue for at most `bytes_max` of document updates.
    pub fn new(bytes_max: usize) -> Self {
        Self(Arc::new(Shared { queue: Mutex::default(), bytes_max }))
    }

    /// Queues an answer.
    pub fn send(&self, frame: Frame) {
        self.change(|queue| {
            if !queue.closed {
                queue.push(frame, false);
            }
        });
    }

    /// Queues a message unless the connection is about to end, or so much waits already that it does not
    /// fit; a single one fits always. For senders that nobody else holds back.
    pub fn try_send(&self, frame: Frame) -> bool {
        self.change(|queue| {
            let fits = !queue.closed && queue.has_room_for(&frame, self.0.bytes_max);
            if fits {
                queue.push(frame, false);
            }
            fits
        })
    }

    /// Queues what has happened in the room: document updates, and presence states with the Yjs clients that
    /// they are of. An older state of the same one that still waits is replaced.
    ///
    /// If the updates do not fit, they and all that wait are thrown away and handed back; from then on,
    /// until [`Outbox::resume`], the caller keeps updates to itself.
    pub fn tell<'a>(
        &self,
        mut updates: impl Iterator<Item = &'a Frame>,
        presence: impl Iterator<Item = (u64, &'a Frame)>,
    ) -> Result<(), Vec<Frame>> {
        self.change(|queue| {
            if queue.closed {
                return Ok(());
            }
            for (client, frame) in presence {
                queue.show(client, frame);
            }
            while let Some(frame) = updates.next() {
                if queue.has_room_for(frame, self.0.bytes_max) {
                    queue.push(frame.clone(), true);
                    continue;
                }
                let mut dropped = queue.remove_updates();
                dropped.push(frame.clone());
                dropped.extend(updates.cloned());
                queue.behind = true;
                return Err(dropped);
            }
            Ok(())
        })
    }

    /// Queues the one update that makes up for those thrown away.
    pub fn resume(&self, frame: Frame) {
        self.change(|queue| {
            queue.behind = false;
            if !queue.closed {
                queue.push(frame, true);
            }
        });
    }

    /// Queues a close frame after everything that waits. The first close stands.
    pub fn close(&self, frame: Frame) {
        self.change(|queue| {
            if !queue.closed {
                queue.closed = true;
                queue.close = Some(frame);
            }
        });
    }

    /// Throws everything away: the connection is gone.
    pub fn discard(&self) {
        self.change(|queue| {
            let (writer, reader) = (queue.writer.take(), queue.reader.take());
            *queue = Queue { closed: true, writer, reader, ..Queue::default() };
        });
    }

    /// Whether so much waits already that answers should wait as well. Then the writer reports when all of it is
    /// written.
    pub fn is_held_up(&self) -> bool {
        self.change(|queue| {
            let is_held_up = queue.bytes >= self.0.bytes_max;
            queue.behind |= is_held_up;
            is_held_up
        })
    }

    /// Whether a close was queued or the connection is gone.
    pub fn is_closed(&self) -> bool {
        self.lock().closed
    }

    /// Bytes of frames that wait.
    pub fn bytes(&self) -> usize {
        self.lock().bytes
    }

    /// How many document updates wait, and their bytes.
    #[cfg(test)]
    pub(super) fn waiting_updates(&self) -> (usize, usize) {
        let queue = self.lock();
        let updates = queue.frames.iter().zip(&queue.is_update).filter(|(_, is_update)| **is_update);
        updates.fold((0, 0), |(count, bytes), (frame, _)| (count + 1, bytes + frame.len()))
    }

    /// How many bytes of document updates may wait.
    #[cfg(test)]
    pub(super) fn bytes_max(&self) -> usize {
        self.0.bytes_max
    }

    /// For the connection's one reader, which is woken when the answer changes.
    pub fn poll_reading(&self, cx: &mut Context<'_>) -> Reading {
        let mut queue = self.lock();
        if queue.closed {
            return Reading::Closed;
        }
        keep(&mut queue.reader, cx);
        queue.reader_waits = queue.bytes >= self.0.bytes_max;
        if queue.reader_waits { Reading::Held } else { Reading::Free }
    }

    /// Waits for something to write and takes all of it. An empty batch means that the connection is gone.
    pub async fn take(&self) -> Batch {
        let mut batch = Batch::default();
        self.take_into(&mut batch).await;
        batch
    }

    /// Like [`Outbox::take`], for the connection's one writer: uses the memory of the last batch again.
    pub async fn take_into(&self, batch: &mut Batch) {
        poll_fn(|cx| self.poll_take(cx, batch)).await;
    }

    fn poll_take(&self, cx: &mut Context<'_>, batch: &mut Batch) -> Poll<()> {
        let mut queue = self.lock();
        if !queue.has_work() {
            keep(&mut queue.writer, cx);
            return Poll::Pending;
        }
        batch.frames.clear();
        batch.frames.shrink_to(SPARE_FRAMES_MAX);
        mem::swap(&mut batch.frames, &mut queue.frames);
        // After the updates: a caret may point into text that has just been written.
        batch.frames.extend(queue.presence.drain(..).map(|(_, frame)| frame));
        queue.presence.shrink_to(SPARE_FRAMES_MAX);
        queue.is_update.clear();
        queue.is_update.shrink_to(SPARE_FRAMES_MAX);
        queue.bytes = 0;
        let close = queue.close.take();
        batch.ends = close.is_some() || queue.closed;
        batch.frames.extend(close);
        batch.drained = mem::take(&mut queue.behind);
        let reader = if queue.reader_waits { queue.reader.take() } else { None };
        drop(queue);
        if let Some(reader) = reader {
            reader.wake();
        }
        Poll::Ready(())
    }

    /// Changes the queue, and wakes whom that concerns once it is unlocked.
    fn change<T>(&self, change: impl FnOnce(&mut Queue) -> T) -> T {
        let mut queue = self.lock();
        let result = change(&mut queue);
        let writer = if queue.has_work() { queue.writer.take() } else { None };
        let reader = if queue.closed { queue.reader.take() } else { None };
        drop(queue);
        for waker in [writer, reader].into_iter().flatten() {
            waker.wake();
        }
        result
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        // The queue is whole between operations, so a panic elsewhere leaves nothing half done.
        self.0.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Queue {
    fn has_work(&self) -> bool {
        !self.frames.is_empty() || !self.presence.is_empty() || self.closed || self.behind
    }

    fn has_room_for(&self, frame: &Frame, bytes_max: usize) -> bool {
        self.bytes + frame.len() <= bytes_max || self.frames.is_empty()
    }

    fn push(&mut self, frame: Frame, is_update: bool) {
        self.bytes += frame.len();
        self.frames.push(frame);
        self.is_update.push(is_update);
    }

    fn show(&mut self, client: u64, frame: &Frame) {
        match self.presence.iter_mut().find(|(waiting, _)| *waiting == client) {
            Some((_, waiting)) => *waiting = frame.clone(),
            None => self.presence.push((client, frame.clone())),
        }
    }

    fn remove_updates(&mut self) -> Vec<Frame> {
        let is_update = mem::take(&mut self.is_update);
        let (mut updates, mut others) = (Vec::new(), Vec::new());
        for (frame, is_update) in mem::take(&mut self.frames).into_iter().zip(is_update) {
            if is_update { &mut updates } else { &mut others }.push(frame);
        }
        self.is_update = vec![false; others.len()];
        self.bytes = others.iter().map(Frame::len).sum();
        self.frames = others;
        updates
    }
}

/// Notes who is to be woken.
fn keep(waker: &mut Option<Waker>, cx: &Context<'_>) {
    match waker {
        Some(waker) => waker.clone_from(cx.waker()),
        None => *waker = Some(cx.waker().clone()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(bytes: &[u8]) -> Frame {
        Frame::binary(&[bytes])
    }

    fn update(outbox: &Outbox, frames: &[Frame]) -> Result<(), Vec<Frame>> {
        outbox.tell(frames.iter(), std::iter::empty())
    }

    fn show(outbox: &Outbox, client: u64, bytes: &[u8]) {
        outbox.tell(std::iter::empty(), std::iter::once((client, &frame(bytes)))).unwrap();
    }

    #[tokio::test]
    async fn updates_past_the_bound_come_back_and_answers_stay() {
        let outbox = Outbox::new(20);
        update(&outbox, &[frame(&[1; 8])]).unwrap();
        outbox.send(frame(b"answer"));
        let dropped = update(&outbox, &[frame(&[2; 8]), frame(&[3; 2])]).unwrap_err();
        assert_eq!(dropped, [frame(&[1; 8]), frame(&[2; 8]), frame(&[3; 2])]);
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
        update(&outbox, &[frame(&[1; 100])]).unwrap();
        assert_eq!(outbox.take().await.frames.len(), 1);
    }

    #[tokio::test]
    async fn of_presence_the_newest_waits_behind_the_updates() {
        let outbox = Outbox::new(1_000);
        show(&outbox, 1, b"old");
        update(&outbox, &[frame(b"text")]).unwrap();
        show(&outbox, 2, b"other");
        show(&outbox, 1, b"new");
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

    #[tokio::test]
    async fn a_reader_waits_while_too_much_is_to_be_written_and_hears_of_the_end() {
        let outbox = Outbox::new(20);
        let reading = |outbox: &Outbox| {
            let outbox = outbox.clone();
            poll_fn(move |cx| Poll::Ready(outbox.poll_reading(cx)))
        };
        outbox.send(frame(&[1; 8]));
        assert_eq!(reading(&outbox).await, Reading::Free);
        outbox.send(frame(&[1; 18]));
        assert_eq!(reading(&outbox).await, Reading::Held);
        let waiting = outbox.clone();
        let free = tokio::spawn(poll_fn(move |cx| match waiting.poll_reading(cx) {
            Reading::Held => Poll::Pending,
            other => Poll::Ready(other),
        }));
        tokio::task::yield_now().await;
        outbox.take().await;
        assert_eq!(free.await.unwrap(), Reading::Free);
        let waiting = outbox.clone();
        let closed = tokio::spawn(poll_fn(move |cx| match waiting.poll_reading(cx) {
            Reading::Closed => Poll::Ready(()),
            _ => Poll::Pending,
        }));
        tokio::task::yield_now().await;
        outbox.discard();
        closed.await.unwrap();
    }
}
