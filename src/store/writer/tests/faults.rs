//! While the disk is not well.

use std::sync::atomic::{AtomicUsize, Ordering};

use tracing::{Dispatch, dispatcher, span};

use super::*;
use crate::store::sqlite::database::Database;
use crate::store::sqlite::{SqliteBackend, SqliteSettings};

#[tokio::test]
async fn a_failed_commit_is_tried_again_until_it_succeeds_and_told_once() {
    for fault in [Fault::Fails, Fault::FailsAfterwards, Fault::Panics] {
        let mut harness = Harness::start();
        let log = harness.open("x").await;
        for _ in 0..5 {
            harness.disk.script(Call::Commit, fault);
        }
        log.append(text("a")).unwrap();
        until(&mut log.committed(), 1).await;
        assert_eq!(harness.stored("x"), ["a"]);
        let Some(StoreHealth::Degraded { since_ms, error }) = harness.healths.recv().await else { panic!() };
        assert!(since_ms > 0 && error.contains("scripted"), "{error}");
        assert_eq!(harness.healths.recv().await, Some(StoreHealth::Ok));
        assert_eq!(harness.store.health(), StoreHealth::Ok);
        assert!(harness.healths.try_recv().is_err());
        assert!(harness.disk.begun(Call::Commit) >= 6);
    }
}

#[tokio::test]
async fn a_full_queue_refuses_and_a_snapshot_closes_the_gap() {
    let limit = 10;
    let mut harness = Harness::start_with(StoreSettings {
        queue_entries_max: limit,
        group_entries_full: 2,
        retry_first: Duration::from_secs(3_600),
        retry_longest: Duration::from_secs(3_600),
        ..settings()
    });
    let log = harness.open("x").await;
    harness.disk.break_call(Call::Commit);
    for seq in 1..=limit as u64 {
        assert_eq!(log.append(text("a")), Ok(seq));
    }
    assert_eq!(log.append(text("lost")), Err(Backlogged { seq: 11 }));
    assert_eq!(log.append(text("lost")), Err(Backlogged { seq: 12 }));
    assert_eq!(log.last_seq(), 12);
    assert!(is_degraded(&harness.healths.recv().await.unwrap()));

    // At once, although the log cannot be written, and the queue is empty again.
    let saved = harness.store.save_snapshot(snapshot(&room("x"), 1, 12, "all of it")).await;
    assert_eq!(saved.unwrap().version, 1);
    assert_eq!(*log.committed().borrow(), 12);
    assert_eq!(harness.healths.recv().await, Some(StoreHealth::Ok));
    harness.disk.heal();
    assert_eq!(log.append(text("b")), Ok(13));
    until(&mut log.committed(), 13).await;
    assert_eq!(harness.stored("x"), ["b"]);
}

#[tokio::test]
async fn bytes_are_bounded_and_one_large_update_gets_through() {
    let harness =
        Harness::start_with(StoreSettings { queue_bytes_max: 4_096, group_bytes_full: 4_096, ..settings() });
    let log = harness.open("x").await;
    harness.disk.hold(Call::Commit);
    assert_eq!(log.append(Bytes::from(vec![0; 10_000])), Ok(1));
    assert_eq!(log.append(text("a")), Err(Backlogged { seq: 2 }));
    harness.disk.release(Call::Commit);
    until(&mut log.committed(), 1).await;
    assert_eq!(harness.stored("x").len(), 1);
}

#[tokio::test]
async fn what_comes_after_a_gap_does_not_count_as_on_disk() {
    let harness =
        Harness::start_with(StoreSettings { queue_entries_max: 2, group_entries_full: 1, ..settings() });
    let (x, y) = (harness.open("x").await, harness.open("y").await);
    harness.disk.hold(Call::Commit);
    x.append(text("a")).unwrap();
    x.append(text("b")).unwrap();
    x.append(text("refused")).unwrap_err();
    harness.disk.release(Call::Commit);
    until(&mut x.committed(), 2).await;
    assert_eq!(x.append(text("d")), Ok(4));
    // The other room's update is written after it, so that is on disk as well.
    y.append(text("y")).unwrap();
    until(&mut y.committed(), 1).await;
    assert_eq!(harness.stored("x"), ["a", "b", "d"]);
    assert_eq!(*x.committed().borrow(), 2);
    harness.store.save_snapshot(snapshot(&room("x"), 1, 3, "abc")).await.unwrap();
    assert_eq!(*x.committed().borrow(), 4);
}

#[tokio::test]
async fn a_number_that_was_refused_counts_as_used() {
    let harness =
        Harness::start_with(StoreSettings { queue_entries_max: 1, group_entries_full: 1, ..settings() });
    let log = harness.open("x").await;
    harness.disk.hold(Call::Commit);
    log.append(text("a")).unwrap();
    log.append(text("refused")).unwrap_err();
    harness.disk.release(Call::Commit);
    let (stored, again) = harness.store.load(&room("x")).await.unwrap();
    assert_eq!((stored.log.len(), stored.last_seq, again.last_seq()), (1, 2, 2));
    assert_eq!(*again.committed().borrow(), 1);
}

#[tokio::test]
async fn the_trouble_of_one_room_does_not_stop_the_others() {
    let mut harness = Harness::start();
    let (x, y) = (harness.open("x").await, harness.open("y").await);
    harness.disk.poison(&room("x"));
    harness.disk.hold(Call::Commit);
    x.append(text("bad")).unwrap();
    harness.disk.until_begun(Call::Commit, 1).await;
    x.append(text("bad")).unwrap();
    y.append(text("good")).unwrap();
    harness.disk.release(Call::Commit);
    until(&mut y.committed(), 1).await;
    assert!(is_degraded(&harness.healths.recv().await.unwrap()));
    for seq in 2..50 {
        y.append(text("good")).unwrap();
        until(&mut y.committed(), seq).await;
    }
    let error = harness.store.load(&room("x")).await.unwrap_err();
    assert_eq!(error.code, Code::StorageFailed);
    assert!(error.message.contains("records:x"), "{error}");
    assert_eq!(*x.committed().borrow(), 0);
    assert!(is_degraded(&harness.store.health()));

    harness.disk.heal();
    until(&mut x.committed(), 2).await;
    assert_eq!(harness.stored("x"), ["bad", "bad"]);
    assert_eq!(harness.healths.recv().await, Some(StoreHealth::Ok));
}

#[tokio::test]
async fn a_group_that_fails_is_written_room_by_room_at_once() {
    let hour = Duration::from_secs(3_600);
    let harness = Harness::start_with(StoreSettings { retry_first: hour, retry_longest: hour, ..settings() });
    let (x, y) = (harness.open("x").await, harness.open("y").await);
    harness.disk.hold(Call::Commit);
    y.append(text("good")).unwrap();
    harness.disk.until_begun(Call::Commit, 1).await;
    harness.disk.poison(&room("x"));
    x.append(text("bad")).unwrap();
    y.append(text("good")).unwrap();
    harness.disk.release(Call::Commit);
    until(&mut y.committed(), 2).await;
    assert_eq!(*x.committed().borrow(), 0);
}

#[tokio::test]
async fn a_room_is_loaded_again_only_with_everything_it_had() {
    let harness = Harness::start();
    let log = harness.open("x").await;
    harness.disk.break_call(Call::Commit);
    log.append(text("a")).unwrap();
    drop(log);
    assert_eq!(harness.store.load(&room("x")).await.unwrap_err().code, Code::StorageFailed);
    // Others go on being loaded.
    harness.store.load(&room("y")).await.unwrap();
    harness.disk.heal();
    let (stored, log) = harness.store.load(&room("x")).await.unwrap();
    assert_eq!((stored.log, log.append(text("b"))), (vec![text("a")], Ok(2)));
}

#[tokio::test]
async fn a_failed_load_is_an_error_and_not_an_empty_room() {
    let harness = Harness::start();
    for fault in [Fault::Fails, Fault::Panics] {
        harness.disk.script(Call::Load, fault);
        assert_eq!(harness.store.load(&room("x")).await.unwrap_err().code, Code::StorageFailed);
    }
    harness.store.load(&room("x")).await.unwrap();
}

#[tokio::test]
async fn a_failed_snapshot_is_the_callers_to_repeat() {
    let mut harness = Harness::start();
    let log = harness.open("x").await;
    harness.disk.script(Call::SaveSnapshot, Fault::Fails);
    harness.store.save_snapshot(snapshot(&room("x"), 1, 0, "s")).await.unwrap_err();
    assert!(is_degraded(&harness.healths.recv().await.unwrap()));
    assert_eq!(harness.disk.begun(Call::SaveSnapshot), 1);
    harness.store.save_snapshot(snapshot(&room("x"), 1, 0, "s")).await.unwrap();
    assert_eq!(harness.store.health(), StoreHealth::Ok);
    assert_eq!(harness.healths.recv().await, Some(StoreHealth::Ok));
    // A room that gives up takes its complaint along.
    harness.disk.script(Call::SaveSnapshot, Fault::Panics);
    harness.store.save_snapshot(snapshot(&room("x"), 2, 0, "s")).await.unwrap_err();
    assert!(is_degraded(&harness.healths.recv().await.unwrap()));
    drop(log);
    assert_eq!(harness.healths.recv().await, Some(StoreHealth::Ok));
}

#[tokio::test]
async fn an_observer_that_panics_stops_nothing() {
    let disk = MemoryDisk::default();
    let store = Store::start(disk.open(), settings(), Arc::new(|_| panic!("observer"))).unwrap();
    let (_, log) = store.load(&room("x")).await.unwrap();
    disk.script(Call::Commit, Fault::Fails);
    log.append(text("a")).unwrap();
    until(&mut log.committed(), 1).await;
    store.close(Duration::ZERO).await.unwrap();
}

#[tokio::test]
async fn a_locked_file_is_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("realtime.db");
    let file = SqliteSettings { busy_timeout: Duration::from_millis(1), ..SqliteSettings::default() };
    let (store, mut healths) = start(Box::new(SqliteBackend::open(&path, &file).unwrap()), settings());
    let (_, log) = store.load(&room("x")).await.unwrap();
    let other = Database::open(&path, &file).unwrap();
    other.lock_for_test();
    log.append(text("a")).unwrap();
    assert!(is_degraded(&healths.recv().await.unwrap()));
    log.append(text("b")).unwrap();
    drop(other);
    until(&mut log.committed(), 2).await;
    assert_eq!(healths.recv().await, Some(StoreHealth::Ok));
    store.close(Duration::ZERO).await.unwrap();
    let stored = SqliteBackend::open(&path, &file).unwrap().load(&room("x")).unwrap();
    assert_eq!(stored.log, ["a", "b"]);
}

/// Counts the events that it is given.
struct Counter(Arc<AtomicUsize>);

impl tracing::Subscriber for Counter {
    fn enabled(&self, _: &tracing::Metadata<'_>) -> bool {
        true
    }
    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }
    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}
    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}
    fn event(&self, _: &tracing::Event<'_>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
    fn enter(&self, _: &span::Id) {}
    fn exit(&self, _: &span::Id) {}
}

#[tokio::test]
async fn log_lines_go_where_the_callers_go() {
    let events = Arc::new(AtomicUsize::new(0));
    let disk = MemoryDisk::default();
    // With a single subscriber, other tests' threads, which have none, would switch log lines off for it.
    let (ours, _another) =
        (Dispatch::new(Counter(Arc::clone(&events))), Dispatch::new(Counter(Arc::default())));
    let (store, mut healths) = dispatcher::with_default(&ours, || start(disk.open(), settings()));
    let (_, log) = store.load(&room("x")).await.unwrap();
    disk.script(Call::Commit, Fault::Fails);
    log.append(text("a")).unwrap();
    assert!(is_degraded(&healths.recv().await.unwrap()));
    assert!(events.load(Ordering::SeqCst) > 0);
}

#[tokio::test]
async fn an_attempt_waits_for_the_note_before_it_which_would_end_it() {
    let Harness { disk, store, .. } = Harness::start();
    let x = room("x");
    let log = store.load(&x).await.unwrap().1;
    disk.break_call(Call::Commit);
    let seq = log.append(text("a")).unwrap();
    log.drafted(seq, "a".into(), None);
    let attempt = Attempt { seq, text: "b".into(), given_at_ms: 0 };
    store.attempt(&x, attempt.clone()).await.unwrap_err();
    disk.heal();
    store.attempt(&x, attempt.clone()).await.unwrap();
    let stored = store.load(&x).await.unwrap().0;
    assert_eq!((stored.drafted.unwrap().text, stored.attempted), ("a".into(), vec![attempt]));
}
