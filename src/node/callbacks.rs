//! The host's callbacks in JavaScript as a [`Host`].

use std::sync::Arc;

use napi::bindgen_prelude::Object;
use napi::{Either, Env};
use serde::Deserialize;
use serde_json::{Value, json};

use super::calls::{self, Callback, NOTHING, ask, callback, function, nonsense, parse, wrong_callback};
use super::codec::JsCodec;
use super::events::{Event, Events};
use crate::error::{Code, RealtimeError, Result};
use crate::host::{Authorization, AuthorizeRequest, Codec, HookEvent, Host, HostFuture, LoadedRecord, User};
use crate::ids::{RoomId, UserId};

/// The longest name of a user, in characters; more is cut.
const NAME_CHARS_MAX: usize = 200;

/// What the object with the host's callbacks is called in errors.
const OWNER: &str = "host";

/// The host as JavaScript defined it.
pub(super) struct JsHost {
    authorize: Arc<Callback>,
    load: Arc<Callback>,
    save: Option<Arc<Callback>>,
    codec: Option<Arc<JsCodec>>,
    events: Events,
}

impl JsHost {
    /// Reads `{authorize, load, save?, codec?, hook?, log?}`.
    pub(super) fn read(env: &Env, callbacks: &Object<'_>, events: &Events) -> Result<Self> {
        let hook = function(callbacks, OWNER, "hook")?.map(|hook| hook.create_ref()).transpose();
        let log = function(callbacks, OWNER, "log")?.map(|log| log.create_ref()).transpose();
        let from_napi = |error: napi::Error| super::error::from_napi(&error);
        events.deliver_to(env, hook.map_err(from_napi)?, log.map_err(from_napi)?).map_err(from_napi)?;
        let needed =
            |name| callback(callbacks, OWNER, name)?.ok_or_else(|| wrong_callback(OWNER, name, "missing"));
        Ok(Self {
            authorize: needed("authorize")?,
            load: needed("load")?,
            save: callback(callbacks, OWNER, "save")?,
            codec: JsCodec::read(callbacks)?.map(Arc::new),
            events: events.clone(),
        })
    }
}

impl Host for JsHost {
    fn authorize(&self, request: AuthorizeRequest) -> HostFuture<Authorization> {
        let AuthorizeRequest { room, token, client_ip } = request;
        let mut question = describe(&room);
        question["token"] = token.reveal().into();
        question["clientIp"] = client_ip.to_string().into();
        let answer = ask(&self.authorize, "authorize", Either::A(question), NOTHING, calls::json);
        Box::pin(async move { read_authorization(answer.await?) })
    }

    fn load(&self, room: RoomId) -> HostFuture<Option<LoadedRecord>> {
        let answer = ask(&self.load, "load", Either::A(describe(&room)), NOTHING, calls::json);
        Box::pin(async move { parse::<Option<LoadedRecord>>("load", answer.await?) })
    }

    fn saves_drafts(&self) -> bool {
        self.save.is_some()
    }

    fn save(&self, room: RoomId, markdown: String) -> HostFuture<()> {
        let Some(save) = &self.save else { return Box::pin(async { Ok(()) }) };
        ask(save, "save", Either::A(describe(&room)), Either::A(markdown.into()), calls::nothing)
    }

    fn codec(&self) -> Option<Arc<dyn Codec>> {
        self.codec.clone().map(|codec| codec as Arc<dyn Codec>)
    }

    fn emit(&self, event: HookEvent) {
        self.events.push(Event::Hook(event.name.to_owned(), event.data));
    }
}

/// A room as callbacks are asked about it.
pub(super) fn describe(room: &RoomId) -> Value {
    json!({"roomId": room, "roomType": room.room_type(), "localId": room.local_id()})
}

/// What `authorize` answers.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct JsAuthorization {
    user: Option<JsUser>,
    can_edit: Option<bool>,
    denied: Option<String>,
    reason: Option<String>,
}

/// A user as JavaScript describes one.
#[derive(Deserialize)]
pub(super) struct JsUser {
    id: Value,
    name: Option<String>,
    role: Option<String>,
}

fn read_authorization(answer: Value) -> Result<Authorization> {
    let answer: JsAuthorization = parse("authorize", answer)?;
    if let Some(denied) = answer.denied {
        let code = match denied.as_str() {
            "AUTH_FAILED" => Code::AuthFailed,
            "PERMISSION_DENIED" => Code::PermissionDenied,
            _ => return Err(nonsense("authorize", "`denied` must be AUTH_FAILED or PERMISSION_DENIED")),
        };
        let reason = answer.reason.unwrap_or_else(|| "denied".to_owned());
        return Err(RealtimeError::new(code, format!("the host refused: {reason}")).with("reason", reason));
    }
    let user = answer.user.ok_or_else(|| nonsense("authorize", "neither `user` nor `denied` is there"))?;
    let role = user.role.clone();
    Ok(Authorization { user: user.read("authorize")?, role, can_edit: answer.can_edit.unwrap_or(false) })
}

impl JsUser {
    /// The user, for the answer of this callback.
    pub(super) fn read(self, callback: &str) -> Result<User> {
        let id = match self.id {
            Value::String(id) if !id.is_empty() => UserId::Text(id),
            // Beyond that one number of JavaScript stands for several, and so for several users.
            Value::Number(id) => match id.as_i64().filter(|id| id.unsigned_abs() < 1 << 53) {
                Some(id) => UserId::Number(id),
                None => {
                    return Err(nonsense(callback, "`user.id` must be a whole number below 2^53, or a text"));
                }
            },
            _ => return Err(nonsense(callback, "`user.id` must be a number or a text")),
        };
        let name = self.name.map(|name| name.chars().take(NAME_CHARS_MAX).collect());
        Ok(User { id, name })
    }
}
