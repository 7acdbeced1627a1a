//! What must be true: always, after the process has ended, and when all is quiet.

use super::ledger::{tokens_in, tokens_of};
use super::peer::Role;
use super::world::World;
use crate::room::state::tests::editor::Content;
use crate::store::writer::ENTRY_OVERHEAD_BYTES;

impl World {
    /// After each step.
    pub(super) fn check_always(&mut self) -> Result<(), String> {
        if let Some(finding) = self.books.lock().unwrap().findings.first() {
            return Err(finding.clone());
        }
        let (refused, failed) = (self.host.refused_frames(), self.host.failed_rooms());
        if refused > self.nonsense {
            return Err(format!("{refused} frames were refused, {} made no sense", self.nonsense));
        }
        if failed > self.wrecks {
            return Err(format!("{failed} rooms failed, {} were broken", self.wrecks));
        }
        self.check_queues()
    }

    /// What waits stays under its bounds; a single thing that is larger may wait alone.
    fn check_queues(&mut self) -> Result<(), String> {
        let (entries, bytes) = self.server().unwritten();
        let store = &self.settings.store;
        if entries > 1 && (entries > store.queue_entries_max || bytes > store.queue_bytes_max) {
            let overhead = entries * ENTRY_OVERHEAD_BYTES;
            return Err(format!(
                "{entries} entries of {bytes} bytes ({overhead} of overhead) wait for the disk"
            ));
        }
        for peer in &mut self.peers {
            let number = peer.number;
            if let Some(line) = peer.line()
                && let (updates, bytes) = line.outbox.waiting_updates()
                && updates > 1
                && bytes > line.outbox.bytes_max()
            {
                return Err(format!("{updates} updates of {bytes} bytes wait for peer {number}"));
            }
        }
        Ok(())
    }

    /// After the process has ended: what was promised is on disk, and nothing is twice.
    pub(super) fn check_stored(&self) -> Result<(), String> {
        let books = self.books.lock().unwrap();
        for (number, room) in self.rooms.iter().enumerate() {
            let stored = self.disk.document(room).content();
            let ledger = &books.rooms[number];
            ledger.check_stored(&stored).map_err(|problem| format!("room {number}: {problem}"))?;
            if let Some(max) = self.settings.document_bytes_max() {
                ledger.check_size(self.disk.document_bytes(room), max)?;
            }
        }
        Ok(())
    }

    /// When all is quiet and saved.
    pub(super) fn check_room(&self, room: usize, truth: &Content) -> Result<(), String> {
        let books = self.books.lock().unwrap();
        let is_in_doubt = books.rooms[room].has_doubts();
        for peer in self.peers.iter().filter(|peer| peer.room == room && peer.may_come) {
            let who = format!("peer {}", peer.number);
            let may_have_more = match peer.role {
                Role::Editor => !peer.may_edit,
                // What it did at home is its own.
                Role::Intruder => true,
                // It may have seen what a crash lost before it was saved, and whose author does not come back.
                Role::Viewer | Role::Wrecker => is_in_doubt,
            };
            if !may_have_more {
                check_same(&who, &peer.editor.content(), truth)?;
            } else if !peer.editor.has_all_in(truth) {
                return Err(format!("{who} lacks something"));
            }
        }
        let found = tokens_of(truth);
        books.rooms[room]
            .check_whole(&found)
            .map_err(|problem| format!("room {room}: {problem} in {:?}", truth.xml))?;
        drop(books);
        check_same("what is stored", &self.disk.document(&self.rooms[room]).content(), truth)?;
        Ok(())
    }

    /// After a shutdown: the host's text says what the documents say.
    pub(super) fn check_drafts(&self, truths: &[Content]) -> Result<(), String> {
        if !self.host.follows() || !self.settings.saves() {
            return Ok(());
        }
        for (room, truth) in self.rooms.iter().zip(truths) {
            let draft = self.host.newest(room);
            let mut in_tree: Vec<char> = tokens_in(&truth.xml).collect();
            let mut drafted: Vec<char> = tokens_in(&draft).collect();
            in_tree.sort_unstable();
            drafted.sort_unstable();
            if in_tree != drafted {
                return Err(format!("the draft of {room} is\n{draft}\nand the document\n{}", truth.xml));
            }
        }
        Ok(())
    }
}

pub(super) fn check_same(who: &str, content: &Content, truth: &Content) -> Result<(), String> {
    if content == truth {
        return Ok(());
    }
    Err(format!("{who} has something else:\n{content:#?}\nand not\n{truth:#?}"))
}
