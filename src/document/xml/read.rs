//! From Yjs to the editor's tree.

use serde_json::Value;
use yrs::branch::{Branch, BranchPtr};
use yrs::types::Attrs as TextAttrs;
use yrs::types::text::YChange;
use yrs::{
    Any, Array, ArrayRef, GetString, Out, ReadTxn, Text, TextRef, Xml, XmlElementRef, XmlFragment,
    XmlFragmentRef, XmlOut, XmlTextRef,
};

use super::foreign::Foreign;
use super::write::PLAIN_VALUE;
use crate::document::marks::{can_be_read_as_pieces, can_be_read_one_by_one};
use crate::markdown::schema::{self, Content, DEPTH_MAX, Group, NodeType};
use crate::markdown::{Attrs, Mark, Node};
use crate::protocol::wire::utf16_len;

/// The most that the values of marks may come to, in bytes. Each piece of a text has a copy of those that are open there,
/// so that one of a megabyte and many pieces would be gigabytes. What is beyond is read without marks.
const MARK_BYTES_MAX: usize = 256 << 20;

/// A document, and whether it is all that the fragment holds.
#[derive(Debug, Clone, PartialEq)]
pub struct Reading {
    /// The document's root, a `doc`.
    pub doc: Node,
    /// How many nodes and marks did not fit the schema. Their text is in the document nevertheless,
    /// where an editor would have deleted it.
    pub misfits: usize,
    /// Those of them that the schema does not have at all, and attributes that it does not have.
    pub foreign: Foreign,
}

/// Reads the editor's document, [`Reading::doc`] alone.
pub fn read_fragment(txn: &impl ReadTxn, fragment: &XmlFragmentRef) -> Node {
    read(txn, fragment).doc
}

/// Reads the editor's document.
///
/// What fits the schema is read as the editor reads it: a node without the content it must have is left out.
/// Text where the schema allows none, which edits at the same time or other programs can bring about, is
/// kept: as a paragraph among blocks, without the mark that does not exist. What is nested deeper than
/// any editor shows is flat.
pub fn read(txn: &impl ReadTxn, fragment: &XmlFragmentRef) -> Reading {
    let mut reader = Reader::new(txn, Rules::Editor);
    let children = reader.children(fragment, 1);
    let mut doc = schema::empty(schema::DOC);
    doc.content = reader.fit(Content::Blocks, children);
    Reading { doc, misfits: reader.misfits, foreign: reader.foreign }
}

/// All children by their index, `None` for what is no XML type. yrs's own walk ends at the first of those,
/// and with it everything behind it would be missing.
pub(crate) fn children(txn: &impl ReadTxn, parent: &impl XmlFragment) -> Vec<Option<XmlOut>> {
    let row = BranchPtr::from(parent.as_ref());
    if can_be_read_one_by_one(txn, row) {
        return ArrayRef::from(row).iter(txn).map(|child| XmlOut::try_from(child).ok()).collect();
    }
    let text = TextRef::from(row);
    let len = text.len(txn) as usize;
    let mut children = Vec::new();
    if can_be_read_as_pieces(txn, row) {
        for piece in text.diff(txn, YChange::identity) {
            match piece.insert {
                Out::Any(Any::String(characters)) => {
                    children.resize(children.len() + utf16_len(&characters), None);
                }
                child => children.push(XmlOut::try_from(child).ok()),
            }
        }
    }
    // A text may also be one thing by itself, and then it is not known what is where.
    if children.len() == len { children } else { vec![None; len] }
}

/// What is read with, and how much of it does not fit.
pub(crate) struct Reader<'a, T> {
    pub(crate) txn: &'a T,
    /// See [`Reading::misfits`].
    pub(crate) misfits: usize,
    /// See [`Reading::foreign`].
    pub(crate) foreign: Foreign,
    /// Whose marks they are.
    rules: Rules,
    /// What the values of marks have come to.
    mark_bytes: usize,
}

/// Which marks there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rules {
    /// Those of the editor's schema.
    Editor,
    /// Those that are there.
    Open,
}

impl<'a, T> Reader<'a, T> {
    pub(crate) const fn new(txn: &'a T, rules: Rules) -> Self {
        Self { txn, misfits: 0, foreign: Foreign::new(), rules, mark_bytes: 0 }
    }
}

impl<T: ReadTxn> Reader<'_, T> {
    fn children(&mut self, parent: &impl XmlFragment, depth: usize) -> Vec<Node> {
        if depth > DEPTH_MAX {
            self.misfits += 1;
            return self.flat(parent);
        }
        let mut nodes = Vec::new();
        for child in children(self.txn, parent) {
            self.child(child, depth, &mut nodes);
        }
        nodes
    }

    fn child(&mut self, child: Option<XmlOut>, depth: usize, nodes: &mut Vec<Node>) {
        match child {
            Some(XmlOut::Element(element)) => self.element(&element, depth, nodes),
            Some(XmlOut::Text(text)) => self.text(&text, nodes),
            Some(XmlOut::Fragment(_)) | None => {
                self.misfits += 1;
                self.foreign.node("");
            }
        }
    }

    /// The nodes that one child of the fragment is read as; [`Assembly`] makes a document of them.
    pub(crate) fn block(&mut self, child: XmlOut) -> Vec<Node> {
        let mut nodes = Vec::new();
        self.child(Some(child), 1, &mut nodes);
        nodes
    }

    /// All the text inside, in the order of the document and without recursion.
    fn flat(&mut self, parent: &impl XmlFragment) -> Vec<Node> {
        let mut nodes = Vec::new();
        for inside in parent.successors(self.txn) {
            if let XmlOut::Text(text) = inside {
                self.text(&text, &mut nodes);
            }
        }
        nodes
    }

    /// Adds the element's node; or, where it is none, what is inside.
    fn element(&mut self, element: &XmlElementRef, depth: usize, nodes: &mut Vec<Node>) {
        let children = self.children(element, depth + 1);
        let name = element.try_tag().map(AsRef::as_ref).unwrap_or_default();
        let given = element.attributes(self.txn).map(|(attribute, value)| {
            if !matches!(value, Out::Any(_)) {
                self.misfits += 1;
                self.foreign.attribute(name, attribute);
            }
            (attribute.to_owned(), value_of(&value))
        });
        let given: Attrs = given.collect();
        self.make_element((name, schema::node_type(name)), given, children, nodes);
    }

    /// Adds the pieces of a shared text.
    pub(crate) fn text(&mut self, text: &XmlTextRef, nodes: &mut Vec<Node>) {
        let row = BranchPtr::from(AsRef::<Branch>::as_ref(text));
        if !can_be_read_as_pieces(self.txn, row) {
            self.misfits += 1;
            self.foreign.node("");
            return self.piece(&TextRef::from(row).get_string(self.txn), |_| Vec::new(), 0, nodes);
        }
        for piece in text.diff(self.txn, YChange::identity) {
            let Out::Any(Any::String(content)) = piece.insert else {
                self.misfits += 1;
                self.foreign.node("");
                continue;
            };
            let marks =
                |reader: &mut Self| piece.attributes.map(|attrs| reader.marks(&attrs)).unwrap_or_default();
            self.piece(&content, marks, 0, nodes);
        }
    }
}

/// An attribute's value. A shared type is none: editors have none there, and yrs goes round for ever with some.
pub(super) fn value_of(value: &Out) -> Value {
    if let Out::Any(value) = value { json(value) } else { Value::Null }
}

/// What nodes become in the editor, wherever they were read.
impl<T> Reader<'_, T> {
    /// Adds an element of this name and type with what is inside; or, where it is none, what is inside.
    pub(super) fn make_element(
        &mut self,
        (name, node_type): (&str, Option<&'static NodeType>),
        given: Attrs,
        children: Vec<Node>,
        nodes: &mut Vec<Node>,
    ) {
        let known = node_type.filter(|known| !matches!(known.name, schema::DOC | schema::TEXT));
        let Some(node_type) = known else {
            self.misfits += 1;
            self.foreign.node(name);
            nodes.extend(children);
            return;
        };
        self.foreign_attributes(node_type.name, node_type.attrs, &given);
        let Some(attrs) = schema::node_attrs(node_type.attrs, given) else {
            self.misfits += 1;
            nodes.extend(children);
            return;
        };
        let content = self.fit(node_type.content, children);
        let required =
            !matches!(node_type.content, Content::Inline | Content::Text | Content::Leaf | Content::Cells);
        if !(required && content.is_empty()) {
            nodes.push(Node { attrs, content, ..schema::empty(node_type.name) });
        }
    }

    /// Adds a piece of text to what its parent holds, which begins there.
    pub(super) fn piece(
        &mut self,
        content: &str,
        marks: impl FnOnce(&mut Self) -> Vec<Mark>,
        first: usize,
        nodes: &mut Vec<Node>,
    ) {
        if content.is_empty() {
            return;
        }
        let marks = marks(self);
        match nodes.get_mut(first..).and_then(<[Node]>::last_mut) {
            Some(last) if last.kind == schema::TEXT && last.marks == marks => last.text.push_str(content),
            _ => nodes.push(schema::text(content, marks)),
        }
    }

    fn marks(&mut self, attributes: &TextAttrs) -> Vec<Mark> {
        self.mark_bytes = attributes.values().map(bytes_of).fold(self.mark_bytes, usize::saturating_add);
        if self.mark_bytes > MARK_BYTES_MAX {
            self.misfits += 1;
            attributes.keys().for_each(|name| self.foreign.mark(name));
            return Vec::new();
        }
        if self.rules == Rules::Open {
            return open_marks(attributes);
        }
        let mut formats: Vec<_> =
            attributes.iter().map(|(name, value)| (name.as_ref(), given_attrs(value))).collect();
        sort_formats(&mut formats);
        self.known_marks(&formats)
    }

    /// The schema's marks among formatting attributes that are in their order.
    pub(super) fn known_marks(&mut self, formats: &[(&str, Attrs)]) -> Vec<Mark> {
        let mut marks = Vec::new();
        for (name, given) in formats {
            let name = mark_name(name);
            let Some((known, spec)) = schema::MARK_TYPES.iter().find(|(known, _)| *known == name) else {
                self.foreign.mark(name);
                self.misfits += 1;
                continue;
            };
            self.foreign_attributes(known, spec, given);
            match schema::complete_attrs(spec, given.clone()) {
                Some(attrs) => marks.push(Mark { kind: (*known).into(), attrs }),
                None => self.misfits += 1,
            }
        }
        marks
    }

    /// Notes the attributes that the schema does not have. One that is null is not there.
    fn foreign_attributes(&mut self, of: &str, spec: &[(&'static str, schema::Fallback)], given: &Attrs) {
        let is_foreign = |name: &str| spec.iter().all(|(known, _)| *known != name);
        for (name, _) in given.iter().filter(|(name, value)| is_foreign(name) && !value.is_null()) {
            self.foreign.attribute(of, name);
        }
    }

    /// Children as a node with this content can have them.
    pub(super) fn fit(&mut self, content: Content, children: Vec<Node>) -> Vec<Node> {
        if do_fit(content, &children) {
            return children;
        }
        let mut fitted = Assembly::new(content);
        children.into_iter().for_each(|child| fitted.add(child));
        fitted.wrap_strays();
        let first = fitted.nodes.first();
        if content == Content::ParagraphFirst && first.is_some_and(|first| first.kind != schema::PARAGRAPH) {
            fitted.misfits += 1;
            fitted.nodes.insert(0, schema::empty(schema::PARAGRAPH));
        }
        self.misfits += fitted.misfits;
        fitted.nodes
    }
}

/// Puts formatting attributes into the order of the marks that they are.
pub(super) fn sort_formats(formats: &mut [(&str, Attrs)]) {
    if formats.len() > 1 {
        formats.sort_by_key(|(name, _)| (schema::mark_rank(mark_name(name)), *name));
    }
}

/// A mark's attributes as a formatting attribute has them.
pub(super) fn given_attrs(value: &Any) -> Attrs {
    match json(value) {
        Value::Object(given) => given.into_iter().collect(),
        _ => Attrs::new(),
    }
}

/// Marks as they are, in the order of their names.
fn open_marks(attributes: &TextAttrs) -> Vec<Mark> {
    let mut marks: Vec<Mark> = Vec::new();
    for (name, value) in attributes.iter().filter(|(_, value)| !matches!(value, Any::Null | Any::Undefined)) {
        let attrs = match json(value) {
            Value::Object(attrs) => attrs.into_iter().collect(),
            plain => Attrs::from([(PLAIN_VALUE.to_owned(), plain)]),
        };
        marks.push(Mark { kind: name.to_string().into(), attrs });
    }
    marks.sort_by(|a, b| a.kind.cmp(&b.kind));
    marks
}

/// Children made to fit. Those that cannot stand here are put into a node that can, or give their own
/// children instead.
pub(crate) struct Assembly {
    content: Content,
    nodes: Vec<Node>,
    /// Inline nodes and blocks in a row that wait for a node around them.
    strays: Vec<Node>,
    misfits: usize,
}

impl Assembly {
    const fn new(content: Content) -> Self {
        Self { content, nodes: Vec::new(), strays: Vec::new(), misfits: 0 }
    }

    /// For the children of the document itself.
    pub(crate) const fn of_blocks() -> Self {
        Self::new(Content::Blocks)
    }

    /// The children so far; what comes next does not go together with them.
    pub(crate) fn take(&mut self) -> Vec<Node> {
        self.wrap_strays();
        std::mem::take(&mut self.nodes)
    }

    pub(crate) fn add(&mut self, child: Node) {
        let Some(group) = schema::node_type(&child.kind).map(|node_type| node_type.group) else { return };
        if takes(self.content, group, &child) {
            self.wrap_strays();
            if child.kind == schema::TEXT {
                push_text(&mut self.nodes, child);
            } else {
                self.nodes.push(child);
            }
            return;
        }
        self.misfits += 1;
        if self.content == Content::Text && child.kind == schema::TEXT {
            push_text(&mut self.nodes, schema::text(child.text, Vec::new()));
        } else if self.wrapper().is_some() && matches!(group, Group::Inline | Group::Block) {
            self.strays.push(child);
        } else {
            child.content.into_iter().for_each(|inside| self.add(inside));
        }
    }

    /// What a stray may be put into.
    fn wrapper(&self) -> Option<&'static schema::NodeType> {
        schema::node_type(match self.content {
            Content::Blocks | Content::ParagraphFirst => schema::PARAGRAPH,
            Content::Items => schema::LIST_ITEM,
            Content::Rows => schema::TABLE_ROW,
            Content::Cells => schema::TABLE_CELL,
            Content::Inline | Content::Text | Content::Leaf => return None,
        })
    }

    fn wrap_strays(&mut self) {
        let Some(wrapper) = self.wrapper().filter(|_| !self.strays.is_empty()) else { return };
        let mut inside = Self::new(wrapper.content);
        std::mem::take(&mut self.strays).into_iter().for_each(|stray| inside.add(stray));
        inside.wrap_strays();
        self.nodes.extend(schema::fill(wrapper, Attrs::new(), inside.nodes));
    }
}

/// Whether a child of this group can stand here.
fn takes(content: Content, group: Group, child: &Node) -> bool {
    let is_plain_text = child.kind == schema::TEXT && child.marks.is_empty();
    content.takes(group) && (content != Content::Text || is_plain_text)
}

/// Whether children are as [`Assembly`] would have them.
fn do_fit(content: Content, children: &[Node]) -> bool {
    let fits =
        |child: &Node| schema::node_type(&child.kind).is_some_and(|known| takes(content, known.group, child));
    let is_one_text =
        |pair: &[Node]| pair.iter().all(|node| node.kind == schema::TEXT) && pair[0].marks == pair[1].marks;
    let begins_well = content != Content::ParagraphFirst
        || children.first().is_none_or(|first| first.kind == schema::PARAGRAPH);
    begins_well && children.iter().all(fits) && !children.windows(2).any(is_one_text)
}

/// Adds text; the same marks on both sides make it one.
fn push_text(nodes: &mut Vec<Node>, text: Node) {
    match nodes.last_mut() {
        Some(last) if last.kind == schema::TEXT && last.marks == text.marks => last.text.push_str(&text.text),
        _ => nodes.push(text),
    }
}

/// The mark's name without the hash that tells two of a type apart.
fn mark_name(attribute: &str) -> &str {
    const HASH_LEN: usize = 8;
    match attribute.len().checked_sub(HASH_LEN + 2).and_then(|at| attribute.split_at_checked(at)) {
        Some((name, hash))
            if hash.starts_with("--")
                && hash
                    .bytes()
                    .skip(2)
                    .all(|byte| byte.is_ascii_alphanumeric() || b"+/=".contains(&byte)) =>
        {
            name
        }
        _ => attribute,
    }
}

fn json(value: &Any) -> Value {
    match value {
        Any::Null | Any::Undefined | Any::Buffer(_) => Value::Null,
        Any::Bool(value) => (*value).into(),
        Any::Number(number) => match (number.as_i64(), number.as_f64()) {
            (Some(number), _) => number.into(),
            (None, number) => number.into(),
        },
        Any::String(text) => text.as_ref().into(),
        Any::Array(values) => values.iter().map(json).collect(),
        Any::Map(values) => {
            Value::Object(values.iter().map(|(name, value)| (name.clone(), json(value))).collect())
        }
    }
}

/// What is copied with a value, about.
fn bytes_of(value: &Any) -> usize {
    match value {
        Any::String(text) => text.len(),
        Any::Array(values) => values.iter().map(bytes_of).sum(),
        Any::Map(values) => values.iter().map(|(name, value)| name.len() + bytes_of(value)).sum(),
        Any::Null | Any::Undefined | Any::Buffer(_) | Any::Bool(_) | Any::Number(_) => 0,
    }
}
