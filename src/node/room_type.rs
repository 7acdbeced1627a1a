//! A kind of room written in JavaScript as a [`RoomType`].

use std::collections::BTreeMap;
use std::sync::Arc;

use napi::bindgen_prelude::{Buffer, Object};
use napi::{Either, ValueType};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::callbacks::{JsUser, describe};
use super::calls::{Argument, Callback, NOTHING, ask, callback, json, nonsense, parse, tell, wrong_callback};
use super::error::from_napi;
use super::events::{Event, Events};
use crate::error::{Code, RealtimeError, Result};
use crate::host::{HostFuture, Token};
use crate::room_type::{ConnectRequest, Connected, Payload, Peer, RoomType};

/// What the object with a room type's callbacks is called in errors.
const OWNER: &str = "callbacks";

/// `{authenticates?, connect, joined?, message, left?}`.
pub(super) struct JsRoomType {
    authenticates: bool,
    connect: Arc<Callback>,
    joined: Option<Arc<Callback>>,
    message: Arc<Callback>,
    left: Option<Arc<Callback>>,
    events: Events,
}

impl JsRoomType {
    /// Reads the callbacks; a missing or wrong one is an error that names it.
    pub(super) fn read(callbacks: &Object<'_>, events: &Events) -> Result<Self> {
        let needed =
            |name| callback(callbacks, OWNER, name)?.ok_or_else(|| wrong_callback(OWNER, name, "missing"));
        Ok(Self {
            authenticates: flag(callbacks, "authenticates")?,
            connect: needed("connect")?,
            joined: callback(callbacks, OWNER, "joined")?,
            message: needed("message")?,
            left: callback(callbacks, OWNER, "left")?,
            events: events.clone(),
        })
    }

    fn tell(
        &self,
        name: &'static str,
        callback: &Arc<Callback>,
        peer: &Peer,
        more: Argument,
    ) -> HostFuture<()> {
        let client = peer.client();
        let events = self.events.clone();
        tell(callback, name, json!(client), more, move |problem| {
            let context =
                json!({"operation": "realtime:room-type:rejected", "client": client, "callback": name});
            let context = context.as_object().cloned().unwrap_or_else(Map::new);
            events.push(Event::Log("warn", format!("the room type's `{name}` failed: {problem}"), context));
        })
    }
}

fn flag(callbacks: &Object<'_>, name: &str) -> Result<bool> {
    let value: Option<napi::bindgen_prelude::Unknown<'_>> =
        callbacks.get(name).map_err(|error| from_napi(&error))?;
    let Some(value) = value else { return Ok(false) };
    match value.get_type() {
        Ok(ValueType::Undefined | ValueType::Null) => Ok(false),
        Ok(ValueType::Boolean) => {
            let flag: Option<bool> = callbacks.get(name).map_err(|error| from_napi(&error))?;
            Ok(flag.unwrap_or(false))
        }
        _ => Err(RealtimeError::new(Code::ConfigInvalid, format!("{OWNER}.{name} must be true or false"))
            .with("key", format!("{OWNER}.{name}"))),
    }
}

impl RoomType for JsRoomType {
    fn authenticates(&self) -> bool {
        self.authenticates
    }

    fn connect(&self, request: ConnectRequest) -> HostFuture<Connected> {
        let mut question = describe(&request.room);
        question["clientId"] = json!(request.client);
        question["clientIp"] = request.client_ip.to_string().into();
        question["token"] = request.token.as_ref().map(Token::reveal).into();
        question["url"] = request.url.into();
        question["headers"] = json!(request.headers.into_iter().collect::<BTreeMap<_, _>>());
        question["protocols"] = request.protocols.into();
        question["user"] = json!(request.user.map(|user| json!({"id": user.id, "name": user.name})));
        let answer = ask(&self.connect, "connect", Either::A(question), NOTHING, json);
        Box::pin(async move { read_answer(answer.await?) })
    }

    fn joined(&self, peer: Peer) -> HostFuture<()> {
        let Some(joined) = &self.joined else { return Box::pin(async { Ok(()) }) };
        self.tell("joined", joined, &peer, Either::A(json!(peer.room())))
    }

    fn message(&self, peer: Peer, message: Payload) -> HostFuture<()> {
        let data = match message {
            Payload::Text(text) => Either::A(text.into()),
            Payload::Binary(bytes) => Either::B(Buffer::from(bytes.to_vec())),
        };
        self.tell("message", &self.message, &peer, data)
    }

    fn left(&self, peer: Peer, reason: &'static str) -> HostFuture<()> {
        let Some(left) = &self.left else { return Box::pin(async { Ok(()) }) };
        self.tell("left", left, &peer, Either::A(reason.into()))
    }
}

/// What `connect` answers.
#[derive(Deserialize)]
struct Verdict {
    user: Option<JsUser>,
    denied: Option<String>,
    message: Option<String>,
    reason: Option<String>,
}

fn read_answer(answer: Value) -> Result<Connected> {
    if !answer.is_object() {
        return Err(nonsense("connect", "expected an object: `{}` for a yes, `{denied}` for a no"));
    }
    let answer: Verdict = parse("connect", answer)?;
    if let Some(denied) = answer.denied {
        let code = Code::ALL.iter().find(|code| code.as_str() == denied).copied();
        let message = answer.message.unwrap_or_else(|| format!("the room type refused: {denied}"));
        let reason = answer.reason.unwrap_or(denied);
        return Err(
            RealtimeError::new(code.unwrap_or(Code::PermissionDenied), message).with("reason", reason)
        );
    }
    let user = answer.user.map(|user| user.read("connect")).transpose()?;
    Ok(Connected { user })
}
