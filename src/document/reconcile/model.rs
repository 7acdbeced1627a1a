//! What is known of the kinds of nodes: the editor's own schema, or what documents of another one show.

use std::collections::HashSet;

use super::align::Pairing;
use crate::document::xml::Rules;
use crate::markdown::schema::{
    self, BULLET_LIST, Content, Group, HEADING, ORDERED_LIST, PARAGRAPH, TABLE_CELL, TABLE_HEADER, TEXT,
};
use crate::markdown::{Node, NodeKind};

/// The kinds of nodes in the documents that are merged.
#[derive(Debug)]
pub(super) enum Model {
    /// Those of the schema that this crate knows.
    Editor,
    /// Those of a schema that is known only by the documents at hand.
    Seen(Seen),
}

/// Kinds as documents show them.
#[derive(Debug, Default)]
pub(super) struct Seen {
    /// Those with text in them: their content is one line.
    lines: HashSet<NodeKind>,
    /// Those that stand in a line.
    inline: HashSet<NodeKind>,
    /// Those with children, whatever these are.
    parents: HashSet<NodeKind>,
}

impl Seen {
    /// What all of these documents show. The three versions are looked at together: a paragraph that is
    /// empty in one of them is known by another.
    pub(super) fn of(documents: &[&Node]) -> Self {
        let mut seen = Self::default();
        documents.iter().for_each(|document| seen.find_parents(document));
        documents.iter().for_each(|document| seen.find_inline(document));
        seen
    }

    fn find_parents(&mut self, node: &Node) {
        if node.content.iter().any(|child| child.kind == TEXT) {
            self.lines.insert(node.kind.clone());
        }
        if !node.content.is_empty() {
            self.parents.insert(node.kind.clone());
        }
        node.content.iter().for_each(|child| self.find_parents(child));
    }

    fn find_inline(&mut self, node: &Node) {
        if self.lines.contains(&node.kind) {
            self.inline.extend(node.content.iter().map(|child| child.kind.clone()));
        }
        node.content.iter().for_each(|child| self.find_inline(child));
    }
}

impl Model {
    /// Which marks its texts have.
    pub(super) const fn rules(&self) -> Rules {
        match self {
            Self::Editor => Rules::Editor,
            Self::Seen(_) => Rules::Open,
        }
    }

    /// The name of a kind that there is.
    pub(super) fn kind(&self, name: &str) -> NodeKind {
        match (self, schema::node_type(name)) {
            (Self::Editor, Some(known)) => known.name.into(),
            _ => name.to_owned().into(),
        }
    }

    /// What nodes of this kind hold; `None` if it is not known, so that they must not be touched.
    pub(super) fn content(&self, kind: &str) -> Option<Content> {
        match self {
            Self::Editor => schema::node_type(kind).map(|known| known.content),
            Self::Seen(_) if kind.is_empty() => None,
            Self::Seen(seen) if seen.lines.contains(kind) => Some(Content::Inline),
            Self::Seen(seen) if seen.parents.contains(kind) => Some(Content::Blocks),
            Self::Seen(_) => Some(Content::Leaf),
        }
    }

    /// Whether nodes of this kind stand in a line and count as a word of it.
    pub(super) fn is_inline(&self, kind: &str) -> bool {
        match self {
            Self::Editor => schema::node_type(kind).is_some_and(|known| known.group == Group::Inline),
            Self::Seen(seen) => seen.inline.contains(kind),
        }
    }

    /// The attributes of a node that an edit may have changed.
    pub(super) fn attributes<'a>(&self, live: &Node, old: &'a Node, new: &'a Node) -> Vec<&'a str> {
        match self {
            Self::Editor => {
                let spec = schema::node_type(&live.kind).map(|known| known.attrs).unwrap_or_default();
                spec.iter().map(|(name, _)| *name).collect()
            }
            Self::Seen(_) => {
                let names = |node: &'a Node| node.attrs.iter().map(|(name, _)| name);
                names(new).chain(names(old).filter(|name| new.attrs.get(name).is_none())).collect()
            }
        }
    }

    /// Whether a node can become the other one without losing what is in it. Of another schema nobody says
    /// what fits into what.
    pub(super) fn same_family(&self, a: &Node, b: &Node) -> bool {
        let family = |node: &Node| match node.kind.as_ref() {
            HEADING => PARAGRAPH.to_owned(),
            ORDERED_LIST => BULLET_LIST.to_owned(),
            TABLE_HEADER => TABLE_CELL.to_owned(),
            kind => kind.to_owned(),
        };
        a.kind == b.kind || (matches!(self, Self::Editor) && family(a) == family(b))
    }

    /// How the children of such a block find their counterparts.
    pub(super) fn pairing_in(&self, kind: &str) -> Pairing {
        if matches!(self, Self::Seen(_)) {
            return Pairing::Alike;
        }
        match self.content(kind) {
            Some(Content::Rows) => Pairing::Header,
            Some(Content::Cells) => Pairing::Place,
            Some(Content::ParagraphFirst) => Pairing::FirstStays,
            _ if matches!(kind, TABLE_CELL | TABLE_HEADER) => Pairing::FirstStays,
            _ => Pairing::Alike,
        }
    }
}
