//! Random documents, edited outside and inside at the same time.

use std::collections::{BTreeMap, HashSet};

use proptest::prelude::*;
use yrs::branch::{Branch, BranchID};
use yrs::types::Attrs as TextAttrs;
use yrs::types::text::YChange;
use yrs::updates::decoder::Decode;
use yrs::{
    Any, Doc, OffsetKind, Options, Out, ReadTxn, Text, Update, Xml, XmlElementPrelim, XmlElementRef,
    XmlFragmentRef, XmlOut, XmlTextPrelim, XmlTextRef,
};

use super::seeded;
use crate::document::reconcile::*;
use crate::document::xml::{Reading, read};
use crate::markdown::{Mark, parse, serialize};

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

/// Everything that a case is made of; small numbers are simple cases.
#[derive(Debug, Clone)]
struct Case {
    seed: u64,
    blocks: usize,
    outside: usize,
    early: usize,
    late: usize,
    peers: usize,
}

fn case() -> impl Strategy<Value = Case> {
    (any::<u64>(), 1..8usize, 0..6usize, 0..6usize, 0..4usize, 1..4usize).prop_map(
        |(seed, blocks, outside, early, late, peers)| Case { seed, blocks, outside, early, late, peers },
    )
}

/// Makes documents and words that nobody else makes.
struct Maker {
    rng: fastrand::Rng,
    made: u32,
}

impl Maker {
    fn unique(&mut self, side: char) -> String {
        self.made += 1;
        format!("{side}{}x", self.made)
    }

    fn sentence(&mut self, side: char) -> String {
        let mut words = vec![self.unique(side)];
        words.extend((0..self.rng.usize(0..9)).map(|_| self.rng.choice(WORDS).unwrap_or(&"a").to_string()));
        words.join(" ")
    }

    fn block(&mut self, side: char) -> String {
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
    fn outside(&mut self, base: &Node, count: usize, touched: &mut HashSet<usize>) -> Node {
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

    fn edit(&mut self, node: &mut Node) {
        let kind = node.kind.clone();
        match (kind.as_ref(), self.rng.u8(0..6)) {
            ("heading", 0) => drop(node.attrs.insert("level".into(), self.rng.u32(1..5).into())),
            ("paragraph", 0) if !node.content.is_empty() => {
                node.kind = "heading".into();
                node.attrs.insert("level".into(), 2.into());
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
                let columns = node.content[0].content.len();
                let at = self.rng.usize(0..columns);
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
                    node.content[at].marks = vec![Mark { kind: "strong".into(), attrs: BTreeMap::new() }];
                }
            }
            _ => {}
        }
    }

    fn rewrite(&mut self, node: &mut Node) {
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

    fn edit_text(&mut self, node: &mut Node) {
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

/// An editor in the room.
struct Peer {
    doc: Doc,
    fragment: XmlFragmentRef,
}

impl Peer {
    fn new(client: u64, state: &Bytes) -> Self {
        let doc = Doc::with_options(Options {
            offset_kind: OffsetKind::Utf16,
            cleanup_formatting: false,
            ..Options::with_client_id(yrs::ClientID::new(client))
        });
        let fragment = doc.get_or_insert_xml_fragment(FRAGMENT);
        let peer = Self { doc, fragment };
        peer.receive(state);
        peer
    }

    fn receive(&self, update: &Bytes) {
        self.doc.transact_mut().apply_update(Update::decode_v1(update).unwrap()).unwrap();
    }

    fn reading(&self) -> Reading {
        read(&self.doc.transact(), &self.fragment)
    }

    fn texts(&self) -> Vec<XmlTextRef> {
        texts(&self.doc.transact(), &self.fragment)
    }

    /// Does something; gives the update, and the words written with the shared text that they are in.
    fn edit(&self, maker: &mut Maker, written: &mut Vec<(String, BranchID)>) -> Bytes {
        let texts = self.texts();
        let mut txn = self.doc.transact_mut();
        let len = self.fragment.len(&txn);
        match (maker.rng.u8(0..10), texts.is_empty()) {
            (0, _) if len > 0 => self.fragment.remove(&mut txn, maker.rng.u32(0..len)),
            (1, _) | (_, true) => {
                let at = maker.rng.u32(0..=len);
                let paragraph = self.fragment.insert(&mut txn, at, XmlElementPrelim::empty("paragraph"));
                let sentence = maker.sentence('i');
                let text = paragraph.push_back(&mut txn, XmlTextPrelim::new(sentence.as_str()));
                written.push((sentence.split(' ').next().unwrap().to_owned(), id(&text)));
            }
            (action, _) => {
                let text = &texts[maker.rng.usize(0..texts.len())];
                let words = words(&txn, text);
                let at = maker.rng.usize(0..=words.len());
                match (action, words.get(at)) {
                    (2 | 3, Some(&(start, len, _))) => {
                        // With a space, as people do.
                        let next = words.get(at + 1).map(|next| next.0);
                        let before = at.checked_sub(1).map(|before| words[before].0 + words[before].1);
                        let from = if next.is_some() { start } else { before.unwrap_or(start) };
                        text.remove_range(&mut txn, from, next.unwrap_or(start + len) - from);
                    }
                    (4, Some(&(start, len, _))) if !in_code(text) => {
                        let strong = TextAttrs::from([("strong".into(), Any::from_json("{}").unwrap())]);
                        text.format(&mut txn, start, len, strong);
                    }
                    (_, Some(&(start, ..))) => {
                        let word = maker.unique('i');
                        text.insert(&mut txn, start, &format!("{word} "));
                        written.push((word, id(text)));
                    }
                    (_, None) => {
                        let word = maker.unique('i');
                        let end = text.len(&txn);
                        let space = if end == 0 { "" } else { " " };
                        text.insert(&mut txn, end, &format!("{space}{word}"));
                        written.push((word, id(text)));
                    }
                }
            }
        }
        txn.encode_update_v1().into()
    }
}

fn id(text: &impl AsRef<Branch>) -> BranchID {
    text.as_ref().id()
}

fn in_code(text: &XmlTextRef) -> bool {
    let parent = text.parent().and_then(XmlOut::into_xml_element);
    parent.is_some_and(|parent: XmlElementRef| parent.tag().as_ref() == "code_block")
}

fn texts(txn: &impl ReadTxn, fragment: &XmlFragmentRef) -> Vec<XmlTextRef> {
    fragment.successors(txn).filter_map(XmlOut::into_xml_text).collect()
}

/// Words with their places and lengths.
fn words(txn: &impl ReadTxn, text: &XmlTextRef) -> Vec<(u32, u32, String)> {
    let pieces = text.diff(txn, YChange::identity).into_iter();
    let whole: String = pieces
        .map(
            |piece| {
                if let Out::Any(Any::String(text)) = piece.insert { text.to_string() } else { "?".into() }
            },
        )
        .collect();
    let mut at = 0;
    let mut words = Vec::new();
    for word in whole.split([' ', '\n']) {
        let len = word.encode_utf16().count() as u32;
        if len > 0 {
            words.push((at, len, word.to_owned()));
        }
        at += len + 1;
    }
    words
}

fn alive(document: &Document) -> HashSet<BranchID> {
    let mut txn = document.doc.transact_mut();
    let fragment = txn.get_or_insert_xml_fragment(FRAGMENT);
    texts(&txn, &fragment).iter().map(id).collect()
}

fn reading(document: &Document) -> Reading {
    let mut txn = document.doc.transact_mut();
    let fragment = txn.get_or_insert_xml_fragment(FRAGMENT);
    read(&txn, &fragment)
}

/// All the text of a document, with a space between any two blocks.
fn plain(node: &Node) -> String {
    fn add(node: &Node, out: &mut String) {
        out.push_str(&node.text);
        node.content.iter().for_each(|child| add(child, out));
        if node.kind != "text" {
            out.push(' ');
        }
    }
    let mut out = String::new();
    add(node, &mut out);
    out
}

fn unique_words(text: &str, side: char) -> Vec<String> {
    let parts = text.split(|c: char| !c.is_ascii_alphanumeric());
    let is_unique = |word: &&str| {
        word.strip_prefix(side)
            .and_then(|rest| rest.strip_suffix('x'))
            .is_some_and(|number| !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()))
    };
    let mut found: Vec<String> = parts.filter(is_unique).map(str::to_owned).collect();
    found.sort_unstable();
    found
}

/// What Markdown has no words for: spaces at a line's ends or twice, empty paragraphs, two lists side by side.
fn normal(mut node: Node) -> Node {
    node.content = node.content.into_iter().map(normal).collect();
    node.content
        .retain(|child| child.kind != "paragraph" || !child.content.is_empty() || node.kind == "list_item");
    node.content.dedup_by(|next, before| {
        let lists = next.kind == before.kind && matches!(next.kind.as_ref(), "bullet_list" | "ordered_list");
        if lists {
            before.content.append(&mut next.content);
        }
        lists
    });
    if node.content.iter().any(|child| child.kind == "text") && node.kind != "code_block" {
        let text: String = node.content.iter().map(|child| child.text.as_str()).collect();
        node.content = vec![Node {
            text: text.split_whitespace().collect::<Vec<_>>().join(" "),
            ..node.content[0].clone()
        }];
        node.content[0].marks.clear();
        node.content.retain(|text| !text.text.is_empty());
    }
    if node.kind == "code_block" {
        node.content.clear();
    }
    node
}

#[expect(clippy::too_many_lines, reason = "one story from its beginning to its end")]
fn run(case: &Case) -> Result<(), TestCaseError> {
    let mut maker = Maker { rng: fastrand::Rng::with_seed(case.seed), made: 0 };
    let blocks: Vec<String> = (0..case.blocks).map(|_| maker.block('b')).collect();
    let old = serialize(&parse(&blocks.join("\n\n")).doc);
    let base = parse(&old).doc;
    let mut touched = HashSet::new();
    let new = serialize(&maker.outside(&base, case.outside, &mut touched));
    let new_doc = parse(&new).doc;

    let mut document = seeded(&old);
    let state = document.state().unwrap();
    let control_peer = Peer::new(99, &state);
    let peers: Vec<Peer> = (0..case.peers).map(|index| Peer::new(index as u64 + 100, &state)).collect();
    let base_texts: Vec<Vec<BranchID>> = texts_of_blocks(&control_peer);

    // Inside, before.
    let mut updates = Vec::new();
    let mut written = Vec::new();
    for _ in 0..case.early {
        let peer = &peers[maker.rng.usize(0..peers.len())];
        let update = peer.edit(&mut maker, &mut written);
        document.apply(std::slice::from_ref(&update)).unwrap();
        updates.push(update);
    }
    let before = plain(&reading(&document).doc);
    let before_alive = alive(&document);
    written.clear();

    // Outside.
    let merged = document.merge_external(&old, &new).unwrap();
    let after = reading(&document);
    let text = plain(&after.doc);
    prop_assert_eq!(
        unique_words(&text, 'i'),
        unique_words(&before, 'i'),
        "inside words\n{}\n{}\n{}",
        old,
        new,
        text
    );
    prop_assert_eq!(
        unique_words(&text, 'o'),
        unique_words(&plain(&new_doc), 'o'),
        "outside words\n{}\n{}\n{}",
        old,
        new,
        text
    );
    let has_changed = without_marks_of_nodes(new_doc.clone()) != without_marks_of_nodes(base.clone());
    prop_assert!(merged.change.is_none() || has_changed);
    if case.early == 0 {
        prop_assert_eq!(&after.doc, &without_marks_of_nodes(new_doc.clone()), "\n{}\n{}", old, new);
    }
    prop_assert_eq!(after.misfits, 0);
    let shown = serialize(&after.doc);
    if merged.lost.is_empty() {
        prop_assert_eq!(
            normal(parse(&shown).doc),
            normal(after.doc.clone()),
            "not valid\n{}\n{}\n{}",
            old,
            new,
            shown
        );
    }
    let now_alive = alive(&document);
    let untouched =
        |index: usize| !touched.contains(&index) && new_doc.content.contains(&base.content[index]);
    for (index, ids) in base_texts.iter().enumerate().filter(|(index, _)| untouched(*index)) {
        for id in ids.iter().filter(|id| before_alive.contains(id)) {
            prop_assert!(now_alive.contains(id), "block {} was touched\n{}\n{}", index, old, new);
        }
    }

    // Again, and with what is now the old text.
    let again = document.merge_external(&new, &new).unwrap();
    prop_assert_eq!(again.change, None);

    // Inside, by those who have not seen it.
    let mut late = Vec::new();
    for _ in 0..case.late {
        let peer = &peers[maker.rng.usize(0..peers.len())];
        late.push(peer.edit(&mut maker, &mut written));
    }
    for update in &late {
        prop_assert!(!document.apply(std::slice::from_ref(update)).unwrap().incomplete);
    }
    updates.append(&mut late);
    updates.iter().for_each(|update| control_peer.receive(update));
    let control = plain(&control_peer.reading().doc);
    let end = reading(&document);
    let text = plain(&end.doc);
    for (word, id) in &written {
        if control.matches(word).count() == 1 && !document_lost(&document, id) {
            prop_assert_eq!(text.matches(word.as_str()).count(), 1, "{}\n{}\n{}\n{}", word, old, new, text);
        }
    }

    updates.extend(merged.change);
    for peer in &peers {
        maker.rng.shuffle(&mut updates);
        let all = document.state().unwrap();
        // Out of order first: what is missing comes with the rest.
        updates.iter().for_each(|update| peer.receive(update));
        peer.receive(&all);
        prop_assert_eq!(&peer.reading().doc, &end.doc);
        prop_assert_eq!(peer.doc.transact().state_vector(), document.doc.transact().state_vector());
    }
    Ok(())
}

/// Whether the text that something was written in is gone in the end.
fn document_lost(document: &Document, id: &BranchID) -> bool {
    !alive(document).contains(id)
}

fn texts_of_blocks(peer: &Peer) -> Vec<Vec<BranchID>> {
    let txn = peer.doc.transact();
    let blocks = peer.fragment.children(&txn).filter_map(XmlOut::into_xml_element);
    blocks
        .map(|block| block.successors(&txn).filter_map(XmlOut::into_xml_text).map(|text| id(&text)).collect())
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(std::env::var("RECONCILE_CASES").ok().and_then(|count| count.parse().ok()).unwrap_or(1_000)))]

    #[test]
    fn nothing_is_lost_and_all_converge(case in case()) {
        run(&case)?;
    }
}
