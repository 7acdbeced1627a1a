//! What happens to each block of the live document, from three sequences of blocks.

use std::collections::HashMap;

use super::align::{Key, Pairing, align};
use super::model::Model;
use crate::markdown::Node;

/// One thing to do, in the order of the document. Numbers are places in the three sequences.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Step {
    /// The live block stays as it is. `of` is what it was and is outside, if it was there at all.
    Keep { live: usize, of: Option<(usize, usize)> },
    /// What changed from the old block to the new one is to be changed in the live one. Without an old one
    /// both sides wrote it.
    Merge { old: Option<usize>, new: usize, live: usize },
    /// The new block is inserted here.
    Insert { new: usize },
    /// The outside moved a block here; what it is now in the live document comes along.
    MoveHere { new: usize, live: usize },
    /// Where a moved block was.
    MovedAway { old: usize, live: usize },
    /// The outside deleted the block.
    Delete { old: usize, live: usize },
}

impl Step {
    /// The live block that something is done with.
    pub(super) const fn touches(&self) -> Option<usize> {
        match *self {
            Self::Keep { .. } | Self::Insert { .. } => None,
            Self::Merge { live, .. }
            | Self::MoveHere { live, .. }
            | Self::MovedAway { live, .. }
            | Self::Delete { live, .. } => Some(live),
        }
    }
}

/// Compares three versions of the same blocks.
pub(super) fn plan(model: &Model, old: &[Node], new: &[Node], live: &[Node], pairing: Pairing) -> Vec<Step> {
    plan_around(model, old, new, &live.iter().collect::<Vec<_>>(), pairing)
}

/// The same where the live blocks are not all in one place.
pub(super) fn plan_around(
    model: &Model,
    old: &[Node],
    new: &[Node],
    live: &[&Node],
    pairing: Pairing,
) -> Vec<Step> {
    let [old, new] = [old, new].map(|nodes| nodes.iter().collect::<Vec<_>>());
    Planner::new(model, &old, &new, live, pairing).steps()
}

struct Planner<'a> {
    model: &'a Model,
    old: &'a [&'a Node],
    new: &'a [&'a Node],
    live: &'a [&'a Node],
    /// For each old block its new and its live one; `moved_*` are those that are not in order.
    to_new: Vec<Option<usize>>,
    to_live: Vec<Option<usize>>,
    moved_new: Vec<Option<usize>>,
    moved_live: Vec<Option<usize>>,
    /// For each live block a new one that both sides wrote.
    both_wrote: Vec<Option<usize>>,
}

impl<'a> Planner<'a> {
    fn new(
        model: &'a Model,
        old: &'a [&'a Node],
        new: &'a [&'a Node],
        live: &'a [&'a Node],
        pairing: Pairing,
    ) -> Self {
        let to_new = align(model, old, new, pairing);
        let to_live = align(model, old, live, pairing);
        let moves = !matches!(pairing, Pairing::Place);
        let [moved_new, moved_live] = [(&to_new, new), (&to_live, live)]
            .map(|(to, other)| if moves { moved(old, other, to) } else { vec![None; old.len()] });
        let both_wrote = vec![None; live.len()];
        Self { model, old, new, live, to_new, to_live, moved_new, moved_live, both_wrote }
    }

    fn live_of(&self, old: usize) -> Option<usize> {
        self.to_live[old].or(self.moved_live[old])
    }

    fn steps(mut self) -> Vec<Step> {
        let from_new = inverse(&self.to_new, self.new.len());
        let moved_from = inverse(&self.moved_new, self.new.len());
        let inserted: Vec<bool> =
            from_new.iter().zip(&moved_from).map(|(from, moved)| from.is_none() && moved.is_none()).collect();
        self.find_written_by_both(&from_new, &inserted);

        let mut after: Vec<Vec<Step>> = vec![Vec::new(); self.live.len() + 1];
        // The place after the last block that is on both sides and in order.
        let mut place = 0;
        let written = inverse(&self.both_wrote, self.new.len());
        for new in 0..self.new.len() {
            if let Some(old) = from_new[new] {
                match (self.to_live[old], self.moved_live[old]) {
                    (Some(live), _) => place = live + 1,
                    (None, Some(_)) => {}
                    // Deleted inside, changed outside: the outside's words must not be lost.
                    (None, None) if self.old[old] != self.new[new] => after[place].push(Step::Insert { new }),
                    (None, None) => {}
                }
            } else if let Some(old) = moved_from[new] {
                // One that was deleted inside and only moved outside stays deleted.
                if let Some(live) = self.live_of(old) {
                    after[place].push(Step::MoveHere { new, live });
                }
            } else if let Some(live) = written[new] {
                place = live + 1;
            } else {
                after[place].push(Step::Insert { new });
            }
        }
        self.in_order(after)
    }

    /// The steps for the live blocks, with those between them.
    fn in_order(&self, mut after: Vec<Vec<Step>>) -> Vec<Step> {
        let mut from_live: Vec<Option<usize>> = vec![None; self.live.len()];
        for old in 0..self.old.len() {
            if let Some(live) = self.live_of(old) {
                from_live[live] = Some(old);
            }
        }
        let mut steps = std::mem::take(&mut after[0]);
        for live in 0..self.live.len() {
            steps.push(match (from_live[live], self.both_wrote[live]) {
                (Some(old), _) => self.fate(old, live),
                (None, Some(new)) if self.new[new] != self.live[live] => Step::Merge { old: None, new, live },
                (None, _) => Step::Keep { live, of: None },
            });
            steps.append(&mut after[live + 1]);
        }
        steps
    }

    fn fate(&self, old: usize, live: usize) -> Step {
        match (self.to_new[old], self.moved_new[old]) {
            (Some(new), _) if self.old[old] == self.new[new] => Step::Keep { live, of: Some((old, new)) },
            (Some(new), _) => Step::Merge { old: Some(old), new, live },
            (None, Some(_)) => Step::MovedAway { old, live },
            (None, None) => Step::Delete { old, live },
        }
    }

    /// Between two blocks that all have: what was written there on both sides.
    fn find_written_by_both(&mut self, from_new: &[Option<usize>], inserted: &[bool]) {
        let in_order = |new: usize| from_new[new].and_then(|old| self.to_live[old]);
        let mut known = vec![false; self.live.len()];
        (0..self.old.len()).filter_map(|old| self.live_of(old)).for_each(|live| known[live] = true);
        let (mut new_start, mut live_start) = (0, 0);
        let mut found = Vec::new();
        for new_end in 0..=self.new.len() {
            let live_end = match in_order_or_end(new_end, self.new.len(), self.live.len(), &in_order) {
                Some(end) => end,
                None => continue,
            };
            let theirs: Vec<usize> = (new_start..new_end).filter(|&new| inserted[new]).collect();
            let ours: Vec<usize> = (live_start..live_end).filter(|&live| !known[live]).collect();
            let [new_nodes, live_nodes] = [(&theirs, self.new), (&ours, self.live)]
                .map(|(places, nodes)| places.iter().map(|&place| nodes[place]).collect::<Vec<_>>());
            for (index, pair) in
                align(self.model, &new_nodes, &live_nodes, Pairing::BothNew).into_iter().enumerate()
            {
                found.extend(pair.map(|pair| (theirs[index], ours[pair])));
            }
            (new_start, live_start) = (new_end + 1, live_end + 1);
        }
        found.into_iter().for_each(|(new, live)| self.both_wrote[live] = Some(new));
    }
}

/// The live place of a new block that all sides have; that of the end is the end.
fn in_order_or_end(
    new: usize,
    new_len: usize,
    live_len: usize,
    in_order: &impl Fn(usize) -> Option<usize>,
) -> Option<usize> {
    if new == new_len { Some(live_len) } else { in_order(new) }
}

/// Blocks without a counterpart in order that are found, unchanged, somewhere else.
fn moved(old: &[&Node], other: &[&Node], to: &[Option<usize>]) -> Vec<Option<usize>> {
    let taken = inverse(to, other.len());
    let mut free: HashMap<Key<'_>, Vec<usize>> = HashMap::new();
    for (place, node) in other.iter().enumerate().rev().filter(|(place, _)| taken[*place].is_none()) {
        free.entry(Key(node)).or_default().push(place);
    }
    let mut found = vec![None; old.len()];
    for (place, node) in old.iter().enumerate().filter(|(place, _)| to[*place].is_none()) {
        found[place] = free.get_mut(&Key(node)).and_then(Vec::pop);
    }
    found
}

fn inverse(to: &[Option<usize>], len: usize) -> Vec<Option<usize>> {
    let mut from = vec![None; len];
    for (a, b) in to.iter().enumerate() {
        if let Some(b) = b {
            from[*b] = Some(a);
        }
    }
    from
}
