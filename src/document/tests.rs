//! What a document takes, keeps and gives back.

mod hostile;

use yrs::{GetString, Text};

use super::depth::{LEVELS_MAX, SEED_LEVELS_MAX};
use super::*;
use crate::markdown::schema;
use crate::protocol::wire::put_var;

/// An editor somewhere else.
struct Peer(Doc);

impl Peer {
    fn new(client: u64) -> Self {
        Self(Doc::with_options(Options {
            offset_kind: OffsetKind::Utf16,
            ..Options::with_client_id(yrs::ClientID::new(client))
        }))
    }

    fn insert(&self, at: u32, text: &str) -> Bytes {
        let mut txn = self.0.transact_mut();
        let body = txn.get_or_insert_text("t");
        body.insert(&mut txn, at, text);
        txn.encode_update_v1().into()
    }

    fn receive(&self, update: &Bytes) {
        let update = Update::decode_v1(update).unwrap();
        self.0.transact_mut().apply_update(update).unwrap();
    }
}

fn text(document: &Document) -> String {
    let mut txn = document.doc.transact_mut();
    let body = txn.get_or_insert_text("t");
    body.get_string(&txn)
}

#[test]
fn an_update_is_passed_on_as_it_came_and_a_repeated_one_not_at_all() {
    let mut document = Document::new();
    let update = Peer::new(1).insert(0, "abc");
    assert_eq!(
        document.apply(std::slice::from_ref(&update)).unwrap(),
        Applied { change: Some(update.clone()), incomplete: false, refused: None }
    );
    assert_eq!(document.apply(&[update]).unwrap(), Applied::default());
    assert_eq!(document.generation(), FIRST_GENERATION + 1);
}

#[test]
fn several_updates_become_one_change() {
    let peer = Peer::new(1);
    let updates = [peer.insert(0, "a"), peer.insert(1, "b"), peer.insert(2, "c")];
    let mut document = Document::new();
    let change = document.apply(&updates).unwrap().change.unwrap();
    let mut other = Document::new();
    other.apply(&[change]).unwrap();
    assert_eq!(text(&other), "abc");
}

#[test]
fn what_cannot_be_integrated_is_not_kept_and_comes_again_whole() {
    let peer = Peer::new(1);
    let first = peer.insert(0, "a");
    let second = peer.insert(1, "b");
    let mut document = Document::new();
    assert_eq!(document.apply(&[second]).unwrap(), Applied { change: None, incomplete: true, refused: None });
    assert!(!document.doc.transact().has_missing_updates());

    let whole = peer.0.transact().encode_diff_v1(&StateVector::decode_v1(&document.state_vector()).unwrap());
    assert!(!document.apply(&[whole.into()]).unwrap().incomplete);
    assert_eq!(text(&document), "ab");
    drop(first);
}

/// yrs takes what follows on a gap if nothing in it needs what is missing, and then keeps it to itself.
#[test]
fn what_comes_after_a_gap_is_not_kept_either() {
    let (ann, bob) = (Peer::new(1), Peer::new(2));
    let base = ann.insert(0, "ab");
    bob.receive(&base);
    // Both stand beside Ann's text: the second does not build on the first.
    let (first, second) = (bob.insert(0, "1"), bob.insert(3, "2"));
    let mut document = Document::new();
    document.apply(&[base]).unwrap();
    let empty = Bytes::from_static(&[0, 0]);
    let applied = document.apply(&[empty, second.clone()]).unwrap();
    assert_eq!(applied, Applied { change: None, incomplete: true, refused: None });
    assert_eq!(text(&document), "ab");

    // In the wrong order, yet together, nothing is missing.
    let applied = document.apply(&[second, first]).unwrap();
    assert!(!applied.incomplete);
    ann.receive(&applied.change.unwrap());
    assert_eq!(text(&document), "1ab2");
    assert_eq!(ann.0.transact().state_vector().encode_v1(), document.state_vector());
    let copy = Document::restore(Some(&document.state().unwrap()), &[]).unwrap();
    assert_eq!(text(&copy), "1ab2");
}

#[test]
fn the_state_is_encoded_once_per_generation() {
    let mut document = Document::new();
    document.apply(&[Peer::new(1).insert(0, "abc")]).unwrap();
    let first = document.state().unwrap();
    assert_eq!(first.as_ptr(), document.state().unwrap().as_ptr());
    document.apply(&[Peer::new(2).insert(0, "x")]).unwrap();
    assert_ne!(first, document.state().unwrap());
}

#[test]
fn who_missed_updates_gets_exactly_those() {
    let (ann, bob) = (Peer::new(1), Peer::new(2));
    let mut document = Document::new();
    let reader = Peer::new(3);
    for update in [ann.insert(0, "one "), bob.insert(0, "two ")] {
        document.apply(std::slice::from_ref(&update)).unwrap();
        reader.receive(&update);
    }
    let missed = [ann.insert(4, "three "), ann.insert(10, "four ")];
    for update in &missed {
        document.apply(std::slice::from_ref(update)).unwrap();
    }
    let diff = document.diff(&document.state_vector_without(&missed).unwrap()).unwrap();
    assert!(diff.len() < document.state().unwrap().len());
    reader.receive(&diff);
    let mut txn = reader.0.transact_mut();
    let body = txn.get_or_insert_text("t");
    assert_eq!(body.get_string(&txn), text(&document));
}

#[test]
fn hostile_bytes_are_refused_and_change_nothing() {
    let mut document = Document::new();
    document.apply(&[Peer::new(1).insert(0, "abc")]).unwrap();
    for bytes in
        [&[0xff, 0xff, 0xff, 0x7a][..], &[0xbb, 0xfa, 0xec, 0x60, 0x17, 0x3d, 0xfa, 0x49, 0x78][..], &[]]
    {
        let update = Bytes::copy_from_slice(bytes);
        assert!(matches!(document.apply(&[update]), Err(ApplyError::Malformed(_))));
        assert!(document.diff(bytes).is_err());
    }
    assert_eq!(text(&document), "abc");
}

/// Accepted by yrs, after which encoding the state with its pending parts panics for ever.
#[test]
fn a_poison_document_does_no_harm() {
    const POISON: [u8; 26] =
        [1, 1, 0, 1, 2, 2, 2, 132, 127, 0, 1, 3, 1, 8, 1, 1, 97, 1, 119, 1, 118, 1, 3, 1, 0, 1];
    let mut document = Document::new();
    document.apply(&[Peer::new(1).insert(0, "abc")]).unwrap();
    let _ = document.apply(&[Bytes::from_static(&POISON)]);
    document.apply(&[Peer::new(4).insert(0, "x")]).unwrap();
    assert!(document.state().is_ok());
    assert!(document.diff(&[0]).is_ok());
    assert_eq!(text(&document).len(), 4);
}

#[test]
fn snapshot_and_log_give_the_document_back() {
    let peer = Peer::new(1);
    let mut document = Document::new();
    document.apply(&[peer.insert(0, "abc")]).unwrap();
    let snapshot = document.state().unwrap();
    let log = [peer.insert(3, "d"), peer.insert(4, "e")];
    for update in &log {
        document.apply(std::slice::from_ref(update)).unwrap();
    }
    let restored = Document::restore(Some(&snapshot), &log).unwrap();
    assert_eq!(text(&restored), "abcde");
    assert_eq!(restored.state_vector(), document.state_vector());
}

/// An update that is well-formed, and at which a test has yrs panic: no such one is known of this version,
/// but there have been some.
pub(crate) fn panics() -> Bytes {
    Bytes::from_static(&[1, 1, 77, 0, 4, 1, 6, b'p', b'a', b'n', b'i', b'c', b's', 1, b'x', 0])
}

pub(super) fn panic_if_asked(update: &[u8]) {
    assert!(*update != *panics(), "as the test asked");
}

#[test]
fn a_panic_inside_yrs_is_an_error_here() {
    check_update(&panics()).unwrap();
    let result = Document::new().apply(&[panics()]);
    assert!(matches!(result, Err(ApplyError::Broken(reason)) if reason.contains("as the test asked")));
}

/// Its parent is a text's letter, which cannot have children.
#[test]
fn what_makes_no_sense_is_refused_and_what_came_before_it_stays() {
    let mut document = Document::new();
    document.apply(&[Peer::new(1).insert(0, "abc")]).unwrap();
    let nonsense = Bytes::from_static(&[1, 1, 77, 0, 4, 0, 1, 0, 1, b'x', 0]);
    let good = Peer::new(2).insert(0, "x");
    let applied = document.apply(&[good, nonsense.clone()]).unwrap();
    assert!(applied.refused.is_some() && applied.change.is_some());
    assert_eq!(text(&document).len(), 4);
    let applied = document.apply(&[nonsense]).unwrap();
    assert!(applied.refused.is_some() && applied.change.is_none());
    document.apply(&[Peer::new(3).insert(0, "y")]).unwrap();
    let restored = Document::restore(Some(&document.state().unwrap()), &[]).unwrap();
    assert_eq!(text(&restored), text(&document));
}

/// Array types of client 1, each in the one before it, from one clock up to another.
fn nested(from: u32, to: u32) -> Bytes {
    nested_by(1, from, to)
}

fn nested_by(client: u8, from: u32, to: u32) -> Bytes {
    let mut update = vec![1];
    put_var(&mut update, u64::from(to - from));
    update.push(client);
    put_var(&mut update, u64::from(from));
    for level in from..to {
        update.push(7);
        match level.checked_sub(1) {
            None => update.extend([1, 1, b'm']),
            Some(parent) => {
                update.extend([0, client]);
                put_var(&mut update, u64::from(parent));
            }
        }
        update.push(0);
    }
    update.push(0);
    update.into()
}

const OUTERMOST_DELETED: Bytes = Bytes::from_static(&[0, 1, 1, 1, 0, 1]);

#[test]
fn types_nested_without_end_are_refused_before_their_deletion_overflows_the_stack() {
    let mut document = Document::new();
    let endless = document.apply(&[nested(0, 100_000)]);
    assert!(matches!(endless, Err(ApplyError::Malformed(WireError::TooDeep))));
    assert_eq!(document.state().unwrap().as_ref(), [0, 0]);
    // Nor bit by bit.
    for level in 0..LEVELS_MAX {
        document.apply(&[nested(level, level + 1)]).unwrap();
    }
    assert!(document.apply(&[nested(LEVELS_MAX, LEVELS_MAX + 1)]).is_err());
    // Nor by many updates at once, of which each alone is not deep.
    let together: Vec<Bytes> =
        (0..64).map(|part| nested(part * LEVELS_MAX, (part + 1) * LEVELS_MAX)).collect();
    let at_once = Document::new().apply(&together);
    assert!(matches!(at_once, Err(ApplyError::Malformed(WireError::TooDeep))));
    let state = document.state().unwrap();
    document.apply(&[OUTERMOST_DELETED]).unwrap();
    Document::restore(Some(&state), &[OUTERMOST_DELETED]).unwrap();
    // What was deleted does not count.
    document.apply(&[Peer::new(2).insert(0, "abc")]).unwrap();
    document.apply(&[xml::markdown_to_update("- a", 7).unwrap()]).unwrap();
}

#[test]
fn what_was_taken_can_be_restored_however_it_was_put_together() {
    let changes = [nested(0, LEVELS_MAX), xml::markdown_to_update("> - a", 7).unwrap()];
    let mut document = Document::new();
    document.apply(&changes[1..]).unwrap();
    for level in 0..LEVELS_MAX {
        document.apply(&[nested(level, level + 1)]).unwrap();
    }
    let [deep, record] = changes;
    let orders = [vec![deep.clone(), record.clone()], vec![record.clone(), deep.clone()]];
    // Of the last, each alone is within the limit, and all together are not.
    for log in orders.into_iter().chain([vec![deep.clone(), deep.clone(), deep, record]]) {
        let mut restored = Document::restore(None, &log).unwrap();
        assert_eq!(restored.state_vector(), document.state_vector());
        restored.apply(&[Peer::new(2).insert(0, "abc")]).unwrap();
    }
}

#[test]
fn a_record_of_any_length_is_not_deep() {
    let mut document = Document::new();
    let peer = Doc::with_options(Options::with_client_id(yrs::ClientID::new(9)));
    for number in 0..5 * LEVELS_MAX {
        let mut txn = peer.transact_mut();
        let fragment = txn.get_or_insert_xml_fragment(FRAGMENT);
        let at = number / 2;
        yrs::XmlFragment::insert(&fragment, &mut txn, at, yrs::XmlElementPrelim::empty("paragraph"));
        let update = txn.encode_update_v1().into();
        document.apply(&[update]).unwrap();
    }
}

#[test]
fn a_seed_is_the_document_that_its_log_gives() {
    let seed = xml::markdown_to_update("# a\n\n> - b **c**", 7).unwrap();
    let mut seeded = Document::seeded(&seed).unwrap();
    let mut restored = Document::restore(None, std::slice::from_ref(&seed)).unwrap();
    assert_eq!(seeded.markdown().unwrap(), restored.markdown().unwrap());
    assert_eq!(seeded.state().unwrap(), seed);
    assert_eq!(seeded.state_vector(), restored.state_vector());
    assert_eq!(seeded.generation(), restored.generation());
    assert_eq!(seeded.apply(&[seed]).unwrap(), Applied::default());
    assert!(Document::seeded(&Bytes::from_static(&[1, 1])).is_err());
}

#[test]
fn no_seed_is_deeper_than_is_taken_for_granted() {
    let deepest = |levels: usize| {
        let mut node = schema::text("a", Vec::new());
        for name in std::iter::repeat_n(schema::BLOCKQUOTE, levels) {
            node = crate::markdown::Node { content: vec![node], ..schema::empty(name) };
        }
        xml::document_to_update(&node, 7)
    };
    let seed = (0..200).map_while(|levels| deepest(levels).ok()).last().unwrap();
    Document::seeded(&seed).unwrap();
    let levels = levels_added(&seed).unwrap();
    assert!((60..=SEED_LEVELS_MAX).contains(&levels), "{levels}");
}
