//! Pipe tables of GFM (<https://github.github.com/gfm/#tables-extension->).

use super::super::attrs::Attrs;
use super::super::chars::{is_blank, js_trim};
use super::super::schema::{PARAGRAPH, TABLE, TABLE_CELL, TABLE_HEADER, TABLE_ROW};
use super::{Event, Interrupted, Parser};

/// How many cells that are not in the source a table may be filled up with, as in markdown-it.
const FILLED_CELLS_MAX: usize = 0x10000;

/// A table's first two lines.
#[derive(Debug)]
pub(super) struct Head {
    cells: Vec<String>,
    /// One alignment per column, `None` for the default.
    aligns: Vec<Option<&'static str>>,
}

impl Parser<'_> {
    /// The columns, if a table begins on this line.
    pub(super) fn table_columns(&self, line: usize, to: usize) -> Option<Head> {
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
        let header = js_trim(self.text(line));
        if !fits || !header.contains('|') || self.indent(line) >= 4 {
            return None;
        }
        let aligns = aligns(self.text(delimiters))?;
        let cells = cells(header);
        (!cells.is_empty() && cells.len() == aligns.len()).then_some(Head { cells, aligns })
    }

    pub(super) fn table(&mut self, line: usize, to: usize) -> bool {
        let Some(Head { cells: header, aligns }) = self.table_columns(line, to) else { return false };
        self.open(TABLE, Attrs::new(), line);
        self.row(TABLE_HEADER, header, &aligns, line);
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
            wanted += aligns.len();
            if wanted > given + FILLED_CELLS_MAX {
                break;
            }
            self.row(TABLE_CELL, cells, &aligns, next);
            next += 1;
        }
        self.close();
        self.line = next;
        true
    }

    fn row(&mut self, cell: &'static str, cells: Vec<String>, aligns: &[Option<&'static str>], line: usize) {
        self.open(TABLE_ROW, Attrs::new(), line);
        // GFM cuts a row that is longer than the header.
        if cells.iter().skip(aligns.len()).any(|cell| !js_trim(cell).is_empty()) {
            self.lose("table_cell", line, line);
        }
        let texts = cells.iter().map(|text| js_trim(text)).chain(std::iter::repeat(""));
        for (align, text) in aligns.iter().zip(texts) {
            let attrs = align.map(|align| ("align", align.into()));
            self.open(cell, attrs.into_iter().collect(), line);
            self.open(PARAGRAPH, Attrs::new(), line);
            self.out.events.push(Event::Inline { source: text.to_owned(), line });
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

/// The cells of a row: split at pipes, except after a backslash, which is taken away then.
fn cells(row: &str) -> Vec<String> {
    let mut cells: Vec<String> = Vec::new();
    let mut escaped = false;
    for part in row.split('|') {
        match cells.last_mut() {
            Some(cell) if escaped => {
                cell.pop();
                cell.push('|');
                cell.push_str(part);
            }
            _ => cells.push(part.to_owned()),
        }
        escaped = part.ends_with('\\');
    }
    if cells.first().is_some_and(String::is_empty) {
        cells.remove(0);
    }
    if cells.last().is_some_and(String::is_empty) {
        cells.pop();
    }
    cells
}
