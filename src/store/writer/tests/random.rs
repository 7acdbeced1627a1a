//! Random histories with a disk that fails at random: whatever was accepted is there in the end.

use proptest::prelude::*;

use super::*;
use crate::store::{NewSnapshot, StoredSnapshot};

#[derive(Debug, Clone)]
enum Step {
    Append(usize),
    Note(usize),
    Save(usize),
    Reload(usize),
    Fault(Call, Fault),
    Poison(usize),
    Heal,
    Check(usize),
}

fn step() -> impl Strategy<Value = Step> {
    let room = 0..3usize;
    let call = prop_oneof![3 => Just(Call::Commit), 1 => Just(Call::SaveSnapshot), 1 => Just(Call::Load)];
    let fault = prop_oneof![Just(Fault::Fails), Just(Fault::FailsAfterwards), Just(Fault::Panics)];
    prop_oneof![
        8 => room.clone().prop_map(Step::Append),
        1 => room.clone().prop_map(Step::Note),
        2 => room.clone().prop_map(Step::Save),
        1 => room.clone().prop_map(Step::Reload),
        3 => (call, fault).prop_map(|(call, fault)| Step::Fault(call, fault)),
        1 => room.clone().prop_map(Step::Poison),
        1 => Just(Step::Heal),
        3 => room.prop_map(Step::Check),
    ]
}

/// A room as its actor knows it. Its "document" is the list of its updates; a snapshot joins them.
struct Room {
    id: RoomId,
    log: RoomLog,
    document: Vec<u64>,
    version: u64,
    noted: Option<u64>,
}

fn encode(document: &[u64]) -> Bytes {
    document.iter().flat_map(|number| number.to_be_bytes()).collect::<Vec<_>>().into()
}

fn decode(bytes: &[u8]) -> Vec<u64> {
    bytes.chunks(8).map(|chunk| u64::from_be_bytes(chunk.try_into().unwrap())).collect()
}

/// The document that is stored: the snapshot, then the log; what is in both counts once, as in a CRDT.
fn document(snapshot: Option<&StoredSnapshot>, log: &[Bytes]) -> Vec<u64> {
    let mut document = snapshot.map_or_else(Vec::new, |snapshot| decode(&snapshot.data));
    for number in log.iter().flat_map(|update| decode(update)) {
        if !document.contains(&number) {
            document.push(number);
        }
    }
    document
}

impl Room {
    fn append(&mut self) {
        // Refused or not, the document has it.
        let number = self.log.last_seq() + 1;
        self.document.push(number);
        let _ = self.log.append(encode(&[number]));
    }

    fn note(&mut self) {
        let seq = self.log.last_seq();
        self.log.drafted(seq, seq.to_string().into(), None);
        self.noted = Some(seq);
    }

    async fn save(&mut self, store: &Store) -> bool {
        let snapshot = NewSnapshot {
            room: self.id.clone(),
            version: self.version + 1,
            data: encode(&self.document),
            covers_seq: self.log.last_seq(),
            created_at_ms: 1,
        };
        let saved = store.save_snapshot(snapshot).await;
        if let Ok(saved) = &saved {
            self.version = saved.version;
            assert!(*self.log.committed().borrow() >= self.log.last_seq());
        }
        saved.is_ok()
    }

    async fn reload(&mut self, store: &Store) {
        let Ok((stored, log)) = store.load(&self.id).await else { return };
        assert!(stored.last_version >= self.version);
        if *log.committed().borrow() == log.last_seq() {
            assert_eq!(document(stored.snapshot.as_ref(), &stored.log), self.document);
        }
        self.version = stored.last_version;
        self.log = log;
    }
}

async fn play(steps: &[Step]) {
    let limits = StoreSettings { queue_entries_max: 12, group_entries_full: 4, ..settings() };
    let harness = Harness::start_with(limits);
    let mut rooms = Vec::new();
    for id in ["a", "b", "c"] {
        let log = harness.open(id).await;
        rooms.push(Room { id: room(id), log, document: Vec::new(), version: 0, noted: None });
    }
    for step in steps {
        match step {
            Step::Append(room) => rooms[*room].append(),
            Step::Note(room) => rooms[*room].note(),
            Step::Save(room) => drop(rooms[*room].save(&harness.store).await),
            Step::Reload(room) => rooms[*room].reload(&harness.store).await,
            Step::Fault(call, fault) => harness.disk.script(*call, *fault),
            Step::Poison(room) => harness.disk.poison(&rooms[*room].id),
            Step::Heal => harness.disk.heal(),
            Step::Check(room) => {
                // Whatever is said to be on disk is on disk.
                let said = *rooms[*room].log.committed().borrow();
                let stored = harness.disk.stored(&rooms[*room].id);
                let found = document(stored.snapshot.as_ref(), &stored.log);
                assert!((1..=said).all(|number| found.contains(&number)), "{said} of {found:?}");
            }
        }
    }
    harness.disk.heal();
    for room in &mut rooms {
        // What the queue refused can only be saved by a snapshot.
        assert!(room.save(&harness.store).await);
    }
    rooms.iter_mut().for_each(Room::append);
    harness.store.close(Duration::from_secs(60)).await.unwrap();
    for room in &rooms {
        let stored = harness.disk.stored(&room.id);
        assert_eq!(document(stored.snapshot.as_ref(), &stored.log), room.document);
        assert_eq!(stored.drafted.map(|drafted| drafted.seq), room.noted);
        assert_eq!((stored.last_seq, stored.last_version), (room.log.last_seq(), room.version));
    }
    assert_eq!(harness.store.health(), StoreHealth::Ok);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_was_accepted_is_there_in_the_end(steps in proptest::collection::vec(step(), 0..120)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(play(&steps));
    }
}
