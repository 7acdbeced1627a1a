//! An editor in the room that does something at random.

use bytes::Bytes;
use yrs::branch::{Branch, BranchID};
use yrs::types::Attrs as TextAttrs;
use yrs::types::text::YChange;
use yrs::updates::decoder::Decode;
use yrs::{
    Any, Array, ArrayRef, Doc, OffsetKind, Options, Out, ReadTxn, Text, Transact, Update, Xml,
    XmlElementPrelim, XmlElementRef, XmlFragment, XmlFragmentRef, XmlOut, XmlTextPrelim, XmlTextRef,
};

use super::maker::Maker;
use crate::document::FRAGMENT;
use crate::document::xml::{Reading, read};

/// An editor in the room.
pub(super) struct Peer {
    pub doc: Doc,
    pub fragment: XmlFragmentRef,
}

impl Peer {
    pub(super) fn new(client: u64, state: &Bytes) -> Self {
        let doc = Doc::with_options(Options {
            offset_kind: OffsetKind::Utf16,
            // It would delete marks on its own, and whom should it tell here?
            cleanup_formatting: false,
            ..Options::with_client_id(yrs::ClientID::new(client))
        });
        let fragment = doc.get_or_insert_xml_fragment(FRAGMENT);
        let peer = Self { doc, fragment };
        peer.receive(state);
        peer
    }

    pub(super) fn receive(&self, update: &Bytes) {
        self.doc.transact_mut().apply_update(Update::decode_v1(update).unwrap()).unwrap();
    }

    pub(super) fn reading(&self) -> Reading {
        read(&self.doc.transact(), &self.fragment)
    }

    pub(super) fn texts(&self) -> Vec<XmlTextRef> {
        texts(&self.doc.transact(), &self.fragment)
    }

    /// Writes something in the first text, in a transaction of this origin.
    pub(super) fn insert_as(&self, origin: &str, at: u32, text: &str) -> Bytes {
        let texts = self.texts();
        let mut txn = self.doc.transact_mut_with(origin);
        texts[0].insert(&mut txn, at, text);
        txn.encode_update_v1().into()
    }

    /// Puts in what no editor would.
    pub(super) fn insert_strays(&self) -> Bytes {
        let texts = self.texts();
        let mut txn = self.doc.transact_mut();
        texts[1].insert_embed(&mut txn, 5, Any::from("embedded"));
        self.fragment.insert(&mut txn, 1, XmlTextPrelim::new("loose"));
        let unknown = self.fragment.insert(&mut txn, 0, XmlElementPrelim::empty("callout"));
        unknown.push_back(&mut txn, XmlTextPrelim::new("unknown"));
        let mut deep = self.fragment.insert(&mut txn, 2, XmlElementPrelim::empty("blockquote"));
        for _ in 0..200 {
            deep = deep.push_back(&mut txn, XmlElementPrelim::empty("blockquote"));
        }
        deep.push_back(&mut txn, XmlTextPrelim::new("deep"));
        let array: &ArrayRef = self.fragment.as_ref();
        let end = array.len(&txn);
        array.insert(&mut txn, end, "no XML");
        txn.encode_update_v1().into()
    }

    /// Does something; gives the update, and the words written with the shared text that they are in.
    pub(super) fn edit(&self, maker: &mut Maker, written: &mut Vec<(String, BranchID)>) -> Bytes {
        let texts = self.texts();
        let mut txn = self.doc.transact_mut();
        let len = self.fragment.len(&txn);
        match (maker.rng.u8(0..10), texts.is_empty()) {
            (0, _) if len > 0 => self.fragment.remove(&mut txn, maker.rng.u32(0..len)),
            (1, _) | (_, true) => {
                let at = maker.rng.u32(0..=len);
                let paragraph = self.fragment.insert(&mut txn, at, XmlElementPrelim::empty("paragraph"));
                let sentence = maker.sentence('i');
                let text = paragraph.push_back(&mut txn, XmlTextPrelim::new(sentence.as_str()));
                written.push((sentence.split(' ').next().unwrap().to_owned(), id(&text)));
            }
            (action, _) => {
                let text = &texts[maker.rng.usize(0..texts.len())];
                let words = words(&txn, text);
                let at = maker.rng.usize(0..=words.len());
                match (action, words.get(at)) {
                    (2 | 3, Some(&(start, len, _))) => {
                        // With a space, as people do.
                        let next = words.get(at + 1).map(|next| next.0);
                        let before = at.checked_sub(1).map(|before| words[before].0 + words[before].1);
                        let from = if next.is_some() { start } else { before.unwrap_or(start) };
                        text.remove_range(&mut txn, from, next.unwrap_or(start + len) - from);
                    }
                    (4, Some(&(start, len, _))) if !in_code(text) => {
                        let strong = TextAttrs::from([("strong".into(), Any::from_json("{}").unwrap())]);
                        text.format(&mut txn, start, len, strong);
                    }
                    (_, Some(&(start, ..))) => {
                        let word = maker.unique('i');
                        text.insert(&mut txn, start, &format!("{word} "));
                        written.push((word, id(text)));
                    }
                    (_, None) => {
                        let word = maker.unique('i');
                        let end = text.len(&txn);
                        let space = if end == 0 { "" } else { " " };
                        text.insert(&mut txn, end, &format!("{space}{word}"));
                        written.push((word, id(text)));
                    }
                }
            }
        }
        txn.encode_update_v1().into()
    }
}

pub(super) fn id(text: &impl AsRef<Branch>) -> BranchID {
    text.as_ref().id()
}

pub(super) fn in_code(text: &XmlTextRef) -> bool {
    let parent = text.parent().and_then(XmlOut::into_xml_element);
    parent.is_some_and(|parent: XmlElementRef| parent.tag().as_ref() == "code_block")
}

pub(super) fn texts(txn: &impl ReadTxn, fragment: &XmlFragmentRef) -> Vec<XmlTextRef> {
    fragment.successors(txn).filter_map(XmlOut::into_xml_text).collect()
}

/// Words with their places and lengths.
pub(super) fn words(txn: &impl ReadTxn, text: &XmlTextRef) -> Vec<(u32, u32, String)> {
    let pieces = text.diff(txn, YChange::identity).into_iter();
    let whole: String = pieces
        .map(
            |piece| {
                if let Out::Any(Any::String(text)) = piece.insert { text.to_string() } else { "?".into() }
            },
        )
        .collect();
    let mut at = 0;
    let mut words = Vec::new();
    for word in whole.split([' ', '\n']) {
        let len = word.encode_utf16().count() as u32;
        if len > 0 {
            words.push((at, len, word.to_owned()));
        }
        at += len + 1;
    }
    words
}
