//! Merging what was changed outside of the room into its live document.
//!
//! A record is edited elsewhere: published, pulled, restored. Its text was `old` when host and document last
//! agreed and is `new` now, while the document may have gone on from `old`. What changed from one to the
//! other is applied to the live document as ordinary edits, as little as possible, in one transaction. Below,
//! "outside" is who made `new` of `old`, "inside" is who edits the live document.
//!
//! | file | what |
//! | --- | --- |
//! | `align` | which blocks of two sequences are the same |
//! | `blocks` | three sequences of blocks -> steps |
//! | `line`, `compare`, `words` | three versions of a line -> edits of words and marks |
//! | `model` | which kinds of blocks there are |
//! | `live` | the live document with its places in yrs; of blocks that are as they were, nothing is read |
//! | `apply`, `columns`, `edit` | steps and edits -> yrs |
//!
//! Blocks are compared by content, for Markdown has nothing else. Equal blocks are the same one. Between
//! them, two blocks of a kind are the same one if they share a quarter of their words, or if they are in the
//! same place and one is empty or both are short (`align`). One that was rewritten beyond that counts as
//! deleted, and as another one inserted. Lists, items, quotes, tables and cells are compared in turn. In a
//! line, words are compared; never parts of words.
//!
//! | outside | inside | result |
//! | --- | --- | --- |
//! | nothing | anything | as inside, untouched |
//! | changed a block | nothing | only the changed words, marks and attributes are edited |
//! | changed a block | changed it too | both: what either inserted is there, what either deleted is not |
//! | replaced a word | replaced it too | both words, the outside's first, with a space between them |
//! | changed a block | deleted it | the outside's block, inserted again: its words must not be lost |
//! | deleted a block | nothing | it is deleted |
//! | deleted a block | wrote in it | the words written inside stay, the others go |
//! | deleted a block | deleted words or changed marks | it is deleted |
//! | deleted a table's row or table | wrote in a cell | the row stays with these words, its other cells are empty; so does the header |
//! | deleted a column | wrote in it | the same: the column stays with these words |
//! | inserted a block | anything | it comes after the block it follows outside |
//! | inserted a block | inserted it too, there | it is there once; with most words in common, the words of both |
//! | moved a block | changed it | it moves as it is inside |
//! | moved a block | deleted it | it stays deleted |
//! | set a level, an order, an info string | anything | as outside |
//! | made a heading of a paragraph, another list of a list | changed it | a new element with the content of both |
//! | took away or set a mark | anything | as outside, on the words that are still there |
//!
//! What a block of the live document holds that the schema has no place for is never touched. Where it makes
//! a block's places uncertain, a changed block comes whole, beside the one that is there.
//!
//! Somebody who types at the same time and has not seen the merge yet loses nothing either, unless it is in a
//! block that the outside deleted or moved, or whose kind it changed. To a block that was put into a list or
//! a quote, the same happens as to one that was deleted here and inserted there.

mod align;
mod apply;
mod blocks;
mod columns;
mod compare;
mod edit;
mod line;
mod live;
mod model;
mod words;

use std::mem::ManuallyDrop;

use bytes::Bytes;
use yrs::{Transact, TransactionMut, WriteTxn, XmlFragment, XmlFragmentRef};

use super::draft::Rendered;
use super::{ApplyError, Document, FRAGMENT, contained, xml};
use crate::markdown::{self, Checked, Lost, Node, schema};
use align::Pairing;
use apply::{Merger, Versions};
use blocks::Step;
use live::{Live, LiveDocument, Place};
use model::{Model, Seen};

/// The origin of the transaction: nobody's undo takes it for its own.
pub const ORIGIN: &str = "external";

/// What merging did.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Merged {
    /// The change as one update, for the log and for the clients; `None` if nothing changed.
    pub change: Option<Bytes>,
    /// How many words came in. A reference, an image and a line break count as one; what was only moved
    /// counts as none.
    pub added: usize,
    /// How many words went.
    pub removed: usize,
    /// What the new text has and no document can have, nor this one has as text.
    pub lost: Vec<Lost>,
}

impl Document {
    /// Merges an edit that was made elsewhere: the record's text was `old_markdown` when host and document
    /// last agreed, and is `new_markdown` now. The rules are those of [`crate::document::reconcile`].
    ///
    /// Nothing happens if the two say the same, or if the document says what the new one says already.
    ///
    /// Fails with [`ApplyError::Broken`] if yrs fails in the middle; the document must not be used any more
    /// then.
    pub fn merge_external(&mut self, old_markdown: &str, new_markdown: &str) -> Result<Merged, ApplyError> {
        let new = markdown::parse(new_markdown);
        let Checked { stored: new, written, lost } = markdown::check(new_markdown, &new);
        let old = markdown::parse(old_markdown).doc;
        let old = markdown::stored(&old);
        let already = if lost.is_empty() && old == new { String::new() } else { self.markdown()? };
        // What somebody typed as text may read as what is lost; it is here.
        let lost = markdown::not_carried(new_markdown, lost, &already);
        if old == new {
            return Ok(Merged { lost, ..Merged::default() });
        }
        if already == new_markdown || already == written {
            return Ok(Merged { lost, ..Merged::default() });
        }
        let mut new = new;
        if new.content == [schema::empty(schema::PARAGRAPH)] {
            // An empty text has no blocks; its paragraph is only there because a document must have one.
            new.to_mut().content.clear();
        }
        let merged = self.merge(|txn, rendered| merge(txn, rendered, &old, &new))?;
        Ok(Merged { lost, ..merged })
    }

    /// The same for a document of another schema, by trees that [`xml::update_to_tree`] read.
    pub fn merge_trees(&mut self, old: &Node, new: &Node) -> Result<Merged, ApplyError> {
        if old == new {
            return Ok(Merged::default());
        }
        self.merge(|txn, _| merge_seen(txn, old, new))
    }

    fn merge(
        &mut self,
        work: impl FnOnce(&mut TransactionMut<'_>, &Rendered) -> Merged,
    ) -> Result<Merged, ApplyError> {
        // As in `transact`: a transaction must not commit while a panic unwinds.
        let mut txn = ManuallyDrop::new(contained(|| self.doc.transact_mut_with(ORIGIN))?);
        let merged = contained(|| work(&mut txn, &self.rendered))?;
        self.clocks.read(&*txn);
        self.depth.forget();
        contained(|| drop(ManuallyDrop::into_inner(txn)))?;
        if merged.change.is_some() {
            self.generation += 1;
        }
        Ok(merged)
    }
}

fn merge(txn: &mut TransactionMut<'_>, rendered: &Rendered, old: &Node, new: &Node) -> Merged {
    let model = Model::Editor;
    let fragment = txn.get_or_insert_xml_fragment(FRAGMENT);
    let mut live = LiveDocument::read(txn, &fragment, rendered, old);
    let steps = blocks::plan_around(&model, &old.content, &new.content, &live.nodes(), Pairing::Alike);
    steps.iter().filter_map(Step::touches).for_each(|block| live.need(txn, block));
    let had_blocks = !live.read.nodes.is_empty();
    let (added, removed) = take(txn, &model, &fragment, (old, new, live.read), steps);
    if fragment.len(txn) == 0 && had_blocks {
        xml::insert_nodes(txn, &fragment, 0, &[schema::empty(schema::PARAGRAPH)]);
    }
    Merged { change: change_of(txn), added, removed, lost: Vec::new() }
}

fn merge_seen(txn: &mut TransactionMut<'_>, old: &Node, new: &Node) -> Merged {
    let fragment = txn.get_or_insert_xml_fragment(FRAGMENT);
    let shown = xml::read_any(txn, &fragment).doc;
    if shown == *new {
        return Merged::default();
    }
    let model = Model::Seen(Seen::of(&[old, new, &shown]));
    let live = live::read_blocks(txn, &model, &fragment, 1);
    let steps = blocks::plan(&model, &old.content, &new.content, &live.nodes, Pairing::Alike);
    let (added, removed) = take(txn, &model, &fragment, (old, new, live), steps);
    Merged { change: change_of(txn), added, removed, lost: Vec::new() }
}

/// Takes the steps from the old version to the new one in the live one. Gives how many words came and went.
fn take(
    txn: &mut TransactionMut<'_>,
    model: &Model,
    fragment: &XmlFragmentRef,
    (old, new, live): (&Node, &Node, Live),
    steps: Vec<Step>,
) -> (usize, usize) {
    let doc = Node { content: live.nodes, ..schema::empty(schema::DOC) };
    let place = Place { at: None, whole: true, exact: true, inside: live.places };
    let mut merger = Merger { txn, model, added: 0, removed: 0 };
    let versions = Versions { old: Some(old), new: Some(new), live: &doc, place: &place };
    merger.take(fragment, versions, Pairing::Alike, steps);
    (merger.added, merger.removed)
}

fn change_of(txn: &TransactionMut<'_>) -> Option<Bytes> {
    txn.has_changes().then(|| txn.encode_update_v1().into())
}

#[cfg(test)]
mod tests;
