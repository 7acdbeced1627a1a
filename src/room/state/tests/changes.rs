//! Updates: applied once, passed on once, refused without harm to anybody else.

use super::*;

/// Frames that are no use: the envelope, the update in it, or what yrs reads from that is broken.
const HOSTILE: [&[u8]; 7] = [
    &[],
    &[0],
    &[0, 7, 0],
    &[0, 2, 4, 0xff, 0xff, 0xff, 0x7a],
    &[0, 2, 9, 0xbb, 0xfa, 0xec, 0x60, 0x17, 0x3d, 0xfa, 0x49, 0x78],
    &[0, 1, 2, 5, 1],
    &[1, 4, 0xff, 0xff, 0xff, 0x7a],
];

/// Passes the structural check; yrs refuses it, because the value of the mark is not JSON.
pub(super) fn refused_by_yrs() -> Bytes {
    let mut bytes = vec![1, 1, 77, 0, 6, 1, 4];
    bytes.extend(b"text");
    bytes.extend([1, b'b', 1, b'{', 0]);
    bytes.into()
}

#[test]
fn a_change_is_logged_and_sent_as_it_came_to_all_but_its_author() {
    let mut room = room_of_two();
    let edit = Editor::new(1).append("hello");
    let effects = room.hear(ANN, [update(&edit)]);
    assert_eq!(effects, [Effect::Change { update: edit.clone(), author: ANN, frame: sync::update(&edit) }]);
    // Again, and from somebody else: nothing changes any more.
    assert_eq!(outline(&room.hear(ANN, [update(&edit)])), no_effects());
    assert_eq!(outline(&room.hear(BOB, [update(&edit), step2(&edit)])), no_effects());
    assert_eq!(room.text(), "hello");
}

#[test]
fn frames_that_come_together_become_one_change() {
    let mut room = room_of_two();
    let ann = Editor::new(1);
    let frames: Vec<_> = ["a", "b", "c", "d"].map(|letter| update(&ann.append(letter))).into();
    let effects = room.hear(ANN, frames);
    assert_eq!(outline(&effects), ["change by ann"]);
    let Effect::Change { update, .. } = &effects[0] else { panic!("{effects:?}") };
    let bob = Editor::new(2);
    bob.receive(update);
    assert_eq!(bob.text(), "abcd");
}

#[test]
fn very_many_frames_become_several_changes() {
    let mut room = room_of_two();
    let ann = Editor::new(1);
    let count = UPDATES_PER_TRANSACTION_MAX + 1;
    let frames: Vec<_> = (0..count).map(|_| update(&ann.append("x"))).collect();
    assert_eq!(outline(&room.hear(ANN, frames)), ["change by ann", "change by ann"]);
    assert_eq!(room.text().len(), count);
}

#[test]
fn what_comes_before_a_question_is_in_its_answer() {
    let mut room = room_of_two();
    let ann = Editor::new(1);
    let effects = room.hear(ANN, [update(&ann.append("hello")), step1(&[0])]);
    assert_eq!(outline(&effects), ["change by ann", "ann: step2"]);
    let reader = Editor::new(3);
    reader.receive(&sent(&effects, 0));
    assert_eq!(reader.text(), "hello");
}

#[test]
fn hostile_frames_concern_their_sender_alone() {
    for hostile in HOSTILE {
        let mut room = room_of_two();
        let ann = Editor::new(1);
        let frames =
            [update(&ann.append("before ")), Bytes::from_static(hostile), update(&ann.append("after"))];
        let effects = room.hear(ANN, frames);
        assert_eq!(
            outline(&effects),
            ["ann: INVALID_YJS_UPDATE", "ann failed", "change by ann"],
            "{hostile:?}"
        );
        assert_eq!(room.text(), "before after");
    }
}

#[test]
fn who_reads_no_text_is_not_told_of_a_hostile_frame() {
    let mut room = room_of(Member { reads_text: false, speaks_json: false, ..member(ANN) }, member(BOB));
    assert_eq!(outline(&room.hear(ANN, [Bytes::from_static(HOSTILE[3])])), ["ann failed"]);
}

#[test]
fn one_update_that_yrs_refuses_does_not_take_the_others_along() {
    let mut room = room_of_two();
    let ann = Editor::new(1);
    let frames = [update(&ann.append("before ")), update(&refused_by_yrs()), update(&ann.append("after"))];
    let effects = room.hear(ANN, frames);
    let expected = ["change by ann", "ann: INVALID_YJS_UPDATE", "ann failed", "change by ann"];
    assert_eq!(outline(&effects), expected);
    assert_eq!(room.text(), "before after");
    // The room goes on.
    assert_eq!(outline(&room.hear(BOB, [update(&Editor::new(2).append("!"))])), ["change by bob"]);
}

#[test]
fn an_update_with_something_missing_is_asked_for_and_comes_again_whole() {
    let mut room = room_of_two();
    let ann = Editor::new(1);
    ann.append("lost on the way, ");
    let effects = room.hear(ANN, [update(&ann.append("then this"))]);
    assert_eq!(outline(&effects), ["ann: step1"]);
    assert_eq!(room.text(), "");

    let answer = step2(&ann.diff(&sent(&effects, 0)));
    assert_eq!(outline(&room.hear(ANN, [answer])), ["change by ann"]);
    assert_eq!(room.text(), "lost on the way, then this");
}

#[test]
fn a_deletion_of_something_missing_comes_again_too() {
    let mut room = room_of_two();
    let ann = Editor::new(1);
    ann.append("abc");
    let effects = room.hear(ANN, [update(&ann.remove(0, 1))]);
    assert_eq!(outline(&effects), ["ann: step1"]);
    room.hear(ANN, [step2(&ann.diff(&sent(&effects, 0)))]);
    assert_eq!(room.text(), "bc");
}

#[test]
fn the_part_that_can_be_used_is_used() {
    let mut room = room_of_two();
    let (ann, other) = (Editor::new(1), Editor::new(5));
    ann.append("lost");
    let effects = room.hear(ANN, [update(&other.append("kept")), update(&ann.append("later"))]);
    assert_eq!(outline(&effects), ["change by ann", "ann: step1"]);
    assert_eq!(room.text(), "kept");
    let Effect::Change { update, .. } = &effects[0] else { panic!("{effects:?}") };
    assert_eq!(
        Editor::of(&mut Document::restore(None, std::slice::from_ref(update)).unwrap()).text(),
        "kept"
    );
}

#[test]
fn messages_of_unknown_type_are_counted_and_nothing_else() {
    let mut room = room_of_two();
    let effects = room.hear(ANN, [Bytes::from_static(&[42, 1, 2]), Bytes::from_static(&[2, 0, 0])]);
    assert_eq!(outline(&effects), no_effects());
    assert_eq!(room.unknown_messages(), 2);
}

#[test]
fn text_frames_are_answered() {
    let mut room = room_of_two();
    for (text, answer) in [
        (r#"{"type":"ping"}"#, "pong"),
        (r#"{"type":"dance"}"#, "INVALID_MESSAGE"),
        ("{", "INVALID_MESSAGE"),
        ("", "INVALID_MESSAGE"),
    ] {
        assert_eq!(
            outline(&room.receive_text(ANN, text, Instant::now(), 5)),
            [format!("ann: {answer}")],
            "{text}"
        );
    }
}

/// A stock client keeps what it cannot place and sends that along too.
#[test]
fn who_lacks_the_same_itself_is_not_asked_for_ever() {
    for ack in [AckMode::None, AckMode::Saved] {
        let mut room = room_of(Member { ack, ..member(ANN) }, member(BOB));
        let lost = Editor::new(5);
        lost.append("lost");
        let answer = step2(&lost.append("later"));
        let expected: &[&str] = if ack == AckMode::Saved { &["saved to ann"] } else { &[] };
        assert_eq!(outline(&room.hear(ANN, [answer])), expected);
    }
}

/// Two insertions on either side of a text of somebody else: the second does not build on the first.
#[test]
fn what_follows_on_a_gap_is_asked_for_even_if_it_could_stand_alone() {
    let mut room = room_of_two();
    room.hear(BOB, [update(&Editor::new(2).append("middle"))]);
    let ann = Editor::new(1);
    ann.receive(&room.document_mut().state().unwrap());
    ann.insert(0, "first ");
    let last = ann.append(" last");
    let effects = room.hear(ANN, [update(&[0, 0]), update(&last)]);
    assert_eq!(outline(&effects), ["ann: step1"]);
    let effects = room.hear(ANN, [update(&last), step2(&ann.diff(&sent(&effects, 0)))]);
    assert_eq!(outline(&effects), ["change by ann"]);
    let Effect::Change { update, .. } = &effects[0] else { panic!("{effects:?}") };
    let other = Editor::new(3);
    other.receive(&Editor::new(2).append("middle"));
    other.receive(update);
    assert_eq!(other.text(), "first middle last");
    assert_eq!(room.text(), "first middle last");
}
