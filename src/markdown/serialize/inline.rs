//! Text with marks: what is opened, kept open and closed between two pieces of text.

use std::ops::Range;

use serde_json::Value;

use super::super::chars::{is_js_space, is_line_terminator};
use super::super::civic;
use super::super::node::{Mark, Node};
use super::super::schema::{CIVIC_REF, CODE, EM, HARD_BREAK, IMAGE, LINK, STRONG, TEXT};
use super::escape::escape;
use super::{DEPTH_MAX, Writer, longest_run, string};

impl Writer {
    pub(super) fn inline(&mut self, nodes: &[Node], at_block_start: bool) {
        if self.depth >= DEPTH_MAX {
            return;
        }
        self.depth += 1;
        self.at_block_start = at_block_start;
        let mut run = Run { nodes, active: Vec::new(), trailing: String::new() };
        for index in 0..=nodes.len() {
            if run.is_without_marks(index) {
                self.inline_node(None, nodes, index);
                self.at_block_start = false;
            } else {
                run.step(self, index);
            }
        }
        self.at_block_start = false;
        self.depth -= 1;
    }

    fn inline_node(&mut self, text: Option<&str>, nodes: &[Node], index: usize) {
        let Some(node) = nodes.get(index) else { return };
        match node.kind.as_ref() {
            TEXT => {
                let escaped = !self.in_autolink;
                self.text(text.unwrap_or(&node.text), escaped);
            }
            HARD_BREAK if self.in_cell => self.write("<br>"),
            HARD_BREAK => {
                // At the end of a block a break is nothing.
                if nodes[index + 1..].iter().any(|next| next.kind != HARD_BREAK) {
                    self.write("\\\n");
                }
            }
            IMAGE => {
                self.write("![");
                self.out.push_str(&escape(string(node, "alt"), false));
                self.out.push_str("](");
                push_escaped(&mut self.out, string(node, "src"), b"()");
                push_title(&mut self.out, node.attrs.get("title"));
                self.out.push(')');
            }
            CIVIC_REF => self.write(&civic::serialize(&node.attrs)),
            // A block in the midst of text, which no schema allows.
            _ => self.inline(&node.content, false),
        }
    }
}

/// One element's inline content while it is written.
struct Run<'a> {
    nodes: &'a [Node],
    /// Marks that are open, from the outside in.
    active: Vec<&'a Mark>,
    /// Space that was moved out of a mark and is not written yet.
    trailing: String,
}

impl<'a> Run<'a> {
    /// Whether neither this node, if there is one, nor the one before it has any.
    fn is_without_marks(&self, index: usize) -> bool {
        self.active.is_empty()
            && self.trailing.is_empty()
            && self.nodes.get(index).is_none_or(|node| node.marks.is_empty())
    }

    /// From one node to the next one; the last step is past the last node.
    fn step(&mut self, writer: &mut Writer, index: usize) {
        let node = self.nodes.get(index);
        let mut marks = self.marks_of(index);
        let code = marks.last().copied().filter(|mark| mark.kind == CODE);
        let len = marks.len() - usize::from(code.is_some());
        self.reorder(&mut marks, len);
        let keep =
            marks.iter().zip(&self.active).take(len).take_while(|(mark, active)| mark == active).count();

        let mut leading = std::mem::take(&mut self.trailing);
        let whole = node.filter(|node| node.kind == TEXT).map(|node| node.text.as_str());
        let text = whole.map(|whole| self.without_outer_space(whole, &marks, keep, index, &mut leading));
        // Nothing but space is written with what comes next, outside of its marks.
        let written = node.filter(|_| text == whole || text != Some(""));

        if written.is_some() || index == self.nodes.len() {
            self.close_marks(writer, keep, index);
        }
        if !leading.is_empty() {
            writer.text(&leading, true);
        }
        if written.is_none() {
            return;
        }
        self.open_marks(writer, &marks, len, index);
        match (code, text) {
            (Some(_), Some(text)) => {
                let (open, close) = backticks(node);
                writer.text(&open, false);
                writer.text(text, false);
                writer.text(&close, false);
            }
            _ => writer.inline_node(text, self.nodes, index),
        }
        writer.at_block_start = false;
    }

    /// A text without the space that would be just inside of emphasis: before it goes to `leading`, after it is
    /// kept for the next step.
    fn without_outer_space(
        &mut self,
        whole: &'a str,
        marks: &[&Mark],
        keep: usize,
        index: usize,
        leading: &mut String,
    ) -> &'a str {
        let mut text = whole;
        if self.opens_emphasis(marks, keep) {
            let (space, rest) = split_leading(text);
            if !space.is_empty() {
                leading.push_str(space);
                text = rest;
            }
        }
        if !text.is_empty() && self.closes_emphasis(marks, index) {
            let (rest, space) = split_trailing(text);
            if !space.is_empty() {
                space.clone_into(&mut self.trailing);
                text = rest;
            }
        }
        text
    }

    fn close_marks(&mut self, writer: &mut Writer, keep: usize, index: usize) {
        while self.active.len() > keep
            && let Some(mark) = self.active.pop()
        {
            close_mark(writer, mark, self.nodes, index);
        }
    }

    fn open_marks(&mut self, writer: &mut Writer, marks: &[&'a Mark], len: usize, index: usize) {
        while self.active.len() < len
            && let Some(&mark) = marks.get(self.active.len())
        {
            self.active.push(mark);
            open_mark(writer, mark, self.nodes, index);
            writer.at_block_start = false;
        }
    }

    /// A node's marks. A break that is the last thing in a mark is moved out of it.
    fn marks_of(&self, index: usize) -> Vec<&'a Mark> {
        let Some(node) = self.nodes.get(index) else { return Vec::new() };
        let next = self.nodes.get(index + 1);
        let goes_on = |mark: &&Mark| {
            node.kind != HARD_BREAK
                || next.is_some_and(|next| {
                    let blank = next.kind == TEXT && next.text.chars().all(is_js_space);
                    next.marks.contains(mark) && !blank
                })
        };
        node.marks.iter().filter(goes_on).collect()
    }

    /// Marks that are open already come first, in the order they were opened in, as far as they may be
    /// swapped.
    fn reorder(&self, marks: &mut Vec<&'a Mark>, len: usize) {
        for i in 0..len {
            let Some(&mark) = marks.get(i).filter(|mark| is_mixable(mark)) else { return };
            let mut active = self.active.iter().take_while(|active| is_mixable(active));
            let Some(j) = active.position(|active| *active == mark).filter(|&j| j != i) else { continue };
            let part = |range: Range<usize>| range.filter_map(|at| marks.get(at).copied());
            // Further back it goes one place less, and code, which `len` does not count, may come along:
            // both as prosemirror-markdown has it.
            *marks = if i > j {
                part(0..j).chain([mark]).chain(part(j..i)).chain(part(i + 1..len)).collect()
            } else {
                part(0..i).chain(part(i + 1..j)).chain([mark]).chain(part(j..len)).collect()
            };
        }
    }

    /// Whether a mark is opened that cannot have space at its inside.
    fn opens_emphasis(&self, marks: &[&Mark], keep: usize) -> bool {
        marks
            .iter()
            .any(|mark| is_emphasis(mark) && !self.active.iter().take(keep).any(|active| active == mark))
    }

    /// Whether such a mark is closed after this node.
    fn closes_emphasis(&self, marks: &[&Mark], index: usize) -> bool {
        marks.iter().enumerate().any(|(i, mark)| is_emphasis(mark) && !self.goes_on(index + 1, &marks[..=i]))
    }

    /// Whether the next text, breaks aside, is in these marks as well.
    fn goes_on(&self, from: usize, marks: &[&Mark]) -> bool {
        let mut index = from;
        while let Some(next) = self.nodes.get(index) {
            if next.kind != HARD_BREAK {
                return next.marks.len() >= marks.len() && next.marks.iter().zip(marks).all(|(a, b)| a == *b);
            }
            // One more than the break: so does prosemirror-markdown.
            index += 2;
        }
        false
    }
}

fn is_emphasis(mark: &Mark) -> bool {
    matches!(mark.kind.as_ref(), EM | STRONG)
}

fn is_mixable(mark: &Mark) -> bool {
    mark.kind != CODE
}

fn open_mark(writer: &mut Writer, mark: &Mark, nodes: &[Node], index: usize) {
    match mark.kind.as_ref() {
        EM => writer.text("*", false),
        STRONG => writer.text("**", false),
        CODE => writer.text(&backticks(nodes.get(index)).0, false),
        LINK => {
            writer.in_autolink = is_plain_url(mark, nodes, index);
            writer.text(if writer.in_autolink { "<" } else { "[" }, false);
        }
        _ => writer.write(""),
    }
}

fn close_mark(writer: &mut Writer, mark: &Mark, nodes: &[Node], index: usize) {
    match mark.kind.as_ref() {
        EM => writer.text("*", false),
        STRONG => writer.text("**", false),
        CODE => {
            let code = index.checked_sub(1).and_then(|index| nodes.get(index));
            writer.text(&backticks(code).1, false);
        }
        LINK if std::mem::take(&mut writer.in_autolink) => writer.text(">", false),
        LINK => {
            let mut close = String::from("](");
            let href = mark.attrs.get("href").and_then(Value::as_str).unwrap_or_default();
            push_escaped(&mut close, href, b"()\"");
            push_title(&mut close, mark.attrs.get("title"));
            close.push(')');
            writer.text(&close, false);
        }
        _ => writer.write(""),
    }
}

/// Whether a link says what it points to, and nothing else.
fn is_plain_url(link: &Mark, nodes: &[Node], index: usize) -> bool {
    let href = link.attrs.get("href").and_then(Value::as_str).unwrap_or_default();
    let scheme = href.chars().take_while(|&c| super::super::chars::is_word(c)).count();
    let titled = link.attrs.get("title").and_then(Value::as_str).is_some_and(|title| !title.is_empty());
    !titled
        && scheme > 0
        && href[scheme..].starts_with(':')
        && nodes.get(index).is_some_and(|node| {
            node.kind == TEXT && node.text == href && node.marks.last().is_some_and(|last| last == link)
        })
        && nodes.get(index + 1).is_none_or(|next| !next.marks.contains(link))
}

/// Adds a text with a backslash before each of these characters.
fn push_escaped(out: &mut String, text: &str, special: &[u8]) {
    let mut rest = text;
    while let Some(at) = rest.bytes().position(|byte| special.contains(&byte)) {
        out.push_str(&rest[..at]);
        out.push('\\');
        let (character, after) = rest[at..].split_at(1);
        out.push_str(character);
        rest = after;
    }
    out.push_str(rest);
}

/// Adds a title, if there is one, and the space before it.
fn push_title(out: &mut String, title: Option<&Value>) {
    if let Some(title) = title.and_then(Value::as_str).filter(|title| !title.is_empty()) {
        out.push_str(" \"");
        push_escaped(out, title, b"\"");
        out.push('"');
    }
}

/// What opens and closes code: one backtick more than the longest run inside.
fn backticks(node: Option<&Node>) -> (String, String) {
    let longest = node.map_or(0, |node| longest_run(&node.text, '`'));
    let ticks = "`".repeat(longest + 1);
    if longest > 0 { (format!("{ticks} "), format!(" {ticks}")) } else { (ticks.clone(), ticks) }
}

/// The space that a text begins with, and the rest of its first line.
fn split_leading(text: &str) -> (&str, &str) {
    let rest = text.trim_start_matches(is_js_space);
    let space = &text[..text.len() - rest.len()];
    (space, rest.split(is_line_terminator).next().unwrap_or_default())
}

/// The first line of a text, without the space that it ends with, and that space.
fn split_trailing(text: &str) -> (&str, &str) {
    let mut from = 0;
    while let Some(offset) = text[from..].find(is_js_space) {
        let start = from + offset;
        let end = text.len() - text[start..].trim_start_matches(is_js_space).len();
        let space = &text[start..end];
        if end == text.len() {
            return (&text[..start], space);
        }
        if let Some(line_end) = space.rfind(is_line_terminator) {
            return (&text[..start], &space[..line_end]);
        }
        from = end;
    }
    (text, "")
}
