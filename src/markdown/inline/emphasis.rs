//! Emphasis: runs of `*` and `_`, paired after everything else is parsed
//! (<https://spec.commonmark.org/0.31.2/#an-algorithm-for-parsing-nested-emphasis-and-links>).

use super::super::chars::{byte_at, is_punctuation, is_unicode_space, slice};
use super::{Parser, TokenKind};

/// One `*` or `_`.
#[derive(Debug, Clone)]
pub(super) struct Delimiter {
    marker: u8,
    /// The length of the run that it is part of.
    run_len: usize,
    /// Its token, text until it is paired.
    token: usize,
    /// The delimiter that closes it.
    closer: Option<usize>,
    can_open: bool,
    can_close: bool,
}

impl<'a> Parser<'a> {
    pub(super) fn delimiter_run(&mut self) -> bool {
        let start = self.at;
        let marker = byte_at(self.source, start);
        let mut after = start;
        while after < self.end && byte_at(self.source, after) == marker {
            after += 1;
        }
        let (can_open, can_close) = self.flanking(start, after, marker == b'*');
        for at in start..after {
            self.at = at;
            self.push(TokenKind::Text(slice(self.source, at, at + 1).into()));
            let token = self.tokens.len() - 1;
            if let Some(delimiters) = self.delimiters.get_mut(self.delimiters_now) {
                let run_len = after - start;
                delimiters.push(Delimiter { marker, run_len, token, closer: None, can_open, can_close });
            }
        }
        self.at = after;
        true
    }

    /// Whether a run can open and close emphasis, by what is around it.
    fn flanking(&self, start: usize, after: usize, within_words: bool) -> (bool, bool) {
        let before = self.source.get(..start).and_then(|text| text.chars().next_back()).unwrap_or(' ');
        let next = self.source.get(after..self.end).and_then(|text| text.chars().next()).unwrap_or(' ');
        let (space_before, space_after) = (is_unicode_space(before), is_unicode_space(next));
        let (punct_before, punct_after) = (is_punctuation(before), is_punctuation(next));
        let left = !space_after && (!punct_after || space_before || punct_before);
        let right = !space_before && (!punct_before || space_after || punct_after);
        (left && (within_words || !right || punct_before), right && (within_words || !left || punct_after))
    }

    /// Pairs the delimiters and turns their tokens into marks.
    pub(super) fn resolve_emphasis(&mut self) {
        let mut all = std::mem::take(&mut self.delimiters);
        for delimiters in all.iter_mut().filter(|delimiters| !delimiters.is_empty()) {
            pair(delimiters);
            self.mark(delimiters);
        }
        self.delimiters = all;
    }

    fn mark(&mut self, delimiters: &[Delimiter]) {
        let mut index = delimiters.len();
        while index > 0 {
            index -= 1;
            let opener = &delimiters[index];
            let Some(closer_index) = opener.closer else { continue };
            let Some(closer) = delimiters.get(closer_index) else { continue };
            // Two in a row that close each other in a row are one strong mark.
            let outer = index.checked_sub(1).and_then(|outer| delimiters.get(outer)).filter(|outer| {
                outer.closer == Some(closer_index + 1)
                    && outer.marker == opener.marker
                    && outer.token + 1 == opener.token
                    && delimiters.get(closer_index + 1).is_some_and(|outer| outer.token == closer.token + 1)
            });
            let (open, close) = match outer {
                Some(outer) => {
                    self.set(outer.token, TokenKind::Nothing);
                    self.set(closer.token + 1, TokenKind::Nothing);
                    index -= 1;
                    (TokenKind::OpenStrong, TokenKind::CloseStrong)
                }
                None => (TokenKind::OpenEm, TokenKind::CloseEm),
            };
            self.set(opener.token, open);
            self.set(closer.token, close);
        }
    }

    fn set(&mut self, token: usize, kind: TokenKind<'a>) {
        if let Some(token) = self.tokens.get_mut(token) {
            token.kind = kind;
        }
    }
}

/// Finds an opener for each closer. `jumps` says how far back the next candidate is, so that what
/// cannot match is passed over once only and the whole stays linear.
fn pair(delimiters: &mut [Delimiter]) {
    let mut jumps: Vec<usize> = Vec::with_capacity(delimiters.len());
    // The lowest candidate worth a look, for each kind of closer that found none before.
    let mut bottoms = [-1; 12];
    let mut run_start = 0;
    let mut last_token = None;
    for closer_index in 0..delimiters.len() {
        jumps.push(0);
        let closer = delimiters[closer_index].clone();
        if delimiters[run_start].marker != closer.marker
            || last_token.map(|token: usize| token + 1) != Some(closer.token)
        {
            run_start = closer_index;
        }
        last_token = Some(closer.token);
        if !closer.can_close {
            continue;
        }
        let kind =
            usize::from(closer.marker == b'*') * 6 + usize::from(closer.can_open) * 3 + closer.run_len % 3;
        let bottom = bottoms[kind];
        let first = signed(run_start) - signed(jumps[run_start]) - 1;
        match find_opener(delimiters, &jumps, &closer, first, bottom) {
            Some(opener) => {
                let jump = match opener.checked_sub(1) {
                    Some(before) if !delimiters[before].can_open => jumps[before] + 1,
                    _ => 0,
                };
                jumps[closer_index] = closer_index - opener + jump;
                jumps[opener] = jump;
                delimiters[closer_index].can_open = false;
                delimiters[opener].closer = Some(closer_index);
                delimiters[opener].can_close = false;
                // The next delimiter begins a run of its own.
                last_token = None;
            }
            None if first >= 0 => bottoms[kind] = first,
            None => {}
        }
    }
}

fn find_opener(
    delimiters: &[Delimiter],
    jumps: &[usize],
    closer: &Delimiter,
    first: isize,
    bottom: isize,
) -> Option<usize> {
    let mut candidate = first;
    while candidate > bottom {
        let index = usize::try_from(candidate).ok()?;
        let opener = delimiters.get(index)?;
        let free = opener.marker == closer.marker && opener.can_open && opener.closer.is_none();
        if free && !breaks_rule_of_three(opener, closer) {
            return Some(index);
        }
        candidate -= signed(*jumps.get(index)?) + 1;
    }
    None
}

/// Rules 9 and 10 of the specification: runs that can open and close pair only if their lengths do not
/// add up to a multiple of 3, unless both are multiples of 3.
const fn breaks_rule_of_three(opener: &Delimiter, closer: &Delimiter) -> bool {
    (opener.can_close || closer.can_open)
        && (opener.run_len + closer.run_len).is_multiple_of(3)
        && (!opener.run_len.is_multiple_of(3) || !closer.run_len.is_multiple_of(3))
}

fn signed(value: usize) -> isize {
    isize::try_from(value).unwrap_or(isize::MAX)
}
