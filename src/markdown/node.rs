//! A document as ProseMirror has it: a tree of typed nodes, text with marks at the leaves.

use super::attrs::Attrs;

/// One node of a document.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// The node type's name in the schema, `text` for text.
    pub kind: NodeKind,
    /// Its attributes, without those that are null.
    pub attrs: Attrs,
    /// The text of a text node, else empty.
    pub text: String,
    /// Marks of an inline node, in the schema's order.
    pub marks: Vec<Mark>,
    /// Children in order.
    pub content: Vec<Node>,
}

/// A node type's name, such as `paragraph`.
pub type NodeKind = std::borrow::Cow<'static, str>;

/// A mark on an inline node, such as `strong` or `link` with its attributes.
#[derive(Debug, Clone, PartialEq)]
pub struct Mark {
    /// The mark type's name in the schema.
    pub kind: NodeKind,
    /// Its attributes; null ones are kept, as the editor keeps them.
    pub attrs: Attrs,
}
