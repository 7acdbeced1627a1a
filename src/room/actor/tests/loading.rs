//! Where a room's document comes from: once, whole, and never from an empty answer.

use super::*;

#[tokio::test(start_paused = true)]
async fn however_many_come_at_once_the_room_is_loaded_once() {
    let mut harness = Harness::start();
    harness.host.hold_load(true);
    let arrivals: Vec<_> = (0..50).map(|_| harness.arrive(|_| ())).collect();
    harness.host.until_loads(1).await;
    assert_eq!(harness.rooms.rooms()[0].state, "loading");
    harness.host.hold_load(false);
    for arrival in arrivals {
        let client = arrival.await.unwrap().unwrap();
        client.read_until("step2").await;
        assert_eq!(seeded_words(&client.editor), 1);
    }
    assert_eq!((*harness.host.loads.borrow(), harness.disk.begun(Call::Load)), (1, 1));
    assert_eq!(harness.host.count("realtime:room:created"), 1);
    assert_eq!(harness.host.count("realtime:client:connected"), 50);
    let summary = &harness.rooms.rooms()[0];
    assert_eq!((summary.state, summary.clients, summary.lossy), ("live", 50, false));
}

#[tokio::test(start_paused = true)]
async fn a_record_that_cannot_be_read_is_an_error_for_all_and_no_empty_room() {
    let mut harness = Harness::start();
    harness.host.fail(true);
    harness.host.hold_load(true);
    let arrivals: Vec<_> = (0..5).map(|_| harness.arrive(|_| ())).collect();
    harness.host.until_loads(1).await;
    harness.host.hold_load(false);
    for arrival in arrivals {
        assert_eq!(arrival.await.unwrap().err().unwrap().code, Code::RecordUnreadable);
    }
    assert!(harness.rooms.is_empty());
    assert_eq!(harness.disk.stored(&room()).last_seq, 0);
    assert!(harness.host.drafts.borrow().is_empty());

    harness.host.fail(false);
    let client = harness.join().await;
    assert_eq!(seeded_words(&client.editor), 1);
}

#[tokio::test(start_paused = true)]
async fn a_host_that_does_not_answer_is_not_waited_for_without_end() {
    let mut harness = Harness::start();
    harness.host.hold_load(true);
    let arrival = harness.arrive(|_| ());
    harness.host.until_loads(1).await;
    harness.pass(HOST_TIMEOUT - Duration::from_secs(1)).await;
    assert!(!arrival.is_finished());
    harness.pass(Duration::from_secs(1)).await;
    let error = arrival.await.unwrap().err().unwrap();
    assert_eq!(error.code, Code::RecordUnreadable);
    assert!(error.message.contains("within 10 s"), "{error}");
    assert!(harness.rooms.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_record_that_does_not_exist_has_no_room() {
    let mut harness = Harness::start();
    *harness.host.text.lock().unwrap() = None;
    let error = harness.try_join().await.err().unwrap();
    assert_eq!((error.code, &error.context["reason"]), (Code::PermissionDenied, &"record_not_found".into()));
    assert!(harness.rooms.is_empty());
    assert_eq!(harness.disk.stored(&room()).last_seq, 0);
}

#[tokio::test(start_paused = true)]
async fn a_store_that_cannot_be_read_is_an_error_and_the_host_is_not_asked() {
    let mut harness = Harness::start();
    harness.disk.script(Call::Load, Fault::Fails);
    assert_eq!(harness.try_join().await.err().unwrap().code, Code::StorageFailed);
    assert_eq!(*harness.host.loads.borrow(), 0);
    harness.join().await;
}

#[tokio::test(start_paused = true)]
async fn nobody_is_let_in_before_the_seed_is_on_disk() {
    let mut harness = Harness::start();
    harness.disk.hold(Call::Commit);
    let arrival = harness.arrive(|_| ());
    harness.begun(Call::Commit, 1).await;
    harness.pass(Duration::from_secs(1)).await;
    assert!(!arrival.is_finished());
    assert!(harness.disk.stored(&room()).log.is_empty());
    harness.disk.release(Call::Commit);
    arrival.await.unwrap().unwrap();
    let stored = harness.disk.stored(&room());
    assert_eq!((stored.log.len(), stored.last_seq, stored.drafted.unwrap().seq), (1, 1, 1));
    assert_eq!(seeded_words(&harness.stored()), 1);
}

#[tokio::test(start_paused = true)]
async fn a_disk_that_does_not_take_the_seed_lets_nobody_in() {
    let mut harness = Harness::start();
    harness.disk.hold(Call::Commit);
    let arrival = harness.arrive(|_| ());
    harness.begun(Call::Commit, 1).await;
    harness.pass(HOST_TIMEOUT).await;
    assert_eq!(arrival.await.unwrap().err().unwrap().code, Code::StorageFailed);
    assert!(harness.rooms.is_empty());
    // It did take it in the end, and it is not seeded again.
    harness.disk.release(Call::Commit);
    let client = harness.join().await;
    assert_eq!(seeded_words(&client.editor), 1);
}

#[tokio::test(start_paused = true)]
async fn after_a_crash_a_room_is_not_seeded_again_even_if_the_record_was_changed() {
    let mut harness = Harness::start();
    let before = harness.join().await;
    before.types("an edit").await;
    before.settled().await;
    harness.crash().await;
    *harness.host.text.lock().unwrap() = Some("The council meets on Tuesday, or Wednesday.".to_owned());
    let after = harness.join().await;
    assert_eq!(after.editor.text(), "an edit");
    // The change is merged into what is there.
    assert_eq!(seeded_words(&after.editor), 1);
    assert_eq!(after.editor.content().xml.matches("or Wednesday").count(), 1);
    assert_eq!(harness.host.count("realtime:room:merged"), 1);
    // And who comes back with its old document doubles nothing.
    after.send_update(&before.editor.diff(&[0])).await;
    after.settled().await;
    assert!(!doubled(&harness.join().await.editor));
}

#[tokio::test(start_paused = true)]
async fn a_damaged_snapshot_is_told_of_and_an_older_one_is_used() {
    let mut harness = Harness::start();
    let client = harness.join().await;
    harness.snapshot().await.unwrap();
    client.types("later").await;
    client.settled().await;
    harness.snapshot().await.unwrap();
    harness.crash().await;
    harness.disk.damage_newest_snapshot(&room());
    let client = harness.join().await;
    assert_eq!(harness.host.count("realtime:snapshot:integrity-failed"), 1);
    assert_eq!(harness.host.last("realtime:snapshot:integrity-failed", "version"), 2);
    assert_eq!(seeded_words(&client.editor), 1);
    // The next version counts on from the damaged one.
    client.types("again").await;
    client.settled().await;
    assert_eq!(harness.snapshot().await.unwrap().version, Some(3));
}

#[tokio::test(start_paused = true)]
async fn when_no_snapshot_is_whole_the_record_is_read_again_and_saved_at_once() {
    let mut harness = Harness::start();
    let client = harness.join().await;
    harness.snapshot().await.unwrap();
    client.types("on top of what is lost").await;
    client.settled().await;
    harness.crash().await;
    harness.disk.damage_newest_snapshot(&room());

    let client = harness.join().await;
    assert_eq!(seeded_words(&client.editor), 1);
    harness.host.until("realtime:snapshot:saved", 2).await;
    client.types("new").await;
    client.settled().await;
    // A second crash must not start over once more.
    harness.crash().await;
    let client = harness.join().await;
    assert_eq!((client.editor.text().as_str(), seeded_words(&client.editor)), ("new", 1));
}

#[tokio::test(start_paused = true)]
async fn a_damaged_update_is_told_of_and_the_rest_is_there() {
    let mut harness = Harness::start();
    let client = harness.join().await;
    client.types("kept").await;
    client.settled().await;
    client.types("lost").await;
    client.settled().await;
    harness.crash().await;
    // The seed is the first, what was kept the second.
    harness.disk.damage_update(&room(), 3);
    let client = harness.join().await;
    assert_eq!(harness.host.last("realtime:log:integrity-failed", "firstSeq"), 3);
    assert_eq!((client.editor.text().as_str(), seeded_words(&client.editor)), ("kept", 1));
    client.types("again").await;
    client.settled().await;
}

#[tokio::test(start_paused = true)]
async fn when_the_seed_is_damaged_the_record_is_read_again() {
    let mut harness = Harness::start();
    let client = harness.join().await;
    client.types("on top of what is lost").await;
    client.settled().await;
    harness.crash().await;
    harness.disk.damage_update(&room(), 1);
    let client = harness.join().await;
    assert_eq!(seeded_words(&client.editor), 1);
    // The log that lacks its beginning is replaced at once.
    harness.host.until("realtime:snapshot:saved", 1).await;
    assert_eq!(harness.disk.stored(&room()).damaged, None);
}
