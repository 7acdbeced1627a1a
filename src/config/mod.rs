//! `realtime.yml`: the settings of the engine, their defaults, and clear complaints.
//!
//! The defaults stand in `config/realtime.example.yml`, which explains every key and is compiled in;
//! the code holds no second list. What is read is laid over them, layer by layer, and the result is
//! checked once, wherever its parts came from.
//!
//! - [`Config`]: the settings, each with its type and unit
//! - [`Layers`]: defaults, file, object and environment laid over each other, and checked as one
//! - [`IpRange`]: addresses of proxies that are believed

mod check;
mod complaint;
mod environment;
mod ip_range;
mod known;
mod layer;
mod layers;
mod section;
#[cfg(test)]
mod tests;
mod yaml;

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Serialize, Serializer};
use serde_json::Value;

use crate::error::Result;

pub use ip_range::IpRange;
pub use known::EXAMPLE;
pub use layers::Layers;

/// All settings. Serialized, it has the keys and units of `realtime.yml`; `redis.url` is then shown whole.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Config {
    /// Whether to listen at all.
    pub enabled: bool,
    /// The TCP port; 0 = any free one.
    pub port: u16,
    /// The address or host name to listen on.
    pub host: String,
    /// The start of every room's URL; begins with `/` and does not end with it.
    pub path: String,
    /// Whether messages may be compressed (permessage-deflate).
    pub compression: bool,
    /// How often each client is pinged.
    #[serde(serialize_with = "seconds")]
    pub heartbeat: Duration,
    /// How long the host's callbacks may take.
    #[serde(serialize_with = "seconds")]
    pub host_timeout: Duration,
    /// How long a graceful shutdown may take.
    #[serde(serialize_with = "seconds")]
    pub shutdown_timeout: Duration,
    /// The origins (`scheme://host[:port]`) from which browsers may connect; empty = any.
    pub allowed_origins: Vec<String>,
    /// Proxies whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<IpRange>,
    /// Parts that can be switched off.
    pub features: Features,
    /// Who may connect, and how often that is asked again.
    pub auth: Auth,
    /// How many rooms, and how long they stay.
    pub rooms: Rooms,
    /// When and where documents are saved.
    pub snapshots: Snapshots,
    /// What clients may cause.
    pub rate_limiting: RateLimiting,
    /// Looking for peers that are gone.
    pub connection_cleanup: ConnectionCleanup,
    /// Sizes and waits of one connection.
    pub limits: Limits,
    /// The engine's own database.
    pub storage: Storage,
    /// Documents that need care.
    pub document: Document,
    /// Several nodes; not in this version.
    pub redis: Redis,
}

impl Config {
    /// Settings of a YAML text over the defaults; see [`Layers::yaml`] and [`Layers::load`].
    pub fn from_yaml(text: &str, file: Option<&Path>) -> Result<Loaded> {
        Layers::new().yaml(text, file)?.load()
    }

    /// Settings of a YAML file over the defaults; see [`Layers::file`] and [`Layers::load`].
    pub fn from_file(path: &Path) -> Result<Loaded> {
        Layers::new().file(path)?.load()
    }

    /// Settings of an object over the defaults; see [`Layers::object`] and [`Layers::load`].
    pub fn from_value(value: Value) -> Result<Loaded> {
        Layers::new().object(value)?.load()
    }
}

impl Default for Config {
    #[expect(clippy::expect_used, reason = "the defaults are compiled in, and a test reads them")]
    fn default() -> Self {
        Layers::new().load().expect("the defaults hold").config
    }
}

/// Parts that can be switched off.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Features {
    /// Whether there is realtime at all.
    pub realtime: bool,
    /// Whether records may be edited together; otherwise everybody reads only.
    pub collaborative_editing: bool,
    /// Whether people see each other and their carets.
    pub presence_tracking: bool,
    /// Whether snapshots are taken and drafts written.
    pub snapshots: bool,
}

/// Who may connect, and how often that is asked again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Auth {
    /// How often sessions are validated and rights asked for again; zero = never.
    #[serde(serialize_with = "seconds")]
    pub revalidate_interval: Duration,
    /// The roles that may connect; empty = all.
    pub allowed_roles: Vec<String>,
    /// What becomes of a user who may view a record but not edit it.
    pub without_edit: WithoutEdit,
}

/// What becomes of a user who may view a record but not edit it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum WithoutEdit {
    /// They read along.
    ReadOnly,
    /// They may not connect.
    Reject,
}

/// How many rooms, and how long they stay.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Rooms {
    /// How many rooms may be live; joining a live one is always allowed.
    pub max_rooms: usize,
    /// How long a room without clients whose last save keeps failing stays after its grace period.
    #[serde(serialize_with = "seconds")]
    pub cleanup_timeout: Duration,
    /// How long a room without clients stays; zero = it is finalised at once. `grace_period_ms` in the file.
    #[serde(rename = "grace_period_ms", serialize_with = "milliseconds")]
    pub grace_period: Duration,
}

/// When and where documents are saved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Snapshots {
    /// Whether snapshots are taken.
    pub enabled: bool,
    /// How often a changed document is saved; zero = no timer.
    #[serde(serialize_with = "seconds")]
    pub interval: Duration,
    /// A document is saved after this many updates since the last time.
    pub max_updates: u64,
    /// Where snapshots go.
    pub storage: SnapshotStorage,
}

/// Where snapshots go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum SnapshotStorage {
    /// Into the engine's database.
    Database,
    /// Into files beside it.
    Filesystem,
}

/// What clients may cause.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RateLimiting {
    /// Messages a second and connection that are handled one by one.
    pub messages_per_second: u64,
    /// What happens above that.
    pub policy: Policy,
    /// Frames a second beyond which a connection is closed whatever the policy.
    pub frames_per_second_max: u64,
    /// Bytes a second beyond which a connection is closed whatever the policy.
    pub bytes_per_second_max: u64,
    /// Connections from one address.
    pub connections_per_ip: usize,
    /// Connections of one user.
    pub connections_per_user: usize,
    /// Connections altogether.
    pub max_connections: usize,
}

/// What to do above the message limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Policy {
    /// Read later and merge; nothing is lost.
    Merge,
    /// Close the connection.
    Close,
}

/// Looking for peers that are gone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ConnectionCleanup {
    /// Whether to look at all.
    pub enabled: bool,
    /// How often to look.
    #[serde(serialize_with = "seconds")]
    pub check_interval: Duration,
    /// A peer that is silent for this long (no frame, no pong) is gone.
    #[serde(serialize_with = "seconds")]
    pub stale_threshold: Duration,
}

/// Sizes and waits of one connection.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Limits {
    /// The largest message; one over it closes the connection with 1009.
    pub frame_bytes_max: usize,
    /// What may wait for a slow reader; beyond it, it gets the difference later instead.
    pub waiting_bytes_per_client_max: usize,
    /// How long a new connection may take to send its upgrade request.
    #[serde(serialize_with = "seconds")]
    pub handshake_timeout: Duration,
    /// The size of a request's head.
    pub header_bytes_max: usize,
    /// The number of a request's headers.
    pub headers_max: usize,
}

/// The engine's own database.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Storage {
    /// Its file, as written; see [`Storage::file_in`].
    pub file: PathBuf,
    /// What a commit survives.
    pub durability: Durability,
    /// How long updates are gathered before they are written together. `group_window_ms` in the file.
    #[serde(rename = "group_window_ms", serialize_with = "milliseconds")]
    pub group_window: Duration,
    /// What may wait to be written; beyond it, rooms wait.
    pub queue_bytes_max: usize,
}

impl Storage {
    /// The database's file, when `folder` is the one that the configuration lies in.
    pub fn file_in(&self, folder: &Path) -> PathBuf {
        folder.join(&self.file)
    }
}

/// What a commit survives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Durability {
    /// The end of the process.
    Normal,
    /// The loss of power as well.
    Full,
}

/// Documents that need care.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Document {
    /// What becomes of a record whose text the editor's document cannot carry whole.
    pub lossy: LossyPolicy,
    /// How large a document may become by edits, in bytes of its state.
    pub bytes_max: usize,
}

/// What becomes of a record whose text the editor's document cannot carry whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum LossyPolicy {
    /// Everybody may read, nobody edit, and no draft is written.
    ReadOnly,
    /// As any other record.
    Allow,
    /// Nobody may join.
    Reject,
}

/// Several nodes; not in this version.
#[derive(Clone, PartialEq, Eq, Serialize)]
pub struct Redis {
    /// Always false: `true` is refused.
    pub enabled: bool,
    /// Where Redis is. It may hold a password.
    pub url: Option<String>,
}

impl fmt::Debug for Redis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let url = self.url.as_ref().map(|_| "(not shown)");
        f.debug_struct("Redis").field("enabled", &self.enabled).field("url", &url).finish()
    }
}

/// A configuration that holds, and what was strange about its sources.
#[derive(Debug, Clone, PartialEq)]
pub struct Loaded {
    /// The settings.
    pub config: Config,
    /// For people: unknown keys, old spellings and the like, each named with its place.
    pub warnings: Vec<String>,
}

fn seconds<S: Serializer>(value: &Duration, serializer: S) -> std::result::Result<S::Ok, S::Error> {
    if value.subsec_nanos() == 0 {
        serializer.serialize_u64(value.as_secs())
    } else {
        serializer.serialize_f64(value.as_secs_f64())
    }
}

fn milliseconds<S: Serializer>(value: &Duration, serializer: S) -> std::result::Result<S::Ok, S::Error> {
    serializer.serialize_u64(u64::try_from(value.as_millis()).unwrap_or(u64::MAX))
}
