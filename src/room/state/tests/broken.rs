//! When the document breaks, the room fails whole: it says so last, and is loaded again from the store.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use super::*;
use crate::document::tests::panics;

#[test]
fn a_document_that_breaks_fails_the_room_and_nothing_of_it_is_logged() {
    let mut room = room_of_two();
    let (ann, bob) = (Editor::new(1), Editor::new(2));
    room.hear(ANN, [update(&ann.append("hello"))]);
    let effects = room.hear(BOB, [update(&bob.append("x")), update(&panics())]);
    assert_eq!(outline(&effects), ["fail"]);
}

#[test]
fn what_was_taken_before_is_logged_before() {
    let mut room = room_of_two();
    let (ann, bob) = (Editor::new(1), Editor::new(2));
    room.hear(ANN, [update(&ann.append("hello"))]);
    let effects = room.hear(BOB, [update(&bob.append("x")), step1(&[0]), update(&panics())]);
    assert_eq!(outline(&effects), ["change by bob", "fail"]);
}

#[test]
fn what_yrs_makes_no_sense_of_costs_its_sender_a_message_and_nobody_else_anything() {
    let mut room = room_of_two();
    let (ann, bob) = (Editor::new(1), Editor::new(2));
    room.hear(ANN, [update(&ann.append("hello"))]);
    // A letter of Ann's as the parent of something.
    let nonsense = Bytes::from_static(&[1, 1, 77, 0, 4, 0, 1, 0, 1, b'x', 0]);
    let effects = room.hear(BOB, [update(&bob.append("x")), update(&nonsense)]);
    assert_eq!(outline(&effects), ["change by bob", "bob: INVALID_YJS_UPDATE", "bob failed"]);
    assert_eq!(outline(&room.hear(ANN, [update(&ann.append("y"))])), ["change by ann"]);
}

#[test]
fn a_broken_document_is_not_asked_for_anything_any_more() {
    let (ann, bob) = (Editor::new(1), Editor::new(2));
    let wreck = || update(&panics());
    let question = || step1(&[0]);
    let more = || update(&bob.append("x"));
    for after in [vec![question()], vec![question(), more()], vec![more(), question(), more()]] {
        let mut room = room_of_two();
        room.hear(ANN, [update(&ann.append("hello"))]);
        // Each question has what came before it applied.
        let effects = room.hear(BOB, [wreck()].into_iter().chain(after));
        assert_eq!(outline(&effects), ["fail"]);
    }
    let mut room = room_of(member(ANN), Member { speaks_json: true, ..member(BOB) });
    let stale = json!({"type": "sync", "update": STANDARD.encode(panics()), "version": 0}).to_string();
    let effects = room.receive_text(BOB, &stale, Instant::now(), 0);
    assert_eq!(outline(&effects), ["fail"]);
}
