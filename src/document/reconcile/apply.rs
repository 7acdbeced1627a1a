//! From plans to edits of the shared types.
//!
//! Steps and edits are applied from the last to the first, so that the places before stay what they were.

use yrs::{TransactionMut, Xml, XmlElementRef, XmlFragment, XmlOut};

use super::align::{Pairing, align};
use super::blocks::{Step, plan};
use super::line::count_words;
use super::live::{Place, read_element};
use super::model::Model;
use super::words;
use crate::document::xml::insert_nodes;
use crate::document::xml::write::any;
use crate::markdown::Node;
use crate::markdown::schema::{self, Content, PARAGRAPH, TABLE_CELL, TABLE_HEADER};

/// One merge while it is written.
pub(super) struct Merger<'a, 'doc> {
    pub txn: &'a mut TransactionMut<'doc>,
    pub model: &'a Model,
    /// Words and nodes in text that came in, and that went.
    pub added: usize,
    pub removed: usize,
}

/// A block or its content in three versions. One that is missing was not there, or is there no more.
#[derive(Clone, Copy)]
pub(super) struct Versions<'a> {
    pub old: Option<&'a Node>,
    pub new: Option<&'a Node>,
    pub live: &'a Node,
    pub place: &'a Place,
}

impl<'a> Versions<'a> {
    pub(super) fn old_content(self) -> &'a [Node] {
        self.old.map_or(&[], |node| &node.content)
    }

    pub(super) fn new_content(self) -> &'a [Node] {
        self.new.map_or(&[], |node| &node.content)
    }

    /// Three children.
    pub(super) fn inside(self, old: Option<usize>, new: Option<usize>, live: usize) -> Self {
        Self {
            old: old.and_then(|old| self.old_content().get(old)),
            new: new.and_then(|new| self.new_content().get(new)),
            live: &self.live.content[live],
            place: &self.place.inside[live],
        }
    }
}

/// Children to be removed that lie side by side: one call for all of them.
#[derive(Default)]
pub(super) struct Removal {
    start: u32,
    len: u32,
}

impl Removal {
    pub(super) fn add(&mut self, txn: &mut TransactionMut<'_>, parent: &impl XmlFragment, index: u32) {
        if self.len > 0 && index + 1 == self.start {
            (self.start, self.len) = (index, self.len + 1);
        } else {
            self.flush(txn, parent);
            (self.start, self.len) = (index, 1);
        }
    }

    pub(super) fn flush(&mut self, txn: &mut TransactionMut<'_>, parent: &impl XmlFragment) {
        if self.len > 0 {
            parent.remove_range(txn, self.start, self.len);
            self.len = 0;
        }
    }
}

impl Merger<'_, '_> {
    /// Merges the blocks in an element, or in the document itself.
    pub(super) fn children(&mut self, parent: &impl XmlFragment, of: Versions<'_>, pairing: Pairing) {
        let steps = plan(self.model, of.old_content(), of.new_content(), &of.live.content, pairing);
        self.take(parent, of, pairing, steps);
    }

    /// Takes the steps that were planned for the blocks in an element.
    pub(super) fn take(
        &mut self,
        parent: &impl XmlFragment,
        of: Versions<'_>,
        pairing: Pairing,
        steps: Vec<Step>,
    ) {
        let stays = stays_when_emptied(self.model, of, pairing, &steps);
        let mut next = index(of.live.content.len());
        let mut removal = Removal::default();
        for step in steps.into_iter().rev() {
            let gone = match step {
                Step::Keep { live, .. } => {
                    next = index(live);
                    false
                }
                Step::Merge { old, new, live } => {
                    next = index(live);
                    removal.flush(self.txn, parent);
                    self.block(parent, next, of.inside(old, Some(new), live))
                }
                Step::Delete { old, live } => {
                    next = index(live);
                    let inside = of.inside(Some(old), None, live);
                    if !stays(live) && !keeps(self.model, inside.old, inside.live) {
                        self.removed += count_words(self.model, inside.live);
                        true
                    } else {
                        removal.flush(self.txn, parent);
                        self.block(parent, next, inside)
                    }
                }
                Step::MovedAway { live, .. } => {
                    next = index(live);
                    of.place.inside[live].whole
                }
                Step::Insert { new } => {
                    removal.flush(self.txn, parent);
                    self.insert(parent, next, &of.new_content()[new]);
                    false
                }
                Step::MoveHere { live, .. } => {
                    removal.flush(self.txn, parent);
                    if of.place.inside[live].whole {
                        insert_nodes(self.txn, parent, next, std::slice::from_ref(&of.live.content[live]));
                    }
                    false
                }
            };
            if gone {
                removal.add(self.txn, parent, next);
            }
        }
        removal.flush(self.txn, parent);
    }

    /// Inserts a block of the new text.
    pub(super) fn insert(&mut self, parent: &impl XmlFragment, at: u32, node: &Node) {
        self.added += count_words(self.model, node);
        insert_nodes(self.txn, parent, at, std::slice::from_ref(node));
    }

    /// Merges one block. Says whether nothing is left of it, so that it must be removed.
    pub(super) fn block(&mut self, parent: &impl XmlFragment, at: u32, of: Versions<'_>) -> bool {
        if of.new == Some(of.live) || of.new == of.old {
            return false;
        }
        let Some(XmlOut::Element(element)) = &of.place.at else { return false };
        let Some(new) = of.new else { return self.content(element, of) };
        let other_kind = of.old.is_some_and(|old| old.kind != new.kind) && new.kind != of.live.kind;
        if (other_kind && !of.place.whole) || !of.place.exact {
            // It cannot be changed without losing something: the new one comes beside it.
            self.insert(parent, at + 1, new);
            return false;
        }
        if other_kind {
            return self.replace_kind(parent, at, of, new);
        }
        self.attributes(element, of, new);
        self.content(element, of)
    }

    /// The kind of an element cannot change: another one takes over its content.
    fn replace_kind(&mut self, parent: &impl XmlFragment, at: u32, of: Versions<'_>, new: &Node) -> bool {
        let copy = Node { attrs: new.attrs.clone(), content: of.live.content.clone(), ..new.clone() };
        insert_nodes(self.txn, parent, at, std::slice::from_ref(&copy));
        parent.remove_range(self.txn, at + 1, 1);
        let Some(XmlOut::Element(element)) = parent.get(self.txn, at) else { return false };
        let (live, place) = read_element(self.txn, self.model, &element, 0);
        self.content(&element, Versions { live: &live, place: &place, ..of })
    }

    fn attributes(&mut self, element: &XmlElementRef, of: Versions<'_>, new: &Node) {
        let Some(old) = of.old else { return };
        for name in self.model.attributes(of.live, old, new) {
            let value = new.attrs.get(name);
            if old.attrs.get(name) == value || of.live.attrs.get(name) == value {
                continue;
            }
            match value {
                Some(value) => {
                    element.insert_attribute(self.txn, name, any(value));
                }
                None => element.remove_attribute(self.txn, &name),
            }
        }
    }

    /// Merges what is in a block. Says whether nothing is left that it could be without.
    fn content(&mut self, element: &XmlElementRef, of: Versions<'_>) -> bool {
        let Some(content) = self.model.content(&of.live.kind) else { return false };
        match content {
            Content::Leaf => {}
            Content::Inline | Content::Text if !of.place.exact => {}
            Content::Inline | Content::Text => {
                let change = words::merge(of.old_content(), of.new_content(), &of.live.content);
                self.added += change.added;
                self.removed += change.removed;
                super::edit::line(self.txn, self.model, element, &of.place.inside, &change);
            }
            Content::Rows if self.columns(element, of) => {}
            _ => self.children(element, of, self.model.pairing_in(&of.live.kind)),
        }
        match self.model {
            Model::Editor => self.make_valid(element, content, &of.live.kind),
            // What must be in it is not known; but what was emptied, and was not so outside, goes.
            Model::Seen(_) => {
                content == Content::Blocks
                    && element.len(self.txn) == 0
                    && of.new.is_none_or(|new| !new.content.is_empty())
            }
        }
    }

    /// An element without what it must have gets it, or says that it must go.
    fn make_valid(&mut self, element: &XmlElementRef, content: Content, kind: &str) -> bool {
        let paragraph = || [schema::empty(PARAGRAPH)];
        let empty = element.len(self.txn) == 0;
        match content {
            Content::Blocks if empty && matches!(kind, TABLE_CELL | TABLE_HEADER) => {
                insert_nodes(self.txn, element, 0, &paragraph());
                false
            }
            Content::ParagraphFirst if !empty => {
                let first = element.first_child().and_then(XmlOut::into_xml_element);
                if first.and_then(|first| first.try_tag().cloned()).is_none_or(|tag| *tag != *PARAGRAPH) {
                    insert_nodes(self.txn, element, 0, &paragraph());
                }
                false
            }
            Content::Blocks | Content::ParagraphFirst | Content::Items | Content::Rows => empty,
            Content::Inline | Content::Text | Content::Leaf | Content::Cells => false,
        }
    }
}

/// Whether something was written inside that must stay when the outside deletes the block.
pub(super) fn keeps(model: &Model, old: Option<&Node>, live: &Node) -> bool {
    let Some(old) = old else { return live.kind.is_empty() || count_words(model, live) > 0 };
    if old == live {
        return false;
    }
    match model.content(&live.kind) {
        None => true,
        Some(Content::Leaf) => false,
        Some(Content::Inline | Content::Text) => words::merge(&old.content, &[], &live.content).filled,
        Some(_) => {
            let [olds, lives] = [old, live].map(|node| node.content.iter().collect::<Vec<_>>());
            let pairs = align(model, &lives, &olds, model.pairing_in(&live.kind));
            lives.iter().zip(pairs).any(|(live, pair)| keeps(model, pair.map(|pair| olds[pair]), live))
        }
    }
}

/// Which children stay even if nothing is left in them: all cells of a row that stays, and a table's header
/// if any other row does.
fn stays_when_emptied(
    model: &Model,
    of: Versions<'_>,
    pairing: Pairing,
    steps: &[Step],
) -> impl Fn(usize) -> bool + use<> {
    let row_stays = |step: &Step| match *step {
        Step::Delete { live: 0, .. } => false,
        Step::Delete { old, live } => keeps(model, Some(&of.old_content()[old]), &of.live.content[live]),
        _ => true,
    };
    let cells = pairing == Pairing::Place && of.new.is_none();
    let header = pairing == Pairing::Header && of.new.is_none() && steps.iter().any(row_stays);
    move |live| cells || (header && live == 0)
}

pub(super) fn index(place: usize) -> u32 {
    u32::try_from(place).unwrap_or(u32::MAX)
}
