//! The host's callbacks in JavaScript as a [`Host`].
//!
//! Asking is a call on Node's thread whose answer, a value or a promise, comes back over a channel; the
//! engine waits for it with its own timeout, so an answer that never comes costs nobody else anything.

use std::sync::{Arc, Mutex, PoisonError};

use napi::bindgen_prelude::{CallbackContext, FnArgs, Function, Object, PromiseRaw, Unknown};
use napi::threadsafe_function::{ThreadsafeFunction, ThreadsafeFunctionCallMode};
use napi::{Env, JsValue, Status, ValueType};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::sync::oneshot;

use super::events::{Event, Events};
use crate::error::{Code, RealtimeError, Result};
use crate::host::{Authorization, AuthorizeRequest, HookEvent, Host, HostFuture, LoadedRecord, User};
use crate::ids::{RoomId, UserId};

/// Questions that may wait for Node's thread; more are refused, which the client sees as a passing failure.
const QUESTIONS_MAX: usize = 4_096;

/// Why a user's name would be cut, in characters.
const NAME_CHARS_MAX: usize = 200;

type Args = FnArgs<(Value, Value)>;

/// A callback of the host. Weak: it does not keep the process alive.
type Callback = ThreadsafeFunction<Args, Unknown<'static>, Args, Status, false, true, QUESTIONS_MAX>;

/// The host as JavaScript defined it.
pub(super) struct JsHost {
    authorize: Arc<Callback>,
    load: Arc<Callback>,
    save: Option<Arc<Callback>>,
    events: Events,
}

impl JsHost {
    /// Reads `{authorize, load, save?, hook?, log?}`.
    pub(super) fn read(env: &Env, callbacks: &Object<'_>, events: &Events) -> Result<Self> {
        let hook = function(callbacks, "hook")?.map(|hook| hook.create_ref()).transpose();
        let log = function(callbacks, "log")?.map(|log| log.create_ref()).transpose();
        let from_napi = |error: napi::Error| super::error::from_napi(&error);
        events.deliver_to(env, hook.map_err(from_napi)?, log.map_err(from_napi)?).map_err(from_napi)?;
        let needed = |name| callback(callbacks, name)?.ok_or_else(|| wrong_callback(name, "missing"));
        Ok(Self {
            authorize: needed("authorize")?,
            load: needed("load")?,
            save: callback(callbacks, "save")?,
            events: events.clone(),
        })
    }
}

fn wrong_callback(name: &str, found: &str) -> RealtimeError {
    RealtimeError::new(Code::ConfigInvalid, format!("host.{name} is {found}; expected a function"))
        .with("key", format!("host.{name}"))
        .with("found", found)
        .with("allowed", "a function")
}

fn function<'a, A, R>(callbacks: &Object<'a>, name: &str) -> Result<Option<Function<'a, A, R>>>
where
    A: napi::bindgen_prelude::JsValuesTupleIntoVec,
    R: napi::bindgen_prelude::FromNapiValue,
{
    let value: Option<Unknown<'a>> = callbacks.get(name).map_err(|error| super::error::from_napi(&error))?;
    let Some(value) = value else { return Ok(None) };
    match value.get_type() {
        Ok(ValueType::Undefined | ValueType::Null) => Ok(None),
        Ok(ValueType::Function) => callbacks.get(name).map_err(|error| super::error::from_napi(&error)),
        Ok(other) => Err(wrong_callback(name, &other.to_string().to_lowercase())),
        Err(error) => Err(super::error::from_napi(&error)),
    }
}

fn callback(callbacks: &Object<'_>, name: &str) -> Result<Option<Arc<Callback>>> {
    let Some(function) = function::<Args, Unknown<'static>>(callbacks, name)? else { return Ok(None) };
    let callback = function
        .build_threadsafe_function::<Args>()
        .callee_handled::<false>()
        .weak::<true>()
        .max_queue_size::<QUESTIONS_MAX>()
        .build_callback(|call| Ok(call.value))
        .map_err(|error| super::error::from_napi(&error))?;
    Ok(Some(Arc::new(callback)))
}

impl Host for JsHost {
    fn authorize(&self, request: AuthorizeRequest) -> HostFuture<Authorization> {
        let AuthorizeRequest { room, token, client_ip } = request;
        let mut question = describe(&room);
        question["token"] = token.into();
        question["clientIp"] = client_ip.to_string().into();
        let answer = ask(&self.authorize, "authorize", question, Value::Null);
        Box::pin(async move { read_authorization(answer.await?) })
    }

    fn load(&self, room: RoomId) -> HostFuture<Option<LoadedRecord>> {
        let answer = ask(&self.load, "load", describe(&room), Value::Null);
        Box::pin(async move { parse::<Option<LoadedRecord>>("load", answer.await?) })
    }

    fn saves_drafts(&self) -> bool {
        self.save.is_some()
    }

    fn save(&self, room: RoomId, markdown: String) -> HostFuture<()> {
        let Some(save) = &self.save else { return Box::pin(async { Ok(()) }) };
        let answer = ask(save, "save", describe(&room), markdown.into());
        Box::pin(async move { answer.await.map(drop) })
    }

    fn emit(&self, event: HookEvent) {
        self.events.push(Event::Hook(event.name.to_owned(), event.data));
    }
}

fn describe(room: &RoomId) -> Value {
    json!({"roomId": room, "roomType": room.room_type(), "localId": room.local_id()})
}

/// What `authorize` answers.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct JsAuthorization {
    user: Option<JsUser>,
    #[serde(default)]
    can_edit: bool,
    denied: Option<String>,
    reason: Option<String>,
}

#[derive(Deserialize)]
struct JsUser {
    id: Value,
    name: Option<String>,
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
    let id = match user.id {
        Value::String(id) if !id.is_empty() => UserId::Text(id),
        Value::Number(id) => match id.as_i64() {
            Some(id) => UserId::Number(id),
            None => return Err(nonsense("authorize", "`user.id` must be a whole number or a text")),
        },
        _ => return Err(nonsense("authorize", "`user.id` must be a number or a text")),
    };
    let name = user.name.map(|name| name.chars().take(NAME_CHARS_MAX).collect());
    Ok(Authorization { user: User { id, name }, can_edit: answer.can_edit })
}

fn parse<T: DeserializeOwned>(name: &str, answer: Value) -> Result<T> {
    serde_json::from_value(answer).map_err(|error| nonsense(name, &error.to_string()))
}

fn nonsense(name: &str, problem: &str) -> RealtimeError {
    RealtimeError::new(Code::HostFailed, format!("the host's `{name}` gave an unusable answer: {problem}"))
}

fn failed(name: &str, problem: &str) -> RealtimeError {
    RealtimeError::new(Code::HostFailed, format!("the host's `{name}` failed: {problem}"))
}

/// Who waits for an answer. `then` and `catch` both hold it; whichever runs first takes it.
#[derive(Clone)]
struct Waiting(Arc<Mutex<Option<oneshot::Sender<Result<Value>>>>>);

impl Waiting {
    fn tell(&self, answer: Result<Value>) {
        let waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(waiting) = waiting {
            // Whoever asked may have given up.
            let _ = waiting.send(answer);
        }
    }
}

fn ask(callback: &Arc<Callback>, name: &'static str, first: Value, second: Value) -> HostFuture<Value> {
    let (sender, receiver) = oneshot::channel();
    let waiting = Waiting(Arc::new(Mutex::new(Some(sender))));
    let status = callback.call_with_return_value(
        (first, second).into(),
        ThreadsafeFunctionCallMode::NonBlocking,
        move |returned, _env| {
            match returned {
                Ok(returned) => settle(&returned, name, &waiting),
                Err(error) => waiting.tell(Err(failed(name, &error.reason))),
            }
            Ok(())
        },
    );
    Box::pin(async move {
        if status != Status::Ok {
            let problem = match status {
                Status::QueueFull => "too many calls wait for Node's thread",
                Status::Closing => "the host is ending",
                _ => "Node.js refused the call",
            };
            return Err(failed(name, problem));
        }
        receiver.await.unwrap_or_else(|_| Err(failed(name, "the host is ending")))
    })
}

/// Passes on a value, or what a promise comes to.
fn settle(returned: &Unknown<'_>, name: &'static str, waiting: &Waiting) {
    if !returned.is_promise().unwrap_or(false) {
        return waiting.tell(to_value(returned, name));
    }
    let raw = returned.value();
    let promise = PromiseRaw::<Unknown<'_>>::new(raw.env, raw.value);
    let (fulfilled, rejected) = (waiting.clone(), waiting.clone());
    let then = promise.then(move |context: CallbackContext<Unknown<'_>>| {
        fulfilled.tell(to_value(&context.value, name));
        Ok(())
    });
    let catch = promise.catch(move |context: CallbackContext<Unknown<'_>>| {
        rejected.tell(Err(failed(name, &message_of(&context.value))));
        Ok(())
    });
    // A rejection is dealt with by `catch`; the promise that `then` gives must not be reported as well.
    if let Ok(then) = &then {
        let _ = then.catch(|_: CallbackContext<Unknown<'_>>| Ok(()));
    }
    if then.is_err() || catch.is_err() {
        waiting.tell(Err(failed(name, "its promise cannot be waited for")));
    }
}

fn to_value(value: &Unknown<'_>, name: &str) -> Result<Value> {
    if matches!(value.get_type(), Ok(ValueType::Undefined)) {
        return Ok(Value::Null);
    }
    let env = Env::from_raw(value.value().env);
    env.from_js_value(*value).map_err(|error| nonsense(name, &error.reason))
}

/// The message of whatever was thrown.
fn message_of(thrown: &Unknown<'_>) -> String {
    napi::Error::from_unknown_without_coercion(*thrown).reason.clone()
}
