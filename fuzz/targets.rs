//! What is fuzzed: plain functions of bytes, which must neither panic nor hang nor take much memory.
//!
//! libFuzzer runs them from `fuzz_targets/`, `cargo test` over their seeds and bounded mutations of them.

use std::collections::BTreeMap;
use std::sync::Once;
use std::time::Instant;

use bytes::Bytes;
use civicpress_realtime::config::Config;
use civicpress_realtime::document::xml;
use civicpress_realtime::document::{ApplyError, Document};
use civicpress_realtime::host::User;
use civicpress_realtime::ids::{ClientId, RoomId, UserId};
use civicpress_realtime::markdown;
use civicpress_realtime::protocol::control::ClientText;
use civicpress_realtime::protocol::messages::{MessageReader, Received, Violation};
use civicpress_realtime::protocol::update::read_state_vector;
use civicpress_realtime::protocol::{awareness as protocol_awareness, json as protocol_json};
use civicpress_realtime::room::state::{AckMode, Effect, Member, RoomState};

/// A target and where it starts from.
pub(crate) struct Target {
    /// As in `fuzz_targets/`.
    pub(crate) name: &'static str,
    /// Runs one input.
    pub(crate) run: fn(&[u8]),
    /// Inputs that reach its depths.
    pub(crate) seeds: fn() -> Vec<Vec<u8>>,
}

/// All of them.
pub(crate) const ALL: &[Target] = &[
    Target { name: "frames", run: frames, seeds: frame_seeds },
    Target { name: "update", run: update, seeds: update_seeds },
    Target { name: "room", run: room, seeds: room_seeds },
    Target { name: "awareness", run: awareness, seeds: awareness_seeds },
    Target { name: "json", run: json, seeds: json_seeds },
    Target { name: "markdown", run: markdown, seeds: markdown_seeds },
    Target { name: "config", run: config, seeds: config_seeds },
];

/// libFuzzer takes every panic for a crash. Those that the document contains are not: what may not happen
/// is that one gets out.
pub(crate) fn let_contained_panics_pass() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        std::panic::set_hook(Box::new(|panic| {
            if std::env::var_os("FUZZ_SHOW_PANICS").is_some() {
                eprintln!("panic: {panic}");
            }
        }));
    });
}

/// However the bytes of a WebSocket stream are cut, the same messages come out, none over the limit; with
/// compression and without.
pub(crate) fn frames(data: &[u8]) {
    const BYTES_MAX: usize = 1_000;
    let [cut, stream @ ..] = data else { return };
    let read = |piece: usize| -> (Vec<Received>, Option<Violation>) {
        let mut reader = MessageReader::new(BYTES_MAX);
        if cut & 1 == 1 {
            reader.accept_compressed(BYTES_MAX);
        }
        let mut received = Vec::new();
        for bytes in stream.chunks(piece) {
            reader.push(bytes);
            loop {
                match reader.next_message() {
                    Ok(Some(message)) => received.push(message),
                    Ok(None) => break,
                    Err(violation) => return (received, Some(violation)),
                }
            }
        }
        (received, None)
    };
    let whole = read(stream.len().max(1));
    assert_eq!(read(usize::from(*cut).max(1)), whole);
    for message in &whole.0 {
        if let Received::Binary(payload) = message {
            assert!(payload.len() <= BYTES_MAX);
        }
    }
}

/// Updates, each behind its length in two bytes; the last may be without.
fn parts(mut data: &[u8]) -> Vec<Bytes> {
    let mut parts = Vec::new();
    while let [low, high, rest @ ..] = data {
        let len = usize::from(u16::from_le_bytes([*low, *high])).min(rest.len());
        let (part, after) = rest.split_at(len);
        parts.push(Bytes::copy_from_slice(part));
        data = after;
    }
    parts
}

fn joined(parts: &[&[u8]]) -> Vec<u8> {
    let part = |part: &&[u8]| [&(part.len() as u16).to_le_bytes()[..], part].concat();
    parts.iter().flat_map(part).collect()
}

/// Whatever a document takes, it can be encoded, stored, loaded again and rendered.
pub(crate) fn update(data: &[u8]) {
    let mut document = Document::new();
    for part in parts(data) {
        match document.apply(std::slice::from_ref(&part)) {
            Ok(_) | Err(ApplyError::Malformed(_) | ApplyError::Refused(_)) => {}
            // The room fails and is loaded again.
            Err(ApplyError::Broken(_)) => return,
        }
    }
    whole_and_lasting(&mut document);
}

fn whole_and_lasting(document: &mut Document) {
    let state = document.state().expect("a document that was not broken can be encoded");
    let mut again = Document::restore(Some(&state), &[]).expect("what was encoded can be read");
    assert_eq!(has(&again), has(document));
    // Not compared by bytes: yrs joins structs differently when it has them all at once.
    let state_again = again.state().expect("what was restored can be encoded");
    let third = Document::restore(Some(&state_again), &[]).expect("and read");
    assert_eq!(has(&third), has(document));
    let render = |state| xml::update_to_markdown(state).ok();
    assert_eq!(render(&state_again), render(&state));
    let nothing = document.diff(&document.state_vector()).expect("the own state vector is one");
    let applied = again.apply(&[nothing]).expect("a difference can be applied");
    assert!(applied.change.is_none(), "nothing is missing");
}

/// What a document has of each Yjs client, in no order: yrs has none.
fn has(document: &Document) -> BTreeMap<u64, u32> {
    let mut has = BTreeMap::new();
    let vector = document.state_vector();
    let read = read_state_vector(&vector, |client, clock| {
        has.insert(client, clock);
    });
    read.expect("our own can be read");
    has
}

fn member(user: &str) -> Member {
    let user = User { id: UserId::Text(user.to_owned()), name: None };
    Member { user, read_only: false, reads_text: true, speaks_json: false, ack: AckMode::Echo }
}

/// Frames of one client, while another is in the room and a third comes later.
pub(crate) fn room(data: &[u8]) {
    let Ok(id) = RoomId::new("records", "fuzz") else { return };
    let now = Instant::now();
    let mut state = RoomState::new(id, Document::new());
    let [ann, bob, cyd] = [1, 2, 3].map(ClientId::new);
    state.join(ann, member("ann"), None, now);
    state.join(bob, member("bob"), None, now);
    let effects = state.receive(ann, parts(data), now);
    if effects.iter().any(|effect| matches!(effect, Effect::Fail { .. })) {
        return;
    }
    assert!(!matches!(state.join(cyd, member("cyd"), None, now)[..], [Effect::Fail { .. }]));
    state.leave(ann);
    whole_and_lasting(state.document_mut());
}

/// What is taken for presence is written as it was read.
pub(crate) fn awareness(data: &[u8]) {
    if let Ok(states) = protocol_awareness::decode(data) {
        let again = protocol_awareness::encode(states.iter());
        assert_eq!(protocol_awareness::decode(&again).expect("it was one before"), states);
    }
}

/// Text frames, one a line.
pub(crate) fn json(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let Ok(id) = RoomId::new("records", "fuzz") else { return };
    let now = Instant::now();
    let mut state = RoomState::new(id, Document::new());
    let ann = ClientId::new(1);
    state.join(ann, member("ann"), None, now);
    for line in text.lines() {
        let _ = ClientText::decode(line);
        let _ = protocol_json::is_hello(line);
        let _ = protocol_json::decode_sync(line);
        let _ = protocol_json::decode_presence(line);
        let effects = state.receive_text(ann, line, now, 1_795_575_000_550);
        if effects.iter().any(|effect| matches!(effect, Effect::Fail { .. })) {
            return;
        }
    }
    whole_and_lasting(state.document_mut());
}

/// What is written of a stored document reads as itself.
pub(crate) fn markdown(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let parsed = markdown::parse(text);
    let _ = markdown::serialize(&parsed.doc);
    let is_lossless = markdown::check_lossless(text, &parsed).is_empty();
    let written = stored_and_written(text);
    if is_lossless {
        assert_eq!(stored_and_written(&written), written, "{text:?}");
    }
}

fn stored_and_written(text: &str) -> String {
    let update = xml::markdown_to_update(text, 1).expect("everything is Markdown");
    xml::update_to_markdown(&update).expect("our own update can be read")
}

/// Settings are taken or refused with a message, and ids too.
pub(crate) fn config(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Err(error) = Config::from_yaml(text, None) {
        assert!(!error.message.is_empty());
    }
    if let Ok(id) = RoomId::from_path("records", text) {
        assert_eq!(RoomId::parse(id.as_str()).expect("it is one").as_str(), id.as_str());
    }
}

/// Taken by others, whose document can never be encoded again.
const POISON: &[u8] =
    &[1, 1, 0, 1, 2, 2, 2, 132, 127, 0, 1, 3, 1, 8, 1, 1, 97, 1, 119, 1, 118, 1, 3, 1, 0, 1];

/// Counts that reserve memory before they are checked.
const RESERVING: [&[u8]; 2] =
    [&[0xff, 0xff, 0xff, 0x7a], &[0xbb, 0xfa, 0xec, 0x60, 0x17, 0x3d, 0xfa, 0x49, 0x78]];

/// Something of everything that an editor makes.
const RECORD: &str = "# Noise\n\nAt **night** it is *quiet*, see [law](https://town.example/a \"b\").\n\n- one\n  1. two\n\n> said\n\n| a | b |\n|---|:-:|\n| `c` | d |\n\n```js\nx\n```\n\n---\n\n![i](https://town.example/i.png)\n";

fn record_update(client: u64) -> Vec<u8> {
    xml::markdown_to_update(RECORD, client).expect("it is Markdown").to_vec()
}

/// Each kind of content, and a deletion of all of it, by client 1.
fn every_content() -> Vec<Vec<u8>> {
    let item = |content: &[u8]| [&[1, 1, 1, 0][..], content, &[0]].concat();
    let named = [1, 1, b'm'];
    let mut updates = vec![
        // JSON, binary, string, embed, format
        item(&[&[2][..], &named, &[2, 1, b'1', 4, b'n', b'u', b'l', b'l']].concat()),
        item(&[&[3][..], &named, &[2, 7, 7]].concat()),
        item(&[&[4][..], &named, &[3, b'a', b'b', b'c']].concat()),
        item(&[&[5][..], &named, &[2, b'{', b'}']].concat()),
        item(&[&[6][..], &named, &[1, b'b', 4, b't', b'r', b'u', b'e']].concat()),
        // map entry with a value of each kind
        item(
            &[&[0x28][..], &named, &[1, b'k', 1, 117, 3, 126, 125, 5, 118, 1, 1, b'k', 119, 1, b'v']]
                .concat(),
        ),
        // subdocument
        item(&[&[9][..], &named, &[1, b'g', 118, 0]].concat()),
        // deleted, gap, garbage
        item(&[&[1][..], &named, &[3]].concat()),
        vec![1, 2, 1, 0, 0, 2, 10, 1, 0],
    ];
    updates.extend((0..=6).map(|kind| {
        let name: &[u8] = if kind == 3 || kind == 5 { &[1, b'p'] } else { &[] };
        item(&[&[7][..], &named, &[kind], name].concat())
    }));
    let deletion: &[u8] = &[0, 1, 1, 1, 0, 3];
    updates.into_iter().map(|update| joined(&[&update, deletion])).collect()
}

fn update_seeds() -> Vec<Vec<u8>> {
    let record = record_update(7);
    let again = record_update(8);
    let mut seeds =
        vec![joined(&[&record]), joined(&[&record, &again, &[0, 1, 7, 1, 0, 40]]), joined(&[POISON])];
    seeds.extend(RESERVING.map(|bytes| joined(&[bytes])));
    seeds.extend(every_content());
    seeds
}

fn room_seeds() -> Vec<Vec<u8>> {
    let wrapped = |head: &[u8], body: &[u8]| {
        let mut out = head.to_vec();
        civicpress_realtime::protocol::wire::put_bytes(&mut out, body);
        out
    };
    let record = record_update(7);
    let shown = protocol_awareness::encode(std::iter::once(&protocol_awareness::Presence {
        client: 7,
        clock: 1,
        state: r#"{"user":{"name":"Zoë"}}"#.into(),
    }));
    let frames = [
        wrapped(&[0, 0], &[0]),
        wrapped(&[0, 2], &record),
        wrapped(&[0, 1], &[0, 1, 7, 1, 2, 5]),
        wrapped(&[1], &shown),
        vec![3],
        wrapped(&[0, 2], POISON),
        wrapped(&[0, 0], RESERVING[0]),
        wrapped(&[1], RESERVING[1]),
        vec![99, 1, 2],
    ];
    let mut seeds: Vec<_> = frames.iter().map(|frame| joined(&[frame])).collect();
    seeds.push(joined(&frames.iter().map(Vec::as_slice).collect::<Vec<_>>()));
    seeds
}

fn awareness_seeds() -> Vec<Vec<u8>> {
    let state = |client, state: &str| protocol_awareness::Presence { client, clock: 1, state: state.into() };
    let states = [state(1, "{}"), state((1 << 53) - 1, "null"), state(3, r#"{"cursor":{"a":[1,2.5]}}"#)];
    let mut seeds =
        vec![protocol_awareness::encode(states.iter()), protocol_awareness::encode(states[..0].iter())];
    seeds.extend(RESERVING.map(<[u8]>::to_vec));
    seeds
}

fn json_seeds() -> Vec<Vec<u8>> {
    [
        r#"{"type":"ping"}"#,
        r##"{"type":"hello","protocol":"civicpress.json.v1"}
{"type":"sync","update":"AQHUt4ejDAAEAQdjb250ZW50BWhlbGxvAA==","version":1}
{"type":"presence","event":"cursor","user":{"name":"Ann","color":"#b45309"},"cursor":{"line":3}}
{"type":"presence","event":"awareness","awareness":"AQUBE3sic2VsZWN0aW9uIjpbMSwyXX0="}
{"type":"presence","event":"left"}"##,
        r#"{"type":"sync","update":"/////w==","version":-1}"#,
        "[[[[[[[[[[",
    ]
    .map(|text| text.as_bytes().to_vec())
    .to_vec()
}

fn markdown_seeds() -> Vec<Vec<u8>> {
    [
        RECORD,
        "***a*b**_c_ <b>x</b> &amp; &#35; \\* [a]: /b\n\n[a][]\n***\n===\n",
        "> > - 1. a\n>\n>     code\n\n\t- x\n\n<div>\n\n</div>\n\n~~~\n",
        "|a|\n|-|\n|\\||\n\n<https://a.b> ![x [y](z)](<q r> 'title')  \nbreak\\\nline",
    ]
    .map(|text| text.as_bytes().to_vec())
    .to_vec()
}

fn config_seeds() -> Vec<Vec<u8>> {
    let example = include_str!("../config/realtime.example.yml");
    let bare: String = example.lines().filter(|line| !line.trim_start().starts_with('#')).fold(
        String::new(),
        |mut text, line| {
            text.push_str(line);
            text.push('\n');
            text
        },
    );
    vec![
        bare.into_bytes(),
        b"realtime: {port: 1, allowed_origins: [https://a.example], rooms: &a {max_rooms: 2}, x: *a}"
            .to_vec(),
        b"port: 'x\n---\n- [".to_vec(),
        b"a%2Fb%00..%ff".to_vec(),
    ]
}

fn frame_seeds() -> Vec<Vec<u8>> {
    let frame = |first: u8, payload: &[u8]| {
        let mut out = vec![first];
        match payload.len() {
            len @ 0..=125 => out.push(0x80 | len as u8),
            len => {
                out.push(0x80 | 126);
                out.extend((len as u16).to_be_bytes());
            }
        }
        out.extend([0; 4]);
        out.extend(payload);
        out
    };
    let stream = [
        frame(0x82, &[1, 2, 3]),
        frame(0x01, "gr\u{fc}".as_bytes().split_at(3).0),
        frame(0x89, b"ping"),
        frame(0x80, &[0xbc, b'n']),
        frame(0x82, &[7; 300]),
        frame(0x8a, b""),
        frame(0x88, &[0x03, 0xe8, b'!']),
    ];
    let mut seeds: Vec<_> = stream.iter().map(|frame| [&[3][..], frame].concat()).collect();
    seeds.push([&[1][..], &stream.concat()].concat());
    seeds.push(vec![5, 0x82, 0xff, 0, 0, 0, 0, 0, 0x10, 0, 0, 0, 0, 0, 0]);
    seeds
}
