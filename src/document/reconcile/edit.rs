//! Edits of one line in its shared texts.

use std::ops::Range;

use yrs::types::Attrs as TextAttrs;
use yrs::{Any, Text, TransactionMut, XmlElementRef, XmlFragment, XmlOut, XmlTextRef};

use super::apply::index;
use super::line::utf16_len;
use super::live::Place;
use super::model::Model;
use super::words::{Change, Edit, Format};
use crate::document::xml::write::mark_attributes;
use crate::document::xml::{Reader, insert_nodes};
use crate::markdown::Node;
use crate::markdown::schema::{TEXT, text};

/// Applies the change of a line to the element that it is in.
pub(super) fn line(
    txn: &mut TransactionMut<'_>,
    model: &Model,
    element: &XmlElementRef,
    places: &[Place],
    change: &Change,
) {
    let mut parts = Vec::with_capacity(places.len());
    let mut start = 0;
    for place in places {
        let text = match &place.at {
            Some(XmlOut::Text(text)) => Some(text.clone()),
            _ => None,
        };
        let end = start + text.as_ref().map_or(1, |text| text.len(txn));
        parts.push(Part { text, units: start..end });
        start = end;
    }
    let parts = Parts { element, model, parts };
    change.formats.iter().for_each(|format| parts.format(txn, format));
    for edit in change.edits.iter().rev() {
        match edit {
            Edit::Insert { at, nodes } => parts.insert(txn, *at, nodes),
            Edit::Delete { units } => parts.delete(txn, units),
        }
    }
}

/// A shared text, or a node among them. Places are those before any edit: edits come from the end.
struct Part {
    text: Option<XmlTextRef>,
    units: Range<u32>,
}

struct Parts<'a> {
    model: &'a Model,
    element: &'a XmlElementRef,
    parts: Vec<Part>,
}

impl Parts<'_> {
    fn format(&self, txn: &mut TransactionMut<'_>, format: &Format) {
        let set = format.marks.iter().filter_map(|(_, mark)| mark.clone()).collect::<Vec<_>>();
        let mut attributes = mark_attributes(&set);
        for (kind, _) in format.marks.iter().filter(|(_, mark)| mark.is_none()) {
            attributes.insert(kind.as_ref().into(), Any::Null);
        }
        for (_, text, units) in self.texts(&format.units) {
            text.format(txn, units.start, units.end - units.start, attributes.clone());
        }
    }

    fn delete(&self, txn: &mut TransactionMut<'_>, units: &Range<u32>) {
        for (place, part) in self.parts.iter().enumerate().rev() {
            let inside = overlap(&part.units, units);
            match &part.text {
                _ if inside.is_empty() => {}
                Some(text) => text.remove_range(txn, inside.start, inside.end - inside.start),
                None => self.element.remove_range(txn, index(place), 1),
            }
        }
    }

    /// The shared texts in a range, with the range in each.
    fn texts<'b>(
        &'b self,
        units: &'b Range<u32>,
    ) -> impl Iterator<Item = (usize, &'b XmlTextRef, Range<u32>)> {
        let inside =
            self.parts.iter().enumerate().map(|(place, part)| (place, part, overlap(&part.units, units)));
        inside
            .filter_map(|(place, part, inside)| Some((place, part.text.as_ref()?, inside)))
            .filter(|(.., r)| !r.is_empty())
    }

    fn insert(&self, txn: &mut TransactionMut<'_>, at: u32, nodes: &[Node]) {
        let touching = |part: &&(usize, &Part)| part.1.units.start <= at && at <= part.1.units.end;
        let found = self.parts.iter().enumerate().filter(|(_, part)| part.text.is_some());
        let found = found.collect::<Vec<_>>();
        let Some((place, text, offset)) = found
            .iter()
            .find(touching)
            .and_then(|(place, part)| Some((*place, part.text.as_ref()?, at - part.units.start)))
        else {
            let before = self.parts.iter().take_while(|part| part.units.end <= at).count();
            insert_nodes(txn, self.element, index(before), nodes);
            return;
        };
        let leading = nodes.iter().take_while(|node| node.kind == TEXT).count();
        if leading == nodes.len() {
            insert_texts(txn, text, offset, nodes);
            return;
        }
        if offset == 0 {
            let trailing = nodes.iter().rev().take_while(|node| node.kind == TEXT).count();
            let (before, trailing) = nodes.split_at(nodes.len() - trailing);
            insert_texts(txn, text, 0, trailing);
            insert_nodes(txn, self.element, index(place), before);
            return;
        }
        // A node in the midst of a text: what comes after it needs a text of its own.
        let tail = cut_tail(txn, self.model, text, offset);
        let (leading, others) = nodes.split_at(leading);
        insert_nodes(txn, self.element, index(place) + 1, &[others, &tail].concat());
        insert_texts(txn, text, offset, leading);
    }
}

fn insert_texts(txn: &mut TransactionMut<'_>, shared: &XmlTextRef, offset: u32, texts: &[Node]) {
    let mut offset = offset;
    for text in texts {
        let attributes: TextAttrs = mark_attributes(&text.marks);
        shared.insert_with_attributes(txn, offset, &text.text, attributes);
        offset += utf16_len(&text.text);
    }
}

/// Takes away what a shared text has from here, and gives it.
fn cut_tail(txn: &mut TransactionMut<'_>, model: &Model, shared: &XmlTextRef, offset: u32) -> Vec<Node> {
    let mut pieces = Vec::new();
    Reader::new(&*txn, model.rules()).text(shared, &mut pieces);
    let mut passed = 0;
    let mut tail = Vec::new();
    for piece in pieces {
        let start = passed;
        passed += utf16_len(&piece.text);
        if start >= offset {
            tail.push(piece);
        } else if passed > offset {
            tail.push(text(from_unit(&piece.text, offset - start), piece.marks));
        }
    }
    if passed > offset {
        shared.remove_range(txn, offset, passed - offset);
    }
    tail
}

/// The rest of a text from a place in UTF-16 units, which is never within a character.
fn from_unit(text: &str, units: u32) -> &str {
    let mut passed = 0;
    let reached = |(_, c): &(usize, char)| {
        let here = passed;
        passed += u32::try_from(c.len_utf16()).unwrap_or(1);
        here >= units
    };
    text.char_indices().find(reached).map_or("", |(at, _)| &text[at..])
}

/// Where a range lies in a part, counted from the part's beginning.
fn overlap(part: &Range<u32>, range: &Range<u32>) -> Range<u32> {
    let (start, end) = (part.start.max(range.start), part.end.min(range.end));
    if start < end { start - part.start..end - part.start } else { 0..0 }
}
