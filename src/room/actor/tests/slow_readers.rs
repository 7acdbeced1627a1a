//! Who reads too slowly loses nothing, and costs the others nothing.

use super::*;
use crate::room::state::tests::editor::Editor;
use crate::room::state::tests::{step1, update};

#[tokio::test(start_paused = true)]
async fn who_reads_too_slowly_is_caught_up_with_everything() {
    let mut harness = Harness::start();
    let writer = harness.join().await;
    let reader = harness.join_with_outbox(Outbox::new(200)).await;
    writer.types("so that something waits ").await;
    // So many frames that they become two changes, of which the first does not fit any more. The second
    // is somebody else's, whom the writer met while it was away.
    let mut frames: Vec<_> = (0..64).map(|n| update(&writer.editor.append(&format!("{n} ")))).collect();
    let other = Editor::new(77).append("met on the way ");
    writer.editor.receive(&other);
    frames.push(update(&other));
    writer.send(Message::Frames(writer.id, frames)).await;
    writer.settled().await;
    for _ in 0..100 {
        writer.types("and more ").await;
    }
    writer.settled().await;
    assert!(reader.outbox.bytes() <= 200);
    while !reader.editor.text().contains("more") {
        reader.read().await;
    }
    assert_eq!(reader.editor.text(), writer.editor.text());
    // And then it is like everybody else.
    writer.types("!").await;
    assert_eq!(reader.read().await, ["update"]);
    assert_eq!(reader.editor.content(), writer.editor.content());
}

#[tokio::test(start_paused = true)]
async fn who_asks_much_and_reads_nothing_is_not_answered_into_memory() {
    let mut harness = Harness::start();
    let writer = harness.join().await;
    let asker = harness.join_with_outbox(Outbox::new(3_000)).await;
    writer.types(&"a long text ".repeat(200)).await;
    writer.settled().await;
    for n in 1..100 {
        asker.send(Message::Frames(asker.id, vec![step1(&[1, n, 1])])).await;
    }
    writer.settled().await;
    assert!(asker.outbox.bytes() < 10_000, "{}", asker.outbox.bytes());
    // Whoever reads after all is answered.
    asker.read_until("step2").await;
    asker.read_until("step2").await;
}
