//! Which words of two lines are the same.

use super::align::{Hunk, diff};
use super::line::TokenKey;

/// Between the equal beginning and the equal end of two lines, so many words are compared one by one; more of
/// them are one change, and both sides of it are kept. It takes a second or two at worst.
const TOKENS_MAX: usize = 200_000;

/// Compares two lines: their words first, then what stands between the words that they share. All at once,
/// a space could count for as much as a word.
pub(super) fn compare(a: &[TokenKey<'_>], b: &[TokenKey<'_>]) -> Vec<Hunk> {
    let [words_a, words_b] =
        [a, b].map(|keys| -> Vec<usize> { (0..keys.len()).filter(|&index| keys[index].counts).collect() });
    let [keys_a, keys_b] = [(a, &words_a), (b, &words_b)]
        .map(|(keys, words)| words.iter().map(|&word| keys[word]).collect::<Vec<_>>());
    let mut pairs = vec![None; a.len()];
    let (mut after_a, mut after_b) = (0, 0);
    let shared = counterparts(keys_a.len(), &bounded_diff(&keys_a, &keys_b)).into_iter().zip(words_a);
    let shared = shared.filter_map(|(pair, word)| Some((word, words_b[pair?])));
    for (end_a, end_b) in shared.chain([(a.len(), b.len())]) {
        let between = bounded_diff(&a[after_a..end_a], &b[after_b..end_b]);
        let found = counterparts(end_a - after_a, &between).into_iter().enumerate();
        found.for_each(|(index, pair)| pairs[after_a + index] = pair.map(|pair| after_b + pair));
        if let Some(pair) = pairs.get_mut(end_a) {
            *pair = Some(end_b);
        }
        (after_a, after_b) = (end_a + 1, end_b + 1);
    }
    hunks(&pairs, b.len())
}

/// Stretches from pairs in order.
fn hunks(pairs: &[Option<usize>], b_len: usize) -> Vec<Hunk> {
    let mut hunks: Vec<Hunk> = Vec::new();
    let (mut next_a, mut next_b) = (0, 0);
    let ends = pairs.iter().enumerate().filter_map(|(a, b)| Some((a, (*b)?)));
    for (a, b) in ends.chain([(pairs.len(), b_len)]) {
        if next_a < a || next_b < b {
            hunks.push(Hunk::Changed { a: next_a..a, b: next_b..b });
        }
        match hunks.last_mut() {
            _ if a == pairs.len() => {}
            Some(Hunk::Same { len, .. }) => *len += 1,
            _ => hunks.push(Hunk::Same { a, b, len: 1 }),
        }
        (next_a, next_b) = (a + 1, b + 1);
    }
    hunks
}

fn bounded_diff(a: &[TokenKey<'_>], b: &[TokenKey<'_>]) -> Vec<Hunk> {
    let start = a.iter().zip(b).take_while(|(a, b)| a == b).count();
    let end = a[start..].iter().rev().zip(b[start..].iter().rev()).take_while(|(a, b)| a == b).count();
    let (middle_a, middle_b) = (start..a.len() - end, start..b.len() - end);
    let mut hunks = vec![Hunk::Same { a: 0, b: 0, len: start }];
    if middle_a.len().max(middle_b.len()) <= TOKENS_MAX {
        hunks.extend(diff(&a[middle_a], &b[middle_b]).into_iter().map(|hunk| hunk.moved(start)));
    } else {
        hunks.push(Hunk::Changed { a: middle_a, b: middle_b });
    }
    hunks.push(Hunk::Same { a: a.len() - end, b: b.len() - end, len: end });
    hunks
}

/// For each place of the first sequence its counterpart.
pub(super) fn counterparts(len: usize, hunks: &[Hunk]) -> Vec<Option<usize>> {
    let mut to = vec![None; len];
    for hunk in hunks {
        if let Hunk::Same { a, b, len } = hunk {
            (0..*len).for_each(|index| to[a + index] = Some(b + index));
        }
    }
    to
}
