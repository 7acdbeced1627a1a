//! The JSON document protocol `civicpress.json.v1`, for clients without a Yjs wire library: updates and
//! presence as text, the bytes in base64.

use std::borrow::Cow;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::awareness::{self, Presence, STATE_BYTES_MAX};
use super::control::ClientText;
use super::frame::Frame;
use crate::error::RealtimeError;
use crate::ids::{ClientId, RoomId, UserId};

/// The subprotocol's name.
pub const NAME: &str = "civicpress.json.v1";

/// The longest presence message: its state, in base64 or as it is, and what is around it.
const PRESENCE_BYTES_MAX: usize = 2 * STATE_BYTES_MAX;

/// The longest name or colour of a person, in characters.
const PERSON_TEXT_CHARS_MAX: usize = 100;

/// A change, from a client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sync {
    /// A Yjs update, version 1.
    pub update: Bytes,
    /// The version of the document that the client builds on, if it says so.
    pub version: Option<u64>,
}

/// Presence, from a client.
#[derive(Debug, Clone, PartialEq)]
pub enum JsonPresence {
    /// An awareness update of y-protocols, for clients that keep one.
    Awareness(Bytes),
    /// Where this person's caret is and how they want to be shown.
    State {
        /// Their name, if they say one.
        name: Option<String>,
        /// Their colour, if they say one.
        color: Option<String>,
        /// Whatever the editors agree on.
        cursor: Value,
    },
    /// Not here any more, although still connected.
    Left,
}

/// Whether a text frame says that its sender speaks this protocol.
pub fn is_hello(text: &str) -> bool {
    matches!(ClientText::decode(text), Ok(ClientText::Hello(protocol)) if protocol == NAME)
}

/// Reads `{"type":"sync","update":base64,"version"?}`.
pub fn decode_sync(text: &str) -> Result<Sync, String> {
    #[derive(Deserialize)]
    struct Message<'a> {
        #[serde(borrow)]
        update: Cow<'a, str>,
        version: Option<u64>,
    }
    let message: Message<'_> = serde_json::from_str(text).map_err(|error| wrong("sync", &error))?;
    Ok(Sync { update: decode_base64("sync", "update", &message.update)?, version: message.version })
}

/// Reads `{"type":"presence","event":...,"user"?,"cursor"?,"awareness"?}`.
pub fn decode_presence(text: &str) -> Result<JsonPresence, String> {
    #[derive(Deserialize)]
    struct Message {
        event: String,
        user: Option<Person>,
        cursor: Option<Value>,
        awareness: Option<String>,
    }
    #[derive(Deserialize)]
    struct Person {
        name: Option<String>,
        color: Option<String>,
    }
    if text.len() > PRESENCE_BYTES_MAX {
        let len = text.len();
        return Err(format!("a presence message has {len} bytes; at most {PRESENCE_BYTES_MAX} are allowed"));
    }
    let message: Message = serde_json::from_str(text).map_err(|error| wrong("presence", &error))?;
    if let Some(states) = message.awareness {
        return Ok(JsonPresence::Awareness(decode_base64("presence", "awareness", &states)?));
    }
    match message.event.as_str() {
        "joined" | "cursor" | "awareness" => {
            let (name, color) = message.user.map_or((None, None), |user| (user.name, user.color));
            let short = |text: String| text.chars().take(PERSON_TEXT_CHARS_MAX).collect();
            let cursor = message.cursor.unwrap_or_default();
            Ok(JsonPresence::State { name: name.map(short), color: color.map(short), cursor })
        }
        "left" => Ok(JsonPresence::Left),
        other => Err(format!(
            "presence event {other:?} is not known; known: \"joined\", \"left\", \"cursor\", \"awareness\""
        )),
    }
}

fn wrong(kind: &str, error: &serde_json::Error) -> String {
    format!("the {kind} message is not of the form it must have: {error}")
}

fn decode_base64(kind: &str, field: &str, text: &str) -> Result<Bytes, String> {
    STANDARD
        .decode(text)
        .map(Bytes::from)
        .map_err(|error| format!("`{field}` of a {kind} message is not base64: {error}"))
}

/// Somebody, as others see them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Participant {
    /// The host's id.
    pub id: UserId,
    /// Their name.
    pub name: String,
    /// A CSS colour.
    pub color: String,
}

/// Colours of those who did not choose one; dark enough for white text.
const COLORS: [&str; 8] =
    ["#1d4ed8", "#b45309", "#047857", "#be185d", "#6d28d9", "#0e7490", "#a16207", "#b91c1c"];

/// A colour for a user, always the same.
pub fn color_of(user: &UserId) -> &'static str {
    let sum =
        user.to_string().bytes().fold(0usize, |sum, byte| sum.wrapping_mul(31).wrapping_add(byte.into()));
    COLORS[sum % COLORS.len()]
}

/// The whole state, on join and whenever a client builds on an old version.
pub fn room_state(room: &RoomId, participants: &[Participant], state: &[u8], version: u64) -> Frame {
    text(&json!({
        "type": "control", "event": "room_state",
        "room": {
            "id": room, "participants": participants,
            "yjsState": STANDARD.encode(state), "version": version,
        },
    }))
}

/// A change, for those who did not make it. The update comes first, so that it is found again in
/// [`update_in`] whatever follows.
pub fn sync(update: &[u8], version: u64, from: Option<ClientId>) -> Frame {
    #[derive(Serialize)]
    struct Message {
        r#type: &'static str,
        update: String,
        version: u64,
        #[serde(skip_serializing_if = "Option::is_none")]
        from: Option<ClientId>,
    }
    text(&Message { r#type: "sync", update: STANDARD.encode(update), version, from })
}

/// The update that a frame made by [`sync`] carries.
pub fn update_in(frame: &Frame) -> Option<Bytes> {
    let payload = frame.payload();
    decode_sync(std::str::from_utf8(&payload).ok()?).ok().map(|sync| sync.update)
}

/// Somebody came or went.
pub fn presence(event: &str, who: &Participant) -> Frame {
    text(&json!({"type": "presence", "event": event, "user": who}))
}

/// Somebody's presence changed: what it is now, and the same as an awareness update. `event` is given for
/// presence that has ended.
pub fn presence_state(changed: &Presence, who: &Value, event: Option<&str>) -> Frame {
    let state: Value = serde_json::from_str(&changed.state).unwrap_or_default();
    let cursor = state.get("cursor").cloned().unwrap_or_default();
    let event = event.unwrap_or(if cursor.is_null() { "awareness" } else { "cursor" });
    let awareness = STANDARD.encode(awareness::encode(std::iter::once(changed)));
    text(&json!({
        "type": "presence", "event": event, "user": who, "cursor": cursor, "awareness": awareness,
    }))
}

fn text(message: &impl Serialize) -> Frame {
    // Nothing of ours fails to serialize; were it so, an error is what the client should see.
    Frame::text(&serde_json::to_string(message).unwrap_or_else(|error| {
        let error = RealtimeError::new(crate::error::Code::Internal, error.to_string());
        json!({"type": "control", "event": "error", "error": {"code": error.code, "message": error.message}})
            .to_string()
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_own_updates_read_back() {
        let frame = sync(&[1, 2, 3], 7, Some(ClientId::new(5)));
        assert_eq!(update_in(&frame).as_deref(), Some(&[1, 2, 3][..]));
        assert_eq!(update_in(&Frame::text("{}")), None);
    }

    #[test]
    fn messages_of_the_wrong_form_are_told_so() {
        for (text, problem) in [
            (r#"{"type":"sync"}"#, "missing field `update`"),
            (r#"{"type":"sync","update":7}"#, "invalid type"),
            (r#"{"type":"sync","update":"*"}"#, "not base64"),
            (r#"{"type":"sync","update":"AA==","version":-1}"#, "invalid value"),
        ] {
            let error = decode_sync(text).unwrap_err();
            assert!(error.contains(problem), "{text}: {error}");
        }
        for (text, problem) in [
            (r#"{"type":"presence"}"#, "missing field `event`"),
            (r#"{"type":"presence","event":"danced"}"#, "not known"),
            (r#"{"type":"presence","event":"cursor","awareness":"*"}"#, "not base64"),
        ] {
            let error = decode_presence(text).unwrap_err();
            assert!(error.contains(problem), "{text}: {error}");
        }
        let deep = format!(r#"{{"event":"cursor","cursor":{}"#, "[".repeat(1_000));
        assert!(decode_presence(&deep).unwrap_err().contains("recursion limit"));
        let long = format!(r#"{{"event":"cursor","cursor":"{}"}}"#, "x".repeat(PRESENCE_BYTES_MAX));
        assert!(decode_presence(&long).unwrap_err().contains("at most"));
    }

    #[test]
    fn presence_is_read() {
        let text = r##"{"type":"presence","event":"cursor","user":{"name":"Zoë","color":"#fff"},"cursor":{"at":3}}"##;
        let JsonPresence::State { name, color, cursor } = decode_presence(text).unwrap() else { panic!() };
        assert_eq!(
            (name.as_deref(), color.as_deref(), cursor),
            (Some("Zoë"), Some("#fff"), json!({"at": 3}))
        );
        let left = r#"{"type":"presence","event":"left"}"#;
        assert_eq!(decode_presence(left), Ok(JsonPresence::Left));
    }
}
