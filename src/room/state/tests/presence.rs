//! Presence: each connection speaks for those it introduced, and takes them along when it goes.

use super::*;

fn state(client: u64, clock: u32, state: &str) -> Bytes {
    let presence = Presence { client, clock, state: state.into() };
    sync::awareness(&awareness::encode(std::iter::once(&presence))).payload()
}

#[test]
fn a_state_goes_to_everybody_and_a_forged_one_to_nobody() {
    let mut room = room_of_two();
    assert_eq!(outline(&room.hear(ANN, [state(7, 1, "{}")])), ["7 is here"]);
    assert_eq!(outline(&room.hear(BOB, [state(7, 2, "[1]"), state(7, 3, "null")])), no_effects());
    assert_eq!(outline(&room.hear(ANN, [state(7, 2, "null")])), ["7 is gone"]);
}

#[test]
fn who_leaves_takes_its_states_along() {
    let mut room = room_of_two();
    room.hear(ANN, [state(7, 1, "{}"), state(8, 1, "{}")]);
    room.hear(BOB, [state(9, 1, "{}")]);
    let mut gone = outline(&room.leave(ANN));
    gone.sort_unstable();
    assert_eq!(gone, ["7 is gone", "8 is gone"]);
    // Bob's stock client still echoes what it heard of Ann.
    assert_eq!(outline(&room.hear(BOB, [state(7, 1, "{}")])), ["bob: presence"]);
    let effects = room.join(ANN, member(ANN), None, Instant::now());
    let present = awareness::decode(&sent(&effects, 2)).unwrap();
    assert_eq!(present.iter().map(|presence| presence.client).collect::<Vec<_>>(), [9]);
}

#[test]
fn everybody_present_is_the_answer_to_a_query() {
    let mut room = room_of_two();
    let query = Bytes::from_static(&[3]);
    assert_eq!(outline(&room.hear(BOB, [query.clone()])), no_effects());
    room.hear(ANN, [state(7, 1, "{}"), state(8, 1, "{}")]);
    let effects = room.hear(BOB, [query]);
    assert_eq!(outline(&effects), ["bob: presence"]);
    assert_eq!(awareness::decode(&sent(&effects, 0)).unwrap().len(), 2);
}

#[test]
fn presence_that_is_not_json_is_refused() {
    let mut room = room_of_two();
    assert_eq!(outline(&room.hear(ANN, [state(7, 1, "{")])), ["ann: INVALID_YJS_UPDATE", "ann failed"]);
}
