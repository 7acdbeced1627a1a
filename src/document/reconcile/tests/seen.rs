//! Merging documents of a schema that is not known.

use yrs::{Any, Doc, Transact, WriteTxn, XmlFragment, XmlTextPrelim};

use super::*;
use crate::document::xml::{document_to_update, update_to_tree};
use crate::markdown::{Attrs, Mark};

/// A tree in one line: `p(one two) list(item(p(three)) item(p(a[br]b)))`. What is in brackets is a leaf, what
/// is between stars has a mark `bold`, and `name.key=value(` has an attribute.
fn tree(source: &str) -> Node {
    let mut rest = source;
    Node { content: nodes(&mut rest, false), ..schema::empty(schema::DOC) }
}

fn nodes(rest: &mut &str, in_line: bool) -> Vec<Node> {
    let mut nodes = Vec::new();
    let mut bold = false;
    while let Some(c) = rest.chars().next() {
        if c == ')' {
            break;
        } else if c == '*' {
            bold = !bold;
            *rest = &rest[1..];
        } else if c == '[' {
            let end = rest.find(']').unwrap();
            nodes.push(Node { kind: rest[1..end].to_owned().into(), ..schema::empty("") });
            *rest = &rest[end + 1..];
        } else if let Some(open) = rest.find(['(', ')', '*', '[']).filter(|at| rest[*at..].starts_with('('))
            && !in_line
        {
            let (kind, attr) = rest[..open].trim().split_once('.').unwrap_or((rest[..open].trim(), ""));
            let attrs: Attrs =
                attr.split_once('=').map(|(k, v)| (k.to_owned(), v.into())).into_iter().collect();
            let kind = kind.to_owned();
            *rest = &rest[open + 1..];
            let line = matches!(kind.as_str(), "p" | "h");
            let content = self::nodes(rest, line);
            *rest = &rest[1..];
            nodes.push(Node { kind: kind.into(), attrs, content, ..schema::empty("") });
        } else {
            let end = rest.find([')', '*', '[']).unwrap_or(rest.len());
            let marks = bold.then(|| Mark { kind: "bold".into(), attrs: Attrs::new() }).into_iter().collect();
            if in_line {
                nodes.push(schema::text(&rest[..end], marks));
            }
            *rest = &rest[end..];
        }
    }
    nodes
}

fn holding(doc: &Node) -> Document {
    let mut document = Document::new();
    document.apply(&[document_to_update(doc, SEED_CLIENT).unwrap()]).unwrap();
    document
}

fn held(document: &mut Document) -> Node {
    update_to_tree(&document.state().unwrap()).unwrap()
}

#[test]
fn the_rules_hold_without_a_known_schema() {
    for (name, old, live, new, expected) in [
        ("nothing outside", "p(a)", "p(b)", "p(a)", "p(b)"),
        ("nothing inside", "p(one two three)", "p(one two three)", "p(one 2 three)", "p(one 2 three)"),
        ("other blocks", "p(one) p(two)", "p(one!) p(two)", "p(one) p(two?)", "p(one!) p(two?)"),
        (
            "the same block",
            "p(The fee is 20 dollars a year.)",
            "p(The late fee is 20 dollars a year.)",
            "p(The fee is 25 dollars a year.)",
            "p(The late fee is 25 dollars a year.)",
        ),
        (
            "in a list",
            "list(item(p(one)) item(p(two)))",
            "list(item(p(one more)) item(p(two)))",
            "list(item(p(one)) item(p(two)) item(p(three)))",
            "list(item(p(one more)) item(p(two)) item(p(three)))",
        ),
        ("a list goes", "p(a) list(item(p(one)))", "p(a) list(item(p(one)))", "p(a)", "p(a)"),
        (
            "a list goes in which somebody wrote",
            "p(a) list(item(p(one)) item(p(two)))",
            "p(a) list(item(p(one more)) item(p(two)))",
            "p(a)",
            "p(a) list(item(p(more)))",
        ),
        ("a leaf in the line", "p(a b)", "p(a b c)", "p(a[br]b)", "p(a[br]b c)"),
        ("a mark", "p(one two)", "p(one two three)", "p(one *two*)", "p(one *two* three)"),
        ("a mark beside typing", "p(one *two*)", "p(zero one *two*)", "p(one two)", "p(zero one two)"),
        (
            "an attribute",
            "p.align=left(one two)",
            "p.align=left(one two three)",
            "p.align=right(one two)",
            "p.align=right(one two three)",
        ),
        ("an attribute goes", "p.align=left(one)", "p.align=left(one)", "p(one)", "p(one)"),
        ("another kind", "p(Title) p(a)", "p(Title) p(a b)", "h(Title) p(a)", "h(Title) p(a b)"),
        (
            "another kind, and words inside",
            "p(The title) p(a)",
            "p(The new title) p(a)",
            "h(The title) p(a)",
            "h(The title) p(new) p(a)",
        ),
        ("written by both", "p(a)", "p(a) p(b c d)", "p(a) p(b c d)", "p(a) p(b c d)"),
        ("an empty one filled", "p()", "p()", "p(now)", "p(now)"),
        ("all goes", "p(a) p(b)", "p(a) p(b)", "p()", "p()"),
        ("a leaf block", "[rule] p(a)", "[rule] p(a b)", "p(a) [rule]", "p(a b) [rule]"),
    ] {
        let [old, live, new, expected] = [old, live, new, expected].map(tree);
        let mut document = holding(&old);
        document.merge_trees(&old, &live).unwrap();
        assert_eq!(held(&mut document), live, "{name}: the edit inside");
        document.merge_trees(&old, &new).unwrap();
        assert_eq!(held(&mut document), expected, "{name}");
        assert_eq!(document.merge_trees(&old, &expected).unwrap().change, None, "{name}: once more");
    }
}

#[test]
fn names_of_the_known_schema_mean_nothing() {
    let paragraph = |attr: &str| {
        let attrs = Attrs::from([("textAlign".to_owned(), attr.into())]);
        let content = vec![schema::text("a table", Vec::new())];
        Node { content: vec![Node { attrs, content, ..schema::empty("table") }], ..schema::empty("doc") }
    };
    let (old, new) = (paragraph("left"), paragraph("right"));
    let mut document = holding(&old);
    document.merge_trees(&old, &new).unwrap();
    assert_eq!(held(&mut document), new);
}

#[test]
fn a_mark_without_attributes_of_its_own_keeps_its_value() {
    let doc = Doc::new();
    let mut txn = doc.transact_mut();
    let fragment = txn.get_or_insert_xml_fragment(FRAGMENT);
    let text = fragment.push_back(&mut txn, XmlTextPrelim::new(""));
    let attrs = [("color".into(), Any::String("red".into())), ("bold".into(), Any::Bool(true))];
    yrs::Text::insert_with_attributes(&text, &mut txn, 0, "stop", attrs.into_iter().collect());
    let old = update_to_tree(&txn.encode_update_v1()).unwrap();
    drop(txn);
    let mut document = holding(&old);
    assert_eq!(held(&mut document), old, "a seed");
    let mut new = old.clone();
    new.content.push(schema::text(" go", old.content[0].marks[..1].to_vec()));
    let wrapped = |content: &Node| Node {
        content: vec![Node { content: content.content.clone(), ..schema::empty("line") }],
        ..schema::empty(schema::DOC)
    };
    let (old, new) = (wrapped(&old), wrapped(&new));
    let mut document = holding(&old);
    document.merge_trees(&old, &new).unwrap();
    assert_eq!(held(&mut document), new, "a merge");
}

#[test]
fn what_is_no_tree_is_refused() {
    let update = |work: &dyn Fn(&mut yrs::TransactionMut<'_>)| {
        let doc = Doc::new();
        let mut txn = doc.transact_mut();
        work(&mut txn);
        txn.encode_update_v1()
    };
    for (name, update, problem) in [
        (
            "a text",
            update(&|txn| {
                let text = txn.get_or_insert_text(FRAGMENT);
                yrs::Text::push(&text, txn, "a");
            }),
            "no tree",
        ),
        (
            "a map",
            update(&|txn| {
                let map = txn.get_or_insert_map(FRAGMENT);
                yrs::Map::insert(&map, txn, "a", 1);
            }),
            "no tree",
        ),
        (
            "another root",
            update(&|txn| {
                let map = txn.get_or_insert_map("meta");
                yrs::Map::insert(&map, txn, "a", 1);
            }),
            "\"meta\"",
        ),
        ("noise", vec![1, 2, 3], "the bytes end"),
    ] {
        let error = update_to_tree(&update).unwrap_err();
        assert!(error.contains(problem) || name == "noise", "{name}: {error}");
    }
}
