//! Inside a block: what happens to the words of the live one.

use std::ops::Range;

use super::align::Hunk;
use super::compare::{compare, counterparts};
use super::line::{Line, TokenKey};
use crate::markdown::schema::text;
use crate::markdown::{Mark, Node, NodeKind};

/// In one line, so many words written inside are compared with what the outside wrote in the same places.
/// Beyond that both are kept, even if they are the same.
const LOOKED_AT_MAX: usize = 200_000;

/// One change of a line. Places are those of the line before any change.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Edit {
    /// Nodes come in.
    Insert { at: u32, nodes: Vec<Node> },
    /// Text and nodes go.
    Delete { units: Range<u32> },
}

/// Text gets marks, or loses those that are none.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Format {
    pub units: Range<u32>,
    pub marks: Vec<(NodeKind, Option<Mark>)>,
}

/// What is to be done in one block.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Change {
    /// Marks for text that stays. They change no places, so they come first.
    pub formats: Vec<Format>,
    /// In the order of the line; at one place, what comes in is before what goes.
    pub edits: Vec<Edit>,
    /// How many words and nodes come in, and how many go.
    pub added: usize,
    pub removed: usize,
    /// Whether any word or node is left in the line.
    pub filled: bool,
}

/// Changes the live line by what changed from the old to the new one.
pub(super) fn merge(old: &[Node], new: &[Node], live: &[Node]) -> Change {
    let [old, new, live] = [old, new, live].map(Line::new);
    let [old_keys, new_keys, live_keys] = [&old, &new, &live].map(Line::keys);
    let outside = compare(&old_keys, &new_keys);
    let to_live = counterparts(old_keys.len(), &compare(&old_keys, &live_keys));
    let mut merger = Merger {
        old: &old,
        new: &new,
        live: &live,
        bounds: bounds(&to_live, live_keys.len()),
        budget: LOOKED_AT_MAX,
        to_live,
        from_old: vec![false; live_keys.len()],
        kept: vec![None; live_keys.len()],
        taken: vec![false; live_keys.len()],
        deleted: vec![false; live_keys.len()],
        inserts: vec![Vec::new(); live_keys.len() + 1],
        formats: Vec::new(),
    };
    merger.to_live.iter().flatten().for_each(|&live| merger.from_old[live] = true);
    for hunk in outside {
        match hunk {
            Hunk::Same { a, b, len } => (0..len).for_each(|index| merger.same(a + index, b + index)),
            Hunk::Changed { a, b } => merger.changed(&a, &b, &new_keys, &live_keys),
        }
    }
    merger.finish()
}

struct Merger<'a> {
    old: &'a Line<'a>,
    new: &'a Line<'a>,
    live: &'a Line<'a>,
    to_live: Vec<Option<usize>>,
    /// For the place before each old token, and the last place: the live place after the last token that both
    /// have before it, and the one of the next that both have.
    bounds: Vec<(usize, usize)>,
    /// How many more live tokens may be looked at, see [`LOOKED_AT_MAX`].
    budget: usize,
    /// Which live tokens were in the old line.
    from_old: Vec<bool>,
    /// The new token that a live one is, where the outside kept it.
    kept: Vec<Option<usize>>,
    /// Which of the others are taken as what the outside wrote as well.
    taken: Vec<bool>,
    deleted: Vec<bool>,
    /// New tokens to insert before each live one, and at the end.
    inserts: Vec<Vec<Range<usize>>>,
    formats: Vec<Format>,
}

impl Merger<'_> {
    /// The outside kept this word; it may have other marks.
    fn same(&mut self, old: usize, new: usize) {
        let Some(live) = self.to_live[old] else { return };
        self.kept[live] = Some(new);
        let (old, new) = (self.old.marks(&self.old.tokens[old]), self.new.marks(&self.new.tokens[new]));
        if old == new {
            return;
        }
        let token = &self.live.tokens[live];
        let have = self.live.marks(token);
        let mut ends: Vec<u32> =
            [&old, &new, &have].into_iter().flatten().map(|(part, _)| part.end).collect();
        ends.sort_unstable();
        ends.dedup();
        let mut start = 0;
        for end in ends {
            let [old, new, have] = [&old, &new, &have].map(|parts| marks_at(parts, start));
            let marks = changed_marks(old, new, have);
            let units = token.units.start + start..token.units.start + end;
            start = end;
            match self.formats.last_mut() {
                _ if marks.is_empty() => {}
                Some(last) if last.units.end == units.start && last.marks == marks => {
                    last.units.end = units.end
                }
                _ => self.formats.push(Format { units, marks }),
            }
        }
    }

    /// The outside replaced old tokens with new ones.
    fn changed(
        &mut self,
        old: &Range<usize>,
        new: &Range<usize>,
        news: &[TokenKey<'_>],
        lives: &[TokenKey<'_>],
    ) {
        let gone: Vec<usize> = old.clone().filter_map(|old| self.to_live[old]).collect();
        gone.iter().for_each(|&live| self.deleted[live] = true);
        if new.is_empty() {
            return;
        }
        let (start, end) = (self.bounds[old.start].0, self.bounds[old.end].1);
        // What was written inside at this place may be the same: published from here, for example.
        let within_budget = end - start <= self.budget;
        let looked_at = if within_budget { start..end } else { start..start };
        self.budget -= looked_at.len();
        let written: Vec<usize> =
            looked_at.filter(|&live| !self.from_old[live] && !self.taken[live]).collect();
        let written_keys: Vec<TokenKey<'_>> = written.iter().map(|&live| lives[live]).collect();
        let pairs = counterparts(new.len(), &compare(&news[new.clone()], &written_keys));
        if !self.mostly_there(new, &pairs) {
            self.inserts[gone.first().copied().unwrap_or(start)].push(new.clone());
            return;
        }
        let mut place = pairs.iter().flatten().next().map_or(start, |&first| written[first]);
        for (index, pair) in new.clone().zip(pairs) {
            if let Some(pair) = pair {
                self.taken[written[pair]] = true;
                place = written[pair] + 1;
            } else if let Some(last) = self.inserts[place].last_mut().filter(|last| last.end == index) {
                last.end += 1;
            } else {
                self.inserts[place].push(index..index + 1);
            }
        }
    }

    /// Whether at least half of the new words were written inside as well.
    fn mostly_there(&self, new: &Range<usize>, pairs: &[Option<usize>]) -> bool {
        let tokens = || self.new.tokens[new.clone()].iter().zip(pairs);
        let all = tokens().filter(|(token, _)| token.counts()).count();
        let there = tokens().filter(|(token, pair)| token.counts() && pair.is_some()).count();
        if all == 0 { pairs.iter().all(Option::is_some) } else { there * 2 >= all }
    }

    /// Where words went, the spaces around them have no use: at the line's ends, and beside another space.
    fn delete_spare_spaces(&mut self) {
        let last = self.new.tokens.len().checked_sub(1);
        let (mut useless, mut cut, mut before) = (true, false, None);
        for live in 0..self.live.tokens.len() {
            if !self.inserts[live].is_empty() {
                (useless, cut, before) = (false, false, None);
            }
            if self.deleted[live] {
                cut = true;
            } else if !self.live.tokens[live].is_space() {
                (useless, cut, before) = (false, false, None);
            } else if cut && useless && self.kept[live] != Some(0) {
                self.deleted[live] = true;
            } else {
                (useless, cut, before) = (true, false, Some(live));
            }
        }
        if let Some(before) = before.filter(|&before| cut && (last.is_none() || self.kept[before] != last))
            && self.inserts.last().is_none_or(Vec::is_empty)
        {
            self.deleted[before] = true;
        }
    }

    fn finish(mut self) -> Change {
        self.delete_spare_spaces();
        let mut change = Change { formats: std::mem::take(&mut self.formats), ..Change::default() };
        let mut after_word = false;
        for live in 0..=self.live.tokens.len() {
            let at = self.live.tokens.get(live).map_or(self.live.len(), |token| token.units.start);
            let mut nodes: Vec<Node> = Vec::new();
            for range in std::mem::take(&mut self.inserts[live]) {
                let tokens = &self.new.tokens[range.clone()];
                change.added += tokens.iter().filter(|token| token.counts()).count();
                change.filled |= tokens.iter().any(super::line::Token::counts);
                if after_word && tokens.first().is_some_and(super::line::Token::is_word) {
                    nodes.push(text(" ", Vec::new()));
                }
                after_word = tokens.last().is_some_and(super::line::Token::is_word);
                nodes.append(&mut self.new.nodes(range));
            }
            if let Some(token) = self.live.tokens.get(live).filter(|_| !self.deleted[live]) {
                // Two words that came together from two sides stay two words.
                if after_word && token.is_word() {
                    nodes.push(text(" ", Vec::new()));
                }
                after_word = token.is_word();
                change.filled |= token.counts();
            }
            if !nodes.is_empty() {
                change.edits.push(Edit::Insert { at, nodes });
            }
            if let Some(token) = self.live.tokens.get(live).filter(|_| self.deleted[live]) {
                change.removed += usize::from(token.counts());
                match change.edits.last_mut() {
                    Some(Edit::Delete { units }) if units.end == at => units.end = token.units.end,
                    _ => change.edits.push(Edit::Delete { units: token.units.clone() }),
                }
            }
        }
        change
    }
}

fn bounds(to_live: &[Option<usize>], live_len: usize) -> Vec<(usize, usize)> {
    let mut bounds = vec![(0, live_len); to_live.len() + 1];
    for (old, live) in to_live.iter().enumerate() {
        bounds[old + 1].0 = live.map_or(bounds[old].0, |live| live + 1);
    }
    for (old, live) in to_live.iter().enumerate().rev() {
        bounds[old].1 = live.unwrap_or(bounds[old + 1].1);
    }
    bounds
}

/// The marks of the part that begins here.
fn marks_at<'a>(parts: &[(Range<u32>, &'a [Mark])], at: u32) -> &'a [Mark] {
    parts.iter().find(|(part, _)| part.contains(&at)).map_or(&[], |(_, marks)| marks)
}

/// Marks that the outside set, changed or took away, and that the live text does not have so already.
fn changed_marks(old: &[Mark], new: &[Mark], live: &[Mark]) -> Vec<(NodeKind, Option<Mark>)> {
    let of = |marks: &[Mark], kind: &NodeKind| marks.iter().find(|mark| mark.kind == *kind).cloned();
    let mut changed: Vec<(NodeKind, Option<Mark>)> = Vec::new();
    for mark in old.iter().chain(new) {
        let (before, after) = (of(old, &mark.kind), of(new, &mark.kind));
        let known = changed.iter().any(|(kind, _)| *kind == mark.kind);
        if !known && before != after && of(live, &mark.kind) != after {
            changed.push((mark.kind.clone(), after));
        }
    }
    changed
}
