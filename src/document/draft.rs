//! The document's Markdown, of which only what changed is read and rendered again.
//!
//! A draft is taken of the document in three steps, so that the room's task does the least of it:
//!
//! 1. [`super::Document::draft`] lists the document's blocks: those that are rendered already, and a reading of
//!    those that are not. Where that is too many, the whole state goes along instead.
//! 2. [`Draft::render`] renders the rest and puts all of it together, on any thread.
//! 3. [`super::Document::keep`] keeps what was rendered for the next time, except what changed meanwhile.
//!
//! A block is known by the id of its item, which never changes, and forgotten with the first transaction that
//! changes anything in it.

use std::collections::{HashMap, HashSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use yrs::branch::BranchID;
use yrs::{Doc, ID, ReadTxn, TransactionMut, XmlFragmentRef, XmlOut};

use super::xml::{self, Assembly, Foreign, Reader, Rules};
use crate::error::Result;
use crate::markdown::{self, Joiner, Node, RenderedBlock};

/// The most that one document keeps of its rendered blocks, in bytes of Markdown and of what goes with it.
/// What is beyond is rendered each time.
const RENDERED_BYTES_MAX: usize = 4 << 20;

/// What a block costs beside its Markdown, in bytes.
const BLOCK_BYTES: usize = 96;

/// The most blocks that are read for a draft where the document is; with more of them it is decoded anew,
/// elsewhere.
pub(super) const READ_BLOCKS_MAX: usize = 500;

/// The most changed types that are noted one by one between two drafts; with more, all blocks are
/// taken for changed.
const CHANGED_TYPES_MAX: usize = 20_000;

/// The types that transactions changed, with all that these are in.
#[derive(Debug, Default)]
struct Changed {
    ids: HashSet<ID>,
    /// There were too many.
    all: bool,
}

impl Changed {
    fn note(&mut self, txn: &TransactionMut<'_>) {
        for branch in txn.changed_parent_types() {
            if self.ids.len() >= CHANGED_TYPES_MAX {
                (self.all, self.ids) = (true, HashSet::new());
            }
            if self.all {
                return;
            }
            if let BranchID::Nested(id) = branch.id() {
                self.ids.insert(id);
            }
        }
    }
}

/// A block's Markdown.
#[derive(Debug, Clone)]
struct Kept {
    block: Arc<RenderedBlock>,
    /// Whether it says what the block does to whoever reads it.
    is_read_back: bool,
}

/// The rendered blocks of a document.
#[derive(Debug, Default)]
pub(super) struct Rendered {
    blocks: HashMap<ID, Kept>,
    bytes: usize,
    /// What changed since the last draft. yrs tells of it from within a transaction, so it is shared, with a lock
    /// that is held for a few operations.
    changed: Arc<Mutex<Changed>>,
    /// Counts drafts: what an older one rendered may have changed since.
    drafts: u64,
}

impl Rendered {
    /// Begins to note what changes in a document. It must be noted before yrs clears away what was deleted.
    pub(super) fn watch(doc: &Doc) -> Self {
        let rendered = Self::default();
        let changed = Arc::clone(&rendered.changed);
        let watched = doc.observe_after_transaction("draft", move |txn| {
            changed.lock().unwrap_or_else(PoisonError::into_inner).note(txn);
        });
        // It fails only within a transaction, of which a new document has none.
        if watched.is_err() {
            rendered.changed.lock().unwrap_or_else(PoisonError::into_inner).all = true;
        }
        rendered
    }

    /// A block's Markdown as of the last draft, if it is kept.
    pub(super) fn get(&self, block: &XmlOut) -> Option<&RenderedBlock> {
        match block.id() {
            BranchID::Nested(id) => self.blocks.get(&id).map(|kept| kept.block.as_ref()),
            BranchID::Root(_) => None,
        }
    }

    fn forget(&mut self, id: &ID) {
        if let Some(block) = self.blocks.remove(id) {
            self.bytes -= block.block.len() + BLOCK_BYTES;
        }
    }

    /// Forgets the blocks that changed, and gives what was noted.
    fn forget_changed(&mut self) -> Changed {
        let changed = std::mem::take(&mut *self.changed.lock().unwrap_or_else(PoisonError::into_inner));
        if changed.all {
            (self.blocks, self.bytes) = (HashMap::new(), 0);
        }
        changed.ids.iter().for_each(|id| self.forget(id));
        changed
    }

    /// Forgets the blocks that are not there any more.
    fn forget_all_but(&mut self, parts: &[Part]) {
        let known = |part: &Part| matches!(part, Part::Rendered(..));
        if parts.iter().filter(|part| known(part)).count() == self.blocks.len() {
            return;
        }
        let there: HashSet<ID> = parts.iter().filter_map(Part::id).collect();
        let gone: Vec<ID> = self.blocks.keys().filter(|id| !there.contains(id)).copied().collect();
        gone.iter().for_each(|id| self.forget(id));
    }

    /// The document's blocks. `None` if more than so many would have to be read.
    pub(super) fn draft(
        &mut self,
        txn: &impl ReadTxn,
        fragment: &XmlFragmentRef,
        read_max: usize,
    ) -> Option<Draft> {
        self.forget_changed();
        self.drafts += 1;
        let parts = parts(txn, fragment, &self.blocks, read_max)?;
        self.forget_all_but(&parts.0);
        Some(Draft { of: self.drafts, source: Source::Parts(parts) })
    }

    /// The same, for a document that has more unknown blocks than are read.
    pub(super) fn whole(&mut self, state: Bytes) -> Draft {
        Draft { of: self.drafts, source: Source::State(state) }
    }

    /// Keeps what was rendered, unless it changed since its draft was taken.
    pub(super) fn keep(&mut self, new: NewlyRendered) {
        if new.of != self.drafts {
            return;
        }
        let changed = self.changed.lock().unwrap_or_else(PoisonError::into_inner);
        for (id, block) in new.blocks.into_iter().filter(|(id, _)| !changed.all && !changed.ids.contains(id))
        {
            let bytes = block.block.len() + BLOCK_BYTES;
            if self.bytes + bytes <= RENDERED_BYTES_MAX && self.blocks.insert(id, block).is_none() {
                self.bytes += bytes;
            }
        }
    }
}

/// One child of the fragment.
#[derive(Debug)]
enum Part {
    Rendered(ID, Kept),
    /// The nodes that it is read as, not yet made to fit; mostly one. Without an id it is not kept.
    Read(Option<ID>, Vec<Node>),
}

impl Part {
    const fn id(&self) -> Option<ID> {
        match self {
            Self::Rendered(id, _) => Some(*id),
            Self::Read(id, _) => *id,
        }
    }
}

fn parts(
    txn: &impl ReadTxn,
    fragment: &XmlFragmentRef,
    rendered: &HashMap<ID, Kept>,
    read_max: usize,
) -> Option<(Vec<Part>, Foreign)> {
    let children = xml::children(txn, fragment);
    let mut parts = Vec::with_capacity(children.len());
    let mut reader = Reader::new(txn, Rules::Editor);
    let mut foreign = Foreign::default();
    let mut read = 0;
    for child in children.into_iter().flatten() {
        let id = match child.id() {
            BranchID::Nested(id) => Some(id),
            BranchID::Root(_) => None,
        };
        if let Some((id, block)) = id.and_then(|id| Some((id, rendered.get(&id)?))) {
            parts.push(Part::Rendered(id, block.clone()));
            continue;
        }
        read += 1;
        if read > read_max {
            return None;
        }
        let nodes = reader.block(child);
        let foreign_inside = std::mem::take(&mut reader.foreign);
        // It is read again for the next draft, so that what is foreign in it is found again.
        parts.push(Part::Read(id.filter(|_| !foreign_inside.has_content()), nodes));
        foreign.extend(&foreign_inside);
    }
    Some((parts, foreign))
}

/// A document as it was at one moment, to be rendered.
#[derive(Debug)]
pub struct Draft {
    of: u64,
    source: Source,
}

#[derive(Debug)]
enum Source {
    Parts((Vec<Part>, Foreign)),
    State(Bytes),
}

/// What rendering a draft gave.
#[derive(Debug)]
pub struct Rendering {
    /// The Markdown of the whole document.
    pub markdown: String,
    /// What of it was not rendered before, for [`super::Document::keep`].
    pub new: NewlyRendered,
    /// What the Markdown does not say, because the schema does not have it.
    pub foreign: Foreign,
    /// Whether the Markdown is read as this document. The editor writes some content in a way that is read as other
    /// content, and so do we.
    pub is_read_back: bool,
}

/// Blocks that were rendered for a draft.
#[derive(Debug)]
pub struct NewlyRendered {
    of: u64,
    blocks: Vec<(ID, Kept)>,
}

impl NewlyRendered {
    /// How many blocks had to be rendered.
    pub const fn count(&self) -> usize {
        self.blocks.len()
    }
}

impl Draft {
    /// The document's Markdown. It takes milliseconds where much is to be rendered.
    pub fn render(self) -> Result<Rendering> {
        let (parts, foreign) = match self.source {
            Source::Parts(parts) => parts,
            Source::State(state) => xml::with_document(&state, |txn, fragment| {
                parts(txn, fragment, &HashMap::new(), usize::MAX).unwrap_or_default()
            })?,
        };
        // Nothing of yrs is left in the parts, and still a panic must not end more than this draft.
        catch_unwind(AssertUnwindSafe(|| join(self.of, parts)))
            .map(|(markdown, new, is_read_back)| Rendering { markdown, new, foreign, is_read_back })
            .map_err(|_| xml::invalid("cannot be written as Markdown"))
    }
}

fn join(of: u64, parts: Vec<Part>) -> (String, NewlyRendered, bool) {
    let mut joiner = Joiner::default();
    let mut assembly = Assembly::of_blocks();
    let mut blocks = Vec::new();
    let mut is_read_back = true;
    for part in parts {
        let (id, nodes) = match part {
            Part::Rendered(_, kept) => {
                assembly.take().iter().for_each(|node| joiner.node(node));
                joiner.rendered(&kept.block);
                is_read_back &= kept.is_read_back;
                continue;
            }
            Part::Read(id, nodes) => (id, nodes),
        };
        let block = match nodes.as_slice() {
            [node] => RenderedBlock::of(node),
            _ => None,
        };
        match (id, block) {
            (Some(id), Some(block)) => {
                assembly.take().iter().for_each(|node| joiner.node(node));
                joiner.rendered(&block);
                let reads_back = nodes.iter().all(|node| markdown::is_read_back(node, &block));
                is_read_back &= reads_back;
                blocks.push((id, Kept { block: Arc::new(block), is_read_back: reads_back }));
            }
            _ => {
                // Not what any editor of this schema wrote.
                is_read_back &= nodes.is_empty();
                nodes.into_iter().for_each(|node| assembly.add(node));
            }
        }
    }
    assembly.take().iter().for_each(|node| joiner.node(node));
    is_read_back &= !joiner.joins_lists();
    (joiner.finish(), NewlyRendered { of, blocks }, is_read_back)
}

#[cfg(test)]
mod tests;
