//! One client, from its upgrade to its end.
//!
//! Until it is let in, nothing more than its first frame is read: what it sends meanwhile waits in the
//! socket. Then two tasks serve it: this one reads, the [`writer`] writes, and the room talks to both.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::net::TcpStream;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::timeout;
use tracing::{debug, error, info, warn};

use super::Context;
use super::admission::{Admitted, Candidate};
use super::intake::{Abuse, Intake};
use super::request::ClientRequest;
use super::socket::{Incoming, Socket};
use super::writer::{self, RoomLine};
use crate::error::{Code, RealtimeError};
use crate::ids::{ClientId, RoomId};
use crate::protocol::control::{self, ClientText, Level};
use crate::room::outbox::Outbox;

/// How long a peer may take to answer a close frame, and to read what was queued before it.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);

/// How long a client that was sent away may take to finish what it is saying: until its own close comes.
const LAST_WORDS_MAX: Duration = Duration::from_secs(1);

/// An upgraded connection.
pub(super) struct Upgraded {
    pub(super) stream: TcpStream,
    /// What was read behind the upgrade request.
    pub(super) head: Bytes,
    pub(super) request: ClientRequest,
    pub(super) ip: IpAddr,
    /// Its place among the connections that have not joined yet.
    pub(super) entering: Arc<OwnedSemaphorePermit>,
}

/// Serves a client until it is gone.
pub(super) async fn serve(upgraded: Upgraded, context: Arc<Context>) {
    let Upgraded { stream, head, request, ip, entering } = upgraded;
    let limits = &context.config.limits;
    let client = ClientId::random();
    let outbox = Outbox::new(limits.waiting_bytes_per_client_max);
    let line = Arc::new(RoomLine::new());
    let (read, write) = stream.into_split();
    let metrics = Arc::clone(&context.metrics);
    let mut writer =
        tokio::spawn(writer::run(write, outbox.clone(), client, Arc::clone(&line), Arc::clone(&metrics)));
    let mut socket = Socket::new(read, head, outbox.clone(), limits.frame_bytes_max);
    metrics.connections.add(1);

    let candidate = Candidate { request: &request, ip, client, outbox: &outbox, context: &context };
    let admitted = candidate.admit(&mut socket).await;
    drop(entering);
    match admitted {
        Ok(Some(admitted)) => {
            if let Some(room) = admitted.destination.room() {
                let _ = line.set(room.clone());
            }
            let mut reader = Reader { client, outbox: outbox.clone(), socket, admitted, context: &context };
            let reason = reader.run().await;
            // What it sent before its end still counts; the room hears of the end last.
            reader.admitted.destination.left(client, reason).await;
            socket = reader.socket;
        }
        // The client is gone, or a close frame that says what it did wrong is on its way out.
        Ok(None) => {}
        Err(error) => {
            metrics.refusals.add(1);
            candidate.refuse(&error);
        }
    }
    // Give the peer a moment to read what was queued and to answer the close, then let go of it.
    let farewell = async { tokio::join!(socket.hang_up(), &mut writer) };
    if timeout(CLOSE_TIMEOUT, farewell).await.is_err() {
        outbox.discard();
        writer.abort();
    }
}

impl Candidate<'_> {
    fn refuse(&self, error: &RealtimeError) {
        let id = crate::ids::correlation_id();
        self.log_refusal(error, &id);
        let error = error.clone().with("correlationId", id);
        if self.reads_text() {
            self.outbox.send(control::error(&error));
        }
        self.outbox.close(control::close(&error));
    }

    /// As serious as it is for those who run the server.
    fn log_refusal(&self, error: &RealtimeError, id: &str) {
        let room = self.request.room.as_ref().map(RoomId::as_str).unwrap_or("-");
        macro_rules! line {
            ($level:ident) => {
                $level!(
                    operation = "realtime:client:refused", client = %self.client, room, ip = %self.ip,
                    code = %error.code, correlationId = id, "connection refused: {}", error.message
                )
            };
        }
        match error.code {
            Code::ServerShutdown => line!(info),
            Code::AuthFailed => line!(error),
            Code::ConnectionLimitExceeded => line!(warn),
            code if code.status() >= 500 => line!(error),
            _ => line!(info),
        }
    }
}

/// Reads what a client in a room sends.
struct Reader<'a> {
    client: ClientId,
    outbox: Outbox,
    socket: Socket,
    admitted: Admitted,
    context: &'a Context,
}

impl Reader<'_> {
    /// Reads until the connection ends, and says why it did.
    async fn run(&mut self) -> &'static str {
        let speaks_yjs = self.admitted.destination.is_record();
        let mut intake = Intake::new(&self.context.config.rate_limiting, speaks_yjs, Instant::now());
        let reason = loop {
            let outbox = self.outbox.clone();
            let held_until = intake.held_until();
            let incoming = tokio::select! {
                biased;
                () = outbox.closed() => {
                    let _ = timeout(LAST_WORDS_MAX, self.take_last_words(&mut intake)).await;
                    break "closed_by_server";
                }
                incoming = self.next_when_there_is_room() => Some(incoming),
                () = sleep_until(held_until), if held_until.is_some() => None,
            };
            if let Some(incoming) = incoming
                && let Some(reason) = self.take_all(incoming, &mut intake).await
            {
                break reason;
            }
            if let Some(frames) = intake.due(Instant::now())
                && !self.forward(frames).await
            {
                // It has closed this client already, unless it ended in a panic.
                let error = RealtimeError::new(Code::Internal, "the room failed and will be loaded again");
                self.outbox.close(control::close(&error));
                break "room_gone";
            }
        };
        // Frames that were held back were sent before the end; only a revoked client's no longer count.
        if let Some(frames) = intake.flush() {
            self.forward(frames).await;
        }
        reason
    }

    /// What a client sent before it heard of our close still counts, unless its session was revoked.
    async fn take_last_words(&mut self, intake: &mut Intake) {
        while !self.admitted.session.session().is_revoked() {
            let incoming = self.socket.next().await;
            if self.take_all(incoming, intake).await.is_some() {
                return;
            }
            if let Some(frames) = intake.flush()
                && !self.forward(frames).await
            {
                return;
            }
        }
    }

    async fn next_when_there_is_room(&mut self) -> Incoming {
        self.outbox.has_room().await;
        self.socket.next().await
    }

    /// Takes a message and those behind it that are already here.
    async fn take_all(&mut self, first: Incoming, intake: &mut Intake) -> Option<&'static str> {
        let mut next = Some(first);
        let now = Instant::now();
        self.admitted.session.session().heard(now);
        while let Some(incoming) = next {
            match self.take(incoming, intake, now).await {
                Ok(None) => {}
                Ok(Some(reason)) => return Some(reason),
                Err(Abuse) => return Some(self.close_for_abuse()),
            }
            next = if intake.is_full() { None } else { self.socket.ready() };
        }
        None
    }

    async fn take(
        &mut self,
        incoming: Incoming,
        intake: &mut Intake,
        now: Instant,
    ) -> std::result::Result<Option<&'static str>, Abuse> {
        let warn = match incoming {
            Incoming::Binary(frame) => {
                self.count(frame.len());
                intake.take(frame, now)?
            }
            Incoming::Text(text) => {
                self.count(text.len());
                let counted = match ClientText::decode(&text) {
                    Ok(ClientText::Ping) => false,
                    // As with binary presence, which is told to everybody but newest only.
                    Ok(ClientText::Presence) => !self.admitted.destination.is_record(),
                    _ => true,
                };
                let warn = intake.count_text(text.len(), counted, now)?;
                if let Some(frames) = intake.flush() {
                    self.forward(frames).await;
                }
                self.admitted.destination.text(self.client, text).await;
                warn
            }
            Incoming::SignOfLife => intake.count_text(0, false, now)?,
            Incoming::Closed => return Ok(Some("closed")),
            Incoming::Violation(problem) => {
                self.context.metrics.protocol_errors.add(1);
                warn!(
                    operation = "realtime:client:protocol", client = %self.client, room = %self.room(),
                    "the client broke the WebSocket protocol: {problem}"
                );
                return Ok(Some("protocol_error"));
            }
        };
        if warn && self.admitted.session.session().reads_text() {
            self.outbox.send(control::notice(Level::Warning, "Rate limit approaching"));
        }
        Ok(None)
    }

    fn count(&self, bytes: usize) {
        debug!(
            operation = "realtime:client:message", client = %self.client, room = %self.room(), bytes,
            "message received"
        );
        self.context.metrics.messages_in.add(1);
        self.context.metrics.bytes_in.add(bytes as u64);
    }

    fn close_for_abuse(&self) -> &'static str {
        self.context.metrics.rate_limit_closes.add(1);
        warn!(
            operation = "realtime:client:rate", client = %self.client, room = %self.room(),
            "closed for going far beyond the message limit"
        );
        let error = RealtimeError::new(Code::RateLimitExceeded, "far too many messages");
        self.outbox.close(control::close(&error));
        "rate_limit"
    }

    fn room(&self) -> &RoomId {
        &self.admitted.session.session().room
    }

    /// False if the room is gone; it has closed this client, or is about to.
    async fn forward(&self, frames: Vec<Bytes>) -> bool {
        self.admitted.destination.frames(self.client, frames).await
    }
}

async fn sleep_until(at: Option<Instant>) {
    if let Some(at) = at {
        tokio::time::sleep_until(at.into()).await;
    }
}
