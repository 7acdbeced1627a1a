//! Entries that could not be written, by room, so that one room's trouble does not stop the others.

use std::collections::BTreeMap;

use super::queue::Load;
use crate::ids::RoomId;
use crate::store::Entry;

/// Entries that could not be written, in order per room.
#[derive(Debug, Default)]
pub(super) struct Stuck {
    rooms: BTreeMap<RoomId, Vec<Entry>>,
}

impl Stuck {
    pub(super) fn is_empty(&self) -> bool {
        self.rooms.is_empty()
    }

    pub(super) fn entries(&self, room: &RoomId) -> &[Entry] {
        self.rooms.get(room).map_or(&[], Vec::as_slice)
    }

    pub(super) fn rooms(&self) -> Vec<RoomId> {
        self.rooms.keys().cloned().collect()
    }

    /// Updates in all.
    pub(super) fn updates(&self) -> usize {
        self.rooms.values().flatten().filter(|entry| matches!(entry, Entry::Update(_))).count()
    }

    /// Keeps an entry behind those of its room.
    pub(super) fn keep(&mut self, entry: Entry) {
        let entries = self.rooms.entry(entry.room().clone()).or_default();
        if matches!(entry, Entry::Drafted(_)) {
            // Only the newest note counts.
            entries.retain(|earlier| matches!(earlier, Entry::Update(_)));
        }
        entries.push(entry);
    }

    /// Takes from the batch what belongs to rooms that are stuck.
    pub(super) fn divert(&mut self, batch: &mut Vec<Entry>) {
        if !self.rooms.is_empty() {
            for entry in
                batch.extract_if(.., |entry| self.rooms.contains_key(entry.room())).collect::<Vec<_>>()
            {
                self.keep(entry);
            }
        }
    }

    /// Forgets a room that has been written.
    pub(super) fn written(&mut self, room: &RoomId) -> Load {
        let mut load = Load::default();
        for entry in self.rooms.remove(room).iter().flatten() {
            load.add(Load::of(entry));
        }
        load
    }

    /// Forgets a room's updates that a snapshot holds; its note is still to be written.
    pub(super) fn covered(&mut self, room: &RoomId, covers_seq: u64) -> Load {
        let mut load = Load::default();
        if let Some(entries) = self.rooms.get_mut(room) {
            entries.retain(|entry| {
                let is_covered = matches!(entry, Entry::Update(append) if append.seq <= covers_seq);
                if is_covered {
                    load.add(Load::of(entry));
                }
                !is_covered
            });
            if entries.is_empty() {
                self.rooms.remove(room);
            }
        }
        load
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::conformance::{note, room, update};

    #[test]
    fn notes_do_not_pile_up() {
        let x = room("x");
        let mut stuck = Stuck::default();
        for seq in 1..=3 {
            stuck.keep(update(&x, seq, "a"));
            stuck.keep(note(&x, seq, 1));
        }
        assert_eq!((stuck.entries(&x).len(), stuck.updates()), (4, 3));
        assert_eq!(stuck.covered(&x, 2).entries, 2);
        assert_eq!(stuck.covered(&x, 3).entries, 1);
        // The note outlives what it is about.
        assert_eq!((stuck.entries(&x).len(), stuck.is_empty()), (1, false));
        stuck.written(&x);
        assert!(stuck.is_empty());
    }
}
