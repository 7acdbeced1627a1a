//! Shutting down: what was sent is taken in, everything is saved, and nobody new is let in.

use super::*;

#[tokio::test(start_paused = true)]
async fn what_was_sent_before_is_taken_in_and_saved() {
    let mut harness = Harness::start();
    let client = harness.join().await;
    for n in 0..100 {
        client.types(&format!("{n} ")).await;
    }
    client.writes("A last clause.").await;
    harness.shut_down().await.unwrap();
    assert!(harness.rooms.is_empty());
    assert_eq!(harness.host.last("realtime:room:destroyed", "reason"), "shutdown");
    let stored = harness.disk.stored(&room());
    assert!(stored.log.is_empty() && stored.snapshot.is_some());
    assert_eq!(harness.stored().text(), client.editor.text());
    assert!(harness.host.drafts.borrow()[0].contains("A last clause."));
}

#[tokio::test(start_paused = true)]
async fn edits_made_while_a_save_runs_are_in_the_last_one() {
    let mut harness = Harness::start();
    let client = harness.join().await;
    client.types("first ").await;
    client.settled().await;
    harness.disk.hold(Call::SaveSnapshot);
    let request = harness.ask_snapshot();
    harness.begun(Call::SaveSnapshot, 1).await;
    client.types("second").await;
    let shutdown = harness.shut_down();
    harness.pass(Duration::from_secs(1)).await;
    assert!(!shutdown.is_finished());
    harness.disk.release(Call::SaveSnapshot);
    shutdown.await.unwrap();
    assert!(request.await.unwrap().unwrap().created);
    let stored = harness.disk.stored(&room());
    assert!(stored.log.is_empty());
    assert_eq!(harness.stored().text(), "first second");
}

#[tokio::test(start_paused = true)]
async fn nobody_is_let_in_any_more() {
    let mut harness = Harness::start();
    harness.join().await;
    harness.shut_down().await.unwrap();
    assert_eq!(harness.try_join().await.err().unwrap().code, Code::ServerShutdown);
    assert!(harness.rooms.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_room_that_is_being_loaded_ends_too() {
    let mut harness = Harness::start();
    harness.host.hold_load(true);
    let arrival = harness.arrive(|_| ());
    harness.host.until_loads(1).await;
    let shutdown = harness.shut_down();
    harness.pass(Duration::from_secs(1)).await;
    harness.host.hold_load(false);
    shutdown.await.unwrap();
    assert!(harness.rooms.is_empty());
    // It was at the door before, so it is let in and sees the room end.
    let client = arrival.await.unwrap().unwrap();
    assert_eq!(client.read_until("close 4503").await.last().unwrap(), "close 4503");
    assert_eq!(harness.host.count("realtime:client:disconnected"), 1);
    assert!(harness.disk.stored(&room()).snapshot.is_some());
}

#[tokio::test(start_paused = true)]
async fn a_room_whose_host_never_answers_does_not_hold_the_shutdown_up_for_ever() {
    let mut harness = Harness::start();
    harness.host.hold_load(true);
    let arrival = harness.arrive(|_| ());
    harness.host.until_loads(1).await;
    let shutdown = harness.shut_down();
    harness.pass(HOST_TIMEOUT).await;
    shutdown.await.unwrap();
    assert_eq!(arrival.await.unwrap().err().unwrap().code, Code::RecordUnreadable);
}

#[tokio::test(start_paused = true)]
async fn a_save_that_fails_is_tried_until_it_lands() {
    let mut harness = Harness::start();
    let client = harness.join().await;
    client.types("kept").await;
    harness.disk.break_call(Call::SaveSnapshot);
    let shutdown = harness.shut_down();
    harness.host.until("realtime:snapshot:writeback-failed", 1).await;
    for failures in 2..6 {
        harness.pass(MINUTE).await;
        harness.host.until("realtime:snapshot:writeback-failed", failures).await;
    }
    assert!(!shutdown.is_finished());
    harness.disk.heal();
    harness.pass(MINUTE).await;
    shutdown.await.unwrap();
    assert_eq!(harness.stored().text(), "kept");
}
