//! The dashboards of `examples/dashboard_room.rs`, over real sockets.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::Arc;
use std::time::Duration;

use civicpress_realtime::config::Config;
use civicpress_realtime::module::Module;
use civicpress_realtime::room_type::RoomTypes;
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_websockets::{ClientBuilder, MaybeTlsStream, Message, WebSocketStream};

#[allow(dead_code, unreachable_pub, reason = "an example has a main function of its own")]
#[path = "../../examples/dashboard_room.rs"]
mod dashboard_room;

use dashboard_room::{Dashboards, NoRecords};

struct Client(WebSocketStream<MaybeTlsStream<TcpStream>>);

impl Client {
    async fn enter(module: &Module, room: &str) -> Self {
        let uri = format!("ws://{}/realtime/{room}", module.address());
        let (socket, _) = ClientBuilder::new().uri(&uri).unwrap().connect().await.unwrap();
        Self(socket)
    }

    async fn say(&mut self, message: Value) {
        self.0.send(Message::text(message.to_string())).await.unwrap();
    }

    async fn next(&mut self) -> Message {
        timeout(Duration::from_secs(10), self.0.next()).await.unwrap().unwrap().unwrap()
    }

    /// Reads up to the next message of this type.
    async fn hear(&mut self, kind: &str) -> Value {
        loop {
            let message = self.next().await;
            let message: Value = serde_json::from_str(message.as_text().unwrap()).unwrap();
            if message["type"] == kind {
                return message;
            }
        }
    }

    async fn counts(&mut self) -> (i64, u64) {
        let message = self.hear("count").await;
        (message["count"].as_i64().unwrap(), message["watching"].as_u64().unwrap())
    }
}

async fn start(folder: &tempfile::TempDir) -> Module {
    let types = RoomTypes::default();
    types.register("dashboard", Arc::new(Dashboards::default())).unwrap();
    let config = Config::from_value(json!({"host": "127.0.0.1", "port": 0})).unwrap().config;
    Module::start(config, folder.path().to_owned(), Arc::new(NoRecords), types).await.unwrap()
}

#[tokio::test]
async fn a_dashboard_counts_for_everybody_in_it() {
    let folder = tempfile::tempdir().unwrap();
    let module = start(&folder).await;
    let mut ann = Client::enter(&module, "dashboard/lobby").await;
    assert_eq!(ann.counts().await, (0, 1));
    let mut ben = Client::enter(&module, "dashboard/lobby").await;
    assert_eq!(ben.counts().await, (0, 2));
    assert_eq!(ann.counts().await, (0, 2));
    let mut elsewhere = Client::enter(&module, "dashboard/hall").await;
    assert_eq!(elsewhere.counts().await, (0, 1));

    ann.say(json!({"type": "add", "by": 2})).await;
    assert_eq!((ann.counts().await, ben.counts().await), ((2, 2), (2, 2)));
    ben.say(json!({"type": "multiply"})).await;
    let error = ben.hear("control").await;
    assert_eq!(error["error"]["code"], "INVALID_MESSAGE");
    ben.0.send(Message::binary(&br#"{"type":"add","by":-5}"#[..])).await.unwrap();
    assert_eq!((ann.counts().await, ben.counts().await), ((-3, 2), (-3, 2)));
    ben.0.close().await.unwrap();
    assert_eq!(ann.counts().await, (-3, 1));
    assert_eq!(module.rooms().unwrap().len(), 2);

    module.shutdown().await;
    let (code, _) =
        ann.next().await.as_close().map(|(code, reason)| (u16::from(code), reason.to_owned())).unwrap();
    assert_eq!(code, 4503);
}

#[tokio::test]
async fn a_dashboard_may_refuse() {
    let folder = tempfile::tempdir().unwrap();
    let module = start(&folder).await;
    let mut client = Client::enter(&module, "dashboard/closed").await;
    assert_eq!(client.hear("control").await["error"]["code"], "ROOM_NOT_FOUND");
    let message = client.next().await;
    assert_eq!(message.as_close().map(|(code, _)| u16::from(code)), Some(4004));
    module.shutdown().await;
}
