//! WebSocket frames of the server, encoded once and shared by every connection that gets them.
//!
//! A server's frames are not masked (RFC 6455 section 5.1), so the bytes are the same for everybody.

use std::sync::{Arc, OnceLock};

use bytes::Bytes;

use super::deflate::{DEFLATE_BYTES_MIN, deflate};

/// The longest reason that fits a close frame beside its code (RFC 6455 section 5.5.1).
pub const CLOSE_REASON_BYTES_MAX: usize = 123;

/// The first byte of a frame: its payload is compressed (RFC 7692 section 6).
const COMPRESSED: u8 = 0x40;

/// A complete frame, ready to be written to a socket.
#[derive(Debug, Clone)]
pub struct Frame {
    bytes: Bytes,
    /// The same compressed, once somebody wanted it; without bytes if that makes it no smaller. Only messages for
    /// which it may be worth it have the place.
    deflated: Option<Arc<OnceLock<Option<Bytes>>>>,
}

impl PartialEq for Frame {
    fn eq(&self, other: &Self) -> bool {
        self.bytes == other.bytes
    }
}

impl Eq for Frame {}

/// What a frame carries (RFC 6455 section 5.2), with the bit that says it is the last of its message.
#[derive(Debug, Clone, Copy)]
enum Opcode {
    Text = 0x81,
    Binary = 0x82,
    Close = 0x88,
    Ping = 0x89,
    Pong = 0x8a,
}

impl Frame {
    /// A binary message from its parts.
    pub fn binary(parts: &[&[u8]]) -> Self {
        Self::encode(Opcode::Binary, parts)
    }

    /// A text message.
    pub fn text(text: &str) -> Self {
        Self::encode(Opcode::Text, &[text.as_bytes()])
    }

    /// An empty ping.
    pub fn ping() -> Self {
        Self::encode(Opcode::Ping, &[])
    }

    /// The answer to a ping: its payload.
    pub fn pong(payload: &[u8]) -> Self {
        Self::encode(Opcode::Pong, &[payload])
    }

    /// The answer to a client's close: its own code, if it gave one.
    pub fn close_answer(code: Option<u16>) -> Self {
        match code {
            Some(code) => Self::close(code, ""),
            None => Self::encode(Opcode::Close, &[]),
        }
    }

    /// A close frame. A reason that is too long is cut at a character.
    pub fn close(code: u16, reason: &str) -> Self {
        let reason = cut(reason, CLOSE_REASON_BYTES_MAX);
        Self::encode(Opcode::Close, &[&code.to_be_bytes(), reason.as_bytes()])
    }

    /// The bytes to write.
    pub const fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// The bytes to write to a client that has agreed to permessage-deflate. It takes milliseconds per megabyte
    /// for the first who asks, and nothing for the others.
    pub fn deflate(&mut self) {
        let Some(deflated) = self.deflated.take() else { return };
        let bytes = deflated.get_or_init(|| {
            let packed = deflate(&self.payload())?;
            Some(encode(self.bytes[0] | COMPRESSED, &[&packed]))
        });
        if let Some(bytes) = bytes {
            self.bytes = bytes.clone();
        }
    }

    /// Their number.
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Never true: every frame has a header.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// What the frame carries, without its header.
    pub fn payload(&self) -> Bytes {
        let header = match self.bytes.get(1) {
            Some(126) => 4,
            Some(127) => 10,
            _ => 2,
        };
        self.bytes.slice(header.min(self.bytes.len())..)
    }

    fn encode(opcode: Opcode, parts: &[&[u8]]) -> Self {
        let bytes = encode(opcode as u8, parts);
        let deflated = (bytes.len() >= DEFLATE_BYTES_MIN).then(Arc::default);
        Self { bytes, deflated }
    }
}

fn encode(first: u8, parts: &[&[u8]]) -> Bytes {
    let len: usize = parts.iter().map(|part| part.len()).sum();
    let mut out = Vec::with_capacity(len + 10);
    out.push(first);
    match len {
        0..=125 => out.push(len as u8),
        126..=0xffff => {
            out.push(126);
            out.extend_from_slice(&(len as u16).to_be_bytes());
        }
        _ => {
            out.push(127);
            out.extend_from_slice(&(len as u64).to_be_bytes());
        }
    }
    for part in parts {
        out.extend_from_slice(part);
    }
    out.into()
}

/// The longest beginning of `text` that is at most `bytes_max` long and ends with a whole character.
fn cut(text: &str, bytes_max: usize) -> &str {
    &text[..text.floor_char_boundary(bytes_max)]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::deflate::inflate;

    #[test]
    fn headers_grow_with_the_payload() {
        for (len, header) in [(0, 2), (125, 2), (126, 4), (65_535, 4), (65_536, 10)] {
            let payload = vec![7; len];
            let frame = Frame::binary(&[&payload]);
            assert_eq!(frame.len(), header + len);
            assert_eq!(frame.payload(), payload);
        }
    }

    #[test]
    fn a_message_is_compressed_once_for_all_if_it_is_worth_it() {
        let frame = Frame::text(&"to be ".repeat(1_000));
        let mut frames = [frame.clone(), frame];
        frames.iter_mut().for_each(Frame::deflate);
        assert_eq!(frames[0].bytes()[0], 0xc1);
        assert!(frames[0].len() < 100);
        assert_eq!(frames[0].bytes().as_ptr(), frames[1].bytes().as_ptr(), "the same memory");
        assert_eq!(inflate(&frames[0].payload(), 6_000).unwrap(), "to be ".repeat(1_000).as_bytes());
        for mut frame in [Frame::text("short"), Frame::pong(&[0; 125]), Frame::close(4001, "a reason")] {
            let before = frame.clone();
            frame.deflate();
            assert_eq!(frame, before);
        }
    }

    #[test]
    fn a_long_reason_is_cut_at_a_character() {
        let frame = Frame::close(4001, &"é".repeat(100));
        assert_eq!(frame.payload().len(), 2 + 122);
        assert!(std::str::from_utf8(&frame.payload()[2..]).is_ok());
    }
}
