//! What `RealtimeModule` gives back, as JavaScript sees it. What the host's callbacks take and give is
//! declared in `host-callbacks.d.ts` beside this file, which becomes the head of `index.d.ts`.

use napi::Either;
use napi::bindgen_prelude::Null;
use napi_derive::napi;
use serde_json::{Map, Value, json};

use crate::config::Loaded;
use crate::ids::UserId;
use crate::{module, room};

/// Where a module listens.
#[napi(object)]
pub struct Listening {
    /// The IP address.
    pub host: String,
    /// The TCP port.
    pub port: u32,
}

impl From<module::Listening> for Listening {
    fn from(listening: module::Listening) -> Self {
        Self { host: listening.host, port: listening.port.into() }
    }
}

/// What a snapshot came to.
#[napi(object)]
pub struct SnapshotOutcome {
    /// A new one was written; false if nothing had changed, or there is no such room in memory.
    pub snapshot_created: bool,
    /// The newest version, null if there is none.
    pub version: Either<f64, Null>,
    /// When this was found out, ms since the epoch.
    pub timestamp: f64,
}

/// A value that is there as `null` when there is none; an `Option` would not be there at all.
pub(super) fn nullable<T>(value: Option<T>) -> Either<T, Null> {
    value.map_or(Either::B(Null), Either::A)
}

impl From<room::messages::SnapshotOutcome> for SnapshotOutcome {
    fn from(outcome: room::messages::SnapshotOutcome) -> Self {
        Self {
            snapshot_created: outcome.created,
            // Numbers of JavaScript are exact up to 2^53.
            version: nullable(outcome.version.map(|version| version as f64)),
            timestamp: outcome.timestamp_ms as f64,
        }
    }
}

/// One room in memory.
#[napi(object)]
pub struct RoomSummary {
    /// Its key, such as `records:bylaw-12`.
    pub room_id: String,
    /// Its type, such as `records`.
    pub room_type: String,
    /// Clients in it.
    pub clients: u32,
    /// Loading, live, or idle: without clients, within its grace period.
    #[napi(ts_type = "'loading' | 'live' | 'idle'")]
    pub state: String,
    /// About the size of its document's state, in bytes: as of the last save, or of loading.
    pub state_bytes: f64,
    /// Its record holds content that the editor's document cannot carry.
    pub lossy: bool,
}

impl From<room::registry::RoomSummary> for RoomSummary {
    fn from(room: room::registry::RoomSummary) -> Self {
        Self {
            room_id: room.id.as_str().to_owned(),
            room_type: room.id.room_type().to_owned(),
            clients: count(room.clients),
            state: room.state.to_owned(),
            state_bytes: room.state_bytes as f64,
            lossy: room.lossy,
        }
    }
}

/// A connection.
#[napi(object)]
pub struct Connection {
    /// Its id, `client_<hex>`.
    pub client_id: String,
    /// Its room's key.
    pub room_id: String,
    /// Whose it is; a connection of nobody in particular has its own id here.
    pub user_id: Either<f64, String>,
    /// Where it comes from, after `trusted_proxies` were taken into account.
    pub client_ip: String,
    /// Its edits are refused.
    pub read_only: bool,
    /// It can read text frames; a stock Yjs client cannot, and stops at the first.
    pub reads_text: bool,
    /// It is connected and not about to be closed.
    pub open: bool,
}

impl From<module::Connection> for Connection {
    fn from(connection: module::Connection) -> Self {
        Self {
            client_id: connection.client.to_string(),
            room_id: connection.room.as_str().to_owned(),
            user_id: match connection.user {
                // Ids that JavaScript gave us are exact in it.
                UserId::Number(id) => Either::A(id as f64),
                UserId::Text(id) => Either::B(id),
            },
            client_ip: connection.ip.to_string(),
            read_only: connection.read_only,
            reads_text: connection.reads_text,
            open: connection.open,
        }
    }
}

/// What a connected client may do from now on.
#[napi(object)]
pub struct ClientPermissions {
    /// Default: true. Without it, the connection ends.
    pub can_view: Option<bool>,
    /// Default: false. Without it, the connection is read-only.
    pub can_edit: Option<bool>,
}

impl From<ClientPermissions> for module::Permissions {
    fn from(permissions: ClientPermissions) -> Self {
        Self {
            can_view: permissions.can_view.unwrap_or(true),
            can_edit: permissions.can_edit.unwrap_or(false),
        }
    }
}

/// How a module is.
#[napi(object)]
pub struct Health {
    /// `degraded`: the disk cannot be written, editing goes on in memory.
    #[napi(ts_type = "'new' | 'disabled' | 'healthy' | 'degraded' | 'stopped'")]
    pub status: String,
    /// Where it listens, null if it does not.
    pub listening: Either<Listening, Null>,
    /// Clients connected.
    pub connections: u32,
    /// Rooms in memory.
    pub rooms: u32,
    /// Since the start, in ms.
    pub uptime_ms: f64,
    /// The store's last failure while `degraded`, else null.
    pub storage_error: Either<String, Null>,
    /// Hooks and log lines dropped because the host is too busy to take them, not yet reported to it.
    pub dropped_events: f64,
    /// Counters since the start, by name.
    #[napi(ts_type = "Record<string, number>")]
    pub counters: Map<String, Value>,
}

impl Health {
    /// Of a module that does not run.
    pub(super) fn idle(status: &str, dropped_events: u64) -> Self {
        Self {
            status: status.to_owned(),
            listening: nullable(None),
            connections: 0,
            rooms: 0,
            uptime_ms: 0.0,
            storage_error: nullable(None),
            dropped_events: dropped_events as f64,
            counters: Map::new(),
        }
    }

    pub(super) fn of(health: module::Health, dropped_events: u64) -> Self {
        Self {
            status: health.status.to_owned(),
            listening: nullable(health.listening.map(Listening::from)),
            connections: count(health.connections),
            rooms: count(health.rooms),
            uptime_ms: health.uptime_ms as f64,
            storage_error: nullable(health.storage_error),
            dropped_events: dropped_events as f64,
            counters: health.counters,
        }
    }
}

pub(super) fn count(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

/// A configuration laid over the defaults.
#[napi(object)]
pub struct ConfigReport {
    /// All keys of `config/realtime.example.yml`.
    #[napi(ts_type = "Record<string, any>")]
    pub config: Value,
    /// For people: unknown keys, old spellings and the like.
    pub warnings: Vec<String>,
}

impl From<Loaded> for ConfigReport {
    fn from(loaded: Loaded) -> Self {
        Self { config: json!(loaded.config), warnings: loaded.warnings }
    }
}
