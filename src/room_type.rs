//! Kinds of rooms that the application brings along: devices, dashboards, whatever speaks over the same
//! server. The engine keeps their connections; what is said in them is theirs.

use std::collections::HashMap;
use std::fmt;
use std::net::IpAddr;
use std::sync::{Arc, PoisonError, RwLock};

use bytes::Bytes;

use crate::error::{Code, RealtimeError, Result};
use crate::host::{HostFuture, Token, User};
use crate::ids::{ClientId, RECORDS, RoomId};
use crate::protocol::frame::Frame;
use crate::room::sessions::Session;

/// The most types that may be registered.
pub const ROOM_TYPES_MAX: usize = 100;

/// A kind of room. Called from the engine's threads; of one client, one call at a time and in order.
pub trait RoomType: Send + Sync + 'static {
    /// Whether [`RoomType::connect`] alone says who may come in. Otherwise the host checks the session
    /// first, and [`ConnectRequest::user`] is there.
    fn authenticates(&self) -> bool {
        false
    }

    /// Somebody wants to come in. The error of a no says why: its code becomes the close code.
    fn connect(&self, request: ConnectRequest) -> HostFuture<Connected>;

    /// Somebody is in, and can be sent to. An error sends them away again.
    fn joined(&self, peer: Peer) -> HostFuture<()> {
        let _ = peer;
        Box::pin(async { Ok(()) })
    }

    /// Somebody says something. Nothing more is read from this client until the future is done, so a
    /// slow answer slows down only whoever asked. An error is told to the client. It may take
    /// `host_timeout`.
    fn message(&self, peer: Peer, message: Payload) -> HostFuture<()>;

    /// Somebody is gone.
    fn left(&self, peer: Peer, reason: &'static str) -> HostFuture<()> {
        let _ = (peer, reason);
        Box::pin(async { Ok(()) })
    }
}

/// What somebody says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Payload {
    /// A text message.
    Text(String),
    /// A binary message.
    Binary(Bytes),
}

/// Somebody at the door of a room.
#[derive(Debug, Clone)]
pub struct ConnectRequest {
    /// The connection.
    pub client: ClientId,
    /// The room.
    pub room: RoomId,
    /// The token presented, if any.
    pub token: Option<Token>,
    /// Where the connection comes from, after `trusted_proxies` were taken into account.
    pub client_ip: IpAddr,
    /// The path and query of the request.
    pub url: String,
    /// The request's headers, names in lower case, without those that carry the token.
    pub headers: Vec<(String, String)>,
    /// The subprotocols offered, without those that carry the token.
    pub protocols: Vec<String>,
    /// Who this is, if the host has checked the session.
    pub user: Option<User>,
}

/// A yes.
#[derive(Debug, Clone, Default)]
pub struct Connected {
    /// Who this is, for a type that authenticates its connections itself; `None` = nobody in particular.
    pub user: Option<User>,
}

/// A connected client, as its room's type sees it. Cheap to clone.
#[derive(Clone)]
pub struct Peer(Arc<Session>);

impl Peer {
    /// The client behind a session.
    pub(crate) const fn new(session: Arc<Session>) -> Self {
        Self(session)
    }

    /// The connection.
    pub fn client(&self) -> ClientId {
        self.0.client
    }

    /// Its room.
    pub fn room(&self) -> &RoomId {
        &self.0.room
    }

    /// Queues a text message. False if the client is gone, cannot read text, or so much waits for it
    /// already that this does not fit (`limits.waiting_bytes_per_client_max`).
    pub fn send_text(&self, text: &str) -> bool {
        self.0.reads_text() && self.0.outbox.try_send(Frame::text(text))
    }

    /// Queues a binary message. False as [`Peer::send_text`].
    pub fn send_binary(&self, bytes: &[u8]) -> bool {
        self.0.outbox.try_send(Frame::binary(&[bytes]))
    }

    /// Queues a frame that others get as well.
    pub(crate) fn send(&self, frame: &Frame) -> bool {
        self.0.outbox.try_send(frame.clone())
    }

    /// Closes the connection after what waits for it. The first close stands.
    pub fn close(&self, code: u16, reason: &str) {
        self.0.outbox.close(Frame::close(code, reason));
    }

    /// Whether nothing that it says counts any more.
    pub(crate) fn is_revoked(&self) -> bool {
        self.0.is_revoked()
    }

    /// Whether it is still connected and not about to be closed.
    pub fn is_open(&self) -> bool {
        !self.0.outbox.is_closed()
    }
}

impl fmt::Debug for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Peer({} in {})", self.0.client, self.0.room)
    }
}

/// The types that are registered; clones share them.
#[derive(Clone, Default)]
pub struct RoomTypes {
    // A plain lock: held to look one up, never across an await.
    types: Arc<RwLock<HashMap<String, Arc<dyn RoomType>>>>,
}

impl RoomTypes {
    /// Registers a type under its name; an alias such as `devices` stands for its canonical name. One of
    /// the same name is replaced for connections to come.
    pub fn register(&self, name: &str, room_type: Arc<dyn RoomType>) -> Result<()> {
        let name = canonical(name)?;
        if name == RECORDS {
            let message = format!("rooms of the type {RECORDS:?} are the engine's own");
            return Err(RealtimeError::new(Code::InvalidId, message));
        }
        let mut types = self.types.write().unwrap_or_else(PoisonError::into_inner);
        if types.len() >= ROOM_TYPES_MAX && !types.contains_key(&name) {
            return Err(crate::limits::limit_reached("room types", ROOM_TYPES_MAX));
        }
        types.insert(name, room_type);
        Ok(())
    }

    /// Takes a type off the list. Who is connected stays. False if there is none of this name.
    pub fn unregister(&self, name: &str) -> bool {
        let Ok(name) = canonical(name) else { return false };
        self.types.write().unwrap_or_else(PoisonError::into_inner).remove(&name).is_some()
    }

    /// The type of this name.
    pub fn get(&self, name: &str) -> Option<Arc<dyn RoomType>> {
        self.types.read().unwrap_or_else(PoisonError::into_inner).get(name).cloned()
    }

    /// All names, the engine's own included, in order.
    pub fn names(&self) -> Vec<String> {
        let types = self.types.read().unwrap_or_else(PoisonError::into_inner);
        let mut names: Vec<_> = types.keys().cloned().chain([RECORDS.to_owned()]).collect();
        names.sort();
        names
    }
}

fn canonical(name: &str) -> Result<String> {
    RoomId::new(name, "x").map(|room| room.room_type().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Silent;

    impl RoomType for Silent {
        fn connect(&self, _: ConnectRequest) -> HostFuture<Connected> {
            Box::pin(async { Ok(Connected::default()) })
        }

        fn message(&self, _: Peer, _: Payload) -> HostFuture<()> {
            Box::pin(async { Ok(()) })
        }
    }

    #[test]
    fn types_are_found_by_their_canonical_name() {
        let types = RoomTypes::default();
        types.register("devices", Arc::new(Silent)).unwrap();
        assert!(types.get("device").is_some());
        assert_eq!(types.names(), ["device", "records"]);
        assert!(types.unregister("device") && !types.unregister("device"));
        for name in ["records", "record", "", "a b", "a/b"] {
            assert!(types.register(name, Arc::new(Silent)).is_err(), "{name:?}");
        }
    }

    #[test]
    fn their_number_is_bounded() {
        let types = RoomTypes::default();
        for number in 0..ROOM_TYPES_MAX {
            types.register(&format!("t{number}"), Arc::new(Silent)).unwrap();
        }
        let error = types.register("more", Arc::new(Silent)).unwrap_err();
        assert_eq!(error.code, Code::ConnectionLimitExceeded);
        types.register("t0", Arc::new(Silent)).unwrap();
    }
}
