//! The editor's tree out of an update that was written in one go, without making a document of it.
//!
//! So is a seed, and what any Yjs client encodes that filled an empty document: all of it is one client's, nothing is
//! deleted, and every item comes at the end of its parent, which nothing follows that it is not in. There is nothing
//! to merge then, and the items in their order are the tree. Anything else is left to yrs, by `None`.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use serde_json::Value;
use yrs::Any;
use yrs::types::Attrs as TextAttrs;

use super::super::FRAGMENT;
use super::read::{Reader, Rules};
use crate::markdown::Node;
use crate::markdown::schema::{self, Content, DEPTH_MAX};
use crate::protocol::update::{
    CLIENT_ID_MAX, CONTENT, HAS_ORIGIN, HAS_PARENT_SUB, HAS_RIGHT_ORIGIN, XML_ELEMENT, XML_TEXT, any_tag,
    content,
};
use crate::protocol::wire::{self, utf16_len};

/// The document of an update, which need not have been checked: nothing is reserved by what it claims, and no more
/// is taken than [`check_update`](crate::protocol::update::check_update) takes. `None` if it has to be merged to be
/// known.
pub(super) fn read_update(update: &[u8]) -> Option<Node> {
    let mut items = Items {
        wire: wire::Reader::new(update),
        client: 0,
        open: vec![Open {
            clock: None,
            end: None,
            held: Held::Nodes { name: "", attrs: Vec::new(), first: 0 },
        }],
        nodes: Vec::new(),
        reader: Reader::new(&(), Rules::Editor),
    };
    items.read()?;
    items.close_down_to(1);
    let mut doc = schema::empty(schema::DOC);
    doc.content = items.reader.fit(Content::Blocks, items.nodes);
    Some(doc)
}

/// A shared type into which items may still come; the first one is the fragment.
struct Open<'a> {
    /// The clock of its item.
    clock: Option<u32>,
    /// The last clock of the last item inside so far.
    end: Option<u32>,
    held: Held<'a>,
}

enum Held<'a> {
    /// An element.
    Nodes {
        name: &'a str,
        attrs: Vec<(Cow<'static, str>, Value)>,
        /// Where its children begin in [`Items::nodes`].
        first: usize,
    },
    /// A text.
    Text {
        /// What formats its next piece.
        format: TextAttrs,
        /// Where the children of its parent begin.
        first: usize,
    },
}

struct Items<'a> {
    wire: wire::Reader<'a>,
    client: u64,
    /// From the fragment to the innermost type.
    open: Vec<Open<'a>>,
    /// What these hold so far, an inner one's after an outer one's.
    nodes: Vec<Node>,
    reader: Reader<'static, ()>,
}

impl<'a> Items<'a> {
    fn read(&mut self) -> Option<()> {
        if self.wire.var_u64().ok()? != 1 {
            return None;
        }
        let count = self.wire.count().ok()?;
        self.client = self.wire.var_u64().ok().filter(|client| *client <= CLIENT_ID_MAX)?;
        if self.wire.var_u64().ok()? != 0 {
            return None;
        }
        let mut clock = 0;
        for _ in 0..count {
            clock = self.item(clock)?;
        }
        // Nothing is deleted.
        (self.wire.var_u64().ok()? == 0 && self.wire.left() == 0).then_some(())
    }

    /// Reads one item and gives the clock after it.
    fn item(&mut self, clock: u32) -> Option<u32> {
        let info = self.wire.byte().ok()?;
        if info & HAS_RIGHT_ORIGIN != 0 {
            return None;
        }
        let mut key = None;
        let parent = if info & HAS_ORIGIN != 0 {
            let left = self.id()?;
            self.open.iter().rposition(|open| open.end == Some(left))?
        } else {
            let is_root = self.wire.var_u64().ok()? == 1;
            let of = if is_root {
                (self.wire.text().ok()? == FRAGMENT).then_some(None)?
            } else {
                Some(self.id()?)
            };
            if info & HAS_PARENT_SUB != 0 {
                key = Some(self.wire.text().ok()?);
            }
            let parent = self.open.iter().rposition(|open| open.clock == of)?;
            (key.is_some() || self.open[parent].end.is_none()).then_some(parent)?
        };
        self.close_down_to(parent + 1);
        if let Some(key) = key {
            self.attribute(info & CONTENT, key)?;
            return clock.checked_add(1);
        }
        let len = self.child(info & CONTENT, clock)?;
        let last = clock.checked_add(len.checked_sub(1)?)?;
        self.open[parent].end = Some(last);
        last.checked_add(1)
    }

    fn id(&mut self) -> Option<u32> {
        let client = self.wire.var_u64().ok()?;
        let clock = self.wire.var_u32().ok()?;
        (client == self.client).then_some(clock)
    }

    /// An attribute of the innermost type that is a plain value and is set once.
    fn attribute(&mut self, tag: u8, key: &str) -> Option<()> {
        if tag != content::ANY || self.wire.var_u64().ok()? != 1 || self.open.len() < 2 {
            return None;
        }
        let value = self.value()?;
        let Held::Nodes { name, attrs, .. } = &mut self.open.last_mut()?.held else { return None };
        if attrs.iter().any(|(known, _)| known == key) {
            return None;
        }
        let spec = schema::node_type(name).map(|known| known.attrs).unwrap_or_default();
        let known = spec.iter().find(|(known, _)| *known == key);
        attrs.push((known.map_or_else(|| key.to_owned().into(), |(known, _)| (*known).into()), value));
        Some(())
    }

    /// The values that the editor's attributes have.
    fn value(&mut self) -> Option<Value> {
        Some(match self.wire.byte().ok()? {
            any_tag::FALSE => false.into(),
            any_tag::TRUE => true.into(),
            any_tag::STRING => self.wire.text().ok()?.into(),
            // Of an integer the first byte has a sign and six bits; it is enough for levels, and for most orders.
            any_tag::INTEGER => match self.wire.byte().ok()? {
                small @ 0..0x40 => small.into(),
                _ => return None,
            },
            _ => return None,
        })
    }

    /// What stands in the innermost type in its order: the clock ticks it takes.
    fn child(&mut self, tag: u8, clock: u32) -> Option<u32> {
        let depth = self.open.len();
        match (&mut self.open.last_mut()?.held, tag) {
            (&mut Held::Nodes { first, .. }, content::TYPE) if depth <= DEPTH_MAX => {
                let held = match self.wire.var_u64().ok()? {
                    XML_ELEMENT => {
                        let name = self.wire.text().ok()?;
                        Held::Nodes { name, attrs: Vec::new(), first: self.nodes.len() }
                    }
                    XML_TEXT => Held::Text { format: TextAttrs::default(), first },
                    _ => return None,
                };
                self.open.push(Open { clock: Some(clock), end: None, held });
                Some(1)
            }
            (Held::Text { format, first }, content::STRING) => {
                let text = self.wire.text().ok()?;
                let format = Some(&*format).filter(|format| !format.is_empty());
                self.reader.piece(text, format, *first, &mut self.nodes);
                u32::try_from(utf16_len(text)).ok()
            }
            (Held::Text { format, .. }, content::FORMAT) => {
                let name = self.wire.text().ok()?;
                match self.wire.text().ok()? {
                    "null" => drop(format.remove(name)),
                    "{}" => drop(format.insert(name.into(), Any::Map(Arc::new(HashMap::new())))),
                    other => match Any::from_json(other).ok()? {
                        Any::Null => return None,
                        value => drop(format.insert(name.into(), value)),
                    },
                }
                Some(1)
            }
            _ => None,
        }
    }

    /// Nothing comes any more into what is further in.
    fn close_down_to(&mut self, depth: usize) {
        while self.open.len() > depth
            && let Some(open) = self.open.pop()
        {
            if let Held::Nodes { name, attrs, first } = open.held {
                let inside = self.nodes.split_off(first);
                self.reader.make_element(name, attrs.into_iter().collect(), inside, &mut self.nodes);
            }
        }
    }
}
