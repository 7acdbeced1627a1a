//! WebSocket frames of the server, encoded once and shared by every connection that gets them.
//!
//! A server's frames are not masked (RFC 6455 section 5.1), so the bytes are the same for everybody.

use bytes::Bytes;

/// The longest reason that fits a close frame beside its code (RFC 6455 section 5.5.1).
pub const CLOSE_REASON_BYTES_MAX: usize = 123;

/// A complete frame, ready to be written to a socket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame(Bytes);

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
        &self.0
    }

    /// Their number.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Never true: every frame has a header.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What the frame carries, without its header.
    pub fn payload(&self) -> Bytes {
        let header = match self.0.get(1) {
            Some(126) => 4,
            Some(127) => 10,
            _ => 2,
        };
        self.0.slice(header.min(self.0.len())..)
    }

    fn encode(opcode: Opcode, parts: &[&[u8]]) -> Self {
        let len: usize = parts.iter().map(|part| part.len()).sum();
        let mut out = Vec::with_capacity(len + 10);
        out.push(opcode as u8);
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
        Self(out.into())
    }
}

/// The longest beginning of `text` that is at most `bytes_max` long and ends with a whole character.
fn cut(text: &str, bytes_max: usize) -> &str {
    &text[..text.floor_char_boundary(bytes_max)]
}

#[cfg(test)]
mod tests {
    use super::*;

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
    fn a_long_reason_is_cut_at_a_character() {
        let frame = Frame::close(4001, &"é".repeat(100));
        assert_eq!(frame.payload().len(), 2 + 122);
        assert!(std::str::from_utf8(&frame.payload()[2..]).is_ok());
    }
}
