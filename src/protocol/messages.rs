//! A client's WebSocket frames -> messages (RFC 6455), without IO: bytes in, messages out.
//!
//! Source: <https://www.rfc-editor.org/rfc/rfc6455#section-5>. Between messages a reader owns no memory,
//! so an idle connection costs none; that, and payloads that are handed on without being copied, are why
//! this is not a library's (see `docs/decisions/0018-own-frame-reader.md`).

use bytes::{Buf, Bytes, BytesMut};

use super::deflate::{InflateError, inflate};

/// The longest payload of a control frame (RFC 6455 section 5.5).
const CONTROL_BYTES_MAX: u64 = 125;

/// The most pieces of a message. Only whole messages count against a client's limits, so that empty
/// fragments, of which there could be any number, would cost it nothing.
const FRAGMENTS_MAX: u32 = 4_096;

/// The first byte of a frame: the last of its message; a compressed message begins; bits of other extensions, of
/// which there are none here.
const FIN: u8 = 0x80;
const COMPRESSED: u8 = 0x40;
const RESERVED: u8 = 0x30;
/// The second byte: the payload is masked, as all of a client's must be.
const MASKED: u8 = 0x80;

mod opcode {
    pub(super) const CONTINUATION: u8 = 0x0;
    pub(super) const TEXT: u8 = 0x1;
    pub(super) const BINARY: u8 = 0x2;
    pub(super) const CLOSE: u8 = 0x8;
    pub(super) const PING: u8 = 0x9;
    pub(super) const PONG: u8 = 0xa;
}

/// Something whole that a client has sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Received {
    /// A binary message.
    Binary(Bytes),
    /// A text message.
    Text(String),
    /// A ping; its payload goes back in a pong.
    Ping(Bytes),
    /// A pong, asked for or not.
    Pong,
    /// The client ends the connection, with this code if it gave one.
    Close(Option<u16>),
}

/// How a client broke the rules. Nothing more can be read from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Violation {
    /// A frame that may not be (close code 1002).
    #[error("{0}")]
    Protocol(&'static str),
    /// A compressed message that is not what a compressor gives (close code 1007).
    #[error("a compressed message cannot be inflated")]
    Compression,
    /// A text that is not UTF-8 (close code 1007).
    #[error("a text is not UTF-8")]
    NotUtf8,
    /// A message over the limit, as soon as its header says so (close code 1009).
    #[error("a message is larger than limits.frame_bytes_max: {bytes_max} bytes")]
    TooBig {
        /// The limit.
        bytes_max: usize,
    },
    /// A compressed message that becomes larger than it may (close code 1009).
    #[error("a compressed message has more than {bytes_max} bytes")]
    InflatesTooBig {
        /// The limit.
        bytes_max: usize,
    },
    /// A message in more than [`FRAGMENTS_MAX`] pieces (close code 1009).
    #[error("a message comes in more than {FRAGMENTS_MAX} fragments")]
    TooManyFragments,
}

/// Reads one client's messages.
#[derive(Debug)]
pub struct MessageReader {
    bytes_max: usize,
    /// For compressed messages, if they were agreed on: what they may become.
    inflated_bytes_max: Option<usize>,
    /// Came in and was not read yet: the beginning of a frame at most, once all messages were taken.
    unread: BytesMut,
    /// The message whose last fragment has not come yet.
    fragments: Option<Fragments>,
}

#[derive(Debug)]
struct Fragments {
    is_text: bool,
    is_compressed: bool,
    payload: BytesMut,
    count: u32,
}

impl MessageReader {
    /// A reader of messages of at most `bytes_max` bytes each.
    pub fn new(bytes_max: usize) -> Self {
        Self { bytes_max, inflated_bytes_max: None, unread: BytesMut::new(), fragments: None }
    }

    /// Takes compressed messages as well, which may become so large at most (RFC 7692).
    pub fn accept_compressed(&mut self, inflated_bytes_max: usize) {
        self.inflated_bytes_max = Some(inflated_bytes_max.min(self.bytes_max));
    }

    /// Takes bytes as they came from the socket.
    pub fn push(&mut self, bytes: &[u8]) {
        self.unread.extend_from_slice(bytes);
    }

    /// Bytes that are here of messages that are not whole.
    pub fn unread_bytes(&self) -> usize {
        self.unread.len() + self.fragments.as_ref().map_or(0, |fragments| fragments.payload.len())
    }

    /// The next message, if all of it is here.
    pub fn next_message(&mut self) -> Result<Option<Received>, Violation> {
        while let Some(header) = Header::read(&self.unread, self.inflated_bytes_max.is_some())? {
            self.check_order_and_size(header)?;
            let len = header.len + header.payload_len as usize;
            if self.unread.len() < len {
                return Ok(None);
            }
            let mut payload = self.unread.split_to(len);
            payload.advance(header.len);
            unmask(&mut payload, header.mask);
            if self.unread.is_empty() {
                // What is left of an empty buffer is memory that an idle connection has no use for.
                self.unread = BytesMut::new();
            }
            if let Some(received) = self.take(header, payload)? {
                return Ok(Some(received));
            }
        }
        Ok(None)
    }

    /// Before the payload is here: a client that promises too much is not waited for.
    fn check_order_and_size(&self, header: Header) -> Result<(), Violation> {
        if header.is_control() {
            return Ok(());
        }
        match (header.opcode, &self.fragments) {
            (opcode::CONTINUATION, Some(_)) if header.is_compressed => {
                return Err(Violation::Protocol("a message is marked as compressed after its beginning"));
            }
            (opcode::CONTINUATION, None) => {
                return Err(Violation::Protocol("a continuation of no message"));
            }
            (opcode::TEXT | opcode::BINARY, Some(_)) => {
                return Err(Violation::Protocol("a message begins within another"));
            }
            _ => {}
        }
        let before = self.fragments.as_ref().map_or(0, |fragments| fragments.payload.len());
        if header.payload_len > (self.bytes_max - before) as u64 {
            return Err(Violation::TooBig { bytes_max: self.bytes_max });
        }
        Ok(())
    }

    fn take(&mut self, header: Header, payload: BytesMut) -> Result<Option<Received>, Violation> {
        match header.opcode {
            opcode::CLOSE => close(&payload).map(Some),
            opcode::PING => Ok(Some(Received::Ping(payload.freeze()))),
            opcode::PONG => Ok(Some(Received::Pong)),
            _ => self.take_data(header, payload),
        }
    }

    fn take_data(&mut self, header: Header, payload: BytesMut) -> Result<Option<Received>, Violation> {
        let message = match self.fragments.take() {
            None => {
                let (is_text, is_compressed) = (header.opcode == opcode::TEXT, header.is_compressed);
                Fragments { is_text, is_compressed, payload, count: 1 }
            }
            Some(mut message) => {
                message.count += 1;
                if message.count > FRAGMENTS_MAX {
                    return Err(Violation::TooManyFragments);
                }
                message.payload.extend_from_slice(&payload);
                message
            }
        };
        if !header.fin {
            self.fragments = Some(message);
            return Ok(None);
        }
        let payload = match self.inflated_bytes_max.filter(|_| message.is_compressed) {
            Some(bytes_max) => inflated(&message.payload, bytes_max)?,
            None => message.payload.freeze(),
        };
        if !message.is_text {
            return Ok(Some(Received::Binary(payload)));
        }
        let text = String::from_utf8(payload.into()).map_err(|_| Violation::NotUtf8)?;
        Ok(Some(Received::Text(text)))
    }
}

fn inflated(payload: &[u8], bytes_max: usize) -> Result<Bytes, Violation> {
    inflate(payload, bytes_max).map(Bytes::from).map_err(|error| match error {
        InflateError::Broken => Violation::Compression,
        InflateError::TooBig => Violation::InflatesTooBig { bytes_max },
    })
}

/// What stands before a payload.
#[derive(Debug, Clone, Copy)]
struct Header {
    fin: bool,
    /// The first frame of a compressed message.
    is_compressed: bool,
    opcode: u8,
    mask: [u8; 4],
    /// Of the header itself.
    len: usize,
    payload_len: u64,
}

impl Header {
    /// `None` if it is not all here yet. What can be told from its first two bytes is told by then.
    fn read(bytes: &[u8], may_be_compressed: bool) -> Result<Option<Self>, Violation> {
        let [first, second, rest @ ..] = bytes else { return Ok(None) };
        let (fin, is_compressed, opcode) = (first & FIN != 0, first & COMPRESSED != 0, first & 0x0f);
        if first & RESERVED != 0 || (is_compressed && !may_be_compressed) {
            return Err(Violation::Protocol("a reserved bit is set: no extension is in use"));
        }
        if second & MASKED == 0 {
            return Err(Violation::Protocol("a client's frame is not masked"));
        }
        let short_len = u64::from(second & !MASKED);
        match opcode {
            opcode::CONTINUATION | opcode::TEXT | opcode::BINARY => {}
            opcode::CLOSE | opcode::PING | opcode::PONG if is_compressed => {
                return Err(Violation::Protocol("a reserved bit is set in a control frame"));
            }
            opcode::CLOSE | opcode::PING | opcode::PONG if !fin => {
                return Err(Violation::Protocol("a control frame in fragments"));
            }
            opcode::CLOSE | opcode::PING | opcode::PONG if short_len > CONTROL_BYTES_MAX => {
                return Err(Violation::Protocol("a control frame of more than 125 bytes"));
            }
            opcode::CLOSE | opcode::PING | opcode::PONG => {}
            _ => return Err(Violation::Protocol("a reserved opcode")),
        }
        let Some((payload_len, rest)) = long_len(short_len, rest)? else { return Ok(None) };
        let Some(mask) = rest.first_chunk::<4>() else { return Ok(None) };
        let len = bytes.len() - rest.len() + mask.len();
        Ok(Some(Self { fin, is_compressed, opcode, mask: *mask, len, payload_len }))
    }

    const fn is_control(self) -> bool {
        self.opcode & 0x8 != 0
    }
}

/// The length that follows if the short one says so, and what comes after it.
fn long_len(short: u64, rest: &[u8]) -> Result<Option<(u64, &[u8])>, Violation> {
    let (len, rest, least) = match short {
        126 => match rest.split_first_chunk::<2>() {
            Some((len, rest)) => (u64::from(u16::from_be_bytes(*len)), rest, 126),
            None => return Ok(None),
        },
        127 => match rest.split_first_chunk::<8>() {
            Some((len, rest)) => (u64::from_be_bytes(*len), rest, 0x1_0000),
            None => return Ok(None),
        },
        _ => (short, rest, 0),
    };
    if len < least {
        return Err(Violation::Protocol("a length is written longer than it needs to be"));
    }
    if len > i64::MAX as u64 {
        return Err(Violation::Protocol("a length has its highest bit set"));
    }
    Ok(Some((len, rest)))
}

fn unmask(payload: &mut [u8], mask: [u8; 4]) {
    for (at, byte) in payload.iter_mut().enumerate() {
        *byte ^= mask[at & 3];
    }
}

fn close(payload: &[u8]) -> Result<Received, Violation> {
    if payload.is_empty() {
        return Ok(Received::Close(None));
    }
    let Some((code, reason)) = payload.split_first_chunk::<2>() else {
        return Err(Violation::Protocol("a close code of one byte"));
    };
    let code = u16::from_be_bytes(*code);
    // RFC 6455 section 7.4; 1012 to 1014 are registered with IANA.
    if !matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999) {
        return Err(Violation::Protocol("a close code that must not be sent"));
    }
    match std::str::from_utf8(reason) {
        Ok(_) => Ok(Received::Close(Some(code))),
        Err(_) => Err(Violation::NotUtf8),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const BYTES_MAX: usize = 200_000;

    /// A client's frame.
    fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
        let mask = [0x12, 0xfe, 0, 0x81];
        let mut out = vec![first];
        match payload.len() {
            len @ 0..=125 => out.push(MASKED | len as u8),
            len @ 126..=0xffff => {
                out.push(MASKED | 126);
                out.extend((len as u16).to_be_bytes());
            }
            len => {
                out.push(MASKED | 127);
                out.extend((len as u64).to_be_bytes());
            }
        }
        out.extend(mask);
        out.extend(payload.iter().enumerate().map(|(at, byte)| byte ^ mask[at % 4]));
        out
    }

    fn read_all(reader: &mut MessageReader) -> Result<Vec<Received>, Violation> {
        std::iter::from_fn(|| reader.next_message().transpose()).collect()
    }

    fn read(bytes: &[u8]) -> Result<Vec<Received>, Violation> {
        let mut reader = MessageReader::new(BYTES_MAX);
        reader.push(bytes);
        read_all(&mut reader)
    }

    #[test]
    fn control_frames_come_between_fragments() {
        let bytes = [
            frame(opcode::TEXT, "gr\u{fc}".as_bytes().split_at(3).0),
            frame(FIN | opcode::PING, b"now"),
            frame(opcode::CONTINUATION, &[0xbc]),
            frame(FIN | opcode::PONG, b""),
            frame(FIN | opcode::CONTINUATION, b"n"),
            frame(FIN | opcode::CLOSE, &[0x03, 0xe8, b'!']),
        ]
        .concat();
        let expected = [
            Received::Ping(Bytes::from_static(b"now")),
            Received::Pong,
            Received::Text("grün".to_owned()),
            Received::Close(Some(1000)),
        ];
        assert_eq!(read(&bytes).unwrap(), expected);
    }

    #[test]
    fn violations_are_told_as_soon_as_they_can_be() {
        for (bytes, expected) in [
            (&[FIN | 0x40 | opcode::BINARY, MASKED][..], "reserved bit"),
            (&[FIN | 3, MASKED], "reserved opcode"),
            (&[FIN | opcode::BINARY, 1], "not masked"),
            (&[opcode::PING, MASKED], "in fragments"),
            (&[FIN | opcode::PING, MASKED | 126], "more than 125"),
            (&[FIN | opcode::BINARY, MASKED | 126, 0, 125], "longer than it needs"),
            (&[FIN | opcode::BINARY, MASKED | 127, 0, 0, 0, 0, 0, 0, 0xff, 0xff], "longer than it needs"),
            (&[FIN | opcode::BINARY, MASKED | 127, 0x80, 0, 0, 0, 0, 0, 0, 0], "highest bit"),
            (&frame(FIN | opcode::CONTINUATION, b""), "of no message"),
            (&[frame(opcode::TEXT, b""), frame(FIN | opcode::TEXT, b"")].concat(), "within another"),
            (&frame(FIN | opcode::CLOSE, &[3]), "one byte"),
            (&frame(FIN | opcode::CLOSE, &1005u16.to_be_bytes()), "must not be sent"),
            (&frame(FIN | opcode::CLOSE, &[0x03, 0xe8, 0xff]), "not UTF-8"),
            (&frame(FIN | opcode::TEXT, &[0xc3, 0x28]), "not UTF-8"),
            (&frame(FIN | opcode::BINARY, &[0; BYTES_MAX + 1])[..14], "larger than"),
        ] {
            let problem = read(bytes).unwrap_err().to_string();
            assert!(problem.contains(expected), "{bytes:?}: {problem}");
        }
        let fragments = [frame(opcode::BINARY, &[0; BYTES_MAX]), frame(FIN, &[0])].concat();
        assert_eq!(read(&fragments), Err(Violation::TooBig { bytes_max: BYTES_MAX }));
        let compressed = |second: Vec<u8>| {
            let mut reader = MessageReader::new(BYTES_MAX);
            reader.accept_compressed(BYTES_MAX);
            reader.push(&[frame(COMPRESSED | opcode::BINARY, b"\xf2"), second].concat());
            reader.next_message().unwrap_err().to_string()
        };
        assert!(compressed(frame(FIN | COMPRESSED, b"")).contains("after its beginning"));
        assert!(compressed(frame(FIN | COMPRESSED | opcode::PING, b"")).contains("control frame"));
        assert!(compressed(frame(FIN, b"\xff\xff")).contains("cannot be inflated"));
        let empty = [frame(opcode::BINARY, b""), frame(opcode::CONTINUATION, b"").repeat(4_096)].concat();
        assert_eq!(read(&empty), Err(Violation::TooManyFragments));
    }

    #[test]
    fn compressed_messages_are_read_where_they_were_agreed_on() {
        // "Hello" and once more, in two fragments, with a ping between them: RFC 7692 section 7.2.3.
        let hello = b"\xf2\x48\xcd\xc9\xc9\x07\x00";
        let mut reader = MessageReader::new(BYTES_MAX);
        reader.accept_compressed(5);
        reader.push(&frame(FIN | COMPRESSED | opcode::TEXT, hello));
        reader.push(&frame(COMPRESSED | opcode::BINARY, &hello[..3]));
        reader.push(&frame(FIN | opcode::PING, b"hi"));
        reader.push(&frame(FIN, &hello[3..]));
        reader.push(&frame(FIN | opcode::TEXT, b"as it is"));
        let read: Vec<_> = std::iter::from_fn(|| reader.next_message().unwrap()).collect();
        let binary = Received::Binary(Bytes::from_static(b"Hello"));
        let text = |text: &str| Received::Text(text.to_owned());
        assert_eq!(
            read,
            [text("Hello"), Received::Ping(Bytes::from_static(b"hi")), binary, text("as it is")]
        );
        reader.accept_compressed(4);
        reader.push(&frame(FIN | COMPRESSED | opcode::TEXT, hello));
        assert_eq!(reader.next_message(), Err(Violation::InflatesTooBig { bytes_max: 4 }));
    }

    #[test]
    fn nothing_is_kept_between_messages() {
        let mut reader = MessageReader::new(BYTES_MAX);
        reader.push(&frame(FIN | opcode::BINARY, &[7; 100_000]));
        assert_eq!(reader.next_message(), Ok(Some(Received::Binary(vec![7; 100_000].into()))));
        assert_eq!(reader.unread.capacity(), 0);
    }

    proptest! {
        /// However the bytes are cut on their way, the same messages come out.
        #[test]
        fn messages_do_not_depend_on_how_they_come(
            payloads in proptest::collection::vec(
                (proptest::collection::vec(any::<u8>(), 0..300), 1usize..4), 1..6),
            large in prop_oneof![Just(0usize), 65_000..70_000usize],
            cuts in proptest::collection::vec(1usize..200, 1..40),
        ) {
            let mut bytes = Vec::new();
            let mut expected = Vec::new();
            let large = (vec![9; large], 1);
            for (payload, fragments) in payloads.iter().chain([&large]) {
                let size = payload.len().div_ceil(*fragments).max(1);
                let parts: Vec<_> = payload.chunks(size).collect();
                let parts = if parts.is_empty() { vec![&[][..]] } else { parts };
                for (at, part) in parts.iter().enumerate() {
                    let kind = if at == 0 { opcode::BINARY } else { opcode::CONTINUATION };
                    let fin = if at + 1 == parts.len() { FIN } else { 0 };
                    bytes.extend(frame(fin | kind, part));
                }
                expected.push(Received::Binary(payload.clone().into()));
            }
            let mut reader = MessageReader::new(BYTES_MAX);
            let mut received = Vec::new();
            let mut rest = &bytes[..];
            for cut in cuts.iter().cycle() {
                if rest.is_empty() {
                    break;
                }
                let (head, tail) = rest.split_at((*cut).min(rest.len()));
                reader.push(head);
                received.extend(read_all(&mut reader).unwrap());
                rest = tail;
            }
            prop_assert_eq!(received, expected);
            prop_assert_eq!(reader.unread.capacity(), 0);
        }

        #[test]
        fn noise_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = read(&bytes);
        }
    }
}
