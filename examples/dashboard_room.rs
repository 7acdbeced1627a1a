//! A kind of room of your own in Rust: dashboards that count. `examples/room-type.mjs` is the same in
//! JavaScript.
//!
//! Whoever is in `dashboard/lobby` sees one number. `{"type":"add","by":2}` adds to it, and everybody is
//! told `{"type":"count","count":2,"watching":1}`; so is whoever comes in.
//!
//! `cargo run --no-default-features --example dashboard_room` serves it on port 3001 until Enter is pressed.

use std::collections::HashMap;
use std::error::Error;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use civicpress_realtime::config::Config;
use civicpress_realtime::error::{Code, RealtimeError, Result};
use civicpress_realtime::host::{Authorization, AuthorizeRequest, HookEvent, Host, HostFuture, LoadedRecord};
use civicpress_realtime::ids::RoomId;
use civicpress_realtime::module::Module;
use civicpress_realtime::room_type::{ConnectRequest, Connected, Payload, Peer, RoomType, RoomTypes};
use serde::Deserialize;
use serde_json::json;

/// Rooms that count. Their clients authenticate themselves to nobody: who knows the room may look and add.
#[derive(Default)]
pub struct Dashboards {
    // A plain mutex: held while numbers change and are queued for sending, never across an await.
    rooms: Mutex<HashMap<RoomId, Dashboard>>,
}

#[derive(Default)]
struct Dashboard {
    count: i64,
    watching: Vec<Peer>,
}

/// What a client may say.
#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "lowercase")]
enum Message {
    Add { by: i64 },
}

impl Dashboard {
    fn tell_all(&self) {
        let message = json!({"type": "count", "count": self.count, "watching": self.watching.len()});
        for peer in &self.watching {
            // False for a reader that is too slow; it sees the next number.
            peer.send_text(&message.to_string());
        }
    }
}

impl Dashboards {
    fn add(&self, peer: &Peer, message: &Payload) -> Result<()> {
        let text = match message {
            Payload::Text(text) => text.as_bytes(),
            Payload::Binary(bytes) => bytes,
        };
        let Message::Add { by } = serde_json::from_slice(text)
            .map_err(|error| RealtimeError::new(Code::InvalidMessage, format!("expected an add: {error}")))?;
        if let Some(dashboard) = self.rooms().get_mut(peer.room()) {
            dashboard.count = dashboard.count.saturating_add(by);
            dashboard.tell_all();
        }
        Ok(())
    }

    fn leave(&self, peer: &Peer) {
        let mut rooms = self.rooms();
        let Some(dashboard) = rooms.get_mut(peer.room()) else { return };
        dashboard.watching.retain(|watching| watching.client() != peer.client());
        if dashboard.watching.is_empty() {
            rooms.remove(peer.room());
        } else {
            dashboard.tell_all();
        }
    }

    fn rooms(&self) -> MutexGuard<'_, HashMap<RoomId, Dashboard>> {
        self.rooms.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl RoomType for Dashboards {
    fn authenticates(&self) -> bool {
        true
    }

    fn connect(&self, request: ConnectRequest) -> HostFuture<Connected> {
        let is_closed = request.room.local_id() == "closed";
        Box::pin(async move {
            if is_closed {
                return Err(RealtimeError::new(Code::RoomNotFound, "no such dashboard"));
            }
            Ok(Connected::default())
        })
    }

    fn joined(&self, peer: Peer) -> HostFuture<()> {
        let mut rooms = self.rooms();
        let dashboard = rooms.entry(peer.room().clone()).or_default();
        dashboard.watching.push(peer);
        dashboard.tell_all();
        Box::pin(async { Ok(()) })
    }

    fn message(&self, peer: Peer, message: Payload) -> HostFuture<()> {
        // What goes wrong is told to the client as an error frame.
        let added = self.add(&peer, &message);
        Box::pin(async { added })
    }

    fn left(&self, peer: Peer, _: &'static str) -> HostFuture<()> {
        self.leave(&peer);
        Box::pin(async { Ok(()) })
    }
}

/// A host without records.
pub struct NoRecords;

impl Host for NoRecords {
    fn authorize(&self, _: AuthorizeRequest) -> HostFuture<Authorization> {
        Box::pin(async { Err(RealtimeError::new(Code::PermissionDenied, "there are no records here")) })
    }

    fn load(&self, _: RoomId) -> HostFuture<Option<LoadedRecord>> {
        Box::pin(async { Ok(None) })
    }

    fn saves_drafts(&self) -> bool {
        false
    }

    fn save(&self, _: RoomId, _: String) -> HostFuture<()> {
        Box::pin(async { Ok(()) })
    }

    fn emit(&self, event: HookEvent) {
        eprintln!("{} {}", event.name, json!(event.data));
    }
}

#[tokio::main]
async fn main() -> std::result::Result<(), Box<dyn Error>> {
    let folder = std::env::temp_dir().join("civicpress-dashboards");
    std::fs::create_dir_all(&folder)?;
    let types = RoomTypes::default();
    types.register("dashboard", Arc::new(Dashboards::default()))?;
    let config = Config::from_value(json!({"host": "127.0.0.1"}))?.config;
    let module = Module::start(config, folder, Arc::new(NoRecords), types).await?;
    println!("ws://{}/realtime/dashboard/lobby; Enter ends it", module.address());
    tokio::task::spawn_blocking(|| std::io::stdin().read_line(&mut String::new())).await??;
    module.shutdown().await;
    Ok(())
}
