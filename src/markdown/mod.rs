//! The editor's document model and its Markdown, both ways, without IO and without yrs.
//!
//! The editor in the browser reads Markdown with prosemirror-markdown over markdown-it (its `commonmark`
//! preset with HTML and tables) and writes it with prosemirror-markdown. Here is the same, to the byte: a
//! document that the server writes must be the one that the editor would have written, and the tests
//! compare the two. A CommonMark crate would agree on the specification's examples only; so the rules are
//! written out here, one small file for each group.
//!
//! Source to tree: `block` cuts lines into blocks, `inline` text into tokens, `tree` makes nodes of `schema`
//! from both. Tree to source: `serialize`.
//!
//! | rule | file | where it comes from |
//! | --- | --- | --- |
//! | line ends, NUL | `chars` | [CommonMark 2.1, 2.3](https://spec.commonmark.org/0.31.2/#characters-and-lines) |
//! | tabs, indentation | `block/mod` | [CommonMark 2.2](https://spec.commonmark.org/0.31.2/#tabs) |
//! | which block interrupts which; nesting stops at 20 | `block/mod` | markdown-it [`parser_block`][mi], `maxNesting` |
//! | thematic breaks, headings, code, paragraphs | `block/leaf` | [CommonMark 4](https://spec.commonmark.org/0.31.2/#leaf-blocks) |
//! | info string kept as it is written | `block/leaf` | [prosemirror-markdown][pm], `fence` |
//! | HTML blocks: no node, lost | `block/html` | [CommonMark 4.6](https://spec.commonmark.org/0.31.2/#html-blocks) |
//! | a line that begins with a reference is text | `block/html` | ours: CommonMark would lose the line |
//! | link reference definitions | `block/reference` | [CommonMark 4.7](https://spec.commonmark.org/0.31.2/#link-reference-definitions) |
//! | quotes, lists, items | `block/container` | [CommonMark 5](https://spec.commonmark.org/0.31.2/#container-blocks) |
//! | tables; short rows filled, long ones cut | `block/table` | [GFM](https://github.github.com/gfm/#tables-extension-) |
//! | a table filled with at most 65,536 cells | `block/table` | markdown-it [`table`][mi] |
//! | escapes, code, autolinks, HTML, line ends | `inline/span` | [CommonMark 6](https://spec.commonmark.org/0.31.2/#inlines) |
//! | brackets nested at most 20 deep | `inline/mod` | markdown-it [`parser_inline`][mi], `maxNesting` |
//! | HTML tags | `html_tag` | [CommonMark 6.6](https://spec.commonmark.org/0.31.2/#raw-html) |
//! | links, images | `inline/link` | [CommonMark 6.3, 6.4](https://spec.commonmark.org/0.31.2/#links) |
//! | emphasis | `inline/emphasis` | [CommonMark 6.2](https://spec.commonmark.org/0.31.2/#emphasis-and-strong-emphasis) |
//! | character references | `entity` | [CommonMark 2.5](https://spec.commonmark.org/0.31.2/#entity-and-numeric-character-references), [HTML](https://html.spec.whatwg.org/multipage/named-characters.html) |
//! | destinations in ASCII, some schemes refused | `url`, `punycode` | markdown-it [`normalizeLink`, `validateLink`][mi] |
//! | a soft line end is a space; marks are a set | `tree`, `schema` | [prosemirror-markdown][pm] |
//! | an image's description is its first piece of text | `tree`, `inline/link` | [prosemirror-markdown][pm], `image` |
//! | missing content filled in | `schema` | [prosemirror-model](https://prosemirror.net/docs/ref/#model.NodeType.createAndFill), `createAndFill` |
//! | `<!--civic-ref ...-->` is a `civicRef` | `civic` | ours |
//! | `<br>` in a cell is a `hard_break`, and the other way | `tree`, `serialize/inline` | ours |
//! | blocks, prefixes, bullets `*`, loose lists | `serialize/mod` | [prosemirror-markdown][pm], `to_markdown` |
//! | order and space of marks, breaks as `\`, autolinks | `serialize/inline` | the same |
//! | escaping | `serialize/escape` | the same, `esc` |
//! | a cell is one line, trimmed, `\|` escaped; rows filled to the widest | `serialize/table` | ours |
//! | a heading's level is 1 to 6, whatever a client says | `serialize/mod` | ours |
//! | blocks rendered apart and put together are the same bytes | `serialize/join` | ours |
//!
//! What a source has and its document cannot have is named in [`Parsed::lost`]:
//!
//! | kind | what |
//! | --- | --- |
//! | `html_block`, `html_inline` | HTML other than references and breaks in cells |
//! | `footnote` | `[^1]` and its definition, text to this parser |
//! | `link_reference` | a definition that no link uses, or that comes after another one |
//! | `image_alt` | an image's description beyond its first piece, or its formatting |
//! | `empty_link` | a link around nothing |
//! | `linked_node` | a link around an image or a reference; in Yjs only text keeps its links |
//! | `nested_mark` | text in emphasis, after the same emphasis was closed within |
//! | `list_start` | an ordered list that begins with 0 |
//! | `table_cell` | cells beyond the header's columns |
//! | `nested_too_deep` | everything from where quotes and lists are nested more than 20 deep |
//! | `structure` | what is another document once it is written; found by [`check_lossless`] |
//!
//! [mi]: https://github.com/markdown-it/markdown-it/tree/14.3.3/lib
//! [pm]: https://github.com/ProseMirror/prosemirror-markdown/tree/1.13.9/src

mod attrs;
mod block;
mod carried;
mod chars;
mod civic;
mod difference;
mod entity;
mod html_tag;
mod inline;
mod lossless;
mod node;
mod punycode;
mod read_back;
pub(crate) mod schema;
mod serialize;
mod tree;
mod url;

pub(crate) use attrs::Attr;
pub use attrs::Attrs;
pub(crate) use carried::not_carried;
pub use difference::lost_between;
pub use lossless::check_lossless;
pub(crate) use lossless::{Checked, check, stored};
pub use node::{Mark, Node, NodeKind};
pub(crate) use read_back::is_read_back;
pub use serialize::serialize;
pub(crate) use serialize::{Joiner, RenderedBlock};

/// A document and what it could not take from its source.
#[derive(Debug, Clone, PartialEq)]
pub struct Parsed {
    /// The document's root, a `doc`.
    pub doc: Node,
    /// What has no node, in the order of lines.
    pub lost: Vec<Lost>,
    /// The line of the source, counted from 1, on which each of the document's blocks begins. A document
    /// that is only filled up with an empty paragraph has none.
    pub block_lines: Vec<u32>,
}

/// Content of a source that its document does not have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lost {
    /// The first line, counted from 1.
    pub first_line: u32,
    /// The last line, counted from 1.
    pub last_line: u32,
    /// What it is, such as `html_block`.
    pub kind: &'static str,
}

impl Lost {
    /// Something on some line or other.
    pub fn all_of(text: &str) -> Self {
        Self { first_line: 1, last_line: lossless::last_line(text), kind: "structure" }
    }

    /// Lines counted from 0, both inclusive.
    fn lines(kind: &'static str, first: usize, last: usize) -> Self {
        Self { first_line: line_number(first), last_line: line_number(last), kind }
    }
}

/// People count lines from 1.
fn line_number(line: usize) -> u32 {
    u32::try_from(line + 1).unwrap_or(u32::MAX)
}

/// Reads Markdown. Everything is Markdown: this cannot fail, but [`Parsed::lost`] may say that the
/// document is not all of it.
pub fn parse(markdown: &str) -> Parsed {
    let source = chars::normalize(markdown);
    tree::build(block::parse(chars::without_last_line_end(&source)))
}

#[cfg(test)]
mod tests;
