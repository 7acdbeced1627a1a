//! Every way in which the engine can refuse or fail: one enum, one code each.
//!
//! A code is what callers match on. It has an HTTP-like status for the host's API and a WebSocket
//! close code for clients. The message says what happened, where, and what would be right.

use std::fmt;

use serde::Serialize;

/// Shorthand for results of this crate.
pub type Result<T, E = RealtimeError> = std::result::Result<T, E>;

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $text:literal, status $status:literal, close $close:literal;)+) => {
        /// The closed list of error codes; their text is part of the wire protocol and of the JavaScript API.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Code { $($(#[$doc])* $name,)+ }

        impl Code {
            /// All codes, for documentation and tests.
            pub const ALL: &'static [Code] = &[$(Code::$name,)+];

            /// The code's text, such as `AUTH_FAILED`.
            pub const fn as_str(self) -> &'static str {
                match self { $(Code::$name => $text,)+ }
            }

            /// The HTTP status that fits it.
            pub const fn status(self) -> u16 {
                match self { $(Code::$name => $status,)+ }
            }

            /// The WebSocket close code (RFC 6455 section 7.4; 4000 and up are the protocol's own).
            pub const fn close_code(self) -> u16 {
                match self { $(Code::$name => $close,)+ }
            }
        }
    };
}

codes! {
    /// The configuration cannot be read or holds a wrong type or value.
    ConfigInvalid = "CONFIG_INVALID", status 400, close 4500;
    /// An id does not fit the rules of [`crate::ids`].
    InvalidId = "INVALID_ID", status 400, close 4003;
    /// The address to listen on is taken or not ours.
    ListenFailed = "LISTEN_FAILED", status 503, close 4503;
    /// The call needs a running module: it is not started yet, or was shut down.
    NotRunning = "NOT_RUNNING", status 503, close 4503;
    /// Token missing, unknown or expired.
    AuthFailed = "AUTH_FAILED", status 401, close 4001;
    /// The user's sessions were revoked while connected.
    SessionRevoked = "SESSION_REVOKED", status 401, close 4001;
    /// No right to do this, or the record does not exist. The status is 401 because the host's own class has it.
    PermissionDenied = "PERMISSION_DENIED", status 401, close 4003;
    /// No handler for this type of room.
    RoomTypeNotRegistered = "ROOM_TYPE_NOT_REGISTERED", status 404, close 4004;
    /// Sent away by somebody who may do so; it may come back.
    Kicked = "KICKED", status 403, close 4003;
    /// No such room is live.
    RoomNotFound = "ROOM_NOT_FOUND", status 404, close 4004;
    /// A cap on connections or rooms is reached.
    ConnectionLimitExceeded = "CONNECTION_LIMIT_EXCEEDED", status 429, close 4029;
    /// Sustained abuse of the message limit.
    RateLimitExceeded = "RATE_LIMIT_EXCEEDED", status 429, close 1008;
    /// An update, state vector or awareness frame that cannot be decoded.
    InvalidYjsUpdate = "INVALID_YJS_UPDATE", status 400, close 1003;
    /// A text frame that is not a message of the protocol.
    InvalidMessage = "INVALID_MESSAGE", status 400, close 1003;
    /// A frame or message over the size limit.
    MessageTooBig = "MESSAGE_TOO_BIG", status 413, close 1009;
    /// What an edit adds does not fit into the document.
    DocumentTooLarge = "DOCUMENT_TOO_LARGE", status 413, close 1009;
    /// The host's callback failed, timed out or gave something unusable.
    HostFailed = "HOST_FAILED", status 502, close 4500;
    /// The record's text cannot be read from the host.
    RecordUnreadable = "RECORD_UNREADABLE", status 502, close 4500;
    /// The store cannot read or write.
    StorageFailed = "STORAGE_FAILED", status 503, close 4500;
    /// Something of ours is broken; the room fails, the process does not.
    Internal = "INTERNAL_ERROR", status 500, close 4500;
    /// Graceful shutdown.
    ServerShutdown = "SERVER_SHUTDOWN", status 503, close 4503;
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for Code {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// An error of the engine: what kind, what happened, and what caused it.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{message}")]
pub struct RealtimeError {
    /// What callers match on.
    pub code: Code,
    /// For people: what, where, and what would be right. Never a token, never document text.
    pub message: String,
    /// Facts about the case, such as `{"port": 3001}`; shown to the host and in logs.
    pub context: serde_json::Map<String, serde_json::Value>,
    /// The error underneath, if there is one.
    #[source]
    pub source: Option<std::sync::Arc<dyn std::error::Error + Send + Sync>>,
}

impl RealtimeError {
    /// An error of this kind.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), context: serde_json::Map::new(), source: None }
    }

    /// Adds one fact.
    #[must_use]
    pub fn with(mut self, key: &str, value: impl Into<serde_json::Value>) -> Self {
        self.context.insert(key.to_owned(), value.into());
        self
    }

    /// Keeps the cause.
    #[must_use]
    pub fn caused_by(mut self, source: impl std::error::Error + Send + Sync + 'static) -> Self {
        self.source = Some(std::sync::Arc::new(source));
        self
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_code_has_a_text_of_its_own_and_a_legal_close_code() {
        let texts: HashSet<_> = Code::ALL.iter().map(|code| code.as_str()).collect();
        assert_eq!(texts.len(), Code::ALL.len());
        for code in Code::ALL {
            let close = code.close_code();
            assert!(matches!(close, 1003 | 1008 | 1009 | 4000..=4999), "{code}: {close}");
            assert!((400..600).contains(&code.status()), "{code}");
        }
    }
}
