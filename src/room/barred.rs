//! Who broke a room, and may not come back into it for a while.
//!
//! An update on which yrs panics costs everybody in the room their connection. Whoever sent it may send it
//! again, on purpose or because their editor holds it; refusing these bytes would not help, since others
//! like them are easily made. So the user is kept out, and everybody else goes on at once.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::error::{Code, RealtimeError, Result};
use crate::ids::{RoomId, UserId};

/// How long.
pub(super) const BARRED_FOR: Duration = Duration::from_secs(600);

/// The most that are remembered; the one who has waited longest is forgotten first.
const BARRED_MAX: usize = 10_000;

/// Who may not come into which room, and until when.
#[derive(Debug, Default)]
pub(super) struct Barred {
    // A plain mutex: held for a few map operations, never across an await.
    until: Mutex<HashMap<(RoomId, UserId), Instant>>,
}

impl Barred {
    /// Keeps a user out of a room from now on.
    pub(super) fn bar(&self, room: &RoomId, user: &UserId, now: Instant) {
        let mut barred = self.until.lock().unwrap_or_else(PoisonError::into_inner);
        barred.retain(|_, until| *until > now);
        if barred.len() >= BARRED_MAX {
            let oldest = barred.iter().min_by_key(|(_, until)| **until).map(|(who, _)| who.clone());
            oldest.and_then(|who| barred.remove(&who));
        }
        barred.insert((room.clone(), user.clone()), now + BARRED_FOR);
    }

    /// An error if a user is to be kept out.
    pub(super) fn check(&self, room: &RoomId, user: &UserId, now: Instant) -> Result<()> {
        let barred = self.until.lock().unwrap_or_else(PoisonError::into_inner);
        if barred.is_empty() {
            return Ok(());
        }
        match barred.get(&(room.clone(), user.clone())) {
            Some(until) if *until > now => Err(broke_room()),
            _ => Ok(()),
        }
    }
}

/// What the user is told.
pub(super) fn broke_room() -> RealtimeError {
    let minutes = BARRED_FOR.as_secs() / 60;
    let message =
        format!("an edit of yours broke this room's document; reload, and come back in {minutes} minutes");
    RealtimeError::new(Code::PermissionDenied, message).with("reason", "broke_room")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn room(id: &str) -> RoomId {
        RoomId::new("records", id).unwrap()
    }

    #[test]
    fn a_user_is_kept_out_of_one_room_and_for_a_while() {
        let (barred, now) = (Barred::default(), Instant::now());
        let (ann, bob) = (UserId::Number(1), UserId::Number(2));
        barred.bar(&room("x"), &ann, now);
        let error = barred.check(&room("x"), &UserId::Text("1".into()), now).unwrap_err();
        assert_eq!((error.code, &error.context["reason"]), (Code::PermissionDenied, &"broke_room".into()));
        barred.check(&room("x"), &bob, now).unwrap();
        barred.check(&room("y"), &ann, now).unwrap();
        barred.check(&room("x"), &ann, now + BARRED_FOR).unwrap();
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let (barred, now) = (Barred::default(), Instant::now());
        for user in 0..=BARRED_MAX as i64 {
            barred.bar(&room("x"), &UserId::Number(user), now + Duration::from_nanos(user as u64));
        }
        let count = || barred.until.lock().unwrap().len();
        assert_eq!(count(), BARRED_MAX);
        barred.check(&room("x"), &UserId::Number(0), now).unwrap();
        barred.bar(&room("x"), &UserId::Number(1), now + BARRED_FOR + Duration::from_secs(1));
        assert_eq!(count(), 1);
    }
}
