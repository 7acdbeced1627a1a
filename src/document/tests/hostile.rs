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
