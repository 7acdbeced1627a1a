//! A document written block by block, so that a block which is as it was need not be rendered again.
//!
//! Between two blocks of the document itself the writer remembers no more than where its text ends and of
//! what kind the block before was: a list after a list of its kind is set further apart. So a block's own
//! Markdown is the same wherever it stands, and what goes between two blocks is written anew each time.

use super::super::node::{Node, NodeKind};
use super::super::schema;
use super::Writer;

/// One block's Markdown.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct RenderedBlock {
    kind: NodeKind,
    markdown: Box<str>,
}

impl RenderedBlock {
    /// Renders a block by itself; `None` for what cannot be written without its neighbours: a node that is no
    /// block of the schema, and a block that leaves no text of its own.
    pub(crate) fn of(node: &Node) -> Option<Self> {
        if !is_block(node) {
            return None;
        }
        let mut writer = Writer::default();
        writer.blocks(std::slice::from_ref(node));
        // An empty paragraph writes nothing and still is what comes before the next block.
        let writes = !writer.out.is_empty() || (node.kind == schema::PARAGRAPH && node.content.is_empty());
        writes.then(|| Self { kind: node.kind.clone(), markdown: writer.out.into() })
    }

    /// Its Markdown.
    pub(crate) const fn markdown(&self) -> &str {
        &self.markdown
    }

    /// Its length in bytes.
    pub(crate) const fn len(&self) -> usize {
        self.markdown.len()
    }
}

fn is_block(node: &Node) -> bool {
    schema::node_type(&node.kind).is_some_and(|known| known.group == schema::Group::Block)
}

/// The blocks of a document put together: the same bytes as [`super::serialize`] gives for all of them.
#[derive(Debug, Default)]
pub(crate) struct Joiner {
    writer: Writer,
    joins_lists: bool,
}

impl Joiner {
    /// Adds a block that is rendered already.
    pub(crate) fn rendered(&mut self, block: &RenderedBlock) {
        let Self { writer, joins_lists } = self;
        *joins_lists |= super::is_list(&block.kind) && writer.closed.as_ref() == Some(&block.kind);
        if !block.markdown.is_empty() {
            if super::is_list(&block.kind) {
                writer.part_from_list(&block.kind);
            }
            writer.write(&block.markdown);
        }
        writer.closed = Some(block.kind.clone());
    }

    /// Adds a block, or anything else that stands among blocks.
    pub(crate) fn node(&mut self, node: &Node) {
        self.writer.blocks(std::slice::from_ref(node));
    }

    /// Whether a list came right after one of its kind: set apart or not, they are read as one.
    pub(crate) const fn joins_lists(&self) -> bool {
        self.joins_lists
    }

    /// The document's Markdown.
    pub(crate) fn finish(self) -> String {
        self.writer.out
    }
}
