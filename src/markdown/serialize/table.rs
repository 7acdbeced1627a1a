//! Pipe tables: one line per row, one line's worth of Markdown per cell.

use super::super::chars::js_trim;
use super::super::node::Node;
use super::super::schema::TABLE_ROW;
use super::{Writer, string};

impl Writer {
    pub(super) fn table(&mut self, table: &Node) {
        let rows: Vec<&Node> = table.content.iter().filter(|row| row.kind == TABLE_ROW).collect();
        let Some(header) = rows.first() else { return };
        let mut lines: Vec<Vec<String>> =
            rows.iter().map(|row| row.content.iter().map(|cell| self.cell(cell)).collect()).collect();
        let columns = lines.iter().map(Vec::len).max().unwrap_or(0);
        for line in &mut lines {
            line.resize(columns, String::new());
        }
        let aligns = header.content.iter().map(|cell| string(cell, "align")).chain(std::iter::repeat(""));
        let delimiters = aligns.take(columns).map(|align| delimiter(align).to_owned()).collect();
        lines.insert(1, delimiters);
        for (index, cells) in lines.into_iter().enumerate() {
            if index > 0 {
                self.out.push('\n');
            }
            self.write("|");
            for cell in cells {
                self.out.extend([" ", &cell, " |"]);
            }
            if columns == 0 {
                self.out.push_str("  |");
            }
        }
        self.close(table);
    }

    fn cell(&self, cell: &Node) -> String {
        let mut writer = Self { in_cell: true, depth: self.depth, ..Self::default() };
        writer.blocks(&cell.content);
        let out = if writer.out.contains('\n') {
            let lines: Vec<&str> = writer.out.split('\n').filter(|line| !line.is_empty()).collect();
            lines.join(" ")
        } else {
            writer.out
        };
        js_trim(&out).replace('|', "\\|")
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
