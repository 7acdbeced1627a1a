//! Quotes and lists: they take the markers off their lines and read the rest as blocks again.

use super::super::attrs::Attrs;
use super::super::chars::is_blank;
use super::super::schema::{BLOCKQUOTE, BULLET_LIST, LIST_ITEM, ORDERED_LIST};
use super::{Interrupted, Line, Parser};

/// A list item's marker.
#[derive(Debug, Clone, Copy)]
struct Marker {
    /// The number of an ordered list's item.
    number: Option<u32>,
    /// The position after the marker.
    after: usize,
    /// Its last character; another one begins another list.
    kind: u8,
}

impl Parser<'_> {
    pub(super) fn opens_quote(&self, line: usize) -> bool {
        self.indent(line) < 4 && self.byte(self.start(line)) == b'>'
    }

    pub(super) fn quote(&mut self, line: usize, to: usize) -> bool {
        if !self.opens_quote(line) {
            return false;
        }
        let outer_line_max = self.line_max;
        let mut outer_lines = Vec::new();
        let end = self.enter_quote(line, to, &mut outer_lines);
        let outer_indent = std::mem::replace(&mut self.content_indent, 0);
        self.level += 1;
        self.open(BLOCKQUOTE, Attrs::new(), line);
        self.run(line, end);
        self.close();
        self.level -= 1;
        self.line_max = outer_line_max;
        self.content_indent = outer_indent;
        self.lines[line..line + outer_lines.len()].copy_from_slice(&outer_lines);
        true
    }

    /// Takes the markers off the quote's lines, keeps these lines as they were in `outer`, and gives
    /// the line after the quote.
    fn enter_quote(&mut self, line: usize, to: usize, outer: &mut Vec<Line>) -> usize {
        let mut last_line_empty = false;
        for next in line..to {
            let outdented = self.lines[next].indent < self.content_indent;
            if self.is_empty(next) {
                return next;
            }
            if self.byte(self.start(next)) == b'>' && !outdented {
                outer.push(self.lines[next]);
                last_line_empty = self.take_quote_marker(next);
                continue;
            }
            if last_line_empty {
                return next;
            }
            if self.interrupts(Interrupted::Quote, next, to) {
                // Paragraphs inside must not look for their continuation behind the quote.
                self.line_max = next;
                if self.content_indent != 0 {
                    outer.push(self.lines[next]);
                    self.lines[next].indent -= self.content_indent;
                }
                return next;
            }
            // The lazy continuation of a paragraph.
            outer.push(self.lines[next]);
            self.lines[next].indent = -1;
        }
        to
    }

    /// Takes `>` and one column after it off a line; says whether nothing is left.
    fn take_quote_marker(&mut self, index: usize) -> bool {
        let line = self.lines[index];
        let mut at = line.begin + line.shift + 1;
        let mut initial = line.indent + 1;
        // A tab of which one column belongs to the marker and the rest to the content.
        let mut split_tab = false;
        let spaced = is_blank(self.byte(at));
        match self.byte(at) {
            b' ' => {
                at += 1;
                initial += 1;
            }
            b'\t' if (line.base + initial).rem_euclid(4) == 3 => {
                at += 1;
                initial += 1;
            }
            b'\t' => split_tab = true,
            _ => {}
        }
        let begin = at;
        let mut column = initial;
        while at < line.end && is_blank(self.byte(at)) {
            column += match self.byte(at) {
                b'\t' => 4 - (column + line.base + isize::from(split_tab)).rem_euclid(4),
                _ => 1,
            };
            at += 1;
        }
        self.lines[index] = Line {
            begin,
            end: line.end,
            shift: at - begin,
            indent: column - initial,
            base: line.indent + 1 + isize::from(spaced),
        };
        at >= line.end
    }

    /// Whether a list begins here, as a paragraph or another block before it is to know.
    pub(super) fn opens_list(&self, line: usize) -> bool {
        let Some(marker) = self.list_marker(line) else { return false };
        // Only what nobody writes by chance may break a paragraph: an item with content, the number 1.
        let in_paragraph = self.in_paragraph && self.lines[line].indent >= self.content_indent;
        !in_paragraph
            || (marker.number.is_none_or(|number| number == 1)
                && self.skip_blanks(marker.after) < self.lines[line].end)
    }

    fn list_marker(&self, line: usize) -> Option<Marker> {
        let indent = self.lines[line].indent;
        // Indented so far against the list around, but less than its content: the text goes on.
        let continues =
            self.list_indent >= 0 && indent - self.list_indent >= 4 && indent < self.content_indent;
        if self.indent(line) >= 4 || continues { None } else { self.marker_at(line) }
    }

    fn marker_at(&self, line: usize) -> Option<Marker> {
        let text = self.text(line).as_bytes();
        let digits = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let kind = *text.get(digits)?;
        let fits = match digits {
            0 => matches!(kind, b'*' | b'-' | b'+'),
            // More digits would overflow in browsers.
            1..=9 => matches!(kind, b'.' | b')'),
            _ => false,
        };
        if !fits || !text.get(digits + 1).is_none_or(|&byte| is_blank(byte)) {
            return None;
        }
        let number = self.text(line).get(..digits)?.parse().ok();
        Some(Marker { number, after: self.start(line) + digits + 1, kind })
    }

    pub(super) fn list(&mut self, line: usize, to: usize) -> bool {
        let Some(mut marker) = self.list_marker(line) else { return false };
        match marker.number {
            Some(number) => {
                if number == 0 {
                    // The editor's lists cannot begin with 0: they begin with 1 then.
                    self.lose("list_start", line, line);
                }
                self.open(ORDERED_LIST, Attrs::from([("order", number.max(1).into())]), line);
            }
            None => self.open(BULLET_LIST, Attrs::new(), line),
        }
        self.level += 1;
        let mut next = line;
        while next < to {
            self.item(next, to, marker);
            next = self.line;
            match self.next_item(next, to) {
                Some(following) if following.kind == marker.kind => marker = following,
                _ => break,
            }
        }
        self.level -= 1;
        self.close();
        self.line = next;
        true
    }

    fn next_item(&self, line: usize, to: usize) -> Option<Marker> {
        let goes_on =
            line < to && (0..4).contains(&self.indent(line)) && !self.interrupts(Interrupted::List, line, to);
        if goes_on { self.marker_at(line) } else { None }
    }

    fn item(&mut self, index: usize, to: usize, marker: Marker) {
        let line = self.lines[index];
        let marker_end = line.indent + offset(self.start(index), marker.after);
        let mut column = marker_end;
        let mut at = marker.after;
        while at < line.end && is_blank(self.byte(at)) {
            column += match self.byte(at) {
                b'\t' => 4 - (column + line.base).rem_euclid(4),
                _ => 1,
            };
            at += 1;
        }
        let empty = at >= line.end;
        // Wider than 4 columns, the rest is indented code.
        let padding = if empty || column - marker_end > 4 { 1 } else { column - marker_end };

        self.open(LIST_ITEM, Attrs::new(), index);
        self.level += 1;
        let outer_list_indent = std::mem::replace(&mut self.list_indent, self.content_indent);
        self.content_indent = marker_end + padding;
        self.lines[index].shift = at - line.begin;
        self.lines[index].indent = column;
        if empty && self.is_empty(index + 1) {
            // Content of an empty item cannot come after an empty line.
            self.line = (self.line + 2).min(to);
        } else {
            self.run(index, to);
        }
        self.content_indent = self.list_indent;
        self.list_indent = outer_list_indent;
        self.lines[index] = line;
        self.level -= 1;
        self.close();
    }
}

/// The distance between two positions of one line.
fn offset(from: usize, to: usize) -> isize {
    isize::try_from(to - from).unwrap_or(isize::MAX)
}
