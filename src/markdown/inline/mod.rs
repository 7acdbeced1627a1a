//! Inline content: text in, [`Token`]s out, by the rules of markdown-it's inline parser
//! (<https://github.com/markdown-it/markdown-it/tree/master/lib/rules_inline>).

mod emphasis;
mod link;
mod span;

use std::cell::Cell;
use std::collections::HashMap;

use super::chars::{byte_at, is_js_space, slice};
use emphasis::Delimiter;
pub(super) use link::{Title, link_destination};

/// markdown-it's `maxNesting`: brackets nested deeper are text.
const LEVEL_MAX: usize = 20;

/// A piece of inline content and where it begins in its source.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Token {
    pub at: usize,
    pub kind: TokenKind,
}

/// What a piece of inline content is.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum TokenKind {
    /// Text as it is written.
    Text(String),
    /// What a character reference or a backslash escape stands for.
    Special(String),
    Code(String),
    Html(String),
    /// A line end within a paragraph.
    SoftBreak,
    HardBreak,
    Image {
        src: String,
        title: String,
        alt: Option<String>,
        /// Whether the description has more than `alt` keeps of it.
        alt_cut: bool,
        /// The description's source.
        label: String,
    },
    OpenLink {
        href: String,
        title: String,
    },
    CloseLink,
    OpenEm,
    CloseEm,
    OpenStrong,
    CloseStrong,
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

/// Parses inline content.
pub(super) fn parse(source: &str, references: &References) -> Vec<Token> {
    if span::is_plain(source) {
        // Most cells, items and headings are no more than words.
        let text = TokenKind::Text(source.to_owned());
        return if source.is_empty() { Vec::new() } else { vec![Token { at: 0, kind: text }] };
    }
    let mut parser = Parser::new(source, references);
    parser.run();
    parser.resolve_emphasis();
    join_texts(parser.tokens)
}

/// Markers that stayed text are one with the text around.
fn join_texts(tokens: Vec<Token>) -> Vec<Token> {
    let is_text = |token: &Token| matches!(token.kind, TokenKind::Text(_));
    if !tokens.windows(2).any(|pair| pair.iter().all(is_text)) {
        return tokens;
    }
    let mut joined: Vec<Token> = Vec::with_capacity(tokens.len());
    for token in tokens {
        match (joined.last_mut().map(|last| &mut last.kind), &token.kind) {
            (Some(TokenKind::Text(last)), TokenKind::Text(text)) => last.push_str(text),
            _ => joined.push(token),
        }
    }
    joined
}

struct Parser<'a> {
    source: &'a str,
    references: &'a References,
    tokens: Vec<Token>,
    at: usize,
    /// The end of what is parsed now: of the source, or of a link's text.
    end: usize,
    /// Links and looks ahead that are open.
    level: usize,
    /// Text that is no token yet, and where it began.
    pending: String,
    pending_at: usize,
    /// Where the token ends that begins at a position, as far as that was asked.
    token_ends: HashMap<usize, usize>,
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
    fn new(source: &'a str, references: &'a References) -> Self {
        Self {
            source,
            references,
            tokens: Vec::new(),
            at: 0,
            end: source.len(),
            level: 0,
            pending: String::new(),
            pending_at: 0,
            token_ends: HashMap::new(),
            delimiters: vec![Vec::new()],
            delimiters_now: 0,
            backticks: HashMap::new(),
            backticks_scanned: false,
            unclosed_html: false,
        }
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
        if let Some(&end) = self.token_ends.get(&from) {
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
        self.token_ends.insert(from, self.at);
    }

    fn push_char(&mut self) {
        if let Some(c) = self.source.get(self.at..).and_then(|rest| rest.chars().next()) {
            let at = self.at;
            self.push_text(at, c.encode_utf8(&mut [0; 4]));
            self.at += c.len_utf8();
        } else {
            self.at = self.end;
        }
    }

    fn push_text(&mut self, at: usize, text: &str) {
        if self.pending.is_empty() {
            self.pending_at = at;
        }
        self.pending.push_str(text);
    }

    fn flush(&mut self) {
        if !self.pending.is_empty() {
            let text = std::mem::take(&mut self.pending);
            self.tokens.push(Token { at: self.pending_at, kind: TokenKind::Text(text) });
        }
    }

    fn push(&mut self, kind: TokenKind) {
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
