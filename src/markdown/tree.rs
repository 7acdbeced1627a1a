//! From blocks and inline tokens to the document's tree, as prosemirror-markdown's parser builds it
//! (<https://github.com/ProseMirror/prosemirror-markdown/blob/master/src/from_markdown.ts>).

use serde_json::Value;

use super::attrs::Attrs;
use super::block::{Blocks, Event};
use super::inline::{Token, TokenKind, parse as parse_inline};
use super::node::{Mark, Node};
use super::schema::{self, NodeType};
use super::{Lost, Parsed, civic};

/// Builds the document.
pub(super) fn build(blocks: Blocks) -> Parsed {
    let Blocks { events, references, lost } = blocks;
    let mut builder = Builder { frames: vec![Frame::new(schema::DOC)], lost, block_lines: Vec::new() };
    for event in events {
        match event {
            Event::Open { name, attrs, line } => builder.open(name, attrs, line),
            Event::Close => builder.close(),
            Event::Verbatim(text) => builder.text(text),
            Event::Inline { source, line } => {
                Inline { source: &source, counted: 0, line, links: Vec::new(), open: [0; 3] }
                    .build(&mut builder, parse_inline(&source, &references));
            }
        }
    }
    for (first, last) in references.unused() {
        builder.lost.push(Lost::lines("link_reference", first, last));
    }
    builder.finish()
}

/// An element that is not closed yet.
struct Frame {
    name: &'static str,
    attrs: Attrs,
    content: Vec<Node>,
    /// Marks for the text to come.
    marks: Vec<Mark>,
}

impl Frame {
    const fn new(name: &'static str) -> Self {
        Self { name, attrs: Attrs::new(), content: Vec::new(), marks: Vec::new() }
    }

    fn into_node(self) -> Option<Node> {
        schema::fill(schema::node_type(self.name)?, self.attrs, self.content)
    }
}

struct Builder {
    frames: Vec<Frame>,
    lost: Vec<Lost>,
    block_lines: Vec<u32>,
}

impl Builder {
    fn open(&mut self, name: &'static str, attrs: Attrs, line: usize) {
        if self.frames.len() == 1 {
            self.block_lines.push(super::line_number(line));
        }
        self.frames.push(Frame { attrs, ..Frame::new(name) });
    }

    fn close(&mut self) {
        if self.frames.len() > 1
            && let Some(node) = self.frames.pop().and_then(Frame::into_node)
            && let Some(parent) = self.frames.last_mut()
        {
            parent.content.push(node);
        }
    }

    fn finish(mut self) -> Parsed {
        while self.frames.len() > 1 {
            self.close();
        }
        let doc = self.frames.pop().and_then(Frame::into_node).unwrap_or_else(|| schema::empty(schema::DOC));
        self.lost.sort_by_key(|lost| (lost.first_line, lost.last_line));
        Parsed { doc, lost: self.lost, block_lines: self.block_lines }
    }

    fn text(&mut self, text: String) {
        let Some(frame) = self.frames.last_mut().filter(|_| !text.is_empty()) else { return };
        match frame.content.last_mut() {
            Some(last) if last.kind == schema::TEXT && last.marks == frame.marks => last.text.push_str(&text),
            _ => frame.content.push(schema::text(text, frame.marks.clone())),
        }
    }

    fn inline_node(&mut self, name: &str, attrs: Attrs) {
        let node = schema::node_type(name)
            .and_then(|node_type: &'static NodeType| schema::fill(node_type, attrs, Vec::new()));
        if let (Some(frame), Some(mut node)) = (self.frames.last_mut(), node) {
            node.marks.clone_from(&frame.marks);
            frame.content.push(node);
        }
    }

    fn in_cell(&self) -> bool {
        self.frames
            .iter()
            .rev()
            .nth(1)
            .is_some_and(|frame| matches!(frame.name, schema::TABLE_CELL | schema::TABLE_HEADER))
    }
}

/// The inline content of one element while it is added.
struct Inline<'a> {
    source: &'a str,
    /// How far lines are counted, and the line there.
    counted: usize,
    line: usize,
    /// For each open link, where it begins and whether it has content.
    links: Vec<(usize, bool)>,
    /// How many marks of each type the source has open: link, em, strong.
    open: [usize; 3],
}

const COUNTED: [&str; 3] = [schema::LINK, schema::EM, schema::STRONG];

impl Inline<'_> {
    fn build(&mut self, builder: &mut Builder, tokens: Vec<Token>) {
        for Token { at, kind } in tokens {
            match kind {
                TokenKind::Text(text) => {
                    if has_footnote(&text) {
                        self.lose(builder, "footnote", at);
                    }
                    self.text(builder, text, at);
                }
                TokenKind::Special(text) => self.text(builder, text, at),
                TokenKind::SoftBreak => self.text(builder, " ".to_owned(), at),
                TokenKind::HardBreak => self.node(builder, schema::HARD_BREAK, Attrs::new(), at),
                TokenKind::Html(html) => self.html(builder, &html, at),
                TokenKind::Code(text) => {
                    self.open(builder, schema::plain_mark(schema::CODE));
                    self.text(builder, text, at);
                    self.close(builder, schema::CODE);
                }
                TokenKind::Image { src, title, alt, alt_cut, .. } => {
                    if alt_cut {
                        self.lose(builder, "image_alt", at);
                    }
                    let texts = [("src", Some(src)), ("title", some(title)), ("alt", alt)];
                    let attrs = texts.into_iter().map(|(name, text)| (name, text.into())).collect();
                    self.node(builder, schema::IMAGE, attrs, at);
                }
                TokenKind::OpenLink { href, title } => {
                    let attrs = Attrs::from([
                        ("href", href.into()),
                        ("title", some(title).map_or(Value::Null, Value::from)),
                    ]);
                    self.links.push((at, false));
                    self.open(builder, Mark { kind: schema::LINK.into(), attrs });
                }
                TokenKind::CloseLink => {
                    self.close(builder, schema::LINK);
                    if let Some((at, false)) = self.links.pop() {
                        self.lose(builder, "empty_link", at);
                    }
                }
                TokenKind::OpenEm => self.open(builder, schema::plain_mark(schema::EM)),
                TokenKind::CloseEm => self.close(builder, schema::EM),
                TokenKind::OpenStrong => self.open(builder, schema::plain_mark(schema::STRONG)),
                TokenKind::CloseStrong => self.close(builder, schema::STRONG),
            }
        }
    }

    fn html(&mut self, builder: &mut Builder, html: &str, at: usize) {
        if let Some(attrs) = civic::parse(html) {
            self.node(builder, schema::CIVIC_REF, attrs, at);
        } else if builder.in_cell() && is_line_break(html) {
            // A table's row is one line: this is how a break in it is written.
            self.node(builder, schema::HARD_BREAK, Attrs::new(), at);
        } else {
            self.lose(builder, "html_inline", at);
        }
    }

    fn text(&mut self, builder: &mut Builder, text: String, at: usize) {
        if !text.is_empty() {
            self.filled(builder, at);
            builder.text(text);
        }
    }

    fn node(&mut self, builder: &mut Builder, name: &str, attrs: Attrs, at: usize) {
        self.filled(builder, at);
        if !self.links.is_empty() && name != schema::HARD_BREAK {
            // The editor's documents in Yjs keep marks of text only.
            self.lose(builder, "linked_node", at);
        }
        builder.inline_node(name, attrs);
    }

    /// Content comes: the links around have some, and every mark that the source has open should be on it.
    fn filled(&mut self, builder: &mut Builder, at: usize) {
        for (_, filled) in &mut self.links {
            *filled = true;
        }
        let marks = builder.frames.last().map(|frame| frame.marks.as_slice()).unwrap_or_default();
        let missing = COUNTED
            .iter()
            .zip(self.open)
            .any(|(name, open)| open > 0 && !marks.iter().any(|mark| mark.kind == *name));
        if missing {
            self.lose(builder, "nested_mark", at);
        }
    }

    fn open(&mut self, builder: &mut Builder, mark: Mark) {
        if let Some(index) = COUNTED.iter().position(|name| mark.kind == *name) {
            self.open[index] += 1;
        }
        if let Some(frame) = builder.frames.last_mut() {
            schema::add_mark(&mut frame.marks, mark);
        }
    }

    /// A set has a mark once: what closes an inner one closes the outer one as well.
    fn close(&mut self, builder: &mut Builder, name: &str) {
        if let Some(index) = COUNTED.iter().position(|counted| name == *counted) {
            self.open[index] = self.open[index].saturating_sub(1);
        }
        if let Some(frame) = builder.frames.last_mut() {
            frame.marks.retain(|mark| mark.kind != name);
        }
    }

    fn lose(&mut self, builder: &mut Builder, kind: &'static str, at: usize) {
        let passed = self.source.get(self.counted..at).unwrap_or_default();
        self.line += passed.matches('\n').count();
        self.counted = self.counted.max(at);
        let lost = Lost::lines(kind, self.line, self.line);
        let of_this_line = builder.lost.iter().rev().take_while(|other| other.first_line == lost.first_line);
        if !of_this_line.into_iter().any(|other| *other == lost) {
            builder.lost.push(lost);
        }
    }
}

fn some(text: String) -> Option<String> {
    (!text.is_empty()).then_some(text)
}

/// `[^name]`: a footnote to other readers of Markdown, text to this one.
fn has_footnote(text: &str) -> bool {
    text.contains('[')
        && text.match_indices("[^").any(|(at, _)| text[at + 2..].find(']').is_some_and(|len| len > 0))
}

fn is_line_break(html: &str) -> bool {
    ["<br>", "<br/>", "<br />"].iter().any(|tag| html.eq_ignore_ascii_case(tag))
}
