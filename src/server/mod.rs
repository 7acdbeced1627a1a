//! The WebSocket server: from an accepted socket to a client in its room, and back.
//!
//! - [`listener`]: accepts, answers plain HTTP, hands upgrades on
//! - [`entering`]: how many may be on their way in, altogether and from one address
//! - [`request`]: what a client asks for: room, token, subprotocol; no IO
//! - [`extensions`]: whether messages are compressed
//! - [`origin`]: where a client really comes from (`trusted_proxies`, `allowed_origins`)
//! - [`socket`]: the reading side of a client's socket
//! - [`admission`]: who is let in, and where to
//! - [`destination`]: a record's room, or a type of the application's
//! - [`connection`]: one client from its upgrade to its end
//! - [`intake`]: reads one client's messages under the message limit
//! - [`writer`]: writes out what waits for one client
//! - [`heartbeat`]: pings everybody and drops the dead; one task for all
//! - [`revalidation`]: asks the host again about everybody; one task for all
//! - [`http`]: `/healthz` and `/metrics`

pub(crate) mod admission;
mod connection;
mod destination;
mod entering;
mod extensions;
mod heartbeat;
mod http;
mod intake;
pub mod listener;
mod origin;
mod request;
pub(crate) mod revalidation;
mod socket;
mod writer;

use std::sync::Arc;

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::config::Config;
use crate::host::Host;
use crate::limits::ConnectionCounters;
use crate::metrics::Metrics;
use crate::room::groups::Groups;
use crate::room::registry::Registry;
use crate::room::sessions::Sessions;
use crate::room_type::RoomTypes;
use crate::store::writer::Store;

/// What connections need from around them.
pub struct Context {
    /// The settings.
    pub config: Arc<Config>,
    /// The application.
    pub host: Arc<dyn Host>,
    /// The rooms.
    pub rooms: Registry,
    /// The application's own kinds of rooms.
    pub room_types: RoomTypes,
    /// Who is in rooms of those kinds.
    pub groups: Groups,
    /// Who is connected.
    pub sessions: Sessions,
    /// Caps on connections.
    pub counters: ConnectionCounters,
    /// What happened so far.
    pub metrics: Arc<Metrics>,
    /// For `/healthz`.
    pub store: Store,
    /// Cancelled when the module shuts down.
    pub stopping: CancellationToken,
    /// Every connection's task.
    pub tasks: TaskTracker,
}
