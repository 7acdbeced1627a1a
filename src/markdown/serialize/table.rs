//! Pipe tables: one line per row, one line's worth of Markdown per cell.

use super::super::chars::js_trim;
use super::super::node::Node;
use super::super::schema::TABLE_ROW;
use super::{Writer, string};

impl Writer {
    pub(super) fn table(&mut self, table: &Node) {
        let rows: Vec<&Node> = table.content.iter().filter(|row| row.kind == TABLE_ROW).collect();
        let Some(header) = rows.first() else { return };
        let columns = rows.iter().map(|row| row.content.len()).max().unwrap_or(0);
        let mut cells = Self { in_cell: true, depth: self.depth, ..Self::default() };
        for (index, row) in rows.iter().enumerate() {
            if index > 0 {
                self.out.push('\n');
            }
            self.write("|");
            for cell in &row.content {
                self.out.push(' ');
                cells.cell(cell, &mut self.out);
                self.out.push_str(" |");
            }
            self.out.extend(std::iter::repeat_n("  |", columns.max(1) - row.content.len()));
            if index == 0 {
                self.delimiters(header, columns);
            }
        }
        self.close(table);
    }

    fn delimiters(&mut self, header: &Node, columns: usize) {
        self.out.push('\n');
        self.write("|");
        let aligns = header.content.iter().map(|cell| string(cell, "align")).chain(std::iter::repeat(""));
        for align in aligns.take(columns) {
            self.out.extend([" ", delimiter(align), " |"]);
        }
        if columns == 0 {
            self.out.push_str("  |");
        }
    }

    /// Writes a cell by itself, and then as one line to where its table goes.
    fn cell(&mut self, cell: &Node, table: &mut String) {
        self.out.clear();
        self.closed = None;
        self.blocks(&cell.content);
        let joined = self.out.contains('\n').then(|| {
            let lines: Vec<&str> = self.out.split('\n').filter(|line| !line.is_empty()).collect();
            lines.join(" ")
        });
        let line = js_trim(joined.as_deref().unwrap_or(&self.out));
        for (index, piece) in line.split('|').enumerate() {
            table.push_str(if index > 0 { "\\|" } else { "" });
            table.push_str(piece);
        }
    }
}

fn delimiter(align: &str) -> &'static str {
    match align {
        "left" => ":--",
        "center" => ":-:",
        "right" => "--:",
        _ => "---",
    }
}
