//! The block structure of Markdown: lines in, a flat list of [`Event`]s out.
//!
//! The rules and their order are those of markdown-it's block parser
//! (<https://github.com/markdown-it/markdown-it/tree/master/lib/rules_block>), whose documents we must
//! reproduce where it differs from the CommonMark text as well. Containers narrow the lines in
//! place (where they begin, how far they are indented) and run the same rules on the inside.

mod container;
mod html;
mod leaf;
mod reference;
mod table;

use std::borrow::Cow;

use memchr::memchr_iter;

use super::attrs::Attrs;
use super::chars::{byte_at, is_blank, slice};
use super::inline::References;
use super::schema::{self, NodeType};
use super::{Lost, line_number};

/// markdown-it's `maxNesting` for CommonMark. What is nested deeper is left out by it without a word.
const LEVEL_MAX: usize = 20;

/// One step through the document's blocks.
#[derive(Debug)]
pub(super) enum Event<'a> {
    /// An element begins.
    Open {
        /// Its node type.
        node_type: Option<&'static NodeType>,
        /// Its attributes, all of them.
        attrs: Attrs,
        /// The line that it begins on, counted from 1.
        line: u32,
    },
    /// The innermost open element ends.
    Close,
    /// An element with inline content, which is not parsed yet.
    Inline {
        /// Its node type.
        node_type: Option<&'static NodeType>,
        /// Its attributes, all of them.
        attrs: Attrs,
        /// The source, without what belongs to containers.
        source: Cow<'a, str>,
        /// The line that it begins on, counted from 1.
        line: u32,
    },
    /// Text that means nothing but itself.
    Verbatim(Cow<'a, str>),
}

/// What reading the blocks gave.
#[derive(Debug, Default)]
pub(super) struct Blocks<'a> {
    /// The document's structure in order.
    pub events: Vec<Event<'a>>,
    /// Link reference definitions, which inline parsing needs.
    pub references: References,
    /// What has no node.
    pub lost: Vec<Lost>,
}

/// Reads the blocks of a normalized source.
pub(super) fn parse(source: &str) -> Blocks<'_> {
    let mut parser = Parser::new(source);
    parser.run(0, parser.line_max);
    parser.out
}

/// One line, as the containers around it leave it.
#[derive(Debug, Clone, Copy, Default)]
struct Line {
    /// Where its content begins, indentation included.
    begin: usize,
    /// Where it ends, before the line end.
    end: usize,
    /// Bytes from `begin` to the first character that is not indentation.
    shift: usize,
    /// Columns of indentation, tabs expanded. -1 for the lazy continuation of a quote.
    indent: isize,
    /// Columns before `begin`, from which tabs are counted.
    base: isize,
}

/// Which blocks may end a running one; see the table of rules in the module above.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Interrupted {
    /// A paragraph, or a link reference definition that goes over several lines.
    Paragraph,
    /// A quote, or a table's rows.
    Quote,
    /// A list.
    List,
}

struct Parser<'a> {
    source: &'a str,
    lines: Vec<Line>,
    /// The line to go on with.
    line: usize,
    /// Lines that the current container may look at.
    line_max: usize,
    /// Columns that content of the current container is indented by.
    content_indent: isize,
    /// The same of the list around the current item, -1 outside of lists.
    list_indent: isize,
    /// Whether a rule is asked on behalf of a paragraph; a list may interrupt one less easily.
    in_paragraph: bool,
    /// Open quotes, lists and items.
    level: usize,
    out: Blocks<'a>,
}

impl<'a> Parser<'a> {
    fn new(source: &'a str) -> Self {
        let lines = split_lines(source);
        let line_max = lines.len() - 1;
        let out = Blocks { events: Vec::with_capacity(2 * line_max), ..Blocks::default() };
        Self {
            source,
            lines,
            line: 0,
            line_max,
            content_indent: 0,
            list_indent: -1,
            in_paragraph: false,
            level: 0,
            out,
        }
    }

    /// Reads the blocks from one line to another. It calls itself through containers, at most
    /// [`LEVEL_MAX`] times.
    fn run(&mut self, from: usize, to: usize) {
        let mut line = from;
        while line < to {
            line = self.skip_empty_lines(line);
            self.line = line;
            if line >= to || self.lines[line].indent < self.content_indent {
                break;
            }
            if self.level >= LEVEL_MAX {
                self.lose("nested_too_deep", line, to);
                self.line = to;
                break;
            }
            self.block(line, to);
            line = self.line;
            if line < to && self.is_empty(line) {
                line += 1;
                self.line = line;
            }
        }
    }

    /// The first rule that fits takes its lines.
    fn block(&mut self, line: usize, to: usize) {
        let taken = self.table(line, to)
            || self.indented_code(line, to)
            || (self.may_begin_block(line)
                && (self.fence(line, to)
                    || self.quote(line, to)
                    || self.thematic_break(line)
                    || self.list(line, to)
                    || self.reference(line)
                    || self.html(line, to)
                    || self.atx_heading(line)))
            || self.setext_heading(line, to);
        if !taken {
            self.paragraph(line, to);
        }
    }

    /// Most lines begin with a letter, and no block but text and tables does.
    fn may_begin_block(&self, line: usize) -> bool {
        let first = self.byte(self.start(line));
        first.is_ascii() && !first.is_ascii_alphabetic()
    }

    /// Whether another block begins on this line and ends the running one.
    fn interrupts(&self, what: Interrupted, line: usize, to: usize) -> bool {
        if !self.may_begin_block(line) {
            return what == Interrupted::Paragraph && self.table_columns(line, to).is_some();
        }
        let always =
            self.opens_fence(line).is_some() || self.opens_quote(line) || self.is_thematic_break(line);
        match what {
            Interrupted::List => always,
            Interrupted::Quote => {
                always
                    || self.opens_list(line)
                    || self.html_kind(line).is_some_and(html::Kind::interrupts)
                    || self.opens_atx_heading(line).is_some()
            }
            Interrupted::Paragraph => {
                self.table_columns(line, to).is_some() || self.interrupts(Interrupted::Quote, line, to)
            }
        }
    }

    fn is_empty(&self, line: usize) -> bool {
        self.lines.get(line).is_none_or(|line| line.begin + line.shift >= line.end)
    }

    fn skip_empty_lines(&self, from: usize) -> usize {
        (from..self.line_max).find(|&line| !self.is_empty(line)).unwrap_or(from.max(self.line_max))
    }

    /// Columns that a line is indented by within the current container.
    fn indent(&self, line: usize) -> isize {
        self.lines[line].indent - self.content_indent
    }

    /// Where the first character of a line is that is not indentation.
    fn start(&self, line: usize) -> usize {
        self.lines[line].begin + self.lines[line].shift
    }

    /// A line without indentation.
    fn text(&self, line: usize) -> &'a str {
        slice(self.source, self.start(line), self.lines[line].end)
    }

    fn byte(&self, at: usize) -> u8 {
        byte_at(self.source, at)
    }

    fn skip_byte(&self, mut at: usize, byte: u8) -> usize {
        while at < self.source.len() && self.byte(at) == byte {
            at += 1;
        }
        at
    }

    fn skip_blanks(&self, mut at: usize) -> usize {
        while at < self.source.len() && is_blank(self.byte(at)) {
            at += 1;
        }
        at
    }

    /// Lines joined, each without `indent` columns of indentation.
    fn lines_without_indent(
        &self,
        from: usize,
        to: usize,
        indent: isize,
        last_line_end: bool,
    ) -> Cow<'a, str> {
        let end_of = |index: usize| {
            let with_line_end = index + 1 < to || last_line_end;
            (self.lines[index].end + usize::from(with_line_end)).min(self.source.len())
        };
        if from >= to {
            return "".into();
        }
        let (first, spaces) = self.without_indent(from, end_of(from), indent);
        if spaces == 0 && (from + 1 == to || (indent == 0 && self.are_as_written(from, to))) {
            return slice(self.source, first, end_of(to - 1)).into();
        }
        let mut out = String::new();
        for index in from..to {
            let end = end_of(index);
            let (first, spaces) = self.without_indent(index, end, indent);
            out.extend(std::iter::repeat_n(' ', spaces));
            out.push_str(slice(self.source, first, end));
        }
        out.into()
    }

    /// Where a line begins without `indent` columns of indentation. A tab that reaches further is made of so many
    /// spaces for the rest of it.
    fn without_indent(&self, index: usize, end: usize, indent: isize) -> (usize, usize) {
        let line = self.lines[index];
        let mut first = line.begin;
        let mut columns = 0;
        while first < end && columns < indent {
            match self.byte(first) {
                b'\t' => columns += 4 - (columns + line.base).rem_euclid(4),
                b' ' => columns += 1,
                // Markers of containers stand for spaces.
                _ if first - line.begin < line.shift => columns += 1,
                _ => break,
            }
            first += 1;
        }
        (first, usize::try_from(columns - indent).unwrap_or(0))
    }

    /// Whether nothing was taken off these lines but off the first.
    fn are_as_written(&self, from: usize, to: usize) -> bool {
        self.lines[from..to].is_sorted_by(|line, next| line.end + 1 == next.begin)
    }

    fn open(&mut self, name: &'static str, attrs: Attrs, line: usize) {
        let node_type = schema::node_type(name);
        self.out.events.push(Event::Open { node_type, attrs, line: line_number(line) });
    }

    fn inline(&mut self, name: &'static str, attrs: Attrs, source: Cow<'a, str>, line: usize) {
        let node_type = schema::node_type(name);
        self.out.events.push(Event::Inline { node_type, attrs, source, line: line_number(line) });
    }

    fn close(&mut self) {
        self.out.events.push(Event::Close);
    }

    /// Notes that lines from one to another (exclusive) have no node.
    fn lose(&mut self, kind: &'static str, from: usize, to: usize) {
        self.out.lost.push(Lost::lines(kind, from, to.max(from + 1) - 1));
    }
}

/// So that room for the lines is not made over and over.
const USUAL_LINE_LEN: usize = 40;

/// The lines of a source and an empty one after them, so that a look at the next line is always possible.
fn split_lines(source: &str) -> Vec<Line> {
    let mut lines = Vec::with_capacity(source.len() / USUAL_LINE_LEN + 1);
    let bytes = source.as_bytes();
    let mut begin = 0;
    for end in memchr_iter(b'\n', bytes).chain([source.len()]) {
        let mut line = Line { begin, end, ..Line::default() };
        for &byte in bytes[begin..end].iter().take_while(|&&byte| is_blank(byte)) {
            line.shift += 1;
            line.indent += if byte == b'\t' { 4 - line.indent % 4 } else { 1 };
        }
        begin = end + 1;
        // Blanks at the end of the source are no line.
        if end < source.len() || line.begin + line.shift < end {
            lines.push(line);
        }
    }
    lines.push(Line { begin: source.len(), end: source.len(), ..Line::default() });
    lines
}
