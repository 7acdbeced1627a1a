//! Link reference definitions (<https://spec.commonmark.org/0.31.2/#link-reference-definitions>).

use super::super::chars::{is_blank, slice};
use super::super::inline::{Definition, Title, link_destination, normalize_label};
use super::super::url::{is_allowed, normalize_link};
use super::{Interrupted, Parser};

/// CommonMark's limit, in characters.
const LABEL_CHARS_MAX: usize = 999;

/// A position while a definition is read, and the end of the line that it is on.
#[derive(Debug, Clone, Copy)]
struct Cursor {
    at: usize,
    /// After the line end, if there is one.
    line_end: usize,
    next_line: usize,
}

impl Parser<'_> {
    pub(super) fn reference(&mut self, line: usize) -> bool {
        if self.indent(line) >= 4 || self.byte(self.start(line)) != b'[' {
            return false;
        }
        let Some((label, definition, next)) = self.read_definition(line) else { return false };
        if label.starts_with('^') {
            self.lose("footnote", line, next);
        }
        if !self.out.references.define(label, definition) {
            self.lose("link_reference", line, next);
        }
        self.line = next;
        true
    }

    fn read_definition(&self, line: usize) -> Option<(String, Definition, usize)> {
        let mut cursor =
            Cursor { at: self.start(line) + 1, line_end: self.line_end(line), next_line: line + 1 };
        let label = self.label(&mut cursor)?;
        self.skip_space(&mut cursor);
        let (href, at) = link_destination(self.source, cursor.at, cursor.line_end)?;
        let href = normalize_link(&href);
        if !is_allowed(&href) {
            return None;
        }
        cursor.at = at;
        let (title, cursor) = self.title_or_end(cursor)?;
        let label = normalize_label(&label);
        if label.is_empty() {
            return None;
        }
        let next = cursor.next_line;
        Some((label, Definition::new(href, title, line, next - 1), next))
    }

    /// The title, if there is one and nothing comes after it on its line; else nothing may come after
    /// the destination.
    fn title_or_end(&self, before: Cursor) -> Option<(String, Cursor)> {
        let mut cursor = before;
        self.skip_space(&mut cursor);
        if cursor.at != before.at
            && let Some(title) = self.title(&mut cursor)
        {
            if self.at_line_end(cursor) {
                return Some((title, cursor));
            }
            // markdown-it does not go back for an empty title.
            if title.is_empty() {
                return None;
            }
        }
        self.at_line_end(before).then(|| (String::new(), before))
    }

    fn label(&self, cursor: &mut Cursor) -> Option<String> {
        let mut label = String::new();
        let mut segment = cursor.at;
        while cursor.at < cursor.line_end {
            if label.len() + cursor.at - segment > LABEL_CHARS_MAX * char::MAX.len_utf8() {
                return None;
            }
            let mut byte = self.byte(cursor.at);
            match byte {
                b'[' => return None,
                b']' => {
                    label.push_str(slice(self.source, segment, cursor.at));
                    let fits = self.byte(cursor.at + 1) == b':' && label.chars().count() <= LABEL_CHARS_MAX;
                    cursor.at += 2;
                    return fits.then_some(label);
                }
                b'\\' => {
                    cursor.at += 1;
                    byte = self.byte(cursor.at);
                }
                _ => {}
            }
            if byte == b'\n' && cursor.at < cursor.line_end {
                label.push_str(slice(self.source, segment, cursor.line_end));
                self.next_line(cursor)?;
                segment = cursor.at;
            } else {
                cursor.at += 1;
            }
        }
        None
    }

    fn title(&self, cursor: &mut Cursor) -> Option<String> {
        let mut title = Title::open(self.source, cursor.at, cursor.line_end)?;
        loop {
            if let Some(after) = title.end {
                cursor.at = after;
                return Some(title.text);
            }
            if !title.can_continue {
                return None;
            }
            self.next_line(cursor)?;
            title.go_on(self.source, cursor.at, cursor.line_end);
        }
    }

    fn skip_space(&self, cursor: &mut Cursor) {
        while cursor.at < cursor.line_end {
            match self.byte(cursor.at) {
                b'\n' => {
                    if self.next_line(cursor).is_none() {
                        return;
                    }
                }
                byte if is_blank(byte) => cursor.at += 1,
                _ => return,
            }
        }
    }

    fn at_line_end(&self, cursor: Cursor) -> bool {
        let at = self.skip_blanks(cursor.at);
        at >= cursor.line_end || self.byte(at) == b'\n'
    }

    /// Goes on to the next line, unless the definition cannot.
    fn next_line(&self, cursor: &mut Cursor) -> Option<()> {
        let line = cursor.next_line;
        if line >= self.line_max || self.is_empty(line) {
            return None;
        }
        let lazy = self.indent(line) > 3 || self.lines[line].indent < 0;
        if !lazy && self.interrupts(Interrupted::Paragraph, line, self.line_max) {
            return None;
        }
        *cursor = Cursor { at: self.start(line), line_end: self.line_end(line), next_line: line + 1 };
        Some(())
    }

    fn line_end(&self, line: usize) -> usize {
        (self.lines[line].end + 1).min(self.source.len())
    }
}
