//! One life of the process: its rooms, its store, and a runtime of one thread whose clock stands still unless
//! it is moved. To drop it is to kill it.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt;
use tokio::runtime::Runtime;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::clock;
use crate::config::LossyPolicy;
use crate::error::{Code, RealtimeError, Result};
use crate::host::Host;
use crate::ids::{ClientId, RoomId};
use crate::room::codec::RoomCodec;
use crate::room::messages::{Join, Message, RoomServices, RoomSettings, SnapshotOutcome};
use crate::room::outbox::Outbox;
use crate::room::registry::{Inbox, Registry};
use crate::room::saving::SavePolicy;
use crate::room::sessions::Session;
use crate::room::state::Member;
use crate::store::Backend;
use crate::store::writer::{SteppedWriter, Store, StoreSettings};

/// So large that no run fills it.
const DOCUMENT_BYTES_MAX: usize = 1024 * 1024;

/// How long a store that can write may take to close.
const CLOSE_PATIENCE: Duration = Duration::from_secs(10);

/// How often a process that shuts down is let go on before it is said that it never ends.
const SHUTDOWN_STEPS_MAX: usize = 5_000;

const SHUTDOWN_STEP: Duration = Duration::from_millis(50);

/// What the process is configured with.
#[derive(Clone)]
pub(super) struct Settings {
    rooms: RoomSettings,
    pub(super) store: StoreSettings,
}

impl Settings {
    /// Such as make much happen in a short time.
    pub(super) fn any(random: &mut fastrand::Rng) -> Self {
        let millis = |choices: &[u64], random: &mut fastrand::Rng| {
            Duration::from_millis(choices[random.usize(..choices.len())])
        };
        let queue_entries_max = [3, 30, 100_000][random.usize(..3)];
        let queue_bytes_max = [500, 5_000, 1 << 26][random.usize(..3)];
        let store = StoreSettings {
            group_entries_full: queue_entries_max,
            group_bytes_full: queue_bytes_max,
            queue_bytes_max,
            queue_entries_max,
            retry_first: Duration::from_millis(20),
            retry_longest: Duration::from_millis(200),
            random: random.fork(),
            ..StoreSettings::default()
        };
        let rooms = RoomSettings {
            grace_period: millis(&[0, 1_000, 60_000], random),
            cleanup_timeout: millis(&[5_000, 600_000], random),
            save: SavePolicy {
                enabled: random.u8(..8) > 0,
                interval: millis(&[0, 1_000, 30_000], random),
                updates_max: [2, 10, 1_000][random.usize(..3)],
            },
            host_timeout: Duration::from_secs(5),
            rooms_max: 10,
            presence_is_shared: random.u8(..6) > 0,
            document_bytes_max: [DOCUMENT_BYTES_MAX, DOCUMENT_BYTES_MAX, 2_500, 1_200][random.usize(..4)],
            lossy: LossyPolicy::ReadOnly,
        };
        Self { rooms, store }
    }

    /// How large a document may become, if one may in a run become as large as that.
    pub(super) fn document_bytes_max(&self) -> Option<usize> {
        Some(self.rooms.document_bytes_max).filter(|max| *max < DOCUMENT_BYTES_MAX)
    }

    /// As if documents may become as large as they like.
    pub(super) fn without_largest_size(&self) -> Self {
        let rooms = RoomSettings { document_bytes_max: DOCUMENT_BYTES_MAX, ..self.rooms.clone() };
        Self { rooms, store: self.store.clone() }
    }

    /// Whether there are snapshots and drafts, and not the log alone.
    pub(super) const fn saves(&self) -> bool {
        self.rooms.save.enabled
    }
}

/// A process.
pub(super) struct Server {
    // First, so that it is dropped first: what runs ends where it stands.
    runtime: Runtime,
    rooms: Registry,
    store: Store,
    writer: SteppedWriter,
}

impl Server {
    pub(super) fn start(disk: Box<dyn Backend>, host: Arc<dyn Host>, settings: &Settings) -> Self {
        let mut builder = tokio::runtime::Builder::new_current_thread();
        let runtime = builder.enable_time().start_paused(true).build().unwrap();
        let (store, writer) = {
            let _inside = runtime.enter();
            Store::stepped(disk, settings.store.clone(), Arc::new(|_| ())).unwrap()
        };
        let services = RoomServices {
            store: store.clone(),
            codec: RoomCodec::of(&*host, settings.rooms.host_timeout),
            host,
            metrics: Arc::default(),
            settings: Arc::new(settings.rooms.clone()),
        };
        Self { runtime, rooms: Registry::new(services), store, writer }
    }

    /// Lets time pass. All that can be done in it is done.
    pub(super) fn run_for(&self, time: Duration) {
        self.runtime.block_on(async { tokio::time::sleep(time).await });
    }

    /// Lets each task take so many steps; no time passes.
    pub(super) fn take_turns(&self, turns: usize) {
        self.runtime.block_on(async {
            for _ in 0..turns {
                tokio::task::yield_now().await;
            }
        });
    }

    /// The disk is given what waits for it. False if nothing did.
    pub(super) fn write(&mut self) -> bool {
        let _inside = self.runtime.enter();
        self.writer.step()
    }

    /// Whether something waits to be written again.
    pub(super) fn is_stuck(&self) -> bool {
        self.writer.is_stuck()
    }

    /// Entries and bytes that wait for the disk.
    pub(super) fn unwritten(&self) -> (usize, usize) {
        self.writer.unwritten()
    }

    /// A connection, and what the host said of its user.
    pub(super) fn open_session(
        &self,
        room: &RoomId,
        client: ClientId,
        member: &Member,
        outbox: Outbox,
    ) -> Arc<Session> {
        let _inside = self.runtime.enter();
        let (user, ip) = (member.user.id.clone(), IpAddr::V4(Ipv4Addr::LOCALHOST));
        let session = Session::new(client, user, room.clone(), ip, member.reads_text, outbox, clock::now());
        Arc::new(session.authorized(None, member.read_only))
    }

    /// Somebody comes to the door, as `server/admission.rs` brings them there.
    pub(super) fn admit(
        &self,
        session: Arc<Session>,
        member: Member,
        first: Option<Bytes>,
    ) -> JoinHandle<Result<Inbox>> {
        let (reply, joined) = oneshot::channel();
        let (rooms, room) = (self.rooms.clone(), session.room.clone());
        let (client, outbox) = (session.client, session.outbox.clone());
        let join = Join { client, member, outbox, session, first, arrival: None, reply };
        self.runtime.spawn(async move {
            let inbox = rooms.join(&room, join).await?;
            joined.await.unwrap_or_else(|_| {
                Err(RealtimeError::new(Code::Internal, "the room ended while the client joined"))
            })?;
            Ok(inbox)
        })
    }

    /// What became of a client at the door, once it is known.
    pub(super) fn answer<T>(&self, task: &mut JoinHandle<T>) -> Option<T> {
        task.is_finished().then(|| self.runtime.block_on(task).unwrap())
    }

    /// Sends a message behind those that were sent before, whenever there is room for it.
    pub(super) fn send(&self, inbox: &Inbox, message: Message) {
        let inbox = inbox.clone();
        self.runtime.spawn(async move { drop(inbox.send(message).await) });
    }

    /// The room hears that a client is gone, even if it is only just on its way in.
    pub(super) fn send_when_admitted(&self, task: JoinHandle<Result<Inbox>>, message: Message) {
        self.runtime.spawn(async move {
            if let Ok(Ok(inbox)) = task.await {
                let _ = inbox.send(message).await;
            }
        });
    }

    /// Tells a room something, if it is in memory.
    pub(super) fn tell(&self, room: &RoomId, message: Message) {
        let (rooms, room) = (self.rooms.clone(), room.clone());
        self.runtime.spawn(async move { rooms.tell(&room, message).await });
    }

    /// The host locks a room, or unlocks it.
    pub(super) fn lock(&self, room: &RoomId, locked: bool) {
        let (rooms, room) = (self.rooms.clone(), room.clone());
        let reason = locked.then(|| "a vote".to_owned());
        let mut locking = Box::pin(async move { rooms.lock_room(&room, reason).await.unwrap() });
        // The room is told before whatever anybody says from now on.
        let _inside = self.runtime.enter();
        if (&mut locking).now_or_never().is_none() {
            self.runtime.spawn(locking);
        }
    }

    /// The host asks for a snapshot.
    pub(super) fn ask_snapshot(&self, room: &RoomId) -> JoinHandle<Result<Option<SnapshotOutcome>>> {
        let (rooms, room) = (self.rooms.clone(), room.clone());
        self.runtime.spawn(async move { rooms.snapshot(&room).await })
    }

    /// Ends as `module.rs` does it: rooms save and end, then the store writes all that it has.
    pub(super) fn shut_down(mut self) -> std::result::Result<(), String> {
        let rooms = self.rooms.clone();
        self.work_until(async move { rooms.shutdown().await })?;
        if !self.rooms.is_empty() {
            return Err("a room is left after a shutdown".to_owned());
        }
        let store = self.store.clone();
        let closed = self.work_until(async move { store.close(CLOSE_PATIENCE).await })?;
        closed.map_err(|error| format!("the store was closed badly: {}", error.message))
    }

    fn work_until<T: Send + 'static>(
        &mut self,
        end: impl Future<Output = T> + Send + 'static,
    ) -> std::result::Result<T, String> {
        let mut task = self.runtime.spawn(end);
        for _ in 0..SHUTDOWN_STEPS_MAX {
            self.run_for(SHUTDOWN_STEP);
            if let Some(answer) = self.answer(&mut task) {
                return Ok(answer);
            }
            self.write();
        }
        Err("a shutdown never ends".to_owned())
    }
}
