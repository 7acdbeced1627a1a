//! Where what a client says goes: to a record's room, or to a type of the application's.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use serde_json::Value;
use tokio::time::timeout;
use tracing::{debug, info, warn};

use crate::error::{Code, RealtimeError, Result};
use crate::hooks;
use crate::host::{Host, HostFuture};
use crate::ids::ClientId;
use crate::protocol::control::{self, ClientText};
use crate::room::groups::GroupPlace;
use crate::room::messages::Message;
use crate::room::registry::Inbox;
use crate::room_type::{Payload, Peer, RoomType};

/// Where a client's messages go.
pub(super) enum Destination {
    /// The room of a record.
    Record(Inbox),
    /// A room whose messages the application handles.
    Custom(Custom),
}

/// A client in a room of the application's.
pub(super) struct Custom {
    pub(super) room_type: Arc<dyn RoomType>,
    pub(super) peer: Peer,
    /// The user's id for hooks, null for nobody in particular.
    pub(super) user: Value,
    /// Told of comings and goings.
    pub(super) host: Arc<dyn Host>,
    /// How long the type may take for each thing that it is told.
    pub(super) wait_max: Duration,
    /// The type failed at what this client had said before it went.
    pub(super) given_up: AtomicBool,
    /// Keeps it listed.
    pub(super) _place: GroupPlace,
}

impl Destination {
    /// Binary frames, in order. False if the room is gone; it has closed this client, or is about to.
    pub(super) async fn frames(&self, client: ClientId, frames: Vec<Bytes>) -> bool {
        match self {
            Self::Record(room) => send(room, Message::Frames(client, frames)).await,
            Self::Custom(custom) => {
                for frame in frames {
                    // Boxed: most connections are to records, and never need the room that this takes.
                    Box::pin(custom.say(Payload::Binary(frame))).await;
                }
                true
            }
        }
    }

    /// A text frame. False as [`Destination::frames`].
    pub(super) async fn text(&self, client: ClientId, text: String) -> bool {
        match self {
            Self::Record(room) => send(room, Message::Text(client, text)).await,
            Self::Custom(custom) => {
                if ClientText::decode(&text) == Ok(ClientText::Ping) {
                    custom.peer.send(&control::pong(crate::clock::now_ms()));
                } else {
                    custom.say(Payload::Text(text)).await;
                }
                true
            }
        }
    }

    /// The client is gone; the room hears of it last.
    pub(super) async fn left(&self, client: ClientId, reason: &'static str) {
        match self {
            Self::Record(room) => drop(send(room, Message::Leave(client, reason)).await),
            Self::Custom(custom) => {
                custom.leave(reason).await;
            }
        }
    }

    /// Whether it is the room of a record.
    pub(super) const fn is_record(&self) -> bool {
        matches!(self, Self::Record(_))
    }

    /// What the writer of a slow client reports to.
    pub(super) const fn room(&self) -> Option<&Inbox> {
        match self {
            Self::Record(room) => Some(room),
            Self::Custom(_) => None,
        }
    }
}

impl Custom {
    /// Tells of a client that is in. If its type cannot take it, it is as if it left at once.
    pub(super) async fn join(&self) -> Result<()> {
        let (client, room) = (self.peer.client(), self.peer.room());
        info!(operation = "realtime:client:connected", %client, %room, user = %self.user, "client connected");
        self.host.emit(hooks::client_connected(client, room, &self.user));
        let joined = self.in_time("joined", self.room_type.joined(self.peer.clone())).await;
        if joined.is_err() {
            self.leave("refused").await;
        }
        joined
    }

    async fn leave(&self, reason: &'static str) {
        let (client, room) = (self.peer.client(), self.peer.room());
        info!(
            operation = "realtime:client:disconnected", %client, %room, user = %self.user, reason,
            "client disconnected"
        );
        self.host.emit(hooks::client_disconnected(client, room, &self.user, reason));
        let left = self.in_time("left", self.room_type.left(self.peer.clone(), reason)).await;
        if let Err(error) = left {
            warn!(operation = "realtime:room-type:left", %client, %room, "{}", error.message);
        }
    }

    async fn in_time(&self, what: &str, call: HostFuture<()>) -> Result<()> {
        timeout(self.wait_max, call).await.unwrap_or_else(|_| {
            let seconds = self.wait_max.as_secs_f64();
            let problem = format!("the room type's `{what}` did not end within {seconds} s");
            Err(RealtimeError::new(Code::HostFailed, problem))
        })
    }

    /// A room type that fails at a message, or does not end with it, tells whoever sent it; the connection
    /// stays.
    async fn say(&self, payload: Payload) {
        if self.peer.is_revoked() || self.given_up.load(Ordering::Relaxed) {
            return;
        }
        let said = self.in_time("message", self.room_type.message(self.peer.clone(), payload)).await;
        if let Err(error) = said {
            // What else a client has said that is gone is not worth as long a wait each.
            self.given_up.store(!self.peer.is_open(), Ordering::Relaxed);
            warn!(
                operation = "realtime:room-type:message", client = %self.peer.client(),
                room = %self.peer.room(), code = %error.code, "{}", error.message
            );
            self.peer.send(&control::error(&error));
        }
    }
}

async fn send(room: &Inbox, message: Message) -> bool {
    let sent = room.send(message).await.is_ok();
    if !sent {
        debug!(operation = "realtime:client:read", "the room is gone");
    }
    sent
}
