//! The editor's tree in Yjs, there and back.

use proptest::prelude::*;
use serde_json::json;
use yrs::types::Attrs as TextAttrs;
use yrs::updates::encoder::Encode;
use yrs::{
    Any, Array, ArrayRef, StateVector, Text, TransactionMut, Xml, XmlElementPrelim, XmlFragment,
    XmlFragmentRef, XmlTextPrelim,
};

use super::*;
use crate::markdown::{Mark, Node, parse};
use crate::protocol::wire::{put_bytes, put_var};

const CLIENT: u64 = 7;

/// A document made by hand, as its reading.
fn reading(edit: impl FnOnce(&mut TransactionMut<'_>, &XmlFragmentRef)) -> Reading {
    let doc = Doc::with_options(Options { offset_kind: OffsetKind::Utf16, ..Options::default() });
    let mut txn = doc.transact_mut();
    let fragment = txn.get_or_insert_xml_fragment(FRAGMENT);
    edit(&mut txn, &fragment);
    read(&txn, &fragment)
}

fn markdown_of(reading: &Reading) -> String {
    markdown::serialize(&reading.doc)
}

/// A document that went through an update.
fn through_yjs(doc: &Node) -> Reading {
    let update = document_to_update(doc, CLIENT).unwrap();
    check_update(&update).unwrap();
    reading(|txn, _| txn.apply_update(Update::decode_v1(&update).unwrap()).unwrap())
}

const SAMPLE: &str = "# Règlement\n\nUn *mot* **fort** et `code`, [lien](https://ville.example \"titre\").\n\n\
    | A | B |\n| :-- | --- |\n| <!--civic-ref type=\"record\" id=\"r\" label=\"L\"--> | c<br>d |\n\n\
    3. un\n\n   * deux\n\n> cité 🏛\n\n```rust\nfn main() {}\n```\n\n---\n\n![alt](/i.png)";

#[test]
fn markdown_goes_through_yjs_unchanged() {
    let update = markdown_to_update(SAMPLE, CLIENT).unwrap();
    assert_eq!(update_to_markdown(&update).unwrap(), SAMPLE);
}

#[test]
fn what_was_written_in_one_go_is_read_without_a_document() {
    let list = "11. a\n\n12. [b](https://ville.example \"c\") **d *e*** 🏛\n\n| a |\n| - |\n| **b** |";
    for markdown in [SAMPLE, list, "a", "# <!--civic-ref type=\"record\" id=\"r\" label=\"\"-->"] {
        let doc = parse(markdown).doc;
        let update = document_to_update(&doc, CLIENT).unwrap();
        assert_eq!(direct::read_update(&update), Some(through_yjs(&doc).doc), "{markdown:?}");
    }
}

/// Another order, another client, something deleted or set again: only merging says what becomes of these.
#[test]
fn what_has_to_be_merged_is_left_to_yrs() {
    type Edit = dyn Fn(&mut TransactionMut<'_>, &XmlFragmentRef);
    let written = |edit: &Edit| {
        let options = Options { offset_kind: OffsetKind::Utf16, ..Options::default() };
        let doc = Doc::with_options(options);
        let mut txn = doc.transact_mut();
        let fragment = txn.get_or_insert_xml_fragment(FRAGMENT);
        insert_nodes(&mut txn, &fragment, 0, &parse("# one\n\ntwo").doc.content);
        edit(&mut txn, &fragment);
        let update = txn.encode_diff_v1(&StateVector::default());
        (direct::read_update(&update), read(&txn, &fragment).doc)
    };
    let (direct, doc) = written(&|txn, fragment| insert_nodes(txn, fragment, 2, &parse("last").doc.content));
    assert_eq!(direct, Some(doc));
    fn heading(txn: &TransactionMut<'_>, fragment: &XmlFragmentRef) -> yrs::XmlElementRef {
        fragment.get(txn, 0).unwrap().into_xml_element().unwrap()
    }
    let edits: [&Edit; 6] = [
        &|txn, fragment| insert_nodes(txn, fragment, 0, &parse("first").doc.content),
        &|txn, fragment| insert_nodes(txn, fragment, 1, &parse("between").doc.content),
        &|txn, fragment| fragment.remove_range(txn, 1, 1),
        &|txn, fragment| {
            heading(txn, fragment).insert_attribute(txn, "level", 2);
        },
        &|txn, _| txn.get_or_insert_text("other").insert(txn, 0, "x"),
        &|txn, _| {
            let other = markdown_to_update("from somebody else", CLIENT).unwrap();
            txn.apply_update(Update::decode_v1(&other).unwrap()).unwrap();
        },
    ];
    for (index, edit) in edits.into_iter().enumerate() {
        assert_eq!(written(edit).0, None, "edit {index}");
    }
}

#[test]
fn the_same_text_gives_the_same_bytes() {
    assert_eq!(markdown_to_update(SAMPLE, CLIENT).unwrap(), markdown_to_update(SAMPLE, CLIENT).unwrap());
    assert_ne!(markdown_to_update(SAMPLE, CLIENT).unwrap(), markdown_to_update(SAMPLE, CLIENT + 1).unwrap());
    assert!(markdown_to_update("a", u64::MAX).is_err());
}

#[test]
fn an_update_has_the_bytes_that_yjs_writes() {
    // y-prosemirror 1.3.7 over yjs 13.6 with the client id 7, for `# *a*`.
    let expected = [
        1, 6, 7, 0, 7, 1, 7, b'd', b'e', b'f', b'a', b'u', b'l', b't', 3, 7, b'h', b'e', b'a', b'd', b'i',
        b'n', b'g', 7, 0, 7, 0, 6, 6, 0, 7, 1, 2, b'e', b'm', 2, b'{', b'}', 132, 7, 2, 1, b'a', 134, 7, 3,
        2, b'e', b'm', 4, b'n', b'u', b'l', b'l', 40, 0, 7, 0, 5, b'l', b'e', b'v', b'e', b'l', 1, 125, 1, 0,
    ];
    assert_eq!(markdown_to_update("# *a*", CLIENT).unwrap(), &expected[..]);
}

#[test]
fn writing_in_a_transaction_gives_the_same_document() {
    let doc = parse(SAMPLE).doc;
    let written = reading(|txn, fragment| {
        write_fragment(txn, fragment, &parse("before").doc);
        write_fragment(txn, fragment, &doc);
    });
    assert_eq!(written, Reading { doc, misfits: 0, foreign: Foreign::default() });
}

#[test]
fn an_empty_document_is_one_empty_paragraph() {
    let update = markdown_to_update("", CLIENT).unwrap();
    assert_eq!(update_to_markdown(&update).unwrap(), "");
    assert_eq!(through_yjs(&parse("").doc).doc, parse("").doc);
    assert_eq!(update_to_markdown(&[0, 0]).unwrap(), "");
}

#[test]
fn what_is_no_update_is_an_error() {
    for bytes in [
        &[][..],
        b"# text",
        &[0xbb, 0xfa, 0xec, 0x60, 0x17, 0x3d, 0xfa, 0x49, 0x78],
        &[1, 1, 1, 0, 8, 0, 0, 0],
    ] {
        assert_eq!(update_to_markdown(bytes).unwrap_err().code, Code::InvalidYjsUpdate);
    }
}

#[test]
fn an_update_without_what_it_builds_on_is_an_error() {
    let doc = Doc::with_client_id(1);
    let fragment = doc.get_or_insert_xml_fragment(FRAGMENT);
    fragment.push_back(&mut doc.transact_mut(), XmlElementPrelim::empty("paragraph"));
    let before = doc.transact().state_vector();
    fragment.push_back(&mut doc.transact_mut(), XmlElementPrelim::empty("paragraph"));
    let second = doc.transact().encode_diff_v1(&before);
    assert_eq!(update_to_markdown(&second).unwrap_err().code, Code::InvalidYjsUpdate);
    assert!(!before.encode_v1().is_empty());
}

#[test]
fn text_out_of_place_is_kept() {
    let reading = reading(|txn, fragment| {
        fragment.push_back(txn, XmlTextPrelim::new("loose"));
        let unknown = fragment.push_back(txn, XmlElementPrelim::empty("callout"));
        let inner = unknown.push_back(txn, XmlElementPrelim::empty("paragraph"));
        inner.push_back(txn, XmlTextPrelim::new("in a callout"));
        let list = fragment.push_back(txn, XmlElementPrelim::empty("bullet_list"));
        list.push_back(txn, XmlTextPrelim::new("no item"));
        let code = fragment.push_back(txn, XmlElementPrelim::empty("code_block"));
        let text = code.push_back(txn, XmlTextPrelim::new(""));
        text.insert_with_attributes(txn, 0, "x", TextAttrs::from([("strong".into(), Any::Bool(true))]));
        let table = fragment.push_back(txn, XmlElementPrelim::empty("table"));
        table.push_back(txn, XmlTextPrelim::new("no row"));
    });
    let expected = "loose\n\nin a callout\n\n* no item\n\n```\nx\n```\n\n| no row |\n| --- |";
    assert_eq!(markdown_of(&reading), expected);
    assert!(reading.misfits >= 5);
}

#[test]
fn what_must_have_content_and_has_none_is_no_node() {
    let reading = reading(|txn, fragment| {
        let list = fragment.push_back(txn, XmlElementPrelim::empty("bullet_list"));
        list.push_back(txn, XmlElementPrelim::empty("list_item"));
        fragment.push_back(txn, XmlElementPrelim::empty("blockquote"));
        fragment.push_back(txn, XmlElementPrelim::empty("paragraph"));
    });
    assert_eq!(reading.doc.content.len(), 1);
}

#[test]
fn marks_are_read_in_the_schemas_order() {
    let reading = reading(|txn, fragment| {
        let paragraph = fragment.push_back(txn, XmlElementPrelim::empty("paragraph"));
        let text = paragraph.push_back(txn, XmlTextPrelim::new(""));
        let object = Any::from_json("{}").unwrap();
        let link = Any::from_json(r#"{"href":"/a"}"#).unwrap();
        let attributes = TextAttrs::from([
            ("code".into(), object.clone()),
            ("strong--abcdefgh".into(), object.clone()),
            ("comment".into(), object.clone()),
            ("em".into(), object),
            ("link".into(), link),
        ]);
        text.insert_with_attributes(txn, 0, "x", attributes);
    });
    let marks: Vec<&str> =
        reading.doc.content[0].content[0].marks.iter().map(|mark| mark.kind.as_ref()).collect();
    assert_eq!(marks, ["link", "em", "strong", "code"]);
    assert_eq!(reading.doc.content[0].content[0].marks[0].attrs["title"], json!(null));
    assert_eq!(reading.misfits, 1);
}

#[test]
fn numbers_are_numbers_whatever_way_they_were_encoded() {
    let reading = reading(|txn, fragment| {
        for level in [Any::from(2), Any::from(2.0), Any::from(2i64)] {
            fragment.push_back(txn, XmlElementPrelim::empty("heading")).insert_attribute(txn, "level", level);
        }
        fragment.push_back(txn, XmlElementPrelim::empty("heading"));
    });
    let levels: Vec<_> = reading.doc.content.iter().map(|node| node.attrs["level"].clone()).collect();
    assert_eq!(levels, [json!(2), json!(2), json!(2), json!(1)]);
}

/// Elements inside each other, written as a client could.
fn nested_elements(depth: u64) -> Vec<u8> {
    let mut update = Vec::new();
    for value in [1, depth + 1, CLIENT, 0] {
        put_var(&mut update, value);
    }
    for clock in 0..depth {
        update.push(7);
        if clock == 0 {
            put_var(&mut update, 1);
            put_bytes(&mut update, FRAGMENT.as_bytes());
        } else {
            put_var(&mut update, 0);
            put_var(&mut update, CLIENT);
            put_var(&mut update, clock - 1);
        }
        put_var(&mut update, 3);
        put_bytes(&mut update, b"blockquote");
    }
    update.push(7);
    for value in [0, CLIENT, depth - 1, 6] {
        put_var(&mut update, value);
    }
    put_var(&mut update, 0);
    update
}

#[test]
fn nesting_without_end_is_bounded() {
    for depth in [100, 5_000, 200_000] {
        let _ = update_to_markdown(&nested_elements(depth));
    }
    let mut node = parse("deep").doc.content.remove(0);
    for _ in 0..100 {
        node = Node { kind: "blockquote".into(), content: vec![node], ..parse("").doc };
    }
    let doc = Node { content: vec![node], ..parse("").doc };
    assert!(document_to_update(&doc, CLIENT).is_err());
    let reading = reading(|txn, fragment| write_fragment(txn, fragment, &doc));
    assert!(reading.misfits > 0);
    assert!(markdown_of(&reading).ends_with("deep"));
}

fn text_tree() -> impl Strategy<Value = Vec<(String, Vec<&'static str>)>> {
    let marks = proptest::sample::subsequence(vec!["em", "strong", "code"], 0..=3);
    proptest::collection::vec(("[a-zé🏛 *_]{1,6}", marks), 0..5)
}

proptest! {
    /// What is written is read, through the update written here and through yrs.
    #[test]
    fn documents_survive(texts in text_tree(), level in 1u32..7) {
        let mut content: Vec<Node> = Vec::new();
        for (text, marks) in texts {
            let marks: Vec<Mark> =
                marks.into_iter().map(|kind| Mark { kind: kind.into(), attrs: markdown::Attrs::new() }).collect();
            if content.last().is_none_or(|last| last.marks != marks) {
                content.push(Node { text, marks, content: Vec::new(), attrs: markdown::Attrs::new(), kind: "text".into() });
            }
        }
        let mut doc = parse("# h").doc;
        doc.content[0].attrs.insert("level", level.into());
        doc.content[0].content = content;
        prop_assert_eq!(through_yjs(&doc).doc, doc.clone());
        prop_assert_eq!(reading(|txn, fragment| write_fragment(txn, fragment, &doc)).doc, doc);
    }

    /// No bytes make it panic.
    #[test]
    fn noise_is_an_error(bytes in proptest::collection::vec(any::<u8>(), 0..60), at in 0usize..200, byte in any::<u8>()) {
        let _ = update_to_markdown(&bytes);
        let mut update = markdown_to_update(SAMPLE, CLIENT).unwrap().to_vec();
        let at = at * 7 % update.len();
        update[at] = byte;
        let _ = update_to_markdown(&update);
    }
}

#[test]
fn a_state_vector_of_a_seed_is_its_length() {
    let update = markdown_to_update("héllo 🏛", CLIENT).unwrap();
    let doc = Doc::new();
    let mut txn = doc.transact_mut();
    txn.apply_update(Update::decode_v1(&update).unwrap()).unwrap();
    // Paragraph, text, eight UTF-16 units.
    assert_eq!(txn.state_vector().get(&yrs::ClientID::new(CLIENT)), 10);
    assert_eq!(txn.encode_diff_v1(&StateVector::default()), update);
}

/// A client may put anything into the fragment; what stands behind it is not forgotten for that.
#[test]
fn what_is_no_element_hides_nothing() {
    let reading = reading(|txn, fragment| {
        for words in ["before", "after"] {
            let paragraph = fragment.push_back(txn, XmlElementPrelim::empty("paragraph"));
            paragraph.push_back(txn, XmlTextPrelim::new(words));
            if words == "before" {
                let array: &ArrayRef = fragment.as_ref();
                array.push_back(txn, 42);
            }
        }
    });
    assert_eq!(markdown_of(&reading), "before\n\nafter");
    assert_eq!(reading.misfits, 1);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(5_000))]

    /// Whatever becomes of an update's bytes: what is read without a document is what yrs makes of it.
    #[test]
    fn what_is_read_without_a_document_is_what_yrs_reads(
        markdown in prop_oneof![Just(SAMPLE), Just("a"), Just("**a** b\n\n2. c\n\n   * `d`")],
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
    ) {
        let mut update = document_to_update(&parse(markdown).doc, CLIENT).unwrap().to_vec();
        for (at, byte) in changes {
            let at = at.index(update.len());
            update[at] = byte;
        }
        if let Some(doc) = direct::read_update(&update) {
            let of_yrs = with_document(&update, |txn, fragment| read_fragment(txn, fragment));
            prop_assert_eq!(of_yrs.ok(), Some(doc));
        }
    }
}
