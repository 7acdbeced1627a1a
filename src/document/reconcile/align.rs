//! Which blocks of two texts are the same block: those that are equal, and those that are alike.

use std::collections::HashMap;
use std::hash::{Hash, Hasher};
use std::ops::Range;

use similar::{Algorithm, DiffOp, capture_diff_slices};

use super::line::words_of;
use super::model::Model;
use crate::markdown::Node;
use crate::markdown::schema::TEXT;

/// Up to so many comparisons of two blocks within one changed stretch; a longer one is paired by looking
/// ahead.
const COMPARISONS_MAX: usize = 10_000;

/// How far a block's counterpart is looked for in a stretch that is too long for comparing all with all.
const LOOK_AHEAD_BLOCKS: usize = 8;

/// Blocks with so few words have changed all of them when one of them is corrected.
const SHORT_WORDS_MAX: usize = 8;

/// What share of words makes two blocks alike, in parts of 100.
const ALIKE_PERCENT: usize = 25;

/// The same for two blocks that were both newly written: that these are one is less likely.
const ALIKE_BOTH_NEW_PERCENT: usize = 60;

/// How blocks find their counterparts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pairing {
    /// Equal ones first, then those that are alike between them.
    Alike,
    /// The same, for two texts that have no common origin.
    BothNew,
    /// The same as `Alike`, but the first block stays the first one: an item's or a cell's paragraph.
    FirstStays,
    /// The first block is the first one whatever is in it: a table's header.
    Header,
    /// By place.
    Place,
}

/// For each block of `a` its counterpart in `b`. Counterparts are in the same order on both sides.
pub(super) fn align(model: &Model, a: &[&Node], b: &[&Node], pairing: Pairing) -> Vec<Option<usize>> {
    let mut pairs = vec![None; a.len()];
    let from = match (pairing, a.first(), b.first()) {
        (Pairing::Place, ..) => {
            pairs.iter_mut().zip(0..b.len()).for_each(|(pair, index)| *pair = Some(index));
            return pairs;
        }
        (Pairing::Header, Some(_), Some(_)) => 1,
        (Pairing::FirstStays, Some(x), Some(y)) => {
            usize::from(x.kind == y.kind && !a[1..].contains(y) && !b[1..].contains(x))
        }
        _ => 0,
    };
    pairs.iter_mut().take(from).for_each(|pair| *pair = Some(0));
    let (a, b) = (&a[from.min(a.len())..], &b[from.min(b.len())..]);
    // A live block that is as it was is often the old one itself.
    let equal = |(x, y): &(&&Node, &&Node)| std::ptr::eq(**x, **y) || x == y;
    let start = a.iter().zip(b).take_while(equal).count();
    let end = a[start..].iter().rev().zip(b[start..].iter().rev()).take_while(equal).count();
    let (middle_a, middle_b) = (start..a.len() - end, start..b.len() - end);
    let mut set = |x: usize, y: usize| pairs[from + x] = Some(from + y);
    (0..start).for_each(|index| set(index, index));
    (0..end).for_each(|index| set(middle_a.end + index, middle_b.end + index));
    if comparable(&middle_a, &middle_b) {
        alike_pairs(model, (a, middle_a), (b, middle_b), pairing, &mut set);
        return pairs;
    }
    let [keys_a, keys_b]: [Vec<Key<'_>>; 2] =
        [&a[middle_a], &b[middle_b]].map(|nodes| nodes.iter().map(|node| Key(node)).collect());
    for hunk in diff(&keys_a, &keys_b) {
        match hunk.moved(start) {
            Hunk::Same { a: x, b: y, len } => (0..len).for_each(|index| set(x + index, y + index)),
            Hunk::Changed { a: x, b: y } => alike_pairs(model, (a, x), (b, y), pairing, &mut set),
        }
    }
    pairs
}

/// Whether each block of one stretch can be compared with each of the other.
fn comparable(a: &Range<usize>, b: &Range<usize>) -> bool {
    a.len().saturating_mul(b.len()) <= COMPARISONS_MAX
}

/// A stretch of two sequences.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Hunk {
    /// Equal on both sides.
    Same { a: usize, b: usize, len: usize },
    /// What is between two equal stretches.
    Changed { a: Range<usize>, b: Range<usize> },
}

impl Hunk {
    /// The same for sequences that have so much before these.
    pub(super) fn moved(self, by: usize) -> Self {
        match self {
            Self::Same { a, b, len } => Self::Same { a: a + by, b: b + by, len },
            Self::Changed { a, b } => {
                Self::Changed { a: a.start + by..a.end + by, b: b.start + by..b.end + by }
            }
        }
    }
}

/// Cuts two sequences into what is equal and what is not. The cost is bounded by the diff's own limits.
pub(super) fn diff<T: Eq + Hash>(a: &[T], b: &[T]) -> Vec<Hunk> {
    // Numbers are compared instead of blocks and words, which takes many comparisons of each.
    let mut numbers = HashMap::new();
    let mut number = |item| {
        let next = numbers.len();
        *numbers.entry(item).or_insert(next)
    };
    let [a, b] = [a, b].map(|items| items.iter().map(&mut number).collect::<Vec<usize>>());
    let mut hunks: Vec<Hunk> = Vec::new();
    for op in capture_diff_slices(Algorithm::Myers, &a, &b) {
        if let DiffOp::Equal { old_index, new_index, len } = op {
            hunks.push(Hunk::Same { a: old_index, b: new_index, len });
        } else if let Some(Hunk::Changed { a, b }) = hunks.last_mut() {
            (a.end, b.end) = (op.old_range().end, op.new_range().end);
        } else {
            hunks.push(Hunk::Changed { a: op.old_range(), b: op.new_range() });
        }
    }
    hunks
}

/// A node that can be a key: equal nodes, equal keys.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Key<'a>(pub &'a Node);

/// No attribute is a number that differs from itself: JSON has none.
impl Eq for Key<'_> {}

impl Hash for Key<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.kind.hash(state);
        self.0.text.hash(state);
        self.0.attrs.hash(state);
        for mark in &self.0.marks {
            mark.kind.hash(state);
            mark.attrs.hash(state);
        }
        self.0.content.len().hash(state);
        self.0.content.iter().for_each(|child| Key(child).hash(state));
    }
}

/// What pairing needs to know of a block: its words as hashes, in order of hashes.
struct Profile<'a> {
    node: &'a Node,
    words: Vec<u64>,
}

/// Gives the pairs of two stretches, in order.
fn alike_pairs(
    model: &Model,
    (a, in_a): (&[&Node], Range<usize>),
    (b, in_b): (&[&Node], Range<usize>),
    pairing: Pairing,
    pair: &mut impl FnMut(usize, usize),
) {
    if in_a.is_empty() || in_b.is_empty() {
        return;
    }
    let all_with_all = comparable(&in_a, &in_b);
    let (start_a, start_b) = (in_a.start, in_b.start);
    let [a, b] = [&a[in_a], &b[in_b]].map(|nodes| -> Vec<Profile<'_>> {
        nodes.iter().map(|node| Profile { node, words: words_of(model, node) }).collect()
    });
    let pairs =
        if all_with_all { best_pairs(model, &a, &b, pairing) } else { look_ahead(model, &a, &b, pairing) };
    pairs.into_iter().for_each(|(x, y)| pair(start_a + x, start_b + y));
}

/// The pairs with the greatest likeness in all, as with the longest common subsequence.
fn best_pairs(model: &Model, a: &[Profile<'_>], b: &[Profile<'_>], pairing: Pairing) -> Vec<(usize, usize)> {
    let width = b.len() + 1;
    let mut best = vec![0u64; (a.len() + 1) * width];
    let mut scores = vec![0u64; a.len() * b.len()];
    for i in (0..a.len()).rev() {
        for j in (0..b.len()).rev() {
            let score = likeness(model, &a[i], &b[j], pairing);
            scores[i * b.len() + j] = score;
            let with = if score > 0 { score + best[(i + 1) * width + j + 1] } else { 0 };
            best[i * width + j] = with.max(best[(i + 1) * width + j]).max(best[i * width + j + 1]);
        }
    }
    let (mut i, mut j, mut pairs) = (0, 0, Vec::new());
    while i < a.len() && j < b.len() {
        let here = best[i * width + j];
        let score = scores[i * b.len() + j];
        if score > 0 && here == score + best[(i + 1) * width + j + 1] {
            pairs.push((i, j));
            (i, j) = (i + 1, j + 1);
        } else if here == best[(i + 1) * width + j] {
            i += 1;
        } else {
            j += 1;
        }
    }
    pairs
}

/// The first counterpart that is near enough to the last one.
fn look_ahead(model: &Model, a: &[Profile<'_>], b: &[Profile<'_>], pairing: Pairing) -> Vec<(usize, usize)> {
    let (mut next, mut pairs) = (0, Vec::new());
    for (i, block) in a.iter().enumerate() {
        let window = next..b.len().min(next + LOOK_AHEAD_BLOCKS);
        if let Some(j) = window.into_iter().find(|&j| likeness(model, block, &b[j], pairing) > 0) {
            pairs.push((i, j));
            next = j + 1;
        }
    }
    pairs
}

/// How much two blocks are the same one; 0 if they are not.
fn likeness(model: &Model, a: &Profile<'_>, b: &Profile<'_>, pairing: Pairing) -> u64 {
    /// A shared word outweighs any likeness in length; to be equal outweighs a few words.
    const PERCENT_WEIGHT: usize = 100;
    const EQUAL_WEIGHT: usize = 2_000;
    if a.words == b.words && a.node == b.node {
        return (100 * PERCENT_WEIGHT + EQUAL_WEIGHT) as u64;
    }
    let known = a.node.kind != TEXT && model.content(&a.node.kind).is_some();
    if !known || !model.same_family(a.node, b.node) {
        return 0;
    }
    let (short, long) = (a.words.len().min(b.words.len()), a.words.len().max(b.words.len()));
    let percent = (200 * common(&a.words, &b.words)).checked_div(short + long).unwrap_or(100);
    let alike = match pairing {
        Pairing::BothNew => percent >= ALIKE_BOTH_NEW_PERCENT,
        _ => {
            let in_place = a.node.kind == b.node.kind && (short == 0 || long <= SHORT_WORDS_MAX);
            percent >= ALIKE_PERCENT || in_place
        }
    };
    if alike { (percent * PERCENT_WEIGHT + 1 + 50 * (short + 1) / (long + 1)) as u64 } else { 0 }
}

/// How many words two sorted lists share.
fn common(a: &[u64], b: &[u64]) -> usize {
    let (mut i, mut j, mut count) = (0, 0, 0);
    while let (Some(x), Some(y)) = (a.get(i), b.get(j)) {
        count += usize::from(x == y);
        (i, j) = (i + usize::from(x <= y), j + usize::from(y <= x));
    }
    count
}
