//! Where what a client says goes: to a record's room, or to a type of the application's.

use std::sync::Arc;

use bytes::Bytes;
use serde_json::Value;
use tracing::{debug, warn};

use crate::hooks;
use crate::host::Host;
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
                    custom.say(Payload::Binary(frame)).await;
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
                let hook = hooks::client_disconnected(client, custom.peer.room(), &custom.user, reason);
                custom.host.emit(hook);
                if let Err(error) = custom.room_type.left(custom.peer.clone(), reason).await {
                    warn!(operation = "realtime:room-type:left", %client, "{}", error.message);
                }
            }
        }
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
    /// A room type that fails at a message tells whoever sent it; the connection stays.
    async fn say(&self, payload: Payload) {
        if let Err(error) = self.room_type.message(self.peer.clone(), payload).await {
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
