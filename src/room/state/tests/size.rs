//! A document that is full takes no more, loses nothing, and goes on as soon as there is room.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use super::*;

const BYTES_MAX: usize = 4_000;

/// A small room with time that passes by hand.
struct Small {
    room: RoomState,
    now: Instant,
}

impl Small {
    fn new(ann: Member) -> Self {
        let now = Instant::now();
        let mut room = room().bounded(0, BYTES_MAX);
        room.join(ANN, ann, None, now);
        room.join(BOB, member(BOB), None, now);
        Self { room, now }
    }

    fn hear(&mut self, client: ClientId, frames: impl IntoIterator<Item = Bytes>) -> Vec<Effect> {
        self.room.receive(client, frames.into_iter().collect(), self.now)
    }

    fn pass(&mut self) {
        self.now += Duration::from_secs(2);
    }
}

/// Who is told first is all one.
fn sorted(effects: &[Effect]) -> Vec<String> {
    let mut outline = outline(effects);
    outline.sort();
    outline
}

#[test]
fn what_does_not_fit_is_refused_and_the_rest_goes_on() {
    let mut small = Small::new(Member { ack: AckMode::Saved, ..member(ANN) });
    let (ann, bob) = (Editor::new(1), Editor::new(2));
    let first = ann.append(&"a".repeat(3_000));
    small.hear(ANN, [update(&first)]);
    bob.receive(&first);
    let paste = ann.append(&"b".repeat(2_000));
    let effects = small.hear(ANN, [update(&paste)]);
    assert_eq!(sorted(&effects), ["ann: DOCUMENT_TOO_LARGE", "ann: notice", "bob: notice", "full"]);
    // Nobody is told of it with each key.
    assert_eq!(outline(&small.hear(ANN, [update(&ann.append("!"))])), no_effects());
    // Others have room for what they do.
    assert_eq!(outline(&small.hear(BOB, [update(&bob.append("c"))])), ["change by bob"]);
    assert_eq!(small.room.text().len(), 3_001);
}

#[test]
fn when_something_was_deleted_the_refused_is_asked_for_and_is_there_once() {
    let mut small = Small::new(Member { ack: AckMode::Saved, ..member(ANN) });
    let (ann, bob) = (Editor::new(1), Editor::new(2));
    let first = ann.append(&"a".repeat(3_000));
    small.hear(ANN, [update(&first)]);
    bob.receive(&first);
    small.hear(ANN, [update(&ann.append(&"b".repeat(2_000)))]);
    small.pass();
    // A deletion is taken although the document is full.
    assert_eq!(outline(&small.hear(BOB, [update(&bob.remove(0, 2_500))])), ["change by bob"]);
    let effects = small.hear(ANN, [update(&ann.append("!"))]);
    assert_eq!(outline(&effects), ["ann: step1", "ann: step1"], "the room has room, and lacks something");
    let answer = ann.diff(&sent(&effects, 0));
    let effects = small.hear(ANN, [step2(&answer)]);
    assert_eq!(outline(&effects), ["change by ann", "saved to ann"]);
    assert_eq!(small.room.text().len(), 500 + 2_000 + 1);
}

#[test]
fn whoever_deletes_what_was_refused_goes_on() {
    let mut small = Small::new(member(ANN));
    let ann = Editor::new(1);
    small.hear(ANN, [update(&ann.append(&"a".repeat(3_000)))]);
    small.hear(ANN, [update(&ann.append(&"b".repeat(2_000)))]);
    small.pass();
    let effects = small.hear(ANN, [update(&ann.remove(3_000, 2_000))]);
    assert_eq!(outline(&effects), ["ann: step1"]);
    let effects = small.hear(ANN, [step2(&ann.diff(&sent(&effects, 0)))]);
    assert_eq!(outline(&effects), ["change by ann"]);
    assert_eq!(outline(&small.hear(ANN, [update(&ann.append("c"))])), ["change by ann"]);
    assert_eq!(small.room.text().len(), 3_001);
}

#[test]
fn an_answer_that_does_not_fit_is_not_asked_for_again_and_again() {
    let mut small = Small::new(member(ANN));
    let (ann, bob) = (Editor::new(1), Editor::new(2));
    small.hear(ANN, [update(&ann.append(&"a".repeat(5_000)))]);
    for _ in 0..5 {
        small.pass();
        assert_eq!(outline(&small.hear(BOB, [update(&bob.append("b"))])), ["change by bob"]);
        assert_eq!(outline(&small.hear(ANN, [update(&ann.append("c"))])), ["ann: DOCUMENT_TOO_LARGE"]);
    }
    let effects = small.hear(ANN, [step2(&ann.diff(&[0]))]);
    assert_eq!(outline(&effects), no_effects());
}

#[test]
fn an_answer_that_holds_nothing_new_is_not_refused_nor_is_what_comes_after_it() {
    let mut small = Small::new(Member { ack: AckMode::Saved, ..member(ANN) });
    let ann = Editor::new(1);
    small.hear(ANN, [update(&ann.append(&"a".repeat(3_000)))]);
    // To a question that was asked before.
    let effects = small.hear(ANN, [step2(&ann.diff(&[0]))]);
    assert_eq!(outline(&effects), ["saved to ann"]);
    let effects = small.hear(ANN, [update(&ann.append("!"))]);
    assert_eq!(outline(&effects), ["change by ann", "saved to ann"]);
}

#[test]
fn who_speaks_json_and_deletes_what_was_refused_goes_on() {
    let mut small = Small::new(Member { speaks_json: true, ..member(ANN) });
    let ann = Editor::new(1);
    let says = |small: &mut Small, update: &[u8]| {
        let text = json!({"type": "sync", "update": STANDARD.encode(update)}).to_string();
        outline(&small.room.receive_text(ANN, &text, small.now, 0))
    };
    says(&mut small, &ann.append(&"a".repeat(3_000)));
    says(&mut small, &ann.append(&"b".repeat(2_000)));
    small.pass();
    assert_eq!(says(&mut small, &ann.remove(3_000, 2_000)), ["ann: room_state"]);
    // What it says to that: all that the room lacks.
    let answer = ann.diff(&small.room.document().state_vector());
    assert_eq!(says(&mut small, &answer), ["change by ann"]);
    assert_eq!(says(&mut small, &ann.append("c")), ["change by ann"]);
    assert_eq!(small.room.text().len(), 3_001);
}

#[test]
fn text_that_was_typed_and_deleted_many_times_takes_no_room() {
    let mut small = Small::new(member(ANN));
    let ann = Editor::new(1);
    for _ in 0..50 {
        small.pass();
        let words = update(&ann.append(&"a".repeat(1_000)));
        assert_eq!(outline(&small.hear(ANN, [words])), ["change by ann"]);
        small.hear(ANN, [update(&ann.remove(0, 1_000))]);
    }
    assert!(small.room.document_mut().state().unwrap().len() < 200);
}

#[test]
fn several_in_one_message_are_counted_together() {
    let mut small = Small::new(member(ANN));
    let pastes: Vec<_> = (0..4).map(|n| update(&Editor::new(n + 10).append(&"a".repeat(1_500)))).collect();
    small.hear(ANN, pastes);
    assert_eq!(small.room.text().len(), 3_000);
}

#[test]
fn people_are_told_of_a_large_document_once_and_when_they_come() {
    let now = Instant::now();
    let mut room = room_of_two().bounded(0, usize::MAX);
    let ann = Editor::new(1);
    let effects = room.receive(ANN, vec![update(&ann.append(&"a".repeat(500_001)))], now);
    assert_eq!(sorted(&effects), ["ann: notice", "bob: notice", "change by ann"]);
    assert_eq!(outline(&room.receive(ANN, vec![update(&ann.append("a"))], now)), ["change by ann"]);
    room.leave(BOB);
    let effects = room.join(BOB, member(BOB), None, now);
    assert_eq!(outline(&effects), ["bob: connection.ack", "bob: step1", "bob: step2", "bob: notice"]);
}
