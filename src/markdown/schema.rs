//! The editor's schema: which nodes and marks exist, their attributes, and what may be inside what.
//!
//! The same as `prosemirror-schema-basic`, `prosemirror-schema-list` and `prosemirror-tables` give
//! (<https://prosemirror.net/docs/ref/#schema-basic>), with `civicRef` added.

use serde_json::Value;

use super::attrs::Attrs;
use super::node::{Mark, Node};

pub(crate) const DOC: &str = "doc";
pub(crate) const TEXT: &str = "text";
pub(crate) const PARAGRAPH: &str = "paragraph";
pub(crate) const HEADING: &str = "heading";
pub(crate) const BLOCKQUOTE: &str = "blockquote";
pub(crate) const HORIZONTAL_RULE: &str = "horizontal_rule";
pub(crate) const CODE_BLOCK: &str = "code_block";
pub(crate) const BULLET_LIST: &str = "bullet_list";
pub(crate) const ORDERED_LIST: &str = "ordered_list";
pub(crate) const LIST_ITEM: &str = "list_item";
pub(crate) const IMAGE: &str = "image";
pub(crate) const HARD_BREAK: &str = "hard_break";
pub(crate) const TABLE: &str = "table";
pub(crate) const TABLE_ROW: &str = "table_row";
pub(crate) const TABLE_CELL: &str = "table_cell";
pub(crate) const TABLE_HEADER: &str = "table_header";
pub(crate) const CIVIC_REF: &str = "civicRef";

pub(crate) const LINK: &str = "link";
pub(crate) const EM: &str = "em";
pub(crate) const STRONG: &str = "strong";
pub(crate) const CODE: &str = "code";

/// The deepest tree that is built, read or written. Markdown itself gives at most 22 levels
/// (see `block`); the editor has no limit, so somebody else's document may be deeper.
pub(crate) const DEPTH_MAX: usize = 64;

/// What a node may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Content {
    /// One block or more.
    Blocks,
    /// A paragraph, then any blocks.
    ParagraphFirst,
    /// Text and inline nodes, with marks.
    Inline,
    /// Text without marks.
    Text,
    /// Nothing.
    Leaf,
    /// One list item or more.
    Items,
    /// One table row or more.
    Rows,
    /// Any number of cells.
    Cells,
}

/// What kind of place a node may stand in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Group {
    /// Among blocks.
    Block,
    /// Among text.
    Inline,
    /// In a list.
    Item,
    /// In a table.
    Row,
    /// In a table row.
    Cell,
    /// Nowhere: the document itself.
    Top,
}

/// One node type.
#[derive(Debug)]
pub(crate) struct NodeType {
    /// Its name in the schema.
    pub name: &'static str,
    /// What it holds.
    pub content: Content,
    /// Where it stands.
    pub group: Group,
    /// Its attributes and their defaults.
    pub attrs: &'static [(&'static str, Fallback)],
}

/// The value of an attribute that is not given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fallback {
    /// There is none: the node cannot be without it.
    Required,
    /// `null`, which [`Attrs`] leaves out.
    Null,
    /// A number.
    Number(u32),
    /// A text.
    Text(&'static str),
}

const CELL_ATTRS: &[(&str, Fallback)] = &[
    ("colspan", Fallback::Number(1)),
    ("rowspan", Fallback::Number(1)),
    ("colwidth", Fallback::Null),
    ("align", Fallback::Null),
];

macro_rules! node_types {
    ($($name:ident, $content:ident, $group:ident, $attrs:expr;)+) => {
        /// The node type of this name.
        pub(crate) fn node_type(name: &str) -> Option<&'static NodeType> {
            match name {
                $($name => {
                    const TYPE: NodeType = NodeType {
                        name: $name, content: Content::$content, group: Group::$group, attrs: $attrs,
                    };
                    Some(&TYPE)
                })+
                _ => None,
            }
        }
    };
}

node_types! {
    DOC, Blocks, Top, &[];
    PARAGRAPH, Inline, Block, &[];
    BLOCKQUOTE, Blocks, Block, &[];
    HORIZONTAL_RULE, Leaf, Block, &[];
    HEADING, Inline, Block, &[("level", Fallback::Number(1))];
    CODE_BLOCK, Text, Block, &[("params", Fallback::Text(""))];
    TEXT, Leaf, Inline, &[];
    IMAGE, Leaf, Inline, &[("src", Fallback::Required), ("alt", Fallback::Null), ("title", Fallback::Null)];
    HARD_BREAK, Leaf, Inline, &[];
    ORDERED_LIST, Items, Block, &[("order", Fallback::Number(1))];
    BULLET_LIST, Items, Block, &[];
    LIST_ITEM, ParagraphFirst, Item, &[];
    TABLE, Rows, Block, &[];
    TABLE_ROW, Cells, Row, &[];
    TABLE_CELL, Blocks, Cell, CELL_ATTRS;
    TABLE_HEADER, Blocks, Cell, CELL_ATTRS;
    CIVIC_REF, Leaf, Inline,
        &[("refType", Fallback::Text("record")), ("id", Fallback::Text("")), ("label", Fallback::Text(""))];
}

/// Mark types in the schema's order, which is the order of marks on a node, with their attributes.
pub(crate) const MARK_TYPES: &[(&str, &[(&str, Fallback)])] = &[
    (LINK, &[("href", Fallback::Required), ("title", Fallback::Null)]),
    (EM, &[]),
    (STRONG, &[]),
    (CODE, &[]),
];

/// The place of a mark type in the schema's order; unknown ones come last.
pub(crate) fn mark_rank(name: &str) -> usize {
    MARK_TYPES.iter().position(|(known, _)| *known == name).unwrap_or(MARK_TYPES.len())
}

impl Content {
    /// Whether a child of this group can stand here at all.
    pub(crate) const fn takes(self, group: Group) -> bool {
        match self {
            Self::Blocks | Self::ParagraphFirst => matches!(group, Group::Block),
            Self::Inline | Self::Text => matches!(group, Group::Inline),
            Self::Items => matches!(group, Group::Item),
            Self::Rows => matches!(group, Group::Row),
            Self::Cells => matches!(group, Group::Cell),
            Self::Leaf => false,
        }
    }
}

/// All attributes of a type: those given, else the defaults. `None` if one that is required is missing.
/// Names that the type does not have are left out, as ProseMirror does.
pub(crate) fn complete_attrs(spec: &[(&'static str, Fallback)], given: Attrs) -> Option<Attrs> {
    if given.len() == spec.len() && spec.iter().all(|(name, _)| given.get(name).is_some()) {
        return Some(given);
    }
    let attrs = spec.iter().map(|&(name, fallback)| {
        let value = match (given.get(name), fallback) {
            (Some(value), _) => value.clone(),
            (None, Fallback::Required) => return None,
            (None, Fallback::Null) => Value::Null,
            (None, Fallback::Number(number)) => number.into(),
            (None, Fallback::Text(text)) => text.into(),
        };
        Some((name, value))
    });
    attrs.collect()
}

/// The same for a node, which has none that are null.
pub(crate) fn node_attrs(spec: &[(&'static str, Fallback)], given: Attrs) -> Option<Attrs> {
    if spec.is_empty() && given.is_empty() {
        return Some(given);
    }
    let is_known = |name: &str| spec.iter().any(|(known, _)| *known == name);
    let is_there = |name: &str, fallback: Fallback| fallback == Fallback::Null || given.get(name).is_some();
    if given.iter().all(|(name, value)| !value.is_null() && is_known(name))
        && spec.iter().all(|&(name, fallback)| is_there(name, fallback))
    {
        return Some(given);
    }
    complete_attrs(spec, given).map(Attrs::without_nulls)
}

/// An element of a known type with its children, missing attributes and content filled in as
/// ProseMirror's `createAndFill` does. `None` if a required attribute is missing.
pub(crate) fn fill(node_type: &'static NodeType, attrs: Attrs, content: Vec<Node>) -> Option<Node> {
    Some(fill_content(node_type, node_attrs(node_type.attrs, attrs)?, content))
}

/// The same where no attribute is missing: a list item begins with a paragraph, what must hold a block
/// holds one.
pub(crate) fn fill_content(node_type: &'static NodeType, attrs: Attrs, mut content: Vec<Node>) -> Node {
    let first_is_paragraph = content.first().is_some_and(|node| node.kind == PARAGRAPH);
    match node_type.content {
        Content::Blocks if content.is_empty() => content.push(empty(PARAGRAPH)),
        Content::ParagraphFirst if !first_is_paragraph => content.insert(0, empty(PARAGRAPH)),
        _ => {}
    }
    Node { kind: node_type.name.into(), attrs, text: String::new(), marks: Vec::new(), content }
}

/// An element without attributes and content.
pub(crate) fn empty(name: &'static str) -> Node {
    Node {
        kind: name.into(),
        attrs: Attrs::new(),
        text: String::new(),
        marks: Vec::new(),
        content: Vec::new(),
    }
}

/// A text node.
pub(crate) fn text(text: impl Into<String>, marks: Vec<Mark>) -> Node {
    Node { kind: TEXT.into(), attrs: Attrs::new(), text: text.into(), marks, content: Vec::new() }
}

/// A mark without attributes.
pub(crate) fn plain_mark(name: &'static str) -> Mark {
    Mark { kind: name.into(), attrs: Attrs::new() }
}

/// Adds a mark to a set: the schema's order is kept, and of each type there is one at most.
pub(crate) fn add_mark(marks: &mut Vec<Mark>, mark: Mark) {
    marks.retain(|other| other.kind != mark.kind);
    let rank = mark_rank(&mark.kind);
    let at = marks.iter().position(|other| mark_rank(&other.kind) > rank).unwrap_or(marks.len());
    marks.insert(at, mark);
}
