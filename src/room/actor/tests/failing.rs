//! A document that breaks: everybody is sent away, and the next to come gets the room from the store.

use super::*;
use crate::document::tests::panics;
use crate::ids::UserId;
use crate::room::barred::BARRED_FOR;
use crate::room::outbox::Outbox;
use crate::room::state::tests::{step1, update};

#[tokio::test(start_paused = true)]
async fn a_broken_document_is_loaded_again_with_everything_that_was_taken() {
    let mut harness = Harness::start();
    let (ann, bob) = (harness.join().await, harness.join().await);
    ann.types("hello").await;
    ann.settled().await;
    bob.send(Message::Frames(bob.id, vec![update(&panics())])).await;
    ann.read_until("close 4500").await;
    bob.read_until("close 4003").await;
    harness.gone(1).await;
    assert_eq!(harness.host.last("realtime:room:destroyed", "reason"), "failed");
    assert_eq!(harness.host.count("realtime:client:disconnected"), 2);
    assert_eq!(harness.host.last("realtime:client:disconnected", "reason"), "failed");
    let client = harness.join().await;
    assert_eq!((client.editor.text().as_str(), seeded_words(&client.editor)), ("hello", 1));
    assert_eq!(harness.host.count("realtime:room:created"), 2);
}

#[tokio::test(start_paused = true)]
async fn a_room_that_fails_ends_its_running_save_before_it_can_be_loaded_again() {
    let mut harness = Harness::start();
    let client = harness.join().await;
    client.types("hello").await;
    client.settled().await;
    harness.disk.hold(Call::SaveSnapshot);
    let request = harness.ask_snapshot();
    harness.begun(Call::SaveSnapshot, 1).await;
    client.send(Message::Frames(client.id, vec![update(&panics())])).await;
    client.read_until("close 4003").await;
    let arrival = harness.arrive(|_| ());
    harness.pass(Duration::from_secs(1)).await;
    assert!(!arrival.is_finished());
    harness.disk.release(Call::SaveSnapshot);
    assert_eq!(request.await.unwrap().unwrap().version, Some(1));
    // It came to a room that failed, and is told so.
    assert_eq!(arrival.await.unwrap().err().unwrap().code, Code::Internal);
    assert_eq!(harness.join().await.editor.text(), "hello");
}

#[tokio::test(start_paused = true)]
async fn who_broke_the_document_is_kept_out_for_a_while_and_nobody_else() {
    let mut harness = Harness::start();
    let (ann, bob) = (harness.join().await, harness.join().await);
    let (ann_again, bob_again) = (UserId::Number(1), UserId::Number(2));
    bob.send(Message::Frames(bob.id, vec![update(&panics())])).await;
    bob.read_until("close 4003").await;
    ann.read_until("close 4500").await;
    harness.gone(1).await;
    let refused = harness.arrive(|member| member.user.id = bob_again.clone()).await.unwrap().err().unwrap();
    assert_eq!((refused.code, &refused.context["reason"]), (Code::PermissionDenied, &"broke_room".into()));
    assert!(harness.rooms.is_empty(), "nothing was loaded for somebody who may not come in");
    harness.join_as(|member| member.user.id = ann_again).await;
    harness.pass(BARRED_FOR).await;
    harness.join_as(|member| member.user.id = bob_again).await;
}

#[tokio::test(start_paused = true)]
async fn who_reads_too_slowly_for_a_document_that_breaks_is_sent_away_as_well() {
    let mut harness = Harness::start();
    let writer = harness.join().await;
    let reader = harness.join_with_outbox(Outbox::new(200)).await;
    writer.types("so that something waits ").await;
    writer.settled().await;
    let frames = vec![update(&writer.editor.append(&"long ".repeat(100))), step1(&[0]), update(&panics())];
    writer.send(Message::Frames(writer.id, frames)).await;
    // Only now, so that its queue is full when the document breaks.
    writer.read_until("close 4003").await;
    reader.read_until("close 4500").await;
    harness.gone(1).await;
    assert!(harness.join().await.editor.text().ends_with("long "));
}
