//! How deep the shared types of an update stand in one another.
//!
//! yrs deletes a type by a call for each that is inside, so that an update of a few bytes a level, and the
//! deletion of the outermost, would overflow the stack: that ends the process, and nothing can catch it.

use super::update::{Item, Parent, items};
use super::wire::WireError;

/// How many levels of types an update, which was checked, adds below what its document has, at most: a type whose parent, or
/// whose neighbour, is in the same update stands as deep as that says, any other directly below something
/// that is there. What refers to itself in a circle counts as endless.
pub fn levels_added(update: &[u8]) -> Result<u32, WireError> {
    let mut items = items(update)?;
    items.sort_by_key(|item| (item.client, item.clock));
    // No client writes a struct twice; which of them yrs would take is not to be relied on.
    let overlaps =
        |pair: &[Item]| pair[0].client == pair[1].client && pair[1].clock - pair[0].clock < pair[0].len;
    if items.windows(2).any(overlaps) {
        return Ok(u32::MAX);
    }
    if let Some(deepest) = deepest_in_order(&items) {
        return Ok(deepest);
    }
    let mut levels = Levels { state: vec![State::New; items.len()], items: &items };
    let mut deepest = 0;
    for (at, _) in items.iter().enumerate().filter(|(_, item)| item.is_type) {
        deepest = deepest.max(levels.of(at));
    }
    Ok(deepest)
}

/// The levels where every item refers to earlier ones alone, as with all that one client wrote: no walk is
/// needed then. `None` where one does not.
fn deepest_in_order(items: &[Item]) -> Option<u32> {
    let mut levels: Vec<u32> = Vec::with_capacity(items.len());
    let mut deepest = 0;
    for (at, item) in items.iter().enumerate() {
        let mut level = 1;
        for parent in item.parents {
            let (id, below) = match parent {
                Parent::Elsewhere => continue,
                Parent::Of(id) => (id, 1),
                Parent::Beside(id) => (id, 0),
            };
            // Mostly it is the one before.
            let before = at.checked_sub(1).filter(|&before| has(&items[before], id));
            let Some(other) = before.or_else(|| find(items, id)) else { continue };
            level = level.max(levels.get(other)?.saturating_add(below));
        }
        levels.push(level);
        if item.is_type {
            deepest = deepest.max(level);
        }
    }
    Some(deepest)
}

/// The item that has this client's clock.
fn find(items: &[Item], id: (u64, u32)) -> Option<usize> {
    let after = items.partition_point(|item| (item.client, item.clock) <= id);
    after.checked_sub(1).filter(|&at| has(&items[at], id))
}

const fn has(item: &Item, (client, clock): (u64, u32)) -> bool {
    item.client == client && clock >= item.clock && clock - item.clock < item.len
}

#[derive(Clone, Copy)]
enum State {
    New,
    /// Its level follows from others that are being looked at.
    Open,
    Known(u32),
}

struct Levels<'a> {
    items: &'a [Item],
    state: Vec<State>,
}

impl Levels<'_> {
    /// The level of an item. Walks with a list of its own: this must not recurse, of all things.
    fn of(&mut self, first: usize) -> u32 {
        let mut open = vec![first];
        while let Some(at) = open.last().copied() {
            if let State::Known(_) = self.state[at] {
                open.pop();
                continue;
            }
            let waits = matches!(self.state[at], State::New);
            self.state[at] = State::Open;
            let mut level = 1;
            let mut is_waiting = false;
            for parent in self.items[at].parents {
                let (id, below) = match parent {
                    Parent::Elsewhere => continue,
                    Parent::Of(id) => (id, 1),
                    Parent::Beside(id) => (id, 0),
                };
                let Some(other) = find(self.items, id) else { continue };
                match self.state[other] {
                    State::Known(its) => level = level.max(its.saturating_add(below)),
                    State::New if waits => {
                        is_waiting = true;
                        open.push(other);
                    }
                    // In a circle.
                    State::New | State::Open => level = u32::MAX,
                }
            }
            if !is_waiting {
                self.state[at] = State::Known(level);
                open.pop();
            }
        }
        match self.state[first] {
            State::Known(level) => level,
            State::New | State::Open => u32::MAX,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::protocol::wire::put_var;

    /// Types of one client, each described by what stands before its content.
    fn types(heads: &[&[u8]]) -> Vec<u8> {
        let mut update = vec![1];
        put_var(&mut update, heads.len() as u64);
        update.extend([1, 0]);
        for head in heads {
            update.extend(*head);
            update.push(0);
        }
        update.push(0);
        update
    }

    const IN_ROOT: &[u8] = &[7, 1, 1, b'm'];

    proptest! {
        #[test]
        fn in_order_is_as_deep_as_by_walking(
            places in proptest::collection::vec((any::<proptest::sample::Index>(), 0..3u8), 1..60),
        ) {
            let heads: Vec<Vec<u8>> = places.iter().zip(0u8..).map(|((place, how), clock)| {
                match (how, u8::try_from(place.index(usize::from(clock).max(1))).unwrap()) {
                    (0, other) if clock > 0 => inside(other),
                    (1, other) if clock > 0 => behind(other),
                    _ => IN_ROOT.to_vec(),
                }
            }).collect();
            let heads: Vec<&[u8]> = heads.iter().map(Vec::as_slice).collect();
            let items = items(&types(&heads)).unwrap();
            let mut levels = Levels { state: vec![State::New; items.len()], items: &items };
            let deepest = (0..items.len()).map(|at| levels.of(at)).max();
            prop_assert_eq!(deepest_in_order(&items), deepest);
        }
    }

    /// In the type at this clock of client 1.
    fn inside(clock: u8) -> Vec<u8> {
        vec![7, 0, 1, clock]
    }

    /// Behind the one at this clock of client 1.
    fn behind(clock: u8) -> Vec<u8> {
        vec![0x87, 1, clock]
    }

    #[test]
    fn a_type_is_as_deep_as_its_parent_and_neighbours_say() {
        assert_eq!(levels_added(&[0, 0]), Ok(0));
        assert_eq!(levels_added(&types(&[IN_ROOT])), Ok(1));
        assert_eq!(levels_added(&types(&[IN_ROOT, &inside(0), &behind(1), &inside(2)])), Ok(3));
        // What is elsewhere counts as the deepest of the document.
        assert_eq!(levels_added(&types(&[&inside(77), &behind(78)])), Ok(1));
        // A parent that comes later.
        assert_eq!(levels_added(&types(&[&inside(2), &inside(0), IN_ROOT])), Ok(3));
    }

    #[test]
    fn circles_are_endless() {
        for circle in [&[inside(0)][..], &[inside(1), inside(0)], &[behind(1), inside(0)]] {
            let heads: Vec<_> = circle.iter().map(Vec::as_slice).collect();
            assert_eq!(levels_added(&types(&heads)), Ok(u32::MAX), "{circle:?}");
        }
    }

    #[test]
    fn a_long_way_down_and_a_long_row_take_no_stack_and_little_time() {
        const COUNT: u32 = 200_000;
        for (flags, is_deep) in [(7u8, true), (0x87, false)] {
            let mut update = vec![1];
            put_var(&mut update, u64::from(COUNT));
            update.extend([1, 0]);
            // Each refers to the one after it, so that none can be told before the last.
            for next in 1..COUNT {
                update.push(flags);
                if is_deep {
                    update.push(0);
                }
                update.push(1);
                put_var(&mut update, u64::from(next));
                update.push(0);
            }
            update.extend(IN_ROOT);
            update.extend([0, 0]);
            assert_eq!(levels_added(&update), Ok(if is_deep { COUNT } else { 1 }));
        }
    }
}
