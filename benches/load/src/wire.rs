//! Bytes on the wire, as a stock Yjs client writes and reads them.
//!
//! WebSocket: RFC 6455. Envelopes: <https://github.com/yjs/y-protocols/blob/master/PROTOCOL.md>. Updates:
//! <https://github.com/yjs/yjs/blob/main/src/utils/UpdateDecoder.js>. Hocuspocus puts the document's name
//! before each envelope.

/// How a server wants to be spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// y-websocket: the room is in the URL.
    Yjs,
    /// Hocuspocus: the document's name is before each message, and the first one is a login.
    Hocuspocus,
}

/// Appends lib0's variable-length integer.
pub fn put_var(out: &mut Vec<u8>, mut value: u64) {
    while value > 0x7f {
        out.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

fn put_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    put_var(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

/// A place in bytes that are trusted: this is our own measurement.
pub struct Reader<'a>(pub &'a [u8]);

impl<'a> Reader<'a> {
    /// One byte.
    pub fn byte(&mut self) -> u8 {
        let (first, rest) = self.0.split_first().expect("a byte");
        self.0 = rest;
        *first
    }

    /// An unsigned integer.
    pub fn var(&mut self) -> u64 {
        let (mut value, mut shift) = (0, 0);
        loop {
            let byte = self.byte();
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return value;
            }
            shift += 7;
        }
    }

    /// A byte string with its length before it.
    pub fn bytes(&mut self) -> &'a [u8] {
        let len = self.var() as usize;
        let (head, rest) = self.0.split_at(len);
        self.0 = rest;
        head
    }
}

/// A client's binary frame. The mask is zero: legal, and free.
pub fn frame(payload: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(payload.len() + 14);
    out.push(0x82);
    match payload.len() {
        len @ 0..=125 => out.push(0x80 | len as u8),
        len @ 126..=0xffff => {
            out.push(0x80 | 126);
            out.extend((len as u16).to_be_bytes());
        }
        len => {
            out.push(0x80 | 127);
            out.extend((len as u64).to_be_bytes());
        }
    }
    out.extend([0; 4]);
    out.extend_from_slice(payload);
    out
}

/// Messages of one client in one room.
#[derive(Debug, Clone)]
pub struct Speech {
    prefix: Vec<u8>,
}

impl Speech {
    /// How a client of this room speaks.
    pub fn new(dialect: Dialect, room: &str) -> Self {
        let mut prefix = Vec::new();
        if dialect == Dialect::Hocuspocus {
            put_bytes(&mut prefix, room.as_bytes());
        }
        Self { prefix }
    }

    fn message(&self, kind: &[u8], body: &[u8]) -> Vec<u8> {
        let mut out = self.prefix.clone();
        out.extend_from_slice(kind);
        put_bytes(&mut out, body);
        frame(&out)
    }

    /// What Hocuspocus wants first; nothing for others.
    pub fn login(&self) -> Option<Vec<u8>> {
        (!self.prefix.is_empty()).then(|| self.message(&[2, 0], b"token"))
    }

    /// "This is what I have."
    pub fn step1(&self, state_vector: &[u8]) -> Vec<u8> {
        self.message(&[0, 0], state_vector)
    }

    /// An answer to the server's step 1.
    pub fn step2(&self, update: &[u8]) -> Vec<u8> {
        self.message(&[0, 1], update)
    }

    /// A change.
    pub fn update(&self, update: &[u8]) -> Vec<u8> {
        self.message(&[0, 2], update)
    }

    /// A caret: 100 bytes of state, as an editor sends them.
    pub fn presence(&self, client: u64, clock: u64) -> Vec<u8> {
        let state = format!(
            r##"{{"user":{{"name":"clerk {client}","color":"#30bced"}},"cursor":{{"anchor":{clock},"head":{clock}}}}}"##
        );
        let mut body = vec![1];
        put_var(&mut body, client);
        put_var(&mut body, clock);
        put_bytes(&mut body, state.as_bytes());
        self.message(&[1], &body)
    }

    /// What a server's message says.
    pub fn read<'a>(&self, payload: &'a [u8]) -> Said<'a> {
        let mut reader = Reader(payload);
        if !self.prefix.is_empty() {
            reader.bytes();
        }
        match reader.var() {
            // 4 is Hocuspocus's answer to a question of the client's.
            0 | 4 => match reader.var() {
                0 => Said::Step1,
                1 => Said::Step2(reader.bytes()),
                _ => Said::Update(reader.bytes()),
            },
            1 => Said::Presence(reader.bytes()),
            _ => Said::Other,
        }
    }
}

/// A message of a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Said<'a> {
    /// It asks for what it lacks.
    Step1,
    /// What the client lacks.
    Step2(&'a [u8]),
    /// A change.
    Update(&'a [u8]),
    /// Presence states.
    Presence(&'a [u8]),
    /// Anything else.
    Other,
}

/// The Yjs client that [`document`] is by.
pub const DOCUMENT_CLIENT: u64 = 1 << 19;

/// The change of a writer who has typed `number` characters, one after the other, and types one more.
pub fn keystroke(client: u64, number: u64) -> Vec<u8> {
    let mut out = one_item(client, number, STRING);
    out.extend([1, b'a', 0]);
    out
}

/// The same with something larger: bytes, of which no server makes one with those before.
pub fn attachment(client: u64, number: u64, bytes: usize) -> Vec<u8> {
    let mut out = one_item(client, number, BINARY);
    put_bytes(&mut out, &vec![b'a'; bytes]);
    out.push(0);
    out
}

/// An update of one item up to its content.
fn one_item(client: u64, clock: u64, content: u8) -> Vec<u8> {
    let mut out = vec![1, 1];
    put_var(&mut out, client);
    put_var(&mut out, clock);
    match clock.checked_sub(1) {
        // In the root type `t`.
        None => out.extend([content, 1, 1, b't']),
        // To the right of the one before.
        Some(before) => {
            out.push(0x80 | content);
            put_var(&mut out, client);
            put_var(&mut out, before);
        }
    }
    out
}

/// What an update has of one client without a gap: from clock `start` to before `end`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Run {
    /// The Yjs client.
    pub client: u64,
    /// Its first clock.
    pub start: u64,
    /// The clock after its last.
    pub end: u64,
}

/// Calls with each run of an update.
pub fn runs(update: &[u8], mut each: impl FnMut(Run)) {
    let mut reader = Reader(update);
    for _ in 0..reader.var() {
        let structs = reader.var();
        let client = reader.var();
        let mut run = Run { client, start: reader.var(), end: 0 };
        run.end = run.start;
        for _ in 0..structs {
            let is_skip = reader.0.first() == Some(&SKIP);
            let len = struct_len(&mut reader);
            if is_skip {
                each(run);
                run.start = run.end + len;
            }
            run.end += len;
        }
        each(run);
    }
}

/// Kinds of content.
const BINARY: u8 = 3;
const STRING: u8 = 4;
const TYPE: u8 = 7;
/// Types, as they stand after [`TYPE`].
const XML_ELEMENT: u8 = 3;
const XML_TEXT: u8 = 6;
/// The kind of a struct that says that others are missing here.
const SKIP: u8 = 10;

/// Walks over one struct. Only what [`keystroke`], [`attachment`] and [`document`] make.
fn struct_len(reader: &mut Reader<'_>) -> u64 {
    let info = reader.byte();
    if matches!(info, 0 | SKIP) {
        return reader.var();
    }
    for bit in [0x80, 0x40] {
        if info & bit != 0 {
            reader.var();
            reader.var();
        }
    }
    if info & 0xc0 == 0 {
        if reader.var() == 1 {
            reader.bytes();
        } else {
            reader.var();
            reader.var();
        }
        if info & 0x20 != 0 {
            reader.bytes();
        }
    }
    match info & 0x1f {
        1 => reader.var(),
        // In UTF-16 units; all of ours are ASCII.
        STRING => reader.bytes().len() as u64,
        BINARY => {
            reader.bytes();
            1
        }
        TYPE => {
            // An element has a name, a text has none.
            if reader.byte() == XML_ELEMENT {
                reader.bytes();
            }
            1
        }
        other => panic!("content of kind {other} in an update"),
    }
}

/// A document of about so many bytes: paragraphs of a hundred characters, as an editor makes them. Written by hand, as
/// CRDT libraries take minutes to make a large one.
pub fn document(bytes: usize) -> Vec<u8> {
    const TEXT: &str =
        "The council may by resolution set the fees, and the clerk keeps the record of them all. ";
    let paragraphs = bytes.div_ceil(PARAGRAPH_BYTES) as u64;
    let mut out = vec![1];
    put_var(&mut out, paragraphs * 3);
    put_id(&mut out, 0);
    let mut clock = 0;
    let mut before = None;
    for n in 0..paragraphs {
        let (element, text) = (clock, clock + 1);
        match before {
            None => out.extend(b"\x07\x01\x07default"),
            Some(before) => {
                out.push(0x80 | TYPE);
                put_id(&mut out, before);
            }
        }
        out.push(XML_ELEMENT);
        put_bytes(&mut out, b"paragraph");
        out.extend([TYPE, 0]);
        put_id(&mut out, element);
        out.push(XML_TEXT);
        out.extend([STRING, 0]);
        put_id(&mut out, text);
        let words = format!("{n:0>11} {TEXT}");
        put_bytes(&mut out, words.as_bytes());
        before = Some(element);
        clock += 2 + words.len() as u64;
    }
    out.push(0);
    out
}

/// Of one of the document's items.
fn put_id(out: &mut Vec<u8>, clock: u64) {
    put_var(out, DOCUMENT_CLIENT);
    put_var(out, clock);
}

/// What a paragraph of [`document`] takes.
const PARAGRAPH_BYTES: usize = 137;

#[cfg(test)]
mod tests {
    use yrs::updates::decoder::Decode;
    use yrs::{ClientID, Doc, GetString, ReadTxn, StateVector, Transact, Update, WriteTxn, XmlFragment};

    use super::*;

    fn runs_of(update: &[u8]) -> Vec<Run> {
        let mut found = Vec::new();
        runs(update, |run| found.push(run));
        found
    }

    #[test]
    fn keystrokes_and_attachments_are_updates_and_their_clocks_are_read() {
        let doc = Doc::new();
        let client = 1 << 40;
        for number in 0..300 {
            let is_key = number % 10 > 0;
            let update = if is_key { keystroke(client, number) } else { attachment(client, number, 1_000) };
            assert_eq!(runs_of(&update), [Run { client, start: number, end: number + 1 }]);
            doc.transact_mut().apply_update(Update::decode_v1(&update).unwrap()).unwrap();
        }
        let mut txn = doc.transact_mut();
        let text = txn.get_or_insert_text("t");
        assert_eq!(text.get_string(&txn), "a".repeat(270));
        let state = txn.encode_diff_v1(&StateVector::default());
        assert!(state.len() > 30_000);
        assert_eq!(runs_of(&state), [Run { client, start: 0, end: 300 }]);
    }

    #[test]
    fn a_gap_in_an_update_is_seen() {
        let update = yrs::merge_updates_v1([keystroke(7, 0), keystroke(7, 3)]).unwrap();
        let both = [Run { client: 7, start: 0, end: 1 }, Run { client: 7, start: 3, end: 4 }];
        assert_eq!(runs_of(&update), both);
    }

    #[test]
    fn a_document_is_as_large_as_asked_and_its_clocks_are_read() {
        for bytes in [10_000, 1_000_000] {
            let document = document(bytes);
            assert!(document.len().abs_diff(bytes) < bytes / 10, "{} for {bytes}", document.len());
            let update = Update::decode_v1(&document).unwrap();
            let end = update.state_vector().get(&ClientID::new(DOCUMENT_CLIENT));
            assert_eq!(runs_of(&document), [Run { client: DOCUMENT_CLIENT, start: 0, end: end.into() }]);
            let doc = Doc::new();
            let mut txn = doc.transact_mut();
            txn.apply_update(update).unwrap();
            assert!(!txn.has_missing_updates());
            let fragment = txn.get_or_insert_xml_fragment("default");
            assert_eq!(fragment.len(&txn) as usize, bytes.div_ceil(PARAGRAPH_BYTES));
            assert!(fragment.get_string(&txn).starts_with("<paragraph>00000000000 The council"));
        }
    }
}
