//! What is rendered piece by piece is what is rendered whole, and only what changed is rendered again.

use proptest::prelude::*;
use yrs::types::Attrs as TextAttrs;
use yrs::updates::encoder::Encode;
use yrs::{
    Any, ClientID, OffsetKind, Options, StateVector, Text, Transact, WriteTxn, Xml, XmlElementPrelim,
    XmlElementRef, XmlFragment, XmlOut, XmlTextPrelim,
};

use super::*;
use crate::document::xml::{insert_nodes, read_fragment};
use crate::document::{Document, FRAGMENT};
use crate::markdown::{parse, serialize};

/// An editor that may write what no editor would.
struct Editor {
    doc: Doc,
    random: fastrand::Rng,
}

/// What stands among a document's blocks: ordinary ones, those whose Markdown depends on their neighbours, and
/// those that are no blocks.
const BLOCKS: [&str; 16] = [
    "mot",
    "",
    "# titre",
    "* a",
    "* a\n\n  * b\n\n* c",
    "1. un",
    "8. huit\n\n9. neuf\n\n10. dix",
    "> * a\n\n> * b",
    "> ",
    "---",
    "```js\n[x]!\n```",
    "| a | b |\n| --- | :-- |\n| c | d<br>e |",
    "voilà!",
    "[lien](/x)",
    "<https://a.example/b>",
    "**gras *et* plus** `code`",
];

impl Editor {
    fn new(seed: u64) -> Self {
        let options = Options { offset_kind: OffsetKind::Utf16, ..Options::with_client_id(ClientID::new(1)) };
        Self { doc: Doc::with_options(options), random: fastrand::Rng::with_seed(seed) }
    }

    /// Makes so many changes in one transaction and gives them as an update.
    fn edit(&mut self, changes: usize) -> Bytes {
        let random = &mut self.random;
        let mut txn = self.doc.transact_mut();
        let fragment = txn.get_or_insert_xml_fragment(FRAGMENT);
        for _ in 0..changes {
            let len = fragment.len(&txn);
            let at = random.u32(0..=len);
            match random.u8(0..10) {
                0..4 => {
                    let blocks = parse(BLOCKS[random.usize(0..BLOCKS.len())]).doc.content;
                    insert_nodes(&mut txn, &fragment, at, &blocks);
                }
                4 => insert_stray(&mut txn, &fragment, at, random),
                5 if at < len => fragment.remove_range(&mut txn, at, random.u32(1..=(len - at).min(3))),
                _ if at < len => {
                    let block = fragment.get(&txn, at);
                    change_inside(&mut txn, block, random);
                }
                _ => {}
            }
        }
        txn.encode_update_v1().into()
    }
}

fn insert_stray(txn: &mut TransactionMut<'_>, parent: &XmlFragmentRef, at: u32, random: &mut fastrand::Rng) {
    match random.u8(0..4) {
        0 => drop(parent.insert(txn, at, XmlTextPrelim::new("! seul"))),
        1 => drop(parent.insert(txn, at, XmlElementPrelim::empty("hard_break"))),
        2 => {
            let strange = parent.insert(txn, at, XmlElementPrelim::empty("strange"));
            insert_nodes(txn, &strange, 0, &parse("* a\n\nmot").doc.content);
        }
        _ => drop(parent.insert(txn, at, XmlElementPrelim::empty("bullet_list"))),
    }
}

/// Goes down to somewhere in the block and changes what is there.
fn change_inside(txn: &mut TransactionMut<'_>, inside: Option<XmlOut>, random: &mut fastrand::Rng) {
    match inside {
        Some(XmlOut::Text(text)) => {
            let len = text.len(txn);
            let at = random.u32(0..=len);
            match random.u8(0..3) {
                0 if at < len => {
                    let strong = TextAttrs::from([("strong".into(), Any::from_json("{}").unwrap())]);
                    text.format(txn, at, len - at, strong);
                }
                1 if at < len => text.remove_range(txn, at, 1),
                _ => text.insert(txn, at, ["x", " ", "!", "é"][random.usize(0..4)]),
            }
        }
        Some(XmlOut::Element(element)) => change_element(txn, &element, random),
        _ => {}
    }
}

fn change_element(txn: &mut TransactionMut<'_>, element: &XmlElementRef, random: &mut fastrand::Rng) {
    let len = element.len(txn);
    let at = random.u32(0..=len);
    match random.u8(0..8) {
        0 => drop(element.insert_attribute(txn, "level", i64::from(random.u8(1..4)))),
        1 => drop(element.insert_attribute(txn, "order", i64::from(random.u8(1..12)))),
        2 if at < len => element.remove_range(txn, at, 1),
        3 => insert_nodes(txn, element, at, &parse("* z").doc.content),
        _ => {
            let child = element.get(txn, at);
            change_inside(txn, child, random);
        }
    }
}

fn rendered_whole(document: &Document) -> String {
    let fragment = document.doc.get_or_insert_xml_fragment(FRAGMENT);
    serialize(&read_fragment(&document.doc.transact(), &fragment))
}

fn apply(document: &mut Document, update: Bytes) {
    document.apply(&[update]).unwrap();
}

proptest! {
    #[test]
    fn piece_by_piece_is_the_same_as_whole(seed in any::<u64>(), rounds in 1..12usize) {
        let mut editor = Editor::new(seed);
        let mut document = Document::new();
        for _ in 0..rounds {
            let changes = editor.random.usize(1..6);
            apply(&mut document, editor.edit(changes));
            let expected = rendered_whole(&document);
            let draft = document.draft().unwrap();
            if editor.random.bool() {
                // While it is rendered, the document goes on.
                let changes = editor.random.usize(1..4);
                apply(&mut document, editor.edit(changes));
            }
            let Rendering { markdown, new, .. } = draft.render().unwrap();
            prop_assert_eq!(markdown, expected);
            document.keep(new);
            if editor.random.u8(0..3) == 0 {
                let old = rendered_whole(&document);
                let merged = document.merge_external(&old, &old.replacen('m', "n", 1)).unwrap();
                if let Some(change) = merged.change {
                    editor.doc.transact_mut().apply_update(yrs::updates::decoder::Decode::decode_v1(&change).unwrap()).unwrap();
                }
            }
        }
        prop_assert_eq!(document.markdown().unwrap(), rendered_whole(&document));
    }
}

/// A document of so many paragraphs, and somebody with the same one.
fn paragraphs(count: usize) -> (Document, Editor) {
    let text: Vec<String> = (0..count).map(|number| format!("mot {number}")).collect();
    let update = xml::markdown_to_update(&text.join("\n\n"), 7).unwrap();
    let editor = Editor::new(0);
    let decoded = yrs::updates::decoder::Decode::decode_v1(&update).unwrap();
    editor.doc.transact_mut().apply_update(decoded).unwrap();
    let mut document = Document::new();
    apply(&mut document, update);
    (document, editor)
}

fn write_in(editor: &Editor, block: u32, text: &str) -> Bytes {
    let mut txn = editor.doc.transact_mut();
    let fragment = txn.get_or_insert_xml_fragment(FRAGMENT);
    let Some(XmlOut::Element(paragraph)) = fragment.get(&txn, block) else { panic!("no block {block}") };
    let Some(XmlOut::Text(line)) = paragraph.get(&txn, 0) else { panic!("no text in block {block}") };
    line.insert(&mut txn, 0, text);
    txn.encode_update_v1().into()
}

/// Takes a draft and keeps it: the Markdown, and how many blocks were rendered for it.
fn draft(document: &mut Document) -> (String, usize) {
    let Rendering { markdown, new, .. } = document.draft().unwrap().render().unwrap();
    let count = new.count();
    document.keep(new);
    (markdown, count)
}

#[test]
fn only_what_changed_is_rendered_again() {
    for count in [20, READ_BLOCKS_MAX + 20] {
        let (mut document, editor) = paragraphs(count);
        assert_eq!(draft(&mut document).1, count);
        assert_eq!(draft(&mut document).1, 0);
        apply(&mut document, write_in(&editor, 3, "nouveau "));
        let (markdown, rendered) = draft(&mut document);
        assert_eq!(rendered, 1);
        assert!(markdown.contains("\n\nnouveau mot 3\n\nmot 4"), "{markdown}");
    }
}

#[test]
fn what_changes_while_a_draft_is_rendered_is_rendered_with_the_next() {
    let (mut document, editor) = paragraphs(20);
    let taken = document.draft().unwrap();
    apply(&mut document, write_in(&editor, 5, "après "));
    let Rendering { markdown, new, .. } = taken.render().unwrap();
    assert!(!markdown.contains("après"));
    document.keep(new);
    let (markdown, rendered) = draft(&mut document);
    assert_eq!(rendered, 1);
    assert!(markdown.contains("après mot 5"));
}

#[test]
fn what_an_older_draft_rendered_is_not_kept() {
    let (mut document, editor) = paragraphs(5);
    let older = document.draft().unwrap().render().unwrap();
    apply(&mut document, write_in(&editor, 0, "nouveau "));
    let newer = document.draft().unwrap();
    document.keep(older.new);
    assert!(newer.render().unwrap().markdown.starts_with("nouveau mot 0"));
    assert!(document.markdown().unwrap().starts_with("nouveau mot 0"));
}

#[test]
fn no_more_is_kept_than_may_be() {
    let (mut document, _) = paragraphs(3);
    let long = "x".repeat(RENDERED_BYTES_MAX / 2);
    let text = format!("{long}\n\n{long}\n\nc");
    let mut editor = Document::new();
    apply(&mut editor, xml::markdown_to_update(&text, 8).unwrap());
    apply(&mut document, editor.diff(&StateVector::default().encode_v1()).unwrap());
    assert_eq!(draft(&mut document).1, 6);
    assert_eq!(draft(&mut document).1, 1, "the second long one does not fit");
    assert!(document.rendered.bytes <= RENDERED_BYTES_MAX);
}

#[test]
fn what_is_deleted_is_not_kept() {
    let (mut document, editor) = paragraphs(20);
    draft(&mut document);
    let deletion = {
        let mut txn = editor.doc.transact_mut();
        let fragment = txn.get_or_insert_xml_fragment(FRAGMENT);
        fragment.remove_range(&mut txn, 2, 10);
        txn.encode_update_v1()
    };
    apply(&mut document, deletion.into());
    assert_eq!(draft(&mut document).1, 0);
    assert_eq!(document.rendered.blocks.len(), 10);
    let bytes: usize = document.rendered.blocks.values().map(|kept| kept.block.len() + BLOCK_BYTES).sum();
    assert_eq!(document.rendered.bytes, bytes);
}

#[test]
fn an_attribute_is_part_of_its_block() {
    let mut document = Document::new();
    let update = xml::markdown_to_update("# a\n\n# b", 7).unwrap();
    apply(&mut document, update.clone());
    draft(&mut document);
    let change = {
        let doc = Doc::with_client_id(1);
        let mut txn = doc.transact_mut();
        let decoded = yrs::updates::decoder::Decode::decode_v1(&update).unwrap();
        txn.apply_update(decoded).unwrap();
        let fragment = txn.get_or_insert_xml_fragment(FRAGMENT);
        let Some(XmlOut::Element(heading)) = fragment.get(&txn, 1) else { panic!("no heading") };
        heading.insert_attribute(&mut txn, "level", 3i64);
        txn.encode_update_v1()
    };
    apply(&mut document, change.into());
    assert_eq!(draft(&mut document), ("# a\n\n### b".to_owned(), 1));
}

#[test]
fn what_is_foreign_is_told_with_every_draft_until_it_is_gone() {
    let mut document = Document::new();
    let foreign_in = |document: &mut Document| {
        let Rendering { new, foreign, .. } = document.draft().unwrap().render().unwrap();
        document.keep(new);
        foreign.iter().map(|(kind, name)| format!("{} {name}", kind.as_str())).collect::<Vec<_>>()
    };
    let fragment = document.doc.get_or_insert_xml_fragment(FRAGMENT);
    {
        let mut txn = document.doc.transact_mut();
        fragment.push_back(&mut txn, XmlElementPrelim::empty("paragraph"));
        let callout = fragment.push_back(&mut txn, XmlElementPrelim::empty("callout"));
        let paragraph = callout.push_back(&mut txn, XmlElementPrelim::empty("paragraph"));
        let text = paragraph.push_back(&mut txn, XmlTextPrelim::new("Kept."));
        text.format(&mut txn, 0, 4, TextAttrs::from([("underline".into(), Any::from_json("{}").unwrap())]));
    }
    for _ in 0..2 {
        assert_eq!(foreign_in(&mut document), ["unknown_node callout", "unknown_mark underline"]);
    }
    assert!(document.foreign().unwrap().has_content());
    fragment.remove_range(&mut document.doc.transact_mut(), 1, 1);
    assert!(foreign_in(&mut document).is_empty() && !document.foreign().unwrap().has_content());
}
