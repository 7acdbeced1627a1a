//! Who shows what, and which connection may say so.
//!
//! A Yjs client id belongs to the connection that first spoke for it here. Others repeat what they
//! hear (stock clients echo every state they receive), which changes nothing; a later state from
//! somebody else is taken only if it is the same user, reconnected before the old connection was
//! noticed to be dead. When a connection ends, its states are removed for the others at once.

use std::collections::{HashMap, VecDeque};

use crate::ids::{ClientId, UserId};
use crate::protocol::awareness::{GONE, Presence};

/// The most Yjs clients that one connection may speak for.
pub const STATES_PER_CONNECTION_MAX: usize = 8;

/// How many who left are remembered, so that a late echo does not bring them back.
pub const DEPARTED_MAX: usize = 1_024;

/// The states in one room.
#[derive(Debug, Default)]
pub struct PresenceMap {
    present: HashMap<u64, Entry>,
    /// Who left, by client; the oldest is forgotten first.
    departed: HashMap<u64, Departed>,
    departed_order: VecDeque<u64>,
}

#[derive(Debug)]
struct Entry {
    presence: Presence,
    owner: ClientId,
    user: UserId,
}

#[derive(Debug)]
struct Departed {
    /// The clock with which it left.
    clock: u32,
    owner: ClientId,
    user: UserId,
}

/// What became of the states in a frame.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// New or changed states, for everybody (the sender too: it is how a lone stock client knows that
    /// its connection lives).
    pub changed: Vec<Presence>,
    /// For the sender only: "you are gone, as far as we know". A client that hears this of itself
    /// answers with its state under a higher clock.
    pub challenge: Vec<Presence>,
}

impl PresenceMap {
    /// Takes the states of one frame.
    pub fn receive(&mut self, from: ClientId, user: &UserId, states: Vec<Presence>) -> Changes {
        let mut changes = Changes::default();
        for presence in states {
            self.receive_one(from, user, presence, &mut changes);
        }
        changes
    }

    fn receive_one(&mut self, from: ClientId, user: &UserId, presence: Presence, changes: &mut Changes) {
        let client = presence.client;
        if let Some(entry) = self.present.get_mut(&client) {
            let newer = presence.clock > entry.presence.clock;
            let leaves = presence.is_gone() && presence.clock == entry.presence.clock;
            let allowed = entry.owner == from || (newer && !presence.is_gone() && entry.user == *user);
            if !allowed || !(newer || leaves) {
                return;
            }
            if presence.is_gone() {
                self.forget(client, presence.clock);
            } else {
                entry.owner = from;
                entry.presence = presence.clone();
            }
            changes.changed.push(presence);
            return;
        }
        if presence.is_gone() {
            return;
        }
        if let Some(&Departed { clock, .. }) = self.departed.get(&client)
            && presence.clock <= clock
        {
            changes.challenge.push(Presence { client, clock, state: GONE.into() });
            return;
        }
        if self.of(from).count() >= STATES_PER_CONNECTION_MAX {
            return;
        }
        self.departed.remove(&client);
        self.present.insert(client, Entry { presence: presence.clone(), owner: from, user: user.clone() });
        changes.changed.push(presence);
    }

    /// A connection ended: its states, as removals for the others.
    pub fn leave(&mut self, connection: ClientId) -> Vec<Presence> {
        let clients: Vec<u64> = self.of(connection).collect();
        let mut removed = Vec::with_capacity(clients.len());
        for client in clients {
            if let Some(entry) = self.present.get(&client) {
                // One past the last clock, so that nobody's older copy wins over it.
                let clock = entry.presence.clock.saturating_add(1);
                self.forget(client, clock);
                removed.push(Presence { client, clock, state: GONE.into() });
            }
        }
        removed
    }

    /// All states present, by client id.
    pub fn all(&self) -> Vec<&Presence> {
        let mut all: Vec<_> = self.present.values().map(|entry| &entry.presence).collect();
        all.sort_by_key(|presence| presence.client);
        all
    }

    /// Whose state this is, or was: the connection and its user.
    pub fn owner_of(&self, client: u64) -> Option<(ClientId, &UserId)> {
        let present = self.present.get(&client).map(|entry| (entry.owner, &entry.user));
        present.or_else(|| self.departed.get(&client).map(|departed| (departed.owner, &departed.user)))
    }

    /// Whether a user shows anything.
    pub fn shows_anything(&self, user: &UserId) -> bool {
        self.present.values().any(|entry| entry.user == *user)
    }

    /// A state of this connection, the same one each time as long as there is one.
    pub fn shown_by(&self, connection: ClientId) -> Option<&Presence> {
        let of_connection = self.present.values().filter(|entry| entry.owner == connection);
        of_connection.map(|entry| &entry.presence).min_by_key(|presence| presence.client)
    }

    /// What [`PresenceMap::shown_by`] gives, for all connections at once.
    pub fn shown_by_each(&self) -> HashMap<ClientId, &Presence> {
        let mut shown: HashMap<ClientId, &Presence> = HashMap::new();
        for entry in self.present.values() {
            let first = shown.entry(entry.owner).or_insert(&entry.presence);
            if entry.presence.client < first.client {
                *first = &entry.presence;
            }
        }
        shown
    }

    /// Whether nobody shows anything.
    pub fn is_empty(&self) -> bool {
        self.present.is_empty()
    }

    fn of(&self, connection: ClientId) -> impl Iterator<Item = u64> + '_ {
        self.present.iter().filter(move |(_, entry)| entry.owner == connection).map(|(client, _)| *client)
    }

    fn forget(&mut self, client: u64, clock: u32) {
        let Some(Entry { owner, user, .. }) = self.present.remove(&client) else { return };
        if self.departed.insert(client, Departed { clock, owner, user }).is_none() {
            self.departed_order.push_back(client);
        }
        while self.departed_order.len() > DEPARTED_MAX {
            if let Some(oldest) = self.departed_order.pop_front() {
                self.departed.remove(&oldest);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANN: ClientId = ClientId::new(1);
    const BOB: ClientId = ClientId::new(2);

    fn user(id: i64) -> UserId {
        UserId::Number(id)
    }

    fn state(client: u64, clock: u32, text: &str) -> Presence {
        Presence { client, clock, state: text.into() }
    }

    #[test]
    fn a_state_belongs_to_the_connection_that_introduced_it() {
        let mut map = PresenceMap::default();
        assert_eq!(map.receive(ANN, &user(1), vec![state(7, 1, "{}")]).changed.len(), 1);
        for forged in [state(7, 2, r#"{"x":1}"#), state(7, 9, GONE), state(7, 1, GONE)] {
            assert_eq!(map.receive(BOB, &user(2), vec![forged]), Changes::default());
        }
        assert_eq!(map.all(), [&state(7, 1, "{}")]);
    }

    #[test]
    fn older_states_and_echoes_change_nothing() {
        let mut map = PresenceMap::default();
        map.receive(ANN, &user(1), vec![state(7, 5, "{}")]);
        assert_eq!(
            map.receive(ANN, &user(1), vec![state(7, 5, "[]"), state(7, 4, "[]")]),
            Changes::default()
        );
        assert_eq!(map.receive(BOB, &user(2), vec![state(7, 5, "{}")]), Changes::default());
    }

    #[test]
    fn leaving_removes_at_once_and_a_late_echo_does_not_bring_back() {
        let mut map = PresenceMap::default();
        map.receive(ANN, &user(1), vec![state(7, 5, "{}")]);
        assert_eq!(map.leave(ANN), [state(7, 6, GONE)]);
        let changes = map.receive(BOB, &user(2), vec![state(7, 5, "{}")]);
        assert_eq!(changes, Changes { changed: vec![], challenge: vec![state(7, 6, GONE)] });
        assert!(map.is_empty());
    }

    #[test]
    fn who_comes_back_is_challenged_and_then_believed() {
        let mut map = PresenceMap::default();
        let ann_again = ClientId::new(3);
        map.receive(ANN, &user(1), vec![state(7, 5, "{}")]);
        map.leave(ANN);
        assert_eq!(map.receive(ann_again, &user(1), vec![state(7, 5, "{}")]).challenge.len(), 1);
        assert_eq!(map.receive(ann_again, &user(1), vec![state(7, 7, "{}")]).changed, [state(7, 7, "{}")]);
    }

    #[test]
    fn the_same_user_takes_over_from_a_connection_that_died_unnoticed() {
        let mut map = PresenceMap::default();
        let ann_again = ClientId::new(3);
        map.receive(ANN, &user(1), vec![state(7, 5, "{}")]);
        assert_eq!(map.receive(ann_again, &user(1), vec![state(7, 6, "{}")]).changed.len(), 1);
        assert!(map.leave(ANN).is_empty());
        assert_eq!(map.leave(ann_again).len(), 1);
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let mut map = PresenceMap::default();
        for client in 0..(DEPARTED_MAX as u64 * 2) {
            map.receive(ANN, &user(1), vec![state(client, 1, "{}")]);
            map.leave(ANN);
        }
        assert_eq!(map.departed.len(), DEPARTED_MAX);
        let many = (0..100).map(|client| state(1_000_000 + client, 1, "{}")).collect();
        assert_eq!(map.receive(ANN, &user(1), many).changed.len(), STATES_PER_CONNECTION_MAX);
    }
}
