//! The trees of documents that real editors made, in `__test__/editors/fixtures/`: the same as y-prosemirror reads.

use std::path::Path;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use civicpress_realtime::document::xml;
use civicpress_realtime::markdown::{Attrs, Node};
use serde_json::{Map, Value, json};
use yrs::updates::decoder::Decode;
use yrs::{Doc, OffsetKind, Options, Transact, Update, WriteTxn};

/// Without nulls.
fn attrs_of(attrs: &Attrs) -> Map<String, Value> {
    attrs
        .iter()
        .filter(|(_, value)| !value.is_null())
        .map(|(name, value)| (name.to_owned(), value.clone()))
        .collect()
}

/// As `plain` in `__test__/editors/reading.mjs` has it.
fn plain(node: &Node) -> Value {
    let mut json = Map::from_iter([("type".to_owned(), json!(node.kind))]);
    if !node.text.is_empty() {
        json.insert("text".to_owned(), json!(node.text));
    }
    let attrs = attrs_of(&node.attrs);
    if !attrs.is_empty() {
        json.insert("attrs".to_owned(), attrs.into());
    }
    if !node.marks.is_empty() {
        let mut marks: Vec<_> = node.marks.iter().collect();
        marks.sort_by(|a, b| a.kind.cmp(&b.kind));
        let marks = marks.into_iter().map(|mark| match attrs_of(&mark.attrs) {
            attrs if attrs.is_empty() => json!({"type": mark.kind}),
            attrs => json!({"type": mark.kind, "attrs": attrs}),
        });
        json.insert("marks".to_owned(), marks.collect());
    }
    if !node.content.is_empty() {
        json.insert("content".to_owned(), node.content.iter().map(plain).collect());
    }
    json.into()
}

#[test]
fn trees_are_those_of_the_editor() {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("__test__/editors/fixtures");
    let mut compared = 0;
    for file in std::fs::read_dir(fixtures).unwrap() {
        let recording: Value =
            serde_json::from_str(&std::fs::read_to_string(file.unwrap().path()).unwrap()).unwrap();
        let doc = Doc::with_options(Options { offset_kind: OffsetKind::Utf16, ..Options::default() });
        let mut txn = doc.transact_mut();
        for step in recording["steps"].as_array().unwrap() {
            let update = BASE64_STANDARD.decode(step["update"].as_str().unwrap()).unwrap();
            txn.apply_update(Update::decode_v1(&update).unwrap()).unwrap();
        }
        let fragment = txn.get_or_insert_xml_fragment("default");
        let reading = xml::read(&txn, &fragment);
        let name = &recording["name"];
        assert_eq!(json!(reading.foreign.has_content()), recording["foreign"], "{name}");
        if recording["tree"].is_object() {
            assert_eq!(plain(&reading.doc), recording["tree"], "{name}");
            assert_eq!(reading.misfits, 0, "{name}");
            compared += 1;
        }
    }
    assert!(compared >= 10, "{compared} recordings have a tree");
}
