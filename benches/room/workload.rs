//! Work for a room without sockets: fixed clients and seeds, so that it is the same every time.

use std::hint::black_box;
use std::time::Instant;

use bytes::Bytes;
use civicpress_realtime::document::Document;
use civicpress_realtime::document::xml::markdown_to_update;
use civicpress_realtime::host::User;
use civicpress_realtime::ids::{ClientId, RoomId, UserId};
use civicpress_realtime::protocol::frame::Frame;
use civicpress_realtime::protocol::sync;
use civicpress_realtime::room::state::{AckMode, Effect, Member, RoomState};
use yrs::updates::decoder::Decode;
use yrs::{
    ClientID, Doc, OffsetKind, Options, Text, TextRef, Transact, Update, WriteTxn, XmlFragment, XmlOut,
    XmlTextRef,
};

/// Who types.
pub(crate) const WRITER: ClientId = ClientId::new(1);

/// The Yjs client of a document that was there before.
const SEED_CLIENT: u64 = 1 << 20;

/// The Yjs client of who types.
const WRITER_CLIENT: u64 = 1 << 21;

/// How a passage is typed: of so many characters before the caret goes elsewhere.
const RUN_CHARS_MAX: u32 = 40;

/// A document of Markdown paragraphs, of about so many bytes as an update.
pub(crate) fn document(bytes: usize) -> Bytes {
    let paragraph = "The council may by resolution set the fees, and the clerk keeps a record of them.\n\n";
    let text = paragraph.repeat(bytes / 118);
    markdown_to_update(text.trim_end(), SEED_CLIENT).unwrap_or_default()
}

/// A room with the writer and so many readers in it.
pub(crate) fn room(document: Document, readers: u64) -> RoomState {
    let id = RoomId::new("records", "bench").unwrap_or_else(|error| unreachable!("a plain name: {error}"));
    let mut room = RoomState::new(id, document);
    for client in 1..=readers + 1 {
        join(&mut room, client);
    }
    room
}

/// A client comes in.
pub(crate) fn join(room: &mut RoomState, client: u64) -> Vec<Effect> {
    let member = Member {
        user: User { id: UserId::Number(client.cast_signed()), name: None },
        read_only: false,
        reads_text: false,
        speaks_json: false,
        ack: AckMode::None,
    };
    room.join(ClientId::new(client), member, None, Instant::now())
}

/// Frames of the writer, one at a time, and what is to be sent of each: a copy of the frame for every reader.
pub(crate) fn receive_each(room: &mut RoomState, frames: &[Bytes], readers: usize) {
    let now = Instant::now();
    for frame in frames {
        for effect in room.receive(WRITER, vec![frame.clone()], now) {
            let Effect::Change { frame, .. } = effect else { unreachable!("{effect:?} of a plain edit") };
            let copies: Vec<Frame> = vec![frame; readers];
            black_box(copies);
        }
    }
}

/// As clients send updates.
pub(crate) fn frames(updates: &[Bytes]) -> Vec<Bytes> {
    updates.iter().map(|update| sync::update(update).payload()).collect()
}

/// Somebody types so many characters, one after the other.
pub(crate) fn keystrokes(count: usize) -> Vec<Bytes> {
    let doc = editor();
    let text = doc.get_or_insert_text("text");
    (0..count).map(|_| edit(&doc, |txn| text.push(txn, "a"))).collect()
}

/// Somebody types so many characters into the middle of a document.
pub(crate) fn keystrokes_within(document: &Bytes, count: usize) -> Vec<Bytes> {
    let doc = editor();
    if let Ok(update) = Update::decode_v1(document) {
        let _ = doc.transact_mut().apply_update(update);
    }
    let paragraph = middle(&doc);
    (0..count as u32).map(|at| edit(&doc, |txn| paragraph.insert(txn, 10 + at, "a"))).collect()
}

/// The text of the paragraph in the middle.
fn middle(doc: &Doc) -> XmlTextRef {
    let mut txn = doc.transact_mut();
    let fragment = txn.get_or_insert_xml_fragment("default");
    let at = fragment.len(&txn) / 2;
    match fragment.get(&txn, at) {
        Some(XmlOut::Element(paragraph)) => match paragraph.get(&txn, 0) {
            Some(XmlOut::Text(text)) => text,
            other => unreachable!("{other:?} in a paragraph"),
        },
        other => unreachable!("{other:?} in a document"),
    }
}

/// Somebody writes: types a passage, corrects the end of it, goes elsewhere, now and then deletes a sentence. An update
/// for each key.
pub(crate) fn editing_trace(seed: u64, keys: usize) -> Vec<Bytes> {
    let mut random = fastrand::Rng::with_seed(seed);
    let doc = editor();
    let text = doc.get_or_insert_text("text");
    let mut updates = Vec::with_capacity(keys);
    while updates.len() < keys {
        let mut at = random.u32(..=length(&doc, &text));
        for _ in 0..random.u32(1..=RUN_CHARS_MAX) {
            let letter = if random.u8(..6) == 0 { ' ' } else { random.lowercase() };
            updates.push(edit(&doc, |txn| text.insert(txn, at, letter.encode_utf8(&mut [0; 4]))));
            at += 1;
        }
        for _ in 0..random.u32(..5).min(at) {
            at -= 1;
            updates.push(edit(&doc, |txn| text.remove_range(txn, at, 1)));
        }
        if random.u8(..20) == 0 {
            let len = random.u32(1..=60).min(length(&doc, &text) - at);
            updates.push(edit(&doc, |txn| text.remove_range(txn, at, len)));
        }
    }
    updates.truncate(keys);
    updates
}

fn editor() -> Doc {
    let client = Options::with_client_id(ClientID::new(WRITER_CLIENT));
    Doc::with_options(Options { offset_kind: OffsetKind::Utf16, ..client })
}

fn length(doc: &Doc, text: &TextRef) -> u32 {
    text.len(&doc.transact_mut())
}

fn edit(doc: &Doc, change: impl FnOnce(&mut yrs::TransactionMut<'_>)) -> Bytes {
    let mut txn = doc.transact_mut();
    change(&mut txn);
    txn.encode_update_v1().into()
}
