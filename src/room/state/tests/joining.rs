//! Who joins is told what the room has, once, in this order.

use super::*;
use crate::protocol::awareness::encode;

fn here(client: u64) -> Bytes {
    let states = [Presence { client, clock: 1, state: "{}".into() }];
    sync::awareness(&encode(states.iter())).payload()
}

#[test]
fn the_acknowledgement_comes_first_and_only_to_those_who_read_text() {
    let mut room = room();
    let effects = room.join(ANN, member(ANN), None, Instant::now());
    assert_eq!(outline(&effects), ["ann: connection.ack", "ann: step1", "ann: step2"]);
    let binary_only = Member { reads_text: false, speaks_json: false, ..member(BOB) };
    let effects = room.join(BOB, binary_only, None, Instant::now());
    assert_eq!(outline(&effects), ["bob: step1", "bob: step2"]);
    assert_eq!(room.len(), 2);
    assert!(room.members().any(|(client, member)| client == BOB && !member.reads_text));
}

#[test]
fn presence_comes_last_if_there_is_any() {
    let mut room = room();
    room.join(ANN, member(ANN), None, Instant::now());
    room.hear(ANN, [here(7)]);
    let effects = room.join(BOB, member(BOB), None, Instant::now());
    assert_eq!(outline(&effects), ["bob: connection.ack", "bob: step1", "bob: step2", "bob: presence"]);
    assert_eq!(awareness::decode(&sent(&effects, 2)).unwrap()[0].client, 7);
}

#[test]
fn one_answer_serves_a_first_step_1_and_holds_only_what_lacks() {
    let mut room = room();
    let ann = Editor::new(1);
    room.join(ANN, member(ANN), None, Instant::now());
    room.hear(ANN, [update(&ann.append("a long beginning that both know "))]);
    let bob = Editor::of(room.document_mut());
    room.hear(ANN, [update(&ann.append("news"))]);

    let effects = room.join(BOB, member(BOB), Some(step1(&bob.state_vector())), Instant::now());
    assert_eq!(outline(&effects), ["bob: connection.ack", "bob: step1", "bob: step2"]);
    let answer = sent(&effects, 1);
    assert!(answer.len() < room.document_mut().state().unwrap().len());
    bob.receive(&answer);
    assert_eq!(bob.text(), ann.text());
    assert_eq!(sent(&effects, 0), room.document().state_vector());
}

#[test]
fn any_other_first_frame_is_taken_after_the_join() {
    let mut room = room();
    let ann = Editor::new(1);
    let effects = room.join(ANN, member(ANN), Some(update(&ann.append("early"))), Instant::now());
    assert_eq!(outline(&effects), ["ann: connection.ack", "ann: step1", "ann: step2", "change by ann"]);
    assert_eq!(room.text(), "early");
    let effects = room.join(BOB, member(BOB), Some(here(8)), Instant::now());
    assert_eq!(outline(&effects), ["bob: connection.ack", "bob: step1", "bob: step2", "8 is here"]);
}

#[test]
fn a_first_frame_that_is_no_use_is_refused_and_its_sender_is_in() {
    for bad in [&[0, 0, 4, 0xff, 0xff, 0xff, 0x7a][..], &[0, 2, 2, 0xff, 0xff], &[]] {
        let mut room = room();
        let effects = room.join(ANN, member(ANN), Some(Bytes::copy_from_slice(bad)), Instant::now());
        let expected =
            ["ann: connection.ack", "ann: step1", "ann: step2", "ann: INVALID_YJS_UPDATE", "ann failed"];
        assert_eq!(outline(&effects), expected, "{bad:?}");
        assert_eq!(room.len(), 1);
    }
}

#[test]
fn who_leaves_is_forgotten_and_cannot_leave_twice() {
    let mut room = room_of_two();
    room.hear(ANN, [here(7)]);
    assert_eq!(outline(&room.leave(ANN)), ["7 is gone"]);
    assert_eq!(outline(&room.leave(ANN)), no_effects());
    assert_eq!(room.len(), 1);
    // What was still on its way from it changes nothing.
    assert_eq!(outline(&room.hear(ANN, [update(&Editor::new(1).append("late")), here(9)])), no_effects());
    assert_eq!(room.text(), "");
    room.leave(BOB);
    assert!(room.is_empty());
}
