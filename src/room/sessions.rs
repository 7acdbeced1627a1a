//! Who is connected, by user, so that a revocation takes effect before any later frame of that user.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Notify;

use super::outbox::Outbox;
use crate::error::{Code, RealtimeError, Result};
use crate::host::Token;
use crate::ids::{ClientId, RoomId, UserId};
use crate::protocol::control;

/// How long a revocation is remembered for users who were being let in while it came. Longer than the
/// host may take to answer twice, as it does for rooms of its own types (`host_timeout`).
const REVOCATION_REMEMBERED: Duration = Duration::from_secs(900);

/// The most revocations that are remembered.
const REVOCATIONS_MAX: usize = 10_000;

/// One connection of a user, as seen by everybody who may have to end it.
#[derive(Debug)]
pub struct Session {
    /// The connection.
    pub client: ClientId,
    /// Whose it is.
    pub user: UserId,
    /// The room it is for.
    pub room: RoomId,
    /// Where it comes from, after `trusted_proxies` were taken into account.
    pub ip: std::net::IpAddr,
    /// Its queue.
    pub outbox: Outbox,
    /// The token it was let in with; shown to the host again, and never to anybody else.
    token: Option<Token>,
    /// It can read text frames.
    reads_text: AtomicBool,
    revoked: AtomicBool,
    /// What it may do, as last said by the host: the lowest bit means read-only, the others count how often
    /// the host has said so.
    rights: AtomicU64,
    opened: Instant,
    /// When something last came from it, in ms after `opened`.
    heard_ms: AtomicU64,
}

impl Session {
    /// A session that is good, and heard of just now.
    pub fn new(
        client: ClientId,
        user: UserId,
        room: RoomId,
        ip: std::net::IpAddr,
        reads_text: bool,
        outbox: Outbox,
        now: Instant,
    ) -> Self {
        Self {
            client,
            user,
            room,
            ip,
            outbox,
            token: None,
            reads_text: AtomicBool::new(reads_text),
            revoked: AtomicBool::new(false),
            rights: AtomicU64::new(0),
            opened: now,
            heard_ms: AtomicU64::new(0),
        }
    }

    /// Keeps the token, so that the host can be asked again, and what the host said.
    #[must_use]
    pub fn authorized(mut self, token: Option<Token>, read_only: bool) -> Self {
        self.token = token;
        self.rights = AtomicU64::new(u64::from(read_only));
        self
    }

    /// The token it was let in with.
    pub const fn token(&self) -> Option<&Token> {
        self.token.as_ref()
    }

    /// Whether its edits are refused, as last said by the host.
    pub fn is_read_only(&self) -> bool {
        self.rights().is_read_only()
    }

    /// What it may do at this moment.
    pub fn rights(&self) -> Rights {
        Rights(self.rights.load(Ordering::Acquire))
    }

    /// Changes what it may do, before any later frame. True if that is a change.
    pub fn set_read_only(&self, read_only: bool) -> bool {
        let mut before = self.rights();
        while let Err(now) = self.replace_rights(before, read_only) {
            before = now;
        }
        before.is_read_only() != read_only
    }

    /// Like [`Session::set_read_only`], for an answer to a question asked when the rights were `seen`:
    /// changes nothing if the host has said something newer meanwhile.
    pub fn set_read_only_since(&self, seen: Rights, read_only: bool) -> bool {
        self.replace_rights(seen, read_only).is_ok_and(|()| seen.is_read_only() != read_only)
    }

    fn replace_rights(&self, before: Rights, read_only: bool) -> std::result::Result<(), Rights> {
        let after = ((before.0 >> 1).wrapping_add(1) << 1) | u64::from(read_only);
        let replaced = self.rights.compare_exchange(before.0, after, Ordering::AcqRel, Ordering::Acquire);
        replaced.map(drop).map_err(Rights)
    }

    /// Whether it can read text frames.
    pub fn reads_text(&self) -> bool {
        self.reads_text.load(Ordering::Relaxed)
    }

    /// The client has said that it can read text frames.
    pub fn will_read_text(&self) {
        self.reads_text.store(true, Ordering::Relaxed);
    }

    /// Ends the connection; nothing that it sends from now on counts.
    pub fn end(&self, error: &RealtimeError) {
        self.revoked.store(true, Ordering::Release);
        if self.reads_text() {
            self.outbox.send(control::error(error));
        }
        self.outbox.close(control::close(error));
    }

    /// Whether nothing that this connection sends counts any more.
    pub fn is_revoked(&self) -> bool {
        self.revoked.load(Ordering::Acquire)
    }

    /// Something came from the client.
    pub fn heard(&self, now: Instant) {
        let ms = now.saturating_duration_since(self.opened).as_millis();
        self.heard_ms.store(u64::try_from(ms).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    /// How long nothing has come from the client.
    pub fn silence(&self, now: Instant) -> Duration {
        let heard = self.opened + Duration::from_millis(self.heard_ms.load(Ordering::Relaxed));
        now.saturating_duration_since(heard)
    }

    fn revoke(&self, reason: &str) {
        self.revoked.store(true, Ordering::Release);
        if self.reads_text() {
            self.outbox.send(control::session_revoked(reason));
        }
        self.outbox.close(control::close(&revoked_error(reason)));
    }
}

/// What a client may do, and at which point of its life; see [`Session::set_read_only_since`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rights(u64);

impl Rights {
    /// Whether its edits are refused.
    pub const fn is_read_only(self) -> bool {
        self.0 & 1 == 1
    }
}

fn revoked_error(reason: &str) -> RealtimeError {
    RealtimeError::new(Code::SessionRevoked, "the session was revoked").with("reason", reason)
}

/// All sessions of the module; clones share them.
#[derive(Debug, Clone, Default)]
pub struct Sessions {
    // A plain mutex: held for a few map operations, never across an await.
    inner: Arc<Mutex<Inner>>,
    /// Told when the last session ends.
    emptied: Arc<Notify>,
}

#[derive(Debug, Default)]
struct Inner {
    by_client: HashMap<ClientId, Arc<Session>>,
    by_user: HashMap<UserId, Vec<Arc<Session>>>,
    /// Sessions that are not over, listed or not.
    entries: usize,
    /// Latest revocation per user, with its reason.
    revoked: HashMap<UserId, (Instant, String)>,
}

/// A session that is listed; it is over when this is dropped.
#[derive(Debug)]
pub struct SessionEntry {
    sessions: Sessions,
    session: Arc<Session>,
}

impl SessionEntry {
    /// The session.
    pub const fn session(&self) -> &Arc<Session> {
        &self.session
    }

    /// From now on nobody finds it. Done before others are told that the client is gone, so that for them it
    /// is; a shutdown waits until they have been told.
    pub fn take_off_list(&self) {
        let mut inner = self.sessions.lock();
        inner.by_client.remove(&self.session.client);
        if let Some(of_user) = inner.by_user.get_mut(&self.session.user) {
            of_user.retain(|session| !Arc::ptr_eq(session, &self.session));
            if of_user.is_empty() {
                inner.by_user.remove(&self.session.user);
            }
        }
    }
}

impl Drop for SessionEntry {
    fn drop(&mut self) {
        self.take_off_list();
        let mut inner = self.sessions.lock();
        inner.entries -= 1;
        if inner.entries == 0 {
            self.sessions.emptied.notify_waiters();
        }
    }
}

impl Sessions {
    /// Lists a session. `asked_at` is when the host was asked about the user: if their sessions were
    /// revoked since, the answer is no longer worth anything.
    pub fn enter(&self, session: Session, asked_at: Instant) -> Result<SessionEntry> {
        let mut inner = self.lock();
        if let Some((at, reason)) = inner.revoked.get(&session.user)
            && *at >= asked_at
        {
            return Err(revoked_error(reason));
        }
        let session = Arc::new(session);
        inner.entries += 1;
        inner.by_user.entry(session.user.clone()).or_default().push(Arc::clone(&session));
        inner.by_client.insert(session.client, Arc::clone(&session));
        drop(inner);
        Ok(SessionEntry { sessions: self.clone(), session })
    }

    /// Ends all sessions of a user and gives their number.
    pub fn revoke(&self, user: &UserId, reason: &str, now: Instant) -> usize {
        let mut inner = self.lock();
        inner.revoked.retain(|_, (at, _)| now.saturating_duration_since(*at) < REVOCATION_REMEMBERED);
        if inner.revoked.len() >= REVOCATIONS_MAX {
            let oldest = inner.revoked.iter().min_by_key(|(_, (at, _))| *at).map(|(user, _)| user.clone());
            oldest.and_then(|user| inner.revoked.remove(&user));
        }
        inner.revoked.insert(user.clone(), (now, reason.to_owned()));
        let of_user = inner.by_user.get(user).map(Vec::as_slice).unwrap_or_default();
        for session in of_user {
            session.revoke(reason);
        }
        of_user.len()
    }

    /// Waits until all are over.
    pub async fn emptied(&self) {
        loop {
            let emptied = self.emptied.notified();
            if self.lock().entries == 0 {
                return;
            }
            emptied.await;
        }
    }

    /// All sessions, at this moment.
    pub fn all(&self) -> Vec<Arc<Session>> {
        self.lock().by_client.values().cloned().collect()
    }

    /// One client's session.
    pub fn get(&self, client: ClientId) -> Option<Arc<Session>> {
        self.lock().by_client.get(&client).cloned()
    }

    /// All sessions of a user.
    pub fn of_user(&self, user: &UserId) -> Vec<Arc<Session>> {
        self.lock().by_user.get(user).cloned().unwrap_or_default()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.lock().by_client.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // The maps are whole between operations, so a panic elsewhere leaves nothing half done.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};

    use super::*;

    fn session(client: u64, user: i64, outbox: &Outbox) -> Session {
        let room = RoomId::new("records", "x").unwrap();
        let ip = IpAddr::V4(Ipv4Addr::LOCALHOST);
        Session::new(
            ClientId::new(client),
            UserId::Number(user),
            room,
            ip,
            true,
            outbox.clone(),
            Instant::now(),
        )
    }

    #[tokio::test]
    async fn a_revoked_user_is_told_and_closed_and_others_are_not() {
        let (sessions, now) = (Sessions::default(), Instant::now());
        let (ann, bob) = (Outbox::new(1_000), Outbox::new(1_000));
        let ann_entry = sessions.enter(session(1, 1, &ann), now).unwrap();
        let bob_entry = sessions.enter(session(2, 2, &bob), now).unwrap();
        assert_eq!(sessions.revoke(&UserId::Text("1".into()), "left", now), 1);
        assert!(ann_entry.session().is_revoked() && !bob_entry.session().is_revoked());
        let batch = ann.take().await;
        assert!(batch.ends);
        assert_eq!(batch.frames[0], control::session_revoked("left"));
        assert!(!bob.is_closed());
        drop((ann_entry, bob_entry));
        assert!(sessions.is_empty() && sessions.lock().by_user.is_empty());
    }

    #[test]
    fn an_old_answer_does_not_undo_what_the_host_said_meanwhile() {
        let session = session(1, 1, &Outbox::new(1_000)).authorized(None, false);
        let asked = session.rights();
        assert!(session.set_read_only(true));
        assert!(!session.set_read_only_since(asked, false) && session.is_read_only());
        let asked = session.rights();
        assert!(!session.set_read_only(true), "no change, but newer all the same");
        assert!(!session.set_read_only_since(asked, false) && session.is_read_only());
        assert!(session.set_read_only_since(session.rights(), false) && !session.is_read_only());
    }

    #[test]
    fn a_revocation_during_the_check_is_not_missed() {
        let sessions = Sessions::default();
        let asked = Instant::now();
        sessions.revoke(&UserId::Number(1), "left", asked + Duration::from_millis(1));
        let outbox = Outbox::new(1_000);
        let error = sessions.enter(session(1, 1, &outbox), asked).unwrap_err();
        assert_eq!(error.code, Code::SessionRevoked);
        // The session may be checked, and then the room type asked, each for as long as the host may take.
        sessions.revoke(&UserId::Number(2), "left", asked + Duration::from_secs(2 * 300));
        sessions.enter(session(1, 1, &outbox), asked).unwrap_err();
        sessions.enter(session(1, 1, &outbox), asked + Duration::from_millis(2)).unwrap();
    }

    #[test]
    fn remembered_revocations_are_bounded() {
        let (sessions, now) = (Sessions::default(), Instant::now());
        for user in 0..(REVOCATIONS_MAX as i64 + 5) {
            sessions.revoke(&UserId::Number(user), "", now);
        }
        assert_eq!(sessions.lock().revoked.len(), REVOCATIONS_MAX);
        sessions.revoke(&UserId::Number(1), "", now + REVOCATION_REMEMBERED);
        assert_eq!(sessions.lock().revoked.len(), 1);
    }
}
