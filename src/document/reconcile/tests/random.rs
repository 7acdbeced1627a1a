//! Random documents, edited outside and inside at the same time.

use std::collections::HashSet;

use proptest::prelude::*;
use yrs::branch::BranchID;
use yrs::{ReadTxn, XmlOut};

use super::maker::Maker;
use super::peer::{Peer, id, texts};
use super::seeded;
use crate::document::reconcile::*;
use crate::document::xml::{Reading, read};
use crate::markdown::{parse, serialize};

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

/// What Markdown has no words for: spaces at a line's ends or twice, empty paragraphs, two lists side by
/// side.
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

/// One case while it runs.
struct World {
    case: Case,
    maker: Maker,
    old: String,
    new: String,
    /// Blocks of the old text that the outside did something to.
    touched: HashSet<usize>,
    document: Document,
    peers: Vec<Peer>,
    /// What the peers did, and the merge.
    updates: Vec<Bytes>,
    /// Words that the peers wrote, with the shared text that each is in.
    written: Vec<(String, BranchID)>,
}

impl World {
    fn new(case: &Case) -> Self {
        let mut maker = Maker::new(case.seed);
        let blocks: Vec<String> = (0..case.blocks).map(|_| maker.block('b')).collect();
        let old = serialize(&parse(&blocks.join("\n\n")).doc);
        let mut touched = HashSet::new();
        let new = serialize(&maker.outside(&parse(&old).doc, case.outside, &mut touched));
        let mut document = seeded(&old);
        let state = document.state().unwrap();
        let peers = (0..case.peers).map(|index| Peer::new(index as u64 + 100, &state)).collect();
        let (case, updates, written) = (case.clone(), Vec::new(), Vec::new());
        Self { case, maker, old, new, touched, document, peers, updates, written }
    }

    /// Peers edit without seeing each other.
    fn inside(&mut self, count: usize) {
        for _ in 0..count {
            let peer = &self.peers[self.maker.rng.usize(0..self.peers.len())];
            let update = peer.edit(&mut self.maker, &mut self.written);
            assert!(!self.document.apply(std::slice::from_ref(&update)).unwrap().incomplete);
            self.updates.push(update);
        }
    }

    fn outside(&mut self) -> Result<(), TestCaseError> {
        let [old_doc, new_doc] =
            [&self.old, &self.new].map(|text| markdown::stored(&parse(text).doc).into_owned());
        let (live, live_texts) = (plain(&reading(&self.document).doc), alive(&self.document));
        let merged = self.document.merge_external(&self.old, &self.new).unwrap();
        let after = reading(&self.document);

        self.check_words(&live, &plain(&new_doc), &plain(&after.doc))?;
        prop_assert!(merged.change.is_none() || new_doc != old_doc);
        if self.case.early == 0 {
            prop_assert_eq!(&after.doc, &new_doc);
        }
        prop_assert_eq!(after.misfits, 0);
        if merged.lost.is_empty() {
            prop_assert_eq!(normal(parse(&serialize(&after.doc)).doc), normal(after.doc), "not valid");
        }

        let still = alive(&self.document);
        for (index, texts) in texts_of_blocks(&seeded(&self.old)).into_iter().enumerate() {
            let untouched =
                !self.touched.contains(&index) && new_doc.content.contains(&old_doc.content[index]);
            let gone = |text: &BranchID| live_texts.contains(text) && !still.contains(text);
            prop_assert!(!(untouched && texts.iter().any(gone)), "block {} was replaced", index);
        }
        prop_assert_eq!(self.document.merge_external(&self.new, &self.new).unwrap().change, None);
        self.updates.extend(merged.change);
        Ok(())
    }

    /// New words are there exactly once, whoever wrote them; old ones are unless somebody deleted them.
    fn check_words(&self, live: &str, new: &str, after: &str) -> Result<(), TestCaseError> {
        prop_assert_eq!(unique_words(after, 'i'), unique_words(live, 'i'), "inside words in {}", after);
        prop_assert_eq!(unique_words(after, 'o'), unique_words(new, 'o'), "outside words in {}", after);
        let [live, new, after] = [live, new, after].map(|text| unique_words(text, 'b'));
        for word in unique_words(&self.old, 'b') {
            let count = after.iter().filter(|other| **other == word).count();
            let expected = match (live.contains(&word), new.contains(&word)) {
                (true, true) => 1..=1,
                (_, false) => 0..=0,
                // Where the outside changed the block, it is all there again.
                (false, true) => 0..=1,
            };
            prop_assert!(expected.contains(&count), "{} is there {} times", word, count);
        }
        Ok(())
    }

    /// What was written without having seen the merge is there, unless its text went.
    fn check_late(&self, control: &Peer) -> Result<(), TestCaseError> {
        let (control, still) = (plain(&control.reading().doc), alive(&self.document));
        let text = plain(&reading(&self.document).doc);
        for (word, place) in &self.written {
            if control.matches(word).count() == 1 && still.contains(place) {
                prop_assert_eq!(text.matches(word.as_str()).count(), 1, "{} in {}", word, text);
            }
        }
        Ok(())
    }

    fn check_converged(&mut self) -> Result<(), TestCaseError> {
        let (end, state) = (reading(&self.document), self.document.state().unwrap());
        for peer in &self.peers {
            self.maker.rng.shuffle(&mut self.updates);
            self.updates.iter().for_each(|update| peer.receive(update));
            // Whatever waited for something comes again with it.
            peer.receive(&state);
            prop_assert_eq!(&peer.reading().doc, &end.doc);
            prop_assert_eq!(peer.doc.transact().state_vector(), self.document.doc.transact().state_vector());
        }
        Ok(())
    }
}

fn run(case: &Case) -> Result<(), TestCaseError> {
    let mut world = World::new(case);
    let control = Peer::new(99, &world.document.state().unwrap());
    world.inside(case.early);
    world.updates.iter().for_each(|update| control.receive(update));
    let early = world.updates.len();
    world.written.clear();
    world.outside().map_err(|error| explain(&world, error))?;
    let merges = world.updates.len() - early;
    world.inside(case.late);
    world.updates[early + merges..].iter().for_each(|update| control.receive(update));
    world.check_late(&control).map_err(|error| explain(&world, error))?;
    world.check_converged().map_err(|error| explain(&world, error))
}

fn explain(world: &World, error: TestCaseError) -> TestCaseError {
    let now = serialize(&reading(&world.document).doc);
    TestCaseError::fail(format!("{error}\n--- old\n{}\n--- new\n{}\n--- now\n{now}", world.old, world.new))
}

fn texts_of_blocks(document: &Document) -> Vec<Vec<BranchID>> {
    let mut txn = document.doc.transact_mut();
    let fragment = txn.get_or_insert_xml_fragment(FRAGMENT);
    let blocks = fragment.children(&txn).filter_map(XmlOut::into_xml_element);
    blocks
        .map(|block| block.successors(&txn).filter_map(XmlOut::into_xml_text).map(|text| id(&text)).collect())
        .collect()
}

/// How many cases are run; more by hand.
fn cases() -> u32 {
    const CASES: u32 = 1_000;
    std::env::var("RECONCILE_CASES").ok().and_then(|count| count.parse().ok()).unwrap_or(CASES)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(cases()))]

    #[test]
    fn nothing_is_lost_and_all_converge(case in case()) {
        run(&case)?;
    }
}
