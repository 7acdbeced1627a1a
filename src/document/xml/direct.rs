//! The editor's tree out of an update that was written in one go, without making a document of it.
//!
//! So is a seed, and what any Yjs client encodes that filled an empty document: all of it is one client's, nothing is
//! deleted, and every item comes at the end of its parent, which nothing follows that it is not in. There is nothing
//! to merge then, and the items in their order are the tree. Anything else is left to yrs, by `None`.

use std::sync::Arc;

use serde_json::Value;
use yrs::Any;

use super::super::FRAGMENT;
use super::read::{Reader, Rules, given_attrs, sort_formats};
use crate::markdown::schema::{self, Content, DEPTH_MAX, NodeType};
use crate::markdown::{Attr, Attrs, Node};
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
            held: Held::Nodes { name: "", node_type: None, first: 0, first_attr: 0 },
        }],
        nodes: Vec::new(),
        attrs: Vec::new(),
        format: Vec::new(),
        recent: Default::default(),
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
        node_type: Option<&'static NodeType>,
        /// Where its children begin in [`Items::nodes`].
        first: usize,
        /// Where its attributes begin in [`Items::attrs`].
        first_attr: usize,
    },
    /// A text.
    Text {
        /// Where the children of its parent begin.
        first: usize,
    },
}

/// A table's cells differ by their column's alignment, of which there are four.
const RECENT: usize = 4;

/// The most attributes of an element and formats of a text, for each is looked for among the others. Where there
/// are more, they are left to yrs.
const ATTRIBUTES_MAX: usize = 64;

struct Items<'a> {
    wire: wire::Reader<'a>,
    client: u64,
    /// From the fragment to the innermost type.
    open: Vec<Open<'a>>,
    /// What these hold so far, an inner one's after an outer one's.
    nodes: Vec<Node>,
    /// Their attributes so far, in the same way.
    attrs: Vec<Attr>,
    /// What formats the next piece of the innermost text.
    format: Vec<(&'a str, Attrs)>,
    /// Attributes that elements had, the last ones first: others often have the same, and share them.
    recent: [Attrs; RECENT],
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
        let &Held::Nodes { node_type, first_attr, .. } = &self.open.last()?.held else { return None };
        let before = self.attrs.get(first_attr..)?;
        if before.len() >= ATTRIBUTES_MAX || before.iter().any(|(known, _)| known == key) {
            return None;
        }
        let spec = node_type.map(|known| known.attrs).unwrap_or_default();
        let known = spec.iter().find(|(known, _)| *known == key);
        self.attrs.push((known.map_or_else(|| key.to_owned().into(), |(known, _)| (*known).into()), value));
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
                        let (first, first_attr) = (self.nodes.len(), self.attrs.len());
                        let name = self.wire.text().ok()?;
                        Held::Nodes { name, node_type: schema::node_type(name), first, first_attr }
                    }
                    XML_TEXT => {
                        self.format.clear();
                        Held::Text { first }
                    }
                    _ => return None,
                };
                self.open.push(Open { clock: Some(clock), end: None, held });
                Some(1)
            }
            (&mut Held::Text { first }, content::STRING) => {
                let text = self.wire.text().ok()?;
                sort_formats(&mut self.format);
                self.reader.piece(text, |reader| reader.known_marks(&self.format), first, &mut self.nodes);
                u32::try_from(utf16_len(text)).ok()
            }
            (Held::Text { .. }, content::FORMAT) if self.format.len() < ATTRIBUTES_MAX => {
                let name = self.wire.text().ok()?;
                let value = self.wire.text().ok()?;
                self.format.retain(|(known, _)| *known != name);
                match value {
                    "null" => {}
                    "{}" => self.format.push((name, Attrs::new())),
                    other => match Any::from_json(other).ok()? {
                        Any::Null => return None,
                        value => self.format.push((name, given_attrs(&value))),
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
            if let Held::Nodes { name, node_type, first, first_attr } = open.held {
                let inside = self.nodes.split_off(first);
                let attrs = self.take_attrs(first_attr);
                self.reader.make_element((name, node_type), attrs, inside, &mut self.nodes);
            }
        }
    }

    /// The attributes from there on.
    fn take_attrs(&mut self, first: usize) -> Attrs {
        let own = self.attrs.get_mut(first..).unwrap_or_default();
        if own.is_empty() {
            return Attrs::new();
        }
        own.sort_unstable_by(|(a, _), (b, _)| a.cmp(b));
        if let Some(same) = self.recent.iter().find(|recent| recent.all() == own) {
            self.attrs.truncate(first);
            return same.clone();
        }
        let attrs = Attrs::sorted(self.attrs.drain(first..).collect::<Arc<[_]>>());
        self.recent.rotate_right(1);
        self.recent[0] = attrs.clone();
        attrs
    }
}
