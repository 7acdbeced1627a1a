//! Inline content without inline content inside: text, escapes, code, HTML, autolinks.

use std::borrow::Cow;

use super::super::chars::{byte_at, is_blank, is_line_terminator, slice};
use super::super::entity;
use super::super::html_tag::tag_end;
use super::super::url::{is_allowed, normalize_link, normalize_link_text};
use super::link::link_attrs;
use super::{Parser, TokenKind};

impl<'a> Parser<'a> {
    pub(super) fn text(&mut self, silent: bool) -> bool {
        let len = plain_len(slice(self.source, self.at, self.end));
        if len == 0 {
            return false;
        }
        if !silent {
            self.push_text(self.at, self.at + len);
        }
        self.at += len;
        true
    }

    pub(super) fn line_end(&mut self, silent: bool) -> bool {
        if !silent {
            let text = slice(self.source, self.pending.start, self.pending.end);
            let spaces = text.len() - text.trim_end_matches(' ').len();
            self.pending.end -= spaces;
            self.push(if spaces >= 2 { TokenKind::HardBreak } else { TokenKind::SoftBreak });
        }
        self.at = self.skip_blanks(self.at + 1);
        true
    }

    pub(super) fn escape(&mut self, silent: bool) -> bool {
        let Some(escaped) = slice(self.source, self.at + 1, self.end).chars().next() else { return false };
        let (len, from) = match escaped {
            '\n' => {
                if !silent {
                    self.push(TokenKind::HardBreak);
                }
                self.at = self.skip_blanks(self.at + 2);
                return true;
            }
            // The space may belong to a hard break.
            ' ' => (1, 0),
            c if c.is_ascii_punctuation() => (2, 1),
            c => (1 + c.len_utf8(), 0),
        };
        if !silent {
            let text = slice(self.source, self.at + from, self.at + len);
            self.push(TokenKind::Special(text.into()));
        }
        self.at += len;
        true
    }

    fn skip_blanks(&self, mut at: usize) -> usize {
        while at < self.end && is_blank(byte_at(self.source, at)) {
            at += 1;
        }
        at
    }

    pub(super) fn entity(&mut self, silent: bool) -> bool {
        if self.at + 1 >= self.end {
            return false;
        }
        let Some((len, text)) = entity::reference(self.rest()) else { return false };
        if !silent {
            self.push(TokenKind::Special(text.into()));
        }
        self.at += len;
        true
    }

    pub(super) fn backticks(&mut self, silent: bool) -> bool {
        let start = self.at;
        let opener_end = self.backticks_end(start);
        let len = opener_end - start;
        let known_unclosed =
            self.backticks_scanned && self.backticks.get(&len).copied().unwrap_or(0) <= start;
        if !known_unclosed {
            let mut from = opener_end;
            while let Some(offset) = self.source.get(from..).and_then(|rest| rest.find('`')) {
                let closer = from + offset;
                from = self.backticks_end(closer + 1);
                if from - closer == len {
                    if !silent {
                        self.push(TokenKind::Code(code_text(slice(self.source, opener_end, closer))));
                    }
                    self.at = from;
                    return true;
                }
                self.backticks.insert(from - closer, closer);
            }
            self.backticks_scanned = true;
        }
        if !silent {
            self.push_text(start, opener_end);
        }
        self.at = opener_end;
        true
    }

    fn backticks_end(&self, mut at: usize) -> usize {
        while at < self.end && byte_at(self.source, at) == b'`' {
            at += 1;
        }
        at
    }

    pub(super) fn autolink(&mut self, silent: bool) -> bool {
        let start = self.at + 1;
        let inside = slice(self.source, start, self.end);
        let Some(len) = inside.find(['<', '>']).filter(|&len| inside[len..].starts_with('>')) else {
            return false;
        };
        let url = &inside[..len];
        let href = if is_absolute(url) {
            normalize_link(url)
        } else if is_email(url) {
            normalize_link(&format!("mailto:{url}"))
        } else {
            return false;
        };
        if !is_allowed(&href) {
            return false;
        }
        if !silent {
            self.push(TokenKind::OpenLink(link_attrs(href, None)));
            self.push(TokenKind::Text(normalize_link_text(url).into()));
            self.push(TokenKind::CloseLink);
        }
        self.at = start + len + 1;
        true
    }

    pub(super) fn html(&mut self, silent: bool) -> bool {
        if self.at + 2 >= self.end {
            return false;
        }
        let rest = self.rest();
        let len = match byte_at(rest, 1) {
            b'!' | b'?' => self.html_special_end(rest),
            _ => tag_end(rest),
        };
        let Some(len) = len else { return false };
        if !silent {
            self.push(TokenKind::Html(&rest[..len]));
        }
        self.at += len;
        true
    }

    /// The end of a comment, an instruction, a declaration or a CDATA section.
    fn html_special_end(&mut self, text: &str) -> Option<usize> {
        let (start, terminator) = if text.starts_with("<!--") {
            match text.as_bytes() {
                [_, _, _, _, b'>', ..] => return Some(5),
                [_, _, _, _, b'-', b'>', ..] => return Some(6),
                _ => (4, "-->"),
            }
        } else if text.starts_with("<![CDATA[") {
            (9, "]]>")
        } else if byte_at(text, 1) == b'?' {
            (2, "?>")
        } else if byte_at(text, 2).is_ascii_alphabetic() {
            (3, ">")
        } else {
            return None;
        };
        if self.unclosed_html {
            return None;
        }
        let len = text.get(start..).and_then(|rest| rest.find(terminator));
        self.unclosed_html = len.is_none();
        Some(start + len? + terminator.len())
    }
}

/// A code span's text (<https://spec.commonmark.org/0.31.2/#code-spans>): line ends are spaces, one
/// space on both sides goes.
fn code_text(source: &str) -> Cow<'_, str> {
    if source.contains('\n') {
        return without_outer_spaces(&source.replace('\n', " ")).to_owned().into();
    }
    without_outer_spaces(source).into()
}

fn without_outer_spaces(text: &str) -> &str {
    let inner = text.strip_prefix(' ').and_then(|text| text.strip_suffix(' '));
    inner.filter(|inner| !inner.is_empty() && !inner.contains(is_line_terminator)).unwrap_or(text)
}

/// Characters that a rule may begin with, and a few more, at which text is cut as markdown-it cuts it.
const fn is_special(byte: u8) -> bool {
    matches!(
        byte,
        b'\n'
            | b'!'
            | b'#'
            | b'$'
            | b'%'
            | b'&'
            | b'*'
            | b'+'
            | b'-'
            | b':'
            | b'<'
            | b'='
            | b'>'
            | b'@'
            | b'['
            | b'\\'
            | b']'
            | b'^'
            | b'_'
            | b'`'
            | b'{'
            | b'}'
            | b'~'
    )
}

/// [`is_special`] for each byte: it is asked of all of them.
const IS_SPECIAL: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0u8;
    while byte < u8::MAX {
        table[byte as usize] = is_special(byte);
        byte += 1;
    }
    table
};

/// How much there is at the beginning of a text that no rule can begin with.
pub(super) fn plain_len(text: &str) -> usize {
    text.bytes().position(|byte| IS_SPECIAL[usize::from(byte)]).unwrap_or(text.len())
}

/// Whether no rule can begin anywhere in a text: it is one token, of its own characters. An image has a bracket.
pub(in super::super) fn is_plain(text: &str) -> bool {
    // To look at all of it takes less time than to stop: this way many bytes are looked at at once.
    let begins_rule = |byte| matches!(byte, b'\n' | b'\\' | b'`' | b'*' | b'_' | b'[' | b'<' | b'&');
    !text.bytes().fold(false, |found, byte| found | begins_rule(byte))
}

/// <https://spec.commonmark.org/0.31.2/#absolute-uri>
fn is_absolute(url: &str) -> bool {
    url.split_once(':').is_some_and(|(scheme, rest)| {
        (2..=32).contains(&scheme.len())
            && scheme.starts_with(|c: char| c.is_ascii_alphabetic())
            && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'.' | b'-'))
            && rest.bytes().all(|byte| byte > b' ')
    })
}

/// <https://spec.commonmark.org/0.31.2/#email-address>
fn is_email(address: &str) -> bool {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    address.split_once('@').is_some_and(|(name, domain)| {
        !name.is_empty()
            && name
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b".!#$%&'*+/=?^_`{|}~-".contains(&byte))
            && domain.split('.').all(label)
    })
}
