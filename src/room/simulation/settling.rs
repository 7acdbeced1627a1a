//! All that is on its way arrives, until nothing happens any more; and what has to be true then.

use std::time::Duration;

use super::checks::check_same;
use super::peer::{Link, Peer, Role};
use super::world::World;
use crate::room::messages::Message;
use crate::room::state::tests::editor::Content;

/// After so many rounds somebody is talking to themselves.
const ROUNDS_MAX: usize = 1_000;

/// Rounds in which nothing may happen before it is believed that nothing will.
const QUIET_ROUNDS: usize = 3;

/// Longer than anything in a room waits for.
const LONG: Duration = Duration::from_secs(200);

impl World {
    /// Everybody is connected, nothing is broken, and everything that was sent arrives.
    pub(super) fn settle(&mut self) -> Result<(), String> {
        self.trace.say(|| "all that is on its way arrives".to_owned());
        self.heal();
        let mut quiet = 0;
        for _ in 0..ROUNDS_MAX {
            if self.settle_a_round()? {
                quiet = 0;
                continue;
            }
            quiet += 1;
            if quiet == QUIET_ROUNDS {
                return Ok(());
            }
        }
        Err("the rooms and their clients never stop talking".to_owned())
    }

    /// Whether something happened.
    fn settle_a_round(&mut self) -> Result<bool, String> {
        (0..self.peers.len()).for_each(|peer| self.connect(peer));
        let is_slow = self.peers.iter().any(|peer| peer.may_come && !matches!(peer.link, Link::Here(..)))
            || self.server().is_stuck();
        self.server().run_for(Duration::from_millis(if is_slow { 100 } else { 1 }));
        self.let_in();
        let mut busy = self.server().write() || is_slow;
        for peer in 0..self.peers.len() {
            busy |= self.deliver(peer);
        }
        self.server().run_for(Duration::from_millis(1));
        for peer in 0..self.peers.len() {
            busy |= self.read(peer, true)?;
            let is_out = !self.peers[peer].may_come && matches!(self.peers[peer].link, Link::Away);
            busy |= !is_out && self.peers[peer].line().is_none_or(|line| !line.is_quiet());
        }
        Ok(busy)
    }

    /// Lets a long time pass in which nothing goes wrong, so that all is saved that is to be saved.
    fn rest(&mut self) -> Result<(), String> {
        for _ in 0..3 {
            self.server().run_for(LONG);
            self.settle()?;
            self.check_always()?;
        }
        Ok(())
    }

    /// The end of a run: everybody has everything, and all of it is on disk.
    pub(super) fn finish(&mut self) -> Result<(), String> {
        self.trace.say(|| "-- the end".to_owned());
        self.unlock_all();
        for peer in 0..self.peers.len() {
            if self.peers[peer].role == Role::Editor && !self.peers[peer].may_edit && self.random.bool() {
                self.grant(peer);
            }
        }
        for room in 0..self.rooms.len() {
            let newcomer = Peer::new(self.peers.len(), room, Role::Viewer, &mut self.random);
            self.peers.push(newcomer);
        }
        self.settle()?;
        self.make_room()?;
        // A host that shows its own text for ever, and says that it changed, is taken at its word.
        if self.host.can_be_edited() {
            for room in self.rooms.clone() {
                self.server().tell(&room, Message::RecordChanged);
            }
        }
        self.rest()?;
        let before = self.check_all()?;
        self.shut_down()?;
        self.check_drafts(&before)?;
        self.settle()?;
        let after = self.check_all()?;
        for (room, (before, after)) in before.iter().zip(&after).enumerate() {
            check_same(&format!("room {room} after a restart"), after, before)?;
        }
        self.check_always()
    }

    /// Compares everybody's document with the newcomer's of their room, and that with the books and the disk.
    fn check_all(&mut self) -> Result<Vec<Content>, String> {
        let mut truths = Vec::new();
        for room in 0..self.rooms.len() {
            let newcomer = self.peers.iter().rfind(|peer| peer.room == room).unwrap();
            let truth = newcomer.editor.content();
            self.check_room(room, &truth)?;
            truths.push(truth);
        }
        Ok(truths)
    }
}
