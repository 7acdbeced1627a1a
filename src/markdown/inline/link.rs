//! Links and images (<https://spec.commonmark.org/0.31.2/#links>).

use std::borrow::Cow;

use super::super::attrs::Attrs;
use super::super::chars::{byte_at, slice};
use super::super::entity::unescape;
use super::super::url::{is_allowed, normalize_link};
use super::span::plain_len;
use super::{Image, LEVEL_MAX, Parser, Token, TokenKind};

/// Parentheses in a destination may be nested so deep.
const PARENTHESES_MAX: usize = 32;

/// Where a link points, and where its source ends.
struct Target {
    href: String,
    title: String,
    end: usize,
}

impl<'a> Parser<'a> {
    pub(super) fn link(&mut self, silent: bool) -> bool {
        let text_start = self.at + 1;
        let Some(text_end) = self.label_end(self.at, true) else { return false };
        let Some(target) = self.link_target(text_start, text_end) else { return false };
        if !silent {
            let end = self.end;
            let outer_delimiters = self.delimiters_now;
            self.push(TokenKind::OpenLink(link_attrs(target.href, Some(target.title))));
            self.delimiters.push(Vec::new());
            self.delimiters_now = self.delimiters.len() - 1;
            self.at = text_start;
            self.end = text_end;
            self.level += 1;
            self.run();
            self.level -= 1;
            self.push(TokenKind::CloseLink);
            self.delimiters_now = outer_delimiters;
            self.end = end;
        }
        self.at = target.end;
        true
    }

    pub(super) fn image(&mut self, silent: bool) -> bool {
        if byte_at(self.source, self.at + 1) != b'[' {
            return false;
        }
        let text_start = self.at + 2;
        let Some(text_end) = self.label_end(self.at + 1, false) else { return false };
        let Some(target) = self.image_target(text_start, text_end) else { return false };
        if !silent {
            let label = slice(self.source, text_start, text_end);
            let (alt, alt_cut) = alt_of(Parser::new(self.references).parse(label).as_slice());
            let Target { href: src, title, .. } = target;
            self.push(TokenKind::Image(Box::new(Image { src, title, alt, alt_cut, label })));
        }
        self.at = target.end;
        true
    }

    fn link_target(&mut self, text_start: usize, text_end: usize) -> Option<Target> {
        let mut reference_at = text_end + 1;
        if self.byte(reference_at) == Some(b'(') {
            let mut at = self.skip_space(reference_at + 1);
            if at >= self.end {
                return None;
            }
            let mut href = String::new();
            let mut title = String::new();
            if let Some((destination, after)) = link_destination(self.source, at, self.end) {
                (href, at) = self.allowed(&destination, at, after);
                (title, at) = self.title(at);
            }
            if self.byte(at) == Some(b')') {
                return Some(Target { href, title, end: at + 1 });
            }
            // markdown-it goes on from here for a reference's label.
            reference_at = at + 1;
        }
        self.reference_target(text_start, text_end, reference_at)
    }

    fn image_target(&mut self, text_start: usize, text_end: usize) -> Option<Target> {
        let after_text = text_end + 1;
        if self.byte(after_text) != Some(b'(') {
            return self.reference_target(text_start, text_end, after_text);
        }
        let mut at = self.skip_space(after_text + 1);
        if at >= self.end {
            return None;
        }
        let mut href = String::new();
        if let Some((destination, after)) = link_destination(self.source, at, self.end) {
            (href, at) = self.allowed(&destination, at, after);
        }
        let (title, at) = self.title(at);
        (self.byte(at) == Some(b')')).then_some(Target { href, title, end: at + 1 })
    }

    /// The destination, normalized, and the position after it; if it is one not allowed, none, and the
    /// position before it.
    fn allowed(&self, destination: &str, before: usize, after: usize) -> (String, usize) {
        let href = normalize_link(destination);
        if is_allowed(&href) { (href, after) } else { (String::new(), before) }
    }

    /// The title after a destination, and the position after it and the space around.
    fn title(&self, from: usize) -> (String, usize) {
        let at = self.skip_space(from);
        let title = Title::open(self.source, at, self.end);
        match title.and_then(|title| title.end.map(|end| (title.text, end))) {
            Some((text, end)) if at < self.end && at != from => (text, self.skip_space(end)),
            _ => (String::new(), at),
        }
    }

    fn reference_target(&mut self, text_start: usize, text_end: usize, at: usize) -> Option<Target> {
        if self.references.0.is_empty() {
            return None;
        }
        let label_end = if self.byte(at) == Some(b'[') { self.label_end(at, false) } else { None };
        let (label, end) = match label_end {
            Some(label_end) => (slice(self.source, at + 1, label_end), label_end + 1),
            None => ("", text_end + 1),
        };
        let label = if label.is_empty() { slice(self.source, text_start, text_end) } else { label };
        let definition = self.references.find(label)?;
        definition.used.set(true);
        Some(Target { href: definition.href.clone(), title: definition.title.clone(), end })
    }

    /// The closing bracket for the opening one at `start`. In a link's text no other link may be.
    fn label_end(&mut self, start: usize, refuse_links: bool) -> Option<usize> {
        let plain = start + 1 + plain_len(slice(self.source, start + 1, self.end));
        if self.level < LEVEL_MAX && self.byte(plain) == Some(b']') {
            return Some(plain);
        }
        let before = self.at;
        self.at = start + 1;
        let mut depth = 1;
        let mut found = None;
        while self.at < self.end {
            let at = self.at;
            let byte = byte_at(self.source, at);
            if byte == b']' {
                depth -= 1;
                if depth == 0 {
                    found = Some(at);
                    break;
                }
            }
            self.skip_token();
            if byte == b'[' {
                if self.at == at + 1 {
                    depth += 1;
                } else if refuse_links {
                    break;
                }
            }
        }
        self.at = before;
        found
    }

    fn byte(&self, at: usize) -> Option<u8> {
        (at < self.end).then(|| byte_at(self.source, at))
    }
}

/// The attributes of a link.
pub(super) fn link_attrs(href: String, title: Option<String>) -> Attrs {
    let title = title.filter(|title| !title.is_empty());
    Attrs::from([("href", href.into()), ("title", title.into())])
}

/// A description as the editor keeps it: the text of its first piece. And whether there is more to it.
fn alt_of(tokens: &[Token<'_>]) -> (Option<String>, bool) {
    let Some((first, rest)) = tokens.split_first() else { return (None, false) };
    let (text, plain) = match &first.kind {
        TokenKind::Text(text) | TokenKind::Special(text) => (text.as_ref(), true),
        TokenKind::Code(text) => (text.as_ref(), false),
        TokenKind::Html(text) => (*text, false),
        TokenKind::Image(image) => (image.label, false),
        _ => ("", false),
    };
    ((!text.is_empty()).then(|| text.to_owned()), !plain || !rest.is_empty())
}

/// A link destination from `start`, unescaped, and where it ends.
pub(in super::super) fn link_destination(
    source: &str,
    start: usize,
    end: usize,
) -> Option<(Cow<'_, str>, usize)> {
    let mut at = start;
    if byte_at(source, start) == b'<' {
        at += 1;
        while at < end {
            match byte_at(source, at) {
                b'\n' | b'<' => return None,
                b'>' => return Some((unescape(slice(source, start + 1, at)), at + 1)),
                b'\\' if at + 1 < end => at += 2,
                _ => at += 1,
            }
        }
        return None;
    }
    let mut depth = 0;
    while at < end {
        match byte_at(source, at) {
            0..=b' ' | 0x7f => break,
            b'\\' if at + 1 < end => at += if byte_at(source, at + 1) == b' ' { 1 } else { 2 },
            b'(' => {
                depth += 1;
                if depth > PARENTHESES_MAX {
                    return None;
                }
                at += 1;
            }
            b')' if depth == 0 => break,
            b')' => {
                depth -= 1;
                at += 1;
            }
            _ => at += 1,
        }
    }
    (at > start && depth == 0).then(|| (unescape(slice(source, start, at)), at))
}

/// A link title while it is read; in a definition it may go over several lines.
#[derive(Debug)]
pub(in super::super) struct Title {
    /// What was read, unescaped.
    pub text: String,
    /// The position after it, once it is closed.
    pub end: Option<usize>,
    /// Whether it may go on on the next line.
    pub can_continue: bool,
    closer: u8,
}

impl Title {
    /// A title that begins at `start`.
    pub(in super::super) fn open(source: &str, start: usize, end: usize) -> Option<Self> {
        if start >= end {
            return None;
        }
        let closer = match byte_at(source, start) {
            b'(' => b')',
            quote @ (b'"' | b'\'') => quote,
            _ => return None,
        };
        let mut title = Self { text: String::new(), end: None, can_continue: true, closer };
        title.go_on(source, start + 1, end);
        Some(title)
    }

    /// Reads on, on the same line or the next one.
    pub(in super::super) fn go_on(&mut self, source: &str, start: usize, end: usize) {
        let mut at = start;
        while at < end {
            let byte = byte_at(source, at);
            if byte == self.closer {
                self.text.push_str(&unescape(slice(source, start, at)));
                self.end = Some(at + 1);
                return;
            }
            if byte == b'(' && self.closer == b')' {
                self.can_continue = false;
                return;
            }
            at += if byte == b'\\' && at + 1 < end { 2 } else { 1 };
        }
        self.text.push_str(&unescape(slice(source, start, at)));
    }
}
