//! A registry with a scripted host and disk, and clients that keep a document of their own.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::atomic::AtomicBool;
use std::sync::{Mutex, mpsc as std_mpsc};

use bytes::Bytes;
use tokio::sync::watch;

use super::*;
use crate::host::{self, Authorization, AuthorizeRequest, HookEvent, HostFuture, LoadedRecord, User};
use crate::ids::UserId;
use crate::protocol::sync::ClientMessage;
use crate::room::codec::RoomCodec;
use crate::room::messages::RoomSettings;
use crate::room::registry::Inbox;
use crate::room::saving::SavePolicy;
use crate::room::state::tests::editor::Editor;
use crate::room::state::tests::{self, word};
use crate::room::state::{AckMode, Member};
use crate::store::memory::MemoryDisk;
use crate::store::writer::{Store, StoreSettings};

pub(super) const HOST_TIMEOUT: Duration = Duration::from_secs(10);

/// A record's text.
pub(super) const TEXT: &str = "The council meets on Tuesday.";

/// A word of the record's text, found as often as the record stands in a document.
const SEEDED: &str = "Tuesday";

/// How long a test waits, in real time, before it lets its clock run and so comes to its end.
const PATIENCE: Duration = Duration::from_secs(20);

/// Waits for something that must come.
async fn must<T>(come: impl Future<Output = T>) -> T {
    let years = Duration::from_secs(10 * 365 * 24 * 3600);
    let since = std::time::Instant::now();
    let came = tokio::time::timeout(years, come).await.expect("what was waited for never came");
    assert!(since.elapsed() < PATIENCE / 2, "what was waited for came only when the clock ran on");
    came
}

/// Something that waits while it is shut.
struct Gate(watch::Sender<bool>);

impl Gate {
    fn new() -> Self {
        Self(watch::Sender::new(true))
    }

    fn passed(&self) -> impl Future<Output = ()> + Send + 'static {
        let mut open = self.0.subscribe();
        // Its sender is gone only when the test is over.
        async move { drop(open.wait_for(|open| *open).await) }
    }
}

/// The application, as scripted.
pub(super) struct Host {
    /// The record's text; `None` = no such record.
    pub(super) text: Mutex<Option<String>>,
    pub(super) fails: AtomicBool,
    pub(super) saves_drafts: AtomicBool,
    loading: Gate,
    saving: Gate,
    /// How often it was asked for the record.
    pub(super) loads: watch::Sender<usize>,
    /// The drafts it was given, those it refused included.
    pub(super) drafts: watch::Sender<Vec<String>>,
    pub(super) events: watch::Sender<Vec<HookEvent>>,
}

impl Host {
    fn new() -> Self {
        Self {
            text: Mutex::new(Some(TEXT.to_owned())),
            fails: AtomicBool::new(false),
            saves_drafts: AtomicBool::new(true),
            loading: Gate::new(),
            saving: Gate::new(),
            loads: watch::Sender::new(0),
            drafts: watch::Sender::new(Vec::new()),
            events: watch::Sender::new(Vec::new()),
        }
    }

    pub(super) fn hold_load(&self, hold: bool) {
        self.loading.0.send_replace(!hold);
    }

    pub(super) fn hold_save(&self, hold: bool) {
        self.saving.0.send_replace(!hold);
    }

    pub(super) fn fail(&self, fails: bool) {
        self.fails.store(fails, Ordering::SeqCst);
    }

    pub(super) fn count(&self, event: &str) -> usize {
        self.events.borrow().iter().filter(|seen| seen.name == event).count()
    }

    /// A field of the last event of this name.
    pub(super) fn last(&self, event: &str, field: &str) -> serde_json::Value {
        let events = self.events.borrow();
        events.iter().rfind(|seen| seen.name == event).unwrap().data[field].clone()
    }

    pub(super) async fn until(&self, event: &str, count: usize) {
        let mut events = self.events.subscribe();
        let seen = |events: &Vec<HookEvent>| events.iter().filter(|seen| seen.name == event).count();
        must(events.wait_for(|events| seen(events) >= count)).await.unwrap();
    }

    pub(super) async fn until_loads(&self, count: usize) {
        must(self.loads.subscribe().wait_for(|loads| *loads >= count)).await.unwrap();
    }

    pub(super) async fn until_drafts(&self, count: usize) {
        must(self.drafts.subscribe().wait_for(|drafts| drafts.len() >= count)).await.unwrap();
    }

    fn answer<T>(&self, value: T) -> Result<T> {
        let failure = RealtimeError::new(Code::HostFailed, "the host is not well");
        if self.fails.load(Ordering::SeqCst) { Err(failure) } else { Ok(value) }
    }
}

impl host::Host for Host {
    fn authorize(&self, _: AuthorizeRequest) -> HostFuture<Authorization> {
        unreachable!("rooms do not ask this")
    }

    fn load(&self, _: RoomId) -> HostFuture<Option<LoadedRecord>> {
        self.loads.send_modify(|loads| *loads += 1);
        let markdown = self.text.lock().unwrap().clone();
        let answer = self.answer(markdown.map(|markdown| LoadedRecord { markdown }));
        let passed = self.loading.passed();
        Box::pin(async {
            passed.await;
            answer
        })
    }

    fn saves_drafts(&self) -> bool {
        self.saves_drafts.load(Ordering::SeqCst)
    }

    fn save(&self, _: RoomId, markdown: String) -> HostFuture<()> {
        self.drafts.send_modify(|drafts| drafts.push(markdown.clone()));
        let answer = self.answer(());
        if answer.is_ok() {
            // Whoever asks for the record's text is given the draft from now on.
            *self.text.lock().unwrap() = Some(markdown);
        }
        let passed = self.saving.passed();
        Box::pin(async {
            passed.await;
            answer
        })
    }

    fn emit(&self, event: HookEvent) {
        self.events.send_modify(|events| events.push(event));
    }
}

pub(super) struct Harness {
    pub(super) disk: MemoryDisk,
    pub(super) store: Store,
    pub(super) host: Arc<Host>,
    pub(super) rooms: Registry,
    settings: RoomSettings,
    store_settings: StoreSettings,
    next_client: u64,
    /// A paused clock runs ahead when all tasks wait, also while they wait for a thread. As long as a
    /// blocking task is there it does not, and time passes only by [`Harness::pass`].
    _clock: std_mpsc::Sender<()>,
}

fn settings() -> RoomSettings {
    RoomSettings {
        presence_is_shared: true,
        grace_period: MINUTE,
        cleanup_timeout: 60 * MINUTE,
        save: SavePolicy { enabled: true, interval: 5 * MINUTE, updates_max: 1_000 },
        host_timeout: HOST_TIMEOUT,
        rooms_max: 10,
        document_bytes_max: 1024 * 1024,
        lossy: LossyPolicy::ReadOnly,
    }
}

impl Harness {
    pub(super) fn start() -> Self {
        Self::start_with(|_, _| ())
    }

    pub(super) fn start_with(change: impl FnOnce(&mut RoomSettings, &mut StoreSettings)) -> Self {
        let (clock, held) = std_mpsc::channel::<()>();
        tokio::task::spawn_blocking(move || {
            let _ = held.recv_timeout(PATIENCE);
        });
        let milli = Duration::from_millis(1);
        let mut store_settings =
            StoreSettings { group_window: milli, retry_first: milli, ..StoreSettings::default() };
        let mut settings = settings();
        change(&mut settings, &mut store_settings);
        let (disk, host) = (MemoryDisk::default(), Arc::new(Host::new()));
        let (store, rooms) = open(&disk, &host, &settings, &store_settings);
        Self { disk, store, host, rooms, settings, store_settings, next_client: 1, _clock: clock }
    }

    /// The process is killed: what is not on disk is lost, and another one starts.
    pub(super) async fn crash(&mut self) {
        // What cannot be written any more is what is lost.
        let _ = self.store.close(Duration::ZERO).await;
        self.disk.heal();
        (self.store, self.rooms) = open(&self.disk, &self.host, &self.settings, &self.store_settings);
    }

    /// Lets time pass, and everybody act on it.
    pub(super) async fn pass(&self, time: Duration) {
        // Timers are a millisecond coarse.
        tokio::time::advance(time + Duration::from_millis(2)).await;
        for _ in 0..8 {
            tokio::task::yield_now().await;
        }
    }

    /// Somebody joins; not waited for.
    pub(super) fn arrive(
        &mut self,
        change: impl FnOnce(&mut Member),
    ) -> tokio::task::JoinHandle<Result<Client>> {
        self.arrive_at(&room(), change)
    }

    pub(super) fn arrive_at(
        &mut self,
        room: &RoomId,
        change: impl FnOnce(&mut Member),
    ) -> tokio::task::JoinHandle<Result<Client>> {
        let number = self.next_client;
        self.next_client += 1;
        let (join, reply, client) = self.at_the_door(room, number, change);
        let (rooms, room) = (self.rooms.clone(), room.clone());
        tokio::spawn(async move {
            let inbox = rooms.join(&room, join).await?;
            must(reply).await.expect("the room answers")?;
            Ok(client.with(inbox))
        })
    }

    fn at_the_door(
        &self,
        room: &RoomId,
        number: u64,
        change: impl FnOnce(&mut Member),
    ) -> (Join, oneshot::Receiver<Result<()>>, Client) {
        let user = User { id: UserId::Number(number as i64), name: None };
        let mut member =
            Member { user, read_only: false, reads_text: true, speaks_json: false, ack: AckMode::None };
        change(&mut member);
        let (id, outbox) = (ClientId::new(number), Outbox::new(1_000_000));
        let (user, ip) = (member.user.id.clone(), IpAddr::V4(Ipv4Addr::LOCALHOST));
        let session =
            Session::new(id, user, room.clone(), ip, member.reads_text, outbox.clone(), clock::now())
                .authorized(None, member.read_only);
        let session = Arc::new(session);
        let (reply, answer) = oneshot::channel();
        let client = Client { id, outbox: outbox.clone(), inbox: None, editor: Editor::new(number) };
        let join = Join { client: id, member, outbox, session, first: None, arrival: None, reply };
        (join, answer, client)
    }

    pub(super) fn at_the_door_for(&self, number: u64) -> (Join, oneshot::Receiver<Result<()>>, Client) {
        self.at_the_door(&room(), number, |_| ())
    }

    /// Somebody joins who reads no faster than this queue is emptied.
    pub(super) async fn join_with_outbox(&mut self, outbox: Outbox) -> Client {
        let number = self.next_client;
        self.next_client += 1;
        let (join, reply, client) = self.at_the_door(&room(), number, |_| ());
        let join = Join { outbox: outbox.clone(), ..join };
        let inbox = self.rooms.join(&room(), join).await.unwrap();
        reply.await.unwrap().unwrap();
        let client = Client { outbox, ..client }.with(inbox);
        client.read_until("step2").await;
        client
    }

    /// Somebody joins, and gives up before the answer.
    pub(super) async fn arrive_and_give_up(&mut self) -> Inbox {
        let number = self.next_client;
        self.next_client += 1;
        let (join, reply, _) = self.at_the_door(&room(), number, |_| ());
        drop(reply);
        self.rooms.join(&room(), join).await.unwrap()
    }

    pub(super) async fn try_join(&mut self) -> Result<Client> {
        self.arrive(|_| ()).await.unwrap()
    }

    /// Somebody joins and has read what it was sent.
    pub(super) async fn join(&mut self) -> Client {
        self.join_as(|_| ()).await
    }

    pub(super) async fn join_as(&mut self, change: impl FnOnce(&mut Member)) -> Client {
        let client = self.arrive(change).await.unwrap().unwrap();
        client.read_until("step2").await;
        client
    }

    /// Ends all rooms; not waited for.
    pub(super) fn shut_down(&self) -> tokio::task::JoinHandle<()> {
        let rooms = self.rooms.clone();
        tokio::spawn(async move { must(rooms.shutdown()).await })
    }

    pub(super) async fn begun(&self, call: Call, count: usize) {
        must(self.disk.until_begun(call, count)).await;
    }

    pub(super) async fn gone(&self, count: usize) {
        self.host.until("realtime:room:destroyed", count).await;
        assert!(self.rooms.is_empty());
    }

    pub(super) async fn snapshot(&self) -> Result<SnapshotOutcome> {
        must(self.rooms.snapshot(&room())).await.map(Option::unwrap)
    }

    /// Starts a request for a snapshot; not waited for.
    pub(super) fn ask_snapshot(&self) -> tokio::task::JoinHandle<Result<SnapshotOutcome>> {
        let rooms = self.rooms.clone();
        tokio::spawn(async move { must(rooms.snapshot(&room())).await.map(Option::unwrap) })
    }

    /// The document that is on disk.
    pub(super) fn stored(&self) -> Editor {
        let stored = self.disk.stored(&room());
        let snapshot = stored.snapshot.map(|snapshot| snapshot.data);
        let mut document = crate::document::Document::restore(snapshot.as_ref(), &stored.log).unwrap();
        Editor::of(&mut document)
    }
}

fn open(
    disk: &MemoryDisk,
    host: &Arc<Host>,
    settings: &RoomSettings,
    store_settings: &StoreSettings,
) -> (Store, Registry) {
    let store = Store::start(disk.open(), store_settings.clone(), Arc::new(|_| ())).unwrap();
    let settings = Arc::new(settings.clone());
    let host: Arc<dyn host::Host> = Arc::<Host>::clone(host);
    let codec = RoomCodec::of(&*host, settings.host_timeout);
    let services = RoomServices { store: store.clone(), host, codec, metrics: Arc::default(), settings };
    (store, Registry::new(services))
}

pub(super) fn room() -> RoomId {
    RoomId::new("records", "x").unwrap()
}

/// How often the record's text stands in somebody's document.
pub(super) fn seeded_words(editor: &Editor) -> usize {
    editor.content().xml.matches(SEEDED).count()
}

/// Whether a document holds the record's text more than once.
pub(super) fn doubled(editor: &Editor) -> bool {
    seeded_words(editor) > 1
}

/// Somebody in a room.
pub(super) struct Client {
    pub(super) id: ClientId,
    pub(super) outbox: Outbox,
    inbox: Option<Inbox>,
    pub(super) editor: Editor,
}

impl Client {
    pub(super) fn with(self, inbox: Inbox) -> Self {
        Self { inbox: Some(inbox), ..self }
    }

    pub(super) async fn send(&self, message: Message) {
        self.inbox.as_ref().unwrap().send(message).await.unwrap();
    }

    pub(super) async fn send_update(&self, update: &Bytes) {
        self.send(Message::Frames(self.id, vec![tests::update(update)])).await;
    }

    /// Types something.
    pub(super) async fn types(&self, words: &str) {
        self.send_update(&self.editor.append(words)).await;
    }

    /// Writes a paragraph that the record's text will hold.
    pub(super) async fn writes(&self, words: &str) {
        self.send_update(&self.editor.add_paragraph(words)).await;
    }

    /// Waits until the room has taken in everything that was sent before.
    pub(super) async fn settled(&self) {
        self.send(Message::Text(self.id, r#"{"type":"ping"}"#.to_owned())).await;
        self.read_until("pong").await;
    }

    pub(super) async fn leaves(&self) {
        self.send(Message::Leave(self.id, "closed")).await;
    }

    /// Reads all that waits, takes it in, and says what it was.
    pub(super) async fn read(&self) -> Vec<String> {
        let batch = must(self.outbox.take()).await;
        for frame in batch.frames.iter().filter(|frame| frame.bytes()[0] == 0x82) {
            match ClientMessage::decode(&frame.payload()).unwrap() {
                ClientMessage::Step2 { update } | ClientMessage::Update { update } => {
                    self.editor.receive(&update);
                }
                _ => {}
            }
        }
        if batch.drained {
            self.send(Message::Drained(self.id)).await;
        }
        batch.frames.iter().map(word).collect()
    }

    /// Reads until such a frame came, and says what came in all.
    pub(super) async fn read_until(&self, wanted: &str) -> Vec<String> {
        self.read_until_so_many(wanted, 1).await
    }

    pub(super) async fn read_until_so_many(&self, wanted: &str, count: usize) -> Vec<String> {
        let mut words: Vec<String> = Vec::new();
        while words.iter().filter(|word| *word == wanted).count() < count {
            let batch = self.read().await;
            assert!(!batch.is_empty(), "the connection ended before {wanted}; it was sent {words:?}");
            words.extend(batch);
        }
        words
    }

    /// What has been sent to it and not been read; it must be settled first.
    pub(super) async fn pending(&self) -> Vec<String> {
        self.send(Message::Text(self.id, r#"{"type":"ping"}"#.to_owned())).await;
        let mut words = self.read_until("pong").await;
        words.retain(|word| word != "pong");
        words
    }
}
