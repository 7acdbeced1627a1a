//! What a client asks for in its upgrade request: which room, as whom, and how it wants to be spoken to.

use hyper::header::{AUTHORIZATION, COOKIE, HeaderMap, HeaderName, SEC_WEBSOCKET_PROTOCOL};
use hyper::http::uri::Uri;
use percent_encoding::percent_decode_str;

use crate::error::{Code, RealtimeError};
use crate::host::Token;
use crate::ids::RoomId;
use crate::protocol;
use crate::room::state::AckMode;

/// The subprotocol that asks for text frames beside the binary ones.
const CONTROL: &str = "civicpress.control.v1";
/// What stands before a token that is offered as a subprotocol.
const AUTH_PREFIX: &str = "auth.";
/// A bare subprotocol longer than this, without `/`, is taken for a token.
const BARE_TOKEN_BYTES_MIN: usize = 21;

/// A client's wishes.
#[derive(Debug, PartialEq)]
pub(super) struct ClientRequest {
    /// The room, or why there can be none.
    pub room: Result<RoomId, RoomProblem>,
    /// The token, if one was shown.
    pub token: Option<Token>,
    /// What to answer as subprotocol; a browser drops the connection if it offered some and none is chosen.
    pub subprotocol: Option<String>,
    /// The client can read text frames.
    pub reads_text: bool,
    /// It asked to be told of everything in JSON.
    pub speaks_json: bool,
    /// How it wants to hear that its edits are on disk.
    pub ack: AckMode,
    /// The path and query.
    pub(super) url: String,
    /// The headers, names in lower case, without those that carry the token.
    pub(super) headers: Vec<(String, String)>,
    /// The subprotocols offered, without those that carry the token.
    pub(super) protocols: Vec<String>,
    /// A token stood in the URL, where logs and histories keep it.
    pub token_in_url: bool,
}

/// Why there is no such room.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct RoomProblem {
    /// Its code.
    pub code: Code,
    /// For people.
    pub message: String,
}

impl From<&RoomProblem> for RealtimeError {
    fn from(problem: &RoomProblem) -> Self {
        Self::new(problem.code, problem.message.clone())
    }
}

impl ClientRequest {
    /// Reads the request; `None` if its path is not that of a room.
    pub(super) fn read(uri: &Uri, headers: &HeaderMap, path: &str) -> Option<Self> {
        let (room_type, id) = uri.path().strip_prefix(path)?.strip_prefix('/')?.split_once('/')?;
        if id.contains('/') {
            return None;
        }
        let query = Query::read(uri.query().unwrap_or_default());
        let offered = Offered::read(headers);
        let from_header = bearer(headers);
        let by_header = from_header.is_some();
        let reads_text =
            !query.control_none && (by_header || query.control_json || offered.control.is_some());
        Some(Self {
            room: find_room(room_type, id),
            token: from_header.or(offered.token).map(Token::new),
            speaks_json: offered.control.as_deref() == Some(protocol::json::NAME),
            subprotocol: offered.auth.or(offered.control),
            reads_text,
            ack: query.ack,
            url: uri.path_and_query().map_or_else(String::new, ToString::to_string),
            headers: readable(headers),
            protocols: offered.others,
            token_in_url: query.has_token,
        })
    }
}

/// Whether rooms of this type exist is for others to say; here it only has to be a type.
fn find_room(room_type: &str, encoded_id: &str) -> Result<RoomId, RoomProblem> {
    // Whatever is wrong with the id, an impossible type comes first.
    if RoomId::new(room_type, "x").is_err() {
        let message = format!("there are no rooms of the type {room_type:?}");
        return Err(RoomProblem { code: Code::RoomTypeNotRegistered, message });
    }
    RoomId::from_path(room_type, encoded_id)
        .map_err(|error| RoomProblem { code: error.code, message: error.message })
}

/// The headers that are text, but for those in which a token may be.
fn readable(headers: &HeaderMap) -> Vec<(String, String)> {
    let secret =
        |name: &HeaderName| *name == AUTHORIZATION || *name == SEC_WEBSOCKET_PROTOCOL || *name == COOKIE;
    let shown = headers.iter().filter(|(name, _)| !secret(name));
    shown.filter_map(|(name, value)| Some((name.to_string(), value.to_str().ok()?.to_owned()))).collect()
}

fn bearer(headers: &HeaderMap) -> Option<String> {
    let value = headers.get(AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    let token = token.trim();
    (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty()).then(|| token.to_owned())
}

/// The subprotocols offered, by what they are for.
#[derive(Default)]
struct Offered {
    token: Option<String>,
    /// The subprotocol that carried the token.
    auth: Option<String>,
    control: Option<String>,
    others: Vec<String>,
}

impl Offered {
    fn read(headers: &HeaderMap) -> Self {
        let mut offered = Self::default();
        let values = headers.get_all(SEC_WEBSOCKET_PROTOCOL).iter().filter_map(|value| value.to_str().ok());
        for name in values.flat_map(|value| value.split(',')).map(str::trim) {
            if name == CONTROL || name == protocol::json::NAME {
                offered.control.get_or_insert_with(|| name.to_owned());
                offered.others.push(name.to_owned());
                continue;
            }
            let token = match name.strip_prefix(AUTH_PREFIX) {
                Some(token) => token,
                None if name.len() >= BARE_TOKEN_BYTES_MIN && !name.contains('/') => name,
                None => {
                    offered.others.push(name.to_owned());
                    continue;
                }
            };
            if offered.auth.is_none() {
                offered.token = Some(token.to_owned()).filter(|token| !token.is_empty());
                offered.auth = Some(name.to_owned());
            }
        }
        offered
    }
}

/// What stands behind the `?`.
#[derive(Default)]
struct Query {
    control_json: bool,
    control_none: bool,
    ack: AckMode,
    has_token: bool,
}

impl Query {
    fn read(text: &str) -> Self {
        let mut query = Self::default();
        for pair in text.split('&') {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let value = percent_decode_str(value).decode_utf8_lossy();
            match (name, &*value) {
                ("control", "json") => query.control_json = true,
                ("control", "none") => query.control_none = true,
                ("ack", "echo") => query.ack = AckMode::Echo,
                ("ack", "saved") => query.ack = AckMode::Saved,
                ("token" | "auth" | "access_token", _) => query.has_token = true,
                _ => {}
            }
        }
        query
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(uri: &str, headers: &[(&str, &str)]) -> Option<ClientRequest> {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(name.parse::<hyper::header::HeaderName>().unwrap(), value.parse().unwrap());
        }
        ClientRequest::read(&uri.parse().unwrap(), &map, "/realtime")
    }

    fn room_of(uri: &str) -> Result<RoomId, Code> {
        read(uri, &[]).unwrap().room.map_err(|problem| problem.code)
    }

    #[test]
    fn rooms_are_found_and_other_paths_are_not_ours() {
        let room = RoomId::new("records", "x").unwrap();
        assert_eq!(room_of("/realtime/records/x"), Ok(room.clone()));
        assert_eq!(room_of("/realtime/record/x?control=json"), Ok(room));
        assert_eq!(
            room_of("/realtime/dashboard/x").map(|room| room.room_type().to_owned()),
            Ok("dashboard".into())
        );
        assert_eq!(room_of("/realtime/rec%20ord/x"), Err(Code::RoomTypeNotRegistered));
        assert_eq!(room_of("/realtime/records/a%2Fb"), Err(Code::InvalidId));
        assert_eq!(room_of("/realtime/records/"), Err(Code::InvalidId));
        for elsewhere in ["/", "/realtime", "/realtime/records", "/realtime/records/x/y", "/other/records/x"]
        {
            assert_eq!(read(elsewhere, &[]), None, "{elsewhere}");
        }
    }

    #[test]
    fn tokens_are_taken_in_order_and_the_subprotocol_is_echoed() {
        const LONG: &str = "0123456789abcdef01234";
        for (headers, token, subprotocol) in [
            (
                &[("authorization", "Bearer T"), ("sec-websocket-protocol", "auth.S")][..],
                Some("T"),
                Some("auth.S"),
            ),
            (&[("authorization", "bearer  T ")][..], Some("T"), None),
            (&[("authorization", "Basic T")][..], None, None),
            (&[("sec-websocket-protocol", "civicpress.control.v1, auth.S")][..], Some("S"), Some("auth.S")),
            (&[("sec-websocket-protocol", LONG)][..], Some(LONG), Some(LONG)),
            (&[("sec-websocket-protocol", "0123456789abcdef0123")][..], None, None),
            (&[("sec-websocket-protocol", "0123456789abcdef/01234")][..], None, None),
            (&[("sec-websocket-protocol", "auth.")][..], None, Some("auth.")),
            (&[("sec-websocket-protocol", "civicpress.json.v1")][..], None, Some("civicpress.json.v1")),
            (
                &[("sec-websocket-protocol", "chat"), ("sec-websocket-protocol", "auth.S")][..],
                Some("S"),
                Some("auth.S"),
            ),
        ] {
            let request = read("/realtime/records/x", headers).unwrap();
            assert_eq!(request.token.as_ref().map(Token::reveal), token, "{headers:?}");
            assert_eq!(request.subprotocol.as_deref(), subprotocol, "{headers:?}");
        }
        let request = read("/realtime/records/x?token=T", &[]).unwrap();
        assert!(request.token.is_none() && request.token_in_url);
    }

    #[test]
    fn text_frames_go_only_to_those_who_can_read_them() {
        const HEADER: (&str, &str) = ("authorization", "Bearer T");
        const AUTH: (&str, &str) = ("sec-websocket-protocol", "auth.S");
        const BOTH: (&str, &str) = ("sec-websocket-protocol", "auth.S, civicpress.control.v1");
        for (query, headers, reads_text) in [
            ("", &[HEADER][..], true),
            ("", &[AUTH][..], false),
            ("", &[BOTH][..], true),
            ("?control=json", &[AUTH][..], true),
            ("?control=none", &[HEADER][..], false),
        ] {
            let request = read(&format!("/realtime/records/x{query}"), headers).unwrap();
            assert_eq!(request.reads_text, reads_text, "{query} {headers:?}");
        }
        assert_eq!(read("/realtime/records/x?ack=echo", &[]).unwrap().ack, AckMode::Echo);
        assert_eq!(read("/realtime/records/x?a=b&ack=saved", &[]).unwrap().ack, AckMode::Saved);
    }
}
