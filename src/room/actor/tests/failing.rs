//! A document that breaks: everybody is sent away, and the next to come gets the room from the store.

use super::*;
use crate::document::tests::panics;
use crate::room::state::tests::update;

#[tokio::test(start_paused = true)]
async fn a_broken_document_is_loaded_again_with_everything_that_was_taken() {
    let mut harness = Harness::start();
    let (ann, bob) = (harness.join().await, harness.join().await);
    ann.types("hello").await;
    ann.settled().await;
    bob.send(Message::Frames(bob.id, vec![update(&panics())])).await;
    for client in [&ann, &bob] {
        assert_eq!(client.read_until("close 4500").await.last().unwrap(), "close 4500");
    }
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
    client.read_until("close 4500").await;
    let arrival = harness.arrive(|_| ());
    harness.pass(Duration::from_secs(1)).await;
    assert!(!arrival.is_finished());
    harness.disk.release(Call::SaveSnapshot);
    assert_eq!(request.await.unwrap().unwrap().version, Some(1));
    // It came to a room that failed, and is told so.
    assert_eq!(arrival.await.unwrap().err().unwrap().code, Code::Internal);
    assert_eq!(harness.join().await.editor.text(), "hello");
}
