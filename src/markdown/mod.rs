//! The editor's document model and its Markdown, both ways, without IO and without yrs.

mod block;
mod chars;
mod civic;
mod entity;
mod html_tag;
mod inline;
mod node;
mod punycode;
pub(crate) mod schema;
mod serialize;
mod tree;
mod url;

pub use node::{Attrs, Mark, Node, NodeKind};
pub use serialize::serialize;

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
    tree::build(block::parse(&chars::normalize(markdown)))
}

/// What would be lost if the document were edited and written back: [`Parsed::lost`], and what reads as
/// another document once it is written.
pub fn check_lossless(markdown: &str, parsed: &Parsed) -> Vec<Lost> {
    let mut lost = parsed.lost.clone();
    let mut stored = parsed.doc.clone();
    drop_marks_of_nodes(&mut stored);
    let mut again = parse(&serialize(&stored)).doc;
    drop_marks_of_nodes(&mut again);
    if again != stored {
        let blocks = stored.content.iter().zip(&again.content);
        let changed = blocks.take_while(|(before, after)| before == after).count();
        let first = parsed.block_lines.get(changed).copied().unwrap_or(1);
        let same_count = again.content.len() == stored.content.len();
        let next = same_count.then(|| parsed.block_lines.get(changed + 1).map(|line| line - 1)).flatten();
        let last = next.unwrap_or_else(|| line_number(markdown.lines().count().saturating_sub(1)));
        lost.push(Lost { first_line: first, last_line: last.max(first), kind: "structure" });
    }
    lost
}

/// In Yjs, the editor's documents keep marks of text only. A bold line break or image looks the same without.
fn drop_marks_of_nodes(node: &mut Node) {
    if node.kind != schema::TEXT {
        node.marks.clear();
    }
    node.content.iter_mut().for_each(drop_marks_of_nodes);
}

#[cfg(test)]
mod tests;
