//! The wall clock is put back.

use super::elsewhere::with_a_draft_that_seemed_to_fail;
use super::*;
use crate::store::Attempt;

#[tokio::test(start_paused = true)]
async fn a_draft_that_was_given_before_it_was_put_back_is_ours() {
    let (mut harness, _client) = with_a_draft_that_seemed_to_fail().await;
    // There is a newer snapshot than the one that the draft is of.
    harness.host.fail(true);
    harness.snapshot().await.unwrap();
    harness.host.fail(false);
    harness.crash().await;
    let mut disk = harness.disk.open();
    for given in harness.disk.stored(&room()).attempted {
        let later = Attempt { given_at_ms: given.given_at_ms + 600_000, ..given };
        disk.attempt(&room(), &later).unwrap();
    }
    let client = harness.join().await;
    assert_eq!(client.editor.content().xml.matches("-cil").count(), 1);
    assert_eq!(harness.host.count("realtime:room:merged"), 0);
}
