//! One client, from its upgrade to its end.
//!
//! Until it is let in, nothing more than its first frame is read: what it sends meanwhile waits in the
//! socket. Then two tasks serve it: this one reads, the [`writer`] writes, and the room talks to both.

use std::future::poll_fn;
use std::net::IpAddr;
use std::sync::Arc;
use std::task::{self, Poll};
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tracing::{debug, error, info, warn};

use super::Context;
use super::admission::{Admitted, Candidate};
use super::entering::EnteringPlace;
use super::intake::{Abuse, Intake};
use super::request::ClientRequest;
use super::socket::{Incoming, Rules, Socket};
use super::writer::{self, RoomLine, Sink};
use crate::error::{Code, RealtimeError};
use crate::ids::{ClientId, RoomId};
use crate::metrics::Metrics;
use crate::protocol::control::{self, ClientText, Level};
use crate::room::outbox::{Outbox, Reading};
use crate::room::sessions::Session;

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
    /// Messages may be compressed.
    pub(super) deflate: bool,
    /// Its place among the connections that have not joined yet.
    pub(super) entering: Arc<EnteringPlace>,
}

/// Serves a client until it is gone.
pub(super) fn serve(upgraded: Upgraded, context: Arc<Context>) -> impl Future<Output = ()> {
    // In boxes, so that what it takes to let a client in, or to let it go, is not kept while it is there: an
    // idle connection is little more than its place in the loop of `Reader::run`.
    let opening = Box::pin(open(upgraded, context));
    async move {
        let mut connection = opening.await;
        if let Some(admitted) = connection.admitted.take() {
            let reason = Reader::new(&mut connection, &admitted).run().await;
            admitted.session.take_off_list();
            // What it sent before its end still counts; the room hears of the end last.
            Box::pin(admitted.destination.left(connection.client, reason)).await;
        }
        Box::pin(connection.hang_up()).await;
    }
}

/// One client's socket, and what is written to it.
struct Connection {
    client: ClientId,
    outbox: Outbox,
    socket: Socket,
    writer: JoinHandle<()>,
    context: Arc<Context>,
    /// Its place in a room. Without one there is nothing left to do but to hang up.
    admitted: Option<Admitted>,
    /// Who is not let in stays among those on their way in, until it has hung up.
    _entering: Option<Arc<EnteringPlace>>,
}

/// Lets a client in, or not.
async fn open(upgraded: Upgraded, context: Arc<Context>) -> Box<Connection> {
    let Upgraded { stream, head, request, ip, deflate, entering } = upgraded;
    let limits = &context.config.limits;
    let client = ClientId::random();
    let outbox = Outbox::new(limits.waiting_bytes_per_client_max);
    let line = Arc::new(RoomLine::new());
    let (read, write) = stream.into_split();
    let metrics = Arc::clone(&context.metrics);
    let sink = Sink { socket: write, deflate, metrics };
    let writer = tokio::spawn(writer::run(sink, outbox.clone(), client, Arc::clone(&line)));
    let rules = Rules { bytes_max: limits.frame_bytes_max, deflate };
    let mut socket = Socket::new(read, &head, outbox.clone(), rules);
    context.metrics.connections.add(1);

    let candidate = Candidate { request: &request, ip, client, outbox: &outbox, context: &context };
    let admitted = candidate.admit(&mut socket).await;
    let admitted = admitted.unwrap_or_else(|error| {
        context.metrics.refusals.add(1);
        candidate.refuse(&error);
        None
    });
    let entering = match admitted {
        Some(_) => {
            socket.admit();
            None
        }
        None => Some(entering),
    };
    // Without one the client is gone, or a close frame that says why is on its way out.
    if let Some(room) = admitted.as_ref().and_then(|admitted| admitted.destination.room()) {
        let _ = line.set(room.clone());
    }
    Box::new(Connection { client, outbox, socket, writer, context, admitted, _entering: entering })
}

impl Connection {
    /// What comes next from the client, as long as it reads what it is sent; `None` if the server has closed.
    fn poll_next(&mut self, cx: &mut task::Context<'_>) -> Poll<Option<Incoming>> {
        match self.outbox.poll_reading(cx) {
            Reading::Closed => Poll::Ready(None),
            Reading::Held => Poll::Pending,
            Reading::Free => self.socket.poll_next(cx).map(Some),
        }
    }

    /// Gives the peer a moment to read what was queued and to answer the close, then lets go of it.
    async fn hang_up(mut self: Box<Self>) {
        let Self { socket, writer, outbox, .. } = &mut *self;
        let farewell = async { tokio::join!(socket.hang_up(), &mut *writer) };
        if timeout(CLOSE_TIMEOUT, farewell).await.is_err() {
            outbox.discard();
            writer.abort();
        }
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
    connection: &'a mut Connection,
    admitted: &'a Admitted,
    intake: Intake,
}

impl<'a> Reader<'a> {
    fn new(connection: &'a mut Connection, admitted: &'a Admitted) -> Self {
        let speaks_yjs = admitted.destination.is_record();
        let intake = Intake::new(&connection.context.config.rate_limiting, speaks_yjs, Instant::now());
        Self { connection, admitted, intake }
    }

    /// Reads until the connection ends, and says why it did.
    async fn run(&mut self) -> &'static str {
        let reason = loop {
            let held_until = self.intake.held_until();
            let incoming = tokio::select! {
                biased;
                incoming = poll_fn(|cx| self.connection.poll_next(cx)) => match incoming {
                    Some(incoming) => Some(incoming),
                    None => {
                        let _ = Box::pin(timeout(LAST_WORDS_MAX, self.take_last_words())).await;
                        break "closed_by_server";
                    }
                },
                () = sleep_until(held_until), if held_until.is_some() => None,
            };
            if let Some(incoming) = incoming
                && let Some(reason) = self.take_all(incoming).await
            {
                break reason;
            }
            if let Some(frames) = self.intake.due(Instant::now())
                && !self.forward(frames).await
            {
                // It has closed this client already, unless it ended in a panic.
                let error = RealtimeError::new(Code::Internal, "the room failed and will be loaded again");
                self.connection.outbox.close(control::close(&error));
                break "room_gone";
            }
        };
        // Frames that were held back were sent before the end; only a revoked client's no longer count.
        if let Some(frames) = self.intake.flush() {
            self.forward(frames).await;
        }
        reason
    }

    /// What a client sent before it heard of our close still counts, unless its session was revoked.
    async fn take_last_words(&mut self) {
        while !self.session().is_revoked() {
            let incoming = self.connection.socket.next().await;
            if self.take_all(incoming).await.is_some() {
                return;
            }
            if let Some(frames) = self.intake.flush()
                && !self.forward(frames).await
            {
                return;
            }
        }
    }

    /// Takes a message and those behind it that are already here.
    async fn take_all(&mut self, first: Incoming) -> Option<&'static str> {
        let mut next = Some(first);
        let now = Instant::now();
        self.session().heard(now);
        while let Some(incoming) = next {
            match self.take(incoming, now).await {
                Ok(None) => {}
                Ok(Some(reason)) => return Some(reason),
                Err(Abuse) => return Some(self.close_for_abuse()),
            }
            next = if self.intake.is_full() { None } else { self.connection.socket.ready() };
        }
        None
    }

    async fn take(
        &mut self,
        incoming: Incoming,
        now: Instant,
    ) -> std::result::Result<Option<&'static str>, Abuse> {
        let warn = match incoming {
            Incoming::Binary(frame) => {
                self.count(frame.len());
                self.intake.take(frame, now)?
            }
            Incoming::Text(text) => Box::pin(self.take_text(text, now)).await?,
            Incoming::SignOfLife => self.intake.count_text(0, false, now)?,
            Incoming::Closed => return Ok(Some("closed")),
            Incoming::Violation(problem) => {
                self.metrics().protocol_errors.add(1);
                warn!(
                    operation = "realtime:client:protocol", client = %self.connection.client,
                    room = %self.session().room, "the client broke the WebSocket protocol: {problem}"
                );
                return Ok(Some("protocol_error"));
            }
        };
        if warn && self.session().reads_text() {
            self.connection.outbox.send(control::notice(Level::Warning, "Rate limit approaching"));
        }
        Ok(None)
    }

    async fn take_text(&mut self, text: String, now: Instant) -> std::result::Result<bool, Abuse> {
        self.count(text.len());
        let counted = match ClientText::decode(&text) {
            Ok(ClientText::Ping) => false,
            // As with binary presence, which is told to everybody but newest only.
            Ok(ClientText::Presence) => !self.admitted.destination.is_record(),
            _ => true,
        };
        let warn = self.intake.count_text(text.len(), counted, now)?;
        if let Some(frames) = self.intake.flush() {
            self.forward(frames).await;
        }
        self.admitted.destination.text(self.connection.client, text).await;
        Ok(warn)
    }

    fn count(&self, bytes: usize) {
        debug!(
            operation = "realtime:client:message", client = %self.connection.client,
            room = %self.session().room, bytes, "message received"
        );
        self.metrics().messages_in.add(1);
        self.metrics().bytes_in.add(bytes as u64);
    }

    fn close_for_abuse(&self) -> &'static str {
        self.metrics().rate_limit_closes.add(1);
        warn!(
            operation = "realtime:client:rate", client = %self.connection.client, room = %self.session().room,
            "closed for going far beyond the message limit"
        );
        let error = RealtimeError::new(Code::RateLimitExceeded, "far too many messages");
        self.connection.outbox.close(control::close(&error));
        "rate_limit"
    }

    fn session(&self) -> &Session {
        self.admitted.session.session()
    }

    fn metrics(&self) -> &Metrics {
        &self.connection.context.metrics
    }

    /// False if the room is gone; it has closed this client, or is about to.
    async fn forward(&self, frames: Vec<Bytes>) -> bool {
        self.admitted.destination.frames(self.connection.client, frames).await
    }
}

async fn sleep_until(at: Option<Instant>) {
    if let Some(at) = at {
        Box::pin(tokio::time::sleep_until(at.into())).await;
    }
}
