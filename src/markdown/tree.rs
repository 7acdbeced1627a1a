//! From blocks and inline tokens to the document's tree, as prosemirror-markdown's parser builds it
//! (<https://github.com/ProseMirror/prosemirror-markdown/blob/master/src/from_markdown.ts>).

use memchr::memchr;

use super::attrs::Attrs;
use super::block::{Blocks, Event};
use super::inline::{Image, Parser, Token, TokenKind, is_plain};
use super::node::{Mark, Node};
use super::schema::{self, NodeType};
use super::{Lost, Parsed, civic};

/// Builds the document.
pub(super) fn build(blocks: Blocks<'_>) -> Parsed {
    let Blocks { mut events, references, lost } = blocks;
    let mut builder = Builder { lost, ..Builder::default() };
    let mut parser = Parser::new(&references);
    for event in &mut events {
        match event {
            Event::Open { node_type, attrs, line } => builder.open(*node_type, std::mem::take(attrs), *line),
            Event::Close => builder.close(),
            Event::Verbatim(text) => builder.text(text),
            // Most cells and items are but text.
            Event::Inline { node_type, attrs, source, line } if is_plain(source) => {
                builder.plain(*node_type, std::mem::take(attrs), source, *line);
            }
            Event::Inline { node_type, attrs, source, line } => {
                builder.open(*node_type, std::mem::take(attrs), *line);
                Inline { source, counted: 0, line: *line, links: Vec::new(), open: [0; 3] }
                    .build(&mut builder, parser.parse(source));
                builder.close();
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
    node_type: Option<&'static NodeType>,
    attrs: Attrs,
    /// Where its content begins in [`Builder::nodes`].
    content: usize,
}

#[derive(Default)]
struct Builder {
    frames: Vec<Frame>,
    /// What the open elements hold so far, an inner one's after an outer one's.
    nodes: Vec<Node>,
    /// Marks for the text to come.
    marks: Vec<Mark>,
    /// Text with these marks that is no node yet.
    pending: String,
    lost: Vec<Lost>,
    block_lines: Vec<u32>,
}

impl Builder {
    fn open(&mut self, node_type: Option<&'static NodeType>, attrs: Attrs, line: u32) {
        if self.frames.is_empty() {
            self.block_lines.push(line);
        }
        let content = self.nodes.len();
        self.frames.push(Frame { node_type, attrs, content });
    }

    fn close(&mut self) {
        self.flush();
        if let Some(Frame { node_type, attrs, content }) = self.frames.pop() {
            let content = self.nodes.split_off(content);
            if let Some(node_type) = node_type {
                self.nodes.push(schema::fill_content(node_type, attrs, content));
            }
        }
    }

    /// An element with nothing but text in it. No mark is open between elements.
    fn plain(&mut self, node_type: Option<&'static NodeType>, attrs: Attrs, text: &str, line: u32) {
        if self.frames.is_empty() {
            self.block_lines.push(line);
        }
        if let Some(node_type) = node_type {
            let content = if text.is_empty() { vec![] } else { vec![schema::text(text, Vec::new())] };
            self.nodes.push(schema::fill_content(node_type, attrs, content));
        }
    }

    fn finish(mut self) -> Parsed {
        let doc = schema::node_type(schema::DOC);
        let doc = doc.and_then(|doc| schema::fill(doc, Attrs::new(), self.nodes));
        self.lost.sort_by_key(|lost| (lost.first_line, lost.last_line));
        Parsed {
            doc: doc.unwrap_or_else(|| schema::empty(schema::DOC)),
            lost: self.lost,
            block_lines: self.block_lines,
        }
    }

    fn text(&mut self, text: &str) {
        self.pending.push_str(text);
    }

    /// Makes a node of the text so far; the same marks on both sides make it one.
    fn flush(&mut self) {
        if self.pending.is_empty() {
            return;
        }
        let content = self.frames.last().map_or(0, |frame| frame.content);
        match self.nodes.get_mut(content..).and_then(<[Node]>::last_mut) {
            Some(last) if last.kind == schema::TEXT && last.marks == self.marks => {
                last.text.push_str(&self.pending);
            }
            _ => self.nodes.push(schema::text(self.pending.as_str(), self.marks.clone())),
        }
        self.pending.clear();
    }

    fn inline_node(&mut self, name: &str, attrs: Attrs) {
        self.flush();
        let node = schema::node_type(name)
            .and_then(|node_type: &'static NodeType| schema::fill(node_type, attrs, Vec::new()));
        if let Some(node) = node {
            self.nodes.push(Node { marks: self.marks.clone(), ..node });
        }
    }

    fn in_cell(&self) -> bool {
        let around = self.frames.iter().rev().nth(1).and_then(|frame| frame.node_type);
        around.is_some_and(|around| around.group == schema::Group::Cell)
    }
}

/// The inline content of one element while it is added.
struct Inline<'a> {
    source: &'a str,
    /// How far lines are counted, and the line there.
    counted: usize,
    line: u32,
    /// For each open link, where it begins and whether it has content.
    links: Vec<(usize, bool)>,
    /// How many marks of each type the source has open: link, em, strong.
    open: [usize; 3],
}

const COUNTED: [&str; 3] = [schema::LINK, schema::EM, schema::STRONG];

impl Inline<'_> {
    fn build<'a>(&mut self, builder: &mut Builder, tokens: impl Iterator<Item = Token<'a>>) {
        for Token { at, kind } in tokens {
            match kind {
                TokenKind::Text(text) => {
                    if has_footnote(&text) {
                        self.lose(builder, "footnote", at);
                    }
                    self.text(builder, &text, at);
                }
                TokenKind::Special(text) => self.text(builder, &text, at),
                TokenKind::SoftBreak => self.text(builder, " ", at),
                TokenKind::HardBreak => self.node(builder, schema::HARD_BREAK, Attrs::new(), at),
                TokenKind::Html(html) => self.html(builder, html, at),
                TokenKind::Code(text) => {
                    self.open(builder, schema::plain_mark(schema::CODE));
                    self.text(builder, &text, at);
                    self.close(builder, schema::CODE);
                }
                TokenKind::Image(image) => {
                    let Image { src, title, alt, alt_cut, .. } = *image;
                    if alt_cut {
                        self.lose(builder, "image_alt", at);
                    }
                    let texts = [("src", Some(src)), ("title", some(title)), ("alt", alt)];
                    let attrs = texts.into_iter().map(|(name, text)| (name, text.into())).collect();
                    self.node(builder, schema::IMAGE, attrs, at);
                }
                TokenKind::OpenLink(attrs) => {
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
                TokenKind::Nothing => {}
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

    fn text(&mut self, builder: &mut Builder, text: &str, at: usize) {
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
        if self.open == [0; 3] {
            return;
        }
        for (_, filled) in &mut self.links {
            *filled = true;
        }
        let missing = COUNTED
            .iter()
            .zip(self.open)
            .any(|(name, open)| open > 0 && !builder.marks.iter().any(|mark| mark.kind == *name));
        if missing {
            self.lose(builder, "nested_mark", at);
        }
    }

    fn open(&mut self, builder: &mut Builder, mark: Mark) {
        if let Some(index) = COUNTED.iter().position(|name| mark.kind == *name) {
            self.open[index] += 1;
        }
        builder.flush();
        schema::add_mark(&mut builder.marks, mark);
    }

    /// A set has a mark once: what closes an inner one closes the outer one as well.
    fn close(&mut self, builder: &mut Builder, name: &str) {
        if let Some(index) = COUNTED.iter().position(|counted| name == *counted) {
            self.open[index] = self.open[index].saturating_sub(1);
        }
        builder.flush();
        builder.marks.retain(|mark| mark.kind != name);
    }

    fn lose(&mut self, builder: &mut Builder, kind: &'static str, at: usize) {
        let passed = self.source.get(self.counted..at).unwrap_or_default();
        self.line += u32::try_from(passed.matches('\n').count()).unwrap_or(u32::MAX);
        self.counted = self.counted.max(at);
        let lost = Lost { first_line: self.line, last_line: self.line, kind };
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
    memchr(b'[', text.as_bytes()).is_some()
        && text.match_indices("[^").any(|(at, _)| text[at + 2..].find(']').is_some_and(|len| len > 0))
}

fn is_line_break(html: &str) -> bool {
    ["<br>", "<br/>", "<br />"].iter().any(|tag| html.eq_ignore_ascii_case(tag))
}
