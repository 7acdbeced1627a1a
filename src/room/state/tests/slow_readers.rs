//! A client for whom updates were thrown away gets exactly what it lacks, in one.

use super::*;

#[test]
fn who_fell_behind_gets_exactly_what_it_lacks() {
    let mut room = room_of_two();
    let (ann, bob) = (Editor::new(1), Editor::new(2));
    let edit = ann.append("a long text that Bob has already read and need not be sent again. ");
    room.hear(ANN, [update(&edit)]);
    bob.receive(&edit);

    let dropped: Vec<Frame> = ["one ", "two "]
        .map(|words| {
            let edit = ann.append(words);
            room.hear(ANN, [update(&edit)]);
            sync::update(&edit)
        })
        .into();
    assert!(!room.is_behind(BOB));
    assert_eq!(outline(&room.fell_behind(BOB, &dropped)), no_effects());
    assert!(room.is_behind(BOB) && !room.is_behind(ANN));
    // While it is behind more happens, deletions of what it has among it.
    room.hear(ANN, [update(&ann.remove(0, 7)), update(&ann.append("three"))]);

    let missed = sync::update_in(&room.catch_up(BOB).unwrap()).unwrap();
    assert!(missed.len() < room.document_mut().state().unwrap().len());
    bob.receive(&missed);
    assert_eq!(bob.content(), Editor::of(room.document_mut()).content());
    assert!(!room.is_behind(BOB));
    assert_eq!(room.catch_up(BOB), None, "once");
}

#[test]
fn deletions_alone_that_were_thrown_away_come_again() {
    let mut room = room_of_two();
    let ann = Editor::new(1);
    room.hear(ANN, [update(&ann.append("hello"))]);
    let bob = Editor::of(room.document_mut());
    let deletion = ann.remove(0, 4);
    room.hear(ANN, [update(&deletion)]);
    room.fell_behind(BOB, &[sync::update(&deletion)]);
    bob.receive(&sync::update_in(&room.catch_up(BOB).unwrap()).unwrap());
    assert_eq!(bob.text(), "o");
}

#[test]
fn who_is_not_behind_or_not_here_is_sent_nothing() {
    let mut room = room_of_two();
    assert_eq!(room.catch_up(ANN), None);
    room.leave(BOB);
    assert_eq!(outline(&room.fell_behind(BOB, &[])), no_effects());
    assert!(!room.is_behind(BOB));
    assert_eq!(room.catch_up(BOB), None);
}

/// Frames of a few bytes, each of which could be answered with as much as the document is large.
#[test]
fn however_often_a_client_asks_it_is_answered_once_at_a_time() {
    let mut room = room_of_two();
    room.hear(BOB, [update(&Editor::new(5).append("a text"))]);
    let caret = Presence { client: 7, clock: 1, state: "{}".into() };
    room.hear(BOB, [sync::awareness(&awareness::encode(std::iter::once(&caret))).payload()]);
    let questions = |from: u8| (from..from + 30).flat_map(|n| [step1(&[1, n, 1]), Bytes::from_static(&[3])]);
    assert_eq!(outline(&room.hear(ANN, questions(30))), ["ann: step2", "ann: presence"]);
    // While much waits for it, it is not answered at all, and then with what is true then.
    room.hold_answers(ANN);
    assert_eq!(outline(&room.hear(ANN, questions(60))), no_effects());
    assert!(room.owes_answers(ANN) && !room.owes_answers(BOB));
    room.hear(BOB, [update(&Editor::new(6).append("more"))]);
    let answers = room.answer_held(ANN);
    assert_eq!(outline(&answers), ["ann: step2", "ann: presence"]);
    assert_eq!(sent(&answers, 0), room.document_mut().state().unwrap());
    assert_eq!(outline(&room.answer_held(ANN)), no_effects());
}

#[test]
fn who_says_hello_again_and_again_is_told_the_state_once_at_a_time() {
    let mut room = room_of_two();
    let hello = |room: &mut RoomState| {
        let text = r#"{"type":"hello","protocol":"civicpress.json.v1"}"#;
        outline(&room.receive_text(ANN, text, Instant::now(), 0))
    };
    hello(&mut room);
    assert_eq!(hello(&mut room), ["ann: room_state"]);
    room.hold_answers(ANN);
    assert_eq!(hello(&mut room), no_effects());
    assert_eq!(outline(&room.answer_held(ANN)), ["ann: room_state"]);
}
