//! How long a room stays, and what becomes of those who come while it goes.

use super::*;
use crate::room::state::tests;

#[tokio::test(start_paused = true)]
async fn a_room_outlives_its_clients_by_the_grace_period() {
    let mut harness = Harness::start();
    let client = harness.join().await;
    client.types("kept").await;
    client.leaves().await;
    harness.host.until("realtime:client:disconnected", 1).await;
    assert_eq!(harness.rooms.rooms()[0].state, "idle");
    harness.pass(MINUTE - Duration::from_secs(1)).await;
    let client = harness.join().await;
    assert_eq!(client.editor.text(), "kept");
    assert_eq!((harness.disk.begun(Call::Load), harness.host.count("realtime:room:destroyed")), (1, 0));

    // The time starts anew with the last one who leaves.
    client.leaves().await;
    harness.host.until("realtime:client:disconnected", 2).await;
    harness.pass(MINUTE - Duration::from_secs(1)).await;
    assert_eq!(harness.rooms.len(), 1);
    assert!(harness.disk.stored(&room()).snapshot.is_none());
    harness.pass(Duration::from_secs(1)).await;
    harness.gone(1).await;
    assert_eq!(harness.host.last("realtime:room:destroyed", "reason"), "idle");
    assert_eq!(harness.stored().text(), "kept");
    assert!(harness.disk.stored(&room()).snapshot.is_some());
}

#[tokio::test(start_paused = true)]
async fn without_a_grace_period_a_room_ends_with_its_last_client() {
    let mut harness = Harness::start_with(|room, _| room.grace_period = Duration::ZERO);
    let client = harness.join().await;
    client.types("kept").await;
    client.leaves().await;
    harness.gone(1).await;
    assert_eq!(harness.join().await.editor.text(), "kept");
}

#[tokio::test(start_paused = true)]
async fn who_joins_while_the_last_save_runs_keeps_the_room() {
    let mut harness = Harness::start_with(|room, _| room.grace_period = Duration::ZERO);
    let client = harness.join().await;
    client.types("before ").await;
    harness.disk.hold(Call::SaveSnapshot);
    client.leaves().await;
    harness.begun(Call::SaveSnapshot, 1).await;
    let client = harness.join().await;
    assert_eq!(client.editor.text(), "before ");
    client.types("during").await;
    client.settled().await;
    harness.disk.release(Call::SaveSnapshot);
    harness.host.until("realtime:snapshot:saved", 1).await;
    client.settled().await;
    assert_eq!((harness.disk.begun(Call::Load), harness.host.count("realtime:room:destroyed")), (1, 0));
    client.leaves().await;
    harness.gone(1).await;
    assert_eq!(harness.stored().text(), "before during");
}

#[tokio::test(start_paused = true)]
async fn who_comes_after_the_end_waits_for_the_store_and_sees_everything() {
    let mut harness = Harness::start_with(|room, _| {
        room.grace_period = Duration::ZERO;
        room.save.enabled = false;
    });
    let client = harness.join().await;
    harness.disk.hold(Call::Commit);
    client.types("still on its way to the disk").await;
    client.leaves().await;
    harness.gone(1).await;
    let arrival = harness.arrive(|_| ());
    harness.pass(Duration::from_secs(1)).await;
    assert!(!arrival.is_finished());
    harness.disk.release(Call::Commit);
    let client = arrival.await.unwrap().unwrap();
    client.read_until("step2").await;
    assert_eq!(client.editor.text(), "still on its way to the disk");
}

#[tokio::test(start_paused = true)]
async fn who_gives_up_at_the_door_does_not_keep_the_room() {
    let mut harness = Harness::start();
    harness.host.hold_load(true);
    let inbox = harness.arrive_and_give_up().await;
    harness.host.hold_load(false);
    harness.begun(Call::Commit, 1).await;
    // The room is live once it answers.
    let (reply, outcome) = oneshot::channel();
    inbox.send(Message::Snapshot(reply)).await.unwrap();
    outcome.await.unwrap().unwrap();
    assert_eq!(harness.host.count("realtime:client:connected"), 0);
    harness.pass(MINUTE).await;
    harness.gone(1).await;
}

#[tokio::test(start_paused = true)]
async fn rooms_are_limited_and_one_that_is_there_can_be_joined() {
    let mut harness = Harness::start_with(|room, _| {
        room.rooms_max = 2;
        room.grace_period = Duration::ZERO;
    });
    let rooms = ["x", "y", "z"].map(|id| RoomId::new("records", id).unwrap());
    let first = harness.arrive_at(&rooms[0], |_| ()).await.unwrap().unwrap();
    harness.arrive_at(&rooms[1], |_| ()).await.unwrap().unwrap();
    let error = harness.arrive_at(&rooms[2], |_| ()).await.unwrap().err().unwrap();
    assert_eq!(error.code, Code::ConnectionLimitExceeded);
    assert_eq!(error.context["limit"], "rooms.max_rooms");
    harness.arrive_at(&rooms[1], |_| ()).await.unwrap().unwrap();
    first.leaves().await;
    harness.host.until("realtime:room:destroyed", 1).await;
    harness.arrive_at(&rooms[2], |_| ()).await.unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn what_a_revoked_user_sends_does_not_count() {
    let mut harness = Harness::start();
    let sessions = crate::room::sessions::Sessions::default();
    let (join, reply, client) = harness.at_the_door_for(7);
    let session = Arc::try_unwrap(join.session).unwrap();
    let user = session.user.clone();
    let entry = sessions.enter(session, clock::now()).unwrap();
    let join = Join { session: Arc::clone(entry.session()), ..join };
    let inbox = harness.rooms.join(&room(), join).await.unwrap();
    reply.await.unwrap().unwrap();
    let client = client.with(inbox);
    client.read_until("step2").await;
    client.types("before").await;
    client.settled().await;
    sessions.revoke(&user, "left", clock::now());
    client.types(" and after").await;
    assert_eq!(harness.join().await.editor.text(), "before");
    assert_eq!(client.read().await, ["session.revoked", "close 4001"]);
}

#[tokio::test(start_paused = true)]
async fn what_somebody_brings_counts_no_more_if_the_right_to_it_was_taken_on_the_way_in() {
    let mut harness = Harness::start();
    harness.join().await;
    for (number, is_ended) in [(70, false), (71, true)] {
        let (mut join, answer, client) = harness.at_the_door_for(number);
        join.first = Some(tests::update(&client.editor.append("an intrusion")));
        if is_ended {
            join.session.end(&RealtimeError::new(Code::Kicked, "sent away"));
        } else {
            join.session.set_read_only(true);
        }
        let client = client.with(harness.rooms.join(&room(), join).await.unwrap());
        answer.await.unwrap().unwrap();
        client.leaves().await;
    }
    assert_eq!(harness.join().await.editor.text(), "");
}
