//! Tests of the writer, with a disk that can be made to fail.

mod closing;
mod faults;
mod normal;
mod random;

use bytes::Bytes;
use tokio::sync::{mpsc, watch};

use super::*;
use crate::store::conformance::{room, snapshot};
use crate::store::memory::{Call, Fault, MemoryDisk};

struct Harness {
    disk: MemoryDisk,
    store: Store,
    /// Every change of health.
    healths: mpsc::UnboundedReceiver<StoreHealth>,
}

fn settings() -> StoreSettings {
    StoreSettings {
        group_window: Duration::from_millis(1),
        retry_first: Duration::from_millis(1),
        retry_longest: Duration::from_millis(8),
        ..StoreSettings::default()
    }
}

impl Harness {
    fn start() -> Self {
        Self::start_with(settings())
    }

    fn start_with(settings: StoreSettings) -> Self {
        let disk = MemoryDisk::default();
        let (store, healths) = start(disk.open(), settings);
        Self { disk, store, healths }
    }

    async fn open(&self, id: &str) -> RoomLog {
        self.store.load(&room(id)).await.unwrap().1
    }

    fn stored(&self, id: &str) -> Vec<Bytes> {
        self.disk.stored(&room(id)).log
    }
}

fn start(
    backend: Box<dyn Backend>,
    settings: StoreSettings,
) -> (Store, mpsc::UnboundedReceiver<StoreHealth>) {
    let (changes, healths) = mpsc::unbounded_channel();
    let observer = move |health: &StoreHealth| drop(changes.send(health.clone()));
    (Store::start(backend, settings, Arc::new(observer)).unwrap(), healths)
}

async fn until(committed: &mut watch::Receiver<u64>, seq: u64) {
    committed.wait_for(|committed| *committed >= seq).await.unwrap();
}

fn text(text: &'static str) -> Bytes {
    Bytes::from_static(text.as_bytes())
}

fn is_degraded(health: &StoreHealth) -> bool {
    matches!(health, StoreHealth::Degraded { .. })
}
