//! Ids that come from outside, checked once; whoever holds one of these types need not check again.
//!
//! A room's id becomes a file name, a database key and later a Redis key, so what may stand in it is
//! narrow: no path separators, no control characters, not `..`, at most [`ROOM_LOCAL_ID_BYTES_MAX`] bytes.

use std::fmt;
use std::sync::Arc;

use percent_encoding::percent_decode_str;
use serde::{Serialize, Serializer};

use crate::error::{Code, RealtimeError, Result};

/// The longest id inside a room type, in bytes after decoding.
pub const ROOM_LOCAL_ID_BYTES_MAX: usize = 256;

/// The longest name of a room type, in bytes.
pub const ROOM_TYPE_BYTES_MAX: usize = 64;

/// The room type of collaborative records.
pub const RECORDS: &str = "records";

/// A room's key, `type:id`, such as `records:bylaw-12`. Cheap to clone.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RoomId {
    key: Arc<str>,
    type_len: usize,
}

impl RoomId {
    /// Makes the id of a room from its type (an alias is resolved) and its already decoded local id.
    pub fn new(room_type: &str, local_id: &str) -> Result<Self> {
        let room_type = canonical_type(room_type);
        check_type(room_type)?;
        check_local_id(local_id)?;
        Ok(Self { key: format!("{room_type}:{local_id}").into(), type_len: room_type.len() })
    }

    /// Reads a key such as `records:x`; `record:x` is the same room.
    pub fn parse(key: &str) -> Result<Self> {
        let (room_type, local_id) = key.split_once(':').ok_or_else(|| {
            invalid(format!("room id {key:?} has no type; expected `type:id`, such as `records:x`"))
        })?;
        Self::new(room_type, local_id)
    }

    /// Reads the two path segments of a connection's URL; the local id is percent-decoded once.
    pub fn from_path(room_type: &str, encoded_id: &str) -> Result<Self> {
        let id = percent_decode_str(encoded_id)
            .decode_utf8()
            .map_err(|_| invalid("the room id in the URL is not UTF-8 after percent-decoding".to_owned()))?;
        Self::new(room_type, &id)
    }

    /// The whole key, `records:x`.
    pub fn as_str(&self) -> &str {
        &self.key
    }

    /// The room's type, `records`.
    pub fn room_type(&self) -> &str {
        &self.key[..self.type_len]
    }

    /// The id inside the type, `x`: for records the record's id.
    pub fn local_id(&self) -> &str {
        &self.key[self.type_len + 1..]
    }
}

/// Plural is the rule for records, singular for devices; the other spelling is an alias.
fn canonical_type(room_type: &str) -> &str {
    match room_type {
        "record" => RECORDS,
        "devices" => "device",
        other => other,
    }
}

fn check_type(room_type: &str) -> Result<()> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if room_type.is_empty() || room_type.len() > ROOM_TYPE_BYTES_MAX || !room_type.chars().all(allowed) {
        return Err(invalid(format!(
            "room type {room_type:?} is not allowed; expected 1 to {ROOM_TYPE_BYTES_MAX} letters, digits, `-` or `_`"
        )));
    }
    Ok(())
}

fn check_local_id(id: &str) -> Result<()> {
    let problem = if id.is_empty() {
        "is empty"
    } else if id.len() > ROOM_LOCAL_ID_BYTES_MAX {
        "is longer than 256 bytes"
    } else if id.contains(['/', '\\']) {
        "contains a path separator"
    } else if id == "." || id.contains("..") {
        "contains `..`"
    } else if id.chars().any(char::is_control) {
        "contains a control character"
    } else {
        return Ok(());
    };
    Err(invalid(format!(
        "room id {problem}; expected 1 to 256 bytes without `/`, `..` and control characters"
    )))
}

fn invalid(message: String) -> RealtimeError {
    RealtimeError::new(Code::InvalidId, message)
}

impl fmt::Display for RoomId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.key)
    }
}

impl fmt::Debug for RoomId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RoomId({})", self.key)
    }
}

impl Serialize for RoomId {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.key)
    }
}

/// One connection, for as long as the process lives. Shown to clients and hooks as `client_<hex>`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ClientId(u64);

impl ClientId {
    /// An id from a number that the caller keeps unique.
    pub const fn new(id: u64) -> Self {
        Self(id)
    }

    /// A random id; 64 bits make a collision among live connections a matter of billions of years.
    pub fn random() -> Self {
        Self(fastrand::u64(..))
    }

    /// A Yjs client id for a connection that has none of its own: 53 bits, as JavaScript's numbers have.
    pub const fn as_yjs(self) -> u64 {
        self.0 & ((1 << 53) - 1)
    }

    /// Reads `client_<hex>` back.
    pub fn parse(text: &str) -> Option<Self> {
        u64::from_str_radix(text.strip_prefix("client_")?, 16).ok().map(Self)
    }
}

impl fmt::Display for ClientId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "client_{:016x}", self.0)
    }
}

impl fmt::Debug for ClientId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for ClientId {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// A user's id as the host has it: a number or a text. `7` and `"7"` are the same user, so that a
/// host may ask for a revocation with either; the form first seen is the one shown back.
#[derive(Debug, Clone)]
pub enum UserId {
    /// A number, as CivicPress has them.
    Number(i64),
    /// Anything else.
    Text(String),
}

impl PartialEq for UserId {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Number(a), Self::Number(b)) => a == b,
            _ => self.to_string() == other.to_string(),
        }
    }
}

impl Eq for UserId {}

impl std::hash::Hash for UserId {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.to_string().hash(state);
    }
}

impl fmt::Display for UserId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(id) => write!(f, "{id}"),
            Self::Text(id) => f.write_str(id),
        }
    }
}

impl Serialize for UserId {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        match self {
            Self::Number(id) => serializer.serialize_i64(*id),
            Self::Text(id) => serializer.serialize_str(id),
        }
    }
}

/// A new id that ties together what is said about one case in logs, hooks and errors:
/// `err_<ms since the epoch, base 36>_<7 random>`, the form that the host's own errors have.
pub fn correlation_id() -> String {
    const DIGITS: &[u8; 36] = b"0123456789abcdefghijklmnopqrstuvwxyz";
    let mut rest = crate::clock::now_ms().unsigned_abs();
    let mut time = Vec::new();
    while rest > 0 {
        time.push(DIGITS[(rest % 36) as usize]);
        rest /= 36;
    }
    let time: String = time.iter().rev().map(|digit| char::from(*digit)).collect();
    let random: String = (0..7).map(|_| char::from(DIGITS[fastrand::usize(..36)])).collect();
    format!("err_{time}_{random}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn aliases_name_one_room() {
        for (room_type, key) in [
            ("record", "records:x"),
            ("records", "records:x"),
            ("device", "device:x"),
            ("devices", "device:x"),
        ] {
            assert_eq!(RoomId::new(room_type, "x").unwrap().as_str(), key);
        }
        assert_eq!(RoomId::parse("record:x").unwrap(), RoomId::from_path("records", "%78").unwrap());
    }

    #[test]
    fn ids_are_decoded_once() {
        assert_eq!(RoomId::from_path("records", "a%2520b").unwrap().local_id(), "a%20b");
        assert_eq!(
            RoomId::from_path("records", "r%C3%A8glement-%F0%9F%8F%9B").unwrap().local_id(),
            "règlement-🏛"
        );
    }

    #[test]
    fn ids_that_would_leave_their_place_are_refused() {
        for id in ["", ".", "..", "a/b", "a\\b", "../x", "a..b", "a\0b", "a\nb", &"x".repeat(257)] {
            let error = RoomId::new("records", id).unwrap_err();
            assert_eq!(error.code, Code::InvalidId, "{id:?}");
        }
        assert!(RoomId::from_path("records", "%2e%2e").is_err());
        assert!(RoomId::from_path("records", "a%2Fb").is_err());
        assert!(RoomId::from_path("records", "%00").is_err());
        assert!(RoomId::from_path("records", "%FF").is_err());
        assert!(RoomId::new("records", &"x".repeat(256)).is_ok());
        assert!(RoomId::new("rec ord", "x").is_err());
    }

    #[test]
    fn a_user_is_the_same_as_number_and_as_text() {
        assert_eq!(UserId::Number(7), UserId::Text("7".into()));
        assert_ne!(UserId::Number(7), UserId::Text("07".into()));
    }

    #[test]
    fn correlation_ids_have_the_form_of_the_hosts() {
        let id = correlation_id();
        let parts: Vec<_> = id.split('_').collect();
        assert_eq!((parts.len(), parts[0], parts[2].len()), (3, "err", 7), "{id}");
        let time = i64::from_str_radix(parts[1], 36).unwrap();
        assert!((crate::clock::now_ms() - time).abs() < 60_000);
    }

    #[test]
    fn client_ids_read_back() {
        let id = ClientId::random();
        assert_eq!(ClientId::parse(&id.to_string()), Some(id));
        assert_eq!(ClientId::parse("client_xyz"), None);
    }
}
