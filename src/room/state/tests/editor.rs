//! An editor somewhere else: a Yjs document of its own.

use bytes::Bytes;
use yrs::types::Attrs;
use yrs::types::text::YChange;
use yrs::updates::decoder::Decode;
use yrs::updates::encoder::Encode;
use yrs::{
    Any, ClientID, Doc, GetString, OffsetKind, Options, ReadTxn, StateVector, Text, Transact, TransactionMut,
    Update, WriteTxn, XmlElementPrelim, XmlFragment, XmlOut, XmlTextPrelim, XmlTextRef,
};

use crate::document::{Document, FRAGMENT};

const TEXT: &str = "text";

/// What a document holds, formatting and paragraphs included.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::room) struct Content {
    /// The plain text with its formatting.
    pub(in crate::room) text: String,
    /// The editor's tree.
    pub(in crate::room) xml: String,
    state_vector: Vec<(u64, u32)>,
}

pub(in crate::room) struct Editor {
    doc: Doc,
}

impl Editor {
    pub(in crate::room) fn new(client: u64) -> Self {
        // Cleaning up formatting makes changes of its own on every receipt; the room's tests want to
        // know exactly who changed what.
        let options = Options {
            offset_kind: OffsetKind::Utf16,
            cleanup_formatting: false,
            ..Options::with_client_id(ClientID::new(client))
        };
        Self { doc: Doc::with_options(options) }
    }

    /// Somebody who has just been told the whole state of a room.
    pub(in crate::room) fn of(document: &mut Document) -> Self {
        let editor = Self::new(999);
        editor.receive(&document.state().unwrap());
        editor
    }

    /// Makes a change and gives it as an update.
    pub(in crate::room) fn edit(&self, change: impl FnOnce(&mut TransactionMut<'_>)) -> Bytes {
        let mut txn = self.doc.transact_mut();
        change(&mut txn);
        txn.encode_update_v1().into()
    }

    pub(in crate::room) fn insert(&self, at: u32, words: &str) -> Bytes {
        self.edit(|txn| txn.get_or_insert_text(TEXT).insert(txn, at, words))
    }

    pub(in crate::room) fn append(&self, words: &str) -> Bytes {
        self.edit(|txn| txn.get_or_insert_text(TEXT).push(txn, words))
    }

    pub(in crate::room) fn remove(&self, at: u32, len: u32) -> Bytes {
        self.edit(|txn| txn.get_or_insert_text(TEXT).remove_range(txn, at, len))
    }

    pub(in crate::room) fn embolden(&self, at: u32, len: u32, on: bool) -> Bytes {
        self.edit(|txn| txn.get_or_insert_text(TEXT).format(txn, at, len, bold(on)))
    }

    /// Adds a paragraph to the editor's tree.
    pub(in crate::room) fn add_paragraph(&self, words: &str) -> Bytes {
        self.add_element("paragraph", words)
    }

    pub(in crate::room) fn add_element(&self, name: &str, words: &str) -> Bytes {
        self.edit(|txn| {
            let fragment = txn.get_or_insert_xml_fragment(FRAGMENT);
            let element = fragment.push_back(txn, XmlElementPrelim::empty(name));
            element.push_back(txn, XmlTextPrelim::new(words));
        })
    }

    /// Removes the first element of this name, if there is one.
    pub(in crate::room) fn remove_element(&self, name: &str) -> Option<Bytes> {
        let mut found = None;
        let update = self.edit(|txn| {
            let fragment = txn.get_or_insert_xml_fragment(FRAGMENT);
            found = fragment
                .children(txn)
                .position(|child| matches!(child, XmlOut::Element(element) if &**element.tag() == name));
            if let Some(at) = found {
                fragment.remove_range(txn, at as u32, 1);
            }
        });
        found.map(|_| update)
    }

    /// Makes a change in the text of the n-th paragraph, counted around; `None` if there is none.
    pub(in crate::room) fn edit_paragraph(
        &self,
        n: usize,
        change: impl FnOnce(&XmlTextRef, &mut TransactionMut<'_>),
    ) -> Option<Bytes> {
        let mut found = false;
        let update = self.edit(|txn| {
            let fragment = txn.get_or_insert_xml_fragment(FRAGMENT);
            let texts: Vec<XmlTextRef> = fragment
                .children(txn)
                .filter_map(|child| match child {
                    XmlOut::Element(element) if &**element.tag() == "paragraph" => element.get(txn, 0),
                    _ => None,
                })
                .filter_map(|child| if let XmlOut::Text(text) = child { Some(text) } else { None })
                .collect();
            if let Some(text) = (!texts.is_empty()).then(|| &texts[n % texts.len()]) {
                found = true;
                change(text, txn);
            }
        });
        found.then_some(update)
    }

    pub(in crate::room) fn receive(&self, update: &[u8]) {
        let update = Update::decode_v1(update).unwrap();
        self.doc.transact_mut().apply_update(update).unwrap();
    }

    pub(in crate::room) fn state_vector(&self) -> Vec<u8> {
        self.doc.transact().state_vector().encode_v1()
    }

    /// What somebody with this state vector lacks.
    pub(in crate::room) fn diff(&self, state_vector: &[u8]) -> Bytes {
        self.doc.transact().encode_diff_v1(&StateVector::decode_v1(state_vector).unwrap()).into()
    }

    /// Whether it has everything that a room has.
    pub(in crate::room) fn has_all_of(&self, document: &Document) -> bool {
        let there = StateVector::decode_v1(&document.state_vector()).unwrap();
        let here = self.doc.transact().state_vector();
        there.iter().all(|(client, clock)| here.get(client) >= *clock)
    }

    pub(in crate::room) fn text(&self) -> String {
        let mut txn = self.doc.transact_mut();
        txn.get_or_insert_text(TEXT).get_string(&txn)
    }

    pub(in crate::room) fn content(&self) -> Content {
        let mut txn = self.doc.transact_mut();
        assert!(!txn.has_missing_updates(), "an editor was sent something that it cannot use");
        let text = txn.get_or_insert_text(TEXT).diff(&txn, YChange::identity);
        let text =
            text.iter().map(|run| format!("{}{:?};", run.insert.clone().to_string(&txn), run.attributes));
        let text = text.collect();
        let xml = txn.get_or_insert_xml_fragment(FRAGMENT).get_string(&txn);
        let mut state_vector: Vec<_> =
            txn.state_vector().iter().map(|(client, clock)| (client.get(), *clock)).collect();
        state_vector.sort_unstable();
        Content { text, xml, state_vector }
    }
}

pub(in crate::room) fn bold(on: bool) -> Attrs {
    Attrs::from([("bold".into(), if on { Any::Bool(true) } else { Any::Null })])
}
