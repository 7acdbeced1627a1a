//! Documents of any schema: a tree of elements and texts as it is, whatever its names are.

use yrs::branch::BranchPtr;
use yrs::updates::decoder::Decode;
use yrs::{
    Any, Array, ArrayRef, Doc, Map, OffsetKind, Options, Out, ReadTxn, Transact, TransactionMut, Update,
    WriteTxn, Xml, XmlElementRef, XmlFragment, XmlFragmentRef, XmlOut,
};

use super::foreign::Foreign;
use super::read::{Reader, Reading, Rules, children, value_of};
use crate::document::{FRAGMENT, contained};
use crate::markdown::schema::{self, DEPTH_MAX};
use crate::markdown::{Attrs, Node};
use crate::protocol::update::check_update;

/// Reads a fragment without making it fit anything. [`Reading::misfits`] counts what is no element, text,
/// JSON value or mark, and what is nested deeper than [`DEPTH_MAX`]; none of that is in the tree.
pub fn read_any(txn: &impl ReadTxn, fragment: &XmlFragmentRef) -> Reading {
    let mut reader = Reader::new(txn, Rules::Open);
    let content = reader.as_it_is(fragment, 1);
    Reading {
        doc: Node { content, ..schema::empty(schema::DOC) },
        misfits: reader.misfits,
        foreign: Foreign::default(),
    }
}

/// The document that this update is all of, if there is nothing in it that a tree cannot say. Else the
/// problem, as the end of a sentence that begins with "the update".
pub fn update_to_tree(update: &[u8]) -> Result<Node, String> {
    check_update(update).map_err(|error| error.to_string())?;
    // Whatever yrs does with bytes that are well-formed and still make no sense, it is an error here.
    contained(|| read_update(update)).unwrap_or_else(|_| Err("cannot be integrated".to_owned()))
}

fn read_update(update: &[u8]) -> Result<Node, String> {
    let update = Update::decode_v1(update).map_err(|error| format!("cannot be read: {error}"))?;
    let doc = Doc::with_options(Options { offset_kind: OffsetKind::Utf16, ..Options::default() });
    let mut txn = doc.transact_mut();
    txn.apply_update(update).map_err(|error| format!("cannot be integrated: {error}"))?;
    if txn.has_missing_updates() {
        return Err("builds on changes that it does not have".to_owned());
    }
    let roots: Vec<String> = txn.root_refs().map(|(name, _)| name.to_owned()).collect();
    if let Some(other) = roots.iter().filter(|name| *name != FRAGMENT).find(|name| is_used(&mut txn, name)) {
        return Err(format!("has content in {other:?}"));
    }
    let has_entries = txn.get_or_insert_map(FRAGMENT).len(&txn) > 0;
    let fragment = txn.get_or_insert_xml_fragment(FRAGMENT);
    let reading = read_any(&txn, &fragment);
    if reading.misfits > 0 || has_entries {
        return Err(format!(
            "holds what is no tree of XML elements and texts with JSON attributes, at most {DEPTH_MAX} deep"
        ));
    }
    Ok(reading.doc)
}

/// Whether a root has entries or children; which type it is cannot be known.
fn is_used(txn: &mut TransactionMut<'_>, root: &str) -> bool {
    let map = txn.get_or_insert_map(root);
    let list = ArrayRef::from(BranchPtr::from(map.as_ref()));
    map.len(txn) > 0 || list.len(txn) > 0
}

impl<T: ReadTxn> Reader<'_, T> {
    fn as_it_is(&mut self, parent: &impl XmlFragment, depth: usize) -> Vec<Node> {
        let mut nodes = Vec::new();
        for child in children(self.txn, parent) {
            match child {
                Some(XmlOut::Element(element)) if depth <= DEPTH_MAX => {
                    let Some(kind) = element.try_tag().map(ToString::to_string) else {
                        self.misfits += 1;
                        continue;
                    };
                    let attrs = self.attributes(&element).without_nulls();
                    let content = self.as_it_is(&element, depth + 1);
                    nodes.push(Node { kind: kind.into(), attrs, content, ..schema::empty("") });
                }
                Some(XmlOut::Text(text)) => self.text(&text, &mut nodes),
                Some(XmlOut::Element(_) | XmlOut::Fragment(_)) | None => self.misfits += 1,
            }
        }
        nodes
    }

    /// An element's attributes, null ones included.
    pub(crate) fn attributes(&mut self, element: &XmlElementRef) -> Attrs {
        let mut attrs = Attrs::new();
        for (name, value) in element.attributes(self.txn) {
            let is_json = matches!(&value, Out::Any(value) if is_json(value));
            self.misfits += usize::from(!is_json);
            attrs.insert(name.to_owned(), value_of(&value));
        }
        attrs
    }
}

fn is_json(value: &Any) -> bool {
    match value {
        Any::Null | Any::Bool(_) | Any::String(_) => true,
        Any::Number(number) => number.as_f64().is_some_and(f64::is_finite),
        Any::Undefined | Any::Buffer(_) => false,
        Any::Array(values) => values.iter().all(is_json),
        Any::Map(values) => values.values().all(is_json),
    }
}
