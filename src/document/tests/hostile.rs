//! Updates that no editor writes, made to end the process, to hold a room up, or to be read in two ways.

use super::*;

/// An update, or a state vector, put together by hand.
#[derive(Default)]
struct Wire(Vec<u8>);

impl Wire {
    fn vars(mut self, values: &[u64]) -> Self {
        for value in values {
            put_var(&mut self.0, *value);
        }
        self
    }

    fn bytes(mut self, bytes: &[u8]) -> Self {
        self.0.extend_from_slice(bytes);
        self
    }

    fn done(self) -> Bytes {
        self.0.into()
    }
}

fn is_malformed(update: Bytes, why: WireError) -> bool {
    matches!(Document::new().apply(&[update]), Err(ApplyError::Malformed(error)) if error == why)
}

/// yrs passes over each by a call within the call for the one before.
#[test]
fn many_clients_without_structs_do_not_overflow_the_stack() {
    const COUNT: u64 = 300_000;
    let clients = (0..COUNT).fold(Wire::default().vars(&[COUNT]), |wire, client| wire.vars(&[0, client, 0]));
    assert!(is_malformed(clients.vars(&[0]).done(), WireError::OutOfRange));
}

/// yrs reads one text more than a JSON item has: here the beginning of a binary item, whose length then is the
/// beginning of an item with values, and whose content is a value that is nested too deep for the stack.
#[test]
fn what_yrs_reads_is_what_was_checked() {
    const LEN: usize = 8 + (1 << 21);
    let mut content = vec![0, 1];
    content.extend(std::iter::repeat_n([117, 1], 1_000_000).flatten());
    content.resize(LEN, 126);
    let two_items = Wire::default().vars(&[1, 2, 9, 0]).bytes(&[2, 1, 1, b'm', 1, 1, b'x', 3, 1, 1, b'm']);
    let update = two_items.vars(&[LEN as u64]).bytes(&content).vars(&[0]).done();
    assert!(is_malformed(update, WireError::UnknownTag(2)));
}

/// yrs takes a client's id for its hash, and all of these for the same one.
#[test]
fn a_state_vector_of_many_who_are_not_here_is_no_work() {
    const COUNT: u64 = 500_000;
    let clients =
        (0..COUNT).fold(Wire::default().vars(&[COUNT + 1]), |wire, client| wire.vars(&[client << 32, 9]));
    let mut document = Document::new();
    document.apply(&[Peer::new(1).insert(0, "abc")]).unwrap();
    let diff = document.diff(&clients.vars(&[1, 3]).done()).unwrap();
    assert_eq!(diff.as_ref(), [0, 0]);
}

#[test]
fn of_a_client_that_comes_twice_nobody_takes_one_half() {
    let (a, b): (&[u8], &[u8]) = (&[4, 1, 1, b't', 1, b'a'], &[0x84, 9, 0, 1, b'b']);
    let structs =
        |client| Wire::default().vars(&[2, 1, 9, 0]).bytes(a).vars(&[1, client, 1]).bytes(b).vars(&[0]);
    assert!(is_malformed(structs(9).done(), WireError::Twice));
    let mut document = Document::new();
    document.apply(&[Peer::new(1).insert(0, "abcdef")]).unwrap();
    for (client, is_refused) in [(1, true), (2, false)] {
        let deletions = Wire::default().vars(&[0, 2, 1, 1, 0, 1, client, 1, 3, 1]).done();
        assert_eq!(document.apply(&[deletions]).is_err(), is_refused);
    }
    assert_eq!(text(&document), "bcdef");
}

/// A text in the record with marks that are all open from its beginning, and as many pieces; each is a mark more.
fn marked(client: u64, names: u64, pieces: u64) -> Bytes {
    let named =
        |wire: Wire, name: String| wire.vars(&[name.len() as u64]).bytes(name.as_bytes()).bytes(&[1, b'1']);
    let text =
        Wire::default().vars(&[1, 1 + names + 2 * pieces, client, 0]).bytes(&[7, 1, 7]).bytes(b"default");
    let mut wire = named(text.bytes(&[6, 6, 0]).vars(&[client, 0]), "k0".to_owned());
    for n in 1..names {
        wire = named(wire.bytes(&[0x86]).vars(&[client, n]), format!("k{n}"));
    }
    for n in 0..pieces {
        let before = names + 2 * n;
        wire =
            wire.bytes(&[0x84]).vars(&[client, before]).bytes(&[1, b'a', 0x86]).vars(&[client, before + 1]);
        wire = named(wire, format!("k{}", n % names));
    }
    wire.vars(&[0]).done()
}

/// yrs has a copy of each open mark in each piece.
#[test]
fn marks_that_take_gigabytes_to_read_are_refused() {
    let mut document = Document::new();
    assert!(is_malformed(marked(5, 10_000, 10_000), WireError::TooManyMarks));
    // Nor in many updates, of which each alone is little.
    let taken = (1..100).filter(|n| document.apply(&[marked(*n, 500, 500)]).is_ok()).count();
    assert!((5..50).contains(&taken), "{taken}");
    // What was taken is restored.
    let state = document.state().unwrap();
    let mut restored = Document::restore(Some(&state), &[]).unwrap();
    assert_eq!(restored.state_vector(), document.state_vector());
    restored.markdown().unwrap();
    assert!(restored.apply(&[marked(100, 500, 500)]).is_err());
    // What people do goes on.
    restored.apply(&[Peer::new(200).insert(0, "abc")]).unwrap();
}

#[test]
fn marks_that_were_deleted_do_not_count_for_ever() {
    let mut document = Document::new();
    document.apply(&[marked(1, 1_700, 1_700)]).unwrap();
    assert!(document.apply(&[marked(2, 1_700, 1_700)]).is_err());
    document.apply(&[Bytes::from_static(&[0, 1, 1, 1, 0, 1])]).unwrap();
    let peer = Peer::new(3);
    for _ in 0..1_000 {
        document.apply(&[peer.insert(0, "x")]).unwrap();
    }
    document.apply(&[marked(2, 1_700, 1_700)]).unwrap();
}

/// Each piece has a copy of it.
#[test]
fn a_link_of_a_megabyte_over_many_pieces_is_read_without_it() {
    let link = format!("{{\"href\":\"{}\"}}", "x".repeat(1 << 20));
    let mark = |wire: Wire, name: &str, value: &str| {
        let wire = wire.vars(&[name.len() as u64]).bytes(name.as_bytes());
        wire.vars(&[value.len() as u64]).bytes(value.as_bytes())
    };
    let linked = |pieces: u64| {
        let text = Wire::default().vars(&[1, 2 + 2 * pieces, 1, 0]).bytes(&[7, 1, 7]).bytes(b"default");
        let mut wire = mark(text.bytes(&[6, 6, 0, 1, 0]), "link", &link);
        for n in 0..pieces {
            let before = 1 + 2 * n;
            wire = wire.bytes(&[0x84, 1]).vars(&[before]).bytes(&[1, b'a', 0x86, 1]).vars(&[before + 1]);
            wire = mark(wire, "em", if n % 2 == 0 { "{}" } else { "null" });
        }
        let mut document = Document::new();
        document.apply(&[wire.vars(&[0]).done()]).unwrap();
        document
    };
    assert!(!linked(20).foreign().unwrap().has_content());
    let mut document = linked(600);
    assert!(document.foreign().unwrap().has_content());
    assert_eq!(document.markdown().unwrap().matches("xxx)").count(), 1);
}

/// Each is a piece, with a copy of each open mark, whatever marks there are.
#[test]
fn a_text_full_of_other_things_is_read_without_its_marks() {
    let mut wire = Wire::default().vars(&[1, 5_002, 1, 0]).bytes(&[7, 1, 7]).bytes(b"default");
    wire = wire.bytes(&[6, 6, 0, 1, 0, 1, b'b', 1, b'1', 0x84, 1, 1, 1, b'a']);
    for before in 2..5_001 {
        wire = wire.bytes(&[0x85]).vars(&[1, before]).bytes(&[2, b'{', b'}']);
    }
    let mut document = Document::new();
    document.apply(&[wire.vars(&[0]).done()]).unwrap();
    assert_eq!(document.markdown().unwrap(), "a");
    assert!(document.foreign().unwrap().has_content());
}

/// Clients with a tombstone each. yrs takes their ids for hashes: an update as large as this takes a minute, and
/// everything after it seconds.
fn clients(ids: impl ExactSizeIterator<Item = u64>) -> Bytes {
    let wire = Wire::default().vars(&[ids.len() as u64]);
    ids.fold(wire, |wire, client| wire.vars(&[1, client, 0, 0, 1])).vars(&[0]).done()
}

#[test]
fn clients_whose_ids_fall_into_one_place_are_refused() {
    let alike = |n: usize| (n as u64) << 32 | 7;
    assert!(is_malformed(clients((0..50_000).map(alike)), WireError::Alike));
    let many = clients((0..50_000).map(alike));
    assert_eq!(Document::new().growth_by(&many), many.len());
    let mut document = Document::new();
    // Nor a few at a time, together or one after the other.
    let few: Vec<Bytes> = (0..40).map(|part| clients((part * 40..(part + 1) * 40).map(alike))).collect();
    assert!(document.apply(&few).is_err());
    assert_eq!(few.iter().filter(|few| document.apply(&[(*few).clone()]).is_ok()).count(), 1);
    // As many as one likes, if they are not.
    let mut random = fastrand::Rng::with_seed(1);
    document.apply(&[clients(vec![(); 50_000].into_iter().map(|()| random.u64(..1 << 32)))]).unwrap();
}

/// yrs goes through a string from its beginning for each of its characters, and an element holds none.
#[test]
fn a_string_where_elements_should_be_is_read_in_one_go() {
    let string = "x".repeat(500_000);
    let wire =
        Wire::default().vars(&[1, 2, 1, 0]).bytes(&[4, 1, 7]).bytes(b"default").vars(&[string.len() as u64]);
    let wire =
        wire.bytes(string.as_bytes()).bytes(&[0x87, 1]).vars(&[string.len() as u64 - 1]).bytes(&[3, 1, b'p']);
    let mut document = Document::new();
    document.apply(&[wire.vars(&[0]).done()]).unwrap();
    assert_eq!(document.markdown().unwrap(), "");
    assert!(document.foreign().unwrap().has_content());
    let mut txn = document.doc.transact_mut();
    let fragment = txn.get_or_insert_xml_fragment(FRAGMENT);
    let children = xml::children(&txn, &fragment);
    assert_eq!(children.len(), string.len() + 1);
    assert!(matches!(children.last(), Some(Some(_))));
}

/// yrs counts such a character as two units and reads one, and waits for the other for ever.
#[test]
fn a_character_of_two_units_where_none_should_be_is_read_to_its_end() {
    let fragment = Wire::default().vars(&[1, 1, 1, 0]).bytes(&[4, 1, 7]).bytes(b"default\x04");
    let element = Wire::default().vars(&[1, 3, 1, 0]).bytes(&[7, 1, 7]).bytes(b"default").bytes(&[3, 9]);
    let array = element.bytes(b"paragraph").bytes(&[0x27, 0, 1, 0, 1, b'a', 0]).bytes(&[4, 0, 1, 1, 4]);
    for wire in [fragment, array] {
        let mut document = Document::new();
        document.apply(&[wire.bytes("🏛".as_bytes()).vars(&[0]).done()]).unwrap();
        document.markdown().unwrap();
        assert!(document.foreign().unwrap().iter().next().is_some());
        // Nor does it harm whoever asks how deep it is.
        document.apply(&[nested_by(2, 0, 200)]).unwrap();
        assert!(document.apply(&[nested_by(3, 0, 200)]).is_err());
    }
}

/// An item between a letter and an entry of the same text. Yjs takes it for a letter, yrs for the entry, which takes
/// the place of what is before it.
#[test]
fn what_yrs_deletes_by_itself_is_told() {
    let base: &[u8] =
        &[1, 2, 1, 0, 4, 1, 1, b't', 2, b'a', b'b', 0x28, 1, 1, b't', 1, b'k', 1, 119, 1, b'v', 0];
    let between: &[u8] = &[1, 1, 2, 0, 0xc4, 1, 1, 1, 2, 1, b'z', 0];
    let mut document = Document::new();
    document.apply(&[Bytes::from_static(base)]).unwrap();
    let change = document.apply(&[Bytes::from_static(between)]).unwrap().change.unwrap();
    assert_eq!(text(&document), "z");
    assert_eq!(change[change.len() - 5..], [1, 1, 1, 0, 2]);
}
