//! Snapshots and drafts: when they are written, and what happens when they cannot be.

use super::*;
use crate::room::state::AckMode;

const SAVED: &str = "realtime:snapshot:saved";
const FAILED: &str = "realtime:snapshot:writeback-failed";

#[tokio::test(start_paused = true)]
async fn a_snapshot_is_written_if_there_is_something_new() {
    let mut harness = Harness::start();
    assert_eq!(harness.rooms.snapshot(&room()).await.unwrap(), None, "no such room");
    let client = harness.join().await;
    // The seed is in no snapshot yet.
    let first = harness.snapshot().await.unwrap();
    assert_eq!((first.created, first.version), (true, Some(1)));
    let second = harness.snapshot().await.unwrap();
    assert_eq!((second.created, second.version), (false, Some(1)));
    client.types("new").await;
    let third = harness.snapshot().await.unwrap();
    assert_eq!((third.created, third.version), (true, Some(2)));
    let stored = harness.disk.stored(&room());
    assert_eq!((stored.log.len(), stored.last_version), (0, 2), "the log is in the snapshot");
    assert_eq!(harness.stored().text(), "new");
}

#[tokio::test(start_paused = true)]
async fn requests_that_come_together_share_one_save() {
    let mut harness = Harness::start();
    let client = harness.join().await;
    client.types("new").await;
    client.settled().await;
    harness.disk.hold(Call::SaveSnapshot);
    let requests: Vec<_> = (0..5).map(|_| harness.ask_snapshot()).collect();
    harness.begun(Call::SaveSnapshot, 1).await;
    client.settled().await;
    harness.disk.release(Call::SaveSnapshot);
    for request in requests {
        let outcome = request.await.unwrap().unwrap();
        assert_eq!((outcome.created, outcome.version), (true, Some(1)));
    }
    assert_eq!(harness.disk.begun(Call::SaveSnapshot), 1);
}

#[tokio::test(start_paused = true)]
async fn edits_made_while_a_save_runs_are_saved_by_the_next() {
    let mut harness = Harness::start();
    let client = harness.join().await;
    client.types("first ").await;
    client.settled().await;
    harness.disk.hold(Call::SaveSnapshot);
    let request = harness.ask_snapshot();
    harness.begun(Call::SaveSnapshot, 1).await;
    client.types("second").await;
    client.settled().await;
    harness.disk.release(Call::SaveSnapshot);
    assert_eq!(request.await.unwrap().unwrap().version, Some(1));
    let outcome = harness.snapshot().await.unwrap();
    assert_eq!((outcome.created, outcome.version), (true, Some(2)));
    assert_eq!(harness.stored().text(), "first second");
}

#[tokio::test(start_paused = true)]
async fn the_interval_and_the_number_of_changes_are_both_limits() {
    let mut harness = Harness::start_with(|room, _| room.save.updates_max = 3);
    let client = harness.join().await;
    harness.snapshot().await.unwrap();
    client.types("a").await;
    client.types("b").await;
    client.settled().await;
    harness.pass(5 * MINUTE - Duration::from_secs(1)).await;
    client.settled().await;
    assert_eq!(harness.disk.begun(Call::SaveSnapshot), 1);
    harness.pass(Duration::from_secs(1)).await;
    harness.host.until(SAVED, 2).await;
    for letter in ["c", "d", "e"] {
        client.types(letter).await;
    }
    harness.host.until(SAVED, 3).await;
    client.settled().await;
    assert_eq!(harness.stored().text(), "abcde");
    // Nothing new: nothing is written, however long it takes.
    harness.pass(60 * MINUTE).await;
    client.settled().await;
    assert_eq!(harness.disk.begun(Call::SaveSnapshot), 3);
}

#[tokio::test(start_paused = true)]
async fn a_save_that_fails_is_tried_again_after_a_growing_pause() {
    let mut harness = Harness::start();
    let client = harness.join().await;
    client.types("kept").await;
    client.settled().await;
    harness.disk.break_call(Call::SaveSnapshot);
    assert_eq!(harness.snapshot().await.unwrap_err().code, Code::StorageFailed);
    assert_eq!(harness.host.last(FAILED, "stage"), "persist");
    harness.pass(Duration::from_millis(250)).await;
    harness.host.until(FAILED, 2).await;
    // The next pause is 375 ms at least.
    harness.pass(Duration::from_millis(300)).await;
    client.settled().await;
    assert_eq!(harness.host.count(FAILED), 2);
    harness.disk.heal();
    harness.pass(Duration::from_millis(200)).await;
    harness.host.until(SAVED, 1).await;
    assert_eq!(harness.stored().text(), "kept");
    harness.pass(4 * MINUTE).await;
    client.settled().await;
    assert_eq!((harness.host.count(SAVED), harness.host.count(FAILED)), (1, 2));
}

#[tokio::test(start_paused = true)]
async fn a_draft_that_fails_is_tried_again_alone() {
    let mut harness = Harness::start();
    let client = harness.join().await;
    client.writes("A new clause.").await;
    harness.host.fail(true);
    // The binary is safe, and that is what was asked for.
    assert!(harness.snapshot().await.unwrap().created);
    assert_eq!(harness.host.last(FAILED, "stage"), "draft");
    harness.host.fail(false);
    harness.pass(Duration::from_millis(250)).await;
    harness.host.until_drafts(1).await;
    client.settled().await;
    assert!(harness.host.drafts.borrow()[0].contains("A new clause."));
    assert_eq!(harness.disk.begun(Call::SaveSnapshot), 1);
}

#[tokio::test(start_paused = true)]
async fn a_host_that_does_not_take_the_draft_in_time_is_asked_again() {
    let mut harness = Harness::start();
    let client = harness.join().await;
    client.writes("A new clause.").await;
    harness.host.hold_save(true);
    let request = harness.ask_snapshot();
    harness.host.until_drafts(1).await;
    harness.pass(HOST_TIMEOUT).await;
    assert!(request.await.unwrap().unwrap().created);
    assert_eq!(harness.host.last(FAILED, "stage"), "draft");
    // It had not come that far.
    *harness.host.text.lock().unwrap() = Some(harness::TEXT.to_owned());
    harness.host.hold_save(false);
    harness.pass(Duration::from_millis(250)).await;
    harness.host.until_drafts(2).await;
}

#[tokio::test(start_paused = true)]
async fn a_snapshot_that_fails_does_not_keep_the_draft_back() {
    let mut harness = Harness::start();
    let client = harness.join().await;
    client.writes("A new clause.").await;
    harness.disk.script(Call::SaveSnapshot, Fault::Fails);
    harness.snapshot().await.unwrap_err();
    assert_eq!(harness.host.drafts.borrow().len(), 1);
    // The retry writes the snapshot; the host has its text already.
    harness.pass(Duration::from_millis(250)).await;
    harness.host.until(SAVED, 1).await;
    client.settled().await;
    assert_eq!(harness.host.drafts.borrow().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn what_is_nowhere_on_disk_is_not_given_to_the_host() {
    let mut harness = Harness::start();
    let client = harness.join().await;
    client.settled().await;
    harness.disk.break_call(Call::SaveSnapshot);
    harness.disk.break_call(Call::Commit);
    client.writes("Only in memory.").await;
    client.settled().await;
    harness.snapshot().await.unwrap_err();
    assert_eq!(harness.host.drafts.borrow().len(), 0);
    harness.disk.heal();
    harness.pass(Duration::from_secs(60)).await;
    harness.host.until_drafts(1).await;
    assert!(harness.host.drafts.borrow()[0].contains("Only in memory."));
}

#[tokio::test(start_paused = true)]
async fn who_only_looks_causes_no_draft() {
    let mut harness = Harness::start_with(|room, _| room.grace_period = Duration::ZERO);
    // Written back, it would not be the same, letter by letter.
    harness.host.text.lock().unwrap().as_mut().unwrap().push_str("\n\n\n");
    let viewer = harness.join_as(|member| member.read_only = true).await;
    viewer.writes("An intrusion.").await;
    viewer.read_until("PERMISSION_DENIED").await;
    harness.pass(10 * MINUTE).await;
    viewer.leaves().await;
    harness.gone(1).await;
    assert!(harness.host.drafts.borrow().is_empty());
    // Nor does the next one, for whom the room comes from the store.
    harness.join().await.leaves().await;
    harness.gone(2).await;
    assert!(harness.host.drafts.borrow().is_empty());
}

#[tokio::test(start_paused = true)]
async fn the_last_edits_reach_the_draft_even_after_a_crash() {
    let mut harness = Harness::start_with(|room, _| room.grace_period = Duration::ZERO);
    let client = harness.join_as(|member| member.ack = AckMode::Saved).await;
    client.writes("A new clause.").await;
    client.read_until("saved").await;
    harness.crash().await;
    harness.join().await.leaves().await;
    harness.host.until("realtime:room:destroyed", 1).await;
    assert!(harness.host.drafts.borrow()[0].contains("A new clause."));
    assert_eq!(harness.host.drafts.borrow().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_host_that_takes_no_drafts_is_given_none() {
    let mut harness = Harness::start();
    harness.host.saves_drafts.store(false, Ordering::SeqCst);
    let client = harness.join().await;
    client.writes("A new clause.").await;
    assert!(harness.snapshot().await.unwrap().created);
    assert!(!harness.snapshot().await.unwrap().created);
    assert!(harness.host.drafts.borrow().is_empty());
}

#[tokio::test(start_paused = true)]
async fn acknowledgements_wait_for_the_disk() {
    for (ack, told) in [(AckMode::Saved, "saved"), (AckMode::Echo, "update")] {
        let mut harness = Harness::start();
        let client = harness.join_as(|member| member.ack = ack).await;
        harness.disk.hold(Call::Commit);
        client.types("a").await;
        assert_eq!(client.pending().await, [""; 0]);
        harness.disk.release(Call::Commit);
        assert_eq!(client.read().await, [told]);
        assert_eq!(harness.stored().text(), "a");
    }
}

/// A harness whose queue takes three entries, all of them stuck, and a client whose fourth edit was refused.
async fn with_a_gap() -> (Harness, Client) {
    let mut harness = Harness::start_with(|_, store| {
        store.queue_entries_max = 3;
        store.group_entries_full = 1;
        store.retry_first = 60 * MINUTE;
        store.retry_longest = 60 * MINUTE;
    });
    let client = harness.join_as(|member| member.ack = AckMode::Saved).await;
    harness.disk.break_call(Call::Commit);
    harness.disk.hold(Call::SaveSnapshot);
    for letter in ["a", "b", "c", "d"] {
        client.types(letter).await;
    }
    harness.begun(Call::SaveSnapshot, 1).await;
    (harness, client)
}

#[tokio::test(start_paused = true)]
async fn a_full_queue_withholds_acknowledgements_until_a_snapshot_closes_the_gap() {
    let (harness, client) = with_a_gap().await;
    assert_eq!(client.pending().await, [""; 0]);
    harness.disk.release(Call::SaveSnapshot);
    assert_eq!(client.read_until("saved").await, ["saved"; 4]);
    assert_eq!(harness.stored().text(), "abcd");
    // From then on the log is whole again, and its word counts.
    harness.disk.heal();
    client.types("e").await;
    assert_eq!(client.read().await, ["saved"]);
    assert_eq!(harness.stored().text(), "abcde");
    assert_eq!(harness.disk.begun(Call::SaveSnapshot), 1);
}

#[tokio::test(start_paused = true)]
async fn what_is_written_behind_the_gap_is_acknowledged_when_the_gap_is_closed() {
    let (harness, client) = with_a_gap().await;
    harness.host.hold_save(true);
    // Refused as well, so that a second snapshot follows; its draft takes its time.
    client.writes("A new clause.").await;
    client.settled().await;
    harness.disk.heal();
    harness.disk.release(Call::SaveSnapshot);
    client.read_until_so_many("saved", 4).await;
    harness.host.until_drafts(1).await;
    client.types("e").await;
    while harness.stored().text() != "abcde" {
        client.settled().await;
    }
    assert_eq!(client.pending().await, [""; 0]);
    harness.host.hold_save(false);
    client.read_until_so_many("saved", 2).await;
}

#[tokio::test(start_paused = true)]
async fn an_edit_made_elsewhere_waits_for_the_snapshot_that_closes_a_gap() {
    let (harness, client) = with_a_gap().await;
    *harness.host.text.lock().unwrap() = Some(harness::TEXT.replace("Tuesday", "Tuesday at noon"));
    harness.host.hold_load(true);
    let loads = *harness.host.loads.borrow();
    client.writes("A new clause.").await;
    client.settled().await;
    harness.disk.release(Call::SaveSnapshot);
    harness.host.until_loads(loads + 1).await;
    // While its draft asks the host, the queue is filled again.
    for letter in ["e", "f", "g", "h"] {
        client.types(letter).await;
    }
    client.settled().await;
    harness.disk.hold(Call::SaveSnapshot);
    let snapshots = harness.disk.begun(Call::SaveSnapshot);
    harness.host.hold_load(false);
    harness.begun(Call::SaveSnapshot, snapshots + 1).await;
    assert_eq!(harness.host.count("realtime:room:merged"), 0);
    harness.disk.heal();
    harness.disk.release(Call::SaveSnapshot);
    harness.host.until("realtime:room:merged", 1).await;
    client.settled().await;
    assert_eq!(client.editor.content().xml.matches("at noon").count(), 1);
}

#[tokio::test(start_paused = true)]
async fn an_idle_room_that_cannot_be_saved_stays_until_its_log_alone_must_do() {
    let mut harness = Harness::start();
    let client = harness.join().await;
    client.types("kept").await;
    harness.disk.break_call(Call::SaveSnapshot);
    client.leaves().await;
    harness.host.until("realtime:client:disconnected", 1).await;
    harness.pass(MINUTE).await;
    harness.host.until(FAILED, 1).await;
    assert_eq!(harness.rooms.len(), 1);
    harness.pass(60 * MINUTE).await;
    harness.gone(1).await;
    assert_eq!(harness.join().await.editor.text(), "kept");
}

#[tokio::test(start_paused = true)]
async fn an_idle_room_is_not_given_up_while_anything_of_it_is_only_in_memory() {
    let mut harness = Harness::start();
    let client = harness.join().await;
    for call in [Call::Commit, Call::SaveSnapshot] {
        harness.disk.break_call(call);
    }
    client.types("kept").await;
    client.leaves().await;
    harness.host.until("realtime:client:disconnected", 1).await;
    for failures in 1..4 {
        harness.pass(62 * MINUTE).await;
        harness.host.until(FAILED, failures).await;
    }
    harness.pass(Duration::ZERO).await;
    assert_eq!(harness.rooms.len(), 1);
    harness.disk.heal();
    harness.pass(MINUTE).await;
    harness.gone(1).await;
    assert_eq!(harness.stored().text(), "kept");
}
