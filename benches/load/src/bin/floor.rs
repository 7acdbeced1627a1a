//! The floor: `floor PORT`. Forwards each frame to everybody else in its room and does nothing else: no
//! document, no checks, no disk. What it takes is what the sockets take.
//!
//! It keeps the largest update that it has seen in each room, to answer a step 1 with, so that documents
//! can be joined.

use std::collections::HashMap;
use std::io::IoSlice;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::{Buf, Bytes, BytesMut};
use sha1::{Digest, Sha1};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::sync::Notify;

/// How many may be waiting to be accepted; as the engine's listener has it.
const BACKLOG: u32 = 1_024;

/// What waits to be written to one client.
#[derive(Default)]
struct Queue {
    frames: Mutex<Vec<Bytes>>,
    ready: Notify,
}

#[derive(Default)]
struct Room {
    clients: Mutex<Vec<(u64, Arc<Queue>)>>,
    document: Mutex<Option<Bytes>>,
}

type Rooms = Arc<Mutex<HashMap<String, Arc<Room>>>>;

#[tokio::main]
async fn main() {
    civicpress_realtime_load::process::raise_file_limit();
    let port: u16 = std::env::args().nth(1).and_then(|port| port.parse().ok()).expect("usage: floor PORT");
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.bind(SocketAddr::from(([127, 0, 0, 1], port))).expect("a free port");
    let listener = socket.listen(BACKLOG).expect("a free port");
    println!("listening on {}", listener.local_addr().expect("an address"));
    let rooms = Rooms::default();
    for number in 0.. {
        let (stream, _) = listener.accept().await.expect("a connection");
        let _ = stream.set_nodelay(true);
        tokio::spawn(serve(stream, number, Arc::clone(&rooms)));
    }
}

async fn serve(mut stream: TcpStream, number: u64, rooms: Rooms) {
    let mut unread = BytesMut::new();
    let Some(path) = handshake(&mut stream, &mut unread).await else { return };
    let room = Arc::clone(rooms.lock().expect("whole").entry(path).or_default());
    let queue = Arc::new(Queue::default());
    room.clients.lock().expect("whole").push((number, Arc::clone(&queue)));
    let (mut read, write) = stream.into_split();
    let writer = tokio::spawn(write_all(write, Arc::clone(&queue)));
    loop {
        let mut out = Vec::new();
        while let Some(payload) = next_message(&mut unread) {
            match payload.first_chunk::<2>() {
                Some([0, 0]) => out.push((true, answer(&room))),
                // Kept as a step 2, which is what it will be asked for.
                Some([0, step @ (1 | 2)]) => {
                    keep(&room, &payload);
                    if *step == 2 {
                        out.push((false, frame(&payload)));
                    }
                }
                _ => out.push((false, frame(&payload))),
            }
        }
        if !out.is_empty() {
            forward(&room, number, &queue, out);
        }
        unread.reserve(4096);
        if !matches!(read.read_buf(&mut unread).await, Ok(count) if count > 0) {
            break;
        }
    }
    room.clients.lock().expect("whole").retain(|(other, _)| *other != number);
    writer.abort();
}

/// Answers go to who asked, all else to the others.
fn forward(room: &Room, number: u64, own: &Queue, out: Vec<(bool, Bytes)>) {
    let (answers, rest): (Vec<_>, Vec<_>) = out.into_iter().partition(|(is_answer, _)| *is_answer);
    if !answers.is_empty() {
        own.frames.lock().expect("whole").extend(answers.into_iter().map(|(_, frame)| frame));
        own.ready.notify_one();
    }
    if rest.is_empty() {
        return;
    }
    for (other, queue) in room.clients.lock().expect("whole").iter() {
        if *other != number {
            queue.frames.lock().expect("whole").extend(rest.iter().map(|(_, frame)| frame.clone()));
            queue.ready.notify_one();
        }
    }
}

fn keep(room: &Room, payload: &Bytes) {
    let mut document = room.document.lock().expect("whole");
    if document.as_ref().is_none_or(|kept| kept.len() < payload.len()) {
        *document = Some(Bytes::from([&[0, 1], &payload[2..]].concat()));
    }
}

fn answer(room: &Room) -> Bytes {
    let document = room.document.lock().expect("whole").clone();
    frame(&document.unwrap_or_else(|| Bytes::from_static(&[0, 1, 2, 0, 0])))
}

async fn write_all(mut write: tokio::net::tcp::OwnedWriteHalf, queue: Arc<Queue>) {
    loop {
        let mut frames = std::mem::take(&mut *queue.frames.lock().expect("whole"));
        if frames.is_empty() {
            queue.ready.notified().await;
            continue;
        }
        let mut rest = &mut frames[..];
        while !rest.is_empty() {
            let parts: Vec<IoSlice<'_>> = rest.iter().take(64).map(|frame| IoSlice::new(frame)).collect();
            let Ok(mut written) = write.write_vectored(&parts).await else { return };
            while let Some(first) = rest.first_mut()
                && written > 0
            {
                let count = written.min(first.len());
                first.advance(count);
                written -= count;
                if first.is_empty() {
                    rest = &mut rest[1..];
                }
            }
        }
    }
}

async fn handshake(stream: &mut TcpStream, unread: &mut BytesMut) -> Option<String> {
    loop {
        unread.reserve(1024);
        if stream.read_buf(unread).await.ok()? == 0 {
            return None;
        }
        let Some(end) = unread.windows(4).position(|window| window == b"\r\n\r\n") else { continue };
        let head = unread.split_to(end + 4);
        let head = std::str::from_utf8(&head).ok()?;
        let path = head.split(' ').nth(1)?.to_owned();
        let key = head.lines().find_map(|line| line.strip_prefix("Sec-WebSocket-Key: "))?;
        let accept =
            Sha1::new().chain_update(key).chain_update("258EAFA5-E914-47DA-95CA-C5AB0DC85B11").finalize();
        let answer = format!(
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Accept: {}\r\n\r\n",
            STANDARD.encode(accept)
        );
        stream.write_all(answer.as_bytes()).await.ok()?;
        return Some(path);
    }
}

/// The next whole binary message; the load generator's masks are zero.
fn next_message(unread: &mut BytesMut) -> Option<Bytes> {
    loop {
        let [first, short, ..] = unread[..] else { return None };
        let (header, len) = match short & 0x7f {
            126 if unread.len() >= 4 => (4, usize::from(u16::from_be_bytes([unread[2], unread[3]]))),
            127 if unread.len() >= 10 => (10, u64::from_be_bytes(unread[2..10].try_into().ok()?) as usize),
            126 | 127 => return None,
            short => (2, usize::from(short)),
        };
        if unread.len() < header + 4 + len {
            return None;
        }
        unread.advance(header + 4);
        let payload = unread.split_to(len).freeze();
        if unread.is_empty() {
            *unread = BytesMut::new();
        }
        if first & 0xf == 2 {
            return Some(payload);
        }
    }
}

fn frame(payload: &[u8]) -> Bytes {
    let mut out = BytesMut::with_capacity(payload.len() + 10);
    out.extend_from_slice(&[0x82]);
    match payload.len() {
        len @ 0..=125 => out.extend_from_slice(&[len as u8]),
        len @ 126..=0xffff => {
            out.extend_from_slice(&[126]);
            out.extend_from_slice(&(len as u16).to_be_bytes());
        }
        len => {
            out.extend_from_slice(&[127]);
            out.extend_from_slice(&(len as u64).to_be_bytes());
        }
    }
    out.extend_from_slice(payload);
    out.freeze()
}
