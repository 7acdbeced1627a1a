//! The whole engine as one value: start it, ask it, shut it down.

mod moderation;

#[cfg(feature = "node")]
pub(crate) use moderation::wrong_close_code;
pub use moderation::{Connection, Permissions};

use std::collections::HashSet;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::Serialize;
use tokio::sync::OnceCell;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{info, warn};

use crate::config::{Config, SnapshotStorage};
use crate::error::{Code, RealtimeError, Result};
use crate::hooks;
use crate::host::Host;
use crate::ids::{RoomId, UserId};
use crate::limits::{ConnectionCaps, ConnectionCounters};
use crate::metrics::Metrics;
use crate::protocol::control;
use crate::room::codec::RoomCodec;
use crate::room::groups::Groups;
use crate::room::messages::{RoomServices, RoomSettings, SnapshotOutcome};
use crate::room::registry::{Registry, RoomSummary};
use crate::room::saving::SavePolicy;
use crate::room::sessions::Sessions;
use crate::room_type::RoomTypes;
use crate::server::Context;
use crate::server::listener::Listener;
use crate::store::SNAPSHOT_TTL;
use crate::store::exclusive::Exclusive;
use crate::store::filesystem::{FilesystemBackend, import_snapshot_files};
use crate::store::sqlite::{SqliteBackend, SqliteSettings};
use crate::store::writer::{Store, StoreHealth, StoreSettings};

/// Where snapshot files go, beside the database.
const SNAPSHOT_FOLDER: &str = "realtime/snapshots";

/// How often snapshots of inactive rooms are looked through.
const SWEEP_INTERVAL: Duration = Duration::from_secs(6 * 3600);

/// How long clients may take to be told of a shutdown before rooms are closed under them.
const FAREWELL_MAX: Duration = Duration::from_secs(1);

/// How long connections' tasks are waited for after everything is saved.
const STRAGGLERS_MAX: Duration = Duration::from_secs(1);

/// A running engine.
pub struct Module {
    context: Arc<Context>,
    address: SocketAddr,
    started: Instant,
    stopped: OnceCell<()>,
}

/// What [`Module::health`] tells.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Health {
    /// `healthy`, `degraded` (editing goes on, but the disk cannot be written) or `stopped`.
    pub status: &'static str,
    /// Where it listens.
    pub listening: Option<Listening>,
    /// Clients connected.
    pub connections: usize,
    /// Rooms in memory.
    pub rooms: usize,
    /// Since the start, in ms.
    pub uptime_ms: u64,
    /// The store's last failure, while it is not healthy.
    pub storage_error: Option<String>,
    /// Counters since the start, by name.
    pub counters: serde_json::Map<String, serde_json::Value>,
}

/// An address.
#[derive(Debug, Clone, Serialize)]
pub struct Listening {
    /// The IP address.
    pub host: String,
    /// The TCP port.
    pub port: u16,
}

impl Module {
    /// Binds the port, opens the store and serves. If anything fails, nothing is left behind.
    ///
    /// `folder` is where relative paths of the configuration begin: the system data folder.
    /// `room_types` are the application's own kinds of rooms; more may be registered later.
    pub async fn start(
        config: Config,
        folder: PathBuf,
        host: Arc<dyn Host>,
        room_types: RoomTypes,
    ) -> Result<Self> {
        let config = Arc::new(config);
        // The port first: if it is busy, no file has been touched.
        let listener = Listener::bind(&config.host, config.port).await?;
        let address = listener.address();
        let store = open_store(&config, &folder, &host)?;
        let settings = Arc::new(room_settings(&config));
        let metrics = Arc::<Metrics>::default();
        let services = RoomServices {
            store: store.clone(),
            host: Arc::clone(&host),
            codec: RoomCodec::of(&*host, config.host_timeout),
            metrics: Arc::clone(&metrics),
            settings,
        };
        let rooms = Registry::new(services);
        let limits = &config.rate_limiting;
        let caps = ConnectionCaps {
            per_ip: limits.connections_per_ip,
            per_user: limits.connections_per_user,
            total: limits.max_connections,
        };
        let groups = Groups::new(Arc::clone(&host), rooms.places());
        let context = Arc::new(Context {
            room_types,
            groups,
            counters: ConnectionCounters::new(caps),
            config,
            host,
            rooms,
            sessions: Sessions::default(),
            metrics,
            store,
            stopping: CancellationToken::new(),
            tasks: TaskTracker::new(),
        });
        context.tasks.spawn(sweep_now_and_then(Arc::clone(&context)));
        listener.serve(Arc::clone(&context));
        info!(operation = "realtime:server:start", %address, "listening");
        Ok(Self { context, address, started: Instant::now(), stopped: OnceCell::new() })
    }

    /// Where it listens.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Saves a room now. No live room: nothing was created, and there is no version.
    pub async fn snapshot(&self, room: &RoomId) -> Result<SnapshotOutcome> {
        self.check_running()?;
        let outcome = self.context.rooms.snapshot(room).await?;
        Ok(outcome.unwrap_or_else(|| SnapshotOutcome {
            created: false,
            version: None,
            timestamp_ms: crate::clock::now_ms(),
        }))
    }

    /// The rooms in memory, by id.
    pub fn rooms(&self) -> Result<Vec<RoomSummary>> {
        self.check_running()?;
        let mut rooms = self.context.rooms.rooms();
        rooms.extend(self.context.groups.rooms());
        rooms.sort_by(|a, b| a.id.cmp(&b.id));
        Ok(rooms)
    }

    /// Ends all connections of a user and gives their number. Nothing that they send from now on counts.
    pub fn revoke(&self, user: &UserId, reason: &str) -> Result<usize> {
        self.check_running()?;
        let count = self.context.sessions.revoke(user, reason, Instant::now());
        info!(operation = "realtime:session:revoke", %user, count, "sessions revoked");
        Ok(count)
    }

    /// How it is. Works after the shutdown, too.
    pub fn health(&self) -> Health {
        let stopped = self.is_stopping();
        let storage = self.context.store.health();
        let counters = self.context.metrics.all().into_iter();
        Health {
            status: match (stopped, &storage) {
                (true, _) => "stopped",
                (false, StoreHealth::Ok) => "healthy",
                (false, StoreHealth::Degraded { .. }) => "degraded",
            },
            listening: (!stopped)
                .then(|| Listening { host: self.address.ip().to_string(), port: self.address.port() }),
            connections: self.context.sessions.len(),
            rooms: self.context.rooms.len() + self.context.groups.len(),
            uptime_ms: u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX),
            storage_error: match storage {
                StoreHealth::Ok => None,
                StoreHealth::Degraded { error, .. } => Some(error),
            },
            counters: counters.map(|(name, _, value)| (name.to_owned(), value.into())).collect(),
        }
    }

    /// Stops accepting, sends everybody away with 4503, saves every room and closes the store, all
    /// within `shutdown_timeout`. A second call waits for the first and gives the same.
    pub async fn shutdown(&self) {
        self.stopped.get_or_init(|| self.stop()).await;
    }

    async fn stop(&self) {
        let Context { config, sessions, rooms, store, stopping, tasks, .. } = &*self.context;
        let deadline = Instant::now() + config.shutdown_timeout;
        let left = || deadline.saturating_duration_since(Instant::now());
        info!(operation = "realtime:server:shutdown", clients = sessions.len(), "shutting down");
        stopping.cancel();
        let farewell =
            control::close(&RealtimeError::new(Code::ServerShutdown, "the server is shutting down"));
        for session in sessions.all() {
            session.outbox.close(farewell.clone());
        }
        // What clients have sent is handed to the rooms before these are told to end.
        let _ = timeout(FAREWELL_MAX.min(left()), sessions.emptied()).await;
        if timeout(left(), rooms.shutdown()).await.is_err() {
            warn!(
                operation = "realtime:server:shutdown",
                "not every room could write its draft within shutdown_timeout; their edits are in the log"
            );
            rooms.abandon();
        }
        if let Err(error) = store.close(left().max(FAREWELL_MAX)).await {
            warn!(operation = "realtime:server:shutdown", code = %error.code, "{}", error.message);
        }
        tasks.close();
        let _ = timeout(STRAGGLERS_MAX.min(left()), tasks.wait()).await;
        info!(operation = "realtime:server:shutdown", "stopped");
    }

    /// The host ends without a shutdown: what is queued is written, and nothing else is waited for.
    pub async fn abandon(&self, wait: Duration) {
        self.context.stopping.cancel();
        // Whoever could be told of a failure is gone.
        let _ = self.context.store.close(wait).await;
    }

    fn is_stopping(&self) -> bool {
        self.context.stopping.is_cancelled()
    }

    fn check_running(&self) -> Result<()> {
        if self.is_stopping() { Err(not_running("it was shut down")) } else { Ok(()) }
    }
}

/// The answer to calls that need a running module.
pub fn not_running(why: &str) -> RealtimeError {
    RealtimeError::new(Code::NotRunning, format!("the realtime module is not running: {why}"))
}

fn open_store(config: &Config, folder: &std::path::Path, host: &Arc<dyn Host>) -> Result<Store> {
    let file = config.storage.file_in(folder);
    let settings = SqliteSettings { durability: config.storage.durability, ..SqliteSettings::default() };
    let snapshots = file.parent().unwrap_or(folder).join(SNAPSHOT_FOLDER);
    let exclusive = Exclusive::take(&file)?;
    let backend = match config.snapshots.storage {
        SnapshotStorage::Database => {
            import_snapshot_files(&file, &snapshots, &settings)?;
            exclusive.around(SqliteBackend::open(&file, &settings)?)
        }
        SnapshotStorage::Filesystem => {
            exclusive.around(FilesystemBackend::open(&file, &snapshots, &settings)?)
        }
    };
    let settings = StoreSettings {
        group_window: config.storage.group_window,
        queue_bytes_max: config.storage.queue_bytes_max,
        ..StoreSettings::default()
    };
    let host = Arc::clone(host);
    let observer = move |health: &StoreHealth| match health {
        StoreHealth::Ok => {
            info!(operation = "realtime:storage:state", "the store can write again");
            host.emit(hooks::storage_state(false, None));
        }
        StoreHealth::Degraded { error, .. } => {
            warn!(
                operation = "realtime:storage:state",
                "the store cannot write; editing goes on in memory: {error}"
            );
            host.emit(hooks::storage_state(true, Some(error)));
        }
    };
    Store::start(backend, settings, Arc::new(observer))
}

fn room_settings(config: &Config) -> RoomSettings {
    RoomSettings {
        grace_period: config.rooms.grace_period,
        cleanup_timeout: config.rooms.cleanup_timeout,
        save: SavePolicy {
            enabled: config.snapshots.enabled && config.features.snapshots,
            interval: config.snapshots.interval,
            updates_max: config.snapshots.max_updates,
        },
        host_timeout: config.host_timeout,
        rooms_max: config.rooms.max_rooms,
        presence_is_shared: config.features.presence_tracking,
        document_bytes_max: config.document.bytes_max,
        lossy: config.document.lossy,
    }
}

/// Deletes snapshots of rooms that were inactive for too long: at the start, and every few hours.
async fn sweep_now_and_then(context: Arc<Context>) {
    loop {
        sweep(&context).await;
        tokio::select! {
            () = context.stopping.cancelled() => return,
            () = tokio::time::sleep(SWEEP_INTERVAL) => {}
        }
    }
}

async fn sweep(context: &Context) {
    let active: HashSet<RoomId> = context.rooms.rooms().into_iter().map(|room| room.id).collect();
    let older_than = crate::clock::now_ms() - i64::try_from(SNAPSHOT_TTL.as_millis()).unwrap_or(i64::MAX);
    match context.store.sweep(active, older_than).await {
        Ok(expired) => {
            for gone in expired {
                context.host.emit(hooks::snapshot_expired(&gone.room, gone.version, gone.age_ms));
            }
        }
        Err(error) => {
            warn!(operation = "realtime:snapshot:sweep", code = %error.code, "{}", error.message);
        }
    }
}
