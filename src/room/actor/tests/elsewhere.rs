//! The record is edited elsewhere while its room lives, between two lives, and around drafts.

use super::*;
use crate::room::messages::Message;
use crate::room::state::AckMode;
use crate::room::state::tests::editor::Place;

/// How often these words stand in the last draft.
fn in_draft(harness: &Harness, words: &str) -> usize {
    harness.host.drafts.borrow().last().map_or(0, |draft| draft.matches(words).count())
}

pub(super) fn set_text(harness: &Harness, text: &str) {
    *harness.host.text.lock().unwrap() = Some(text.to_owned());
}

pub(super) fn text_of(harness: &Harness) -> String {
    harness.host.text.lock().unwrap().clone().unwrap()
}

async fn changed_elsewhere(harness: &Harness, text: &str) {
    set_text(harness, text);
    let merged = harness.host.count("realtime:room:merged");
    assert!(harness.rooms.tell(&room(), Message::RecordChanged).await);
    harness.host.until("realtime:room:merged", merged + 1).await;
}

#[tokio::test(start_paused = true)]
async fn an_outside_edit_reaches_everybody_and_the_draft_holds_both() {
    let mut harness = Harness::start();
    let (ann, bob) = (harness.join().await, harness.join().await);
    ann.writes("Written inside.").await;
    ann.settled().await;
    changed_elsewhere(&harness, "The council meets on Tuesday at noon.").await;
    for client in [&ann, &bob] {
        client.settled().await;
        assert_eq!(client.editor.content().xml.matches("at noon").count(), 1);
        assert_eq!(seeded_words(&client.editor), 1);
    }
    assert_eq!(harness.host.last("realtime:room:merged", "added"), 2);
    harness.snapshot().await.unwrap();
    assert_eq!((in_draft(&harness, "Written inside."), in_draft(&harness, "at noon")), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn a_draft_is_never_written_over_an_edit_that_nobody_told_of() {
    let mut harness = Harness::start();
    let client = harness.join().await;
    client.writes("Written inside.").await;
    client.settled().await;
    set_text(&harness, "The council meets on Tuesday at noon.");
    // One request, and one snapshot of each state: before the merge and after it.
    assert!(harness.snapshot().await.unwrap().created);
    assert_eq!(harness.host.drafts.borrow().len(), 1);
    assert_eq!((in_draft(&harness, "Written inside."), in_draft(&harness, "at noon")), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn our_own_draft_is_no_edit_made_elsewhere() {
    let mut harness = Harness::start();
    let client = harness.join().await;
    client.writes("Written inside.").await;
    harness.snapshot().await.unwrap();
    client.writes("Written later.").await;
    harness.rooms.tell(&room(), Message::RecordChanged).await;
    harness.host.until_loads(3).await;
    client.settled().await;
    assert_eq!(harness.host.count("realtime:room:merged"), 0);
    harness.snapshot().await.unwrap();
    assert_eq!((in_draft(&harness, "Written inside."), in_draft(&harness, "Written later.")), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn a_draft_that_landed_although_it_seemed_to_fail_is_ours() {
    let mut harness = Harness::start();
    let client = harness.join().await;
    client.writes("Written inside.").await;
    harness.host.hold_save(true);
    let request = harness.ask_snapshot();
    harness.host.until_drafts(1).await;
    harness.pass(HOST_TIMEOUT).await;
    request.await.unwrap().unwrap();
    assert!(text_of(&harness).contains("Written inside."), "it landed");
    harness.host.hold_save(false);
    client.writes("Written later.").await;
    client.settled().await;
    harness.snapshot().await.unwrap();
    assert_eq!(harness.host.count("realtime:room:merged"), 0);
    assert_eq!((in_draft(&harness, "Written inside."), in_draft(&harness, "Written later.")), (1, 1));
}

/// A draft that the host has, and of which the room hears nothing.
pub(super) async fn draft_without_an_answer(harness: &Harness) {
    harness.host.hold_save(true);
    let drafts = harness.host.drafts.borrow().len();
    let request = harness.ask_snapshot();
    harness.host.until_drafts(drafts + 1).await;
    harness.pass(HOST_TIMEOUT).await;
    request.await.unwrap().unwrap();
    harness.host.hold_save(false);
}

/// A room in which somebody changes a word, which the host then has in a draft, and the same word again: if the
/// draft were merged, both would be kept.
pub(super) async fn with_a_draft_that_seemed_to_fail() -> (Harness, Client) {
    let mut harness = Harness::start();
    let client = harness.join().await;
    let write = |at: u32, words: &str| {
        client.editor.insert_at(Place::Paragraph(0), words, |_| (at, 0, String::new())).unwrap()
    };
    client.send_update(&write(8, "-")).await;
    client.settled().await;
    draft_without_an_answer(&harness).await;
    client.send_update(&write(6, "o")).await;
    client.settled().await;
    (harness, client)
}

#[tokio::test(start_paused = true)]
async fn a_draft_that_landed_is_ours_even_if_the_next_one_failed_as_well() {
    let (harness, client) = with_a_draft_that_seemed_to_fail().await;
    let landed = text_of(&harness);
    draft_without_an_answer(&harness).await;
    // It had not come that far.
    set_text(&harness, &landed);
    harness.snapshot().await.unwrap();
    client.settled().await;
    assert_eq!(client.editor.content().xml.matches("-cil").count(), 1);
    assert_eq!(in_draft(&harness, "The cooun-cil meets"), 1);
}

#[tokio::test(start_paused = true)]
async fn an_edit_on_top_of_a_draft_that_seemed_to_fail_is_all_that_is_merged() {
    let (harness, client) = with_a_draft_that_seemed_to_fail().await;
    set_text(&harness, &format!("{}\n\nFrom elsewhere.", text_of(&harness)));
    harness.snapshot().await.unwrap();
    client.settled().await;
    assert_eq!(client.editor.content().xml.matches("-cil").count(), 1);
    assert_eq!(in_draft(&harness, "The cooun-cil meets"), 1);
    assert_eq!(in_draft(&harness, "From elsewhere."), 1);
}

#[tokio::test(start_paused = true)]
async fn a_draft_written_just_before_a_crash_is_ours_after_it() {
    let mut harness = Harness::start();
    let client = harness.join_as(|member| member.ack = AckMode::Saved).await;
    client.writes("Written inside.").await;
    client.read_until("saved").await;
    // The note of the draft is lost: as if the process had ended in between.
    harness.disk.break_call(Call::Commit);
    harness.snapshot().await.unwrap();
    harness.crash().await;
    assert!(!harness.disk.stored(&room()).drafted.unwrap().text.contains("inside"));
    let client = harness.join().await;
    assert_eq!(client.editor.content().xml.matches("Written inside.").count(), 1);
    assert_eq!(harness.host.count("realtime:room:merged"), 0);
}

#[tokio::test(start_paused = true)]
async fn an_edit_made_between_two_lives_is_merged_once() {
    let mut harness = Harness::start_with(|room, _| room.grace_period = Duration::ZERO);
    let client = harness.join().await;
    client.writes("Written inside.").await;
    client.leaves().await;
    harness.gone(1).await;
    let text = text_of(&harness).replace("Tuesday", "Tuesday at noon");
    set_text(&harness, &text);
    for life in 0..3 {
        let client = harness.join().await;
        let xml = client.editor.content().xml;
        assert_eq!((xml.matches("at noon").count(), xml.matches("inside").count()), (1, 1), "{life}");
        // Each life ends another way: a merge is on disk with the text that it comes from.
        if life == 1 { harness.crash().await } else { client.leaves().await }
    }
    assert_eq!(harness.host.count("realtime:room:merged"), 1);
}

#[tokio::test(start_paused = true)]
async fn a_host_that_cannot_say_does_not_keep_a_room_with_history_closed() {
    let mut harness = Harness::start();
    let client = harness.join().await;
    client.writes("Written inside.").await;
    client.settled().await;
    harness.crash().await;
    set_text(&harness, "The council meets on Tuesday at noon.");
    harness.host.fail(true);
    let client = harness.join().await;
    assert_eq!(client.editor.content().xml.matches("inside").count(), 1);
    // Once it can, its edit comes in before anything is written over it.
    harness.host.fail(false);
    harness.snapshot().await.unwrap();
    assert_eq!((in_draft(&harness, "Written inside."), in_draft(&harness, "at noon")), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn a_record_that_becomes_lossy_is_closed_for_edits_and_not_written_over() {
    let mut harness = Harness::start();
    let client = harness.join().await;
    changed_elsewhere(&harness, "The council meets on Tuesday at noon.\n\n<div>raw</div>\n").await;
    assert_eq!(harness.host.count("realtime:room:lossy"), 1);
    client.read_until("permission.changed").await;
    client.writes("An intrusion.").await;
    client.read_until("PERMISSION_DENIED").await;
    harness.snapshot().await.unwrap();
    assert!(harness.host.drafts.borrow().is_empty());
    assert!(text_of(&harness).contains("<div>raw</div>"));
    // It is so in its next life too, until somebody takes out what cannot be carried.
    harness.crash().await;
    let client = harness.join().await;
    client.writes("An intrusion.").await;
    client.read_until("PERMISSION_DENIED").await;
    changed_elsewhere(&harness, "The council meets on Tuesday at ten.").await;
    client.read_until("permission.changed").await;
    // Somebody else: what the first wrote in vain is still in its own document.
    let client = harness.join().await;
    client.writes("Written inside.").await;
    client.settled().await;
    harness.snapshot().await.unwrap();
    assert_eq!((in_draft(&harness, "Written inside."), in_draft(&harness, "at ten")), (1, 1));
}

/// A draft says `<b>` and `<div>` as the editor writes them, unescaped; by itself it reads as HTML.
#[tokio::test(start_paused = true)]
async fn what_was_typed_as_text_closes_no_room_when_the_draft_is_edited_elsewhere() {
    let mut harness = Harness::start();
    let client = harness.join().await;
    for words in ["A <b> is a tag.", "<div> is one too."] {
        client.writes(words).await;
        client.settled().await;
    }
    harness.snapshot().await.unwrap();
    assert!(text_of(&harness).contains("<div>"), "{}", text_of(&harness));
    client.writes("<div> goes on.").await;
    client.settled().await;
    let edited = text_of(&harness).replace("Tuesday", "Tuesday at noon");
    changed_elsewhere(&harness, &edited).await;
    client.writes("Written after.").await;
    client.settled().await;
    harness.snapshot().await.unwrap();
    assert_eq!((in_draft(&harness, "Written after."), in_draft(&harness, "at noon")), (1, 1));
    // Edited once more, and read by another process: still nothing was lost.
    let edited = text_of(&harness).replace("noon", "ten");
    changed_elsewhere(&harness, &edited).await;
    harness.crash().await;
    let client = harness.join().await;
    client.writes("Written at last.").await;
    client.settled().await;
    harness.snapshot().await.unwrap();
    assert_eq!((in_draft(&harness, "Written at last."), in_draft(&harness, "at ten")), (1, 1));
    assert_eq!((in_draft(&harness, "A <b> is"), in_draft(&harness, "<div>")), (1, 2));
    assert_eq!(harness.host.count("realtime:room:lossy"), 0);
    // HTML that nobody here typed is still what it was.
    let edited = text_of(&harness) + "\n\n<section>raw</section>";
    set_text(&harness, &edited);
    assert!(harness.rooms.tell(&room(), Message::RecordChanged).await);
    harness.host.until("realtime:room:lossy", 1).await;
}

/// Seeded from its draft, such a room would have other words, or be closed for editing.
#[tokio::test(start_paused = true)]
async fn a_document_that_its_draft_does_not_give_back_never_expires() {
    for (words, expired) in [("Written plainly.", 1), ("A <b> is a tag.", 0)] {
        let mut harness = Harness::start();
        let client = harness.join().await;
        client.writes(words).await;
        client.settled().await;
        harness.snapshot().await.unwrap();
        harness.shut_down().await.unwrap();
        harness.store.close(MINUTE).await.unwrap();
        harness.crash().await;
        let gone = harness.store.sweep(std::collections::HashSet::new(), i64::MAX).await.unwrap();
        assert_eq!(gone.len(), expired, "{words}");
        // It is what it was, and the host, which has the draft, is not given it again.
        let _client = harness.join().await;
        harness.snapshot().await.unwrap();
        assert_eq!(harness.host.drafts.borrow().len(), 1, "{words}");
        assert_eq!(in_draft(&harness, words), 1);
        assert_eq!(harness.host.count("realtime:room:lossy"), 0, "{words}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_lossy_record_stays_so_when_the_host_cannot_say_what_it_has() {
    let mut harness = Harness::start();
    let _client = harness.join().await;
    changed_elsewhere(&harness, "The council meets on Tuesday at noon.\n\n<div>raw</div>\n").await;
    harness.crash().await;
    harness.host.fail(true);
    let client = harness.join().await;
    client.writes("An intrusion.").await;
    client.read_until("PERMISSION_DENIED").await;
    harness.host.fail(false);
    harness.snapshot().await.unwrap();
    assert!(harness.host.drafts.borrow().is_empty());
}

#[tokio::test(start_paused = true)]
async fn what_a_damaged_snapshot_lost_comes_back_from_the_draft() {
    let mut harness = Harness::start();
    let client = harness.join().await;
    harness.snapshot().await.unwrap();
    client.writes("Written inside.").await;
    client.settled().await;
    harness.snapshot().await.unwrap();
    harness.crash().await;
    harness.disk.damage_newest_snapshot(&room());
    let client = harness.join().await;
    assert_eq!(client.editor.content().xml.matches("Written inside.").count(), 1);
    assert_eq!(seeded_words(&client.editor), 1);
}

/// Some hosts keep drafts apart and go on giving the record's own text.
#[tokio::test(start_paused = true)]
async fn a_host_that_does_not_give_drafts_back_takes_nothing_away() {
    let mut harness = Harness::start();
    let before = text_of(&harness);
    for words in ["Written first.", "Written second."] {
        let client = harness.join().await;
        client.writes(words).await;
        client.settled().await;
        harness.snapshot().await.unwrap();
        set_text(&harness, &before);
        client.writes("Written between.").await;
        client.settled().await;
        harness.snapshot().await.unwrap();
        set_text(&harness, &before);
        harness.crash().await;
    }
    assert_eq!((in_draft(&harness, "Written first."), in_draft(&harness, "Written second.")), (1, 1));
    assert_eq!(harness.host.count("realtime:room:merged"), 0);
    // Only if it says that the record was changed is it taken at its word.
    let client = harness.join().await;
    changed_elsewhere(&harness, &before).await;
    client.settled().await;
    assert_eq!(client.editor.content().xml.matches("Written").count(), 0);
}

#[tokio::test(start_paused = true)]
async fn nobody_sees_a_merge_before_it_is_on_disk() {
    let mut harness = Harness::start();
    let ann = harness.join().await;
    ann.settled().await;
    harness.disk.hold(Call::Commit);
    let begun = harness.disk.begun(Call::Commit);
    set_text(&harness, &text_of(&harness).replace("Tuesday", "Tuesday at noon"));
    assert!(harness.rooms.tell(&room(), Message::RecordChanged).await);
    harness.disk.until_begun(Call::Commit, begun + 1).await;
    // Editing goes on meanwhile.
    ann.writes("Written inside.").await;
    ann.settled().await;
    assert_eq!(harness.host.count("realtime:room:merged"), 0);
    assert_eq!(harness.join().await.editor.content().xml.matches("at noon").count(), 0);
    harness.disk.release(Call::Commit);
    harness.host.until("realtime:room:merged", 1).await;
    let xml = harness.join().await.editor.content().xml;
    assert_eq!((xml.matches("at noon").count(), xml.matches("inside").count()), (1, 1));
    // The draft that waited for it has both.
    harness.snapshot().await.unwrap();
    assert_eq!((in_draft(&harness, "at noon"), in_draft(&harness, "inside")), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn a_merge_that_did_not_reach_the_disk_is_made_once_after_a_crash() {
    let mut harness = Harness::start();
    let before = harness.join().await;
    before.settled().await;
    harness.disk.break_call(Call::Commit);
    set_text(&harness, &text_of(&harness).replace("Tuesday", "Tuesday at noon"));
    let begun = harness.disk.begun(Call::Commit);
    assert!(harness.rooms.tell(&room(), Message::RecordChanged).await);
    harness.disk.until_begun(Call::Commit, begun + 1).await;
    harness.crash().await;
    let after = harness.join().await;
    assert_eq!(after.editor.content().xml.matches("at noon").count(), 1);
    // Who was there before brings all that it has seen.
    after.send_update(&before.editor.diff(&[0])).await;
    after.settled().await;
    assert_eq!(harness.join().await.editor.content().xml.matches("at noon").count(), 1);
}

#[tokio::test(start_paused = true)]
async fn an_edit_on_top_of_a_draft_whose_note_was_lost_is_all_that_is_merged() {
    let mut harness = Harness::start();
    let client = harness.join_as(|member| member.ack = AckMode::Saved).await;
    client.send_update(&client.editor.add_element("heading", "Written inside.")).await;
    client.read_until("saved").await;
    harness.disk.break_call(Call::Commit);
    harness.snapshot().await.unwrap();
    harness.crash().await;
    // While the host cannot say what it has, what is in the draft is deleted.
    harness.host.fail(true);
    let client = harness.join_as(|member| member.ack = AckMode::Saved).await;
    client.send_update(&client.editor.remove_element("heading").unwrap()).await;
    client.read_until("saved").await;
    harness.crash().await;
    harness.host.fail(false);
    let draft = text_of(&harness);
    assert!(draft.contains("Written inside."));
    set_text(&harness, &format!("{draft}\n\nFrom elsewhere."));
    let xml = harness.join().await.editor.content().xml;
    assert_eq!(
        (xml.matches("From elsewhere.").count(), xml.matches("Written inside.").count()),
        (1, 0),
        "{xml}"
    );
}

/// A room whose host was given up with one draft, took the next, and then came with the first.
async fn with_a_draft_that_comes_late() -> (Harness, Client) {
    let mut harness = Harness::start();
    let client = harness.join().await;
    let before = text_of(&harness);
    client.writes("Written first.").await;
    client.settled().await;
    draft_without_an_answer(&harness).await;
    let late = text_of(&harness);
    set_text(&harness, &before);
    client.writes("Written second.").await;
    client.settled().await;
    harness.snapshot().await.unwrap();
    assert!(late.contains("first.") && text_of(&harness).contains("second."));
    set_text(&harness, &late);
    (harness, client)
}

#[tokio::test(start_paused = true)]
async fn a_draft_that_comes_late_takes_nothing_back_and_is_written_over() {
    for (told, writes) in [(true, false), (true, true), (false, true)] {
        let (harness, client) = with_a_draft_that_comes_late().await;
        if told {
            let loads = *harness.host.loads.borrow();
            assert!(harness.rooms.tell(&room(), Message::RecordChanged).await);
            harness.host.until_loads(loads + 1).await;
            client.settled().await;
        }
        if writes {
            client.writes("Written third.").await;
            client.settled().await;
        }
        harness.snapshot().await.unwrap();
        assert_eq!(harness.host.count("realtime:room:merged"), 0);
        assert_eq!((in_draft(&harness, "second."), in_draft(&harness, "third.")), (1, usize::from(writes)));
        assert!(text_of(&harness).contains("second."));
    }
}

#[tokio::test(start_paused = true)]
async fn a_draft_that_comes_late_is_ours_in_the_next_life_of_the_room_as_well() {
    let (mut harness, _) = with_a_draft_that_comes_late().await;
    harness.crash().await;
    let client = harness.join().await;
    assert_eq!(client.editor.content().xml.matches("second.").count(), 1);
    harness.snapshot().await.unwrap();
    assert!(text_of(&harness).contains("second."));
    assert_eq!(harness.host.count("realtime:room:merged"), 0);
}

#[tokio::test(start_paused = true)]
async fn of_an_edit_on_top_of_a_draft_that_came_late_the_edit_is_merged() {
    for crashes in [false, true] {
        let (mut harness, client) = with_a_draft_that_comes_late().await;
        let edited = format!("{}\n\nFrom elsewhere.", text_of(&harness));
        if crashes {
            set_text(&harness, &edited);
            harness.crash().await;
        } else {
            changed_elsewhere(&harness, &edited).await;
            client.settled().await;
        }
        let client = harness.join().await;
        let xml = client.editor.content().xml;
        assert_eq!((xml.matches("second.").count(), xml.matches("From elsewhere.").count()), (1, 1), "{xml}");
        harness.snapshot().await.unwrap();
        assert_eq!((in_draft(&harness, "second."), in_draft(&harness, "From elsewhere.")), (1, 1));
    }
}

#[tokio::test(start_paused = true)]
async fn what_was_deleted_does_not_come_back_with_a_draft_that_comes_late() {
    let mut harness = Harness::start();
    let client = harness.join().await;
    let before = text_of(&harness);
    client.send_update(&client.editor.add_element("heading", "Written inside.")).await;
    client.settled().await;
    draft_without_an_answer(&harness).await;
    let late = text_of(&harness);
    set_text(&harness, &before);
    client.send_update(&client.editor.remove_element("heading").unwrap()).await;
    client.settled().await;
    harness.snapshot().await.unwrap();
    set_text(&harness, &late);
    let loads = *harness.host.loads.borrow();
    assert!(harness.rooms.tell(&room(), Message::RecordChanged).await);
    harness.host.until_loads(loads + 1).await;
    harness.snapshot().await.unwrap();
    assert!(!text_of(&harness).contains("Written inside."));
    assert_eq!(harness.host.count("realtime:room:merged"), 0);
}
