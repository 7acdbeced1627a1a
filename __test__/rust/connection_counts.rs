//! Whatever the order of comings, failures and goings: when all have gone, nothing is left counted, and
//! the caps let others in.
//!
//! The seed is printed; `CONNECTION_COUNTS_SEED` runs one again.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::Arc;
use std::time::Duration;

use civicpress_realtime::config::Config;
use civicpress_realtime::error::{Code, RealtimeError};
use civicpress_realtime::host::{
    Authorization, AuthorizeRequest, HookEvent, Host, HostFuture, LoadedRecord, User,
};
use civicpress_realtime::ids::{RoomId, UserId};
use civicpress_realtime::module::Module;
use civicpress_realtime::room_type::{ConnectRequest, Connected, Payload, Peer, RoomType, RoomTypes};
use futures_util::{SinkExt, StreamExt};
use serde_json::json;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};
use tokio_websockets::{ClientBuilder, MaybeTlsStream, Message, WebSocketStream};

const STEPS: usize = 400;
const PER_USER: usize = 3;
const PER_IP: usize = 12;
const ROOMS_MAX: usize = 4;
const USERS: i64 = 6;

/// Tokens are `user-N`, `denied`, `broken` or `slow-N`; records are `x`, `unreadable` and numbers.
struct Town;

impl Host for Town {
    fn authorize(&self, request: AuthorizeRequest) -> HostFuture<Authorization> {
        let token = request.token.reveal().to_owned();
        Box::pin(async move {
            let (kind, id) = token.split_once('-').unwrap_or((&token, "0"));
            match kind {
                "denied" => return Err(RealtimeError::new(Code::PermissionDenied, "no")),
                "broken" => return Err(RealtimeError::new(Code::HostFailed, "broken")),
                "slow" => sleep(Duration::from_millis(5)).await,
                _ => {}
            }
            let user = User { id: UserId::Number(id.parse().unwrap()), name: None };
            Ok(Authorization { user, role: None, can_edit: true })
        })
    }

    fn load(&self, room: RoomId) -> HostFuture<Option<LoadedRecord>> {
        Box::pin(async move {
            match room.local_id() {
                "unreadable" => Err(RealtimeError::new(Code::RecordUnreadable, "no")),
                _ => Ok(Some(LoadedRecord::default())),
            }
        })
    }

    fn saves_drafts(&self) -> bool {
        false
    }

    fn save(&self, _: RoomId, _: String) -> HostFuture<()> {
        Box::pin(async { Ok(()) })
    }

    fn emit(&self, _: HookEvent) {}
}

/// Desks fail by their name: `refuses`, `throws` (when somebody is in), `hangs` (at each message).
struct Desks;

impl RoomType for Desks {
    fn connect(&self, request: ConnectRequest) -> HostFuture<Connected> {
        let refuses = request.room.local_id() == "refuses";
        Box::pin(async move {
            if refuses { Err(RealtimeError::new(Code::RoomNotFound, "no")) } else { Ok(Connected::default()) }
        })
    }

    fn joined(&self, peer: Peer) -> HostFuture<()> {
        let throws = peer.room().local_id() == "throws";
        Box::pin(async move {
            if throws { Err(RealtimeError::new(Code::HostFailed, "no chair")) } else { Ok(()) }
        })
    }

    fn message(&self, peer: Peer, _: Payload) -> HostFuture<()> {
        let hangs = peer.room().local_id() == "hangs";
        Box::pin(async move { if hangs { std::future::pending().await } else { Ok(()) } })
    }
}

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// Connects, and waits until the server has said yes or no.
async fn connect(module: &Module, room: &str, token: &str) -> Option<Socket> {
    let mut socket = dial(module, room, token).await;
    loop {
        match timeout(Duration::from_secs(10), socket.next()).await.unwrap() {
            Some(Ok(message)) if message.as_text().is_some_and(|text| text.contains("connection.ack")) => {
                return Some(socket);
            }
            Some(Ok(message)) if !message.is_close() => {}
            _ => return None,
        }
    }
}

async fn dial(module: &Module, room: &str, token: &str) -> Socket {
    let uri = format!("ws://{}/realtime/{room}", module.address());
    let builder = ClientBuilder::new().uri(&uri).unwrap();
    let header = format!("Bearer {token}").try_into().unwrap();
    builder.add_header("authorization".try_into().unwrap(), header).unwrap().connect().await.unwrap().0
}

fn pick<'a>(random: &mut fastrand::Rng, from: &[&'a str]) -> &'a str {
    from[random.usize(..from.len())]
}

async fn step(module: &Module, random: &mut fastrand::Rng, here: &mut Vec<Socket>) {
    let user = random.i64(..USERS);
    let rooms = [
        "records/x",
        "records/1",
        "records/2",
        "records/3",
        "records/unreadable",
        "record/a%2Fb",
        "desk/1",
        "desk/2",
        "desk/refuses",
        "desk/throws",
        "desk/hangs",
        "nowhere/1",
    ];
    let room = pick(random, &rooms);
    let token = match random.u8(..10) {
        0 => "denied".to_owned(),
        1 => "broken".to_owned(),
        2 | 3 => format!("slow-{user}"),
        _ => format!("user-{user}"),
    };
    let someone = (!here.is_empty()).then(|| random.usize(..here.len()));
    match (random.u8(..12), someone) {
        (0..=5, _) => here.extend(connect(module, room, &token).await),
        // Goes before it was let in.
        (6, _) => drop(dial(module, room, &token).await),
        (7, Some(someone)) => {
            let mut socket = here.swap_remove(someone);
            timeout(Duration::from_secs(10), socket.close()).await.unwrap().unwrap_or_default();
        }
        // Goes without a word.
        (8, Some(someone)) => drop(here.swap_remove(someone)),
        // Breaks the protocol.
        (9, Some(someone)) => {
            let mut socket = here.swap_remove(someone);
            socket.get_mut().write_all(&[0xff; 64]).await.unwrap_or_default();
        }
        (10, Some(someone)) => {
            here[someone].send(Message::text("{\"type\":\"x\"}")).await.unwrap_or_default()
        }
        (11, _) => drop(module.kick(&UserId::Number(user), None, "out")),
        _ => drop(module.revoke(&UserId::Number(user), "out")),
    }
}

async fn until(what: &str, holds: impl Fn() -> bool) {
    let waited = timeout(Duration::from_secs(20), async {
        while !holds() {
            sleep(Duration::from_millis(5)).await;
        }
    });
    assert!(waited.await.is_ok(), "never: {what}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn counts_return_to_zero() {
    let seed = std::env::var("CONNECTION_COUNTS_SEED").ok().and_then(|seed| seed.parse().ok());
    let seed = seed.unwrap_or_else(|| fastrand::u64(..));
    println!("CONNECTION_COUNTS_SEED={seed}");
    let mut random = fastrand::Rng::with_seed(seed);

    let folder = tempfile::tempdir().unwrap();
    let types = RoomTypes::default();
    types.register("desk", Arc::new(Desks)).unwrap();
    let config = json!({
        "host": "127.0.0.1", "port": 0, "host_timeout": 0.2,
        "rooms": {"max_rooms": ROOMS_MAX, "grace_period_ms": 0},
        "rate_limiting": {"connections_per_user": PER_USER, "connections_per_ip": PER_IP},
    });
    let config = Config::from_value(config).unwrap().config;
    let module = Module::start(config, folder.path().to_owned(), Arc::new(Town), types).await.unwrap();

    let mut here = Vec::new();
    for _ in 0..STEPS {
        step(&module, &mut random, &mut here).await;
    }
    drop(here);

    until("nobody is connected", || module.health().connections == 0).await;
    until("no room is left", || module.health().rooms == 0).await;
    assert!(module.connections().unwrap().is_empty());
    // As many as the caps allow come in: no place is taken by somebody who has gone.
    let mut back = Vec::new();
    for place in 0..PER_IP {
        let user = 100 + place / PER_USER;
        let room = ["records/x", "desk/1", "records/1", "desk/2"][place % ROOMS_MAX];
        let socket = connect(&module, room, &format!("user-{user}")).await;
        back.push(socket.unwrap_or_else(|| panic!("place {place} is taken")));
    }
    assert!(connect(&module, "records/x", "user-200").await.is_none(), "the cap itself holds");
    module.shutdown().await;
}
