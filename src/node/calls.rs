//! Calls into JavaScript from the engine's threads.
//!
//! A call runs on Node's thread; its answer, a value or what a promise comes to, comes back over a
//! channel. Whoever asks waits with a timeout of their own, so an answer that never comes costs nobody
//! else anything.

use std::sync::{Arc, Mutex, PoisonError};

use napi::bindgen_prelude::{
    Buffer, CallbackContext, FnArgs, Function, JsObjectValue, Object, PromiseRaw, Unknown,
};
use napi::threadsafe_function::{ThreadsafeFunction, ThreadsafeFunctionCallMode};
use napi::{Either, Env, JsValue, Status, ValueType};
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::sync::oneshot;

use super::values;
use crate::error::{Code, RealtimeError, Result};
use crate::host::HostFuture;

/// Calls of one callback that may wait for Node's thread; more are refused, which the client sees as a
/// passing failure.
const CALLS_MAX: usize = 4_096;

/// What a callback is given: anything that JSON has, or bytes.
pub(super) type Argument = Either<Value, Buffer>;

/// For callbacks that take one argument.
pub(super) const NOTHING: Argument = Either::A(Value::Null);

/// Reads what a callback of this name answered, on Node's thread.
pub(super) type Read<T> = fn(&Unknown<'_>, &str) -> Result<T>;

/// An answer as JSON.
pub(super) fn json(value: &Unknown<'_>, name: &str) -> Result<Value> {
    values::read(value).map_err(|error| nonsense(name, &error.message))
}

/// Only that an answer came: what a host hands back beside may be anything.
pub(super) fn nothing(_: &Unknown<'_>, _: &str) -> Result<()> {
    Ok(())
}

type Args = FnArgs<(Argument, Argument)>;

/// A callback of the host. Weak: it does not keep the process alive.
pub(super) type Callback = ThreadsafeFunction<Args, Unknown<'static>, Args, Status, false, true, CALLS_MAX>;

/// `owner` is what the host knows the object as that holds the callbacks.
pub(super) fn wrong_callback(owner: &str, name: &str, found: &str) -> RealtimeError {
    RealtimeError::new(Code::ConfigInvalid, format!("{owner}.{name} is {found}; expected a function"))
        .with("key", format!("{owner}.{name}"))
        .with("found", found)
        .with("allowed", "a function")
}

pub(super) fn function<'a, A, R>(
    callbacks: &Object<'a>,
    owner: &str,
    name: &str,
) -> Result<Option<Function<'a, A, R>>>
where
    A: napi::bindgen_prelude::JsValuesTupleIntoVec,
    R: napi::bindgen_prelude::FromNapiValue,
{
    let value: Option<Unknown<'a>> = callbacks.get(name).map_err(|error| super::error::from_napi(&error))?;
    let Some(value) = value else { return Ok(None) };
    match value.get_type() {
        Ok(ValueType::Undefined | ValueType::Null) => Ok(None),
        Ok(ValueType::Function) => callbacks.get(name).map_err(|error| super::error::from_napi(&error)),
        Ok(other) => Err(wrong_callback(owner, name, &other.to_string().to_lowercase())),
        Err(error) => Err(super::error::from_napi(&error)),
    }
}

pub(super) fn callback(callbacks: &Object<'_>, owner: &str, name: &str) -> Result<Option<Arc<Callback>>> {
    function::<Args, Unknown<'static>>(callbacks, owner, name)?.map(weak).transpose()
}

/// A method that must be there; it is called on its object.
pub(super) fn method(object: &Object<'_>, owner: &str, name: &str) -> Result<Arc<Callback>> {
    let function = function::<Args, Unknown<'static>>(object, owner, name)?
        .ok_or_else(|| wrong_callback(owner, name, "missing"))?;
    weak(function.bind(object).map_err(|error| super::error::from_napi(&error))?)
}

fn weak(function: Function<'_, Args, Unknown<'static>>) -> Result<Arc<Callback>> {
    let callback = function
        .build_threadsafe_function::<Args>()
        .callee_handled::<false>()
        .weak::<true>()
        .max_queue_size::<CALLS_MAX>()
        .build_callback(|call| Ok(call.value))
        .map_err(|error| super::error::from_napi(&error))?;
    Ok(Arc::new(callback))
}

pub(super) fn parse<T: DeserializeOwned>(name: &str, answer: Value) -> Result<T> {
    // serde would take its elements for the fields, in order.
    if answer.is_array() {
        return Err(nonsense(name, "it is an array; expected an object"));
    }
    serde_json::from_value(answer).map_err(|error| nonsense(name, &error.to_string()))
}

pub(super) fn nonsense(name: &str, problem: &str) -> RealtimeError {
    RealtimeError::new(Code::HostFailed, format!("the host's `{name}` gave an unusable answer: {problem}"))
}

pub(super) fn failed(name: &str, problem: &str) -> RealtimeError {
    RealtimeError::new(Code::HostFailed, format!("the host's `{name}` failed: {problem}"))
}

/// Who waits for an answer. `then` and `catch` both hold it; whichever runs first takes it.
struct Waiting<T>(Arc<Mutex<Option<oneshot::Sender<Result<T>>>>>);

impl<T> Clone for Waiting<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T> Waiting<T> {
    fn tell(&self, answer: Result<T>) {
        let waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(waiting) = waiting {
            // Whoever asked may have given up.
            let _ = waiting.send(answer);
        }
    }
}

/// Calls and waits for what the answer comes to.
pub(super) fn ask<T: Send + 'static>(
    callback: &Arc<Callback>,
    name: &'static str,
    first: Argument,
    second: Argument,
    read: Read<T>,
) -> HostFuture<T> {
    let (sender, receiver) = oneshot::channel();
    let waiting = Waiting(Arc::new(Mutex::new(Some(sender))));
    let status = callback.call_with_return_value(
        (first, second).into(),
        ThreadsafeFunctionCallMode::NonBlocking,
        move |returned, _env| {
            match returned {
                Ok(returned) => settle(&returned, name, read, &waiting),
                Err(error) => waiting.tell(Err(failed(name, &error.reason))),
            }
            Ok(())
        },
    );
    Box::pin(async move {
        check(status, name)?;
        receiver.await.unwrap_or_else(|_| Err(failed(name, "the host is ending")))
    })
}

/// Calls and waits only until it was called: what the callback still does then, it does on its own. What
/// it rejects with goes to `rejected`, on Node's thread.
pub(super) fn tell(
    callback: &Arc<Callback>,
    name: &'static str,
    first: Value,
    second: Argument,
    rejected: impl Fn(String) + Send + 'static,
) -> HostFuture<()> {
    let (sender, receiver) = oneshot::channel();
    let status = callback.call_with_return_value(
        (Either::A(first), second).into(),
        ThreadsafeFunctionCallMode::NonBlocking,
        move |returned, _env| {
            let called = returned.map_err(|error| failed(name, &error.reason)).map(|returned| {
                if let Some(Ok(promise)) = promise_for(&returned) {
                    let _ = promise.catch(move |context: CallbackContext<Unknown<'_>>| {
                        rejected(message_of(&context.value));
                        Ok(())
                    });
                }
            });
            // Whoever told may have gone.
            let _ = sender.send(called);
            Ok(())
        },
    );
    Box::pin(async move {
        check(status, name)?;
        receiver.await.unwrap_or_else(|_| Err(failed(name, "the host is ending")))
    })
}

fn check(status: Status, name: &str) -> Result<()> {
    let problem = match status {
        Status::Ok => return Ok(()),
        Status::QueueFull => "too many calls wait for Node's thread",
        Status::Closing => "the host is ending",
        _ => "Node.js refused the call",
    };
    Err(failed(name, problem))
}

/// A promise for what an answer comes to, if it may be one. What is none is waited for as `await` does it: it may be
/// a thenable, such as a query, of which many do nothing before.
fn promise_for<'a>(returned: &Unknown<'a>) -> Option<napi::Result<PromiseRaw<'a, Unknown<'a>>>> {
    let raw = returned.value();
    if returned.is_promise().unwrap_or(false) {
        return Some(Ok(PromiseRaw::new(raw.env, raw.value)));
    }
    // Most answers are not, and a promise for each of them would be much for Node.js to keep and clear away.
    let may_be_thenable = matches!(returned.get_type(), Ok(ValueType::Object | ValueType::Function))
        && Object::from_raw(raw.env, raw.value).has_c_named_property(c"then").unwrap_or(true);
    may_be_thenable.then(|| {
        let class: Unknown<'a> = Env::from_raw(raw.env).get_global()?.get_named_property("Promise")?;
        let class = class.coerce_to_object()?;
        let resolve: Function<'a, Unknown<'a>, Unknown<'a>> = class.get_named_property("resolve")?;
        let promise = resolve.apply(class, *returned)?;
        Ok(PromiseRaw::new(raw.env, promise.value().value))
    })
}

/// Passes on a value, or what a promise comes to.
fn settle<T: Send + 'static>(
    returned: &Unknown<'_>,
    name: &'static str,
    read: Read<T>,
    waiting: &Waiting<T>,
) {
    let promise = match promise_for(returned) {
        None => return waiting.tell(read(returned, name)),
        Some(Ok(promise)) => promise,
        Some(Err(error)) => return waiting.tell(Err(failed(name, &error.reason))),
    };
    let (fulfilled, rejected) = (waiting.clone(), waiting.clone());
    let then = promise.then(move |context: CallbackContext<Unknown<'_>>| {
        fulfilled.tell(read(&context.value, name));
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

/// The message of whatever was thrown.
fn message_of(thrown: &Unknown<'_>) -> String {
    napi::Error::from_unknown_without_coercion(*thrown).reason.clone()
}
