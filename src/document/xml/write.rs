//! From the editor's tree to Yjs, within a transaction.

use std::collections::HashMap;
use std::sync::Arc;

use serde_json::Value;
use yrs::types::Attrs as TextAttrs;
use yrs::{Any, Text, TransactionMut, Xml, XmlElementPrelim, XmlFragment, XmlFragmentRef, XmlTextPrelim};

use crate::markdown::schema::{DEPTH_MAX, TEXT};
use crate::markdown::{Mark, Node};

/// What is read is never nested so deep, see [`DEPTH_MAX`]; the stack would take much more.
const NESTING_MAX: usize = 2 * DEPTH_MAX;

/// Makes the fragment hold this document and nothing else.
///
/// It is for documents that nobody edits yet: what somebody else inserts at the same time stays, beside
/// the new content. The bytes of such an update are not the same each time; for a new
/// document see [`super::document_to_update`].
pub fn write_fragment(txn: &mut TransactionMut<'_>, fragment: &XmlFragmentRef, doc: &Node) {
    let len = fragment.len(txn);
    if len > 0 {
        fragment.remove_range(txn, 0, len);
    }
    insert_nodes(txn, fragment, 0, &doc.content);
}

/// Inserts nodes as children of an element or a fragment. Texts side by side become one shared text.
/// Nodes nested deeper than any editor shows are left out.
pub fn insert_nodes(txn: &mut TransactionMut<'_>, parent: &impl XmlFragment, index: u32, nodes: &[Node]) {
    insert_at_depth(txn, parent, index, nodes, 0);
}

fn insert_at_depth(
    txn: &mut TransactionMut<'_>,
    parent: &impl XmlFragment,
    index: u32,
    nodes: &[Node],
    depth: usize,
) {
    if depth > NESTING_MAX {
        return;
    }
    for (index, group) in (index..).zip(nodes.chunk_by(|a, b| a.kind == TEXT && b.kind == TEXT)) {
        match group {
            [node] if node.kind != TEXT => insert_element(txn, parent, index, node, depth),
            texts => insert_text(txn, parent, index, texts),
        }
    }
}

fn insert_element(
    txn: &mut TransactionMut<'_>,
    parent: &impl XmlFragment,
    index: u32,
    node: &Node,
    depth: usize,
) {
    let element = parent.insert(txn, index, XmlElementPrelim::empty(node.kind.as_ref()));
    insert_at_depth(txn, &element, 0, &node.content, depth + 1);
    for (name, value) in node.attrs.iter() {
        if !value.is_null() {
            element.insert_attribute(txn, name, any(value));
        }
    }
}

fn insert_text(txn: &mut TransactionMut<'_>, parent: &impl XmlFragment, index: u32, texts: &[Node]) {
    let shared = parent.insert(txn, index, XmlTextPrelim::new(""));
    for text in texts {
        let end = shared.len(txn);
        shared.insert_with_attributes(txn, end, &text.text, mark_attributes(&text.marks));
    }
}

/// The only attribute of a mark whose value in Yjs is no object: that value.
pub(crate) const PLAIN_VALUE: &str = "";

/// Marks as the attributes of a piece of shared text.
pub(crate) fn mark_attributes(marks: &[Mark]) -> TextAttrs {
    marks
        .iter()
        .map(|mark| {
            if let Some(plain) = plain_value(mark) {
                return (Arc::from(mark.kind.as_ref()), any(plain));
            }
            let attrs: HashMap<String, Any> =
                mark.attrs.iter().map(|(name, value)| (name.to_owned(), any(value))).collect();
            (Arc::from(mark.kind.as_ref()), Any::Map(Arc::new(attrs)))
        })
        .collect()
}

/// See [`PLAIN_VALUE`].
pub(super) fn plain_value(mark: &Mark) -> Option<&Value> {
    mark.attrs.get(PLAIN_VALUE).filter(|_| mark.attrs.len() == 1)
}

/// A value as lib0 would encode it: whole numbers as integers.
pub(crate) fn any(value: &Value) -> Any {
    match value {
        Value::Null => Any::Null,
        Value::Bool(value) => Any::Bool(*value),
        Value::Number(number) => match (number.as_i64(), number.as_f64()) {
            (Some(number), _) => Any::Number(yrs::any::Number::Int(number)),
            (None, number) => Any::Number(yrs::any::Number::Float(number.unwrap_or_default())),
        },
        Value::String(text) => Any::String(text.as_str().into()),
        Value::Array(values) => Any::Array(values.iter().map(any).collect()),
        Value::Object(values) => {
            Any::Map(Arc::new(values.iter().map(|(name, value)| (name.clone(), any(value))).collect()))
        }
    }
}
