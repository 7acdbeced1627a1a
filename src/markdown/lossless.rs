//! Whether a document carries all of its source: what would be lost if it were edited and written back.

use std::borrow::Cow;

use super::node::Node;
use super::{Lost, Parsed, chars, line_number, parse, schema, serialize};

/// What would be lost if the document were edited and written back: [`Parsed::lost`], and what reads as
/// another document once it is written.
pub fn check_lossless(markdown: &str, parsed: &Parsed) -> Vec<Lost> {
    check(markdown, parsed).lost
}

/// A document as it is stored, and what its source has beyond it.
pub(crate) struct Checked<'a> {
    pub stored: Cow<'a, Node>,
    /// Its Markdown.
    pub written: String,
    /// See [`check_lossless`].
    pub lost: Vec<Lost>,
}

/// As [`check_lossless`], with what it takes to find out.
pub(crate) fn check<'a>(markdown: &str, parsed: &'a Parsed) -> Checked<'a> {
    let stored = stored(&parsed.doc);
    let written = serialize(&stored);
    let mut lost = parsed.lost.clone();
    // What is written as it was read would be read as it was: most records are drafts of ours.
    if !is_same_source(markdown, &written) {
        let read = parse(&written).doc;
        lost.extend(structure_lost(markdown, parsed, &stored, &self::stored(&read)));
    }
    Checked { stored, written, lost }
}

/// Whether two texts are the same to [`parse`]: it ignores a line end after the last line.
fn is_same_source(markdown: &str, written: &str) -> bool {
    markdown == written || chars::without_last_line_end(markdown) == written
}

/// The lines from which on a document is another one when it is read again; none if it is the same.
pub(super) fn structure_lost(markdown: &str, parsed: &Parsed, stored: &Node, read: &Node) -> Option<Lost> {
    if stored == read {
        return None;
    }
    let blocks = stored.content.iter().zip(&read.content);
    let changed = blocks.take_while(|(before, after)| before == after).count();
    let first = parsed.block_lines.get(changed).copied().unwrap_or(1);
    let same_count = read.content.len() == stored.content.len();
    let next = same_count.then(|| parsed.block_lines.get(changed + 1).map(|line| line - 1)).flatten();
    let last = next.unwrap_or_else(|| last_line(markdown));
    Some(Lost { first_line: first, last_line: last.max(first), kind: "structure" })
}

/// The number of a text's last line.
pub(super) fn last_line(markdown: &str) -> u32 {
    line_number(markdown.lines().count().saturating_sub(1))
}

/// A document as Yjs keeps it: there only text has marks. A bold line break or image looks the same without.
pub(crate) fn stored(doc: &Node) -> Cow<'_, Node> {
    if !has_marked_nodes(doc) {
        return Cow::Borrowed(doc);
    }
    let mut stored = doc.clone();
    drop_marks_of_nodes(&mut stored);
    Cow::Owned(stored)
}

fn has_marked_nodes(node: &Node) -> bool {
    (node.kind != schema::TEXT && !node.marks.is_empty()) || node.content.iter().any(has_marked_nodes)
}

fn drop_marks_of_nodes(node: &mut Node) {
    if node.kind != schema::TEXT {
        node.marks.clear();
    }
    node.content.iter_mut().for_each(drop_marks_of_nodes);
}
