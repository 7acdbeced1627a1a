//! Tables whose columns changed: every row gets the same columns, whoever wrote it.

use yrs::{XmlElementRef, XmlFragment, XmlOut};

use super::align::Pairing;
use super::apply::{Merger, Removal, Versions, index, keeps};
use super::blocks::{Step, plan};
use super::line::count_words;
use super::model::Model;
use crate::markdown::schema::{self, PARAGRAPH, TABLE_CELL, TABLE_HEADER};
use crate::markdown::{Attrs, Node};

impl Merger<'_, '_> {
    /// Merges a table if columns came, went or moved on a side; says whether it did. Tables with rows of
    /// different lengths or with cells over several columns are not for this: Markdown has none.
    pub(super) fn columns(&mut self, table: &XmlElementRef, of: Versions<'_>) -> bool {
        let (Some(old), Some(new)) = (of.old, of.new) else { return false };
        let widths = [old, new, of.live].map(width);
        let [Some(old_width), Some(new_width), Some(live_width)] = widths else { return false };
        if old_width == new_width && old_width == live_width {
            return false;
        }
        let [olds, news, lives] = [(old, old_width), (new, new_width), (of.live, live_width)]
            .map(|(table, width)| (0..width).map(|column| column_text(table, column)).collect::<Vec<_>>());
        let steps: Vec<Step> =
            plan(self.model, &olds, &news, &lives, Pairing::Alike).into_iter().map(unmoved).collect();
        let rows = plan(self.model, &old.content, &new.content, &of.live.content, Pairing::Header);
        let dropped = (0..live_width).map(|column| is_dropped(of, &rows, &steps, column)).collect();
        Columns { steps, dropped, new, live: of.live }.rows(self, table, of, rows);
        true
    }
}

/// What happens to the columns.
struct Columns<'a> {
    steps: Vec<Step>,
    /// For each live column whether it goes.
    dropped: Vec<bool>,
    new: &'a Node,
    live: &'a Node,
}

impl Columns<'_> {
    fn rows(&self, merger: &mut Merger<'_, '_>, table: &XmlElementRef, of: Versions<'_>, rows: Vec<Step>) {
        let mut next = index(of.live.content.len());
        let mut removal = Removal::default();
        for step in rows.into_iter().rev() {
            let (old, new, live) = match unmoved(step) {
                Step::Insert { new } => {
                    removal.flush(merger.txn, table);
                    merger.insert(table, next, &self.new_row(&of.new_content()[new]));
                    continue;
                }
                Step::Delete { old, live }
                    if !keeps(&Model::Editor, of.old_content().get(old), &of.live.content[live]) =>
                {
                    next = index(live);
                    merger.removed += count_words(merger.model, &of.live.content[live]);
                    removal.add(merger.txn, table, next);
                    continue;
                }
                Step::Keep { live, of } => (of.map(|(old, _)| old), of.map(|(_, new)| new), live),
                Step::Merge { old, new, live } => (old, Some(new), live),
                Step::Delete { old, live } => (Some(old), None, live),
                Step::MoveHere { .. } | Step::MovedAway { .. } => continue,
            };
            next = index(live);
            removal.flush(merger.txn, table);
            self.row(merger, of.inside(old, new, live));
        }
        removal.flush(merger.txn, table);
    }

    /// Changes a live row.
    fn row(&self, merger: &mut Merger<'_, '_>, of: Versions<'_>) {
        let Some(XmlOut::Element(row)) = &of.place.at else { return };
        let mut next = index(of.live.content.len());
        for step in self.steps.iter().rev() {
            let (old, new, live) = match *step {
                Step::Insert { new } => {
                    let cell = of.new_content().get(new);
                    let kind = of.live.content.first().map(|cell| cell.kind.as_ref());
                    let blank = || blank_cell(kind == Some(TABLE_HEADER), self.new, new);
                    merger.insert(row, next, &cell.cloned().unwrap_or_else(blank));
                    continue;
                }
                Step::Delete { live, .. } if self.dropped[live] => {
                    next = index(live);
                    merger.removed += count_words(merger.model, &of.live.content[live]);
                    row.remove_range(merger.txn, next, 1);
                    continue;
                }
                Step::Keep { live, of: Some((old, new)) } => (Some(old), Some(new), live),
                Step::Merge { old, new, live } => (old, Some(new), live),
                Step::Delete { old, live } => (Some(old), None, live),
                Step::Keep { live, of: None } => {
                    next = index(live);
                    continue;
                }
                Step::MoveHere { .. } | Step::MovedAway { .. } => continue,
            };
            next = index(live);
            let cell = of.inside(old, new, live);
            if cell.old.is_some() || cell.new.is_some() {
                merger.block(row, next, cell);
            }
        }
    }

    /// A row of the new table with the columns that the merged one has.
    fn new_row(&self, row: &Node) -> Node {
        let mut cells = Vec::new();
        for step in &self.steps {
            match *step {
                Step::Insert { new } | Step::Merge { new, .. } | Step::Keep { of: Some((_, new)), .. } => {
                    cells.extend(row.content.get(new).cloned());
                }
                Step::Delete { live, .. } if self.dropped[live] => {}
                Step::Keep { live, .. } | Step::Delete { live, .. } => {
                    cells.push(blank_cell(false, self.live, live))
                }
                Step::MoveHere { .. } | Step::MovedAway { .. } => {}
            }
        }
        Node { content: cells, ..row.clone() }
    }
}

/// A column is no text with a place of its own: one that moved went here and came there.
fn unmoved(step: Step) -> Step {
    match step {
        Step::MoveHere { new, .. } => Step::Insert { new },
        Step::MovedAway { old, live } => Step::Delete { old, live },
        other => other,
    }
}

/// Whether the outside deleted the column and nothing was written in it inside.
fn is_dropped(of: Versions<'_>, rows: &[Step], columns: &[Step], column: usize) -> bool {
    let deleted = columns.iter().find_map(|step| match *step {
        Step::Delete { old, live } if live == column => Some(old),
        _ => None,
    });
    let Some(old_column) = deleted else { return false };
    let written = |step: &Step| {
        let (old, live) = match *step {
            Step::Keep { live, of } => (of.map(|(old, _)| old), live),
            Step::Merge { old, live, .. } => (old, live),
            Step::Delete { old, live } | Step::MovedAway { old, live } => (Some(old), live),
            Step::Insert { .. } | Step::MoveHere { .. } => return false,
        };
        let old = old.and_then(|old| of.old_content()[old].content.get(old_column));
        of.live.content[live].content.get(column).is_some_and(|cell| keeps(&Model::Editor, old, cell))
    };
    !rows.iter().any(written)
}

/// How many columns there are, if every row has as many and no cell has two.
fn width(table: &Node) -> Option<usize> {
    let width = table.content.first()?.content.len();
    let single = |cell: &Node| {
        ["colspan", "rowspan"].iter().all(|name| cell.attrs.get(name).is_none_or(|span| *span == 1))
    };
    table
        .content
        .iter()
        .all(|row| row.content.len() == width && row.content.iter().all(single))
        .then_some(width)
}

/// What a column is known by: all that is in it.
fn column_text(table: &Node, column: usize) -> Node {
    let cells = table.content.iter().filter_map(|row| row.content.get(column));
    let mut content = Vec::new();
    cells.flat_map(|cell| &cell.content).for_each(|block| {
        content.extend(block.content.iter().cloned());
        content.push(schema::text(" ", Vec::new()));
    });
    Node { content, ..schema::empty(PARAGRAPH) }
}

/// An empty cell for a column, aligned as the column is in this table.
fn blank_cell(header: bool, table: &Node, column: usize) -> Node {
    let model = table.content.first().and_then(|row| row.content.get(column));
    let attrs = model.map_or_else(Attrs::new, |cell| cell.attrs.clone());
    let kind = if header { TABLE_HEADER } else { TABLE_CELL };
    Node { attrs, content: vec![schema::empty(PARAGRAPH)], ..schema::empty(kind) }
}
