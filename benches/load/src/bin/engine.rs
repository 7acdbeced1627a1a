//! The engine without Node.js: `engine PORT`. Everything as by default (merging, presence, log and
//! snapshots on disk), but for the limits that would refuse the load.

use std::sync::Arc;

use civicpress_realtime::config::Config;
use civicpress_realtime::host::{
    Authorization, AuthorizeRequest, HookEvent, Host, HostFuture, LoadedRecord, User,
};
use civicpress_realtime::ids::{RoomId, UserId};
use civicpress_realtime::module::Module;
use civicpress_realtime::room_type::RoomTypes;

/// Lets everybody in; its records are empty.
struct Town;

impl Host for Town {
    fn authorize(&self, request: AuthorizeRequest) -> HostFuture<Authorization> {
        let id = UserId::Text(request.token.reveal().to_owned());
        Box::pin(async { Ok(Authorization { user: User { id, name: None }, role: None, can_edit: true }) })
    }

    fn load(&self, _: RoomId) -> HostFuture<Option<LoadedRecord>> {
        Box::pin(async { Ok(Some(LoadedRecord::default())) })
    }

    fn saves_drafts(&self) -> bool {
        false
    }

    fn save(&self, _: RoomId, _: String) -> HostFuture<()> {
        Box::pin(async { Ok(()) })
    }

    fn emit(&self, _: HookEvent) {}
}

#[tokio::main]
async fn main() {
    civicpress_realtime_load::process::raise_file_limit();
    let port = std::env::args().nth(1).and_then(|port| port.parse().ok()).expect("usage: engine PORT");
    let folder = tempfile::tempdir().expect("a folder");
    let mut config = Config { port, ..Config::default() };
    let limits = &mut config.rate_limiting;
    limits.messages_per_second = 1_000_000;
    limits.frames_per_second_max = 10_000_000;
    limits.bytes_per_second_max = 10_000_000_000;
    limits.connections_per_ip = 100_000;
    limits.connections_per_user = 100_000;
    limits.max_connections = 100_000;
    config.rooms.max_rooms = 10_000;
    config.document.bytes_max = 256 * 1024 * 1024;
    let module = Module::start(config, folder.path().to_owned(), Arc::new(Town), RoomTypes::default()).await;
    println!("listening on {}", module.expect("the engine starts").address());
    std::future::pending::<()>().await;
}
