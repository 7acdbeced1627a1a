//! Presence states on the wire: `[client id, clock, JSON text]`, newest clock wins, `null` means gone.
//!
//! Source: <https://github.com/yjs/y-protocols/blob/master/awareness.js>.

use std::sync::Arc;

use super::wire::{Reader, WireError, put_bytes, put_var};

/// The longest state of one client, in bytes of JSON.
pub const STATE_BYTES_MAX: usize = 16 * 1024;

/// The most states that one frame may carry.
pub const STATES_PER_FRAME_MAX: u64 = 2_000;

/// The JSON text of a client that has left.
pub const GONE: &str = "null";

/// Client ids are JavaScript's safe integers.
const CLIENT_ID_MAX: u64 = (1 << 53) - 1;

/// What one editor shows of itself: its name, its caret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Presence {
    /// The Yjs client id that it belongs to (not a connection's id).
    pub client: u64,
    /// Counts up with each change.
    pub clock: u32,
    /// JSON, [`GONE`] for one that has left.
    pub state: Arc<str>,
}

impl Presence {
    /// Whether this says that the client has left.
    pub fn is_gone(&self) -> bool {
        &*self.state == GONE
    }
}

/// Why presence states were refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AwarenessError {
    /// The bytes are not an awareness update.
    #[error("the awareness frame {0}")]
    Wire(#[from] WireError),
    /// More states than [`STATES_PER_FRAME_MAX`].
    #[error("the awareness frame holds {0} states; at most {STATES_PER_FRAME_MAX} are allowed")]
    TooMany(u64),
    /// A state longer than [`STATE_BYTES_MAX`].
    #[error("a presence state has {0} bytes; at most {STATE_BYTES_MAX} are allowed")]
    TooBig(usize),
    /// A state that is not JSON.
    #[error("a presence state is not JSON")]
    NotJson,
}

/// Reads an awareness update.
pub fn decode(bytes: &[u8]) -> Result<Vec<Presence>, AwarenessError> {
    let mut reader = Reader::new(bytes);
    let count = reader.count()?;
    if count > STATES_PER_FRAME_MAX {
        return Err(AwarenessError::TooMany(count));
    }
    let mut states = Vec::with_capacity(count as usize);
    for _ in 0..count {
        let client = reader.var_u64()?;
        if client > CLIENT_ID_MAX {
            return Err(WireError::OutOfRange.into());
        }
        let clock = reader.var_u32()?;
        let state = reader.text()?;
        if state.len() > STATE_BYTES_MAX {
            return Err(AwarenessError::TooBig(state.len()));
        }
        serde_json::from_str::<serde::de::IgnoredAny>(state).map_err(|_| AwarenessError::NotJson)?;
        states.push(Presence { client, clock, state: state.into() });
    }
    Ok(states)
}

/// Writes an awareness update.
pub fn encode<'a>(states: impl ExactSizeIterator<Item = &'a Presence>) -> Vec<u8> {
    let mut out = Vec::new();
    put_var(&mut out, states.len() as u64);
    for presence in states {
        put_var(&mut out, presence.client);
        put_var(&mut out, u64::from(presence.clock));
        put_bytes(&mut out, presence.state.as_bytes());
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn presence(client: u64, clock: u32, state: &str) -> Presence {
        Presence { client, clock, state: state.into() }
    }

    #[test]
    fn states_read_back() {
        let states = [presence(1, 2, r#"{"user":{"name":"Zoë"}}"#), presence((1 << 53) - 1, 9, GONE)];
        assert_eq!(decode(&encode(states.iter())).unwrap(), states);
    }

    #[test]
    fn hostile_states_are_refused() {
        assert!(matches!(decode(&[0xff, 0xff, 0xff, 0x7a]), Err(AwarenessError::Wire(_))));
        assert_eq!(decode(&encode([presence(1, 1, "{")].iter())), Err(AwarenessError::NotJson));
        let long = format!("\"{}\"", "x".repeat(STATE_BYTES_MAX));
        assert_eq!(decode(&encode([presence(1, 1, &long)].iter())), Err(AwarenessError::TooBig(long.len())));
        let deep = "[".repeat(10_000);
        assert_eq!(decode(&encode([presence(1, 1, &deep)].iter())), Err(AwarenessError::NotJson));
        assert!(decode(&encode([presence(1 << 53, 1, GONE)].iter())).is_err());
    }
}
