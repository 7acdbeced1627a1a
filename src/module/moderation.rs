//! What a host may do to connections and rooms while they live.

use std::fmt;
use std::sync::Arc;

use tracing::info;

use super::Module;
use crate::error::{Code, RealtimeError, Result};
use crate::ids::{ClientId, RECORDS, RoomId, UserId};
use crate::protocol::control::{self, Level};
use crate::protocol::frame::Frame;
use crate::room::messages::Message;
use crate::room::sessions::Session;
use crate::room_type::{Payload, Peer};
use crate::server::admission::read_only;
use crate::server::revalidation::tell_room;

/// The longest notice or reason, in bytes; more is cut.
const TEXT_BYTES_MAX: usize = 1_000;

/// A connection as the host sees it.
#[derive(Debug, Clone)]
pub struct Connection {
    /// Its id.
    pub client: ClientId,
    /// Its room.
    pub room: RoomId,
    /// Whose it is.
    pub user: UserId,
    /// Where it comes from.
    pub ip: std::net::IpAddr,
    /// Its edits are refused.
    pub read_only: bool,
    /// It can read text frames.
    pub reads_text: bool,
    /// It is connected and not about to be closed.
    pub open: bool,
}

impl From<&Arc<Session>> for Connection {
    fn from(session: &Arc<Session>) -> Self {
        Self {
            client: session.client,
            room: session.room.clone(),
            user: session.user.clone(),
            ip: session.ip,
            read_only: session.is_read_only(),
            reads_text: session.reads_text(),
            open: !session.outbox.is_closed(),
        }
    }
}

/// What a user may do from now on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Permissions {
    /// Without it, the connection ends.
    pub can_view: bool,
    /// Without it, it is read-only.
    pub can_edit: bool,
}

impl Module {
    /// All connections.
    pub fn connections(&self) -> Result<Vec<Connection>> {
        self.check_running()?;
        Ok(self.context.sessions.all().iter().map(Connection::from).collect())
    }

    /// One connection, while it lasts.
    pub fn connection(&self, client: ClientId) -> Result<Option<Connection>> {
        self.check_running()?;
        Ok(self.context.sessions.get(client).as_ref().map(Connection::from))
    }

    /// Sends a message to one client. False if it is gone, if it cannot read text and is to be sent some (a
    /// stock client would stop at it), or if too much waits for it already.
    pub fn send(&self, client: ClientId, message: &Payload) -> Result<bool> {
        self.check_running()?;
        let Some(session) = self.context.sessions.get(client) else { return Ok(false) };
        let is_readable = session.reads_text() || matches!(message, Payload::Binary(_));
        Ok(is_readable && Peer::new(session).send(&frame(message)))
    }

    /// Sends a message to everybody in a room of the application's but one, and gives the number of
    /// those who will get it.
    pub fn broadcast(&self, room: &RoomId, message: &Payload, except: Option<ClientId>) -> Result<usize> {
        self.check_running()?;
        Ok(self.context.groups.broadcast(room, &frame(message), except))
    }

    /// Closes a connection after what waits for it. False if it is gone.
    pub fn close(&self, client: ClientId, code: u16, reason: &str) -> Result<bool> {
        self.check_running()?;
        // What may stand in a close frame: RFC 6455 section 7.4.
        if !matches!(code, 1000 | 1001 | 1003 | 1007..=1014 | 3000..=4999) {
            return Err(wrong_close_code(code));
        }
        let Some(session) = self.context.sessions.get(client) else { return Ok(false) };
        Peer::new(session).close(code, reason);
        Ok(true)
    }

    /// Changes what a connected client may do, before any later frame of it. False if it is gone.
    pub async fn set_permissions(&self, client: ClientId, permissions: Permissions) -> Result<bool> {
        self.check_running()?;
        let Some(session) = self.context.sessions.get(client) else { return Ok(false) };
        let allowed = if permissions.can_view {
            read_only(&self.context.config, &session.room, permissions.can_edit)
        } else {
            let error = RealtimeError::new(Code::PermissionDenied, "the right to view this is gone");
            Err(error.with("reason", "view_not_allowed"))
        };
        match allowed {
            Ok(read_only) => {
                if session.set_read_only(read_only) {
                    tell_room(&self.context, &session).await;
                }
            }
            Err(error) => session.end(&error),
        }
        Ok(true)
    }

    /// Sends a user away, from one room or from all, and gives the number of connections that end. They
    /// may come back: to keep them out, take away their rights.
    pub fn kick(&self, user: &UserId, room: Option<&RoomId>, reason: &str) -> Result<usize> {
        self.check_running()?;
        let reason = cut(reason);
        let error = RealtimeError::new(Code::Kicked, format!("sent away: {reason}")).with("reason", reason);
        let sessions = self.context.sessions.of_user(user);
        let meant: Vec<_> =
            sessions.iter().filter(|session| room.is_none_or(|room| *room == session.room)).collect();
        for session in &meant {
            session.end(&error);
        }
        info!(operation = "realtime:session:kick", %user, count = meant.len(), "sent away");
        Ok(meant.len())
    }

    /// Locks a record's room against edits, also while it is not in memory; `None` unlocks it.
    pub async fn lock_room(&self, room: &RoomId, reason: Option<&str>) -> Result<()> {
        self.check_running()?;
        if room.room_type() != RECORDS {
            let message = format!("room {room} cannot be locked: only rooms of records can");
            return Err(RealtimeError::new(Code::InvalidId, message));
        }
        info!(operation = "realtime:room:lock", %room, locked = reason.is_some(), "lock changed");
        self.context.rooms.lock_room(room, reason.map(|reason| cut(reason).to_owned())).await
    }

    /// Tells everybody in a room, or everywhere, who can read text; gives the number of rooms told.
    pub async fn notice(&self, room: Option<&RoomId>, level: Level, message: &str) -> Result<usize> {
        self.check_running()?;
        let message = cut(message);
        let frame = control::notice(level, message);
        let mut told = 0;
        for id in self.rooms()?.into_iter().map(|summary| summary.id) {
            if room.is_some_and(|room| *room != id) {
                continue;
            }
            let is_record = self.context.rooms.tell(&id, Message::Notice(level, message.to_owned())).await;
            if is_record || self.context.groups.broadcast(&id, &frame, None) > 0 {
                told += 1;
            }
        }
        Ok(told)
    }

    /// Tells a record's room that the record was changed elsewhere. False if it is not in memory: then
    /// nothing has to be done, for the host is asked again when it is loaded.
    pub async fn record_changed(&self, room: &RoomId) -> Result<bool> {
        self.check_running()?;
        Ok(self.context.rooms.tell(room, Message::RecordChanged).await)
    }
}

/// The answer to a close code that may not be sent.
pub(crate) fn wrong_close_code(code: impl fmt::Display) -> RealtimeError {
    let message = format!("close code {code} is not allowed; expected 1000 or 3000 to 4999");
    RealtimeError::new(Code::InvalidMessage, message)
}

fn frame(message: &Payload) -> Frame {
    match message {
        Payload::Text(text) => Frame::text(text),
        Payload::Binary(bytes) => Frame::binary(&[bytes]),
    }
}

fn cut(text: &str) -> &str {
    &text[..text.floor_char_boundary(TEXT_BYTES_MAX)]
}
