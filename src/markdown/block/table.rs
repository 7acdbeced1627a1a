//! Pipe tables of GFM (<https://github.github.com/gfm/#tables-extension->).

use std::borrow::Cow;

use super::super::attrs::Attrs;
use super::super::chars::{is_blank, js_trim};
use super::super::schema::{self, PARAGRAPH, TABLE, TABLE_CELL, TABLE_HEADER, TABLE_ROW};
use super::leaf::trimmed;
use super::{Interrupted, Parser};

/// How many cells that are not in the source a table may be filled up with, as in markdown-it.
const FILLED_CELLS_MAX: usize = 0x10000;

/// A table's first two lines.
#[derive(Debug)]
pub(super) struct Head<'a> {
    cells: Vec<Cow<'a, str>>,
    /// One alignment per column, `None` for the default.
    aligns: Vec<Option<&'static str>>,
}

impl<'a> Parser<'a> {
    /// The columns, if a table begins on this line.
    pub(super) fn table_columns(&self, line: usize, to: usize) -> Option<Head<'a>> {
        let delimiters = line + 1;
        if delimiters >= to || !(0..4).contains(&self.indent(delimiters)) {
            return None;
        }
        let text = self.text(delimiters).as_bytes();
        let fits = match text {
            // A dash and a space is a list item.
            [b'-', second, ..] if is_blank(*second) => false,
            [b'|' | b'-' | b':', _, ..] => {
                text.iter().all(|&byte| matches!(byte, b'|' | b'-' | b':') || is_blank(byte))
            }
            _ => false,
        };
        if !fits || self.indent(line) >= 4 {
            return None;
        }
        let header = js_trim(self.text(line));
        if !header.contains('|') {
            return None;
        }
        let aligns = aligns(self.text(delimiters))?;
        let cells = cells(header);
        (!cells.is_empty() && cells.len() == aligns.len()).then_some(Head { cells, aligns })
    }

    pub(super) fn table(&mut self, line: usize, to: usize) -> bool {
        let Some(Head { cells: header, aligns }) = self.table_columns(line, to) else { return false };
        // A column's cells share what they have.
        let attrs: Vec<Attrs> = aligns.into_iter().map(cell_attrs).collect();
        self.open(TABLE, Attrs::new(), line);
        self.row(TABLE_HEADER, header, &attrs, line);
        let mut next = line + 2;
        let mut given = 0;
        let mut wanted = 0;
        while next < to
            && (0..4).contains(&self.indent(next))
            && !self.interrupts(Interrupted::Quote, next, to)
        {
            let text = js_trim(self.text(next));
            if text.is_empty() {
                break;
            }
            let cells = cells(text);
            given += cells.len();
            wanted += attrs.len();
            if wanted > given + FILLED_CELLS_MAX {
                break;
            }
            self.row(TABLE_CELL, cells, &attrs, next);
            next += 1;
        }
        self.close();
        self.line = next;
        true
    }

    fn row(&mut self, cell: &'static str, cells: Vec<Cow<'a, str>>, columns: &[Attrs], line: usize) {
        self.open(TABLE_ROW, Attrs::new(), line);
        // GFM cuts a row that is longer than the header.
        if cells.iter().skip(columns.len()).any(|cell| !js_trim(cell).is_empty()) {
            self.lose("table_cell", line, line);
        }
        let texts = cells.into_iter().map(|text| trimmed(text, js_trim)).chain(std::iter::repeat("".into()));
        for (attrs, source) in columns.iter().zip(texts) {
            self.open(cell, attrs.clone(), line);
            self.open(PARAGRAPH, Attrs::new(), line);
            self.inline(source, line);
            self.close();
            self.close();
        }
        self.close();
    }
}

/// The alignment of each column, if this is a delimiter row.
fn aligns(text: &str) -> Option<Vec<Option<&'static str>>> {
    let columns: Vec<&str> = text.split('|').map(js_trim).collect();
    let mut aligns = Vec::new();
    for (index, column) in columns.iter().enumerate() {
        if column.is_empty() && (index == 0 || index + 1 == columns.len()) {
            continue;
        }
        let left = column.starts_with(':');
        let dashes = column.strip_prefix(':').unwrap_or(column);
        let right = dashes.ends_with(':');
        let dashes = dashes.strip_suffix(':').unwrap_or(dashes);
        if dashes.is_empty() || !dashes.bytes().all(|byte| byte == b'-') {
            return None;
        }
        aligns.push(match (left, right) {
            (true, true) => Some("center"),
            (true, false) => Some("left"),
            (false, true) => Some("right"),
            (false, false) => None,
        });
    }
    Some(aligns)
}

/// A cell of a column that is aligned so.
fn cell_attrs(align: Option<&'static str>) -> Attrs {
    let given = align.map(|align| ("align", align.into())).into_iter().collect();
    schema::node_type(TABLE_CELL).and_then(|cell| schema::node_attrs(cell.attrs, given)).unwrap_or_default()
}

/// The cells of a row: split at pipes, except after a backslash, which is taken away then.
fn cells(row: &str) -> Vec<Cow<'_, str>> {
    let mut cells: Vec<Cow<'_, str>> = Vec::new();
    let mut escaped = false;
    for part in row.split('|') {
        match cells.last_mut() {
            Some(cell) if escaped => {
                let cell = cell.to_mut();
                cell.pop();
                cell.push('|');
                cell.push_str(part);
            }
            _ => cells.push(part.into()),
        }
        escaped = part.ends_with('\\');
    }
    if cells.first().is_some_and(|cell| cell.is_empty()) {
        cells.remove(0);
    }
    if cells.last().is_some_and(|cell| cell.is_empty()) {
        cells.pop();
    }
    cells
}
