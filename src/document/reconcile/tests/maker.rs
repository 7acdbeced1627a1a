//! Random texts, and what is done to them outside.

use std::collections::HashSet;

use crate::markdown::{Attrs, Mark, Node, parse};

const WORDS: &[&str] = &[
    "le",
    "the",
    "conseil",
    "council",
    "adopte",
    "budget",
    "été",
    "and",
    "of",
    "🏛",
    "fee",
    "l’article",
    "2025",
    "by-law",
];

/// Makes documents and words that nobody else makes.
pub(super) struct Maker {
    pub rng: fastrand::Rng,
    made: u32,
}

impl Maker {
    pub(super) fn new(seed: u64) -> Self {
        Self { rng: fastrand::Rng::with_seed(seed), made: 0 }
    }

    pub(super) fn unique(&mut self, side: char) -> String {
        self.made += 1;
        format!("{side}{}x", self.made)
    }

    pub(super) fn sentence(&mut self, side: char) -> String {
        let mut words = vec![self.unique(side)];
        words.extend((0..self.rng.usize(0..9)).map(|_| self.rng.choice(WORDS).unwrap_or(&"a").to_string()));
        words.join(" ")
    }

    pub(super) fn block(&mut self, side: char) -> String {
        let lines = |maker: &mut Self, prefix: &str, between: &str| {
            let lines: Vec<String> =
                (0..maker.rng.usize(1..4)).map(|_| format!("{prefix}{}", maker.sentence(side))).collect();
            lines.join(between)
        };
        match self.rng.u8(0..10) {
            0 => format!("{} {}", "#".repeat(self.rng.usize(1..4)), self.sentence(side)),
            1 => lines(self, "* ", "\n\n"),
            2 => lines(self, "1. ", "\n\n"),
            3 => lines(self, "> ", "\n>\n"),
            4 => format!("```\n{}\n```", lines(self, "", "\n")),
            5 => {
                let row =
                    |maker: &mut Self| format!("| {} | {} |", maker.sentence(side), maker.sentence(side));
                let rows: Vec<String> = (0..self.rng.usize(0..3)).map(|_| row(self)).collect();
                format!("{}\n| --- | --- |\n{}", row(self), rows.join("\n"))
            }
            6 => format!("**{}** {} *{}*", self.unique(side), self.sentence(side), self.unique(side)),
            _ => self.sentence(side),
        }
    }

    /// Another text: blocks and words come, go and change. `touched` are the blocks it did something to.
    pub(super) fn outside(&mut self, base: &Node, count: usize, touched: &mut HashSet<usize>) -> Node {
        let mut blocks: Vec<(Option<usize>, Node)> =
            base.content.iter().cloned().enumerate().map(|(index, node)| (Some(index), node)).collect();
        for _ in 0..count {
            let at = self.rng.usize(0..=blocks.len());
            match self.rng.u8(0..10) {
                0 => blocks.insert(at, (None, parse(&self.block('o')).doc.content.remove(0))),
                1 if at < blocks.len() => touched.extend(blocks.remove(at).0),
                2 if at < blocks.len() => {
                    // Which of two blocks that changed places has moved, nobody knows.
                    touched.extend(0..base.content.len());
                    let block = blocks.remove(at);
                    let to = self.rng.usize(0..=blocks.len());
                    blocks.insert(to, block);
                }
                _ if at < blocks.len() => {
                    touched.extend(blocks[at].0);
                    self.edit(&mut blocks[at].1);
                }
                _ => {}
            }
        }
        let content: Vec<Node> = blocks.into_iter().map(|(_, node)| node).collect();
        Node { content, ..base.clone() }
    }

    pub(super) fn edit(&mut self, node: &mut Node) {
        let kind = node.kind.clone();
        match (kind.as_ref(), self.rng.u8(0..6)) {
            ("heading", 0) => drop(node.attrs.insert("level", self.rng.u32(1..5).into())),
            ("paragraph", 0) if !node.content.is_empty() => {
                node.kind = "heading".into();
                node.attrs.insert("level", 2.into());
            }
            ("bullet_list" | "ordered_list" | "table", 0) => {
                // An item or a row with other words.
                let at = self.rng.usize(1..=node.content.len());
                let mut copy = node.content[at - 1].clone();
                self.rewrite(&mut copy);
                if copy.content.iter().any(|cell| cell.kind == "table_header") {
                    copy.content.iter_mut().for_each(|cell| cell.kind = "table_cell".into());
                }
                node.content.insert(at, copy);
            }
            ("bullet_list" | "ordered_list" | "table" | "blockquote", 1) if node.content.len() > 1 => {
                node.content.remove(self.rng.usize(1..node.content.len()));
            }
            ("table", 2 | 3) => {
                // Rows may have lost cells, one by one.
                let columns = node.content.iter().map(|row| row.content.len()).min().unwrap_or(0);
                let at = self.rng.usize(0..columns.max(1));
                let away = columns > 1 && self.rng.bool();
                for row in &mut node.content {
                    let mut cell = row.content[at].clone();
                    if away {
                        row.content.remove(at);
                    } else {
                        self.rewrite(&mut cell);
                        row.content.insert(at, cell);
                    }
                }
            }
            ("text", _) => self.edit_text(node),
            _ if !node.content.is_empty() => {
                let at = self.rng.usize(0..node.content.len());
                self.edit(&mut node.content[at]);
                if self.rng.u8(0..6) == 0 && node.content[at].kind == "text" && kind != "code_block" {
                    node.content[at].marks = vec![Mark { kind: "strong".into(), attrs: Attrs::new() }];
                }
            }
            _ => {}
        }
    }

    pub(super) fn rewrite(&mut self, node: &mut Node) {
        if node.kind == "text" {
            node.text = self.sentence('o');
        }
        node.content.truncate(1);
        node.content.iter_mut().for_each(|child| self.rewrite(child));
        if node.kind == "table_row" {
            let width = 2;
            while node.content.len() < width {
                node.content.push(node.content[0].clone());
                let last = node.content.len() - 1;
                self.rewrite(&mut node.content[last]);
            }
        }
    }

    pub(super) fn edit_text(&mut self, node: &mut Node) {
        let mut words: Vec<String> = node.text.split(' ').map(str::to_owned).collect();
        let at = self.rng.usize(0..words.len());
        match self.rng.u8(0..3) {
            0 if words.len() > 1 => drop(words.remove(at)),
            1 => words[at] = self.unique('o'),
            _ => words.insert(at, self.unique('o')),
        }
        node.text = words.join(" ");
    }
}
