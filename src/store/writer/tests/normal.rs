//! While the disk is well.

use super::*;

#[tokio::test]
async fn what_is_appended_is_on_disk_and_told() {
    let harness = Harness::start();
    let log = harness.open("x").await;
    let mut committed = log.committed();
    assert_eq!(log.append(text("a")), Ok(1));
    assert_eq!(log.append(text("b")), Ok(2));
    until(&mut committed, 2).await;
    assert_eq!(harness.stored("x"), ["a", "b"]);
    assert_eq!((log.last_seq(), harness.store.health()), (2, StoreHealth::Ok));
}

#[tokio::test]
async fn what_gathers_is_written_in_one_transaction() {
    let harness = Harness::start();
    let (x, y) = (harness.open("x").await, harness.open("y").await);
    harness.disk.hold(Call::Commit);
    x.append(text("first")).unwrap();
    harness.disk.until_begun(Call::Commit, 1).await;
    for _ in 0..500 {
        x.append(text("more")).unwrap();
        y.append(text("more")).unwrap();
    }
    harness.disk.release(Call::Commit);
    until(&mut x.committed(), 501).await;
    until(&mut y.committed(), 500).await;
    assert_eq!(harness.disk.begun(Call::Commit), 2);
}

#[tokio::test]
async fn a_full_group_does_not_wait() {
    let harness = Harness::start_with(StoreSettings {
        group_window: Duration::from_secs(3_600),
        group_entries_full: 3,
        ..settings()
    });
    let log = harness.open("x").await;
    for _ in 0..3 {
        log.append(text("a")).unwrap();
    }
    until(&mut log.committed(), 3).await;
    // Neither does a group with somebody behind it.
    log.append(text("b")).unwrap();
    let (stored, _) = harness.store.load(&room("x")).await.unwrap();
    assert_eq!(stored.log.len(), 4);
}

#[tokio::test]
async fn a_room_that_is_loaded_again_has_everything_that_was_appended_before() {
    let harness = Harness::start();
    let log = harness.open("x").await;
    harness.disk.hold(Call::Commit);
    log.append(text("a")).unwrap();
    harness.disk.until_begun(Call::Commit, 1).await;
    log.append(text("b")).unwrap();
    log.drafted(2, "7".into(), None);
    drop(log);
    let store = harness.store.clone();
    let load = tokio::spawn(async move { store.load(&room("x")).await.unwrap() });
    harness.disk.release(Call::Commit);
    let (stored, log) = load.await.unwrap();
    assert_eq!((stored.log.len(), stored.last_seq, stored.drafted.unwrap().seq), (2, 2, 2));
    assert_eq!((*log.committed().borrow(), log.append(text("c"))), (2, Ok(3)));
}

#[tokio::test]
async fn two_handles_on_one_room_never_use_a_number_twice() {
    let harness = Harness::start();
    let (first, second) = (harness.open("x").await, harness.open("x").await);
    assert_eq!((first.append(text("a")), second.append(text("b"))), (Ok(1), Ok(2)));
    until(&mut first.committed(), 2).await;
}

#[tokio::test]
async fn a_snapshot_takes_the_place_of_the_log() {
    let harness = Harness::start();
    let log = harness.open("x").await;
    log.append(text("a")).unwrap();
    log.append(text("b")).unwrap();
    let saved = harness.store.save_snapshot(snapshot(&room("x"), 1, 1, "a")).await.unwrap();
    assert_eq!(saved.version, 1);
    let (stored, _) = harness.store.load(&room("x")).await.unwrap();
    assert_eq!((stored.snapshot.unwrap().version, stored.log), (1, vec![text("b")]));
}

#[tokio::test]
async fn a_seed_and_its_note_are_one() {
    let harness = Harness::start();
    let log = harness.open("x").await;
    let before = harness.disk.begun(Call::Commit);
    assert_eq!(log.seed(text("seed"), "1".into()), Ok(1));
    until(&mut log.committed(), 1).await;
    assert_eq!(harness.disk.stored(&room("x")).drafted.unwrap().text, "1".into());
    assert_eq!(harness.disk.begun(Call::Commit), before + 1);
}

#[tokio::test]
async fn only_the_newest_note_counts() {
    let harness = Harness::start();
    let log = harness.open("x").await;
    let seq = log.append(text("a")).unwrap();
    log.drafted(seq, "1".into(), None);
    log.drafted(seq, "2".into(), None);
    log.drafted(seq - 1, "3".into(), None);
    let (stored, _) = harness.store.load(&room("x")).await.unwrap();
    assert_eq!(stored.drafted.unwrap().text, "2".into());
}

#[tokio::test]
async fn a_sweep_spares_rooms_that_are_open() {
    let harness = Harness::start();
    let log = harness.open("x").await;
    log.seed(text("a"), "1".into()).unwrap();
    harness.store.save_snapshot(snapshot(&room("x"), 1, 1, "a")).await.unwrap();
    assert_eq!(harness.store.sweep(HashSet::new(), i64::MAX).await.unwrap(), []);
    drop(log);
    assert_eq!(harness.store.sweep(HashSet::from([room("x")]), i64::MAX).await.unwrap(), []);
    let expired = harness.store.sweep(HashSet::new(), i64::MAX).await.unwrap();
    assert_eq!((expired.len(), expired[0].version), (1, 1));
}

#[test]
fn limits_that_contradict_each_other_are_refused() {
    let settings = StoreSettings { group_bytes_full: 2, queue_bytes_max: 1, ..settings() };
    let error = Store::start(MemoryDisk::default().open(), settings, Arc::new(|_| ())).unwrap_err();
    assert_eq!(error.code, Code::ConfigInvalid);
}
