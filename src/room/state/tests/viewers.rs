//! Who may only read changes nothing, and sees that it did not.

use super::*;

/// A room with the text "hello", with Bob as a viewer.
fn room_with_viewer(bob: Member) -> (RoomState, Editor) {
    let mut room = room_of(member(ANN), bob);
    room.hear(ANN, [update(&Editor::new(1).append("hello"))]);
    let editor = Editor::of(room.document_mut());
    (room, editor)
}

#[test]
fn an_edit_is_refused_in_the_way_that_its_sender_can_read() {
    for (reads_text, answer) in [(true, "bob: PERMISSION_DENIED"), (false, "bob: denied")] {
        let (mut room, bob) = room_with_viewer(Member { reads_text, speaks_json: false, ..viewer(BOB) });
        let effects = room.hear(BOB, [update(&bob.append("!"))]);
        assert_eq!(outline(&effects), [answer, "bob: step2"]);
        let fresh = Editor::new(3);
        fresh.receive(&sent(&effects, if reads_text { 0 } else { 1 }));
        assert_eq!(fresh.text(), "hello");
        assert_eq!(room.text(), "hello");
    }
}

#[test]
fn every_kind_of_edit_is_refused() {
    let (mut room, bob) = room_with_viewer(viewer(BOB));
    let before = room.document().generation();
    let edits = [
        update(&bob.remove(0, 2)),
        update(&bob.append("x")),
        step2(&bob.diff(&[0])),
        update(&bob.add_paragraph("y")),
        update(&bob.embolden(0, 2, true)),
    ];
    for edit in edits {
        assert_eq!(outline(&room.hear(BOB, [edit]))[0], "bob: PERMISSION_DENIED");
    }
    assert_eq!((room.text().as_str(), room.document().generation()), ("hello", before));
}

#[test]
fn deletions_alone_in_an_answer_are_no_edit() {
    let (mut room, _) = room_with_viewer(viewer(BOB));
    let deletion = Editor::of(room.document_mut()).remove(0, 1);
    room.hear(ANN, [update(&deletion)]);
    // A stock client's answer to our step 1 holds all deletions that it knows of.
    let bob = Editor::of(room.document_mut());
    let answer = bob.diff(&room.document().state_vector());
    let shape = check_update(&answer).unwrap();
    assert_eq!((shape.structs, shape.deletions), (0, 1));
    assert_eq!(outline(&room.hear(BOB, [step2(&answer)])), no_effects());
    // An empty one is none either.
    assert_eq!(outline(&room.hear(BOB, [step2(&[0, 0]), update(&[0, 0])])), no_effects());
}

#[test]
fn deletions_in_an_answer_do_not_get_in() {
    let (mut room, bob) = room_with_viewer(viewer(BOB));
    bob.remove(0, 5);
    let answer = bob.diff(&room.document().state_vector());
    assert_eq!(outline(&room.hear(BOB, [step2(&answer)])), no_effects());
    assert_eq!(room.text(), "hello");
}

#[test]
fn the_true_state_comes_at_most_once_a_second() {
    let (mut room, bob) = room_with_viewer(viewer(BOB));
    let start = Instant::now();
    let mut answers = |after_ms: u64| {
        let now = start + Duration::from_millis(after_ms);
        outline(&room.receive(BOB, vec![update(&bob.append("x"))], now))
    };
    assert_eq!(answers(0), ["bob: PERMISSION_DENIED", "bob: step2"]);
    assert_eq!(answers(999), ["bob: PERMISSION_DENIED"]);
    assert_eq!(answers(1_000), ["bob: PERMISSION_DENIED", "bob: step2"]);
    assert_eq!(answers(1_001), ["bob: PERMISSION_DENIED"]);
}

#[test]
fn a_viewer_may_ask_and_show_itself() {
    let (mut room, _) = room_with_viewer(viewer(BOB));
    let caret = Presence { client: 9, clock: 1, state: "{}".into() };
    let caret = sync::awareness(&awareness::encode(std::iter::once(&caret))).payload();
    assert_eq!(outline(&room.hear(BOB, [step1(&[0]), caret])), ["9 is here", "bob: step2"]);
}

#[test]
fn a_hostile_frame_of_a_viewer_is_refused_as_such() {
    let (mut room, _) = room_with_viewer(viewer(BOB));
    let effects = room.hear(BOB, [Bytes::from_static(&[0, 2, 2, 5, 1])]);
    assert_eq!(outline(&effects), ["bob: INVALID_YJS_UPDATE", "bob failed"]);
}

#[test]
fn who_may_edit_again_is_asked_for_what_was_refused_meanwhile() {
    let mut room = room_of_two();
    let (ann, bob) = (Editor::new(1), Editor::new(2));
    // Of what Ann writes before she hears that the room is locked, the others know nothing.
    room.lock(Some("a vote".into()));
    room.hear(ANN, [update(&ann.append("in vain? "))]);
    let mut effects = outline(&room.lock(None));
    effects.sort();
    let told = ["notice", "permission.changed", "step1"];
    assert_eq!(
        effects,
        [told.map(|what| format!("ann: {what}")), told.map(|what| format!("bob: {what}"))].concat()
    );
    room.hear(ANN, [step2(&ann.diff(&room.document().state_vector()))]);
    assert_eq!(room.text(), "in vain? ");
    // The same with one person's right, and with a deletion.
    bob.receive(&room.document_mut().state().unwrap());
    room.set_read_only(BOB, true);
    room.hear(BOB, [update(&bob.remove(2, 7))]);
    let effects = room.set_read_only(BOB, false);
    assert_eq!(outline(&effects), ["bob: permission.changed", "bob: step1"]);
    room.hear(BOB, [step2(&bob.diff(&sent(&effects, 0)))]);
    assert_eq!(room.text(), "in");
}

#[test]
fn nothing_is_told_saved_while_something_that_was_refused_is_missing() {
    let mut room = room_of(Member { ack: AckMode::Saved, ..member(ANN) }, member(BOB));
    let ann = Editor::of(room.document_mut());
    room.hear(ANN, [update(&ann.append("hello"))]);
    room.set_read_only(ANN, true);
    room.hear(ANN, [update(&ann.append("!"))]);
    let effects = room.set_read_only(ANN, false);
    // It needs nothing of what was refused.
    assert_eq!(outline(&room.hear(ANN, [update(&ann.remove(0, 1))])), ["change by ann"]);
    let answer = step2(&ann.diff(&sent(&effects, 0)));
    assert_eq!(outline(&room.hear(ANN, [answer])), ["change by ann", "saved to ann"]);
    assert_eq!(room.text(), "ello!");
}

#[test]
fn nothing_of_who_speaks_json_is_told_saved_after_something_was_refused() {
    let mut room = room_of(Member { speaks_json: true, ack: AckMode::Saved, ..member(ANN) }, member(BOB));
    let ann = Editor::of(room.document_mut());
    assert_eq!(outline(&room.hear(ANN, [update(&ann.append("hello"))])), ["change by ann", "saved to ann"]);
    room.lock(Some("a vote".into()));
    room.hear(ANN, [update(&ann.append("!"))]);
    room.lock(None);
    assert_eq!(outline(&room.hear(ANN, [update(&ann.remove(0, 1))])), ["change by ann"]);
}

#[test]
fn who_speaks_json_is_told_the_state_again_if_something_was_refused() {
    let mut room = room_of(Member { speaks_json: true, ..member(ANN) }, member(BOB));
    room.set_read_only(ANN, true);
    assert_eq!(outline(&room.set_read_only(ANN, false)), ["ann: permission.changed"]);
    room.set_read_only(ANN, true);
    room.hear(ANN, [update(&Editor::new(1).append("in vain?"))]);
    assert_eq!(outline(&room.set_read_only(ANN, false)), ["ann: permission.changed", "ann: room_state"]);
}
