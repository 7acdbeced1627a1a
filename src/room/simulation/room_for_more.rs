//! A document at its largest size: somebody deletes something, and what was refused comes as far as it fits.

use std::time::Duration;

use super::peer::{Link, Peer, Role};
use super::world::World;
use crate::room::state::tests::editor::Place;

/// So often room is made in the end. What is still refused then comes when documents may be larger.
const ROUNDS: usize = 3;

/// Longer than the pause between two looks at how large a document is.
const MEASURED_AFTER: Duration = Duration::from_secs(2);

/// What may be missing to the largest size when something is refused that would just fit.
const BYTES_ROUGHLY: usize = 300;

impl World {
    /// Somebody deletes all of a text.
    pub(super) fn clear_text(&mut self, peer: usize) {
        if self.settings.document_bytes_max().is_none() || !self.peers[peer].may_edit {
            return;
        }
        let n = self.random.usize(..9);
        let place = n.checked_sub(1).map_or(Place::Text, Place::Paragraph);
        if let Some(edit) = self.peers[peer].clear(place) {
            self.edited(peer, &edit);
        }
    }

    /// In the end, with everybody there: room is made, and what fits comes; then the process is started with no
    /// largest size, and the rest comes.
    pub(super) fn make_room(&mut self) -> Result<(), String> {
        let Some(bytes_max) = self.settings.document_bytes_max() else { return Ok(()) };
        for room in 0..self.rooms.len() {
            let bytes = self.newcomer(room).editor.diff(&[0]).len();
            self.ledger(room, |ledger| ledger.check_size(bytes, bytes_max))?;
        }
        for _ in 0..ROUNDS {
            for room in 0..self.rooms.len() {
                let editors: Vec<_> = self.editors(room).collect();
                let Some(peer) = editors.first() else { continue };
                (0..3).for_each(|_| self.clear_text(*peer));
                self.settle()?;
                // How large a document is is found out when somebody adds something, and estimated in between.
                let first = editors[..1].to_vec();
                for editors in [editors, first] {
                    self.server().run_for(MEASURED_AFTER);
                    for peer in editors {
                        let token = self.token();
                        if let Some(edit) = self.peers[peer].add_word(token) {
                            self.edited(peer, &edit);
                        }
                    }
                    self.settle()?;
                }
                self.check_nothing_that_fits_is_missing(room, bytes_max)?;
            }
        }
        self.settings = self.settings.without_largest_size();
        self.shut_down()?;
        self.settle()
    }

    fn editors(&self, room: usize) -> impl Iterator<Item = usize> {
        let is_editor = move |peer: &&Peer| {
            peer.room == room
                && peer.may_edit
                && peer.role == Role::Editor
                && matches!(peer.link, Link::Here(..))
        };
        self.peers.iter().filter(is_editor).map(|peer| peer.number)
    }

    /// Who came last, and has what the room has.
    fn newcomer(&self, room: usize) -> &Peer {
        self.peers.iter().rfind(|peer| peer.room == room).unwrap()
    }

    fn check_nothing_that_fits_is_missing(&self, room: usize, bytes_max: usize) -> Result<(), String> {
        let newcomer = self.newcomer(room);
        let bytes = newcomer.editor.diff(&[0]).len();
        for peer in self.editors(room) {
            let editor = &self.peers[peer].editor;
            let missing = editor.diff(&newcomer.editor.state_vector()).len();
            let has_all = newcomer.editor.has_all_in(&editor.content());
            if !has_all && bytes + 2 * missing + BYTES_ROUGHLY <= bytes_max {
                return Err(format!(
                    "room {room} has {bytes} bytes, may have {bytes_max}, and lacks {missing} of peer {peer}"
                ));
            }
        }
        Ok(())
    }
}
