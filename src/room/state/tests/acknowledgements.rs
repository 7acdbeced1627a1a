//! Who asked for it hears once its edits are on disk, and never before all of them are taken.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use super::super::acknowledgements::{UNACKNOWLEDGED_BYTES_MAX, UNACKNOWLEDGED_FRAMES_MAX};
use super::*;

fn room_with(ack: AckMode) -> RoomState {
    room_of(Member { ack, ..member(ANN) }, member(BOB))
}

fn echoes(effects: &[Effect]) -> Vec<Bytes> {
    let echoes = effects.iter().filter_map(|effect| match effect {
        Effect::Acknowledge(ANN, Acknowledgement::Echo(frame)) => sync::update_in(frame),
        _ => None,
    });
    echoes.collect()
}

#[test]
fn each_gets_what_it_asked_for_behind_the_change() {
    let expected: [(AckMode, &[&str]); 3] = [
        (AckMode::None, &["change by ann"]),
        (AckMode::Saved, &["change by ann", "saved to ann"]),
        (AckMode::Echo, &["change by ann", "echo to ann", "echo to ann"]),
    ];
    for (ack, expected) in expected {
        let mut room = room_with(ack);
        let ann = Editor::new(1);
        let edits = [ann.append("a"), ann.append("b")];
        let effects = room.hear(ANN, edits.iter().map(|edit| update(edit)));
        assert_eq!(outline(&effects), expected);
        if ack == AckMode::Echo {
            assert_eq!(echoes(&effects), edits, "its own updates, unchanged and in order");
        }
    }
}

#[test]
fn what_changes_nothing_is_acknowledged_as_well() {
    let mut room = room_with(AckMode::Echo);
    let edit = Editor::new(1).append("a");
    room.hear(ANN, [update(&edit)]);
    assert_eq!(outline(&room.hear(ANN, [update(&edit)])), ["echo to ann"]);
}

#[test]
fn what_was_refused_is_not_acknowledged() {
    for ack in [AckMode::Echo, AckMode::Saved] {
        let mut room = room_with(ack);
        let effects = room.hear(ANN, [update(&changes::refused_by_yrs())]);
        assert_eq!(outline(&effects), ["ann: INVALID_YJS_UPDATE", "ann failed"]);
    }
    let mut room = room_of(Member { ack: AckMode::Saved, ..viewer(ANN) }, member(BOB));
    let effects = room.hear(ANN, [update(&Editor::new(1).append("a"))]);
    assert_eq!(outline(&effects), ["ann: PERMISSION_DENIED", "ann: step2"]);
}

#[test]
fn what_was_left_out_is_owed_until_it_has_come() {
    let mut room = room_with(AckMode::Echo);
    let ann = Editor::new(1);
    ann.append("lost ");
    let edits = [ann.append("later "), ann.append("and later")];
    for edit in &edits {
        assert_eq!(outline(&room.hear(ANN, [update(edit)])), ["ann: step1"]);
    }
    // Something else that it sends does not settle it.
    let other = Editor::new(5).append("other ");
    assert_eq!(echoes(&room.hear(ANN, [update(&other)])), [other]);
    let whole = ann.diff(&room.document().state_vector());
    let effects = room.hear(ANN, [step2(&whole)]);
    assert_eq!(outline(&effects), ["change by ann", "echo to ann", "echo to ann", "echo to ann"]);
    assert_eq!(echoes(&effects), [&edits[0], &edits[1], &whole]);
    // And once only.
    assert_eq!(echoes(&room.hear(ANN, [step2(&whole)])), [whole]);
}

#[test]
fn saved_is_not_said_while_something_is_missing() {
    let mut room = room_with(AckMode::Saved);
    let ann = Editor::new(1);
    ann.append("lost ");
    assert_eq!(outline(&room.hear(ANN, [update(&ann.append("later"))])), ["ann: step1"]);
    // It would mean that everything so far is on disk.
    let other = Editor::new(5).append("other");
    assert_eq!(outline(&room.hear(ANN, [update(&other)])), ["change by ann"]);
    let whole = ann.diff(&room.document().state_vector());
    assert_eq!(outline(&room.hear(ANN, [step2(&whole)])), ["change by ann", "saved to ann"]);
    assert_eq!(outline(&room.hear(ANN, [update(&ann.append("!"))])), ["change by ann", "saved to ann"]);
}

/// It answers with no step 2, so what it sent is looked for.
#[test]
fn who_speaks_json_hears_of_what_was_left_out_when_it_has_come() {
    for (ack, expected) in [
        (AckMode::Saved, &["change by ann", "saved to ann"][..]),
        (AckMode::Echo, &["change by ann", "echo to ann", "echo to ann"]),
    ] {
        let mut room = room_of(Member { ack, speaks_json: true, ..member(ANN) }, member(BOB));
        let says = |room: &mut RoomState, update: &[u8]| {
            let text = json!({"type": "sync", "update": STANDARD.encode(update)}).to_string();
            let mut effects = outline(&room.receive_text(ANN, &text, Instant::now(), 0));
            effects.retain(|effect| !effect.contains("room_state"));
            effects
        };
        let ann = Editor::new(1);
        ann.append("lost ");
        assert_eq!(says(&mut room, &ann.append("later")), [""; 0]);
        // `saved` would mean that everything so far is on disk.
        let other = says(&mut room, &Editor::new(5).append("other"));
        assert!(!other.contains(&"saved to ann".to_owned()), "{other:?}");
        let nothing = says(&mut room, &[0, 0]);
        assert!(!nothing.contains(&"saved to ann".to_owned()), "{nothing:?}");
        let whole = ann.diff(&room.document().state_vector());
        assert_eq!(says(&mut room, &whole), expected);
    }
}

#[test]
fn an_answer_that_is_refused_settles_nothing() {
    let mut room = room_with(AckMode::Echo);
    let ann = Editor::new(1);
    ann.append("lost ");
    room.hear(ANN, [update(&ann.append("later"))]);
    let other = Editor::new(5).append("other");
    let effects = room.hear(ANN, [update(&other), step2(&changes::refused_by_yrs())]);
    assert_eq!(echoes(&effects), [other]);
}

#[test]
fn what_is_owed_is_bounded_and_nothing_is_kept_for_those_who_do_not_ask() {
    for (ack, kept) in [(AckMode::Echo, UNACKNOWLEDGED_FRAMES_MAX), (AckMode::Saved, 0), (AckMode::None, 0)] {
        let mut room = room_with(ack);
        let ann = Editor::new(1);
        ann.append("lost");
        for _ in 0..UNACKNOWLEDGED_FRAMES_MAX / 8 + 1 {
            let frames: Vec<_> = (0..8).map(|_| update(&ann.append("x"))).collect();
            room.hear(ANN, frames);
        }
        assert_eq!(room.seats[&ANN].owed.len(), kept, "{ack:?}");
    }
}

#[test]
fn what_is_owed_is_bounded_in_bytes_too() {
    let mut room = room_with(AckMode::Echo);
    // Each deletes what nobody has made.
    let deletions = (0..UNACKNOWLEDGED_BYTES_MAX as u64 / 10).flat_map(|_| [1, 1]);
    let head = [0, 1, 99, 0x99, 0xb3, 6];
    let large: Vec<u8> = head.into_iter().chain(deletions).collect();
    assert_eq!(check_update(&large).unwrap().deletions, 104_857);
    for _ in 0..20 {
        assert_eq!(outline(&room.hear(ANN, [update(&large)])), ["ann: step1"]);
    }
    assert!(room.seats[&ANN].lacks);
    let owed = &room.seats[&ANN].owed;
    assert!(owed.len() > 1 && owed.iter().map(Bytes::len).sum::<usize>() <= UNACKNOWLEDGED_BYTES_MAX);
}
