//! Blocks without blocks inside: code, headings, rules and paragraphs.

use std::borrow::Cow;

use super::super::attrs::Attrs;
use super::super::chars::{ascii_trim, is_blank, slice};
use super::super::schema::{CODE_BLOCK, HEADING, HORIZONTAL_RULE, PARAGRAPH};
use super::{Event, Interrupted, Parser};

/// The opening line of a fenced code block.
#[derive(Debug, Clone, Copy)]
pub(super) struct Fence<'a> {
    marker: u8,
    len: usize,
    /// The info string as it is written, spaces and escapes included.
    info: &'a str,
}

impl<'a> Parser<'a> {
    pub(super) fn indented_code(&mut self, line: usize, to: usize) -> bool {
        if self.indent(line) < 4 {
            return false;
        }
        let mut next = line + 1;
        let mut last = next;
        while next < to {
            let empty = self.is_empty(next);
            if !empty && self.indent(next) < 4 {
                break;
            }
            next += 1;
            if !empty {
                last = next;
            }
        }
        let text = self.lines_without_indent(line, last, 4 + self.content_indent, false);
        self.line = last;
        self.code(text, "", line);
        true
    }

    pub(super) fn opens_fence(&self, line: usize) -> Option<Fence<'a>> {
        let start = self.start(line);
        let end = self.lines[line].end;
        let marker = self.byte(start);
        if self.indent(line) >= 4 || start + 3 > end || !matches!(marker, b'~' | b'`') {
            return None;
        }
        let after = self.skip_byte(start, marker);
        let info = slice(self.source, after, end);
        let fits = after - start >= 3 && !(marker == b'`' && info.contains('`'));
        fits.then_some(Fence { marker, len: after - start, info })
    }

    pub(super) fn fence(&mut self, line: usize, to: usize) -> bool {
        let Some(fence) = self.opens_fence(line) else { return false };
        let mut next = line + 1;
        let mut closed = 0;
        while next < to {
            // A line that is not empty and indented less than the container ends the block with it.
            if !self.is_empty(next) && self.lines[next].indent < self.content_indent {
                break;
            }
            if self.closes_fence(next, fence) {
                closed = 1;
                break;
            }
            next += 1;
        }
        let text = self.lines_without_indent(line + 1, next.min(to), self.lines[line].indent, true);
        self.line = next + closed;
        self.code(trimmed(text, |text| text.strip_suffix('\n').unwrap_or(text)), fence.info, line);
        true
    }

    fn closes_fence(&self, line: usize, fence: Fence<'_>) -> bool {
        let start = self.start(line);
        if self.byte(start) != fence.marker || self.indent(line) >= 4 {
            return false;
        }
        let after = self.skip_byte(start, fence.marker);
        after - start >= fence.len && self.skip_blanks(after) >= self.lines[line].end
    }

    fn code(&mut self, text: Cow<'a, str>, info: &str, line: usize) {
        self.open(CODE_BLOCK, Attrs::from([("params", info.into())]), line);
        self.out.events.push(Event::Verbatim(text));
        self.close();
    }

    pub(super) fn is_thematic_break(&self, line: usize) -> bool {
        let text = self.text(line);
        let Some(marker @ (b'*' | b'-' | b'_')) = text.bytes().next() else { return false };
        self.indent(line) < 4
            && text.bytes().all(|byte| byte == marker || is_blank(byte))
            && text.bytes().filter(|&byte| byte == marker).count() >= 3
    }

    pub(super) fn thematic_break(&mut self, line: usize) -> bool {
        if !self.is_thematic_break(line) {
            return false;
        }
        self.line = line + 1;
        self.open(HORIZONTAL_RULE, Attrs::new(), line);
        self.close();
        true
    }

    /// The level, if the line is a heading that begins with `#`.
    pub(super) fn opens_atx_heading(&self, line: usize) -> Option<usize> {
        let text = self.text(line);
        let level = text.bytes().take_while(|&byte| byte == b'#').count();
        let spaced = text.as_bytes().get(level).is_none_or(|&byte| is_blank(byte));
        (self.indent(line) < 4 && (1..=6).contains(&level) && spaced).then_some(level)
    }

    pub(super) fn atx_heading(&mut self, line: usize) -> bool {
        let Some(level) = self.opens_atx_heading(line) else { return false };
        let text = self.text(line)[level..].trim_end_matches([' ', '\t']);
        let without_tail = text.trim_end_matches('#');
        let text = if without_tail.ends_with([' ', '\t']) { without_tail } else { text };
        self.line = line + 1;
        self.heading(level, ascii_trim(text).into(), line);
        true
    }

    pub(super) fn setext_heading(&mut self, line: usize, to: usize) -> bool {
        if self.indent(line) >= 4 {
            return false;
        }
        let was_in_paragraph = std::mem::replace(&mut self.in_paragraph, true);
        let underline = self.find_underline(line, to);
        self.in_paragraph = was_in_paragraph;
        let Some((at, level)) = underline else { return false };
        let text = self.lines_without_indent(line, at, self.content_indent, false);
        self.line = at + 1;
        self.heading(level, trimmed(text, ascii_trim), line);
        true
    }

    fn find_underline(&self, line: usize, to: usize) -> Option<(usize, usize)> {
        for next in line + 1..to {
            if self.is_empty(next) {
                break;
            }
            // Code anywhere else, but a lazy continuation in a paragraph.
            if self.indent(next) > 3 {
                continue;
            }
            if self.indent(next) >= 0
                && let Some(level) = self.underline_level(next)
            {
                return Some((next, level));
            }
            if self.lines[next].indent >= 0 && self.interrupts(Interrupted::Paragraph, next, to) {
                break;
            }
        }
        None
    }

    fn underline_level(&self, line: usize) -> Option<usize> {
        let text = self.text(line).trim_end_matches([' ', '\t']);
        let marker = text.bytes().next()?;
        let all = text.bytes().all(|byte| byte == marker);
        match marker {
            b'=' if all => Some(1),
            b'-' if all => Some(2),
            _ => None,
        }
    }

    fn heading(&mut self, level: usize, source: Cow<'a, str>, line: usize) {
        self.inline(HEADING, Attrs::from([("level", level.into())]), source, line);
    }

    pub(super) fn paragraph(&mut self, line: usize, to: usize) {
        let was_in_paragraph = std::mem::replace(&mut self.in_paragraph, true);
        let mut next = line + 1;
        while next < to && !self.is_empty(next) {
            // Code anywhere else, but a lazy continuation here; and so is what a quote has taken in.
            let lazy = self.indent(next) > 3 || self.lines[next].indent < 0;
            if !lazy && self.interrupts(Interrupted::Paragraph, next, to) {
                break;
            }
            next += 1;
        }
        self.in_paragraph = was_in_paragraph;
        let text = self.lines_without_indent(line, next, self.content_indent, false);
        self.line = next;
        self.inline(PARAGRAPH, Attrs::new(), trimmed(text, ascii_trim), line);
    }
}

/// A text without what `trim` takes off it.
pub(super) fn trimmed<'a>(text: Cow<'a, str>, trim: impl Fn(&str) -> &str) -> Cow<'a, str> {
    match text {
        Cow::Borrowed(text) => trim(text).into(),
        Cow::Owned(text) => trim(&text).to_owned().into(),
    }
}
