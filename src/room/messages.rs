//! What rooms are told, what they answer, and what they need from around them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize};
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::oneshot;

use super::codec::RoomCodec;
use super::outbox::Outbox;
use super::registry::Arrival;
use super::saving::SavePolicy;
use super::sessions::Session;
use super::state::Member;
use crate::config::LossyPolicy;
use crate::error::Result;
use crate::host::Host;
use crate::ids::ClientId;
use crate::metrics::Metrics;
use crate::protocol::control::Level;
use crate::store::writer::Store;

/// Messages that wait for a room; a full inbox makes the senders wait, and TCP pushes back on their clients.
pub const INBOX_MESSAGES_MAX: usize = 256;

/// What rooms need from around them.
#[derive(Clone)]
pub struct RoomServices {
    /// Log and snapshots.
    pub store: Store,
    /// The application.
    pub host: Arc<dyn Host>,
    /// What makes Markdown of documents.
    pub codec: RoomCodec,
    /// What happened so far.
    pub metrics: Arc<Metrics>,
    /// Times and limits.
    pub settings: Arc<RoomSettings>,
}

/// Times and limits of rooms.
#[derive(Debug, Clone)]
pub struct RoomSettings {
    /// How long a room without clients stays; zero = it is finalised at once.
    pub grace_period: Duration,
    /// How long a room without clients whose last save keeps failing stays after its grace period.
    pub cleanup_timeout: Duration,
    /// When to save.
    pub save: SavePolicy,
    /// How long the host may take to answer.
    pub host_timeout: Duration,
    /// The most rooms.
    pub rooms_max: usize,
    /// Whether people see each other.
    pub presence_is_shared: bool,
    /// How large a document may become by edits, in bytes of its state.
    pub document_bytes_max: usize,
    /// What becomes of a record that Markdown cannot carry whole.
    pub lossy: LossyPolicy,
}

/// What a room is sent.
#[derive(Debug)]
pub enum Message {
    /// Somebody wants to join.
    Join(Box<Join>),
    /// Binary frames of a client, in order.
    Frames(ClientId, Vec<Bytes>),
    /// A text frame of a client.
    Text(ClientId, String),
    /// A client's queue has been written out after updates for it were thrown away.
    Drained(ClientId),
    /// A client is gone.
    Leave(ClientId, &'static str),
    /// The host has changed what a client may do; its session says what.
    RightsChanged(ClientId),
    /// The room was locked or unlocked; the registry says which, so that two calls at once end the same
    /// everywhere.
    LockChanged,
    /// Tell everybody who can read it.
    Notice(Level, String),
    /// The record was changed elsewhere.
    RecordChanged,
    /// Save now.
    Snapshot(oneshot::Sender<Result<SnapshotOutcome>>),
    /// Save and end; nothing that was sent before is lost.
    Shutdown,
}

/// A client at the door.
#[derive(Debug)]
pub struct Join {
    /// Its id.
    pub client: ClientId,
    /// Who it is and what it may do.
    pub member: Member,
    /// Where its frames go.
    pub outbox: Outbox,
    /// Whether its rights are still good; looked at before each of its frames.
    pub session: Arc<Session>,
    /// A frame that it sent before it was let in.
    pub first: Option<Bytes>,
    /// Keeps the room from ending before this message is read; set by the registry.
    pub arrival: Option<Arrival>,
    /// Told when it is in, or why not.
    pub reply: oneshot::Sender<Result<()>>,
}

/// What a request for a snapshot came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SnapshotOutcome {
    /// Whether a new one was written; false if nothing had changed since the last.
    pub created: bool,
    /// The newest version, if there is one.
    pub version: Option<u64>,
    /// When this was found out, ms since the epoch.
    pub timestamp_ms: i64,
}

/// What is known about a room from outside, without asking it.
#[derive(Debug, Default)]
pub struct RoomInfo {
    /// Clients in it.
    pub clients: AtomicUsize,
    /// It has been loaded.
    pub live: AtomicBool,
    /// The size of its document's state when that was last encoded, in bytes.
    pub state_bytes: AtomicUsize,
    /// Its text cannot be carried whole; it is read-only.
    pub lossy: AtomicBool,
}
