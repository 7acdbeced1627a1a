//! A new document as an update, encoded here and not by yrs.
//!
//! Two servers that seed the same record must give the same bytes: the same ids for the same items. yrs keeps
//! attributes in hash maps whose order is another one in every process, and the order is part of
//! the encoding. So the items are written here, in the order and the form in which Yjs writes them
//! (<https://github.com/yjs/yjs/blob/main/src/structs/Item.js>): the same bytes as y-prosemirror's for the
//! same document.

use std::borrow::Cow;

use bytes::Bytes;
use serde_json::Value;

use super::super::FRAGMENT;
use super::write::{any, plain_value};
use crate::error::{Code, RealtimeError, Result};
use crate::markdown::schema::{self, DEPTH_MAX, TEXT};
use crate::markdown::{Attrs, Mark, Node};
use crate::protocol::update::{
    CLIENT_ID_MAX, HAS_ORIGIN, HAS_PARENT_SUB, XML_ELEMENT, XML_TEXT, any_tag, content,
};
use crate::protocol::wire::{VAR_LEN_MAX, put_bytes, put_var, utf16_len};

/// A new document with this content, as one update; the same bytes for the same content and client.
///
/// Fails if the client id is no safe integer of JavaScript, or if the tree is nested deeper than the editor's
/// can be.
pub fn document_to_update(doc: &Node, client: u64) -> Result<Bytes> {
    if client > CLIENT_ID_MAX {
        return Err(RealtimeError::new(Code::Internal, "the client id of a seed is out of range"));
    }
    let mut seed = Seed { head: Head::new(client), items: Vec::new(), count: 0, clock: 0 };
    seed.children(Parent::Root, &doc.content, 0)?;
    let mut update = Vec::with_capacity(seed.items.len() + 16);
    if seed.count == 0 {
        put_var(&mut update, 0);
    } else {
        put_var(&mut update, 1);
        put_var(&mut update, seed.count);
        put_var(&mut update, client);
        put_var(&mut update, 0);
        update.append(&mut seed.items);
    }
    // Nothing is deleted.
    put_var(&mut update, 0);
    Ok(update.into())
}

/// What an item is in.
#[derive(Debug, Clone, Copy)]
enum Parent {
    Root,
    /// The item of the parent, by its clock.
    Item(u64),
}

struct Seed {
    head: Head,
    items: Vec<u8>,
    count: u64,
    clock: u64,
}

impl Seed {
    fn children(&mut self, parent: Parent, nodes: &[Node], depth: usize) -> Result<()> {
        if depth > DEPTH_MAX {
            return Err(RealtimeError::new(Code::Internal, "the document is nested too deeply"));
        }
        let mut left = None;
        for group in nodes.chunk_by(|a, b| a.kind == TEXT && b.kind == TEXT) {
            let item = self.item(content::TYPE, parent, left, None, 1);
            left = Some(item);
            match group {
                [node] if node.kind != TEXT => {
                    put_var(&mut self.items, XML_ELEMENT);
                    put_bytes(&mut self.items, node.kind.as_bytes());
                    self.children(Parent::Item(item), &node.content, depth + 1)?;
                    self.attributes(item, node);
                }
                texts => {
                    put_var(&mut self.items, XML_TEXT);
                    self.texts(item, texts);
                }
            }
        }
        Ok(())
    }

    fn attributes(&mut self, element: u64, node: &Node) {
        if node.attrs.is_empty() {
            return;
        }
        let spec = schema::node_type(&node.kind).map(|known| known.attrs).unwrap_or_default();
        in_order(&node.attrs, spec, |name, value| {
            if !value.is_null() {
                self.item(content::ANY, Parent::Item(element), None, Some(name), 1);
                put_var(&mut self.items, 1);
                match value {
                    // As below, without a copy.
                    Value::String(text) => {
                        self.items.push(any_tag::STRING);
                        put_bytes(&mut self.items, text.as_bytes());
                    }
                    _ => any(value).encode(&mut self.items),
                }
            }
        });
    }

    /// Pieces of text, each between the marks that begin and end with it.
    fn texts(&mut self, parent: u64, texts: &[Node]) {
        let parent = Parent::Item(parent);
        let mut left = None;
        for text in texts.iter().filter(|text| !text.text.is_empty()) {
            for mark in &text.marks {
                left = Some(self.format(parent, left, mark, &mark_json(mark)));
            }
            let len = utf16_len(&text.text) as u64;
            let item = self.item(content::STRING, parent, left, None, len);
            put_bytes(&mut self.items, text.text.as_bytes());
            left = Some(item + len - 1);
            for mark in &text.marks {
                left = Some(self.format(parent, left, mark, "null"));
            }
        }
    }

    fn format(&mut self, parent: Parent, left: Option<u64>, mark: &Mark, value: &str) -> u64 {
        let item = self.item(content::FORMAT, parent, left, None, 1);
        put_bytes(&mut self.items, mark.kind.as_bytes());
        put_bytes(&mut self.items, value.as_bytes());
        item
    }

    /// Begins an item and gives its clock; its content comes next. An item with a left neighbour is in the
    /// parent of that one.
    fn item(&mut self, content: u8, parent: Parent, left: Option<u64>, key: Option<&str>, len: u64) -> u64 {
        let out = &mut self.items;
        let flags =
            if left.is_some() { HAS_ORIGIN } else { 0 } | if key.is_some() { HAS_PARENT_SUB } else { 0 };
        let info = content | flags;
        match (left, parent) {
            (Some(clock), _) => out.extend_from_slice(self.head.beside(info, clock)),
            (None, Parent::Item(clock)) => out.extend_from_slice(self.head.inside(info, clock)),
            (None, Parent::Root) => {
                out.extend([info, 1]);
                put_bytes(out, FRAGMENT.as_bytes());
            }
        }
        if let Some(key) = key.filter(|_| left.is_none()) {
            put_bytes(out, key.as_bytes());
        }
        let clock = self.clock;
        self.clock += len;
        self.count += 1;
        clock
    }
}

/// What an item begins with, made in one place and written at once: most items are hardly longer.
struct Head {
    /// Two bytes that differ, the client id, and room for a clock.
    bytes: [u8; 2 + 2 * VAR_LEN_MAX],
    /// Where clocks begin.
    clock: usize,
}

impl Head {
    fn new(client: u64) -> Self {
        let mut head = Self { bytes: [0; 2 + 2 * VAR_LEN_MAX], clock: 2 };
        head.clock = head.put(client);
        head
    }

    /// Of an item with a left neighbour.
    fn beside(&mut self, info: u8, clock: u64) -> &[u8] {
        self.bytes[1] = info;
        let end = self.put(clock);
        &self.bytes[1..end]
    }

    /// Of the first item in another one.
    fn inside(&mut self, info: u8, clock: u64) -> &[u8] {
        self.bytes[..2].copy_from_slice(&[info, 0]);
        let end = self.put(clock);
        &self.bytes[..end]
    }

    /// Puts an integer where clocks are, and says where it ends.
    fn put(&mut self, mut value: u64) -> usize {
        let mut at = self.clock;
        while value > 0x7f {
            self.bytes[at] = (value & 0x7f) as u8 | 0x80;
            value >>= 7;
            at += 1;
        }
        self.bytes[at] = value as u8;
        at + 1
    }
}

/// Goes through attributes in the schema's order, then through those that it does not have.
fn in_order<'a>(
    attrs: &'a Attrs,
    spec: &[(&'static str, schema::Fallback)],
    mut each: impl FnMut(&'a str, &'a Value),
) {
    let mut left = attrs.len();
    for (name, _) in spec {
        if let Some(value) = attrs.get(name) {
            left -= 1;
            each(name, value);
        }
    }
    if left > 0 {
        let is_known = |name: &str| spec.iter().any(|(known, _)| *known == name);
        attrs.iter().filter(|(name, _)| !is_known(name)).for_each(|(name, value)| each(name, value));
    }
}

/// A mark's value as JSON: its attributes in the schema's order.
fn mark_json(mark: &Mark) -> Cow<'static, str> {
    if let Some(plain) = plain_value(mark) {
        return plain.to_string().into();
    }
    if mark.attrs.is_empty() {
        return "{}".into();
    }
    let spec = schema::MARK_TYPES.iter().find(|(name, _)| *name == mark.kind).map(|(_, spec)| *spec);
    let mut json = vec![b'{'];
    in_order(&mark.attrs, spec.unwrap_or_default(), |name, value| {
        if json.len() > 1 {
            json.push(b',');
        }
        // Nothing fails that is written to memory.
        let _ = serde_json::to_writer(&mut json, name);
        json.push(b':');
        let _ = serde_json::to_writer(&mut json, value);
    });
    json.push(b'}');
    String::from_utf8(json).unwrap_or_default().into()
}
