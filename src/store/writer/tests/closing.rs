//! How it ends.

use super::*;

const PATIENCE: Duration = Duration::from_secs(60);

#[tokio::test]
async fn closing_writes_what_is_queued_and_ends_everything() {
    let harness =
        Harness::start_with(StoreSettings { group_window: Duration::from_secs(3_600), ..settings() });
    let log = harness.open("x").await;
    log.append(text("a")).unwrap();
    log.append(text("b")).unwrap();
    log.drafted(2, "1".into(), None);
    harness.store.close(PATIENCE).await.unwrap();
    let stored = harness.disk.stored(&room("x"));
    assert_eq!((stored.log.len(), stored.drafted.unwrap().seq), (2, 2));
    assert_eq!(*log.committed().borrow(), 2);

    assert_eq!(log.append(text("c")), Err(Backlogged { seq: 3 }));
    log.drafted(3, "1".into(), None);
    assert_eq!(harness.store.load(&room("x")).await.unwrap_err().code, Code::NotRunning);
    let saved = harness.store.save_snapshot(snapshot(&room("x"), 1, 0, "s")).await;
    assert_eq!(saved.unwrap_err().code, Code::NotRunning);
    assert_eq!(harness.store.sweep(HashSet::new(), 0).await.unwrap_err().code, Code::NotRunning);
    harness.store.close(PATIENCE).await.unwrap();
}

#[tokio::test]
async fn what_was_asked_before_is_answered() {
    let harness = Harness::start();
    let log = harness.open("x").await;
    harness.disk.hold(Call::Commit);
    log.append(text("a")).unwrap();
    harness.disk.until_begun(Call::Commit, 1).await;
    let (load, store) = (harness.store.clone(), harness.store.clone());
    let load = tokio::spawn(async move { load.load(&room("x")).await });
    let save = tokio::spawn(async move { store.save_snapshot(snapshot(&room("y"), 1, 0, "s")).await });
    tokio::task::yield_now().await;
    let store = harness.store.clone();
    let close = tokio::spawn(async move { store.close(PATIENCE).await });
    tokio::task::yield_now().await;
    // What would no longer be written is refused.
    assert_eq!(log.append(text("b")), Err(Backlogged { seq: 2 }));
    assert_eq!(harness.store.load(&room("x")).await.unwrap_err().code, Code::NotRunning);
    harness.disk.release(Call::Commit);
    assert_eq!(load.await.unwrap().unwrap().0.log.len(), 1);
    assert_eq!(save.await.unwrap().unwrap().version, 1);
    close.await.unwrap().unwrap();
}

#[tokio::test]
async fn closing_goes_on_trying_while_there_is_time() {
    let harness = Harness::start();
    let log = harness.open("x").await;
    harness.disk.break_call(Call::Commit);
    log.append(text("a")).unwrap();
    harness.disk.until_begun(Call::Commit, 1).await;
    let store = harness.store.clone();
    let close = tokio::spawn(async move { store.close(PATIENCE).await });
    let begun = harness.disk.begun(Call::Commit);
    harness.disk.until_begun(Call::Commit, begun + 3).await;
    harness.disk.heal();
    close.await.unwrap().unwrap();
    assert_eq!(harness.stored("x"), ["a"]);
}

#[tokio::test]
async fn what_cannot_be_written_is_named() {
    let harness = Harness::start();
    let (x, y) = (harness.open("x").await, harness.open("y").await);
    harness.disk.poison(&room("x"));
    x.append(text("a")).unwrap();
    x.append(text("b")).unwrap();
    y.append(text("c")).unwrap();
    let error = harness.store.close(Duration::from_millis(5)).await.unwrap_err();
    assert_eq!((error.code, &error.context["unwritten_updates"]), (Code::StorageFailed, &2.into()));
    assert!(error.message.contains("records:x") && !error.message.contains("records:y"), "{error}");
    assert_eq!(harness.stored("y"), ["c"]);
    let again = harness.store.close(PATIENCE).await.unwrap_err();
    assert_eq!(again.message, error.message);
}

#[tokio::test]
async fn dropping_the_last_handle_writes_what_is_queued_and_ends_the_thread() {
    let harness =
        Harness::start_with(StoreSettings { group_window: Duration::from_secs(3_600), ..settings() });
    let log = harness.open("x").await;
    log.append(text("a")).unwrap();
    let mut ended = harness.store.inner.shared.ended();
    let other = harness.store.clone();
    drop(harness.store);
    other.load(&room("y")).await.unwrap();
    log.append(text("b")).unwrap();
    drop(other);
    let outcome = ended.wait_for(Option::is_some).await.unwrap().clone();
    outcome.unwrap().unwrap();
    assert_eq!(harness.disk.stored(&room("x")).log, ["a", "b"]);
}

#[tokio::test]
async fn closing_twice_at_once_is_fine() {
    let harness = Harness::start();
    let (first, second) = tokio::join!(harness.store.close(PATIENCE), harness.store.close(PATIENCE));
    first.and(second).unwrap();
}

#[tokio::test]
async fn a_disk_that_does_not_answer_is_not_waited_for_without_end() {
    let harness = Harness::start();
    let log = harness.open("x").await;
    harness.disk.hold(Call::Commit);
    log.append(text("a")).unwrap();
    harness.disk.until_begun(Call::Commit, 1).await;
    let error = harness.store.close(Duration::ZERO).await.unwrap_err();
    assert_eq!(error.code, Code::StorageFailed);
    assert!(error.message.contains("does not answer"), "{error}");
    harness.disk.release(Call::Commit);
    harness.store.close(PATIENCE).await.unwrap();
    assert_eq!(harness.stored("x"), ["a"]);
}
