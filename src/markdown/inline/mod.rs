//! Inline content: text in, [`Token`]s out, by the rules of markdown-it's inline parser
//! (<https://github.com/markdown-it/markdown-it/tree/master/lib/rules_inline>).

mod emphasis;
mod link;
mod span;

use std::borrow::Cow;
use std::cell::Cell;
use std::collections::HashMap;
use std::ops::Range;

use super::attrs::Attrs;
use super::chars::{byte_at, is_js_space, slice};
use emphasis::Delimiter;
pub(super) use link::{Title, link_destination};
pub(super) use span::is_plain;

/// markdown-it's `maxNesting`: brackets nested deeper are text.
const LEVEL_MAX: usize = 20;

/// A piece of inline content and where it begins in its source.
#[derive(Debug, PartialEq)]
pub(super) struct Token<'a> {
    pub at: usize,
    pub kind: TokenKind<'a>,
}

/// What a piece of inline content is.
#[derive(Debug, PartialEq)]
pub(super) enum TokenKind<'a> {
    /// Text as it is written.
    Text(Cow<'a, str>),
    /// What a character reference or a backslash escape stands for.
    Special(Cow<'a, str>),
    Code(Cow<'a, str>),
    Html(&'a str),
    /// A line end within a paragraph.
    SoftBreak,
    HardBreak,
    Image(Box<Image<'a>>),
    /// With the mark's attributes.
    OpenLink(Attrs),
    CloseLink,
    OpenEm,
    CloseEm,
    OpenStrong,
    CloseStrong,
    /// The other one of two markers that are one strong mark.
    Nothing,
}

/// An image.
#[derive(Debug, PartialEq)]
pub(super) struct Image<'a> {
    pub src: String,
    pub title: String,
    pub alt: Option<String>,
    /// Whether the description has more than `alt` keeps of it.
    pub alt_cut: bool,
    /// The description's source.
    pub label: &'a str,
}

/// The link reference definitions of a document.
#[derive(Debug, Default)]
pub(super) struct References(HashMap<String, Definition>);

/// A link reference definition.
#[derive(Debug)]
pub(super) struct Definition {
    href: String,
    title: String,
    first_line: usize,
    last_line: usize,
    used: Cell<bool>,
}

impl Definition {
    /// A definition that nothing has used yet.
    pub(super) const fn new(href: String, title: String, first_line: usize, last_line: usize) -> Self {
        Self { href, title, first_line, last_line, used: Cell::new(false) }
    }
}

impl References {
    /// Keeps a definition; false if the label has one already.
    pub(super) fn define(&mut self, label: String, definition: Definition) -> bool {
        let new = !self.0.contains_key(&label);
        if new {
            self.0.insert(label, definition);
        }
        new
    }

    /// The lines of definitions that no link used.
    pub(super) fn unused(&self) -> impl Iterator<Item = (usize, usize)> {
        self.0
            .values()
            .filter(|definition| !definition.used.get())
            .map(|definition| (definition.first_line, definition.last_line))
    }

    fn find(&self, label: &str) -> Option<&Definition> {
        self.0.get(&normalize_label(label))
    }
}

/// A label as definitions and links are matched by it.
pub(super) fn normalize_label(label: &str) -> String {
    let words: Vec<&str> = label.split(is_js_space).filter(|word| !word.is_empty()).collect();
    words.join(" ").to_lowercase().to_uppercase()
}

/// Parses inline content, one element's after another's; what it takes for it is kept in between.
pub(super) struct Parser<'a> {
    source: &'a str,
    references: &'a References,
    tokens: Vec<Token<'a>>,
    at: usize,
    /// The end of what is parsed now: of the source, or of a link's text.
    end: usize,
    /// Links and looks ahead that are open.
    level: usize,
    /// Text that is no token yet.
    pending: Range<usize>,
    /// Where the token ends that begins at a position, 0 as long as that was not asked.
    token_ends: Vec<usize>,
    /// Delimiter runs: of the whole, then of each link's text.
    delimiters: Vec<Vec<Delimiter>>,
    /// Which of them is filled now.
    delimiters_now: usize,
    /// The last place of a run of so many backticks, once all were seen.
    backticks: HashMap<usize, usize>,
    backticks_scanned: bool,
    /// A comment or the like has no end; no other is looked for.
    unclosed_html: bool,
}

impl<'a> Parser<'a> {
    /// A parser that knows these definitions.
    pub(super) fn new(references: &'a References) -> Self {
        Self {
            source: "",
            references,
            tokens: Vec::new(),
            at: 0,
            end: 0,
            level: 0,
            pending: 0..0,
            token_ends: Vec::new(),
            delimiters: Vec::new(),
            delimiters_now: 0,
            backticks: HashMap::new(),
            backticks_scanned: false,
            unclosed_html: false,
        }
    }

    /// Parses all of a source.
    pub(super) fn parse(&mut self, source: &'a str) -> std::vec::Drain<'_, Token<'a>> {
        (self.source, self.at, self.end, self.level) = (source, 0, source.len(), 0);
        self.pending = 0..0;
        self.token_ends.clear();
        self.delimiters.resize_with(1, Vec::new);
        self.delimiters.iter_mut().for_each(Vec::clear);
        self.delimiters_now = 0;
        self.backticks.clear();
        (self.backticks_scanned, self.unclosed_html) = (false, false);
        self.run();
        if self.tokens.len() > 1 {
            self.resolve_emphasis();
            self.join_texts();
        }
        self.tokens.drain(..)
    }

    /// Markers that stayed text are one with the text around.
    fn join_texts(&mut self) {
        let source = self.source;
        self.tokens.dedup_by(|token, last| match (&mut last.kind, &token.kind) {
            (_, TokenKind::Nothing) => true,
            (TokenKind::Text(before), TokenKind::Text(text)) => {
                *before = slice(source, last.at, token.at + text.len()).into();
                true
            }
            _ => false,
        });
    }

    /// Tokens up to `end`. It calls itself for a link's text, which cannot have a link inside.
    fn run(&mut self) {
        while self.at < self.end {
            if self.level < LEVEL_MAX && self.rule(false) {
                continue;
            }
            self.push_char();
        }
        self.flush();
    }

    /// The first rule that fits takes its characters; silently, it only goes past them.
    fn rule(&mut self, silent: bool) -> bool {
        match byte_at(self.source, self.at) {
            b'\n' => self.line_end(silent),
            b'\\' => self.escape(silent),
            b'`' => self.backticks(silent),
            b'*' | b'_' => !silent && self.delimiter_run(),
            b'[' => self.link(silent),
            b'!' => self.image(silent),
            b'<' => self.autolink(silent) || self.html(silent),
            b'&' => self.entity(silent),
            _ => self.text(silent),
        }
    }

    /// Goes past one token without making it.
    fn skip_token(&mut self) {
        let from = self.at;
        self.token_ends.resize(self.source.len(), 0);
        if let Some(&end) = self.token_ends.get(from).filter(|&&end| end > 0) {
            self.at = end;
            return;
        }
        let fits = if self.level < LEVEL_MAX {
            self.level += 1;
            let fits = self.rule(true);
            self.level -= 1;
            fits
        } else {
            self.at = self.end;
            false
        };
        if !fits {
            self.at += 1;
        }
        if let Some(end) = self.token_ends.get_mut(from) {
            *end = self.at;
        }
    }

    fn push_char(&mut self) {
        if let Some(c) = self.source.get(self.at..).and_then(|rest| rest.chars().next()) {
            self.push_text(self.at, self.at + c.len_utf8());
            self.at += c.len_utf8();
        } else {
            self.at = self.end;
        }
    }

    /// What is pending is whole: nothing but text is between its pieces.
    fn push_text(&mut self, from: usize, to: usize) {
        let from = if self.pending.is_empty() { from } else { self.pending.start };
        self.pending = from..to;
    }

    fn flush(&mut self) {
        if !self.pending.is_empty() {
            let Range { start, end } = std::mem::replace(&mut self.pending, 0..0);
            let text = slice(self.source, start, end).into();
            self.tokens.push(Token { at: start, kind: TokenKind::Text(text) });
        }
    }

    fn push(&mut self, kind: TokenKind<'a>) {
        self.flush();
        self.tokens.push(Token { at: self.at, kind });
    }

    fn rest(&self) -> &'a str {
        slice(self.source, self.at, self.source.len())
    }

    /// Past spaces, tabs and line ends.
    fn skip_space(&self, mut at: usize) -> usize {
        while at < self.end && matches!(byte_at(self.source, at), b' ' | b'\t' | b'\n') {
            at += 1;
        }
        at
    }
}
