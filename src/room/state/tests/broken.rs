//! When the document breaks, the room fails whole: it says so last, and is loaded again from the store.

use super::*;

/// Passes the structural check; yrs gives up in the middle, because the parent is no shared type.
pub(in crate::room) fn breaks_the_document(text_of: u64) -> Bytes {
    let mut bytes = vec![1, 1, 77, 0, 4, 0];
    bytes.extend([text_of as u8, 0, 1, b'x', 0]);
    bytes.into()
}

#[test]
fn a_document_that_breaks_fails_the_room_and_nothing_of_it_is_logged() {
    let mut room = room_of_two();
    let (ann, bob) = (Editor::new(1), Editor::new(2));
    room.hear(ANN, [update(&ann.append("hello"))]);
    let effects = room.hear(BOB, [update(&bob.append("x")), update(&breaks_the_document(1))]);
    assert_eq!(outline(&effects), ["fail"]);
}

#[test]
fn what_was_taken_before_is_logged_before() {
    let mut room = room_of_two();
    let (ann, bob) = (Editor::new(1), Editor::new(2));
    room.hear(ANN, [update(&ann.append("hello"))]);
    let effects = room.hear(BOB, [update(&bob.append("x")), step1(&[0]), update(&breaks_the_document(1))]);
    assert_eq!(outline(&effects), ["change by bob", "bob: step2", "fail"]);
}
