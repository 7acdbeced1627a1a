//! JSON text frames: pings, acknowledgements, errors and notices, and the JSON in a close reason.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::frame::{CLOSE_REASON_BYTES_MAX, Frame};
use crate::error::RealtimeError;
use crate::host::User;
use crate::ids::{ClientId, RoomId, correlation_id};

/// What a client may say in a text frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClientText {
    /// `{"type":"ping"}`, answered with a pong and not counted by limits.
    Ping,
    /// `{"type":"hello","protocol":...}`: from now on it wants to be spoken to in this protocol.
    Hello(String),
    /// A change; see [`super::json::decode_sync`].
    Sync,
    /// Presence; see [`super::json::decode_presence`].
    Presence,
    /// A message of another type; its name, cut to a sane length.
    Unknown(String),
}

/// The longest unknown name that is shown back, in bytes.
const NAME_BYTES_MAX: usize = 64;

impl ClientText {
    /// Reads a text frame; the error says what is wrong with it.
    pub fn decode(text: &str) -> Result<Self, String> {
        #[derive(Deserialize)]
        struct Envelope {
            r#type: String,
            #[serde(default)]
            protocol: String,
        }
        match serde_json::from_str::<Envelope>(text) {
            Ok(envelope) => Ok(match envelope.r#type.as_str() {
                "ping" => Self::Ping,
                "hello" => Self::Hello(shortened(envelope.protocol)),
                "sync" => Self::Sync,
                "presence" => Self::Presence,
                _ => Self::Unknown(shortened(envelope.r#type)),
            }),
            Err(error) => Err(format!(
                "the text frame is not a JSON object with a `type` (line {}, column {})",
                error.line(),
                error.column()
            )),
        }
    }
}

fn shortened(mut text: String) -> String {
    text.truncate(text.floor_char_boundary(NAME_BYTES_MAX));
    text
}

/// How serious a notice is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// For information.
    Info,
    /// Something will go wrong if this goes on.
    Warning,
    /// Something has gone wrong.
    Error,
}

/// The answer to a ping.
pub fn pong(now_ms: i64) -> Frame {
    text(&json!({"type": "pong", "timestamp": now_ms}))
}

/// The first frame of a connection that joined.
pub fn ack(room: &RoomId, client: ClientId, user: &User, read_only: bool) -> Frame {
    control(
        "connection.ack",
        json!({
            "roomId": room,
            "clientId": client,
            "readOnly": read_only,
            "user": {"id": user.id, "name": user.name},
            "server": concat!("civicpress-realtime/", env!("CARGO_PKG_VERSION")),
        }),
    )
}

/// Something the client did was refused, or something of ours failed.
pub fn error(error: &RealtimeError) -> Frame {
    let id = error.context.get("correlationId").cloned();
    control(
        "error",
        json!({"error": {
            "code": error.code,
            "message": error.message,
            "statusCode": error.code.status(),
            "correlationId": id.unwrap_or_else(|| correlation_id().into()),
        }}),
    )
}

/// A message for people.
pub fn notice(level: Level, message: &str) -> Frame {
    control("notice", json!({"notice": {"level": level, "message": message}}))
}

/// The user's sessions were revoked; close 4001 follows.
pub fn session_revoked(reason: &str) -> Frame {
    control("session.revoked", json!({ "reason": reason }))
}

/// What the client may do has changed, and why if there is a reason.
pub fn permission_changed(read_only: bool, reason: Option<&str>) -> Frame {
    let mut fields = json!({ "readOnly": read_only });
    if let Some(reason) = reason {
        fields["reason"] = reason.into();
    }
    control("permission.changed", fields)
}

/// Everything this client has sent so far is on disk.
pub fn saved(version: u64) -> Frame {
    control("saved", json!({ "version": version }))
}

fn control(event: &str, fields: Value) -> Frame {
    let mut message = Map::from_iter([("type".into(), "control".into()), ("event".into(), event.into())]);
    if let Value::Object(fields) = fields {
        message.extend(fields);
    }
    text(&Value::Object(message))
}

fn text(message: &Value) -> Frame {
    Frame::text(&message.to_string())
}

/// A close frame for an error: its code's close code, and `{"code":..., ...}` as the reason. Fields
/// that do not fit the 123 bytes are left out whole, the least telling first.
pub fn close(error: &RealtimeError) -> Frame {
    let mut reason = Map::from_iter([("code".to_owned(), Value::from(error.code.as_str()))]);
    let optional = [
        error.context.get("reason").map(|value| ("reason", value.clone())),
        error.context.get("limit").map(|value| ("limit", value.clone())),
        Some(("message", Value::from(error.message.as_str()))),
    ];
    for (name, value) in optional.into_iter().flatten() {
        reason.insert(name.to_owned(), value);
        if Value::Object(reason.clone()).to_string().len() > CLOSE_REASON_BYTES_MAX {
            reason.remove(name);
        }
    }
    Frame::close(error.code.close_code(), &Value::Object(reason).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Code;

    #[test]
    fn text_frames_are_read() {
        assert_eq!(ClientText::decode(r#"{"type":"ping"}"#), Ok(ClientText::Ping));
        assert_eq!(ClientText::decode(r#"{"type":"x","y":1}"#), Ok(ClientText::Unknown("x".into())));
        for bad in ["", "ping", "[]", "{}", r#"{"type":7}"#, &"[".repeat(100_000)] {
            assert!(ClientText::decode(bad).is_err(), "{bad:.20}");
        }
    }

    #[test]
    fn a_close_reason_is_json_of_at_most_123_bytes() {
        let error =
            RealtimeError::new(Code::PermissionDenied, "é".repeat(200)).with("reason", "record_not_found");
        let payload = close(&error).payload();
        assert_eq!(u16::from_be_bytes([payload[0], payload[1]]), 4003);
        let reason: Value = serde_json::from_slice(&payload[2..]).unwrap();
        assert_eq!(reason, json!({"code": "PERMISSION_DENIED", "reason": "record_not_found"}));
    }
}
