//! From the document's tree to Markdown, byte for byte as prosemirror-markdown writes it
//! (<https://github.com/ProseMirror/prosemirror-markdown/blob/master/src/to_markdown.ts>).

mod escape;
mod inline;
mod join;
mod table;

use std::borrow::Cow;

use memchr::memchr;
use serde_json::Value;

use super::node::Node;
use super::schema;
use escape::escape;
pub(crate) use join::{Joiner, RenderedBlock};

/// Writes a document as Markdown. What the schema does not know is written as what is inside of it.
pub fn serialize(doc: &Node) -> String {
    let mut writer = Writer::default();
    writer.blocks(&doc.content);
    writer.out
}

/// The largest heading that is written; there are six levels, and a number from a client may be anything.
const HEADING_LEVEL_MAX: u64 = 6;

/// No document that was read is nested deeper, with what was put around misplaced text on top.
const DEPTH_MAX: usize = schema::DEPTH_MAX + 8;

/// The Markdown so far and what decides how it goes on.
#[derive(Debug, Default)]
struct Writer {
    out: String,
    /// What every line of the enclosing blocks begins with.
    prefix: String,
    /// The type of the block that ended last, while the space after it is not written.
    closed: Option<super::NodeKind>,
    /// Whether the text is the address of an autolink, which must not be escaped.
    in_autolink: bool,
    /// Whether text would be the beginning of a block.
    at_block_start: bool,
    /// Lists in a table's cell are tight, for a cell is one line; all others are loose.
    in_cell: bool,
    in_tight_list: bool,
    depth: usize,
}

impl Writer {
    fn blocks(&mut self, nodes: &[Node]) {
        if self.depth >= DEPTH_MAX {
            return;
        }
        self.depth += 1;
        for node in nodes {
            self.block(node);
        }
        self.depth -= 1;
    }

    fn block(&mut self, node: &Node) {
        match node.kind.as_ref() {
            schema::PARAGRAPH => self.text_block(node, true),
            schema::HEADING => {
                let level = number(node, "level", 1).clamp(1, HEADING_LEVEL_MAX);
                const MARKS: &str = "###### ";
                let level = usize::try_from(level).unwrap_or(1);
                self.write(&MARKS[MARKS.len() - 1 - level..]);
                self.text_block(node, false);
            }
            schema::BLOCKQUOTE => self.wrapped("> ", "> ", node, |writer| writer.blocks(&node.content)),
            schema::HORIZONTAL_RULE => {
                self.write("---");
                self.close(node);
            }
            schema::CODE_BLOCK => self.code_block(node),
            schema::BULLET_LIST => self.list(node, "  ", |_| "* ".into()),
            schema::ORDERED_LIST => self.ordered_list(node),
            schema::TABLE => self.table(node),
            schema::IMAGE | schema::HARD_BREAK | schema::CIVIC_REF | schema::TEXT => {
                self.inline(std::slice::from_ref(node), true);
                self.close(node);
            }
            _ => self.blocks(&node.content),
        }
    }

    fn text_block(&mut self, node: &Node, at_block_start: bool) {
        self.inline(&node.content, at_block_start);
        self.close(node);
    }

    fn code_block(&mut self, node: &Node) {
        let text: String = node.content.iter().map(|child| child.text.as_str()).collect();
        let longest = longest_run(&text, '`');
        let fence = "`".repeat(if longest >= 3 { longest + 1 } else { 3 });
        self.write(&format!("{fence}{}\n", string(node, "params")));
        self.text(&text, false);
        self.write("\n");
        self.write(&fence);
        self.close(node);
    }

    fn ordered_list(&mut self, node: &Node) {
        let first = number(node, "order", 1);
        let last = first.saturating_add(node.content.len() as u64).saturating_sub(1);
        let width = last.to_string().len();
        self.list(node, &" ".repeat(width + 2), |index| {
            format!("{:>width$}. ", first.saturating_add(index)).into()
        });
    }

    /// Items with their markers; `indent` is what their further lines begin with.
    fn list(&mut self, node: &Node, indent: &str, marker: impl Fn(u64) -> Cow<'static, str>) {
        self.part_from_list(&node.kind);
        let tight = self.in_cell;
        let outer_tight = std::mem::replace(&mut self.in_tight_list, tight);
        for (index, item) in (0..).zip(&node.content) {
            if index > 0 && tight {
                self.flush_closed(1);
            }
            self.wrapped(indent, &marker(index), node, |writer| writer.blocks(std::slice::from_ref(item)));
        }
        self.in_tight_list = outer_tight;
    }

    /// A list after a list of its kind would read as one with it, were it not set further apart.
    fn part_from_list(&mut self, kind: &super::NodeKind) {
        if self.closed.as_ref() == Some(kind) {
            self.flush_closed(3);
        } else if self.in_tight_list {
            self.flush_closed(1);
        }
    }

    /// Content whose lines begin with `prefix`, the first one with `first`.
    fn wrapped(&mut self, prefix: &str, first: &str, node: &Node, content: impl FnOnce(&mut Self)) {
        let outer = self.prefix.len();
        self.write(first);
        self.prefix.push_str(prefix);
        content(self);
        self.prefix.truncate(outer);
        self.close(node);
    }

    fn close(&mut self, node: &Node) {
        self.closed = Some(node.kind.clone());
    }

    /// Ends the block before with so many line ends.
    fn flush_closed(&mut self, line_ends: usize) {
        if self.closed.take().is_none() {
            return;
        }
        if !self.at_line_start() {
            self.out.push('\n');
        }
        let prefix = self.prefix.trim_end_matches(super::chars::is_js_space);
        for _ in 1..line_ends {
            self.out.push_str(prefix);
            self.out.push('\n');
        }
    }

    fn at_line_start(&self) -> bool {
        self.out.is_empty() || self.out.ends_with('\n')
    }

    /// Writes as it is.
    fn write(&mut self, content: &str) {
        self.flush_closed(2);
        if self.at_line_start() {
            self.out.push_str(&self.prefix);
        }
        self.out.push_str(content);
    }

    /// Writes text, every line of it behind the prefix.
    fn text(&mut self, text: &str, escaped: bool) {
        let mut rest = text;
        while let Some(end) = memchr(b'\n', rest.as_bytes()) {
            self.line(&rest[..end], escaped);
            self.out.push('\n');
            rest = &rest[end + 1..];
        }
        self.line(rest, escaped);
    }

    fn line(&mut self, line: &str, escaped: bool) {
        self.write("");
        if escaped {
            self.out.push_str(&escape(line, self.at_block_start));
            return;
        }
        // An exclamation mark before a link would make it an image.
        if line.starts_with('[') && self.out.ends_with('!') && !self.out.ends_with("\\!") {
            self.out.pop();
            self.out.push_str("\\!");
        }
        self.out.push_str(line);
    }
}

fn is_list(kind: &str) -> bool {
    matches!(kind, schema::BULLET_LIST | schema::ORDERED_LIST)
}

/// A text attribute, empty if it is missing or not a text.
fn string<'a>(node: &'a Node, name: &str) -> &'a str {
    node.attrs.get(name).and_then(Value::as_str).unwrap_or_default()
}

/// A number, or a text that is one: clients may send either.
fn number(node: &Node, name: &str, default: u64) -> u64 {
    match node.attrs.get(name) {
        Some(Value::Number(number)) => number.as_u64(),
        Some(Value::String(text)) => text.parse().ok(),
        _ => None,
    }
    .unwrap_or(default)
}

fn longest_run(text: &str, wanted: char) -> usize {
    text.split(|c| c != wanted).map(str::len).max().unwrap_or(0)
}
