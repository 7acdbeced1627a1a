//! The door: who is let in, and where to. Order of checks: the room's type is known, the session is
//! valid, the record exists and may be viewed, the limits allow it, the room lets it in.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use bytes::Bytes;
use serde_json::json;
use tokio::sync::oneshot;
use tokio::time::timeout;
use tracing::warn;

use super::Context;
use super::destination::{Custom, Destination};
use super::request::ClientRequest;
use super::socket::{Incoming, Socket};
use crate::config::{Config, WithoutEdit};
use crate::error::{Code, RealtimeError, Result};
use crate::host::{Authorization, AuthorizeRequest, Token, User};
use crate::ids::{ClientId, RECORDS, RoomId, UserId};
use crate::limits::ConnectionPermit;
use crate::protocol::{self, control};
use crate::room::messages::{Join, Message};
use crate::room::outbox::Outbox;
use crate::room::registry::Inbox;
use crate::room::sessions::{Session, SessionEntry};
use crate::room::state::Member;
use crate::room_type::{ConnectRequest, Peer, RoomType};

/// The largest first frame that the join itself answers.
const FIRST_FRAME_BYTES_MAX: usize = 64 * 1024;

/// A client that was let in.
pub(super) struct Admitted {
    pub(super) destination: Destination,
    pub(super) session: SessionEntry,
    pub(super) _permit: ConnectionPermit,
}

/// Somebody at the door.
pub(super) struct Candidate<'a> {
    pub(super) request: &'a ClientRequest,
    pub(super) ip: IpAddr,
    pub(super) client: ClientId,
    pub(super) outbox: &'a Outbox,
    pub(super) context: &'a Arc<Context>,
}

impl Candidate<'_> {
    /// Makes all checks and joins the room. `None` if the client went away meanwhile.
    pub(super) async fn admit(&self, socket: &mut Socket) -> Result<Option<Admitted>> {
        let room = self.request.room.as_ref().map_err(RealtimeError::from)?;
        if room.room_type() == RECORDS {
            return self.admit_to_record(room, socket).await;
        }
        match self.context.room_types.get(room.room_type()) {
            Some(room_type) => self.admit_to_custom(room, room_type).await.map(Some),
            None => {
                let known = self.context.room_types.names().join(", ");
                let message =
                    format!("there are no rooms of the type {:?}; known: {known}", room.room_type());
                Err(RealtimeError::new(Code::RoomTypeNotRegistered, message))
            }
        }
    }

    async fn admit_to_record(&self, room: &RoomId, socket: &mut Socket) -> Result<Option<Admitted>> {
        let asked_at = Instant::now();
        let Some((authorization, first)) = self.authorize_beside(room, socket).await? else {
            return Ok(None);
        };
        let read_only = judge(&self.context.config, room, &authorization)?;
        let permit = self.context.counters.admit(self.ip, &authorization.user.id)?;
        let says_hello = matches!(&first, Some(Incoming::Text(text)) if protocol::json::is_hello(text));
        let member = Member {
            user: authorization.user,
            read_only,
            reads_text: self.request.reads_text || says_hello,
            speaks_json: self.request.speaks_json || says_hello,
            ack: self.request.ack,
        };
        let session = self
            .session(room, member.user.id.clone(), member.reads_text)
            .authorized(self.request.token.clone(), read_only);
        let session = self.context.sessions.enter(session, asked_at)?;
        let (binary, later) = match first {
            Some(Incoming::Binary(frame)) if frame.len() <= FIRST_FRAME_BYTES_MAX => (Some(frame), None),
            Some(Incoming::Binary(frame)) => (None, Some(Message::Frames(self.client, vec![frame]))),
            // A hello is answered by the join itself.
            Some(Incoming::Text(text)) if !says_hello => (None, Some(Message::Text(self.client, text))),
            _ => (None, None),
        };
        let inbox = self.join(room, member, session.session(), binary).await?;
        if let Some(message) = later {
            // A room that is gone has closed this client.
            let _ = inbox.send(message).await;
        }
        Ok(Some(Admitted { destination: Destination::Record(inbox), session, _permit: permit }))
    }

    /// Asks the host, and reads the client's first frame meanwhile: a stock client sends its state vector at
    /// once, which lets one step 2 answer both it and the join. `None` if the client went away.
    async fn authorize_beside(
        &self,
        room: &RoomId,
        socket: &mut Socket,
    ) -> Result<Option<(Authorization, Option<Incoming>)>> {
        let check = self.authorize(room);
        tokio::pin!(check);
        tokio::select! {
            biased;
            answer = &mut check => Ok(Some((answer?, None))),
            incoming = socket.next() => match incoming {
                Incoming::Closed | Incoming::Violation(_) => Ok(None),
                first => Ok(Some((check.await?, Some(first)))),
            }
        }
    }

    async fn join(
        &self,
        room: &RoomId,
        member: Member,
        session: &Arc<Session>,
        first: Option<Bytes>,
    ) -> Result<Inbox> {
        let (reply, joined) = oneshot::channel();
        let join = Join {
            client: self.client,
            member,
            outbox: self.outbox.clone(),
            session: Arc::clone(session),
            first,
            arrival: None,
            reply,
        };
        let inbox = tokio::select! {
            inbox = self.context.rooms.join(room, join) => inbox?,
            () = self.context.stopping.cancelled() => return Err(shutting_down()),
        };
        joined.await.unwrap_or_else(|_| {
            Err(RealtimeError::new(Code::Internal, "the room ended while the client joined"))
        })?;
        Ok(inbox)
    }

    async fn admit_to_custom(&self, room: &RoomId, room_type: Arc<dyn RoomType>) -> Result<Admitted> {
        let asked_at = Instant::now();
        self.refuse_token_in_url(room)?;
        let checked = if room_type.authenticates() {
            None
        } else {
            let authorization = self.authorize(room).await?;
            judge(&self.context.config, room, &authorization)?;
            Some(authorization.user)
        };
        let was_checked = checked.is_some();
        let request = self.connect_request(room, checked.clone());
        let connected = self.within_host_timeout("let the client in", room_type.connect(request)).await?;
        let user = connected.user.or(checked);
        // Nobody in particular is at least not everybody else who is nobody in particular.
        let id = user.as_ref().map_or_else(|| UserId::Text(self.client.to_string()), |user| user.id.clone());
        let permit = self.context.counters.admit(self.ip, &id)?;
        let token = self.request.token.clone().filter(|_| was_checked);
        let session = self.session(room, id, true).authorized(token, false);
        let session = self.context.sessions.enter(session, asked_at)?;
        // Whoever is listed after a shutdown has begun may have been missed by it.
        if self.context.stopping.is_cancelled() {
            return Err(shutting_down());
        }
        let peer = Peer::new(Arc::clone(session.session()));
        let user_id = json!(user.as_ref().map(|user| &user.id));
        let place = self.context.groups.enter(peer.clone(), &user_id)?;
        let shown = user.unwrap_or_else(|| User { id: session.session().user.clone(), name: None });
        self.outbox.send(control::ack(room, self.client, &shown, false));
        let custom = Custom {
            room_type,
            peer,
            user: user_id,
            host: Arc::clone(&self.context.host),
            wait_max: self.context.config.host_timeout,
            given_up: AtomicBool::new(false),
            _place: place,
        };
        custom.join().await?;
        Ok(Admitted { destination: Destination::Custom(custom), session, _permit: permit })
    }

    /// Whether it can be told in text why it is not let in.
    pub(super) fn reads_text(&self) -> bool {
        let is_custom = |room: &RoomId| {
            room.room_type() != RECORDS && self.context.room_types.get(room.room_type()).is_some()
        };
        self.request.reads_text || self.request.room.as_ref().is_ok_and(is_custom)
    }

    fn session(&self, room: &RoomId, user: UserId, reads_text: bool) -> Session {
        let now = Instant::now();
        Session::new(self.client, user, room.clone(), self.ip, reads_text, self.outbox.clone(), now)
    }

    fn connect_request(&self, room: &RoomId, user: Option<User>) -> ConnectRequest {
        ConnectRequest {
            client: self.client,
            room: room.clone(),
            token: self.request.token.clone(),
            client_ip: self.ip,
            url: self.request.url.clone(),
            headers: self.request.headers.clone(),
            protocols: self.request.protocols.clone(),
            user,
        }
    }

    /// A URL ends up in logs and histories, so a token in it is not accepted, whatever else was shown.
    fn refuse_token_in_url(&self, room: &RoomId) -> Result<()> {
        if !self.request.token_in_url {
            return Ok(());
        }
        let hint = "a token in the URL is never accepted; use the Authorization header or the subprotocol `auth.<token>`";
        warn!(operation = "realtime:client:token", client = %self.client, room = %room, "{hint}");
        Err(RealtimeError::new(Code::AuthFailed, hint).with("reason", "token_in_url"))
    }

    async fn authorize(&self, room: &RoomId) -> Result<Authorization> {
        self.refuse_token_in_url(room)?;
        let Some(token) = self.request.token.clone() else {
            let hint = "no token: use the Authorization header or the subprotocol `auth.<token>`";
            return Err(RealtimeError::new(Code::AuthFailed, hint).with("reason", "token_missing"));
        };
        let asked = ask_host(self.context, room, token, self.ip);
        self.within_host_timeout("check the session", asked).await
    }

    async fn within_host_timeout<T>(&self, what: &str, asked: impl Future<Output = Result<T>>) -> Result<T> {
        let wait = self.context.config.host_timeout;
        tokio::select! {
            answer = timeout(wait, asked) => answer.unwrap_or_else(|_| {
                let problem = format!("the host did not {what} within {} s", wait.as_secs_f64());
                Err(RealtimeError::new(Code::HostFailed, problem))
            }),
            () = self.context.stopping.cancelled() => Err(shutting_down()),
        }
    }
}

/// Asks the host about a session and its rights in a room.
pub(super) async fn ask_host(
    context: &Context,
    room: &RoomId,
    token: Token,
    ip: IpAddr,
) -> Result<Authorization> {
    context.host.authorize(AuthorizeRequest { room: room.clone(), token, client_ip: ip }).await
}

/// What the host's yes comes to under the configuration: whether the client only reads, or why it may not
/// be in this room at all.
pub(super) fn judge(config: &Config, room: &RoomId, authorization: &Authorization) -> Result<bool> {
    let allowed = &config.auth.allowed_roles;
    let role = authorization.role.as_deref();
    if !allowed.is_empty() && !role.is_some_and(|role| allowed.iter().any(|allowed| allowed == role)) {
        let message = "this user's role may not connect (auth.allowed_roles)";
        return Err(RealtimeError::new(Code::PermissionDenied, message).with("reason", "role_not_allowed"));
    }
    read_only(config, room, authorization.can_edit)
}

/// Whether a client of this room only reads, or why it may not be there.
pub(crate) fn read_only(config: &Config, room: &RoomId, can_edit: bool) -> Result<bool> {
    // What may be done in the application's rooms is the application's business.
    if room.room_type() != RECORDS {
        return Ok(false);
    }
    if !can_edit && config.auth.without_edit == WithoutEdit::Reject {
        let message = "only those who may edit this record may be here (auth.without_edit)";
        return Err(RealtimeError::new(Code::PermissionDenied, message).with("reason", "edit_not_allowed"));
    }
    Ok(!can_edit || !config.features.collaborative_editing)
}

fn shutting_down() -> RealtimeError {
    RealtimeError::new(Code::ServerShutdown, "the server is shutting down")
}
