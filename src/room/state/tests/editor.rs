//! An editor somewhere else: a Yjs document of its own.

use std::collections::HashMap;

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

    /// Removes the n-th block of this name, counted around, and says what was in it; `None` if there is none.
    pub(in crate::room) fn remove_block(&self, name: &str, n: usize) -> Option<(Bytes, String)> {
        let mut removed = None;
        let update = self.edit(|txn| {
            let fragment = txn.get_or_insert_xml_fragment(FRAGMENT);
            let blocks: Vec<_> = fragment.children(txn).enumerate().collect();
            let named: Vec<_> = blocks
                .into_iter()
                .filter_map(|(at, block)| match block {
                    XmlOut::Element(element) if &**element.tag() == name => Some((at as u32, element)),
                    _ => None,
                })
                .collect();
            if let Some(n) = n.checked_rem(named.len()) {
                let (at, element) = &named[n];
                removed = Some(element.get_string(txn));
                fragment.remove_range(txn, *at, 1);
            }
        });
        removed.map(|text| (update, text))
    }

    /// Inserts words where `range` of the text there begins; `None` if there is no such text.
    pub(in crate::room) fn insert_at(&self, place: Place, words: &str, range: impl Range) -> Option<Bytes> {
        let (update, _) = self.change_at(place, range, |text, txn, (at, _)| text.insert(txn, at, words))?;
        Some(update)
    }

    /// Removes a range of the text there, and says what was in it.
    pub(in crate::room) fn remove_at(&self, place: Place, range: impl Range) -> Option<(Bytes, String)> {
        self.change_at(place, range, |text, txn, (at, len)| text.remove_range(txn, at, len))
    }

    /// Formats a range of the text there.
    pub(in crate::room) fn format_at(&self, place: Place, on: bool, range: impl Range) -> Option<Bytes> {
        let (update, _) =
            self.change_at(place, range, |text, txn, (at, len)| text.format(txn, at, len, strong(on)))?;
        Some(update)
    }

    fn change_at(
        &self,
        place: Place,
        range: impl Range,
        change: impl FnOnce(&XmlTextRef, &mut TransactionMut<'_>, (u32, u32)),
    ) -> Option<(Bytes, String)> {
        let mut touched = None;
        let update = self.edit(|txn| {
            let Some(text) = text_at(place, txn) else { return };
            // Without its formatting, as offsets count.
            let plain = text.diff(txn, YChange::identity);
            let plain: String = plain.into_iter().map(|run| run.insert.to_string(txn)).collect();
            let (at, len, words) = range(&plain);
            change(&text, txn, (at, len));
            touched = Some(words);
        });
        touched.map(|words| (update, words))
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

    /// Whether it has everything that another has.
    pub(in crate::room) fn has_all_in(&self, other: &Content) -> bool {
        let here = self.doc.transact().state_vector();
        other.state_vector.iter().all(|(client, clock)| here.get(&ClientID::new(*client)) >= *clock)
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

/// Chooses a range of a text: where it begins, how long it is, and what is in it.
pub(in crate::room) trait Range: FnOnce(&str) -> (u32, u32, String) {}

impl<F: FnOnce(&str) -> (u32, u32, String)> Range for F {}

/// A text of a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::room) enum Place {
    /// The one beside the editor's tree.
    Text,
    /// That of the n-th paragraph of the editor's tree, counted around.
    Paragraph(usize),
}

fn text_at(place: Place, txn: &mut TransactionMut<'_>) -> Option<XmlTextRef> {
    match place {
        // To yrs they are the same but for their names.
        Place::Text => Some(AsRef::<XmlTextRef>::as_ref(&txn.get_or_insert_text(TEXT)).clone()),
        Place::Paragraph(n) => {
            let fragment = txn.get_or_insert_xml_fragment(FRAGMENT);
            let texts = fragment.children(txn).filter_map(|child| match child {
                XmlOut::Element(element) if &**element.tag() == "paragraph" => element.get(txn, 0),
                _ => None,
            });
            let texts: Vec<XmlTextRef> = texts
                .filter_map(|child| if let XmlOut::Text(text) = child { Some(text) } else { None })
                .collect();
            (!texts.is_empty()).then(|| texts[n % texts.len()].clone())
        }
    }
}

fn strong(on: bool) -> Attrs {
    Attrs::from([("strong".into(), if on { Any::from(HashMap::<String, Any>::new()) } else { Any::Null })])
}

pub(in crate::room) fn bold(on: bool) -> Attrs {
    Attrs::from([("bold".into(), if on { Any::Bool(true) } else { Any::Null })])
}
