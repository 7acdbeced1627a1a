//! The live document as it is in yrs: its nodes, and for each the place where it can be edited.
//!
//! It is read without making anything fit the schema, so that places are those of the shared types.

use std::collections::HashMap;

use yrs::{ReadTxn, Text, XmlElementRef, XmlFragment, XmlOut};

use super::line::utf16_len;
use super::model::Model;
use crate::document::draft::Rendered;
use crate::document::xml::{Reader, children};
use crate::markdown::schema::{self, Content, DEPTH_MAX, TEXT};
use crate::markdown::{Attrs, Node, RenderedBlock};

/// Where a node of the live document is.
#[derive(Debug, Clone)]
pub(super) struct Place {
    /// What it is; `None` for something that is no XML type and must not be touched.
    pub at: Option<XmlOut>,
    /// Whether the node says all that is there: only then it can be copied.
    pub whole: bool,
    /// Whether the places of a line are those of the shared texts.
    pub exact: bool,
    /// The children's places. Those of a line are its shared texts and nodes, not their pieces.
    pub inside: Vec<Place>,
}

/// Nodes and their places; of a line the pieces and the shared types.
#[derive(Default)]
pub(super) struct Live {
    pub nodes: Vec<Node>,
    pub places: Vec<Place>,
}

impl Live {
    fn push(&mut self, (node, place): (Node, Place)) {
        self.nodes.push(node);
        self.places.push(place);
    }
}

/// Reads a fragment's or an element's blocks.
pub(super) fn read_blocks(
    txn: &impl ReadTxn,
    model: &Model,
    parent: &impl XmlFragment,
    depth: usize,
) -> Live {
    let mut live = Live { nodes: Vec::new(), places: Vec::new() };
    for child in children(txn, parent) {
        live.push(read_block(txn, model, child, depth));
    }
    live
}

fn read_block(txn: &impl ReadTxn, model: &Model, child: Option<XmlOut>, depth: usize) -> (Node, Place) {
    match child {
        Some(XmlOut::Element(element)) => read_element(txn, model, &element, depth),
        other => opaque(other),
    }
}

/// The blocks of a document of the editor's schema, of which only those are read that something is done with.
pub(super) struct LiveDocument<'a> {
    children: Vec<Option<XmlOut>>,
    /// For each block the old one with the same Markdown.
    same: Vec<Option<&'a Node>>,
    pub read: Live,
}

impl<'a> LiveDocument<'a> {
    /// Reads the blocks that are not as they were.
    pub(super) fn read(
        txn: &impl ReadTxn,
        parent: &impl XmlFragment,
        rendered: &Rendered,
        old: &'a Node,
    ) -> Self {
        let known: HashMap<RenderedBlock, &Node> =
            old.content.iter().filter_map(|node| Some((RenderedBlock::of(node)?, node))).collect();
        let children = children(txn, parent);
        let mut live = Self { same: Vec::new(), children: Vec::new(), read: Live::default() };
        for child in children {
            let same = child.as_ref().and_then(|child| known.get(rendered.get(child)?).copied());
            let read = match same {
                Some(_) => {
                    (schema::empty(""), Place { at: None, whole: false, exact: false, inside: Vec::new() })
                }
                None => read_block(txn, &Model::Editor, child.clone(), 1),
            };
            live.read.push(read);
            live.same.push(same);
            live.children.push(child);
        }
        live
    }

    /// The blocks to compare with.
    pub(super) fn nodes(&self) -> Vec<&Node> {
        self.same.iter().zip(&self.read.nodes).map(|(same, read)| same.unwrap_or(read)).collect()
    }

    /// Reads a block that something is done with after all.
    pub(super) fn need(&mut self, txn: &impl ReadTxn, block: usize) {
        if self.same[block].take().is_some() {
            let (node, place) = read_block(txn, &Model::Editor, self.children[block].clone(), 1);
            (self.read.nodes[block], self.read.places[block]) = (node, place);
        }
    }
}

/// Reads one element and what is in it.
pub(super) fn read_element(
    txn: &impl ReadTxn,
    model: &Model,
    element: &XmlElementRef,
    depth: usize,
) -> (Node, Place) {
    let at = XmlOut::Element(element.clone());
    let name = element.try_tag().filter(|_| depth <= DEPTH_MAX);
    let Some((name, content)) = name.and_then(|name| Some((name, model.content(name)?))) else {
        return opaque(Some(at));
    };
    let mut reader = Reader::new(txn, model.rules());
    let Some((attrs, whole)) = read_attrs(&mut reader, model, element, name) else { return opaque(Some(at)) };
    let mut place = Place { at: Some(at), whole, exact: true, inside: Vec::new() };
    let live = if matches!(content, Content::Inline | Content::Text) {
        read_line(&mut reader, model, element, depth, &mut place.exact)
    } else {
        read_blocks(txn, model, element, depth + 1)
    };
    place.whole &= reader.misfits == 0 && place.exact && live.places.iter().all(|inside| inside.whole);
    place.inside = live.places;
    (Node { kind: model.kind(name), attrs, content: live.nodes, ..schema::empty("") }, place)
}

/// The attributes that are not null, and whether these are all. `None` if one is missing that must be there.
fn read_attrs<T: ReadTxn>(
    reader: &mut Reader<'_, T>,
    model: &Model,
    element: &XmlElementRef,
    name: &str,
) -> Option<(Attrs, bool)> {
    let mut attrs = reader.attributes(element);
    let mut whole = true;
    if matches!(model, Model::Editor) {
        let spec = schema::node_type(name)?.attrs;
        whole = attrs.iter().all(|(name, _)| spec.iter().any(|(known, _)| *known == name));
        attrs = schema::complete_attrs(spec, attrs)?;
    }
    Some((attrs.without_nulls(), whole))
}

/// Reads a line's pieces; `exact` becomes false where a shared text has more than text.
fn read_line<T: ReadTxn>(
    reader: &mut Reader<'_, T>,
    model: &Model,
    element: &XmlElementRef,
    depth: usize,
    exact: &mut bool,
) -> Live {
    let mut live = Live { nodes: Vec::new(), places: Vec::new() };
    for child in children(reader.txn, element) {
        match child {
            Some(XmlOut::Text(text)) => {
                let mut pieces = Vec::new();
                reader.text(&text, &mut pieces);
                let units: u32 = pieces.iter().map(|piece| utf16_len(&piece.text)).sum();
                *exact &= units == text.len(reader.txn);
                live.nodes.append(&mut pieces);
                let at = Some(XmlOut::Text(text));
                live.places.push(Place { at, whole: true, exact: true, inside: Vec::new() });
            }
            other => {
                let (node, place) = match other {
                    Some(XmlOut::Element(node)) => read_element(reader.txn, model, &node, depth + 1),
                    other => opaque(other),
                };
                live.nodes.push(node);
                live.places.push(place);
            }
        }
    }
    join_texts(&mut live.nodes);
    live
}

/// Two shared texts side by side are one text to an editor.
fn join_texts(nodes: &mut Vec<Node>) {
    nodes.dedup_by(|next, before| {
        let joins = before.kind == TEXT && next.kind == TEXT && before.marks == next.marks;
        if joins {
            before.text.push_str(&next.text);
        }
        joins
    });
}

/// Something that has no node in the schema: it is like nothing else and stays where it is.
fn opaque(at: Option<XmlOut>) -> (Node, Place) {
    (schema::empty(""), Place { at, whole: false, exact: false, inside: Vec::new() })
}
