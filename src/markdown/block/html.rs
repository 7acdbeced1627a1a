//! HTML blocks (<https://spec.commonmark.org/0.31.2/#html-blocks>). They have no node: what they hold is lost,
//! unless it is a reference of ours.

use super::super::chars::is_js_space;
use super::super::civic;
use super::super::html_tag::tag_end;
use super::Parser;

/// The seven kinds of HTML block, by what they begin with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// `script`, `pre`, `style`, `textarea`: to the closing tag.
    Raw,
    Comment,
    Instruction,
    Declaration,
    CData,
    /// A block-level tag: to an empty line.
    BlockTag,
    /// Any complete tag alone on its line: to an empty line.
    AnyTag,
}

impl Kind {
    /// Whether such a block may end a paragraph.
    pub(super) const fn interrupts(self) -> bool {
        !matches!(self, Self::AnyTag)
    }

    const fn ends_on_empty_line(self) -> bool {
        matches!(self, Self::BlockTag | Self::AnyTag)
    }

    fn ends_on(self, line: &str) -> bool {
        match self {
            Self::Raw => {
                let line = line.to_ascii_lowercase();
                RAW_TAGS.iter().any(|tag| {
                    line.match_indices("</").any(|(at, _)| {
                        line[at + 2..].strip_prefix(tag).is_some_and(|rest| rest.starts_with('>'))
                    })
                })
            }
            Self::Comment => line.contains("-->"),
            Self::Instruction => line.contains("?>"),
            Self::Declaration => line.contains('>'),
            Self::CData => line.contains("]]>"),
            Self::BlockTag | Self::AnyTag => line.is_empty(),
        }
    }
}

const RAW_TAGS: [&str; 4] = ["script", "pre", "style", "textarea"];

/// <https://spec.commonmark.org/0.31.2/#html-blocks>, start condition 6.
#[rustfmt::skip]
const BLOCK_TAGS: [&str; 62] = [
    "address", "article", "aside", "base", "basefont", "blockquote", "body", "caption", "center", "col",
    "colgroup", "dd", "details", "dialog", "dir", "div", "dl", "dt", "fieldset", "figcaption", "figure",
    "footer", "form", "frame", "frameset", "h1", "h2", "h3", "h4", "h5", "h6", "head", "header", "hr", "html",
    "iframe", "legend", "li", "link", "main", "menu", "menuitem", "nav", "noframes", "ol", "optgroup", "option",
    "p", "param", "search", "section", "summary", "table", "tbody", "td", "tfoot", "th", "thead", "title", "tr",
    "track", "ul",
];

fn kind_of(line: &str) -> Option<Kind> {
    let rest = line.strip_prefix('<')?;
    let (tag, after) = split_name(rest);
    if RAW_TAGS.contains(&tag.as_str()) && (ends_name(after) || after.starts_with('>')) {
        return Some(Kind::Raw);
    }
    if rest.starts_with("!--") {
        return Some(Kind::Comment);
    }
    if rest.starts_with('?') {
        return Some(Kind::Instruction);
    }
    if rest.starts_with('!') && rest[1..].starts_with(|c: char| c.is_ascii_alphabetic()) {
        return Some(Kind::Declaration);
    }
    if rest.starts_with("![CDATA[") {
        return Some(Kind::CData);
    }
    let (tag, after) = split_name(rest.strip_prefix('/').unwrap_or(rest));
    let closed = ends_name(after) || after.starts_with('>') || after.starts_with("/>");
    if BLOCK_TAGS.contains(&tag.as_str()) && closed {
        return Some(Kind::BlockTag);
    }
    let alone = tag_end(line).is_some_and(|end| line[end..].chars().all(is_js_space));
    alone.then_some(Kind::AnyTag)
}

/// A tag's name in lower case, and what comes after it.
fn split_name(text: &str) -> (String, &str) {
    let (name, after) = text.split_at(text.bytes().take_while(u8::is_ascii_alphanumeric).count());
    (name.to_ascii_lowercase(), after)
}

fn ends_name(after: &str) -> bool {
    after.is_empty() || after.starts_with(is_js_space)
}

impl Parser<'_> {
    pub(super) fn html_kind(&self, line: usize) -> Option<Kind> {
        if self.indent(line) >= 4 {
            return None;
        }
        let text = self.text(line);
        // CommonMark takes a whole line that begins with a comment for HTML. A reference at the
        // beginning of a paragraph or an item is as good as one in the middle.
        if civic::starts_with_reference(text) { None } else { kind_of(text) }
    }

    pub(super) fn html(&mut self, line: usize, to: usize) -> bool {
        let Some(kind) = self.html_kind(line) else { return false };
        let mut next = line + 1;
        if !kind.ends_on(self.text(line)) {
            while next < to {
                let outdented = self.lines[next].indent < self.content_indent;
                if outdented && (kind.ends_on_empty_line() || !self.is_empty(next)) {
                    break;
                }
                let text = self.text(next);
                if kind.ends_on(text) {
                    next += usize::from(!text.is_empty());
                    break;
                }
                next += 1;
            }
        }
        self.line = next;
        self.lose("html_block", line, next);
        true
    }
}
