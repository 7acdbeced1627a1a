//! What the engine asks of the application that embeds it, and what it tells it.
//!
//! The host is asked when somebody connects ([`Host::authorize`]), when a room is loaded, before a draft
//! is written and when a record was changed elsewhere ([`Host::load`]), and when a draft is written
//! ([`Host::save`]). Where it has a [`Codec`], that is asked whenever a text is read or written. It is told by [`Host::emit`], which must not block: no frame of a live document ever
//! waits for the host.

use std::fmt;
use std::future::Future;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::error::Result;
use crate::ids::{RoomId, UserId};

/// A future that the engine may hold and send between its threads.
pub type HostFuture<T> = Pin<Box<dyn Future<Output = Result<T>> + Send>>;

/// A session's token. It is shown to nobody but the host: not in logs, not in debug output.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(String);

impl Token {
    /// A token as it was presented.
    pub const fn new(token: String) -> Self {
        Self(token)
    }

    /// The token itself, for the host.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(not shown)")
    }
}

/// Somebody asks to join a room.
#[derive(Debug, Clone)]
pub struct AuthorizeRequest {
    /// The room asked for.
    pub room: RoomId,
    /// The token presented.
    pub token: Token,
    /// Where the connection comes from, after `trusted_proxies` were taken into account.
    pub client_ip: IpAddr,
}

/// Who joined, as the host knows them.
#[derive(Debug, Clone)]
pub struct User {
    /// The host's id.
    pub id: UserId,
    /// A name to show, if the host gave one.
    pub name: Option<String>,
}

/// The host's yes. A no is an error with code `AuthFailed` or `PermissionDenied`.
#[derive(Debug, Clone)]
pub struct Authorization {
    /// Who this is.
    pub user: User,
    /// Their role, if the host has roles; see `auth.allowed_roles`.
    pub role: Option<String>,
    /// Whether they may edit; otherwise the connection is read-only.
    pub can_edit: bool,
}

/// A record's text as the host has it: the draft's if there is one, else the record's.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct LoadedRecord {
    /// The Markdown body, without front matter.
    pub markdown: String,
}

/// Something that happened, for the host's hook bus. The payload always holds `timestamp` (ms since
/// the epoch) and `correlationId`.
#[derive(Debug, Clone)]
pub struct HookEvent {
    /// Such as `realtime:room:created`.
    pub name: &'static str,
    /// The payload's fields.
    pub data: Map<String, Value>,
}

/// Markdown for another editor's schema. Its documents are trees of XML elements and texts in the XML fragment
/// [`crate::document::FRAGMENT`], as y-prosemirror and TipTap make them.
pub trait Codec: Send + Sync + 'static {
    /// The Markdown of the document that this Yjs update (version 1) is all of.
    fn write_markdown(&self, update: Bytes) -> HostFuture<String>;

    /// A new document with this Markdown, as a Yjs update (version 1).
    fn read_markdown(&self, markdown: String) -> HostFuture<Bytes>;
}

/// The application around the engine. Called from the engine's threads.
pub trait Host: Send + Sync + 'static {
    /// Checks the session, that the record exists, and what the user may do.
    fn authorize(&self, request: AuthorizeRequest) -> HostFuture<Authorization>;

    /// Reads the record's text, which is the draft's if there is a draft; `None` if there is no such record.
    /// A room starts from it, and what changes in it later is merged into the room.
    fn load(&self, room: RoomId) -> HostFuture<Option<LoadedRecord>>;

    /// Whether [`Host::save`] is there; without it the text of rooms lives in the store alone.
    fn saves_drafts(&self) -> bool;

    /// Writes the room's text as a draft of its record.
    fn save(&self, room: RoomId, markdown: String) -> HostFuture<()>;

    /// How documents become Markdown and back, if the application's editor has a schema of its own.
    fn codec(&self) -> Option<Arc<dyn Codec>> {
        None
    }

    /// Tells of an event. Must return at once.
    fn emit(&self, event: HookEvent);
}
