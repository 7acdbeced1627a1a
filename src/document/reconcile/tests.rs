//! Edits made elsewhere, as clerks make them.

mod maker;
mod peer;
mod random;
mod seen;

use super::*;
use crate::document::xml::{markdown_to_update, update_to_markdown};
use peer::Peer;

const SEED_CLIENT: u64 = 7;

/// A document that holds this Markdown.
fn seeded(markdown: &str) -> Document {
    let mut document = Document::new();
    document.apply(&[markdown_to_update(markdown, SEED_CLIENT).unwrap()]).unwrap();
    document
}

/// What the document says.
fn text(document: &mut Document) -> String {
    update_to_markdown(&document.state().unwrap()).unwrap()
}

/// The live document said `old`, went on to `live`, and then the record became `new`. Going on is done by
/// merging as well: it is tested on its own by the cases whose live text is the old one.
fn merged(old: &str, live: &str, new: &str) -> (String, Merged) {
    let mut document = seeded(old);
    document.merge_external(old, live).unwrap();
    assert_eq!(text(&mut document), live, "the edit inside");
    let merged = document.merge_external(old, new).unwrap();
    (text(&mut document), merged)
}

#[test]
fn the_rules_hold() {
    for (name, old, live, new, expected) in [
        ("nothing outside", "a", "b", "a", "b"),
        ("nothing inside", "one two three", "one two three", "one 2 three", "one 2 three"),
        ("other paragraphs", "one\n\ntwo", "one!\n\ntwo", "one\n\ntwo?", "one!\n\ntwo?"),
        (
            "the same paragraph",
            "The fee is 20 dollars a year.",
            "The late fee is 20 dollars a year.",
            "The fee is 25 dollars a year.",
            "The late fee is 25 dollars a year.",
        ),
        (
            "the same word",
            "The cat sat on the mat.",
            "The bird sat on the mat.",
            "The dog sat on the mat.",
            "The dog bird sat on the mat.",
        ),
        (
            "a heading renamed",
            "# Introduction\n\nx",
            "# Introduction\n\nx y",
            "# Purpose\n\nx",
            "# Purpose\n\nx y",
        ),
        ("a level", "# Title here\n\nx", "# Title now\n\nx", "## Title here\n\nx", "## Title now\n\nx"),
        (
            "a heading of a paragraph",
            "One two three",
            "One two three four",
            "# One two three",
            "# One two three four",
        ),
        ("an item", "* a\n\n* b", "* a\n\n* b\n\n* c", "* a\n\n* x\n\n* b", "* a\n\n* x\n\n* b\n\n* c"),
        ("a nested item", "* a\n\n  * b", "* a!\n\n  * b", "* a\n\n  * b\n\n  * c", "* a!\n\n  * b\n\n  * c"),
        ("another list", "* a\n\n* b", "* a\n\n* b c", "1. a\n\n2. b", "1. a\n\n2. b c"),
        (
            "a cell",
            "| A | B |\n| --- | --- |\n| 1 | 2 |",
            "| A | B |\n| --- | --- |\n| 1 | 2 |\n| 3 | 4 |",
            "| A | B |\n| --- | --- |\n| 10 | 2 |",
            "| A | B |\n| --- | --- |\n| 10 | 2 |\n| 3 | 4 |",
        ),
        (
            "a column and a row",
            "| A | B |\n| --- | --- |\n| 1 | 2 |",
            "| A | B |\n| --- | --- |\n| 1 | 2 |\n| 3 | 4 |",
            "| A | X | B |\n| --- | :-: | --- |\n| 1 | x | 2 |",
            "| A | X | B |\n| --- | :-: | --- |\n| 1 | x | 2 |\n| 3 |  | 4 |",
        ),
        (
            "a row and a column",
            "| A | B |\n| --- | --- |\n| 1 | 2 |",
            "| A | X | B |\n| --- | --- | --- |\n| 1 | x | 2 |",
            "| A | B |\n| --- | --- |\n| 1 | 2 |\n| 3 | 4 |",
            "| A | X | B |\n| --- | --- | --- |\n| 1 | x | 2 |\n| 3 |  | 4 |",
        ),
        (
            "a column deleted where somebody wrote",
            "| A | B |\n| --- | --- |\n| 1 | 2 |",
            "| A | B |\n| --- | --- |\n| 1 | 2 new |",
            "| A |\n| --- |\n| 1 |",
            "| A |  |\n| --- | --- |\n| 1 | new |",
        ),
        (
            "a block moved",
            "a b c\n\nd e f\n\ng h i",
            "a b c x\n\nd e f\n\ng h i",
            "d e f\n\ng h i\n\na b c",
            "d e f\n\ng h i\n\na b c x",
        ),
        ("in front", "a", "a b", "front\n\na", "front\n\na b"),
        ("at the end, both", "a", "a\n\nours", "a\n\ntheirs", "a\n\ntheirs\n\nours"),
        ("everything deleted", "a\n\nb", "a\n\nb", "", ""),
        ("everything deleted but words inside", "a b\n\nc d", "a b\n\nc new d", "", "new"),
        ("an empty record", "", "", "# A\n\nb", "# A\n\nb"),
        ("an empty record, both", "", "inside", "outside", "outside inside"),
        ("deleted inside, changed outside", "a b c\n\nd", "d", "a b x\n\nd", "a b x\n\nd"),
        ("deleted inside, unchanged outside", "a b c\n\nd", "d", "a b c\n\nd e", "d e"),
        ("deleted outside", "a b c\n\nd", "a b c\n\nd e", "d", "d e"),
        ("deleted outside, changed inside", "a b c\n\nd", "a b new c\n\nd", "d", "new\n\nd"),
        ("deleted outside, made bold inside", "a b c\n\nd", "**a** b c\n\nd", "d", "d"),
        ("a list deleted outside", "* a\n\n* b\n\nz", "* a\n\n* b new\n\nz", "z", "* new\n\nz"),
        (
            "a table deleted outside",
            "| A | B |\n| --- | --- |\n| 1 | 2 |\n| 3 | 4 |\n\nz",
            "| A | B |\n| --- | --- |\n| 1 | 2 |\n| 3 | 4 new |\n\nz",
            "z",
            "|  |  |\n| --- | --- |\n|  | new |\n\nz",
        ),
        ("the last item on both sides", "* a b\n\n* c d\n\nz", "* a b\n\nz", "* c d\n\nz", "z"),
        (
            "both wrote the same block",
            "a",
            "a\n\nsame words here",
            "a\n\nsame words here",
            "a\n\nsame words here",
        ),
        (
            "published, then went on",
            "a",
            "a\n\none two three four",
            "a\n\none two three",
            "a\n\none two three four",
        ),
        ("both wrote the same words", "a", "a b c d", "a b c", "a b c d"),
        ("marks", "one two three", "one two three four", "one **two** three", "one **two** three four"),
        ("marks of both", "one two three", "*one* two three", "one two **three**", "*one* two **three**"),
        ("a mark taken away", "one **two** three", "one **two** 3", "one two three", "one two 3"),
        ("a link", "see [it](/a) now", "see [it](/a) now!", "see [it](/b) now", "see [it](/b) now!"),
        (
            "a break",
            "one two three four",
            "one two three four five",
            "one two\\\nthree four",
            "one two\\\nthree four five",
        ),
        ("a break taken away", "one\\\ntwo", "one\\\ntwo three", "one two", "one two three"),
        (
            "a reference",
            "see this text",
            "see this text here",
            "see <!--civic-ref type=\"record\" id=\"r\" label=\"L\"--> this text",
            "see <!--civic-ref type=\"record\" id=\"r\" label=\"L\"--> this text here",
        ),
        (
            "code",
            "```rs\nlet a = 1;\nlet b = 2;\n```",
            "```rs\nlet a = 1;\nlet b = 3;\n```",
            "```rust\nlet a = 4;\nlet b = 2;\n```",
            "```rust\nlet a = 4;\nlet b = 3;\n```",
        ),
        ("a quote", "> a b c\n>\n> d", "> a b c\n>\n> d e", "> a x c\n>\n> d", "> a x c\n>\n> d e"),
        ("beyond the basic plane", "🏛 one 🏛 two", "🏛 one 🏛 two 🏛", "🏛 uno 🏛 two", "🏛 uno 🏛 two 🏛"),
        ("a rule", "a\n\nb", "a!\n\nb", "a\n\n---\n\nb", "a!\n\n---\n\nb"),
    ] {
        let (text, merge) = merged(old, live, new);
        assert_eq!(text, expected, "{name}");
        assert_eq!(merge.change.is_some(), live != expected, "{name}");
    }
}

#[test]
fn the_same_text_changes_nothing() {
    let mut document = seeded("a\n\nb");
    let generation = document.generation();
    for (old, new) in
        [("a\n\nb", "a\n\nb"), ("a\n\nb", "a\n\nb\n"), ("something else", "a\n\nb"), ("", "a  \n\nb")]
    {
        assert_eq!(document.merge_external(old, new).unwrap(), Merged::default());
    }
    assert_eq!(document.generation(), generation);
}

#[test]
fn a_merge_is_one_update_that_says_what_it_did() {
    let mut document = seeded("one two\n\nthree");
    let mut other = seeded("one two\n\nthree");
    let merged = document.merge_external("one two\n\nthree", "one 2 three four\n\n<div>").unwrap();
    assert_eq!((merged.added, merged.removed), (3, 2));
    assert_eq!(
        merged.lost.iter().map(|lost| (lost.first_line, lost.kind)).collect::<Vec<_>>(),
        [(3, "html_block")]
    );
    assert_eq!(document.generation(), crate::document::FIRST_GENERATION + 2);
    other.apply(&[merged.change.unwrap()]).unwrap();
    assert_eq!(text(&mut other), text(&mut document));
    assert_eq!(text(&mut other), "one 2 three four");
}

#[test]
fn merging_once_more_changes_nothing() {
    for (old, live, new) in [
        ("a b c\n\nd", "d", "a b x\n\nd"),
        ("The cat sat.", "The bird sat.", "The dog sat."),
        ("a", "a\n\nours", "a\n\ntheirs"),
        ("a b\n\nc d", "a b\n\nc new d", "a b"),
    ] {
        let mut document = seeded(old);
        document.merge_external(old, live).unwrap();
        document.merge_external(old, new).unwrap();
        let once = text(&mut document);
        assert_eq!(document.merge_external(old, new).unwrap().change, None, "{once:?}");
        assert_eq!(document.merge_external(new, new).unwrap(), Merged::default());
    }
}

/// Only the word is in the update, not what is around it.
#[test]
fn a_change_is_as_small_as_it_can_be() {
    let words = "Lorem ipsum dolor sit amet. ".repeat(200);
    let old = format!("# Title\n\n{words}one {words}\n\n{words}");
    let new = old.replace("one", "two");
    let change = seeded(&old).merge_external(&old, &new).unwrap().change.unwrap();
    assert!(change.len() < 40, "{}", change.len());
}

#[test]
fn undo_is_for_what_somebody_did_there() {
    let mut document = seeded("one two\n\nthree");
    let peer = Peer::new(5, &document.state().unwrap());
    let mut undo: yrs::undo::UndoManager<()> =
        yrs::undo::UndoManager::with_options(yrs::undo::Options::default());
    undo.expand_scope(&peer.doc, &peer.fragment);
    undo.include_origin("editor");
    let mine = peer.insert_as("editor", 0, "mine ");
    document.apply(&[mine]).unwrap();
    let merged = document.merge_external("one two\n\nthree", "one 2\n\nthree four").unwrap();
    peer.receive(&merged.change.unwrap());
    assert_eq!(markdown::serialize(&peer.reading().doc), "mine one 2\n\nthree four");
    assert!(undo.undo_blocking());
    assert_eq!(markdown::serialize(&peer.reading().doc), "one 2\n\nthree four");
    assert!(!undo.undo_blocking());
}

/// What the schema has no place for: loose text, an unknown element, something in the midst of a text,
/// something that is no XML, and nesting beyond all bounds.
#[test]
fn what_is_not_the_editors_stays() {
    let mut document = seeded("one two\n\nthree four five");
    let peer = Peer::new(5, &document.state().unwrap());
    document.apply(&[peer.insert_strays()]).unwrap();
    let merged =
        document.merge_external("one two\n\nthree four five", "one 2\n\nthree 4 five\n\nsix").unwrap();
    peer.receive(&merged.change.unwrap());
    let text = text(&mut document);
    for word in ["one 2", "three 4 five", "six", "loose", "unknown", "four five", "deep"] {
        assert_eq!(text.matches(word).count(), 1, "{word}: {text}");
    }
    assert_eq!(markdown::serialize(&peer.reading().doc), text);
}

#[test]
fn a_document_that_never_was_is_filled() {
    let mut document = Document::new();
    document.merge_external("", "# A\n\nb").unwrap();
    assert_eq!(text(&mut document), "# A\n\nb");
    document.merge_external("# A\n\nb", "").unwrap();
    assert_eq!(text(&mut document), "");
}

/// Every block changed, more of them than are compared with each other; and a line with more words than are.
#[test]
fn large_changes_are_coarser_and_still_right() {
    let old =
        (0..2_000).map(|line| format!("Article {line} of the town of Old")).collect::<Vec<_>>().join("\n\n");
    let new = old.replace("Old", "New");
    let mut document = seeded(&old);
    let merged = document.merge_external(&old, &new).unwrap();
    assert_eq!((merged.added, merged.removed), (2_000, 2_000));
    assert_eq!(text(&mut document), new);

    let old = (0..110_000).map(|word| format!("w{word} ")).collect::<String>().trim().to_owned();
    let new = old.replace("w10 ", "x ").replace("w109000 ", "y ");
    let mut document = seeded(&old);
    document.merge_external(&old, &new).unwrap();
    assert_eq!(text(&mut document), new);
    document.merge_external(&new, "nothing left").unwrap();
    assert_eq!(text(&mut document), "nothing left");
}
