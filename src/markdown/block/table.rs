//! Pipe tables of GFM (<https://github.github.com/gfm/#tables-extension->).

use std::borrow::Cow;
use std::sync::LazyLock;

use memchr::memchr;

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
    /// What the cells of each column have.
    columns: Vec<Attrs>,
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
        let columns = columns(self.text(delimiters))?;
        let cells = cells(header);
        (!cells.is_empty() && cells.len() == columns.len()).then_some(Head { cells, columns })
    }

    pub(super) fn table(&mut self, line: usize, to: usize) -> bool {
        let Some(Head { cells: header, columns }) = self.table_columns(line, to) else { return false };
        self.open(TABLE, Attrs::new(), line);
        self.row(TABLE_HEADER, header, &columns, line);
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
            wanted += columns.len();
            if wanted > given + FILLED_CELLS_MAX {
                break;
            }
            self.row(TABLE_CELL, cells, &columns, next);
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
            self.inline(PARAGRAPH, Attrs::new(), source, line);
            self.close();
        }
        self.close();
    }
}

/// What cells have, by how their column is aligned: all such cells share it.
static CELL_ATTRS: LazyLock<[Attrs; 4]> = LazyLock::new(|| {
    [None, Some("left"), Some("right"), Some("center")].map(|align| {
        let given = align.map(|align| ("align", align.into())).into_iter().collect();
        schema::node_type(TABLE_CELL)
            .and_then(|cell| schema::node_attrs(cell.attrs, given))
            .unwrap_or_default()
    })
});

/// What the cells of each column have, if this is a delimiter row.
fn columns(text: &str) -> Option<Vec<Attrs>> {
    let delimiters: Vec<&str> = text.split('|').map(js_trim).collect();
    let mut columns = Vec::with_capacity(delimiters.len());
    for (index, column) in delimiters.iter().enumerate() {
        if column.is_empty() && (index == 0 || index + 1 == delimiters.len()) {
            continue;
        }
        let left = column.starts_with(':');
        let dashes = column.strip_prefix(':').unwrap_or(column);
        let right = dashes.ends_with(':');
        let dashes = dashes.strip_suffix(':').unwrap_or(dashes);
        if dashes.is_empty() || !dashes.bytes().all(|byte| byte == b'-') {
            return None;
        }
        columns.push(CELL_ATTRS[usize::from(left) + 2 * usize::from(right)].clone());
    }
    Some(columns)
}

/// So that room for a row is made once.
const USUAL_CELLS: usize = 8;

/// The cells of a row: split at pipes, except after a backslash, which is taken away then.
fn cells(row: &str) -> Vec<Cow<'_, str>> {
    let mut cells: Vec<Cow<'_, str>> = Vec::with_capacity(USUAL_CELLS);
    let mut escaped = false;
    let mut rest = row;
    loop {
        let end = memchr(b'|', rest.as_bytes());
        let part = &rest[..end.unwrap_or(rest.len())];
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
        let Some(end) = end else { break };
        rest = &rest[end + 1..];
    }
    if cells.first().is_some_and(|cell| cell.is_empty()) {
        cells.remove(0);
    }
    if cells.last().is_some_and(|cell| cell.is_empty()) {
        cells.pop();
    }
    cells
}
