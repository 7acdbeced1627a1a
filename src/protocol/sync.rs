//! The binary protocol of y-websocket: what a client's frame asks for, and the frames of the server.
//!
//! Source: <https://github.com/yjs/y-protocols/blob/master/PROTOCOL.md>.

use bytes::Bytes;

use super::frame::Frame;
use super::wire::{Reader, WireError, put_bytes, put_var, var_len};

mod tag {
    pub(super) const SYNC: u64 = 0;
    pub(super) const AWARENESS: u64 = 1;
    pub(super) const AUTH: u64 = 2;
    pub(super) const QUERY_AWARENESS: u64 = 3;

    pub(super) const STEP_1: u64 = 0;
    pub(super) const STEP_2: u64 = 1;
    pub(super) const UPDATE: u64 = 2;

    pub(super) const PERMISSION_DENIED: u64 = 0;
}

/// A client's binary frame, its envelope read and its contents untouched (and not copied).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClientMessage {
    /// "This is what I have"; answered with the difference.
    Step1 {
        /// The client's state vector.
        state_vector: Bytes,
    },
    /// The answer to our own step 1: what we lack.
    Step2 {
        /// An update, version 1.
        update: Bytes,
    },
    /// A change.
    Update {
        /// An update, version 1.
        update: Bytes,
    },
    /// Presence states.
    Awareness {
        /// See [`super::awareness`].
        states: Bytes,
    },
    /// "Who is here?"
    QueryAwareness,
    /// A message of a type that we do not know: ignored and counted, never fatal.
    Unknown(u64),
}

impl ClientMessage {
    /// Reads the envelope of a frame.
    pub fn decode(frame: &Bytes) -> Result<Self, WireError> {
        let mut reader = Reader::new(frame);
        match reader.var_u64()? {
            tag::SYNC => {
                let step = reader.var_u64()?;
                let body = frame.slice_ref(reader.bytes()?);
                match step {
                    tag::STEP_1 => Ok(Self::Step1 { state_vector: body }),
                    tag::STEP_2 => Ok(Self::Step2 { update: body }),
                    tag::UPDATE => Ok(Self::Update { update: body }),
                    other => Err(WireError::UnknownTag(other)),
                }
            }
            tag::AWARENESS => Ok(Self::Awareness { states: frame.slice_ref(reader.bytes()?) }),
            tag::QUERY_AWARENESS => Ok(Self::QueryAwareness),
            other => Ok(Self::Unknown(other)),
        }
    }
}

fn sync(step: u64, body: &[u8]) -> Frame {
    let mut head = Vec::with_capacity(2 + var_len(body.len() as u64));
    put_var(&mut head, tag::SYNC);
    put_var(&mut head, step);
    put_var(&mut head, body.len() as u64);
    Frame::binary(&[&head, body])
}

/// Our step 1: asks the client for what we lack.
pub fn step1(state_vector: &[u8]) -> Frame {
    sync(tag::STEP_1, state_vector)
}

/// The answer to a client's step 1.
pub fn step2(update: &[u8]) -> Frame {
    sync(tag::STEP_2, update)
}

/// A change, for those who did not make it.
pub fn update(update: &[u8]) -> Frame {
    sync(tag::UPDATE, update)
}

/// The update that a frame made by [`update`] carries.
pub fn update_in(frame: &Frame) -> Option<Bytes> {
    match ClientMessage::decode(&frame.payload()) {
        Ok(ClientMessage::Update { update }) => Some(update),
        _ => None,
    }
}

/// Whether a client's frame carries presence and nothing else.
pub fn is_awareness(frame: &[u8]) -> bool {
    frame.first().is_some_and(|first| u64::from(*first) == tag::AWARENESS)
}

/// Presence states, as encoded by [`super::awareness`].
pub fn awareness(states: &[u8]) -> Frame {
    let mut head = Vec::with_capacity(1 + var_len(states.len() as u64));
    put_var(&mut head, tag::AWARENESS);
    put_var(&mut head, states.len() as u64);
    Frame::binary(&[&head, states])
}

/// Tells a client that reads binary frames only that it may not do what it just did.
pub fn permission_denied(reason: &str) -> Frame {
    let mut out = Vec::with_capacity(4 + reason.len());
    put_var(&mut out, tag::AUTH);
    put_var(&mut out, tag::PERMISSION_DENIED);
    put_bytes(&mut out, reason.as_bytes());
    Frame::binary(&[&out])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_own_frames_read_back() {
        let frame = update(b"abc");
        assert_eq!(
            ClientMessage::decode(&frame.payload()),
            Ok(ClientMessage::Update { update: Bytes::from_static(b"abc") })
        );
        assert_eq!(update_in(&frame).as_deref(), Some(&b"abc"[..]));
        assert_eq!(update_in(&step2(b"abc")), None);
        assert_eq!(
            ClientMessage::decode(&awareness(b"x").payload()),
            Ok(ClientMessage::Awareness { states: Bytes::from_static(b"x") })
        );
    }

    #[test]
    fn unknown_types_are_told_apart_from_broken_frames() {
        assert_eq!(ClientMessage::decode(&Bytes::from_static(&[42, 1, 2])), Ok(ClientMessage::Unknown(42)));
        for broken in [&[][..], &[0][..], &[0, 9, 0][..], &[0, 2, 5, 1][..], &[1, 0xff, 0xff, 0xff, 0x7a][..]]
        {
            assert!(ClientMessage::decode(&Bytes::copy_from_slice(broken)).is_err(), "{broken:?}");
        }
    }
}
